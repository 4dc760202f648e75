/* One connection: its making, what is read from it and written to it, and its end. It is freed by its pool's reaper alone,
 * never below a callback of its own: what ends it within one marks it as doomed. See stream.h. */
#include "proxy/stream/stream_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"

#define DEAD_PEER_MS 10000       /* TCP_USER_TIMEOUT: what is sent has to be acknowledged within */

static struct stream_handle conn_handle(const struct conn *c)
{
	return (struct stream_handle){c->slot, c->generation, c->pool->worker};
}

/* ---- ending ---- */

void conn_doom(struct conn *c, const char *why)
{
	if (c->doomed)
		return;
	c->doomed = true;
	snprintf(c->why, sizeof c->why, "%s", why);
	if (c->ours)
		HASH_DEL(c->pool->by_key, c);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	c->next_doomed = c->pool->doomed;
	c->pool->doomed = c;
	event_active(c->pool->reaper, EV_TIMEOUT, 0);
}

void conn_free(struct conn *c)
{
	struct stream_pool *p = c->pool;
	p->slots[c->slot] = NULL;
	p->strangers -= c->stranger;
	atomic_fetch_sub_explicit(&p->n, 1, memory_order_relaxed);
	stats_inc(p->stats, STAT_STREAM_CLOSED);
	bufferevent_free(c->bev);
	tls_context_release(c->tls);
	free(c->name);
	free(c);
}

void conn_reap(evutil_socket_t fd, short what, void *arg)
{
	struct stream_pool *p = arg;
	(void)fd;
	(void)what;
	for (struct conn *c; (c = p->doomed);) {
		char text[ADDR_STR_LEN];
		p->doomed = c->next_doomed;
		log_debug("%s connection with %s ends: %s", sip_transport_via(c->to.transport), addr_str(&c->to.peer, text), c->why);
		if (c->ours)
			p->ops->lost(p->arg, &c->to, c->why);
		if (c->alias)
			p->ops->gone(p->arg, conn_handle(c));
		conn_free(c);
	}
	p->ops->turn(p->arg);
}

/* ---- reading ---- */

static bool take(struct conn *c, struct evbuffer *in, enum frame_found found, size_t used)
{
	struct stream_pool *p = c->pool;
	struct stream_from from = {.handle = conn_handle(c), .peer = c->to.peer, .transport = c->to.transport,
	                           .certified = c->certified && !c->alias};
	if (found == FRAME_PING)
		bufferevent_write(c->bev, "\r\n", 2);
	if (found != FRAME_MESSAGE) {
		evbuffer_drain(in, used);
		return true;
	}
	c->used_us = c->alive_us;
	evbuffer_remove(in, p->scratch, used);
	stats_inc(p->stats, STAT_RX_STREAM);
	p->ops->message(p->arg, &from, p->scratch, used);
	return !c->doomed;
}

static bool is_line_end(char c) { return c == '\r' || c == '\n'; }

/* The answer to our ping: one line end, where two would be a ping of theirs. */
static void take_pong(struct conn *c, struct evbuffer *in)
{
	char first[3];
	ev_ssize_t n = evbuffer_copyout(in, first, sizeof first);
	if (!c->pinged_us || n < 2 || memcmp(first, "\r\n", 2) != 0 || (n > 2 && is_line_end(first[2])))
		return;
	evbuffer_drain(in, 2);
	c->ponged = true;
}

/* Something has come. Who connects to us says by his pings how long he wants it; where it was ours to open, a pong asks
 * for nothing. */
static void hear(struct conn *c, struct evbuffer *in)
{
	c->alive_us = clock_us();
	if (!c->ours)
		c->used_us = c->alive_us;
	take_pong(c, in);
	c->pinged_us = 0;
}

/* What is left is no message yet; half a ping is none that has begun. */
static void wait_for_more(struct conn *c, struct evbuffer *in)
{
	char first;
	if (evbuffer_copyout(in, &first, 1) < 1 || is_line_end(first))
		c->partial_us = 0;
	else if (!c->partial_us)
		c->partial_us = c->alive_us;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	enum frame_found found = FRAME_MORE;
	size_t used;
	const char *why = "";
	hear(c, in);
	while (!c->doomed) {
		size_t len = evbuffer_get_length(in);
		found = frame_next(&c->frame, (const char *)evbuffer_pullup(in, -1), len, c->pool->limits.message, &used, &why);
		if (found == FRAME_MORE || found == FRAME_BAD || !take(c, in, found, used))
			break;
		c->partial_us = 0;
	}
	if (found == FRAME_BAD && !c->doomed) {
		stats_inc(c->pool->stats, STAT_STREAM_FRAMING);
		conn_doom(c, why);
	}
	wait_for_more(c, in);
	c->pool->ops->turn(c->pool->arg);
}

