/* Ingress (RFC 3261 sections 16.3, 16.4, 18.1.2): parse, find the transaction, else check and hand to
 * whoever serves such a request. Nothing is answered to a source that is neither a trunk nor shows a
 * token of ours: an answer would make tandem a reflector, and tell a scanner that it is there. */
#include "proxy/ingress.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "proxy/adopt.h"
#include "proxy/call.h"
#include "proxy/claim.h"
#include "proxy/dialog.h"
#include "proxy/forward.h"
#include "proxy/reply.h"
#include "proxy/self.h"
#include "proxy/sip/header.h"

#define RINGS_US (240 * CLOCK_SEC)   /* as long as a call may ring (timer C), and be answered */

struct arrival {
	struct worker *w;
	const struct sip_msg *msg;
	const struct addr *source;
	struct sip_path path;        /* of the answer */
	int trunk;                   /* -1: the source is none's, or sends from a port that is not its trunk's */
	int side;                    /* by the address alone: which side of a dialog it is */
	struct claim *claim;         /* it can be asked whose it is, and has not been; or NULL */
	const char *key;             /* under which it was claimed, or "" */
	const struct proxy_sent *sent;   /* a dead node has sent it on so; NULL */
	uint32_t flags;              /* of its call: RECORD_... */
};

/* Whether it is to wait until the other nodes have said whose it is. */
static bool waits(struct arrival *a, bool take)
{
	if (!a->claim)
		return false;
	if (claim_ask(a->claim, take))
		return true;
	a->flags |= RECORD_UC;
	return false;
}

/* Nobody calls another node's egress address: what is for it are answers. */
static bool backup_socket(const struct worker *w, const struct sip_path *from)
{
	return from->transport == SIP_UDP && w->common->config.listen[from->socket].backup;
}

/* Another node's, which the network takes for gone. Should it live after all, it has the response too: twice does no
 * harm, never does. */
static void on_others_response(struct worker *w, const struct sip_msg *m, const struct sip_path *from)
{
	const struct proxy_claims *claims = &w->common->claims;
	if (!adopt_response(w, m, from))
		stats_inc(&w->stats, STAT_DROP_TOKEN);
	else if (claims->stray)
		claims->stray(claims->arg, &from->peer, &w->common->config.listen[from->socket].address, m->data, m->len);
}

static void on_response(struct worker *w, const struct sip_msg *m, const struct sip_path *from)
{
	struct txn_client *t = txn_client_find(&w->txns, m);
	if (!t && backup_socket(w, from)) {
		on_others_response(w, m, from);
		return;
	}
	if (!t && worker_now(w) - w->common->started_us < RINGS_US && adopt_response(w, m, from))
		return;  /* of this node's life before, which did not end well */
	if (!t) {
		stats_inc(&w->stats, STAT_DROP_STRAY);
		return;
	}
	stats_inc(&w->stats, STAT_RESP_1XX + (enum stat_counter)(m->status / 100 - 1));
	txn_client_on_response(&w->txns, t, m);
}

static void count_request(struct worker *w, enum sip_method method)
{
	stats_inc(&w->stats, STAT_REQ_INVITE + (enum stat_counter)method);
}

_Static_assert(STAT_REQ_OTHER - STAT_REQ_INVITE == SIP_OTHER, "methods are counted in the order of enum sip_method");

static void refuse(const struct arrival *a, int status, const char *extra)
{
	reply_to(a->w, a->msg, &a->path, a->source, status, extra);
}

/* Section 9.2, and 16.10: the answer to a CANCEL says only that it was understood. It has a transaction of
 * its own, which outlives the INVITE's: one that comes again is answered alike. */
