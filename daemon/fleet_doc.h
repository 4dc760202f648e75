/* What the fleet's document says, as JSON: {"by", "node", "time", "regions": {NAME: {"state", "weight"}},
 * "policy": TEXT}. The text is YAML: pools, rules and tuning that take the place of those in the nodes' files. A region that
 * is not in it is each node's own matter. Control thread. */
#ifndef DAEMON_FLEET_DOC_H
#define DAEMON_FLEET_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct proxy;

struct fleet_change {
	const char *region;           /* NULL: none */
	const char *policy;           /* NULL: as before; empty: none any more */
	const char *state;            /* "ready" "drain" "maint"; NULL: as before */
	bool has_weight;
	int32_t weight;               /* -1: as configured */
	const char *who, *node;
};

/* The document after that change of `body` (empty: none yet); malloc'ed. NULL without memory. */
char *fleet_doc_change(const char *body, const struct fleet_change *change);

/* Its "policy", malloc'ed; NULL: it has none. */
char *fleet_doc_policy(const char *body);

/* As fleet_doc_apply(), and touches nothing. */
int fleet_doc_check(const struct proxy *proxy, const char *body, struct err *err);

/* Puts its regions into force, all of it or nothing: -EINVAL and `err` when it names a region that this node does not have, or
 * says what cannot be. `revision` is for the log. */
int fleet_doc_apply(struct proxy *proxy, const char *body, uint64_t revision, struct err *err);

#endif
