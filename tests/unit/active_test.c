/* proxy/active: how long an established call counts (session timers, the maximum, 481), and that whatever happens
 * to calls in whatever order, no count of a region or a trunk drifts from the calls there are. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "proxy/active.h"

#define BOB "198.51.100.21:5070"
#define HOUR 3600000LL

static uint32_t region_calls(void)
{
	const struct table *t = rig_worker->common->table;
	return t->regions[0].live->calls + t->regions[1].live->calls;
}
static uint32_t trunk_calls(void) { return rig_worker->common->table->trunks[0].live->calls; }

/* ---- messages of call number `n` ---- */

static char routes[64][256];

static const char *message(const char *method, unsigned n, unsigned cseq, bool in_dialog, bool by_callee, const char *extra)
{
	static char text[2048];
	char route[300] = "";
	if (in_dialog)
		snprintf(route, sizeof route, "Route: %s\r\n", routes[n]);
	snprintf(text, sizeof text,
	         "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u-%u%s\r\nMax-Forwards: 70\r\n%s"
	         "From: <sip:x@y>;tag=%s\r\nTo: <sip:x@y>%s\r\nCall-ID: call%u\r\nCSeq: %u %s\r\n%sContent-Length: 0\r\n\r\n",
	         method, !in_dialog ? "sip:18005551234@203.0.113.10" : by_callee ? "sip:alice@192.0.2.1" : "sip:bob@" BOB,
	         by_callee ? EAST : CARRIER, n, cseq, by_callee ? "b" : "a", route, by_callee ? "bob" : "alice",
	         !in_dialog ? "" : by_callee ? ";tag=alice" : ";tag=bob", n, cseq, method, extra);
	return text;
}

/* The INVITE of call `n` is at the region. */
static const char *begin(unsigned n)
{
	rig_receive(CARRIER, message("INVITE", n, 1, false, false, ""));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(ANYONE, "INVITE ");  /* a region that fails often is left alone for a while */
	snprintf(routes[n], sizeof routes[n], "%s", rig_header(m, "Record-Route", 0));
	return m;
}

static void answer(const char *m, const char *extra)
{
	rig_receive(EAST, rig_response(m, 200, "bob", extra));
	rig_expect(CARRIER, "SIP/2.0 200");
}

static void in_dialog(const char *method, unsigned cseq, int status, const char *extra)
{
	rig_receive(CARRIER, message(method, 0, cseq, true, false, ""));
	if (!strcmp(method, "INVITE"))
		rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, method);
	rig_receive(EAST, rig_response(m, status, "", extra));
	rig_skip();
}

static void expect_calls(uint32_t n)
{
	CU_ASSERT_EQUAL(region_calls(), n);
	CU_ASSERT_EQUAL(trunk_calls(), n);
}

/* ---- how long ---- */

static void check_life(const char *extra, int64_t ms)
{
	rig_begin(NULL);
	answer(begin(0), extra);
	rig_run(ms - 1);
	expect_calls(1);
	rig_run(2);
	expect_calls(0);
	rig_record();
	const struct record *end = rig_record();
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	CU_ASSERT_EQUAL(end->end.flags, RECORD_EX);
	rig_end();
}

static void test_life(void)
{
	check_life("", 4 * HOUR);
	check_life("Session-Expires: 1800;refresher=uac\r\n", 1832000);
	check_life("x: 90\r\n", 122000);
	check_life("Session-Expires: 4000000000\r\n", 4 * HOUR);  /* never longer than the maximum */
	check_life("Session-Expires: soon\r\n", 4 * HOUR);
	check_life("Session-Expires: 0\r\n", 4 * HOUR);
}

