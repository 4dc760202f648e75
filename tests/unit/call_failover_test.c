/* proxy/call, failover: a call goes on to the next region when one fails, says nothing or is not there; late answers
 * of the one left behind, and which of several failures goes upstream (RFC 3261 section 16.7, 16.8). */
#include "tests/unit/call_rig.h"

/* ---- on to the next region ---- */

static void test_failover_status(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(50);
	answer(EAST, m, 100);
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	const char *m2 = rig_expect(WEST, "INVITE sip:+18005551234@198.51.100.22;user=phone SIP/2.0\r\n");
	rig_expect_none();                                  /* nothing of it reaches the caller */
	CU_ASSERT_STRING_NOT_EQUAL(rig_header(m, "Via", 0), rig_header(m2, "Via", 0));
	CU_ASSERT_STRING_EQUAL(rig_header(m2, "Max-Forwards", 0), "69");
	CU_ASSERT_STRING_EQUAL(rig_header(m2, "Via", 2), "");
	CU_ASSERT_EQUAL(live(0)->setups, 0);
	CU_ASSERT_EQUAL(live(0)->failed, 1);
	CU_ASSERT_EQUAL(live(1)->setups, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_FAILOVERS), 1);
	answer(WEST, m2, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(WEST, m2, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	CU_ASSERT_EQUAL(live(1)->calls, 1);
	expect_route(0, 1);
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.chosen, 1);
	CU_ASSERT_EQUAL(r->route.attempt, 2);
	CU_ASSERT_EQUAL(r->route.after_region, 0);
	CU_ASSERT_EQUAL(r->route.after_status, 503);
	rig_end();
}

/* An ICMP error: the attempt is over at once, if the error quotes enough to tell which one. */
static void test_unreachable(void)
{
	static const char stranger[] = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKx\r\n";

	rig_begin(NULL);
	const char *m = begin_call(EAST);
	struct txn_layer *txns = &rig_worker->txns;
	CU_ASSERT_FALSE(txn_client_unreachable(txns, m, 0));
	CU_ASSERT_FALSE(txn_client_unreachable(txns, m, 40));           /* 8 bytes are all that some routers quote */
	CU_ASSERT_FALSE(txn_client_unreachable(txns, stranger, strlen(stranger)));
	CU_ASSERT_FALSE(txn_client_unreachable(txns, rig_response(m, 180, "b", ""), 200));
	rig_expect_none();
	CU_ASSERT_TRUE(txn_client_unreachable(txns, m, 200));
	const char *m2 = rig_expect(WEST, "INVITE ");
	CU_ASSERT_FALSE(txn_client_unreachable(txns, m, 200));          /* once */
	CU_ASSERT_EQUAL(rig_stat(STAT_TX_UNREACHABLE), 1);
	CU_ASSERT_EQUAL(live(0)->failed, 1);
	rig_receive(WEST, rig_response(m2, 100, "", ""));
	CU_ASSERT_FALSE(txn_client_unreachable(txns, m2, 200));         /* it is there: what is said later is not believed */
	answer(WEST, m2, 200);
	expect_route(0, 1);
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.after_region, 0);
	CU_ASSERT_EQUAL(r->route.after_status, 0);
	CU_ASSERT_TRUE(r->route.after_unreachable);
	rig_skip();
	rig_end();
}

/* Nobody is anywhere: the caller hears it at once. */
static void test_all_unreachable(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	CU_ASSERT_TRUE(txn_client_unreachable(&rig_worker->txns, m, strlen(m)));
	m = rig_expect(WEST, "INVITE ");
	CU_ASSERT_TRUE(txn_client_unreachable(&rig_worker->txns, m, strlen(m)));
	rig_expect(CARRIER, "SIP/2.0 500");                 /* as if each had said 503 (section 16.9) */
	txn_layer_free(&rig_worker->txns);
	rig_skip();
	rig_end();
}

static void test_failover_silence(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(1999);
	rig_expect(EAST, "INVITE ");                        /* A: 0.5 s, 1.5 s */
	rig_expect(EAST, "INVITE ");
	rig_expect_none();
	rig_run(1);
	const char *m2 = rig_expect(WEST, "INVITE ");
	rig_run(10000);                                     /* no CANCEL to a region that has said nothing */
	rig_skip();
	CU_ASSERT_EQUAL(live(0)->failed, 1);
	struct policy_region_facts f;
	struct table *t = rig_worker->common->table;
	region_facts(live(0), policy_table_region(t->policy, 0), policy_table_tuning(t->policy), clock_us(), &f);
	CU_ASSERT_EQUAL(f.latency_us, 2000000);             /* it is at least that slow */
	answer(WEST, m2, 200);
	(void)m;
	expect_route(0, 1);
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.after_region, 0);
	CU_ASSERT_EQUAL(r->route.after_status, 0);
	rig_skip();
	rig_end();
}

