/* policy/decide.c and the adaptive strategy, one decision at a time: who is eligible and why not, and what becomes of
 * facts that are written out. The other strategies are in policy_strategy_test.c; what follows from many decisions in a
 * row is in policy_share_test.c. */
#include <errno.h>

#include "tests/unit/policy_rig.h"

/* ---- what every strategy keeps ---- */

static void expect_out(unsigned region, enum policy_reason reason)
{
	CU_ASSERT_EQUAL(decide(7), 0);
	CU_ASSERT_EQUAL(plan.n_order, 1);
	CU_ASSERT_NOT_EQUAL(plan.order[0], region);
	CU_ASSERT_FALSE(plan.candidates[region].eligible);
	CU_ASSERT_EQUAL(plan.candidates[region].reason, reason);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_ONLY);
	facts[region] = facts_at_ease();
	CU_ASSERT_EQUAL(decide(7), 0);
	CU_ASSERT_EQUAL(plan.n_order, 2);
	CU_ASSERT_EQUAL(plan.candidates[region].reason, POLICY_OK);
}

static void test_reasons(void)
{
	for (int s = POLICY_ADAPTIVE; s <= POLICY_STICKY; s++) {
		fixture_init(&fix, 2, (enum policy_strategy)s);
		fix.regions[0].max_calls = 100;
		fix.regions[0].max_cps = 10;
		build();
		facts[0].no_sips = true;
		expect_out(0, POLICY_NO_SIPS);
		facts[0].admin = POLICY_DRAIN;
		expect_out(0, POLICY_NO_DRAIN);
		facts[0].admin = POLICY_MAINT;
		expect_out(0, POLICY_NO_MAINT);
		facts[0].admin = (enum policy_admin)42;
		expect_out(0, POLICY_NO_MAINT);
		facts[0].healthy = false;
		expect_out(0, POLICY_NO_UNHEALTHY);
		facts[0].calls = 60;
		facts[0].setups = 40;
		expect_out(0, POLICY_NO_CALLS);
		facts[0].calls = facts[0].setups = UINT32_MAX;
		expect_out(0, POLICY_NO_CALLS);
		facts[0].cps = 10;
		expect_out(0, POLICY_NO_CPS);
		facts[0].weight = 0;
		expect_out(0, POLICY_NO_WEIGHT);
		/* One below each limit is allowed. */
		facts[0].calls = 60;
		facts[0].setups = 39;
		facts[0].cps = 9;
		facts[0].weight = 1;
		CU_ASSERT_EQUAL(decide(7), 0);
		CU_ASSERT_EQUAL(plan.n_order, 2);
	}
	done();
}

/* An ejected region is out as long as another may take the call. */
static void test_ejected(void)
{
	for (int s = POLICY_ADAPTIVE; s <= POLICY_STICKY; s++) {
		build_of(2, (enum policy_strategy)s);
		facts[0].ejected = true;
		expect_out(0, POLICY_NO_EJECTED);
		facts[0].ejected = facts[1].ejected = true;
		CU_ASSERT_EQUAL(decide(7), 0);
		CU_ASSERT_EQUAL(plan.n_order, 2);
		facts[1].ejected = false;
		facts[1].admin = POLICY_DRAIN;
		CU_ASSERT_EQUAL(decide(7), 0);
		CU_ASSERT_EQUAL(plan.order[0], 0);
	}
	done();
}

/* What the other nodes sent there fills a region as well as own calls do. */
static void test_remote(void)
{
	for (int s = POLICY_ADAPTIVE; s <= POLICY_STICKY; s++) {
		fixture_init(&fix, 2, (enum policy_strategy)s);
		fix.regions[0].max_calls = 100;
		build();
		facts[0].calls = 40;
		facts[0].remote_calls = 50;
		facts[0].remote_setups = 9;
		CU_ASSERT_EQUAL(decide(7), 0);
		CU_ASSERT_EQUAL(plan.n_order, 2);
		CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].load, 0.99, 1e-6);
		facts[0].setups = 1;
		expect_out(0, POLICY_NO_CALLS);
	}
	build_of(2, POLICY_ADAPTIVE);
	facts[0].remote_setups = 50;
	CU_ASSERT_EQUAL(firsts(0), 0);
	done();
}

