/* A plan as JSON, for the `route` record of the call log and for the API. Figures that are not known,
 * limits that are not set and scores of regions that were ruled out are null: a zero would be a claim.
 * Pure; any thread. */
#include "policy/plan_json.h"

#include "policy/otherwise.h"
#include "policy/region.h"

/* Microseconds as milliseconds; 0 is "not known". */
static void write_ms(struct jw *w, const char *key, uint32_t us)
{
	jw_key(w, key);
	if (us == 0)
		jw_null(w);
	else
		jw_double(w, us / 1000.0, 3);
}

/* What is the exception: written where it is not the usual, absent means zero. A replay needs every one. */
static void write_exceptions(struct jw *w, const struct policy_candidate *c)
{
	const struct policy_region_facts *f = &c->facts;

	if (f->no_sips)
		jw_kbool(w, "no_sips", true);
	if (f->admin != POLICY_READY)
		jw_kstr(w, "state", policy_admin_str(f->admin));
	if (f->was_hot)
		jw_kbool(w, "was_hot", true);
	if (f->latency_us != 0 && f->latency_age_ms != 0)
		jw_kuint(w, "latency_age_ms", f->latency_age_ms);
	if (f->ring_us != 0)
		write_ms(w, "ring_ms", f->ring_us);
	if (f->ring_us != 0 && f->ring_age_ms != 0)
		jw_kuint(w, "ring_age_ms", f->ring_age_ms);
	if (f->remote_calls != 0)
		jw_kuint(w, "remote_calls", f->remote_calls);
	if (f->waiting != 0)
		jw_kuint(w, "waiting", f->waiting);
	if (f->remote_setups != 0)
		jw_kuint(w, "remote_setups", f->remote_setups);
	if (f->ejected)
		jw_kbool(w, "ejected", true);
	if (f->held > 0)
		jw_kdouble(w, "held", (double)f->held, 6);
	if (c->held_back)
		jw_kbool(w, "held_back", true);
	if (f->outside_load > 0) {
		jw_kdouble(w, "outside_load", (double)f->outside_load, 6);
		jw_kstr(w, "outside_figure", region_figure_str((enum region_figure)f->outside_figure));
	}
}

static void write_candidate(struct jw *w, const struct policy_table *table, const struct policy_candidate *c)
{
	const struct policy_region_config *region = policy_table_region(table, c->region);
	uint32_t max_calls = region != NULL ? region->max_calls : 0;

	jw_object(w);
	jw_kstr(w, "region", region != NULL ? region->name : NULL);
	jw_kbool(w, "eligible", c->eligible);
	jw_kstr(w, "reason", policy_reason_str(c->reason));
	jw_kstr(w, "health", c->facts.healthy ? "up" : "down");
	jw_kuint(w, "calls", c->facts.calls);
	jw_key(w, "calls_max");
	if (max_calls == 0)
		jw_null(w);
	else
		jw_uint(w, max_calls);
	jw_kuint(w, "setups", c->facts.setups);
	jw_kuint(w, "cps", c->facts.cps);
	jw_kuint(w, "weight", c->facts.weight);
	write_ms(w, "latency_ms", c->facts.latency_us);
	write_ms(w, "rtt_ms", c->facts.rtt_us);
	jw_kdouble(w, "error_rate", (double)c->facts.error_rate, 6);
	jw_kbool(w, "hot", c->hot);
	jw_kdouble(w, "load", (double)c->load, 4);
	jw_key(w, "score");
	if (c->eligible)
		jw_double(w, (double)c->score, 6);
	else
		jw_null(w);
	write_exceptions(w, c);
	jw_object_end(w);
}

void policy_plan_json(struct jw *w, const struct policy_table *table, const struct policy_plan *plan, int chosen)
{
	const struct policy_rule_config *rule = plan->rule >= 0 ? policy_table_rule(table, (unsigned)plan->rule) : NULL;
	const struct policy_pool_config *pool = plan->pool >= 0 ? policy_table_pool(table, (unsigned)plan->pool) : NULL;
	const struct policy_region_config *region = chosen >= 0 ? policy_table_region(table, (unsigned)chosen) : NULL;
	char text[POLICY_OTHERWISE_LEN];

	jw_kstr(w, "rule", rule != NULL ? rule->name : NULL);
	jw_kstr(w, "pool", pool != NULL ? pool->name : NULL);
	jw_kstr(w, "strategy", pool != NULL ? policy_strategy_str(plan->strategy) : NULL);
	jw_key(w, "candidates");
	jw_array(w);
	for (unsigned i = 0; i < plan->n_candidates; i++)
		write_candidate(w, table, &plan->candidates[i]);
	jw_array_end(w);
	jw_kstr(w, "chosen", region != NULL ? region->name : NULL);
	jw_kstr(w, "because", policy_because_str(plan->because));
	if (plan->refuse != 0)
		jw_kuint(w, "refuse", plan->refuse);
	jw_key(w, "threshold_ms");
	if (plan->threshold > 0)
		jw_double(w, (double)plan->threshold, 3);
	else
		jw_null(w);
	jw_kstr(w, "otherwise", policy_otherwise(table, plan, chosen, text));
}
