/* base/timer: the wheel against a model that looks at every timer, over long and short times; and the
 * single promises one by one. */
#include "base/timer.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

struct probe {
	struct timer timer;
	unsigned fired;
	int64_t fired_at;
};

static int64_t now;  /* what the callbacks take for the time */

static void on_probe(struct timer *timer)
{
	struct probe *probe = (struct probe *)timer;
	CU_ASSERT(!timer_running(timer));
	probe->fired++;
	probe->fired_at = now;
}

static void run_at(struct timer_wheel *wheel, int64_t us)
{
	now = us;
	timer_wheel_run(wheel, us);
}

static void test_one(void)
{
	struct timer_wheel *wheel = timer_wheel_new(5 * CLOCK_SEC);
	struct probe p = {.fired = 0};
	CU_ASSERT_EQUAL(timer_wheel_next_us(wheel, 5 * CLOCK_SEC), INT64_MAX);
	timer_start(wheel, &p.timer, on_probe, 5 * CLOCK_SEC, 500 * CLOCK_MS);
	CU_ASSERT(timer_running(&p.timer));
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 1);
	run_at(wheel, 5499 * CLOCK_MS + 999);
	CU_ASSERT_EQUAL(p.fired, 0);
	run_at(wheel, 5500 * CLOCK_MS);
	CU_ASSERT_EQUAL(p.fired, 1);
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 0);
	run_at(wheel, 50 * CLOCK_SEC);
	CU_ASSERT_EQUAL(p.fired, 1);
	timer_wheel_free(wheel);
}

static void test_rounds_up(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct probe p = {.fired = 0};
	timer_start(wheel, &p.timer, on_probe, 1000001, 1000);
	run_at(wheel, 1001999);
	CU_ASSERT_EQUAL(p.fired, 0);
	run_at(wheel, 1002000);
	CU_ASSERT_EQUAL(p.fired, 1);
	timer_wheel_free(wheel);
}

static void test_no_delay(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct probe p = {.fired = 0}, q = {.fired = 0};
	timer_start(wheel, &p.timer, on_probe, 1000000, 0);
	timer_start(wheel, &q.timer, on_probe, 1000000, -5);
	CU_ASSERT_EQUAL(timer_wheel_next_us(wheel, 1000000), 1000000);
	run_at(wheel, 1000000);
	CU_ASSERT_EQUAL(p.fired, 1);
	CU_ASSERT_EQUAL(q.fired, 1);
	timer_wheel_free(wheel);
}

static void test_stop_and_move(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct probe p = {.fired = 0};
	timer_stop(wheel, &p.timer);  /* of one not running: nothing */
	timer_start(wheel, &p.timer, on_probe, 1000000, CLOCK_SEC);
	timer_stop(wheel, &p.timer);
	CU_ASSERT(!timer_running(&p.timer));
	CU_ASSERT_EQUAL(timer_wheel_next_us(wheel, 1000000), INT64_MAX);
	run_at(wheel, 3000000);
	CU_ASSERT_EQUAL(p.fired, 0);
	timer_start(wheel, &p.timer, on_probe, 3000000, CLOCK_SEC);
	timer_start(wheel, &p.timer, on_probe, 3000000, 5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 1);
	run_at(wheel, 7999000);
	CU_ASSERT_EQUAL(p.fired, 0);
	run_at(wheel, 8000000);
	CU_ASSERT_EQUAL(p.fired, 1);
	timer_wheel_free(wheel);
}