static void on_cancel(struct arrival *a)
{
	struct txn_server *again = txn_server_find(&a->w->txns, a->msg);
	if (again) {
		txn_server_on_request(&a->w->txns, again, a->msg);
		return;
	}
	struct txn_server *t = txn_server_find_cancelled(&a->w->txns, a->msg);
	if (!t) {
		if ((a->trunk >= 0 || table_target_at(a->w->table, a->source)) && waits(a, false))
			return;
		if (a->trunk >= 0)
			refuse(a, 481, "");
		else
			stats_inc(&a->w->stats, STAT_DROP_SOURCE);
		return;
	}
	count_request(a->w, SIP_CANCEL);
	struct txn_server *own = txn_server_new(&a->w->txns, a->msg, &a->path, NULL, NULL);
	if (own)
		reply_in(a->w, own, a->msg, a->source, 200, "");
	else
		refuse(a, 200, "");
	if (!txn_server_answered(t) && txn_server_user(t))
		call_cancel(txn_server_user(t), a->msg, a->path.handed ? RECORD_WN : 0);
}

/* Section 16.3 step 5: the answer names what is not supported, unless that is beyond all measure. */
static void refuse_extensions(const struct arrival *a)
{
	char extra[512];
	struct writer w = writer_of(extra, sizeof extra - 3);
	const char *tag;
	write_str(&w, "Unsupported: ");
	for (unsigned i = 0; (tag = sip_msg_proxy_require(a->msg, i)); i++) {
		write_str(&w, i ? ", " : "");
		write_str(&w, tag);
	}
	memcpy(w.p, "\r\n", 3);
	refuse(a, 420, w.bad ? "" : extra);
}

static bool scheme_served(const char *scheme)
{
	return !strcasecmp(scheme, "sip") || !strcasecmp(scheme, "sips") || !strcasecmp(scheme, "tel");
}

/* A trunk's keep-alive, answered here (section 11.2), however few hops are left: nothing that its sender requires
 * (section 8.2.2.3) is served. */
static void answer_options(const struct arrival *a)
{
	char require[480], extra[512];
	bool requires = sip_msg_header(a->msg, "Require", require, sizeof require);
	snprintf(extra, sizeof extra, "Unsupported: %s\r\n", require);
	if (!scheme_served(a->msg->ruri.scheme))
		refuse(a, 416, "");
	else if (sip_msg_proxy_require(a->msg, 0))
		refuse_extensions(a);
	else if (requires)
		refuse(a, 420, strlen(require) < sizeof require - 1 ? extra : "");
	else if (atomic_load(&a->w->common->draining))
		refuse(a, 503, REPLY_RETRY_AFTER REPLY_ALLOW);
	else
		refuse(a, 200, REPLY_ALLOW);
}

/* Section 16.3: what any proxy checks before it forwards. False when the request has been answered. */
static bool sane(const struct arrival *a)
{
	if (a->msg->method == SIP_ACK) {
		bool on = a->msg->max_forwards != 0 && !forward_looped(a->msg);
		if (!on)
			stats_inc(&a->w->stats, STAT_DROP_STRAY_ACK);
		return on;
	}
	if (!scheme_served(a->msg->ruri.scheme))
		refuse(a, 416, "");
	else if (a->msg->max_forwards == 0)
		refuse(a, 483, "");
	else if (forward_looped(a->msg))
		refuse(a, 482, "");
	else if (sip_msg_proxy_require(a->msg, 0))
		refuse_extensions(a);
	else
		return true;
	return false;
}

static void on_new_request(struct arrival *a)
{
	struct worker *w = a->w;
	if (self_asked(w, a->msg, a->source)) {
		refuse(a, 200, "");
		return;
	}
	if (a->trunk < 0) {
		stats_inc(&w->stats, STAT_DROP_SOURCE);
		return;
	}
	if (a->msg->method == SIP_ACK) {
		stats_inc(&w->stats, STAT_DROP_STRAY_ACK);
		return;
	}
	if (a->msg->method == SIP_OPTIONS) {
		count_request(w, SIP_OPTIONS);
		answer_options(a);
		return;
	}
	if (!sane(a))
		return;
	count_request(w, a->msg->method);
	if (a->msg->method != SIP_INVITE)
		refuse(a, 405, REPLY_ALLOW);
	else if (!call_shed(w, a->msg, &a->path, a->source, a->trunk) && !waits(a, true))
		call_begin(w, a->msg, &a->path, a->source, a->trunk, &(struct call_claim){a->flags, a->key, a->sent});
}

