/* What calls are routed by, as one immutable table: the policy, the trunks by their sources, the regions with
 * their targets. What lives (counters, health, addresses) is pointed to and shared with the tables before
 * and after (live.h).
 *
 * A reload builds another table; workers take it between two turns. Whoever keeps indices into a table (a
 * call, an established call, a record on its way to the log) holds it; the control thread frees it when
 * nobody does. */
#ifndef PROXY_TABLE_H
#define PROXY_TABLE_H

#include "base/lpm.h"
#include "proxy/live.h"
#include "proxy/proxy.h"
#include "proxy/target.h"
#include "proxy/trunk.h"

struct region {
	struct region_live *live;
	uint32_t hash;               /* token_name(name) */
	uint32_t weight;             /* configured */
	struct target **targets;
	unsigned n_targets;
	bool large_by_tcp;           /* configured */
	_Atomic uint32_t turn;       /* round robin over its targets */
};

struct table {
	_Atomic unsigned refs, readers;  /* all that hold it; the workers that route new calls by it */
	struct table *older;         /* the control thread's list of those replaced and not yet free */
	struct live *live;
	struct proxy_timing timing;
	unsigned transports;         /* by which names may be located, a bit each */
	struct policy_table *policy;
	struct lpm *sources;
	struct trunk *trunks;
	unsigned n_trunks;
	struct region *regions;
	unsigned n_regions;
};

/* Takes over routing->policy, also when it fails. What has the name of something in `before` (NULL: none) has
 * its live state. Held once. NULL and `err` on failure. Control thread. */
struct table *table_new(const struct proxy_routing *routing, const struct table *before, struct err *err);
/* Control thread, when nobody holds it. */
void table_free(struct table *table);
/* Any thread that holds it already, or has it from one that does. Releasing frees nothing. */
const struct table *table_hold(const struct table *table);
void table_release(const struct table *table);
/* Control thread, when no worker routes by it any more: gives up what only new calls need. */
void table_retire(struct table *table);

/* The trunk an address belongs to, or -1. */
int table_trunk(const struct table *table, const struct addr *source);
/* A target at that host, whatever the port; NULL: none is. */
const struct target *table_target_at(const struct table *table, const struct addr *address);
/* Whether what UDP is too small for goes there by TCP: configured so, and answered lately. */
bool table_takes_tcp(const struct table *table, const struct addr *address);
/* Index by the name hash of a token, or -1. */
int table_region_by_hash(const struct table *table, uint32_t hash);
int table_trunk_by_hash(const struct table *table, uint32_t hash);
/* The facts of every region, for policy_decide(); `secure`: for a call that came as sips:. */
void table_facts(const struct table *table, int64_t now_us, bool secure, struct policy_region_facts *out);
/* What a target has to be. */
struct table_want {
	unsigned families;           /* one of these; bit 0: IPv4, bit 1: IPv6 */
	bool secure;                 /* sips: */
	uint64_t tried;              /* not one of these (a bit each); and where there are any, a healthy one */
};
/* The next target of a region to send to: healthy ones first, then those in doubt, those that asked to be left alone, the
 * others. Of one name, those of the lowest SRV priority among these (RFC 2782), and of one host with several addresses
 * those that RFC 6724 puts first (RFC 7984); what is left shares by weight. Its index, or -1. Writes its place. */
int table_pick_target(const struct table *table, unsigned region, const struct table_want *want, int64_t now_us,
                      struct target_place *place);
/* Whether the name of the region's k-th target has an address, be it in another slot. */
bool table_located(const struct table *table, unsigned region, unsigned k);
/* The region's health again, after one of its targets changed. True when the region's changed. */
bool table_refresh_health(const struct table *table, unsigned region);
/* Mean error rate of the other regions that had traffic; NaN: none. */
float table_error_rate_others(const struct table *table, unsigned region, int64_t now_us);

#endif
