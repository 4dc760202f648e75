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

#define REGION_FIELDS \
	FIELD("name", STRING, ""), \
	FIELD("state", STRING, "what the operator said", .words = state_words), \
	FIELD("healthy", BOOLEAN, "at least one target answers its probes"), \
	FIELD("health_since", STRING, "of `healthy`", .format = "date-time", .nullable = true), \
	FIELD("hot", BOOLEAN, "so loaded that the adaptive strategy avoids it"), \
	FIELD("calls", INTEGER, "established calls"), \
	FIELD("calls_max", INTEGER, "limit; null: none", .nullable = true), \
	FIELD("setups", INTEGER, "INVITEs sent that have no final response yet"), \
	FIELD("cps", INTEGER, "INVITEs sent in the last second"), \
	FIELD("cps_max", INTEGER, "limit; null: none", .nullable = true), \
	FIELD("latency_ms", NUMBER, "INVITE to first response, average over live calls", .nullable = true), \
	FIELD("rtt_ms", NUMBER, "of the quickest target's probes", .nullable = true), \
	FIELD("error_rate", NUMBER, "share of attempts that failed by the region's fault, 0 to 1"), \
	FIELD("ring_ms", NUMBER, "INVITE to ringing or answer, average over live calls", .nullable = true), \
	FIELD("ejected", BOOLEAN, "out for a while, for it failed calls that others take"), \
	FIELD("held", NUMBER, "share of its weight that it does not get yet, for it came back a moment ago"), \
	FIELD("remote_calls", INTEGER, "established calls of the other nodes, less by age"), \
	FIELD("remote_setups", INTEGER, "their setups, less by age"), \
	FIELD("outside_load", NUMBER, "as outside figures tell it, less by age; 0: nothing told"), \
	FIELD("weight", INTEGER, "in force"), \
	FIELD("weight_configured", INTEGER, "what the configuration says"), \
	FIELD("attempts_total", INTEGER, "INVITEs sent since the start"), \
	FIELD("answered_total", INTEGER, ""), \
	FIELD("failed_total", INTEGER, "attempts that failed by the region's fault"), \
	FIELD("ejections_total", INTEGER, "times it was ejected"), \
	FIELD("figures_refused_total", INTEGER, "figures told of it that cannot be true")

static const struct field region_fields[] = {REGION_FIELDS, FIELD_END};
static const struct schema schema_region = {"Region", "A region at this moment", region_fields};

static const struct field regions_fields[] = {
	FIELD("regions", ARRAY, "in the configuration's order", .of = &schema_region),
	FIELD_END
};
const struct schema schema_regions = {"Regions", "All regions", regions_fields};

static const struct field target_fields[] = {
	FIELD("uri", STRING, "as configured"),
	FIELD("address", STRING, "null: the name is not resolved", .nullable = true),
	FIELD("transport", STRING, "udp, tcp or tls: what its URI says, or NAPTR or SRV chose; null: the name is not resolved",
	      .nullable = true),
	FIELD("priority", INTEGER, "of its SRV record, lower first; 0 without one"),
	FIELD("weight", INTEGER, "of its SRV record; 1 without one"),
	FIELD("ttl_s", INTEGER, "until its name is asked for again; null: it is no name, or due", .nullable = true),
	FIELD("healthy", BOOLEAN, "by its probes"),
	FIELD("health_since", STRING, "", .format = "date-time", .nullable = true),
	FIELD("rtt_ms", NUMBER, "round trip of the probes", .nullable = true),
	FIELD("last_error", STRING, "of the last probe that failed", .nullable = true),
	FIELD_END
};
static const struct schema schema_target = {"Target", "One SIP address of a region", target_fields};

static const struct field region_detail_fields[] = {
	REGION_FIELDS,
	FIELD("targets", ARRAY, "", .of = &schema_target),
	FIELD_END
};
const struct schema schema_region_detail = {"RegionDetail", "A region with its targets", region_detail_fields};

static const struct field region_patch_fields[] = {
	FIELD("state", STRING, "ready: gets calls; drain: no new calls; maint: out of service, and not counted as reachable",
	      .words = state_words, .optional = true),
	FIELD("weight", INTEGER, "relative share of calls; null: the configuration's again", .max = WEIGHT_MAX,
	      .optional = true, .nullable = true),
	FIELD_END
};
const struct schema schema_region_patch = {"RegionPatch", "What to change; at least one key", region_patch_fields};

/* ---- reading ---- */

static void region_keys(struct jw *w, const struct proxy *proxy, unsigned index)
{
	const struct policy_region_config *config = proxy_region_config(proxy, index);
	struct region_live *live = proxy_region_live(proxy, index);
	struct policy_region_facts facts;

	region_facts(live, config, policy_table_tuning(proxy_policy(proxy)), clock_us(), &facts);
	jw_kstr(w, "name", config->name);
	jw_kstr(w, "state", policy_admin_str(facts.admin));
	jw_kbool(w, "healthy", facts.healthy);
	api_time(w, "health_since", atomic_load(&live->health_since_wall_us));
	jw_kbool(w, "hot", atomic_load(&live->hot));
	jw_kuint(w, "calls", facts.calls);
	api_limit(w, "calls_max", config->max_calls);
	jw_kuint(w, "setups", facts.setups);
	jw_kuint(w, "cps", facts.cps);
	api_limit(w, "cps_max", config->max_cps);
	api_ms(w, "latency_ms", facts.latency_us);
	api_ms(w, "rtt_ms", facts.rtt_us);
	jw_kdouble(w, "error_rate", facts.error_rate, 4);
	api_ms(w, "ring_ms", facts.ring_us);
	jw_kbool(w, "ejected", facts.ejected);
	jw_kdouble(w, "held", (double)facts.held, 4);
	jw_kuint(w, "remote_calls", facts.remote_calls);
	jw_kuint(w, "remote_setups", facts.remote_setups);
	jw_kdouble(w, "outside_load", (double)facts.outside_load, 4);
	jw_kuint(w, "weight", facts.weight);
	jw_kuint(w, "weight_configured", config->weight);
	jw_kuint(w, "attempts_total", atomic_load(&live->attempts));
	jw_kuint(w, "answered_total", atomic_load(&live->answered));
	jw_kuint(w, "failed_total", atomic_load(&live->failed));
	jw_kuint(w, "ejections_total", atomic_load(&live->ejections));
	jw_kuint(w, "figures_refused_total", atomic_load(&live->refused));
}

static void targets_json(struct jw *w, const struct proxy *proxy, unsigned index)
{
	struct proxy_target_status targets[PROXY_ADDRESSES_MAX];
	unsigned n = proxy_targets(proxy, index, targets, PROXY_ADDRESSES_MAX);
	char buf[ADDR_STR_LEN];

	jw_key(w, "targets");
	jw_array(w);
	for (unsigned i = 0; i < n && i < PROXY_ADDRESSES_MAX; i++) {
		const struct proxy_target_status *t = &targets[i];
		jw_object(w);
		jw_kstr(w, "uri", t->uri);
		jw_kstr(w, "address", addr_family(&t->address) ? addr_str(&t->address, buf) : NULL);
		jw_kstr(w, "transport", addr_family(&t->address) ? t->transport : NULL);
		jw_kuint(w, "priority", t->priority);
		jw_kuint(w, "weight", t->weight);
		api_limit(w, "ttl_s", t->ttl_s);
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
