/* Properties of many decisions over many seeds: invariants of every plan, and where the calls end up
 * when each decision changes the facts of the next. Chance is seeded: every run is the same run. */
#include "policy/policy.h"

#include <errno.h>

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

#define SEEDS 20

/* ---- every plan ---- */

static struct policy_region_facts random_facts(uint64_t *seed)
{
	static const float errors[] = {0, 0, 0, 0.02F, 0.5F, 1, 2, -1, __builtin_nanf(""), __builtin_inff()};
	static const uint32_t figures[] = {0, 0, 1, 9, 10, 11, 99, 100, 101, 5000, 60000, UINT32_MAX};

#define FIGURE() figures[next_below(seed, sizeof(figures) / sizeof(figures[0]))]
	return (struct policy_region_facts){
		.admin = (enum policy_admin)(next_below(seed, 4) == 0 ? next_below(seed, 4) : 0),
		.healthy = next_below(seed, 5) != 0, .was_hot = next_below(seed, 2), .weight = FIGURE(),
		.setups = FIGURE(), .calls = FIGURE(), .cps = FIGURE(), .latency_us = FIGURE(), .rtt_us = FIGURE(),
		.error_rate = errors[next_below(seed, sizeof(errors) / sizeof(errors[0]))],
	};
#undef FIGURE
}

/* What policy.h says, written a second time. */
static bool allowed(const struct policy_region_config *r, const struct policy_region_facts *f, bool panic)
{
	return f->admin == POLICY_READY && (f->healthy || panic) && f->weight > 0 &&
	       (r->max_calls == 0 || (uint64_t)f->calls + f->setups < r->max_calls) &&
	       (r->max_cps == 0 || f->cps < r->max_cps);
}

static unsigned wrong_eligible(const struct policy_table *t, const struct policy_plan *p, uint64_t *eligible)
{
	unsigned wrong = 0;

	*eligible = 0;
	for (unsigned i = 0; i < p->n_candidates; i++) {
		const struct policy_candidate *c = &p->candidates[i];
		bool ok = allowed(policy_table_region(t, c->region), &c->facts, p->panic);

		wrong += c->eligible != ok || c->eligible != (c->reason == POLICY_OK);
		wrong += !(c->score >= 0 && c->score < __builtin_inff() && c->load >= 0);
		if (ok)
			*eligible |= UINT64_C(1) << c->region;
	}
	return wrong;
}

/* The order names the best of `eligible`, each once; past the first (which may be drawn) scores ascend. */
static unsigned wrong_order(const struct policy_plan *p, uint64_t eligible)
{
	float scores[POLICY_REGIONS_MAX] = {0};
	uint64_t named = 0;
	unsigned wrong = 0;

	for (unsigned i = 0; i < p->n_candidates; i++)
		scores[p->candidates[i].region] = p->candidates[i].score;
	for (unsigned i = 0; i < p->n_order; i++)
		named |= UINT64_C(1) << p->order[i];
	wrong += (named & ~eligible) != 0 || (unsigned)__builtin_popcountll(named) != p->n_order;
	wrong += p->n_eligible != __builtin_popcountll(eligible);
	wrong += p->n_order != (p->n_eligible < POLICY_ATTEMPTS_MAX ? p->n_eligible : POLICY_ATTEMPTS_MAX);
	for (unsigned i = 0; i < p->n_candidates && p->n_order > 1; i++) {
		const struct policy_candidate *c = &p->candidates[i];
		wrong += c->eligible && (named >> c->region & 1) == 0 && c->score < scores[p->order[p->n_order - 1]];
	}
	for (unsigned i = 2; i < p->n_order; i++)
		wrong += scores[p->order[i - 1]] > scores[p->order[i]];
	if (p->n_order > 1 && p->because != POLICY_BECAUSE_BAND && p->because != POLICY_BECAUSE_PANIC)
		wrong += scores[p->order[0]] > scores[p->order[1]];
	return wrong;
}

static bool same_plan(const struct policy_plan *a, const struct policy_plan *b)
{
	return a->rule == b->rule && a->because == b->because && a->panic == b->panic && a->n_order == b->n_order &&
	       memcmp(a->order, b->order, a->n_order) == 0 &&
	       memcmp(a->candidates, b->candidates, a->n_candidates * sizeof(a->candidates[0])) == 0;
}

