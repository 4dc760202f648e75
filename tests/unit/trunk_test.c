/* proxy/trunk: calls at once, calls a second (GCRA), and that what is taken is given back. */
#include "proxy/trunk.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#include <string.h>

#define T0 (1000 * CLOCK_SEC)

static struct trunk fresh(uint32_t max_calls, uint32_t max_cps)
{
	static struct trunk_live live;
	struct trunk t;
	memset(&t, 0, sizeof t);
	memset(&live, 0, sizeof live);
	t.live = &live;
	t.max_calls = max_calls;
	t.max_cps = max_cps;
	return t;
}

static unsigned admitted(struct trunk *t, int64_t now, unsigned tries)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++)
		n += trunk_admit(t, now);
	return n;
}

static void test_no_limits(void)
{
	struct trunk t = fresh(0, 0);
	CU_ASSERT_EQUAL(admitted(&t, T0, 100000), 100000);
	CU_ASSERT_EQUAL(t.live->setups, 100000);
	CU_ASSERT_EQUAL(t.live->calls_total, 100000);
}

static void test_max_calls(void)
{
	struct trunk t = fresh(3, 0);
	CU_ASSERT_EQUAL(admitted(&t, T0, 5), 3);
	CU_ASSERT_EQUAL(t.live->setups, 3);
	CU_ASSERT_EQUAL(t.live->calls_total, 3);
	trunk_setup_end(&t, true);   /* answered: still a call */
	CU_ASSERT_EQUAL(t.live->setups, 2);
	CU_ASSERT_EQUAL(t.live->calls, 1);
	CU_ASSERT_FALSE(trunk_admit(&t, T0));
	trunk_setup_end(&t, false);  /* failed: room again */
	CU_ASSERT(trunk_admit(&t, T0));
	CU_ASSERT_FALSE(trunk_admit(&t, T0));
	trunk_call_end(&t);
	CU_ASSERT_EQUAL(t.live->calls, 0);
	CU_ASSERT(trunk_admit(&t, T0));
	CU_ASSERT_FALSE(trunk_admit(&t, T0));
	CU_ASSERT_EQUAL(t.live->setups, 3);
}

static void test_burst(void)
{
	static const uint32_t rates[] = {1, 2, 3, 7, 10, 200, 999};
	for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		struct trunk t = fresh(0, rates[i]);
		CU_ASSERT_EQUAL(admitted(&t, T0, 2 * rates[i] + 5), rates[i]);  /* one second's worth */
		CU_ASSERT_EQUAL(admitted(&t, T0 + CLOCK_SEC, 2 * rates[i] + 5), rates[i]);
		CU_ASSERT_EQUAL(admitted(&t, T0 + 100 * CLOCK_SEC, 2 * rates[i] + 5), rates[i]);  /* saved up no more */
	}
}

static void test_pace(void)
{
	struct trunk t = fresh(0, 10);
	CU_ASSERT_EQUAL(admitted(&t, T0, 20), 10);
	CU_ASSERT_EQUAL(t.live->over_cps, 10);
	CU_ASSERT_EQUAL(t.live->over_calls, 0);
	CU_ASSERT_EQUAL(admitted(&t, T0 + 99 * CLOCK_MS, 5), 0);
	CU_ASSERT_EQUAL(admitted(&t, T0 + 100 * CLOCK_MS, 5), 1);
	CU_ASSERT_EQUAL(admitted(&t, T0 + 199 * CLOCK_MS, 5), 0);
	CU_ASSERT_EQUAL(admitted(&t, T0 + 300 * CLOCK_MS, 5), 2);
}

/* Calls that come faster than allowed, for ten seconds: exactly the rate, and the first second's burst. */
static void test_long_run(void)
{
	struct trunk t = fresh(0, 50);
	unsigned n = 0;
	for (int64_t now = T0; now < T0 + 10 * CLOCK_SEC; now += CLOCK_MS)
		n += trunk_admit(&t, now);
	CU_ASSERT(n >= 548 && n <= 550);
}

static void test_refused_costs_nothing(void)
{
	struct trunk t = fresh(1, 10);
	CU_ASSERT(trunk_admit(&t, T0));
	CU_ASSERT_EQUAL(admitted(&t, T0, 100), 0);  /* by max_calls: takes nothing of the rate */
	CU_ASSERT_EQUAL(t.live->over_calls, 100);
	CU_ASSERT_EQUAL(t.live->over_cps, 0);
	trunk_setup_end(&t, false);
	CU_ASSERT(trunk_admit(&t, T0));
	CU_ASSERT_EQUAL(t.live->setups, 1);
	CU_ASSERT_EQUAL(t.live->calls_total, 2);
}

UNIT_MAIN("trunk", {"no limits", test_no_limits}, {"max_calls counts setups and calls", test_max_calls},
          {"a burst of one second's worth", test_burst}, {"then by the rate", test_pace},
          {"ten seconds of too many", test_long_run}, {"a refusal costs nothing", test_refused_costs_nothing})
