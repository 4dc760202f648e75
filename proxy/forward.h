/* The outgoing side of a request: next hop, our Via, and the text (RFC 3261 section 16.6). Worker
 * thread. */
#ifndef PROXY_FORWARD_H
#define PROXY_FORWARD_H

#include "proxy/worker.h"

/* Where a request goes, and how it is known again. */
struct forward {
	struct sip_path path;            /* out */
	char branch[BRANCH_LEN];
	char via[ADDR_STR_LEN + 64];
};

/* Fills path and Via for a request to `next`; false when no egress address has its family. */
bool forward_prepare(struct worker *w, const struct sip_msg *req, const struct addr *next, unsigned attempt,
                     struct forward *out);

/* The next hop of a request whose Route starts at `skip`: an address, or false when it is a name that
 * is not known here. `*strict` as section 16.6 step 6 says. */
bool forward_next_hop(struct worker *w, const struct sip_msg *req, unsigned skip, struct addr *next, bool *strict);

#endif
