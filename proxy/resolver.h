/* Names of targets to addresses by RFC 3263 (NAPTR, SRV, A and AAAA) and RFC 7984 (both families), again when their time
 * to live is over, on the control thread; never on a call's way. Each address is a target of its own.
 *
 * While DNS is down, or fails, the last good answer stays. That a name has no addresses, or no longer the records by which
 * it was found, is believed when it has been said RESOLVER_DENIALS times in a row; that the service is decidedly not there
 * (SRV target ".", RFC 2782), at once. */
#ifndef PROXY_RESOLVER_H
#define PROXY_RESOLVER_H

#include "base/err.h"
#include "proxy/table.h"

#define RESOLVER_DENIALS 3

struct loop;
struct resolver;

/* Looks after every target of a table whose host is a name; addresses are those of the families of `egress`, where the
 * node sends from, and in the order that RFC 6724 gives from there. Queries go out once `loop` turns. Control thread, as
 * all of these. */
struct resolver *resolver_new(struct loop *loop, const struct addr *egress, unsigned n_egress, struct err *err);
/* This table's from now on; what it has in common with the one before goes on undisturbed. 0 or -ENOMEM. */
int resolver_set_table(struct resolver *resolver, const struct table *table);
/* A name that is no target's, with its slots, until it is forgotten. 0 or -ENOMEM. */
int resolver_want_host(struct resolver *resolver, struct target *const *slots, unsigned n_slots);
/* By its first slot. They are not written any more. */
void resolver_forget_host(struct resolver *resolver, const struct target *target);
void resolver_free(struct resolver *resolver);

/* Names whose last lookup failed, and lookups that did since the start. */
void resolver_status(const struct resolver *resolver, unsigned *failing, uint64_t *failures);

#endif
