/* What to do with a call: from a compiled table (pools, rules, regions), the facts of this moment and
 * the call, a plan: the regions in the order to try them, with the reason for each and for the choice.
 *
 * Pure: no I/O, no clock, no threads, no allocation while deciding; time and chance come in with the
 * query. The daemon, the simulator and the replay tool run this very code. A built table is immutable
 * and may be read by any thread; everything else is a value of the caller's. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define POLICY_REGIONS_MAX 64
#define POLICY_NAME_LEN 64          /* with the NUL; names of regions, pools, rules, trunks */
#define POLICY_FAILOVER_CODES 32
#define POLICY_NUMBER_LEN 32        /* with the NUL */
#define POLICY_HEADERS_MAX 16       /* header fields that all rules together ask for */
#define POLICY_ZONES_MAX 32
#define POLICY_WINDOWS_MAX 16       /* of one rule */
#define POLICY_NO_POOL UINT16_MAX
#define POLICY_ATTEMPTS_MAX 8       /* regions that one call is tried at, at most */

enum policy_admin { POLICY_READY, POLICY_DRAIN, POLICY_MAINT };

enum policy_strategy {
	POLICY_ADAPTIVE, POLICY_WEIGHTED, POLICY_PRIORITY, POLICY_LATENCY, POLICY_LOAD, POLICY_STICKY
};

/* Why a region is or is not a candidate; policy_reason_str() gives the word for the log. */
enum policy_reason {
	POLICY_OK,             /* "ok" */
	POLICY_NO_SIPS,        /* "no_sips_target": the call came as sips: */
	POLICY_NO_DRAIN,       /* "draining" */
	POLICY_NO_MAINT,       /* "maintenance" */
	POLICY_NO_UNHEALTHY,   /* "unhealthy" */
	POLICY_NO_EJECTED,     /* "ejected": an outlier by its failures */
	POLICY_NO_CALLS,       /* "max_calls" */
	POLICY_NO_CPS,         /* "max_cps" */
	POLICY_NO_WEIGHT       /* "weight_zero" */
};

/* Why the first of the plan is the first; policy_because_str() gives the words for the log. */
enum policy_because {
	POLICY_BECAUSE_NONE,          /* "no region eligible" */
	POLICY_BECAUSE_ONLY,          /* "only eligible region" */
	POLICY_BECAUSE_LATENCY,       /* "lowest cost: latency, setups, load" */
	POLICY_BECAUSE_BAND,          /* "within tolerance, by free capacity" */
	POLICY_BECAUSE_COLD,          /* "only cold region" */
	POLICY_BECAUSE_LEAST_LOADED,  /* "all hot, lowest cost" */
	POLICY_BECAUSE_WEIGHT,        /* "by weight" */
	POLICY_BECAUSE_PRIORITY,      /* "first in order" */
	POLICY_BECAUSE_LOAD,          /* "least loaded" */
	POLICY_BECAUSE_STICKY,        /* "caller's usual region" */
	POLICY_BECAUSE_PANIC,         /* "panic: health ignored" */
	POLICY_BECAUSE_REFUSED        /* "refused by rule" */
};

/* ---- the table ---- */

struct policy_region_config {
	char name[POLICY_NAME_LEN];
	uint32_t max_calls;       /* 0: no limit */
	uint32_t max_cps;         /* 0: no limit */
	uint32_t weight;          /* relative share, 0 to 65535 */
};

struct policy_failover {
	uint16_t on[POLICY_FAILOVER_CODES];  /* response codes that send the call to the next region */
	uint8_t n_on;
	uint16_t never[POLICY_FAILOVER_CODES];  /* that do not, also where `on` has them */
	uint8_t n_never;
	uint8_t attempts;                    /* regions tried at most, the first included */
	uint32_t first_response_ms;          /* silence that long is a failure */
	uint32_t attempt_ms;                 /* and so is nothing but 100 for that long; 0: until timer C */
	uint32_t total_ms;                   /* no attempt begins or waits later than this; 0: no limit */
	double budget;                       /* attempts after failed ones, as a share of calls ...; 0: no limit */
	uint32_t budget_min;                 /* ... and so many a second, however few calls there are */
};

struct policy_pool_config {
	char name[POLICY_NAME_LEN];
	enum policy_strategy strategy;
	uint8_t regions[POLICY_REGIONS_MAX];  /* indices into regions, in the order written */
	uint8_t n_regions;
	struct policy_failover failover;
};