static unsigned wrong_plan(const struct policy_table *t, const struct policy_region_facts *facts, uint64_t random)
{
	static struct policy_plan plan, again;
	struct policy_query q = query_of(random);
	uint64_t eligible;
	int rc = policy_decide(t, facts, &q, &plan);

	policy_decide(t, facts, &q, &again);
	unsigned wrong = wrong_eligible(t, &plan, &eligible) + wrong_order(&plan, eligible);
	wrong += rc != (eligible != 0 ? 0 : -EHOSTUNREACH);
	wrong += (plan.because == POLICY_BECAUSE_NONE) != (eligible == 0);
	return wrong + !same_plan(&plan, &again);
}

static void test_invariants(void)
{
	static const uint32_t limits[] = {0, 0, 1, 10, 100, UINT32_MAX};
	unsigned wrong = 0;

	for (uint64_t seed = 1; seed <= 2000; seed++) {
		uint64_t s = seed;
		struct policy_region_facts facts[POLICY_REGIONS_MAX];
		struct fixture f;
		unsigned n = seed % 3 == 0 ? 1 + next_below(&s, 64) : 1 + next_below(&s, 5);

		fixture_init(&f, n, (enum policy_strategy)next_below(&s, 6));
		f.config.tuning.panic_share = next_below(&s, 2) * 0.5;
		for (unsigned i = 0; i < n; i++) {
			f.regions[i].max_calls = limits[next_below(&s, 6)];
			f.regions[i].max_cps = limits[next_below(&s, 6)];
		}
		struct policy_table *t = fixture_table(&f);
		for (unsigned j = 0; j < 10; j++) {
			for (unsigned i = 0; i < n; i++)
				facts[i] = random_facts(&s);
			wrong += wrong_plan(t, facts, next_random(&s));
		}
		policy_table_free(t);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- calls over time ---- */

#define SIM_REGIONS 3
#define SIM_RING 8192

/* One call arrives each tick. A setup takes `setup` ticks, the call `talk` more; a region's first
 * response comes after latency_us, give or take 5 %, and fails with probability `fail`. */
struct sim {
	struct policy_table *table;
	struct policy_region_facts facts[SIM_REGIONS];
	unsigned setup, talk;
	uint32_t latency_us[SIM_REGIONS];
	double fail[SIM_REGIONS];
	uint8_t ring[SIM_RING];       /* which region each of the last calls went to */
	uint64_t now, seed;
	unsigned taken[SIM_REGIONS];
	unsigned switches;            /* how often the majority of 100 calls in a row moved */
	unsigned recent[SIM_REGIONS], majority;
};

static void sim_init(struct sim *s, const struct fixture *f, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	memset(s->ring, SIM_REGIONS, sizeof(s->ring));
	s->table = fixture_table(f);
	s->seed = seed;
	s->setup = 50;
	s->talk = 4000;
	for (unsigned i = 0; i < SIM_REGIONS; i++) {
		s->facts[i] = facts_at_ease();
		s->facts[i].weight = f->regions[i].weight;
		s->latency_us[i] = 50000;
	}
}

/* A call that failed has no setup and no call to end. */
static void sim_settle(struct sim *s)
{
	uint8_t setup_over = s->ring[(s->now - s->setup) % SIM_RING];
	uint8_t call_over = s->ring[(s->now - s->setup - s->talk) % SIM_RING];

	if (setup_over < SIM_REGIONS) {
		s->facts[setup_over].setups--;
		s->facts[setup_over].calls++;
	}
	if (call_over < SIM_REGIONS)
		s->facts[call_over].calls--;
}

static void sim_outcome(struct sim *s, unsigned region)
{
	struct policy_region_facts *f = &s->facts[region];
	bool failed = chance_unit(next_random(&s->seed)) < s->fail[region];
	double latency = s->latency_us[region] * (0.95 + 0.1 * chance_unit(next_random(&s->seed)));

	f->latency_us = (uint32_t)(f->latency_us + (latency - f->latency_us) * 0.1);
	f->error_rate += ((failed ? 1.0F : 0.0F) - f->error_rate) * 0.01F;
	s->ring[s->now % SIM_RING] = failed ? SIM_REGIONS : (uint8_t)region;
	f->setups += !failed;
}

static void sim_count(struct sim *s, unsigned region)
{
	s->taken[region]++;
	s->recent[region]++;
	if (s->now % 100 != 0)
		return;
	unsigned most = 0;
	for (unsigned i = 1; i < SIM_REGIONS; i++) {
		if (s->recent[i] > s->recent[most])
			most = i;
	}
	s->switches += most != s->majority;
	s->majority = most;
	memset(s->recent, 0, sizeof(s->recent));
}

static void sim_run(struct sim *s, unsigned ticks)
{
	struct policy_plan plan;

	memset(s->taken, 0, sizeof(s->taken));
	s->switches = 0;
	for (unsigned i = 0; i < ticks; i++, s->now++) {
		struct policy_query q = query_of(next_random(&s->seed));

		sim_settle(s);
		if (policy_decide(s->table, s->facts, &q, &plan) < 0) {
			s->ring[s->now % SIM_RING] = SIM_REGIONS;
			continue;
		}
		for (unsigned j = 0; j < plan.n_candidates; j++)
			s->facts[plan.candidates[j].region].was_hot = plan.candidates[j].hot;
		sim_outcome(s, plan.order[0]);
		sim_count(s, plan.order[0]);
	}
}

static void sim_done(struct sim *s)
{
	policy_table_free(s->table);
}

/* Equal regions, busy to a half: what each gets is its weight's share, within 5 % of that share. */
static void test_steady(void)
{
	static const uint32_t weights[][SIM_REGIONS] = {{100, 100, 0}, {300, 100, 0}, {50, 30, 20}, {1, 1, 1}};

	for (unsigned w = 0; w < 4; w++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct fixture f;
			struct sim s;

			fixture_init(&f, SIM_REGIONS, POLICY_ADAPTIVE);
			double sum = 0;
			for (unsigned i = 0; i < SIM_REGIONS; i++) {
				sum += f.regions[i].weight = weights[w][i];
				f.regions[i].max_calls = 4500;
			}
			sim_init(&s, &f, seed);
			sim_run(&s, 30000);
			for (unsigned i = 0; i < SIM_REGIONS; i++) {
				double want = 30000 * weights[w][i] / sum;

				CU_ASSERT_DOUBLE_EQUAL(s.taken[i], want, 0.05 * want);
			}
			sim_done(&s);
		}
	}
}

/* Two equal regions: no half of a hundred calls in a row is far from the other for long. */
static void test_no_oscillation(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct fixture f;
		struct sim s;

		fixture_init(&f, SIM_REGIONS, POLICY_ADAPTIVE);
		f.pool.n_regions = 2;
		sim_init(&s, &f, seed);
		/* One is 60 % slower: it gets what the pressure on the other sends over, steadily. */
		s.latency_us[1] = 80000;
		sim_run(&s, 5000);
		sim_run(&s, 20000);
		CU_ASSERT_EQUAL(s.switches, 0);
		CU_ASSERT_TRUE(s.taken[0] > s.taken[1]);
		CU_ASSERT_TRUE(s.taken[1] > 0);
		sim_done(&s);
	}
}

