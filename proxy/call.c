/* Calls: see call.h. Only this file changes a call's state: at its beginning, and then in
 * call_step(), to which everything that can happen to a call comes as an event of call_internal.h. */
#include "proxy/call_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "proxy/active.h"
#include "proxy/number.h"
#include "proxy/reply.h"
#include "proxy/sip/header.h"

const char *call_number_to(const struct call *c) { return c->texts + c->call_id_len + 1 + c->from_len + 1; }
const char *call_number_from(const struct call *c) { return c->texts + c->call_id_len + 1; }
struct trunk *call_trunk(const struct call *c) { return &c->table->trunks[c->trunk]; }

/* ---- life ---- */

static void forget_request(struct call *c)
{
	free(c->request);
	c->request = NULL;
}

void call_free_if_over(struct call *c)
{
	if (c->server)
		return;
	for (unsigned i = 0; i < c->n_branches; i++)
		if (c->branches[i].txn)
			return;
	if (c->admitted)
		trunk_setup_end(call_trunk(c), false);
	forget_request(c);
	free(c->best);
	table_release(c->table);
	free(c->texts);
	free(c);
}

static void on_server_end(void *user)
{
	struct call *c = user;
	c->server = NULL;
	call_free_if_over(c);
}

static bool keep_request(struct call *c, const struct sip_msg *invite)
{
	c->request = malloc(invite->len + 1);
	if (!c->request)
		return false;
	memcpy(c->request, invite->data, invite->len);
	c->request_len = (uint32_t)invite->len;
	return true;
}

static bool keep_texts(struct call *c, const struct sip_msg *invite)
{
	char from[NUMBER_LEN], to[NUMBER_LEN];
	static const struct number_plan none;
	const struct number_plan *plan = c->trunk >= 0 ? trunk_rules_plan(call_trunk(c)->rules) : &none;
	number_normalise(invite->from_user, plan, from);
	number_normalise(invite->ruri.user, plan, to);
	size_t id = strlen(invite->call_id), nf = strlen(from), nt = strlen(to);
	if (id > UINT16_MAX || !(c->texts = malloc(id + nf + nt + 3)))
		return false;
	memcpy(c->texts, invite->call_id, id + 1);
	memcpy(c->texts + id + 1, from, nf + 1);
	memcpy(c->texts + id + nf + 2, to, nt + 1);
	c->call_id_len = (uint16_t)id;
	c->from_len = (uint16_t)nf;
	c->to_len = (uint16_t)nt;
	return true;
}

static struct call *call_new(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                             const struct addr *source, int trunk)
{
	struct call *c = calloc(1, sizeof *c);
	if (!c)
		goto lost;
	c->w = w;
	c->table = table_hold(w->table);
	c->source = *source;
	c->back = *back;
	c->trunk = (int16_t)trunk;
	c->secure = !strcasecmp(invite->ruri.scheme, "sips");
	c->rule = c->pool = -1;
	c->begun_us = worker_now(w);
	c->ring_ms = -1;
	if (!keep_request(c, invite) || !keep_texts(c, invite))
		goto lost;
	c->server = txn_server_new(&w->txns, invite, back, on_server_end, c);
	if (!c->server)
		goto lost;
	reply_in(w, c->server, invite, source, 100, "");
	return c;
lost:
	stats_inc(&w->stats, STAT_DROP_MEMORY);
	if (c) {
		forget_request(c);
		table_release(c->table);
		free(c->texts);
		free(c);
	}
	return NULL;
}

/* ---- the end of a setup ---- */

static void count_outcome(struct call *c, enum record_outcome outcome)
{
	stats_inc(&c->w->stats, STAT_CALLS_ANSWERED + (enum stat_counter)outcome);
	if (c->flags & RECORD_NR)
		stats_inc(&c->w->stats, STAT_CALLS_NO_REGION);
}

_Static_assert(STAT_CALLS_LIMITED - STAT_CALLS_ANSWERED == OUTCOME_LIMITED,
               "outcomes are counted in the order of enum record_outcome");

