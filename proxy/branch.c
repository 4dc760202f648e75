/* One attempt at one target: the INVITE sent on, its transaction, its clock, and what its region's
 * figures learn from it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "proxy/adopt.h"
#include "proxy/call_internal.h"

#define TIMER_C_US (185 * CLOCK_SEC)  /* section 16.6 step 11: above three minutes */

static struct region_live *live(const struct branch *b)
{
	return b->call->table->regions[b->log.region].live;
}

/* Its silence so far says nothing of the region. */
static bool unheard(const struct branch *b) { return worker_deaf_since(b->call->w, b->sent_us); }

static int32_t since_ms(const struct branch *b)
{
	return (int32_t)((worker_now(b->call->w) - b->sent_us) / CLOCK_MS);
}

static void waits_no_more(struct branch *b)
{
	if (b->waiting)
		region_waiting_end(live(b));
	b->waiting = false;
}

void branch_settle(struct branch *b, bool region_failed)
{
	timer_stop(b->call->w->wheel, &b->timer);
	waits_no_more(b);
	if (!b->counted)
		return;
	b->counted = false;
	const struct table *table = b->call->table;
	int64_t now = worker_now(b->call->w);
	region_failed = region_failed && (b->log.status || b->log.unreachable || !unheard(b));
	region_setup_end(live(b), now, region_failed);
	if (region_failed && region_judge(live(b), now, table_error_rate_others(table, b->log.region, now),
	                                  policy_table_tuning(table->policy)))
		log_warn("region %s is ejected for a while: it failed calls that others take", live(b)->name);
}

static struct branch *of_timer(struct timer *timer)
{
	return (struct branch *)(void *)((char *)timer - offsetof(struct branch, timer));
}

static int64_t at_most(int64_t us, int64_t left) { return us < left ? us : left > 0 ? left : 0; }

static void on_silence(struct timer *timer);
static void expect_first(struct branch *b)
{
	const struct call *c = b->call;
	timer_start(c->w->wheel, &b->timer, on_silence, worker_now(c->w),
	            at_most(c->failover.first_response_ms * CLOCK_MS, call_time_left(c)));
}

static void on_silence(struct timer *timer)
{
	struct branch *b = of_timer(timer);
	struct call *c = b->call;
	if (unheard(b) && !b->waits_again) {
		b->waits_again = true;
		expect_first(b);
		return;
	}
	/* the silence is a measure too: the region is at least that slow */
	if (!b->waits_again)
		region_first_response(live(b), worker_now(c->w), worker_now(c->w) - b->sent_us);
	call_step(c, b, CALL_ON_SILENCE, NULL);
}

/* A 100 and no more: it is not slow to answer, and still it is no use to wait. */
static void on_stuck(struct timer *timer)
{
	struct branch *b = of_timer(timer);
	call_step(b->call, b, CALL_ON_SILENCE, NULL);
}

static void on_timer_c(struct timer *timer)
{
	struct branch *b = of_timer(timer);
	b->expired = true;
	txn_client_cancel(&b->call->w->txns, b->txn);
}

/* After a 100: by when more has to come. */
static void expect_more(struct branch *b)
{
	const struct call *c = b->call;
	int64_t attempt = c->failover.attempt_ms ? b->sent_us + c->failover.attempt_ms * CLOCK_MS - worker_now(c->w) : INT64_MAX;
	int64_t in = at_most(attempt, call_time_left(c));
	bool stuck = !c->again && c->state == CALL_TRYING && in < TIMER_C_US;
	timer_start(c->w->wheel, &b->timer, stuck ? on_stuck : on_timer_c, worker_now(c->w), stuck ? in : TIMER_C_US);
}

static void note_first(struct branch *b)
{
	if (b->log.first_ms >= 0)
		return;
	b->log.first_ms = since_ms(b);
	timer_stop(b->call->w->wheel, &b->timer);
	waits_no_more(b);
	if (b->log.region != UINT8_MAX && !b->given_up)
		region_first_response(live(b), worker_now(b->call->w), worker_now(b->call->w) - b->sent_us);
}

/* It rings, or was answered at once. */
static void note_ringing(const struct branch *b)
{
	if (b->log.region != UINT8_MAX && !b->given_up)
		region_ringing(live(b), worker_now(b->call->w), worker_now(b->call->w) - b->sent_us);
}

static void on_response(void *user, const struct sip_msg *resp)
{
	struct branch *b = user;
	note_first(b);
	if (resp->status < 200) {
		/* a 100 starts it, where nothing else runs any more; it does not start it anew (section 16.7, 2) */
		if (!b->given_up && !b->expired && resp->status > 100)
			timer_start(b->call->w->wheel, &b->timer, on_timer_c, worker_now(b->call->w), TIMER_C_US);
		else if (!b->given_up && !b->expired && !timer_running(&b->timer))
			expect_more(b);
		if (resp->status >= 180 && b->log.ring_ms < 0) {
			b->log.ring_ms = since_ms(b);
			note_ringing(b);
		}
		if (resp->status > 100)
			call_step(b->call, b, CALL_ON_PROVISIONAL, resp);
		return;
	}
	if (!b->log.status || resp->status < 300)
		b->log.status = (uint16_t)resp->status;
	if (resp->status < 300 && b->log.answer_ms < 0) {
		b->log.answer_ms = since_ms(b);
		if (b->log.ring_ms < 0)
			note_ringing(b);
	}
	call_step(b->call, b, resp->status < 300 ? CALL_ON_ANSWER : CALL_ON_FAILURE, resp);
}

