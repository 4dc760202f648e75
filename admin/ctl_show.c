/* The node's answers in words and tables. A figure that the node does not know is shown as "-", as is
 * anything missing: an older or newer node's answer is shown as far as it goes. */
#include "admin/ctl.h"

#define FIGURE_LEN 48

/* ---- reading the answer ---- */

static const char *str(const json_t *of, const char *key)
{
	const char *text = json_string_value(json_object_get(of, key));

	return text ? text : "-";
}

static bool is_true(const json_t *of, const char *key)
{
	return json_is_true(json_object_get(of, key));
}

static const char *yes(const json_t *of, const char *key)
{
	return is_true(of, key) ? "yes" : "no";
}

static json_int_t num(const json_t *of, const char *key)
{
	return json_integer_value(json_object_get(of, key));
}

struct figure {
	char text[FIGURE_LEN];
};

static struct figure figure(const json_t *of, const char *key, int decimals, double scale, const char *unit)
{
	const json_t *v = json_object_get(of, key);
	struct figure f = {"-"};

	if (json_is_number(v))
		snprintf(f.text, sizeof f.text, "%.*f%s", decimals, json_number_value(v) * scale, unit);
	return f;
}

static struct figure whole(const json_t *of, const char *key)
{
	return figure(of, key, 0, 1, "");
}

static struct figure ms(const json_t *of, const char *key)
{
	return figure(of, key, 1, 1, " ms");
}

/* "123/4000", or "123" without a limit. */
static struct figure of_limit(const json_t *of, const char *key, const char *limit)
{
	struct figure f = whole(of, key), most = whole(of, limit);
	struct figure both;

	if (most.text[0] == '-' || strlen(f.text) + strlen(most.text) + 2 > sizeof both.text)
		return f;
	snprintf(both.text, sizeof both.text, "%.20s/%.20s", f.text, most.text);
	return both;
}

/* A time without its fraction: "2026-01-31T12:00:00Z". */
static struct figure when(const json_t *of, const char *key)
{
	const char *text = str(of, key);
	struct figure f;

	snprintf(f.text, sizeof f.text, "%.*s%s", (int)strcspn(text, "."), text, strchr(text, '.') ? "Z" : "");
	return f;
}

static struct figure uptime(json_int_t s)
{
	struct figure f;

	if (s >= 86400)
		snprintf(f.text, sizeof f.text, "%lldd %02lldh", (long long)s / 86400, (long long)s / 3600 % 24);
	else if (s >= 3600)
		snprintf(f.text, sizeof f.text, "%lldh %02lldm", (long long)s / 3600, (long long)s / 60 % 60);
	else
		snprintf(f.text, sizeof f.text, "%lldm %02llds", (long long)s / 60, (long long)s % 60);
	return f;
}

static enum ctl_colour good_if(bool good)
{
	return good ? CTL_GOOD : CTL_BAD;
}

static enum ctl_colour state_colour(const char *state)
{
	return strcmp(state, "ready") == 0 ? CTL_GOOD : CTL_WARN;
}

static void table_end(const struct ctl_view *view, struct ctl_table *table)
{
	ctl_table_print(table, view->out, view->colours);
	ctl_table_free(table);
}

/* True with a line instead of a table when there is nothing to show. */
static bool none(const struct ctl_view *view, const json_t *list, const char *what)
{
	if (json_array_size(list))
		return false;
	fprintf(view->out, "no %s\n", what);
	return true;
}

/* ---- status ---- */

static void status_ready(const struct ctl_view *view, const json_t *answer)
{
	json_t *reasons = json_object_get(answer, "reasons");
	bool ready = is_true(answer, "ready");

	fputs("state    ", view->out);
	ctl_print(view->out, view->colours, good_if(ready), ready ? "ready" : "not ready");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const char *reason = json_string_value(json_array_get(reasons, i));
		fputs(i ? ", " : ": ", view->out);
		ctl_print(view->out, view->colours, CTL_PLAIN, reason ? reason : "-");
	}
	fputc('\n', view->out);
}

