/* The table of the API and the way from a request to its handler.
 *
 * Order of the checks, so that the answer names the first thing wrong: path (400, 404), method (405),
 * a web page of another site behind the request (403), size (413), type of the body (415), the body
 * itself (400), then the handler. Problems are RFC 9457 documents of type about:blank: the status says
 * what kind, `detail` says what to do. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "admin/api.h"
#include "base/addr.h"
#include "base/clock.h"

static const struct route routes[] = {
	{"GET", "/health", "Is the process alive: always 200 while it answers at all", api_health, .gives = &schema_health},
	{"GET", "/ready", "Should this node get calls: 200, or 503 with the reasons why not", api_ready,
	 .gives = &schema_ready, .also = 503},
	{"GET", "/metrics", "All figures in the Prometheus text format 0.0.4", api_metrics,
	 .type = "text/plain; version=0.0.4; charset=utf-8"},
	{"GET", "/v1/status", "This node at a glance", api_status, .gives = &schema_status},
	{"GET", "/v1/regions", "All regions: state, health, load and latency", api_regions, .gives = &schema_regions},
	{"GET", "/v1/regions/{name}", "One region, with its targets", api_region, .gives = &schema_region_detail},
	{"PATCH", "/v1/regions/{name}", "Drain a region, take it out, bring it back, or change its weight",
	 api_region_patch, .takes = &schema_region_patch, .gives = &schema_region_detail},
	{"POST", "/v1/regions/{name}/figures", "Tell the load of a region: agents, queue, slots, a percentage",
	 api_figures, .takes = &schema_figures_request, .gives = &schema_figures},
	{"GET", "/v1/trunks", "All trunks: calls and limits", api_trunks, .gives = &schema_trunks},
	{"GET", "/v1/anycast", "The anycast prefixes: announced or not, and why", api_anycast, .gives = &schema_anycast},
	{"POST", "/v1/anycast/withdraw", "Withdraw one prefix, or all, until announced again", api_withdraw,
	 .takes = &schema_order_request, .gives = &schema_order, .body_optional = true, .fails = {404, 409}},
	{"POST", "/v1/anycast/announce", "Leave one prefix, or all, to the gate again", api_announce,
	 .takes = &schema_order_request, .gives = &schema_order, .body_optional = true, .fails = {404, 409}},
	{"POST", "/v1/anycast/force", "Announce one prefix, or all, whatever regions and load say; announce undoes it", api_force,
	 .takes = &schema_order_request, .gives = &schema_order, .body_optional = true, .fails = {404, 409}},
	{"GET", "/v1/drain", "Is this node in service, and how far is a drain", api_drain_state, .gives = &schema_drain},
	{"POST", "/v1/drain", "Take this node out of service: worse route, no new calls, no route", api_drain,
	 .gives = &schema_drain, .fails = {409}},
	{"POST", "/v1/undrain", "Back into service", api_undrain, .gives = &schema_drain, .fails = {409}},
	{"GET", "/v1/peers", "The BGP peers and their sessions", api_peers, .gives = &schema_peers},
	{"GET", "/v1/cluster", "The fleet as this node sees it: Redis, the nodes, who runs which revision", api_cluster,
	 .gives = &schema_cluster},
	{"POST", "/v1/cluster/policy", "Set pools, rules and tuning for the whole fleet, in place of those in the nodes' files",
	 api_cluster_policy, .takes = &schema_fleet_policy, .gives = &schema_fleet_asked, .fails = {409, 422, 503}},
	{"PATCH", "/v1/cluster/regions/{name}", "Drain a region in the whole fleet, take it out, bring it back, or change its weight",
	 api_cluster_region, .takes = &schema_region_patch, .gives = &schema_fleet_asked, .fails = {409, 503}},
	{"POST", "/v1/explain", "Decide a call that is not placed, and say why", api_explain,
	 .takes = &schema_explain_request, .gives = &schema_explain},
	{"POST", "/v1/reload", "Load the configuration anew; on any error the old one stays", api_reload,
	 .gives = &schema_reload, .fails = {422}},
	{"GET", "/v1/config", "The configuration in force, defaults filled in, secrets masked", api_config,
	 .type = "text/yaml; charset=utf-8"},
	{"GET", "/v1/openapi.json", "This description", api_openapi, .type = API_JSON},
};
#define ROUTES_N (sizeof routes / sizeof routes[0])

const struct route *routes_table(unsigned *n)
{
	*n = ROUTES_N;
	return routes;
}

/* Every status of this API has its phrase here (RFC 9110 §15). */
const char *routes_status_str(int status)
{
	static const struct { int status; const char *text; } phrases[] = {
		{200, "OK"}, {400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {409, "Conflict"}, {413, "Content Too Large"},
		{415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
		{500, "Internal Server Error"}, {503, "Service Unavailable"},
	};

	for (unsigned i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "Unknown";
}

static bool changes(const struct route *route)
{
	return strcmp(route->method, "GET") != 0;
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

unsigned routes_fails(const struct route *route, int out[ROUTES_FAILS_MAX])
{
	unsigned n = 0;

	if (strchr(route->path, '{'))
		out[n++] = 404;
	if (changes(route))
		out[n++] = 403;
	if (route->takes) {
		out[n++] = 400;
		out[n++] = 413;
		out[n++] = 415;
	}
	for (unsigned i = 0; i < sizeof route->fails / sizeof route->fails[0] && route->fails[i]; i++)
		out[n++] = route->fails[i];
	out[n++] = 500;
	qsort(out, n, sizeof out[0], ascending);
	return n;
}

/* ---- answers ---- */

void response_free(struct response *response)
{
	jw_free(&response->body);
}

static void problem(struct response *response, int status, const char *detail)
{
	struct jw *w = &response->body;

	jw_reset(w);
	response->status = status;
	response->type = API_PROBLEM;
	jw_object(w);
	jw_kstr(w, "type", "about:blank");
	jw_kstr(w, "title", routes_status_str(status));
	jw_kint(w, "status", status);
	jw_kstr(w, "detail", detail);
	jw_object_end(w);
}

void api_problem(struct api_call *call, int status, const char *fmt, ...)
{
	char detail[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	problem(call->response, status, detail);
}

struct jw *api_object(struct api_call *call)
{
	jw_object(&call->response->body);
	return &call->response->body;
}

void api_text(struct jw *w, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line)
		w->bad = true;
	else
		jw_raw(w, line, (size_t)n);
}

void api_time(struct jw *w, const char *key, int64_t wall_us)
{
	char buf[CLOCK_RFC3339_LEN];

	jw_kstr(w, key, wall_us ? clock_rfc3339(wall_us, buf) : NULL);
}

void api_ms(struct jw *w, const char *key, uint32_t us)
{
	if (us)
		jw_kdouble(w, key, us / 1000.0, 3);
	else
		jw_kstr(w, key, NULL);
}

void api_limit(struct jw *w, const char *key, uint32_t limit)
{
	if (limit)
		jw_kuint(w, key, limit);
	else
		jw_kstr(w, key, NULL);
}

/* ---- the path ---- */

#define SEGMENTS_MAX 6

struct path {
	unsigned n;
	char segment[SEGMENTS_MAX][API_SEGMENT_LEN];
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Decodes one segment (RFC 3986 §2.1). Returns 0, -EINVAL when it is no percent-encoding (or hides a
 * NUL), or -ENAMETOOLONG: then no route and no name is meant. */
static int segment_decode(const char *text, size_t len, char out[API_SEGMENT_LEN])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex(text[i + 1]) : -1, low = i + 2 < len ? hex(text[i + 2]) : -1;
			if (high < 0 || low < 0 || (c = high * 16 + low) == 0)
				return -EINVAL;
			i += 2;
		}
		if (n + 1 >= API_SEGMENT_LEN)
			return -ENAMETOOLONG;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return 0;
}

static int path_split(const char *text, struct path *path)
{
	path->n = 0;
	while (*text == '/') {
		size_t len = strcspn(++text, "/");
		int r = path->n < SEGMENTS_MAX ? segment_decode(text, len, path->segment[path->n++]) : -ENAMETOOLONG;
		if (r < 0)
			return r;
		text += len;
	}
	return *text ? -ENAMETOOLONG : 0;
}

/* Whether `pattern` is this path; *name is set to the segment that stands for {name}. */
static bool path_matches(const char *pattern, const struct path *path, const char **name)
{
	unsigned i = 0;

	*name = NULL;
	while (*pattern == '/') {
		size_t len = strcspn(++pattern, "/");
		if (i == path->n)
			return false;
		if (*pattern == '{' && path->segment[i][0])
			*name = path->segment[i];
		else if (strlen(path->segment[i]) != len || memcmp(path->segment[i], pattern, len) != 0)
			return false;
		pattern += len;
		i++;
	}
	return i == path->n;
}

/* ---- dispatch ---- */

static bool method_matches(const struct route *route, const char *method)
{
	return strcmp(route->method, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

static void allow_add(struct response *response, const struct route *route)
{
	size_t at = strlen(response->allow);

	snprintf(response->allow + at, sizeof response->allow - at, "%s%s%s", at ? ", " : "", route->method,
	         changes(route) ? "" : ", HEAD");
}

/* The route, or NULL with the problem written. */
static const struct route *route_find(const struct request *request, const struct path *path, struct api_call *call)
{
	const struct route *found = NULL;
	const char *name;

	for (unsigned i = 0; i < ROUTES_N && !found; i++) {
		if (!path_matches(routes[i].path, path, &name))
			continue;
		allow_add(call->response, &routes[i]);
		if (method_matches(&routes[i], request->method)) {
			call->name = name;
			found = &routes[i];
		}
	}
	if (found)
		call->response->allow[0] = 0;
	else if (call->response->allow[0])
		api_problem(call, 405, "%.20s is not for this path; allowed: %s", request->method, call->response->allow);
	else
		api_problem(call, 404, "there is nothing at %.128s; /v1/openapi.json lists what there is", request->path);
	return found;
}

/* "127.0.0.1", "[::1]:8080", "localhost:8080": names that no one else's name server answers for. */
static bool host_is_literal(const char *host)
{
	char name[API_SEGMENT_LEN];
	struct addr addr;
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len >= sizeof name || len > strlen(host))
		return false;
	snprintf(name, sizeof name, "%.*s", (int)len, host);
	return strcasecmp(name, "localhost") == 0 || addr_parse(&addr, name, 0) == 0;
}

/* A browser sends Origin with every request that can change something. One that comes from another
 * site's page (or from a name rebound to this address) is not the operator's wish, though it comes
 * from the operator's machine. */
static bool origin_is_foreign(const struct request *request)
{
	if (!request->origin)
		return false;
	if (!request->host || strncmp(request->origin, "http://", 7) != 0)
		return true;
	return strcasecmp(request->origin + 7, request->host) != 0 || !host_is_literal(request->host);
}

static bool type_is_json(const char *type)
{
	size_t len = strlen(API_JSON);

	if (!type || strncasecmp(type, API_JSON, len) != 0)
		return false;
	type += len;
	return type[strspn(type, " \t")] == 0 || type[strspn(type, " \t")] == ';';
}

/* The body of the shape that the route takes, into call->body. False with the problem written. */
static bool take_body(const struct route *route, const struct request *request, struct api_call *call, json_t **body)
{
	struct err err;

	if (request->too_large) {
		api_problem(call, 413, "the body is over %d bytes", API_BODY_MAX);
		return false;
	}
	if (request->len == 0 && route->body_optional)
		return true;
	if (request->len == 0) {
		api_problem(call, 400, "a JSON object is wanted as the body; /v1/openapi.json describes it");
		return false;
	}
	if (!type_is_json(request->content_type)) {
		api_problem(call, 415, "the body must be sent with Content-Type: %s", API_JSON);
		return false;
	}
	*body = body_parse(route->takes, request->body, request->len, &err);
	call->body = *body;
	if (!*body)
		api_problem(call, 400, "%s", err.text);
	return *body != NULL;
}

static void route_run(const struct route *route, const struct request *request, struct api_call *call)
{
	json_t *body = NULL;

	if (changes(route) && origin_is_foreign(request)) {
		api_problem(call, 403, "changes are not taken from web pages of other sites (Origin: %.100s)", request->origin);
		return;
	}
	if (route->takes && !take_body(route, request, call, &body))
		return;
	call->response->type = route->type ? route->type : API_JSON;
	route->fn(call);
	json_decref(body);
}

void routes_dispatch(const struct admin_sources *sources, const struct request *request, struct response *response)
{
	struct api_call call = {.sources = sources, .who = request->who, .response = response};
	const struct route *route;
	struct path path;
	int r;

	*response = (struct response){.status = 200};
	jw_init(&response->body);
	r = path_split(request->path, &path);
	if (r == -EINVAL)
		api_problem(&call, 400, "the path is not valid percent-encoding");
	else if (r < 0)
		api_problem(&call, 404, "there is nothing at that path; /v1/openapi.json lists what there is");
	else if ((route = route_find(request, &path, &call)))
		route_run(route, request, &call);
	if (response->body.bad)
		problem(response, 500, "out of memory for the answer");
}

static const struct field problem_fields[] = {
	FIELD("type", STRING, "always about:blank: the status says what kind of problem it is"),
	FIELD("title", STRING, "the status in words"),
	FIELD("status", INTEGER, "the HTTP status"),
	FIELD("detail", STRING, "what was wrong, and what would be right"),
	FIELD_END
};
const struct schema schema_problem = {"Problem", "An error (RFC 9457)", problem_fields};
