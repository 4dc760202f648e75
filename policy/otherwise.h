/* What would have changed a choice, in words: for the call log, the API and whoever is woken at night. Pure; any
 * thread. */
#ifndef POLICY_OTHERWISE_H
#define POLICY_OTHERWISE_H

#include <stddef.h>

#include "policy/policy.h"

#define POLICY_OTHERWISE_LEN 512

/* Of a plan as policy_decide() made it, or as a record carries it: its candidates, strategy, `because`, threshold and
 * refusal are read. `chosen` is a region's index, or -1. Returns `buf`; what does not fit is left out. */
const char *policy_otherwise(const struct policy_table *table, const struct policy_plan *plan, int chosen,
                             char buf[POLICY_OTHERWISE_LEN]);

#endif
