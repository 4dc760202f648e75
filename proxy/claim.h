/* One transaction, one owner, whichever node its packets reach (anycast moves a carrier from node to node in the middle
 * of anything). A request that no transaction here knows waits while the other nodes are asked, by way of struct
 * proxy_claims, whose it is: a new INVITE is claimed, a CANCEL or an ACK is asked for. Then it goes on here, or has been
 * handed to the node that owns it. Only what comes by UDP to an anycast address is asked about; a connection ends with
 * the route. Worker thread. */
#ifndef PROXY_CLAIM_H
#define PROXY_CLAIM_H

#include "proxy/worker.h"

#define CLAIM_KEY_LEN TAG_LEN

struct claim;

/* Whether this may have to be asked about, as far as the text tells. */
bool claim_wanted(const struct worker *w, const struct sip_path *from, const char *data, size_t len);
/* A message with room of its own, which outlives the turn. NULL without memory. */
struct claim *claim_new(struct worker *w, const struct sip_path *from, const char *data, size_t len);
/* The text, to be parsed into claim_msg(). */
char *claim_text(struct claim *claim);
struct sip_msg *claim_msg(struct claim *claim);
/* Asks. True: it waits, or comes again while it waits and is dropped; it goes on in ingress_claimed(). False: nobody can
 * be asked. `take`: to be ours, if it is nobody's. */
bool claim_ask(struct claim *claim, bool take);
/* Frees it, unless it waits. */
void claim_end(struct claim *claim);
/* The key it was asked under; "" where it was not. */
const char *claim_key(const struct claim *claim);
/* A claimed request has been sent on. */
void claim_sent(struct worker *w, const char *key, const char *via, const struct addr *peer, const char *uri);
/* proxy_claim_verdict() within a turn. */
void claim_settle(struct claim *claim, enum proxy_verdict verdict, const struct proxy_sent *sent);
/* When the worker ends. */
void claims_drop(struct worker *w);

#endif
