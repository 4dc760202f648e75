/* policy/table.c and policy/match.c: what compiles and what is refused with which words, and which rule
 * a call matches. */
#include "policy/policy.h"

#include <errno.h>

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

/* The configuration is refused, and the text names `what`. */
static void expect_refused(const struct fixture *f, const char *what)
{
	struct err err = {""};
	struct policy_table *table = policy_table_new(&f->config, &err);

	CU_ASSERT_PTR_NULL(table);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, what));
	if (strstr(err.text, what) == NULL)
		printf("\n    wanted \"%s\", got \"%s\"", what, err.text);
	policy_table_free(table);
	CU_ASSERT_PTR_NULL(policy_table_new(&f->config, NULL));
}

static void test_accessors(void)
{
	struct fixture f;

	fixture_init(&f, 3, POLICY_STICKY);
	struct policy_table *t = fixture_table(&f);
	/* The table holds copies. */
	memset(f.regions, 'x', sizeof(f.regions));
	memset(&f.pool, 'x', sizeof(f.pool));
	memset(&f.rule, 'x', sizeof(f.rule));
	CU_ASSERT_EQUAL(policy_table_regions(t), 3);
	CU_ASSERT_EQUAL(policy_table_pools(t), 1);
	CU_ASSERT_EQUAL(policy_table_rules(t), 1);
	CU_ASSERT_STRING_EQUAL(policy_table_region(t, 2)->name, "r2");
	CU_ASSERT_STRING_EQUAL(policy_table_pool(t, 0)->name, "p");
	CU_ASSERT_EQUAL(policy_table_pool(t, 0)->strategy, POLICY_STICKY);
	CU_ASSERT_STRING_EQUAL(policy_table_rule(t, 0)->name, "all");
	CU_ASSERT_EQUAL(policy_table_region_find(t, "r1"), 1);
	CU_ASSERT_EQUAL(policy_table_region_find(t, "r3"), -1);
	CU_ASSERT_EQUAL(policy_table_region_find(t, ""), -1);
	CU_ASSERT_PTR_NULL(policy_table_region(t, 3));
	CU_ASSERT_PTR_NULL(policy_table_pool(t, 1));
	CU_ASSERT_PTR_NULL(policy_table_rule(t, 1));
	policy_table_free(t);
	policy_table_free(NULL);
}

static void test_bad_regions(void)
{
	struct fixture f;

	fixture_init(&f, 0, POLICY_ADAPTIVE);
	expect_refused(&f, "no regions: at least one");
	fixture_init(&f, 65, POLICY_ADAPTIVE);
	expect_refused(&f, "65 regions: at most 64");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.regions[1].name[0] = '\0';
	expect_refused(&f, "region 2 has no name");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	memset(f.regions[1].name, 'n', POLICY_NAME_LEN);
	expect_refused(&f, "region 2: the name is longer than 63 characters");
	fixture_init(&f, 3, POLICY_ADAPTIVE);
	f.regions[2].name[1] = '0';
	expect_refused(&f, "regions 1 and 3 are both named \"r0\"");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.regions[1].weight = 65536;
	expect_refused(&f, "region \"r1\": weight 65536 is too large: 0 to 65535");
}

static void test_bad_pools(void)
{
	struct fixture f;

	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.n_regions = 0;
	expect_refused(&f, "pool \"p\" has no regions");
	f.pool.n_regions = 65;
	expect_refused(&f, "pool \"p\" has 65 regions: at most 64");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.regions[1] = 2;
	expect_refused(&f, "pool \"p\": region index 2 is out of range: 0 to 1");
	f.pool.regions[1] = 255;
	expect_refused(&f, "region index 255 is out of range");
	f.pool.regions[1] = 0;
	expect_refused(&f, "names region index 0 twice");
	fixture_init(&f, 2, (enum policy_strategy)6);
	expect_refused(&f, "no such strategy: adaptive, weighted");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.name[0] = '\0';
	expect_refused(&f, "pool 1 has no name");

	struct policy_pool_config twice[2];
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	twice[0] = twice[1] = f.pool;
	f.config.pools = twice;
	f.config.n_pools = 2;
	expect_refused(&f, "pools 1 and 2 are both named \"p\"");
}

