/* policy/region: averages over time, rates over a sliding second, counts that never
 * go below zero. */
#include "policy/region.h"
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
	struct policy_region_config config = {.weight = 100, .max_calls = 100};
	struct policy_tuning tuning = policy_tuning_default();
	region_facts(r, &config, &tuning, now, &f);
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
	CU_ASSERT_EQUAL(facts(&r, T0 + 29999 * CLOCK_MS).latency_age_ms, 29999);
	CU_ASSERT(facts(&r, T0 + 29999 * CLOCK_MS).error_rate > 0);
	CU_ASSERT(facts(&r, T0 + 20000 * CLOCK_MS).error_rate > facts(&r, T0 + 25000 * CLOCK_MS).error_rate);
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

/* ---- slow answers ---- */

static void answers(struct region_live *r, int64_t *now, unsigned n, int64_t every_us, int64_t latency_us)
{
	for (unsigned i = 0; i < n; i++)
		region_first_response(r, *now += every_us, latency_us);
}

static void test_peak(void)
{
	for (int64_t every = 2 * CLOCK_MS; every <= CLOCK_SEC; every *= 3) {
		struct region_live r = fresh();
		int64_t now = T0;
		answers(&r, &now, 200, every, 50000);
		region_first_response(&r, now += every, 5000000);  /* one out of line */
		CU_ASSERT(facts(&r, now).latency_us < 75000);
		answers(&r, &now, 20, every, 50000);
		CU_ASSERT(facts(&r, now).latency_us < 65000);
		int64_t began = now;
		while (now - began < 2 * CLOCK_SEC - every && facts(&r, now).latency_us < 75000)
			region_first_response(&r, now += every, 200000);
		CU_ASSERT(facts(&r, now).latency_us >= 75000 || every > CLOCK_SEC / 2);
		CU_ASSERT(now - began < CLOCK_SEC || every > CLOCK_SEC / 4);
	}
}

static void test_ringing(void)
{
	struct region_live r = fresh();
	CU_ASSERT_EQUAL(facts(&r, T0).ring_us, 0);
	region_ringing(&r, T0, 700000);
	CU_ASSERT_EQUAL(facts(&r, T0 + CLOCK_SEC).ring_us, 700000);
	CU_ASSERT_EQUAL(facts(&r, T0 + CLOCK_SEC).ring_age_ms, 1000);
	CU_ASSERT_EQUAL(facts(&r, T0).latency_us, 0);
}

/* ---- ejection ---- */

static void outcomes(struct region_live *r, int64_t now, unsigned n, bool failed)
{
	for (unsigned i = 0; i < n; i++) {
		region_setup_begin(r, now);
		region_setup_end(r, now, failed);
	}
}

static void test_ejection(void)
{
	struct policy_tuning t = policy_tuning_default();
	struct region_live r = fresh();
	int64_t now = T0, stay = t.eject_ms * CLOCK_MS;
	outcomes(&r, now, 4, true);
	CU_ASSERT_FALSE(region_judge(&r, now, NAN, &t));
	outcomes(&r, now, 1, false);
	outcomes(&r, now, 4, true);
	CU_ASSERT_FALSE(region_judge(&r, now, NAN, &t));  /* five, but not in a row */
	outcomes(&r, now, 1, true);
	CU_ASSERT(region_judge(&r, now, NAN, &t));
	CU_ASSERT_FALSE(region_judge(&r, now, NAN, &t));  /* is out already */
	for (unsigned i = 0; i < 8; i++) {
		int64_t length = stay << i < t.eject_max_ms * CLOCK_MS ? stay << i : t.eject_max_ms * CLOCK_MS;
		CU_ASSERT(facts(&r, now + length - CLOCK_SEC).ejected);
		CU_ASSERT_FALSE(facts(&r, now + length).ejected);
		now += length;
		outcomes(&r, now, 1, true);                /* the first call after it fails again */
		CU_ASSERT(region_judge(&r, now, NAN, &t));
	}
	CU_ASSERT_EQUAL(r.ejections, 9);
	/* A long time that went well is forgiven. */
	now += 3600 * CLOCK_SEC;
	outcomes(&r, now, 5, true);
	CU_ASSERT(region_judge(&r, now, NAN, &t));
	CU_ASSERT(facts(&r, now + stay - CLOCK_SEC).ejected);
	CU_ASSERT_FALSE(facts(&r, now + stay).ejected);
	t.eject_failures = 0;
	outcomes(&r, now + stay, 50, true);
	CU_ASSERT_FALSE(region_judge(&r, now + stay, 0, &t));
}

