/* Regions: what is known of each, its targets, and the operator's word on it.
 *
 * A change is one atomic store that every SIP worker reads at its next decision; calls under way are
 * not touched. A PATCH is checked whole before any of it is carried out. */
#include <errno.h>

#include "admin/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxy/proxy.h"

#define WEIGHT_MAX 65535

static const char *const state_words[] = {"ready", "drain", "maint", NULL};

#define REGION_FIELDS                                                                                   \
	{"name", "", FIELD_STRING},                                                                     \
	{"state", "what the operator said", FIELD_STRING, .words = state_words},                        \
	{"healthy", "at least one target answers its probes", FIELD_BOOLEAN},                           \
	{"health_since", "of `healthy`", FIELD_STRING, .format = "date-time", .nullable = true},        \
	{"hot", "so loaded that the adaptive strategy avoids it", FIELD_BOOLEAN},                       \
	{"calls", "established calls", FIELD_INTEGER},                                                  \
	{"calls_max", "limit; 0: none", FIELD_INTEGER},                                                 \
	{"setups", "INVITEs sent that have no final response yet", FIELD_INTEGER},                      \
	{"cps", "INVITEs sent in the last second", FIELD_INTEGER},                                      \
	{"cps_max", "limit; 0: none", FIELD_INTEGER},                                                   \
	{"latency_ms", "INVITE to first response, average over live calls", FIELD_NUMBER, .nullable = true}, \
	{"rtt_ms", "of the quickest target's probes", FIELD_NUMBER, .nullable = true},                  \
	{"error_rate", "share of attempts that failed by the region's fault, 0 to 1", FIELD_NUMBER},    \
	{"weight", "in force", FIELD_INTEGER},                                                          \
	{"weight_configured", "what the configuration says", FIELD_INTEGER},                            \
	{"attempts_total", "INVITEs sent since the start", FIELD_INTEGER},                              \
	{"answered_total", "", FIELD_INTEGER},                                                          \
	{"failed_total", "attempts that failed by the region's fault", FIELD_INTEGER}

static const struct field region_fields[] = {REGION_FIELDS, {0}};
static const struct schema schema_region = {"Region", "A region at this moment", region_fields};

static const struct field regions_fields[] = {
	{"regions", "in the configuration's order", FIELD_ARRAY, .of = &schema_region},
	{0}
};
const struct schema schema_regions = {"Regions", "All regions", regions_fields};

static const struct field target_fields[] = {
	{"uri", "as configured", FIELD_STRING},
	{"address", "null: the name is not resolved", FIELD_STRING, .nullable = true},
	{"healthy", "by its probes", FIELD_BOOLEAN},
	{"health_since", "", FIELD_STRING, .format = "date-time", .nullable = true},
	{"rtt_ms", "round trip of the probes", FIELD_NUMBER, .nullable = true},
	{"last_error", "of the last probe that failed", FIELD_STRING, .nullable = true},
	{0}
};
static const struct schema schema_target = {"Target", "One SIP address of a region", target_fields};

static const struct field region_detail_fields[] = {
	REGION_FIELDS,
	{"targets", "", FIELD_ARRAY, .of = &schema_target},
	{0}
};
const struct schema schema_region_detail = {"RegionDetail", "A region with its targets", region_detail_fields};

static const struct field region_patch_fields[] = {
	{"state", "ready: gets calls; drain: no new calls; maint: out of service, and not counted as reachable",
	 FIELD_STRING, .words = state_words, .optional = true},
	{"weight", "relative share of calls; null: the configuration's again", FIELD_INTEGER, .max = WEIGHT_MAX,
	 .optional = true, .nullable = true},
	{0}
};
const struct schema schema_region_patch = {"RegionPatch", "What to change; at least one key", region_patch_fields};

/* ---- reading ---- */

