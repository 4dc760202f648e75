/* base/map: what is in it is found, what is not is not, through every order of adding and removing, and beside an array
 * that is searched from end to end. */
#include "base/map.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THINGS 3000

struct thing {
	size_t len;
	char key[40];
	bool in;
};

static struct thing things[THINGS];

static const void *key_in(const void *thing, size_t *len)
{
	const struct thing *t = thing;
	*len = t->len;
	return t->key;
}

/* Keys of every length from 0 on, many with the same beginning. */
static void make_things(void)
{
	for (unsigned i = 0; i < THINGS; i++) {
		struct thing *t = &things[i];
		t->in = false;
		t->len = i < 30 ? i : (size_t)snprintf(t->key, sizeof t->key, "z9hG4bK-%u-%u", i % 7, i);
		if (i < 30)
			memset(t->key, 'x', i);
	}
}

static void check_all(const struct map *map)
{
	unsigned n = 0;
	for (unsigned i = 0; i < THINGS; i++) {
		const struct thing *t = &things[i], *found = map_find(map, t->key, t->len);
		CU_ASSERT_PTR_EQUAL(found, t->in ? t : NULL);
		n += t->in;
	}
	CU_ASSERT_EQUAL(map_count(map), n);
}

static void test_empty(void)
{
	struct map map;
	uint32_t at = 0;
	map_init(&map, key_in);
	make_things();
	CU_ASSERT_PTR_NULL(map_find(&map, "", 0));
	CU_ASSERT_PTR_NULL(map_find(&map, "key", 3));
	CU_ASSERT_PTR_NULL(map_next(&map, &at));
	map_remove(&map, &things[0]);
	CU_ASSERT_EQUAL(map_count(&map), 0);
	map_free(&map);
}

static void test_all_in_and_out(void)
{
	struct map map;
	map_init(&map, key_in);
	make_things();
	for (unsigned i = 0; i < THINGS; i++)
		things[i].in = map_add(&map, &things[i]);
	check_all(&map);
	CU_ASSERT_EQUAL(map_count(&map), THINGS);
	for (unsigned i = 0; i < THINGS; i += 2) {
		map_remove(&map, &things[i]);
		things[i].in = false;
	}
	check_all(&map);
	map_remove(&map, &things[0]);  /* it is not there any more */
	check_all(&map);
	map_free(&map);
	CU_ASSERT_EQUAL(map_count(&map), 0);
	CU_ASSERT_PTR_NULL(map_find(&map, things[1].key, things[1].len));
}

static void test_any_order(void)
{
	struct map map;
	map_init(&map, key_in);
	make_things();
	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 200; i++) {
			struct thing *t = &things[rand() % (round < 100 ? THINGS : 300)];  /* large, then small and crowded */
			if (t->in)
				map_remove(&map, t);
			else
				CU_ASSERT(map_add(&map, t));
			t->in = !t->in;
		}
		if (round % 20 == 0)
			check_all(&map);
	}
	check_all(&map);
	map_free(&map);
}

static void test_next(void)
{
	struct map map;
	unsigned seen = 0;
	map_init(&map, key_in);
	make_things();
	for (unsigned i = 0; i < 500; i++)
		map_add(&map, &things[i]);
	uint32_t at = 0;
	for (struct thing *t; (t = map_next(&map, &at)); seen++) {
		CU_ASSERT_FALSE(t->in);
		t->in = true;
	}
	CU_ASSERT_EQUAL(seen, 500);
	CU_ASSERT_PTR_NULL(map_next(&map, &at));
	map_free(&map);
}

static void test_alike(void)
{
	struct map map;
	struct thing a = {.len = 1, .key = "k"}, b = a;
	map_init(&map, key_in);
	CU_ASSERT(map_add(&map, &a) && map_add(&map, &b));
	CU_ASSERT_EQUAL(map_count(&map), 2);
	map_remove(&map, &a);
	CU_ASSERT_PTR_EQUAL(map_find(&map, "k", 1), &b);
	map_remove(&map, &b);
	CU_ASSERT_PTR_NULL(map_find(&map, "k", 1));
	map_free(&map);
}

UNIT_MAIN("map", {"an empty one", test_empty}, {"all in, half of them out", test_all_in_and_out},
          {"in and out in any order", test_any_order}, {"each once", test_next}, {"two of one key", test_alike})
