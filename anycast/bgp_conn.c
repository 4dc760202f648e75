/* One connection with a peer: what the state machine (bgp_fsm.c) says is done here, and what comes
 * from the peer is turned into its events here. The anycast thread.
 *
 * bgp_conn_event() is the only function that changes a state, and it logs old -> event -> new. After
 * it the connection may be closed: whoever calls it from a stream's callback returns at once. */
#include "anycast/bgp_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define HOLD_LARGE (240 * CLOCK_SEC)    /* RFC 4271 section 8.2.2: four minutes */
#define SEND_HOLD_MIN (480 * CLOCK_SEC) /* RFC 9687 section 6 */
/* A session that lasted this long was no failure: the next retry is a fast one again. */
#define STABLE (10 * CLOCK_SEC)

#define CONN_OF(timer, member) ((struct bgp_conn *)((char *)(timer) - offsetof(struct bgp_conn, member)))

struct bgp_conn *bgp_conn_other(struct bgp_conn *c)
{
	return c->ours ? &c->session->theirs : &c->session->ours;
}

/* ---- sending ---- */

static void on_send_hold(struct timer *t)
{
	struct bgp_conn *c = CONN_OF(t, send_hold);

	bgp_session_warn(c->session, "it has not read what we send for minutes: closed (RFC 9687)");
	bgp_conn_event(c, BGP_EV_SEND_HOLD_EXPIRES, NULL);
}

static void start_send_hold(struct bgp_conn *c)
{
	int64_t twice = 2LL * c->hold_ms * CLOCK_MS;

	sched_start(c->session->env.sched, &c->send_hold, on_send_hold, twice > SEND_HOLD_MIN ? twice : SEND_HOLD_MIN);
}

void bgp_conn_send(struct bgp_conn *c, const void *data, size_t len, unsigned messages)
{
	/* no room: a KEEPALIVE or a last word to a peer that does not read; what waits says as much */
	if (!c->stream || bgp_stream_send(c->stream, data, len))
		return;
	c->session->messages_out += messages;
	if (bgp_stream_unsent(c->stream) > 0 && !timer_running(&c->send_hold))
		start_send_hold(c);
}

static void send_open(struct bgp_conn *c)
{
	const struct bgp_session *s = c->session;
	const struct bgp_open open = {
		.as = s->peer->local_as, .router_id = s->env.router_id, .hold_s = (uint16_t)(s->peer->hold_ms / 1000),
		.families = s->env.families, .as4 = true, .refresh = true, .enhanced_refresh = true,
		.extended = true,
	};
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof buf);

	bgp_msg_write_open(&w, &open);
	bgp_conn_send(c, buf, writer_len(&w), 1);
}

static void send_keepalive(struct bgp_conn *c)
{
	uint8_t buf[BGP_HEADER_LEN];
	struct writer w = writer_of(buf, sizeof buf);

	bgp_msg_write_keepalive(&w);
	bgp_conn_send(c, buf, writer_len(&w), 1);
}

static void send_notification(struct bgp_conn *c, const struct bgp_error *error)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof buf);

	bgp_msg_write_notification(&w, error);
	bgp_conn_send(c, buf, writer_len(&w), 1);
}

static void notify_code(struct bgp_conn *c, enum bgp_error_code code, uint8_t subcode)
{
	const struct bgp_error error = {.code = (uint8_t)code, .subcode = subcode};

	send_notification(c, &error);
}

void bgp_conn_provoke(struct bgp_conn *c)
{
	send_keepalive(c);
}

/* ---- timers ---- */

static void on_hold(struct timer *t)
{
	struct bgp_conn *c = CONN_OF(t, hold);
	enum bgp_state before = c->state;

	/* after a stall of ours, what the peer sent in time may lie unread */
	bgp_stream_poll(c->stream);
	if (c->state != before || timer_running(&c->hold))
		return;
	if (c->state == BGP_OPENSENT)
		bgp_session_warn(c->session, "it took the connection, but sent no OPEN in %lld s",
		                 HOLD_LARGE / CLOCK_SEC);
	else
		bgp_session_warn(c->session, "hold time over: it has said nothing for %u s", c->hold_ms / 1000);
	bgp_conn_event(c, BGP_EV_HOLD_EXPIRES, NULL);
}

