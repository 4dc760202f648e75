/* TZif, RFC 8536: see zone.h. The file lists changes up to some year (1996 or 2037, as whoever built the
 * database liked it); its last line is a rule in the manner of POSIX TZ ("EST5EDT,M3.2.0,M11.1.0") for the
 * years after. Both become one list. Only the second block, with times of 64 bits, is read: files without
 * it are twenty years old. */
#include "daemon/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX 65536
#define HEADER_LEN 44
#define LAST_YEAR 2100
#define DAY_S 86400

struct header { uint32_t isut, isstd, leap, time, type, chars; };

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static int64_t be64(const uint8_t *p)
{
	uint64_t v = (uint64_t)be32(p) << 32 | be32(p + 4);
	int64_t out;
	memcpy(&out, &v, sizeof(out));
	return out;
}

static bool header_decode(const uint8_t *p, size_t len, struct header *h)
{
	if (len < HEADER_LEN || memcmp(p, "TZif", 4) != 0)
		return false;
	*h = (struct header){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
	return h->isut <= FILE_MAX && h->isstd <= FILE_MAX && h->leap <= FILE_MAX && h->time <= FILE_MAX &&
	       h->type <= 256 && h->chars <= FILE_MAX;
}

static size_t block_len(const struct header *h, size_t time_len)
{
	return h->time * (time_len + 1) + h->type * 6 + h->chars + h->leap * (time_len + 4) + h->isstd + h->isut;
}

/* ---- the rule for later years ---- */

struct when {
	char kind;                   /* 'M' month, week, day; 'J' day 1 to 365 without 29 February; '0' day 0 to 365 */
	int month, week, day;
	int32_t at_s;                /* of local time */
};

struct footer {
	int32_t standard_s, summer_s;  /* east of UTC */
	bool has_summer;
	struct when begins, ends;
};

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool take_number(const char **p, int max, int *out)
{
	int n = 0;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p) {
		n = n * 10 + (**p - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

/* "EST" or "<+03>". */
static bool take_name(const char **p)
{
	const char *start = *p;
	if (take(p, '<')) {
		*p += strcspn(*p, ">");
		return take(p, '>');
	}
	while (isalpha((unsigned char)**p))
		++*p;
	return *p - start >= 3;
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(const char **p, int32_t *out)
{
	bool minus = take(p, '-');
	int part[3] = {0};
	if (!minus)
		take(p, '+');
	for (int i = 0; i < 3 && (i == 0 || take(p, ':')); i++)
		if (!take_number(p, i ? 59 : 167, &part[i]))
			return false;
	*out = (minus ? -1 : 1) * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

static bool take_when(const char **p, struct when *w)
{
	*w = (struct when){.kind = '0', .at_s = 7200};
	if (take(p, 'M')) {
		w->kind = 'M';
		if (!take_number(p, 12, &w->month) || !w->month || !take(p, '.') || !take_number(p, 5, &w->week) ||
		    !w->week || !take(p, '.') || !take_number(p, 6, &w->day))
			return false;
	} else {
		if (take(p, 'J'))
			w->kind = 'J';
		if (!take_number(p, 365, &w->day))
			return false;
	}
	return !take(p, '/') || take_time(p, &w->at_s);
}

static bool footer_parse(const char *p, struct footer *f)
{
	int32_t west;
	*f = (struct footer){0};
	if (!take_name(&p) || !take_time(&p, &west))
		return false;
	f->standard_s = -west;
	if (!*p)
		return true;
	f->has_summer = true;
	f->summer_s = f->standard_s + 3600;
	if (!take_name(&p))
		return false;
	if (*p != ',') {
		if (!take_time(&p, &west))
			return false;
		f->summer_s = -west;
	}
	return take(&p, ',') && take_when(&p, &f->begins) && take(&p, ',') && take_when(&p, &f->ends) && !*p;
}

static bool leap_year(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int64_t year_start_day(int year)
{
	int64_t y = year - 1;
	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;  /* days since 1970-01-01 */
}

static int64_t when_day(const struct when *w, int year)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	int64_t start = year_start_day(year);
	if (w->kind == '0')
		return start + w->day;
	if (w->kind == 'J')
		return start + w->day - 1 + (leap_year(year) && w->day >= 60);
	int64_t first = start + before[w->month - 1] + (leap_year(year) && w->month > 2);
	int64_t next = start + before[w->month] + (leap_year(year) && w->month >= 2);
	int64_t day = first + ((w->day - (first + 4)) % 7 + 7) % 7 + (w->week - 1) * 7;  /* day 0 was a Thursday */
	return day < next ? day : day - 7;
}

/* ---- the list ---- */

struct list { struct policy_zone_change *changes; unsigned n, room; };

static bool list_add(struct list *l, int64_t from_s, int32_t offset_s)
{
	if (l->n && l->changes[l->n - 1].offset_s == offset_s)
		return true;
	if (l->n == l->room) {
		unsigned room = l->room ? l->room * 2 : 64;
		void *p = reallocarray(l->changes, room, sizeof(l->changes[0]));
		if (!p)
			return false;
		l->changes = p;
		l->room = room;
	}
	l->changes[l->n++] = (struct policy_zone_change){from_s, offset_s};
	return true;
}

/* Both changes of each year, in the order in which they come (south of the equator the end is first). */
static bool list_add_footer(struct list *l, const struct footer *f, int64_t after_s)
{
	if (!f->has_summer)
		return list_add(l, after_s, f->standard_s);
	for (int year = 1970; year <= LAST_YEAR; year++) {
		int64_t on = when_day(&f->begins, year) * DAY_S + f->begins.at_s - f->standard_s;
		int64_t off = when_day(&f->ends, year) * DAY_S + f->ends.at_s - f->summer_s;
		bool ok = true;
		for (int i = 0; ok && i < 2; i++) {
			bool summer = (i == 0) == (on < off);
			int64_t at = summer ? on : off;
			if (at > after_s)
				ok = list_add(l, at, summer ? f->summer_s : f->standard_s);
		}
		if (!ok)
			return false;
	}
	return true;
}

static int32_t type_offset(const uint8_t *types, unsigned i)
{
	uint32_t v = be32(types + i * 6);
	int32_t out;
	memcpy(&out, &v, sizeof(out));
	return out;
}

static bool offset_ok(int32_t s) { return s > -2 * DAY_S && s < 2 * DAY_S; }

static bool list_add_block(struct list *l, const uint8_t *p, const struct header *h, int64_t *last_s)
{
	const uint8_t *index = p + h->time * 8, *types = index + h->time;
	*last_s = INT64_MIN / 2;
	if (!h->type || !offset_ok(type_offset(types, 0)) || !list_add(l, *last_s, type_offset(types, 0)))
		return false;
	for (uint32_t i = 0; i < h->time; i++) {
		int64_t at = be64(p + i * 8);
		if (index[i] >= h->type || at < *last_s || !offset_ok(type_offset(types, index[i])) ||
		    !list_add(l, at, type_offset(types, index[i])))
			return false;
		*last_s = at;
	}
	return true;
}

static bool decode(const uint8_t *data, size_t len, struct list *l)
{
	struct header h;
	struct footer f;
	char text[128];
	int64_t last_s;
	if (!header_decode(data, len, &h) || data[4] < '2')
		return false;
	size_t skip = HEADER_LEN + block_len(&h, 4);
	if (skip > len || !header_decode(data + skip, len - skip, &h))
		return false;
	size_t at = skip + HEADER_LEN, end = at + block_len(&h, 8);
	if (end >= len || !list_add_block(l, data + at, &h, &last_s) || data[end] != '\n')
		return false;
	const uint8_t *nl = memchr(data + end + 1, '\n', len - end - 1);
	size_t n = nl ? (size_t)(nl - data - end - 1) : sizeof(text);
	if (n >= sizeof(text))
		return false;
	memcpy(text, data + end + 1, n);
	text[n] = 0;
	return !n || (footer_parse(text, &f) && list_add_footer(l, &f, last_s));
}

int zone_decode(const uint8_t *data, size_t len, struct policy_zone *zone, struct err *err)
{
	struct list l = {0};
	if (!decode(data, len, &l)) {
		free(l.changes);
		return err_set(err, EINVAL, "is no file of the time zone database (TZif version 2 or later)");
	}
	zone->changes = l.changes;
	zone->n_changes = l.n;
	return 0;
}

/* Letters, digits, '_', '-', '+' and single slashes: no way out of the directory. */
static bool name_ok(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_-+", name[i]) && (name[i] != '/' || !i || name[i - 1] == '/'))
			return false;
	return len && len < POLICY_NAME_LEN && name[len - 1] != '/';
}

int zone_load(const char *name, struct policy_zone *zone, struct err *err)
{
	char path[sizeof(ZONE_DIR) + POLICY_NAME_LEN];
	struct stat st;
	*zone = (struct policy_zone){0};
	if (!name_ok(name))
		return err_set(err, ENOENT, "\"%.40s\" is no name of a time zone: write one such as America/New_York", name);
	snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(err, ENOENT, "there is no time zone \"%s\" in " ZONE_DIR " (package tzdata): write one such as "
		               "America/New_York", name);
	uint8_t *data = malloc(FILE_MAX);
	ssize_t len = data && !fstat(fd, &st) && S_ISREG(st.st_mode) ? read(fd, data, FILE_MAX) : -1;
	close(fd);
	int rc = len < 0 ? err_set(err, EINVAL, "%s cannot be read", path) : zone_decode(data, (size_t)len, zone, err);
	free(data);
	if (!rc)
		snprintf(zone->name, sizeof(zone->name), "%s", name);
	return rc;
}

void zone_free(struct policy_zone *zone)
{
	free((void *)(uintptr_t)zone->changes);
	*zone = (struct policy_zone){0};
}
