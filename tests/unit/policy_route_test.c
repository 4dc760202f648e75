/* policy/route.c: rise and fall, orders at once, and which reason is given. */
#include "policy/route.h"

#include <limits.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct policy_route_gate gate = {.rise = 3, .fall = 2, .min_regions = 1};

static struct policy_route_facts fit(void)
{
	return (struct policy_route_facts){
		.workers = 2, .workers_alive = 2, .regions = 2, .regions_reachable = 2, .address_present = true,
	};
}

static void expect(struct policy_route_state *s, const struct policy_route_gate *g, struct policy_route_facts f,
                   enum policy_route_action action, enum policy_route_reason reason, bool changed)
{
	struct policy_route_verdict v = policy_route(g, &f, s);

	CU_ASSERT_EQUAL(v.action, action);
	CU_ASSERT_EQUAL(v.reason, reason);
	CU_ASSERT_EQUAL(v.changed, changed);
	CU_ASSERT_EQUAL(s->action, action);
}

/* A state that announces. */
static struct policy_route_state announced(void)
{
	struct policy_route_facts f = fit();
	struct policy_route_state s = {0};

	for (unsigned i = 0; i < gate.rise; i++)
		policy_route(&gate, &f, &s);
	CU_ASSERT_EQUAL(s.action, POLICY_ROUTE_ANNOUNCE);
	return s;
}

static void test_rise(void)
{
	struct policy_route_state s = {0};
	struct policy_route_facts dead = fit();

	dead.workers_alive = 0;
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	/* One bad check, and it starts over. */
	expect(&s, &gate, dead, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_WORKER, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
	expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
}

static void test_fall(void)
{
	static const enum policy_route_reason reasons[] = {POLICY_ROUTE_NO_WORKER, POLICY_ROUTE_NO_REGION,
	                                                   POLICY_ROUTE_NO_ADDRESS};

	for (unsigned i = 0; i < 3; i++) {
		struct policy_route_state s = announced();
		struct policy_route_facts bad = fit();

		if (reasons[i] == POLICY_ROUTE_NO_WORKER)
			bad.workers_alive = 0;
		else if (reasons[i] == POLICY_ROUTE_NO_REGION)
			bad.regions_reachable = 0;
		else
			bad.address_present = false;
		expect(&s, &gate, bad, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
		expect(&s, &gate, bad, POLICY_ROUTE_WITHDRAW, reasons[i], true);
		expect(&s, &gate, bad, POLICY_ROUTE_WITHDRAW, reasons[i], false);
		expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
		expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
		expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
	}
}

/* Different faults in a row are still bad checks in a row; the last one is named. */
static void test_mixed_faults(void)
{
	struct policy_route_state s = announced();
	struct policy_route_facts no_worker = fit(), no_region = fit();

	no_worker.workers_alive = 0;
	no_region.regions_reachable = 0;
	expect(&s, &gate, no_worker, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
	expect(&s, &gate, no_region, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_REGION, true);
}

/* Every second check bad: with fall 2 the route never moves, in either direction. */
static void test_no_flap(void)
{
	struct policy_route_state up = announced(), down = {0};
	struct policy_route_facts bad = fit();

	bad.workers_alive = 0;
	for (unsigned i = 0; i < 1000; i++) {
		struct policy_route_facts f = i % 2 == 0 ? bad : fit();

		CU_ASSERT_FALSE(policy_route(&gate, &f, &up).changed);
		CU_ASSERT_FALSE(policy_route(&gate, &f, &down).changed);
	}
	CU_ASSERT_EQUAL(up.action, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_EQUAL(down.action, POLICY_ROUTE_WITHDRAW);
}

static void test_orders(void)
{
	static const enum policy_route_reason reasons[] = {POLICY_ROUTE_OPERATOR, POLICY_ROUTE_DRAINING,
	                                                   POLICY_ROUTE_STOPPING};

	for (unsigned i = 0; i < 3; i++) {
		struct policy_route_state s = announced();
		struct policy_route_facts f = fit();

		if (reasons[i] == POLICY_ROUTE_OPERATOR)
			f.order = POLICY_ORDER_WITHDRAW;
		f.draining = f.drained = reasons[i] == POLICY_ROUTE_DRAINING;
		f.stopping = reasons[i] == POLICY_ROUTE_STOPPING;
		expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, reasons[i], true);
		expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, reasons[i], false);
		/* Fit all along: back at once. */
		expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
	}
}

/* Announced worse first, withdrawn at its end; what is not announced is not announced for it. */
static void test_drain(void)
{
	struct policy_route_state s = announced(), down = {0};
	struct policy_route_facts f = fit();

	f.draining = true;
	expect(&down, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAINING, false);
	expect(&s, &gate, f, POLICY_ROUTE_DRAIN, POLICY_ROUTE_DRAINING, true);
	expect(&s, &gate, f, POLICY_ROUTE_DRAIN, POLICY_ROUTE_DRAINING, false);
	f.workers_alive = 0;  /* a fault takes the route all the same */
	expect(&s, &gate, f, POLICY_ROUTE_DRAIN, POLICY_ROUTE_DRAINING, false);
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAINING, true);
	s = announced();
	f = fit();
	f.draining = true;
	expect(&s, &gate, f, POLICY_ROUTE_DRAIN, POLICY_ROUTE_DRAINING, true);
	f.drained = true;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAINING, true);
	expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
}

