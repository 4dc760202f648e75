/* Call records as JSON Lines: `route` when a call is sent on, `end` when it is over. Log thread. */
#include "proxy/record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/plan_json.h"
#include "proxy/number.h"
#include "proxy/table.h"

size_t record_size(unsigned n_candidates, size_t call_id_len, size_t from_len, size_t to_len)
{
	return sizeof(struct record) + n_candidates * sizeof(struct policy_candidate) + call_id_len + from_len + to_len;
}

static unsigned candidates_of(const struct record *r) { return r->kind == RECORD_ROUTE ? r->route.n_candidates : 0; }

struct policy_candidate *record_candidates(struct record *r) { return (struct policy_candidate *)(void *)(r + 1); }

char *record_texts(struct record *r) { return (char *)(record_candidates(r) + candidates_of(r)); }

static const char *texts(const struct record *r)
{
	return (const char *)((const struct policy_candidate *)(const void *)(r + 1) + candidates_of(r));
}

const char *record_outcome_str(enum record_outcome outcome)
{
	static const char *const names[] = {"answered", "busy", "rejected", "failed", "cancelled", "timeout", "limited"};
	return names[outcome];
}

static void put_number(struct jw *w, const char *key, const char *text, size_t len, bool mask)
{
	char number[NUMBER_LEN * 4];
	if (!mask) {
		jw_kstrn(w, key, text, len);
		return;
	}
	snprintf(number, sizeof number, "%.*s", (int)len, text);
	number_mask(number);
	jw_kstr(w, key, number);
}

static void put_head(struct jw *w, const struct record *r, const char *node_id, bool mask)
{
	char time[CLOCK_RFC3339_LEN];
	const char *t = texts(r);
	jw_kstr(w, "time", clock_rfc3339(r->wall_us, time));
	jw_kstr(w, "event", r->kind == RECORD_ROUTE ? "route" : "end");
	jw_kstr(w, "node", node_id);
	jw_kstrn(w, "call_id", t, r->call_id_len);
	jw_kstr(w, "trunk", r->trunk >= 0 ? r->table->trunks[r->trunk].name : NULL);
	put_number(w, "from", t + r->call_id_len, r->from_len, mask);
	put_number(w, "to", t + r->call_id_len + r->from_len, r->to_len, mask);
}

static const char *region_name(const struct record *r, int index)
{
	return index >= 0 && (unsigned)index < r->table->n_regions ? r->table->regions[index].live->name : NULL;
}

static void put_failover(struct jw *w, const struct record *r)
{
	char text[160];
	const char *before = region_name(r, r->route.after_region);
	if (r->route.after_unreachable)
		snprintf(text, sizeof text, "failover: %s is unreachable", before ? before : "-");
	else if (r->route.after_status)
		snprintf(text, sizeof text, "failover: %s answered %u", before ? before : "-", r->route.after_status);
	else
		snprintf(text, sizeof text, "failover: %s did not answer in time", before ? before : "-");
	jw_kstr(w, "because", text);
}

/* The plan as policy_plan_json() wants it, made of what the record carries. */
static void put_plan(struct jw *w, const struct record *r)
{
	struct policy_plan plan;
	plan.rule = r->rule;
	plan.pool = r->pool;
	plan.strategy = (enum policy_strategy)r->strategy;
	plan.because = (enum policy_because)r->route.because;
	plan.panic = false;
	plan.refuse = r->route.refuse;
	plan.threshold = r->route.threshold;
	plan.n_eligible = 0;
	plan.n_order = 0;
	plan.failover = NULL;
	plan.n_candidates = r->route.n_candidates;
	memcpy(plan.candidates, r + 1, r->route.n_candidates * sizeof plan.candidates[0]);
	policy_plan_json(w, r->table->policy, &plan, r->route.chosen);
}

static void put_names(struct jw *w, const struct record *r)
{
	const struct policy_table *p = r->table->policy;
	jw_kstr(w, "rule", r->planned && r->rule >= 0 ? policy_table_rule(p, (unsigned)r->rule)->name : NULL);
	jw_kstr(w, "pool", r->planned && r->pool >= 0 ? policy_table_pool(p, (unsigned)r->pool)->name : NULL);
	jw_kstr(w, "strategy", r->planned && r->pool >= 0 ? policy_strategy_str((enum policy_strategy)r->strategy) : NULL);
}

