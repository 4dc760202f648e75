/* Live state by name: see live.h. Lists: they are walked when a configuration is loaded, never for a call. */
#include "proxy/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"

struct region_entry {
	struct region_live live;     /* first: one address is both */
	UT_hash_handle hh;
	unsigned refs;
};

struct trunk_entry {
	struct trunk_live live;
	UT_hash_handle hh;
	unsigned refs;
};

struct target_entry {
	struct target target;
	UT_hash_handle hh;
	unsigned refs;
	char key[POLICY_NAME_LEN + sizeof ((struct target *)0)->uri + 16];  /* region, URI, slot, newlines between */
};

struct live {
	unsigned refs;
	struct region_entry *regions;
	struct trunk_entry *trunks;
	struct target_entry *targets;
};

struct live *live_new(void)
{
	struct live *l = calloc(1, sizeof *l);
	if (l)
		l->refs = 1;
	return l;
}

struct live *live_hold(struct live *l)
{
	l->refs++;
	return l;
}

void live_release(struct live *l)
{
	if (l && --l->refs == 0)
		free(l);
}

struct region_live *live_region(struct live *l, const char *name)
{
	struct region_entry *e;
	HASH_FIND_STR(l->regions, name, e);
	if (!e) {
		/* rounded up: aligned_alloc() wants a multiple */
		e = aligned_alloc(64, (sizeof *e + 63) / 64 * 64);
		if (!e)
			return NULL;
		memset(e, 0, sizeof *e);
		region_live_init(&e->live, name, clock_wall_us());
		HASH_ADD_KEYPTR(hh, l->regions, e->live.name, strlen(e->live.name), e);
	}
	e->refs++;
	return &e->live;
}

void live_region_drop(struct live *l, struct region_live *region)
{
	struct region_entry *e = (struct region_entry *)(void *)region;
	if (!e || --e->refs)
		return;
	HASH_DEL(l->regions, e);
	free(e);
}

struct trunk_live *live_trunk(struct live *l, const char *name)
{
	struct trunk_entry *e;
	HASH_FIND_STR(l->trunks, name, e);
	if (!e) {
		e = calloc(1, sizeof *e);
		if (!e)
			return NULL;
		snprintf(e->live.name, sizeof e->live.name, "%s", name);
		HASH_ADD_KEYPTR(hh, l->trunks, e->live.name, strlen(e->live.name), e);
	}
	e->refs++;
	return &e->live;
}

void live_trunk_drop(struct live *l, struct trunk_live *trunk)
{
	struct trunk_entry *e = (struct trunk_entry *)(void *)trunk;
	if (!e || --e->refs)
		return;
	HASH_DEL(l->trunks, e);
	free(e);
}

struct target *live_target(struct live *l, const char *region, const struct proxy_target_config *config,
                           unsigned slot)
{
	struct target_entry *e;
	char key[sizeof e->key];
	snprintf(key, sizeof key, "%s\n%s\n%u", region, config->uri, slot);
	HASH_FIND_STR(l->targets, key, e);
	if (!e) {
		e = calloc(1, sizeof *e);
		if (!e || target_init(&e->target, config, slot)) {
			free(e);
			return NULL;
		}
		memcpy(e->key, key, sizeof key);
		HASH_ADD_STR(l->targets, key, e);
	}
	e->refs++;
	return &e->target;
}

void live_target_drop(struct live *l, struct target *target)
{
	struct target_entry *e = (struct target_entry *)(void *)target;
	if (!e || --e->refs)
		return;
	HASH_DEL(l->targets, e);
	target_destroy(&e->target);
	free(e);
}
