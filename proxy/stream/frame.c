/* See frame.h. */
#include "proxy/stream/frame.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Behind the empty line that ends the head, or 0. */
static size_t head_end(struct frame *f, const char *data, size_t len)
{
	const char *p = data + (f->scanned > 3 ? f->scanned - 3 : 0), *end = data + len;
	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
		if (p + 1 < end && p[1] == '\n')
			return (size_t)(p + 2 - data);
		if (p + 2 < end && p[1] == '\r' && p[2] == '\n')
			return (size_t)(p + 3 - data);
	}
	f->scanned = len;
	return 0;
}

/* The value of the line if it is a Content-Length, in its long or short form. */
static const char *length_value(const char *line, const char *end)
{
	size_t n = 0;
	if (end - line > 14 && !strncasecmp(line, "Content-Length", 14))
		n = 14;
	else if (end - line > 1 && tolower((unsigned char)*line) == 'l')
		n = 1;
	if (!n)
		return NULL;
	for (line += n; line < end && (*line == ' ' || *line == '\t'); line++)
		;
	return line < end && *line == ':' ? line + 1 : NULL;
}

/* -1: no number, or beyond all measure. */
static long number(const char *p, const char *end)
{
	long n = 0;
	while (p < end && isspace((unsigned char)*p))  /* a folded value too */
		p++;
	if (p == end || !isdigit((unsigned char)*p))
		return -1;
	for (; p < end && isdigit((unsigned char)*p); p++) {
		n = n * 10 + (*p - '0');
		if (n > 1 << 24)
			return -1;
	}
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p == end ? n : -1;
}

/* Where the header that begins at `line` ends: lines that begin with a blank belong to it. */
static const char *field_end(const char *line, const char *end)
{
	const char *p = line;
	do {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return end;
		p++;
	} while (p < end && (*p == ' ' || *p == '\t'));
	return p;
}

/* -1 with the reason. Two lengths that differ would be two messages to two readers. */
static long body_length(const char *head, size_t len, const char **why)
{
	const char *end = head + len, *next;
	long found = -1;
	for (const char *line = field_end(head, end); line < end; line = next) {
		next = field_end(line, end);
		const char *value = length_value(line, next);
		if (!value)
			continue;
		long n = number(value, next);
		if (n < 0 || (found >= 0 && n != found)) {
			*why = n < 0 ? "a Content-Length that is none" : "two Content-Lengths that differ";
			return -1;
		}
		found = n;
	}
	if (found < 0)
		*why = "no Content-Length";
	return found;
}

static enum frame_found blanks(const char *data, size_t len, size_t *used)
{
	size_t n = 0;
	while (n < len && n < 4 && (data[n] == '\r' || data[n] == '\n'))
		n++;
	if (n >= 4 && !memcmp(data, "\r\n\r\n", 4)) {
		*used = 4;
		return FRAME_PING;
	}
	if (n == len && n < 4 && !memcmp(data, "\r\n\r\n", n))
		return FRAME_MORE;  /* it may become a ping */
	*used = n;
	return FRAME_BLANK;
}

enum frame_found frame_next(struct frame *f, const char *data, size_t len, size_t most, size_t *used, const char **why)
{
	*used = 0;
	if (!len)
		return FRAME_MORE;
	if (*data == '\r' || *data == '\n')
		return blanks(data, len, used);
	if (!f->whole) {
		size_t head = head_end(f, data, len);
		long body = head ? body_length(data, head, why) : 0;
		if (body < 0)
			return FRAME_BAD;
		if ((head ? head + (size_t)body : len) > most) {
			*why = "a message that is too long";
			return FRAME_BAD;
		}
		if (!head)
			return FRAME_MORE;
		f->whole = head + (size_t)body;
	}
	if (len < f->whole)
		return FRAME_MORE;
	*used = f->whole;
	*f = (struct frame){0};
	return FRAME_MESSAGE;
}
