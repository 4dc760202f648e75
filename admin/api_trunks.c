/* Trunks: the carriers, their calls and their limits. */
#include "admin/api.h"
#include "proxy/proxy.h"

static const struct field trunk_fields[] = {
	FIELD("name", STRING, ""),
	FIELD("sources", INTEGER, "source prefixes it is known by"),
	FIELD("calls", INTEGER, "established calls"),
	FIELD("calls_max", INTEGER, "limit; null: none", .nullable = true),
	FIELD("setups", INTEGER, "calls that have no final response yet"),
	FIELD("cps_max", INTEGER, "limit; null: none", .nullable = true),
	FIELD("calls_total", INTEGER, "calls since the start"),
	FIELD("limited_total", INTEGER, "calls refused because of a limit, since the start"),
	FIELD("over_max_calls_total", INTEGER, "of these: because of calls_max"),
	FIELD("over_max_cps_total", INTEGER, "of these: because of cps_max"),
	FIELD_END
};
static const struct schema schema_trunk = {"Trunk", "A carrier", trunk_fields};

static const struct field trunks_fields[] = {
	FIELD("trunks", ARRAY, "in the configuration's order", .of = &schema_trunk),
	FIELD_END
};
const struct schema schema_trunks = {"Trunks", "All trunks", trunks_fields};

void api_trunks(struct api_call *call)
{
	const struct proxy *proxy = call->sources->proxy;
	struct jw *w = api_object(call);
	struct proxy_trunk_status t;

	jw_key(w, "trunks");
	jw_array(w);
	for (unsigned i = 0; i < proxy_trunks(proxy); i++) {
		proxy_trunk(proxy, i, &t);
		jw_object(w);
		jw_kstr(w, "name", t.name);
		jw_kuint(w, "sources", t.n_sources);
		jw_kuint(w, "calls", t.calls);
		api_limit(w, "calls_max", t.max_calls);
		jw_kuint(w, "setups", t.setups);
		api_limit(w, "cps_max", t.max_cps);
		jw_kuint(w, "calls_total", t.calls_total);
		jw_kuint(w, "limited_total", t.over_calls + t.over_cps);
		jw_kuint(w, "over_max_calls_total", t.over_calls);
		jw_kuint(w, "over_max_cps_total", t.over_cps);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}
