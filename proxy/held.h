/* Requests within calls that wait until it is known where the name is that they have to go to (hosts.h). Worker thread. */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include "proxy/worker.h"

#define HELD_MAX 256                 /* of one worker */

struct held;

/* Keeps a copy, and serves it by dialog_again() a little later. `held`: it is that one again; NULL: it comes for the first
 * time. False when it has waited long enough, or there are too many. */
bool held_keep(struct worker *w, struct held *held, const struct sip_msg *m, const struct sip_path *path,
               const struct addr *source);
void held_drop(struct worker *w);

#endif
