/* The scalar types of time: hours of the week ("mon-fri 08:00-18:00", "sat,sun 10:00-14:00", "daily
 * 22:00-06:00") and names of zones. Control thread. */
#include "daemon/conf_tables.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "daemon/zone.h"

#define DAY_MINUTES 1440
#define EVERY_DAY 0x7f

static const char day_words[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void window_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "days and hours such as \"mon-fri 08:00-18:00\", \"sat,sun 10:00-14:00\" or \"daily "
	         "22:00-06:00\" (days: mon tue wed thu fri sat sun)");
}

/* The index of the day at *p, which moves on; -1: none. */
static int take_day(const char **p)
{
	for (int i = 0; i < 7; i++)
		if (!strncasecmp(*p, day_words[i], 3)) {
			*p += 3;
			return i;
		}
	return -1;
}

static bool take_days(const char **p, uint8_t *days)
{
	*days = 0;
	if (!strncasecmp(*p, "daily", 5)) {
		*days = EVERY_DAY;
		*p += 5;
		return true;
	}
	do {
		int from = take_day(p), to = from;
		if (**p == '-') {
			++*p;
			to = take_day(p);
		}
		if (from < 0 || to < 0)
			return false;
		for (int i = from;; i = (i + 1) % 7) {
			*days |= (uint8_t)(1 << i);
			if (i == to)
				break;
		}
	} while (**p == ',' && ++*p);
	return true;
}

/* "hh:mm" to minutes of the day. */
static bool take_clock(const char **p, uint16_t *out)
{
	unsigned n[2] = {0};
	for (int i = 0; i < 2; i++) {
		if ((i && *(*p)++ != ':') || strspn(*p, "0123456789") < 2)
			return false;
		n[i] = (unsigned)((*p)[0] - '0') * 10 + (unsigned)((*p)[1] - '0');
		*p += 2;
	}
	*out = (uint16_t)(n[0] * 60 + n[1]);
	return n[1] < 60 && *out <= DAY_MINUTES;
}

static int window_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct policy_window w;
	if (!take_days(&text, &w.days) || !*text || strspn(text, " ") == 0)
		return -EINVAL;
	text += strspn(text, " ");
	if (!take_clock(&text, &w.from) || *text++ != '-' || !take_clock(&text, &w.to) || *text || w.from == DAY_MINUTES)
		return -EINVAL;
	if (w.from == w.to)
		return err_set(err, EINVAL, "from and to are the same, which is no time at all: write 00:00-24:00 for all day");
	*(struct policy_window *)value = w;
	return 0;
}

static bool window_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct policy_window *w = value;
	size_t len = 0;
	if (w->days == EVERY_DAY)
		len = (size_t)snprintf(buf, size, "daily");
	for (int i = 0; w->days != EVERY_DAY && i < 7; i++)
		if (w->days >> i & 1)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "," : "", day_words[i]);
	snprintf(buf + len, size - len, " %02u:%02u-%02u:%02u", w->from / 60, w->from % 60, w->to / 60, w->to % 60);
	return true;
}

const struct conf_type conf_window = {window_expect, window_parse, window_print, true};

static void zone_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the name of a time zone such as America/New_York");
}

static int zone_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct policy_zone zone;
	int rc = zone_load(text, &zone, err);
	if (!rc)
		snprintf(value, f->size, "%s", text);
	zone_free(&zone);
	return rc;
}

static bool zone_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)value);
	return *buf;
}

const struct conf_type conf_zone = {zone_expect, zone_parse, zone_print, true};