void ctl_show_status(const struct ctl_view *view, const json_t *answer)
{
	const json_t *regions = json_object_get(answer, "regions"), *anycast = json_object_get(answer, "anycast");
	FILE *out = view->out;

	fputs("node     ", out);
	ctl_print(out, view->colours, CTL_STRONG, str(answer, "node"));
	fputs(", tandem ", out);
	ctl_print(out, view->colours, CTL_PLAIN, str(answer, "version"));
	fputc('\n', out);
	status_ready(view, answer);
	fprintf(out, "up       %s, since ", uptime(num(answer, "uptime_s")).text);
	ctl_print(out, view->colours, CTL_PLAIN, when(answer, "started").text);
	fprintf(out, "\nworkers  %s of %s alive\n", whole(answer, "workers_alive").text, whole(answer, "workers").text);
	fprintf(out, "calls    %s established, %s being set up, %s transactions\n", whole(answer, "calls").text,
	        whole(answer, "setups").text, whole(answer, "transactions").text);
	fprintf(out, "regions  %s of %s reachable\n", whole(regions, "reachable").text, whole(regions, "configured").text);
	if (json_is_object(anycast))
		fprintf(out, "anycast  %s of %s prefixes announced, %s of %s peers established\n",
		        whole(anycast, "announced").text, whole(anycast, "prefixes").text,
		        whole(anycast, "established").text, whole(anycast, "peers").text);
	else
		fputs("anycast  not configured\n", out);
}

/* ---- regions ---- */

static void region_row(struct ctl_table *table, const json_t *r)
{
	bool healthy = is_true(r, "healthy");

	ctl_table_cell(table, CTL_STRONG, "%s", str(r, "name"));
	ctl_table_cell(table, state_colour(str(r, "state")), "%s", str(r, "state"));
	ctl_table_cell(table, good_if(healthy), "%s", healthy ? "up" : "down");
	ctl_table_cell(table, CTL_PLAIN, "%s", of_limit(r, "calls", "calls_max").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", whole(r, "setups").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", of_limit(r, "cps", "cps_max").text);
	ctl_table_cell(table, is_true(r, "hot") ? CTL_WARN : CTL_PLAIN, "%s", yes(r, "hot"));
	ctl_table_cell(table, CTL_PLAIN, "%s", ms(r, "latency_ms").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", ms(r, "rtt_ms").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", figure(r, "error_rate", 1, 100, "%").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", whole(r, "weight").text);
}

static const char *const region_heads[] = {
	"REGION", "STATE", "HEALTH", ">CALLS", ">SETUPS", ">CPS", "HOT", ">LATENCY", ">RTT", ">ERRORS", ">WEIGHT", NULL
};

void ctl_show_regions(const struct ctl_view *view, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "regions");
	struct ctl_table *table;

	if (none(view, list, "regions"))
		return;
	table = ctl_table_new(region_heads);
	for (size_t i = 0; i < json_array_size(list); i++)
		region_row(table, json_array_get(list, i));
	table_end(view, table);
}

void ctl_show_region(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {"TARGET", "ADDRESS", "BY", ">PRIORITY", ">WEIGHT", ">TTL", "HEALTH", "SINCE", ">RTT", "LAST ERROR",
	                                    NULL};
	const json_t *targets = json_object_get(answer, "targets");
	struct ctl_table *table = ctl_table_new(region_heads);

	region_row(table, answer);
	table_end(view, table);
	fputc('\n', view->out);
	table = ctl_table_new(heads);
	for (size_t i = 0; i < json_array_size(targets); i++) {
		const json_t *t = json_array_get(targets, i);
		bool healthy = is_true(t, "healthy");
		ctl_table_cell(table, CTL_PLAIN, "%s", str(t, "uri"));
		ctl_table_cell(table, CTL_PLAIN, "%s", str(t, "address"));
		ctl_table_cell(table, CTL_PLAIN, "%s", str(t, "transport"));
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "priority").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "weight").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", figure(t, "ttl_s", 0, 1, " s").text);
		ctl_table_cell(table, good_if(healthy), "%s", healthy ? "up" : "down");
		ctl_table_cell(table, CTL_PLAIN, "%s", when(t, "health_since").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", ms(t, "rtt_ms").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", str(t, "last_error"));
	}
	table_end(view, table);
}

