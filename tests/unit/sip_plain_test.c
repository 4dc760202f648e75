/* proxy/sip/plain: what it takes for plain, the grammar reads alike, field by field; and what is not plain is left to
 * the grammar, without a trace. */
#include "tests/unit/sip_same.h"
#include "tests/unit/sip_text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define LINE "INVITE sip:+15551234567@example.com:5080;user=phone SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK77asjd;rport\r\n"
#define FROM "From: \"A. G. Bell\" <sip:agb@bell-telephone.com>;tag=a48s\r\n"
#define TO "To: <sip:+15551234567@example.com>\r\n"
#define CALL_ID "Call-ID: 3848276298220188511@atlanta.example.com\r\n"
#define CSEQ "CSeq: 314159 INVITE\r\n"
#define NONE "Content-Length: 0\r\n\r\n"

/* A message whose one field is as given. */
#define WITH_LINE(line) line VIA FROM TO CALL_ID CSEQ NONE
#define WITH_VIA(via) LINE via FROM TO CALL_ID CSEQ NONE
#define WITH_FROM(from) LINE VIA from TO CALL_ID CSEQ NONE
#define WITH_TO(to) LINE VIA FROM to CALL_ID CSEQ NONE
#define WITH_ID(id) LINE VIA FROM TO id CSEQ NONE
#define WITH(more) LINE VIA FROM TO CALL_ID CSEQ more NONE

static const char *const plain[] = {
	WITH(""),
	WITH("Max-Forwards: 70\r\n"),
	WITH("Max-Forwards:0\r\nSubject:\r\nX-Empty: \r\nX-Bytes: caf\xc3\xa9 \"quoted; <odd>\r\n"),
	WITH("Route: <sip:token@203.0.113.10;lr>\r\nRoute: <sip:[2001:db8::1]:5070;transport=tcp;LR=on>\r\n"),
	WITH("Route: <sips:a@host>\r\nRoute: <sip:strict.example.com:5061;transport=tls>\r\n"),
	WITH("Route: <sip:a;lr>, <sip:b;lr>,<sip:c>\r\n"),
	WITH("Session-Expires: 1800;refresher=uac\r\nRecord-Route: <sip:a;lr>, <sip:b;lr>\r\nContact: <sip:a@b>\r\n"),
	LINE VIA FROM TO CALL_ID CSEQ "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
	LINE VIA FROM TO CALL_ID CSEQ "\r\n",
	LINE VIA FROM TO CALL_ID CSEQ "\r\nno length, all of it",
	WITH_LINE("INVITE sip:host SIP/2.0\r\n"),
	WITH_LINE("INVITE sips:a.b-c_d~e!f*g'(h)&i=j+k$l,m@[2001:db8::21]:5061 SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:+15551234567@192.0.2.9;transport=tcp;lr SIP/2.0\r\n"),
	"OPTIONS sip:203.0.113.10 SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 OPTIONS\r\n" NONE,
	"REFER sip:a@b SIP/2.0\r\n" VIA FROM "To: B <sip:b@b>;tag=b\r\n" CALL_ID "CSeq: 0 REFER\r\n" NONE,
	"SIP/2.0 183 Session Progress\r\n" VIA VIA FROM "To: <sip:b@b>;tag=z\r\n" CALL_ID CSEQ NONE,
	"SIP/2.0 200 OK\r\nv: SIP/2.0/TCP a.example.com;branch=z9hG4bK1;alias\r\nf: <sip:a@b>;tag=1\r\nt: <sip:b@b>;tag=2\r\n"
	"i: a\r\nCSEQ: 2 BYE\r\nl: 0\r\n\r\n",
	WITH_VIA("Via: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKa;received=2001:db8::2;rport=40000;oc;oc-algo=loss\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP host;rport;branch=z9hG4bKb\r\n" VIA "Via: SIP/2.0/UDP c;branch=z9hG4bKc;received=192.0.2.3\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP host;branch=1\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b:5070;rport;branch=z9hG4bK2,SIP/2.0/TCP c;branch=3\r\n" VIA),
	WITH_VIA(VIA "Via: SIP/2.0/UDP a;branch=z9hG4bK1,  SIP/2.0/UDP b:5070;received=192.0.2.1;branch=z9hG4bK2\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1;rport,SIP/2.0/UDP b;branch=z9hG4bK2;rport, SIP/2.0/UDP c;rport\r\n"),
	WITH_FROM("From: sipp <sip:sipp@192.0.2.2:5070>;tag=1\r\n"),
	WITH_FROM("From: Two Words <sip:a@b;user=phone>;x=y;tag=1;isup-oli=00\r\n"),
	WITH_FROM("From: \"\" <sip:b>;tag=1\r\n"),
	WITH_FROM("From:<sip:a@b>;tag=1\r\n"),
	WITH_ID("Call-ID: a\r\n"),
	WITH_ID("call-id: 1-4711@192.0.2.2\r\n"),
};

