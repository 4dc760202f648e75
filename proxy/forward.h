/* The outgoing side of a request: next hop, our Via, and the text (RFC 3261 section 16.6). Worker
 * thread. */
#ifndef PROXY_FORWARD_H
#define PROXY_FORWARD_H

#include "proxy/worker.h"

#define FORWARD_VIA_LEN (ADDR_STR_LEN + 72)

/* Where a request goes, and how it is known again. */
struct forward {
	struct sip_path path;            /* out */
	char branch[BRANCH_LEN];
	char via[FORWARD_VIA_LEN];
};

/* The value of our Via on what we send from the egress address of a family (0: IPv4, 1: IPv6). */
void forward_via(const struct worker *w, enum sip_transport transport, unsigned family, const char *branch,
                 char out[FORWARD_VIA_LEN]);

/* Fills path and Via for a request to `next` (peer, transport, name); false when no egress address has its family. */
bool forward_prepare(struct worker *w, const struct sip_msg *req, const struct sip_path *next, unsigned attempt,
                     struct forward *out);

/* The way to a target at its place. */
void forward_to_target(struct worker *w, const struct target *target, const struct target_place *place, struct sip_path *next);

enum forward_hop {
	FORWARD_TO,
	FORWARD_LATER,               /* where the name is has been asked for: ask again soon */
	FORWARD_UNRESOLVED,          /* DNS does not say where it is */
	FORWARD_NOWHERE              /* what is no host, or a transport that is not spoken */
};

/* The next hop of a request by `sf->skip_routes` and `sf->from_strict`. Sets `sf->strict` as section 16.6 step 6 says. `subject`: whom the certificate of
 * the carrier is of, where the request goes to one; "". By TLS it goes back on his own connection, where that stands for
 * the next hop (alias.h). */
enum forward_hop forward_next_hop(struct worker *w, const struct sip_msg *req, const char *subject, struct sip_forward *sf,
                                  struct sip_path *next);

/* Sends the request, `len` bytes that are written for `f` by `sf` in the layer's scratch, in a transaction of its own; one
 * that is too large for UDP by TCP, where the next hop is known to take it, and by UDP should that fail (section 18.1.1).
 * Otherwise as txn_client_new(). */
struct txn_client *forward_send(struct worker *w, const struct sip_msg *req, const struct addr *source,
                                const struct forward *f, struct sip_forward *sf, size_t len,
                                const struct txn_client_user *ops, void *user);

/* Section 16.3 step 4, RFC 5393: it has been here before, and nothing that decides its way has changed. On
 * any node, for a Via of ours shows it, whichever node wrote it. */
bool forward_looped(const struct sip_msg *req);

#endif
