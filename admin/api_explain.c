/* What would happen to a call: the decision of the very code that routes calls, in the words of the
 * call log. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "admin/api.h"
#include "policy/plan_json.h"
#include "proxy/proxy.h"

#define HEADERS_MAX 32

static const char *const outcome_words[] = {"ok", "no rule", "no region", "refused", NULL};

static const struct field explain_request_fields[] = {
	FIELD("trunk", STRING, "name of a trunk"),
	FIELD("from", STRING, "calling number, as the trunk would send it"),
	FIELD("to", STRING, "called number, as the trunk would send it"),
	FIELD("headers", ARRAY, "header fields it would have, \"Name: value\" each", .optional = true),
	FIELD("at", STRING, "when, in UTC, for rules with hours; default: now", .format = "date-time", .optional = true),
	FIELD("sips", BOOLEAN, "whether it comes as sips:, for which only sips: targets are; default: no", .optional = true),
	FIELD_END
};
const struct schema schema_explain_request = {"ExplainRequest", "A call that is not placed", explain_request_fields};

static const struct field candidate_fields[] = {
	FIELD("region", STRING, ""),
	FIELD("eligible", BOOLEAN, "whether it can take this call"),
	FIELD("reason", STRING, "why not, or ok"),
	FIELD("health", STRING, "by probes"),
	FIELD("calls", INTEGER, "established calls"),
	FIELD("calls_max", INTEGER, "limit; null: none", .nullable = true),
	FIELD("setups", INTEGER, "INVITEs sent that have no final response yet"),
	FIELD("cps", INTEGER, "INVITEs sent in the last second"),
	FIELD("weight", INTEGER, "in force"),
	FIELD("latency_ms", NUMBER, "INVITE to first response", .nullable = true),
	FIELD("rtt_ms", NUMBER, "probe round trip", .nullable = true),
	FIELD("error_rate", NUMBER, "share of attempts that failed by the region's fault, 0 to 1"),
	FIELD("hot", BOOLEAN, "so loaded that the adaptive strategy avoids it"),
	FIELD("load", NUMBER, "0 idle, 1 full", .nullable = true),
	FIELD("score", NUMBER, "lower is better; what it means depends on the strategy", .nullable = true),
	FIELD("no_sips", BOOLEAN, "it has no target for this call, which comes as sips:", .optional = true),
	FIELD("state", STRING, "what the operator said, where not ready", .optional = true),
	FIELD("was_hot", BOOLEAN, "hot at the decision before", .optional = true),
	FIELD("latency_age_ms", INTEGER, "since the last answer; an old figure says less", .optional = true),
	FIELD("ring_ms", NUMBER, "INVITE to ringing or answer", .optional = true),
	FIELD("ring_age_ms", INTEGER, "since the last that rang", .optional = true),
	FIELD("remote_calls", INTEGER, "of the other nodes, less by age", .optional = true),
	FIELD("waiting", INTEGER, "of the setups: nothing has come back for them yet", .optional = true),
	FIELD("remote_setups", INTEGER, "of the other nodes, less by age", .optional = true),
	FIELD("ejected", BOOLEAN, "out for a while, for it failed calls", .optional = true),
	FIELD("held", NUMBER, "share of its weight that it does not get yet, for it came back a moment ago", .optional = true),
	FIELD("held_back", BOOLEAN, "this call is not of its share yet", .optional = true),
	FIELD("outside_load", NUMBER, "as outside figures tell it, less by age", .optional = true),
	FIELD("outside_figure", STRING, "where outside_load comes from", .optional = true),
	FIELD_END
};
static const struct schema schema_candidate = {"Candidate", "A region that was considered", candidate_fields};

static const struct field explain_fields[] = {
	FIELD("status", STRING, "what came of it", .words = outcome_words),
	FIELD("rule", STRING, "that matched", .nullable = true),
	FIELD("pool", STRING, "", .nullable = true),
	FIELD("strategy", STRING, "of the pool", .nullable = true),
	FIELD("candidates", ARRAY, "the pool's regions, in the pool's order", .of = &schema_candidate),
	FIELD("chosen", STRING, "the region tried first", .nullable = true),
	FIELD("because", STRING, "why that one", .nullable = true),
	FIELD("refuse", INTEGER, "the code with which the rule refuses the call", .optional = true),
	FIELD("threshold_ms", NUMBER, "adaptive: cold regions that cost at most this are equal", .nullable = true),
	FIELD("otherwise", STRING, "what would have changed the choice"),
	FIELD_END
};
const struct schema schema_explain = {"Explanation", "The decision, in the words of the call log", explain_fields};

static const char *text_of(const struct api_call *call, const char *key)
{
	return json_string_value(json_object_get(call->body, key));
}

/* Lines into `out`; how many, or -1 with the problem written. */
static int headers_of(struct api_call *call, const char *out[HEADERS_MAX])
{
	const json_t *list = json_object_get(call->body, "headers"), *line;
	size_t i, n = json_array_size(list);

	if (n > HEADERS_MAX) {
		api_problem(call, 400, "\"headers\" has %zu lines: at most %d", n, HEADERS_MAX);
		return -1;
	}
	json_array_foreach(list, i, line) {
		out[i] = json_string_value(line);
		if (!out[i] || !strchr(out[i], ':')) {
			api_problem(call, 400, "\"headers\" takes lines such as \"X-Tier: gold\"");
			return -1;
		}
	}
	return (int)n;
}

/* "2026-01-31T12:00:00Z"; false with the problem written. */
static bool time_of(struct api_call *call, int64_t *wall_us)
{
	const char *text = text_of(call, "at"), *end;
	struct tm tm = {0};

	*wall_us = 0;
	if (!text)
		return true;
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end || strcmp(end, "Z") != 0) {
		api_problem(call, 400, "\"at\" must be a time such as \"2026-01-31T12:00:00Z\"");
		return false;
	}
	*wall_us = (int64_t)timegm(&tm) * 1000000;
	return true;
}

void api_explain(struct api_call *call)
{
	const struct proxy *proxy = call->sources->proxy;
	struct policy_plan plan;
	struct err err = {{0}};
	struct jw *w;
	const char *headers[HEADERS_MAX];
	int r, n = headers_of(call, headers);
	struct proxy_question q = {.trunk = text_of(call, "trunk"), .from = text_of(call, "from"), .to = text_of(call, "to"),
	                           .headers = headers, .n_headers = n > 0 ? (unsigned)n : 0,
	                           .secure = json_is_true(json_object_get(call->body, "sips"))};

	if (n < 0 || !time_of(call, &q.wall_us))
		return;
	r = proxy_explain(proxy, &q, &plan, &err);

	if (r < 0 && r != -ENOENT && r != -EHOSTUNREACH && r != -ECONNREFUSED) {
		api_problem(call, 400, "%s", err.text);
		return;
	}
	w = api_object(call);
	jw_kstr(w, "status", outcome_words[r == -ENOENT ? 1 : r == -EHOSTUNREACH ? 2 : r == -ECONNREFUSED ? 3 : 0]);
	policy_plan_json(w, proxy_policy(proxy), &plan, plan.n_order ? plan.order[0] : -1);
	jw_object_end(w);
}
