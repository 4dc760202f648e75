/* proxy/record: lines read back with a JSON parser: every key of the contract, and what is not known is
 * null. */
#include "proxy/record.h"
#include "base/clock.h"
#include "proxy/table.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_ID "a84b4c76e66710@192.0.2.1"
#define FROM "+15550001111"
#define TO "+18005551234"

static struct table *build(void)
{
	static const struct policy_region_config policy_regions[] = {
		{.name = "us-east-1", .weight = 100, .max_calls = 4000}, {.name = "us-west-2", .weight = 100},
	};
	static const struct policy_pool_config pools[] = {
		{.name = "default", .strategy = POLICY_ADAPTIVE, .regions = {0, 1}, .n_regions = 2,
		 .failover = {.on = {503}, .n_on = 1, .attempts = 2, .first_response_ms = 2000}},
	};
	static struct policy_number premium = {"+1800*"};
	static const struct policy_rule_config rules[] = {{.name = "premium", .to = &premium, .n_to = 1}, {.name = "all"}};
	struct policy_config c = {.regions = policy_regions, .n_regions = 2, .pools = pools, .n_pools = 1,
	                          .rules = rules, .n_rules = 2, .tuning = policy_tuning_default()};
	static struct proxy_region_config regions[2];
	static struct prefix source;
	static struct proxy_trunk_config trunk = {.name = "carrier-a", .sources = &source, .n_sources = 1};
	struct err err;
	prefix_parse(&source, "192.0.2.0/24");
	for (int i = 0; i < 2; i++) {
		regions[i].n_targets = 1;
		snprintf(regions[i].targets[0].host, sizeof regions[i].targets[0].host, "198.51.100.2%d", i + 1);
		snprintf(regions[i].targets[0].uri, sizeof regions[i].targets[0].uri, "sip:198.51.100.2%d:5060", i + 1);
		regions[i].targets[0].port = 5060;
	}
	struct proxy_routing r = {.policy = policy_table_new(&c, &err), .regions = regions, .trunks = &trunk,
	         .n_trunks = 1};
	struct table *t = table_new(&r, NULL, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	return t;
}

static struct record *new_record(const struct table *table, enum record_kind kind, unsigned n_candidates,
                                 const char *call_id)
{
	size_t id = strlen(call_id), size = record_size(n_candidates, id, strlen(FROM), strlen(TO));
	struct record *r = calloc(1, size);
	*r = (struct record){
		.kind = (uint8_t)kind, .planned = true, .trunk = 0, .rule = 0, .pool = 0, .strategy = POLICY_ADAPTIVE,
		.call_id_len = (uint16_t)id, .from_len = strlen(FROM), .to_len = strlen(TO), .size = (uint32_t)size,
		.wall_us = 1767225600LL * CLOCK_SEC + 123456, .table = table,
	};
	if (kind == RECORD_ROUTE)
		r->route.n_candidates = (uint8_t)n_candidates;
	char *p = record_texts(r);
	memcpy(p, call_id, id);
	memcpy(p + id, FROM, strlen(FROM));
	memcpy(p + id + strlen(FROM), TO, strlen(TO));
	return r;
}

/* Reads the record back; it is one line, ended by a newline. Frees the record. */
static json_t *line_of(struct record *r, bool mask)
{
	struct jw w;
	json_error_t error;
	jw_init(&w);
	record_json(&w, r, "iad-1", mask);
	const char *text = jw_text(&w);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(strcspn(text, "\n"), strlen(text) - 1);
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		printf("\n%s: %s\n", error.text, text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	jw_free(&w);
	free(r);
	return o;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "(none)";
}
#define CHECK_STR(o, key, expected) CU_ASSERT_STRING_EQUAL(str(o, key), expected)
#define CHECK_INT(o, key, expected) \
	CU_ASSERT(json_is_integer(json_object_get(o, key)) && json_integer_value(json_object_get(o, key)) == (expected))
#define CHECK_NULL(o, key) CU_ASSERT(json_is_null(json_object_get(o, key)))

static void check_keys(const json_t *o, const char *const keys[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_PTR_NOT_NULL(json_object_get(o, keys[i]));
		if (!json_object_get(o, keys[i]))
			printf("\n    no key %s\n", keys[i]);
	}
}
#define CHECK_KEYS(o, ...) \
	check_keys(o, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static struct record *route(const struct table *t)
{
	struct record *r = new_record(t, RECORD_ROUTE, 2, CALL_ID);
	struct policy_candidate *c = record_candidates(r);
	c[0] = (struct policy_candidate){.region = 0, .eligible = true, .reason = POLICY_OK, .load = 0.25f,
	         .score = 1.5f,
	                                 .facts = {.healthy = true, .calls = 10, .setups = 2, .latency_us = 20500,
	                                 .rtt_us = 900}};
	c[1] = (struct policy_candidate){.region = 1, .reason = POLICY_NO_UNHEALTHY, .facts = {.healthy = false}};
	r->route.chosen = 0;
	r->route.attempt = 1;
	r->route.because = POLICY_BECAUSE_ONLY;
	r->route.decision_us_x10 = 34;
	return r;
}

/* What replay needs beside the candidates. */
static void test_inputs(void)
{
	static const char values[] = "=gold\0\0=\0";
	static const char *const names[] = {"X-A", "X-B", "X-C"};
	struct table *t = build();
	struct policy_rule_config rules[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
	struct policy_table *asks = NULL, *plain = t->policy;
	const struct policy_pool_config *pool = policy_table_pool(plain, 0);
	struct policy_config config = {.regions = policy_table_region(plain, 0), .n_regions = policy_table_regions(plain),
	                               .pools = pool, .n_pools = 1, .rules = rules, .n_rules = 3,
	                               .tuning = policy_tuning_default()};
	for (unsigned i = 0; i < 3; i++)
		memcpy(rules[i].header, names[i], 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(asks = policy_table_new(&config, NULL));
	t->policy = asks;
	struct record *r = route(t);
	r = realloc(r, r->size + sizeof values);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	memcpy(record_texts(r) + r->call_id_len + r->from_len + r->to_len, values, sizeof values - 1);
	r->rule = r->pool = 0;
	r->route.headers_len = sizeof values - 1;
	r->route.random = 0xfedcba9876543210;
	r->route.threshold = 60;
	json_t *o = line_of(r, false), *h = json_object_get(o, "headers");
	CHECK_STR(o, "random", "0xfedcba9876543210");
	CHECK_KEYS(o, "threshold_ms", "otherwise");
	CU_ASSERT_EQUAL(json_object_size(h), 2);
	CHECK_STR(h, "X-A", "gold");
	CHECK_STR(h, "X-C", "");
	json_decref(o);
	t->policy = plain;
	policy_table_free(asks);
	table_free(t);
}

static void test_route(void)
{
	struct table *t = build();
	json_t *o = line_of(route(t), false), *c;
	CHECK_KEYS(o, "time", "event", "node", "call_id", "trunk", "from", "to", "rule", "pool", "strategy",
	         "candidates",
	           "chosen", "because", "attempt", "decision_us");
	CHECK_STR(o, "time", "2026-01-01T00:00:00.123456Z");
	CHECK_STR(o, "event", "route");
	CHECK_STR(o, "node", "iad-1");
	CHECK_STR(o, "call_id", CALL_ID);
	CHECK_STR(o, "trunk", "carrier-a");
	CHECK_STR(o, "from", FROM);
	CHECK_STR(o, "to", TO);
	CHECK_STR(o, "rule", "premium");
	CHECK_STR(o, "pool", "default");
	CHECK_STR(o, "strategy", "adaptive");
	CHECK_STR(o, "chosen", "us-east-1");
	CHECK_STR(o, "because", "only eligible region");
	CHECK_INT(o, "attempt", 1);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(o, "decision_us")), 3.4, 1e-9);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "candidates")), 2);
	c = json_array_get(json_object_get(o, "candidates"), 0);
	CHECK_KEYS(c, "region", "eligible", "reason", "health", "calls", "calls_max", "setups", "latency_ms", "hot",
	         "score");
	CHECK_STR(c, "region", "us-east-1");
	CU_ASSERT(json_is_true(json_object_get(c, "eligible")));
	CHECK_STR(c, "reason", "ok");
	CHECK_STR(c, "health", "up");
	CHECK_INT(c, "calls", 10);
	CHECK_INT(c, "calls_max", 4000);
	CHECK_INT(c, "setups", 2);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(c, "latency_ms")), 20.5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(c, "score")), 1.5, 1e-9);
	c = json_array_get(json_object_get(o, "candidates"), 1);
	CU_ASSERT(json_is_false(json_object_get(c, "eligible")));
	CHECK_STR(c, "reason", "unhealthy");
	CHECK_STR(c, "health", "down");
	CHECK_NULL(c, "calls_max");
	CHECK_NULL(c, "latency_ms");
	CHECK_NULL(c, "score");
	json_decref(o);
	table_free(t);
}

