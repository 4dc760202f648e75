/* Names of targets to addresses by RFC 3263 (NAPTR, SRV, A and AAAA), again when their time to live is over,
 * through c-ares on the control thread; never on a call's way. Each address is a target of its own. While DNS
 * is down the last good answer stays. */
#ifndef PROXY_RESOLVER_H
#define PROXY_RESOLVER_H

#include "base/err.h"
#include "proxy/table.h"

struct loop;
struct resolver;

/* Looks after every target of a table whose host is a name; `families`: bit 0 IPv4, bit 1 IPv6.
 * Queries go out once `loop` turns. Control thread, as all of these. */
struct resolver *resolver_new(struct loop *loop, unsigned families, struct err *err);
/* This table's from now on; what it has in common with the one before goes on undisturbed. 0 or -ENOMEM. */
int resolver_set_table(struct resolver *resolver, const struct table *table);
void resolver_free(struct resolver *resolver);

/* Names whose last lookup failed, and lookups that did since the start. */
void resolver_status(const struct resolver *resolver, unsigned *failing, uint64_t *failures);

#endif
