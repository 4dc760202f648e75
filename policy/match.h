/* The rules, compiled: which is the first that a call matches. The wall behind which the compiled form
 * may change without anyone noticing but the clock. Internal to policy/, and to the checks of a
 * configuration. Immutable once built; any thread. */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include "policy/policy.h"

struct match;

/* Compiles; copies what it keeps. Rules must have passed the checks of table.c; zones without changes
 * do where match_find() is not asked. NULL: no memory. */
struct match *match_new(const struct policy_rule_config *rules, unsigned n_rules, const struct policy_zone *zones,
                        unsigned n_zones);
void match_free(struct match *match);
/* The index of the first rule that matches the query; -1: none. */
int match_find(const struct match *match, const struct policy_query *query);
/* An earlier rule that takes all calls of this one, or with others before it takes them all: rule `index` can
 * never match. -1: there is none. */
int match_shadow(const struct match *match, unsigned index);

/* How many different header fields the rules ask for. */
unsigned match_headers(const struct policy_rule_config *rules, unsigned n_rules);
/* The name of one; NULL past the last. */
const char *match_header(const struct match *match, unsigned index);

/* Empty, or an optional '+', digits (15 at most after a '+', E.164 section 6) and an optional '*' at
 * the end. */
bool match_pattern_ok(const char *pattern);
/* Do two windows have a minute of the week in common? */
bool match_windows_overlap(const struct policy_window *a, const struct policy_window *b);

#endif