/* ---- trunks ---- */

void ctl_show_trunks(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {"TRUNK", ">SOURCES", ">CALLS", ">SETUPS", ">MAX CPS", ">CALLS TOTAL",
	                                    ">OVER MAX CALLS", ">OVER MAX CPS", NULL};
	const json_t *list = json_object_get(answer, "trunks");
	struct ctl_table *table;

	if (none(view, list, "trunks"))
		return;
	table = ctl_table_new(heads);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *t = json_array_get(list, i);
		ctl_table_cell(table, CTL_STRONG, "%s", str(t, "name"));
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "sources").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", of_limit(t, "calls", "calls_max").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "setups").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "cps_max").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(t, "calls_total").text);
		ctl_table_cell(table, num(t, "over_max_calls_total") > 0 ? CTL_WARN : CTL_PLAIN, "%s", whole(t, "over_max_calls_total").text);
		ctl_table_cell(table, num(t, "over_max_cps_total") > 0 ? CTL_WARN : CTL_PLAIN, "%s", whole(t, "over_max_cps_total").text);
	}
	table_end(view, table);
}

/* ---- anycast ---- */

void ctl_show_anycast(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {"PREFIX", "ACTION", ">PEERS", "ADDRESS", "ORDER", "SINCE", "REASON", NULL};
	const json_t *list = json_object_get(answer, "prefixes");
	struct ctl_table *table;

	if (none(view, list, "anycast prefixes"))
		return;
	table = ctl_table_new(heads);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		bool announced = strcmp(str(p, "action"), "announce") == 0, held = strcmp(str(p, "order"), "auto") != 0;
		ctl_table_cell(table, CTL_STRONG, "%s", str(p, "prefix"));
		ctl_table_cell(table, good_if(announced), "%s", str(p, "action"));
		ctl_table_cell(table, CTL_PLAIN, "%s/%s", whole(p, "peers_announced").text, whole(answer, "peers").text);
		ctl_table_cell(table, good_if(is_true(p, "address_present")), "%s",
		               is_true(p, "address_present") ? "present" : "missing");
		ctl_table_cell(table, held ? CTL_WARN : CTL_PLAIN, "%s", str(p, "order"));
		ctl_table_cell(table, CTL_PLAIN, "%s", when(p, "since").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", str(p, "reason"));
	}
	table_end(view, table);
}

void ctl_show_order(const struct ctl_view *view, const json_t *answer)
{
	const char *prefix = json_string_value(json_object_get(answer, "prefix"));
	bool withdraw = strcmp(str(answer, "order"), "withdraw") == 0, force = strcmp(str(answer, "order"), "announce") == 0;

	ctl_print(view->out, view->colours, CTL_STRONG, prefix ? prefix : "all prefixes");
	fputs(withdraw ? ": withdrawn until \"tandemctl anycast announce\"\n" :
	      force ? ": announced, whatever regions and load say, until \"tandemctl anycast announce\"\n" :
	      ": announced again while the node is ready\n", view->out);
}

void ctl_show_drain(const struct ctl_view *view, const json_t *answer)
{
	bool draining = is_true(answer, "draining");

	ctl_print(view->out, view->colours, draining ? CTL_WARN : CTL_GOOD, str(answer, "state"));
	if (draining)
		fprintf(view->out, ": %s new calls since it began, %s requests under way, %s calls established\n",
		        whole(answer, "new_calls").text, whole(answer, "open").text, whole(answer, "calls").text);
	else
		fputs("\n", view->out);
}

static void show_servers(const struct ctl_view *view, const json_t *list)
{
	static const char *const heads[] = {"REDIS", "STATE", ">LATENCY", ">LATE", ">LOST", "WHY", NULL};
	struct ctl_table *table = ctl_table_new(heads);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		ctl_table_cell(table, CTL_STRONG, "%s", str(s, "server"));
		ctl_table_cell(table, good_if(strcmp(str(s, "state"), "ready") == 0), "%s", str(s, "state"));
		ctl_table_cell(table, CTL_PLAIN, "%s", ms(s, "latency_ms").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(s, "late_total").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(s, "lost_total").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", str(s, "why")[0] ? str(s, "why") : "-");
	}
	table_end(view, table);
}