static void test_route_none(void)
{
	struct table *t = build();
	struct record *r = route(t);
	r->rule = r->pool = -1;
	r->route.chosen = -1;
	r->route.because = POLICY_BECAUSE_NONE;
	json_t *o = line_of(r, false);
	CHECK_NULL(o, "rule");
	CHECK_NULL(o, "pool");
	CHECK_NULL(o, "strategy");
	CHECK_NULL(o, "chosen");
	CHECK_STR(o, "because", "no region eligible");
	json_decref(o);
	table_free(t);
}

static void check_failover(const struct table *t, uint8_t region, uint16_t status, const char *because)
{
	struct record *r = new_record(t, RECORD_ROUTE, 0, CALL_ID);
	r->route.chosen = 1;
	r->route.attempt = 2;
	r->route.after_region = region;
	r->route.after_status = status;
	json_t *o = line_of(r, false);
	CHECK_KEYS(o, "time", "event", "node", "call_id", "trunk", "from", "to", "rule", "pool", "strategy",
	         "candidates",
	           "chosen", "because", "attempt", "decision_us");
	CHECK_STR(o, "rule", "premium");
	CHECK_STR(o, "strategy", "adaptive");
	CHECK_STR(o, "chosen", "us-west-2");
	CHECK_STR(o, "because", because);
	CHECK_INT(o, "attempt", 2);
	json_decref(o);
}

