/* A small machine that reads, completes and prints a YAML file by tables: one table a mapping, one row
 * a key. The same row says how a value is read, what holds when it is absent and how it is printed, so
 * the three never disagree. conf_tables.c has the tables; nothing here knows what they configure.
 * Control thread. */
#ifndef DAEMON_CONF_SCHEMA_H
#define DAEMON_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <yaml.h>

#include "base/err.h"

#define CONF_FIELDS_MAX 24
#define CONF_TEXT_MAX 512

struct conf;
struct conf_field;

/* How one scalar is read and written. */
struct conf_type {
	/* Writes what would be right, as it fits behind "takes": "a whole number from 1 to 64". */
	void (*expect)(const struct conf_field *f, char *buf, size_t size);
	/* Reads `text` into `value`; 0, or -EINVAL with `err` (empty: the text is not what `expect` says). */
	int (*parse)(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err);
	/* Writes `value` so that it parses again; false: unset, nothing to print. `root` is the whole. */
	bool (*print)(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size);
	bool is_text;                /* quoted where another reader of YAML would take it for a number */
};

enum conf_flags {
	CONF_REQUIRED = 1 << 0,
	CONF_LIST = 1 << 1,          /* items in place, counted at `count` */
	CONF_HEAP = 1 << 2,          /* with CONF_LIST: the field is a pointer to calloc'ed items */
	CONF_ONE_OK = 1 << 3,        /* with CONF_LIST: a single value is a list of one */
	CONF_NONEMPTY = 1 << 4,      /* with CONF_LIST: at least one, where written */
	CONF_HAS = 1 << 5,           /* `has` is the offset of a bool: it was written (and where, at its mark) */
	CONF_OMIT = 1 << 7,          /* with CONF_LIST: empty is as absent, and is not printed */
	CONF_SELF = 1 << 6           /* with CONF_LIST: the type files the items itself and prints the whole list */
};

struct conf_field {
	const char *key;
	const char *help;            /* one line: what it is */
	const struct conf_type *type;  /* of the scalar or of each item; NULL: a mapping, */
	const struct conf_map *map;    /* by this table */
	const char *def;             /* as it would be written, items after ", "; NULL: what is there already */
	/* A default to be worked out; `base` is the mapping's struct, whose earlier rows are read. */
	void (*fill)(struct conf *c, void *base);
	const char *(*word)(unsigned value);  /* of an enumeration: NULL past its end */
	int64_t min, max;            /* of a number, of a text's length, of milli- or microseconds */
	size_t offset, size;         /* in the mapping's struct; of the scalar or of one item */
	size_t count, count_size;    /* where the number of items is kept */
	size_t has;
	unsigned items_max;
	unsigned flags;
};

struct conf_map {
	const char *name;            /* in errors: "trunk lacks ..." */
	const struct conf_field *fields;
	unsigned n_fields;
};

#define CONF_MEMBER(S, m) .offset = offsetof(S, m), .size = sizeof(((S *)0)->m)
#define CONF_ITEMS(S, m, n) \
	.offset = offsetof(S, m), .size = sizeof(((S *)0)->m[0]), \
	.count = offsetof(S, n), .count_size = sizeof(((S *)0)->n)
#define CONF_PORT(S, m) .offset = offsetof(S, m) + offsetof(struct addr, in.sin_port), .size = sizeof(in_port_t)
#define CONF_ARRAY(S, m, n) CONF_ITEMS(S, m, n), .items_max = sizeof(((S *)0)->m) / sizeof(((S *)0)->m[0])
#define CONF_ROWS(fields) (sizeof(fields) / sizeof(fields[0]))
/* The array of negative size: a table with more rows than a reader has room for does not compile. */
#define CONF_MAP(name_, fields_) {.name = name_, .fields = fields_, .n_fields = CONF_ROWS(fields_) + \
	0 * sizeof(char[CONF_ROWS(fields_) <= CONF_FIELDS_MAX ? 1 : -1])}

/* What the file format knows and this version does not do yet: refused rather than ignored, because an
 * operator relies on what he wrote. Serving one is taking its line out. */
struct conf_unserved {
	const char *map, *key;
	const char *value;           /* NULL: the key as a whole */
	const char *what, *instead;
};

/* ---- one reading: conf_report.c ---- */

struct conf_mark {
	const void *value;
	size_t line, column;         /* from 1 */
	size_t seq;
	bool faulty;                 /* something in it did not read */
};

struct conf_line {
	size_t line, column, seq;
	char *text;
};

