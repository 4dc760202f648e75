/* A plan in the words of the call log and of the API, so that both say the same. Pure. */
#ifndef POLICY_PLAN_JSON_H
#define POLICY_PLAN_JSON_H

#include "base/json_writer.h"
#include "policy/policy.h"

/* Writes, inside an open object, the keys: rule, pool, strategy, candidates [{region, eligible,
 * reason, health, calls, calls_max, setups, latency_ms, rtt_ms, error_rate, hot, load, score}], chosen,
 * because. Names that do not exist (no rule matched) are null, and so is what is not known, not limited
 * (calls_max) or not scored (ruled out). `health` is "up" or "down". `chosen` is the region actually used: an index
 * into the table, or -1 for none. */
void policy_plan_json(struct jw *w, const struct policy_table *table, const struct policy_plan *plan, int chosen);

#endif
