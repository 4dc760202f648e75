/* Reads a YAML document by tables: every key of a mapping is looked up in its table, every row that
 * was not written gets its default, and whatever does not fit is reported with its place and with what
 * would. Reading goes on after an error, so that all of them are found.
 *
 * Depth is that of the tables, whatever loops aliases make; values visited are counted, because an
 * alias in a list of aliases can stand for more than memory holds. Control thread. */
#include "daemon/conf_schema.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 2000000

static void read_map(struct conf *c, const struct conf_map *map, const yaml_node_t *node, void *base);

const struct conf_unserved *conf_unserved_find(const struct conf *c, const char *map, const char *key,
                                               const char *value)
{
	for (const struct conf_unserved *u = c->unserved; u && u->map; u++)
		if (!strcmp(u->map, map) && !strcmp(u->key, key) &&
		    (u->value ? value && !strcmp(u->value, value) : !value))
			return u;
	return NULL;
}

size_t conf_count(const struct conf_field *f, const void *base)
{
	const char *p = (const char *)base + f->count;
	return f->count_size == 1 ? *(const uint8_t *)p : *(const unsigned *)p;
}

void conf_set_count(const struct conf_field *f, void *base, size_t n)
{
	char *p = (char *)base + f->count;
	if (f->count_size == 1)
		*(uint8_t *)p = (uint8_t)n;
	else
		*(unsigned *)p = (unsigned)n;
}

/* ---- defaults ---- */

static void default_list(struct conf *c, const struct conf_field *f, void *base)
{
	char item[CONF_TEXT_MAX], *value = (char *)base + f->offset;
	size_t n = 0;
	struct err err;
	for (const char *p = f->def; p && *p; n++) {
		size_t len = strcspn(p, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, p);
		f->type->parse(c, f, item, f->flags & CONF_SELF ? value : value + n * f->size, &err);
		p += len;
		p += strspn(p, ", ");
	}
	if (!(f->flags & CONF_SELF))
		conf_set_count(f, base, n);
}

/* What holds when the key is absent, or wrong. */
static void default_field(struct conf *c, const struct conf_field *f, void *base)
{
	struct err err;
	if (f->fill) {
		f->fill(c, base);
	} else if (f->flags & CONF_LIST) {
		if (f->def)
			default_list(c, f, base);
	} else if (f->map) {
		conf_default(c, f->map, (char *)base + f->offset);
	} else if (f->def) {
		f->type->parse(c, f, f->def, (char *)base + f->offset, &err);
	}
}

void conf_default(struct conf *c, const struct conf_map *map, void *base)
{
	for (unsigned i = 0; i < map->n_fields; i++)
		default_field(c, &map->fields[i], base);
}

/* ---- values ---- */

/* Counts one value more; false when that is one too many. */
static bool visit(struct conf *c, const yaml_node_t *node)
{
	if (!c->full && ++c->nodes > NODES_MAX) {
		c->full = true;
		conf_error_node(c, node, "aliases multiply this to more than 2000000 values: write fewer");
	}
	return !c->full;
}

static const char *node_str(const yaml_node_t *node)
{
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping (key: value)";
	return node->type == YAML_SEQUENCE_NODE ? "a list" : "a single value";
}

/* "key:" with nothing behind it, or YAML's words for nothing. */
static bool node_is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

/* The scalar's text if it can be one value in one line, else NULL after an error. */
static const char *scalar_text(struct conf *c, const struct conf_field *f, const yaml_node_t *node)
{
	char expect[CONF_TEXT_MAX];
	f->type->expect(f, expect, sizeof(expect));
	if (node->type != YAML_SCALAR_NODE) {
		conf_error_node(c, node, "%s is %s here: it takes %s", f->key, node_str(node), expect);
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (node_is_null(node)) {
		conf_error_node(c, node, "%s has no value: it takes %s, or leave the key out", f->key, expect);
		return NULL;
	}
	for (size_t i = 0; i < node->data.scalar.length; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (byte < 0x20 || byte == 0x7f) {
			conf_error_node(c, node, "%s has a control character in it: it takes %s", f->key, expect);
			return NULL;
		}
	}
	return text;
}

static bool read_scalar(struct conf *c, const struct conf_map *map, const struct conf_field *f,
                        const yaml_node_t *node, void *value)
{
	struct err err = {""};
	char expect[CONF_TEXT_MAX], quote[CONF_QUOTE_LEN];
	if (!visit(c, node))
		return false;
	const char *text = scalar_text(c, f, node);
	if (!text)
		return false;
	const struct conf_unserved *u = conf_unserved_find(c, map->name, f->key, text);
	if (u) {
		conf_error_node(c, node, "%s is not served by this version of tandem: %s", u->what, u->instead);
		return false;
	}
	if (f->type->parse(c, f, text, value, &err)) {
		f->type->expect(f, expect, sizeof(expect));
		if (err.text[0])
			conf_error_node(c, node, "%s: %s", f->key, err.text);
		else
			conf_error_node(c, node, "%s: \"%s\" is not right: it takes %s", f->key,
			                conf_quote(text, quote), expect);
		return false;
	}
	conf_mark_set(c, value, node);
	return true;
}

/* Room for n items and their count; NULL when there is none. */
static char *list_room(struct conf *c, const struct conf_field *f, void *base, size_t n)
{
	char *items = (char *)base + f->offset;
	if (f->flags & CONF_HEAP) {
		char *heap = calloc(n ? n : 1, f->size);
		if (!heap) {
			c->no_memory = true;
			return NULL;
		}
		memcpy(items, &heap, sizeof(heap));
		items = heap;
	}
	if (!(f->flags & CONF_SELF))
		conf_set_count(f, base, n);
	return items;
}

/* False: no list at all. */
static bool read_list(struct conf *c, const struct conf_map *map, const struct conf_field *f,
                      const yaml_node_t *node, void *base)
{
	bool one = f->flags & CONF_ONE_OK && node->type == YAML_SCALAR_NODE && !node_is_null(node);
	if (node->type != YAML_SEQUENCE_NODE && !one) {
		conf_error_node(c, node, "%s is %s here: it takes a list (%s)", f->key,
		                node_is_null(node) ? "empty" : node_str(node), f->help);
		return false;
	}
	size_t n = one ? 1 : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n > f->items_max)
		conf_error_node(c, node, "%s has %zu items: at most %u", f->key, n, f->items_max);
	if (!n && f->flags & CONF_NONEMPTY)
		conf_error_node(c, node, "%s is empty: it takes at least one (%s)", f->key, f->help);
	if (n > f->items_max)
		n = f->items_max;
	char *items = list_room(c, f, base, n);
	for (size_t i = 0; items && i < n && !c->full; i++) {
		const yaml_node_t *item = one ? node :
			yaml_document_get_node(&c->doc, node->data.sequence.items.start[i]);
		void *value = f->flags & CONF_SELF ? items : items + i * f->size;
		if (f->map) {
			size_t errors = c->n_lines;
			conf_mark_set(c, value, item);
			read_map(c, f->map, item, value);
			if (c->n_lines != errors)
				conf_mark_spoil(c, value);
		} else {
			read_scalar(c, map, f, item, value);
		}
	}
	return true;
}