static void region_keys(struct jw *w, const struct proxy *proxy, unsigned index)
{
	const struct policy_region_config *config = proxy_region_config(proxy, index);
	struct region_live *live = proxy_region_live(proxy, index);
	struct policy_region_facts facts;

	region_facts(live, config->weight, clock_us(), &facts);
	jw_kstr(w, "name", config->name);
	jw_kstr(w, "state", policy_admin_str(facts.admin));
	jw_kbool(w, "healthy", facts.healthy);
	api_time(w, "health_since", atomic_load(&live->health_since_wall_us));
	jw_kbool(w, "hot", atomic_load(&live->hot));
	jw_kuint(w, "calls", facts.calls);
	jw_kuint(w, "calls_max", config->max_calls);
	jw_kuint(w, "setups", facts.setups);
	jw_kuint(w, "cps", facts.cps);
	jw_kuint(w, "cps_max", config->max_cps);
	api_ms(w, "latency_ms", facts.latency_us);
	api_ms(w, "rtt_ms", facts.rtt_us);
	jw_kdouble(w, "error_rate", facts.error_rate, 4);
	jw_kuint(w, "weight", facts.weight);
	jw_kuint(w, "weight_configured", config->weight);
	jw_kuint(w, "attempts_total", atomic_load(&live->attempts));
	jw_kuint(w, "answered_total", atomic_load(&live->answered));
	jw_kuint(w, "failed_total", atomic_load(&live->failed));
}

static void targets_json(struct jw *w, const struct proxy *proxy, unsigned index)
{
	struct proxy_target_status targets[PROXY_TARGETS_MAX];
	unsigned n = proxy_targets(proxy, index, targets, PROXY_TARGETS_MAX);
	char buf[ADDR_STR_LEN];

	jw_key(w, "targets");
	jw_array(w);
	for (unsigned i = 0; i < n && i < PROXY_TARGETS_MAX; i++) {
		const struct proxy_target_status *t = &targets[i];
		jw_object(w);
		jw_kstr(w, "uri", t->uri);
		jw_kstr(w, "address", addr_family(&t->address) ? addr_str(&t->address, buf) : NULL);
		jw_kbool(w, "healthy", t->healthy);
		api_time(w, "health_since", t->since_wall_us);
		api_ms(w, "rtt_ms", t->rtt_us);
		jw_kstr(w, "last_error", t->last_error[0] ? t->last_error : NULL);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void api_regions(struct api_call *call)
{
	const struct proxy *proxy = call->sources->proxy;
	struct jw *w = api_object(call);

	jw_key(w, "regions");
	jw_array(w);
	for (unsigned i = 0; i < proxy_regions(proxy); i++) {
		jw_object(w);
		region_keys(w, proxy, i);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

/* Index of the path's region, or -1 with the problem written. */
static int region_of(struct api_call *call)
{
	int index = proxy_region_find(call->sources->proxy, call->name);

	if (index < 0)
		api_problem(call, 404, "there is no region \"%s\"; /v1/regions lists them", call->name);
	return index;
}

static void region_answer(struct api_call *call, unsigned index)
{
	struct jw *w = api_object(call);

	region_keys(w, call->sources->proxy, index);
	targets_json(w, call->sources->proxy, index);
	jw_object_end(w);
}

void api_region(struct api_call *call)
{
	int index = region_of(call);

	if (index >= 0)
		region_answer(call, (unsigned)index);
}

/* ---- changing ---- */

static void set_state(struct region_live *live, const char *word, const char *who)
{
	enum policy_admin admin = POLICY_READY, old;

	policy_admin_parse(word, &admin);    /* one of state_words: checked with the body */
	old = (enum policy_admin)atomic_exchange(&live->admin, (int)admin);
	log_info("region %s: state %s -> %s, by %s", live->name, policy_admin_str(old), word, who);
}

static void weight_str(int32_t weight, char buf[24])
{
	if (weight < 0)
		snprintf(buf, 24, "as configured");
	else
		snprintf(buf, 24, "%d", (int)weight);
}

static void set_weight(struct region_live *live, const json_t *value, const char *who)
{
	int32_t weight = json_is_null(value) ? -1 : (int32_t)json_integer_value(value);
	char from[24], to[24];

	weight_str(atomic_exchange(&live->weight, weight), from);
	weight_str(weight, to);
	log_info("region %s: weight %s -> %s, by %s", live->name, from, to, who);
}

void api_region_patch(struct api_call *call)
{
	const json_t *state = json_object_get(call->body, "state"), *weight = json_object_get(call->body, "weight");
	int index = region_of(call);
	struct region_live *live;

	if (index < 0)
		return;
	if (!state && !weight) {
		api_problem(call, 400, "nothing to change: give \"state\", \"weight\" or both");
		return;
	}
	live = proxy_region_live(call->sources->proxy, (unsigned)index);
	if (state)
		set_state(live, json_string_value(state), call->who);
	if (weight)
		set_weight(live, weight, call->who);
	region_answer(call, (unsigned)index);
}
