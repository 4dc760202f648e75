/* proxy/call: calls from the INVITE to their records, on a worker without a network: what goes to whom and
 * when (RFC 3261 section 16.6 to 16.8, 16.10), failover, limits, and what is left behind. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- the caller's side ---- */

static char *caller(const char *method, const char *branch, const char *to_tag, const char *extra)
{
	static char text[8][2048];
	static unsigned turn;
	char *out = text[turn++ % 8];
	const char *number = strcmp(method, "ACK") && strcmp(method, "CANCEL") ? method : "INVITE";
	snprintf(out, sizeof text[0],
	         "%s sip:18005551234@203.0.113.10;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
	         "Max-Forwards: 70\r\nFrom: <sip:5550001111@192.0.2.1>;tag=alice\r\n"
	         "To: <sip:18005551234@203.0.113.10>%s%s\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: %d %s\r\n%sContent-Length: 0\r\n\r\n",
	         method, branch, *to_tag ? ";tag=" : "", to_tag, !strcmp(number, "INVITE") ? 1 : 2, method, extra);
	return out;
}

#define B "z9hG4bKalice"
#define CONTACT "Contact: <sip:alice@192.0.2.1:5060>\r\n"

static void invite(void) { rig_receive(CARRIER, caller("INVITE", B, "", CONTACT)); }
static void cancel(void) { rig_receive(CARRIER, caller("CANCEL", B, "", "")); }
static void ack(const char *to_tag) { rig_receive(CARRIER, caller("ACK", B, to_tag, "")); }

/* The INVITE has come: 100 to the caller, and it is at `region`. */
static const char *begin_call(const char *region)
{
	invite();
	rig_expect(CARRIER, "SIP/2.0 100 Trying\r\n");
	return rig_expect(region, "INVITE ");
}

static void answer(const char *region, const char *request, int status)
{
	rig_receive(region, rig_response(request, status, strcmp(region, EAST) ? "west" : "east",
	                                 status / 100 == 2 ? "Contact: <sip:bob@198.51.100.21:5060>\r\n" : ""));
}

/* ---- what is left behind ---- */

static const struct record *expect_record(enum record_kind kind)
{
	static const struct record none;
	const struct record *r = rig_record();
	CU_ASSERT_PTR_NOT_NULL(r);
	CU_ASSERT_EQUAL(r ? r->kind : 99, kind);
	return r ? r : &none;
}

static void expect_route(int chosen, unsigned attempt)
{
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.chosen, chosen);
	CU_ASSERT_EQUAL(r->route.attempt, attempt);
}

static const struct record *expect_end(enum record_outcome outcome, unsigned status, uint32_t flags)
{
	const struct record *r = expect_record(RECORD_END);
	CU_ASSERT_EQUAL(r->end.outcome, outcome);
	CU_ASSERT_EQUAL(r->end.status, status);
	CU_ASSERT_EQUAL(r->end.flags, flags);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_ANSWERED + (enum stat_counter)outcome), 1);
	return r;
}

static void expect_no_record(void) { CU_ASSERT_PTR_NULL(rig_record()); }

static struct region_live *live(unsigned region) { return rig_worker->common->table->regions[region].live; }
static struct trunk_live *trunk(void) { return rig_worker->common->table->trunks[0].live; }

static void bye_of(const char *sent, const char *tag)
{
	char text[2048];
	snprintf(text, sizeof text,
	         "BYE sip:bob@198.51.100.21 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye%s\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 BYE\r\n"
	         "\r\n", tag, rig_header(sent, "Record-Route", 0), tag);
	rig_receive(CARRIER, text);
	rig_expect(EAST, "BYE ");
}

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
	rig_expect(CARRIER, "SIP/2.0 503");
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

/* Section 16.7 step 6: of several failures the one that says most: what is not a region's fault goes upstream, and
 * with nothing but such faults it is 503. */
static void check_best(int first, int second, const char *upstream)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, first);
	rig_expect(EAST, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, second);
	rig_expect(WEST, "ACK ");
	rig_expect(CARRIER, upstream);
	ack("x");
	rig_end();
}

