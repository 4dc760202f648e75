/* The one place that reads the time. Tests put a time of their own in its place; the loads are atomic
 * because a test may move the time while a loop's thread reads it. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool test_on;
static _Atomic int64_t test_mono_us, test_wall_us;

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * CLOCK_SEC + ts.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	if (atomic_load_explicit(&test_on, memory_order_relaxed))
		return atomic_load_explicit(&test_mono_us, memory_order_relaxed);
	return read_us(CLOCK_MONOTONIC) + 1;  /* 0 stays free to mean "never" */
}

int64_t clock_wall_us(void)
{
	if (atomic_load_explicit(&test_on, memory_order_relaxed))
		return atomic_load_explicit(&test_wall_us, memory_order_relaxed);
	return read_us(CLOCK_REALTIME);
}

static void put_digits(char *at, int count, int64_t v)
{
	for (int i = count - 1; i >= 0; i--, v /= 10)
		at[i] = (char)('0' + v % 10);
}

/* Days since 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March so
 * that the leap day comes last. By hand because gmtime_r() takes a lock that all threads share. */
static void put_date(char *at, int64_t days)
{
	int64_t z = days + 719468;  /* since 0000-03-01 */
	int64_t era = z / 146097, day_of_era = z % 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
	put_digits(at, 4, era * 400 + year_of_era + (month <= 2));
	put_digits(at + 5, 2, month);
	put_digits(at + 8, 2, day_of_year - (153 * march_month + 2) / 5 + 1);
}

const char *clock_rfc3339(int64_t wall_us, char buf[CLOCK_RFC3339_LEN])
{
	const int64_t last = 253402300800LL * CLOCK_SEC - 1;  /* 9999-12-31: RFC 3339 has four digits */
	static const char shape[CLOCK_RFC3339_LEN] = "0000-00-00T00:00:00.000000Z";
	if (wall_us < 0)
		wall_us = 0;
	if (wall_us > last)
		wall_us = last;
	for (int i = 0; i < CLOCK_RFC3339_LEN; i++)
		buf[i] = shape[i];
	int64_t sec = wall_us / CLOCK_SEC, of_day = sec % 86400;
	put_date(buf, sec / 86400);
	put_digits(buf + 11, 2, of_day / 3600);
	put_digits(buf + 14, 2, of_day / 60 % 60);
	put_digits(buf + 17, 2, of_day % 60);
	put_digits(buf + 20, 6, wall_us % CLOCK_SEC);
	return buf;
}

void clock_test_set(int64_t mono_us, int64_t wall_us)
{
	atomic_store(&test_mono_us, mono_us);
	atomic_store(&test_wall_us, wall_us);
	atomic_store(&test_on, true);
}

void clock_test_advance(int64_t us)
{
	atomic_fetch_add(&test_mono_us, us);
	atomic_fetch_add(&test_wall_us, us);
}
