/* The door: what comes from the network is sorted here, cheapest refusal first. Worker thread. */
#ifndef PROXY_INGRESS_H
#define PROXY_INGRESS_H

#include "proxy/worker.h"

/* One datagram, or message of a stream; `data` has one writable byte after its end. */
void ingress_message(struct worker *w, const struct sip_path *from, char *data, size_t len);

#endif
