/* The route: prefixes, peers, and the operator's orders. An order is carried out on the anycast
 * thread; the answer says that it was given, /v1/anycast what came of it. */
#include <errno.h>
#include <stdio.h>

#include "admin/api.h"
#include "anycast/anycast.h"

static const char *const action_words[] = {"withdraw", "drain", "degrade", "announce", NULL};
static const char *const role_words[] = {"service", "egress", "backup", NULL};
static const char *const order_words[] = {"auto", "withdraw", "announce", NULL};

static const char *const others_words[] = {"not known", "none", "some", NULL};
static const char *const profile_words[] = {"generic", "cloud-router", NULL};

static const struct field sent_fields[] = {
	FIELD("peer", STRING, "its name"),
	FIELD("action", STRING, "as what it has been sent the prefix; withdraw: not", .words = action_words),
	FIELD("since", STRING, "null: never", .format = "date-time", .nullable = true),
	FIELD_END
};
static const struct schema schema_sent = {"AnycastSent", "What a peer has been sent of a prefix", sent_fields};

static const struct field heard_fields[] = {
	FIELD("peer", STRING, "who told us of it"),
	FIELD("next_hop", STRING, "the other node, or the peer itself"),
	FIELD("origin_as", INTEGER, "the last AS of its path"),
	FIELD("path_length", INTEGER, ""),
	FIELD("med", INTEGER, "", .nullable = true),
	FIELD("draining", BOOLEAN, "with the community 65535:0 (RFC 8326)"),
	FIELD_END
};
static const struct schema schema_heard = {"AnycastHeard", "A route to the prefix by another node", heard_fields};

static const struct field prefix_fields[] = {
	FIELD("prefix", STRING, ""),
	FIELD("role", STRING, "service: calls come by it; egress: answers to this node; backup: those to another node, should it be "
	      "dead", .words = role_words),
	FIELD("action", STRING, "what the gate decided", .words = action_words),
	FIELD("reason", STRING, "why"),
	FIELD("order", STRING, "what the operator said; auto: the gate decides", .words = order_words),
	FIELD("since", STRING, "of the action", .format = "date-time", .nullable = true),
	FIELD("address_present", BOOLEAN, "the prefix's address is on this host"),
	FIELD("peers_announced", INTEGER, "peers that have been sent it"),
	FIELD("changes_total", INTEGER, "of the action, since the start"),
	FIELD("other_nodes", STRING, "whether others announce it and are fit", .words = others_words),
	FIELD("sent", ARRAY, "to each peer", .of = &schema_sent),
	FIELD("heard", ARRAY, "from peers that prefer another node's route", .of = &schema_heard),
	FIELD_END
};
static const struct schema schema_prefix = {"AnycastPrefix", "An anycast prefix", prefix_fields};

static const struct field anycast_fields[] = {
	FIELD("configured", BOOLEAN, "whether there is an anycast section at all"),
	FIELD("prefixes", ARRAY, "in the configuration's order", .of = &schema_prefix),
	FIELD("peers", INTEGER, "how many are configured"),
	FIELD("peers_established", INTEGER, "how many sessions are up"),
	FIELD_END
};
const struct schema schema_anycast = {"Anycast", "The anycast prefixes", anycast_fields};

static const char *const bfd_words[] = {"AdminDown", "Down", "Init", "Up", NULL};

static const struct field bfd_fields[] = {
	FIELD("state", STRING, "of our end, in the words of RFC 5880", .words = bfd_words),
	FIELD("remote_state", STRING, "of the peer's end; null: nothing heard of it", .nullable = true),
	FIELD("state_since", STRING, "", .format = "date-time", .nullable = true),
	FIELD("diagnostic", STRING, "why our end last left Up"),
	FIELD("remote_diagnostic", STRING, "the same of the peer's end"),
	FIELD("interval_ms", NUMBER, "between packets that are sent, without their jitter"),
	FIELD("detection_ms", NUMBER, "silence of the peer that is a failure; 0: nothing heard yet"),
	FIELD("remote_multiplier", INTEGER, ""),
	FIELD("holds_bgp", BOOLEAN, "BGP may not come up because of it"),
	FIELD("packets_in", INTEGER, ""),
	FIELD("packets_out", INTEGER, ""),
	FIELD("packets_discarded", INTEGER, "from its address, but malformed, from too far, or of another session"),
	FIELD("up_total", INTEGER, "how often it came up"),
	FIELD("down_total", INTEGER, "how often it went down after that"),
	FIELD_END
};
static const struct schema schema_bfd = {"Bfd", "BFD with a peer", bfd_fields};

