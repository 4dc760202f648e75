/* Connections that we open, and what resumes them by TLS. See stream.h. */
#include "proxy/stream/stream_internal.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#define SESSIONS_MAX 256

/* ---- TLS sessions ---- */

void conn_keep_session(struct conn *c)
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

void stream_drop_sessions(struct stream_pool *p)
{
	struct session *s, *next;
	HASH_ITER(hh, p->sessions, s, next) {
		HASH_DEL(p->sessions, s);
		SSL_SESSION_free(s->session);
		free(s);
	}
}

/* ---- opening ---- */

static int socket_from(const struct stream_to *to)
{
	struct addr local = to->local;
	int one = 1, fd = conn_socket(&to->peer);
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

struct conn *conn_open(struct stream_pool *p, const struct stream_to *to, const char *key)
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
		conn_doom(c, "cannot connect");
	return c;
}
