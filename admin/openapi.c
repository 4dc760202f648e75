/* The OpenAPI 3.1 document, written from the table of routes and the shapes they name. Nothing is said
 * here that the table does not say, so the document cannot disagree with the program. */
#include "admin/api.h"

/* ---- JSON Schema from our shapes ---- */

static void ref_json(struct jw *w, const char *name)
{
	char ref[96];

	snprintf(ref, sizeof ref, "#/components/schemas/%s", name);
	jw_kstr(w, "$ref", ref);
}

static void type_json(struct jw *w, const struct field *f)
{
	static const char *const words[] = {"string", "integer", "number", "boolean", "object", "array"};

	jw_key(w, "type");
	if (f->nullable) {
		jw_array(w);
		jw_str(w, words[f->type]);
		jw_str(w, "null");
		jw_array_end(w);
	} else {
		jw_str(w, words[f->type]);
	}
}

static void words_json(struct jw *w, const char *const *words)
{
	jw_key(w, "enum");
	jw_array(w);
	for (; *words; words++)
		jw_str(w, *words);
	jw_array_end(w);
}

/* An object: its shape by reference, or that or null. */
static void object_ref_json(struct jw *w, const struct field *f)
{
	if (!f->nullable) {
		ref_json(w, f->of->name);
		return;
	}
	jw_key(w, "oneOf");
	jw_array(w);
	jw_object(w);
	ref_json(w, f->of->name);
	jw_object_end(w);
	jw_object(w);
	jw_kstr(w, "type", "null");
	jw_object_end(w);
	jw_array_end(w);
}

static void items_json(struct jw *w, const struct field *f)
{
	jw_key(w, "items");
	jw_object(w);
	if (f->of)
		ref_json(w, f->of->name);
	else
		jw_kstr(w, "type", "string");
	jw_object_end(w);
}

static void field_json(struct jw *w, const struct field *f)
{
	jw_key(w, f->name);
	jw_object(w);
	if (f->help[0])
		jw_kstr(w, "description", f->help);
	if (f->type == FIELD_OBJECT)
		object_ref_json(w, f);
	else
		type_json(w, f);
	if (f->type == FIELD_ARRAY)
		items_json(w, f);
	if (f->words)
		words_json(w, f->words);
	if (f->format)
		jw_kstr(w, "format", f->format);
	if (f->max) {
		jw_kint(w, "minimum", 0);
		jw_kint(w, "maximum", f->max);
	}
	jw_object_end(w);
}

/* Unknown keys are refused in what is sent (`closed`); in answers more may come one day. */
static void schema_json(struct jw *w, const struct schema *schema, bool closed)
{
	jw_key(w, schema->name);
	jw_object(w);
	jw_kstr(w, "description", schema->help);
	jw_kstr(w, "type", "object");
	jw_key(w, "properties");
	jw_object(w);
	for (const struct field *f = schema->fields; f->name; f++)
		field_json(w, f);
	jw_object_end(w);
	jw_key(w, "required");
	jw_array(w);
	for (const struct field *f = schema->fields; f->name; f++)
		if (!f->optional)
			jw_str(w, f->name);
	jw_array_end(w);
	if (closed)
		jw_kbool(w, "additionalProperties", false);
	jw_object_end(w);
}

/* Every shape that is reached from a route, each once. */
#define SCHEMAS_MAX 64

struct schemas {
	const struct schema *seen[SCHEMAS_MAX];
	unsigned n;
};

static void schema_walk(struct jw *w, struct schemas *schemas, const struct schema *schema, bool closed)
{
	if (!schema || schemas->n == SCHEMAS_MAX)
		return;
	for (unsigned i = 0; i < schemas->n; i++)
		if (schemas->seen[i] == schema)
			return;
	schemas->seen[schemas->n++] = schema;
	schema_json(w, schema, closed);
	for (const struct field *f = schema->fields; f->name; f++)
		schema_walk(w, schemas, f->of, closed);
}

