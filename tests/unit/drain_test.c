/* The ordered way out, with a proxy and a route that are the test's own, and the clock set by it. */
#include "daemon/drain.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "anycast/anycast.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/proxy.h"
#include "tests/unit/unit.h"

/* ---- what the drain looks at ---- */

static struct { unsigned open, calls, routes; uint64_t placed; int64_t last_invite_us; bool refusing; } world;
static struct { unsigned rechecks, done, looks; } seen;
static char lines[8192];

unsigned proxy_trunks(const struct proxy *p) { return 2; }
unsigned proxy_open(const struct proxy *p) { return world.open; }

void proxy_drain(struct proxy *p, bool on) { world.refusing = on; }

int64_t proxy_last_invite_us(const struct proxy *p)
{
	seen.looks++;                             /* once a look or twice */
	return world.last_invite_us;
}

void proxy_trunk(const struct proxy *p, unsigned i, struct proxy_trunk_status *out)
{
	*out = (struct proxy_trunk_status){.calls = i ? 0 : world.calls, .calls_total = i ? world.placed : 0};
}

void anycast_status(struct anycast *a, struct anycast_status *out)
{
	memset(out, 0, sizeof *out);
	out->n_prefixes = 2;
	out->prefixes[1].peers_announced = world.routes;
}

void anycast_recheck(struct anycast *a) { seen.rechecks++; }

static void on_done(void *arg) { seen.done++; }

static void on_line(void *arg, enum log_level level, const char *line, size_t len)
{
	size_t n = strlen(lines);

	snprintf(lines + n, sizeof lines - n, "%.*s\n", (int)len, line);
}

/* ---- */

static struct loop *loop;
static struct drain *drain;

