/* Bounded reading and writing of packets. The first access that does not fit sets `bad` and moves to
 * the end, so that a loop over reader_left() ends too. */
#include "base/buf.h"

#include <string.h>

const uint8_t *read_bytes(struct reader *r, size_t len)
{
	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		r->p = r->end;
		return NULL;
	}
	const uint8_t *at = r->p;
	r->p += len;
	return at;
}

uint8_t read_u8(struct reader *r)
{
	const uint8_t *at = read_bytes(r, 1);
	return at ? at[0] : 0;
}

uint16_t read_u16(struct reader *r)
{
	const uint8_t *at = read_bytes(r, 2);
	return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

uint32_t read_u32(struct reader *r)
{
	const uint8_t *at = read_bytes(r, 4);
	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

struct reader read_sub(struct reader *r, size_t len)
{
	const uint8_t *at = read_bytes(r, len);
	if (!at)
		return (struct reader){.p = r->end, .end = r->end, .bad = true};
	return (struct reader){.p = at, .end = at + len};
}

/* Room for `len` bytes, or NULL (and bad). */
static uint8_t *write_room(struct writer *w, size_t len)
{
	if (w->bad || len > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *at = w->p;
	w->p += len;
	return at;
}

void write_u8(struct writer *w, uint8_t v)
{
	uint8_t *at = write_room(w, 1);
	if (at)
		at[0] = v;
}

void write_u16(struct writer *w, uint16_t v)
{
	uint8_t *at = write_room(w, 2);
	if (at) {
		at[0] = (uint8_t)(v >> 8);
		at[1] = (uint8_t)v;
	}
}

void write_u32(struct writer *w, uint32_t v)
{
	uint8_t *at = write_room(w, 4);
	if (at) {
		at[0] = (uint8_t)(v >> 24);
		at[1] = (uint8_t)(v >> 16);
		at[2] = (uint8_t)(v >> 8);
		at[3] = (uint8_t)v;
	}
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *at = len ? write_room(w, len) : NULL;
	if (at)
		memcpy(at, data, len);
}

void write_str(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text));
}

void write_dec(struct writer *w, uint64_t v)
{
	uint8_t digits[20], *at = digits + sizeof(digits);
	do
		*--at = (uint8_t)('0' + v % 10);
	while (v /= 10);
	write_bytes(w, at, (size_t)(digits + sizeof(digits) - at));
}

void write_u16_at(struct writer *w, size_t at, uint16_t v)
{
	if (w->bad || writer_len(w) < 2 || at > writer_len(w) - 2) {
		w->bad = true;
		return;
	}
	w->start[at] = (uint8_t)(v >> 8);
	w->start[at + 1] = (uint8_t)v;
}

bool write_end(struct writer *w)
{
	if (w->bad)
		w->p = w->start;
	*w->p = 0;
	return !w->bad;
}
