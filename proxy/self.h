/* The node asks itself: an OPTIONS to each of its own anycast listeners, for every SIP worker, sent from the
 * node's own address over the loopback interface, so that no other node can answer in its place. What comes
 * back went through the socket, the parser and the transaction of the very worker that a call would. In a
 * thread of its own: a worker that hangs must not hang who asks. */
#ifndef PROXY_SELF_H
#define PROXY_SELF_H

#include "base/err.h"
#include "proxy/worker.h"

struct self;

/* Opens its sockets. NULL and `err` on failure. `common` outlives it; its workers may be made later. */
struct self *self_new(const struct proxy_common *common, struct err *err);
int self_start(struct self *self);
void self_stop(struct self *self);
void self_free(struct self *self);

/* Any thread. How many workers have answered lately at every listener of that prefix (NULL: at all) that is on this
 * host; *known is false when there is none, or none has had time yet. */
unsigned self_answering(const struct self *self, const struct prefix *of, bool *known);

/* Worker thread. Is this request one of ours, sent by self_*? Then it is answered, whoever is a trunk. */
bool self_asked(struct worker *w, const struct sip_msg *m, const struct addr *source);

#endif
