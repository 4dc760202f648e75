/* What a policy table is made of, for the files of policy/ that read it. Internal to policy/; others
 * see the opaque type of policy.h. Immutable once built, read by any thread. */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

#include "policy/match.h"
#include "policy/policy.h"

/* What a region's configuration comes down to on the way of a call: a division costs ten multiplications. */
struct policy_region_compiled {
	uint64_t key;             /* hash of the name: its part in rendezvous hashing */
	double per_call;          /* load of an established call: 1 / max_calls, 0 without a limit */
	double per_setup;         /* of a setup in flight: the same, or 1 / setups_soft without a limit */
	double per_cps;           /* of a call per second: 1 / max_cps, 0 without a limit */
};

/* Where a rule leads, apart from the rest of it, which is large. */
struct policy_rule_compiled { uint16_t pool, refuse; };

struct policy_table {
	struct policy_region_config *regions;
	struct policy_region_compiled *compiled;
	unsigned n_regions;
	struct policy_pool_config *pools;
	unsigned n_pools;
	struct policy_rule_config *rules;
	struct policy_rule_compiled *leads;
	unsigned n_rules;
	struct match *match;
	struct policy_tuning tuning;
};

#endif