/* Numbers are E.164 ("+15551234567"); a pattern ends in '*' (prefix) or is a whole number. */
struct policy_number { char text[POLICY_NUMBER_LEN]; };

/* Some hours of some days, in the rule's zone. */
struct policy_window {
	uint8_t days;             /* bit 0: Monday ... bit 6: Sunday: the day on which it begins */
	uint16_t from, to;        /* minutes of the day, 0 to 1440; to <= from: until then the next day */
};

/* Which calls, and what with them. What is empty matches everything; of the numbers any one has to. */
struct policy_rule_config {
	char name[POLICY_NAME_LEN];
	char trunk[POLICY_NAME_LEN];
	struct policy_number *to, *from;
	unsigned n_to, n_from;
	char header[POLICY_NAME_LEN];  /* name of a header field */
	char value[POLICY_NAME_LEN];   /* its value, or its beginning and '*'; empty: any */
	struct policy_window windows[POLICY_WINDOWS_MAX];
	uint8_t n_windows;
	char zone[POLICY_NAME_LEN];    /* of the windows; empty: UTC */
	double percent;                /* of these calls, drawn; 0 or 100: all */
	uint16_t pool;                 /* POLICY_NO_POOL with `refuse` */
	uint16_t refuse;               /* response code; 0: to the pool */
};

/* A time zone as far as rules need it: local time is UTC + offset from each change on, and that of the first
 * before it as well. */
struct policy_zone_change { int64_t from_s; int32_t offset_s; };
struct policy_zone {
	char name[POLICY_NAME_LEN];
	const struct policy_zone_change *changes;  /* ascending, at least one */
	unsigned n_changes;
};

/* What tunes `adaptive`; policy_tuning_default() gives the values that hold where nothing is said. */
struct policy_tuning {
	double hot_on;          /* a region becomes hot when its load, errors included, rises above this: 0.84 */
	double hot_off;         /* and cold again when it falls below this: 0.75 */
	double band;            /* latencies within this share of the lowest are equal: 0.20 ... */
	uint32_t band_min_us;   /* ... and within this many µs at least: 10000 */
	uint32_t setups_soft;   /* setups in flight that count as full load where max_calls is unset: 100 */
	double panic_share;     /* fewer of those in service are healthy: health is ignored; 0, the default: never */
	uint32_t fresh_ms, gone_ms;   /* own figures say all up to the one age, nothing from the other: 5 s, 30 s */
	uint32_t figure_fresh_ms, figure_gone_ms;  /* the same of what others tell: 30 s, 180 s */
	uint32_t oldest_full_ms;      /* a contact that waits this long means full load: 60 s */
	uint32_t eject_failures;      /* in a row take a region out; 0: never; at most 255: 5 */
	uint32_t eject_ms, eject_max_ms;  /* for how long: 10 s, doubled each time up to 300 s */
	uint32_t slow_start_ms;       /* a region that comes back gets its share over this time: 10 s */
};
struct policy_tuning policy_tuning_default(void);

struct policy_config {
	const struct policy_region_config *regions;
	unsigned n_regions;
	const struct policy_pool_config *pools;
	unsigned n_pools;
	const struct policy_rule_config *rules;
	unsigned n_rules;
	const struct policy_zone *zones;  /* every one that a rule names */
	unsigned n_zones;
	struct policy_tuning tuning;
};

struct policy_table;

/* Compiles; copies what it keeps. Returns NULL and fills `err` (no regions, a pool without regions, an
 * index out of range, a pattern that is no number). The caller owns the table. */
struct policy_table *policy_table_new(const struct policy_config *config, struct err *err);
void policy_table_free(struct policy_table *table);

unsigned policy_table_regions(const struct policy_table *table);
const struct policy_region_config *policy_table_region(const struct policy_table *table, unsigned index);
const struct policy_tuning *policy_table_tuning(const struct policy_table *table);
/* Index by name or -1. */
int policy_table_region_find(const struct policy_table *table, const char *name);
const struct policy_pool_config *policy_table_pool(const struct policy_table *table, unsigned index);
unsigned policy_table_pools(const struct policy_table *table);
/* Without its lists of numbers. */
const struct policy_rule_config *policy_table_rule(const struct policy_table *table, unsigned index);
unsigned policy_table_rules(const struct policy_table *table);
/* The header fields whose values a query brings, by their index in it; NULL past the last. */
const char *policy_table_header(const struct policy_table *table, unsigned index);

