/* Where names are: see places.h. */
#include "proxy/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static bool among(const struct places *s, const struct target_place *p, unsigned *which)
{
	for (*which = 0; *which < s->n; ++*which)
		if (target_place_same(&s->all[*which], p))
			return true;
	return false;
}

/* Among equals by their text, so that it is not for the answers' order to say which are used. */
static int order(const void *a, const void *b)
{
	const struct target_place *x = a, *y = b;
	char tx[ADDR_STR_LEN], ty[ADDR_STR_LEN];
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(addr_str(&x->address, tx), addr_str(&y->address, ty));
}

void places_add(struct places *s, const struct target_place *p)
{
	unsigned which;
	if (!among(s, p, &which)) {
		if (s->n < PLACES_MAX)
			s->all[s->n++] = *p;
	} else if (order(p, &s->all[which]) < 0) {
		s->all[which] = *p;
	}
}

unsigned places_order(struct places *s, unsigned most)
{
	unsigned n = s->n;
	qsort(s->all, n, sizeof s->all[0], order);
	if (s->n > most)
		s->n = most;
	return n;
}

static void note(const struct target *t, const char *what, const struct target_place *p)
{
	char text[ADDR_STR_LEN];
	bool udp = p->transport == SIP_UDP;
	if (t->lone && log_get_level() < LL_DEBUG)
		return;
	log_printf(t->lone ? LL_DEBUG : LL_INFO, "target %s is %s %s%s%s", t->uri, what, addr_str(&p->address, text),
	           udp ? "" : " by ", udp ? "" : sip_transport_word(p->transport));
}

static void put(struct target *t, const struct target_place *p, int ttl_s)
{
	struct target_place before;
	bool same = target_place(t, &before) && target_place_same(&before, p);
	target_set_place(t, p);
	atomic_store_explicit(&t->expires_us, clock_us() + ttl_s * CLOCK_SEC, memory_order_relaxed);
	if (!same)
		note(t, "at", p);
}

static bool of_family(const struct target_place *p, unsigned families)
{
	return families & (addr_family(&p->address) == AF_INET6 ? PLACES_IPV6 : PLACES_IPV4);
}

void places_take(const struct places *s, struct target *const *slots, unsigned n_slots, int ttl_s, unsigned whole)
{
	struct target *empty[PROXY_ADDRESSES_MAX];
	bool placed[PLACES_MAX] = {false};
	unsigned n_empty = 0, k = 0, which;
	for (unsigned i = 0; i < n_slots; i++) {
		struct target_place p;
		bool had = target_place(slots[i], &p);
		if (had && among(s, &p, &which)) {
			placed[which] = true;
			put(slots[i], &s->all[which], ttl_s);
		} else if (!had || of_family(&p, whole)) {
			empty[n_empty++] = slots[i];
			if (had)
				note(slots[i], "no more at", &p);
		}
	}
	for (which = 0; which < s->n && k < n_empty; which++)
		if (!placed[which])
			put(empty[k++], &s->all[which], ttl_s);
	for (; k < n_empty; k++)
		target_set_place(empty[k], &TARGET_NOWHERE);
}
