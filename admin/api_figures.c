/* Load of a region as others tell it: agents, queue, slots, a percentage. Whoever knows posts it; the decision
 * counts it by its age (policy/region.h), so that a teller who falls silent loses its say step by step.
 *
 * A figure that cannot be true is refused alone: the others of the same post count. */
#include <math.h>

#include "admin/api.h"
#include "base/clock.h"
#include "proxy/proxy.h"

#define AGE_MAX_MS 86400000

static const struct field figures_request_fields[] = {
	FIELD("agents", NUMBER, "agents free for a contact", .optional = true, .nullable = true),
	FIELD("queue", NUMBER, "contacts that wait", .optional = true, .nullable = true),
	FIELD("oldest_s", NUMBER, "seconds that the oldest of them has waited", .optional = true, .nullable = true),
	FIELD("slots", NUMBER, "calls that there is room for", .optional = true, .nullable = true),
	FIELD("percent", NUMBER, "how full, 0 to 100", .optional = true, .nullable = true),
	FIELD("age_ms", INTEGER, "how long ago that was true; default: 0", .max = AGE_MAX_MS, .optional = true),
	FIELD_END
};
const struct schema schema_figures_request = {"FiguresRequest", "Load as an outside source tells it", figures_request_fields};

static const struct field figure_fields[] = {
	FIELD("name", STRING, "agents, queue, oldest_s, slots or percent"),
	FIELD("value", NUMBER, ""),
	FIELD("age_ms", INTEGER, "since it was true"),
	FIELD_END
};
static const struct schema schema_figure = {"Figure", "One figure", figure_fields};

static const struct field figures_fields[] = {
	FIELD("figures", ARRAY, "all that were told", .of = &schema_figure),
	FIELD("refused", ARRAY, "names of the figures of this post that cannot be true; they are counted and change nothing"),
	FIELD("load", NUMBER, "what they make of the region now: 0 idle, 1 full"),
	FIELD_END
};
const struct schema schema_figures = {"Figures", "What outside sources told of a region", figures_fields};

static void write_figures(struct jw *w, const struct region_live *live, int64_t now_us)
{
	double value;
	uint32_t age;

	jw_key(w, "figures");
	jw_array(w);
	for (int i = 0; i < REGION_FIGURES; i++) {
		if (!region_get_figure(live, (enum region_figure)i, now_us, &value, &age))
			continue;
		jw_object(w);
		jw_kstr(w, "name", region_figure_str((enum region_figure)i));
		jw_kdouble(w, "value", value, 3);
		jw_kuint(w, "age_ms", age);
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* null is a figure that cannot be true: a source that knows nothing says nothing. */
static void take_figures(struct jw *w, const json_t *body, struct region_live *live, int64_t now_us)
{
	int64_t true_us = now_us - (int64_t)json_integer_value(json_object_get(body, "age_ms")) * CLOCK_MS;

	jw_key(w, "refused");
	jw_array(w);
	for (int i = 0; i < REGION_FIGURES; i++) {
		const char *name = region_figure_str((enum region_figure)i);
		const json_t *value = json_object_get(body, name);

		if (value && !region_set_figure(live, (enum region_figure)i, json_is_number(value) ? json_number_value(value) : NAN,
		                                true_us, now_us))
			jw_str(w, name);
	}
	jw_array_end(w);
}

void api_figures(struct api_call *call)
{
	const struct proxy *proxy = call->sources->proxy;
	int index = proxy_region_find(proxy, call->name);
	struct policy_region_facts facts;
	int64_t now_us = clock_us();

	if (index < 0) {
		api_problem(call, 404, "there is no region \"%s\"; /v1/regions lists them", call->name);
		return;
	}
	struct region_live *live = proxy_region_live(proxy, (unsigned)index);
	struct jw *w = api_object(call);
	take_figures(w, call->body, live, now_us);
	write_figures(w, live, now_us);
	region_facts(live, proxy_region_config(proxy, (unsigned)index), policy_table_tuning(proxy_policy(proxy)), now_us, &facts);
	jw_kdouble(w, "load", (double)facts.outside_load, 4);
	jw_object_end(w);
}
