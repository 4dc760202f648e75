/* What is known of each region right now: health, counters and averages that live traffic, probes,
 * other nodes and outside sources of load keep up to date, and what the operator said. The daemon, the
 * simulator and the tests keep this very state; region_facts() makes of it what policy_decide() reads.
 *
 * Pure as all of policy/: no clock of its own (`now_us` is the caller's, one clock for all calls), no
 * I/O, no lock. Every cell is one atomic word that a pure step replaces, so any thread may call any of
 * these at any time; used by one thread it is a plain value, and the same calls give the same state.
 *
 * Figures grow old: an age comes with each, and the older it is the less it says (region_say()). */
#ifndef POLICY_REGION_H
#define POLICY_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* Load as somebody outside tells it; each figure with the time it was true. */
enum region_figure {
	REGION_AGENTS,           /* agents free for a contact */
	REGION_QUEUE,            /* contacts that wait for one */
	REGION_OLDEST_S,         /* seconds that the oldest of them has waited */
	REGION_SLOTS,            /* calls that there is room for */
	REGION_PERCENT,          /* how full, 0 to 100 */
	REGION_FIGURES
};

struct region_average {
	_Atomic uint64_t slow, fast;     /* packed: EWMA in µs, time in ms */
};

struct region_outside {
	_Atomic uint64_t value;          /* packed: minus the figure, time it was true; 0: never told */
	_Atomic uint64_t attempts;       /* own attempts that it counts already */
};

struct region_live {
	_Alignas(64) char name[POLICY_NAME_LEN];
	_Atomic int admin;               /* enum policy_admin */
	_Atomic int32_t weight;          /* an operator's; -1: the configuration's */
	_Atomic bool healthy;            /* at least one target answers its probes */
	_Atomic bool hot;
	_Atomic bool was_down;           /* ... and at some time none did */
	_Atomic uint32_t up_ds;          /* since when it is healthy again, tenths of a second; with was_down */
	_Atomic uint32_t rtt_us;         /* of the quickest target */
	_Atomic uint32_t setups, calls;  /* own */
	_Atomic uint32_t waiting;        /* of the setups: those that nothing has come back for yet */
	struct region_average latency;   /* INVITE to first provisional */
	struct region_average ringing;   /* INVITE to ringing or answer */
	_Atomic uint64_t errors;         /* packed: EWMA of failures (0 to 1), time in ms */
	_Atomic uint64_t rate;           /* packed: attempts in this and in the last second */
	_Atomic uint64_t ejection;       /* packed: until when, how often before, failures in a row */
	_Atomic uint64_t remote;         /* other nodes' setups and calls, together */
	_Atomic uint64_t remote_ms;      /* when that was true; 0: never told */
	struct region_outside outside[REGION_FIGURES];
	_Atomic uint64_t attempts, answered, failed;  /* totals */
	_Atomic uint64_t ejections, refused;          /* totals; refused: figures that could not be true */
	_Atomic int64_t health_since_wall_us;
};

void region_live_init(struct region_live *r, const char *name, int64_t now_wall_us);

/* ---- what live traffic tells ---- */

/* An INVITE goes out. */
void region_setup_begin(struct region_live *r, int64_t now_us);
/* It waits for a first response no more, for one has come or it is over: once for each setup, before its end. */
void region_waiting_end(struct region_live *r);
/* The first response other than silence, `latency_us` after the INVITE. */
void region_first_response(struct region_live *r, int64_t now_us, int64_t latency_us);
/* It rings, or was answered without, `latency_us` after the INVITE. */
void region_ringing(struct region_live *r, int64_t now_us, int64_t latency_us);
/* The attempt is over; `failed`: in a way that is the region's fault. */
void region_setup_end(struct region_live *r, int64_t now_us, bool failed);
void region_call_begin(struct region_live *r);
void region_call_end(struct region_live *r);
/* Outlier ejection, to be asked after an attempt failed: takes the region out for a while when it failed
 * tuning->eject_failures times in a row, or fails most calls while `others` (their mean error rate; NaN:
 * there are none with traffic) do not. Each ejection lasts twice the one before; time without one is
 * forgiven at the same pace. True when it was ejected by this. */
bool region_judge(struct region_live *r, int64_t now_us, float others, const struct policy_tuning *tuning);
/* Share of attempts that failed of late, 0 to 1; NaN where there were none. */
float region_error_rate(const struct region_live *r, int64_t now_us, const struct policy_tuning *tuning);

/* ---- what probes tell ---- */

/* Rise and fall: the first result counts at once, later ones when there are enough in a row. */
struct region_health { bool known, healthy; uint32_t good, bad; };
bool region_health_judge(struct region_health *h, bool good, unsigned rise, unsigned fall);
/* At least one target answers, the quickest in `rtt_us`. True when that is news. */
bool region_set_health(struct region_live *r, bool healthy, uint32_t rtt_us, int64_t now_us, int64_t now_wall_us);

/* ---- what others tell; each with the time it was true, on the clock of now_us ---- */

/* False, counted and without effect: not a number, negative, above what can be, from the future, or
 * older than what is known. A source that says null gives NaN. */
bool region_set_figure(struct region_live *r, enum region_figure which, double value, int64_t true_us, int64_t now_us);
/* Setups and calls of all other nodes together; the same. */
bool region_set_remote(struct region_live *r, uint32_t setups, uint32_t calls, int64_t true_us, int64_t now_us);
/* The figure and its age; false: never told. */
bool region_get_figure(const struct region_live *r, enum region_figure which, int64_t now_us, double *value,
                       uint32_t *age_ms);
/* "agents", "queue", "oldest_s", "slots", "percent". */
const char *region_figure_str(enum region_figure which);

/* ---- what a decision reads ---- */

/* What a figure of that age still says, 1 to 0: all up to `fresh_ms`, nothing from `gone_ms`, evenly less
 * in between. */
float region_say(uint32_t age_ms, uint32_t fresh_ms, uint32_t gone_ms);
/* The facts for policy_decide(). */
void region_facts(const struct region_live *r, const struct policy_region_config *config,
                  const struct policy_tuning *tuning, int64_t now_us, struct policy_region_facts *out);

#endif