/* A first response that takes long enough for B: only where first_response is longer than 32 s. */
static void test_timer_b(void)
{
	struct rig_options o = {.first_response_ms = 60000};
	rig_begin(&o);
	begin_call(EAST);
	rig_run(31999);
	CU_ASSERT_EQUAL(rig_skip(), 6);
	rig_run(1);
	rig_expect(WEST, "INVITE ");
	CU_ASSERT_EQUAL(live(0)->failed, 1);
	CU_ASSERT_EQUAL(live(0)->setups, 0);
	rig_run(31999);
	CU_ASSERT_EQUAL(rig_skip(), 6);
	rig_run(1);
	rig_expect(CARRIER, "SIP/2.0 408");
	ack("x");
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_TIMEOUT, 408, RECORD_FO);
	rig_end();
}

/* ---- the region left behind speaks after all ---- */

/* The first region wakes up when the call is elsewhere: it is cancelled, and not heard. */
static void test_late_provisional(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_skip();
	answer(EAST, m, 180);
	rig_expect(EAST, "CANCEL sip:+18005551234@198.51.100.21;user=phone SIP/2.0\r\n");
	rig_expect_none();
	answer(EAST, m, 487);
	rig_expect(EAST, "ACK ");
	rig_expect_none();
	rig_end();
}

/* It answers: the caller gets that answer, the other region is cancelled (section 16.7, 10). */
static void test_late_answer(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(EAST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	const char *c = rig_expect(WEST, "CANCEL ");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	CU_ASSERT_EQUAL(live(1)->calls, 0);
	rig_receive(WEST, rig_response(c, 200, "west", ""));
	answer(WEST, m2, 487);
	rig_expect(WEST, "ACK ");
	rig_expect_none();
	CU_ASSERT_EQUAL(live(1)->setups, 0);
	rig_end();
}

/* A region given up for its silence says after all that the callee wants no call, anywhere: nobody else rings for it. */
static void test_late_decline(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(EAST, m, 603);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "CANCEL ");
	rig_expect(CARRIER, "SIP/2.0 603");
	answer(WEST, m2, 487);
	rig_expect(WEST, "ACK ");
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_REJECTED, 603, RECORD_FO);
	ack("east");
	rig_skip();
	rig_end();
}

/* Both answer: both answers are the caller's to sort out. */
static void test_two_answers(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	answer(EAST, m, 200);
	const char *r = rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_PTR_NOT_NULL(strstr(r, ";tag=east"));
	CU_ASSERT_EQUAL(live(0)->calls, 1);                 /* until the caller ends one */
	CU_ASSERT_EQUAL(live(1)->calls, 1);
	answer(EAST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 1);
	bye_of(m, "east");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	answer(EAST, m, 200);                               /* repeated once more: it is over all the same */
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	CU_ASSERT_EQUAL(live(1)->calls, 1);
	CU_ASSERT_EQUAL(trunk()->calls, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_ANSWERED), 1);
	rig_end();
}

/* ---- no failover, or none that helps ---- */

static void test_no_failover_once_ringing(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	answer(EAST, m, 502);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 502");
	rig_expect_none();
	expect_route(0, 1);
	expect_end(OUTCOME_FAILED, 502, 0);
	CU_ASSERT_EQUAL(live(0)->failed, 1);
	ack("east");
	rig_end();
}

/* A 503 of a region is not one of this node (section 16.7, 6). */
static void test_503_once_ringing(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 180);
	answer(EAST, m, 503);
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 500");
	ack("x");
	rig_end();
}

/* Section 16.7 step 6: of several failures the best, once and whoever said it; a 503 is about a region, and no word of
 * it about this node: no Retry-After, by which all other calls would be kept away too (section 21.5.4). */
static void check_best(int first, int second, const char *upstream, const char *tag)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(EAST, rig_response(m, first, "east", "Retry-After: 30\r\nWarning: 399 east \"why\"\r\n"));
	rig_expect(EAST, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	rig_receive(WEST, rig_response(m, second, "west", ""));
	rig_expect(WEST, "ACK ");
	const char *r = rig_expect(CARRIER, upstream);
	if (*tag)
		CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), tag));
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Warning", 0), strcmp(tag, ";tag=east") ? "" : "399 east \"why\"");
	if (!*tag)
		CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKalice");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 1), "");
	rig_expect_none();
	ack("x");
	rig_end();
}

