/* base/clock: dates against the C library, the real clocks, and the settable one. */
#include "base/clock.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void check_date(int64_t sec, int64_t us)
{
	char got[CLOCK_RFC3339_LEN], want[64];
	time_t t = (time_t)sec;
	struct tm tm;
	gmtime_r(&t, &tm);
	snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)us);
	clock_rfc3339(sec * CLOCK_SEC + us, got);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void test_dates(void)
{
	char buf[CLOCK_RFC3339_LEN];
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(1769860800123456LL, buf), "2026-01-31T12:00:00.123456Z");
	CU_ASSERT_PTR_EQUAL(clock_rfc3339(0, buf), buf);
	/* each day of 500 years, at a time of day that moves */
	for (int64_t day = 0; day < 500 * 366; day++)
		check_date(day * 86400 + day * 7919 % 86400, day * 104729 % 1000000);
	check_date(951782399, 999999);   /* 2000-02-28T23:59:59 */
	check_date(951782400, 0);        /* 2000-02-29 */
	check_date(4107542400, 1);       /* 2100-03-01, no leap day before it */
}

static void test_bounds(void)
{
	char buf[CLOCK_RFC3339_LEN];
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(-1, buf), "1970-01-01T00:00:00.000000Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(INT64_MIN, buf), "1970-01-01T00:00:00.000000Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(INT64_MAX, buf), "9999-12-31T23:59:59.999999Z");
}

static void test_real(void)
{
	int64_t mono = clock_us(), wall = clock_wall_us();
	CU_ASSERT(mono > 0);
	CU_ASSERT(wall > 1700000000 * CLOCK_SEC);
	struct timespec nap = {.tv_nsec = 3000000};
	nanosleep(&nap, NULL);
	int64_t went = clock_us() - mono;
	CU_ASSERT(went >= 3 * CLOCK_MS && went < 10 * CLOCK_SEC);
}

static void test_set(void)
{
	clock_test_set(5, 1769860800000000LL);
	CU_ASSERT_EQUAL(clock_us(), 5);
	CU_ASSERT_EQUAL(clock_wall_us(), 1769860800000000LL);
	clock_test_advance(2 * CLOCK_SEC);
	CU_ASSERT_EQUAL(clock_us(), 2000005);
	CU_ASSERT_EQUAL(clock_wall_us(), 1769860802000000LL);
	clock_test_set(7, 8);
	CU_ASSERT_EQUAL(clock_us(), 7);
	CU_ASSERT_EQUAL(clock_wall_us(), 8);
}

UNIT_MAIN("clock", {"dates agree with gmtime_r", test_dates}, {"dates out of range are held", test_bounds},
	  {"the real clocks run", test_real}, {"a test sets the time", test_set})
