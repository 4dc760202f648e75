/* policy/otherwise.c: the words for what would have changed a choice, for each way of choosing; and that they are
 * true: the thing said is done, and the choice changes. */
#include "policy/otherwise.h"

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

static struct fixture fix;
static struct policy_table *table;
static struct policy_region_facts facts[3];
static struct policy_plan plan;
static char text[POLICY_OTHERWISE_LEN];

static void begin(enum policy_strategy strategy)
{
	policy_table_free(table);
	fixture_init(&fix, 3, strategy);
	fix.pool.n_regions = 2;
	fix.regions[0].max_calls = fix.regions[1].max_calls = 100;
	table = fixture_table(&fix);
	facts[0] = facts[1] = facts_at_ease();
}

static int choose(uint64_t random)
{
	struct policy_query q = query_of(random);

	policy_decide(table, facts, &q, &plan);
	return plan.n_order != 0 ? plan.order[0] : -1;
}

/* Does any of 50 draws choose it? */
static bool ever(int region)
{
	bool found = false;

	for (uint64_t i = 0; i < 50; i++)
		found |= choose(i) == region;
	return found;
}

static void expect(int chosen, const char *words)
{
	CU_ASSERT_EQUAL(choose(1), chosen);
	CU_ASSERT_STRING_EQUAL(policy_otherwise(table, &plan, chosen, text), words);
	if (strcmp(text, words) != 0)
		printf("\n    %s\n", text);
}

static void test_words(void)
{
	begin(POLICY_ADAPTIVE);
	facts[1].latency_us = 80000;
	expect(0, "r1 if it cost at most 60.0 ms (now 80.0 ms)");
	facts[1].latency_us = 60000;
	CU_ASSERT_TRUE(ever(1));
	begin(POLICY_ADAPTIVE);
	facts[1].calls = 90;
	expect(0, "r1 if its load, errors included, fell to 0.84 (now 0.90)");
	facts[1].calls = 84;
	CU_ASSERT_TRUE(ever(1));
	facts[0].calls = 85;
	facts[1].calls = 95;
	facts[1].latency_us = 90000;
	expect(0, "r1 if it cost at most 100.0 ms (now 180.0 ms)");
	begin(POLICY_PRIORITY);
	facts[0].calls = 100;
	facts[0].healthy = true;
	expect(1, "r0 would be eligible below max_calls 100 (now 100 with setups)");
	facts[0].calls = 99;
	expect(0, "r1 if r0 could not take the call");
	facts[1].admin = POLICY_DRAIN;
	facts[0].ejected = true;
	facts[0].healthy = false;
	expect(-1, "r0 would be eligible if it were healthy; r1 would be eligible if it were set to ready");
	begin(POLICY_STICKY);
	int chosen = choose(1);
	CU_ASSERT_PTR_NOT_NULL(strstr(policy_otherwise(table, &plan, chosen, text), "for another caller"));
	begin(POLICY_WEIGHTED);
	chosen = choose(1);
	CU_ASSERT_PTR_NOT_NULL(strstr(policy_otherwise(table, &plan, chosen, text), "by another draw (weights 100 and 100)"));
	begin(POLICY_ADAPTIVE);
	chosen = choose(1);
	CU_ASSERT_PTR_NOT_NULL(strstr(policy_otherwise(table, &plan, chosen, text), "by another draw, or if r"));
	policy_table_free(table);
	table = NULL;
}

/* Names and figures of any length end within the buffer. */
static void test_long(void)
{
	fixture_init(&fix, 3, POLICY_ADAPTIVE);
	for (unsigned i = 0; i < 3; i++)
		memset(fix.regions[i].name, 'a' + (int)i, POLICY_NAME_LEN - 1);
	table = fixture_table(&fix);
	for (unsigned i = 0; i < 3; i++) {
		facts[i] = facts_at_ease();
		facts[i].healthy = false;
	}
	CU_ASSERT_EQUAL(choose(1), -1);
	policy_otherwise(table, &plan, -1, text);
	CU_ASSERT_TRUE(strlen(text) > 3 * (POLICY_NAME_LEN - 1) && strlen(text) < sizeof(text));
	policy_table_free(table);
	table = NULL;
}

UNIT_MAIN("otherwise", {"each way of choosing", test_words}, {"long names", test_long})
