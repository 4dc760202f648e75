/* Bounded readers and writers of bytes in network order. A read or write past the end never touches
 * memory: it sets `bad`, reads zero, and every later call does nothing; so a codec checks once, at
 * the end. A bad reader has nothing left, so a loop over reader_left() ends.
 * Any thread; a value belongs to one thread. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct reader reader_of(const void *data, size_t len)
{
	const uint8_t *p = data ? data : (const void *)"";  /* NULL with 0 is an empty one like any other */
	return (struct reader){.p = p, .end = p + len};
}
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->p); }
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
/* `len` bytes in place, or NULL (and bad). */
const uint8_t *read_bytes(struct reader *r, size_t len);
/* A reader of the next `len` bytes, which `r` skips; bad (both) when there are fewer. */
struct reader read_sub(struct reader *r, size_t len);

struct writer {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline struct writer writer_of(void *data, size_t size)
{
	return (struct writer){.start = data, .p = data, .end = size ? (uint8_t *)data + size : data};
}
static inline size_t writer_len(const struct writer *w) { return (size_t)(w->p - w->start); }
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_bytes(struct writer *w, const void *data, size_t len);
/* Text, without its NUL. */
void write_str(struct writer *w, const char *text);
/* Decimal digits of `v`. */
void write_dec(struct writer *w, uint64_t v);
/* Puts a NUL after what was written, for which writer_of() had one byte less than there is; "" and false if that was bad. */
bool write_end(struct writer *w);
/* Puts `v` over the two bytes at `at` bytes from the start: for lengths known late. */
void write_u16_at(struct writer *w, size_t at, uint16_t v);

#endif