/* ---- events ---- */

static void on_open(struct conn *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	c->open = true;
	c->partial_us = 0;
	c->used_us = c->alive_us = clock_us();
	c->certified = ssl && !c->ours && !c->stranger && SSL_get0_peer_certificate(ssl) &&
	               SSL_get_verify_result(ssl) == X509_V_OK;
	if (ssl && SSL_session_reused(ssl))
		stats_inc(c->pool->stats, STAT_STREAM_RESUMED);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;
	struct stream_pool *p = c->pool;
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	if (what & BEV_EVENT_CONNECTED) {
		on_open(c);
		return;
	}
	char why[sizeof c->why];
	int error = EVUTIL_SOCKET_ERROR();
	snprintf(why, sizeof why, "%s", what & BEV_EVENT_EOF ? "closed by the peer" : error ? strerror(error) : "broken");
	if (!c->open)
		stats_inc(p->stats, STAT_STREAM_FAILED);
	if (!c->open && ssl && SSL_get_state(ssl) != TLS_ST_BEFORE)
		tls_failure(ssl, bufferevent_get_openssl_error(bev), why, sizeof why);
	conn_doom(c, why);
}

/* ---- making ---- */

int conn_socket(const struct addr *a)
{
	int fd = socket(addr_family(a), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	if (fd >= 0 && addr_family(a) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	return fd;
}

static void tune(int fd)
{
	int one = 1, idle = 30, every = 10, dead = DEAD_PEER_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof dead);
}

struct conn *conn_new(struct stream_pool *p, const char *key)
{
	unsigned slot = 0;
	if (atomic_load_explicit(&p->n, memory_order_relaxed) >= p->limits.most)
		return NULL;
	while (p->slots[slot])
		slot++;
	struct conn *c = calloc(1, sizeof *c + strlen(key) + 1);
	if (!c)
		return NULL;
	memcpy(c->key, key, strlen(key) + 1);
	c->pool = p;
	c->slot = slot;
	if (!++p->generations[slot])
		p->generations[slot] = 1;
	c->generation = p->generations[slot];
	c->used_us = c->alive_us = c->partial_us = clock_us();
	return c;
}

bool conn_begin(struct conn *c, int fd, SSL *ssl, enum bufferevent_ssl_state state)
{
	struct stream_pool *p = c->pool;
	tune(fd);
	c->bev = ssl ? bufferevent_openssl_socket_new(p->base, fd, ssl, state, BEV_OPT_CLOSE_ON_FREE)
	             : c->to.transport == SIP_TLS ? NULL : bufferevent_socket_new(p->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		if (ssl)
			SSL_free(ssl);
		close(fd);
		tls_context_release(c->tls);
		free(c->name);
		free(c);
		return false;
	}
	p->slots[c->slot] = c;
	p->strangers += c->stranger;
	atomic_fetch_add_explicit(&p->n, 1, memory_order_relaxed);
	if (ssl)
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return true;
}

/* ---- writing ---- */

void conn_keep_alive(struct conn *c, int64_t now)
{
	const struct stream_limits *l = &c->pool->limits;
	if (c->pinged_us && c->ponged) {
		if (now - c->pinged_us > l->pong_ms * CLOCK_MS)
			conn_doom(c, "no answer to a ping");
	} else if (l->ping_ms && now - c->alive_us >= l->ping_ms * CLOCK_MS && !bufferevent_write(c->bev, "\r\n\r\n", 4)) {
		stats_inc(c->pool->stats, STAT_STREAM_PINGS);
		c->pinged_us = c->alive_us = now;
	}
}

bool conn_write(struct conn *c, const void *data, size_t len)
{
	if (c->doomed || bufferevent_write(c->bev, data, len))
		return false;
	stats_inc(c->pool->stats, STAT_TX_STREAM);
	c->used_us = c->alive_us = clock_us();
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > c->pool->limits.unread) {
		stats_inc(c->pool->stats, STAT_STREAM_SLOW);
		conn_doom(c, "the peer does not read");
	}
	return true;
}
