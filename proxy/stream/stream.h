/* TCP and TLS connections of one worker (RFC 3261 section 18, RFC 5923): those that came to its listeners, and those it
 * opened, one for each destination and name. It knows bytes and messages, no transactions. Everything runs on the
 * worker's thread, and nothing waits.
 *
 * Bounded: connections in all and of one source, and few of strangers, so that those whom calls are taken from find room;
 * bytes that wait to be read by a slow peer, the time that a message or a
 * handshake may take to become whole, and idle time. */
#ifndef PROXY_STREAM_STREAM_H
#define PROXY_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "proxy/stats.h"
#include "proxy/stream/tls.h"
#include "proxy/transport.h"

struct event_base;
struct stream_pool;

/* A connection, also after it is gone: then it names none. Any worker may keep one. */
struct stream_handle {
	uint32_t slot, generation;   /* generation 0: none */
	uint32_t worker;
};

/* Where a message came from. */
struct stream_from {
	struct stream_handle handle;
	struct addr peer;
	enum sip_transport transport;
	bool certified;              /* it may stand for an address: stream_alias() */
};

/* Where a message is to go when no connection is there yet. */
struct stream_to {
	struct addr peer, local;     /* local: the source address, its port is not used */
	enum sip_transport transport;
	const char *name;            /* who it has to be, for TLS; copied */
};

struct stream_ops {
	/* Whether somebody there is expected to connect; NULL: all are. */
	bool (*known)(void *arg, const struct addr *source);
	/* A whole message, with one writable byte behind it; valid during the call. */
	void (*message)(void *arg, const struct stream_from *from, char *data, size_t len);
	/* A connection that we opened to `to` could not be, or is gone. */
	void (*lost)(void *arg, const struct stream_to *to, const char *why);
	/* A connection that stands for an address (stream_alias()) is gone. */
	void (*gone)(void *arg, struct stream_handle handle);
	/* All that was there has been read: the turn's end. */
	void (*turn)(void *arg);
};

struct stream_limits {
	unsigned most, most_of_source;       /* connections */
	unsigned strangers, most_of_stranger;  /* of those who are not known, in all and of one source */
	/* Without a message, and of those that came without a byte, so that their pings keep them; until a message,
	 * connection or handshake is whole. */
	uint32_t idle_ms, stranger_idle_ms, whole_ms;
	/* One of ours is sent a ping after that silence (RFC 5626 section 4.4.1), 0: never; who has answered one answers
	 * each, within that time. */
	uint32_t ping_ms, pong_ms;
	size_t unread;                       /* bytes that a peer has not read */
	size_t message;                      /* the longest message */
};
#define STREAM_LIMITS {.most = 4096, .most_of_source = 256, .strangers = 512, .most_of_stranger = 8, \
                       .idle_ms = 900000, .stranger_idle_ms = 30000, .whole_ms = 8000, \
                       .ping_ms = 90000, .pong_ms = 10000, .unread = 1 << 20, .message = 65535}

/* NULL without memory. */
struct stream_pool *stream_pool_new(struct event_base *base, const struct stream_ops *ops, void *arg, unsigned worker,
                                    const struct stream_limits *limits, struct stats *stats);
void stream_pool_free(struct stream_pool *pool);

/* Listens; `absent`: the address need not be on the host yet; `shared`: several workers do (SO_REUSEPORT). Returns 0 or
 * a negative errno with `err`. */
int stream_listen(struct stream_pool *pool, enum sip_transport transport, const struct addr *address, bool absent,
                  bool shared, struct err *err);
/* The certificates for TLS connections from now on; held. `listener`: of stream_listen() calls, from 0; those and what
 * we open where it is -1. */
void stream_set_tls(struct stream_pool *pool, int listener, struct tls_context *context);

/* On a connection that is there; false: it is gone, nothing was sent. */
bool stream_send(struct stream_pool *pool, struct stream_handle handle, const void *data, size_t len);
/* On the connection to that destination, which is opened if there is none. False: it cannot be opened. */
bool stream_send_to(struct stream_pool *pool, const struct stream_to *to, const void *data, size_t len);

/* Whether the client on that TLS connection has shown a certificate that could be verified, and is that name's. */
bool stream_peer_is(const struct stream_pool *pool, struct stream_handle handle, const char *name);

/* From now on that connection stands for an address (alias.h): it is not closed for being idle, and its end is told to
 * `gone`. Its client's certificate, which lives as long; NULL: it may not, as it did not come, or not from one who is known,
 * or without a certificate that could be verified; or it does already. */
X509 *stream_alias(struct stream_pool *pool, struct stream_handle handle);

/* Connections that are open. Any thread. */
unsigned stream_count(const struct stream_pool *pool);

#endif
