/* What one reading of a configuration collects: errors, to be told in the order of the file however
 * they were found, and the place where each value was written, so that a check that runs when
 * everything is read can still point at a line and a column.
 *
 * A place is filed under the address of the value in memory; the struct being filled never moves while
 * it is read. Control thread. */
#include "daemon/conf_schema.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 1000

/* Room for one more of `size` bytes in a growing array. */
static bool grow(struct conf *c, void **array, size_t *room, size_t n, size_t size)
{
	if (n < *room)
		return true;
	size_t more = *room ? *room * 2 : 64;
	void *p = reallocarray(*array, more, size);
	if (!p) {
		c->no_memory = true;
		return false;
	}
	*array = p;
	*room = more;
	return true;
}

static void add_line(struct conf *c, size_t line, size_t column, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static void add_line(struct conf *c, size_t line, size_t column, const char *fmt, va_list ap)
{
	char what[1024], *text;
	if (c->n_lines >= LINES_MAX) {
		c->lines_lost++;
		return;
	}
	if (!grow(c, (void **)&c->lines, &c->lines_size, c->n_lines, sizeof(*c->lines)))
		return;
	vsnprintf(what, sizeof(what), fmt, ap);
	if (asprintf(&text, "%s:%zu:%zu: %s", c->path, line, column, what) < 0) {
		c->no_memory = true;
		return;
	}
	c->lines[c->n_lines] = (struct conf_line){.line = line, .column = column, .seq = c->n_lines, .text = text};
	c->n_lines++;
}

void conf_error(struct conf *c, size_t line, size_t column, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_line(c, line, column, fmt, ap);
	va_end(ap);
}

void conf_error_node(struct conf *c, const yaml_node_t *node, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add_line(c, node->start_mark.line + 1, node->start_mark.column + 1, fmt, ap);
	va_end(ap);
}

bool conf_failed(const struct conf *c)
{
	return c->n_lines || c->no_memory;
}

static int line_order(const void *a, const void *b)
{
	const struct conf_line *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

void conf_report(struct conf *c, void (*report)(void *arg, const char *line), void *arg)
{
	char more[128];
	if (c->n_lines)
		qsort(c->lines, c->n_lines, sizeof(*c->lines), line_order);
	for (size_t i = 0; i < c->n_lines; i++)
		report(arg, c->lines[i].text);
	if (c->lines_lost) {
		snprintf(more, sizeof(more), "and %zu errors more: mend these first", c->lines_lost);
		report(arg, more);
	}
	if (c->no_memory)
		report(arg, "out of memory while the configuration was read");
}

/* ---- where values were written ---- */

void conf_mark_set(struct conf *c, const void *value, const yaml_node_t *node)
{
	if (!grow(c, (void **)&c->marks, &c->marks_size, c->n_marks, sizeof(*c->marks)))
		return;
	c->marks[c->n_marks] = (struct conf_mark){.value = value, .line = node->start_mark.line + 1,
	                                          .column = node->start_mark.column + 1, .seq = c->n_marks};
	c->n_marks++;
}

static int mark_order(const void *a, const void *b)
{
	const struct conf_mark *x = a, *y = b;
	if (x->value != y->value)
		return (uintptr_t)x->value < (uintptr_t)y->value ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The last mark set for `value`, or NULL. */
static const struct conf_mark *mark_find(struct conf *c, const void *value)
{
	if (!c->marks_sorted && c->n_marks)
		qsort(c->marks, c->n_marks, sizeof(*c->marks), mark_order);
	c->marks_sorted = true;
	size_t low = 0, high = c->n_marks;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if ((uintptr_t)c->marks[mid].value <= (uintptr_t)value)
			low = mid + 1;
		else
			high = mid;
	}
	return low && c->marks[low - 1].value == value ? &c->marks[low - 1] : NULL;
}

void conf_mark_spoil(struct conf *c, const void *value)
{
	for (size_t i = c->n_marks; i > 0; i--) {
		if (c->marks[i - 1].value == value) {
			c->marks[i - 1].faulty = true;
			return;
		}
	}
}

bool conf_mark_faulty(struct conf *c, const void *value)
{
	const struct conf_mark *m = mark_find(c, value);
	return m && m->faulty;
}

size_t conf_mark_line(struct conf *c, const void *value)
{
	const struct conf_mark *m = mark_find(c, value);
	return m ? m->line : 0;
}

void conf_error_at(struct conf *c, const void *value, const char *fmt, ...)
{
	const struct conf_mark *m = mark_find(c, value);
	va_list ap;
	va_start(ap, fmt);
	add_line(c, m ? m->line : 1, m ? m->column : 1, fmt, ap);
	va_end(ap);
}

void conf_free(struct conf *c)
{
	for (size_t i = 0; i < c->n_lines; i++)
		free(c->lines[i].text);
	free(c->lines);
	free(c->marks);
	yaml_document_delete(&c->doc);
}

/* ---- words for errors ---- */

const char *conf_quote(const char *text, char buf[CONF_QUOTE_LEN])
{
	size_t n = strnlen(text, CONF_QUOTE_LEN);
	bool cut = n > CONF_QUOTE_LEN - 4;
	if (cut) {
		n = CONF_QUOTE_LEN - 4;
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)  /* not inside a character */
			n--;
	}
	for (size_t i = 0; i < n; i++)
		buf[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	snprintf(buf + n, CONF_QUOTE_LEN - n, "%s", cut ? "..." : "");
	return buf;
}

/* Levenshtein's distance, letters of either case alike; both are cut at 63. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64], la = (unsigned)strnlen(a, 63), lb = (unsigned)strnlen(b, 63);
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			unsigned change = diagonal + !same;
			unsigned gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < gap ? change : gap;
		}
	}
	return row[lb];
}

void conf_names_init(struct conf_names *n, const char *wanted)
{
	*n = (struct conf_names){.wanted = wanted};
	n->distance = 1 + (unsigned)strnlen(wanted, 63) / 3;  /* farther than this is another word */
}

void conf_names_add(struct conf_names *n, const char *name)
{
	unsigned d = distance(n->wanted, name);
	if (d < n->distance || (d == n->distance && !n->best[0])) {
		n->distance = d;
		snprintf(n->best, sizeof(n->best), "%s", name);
	}
	if (n->len + strlen(name) + sizeof(", ...") < sizeof(n->list))
		n->len += (size_t)snprintf(n->list + n->len, sizeof(n->list) - n->len, "%s%s", n->len ? ", " : "",
		                           name);
	else if (n->len && n->list[n->len - 1] != '.')
		n->len += (size_t)snprintf(n->list + n->len, sizeof(n->list) - n->len, ", ...");
}

const char *conf_names_hint(const struct conf_names *n, const char *what, char *buf, size_t size)
{
	if (n->best[0])
		snprintf(buf, size, "did you mean \"%s\"? known %s: %s", n->best, what, n->list);
	else
		snprintf(buf, size, "known %s: %s", what, n->len ? n->list : "none");
	return buf;
}
