/* /metrics, read by a parser of the exposition format that is as strict as Prometheus's own. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "tests/unit/admin_fakes.h"
#include "tests/unit/unit.h"

#define SERIES_MAX 40000

/* What was read: every series by its whole text, "name{labels}". */
static struct { char *series[SERIES_MAX]; double value[SERIES_MAX]; unsigned n, metrics; char *text; } page;

static void page_free(void)
{
	for (unsigned i = 0; i < page.n; i++)
		free(page.series[i]);
	free(page.text);
	memset(&page, 0, sizeof page);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *skip_name(const char *p)
{
	while (isalnum((unsigned char)*p) || *p == '_' || *p == ':')
		p++;
	return p;
}

/* Past {key="value",...}, or NULL when it is not well formed. */
static const char *skip_labels(const char *p)
{
	if (*p != '{')
		return p;
	do {
		const char *key = ++p;
		p = skip_name(p);
		if (p == key || isdigit((unsigned char)*key) || *p != '=' || p[1] != '"')
			return NULL;
		for (p += 2; *p && *p != '"'; p++)
			if (*p == '\n' || (*p == '\\' && !strchr("\\\"n", *++p)))
				return NULL;
		if (*p++ != '"')
			return NULL;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

static bool take_sample(const char *line, const char *metric)
{
	const char *p = skip_name(line);
	char *end;

	if ((size_t)(p - line) != strlen(metric) || strncmp(line, metric, strlen(metric)) != 0)
		return false;
	p = skip_labels(p);
	if (!p || *p != ' ' || page.n == SERIES_MAX)
		return false;
	page.series[page.n] = strndup(line, (size_t)(p - line));
	page.value[page.n++] = strtod(p + 1, &end);
	return end != p + 1 && *end == 0;
}

/* Each metric is "# HELP name ...", "# TYPE name type", samples of that name and no other. */
static bool parse_lines(char *text)
{
	char metric[128] = "", seen[200][96], type[16] = "", *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(metric, sizeof metric, "%.*s", (int)(skip_name(line + 7) - line - 7), line + 7);
			for (unsigned i = 0; i < page.metrics; i++)
				if (strcmp(seen[i], metric) == 0)
					return printf("\n  %s comes twice\n", metric), false;
			snprintf(seen[page.metrics++], sizeof seen[0], "%.95s", metric);
			if (strlen(line + 7) < strlen(metric) + 5 || strchr(line, '\\'))
				return printf("\n  poor help: %s\n", line), false;
			type[0] = 0;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			if (strncmp(line + 7, metric, strlen(metric)) != 0 || type[0])
				return printf("\n  stray: %s\n", line), false;
			snprintf(type, sizeof type, "%s", line + 8 + strlen(metric));
			if (strcmp(type, "counter") != 0 && strcmp(type, "gauge") != 0)
				return printf("\n  no type: %s\n", line), false;
			if ((strcmp(type, "counter") == 0) != (strcmp(metric + strlen(metric) - 6, "_total") == 0))
				return printf("\n  a counter, and nothing else, ends in _total: %s\n", line), false;
		} else if (!type[0] || !take_sample(line, metric)) {
			return printf("\n  not a sample of %s: %s\n", metric, line), false;
		}
	}
	return true;
}

static bool no_duplicates(void)
{
	char **sorted = malloc(sizeof *sorted * (page.n + 1));
	bool unique = true;

	memcpy(sorted, page.series, sizeof *sorted * page.n);
	qsort(sorted, page.n, sizeof *sorted, by_text);
	for (unsigned i = 1; i < page.n; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0) {
			printf("\n  twice: %s\n", sorted[i]);
			unique = false;
		}
	free(sorted);
	return unique;
}

static void read_page(struct fakes *fakes)
{
	struct request request = {.method = "GET", .path = "/metrics", .who = "x"};
	struct response response;

	page_free();
	routes_dispatch(&fakes->sources, &request, &response);
	CU_ASSERT_EQUAL(response.status, 200);
	CU_ASSERT_STRING_EQUAL(response.type, "text/plain; version=0.0.4; charset=utf-8");
	page.text = strdup(jw_text(&response.body));
	CU_ASSERT_EQUAL(page.text[strlen(page.text) - 1], '\n');
	response_free(&response);
	CU_ASSERT_TRUE(parse_lines(page.text));
	CU_ASSERT_TRUE(no_duplicates());
}

/* The series' value; NaN when there is none. */
static double value(const char *series)
{
	for (unsigned i = 0; i < page.n; i++)
		if (strcmp(page.series[i], series) == 0)
			return page.value[i];
	return NAN;
}

#define CHECK(series, v) do { \
		if (value(series) != (v)) \
			printf("\n  %s is %g, not %g\n", series, value(series), (double)(v)); \
		CU_ASSERT_EQUAL(value(series), (v)); \
	} while (0)

