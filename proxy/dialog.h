/* Requests within a dialog: ACK of a 2xx, BYE, re-INVITE and the rest. The token in the Route says
 * that the call is ours and where it went, so any node can serve them, without any state of the call
 * (RFC 3261 sections 16.4 to 16.6). Worker thread. */
#ifndef PROXY_DIALOG_H
#define PROXY_DIALOG_H

#include "proxy/token.h"
#include "proxy/worker.h"

enum dialog_found { DIALOG_OURS, DIALOG_FORGED, DIALOG_NONE };

struct dialog_route {
	struct token token;
	unsigned skip;               /* Routes of ours on top */
	bool from_strict;            /* it is in the Request-URI, where a strict router puts the first Route (16.4) */
};

/* Looks for our token: in the Request-URI, at the top of the Routes. DIALOG_NONE: there is no Route at all. */
enum dialog_found dialog_route(struct worker *w, const struct sip_msg *m, struct dialog_route *out);

/* `trunk`: whose source it came from, -1. */
void dialog_request(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                    int trunk, const struct dialog_route *route);
/* One that has waited for where a name is. */
struct held;
void dialog_again(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                  struct held *held);

#endif