static void on_keepalive(struct timer *t)
{
	bgp_conn_event(CONN_OF(t, keepalive), BGP_EV_KEEPALIVE_EXPIRES, NULL);
}

static void start_hold(struct bgp_conn *c)
{
	if (c->hold_ms)
		sched_start(c->session->env.sched, &c->hold, on_hold, c->hold_ms * CLOCK_MS);
	else
		sched_stop(c->session->env.sched, &c->hold);
}

static void start_keepalive(struct bgp_conn *c)
{
	int64_t delay = sched_jitter(c->keepalive_ms * CLOCK_MS);

	if (c->keepalive_ms)
		sched_start(c->session->env.sched, &c->keepalive, on_keepalive, delay);
}

/* ---- up and down ---- */

static void open_stream(struct bgp_conn *c, int fd, bool connecting);

static void conn_connect(struct bgp_conn *c)
{
	struct err err;
	int fd = c->session->env.connect(c->session->peer, &err);

	if (fd < 0) {
		bgp_session_unreached(c->session, "%s", err.text);
		bgp_conn_event(c, BGP_EV_TCP_FAILS, NULL);
	} else {
		open_stream(c, fd, true);
	}
}

static void conn_close(struct bgp_conn *c)
{
	struct sched *sched = c->session->env.sched;

	sched_stop(sched, &c->hold);
	sched_stop(sched, &c->keepalive);
	sched_stop(sched, &c->send_hold);
	bgp_stream_free(c->stream);
	c->stream = NULL;
	c->hold_ms = c->keepalive_ms = 0;
	memset(&c->open, 0, sizeof c->open);
}

static void local_address(struct bgp_conn *c, struct addr *out)
{
	socklen_t len = sizeof *out;

	memset(out, 0, sizeof *out);
	if (getsockname(bgp_stream_fd(c->stream), &out->sa, &len))
		memset(out, 0, sizeof *out);
	addr_unmap(out);
}

static const char *families_str(uint8_t families)
{
	static const char *const names[] = {"no family", "IPv4", "IPv6", "IPv4 and IPv6"};

	return names[families & 3];
}

static void conn_up(struct bgp_conn *c)
{
	struct bgp_session *s = c->session;
	struct bgp_conn *other = bgp_conn_other(c);
	uint8_t missing = s->env.families & (uint8_t)~c->open.families;
	struct bgp_error error;

	s->established_us = clock_us();
	s->established_count++;
	s->terms = (struct bgp_terms){.families = s->env.families & c->open.families, .as4 = c->open.as4,
	                              .internal = s->peer->as == s->peer->local_as,
	                              .enhanced_refresh = c->open.refresh && c->open.enhanced_refresh};
	local_address(c, &s->terms.local);
	log_info("bgp %s: Established, hold time %u s, keepalive %u s, %s%s", s->peer->name, c->hold_ms / 1000,
	         c->keepalive_ms / 1000, families_str(s->terms.families),
	         c->open.graceful_restart ? ", it keeps routes of peers that restart (we never ask for that)" : "");
	if (missing)
		bgp_session_warn(s, "it does not take %s unicast: such prefixes are not announced to it",
		                 families_str(missing));
	if (other->state != BGP_IDLE) {
		bgp_msg_cease(&error, BGP_CEASE_COLLISION, "collision");
		bgp_conn_event(other, BGP_EV_COLLISION_DUMP, &error);
	}
	s->env.ops->up(s->env.arg);
}

/* RFC 6608: which state the unexpected message met. */
static uint8_t fsm_subcode(enum bgp_state state)
{
	return state == BGP_OPENSENT ? 1 : state == BGP_OPENCONFIRM ? 2 : 3;
}

static void act_on_session(struct bgp_conn *c, enum bgp_state next, uint32_t actions)
{
	struct bgp_session *s = c->session;

	if (actions & BGP_ACT_STOP_RETRY && c->ours)
		sched_stop(s->env.sched, &s->retry);
	if (actions & BGP_ACT_ZERO_COUNTER)
		s->failures = 0;
	if (actions & BGP_ACT_COUNT)
		s->failures++;
	if (actions & BGP_ACT_IDLE_HOLD)
		bgp_session_start_idle_hold(s);
	if (actions & BGP_ACT_START_RETRY && c->ours)
		bgp_session_start_retry(s, next);
}

