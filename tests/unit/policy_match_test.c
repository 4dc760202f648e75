/* policy/match*.c: rules in their compiled form, against a plain reading of them written a second time; hours
 * in zones, header values, percentages, refusals; rules that can never match. */
#include "policy/match.h"

#include <errno.h>

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

/* ---- what policy.h says of a rule, one thing after the other ---- */

static bool plain_number(const struct policy_number *list, unsigned n, const char *number)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(list[i].text);

		if (list[i].text[len - 1] == '*' ? strncmp(list[i].text, number, len - 1) == 0 :
		    strcmp(list[i].text, number) == 0)
			return true;
	}
	return n == 0;
}

static bool plain_header(const struct policy_rule_config *r, const char *value)
{
	size_t len = strlen(r->value);

	if (r->header[0] == '\0')
		return true;
	if (value == NULL)
		return false;
	if (len == 0 || r->value[len - 1] == '*')
		return strncmp(value, r->value, len == 0 ? 0 : len - 1) == 0;
	return strcmp(value, r->value) == 0;
}

static int plain_find(const struct policy_rule_config *rules, unsigned n, const struct policy_query *q, const char *value)
{
	for (unsigned i = 0; i < n; i++) {
		if ((rules[i].trunk[0] == '\0' || strcmp(rules[i].trunk, q->trunk) == 0) &&
		    plain_number(rules[i].to, rules[i].n_to, q->to) &&
		    plain_number(rules[i].from, rules[i].n_from, q->from) && plain_header(&rules[i], value))
			return (int)i;
	}
	return -1;
}

/* ---- many rules by chance ---- */

#define MANY 40

static struct policy_number numbers[MANY][2][3];

static void random_number(uint64_t *seed, char *out, bool pattern)
{
	unsigned n = next_below(seed, 5);
	char *p = out;

	if (next_below(seed, 3) != 0)
		*p++ = '+';
	for (unsigned i = 0; i < n; i++)
		*p++ = (char)('1' + next_below(seed, 2));
	if (pattern && (next_below(seed, 2) == 0 || p == out || p[-1] == '+'))
		*p++ = '*';
	else if (!pattern && next_below(seed, 20) == 0)
		*p++ = 'x';
	*p = '\0';
}

static void random_text(uint64_t *seed, char *out, const char *stem, unsigned kinds)
{
	snprintf(out, POLICY_NAME_LEN, "%s-%u", stem, next_below(seed, kinds));
}

static void random_rule(uint64_t *seed, struct policy_rule_config *r, unsigned index)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "rule-%u", index);
	if (next_below(seed, 2) == 0)
		random_text(seed, r->trunk, "trunk", 4);
	r->n_to = next_below(seed, 4);
	r->n_from = next_below(seed, 3);
	r->to = numbers[index][0];
	r->from = numbers[index][1];
	for (unsigned i = 0; i < 3; i++) {
		random_number(seed, r->to[i].text, true);
		random_number(seed, r->from[i].text, true);
	}
	if (next_below(seed, 3) == 0) {
		snprintf(r->header, sizeof(r->header), "X-Tier");
		if (next_below(seed, 4) != 0)
			random_text(seed, r->value, "gold", 3);
		if (next_below(seed, 3) == 0)
			snprintf(r->value, sizeof(r->value), "gold-*");
	}
}