static void on_dialog_request(struct arrival *a)
{
	struct dialog_route route;
	switch (dialog_route(a->w, a->msg, &route)) {
	case DIALOG_OURS:
		if (!sane(a) || (a->msg->method == SIP_INVITE && waits(a, true)))
			return;
		count_request(a->w, a->msg->method);
		dialog_request(a->w, a->msg, &a->path, a->source, a->side, &route);
		return;
	case DIALOG_FORGED:
		stats_inc(&a->w->stats, STAT_DROP_TOKEN);
		return;
	case DIALOG_NONE:
		if (a->msg->method == SIP_ACK) {
			if (a->trunk < 0 || !waits(a, false))  /* of a failure that another node answered with */
				stats_inc(&a->w->stats, STAT_DROP_STRAY_ACK);
		} else if (a->trunk < 0) {
			stats_inc(&a->w->stats, STAT_DROP_SOURCE);
		} else {
			refuse(a, 481, "");
		}
	}
}

/* The ACK of what reply_stateless() refused: nothing waits for it. That of an answered call has a Route. */
static bool acknowledges_shed(const struct sip_msg *m)
{
	return m->method == SIP_ACK && !m->routes && !strncmp(m->to_tag, REPLY_STATELESS_TAG, sizeof REPLY_STATELESS_TAG - 1);
}

static void on_request(struct arrival *a)
{
	struct worker *w = a->w;
	if (a->msg->method == SIP_CANCEL) {
		on_cancel(a);
		return;
	}
	if (acknowledges_shed(a->msg)) {
		stats_inc(&w->stats, STAT_DROP_SHED_ACK);
		return;
	}
	struct txn_server *t = txn_server_find(&w->txns, a->msg);
	if (t)
		txn_server_on_request(&w->txns, t, a->msg);
	else if (*a->msg->to_tag)
		on_dialog_request(a);
	else
		on_new_request(a);
}

/* Broken, but answerable: a trunk is told, a stranger is not. */
static void on_broken(const struct arrival *a, int status, const char *why)
{
	if (a->trunk < 0) {
		stats_inc(&a->w->stats, STAT_DROP_SOURCE);
		return;
	}
	struct txn_server *t = a->msg->method == SIP_CANCEL ? NULL : txn_server_find(&a->w->txns, a->msg);
	if (t) {  /* it comes again: one answer in a transaction, not a transaction each time; or it acknowledges that */
		txn_server_on_request(&a->w->txns, t, a->msg);
		return;
	}
	if (a->msg->method == SIP_ACK) {
		stats_inc(&a->w->stats, STAT_DROP_MALFORMED);
		return;
	}
	log_debug("request refused with %d: %s", status, why);
	refuse(a, status, "");
}

/* Beside its address: the port it sends from, which is any where it connects, and the name it shows. */
static bool admitted(const struct trunk_rules *rules, const struct sip_path *from)
{
	if (*trunk_rules_subject(rules) && !from->named)
		return false;
	return from->transport != SIP_UDP || trunk_rules_port(rules, addr_port(&from->peer));
}

static struct arrival arrival_of(struct worker *w, const struct sip_path *from, const struct sip_msg *m)
{
	struct arrival a = {.w = w, .msg = m, .source = &from->peer, .trunk = table_trunk(w->table, &from->peer), .key = ""};
	a.side = a.trunk;
	if (a.trunk >= 0 && !admitted(w->table->trunks[a.trunk].rules, from))
		a.trunk = -1;
	return a;
}

