/* Tables for a terminal or a pipe: the same text for both, colours for the terminal only. What comes
 * from the node is shown, never obeyed: its control characters do not reach the terminal. */
#include <stdarg.h>
#include <stdlib.h>

#include "admin/ctl.h"

#define GAP 2

struct cell {
	char *text;
	enum ctl_colour colour;
};

struct ctl_table {
	const char *const *heads;
	unsigned columns, n, size;
	struct cell *cells;
};

static void *checked(void *memory)
{
	if (!memory) {
		fputs("tandemctl: no memory\n", stderr);
		exit(1);
	}
	return memory;
}

struct ctl_table *ctl_table_new(const char *const *heads)
{
	struct ctl_table *table = checked(calloc(1, sizeof *table));

	table->heads = heads;
	while (heads[table->columns])
		table->columns++;
	return table;
}

void ctl_table_free(struct ctl_table *table)
{
	for (unsigned i = 0; i < table->n; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

/* Control characters become '?': C0, DEL, and the C1 of Unicode, which some terminals obey too. */
static void tame(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) {
			if (*p == 0xc2)
				*p++ = '?';
			*p = '?';
		}
}

void ctl_table_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...)
{
	struct cell *cell;
	va_list ap;

	if (table->n == table->size) {
		table->size = table->size ? table->size * 2 : 64;
		table->cells = checked(realloc(table->cells, table->size * sizeof *table->cells));
	}
	cell = &table->cells[table->n++];
	cell->colour = colour;
	va_start(ap, fmt);
	if (vasprintf(&cell->text, fmt, ap) < 0)
		cell->text = checked(NULL);
	va_end(ap);
	tame(cell->text);
}

/* Characters on the screen: bytes of UTF-8 that begin one. */
static unsigned width(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool to_right(const struct ctl_table *table, unsigned column)
{
	return table->heads[column][0] == '>';
}

static const char *head(const struct ctl_table *table, unsigned column)
{
	return table->heads[column] + to_right(table, column);
}

static unsigned column_width(const struct ctl_table *table, unsigned column)
{
	unsigned most = width(head(table, column));

	for (unsigned i = column; i < table->n; i += table->columns)
		if (width(table->cells[i].text) > most)
			most = width(table->cells[i].text);
	return most;
}

static void print_coloured(FILE *out, bool colours, enum ctl_colour colour, const char *text)
{
	static const char *const escapes[] = {
		[CTL_PLAIN] = "", [CTL_GOOD] = "\033[32m", [CTL_WARN] = "\033[33m", [CTL_BAD] = "\033[31m",
		[CTL_STRONG] = "\033[1m",
	};

	if (colours && colour != CTL_PLAIN)
		fprintf(out, "%s%s\033[0m", escapes[colour], text);
	else
		fputs(text, out);
}

void ctl_print(FILE *out, bool colours, enum ctl_colour colour, const char *text)
{
	char *copy = checked(strdup(text));

	tame(copy);
	print_coloured(out, colours, colour, copy);
	free(copy);
}

/* One row; the last column is not padded, so that no line ends in spaces. */
static void print_cell(const struct ctl_table *table, FILE *out, bool colours, unsigned column, unsigned wide,
                       enum ctl_colour colour, const char *text)
{
	unsigned pad = wide - width(text);
	bool last = column + 1 == table->columns;

	if (to_right(table, column))
		fprintf(out, "%*s", (int)pad, "");
	print_coloured(out, colours, colour, text);
	if (!to_right(table, column) && !last)
		fprintf(out, "%*s", (int)pad, "");
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

void ctl_table_print(const struct ctl_table *table, FILE *out, bool colours)
{
	unsigned *wide = checked(calloc(table->columns, sizeof *wide));

	for (unsigned c = 0; c < table->columns; c++)
		wide[c] = column_width(table, c);
	for (unsigned c = 0; c < table->columns; c++)
		print_cell(table, out, colours, c, wide[c], CTL_STRONG, head(table, c));
	for (unsigned i = 0; i < table->n; i++) {
		const struct cell *cell = &table->cells[i];
		print_cell(table, out, colours, i % table->columns, wide[i % table->columns], cell->colour, cell->text);
	}
	free(wide);
}
