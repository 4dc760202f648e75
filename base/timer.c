/* The timer wheel: five levels of 64 slots, a slot of level n being 64^n ticks wide; together 2^30 ms,
 * about 12 days. A timer lies in the level that its distance from the wheel's tick asks for; when the
 * tick reaches the beginning of a slot above level 0, its timers are dealt out to the levels below
 * (cascaded). A delay beyond the wheel's range waits in the farthest slot and is dealt out again.
 *
 * One 64-bit map a level says which slots hold timers, so the next tick at which anything happens is
 * found in five rotations, however long the wheel has been idle.
 *
 * A timer that a callback starts is never called in the same run, so that a timer which starts itself
 * again with no delay cannot keep a run from ending: if it is due already it waits in `overdue`. */
#include "base/timer.h"

#include "base/clock.h"

#include <stdlib.h>

#define LEVELS 5
#define BITS 6
#define SLOTS (1 << BITS)
#define RANGE (1LL << (LEVELS * BITS))

struct timer_wheel {
	int64_t tick;     /* the next tick to look at; all before are done */
	int64_t done_ms;  /* what is due by then is called by a run, the one at hand included */
	unsigned count;
	struct timer *overdue;
	struct timer *firing;
	uint64_t map[LEVELS];
	struct timer *slots[LEVELS * SLOTS];
};

struct timer_wheel *timer_wheel_new(int64_t now_us)
{
	struct timer_wheel *wheel = calloc(1, sizeof(*wheel));
	if (!wheel)
		return NULL;
	wheel->done_ms = now_us / CLOCK_MS;
	wheel->tick = wheel->done_ms + 1;
	return wheel;
}

void timer_wheel_free(struct timer_wheel *wheel)
{
	free(wheel);
}

static void push(struct timer **head, struct timer *timer)
{
	timer->next = *head;
	timer->prev = head;
	if (timer->next)
		timer->next->prev = &timer->next;
	*head = timer;
}

static void unlink_timer(struct timer_wheel *wheel, struct timer *timer)
{
	*timer->prev = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	/* the last one of a slot takes the slot's bit along */
	uintptr_t at = (uintptr_t)timer->prev - (uintptr_t)wheel->slots;
	if (!timer->next && at < sizeof(wheel->slots)) {
		size_t slot = at / sizeof(wheel->slots[0]);
		wheel->map[slot / SLOTS] &= ~(1ULL << slot % SLOTS);
	}
	timer->next = NULL;
	timer->prev = NULL;
}

/* Puts a timer that is not yet due into its slot, seen from the wheel's tick. */
static void place(struct timer_wheel *wheel, struct timer *timer)
{
	int64_t delta = timer->due_ms - wheel->tick;
	if (delta >= RANGE)
		delta = RANGE - 1;
	unsigned level = delta < SLOTS ? 0 : (unsigned)(63 - __builtin_clzll((uint64_t)delta)) / BITS;
	unsigned slot = (unsigned)((wheel->tick + delta) >> (level * BITS)) % SLOTS;
	wheel->map[level] |= 1ULL << slot;
	push(&wheel->slots[level * SLOTS + slot], timer);
}

void timer_start(struct timer_wheel *wheel, struct timer *timer, timer_fn *fn, int64_t now_us, int64_t delay_us)
{
	timer_stop(wheel, timer);
	if (delay_us < 0)
		delay_us = 0;
	if (delay_us > INT64_MAX / 2 - now_us)
		delay_us = INT64_MAX / 2 - now_us;
	timer->fn = fn;
	timer->due_ms = (now_us + delay_us + CLOCK_MS - 1) / CLOCK_MS;
	wheel->count++;
	if (timer->due_ms <= wheel->done_ms)
		push(&wheel->overdue, timer);
	else
		place(wheel, timer);
}

void timer_stop(struct timer_wheel *wheel, struct timer *timer)
{
	if (!timer_running(timer))
		return;
	unlink_timer(wheel, timer);
	wheel->count--;
}

/* The first tick, from the wheel's on, at which a slot must be looked at; INT64_MAX if there is none. */
static int64_t next_tick(const struct timer_wheel *wheel)
{
	int64_t next = INT64_MAX;
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t map = wheel->map[level];
		if (!map)
			continue;
		unsigned shift = level * BITS;
		int64_t block = (wheel->tick + (1LL << shift) - 1) >> shift;  /* the first to begin from now on */
		unsigned turn = (unsigned)block % SLOTS;
		uint64_t turned = map >> turn | map << (-turn % SLOTS);
		int64_t at = (block + __builtin_ctzll(turned)) << shift;
		if (at < next)
			next = at;
	}
	return next;
}

/* Takes the whole slot at `head` over to `to`, which is empty. */
static void take(struct timer **head, struct timer **to)
{
	*to = *head;
	*head = NULL;
	if (*to)
		(*to)->prev = to;
}

static void take_slot(struct timer_wheel *wheel, unsigned level, struct timer **to)
{
	unsigned slot = (unsigned)(wheel->tick >> (level * BITS)) % SLOTS;
	wheel->map[level] &= ~(1ULL << slot);
	take(&wheel->slots[level * SLOTS + slot], to);
}

static void cascade(struct timer_wheel *wheel)
{
	for (unsigned level = 1; level < LEVELS && !(wheel->tick & ((1LL << (level * BITS)) - 1)); level++) {
		struct timer *list, *timer;
		take_slot(wheel, level, &list);
		while ((timer = list)) {
			unlink_timer(wheel, timer);
			place(wheel, timer);
		}
	}
}

static void fire(struct timer_wheel *wheel)
{
	struct timer *timer;
	while ((timer = wheel->firing)) {
		timer_stop(wheel, timer);
		timer->fn(timer);
	}
}

void timer_wheel_run(struct timer_wheel *wheel, int64_t now_us)
{
	int64_t now_ms = now_us / CLOCK_MS;
	if (now_ms > wheel->done_ms)
		wheel->done_ms = now_ms;
	take(&wheel->overdue, &wheel->firing);
	fire(wheel);
	for (int64_t tick; (tick = next_tick(wheel)) <= wheel->done_ms;) {
		wheel->tick = tick;
		cascade(wheel);
		take_slot(wheel, 0, &wheel->firing);
		wheel->tick = tick + 1;
		fire(wheel);
	}
	wheel->tick = wheel->done_ms + 1;
}

int64_t timer_wheel_next_us(const struct timer_wheel *wheel, int64_t now_us)
{
	if (wheel->overdue)
		return now_us;
	int64_t tick = next_tick(wheel);
	return tick == INT64_MAX ? INT64_MAX : tick * CLOCK_MS;
}

unsigned timer_wheel_count(const struct timer_wheel *wheel)
{
	return wheel->count;
}
