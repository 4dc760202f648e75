/* JSON as it goes. Two records of some hundred bytes are written for every call, so the common cases
 * are straight: runs of plain text are found eight bytes at a time and copied whole, numbers are made
 * two digits at a time, and printf is left to doubles beyond 2^53. */
#include "base/json_writer.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 1024
#define EXACT 9007199254740992.0  /* 2^53: below, a double holds every whole number */
#define DIGITS_MAX 20             /* of 2^64 */

void jw_init(struct jw *w)
{
	*w = (struct jw){0};
}

void jw_init_fixed(struct jw *w, void *data, size_t size)
{
	*w = (struct jw){.data = data, .size = size, .fixed = true};
}

void jw_free(struct jw *w)
{
	if (!w->fixed)
		free(w->data);
	*w = (struct jw){0};
}

void jw_reset(struct jw *w)
{
	w->len = 0;
	w->bad = false;
	w->comma = false;
}

static bool grow(struct jw *w, size_t more)
{
	size_t size = w->size ? w->size : FIRST_SIZE;
	if (w->fixed || more > SIZE_MAX / 4 - w->len) {
		w->bad = true;
		return false;
	}
	while (size - w->len < more)
		size *= 2;
	char *data = realloc(w->data, size);
	if (!data) {
		w->bad = true;
		return false;
	}
	w->data = data;
	w->size = size;
	return true;
}

/* Room for `more` bytes at data + len, or NULL. */
static inline char *room(struct jw *w, size_t more)
{
	if (w->bad || (w->size - w->len < more && !grow(w, more)))
		return NULL;
	return w->data + w->len;
}

static void put(struct jw *w, const void *bytes, size_t len)
{
	char *at = len ? room(w, len) : NULL;
	if (at) {
		memcpy(at, bytes, len);
		w->len += len;
	}
}

static void put_char(struct jw *w, char c)
{
	char *at = room(w, 1);
	if (at) {
		*at = c;
		w->len++;
	}
}

/* Every value begins here, and leaves `comma` set for the next. */
static void begin_value(struct jw *w)
{
	if (w->comma)
		put_char(w, ',');
	w->comma = true;
}

const char *jw_text(struct jw *w)
{
	char *at = room(w, 1);
	if (!at)
		return NULL;
	*at = 0;
	return w->data;
}

static void open_with(struct jw *w, char c)
{
	begin_value(w);
	put_char(w, c);
	w->comma = false;
}

static void close_with(struct jw *w, char c)
{
	put_char(w, c);
	w->comma = true;
}

void jw_object(struct jw *w)
{
	open_with(w, '{');
}

void jw_object_end(struct jw *w)
{
	close_with(w, '}');
}

void jw_array(struct jw *w)
{
	open_with(w, '[');
}

void jw_array_end(struct jw *w)
{
	close_with(w, ']');
}

void jw_key(struct jw *w, const char *key)
{
	size_t len = strlen(key), comma = w->comma;
	char *at = room(w, comma + len + 3);
	if (!at)
		return;
	at[0] = ',';  /* written over when none is wanted */
	at += comma;
	at[0] = '"';
	memcpy(at + 1, key, len);
	at[len + 1] = '"';
	at[len + 2] = ':';
	w->len += comma + len + 3;
	w->comma = false;
}

/* Whether one of eight bytes is a quote, a backslash, a control or not ASCII (Mycroft's trick). */
static bool any_special(const uint8_t *p)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	uint64_t quote = v ^ (ones * '"'), backslash = v ^ (ones * '\\');
	return ((quote - ones) | (backslash - ones) | (v - ones * 0x20) | v) & highs;
}

/* The end of the run, from `p` on, that needs no escape. */
static const uint8_t *plain_end(const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		while (end - p >= 8 && !any_special(p))
			p += 8;
		if (p == end || *p < 0x20 || *p == '"' || *p == '\\')
			return p;
		size_t n = utf8_len(p, end);
		if (!n)
			return p;
		p += n;
	}
}

