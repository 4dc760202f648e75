/* UDP for one worker (RFC 3261 section 18): its sockets, read and written in batches (recvmmsg,
 * sendmmsg). Every worker has a socket of its own on every address (SO_REUSEPORT). What is sent is
 * copied into a queue that goes out at the end of the turn. */
#ifndef PROXY_SIP_UDP_H
#define PROXY_SIP_UDP_H

#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "proxy/proxy.h"
#include "proxy/sip/txn.h"

struct event_base;
struct udp;

/* `data` has one writable byte after its end and lives until the function returns. */
typedef void udp_receive_fn(void *arg, unsigned socket, const struct addr *source, char *data, size_t len);
/* An ICMP error says that what was sent did not get there; `quote` is its beginning, as far as the error brings it. */
typedef void udp_failed_fn(void *arg, const char *quote, size_t len);
/* A batch has been read and handled: the turn's end. */
typedef void udp_turn_fn(void *arg);

/* Whether nobody else has the port: to be asked for each address before the first udp_new(), since
 * SO_REUSEPORT would let a second process in silently. Returns 0 or a negative errno with `err`. */
int udp_probe(const struct proxy_listen *listen, struct err *err);

/* Binds one socket per entry, in this order; reads once udp_start() has been called. */
struct udp *udp_new(const struct proxy_listen *listen, unsigned n, struct stats *stats, struct err *err);
int udp_start(struct udp *udp, struct event_base *base, udp_receive_fn *receive, udp_failed_fn *failed, udp_turn_fn *turn,
              void *arg);
/* Has `program` (steer.h) choose among all workers' sockets: to be called for the first worker's, once all have theirs.
 * 0 or a negative errno. */
int udp_steer(const struct udp *udp, int program);
void udp_free(struct udp *udp);

/* How long the datagram of the last batch that waited least lay in the socket, by the kernel's receive time stamp,
 * before it was read; microseconds; -1: no datagram was read, or it bore no stamp. */
int64_t udp_wait_us(const struct udp *udp);
/* Which socket that batch was read from. */
unsigned udp_last_socket(const struct udp *udp);
/* Whether there may be more where the last turn has read. */
bool udp_more(const struct udp *udp);

void udp_send(struct udp *udp, const struct sip_path *path, const void *data, size_t len);
void udp_flush(struct udp *udp);

#endif