/* A value of the caller's, zeroed but for the first members. */
struct conf {
	const char *path;
	void *root;                  /* the struct being filled, for types that look names up */
	const struct conf_unserved *unserved;  /* ended by a row without a map */
	yaml_document_t doc;
	struct conf_line *lines;     /* errors, in the order found */
	size_t n_lines, lines_size, lines_lost;
	struct conf_mark *marks;     /* where values were written */
	size_t n_marks, marks_size;
	bool marks_sorted;
	size_t nodes;                /* read so far: aliases can multiply a small file */
	bool full;                   /* too many: one error said so, nothing more is read */
	bool no_memory;
};

/* Notes an error at a position; lines and columns count from 1. */
void conf_error(struct conf *c, size_t line, size_t column, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void conf_error_node(struct conf *c, const yaml_node_t *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* At the place where `value` was written; at the file's first line if nobody wrote it. */
void conf_error_at(struct conf *c, const void *value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool conf_failed(const struct conf *c);
/* Hands over the errors in the order of the file. */
void conf_report(struct conf *c, void (*report)(void *arg, const char *line), void *arg);
/* Remembers that `value` was written at `node`; the last word on an address counts. */
void conf_mark_set(struct conf *c, const void *value, const yaml_node_t *node);
/* Something in the item at `value`, marked before, did not read. */
void conf_mark_spoil(struct conf *c, const void *value);
/* Once reading is over. */
bool conf_mark_faulty(struct conf *c, const void *value);
/* Once reading is over. The line of `value`, 0 if nobody wrote it. */
size_t conf_mark_line(struct conf *c, const void *value);
void conf_free(struct conf *c);

/* Text from the file, made fit for one line of a report: cut, control characters replaced. */
#define CONF_QUOTE_LEN 72
const char *conf_quote(const char *text, char buf[CONF_QUOTE_LEN]);

/* Known names beside one that is not: the nearest, and a list cut to size. */
struct conf_names {
	const char *wanted;
	char best[64];
	unsigned distance;
	char list[400];
	size_t len;
};
void conf_names_init(struct conf_names *n, const char *wanted);
void conf_names_add(struct conf_names *n, const char *name);
/* 'did you mean "x"? known WHAT: a, b' into buf. */
const char *conf_names_hint(const struct conf_names *n, const char *what, char *buf, size_t size);

/* ---- reading and printing by the tables ---- */

/* conf_yaml.c: text to c->doc, which conf_free() frees; false after errors. */
bool conf_yaml_load(struct conf *c, const char *text, size_t len);
/* conf_schema.c: the whole document into c->root, defaults filled in. */
void conf_read(struct conf *c, const struct conf_map *map);
/* The defaults of a table into the struct `base`. */
void conf_default(struct conf *c, const struct conf_map *map, void *base);
/* The row for what is not served, or NULL; `value` NULL asks for the key as a whole. */
const struct conf_unserved *conf_unserved_find(const struct conf *c, const char *map, const char *key,
                                               const char *value);
size_t conf_count(const struct conf_field *f, const void *base);
void conf_set_count(const struct conf_field *f, void *base, size_t n);
/* conf_print.c: as YAML. */
void conf_print(const struct conf_map *map, const void *root, FILE *out);

/* ---- scalar types of general use: conf_types.c ---- */

extern const struct conf_type conf_string;    /* min to max bytes */
extern const struct conf_type conf_name;      /* letters, digits, '.', '_', '-' */
extern const struct conf_type conf_file;      /* absolute file name */
extern const struct conf_type conf_key_file;  /* file name, may be relative to the configuration file */
extern const struct conf_type conf_bool;
extern const struct conf_type conf_uint;      /* stored in `size` bytes */
extern const struct conf_type conf_share;     /* double, min to max */
extern const struct conf_type conf_ms;        /* "500ms", "2s", "4h" in a uint32_t of milliseconds */
extern const struct conf_type conf_us;        /* the same in microseconds; "us" too */
extern const struct conf_type conf_address;   /* struct addr, host only: the port stays */
extern const struct conf_type conf_endpoint;  /* struct addr from "ADDRESS:PORT" */
extern const struct conf_type conf_addr_port; /* the port of a struct addr (CONF_PORT), read after the address */
extern const struct conf_type conf_prefix;
extern const struct conf_type conf_enum;      /* int-sized, by `word` */

/* Decimal digits only, at most `max`; for types of one's own. */
bool conf_digits(const char *text, uint64_t max, uint64_t *out);

#endif