static void test_any_rules(void)
{
	static struct policy_rule_config rules[MANY];
	unsigned wrong = 0, found = 0, shadowed = 0;

	for (uint64_t seed = 1; seed <= 500; seed++) {
		uint64_t s = seed;
		unsigned n = 1 + next_below(&s, MANY);
		uint64_t used = 0;

		for (unsigned i = 0; i < n; i++)
			random_rule(&s, &rules[i], i);
		struct match *m = match_new(rules, n, NULL, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		for (unsigned k = 0; k < 200; k++) {
			char trunk[POLICY_NAME_LEN], to[32], from[32], value[POLICY_NAME_LEN];
			random_text(&s, trunk, "trunk", 5);
			random_number(&s, to, false);
			random_number(&s, from, false);
			random_text(&s, value, "gold", 4);
			const char *headers[1] = {next_below(&s, 2) == 0 ? value : NULL};
			struct policy_query q = {.trunk = trunk, .to = to, .from = from, .headers = headers};
			int want = plain_find(rules, n, &q, headers[0]);
			wrong += match_find(m, &q) != want;
			found += want >= 0;
			if (want >= 0)
				used |= UINT64_C(1) << want;
		}
		for (unsigned i = 0; i < n; i++) {
			int by = match_shadow(m, i);
			wrong += by >= (int)i || (by >= 0 && (used >> i & 1) != 0);
			shadowed += by >= 0;
		}
		match_free(m);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(found > 10000);
	CU_ASSERT_TRUE(shadowed > 1000);
}

/* ---- tables of any size ---- */

static void test_large(void)
{
	enum { RULES = 10000, EACH = 10 };
	struct policy_rule_config *rules = calloc(RULES, sizeof(*rules));
	struct policy_number *list = calloc((size_t)RULES * EACH, sizeof(*list));

	CU_ASSERT_PTR_NOT_NULL_FATAL(rules);
	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	for (unsigned i = 0; i < RULES; i++) {
		snprintf(rules[i].name, sizeof(rules[i].name), "rule-%u", i);
		snprintf(rules[i].trunk, sizeof(rules[i].trunk), "trunk-%u", i % 50);
		rules[i].to = &list[(size_t)i * EACH];
		rules[i].n_to = EACH;
		for (unsigned j = 0; j < EACH; j++)
			snprintf(rules[i].to[j].text, POLICY_NUMBER_LEN, "+1%06u*", j * RULES + i);
	}
	struct match *m = match_new(rules, RULES, NULL, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	unsigned wrong = 0;
	for (unsigned i = 0; i < RULES; i += 37) {
		char to[32], trunk[32];
		snprintf(to, sizeof(to), "+1%06u5550", (i % EACH) * RULES + i);
		snprintf(trunk, sizeof(trunk), "trunk-%u", i % 50);
		struct policy_query q = {.trunk = trunk, .to = to, .from = ""};
		wrong += match_find(m, &q) != (int)i;
		q.trunk = "trunk-50";
		wrong += match_find(m, &q) != -1;
		wrong += match_shadow(m, i) != -1;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	match_free(m);
	free(rules);
	free(list);
}

/* ---- through policy_decide() ---- */

static struct policy_table *table_of(const struct policy_rule_config *rules, unsigned n, const struct policy_zone *zones,
                                     unsigned n_zones)
{
	struct fixture f;

	fixture_init(&f, 1, POLICY_ADAPTIVE);
	f.config.rules = rules;
	f.config.n_rules = n;
	f.config.zones = zones;
	f.config.n_zones = n_zones;
	return fixture_table(&f);
}

static int rule_at(const struct policy_table *t, int64_t wall_s)
{
	struct policy_region_facts facts[1] = {facts_at_ease()};
	struct policy_query q = query_of(1);
	struct policy_plan plan;

	q.wall_us = wall_s * 1000000;
	policy_decide(t, facts, &q, &plan);
	return plan.rule;
}

#define MONDAY 1704067200            /* 2024-01-01T00:00:00Z */
#define AT(day, hour, minute) (MONDAY + (day) * 86400 + (hour) * 3600 + (minute) * 60)

static void test_hours(void)
{
	const struct policy_zone_change east[] = {{-100, -18000}, {AT(2, 0, 0), -14400}};
	const struct policy_zone zones[] = {{.name = "East", .changes = east, .n_changes = 2}};
	const struct policy_rule_config utc[] = {
		{.name = "day", .windows = {{0x1f, 480, 1080}, {0x20, 540, 720}}, .n_windows = 2},
		{.name = "night", .windows = {{0x40, 1320, 360}}, .n_windows = 1},
	};
	const struct policy_rule_config local[] = {
		{.name = "noon", .windows = {{0x7f, 720, 721}}, .n_windows = 1, .zone = "East"},
	};
	struct policy_table *t = table_of(utc, 2, NULL, 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(0, 7, 59)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(0, 8, 0)), 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(4, 17, 59)), 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(4, 18, 0)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(5, 9, 0)), 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(5, 13, 0)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(6, 21, 59)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(6, 22, 0)), 1);
	CU_ASSERT_EQUAL(rule_at(t, AT(7, 5, 59)), 1);   /* Sunday's night ends on Monday */
	CU_ASSERT_EQUAL(rule_at(t, AT(7, 6, 0)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(-3 * 7, 8, 0)), 0);
	policy_table_free(t);
	t = table_of(local, 1, zones, 1);
	CU_ASSERT_EQUAL(rule_at(t, AT(1, 17, 0)), 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(1, 16, 0)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(3, 16, 0)), 0);
	CU_ASSERT_EQUAL(rule_at(t, AT(3, 17, 0)), -1);
	CU_ASSERT_EQUAL(rule_at(t, AT(3, 15, 59)), -1);
	policy_table_free(t);
}

static void test_percent(void)
{
	const struct policy_rule_config rules[] = {
		{.name = "canary", .percent = 5}, {.name = "other", .percent = 50}, {.name = "rest"},
	};
	struct policy_table *t = table_of(rules, 3, NULL, 0);
	struct policy_region_facts facts[1] = {facts_at_ease()};
	unsigned taken[3] = {0};
	struct policy_plan plan;

	for (uint64_t i = 0; i < 20000; i++) {
		struct policy_query q = query_of(i);
		CU_ASSERT_EQUAL_FATAL(policy_decide(t, facts, &q, &plan), 0);
		taken[plan.rule]++;
	}
	CU_ASSERT_TRUE(taken[0] > 900 && taken[0] < 1100);
	CU_ASSERT_TRUE(taken[1] > 9200 && taken[1] < 9800);  /* each draws for itself */
	policy_table_free(t);
}