static void read_field(struct conf *c, const struct conf_map *map, const struct conf_field *f,
                       const yaml_node_t *node, void *base)
{
	if (f->flags & CONF_LIST) {
		if (!read_list(c, map, f, node, base))
			default_field(c, f, base);
		return;
	}
	if (f->flags & CONF_HAS) {
		*((bool *)base + f->has) = true;
		conf_mark_set(c, (bool *)base + f->has, node);
	}
	if (f->map) {
		read_map(c, f->map, node, (char *)base + f->offset);
	} else {
		default_field(c, f, base);
		read_scalar(c, map, f, node, (char *)base + f->offset);
	}
}

/* ---- mappings ---- */

static void unknown_key(struct conf *c, const struct conf_map *map, const yaml_node_t *key, const char *text)
{
	struct conf_names names;
	char quote[CONF_QUOTE_LEN], hint[CONF_TEXT_MAX];
	const struct conf_unserved *u = conf_unserved_find(c, map->name, text, NULL);
	if (u) {
		conf_error_node(c, key, "%s is not served by this version of tandem: %s", u->what, u->instead);
		return;
	}
	conf_names_init(&names, text);
	for (unsigned i = 0; i < map->n_fields; i++)
		conf_names_add(&names, map->fields[i].key);
	conf_error_node(c, key, "unknown key \"%s\" in %s: %s", conf_quote(text, quote), map->name,
	                conf_names_hint(&names, "keys", hint, sizeof(hint)));
}

/* Finds the node of every key in the table; reports keys that are unknown, twice there, or no text. */
static void match_keys(struct conf *c, const struct conf_map *map, const yaml_node_t *node,
                       const yaml_node_t *values[CONF_FIELDS_MAX])
{
	const yaml_node_t *keys[CONF_FIELDS_MAX];
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	for (; pair < node->data.mapping.pairs.top && !c->full; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&c->doc, pair->key);
		unsigned i = 0;
		if (!visit(c, key))
			return;
		if (key->type != YAML_SCALAR_NODE) {
			conf_error_node(c, key, "a key of %s is %s here: it takes a word", map->name, node_str(key));
			continue;
		}
		const char *text = (const char *)key->data.scalar.value;
		while (i < map->n_fields && strcmp(map->fields[i].key, text) != 0)
			i++;
		if (i == map->n_fields) {
			unknown_key(c, map, key, text);
		} else if (values[i]) {
			conf_error_node(c, key, "duplicate key \"%s\" in %s: it is on line %zu already; keep one",
			                text, map->name, keys[i]->start_mark.line + 1);
		} else {
			keys[i] = key;
			values[i] = yaml_document_get_node(&c->doc, pair->value);
		}
	}
}

static void read_map(struct conf *c, const struct conf_map *map, const yaml_node_t *node, void *base)
{
	const yaml_node_t *values[CONF_FIELDS_MAX] = {NULL};
	if (!visit(c, node))
		return;
	if (node->type == YAML_MAPPING_NODE)
		match_keys(c, map, node, values);
	else
		conf_error_node(c, node, "%s is %s here: it takes keys and values such as \"%s: ...\"", map->name,
		                node_is_null(node) ? "empty" : node_str(node), map->fields[0].key);
	for (unsigned i = 0; i < map->n_fields && !c->full; i++) {
		const struct conf_field *f = &map->fields[i];
		if (values[i])
			read_field(c, map, f, values[i], base);
		else
			default_field(c, f, base);
		if (!values[i] && f->flags & CONF_REQUIRED && node->type == YAML_MAPPING_NODE)
			conf_error_node(c, node, "%s lacks the key \"%s\": %s", map->name, f->key, f->help);
	}
}

void conf_read(struct conf *c, const struct conf_map *map)
{
	read_map(c, map, yaml_document_get_root_node(&c->doc), c->root);
}
