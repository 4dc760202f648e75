/* What is announced to whom. See speaker.h; the anycast thread owns it.
 *
 * One wish a prefix for all (`want`), and for each peer what it has been sent (`sent`, its
 * Adj-RIB-Out). speaker_flush() sends the difference and nothing else, so an UPDATE without a change
 * cannot happen. While a peer has not taken the bytes of the last round no other is written: its
 * buffer holds one round at most, and what changed meanwhile goes out as one. */
#include "anycast/speaker.h"

#include <errno.h>
#include <stddef.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anycast/bgp_session.h"
#include "anycast/bgp_tcp.h"
#include "anycast/rib.h"
#include "base/clock.h"
#include "base/log.h"

/* Two families, each: withdrawn, draining, degraded, announced, End-of-RIB, and what brackets a refresh. */
#define ROUND_MAX (10 * BGP_MSG_MAX)
enum { ACCEPTS_A_TURN = 16, STRANGERS_LOGGED_A_MINUTE = 6 };

struct speaker_peer {
	struct speaker *speaker;
	const struct anycast_peer_config *config;
	struct bgp_session *session;
	struct rib *received;
	bool overflowed;                 /* it sent more than `received` keeps */
	uint8_t over_limit;              /* the family with which it went past max_prefixes */
	uint64_t gets;                   /* bit of each prefix that is for it */
	struct anycast_sent_status sent[ANYCAST_PREFIXES_MAX];
	struct anycast_heard_status heard[ANYCAST_PREFIXES_MAX];
	struct timer answer;             /* to its ROUTE-REFRESHes */
	uint8_t again;                   /* families to send whole again, as it asked for */
	uint8_t end_of_rib;              /* families whose first round is not over */
};

struct speaker {
	const struct anycast_config *config;
	struct speaker_env env;
	enum policy_route_action want[ANYCAST_PREFIXES_MAX];
	struct speaker_peer peers[ANYCAST_PEERS_MAX];
	int listener;
	struct event *listener_event;
	struct log_limit strangers;
};

static uint8_t family_bit(int family)
{
	return family == AF_INET6 ? BGP_IPV6 : BGP_IPV4;
}

/* ---- what a peer is to be sent ---- */

#define COMMUNITIES_ROOM (2 * ANYCAST_COMMUNITIES_MAX + 1)

static void add_community(struct bgp_attrs *a, uint32_t *room, uint32_t community)
{
	for (unsigned i = 0; i < a->n_communities; i++) {
		if (room[i] == community)
			return;
	}
	room[a->n_communities++] = community;
}

/* Worse than any node that is fit: in the one figure that all compare (to an internal peer in LOCAL_PREF first), and where the peer's profile has it,
 * in the path and in communities for its policy. A drain is the worst, and says so (RFC 8326). */
