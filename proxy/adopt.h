/* Carrying on what a dead node has begun: its calls that ring. What is needed was told by the claim (claim.h), or is in
 * the message itself, signed. Worker thread. */
#ifndef PROXY_ADOPT_H
#define PROXY_ADOPT_H

#include "proxy/worker.h"

/* A trunk's CANCEL for an INVITE that a dead node has sent on as `sent` says: it is answered, the INVITE is answered 487
 * (RFC 3261 section 9.2), and the region hears the CANCEL that its INVITE asks for (section 9.1). */
void adopt_cancel(struct worker *w, const struct sip_msg *cancel, const struct sip_path *path, const struct addr *source,
                  int trunk, const struct proxy_sent *sent);

/* The socket of the address in a Via of some node's, if it is one of ours now; of UDP: a connection ended with its node. */
bool adopt_socket(const struct worker *w, const char *via, const struct addr *peer, uint8_t *socket);

/* A response to a request that a dead node sent, come to its egress address, which is backed up here, or that this node
 * sent in a life before: relayed to where the Via below ours says (section 16.11, whose stateless proxy this is). A failed
 * INVITE is acknowledged, its final response is repeated for as long as it has to be, and a call that is answered is
 * counted here from now on. False, and nothing is done: no node has signed the branch of its Via. */
bool adopt_response(struct worker *w, const struct sip_msg *resp, const struct sip_path *from);

#endif