static const struct field peer_fields[] = {
	FIELD("name", STRING, ""),
	FIELD("address", STRING, ""),
	FIELD("local_address", STRING, "our end; null unless Established", .nullable = true),
	FIELD("as", INTEGER, "the peer's autonomous system"),
	FIELD("local_as", INTEGER, "ours towards it"),
	FIELD("router_id", STRING, "its BGP Identifier; null unless Established", .nullable = true),
	FIELD("profile", STRING, "how it is told of a worse route", .words = profile_words),
	FIELD("families", ARRAY, "agreed: ipv4, ipv6"),
	FIELD("capabilities", ARRAY, "of the peer: as4, route-refresh, enhanced-refresh, extended-messages, graceful-restart"),
	FIELD("state", STRING, "of the session, in the words of RFC 4271"),
	FIELD("state_since", STRING, "", .format = "date-time", .nullable = true),
	FIELD("hold_ms", INTEGER, "negotiated; 0 unless Established"),
	FIELD("keepalive_ms", INTEGER, "negotiated; 0 unless Established"),
	FIELD("hold_left_ms", INTEGER, "until the session is given up, if nothing comes; 0: that timer does not run"),
	FIELD("retry_in_ms", INTEGER, "until the next attempt; 0: none is waited for"),
	FIELD("messages_in", INTEGER, ""),
	FIELD("messages_out", INTEGER, ""),
	FIELD("updates_in", INTEGER, ""),
	FIELD("updates_out", INTEGER, ""),
	FIELD("established_total", INTEGER, "how often the session came up"),
	FIELD("prefixes_announced", INTEGER, "sent to it"),
	FIELD("prefixes_received", INTEGER, "by it; tandem uses none of them"),
	FIELD("prefixes_max", INTEGER, "that it may send; 0: any number"),
	FIELD("refreshes_in", INTEGER, "ROUTE-REFRESHes that it asked for"),
	FIELD("updates_withdrawn", INTEGER, "UPDATEs with a malformed attribute, taken as withdrawals (RFC 7606)"),
	FIELD("last_error", STRING, "with what the peer said", .nullable = true),
	FIELD("last_error_at", STRING, "", .format = "date-time", .nullable = true),
	FIELD("bfd", OBJECT, "null: none with this peer", .of = &schema_bfd, .nullable = true),
	FIELD_END
};
static const struct schema schema_peer = {"Peer", "A BGP peer", peer_fields};

static const struct field peers_fields[] = {
	FIELD("peers", ARRAY, "in the configuration's order", .of = &schema_peer),
	FIELD_END
};
const struct schema schema_peers = {"Peers", "The BGP peers", peers_fields};

static const struct field order_request_fields[] = {
	FIELD("prefix", STRING, "as in /v1/anycast; absent or null: all", .optional = true, .nullable = true),
	FIELD_END
};
const struct schema schema_order_request = {"AnycastOrderRequest", "Which prefix; no body: all", order_request_fields};

static const struct field order_fields[] = {
	FIELD("order", STRING, "in force from now on", .words = order_words),
	FIELD("prefix", STRING, "null: all", .nullable = true),
	FIELD_END
};
const struct schema schema_order = {"AnycastOrder", "The order that was given", order_fields};

/* ---- reading ---- */

