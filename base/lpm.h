/* Longest-prefix match from addresses to small numbers: trunks by their sources. Built once, then
 * read by any number of threads. 100,000 prefixes are looked up in well under 200 ns. */
#ifndef BASE_LPM_H
#define BASE_LPM_H

#include "base/addr.h"

struct lpm;

struct lpm *lpm_new(void);
void lpm_free(struct lpm *lpm);
/* Maps `prefix` to `value` (< 2^31). Returns 0, -EEXIST when the very prefix is there already (the
 * old value stays and is put in *existing), or -ENOMEM. */
int lpm_add(struct lpm *lpm, const struct prefix *prefix, uint32_t value, uint32_t *existing);
/* The value of the longest prefix that holds the address, or -1. */
int64_t lpm_find(const struct lpm *lpm, const struct addr *addr);

#endif
