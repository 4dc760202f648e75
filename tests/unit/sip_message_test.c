/* proxy/sip/message: what of a message ends up in which field, what is refused and how, and that no
 * bytes make the parser read or write where it must not (under a sanitizer). */
#include "proxy/sip/message.h"
#include "tests/unit/sip_text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK77asjd;rport\r\n"
#define FROM "From: \"A. G. Bell\" <sip:agb@bell-telephone.com>;tag=a48s\r\n"
#define TO "To: <sip:+15551234567@example.com>\r\n"
#define CALL_ID "Call-ID: 3848276298220188511@atlanta.example.com\r\n"
#define CSEQ "CSeq: 314159 INVITE\r\n"
#define LINE "INVITE sip:+15551234567@example.com:5080;user=phone SIP/2.0\r\n"
#define REST VIA FROM TO CALL_ID CSEQ

static void check(const char *text, enum sip_parsed expected)
{
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL(t->parsed, expected);
	if (t->parsed != expected)
		printf("\n    parsed as %d (%s): %.100s\n", t->parsed, t->why, text);
	sip_text_free(t);
}

static void test_request(void)
{
	struct sip_text *t = sip_text_parse(LINE REST "Max-Forwards: 69\r\nContent-Length: 3\r\n\r\nabc");
	const struct sip_msg *m = &t->m;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL(m->method, SIP_INVITE);
	CU_ASSERT_STRING_EQUAL(m->method_name, "INVITE");
	CU_ASSERT_EQUAL(m->status, 0);
	CU_ASSERT_STRING_EQUAL(m->ruri.scheme, "sip");
	CU_ASSERT_STRING_EQUAL(m->ruri.user, "+15551234567");
	CU_ASSERT_STRING_EQUAL(m->ruri.host, "example.com");
	CU_ASSERT_EQUAL(m->ruri.port, 5080);
	CU_ASSERT_STRING_EQUAL(m->ruri.params, "user=phone");
	CU_ASSERT_FALSE(m->ruri.lr);
	CU_ASSERT_STRING_EQUAL(m->via.host, "192.0.2.1");
	CU_ASSERT_EQUAL(m->via.port, 5070);
	CU_ASSERT_STRING_EQUAL(m->via.branch, "z9hG4bK77asjd");
	CU_ASSERT_PTR_NOT_NULL(m->via.rport);
	CU_ASSERT_STRING_EQUAL(m->call_id, "3848276298220188511@atlanta.example.com");
	CU_ASSERT_STRING_EQUAL(m->from_tag, "a48s");
	CU_ASSERT_STRING_EQUAL(m->to_tag, "");
	CU_ASSERT_STRING_EQUAL(m->from_user, "agb");
	CU_ASSERT_EQUAL(m->cseq, 314159);
	CU_ASSERT_EQUAL(m->max_forwards, 69);
	CU_ASSERT_PTR_NULL(sip_msg_proxy_require(m, 0));
	CU_ASSERT_EQUAL(m->routes, 0);
	sip_text_free(t);
}

static void test_response(void)
{
	struct sip_text *t = sip_text_parse("SIP/2.0 486 Busy Here, really\r\n" VIA FROM
	                                    "To: <sip:x@y>;tag=8321234356\r\n" CALL_ID CSEQ "\r\n");
	const struct sip_msg *m = &t->m;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL(m->status, 486);
	CU_ASSERT_STRING_EQUAL(m->phrase, "Busy Here, really");
	CU_ASSERT_EQUAL(m->method, SIP_INVITE);
	CU_ASSERT_STRING_EQUAL(m->to_tag, "8321234356");
	CU_ASSERT_EQUAL(m->max_forwards, -1);
	sip_text_free(t);
	check("SIP/2.0 200\r\n" REST "\r\n", SIP_PARSED);
	check("SIP/2.0 200 \r\n" REST "\r\n", SIP_PARSED);
	check("SIP/2.0 99 Early\r\n" REST "\r\n", SIP_UNANSWERABLE);
	check("SIP/2.0 700 Late\r\n" REST "\r\n", SIP_UNANSWERABLE);
	check("SIP/2.0 4294967301 Wrapped\r\n" REST "\r\n", SIP_UNANSWERABLE);
	check("SIP/2.0 200 OK\r\n" REST "Content-Length: 9\r\n\r\nabc", SIP_UNANSWERABLE);
}

