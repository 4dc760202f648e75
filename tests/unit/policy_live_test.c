/* policy/region.c and policy_decide() together, as a node has them: live figures make facts, facts make
 * choices, choices make figures. Latencies have the tails that real ones have. Chance is seeded. */
#include "policy/region.h"

#include <math.h>

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

#define SEEDS 5
#define MS 1000
#define SEC (1000 * MS)
#define RING 65536

struct live {
	struct policy_table *table;
	struct region_live regions[2];
	double latency_us[2];
	int64_t now, every;                  /* a call each */
	uint64_t seed;
	struct { int64_t when; double took; uint8_t region; } due[RING];  /* answers, by when they come */
	unsigned first_due, n_due;
	unsigned taken[2];
};

/* Lognormal about the mean with sigma 0.4, and one in 200 ten times as long. */
static double draw_latency(struct live *s, double mean)
{
	double u = chance_unit(next_random(&s->seed)), v = chance_unit(next_random(&s->seed));
	double latency = mean * exp(0.4 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v) - 0.08);

	return next_below(&s->seed, 200) == 0 ? 10 * latency : latency;
}

static void live_init(struct live *s, unsigned cps, uint64_t seed)
{
	struct fixture f;

	memset(s, 0, sizeof(*s));
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.regions[0].max_calls = f.regions[1].max_calls = 100000;
	s->table = fixture_table(&f);
	s->seed = seed;
	s->now = 1000 * (int64_t)SEC;
	s->every = SEC / cps;
	for (unsigned i = 0; i < 2; i++) {
		region_live_init(&s->regions[i], f.regions[i].name, 0);
		region_set_health(&s->regions[i], true, 20 * MS, s->now, 0);
		s->latency_us[i] = 50 * MS;
	}
}

/* Answers that are due, in the order of their calls' times: near enough to theirs. */
static void live_answers(struct live *s)
{
	for (unsigned i = 0; i < s->n_due; i++) {
		unsigned k = (s->first_due + i) % RING;
		struct region_live *r = &s->regions[s->due[k].region];

		if (s->due[k].when == 0 || s->due[k].when > s->now)
			continue;
		region_waiting_end(r);
		region_first_response(r, s->now, (int64_t)s->due[k].took);
		region_setup_end(r, s->now, false);
		s->due[k].when = 0;
	}
	while (s->n_due > 0 && s->due[s->first_due].when == 0) {
		s->first_due = (s->first_due + 1) % RING;
		s->n_due--;
	}
}

static unsigned live_call(struct live *s)
{
	struct policy_region_facts facts[2];
	struct policy_query q = query_of(next_random(&s->seed));
	struct policy_plan plan;

	live_answers(s);
	for (unsigned i = 0; i < 2; i++)
		region_facts(&s->regions[i], policy_table_region(s->table, i), policy_table_tuning(s->table), s->now,
		             &facts[i]);
	CU_ASSERT_EQUAL_FATAL(policy_decide(s->table, facts, &q, &plan), 0);
	unsigned to = plan.order[0], k = (s->first_due + s->n_due++) % RING;
	region_setup_begin(&s->regions[to], s->now);
	s->due[k].region = (uint8_t)to;
	s->due[k].took = draw_latency(s, s->latency_us[to]);
	s->due[k].when = s->now + (int64_t)s->due[k].took;
	s->now += s->every;
	s->taken[to]++;
	return to;
}

static void live_run(struct live *s, int64_t us)
{
	s->taken[0] = s->taken[1] = 0;
	for (int64_t end = s->now + us; s->now < end; )
		live_call(s);
}

/* Equal regions: neither has the majority by more than chance gives it, at any rate of calls. */
static void test_equal(void)
{
	static const unsigned rates[] = {2, 20, 200, 1000};
	static struct live s;

	for (unsigned k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			unsigned switches = 0, majority = 2, calls = 0, own = 0;
			int64_t length = rates[k] >= 200 ? 120 * (int64_t)SEC : 1800 * (int64_t)SEC;

			live_init(&s, rates[k], seed);
			live_run(&s, 30 * (int64_t)SEC);
			s.taken[0] = s.taken[1] = 0;
			for (int64_t end = s.now + length; s.now < end; ) {
				own += live_call(&s) == 0;
				if (++calls < 100)
					continue;
				/* Two thirds: three standard deviations from a fair draw of 100. */
				unsigned now = own > 66 ? 0 : own < 34 ? 1 : majority;
				switches += majority != 2 && now != majority;
				majority = now;
				calls = own = 0;
			}
			double all = s.taken[0] + s.taken[1];
			CU_ASSERT_TRUE(switches <= 2 * length / (60 * (int64_t)SEC));
			CU_ASSERT_DOUBLE_EQUAL(s.taken[0] / all, 0.5, 0.025 + 1.5 / sqrt(all));
			if (switches > 0)
				printf(" [%u/s: %u switches in %lld s]", rates[k], switches, (long long)(length / SEC));
			policy_table_free(s.table);
		}
	}
}

/* Two seconds after the first slow answers 95 % of calls avoid the region, and when it is well again it has
 * its share within a minute, but for the noise of tails. */
static void test_brownout(void)
{
	static const unsigned rates[] = {10, 50, 500};
	static const double slow[] = {4, 10, 60};
	static struct live s;

	for (unsigned k = 0; k < 9; k++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			live_init(&s, rates[k % 3], seed);
			live_run(&s, 60 * (int64_t)SEC);
			s.latency_us[0] *= slow[k / 3];
			live_run(&s, (int64_t)s.latency_us[0] + 2 * SEC);
			live_run(&s, 60 * (int64_t)SEC);
			CU_ASSERT_TRUE(s.taken[0] <= 0.05 * (s.taken[0] + s.taken[1]));
			s.latency_us[0] = 50 * MS;
			live_run(&s, 60 * (int64_t)SEC);
			live_run(&s, 30 * (int64_t)SEC);
			double part = s.taken[0] / (double)(s.taken[0] + s.taken[1]);
			CU_ASSERT_DOUBLE_EQUAL(part, 0.5, 0.2);
			if (fabs(part - 0.5) > 0.2)
				printf(" [%u/s, %g x: %.2f]", rates[k % 3], slow[k / 3], part);
			policy_table_free(s.table);
		}
	}
}

/* Every call fails at once: five of them, and no more but for a look now and then. */
static void test_fails_fast(void)
{
	static struct live s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned failed = 0;

		live_init(&s, 50, seed);
		live_run(&s, 10 * (int64_t)SEC);
		for (int64_t end = s.now + 120 * (int64_t)SEC; s.now < end; ) {
			if (live_call(&s) != 0)
				continue;
			s.n_due--;                   /* its answer is here already: a failure */
			region_waiting_end(&s.regions[0]);
			region_first_response(&s.regions[0], s.now, 1 * MS);
			region_setup_end(&s.regions[0], s.now, true);
			region_judge(&s.regions[0], s.now, region_error_rate(&s.regions[1], s.now, policy_table_tuning(s.table)),
			             policy_table_tuning(s.table));
			failed++;
		}
		CU_ASSERT_TRUE(failed >= 5 && failed <= 20);
		policy_table_free(s.table);
	}
}

UNIT_MAIN("policy_live", {"equal regions share and do not swap", test_equal}, {"brownout", test_brownout},
          {"failing fast", test_fails_fast})
