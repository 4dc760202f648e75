/* What to do with a route: from facts about this node to announce, degrade, drain or withdraw, with
 * the reason. Pure, as policy.h: the same code runs in the gate and in tests. One policy_route_state a
 * prefix, a value of the caller's. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

/* From the worst to the best. Drain and degrade are announced so that others are preferred; drain also
 * says that the route is about to go (RFC 8326). */
enum policy_route_action { POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAIN, POLICY_ROUTE_DEGRADE, POLICY_ROUTE_ANNOUNCE };

/* What the operator said of the prefix. */
enum policy_route_order { POLICY_ORDER_AUTO, POLICY_ORDER_WITHDRAW, POLICY_ORDER_ANNOUNCE };

enum policy_route_reason {
	POLICY_ROUTE_OK,            /* "ready" */
	POLICY_ROUTE_STARTING,      /* "starting: fewer good checks than gate.rise" */
	POLICY_ROUTE_NO_WORKER,     /* "no SIP worker answers its heartbeat" */
	POLICY_ROUTE_NO_REGION,     /* "fewer regions reachable than gate.min_regions" */
	POLICY_ROUTE_NO_ADDRESS,    /* "the anycast address is not on this host" */
	POLICY_ROUTE_OPERATOR,      /* "withdrawn by the operator" */
	POLICY_ROUTE_DRAINING,      /* "draining" */
	POLICY_ROUTE_STOPPING,      /* "stopping" */
	POLICY_ROUTE_NO_ANSWER,     /* "no SIP worker answers OPTIONS at the anycast address" */
	POLICY_ROUTE_SOME_WORKERS,  /* "some SIP workers do not answer" */
	POLICY_ROUTE_OVERLOAD,      /* "overloaded" */
	POLICY_ROUTE_LAST,          /* "fewer regions reachable than gate.min_regions, kept: no other node announces it" */
	POLICY_ROUTE_HELD,          /* "fit again, held back until gate.hold is over" */
	POLICY_ROUTE_FORCED,        /* "announced by the operator" */
	/* of an egress address, which policy_route() is not asked about */
	POLICY_ROUTE_EGRESS,        /* "answers of the regions come here" */
	POLICY_ROUTE_BACKUP,        /* "for answers to another node, should it be dead" */
	POLICY_ROUTE_REASONS
};

/* Do other nodes announce the prefix, and are fit? */
enum policy_route_others { POLICY_OTHERS_UNKNOWN, POLICY_OTHERS_NONE, POLICY_OTHERS_SOME };

struct policy_route_facts {
	int64_t now_us;             /* any clock that does not go back; for gate.hold */
	unsigned workers;           /* configured */
	unsigned workers_alive;     /* heartbeat fresh */
	bool probed;                /* the node asks its own listeners with OPTIONS, and had time to */
	unsigned workers_answering; /* ... and so many workers answered */
	unsigned regions;           /* configured */
	unsigned regions_reachable; /* healthy and not in maintenance */
	bool overloaded;            /* it sheds calls */
	bool address_present;       /* the prefix's address is on this host */
	bool draining;              /* others are to be preferred; what comes is served */
	bool drained;               /* the end of draining: the route goes */
	bool stopping;
	enum policy_route_order order;
	enum policy_route_others others;
};

struct policy_route_gate {
	unsigned rise;              /* good checks in a row before announcing; at least 1 */
	unsigned fall;              /* bad checks in a row before withdrawing; at least 1 */
	unsigned min_regions;       /* regions that have to be reachable */
	int64_t hold_us;            /* after a fault has moved the route, it does not get better before this */
};

/* Zeroed at first. */
struct policy_route_state {
	unsigned good, bad;         /* checks in a row that asked for better, for worse, than `natural` */
	enum policy_route_action natural;  /* what the checks say, whatever anyone ordered */
	enum policy_route_action action;   /* what is in force */
	bool proved;                /* has been announced by itself once */
	bool held;                  /* a fault has moved it, */
	int64_t moved_us;           /* then */
};

struct policy_route_verdict {
	enum policy_route_action action;
	enum policy_route_reason reason;
	bool changed;               /* the action differs from the one before */
};

/* What is wrong with the node in this one check, whatever anyone ordered; POLICY_ROUTE_OK: nothing. */
enum policy_route_reason policy_route_fault(const struct policy_route_gate *gate, const struct policy_route_facts *facts);
/* A fault with which calls that come here are lost, not only fewer than could be. */
bool policy_route_hard(enum policy_route_reason fault);

/* Should the prefix's address be on the host, so that the rest can be tried and the route announced? Asked
 * before the check; `address_present` and what needs the address (`probed`) have no say. */
bool policy_route_wants_address(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                const struct policy_route_state *state);

/* One check. An order, draining and stopping act at once; faults after `fall` checks, recovery after
 * `rise`. Updates *state. */
struct policy_route_verdict policy_route(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                         struct policy_route_state *state);

const char *policy_route_action_str(enum policy_route_action action);  /* "withdraw" "drain" "degrade" "announce" */
const char *policy_route_reason_str(enum policy_route_reason reason);
const char *policy_route_order_str(enum policy_route_order order);     /* "auto" "withdraw" "announce" */

#endif
