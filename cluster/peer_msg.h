/* What one node hands another: a SIP message whole, with where it came from and where it arrived, in one datagram.
 *
 *     "tdm1"  key id (8)  sender (1 + n)  epoch (8)  sequence (8)  wall clock, µs (8)
 *     source and listener (1 + 4 or 16 + 2 each)  length (2)  message  HMAC-SHA-256 cut to 16 (RFC 2104)
 *
 * The MAC is over all before it, under the cluster's secret. Numbers are in network order. Pure; any thread. */
#ifndef CLUSTER_PEER_MSG_H
#define CLUSTER_PEER_MSG_H

#include "base/addr.h"
#include "base/buf.h"
#include "cluster/record.h"

#define PEER_DATAGRAM_MAX 65000

struct peer_msg {
	char from[RECORD_NAME_LEN];      /* the sending node */
	uint64_t epoch, seq;             /* which life of it, and which of that life's messages */
	int64_t wall_us;                 /* its clock */
	struct addr source, listener;
	const uint8_t *data;             /* in what was read */
	size_t len;
};

/* False: too long, or no key. */
bool peer_msg_write(const struct cluster_keys *keys, const struct peer_msg *m, struct writer *w);
/* False and *why, a static text: truncated, of another version, of an unknown secret, altered. */
bool peer_msg_read(const struct cluster_keys *keys, const void *data, size_t len, struct peer_msg *out, const char **why);

/* What has come of one sender: each number once, 64 of them in any order (as RFC 4303 section 3.4.3 does it). */
struct peer_window { uint64_t epoch, top, seen; };
/* False: it has been here, or is too old to tell. */
bool peer_window_take(struct peer_window *window, uint64_t epoch, uint64_t seq);

#endif