static void on_timeout(void *user)
{
	struct branch *b = user;
	call_step(b->call, b, CALL_ON_TIMEOUT, NULL);
}

static void on_end(void *user)
{
	struct branch *b = user;
	timer_stop(b->call->w->wheel, &b->timer);
	branch_settle(b, false);
	b->txn = NULL;
	call_free_if_over(b->call);
}

/* As if it had answered 503 (section 16.9); that it has not, the record tells. */
static void on_unreachable(void *user, const char *why)
{
	struct branch *b = user;
	(void)why;
	b->log.unreachable = true;
	call_step(b->call, b, CALL_ON_TIMEOUT, NULL);
}

static const struct txn_client_user branch_user = {on_response, on_timeout, on_end, on_unreachable};

static struct branch *add_branch(struct call *c, unsigned region, unsigned target)
{
	struct branch *b = &c->branches[c->n_branches];
	*b = (struct branch){
		.call = c, .sent_us = worker_now(c->w),
		.log = {.region = (uint8_t)region, .target = (uint8_t)target, .first_ms = -1, .ring_ms = -1, .answer_ms = -1},
	};
	return b;
}

static bool send_invite(struct call *c, struct branch *b, const struct sip_msg *invite, const struct forward *f,
                        struct sip_forward *sf)
{
	struct writer out = writer_of(c->w->txns.scratch, sizeof c->w->txns.scratch);
	sf->via = f->via;
	if (!sip_write_request(&out, invite, &c->source, sf))
		return false;
	b->txn = forward_send(c->w, invite, &c->source, f, sf, writer_len(&out), &branch_user, b);
	if (b->txn)
		c->n_branches++;
	return b->txn != NULL;
}

/* Which scheme a request has on its way is the caller's to say (RFC 5630 section 5.3). A call that came as sip: stays sip:,
 * to a sips: target too: it goes there by TLS alone, and that is all that a next hop can promise. As sips: the region
 * would answer with a sips: Contact, to which a caller who knows of no security could not send its ACK, or would take
 * the whole way, its own side included, for secured. A call that came as sips: stays sips:, and goes to no other targets.
 *
 * sip:+15551234567@region.example[:port][;user=phone] */
static bool write_ruri(const struct call *c, const struct sip_msg *invite, const struct target *t, char *out,
                       size_t size)
{
	const char *number = call_number_to(c), *user = *number == '+' ? number : invite->ruri.user;
	bool phone = strcasestr(invite->ruri.params, "user=phone") != NULL;
	struct writer w = writer_of(out, size - 1);
	write_str(&w, c->secure ? "sips:" : "sip:");
	write_str(&w, user);
	write_str(&w, *user ? "@" : "");
	write_str(&w, t->host_port);
	write_str(&w, phone ? ";user=phone" : "");
	return write_end(&w);
}

static void sign_token(const struct call *c, unsigned region, char out[TOKEN_LEN + 1])
{
	struct token t = {
		.region = c->table->regions[region].hash, .trunk = call_trunk(c)->hash,
		.node = c->w->common->node_hash, .time_s = (uint32_t)(clock_wall_us() / CLOCK_SEC),
	};
	token_sign(c->w->signer, &t, c->texts, out);
}

/* host:port, and the transport where it is not UDP. */
static const char *route_host(const struct call *c, const struct sip_path *side)
{
	const struct proxy_common *common = c->w->common;
	const char *host = common->route_host[side->transport][family_index(&side->peer)];
	/* what nobody listens on is no way back */
	return *host ? host : common->route_host[SIP_UDP][family_index(&side->peer)];
}

/* Our Record-Routes, topmost first: the region's side, and the carrier's where that is another family
 * or transport (RFC 5658). Of a sips: call they are sips: (section 16.6 step 4), which says the transport, too. */
static void set_record_routes(const struct call *c, unsigned region, const struct sip_path *next, char text[2][160],
                              struct sip_forward *sf)
{
	char token[TOKEN_LEN + 1];
	const char *sides[2] = {route_host(c, next), route_host(c, &c->back)};
	bool same = sides[0] == sides[1];
	sign_token(c, region, token);
	for (unsigned i = 0; i < (same ? 1 : 2); i++) {
		struct writer w = writer_of(text[i], sizeof text[i] - 1);
		write_str(&w, c->secure ? "<sips:" : "<sip:");
		write_str(&w, token);
		write_str(&w, "@");
		write_bytes(&w, sides[i], c->secure ? strcspn(sides[i], ";") : strlen(sides[i]));
		write_str(&w, ";lr>");
		write_end(&w);
		sf->record_route[i] = text[i];
	}
}

