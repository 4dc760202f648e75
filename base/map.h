/* A set of things that are found by a key of bytes which each of them holds; for the tables that every message asks (others
 * are uthash's). Hashes stand side by side (open addressing, linear probing), so that looking for what is not there, as
 * every new request does, touches one line of memory and no thing; and they depend on a secret of the process, so that who
 * chooses the keys cannot choose where they fall. A map belongs to one thread. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The key of a thing: stays the same while it is in a map. */
typedef const void *map_key_fn(const void *thing, size_t *len);

struct map {
	map_key_fn *key;
	uint32_t *hashes;            /* 0: nothing there */
	void **things;
	uint32_t size, count;        /* size: a power of two, or 0 */
};

/* Empty, without memory of its own. */
void map_init(struct map *map, map_key_fn *key);
/* Forgets the things, which are their owner's. */
void map_free(struct map *map);
/* NULL: there is none. */
void *map_find(const struct map *map, const void *key, size_t len);
/* Of several with one key any may be found. False without memory. */
bool map_add(struct map *map, void *thing);
/* What is not there is no fault. */
void map_remove(struct map *map, const void *thing);
static inline uint32_t map_count(const struct map *map) { return map->count; }
/* The next one from *at on, which begins with 0, in no order; NULL: that was the last. The map must not change between. */
void *map_next(const struct map *map, uint32_t *at);

#endif
