/* Which of several addresses of one host to use first (RFC 6724), where the source of each is known. Any thread. */
#ifndef BASE_ADDR_PREFER_H
#define BASE_ADDR_PREFER_H

#include "base/addr.h"

/* How little `to` is preferred as a destination when sent to from `from`, which is of its family: the less, the sooner
 * it is to be used; equal where RFC 6724 leaves it to who knows more (rules 9 and 10). */
uint32_t addr_prefer(const struct addr *to, const struct addr *from);

#endif