static void test_returns(void)
{
	build_of(2, POLICY_ADAPTIVE);
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.rule, 0);
	CU_ASSERT_EQUAL(plan.pool, 0);
	CU_ASSERT_PTR_EQUAL(plan.failover, &policy_table_pool(table, 0)->failover);
	CU_ASSERT_EQUAL(plan.n_candidates, 2);
	facts[0].healthy = facts[1].healthy = false;
	CU_ASSERT_EQUAL(decide(1), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(plan.rule, 0);
	CU_ASSERT_EQUAL(plan.n_candidates, 2);
	CU_ASSERT_EQUAL(plan.n_order, 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_NONE);
	CU_ASSERT_EQUAL(plan.candidates[1].reason, POLICY_NO_UNHEALTHY);

	fixture_init(&fix, 2, POLICY_ADAPTIVE);
	snprintf(fix.rule.trunk, sizeof(fix.rule.trunk), "carrier-b");
	build();
	CU_ASSERT_EQUAL(decide(1), -ENOENT);
	CU_ASSERT_EQUAL(plan.rule, -1);
	CU_ASSERT_EQUAL(plan.pool, -1);
	CU_ASSERT_PTR_NULL(plan.failover);
	CU_ASSERT_EQUAL(plan.n_candidates, 0);
	CU_ASSERT_EQUAL(plan.n_order, 0);
	done();
}

/* Only what the counts cover is written. */
static void test_writes_no_more(void)
{
	struct policy_plan before;

	build_of(3, POLICY_ADAPTIVE);
	facts[1].healthy = false;
	memset(&plan, 0xa5, sizeof(plan));
	memset(&before, 0xa5, sizeof(before));
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.n_order, 2);
	CU_ASSERT_EQUAL(memcmp(plan.order + 2, before.order + 2, sizeof(plan.order) - 2), 0);
	CU_ASSERT_EQUAL(memcmp(plan.candidates + 3, before.candidates + 3, sizeof(plan.candidates) -
	                       3 * sizeof(plan.candidates[0])), 0);
	done();
}

/* A pool in another order than the regions, and not all of them. */
static void test_pool_subset(void)
{
	fixture_init(&fix, 5, POLICY_PRIORITY);
	fix.pool.n_regions = 3;
	memcpy(fix.pool.regions, (uint8_t[]){4, 0, 2}, 3);
	build();
	facts[4].healthy = false;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.n_candidates, 3);
	CU_ASSERT_EQUAL(plan.candidates[0].region, 4);
	CU_ASSERT_EQUAL(plan.candidates[0].reason, POLICY_NO_UNHEALTHY);
	CU_ASSERT_EQUAL(plan.candidates[2].region, 2);
	CU_ASSERT_EQUAL(plan.n_order, 2);
	CU_ASSERT_EQUAL(plan.order[0], 0);
	CU_ASSERT_EQUAL(plan.order[1], 2);
	done();
}

static void test_panic(void)
{
	fixture_init(&fix, 4, POLICY_PRIORITY);
	fix.config.tuning.panic_share = 0.5;
	build();
	facts[0].healthy = facts[1].healthy = false;
	/* Half are healthy: not less than half. */
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_FALSE(plan.panic);
	CU_ASSERT_EQUAL(plan.order[0], 2);
	facts[2].healthy = false;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_TRUE(plan.panic);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_PANIC);
	CU_ASSERT_EQUAL(plan.n_order, 4);
	CU_ASSERT_EQUAL(plan.order[0], 0);
	/* What is out of service does not count, and stays out. */
	facts[0].admin = POLICY_MAINT;
	facts[1].weight = 0;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_FALSE(plan.panic);
	CU_ASSERT_EQUAL(plan.n_order, 1);
	facts[3].healthy = false;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_TRUE(plan.panic);
	CU_ASSERT_EQUAL(plan.n_order, 2);
	facts[2].admin = facts[3].admin = POLICY_DRAIN;
	CU_ASSERT_EQUAL(decide(1), -EHOSTUNREACH);
	CU_ASSERT_FALSE(plan.panic);
	done();

	/* By default there is no panic. */
	build_of(2, POLICY_ADAPTIVE);
	facts[0].healthy = facts[1].healthy = false;
	CU_ASSERT_EQUAL(decide(1), -EHOSTUNREACH);
	CU_ASSERT_FALSE(plan.panic);
	done();
}

/* ---- adaptive ---- */

static void test_load(void)
{
	fixture_init(&fix, 4, POLICY_ADAPTIVE);
	fix.regions[0].max_calls = 1000;
	fix.regions[1].max_calls = 1000;
	fix.regions[1].max_cps = 50;
	fix.regions[3].max_cps = 50;
	build();
	for (unsigned i = 0; i < 4; i++) {
		facts[i].calls = 380;
		facts[i].setups = 20;
		facts[i].cps = 30;
	}
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].load, 0.4, 1e-6);   /* calls and setups over max_calls */
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[1].load, 0.6, 1e-6);   /* the scarcer */
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[2].load, 0.2, 1e-6);   /* setups over setups_soft */
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[3].load, 0.6, 1e-6);
	done();
}

