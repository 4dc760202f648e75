/* For tests of one decision at a time: a table, facts that are written out, the plan that policy_decide() makes of
 * them, and who comes first in many calls. Included by one test file each. */
#ifndef TESTS_UNIT_POLICY_RIG_H
#define TESTS_UNIT_POLICY_RIG_H

#include "policy/policy.h"
#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

static struct fixture fix;
static struct policy_table *table;
static struct policy_region_facts facts[POLICY_REGIONS_MAX];
static struct policy_plan plan;

static inline void facts_ease(void)
{
	for (unsigned i = 0; i < POLICY_REGIONS_MAX; i++)
		facts[i] = facts_at_ease();
}

/* Builds the table of `fix`, all regions at ease. */
static inline void build(void)
{
	policy_table_free(table);
	table = fixture_table(&fix);
	facts_ease();
}

static inline void build_of(unsigned n, enum policy_strategy strategy)
{
	fixture_init(&fix, n, strategy);
	build();
}

static inline int decide(uint64_t random)
{
	struct policy_query q = query_of(random);

	return policy_decide(table, facts, &q, &plan);
}

/* Of 1000 calls, how many have `region` first. */
static inline unsigned firsts(unsigned region)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < 1000; i++)
		n += decide(i) == 0 && plan.order[0] == region;
	return n;
}

/* The first for a call from that number. */
static inline unsigned first_for(const char *from, uint64_t random)
{
	struct policy_query q = query_of(random);

	q.from = from;
	CU_ASSERT_EQUAL(policy_decide(table, facts, &q, &plan), 0);
	return plan.order[0];
}

static inline void done(void)
{
	policy_table_free(table);
	table = NULL;
}

#endif
