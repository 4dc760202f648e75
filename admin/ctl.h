/* tandemctl inside: asking the node, and showing what it said. One thread. */
#ifndef ADMIN_CTL_H
#define ADMIN_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

#define CTL_SOCKET "/run/tandem/admin.sock"
#define CTL_URL "http://127.0.0.1:8080"

/* ---- ctl_http.c ---- */

/* Where the node is: a Unix socket, or else a URL without a slash at its end. */
struct ctl_node {
	const char *socket, *url;
};

struct ctl_answer {
	long status;
	char *text;               /* the body, NUL-terminated */
	size_t len;
	json_t *json;             /* of a JSON body, else NULL */
};

/* Sends one request; `body` (JSON) may be NULL. 0 with *answer filled whatever its status, to be freed
 * by ctl_answer_free(); or a negative errno and `err`: the node cannot be reached. */
int ctl_http_ask(const struct ctl_node *node, const char *method, const char *path, const char *body,
                 struct ctl_answer *answer, struct err *err);
void ctl_answer_free(struct ctl_answer *answer);
/* `text` as one segment of a path, percent-encoded; malloc'ed, NULL without memory. */
char *ctl_http_escape(const char *text);

/* ---- ctl_table.c ---- */

enum ctl_colour { CTL_PLAIN, CTL_GOOD, CTL_WARN, CTL_BAD, CTL_STRONG };

/* A table of text in aligned columns. A head that begins with '>' is of a column set to the right. */
struct ctl_table;

struct ctl_table *ctl_table_new(const char *const *heads);   /* NULL at the end; exits without memory */
void ctl_table_free(struct ctl_table *table);
/* The next cell, row by row. Control characters are shown as '?'. */
void ctl_table_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ctl_table_print(const struct ctl_table *table, FILE *out, bool colours);

/* Text between the escapes for `colour`, without control characters of its own. */
void ctl_print(FILE *out, bool colours, enum ctl_colour colour, const char *text);

/* ---- ctl_replay.c ---- */

/* Decides the calls of the log at `log` ("-": standard input) again under the configuration file `policy`, and
 * shows what would change. Asks no node. The exit code: 0, or 1 with the reason on standard error. */
int ctl_replay(const char *log, const char *policy, bool json);

/* ---- ctl_show.c: one answer each, for people ---- */

struct ctl_view {
	FILE *out;
	bool colours;
};

typedef void ctl_show_fn(const struct ctl_view *view, const json_t *answer);
ctl_show_fn ctl_show_status, ctl_show_regions, ctl_show_region, ctl_show_trunks, ctl_show_anycast, ctl_show_order,
	ctl_show_drain, ctl_show_cluster, ctl_show_fleet, ctl_show_policy, ctl_show_peers, ctl_show_explain, ctl_show_reload;

#endif