/* Everything a call leaves behind when it is not answered; the response is sent by the caller. */
static void end_unanswered(struct call *c, enum record_outcome outcome, int status)
{
	c->state = CALL_DONE;
	for (unsigned i = 0; i < c->n_branches; i++)
		branch_give_up(&c->branches[i]);
	if (c->again)
		return;
	count_outcome(c, outcome);
	call_log_end(c, outcome, status);
	if (c->admitted)
		trunk_setup_end(call_trunk(c), false);
	c->admitted = false;
}

enum record_outcome call_outcome(int status, bool cancelled)
{
	if (cancelled)
		return OUTCOME_CANCELLED;
	if (status == 486 || status == 600)
		return OUTCOME_BUSY;
	if (status == 408)
		return OUTCOME_TIMEOUT;
	return status >= 500 && status < 600 ? OUTCOME_FAILED : OUTCOME_REJECTED;
}

/* A final answer of our own, made from the INVITE kept. */
static void finish(struct call *c, enum record_outcome outcome, int status, const char *extra)
{
	struct sip_msg invite;
	const char *why;
	end_unanswered(c, outcome, status);
	if (c->server && c->request && sip_parse(&invite, c->request, c->request_len, &why) == SIP_PARSED) {
		reply_in(c->w, c->server, &invite, &c->source, status, extra);
		sip_release(&invite);
	}
	forget_request(c);
}

static void refuse_sips(struct call *c) { finish(c, OUTCOME_REJECTED, 480, REPLY_NO_SIPS); }

/* Whether this node could take other calls now. */
static bool serves_others(const struct call *c)
{
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	table_facts(c->table, worker_now(c->w), false, facts);
	return policy_any_eligible(c->table->policy, facts);
}

/* It was sent nowhere. Retry-After keeps a client's other calls away too (section 21.5.4): only where none could be served;
 * without it a 503 is about this call alone. */
static void finish_no_region(struct call *c)
{
	c->flags |= RECORD_NR;
	if (c->sips_nowhere)
		refuse_sips(c);
	else
		finish(c, OUTCOME_FAILED, 503, serves_others(c) ? "" : REPLY_RETRY_AFTER);
}

/* ---- relaying ---- */

/* A 2xx goes upstream always, without a transaction where that is over (section 16.7 step 10): the caller
 * must hear of a call that is up, be it to end it. */
static void relay(struct call *c, const struct sip_msg *resp)
{
	struct writer out = writer_of(c->w->txns.scratch, sizeof c->w->txns.scratch);
	const struct sip_edit *edits[2];
	trunk_edge_edits(c->edge, resp, edits);
	if (!sip_write_response(&out, resp, edits))
		return;
	if (c->server)
		txn_server_respond(&c->w->txns, c->server, resp->status, c->w->txns.scratch, writer_len(&out));
	else if (resp->status / 100 == 2)
		worker_send(c->w, &c->back, c->w->txns.scratch, writer_len(&out));
}

static void relay_provisional(struct call *c, const struct sip_msg *resp)
{
	relay(c, resp);
	c->state = CALL_RINGING;
	if (resp->status >= 180 && c->ring_ms < 0)
		c->ring_ms = (int32_t)((worker_now(c->w) - c->begun_us) / CLOCK_MS);
}

static void relay_failure(struct call *c, const struct sip_msg *resp)
{
	if (resp->status == 503) {  /* section 16.7 step 6: it speaks of the region, not of this node */
		finish(c, call_outcome(500, c->cancelled), 500, "");
		return;
	}
	end_unanswered(c, call_outcome(resp->status, c->cancelled), resp->status);
	relay(c, resp);
	forget_request(c);
}

/* No region is left: the caller hears of the best failure. */
static void finish_best(struct call *c)
{
	struct call_best *best = c->best;
	struct sip_msg m;
	const char *why;
	int status = best ? 500 : call_best_unheard(c);
	c->best = NULL;
	if (best && sip_parse(&m, best->text, best->len, &why) != SIP_UNANSWERABLE)
		relay_failure(c, &m);
	if (best)
		sip_release(&m);
	if (c->state != CALL_DONE)
		finish(c, call_outcome(status, c->cancelled), status, "");
	free(best);
}

