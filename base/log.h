/* The operational log: one line an event, "time level text", to standard error (systemd or a file
 * takes it from there). A thread may give itself a sink, so that a SIP worker never waits for a slow
 * standard error: it hands the line to the log thread instead. Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LL_ERROR, LL_WARN, LL_INFO, LL_DEBUG };

/* Lines above `level` are not formatted at all. Any thread. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warn", "info", "debug" to a level; false if it is none of these. */
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_str(enum log_level level);

void log_printf(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_printf(LL_ERROR, __VA_ARGS__)
#define log_warn(...) log_printf(LL_WARN, __VA_ARGS__)
#define log_info(...) log_printf(LL_INFO, __VA_ARGS__)
#define log_debug(...) do { if (log_get_level() >= LL_DEBUG) log_printf(LL_DEBUG, __VA_ARGS__); } while (0)

/* A whole line ("time level text") without its newline, at most LOG_LINE_MAX bytes. */
#define LOG_LINE_MAX 512
typedef void log_sink_fn(void *arg, enum log_level level, const char *line, size_t len);
/* The calling thread's lines go to `fn` from now on; NULL: standard error again. */
void log_set_sink(log_sink_fn *fn, void *arg);

/* For events that a stranger can cause: true at most `per_minute` times a minute for this `limit`
 * (zeroed at first); `*suppressed` is set to how many were refused since the last true. The limit
 * belongs to one thread. */
struct log_limit { int64_t window_us; uint32_t used; uint64_t refused; };
bool log_allowed(struct log_limit *limit, uint32_t per_minute, uint64_t *suppressed);

#endif
