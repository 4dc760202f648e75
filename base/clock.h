/* Time: microseconds as int64_t (`_us`), read in one place so that tests can set it. Any thread;
 * clock_test_*() only in tests, before other threads exist. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_MS 1000LL
#define CLOCK_SEC 1000000LL

/* Monotonic time in µs; starts at an arbitrary point, never 0. */
int64_t clock_us(void);

/* Wall-clock time in µs since 1970-01-01 UTC. */
int64_t clock_wall_us(void);

/* Monotonic time in ns, never set by tests: for measuring how long a piece of code took. */
int64_t clock_ns(void);

#define CLOCK_RFC3339_LEN 28
/* Writes `wall_us` as RFC 3339 with microseconds, "2026-01-31T12:00:00.123456Z", and returns buf. */
const char *clock_rfc3339(int64_t wall_us, char buf[CLOCK_RFC3339_LEN]);

/* Tests: from now on clock_us() answers `mono_us` and clock_wall_us() `wall_us`, until moved. */
void clock_test_set(int64_t mono_us, int64_t wall_us);
/* Tests: moves both on by `us`. */
void clock_test_advance(int64_t us);

#endif