static void test_bad_failover(void)
{
	struct fixture f;

	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.failover.attempts = 0;
	expect_refused(&f, "0 attempts would try no region: at least 1");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.failover.first_response_ms = 0;
	expect_refused(&f, "within 0 ms is impossible");
	fixture_init(&f, 2, POLICY_ADAPTIVE);
	f.pool.failover.on[0] = 200;
	expect_refused(&f, "failover on 200 is no failure response: 300 to 699");
	f.pool.failover.n_on = POLICY_FAILOVER_CODES + 1;
	expect_refused(&f, "failover on 33 codes: at most 32");
}

static void test_bad_rules(void)
{
	static const char *const bad[] = {"+", "abc", "+1800x*", "*1", "+1**", "1 800", "++1", "+1234567890123456",
	                                  "+1-800", "sip:+1@host"};
	static const char *const good[] = {"*", "+*", "+1800*", "+123456789012345", "911", "1800*",
	                                   "1234567890123456789012345678901"};
	struct policy_number number = {""};
	struct fixture f;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fixture_init(&f, 1, POLICY_ADAPTIVE);
		snprintf(number.text, sizeof(number.text), "%s", bad[i]);
		f.rule.to = f.rule.from = &number;
		f.rule.n_to = 1;
		expect_refused(&f, "rule \"all\": `to: ");
		expect_refused(&f, "is no number: write \"+18005551234\"");
		f.rule.n_to = 0;
		f.rule.n_from = 1;
		expect_refused(&f, "rule \"all\": `from: ");
	}
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		fixture_init(&f, 1, POLICY_ADAPTIVE);
		snprintf(number.text, sizeof(number.text), "%s", good[i]);
		f.rule.to = &number;
		f.rule.n_to = 1;
		policy_table_free(fixture_table(&f));
	}
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	memset(number.text, '1', sizeof(number.text));
	f.rule.to = &number;
	f.rule.n_to = 1;
	expect_refused(&f, "`to` is longer than 31 characters");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.rule.pool = 1;
	expect_refused(&f, "rule \"all\": pool index 1 is out of range: 0 to 0");
	f.config.n_pools = 0;
	expect_refused(&f, "leads to a pool and there is none");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	memset(f.rule.trunk, 't', sizeof(f.rule.trunk));
	expect_refused(&f, "the trunk is longer than 63");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.rule.name[0] = '\0';
	expect_refused(&f, "rule 1 has no name");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.rule.refuse = 200;
	expect_refused(&f, "refuse with 200 is no refusal: 400 to 699");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.rule.percent = -1;
	expect_refused(&f, "percent -1 is no percentage");
	f.rule.percent = __builtin_nan("");
	expect_refused(&f, "is no percentage");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	snprintf(f.rule.zone, sizeof(f.rule.zone), "Mars/Olympus");
	expect_refused(&f, "zone \"Mars/Olympus\" is not among the zones given");
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.rule.n_windows = 1;
	f.rule.windows[0] = (struct policy_window){.days = 1, .from = 60, .to = 60};
	expect_refused(&f, "window 1 is no time");
}

static void test_bad_tuning(void)
{
	const double nan = __builtin_nan("");
	struct fixture f;

#define EXPECT_BAD(field, value, what)                          \
	do {                                                    \
		fixture_init(&f, 1, POLICY_ADAPTIVE);           \
		f.config.tuning.field = (value);                \
		expect_refused(&f, what);                       \
	} while (0)
	EXPECT_BAD(hot_on, 0, "hot_on 0 is no share");
	EXPECT_BAD(hot_on, 1.01, "hot_on 1.01 is no share");
	EXPECT_BAD(hot_on, nan, "hot_on");
	EXPECT_BAD(hot_off, 0.85, "hot_off 0.85 must be above 0 and at most hot_on, 0.84");
	EXPECT_BAD(hot_off, 0, "hot_off 0 must");
	EXPECT_BAD(hot_off, nan, "hot_off");
	EXPECT_BAD(band, -0.1, "band -0.1 is no tolerance");
	EXPECT_BAD(band, nan, "band");
	EXPECT_BAD(setups_soft, 0, "setups_soft is 0: at least 1");
	EXPECT_BAD(panic_share, 1.5, "panic_share 1.5 is no share");
	EXPECT_BAD(panic_share, nan, "panic_share");
#undef EXPECT_BAD
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.config.tuning.hot_on = f.config.tuning.hot_off = 1;
	policy_table_free(fixture_table(&f));
}

