/* The fleet's document: see fleet_doc.h. It is checked whole before the first region is touched. */
#include "daemon/fleet_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/region.h"
#include "proxy/proxy.h"

#define WEIGHT_MAX 65535

/* ---- changing ---- */

static json_t *object_at(json_t *in, const char *key)
{
	json_t *o = json_object_get(in, key);
	if (!json_is_object(o)) {
		json_object_set_new(in, key, json_object());
		o = json_object_get(in, key);
	}
	return o;
}

char *fleet_doc_change(const char *body, const struct fleet_change *change)
{
	char time[CLOCK_RFC3339_LEN], *text = NULL;
	json_t *doc = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(doc)) {
		json_decref(doc);
		doc = json_object();
	}
	json_t *regions = object_at(doc, "regions"), *region = change->region ? object_at(regions, change->region) : regions;
	bool ok = region && !json_object_set_new(doc, "by", json_string(change->who)) &&
	          !json_object_set_new(doc, "node", json_string(change->node)) &&
	          !json_object_set_new(doc, "time", json_string(clock_rfc3339(clock_wall_us(), time)));
	if (ok && change->state)
		ok = !json_object_set_new(region, "state", json_string(change->state));
	if (ok && change->has_weight)
		ok = !json_object_set_new(region, "weight", change->weight < 0 ? json_null() : json_integer(change->weight));
	if (ok && change->policy)
		ok = !json_object_set_new(doc, "policy", json_string(change->policy));
	if (ok)
		text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(doc);
	return text;
}

/* ---- in force ---- */

static int check(const struct proxy *proxy, json_t *regions, struct err *err)
{
	const char *name;
	json_t *r;
	enum policy_admin admin;
	json_object_foreach(regions, name, r) {
		const json_t *state = json_object_get(r, "state"), *weight = json_object_get(r, "weight");
		if (proxy_region_find(proxy, name) < 0)
			return err_set(err, EINVAL, "there is no region \"%.60s\" in this node's configuration", name);
		if (state && (!json_is_string(state) || !policy_admin_parse(json_string_value(state), &admin)))
			return err_set(err, EINVAL, "region %.60s: state takes ready, drain or maint", name);
		if (weight && !json_is_null(weight) &&
		    (!json_is_integer(weight) || json_integer_value(weight) < 0 || json_integer_value(weight) > WEIGHT_MAX))
			return err_set(err, EINVAL, "region %.60s: weight takes 0 to %d, or null", name, WEIGHT_MAX);
	}
	return 0;
}

static void apply_region(struct region_live *live, const json_t *r, uint64_t revision, const char *by, const char *node)
{
	const json_t *state = json_object_get(r, "state"), *weight = json_object_get(r, "weight");
	enum policy_admin admin, old;
	if (state && policy_admin_parse(json_string_value(state), &admin)) {
		old = (enum policy_admin)atomic_exchange(&live->admin, (int)admin);
		if (old != admin)
			log_info("region %s: state %s -> %s, by the fleet's revision %llu (%s at %s)", live->name, policy_admin_str(old),
			         policy_admin_str(admin), (unsigned long long)revision, by, node);
	}
	if (weight) {
		int32_t now = json_is_null(weight) ? -1 : (int32_t)json_integer_value(weight);
		if (atomic_exchange(&live->weight, now) != now)
			log_info("region %s: weight %d (-1: as configured), by the fleet's revision %llu (%s at %s)", live->name, (int)now,
			         (unsigned long long)revision, by, node);
	}
}

char *fleet_doc_policy(const char *body)
{
	json_t *doc = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(doc, "policy"));
	char *copy = text && text[0] ? strdup(text) : NULL;
	json_decref(doc);
	return copy;
}

int fleet_doc_check(const struct proxy *proxy, const char *body, struct err *err)
{
	json_error_t why;
	json_t *doc = json_loads(body, JSON_REJECT_DUPLICATES, &why);
	int rc = json_is_object(doc) ? check(proxy, json_object_get(doc, "regions"), err) :
	         err_set(err, EINVAL, "it is no JSON object: %.100s", why.text);
	json_decref(doc);
	return rc;
}

static const char *text_of(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));
	return text ? text : "-";
}

int fleet_doc_apply(struct proxy *proxy, const char *body, uint64_t revision, struct err *err)
{
	json_error_t why;
	json_t *doc = json_loads(body, JSON_REJECT_DUPLICATES, &why), *regions = json_object_get(doc, "regions"), *r;
	const char *name;
	int rc = json_is_object(doc) ? check(proxy, regions, err) : err_set(err, EINVAL, "it is no JSON object: %.100s", why.text);
	if (rc == 0)
		json_object_foreach(regions, name, r)
			apply_region(proxy_region_live(proxy, (unsigned)proxy_region_find(proxy, name)), r, revision,
			             text_of(doc, "by"), text_of(doc, "node"));
	json_decref(doc);
	return rc;
}
