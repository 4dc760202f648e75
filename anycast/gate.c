/* What is announced, and the address under it. See gate.h; the anycast thread owns it.
 *
 * The address follows the node's fitness, the route follows fitness and orders. So with manage_address:
 * - the address is put on lo at the first check that finds the node fit but for the address, the
 *   route is announced when policy_route() says so, after gate.rise such checks;
 * - a fault withdraws the route (after gate.fall checks), and the address goes a little later;
 * - an order of the operator and a drain move the route alone: what is under way can still be
 *   answered from the address;
 * - on a clean stop the address goes last, after the goodbye to the peers.
 * An egress address, ours or another node's, is no matter of fitness: see check_egress().
 * An address that somebody took off while it was wanted is put back. */
#include "anycast/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct gate_prefix {
	struct policy_route_state state;
	enum policy_route_order order;
	enum policy_route_reason reason;
	int64_t since_wall_us;
	uint64_t changes;
	enum policy_route_others others;
	int64_t unwanted_us;        /* since when the address is ours and not wanted; 0: it is wanted */
	bool present, ours;
	bool added;                 /* by us, and there at the last check */
	char fault[sizeof(struct err)];  /* why the address cannot be had, as logged */
};

struct gate {
	const struct anycast_config *config;
	anycast_facts_fn *facts;
	void *facts_arg;
	const struct gate_ops *ops;
	void *arg;
	bool stopping;
	struct gate_prefix prefixes[ANYCAST_PREFIXES_MAX];
};

struct gate *gate_new(const struct anycast_config *config, anycast_facts_fn *facts, void *facts_arg,
                      const struct gate_ops *ops, void *ops_arg)
{
	struct gate *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->config = config;
	g->facts = facts;
	g->facts_arg = facts_arg;
	g->ops = ops;
	g->arg = ops_arg;
	for (unsigned i = 0; i < config->n_prefixes; i++) {
		g->prefixes[i].reason = POLICY_ROUTE_STARTING;
		g->prefixes[i].since_wall_us = clock_wall_us();
	}
	return g;
}

void gate_free(struct gate *g)
{
	free(g);
}

static const char *name_of(const struct gate *g, unsigned i, char buf[ADDR_STR_LEN])
{
	return prefix_str(&g->config->prefixes[i].prefix, buf);
}

/* ---- the address ---- */

/* An error is logged when it is new, not at every check. */
static void address_fault(struct gate *g, unsigned i, const struct err *err)
{
	struct gate_prefix *p = &g->prefixes[i];
	char name[ADDR_STR_LEN];

	if (strcmp(p->fault, err->text) == 0)
		return;
	memcpy(p->fault, err->text, sizeof p->fault);
	log_error("anycast %s: %s", name_of(g, i, name), err->text);
}

static void address_look(struct gate *g, unsigned i)
{
	struct gate_prefix *p = &g->prefixes[i];

	p->ours = false;
	p->present = g->ops->present(g->arg, i, &p->ours);
}

static void address_put(struct gate *g, unsigned i)
{
	struct gate_prefix *p = &g->prefixes[i];
	char name[ADDR_STR_LEN];
	struct err err;

	if (p->added)
		log_warn("anycast %s: somebody has taken its address off lo: put back", name_of(g, i, name));
	if (g->ops->add(g->arg, i, &err)) {
		address_fault(g, i, &err);
		return;
	}
	if (!p->added)
		log_info("anycast %s: address put on lo", name_of(g, i, name));
	p->fault[0] = 0;
	address_look(g, i);
	p->added = p->ours;
}

static void address_take_off(struct gate *g, unsigned i)
{
	struct gate_prefix *p = &g->prefixes[i];
	char name[ADDR_STR_LEN];
	struct err err;

	if (g->ops->remove(g->arg, i, &err)) {
		address_fault(g, i, &err);
		return;
	}
	log_info("anycast %s: address taken off lo", name_of(g, i, name));
	p->added = false;
	p->unwanted_us = 0;
	address_look(g, i);
}

/* Before the verdict: whether the address is here, and putting it there. */
static void address_before(struct gate *g, unsigned i, bool wanted)
{
	struct gate_prefix *p = &g->prefixes[i];
	char name[ADDR_STR_LEN];

	address_look(g, i);
	if (!g->config->prefixes[i].manage_address)
		return;
	if (p->ours && !p->added) {
		log_info("anycast %s: its address was on lo, left by a tandem that did not end cleanly: adopted",
		         name_of(g, i, name));
		p->added = true;
	}
	if (wanted && !p->present)
		address_put(g, i);
}

/* After it: an address of ours that is wanted no more goes, once the route has been gone for a while. */
static void address_after(struct gate *g, unsigned i, bool wanted)
{
	struct gate_prefix *p = &g->prefixes[i];

	if (!g->config->prefixes[i].manage_address || !p->ours || wanted || p->state.action != POLICY_ROUTE_WITHDRAW)
		p->unwanted_us = 0;
	else if (p->unwanted_us == 0)
		p->unwanted_us = clock_us();
	else if (clock_us() - p->unwanted_us >= GATE_ADDRESS_LINGER_US)
		address_take_off(g, i);
}

/* ---- the route ---- */

static const char *others_str(enum policy_route_others others)
{
	return others == POLICY_OTHERS_SOME ? "announce it" : others == POLICY_OTHERS_NONE ? "none" : "not known";
}

