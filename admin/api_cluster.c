/* The fleet as this node sees it: the Redis servers, the nodes and what each says of itself. */
#include <errno.h>

#include "admin/api.h"
#include "base/clock.h"
#include "cluster/board.h"
#include "cluster/document.h"

static const struct field server_fields[] = {
	FIELD("server", STRING, "as configured"),
	FIELD("state", STRING, "", .words = (const char *const[]){"down", "connecting", "ready", NULL}),
	FIELD("why", STRING, "it is not ready; empty: it is"),
	FIELD("latency_ms", NUMBER, "of the last reply; null: none yet", .nullable = true),
	FIELD("commands_total", INTEGER, ""),
	FIELD("late_total", INTEGER, "commands not answered in time"),
	FIELD("lost_total", INTEGER, "connections"),
	FIELD_END
};
static const struct schema schema_server = {"ClusterServer", "One Redis server", server_fields};

static const struct field region_fields[] = {
	FIELD("name", STRING, ""),
	FIELD("state", STRING, "what an operator said there"),
	FIELD("healthy", BOOLEAN, ""),
	FIELD("calls", INTEGER, "established, set up there"),
	FIELD("setups", INTEGER, ""),
	FIELD("latency_ms", NUMBER, "INVITE to first provisional", .nullable = true),
	FIELD("error_rate", NUMBER, ""),
	FIELD_END
};
static const struct schema schema_node_region = {"ClusterRegion", "A region as a node sees it", region_fields};

static const struct field prefix_fields[] = {
	FIELD("prefix", STRING, ""),
	FIELD("action", STRING, "what is done with the route there"),
	FIELD_END
};
static const struct schema schema_node_prefix = {"ClusterPrefix", "A route at a node", prefix_fields};

static const struct field node_fields[] = {
	FIELD("node", STRING, "node.id"),
	FIELD("self", BOOLEAN, "the one that answers"),
	FIELD("present", BOOLEAN, "news of it came a moment ago"),
	FIELD("age_ms", INTEGER, "since its last news; null: never heard of, or self", .nullable = true),
	FIELD("ready", BOOLEAN, "it should get calls"),
	FIELD("version", STRING, "of tandem"),
	FIELD("revision", STRING, "digest of trunks, regions, probes, pools, rules and tuning"),
	FIELD("same_revision", BOOLEAN, "as this node's"),
	FIELD("fleet_revision", INTEGER, "of what is set for the fleet, in force there; 0: none"),
	FIELD("fleet_refused", STRING, "why the newest one is not; empty: it is"),
	FIELD("key", STRING, "of the secret that signed"),
	FIELD("clock_off_ms", INTEGER, "its wall clock less ours"),
	FIELD("servers", INTEGER, "that have its record"),
	FIELD("calls", INTEGER, "established, over all its regions"),
	FIELD("setups", INTEGER, "the same"),
	FIELD("regions", ARRAY, "", .of = &schema_node_region),
	FIELD("prefixes", ARRAY, "", .of = &schema_node_prefix),
	FIELD_END
};
static const struct schema schema_node = {"ClusterNode", "One node", node_fields};

static const struct field fleet_region_fields[] = {
	FIELD("region", STRING, ""),
	FIELD("state", STRING, "null: each node's own matter", .nullable = true),
	FIELD("weight", INTEGER, "null: as configured", .nullable = true),
	FIELD_END
};
static const struct schema schema_fleet_region = {"FleetRegion", "What is set of a region for all nodes", fleet_region_fields};

static const struct field fleet_fields[] = {
	FIELD("revision", INTEGER, "the newest known here; 0: none"),
	FIELD("by", STRING, "who asked for it", .nullable = true),
	FIELD("node", STRING, "where", .nullable = true),
	FIELD("time", STRING, "when", .format = "date-time", .nullable = true),
	FIELD("policy", STRING, "YAML: pools, rules, tuning in place of those in the files; null: none", .nullable = true),
	FIELD("regions", ARRAY, "", .of = &schema_fleet_region),
	FIELD_END
};
static const struct schema schema_fleet = {"Fleet", "What is set for the whole fleet", fleet_fields};