static void act(struct bgp_conn *c, enum bgp_state old, enum bgp_state next, uint32_t actions,
                const struct bgp_error *error)
{
	struct bgp_session *s = c->session;

	if (actions & BGP_ACT_NOTIFY_EVENT && error)
		send_notification(c, error);
	if (actions & BGP_ACT_NOTIFY_HOLD)
		notify_code(c, BGP_ERR_HOLD, 0);
	if (actions & BGP_ACT_NOTIFY_FSM)
		notify_code(c, BGP_ERR_FSM, fsm_subcode(old));
	if (actions & BGP_ACT_CLOSE) {
		conn_close(c);
		if (old == BGP_ESTABLISHED) {
			if (clock_us() - s->established_us >= STABLE)
				s->failures = 0;
			s->env.ops->down(s->env.arg);
		}
	}
	act_on_session(c, next, actions);
	if (actions & BGP_ACT_SEND_OPEN)
		send_open(c);
	if (actions & BGP_ACT_HOLD_LARGE)
		sched_start(s->env.sched, &c->hold, on_hold, HOLD_LARGE);
	if (actions & BGP_ACT_SEND_KEEPALIVE)
		send_keepalive(c);
	if (actions & BGP_ACT_START_KEEPALIVE)
		start_keepalive(c);
	if (actions & BGP_ACT_START_HOLD)
		start_hold(c);
	if (actions & BGP_ACT_UP)
		conn_up(c);
	if (actions & BGP_ACT_CONNECT)  /* last: it may fail at once, which is an event again */
		conn_connect(c);
}

void bgp_conn_event(struct bgp_conn *c, enum bgp_event event, const struct bgp_error *error)
{
	struct bgp_session *s = c->session;
	struct bgp_transition t = bgp_fsm(c->state, event);
	enum bgp_state old = c->state, was = bgp_session_state(s), is;

	/* the peer's connection has nothing to retry: without one, its machine is at rest */
	c->state = !c->ours && t.next <= BGP_ACTIVE ? BGP_IDLE : t.next;
	is = bgp_session_state(s);
	if (old != c->state)
		log_debug("bgp %s (%s): %s -> %s -> %s", s->peer->name, c->ours ? "ours" : "theirs", bgp_state_str(old),
		          bgp_event_str(event), bgp_state_str(c->state));
	if (was != is)
		s->state_since_wall_us = clock_wall_us();
	if (old == BGP_ESTABLISHED && is != BGP_ESTABLISHED)
		log_info("bgp %s: down after %lld s, on %s", s->peer->name,
		         (long long)((clock_us() - s->established_us) / CLOCK_SEC), bgp_event_str(event));
	act(c, old, t.next, t.actions, error);
	if (was != is)
		s->env.ops->changed(s->env.arg);
}

/* ---- what the peer sends ---- */

static int check_open(const struct bgp_session *s, const struct bgp_open *open, struct bgp_error *error)
{
	if (open->as != s->peer->as)
		return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_PEER_AS,
		                     "it says it is AS %u, the configuration says AS %u: correct `as` of this peer",
		                     open->as, s->peer->as);
	if (open->router_id == s->env.router_id && s->peer->as == s->peer->local_as)  /* RFC 6286 */
		return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_ID,
		                     "it has our own BGP Identifier: give one of the two another router_id");
	return 0;
}

/* RFC 4271 section 6.8. True when this connection is the one to go, and has gone. */
static bool lost_collision(struct bgp_conn *c, const struct bgp_open *open)
{
	struct bgp_session *s = c->session;
	struct bgp_conn *other = bgp_conn_other(c);
	struct bgp_error error;
	bool keep_ours = bgp_fsm_keep_ours(s->env.router_id, s->peer->local_as, open->router_id, s->peer->as);
	bool lost = other->state == BGP_ESTABLISHED || (other->state == BGP_OPENCONFIRM && c->ours != keep_ours);

	if (!lost && other->state != BGP_OPENCONFIRM)
		return false;
	bgp_msg_cease(&error, BGP_CEASE_COLLISION, "collision");
	log_debug("bgp %s: two connections, %s stays", s->peer->name, (lost ? other : c)->ours ? "ours" : "theirs");
	bgp_conn_event(lost ? c : other, BGP_EV_COLLISION_DUMP, &error);
	return lost;
}

