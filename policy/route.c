/* The route's gate: is this node fit to carry the prefix, and for long enough to say so?
 *
 * Two layers. What the checks say (`natural`) moves with hysteresis, so that one lost heartbeat moves no
 * traffic and a node that has just come back proves itself first. Orders (operator, draining, stopping)
 * lie above it and act at once. Checks are counted under an order too: when it is lifted, a node that has
 * been fit all along announces at once, and one that has not starts over.
 *
 * Three kinds of fault:
 * - what comes here is lost (no address, no worker, no answer): the route goes, whoever else there is;
 * - a part of it is lost or turned away (some workers, overload): degraded. Others take the calls if there
 *   are any that do better; if all are alike nothing changes, and none pushes its load onto the next;
 * - what all nodes may share (no region): with fit nodes beside us the route is degraded first and then
 *   withdrawn, so that nodes that find the same fault at the same time see one another degraded and stop
 *   there; known to be alone it is kept, degraded: an honest 503 is better than silence. Where nobody knows
 *   of others it goes. Pure; called by the anycast thread. */
#include "policy/route.h"

#include <limits.h>

enum policy_route_reason policy_route_fault(const struct policy_route_gate *gate, const struct policy_route_facts *f)
{
	if (!f->address_present)
		return POLICY_ROUTE_NO_ADDRESS;
	if (f->workers_alive == 0)
		return POLICY_ROUTE_NO_WORKER;
	if (f->probed && f->workers_answering == 0)
		return POLICY_ROUTE_NO_ANSWER;
	if (f->regions_reachable < gate->min_regions)
		return POLICY_ROUTE_NO_REGION;
	if (f->workers_alive < f->workers || (f->probed && f->workers_answering < f->workers))
		return POLICY_ROUTE_SOME_WORKERS;
	if (f->overloaded)
		return POLICY_ROUTE_OVERLOAD;
	return POLICY_ROUTE_OK;
}

bool policy_route_hard(enum policy_route_reason fault)
{
	return fault == POLICY_ROUTE_NO_ADDRESS || fault == POLICY_ROUTE_NO_WORKER || fault == POLICY_ROUTE_NO_ANSWER ||
	       fault == POLICY_ROUTE_NO_REGION;
}

/* What this one check asks for. */
static enum policy_route_action route_target(enum policy_route_reason fault, enum policy_route_others others,
                                             const struct policy_route_state *state)
{
	if (fault == POLICY_ROUTE_OK)
		return POLICY_ROUTE_ANNOUNCE;
	if (!policy_route_hard(fault))
		return POLICY_ROUTE_DEGRADE;
	if (fault != POLICY_ROUTE_NO_REGION || !state->proved || others == POLICY_OTHERS_UNKNOWN)
		return POLICY_ROUTE_WITHDRAW;
	if (others == POLICY_OTHERS_SOME && state->natural <= POLICY_ROUTE_DEGRADE)
		return POLICY_ROUTE_WITHDRAW;
	return POLICY_ROUTE_DEGRADE;
}

bool policy_route_wants_address(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                const struct policy_route_state *state)
{
	struct policy_route_facts f = *facts;

	f.address_present = true;
	f.probed = false;
	return state->natural != POLICY_ROUTE_WITHDRAW || state->action != POLICY_ROUTE_WITHDRAW ||
	       facts->order == POLICY_ORDER_ANNOUNCE ||
	       route_target(policy_route_fault(gate, &f), facts->others, state) != POLICY_ROUTE_WITHDRAW;
}

static void count(unsigned *n, bool one_more)
{
	if (!one_more)
		*n = 0;
	else if (*n < UINT_MAX)
		(*n)++;
}

static unsigned at_least_one(unsigned n)
{
	return n != 0 ? n : 1;
}

static bool held_back(const struct policy_route_gate *gate, const struct policy_route_facts *f,
                      const struct policy_route_state *state)
{
	return state->held && f->now_us - state->moved_us < gate->hold_us;
}

/* Moves `natural` where enough checks in a row ask for it. */
static void route_move(const struct policy_route_gate *gate, const struct policy_route_facts *f,
                       enum policy_route_action target, struct policy_route_state *state)
{
	count(&state->good, target > state->natural);
	count(&state->bad, target < state->natural);
	if (state->bad >= at_least_one(gate->fall)) {
		state->held = true;
		state->moved_us = f->now_us;
	} else if (state->good < at_least_one(gate->rise) || held_back(gate, f, state)) {
		return;
	}
	state->natural = target;
	state->good = state->bad = 0;
	state->proved |= target == POLICY_ROUTE_ANNOUNCE;
}

/* Why `natural` is what it is. */
static enum policy_route_reason route_why(const struct policy_route_gate *gate, const struct policy_route_facts *f,
                                          enum policy_route_reason fault, const struct policy_route_state *state)
{
	if (state->natural == POLICY_ROUTE_ANNOUNCE)
		return POLICY_ROUTE_OK;
	if (fault == POLICY_ROUTE_NO_REGION && state->natural != POLICY_ROUTE_WITHDRAW && f->others == POLICY_OTHERS_NONE)
		return POLICY_ROUTE_LAST;
	if (state->good == 0)
		return fault;
	return state->good < at_least_one(gate->rise) || !held_back(gate, f, state) ? POLICY_ROUTE_STARTING : POLICY_ROUTE_HELD;
}

static enum policy_route_action worse_of(enum policy_route_action a, enum policy_route_action b)
{
	return a < b ? a : b;
}

/* What somebody wants, whatever the checks say; false: nothing. The order of an operator is named first,
 * as it is what has to be undone by hand. */
static bool route_ordered(const struct policy_route_facts *f, enum policy_route_reason fault,
                          const struct policy_route_state *state, struct policy_route_verdict *v)
{
	if (f->order == POLICY_ORDER_WITHDRAW)
		*v = (struct policy_route_verdict){POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_OPERATOR, false};
	else if (f->stopping)
		*v = (struct policy_route_verdict){POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_STOPPING, false};
	else if (f->drained)
		*v = (struct policy_route_verdict){POLICY_ROUTE_WITHDRAW, POLICY_ROUTE_DRAINING, false};
	else if (f->draining)
		*v = (struct policy_route_verdict){worse_of(POLICY_ROUTE_DRAIN, state->action), POLICY_ROUTE_DRAINING, false};
	else if (f->order == POLICY_ORDER_ANNOUNCE &&
	         !(state->natural == POLICY_ROUTE_WITHDRAW && policy_route_hard(fault) && fault != POLICY_ROUTE_NO_REGION))
		*v = (struct policy_route_verdict){POLICY_ROUTE_ANNOUNCE, POLICY_ROUTE_FORCED, false};
	else
		return false;
	return true;
}

struct policy_route_verdict policy_route(const struct policy_route_gate *gate, const struct policy_route_facts *facts,
                                         struct policy_route_state *state)
{
	enum policy_route_reason fault = policy_route_fault(gate, facts);
	struct policy_route_verdict v;

	route_move(gate, facts, route_target(fault, facts->others, state), state);
	if (!route_ordered(facts, fault, state, &v)) {
		v.action = state->natural;
		v.reason = route_why(gate, facts, fault, state);
	}
	if (facts->draining && !facts->drained && state->natural == POLICY_ROUTE_WITHDRAW)
		v.action = POLICY_ROUTE_WITHDRAW;  /* a fault takes the route while it drains, too */
	v.changed = v.action != state->action;
	state->action = v.action;
	return v;
}
