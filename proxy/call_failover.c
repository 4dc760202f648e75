/* Where a call goes when an attempt has failed: another target of the same region first, where the failure was the
 * target's alone, then the next region of the plan; and when it may not go on: a code that is final, the time
 * that is over, a retry budget that is spent. State of the call changes in call.c only. */
#include <stdlib.h>

#include "base/clock.h"
#include "proxy/call_internal.h"
#include "proxy/sip/header.h"

#define SHUN_MAX_S 10            /* Retry-After of a region's 503 counts up to this: probes and calls tell soon enough */
#define DOUBT_US (3 * CLOCK_SEC)  /* so long may probes take, and not much longer */
#define BUDGET_SECONDS 10        /* what the budget's minimum saves up at most */

static bool among(const uint16_t *codes, unsigned n, int status)
{
	for (unsigned i = 0; i < n; i++)
		if (codes[i] == status)
			return true;
	return false;
}

bool call_failover_on(const struct call *c, int status)
{
	const struct policy_failover *f = &c->failover;
	return among(f->on, f->n_on, status) && !among(f->never, f->n_never, status);
}

void call_shun_target(const struct call *c, const struct branch *b, const struct sip_msg *resp)
{
	char value[32];
	if (resp->status != 503 || b->log.region == UINT8_MAX ||
	    !sip_header_find(resp->data, resp->len, "Retry-After", value, sizeof value))
		return;
	long s = strtol(value, NULL, 10);
	if (s <= 0)
		return;
	struct target *t = c->table->regions[b->log.region].targets[b->log.target];
	atomic_store_explicit(&t->shun_until_us, worker_now(c->w) + (s < SHUN_MAX_S ? s : SHUN_MAX_S) * CLOCK_SEC,
	                      memory_order_relaxed);
}

void call_doubt_target(const struct call *c, const struct record_attempt *after)
{
	if (!after->status)
		atomic_store_explicit(&c->table->regions[after->region].targets[after->target]->doubt_until_us,
		                      worker_now(c->w) + DOUBT_US, memory_order_relaxed);
}

int64_t call_time_left(const struct call *c)
{
	return c->failover.total_ms ? c->begun_us + c->failover.total_ms * CLOCK_MS - worker_now(c->w) : INT64_MAX;
}

/* ---- the retry budget: a share of the calls that come, and so many a second ---- */

static double budget_refill(struct call *c)
{
	struct retry_budget *b = &c->w->retries;
	double rate = (double)c->failover.budget_min / c->w->common->n_workers, most = rate * BUDGET_SECONDS + 10;
	if (!b->begun)
		b->tokens = most;
	else
		b->tokens += rate * (double)(worker_now(c->w) - b->since_us) / CLOCK_SEC;
	b->begun = true;
	b->since_us = worker_now(c->w);
	return most;
}

static void budget_earn(struct call *c)
{
	double most = budget_refill(c), *tokens = &c->w->retries.tokens;
	*tokens += c->failover.budget;
	if (*tokens > most)
		*tokens = most;
}

static bool budget_spend(struct call *c)
{
	if (c->failover.budget <= 0)
		return true;  /* none is kept */
	budget_refill(c);
	if (c->w->retries.tokens < 1)
		return false;
	c->w->retries.tokens--;
	return true;
}

/* ---- the next attempt ---- */

/* What a whole region has not shown by failing so: silence, and a target that says it is the one. */
static bool targets_alone(const struct record_attempt *after) { return !after->status || after->status == 503; }

static unsigned attempts_at(const struct call *c, unsigned region)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->n_branches; i++)
		n += c->branches[i].log.region == region;
	return n;
}

/* One more in the same region, so that a call does not go round all of a region that is down. */
static bool try_target(struct call *c, const struct sip_msg *invite, const struct record_attempt *after)
{
	if (!targets_alone(after) || attempts_at(c, after->region) != 1 || c->n_branches >= POLICY_ATTEMPTS_MAX ||
	    !branch_start(c, invite, after->region))
		return false;
	call_doubt_target(c, after);
	call_log_route(c, NULL, after->region, after, 0);
	c->flags |= RECORD_RT;
	stats_inc(&c->w->stats, STAT_TARGET_RETRIES);
	return true;
}

static bool try_region(struct call *c, const struct sip_msg *invite, const struct policy_plan *plan,
                       const struct record_attempt *after, int64_t decision_ns)
{
	while (c->next < c->n_order && c->n_regions < c->failover.attempts && c->n_branches < POLICY_ATTEMPTS_MAX) {
		unsigned region = c->order[c->next++];
		if (!branch_start(c, invite, region))
			continue;
		c->n_regions++;
		call_log_route(c, plan, region, after, decision_ns);
		if (after) {
			c->flags |= RECORD_FO;
			stats_inc(&c->w->stats, STAT_FAILOVERS);
		}
		return true;
	}
	return false;
}

bool call_try_first(struct call *c, const struct sip_msg *invite, const struct policy_plan *plan, int64_t decision_ns)
{
	budget_earn(c);
	return try_region(c, invite, plan, NULL, decision_ns);
}

bool call_try_again(struct call *c, const struct sip_msg *invite, const struct proxy_sent *sent, const struct policy_plan *plan,
                    int64_t decision_ns)
{
	int region = branch_start_again(c, invite, sent);
	if (region < 0)
		return false;
	budget_earn(c);
	c->n_regions++;
	call_log_route(c, plan, (unsigned)region, NULL, decision_ns);
	return true;
}

/* Whether there may be another place to go. */
static bool anywhere(const struct call *c, const struct record_attempt *after)
{
	bool neighbour = targets_alone(after) && c->table->regions[after->region].n_targets > attempts_at(c, after->region);
	return (neighbour && attempts_at(c, after->region) == 1) ||
	       (c->next < c->n_order && c->n_regions < c->failover.attempts);
}

bool call_try_next(struct call *c, const struct sip_msg *invite, const struct record_attempt *after)
{
	if (call_time_left(c) <= 0) {
		c->flags |= RECORD_TO;
		return false;
	}
	if (!anywhere(c, after))
		return false;
	if (!budget_spend(c)) {
		c->flags |= RECORD_RB;
		stats_inc(&c->w->stats, STAT_RETRIES_REFUSED);
		return false;
	}
	if (try_target(c, invite, after) || try_region(c, invite, NULL, after, 0))
		return true;
	c->w->retries.tokens++;  /* nowhere, after all: not spent */
	return false;
}

unsigned call_attempts_most(const struct call *c)
{
	unsigned most = c->failover.attempts;
	for (unsigned i = 0; i < c->n_order && i < c->failover.attempts; i++)
		most += c->table->regions[c->order[i]].n_targets > 1;
	return most < POLICY_ATTEMPTS_MAX ? most : POLICY_ATTEMPTS_MAX;
}
