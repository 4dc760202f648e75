/* Carrying on what a dead node has begun: its calls that ring. What is needed was told by the claim (claim.h), or is in
 * the message itself, signed. Worker thread. */
#ifndef PROXY_ADOPT_H
#define PROXY_ADOPT_H

#include "proxy/worker.h"

/* A trunk's CANCEL for an INVITE that a dead node has sent on as `sent` says: it is answered, the INVITE is answered 487
 * (RFC 3261 section 9.2), and the region hears the CANCEL that its INVITE asks for (section 9.1). */
void adopt_cancel(struct worker *w, const struct sip_msg *cancel, const struct sip_path *path, const struct addr *source,
                  int trunk, const struct proxy_sent *sent);

#endif