static void make_worse(const struct anycast_peer_config *c, bool drain, struct bgp_attrs *a, uint32_t *room)
{
	const struct anycast_degrade_config *d = &c->degrade;
	uint64_t med = (uint64_t)a->med + d->med * (drain ? 2ULL : 1ULL);

	a->local_pref = drain ? BGP_LOCAL_PREF_DRAINING : BGP_LOCAL_PREF_DEGRADED;
	a->has_med = true;
	a->med = med > UINT32_MAX ? UINT32_MAX : (uint32_t)med;
	if (c->profile == ANYCAST_GENERIC) {
		a->prepend = (uint8_t)(a->prepend + d->prepend);
		for (unsigned i = 0; i < d->n_communities; i++)
			add_community(a, room, d->communities[i]);
	}
	if (drain)
		add_community(a, room, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
}

/* `room` holds the communities as long as the attributes are used. */
static struct bgp_attrs attrs_of(const struct speaker_peer *p, enum policy_route_action action, const struct addr *hop,
                                 uint32_t room[COMMUNITIES_ROOM])
{
	const struct anycast_peer_config *c = p->config;
	const struct bgp_terms *terms = bgp_session_terms(p->session);
	struct bgp_attrs a = {
		.local_as = c->local_as, .internal = terms->internal, .local_pref = BGP_LOCAL_PREF, .as4 = terms->as4, .prepend = c->prepend,
		.has_med = c->has_med, .med = c->has_med ? c->med : 0, .communities = room,
		.large = c->large_communities, .n_large = c->n_large_communities, .next_hop = *hop,
	};

	for (unsigned i = 0; i < c->n_communities; i++)
		add_community(&a, room, c->communities[i]);
	if (action != POLICY_ROUTE_ANNOUNCE)
		make_worse(c, action == POLICY_ROUTE_DRAIN, &a, room);
	return a;
}

static bool own_hop(const struct speaker_peer *p, int family, struct addr *out)
{
	const struct addr *local = &bgp_session_terms(p->session)->local;

	for (unsigned i = 0; i < p->config->n_next_hop; i++) {
		if (addr_family(&p->config->next_hop[i]) == family) {
			*out = p->config->next_hop[i];
			return true;
		}
	}
	if (addr_family(local) == family) {
		*out = *local;
		return true;
	}
	return p->speaker->env.next_hop(p->speaker->env.arg, local, family, out);
}

/* Without a next hop of the family nothing of it can be announced. */
static bool next_hop(struct speaker_peer *p, int family, struct addr *out)
{
	char text[ADDR_STR_LEN];

	if (own_hop(p, family, out))
		return true;
	bgp_session_warn(p->session, "no %s prefix is announced to it: the link of %s has no %s address for a next hop; "
	                 "add one, or next_hop to this peer",
	                 family == AF_INET6 ? "IPv6" : "IPv4",
	                 addr_host_str(&bgp_session_terms(p->session)->local, text),
	                 family == AF_INET6 ? "global IPv6" : "IPv4");
	return false;
}

/* The prefixes of one family that the peer has to hear of with this action; they count as sent. */
static unsigned take_due(struct speaker_peer *p, int family, enum policy_route_action action, bool may_announce,
                         struct prefix out[ANYCAST_PREFIXES_MAX])
{
	const struct speaker *s = p->speaker;
	bool again = p->again & family_bit(family) && action != POLICY_ROUTE_WITHDRAW;
	unsigned n = 0;

	for (unsigned i = 0; i < s->config->n_prefixes; i++) {
		enum policy_route_action want = may_announce && p->gets >> i & 1 ? s->want[i] : POLICY_ROUTE_WITHDRAW;

		if (s->config->prefixes[i].prefix.family != family || want != action)
			continue;
		if (p->sent[i].action == action && !again)
			continue;
		if (p->sent[i].action != action)
			p->sent[i] = (struct anycast_sent_status){action, clock_wall_us()};
		out[n++] = s->config->prefixes[i].prefix;
	}
	return n;
}

static bool wanted(const struct speaker_peer *p, int family)
{
	const struct speaker *s = p->speaker;

	for (unsigned i = 0; i < s->config->n_prefixes; i++) {
		if (p->gets >> i & 1 && s->config->prefixes[i].prefix.family == family &&
		    s->want[i] != POLICY_ROUTE_WITHDRAW)
			return true;
	}
	return false;
}

static unsigned write_family(struct speaker_peer *p, int family, struct writer *w)
{
	struct prefix due[ANYCAST_PREFIXES_MAX];
	struct addr hop;
	bool may_announce = wanted(p, family) && next_hop(p, family, &hop);
	bool bracket = p->again & family_bit(family) && bgp_session_terms(p->session)->enhanced_refresh;
	unsigned updates = 0;

	if (bracket)  /* RFC 7313: what is not between the two is gone */
		bgp_msg_write_refresh(w, family_bit(family), BGP_REFRESH_BEGIN);
	for (int action = POLICY_ROUTE_WITHDRAW; action <= POLICY_ROUTE_ANNOUNCE; action++) {
		unsigned n = take_due(p, family, action, may_announce, due);

		if (n == 0)
			continue;
		updates++;
		if (action == POLICY_ROUTE_WITHDRAW) {
			bgp_update_write_withdraw(w, due, n);
		} else {
			uint32_t communities[COMMUNITIES_ROOM];
			struct bgp_attrs attrs = attrs_of(p, action, &hop, communities);

			bgp_update_write_announce(w, &attrs, due, n);
		}
	}
	if (bracket) {
		bgp_msg_write_refresh(w, family_bit(family), BGP_REFRESH_END);
		updates += 2;
	}
	p->again &= (uint8_t)~family_bit(family);
	if (p->end_of_rib & family_bit(family)) {
		bgp_update_write_end_of_rib(w, family_bit(family));
		p->end_of_rib &= (uint8_t)~family_bit(family);
		updates++;
	}
	return updates;
}

static void flush(struct speaker_peer *p)
{
	static const int families[] = {AF_INET, AF_INET6};
	uint8_t buf[ROUND_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	unsigned updates = 0;

	if (!bgp_session_established(p->session) || bgp_session_unsent(p->session) > 0)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (bgp_session_terms(p->session)->families & family_bit(families[i]))
			updates += write_family(p, families[i], &w);
	}
	if (updates == 0)
		return;
	bgp_session_send(p->session, buf, writer_len(&w), updates);
	p->speaker->env.changed(p->speaker->env.arg);
}

void speaker_route(struct speaker *s, unsigned prefix, enum policy_route_action action)
{
	if (s->want[prefix] == action)
		return;
	s->want[prefix] = action;
	for (unsigned i = 0; i < s->config->n_peers; i++)
		flush(&s->peers[i]);
}

void speaker_check(struct speaker *s)
{
	for (unsigned i = 0; i < s->config->n_peers; i++)
		flush(&s->peers[i]);
}

/* ---- what a session tells ---- */

static void forget(struct speaker_peer *p)
{
	memset(p->sent, 0, sizeof p->sent);
	memset(p->heard, 0, sizeof p->heard);
	rib_clear(p->received);
	p->overflowed = false;
}

static void on_up(void *arg)
{
	struct speaker_peer *p = arg;

	forget(p);
	p->again = 0;
	p->end_of_rib = bgp_session_terms(p->session)->families;
	flush(p);
}

static void on_down(void *arg)
{
	forget(arg);
}

static void on_drained(void *arg)
{
	flush(arg);
}

/* RFC 7313: after it begins to send all again, what does not come is gone. For what is only counted it is
 * enough to forget all at the beginning. */
static void forget_family(struct speaker_peer *p, uint8_t family)
{
	rib_clear_family(p->received, family == BGP_IPV6 ? AF_INET6 : AF_INET);
	for (unsigned i = 0; i < p->speaker->config->n_prefixes; i++) {
		if (family_bit(p->speaker->config->prefixes[i].prefix.family) == family)
			memset(&p->heard[i], 0, sizeof p->heard[i]);
	}
}

static void on_answer(struct timer *timer)
{
	struct speaker_peer *p = (struct speaker_peer *)(void *)((char *)timer - offsetof(struct speaker_peer, answer));

	if (bgp_session_established(p->session))
		flush(p);
}

static void on_refresh(void *arg, uint8_t family, enum bgp_refresh subtype)
{
	struct speaker_peer *p = arg;

	if (subtype == BGP_REFRESH_BEGIN)
		forget_family(p, family);
	if (subtype != BGP_REFRESH_REQUEST)
		return;
	p->again |= family & bgp_session_terms(p->session)->families;
	if (!timer_running(&p->answer))  /* one answer to all that one turn has read: a flood of them costs no more */
		sched_start(p->speaker->env.sched, &p->answer, on_answer, 0);
}

/* ---- what a peer sends ---- */

/* Is it a route to one of our prefixes, by another node? The router's best only, and not ours come back. */
static void hear(struct speaker_peer *p, const struct prefix *prefix, const struct bgp_update *u, bool reachable)
{
	const struct addr *hop = prefix->family == AF_INET && addr_family(&u->next_hop) ? &u->next_hop : &u->mp_next_hop;
	const struct anycast_config *c = p->speaker->config;
	struct addr ours;

	for (unsigned i = 0; i < c->n_prefixes; i++) {
		if (!prefix_equal(&c->prefixes[i].prefix, prefix))
			continue;
		if (reachable && own_hop(p, prefix->family, &ours) && addr_same_host(&ours, hop))
			reachable = false;
		memset(&p->heard[i], 0, sizeof p->heard[i]);
		if (reachable)
			p->heard[i] = (struct anycast_heard_status){
				.heard = true, .draining = u->graceful_shutdown, .next_hop = *hop,
				.origin_as = u->origin_as ? u->origin_as : p->config->as, .path_len = u->path_len,
				.has_med = u->has_med, .med = u->med};
		return;
	}
}

static void count_prefix(struct speaker_peer *p, const struct prefix *prefix, uint8_t family)
{
	if (rib_add(p->received, prefix) && !p->overflowed) {
		p->overflowed = true;
		bgp_session_warn(p->session, "it sends more than %u prefixes, the others are not counted: nothing of "
		                 "what it sends is used, it need not send any", RIB_MAX);
	}
	if (p->config->max_prefixes && rib_count_family(p->received, prefix->family) > p->config->max_prefixes)
		p->over_limit = family;
}

static void take_prefixes(struct speaker_peer *p, const struct bgp_update *u, struct reader r, uint8_t family,
                          bool reachable)
{
	struct prefix prefix;

	if (!(family & bgp_session_terms(p->session)->families))
		return;
	while (!p->over_limit && bgp_update_next_prefix(&r, family, &prefix)) {
		hear(p, &prefix, u, reachable);
		if (reachable)
			count_prefix(p, &prefix, family);
		else
			rib_remove(p->received, &prefix);
	}
}

static void on_update(void *arg, const struct bgp_update *u)
{
	struct speaker_peer *p = arg;
	struct bgp_error error;

	p->over_limit = 0;
	take_prefixes(p, u, u->withdrawn, BGP_IPV4, false);
	take_prefixes(p, u, u->mp_withdrawn, u->mp_withdrawn_family, false);
	take_prefixes(p, u, u->reachable, BGP_IPV4, !u->treat_as_withdraw);
	take_prefixes(p, u, u->mp_reachable, u->mp_reachable_family, !u->treat_as_withdraw);
	if (!p->over_limit)
		return;
	bgp_session_warn(p->session, "it sends more than the %u prefixes that max_prefixes allows of a family: session ended; tandem "
	                 "uses none of them, have it send fewer", p->config->max_prefixes);
	bgp_msg_cease_prefixes(&error, p->over_limit, p->config->max_prefixes);
	bgp_session_reset(p->session, &error);  /* last: it is the connection we are called from */
}

static void on_changed(void *arg)
{
	struct speaker_peer *p = arg;

	p->speaker->env.changed(p->speaker->env.arg);
}

/* ---- the listener ---- */

static struct speaker_peer *peer_at(struct speaker *s, const struct addr *from)
{
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		if (addr_same_host(&s->config->peers[i].address, from))
			return &s->peers[i];
	}
	return NULL;
}

