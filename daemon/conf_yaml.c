/* From text to a YAML document, by libyaml. Its document API gives every node with its line and
 * column, and all of them: that is why it is used, and not libcyaml, which stops at the first error
 * and does not keep positions, while an operator wants all errors at once, each with its place.
 *
 * The text is first walked as a stream of events, in linear time, to bound what the document may
 * become: depth, nodes, anchors (looking those up is quadratic in libyaml). Aliases may form loops;
 * conf_schema.c reads by tables of a fixed depth and counts what it visits. Control thread. */
#include "daemon/conf_schema.h"

#define TEXT_MAX (8U << 20)
#define DEPTH_MAX 16
#define NODES_MAX 1000000
#define ANCHORS_MAX 256

/* Where byte `offset` is: libyaml gives no mark for text that is not even characters. */
static void offset_place(const char *text, size_t len, size_t offset, size_t *line, size_t *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset && i < len; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static void syntax_error(struct conf *c, const yaml_parser_t *p, const char *text, size_t len)
{
	const char *problem = p->problem ? p->problem : "not readable";
	if (p->error == YAML_MEMORY_ERROR) {
		c->no_memory = true;
	} else if (p->error == YAML_READER_ERROR) {
		size_t line, column;
		offset_place(text, len, p->problem_offset, &line, &column);
		conf_error(c, line, column, "not YAML: %s: the file has to be plain UTF-8 text", problem);
	} else if (p->context) {
		conf_error(c, p->problem_mark.line + 1, p->problem_mark.column + 1,
		           "not YAML: %s, %s that began on line %zu: check indentation (spaces, no tabs), quotes and "
		           "brackets", problem, p->context, p->context_mark.line + 1);
	} else {
		conf_error(c, p->problem_mark.line + 1, p->problem_mark.column + 1,
		           "not YAML: %s: check indentation (spaces, no tabs), quotes and brackets", problem);
	}
}

struct scan {
	size_t documents, depth, nodes, anchors;
};

/* What makes this event one too many, or NULL. */
static const char *scan_event(struct scan *s, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL;
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (s->documents++)
			return "a second document begins here: write one document in a file";
		return NULL;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return NULL;
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		s->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		s->depth++;
		break;
	default:
		return NULL;
	}
	if (s->depth > DEPTH_MAX)
		return "lists and mappings are nested more than 16 deep: no configuration is";
	if (++s->nodes > NODES_MAX)
		return "more than 1000000 values: no configuration is that large";
	if (anchor && ++s->anchors > ANCHORS_MAX)
		return "more than 256 anchors (&NAME): write the values out";
	return NULL;
}

static bool scan(struct conf *c, const char *text, size_t len)
{
	struct scan s = {0};
	yaml_parser_t p;
	bool ok = true, end = false;
	if (!yaml_parser_initialize(&p)) {
		c->no_memory = true;
		return false;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (ok && !end) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p, &e)) {
			syntax_error(c, &p, text, len);
			ok = false;
			break;
		}
		const char *why = scan_event(&s, &e);
		if (why)
			conf_error(c, e.start_mark.line + 1, e.start_mark.column + 1, "%s", why);
		ok = !why;
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return ok;
}

bool conf_yaml_load(struct conf *c, const char *text, size_t len)
{
	yaml_parser_t p;
	if (len > TEXT_MAX) {
		conf_error(c, 1, 1, "the file is larger than 8 MiB: no configuration is that large");
		return false;
	}
	if (!scan(c, text, len))
		return false;
	if (!yaml_parser_initialize(&p)) {
		c->no_memory = true;
		return false;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	bool ok = yaml_parser_load(&p, &c->doc);
	if (!ok)
		syntax_error(c, &p, text, len);
	yaml_parser_delete(&p);
	if (ok && !yaml_document_get_root_node(&c->doc)) {
		conf_error(c, 1, 1, "the file is empty: it takes keys and values such as \"node: {...}\"");
		return false;
	}
	return ok;
}
