/* Hosts that the ends of a call name (Contact, Record-Route) and that are no target's. A request within a dialog that has to
 * go to one asks for it; it is located by RFC 3263 as a target is, on the control thread, and kept as long as it is asked for.
 * Nobody waits here: who hears that it is asked for asks again soon (held.h). */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include "base/err.h"
#include "proxy/sip/message.h"
#include "proxy/target.h"

#define HOSTS_MAX 1024

struct hosts;
struct loop;
struct resolver;

/* Before workers run; `control` is the loop of the resolver, which has to be freed first. NULL and `err` on failure. */
struct hosts *hosts_new(struct loop *control, struct resolver *resolver, struct err *err);
void hosts_free(struct hosts *hosts);

enum hosts_answer { HOSTS_AT, HOSTS_ASKED, HOSTS_NOWHERE };
/* Where a URI whose host is a name leads; `families`: those that can be sent to, bit 0: IPv4, bit 1: IPv6. HOSTS_NOWHERE: DNS
 * does not say, or there are too many. Any thread; takes a lock that is held for no more than this. */
enum hosts_answer hosts_find(struct hosts *hosts, const struct sip_uri_view *uri, unsigned families, struct target_place *out);

#endif
