/* The operational log. A line is made in one buffer on the stack and goes out with one write(2), so
 * that lines of several threads never mix. Text may hold what strangers sent: control bytes (a newline
 * would forge a line, an escape would drive a terminal) and broken UTF-8 are written as \xNN. */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic enum log_level log_level = LL_INFO;
static _Thread_local log_sink_fn *sink_fn;
static _Thread_local void *sink_arg;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *out)
{
	for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (!strcmp(text, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *log_level_str(enum log_level level)
{
	return level_names[level];
}

void log_set_sink(log_sink_fn *fn, void *arg)
{
	sink_fn = fn;
	sink_arg = arg;
}

/* The bytes of a character that may stand in a line as it is; 0 for one that must be escaped. */
static size_t harmless(const uint8_t *p, const uint8_t *end)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 0;
	if (p[0] == 0xc2 && end - p > 1 && p[1] < 0xa0)  /* C1 controls */
		return 0;
	return utf8_len(p, end);
}

/* Appends `text` to the line of `len` bytes; stops where the next character does not fit. */
static size_t append_text(char *line, size_t len, const char *text)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
	while (p < end) {
		size_t n = harmless(p, end);
		if (len + (n ? n : 4) > LOG_LINE_MAX)
			break;
		if (n) {
			memcpy(line + len, p, n);
			len += n;
			p += n;
		} else {
			static const char hex[] = "0123456789abcdef";
			const char escape[4] = {'\\', 'x', hex[*p >> 4], hex[*p & 15]};
			memcpy(line + len, escape, 4);
			len += 4;
			p++;
		}
	}
	return len;
}

static void write_line(char *line, size_t len)
{
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	if (level > log_get_level())
		return;
	int saved = errno;
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 1], time[CLOCK_RFC3339_LEN];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int head = snprintf(line, sizeof(line), "%s %s ", clock_rfc3339(clock_wall_us(), time), log_level_str(level));
	size_t len = append_text(line, (size_t)head, text);
	if (sink_fn)
		sink_fn(sink_arg, level, line, len);
	else
		write_line(line, len);
	errno = saved;
}

bool log_allowed(struct log_limit *limit, uint32_t per_minute, uint64_t *suppressed)
{
	int64_t now = clock_us();
	if (!limit->window_us || now - limit->window_us >= 60 * CLOCK_SEC) {
		limit->window_us = now;
		limit->used = 0;
	}
	if (limit->used >= per_minute) {
		limit->refused++;
		return false;
	}
	limit->used++;
	*suppressed = limit->refused;
	limit->refused = 0;
	return true;
}
