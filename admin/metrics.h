/* Rows of /metrics. The format wants all samples of one metric together under one HELP and TYPE, while we read by
 * object (a region, a trunk, a peer). So each kind of object is read once into a set of rows, one an object with its
 * labels and a value a metric, and written column by column. A value that is not known is NaN in the row and is left
 * out of the text: an absent sample is what "not known" is there.
 *
 * All of it runs on the admin thread. */
#ifndef TANDEM_ADMIN_METRICS_H
#define TANDEM_ADMIN_METRICS_H

#include "admin/api.h"

struct metric {
	const char *name, *type, *help;       /* name without "tandem_" */
};

#define METRIC_COLUMNS_MAX 24

struct metric_row {
	size_t at, len;                       /* of the labels in metrics->labels */
	double v[METRIC_COLUMNS_MAX];
};

struct metrics {
	struct jw labels;
	struct metric_row *rows;
	unsigned n, max;
};

/* An empty set with room for `max` rows; false when memory is short. metrics_write() frees it. */
bool metrics_init(struct metrics *set, unsigned max);
void metrics_free(struct metrics *set);

/* A row more, or NULL when there are `max`: objects may have become more since they were counted. */
struct metric_row *metrics_add(struct metrics *set);

/* Appends key="value", escaped, to the row that was added last. */
void metrics_label(struct metrics *set, const char *key, const char *value);

/* Microseconds as seconds; NaN for 0, which is "not measured" throughout. */
double metrics_seconds(uint32_t us);

/* HELP and TYPE of one metric. */
void metrics_head(struct jw *w, const char *name, const char *type, const char *help);

/* Writes the first `n` columns of the set under their metrics, and frees the set. */
void metrics_write(struct jw *w, const struct metric *metrics, unsigned n, struct metrics *set);

/* Parts of the page in files of their own. */
void metrics_anycast(struct jw *w, struct anycast *anycast);                                          /* metrics_anycast.c */
void metrics_cluster(struct jw *w, const struct board *board, const struct ended *ended,
                     const struct peer *peer);             /* metrics_cluster.c */

#endif
