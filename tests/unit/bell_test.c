/* The bell: rung by several threads, none of whose work may be left lying. */
#include "base/bell.h"

#include <poll.h>
#include <pthread.h>

#include "base/ring.h"
#include "tests/unit/unit.h"

enum { PRODUCERS = 2, RECORDS = 200000, PATIENCE_MS = 20000 };

static struct bell bell;
static struct ring *rings[PRODUCERS];

static bool rings_now(int wait_ms)
{
	struct pollfd p = {.fd = bell.fd, .events = POLLIN};
	return poll(&p, 1, wait_ms) == 1;
}

static void test_once(void)
{
	CU_ASSERT_EQUAL(bell_init(&bell), 0);
	CU_ASSERT_FALSE(rings_now(0));
	bell_ring(&bell);
	bell_ring(&bell);
	CU_ASSERT_TRUE(rings_now(0));
	bell_answer(&bell);
	CU_ASSERT_FALSE(rings_now(0));
	bell_ring(&bell);
	CU_ASSERT_TRUE(rings_now(0));
	bell_answer(&bell);
	bell_answer(&bell);  /* nothing to answer does no harm */
	bell_ring(&bell);
	CU_ASSERT_TRUE(rings_now(0));
	bell_free(&bell);
	bell_free(&bell);
}

static void *produce(void *arg)
{
	struct ring *ring = arg;
	for (unsigned i = 0; i < RECORDS;) {
		unsigned *p = ring_reserve(ring, sizeof *p);
		if (p) {
			*p = i++;
			ring_commit(ring, sizeof *p);
		}
		bell_ring(&bell);
	}
	return NULL;
}

static unsigned look(struct ring *ring)
{
	size_t len;
	unsigned n = 0;
	for (; ring_peek(ring, &len); ring_release(ring))
		n++;
	return n;
}

static void test_nothing_left(void)
{
	pthread_t threads[PRODUCERS];
	unsigned got = 0;
	CU_ASSERT_EQUAL(bell_init(&bell), 0);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		rings[i] = ring_new(4096);
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, produce, rings[i]), 0);
	}
	while (got < PRODUCERS * RECORDS && rings_now(PATIENCE_MS)) {
		bell_answer(&bell);
		for (unsigned i = 0; i < PRODUCERS; i++)
			got += look(rings[i]);
	}
	CU_ASSERT_EQUAL(got, PRODUCERS * RECORDS);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		ring_free(rings[i]);
	}
	bell_free(&bell);
}

UNIT_MAIN("bell", {"rung twice, heard once", test_once}, {"nothing is left lying", test_nothing_left})
