/* Calls that are up: what is kept of an answered call so that its end can be counted and logged, and
 * nothing that its packets need (their token carries that). A few hundred bytes a call. Worker thread. */
#ifndef PROXY_ACTIVE_H
#define PROXY_ACTIVE_H

#include "proxy/record.h"
#include "proxy/token.h"
#include "proxy/worker.h"

/* The call is answered. `end` is its end record, complete but for the end itself; malloc'ed, taken
 * over. The tags are the dialog's: of the From of its INVITE, of the To of its answer. */
void active_add(struct worker *w, struct record *end, const char *caller_tag, const char *callee_tag);

/* A BYE with a valid token passes: if the call is known here it ends now; if another node set it up,
 * what the token knows is logged. */
void active_on_bye(struct worker *w, const struct sip_msg *bye, const struct token *token);

/* Forgets all without a word: the calls go on elsewhere. */
void active_free_all(struct worker *w);

#endif
