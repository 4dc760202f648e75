/* What is known of each region right now: counters and averages that SIP workers keep as
 * calls come and go, and what the operator said. Atomics: any thread may call any of these. */
#ifndef PROXY_REGION_H
#define PROXY_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct region_live {
	_Alignas(64) char name[POLICY_NAME_LEN];
	_Atomic int admin;               /* enum policy_admin */
	_Atomic int32_t weight;          /* an operator's; -1: the configuration's */
	_Atomic bool healthy;            /* at least one target answers its probes */
	_Atomic bool hot;
	_Atomic uint32_t rtt_us;         /* of the quickest target */
	_Atomic uint32_t setups, calls;
	_Atomic uint64_t latency;        /* packed: EWMA in µs, time in ms */
	_Atomic uint64_t errors;         /* packed: EWMA of failures (0 to 1), time in ms */
	_Atomic uint64_t rate;           /* packed: attempts in this and in the last second */
	_Atomic uint64_t attempts, answered, failed;  /* totals */
	_Atomic int64_t health_since_wall_us;
};

void region_live_init(struct region_live *r, const char *name, int64_t now_wall_us);
/* An INVITE goes out. */
void region_setup_begin(struct region_live *r, int64_t now_us);
/* The first response other than silence, `latency_us` after the INVITE. */
void region_first_response(struct region_live *r, int64_t now_us, int64_t latency_us);
/* The attempt is over; `failed`: in a way that is the region's fault. */
void region_setup_end(struct region_live *r, int64_t now_us, bool failed);
void region_call_begin(struct region_live *r);
void region_call_end(struct region_live *r);
/* The facts for policy_decide(); `weight` is the configuration's. */
void region_facts(const struct region_live *r, uint32_t weight, int64_t now_us, struct policy_region_facts *out);

#endif
