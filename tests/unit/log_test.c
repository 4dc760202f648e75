/* base/log: the shape of a line, what strangers put into it, levels, sinks and limits. */
#include "base/log.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define WALL 1769860800123456LL
#define TIME "2026-01-31T12:00:00.123456Z"

struct caught {
	char line[LOG_LINE_MAX + 1];
	size_t len;
	enum log_level level;
	unsigned count;
};

static void catch_line(void *arg, enum log_level level, const char *line, size_t len)
{
	struct caught *caught = arg;
	CU_ASSERT(len <= LOG_LINE_MAX);
	memcpy(caught->line, line, len);
	caught->line[len] = 0;
	caught->len = len;
	caught->level = level;
	caught->count++;
}

static void test_line(void)
{
	struct caught caught = {.count = 0};
	clock_test_set(1, WALL);
	log_set_level(LL_INFO);
	log_set_sink(catch_line, &caught);
	errno = EPIPE;
	log_warn("region %s is %d ms away", "eu-central-1", 12);
	CU_ASSERT_EQUAL(errno, EPIPE);
	CU_ASSERT_STRING_EQUAL(caught.line, TIME " warn region eu-central-1 is 12 ms away");
	CU_ASSERT_EQUAL(caught.level, LL_WARN);
	log_set_sink(NULL, NULL);
}

static void test_harmless(void)
{
	struct caught caught = {.count = 0};
	clock_test_set(1, WALL);
	log_set_sink(catch_line, &caught);
	log_info("a\nb\rc\x1b[31md\x7f\t%c", 1);
	CU_ASSERT_STRING_EQUAL(caught.line, TIME " info a\\x0ab\\x0dc\\x1b[31md\\x7f\\x09\\x01");
	log_info("%s", "J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x98\x80");
	CU_ASSERT_STRING_EQUAL(caught.line, TIME " info J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x98\x80");
	log_info("%s", "\xc2\x9b" "2J \xff \xc3");  /* a C1 control and broken UTF-8 */
	CU_ASSERT_STRING_EQUAL(caught.line, TIME " info \\xc2\\x9b2J \\xff \\xc3");
	log_set_sink(NULL, NULL);
}

static void test_long(void)
{
	struct caught caught = {.count = 0};
	char text[2000];
	log_set_sink(catch_line, &caught);
	for (size_t fill = 400; fill < sizeof(text); fill++) {
		memset(text, 'x', fill);
		text[fill - 1] = 0;
		text[fill % 7] = '\n';
		log_info("%s", text);
		if (fill > 600)
			CU_ASSERT(caught.len >= LOG_LINE_MAX - 4);
	}
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_info("%s", text);
	CU_ASSERT(caught.len <= LOG_LINE_MAX && caught.len > LOG_LINE_MAX - 4);
	log_set_sink(NULL, NULL);
}

static void test_levels(void)
{
	struct caught caught = {.count = 0};
	enum log_level level = LL_WARN;
	log_set_sink(catch_line, &caught);
	log_set_level(LL_WARN);
	log_info("no");
	log_debug("no");
	CU_ASSERT_EQUAL(caught.count, 0);
	log_error("yes");
	log_warn("yes");
	CU_ASSERT_EQUAL(caught.count, 2);
	log_set_level(LL_DEBUG);
	log_debug("yes");
	CU_ASSERT_EQUAL(caught.count, 3);
	CU_ASSERT_EQUAL(log_get_level(), LL_DEBUG);
	log_set_level(LL_INFO);
	for (int i = LL_ERROR; i <= LL_DEBUG; i++) {
		CU_ASSERT(log_level_parse(log_level_str((enum log_level)i), &level));
		CU_ASSERT_EQUAL((int)level, i);
	}
	level = LL_WARN;
	CU_ASSERT(!log_level_parse("warning", &level) && !log_level_parse("", &level));
	CU_ASSERT(!log_level_parse("INFO", &level));
	CU_ASSERT_EQUAL(level, LL_WARN);
	log_set_sink(NULL, NULL);
}

/* Standard error as a pipe: one read gives one whole line. */
static void test_stderr(void)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char got[LOG_LINE_MAX + 2] = "";
	clock_test_set(1, WALL);
	CU_ASSERT_FATAL(saved >= 0 && !pipe(fds));
	dup2(fds[1], STDERR_FILENO);
	log_error("disk %s", "full");
	dup2(saved, STDERR_FILENO);
	ssize_t n = read(fds[0], got, sizeof(got) - 1);
	CU_ASSERT_STRING_EQUAL(got, TIME " error disk full\n");
	CU_ASSERT_EQUAL(n, (ssize_t)strlen(got));
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

static void *log_from_thread(void *arg)
{
	log_set_sink(catch_line, arg);
	log_info("from a thread");
	return NULL;
}

static void test_sink_is_the_threads(void)
{
	struct caught here = {.count = 0}, there = {.count = 0};
	pthread_t thread;
	log_set_sink(catch_line, &here);
	CU_ASSERT_FATAL(!pthread_create(&thread, NULL, log_from_thread, &there));
	pthread_join(thread, NULL);
	log_info("from here");
	CU_ASSERT_EQUAL(here.count, 1);
	CU_ASSERT_EQUAL(there.count, 1);
	log_set_sink(NULL, NULL);
}

static void test_limit(void)
{
	struct log_limit limit = {0};
	uint64_t suppressed = 77;
	clock_test_set(1000, WALL);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(log_allowed(&limit, 3, &suppressed));
		CU_ASSERT_EQUAL(suppressed, 0);
	}
	for (int i = 0; i < 10; i++)
		CU_ASSERT(!log_allowed(&limit, 3, &suppressed));
	clock_test_advance(60 * CLOCK_SEC - 1);
	CU_ASSERT(!log_allowed(&limit, 3, &suppressed));
	clock_test_advance(1);
	CU_ASSERT(log_allowed(&limit, 3, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 11);
	CU_ASSERT(log_allowed(&limit, 3, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 0);
	CU_ASSERT(!log_allowed(&(struct log_limit){0}, 0, &suppressed));
}

UNIT_MAIN("log", {"the shape of a line", test_line}, {"strangers' bytes are harmless", test_harmless},
	  {"long lines are cut", test_long}, {"levels", test_levels}, {"standard error", test_stderr},
	  {"a sink is its thread's", test_sink_is_the_threads}, {"a limit a minute", test_limit})