static void test_route_failover(void)
{
	struct table *t = build();
	check_failover(t, 0, 503, "failover: us-east-1 answered 503");
	check_failover(t, 0, 0, "failover: us-east-1 did not answer in time");
	table_free(t);
}

static struct record *end(const struct table *t)
{
	struct record *r = new_record(t, RECORD_END, 0, CALL_ID);
	r->end = (struct record_end){
		.n_attempts = 2, .outcome = OUTCOME_ANSWERED, .ended_by = ENDED_BY_CALLEE, .status = 200,
		.flags = RECORD_FO,
		.region = 1, .setup_ms = 5100, .ring_ms = 2300, .duration_ms = 61000,
		.attempts = {
			{.region = 0, .status = 503, .first_ms = 40, .ring_ms = -1, .answer_ms = -1},
			{.region = 1, .status = 200, .first_ms = 12, .ring_ms = 200, .answer_ms = 3000},
		},
	};
	return r;
}

static void test_end(void)
{
	struct table *t = build();
	json_t *o = line_of(end(t), false), *a;
	CHECK_KEYS(o, "time", "event", "node", "call_id", "trunk", "from", "to", "rule", "pool", "strategy", "chosen",
	           "attempts", "outcome", "status", "flags", "setup_ms", "ring_ms", "duration_ms", "ended_by");
	CHECK_STR(o, "event", "end");
	CHECK_STR(o, "outcome", "answered");
	CHECK_STR(o, "chosen", "us-west-2");
	CHECK_STR(o, "ended_by", "callee");
	CHECK_INT(o, "status", 200);
	CHECK_INT(o, "setup_ms", 5100);
	CHECK_INT(o, "ring_ms", 2300);
	CHECK_INT(o, "duration_ms", 61000);
	CU_ASSERT_PTR_NULL(json_object_get(o, "origin"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "flags")), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(o, "flags"), 0)), "FO");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "attempts")), 2);
	a = json_array_get(json_object_get(o, "attempts"), 0);
	CHECK_KEYS(a, "region", "target", "status", "first_response_ms", "ring_ms", "answer_ms");
	CHECK_STR(a, "region", "us-east-1");
	CHECK_STR(a, "target", "sip:198.51.100.21:5060");
	CHECK_INT(a, "status", 503);
	CHECK_INT(a, "first_response_ms", 40);
	CHECK_NULL(a, "ring_ms");
	CHECK_NULL(a, "answer_ms");
	a = json_array_get(json_object_get(o, "attempts"), 1);
	CHECK_INT(a, "answer_ms", 3000);
	json_decref(o);
	table_free(t);
}