static void test_refuse(void)
{
	const struct policy_rule_config rules[] = {
		{.name = "blocked", .from = NUMBER("+1900*"), .n_from = 1, .refuse = 603}, {.name = "rest"},
	};
	struct policy_table *t = table_of(rules, 2, NULL, 0);
	struct policy_region_facts facts[1] = {facts_at_ease()};
	struct policy_query q = query_of(1);
	struct policy_plan plan;

	CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), 0);
	CU_ASSERT_EQUAL(plan.refuse, 0);
	q.from = "+19005550100";
	CU_ASSERT_EQUAL(policy_decide(t, facts, &q, &plan), -ECONNREFUSED);
	CU_ASSERT_EQUAL(plan.refuse, 603);
	CU_ASSERT_EQUAL(plan.rule, 0);
	CU_ASSERT_EQUAL(plan.pool, -1);
	CU_ASSERT_EQUAL(plan.n_order + plan.n_candidates, 0);
	CU_ASSERT_STRING_EQUAL(policy_because_str(plan.because), "refused by rule");
	policy_table_free(t);
}

static void test_headers(void)
{
	const struct policy_rule_config rules[] = {
		{.name = "gold", .header = "X-Tier", .value = "gold"}, {.name = "site", .header = "X-Site", .value = "be*"},
		{.name = "any", .header = "x-tier"}, {.name = "rest"},
	};
	struct policy_table *t = table_of(rules, 4, NULL, 0);
	struct policy_region_facts facts[1] = {facts_at_ease()};
	const char *values[2] = {NULL, NULL};
	struct policy_query q = query_of(1);
	struct policy_plan plan;

	CU_ASSERT_STRING_EQUAL(policy_table_header(t, 0), "X-Tier");
	CU_ASSERT_STRING_EQUAL(policy_table_header(t, 1), "X-Site");
	CU_ASSERT_PTR_NULL(policy_table_header(t, 2));   /* case does not matter (RFC 3261 section 7.3.1) */
#define EXPECT(rule_) do { policy_decide(t, facts, &q, &plan); CU_ASSERT_EQUAL(plan.rule, rule_); } while (0)
	EXPECT(3);
	q.headers = values;
	EXPECT(3);
	values[0] = "gold";
	EXPECT(0);
	values[0] = "Gold";
	EXPECT(2);
	values[1] = "berlin";
	EXPECT(1);
	values[0] = NULL;
	EXPECT(1);
	values[1] = "b";
	EXPECT(3);
	policy_table_free(t);
}

static void test_shadow(void)
{
	struct policy_number halves[] = {{"+11*"}, {"+12*"}}, one[] = {{"+11*"}}, two[] = {{"+12*"}};
	const struct policy_rule_config rules[] = {
		{.name = "a", .to = one, .n_to = 1}, {.name = "b", .to = two, .n_to = 1, .percent = 50},
		{.name = "half open", .to = halves, .n_to = 2}, {.name = "c", .to = two, .n_to = 1},
		{.name = "both taken", .to = halves, .n_to = 2, .trunk = "t"},
		{.name = "day", .windows = {{0x1f, 480, 1080}}, .n_windows = 1},
		{.name = "morning", .windows = {{0x07, 480, 720}}, .n_windows = 1},
		{.name = "late", .windows = {{0x07, 480, 1081}}, .n_windows = 1},
		{.name = "header", .header = "X", .value = "ab*"}, {.name = "longer", .header = "X", .value = "abc"},
		{.name = "other", .header = "X", .value = "b"}, {.name = "again", .header = "X", .value = "b"},
	};
	static const int want[] = {-1, -1, -1, 2, 2, -1, 5, -1, -1, 8, -1, 10};
	struct match *m = match_new(rules, 12, NULL, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(match_shadow(m, i), want[i]);
	match_free(m);
	CU_ASSERT_TRUE(match_windows_overlap(&(struct policy_window){0x40, 1320, 360}, &(struct policy_window){1, 0, 60}));
	CU_ASSERT_FALSE(match_windows_overlap(&(struct policy_window){0x40, 1320, 360}, &(struct policy_window){1, 360, 400}));
}

UNIT_MAIN("policy_match", {"as a plain reading", test_any_rules}, {"10,000 rules, 100,000 prefixes", test_large},
          {"hours and zones", test_hours}, {"percentages", test_percent}, {"refusals", test_refuse},
          {"header values", test_headers}, {"rules that can never match", test_shadow})