/* A day, a month, and the longest delay there is: not early, not lost. */
static void test_far(void)
{
	static const int64_t delays_ms[] = {63, 64, 4095, 4096, 262143, 262144, 86400000LL, (1LL << 30) - 1, 1LL << 30,
					    (1LL << 30) + 1, 30 * 86400000LL, 4000 * 86400000LL};
	for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
		int64_t start = 123456789 * CLOCK_MS, due = start + delays_ms[i] * CLOCK_MS, at = start;
		struct timer_wheel *wheel = timer_wheel_new(start);
		struct probe p = {.fired = 0};
		unsigned wakes = 0;
		timer_start(wheel, &p.timer, on_probe, start, delays_ms[i] * CLOCK_MS);
		for (; !p.fired && wakes < 1000; wakes++) {
			at = timer_wheel_next_us(wheel, at);
			CU_ASSERT_FATAL(at <= due);
			run_at(wheel, at);
		}
		CU_ASSERT_EQUAL(p.fired_at, due);
		CU_ASSERT(wakes <= 6 + delays_ms[i] / (63LL << 24));  /* the farthest slot is 63 of 64 away */
		timer_wheel_free(wheel);
	}
	struct timer_wheel *wheel = timer_wheel_new(1000);
	struct probe p = {.fired = 0};
	timer_start(wheel, &p.timer, on_probe, 1000, INT64_MAX);
	run_at(wheel, 100 * 365 * 86400LL * CLOCK_SEC);
	CU_ASSERT_EQUAL(p.fired, 0);
	CU_ASSERT(timer_running(&p.timer));
	timer_wheel_free(wheel);
}

/* Callbacks that meddle with their own slot. */

struct meddler {
	struct timer timer;
	struct timer_wheel *wheel;
	struct meddler *stops, *starts;
	int64_t delay;
	unsigned fired;
};

static void on_meddler(struct timer *timer)
{
	struct meddler *m = (struct meddler *)timer;
	m->fired++;
	if (m->stops)
		timer_stop(m->wheel, &m->stops->timer);
	if (m->starts)
		timer_start(m->wheel, &m->starts->timer, on_meddler, now, m->starts->delay);
}

static void test_stop_in_slot(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct meddler m[3];
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++) {
		m[i].wheel = wheel;
		m[i].stops = &m[(i + 1) % 3];
		timer_start(wheel, &m[i].timer, on_meddler, 1000000, 10000);
	}
	run_at(wheel, 1010000);
	/* whichever came first stopped one; that one did not stop the third */
	CU_ASSERT_EQUAL(m[0].fired + m[1].fired + m[2].fired, 2);
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 0);
	timer_wheel_free(wheel);
}

static void test_move_in_slot(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct meddler m[2];
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 2; i++) {
		m[i].wheel = wheel;
		m[i].starts = &m[1 - i];
		m[i].delay = 64000;  /* the same slot, one turn on */
		timer_start(wheel, &m[i].timer, on_meddler, 1000000, 10000);
	}
	run_at(wheel, 1010000);
	CU_ASSERT_EQUAL(m[0].fired + m[1].fired, 1);
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 1);
	run_at(wheel, 1073999);
	CU_ASSERT_EQUAL(m[0].fired + m[1].fired, 1);
	run_at(wheel, 1074000);
	CU_ASSERT_EQUAL(m[0].fired + m[1].fired, 2);
	timer_wheel_free(wheel);
}

static void test_restart_without_delay(void)
{
	struct timer_wheel *wheel = timer_wheel_new(1000000);
	struct meddler m = {.wheel = wheel};
	m.starts = &m;
	timer_start(wheel, &m.timer, on_meddler, 1000000, 10000);
	run_at(wheel, 2000000);  /* late, and the restarted timer is due at once */
	CU_ASSERT_EQUAL(m.fired, 1);
	CU_ASSERT_EQUAL(timer_wheel_next_us(wheel, 2000000), 2000000);
	run_at(wheel, 2000000);
	CU_ASSERT_EQUAL(m.fired, 2);
	m.starts = NULL;
	run_at(wheel, 2000000);
	CU_ASSERT_EQUAL(m.fired, 3);
	CU_ASSERT_EQUAL(timer_wheel_count(wheel), 0);
	timer_wheel_free(wheel);
}

/* The model. Timers of random delays are started, moved and stopped, also by callbacks; the time goes
 * on by random steps or to just where the wheel wants to be called. After each run every timer must have
 * been called that was due and that no callback touched, and none that was not due. */