/* Whether this answer makes a dialog that there was not yet. */
static bool new_dialog(struct call *c, const struct sip_msg *resp)
{
	uint32_t tag = token_name(resp->to_tag);
	for (unsigned i = 0; i < c->n_dialogs; i++)
		if (c->dialogs[i] == tag)
			return false;
	if (c->n_dialogs == DIALOGS_MAX)
		return false;
	c->dialogs[c->n_dialogs++] = tag;
	return true;
}

/* A fork, or a branch that was late, after the setup's end: the caller sorts it out (section 16.7 step 10), and until
 * it has, this is a call as any other, at a region that has to carry it. */
static void count_late(struct call *c, const struct branch *b, const struct sip_msg *resp)
{
	struct record *end = new_dialog(c, resp) ? call_end_record(c, OUTCOME_ANSWERED, resp->status) : NULL;
	if (!end)
		return;
	end->end.region = b->log.region;
	trunk_call_begin(call_trunk(c));
	active_add(c->w, end, resp, false);
}

void call_adopt(struct worker *w, const struct sip_msg *answer, int trunk, int region, const char *to)
{
	struct sip_msg named = *answer;  /* the number stands where an INVITE has it */
	struct call c = {.w = w, .table = w->table, .trunk = (int16_t)trunk, .rule = -1, .pool = -1, .ring_ms = -1,
	                 .begun_us = worker_now(w), .flags = RECORD_AD};
	named.ruri.user = to;
	if (!keep_texts(&c, &named))
		return;
	count_outcome(&c, OUTCOME_ANSWERED);
	struct record *end = call_end_record(&c, OUTCOME_ANSWERED, answer->status);
	free(c.texts);
	if (!end)
		return;
	end->end.region = (int16_t)region;
	trunk_call_begin(call_trunk(&c));
	active_add(w, end, answer, true);
}

static void relay_answer(struct call *c, struct branch *b, const struct sip_msg *resp)
{
	relay(c, resp);
	if (c->again)
		active_on_response(c->w, resp);
	if (c->state == CALL_DONE) {
		if (!c->again)
			count_late(c, b, resp);
		return;
	}
	c->state = CALL_DONE;
	new_dialog(c, resp);
	for (unsigned i = 0; i < c->n_branches; i++)
		if (&c->branches[i] != b)
			branch_elsewhere(&c->branches[i]);
	forget_request(c);
	if (c->again)
		return;
	count_outcome(c, OUTCOME_ANSWERED);
	trunk_setup_end(call_trunk(c), true);
	c->admitted = false;
	struct record *end = call_end_record(c, OUTCOME_ANSWERED, resp->status);
	if (end)
		active_add(c->w, end, resp, true);
	else
		trunk_call_end(call_trunk(c));
}

/* ---- where to ---- */

/* `resp`: what the region answered; NULL: nothing. */
static void fail_over(struct call *c, const struct branch *b, const struct sip_msg *resp)
{
	struct sip_msg invite;
	const char *why;
	struct record_attempt after = b->log;
	bool started = false;
	if (resp)
		call_best_keep(c, resp);
	if (c->request && sip_parse(&invite, c->request, c->request_len, &why) == SIP_PARSED) {
		started = call_try_next(c, &invite, &after);
		sip_release(&invite);
	}
	if (!started)
		finish_best(c);
}

/* ---- events ---- */