static void test_methods(void)
{
	static const struct { const char *name; enum sip_method method; } methods[] = {
		{"INVITE", SIP_INVITE}, {"ACK", SIP_ACK}, {"BYE", SIP_BYE}, {"CANCEL", SIP_CANCEL},
		{"OPTIONS", SIP_OPTIONS},
		{"PRACK", SIP_OTHER}, {"REGISTER", SIP_OTHER}, {"NEWMETHOD", SIP_OTHER}, {"invite", SIP_OTHER},
	};
	for (unsigned i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		char text[1024];
		snprintf(text, sizeof text, "%s sip:x@y SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 %s\r\n\r\n",
		         methods[i].name, methods[i].name);
		struct sip_text *t = sip_text_parse(text);
		CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
		CU_ASSERT_EQUAL(t->m.method, methods[i].method);
		CU_ASSERT_STRING_EQUAL(t->m.method_name, methods[i].name);
		sip_text_free(t);
	}
	check("BYE sip:x@y SIP/2.0\r\n" REST "\r\n", SIP_ANSWER_400);  /* CSeq says INVITE */
}

static void test_compact_and_folded(void)
{
	struct sip_text *t = sip_text_parse(
		"INVITE sip:+15551234567@example.com SIP/2.0\r\n"
		"v:\r\n SIP / 2.0 / UDP\r\n\t192.0.2.1 ;\r\n branch = z9hG4bKa ,SIP/2.0/UDP p2;branch=z9hG4bKb\r\n"
		"f:\r\n <sip:alice@x>\r\n ;tag=1\r\nt: <sip:b@y>;TAG=2\r\ni:\r\n c1@x\r\nCsEq:\r\n 0007\r\n INVITE\r\n"
		"mAx-FORWARDS   :  0070\r\nl: 0\r\n\r\n");
	struct sip_via_view second;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_STRING_EQUAL(t->m.via.host, "192.0.2.1");
	CU_ASSERT_EQUAL(t->m.via.port, 5060);
	CU_ASSERT_STRING_EQUAL(t->m.via.branch, "z9hG4bKa");
	CU_ASSERT_PTR_NULL(t->m.via.rport);
	CU_ASSERT_STRING_EQUAL(t->m.from_tag, "1");
	CU_ASSERT_STRING_EQUAL(t->m.from_user, "alice");
	CU_ASSERT_STRING_EQUAL(t->m.to_tag, "2");
	CU_ASSERT_STRING_EQUAL(t->m.call_id, "c1@x");
	CU_ASSERT_EQUAL(t->m.cseq, 7);
	CU_ASSERT_EQUAL(t->m.max_forwards, 70);
	CU_ASSERT(sip_msg_second_via(&t->m, &second));
	CU_ASSERT_STRING_EQUAL(second.host, "p2");
	CU_ASSERT_STRING_EQUAL(second.branch, "z9hG4bKb");
	sip_text_free(t);
	t = sip_text_parse(LINE REST "\r\n");
	CU_ASSERT_FALSE(sip_msg_second_via(&t->m, &second));
	sip_text_free(t);
}

static void test_routes(void)
{
	struct sip_text *t = sip_text_parse(
		LINE REST "Route: <sip:token@[2001:db8::1]:5061;lr>,\"x, y\" <sip:b.example.com;transport=udp>\r\n"
		"Route: <sip:c@192.0.2.3;LR=on>;p=1\r\n\r\n");
	struct sip_uri_view uri;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL(t->m.routes, 3);
	CU_ASSERT(sip_msg_route(&t->m, 0, &uri));
	CU_ASSERT_STRING_EQUAL(uri.user, "token");
	CU_ASSERT_STRING_EQUAL(uri.host, "[2001:db8::1]");
	CU_ASSERT_EQUAL(uri.port, 5061);
	CU_ASSERT(uri.lr);
	CU_ASSERT(sip_msg_route(&t->m, 1, &uri));
	CU_ASSERT_STRING_EQUAL(uri.user, "");
	CU_ASSERT_STRING_EQUAL(uri.host, "b.example.com");
	CU_ASSERT_EQUAL(uri.port, 5060);
	CU_ASSERT_FALSE(uri.lr);
	CU_ASSERT(sip_msg_route(&t->m, 2, &uri));
	CU_ASSERT(uri.lr);
	CU_ASSERT_FALSE(sip_msg_route(&t->m, 3, &uri));
	sip_text_free(t);
	check(LINE REST "Route: <<\r\n\r\n", SIP_ANSWER_400);
}

