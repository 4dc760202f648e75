/* Calls that are up: what is kept of an answered call so that its end can be counted and logged, and
 * nothing that its packets need (their token carries that). A few hundred bytes a call. Worker thread. */
#ifndef PROXY_ACTIVE_H
#define PROXY_ACTIVE_H

#include "proxy/record.h"
#include "proxy/token.h"
#include "proxy/worker.h"

/* Once, before all others. */
void active_init(struct worker *w);

/* The call is answered. `end` is its end record, complete but for the end itself; malloc'ed, taken
 * over with its hold on its table. `answer` is the 2xx: its tags are the dialog's, and its Session-Expires (RFC 4028) says when the call is
 * over if nothing refreshes it; where it has none, that is after node.max_call. `logged`: its end is; not where the
 * setup has had its end record, and this is one more dialog of it. */
void active_add(struct worker *w, struct record *end, const struct sip_msg *answer, bool logged);

/* Whether the call that this response to its INVITE speaks of is known. */
bool active_knows(struct worker *w, const struct sip_msg *resp);

/* A final response to a request within a dialog passes: a 2xx shows that the call lives, and for how long; 481
 * that it does not (RFC 3261 section 12.2.1.2), whichever node or path its BYE took. */
void active_on_response(struct worker *w, const struct sip_msg *resp);

/* A BYE with a valid token passes: if the call is known here it ends now; if another node set it up,
 * what the token knows is logged. */
void active_on_bye(struct worker *w, const struct sip_msg *bye, const struct token *token);

/* Another node says that this call is over: Call-ID and the tags, newlines between, as it saw them. */
void active_over(struct worker *w, const char *call, size_t len);

unsigned active_count(const struct worker *w);

/* Forgets all without a word: the calls go on elsewhere. */
void active_free_all(struct worker *w);

#endif
