/* How each strategy scores the regions that may take a call. Internal to policy/. Pure; any thread. */
#ifndef POLICY_STRATEGY_H
#define POLICY_STRATEGY_H

#include "policy/table.h"

/* Scores every eligible candidate of `plan` (lower is better, never negative, never NaN) by
 * plan->strategy, and says why the best is the best. *first becomes the candidate that goes to the
 * front whatever its score, or -1. At least one candidate is eligible. */
enum policy_because strategy_score(const struct policy_table *table, const struct policy_query *query,
                                   struct policy_plan *plan, int *first);

/* How full a region is, 0 to 1 and above: the scarcest of what it has. */
double strategy_load(const struct policy_region_compiled *region, const struct policy_region_facts *facts);

/* In force, slow start counted in; for the strategies that share by weight. */
static inline double strategy_weight(const struct policy_region_facts *f)
{
	return f->held > 0 && f->held < 1 ? f->weight * (1 - (double)f->held) : f->weight;
}

/* Calls and setups of all nodes. */
static inline uint64_t strategy_in_use(const struct policy_region_facts *f)
{
	return (uint64_t)f->calls + f->setups + f->remote_calls + f->remote_setups;
}

/* The load as it counts against the region: its failures take room too. */
double strategy_load_with_errors(double load, const struct policy_region_facts *facts);

#endif
