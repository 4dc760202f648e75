/* The addresses of this host, by netlink: is the anycast address here, put it on lo, take it off.
 * The anycast thread (anycast_new() opens it).
 *
 * Whose is an address? What we add carries ADDRESS_PROTO (IFA_PROTO, Linux 5.18; newer
 * `ip address` shows it), so that after a crash the next process knows it for ours, adopts it, and takes it off
 * in the end, or at once if it is not wanted. An address on the host without the mark was put there by
 * somebody else: it is used, and left in place. Older kernels drop the mark; there an address left by
 * a crash counts as somebody else's, and stays. */
#ifndef ANYCAST_ADDRESS_H
#define ANYCAST_ADDRESS_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"

#define ADDRESS_PROTO 84

struct address_table;

/* NULL and `err` on failure. */
struct address_table *address_new(struct err *err);
void address_free(struct address_table *table);

/* 0 if addresses may be changed; -EPERM and what is missing. */
int address_may_change(struct address_table *table, struct err *err);
/* Reads the host's addresses; on failure those of the last time stay. */
int address_refresh(struct address_table *table, struct err *err);

enum address_state { ADDRESS_ABSENT, ADDRESS_FOREIGN, ADDRESS_OURS };

/* The questions answer as of the last refresh, and what was added or removed since. */
enum address_state address_state(const struct address_table *table, const struct addr *addr);
/* Some address of the prefix is on this host. */
bool address_any_in(const struct address_table *table, const struct prefix *prefix);
/* An address of `family` that a router can use, on the interface that has `local`. */
bool address_beside(const struct address_table *table, const struct addr *local, int family, struct addr *out);

/* On lo, as /32 or /128. 0, also when it is there already (and then is not ours). */
int address_add(struct address_table *table, const struct addr *addr, struct err *err);
/* Only what is ours. 0, also when somebody has removed it. */
int address_remove(struct address_table *table, const struct addr *addr, struct err *err);

#endif
