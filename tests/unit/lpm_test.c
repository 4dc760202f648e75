/* base/lpm: small cases one by one, then random tables of several shapes against a walk over all. */
#include "base/lpm.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct lpm *lpm, const char *text, uint32_t value)
{
	struct prefix p;
	uint32_t existing;
	CU_ASSERT_EQUAL_FATAL(prefix_parse(&p, text), 0);
	return lpm_add(lpm, &p, value, &existing);
}

static int64_t find(const struct lpm *lpm, const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL_FATAL(addr_parse(&a, text, 5060), 0);
	return lpm_find(lpm, &a);
}

static void test_longest_wins(void)
{
	struct lpm *lpm = lpm_new();
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.1"), -1);
	CU_ASSERT_EQUAL(add(lpm, "192.0.2.0/24", 24), 0);
	CU_ASSERT_EQUAL(add(lpm, "192.0.2.1/32", 32), 0);
	CU_ASSERT_EQUAL(add(lpm, "192.0.0.0/16", 16), 0);
	CU_ASSERT_EQUAL(add(lpm, "192.0.2.0/26", 26), 0);
	CU_ASSERT_EQUAL(add(lpm, "192.0.2.0/25", 25), 0);
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.1"), 32);
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.2"), 26);
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.64"), 25);
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.128"), 24);
	CU_ASSERT_EQUAL(find(lpm, "192.0.3.1"), 16);
	CU_ASSERT_EQUAL(find(lpm, "192.1.0.0"), -1);
	CU_ASSERT_EQUAL(add(lpm, "0.0.0.0/0", 0), 0);
	CU_ASSERT_EQUAL(find(lpm, "192.1.0.0"), 0);
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.1"), 32);
	CU_ASSERT_EQUAL(find(lpm, "::1"), -1);
	lpm_free(lpm);
	lpm_free(NULL);
}

static void test_families_are_apart(void)
{
	struct lpm *lpm = lpm_new();
	CU_ASSERT_EQUAL(add(lpm, "::/0", 1), 0);
	CU_ASSERT_EQUAL(add(lpm, "0.0.0.0/0", 2), 0);
	CU_ASSERT_EQUAL(add(lpm, "c000:200::/24", 3), 0);  /* the bytes of 192.0.2.0/24 */
	CU_ASSERT_EQUAL(find(lpm, "192.0.2.1"), 2);
	CU_ASSERT_EQUAL(find(lpm, "c000:2ff::"), 3);
	CU_ASSERT_EQUAL(find(lpm, "2001:db8::"), 1);
	CU_ASSERT_EQUAL(lpm_find(lpm, &(struct addr){0}), -1);
	lpm_free(lpm);
}

static void test_existing(void)
{
	static const char *const texts[] = {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/33", "::/0",
					    "10.0.0.0/9"};
	struct lpm *lpm = lpm_new();
	for (uint32_t i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(add(lpm, texts[i], 100 + i), 0);
	for (uint32_t i = 0; i < 6; i++) {
		struct prefix p;
		struct addr first;
		uint32_t existing = 0;
		prefix_parse(&p, texts[i]);
		CU_ASSERT_EQUAL(lpm_add(lpm, &p, 7, &existing), -EEXIST);
		CU_ASSERT_EQUAL(existing, 100 + i);
		prefix_first(&p, &first);
		CU_ASSERT(lpm_find(lpm, &first) >= 100);
	}
	lpm_free(lpm);
}

static void test_nested(void)
{
	struct lpm *lpm = lpm_new();
	struct prefix p = {.family = AF_INET6};
	uint32_t existing;
	/* the /n of all ones, for odd n and then for even n */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned len = 0; len <= 128; len++) {
			memset(p.bytes, 0, sizeof(p.bytes));
			for (unsigned bit = 0; bit < len; bit++)
				p.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			p.len = (uint8_t)len;
			if (len % 2 != pass)
				CU_ASSERT_EQUAL(lpm_add(lpm, &p, len, &existing), 0);
		}
	}
	for (unsigned len = 0; len <= 128; len++) {
		struct addr a;
		uint8_t bytes[16] = {0};
		for (unsigned bit = 0; bit < len; bit++)
			bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		addr_from_bytes(&a, bytes, 16, 0);
		CU_ASSERT_EQUAL(lpm_find(lpm, &a), len);
	}
	lpm_free(lpm);
}

/* Random tables. */