static void test_best(void)
{
	/* what is no region's fault ends the search, and is the callee's word */
	check_best(503, 486, "SIP/2.0 486", ";tag=west");
	check_best(500, 404, "SIP/2.0 404", ";tag=west");
	check_best(408, 603, "SIP/2.0 603", ";tag=west");
	check_best(503, 407, "SIP/2.0 407", ";tag=west");
	/* regions' faults alone: the lowest class, the first of it, a 503 last */
	check_best(500, 504, "SIP/2.0 500", ";tag=east");
	check_best(504, 500, "SIP/2.0 504", ";tag=east");
	check_best(503, 502, "SIP/2.0 502", ";tag=west");
	check_best(408, 500, "SIP/2.0 408", ";tag=east");
	check_best(500, 408, "SIP/2.0 408", ";tag=west");
	check_best(408, 503, "SIP/2.0 408", ";tag=east");
	check_best(503, 503, "SIP/2.0 500", "");
}

/* What one region has said goes before the other's silence. */
static void check_best_and_silence(int said, const char *upstream)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, said);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_run(1999);
	rig_skip();
	rig_run(1);
	rig_expect(CARRIER, upstream);
	ack("x");
	rig_run(40000);
	rig_skip();
	rig_end();
}

static void test_best_and_silence(void)
{
	check_best_and_silence(504, "SIP/2.0 504");
	check_best_and_silence(503, "SIP/2.0 500");
}

static void test_all_fail(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 502);
	rig_expect(EAST, "ACK ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 503);
	rig_expect(WEST, "ACK ");
	const char *r = rig_expect(CARRIER, "SIP/2.0 502");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "");
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), ";tag=east"));
	CU_ASSERT_EQUAL(trunk()->setups, 0);
	expect_route(0, 1);
	expect_route(1, 2);
	const struct record *e = expect_end(OUTCOME_FAILED, 502, RECORD_FO);
	CU_ASSERT_EQUAL(e->end.n_attempts, 2);
	CU_ASSERT_EQUAL(e->end.attempts[0].status, 502);
	CU_ASSERT_EQUAL(e->end.attempts[1].status, 503);
	CU_ASSERT_EQUAL(e->end.region, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_NO_REGION), 0);
	rig_run(600);
	rig_expect(CARRIER, "SIP/2.0 502");                 /* G */
	ack("x");
	rig_run(40000);
	rig_end();
}

static void test_all_silent(void)
{
	rig_begin(NULL);
	begin_call(EAST);
	rig_run(3999);
	rig_skip();
	rig_run(1);
	const char *r = rig_expect(CARRIER, "SIP/2.0 408");
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), ";tag="));
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_TIMEOUT, 408, RECORD_FO);
	ack("x");
	rig_run(40000);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void test_one_attempt(void)
{
	struct rig_options o = {.attempts = 1};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 500");
	expect_route(0, 1);
	expect_end(OUTCOME_FAILED, 500, 0);
	ack("x");
	rig_end();
}

/* ---- regions that are not asked ---- */

static void set_healthy(unsigned region, bool healthy)
{
	struct table *t = rig_worker->common->table;
	target_set_health(t->regions[region].targets[0], healthy, "no answer");
	table_refresh_health(t, region);
}

static void test_unhealthy(void)
{
	rig_begin(NULL);
	set_healthy(0, false);
	begin_call(WEST);
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.chosen, 1);
	CU_ASSERT_EQUAL(r->route.because, POLICY_BECAUSE_ONLY);
	CU_ASSERT_EQUAL(record_candidates((struct record *)(uintptr_t)r)[0].reason, POLICY_NO_UNHEALTHY);
	rig_end();
}

static void test_no_region(void)
{
	rig_begin(NULL);
	set_healthy(0, false);
	atomic_store(&live(1)->admin, POLICY_DRAIN);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	expect_route(-1, 0);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR);
	CU_ASSERT_EQUAL(trunk()->setups, 0);
	ack("x");
	rig_end();
}

/* No region of its pool takes it, but others take other calls: this node is not to be left alone. */
static void test_no_region_of_the_pool(void)
{
	struct rig_options o = {.pool_of_one = true};
	rig_begin(&o);
	set_healthy(0, false);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "");
	expect_route(-1, 0);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_NO_REGION), 1);
	ack("x");
	rig_end();
}

UNIT_MAIN("call failover", {"failover on 503", test_failover_status}, {"ICMP error", test_unreachable},
          {"ICMP errors everywhere", test_all_unreachable}, {"failover on silence", test_failover_silence},
          {"timer B", test_timer_b}, {"late provisional", test_late_provisional}, {"late answer", test_late_answer},
          {"late decline", test_late_decline}, {"two answers", test_two_answers},
          {"no failover once ringing", test_no_failover_once_ringing}, {"503 once ringing", test_503_once_ringing},
          {"best response", test_best},
          {"best response and silence", test_best_and_silence}, {"all regions fail", test_all_fail}, {"all regions silent", test_all_silent},
          {"one attempt", test_one_attempt}, {"a region down", test_unhealthy}, {"no region", test_no_region},
          {"no region of the pool", test_no_region_of_the_pool})