/* RFC 5393 section 5.3.3.1: what is out at one time may not be more than came in. Shares are equal, so that
 * a later region has as much as the first; 0: it must wait until an earlier one is over. */
static int breadth_share(const struct call *c)
{
	unsigned most = call_attempts_most(c);
	unsigned shares = most > c->breadth ? c->breadth : most ? most : 1, out = 0;
	for (unsigned i = 0; i < c->n_branches; i++)
		out += c->branches[i].txn && !c->branches[i].over;
	return out < shares ? c->breadth / (int)shares : 0;
}

/* The targets of a region where it has been, a bit each. */
static uint64_t targets_tried(const struct call *c, unsigned region)
{
	uint64_t tried = 0;
	for (unsigned i = 0; i < c->n_branches; i++)
		if (c->branches[i].log.region == region)
			tried |= UINT64_C(1) << c->branches[i].log.target;
	return tried;
}

/* The INVITE to a target of a region, by the way that `f` says, with `ruri` as its Request-URI. */
static bool start(struct call *c, const struct sip_msg *invite, unsigned region, unsigned target, const struct forward *f,
                  const char *ruri)
{
	/* where a trunk's call goes is decided here: a Route could only have led it here (section 16.4) */
	struct sip_forward sf = {.skip_routes = invite->routes, .ruri = ruri, .max_breadth = breadth_share(c)};
	char record_route[2][160];
	trunk_edge_edits(trunk_edge_back(c->edge), invite, sf.edit);
	set_record_routes(c, region, &f->path, record_route, &sf);
	struct branch *b = add_branch(c, region, target);
	if (!sf.max_breadth || !send_invite(c, b, invite, f, &sf))
		return false;
	claim_sent(c->w, c->claim, f->via, &f->path.peer, ruri);
	b->counted = b->waiting = true;
	region_setup_begin(live(b), worker_now(c->w));
	expect_first(b);
	return true;
}

bool branch_start(struct call *c, const struct sip_msg *invite, unsigned region)
{
	const struct table *table = c->table;
	struct table_want want = {c->w->common->egress_families, c->secure, targets_tried(c, region)};
	struct target_place place;
	struct sip_path next = {.socket = 0};
	struct forward f;
	char ruri[512];
	int target = table_pick_target(table, region, &want, worker_now(c->w), &place);
	if (target < 0)
		return false;
	forward_to_target(c->w, table->regions[region].targets[target], &place, &next);
	return forward_prepare(c->w, invite, &next, c->attempts_before + c->n_branches + 1u, &f) &&
	       write_ruri(c, invite, table->regions[region].targets[target], ruri, sizeof ruri) &&
	       start(c, invite, region, (unsigned)target, &f, ruri);
}

/* Which target has this address. */
static int find_target(const struct table *table, const struct addr *peer, unsigned *target)
{
	struct addr a;
	for (unsigned i = 0; i < table->n_regions; i++)
		for (unsigned k = 0; k < table->regions[i].n_targets; k++)
			if (target_address(table->regions[i].targets[k], &a) && addr_equal(&a, peer)) {
				*target = k;
				return (int)i;
			}
	return -1;
}

int branch_start_again(struct call *c, const struct sip_msg *invite, const struct proxy_sent *sent)
{
	struct forward f = {.path = {.transport = SIP_UDP}};
	const char *branch = strstr(sent->via, ";branch=");
	unsigned target;
	uint8_t attempt;
	int region = addr_parse_port(&f.path.peer, sent->peer) ? -1 : find_target(c->table, &f.path.peer, &target);
	if (region < 0 || !branch || !adopt_socket(c->w, sent->via, &f.path.peer, &f.path.socket) ||
	    !branch_verify(c->w->signer, branch + 8, invite->call_id, invite->cseq, invite->via.branch ? invite->via.branch : "",
	                   invite->via.host, &attempt))
		return -1;
	snprintf(f.branch, sizeof f.branch, "%s", branch + 8);
	snprintf(f.via, sizeof f.via, "%s", sent->via);
	if (!start(c, invite, (unsigned)region, target, &f, sent->uri))
		return -1;
	c->attempts_before = (uint8_t)(attempt ? attempt - 1 : 0);
	return region;
}

bool branch_start_to(struct call *c, const struct sip_msg *invite, const struct forward *f, struct sip_forward *sf)
{
	return send_invite(c, add_branch(c, UINT8_MAX, 0), invite, f, sf);
}

void branch_give_up(struct branch *b)
{
	if (b->given_up || b->over || !b->txn)
		return;
	b->given_up = true;
	timer_stop(b->call->w->wheel, &b->timer);
	txn_client_cancel(&b->call->w->txns, b->txn);
}

void branch_elsewhere(struct branch *b)
{
	if (b->over || !b->txn)
		return;
	txn_client_reason(b->txn, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
	branch_give_up(b);
}
