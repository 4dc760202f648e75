/* Torture messages after RFC 4475 (and 5118 for IPv6) as a trunk might send them: each gets the answer that the RFC
 * asks of a proxy, or is dropped and counted, or is sent on with its odd text untouched. What the grammar alone makes
 * of more of them is in sip_torture_test.c. The section of the RFC stands beside each. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define HEAD(id, cseq) \
	"Max-Forwards: 70\r\nTo: <sip:18005551234@example.com>\r\nFrom: <sip:caller@example.org>;tag=33242\r\n" \
	"Call-ID: " id "\r\nCSeq: " cseq "\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK" id "\r\n"
#define END "Content-Length: 0\r\n\r\n"
#define TARGET "sip:18005551234@example.com"

struct sample {
	const char *name, *text;
	const char *answer;          /* how it begins; NULL: none, */
	enum stat_counter counted;           /* and this is counted */
	const char *header, *value;  /* one more of the answer; NULL: none */
};

static const struct sample samples[] = {
	{"4475 3.1.2.2 clerr", "INVITE " TARGET " SIP/2.0\r\n" HEAD("clerr", "8 INVITE") "Content-Length: 9999\r\n\r\nv=0\r\n",
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.1.2.3 ncl", "INVITE " TARGET " SIP/2.0\r\n" HEAD("ncl", "8 INVITE") "Content-Length: -999\r\n\r\nv=0\r\n",
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.1.2.4 scalar02", "REGISTER sip:example.com SIP/2.0\r\n" HEAD("scalar02", "36893488147419103232 REGISTER") END,
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
	{"4475 3.1.2.5 scalarlg", "SIP/2.0 503 Service Unavailable\r\n" HEAD("scalarlg", "9292394834772304023312 OPTIONS")
	 "Retry-After: 949302838503028349304023988\r\nWarning: 1812 overture \"In Progress\"\r\n" END,
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
	{"4475 3.1.2.6 quotbal", "INVITE " TARGET " SIP/2.0\r\nTo: \"Mr. J. User <sip:j.user@example.com>\r\n"
	 "From: <sip:caller@example.net>;tag=93334\r\nMax-Forwards: 10\r\nCall-ID: quotbal\r\nCSeq: 8 INVITE\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKquotbal\r\n" END, "SIP/2.0 400", 0, "From", "<sip:caller@example.net>;tag=93334"},
	{"4475 3.1.2.7 ltgtruri", "INVITE <" TARGET "> SIP/2.0\r\n" HEAD("ltgtruri", "8 INVITE") END,
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.1.2.8 lwsruri", "INVITE " TARGET "; lr SIP/2.0\r\n" HEAD("lwsruri", "8 INVITE") END,
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
	{"4475 3.1.2.9 lwsstart", "OPTIONS  " TARGET "  SIP/2.0\r\n" HEAD("lwsstart", "8 OPTIONS") END,
	 "SIP/2.0 200", 0, NULL, NULL},  /* a liberal reader may; what is sent on has single blanks (sip_write_test) */
	{"4475 3.1.2.10 trws", "OPTIONS " TARGET " SIP/2.0  \r\n" HEAD("trws", "8 OPTIONS") END,
	 "SIP/2.0 200", 0, NULL, NULL},
	{"4475 3.1.2.14 badaspec", "OPTIONS " TARGET " SIP/2.0\r\nMax-Forwards: 70\r\n"
	 "From: \"Bell, Alexander\" <sip:a.g.bell@example.com>;tag=433423\r\nTo: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n"
	 "Call-ID: badaspec\r\nCSeq: 3923423 OPTIONS\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbadaspec\r\n" END,
	 "SIP/2.0 200", 0, NULL, NULL},
	{"4475 3.1.2.15 baddn", "OPTIONS " TARGET " SIP/2.0\r\nMax-Forwards: 70\r\n"
	 "From:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\nTo:    Watson, Thomas <sip:t.watson@example.org>\r\n"
	 "Call-ID: baddn\r\nCSeq: 3923239 OPTIONS\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbaddn\r\n" END,
	 "SIP/2.0 400", 0, "From", "Bell, Alexander <sip:a.g.bell@example.com>;tag=43"},
	{"4475 3.3.14 cparam02", "REGISTER sip:example.com SIP/2.0\r\n" HEAD("cparam02", "3 REGISTER")
	 "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\r\n" END, "SIP/2.0 405", 0, NULL, NULL},
	{"4475 3.3.16 regescrt", "REGISTER sip:example.com SIP/2.0\r\n" HEAD("regescrt", "14398234 REGISTER")
	 "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\r\n" END, "SIP/2.0 405", 0, NULL, NULL},
	{"4475 3.1.2.16 badvers", "OPTIONS " TARGET " SIP/7.0\r\n" HEAD("badvers", "8 OPTIONS") END,
	 "SIP/2.0 505", 0, NULL, NULL},
	{"4475 3.1.2.17 mismatch01", "OPTIONS " TARGET " SIP/2.0\r\n" HEAD("mismatch01", "8 INVITE") END,
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.1.2.18 mismatch02", "NEWMETHOD " TARGET " SIP/2.0\r\n" HEAD("mismatch02", "8 INVITE") END,
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.1.2.19 bigcode", "SIP/2.0 4294967301 better not break the receiver\r\n" HEAD("bigcode", "8 INVITE") END,
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
	{"4475 3.3.1 insuf", "INVITE " TARGET " SIP/2.0\r\nCSeq: 193942 INVITE\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\nContent-Type: application/sdp\r\nl: 5\r\n\r\nv=0\r\n",
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
	{"4475 3.3.2 unkscm", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\r\n" HEAD("unkscm", "3 OPTIONS") END,
	 "SIP/2.0 416", 0, NULL, NULL},
	{"4475 3.3.3 novelsc", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" HEAD("novelsc", "3 OPTIONS") END,
	 "SIP/2.0 416", 0, NULL, NULL},
	{"4475 3.3.4 unksm2", "REGISTER sip:example.com SIP/2.0\r\nTo: isbn:2983792873\r\n"
	 "From: <http://www.example.com>;tag=3234233\r\nCall-ID: unksm2\r\nCSeq: 234902 REGISTER\r\nMax-Forwards: 70\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw\r\n" END, "SIP/2.0 405", 0, NULL, NULL},
	{"4475 3.3.5 bext01", "OPTIONS " TARGET " SIP/2.0\r\n" HEAD("bext01", "8 OPTIONS")
	 "Require: nothingSupportsThis, nothingSupportsThisEither\r\nProxy-Require: noProxiesSupportThis, "
	 "norDoAnyProxiesSupportThis\r\n" END, "SIP/2.0 420", 0, "Unsupported",
	 "noProxiesSupportThis, norDoAnyProxiesSupportThis"},
	{"Require of what tandem answers itself", "OPTIONS " TARGET " SIP/2.0\r\n" HEAD("require", "8 OPTIONS")
	 "Require: nothingSupportsThis\r\n" END, "SIP/2.0 420", 0, "Unsupported", "nothingSupportsThis"},
	{"4475 3.3.8 multi01", "INVITE " TARGET " SIP/2.0\r\n" HEAD("multi01", "5 INVITE") "CSeq: 59 INVITE\r\n"
	 "Call-ID: multi01.98asdh@192.0.2.2\r\nTo: sip:other@example.net\r\nFrom: sip:x@example.net;tag=2923420123\r\n" END,
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.3.9 mcl01", "OPTIONS " TARGET " SIP/2.0\r\n" HEAD("mcl01", "59 OPTIONS")
	 "Content-Length: 13\r\nContent-Length: 5\r\n\r\nThere's no way to know how many octets.\r\n",
	 "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.3.11 zeromf, of a method tandem does not answer", "MESSAGE " TARGET " SIP/2.0\r\nMax-Forwards: 0\r\n"
	 "To: <sip:x@example.com>\r\nFrom: <sip:y@example.net>;tag=3ghsd41\r\nCall-ID: zeromf\r\nCSeq: 39 MESSAGE\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKzeromf\r\n" END, "SIP/2.0 483", 0, NULL, NULL},
	{"tag without a value", "INVITE " TARGET " SIP/2.0\r\nMax-Forwards: 70\r\nTo: <sip:x@example.com>;tag\r\n"
	 "From: <sip:y@example.net>;tag=3ghsd41\r\nCall-ID: tag\r\nCSeq: 39 INVITE\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtag\r\n" END, "SIP/2.0 400", 0, NULL, NULL},
	{"4475 3.3.10 bcast", "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\n"
	 "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\nCall-ID: bcast\r\nCSeq: 35 INVITE\r\n"
	 "From: <sip:user@example.com>;tag=11141343\r\nTo: <sip:user@example.edu>;tag=2229\r\n" END,
	 NULL, STAT_DROP_STRAY, NULL, NULL},
	{"5118 4.2 no brackets", "INVITE sip:2001:db8::10 SIP/2.0\r\n" HEAD("4.2", "98176 INVITE") END,
	 NULL, STAT_DROP_MALFORMED, NULL, NULL},
};

static void test_answers(void)
{
	for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		const struct sample *s = &samples[i];
		unsigned failed = CU_get_number_of_failures();
		rig_begin(NULL);
		rig_receive(CARRIER, s->text);
		if (s->answer) {
			const char *answer = rig_expect(ANYONE, s->answer);
			if (s->header)
				CU_ASSERT_STRING_EQUAL(rig_header(answer, s->header, 0), s->value);
		} else {
			CU_ASSERT_EQUAL(rig_stat(s->counted), 1);
		}
		rig_end();
		if (CU_get_number_of_failures() != failed)
			printf("    %s\n", s->name);
	}
}

/* Odd, but right, or broken in what is the endpoints' business: it goes on to the region as it is. */
static void test_sent_on(void)
{
	static const char *const lines[] = {
		"Contact: \"Joe\" <sip:joe@example.org>;;;;",               /* 3.1.2.1 badinv01 */
		"Contact: <sip:caller@example.org?Route=%3Csip:evil%3E>",   /* 3.1.2.11 escruri */
		"Date: Fri, 01 Jan 2010 16:00:00 EST",                      /* 3.1.2.12 baddate */
		"Contact: sip:user@example.com?Route=%3Csip:x%3E",          /* 3.1.2.13 regbadct */
		"Contact: sip:user@example.com;tag=x",                      /* 3.3.13 cparam01 */
		"Content-Type: application/unknownformat",                  /* 3.3.6 invut */
		"Accept: text/nobodyKnowsThis",                             /* 3.3.15 sdp01 */
		"Authorization: NoOneKnowsThisScheme opaque-data=here",     /* 3.3.7 regaut01 */
		"Require: nothingSupportsThis",                             /* 3.3.5, of what a proxy only carries */
		"NewFangledHeader: ;;,,;;,;",                               /* 3.1.1.1 wsinv */
		"extensionHeader-!.%*+_`'~:\xEF\xBB\xBF\xE5\xA4\xA7",       /* 3.1.1.2 intmeth */
	};
	for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char text[1024];
		snprintf(text, sizeof text, "INVITE " TARGET " SIP/2.0\r\n" HEAD("on", "8 INVITE") "%s\r\n" END, lines[i]);
		rig_begin(NULL);
		rig_receive(CARRIER, text);
		rig_expect(CARRIER, "SIP/2.0 100");
		CU_ASSERT_PTR_NOT_NULL(strstr(rig_expect(EAST, "INVITE "), lines[i]));
		rig_end();
	}
}

/* What is refused for its From has an ACK with the same From, and that is the end of it. */
static void test_acknowledged(void)
{
	static const char *const methods[] = {"INVITE", "ACK"};
	rig_begin(NULL);
	for (unsigned i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof text, "%s " TARGET " SIP/2.0\r\nMax-Forwards: 70\r\nFrom: Smith, John <sip:john@example.org>;tag=1\r\n"
		         "To: <" TARGET ">%s\r\nCall-ID: smith\r\nCSeq: 8 %s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsmith\r\n" END,
		         methods[i], i ? ";tag=ours" : "", methods[i]);
		rig_receive(CARRIER, text);
		if (!i)
			rig_expect(CARRIER, "SIP/2.0 400");
	}
	rig_run(4000);
	rig_expect_none();
	rig_run(2000);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

/* 3.2.1 badbranch: the cookie alone tells nothing apart; such requests are matched as those of RFC 2543 are. */
static void test_bad_branch(void)
{
	static const char *const ids[] = {"one", "two"};
	rig_begin(NULL);
	for (unsigned i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof text, "INVITE " TARGET " SIP/2.0\r\nMax-Forwards: 70\r\nTo: <" TARGET ">\r\n"
		         "From: <sip:caller@example.org>;tag=33242\r\nCall-ID: %s\r\nCSeq: 8 INVITE\r\n"
		         "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK\r\n" END, ids[i]);
		rig_receive(CARRIER, text);
		rig_expect(CARRIER, "SIP/2.0 100");
		CU_ASSERT_STRING_EQUAL(rig_header(rig_expect(EAST, "INVITE "), "Call-ID", 0), ids[i]);
		rig_receive(CARRIER, text);                 /* again: the same transaction */
		rig_expect(CARRIER, "SIP/2.0 100");
		rig_expect_none();
	}
	rig_end();
}

UNIT_MAIN("torture", {"answered or dropped", test_answers}, {"sent on", test_sent_on}, {"refused, and acknowledged", test_acknowledged}, {"a branch that is only the cookie", test_bad_branch})