/* The operator's announce does not wait and does not mind regions or overload; where what comes is lost
 * it has no say. */
static void test_forced(void)
{
	struct policy_route_state s = {0};
	struct policy_route_facts f = fit();

	f.order = POLICY_ORDER_ANNOUNCE;
	f.regions_reachable = 0;
	f.overloaded = true;
	expect(&s, &gate, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_FORCED, true);
	f.address_present = false;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_ADDRESS, true);
	CU_ASSERT_TRUE(policy_route_wants_address(&gate, &f, &s));
	f.address_present = true;
	f.stopping = true;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STOPPING, false);
	f = fit();
	f.order = POLICY_ORDER_ANNOUNCE;
	s = announced();
	f.workers_alive = 0;
	expect(&s, &gate, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_FORCED, false);
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_WORKER, true);
}

/* Faults that lose a part of the calls degrade, and never withdraw. */
static void test_degrade(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct policy_route_state s = announced(), down = {0};
		struct policy_route_facts f = fit();
		enum policy_route_reason why = i == 2 ? POLICY_ROUTE_OVERLOAD : POLICY_ROUTE_SOME_WORKERS;

		if (i == 0)
			f.workers_alive = 1;
		f.probed = i == 1;
		f.workers_answering = 1;
		f.overloaded = i == 2;
		expect(&s, &gate, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
		expect(&s, &gate, f, POLICY_ROUTE_DEGRADE, why, true);
		expect(&s, &gate, f, POLICY_ROUTE_DEGRADE, why, false);
		expect(&s, &gate, fit(), POLICY_ROUTE_DEGRADE, POLICY_ROUTE_STARTING, false);
		expect(&s, &gate, fit(), POLICY_ROUTE_DEGRADE, POLICY_ROUTE_STARTING, false);
		expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
		/* A node that starts so is announced so. */
		expect(&down, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
		expect(&down, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
		expect(&down, &gate, f, POLICY_ROUTE_DEGRADE, why, true);
	}
}

static void test_no_answer(void)
{
	struct policy_route_state s = announced();
	struct policy_route_facts f = fit();

	f.probed = true;
	expect(&s, &gate, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_ANSWER, true);
	/* The address has to stay for the next question to be heard. */
	CU_ASSERT_TRUE(policy_route_wants_address(&gate, &f, &s));
	f.workers_alive = 0;
	CU_ASSERT_FALSE(policy_route_wants_address(&gate, &f, &s));
}

/* A fault that all may share never takes the last route of the fleet. */
static void test_last_node(void)
{
	struct policy_route_state alone = announced(), beside = announced(), fresh = {0};
	struct policy_route_facts f = fit();

	f.regions_reachable = 0;
	f.others = POLICY_OTHERS_NONE;
	for (unsigned i = 0; i < 10; i++)
		policy_route(&gate, &f, &alone);
	expect(&alone, &gate, f, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_LAST, false);
	for (unsigned i = 0; i < 10; i++)  /* but one that was never fit does not begin so */
		policy_route(&gate, &f, &fresh);
	CU_ASSERT_EQUAL(fresh.action, POLICY_ROUTE_WITHDRAW);

	/* Beside a fit node: degraded, and gone if that one stays fit. */
	f.others = POLICY_OTHERS_SOME;
	expect(&beside, &gate, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, false);
	expect(&beside, &gate, f, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_NO_REGION, true);
	f.others = POLICY_OTHERS_NONE;  /* it found the same: both stay */
	expect(&beside, &gate, f, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_LAST, false);
	expect(&beside, &gate, f, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_LAST, false);
	f.others = POLICY_OTHERS_SOME;
	expect(&beside, &gate, f, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_NO_REGION, false);
	expect(&beside, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_REGION, true);
	f.others = POLICY_OTHERS_NONE;  /* the other is gone: back, degraded */
	for (unsigned i = 0; i < gate.rise; i++)
		policy_route(&gate, &f, &beside);
	CU_ASSERT_EQUAL(beside.action, POLICY_ROUTE_DEGRADE);
}

static void test_hold(void)
{
	const struct policy_route_gate held = {.rise = 2, .fall = 1, .min_regions = 1, .hold_us = 10};
	struct policy_route_state s = {0};
	struct policy_route_facts f = fit(), bad = fit();

	policy_route(&held, &f, &s);
	expect(&s, &held, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);  /* a start is not held */
	bad.now_us = 100;
	bad.workers_alive = 0;
	expect(&s, &held, bad, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_WORKER, true);
	for (f.now_us = 101; f.now_us < 110; f.now_us++)
		expect(&s, &held, f, POLICY_ROUTE_WITHDRAW, f.now_us == 101 ? POLICY_ROUTE_STARTING : POLICY_ROUTE_HELD, false);
	expect(&s, &held, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
}

/* What became unfit under an order proves itself after it. */
static void test_fault_under_order(void)
{
	struct policy_route_state s = announced();
	struct policy_route_facts f = fit();

	f.order = POLICY_ORDER_WITHDRAW;
	f.workers_alive = 0;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_OPERATOR, true);
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_OPERATOR, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STARTING, false);
	expect(&s, &gate, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
}

/* The operator's order is named before stopping, stopping before draining, all before a fault. */
static void test_precedence(void)
{
	struct policy_route_state s = {0};
	struct policy_route_facts f = {.draining = true, .stopping = true, .order = POLICY_ORDER_WITHDRAW};

	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_OPERATOR, false);
	f.order = POLICY_ORDER_AUTO;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STOPPING, false);
	f.stopping = false;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAINING, false);
	f.draining = false;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_ADDRESS, false);
	f.address_present = true;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_WORKER, false);
	f.workers_alive = 1;
	f.probed = true;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_ANSWER, false);
	f.workers_answering = 1;
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_REGION, false);
}

