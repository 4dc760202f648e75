/* The pool of a worker's connections, and what is sent by them: see stream.h. */
#include "proxy/stream/stream_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"

/* ---- sending ---- */

static struct conn *conn_of(const struct stream_pool *p, struct stream_handle h)
{
	struct conn *c = h.generation && h.slot < p->limits.most ? p->slots[h.slot] : NULL;
	return c && c->generation == h.generation ? c : NULL;
}

bool stream_send(struct stream_pool *p, struct stream_handle h, const void *data, size_t len)
{
	struct conn *c = conn_of(p, h);
	return c && conn_write(c, data, len);
}

bool stream_peer_is(const struct stream_pool *p, struct stream_handle h, const char *name)
{
	const struct conn *c = conn_of(p, h);
	SSL *ssl = c ? bufferevent_openssl_get_ssl(c->bev) : NULL;
	const X509 *certificate = ssl && SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_peer_certificate(ssl) : NULL;
	return certificate && tls_certificate_is(certificate, name);
}

X509 *stream_alias(struct stream_pool *p, struct stream_handle h)
{
	struct conn *c = conn_of(p, h);
	if (!c || !c->certified || c->alias || c->doomed)
		return NULL;
	c->alias = true;
	stats_inc(p->stats, STAT_STREAM_ALIAS);
	return SSL_get0_peer_certificate(bufferevent_openssl_get_ssl(c->bev));
}

bool stream_send_to(struct stream_pool *p, const struct stream_to *to, const void *data, size_t len)
{
	char key[STREAM_KEY_LEN], text[ADDR_STR_LEN];
	struct conn *c;
	snprintf(key, sizeof key, "%d %s %s", to->transport, addr_str(&to->peer, text), to->name ? to->name : "");
	HASH_FIND_STR(p->by_key, key, c);
	if (!c)
		c = conn_open(p, to, key);
	return c && conn_write(c, data, len);
}

/* ---- the pool ---- */

void stream_set_tls(struct stream_pool *p, int listener, struct tls_context *context)
{
	struct tls_context **at = listener < 0 ? &p->tls : &p->listeners[listener].tls;
	tls_context_release(*at);
	*at = tls_context_hold(context);
	if (listener < 0)
		stream_drop_sessions(p);
}

static void sweep_one(struct conn *c, int64_t now)
{
	const struct stream_limits *l = &c->pool->limits;
	if (c->partial_us && now - c->partial_us > l->whole_ms * CLOCK_MS) {
		stats_inc(c->pool->stats, c->open ? STAT_STREAM_SLOW : STAT_STREAM_FAILED);
		conn_doom(c, c->open ? "a message that does not end" : "no connection in time");
	} else if (!c->alias && now - c->used_us > (c->stranger ? l->stranger_idle_ms : l->idle_ms) * CLOCK_MS) {
		conn_doom(c, "idle");
	} else if (c->open && c->ours) {
		if (!c->kept && c->to.transport == SIP_TLS)
			conn_keep_session(c);  /* TLS 1.3 sends its tickets some time after the handshake */
		conn_keep_alive(c, now);
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
	p->reaper = event_new(base, -1, 0, conn_reap, p);
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
	stream_drop_sessions(p);
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