/* ---- the facts ---- */

/* One region at this moment (region.h makes it). Zero of a latency means "not known", zero of what follows
 * error_rate is the usual. */
struct policy_region_facts {
	enum policy_admin admin;
	bool no_sips;            /* the call came as sips:, and the region has no target for that */
	bool healthy;            /* by probes: at least one target answers, of a sips: call one for that */
	bool was_hot;            /* `hot` of the last plan: what hysteresis needs to know */
	uint32_t weight;         /* in force: the table's, or an operator's */
	uint32_t setups;         /* INVITEs sent that have no final response yet, own choices included */
	uint32_t calls;          /* established calls, own */
	uint32_t waiting;        /* of the setups: those that nothing has come back for yet */
	uint32_t cps;            /* INVITEs sent in the last second */
	uint32_t latency_us;     /* INVITE to first provisional, EWMA over live traffic */
	uint32_t rtt_us;         /* probe round trip; stands in for latency where there is no traffic */
	float error_rate;        /* 0 to 1, EWMA of attempts that ended in a region's failure */
	bool ejected;            /* for a while, as an outlier by its failures */
	uint8_t outside_figure;  /* enum region_figure: where outside_load comes from */
	uint32_t latency_age_ms; /* since the last sample; what a figure says lessens with age */
	uint32_t ring_us;        /* INVITE to ringing or answer, EWMA over live traffic */
	uint32_t ring_age_ms;
	uint32_t remote_setups, remote_calls;  /* of the other nodes, less by age already */
	float outside_load;      /* 0 to 1 and above: as others tell it, less by age already; 0: nothing said */
	float held;              /* share of its weight that it does not get yet, for it came back a moment ago */
};

struct policy_query {
	const char *trunk;       /* name */
	const char *from, *to;   /* E.164 where known, else the user part as it came; never NULL */
	const char *const *headers;  /* values, by the index of policy_table_header(), NULL: not there; or NULL: none */
	int64_t now_us;
	int64_t wall_us;         /* since 1970, UTC: for rules with hours */
	uint64_t random;         /* uniform; the only chance there is */
};

/* ---- the plan ---- */

struct policy_candidate {
	uint8_t region;          /* index into the table */
	bool eligible;
	bool hot;
	bool held_back;          /* back a moment ago, and this call is not of its share yet: behind the others */
	enum policy_reason reason;
	float load;              /* 0 (idle) to 1 (full) and above */
	float score;             /* lower is better; what it means depends on the strategy */
	struct policy_region_facts facts;
};

struct policy_plan {
	int rule;                /* index, -1: none matched */
	int pool;                /* index, -1: none */
	enum policy_strategy strategy;
	enum policy_because because;
	bool panic;
	uint16_t refuse;         /* the rule refuses the call with this code; 0: no */
	float threshold;         /* adaptive: cold regions that cost at most this (ms) were equal; 0: not asked */
	uint8_t n_candidates;    /* the pool's regions, in the pool's order */
	uint8_t n_eligible;
	uint8_t n_order;         /* of those, as many as a call can be tried at, best first */
	uint8_t order[POLICY_ATTEMPTS_MAX];
	const struct policy_failover *failover;  /* the table's; NULL without a pool */
	struct policy_candidate candidates[POLICY_REGIONS_MAX];
};

/* Decides one call. `facts` has policy_table_regions() entries. Writes only the first n_candidates
 * candidates and n_order entries. Returns 0, or -ENOENT when no rule matches (plan->rule is -1), or
 * -ECONNREFUSED when the rule refuses (plan->refuse), or -EHOSTUNREACH when a rule matches and no region
 * is eligible. */
int policy_decide(const struct policy_table *table, const struct policy_region_facts *facts,
                  const struct policy_query *query, struct policy_plan *plan);

/* Whether any region, of whatever pool, could take a call now. */
bool policy_any_eligible(const struct policy_table *table, const struct policy_region_facts *facts);

const char *policy_admin_str(enum policy_admin admin);        /* "ready" "drain" "maint" */
bool policy_admin_parse(const char *text, enum policy_admin *out);
const char *policy_strategy_str(enum policy_strategy strategy);
bool policy_strategy_parse(const char *text, enum policy_strategy *out);
const char *policy_reason_str(enum policy_reason reason);
const char *policy_because_str(enum policy_because because);

#endif