static void test_node(void)
{
	struct fakes *fakes = fakes_new();

	read_page(fakes);
	CHECK("tandem_build_info{version=\"0.1.0\",node=\"iad-1\"}", 1);
	CHECK("tandem_start_time_seconds", 1769857200);
	CHECK("tandem_ready", 1);
	CHECK("tandem_draining", 0);
	CHECK("tandem_workers", 4);
	CHECK("tandem_workers_alive", 4);
	CHECK("tandem_sip_transactions", 17);
	CHECK("tandem_overload_shed_ratio", 0.25);
	CHECK("tandem_regions_reachable", 2);
	fakes->proxy.workers_alive = 3;
	fakes->proxy.draining = true;
	fakes->reasons[fakes->n_reasons++] = "draining";
	read_page(fakes);
	CHECK("tandem_ready", 0);
	CHECK("tandem_draining", 1);
	CHECK("tandem_workers_alive", 3);
	page_free();
	fakes_free(fakes);
}

/* Every counter of the SIP side is there with its own value. */
static void test_stats(void)
{
	struct fakes *fakes = fakes_new();
	char series[160];

	read_page(fakes);
	for (unsigned i = 0; i < STATS_N; i++) {
		const char *labels = stats_names[i].labels;
		snprintf(series, sizeof series, labels[0] ? "tandem_%s{%s}" : "tandem_%s%s", stats_names[i].name, labels);
		CHECK(series, 1000 + i);
	}
	page_free();
	fakes_free(fakes);
}

static void test_regions(void)
{
	struct fakes *fakes = fakes_new();

	fakes->proxy.live[1].admin = POLICY_DRAIN;
	fakes->proxy.live[1].weight = 7;
	read_page(fakes);
	CHECK("tandem_region_healthy{region=\"us-east-1\"}", 1);
	CHECK("tandem_region_calls{region=\"us-west-2\"}", 124);
	CHECK("tandem_region_setups{region=\"us-west-2\"}", 4);
	CHECK("tandem_region_max_calls{region=\"us-east-1\"}", 4000);
	CHECK("tandem_region_latency_seconds{region=\"us-east-1\"}", 0.081234);
	CU_ASSERT_TRUE(isnan(value("tandem_region_latency_seconds{region=\"us-west-2\"}")));
	CHECK("tandem_region_rtt_seconds{region=\"us-west-2\"}", 0.012345);
	CHECK("tandem_region_attempts_total{region=\"us-east-1\"}", 1000);
	CHECK("tandem_region_answered_total{region=\"us-east-1\"}", 900);
	CHECK("tandem_region_failed_total{region=\"us-east-1\"}", 10);
	CHECK("tandem_region_weight{region=\"us-east-1\"}", 100);
	CHECK("tandem_region_weight{region=\"us-west-2\"}", 7);
	CHECK("tandem_region_admin_state{region=\"us-east-1\",state=\"ready\"}", 1);
	CHECK("tandem_region_admin_state{region=\"us-west-2\",state=\"ready\"}", 0);
	CHECK("tandem_region_admin_state{region=\"us-west-2\",state=\"drain\"}", 1);
	CHECK("tandem_region_admin_state{region=\"us-west-2\",state=\"maint\"}", 0);
	CHECK("tandem_target_healthy{region=\"us-west-2\",target=\"sip:198.51.100.21:5060\",address=\"198.51.100.21:5060\"}", 1);
	CHECK("tandem_target_resolved{region=\"us-west-2\",target=\"sip:west.example:5060\"}", 0);
	CU_ASSERT_TRUE(isnan(value("tandem_target_rtt_seconds{region=\"us-west-2\",target=\"sip:west.example:5060\"}")));
	page_free();
	fakes_free(fakes);
}

