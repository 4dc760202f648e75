/* A scenario file as values. Each mapping has a table of its keys: where the number goes and what it may be. One
 * thread. */
#include "sim/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct key { const char *name; size_t at; double min, max; bool must; };
#define KEY(type, field, min, max, must) {#field, offsetof(struct type, field), min, max, must}

static const struct key scenario_keys[] = {
	KEY(sim_scenario, nodes, 1, SIM_NODES_MAX, false), KEY(sim_scenario, duration_s, 1, 86400, true),
	KEY(sim_scenario, attempts, 1, POLICY_ATTEMPTS_MAX, false), KEY(sim_scenario, first_response_ms, 10, 60000, false),
	KEY(sim_scenario, probe_ms, 10, 60000, false), KEY(sim_scenario, probe_timeout_ms, 1, 60000, false),
	KEY(sim_scenario, rise, 1, 100, false), KEY(sim_scenario, fall, 1, 100, false),
	KEY(sim_scenario, figure_s, 0.1, 3600, false), KEY(sim_scenario, figure_delay_s, 0, 3600, false),
	KEY(sim_scenario, figure_loss, 0, 1, false), {0}
};
static const struct key region_keys[] = {
	KEY(sim_region, max_calls, 0, 1e6, false), KEY(sim_region, max_cps, 0, 1e6, false),
	KEY(sim_region, weight, 1, 65535, false), KEY(sim_region, agents, 0, 1e6, false),
	KEY(sim_region, setup_cps, 0, 1e6, false), KEY(sim_region, link_ms, 0, 10000, false),
	KEY(sim_region, latency_ms, 1, 60000, true), KEY(sim_region, ring_ms, 0, 60000, false),
	KEY(sim_region, talk_s, 0.1, 36000, true), {0}
};
static const struct key change_keys[] = {
	KEY(sim_change, at_s, 0, 86400, true), KEY(sim_change, until_s, 0, 86400, true),
	KEY(sim_change, flap_s, 0, 3600, false), KEY(sim_change, latency_ms, 0, 60000, false),
	KEY(sim_change, fail, 0, 1, false), KEY(sim_change, fail_ms, 0, 60000, false), KEY(sim_change, dead, 0, 1, false), {0}
};
static const struct key point_keys[] = {
	KEY(sim_point, at_s, 0, 86400, true), KEY(sim_point, cps, 0, 1e6, true), {0}
};

struct reader { const char *path; yaml_document_t doc; struct err *err; };

