/* A call being set up: the response context of RFC 3261 section 16.7. From the INVITE to the end of
 * its transactions; what is up afterwards is in active.h. Worker thread. */
#ifndef PROXY_CALL_H
#define PROXY_CALL_H

#include "proxy/forward.h"
#include "proxy/record.h"
#include "proxy/worker.h"

struct call;

/* A trunk's INVITE outside any dialog: answers 100, decides, sends it on (or refuses). `flags`: RECORD_..., of its record;
 * `key`: it is claimed under it (claim.h), or "". */
void call_begin(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                const struct addr *source, int trunk, uint32_t flags, const char *key);

/* Overload: whether this INVITE, a trunk's outside any dialog, is turned away, which is then done: a 503 without a
 * transaction (RFC 3261 section 16.11), so that it costs little more than its parsing. New calls first: a call that
 * is up, or rings, is worth more than one that has not begun. One that comes again is answered alike while the
 * share that is shed does not fall, and has a record of its own. */
bool call_shed(struct worker *w, const struct sip_msg *invite, const struct sip_path *back, const struct addr *source,
               int trunk);

/* An INVITE within a dialog: one branch to where the dialog goes; no decision, no record. `edge`: of its responses. */
void call_begin_again(struct worker *w, const struct sip_msg *invite, const struct sip_path *back,
                      const struct addr *source, const struct forward *f, struct sip_forward *sf,
                      enum trunk_edge edge);

/* The caller's CANCEL, answered already; `flags` as above. */
void call_cancel(struct call *c, const struct sip_msg *cancel, uint32_t flags);

/* The record of a call that has no more than this: turned away for overload, or cancelled for a dead node. */
void call_log_lone(struct worker *w, const struct sip_msg *invite, int trunk, uint32_t flags, enum record_outcome outcome,
                   int status);

#endif
