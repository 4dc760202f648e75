/* Time zones for rules with hours, from the system's database (tzdata; TZif, RFC 8536): the changes of a
 * zone's offset as a list, so that policy/ can tell local time without files, environment or locale. Read
 * anew at each load of a configuration. Control thread. */
#ifndef DAEMON_ZONE_H
#define DAEMON_ZONE_H

#include "base/err.h"
#include "policy/policy.h"

/* Reads "America/New_York", "Europe/Berlin", "UTC". The changes up to the year 2100; the caller frees
 * zone->changes. 0, or -ENOENT (no such zone) or another errno, with `err`. */
int zone_load(const char *name, struct policy_zone *zone, struct err *err);
/* The same from the bytes of a file. */
int zone_decode(const uint8_t *data, size_t len, struct policy_zone *zone, struct err *err);
void zone_free(struct policy_zone *zone);

#endif
