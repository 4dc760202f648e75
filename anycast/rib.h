/* The set of prefixes that a peer has sent (its Adj-RIB-In, RFC 4271 section 3.2), for counting only:
 * nothing of it is installed, and it is bounded. The anycast thread. */
#ifndef ANYCAST_RIB_H
#define ANYCAST_RIB_H

#include "base/addr.h"

/* More are not kept: a peer that sends a full table by mistake must not cost us memory, nor (by
 * closing the session) our route. */
#define RIB_MAX 10000

struct rib;

struct rib *rib_new(void);
void rib_free(struct rib *rib);
/* 0, also when it is there already; -ENOSPC when full, -ENOMEM. */
int rib_add(struct rib *rib, const struct prefix *prefix);
void rib_remove(struct rib *rib, const struct prefix *prefix);
void rib_clear(struct rib *rib);
/* Those of AF_INET or AF_INET6 alone. */
void rib_clear_family(struct rib *rib, int family);
unsigned rib_count(const struct rib *rib);
unsigned rib_count_family(const struct rib *rib, int family);

#endif