/* Failures that both have now and then leave the balance alone. */
static void test_odd_failures(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct fixture f;
		struct sim s;

		fixture_init(&f, SIM_REGIONS, POLICY_ADAPTIVE);
		f.pool.n_regions = 2;
		sim_init(&s, &f, seed);
		s.fail[0] = s.fail[1] = 0.01;
		sim_run(&s, 20000);
		CU_ASSERT_DOUBLE_EQUAL(s.taken[0], 10000, 500);
		sim_done(&s);
	}
}

/* The more of its calls a region fails, at once, the fewer it gets. */
static void test_fails_fast(void)
{
	static const double rates[] = {0, 0.1, 0.3, 0.6, 1};

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned before = UINT32_MAX;

		for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
			struct fixture f;
			struct sim s;

			fixture_init(&f, SIM_REGIONS, POLICY_ADAPTIVE);
			f.pool.n_regions = 2;
			sim_init(&s, &f, seed);
			s.fail[1] = rates[i];
			s.latency_us[1] = i == 0 ? 50000 : 1000;
			sim_run(&s, 10000);
			CU_ASSERT_TRUE(i != 0 || s.taken[1] > 4500);
			CU_ASSERT_TRUE(i < 2 || s.taken[1] < 200);
			CU_ASSERT_TRUE(s.taken[1] <= before);
			before = s.taken[1];
			sim_done(&s);
		}
	}
}

