/* What a policy table is made of, for the files of policy/ that read it. Internal to policy/; others
 * see the opaque type of policy.h. Immutable once built, read by any thread. */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

#include "policy/match.h"
#include "policy/policy.h"

struct policy_table {
	struct policy_region_config *regions;
	uint64_t *region_keys;               /* hash of each region's name: its part in rendezvous hashing */
	unsigned n_regions;
	struct policy_pool_config *pools;
	unsigned n_pools;
	struct policy_rule_config *rules;
	unsigned n_rules;
	struct match *match;
	struct policy_tuning tuning;
};

#endif
