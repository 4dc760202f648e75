/* Taking the node out of service and back. What a drain does, and in which order, is the daemon's. */
#include "admin/api.h"

static const char *const state_words[] = {"in service", "route made worse", "withdrawn", "finishing", "drained", NULL};

static const struct field drain_fields[] = {
	FIELD("state", STRING, "how far it is", .words = state_words),
	FIELD("draining", BOOLEAN, "from its beginning until undrain"),
	FIELD("stopping", BOOLEAN, "the process ends when it is done"),
	FIELD("since", STRING, "of the state; null: in service", .format = "date-time", .nullable = true),
	FIELD("new_calls", INTEGER, "that came since the drain began"),
	FIELD("open", INTEGER, "requests under way"),
	FIELD("calls", INTEGER, "established; any node carries them on"),
	FIELD_END
};
const struct schema schema_drain = {"Drain", "How far a drain is", drain_fields};

void api_drain_state(struct api_call *call)
{
	struct admin_drain d;
	struct jw *w = api_object(call);

	call->sources->drain_state(call->sources->arg, &d);
	jw_kstr(w, "state", d.state);
	jw_kbool(w, "draining", d.draining);
	jw_kbool(w, "stopping", d.stopping);
	api_time(w, "since", d.since_wall_us);
	jw_kuint(w, "new_calls", d.new_calls);
	jw_kuint(w, "open", d.open);
	jw_kuint(w, "calls", d.calls);
	jw_object_end(w);
}

static void order(struct api_call *call, bool on)
{
	struct err err;

	if (call->sources->drain(call->sources->arg, on, call->who, &err) < 0)
		api_problem(call, 409, "%s", err.text);
	else
		api_drain_state(call);
}

void api_drain(struct api_call *call)
{
	order(call, true);
}

void api_undrain(struct api_call *call)
{
	order(call, false);
}
