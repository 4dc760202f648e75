/* See stream.h. A connection is freed by its pool's reaper alone, never below a callback of its own: what ends it within
 * one marks it as doomed. */
#include "proxy/stream/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/stream/frame.h"

#define LISTENERS_MAX 24
#define SESSIONS_MAX 256
#define KEY_LEN (ADDR_STR_LEN + 264)
#define BACKLOG 256
#define DEAD_PEER_MS 10000       /* TCP_USER_TIMEOUT: what is sent has to be acknowledged within */

struct conn {
	UT_hash_handle hh;           /* by key; those we opened */
	struct stream_pool *pool;
	struct bufferevent *bev;
	struct stream_to to;         /* peer, transport; local and name of those we opened */
	char *name;                  /* what to.name points to */
	struct conn *next_doomed;
	struct frame frame;
	struct tls_context *tls;     /* held */
	int64_t used_us;             /* last heard of, or sent to */
	int64_t partial_us;          /* since when something is not whole; 0: nothing is */
	uint32_t slot, generation;
	bool ours, open, doomed, stranger;
	bool kept;                   /* its session is, for the next one */
	char why[96];
	char key[];
};

struct listener {
	struct stream_pool *pool;
	struct evconnlistener *listener;
	struct tls_context *tls;
	enum sip_transport transport;
};

/* What resumes a TLS connection to the same destination. */
struct session {
	UT_hash_handle hh;
	SSL_SESSION *session;
	char key[];
};

struct stream_pool {
	struct event_base *base;
	const struct stream_ops *ops;
	void *arg;
	struct stream_limits limits;
	struct stats *stats;
	struct conn **slots;         /* limits.most */
	uint32_t *generations;
	unsigned worker, n_listeners;
	_Atomic unsigned n;
	unsigned strangers;
	struct listener listeners[LISTENERS_MAX];
	struct tls_context *tls;     /* for what we open */
	struct conn *by_key;
	struct session *sessions;
	struct conn *doomed;
	struct event *reaper, *sweep;
	char *scratch;               /* a message and one byte */
};

/* ---- ending ---- */

static void doom(struct conn *c, const char *why)
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

static void conn_free(struct conn *c)
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

static void on_reap(evutil_socket_t fd, short what, void *arg)
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
		conn_free(c);
	}
	p->ops->turn(p->arg);
}

/* ---- reading ---- */

static bool take(struct conn *c, struct evbuffer *in, enum frame_found found, size_t used)
{
	struct stream_pool *p = c->pool;
	struct stream_from from = {.handle = {c->slot, c->generation, (uint8_t)p->worker}, .peer = c->to.peer,
	                           .transport = c->to.transport};
	if (found == FRAME_PING)
		bufferevent_write(c->bev, "\r\n", 2);
	if (found != FRAME_MESSAGE) {
		evbuffer_drain(in, used);
		return true;
	}
	evbuffer_remove(in, p->scratch, used);
	stats_inc(p->stats, STAT_RX_STREAM);
	p->ops->message(p->arg, &from, p->scratch, used);
	return !c->doomed;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	enum frame_found found = FRAME_MORE;
	size_t used;
	const char *why = "";
	c->used_us = clock_us();
	while (!c->doomed) {
		size_t len = evbuffer_get_length(in);
		found = frame_next(&c->frame, (const char *)evbuffer_pullup(in, -1), len, c->pool->limits.message, &used, &why);
		if (found == FRAME_MORE || found == FRAME_BAD || !take(c, in, found, used))
			break;
		c->partial_us = 0;
	}
	if (found == FRAME_BAD && !c->doomed) {
		stats_inc(c->pool->stats, STAT_STREAM_FRAMING);
		doom(c, why);
	}
	if (!evbuffer_get_length(in))
		c->partial_us = 0;
	else if (!c->partial_us)
		c->partial_us = c->used_us;
	c->pool->ops->turn(c->pool->arg);
}

/* ---- TLS sessions ---- */

static void keep_session(struct conn *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	SSL_SESSION *fresh = ssl ? tls_session(ssl) : NULL;
	struct session *s;
	if (!fresh)
		return;
	HASH_FIND_STR(c->pool->sessions, c->key, s);
	if (!s && HASH_COUNT(c->pool->sessions) < SESSIONS_MAX && (s = calloc(1, sizeof *s + strlen(c->key) + 1))) {
		memcpy(s->key, c->key, strlen(c->key) + 1);
		HASH_ADD_STR(c->pool->sessions, key, s);
	}
	if (!s) {
		SSL_SESSION_free(fresh);
		return;
	}
	SSL_SESSION_free(s->session);
	s->session = fresh;
	c->kept = true;
}

static SSL_SESSION *session_for(struct stream_pool *p, const char *key)
{
	struct session *s;
	HASH_FIND_STR(p->sessions, key, s);
	return s ? s->session : NULL;
}

static void drop_sessions(struct stream_pool *p)
{
	struct session *s, *next;
	HASH_ITER(hh, p->sessions, s, next) {
		HASH_DEL(p->sessions, s);
		SSL_SESSION_free(s->session);
		free(s);
	}
}

/* ---- events ---- */

