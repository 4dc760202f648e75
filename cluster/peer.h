/* From node to node, without Redis between: a SIP message that came to the wrong node is handed to the one that owns its
 * transaction, in one datagram to the address which that node tells on the blackboard. Nothing is handed on twice, and
 * nothing is answered here.
 *
 * Taken is what a node that the blackboard knows has signed, in its present life, within the last seconds by its own
 * clock (which may be off: the blackboard knows by how much), and once. All else is dropped and counted. Control
 * thread. */
#ifndef CLUSTER_PEER_H
#define CLUSTER_PEER_H

#include "cluster/board.h"
#include "cluster/peer_msg.h"

struct peer;

/* A message for this node, from another one. */
typedef void peer_fn(void *arg, const struct peer_msg *m);

/* Receives at `at`, which is the node's own address, never an anycast one. Over the nodes of `board`, which must live
 * longer. NULL and `err`. */
struct peer *peer_new(struct event_base *base, struct board *board, const struct addr *at, peer_fn *fn, void *arg,
                      struct err *err);
void peer_free(struct peer *peer);

/* Hands `data` to `node`, if that life of it (`epoch`) is alive as far as is known. -ENOENT: it is not. -EMSGSIZE. */
int peer_hand(struct peer *peer, const char *node, uint64_t epoch, const struct addr *source, const struct addr *listener,
              const void *data, size_t len);

/* The same, to the only other node that has ever been heard of, alive or not, for when no Redis server says more. -ENOENT:
 * there is none, or more than one. */
int peer_hand_to_other(struct peer *peer, const struct addr *source, const struct addr *listener, const void *data,
                       size_t len);

struct peer_counts { uint64_t handed, taken, refused; };
void peer_counts(const struct peer *peer, struct peer_counts *out);

#endif