/* Failures that never come five in a row, but are most of its calls and not of the others'. */
static void test_outlier(void)
{
	struct policy_tuning t = policy_tuning_default();
	struct region_live r = fresh();
	int64_t now = T0;
	bool out = false, others_too = false, alone = false;
	for (unsigned i = 0; i < 4000; i++) {
		now += 10 * CLOCK_MS;
		outcomes(&r, now, 1, i % 4 != 0);
		others_too |= region_judge(&r, now, 0.6f, &t);
		alone |= region_judge(&r, now, NAN, &t);
	}
	CU_ASSERT_FALSE(others_too);
	CU_ASSERT_FALSE(alone);
	CU_ASSERT(region_judge(&r, now, 0.01f, &t));
	struct region_live few = fresh();
	for (unsigned i = 0; i < 20; i++) {
		now += CLOCK_SEC;
		outcomes(&few, now, 1, i % 4 != 0);
		out |= region_judge(&few, now, 0, &t);
	}
	CU_ASSERT_FALSE(out);
}

static void test_slow_start(void)
{
	struct policy_tuning t = policy_tuning_default();
	struct region_live r = fresh();
	int64_t now = T0;
	CU_ASSERT(region_set_health(&r, true, 20000, now, 1));
	CU_ASSERT_FALSE(region_set_health(&r, true, 21000, now, 2));
	CU_ASSERT_EQUAL(facts(&r, now).rtt_us, 21000);
	CU_ASSERT_EQUAL(facts(&r, now).held, 0);          /* its first day: nothing to come back from */
	CU_ASSERT(region_set_health(&r, false, 0, now, 3));
	now += 60 * CLOCK_SEC;
	CU_ASSERT(region_set_health(&r, true, 20000, now, 4));
	CU_ASSERT_EQUAL(r.health_since_wall_us, 4);
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, now).held, 0.9, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, now + t.slow_start_ms * CLOCK_MS / 2).held, 0.5, 1e-6);
	CU_ASSERT_EQUAL(facts(&r, now + t.slow_start_ms * CLOCK_MS).held, 0);
	CU_ASSERT_EQUAL(facts(&r, now + 100000 * CLOCK_SEC).held, 0);
	now += 100 * CLOCK_SEC;
	outcomes(&r, now, 5, true);
	CU_ASSERT(region_judge(&r, now, NAN, &t));
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, now + t.eject_ms * CLOCK_MS).held, 0.9, 1e-6);
	CU_ASSERT_EQUAL(facts(&r, now + (t.eject_ms + t.slow_start_ms) * CLOCK_MS).held, 0);
}

static void test_health(void)
{
	struct region_health h = {0};
	CU_ASSERT_FALSE(region_health_judge(&h, false, 2, 3));  /* the first counts at once */
	CU_ASSERT_FALSE(region_health_judge(&h, true, 2, 3));
	CU_ASSERT(region_health_judge(&h, true, 2, 3));
	CU_ASSERT(region_health_judge(&h, false, 2, 3));
	CU_ASSERT(region_health_judge(&h, false, 2, 3));
	CU_ASSERT(region_health_judge(&h, true, 2, 3));
	CU_ASSERT(region_health_judge(&h, false, 2, 3));
	CU_ASSERT(region_health_judge(&h, false, 2, 3));
	CU_ASSERT_FALSE(region_health_judge(&h, false, 2, 3));
}

/* ---- figures from outside ---- */

static void test_refused(void)
{
	static const double bad[] = {-1, -1e-9, 1e10};
	struct region_live r = fresh();
	CU_ASSERT(region_set_figure(&r, REGION_PERCENT, 40, T0, T0));
	struct policy_region_facts before = facts(&r, T0);
	CU_ASSERT_DOUBLE_EQUAL(before.outside_load, 0.4, 1e-6);
	for (int which = 0; which < REGION_FIGURES; which++) {
		for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
			CU_ASSERT_FALSE(region_set_figure(&r, (enum region_figure)which, bad[i], T0, T0));
		CU_ASSERT_FALSE(region_set_figure(&r, (enum region_figure)which, NAN, T0, T0));
		CU_ASSERT_FALSE(region_set_figure(&r, (enum region_figure)which, INFINITY, T0, T0));
		CU_ASSERT_FALSE(region_set_figure(&r, (enum region_figure)which, 1, T0 + CLOCK_SEC, T0));
		CU_ASSERT_FALSE(region_set_figure(&r, (enum region_figure)which, 1, -5, T0));
	}
	CU_ASSERT_FALSE(region_set_figure(&r, REGION_PERCENT, 101, T0, T0));
	CU_ASSERT_FALSE(region_set_figure(&r, REGION_PERCENT, 1, T0 - CLOCK_SEC, T0));  /* older than what is known */
	CU_ASSERT_FALSE(region_set_remote(&r, 1, UINT32_MAX, T0, T0));
	CU_ASSERT_FALSE(region_set_remote(&r, 1, 1, T0 + CLOCK_SEC, T0));
	struct policy_region_facts after = facts(&r, T0);
	CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof after), 0);
	CU_ASSERT_EQUAL(r.refused, 7 * REGION_FIGURES + 4);
}