void ctl_show_cluster(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {"NODE", "PRESENT", "READY", ">AGE", ">CALLS", ">SETUPS", "VERSION", "REVISION",
	                                    ">FLEET", "ROUTE", NULL};
	const json_t *list = json_object_get(answer, "nodes");
	struct ctl_table *table;

	if (!is_true(answer, "configured")) {
		fputs("no cluster.redis is configured: a node on its own\n", view->out);
		return;
	}
	table = ctl_table_new(heads);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i), *route = json_array_get(json_object_get(n, "prefixes"), 0);
		ctl_table_cell(table, CTL_STRONG, "%s%s", str(n, "node"), is_true(n, "self") ? " (this)" : "");
		ctl_table_cell(table, good_if(is_true(n, "present")), "%s", yes(n, "present"));
		ctl_table_cell(table, good_if(is_true(n, "ready")), "%s", yes(n, "ready"));
		ctl_table_cell(table, CTL_PLAIN, "%s", figure(n, "age_ms", 0, 1, " ms").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(n, "calls").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(n, "setups").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", str(n, "version"));
		ctl_table_cell(table, is_true(n, "same_revision") ? CTL_PLAIN : CTL_WARN, "%s", str(n, "revision"));
		ctl_table_cell(table, num(n, "fleet_revision") == num(json_object_get(answer, "fleet"), "revision") ? CTL_PLAIN : CTL_WARN,
		               "%s%s", whole(n, "fleet_revision").text, json_string_length(json_object_get(n, "fleet_refused")) ?
		               " (newer refused)" : "");
		ctl_table_cell(table, CTL_PLAIN, "%s", str(route, "action"));
	}
	table_end(view, table);
	if (!is_true(answer, "works"))
		ctl_print(view->out, view->colours, CTL_WARN, "no Redis server answers: this node decides by its own figures");
	fputs("\n", view->out);
	show_servers(view, json_object_get(answer, "servers"));
}

/* As it was given, so that it can be set again. */
void ctl_show_policy(const struct ctl_view *view, const json_t *answer)
{
	const char *text = json_string_value(json_object_get(json_object_get(answer, "fleet"), "policy"));

	fputs(text && text[0] ? text : "# nothing is set for the fleet: each node has its own\n", view->out);
}

void ctl_show_fleet(const struct ctl_view *view, const json_t *answer)
{
	ctl_print(view->out, view->colours, CTL_STRONG,
	          json_is_string(json_object_get(answer, "region")) ? str(answer, "region") : "policy");
	fprintf(view->out, ": asked for as the fleet's revision %s; \"tandemctl cluster\" shows who runs it\n",
	        whole(answer, "revision").text);
}

void ctl_show_peers(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {"PEER", "ADDRESS", ">AS", "STATE", "SINCE", ">HOLD", ">IN", ">OUT", ">SENT",
	                                    "BFD", "LAST ERROR", NULL};
	const json_t *list = json_object_get(answer, "peers");
	struct ctl_table *table;

	if (none(view, list, "BGP peers"))
		return;
	table = ctl_table_new(heads);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const json_t *bfd = json_object_get(p, "bfd");
		bool up = strcmp(str(p, "state"), "Established") == 0;
		ctl_table_cell(table, CTL_STRONG, "%s", str(p, "name"));
		ctl_table_cell(table, CTL_PLAIN, "%s", str(p, "address"));
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(p, "as").text);
		ctl_table_cell(table, good_if(up), "%s", str(p, "state"));
		ctl_table_cell(table, CTL_PLAIN, "%s", when(p, "state_since").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", up ? figure(p, "hold_ms", 0, 0.001, " s").text : "-");
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(p, "messages_in").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(p, "messages_out").text);
		ctl_table_cell(table, CTL_PLAIN, "%s", whole(p, "prefixes_announced").text);
		if (json_is_object(bfd))
			ctl_table_cell(table, good_if(strcmp(str(bfd, "state"), "Up") == 0), "%s %s", str(bfd, "state"),
			               figure(bfd, "detection_ms", 0, 1, " ms").text);
		else
			ctl_table_cell(table, CTL_PLAIN, "-");
		ctl_table_cell(table, CTL_PLAIN, "%s", str(p, "last_error"));
	}
	table_end(view, table);
}

