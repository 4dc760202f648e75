/* A request's body: JSON (RFC 8259) by jansson, then the shape that the route's table entry asks for.
 * Strict both times: a key given twice, a key nobody knows or a number out of range is more likely a
 * mistake than a wish, and an operator's mistake must not be half carried out. */
#include <errno.h>
#include <inttypes.h>

#include "admin/api.h"

static bool type_matches(const struct field *field, const json_t *value)
{
	if (json_is_null(value))
		return field->nullable;
	switch (field->type) {
	case FIELD_STRING: return json_is_string(value);
	case FIELD_INTEGER: return json_is_integer(value);
	case FIELD_NUMBER: return json_is_number(value);
	case FIELD_BOOLEAN: return json_is_boolean(value);
	case FIELD_OBJECT: return json_is_object(value);
	case FIELD_ARRAY: return json_is_array(value);
	}
	return false;
}

static const char *type_str(enum field_type type)
{
	static const char *const words[] = {"a string", "an integer", "a number", "true or false", "an object", "an array"};

	return words[type];
}

/* "a, b or c", for errors that say what would be right. */
static void words_join(const char *const *words, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (unsigned i = 0; words[i] && at < size; i++) {
		const char *between = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		int n = snprintf(buf + at, size - at, "%s%s", between, words[i]);
		at += (size_t)n;
	}
}

static int check_string(const struct field *field, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);
	char list[128];

	if (!field->words)
		return 0;
	for (unsigned i = 0; field->words[i]; i++)
		if (strcmp(text, field->words[i]) == 0)
			return 0;
	words_join(field->words, list, sizeof list);
	return err_set(err, EINVAL, "\"%s\" must be %s, not \"%.40s\"", field->name, list, text);
}

static int check_integer(const struct field *field, const json_t *value, struct err *err)
{
	json_int_t v = json_integer_value(value);

	if (v < 0 || v > field->max)
		return err_set(err, EINVAL, "\"%s\" must be 0 to %" PRId64 ", not %" JSON_INTEGER_FORMAT, field->name,
		               field->max, v);
	return 0;
}

static int check_field(const struct field *field, const json_t *value, struct err *err)
{
	if (!type_matches(field, value))
		return err_set(err, EINVAL, "\"%s\" must be %s%s", field->name, type_str(field->type),
		               field->nullable ? " or null" : "");
	if (json_is_string(value))
		return check_string(field, value, err);
	if (field->type == FIELD_INTEGER && json_is_integer(value))
		return check_integer(field, value, err);
	return 0;
}

static const struct field *field_find(const struct schema *schema, const char *name)
{
	for (const struct field *f = schema->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int unknown_key(const struct schema *schema, const char *key, struct err *err)
{
	const char *names[16] = {0};
	char list[128];
	unsigned n = 0;

	for (const struct field *f = schema->fields; f->name && n < 15; f++)
		names[n++] = f->name;
	words_join(names, list, sizeof list);
	return err_set(err, EINVAL, "unknown key \"%.40s\"; there is %s", key, list);
}

static int check_object(const struct schema *schema, json_t *object, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return err_set(err, EINVAL, "the body must be a JSON object");
	json_object_foreach(object, key, value) {
		const struct field *field = field_find(schema, key);
		int r = field ? check_field(field, value, err) : unknown_key(schema, key, err);
		if (r < 0)
			return r;
	}
	for (const struct field *f = schema->fields; f->name; f++)
		if (!f->optional && !json_object_get(object, f->name))
			return err_set(err, EINVAL, "\"%s\" is missing: %s", f->name, f->help);
	return 0;
}

json_t *body_parse(const struct schema *schema, const void *data, size_t len, struct err *err)
{
	json_error_t where;
	json_t *object = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);

	if (!object) {
		err_set(err, EINVAL, "the body is not JSON: line %d column %d: %s", where.line, where.column, where.text);
		return NULL;
	}
	if (check_object(schema, object, err) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}
