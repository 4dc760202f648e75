/* One TCP connection with a BGP peer: bytes to whole messages and back, both ways bounded. It knows
 * framing, and nothing of states. The anycast thread.
 *
 * Every callback may free the stream; it then is not touched any more. */
#ifndef ANYCAST_BGP_STREAM_H
#define ANYCAST_BGP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "anycast/bgp_msg.h"

struct event_base;
struct bgp_stream;

/* Room for all that one round of routes can need several times over (speaker.c). */
#define BGP_STREAM_OUT_MAX 65536

struct bgp_stream_ops {
	void (*connected)(void *arg);
	void (*message)(void *arg, enum bgp_msg_type type, const uint8_t *body, size_t len);
	void (*malformed)(void *arg, const struct bgp_error *error);  /* a header; nothing is read any more */
	void (*failed)(void *arg, int errnum);  /* 0: the peer closed */
	void (*sent)(void *arg);                /* a message, or several, that had to wait are with the kernel; frees nothing */
	void (*drained)(void *arg);             /* all that was sent is with the kernel, after it was not */
};

/* Takes `fd`; `connecting`: ops->connected comes first. NULL without memory (fd is closed then). */
struct bgp_stream *bgp_stream_new(struct event_base *base, int fd, bool connecting, const struct bgp_stream_ops *ops,
                                  void *arg);
/* Sends what still can be sent at once, and closes. */
void bgp_stream_free(struct bgp_stream *stream);

/* Messages longer than 4096 are taken from now on (RFC 8654). */
void bgp_stream_allow_extended(struct bgp_stream *stream);
/* Whole messages. 0, or -ENOBUFS when the peer has not read for so long that there is no room. */
int bgp_stream_send(struct bgp_stream *stream, const void *data, size_t len);
/* Bytes that still wait for the peer to read. */
size_t bgp_stream_unsent(const struct bgp_stream *stream);
/* Reads what is there already, as when the socket becomes readable. */
void bgp_stream_poll(struct bgp_stream *stream);
int bgp_stream_fd(const struct bgp_stream *stream);

#endif
