/* proxy/call, calls given up: by the caller's CANCEL (RFC 3261 section 16.10), before and after a provisional, crossing
 * answers and failover; by timer C (section 16.8); and the Reason that a CANCEL carries (RFC 3326). */
#include "tests/unit/call_rig.h"

/* ---- CANCEL ---- */

static void test_cancel(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(300);
	answer(EAST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_run(1000);
	cancel();
	const char *ok = rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(ok, "CSeq", 0), "1 CANCEL");
	const char *c = rig_expect(EAST, "CANCEL ");
	CU_ASSERT_STRING_EQUAL(rig_header(c, "Via", 0), rig_header(m, "Via", 0));
	CU_ASSERT_STRING_EQUAL(rig_header(c, "CSeq", 0), "1 CANCEL");
	cancel();                                           /* a retransmission: answered alike, nothing more */
	const char *again = rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	CU_ASSERT_STRING_EQUAL(ok, again);
	rig_expect_none();
	rig_receive(EAST, rig_response(c, 200, "east", ""));
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 487");
	expect_route(0, 1);
	const struct record *r = expect_end(OUTCOME_CANCELLED, 487, 0);
	CU_ASSERT_EQUAL(r->end.ended_by, ENDED_BY_CALLER);
	CU_ASSERT_EQUAL(r->end.setup_ms, 1300);
	CU_ASSERT_EQUAL(live(0)->failed, 0);
	cancel();                                           /* even now */
	CU_ASSERT_STRING_EQUAL(rig_expect(CARRIER, "SIP/2.0 200 OK\r\n"), ok);
	ack("east");
	rig_run(40000);
	rig_expect_none();
	cancel();                                           /* the transaction is gone */
	rig_expect(CARRIER, "SIP/2.0 481");
	rig_end();
}

/* CANCELs of calls that are not here, from the trunk and from others, by the thousand: answered or dropped, and nothing is
 * kept of them (OpenSIPS 1719). */
static void test_cancel_of_nothing(void)
{
	char branch[32];
	rig_begin(NULL);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(branch, sizeof branch, "z9hG4bKgone%u", i);
		rig_receive(CARRIER, caller("CANCEL", branch, "", ""));
		rig_expect(CARRIER, "SIP/2.0 481");
		rig_receive(CARRIER, caller("CANCEL", branch, "", ""));
		rig_expect(CARRIER, "SIP/2.0 481");
		rig_receive(STRANGER, caller("CANCEL", branch, "", ""));
		rig_receive(EAST, caller("CANCEL", branch, "", ""));
		rig_expect_none();
		rig_skip();
		rig_forget();
	}
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	CU_ASSERT_EQUAL(timer_wheel_count(rig_worker->wheel), 0);
	expect_no_record();
	rig_end();
}

static void test_cancel_before_provisional(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(100);
	cancel();
	rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	rig_run(800);
	rig_expect_none();                                  /* no CANCEL yet, and no INVITE again */
	answer(EAST, m, 100);
	rig_expect(EAST, "CANCEL ");
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 487");
	expect_route(0, 1);
	expect_end(OUTCOME_CANCELLED, 487, 0);
	ack("east");
	rig_skip();
	rig_end();
}

/* The region never says anything: the caller does not wait for it longer than for a first response. */
static void test_cancel_unheard(void)
{
	rig_begin(NULL);
	begin_call(EAST);
	cancel();
	rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	rig_run(2000);
	rig_expect(CARRIER, "SIP/2.0 487");
	rig_expect_none();                                  /* nor is another region tried */
	expect_route(0, 1);
	expect_end(OUTCOME_CANCELLED, 487, 0);
	ack("x");
	rig_run(40000);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void test_cancel_crosses_answer(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	cancel();
	rig_skip();
	answer(EAST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	cancel();                                           /* after the answer: understood, without effect */
	rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	rig_run(100);
	rig_expect_none();
	rig_run(40000);
	rig_skip();                                         /* CANCEL that nobody answered */
	rig_end();
}

static void test_cancel_no_failover(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 100);
	cancel();
	rig_skip();
	answer(EAST, m, 503);                               /* crossing: must not start the call anew */
	rig_expect(EAST, "ACK ");
	const char *r = rig_expect(CARRIER, "SIP/2.0 ");
	CU_ASSERT(!strncmp(r, "SIP/2.0 487", 11));
	expect_route(0, 1);
	expect_end(OUTCOME_CANCELLED, 487, 0);
	ack("x");
	rig_skip();
	rig_end();
}

static void test_cancel_during_failover(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	cancel();
	rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	rig_expect(WEST, "CANCEL ");
	answer(EAST, m, 100);
	rig_expect(EAST, "CANCEL ");
	answer(WEST, m2, 487);
	rig_expect(WEST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 487");
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect_none();
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_CANCELLED, 487, RECORD_FO);
	ack("x");
	rig_skip();
	rig_end();
}

/* The 200 to a CANCEL may be lost again and again: it is repeated for as long as the sender may ask. */
static void test_cancel_repeated(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	cancel();
	rig_expect(CARRIER, "SIP/2.0 180");
	const char *ok = rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	rig_receive(EAST, rig_response(rig_expect(EAST, "CANCEL "), 200, "east", ""));
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 487");
	ack("east");
	rig_run(20000);                                     /* the INVITE's transaction is gone since long */
	cancel();
	CU_ASSERT_STRING_EQUAL(rig_expect(CARRIER, "SIP/2.0 "), ok);
	CU_ASSERT_EQUAL(rig_stat(STAT_REQ_CANCEL), 1);
	rig_end();
}

/* Section 16.7 step 10: an answer that crossed CANCEL and came after all was said still reaches the caller. */
static void test_answer_after_487(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	cancel();
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_run(2000);
	rig_expect(CARRIER, "SIP/2.0 487");
	ack("x");
	rig_run(10000);
	rig_expect_none();
	answer(EAST, m, 200);
	const char *r = rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "CSeq", 0), "1 INVITE");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0), "SIP/2.0/UDP 192.0.2.1:5060;branch=" B);
	rig_end();
}

