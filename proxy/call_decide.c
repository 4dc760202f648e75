/* The decision for a call: what policy_decide() is asked, and what the call keeps of its answer. */
#include <string.h>

#include "base/clock.h"
#include "proxy/call_internal.h"
#include "proxy/sip/header.h"

/* The values of the header fields that rules ask for. */
static void fill_headers(const struct policy_table *policy, const struct sip_msg *invite, struct decision *d)
{
	const char *name;
	for (unsigned i = 0; (name = policy_table_header(policy, i)); i++)
		d->headers[i] = sip_header_find(invite->data, invite->len, name, d->values[i], sizeof d->values[i])
		                ? d->values[i] : NULL;
}

static int decide(const struct call *c, const struct sip_msg *invite, struct decision *d)
{
	const struct table *table = c->table;
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	d->query = (struct policy_query){
		.trunk = call_trunk(c)->name, .from = call_number_from(c), .to = call_number_to(c), .headers = d->headers,
		.now_us = c->begun_us, .wall_us = clock_wall_us(), .random = worker_random(c->w),
	};
	fill_headers(table->policy, invite, d);
	int64_t start = clock_ns();
	table_facts(table, c->begun_us, c->secure, facts);
	int rc = policy_decide(table->policy, facts, &d->query, &d->plan);
	d->ns = clock_ns() - start;
	for (unsigned i = 0; i < d->plan.n_candidates; i++)
		atomic_store_explicit(&table->regions[d->plan.candidates[i].region].live->hot, d->plan.candidates[i].hot,
		                      memory_order_relaxed);
	return rc;
}

/* It came as sips:, and none of its regions, up or down, is one of sips: (RFC 5630 section 5.3). */
static bool sips_nowhere(const struct call *c, const struct policy_plan *plan)
{
	for (unsigned i = 0; i < plan->n_candidates; i++)
		if (!plan->candidates[i].facts.no_sips)
			return false;
	return c->secure;
}

static void keep_plan(struct call *c, const struct policy_plan *plan)
{
	c->sips_nowhere = sips_nowhere(c, plan);
	c->planned = true;
	c->rule = (int16_t)plan->rule;
	c->pool = (int16_t)plan->pool;
	c->strategy = (uint8_t)plan->strategy;
	if (plan->panic)
		c->flags |= RECORD_PM;
	if (atomic_load_explicit(&c->w->common->alone, memory_order_relaxed))
		c->flags |= RECORD_NB;
	if (plan->failover)
		c->failover = *plan->failover;
	c->n_order = plan->n_order < POLICY_ATTEMPTS_MAX ? plan->n_order : POLICY_ATTEMPTS_MAX;
	memcpy(c->order, plan->order, c->n_order);
}

int call_decide(struct call *c, const struct sip_msg *invite, struct decision *d)
{
	int rc = decide(c, invite, d);
	keep_plan(c, &d->plan);
	return rc;
}
