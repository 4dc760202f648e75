/* cluster/record: what is written reads the same; whatever is altered, cut, moved or signed by somebody else does not. */
#include "cluster/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define KEY "tandem:node:iad-1"

static struct cluster_keys keys_of(const char *a, const char *b)
{
	struct cluster_keys k = {.n = 0};
	CU_ASSERT_EQUAL(cluster_keys_add(&k, (const uint8_t *)a, strlen(a)), 0);
	if (b)
		CU_ASSERT_EQUAL(cluster_keys_add(&k, (const uint8_t *)b, strlen(b)), 0);
	return k;
}
#define OLD "the secret that was before"
#define NEW "the secret that comes next"

static struct node_record sample(void)
{
	struct node_record r = {.epoch = 1700000000000000, .seq = 42, .wall_us = 1700000001000000, .fleet_revision = 7,
	                        .ready = true, .n_regions = 2, .n_prefixes = 1};
	snprintf(r.node, sizeof r.node, "iad-1");
	snprintf(r.version, sizeof r.version, "0.1.0");
	snprintf(r.revision, sizeof r.revision, "0123456789ab");
	snprintf(r.fleet_refused, sizeof r.fleet_refused, "no region \"x\"");
	for (unsigned i = 0; i < 2; i++) {
		struct node_region *g = &r.regions[i];
		snprintf(g->name, sizeof g->name, "region-%u", i);
		snprintf(g->state, sizeof g->state, "ready");
		g->setups = 3 + i, g->calls = 1000 + i, g->latency_us = 20500, g->error_rate = 0.25f, g->healthy = !i;
	}
	snprintf(r.prefixes[0].prefix, sizeof r.prefixes[0].prefix, "203.0.113.10/32");
	snprintf(r.prefixes[0].action, sizeof r.prefixes[0].action, "announce");
	return r;
}

static size_t encode(const struct cluster_keys *keys, char *out, size_t size)
{
	struct node_record r = sample();
	struct jw w;
	jw_init_fixed(&w, out, size);
	CU_ASSERT_EQUAL_FATAL(record_encode(keys, KEY, &r, &w), 0);
	return w.len;
}

static void test_same(void)
{
	struct cluster_keys k = keys_of(NEW, NULL);
	struct node_record r, want = sample();
	char text[4096];
	size_t len = encode(&k, text, sizeof text);
	memset(&r, 0xee, sizeof r);
	CU_ASSERT_EQUAL_FATAL(record_decode(&k, KEY, "iad-1", text, len, &r, NULL), 0);
	snprintf(want.keyid, sizeof want.keyid, "%s", k.id[0]);
	CU_ASSERT_EQUAL(r.epoch, want.epoch);
	CU_ASSERT_EQUAL(r.seq, want.seq);
	CU_ASSERT_EQUAL(r.wall_us, want.wall_us);
	CU_ASSERT_EQUAL(r.fleet_revision, 7);
	CU_ASSERT_STRING_EQUAL(r.keyid, want.keyid);
	CU_ASSERT_STRING_EQUAL(r.revision, want.revision);
	CU_ASSERT_STRING_EQUAL(r.fleet_refused, want.fleet_refused);
	CU_ASSERT(r.ready);
	CU_ASSERT_EQUAL_FATAL(r.n_regions, 2);
	CU_ASSERT_STRING_EQUAL(r.regions[1].name, "region-1");
	CU_ASSERT_EQUAL(r.regions[1].calls, 1001);
	CU_ASSERT_EQUAL(r.regions[1].setups, 4);
	CU_ASSERT(!r.regions[1].healthy && r.regions[0].healthy);
	CU_ASSERT(r.regions[0].error_rate > 0.249f && r.regions[0].error_rate < 0.251f);
	CU_ASSERT_EQUAL_FATAL(r.n_prefixes, 1);
	CU_ASSERT_STRING_EQUAL(r.prefixes[0].action, "announce");
}

