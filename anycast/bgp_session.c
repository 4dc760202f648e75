/* A peer: its two machines, when to try again, what a person sees of it. See bgp_session.h; the
 * anycast thread owns it, the speaker holds it.
 *
 * Retries: the IdleHoldTimer starts at a quarter of a second, because a router that was just
 * configured refuses for a moment, and doubles up to connect_retry. A connection attempt that nobody
 * answers ends after CONNECT_TIMEOUT: with MD5 a wrong password looks like that, as the peer's kernel
 * drops our SYN and its reset would not be believed either. */
#include "anycast/bgp_session.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anycast/bgp_conn.h"
#include "base/clock.h"
#include "base/log.h"

#define CONNECT_TIMEOUT (5 * CLOCK_SEC)
#define RETRY_FIRST (CLOCK_SEC / 4)
#define AGAIN (60 * CLOCK_SEC)
enum { RETRY_DOUBLINGS_MAX = 16 };

#define SESSION_OF(timer, member) ((struct bgp_session *)((char *)(timer) - offsetof(struct bgp_session, member)))

struct bgp_session *bgp_session_new(const struct anycast_peer_config *peer, const struct bgp_session_env *env)
{
	struct bgp_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->peer = peer;
	s->env = *env;
	s->ours.session = s->theirs.session = s;
	s->ours.ours = true;
	s->state_since_wall_us = clock_wall_us();
	return s;
}

static void conn_discard(struct bgp_conn *c)
{
	struct sched *sched = c->session->env.sched;

	sched_stop(sched, &c->hold);
	sched_stop(sched, &c->keepalive);
	sched_stop(sched, &c->send_hold);
	bgp_stream_free(c->stream);
}

void bgp_session_free(struct bgp_session *s)
{
	if (!s)
		return;
	conn_discard(&s->theirs);
	conn_discard(&s->ours);
	sched_stop(s->env.sched, &s->retry);
	sched_stop(s->env.sched, &s->idle_hold);
	free(s);
}

/* ---- trying again ---- */

static int64_t retry_delay(const struct bgp_session *s)
{
	unsigned doublings = s->failures > 1 ? s->failures - 1 : 0;
	int64_t most = (s->peer->connect_retry_ms ? s->peer->connect_retry_ms : 1) * CLOCK_MS;
	int64_t delay = RETRY_FIRST << (doublings < RETRY_DOUBLINGS_MAX ? doublings : RETRY_DOUBLINGS_MAX);

	return sched_jitter(delay < most ? delay : most);
}

static void on_retry(struct timer *t)
{
	struct bgp_session *s = SESSION_OF(t, retry);

	if (s->ours.state == BGP_CONNECT)
		bgp_session_unreached(s, "no answer to our connection attempts: is the address right, does something "
		                      "drop the packets, %s MD5 password?",
		                      s->peer->password[0] ? "has it the same" : "does it want an");
	bgp_conn_event(&s->ours, BGP_EV_CONNECT_RETRY_EXPIRES, NULL);
}

void bgp_session_start_retry(struct bgp_session *s, enum bgp_state next)
{
	sched_start(s->env.sched, &s->retry, on_retry, next == BGP_CONNECT ? CONNECT_TIMEOUT : retry_delay(s));
}

static void on_idle_hold(struct timer *t)
{
	struct bgp_session *s = SESSION_OF(t, idle_hold);

	/* the peer's connection is as good as up: ours is not needed; its end starts this timer again */
	if (s->theirs.state >= BGP_OPENCONFIRM)
		return;
	bgp_conn_event(&s->ours, s->peer->passive ? BGP_EV_AUTOMATIC_START_PASSIVE : BGP_EV_IDLE_HOLD_EXPIRES, NULL);
}

void bgp_session_start_idle_hold(struct bgp_session *s)
{
	if (s->started && s->ours.state == BGP_IDLE)
		sched_start(s->env.sched, &s->idle_hold, on_idle_hold, retry_delay(s));
}

void bgp_session_start(struct bgp_session *s)
{
	s->started = true;
	bgp_conn_event(&s->ours, s->peer->passive ? BGP_EV_AUTOMATIC_START_PASSIVE : BGP_EV_AUTOMATIC_START, NULL);
}

static void stop(struct bgp_session *s, uint8_t subcode, const char *text)
{
	struct bgp_error error;

	s->started = false;
	sched_stop(s->env.sched, &s->idle_hold);
	bgp_msg_cease(&error, subcode, text);
	bgp_conn_event(&s->theirs, BGP_EV_MANUAL_STOP, &error);
	bgp_conn_event(&s->ours, BGP_EV_MANUAL_STOP, &error);
}

void bgp_session_stop(struct bgp_session *s, const char *text)
{
	stop(s, BGP_CEASE_ADMIN_SHUTDOWN, text);
}

void bgp_session_bfd_down(struct bgp_session *s, const char *why)
{
	bgp_session_warn(s, "BFD down: %s", why);
	stop(s, BGP_CEASE_BFD_DOWN, why);
}

/* ---- a connection that the peer opens ---- */

/* A second one while all is well: the peer may have died without a word and come back. A KEEPALIVE
 * on the old connection then draws a reset, and the peer's next attempt finds us free. */
static bool refuse(struct bgp_session *s)
{
	if (!s->started)
		return true;
	if (s->ours.state == BGP_ESTABLISHED)
		bgp_conn_provoke(&s->ours);
	else if (s->theirs.state == BGP_ESTABLISHED)
		bgp_conn_provoke(&s->theirs);
	else
		return s->theirs.state == BGP_OPENCONFIRM;
	return true;
}