static void negotiate(struct bgp_conn *c, const struct bgp_open *open)
{
	uint32_t ours = c->session->peer->hold_ms / 1000 * 1000, theirs = open->hold_s * 1000U;  /* whole seconds */

	c->open = *open;
	c->hold_ms = ours < theirs ? ours : theirs;
	c->keepalive_ms = c->hold_ms / 3;
	if (open->extended)
		bgp_stream_allow_extended(c->stream);
}

static void on_open(struct bgp_conn *c, const uint8_t *body, size_t len)
{
	struct bgp_open open;
	struct bgp_error error;

	if (bgp_msg_read_open(body, len, &open, &error) || check_open(c->session, &open, &error)) {
		bgp_session_warn(c->session, "%s", error.text);
		bgp_conn_event(c, BGP_EV_OPEN_ERR, &error);
		return;
	}
	if (lost_collision(c, &open))
		return;
	negotiate(c, &open);
	bgp_conn_event(c, BGP_EV_OPEN, NULL);
}

/* What a person would have to look at, for the complaints that are common. */
static const struct bgp_hint { uint8_t code, subcode; const char *text; } hints[] = {
	{BGP_ERR_OPEN, BGP_OPEN_PEER_AS, "; it expects another AS from us: compare our `as` with its configuration"},
	{BGP_ERR_OPEN, BGP_OPEN_ID, "; it does not take our router_id: another node, or the peer itself, may have it"},
	{BGP_ERR_OPEN, BGP_OPEN_HOLD_TIME, "; it does not take the hold time that we offer: compare `hold` of this peer"},
	{BGP_ERR_UPDATE, BGP_UPDATE_NETWORK, "; it does not take a prefix of ours"},
	{BGP_ERR_HOLD, 0, "; it has not heard from us in its hold time"},
	{BGP_ERR_CEASE, BGP_CEASE_MAX_PREFIXES, "; over its prefix limit: a Cloud Router stays down until somebody resets it"},
	{BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED, "; this session was taken out of its configuration"},
	{BGP_ERR_CEASE, BGP_CEASE_REJECTED, "; it does not know us as a peer, or is not ready yet"},
};

static const char *hint(const struct bgp_error *e)
{
	for (unsigned i = 0; i < sizeof hints / sizeof hints[0]; i++) {
		if (hints[i].code == e->code && hints[i].subcode == e->subcode)
			return hints[i].text;
	}
	return "";
}

static void on_notification(struct bgp_conn *c, const uint8_t *body, size_t len)
{
	struct bgp_error error;
	bool version;

	bgp_msg_read_notification(body, len, &error);
	version = error.code == BGP_ERR_OPEN && error.subcode == BGP_OPEN_VERSION;
	if (error.code == BGP_ERR_CEASE && error.subcode == BGP_CEASE_COLLISION)
		log_debug("bgp %s: it says %s", c->session->peer->name, error.text);
	else
		bgp_session_warn(c->session, "it says %s%s", error.text, hint(&error));
	bgp_conn_event(c, version ? BGP_EV_NOTIF_VERSION : BGP_EV_NOTIF, NULL);
}

static void on_update(struct bgp_conn *c, const uint8_t *body, size_t len)
{
	struct bgp_session *s = c->session;
	struct bgp_update update;
	struct bgp_error error;

	s->updates_in++;
	if (bgp_update_read(body, len, s->terms.as4, s->terms.internal, &update, &error)) {
		bgp_session_warn(s, "%s", error.text);
		bgp_conn_event(c, BGP_EV_UPDATE_ERR, &error);
		return;
	}
	s->withdrawn_for_errors += update.treat_as_withdraw;
	if (update.treat_as_withdraw)
		bgp_session_warn(s, "it sent an UPDATE in which %s: its prefixes count as withdrawn (RFC 7606)",
		                 update.why);
	bgp_conn_event(c, BGP_EV_UPDATE, NULL);
	s->env.ops->update(s->env.arg, &update);
}

static void on_refresh(struct bgp_conn *c, const uint8_t *body, size_t len)
{
	struct bgp_error error;
	enum bgp_refresh subtype;
	uint8_t family;

	if (bgp_msg_read_refresh(body, len, &family, &subtype, &error)) {
		bgp_session_warn(c->session, "%s", error.text);
		bgp_conn_event(c, BGP_EV_HEADER_ERR, &error);
		return;
	}
	c->session->refreshes_in++;
	bgp_conn_event(c, BGP_EV_REFRESH, NULL);
	if (family)
		c->session->env.ops->refresh(c->session->env.arg, family, subtype);
}