static void test_end_refused(void)
{
	struct table *t = build();
	struct record *r = end(t);
	r->planned = false;
	r->end = (struct record_end){.outcome = OUTCOME_LIMITED, .status = 503, .flags = RECORD_TL, .region = -1,
	                             .setup_ms = 0, .ring_ms = -1, .duration_ms = -1};
	json_t *o = line_of(r, false);
	CHECK_STR(o, "outcome", "limited");
	CHECK_NULL(o, "rule");
	CHECK_NULL(o, "pool");
	CHECK_NULL(o, "strategy");
	CHECK_NULL(o, "chosen");
	CHECK_NULL(o, "ring_ms");
	CHECK_NULL(o, "duration_ms");
	CHECK_NULL(o, "ended_by");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "attempts")), 0);
	CU_ASSERT(json_is_array(json_object_get(o, "attempts")));
	json_decref(o);
	table_free(t);
}

static void test_flags(void)
{
	static const char *const names[] = {"NR", "FO", "PM", "TL", "WN", "DR", "EX"};
	static const uint32_t flags[] = {RECORD_NR, RECORD_FO, RECORD_PM, RECORD_TL, RECORD_WN, RECORD_DR, RECORD_EX};
	struct table *t = build();
	for (unsigned i = 0; i < 7; i++) {
		struct record *r = end(t);
		r->end.flags = flags[i];
		json_t *o = line_of(r, false);
		CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "flags")), 1);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(o, "flags"), 0)), names[i]);
		json_decref(o);
	}
	table_free(t);
}

static void test_outcomes(void)
{
	static const char *const names[] = {"answered", "busy", "rejected", "failed", "cancelled", "timeout",
	         "limited"};
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_STRING_EQUAL(record_outcome_str((enum record_outcome)i), names[i]);
}

/* A call that another node set up: what is not known is null, the origin is told. */
static void test_foreign(void)
{
	struct table *t = build();
	struct record *r = end(t);
	r->trunk = r->rule = r->pool = -1;
	r->planned = false;
	r->end = (struct record_end){.outcome = OUTCOME_ANSWERED, .status = 200, .flags = RECORD_WN, .region = -1,
	                             .origin = 0xbeef, .setup_ms = -1, .ring_ms = -1, .duration_ms = 5};
	json_t *o = line_of(r, false);
	CHECK_STR(o, "origin", "0000beef");
	CHECK_NULL(o, "trunk");
	CHECK_NULL(o, "chosen");
	CHECK_NULL(o, "setup_ms");
	json_decref(o);
	table_free(t);
}

static void test_mask(void)
{
	struct table *t = build();
	json_t *o = line_of(end(t), true);
	CHECK_STR(o, "from", "+1555000xxxx");
	CHECK_STR(o, "to", "+1800555xxxx");
	CHECK_STR(o, "call_id", CALL_ID);
	json_decref(o);
	table_free(t);
}

/* A Call-ID is the sender's: it may hold anything. */
static void test_hostile_text(void)
{
	struct table *t = build();
	struct record *r = new_record(t, RECORD_END, 0, "\"},\n{\"event\":\"end\"\x01\xff\\");
	r->end = (struct record_end){.region = -1, .setup_ms = -1, .ring_ms = -1, .duration_ms = -1};
	json_t *o = line_of(r, false);
	CHECK_STR(o, "call_id", "\"},\n{\"event\":\"end\"\x01\xef\xbf\xbd\\");
	json_decref(o);
	table_free(t);
}

UNIT_MAIN("record", {"inputs for replay", test_inputs}, {"route", test_route}, {"route to nowhere", test_route_none},
          {"route after a failure", test_route_failover},
          {"end", test_end}, {"end of what was refused", test_end_refused}, {"flags", test_flags},
          {"outcomes", test_outcomes}, {"another node's call", test_foreign}, {"numbers masked", test_mask},
          {"hostile text", test_hostile_text})