static struct sip_uri_view ruri_of(const char *ruri, struct sip_text **keep)
{
	char text[1024];
	snprintf(text, sizeof text, "INVITE %s SIP/2.0\r\n" REST "\r\n", ruri);
	*keep = sip_text_parse(text);
	CU_ASSERT_EQUAL((*keep)->parsed, SIP_PARSED);
	return (*keep)->m.ruri;
}

static void test_uris(void)
{
	struct sip_text *t;
	struct sip_uri_view u = ruri_of("tel:+1-555-123-4567;phone-context=x", &t);
	CU_ASSERT_STRING_EQUAL(u.scheme, "tel");
	CU_ASSERT_STRING_EQUAL(u.user, "+1-555-123-4567");
	CU_ASSERT_STRING_EQUAL(u.host, "");
	sip_text_free(t);
	u = ruri_of("sips:[2001:db8::9:1]:5061;lr", &t);
	CU_ASSERT_STRING_EQUAL(u.scheme, "sips");
	CU_ASSERT_STRING_EQUAL(u.host, "[2001:db8::9:1]");
	CU_ASSERT_STRING_EQUAL(u.user, "");
	CU_ASSERT_EQUAL(u.port, 5061);
	CU_ASSERT(u.lr);
	sip_text_free(t);
	u = ruri_of("sip:user;par=u%40example.net@example.com;transport=udp?Subject=x", &t);
	CU_ASSERT_STRING_EQUAL(u.host, "example.com");
	CU_ASSERT_STRING_EQUAL(u.params, "transport=udp");
	sip_text_free(t);
	u = ruri_of("nobodyKnowsThisScheme:totallyopaquecontent", &t);
	CU_ASSERT_STRING_EQUAL(u.scheme, "nobodyKnowsThisScheme");
	sip_text_free(t);
	u = ruri_of("sip:x@y:18446744073709551617", &t);
	CU_ASSERT_EQUAL(u.port, 0);  /* out of range is no port at all, not another port */
	sip_text_free(t);
}

static void test_missing(void)
{
	check(LINE FROM TO CALL_ID CSEQ "\r\n", SIP_UNANSWERABLE);
	check(LINE VIA TO CALL_ID CSEQ "\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM CALL_ID CSEQ "\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM TO CSEQ "\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM TO CALL_ID "\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM TO "Call-ID: \r\n" CSEQ "\r\n", SIP_UNANSWERABLE);
	check(LINE "\r\n", SIP_UNANSWERABLE);
	check(LINE REST, SIP_UNANSWERABLE);                    /* no empty line */
	check(LINE REST "Subject: x", SIP_UNANSWERABLE);
	check(REST "\r\n", SIP_UNANSWERABLE);
	check("", SIP_UNANSWERABLE);
	check("\r\n\r\n", SIP_UNANSWERABLE);
	check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE VIA "From: <sip:x@y>\r\n" TO CALL_ID CSEQ "\r\n", SIP_ANSWER_400);  /* no tag */
	check(LINE "Via: SIP/2.0/UDP old.example.com\r\nFrom: <sip:x@y>\r\n" TO CALL_ID CSEQ "\r\n", SIP_PARSED);
	check(LINE REST "\r\n", SIP_PARSED);                   /* RFC 2543 had no Max-Forwards */
}

static void test_twice(void)
{
	check(LINE REST "Call-ID: another\r\n\r\n", SIP_ANSWER_400);
	check(LINE REST FROM "\r\n", SIP_ANSWER_400);
	check(LINE REST TO "\r\n", SIP_ANSWER_400);
	check(LINE REST CSEQ "\r\n", SIP_ANSWER_400);
	check(LINE REST "Max-Forwards: 7\r\nMax-Forwards: 70\r\n\r\n", SIP_ANSWER_400);
	check(LINE REST "Content-Length: 0\r\nl: 3\r\n\r\nabc", SIP_ANSWER_400);
}

