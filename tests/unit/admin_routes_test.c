/* The API from request to response, without a socket: paths, methods, bodies, problems, what each
 * handler says and changes, and that the OpenAPI document is true. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "base/log.h"
#include "tests/unit/admin_fakes.h"
#include "tests/unit/unit.h"

static struct fakes *fakes;
static char log_text[2048];       /* what was logged since the last ask() */

/* The answer to the last ask(). */
static struct { int status; char type[64], allow[64]; char *text; json_t *json; } got;

static void on_log(void *arg, enum log_level level, const char *line, size_t len)
{
	size_t at = strlen(log_text);

	snprintf(log_text + at, sizeof log_text - at, "%.*s\n", (int)len, line);
}

static bool logged(const char *text)
{
	return strstr(log_text, text) != NULL;
}

static void forget(void)
{
	free(got.text);
	json_decref(got.json);
	memset(&got, 0, sizeof got);
}

static int ask_request(const struct request *request)
{
	struct response response;

	forget();
	log_text[0] = 0;
	routes_dispatch(&fakes->sources, request, &response);
	got.status = response.status;
	got.text = strdup(jw_text(&response.body));
	snprintf(got.type, sizeof got.type, "%s", response.type);
	snprintf(got.allow, sizeof got.allow, "%s", response.allow);
	got.json = json_loads(got.text, JSON_REJECT_DUPLICATES, NULL);
	response_free(&response);
	return got.status;
}

static int ask_as(const char *method, const char *path, const char *type, const char *body)
{
	struct request request = {
		.method = method, .path = path, .content_type = type, .host = "127.0.0.1:8080", .who = "socket uid 7",
		.body = body, .len = body ? strlen(body) : 0,
	};
	return ask_request(&request);
}

static int ask(const char *method, const char *path, const char *body)
{
	return ask_as(method, path, body ? "application/json" : NULL, body);
}

/* By "regions.1.name". */
static json_t *at(const char *path)
{
	json_t *v = got.json;
	char key[64];

	while (v && *path) {
		size_t len = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int)len, path);
		v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) : json_object_get(v, key);
		path += len + (path[len] == '.');
	}
	return v;
}

static const char *str(const char *path)
{
	const char *text = json_string_value(at(path));

	return text ? text : "(no string)";
}

static long num(const char *path)
{
	return json_is_integer(at(path)) ? (long)json_integer_value(at(path)) : -1;
}

static void begin(void)
{
	fakes = fakes_new();
	log_set_sink(on_log, NULL);
}

static void end(void)
{
	forget();
	log_set_sink(NULL, NULL);
	fakes_free(fakes);
}

static void check_problem(int status, const char *title, const char *detail_part)
{
	CU_ASSERT_EQUAL(got.status, status);
	CU_ASSERT_STRING_EQUAL(got.type, "application/problem+json");
	CU_ASSERT_STRING_EQUAL(str("type"), "about:blank");
	CU_ASSERT_STRING_EQUAL(str("title"), title);
	CU_ASSERT_EQUAL(num("status"), status);
	if (!strstr(str("detail"), detail_part))
		printf("\n  detail is \"%s\", not about \"%s\"\n", str("detail"), detail_part);
	CU_ASSERT_PTR_NOT_NULL(strstr(str("detail"), detail_part));
}

/* ---- paths and methods ---- */

static void test_paths(void)
{
	static const char *const nothing[] = {
		"", "*", "/", "/v1", "/v1/", "/v1/regions/", "/v1/regions/us-east-1/", "//v1/regions", "/v1//regions",
		"/V1/regions", "/health/x", "/v1/regions/a/b/c/d/e/f/g", "/v1/regions%2Fus-east-1", "http://x/health",
		"/v1/region",
	};
	static const char *const broken[] = {"/v1/regions/%", "/v1/regions/%2", "/v1/regions/%zz", "/v1/%00", "/%"};
	char path[512];

	begin();
	for (unsigned i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
		ask("GET", nothing[i], NULL);
		check_problem(404, "Not Found", "there is nothing at");
	}
	for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		ask("GET", broken[i], NULL);
		check_problem(400, "Bad Request", "percent-encoding");
	}
	CU_ASSERT_EQUAL(ask("GET", "/v1/%72egions/us%2deast%2D1", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("name"), "us-east-1");
	ask("GET", "/v1/regions/us%2Feast", NULL);
	check_problem(404, "Not Found", "there is no region \"us/east\"");
	ask("GET", "/v1/regions/%22%0a%ff", NULL);
	check_problem(404, "Not Found", "there is no region");
	snprintf(path, sizeof path, "/v1/regions/%0300d", 0);
	CU_ASSERT_EQUAL(ask("GET", path, NULL), 404);
	end();
}

