/* The set of received prefixes: counted once each, bounded. */
#include "anycast/rib.h"

#include <errno.h>

#include "tests/unit/unit.h"

static struct prefix numbered(uint32_t n)
{
	struct prefix p = {
		.family = AF_INET, .len = 32, .bytes = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};

	return p;
}

static void test_set(void)
{
	struct rib *rib = rib_new();
	struct prefix a, b, six;

	prefix_parse(&a, "10.0.0.0/8");
	prefix_parse(&b, "10.0.0.0/9");
	prefix_parse(&six, "::/8");
	rib_remove(rib, &a);
	CU_ASSERT_EQUAL(rib_add(rib, &a), 0);
	CU_ASSERT_EQUAL(rib_add(rib, &a), 0);
	CU_ASSERT_EQUAL(rib_count(rib), 1);
	rib_add(rib, &b);
	rib_add(rib, &six);
	CU_ASSERT_EQUAL(rib_count(rib), 3);
	rib_remove(rib, &a);
	rib_remove(rib, &a);
	CU_ASSERT_EQUAL(rib_count(rib), 2);
	rib_clear(rib);
	CU_ASSERT_EQUAL(rib_count(rib), 0);
	rib_add(rib, &a);
	rib_free(rib);
}

static void test_bound(void)
{
	struct rib *rib = rib_new();
	struct prefix p;

	for (uint32_t i = 0; i < RIB_MAX; i++) {
		p = numbered(i);
		CU_ASSERT_EQUAL(rib_add(rib, &p), 0);
	}
	p = numbered(RIB_MAX);
	CU_ASSERT_EQUAL(rib_add(rib, &p), -ENOSPC);
	p = numbered(7);
	CU_ASSERT_EQUAL(rib_add(rib, &p), 0);           /* there already */
	rib_remove(rib, &p);
	p = numbered(RIB_MAX);
	CU_ASSERT_EQUAL(rib_add(rib, &p), 0);
	CU_ASSERT_EQUAL(rib_count(rib), RIB_MAX);
	rib_free(rib);
}

static void test_families(void)
{
	struct rib *rib = rib_new();
	struct prefix four, six;

	prefix_parse(&four, "192.0.2.0/24");
	prefix_parse(&six, "2001:db8::/32");
	CU_ASSERT_EQUAL(rib_add(rib, &four), 0);
	CU_ASSERT_EQUAL(rib_add(rib, &six), 0);
	CU_ASSERT_EQUAL(rib_add(rib, &six), 0);
	CU_ASSERT_EQUAL(rib_count_family(rib, AF_INET), 1);
	CU_ASSERT_EQUAL(rib_count_family(rib, AF_INET6), 1);
	rib_clear_family(rib, AF_INET6);
	CU_ASSERT_EQUAL(rib_count_family(rib, AF_INET), 1);
	CU_ASSERT_EQUAL(rib_count_family(rib, AF_INET6), 0);
	CU_ASSERT_EQUAL(rib_add(rib, &six), 0);
	rib_remove(rib, &four);
	rib_clear_family(rib, AF_INET);
	CU_ASSERT_EQUAL(rib_count(rib), 1);
	rib_clear(rib);
	CU_ASSERT_EQUAL(rib_count_family(rib, AF_INET6), 0);
	rib_free(rib);
}

UNIT_MAIN("rib", {"families", test_families}, {"a set", test_set}, {"bounded", test_bound})
