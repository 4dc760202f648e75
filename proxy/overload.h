/* Overload of a worker (RFC 6357): how long datagrams wait before they are served, against a target, and
 * from it the share of new calls to turn away. What is measured is the shortest wait within a window, as
 * CoDel does (RFC 8289 section 4.2): a burst that is worked off leaves it small, a queue that stands does not. Each
 * queue has its own, and the longest counts: one that is full is not hidden by one that is empty.
 *
 * A value of its worker's, whose thread calls everything but overload_shed(). */
#ifndef PROXY_OVERLOAD_H
#define PROXY_OVERLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OVERLOAD_WINDOW_US 100000LL
#define OVERLOAD_ONE 65536u      /* all new calls */
#define OVERLOAD_MOST 64000u     /* some are always let in, so that the figure stays alive */

#define OVERLOAD_QUEUES 25       /* a worker's sockets, each with a queue of its own, and its inboxes */
#define OVERLOAD_NONE (-1)

struct overload {
	int64_t until_us;            /* end of the running window; 0: none yet */
	int64_t least_us[OVERLOAD_QUEUES];  /* shortest wait within it; OVERLOAD_NONE: nothing came */
	_Atomic uint32_t shed;       /* parts of OVERLOAD_ONE of new calls to turn away */
};

/* A datagram, or the one of a batch that waited least, waited `wait_us` in that queue. True when shedding has begun or ended
 * with it. */
bool overload_measure(struct overload *o, unsigned queue, int64_t now_us, int64_t wait_us, int64_t target_us);
/* Time has passed, whether anything came or not. The same result. */
bool overload_turn(struct overload *o, int64_t now_us, int64_t target_us);
/* Whether to turn this new call away; `chance` is any random number. */
bool overload_refuses(const struct overload *o, uint64_t chance);
/* Any thread: 0 to OVERLOAD_MOST. */
static inline uint32_t overload_shed(const struct overload *o)
{
	return atomic_load_explicit(&o->shed, memory_order_relaxed);
}

#endif