static void test_methods(void)
{
	begin();
	ask("POST", "/health", NULL);
	check_problem(405, "Method Not Allowed", "POST is not for this path; allowed: GET, HEAD");
	CU_ASSERT_STRING_EQUAL(got.allow, "GET, HEAD");
	ask("DELETE", "/v1/regions/us-east-1", NULL);
	CU_ASSERT_EQUAL(got.status, 405);
	CU_ASSERT_STRING_EQUAL(got.allow, "GET, HEAD, PATCH");
	ask("GET", "/v1/explain", NULL);
	CU_ASSERT_EQUAL(got.status, 405);
	CU_ASSERT_STRING_EQUAL(got.allow, "POST");
	CU_ASSERT_EQUAL(ask("HEAD", "/v1/explain", NULL), 405);
	CU_ASSERT_EQUAL(ask("get", "/health", NULL), 405);
	CU_ASSERT_EQUAL(ask("HEAD", "/health", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.allow, "");
	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": 7}"), 200);
	CU_ASSERT_STRING_EQUAL(got.allow, "");
	end();
}

/* ---- bodies ---- */

static void test_bodies(void)
{
	static const struct { const char *body, *detail; } cases[] = {
		{"{", "the body is not JSON: line 1 column 1"},
		{"{\"state\":\n \"drain\",}", "the body is not JSON: line 2 column 10"},
		{"[]", "must be a JSON object"},
		{"12", "must be a JSON object"},
		{"null", "must be a JSON object"},
		{"{}", "nothing to change"},
		{"{\"state\": \"off\"}", "\"state\" must be ready, drain or maint, not \"off\""},
		{"{\"state\": 1}", "\"state\" must be a string"},
		{"{\"state\": null}", "\"state\" must be a string"},
		{"{\"weight\": -1}", "\"weight\" must be 0 to 65535, not -1"},
		{"{\"weight\": 65536}", "\"weight\" must be 0 to 65535, not 65536"},
		{"{\"weight\": 1.0}", "\"weight\" must be an integer or null"},
		{"{\"weight\": \"1\"}", "\"weight\" must be an integer or null"},
		{"{\"weight\": 99999999999999999999}", "the body is not JSON"},
		{"{\"wieght\": 1}", "unknown key \"wieght\"; there is state or weight"},
		{"{\"weight\": 1, \"weight\": 2}", "duplicate"},
		{"{\"weight\": 1} x", "the body is not JSON"},
		{"{\"state\": \"drain\", \"weight\": 65536}", "\"weight\" must be 0 to 65535"},
		{"{\"state\": \"\xff\"}", "the body is not JSON"},
	};

	begin();
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ask("PATCH", "/v1/regions/us-east-1", cases[i].body);
		check_problem(400, "Bad Request", cases[i].detail);
		CU_ASSERT_EQUAL(atomic_load(&fakes->proxy.live[0].admin), POLICY_READY);
		CU_ASSERT_EQUAL(atomic_load(&fakes->proxy.live[0].weight), -1);
		CU_ASSERT_STRING_EQUAL(log_text, "");
	}
	ask("PATCH", "/v1/regions/us-east-1", NULL);
	check_problem(400, "Bad Request", "a JSON object is wanted");
	end();
}

static void test_body_types(void)
{
	static const char *const wrong[] = {NULL, "", "text/plain", "application/x-www-form-urlencoded",
	                                    "application/jsonx", "application/json-patch+json"};
	static const char *const right[] = {"application/json", "Application/JSON", "application/json; charset=utf-8",
	                                    "application/json ;charset=utf-8"};
	const char *body = "{\"weight\": 9}";
	struct request large = {.method = "PATCH", .path = "/v1/regions/us-east-1", .content_type = "application/json",
	                        .who = "x", .too_large = true};

	begin();
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ask_as("PATCH", "/v1/regions/us-east-1", wrong[i], body);
		check_problem(415, "Unsupported Media Type", "Content-Type: application/json");
	}
	for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++)
		CU_ASSERT_EQUAL(ask_as("PATCH", "/v1/regions/us-east-1", right[i], body), 200);
	ask_request(&large);
	check_problem(413, "Content Too Large", "65536 bytes");
	end();
}