static void carry_out(struct gate *g, unsigned i, const struct policy_route_verdict *v,
                      const struct policy_route_facts *f)
{
	struct gate_prefix *p = &g->prefixes[i];
	char name[ADDR_STR_LEN], answering[32] = "";

	if (f->probed)
		snprintf(answering, sizeof answering, ", %u answer OPTIONS", f->workers_answering);
	if (v->changed || v->reason != p->reason)
		log_info("anycast %s: %s: %s (workers %u of %u%s, regions %u of %u%s, other nodes: %s)",
		         name_of(g, i, name), policy_route_action_str(v->action), policy_route_reason_str(v->reason),
		         f->workers_alive, f->workers, answering, f->regions_reachable, f->regions,
		         f->overloaded ? ", overloaded" : "", others_str(f->others));
	p->reason = v->reason;
	if (!v->changed)
		return;
	p->since_wall_us = clock_wall_us();
	p->changes++;
	g->ops->route(g->arg, i, v->action);
}

/* An egress address follows the workers alone: who has sent requests has to hear the answers, also while it drains and
 * to its last moment. Hung workers hear nothing: then others shall. */
static void check_egress(struct gate *g, unsigned i)
{
	bool backup = g->config->prefixes[i].role == ANYCAST_BACKUP;
	struct gate_prefix *p = &g->prefixes[i];
	struct policy_route_facts f = {.order = POLICY_ORDER_AUTO};
	struct policy_route_verdict v = {.action = backup ? POLICY_ROUTE_DEGRADE : POLICY_ROUTE_ANNOUNCE,
	                                 .reason = backup ? POLICY_ROUTE_BACKUP : POLICY_ROUTE_EGRESS};

	g->facts(g->facts_arg, &g->config->prefixes[i].prefix, &f);
	address_before(g, i, !g->stopping);
	p->state.bad = f.workers_alive ? 0 : p->state.bad + 1;
	if (g->stopping || p->state.bad >= g->config->gate.fall || !p->present)
		v = (struct policy_route_verdict){.action = POLICY_ROUTE_WITHDRAW,
		                                  .reason = g->stopping ? POLICY_ROUTE_STOPPING :
		                                  p->present ? POLICY_ROUTE_NO_WORKER : POLICY_ROUTE_NO_ADDRESS};
	v.changed = v.action != p->state.action;
	p->state.action = v.action;
	carry_out(g, i, &v, &f);
}

static void check_service(struct gate *g, unsigned i)
{
	struct gate_prefix *p = &g->prefixes[i];
	struct policy_route_facts f = {.order = POLICY_ORDER_AUTO};
	struct policy_route_verdict verdict;
	bool wanted;

	g->facts(g->facts_arg, &g->config->prefixes[i].prefix, &f);
	f.now_us = clock_us();
	f.order = p->order;
	if (f.others == POLICY_OTHERS_UNKNOWN && g->ops->others(g->arg, i))
		f.others = POLICY_OTHERS_SOME;
	wanted = !g->stopping && policy_route_wants_address(&g->config->gate, &f, &p->state);
	address_before(g, i, wanted);
	f.address_present = p->present;
	p->others = f.others;
	f.stopping |= g->stopping;
	verdict = policy_route(&g->config->gate, &f, &p->state);
	carry_out(g, i, &verdict, &f);
	if (!g->stopping)
		address_after(g, i, wanted);
}

static void check_prefix(struct gate *g, unsigned i)
{
	if (g->config->prefixes[i].role == ANYCAST_SERVICE)
		check_service(g, i);
	else
		check_egress(g, i);
}

void gate_check(struct gate *g)
{
	if (g->stopping)
		return;
	g->ops->refresh(g->arg);
	for (unsigned i = 0; i < g->config->n_prefixes; i++)
		check_prefix(g, i);
}

void gate_order(struct gate *g, unsigned i, enum policy_route_order order, const char *who)
{
	char name[ADDR_STR_LEN];

	if (g->config->prefixes[i].role != ANYCAST_SERVICE)
		return;
	log_info("anycast %s: order %s by %s", name_of(g, i, name),
	         policy_route_order_str(order), who);
	g->prefixes[i].order = order;
	if (g->stopping)
		return;
	g->ops->refresh(g->arg);
	check_prefix(g, i);
}

void gate_stop(struct gate *g)
{
	g->stopping = true;
	g->ops->refresh(g->arg);
	for (unsigned i = 0; i < g->config->n_prefixes; i++)
		check_prefix(g, i);
}

void gate_release(struct gate *g)
{
	g->ops->refresh(g->arg);
	for (unsigned i = 0; i < g->config->n_prefixes; i++) {
		address_look(g, i);
		if (g->config->prefixes[i].manage_address && g->prefixes[i].ours)
			address_take_off(g, i);
	}
}

void gate_status(const struct gate *g, struct anycast_status *out)
{
	out->n_prefixes = g->config->n_prefixes;
	for (unsigned i = 0; i < g->config->n_prefixes; i++) {
		const struct gate_prefix *p = &g->prefixes[i];
		struct anycast_prefix_status *status = &out->prefixes[i];

		status->prefix = g->config->prefixes[i].prefix;
		status->role = g->config->prefixes[i].role;
		status->action = p->state.action;
		status->order = p->order;
		status->reason = policy_route_reason_str(p->reason);
		status->since_wall_us = p->since_wall_us;
		status->address_present = p->present;
		status->changes = p->changes;
		status->others = p->others;
	}
}