static void on_open(struct conn *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	c->open = true;
	c->partial_us = 0;
	c->used_us = clock_us();
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
	doom(c, why);
}

/* ---- making ---- */

static int new_socket(const struct addr *a)
{
	int fd = socket(addr_family(a), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	if (fd >= 0 && addr_family(a) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	return fd;
}

static void tune(int fd)
{
	int one = 1, idle = 30, dead = DEAD_PEER_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof dead);
}

/* A connection in a free slot; NULL: there is none, or no memory. Its bufferevent is the caller's to make. */
static struct conn *conn_new(struct stream_pool *p, const char *key)
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
	c->used_us = c->partial_us = clock_us();
	return c;
}

/* Puts it to work on `fd`, which is the connection's from now on; false: it, and the socket, are freed. */
static bool conn_begin(struct conn *c, int fd, SSL *ssl, enum bufferevent_ssl_state state)
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

static unsigned of_source(const struct stream_pool *p, const struct addr *source)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->limits.most; i++)
		n += p->slots[i] && !p->slots[i]->ours && addr_same_host(&p->slots[i]->to.peer, source);
	return n;
}

/* One more from there? */
static bool room_for(const struct stream_pool *p, const struct addr *source, bool stranger)
{
	unsigned most = stranger ? p->limits.most_of_stranger : p->limits.most_of_source;
	return of_source(p, source) < most && (!stranger || p->strangers < p->limits.strangers);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct listener *l = arg;
	struct stream_pool *p = l->pool;
	struct addr peer = {0};
	struct conn *c = NULL;
	(void)listener;
	memcpy(&peer, sa, (size_t)len < sizeof peer ? (size_t)len : sizeof peer);
	bool stranger = p->ops->known && !p->ops->known(p->arg, &peer);
	if (room_for(p, &peer, stranger))
		c = conn_new(p, "");
	if (!c) {
		stats_inc(p->stats, STAT_STREAM_REFUSED);
		close(fd);
		return;
	}
	c->to = (struct stream_to){.peer = peer, .transport = l->transport};
	c->tls = tls_context_hold(l->tls);
	c->stranger = stranger;
	c->open = l->transport == SIP_TCP;
	if (c->open)
		c->partial_us = 0;
	if (conn_begin(c, fd, l->transport == SIP_TLS ? tls_server(l->tls) : NULL, BUFFEREVENT_SSL_ACCEPTING))
		stats_inc(p->stats, STAT_STREAM_ACCEPTED);
}

/* No descriptor is left: asking again at once would ask for ever. The sweep lets it listen again. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct listener *l = arg;
	stats_inc(l->pool->stats, STAT_STREAM_REFUSED);
	evconnlistener_disable(listener);
}

static int bind_to(const struct addr *a, bool absent, bool shared)
{
	int fd = new_socket(a), one = 1;
	bool v6 = addr_family(a) == AF_INET6;
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (absent)
		setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof one);
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (bind(fd, &a->sa, addr_len(a)) || listen(fd, BACKLOG)) {
		int e = errno;
		close(fd);
		return -e;
	}
	return fd;
}

int stream_listen(struct stream_pool *p, enum sip_transport transport, const struct addr *address, bool absent,
                  bool shared, struct err *err)
{
	char text[ADDR_STR_LEN];
	if (p->n_listeners == LISTENERS_MAX)
		return err_set(err, EINVAL, "more than %d addresses to listen on", LISTENERS_MAX);
	int fd = bind_to(address, absent, shared);
	if (fd < 0)
		return err_sys(err, -fd, "cannot listen on %s %s", sip_transport_word(transport), addr_str(address, text));
	struct listener *l = &p->listeners[p->n_listeners];
	*l = (struct listener){.pool = p, .transport = transport};
	l->listener = evconnlistener_new(p->base, on_accept, l, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (!l->listener) {
		close(fd);
		return err_set(err, ENOMEM, "out of memory");
	}
	evconnlistener_set_error_cb(l->listener, on_accept_error);
	p->n_listeners++;
	return 0;
}

void stream_set_tls(struct stream_pool *p, int listener, struct tls_context *context)
{
	struct tls_context **at = listener < 0 ? &p->tls : &p->listeners[listener].tls;
	tls_context_release(*at);
	*at = tls_context_hold(context);
	if (listener < 0)
		drop_sessions(p);
}

/* ---- sending ---- */

static bool conn_write(struct conn *c, const void *data, size_t len)
{
	if (c->doomed || bufferevent_write(c->bev, data, len))
		return false;
	stats_inc(c->pool->stats, STAT_TX_STREAM);
	c->used_us = clock_us();
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > c->pool->limits.unread) {
		stats_inc(c->pool->stats, STAT_STREAM_SLOW);
		doom(c, "the peer does not read");
	}
	return true;
}

bool stream_send(struct stream_pool *p, struct stream_handle h, const void *data, size_t len)
{
	struct conn *c = h.generation && h.slot < p->limits.most ? p->slots[h.slot] : NULL;
	return c && c->generation == h.generation && conn_write(c, data, len);
}

