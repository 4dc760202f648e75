/* policy/plan_json.c: the very text, key by key, as the call log has it. */
#include "policy/plan_json.h"

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

/* The object around policy_plan_json()'s keys, in a buffer of this file. */
static const char *json_of(const struct policy_table *t, const struct policy_plan *plan, int chosen)
{
	static char text[65536];
	struct jw w;

	jw_init_fixed(&w, text, sizeof(text));
	jw_object(&w);
	policy_plan_json(&w, t, plan, chosen);
	jw_object_end(&w);
	return jw_text(&w);
}

static void test_whole(void)
{
	struct policy_region_facts facts[2] = {facts_at_ease(), facts_at_ease()};
	struct policy_query q = query_of(1);
	struct policy_plan plan;
	struct fixture f;

	fixture_init(&f, 2, POLICY_PRIORITY);
	snprintf(f.regions[0].name, POLICY_NAME_LEN, "us-east-1");
	snprintf(f.regions[1].name, POLICY_NAME_LEN, "us \"west\"");
	f.regions[0].max_calls = 400;
	struct policy_table *t = fixture_table(&f);
	facts[0].calls = 90;
	facts[0].setups = 10;
	facts[0].latency_us = 50250;
	facts[0].rtt_us = 0;
	facts[0].error_rate = 0.25F;
	facts[1].healthy = false;
	facts[1].latency_us = 0;
	facts[1].setups = 120;
	CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
	CU_ASSERT_STRING_EQUAL(json_of(t, &plan, 0),
		"{\"rule\":\"all\",\"pool\":\"p\",\"strategy\":\"priority\",\"candidates\":["
		"{\"region\":\"us-east-1\",\"eligible\":true,\"reason\":\"ok\",\"health\":\"up\",\"calls\":90,"
		"\"calls_max\":400,\"setups\":10,\"cps\":0,\"weight\":100,\"latency_ms\":50.250,\"rtt_ms\":null,\"error_rate\":0.250000,"
		"\"hot\":false,\"load\":0.2500,\"score\":1.000000},"
		"{\"region\":\"us \\\"west\\\"\",\"eligible\":false,\"reason\":\"unhealthy\",\"health\":\"down\","
		"\"calls\":0,\"calls_max\":null,\"setups\":120,\"cps\":0,\"weight\":100,\"latency_ms\":null,\"rtt_ms\":20.000,"
		"\"error_rate\":0.000000,\"hot\":true,\"load\":1.2000,\"score\":null}],"
		"\"chosen\":\"us-east-1\",\"because\":\"only eligible region\",\"threshold_ms\":null,"
		"\"otherwise\":\"us \\\"west\\\" would be eligible if it were healthy\"}");
	/* After a failover the region used is not the first of the order. */
	CU_ASSERT_PTR_NOT_NULL(strstr(json_of(t, &plan, 1), "\"chosen\":\"us \\\"west\\\"\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(json_of(t, &plan, -1), "\"chosen\":null"));
	policy_table_free(t);
}

static void test_no_rule(void)
{
	struct policy_region_facts facts[1] = {facts_at_ease()};
	struct policy_query q = query_of(1);
	struct policy_plan plan;
	struct fixture f;

	fixture_init(&f, 1, POLICY_LOAD);
	snprintf(f.rule.trunk, sizeof(f.rule.trunk), "another");
	struct policy_table *t = fixture_table(&f);
	CU_ASSERT_NOT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
	CU_ASSERT_STRING_EQUAL(json_of(t, &plan, -1), "{\"rule\":null,\"pool\":null,\"strategy\":null,"
		"\"candidates\":[],\"chosen\":null,\"because\":\"no region eligible\",\"threshold_ms\":null,"
		"\"otherwise\":\"a rule that matches trunk, numbers, header fields and time\"}");
	policy_table_free(t);
}

/* Figures that are no figures: the text stays JSON. */
static void test_nonsense(void)
{
	struct policy_region_facts facts[2] = {facts_at_ease(), facts_at_ease()};
	struct policy_query q = query_of(1);
	struct policy_plan plan;
	struct fixture f;

	fixture_init(&f, 2, POLICY_ADAPTIVE);
	struct policy_table *t = fixture_table(&f);
	facts[0].error_rate = __builtin_nanf("");
	facts[1].latency_us = facts[1].calls = facts[1].setups = UINT32_MAX;
	CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
	const char *text = json_of(t, &plan, plan.order[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NULL(strstr(text, "nan"));
	CU_ASSERT_PTR_NULL(strstr(text, "inf"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"latency_ms\":4294967.295"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"calls\":4294967295"));
	policy_table_free(t);
}

UNIT_MAIN("plan_json", {"every key", test_whole}, {"no rule", test_no_rule}, {"nonsense", test_nonsense})