static int ask_from(const char *method, const char *origin, const char *host)
{
	struct request request = {.method = method, .path = "/v1/anycast/withdraw", .who = "x", .origin = origin,
	                          .host = host};
	return ask_request(&request);
}

static void test_foreign_pages(void)
{
	begin();
	CU_ASSERT_EQUAL(ask_from("POST", "http://evil.example", "127.0.0.1:8080"), 403);
	check_problem(403, "Forbidden", "http://evil.example");
	CU_ASSERT_EQUAL(ask_from("POST", "null", "127.0.0.1:8080"), 403);
	CU_ASSERT_EQUAL(ask_from("POST", "http://127.0.0.1:8081", "127.0.0.1:8080"), 403);
	CU_ASSERT_EQUAL(ask_from("POST", "http://evil.example:8080", "evil.example:8080"), 403);
	CU_ASSERT_EQUAL(ask_from("POST", "http://127.0.0.1:8080", NULL), 403);
	CU_ASSERT_EQUAL(ask_from("POST", "http://[::1", "[::1"), 403);
	CU_ASSERT_EQUAL(fakes->anycast.orders, 0);
	CU_ASSERT_EQUAL(ask_from("POST", "http://127.0.0.1:8080", "127.0.0.1:8080"), 200);
	CU_ASSERT_EQUAL(ask_from("POST", "http://localhost:8080", "localhost:8080"), 200);
	CU_ASSERT_EQUAL(ask_from("POST", "http://[::1]:8080", "[::1]:8080"), 200);
	CU_ASSERT_EQUAL(ask_from("POST", NULL, "node-1.example:8080"), 200);
	end();
}

/* ---- the node ---- */

static void test_health_ready(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/health", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"status\":\"ok\"}");
	CU_ASSERT_STRING_EQUAL(got.type, "application/json");
	CU_ASSERT_EQUAL(ask("GET", "/ready", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"ready\":true,\"reasons\":[]}");
	fakes->reasons[0] = "draining";
	fakes->reasons[1] = "no region reachable";
	fakes->n_reasons = 2;
	CU_ASSERT_EQUAL(ask("GET", "/ready", NULL), 503);
	CU_ASSERT_STRING_EQUAL(got.type, "application/json");
	CU_ASSERT_STRING_EQUAL(got.text, "{\"ready\":false,\"reasons\":[\"draining\",\"no region reachable\"]}");
	CU_ASSERT_EQUAL(ask("GET", "/health", NULL), 200);
	end();
}

static void test_status(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/status", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("node"), "iad-1");
	CU_ASSERT_STRING_EQUAL(str("version"), "0.1.0");
	CU_ASSERT_STRING_EQUAL(str("started"), "2026-01-31T11:00:00.000000Z");
	CU_ASSERT_EQUAL(num("uptime_s"), 3600);
	CU_ASSERT_TRUE(json_is_true(at("ready")));
	CU_ASSERT_EQUAL(num("calls"), 247);
	CU_ASSERT_EQUAL(num("setups"), 8);
	CU_ASSERT_EQUAL(num("transactions"), 17);
	CU_ASSERT_EQUAL(num("workers_alive"), 4);
	CU_ASSERT_EQUAL(num("regions.reachable"), 2);
	CU_ASSERT_EQUAL(num("anycast.announced"), 1);
	CU_ASSERT_EQUAL(num("anycast.peers"), 2);
	CU_ASSERT_EQUAL(num("anycast.established"), 1);
	fakes->sources.anycast = NULL;
	fakes->proxy.draining = true;
	CU_ASSERT_EQUAL(ask("GET", "/v1/status", NULL), 200);
	CU_ASSERT_TRUE(json_is_null(at("anycast")));
	CU_ASSERT_TRUE(json_is_true(at("draining")));
	end();
}

static void test_config(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/config", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.type, "text/yaml; charset=utf-8");
	CU_ASSERT_STRING_EQUAL(got.text, "node:\n  id: iad-1\n");
	fakes->config_error = -ENOMEM;
	ask("GET", "/v1/config", NULL);
	check_problem(500, "Internal Server Error", "Cannot allocate memory");
	end();
}

/* ---- regions ---- */

