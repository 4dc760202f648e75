/* The node as a whole: alive, ready, at a glance, and its configuration. */
#include <errno.h>
#include <stdlib.h>

#include "admin/api.h"
#include "anycast/anycast.h"
#include "base/clock.h"
#include "proxy/proxy.h"

/* ---- /health, /ready ---- */

static const struct field health_fields[] = {
	FIELD("status", STRING, "always \"ok\": a process that is not has no answer"),
	FIELD_END
};
const struct schema schema_health = {"Health", "The process lives", health_fields};

void api_health(struct api_call *call)
{
	struct jw *w = api_object(call);

	jw_kstr(w, "status", "ok");
	jw_object_end(w);
}

static const struct field ready_fields[] = {
	FIELD("ready", BOOLEAN, "whether this node should get calls"),
	FIELD("reasons", ARRAY, "why not; empty when ready"),
	FIELD_END
};
const struct schema schema_ready = {"Ready", "Whether this node should get calls", ready_fields};

/* Writes both keys; returns whether it is ready. */
static bool ready_json(struct jw *w, const struct admin_sources *sources)
{
	const char *reasons[ADMIN_REASONS_MAX];
	unsigned n = sources->not_ready(sources->arg, reasons);

	jw_kbool(w, "ready", n == 0);
	jw_key(w, "reasons");
	jw_array(w);
	for (unsigned i = 0; i < n; i++)
		jw_str(w, reasons[i]);
	jw_array_end(w);
	return n == 0;
}

void api_ready(struct api_call *call)
{
	struct jw *w = api_object(call);

	if (!ready_json(w, call->sources))
		call->response->status = 503;
	jw_object_end(w);
}

/* ---- /v1/status ---- */

static const struct field status_regions_fields[] = {
	FIELD("configured", INTEGER, ""),
	FIELD("reachable", INTEGER, "healthy and not in maintenance"),
	FIELD_END
};
static const struct schema schema_status_regions = {"StatusRegions", "How many regions", status_regions_fields};

static const struct field status_anycast_fields[] = {
	FIELD("prefixes", INTEGER, ""),
	FIELD("announced", INTEGER, "prefixes sent to at least one peer"),
	FIELD("peers", INTEGER, ""),
	FIELD("established", INTEGER, "peers whose BGP session is up"),
	FIELD_END
};
static const struct schema schema_status_anycast = {
	"StatusAnycast", "Routes and sessions, counted", status_anycast_fields
};

static const struct field status_fields[] = {
	FIELD("node", STRING, "node.id of the configuration"),
	FIELD("version", STRING, ""),
	FIELD("started", STRING, "", .format = "date-time", .nullable = true),
	FIELD("uptime_s", INTEGER, "seconds since then"),
	FIELD("ready", BOOLEAN, "whether this node should get calls"),
	FIELD("reasons", ARRAY, "why not; empty when ready"),
	FIELD("draining", BOOLEAN, "new calls are answered 503"),
	FIELD("workers", INTEGER, "SIP workers"),
	FIELD("workers_alive", INTEGER, "of these, with a fresh heartbeat"),
	FIELD("transactions", INTEGER, "SIP transactions under way"),
	FIELD("calls", INTEGER, "established calls"),
	FIELD("setups", INTEGER, "INVITEs sent on that have no final response yet"),
	FIELD("regions", OBJECT, "", .of = &schema_status_regions),
	FIELD("anycast", OBJECT, "null without an anycast section", .of = &schema_status_anycast, .nullable = true),
	FIELD_END
};
const struct schema schema_status = {"Status", "This node at a glance", status_fields};

static void status_load(struct jw *w, const struct proxy *proxy)
{
	uint64_t calls = 0, setups = 0;

	for (unsigned i = 0; i < proxy_regions(proxy); i++) {
		calls += atomic_load(&proxy_region_live(proxy, i)->calls);
		setups += atomic_load(&proxy_region_live(proxy, i)->setups);
	}
	jw_kuint(w, "transactions", proxy_transactions(proxy));
	jw_kuint(w, "calls", calls);
	jw_kuint(w, "setups", setups);
}

static void status_anycast(struct jw *w, struct anycast *anycast)
{
	struct anycast_status status;
	unsigned announced = 0, established = 0;

	jw_key(w, "anycast");
	if (!anycast) {
		jw_null(w);
		return;
	}
	anycast_status(anycast, &status);
	for (unsigned i = 0; i < status.n_prefixes; i++)
		announced += status.prefixes[i].role == ANYCAST_SERVICE && status.prefixes[i].peers_announced > 0;
	for (unsigned i = 0; i < status.n_peers; i++)
		established += strcmp(status.peers[i].state, "Established") == 0;
	jw_object(w);
	jw_kuint(w, "prefixes", status.n_prefixes);
	jw_kuint(w, "announced", announced);
	jw_kuint(w, "peers", status.n_peers);
	jw_kuint(w, "established", established);
	jw_object_end(w);
}

void api_status(struct api_call *call)
{
	const struct admin_sources *sources = call->sources;
	const struct proxy *proxy = sources->proxy;
	struct jw *w = api_object(call);

	jw_kstr(w, "node", sources->node_id);
	jw_kstr(w, "version", sources->version);
	api_time(w, "started", sources->started_wall_us);
	jw_kint(w, "uptime_s", (clock_wall_us() - sources->started_wall_us) / CLOCK_SEC);
	ready_json(w, sources);
	jw_kbool(w, "draining", proxy_draining(proxy));
	jw_kuint(w, "workers", proxy_workers(proxy));
	jw_kuint(w, "workers_alive", proxy_workers_alive(proxy));
	status_load(w, proxy);
	jw_key(w, "regions");
	jw_object(w);
	jw_kuint(w, "configured", proxy_regions(proxy));
	jw_kuint(w, "reachable", proxy_regions_reachable(proxy));
	jw_object_end(w);
	status_anycast(w, sources->anycast);
	jw_object_end(w);
}

/* ---- /v1/config ---- */

void api_config(struct api_call *call)
{
	char *text = NULL;
	int r = call->sources->config_text(call->sources->arg, &text);

	if (r < 0) {
		api_problem(call, 500, "the configuration cannot be printed: %s", strerror(-r));
		return;
	}
	jw_raw(&call->response->body, text, strlen(text));
	free(text);
}
