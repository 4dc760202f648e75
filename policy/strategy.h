/* How each strategy scores the regions that may take a call. Internal to policy/. Pure; any thread. */
#ifndef POLICY_STRATEGY_H
#define POLICY_STRATEGY_H

#include "policy/table.h"

/* Scores every eligible candidate of `plan` (lower is better, never negative, never NaN) by
 * plan->strategy, and says why the best is the best. *first becomes the candidate that goes to the
 * front whatever its score, or -1. At least one candidate is eligible. */
enum policy_because strategy_score(const struct policy_table *table, const struct policy_query *query,
                                   struct policy_plan *plan, int *first);

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

#define STRATEGY_ERROR_MAX 0.999     /* keeps the quotient finite */
#define STRATEGY_TOLD_MAX 1e3        /* a load told from outside beyond this (or NaN) is none */

/* How full a region is, 0 to 1 and above: the scarcest of what it has. */
static inline double strategy_load(const struct policy_region_compiled *region, const struct policy_region_facts *facts)
{
	double load = ((double)facts->calls + facts->remote_calls) * region->per_call +
	              ((double)facts->setups + facts->remote_setups) * region->per_setup;
	double rate = facts->cps * region->per_cps, told = (double)facts->outside_load;

	load = rate > load ? rate : load;
	return told > load && told < STRATEGY_TOLD_MAX ? told : load;
}

/* The error rate as a share; what is no share (NaN, negative) says nothing. */
static inline double strategy_error_rate(const struct policy_region_facts *facts)
{
	double e = (double)facts->error_rate;

	if (!(e > 0))
		return 0;
	return e < STRATEGY_ERROR_MAX ? e : STRATEGY_ERROR_MAX;
}

/* `cost` of one attempt becomes that of getting through; `failure` is added where every second one fails. */
static inline double strategy_with_errors(double cost, double failure, const struct policy_region_facts *facts)
{
	double e = strategy_error_rate(facts);

	if (e == 0)
		return cost;
	return (cost + 4 * e * e * failure) / (1 - e);
}

/* The load as it counts against the region: its failures take room too. */
static inline double strategy_load_with_errors(double load, const struct policy_region_facts *facts)
{
	return strategy_with_errors(load, 1, facts);
}

#endif