static void test_band_and_latency(void)
{
	build_of(2, POLICY_ADAPTIVE);
	/* Within 20 % of 50 ms: equal. */
	facts[1].latency_us = 59000;
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_BAND);
	/* Up to twice that it fades: half way it counts for a half. */
	facts[1].latency_us = 65000;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 620 && n < 715);
	/* Outside: the lower always. */
	facts[1].latency_us = 71000;
	CU_ASSERT_EQUAL(firsts(0), 1000);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LATENCY);
	CU_ASSERT_EQUAL(plan.order[1], 1);
	/* Of small figures 20 % is nothing: 10 ms at least are equal. */
	facts[0].latency_us = 2000;
	facts[1].latency_us = 11900;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	facts[1].latency_us = 22100;
	CU_ASSERT_EQUAL(firsts(0), 1000);
	done();
}

static void test_hot(void)
{
	fixture_init(&fix, 3, POLICY_ADAPTIVE);
	for (unsigned i = 0; i < 3; i++)
		fix.regions[i].max_calls = 1000;
	build();
	/* The quickest is hot: it costs 1 / room, here 1 / (0.15 / 0.25), and the other takes over. */
	facts[0].latency_us = 100000;
	facts[0].calls = 850;
	facts[1].latency_us = 500000;
	facts[2].latency_us = 110000;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_TRUE(plan.candidates[0].hot);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LATENCY);
	CU_ASSERT_EQUAL(memcmp(plan.order, (uint8_t[]){2, 0, 1}, 3), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 100 / 0.6, 0.1);
	/* Full it costs twice as much, and no more: a cold one that is slower than that does not get every call. */
	facts[0].calls = 999;
	facts[2].calls = 999;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 200, 0.1);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[2].score, 220, 0.1);
	CU_ASSERT_EQUAL(plan.order[2], 1);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_BAND);
	facts[1].latency_us = 120000;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_COLD);
	CU_ASSERT_EQUAL(plan.order[0], 1);
	facts[1].calls = facts[2].calls = 999;
	facts[1].latency_us = facts[2].latency_us = 500000;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LEAST_LOADED);
	CU_ASSERT_EQUAL(plan.order[0], 0);
	/* A region that fails costs what failures cost, however empty it is. */
	facts[0].error_rate = 0.5F;
	facts[0].calls = 0;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_TRUE(plan.candidates[0].hot);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].load, 0, 1e-6);
	CU_ASSERT_EQUAL(plan.order[2], 0);
	done();
}

/* Setups that nothing has come back for, beyond what is usual: seen before the first of them is late. */
static void test_waiting(void)
{
	build_of(2, POLICY_ADAPTIVE);
	facts[0].setups = facts[1].setups = 20;
	facts[0].cps = facts[1].cps = 100;
	facts[0].waiting = facts[1].waiting = 9;     /* usual: 100 a second for 50 ms, and 4 to spare */
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	facts[1].waiting = 0;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	facts[0].waiting = 18;
	CU_ASSERT_EQUAL(firsts(0), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 50 * 1.2 * 17, 0.1);
	facts[1].waiting = 18;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	done();
}

/* A load that trembles around a threshold changes `hot` once. */
static void test_hysteresis(void)
{
	static const struct { unsigned middle; bool start, end; unsigned switches; } cases[] = {
		{840, false, true, 1}, {840, true, true, 0}, {750, true, false, 1}, {750, false, false, 0},
		{795, true, true, 0}, {795, false, false, 0},
	};
	uint64_t seed = 3;

	fixture_init(&fix, 1, POLICY_ADAPTIVE);
	fix.regions[0].max_calls = 1000;
	build();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned switches = 0;

		facts[0].was_hot = cases[i].start;
		for (unsigned j = 0; j < 1000; j++) {
			facts[0].calls = cases[i].middle - 20 + next_below(&seed, 41);
			CU_ASSERT_EQUAL(decide(j), 0);
			switches += plan.candidates[0].hot != facts[0].was_hot;
			facts[0].was_hot = plan.candidates[0].hot;
		}
		CU_ASSERT_EQUAL(switches, cases[i].switches);
		CU_ASSERT_EQUAL(facts[0].was_hot, cases[i].end);
	}
	done();
}

static void test_room(void)
{
	fixture_init(&fix, 2, POLICY_ADAPTIVE);
	fix.regions[0].max_calls = fix.regions[1].max_calls = 1000;
	build();
	/* Below hot_off the weight alone counts, above it what is left: 0.17 / 0.25 against 1. */
	facts[0].calls = 700;
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	facts[0].calls = 830;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 355 && n < 455);
	facts[0].calls = 0;
	facts[0].weight = 300;
	n = firsts(0);
	CU_ASSERT_TRUE(n > 705 && n < 795);
	done();
}

