/* This node among the others: what it tells on the blackboard, and what the others' records mean here: their load in
 * the regions' figures, whether somebody else can take the route, whether the blackboard is read at all. Control
 * thread, where nothing else is said. */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include "cluster/board.h"
#include "cluster/document.h"
#include "cluster/ended.h"
#include "cluster/peer.h"
#include "daemon/config.h"
#include "daemon/fleet_doc.h"
#include "policy/route.h"

struct anycast;
struct fleet;
typedef int fleet_policy_fn(void *arg, const char *text, struct err *err);
struct loop;
struct proxy;

/* `ready`: should this node get calls? `check` and `take`: would this part of the configuration (pools, rules, tuning;
 * empty: none) do here; put it into force, or say why not. `config` is in force until fleet_reconfigured(). NULL and `err`. */
struct fleet *fleet_new(struct loop *loop, struct proxy *proxy, struct anycast *anycast, const struct config *config,
                        bool (*ready)(void *arg), fleet_policy_fn *check, fleet_policy_fn *take, void *arg, struct err *err);
/* Nothing is told or heard any more; after this the proxy's threads and the loop may go. */
void fleet_stop(struct fleet *fleet);
/* After the loop, whose mailbox may have had something for it. NULL does nothing, as above. */
void fleet_free(struct fleet *fleet);
/* Another configuration is in force. */
void fleet_reconfigured(struct fleet *fleet, const struct config *config);

/* Asks for a change in the whole fleet; its revision in *revision. -EAGAIN and `err`: not now. -EINVAL: never. Whether it
 * came to be is in the log and in what each node says of itself. */
int fleet_change(struct fleet *fleet, const struct fleet_change *change, uint64_t *revision, struct err *err);

/* NULL: nothing is claimed. */
const struct peer *fleet_peer(const struct fleet *fleet);
const struct ended *fleet_ended(const struct fleet *fleet);
const struct document *fleet_document(const struct fleet *fleet);
const struct board *fleet_board(const struct fleet *fleet);
/* Any thread. */
enum policy_route_others fleet_others(const struct fleet *fleet);

#endif
