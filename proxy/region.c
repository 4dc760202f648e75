/* Live figures of a region, kept in atomics: see region.h. Averages are packed with their time into
 * one 64-bit word, so that a reader never sees a value with another's time.
 *
 * Both are plain EWMAs over time, with a time constant of ten seconds. A peak-sensitive one (as
 * Finagle's) was tried and left: ordinary tails of latency made two equal regions swap most of the
 * traffic several times a minute, while a region that turns slow leaves the tolerance band within
 * half a second of slow answers either way.
 */
#include "proxy/region.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DECAY_MS 10000.0
#define LATENCY_MAX_US (600 * CLOCK_SEC)
#define STALE_MS 30000        /* without traffic the probe's round trip speaks instead */

/* The value's float in the upper half: a whole number would lose the fraction of every step, which at a
 * thousand samples a second makes the average milliseconds too low. */
static uint64_t pack(float value, int64_t now_us)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return (uint64_t)bits << 32 | (uint32_t)(now_us / CLOCK_MS);
}

static float value_of(uint64_t packed)
{
	uint32_t bits = (uint32_t)(packed >> 32);
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* A worker whose turn began earlier may ask about what another has written since: that is of now. */
static uint32_t age_ms(uint64_t packed, int64_t now_us)
{
	int32_t age = (int32_t)((uint32_t)(now_us / CLOCK_MS) - (uint32_t)packed);
	return age > 0 ? (uint32_t)age : 0;
}

void region_live_init(struct region_live *r, const char *name, int64_t now_wall_us)
{
	snprintf(r->name, sizeof r->name, "%s", name);
	atomic_init(&r->weight, -1);
	atomic_init(&r->health_since_wall_us, now_wall_us);
}

/* One step of an EWMA over irregular samples. */
static void average(_Atomic uint64_t *cell, float sample, int64_t now_us)
{
	uint64_t old = atomic_load_explicit(cell, memory_order_relaxed), fresh;
	do {
		float next = sample;
		if (old) {
			/* samples of one millisecond count too */
			double keep = exp(-((double)age_ms(old, now_us) + 1.0) / DECAY_MS);
			next = (float)(value_of(old) * keep + sample * (1.0 - keep));
		}
		fresh = pack(next, now_us);
	} while (!atomic_compare_exchange_weak_explicit(cell, &old, fresh, memory_order_relaxed, memory_order_relaxed));
}

/* Attempts a second: this second's count and the last one's, in one word: second (24), last (20), this (20). */
#define RATE_MAX 0xfffffu
static uint64_t rate_at(uint64_t packed, int64_t now_us)
{
	uint32_t second = (uint32_t)(now_us / CLOCK_SEC) & 0xffffff, was = (uint32_t)(packed >> 40);
	if (second == was || (packed && ((second + 1) & 0xffffff) == was))  /* the latter: a worker behind another */
		return packed;
	uint64_t last = ((was + 1) & 0xffffff) == second ? packed & RATE_MAX : 0;
	return (uint64_t)second << 40 | last << 20;
}

static void rate_count(_Atomic uint64_t *cell, int64_t now_us)
{
	uint64_t old = atomic_load_explicit(cell, memory_order_relaxed), fresh;
	do {
		fresh = rate_at(old, now_us);
		if ((fresh & RATE_MAX) < RATE_MAX)
			fresh++;
	} while (!atomic_compare_exchange_weak_explicit(cell, &old, fresh, memory_order_relaxed, memory_order_relaxed));
}

/* A sliding second: this second's count and the share of the last one that is less than a second old. */
static uint32_t rate_now(uint64_t packed, int64_t now_us)
{
	packed = rate_at(packed, now_us);
	uint64_t left = (uint64_t)(CLOCK_SEC - now_us % CLOCK_SEC);
	return (uint32_t)((packed & RATE_MAX) + (packed >> 20 & RATE_MAX) * left / CLOCK_SEC);
}

void region_setup_begin(struct region_live *r, int64_t now_us)
{
	atomic_fetch_add_explicit(&r->setups, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->attempts, 1, memory_order_relaxed);
	rate_count(&r->rate, now_us);
}

void region_first_response(struct region_live *r, int64_t now_us, int64_t latency_us)
{
	if (latency_us < 1)
		latency_us = 1;
	if (latency_us > LATENCY_MAX_US)
		latency_us = LATENCY_MAX_US;
	average(&r->latency, (float)latency_us, now_us);
}

/* A count that could go below zero would make a region look full for ever. */
static void decrement(_Atomic uint32_t *cell)
{
	uint32_t v = atomic_load_explicit(cell, memory_order_relaxed);
	while (v > 0 && !atomic_compare_exchange_weak_explicit(cell, &v, v - 1, memory_order_relaxed, memory_order_relaxed))
		;
}

void region_setup_end(struct region_live *r, int64_t now_us, bool failed)
{
	decrement(&r->setups);
	average(&r->errors, failed ? 1 : 0, now_us);
	if (failed)
		atomic_fetch_add_explicit(&r->failed, 1, memory_order_relaxed);
}

void region_call_begin(struct region_live *r)
{
	atomic_fetch_add_explicit(&r->calls, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->answered, 1, memory_order_relaxed);
}

void region_call_end(struct region_live *r) { decrement(&r->calls); }

void region_facts(const struct region_live *r, uint32_t weight, int64_t now_us, struct policy_region_facts *out)
{
	uint64_t latency = atomic_load_explicit(&r->latency, memory_order_relaxed);
	uint64_t errors = atomic_load_explicit(&r->errors, memory_order_relaxed);
	int32_t ordered = atomic_load_explicit(&r->weight, memory_order_relaxed);
	*out = (struct policy_region_facts){
		.admin = (enum policy_admin)atomic_load_explicit(&r->admin, memory_order_relaxed),
		.healthy = atomic_load_explicit(&r->healthy, memory_order_relaxed),
		.was_hot = atomic_load_explicit(&r->hot, memory_order_relaxed),
		.weight = ordered >= 0 ? (uint32_t)ordered : weight,
		.setups = atomic_load_explicit(&r->setups, memory_order_relaxed),
		.calls = atomic_load_explicit(&r->calls, memory_order_relaxed),
		.cps = rate_now(atomic_load_explicit(&r->rate, memory_order_relaxed), now_us),
		.rtt_us = atomic_load_explicit(&r->rtt_us, memory_order_relaxed),
		.latency_us = latency && age_ms(latency, now_us) < STALE_MS ? (uint32_t)(value_of(latency) + 0.5f) : 0,
		.error_rate = errors && age_ms(errors, now_us) < STALE_MS ? value_of(errors) : 0,
	};
}