bool stream_peer_is(const struct stream_pool *p, struct stream_handle h, const char *name)
{
	const struct conn *c = h.generation && h.slot < p->limits.most ? p->slots[h.slot] : NULL;
	SSL *ssl = c && c->generation == h.generation ? bufferevent_openssl_get_ssl(c->bev) : NULL;
	const X509 *certificate = ssl && SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_peer_certificate(ssl) : NULL;
	return certificate && tls_certificate_is(certificate, name);
}

static int socket_from(const struct stream_to *to)
{
	struct addr local = to->local;
	int one = 1, fd = new_socket(&to->peer);
	if (fd < 0)
		return -1;
	addr_set_port(&local, 0);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (addr_family(&local) == addr_family(&to->peer) && bind(fd, &local.sa, addr_len(&local))) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct conn *conn_open(struct stream_pool *p, const struct stream_to *to, const char *key)
{
	struct conn *c = conn_new(p, key);
	int fd = c ? socket_from(to) : -1;
	if (fd < 0) {
		free(c);
		return NULL;
	}
	c->to = *to;
	c->name = strdup(to->name ? to->name : "");
	c->to.name = c->name;
	c->ours = true;
	c->tls = tls_context_hold(to->transport == SIP_TLS ? p->tls : NULL);
	SSL *ssl = c->tls && c->name ? tls_client(c->tls, c->name, session_for(p, key)) : NULL;
	if (!conn_begin(c, fd, ssl, BUFFEREVENT_SSL_CONNECTING))
		return NULL;
	HASH_ADD_STR(p->by_key, key, c);
	stats_inc(p->stats, STAT_STREAM_OPENED);
	if (bufferevent_socket_connect(c->bev, (struct sockaddr *)(uintptr_t)&c->to.peer.sa, (int)addr_len(&c->to.peer)))
		doom(c, "cannot connect");
	return c;
}

bool stream_send_to(struct stream_pool *p, const struct stream_to *to, const void *data, size_t len)
{
	char key[KEY_LEN], text[ADDR_STR_LEN];
	struct conn *c;
	snprintf(key, sizeof key, "%d %s %s", to->transport, addr_str(&to->peer, text), to->name ? to->name : "");
	HASH_FIND_STR(p->by_key, key, c);
	if (!c)
		c = conn_open(p, to, key);
	return c && conn_write(c, data, len);
}

/* ---- the pool ---- */

static void sweep_one(struct conn *c, int64_t now)
{
	const struct stream_limits *l = &c->pool->limits;
	if (c->partial_us && now - c->partial_us > l->whole_ms * CLOCK_MS) {
		stats_inc(c->pool->stats, c->open ? STAT_STREAM_SLOW : STAT_STREAM_FAILED);
		doom(c, c->open ? "a message that does not end" : "no connection in time");
	} else if (now - c->used_us > (c->stranger ? l->stranger_idle_ms : l->idle_ms) * CLOCK_MS) {
		doom(c, "idle");
	} else if (c->open && c->ours && !c->kept && c->to.transport == SIP_TLS) {
		keep_session(c);  /* TLS 1.3 sends its tickets some time after the handshake */
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct stream_pool *p = arg;
	int64_t now = clock_us();
	(void)fd;
	(void)what;
	for (unsigned i = 0; i < p->limits.most; i++)
		if (p->slots[i] && !p->slots[i]->doomed)
			sweep_one(p->slots[i], now);
	for (unsigned i = 0; i < p->n_listeners; i++)
		evconnlistener_enable(p->listeners[i].listener);
}

struct stream_pool *stream_pool_new(struct event_base *base, const struct stream_ops *ops, void *arg, unsigned worker,
                                    const struct stream_limits *limits, struct stats *stats)
{
	const struct timeval second = {1, 0};
	struct stream_pool *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->base = base;
	p->ops = ops;
	p->arg = arg;
	p->worker = worker;
	p->limits = *limits;
	p->stats = stats;
	p->slots = calloc(limits->most, sizeof *p->slots);
	p->generations = calloc(limits->most, sizeof *p->generations);
	p->scratch = malloc(limits->message + 1);
	p->reaper = event_new(base, -1, 0, on_reap, p);
	p->sweep = event_new(base, -1, EV_PERSIST, on_sweep, p);
	if (p->slots && p->generations && p->scratch && p->reaper && p->sweep && !event_add(p->sweep, &second))
		return p;
	stream_pool_free(p);
	return NULL;
}

void stream_pool_free(struct stream_pool *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n_listeners; i++) {
		evconnlistener_free(p->listeners[i].listener);
		tls_context_release(p->listeners[i].tls);
	}
	HASH_CLEAR(hh, p->by_key);
	for (unsigned i = 0; p->slots && i < p->limits.most; i++)
		if (p->slots[i])
			conn_free(p->slots[i]);
	drop_sessions(p);
	tls_context_release(p->tls);
	if (p->reaper)
		event_free(p->reaper);
	if (p->sweep)
		event_free(p->sweep);
	free(p->slots);
	free(p->generations);
	free(p->scratch);
	free(p);
}

unsigned stream_count(const struct stream_pool *p) { return atomic_load_explicit(&p->n, memory_order_relaxed); }
