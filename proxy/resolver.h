/* Names of targets to addresses (A and AAAA), again when their time to live is over, through c-ares on
 * the control thread; never on a call's way. While DNS is down the last good answer stays. */
#ifndef PROXY_RESOLVER_H
#define PROXY_RESOLVER_H

#include "base/err.h"
#include "proxy/table.h"

struct loop;
struct resolver;

/* Looks after every target of the table whose host is a name; `families`: bit 0 IPv4, bit 1 IPv6.
 * Queries go out once `loop` turns. Control thread, as all of these. */
struct resolver *resolver_new(struct loop *loop, struct table *table, unsigned families, struct err *err);
void resolver_free(struct resolver *resolver);

#endif
