/* A carrier's trunk: who it is, its limits, and its counters. The description is immutable; counters
 * are atomics that any worker moves, and stay when a reload changes the description. */
#ifndef PROXY_TRUNK_H
#define PROXY_TRUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "proxy/trunk_rules.h"

struct trunk_live {
	char name[POLICY_NAME_LEN];
	_Atomic uint32_t setups, calls;
	_Atomic uint64_t calls_total;    /* taken in */
	_Atomic uint64_t over_calls, over_cps;  /* refused: of these too many at once; a second */
	_Atomic int64_t next_us;     /* virtual scheduling: when the next call conforms (ITU-T I.371, GCRA) */
};

struct trunk {
	char name[POLICY_NAME_LEN];
	uint32_t hash;               /* token_name(name) */
	uint32_t max_calls, max_cps; /* 0: no limit */
	struct trunk_limit limit;    /* the answer beyond one */
	struct trunk_rules *rules;   /* owned */
	unsigned n_sources;
	struct trunk_live *live;
};

/* Takes a new call in, counting it as a setup: true, or false when a limit is reached. Any worker. */
bool trunk_admit(struct trunk *t, int64_t now_us);
/* The setup is over; `answered`: it is a call from now on. */
void trunk_setup_end(struct trunk *t, bool answered);
/* A call more, of a setup that is over already. */
void trunk_call_begin(struct trunk *t);
void trunk_call_end(struct trunk *t);

#endif
