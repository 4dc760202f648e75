/* The rules, compiled: which is the first that a call matches. The wall behind which the compiled form
 * may change without anyone noticing but the clock. Internal to policy/. Immutable once built. */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include "policy/policy.h"

struct match;

/* Compiles; copies what it keeps. Patterns must have passed match_pattern_ok(). NULL: no memory. */
struct match *match_new(const struct policy_rule_config *rules, unsigned n_rules);
void match_free(struct match *match);
/* The index of the first rule that matches the query's trunk, `to` and `from`; -1: none. */
int match_find(const struct match *match, const struct policy_query *query);

/* Empty, or an optional '+', digits (15 at most after a '+', E.164 section 6) and an optional '*' at
 * the end. */
bool match_pattern_ok(const char *pattern);

#endif