static void test_gate_edges(void)
{
	const struct policy_route_gate zero = {0}, two = {.rise = 1, .fall = 1, .min_regions = 2};
	struct policy_route_facts f = fit();
	struct policy_route_state s = {0};

	/* Zero counts as one; with min_regions 0 a node without regions is fit. */
	f.regions_reachable = 0;
	expect(&s, &zero, f, POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
	f.workers_alive = 0;
	expect(&s, &zero, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_WORKER, true);

	s = (struct policy_route_state){0};
	expect(&s, &two, fit(), POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_OK, true);
	f = fit();
	f.regions_reachable = 1;
	expect(&s, &two, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_NO_REGION, true);

	/* Years of checks that ask for the same do not wrap. */
	f = fit();
	f.order = POLICY_ORDER_WITHDRAW;
	s = (struct policy_route_state){.bad = UINT_MAX, .natural = POLICY_ROUTE_ANNOUNCE};
	expect(&s, &gate, f, POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_OPERATOR, false);
	CU_ASSERT_EQUAL(s.bad, 0);
}

UNIT_MAIN("policy_route", {"rises", test_rise}, {"falls", test_fall}, {"mixed faults", test_mixed_faults},
          {"does not flap", test_no_flap}, {"orders act at once", test_orders},
          {"drain", test_drain}, {"announced by the operator", test_forced}, {"degrades", test_degrade},
          {"nobody answers OPTIONS", test_no_answer}, {"the last node", test_last_node}, {"hold", test_hold},
          {"a fault under an order", test_fault_under_order}, {"precedence of reasons", test_precedence},
          {"edges of the gate", test_gate_edges})
