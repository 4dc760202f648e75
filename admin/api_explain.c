/* What would happen to a call: the decision of the very code that routes calls, in the words of the
 * call log. */
#include <errno.h>

#include "admin/api.h"
#include "policy/plan_json.h"
#include "proxy/proxy.h"

static const char *const outcome_words[] = {"ok", "no rule", "no region", NULL};

static const struct field explain_request_fields[] = {
	{"trunk", "name of a trunk", FIELD_STRING},
	{"from", "calling number, as the trunk would send it", FIELD_STRING},
	{"to", "called number, as the trunk would send it", FIELD_STRING},
	{0}
};
const struct schema schema_explain_request = {"ExplainRequest", "A call that is not placed", explain_request_fields};

static const struct field candidate_fields[] = {
	{"region", "", FIELD_STRING},
	{"eligible", "whether it can take this call", FIELD_BOOLEAN},
	{"reason", "why not, or ok", FIELD_STRING},
	{"health", "by probes", FIELD_STRING},
	{"calls", "established calls", FIELD_INTEGER},
	{"calls_max", "limit; 0: none", FIELD_INTEGER, .nullable = true},
	{"setups", "INVITEs sent that have no final response yet", FIELD_INTEGER},
	{"latency_ms", "INVITE to first response", FIELD_NUMBER, .nullable = true},
	{"rtt_ms", "probe round trip", FIELD_NUMBER, .nullable = true},
	{"hot", "so loaded that the adaptive strategy avoids it", FIELD_BOOLEAN},
	{"load", "0 idle, 1 full", FIELD_NUMBER, .nullable = true},
	{"score", "lower is better; what it means depends on the strategy", FIELD_NUMBER, .nullable = true},
	{0}
};
static const struct schema schema_candidate = {"Candidate", "A region that was considered", candidate_fields};

static const struct field explain_fields[] = {
	{"status", "what came of it", FIELD_STRING, .words = outcome_words},
	{"rule", "that matched", FIELD_STRING, .nullable = true},
	{"pool", "", FIELD_STRING, .nullable = true},
	{"strategy", "of the pool", FIELD_STRING, .nullable = true},
	{"candidates", "the pool's regions, in the pool's order", FIELD_ARRAY, .of = &schema_candidate},
	{"chosen", "the region tried first", FIELD_STRING, .nullable = true},
	{"because", "why that one", FIELD_STRING, .nullable = true},
	{0}
};
const struct schema schema_explain = {"Explanation", "The decision, in the words of the call log", explain_fields};

static const char *text_of(const struct api_call *call, const char *key)
{
	return json_string_value(json_object_get(call->body, key));
}

void api_explain(struct api_call *call)
{
	const struct proxy *proxy = call->sources->proxy;
	struct policy_plan plan;
	struct err err = {{0}};
	struct jw *w;
	int r = proxy_explain(proxy, text_of(call, "trunk"), text_of(call, "from"), text_of(call, "to"), &plan, &err);

	if (r < 0 && r != -ENOENT && r != -EHOSTUNREACH) {
		api_problem(call, 400, "%s", err.text);
		return;
	}
	w = api_object(call);
	jw_kstr(w, "status", outcome_words[r == -ENOENT ? 1 : r == -EHOSTUNREACH ? 2 : 0]);
	policy_plan_json(w, proxy_policy(proxy), &plan, plan.n_order ? plan.order[0] : -1);
	jw_object_end(w);
}
