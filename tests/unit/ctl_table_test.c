/* Tables: alignment, colours, and text from the node that wants to steer the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/ctl.h"
#include "tests/unit/unit.h"

static const char *const heads[] = {"NAME", ">N", "WHY", NULL};

/* What is printed; freed by the caller. */
static char *printed(struct ctl_table *table, bool colours)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ctl_table_print(table, out, colours);
	fclose(out);
	ctl_table_free(table);
	return text;
}

static void row(struct ctl_table *table, const char *name, int n, const char *why)
{
	ctl_table_cell(table, CTL_STRONG, "%s", name);
	ctl_table_cell(table, CTL_PLAIN, "%d", n);
	ctl_table_cell(table, CTL_BAD, "%s", why);
}

static void test_alignment(void)
{
	struct ctl_table *table = ctl_table_new(heads);
	char *text;

	row(table, "us-east-1", 7, "ok");
	row(table, "z\xc3\xbcrich", 12345, "draining");
	text = printed(table, false);
	CU_ASSERT_STRING_EQUAL(text, "NAME           N  WHY\n"
	                             "us-east-1      7  ok\n"
	                             "z\xc3\xbcrich     12345  draining\n");
	free(text);
}

static void test_empty(void)
{
	char *text = printed(ctl_table_new(heads), false);

	CU_ASSERT_STRING_EQUAL(text, "NAME  N  WHY\n");
	free(text);
}

static void test_colours(void)
{
	struct ctl_table *table = ctl_table_new(heads);
	char *text;

	row(table, "a", 1, "x");
	text = printed(table, true);
	CU_ASSERT_STRING_EQUAL(text, "\033[1mNAME\033[0m  \033[1mN\033[0m  \033[1mWHY\033[0m\n"
	                             "\033[1ma\033[0m     1  \033[31mx\033[0m\n");
	free(text);
}

static void test_tame(void)
{
	struct ctl_table *table = ctl_table_new(heads);
	char *text;

	row(table, "\033[2J\r\n\t\x7f", 1, "\xc2\x9b" "31m \xc3\xa9");
	text = printed(table, false);
	CU_ASSERT_STRING_EQUAL(text, "NAME      N  WHY\n"
	                             "?[2J????  1  ??31m \xc3\xa9\n");
	free(text);
}

/* Many rows, so that the cells move in memory. */
static void test_many(void)
{
	struct ctl_table *table = ctl_table_new(heads);
	unsigned lines = 0;
	char *text;

	for (int i = 0; i < 1000; i++)
		row(table, "r", i, "ok");
	text = printed(table, false);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	CU_ASSERT_EQUAL(lines, 1001);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nr     999  ok\n"));
	free(text);
}

UNIT_MAIN("ctl table",
	{"columns are aligned", test_alignment},
	{"no rows", test_empty},
	{"colours", test_colours},
	{"control characters do not pass", test_tame},
	{"many rows", test_many})
