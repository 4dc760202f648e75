/* A call being set up: the response context of RFC 3261 section 16.7. From the INVITE to the end of
 * its transactions; what is up afterwards is in active.h. Worker thread. */
#ifndef PROXY_CALL_H
#define PROXY_CALL_H

#include "proxy/forward.h"
#include "proxy/record.h"
#include "proxy/worker.h"

struct call;

/* What came of asking the other nodes (claim.h). */
struct call_claim {
	uint32_t flags;                  /* RECORD_..., of its record */
	const char *key;                 /* it is claimed under it, or "" */
	const struct proxy_sent *sent;   /* a dead node has sent it on already; or NULL */
};

/* A trunk's INVITE outside any dialog: answers 100, decides, sends it on (or refuses). */
void call_begin(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                const struct addr *source, int trunk, const struct call_claim *claim);

/* Overload: whether this INVITE, a trunk's outside any dialog, is turned away, which is then done: a 503 without a
 * transaction (RFC 3261 section 16.11), so that it costs little more than its parsing. New calls first: a call that
 * is up, or rings, is worth more than one that has not begun. One that comes again is answered alike while the
 * share that is shed does not fall, and has a record of its own. */
bool call_shed(struct worker *w, const struct sip_msg *invite, const struct sip_path *back, const struct addr *source,
               int trunk);

/* An INVITE within a dialog: one branch to where the dialog goes; no decision, no record. `edge`: of its responses. */
void call_begin_again(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                      const struct addr *source, const struct forward *f, struct sip_forward *sf,
                      struct trunk_edge edge);

/* The caller's CANCEL, answered already; `flags` as above. */
void call_cancel(struct call *c, const struct sip_msg *cancel, uint32_t flags);

/* A call that a dead node set up is answered, `region` and `trunk` by this node's table: it is counted and logged here from
 * now on (flag AD). `to` is the number called, as far as it is known. */
void call_adopt(struct worker *w, const struct sip_msg *answer, int trunk, int region, const char *to);

/* What a call came to by its final response, 300 to 699; `cancelled`: by its caller. Any thread. */
enum record_outcome call_outcome(int status, bool cancelled);

/* The record of a call that has no more than this: turned away for overload, or cancelled for a dead node. */
void call_log_lone(struct worker *w, const struct sip_msg *invite, int trunk, uint32_t flags, enum record_outcome outcome,
                   int status);

#endif