static void put_escape(struct jw *w, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	char short_form[2] = {'\\', c < 0x20 ? shorts[c] : (char)c};
	char long_form[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	if (c >= 0x80)
		put(w, "\xef\xbf\xbd", 3);  /* U+FFFD */
	else if (short_form[1])
		put(w, short_form, 2);
	else
		put(w, long_form, 6);
}

void jw_strn(struct jw *w, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)(len ? text : ""), *end = p + len;
	begin_value(w);
	put_char(w, '"');
	while (p < end && !w->bad) {
		const uint8_t *stop = plain_end(p, end);
		put(w, p, (size_t)(stop - p));
		if (stop < end)
			put_escape(w, *stop++);
		p = stop;
	}
	put_char(w, '"');
}

void jw_str(struct jw *w, const char *text)
{
	if (text)
		jw_strn(w, text, strlen(text));
	else
		jw_null(w);
}

/* Writes the digits of `v` so that they end before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	for (; v >= 100; v /= 100)
		memcpy(end -= 2, pairs + v % 100 * 2, 2);
	if (v < 10)
		*--end = (char)('0' + v);
	else
		memcpy(end -= 2, pairs + v * 2, 2);
	return end;
}

static void put_number(struct jw *w, bool negative, uint64_t v)
{
	char buf[DIGITS_MAX + 1], *end = buf + sizeof(buf), *at = digits_before(end, v);
	if (negative)
		*--at = '-';
	begin_value(w);
	put(w, at, (size_t)(end - at));
}

void jw_int(struct jw *w, int64_t v)
{
	put_number(w, v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void jw_uint(struct jw *w, uint64_t v)
{
	put_number(w, false, v);
}

/* A double too large for digits by hand. No locale is ever set, so the point is a point. */
static void put_huge(struct jw *w, double v)
{
	char buf[40];
	int len = snprintf(buf, sizeof(buf), "%.17g", v);
	begin_value(w);
	put(w, buf, (size_t)len);
}

void jw_double(struct jw *w, double v, int decimals)
{
	static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
	if (v != v || v - v != 0) {
		jw_null(w);
		return;
	}
	decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
	double scaled = (v < 0 ? -v : v) * (double)tens[decimals];
	if (scaled >= EXACT) {
		put_huge(w, v);
		return;
	}
	uint64_t whole = (uint64_t)scaled;
	whole += scaled - (double)whole >= 0.5;
	char buf[2 * DIGITS_MAX + 2], *end = buf + sizeof(buf), *at = end;
	if (decimals) {
		at = digits_before(end, tens[decimals] + whole % tens[decimals]);
		*at = '.';  /* over the leading 1 that kept the zeros */
	}
	at = digits_before(at, whole / tens[decimals]);
	if (v < 0 && whole)
		*--at = '-';
	begin_value(w);
	put(w, at, (size_t)(end - at));
}

void jw_bool(struct jw *w, bool v)
{
	begin_value(w);
	put(w, v ? "true" : "false", v ? 4 : 5);
}

void jw_null(struct jw *w)
{
	begin_value(w);
	put(w, "null", 4);
}

void jw_raw(struct jw *w, const char *text, size_t len)
{
	put(w, text, len);
	w->comma = false;
}

void jw_kstr(struct jw *w, const char *key, const char *text)
{
	jw_key(w, key);
	jw_str(w, text);
}

void jw_kstrn(struct jw *w, const char *key, const char *text, size_t len)
{
	jw_key(w, key);
	jw_strn(w, text, len);
}

void jw_kint(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_int(w, v);
}

void jw_kuint(struct jw *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_uint(w, v);
}

void jw_kdouble(struct jw *w, const char *key, double v, int decimals)
{
	jw_key(w, key);
	jw_double(w, v, decimals);
}

void jw_kbool(struct jw *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}
