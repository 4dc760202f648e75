/* Connections that come: where it is listened, and whom there is room for. See stream.h. */
#include "proxy/stream/stream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <event2/listener.h>

#define BACKLOG 256

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
	int fd = conn_socket(a), one = 1;
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
	if (p->n_listeners == STREAM_LISTENERS_MAX)
		return err_set(err, EINVAL, "more than %d addresses to listen on", STREAM_LISTENERS_MAX);
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