static void test_outside(void)
{
	struct region_live r = fresh();
	CU_ASSERT_EQUAL(facts(&r, T0).outside_load, 0);
	CU_ASSERT(region_set_figure(&r, REGION_AGENTS, 30, T0, T0));
	CU_ASSERT_EQUAL(facts(&r, T0).outside_load, 0);
	for (unsigned i = 0; i < 10; i++)
		region_setup_begin(&r, T0);                /* own choices that the figure does not know of */
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, T0).outside_load, 0.25, 1e-6);
	CU_ASSERT(region_set_figure(&r, REGION_QUEUE, 20, T0, T0));
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, T0).outside_load, 0.5, 1e-6);
	CU_ASSERT_EQUAL(facts(&r, T0).outside_figure, REGION_AGENTS);
	CU_ASSERT(region_set_figure(&r, REGION_AGENTS, 0, T0, T0));
	CU_ASSERT_EQUAL(facts(&r, T0).outside_load, 1);
	CU_ASSERT(region_set_figure(&r, REGION_OLDEST_S, 90, T0, T0));
	CU_ASSERT_DOUBLE_EQUAL(facts(&r, T0).outside_load, 1.5, 1e-6);
	CU_ASSERT_EQUAL(facts(&r, T0).outside_figure, REGION_OLDEST_S);
	struct region_live slots = fresh();
	for (unsigned i = 0; i < 30; i++)
		region_setup_begin(&slots, T0);
	CU_ASSERT(region_set_figure(&slots, REGION_SLOTS, 30, T0, T0));
	CU_ASSERT_DOUBLE_EQUAL(facts(&slots, T0).outside_load, 0.5, 1e-6);
	for (unsigned i = 0; i < 30; i++)
		region_setup_begin(&slots, T0);
	CU_ASSERT_EQUAL(facts(&slots, T0).outside_load, 1);
}

/* Step by step, never at once. */
static void test_say(void)
{
	struct policy_tuning t = policy_tuning_default();
	struct region_live r = fresh();
	float before = 2;
	unsigned steps = 0;
	region_set_figure(&r, REGION_PERCENT, 100, T0, T0);
	region_set_remote(&r, 100, 1000, T0, T0);
	CU_ASSERT_EQUAL(facts(&r, T0 + t.figure_fresh_ms * CLOCK_MS).outside_load, 1);
	CU_ASSERT_EQUAL(facts(&r, T0 + t.figure_fresh_ms * CLOCK_MS).remote_setups, 100);
	for (uint32_t ms = t.figure_fresh_ms; ms <= t.figure_gone_ms; ms += 5000) {
		struct policy_region_facts f = facts(&r, T0 + ms * CLOCK_MS);
		CU_ASSERT(f.outside_load < before);
		CU_ASSERT(before > 1.5f || before - f.outside_load < 0.05f);
		CU_ASSERT(fabsf(f.remote_calls - 1000 * f.outside_load) <= 1.5f);
		before = f.outside_load;
		steps++;
	}
	CU_ASSERT_EQUAL(before, 0);
	CU_ASSERT(steps > 20);
}

UNIT_MAIN("region", {"begins with nothing known", test_init}, {"what the operator says", test_operator},
          {"latency, averaged over time", test_average}, {"without a drift", test_average_unbiased},
          {"by time, not by samples", test_decay_is_by_time}, {"workers a little apart", test_behind},
          {"old figures are not known", test_stale},
          {"latencies out of range", test_latency_bounds}, {"error rate", test_errors}, {"calls a second", test_rate},
          {"seconds wrap", test_rate_wraps}, {"counts stay above zero", test_never_below_zero},
          {"a few slow answers tell, one does not", test_peak}, {"ringing", test_ringing},
          {"ejection, longer each time", test_ejection}, {"outliers by error rate", test_outlier},
          {"slow start", test_slow_start}, {"rise and fall", test_health},
          {"figures that cannot be true", test_refused}, {"load told from outside", test_outside},
          {"old figures say less and less", test_say})
