/* tandemctl replay: the decisions of a call log, taken again under another policy by the very code that took
 * them. A `route` record of a first attempt carries all that the decision came from: time, trunk, numbers,
 * headers, chance and the facts of every candidate; later attempts only follow the first one's plan.
 *
 * What the log cannot know, this says: a region that the record does not name is taken as healthy and idle.
 * Weights and limits are those of the new policy. Reads line by line and keeps one record at a time, so that
 * a log may be of any size; what cannot be read is counted and named, and the rest goes on. One thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "admin/ctl.h"
#include "daemon/build.h"
#include "policy/region.h"

#define LINE_MAX_BYTES (1 << 20)
#define BAD_NAMED 10              /* bad lines that get a line of their own */
#define STEPS_MAX 48              /* rows of load over time; the step doubles when there are more */
#define STEP_S 60
#define NOWHERE POLICY_REGIONS_MAX       /* no region eligible */
#define REFUSED (POLICY_REGIONS_MAX + 1) /* by a rule, or no rule matches */
#define ELSEWHERE (POLICY_REGIONS_MAX + 2) /* a region that the new policy does not know */
#define PLACES (POLICY_REGIONS_MAX + 3)

struct step { uint64_t before[PLACES], after[PLACES]; };

struct replay {
	const char *path;
	const struct policy_table *table;
	uint64_t lines, routes, changed, bad, masked, assumed;
	uint64_t moved[PLACES][PLACES];   /* from, to */
	int64_t first_s, step_s;          /* first_s: -1 before the first record */
	struct step steps[STEPS_MAX];
	unsigned n_steps;
	off_t size, read;
	time_t told;
};

static void bad_line(struct replay *r, const char *what)
{
	if (r->bad++ < BAD_NAMED)
		fprintf(stderr, "%s:%" PRIu64 ": %s\n", r->path, r->lines, what);
	if (r->bad == BAD_NAMED + 1)
		fprintf(stderr, "%s:%" PRIu64 ": more bad lines follow; they are counted only\n", r->path, r->lines);
}

/* ---- one record ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return value > 0 ? value : 0;
}

static uint32_t uint_of(const json_t *object, const char *key, double scale)
{
	double value = number_of(object, key) * scale + 0.5;

	return value < (double)UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static enum region_figure figure_of(const char *name)
{
	unsigned i = 0;

	while (i < REGION_FIGURES && strcmp(region_figure_str((enum region_figure)i), name) != 0)
		i++;
	return i < REGION_FIGURES ? (enum region_figure)i : REGION_PERCENT;
}

/* A candidate as policy_plan_json() wrote it; absent is zero. */
static void facts_read(const json_t *c, uint32_t weight, struct policy_region_facts *f)
{
	*f = (struct policy_region_facts){
		.no_sips = json_is_true(json_object_get(c, "no_sips")),
		.healthy = strcmp(text_of(c, "health"), "up") == 0, .was_hot = json_is_true(json_object_get(c, "was_hot")),
		.weight = weight, .setups = uint_of(c, "setups", 1), .waiting = uint_of(c, "waiting", 1), .calls = uint_of(c, "calls", 1),
		.cps = uint_of(c, "cps", 1), .latency_us = uint_of(c, "latency_ms", 1000),
		.rtt_us = uint_of(c, "rtt_ms", 1000), .error_rate = (float)number_of(c, "error_rate"),
		.ejected = json_is_true(json_object_get(c, "ejected")),
		.outside_figure = (uint8_t)figure_of(text_of(c, "outside_figure")),
		.latency_age_ms = uint_of(c, "latency_age_ms", 1), .ring_us = uint_of(c, "ring_ms", 1000),
		.ring_age_ms = uint_of(c, "ring_age_ms", 1), .remote_setups = uint_of(c, "remote_setups", 1),
		.remote_calls = uint_of(c, "remote_calls", 1), .outside_load = (float)number_of(c, "outside_load"),
		.held = (float)number_of(c, "held"),
	};
	if (!policy_admin_parse(text_of(c, "state"), &f->admin))
		f->admin = POLICY_READY;
}