/* The rule that a call matches, by name; "-" for none. */
static const char *matched(const struct policy_table *t, const char *trunk, const char *from, const char *to)
{
	struct policy_region_facts facts[1] = {facts_at_ease()};
	struct policy_query q = {.trunk = trunk, .from = from, .to = to};
	struct policy_plan plan;
	int rc = policy_decide(t, facts, &q, &plan);

	CU_ASSERT_EQUAL(rc, plan.rule < 0 ? -ENOENT : 0);
	return plan.rule < 0 ? "-" : policy_table_rule(t, (unsigned)plan.rule)->name;
}

static void test_first_match(void)
{
	const struct policy_rule_config rules[] = {
		{.name = "both", .trunk = "carrier-a", .to = NUMBER("+1800*"), .n_to = 1, .from = NUMBER("+1202*"), .n_from = 1},
		{.name = "whole", .to = NUMBER("+18005550100"), .n_to = 1},
		{.name = "prefix", .trunk = "carrier-a", .to = NUMBER("+1800*"), .n_to = 1},
		{.name = "short", .to = NUMBER("911"), .n_to = 1},
		{.name = "caller", .from = NUMBER("+44*"), .n_from = 1},
		{.name = "numbers", .trunk = "carrier-b", .to = NUMBER("+*"), .n_to = 1},
		{.name = "shadowed", .trunk = "carrier-a", .to = NUMBER("+18005*"), .n_to = 1},
		{.name = "anything-b", .trunk = "carrier-b", .to = NUMBER("*"), .n_to = 1},
	};
	struct fixture f;

	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.config.rules = rules;
	f.config.n_rules = sizeof(rules) / sizeof(rules[0]);
	struct policy_table *t = fixture_table(&f);
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+12025550100", "+18005550100"), "both");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+13015550100", "+18005550100"), "whole");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+13015550100", "+18005550101"), "prefix");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+13015550100", "+1800"), "prefix");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+13015550100", "+180"), "-");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-c", "+13015550100", "911"), "short");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-c", "+13015550100", "9111"), "-");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-c", "+442079460000", "0"), "caller");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-b", "+13015550100", "+498912345"), "numbers");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-b", "", "alice"), "anything-b");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-b", "", ""), "anything-b");
	/* A trunk is its whole name. */
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-", "", "alice"), "-");
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-bb", "", "alice"), "-");
	CU_ASSERT_STRING_EQUAL(matched(t, "", "", "alice"), "-");
	policy_table_free(t);
}

/* A table without rules is one: it refuses every call. */
static void test_no_rules(void)
{
	struct fixture f;

	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.config.pools = NULL;
	f.config.rules = NULL;
	f.config.n_pools = f.config.n_rules = 0;
	struct policy_table *t = fixture_table(&f);
	CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "+12025550100", "+18005550100"), "-");
	policy_table_free(t);
}

static void test_many_rules(void)
{
	enum { N = 10000 };
	struct policy_rule_config *rules = calloc(N, sizeof(*rules));
	struct policy_number *numbers = calloc(N, sizeof(*numbers));
	struct fixture f;
	char to[32], name[32];

	CU_ASSERT_PTR_NOT_NULL_FATAL(rules);
	CU_ASSERT_PTR_NOT_NULL_FATAL(numbers);
	for (unsigned i = 0; i < N; i++) {
		snprintf(rules[i].name, sizeof(rules[i].name), "rule-%u", i);
		snprintf(numbers[i].text, sizeof(numbers[i].text), "+1%04u*", i);
		rules[i].to = &numbers[i];
		rules[i].n_to = 1;
	}
	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.config.rules = rules;
	f.config.n_rules = N;
	struct policy_table *t = fixture_table(&f);
	free(rules);
	free(numbers);
	for (unsigned i = 0; i < N; i += 777) {
		snprintf(to, sizeof(to), "+1%04u5550100", i);
		snprintf(name, sizeof(name), "rule-%u", i);
		CU_ASSERT_STRING_EQUAL(matched(t, "carrier-a", "", to), name);
	}
	policy_table_free(t);
}

UNIT_MAIN("policy_table", {"copies and finds", test_accessors}, {"refuses bad regions", test_bad_regions},
          {"refuses bad pools", test_bad_pools}, {"refuses bad failover", test_bad_failover},
          {"refuses bad rules", test_bad_rules}, {"refuses bad tuning", test_bad_tuning},
          {"first match wins", test_first_match}, {"no rules", test_no_rules}, {"10,000 rules", test_many_rules})