static void take_connection(struct speaker *s, int fd, const struct addr *from)
{
	struct speaker_peer *p = peer_at(s, from);
	char text[ADDR_STR_LEN];
	uint64_t suppressed;
	struct err err;

	if (p && bgp_tcp_adopt(fd, p->config, &err) == 0) {
		bgp_session_accept(p->session, fd);
		return;
	}
	close(fd);
	if (p)
		bgp_session_warn(p->session, "%s", err.text);
	else if (log_allowed(&s->strangers, STRANGERS_LOGGED_A_MINUTE, &suppressed))
		log_warn("bgp: %s is no peer of ours: its connection is closed (%llu more were)", addr_str(from, text),
		         (unsigned long long)suppressed);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct addr from;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int peer_fd = bgp_tcp_accept(fd, &from);

		if (peer_fd < 0)
			return;
		take_connection(arg, peer_fd, &from);
	}
}

/* ---- life ---- */

static uint64_t prefixes_for(const struct anycast_config *config, const struct anycast_peer_config *peer)
{
	uint64_t gets = 0;

	for (unsigned i = 0; i < config->n_prefixes; i++) {
		gets |= (uint64_t)(config->prefixes[i].role != ANYCAST_SERVICE) << i;
		for (unsigned k = 0; k < peer->n_prefixes; k++)
			gets |= (uint64_t)prefix_equal(&config->prefixes[i].prefix, &peer->prefixes[k]) << i;
	}
	return peer->n_prefixes ? gets : UINT64_MAX;
}

