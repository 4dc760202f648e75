/* From the configuration to a policy table, apart from what needs the other rooms: tools that decide calls
 * without placing them build the same table by it. */
#include "daemon/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/zone.h"

/* Loads every zone that rules name, each once. Their number or a negative errno. */
static int load_zones(const struct config *c, struct policy_zone zones[POLICY_ZONES_MAX], unsigned *n, struct err *err)
{
	for (unsigned i = 0; i < c->n_rules; i++) {
		const char *name = c->rules[i].zone;
		unsigned j = 0;
		while (j < *n && strcmp(zones[j].name, name) != 0)
			j++;
		if (!*name || j < *n)
			continue;
		if (*n == POLICY_ZONES_MAX)
			return err_set(err, EINVAL, "rules name more than %d time zones: use fewer", POLICY_ZONES_MAX);
		int rc = zone_load(name, &zones[*n], err);
		if (rc)
			return rc;
		++*n;
	}
	return 0;
}

struct policy_table *build_policy(const struct config *c, struct err *err)
{
	struct policy_region_config *regions = calloc(c->n_regions + 1, sizeof(*regions));
	struct policy_zone zones[POLICY_ZONES_MAX];
	struct policy_table *table = NULL;
	unsigned n_zones = 0;
	if (!regions) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < c->n_regions; i++)
		regions[i] = c->regions[i].policy;
	if (!load_zones(c, zones, &n_zones, err)) {
		struct policy_config policy = {
			.regions = regions, .n_regions = c->n_regions, .pools = c->pools, .n_pools = c->n_pools,
			.rules = c->rules, .n_rules = c->n_rules, .zones = zones, .n_zones = n_zones, .tuning = c->tuning,
		};
		table = policy_table_new(&policy, err);
	}
	for (unsigned i = 0; i < n_zones; i++)
		zone_free(&zones[i]);
	free(regions);
	return table;
}
