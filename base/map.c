/* See map.h. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define FIRST_SIZE 64

__extension__ typedef unsigned __int128 wide;

static uint64_t secret[2];

__attribute__((constructor)) static void choose_secret(void)
{
	if (getrandom(secret, sizeof secret, GRND_NONBLOCK) != sizeof secret)
		secret[0] = (uint64_t)clock_wall_us(), secret[1] = (uint64_t)(uintptr_t)&secret;  /* the kernel has none so early */
	secret[1] |= 1;
}

/* Both halves of a product depend on every bit of its factors. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = secret[0] ^ len, v;
	for (; len >= sizeof v; len -= sizeof v, p += sizeof v) {
		memcpy(&v, p, sizeof v);
		h = mix(h ^ v, secret[1] ^ 0x9e3779b97f4a7c15u);
	}
	v = 0;
	memcpy(&v, p, len);
	h = mix(h ^ v, secret[1]);
	uint32_t folded = (uint32_t)(h ^ h >> 32);
	return folded ? folded : 1;
}

static bool has_key(const struct map *map, const void *thing, const void *key, size_t len)
{
	size_t n;
	const void *own = map->key(thing, &n);
	return n == len && !memcmp(own, key, len);
}

void map_init(struct map *map, map_key_fn *key) { *map = (struct map){.key = key}; }

void map_free(struct map *map)
{
	free(map->hashes);
	free(map->things);
	map_init(map, map->key);
}

void *map_find(const struct map *map, const void *key, size_t len)
{
	uint32_t hash = hash_of(key, len), mask = map->size - 1;
	if (!map->count)
		return NULL;
	for (uint32_t i = hash & mask; map->hashes[i]; i = (i + 1) & mask)
		if (map->hashes[i] == hash && has_key(map, map->things[i], key, len))
			return map->things[i];
	return NULL;
}

static void put(struct map *map, uint32_t hash, void *thing)
{
	uint32_t mask = map->size - 1, i = hash & mask;
	while (map->hashes[i])
		i = (i + 1) & mask;
	map->hashes[i] = hash;
	map->things[i] = thing;
}

static bool grow(struct map *map)
{
	struct map more = {.key = map->key, .size = map->size ? map->size * 2 : FIRST_SIZE, .count = map->count};
	more.hashes = calloc(more.size, sizeof *more.hashes);
	more.things = malloc(more.size * sizeof *more.things);
	if (!more.hashes || !more.things || !more.size) {
		free(more.hashes);
		free(more.things);
		return false;
	}
	for (uint32_t i = 0; i < map->size; i++)
		if (map->hashes[i])
			put(&more, map->hashes[i], map->things[i]);
	free(map->hashes);
	free(map->things);
	*map = more;
	return true;
}

bool map_add(struct map *map, void *thing)
{
	size_t len;
	const void *key = map->key(thing, &len);
	if (map->count >= map->size / 4 * 3 && !grow(map))
		return false;
	put(map, hash_of(key, len), thing);
	map->count++;
	return true;
}

/* Moves up what was put behind the gap for want of its place. */
static void close_gap(struct map *map, uint32_t gap)
{
	uint32_t mask = map->size - 1;
	for (uint32_t i = (gap + 1) & mask; map->hashes[i]; i = (i + 1) & mask) {
		uint32_t home = map->hashes[i] & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		map->hashes[gap] = map->hashes[i];
		map->things[gap] = map->things[i];
		gap = i;
	}
	map->hashes[gap] = 0;
}

void map_remove(struct map *map, const void *thing)
{
	size_t len;
	const void *key = map->key(thing, &len);
	uint32_t mask = map->size - 1;
	if (!map->count)
		return;
	for (uint32_t i = hash_of(key, len) & mask; map->hashes[i]; i = (i + 1) & mask)
		if (map->things[i] == thing) {
			close_gap(map, i);
			map->count--;
			return;
		}
}

void *map_next(const struct map *map, uint32_t *at)
{
	while (*at < map->size && !map->hashes[*at])
		++*at;
	return *at < map->size ? map->things[(*at)++] : NULL;
}