static uint8_t families_of(const struct anycast_config *config)
{
	uint8_t families = 0;

	for (unsigned i = 0; i < config->n_prefixes; i++)
		families |= family_bit(config->prefixes[i].prefix.family);
	return families ? families : BGP_IPV4;
}

static int add_peers(struct speaker *s)
{
	static const struct bgp_session_ops ops = {.up = on_up, .down = on_down, .update = on_update,
	                                           .refresh = on_refresh, .drained = on_drained, .changed = on_changed};
	struct bgp_session_env env = {
		.sched = s->env.sched, .base = s->env.base, .router_id = s->config->router_id,
		.families = families_of(s->config), .connect = s->env.connect, .ops = &ops,
	};

	for (unsigned i = 0; i < s->config->n_peers; i++) {
		struct speaker_peer *p = &s->peers[i];

		p->speaker = s;
		p->config = &s->config->peers[i];
		p->gets = prefixes_for(s->config, p->config);
		env.arg = p;
		p->received = rib_new();
		p->session = bgp_session_new(p->config, &env);
		if (!p->received || !p->session)
			return -ENOMEM;
	}
	return 0;
}

static int open_listener(struct speaker *s, struct err *err)
{
	if (addr_family(&s->config->listen) == 0)
		return 0;
	s->listener = bgp_tcp_listen(&s->config->listen, s->config->peers, s->config->n_peers, err);
	if (s->listener < 0)
		return s->listener;
	s->listener_event = event_new(s->env.base, s->listener, EV_READ | EV_PERSIST, on_connection, s);
	return s->listener_event ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct speaker *speaker_new(const struct anycast_config *config, const struct speaker_env *env, struct err *err)
{
	struct speaker *s = calloc(1, sizeof *s);
	int rc;

	if (!s) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	s->config = config;
	s->env = *env;
	s->listener = -1;
	rc = add_peers(s) ? err_set(err, ENOMEM, "out of memory") : open_listener(s, err);
	if (!rc)
		return s;
	speaker_free(s);
	return NULL;
}

void speaker_free(struct speaker *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		sched_stop(s->env.sched, &s->peers[i].answer);
		bgp_session_free(s->peers[i].session);
		rib_free(s->peers[i].received);
	}
	if (s->listener_event)
		event_free(s->listener_event);
	if (s->listener >= 0)
		close(s->listener);
	free(s);
}

