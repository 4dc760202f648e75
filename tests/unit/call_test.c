/* proxy/call: calls from the INVITE to their records, on a worker without a network: what goes to whom and
 * when (RFC 3261 section 16.6, 16.7), several dialogs of one INVITE, and what a reload leaves as it was. Failover is
 * in call_failover_test.c and call_retry_test.c, CANCEL in call_cancel_test.c, refusals in call_refuse_test.c. */
#include "tests/unit/call_rig.h"

/* ---- a call that works ---- */

static void test_forwarded(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	char branch[BRANCH_LEN + 80];
	CU_ASSERT_EQUAL(strncmp(m, "INVITE sip:+18005551234@198.51.100.21;user=phone SIP/2.0\r\n", 57), 0);
	snprintf(branch, sizeof branch, "SIP/2.0/UDP " EGRESS ";branch=z9hG4bK");
	CU_ASSERT_EQUAL(strncmp(rig_header(m, "Via", 0), branch, strlen(branch)), 0);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Via", 1), "SIP/2.0/UDP 192.0.2.1:5060;branch=" B);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Forwards", 0), "69");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "From", 0), "<sip:5550001111@192.0.2.1>;tag=alice");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "To", 0), "<sip:18005551234@203.0.113.10>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Contact", 0), "<sip:alice@192.0.2.1:5060>");
	const char *rr = rig_header(m, "Record-Route", 0);
	CU_ASSERT_EQUAL(strncmp(rr, "<sip:", 5), 0);
	CU_ASSERT_STRING_EQUAL(rr + 5 + TOKEN_LEN, "@" ANYCAST ";lr>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Record-Route", 1), "");
	CU_ASSERT_EQUAL(live(0)->setups, 1);
	CU_ASSERT_EQUAL(live(0)->attempts, 1);
	CU_ASSERT_EQUAL(trunk()->setups, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_REQ_INVITE), 1);
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.chosen, 0);
	CU_ASSERT_EQUAL(r->route.attempt, 1);
	CU_ASSERT_EQUAL(r->route.because, POLICY_BECAUSE_PRIORITY);
	CU_ASSERT_EQUAL(r->route.n_candidates, 2);
	CU_ASSERT_EQUAL(r->rule, 0);
	CU_ASSERT_EQUAL(r->pool, 0);
	CU_ASSERT(r->planned);
	const char *texts = record_texts((struct record *)(uintptr_t)r);
	CU_ASSERT_EQUAL(memcmp(texts, "a84b4c76e66710+15550001111+18005551234", 38), 0);
	rig_end();
}

/* What is the ends' alone goes through as it stands, in its order, repeated, folded or short, both ways: reliable
 * provisionals (RFC 3262), UPDATE (3311), session timers (4028), identity and privacy of a trusted trunk (3323, 3325), signed
 * identity (8224), Diversion and History-Info (5806, 7044), User-to-User (7433), Session-ID (7989), and what nobody knows. */
static const char carried[] =
	"Require: 100rel,precondition\r\nSupported: 100rel, timer, replaces, histinfo\r\nk: uui\r\nAllow: INVITE, ACK, UPDATE, PRACK\r\n"
	"Session-Expires: 1800;refresher=uac\r\nMin-SE:  90\r\nPrivacy: id;critical\r\n"
	"P-Asserted-Identity: \"A, B\" <sip:+15550001111@x>,\r\n <tel:+15550001111>\r\nP-Preferred-Identity: <sip:me@x>\r\n"
	"Identity: eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJBIn0.sig;info=<https://c.example/c.pem>;alg=ES256;ppt=shaken\r\n"
	"Identity: second;info=<x>\r\ny: short;info=<x>\r\nDiversion: <sip:+1666@x>;reason=unconditional;counter=1\r\n"
	"History-Info: <sip:+1666@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:+1777@x>;index=1.1;mp=1\r\n"
	"User-to-User: 56a390f3d2b7310023a;encoding=hex;purpose=isdn-uui;content=isdn-uui\r\n"
	"Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n"
	"P-Charging-Vector: icid-value=\"x;y\"\r\nGeolocation: <cid:x>\r\nX-unHeard-of :  a\tb \r\n";

static const char *with_carried(const char *response)
{
	static char text[4096];
	const char *end = strstr(response, "Content-Length");
	snprintf(text, sizeof text, "%.*s%s%s", (int)(end - response), response, carried, end);
	return text;
}