static void begin(unsigned routes)
{
	static char proxy, anycast;  /* never looked into */
	const struct drain_config config = {.quiet_ms = 2000, .limit_ms = 10000, .finish_ms = 5000};

	memset(&world, 0, sizeof world);
	memset(&seen, 0, sizeof seen);
	lines[0] = 0;
	log_set_sink(on_line, NULL);
	clock_test_set(1000 * CLOCK_SEC, 1000 * CLOCK_SEC);
	world.routes = routes;
	loop = loop_new("drain-test");
	drain = drain_new(loop, (struct proxy *)&proxy, (struct anycast *)&anycast, &config, on_done, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(drain);
}

static void end(void)
{
	drain_free(drain);
	loop_free(loop);
}

/* So much later, the drain looks once more. */
static void look_after(int64_t us)
{
	unsigned before = seen.looks;

	clock_test_advance(us);
	for (int i = 0; i < 100 && seen.looks == before; i++)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

static void expect_facts(bool draining, bool drained, bool stopping)
{
	struct policy_route_facts f = {0};

	drain_facts(drain, &f);
	CU_ASSERT_EQUAL(f.draining, draining);
	CU_ASSERT_EQUAL(f.drained, drained);
	CU_ASSERT_EQUAL(f.stopping, stopping);
}

static void expect_step(enum drain_step step)
{
	struct drain_status s;

	drain_status(drain, &s);
	CU_ASSERT_EQUAL(s.step, step);
	CU_ASSERT_EQUAL(drain_step(drain), step);
}

static bool said(const char *text) { return strstr(lines, text) != NULL; }

static void test_in_order(void)
{
	struct drain_status s;

	begin(3);
	expect_step(DRAIN_NO);
	expect_facts(false, false, false);
	world.calls = 7;
	drain_begin(drain, false, "somebody");
	expect_step(DRAIN_WORSE);
	expect_facts(true, false, false);
	CU_ASSERT_EQUAL(seen.rechecks, 1);
	look_after(CLOCK_SEC);
	world.placed = 5;
	world.last_invite_us = clock_us();        /* calls still come: the quiet time begins again */
	look_after(CLOCK_SEC);
	expect_step(DRAIN_WORSE);
	look_after(500 * CLOCK_MS);
	expect_step(DRAIN_WORSE);
	look_after(600 * CLOCK_MS);
	expect_step(DRAIN_LEAVE);
	expect_facts(true, true, false);
	CU_ASSERT_TRUE(said("new calls have stopped coming"));
	look_after(CLOCK_SEC);
	CU_ASSERT_FALSE(world.refusing);          /* a peer still has the route: calls may come */
	world.routes = 0;
	look_after(CLOCK_SEC);
	expect_step(DRAIN_LEAVE);                 /* the packets on their way get their second */
	world.open = 1;
	look_after(CLOCK_SEC);
	expect_step(DRAIN_FINISH);
	CU_ASSERT_TRUE(world.refusing);
	look_after(CLOCK_SEC);
	expect_step(DRAIN_FINISH);
	world.open = 0;
	look_after(CLOCK_SEC);
	expect_step(DRAIN_DONE);
	CU_ASSERT_EQUAL(seen.done, 0);            /* not asked to end */
	drain_status(drain, &s);
	CU_ASSERT_EQUAL(s.new_calls, 5);
	CU_ASSERT_EQUAL(s.calls, 7);
	end();
}

static void test_limits(void)
{
	begin(1);
	drain_begin(drain, true, "SIGTERM");
	for (int i = 0; i < 9; i++) {
		world.last_invite_us = clock_us();
		look_after(CLOCK_SEC);
	}
	expect_step(DRAIN_WORSE);
	world.last_invite_us = clock_us();
	look_after(CLOCK_SEC);
	expect_step(DRAIN_LEAVE);                 /* limit_ms, though calls come */
	expect_facts(true, true, true);
	CU_ASSERT_TRUE(said("new calls still come, the limit is reached"));
	look_after(4 * CLOCK_SEC);
	expect_step(DRAIN_LEAVE);
	look_after(CLOCK_SEC);                    /* a peer that does not take the withdrawal */
	expect_step(DRAIN_FINISH);
	world.open = 2;
	look_after(4 * CLOCK_SEC);
	expect_step(DRAIN_FINISH);
	look_after(CLOCK_SEC);                    /* finish_ms */
	expect_step(DRAIN_DONE);
	CU_ASSERT_TRUE(said("2 requests left"));
	CU_ASSERT_EQUAL(seen.done, 1);
	end();
}

static void test_no_route(void)
{
	begin(0);
	drain_begin(drain, false, "somebody");
	expect_step(DRAIN_LEAVE);                 /* nothing to be made worse */
	look_after(0);
	look_after(CLOCK_SEC);
	expect_step(DRAIN_FINISH);
	end();
}

static void test_back(void)
{
	struct err err;

	begin(1);
	CU_ASSERT_EQUAL(drain_end(drain, "somebody", &err), 0);
	drain_begin(drain, false, "somebody");
	world.routes = 0;
	look_after(2 * CLOCK_SEC);
	look_after(0);
	look_after(CLOCK_SEC);
	CU_ASSERT_TRUE(world.refusing);
	CU_ASSERT_EQUAL(drain_end(drain, "somebody", &err), 0);
	expect_step(DRAIN_NO);
	expect_facts(false, false, false);
	CU_ASSERT_FALSE(world.refusing);
	drain_begin(drain, true, "SIGTERM");
	CU_ASSERT_TRUE(drain_end(drain, "somebody", &err) < 0);
	CU_ASSERT_TRUE(strstr(err.text, "stopping") != NULL);
	end();
}

/* A drained node that is told to end does so without beginning anew; twice is once. */
static void test_stop_when_drained(void)
{
	begin(0);
	drain_begin(drain, false, "somebody");
	look_after(0);
	look_after(CLOCK_SEC);
	look_after(CLOCK_SEC);
	expect_step(DRAIN_DONE);
	CU_ASSERT_EQUAL(seen.done, 0);
	drain_begin(drain, true, "SIGTERM");
	CU_ASSERT_TRUE(said("is under way already"));
	look_after(0);
	CU_ASSERT_EQUAL(seen.done, 1);
	end();
}

UNIT_MAIN("drain", {"every step in its order", test_in_order}, {"limits", test_limits}, {"no route", test_no_route},
          {"back into service", test_back}, {"stop when drained", test_stop_when_drained})
