/* A non-INVITE request within a dialog, carried statefully: one transaction on each side, every final
 * response relayed but 408, and no answer at all when none comes; 100 of our own where it takes long, and
 * no other provisional (RFC 4320 section 4). Worker thread. */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/forward.h"

/* `data` is the request as it is sent, `edge` of its responses. */
void relay_begin(struct worker *w, const struct sip_msg *req, const struct sip_path *back, const struct forward *f,
                 enum trunk_edge edge, const void *data, size_t len);

#endif