#define FAULT(r, node, ...) fault(r, (node)->start_mark, __VA_ARGS__)
static int fault(struct reader *r, yaml_mark_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fault(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(r->err, EINVAL, "%s:%zu:%zu: %s", r->path, at.line + 1, at.column + 1, text);
}

static const char *scalar(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static int read_number(struct reader *r, const yaml_node_t *n, const struct key *key, void *out)
{
	const char *text = scalar(n);
	char *end;
	double value = strtod(text, &end);

	if (!*text || *end || !isfinite(value) || value < key->min || value > key->max)
		return FAULT(r, n, "%s must be a number from %g to %g", key->name, key->min, key->max);
	memcpy((char *)out + key->at, &value, sizeof value);
	return 0;
}

/* Gets what the key table does not know: 0 read, 1 unknown too, or a negative errno. */
typedef int other_fn(struct reader *r, const char *name, yaml_node_t *value, void *out, struct sim_scenario *s);

static int read_mapping(struct reader *r, yaml_node_t *n, const struct key *keys, other_fn *other, void *out,
                        struct sim_scenario *s)
{
	unsigned seen = 0;

	if (n->type != YAML_MAPPING_NODE)
		return FAULT(r, n, "a mapping of keys to values is wanted here");
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *name = yaml_document_get_node(&r->doc, p->key), *value = yaml_document_get_node(&r->doc, p->value);
		unsigned i = 0;
		int rc;
		while (keys[i].name && strcmp(keys[i].name, scalar(name)) != 0)
			i++;
		if (keys[i].name && seen & 1U << i)
			return FAULT(r, name, "%s is said twice", keys[i].name);
		rc = keys[i].name ? read_number(r, value, &keys[i], out) : other(r, scalar(name), value, out, s);
		if (rc == 1)
			return FAULT(r, name, "unknown key \"%.60s\"", scalar(name));
		if (rc)
			return rc;
		seen |= keys[i].name ? 1U << i : 0;
	}
	for (unsigned i = 0; keys[i].name; i++)
		if (keys[i].must && !(seen & 1U << i))
			return FAULT(r, n, "%s is missing", keys[i].name);
	return 0;
}

static int region_other(struct reader *r, const char *name, yaml_node_t *value, void *out, struct sim_scenario *s)
{
	struct sim_region *region = out;

	if (strcmp(name, "name") != 0)
		return 1;
	if (!*scalar(value) || strlen(scalar(value)) >= sizeof region->name)
		return FAULT(r, value, "name must be 1 to %d characters", POLICY_NAME_LEN - 1);
	for (unsigned i = 0; i < s->n_regions; i++)
		if (strcmp(s->regions[i].name, scalar(value)) == 0)
			return FAULT(r, value, "there is a region of this name already");
	snprintf(region->name, sizeof region->name, "%s", scalar(value));
	return 0;
}

static int change_other(struct reader *r, const char *name, yaml_node_t *value, void *out, struct sim_scenario *s)
{
	struct sim_change *change = out;

	if (strcmp(name, "region") != 0)
		return 1;
	for (change->region = 0; change->region < s->n_regions; change->region++)
		if (strcmp(s->regions[change->region].name, scalar(value)) == 0)
			return 0;
	return FAULT(r, value, "no region of this name above");
}

static int point_other(struct reader *r, const char *name, yaml_node_t *value, void *out, struct sim_scenario *s)
{
	return 1;
}

/* The elements of a sequence, one after another. */
static int read_list(struct reader *r, yaml_node_t *n, unsigned max, int (*one)(struct reader *, yaml_node_t *, struct sim_scenario *),
                     struct sim_scenario *s)
{
	unsigned count = 0;

	if (n->type != YAML_SEQUENCE_NODE || n->data.sequence.items.start == n->data.sequence.items.top)
		return FAULT(r, n, "a list with at least one element is wanted here");
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		yaml_node_t *element = yaml_document_get_node(&r->doc, *i);
		if (count++ == max)
			return FAULT(r, element, "at most %u are possible", max);
		int rc = one(r, element, s);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_region(struct reader *r, yaml_node_t *n, struct sim_scenario *s)
{
	struct sim_region *region = &s->regions[s->n_regions];
	int rc;

	*region = (struct sim_region){.weight = 100};
	rc = read_mapping(r, n, region_keys, region_other, region, s);
	if (!rc && !region->name[0])
		return FAULT(r, n, "name is missing");
	s->n_regions++;
	return rc;
}

static int read_change(struct reader *r, yaml_node_t *n, struct sim_scenario *s)
{
	struct sim_change *c = &s->changes[s->n_changes];
	int rc;

	*c = (struct sim_change){.region = UINT32_MAX};
	rc = read_mapping(r, n, change_keys, change_other, c, s);
	if (!rc && c->region >= s->n_regions)
		return FAULT(r, n, "region is missing");
	if (!rc && c->until_s <= c->at_s)
		return FAULT(r, n, "until_s must be after at_s");
	s->n_changes++;
	return rc;
}

static int read_point(struct reader *r, yaml_node_t *n, struct sim_scenario *s)
{
	struct sim_point *p = &s->traffic[s->n_traffic];
	int rc = read_mapping(r, n, point_keys, point_other, p, s);

	if (!rc && s->n_traffic && p->at_s <= p[-1].at_s)
		return FAULT(r, n, "at_s must be after that of the point before");
	s->n_traffic++;
	return rc;
}

static int scenario_other(struct reader *r, const char *name, yaml_node_t *value, void *out, struct sim_scenario *s)
{
	if (strcmp(name, "regions") == 0 && !s->n_regions)
		return read_list(r, value, POLICY_REGIONS_MAX, read_region, s);
	if (strcmp(name, "changes") == 0 && !s->n_changes)
		return read_list(r, value, SIM_CHANGES_MAX, read_change, s);
	if (strcmp(name, "traffic") == 0 && !s->n_traffic)
		return read_list(r, value, SIM_CURVE_MAX, read_point, s);
	return 1;
}

static int read_document(struct reader *r, struct sim_scenario *s)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	int rc;

	if (!root)
		return err_set(r->err, EINVAL, "%s:1:1: the file is empty", r->path);
	rc = read_mapping(r, root, scenario_keys, scenario_other, s, s);
	if (!rc && !s->n_regions)
		return FAULT(r, root, "regions is missing");
	if (!rc && !s->n_traffic)
		return FAULT(r, root, "traffic is missing");
	return rc;
}

/* The file's name without folders and ending names the scenario. */
static void name_of(const char *path, char out[POLICY_NAME_LEN])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	snprintf(out, POLICY_NAME_LEN, "%.*s", (int)strcspn(base, "."), base);
}

int sim_scenario_load(const char *path, struct sim_scenario *out, struct err *err)
{
	struct reader r = {.path = path, .err = err};
	yaml_parser_t parser;
	FILE *in = fopen(path, "re");
	int rc;

	if (!in)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	*out = (struct sim_scenario){
		.nodes = 1, .attempts = 2, .first_response_ms = 2000, .probe_ms = 1000, .probe_timeout_ms = 500, .rise = 2,
		.fall = 3, .figure_s = 1, .figure_delay_s = 0.2,
	};
	name_of(path, out->name);
	if (!yaml_parser_initialize(&parser)) {
		fclose(in);
		return err_set(err, ENOMEM, "out of memory");
	}
	yaml_parser_set_input_file(&parser, in);
	if (yaml_parser_load(&parser, &r.doc)) {
		rc = read_document(&r, out);
		yaml_document_delete(&r.doc);
	} else {
		rc = fault(&r, parser.problem_mark, "no YAML: %s", parser.problem ? parser.problem : "unreadable");
	}
	yaml_parser_delete(&parser);
	fclose(in);
	return rc;
}