#define PREFIXES 400

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Bytes drawn from few values, so that prefixes nest and share; `shape` says how few. */
static void random_bytes(uint8_t *bytes, unsigned len, unsigned shape)
{
	static const uint8_t few[] = {0x00, 0xff, 0x80, 0x01, 0x7f, 0x10};
	for (unsigned i = 0; i < len; i++)
		bytes[i] = shape == 0 ? (uint8_t)rnd() : few[rnd() % (shape == 1 ? 2 : 6)];
}

static struct prefix random_prefix(unsigned shape)
{
	struct prefix p = {.family = rnd() % 2 ? AF_INET : AF_INET6};
	unsigned bytes = p.family == AF_INET ? 4 : 16;
	unsigned most = bytes * 8;
	if (rnd() % 4 == 0)
		most = 16;  /* plenty of short ones */
	p.len = (uint8_t)(rnd() % (most + 1));
	random_bytes(p.bytes, bytes, shape);
	for (unsigned bit = p.len; bit < 128; bit++)
		p.bytes[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return p;
}

/* An address inside a random prefix of the table (most of the time), perhaps one bit off. */
static struct addr random_addr(const struct prefix *table, unsigned count, unsigned shape)
{
	const struct prefix *p = &table[rnd() % count];
	unsigned len = p->family == AF_INET ? 4 : 16;
	uint8_t bytes[16];
	struct addr a;
	random_bytes(bytes, len, shape);
	unsigned same = rnd() % 8 ? p->len : 0;
	for (unsigned bit = 0; bit < same; bit++) {
		unsigned mask = 0x80u >> bit % 8;
		bytes[bit / 8] = (uint8_t)((bytes[bit / 8] & ~mask) | (p->bytes[bit / 8] & mask));
	}
	if (rnd() % 4 == 0)
		bytes[rnd() % len] ^= (uint8_t)(1 << rnd() % 8);
	addr_from_bytes(&a, bytes, len, 0);
	return a;
}

static int64_t find_slowly(const struct prefix *table, unsigned count, const struct addr *a)
{
	int64_t best = -1;
	for (unsigned i = 0; i < count; i++)
		if (prefix_contains(&table[i], a) && (best < 0 || table[i].len > table[best].len))
			best = i;
	return best;
}

static void check_random(unsigned shape)
{
	static struct prefix table[PREFIXES];
	struct lpm *lpm = lpm_new();
	unsigned count = 0, wanted = 1 + (unsigned)(rnd() % PREFIXES), wrong = 0;
	for (unsigned i = 0; i < wanted; i++) {
		struct prefix p = random_prefix(shape);
		uint32_t existing = UINT32_MAX, same = 0;
		while (same < count && !prefix_equal(&p, &table[same]))
			same++;
		int ret = lpm_add(lpm, &p, count, &existing);
		wrong += same < count ? ret != -EEXIST || existing != same : ret != 0;
		if (!ret)
			table[count++] = p;
		struct addr a = random_addr(table, count, shape);
		wrong += lpm_find(lpm, &a) != find_slowly(table, count, &a);
	}
	for (unsigned i = 0; i < 300; i++) {
		struct addr a = random_addr(table, count, shape);
		wrong += lpm_find(lpm, &a) != find_slowly(table, count, &a);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	lpm_free(lpm);
}

static void test_random(void)
{
	for (unsigned i = 1; i <= 600; i++) {
		seed = i * 0x9e3779b97f4a7c15u;
		check_random(i % 3);
	}
}

/* As many as trunks may have together; speed is for the bench to say. */
static void test_hundred_thousand(void)
{
	enum { MANY = 100000 };
	struct prefix *table = malloc(MANY * sizeof *table);
	struct lpm *lpm = lpm_new();
	unsigned count = 0, wrong = 0;
	uint32_t existing;
	CU_ASSERT_FATAL(table && lpm);
	seed = 0x9e3779b97f4a7c15u;
	while (count < MANY) {
		struct prefix p = random_prefix(0);
		int ret = lpm_add(lpm, &p, count, &existing);
		if (!ret)
			table[count++] = p;
		wrong += ret && ret != -EEXIST;
	}
	for (unsigned i = 0; i < 200; i++) {
		struct addr a = random_addr(table, count, 0);
		wrong += lpm_find(lpm, &a) != find_slowly(table, count, &a);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	lpm_free(lpm);
	free(table);
}

UNIT_MAIN("lpm", {"the longest wins", test_longest_wins}, {"families are apart", test_families_are_apart},
	  {"the same prefix twice", test_existing}, {"nested at every length", test_nested},
	  {"random tables agree with a walk over all", test_random}, {"100,000 prefixes", test_hundred_thousand})
