/* base/ring: order, fullness, the wrap, and two threads that check every byte. */
#include "base/ring.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static void *put(struct ring *ring, const void *data, size_t len)
{
	void *at = ring_reserve(ring, len);
	if (at) {
		if (len)
			memcpy(at, data, len);
		ring_commit(ring, len);
	}
	return at;
}

static void test_order(void)
{
	struct ring *ring = ring_new(4096);
	size_t len = 0;
	CU_ASSERT_PTR_NULL(ring_peek(ring, &len));
	CU_ASSERT_EQUAL(ring_used(ring), 0);
	CU_ASSERT(put(ring, "one", 3) && put(ring, "", 0) && put(ring, "three", 5));
	CU_ASSERT(ring_used(ring) >= 8 && ring_used(ring) <= 64);
	const void *at = ring_peek(ring, &len);
	CU_ASSERT(at && len == 3 && !memcmp(at, "one", 3));
	CU_ASSERT_PTR_EQUAL(ring_peek(ring, &len), at);  /* until it is released */
	ring_release(ring);
	CU_ASSERT(ring_peek(ring, &len) && len == 0);
	ring_release(ring);
	at = ring_peek(ring, &len);
	CU_ASSERT(at && len == 5 && !memcmp(at, "three", 5));
	ring_release(ring);
	CU_ASSERT_PTR_NULL(ring_peek(ring, &len));
	CU_ASSERT_EQUAL(ring_used(ring), 0);
	ring_free(ring);
	ring_free(NULL);
}

static void test_reserve(void)
{
	struct ring *ring = ring_new(4096);
	size_t len;
	CU_ASSERT_PTR_NULL(ring_reserve(ring, 1025));
	CU_ASSERT_PTR_NULL(ring_reserve(ring, SIZE_MAX));
	char *at = ring_reserve(ring, 1024);
	CU_ASSERT_FATAL(at != NULL);
	CU_ASSERT_EQUAL((uintptr_t)at % 8, 0);
	CU_ASSERT_PTR_NULL(ring_peek(ring, &len));  /* not yet handed over */
	at = ring_reserve(ring, 100);  /* forgets the first */
	memcpy(at, "cut", 4);
	ring_commit(ring, 3);
	at = (char *)ring_peek(ring, &len);
	CU_ASSERT(at && len == 3 && !memcmp(at, "cut", 3));
	ring_free(ring);
}

static void test_full(void)
{
	struct ring *ring = ring_new(4096);
	char data[504] = "";
	size_t len;
	for (int turn = 0; turn < 100; turn++) {
		unsigned in = 0, out = 0;
		while (put(ring, data, sizeof(data)))
			in++;
		CU_ASSERT(in == 8 && ring_used(ring) == 4096);
		while (ring_peek(ring, &len)) {
			CU_ASSERT_EQUAL(len, sizeof(data));
			ring_release(ring);
			out++;
		}
		CU_ASSERT_EQUAL(out, in);
	}
	ring_free(ring);
}

/* A record of every length, at every place of an empty ring: the largest must always fit. */
static void test_wrap(void)
{
	for (size_t skip = 0; skip < 4096; skip += 8) {
		struct ring *ring = ring_new(4096);
		char data[1024];
		size_t len;
		for (size_t moved = 0; moved < skip; moved += 8) {
			put(ring, "", 0);
			ring_peek(ring, &len);
			ring_release(ring);
		}
		memset(data, (int)(skip / 8), sizeof(data));
		CU_ASSERT_FATAL(put(ring, data, sizeof(data)) && put(ring, data, 999));
		const void *at = ring_peek(ring, &len);
		CU_ASSERT(at && len == sizeof(data) && !memcmp(at, data, len));
		ring_release(ring);
		at = ring_peek(ring, &len);
		CU_ASSERT(at && len == 999 && !memcmp(at, data, len));
		ring_release(ring);
		CU_ASSERT_PTR_NULL(ring_peek(ring, &len));
		ring_free(ring);
	}
}

#define RECORDS 200000

static size_t length_of(uint32_t i)
{
	return 4 + (i * 2654435761u >> 16) % 700;
}

static void *produce(void *arg)
{
	struct ring *ring = arg;
	for (uint32_t i = 0; i < RECORDS;) {
		size_t len = length_of(i);
		uint8_t *at = ring_reserve(ring, len + 20);
		if (!at) {
			sched_yield();
			continue;
		}
		memcpy(at, &i, sizeof(i));
		memset(at + 4, (uint8_t)i, len - 4);
		ring_commit(ring, len);
		i++;
	}
	return NULL;
}

static bool record_is(const uint8_t *at, size_t len, uint32_t want)
{
	uint32_t got;
	memcpy(&got, at, sizeof(got));
	if (got != want || len != length_of(want))
		return false;
	for (size_t i = 4; i < len; i++)
		if (at[i] != (uint8_t)want)
			return false;
	return true;
}

static void test_two_threads(void)
{
	struct ring *ring = ring_new(8192);
	pthread_t producer;
	CU_ASSERT_FATAL(!pthread_create(&producer, NULL, produce, ring));
	unsigned wrong = 0;
	for (uint32_t i = 0; i < RECORDS;) {
		size_t len;
		const uint8_t *at = ring_peek(ring, &len);
		if (!at) {
			sched_yield();
			continue;
		}
		wrong += !record_is(at, len, i++);
		wrong += ring_used(ring) > 8192;
		ring_release(ring);
	}
	pthread_join(producer, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(ring_used(ring), 0);
	ring_free(ring);
}

UNIT_MAIN("ring", {"keeps order", test_order}, {"reserve and commit", test_reserve}, {"refuses when full", test_full},
	  {"wraps at every place", test_wrap}, {"two threads", test_two_threads})