void bgp_session_accept(struct bgp_session *s, int fd)
{
	struct bgp_error error;

	if (refuse(s)) {
		close(fd);
		return;
	}
	if (s->theirs.state == BGP_OPENSENT) {  /* it has given that one up */
		bgp_msg_cease(&error, BGP_CEASE_COLLISION, "collision");
		bgp_conn_event(&s->theirs, BGP_EV_COLLISION_DUMP, &error);
	}
	bgp_conn_accept(&s->theirs, fd);
}

/* ---- for the speaker ---- */

static struct bgp_conn *established(const struct bgp_session *s)
{
	if (s->ours.state == BGP_ESTABLISHED)
		return (struct bgp_conn *)&s->ours;
	return s->theirs.state == BGP_ESTABLISHED ? (struct bgp_conn *)&s->theirs : NULL;
}

enum bgp_state bgp_session_state(const struct bgp_session *s)
{
	return s->ours.state > s->theirs.state ? s->ours.state : s->theirs.state;
}

void bgp_session_reset(struct bgp_session *s, const struct bgp_error *error)
{
	struct bgp_conn *c = established(s);

	if (c)
		bgp_conn_event(c, BGP_EV_AUTOMATIC_STOP, error);
}

bool bgp_session_established(const struct bgp_session *s)
{
	return established(s);
}

const struct bgp_terms *bgp_session_terms(const struct bgp_session *s)
{
	return &s->terms;
}

void bgp_session_send(struct bgp_session *s, const void *data, size_t len, unsigned updates)
{
	struct bgp_conn *c = established(s);

	if (!c || len == 0)
		return;
	s->updates_out += updates;
	bgp_conn_send(c, data, len, updates);
}

size_t bgp_session_unsent(const struct bgp_session *s)
{
	const struct bgp_conn *c = established(s);

	return c ? bgp_stream_unsent(c->stream) : 0;
}

/* ---- for people ---- */

/* True for a line that was not in the log within the last minute. */
static bool worth_a_line(struct bgp_session *s, const char *text)
{
	int64_t now = clock_us();
	struct bgp_warned *slot = &s->warned[0];
	uint32_t hash = 2166136261U;  /* FNV-1a */

	for (const char *p = text; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619U;
	for (unsigned i = 0; i < BGP_WARNED; i++) {
		if (s->warned[i].us && s->warned[i].hash == hash && now - s->warned[i].us < AGAIN)
			return false;
		if (s->warned[i].us < slot->us)
			slot = &s->warned[i];
	}
	*slot = (struct bgp_warned){.us = now, .hash = hash};
	return true;
}

void bgp_session_warn(struct bgp_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->last_error, sizeof s->last_error, fmt, ap);
	va_end(ap);
	s->last_error_us = clock_us();
	s->last_error_wall_us = clock_wall_us();
	if (worth_a_line(s, s->last_error))
		log_warn("bgp %s: %s", s->peer->name, s->last_error);
}

void bgp_session_unreached(struct bgp_session *s, const char *fmt, ...)
{
	char text[sizeof s->last_error];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (s->last_error_us == 0 || clock_us() - s->last_error_us >= AGAIN) {
		memcpy(s->last_error, text, sizeof text);
		s->last_error_wall_us = clock_wall_us();
	}
	if (worth_a_line(s, text))
		log_warn("bgp %s: %s", s->peer->name, text);
}

static uint32_t left_ms(const struct timer *t)
{
	int64_t left = timer_running(t) ? t->due_ms * CLOCK_MS - clock_us() : 0;

	return left > 0 ? (uint32_t)(left / CLOCK_MS) : 0;
}

static void status_of_open(const struct bgp_conn *c, const struct bgp_terms *terms, struct anycast_peer_status *out)
{
	out->local = terms->local;
	out->router_id = c->open.router_id;
	out->ipv4 = terms->families & BGP_IPV4;
	out->ipv6 = terms->families & BGP_IPV6;
	out->as4 = terms->as4;
	out->refresh = c->open.refresh;
	out->enhanced_refresh = terms->enhanced_refresh;
	out->extended = c->open.extended;
	out->graceful_restart = c->open.graceful_restart;
	out->hold_left_ms = left_ms(&c->hold);
}

void bgp_session_status(const struct bgp_session *s, struct anycast_peer_status *out)
{
	const struct bgp_conn *c = established(s);

	memset(out, 0, sizeof *out);
	memcpy(out->name, s->peer->name, sizeof out->name);
	out->address = s->peer->address;
	out->as = s->peer->as;
	out->local_as = s->peer->local_as;
	out->profile = s->peer->profile;
	out->prefixes_max = s->peer->max_prefixes;
	out->state = bgp_state_str(bgp_session_state(s));
	out->state_since_wall_us = s->state_since_wall_us;
	out->hold_ms = c ? c->hold_ms : 0;
	out->keepalive_ms = c ? c->keepalive_ms : 0;
	out->retry_in_ms = left_ms(s->ours.state == BGP_IDLE ? &s->idle_hold : &s->retry);
	if (c)
		status_of_open(c, &s->terms, out);
	out->messages_in = s->messages_in;
	out->messages_out = s->messages_out;
	out->updates_in = s->updates_in;
	out->updates_out = s->updates_out;
	out->established_count = s->established_count;
	out->refreshes_in = s->refreshes_in;
	out->withdrawn_for_errors = s->withdrawn_for_errors;
	memcpy(out->last_error, s->last_error, sizeof out->last_error);
	out->last_error_wall_us = s->last_error_wall_us;
}