/* Facts of all regions of the new policy; true when some are assumed. */
static bool facts_of(const struct replay *r, const json_t *record, struct policy_region_facts *facts)
{
	const json_t *candidates = json_object_get(record, "candidates");
	bool known[POLICY_REGIONS_MAX] = {false}, assumed = false;
	unsigned n = policy_table_regions(r->table);

	for (unsigned i = 0; i < n; i++)
		facts[i] = (struct policy_region_facts){.healthy = true, .weight = policy_table_region(r->table, i)->weight};
	for (size_t i = 0; i < json_array_size(candidates); i++) {
		const json_t *c = json_array_get(candidates, i);
		int region = policy_table_region_find(r->table, text_of(c, "region"));
		if (region < 0)
			continue;
		facts_read(c, policy_table_region(r->table, (unsigned)region)->weight, &facts[region]);
		known[region] = true;
	}
	for (unsigned i = 0; i < n; i++)
		assumed |= !known[i];
	return assumed;
}

/* µs since 1970 of "2026-01-31T23:59:59.123456Z"; -1: it is none. */
static int64_t time_of(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t us = 0, unit = 100000;

	if (!rest)
		return -1;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			us += (*rest - '0') * unit;
	return *rest == 'Z' ? (int64_t)timegm(&tm) * 1000000 + us : -1;
}

static bool random_of(const json_t *record, uint64_t *out)
{
	const char *text = text_of(record, "random");
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 16);
	return *text && !*end && !errno;
}

/* Names of header fields are the new policy's; a log of one that did not ask for them has no values. */
static void headers_of(const struct replay *r, const json_t *record, const char **headers, unsigned max)
{
	const json_t *values = json_object_get(record, "headers");
	const char *name;

	for (unsigned i = 0; i < max && (name = policy_table_header(r->table, i)); i++)
		headers[i] = json_string_value(json_object_get(values, name));
}

static unsigned place_before(const struct replay *r, const json_t *record)
{
	const json_t *chosen = json_object_get(record, "chosen");
	int region;

	if (!json_is_string(chosen))
		return json_object_get(record, "refuse") || !json_is_string(json_object_get(record, "pool")) ? REFUSED : NOWHERE;
	region = policy_table_region_find(r->table, json_string_value(chosen));
	return region < 0 ? ELSEWHERE : (unsigned)region;
}

static unsigned place_after(const struct replay *r, const struct policy_region_facts *facts, const struct policy_query *q)
{
	struct policy_plan plan;
	int rc = policy_decide(r->table, facts, q, &plan);

	if (rc == 0)
		return plan.order[0];
	return rc == -EHOSTUNREACH ? NOWHERE : REFUSED;
}

/* ---- load over time ---- */

static void steps_double(struct replay *r)
{
	for (unsigned i = 0; i < STEPS_MAX; i += 2) {
		struct step *to = &r->steps[i / 2], pair[2] = {r->steps[i], r->steps[i + 1]};
		for (unsigned p = 0; p < PLACES; p++) {
			to->before[p] = pair[0].before[p] + pair[1].before[p];
			to->after[p] = pair[0].after[p] + pair[1].after[p];
		}
	}
	memset(&r->steps[STEPS_MAX / 2], 0, sizeof r->steps / 2);
	r->n_steps = (r->n_steps + 1) / 2;
	r->step_s *= 2;
}

static void steps_count(struct replay *r, int64_t at_s, unsigned before, unsigned after)
{
	unsigned i;

	if (r->first_s < 0)
		r->first_s = at_s - at_s % STEP_S;
	if (at_s < r->first_s)
		at_s = r->first_s;        /* records of several threads are in no strict order */
	while ((at_s - r->first_s) / r->step_s >= STEPS_MAX)
		steps_double(r);
	i = (unsigned)((at_s - r->first_s) / r->step_s);
	r->steps[i].before[before]++;
	r->steps[i].after[after]++;
	if (i >= r->n_steps)
		r->n_steps = i + 1;
}

static void replay_route(struct replay *r, const json_t *record)
{
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	const char *headers[POLICY_HEADERS_MAX] = {NULL}, *from = text_of(record, "from"), *to = text_of(record, "to");
	int64_t wall_us = time_of(text_of(record, "time"));
	struct policy_query q = {
		.trunk = text_of(record, "trunk"), .from = from, .to = to, .headers = headers,
		.now_us = wall_us, .wall_us = wall_us,
	};

	if (wall_us < 0)
		return bad_line(r, "\"time\" is no time: it must be like \"2026-01-31T23:59:59.123456Z\"");
	if (!random_of(record, &q.random))
		return bad_line(r, "\"random\" is missing: the record is of a version that did not log it");
	if (!json_is_array(json_object_get(record, "candidates")))
		return bad_line(r, "\"candidates\" must be an array");
	headers_of(r, record, headers, POLICY_HEADERS_MAX);
	r->masked += strchr(from, 'x') != NULL || strchr(to, 'x') != NULL;
	r->assumed += facts_of(r, record, facts);
	unsigned before = place_before(r, record), after = place_after(r, facts, &q);
	r->routes++;
	r->changed += before != after;
	r->moved[before][after]++;
	steps_count(r, wall_us / 1000000, before, after);
}

