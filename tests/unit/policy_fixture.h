/* What the tests of policy/ share: a table built in few words, facts of a region at ease, and chance
 * that repeats. */
#ifndef TESTS_UNIT_POLICY_FIXTURE_H
#define TESTS_UNIT_POLICY_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/chance.h"
#include "policy/policy.h"

/* The one number of a rule: `.to = NUMBER("+1800*"), .n_to = 1`. */
#define NUMBER(text) (struct policy_number[]){{text}}

/* A configuration of n regions "r0", "r1", ... of weight 100 without limits, in one pool "p", which the
 * one rule "all" leads to. A value of the test's, to be changed before fixture_table(). */
struct fixture {
	struct policy_region_config regions[POLICY_REGIONS_MAX];
	struct policy_pool_config pool;
	struct policy_rule_config rule;
	struct policy_config config;
};

static inline void fixture_init(struct fixture *f, unsigned n, enum policy_strategy strategy)
{
	memset(f, 0, sizeof(*f));
	for (unsigned i = 0; i < n && i < POLICY_REGIONS_MAX; i++) {
		snprintf(f->regions[i].name, sizeof(f->regions[i].name), "r%u", i);
		f->regions[i].weight = 100;
		f->pool.regions[i] = (uint8_t)i;
	}
	snprintf(f->pool.name, sizeof(f->pool.name), "p");
	f->pool.strategy = strategy;
	f->pool.n_regions = (uint8_t)n;
	f->pool.failover = (struct policy_failover){.on = {503}, .n_on = 1, .attempts = 2, .first_response_ms = 2000};
	snprintf(f->rule.name, sizeof(f->rule.name), "all");
	f->config = (struct policy_config){
		.regions = f->regions, .n_regions = n, .pools = &f->pool, .n_pools = 1, .rules = &f->rule, .n_rules = 1,
		.tuning = policy_tuning_default(),
	};
}

/* The table, or the end of the test program: a fixture that does not build is a mistake in the test. */
static inline struct policy_table *fixture_table(const struct fixture *f)
{
	struct err err;
	struct policy_table *table = policy_table_new(&f->config, &err);

	if (table == NULL) {
		fprintf(stderr, "fixture: %s\n", err.text);
		abort();
	}
	return table;
}

static inline struct policy_region_facts facts_at_ease(void)
{
	return (struct policy_region_facts){
		.admin = POLICY_READY, .healthy = true, .weight = 100, .latency_us = 50000, .rtt_us = 20000,
	};
}

static inline struct policy_query query_of(uint64_t random)
{
	return (struct policy_query){.trunk = "carrier-a", .from = "+12025550100", .to = "+18005550100",
	                             .random = random};
}

/* The next of a series that the seed determines. */
static inline uint64_t next_random(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15u;
	return chance_mix(*seed);
}

/* From 0 to n - 1. */
static inline unsigned next_below(uint64_t *seed, unsigned n)
{
	return (unsigned)(next_random(seed) % n);
}

#endif
