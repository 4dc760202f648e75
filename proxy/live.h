/* What lives longer than a routing table: counters of regions and trunks, addresses and health of targets.
 * Kept by name, so that a reload changes what is configured and loses nothing that is known; freed when
 * the last table that names it is. Control thread, but for what is atomic inside. */
#ifndef PROXY_LIVE_H
#define PROXY_LIVE_H

#include "policy/region.h"
#include "proxy/target.h"
#include "proxy/trunk.h"

struct live;

/* Counted: live_hold() for each table; freed with the last live_release(). NULL without memory. */
struct live *live_new(void);
struct live *live_hold(struct live *live);
void live_release(struct live *live);

/* The one of that name, made where there is none; NULL without memory. Each is to be dropped once. */
struct region_live *live_region(struct live *live, const char *name);
void live_region_drop(struct live *live, struct region_live *region);
struct trunk_live *live_trunk(struct live *live, const char *name);
void live_trunk_drop(struct live *live, struct trunk_live *trunk);
/* A target is the same one where region and URI are. */
struct target *live_target(struct live *live, const char *region, const struct proxy_target_config *config,
                           unsigned slot);
void live_target_drop(struct live *live, struct target *target);

#endif
