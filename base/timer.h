/* A hierarchical timer wheel (Varghese and Lauck, SOSP 1987): starting and stopping a timer cost the
 * same however many there are. Ticks of one millisecond. A wheel belongs to one thread. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer_wheel;
struct timer;
typedef void timer_fn(struct timer *timer);

/* Lives inside its owner (container_of); zeroed is "not running". */
struct timer {
	struct timer *next, **prev;
	int64_t due_ms;
	timer_fn *fn;
};

struct timer_wheel *timer_wheel_new(int64_t now_us);
/* Does not call the timers that still run. */
void timer_wheel_free(struct timer_wheel *wheel);

/* `fn(timer)` is called once, by timer_wheel_run(), at the first run at or after `delay_us` from
 * `now_us` (rounded up to a millisecond; never early). A running timer is moved. */
void timer_start(struct timer_wheel *wheel, struct timer *timer, timer_fn *fn, int64_t now_us, int64_t delay_us);
void timer_stop(struct timer_wheel *wheel, struct timer *timer);
static inline bool timer_running(const struct timer *timer) { return timer->prev != 0; }

/* Calls every timer that is due at `now_us`; a callback may start and stop any timer, itself too. What
 * a callback starts is called by a later run, even if it is due at once. */
void timer_wheel_run(struct timer_wheel *wheel, int64_t now_us);
/* When timer_wheel_run() has to be called next: a time in µs not later than the earliest timer, maybe
 * earlier, because far timers are sorted anew on their way; INT64_MAX with no timer running. After a run
 * at `now_us` it is later than `now_us`, or `now_us` if a callback started a timer that is due already. */
int64_t timer_wheel_next_us(const struct timer_wheel *wheel, int64_t now_us);
unsigned timer_wheel_count(const struct timer_wheel *wheel);

#endif
