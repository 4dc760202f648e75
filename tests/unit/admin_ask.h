/* Asks the API of a node that is made up (admin_fakes.h), from request to response without a socket, and looks into
 * the answer. Included by one test file each. */
#ifndef TESTS_ADMIN_ASK_H
#define TESTS_ADMIN_ASK_H

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

static inline void on_log(void *arg, enum log_level level, const char *line, size_t len)
{
	size_t at = strlen(log_text);

	snprintf(log_text + at, sizeof log_text - at, "%.*s\n", (int)len, line);
}

static inline bool logged(const char *text)
{
	return strstr(log_text, text) != NULL;
}

static inline void forget(void)
{
	free(got.text);
	json_decref(got.json);
	memset(&got, 0, sizeof got);
}

static inline int ask_request(const struct request *request)
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

static inline int ask_as(const char *method, const char *path, const char *type, const char *body)
{
	struct request request = {
		.method = method, .path = path, .content_type = type, .host = "127.0.0.1:8080", .who = "socket uid 7",
		.body = body, .len = body ? strlen(body) : 0,
	};
	return ask_request(&request);
}

static inline int ask(const char *method, const char *path, const char *body)
{
	return ask_as(method, path, body ? "application/json" : NULL, body);
}

/* By "regions.1.name". */
static inline json_t *at(const char *path)
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

static inline const char *str(const char *path)
{
	const char *text = json_string_value(at(path));

	return text ? text : "(no string)";
}

static inline long num(const char *path)
{
	return json_is_integer(at(path)) ? (long)json_integer_value(at(path)) : -1;
}

static inline void begin(void)
{
	fakes = fakes_new();
	log_set_sink(on_log, NULL);
}

static inline void end(void)
{
	forget();
	log_set_sink(NULL, NULL);
	fakes_free(fakes);
}

static inline void check_problem(int status, const char *title, const char *detail_part)
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

#endif
