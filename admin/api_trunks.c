/* Trunks: the carriers, their calls and their limits. */
#include "admin/api.h"
#include "proxy/proxy.h"

static const struct field trunk_fields[] = {
	{"name", "", FIELD_STRING},
	{"sources", "source prefixes it is known by", FIELD_INTEGER},
	{"calls", "established calls", FIELD_INTEGER},
	{"calls_max", "limit; 0: none", FIELD_INTEGER},
	{"setups", "calls that have no final response yet", FIELD_INTEGER},
	{"cps_max", "limit; 0: none", FIELD_INTEGER},
	{"calls_total", "calls since the start", FIELD_INTEGER},
	{0}
};
static const struct schema schema_trunk = {"Trunk", "A carrier", trunk_fields};

static const struct field trunks_fields[] = {
	{"trunks", "in the configuration's order", FIELD_ARRAY, .of = &schema_trunk},
	{0}
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
		jw_kuint(w, "calls_max", t.max_calls);
		jw_kuint(w, "setups", t.setups);
		jw_kuint(w, "cps_max", t.max_cps);
		jw_kuint(w, "calls_total", t.calls_total);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}
