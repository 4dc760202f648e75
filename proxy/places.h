/* Where one lookup of a name found it, and how that goes into the name's targets. The control thread. */
#ifndef PROXY_PLACES_H
#define PROXY_PLACES_H

#include "proxy/target.h"

#define PLACES_MAX 32

struct places {
	struct target_place all[PLACES_MAX];
	unsigned n;
};

/* Once each, by the better of its records; more than PLACES_MAX are left out. */
void places_add(struct places *places, const struct target_place *place);
/* Those to be used first, first, and at most `most` of them; returns how many there were. */
unsigned places_order(struct places *places, unsigned most);
/* Families of addresses, a bit each. */
enum { PLACES_IPV4 = 1, PLACES_IPV6 = 2, PLACES_BOTH = 3 };
/* Into the slots: a place that is in one already stays there, with what is known of its health, for answers come in any
 * order. What is in a slot and was not found gives its room if its family is in `whole`: all of those were found; else it
 * may well be there, and stays. */
void places_take(const struct places *places, struct target *const *slots, unsigned n_slots, int ttl_s, unsigned whole);

#endif
