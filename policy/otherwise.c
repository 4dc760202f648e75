/* Counterfactuals: see otherwise.h. Each way of choosing has one thing that the runner-up lacked (strategy.c), and
 * each region that was ruled out has the thing that ruled it out (decide.c); both are said with the figure that it
 * had and the one it would have needed. */
#include "policy/otherwise.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/strategy.h"

#define RULED_OUT_MAX 4              /* told of; the rest is in the candidates */

struct text { char *buf; size_t len; };

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	size_t was = t->len, room = POLICY_OTHERWISE_LEN - was;

	va_start(ap, fmt);
	int n = vsnprintf(t->buf + was, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < room)
		t->len += (size_t)n;
	else
		t->buf[was] = '\0';
}

static const char *separator(const struct text *t) { return t->len != 0 ? "; " : ""; }

static const char *name_of(const struct policy_table *table, const struct policy_candidate *c)
{
	const struct policy_region_config *region = policy_table_region(table, c->region);

	return region != NULL ? region->name : "-";
}

static void add_ruled_out(struct text *t, const struct policy_table *table, const struct policy_candidate *c)
{
	const struct policy_region_config *region = policy_table_region(table, c->region);

	add(t, "%s%s would be eligible ", separator(t), name_of(table, c));
	switch (c->reason) {
	case POLICY_NO_SIPS:
		add(t, "with a target that is sips:");
		break;
	case POLICY_NO_DRAIN:
	case POLICY_NO_MAINT:
		add(t, "if it were set to ready");
		break;
	case POLICY_NO_UNHEALTHY:
		add(t, "if it were healthy");
		break;
	case POLICY_NO_EJECTED:
		add(t, "if its failures had not ejected it");
		break;
	case POLICY_NO_CALLS:
		add(t, "below max_calls %u (now %llu with setups)", region != NULL ? region->max_calls : 0,
		    (unsigned long long)strategy_in_use(&c->facts));
		break;
	case POLICY_NO_CPS:
		add(t, "below max_cps %u (now %u)", region != NULL ? region->max_cps : 0, c->facts.cps);
		break;
	case POLICY_NO_WEIGHT:
		add(t, "with a weight above 0");
		break;
	case POLICY_OK:
		break;
	}
}

static double load_of(const struct policy_candidate *c)
{
	return strategy_load_with_errors((double)c->load, &c->facts);
}

/* The eligible one with the best score that is not `chosen`; those held back come last. NULL: none. */
static const struct policy_candidate *runner_up(const struct policy_plan *plan, const struct policy_candidate *chosen)
{
	const struct policy_candidate *best = NULL;

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		const struct policy_candidate *c = &plan->candidates[i];

		if (!c->eligible || c == chosen)
			continue;
		if (best == NULL || c->held_back < best->held_back ||
		    (c->held_back == best->held_back && c->score < best->score))
			best = c;
	}
	return best;
}

static void add_cold(struct text *t, const struct policy_table *table, const struct policy_candidate *c)
{
	double limit = c->facts.was_hot ? table->tuning.hot_off : table->tuning.hot_on;

	add(t, "%s if its load, errors included, fell to %.2f (now %.2f)", name_of(table, c), limit, load_of(c));
}

static void add_runner_up(struct text *t, const struct policy_table *table, const struct policy_plan *plan,
                          const struct policy_candidate *chosen, const struct policy_candidate *c)
{
	const char *name = name_of(table, c);

	if (c->held_back && plan->because != POLICY_BECAUSE_NONE) {
		add(t, "%s once its slow start is over (%.0f %% of its share is held back)", name,
		    (double)c->facts.held * 100);
		return;
	}
	switch (plan->because) {
	case POLICY_BECAUSE_LATENCY:
	case POLICY_BECAUSE_COLD:
	case POLICY_BECAUSE_LEAST_LOADED:
		if (c->hot && !chosen->hot)
			add_cold(t, table, c);
		else
			add(t, "%s if it cost at most %.1f ms (now %.1f ms)", name,
			    (double)(plan->threshold > 0 ? plan->threshold : chosen->score), (double)c->score);
		break;
	case POLICY_BECAUSE_BAND:
		if (c->hot)
			add_cold(t, table, c);
		else
			add(t, "%s by another draw, or if %s cost more than the band allows (equal up to %.1f ms; %.1f and %.1f ms)",
			    name, name_of(table, chosen), (double)plan->threshold, (double)c->score, (double)chosen->score);
		break;
	case POLICY_BECAUSE_LOAD:
		add(t, "%s if its load, errors included, were below %.2f (now %.2f)", name, load_of(chosen), load_of(c));
		break;
	case POLICY_BECAUSE_WEIGHT:
		add(t, "%s by another draw (weights %u and %u)", name, c->facts.weight, chosen->facts.weight);
		break;
	case POLICY_BECAUSE_STICKY:
		add(t, "%s for another caller, or if %s could not take the call", name, name_of(table, chosen));
		break;
	case POLICY_BECAUSE_PRIORITY:
		add(t, "%s if %s could not take the call", name, name_of(table, chosen));
		break;
	case POLICY_BECAUSE_PANIC:
		add(t, "%s if enough regions were healthy for health to count", name);
		break;
	case POLICY_BECAUSE_ONLY:
	case POLICY_BECAUSE_NONE:
	case POLICY_BECAUSE_REFUSED:
		break;
	}
}

const char *policy_otherwise(const struct policy_table *table, const struct policy_plan *plan, int chosen,
                             char buf[POLICY_OTHERWISE_LEN])
{
	const struct policy_candidate *first = NULL, *next;
	struct text t = {buf, 0};
	unsigned told = 0;

	buf[0] = '\0';
	if (plan->refuse != 0)
		add(&t, "a rule before it that takes this call, or none of this rule");
	else if (plan->rule < 0)
		add(&t, "a rule that matches trunk, numbers, header fields and time");
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		if (plan->candidates[i].region == chosen)
			first = &plan->candidates[i];
	}
	next = first != NULL ? runner_up(plan, first) : NULL;
	if (next != NULL)
		add_runner_up(&t, table, plan, first, next);
	for (unsigned i = 0; i < plan->n_candidates && told < RULED_OUT_MAX; i++) {
		if (!plan->candidates[i].eligible) {
			add_ruled_out(&t, table, &plan->candidates[i]);
			told++;
		}
	}
	if (t.len == 0)
		add(&t, "nothing: there is no other region in the pool");
	return buf;
}
