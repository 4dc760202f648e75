/* This node among the others: what it tells on the blackboard, and what the others' records mean here: their load in
 * the regions' figures, whether somebody else can take the route, whether the blackboard is read at all. Control
 * thread, where nothing else is said. */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include "cluster/board.h"
#include "daemon/config.h"
#include "policy/route.h"

struct anycast;
struct fleet;
struct loop;
struct proxy;

/* `ready`: should this node get calls? `config` is in force until fleet_reconfigured(). NULL and `err`. */
struct fleet *fleet_new(struct loop *loop, struct proxy *proxy, struct anycast *anycast, const struct config *config,
                        bool (*ready)(void *arg), void *arg, struct err *err);
void fleet_free(struct fleet *fleet);
/* Another configuration is in force. */
void fleet_reconfigured(struct fleet *fleet, const struct config *config);

const struct board *fleet_board(const struct fleet *fleet);
/* Any thread. */
enum policy_route_others fleet_others(const struct fleet *fleet);

#endif