static void components_json(struct jw *w, const struct route *routes, unsigned n)
{
	struct schemas schemas = {.n = 0};

	jw_key(w, "components");
	jw_object(w);
	jw_key(w, "schemas");
	jw_object(w);
	schema_walk(w, &schemas, &schema_problem, false);
	for (unsigned i = 0; i < n; i++) {
		schema_walk(w, &schemas, routes[i].takes, true);
		schema_walk(w, &schemas, routes[i].gives, false);
	}
	jw_object_end(w);
	jw_object_end(w);
}

/* ---- operations ---- */

/* "content": {type: {"schema": ...}} */
static void content_json(struct jw *w, const char *type, const struct schema *schema)
{
	jw_key(w, "content");
	jw_object(w);
	jw_key(w, type);
	jw_object(w);
	jw_key(w, "schema");
	jw_object(w);
	if (schema)
		ref_json(w, schema->name);
	else
		jw_kstr(w, "type", strcmp(type, API_JSON) == 0 ? "object" : "string");
	jw_object_end(w);
	jw_object_end(w);
	jw_object_end(w);
}

static void answer_json(struct jw *w, int status, const char *type, const struct schema *schema)
{
	char key[16];

	snprintf(key, sizeof key, "%d", status);
	jw_key(w, key);
	jw_object(w);
	jw_kstr(w, "description", routes_status_str(status));
	content_json(w, type, schema);
	jw_object_end(w);
}

static void answers_json(struct jw *w, const struct route *route)
{
	const char *type = route->type ? route->type : API_JSON;
	int fails[ROUTES_FAILS_MAX];
	unsigned n = routes_fails(route, fails);

	jw_key(w, "responses");
	jw_object(w);
	answer_json(w, 200, type, route->gives);
	if (route->also)
		answer_json(w, route->also, type, route->gives);
	for (unsigned i = 0; i < n; i++)
		answer_json(w, fails[i], API_PROBLEM, &schema_problem);
	jw_object_end(w);
}

static void parameter_json(struct jw *w)
{
	jw_key(w, "parameters");
	jw_array(w);
	jw_object(w);
	jw_kstr(w, "name", "name");
	jw_kstr(w, "in", "path");
	jw_kbool(w, "required", true);
	jw_key(w, "schema");
	jw_object(w);
	jw_kstr(w, "type", "string");
	jw_object_end(w);
	jw_object_end(w);
	jw_array_end(w);
}

static void operation_json(struct jw *w, const struct route *route)
{
	char method[16];
	size_t n = 0;

	for (; route->method[n] && n + 1 < sizeof method; n++)
		method[n] = (char)(route->method[n] | 0x20);
	method[n] = 0;
	jw_key(w, method);
	jw_object(w);
	jw_kstr(w, "summary", route->summary);
	if (strchr(route->path, '{'))
		parameter_json(w);
	if (route->takes) {
		jw_key(w, "requestBody");
		jw_object(w);
		jw_kbool(w, "required", !route->body_optional);
		content_json(w, API_JSON, route->takes);
		jw_object_end(w);
	}
	answers_json(w, route);
	jw_object_end(w);
}

static void paths_json(struct jw *w, const struct route *routes, unsigned n)
{
	jw_key(w, "paths");
	jw_object(w);
	for (unsigned i = 0; i < n;) {
		const char *path = routes[i].path;
		jw_key(w, path);
		jw_object(w);
		for (; i < n && strcmp(routes[i].path, path) == 0; i++)
			operation_json(w, &routes[i]);
		jw_object_end(w);
	}
	jw_object_end(w);
}

void api_openapi(struct api_call *call)
{
	struct jw *w = api_object(call);
	unsigned n;
	const struct route *routes = routes_table(&n);

	jw_kstr(w, "openapi", "3.1.0");
	jw_key(w, "info");
	jw_object(w);
	jw_kstr(w, "title", "tandem admin API");
	jw_kstr(w, "version", call->sources->version);
	jw_kstr(w, "description", "HEAD is answered wherever GET is. Errors are RFC 9457 problem documents. "
	        "Times are RFC 3339; a figure that is not known is null.");
	jw_object_end(w);
	paths_json(w, routes, n);
	components_json(w, routes, n);
	jw_object_end(w);
}
