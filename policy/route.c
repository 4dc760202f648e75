/* The route's gate: is this node fit to carry the prefix, and for long enough to say so?
 *
 * Two layers. Faults (worker, region, address) pass through rise/fall hysteresis, so that one lost
 * heartbeat moves no traffic and a node that has just come back proves itself first. Orders (operator,
 * draining, stopping) act at once. The checks are counted under an order too: when it is lifted, a
 * node that has been fit all along announces at once, and one that has not starts over.
 *
 * A route is announced or withdrawn here and never degraded: a node that is half fit under ECMP loses
 * half of what reaches it, and a longer path does not change that. Pure; called by the anycast thread. */
#include "policy/route.h"

#include <limits.h>

/* What is wrong with the node in this one check; POLICY_ROUTE_OK: nothing. */
enum policy_route_reason policy_route_fault(const struct policy_route_gate *gate, const struct policy_route_facts *f)
{
	if (!f->address_present)
		return POLICY_ROUTE_NO_ADDRESS;
	if (f->workers_alive == 0)
		return POLICY_ROUTE_NO_WORKER;
	if (f->regions_reachable < gate->min_regions)
		return POLICY_ROUTE_NO_REGION;
	return POLICY_ROUTE_OK;
}

/* What somebody wants, whatever the checks say; POLICY_ROUTE_OK: nothing. The order of an operator is
 * named first, as it is what has to be undone by hand. */
static enum policy_route_reason route_order(const struct policy_route_facts *f)
{
	if (f->order == POLICY_ORDER_WITHDRAW)
		return POLICY_ROUTE_OPERATOR;
	if (f->stopping)
		return POLICY_ROUTE_STOPPING;
	if (f->draining)
		return POLICY_ROUTE_DRAINING;
	return POLICY_ROUTE_OK;
}

static void route_count(struct policy_route_state *state, bool good)
{
	unsigned *up = good ? &state->good : &state->bad;

	if (good)
		state->bad = 0;
	else
		state->good = 0;
	if (*up < UINT_MAX)
		(*up)++;
}

static unsigned at_least_one(unsigned n)
{
	return n != 0 ? n : 1;
}

struct policy_route_verdict policy_route(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                         struct policy_route_state *state)
{
	enum policy_route_action before = state->action;
	enum policy_route_reason fault = policy_route_fault(gate, facts), order = route_order(facts);
	enum policy_route_reason reason = POLICY_ROUTE_OK;

	route_count(state, fault == POLICY_ROUTE_OK);
	if (order != POLICY_ROUTE_OK)
		reason = order;
	else if (before == POLICY_ROUTE_WITHDRAW && fault != POLICY_ROUTE_OK)
		reason = fault;
	else if (before == POLICY_ROUTE_WITHDRAW && state->good < at_least_one(gate->rise))
		reason = POLICY_ROUTE_STARTING;
	else if (state->bad >= at_least_one(gate->fall))
		reason = fault;
	state->action = reason == POLICY_ROUTE_OK ? POLICY_ROUTE_ANNOUNCE : POLICY_ROUTE_WITHDRAW;
	return (struct policy_route_verdict){
		.action = state->action, .reason = reason, .changed = state->action != before,
	};
}
