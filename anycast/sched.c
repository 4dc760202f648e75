/* One timer wheel and the one libevent timer that turns it. See sched.h; the anycast thread. */
#include "anycast/sched.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

struct sched {
	struct timer_wheel *wheel;
	struct event *event;    /* NULL in tests */
	int64_t armed_us;       /* when it is due; INT64_MAX: not armed */
};

static void arm(struct sched *s)
{
	int64_t now = clock_us(), next = timer_wheel_next_us(s->wheel, now), wait;
	struct timeval tv;

	if (!s->event || next == s->armed_us)
		return;
	s->armed_us = next;
	if (next == INT64_MAX) {
		event_del(s->event);
		return;
	}
	wait = next > now ? next - now : 0;
	tv = (struct timeval){.tv_sec = wait / CLOCK_SEC, .tv_usec = wait % CLOCK_SEC};
	event_add(s->event, &tv);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct sched *s = arg;

	s->armed_us = INT64_MAX;
	sched_run(s);
}

struct sched *sched_new(struct event_base *base)
{
	struct sched *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->armed_us = INT64_MAX;
	s->wheel = timer_wheel_new(clock_us());
	s->event = base ? event_new(base, -1, 0, on_event, s) : NULL;
	if (!s->wheel || (base && !s->event)) {
		sched_free(s);
		return NULL;
	}
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	if (s->event)
		event_free(s->event);
	timer_wheel_free(s->wheel);
	free(s);
}

void sched_start(struct sched *s, struct timer *timer, timer_fn *fn, int64_t delay_us)
{
	timer_start(s->wheel, timer, fn, clock_us(), delay_us);
	arm(s);
}

void sched_stop(struct sched *s, struct timer *timer)
{
	timer_stop(s->wheel, timer);  /* a needless wake-up later costs less than arming again now */
}

void sched_run(struct sched *s)
{
	timer_wheel_run(s->wheel, clock_us());
	arm(s);
}

int64_t sched_jitter(int64_t us)
{
	uint16_t r = 0;

	if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
		r = (uint16_t)clock_us();
	return us - us / 4 * r / UINT16_MAX;
}