static void test_numbers(void)
{
	char text[1024];
	static const char *const bad_max_forwards[] = {"x", "-1", "99999999999999999999", "7 0", ""};
	for (unsigned i = 0; i < sizeof bad_max_forwards / sizeof bad_max_forwards[0]; i++) {
		snprintf(text, sizeof text, LINE REST "Max-Forwards: %s\r\n\r\n", bad_max_forwards[i]);
		check(text, SIP_ANSWER_400);
	}
	struct sip_text *t = sip_text_parse(LINE REST "Max-Forwards: 300\r\n\r\n");
	CU_ASSERT_EQUAL(t->m.max_forwards, 255);
	sip_text_free(t);
	t = sip_text_parse(LINE VIA FROM TO CALL_ID "CSeq: 4294967295 INVITE\r\n\r\n");
	CU_ASSERT_EQUAL(t->m.cseq, 4294967295u);
	sip_text_free(t);
	check(LINE VIA FROM TO CALL_ID "CSeq: 4294967296 INVITE\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM TO CALL_ID "CSeq: 36893488147419103232 INVITE\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE VIA FROM TO CALL_ID "CSeq: -1 INVITE\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE "Via: SIP/2.0/UDP x:70000;branch=z9hG4bKa\r\n" FROM TO CALL_ID CSEQ "\r\n", SIP_UNANSWERABLE);
	check("INVITE sip:x@y:-5 SIP/2.0\r\n" REST "\r\n", SIP_UNANSWERABLE);
	check("INVITE sip:x@y:5x SIP/2.0\r\n" REST "\r\n", SIP_UNANSWERABLE);
}

static void test_bodies(void)
{
	static const char *const bad[] = {"x", "-999", "99999999999999999999", "7"};
	char text[1024];
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, LINE REST "Content-Length: %s\r\n\r\nabc", bad[i]);
		check(text, SIP_ANSWER_400);
	}
	check(LINE REST "Content-Length: 7\r\n\r\n", SIP_ANSWER_400);
	check("SIP/2.0 200 OK\r\n" REST "Content-Length: 7\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE REST "Content-Length: 0\r\n\r\n", SIP_PARSED);
	check(LINE REST "Content-Length: 3\r\n\r\nabc", SIP_PARSED);
	check(LINE REST "Content-Length: 2\r\n\r\nabc", SIP_PARSED);  /* the rest is thrown away (section 18.3) */
	check(LINE REST "\r\nabc", SIP_PARSED);                       /* a datagram's end ends it */
	struct sip_text *t = sip_text_parse(LINE REST "Content-Length: 7\r\n\r\nabc");
	CU_ASSERT_STRING_EQUAL(t->why, "body shorter than Content-Length");
	sip_text_free(t);
}

static void test_versions(void)
{
	check("INVITE sip:x@y SIP/7.0\r\n" REST "\r\n", SIP_ANSWER_505);
	check("INVITE sip:x@y sip/2.0\r\n" REST "\r\n", SIP_PARSED);
	check("INVITE sip:x@y\r\n" REST "\r\n", SIP_UNANSWERABLE);
	check("INVITE sip:x@y; lr SIP/2.0\r\n" REST "\r\n", SIP_UNANSWERABLE);
}

/* What would end a line for one parser and not for the next is not passed on. */
static void test_line_ends(void)
{
	check("\r\n\r\n" LINE REST "\r\n", SIP_PARSED);
	check("INVITE sip:x@y SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\n"
	      "Call-ID: e\nCSeq: 1 INVITE\n\n", SIP_PARSED);
	check("INVITE sip:x@y SIP/2.0\rVia: SIP/2.0/UDP x;branch=z9hG4bKa\rFrom: <sip:a@b>;tag=1\rTo: <sip:c@d>\r"
	      "Call-ID: e\rCSeq: 1 INVITE\r\r", SIP_UNANSWERABLE);
	check(LINE REST "Subject: a\rRoute: <sip:evil.example.com;lr>\r\n\r\n", SIP_UNANSWERABLE);
	check(LINE REST "\r", SIP_UNANSWERABLE);
	check(LINE REST "\rbody", SIP_UNANSWERABLE);
	check(LINE REST "\r\nbody\rof\rits own", SIP_PARSED);
	check(LINE REST "no colon here\r\n\r\n", SIP_ANSWER_400);
	struct sip_text *t = sip_text_parse("\r\n\n\r" LINE REST "\r\n");
	CU_ASSERT_PTR_EQUAL(t->m.data, t->data + 4);  /* what is kept begins with the message */
	CU_ASSERT_EQUAL(t->m.len, strlen(LINE REST "\r\n"));
	sip_text_free(t);
}