static void test_regions(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/regions", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("regions")), 2);
	CU_ASSERT_STRING_EQUAL(str("regions.0.name"), "us-east-1");
	CU_ASSERT_STRING_EQUAL(str("regions.0.state"), "ready");
	CU_ASSERT_EQUAL(num("regions.0.calls"), 123);
	CU_ASSERT_EQUAL(num("regions.0.calls_max"), 4000);
	CU_ASSERT_EQUAL(num("regions.0.weight"), 100);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("regions.0.latency_ms")), 81.234, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("regions.0.rtt_ms")), 12.345, 1e-9);
	CU_ASSERT_EQUAL(num("regions.0.attempts_total"), 1000);
	CU_ASSERT_TRUE(json_is_null(at("regions.1.latency_ms")));
	CU_ASSERT_TRUE(json_is_null(at("regions.1.calls_max")));
	CU_ASSERT_PTR_NULL(at("regions.0.targets"));

	CU_ASSERT_EQUAL(ask("GET", "/v1/regions/us-west-2", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("targets")), 2);
	CU_ASSERT_STRING_EQUAL(str("targets.0.address"), "198.51.100.21:5060");
	CU_ASSERT_TRUE(json_is_null(at("targets.0.last_error")));
	CU_ASSERT_TRUE(json_is_null(at("targets.1.address")));
	CU_ASSERT_TRUE(json_is_null(at("targets.1.rtt_ms")));
	CU_ASSERT_TRUE(json_is_false(at("targets.1.healthy")));
	CU_ASSERT_STRING_EQUAL(str("targets.1.last_error"), "no answer in 500 ms");
	ask("GET", "/v1/regions/eu-west-1", NULL);
	check_problem(404, "Not Found", "there is no region \"eu-west-1\"");
	end();
}

static void test_region_patch(void)
{
	struct region_live *east, *west;

	begin();
	east = &fakes->proxy.live[0];
	west = &fakes->proxy.live[1];
	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"state\": \"drain\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_DRAIN);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), -1);
	CU_ASSERT_EQUAL(atomic_load(&west->admin), POLICY_READY);
	CU_ASSERT_STRING_EQUAL(str("state"), "drain");
	CU_ASSERT_TRUE(logged("region us-east-1: state ready -> drain, by socket uid 7\n"));
	CU_ASSERT_FALSE(logged("weight"));

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": 0, \"state\": \"maint\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_MAINT);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), 0);
	CU_ASSERT_EQUAL(num("weight"), 0);
	CU_ASSERT_EQUAL(num("weight_configured"), 100);
	CU_ASSERT_TRUE(logged("region us-east-1: state drain -> maint, by socket uid 7\n"));
	CU_ASSERT_TRUE(logged("region us-east-1: weight as configured -> 0, by socket uid 7\n"));

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": 65535}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), 65535);
	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": null, \"state\": \"ready\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), -1);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_READY);
	CU_ASSERT_EQUAL(num("weight"), 100);

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/nowhere", "{\"weight\": 1}"), 404);
	end();
}

static void test_figures(void)
{
	struct region_live *east;

	begin();
	east = &fakes->proxy.live[0];
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": 40, \"agents\": 12.0, \"age_ms\": 500}"), 200);
	CU_ASSERT_EQUAL(json_array_size(at("figures")), 2);
	CU_ASSERT_EQUAL(json_array_size(at("refused")), 0);
	CU_ASSERT_STRING_EQUAL(str("figures.1.name"), "percent");
	CU_ASSERT_EQUAL(num("figures.1.age_ms"), 500);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": 140, \"queue\": null, \"slots\": -1, \"oldest_s\": 3}"), 200);
	CU_ASSERT_EQUAL(json_array_size(at("refused")), 3);
	CU_ASSERT_EQUAL(json_array_size(at("figures")), 3);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("figures.2.value")), 40, 1e-9);
	CU_ASSERT_EQUAL(atomic_load(&east->refused), 3);
	CU_ASSERT_EQUAL(ask("GET", "/v1/regions/us-east-1", NULL), 200);
	CU_ASSERT_EQUAL(num("figures_refused_total"), 3);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("outside_load")), 0.4, 1e-4);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": \"40\"}"), 400);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"age_ms\": -1}"), 400);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/nowhere/figures", "{\"percent\": 1}"), 404);
	end();
}

/* ---- trunks, anycast ---- */