/* ---- its Reason ---- */

/* RFC 3326: what rings in vain elsewhere is told that the call was taken. */
static void test_elsewhere(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	answer(EAST, m, 180);
	const char *c = rig_expect(EAST, "CANCEL ");
	CU_ASSERT_STRING_EQUAL(rig_header(c, "Reason", 0), "SIP;cause=200;text=\"Call completed elsewhere\"");
	rig_end();
}

static void test_cancel_reason(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_receive(CARRIER, caller("CANCEL", B, "", "Reason: Q.850;cause=16;text=\"Terminated\"\r\n"));
	rig_expect(CARRIER, "SIP/2.0 200");
	const char *c = rig_expect(EAST, "CANCEL ");
	CU_ASSERT_STRING_EQUAL(rig_header(c, "Reason", 0), "Q.850;cause=16;text=\"Terminated\"");
	rig_end();
}

/* ---- timer C ---- */

/* Section 16.8: after a provisional, CANCEL; the caller sees it as a time-out. */
static void test_timer_c(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	rig_run(100000);
	answer(EAST, m, 180);                               /* starts C anew (section 16.7, 2) */
	rig_skip();
	rig_run(184999);
	rig_expect_none();
	rig_run(1);
	const char *c = rig_expect(EAST, "CANCEL ");
	rig_expect_none();
	rig_receive(EAST, rig_response(c, 200, "east", ""));
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 408");
	expect_route(0, 1);
	const struct record *r = expect_end(OUTCOME_TIMEOUT, 408, 0);
	CU_ASSERT_EQUAL(r->end.attempts[0].status, 487);
	ack("x");
	rig_end();
}

static void test_timer_c_unheard(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	rig_run(185000);
	rig_skip();
	rig_run(31999);
	rig_skip();                                         /* CANCEL, repeated */
	rig_run(1);
	rig_expect(CARRIER, "SIP/2.0 408");
	expect_route(0, 1);
	expect_end(OUTCOME_TIMEOUT, 408, 0);
	CU_ASSERT_EQUAL(live(0)->setups, 0);
	ack("x");
	rig_end();
}

static void test_timer_c_crossed(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	rig_run(185000);
	rig_skip();
	answer(EAST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	rig_run(100);
	rig_skip();
	rig_end();
}

/* A 100 starts timer C, but only another provisional starts it anew (section 16.7, 2). */
static void test_timer_c_100(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 100);
	rig_run(100000);
	answer(EAST, m, 100);
	rig_run(84999);
	rig_expect_none();
	rig_run(1);
	rig_expect(EAST, "CANCEL ");
	rig_end();
}

UNIT_MAIN("call cancel", {"CANCEL", test_cancel}, {"CANCEL of nothing", test_cancel_of_nothing}, {"CANCEL before a provisional", test_cancel_before_provisional},
          {"CANCEL, region silent", test_cancel_unheard}, {"CANCEL crosses 200", test_cancel_crosses_answer},
          {"no failover after CANCEL", test_cancel_no_failover},
          {"CANCEL during failover", test_cancel_during_failover}, {"CANCEL repeated late", test_cancel_repeated},
          {"200 after 487", test_answer_after_487}, {"completed elsewhere", test_elsewhere},
          {"Reason of a CANCEL", test_cancel_reason}, {"timer C", test_timer_c},
          {"timer C, no answer to CANCEL", test_timer_c_unheard}, {"timer C crossed by 200", test_timer_c_crossed},
          {"timer C and 100", test_timer_c_100})