static void test_unknown_latency(void)
{
	build_of(2, POLICY_ADAPTIVE);
	/* No figure at all: equal to the best, and so it shares. */
	facts[1].latency_us = facts[1].rtt_us = 0;
	unsigned n = firsts(1);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	/* As long as nothing is back it does not get more than a few: setups count. */
	facts[1].setups = 45;
	CU_ASSERT_EQUAL(firsts(1), 0);
	/* Nobody knows anything. */
	facts_ease();
	facts[0].latency_us = facts[0].rtt_us = facts[1].latency_us = facts[1].rtt_us = 0;
	n = firsts(1);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	/* A probe is quicker than an INVITE: the region without traffic is no quicker for that. */
	facts_ease();
	facts[1].latency_us = 0;
	n = firsts(1);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	/* The difference between probes still counts. */
	facts[1].rtt_us = 80000;
	CU_ASSERT_EQUAL(firsts(1), 0);
	facts[0].rtt_us = 90000;
	facts[0].latency_us = 120000;
	facts[1].rtt_us = 20000;
	CU_ASSERT_EQUAL(firsts(1), 1000);
	done();
}

static void test_pressure(void)
{
	build_of(2, POLICY_ADAPTIVE);
	/* 50 setups more, at 100 for twice the cost: 75 ms against 50. */
	facts[0].setups = 50;
	CU_ASSERT_EQUAL(firsts(0), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 75, 0.01);
	/* Three times the weight may have three times the setups. */
	facts[0].weight = 300;
	facts[0].setups = 30;
	facts[1].setups = 10;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 60, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[1].score, 60, 0.01);
	done();
}

static void test_errors(void)
{
	static const float rates[] = {0.15F, 0.2F, 0.5F, 0.9F, 1, 50, __builtin_inff()};
	static const float nonsense[] = {__builtin_nanf(""), -1, -__builtin_inff()};

	for (int s = POLICY_ADAPTIVE; s <= POLICY_LOAD; s++) {
		if (s == POLICY_WEIGHTED || s == POLICY_PRIORITY)
			continue;
		build_of(2, (enum policy_strategy)s);
		/* Fails at once, and is idle because of it. */
		facts[0].latency_us = 1000;
		facts[1].setups = s == POLICY_LOAD ? 4 : 0;
		CU_ASSERT_EQUAL(firsts(0), 1000);
		for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
			facts[0].error_rate = rates[i];
			CU_ASSERT_EQUAL(firsts(0), 0);
		}
		for (unsigned i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
			facts[0].error_rate = nonsense[i];
			CU_ASSERT_EQUAL(firsts(0), 1000);
		}
	}
	/* All fail all the time: still somebody is first. */
	facts[0].error_rate = facts[1].error_rate = 1;
	CU_ASSERT_EQUAL(decide(1), 0);
	CU_ASSERT_EQUAL(plan.n_order, 2);
	done();
}

static void test_outside_load(void)
{
	build_of(2, POLICY_ADAPTIVE);
	facts[0].outside_load = 0.9F;
	CU_ASSERT_EQUAL(firsts(0), 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_COLD);
	facts[0].outside_load = 0.85F;
	facts[1].outside_load = 1.4F;
	facts[1].latency_us = 80000;
	CU_ASSERT_EQUAL(firsts(0), 1000);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LEAST_LOADED);
	facts[1].latency_us = 50000;
	facts[0].outside_load = facts[1].outside_load = __builtin_nanf("");
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	done();
}

static void test_ring(void)
{
	build_of(2, POLICY_ADAPTIVE);
	facts[0].ring_us = 900000;
	facts[1].ring_us = 300000;
	CU_ASSERT_EQUAL(firsts(1), 1000);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 900, 0.01);
	/* The one that has not rung yet is no quicker for that. */
	facts[0].ring_us = 0;
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	CU_ASSERT_DOUBLE_EQUAL(plan.candidates[0].score, 300, 0.01);
	done();
}

UNIT_MAIN("policy_decide", {"what rules a region out", test_reasons}, {"ejected", test_ejected},
          {"other nodes' calls", test_remote}, {"what it returns", test_returns},
          {"writes no more than it says", test_writes_no_more}, {"a pool of some regions", test_pool_subset},
          {"panic", test_panic}, {"load", test_load}, {"band and latency", test_band_and_latency},
          {"hot and cold", test_hot}, {"setups that wait", test_waiting}, {"hysteresis", test_hysteresis},
          {"room", test_room}, {"unknown latency", test_unknown_latency}, {"pressure", test_pressure},
          {"errors", test_errors}, {"load told from outside", test_outside_load}, {"ringing", test_ring})
