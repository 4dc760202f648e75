/* The anycast thread's timers: base/timer.h driven by one libevent timer, with time from
 * base/clock.h, so that tests turn the clock themselves. Belongs to one thread. */
#ifndef ANYCAST_SCHED_H
#define ANYCAST_SCHED_H

#include <stdint.h>

#include "base/timer.h"

struct event_base;
struct sched;

/* `base` NULL: nothing runs by itself, the caller (a test) calls sched_run(). NULL without memory. */
struct sched *sched_new(struct event_base *base);
/* Before the base is freed; timers that still run are not called. */
void sched_free(struct sched *sched);

/* As timer_start() and timer_stop(). */
void sched_start(struct sched *sched, struct timer *timer, timer_fn *fn, int64_t delay_us);
void sched_stop(struct sched *sched, struct timer *timer);
/* Calls what is due by clock_us(). */
void sched_run(struct sched *sched);

/* `us` less a random part of up to a quarter (the jitter of RFC 4271 section 10). */
int64_t sched_jitter(int64_t us);

#endif
