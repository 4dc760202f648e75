/* Answers that tandem gives itself. Worker thread. */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "proxy/worker.h"

/* Where the response to `req` goes (RFC 3261 section 18.2.2, RFC 3581): over a connection the way it came, and should
 * that be gone, to the peer's host and the port of the Via. */
struct sip_path reply_path(const struct sip_path *from, const struct sip_msg *req);

/* Answers; an INVITE through a transaction of its own, so that its ACK is known, anything else
 * without. Counted by status. `extra` is whole header lines or "". */
void reply_to(struct worker *w, const struct sip_msg *req, const struct sip_path *path, const struct addr *source,
              int status, const char *extra);
/* Without one, an INVITE too: the same To tag to each that comes again. By how the tag begins the ACK is known. */
#define REPLY_STATELESS_TAG "tandem-off-"
void reply_stateless(struct worker *w, const struct sip_msg *req, const struct sip_path *path,
                     const struct addr *source, int status, const char *extra);
/* The same as reply_to() within a transaction. */
void reply_in(struct worker *w, struct txn_server *t, const struct sip_msg *req, const struct addr *source, int status,
              const char *extra);

/* The reason phrase of the statuses that tandem gives. */
const char *reply_phrase(int status);

#define REPLY_RETRY_AFTER "Retry-After: 5\r\n"
#define REPLY_NO_SIPS "Warning: 380 tandem \"SIPS Not Allowed\"\r\n"   /* RFC 5630 */
#define REPLY_ALLOW "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE\r\n"

#endif
