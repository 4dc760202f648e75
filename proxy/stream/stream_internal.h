/* What the files of a worker's connections share: stream.c (the pool, and what is sent), stream_conn.c (one connection,
 * from its making to its end), stream_listen.c (those that come), stream_open.c (those we open). */
#ifndef PROXY_STREAM_STREAM_INTERNAL_H
#define PROXY_STREAM_STREAM_INTERNAL_H

#include "proxy/stream/stream.h"

#include <stdatomic.h>

#include <event2/bufferevent_ssl.h>
#include <uthash.h>

#include "proxy/stream/frame.h"

#define STREAM_LISTENERS_MAX 24
#define STREAM_KEY_LEN (ADDR_STR_LEN + 264)

struct conn {
	UT_hash_handle hh;           /* by key; those we opened */
	struct stream_pool *pool;
	struct bufferevent *bev;
	struct stream_to to;         /* peer, transport; local and name of those we opened */
	char *name;                  /* what to.name points to */
	struct conn *next_doomed;
	struct frame frame;
	struct tls_context *tls;     /* held */
	int64_t used_us;             /* what idle_ms goes by */
	int64_t alive_us;            /* the last byte, either way */
	int64_t pinged_us;           /* a ping that nothing has come after; 0: none */
	int64_t partial_us;          /* since when something is not whole; 0: nothing is */
	uint32_t slot, generation;
	bool ours, open, doomed, stranger;
	bool certified;              /* it came, and its client has shown who he is */
	bool ponged;                 /* its peer answers pings */
	bool alias;                  /* requests go back on it */
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
	struct listener listeners[STREAM_LISTENERS_MAX];
	struct tls_context *tls;     /* for what we open */
	struct conn *by_key;
	struct session *sessions;
	struct conn *doomed;
	struct event *reaper, *sweep;
	char *scratch;               /* a message and one byte */
};

/* stream_conn.c. In a free slot; NULL: there is none, or no memory. Its bufferevent is made by conn_begin(). */
struct conn *conn_new(struct stream_pool *pool, const char *key);
/* Puts it to work on `fd`, which is the connection's from now on; false: it, and the socket, are freed. */
bool conn_begin(struct conn *c, int fd, SSL *ssl, enum bufferevent_ssl_state state);
/* Queues what is to be sent; a peer that does not read ends it. False: nothing is sent. */
bool conn_write(struct conn *c, const void *data, size_t len);
/* For one of ours: a ping after silence, and its end where one stays without an answer. */
void conn_keep_alive(struct conn *c, int64_t now);
/* It ends, soon: never below a callback of its own. */
void conn_doom(struct conn *c, const char *why);
/* At once: the reaper, and the pool's end. */
void conn_free(struct conn *c);
/* The reaper's event: frees what is doomed. */
void conn_reap(evutil_socket_t fd, short what, void *pool);
/* A socket of the address's family; negative: none. */
int conn_socket(const struct addr *a);

/* stream_open.c. To `to`, whose key it is; NULL: it cannot be. */
struct conn *conn_open(struct stream_pool *pool, const struct stream_to *to, const char *key);
/* What resumes the TLS connection later. */
void conn_keep_session(struct conn *c);
void stream_drop_sessions(struct stream_pool *pool);

#endif