static void replay_line(struct replay *r, const char *line, size_t len)
{
	json_error_t error;
	char what[JSON_ERROR_TEXT_LENGTH + 32];
	json_t *record = json_loadb(line, len, 0, &error);

	if (!record) {
		snprintf(what, sizeof what, "no JSON: %s", error.text);
		bad_line(r, what);
	} else if (!json_is_object(record) || !json_is_string(json_object_get(record, "event"))) {
		bad_line(r, "no record of the call log: it has no \"event\"");
	} else if (strcmp(text_of(record, "event"), "route") == 0
	           && json_integer_value(json_object_get(record, "attempt")) <= 1) {
		replay_route(r, record);
	}
	json_decref(record);
}

/* ---- the whole log ---- */

static void progress(struct replay *r, size_t len)
{
	time_t now = time(NULL);

	r->read += (off_t)len;
	if (now - r->told < 2)
		return;
	r->told = now;
	fprintf(stderr, "tandemctl: replay: %" PRIu64 " lines", r->lines);
	if (r->size > 0)
		fprintf(stderr, ", %d %%", (int)(100.0 * (double)r->read / (double)r->size));
	fputc('\n', stderr);
}

/* The next line, without its end and with its length, of which at most LINE_MAX_BYTES are kept; -1: no more. */
static ssize_t next_line(FILE *in, char *line)
{
	ssize_t len = 0;
	int c;

	while ((c = getc_unlocked(in)) != EOF && c != '\n')
		if (len++ < LINE_MAX_BYTES)
			line[len - 1] = (char)c;
	return c == EOF && len == 0 ? -1 : len;
}

static int replay_file(struct replay *r, FILE *in)
{
	char *line = malloc(LINE_MAX_BYTES);
	ssize_t len;

	if (!line)
		return -ENOMEM;
	while ((len = next_line(in, line)) >= 0) {
		r->lines++;
		if (len > LINE_MAX_BYTES)
			bad_line(r, "the line is longer than 1 MiB");
		else if (len > 0)
			replay_line(r, line, (size_t)len);
		progress(r, (size_t)len + 1);
	}
	free(line);
	return ferror(in) ? -EIO : 0;
}

/* ---- what came out ---- */

static const char *place_name(const struct replay *r, unsigned place)
{
	if (place < policy_table_regions(r->table))
		return policy_table_region(r->table, place)->name;
	return place == NOWHERE ? "(no region eligible)" : place == REFUSED ? "(refused)" : "(not in the policy)";
}

static json_t *load_json(const struct replay *r, const uint64_t *load)
{
	json_t *object = json_object();

	for (unsigned p = 0; p < PLACES; p++)
		if (p < policy_table_regions(r->table) || load[p])
			json_object_set_new(object, place_name(r, p), json_integer((json_int_t)load[p]));
	return object;
}

