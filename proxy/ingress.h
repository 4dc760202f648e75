/* The door: what comes from the network is sorted here, cheapest refusal first. Worker thread. */
#ifndef PROXY_INGRESS_H
#define PROXY_INGRESS_H

#include "proxy/worker.h"

/* One datagram; `data` has one writable byte after its end. */
void ingress_datagram(struct worker *w, unsigned socket, const struct addr *source, char *data, size_t len);

#endif
