/* A bounded ring of records of varying size between exactly one producing and one consuming thread:
 * no locks, no waiting. A full ring refuses, and the producer counts what it lost. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* `size` bytes, a power of two, at least 4096. NULL without memory. */
struct ring *ring_new(size_t size);
void ring_free(struct ring *ring);

/* Producer: `len` contiguous bytes aligned to 8, or NULL when full or len > size/4. */
void *ring_reserve(struct ring *ring, size_t len);
/* Producer: hands over what was reserved last, cut to `len` bytes. */
void ring_commit(struct ring *ring, size_t len);

/* Consumer: the oldest record and its length, or NULL when empty; in place until ring_release(). */
const void *ring_peek(struct ring *ring, size_t *len);
void ring_release(struct ring *ring);

/* Either: bytes in use, about. */
size_t ring_used(const struct ring *ring);

#endif