/* Every byte altered, every length: refused, never read wrongly. */
static void test_altered(void)
{
	struct cluster_keys k = keys_of(NEW, NULL);
	struct node_record r;
	char text[4096], copy[4096];
	size_t len = encode(&k, text, sizeof text);
	unsigned passed = 0;
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, text, len);
		copy[i] ^= 1;
		passed += !record_decode(&k, KEY, "iad-1", copy, len, &r, NULL);
	}
	CU_ASSERT_EQUAL(passed, 0);
	for (size_t i = 0; i < len; i++)
		passed += !record_decode(&k, KEY, "iad-1", text, i, &r, NULL);
	CU_ASSERT_EQUAL(passed, 0);
}

static void expect(const struct cluster_keys *k, const char *key, const char *node, const char *text, size_t len,
                   const char *says)
{
	struct node_record r;
	struct err err = {{0}};
	CU_ASSERT_EQUAL(record_decode(k, key, node, text, len, &r, &err), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
	if (!strstr(err.text, says))
		printf("%s\n", err.text);
}

static void test_said(void)
{
	struct cluster_keys k = keys_of(NEW, NULL), other = keys_of(OLD, NULL);
	char text[4096];
	size_t len = encode(&k, text, sizeof text);
	struct jw w;
	expect(&k, "tandem:node:ord-1", "ord-1", text, len, "written under another key");
	expect(&other, KEY, "iad-1", text, len, "which this node does not have");
	expect(&k, KEY, "iad-1", text, 20, "truncated");
	expect(&k, KEY, "iad-1", text, len - 1, "bad MAC");
	expect(&k, KEY, "iad-1", "tandem2 1 1 00000000 0\n{}", 25, "of version \"tandem2\"");
	expect(&k, KEY, "iad-1", "hello world", 11, "of version \"hello\"");
	expect(&k, KEY, "iad-1", "", 0, "not a record");
	/* well signed, but no record, or that of another node */
	const char *const bodies[][2] = {{"{}", "it names no node"}, {"[1,", "not a record"},
	                                 {"{\"node\":\"ord-1\"}", "written by node \"ord-1\""}};
	for (unsigned i = 0; i < 3; i++) {
		jw_init(&w);
		CU_ASSERT_EQUAL(signed_encode(&k, KEY, 1, 1, bodies[i][0], strlen(bodies[i][0]), &w), 0);
		expect(&k, KEY, "iad-1", w.data, w.len, bodies[i][1]);
		jw_free(&w);
	}
}

/* Two secrets at a time: the first signs, both are read. */
static void test_rotation(void)
{
	struct cluster_keys before = keys_of(OLD, NULL), first = keys_of(OLD, NEW), then = keys_of(NEW, OLD),
	                    after = keys_of(NEW, NULL);
	const struct cluster_keys *const steps[] = {&before, &first, &then, &after};
	struct node_record r;
	char text[4096];
	for (unsigned i = 0; i < 3; i++) {
		size_t len = encode(steps[i], text, sizeof text);
		CU_ASSERT_EQUAL(record_decode(steps[i + 1], KEY, "iad-1", text, len, &r, NULL), 0);
		len = encode(steps[i + 1], text, sizeof text);
		CU_ASSERT_EQUAL(record_decode(steps[i], KEY, "iad-1", text, len, &r, NULL), 0);
	}
	CU_ASSERT_EQUAL(cluster_keys_add(&first, (const uint8_t *)NEW, strlen(NEW)), -EINVAL);
	CU_ASSERT_EQUAL(cluster_keys_add(&before, (const uint8_t *)"short", 5), -EINVAL);
	CU_ASSERT(strcmp(before.id[0], after.id[0]) != 0);
}

static void test_order(void)
{
	struct node_record a = {.epoch = 2, .seq = 1}, b = {.epoch = 1, .seq = 9}, c = {.epoch = 2, .seq = 2};
	CU_ASSERT(record_newer(&a, &b));
	CU_ASSERT(!record_newer(&b, &a));
	CU_ASSERT(record_newer(&c, &a));
	CU_ASSERT(!record_newer(&a, &a));
}

UNIT_MAIN("cluster record", {"reads as it was written", test_same}, {"altered or cut", test_altered},
          {"what is said", test_said}, {"secrets rotate", test_rotation}, {"order", test_order})