static void sent_json(struct jw *w, const struct anycast_status *s, const struct anycast_prefix_status *p)
{
	jw_key(w, "sent");
	jw_array(w);
	for (unsigned i = 0; i < s->n_peers; i++) {
		jw_object(w);
		jw_kstr(w, "peer", s->peers[i].name);
		jw_kstr(w, "action", policy_route_action_str(p->sent[i].action));
		api_time(w, "since", p->sent[i].since_wall_us);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void heard_json(struct jw *w, const struct anycast_status *s, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];

	jw_key(w, "heard");
	jw_array(w);
	for (unsigned i = 0; i < s->n_peers; i++) {
		const struct anycast_heard_status *h = &p->heard[i];

		if (!h->heard)
			continue;
		jw_object(w);
		jw_kstr(w, "peer", s->peers[i].name);
		jw_kstr(w, "next_hop", addr_host_str(&h->next_hop, buf));
		jw_kuint(w, "origin_as", h->origin_as);
		jw_kuint(w, "path_length", h->path_len);
		jw_key(w, "med");
		if (h->has_med)
			jw_uint(w, h->med);
		else
			jw_null(w);
		jw_kbool(w, "draining", h->draining);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void prefix_json(struct jw *w, const struct anycast_status *s, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];

	jw_object(w);
	jw_kstr(w, "prefix", prefix_str(&p->prefix, buf));
	jw_kstr(w, "role", anycast_role_str(p->role));
	jw_kstr(w, "action", policy_route_action_str(p->action));
	jw_kstr(w, "reason", p->reason);
	jw_kstr(w, "order", policy_route_order_str(p->order));
	api_time(w, "since", p->since_wall_us);
	jw_kbool(w, "address_present", p->address_present);
	jw_kuint(w, "peers_announced", p->peers_announced);
	jw_kuint(w, "changes_total", p->changes);
	jw_kstr(w, "other_nodes", others_words[p->others]);
	sent_json(w, s, p);
	heard_json(w, s, p);
	jw_object_end(w);
}

static void bfd_json(struct jw *w, const struct anycast_bfd_status *b)
{
	jw_key(w, "bfd");
	if (!b->state) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kstr(w, "state", b->state);
	jw_kstr(w, "remote_state", b->remote_state);
	api_time(w, "state_since", b->state_since_wall_us);
	jw_kstr(w, "diagnostic", b->diagnostic);
	jw_kstr(w, "remote_diagnostic", b->remote_diagnostic);
	jw_kdouble(w, "interval_ms", b->tx_interval_us / 1000.0, 3);
	jw_kdouble(w, "detection_ms", (double)b->detection_us / 1000.0, 3);
	jw_kuint(w, "remote_multiplier", b->remote_multiplier);
	jw_kbool(w, "holds_bgp", b->holds_bgp);
	jw_kuint(w, "packets_in", b->packets_in);
	jw_kuint(w, "packets_out", b->packets_out);
	jw_kuint(w, "packets_discarded", b->packets_discarded);
	jw_kuint(w, "up_total", b->up_count);
	jw_kuint(w, "down_total", b->down_count);
	jw_object_end(w);
}

static void words_json(struct jw *w, const char *key, const char *const *words, const bool *have, unsigned n)
{
	jw_key(w, key);
	jw_array(w);
	for (unsigned i = 0; i < n; i++)
		if (have[i])
			jw_str(w, words[i]);
	jw_array_end(w);
}

static void peer_offers_json(struct jw *w, const struct anycast_peer_status *p)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	static const char *const offers[] = {"as4", "route-refresh", "enhanced-refresh", "extended-messages",
	                                     "graceful-restart"};
	const bool agreed[] = {p->ipv4, p->ipv6};
	const bool offered[] = {p->as4, p->refresh, p->enhanced_refresh, p->extended, p->graceful_restart};
	char buf[16];

	snprintf(buf, sizeof buf, "%u.%u.%u.%u", p->router_id >> 24, p->router_id >> 16 & 255, p->router_id >> 8 & 255,
	         p->router_id & 255);
	jw_kstr(w, "router_id", p->router_id ? buf : NULL);
	jw_kstr(w, "profile", profile_words[p->profile]);
	words_json(w, "families", families, agreed, 2);
	words_json(w, "capabilities", offers, offered, 5);
}

static void peer_json(struct jw *w, const struct anycast_peer_status *p)
{
	char buf[ADDR_STR_LEN];

	jw_object(w);
	jw_kstr(w, "name", p->name);
	jw_kstr(w, "address", addr_host_str(&p->address, buf));
	jw_kstr(w, "local_address", addr_family(&p->local) ? addr_host_str(&p->local, buf) : NULL);
	jw_kuint(w, "as", p->as);
	jw_kuint(w, "local_as", p->local_as);
	peer_offers_json(w, p);
	jw_kstr(w, "state", p->state);
	api_time(w, "state_since", p->state_since_wall_us);
	jw_kuint(w, "hold_ms", p->hold_ms);
	jw_kuint(w, "keepalive_ms", p->keepalive_ms);
	jw_kuint(w, "hold_left_ms", p->hold_left_ms);
	jw_kuint(w, "retry_in_ms", p->retry_in_ms);
	jw_kuint(w, "messages_in", p->messages_in);
	jw_kuint(w, "messages_out", p->messages_out);
	jw_kuint(w, "updates_in", p->updates_in);
	jw_kuint(w, "updates_out", p->updates_out);
	jw_kuint(w, "established_total", p->established_count);
	jw_kuint(w, "prefixes_announced", p->prefixes_announced);
	jw_kuint(w, "prefixes_received", p->prefixes_received);
	jw_kuint(w, "prefixes_max", p->prefixes_max);
	jw_kuint(w, "refreshes_in", p->refreshes_in);
	jw_kuint(w, "updates_withdrawn", p->withdrawn_for_errors);
	jw_kstr(w, "last_error", p->last_error[0] ? p->last_error : NULL);
	api_time(w, "last_error_at", p->last_error[0] ? p->last_error_wall_us : 0);
	bfd_json(w, &p->bfd);
	jw_object_end(w);
}

/* Empty without an anycast section. */
static void status_of(const struct api_call *call, struct anycast_status *status)
{
	if (call->sources->anycast)
		anycast_status(call->sources->anycast, status);
	else
		*status = (struct anycast_status){0};
}

void api_anycast(struct api_call *call)
{
	struct anycast_status status;
	struct jw *w = api_object(call);
	unsigned established = 0;

	status_of(call, &status);
	jw_kbool(w, "configured", call->sources->anycast != NULL);
	jw_key(w, "prefixes");
	jw_array(w);
	for (unsigned i = 0; i < status.n_prefixes; i++)
		prefix_json(w, &status, &status.prefixes[i]);
	jw_array_end(w);
	for (unsigned i = 0; i < status.n_peers; i++)
		established += strcmp(status.peers[i].state, "Established") == 0;
	jw_kuint(w, "peers", status.n_peers);
	jw_kuint(w, "peers_established", established);
	jw_object_end(w);
}

void api_peers(struct api_call *call)
{
	struct anycast_status status;
	struct jw *w = api_object(call);

	status_of(call, &status);
	jw_key(w, "peers");
	jw_array(w);
	for (unsigned i = 0; i < status.n_peers; i++)
		peer_json(w, &status.peers[i]);
	jw_array_end(w);
	jw_object_end(w);
}

/* ---- orders ---- */

static void order(struct api_call *call, enum policy_route_order what)
{
	const char *text = json_string_value(json_object_get(call->body, "prefix"));
	struct prefix prefix;
	struct jw *w;

	if (!call->sources->anycast) {
		api_problem(call, 409, "this node announces nothing: its configuration has no anycast section");
		return;
	}
	if (text && prefix_parse(&prefix, text) < 0) {
		api_problem(call, 400, "\"prefix\" must be like 203.0.113.10/32 or 2001:db8::1/128, not \"%.60s\"", text);
		return;
	}
	if (anycast_order(call->sources->anycast, text ? &prefix : NULL, what, call->who) < 0) {
		api_problem(call, 404, "%s is not one of this node's prefixes; /v1/anycast lists them", text ? text : "it");
		return;
	}
	w = api_object(call);
	jw_kstr(w, "order", policy_route_order_str(what));
	jw_kstr(w, "prefix", text);
	jw_object_end(w);
}

void api_withdraw(struct api_call *call)
{
	order(call, POLICY_ORDER_WITHDRAW);
}

void api_announce(struct api_call *call)
{
	order(call, POLICY_ORDER_AUTO);
}

void api_force(struct api_call *call)
{
	order(call, POLICY_ORDER_ANNOUNCE);
}