static void on_failure(struct call *c, struct branch *b, const struct sip_msg *resp)
{
	bool regions_fault = !c->again && call_failover_on(c, resp->status);
	b->over = true;
	branch_settle(b, regions_fault && !b->given_up);
	call_shun_target(c, b, resp);
	if (c->again)
		active_on_response(c->w, resp);
	/* a 6xx is of the callee, whichever region says it (section 16.7 step 5) */
	bool global = resp->status >= 600 && !regions_fault;
	if (c->state == CALL_DONE || (b->given_up && !c->cancelled && !global))
		return;
	if (c->cancelled && regions_fault)
		finish(c, OUTCOME_CANCELLED, 487, "");
	else if (b->expired && !c->cancelled && resp->status == 487)
		finish(c, OUTCOME_TIMEOUT, 408, "");
	else if (regions_fault && c->state == CALL_TRYING)
		fail_over(c, b, resp);
	else
		relay_failure(c, resp);
}

/* Nothing came in time: of the attempt at hand, or (timer B, after CANCEL) of one given up. */
static void on_nothing(struct call *c, struct branch *b)
{
	bool was_given_up = b->given_up;
	branch_settle(b, !was_given_up);
	if (c->state == CALL_DONE || (was_given_up && !c->cancelled))
		return;
	branch_give_up(b);
	if (c->cancelled)
		finish(c, OUTCOME_CANCELLED, 487, "");
	else if (c->state == CALL_TRYING && !c->again)
		fail_over(c, b, NULL);
	else
		finish(c, b->log.unreachable ? OUTCOME_FAILED : OUTCOME_TIMEOUT, b->log.unreachable ? 500 : 408, "");
}

/* The caller's reason goes along (RFC 3326): a phone that rang may show it. */
static void on_cancel(struct call *c, const struct sip_msg *cancel)
{
	char reason[512];
	struct writer lines = writer_of(reason, sizeof reason - 1);
	if (c->state == CALL_DONE || c->cancelled)
		return;
	c->cancelled = true;
	reason[sip_write_reason(&lines, cancel) ? writer_len(&lines) : 0] = 0;
	for (unsigned i = 0; i < c->n_branches; i++) {
		struct branch *b = &c->branches[i];
		if (!b->txn || b->given_up)
			continue;
		txn_client_reason(b->txn, reason);
		txn_client_cancel(&c->w->txns, b->txn);
	}
}

void call_step(struct call *c, struct branch *b, enum call_event event, const struct sip_msg *m)
{
	switch (event) {
	case CALL_ON_PROVISIONAL:
		if (c->state != CALL_DONE && !b->given_up)
			relay_provisional(c, m);
		return;
	case CALL_ON_ANSWER:
		b->over = true;
		branch_settle(b, false);
		relay_answer(c, b, m);
		return;
	case CALL_ON_FAILURE:
		on_failure(c, b, m);
		return;
	case CALL_ON_SILENCE:
		on_nothing(c, b);
		return;
	case CALL_ON_TIMEOUT:
		b->over = true;
		on_nothing(c, b);
		return;
	case CALL_ON_CANCEL:
		on_cancel(c, m);
		return;
	}
}

/* ---- beginnings ---- */

static void limited(struct call *c)
{
	const struct trunk_limit *limit = &call_trunk(c)->limit;
	char extra[40] = "";
	if (limit->retry_after_ms)
		snprintf(extra, sizeof extra, "Retry-After: %u\r\n", (limit->retry_after_ms + 999) / 1000);
	c->flags |= RECORD_TL;
	finish(c, OUTCOME_LIMITED, limit->status, extra);
}

static void refuse_number(struct call *c)
{
	c->flags |= RECORD_NA;
	finish(c, OUTCOME_REJECTED, 403, "");
}

static void refuse_draining(struct call *c)
{
	c->flags |= RECORD_DR;
	finish(c, OUTCOME_REJECTED, 503, REPLY_RETRY_AFTER);
}

/* RFC 5393 section 5.3.3. False when it may not be sent on at all. */
static bool keep_breadth(struct call *c, const struct sip_msg *invite)
{
	int breadth = sip_msg_max_breadth(invite);
	c->breadth = (uint8_t)(breadth < 0 || breadth > MAX_BREADTH ? MAX_BREADTH : breadth);
	return c->breadth > 0;
}

