/* The Prometheus text exposition format 0.0.4: rows read by object, written by metric. */
#include <math.h>
#include <stdlib.h>

#include "admin/metrics.h"

/* ---- rows ---- */

bool metrics_init(struct metrics *set, unsigned max)
{
	*set = (struct metrics){.max = max, .rows = calloc(max ? max : 1, sizeof *set->rows)};
	jw_init(&set->labels);
	return set->rows != NULL;
}

void metrics_free(struct metrics *set)
{
	jw_free(&set->labels);
	free(set->rows);
}

/* A row more, or NULL when there are `max`: objects may have become more since they were counted. */
struct metric_row *metrics_add(struct metrics *set)
{
	struct metric_row *row = set->n < set->max ? &set->rows[set->n++] : NULL;

	if (row)
		row->at = set->labels.len;
	return row;
}

/* Appends key="value" to the row that was added last. */
void metrics_label(struct metrics *set, const char *key, const char *value)
{
	struct metric_row *row = &set->rows[set->n - 1];
	struct jw *w = &set->labels;

	if (row->len)
		jw_raw(w, ",", 1);
	api_text(w, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\n')
			jw_raw(w, "\\n", 2);
		else if (*value == '"' || *value == '\\')
			api_text(w, "\\%c", *value);
		else
			jw_raw(w, value, 1);
	}
	jw_raw(w, "\"", 1);
	row->len = w->len - row->at;
}

double metrics_seconds(uint32_t us)
{
	return us ? us / 1e6 : NAN;
}

/* ---- text ---- */

void metrics_head(struct jw *w, const char *name, const char *type, const char *help)
{
	api_text(w, "# HELP tandem_%s %s\n# TYPE tandem_%s %s\n", name, help, name, type);
}

static void write_value(struct jw *w, double v)
{
	if (v == floor(v) && fabs(v) < 9007199254740992.0)
		api_text(w, " %.0f\n", v);
	else
		api_text(w, " %.6f\n", v);
}

static void write_sample(struct jw *w, const char *name, const struct metrics *set, const struct metric_row *row, double v)
{
	if (isnan(v))
		return;
	api_text(w, "tandem_%s", name);
	if (row->len) {
		jw_raw(w, "{", 1);
		jw_raw(w, set->labels.data + row->at, row->len);
		jw_raw(w, "}", 1);
	}
	write_value(w, v);
}

/* Writes the set and frees it. */
void metrics_write(struct jw *w, const struct metric *metrics, unsigned n, struct metrics *set)
{
	for (unsigned m = 0; m < n; m++) {
		metrics_head(w, metrics[m].name, metrics[m].type, metrics[m].help);
		for (unsigned i = 0; i < set->n; i++)
			write_sample(w, metrics[m].name, set, &set->rows[i], set->rows[i].v[m]);
	}
	w->bad |= set->labels.bad;
	metrics_free(set);
}
