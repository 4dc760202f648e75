/* The overload controller, on a clock of the test's. */
#include "proxy/overload.h"

#include "tests/unit/unit.h"

#define TARGET 20000
#define STEP 10000

static struct overload o;
static int64_t now;

static void begin(void)
{
	o = (struct overload){0};
	now = 1000000;
}

/* One datagram every 10 ms for `ms`, each after this wait; how often shedding began or ended. */
static unsigned pass(int64_t ms, int64_t wait_us)
{
	unsigned turns = 0;
	for (int64_t end = now + ms * 1000; now < end; now += STEP)
		turns += overload_measure(&o, 0, now, wait_us, TARGET);
	return turns;
}

static void test_below(void)
{
	begin();
	CU_ASSERT_EQUAL(pass(5000, TARGET), 0);
	CU_ASSERT_EQUAL(overload_shed(&o), 0);
	CU_ASSERT_FALSE(overload_refuses(&o, 0));
}

static void test_burst(void)
{
	begin();
	for (int i = 0; i < 100; i++) {  /* long waits, but each window sees the queue empty once */
		pass(90, 10 * TARGET);
		pass(10, 0);
	}
	CU_ASSERT_EQUAL(overload_shed(&o), 0);
}

static void test_standing(void)
{
	begin();
	CU_ASSERT_EQUAL(pass(150, 5 * TARGET), 1);
	uint32_t first = overload_shed(&o);
	CU_ASSERT(first > 0);
	CU_ASSERT_EQUAL(pass(3000, 5 * TARGET), 0);
	CU_ASSERT(overload_shed(&o) > first);
	CU_ASSERT(overload_shed(&o) > OVERLOAD_MOST * 9 / 10);
	CU_ASSERT(overload_shed(&o) <= OVERLOAD_MOST);
	CU_ASSERT_TRUE(overload_refuses(&o, 0));
	CU_ASSERT_FALSE(overload_refuses(&o, UINT64_MAX));  /* some are always let in */
}

static void test_slightly_above(void)
{
	begin();
	pass(250, TARGET + 1);
	uint32_t slow = overload_shed(&o);
	begin();
	pass(250, 4 * TARGET);
	CU_ASSERT(slow > 0);
	CU_ASSERT(overload_shed(&o) > 3 * slow);
}

static void test_recovers(void)
{
	begin();
	pass(3000, 5 * TARGET);
	CU_ASSERT_EQUAL(pass(10000, 0), 1);
	CU_ASSERT_EQUAL(overload_shed(&o), 0);
}

static void test_silence(void)
{
	begin();
	pass(3000, 5 * TARGET);
	CU_ASSERT_TRUE(overload_turn(&o, now + 3600LL * 1000000, TARGET));  /* nothing came for an hour */
	CU_ASSERT_EQUAL(overload_shed(&o), 0);
	now += 3600LL * 1000000;
	CU_ASSERT_EQUAL(pass(1000, 0), 0);
}

/* A worker that serves half of what is offered: each window's wait grows by what was let in beyond that. */
static void test_settles(void)
{
	int64_t wait = 0, most = 0, sum = 0;
	begin();
	for (int window = 0; window < 600; window++) {
		double let_in = 2.0 * (1.0 - overload_shed(&o) / (double)OVERLOAD_ONE);
		wait += (int64_t)((let_in - 1.0) * 100000);
		wait = wait < 0 ? 0 : wait;
		pass(100, wait);
		most = window > 100 && wait > most ? wait : most;
		sum += window > 100 ? (int64_t)(let_in * 1000) : 0;
	}
	CU_ASSERT(most < 500000);           /* below the first retransmission */
	CU_ASSERT(sum / 499 > 850 && sum / 499 < 1050);  /* nearly all that can be served is let in */
}

/* One queue stands, another is worked off at once: it is the first that counts. */
static void test_queues(void)
{
	o = (struct overload){0};
	for (now = 1; now < 3000000; now += 1000) {
		overload_measure(&o, 0, now, 10 * TARGET, TARGET);
		overload_measure(&o, 1, now, 0, TARGET);
	}
	CU_ASSERT(overload_shed(&o) > OVERLOAD_MOST / 2);
}

UNIT_MAIN("overload", {"a full queue beside an empty one", test_queues}, {"at the target nothing is shed", test_below}, {"a burst sheds nothing", test_burst},
	  {"a standing queue sheds", test_standing}, {"the further above, the faster", test_slightly_above},
	  {"it ends with the queue", test_recovers}, {"it ends with silence", test_silence},
	  {"at twice the load it settles at what can be served", test_settles})
