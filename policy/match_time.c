/* Hours of rules: windows of days and minutes become spans of minutes of the week, and a moment becomes
 * a minute of the week in a zone. Days begin at Monday. Pure; any thread. */
#include <stdlib.h>

#include "policy/match_form.h"

#define DAY_S 86400
#define DAY_MINUTES 1440
#define EPOCH_WEEKDAY 3              /* 1970-01-01 was a Thursday */

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from != y->from ? (x->from < y->from ? -1 : 1) : 0;
}

static unsigned span_add(struct span *out, unsigned n, unsigned from, unsigned to)
{
	if (to > WEEK_MINUTES) {         /* past Sunday's midnight: Monday */
		out[n++] = (struct span){0, (uint16_t)(to - WEEK_MINUTES)};
		to = WEEK_MINUTES;
	}
	out[n++] = (struct span){(uint16_t)from, (uint16_t)to};
	return n;
}

static unsigned window_spans(const struct policy_window *w, struct span *out)
{
	unsigned length = w->to > w->from ? w->to - w->from : DAY_MINUTES + w->to - w->from, n = 0;

	for (unsigned day = 0; day < 7; day++) {
		if ((w->days >> day & 1) != 0)
			n = span_add(out, n, day * DAY_MINUTES + w->from, day * DAY_MINUTES + w->from + length);
	}
	return n;
}

unsigned match_spans(const struct policy_window *windows, unsigned n, struct span *out)
{
	unsigned count = 0, kept = 0;

	for (unsigned i = 0; i < n; i++)
		count += window_spans(&windows[i], &out[count]);
	if (count == 0)
		return 0;
	qsort(out, count, sizeof(*out), span_order);
	for (unsigned i = 1; i < count; i++) {
		if (out[i].from > out[kept].to)
			out[++kept] = out[i];
		else if (out[i].to > out[kept].to)
			out[kept].to = out[i].to;
	}
	return kept + 1;
}

bool match_windows_overlap(const struct policy_window *a, const struct policy_window *b)
{
	struct span x[8], y[8];
	unsigned n = window_spans(a, x), m = window_spans(b, y);

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < m; j++) {
			if (x[i].from < y[j].to && y[j].from < x[i].to)
				return true;
		}
	}
	return false;
}

bool match_in_spans(const struct span *spans, unsigned n, uint16_t minute)
{
	for (unsigned i = 0; i < n && spans[i].from <= minute; i++) {
		if (minute < spans[i].to)
			return true;
	}
	return false;
}

bool match_spans_cover(const struct span *wide, unsigned n_wide, const struct span *narrow, unsigned n_narrow)
{
	for (unsigned i = 0; i < n_narrow; i++) {
		unsigned j = 0;

		while (j < n_wide && wide[j].to < narrow[i].to)
			j++;
		if (j == n_wide || wide[j].from > narrow[i].from)
			return false;
	}
	return true;
}

static int32_t zone_offset(const struct match *m, unsigned zone, int64_t now_s)
{
	const struct policy_zone_change *c = &m->changes[m->zones[zone].at];
	uint32_t low = 0, high = m->zones[zone].n;

	if (high == 0)
		return 0;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (c[mid].from_s <= now_s)
			low = mid;
		else
			high = mid;
	}
	return c[low].offset_s;
}

uint16_t match_minute(const struct match *m, unsigned zone, int64_t wall_us)
{
	int64_t now_s = wall_us / 1000000;
	int64_t local = now_s + zone_offset(m, zone, now_s) + EPOCH_WEEKDAY * DAY_S;
	int64_t second = local % (7 * DAY_S);

	return (uint16_t)((second < 0 ? second + 7 * DAY_S : second) / 60);
}