static void test_trunks(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/trunks", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("trunks")), 2);
	CU_ASSERT_STRING_EQUAL(str("trunks.0.name"), "carrier-a");
	CU_ASSERT_EQUAL(num("trunks.0.sources"), 2);
	CU_ASSERT_EQUAL(num("trunks.0.calls_max"), 5000);
	CU_ASSERT_EQUAL(num("trunks.0.calls_total"), 123456);
	CU_ASSERT_EQUAL(num("trunks.0.limited_total"), 78);
	CU_ASSERT_TRUE(json_is_null(at("trunks.1.calls_max")));
	fakes->proxy.n_trunks = 0;
	CU_ASSERT_EQUAL(ask("GET", "/v1/trunks", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"trunks\":[]}");
	end();
}

static void test_anycast(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_TRUE(json_is_true(at("configured")));
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.prefix"), "203.0.113.10/32");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.action"), "announce");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.order"), "auto");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.reason"), "ready");
	CU_ASSERT_EQUAL(num("prefixes.0.peers_announced"), 1);
	CU_ASSERT_EQUAL(num("peers"), 2);
	CU_ASSERT_EQUAL(num("peers_established"), 1);

	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("peers.0.state"), "Established");
	CU_ASSERT_STRING_EQUAL(str("peers.0.address"), "169.254.10.1");
	CU_ASSERT_EQUAL(num("peers.0.hold_ms"), 60000);
	CU_ASSERT_TRUE(json_is_null(at("peers.0.last_error")));
	CU_ASSERT_STRING_EQUAL(str("peers.1.last_error"), "connect: Connection refused");
	CU_ASSERT_STRING_EQUAL(str("peers.0.bfd.state"), "Up");
	CU_ASSERT_STRING_EQUAL(str("peers.0.bfd.remote_diagnostic"), "path down");
	CU_ASSERT_EQUAL(json_number_value(at("peers.0.bfd.detection_ms")), 5000);
	CU_ASSERT_EQUAL(num("peers.0.bfd.packets_discarded"), 7);
	CU_ASSERT_EQUAL(num("peers.0.bfd.down_total"), 1);
	CU_ASSERT_FALSE(json_is_true(at("peers.0.bfd.holds_bgp")));
	CU_ASSERT_TRUE(json_is_null(at("peers.1.bfd")));

	fakes->sources.anycast = NULL;
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"configured\":false,\"prefixes\":[],\"peers\":0,\"peers_established\":0}");
	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"peers\":[]}");
	ask("POST", "/v1/anycast/withdraw", NULL);
	check_problem(409, "Conflict", "no anycast section");
	end();
}

static void test_drain(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/drain", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("state"), "in service");
	CU_ASSERT_TRUE(json_is_null(at("since")));
	CU_ASSERT_EQUAL(ask("POST", "/v1/drain", NULL), 200);
	CU_ASSERT_TRUE(fakes->draining);
	CU_ASSERT_STRING_EQUAL(fakes->drained_by, "socket uid 7");
	CU_ASSERT_STRING_EQUAL(str("state"), "route made worse");
	CU_ASSERT_EQUAL(num("new_calls"), 3);
	CU_ASSERT_EQUAL(num("open"), 2);
	CU_ASSERT_EQUAL(num("calls"), 7);
	CU_ASSERT_EQUAL(ask("POST", "/v1/undrain", NULL), 200);
	CU_ASSERT_FALSE(fakes->draining);
	fakes->stopping = true;
	ask("POST", "/v1/undrain", NULL);
	check_problem(409, "Conflict", "the node is stopping");
	end();
}

/* What a peer has been sent, and what it told of other nodes. */
static void test_anycast_in_full(void)
{
	struct anycast_status *s;

	begin();
	s = &fakes->anycast.status;
	s->prefixes[0].sent[0] = (struct anycast_sent_status){POLICY_ROUTE_DEGRADE, 1000000};
	s->prefixes[0].heard[1] = (struct anycast_heard_status){.heard = true, .origin_as = 64512, .path_len = 2};
	addr_parse(&s->prefixes[0].heard[1].next_hop, "192.0.2.7", 0);
	s->prefixes[0].others = POLICY_OTHERS_SOME;
	s->peers[0].router_id = 0x0a000001;
	s->peers[0].ipv6 = s->peers[0].as4 = true;
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.sent.0.action"), "degrade");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.sent.1.action"), "withdraw");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.heard.0.next_hop"), "192.0.2.7");
	CU_ASSERT_EQUAL(num("prefixes.0.heard.0.origin_as"), 64512);
	CU_ASSERT_TRUE(json_is_null(at("prefixes.0.heard.0.med")));
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.other_nodes"), "some");
	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("peers.0.router_id"), "10.0.0.1");
	CU_ASSERT_STRING_EQUAL(str("peers.0.families.0"), "ipv6");
	CU_ASSERT_STRING_EQUAL(str("peers.0.capabilities.0"), "as4");
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/force", NULL), 200);
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(str("order"), "announce");
	end();
}