static void test_carried(void)
{
	rig_begin(NULL);
	rig_receive(CARRIER, with_carried(caller("INVITE", B, "", CONTACT)));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	CU_ASSERT_PTR_NOT_NULL(strstr(m, carried));
	static const int statuses[] = {183, 180, 200};
	for (unsigned i = 0; i < 3; i++) {
		rig_receive(EAST, with_carried(rig_response(m, statuses[i], "east", "Contact: <sip:bob@198.51.100.21:5060>\r\n")));
		CU_ASSERT_PTR_NOT_NULL(strstr(rig_expect(CARRIER, "SIP/2.0 "), carried));
	}
	rig_end();
	rig_begin(NULL);  /* and of a failure, at once and kept as the best */
	m = begin_call(EAST);
	rig_receive(EAST, with_carried(rig_response(m, 500, "east", "")));
	rig_expect(EAST, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	rig_receive(WEST, with_carried(rig_response(m, 503, "west", "")));
	rig_expect(WEST, "ACK ");
	m = rig_expect(CARRIER, "SIP/2.0 500");
	CU_ASSERT_PTR_NOT_NULL(strstr(m, carried));
	rig_skip();
	rig_end();
}

/* A Route that the carrier has for its way here ends here (section 16.4). */
static void test_preloaded_route(void)
{
	rig_begin(NULL);
	rig_receive(CARRIER, caller("INVITE", B, "", "Route: <sip:203.0.113.10;lr>\r\n"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE sip:+18005551234@198.51.100.21");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "");
	rig_end();
}

static void test_answered(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(30);
	answer(EAST, m, 100);
	rig_expect_none();                 /* 100 goes no further (section 16.7, 5) */
	rig_run(70);
	answer(EAST, m, 180);
	const char *r = rig_expect(CARRIER, "SIP/2.0 180");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0), "SIP/2.0/UDP 192.0.2.1:5060;branch=" B);
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 1), "");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Record-Route", 0), rig_header(m, "Record-Route", 0));
	rig_run(1900);
	answer(EAST, m, 200);
	r = rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "To", 0), "<sip:18005551234@203.0.113.10>;tag=east");
	CU_ASSERT_EQUAL(live(0)->setups, 0);
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	CU_ASSERT_EQUAL(live(0)->answered, 1);
	CU_ASSERT_EQUAL(trunk()->setups, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 1);
	expect_route(0, 1);
	expect_no_record();                /* not over yet */
	rig_run(60000);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);  /* the call itself is forgotten */
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	rig_end();
}

static void test_2xx_repeated(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 200);
	rig_run(500);
	answer(EAST, m, 200);
	rig_run(1000);
	answer(EAST, m, 200);
	for (int i = 0; i < 3; i++)
		rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	CU_ASSERT_EQUAL(live(0)->answered, 1);
	rig_run(32000);
	answer(EAST, m, 200);              /* by now a stray */
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_STRAY), 1);
	rig_end();
}

static void test_retransmitted(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	answer(EAST, m, 183);
	rig_expect(CARRIER, "SIP/2.0 183");
	invite();
	rig_expect(CARRIER, "SIP/2.0 183");
	CU_ASSERT_EQUAL(trunk()->calls_total, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_REQ_INVITE), 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_RETRANS_IN), 2);
	rig_end();
}

/* The BYE finds the active call by its Call-ID and tags. */
static void bye(bool by_caller, enum record_ended_by expected)
{
	char text[2048];
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(100);
	answer(EAST, m, 180);
	rig_run(400);
	answer(EAST, m, 200);
	rig_skip();
	expect_route(0, 1);
	rig_run(61000);
	snprintf(text, sizeof text,
	         "BYE sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=%s\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 BYE\r\n\r\n",
	         by_caller ? "bob@198.51.100.21" : "alice@192.0.2.1", by_caller ? "192.0.2.1" : "198.51.100.21",
	         rig_header(m, "Record-Route", 0), by_caller ? "alice" : "east", by_caller ? "east" : "alice");
	rig_receive(by_caller ? CARRIER : EAST, text);
	const char *b = rig_expect(by_caller ? EAST : CARRIER, "BYE ");
	CU_ASSERT_STRING_EQUAL(rig_header(b, "Route", 0), "");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 0);
	const struct record *r = expect_end(OUTCOME_ANSWERED, 200, 0);
	CU_ASSERT_EQUAL(r->end.ended_by, expected);
	CU_ASSERT_EQUAL(r->end.duration_ms, 61000);
	CU_ASSERT_EQUAL(r->end.setup_ms, 500);
	CU_ASSERT_EQUAL(r->end.ring_ms, 100);
	CU_ASSERT_EQUAL(r->end.region, 0);
	CU_ASSERT_EQUAL(r->end.n_attempts, 1);
	CU_ASSERT_EQUAL(r->end.attempts[0].first_ms, 100);
	CU_ASSERT_EQUAL(r->end.attempts[0].answer_ms, 500);
	rig_receive(by_caller ? CARRIER : EAST, text);  /* retransmitted: nothing more */
	expect_no_record();
	rig_receive(by_caller ? EAST : CARRIER, rig_response(b, 200, "", ""));
	rig_expect(by_caller ? CARRIER : EAST, "SIP/2.0 200");
	rig_end();
}