static void test_best(void)
{
	check_best(503, 486, "SIP/2.0 486");
	check_best(500, 404, "SIP/2.0 404");
	check_best(408, 603, "SIP/2.0 603");
	check_best(503, 407, "SIP/2.0 407");
	check_best(500, 504, "SIP/2.0 503");
	check_best(408, 503, "SIP/2.0 503");
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

static void test_all_fail(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 500);
	rig_expect(EAST, "ACK ");
	const char *m2 = rig_expect(WEST, "INVITE ");
	answer(WEST, m2, 503);
	rig_expect(WEST, "ACK ");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), ";tag="));
	CU_ASSERT_EQUAL(trunk()->setups, 0);
	expect_route(0, 1);
	expect_route(1, 2);
	const struct record *e = expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_FO);
	CU_ASSERT_EQUAL(e->end.n_attempts, 2);
	CU_ASSERT_EQUAL(e->end.attempts[0].status, 500);
	CU_ASSERT_EQUAL(e->end.attempts[1].status, 503);
	CU_ASSERT_EQUAL(e->end.region, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_NO_REGION), 1);
	rig_run(600);
	rig_expect(CARRIER, "SIP/2.0 503");                 /* G */
	ack("x");
	rig_run(40000);
	rig_end();
}

static void test_all_silent(void)
{
	rig_begin(NULL);
	begin_call(EAST);
	rig_run(4000);
	rig_skip();
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_FO);
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
	rig_expect(CARRIER, "SIP/2.0 503");
	expect_route(0, 1);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR);
	ack("x");
	rig_end();
}

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
	rig_expect(CARRIER, "SIP/2.0 503");
	ack("x");
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_FO);
	rig_end();
}

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

/* ---- RFC 5393 ---- */

static const char *round_again(const char *sent, const char *user)
{
	static char text[2048];
	snprintf(text, sizeof text,
	         "INVITE sip:%s@203.0.113.10;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsbc\r\n"
	         "Via: %s\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=" B "\r\nMax-Forwards: 60\r\n"
	         "From: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", user, rig_header(sent, "Via", 0));
	return text;
}

static void test_loop(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(CARRIER, round_again(m, "18005551234"));
	rig_expect(CARRIER, "SIP/2.0 482 Loop Detected\r\n");
	rig_receive(CARRIER, round_again(m, "18005559999"));  /* forwarded to another number: a spiral */
	rig_expect(CARRIER, "SIP/2.0 482");                   /* the same transaction: the same answer */
	char *spiral = strdup(round_again(m, "18005559999"));
	memcpy(strstr(spiral, "Ksbc"), "Kspi", 4);
	rig_receive(CARRIER, spiral);
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE sip:+18005559999@");
	free(spiral);
	rig_end();
}

/* Another node of the same secret knows the loop too. */
static void test_loop_elsewhere(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_other_node("fra-1");
	rig_receive(CARRIER, round_again(m, "18005551234"));
	rig_expect(CARRIER, "SIP/2.0 482");
	rig_end();
}

static void check_breadth(const char *in, const char *first, const char *second)
{
	char extra[64];
	rig_begin(NULL);
	snprintf(extra, sizeof extra, "%s%s%s", *in ? "Max-Breadth: " : "", in, *in ? "\r\n" : "");
	rig_receive(CARRIER, caller("INVITE", B, "", extra));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 0), first);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 1), "");
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	/* without a second: the first is still out, and no breadth is left */
	m = *second ? rig_expect(WEST, "INVITE ") : rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 0), second);
	rig_end();
}