/* ---- explain ---- */

static void candidate_row(struct ctl_table *table, const json_t *c, const char *chosen)
{
	bool is_chosen = strcmp(str(c, "region"), chosen) == 0, eligible = is_true(c, "eligible");
	bool up = strcmp(str(c, "health"), "up") == 0;

	ctl_table_cell(table, CTL_GOOD, "%s", is_chosen ? ">" : "");
	ctl_table_cell(table, is_chosen ? CTL_STRONG : CTL_PLAIN, "%s", str(c, "region"));
	ctl_table_cell(table, good_if(eligible), "%s", eligible ? "yes" : "no");
	ctl_table_cell(table, CTL_PLAIN, "%s", str(c, "reason"));
	ctl_table_cell(table, good_if(up), "%s", str(c, "health"));
	ctl_table_cell(table, CTL_PLAIN, "%s", of_limit(c, "calls", "calls_max").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", whole(c, "setups").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", ms(c, "latency_ms").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", ms(c, "rtt_ms").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", figure(c, "error_rate", 1, 100, "%").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", yes(c, "hot"));
	ctl_table_cell(table, CTL_PLAIN, "%s", figure(c, "load", 2, 1, "").text);
	ctl_table_cell(table, CTL_PLAIN, "%s", figure(c, "score", 3, 1, "").text);
}

static void explain_line(const struct ctl_view *view, const char *key, const char *text, enum ctl_colour colour)
{
	fprintf(view->out, "%-9s ", key);
	ctl_print(view->out, view->colours, colour, text);
	fputc('\n', view->out);
}

void ctl_show_explain(const struct ctl_view *view, const json_t *answer)
{
	static const char *const heads[] = {" ", "REGION", "ELIGIBLE", "REASON", "HEALTH", ">CALLS", ">SETUPS", ">LATENCY",
	                                    ">RTT", ">ERRORS", "HOT", ">LOAD", ">SCORE", NULL};
	const json_t *list = json_object_get(answer, "candidates");
	const char *chosen = json_string_value(json_object_get(answer, "chosen"));
	struct ctl_table *table;

	explain_line(view, "rule", str(answer, "rule"), CTL_PLAIN);
	explain_line(view, "pool", str(answer, "pool"), CTL_PLAIN);
	explain_line(view, "strategy", str(answer, "strategy"), CTL_PLAIN);
	if (json_array_size(list)) {
		fputc('\n', view->out);
		table = ctl_table_new(heads);
		for (size_t i = 0; i < json_array_size(list); i++)
			candidate_row(table, json_array_get(list, i), chosen ? chosen : "");
		table_end(view, table);
		fputc('\n', view->out);
	}
	explain_line(view, "chosen", chosen ? chosen : "none", good_if(chosen != NULL));
	explain_line(view, "because", strcmp(str(answer, "status"), "no rule") == 0 ? "no rule matches" :
	             str(answer, "because"), CTL_PLAIN);
	if (json_is_number(json_object_get(answer, "threshold_ms")))
		explain_line(view, "threshold", ms(answer, "threshold_ms").text, CTL_PLAIN);
	explain_line(view, "otherwise", str(answer, "otherwise"), CTL_PLAIN);
}

/* ---- reload ---- */

static void reload_lines(const struct ctl_view *view, const json_t *list, const char *before, enum ctl_colour colour)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		fputs(before, view->out);
		ctl_print(view->out, view->colours, colour, json_string_value(json_array_get(list, i)));
		fputc('\n', view->out);
	}
}

void ctl_show_reload(const struct ctl_view *view, const json_t *answer)
{
	ctl_print(view->out, view->colours, CTL_GOOD, str(answer, "status"));
	fputc('\n', view->out);
	reload_lines(view, json_object_get(answer, "notes"), "", CTL_PLAIN);
	reload_lines(view, json_object_get(answer, "needs_restart"), "needs a restart: ", CTL_WARN);
}