static const char *const odd[] = {
	"",
	"INVITE\r\n\r\n",
	WITH("Subject: folded\r\n line\r\n"),
	WITH("Max-Forwards: many\r\n"),
	WITH("Max-Forwards: 1\r\nMax-Forwards: 1\r\n"),
	WITH("Proxy-Require: foo\r\n"),
	WITH("Route: \"x\" <sip:a;lr>\r\n"),
	WITH("Route: <sip:a;lr>;x=y\r\n"),
	WITH("Subject : blank before the colon\r\n"),
	WITH("Subject: a bare \r in it\r\n"),
	WITH("Subject: a bare \n in it\r\n"),
	WITH("no colon\r\n"),
	WITH_LINE("INVITE sip:a%41@example.com SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:+1555;npdi@example.com SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:a:secret@example.com SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:a@b?Subject=x SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:a@b:99999 SIP/2.0\r\n"),
	WITH_LINE("INVITE tel:+15551234567 SIP/2.0\r\n"),
	WITH_LINE("INVITE <sip:a@b> SIP/2.0\r\n"),
	WITH_LINE("INVITE  sip:a@b SIP/2.0\r\n"),
	WITH_LINE("INVITE sip:a@b SIP/3.0\r\n"),
	WITH_LINE("INVITE sip:@b SIP/2.0\r\n"),
	WITH_LINE("invite sip:a@b SIP/2.0\r\n"),
	WITH_LINE("BYE sip:a@b SIP/2.0\r\n"),
	WITH_LINE("SIP/2.0 99 Low\r\n"),
	WITH_LINE("SIP/2.0 700 High\r\n"),
	WITH_LINE("SIP/2.0 200 \r\n"),
	WITH_LINE("SIP/2.0 200  OK\r\n"),
	WITH_VIA(""),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b;branch=z9hG4bK2\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1,\r\n"),
	WITH_VIA("Via: SIP / 2.0 / UDP a;branch=z9hG4bK1\r\n"),
	WITH_VIA("Via: SIP/2.0/udp a;branch=z9hG4bK1\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a ;branch=z9hG4bK1\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;Branch=z9hG4bK1\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1;branch=z9hG4bK2\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=z9hG4bK1;x=\"quoted;rport\"\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a;branch=\r\n"),
	WITH_VIA("Via: SIP/2.0/UDP a:0;branch=z9hG4bK1\r\n"),
	WITH_FROM("From: <sip:a@b>\r\n"),
	WITH_FROM("From: sip:a@b;tag=1\r\n"),
	WITH_FROM("From: \"a \\\"b\\\"\" <sip:a@b>;tag=1\r\n"),
	WITH_FROM("From: <sip:a@b>;tag=\r\n"),
	WITH_FROM("From: <sip:a@b>;tag=1;tag=2\r\n"),
	WITH_FROM("From: <sip:a@b> ;tag=1\r\n"),
	WITH_FROM("From: <tel:+1555>;tag=1\r\n"),
	WITH_FROM("From: caf\xc3\xa9 <sip:a@b>;tag=1\r\n"),
	WITH_TO("To: <sip:a@b>\r\nTo: <sip:a@b>\r\n"),
	WITH_TO(""),
	WITH_ID("Call-ID: two words\r\n"),
	WITH_ID("Call-ID: <a>\r\n"),
	WITH_ID("Call-ID:\r\n"),
	LINE VIA FROM TO CALL_ID CSEQ "Content-Length: 1\r\n\r\n",
	LINE VIA FROM TO CALL_ID CSEQ "Content-Length: 1\r\n\r\nab",
	LINE VIA FROM TO CALL_ID CSEQ "Content-Length: 0\r\n",
	LINE VIA FROM TO CALL_ID CSEQ,
};

/* As sip_parse() prepares it. */
static void blank(struct sip_msg *m, char *data, size_t len)
{
	memset(m, 0, sizeof *m);
	m->data = data;
	m->len = len;
	m->method_name = m->phrase = m->via_mates = "";
}