static void test_trunks(void)
{
	struct fakes *fakes = fakes_new();

	read_page(fakes);
	CHECK("tandem_trunk_calls{trunk=\"carrier-a\"}", 200);
	CHECK("tandem_trunk_calls_total{trunk=\"carrier-b\"}", 99);
	CHECK("tandem_trunk_limited_total{trunk=\"carrier-a\"}", 78);
	CHECK("tandem_trunk_over_max_calls_total{trunk=\"carrier-a\"}", 70);
	CHECK("tandem_trunk_over_max_cps_total{trunk=\"carrier-a\"}", 8);
	fakes->proxy.n_trunks = FAKE_TRUNKS_MAX;
	for (unsigned i = 2; i < FAKE_TRUNKS_MAX; i++)
		snprintf(fakes->proxy.trunks[i].name, sizeof fakes->proxy.trunks[i].name, "trunk-%u", i);
	read_page(fakes);
	CHECK("tandem_trunk_setups{trunk=\"trunk-4095\"}", 0);
	fakes->proxy.n_trunks = 0;
	read_page(fakes);
	page_free();
	fakes_free(fakes);
}

static void test_anycast(void)
{
	struct fakes *fakes = fakes_new();

	read_page(fakes);
	CHECK("tandem_anycast_peer_established{peer=\"cloud-router-1\"}", 1);
	CHECK("tandem_anycast_peer_established{peer=\"cloud-router-2\"}", 0);
	CHECK("tandem_anycast_peer_received_messages_total{peer=\"cloud-router-1\"}", 5);
	CHECK("tandem_anycast_peer_hold_seconds{peer=\"cloud-router-1\"}", 60);
	CHECK("tandem_anycast_peer_bfd_up{peer=\"cloud-router-1\"}", 1);
	CHECK("tandem_anycast_peer_bfd_detection_seconds{peer=\"cloud-router-1\"}", 5);
	CHECK("tandem_anycast_peer_bfd_downs_total{peer=\"cloud-router-1\"}", 1);
	CU_ASSERT_TRUE(isnan(value("tandem_anycast_peer_bfd_up{peer=\"cloud-router-2\"}")));
	CHECK("tandem_anycast_prefix_announced{prefix=\"203.0.113.10/32\"}", 1);
	CHECK("tandem_anycast_prefix_withdrawn_by_operator{prefix=\"203.0.113.10/32\"}", 0);
	CHECK("tandem_anycast_route_info{prefix=\"203.0.113.10/32\",action=\"announce\",reason=\"ready\"}", 1);
	fakes->anycast.status.prefixes[0].peers_announced = 0;
	fakes->anycast.status.prefixes[0].order = POLICY_ORDER_WITHDRAW;
	read_page(fakes);
	CHECK("tandem_anycast_prefix_announced{prefix=\"203.0.113.10/32\"}", 0);
	CHECK("tandem_anycast_prefix_withdrawn_by_operator{prefix=\"203.0.113.10/32\"}", 1);
	fakes->sources.anycast = NULL;
	read_page(fakes);
	CU_ASSERT_TRUE(isnan(value("tandem_anycast_prefix_announced{prefix=\"203.0.113.10/32\"}")));
	page_free();
	fakes_free(fakes);
}

static void test_labels(void)
{
	struct fakes *fakes = fakes_new();
	struct proxy_target_status *t = fakes->proxy.targets[1];

	snprintf(fakes->proxy.trunks[0].name, sizeof fakes->proxy.trunks[0].name, "a\"b\\c\nd{e=\"f\"} 1");
	memset(t[0].uri, '\\', sizeof t[0].uri - 1);
	t[1] = t[0];                         /* the same target written twice is one series */
	read_page(fakes);
	CHECK("tandem_trunk_calls{trunk=\"a\\\"b\\\\c\\nd{e=\\\"f\\\"} 1\"}", 200);
	page_free();
	fakes_free(fakes);
}

UNIT_MAIN("admin metrics",
	{"the node", test_node},
	{"all counters", test_stats},
	{"regions and targets", test_regions},
	{"trunks, none to thousands", test_trunks},
	{"anycast", test_anycast},
	{"labels are escaped, series are unique", test_labels})