static void test_orders(void)
{
	struct prefix prefix;

	begin();
	prefix_parse(&prefix, "203.0.113.10/32");
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"order\":\"withdraw\",\"prefix\":null}");
	CU_ASSERT_TRUE(fakes->anycast.all);
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_WITHDRAW);
	CU_ASSERT_STRING_EQUAL(fakes->anycast.who, "socket uid 7");

	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/announce", "{\"prefix\": \"203.0.113.10/32\"}"), 200);
	CU_ASSERT_FALSE(fakes->anycast.all);
	CU_ASSERT_TRUE(prefix_equal(&fakes->anycast.prefix, &prefix));
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_AUTO);
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", "{}"), 200);
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", "{\"prefix\": null}"), 200);
	CU_ASSERT_EQUAL(fakes->anycast.orders, 4);

	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": \"203.0.113.11/32\"}");
	check_problem(404, "Not Found", "203.0.113.11/32 is not one of this node's prefixes");
	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": \"203.0.113.11/24\"}");
	check_problem(400, "Bad Request", "\"prefix\" must be like 203.0.113.10/32");
	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": 7}");
	check_problem(400, "Bad Request", "\"prefix\" must be a string or null");
	ask("POST", "/v1/anycast/withdraw", "{\"prefixes\": \"x\"}");
	check_problem(400, "Bad Request", "unknown key \"prefixes\"; there is prefix");
	CU_ASSERT_EQUAL(fakes->anycast.orders, 4);
	end();
}

/* ---- explain ---- */

static void test_explain(void)
{
	const char *premium = "{\"trunk\": \"carrier-a\", \"from\": \"+15550001\", \"to\": \"+18005550100\"}";

	begin();
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "ok");
	CU_ASSERT_STRING_EQUAL(str("rule"), "premium");
	CU_ASSERT_STRING_EQUAL(str("pool"), "default");
	CU_ASSERT_STRING_EQUAL(str("strategy"), "priority");
	CU_ASSERT_STRING_EQUAL(str("chosen"), "us-east-1");
	CU_ASSERT_STRING_EQUAL(str("because"), "first in order");
	CU_ASSERT_EQUAL(json_array_size(at("candidates")), 2);

	ask("PATCH", "/v1/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("chosen"), "us-west-2");
	CU_ASSERT_STRING_EQUAL(str("candidates.0.reason"), "draining");

	ask("PATCH", "/v1/regions/us-west-2", "{\"state\": \"maint\"}");
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "no region");
	CU_ASSERT_TRUE(json_is_null(at("chosen")));
	CU_ASSERT_STRING_EQUAL(str("because"), "no region eligible");

	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", "{\"trunk\": \"carrier-b\", \"from\": \"1\", \"to\": \"+44\"}"), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "no rule");
	CU_ASSERT_TRUE(json_is_null(at("rule")));

	ask("POST", "/v1/explain", "{\"trunk\": \"nobody\", \"from\": \"1\", \"to\": \"2\"}");
	check_problem(400, "Bad Request", "there is no trunk \"nobody\"");
	ask("POST", "/v1/explain", "{\"trunk\": \"carrier-a\", \"from\": \"1\"}");
	check_problem(400, "Bad Request", "\"to\" is missing");
	end();
}

/* ---- the description ---- */

static const json_t *resolve(const json_t *doc, const json_t *schema)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));

	if (!ref)
		return schema;
	CU_ASSERT_EQUAL_FATAL(strncmp(ref, "#/components/schemas/", 21), 0);
	schema = json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"), ref + 21);
	CU_ASSERT_PTR_NOT_NULL_FATAL(schema);
	return schema;
}