static void check_plain(const char *text)
{
	size_t len = strlen(text);
	struct sip_text *t = sip_text_parse(text);
	struct sip_msg full;
	const char *why, *differs = NULL;
	char *copy = malloc(len + 1);
	memcpy(copy, text, len);
	CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
	CU_ASSERT_PTR_NULL(t->m.msg);
	blank(&full, copy, len);
	CU_ASSERT_EQUAL(sip_grammar(&full, copy, &why), SIP_PARSED);
	if (t->m.msg || !full.msg || (differs = sip_difference(&t->m, &full)))
		printf("\n    %s: %.200s\n", t->m.msg ? "not plain" : differs ? differs : why, text);
	CU_ASSERT_PTR_NULL(differs);
	sip_release(&full);
	free(copy);
	sip_text_free(t);
}

static void test_plain(void)
{
	for (unsigned i = 0; i < sizeof plain / sizeof plain[0]; i++)
		check_plain(plain[i]);
}

static void test_odd(void)
{
	for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct sip_msg m;
		size_t len = strlen(odd[i]);
		char *data = malloc(len + 1);
		memcpy(data, odd[i], len);
		blank(&m, data, len);
		bool taken = sip_plain(&m);
		CU_ASSERT_FALSE(taken);
		if (taken)
			printf("\n    taken for plain: %.200s\n", odd[i]);
		CU_ASSERT(!m.status && !m.n_lines && !m.n_vias && !m.routes && !m.call_id && !*m.method_name);
		free(data);
	}
}

/* More than there is room for is not plain, and is read all the same. */
static void test_much(void)
{
	char text[16384];
	for (unsigned n = 1; n < 100; n++) {
		struct writer w = writer_of(text, sizeof text);
		write_str(&w, LINE);
		for (unsigned i = 0; i < n; i++)
			write_str(&w, VIA);
		write_str(&w, FROM TO CALL_ID CSEQ "\r\n");
		struct sip_text *t = sip_text_parse_n(text, writer_len(&w));
		CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
		CU_ASSERT_EQUAL(t->m.n_vias, n);
		CU_ASSERT_EQUAL(t->m.msg == NULL, n <= SIP_PLAIN_VIAS);
		sip_text_free(t);
	}
	for (unsigned n = 1; n < 100; n++) {
		struct writer w = writer_of(text, sizeof text);
		write_str(&w, LINE VIA FROM TO CALL_ID CSEQ);
		for (unsigned i = 0; i < n; i++)
			write_str(&w, "X-Line: 1\r\n");
		write_str(&w, "\r\n");
		struct sip_text *t = sip_text_parse_n(text, writer_len(&w));
		CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
		CU_ASSERT_EQUAL(t->m.msg == NULL, n + 7 <= SIP_PLAIN_LINES);
		sip_text_free(t);
	}
}

/* The room for texts gives out, wherever it does. */
static void test_long_texts(void)
{
	char id[SIP_PLAIN_TEXT + 64], text[2 * SIP_PLAIN_TEXT];
	for (unsigned n = SIP_PLAIN_TEXT - 300; n < sizeof id; n++) {
		memset(id, 'x', n);
		id[n] = 0;
		struct writer w = writer_of(text, sizeof text);
		write_str(&w, LINE VIA FROM TO "Call-ID: ");
		write_str(&w, id);
		write_str(&w, "\r\n" CSEQ "Route: <sip:a@b;lr>\r\n\r\n");
		struct sip_text *t = sip_text_parse_n(text, writer_len(&w));
		CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
		CU_ASSERT_STRING_EQUAL(t->m.call_id, id);
		CU_ASSERT_EQUAL(t->m.routes, 1);
		sip_text_free(t);
	}
}

/* None of a Via's parameters is lost, where one of them is too much. */
static void test_long_via(void)
{
	char value[SIP_PLAIN_TEXT], text[4 * SIP_PLAIN_TEXT], params[3 * SIP_PLAIN_TEXT];
	for (unsigned n = SIP_PLAIN_TEXT / 2 - 40; n < sizeof value; n += 7) {
		memset(value, 'x', n);
		value[n] = 0;
		snprintf(params, sizeof params, ";branch=z9hG4bK1;a=%s;b=%s;c=1", value, value);
		snprintf(text, sizeof text, LINE "Via: SIP/2.0/UDP a%s;rport\r\n" FROM TO CALL_ID CSEQ NONE, params);
		struct sip_text *t = sip_text_parse(text);
		CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
		CU_ASSERT_STRING_EQUAL(t->m.via.params, params);
		sip_text_free(t);
	}
}

UNIT_MAIN("sip_plain", {"plain messages are read as the grammar reads them", test_plain},
          {"what is not plain is left to the grammar", test_odd},
          {"more lines or Vias than there is room for", test_much},
          {"more text than there is room for", test_long_texts}, {"more of a Via's parameters", test_long_via})
