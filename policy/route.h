/* What to do with a route: from facts about this node to announce, degrade or withdraw, with the
 * reason. Pure, as policy.h: the same code runs in the gate and in tests. One policy_route_state a
 * prefix, a value of the caller's. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

enum policy_route_action { POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_ANNOUNCE };

/* What the operator said of the prefix. */
enum policy_route_order { POLICY_ORDER_AUTO, POLICY_ORDER_WITHDRAW };

enum policy_route_reason {
	POLICY_ROUTE_OK,            /* "ready" */
	POLICY_ROUTE_STARTING,      /* "starting: fewer good checks than gate.rise" */
	POLICY_ROUTE_NO_WORKER,     /* "no SIP worker answers its heartbeat" */
	POLICY_ROUTE_NO_REGION,     /* "fewer regions reachable than gate.min_regions" */
	POLICY_ROUTE_NO_ADDRESS,    /* "the anycast address is not on this host" */
	POLICY_ROUTE_OPERATOR,      /* "withdrawn by the operator" */
	POLICY_ROUTE_DRAINING,      /* "draining" */
	POLICY_ROUTE_STOPPING       /* "stopping" */
};

struct policy_route_facts {
	unsigned workers;           /* configured */
	unsigned workers_alive;     /* heartbeat fresh */
	unsigned regions;           /* configured */
	unsigned regions_reachable; /* healthy and not in maintenance */
	bool address_present;       /* the prefix's address is on this host */
	bool draining;
	bool stopping;
	enum policy_route_order order;
};

struct policy_route_gate {
	unsigned rise;              /* good checks in a row before announcing; at least 1 */
	unsigned fall;              /* bad checks in a row before withdrawing; at least 1 */
	unsigned min_regions;       /* regions that have to be reachable */
};

/* Zeroed at first. */
struct policy_route_state {
	unsigned good, bad;         /* checks in a row */
	enum policy_route_action action;
};

struct policy_route_verdict {
	enum policy_route_action action;
	enum policy_route_reason reason;
	bool changed;               /* the action differs from the one before */
};

/* What is wrong with the node in this one check, whatever anyone ordered; POLICY_ROUTE_OK: nothing. */
enum policy_route_reason policy_route_fault(const struct policy_route_gate *gate, const struct policy_route_facts *facts);

/* One check. An order, draining and stopping act at once; faults after `fall` checks, recovery after
 * `rise`. Updates *state. */
struct policy_route_verdict policy_route(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                         struct policy_route_state *state);

const char *policy_route_action_str(enum policy_route_action action);  /* "withdraw" "degrade" "announce" */
const char *policy_route_reason_str(enum policy_route_reason reason);

#endif