static void test_refreshed(void)
{
	static const char *const methods[] = {"UPDATE", "INVITE"};
	for (unsigned i = 0; i < 2; i++) {
		rig_begin(NULL);
		answer(begin(0), "Session-Expires: 1800\r\n");
		for (unsigned k = 0; k < 20; k++) {
			rig_run(900000);
			in_dialog(methods[i], 2 + k, 200, "Session-Expires: 1800\r\n");
			expect_calls(1);
		}
		in_dialog("INFO", 50, 200, "");                 /* does not refresh a session (RFC 4028 section 7.4) */
		rig_run(1831999);
		expect_calls(1);
		rig_run(2);
		expect_calls(0);
		rig_end();
	}
}

static void test_refresh_refused(void)
{
	rig_begin(NULL);
	answer(begin(0), "Session-Expires: 1800\r\n");
	rig_run(900000);
	in_dialog("UPDATE", 2, 422, "Min-SE: 3600\r\n");
	rig_run(932000);
	expect_calls(0);
	rig_end();
}

/* Its BYE took another way, or was lost: the first 481 tells. */
static void test_gone(void)
{
	static const char *const tell[] = {"UPDATE", "INVITE", "INFO", "OPTIONS"}, *const do_not[] = {"PRACK", "NOTIFY", "REFER"};
	for (unsigned i = 0; i < 4; i++) {
		rig_begin(NULL);
		answer(begin(0), "");
		in_dialog(tell[i], 2, 481, "");
		expect_calls(0);
		rig_end();
	}
	for (unsigned i = 0; i < 3; i++) {
		rig_begin(NULL);
		answer(begin(0), "");
		in_dialog(do_not[i], 2, 481, "");
		expect_calls(1);
		rig_end();
	}
}

/* ---- the end by another node ---- */

static struct { uint32_t node; char call[128]; unsigned n; } told;

static void on_foreign_end(void *arg, uint32_t node, const char *call, size_t len)
{
	(void)arg;
	told.node = node;
	told.n++;
	snprintf(told.call, sizeof told.call, "%.*s", (int)len, call);
}

/* Whoever carries the BYE of another node's call says which call it was, once. */
static void test_ends_here(void)
{
	for (unsigned by_callee = 0; by_callee < 2; by_callee++) {
		memset(&told, 0, sizeof told);
		rig_begin(NULL);
		answer(begin(0), "");
		rig_other_node("ord-1");
		rig_worker->common->foreign_end = on_foreign_end;
		rig_receive(by_callee ? EAST : CARRIER, message("BYE", 0, 2, true, by_callee, ""));
		rig_receive(by_callee ? EAST : CARRIER, message("BYE", 0, 2, true, by_callee, ""));
		CU_ASSERT_EQUAL(told.n, 1);
		CU_ASSERT_EQUAL(told.node, token_name("iad-1"));
		CU_ASSERT_STRING_EQUAL(told.call, by_callee ? "call0\nbob\nalice" : "call0\nalice\nbob");
		rig_run(40000);
		rig_skip();
		rig_worker->common->foreign_end = NULL;
		rig_end();
	}
}

/* What it says ends the call here, whichever side's tag it names first; anything else ends nothing. */
static void test_over(void)
{
	static const char *const calls_over[] = {"call0\nalice\nbob", "call0\nbob\nalice"};
	static const char *const others[] = {"call1\nalice\nbob", "call0\nalice\n", "call0\nalice", "", "\n\n", "call0\nalice\nbo"};
	for (unsigned i = 0; i < 2; i++) {
		rig_begin(NULL);
		answer(begin(0), "");
		for (unsigned k = 0; k < sizeof others / sizeof others[0]; k++)
			active_over(rig_worker, others[k], strlen(others[k]));
		expect_calls(1);
		rig_run(2000);
		active_over(rig_worker, calls_over[i], strlen(calls_over[i]));
		active_over(rig_worker, calls_over[i], strlen(calls_over[i]));
		expect_calls(0);
		rig_record();
		const struct record *end = rig_record();
		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		CU_ASSERT_EQUAL(end->end.flags, RECORD_WN);
		CU_ASSERT_EQUAL(end->end.ended_by, i ? ENDED_BY_CALLEE : ENDED_BY_CALLER);
		CU_ASSERT_EQUAL(end->end.duration_ms, 2000);
		rig_end();
	}
}