static void test_bye_caller(void) { bye(true, ENDED_BY_CALLER); }
static void test_bye_callee(void) { bye(false, ENDED_BY_CALLEE); }

/* Nobody says BYE: after the longest time a call may last it counts as over. */
static void test_expired(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 200);
	rig_skip();
	expect_route(0, 1);
	rig_run(4 * 3600 * 1000 - 1);
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	rig_run(1);
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 0);
	CU_ASSERT_EQUAL(expect_end(OUTCOME_ANSWERED, 200, RECORD_EX)->end.ended_by, ENDED_BY_NONE);
	rig_end();
}

/* ---- calls that fail ---- */

static void test_busy(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(200);
	answer(EAST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(EAST, m, 486);
	const char *a = rig_expect(EAST, "ACK sip:+18005551234@198.51.100.21;user=phone SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(a, "Via", 0), rig_header(m, "Via", 0));
	rig_expect(CARRIER, "SIP/2.0 486");
	CU_ASSERT_EQUAL(live(0)->setups, 0);
	CU_ASSERT_EQUAL(live(0)->failed, 0);
	CU_ASSERT_EQUAL(trunk()->setups, 0);
	expect_route(0, 1);
	const struct record *r = expect_end(OUTCOME_BUSY, 486, 0);
	CU_ASSERT_EQUAL(r->end.ring_ms, 200);
	CU_ASSERT_EQUAL(r->end.duration_ms, -1);
	CU_ASSERT_EQUAL(r->end.attempts[0].status, 486);
	ack("east");
	rig_run(40000);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void check_relayed(int status, enum record_outcome outcome)
{
	char start[32];
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, status);
	rig_expect(EAST, "ACK ");
	snprintf(start, sizeof start, "SIP/2.0 %d", status);
	rig_expect(CARRIER, start);
	expect_route(0, 1);
	expect_end(outcome, (unsigned)status, 0);
	ack("east");
	rig_end();
}

static void test_relayed(void)
{
	check_relayed(302, OUTCOME_REJECTED);
	check_relayed(404, OUTCOME_REJECTED);
	check_relayed(484, OUTCOME_REJECTED);
	check_relayed(501, OUTCOME_FAILED);
	check_relayed(600, OUTCOME_BUSY);
	check_relayed(603, OUTCOME_REJECTED);
}

/* A stray or forged response changes nothing. */
static void test_stray(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	char *copy = strdup(m);
	char *branch = strstr(copy, ";branch=z9hG4bK") + 15;
	*branch = *branch == 'x' ? 'y' : 'x';
	answer(EAST, copy, 200);
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_STRAY), 1);
	rig_expect_none();
	free(copy);
	rig_end();
}

/* ---- several dialogs of one INVITE ---- */