static void on_parsed(struct worker *w, const struct sip_path *from, const struct sip_msg *m, enum sip_parsed parsed,
                      const char *why, struct claim *claim)
{
	struct arrival a = arrival_of(w, from, m);
	a.claim = claim;
	if (parsed == SIP_UNANSWERABLE) {
		stats_inc(&w->stats, a.trunk < 0 && !m->status ? STAT_DROP_SOURCE : STAT_DROP_MALFORMED);
		return;
	}
	if (m->status) {
		on_response(w, m, from);
		return;
	}
	a.path = reply_path(from, m);
	if (m->len > SIP_SERVED_MAX)
		on_broken(&a, 513, "larger than is served");
	else if (parsed != SIP_PARSED)
		on_broken(&a, parsed == SIP_ANSWER_505 ? 505 : 400, why);
	else
		on_request(&a);
}

/* CRLFs of a keep-alive (RFC 5626 section 3.5.1), STUN and other short things. */
static bool too_short(const char *data, size_t len)
{
	while (len && strchr("\r\n \t", *data))
		data++, len--;
	return len < 16;
}

static bool own_egress(const struct worker *w, const struct addr *source)
{
	for (unsigned i = 0; i < w->common->config.n_egress; i++)
		if (addr_same_host(&w->common->config.egress[i], source))
			return true;
	return false;
}

/* Whether what a source that is no trunk's sends could be served at all: a response, what belongs to a transaction
 * whatever it brings, our own probe, or what may show a token, which stands in a Route. A look at the text, so that
 * scanners cost no parsing. */
static bool may_be_served(const struct worker *w, const struct addr *source, const char *data, size_t len)
{
	char route[2];
	while (len && (*data == '\r' || *data == '\n'))
		data++, len--;
	return !strncasecmp(data, "SIP/", 4) || !strncmp(data, "ACK ", 4) || !strncmp(data, "CANCEL ", 7) ||
	       sip_header_find(data, len, "Route", route, sizeof route) || own_egress(w, source);
}

void ingress_message(struct worker *w, const struct sip_path *from, char *data, size_t len)
{
	const struct addr *source = &from->peer;
	struct sip_msg m;
	const char *why;
	if (too_short(data, len)) {
		stats_inc(&w->stats, STAT_DROP_KEEPALIVE);
		return;
	}
	if (backup_socket(w, from) && strncasecmp(data, "SIP/", 4) != 0) {
		stats_inc(&w->stats, STAT_DROP_SOURCE);
		return;
	}
	if (table_trunk(w->table, source) < 0 && !may_be_served(w, source, data, len)) {
		stats_inc(&w->stats, STAT_DROP_SOURCE);
		return;
	}
	struct claim *claim = claim_wanted(w, from, data, len) ? claim_new(w, from, data, len) : NULL;
	if (claim) {
		enum sip_parsed parsed = sip_parse(claim_msg(claim), claim_text(claim), len, &why);
		on_parsed(w, from, claim_msg(claim), parsed, why, claim);
		claim_end(claim);
		return;
	}
	enum sip_parsed parsed = sip_parse(&m, data, len, &why);
	on_parsed(w, from, &m, parsed, why, NULL);
	sip_release(&m);
}

void ingress_claimed(struct worker *w, const struct sip_path *from, struct claim *claim, enum proxy_verdict verdict,
                     const struct proxy_sent *sent)
{
	const struct sip_msg *m = claim_msg(claim);
	struct arrival a = arrival_of(w, from, m);
	a.path = reply_path(from, m);
	a.key = claim_key(claim);
	a.sent = sent;
	a.flags = verdict == PROXY_CLAIM_LATE ? RECORD_UC : verdict == PROXY_CLAIM_ADOPT ? RECORD_AD : 0;
	if (m->method == SIP_CANCEL && verdict == PROXY_CLAIM_ADOPT && a.trunk >= 0 && sent)
		adopt_cancel(w, m, &a.path, a.source, a.trunk, sent);
	else
		on_request(&a);
}