static void print_json(const struct replay *r)
{
	json_t *moves = json_array(), *steps = json_array(), *all;

	for (unsigned a = 0; a < PLACES; a++)
		for (unsigned b = 0; b < PLACES; b++)
			if (a != b && r->moved[a][b])
				json_array_append_new(moves, json_pack("{sssssI}", "from", place_name(r, a), "to", place_name(r, b),
				                                       "calls", (json_int_t)r->moved[a][b]));
	for (unsigned i = 0; i < r->n_steps; i++)
		json_array_append_new(steps, json_pack("{sIsoso}", "time_s", (json_int_t)(r->first_s + i * r->step_s), "before",
		                                       load_json(r, r->steps[i].before), "after",
		                                       load_json(r, r->steps[i].after)));
	all = json_pack("{sIsIsIsIsIsIsosIso}", "lines", (json_int_t)r->lines, "routes", (json_int_t)r->routes, "changed",
	                (json_int_t)r->changed, "bad_lines", (json_int_t)r->bad, "masked", (json_int_t)r->masked, "assumed",
	                (json_int_t)r->assumed, "moves", moves, "step_s", (json_int_t)r->step_s, "load", steps);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

static void print_moves(const struct replay *r)
{
	struct ctl_table *t = ctl_table_new((const char *const[]){"FROM", "TO", ">CALLS", NULL});

	for (unsigned a = 0; a < PLACES; a++)
		for (unsigned b = 0; b < PLACES; b++)
			if (a != b && r->moved[a][b]) {
				ctl_table_cell(t, CTL_PLAIN, "%s", place_name(r, a));
				ctl_table_cell(t, CTL_PLAIN, "%s", place_name(r, b));
				ctl_table_cell(t, CTL_PLAIN, "%" PRIu64, r->moved[a][b]);
			}
	ctl_table_print(t, stdout, false);
	ctl_table_free(t);
}

static void print_load(const struct replay *r)
{
	struct ctl_table *t = ctl_table_new((const char *const[]){"TIME", "REGION", ">BEFORE", ">AFTER", NULL});

	for (unsigned i = 0; i < r->n_steps; i++) {
		time_t at = (time_t)(r->first_s + i * r->step_s);
		struct tm tm;
		char text[32];
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
		for (unsigned p = 0; p < PLACES; p++) {
			if (!r->steps[i].before[p] && !r->steps[i].after[p])
				continue;
			ctl_table_cell(t, CTL_PLAIN, "%s", text);
			ctl_table_cell(t, CTL_PLAIN, "%s", place_name(r, p));
			ctl_table_cell(t, CTL_PLAIN, "%" PRIu64, r->steps[i].before[p]);
			ctl_table_cell(t, CTL_PLAIN, "%" PRIu64, r->steps[i].after[p]);
		}
	}
	ctl_table_print(t, stdout, false);
	ctl_table_free(t);
}

static void print_text(const struct replay *r)
{
	printf("%" PRIu64 " calls, %" PRIu64 " would change (%.2f %%); %" PRIu64 " bad lines\n", r->routes, r->changed,
	       r->routes ? 100.0 * (double)r->changed / (double)r->routes : 0.0, r->bad);
	if (r->assumed)
		printf("of %" PRIu64 " calls the log does not know every region: those are taken as healthy and idle\n", r->assumed);
	if (r->masked)
		printf("of %" PRIu64 " calls numbers are masked: rules with numbers may match otherwise than they did\n", r->masked);
	if (r->changed) {
		putchar('\n');
		print_moves(r);
	}
	if (r->routes) {
		printf("\ncalls a region, every %" PRId64 " s\n", r->step_s);
		print_load(r);
	}
}

static void report(void *arg, const char *line) { fprintf(stderr, "%s\n", line); }

static struct policy_table *policy_load(const char *path)
{
	struct config *config = config_load(path, report, NULL, NULL);
	struct policy_table *table;
	struct err err;

	if (!config)
		return NULL;
	table = build_policy(config, &err);
	if (!table)
		fprintf(stderr, "tandemctl: %s: %s\n", path, err.text);
	config_free(config);
	return table;
}

int ctl_replay(const char *log, const char *policy, bool json)
{
	struct policy_table *table = policy_load(policy);
	struct replay *r = table ? calloc(1, sizeof *r) : NULL;
	FILE *in = r ? strcmp(log, "-") == 0 ? stdin : fopen(log, "re") : NULL;
	int rc = -ENOMEM;

	if (in) {
		*r = (struct replay){.path = log, .table = table, .first_s = -1, .step_s = STEP_S, .told = time(NULL)};
		r->size = fseeko(in, 0, SEEK_END) == 0 ? ftello(in) : 0;  /* a pipe has none */
		rewind(in);
		rc = replay_file(r, in);
		if (rc == 0)
			json ? print_json(r) : print_text(r);
		if (rc == 0 && fflush(stdout) != 0)
			rc = -errno;
	} else if (r) {
		rc = -errno;
	}
	if (rc != 0 && table)
		fprintf(stderr, "tandemctl: replay: %s: %s\n", log, strerror(-rc));
	if (in && in != stdin)
		fclose(in);
	free(r);
	policy_table_free(table);
	return rc == 0 ? 0 : 1;
}