/* The region forks: early dialogs with tags of their own, and PRACK in one of them (RFC 3262). */
static void test_early_dialogs(void)
{
	static const char *const tags[] = {"one", "two", "three"};
	char text[2048];
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	for (unsigned i = 0; i < 3; i++) {
		rig_receive(EAST, rig_response(m, 183, tags[i], "Require: 100rel\r\nRSeq: 7\r\n"
		                                                "Contact: <sip:bob@198.51.100.21>\r\n"));
		const char *r = rig_expect(CARRIER, "SIP/2.0 183");
		CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), tags[i]));
		CU_ASSERT_STRING_EQUAL(rig_header(r, "Require", 0), "100rel");
		CU_ASSERT_STRING_EQUAL(rig_header(r, "RSeq", 0), "7");
	}
	snprintf(text, sizeof text,
	         "PRACK sip:bob@198.51.100.21 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKprack\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=two\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 PRACK\r\n"
	         "RAck: 7 1 INVITE\r\n\r\n", rig_header(m, "Record-Route", 0));
	rig_receive(CARRIER, text);
	const char *p = rig_expect(EAST, "PRACK ");
	CU_ASSERT_STRING_EQUAL(rig_header(p, "RAck", 0), "7 1 INVITE");
	rig_receive(EAST, rig_response(p, 200, "", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_receive(EAST, rig_response(m, 200, "two", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	rig_end();
}

/* Two of its forks answer: the caller ends the one it does not want, and the other is still a call. */
static void test_forked_answers(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(EAST, rig_response(m, 200, "one", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_receive(EAST, rig_response(m, 200, "two", ""));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_expect(CARRIER, "SIP/2.0 200"), ";tag=two"));
	CU_ASSERT_EQUAL(live(0)->calls, 2);
	CU_ASSERT_EQUAL(trunk()->calls, 2);
	bye_of(m, "two");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	CU_ASSERT_EQUAL(trunk()->calls, 1);
	bye_of(m, "one");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 0);
	rig_skip();
	rig_end();
}

/* ---- many calls, and calls of two configurations ---- */

/* Five hundred calls in all stages at once: every figure comes back to where it was. */
static void test_many(void)
{
	static const int ends[] = {200, 486, 503, 0, 404};
	struct rig_options o = {.attempts = 1};
	rig_begin(&o);
	for (int i = 0; i < 500; i++) {
		char branch[32];
		snprintf(branch, sizeof branch, "z9hG4bK%d", i);
		char *text = caller("INVITE", branch, "", "");
		memcpy(strstr(text, "a84b4c76e66710"), branch, strlen(branch));
		rig_receive(CARRIER, text);
		rig_expect(CARRIER, "SIP/2.0 100");
		const char *m = rig_expect(EAST, "INVITE ");
		if (i % 2)
			answer(EAST, m, 180);
		if (ends[i % 5])
			answer(EAST, m, ends[i % 5]);
		while (rig_record())
			;
		rig_skip();
	}
	CU_ASSERT_EQUAL(live(0)->calls, 100);
	CU_ASSERT_EQUAL(live(0)->setups, 100);
	CU_ASSERT_EQUAL(trunk()->calls, 100);
	CU_ASSERT_EQUAL(trunk()->setups, 100);
	CU_ASSERT_EQUAL(trunk()->calls_total, 500);
	rig_end();
}

/* A call under way when its region is taken out of the configuration goes on as it was begun, and counts. */
static void test_reload_during_setup(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	struct region_live *east = live(0);
	expect_route(0, 1);
	rig_reload();
	answer(EAST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(EAST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(east->calls, 1);
	CU_ASSERT_EQUAL(east->setups, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 1);    /* of the same name: the same counter */
	rig_run(32000);
	rig_run(4 * 3600 * 1000);          /* nobody ends it; the new maximum holds, of an hour */
	CU_ASSERT_EQUAL(east->calls, 0);
	CU_ASSERT_EQUAL(trunk()->calls, 0);
	const struct record *r = expect_end(OUTCOME_ANSWERED, 200, RECORD_EX);
	CU_ASSERT_EQUAL(r->end.region, 0);
	CU_ASSERT_EQUAL(r->end.duration_ms / 1000 / 60, 60);
	rig_end();
}

/* The plan is the call's: its failover goes where it was decided, new calls by what is in force now. */
static void test_reload_then_failover(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_reload();
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, 486);
	rig_expect(WEST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 486");
	ack("west");
	rig_receive(CARRIER, caller("INVITE", B "2", "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(WEST, "INVITE ");
	CU_ASSERT_EQUAL(live(0)->attempts, 2);  /* us-west-2 is the first now, and the same one */
	rig_skip();
	rig_end();
}

UNIT_MAIN("call", {"forwarded", test_forwarded}, {"carried untouched", test_carried}, {"a Route that led here", test_preloaded_route},
          {"ringing and answered", test_answered}, {"200 repeated", test_2xx_repeated},
          {"INVITE repeated", test_retransmitted}, {"BYE by the caller", test_bye_caller},
          {"BYE by the callee", test_bye_callee}, {"never ended", test_expired}, {"busy", test_busy},
          {"failures relayed", test_relayed}, {"stray response", test_stray}, {"early dialogs", test_early_dialogs},
          {"forked answers", test_forked_answers}, {"five hundred at once", test_many},
          {"reload during a setup", test_reload_during_setup}, {"reload, then failover", test_reload_then_failover})
