/* A ring of bytes between one producer and one consumer. A record is an 8-byte head and its bytes,
 * rounded up to 8. `tail` and `head` count bytes from the beginning of time; the producer alone writes
 * `tail` (release, after the record's bytes), the consumer alone `head`. A record that would run over
 * the end of the memory starts at its beginning instead, behind a padding record that fills the rest;
 * the two are published together. Each side keeps a copy of the other's counter and reads the real one
 * only when the copy says full or empty, so that the cache lines seldom travel. */
#include "base/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LINE 64
#define PADDING UINT32_MAX

struct head {
	uint32_t len;   /* bytes of the record, or PADDING */
	uint32_t span;  /* bytes in the ring up to the next head */
};

struct ring {
	uint8_t *data;
	size_t size;
	/* the producer's line */
	alignas(LINE) _Atomic uint64_t tail;
	uint64_t head_copy;
	uint64_t reserved;  /* where the reserved record's head is */
	/* the consumer's line */
	alignas(LINE) _Atomic uint64_t head;
	uint64_t tail_copy;
	uint64_t next;  /* where `head` goes on release */
};

struct ring *ring_new(size_t size)
{
	struct ring *ring = aligned_alloc(LINE, sizeof(*ring));
	if (!ring)
		return NULL;
	*ring = (struct ring){.size = size, .data = aligned_alloc(LINE, size)};
	if (!ring->data) {
		free(ring);
		return NULL;
	}
	return ring;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	free(ring->data);
	free(ring);
}

static struct head *head_at(const struct ring *ring, uint64_t pos)
{
	return (struct head *)(void *)(ring->data + (pos & (ring->size - 1)));
}

static uint32_t span_of(size_t len)
{
	return (uint32_t)(sizeof(struct head) + ((len + 7) & ~(size_t)7));
}

static int fits(struct ring *ring, uint64_t end)
{
	if (end - ring->head_copy <= ring->size)
		return 1;
	ring->head_copy = atomic_load_explicit(&ring->head, memory_order_acquire);
	return end - ring->head_copy <= ring->size;
}

void *ring_reserve(struct ring *ring, size_t len)
{
	if (len > ring->size / 4)
		return NULL;
	uint64_t at = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t rest = ring->size - (at & (ring->size - 1)), span = span_of(len);
	uint64_t pad = span > rest ? rest : 0;
	if (!fits(ring, at + pad + span))
		return NULL;
	if (pad)
		*head_at(ring, at) = (struct head){.len = PADDING, .span = (uint32_t)pad};
	ring->reserved = at + pad;
	return head_at(ring, ring->reserved) + 1;
}

void ring_commit(struct ring *ring, size_t len)
{
	uint32_t span = span_of(len);
	*head_at(ring, ring->reserved) = (struct head){.len = (uint32_t)len, .span = span};
	atomic_store_explicit(&ring->tail, ring->reserved + span, memory_order_release);
}

const void *ring_peek(struct ring *ring, size_t *len)
{
	uint64_t at = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (at == ring->tail_copy) {
		ring->tail_copy = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (at == ring->tail_copy)
			return NULL;
	}
	struct head *head = head_at(ring, at);
	if (head->len == PADDING) {
		at += head->span;
		head = head_at(ring, at);
	}
	ring->next = at + head->span;
	*len = head->len;
	return head + 1;
}

void ring_release(struct ring *ring)
{
	atomic_store_explicit(&ring->head, ring->next, memory_order_release);
}

size_t ring_used(const struct ring *ring)
{
	/* head first: it never passes the tail that is read after it */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t used = atomic_load_explicit(&ring->tail, memory_order_acquire) - head;
	return used < ring->size ? (size_t)used : ring->size;
}
