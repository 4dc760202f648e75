/* proxy/region: averages over time, rates over a sliding second, counts that never
 * go below zero. */
#include "proxy/region.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define T0 (1000 * CLOCK_SEC)

static struct region_live fresh(void)
{
	struct region_live r;
	memset(&r, 0, sizeof r);
	region_live_init(&r, "us-east-1", 42);
	return r;
}

static struct policy_region_facts facts(const struct region_live *r, int64_t now)
{
	struct policy_region_facts f;
	region_facts(r, 100, now, &f);
	return f;
}

static void test_init(void)
{
	struct region_live r = fresh();
	struct policy_region_facts f = facts(&r, T0);
	CU_ASSERT_STRING_EQUAL(r.name, "us-east-1");
	CU_ASSERT_EQUAL(r.health_since_wall_us, 42);
	CU_ASSERT_EQUAL(f.admin, POLICY_READY);
	CU_ASSERT_FALSE(f.healthy);
	CU_ASSERT_EQUAL(f.weight, 100);
	CU_ASSERT_EQUAL(f.setups + f.calls + f.cps + f.latency_us + f.rtt_us, 0);
	CU_ASSERT_EQUAL(f.error_rate, 0);
}

static void test_operator(void)
{
	struct region_live r = fresh();
	atomic_store(&r.weight, 0);
	CU_ASSERT_EQUAL(facts(&r, T0).weight, 0);
	atomic_store(&r.weight, 250);
	CU_ASSERT_EQUAL(facts(&r, T0).weight, 250);
	atomic_store(&r.weight, -1);
	CU_ASSERT_EQUAL(facts(&r, T0).weight, 100);
	atomic_store(&r.admin, POLICY_DRAIN);
	atomic_store(&r.healthy, true);
	atomic_store(&r.hot, true);
	atomic_store(&r.rtt_us, 1234);
	CU_ASSERT_EQUAL(facts(&r, T0).admin, POLICY_DRAIN);
	CU_ASSERT(facts(&r, T0).healthy);
	CU_ASSERT(facts(&r, T0).was_hot);
	CU_ASSERT_EQUAL(facts(&r, T0).rtt_us, 1234);
}

static void test_average(void)
{
	struct region_live r = fresh();
	int64_t now = T0;
	region_first_response(&r, now, 1000000);
	CU_ASSERT_EQUAL(facts(&r, now).latency_us, 1000000);  /* the first is all that is known */
	uint32_t before = 1000000;
	for (int i = 0; i < 100; i++) {  /* ten seconds of quick answers: one time constant */
		now += 100 * CLOCK_MS;
		region_first_response(&r, now, 10000);
		uint32_t v = facts(&r, now).latency_us;
		CU_ASSERT(v < before);
		before = v;
	}
	double expected = 10000 + 990000 * exp(-1.01);  /* each sample counts a millisecond more */
	CU_ASSERT(fabs(before - expected) < 0.001 * expected);
}

/* Many samples a second, each of which moves the average by less than a microsecond. */
static void test_average_unbiased(void)
{
	struct region_live r = fresh();
	for (int i = 0; i < 100000; i++)
		region_first_response(&r, T0 + i * CLOCK_MS / 2, 20000);
	CU_ASSERT_EQUAL(facts(&r, T0 + 50 * CLOCK_SEC).latency_us, 20000);
	struct region_live noisy = fresh();
	for (int i = 0; i < 100000; i++)
		region_first_response(&noisy, T0 + i * CLOCK_MS / 2, 15000 + i * 7919LL % 10007);
	double v = facts(&noisy, T0 + 50 * CLOCK_SEC).latency_us;
	CU_ASSERT(fabs(v - 20000) < 20);
}

/* Another worker's turn began later: its figures are not a wrapped age old. */
static void test_behind(void)
{
	struct region_live r = fresh();
	region_setup_begin(&r, T0);
	region_first_response(&r, T0, 20000);
	CU_ASSERT_EQUAL(facts(&r, T0 - 3 * CLOCK_MS).latency_us, 20000);
	CU_ASSERT_EQUAL(facts(&r, T0 - 3 * CLOCK_MS).cps, 1);
	region_first_response(&r, T0 - 3 * CLOCK_MS, 900000);
	CU_ASSERT(facts(&r, T0).latency_us < 21000);
	region_setup_begin(&r, T0 - 3 * CLOCK_MS);
	CU_ASSERT_EQUAL(facts(&r, T0).cps, 2);
}

static void test_decay_is_by_time(void)
{
	struct region_live few = fresh(), many = fresh();
	region_first_response(&few, T0, 1000000);
	region_first_response(&many, T0, 1000000);
	region_first_response(&few, T0 + 10 * CLOCK_SEC, 1);
	for (int i = 1; i <= 20; i++)
		region_first_response(&many, T0 + i * CLOCK_SEC / 2, 1);
	double a = facts(&few, T0 + 10 * CLOCK_SEC).latency_us, b = facts(&many, T0 + 10 * CLOCK_SEC).latency_us;
	CU_ASSERT(fabs(a - b) < 0.05 * a);
}

