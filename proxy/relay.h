/* A non-INVITE request within a dialog, carried statefully: one transaction on each side, every final
 * response relayed but 408, and no answer at all when none comes; 100 of our own where it takes long, and
 * no other provisional (RFC 4320 section 4). Worker thread. */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/forward.h"

/* The request stands in the layer's scratch as forward_send() wants it; `edge` of its responses. */
void relay_begin(struct worker *w, const struct sip_msg *req, const struct sip_path *back, const struct addr *source,
                 const struct forward *f, struct sip_forward *sf, struct trunk_edge edge, size_t len);

#endif