static void test_data_untouched(void)
{
	static const char text[] = LINE "v:\r\n SIP / 2.0 / UDP x ;branch=z9hG4bKb\r\n" REST "Route: <sip:a;lr>,\r\n"
	         " <sip:b>\r\n"
	                           "X-Unknown:  a \r\n\tb\r\n\r\nb\0dy";
	struct sip_text *t = sip_text_parse_n(text, sizeof text - 1);
	CU_ASSERT_EQUAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL(memcmp(t->data, text, sizeof text - 1), 0);
	sip_text_free(t);
}

static void test_proxy_require(void)
{
	struct sip_text *t = sip_text_parse(LINE REST "Proxy-Require: foo, bar\r\nRequire: x\r\nProxy-Require: baz\r\n"
	         "\r\n");
	CU_ASSERT_STRING_EQUAL(sip_msg_proxy_require(&t->m, 0), "foo");
	CU_ASSERT_STRING_EQUAL(sip_msg_proxy_require(&t->m, 1), "bar");
	CU_ASSERT_STRING_EQUAL(sip_msg_proxy_require(&t->m, 2), "baz");
	CU_ASSERT_PTR_NULL(sip_msg_proxy_require(&t->m, 3));
	sip_text_free(t);
}

/* ---- sip_scan_call_id against the parser ---- */

static void check_scan(const char *text)
{
	struct sip_text *t = sip_text_parse(text);
	const char *value = NULL;
	size_t len = 0;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT(sip_scan_call_id(text, strlen(text), &value, &len));
	CU_ASSERT_EQUAL(len, strlen(t->m.call_id));
	CU_ASSERT(value && !strncmp(value, t->m.call_id, len));
	sip_text_free(t);
}

static void test_scan(void)
{
	const char *value;
	size_t len;
	static const char none[] = LINE VIA FROM TO CSEQ "\r\nCall-ID: in the body\r\n";
	check_scan(LINE REST "\r\n");
	check_scan("\r\n\r\n" LINE REST "\r\n");
	check_scan(LINE VIA FROM TO CSEQ "Call-ID:c\r\n\r\n");
	check_scan(LINE VIA FROM TO CSEQ "CALL-id \t :  c@d  \r\n\r\n");
	check_scan(LINE VIA FROM TO CSEQ "i: c@d\r\n\r\n");
	check_scan(LINE VIA FROM TO CSEQ "I\t:c@d\r\n\r\n");
	check_scan(LINE VIA FROM TO CSEQ "Call-ID:\r\n  folded@x\r\n\r\n");
	check_scan(LINE "Subject: x\r\n Call-ID: not this\r\n" REST "\r\n");
	check_scan(LINE "Call-ID-Extra: no\r\nIn-Reply-To: no\r\nid: no\r\n" REST "\r\n");
	check_scan("INVITE sip:x@y SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\n"
	           "Call-ID: e\nCSeq: 1 INVITE\n\n");
	CU_ASSERT_FALSE(sip_scan_call_id(none, sizeof none - 1, &value, &len));
	CU_ASSERT_FALSE(sip_scan_call_id("", 0, &value, &len));
	CU_ASSERT_FALSE(sip_scan_call_id("\r\n\r\n", 4, &value, &len));
	CU_ASSERT_FALSE(sip_scan_call_id("x\ni", 3, &value, &len));
	CU_ASSERT_FALSE(sip_scan_call_id("x\ni:", 4, &value, &len));
	CU_ASSERT_FALSE(sip_scan_call_id("x\nCall-ID", 9, &value, &len));
}