/* A message that its state does not allow. */
static void on_unexpected(struct bgp_conn *c, enum bgp_event event)
{
	bgp_session_warn(c->session, "it sent %s in %s", bgp_event_str(event), bgp_state_str(c->state));
	bgp_conn_event(c, event, NULL);
}

static void on_message(void *arg, enum bgp_msg_type type, const uint8_t *body, size_t len)
{
	struct bgp_conn *c = arg;

	c->session->messages_in++;
	switch (type) {
	case BGP_MSG_OPEN:
		if (c->state == BGP_OPENSENT)
			on_open(c, body, len);
		else
			on_unexpected(c, BGP_EV_OPEN);
		return;
	case BGP_MSG_KEEPALIVE:
		if (c->state == BGP_OPENSENT)
			on_unexpected(c, BGP_EV_KEEPALIVE);
		else
			bgp_conn_event(c, BGP_EV_KEEPALIVE, NULL);
		return;
	case BGP_MSG_NOTIFICATION:
		on_notification(c, body, len);
		return;
	case BGP_MSG_UPDATE:
		if (c->state == BGP_ESTABLISHED)
			on_update(c, body, len);
		else
			on_unexpected(c, BGP_EV_UPDATE);
		return;
	case BGP_MSG_ROUTE_REFRESH:
		if (c->state == BGP_ESTABLISHED)
			on_refresh(c, body, len);
		else
			on_unexpected(c, BGP_EV_REFRESH);
		return;
	}
}

static void on_malformed(void *arg, const struct bgp_error *error)
{
	struct bgp_conn *c = arg;

	bgp_session_warn(c->session, "%s", error->text);
	bgp_conn_event(c, BGP_EV_HEADER_ERR, error);
}

/* ---- the stream ---- */

static void on_connected(void *arg)
{
	bgp_conn_event(arg, BGP_EV_TCP_CONNECTED, NULL);
}

static void on_failed(void *arg, int errnum)
{
	struct bgp_conn *c = arg;
	const char *when = bgp_state_str(c->state);
	bool refused = errnum == ECONNREFUSED;

	if (c->state == BGP_CONNECT)
		bgp_session_unreached(c->session, "cannot connect: %s%s", strerror(errnum),
		                      refused ? " (nothing listens there, or it does not know us yet)" : "");
	else if (errnum)
		bgp_session_warn(c->session, "the connection broke in %s: %s", when, strerror(errnum));
	else if (c->state == BGP_OPENSENT)
		bgp_session_unreached(c->session, "it closed the connection at once (it may not know us as a peer, "
		                      "or is not ready yet)");
	else
		bgp_session_warn(c->session, "it closed the connection in %s without saying why", when);
	bgp_conn_event(c, BGP_EV_TCP_FAILS, NULL);
}

/* RFC 9687: each message that goes restarts the timer. A peer that takes some bytes, but never a message, is closed. */
static void on_sent(void *arg)
{
	struct bgp_conn *c = arg;

	if (timer_running(&c->send_hold))
		start_send_hold(c);
}

static void on_drained(void *arg)
{
	struct bgp_conn *c = arg;

	sched_stop(c->session->env.sched, &c->send_hold);
	if (c->state == BGP_ESTABLISHED)
		c->session->env.ops->drained(c->session->env.arg);
}

static void open_stream(struct bgp_conn *c, int fd, bool connecting)
{
	static const struct bgp_stream_ops ops = {.connected = on_connected, .message = on_message,
	                                          .malformed = on_malformed, .failed = on_failed,
	                                          .sent = on_sent, .drained = on_drained};

	c->stream = bgp_stream_new(c->session->env.base, fd, connecting, &ops, c);
	if (c->stream)
		return;
	bgp_session_warn(c->session, "out of memory");
	bgp_conn_event(c, BGP_EV_TCP_FAILS, NULL);
}

void bgp_conn_accept(struct bgp_conn *c, int fd)
{
	c->state = BGP_ACTIVE;  /* where a machine waits that is to be connected to */
	open_stream(c, fd, false);
	if (c->stream)
		bgp_conn_event(c, BGP_EV_TCP_CONNECTED, NULL);
}