static const struct field asked_fields[] = {
	FIELD("region", STRING, "null: the policy", .nullable = true),
	FIELD("revision", INTEGER, "that the change will be; each node says in /v1/cluster which one it runs"),
	FIELD_END
};
const struct schema schema_fleet_asked = {"FleetAsked", "A change asked for", asked_fields};

static const struct field cluster_fields[] = {
	FIELD("configured", BOOLEAN, "cluster.redis is: else a node on its own"),
	FIELD("works", BOOLEAN, "the others' records are read; else this node decides by its own figures"),
	FIELD("servers", ARRAY, "", .of = &schema_server),
	FIELD("nodes", ARRAY, "this one first", .of = &schema_node),
	FIELD("fleet", OBJECT, "", .of = &schema_fleet),
	FIELD("records_refused_total", INTEGER, "records that were altered, of another version, or signed by someone else"),
	FIELD("record_bytes", INTEGER, "of this node's last record"),
	FIELD("bytes_written_total", INTEGER, "of records, over all servers"),
	FIELD("bytes_read_total", INTEGER, "of records, over all servers"),
	FIELD_END
};
const struct schema schema_cluster = {"Cluster", "The fleet as this node sees it", cluster_fields};

static void servers_json(struct jw *w, const struct board *b)
{
	jw_key(w, "servers");
	jw_array(w);
	for (unsigned i = 0; b && i < board_servers(b); i++) {
		const struct redis *r = board_server(b, i);
		struct redis_status s;
		redis_status(r, &s);
		jw_object(w);
		jw_kstr(w, "server", redis_server(r)->text);
		jw_kstr(w, "state", redis_state_str(s.state));
		jw_kstr(w, "why", redis_why(r));
		api_ms(w, "latency_ms", s.latency_us);
		jw_kuint(w, "commands_total", s.commands);
		jw_kuint(w, "late_total", s.late);
		jw_kuint(w, "lost_total", s.lost);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void loads_json(struct jw *w, const struct node_record *r)
{
	uint64_t calls = 0, setups = 0;
	for (unsigned i = 0; i < r->n_regions; i++) {
		calls += r->regions[i].calls;
		setups += r->regions[i].setups;
	}
	jw_kuint(w, "calls", calls);
	jw_kuint(w, "setups", setups);
	jw_key(w, "regions");
	jw_array(w);
	for (unsigned i = 0; i < r->n_regions; i++) {
		const struct node_region *g = &r->regions[i];
		jw_object(w);
		jw_kstr(w, "name", g->name);
		jw_kstr(w, "state", g->state);
		jw_kbool(w, "healthy", g->healthy);
		jw_kuint(w, "calls", g->calls);
		jw_kuint(w, "setups", g->setups);
		api_ms(w, "latency_ms", g->latency_us);
		jw_kdouble(w, "error_rate", (double)g->error_rate, 4);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void routes_json(struct jw *w, const struct node_record *r)
{
	jw_key(w, "prefixes");
	jw_array(w);
	for (unsigned i = 0; i < r->n_prefixes; i++) {
		jw_object(w);
		jw_kstr(w, "prefix", r->prefixes[i].prefix);
		jw_kstr(w, "action", r->prefixes[i].action);
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* `node` NULL: this one. */
static void node_json(struct jw *w, const struct board *b, const struct board_node *node)
{
	const struct node_record *own = board_own(b), *r = node ? node->record : own;
	jw_object(w);
	jw_kstr(w, "node", node ? r->node : board_config(b)->node);
	jw_kbool(w, "self", !node);
	jw_kbool(w, "present", !node || node->fresh);
	jw_key(w, "age_ms");
	if (node && node->arrived_us)
		jw_int(w, (clock_us() - node->arrived_us) / CLOCK_MS);
	else
		jw_null(w);
	jw_kbool(w, "ready", r->ready);
	jw_kstr(w, "version", r->version);
	jw_kstr(w, "revision", r->revision);
	jw_kbool(w, "same_revision", strcmp(r->revision, own->revision) == 0);
	jw_kuint(w, "fleet_revision", r->fleet_revision);
	jw_kstr(w, "fleet_refused", r->fleet_refused);
	jw_kstr(w, "key", node ? r->keyid : board_config(b)->keys.id[0]);
	jw_kint(w, "clock_off_ms", node ? node->clock_off_us / CLOCK_MS : 0);
	jw_kint(w, "servers", node ? __builtin_popcount(node->servers) : 0);
	loads_json(w, r);
	routes_json(w, r);
	jw_object_end(w);
}

static void text_json(struct jw *w, const json_t *doc, const char *key)
{
	jw_kstr(w, key, json_string_value(json_object_get(doc, key)));
}

static void fleet_json(struct jw *w, const struct document *document)
{
	json_t *doc = document ? json_loads(document_body(document), 0, NULL) : NULL, *r;
	const char *name;
	jw_key(w, "fleet");
	jw_object(w);
	jw_kuint(w, "revision", document ? document_revision(document) : 0);
	text_json(w, doc, "by");
	text_json(w, doc, "node");
	text_json(w, doc, "time");
	text_json(w, doc, "policy");
	jw_key(w, "regions");
	jw_array(w);
	json_object_foreach(json_object_get(doc, "regions"), name, r) {
		const json_t *weight = json_object_get(r, "weight");
		jw_object(w);
		jw_kstr(w, "region", name);
		text_json(w, r, "state");
		jw_key(w, "weight");
		if (json_is_integer(weight))
			jw_int(w, json_integer_value(weight));
		else
			jw_null(w);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
	json_decref(doc);
}

static void ask_fleet(struct api_call *call, const struct admin_fleet_change *change)
{
	uint64_t revision = 0;
	struct err err;
	int rc;
	if (!call->sources->board) {
		api_problem(call, 409, "this node is on its own: cluster.redis is not configured");
		return;
	}
	rc = call->sources->fleet_region(call->sources->arg, change, &revision, &err);
	if (rc) {
		api_problem(call, rc != -EINVAL ? 503 : change->region ? 404 : 422, "%s", err.text);
		return;
	}
	struct jw *w = api_object(call);
	jw_kstr(w, "region", change->region);
	jw_kuint(w, "revision", revision);
	jw_object_end(w);
}

void api_cluster_region(struct api_call *call)
{
	const json_t *state = json_object_get(call->body, "state"), *weight = json_object_get(call->body, "weight");
	if (!state && !weight)
		api_problem(call, 400, "nothing to change: give \"state\", \"weight\" or both");
	else
		ask_fleet(call, &(struct admin_fleet_change){
			.region = call->name, .state = json_string_value(state), .has_weight = weight != NULL,
			.weight = json_is_integer(weight) ? (int32_t)json_integer_value(weight) : -1, .who = call->who,
		});
}

static const struct field policy_fields[] = {
	FIELD("text", STRING, "YAML: pools, rules and tuning; empty: each node's own again"),
	FIELD_END
};
const struct schema schema_fleet_policy = {"FleetPolicy", "What takes the place of these sections in every node's file",
                                           policy_fields};

void api_cluster_policy(struct api_call *call)
{
	ask_fleet(call, &(struct admin_fleet_change){
		.policy = json_string_value(json_object_get(call->body, "text")), .who = call->who,
	});
}

void api_cluster(struct api_call *call)
{
	const struct board *b = call->sources->board;
	struct board_counts counts = {.rounds = 0};
	struct jw *w = api_object(call);

	if (b)
		board_counts(b, &counts);
	jw_kbool(w, "configured", b != NULL);
	jw_kbool(w, "works", b && board_works(b));
	servers_json(w, b);
	jw_key(w, "nodes");
	jw_array(w);
	if (b)
		node_json(w, b, NULL);
	for (unsigned i = 0; b && i < board_nodes(b); i++) {
		struct board_node node;
		board_node(b, i, &node);
		node_json(w, b, &node);
	}
	jw_array_end(w);
	fleet_json(w, call->sources->document);
	jw_kuint(w, "records_refused_total", counts.refused);
	jw_kuint(w, "record_bytes", counts.record_bytes);
	jw_kuint(w, "bytes_written_total", counts.bytes_written);
	jw_kuint(w, "bytes_read_total", counts.bytes_read);
	jw_object_end(w);
}