/* A brownout: what a few slow answers say is enough to keep calls away. */
static void test_brownout(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct fixture f;
		struct sim s;

		fixture_init(&f, SIM_REGIONS, POLICY_ADAPTIVE);
		f.pool.n_regions = 2;
		sim_init(&s, &f, seed);
		sim_run(&s, 2000);
		s.latency_us[0] = 2000000;
		sim_run(&s, 200);
		CU_ASSERT_TRUE(s.taken[0] < 20);
		sim_done(&s);
	}
}

/* Many calls in one instant, from nodes that share the same old figures: only own setups move. */
static void test_burst(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct policy_region_facts facts[2] = {facts_at_ease(), facts_at_ease()};
		struct policy_plan plan;
		struct fixture f;
		uint64_t s = seed;

		fixture_init(&f, 2, POLICY_ADAPTIVE);
		f.regions[0].max_calls = f.regions[1].max_calls = 4000;
		struct policy_table *t = fixture_table(&f);
		for (unsigned i = 0; i < 1000; i++) {
			struct policy_query q = query_of(next_random(&s));

			CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
			facts[plan.order[0]].setups++;
		}
		CU_ASSERT_TRUE(facts[0].setups > 450 && facts[0].setups < 550);

		/* One looks twice as quick: the most go there, but not all. */
		facts[0].setups = facts[1].setups = 0;
		facts[1].latency_us = 100000;
		for (unsigned i = 0; i < 1000; i++) {
			struct policy_query q = query_of(next_random(&s));

			CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
			facts[plan.order[0]].setups++;
		}
		CU_ASSERT_TRUE(facts[0].setups > 600 && facts[0].setups < 800);
		policy_table_free(t);
	}
}

/* ---- weighted ---- */

static uint8_t weighted_first(const struct policy_table *t, const struct policy_region_facts *facts, uint64_t random)
{
	struct policy_query q = query_of(random);
	struct policy_plan plan;

	CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
	return plan.order[0];
}

static void test_weighted_share(void)
{
	static const uint32_t weights[] = {500, 300, 150, 50};
	struct policy_region_facts facts[4];
	unsigned first[4] = {0}, second_after_0[4] = {0};
	struct policy_plan plan;
	struct fixture f;

	fixture_init(&f, 4, POLICY_WEIGHTED);
	struct policy_table *t = fixture_table(&f);
	for (unsigned i = 0; i < 4; i++) {
		facts[i] = facts_at_ease();
		facts[i].weight = weights[i];
	}
	/* Even the plainest of chance will do. */
	for (uint64_t i = 0; i < 100000; i++) {
		struct policy_query q = query_of(i);

		CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
		first[plan.order[0]]++;
		if (plan.order[0] == 0)
			second_after_0[plan.order[1]]++;
	}
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_DOUBLE_EQUAL(first[i], 100.0 * weights[i], 5.0 * weights[i]);
	/* Where the calls of the first would go: by the weights of the others. */
	for (unsigned i = 1; i < 4; i++)
		CU_ASSERT_DOUBLE_EQUAL(second_after_0[i], first[0] * weights[i] / 500.0,
		                       0.05 * first[0] * weights[i] / 500.0);
	policy_table_free(t);
}

/* From 100 to 120 of 300: only what the region gains moves, and only to it. */
static void test_weighted_change(void)
{
	struct policy_region_facts before[3], after[3];
	unsigned moved = 0, elsewhere = 0;
	struct fixture f;

	fixture_init(&f, 3, POLICY_WEIGHTED);
	struct policy_table *t = fixture_table(&f);
	for (unsigned i = 0; i < 3; i++)
		before[i] = after[i] = facts_at_ease();
	after[1].weight = 120;
	for (uint64_t i = 0; i < 100000; i++) {
		uint8_t a = weighted_first(t, before, i), b = weighted_first(t, after, i);

		moved += a != b;
		elsewhere += a != b && b != 1;
	}
	CU_ASSERT_EQUAL(elsewhere, 0);
	CU_ASSERT_DOUBLE_EQUAL(moved, 100000 * (120.0 / 320 - 100.0 / 300), 400);
	policy_table_free(t);
}

UNIT_MAIN("policy_share", {"invariants of every plan", test_invariants}, {"steady by weight", test_steady},
          {"no oscillation", test_no_oscillation}, {"odd failures", test_odd_failures},
          {"failing fast", test_fails_fast}, {"brownout", test_brownout},
          {"a burst does not herd", test_burst}, {"weighted shares", test_weighted_share},
          {"weighted: a change moves few", test_weighted_change})