static void test_breadth(void)
{
	check_breadth("", "30", "30");
	check_breadth("60", "30", "30");
	check_breadth("4000000000000", "30", "30");
	check_breadth("9", "4", "4");
	check_breadth("2", "1", "1");
	check_breadth("1", "1", "");
	rig_begin(NULL);
	rig_receive(CARRIER, caller("INVITE", B, "", "Max-Breadth: 0\r\n"));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(CARRIER, "SIP/2.0 440 Max-Breadth Exceeded\r\n");
	rig_end();
	rig_begin(NULL);
	rig_receive(CARRIER, caller("INVITE", B, "", "Max-Breadth: 1\r\n"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	answer(EAST, m, 503);                               /* over: what it had is there again */
	rig_expect(EAST, "ACK ");
	CU_ASSERT_STRING_EQUAL(rig_header(rig_expect(WEST, "INVITE "), "Max-Breadth", 0), "1");
	rig_end();
}

/* ---- refusals ---- */

static void test_trunk_limit(void)
{
	struct rig_options o = {.max_calls = 1};
	rig_begin(&o);
	begin_call(EAST);
	char *second = caller("INVITE", "z9hG4bKsecond", "", "");
	memcpy(strstr(second, "a84b4c"), "b84b4c", 6);
	rig_receive(CARRIER, second);
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	expect_route(0, 1);
	const struct record *e = expect_end(OUTCOME_LIMITED, 503, RECORD_TL);
	CU_ASSERT_FALSE(e->planned);
	CU_ASSERT_EQUAL(e->end.n_attempts, 0);
	CU_ASSERT_EQUAL(e->end.region, -1);
	CU_ASSERT_EQUAL(trunk()->setups, 1);
	rig_end();
}

static void test_draining(void)
{
	rig_begin(NULL);
	atomic_store(&rig_worker->common->draining, true);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	expect_end(OUTCOME_REJECTED, 503, RECORD_DR);
	CU_ASSERT_EQUAL(trunk()->calls_total, 0);
	ack("x");
	rig_end();
}

/* A call that was up when the drain began goes on to its end. */
static void test_draining_established(void)
{
	char text[2048];
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 200);
	rig_skip();
	atomic_store(&rig_worker->common->draining, true);
	snprintf(text, sizeof text,
	         "BYE sip:bob@198.51.100.21 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=east\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 BYE\r\n"
	         "\r\n",
	         rig_header(m, "Record-Route", 0));
	rig_receive(CARRIER, text);
	rig_expect(EAST, "BYE ");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	rig_end();
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

/* ---- where a call goes on, and where not ---- */

static void test_never(void)
{
	struct rig_options o = {.never = 504};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	answer(EAST, m, 504);              /* on has it, never too */
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 504");
	rig_expect_none();
	rig_skip();
	rig_end();
}

/* 100 and no more: on to the next region, and the first is cancelled, for it has said something. */
static void test_attempt_deadline(void)
{
	struct rig_options o = {.attempt_ms = 5000};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	rig_run(1000 - 1);
	rig_skip();
	answer(EAST, m, 100);
	rig_run(4000);
	rig_expect_none();
	rig_run(1);
	rig_expect(EAST, "CANCEL ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, 100);
	answer(WEST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_run(60000);                    /* rings as long as it likes */
	rig_skip();
	answer(WEST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_skip();
	rig_end();
}

static void test_total_deadline(void)
{
	struct rig_options o = {.attempt_ms = 5000, .total_ms = 3000};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	rig_run(2000);                     /* silence */
	rig_skip();
	rig_run(999);
	rig_skip();
	rig_run(1);
	m = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Retry-After", 0), "5");
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_FO | RECORD_TO);
	rig_skip();
	rig_end();
}

/* Silence and 503 are the target's alone: its neighbour first, and once only; then the next region. */
static void test_target_first(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	m = rig_expect(EAST2, "INVITE ");
	answer(EAST2, m, 503);
	rig_expect(EAST2, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, 503);
	rig_expect(WEST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_EQUAL(rig_stat(STAT_TARGET_RETRIES), 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_FAILOVERS), 1);
	rig_run(40000);
	rig_skip();
	expect_route(0, 1);
	expect_route(0, 2);
	expect_route(1, 3);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_FO | RECORD_RT);
	rig_end();
}

/* 500 is the region's: its other target would say the same. */
static void test_region_at_once(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	answer(EAST, m, 500);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_end();
}

/* Of what a call heard nothing, while another target took it, the next calls are spared: until probes have had their time. */
static void test_target_in_doubt(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	begin_call(EAST);
	rig_run(2000);
	rig_skip();
	static const char *const goes[] = {EAST2, EAST2, EAST2, EAST2, EAST};
	for (unsigned i = 0; i < 5; i++) {
		char branch[32];
		snprintf(branch, sizeof branch, "%s%u", B, i);
		rig_receive(CARRIER, caller("INVITE", branch, "", CONTACT));
		rig_expect(CARRIER, "SIP/2.0 100");
		answer(goes[i], rig_expect(goes[i], "INVITE "), 486);
		rig_run(i == 2 ? 3000 : 0);
		rig_skip();
	}
	rig_end();
}

/* A neighbour that its probes say is down is no second chance. */
static void test_target_down(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	target_set_health(rig_worker->table->regions[0].targets[1], false, "no answer");
	const char *m = begin_call(EAST);
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_end();
}

static unsigned failed_over(unsigned calls)
{
	char branch[32];
	for (unsigned i = 0; i < calls; i++) {
		snprintf(branch, sizeof branch, "%s%u", B, i);
		rig_receive(CARRIER, caller("INVITE", branch, "", CONTACT));
		rig_expect(CARRIER, "SIP/2.0 100");
		const char *m = rig_expect(EAST, "INVITE ");
		answer(EAST, m, 500);
		rig_expect(EAST, "ACK ");
		rig_skip();
	}
	while (rig_record())
		;
	return (unsigned)rig_stat(STAT_FAILOVERS);
}

/* A region that fails every call: a share of them goes to the other, and what the minimum saved up. */
static void test_budget(void)
{
	struct rig_options o = {.budget = 0.2, .budget_min = 1};
	rig_begin(&o);
	/* 20 at the beginning: they last for 25 calls; then one of five */
	unsigned n = failed_over(100);
	CU_ASSERT(n >= 38 && n <= 41);
	CU_ASSERT_EQUAL(rig_stat(STAT_RETRIES_REFUSED), 100 - rig_stat(STAT_FAILOVERS));
	rig_skip();
	rig_end();
}

static void test_budget_flag(void)
{
	struct rig_options o = {.budget = 0.0001, .budget_min = 0};
	rig_begin(&o);
	rig_worker->retries.begun = true;      /* and nothing in it */
	const char *m = begin_call(EAST);
	answer(EAST, m, 500);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 503");
	rig_expect_none();
	expect_route(0, 1);
	expect_end(OUTCOME_FAILED, 503, RECORD_NR | RECORD_RB);
	rig_skip();
	rig_end();
}

/* Its target is left alone for so long, where there is another region. */
static void test_retry_after(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(EAST, rig_response(m, 503, "east", "Retry-After: 3 (busy)\r\n"));
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_run(2900);
	rig_skip();
	rig_receive(CARRIER, caller("INVITE", B "2", "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(WEST, "INVITE ");
	rig_run(200);
	rig_skip();
	rig_receive(CARRIER, caller("INVITE", B "3", "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE ");
	rig_skip();
	rig_end();
}

UNIT_MAIN("call", {"ICMP error", test_unreachable}, {"ICMP errors everywhere", test_all_unreachable}, {"codes that are final", test_never}, {"100 and no more", test_attempt_deadline},
          {"all attempts together", test_total_deadline}, {"another target first", test_target_first},
          {"a target in doubt", test_target_in_doubt},
          {"a region's failure", test_region_at_once}, {"no target that is down", test_target_down},
          {"retry budget", test_budget}, {"retry budget spent", test_budget_flag}, {"Retry-After", test_retry_after},
          {"reload during a setup", test_reload_during_setup},
          {"reload, then failover", test_reload_then_failover}, {"forwarded", test_forwarded}, {"a Route that led here", test_preloaded_route},
          {"ringing and answered", test_answered}, {"200 repeated", test_2xx_repeated},
          {"INVITE repeated", test_retransmitted}, {"BYE by the caller", test_bye_caller},
          {"BYE by the callee", test_bye_callee}, {"never ended", test_expired}, {"busy", test_busy},
          {"failures relayed", test_relayed}, {"failover on 503", test_failover_status},
          {"failover on silence", test_failover_silence}, {"late provisional", test_late_provisional},
          {"late answer", test_late_answer}, {"late decline", test_late_decline}, {"best response", test_best}, {"two answers", test_two_answers},
          {"no failover once ringing", test_no_failover_once_ringing}, {"503 once ringing", test_503_once_ringing},
          {"all regions fail", test_all_fail}, {"all regions silent", test_all_silent},
          {"one attempt", test_one_attempt},
          {"a region down", test_unhealthy}, {"no region", test_no_region}, {"timer B", test_timer_b},
          {"timer C", test_timer_c}, {"timer C, no answer to CANCEL", test_timer_c_unheard},
          {"timer C crossed by 200", test_timer_c_crossed}, {"CANCEL", test_cancel},
          {"CANCEL before a provisional", test_cancel_before_provisional},
          {"CANCEL, region silent", test_cancel_unheard},
          {"CANCEL crosses 200", test_cancel_crosses_answer}, {"no failover after CANCEL", test_cancel_no_failover},
          {"CANCEL during failover", test_cancel_during_failover}, {"CANCEL repeated late", test_cancel_repeated},
          {"200 after 487", test_answer_after_487}, {"early dialogs", test_early_dialogs},
          {"forked answers", test_forked_answers}, {"completed elsewhere", test_elsewhere},
          {"Reason of a CANCEL", test_cancel_reason}, {"timer C and 100", test_timer_c_100}, {"loop and spiral", test_loop},
          {"a loop over two nodes", test_loop_elsewhere}, {"Max-Breadth", test_breadth}, {"trunk limit", test_trunk_limit},
          {"draining", test_draining}, {"draining lets calls end", test_draining_established},
          {"stray response", test_stray},
          {"five hundred at once", test_many})