void speaker_start(struct speaker *s)
{
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		const struct anycast_bfd_config *bfd = &s->config->peers[i].bfd;

		if (!bfd->enabled || !bfd->strict)
			bgp_session_start(s->peers[i].session);
	}
	if (s->listener_event)
		event_add(s->listener_event, NULL);
}

void speaker_allow(struct speaker *s, unsigned peer)
{
	bgp_session_start(s->peers[peer].session);
}

void speaker_forbid(struct speaker *s, unsigned peer, const char *why)
{
	bgp_session_bfd_down(s->peers[peer].session, why);
}

void speaker_stop(struct speaker *s, const char *text)
{
	if (s->listener_event)
		event_del(s->listener_event);
	for (unsigned i = 0; i < s->config->n_peers; i++)
		bgp_session_stop(s->peers[i].session, text);
}

size_t speaker_unsent(const struct speaker *s)
{
	size_t unsent = 0;

	for (unsigned i = 0; i < s->config->n_peers; i++)
		unsent += bgp_session_unsent(s->peers[i].session);
	return unsent;
}

/* Worse by as much as we would make ours: its node finds the same fault, and is no reason for us to go. */
static bool heard_worse(const struct speaker_peer *p, const struct anycast_heard_status *h)
{
	const struct anycast_peer_config *c = p->config;

	return c->degrade.med && h->has_med && h->med >= (c->has_med ? c->med : 0) + (uint64_t)c->degrade.med;
}

bool speaker_others(const struct speaker *s, unsigned prefix)
{
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		const struct anycast_heard_status *h = &s->peers[i].heard[prefix];
		if (h->heard && !h->draining && !heard_worse(&s->peers[i], h))
			return true;
	}
	return false;
}

static void prefix_status(const struct speaker *s, unsigned k, struct anycast_prefix_status *out)
{
	out->peers_announced = 0;
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		out->sent[i] = s->peers[i].sent[k];
		out->heard[i] = s->peers[i].heard[k];
		out->peers_announced += out->sent[i].action != POLICY_ROUTE_WITHDRAW;
	}
}

void speaker_status(const struct speaker *s, struct anycast_status *out)
{
	out->n_peers = s->config->n_peers;
	for (unsigned k = 0; k < s->config->n_prefixes; k++)
		prefix_status(s, k, &out->prefixes[k]);
	for (unsigned i = 0; i < s->config->n_peers; i++) {
		bgp_session_status(s->peers[i].session, &out->peers[i]);
		out->peers[i].prefixes_received = rib_count(s->peers[i].received);
		for (unsigned k = 0; k < s->config->n_prefixes; k++)
			out->peers[i].prefixes_announced += s->peers[i].sent[k].action != POLICY_ROUTE_WITHDRAW;
	}
}