static void test_stale(void)
{
	struct region_live r = fresh();
	region_first_response(&r, T0, 50000);
	region_setup_begin(&r, T0);
	region_setup_end(&r, T0, true);
	CU_ASSERT_EQUAL(facts(&r, T0 + 29999 * CLOCK_MS).latency_us, 50000);
	CU_ASSERT(facts(&r, T0 + 29999 * CLOCK_MS).error_rate > 0);
	CU_ASSERT_EQUAL(facts(&r, T0 + 30000 * CLOCK_MS).latency_us, 0);
	CU_ASSERT_EQUAL(facts(&r, T0 + 30000 * CLOCK_MS).error_rate, 0);
}

static void test_latency_bounds(void)
{
	struct region_live r = fresh();
	region_first_response(&r, T0, 0);
	CU_ASSERT_EQUAL(facts(&r, T0).latency_us, 1);  /* 0 would say "not known" */
	region_first_response(&r, T0, -5);
	CU_ASSERT_EQUAL(facts(&r, T0).latency_us, 1);
	region_first_response(&r, T0, INT64_MAX);
	CU_ASSERT(facts(&r, T0 + 29 * CLOCK_SEC).latency_us < 600000000);
}

static void test_errors(void)
{
	struct region_live r = fresh();
	int64_t now = T0;
	for (int i = 0; i < 2000; i++) {  /* one of four fails, for long */
		now += 50 * CLOCK_MS;
		region_setup_begin(&r, now);
		region_setup_end(&r, now, i % 4 == 0);
	}
	float rate = facts(&r, now).error_rate;
	CU_ASSERT(rate > 0.22f && rate < 0.28f);
	CU_ASSERT_EQUAL(r.failed, 500);
	CU_ASSERT_EQUAL(r.attempts, 2000);
	for (int i = 0; i < 400; i++) {
		now += 50 * CLOCK_MS;
		region_setup_end(&r, now, false);
	}
	CU_ASSERT(facts(&r, now).error_rate < 0.05f);
}

static uint32_t cps(const struct region_live *r, int64_t now) { return facts(r, now).cps; }

static void test_rate(void)
{
	struct region_live r = fresh();
	for (int i = 0; i < 10; i++)
		region_setup_begin(&r, T0 + i * 100 * CLOCK_MS);
	CU_ASSERT_EQUAL(cps(&r, T0 + 999 * CLOCK_MS), 10);
	CU_ASSERT_EQUAL(cps(&r, T0 + CLOCK_SEC), 10);              /* all of the last second is still within one */
	CU_ASSERT_EQUAL(cps(&r, T0 + 1500 * CLOCK_MS), 5);
	region_setup_begin(&r, T0 + 1500 * CLOCK_MS);
	CU_ASSERT_EQUAL(cps(&r, T0 + 1500 * CLOCK_MS), 6);
	CU_ASSERT_EQUAL(cps(&r, T0 + 2 * CLOCK_SEC), 1);
	CU_ASSERT_EQUAL(cps(&r, T0 + 3 * CLOCK_SEC), 0);
	CU_ASSERT_EQUAL(cps(&r, T0 + 1000 * CLOCK_SEC), 0);
}

/* The count lives in 24 bits of seconds: it must not come alive again when they wrap. */
static void test_rate_wraps(void)
{
	struct region_live r = fresh();
	int64_t last = ((1LL << 24) - 1) * CLOCK_SEC;
	for (int i = 0; i < 4; i++)
		region_setup_begin(&r, last);
	CU_ASSERT_EQUAL(cps(&r, last + CLOCK_SEC), 4);
	CU_ASSERT_EQUAL(cps(&r, last + 2 * CLOCK_SEC), 0);
}

static void test_never_below_zero(void)
{
	struct region_live r = fresh();
	region_setup_end(&r, T0, false);
	region_call_end(&r);
	region_call_end(&r);
	CU_ASSERT_EQUAL(facts(&r, T0).setups, 0);
	CU_ASSERT_EQUAL(facts(&r, T0).calls, 0);
	region_setup_begin(&r, T0);
	region_call_begin(&r);
	region_call_begin(&r);
	CU_ASSERT_EQUAL(facts(&r, T0).setups, 1);
	CU_ASSERT_EQUAL(facts(&r, T0).calls, 2);
	CU_ASSERT_EQUAL(r.answered, 2);
	region_setup_end(&r, T0, false);
	region_call_end(&r);
	CU_ASSERT_EQUAL(facts(&r, T0).setups, 0);
	CU_ASSERT_EQUAL(facts(&r, T0).calls, 1);
}

UNIT_MAIN("region", {"begins with nothing known", test_init}, {"what the operator says", test_operator},
          {"latency, averaged over time", test_average}, {"without a drift", test_average_unbiased},
          {"by time, not by samples", test_decay_is_by_time}, {"workers a little apart", test_behind},
          {"old figures are not known", test_stale},
          {"latencies out of range", test_latency_bounds}, {"error rate", test_errors}, {"calls a second", test_rate},
          {"seconds wrap", test_rate_wraps}, {"counts stay above zero", test_never_below_zero})
