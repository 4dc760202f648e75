/* The sockets under BGP: connecting, listening, and what a peer's configuration says about them
 * (RFC 2385 MD5 signatures, RFC 5082 GTSM, TTL, local address). The anycast thread. */
#ifndef ANYCAST_BGP_TCP_H
#define ANYCAST_BGP_TCP_H

#include "anycast/anycast.h"
#include "base/addr.h"
#include "base/err.h"

#define BGP_PORT 179

/* A connection under way to the peer: a non-blocking socket, or a negative errno and `err`. */
int bgp_tcp_connect(const struct anycast_peer_config *peer, struct err *err);

/* A non-blocking listener that knows the passwords of the peers of its family; or negative. */
int bgp_tcp_listen(const struct addr *address, const struct anycast_peer_config *peers, unsigned n_peers,
                   struct err *err);
/* The next connection and where it comes from (unmapped); -EAGAIN when there is none. */
int bgp_tcp_accept(int listener, struct addr *from);
/* TTL and GTSM of an accepted connection. 0 or negative. */
int bgp_tcp_adopt(int fd, const struct anycast_peer_config *peer, struct err *err);

#endif