/* What else the decision came from: replay asks for it. */
static void put_inputs(struct jw *w, const struct record *r)
{
	char random[24];
	const char *p = texts(r) + r->call_id_len + r->from_len + r->to_len, *end = p + r->route.headers_len;
	snprintf(random, sizeof random, "0x%016llx", (unsigned long long)r->route.random);
	jw_kstr(w, "random", random);
	if (!r->route.headers_len)
		return;
	jw_key(w, "headers");
	jw_object(w);
	for (unsigned i = 0; p < end; i++, p += strlen(p) + 1)
		if (*p)
			jw_kstr(w, policy_table_header(r->table->policy, i), p + 1);
	jw_object_end(w);
}

static void put_route(struct jw *w, const struct record *r)
{
	if (r->route.attempt > 1) {
		put_names(w, r);
		jw_key(w, "candidates");  /* the first attempt's record has them */
		jw_array(w);
		jw_array_end(w);
		jw_kstr(w, "chosen", region_name(r, r->route.chosen));
		put_failover(w, r);
	} else {
		put_plan(w, r);
		put_inputs(w, r);
	}
	jw_kuint(w, "attempt", r->route.attempt);
	jw_kdouble(w, "decision_us", r->route.decision_us_x10 / 10.0, 1);
}

static void put_ms(struct jw *w, const char *key, int64_t ms)
{
	jw_key(w, key);
	if (ms < 0)
		jw_null(w);
	else
		jw_int(w, ms);
}

static void put_attempt(struct jw *w, const struct record *r, const struct record_attempt *a)
{
	const char *region = region_name(r, a->region);
	jw_object(w);
	jw_kstr(w, "region", region);
	jw_kstr(w, "target", region && a->target < r->table->regions[a->region].n_targets
	                             ? r->table->regions[a->region].targets[a->target]->uri : NULL);
	jw_key(w, "status");
	if (a->status)
		jw_uint(w, a->status);
	else
		jw_null(w);
	put_ms(w, "first_response_ms", a->first_ms);
	put_ms(w, "ring_ms", a->ring_ms);
	put_ms(w, "answer_ms", a->answer_ms);
	jw_object_end(w);
}

static void put_flags(struct jw *w, uint32_t flags)
{
	static const char names[][3] = {"NR", "FO", "PM", "TL", "WN", "DR", "EX", "NA", "RT", "TO", "RB", "OV", "NB", "UC", "AD"};
	jw_key(w, "flags");
	jw_array(w);
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (flags & 1u << i)
			jw_str(w, names[i]);
	jw_array_end(w);
}

static void put_end(struct jw *w, const struct record *r)
{
	static const char *const by[] = {NULL, "caller", "callee"};
	const struct record_end *e = &r->end;
	char origin[16];
	put_names(w, r);
	jw_kstr(w, "chosen", region_name(r, e->region));
	jw_key(w, "attempts");
	jw_array(w);
	for (unsigned i = 0; i < e->n_attempts; i++)
		put_attempt(w, r, &e->attempts[i]);
	jw_array_end(w);
	jw_kstr(w, "outcome", record_outcome_str((enum record_outcome)e->outcome));
	jw_kuint(w, "status", e->status);
	put_flags(w, e->flags);
	if (e->origin) {
		snprintf(origin, sizeof origin, "%08x", e->origin);
		jw_kstr(w, "origin", origin);
	}
	put_ms(w, "setup_ms", e->setup_ms);
	put_ms(w, "ring_ms", e->ring_ms);
	put_ms(w, "duration_ms", e->duration_ms);
	jw_kstr(w, "ended_by", by[e->ended_by]);
}

void record_done(const struct record *r) { table_release(r->table); }

void record_json(struct jw *w, const struct record *r, const char *node_id, bool mask_numbers)
{
	jw_object(w);
	put_head(w, r, node_id, mask_numbers);
	if (r->kind == RECORD_ROUTE)
		put_route(w, r);
	else
		put_end(w, r);
	jw_object_end(w);
	jw_raw(w, "\n", 1);
}
