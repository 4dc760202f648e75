/* That the OpenAPI document is true: every operation that it lists is asked, and the answer held against what it says. */
#include <ctype.h>

#include "tests/unit/admin_ask.h"

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

UNIT_MAIN("admin openapi",
	{"every operation is as described", test_openapi},
	{"problems of an operation", test_fails})