/* ---- never drifts ---- */

#define CALLS 48

enum stage { IDLE, SETUP, UP };

struct model {
	enum stage stage;
	const char *invite;
	unsigned cseq;
	bool cancelled;
};

static struct model calls[CALLS];
static uint64_t seed;

static unsigned chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void step_setup(struct model *c, unsigned n)
{
	static const int failures[] = {404, 486, 500, 487, 603};
	switch (chance(5)) {
	case 0:
		rig_receive(EAST, rig_response(c->invite, 180, "bob", ""));
		break;
	case 1:
		rig_receive(EAST, rig_response(c->invite, failures[chance(5)], "bob", ""));
		c->stage = IDLE;
		break;
	case 2:
		rig_receive(CARRIER, message("CANCEL", n, 1, false, false, ""));
		break;
	default:
		rig_receive(EAST, rig_response(c->invite, 200, "bob", chance(2) ? "Session-Expires: 90\r\n" : ""));
		c->stage = UP;
	}
}

static void step_up(struct model *c, unsigned n)
{
	bool by_callee = chance(2);
	const char *source = by_callee ? EAST : CARRIER;
	switch (chance(6)) {
	case 0:                                             /* the answer again, and a forked one */
		rig_receive(EAST, rig_response(c->invite, 200, chance(2) ? "bob" : "fork", ""));
		break;
	case 1:
		rig_receive(source, message("BYE", n, ++c->cseq, true, by_callee, ""));
		rig_receive(source, message("BYE", n, c->cseq, true, by_callee, ""));
		c->stage = IDLE;
		break;
	case 2:                                             /* lost: it is never seen here */
		break;
	case 3:
		rig_receive(source, message("INFO", n, ++c->cseq, true, by_callee, ""));
		break;
	case 4:
		rig_receive(CARRIER, message("CANCEL", n, 1, false, false, ""));
		break;
	default:
		rig_receive(source, message("INVITE", n, ++c->cseq, true, by_callee, ""));
	}
}

/* Whatever has been sent matters to nobody here, but that what is counted is what is there. */
static void check_counts(void)
{
	CU_ASSERT_EQUAL(region_calls(), active_count(rig_worker));
	CU_ASSERT_EQUAL(trunk_calls(), active_count(rig_worker));
	rig_skip();
	while (rig_record())
		;
}

static void random_run(uint64_t start)
{
	struct rig_options o = {.attempts = 1, .first_response_ms = 30000};
	seed = start;
	memset(calls, 0, sizeof calls);
	rig_begin(&o);
	for (unsigned step = 0; step < 400; step++) {
		unsigned n = chance(CALLS), was = active_count(rig_worker);
		struct model *c = &calls[n];
		if (c->stage == IDLE && !c->invite)
			*c = (struct model){.stage = SETUP, .invite = begin(n), .cseq = 1};
		else if (c->stage == SETUP)
			step_setup(c, n);
		else if (c->stage == UP)
			step_up(c, n);
		CU_ASSERT(active_count(rig_worker) <= was + 1);
		check_counts();
		if (!chance(10))
			rig_run(chance(60000));
		check_counts();
	}
	rig_run(5 * HOUR);
	check_counts();
	expect_calls(0);
	CU_ASSERT_EQUAL(rig_worker->common->table->trunks[0].live->setups, 0);
	CU_ASSERT_EQUAL(rig_worker->txns.open, 0);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void test_never_drifts(void)
{
	for (uint64_t i = 1; i <= 40; i++)
		random_run(i * 0x9E3779B97F4A7C15ULL);
}

UNIT_MAIN("active", {"how long a call counts", test_life}, {"refreshed", test_refreshed},
          {"refresh refused", test_refresh_refused}, {"481", test_gone}, {"ends by another node: there", test_ends_here}, {"... and here", test_over},
          {"counts never drift", test_never_drifts})