static bool type_fits(const char *type, const json_t *v)
{
	return strcmp(type, "null") == 0 ? json_is_null(v) :
	       strcmp(type, "string") == 0 ? json_is_string(v) :
	       strcmp(type, "integer") == 0 ? json_is_integer(v) :
	       strcmp(type, "number") == 0 ? json_is_number(v) :
	       strcmp(type, "boolean") == 0 ? json_is_boolean(v) :
	       strcmp(type, "object") == 0 ? json_is_object(v) :
	       strcmp(type, "array") == 0 && json_is_array(v);
}

static bool types_fit(const json_t *types, const json_t *v)
{
	for (size_t i = 0; i < json_array_size(types); i++)
		if (type_fits(json_string_value(json_array_get(types, i)), v))
			return true;
	return json_is_string(types) && type_fits(json_string_value(types), v);
}

static bool fits(const json_t *doc, const json_t *schema, const json_t *v);

static bool object_fits(const json_t *doc, const json_t *schema, const json_t *v)
{
	json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
	const char *key;
	json_t *of;

	for (size_t i = 0; i < json_array_size(required); i++)
		if (!json_object_get(v, json_string_value(json_array_get(required, i))))
			return printf("\n  %s is missing\n", json_string_value(json_array_get(required, i))), false;
	json_object_foreach((json_t *)v, key, of)
		if (properties && (!json_object_get(properties, key) || !fits(doc, json_object_get(properties, key), of)))
			return printf("\n  %s does not fit\n", key), false;
	return true;
}

/* As much of JSON Schema as the document uses; a key that it does not list does not fit. */
static bool fits(const json_t *doc, const json_t *schema, const json_t *v)
{
	json_t *one_of, *words, *types;

	schema = resolve(doc, schema);
	one_of = json_object_get(schema, "oneOf");
	words = json_object_get(schema, "enum");
	types = json_object_get(schema, "type");
	for (size_t i = 0; i < json_array_size(one_of); i++)
		if (fits(doc, json_array_get(one_of, i), v))
			return true;
	if (one_of || !types || !types_fit(types, v))
		return false;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!fits(doc, json_object_get(schema, "items"), json_array_get(v, i)))
			return false;
	if (json_is_object(v))
		return object_fits(doc, schema, v);
	for (size_t i = 0; words && i < json_array_size(words); i++)
		if (json_equal(json_array_get(words, i), v))
			return true;
	return !words;
}

/* The fleet: this node first, the other as its record says; a change for all goes to the daemon with who asked. */
static void test_cluster(void)
{
	begin();
	ask("GET", "/v1/cluster", NULL);
	CU_ASSERT_EQUAL(got.status, 200);
	CU_ASSERT_STRING_EQUAL(str("nodes.0.node"), "iad-1");
	CU_ASSERT_STRING_EQUAL(str("nodes.1.node"), "ord-1");
	CU_ASSERT_EQUAL(num("nodes.1.calls"), 21);
	CU_ASSERT_EQUAL(num("nodes.1.clock_off_ms"), 1000);
	CU_ASSERT_EQUAL(num("nodes.1.fleet_revision"), 7);
	CU_ASSERT_STRING_EQUAL(str("nodes.1.prefixes.0.action"), "announce");
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 200);
	CU_ASSERT_EQUAL(num("revision"), 8);
	CU_ASSERT_EQUAL(strncmp(fakes->fleet_changed, "us-east-1 drain -2 ", 19), 0);
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"weight\": null}");
	CU_ASSERT_EQUAL(strncmp(fakes->fleet_changed, "us-east-1 - -1 ", 15), 0);
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{}");
	CU_ASSERT_EQUAL(got.status, 400);
	ask("PATCH", "/v1/cluster/regions/nowhere", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 404);
	fakes->sources.board = NULL;
	fakes->sources.document = NULL;
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 409);
	ask("GET", "/v1/cluster", NULL);
	CU_ASSERT_EQUAL(got.status, 200);
	end();
}