static void route(struct call *c, const struct sip_msg *invite, const struct proxy_sent *sent)
{
	struct decision d;
	if (!keep_breadth(c, invite)) {
		finish(c, OUTCOME_REJECTED, 440, "");
		return;
	}
	int rc = call_decide(c, invite, &d);
	c->decision = &d;
	bool started = !rc && ((sent && call_try_again(c, invite, sent, &d.plan, d.ns)) || call_try_first(c, invite, &d.plan, d.ns));
	if (!started)
		call_log_route(c, &d.plan, (unsigned)-1, NULL, d.ns);
	c->decision = NULL;
	if (started)
		return;
	if (rc == -ECONNREFUSED)
		finish(c, call_outcome(d.plan.refuse, c->cancelled), d.plan.refuse, "");
	else
		finish_no_region(c);
}

/* An INVITE that comes again has the same chance again. */
static uint64_t chance_of(const struct worker *w, const struct sip_msg *invite)
{
	uint64_t h = w->common->node_hash ^ (uint64_t)token_name(invite->call_id) << 32 ^
	             token_name(invite->via.branch ? invite->via.branch : invite->from_tag);
	h = (h ^ h >> 31) * 0x9E3779B97F4A7C15u;
	return (h ^ h >> 29) * 0xBF58476D1CE4E5B9u;
}

void call_log_lone(struct worker *w, const struct sip_msg *invite, int trunk, uint32_t flags, enum record_outcome outcome,
                   int status)
{
	struct call c = {.w = w, .table = w->table, .trunk = (int16_t)trunk, .rule = -1, .pool = -1, .ring_ms = -1,
	                 .begun_us = worker_now(w), .flags = flags};
	if (!keep_texts(&c, invite))
		return;
	count_outcome(&c, outcome);
	call_log_end(&c, outcome, status);
	free(c.texts);
}

bool call_shed(struct worker *w, const struct sip_msg *invite, const struct sip_path *back, const struct addr *source,
               int trunk)
{
	if (!overload_shed(&w->overload) || atomic_load_explicit(&w->common->draining, memory_order_relaxed) ||
	    !overload_refuses(&w->overload, chance_of(w, invite)))
		return false;
	atomic_store_explicit(&w->last_invite_us, worker_now(w), memory_order_relaxed);
	stats_inc(&w->stats, STAT_CALLS_SHED);
	reply_stateless(w, invite, back, source, 503, REPLY_RETRY_AFTER);
	call_log_lone(w, invite, trunk, RECORD_OV, OUTCOME_LIMITED, 503);
	return true;
}

void call_begin(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                const struct addr *source, int trunk, const struct call_claim *claim)
{
	struct call *c = call_new(w, invite, back, source, trunk);
	atomic_store_explicit(&w->last_invite_us, worker_now(w), memory_order_relaxed);
	if (!c)
		return;
	c->flags = claim->flags;
	snprintf(c->claim, sizeof c->claim, "%s", claim->key);
	c->edge = (struct trunk_edge){call_trunk(c)->rules, true};
	if (atomic_load_explicit(&w->common->draining, memory_order_relaxed))
		refuse_draining(c);
	else if (!trunk_rules_called(call_trunk(c)->rules, call_number_to(c)))
		refuse_number(c);
	else if (c->secure && back->transport != SIP_TLS)
		refuse_sips(c);  /* it is not, by its first hop already (section 26.2.2) */
	else if (!trunk_admit(call_trunk(c), worker_now(w)))
		limited(c);
	else {
		c->admitted = true;
		route(c, invite, claim->sent);
	}
}

void call_begin_again(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                      const struct addr *source, const struct forward *f, struct sip_forward *sf, struct trunk_edge edge)
{
	struct call *c = call_new(w, invite, back, source, -1);
	if (!c)
		return;
	c->again = true;
	c->edge = edge;
	if (!branch_start_to(c, invite, f, sf))
		finish(c, OUTCOME_FAILED, 513, "");
}

void call_cancel(struct call *c, const struct sip_msg *cancel, uint32_t flags)
{
	c->flags |= flags;
	call_step(c, NULL, CALL_ON_CANCEL, cancel);
}