/* ---- any bytes at all ---- */

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* Parses and, if that went well, writes all that can be written of it. */
static void use(const char *data, size_t len)
{
	static uint8_t out[SIP_MESSAGE_MAX];
	struct sip_text *t = sip_text_parse_n(data, len);
	struct addr source;
	struct sip_uri_view uri;
	struct sip_via_view via;
	struct writer w = writer_of(out, sizeof out);
	struct sip_forward f = {.ruri = "sip:x", .via = "SIP/2.0/UDP y", .skip_routes = chance(3), .strict = chance(2)};
	const char *value;
	size_t n;
	addr_parse(&source, "192.0.2.9", 5060);
	sip_scan_call_id(data, len, &value, &n);
	if (t->parsed != SIP_UNANSWERABLE) {
		CU_ASSERT_PTR_NOT_NULL(t->m.call_id);
		CU_ASSERT(*t->m.call_id);
		CU_ASSERT_PTR_NOT_NULL(t->m.via.host);
		CU_ASSERT_PTR_NOT_NULL(t->m.from_tag);
		CU_ASSERT_PTR_NOT_NULL(t->m.method_name);
		for (unsigned i = 0; sip_msg_route(&t->m, i, &uri); i++)
			CU_ASSERT_PTR_NOT_NULL(uri.host);
		sip_msg_second_via(&t->m, &via);
	}
	if (t->parsed != SIP_UNANSWERABLE && !t->m.status)
		sip_write_reply(&w, &t->m, &source, 400, "Bad Request", "tag", "");
	w = writer_of(out, sizeof out);
	if (t->parsed == SIP_PARSED && t->m.status)
		sip_write_response(&w, &t->m, NULL);
	if (t->parsed == SIP_PARSED && !t->m.status) {
		sip_write_request(&w, &t->m, &source, &f);
		w = writer_of(out, sizeof out);
		sip_write_cancel(&w, &t->m, "");
		w = writer_of(out, chance(400));
		sip_write_request(&w, &t->m, &source, &f);
	}
	sip_text_free(t);
}

static const char *const seeds[] = {
	LINE REST "Max-Forwards: 70\r\nRoute: <sip:a;lr>, <sip:b@[::1]:5060>\r\nProxy-Require: x\r\n"
	         "Content-Length: 4\r\n\r\nv=0\r",
	"INVITE tel:+1555 SIP/2.0\r\n"
	"v:SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa,SIP/2.0/TCP x:5061;received=[::2];rport\r\n"
	"f:\"quo\\\"ted\" <sip:a@b;x=y?h=v>;tag=1\r\nt:sip:c@d;tag=2\r\ni:e\r\nCSeq:1\r\n INVITE\r\nl:0\r\n\r\n",
	"SIP/2.0 200 OK\r\n" VIA REST "Record-Route: <sip:token@192.0.2.1;lr>\r\nContact: <sip:x@y>\r\n\r\n",
};

static void test_mutations(void)
{
	static const char bits[] = "\r\n\t :;,<>\"\\@=?%[]()*+-./0123456789SIPsip\0\xff\x80";
	char text[2048];
	for (int round = 0; round < 30000; round++) {
		const char *from = seeds[(unsigned)round % 3];
		size_t len = strlen(from);
		memcpy(text, from, len);
		for (unsigned n = 1 + chance(4); n; n--) {
			size_t at = chance((uint32_t)len);
			switch (chance(4)) {
			case 0: text[at] = (char)chance(256); break;
			case 1: text[at] = bits[chance(sizeof bits - 1)]; break;
			case 2: memmove(text + at, text + at + 1, len - at - 1), len--; break;
			case 3: memmove(text + at + 1, text + at, len - at), text[at] = bits[chance(sizeof bits - 1)],
			         len++; break;
			}
		}
		use(text, len);
	}
}

static void test_truncations(void)
{
	for (unsigned i = 0; i < 3; i++)
		for (size_t len = 0; len <= strlen(seeds[i]); len++)
			use(seeds[i], len);
}

static void test_noise(void)
{
	char text[600];
	for (int round = 0; round < 3000; round++) {
		size_t len = chance(sizeof text);
		for (size_t i = 0; i < len; i++)
			text[i] = (char)chance(256);
		use(text, len);
	}
}

