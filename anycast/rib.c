/* Received prefixes in a hash table (uthash). See rib.h; the anycast thread. */
#include "anycast/rib.h"

#include "anycast/anycast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Without padding, so that its bytes are a key. */
_Static_assert(sizeof(struct prefix) == 18, "struct prefix has padding");
_Static_assert(ANYCAST_MAX_PREFIXES_MAX < RIB_MAX, "max_prefixes has to be reached before the table is full");

struct rib_entry {
	struct prefix prefix;
	UT_hash_handle hh;
};

struct rib {
	struct rib_entry *entries;
	unsigned ipv6;          /* of them */
};

struct rib *rib_new(void)
{
	return calloc(1, sizeof(struct rib));
}

void rib_free(struct rib *rib)
{
	if (!rib)
		return;
	rib_clear(rib);
	free(rib);
}

static struct rib_entry *find(const struct rib *rib, const struct prefix *prefix)
{
	struct rib_entry *e;

	HASH_FIND(hh, rib->entries, prefix, sizeof *prefix, e);
	return e;
}

int rib_add(struct rib *rib, const struct prefix *prefix)
{
	struct rib_entry *e;

	if (find(rib, prefix))
		return 0;
	if (rib_count(rib) >= RIB_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	e->prefix = *prefix;
	HASH_ADD(hh, rib->entries, prefix, sizeof e->prefix, e);
	if (e->hh.tbl) {
		rib->ipv6 += prefix->family == AF_INET6;
		return 0;
	}
	free(e);
	return -ENOMEM;
}

static void drop(struct rib *rib, struct rib_entry *e)
{
	rib->ipv6 -= e->prefix.family == AF_INET6;
	HASH_DELETE(hh, rib->entries, e);
	free(e);
}

void rib_remove(struct rib *rib, const struct prefix *prefix)
{
	struct rib_entry *e = find(rib, prefix);

	if (e)
		drop(rib, e);
}

void rib_clear(struct rib *rib)
{
	struct rib_entry *e, *next;

	HASH_ITER(hh, rib->entries, e, next)
		drop(rib, e);
}

void rib_clear_family(struct rib *rib, int family)
{
	struct rib_entry *e, *next;

	if (rib_count_family(rib, family) == 0)  /* a peer may ask for this as often as it likes */
		return;
	HASH_ITER(hh, rib->entries, e, next) {
		if (e->prefix.family == family)
			drop(rib, e);
	}
}

unsigned rib_count_family(const struct rib *rib, int family)
{
	return family == AF_INET6 ? rib->ipv6 : rib_count(rib) - rib->ipv6;
}

unsigned rib_count(const struct rib *rib)
{
	return HASH_COUNT(rib->entries);
}
