/* The gate: the one place that decides what is announced. At every check it takes the facts, adds each
 * prefix's address and the operator's order, asks policy_route(), and carries the answer out: address
 * first, then route; on the way out route first, then address. The anycast thread. */
#ifndef ANYCAST_GATE_H
#define ANYCAST_GATE_H

#include "anycast/anycast.h"

struct gate;

/* How the gate reaches the host and the peers; prefixes by their index in the configuration. */
struct gate_ops {
	void (*refresh)(void *arg);                                   /* before the questions of one check */
	bool (*present)(void *arg, unsigned prefix, bool *ours);      /* its address is on the host */
	int (*add)(void *arg, unsigned prefix, struct err *err);
	int (*remove)(void *arg, unsigned prefix, struct err *err);
	void (*route)(void *arg, unsigned prefix, enum policy_route_action action);
	bool (*others)(void *arg, unsigned prefix);                   /* a peer has another node's fit route to it */
};

/* The address stays this long after the route went by a fault: packets are still under way, and
 * without the address this host would send them back to the router. */
#define GATE_ADDRESS_LINGER_US 2000000

/* The configuration is the caller's and outlives the gate. `ops` and the facts are called with their
 * own args. NULL without memory. */
struct gate *gate_new(const struct anycast_config *config, anycast_facts_fn *facts, void *facts_arg,
                      const struct gate_ops *ops, void *ops_arg);
void gate_free(struct gate *gate);

/* One check of all prefixes, each by facts of its own. */
void gate_check(struct gate *gate);
/* The operator's word on one prefix, carried out at once; `who` is for the log. */
void gate_order(struct gate *gate, unsigned prefix, enum policy_route_order order, const char *who);
/* Withdraws all; checks change nothing any more. */
void gate_stop(struct gate *gate);
/* After gate_stop() and goodbye to the peers: takes our addresses off. */
void gate_release(struct gate *gate);

/* Fills the prefixes but peers_announced. */
void gate_status(const struct gate *gate, struct anycast_status *out);

#endif