#define TIMERS 64

struct modelled {
	struct timer timer;
	int64_t due;       /* in µs, exact; -1 when it does not run */
	bool fresh;        /* started by a callback of the run at hand */
	unsigned fired;
};

static struct model {
	uint64_t seed;
	struct timer_wheel *wheel;
	struct modelled timers[TIMERS];
	bool running;
} model;

static uint64_t rnd(void)
{
	model.seed ^= model.seed << 13;
	model.seed ^= model.seed >> 7;
	model.seed ^= model.seed << 17;
	return model.seed;
}

static void on_modelled(struct timer *timer);

static void meddle(void)
{
	struct modelled *m = &model.timers[rnd() % TIMERS];
	if (rnd() % 3 == 0) {
		timer_stop(model.wheel, &m->timer);
		m->due = -1;
		return;
	}
	/* delays of all magnitudes up to some 50 days */
	int64_t delay = (int64_t)(rnd() >> (21 + rnd() % 43));
	timer_start(model.wheel, &m->timer, on_modelled, now, delay);
	m->due = now + delay;
	m->fresh = model.running;
}

static void on_modelled(struct timer *timer)
{
	struct modelled *m = (struct modelled *)timer;
	CU_ASSERT_FATAL(m->due >= 0 && !m->fresh);
	CU_ASSERT_FATAL((m->due + 999) / 1000 <= now / 1000);
	m->due = -1;
	for (uint64_t n = rnd() % 3; n; n--)
		meddle();
}

static void check_model(void)
{
	int64_t earliest = INT64_MAX;
	unsigned count = 0;
	bool due = false;
	for (int i = 0; i < TIMERS; i++) {
		struct modelled *m = &model.timers[i];
		CU_ASSERT_FATAL(timer_running(&m->timer) == (m->due >= 0));
		count += m->due >= 0;
		if (m->due < 0)
			continue;
		int64_t due_us = (m->due + 999) / 1000 * 1000;
		CU_ASSERT_FATAL(due_us > now || m->fresh || !model.running);
		due |= due_us <= now;
		earliest = due_us < earliest ? due_us : earliest;
		m->fresh = false;
	}
	CU_ASSERT_EQUAL_FATAL(timer_wheel_count(model.wheel), count);
	int64_t next = timer_wheel_next_us(model.wheel, now);
	CU_ASSERT_FATAL(count ? next <= (due ? now : earliest) : next == INT64_MAX);
	CU_ASSERT_FATAL(due || next > now);
}

static void step_model(void)
{
	int64_t next = timer_wheel_next_us(model.wheel, now);
	if (rnd() % 2 && next != INT64_MAX)
		now = next > now ? next : now;
	else
		now += (int64_t)(rnd() >> (25 + rnd() % 39));
	model.running = true;
	timer_wheel_run(model.wheel, now);
	check_model();
	model.running = false;
	for (uint64_t n = rnd() % 4; n; n--)
		meddle();
}

static void test_model(void)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		memset(&model, 0, sizeof(model));
		model.seed = seed * 0x9e3779b97f4a7c15u;
		now = (int64_t)(rnd() >> (12 + rnd() % 40));
		model.wheel = timer_wheel_new(now);
		for (int i = 0; i < TIMERS; i++)
			model.timers[i].due = -1;
		for (int i = 0; i < 2000; i++)
			step_model();
		timer_wheel_free(model.wheel);
	}
}

UNIT_MAIN("timer", {"one timer", test_one}, {"a delay is rounded up", test_rounds_up}, {"no delay", test_no_delay},
	  {"stop and move", test_stop_and_move}, {"far away", test_far},
	  {"a callback stops its slot's", test_stop_in_slot},
	  {"a callback moves its slot's", test_move_in_slot}, {"a restart without delay", test_restart_without_delay},
	  {"the wheel agrees with a model", test_model})
