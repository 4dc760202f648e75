/* The door: what comes from the network is sorted here, cheapest refusal first. Worker thread. */
#ifndef PROXY_INGRESS_H
#define PROXY_INGRESS_H

#include "proxy/worker.h"

/* One datagram, or message of a stream; `data` has one writable byte after its end. */
void ingress_message(struct worker *w, const struct sip_path *from, char *data, size_t len);

struct claim;
/* A request that waited to be told whose it is (claim.h); it is served here. */
void ingress_claimed(struct worker *w, const struct sip_path *from, struct claim *claim, enum proxy_verdict verdict,
                     const struct proxy_sent *sent);

#endif
