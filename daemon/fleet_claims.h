/* Whose a transaction is, wired: SIP workers ask Redis, each on its own connections; what is another node's goes by way
 * of the control thread to that node, or is adopted where it is dead; what others hand over goes to the worker it
 * belongs to. */
#ifndef DAEMON_FLEET_CLAIMS_H
#define DAEMON_FLEET_CLAIMS_H

#include "cluster/board.h"
#include "cluster/peer.h"
#include "daemon/config.h"

struct fleet_claims;
struct loop;
struct proxy;

/* Before proxy_start(). `board` must live until fleet_claims_stop(). NULL and `err`. */
struct fleet_claims *fleet_claims_new(struct loop *loop, struct proxy *proxy, struct board *board,
                                      const struct config *config, struct err *err);
/* Once the workers' threads have ended. */
void fleet_claims_stop(struct fleet_claims *claims);
/* After proxy_free() and loop_free(), whose mailboxes may have had something for it. NULL does nothing, as above. */
void fleet_claims_free(struct fleet_claims *claims);
/* Control thread: this node's life, which may begin anew; and what the others are to know of where it is reached. */
void fleet_claims_round(struct fleet_claims *claims);
void fleet_claims_fill(const struct fleet_claims *claims, struct node_record *own);
const struct peer *fleet_claims_peer(const struct fleet_claims *claims);

#endif