/* Asks one operation of the document, and holds the answer against what it says. */
static void check_operation(const json_t *doc, const char *path, const char *method, const json_t *operation)
{
	static const struct { const char *path, *body; } bodies[] = {
		{"/v1/regions/{name}", "{\"state\": \"ready\", \"weight\": 3}"},
		{"/v1/cluster/policy", "{\"text\": \"tuning: {band: 0.2}\"}"},
		{"/v1/cluster/regions/{name}", "{\"state\": \"drain\"}"},
		{"/v1/regions/{name}/figures", "{\"percent\": 40.5, \"queue\": null, \"age_ms\": 20}"},
		{"/v1/explain", "{\"trunk\": \"carrier-a\", \"from\": \"1\", \"to\": \"+18005550100\"}"},
	};
	json_t *responses = json_object_get(operation, "responses"), *content, *takes;
	char verb[16], status[8], real_path[128];
	const char *body = NULL;

	snprintf(real_path, sizeof real_path, "%s", !strchr(path, '{') ? path : strstr(path, "figures") ?
	         "/v1/regions/us-east-1/figures" : strstr(path, "cluster") ? "/v1/cluster/regions/us-east-1" : "/v1/regions/us-east-1");
	snprintf(verb, sizeof verb, "%s", method);
	for (char *p = verb; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	takes = json_object_get(operation, "requestBody");
	for (unsigned i = 0; takes && i < sizeof bodies / sizeof bodies[0]; i++)
		if (strcmp(bodies[i].path, path) == 0)
			body = bodies[i].body;
	ask(verb, real_path, body);
	snprintf(status, sizeof status, "%d", got.status);
	CU_ASSERT_EQUAL(got.status, 200);
	content = json_object_get(json_object_get(json_object_get(responses, status), "content"), got.type);
	CU_ASSERT_PTR_NOT_NULL(content);
	if (got.json && !fits(doc, json_object_get(content, "schema"), got.json)) {
		printf("\n  %s %s does not fit its description: %s\n", verb, path, got.text);
		CU_FAIL("an answer does not fit its description");
	}
	if (takes) {
		json_t *json = body ? json_loads(body, 0, NULL) : NULL;
		const json_t *schema = json_object_get(json_object_get(json_object_get(takes, "content"),
		                                                        "application/json"), "schema");
		CU_ASSERT_TRUE(!json || fits(doc, schema, json));
		CU_ASSERT_TRUE(json_is_false(json_object_get(resolve(doc, schema), "additionalProperties")));
		CU_ASSERT_EQUAL(json_is_true(json_object_get(takes, "required")), body != NULL);
		json_decref(json);
	}
	ask("BREW", real_path, NULL);
	CU_ASSERT_EQUAL(got.status, 405);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.allow, verb));
}

static void test_openapi(void)
{
	unsigned n, described = 0;
	const char *path, *method;
	json_t *doc, *item, *operation;

	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/openapi.json", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.type, "application/json");
	CU_ASSERT_STRING_EQUAL(str("openapi"), "3.1.0");
	CU_ASSERT_STRING_EQUAL(str("info.version"), "0.1.0");
	CU_ASSERT_PTR_NOT_NULL_FATAL(got.json);
	doc = json_incref(got.json);
	json_object_foreach(json_object_get(doc, "paths"), path, item)
		json_object_foreach(item, method, operation) {
			check_operation(doc, path, method, operation);
			described++;
		}
	routes_table(&n);
	CU_ASSERT_EQUAL(described, n);
	json_decref(doc);
	end();
}

/* Problems of an operation are among those it is said to give. */
static void test_fails(void)
{
	int fails[ROUTES_FAILS_MAX];
	unsigned n, count;
	const struct route *routes = routes_table(&n);

	for (unsigned i = 0; i < n; i++) {
		count = routes_fails(&routes[i], fails);
		for (unsigned j = 0; j < count; j++) {
			CU_ASSERT_STRING_NOT_EQUAL(routes_status_str(fails[j]), "Unknown");
			CU_ASSERT_TRUE(j == 0 || fails[j] > fails[j - 1]);
		}
	}
}

UNIT_MAIN("admin routes",
	{"paths", test_paths},
	{"methods", test_methods},
	{"bodies are checked whole", test_bodies},
	{"drain", test_drain},
	{"the fleet", test_cluster},
	{"anycast in full", test_anycast_in_full},
	{"types and sizes of bodies", test_body_types},
	{"other sites' pages change nothing", test_foreign_pages},
	{"health and ready", test_health_ready},
	{"status", test_status},
	{"config", test_config},
	{"regions", test_regions},
	{"changing a region", test_region_patch}, {"figures from outside", test_figures},
	{"trunks", test_trunks},
	{"anycast and peers", test_anycast},
	{"orders", test_orders},
	{"explain", test_explain},
	{"every operation is as described", test_openapi},
	{"problems of an operation", test_fails})