static void test_large(void)
{
	static char text[SIP_MESSAGE_MAX + 1];
	size_t n = (size_t)snprintf(text, sizeof text, LINE REST "X-Large: ");
	memset(text + n, 'a', SIP_MESSAGE_MAX - n - 4);
	memcpy(text + SIP_MESSAGE_MAX - 4, "\r\n\r\n", 4);
	use(text, SIP_MESSAGE_MAX);
	n = (size_t)snprintf(text, sizeof text, LINE REST "Route: ");
	while (n + 12 < SIP_MESSAGE_MAX) {
		memcpy(text + n, "<sip:a;lr>,", 11);
		n += 11;
	}
	memcpy(text + n - 1, "\r\n\r\n", 4);
	use(text, n + 3);
	n = (size_t)snprintf(text, sizeof text, LINE);
	while (n + 80 < SIP_MESSAGE_MAX - 300) {
		memcpy(text + n, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n", 44);
		n += 44;
	}
	n += (size_t)snprintf(text + n, sizeof text - n, FROM TO CALL_ID CSEQ "\r\n");
	use(text, n);
}

/* Found by tests/fuzz: it became a Request-URI, and the request line had a word too many. */
static void test_route_is_no_uri(void)
{
	static const char *const routes[] = {"<sip:a@b;l UDP>", "<sip\t:192.0.2.77>", "<0.2.78;lr>", "<;lr>", "<sip:a\xc4@b>", "<sip:a b@c>", "<sip:a@b?x=y z>", "<sip:a@b>, <sip:c@d;p=\"q r\">",
	                                     "it:p<oks@203.0.113.1>", "<sip:a@b;p=\"q\">",
	                                     "<sip:a:5/b;lr>", "<sip:a/b>"};
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		char message[512];
		snprintf(message, sizeof message,
		         "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n"
		         "To: <sip:c@d>;tag=2\r\nCall-ID: e\r\nCSeq: 1 BYE\r\nRoute: %s\r\n\r\n", routes[i]);
		struct sip_text *t = sip_text_parse(message);
		CU_ASSERT_NOT_EQUAL(t->parsed, SIP_PARSED);
		sip_text_free(t);
	}
	struct sip_text *t = sip_text_parse("OPTIONS sip:a\vb@c SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	                                    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 OPTIONS\r\n\r\n");
	CU_ASSERT_NOT_EQUAL(t->parsed, SIP_PARSED);
	sip_text_free(t);
}

/* Whatever else the list says: a message written anew has to be read alike. */
static void test_branch_twice(void)
{
	struct sip_text *t = sip_text_parse("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a;branch;x, SIP/2.0/UDP b;branch=z9hG4bK1;branch\r\n"
	                                    FROM "To: <sip:c@d>;tag=1\r\n" CALL_ID CSEQ "\r\n");
	struct sip_via_view below;
	char text[1024];
	struct writer w = writer_of(text, sizeof text - 1);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_PTR_NULL(t->m.via.branch);
	CU_ASSERT_FATAL(sip_msg_second_via(&t->m, &below));
	CU_ASSERT_STRING_EQUAL(below.branch, "z9hG4bK1");
	CU_ASSERT(sip_write_response(&w, &t->m, NULL));
	struct sip_text *again = sip_text_parse_n(text, writer_len(&w));
	CU_ASSERT_EQUAL_FATAL(again->parsed, SIP_PARSED);
	CU_ASSERT_STRING_EQUAL(again->m.via.branch, "z9hG4bK1");
	sip_text_free(again);
	sip_text_free(t);
}

UNIT_MAIN("sip_message", {"a request's fields", test_request}, {"a response's fields", test_response},
          {"methods", test_methods}, {"compact, folded, listed", test_compact_and_folded}, {"routes", test_routes},
          {"URIs", test_uris}, {"headers missing", test_missing}, {"headers twice", test_twice},
          {"numbers out of range", test_numbers},
          {"a Via with two branches", test_branch_twice}, {"bodies and their lengths", test_bodies},
          {"versions", test_versions}, {"line ends", test_line_ends},
          {"the text stays as it came", test_data_untouched},
          {"Proxy-Require", test_proxy_require}, {"Call-ID without the parser", test_scan},
          {"mutated messages", test_mutations}, {"truncated messages", test_truncations}, {"noise", test_noise},
          {"the largest datagrams", test_large},
          {"a Route that is no URI", test_route_is_no_uri})
