/* The API's ways in: paths, methods and bodies, and the problems that come of wrong ones. What the handlers behind
 * them say is in admin_api_test.c, the description of all in admin_openapi_test.c. */
#include "tests/unit/admin_ask.h"

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

UNIT_MAIN("admin routes",
	{"paths", test_paths},
	{"methods", test_methods},
	{"bodies are checked whole", test_bodies},
	{"types and sizes of bodies", test_body_types},
	{"other sites' pages change nothing", test_foreign_pages})
