/* /metrics in the Prometheus text exposition format 0.0.4.
 *
 * The format wants all samples of one metric together under one HELP and TYPE, while we read by object
 * (a region, a trunk, a peer). So each kind of object is read once into a set of rows, one an object
 * with its labels and a value a metric, and written column by column. A value that is not known is NaN
 * in the row and is left out of the text: an absent sample is what "not known" is there. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "admin/api.h"
#include "anycast/anycast.h"
#include "base/clock.h"
#include "cluster/board.h"
#include "cluster/ended.h"
#include "proxy/proxy.h"

struct metric {
	const char *name, *type, *help;       /* name without "tandem_" */
};

#define COLUMNS_MAX 24

struct row {
	size_t at, len;                       /* of the labels in set->labels */
	double v[COLUMNS_MAX];
};

struct set {
	struct jw labels;
	struct row *rows;
	unsigned n, max;
};

/* ---- rows ---- */

static bool set_init(struct set *set, unsigned max)
{
	*set = (struct set){.max = max, .rows = calloc(max ? max : 1, sizeof *set->rows)};
	jw_init(&set->labels);
	return set->rows != NULL;
}

static void set_free(struct set *set)
{
	jw_free(&set->labels);
	free(set->rows);
}

/* A row more, or NULL when there are `max`: objects may have become more since they were counted. */
static struct row *set_add(struct set *set)
{
	struct row *row = set->n < set->max ? &set->rows[set->n++] : NULL;

	if (row)
		row->at = set->labels.len;
	return row;
}

/* Appends key="value" to the row that was added last. */
static void set_label(struct set *set, const char *key, const char *value)
{
	struct row *row = &set->rows[set->n - 1];
	struct jw *w = &set->labels;

	if (row->len)
		jw_raw(w, ",", 1);
	api_text(w, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\n')
			jw_raw(w, "\\n", 2);
		else if (*value == '"' || *value == '\\')
			api_text(w, "\\%c", *value);
		else
			jw_raw(w, value, 1);
	}
	jw_raw(w, "\"", 1);
	row->len = w->len - row->at;
}

static double seconds(uint32_t us)
{
	return us ? us / 1e6 : NAN;
}

/* ---- text ---- */

static void write_head(struct jw *w, const char *name, const char *type, const char *help)
{
	api_text(w, "# HELP tandem_%s %s\n# TYPE tandem_%s %s\n", name, help, name, type);
}

static void write_value(struct jw *w, double v)
{
	if (v == floor(v) && fabs(v) < 9007199254740992.0)
		api_text(w, " %.0f\n", v);
	else
		api_text(w, " %.6f\n", v);
}

static void write_sample(struct jw *w, const char *name, const struct set *set, const struct row *row, double v)
{
	if (isnan(v))
		return;
	api_text(w, "tandem_%s", name);
	if (row->len) {
		jw_raw(w, "{", 1);
		jw_raw(w, set->labels.data + row->at, row->len);
		jw_raw(w, "}", 1);
	}
	write_value(w, v);
}

/* Writes the set and frees it. */
static void set_write(struct jw *w, const struct metric *metrics, unsigned n, struct set *set)
{
	for (unsigned m = 0; m < n; m++) {
		write_head(w, metrics[m].name, metrics[m].type, metrics[m].help);
		for (unsigned i = 0; i < set->n; i++)
			write_sample(w, metrics[m].name, set, &set->rows[i], set->rows[i].v[m]);
	}
	w->bad |= set->labels.bad;
	set_free(set);
}

/* ---- the node ---- */

enum { N_STARTED, N_READY, N_DRAINING, N_WORKERS, N_ALIVE, N_TRANSACTIONS, N_OVERLOAD, N_REGIONS, N_REACHABLE, N_N };
static const struct metric node_metrics[N_N] = {
	[N_STARTED] = {"start_time_seconds", "gauge", "When the process started, in Unix time"},
	[N_READY] = {"ready", "gauge", "1 while this node should get calls"},
	[N_DRAINING] = {"draining", "gauge", "1 while new calls are refused"},
	[N_WORKERS] = {"workers", "gauge", "SIP workers"},
	[N_ALIVE] = {"workers_alive", "gauge", "SIP workers with a fresh heartbeat"},
	[N_TRANSACTIONS] = {"sip_transactions", "gauge", "SIP transactions under way"},
	[N_OVERLOAD] = {"overload_shed_ratio", "gauge", "Share of new calls turned away for overload, the worst worker's"},
	[N_REGIONS] = {"regions", "gauge", "Regions configured"},
	[N_REACHABLE] = {"regions_reachable", "gauge", "Regions that are healthy and not in maintenance"},
};

static const struct metric build_metric = {"build_info", "gauge", "Always 1; what runs here is in the labels"};

static void write_build(struct jw *w, const struct admin_sources *sources)
{
	struct set set;
	struct row *row;

	if (!set_init(&set, 1)) {
		w->bad = true;
		return;
	}
	row = set_add(&set);
	set_label(&set, "version", sources->version);
	set_label(&set, "node", sources->node_id);
	row->v[0] = 1;
	set_write(w, &build_metric, 1, &set);
}

static void write_node(struct jw *w, const struct admin_sources *sources)
{
	const struct proxy *proxy = sources->proxy;
	const char *reasons[ADMIN_REASONS_MAX];
	struct set set;
	struct row *row;

	if (!set_init(&set, 1)) {
		w->bad = true;
		return;
	}
	row = set_add(&set);
	row->v[N_STARTED] = (double)sources->started_wall_us / CLOCK_SEC;
	row->v[N_READY] = sources->not_ready(sources->arg, reasons) == 0;
	row->v[N_DRAINING] = proxy_draining(proxy);
	row->v[N_WORKERS] = proxy_workers(proxy);
	row->v[N_ALIVE] = proxy_workers_alive(proxy);
	row->v[N_TRANSACTIONS] = proxy_transactions(proxy);
	row->v[N_OVERLOAD] = proxy_overload(proxy);
	row->v[N_REGIONS] = proxy_regions(proxy);
	row->v[N_REACHABLE] = proxy_regions_reachable(proxy);
	set_write(w, node_metrics, N_N, &set);
}

static void write_stats(struct jw *w, const struct proxy *proxy)
{
	uint64_t values[STATS_N];
	const char *last = "";

	proxy_stats(proxy, values);
	for (unsigned i = 0; i < STATS_N; i++) {
		const struct stats_name *s = &stats_names[i];
		if (strcmp(s->name, last) != 0)
			write_head(w, s->name, "counter", s->help);
		last = s->name;
		api_text(w, s->labels[0] ? "tandem_%s{%s} %" PRIu64 "\n" : "tandem_%s%s %" PRIu64 "\n", s->name, s->labels,
		         values[i]);
	}
}

/* ---- regions and their targets ---- */

enum {
	R_HEALTHY, R_HOT, R_SETUPS, R_CALLS, R_MAX_CALLS, R_CPS, R_MAX_CPS, R_LATENCY, R_RTT, R_ERRORS, R_WEIGHT,
	R_RING, R_EJECTED, R_HELD, R_REMOTE_CALLS, R_REMOTE_SETUPS, R_OUTSIDE, R_ATTEMPTS, R_ANSWERED, R_FAILED, R_EJECTIONS,
	R_REFUSED, R_N
};
static const struct metric region_metrics[R_N] = {
	[R_HEALTHY] = {"region_healthy", "gauge", "1 while at least one target answers its probes"},
	[R_HOT] = {"region_hot", "gauge", "1 while the adaptive strategy avoids it for its load"},
	[R_SETUPS] = {"region_setups", "gauge", "INVITEs sent that have no final response yet"},
	[R_CALLS] = {"region_calls", "gauge", "Established calls"},
	[R_MAX_CALLS] = {"region_max_calls", "gauge", "Limit of calls; 0 is none"},
	[R_CPS] = {"region_cps", "gauge", "INVITEs sent in the last second"},
	[R_MAX_CPS] = {"region_max_cps", "gauge", "Limit of INVITEs a second; 0 is none"},
	[R_LATENCY] = {"region_latency_seconds", "gauge", "INVITE to first response, average over live calls"},
	[R_RTT] = {"region_rtt_seconds", "gauge", "Round trip of the probes to the quickest target"},
	[R_ERRORS] = {"region_error_ratio", "gauge", "Share of attempts that fail by the fault of the region, average"},
	[R_WEIGHT] = {"region_weight", "gauge", "Weight in force"},
	[R_RING] = {"region_ring_seconds", "gauge", "INVITE to ringing or answer, average over live calls"},
	[R_EJECTED] = {"region_ejected", "gauge", "1 while it is out for failing calls that others take"},
	[R_HELD] = {"region_held_ratio", "gauge", "Share of its weight held back in slow start"},
	[R_REMOTE_CALLS] = {"region_remote_calls", "gauge", "Established calls of the other nodes, less by age"},
	[R_REMOTE_SETUPS] = {"region_remote_setups", "gauge", "Setups of the other nodes, less by age"},
	[R_OUTSIDE] = {"region_outside_load_ratio", "gauge", "Load as outside figures tell it, less by age"},
	[R_ATTEMPTS] = {"region_attempts_total", "counter", "INVITEs sent"},
	[R_ANSWERED] = {"region_answered_total", "counter", "Attempts that were answered"},
	[R_FAILED] = {"region_failed_total", "counter", "Attempts that failed by the fault of the region"},
	[R_EJECTIONS] = {"region_ejections_total", "counter", "Times it was taken out for failing calls"},
	[R_REFUSED] = {"region_figures_refused_total", "counter", "Figures told of it that cannot be true"},
};

static void region_row(struct set *set, const struct proxy *proxy, unsigned index)
{
	const struct policy_region_config *config = proxy_region_config(proxy, index);
	struct region_live *live = proxy_region_live(proxy, index);
	struct policy_region_facts facts;
	struct row *row = set_add(set);

	if (!row)
		return;
	set_label(set, "region", config->name);
	region_facts(live, config, policy_table_tuning(proxy_policy(proxy)), clock_us(), &facts);
	row->v[R_HEALTHY] = facts.healthy;
	row->v[R_HOT] = atomic_load(&live->hot);
	row->v[R_SETUPS] = facts.setups;
	row->v[R_CALLS] = facts.calls;
	row->v[R_MAX_CALLS] = config->max_calls;
	row->v[R_CPS] = facts.cps;
	row->v[R_MAX_CPS] = config->max_cps;
	row->v[R_LATENCY] = seconds(facts.latency_us);
	row->v[R_RTT] = seconds(facts.rtt_us);
	row->v[R_ERRORS] = (double)facts.error_rate;
	row->v[R_WEIGHT] = facts.weight;
	row->v[R_RING] = seconds(facts.ring_us);
	row->v[R_EJECTED] = facts.ejected;
	row->v[R_HELD] = (double)facts.held;
	row->v[R_REMOTE_CALLS] = facts.remote_calls;
	row->v[R_REMOTE_SETUPS] = facts.remote_setups;
	row->v[R_OUTSIDE] = (double)facts.outside_load;
	row->v[R_ATTEMPTS] = (double)atomic_load(&live->attempts);
	row->v[R_ANSWERED] = (double)atomic_load(&live->answered);
	row->v[R_FAILED] = (double)atomic_load(&live->failed);
	row->v[R_EJECTIONS] = (double)atomic_load(&live->ejections);
	row->v[R_REFUSED] = (double)atomic_load(&live->refused);
}

static void write_regions(struct jw *w, const struct proxy *proxy)
{
	struct set set;

	if (!set_init(&set, proxy_regions(proxy))) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		region_row(&set, proxy, i);
	set_write(w, region_metrics, R_N, &set);
}

static const struct metric state_metric = {
	"region_admin_state", "gauge", "1 for the state the operator put the region into, 0 for the others"
};

static void write_states(struct jw *w, const struct proxy *proxy)
{
	static const enum policy_admin states[] = {POLICY_READY, POLICY_DRAIN, POLICY_MAINT};
	struct set set;
	struct row *row;

	if (!set_init(&set, proxy_regions(proxy) * 3)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		for (unsigned s = 0; s < 3 && (row = set_add(&set)); s++) {
			set_label(&set, "region", proxy_region_config(proxy, i)->name);
			set_label(&set, "state", policy_admin_str(states[s]));
			row->v[0] = atomic_load(&proxy_region_live(proxy, i)->admin) == (int)states[s];
		}
	set_write(w, &state_metric, 1, &set);
}

enum { T_HEALTHY, T_RESOLVED, T_RTT, T_N };
static const struct metric target_metrics[T_N] = {
	[T_HEALTHY] = {"target_healthy", "gauge", "1 while it answers its probes"},
	[T_RESOLVED] = {"target_resolved", "gauge", "1 while its name has an address"},
	[T_RTT] = {"target_rtt_seconds", "gauge", "Round trip of its probes"},
};

/* A target written twice in the configuration is one series here. */
static bool target_is_repeated(const struct proxy_target_status *targets, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (strcmp(targets[j].uri, targets[i].uri) == 0 && addr_equal(&targets[j].address, &targets[i].address))
			return true;
	return false;
}

static void target_rows(struct set *set, const struct proxy *proxy, unsigned region)
{
	char address[ADDR_STR_LEN];
	struct proxy_target_status targets[PROXY_ADDRESSES_MAX];
	unsigned n = proxy_targets(proxy, region, targets, PROXY_ADDRESSES_MAX);

	for (unsigned i = 0; i < n && i < PROXY_ADDRESSES_MAX; i++) {
		struct row *row = target_is_repeated(targets, i) ? NULL : set_add(set);
		if (!row)
			continue;
		set_label(set, "region", proxy_region_config(proxy, region)->name);
		set_label(set, "target", targets[i].uri);
		if (addr_family(&targets[i].address))
			set_label(set, "address", addr_str(&targets[i].address, address));
		row->v[T_HEALTHY] = targets[i].healthy;
		row->v[T_RESOLVED] = addr_family(&targets[i].address) != 0;
		row->v[T_RTT] = seconds(targets[i].rtt_us);
	}
}

static void write_targets(struct jw *w, const struct proxy *proxy)
{
	struct set set;

	if (!set_init(&set, proxy_regions(proxy) * PROXY_ADDRESSES_MAX)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		target_rows(&set, proxy, i);
	set_write(w, target_metrics, T_N, &set);
}

/* ---- trunks ---- */

enum { K_CALLS, K_MAX_CALLS, K_SETUPS, K_MAX_CPS, K_TOTAL, K_LIMITED, K_N };
static const struct metric trunk_metrics[K_N] = {
	[K_CALLS] = {"trunk_calls", "gauge", "Established calls"},
	[K_MAX_CALLS] = {"trunk_max_calls", "gauge", "Limit of calls; 0 is none"},
	[K_SETUPS] = {"trunk_setups", "gauge", "Calls that have no final response yet"},
	[K_MAX_CPS] = {"trunk_max_cps", "gauge", "Limit of calls a second; 0 is none"},
	[K_TOTAL] = {"trunk_calls_total", "counter", "Calls since the start"},
	[K_LIMITED] = {"trunk_limited_total", "counter", "Calls refused because of max_calls or max_cps"},
};

static void write_trunks(struct jw *w, const struct proxy *proxy)
{
	struct proxy_trunk_status t;
	struct set set;
	struct row *row;

	if (!set_init(&set, proxy_trunks(proxy))) {
		w->bad = true;
		return;
	}
	while (set.n < set.max && (row = set_add(&set))) {
		proxy_trunk(proxy, set.n - 1, &t);
		set_label(&set, "trunk", t.name);
		row->v[K_CALLS] = t.calls;
		row->v[K_MAX_CALLS] = t.max_calls;
		row->v[K_SETUPS] = t.setups;
		row->v[K_MAX_CPS] = t.max_cps;
		row->v[K_TOTAL] = (double)t.calls_total;
		row->v[K_LIMITED] = (double)t.limited_total;
	}
	set_write(w, trunk_metrics, K_N, &set);
}

/* ---- anycast ---- */

enum { P_ESTABLISHED, P_SINCE, P_HOLD, P_MSG_IN, P_MSG_OUT, P_UPD_IN, P_UPD_OUT, P_UPS, P_ANNOUNCED, P_RECEIVED,
       P_BFD_UP, P_BFD_DETECTION, P_BFD_HOLDS, P_BFD_IN, P_BFD_OUT, P_BFD_DISCARDED, P_BFD_DOWNS, P_N };
static const struct metric peer_metrics[P_N] = {
	[P_ESTABLISHED] = {"anycast_peer_established", "gauge", "1 while the BGP session is up"},
	[P_SINCE] = {"anycast_peer_state_since_seconds", "gauge", "When the session came into its state, in Unix time"},
	[P_HOLD] = {"anycast_peer_hold_seconds", "gauge", "Hold time negotiated; 0 unless established"},
	[P_MSG_IN] = {"anycast_peer_received_messages_total", "counter", "BGP messages received"},
	[P_MSG_OUT] = {"anycast_peer_sent_messages_total", "counter", "BGP messages sent"},
	[P_UPD_IN] = {"anycast_peer_received_updates_total", "counter", "BGP UPDATEs received"},
	[P_UPD_OUT] = {"anycast_peer_sent_updates_total", "counter", "BGP UPDATEs sent"},
	[P_UPS] = {"anycast_peer_sessions_total", "counter", "How often the session came up"},
	[P_ANNOUNCED] = {"anycast_peer_announced_prefixes", "gauge", "Prefixes announced to it"},
	[P_RECEIVED] = {"anycast_peer_received_prefixes", "gauge", "Prefixes received from it"},
	[P_BFD_UP] = {"anycast_peer_bfd_up", "gauge", "1 while BFD with it is up"},
	[P_BFD_DETECTION] = {"anycast_peer_bfd_detection_seconds", "gauge", "Silence of the peer that is a failure"},
	[P_BFD_HOLDS] = {"anycast_peer_bfd_holds_bgp", "gauge", "1 while BGP is kept down because of BFD"},
	[P_BFD_IN] = {"anycast_peer_bfd_received_packets_total", "counter", "BFD packets received and taken"},
	[P_BFD_OUT] = {"anycast_peer_bfd_sent_packets_total", "counter", "BFD packets sent"},
	[P_BFD_DISCARDED] = {"anycast_peer_bfd_discarded_packets_total", "counter", "BFD packets from it that were not taken"},
	[P_BFD_DOWNS] = {"anycast_peer_bfd_downs_total", "counter", "How often BFD went down after it was up"},
};

/* No such series for a peer without BFD. */
static void peer_row_bfd(struct row *row, const struct anycast_bfd_status *b)
{
	bool has = b->state;

	row->v[P_BFD_UP] = has ? strcmp(b->state, "Up") == 0 : NAN;
	row->v[P_BFD_DETECTION] = has ? (double)b->detection_us / CLOCK_SEC : NAN;
	row->v[P_BFD_HOLDS] = has ? b->holds_bgp : NAN;
	row->v[P_BFD_IN] = has ? (double)b->packets_in : NAN;
	row->v[P_BFD_OUT] = has ? (double)b->packets_out : NAN;
	row->v[P_BFD_DISCARDED] = has ? (double)b->packets_discarded : NAN;
	row->v[P_BFD_DOWNS] = has ? (double)b->down_count : NAN;
}

static void peer_row(struct set *set, const struct anycast_peer_status *p)
{
	struct row *row = set_add(set);

	if (!row)
		return;
	set_label(set, "peer", p->name);
	row->v[P_ESTABLISHED] = strcmp(p->state, "Established") == 0;
	row->v[P_SINCE] = p->state_since_wall_us ? (double)p->state_since_wall_us / CLOCK_SEC : NAN;
	row->v[P_HOLD] = p->hold_ms / 1000.0;
	row->v[P_MSG_IN] = (double)p->messages_in;
	row->v[P_MSG_OUT] = (double)p->messages_out;
	row->v[P_UPD_IN] = (double)p->updates_in;
	row->v[P_UPD_OUT] = (double)p->updates_out;
	row->v[P_UPS] = (double)p->established_count;
	row->v[P_ANNOUNCED] = p->prefixes_announced;
	row->v[P_RECEIVED] = p->prefixes_received;
	peer_row_bfd(row, &p->bfd);
}

enum { X_ANNOUNCED, X_DEGRADED, X_PEERS, X_ADDRESS, X_ORDER, X_CHANGES, X_N };
static const struct metric prefix_metrics[X_N] = {
	[X_ANNOUNCED] = {"anycast_prefix_announced", "gauge", "1 while at least one peer has been sent it"},
	[X_DEGRADED] = {"anycast_prefix_degraded", "gauge", "1 while it is announced as less preferred"},
	[X_PEERS] = {"anycast_prefix_peers", "gauge", "Peers that have been sent it"},
	[X_ADDRESS] = {"anycast_prefix_address_present", "gauge", "1 while its address is on this host"},
	[X_ORDER] = {"anycast_prefix_withdrawn_by_operator", "gauge", "1 while the operator holds it back"},
	[X_CHANGES] = {"anycast_prefix_changes_total", "counter", "How often what is done with it changed"},
};
static const struct metric route_metric = {
	"anycast_route_info", "gauge", "Always 1; what is done with the prefix, and why, is in the labels"
};

static void prefix_row(struct set *set, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];
	struct row *row = set_add(set);

	if (!row)
		return;
	set_label(set, "prefix", prefix_str(&p->prefix, buf));
	row->v[X_ANNOUNCED] = p->peers_announced > 0;
	row->v[X_DEGRADED] = p->action == POLICY_ROUTE_DEGRADE || p->action == POLICY_ROUTE_DRAIN;
	row->v[X_PEERS] = p->peers_announced;
	row->v[X_ADDRESS] = p->address_present;
	row->v[X_ORDER] = p->order == POLICY_ORDER_WITHDRAW;
	row->v[X_CHANGES] = (double)p->changes;
}

static void route_row(struct set *set, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];
	struct row *row = set_add(set);

	if (!row)
		return;
	set_label(set, "prefix", prefix_str(&p->prefix, buf));
	set_label(set, "action", policy_route_action_str(p->action));
	set_label(set, "reason", p->reason ? p->reason : "");
	row->v[0] = 1;
}

static void write_prefixes(struct jw *w, const struct anycast_status *status)
{
	struct set prefixes, routes;
	bool ok = set_init(&prefixes, status->n_prefixes);

	if (!set_init(&routes, status->n_prefixes) || !ok) {
		set_free(&prefixes);
		set_free(&routes);
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < status->n_prefixes; i++) {
		prefix_row(&prefixes, &status->prefixes[i]);
		route_row(&routes, &status->prefixes[i]);
	}
	set_write(w, prefix_metrics, X_N, &prefixes);
	set_write(w, &route_metric, 1, &routes);
}

static void write_anycast(struct jw *w, struct anycast *anycast)
{
	struct anycast_status status;
	struct set peers;

	anycast_status(anycast, &status);
	if (!set_init(&peers, status.n_peers)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < status.n_peers; i++)
		peer_row(&peers, &status.peers[i]);
	set_write(w, peer_metrics, P_N, &peers);
	write_prefixes(w, &status);
}

/* ---- the fleet ---- */

enum { B_WORKS, B_PRESENT, B_REFUSED, B_WRITTEN, B_READ, B_DOUBLES, B_FLEET, B_FLEET_REFUSED, B_TOLD, B_HEARD, B_N };
static const struct metric board_metrics[B_N] = {
	[B_WORKS] = {"cluster_works", "gauge", "1 while the other nodes' records are read"},
	[B_PRESENT] = {"cluster_nodes_present", "gauge", "Other nodes heard of a moment ago"},
	[B_REFUSED] = {"cluster_records_refused_total", "counter", "Records altered, of another version, or of someone else"},
	[B_WRITTEN] = {"cluster_written_bytes_total", "counter", "Bytes of records written, over all servers"},
	[B_READ] = {"cluster_read_bytes_total", "counter", "Bytes of records read, over all servers"},
	[B_DOUBLES] = {"cluster_same_id_total", "counter", "Records that another process wrote under this node's id"},
	[B_FLEET] = {"cluster_fleet_revision", "gauge", "Revision in force here of what is set for the fleet; 0 is none"},
	[B_FLEET_REFUSED] = {"cluster_fleet_refused", "gauge", "1 while the newest revision is refused here"},
	[B_TOLD] = {"cluster_ends_told_total", "counter", "Calls of other nodes that ended by this one, and they were told"},
	[B_HEARD] = {"cluster_ends_heard_total", "counter", "Calls of this node that ended by another one"},
};
enum { S_READY, S_LATENCY, S_COMMANDS, S_LATE, S_LOST, S_N };
static const struct metric redis_metrics[S_N] = {
	[S_READY] = {"redis_ready", "gauge", "1 while the Redis server is connected and answers"},
	[S_LATENCY] = {"redis_latency_seconds", "gauge", "Of its last reply"},
	[S_COMMANDS] = {"redis_commands_total", "counter", "Commands sent to it"},
	[S_LATE] = {"redis_late_total", "counter", "Commands that it did not answer in time"},
	[S_LOST] = {"redis_lost_connections_total", "counter", "Connections to it that were lost"},
};

static void redis_row(struct set *set, const struct redis *redis)
{
	struct redis_status s;
	struct row *row = set_add(set);

	if (!row)
		return;
	redis_status(redis, &s);
	set_label(set, "server", redis_server(redis)->text);
	row->v[S_READY] = s.state == REDIS_READY;
	row->v[S_LATENCY] = seconds(s.latency_us);
	row->v[S_COMMANDS] = (double)s.commands;
	row->v[S_LATE] = (double)s.late;
	row->v[S_LOST] = (double)s.lost;
}

static void write_cluster(struct jw *w, const struct board *board, const struct ended *ended)
{
	struct board_counts counts;
	struct ended_counts ends = {.told = 0};
	struct set figures, servers;
	struct row *row;

	board_counts(board, &counts);
	if (ended)
		ended_counts(ended, &ends);
	if (!set_init(&figures, 1)) {
		w->bad = true;
		return;
	}
	if ((row = set_add(&figures))) {
		row->v[B_WORKS] = board_works(board);
		row->v[B_PRESENT] = board_fresh(board);
		row->v[B_REFUSED] = (double)counts.refused;
		row->v[B_WRITTEN] = (double)counts.bytes_written;
		row->v[B_READ] = (double)counts.bytes_read;
		row->v[B_DOUBLES] = (double)counts.doubles;
		row->v[B_FLEET] = (double)board_own(board)->fleet_revision;
		row->v[B_FLEET_REFUSED] = board_own(board)->fleet_refused[0] != 0;
		row->v[B_TOLD] = (double)ends.told;
		row->v[B_HEARD] = (double)ends.heard;
	}
	set_write(w, board_metrics, B_N, &figures);
	if (!set_init(&servers, board_servers(board))) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < board_servers(board); i++)
		redis_row(&servers, board_server(board, i));
	set_write(w, redis_metrics, S_N, &servers);
}

enum { L_OK, L_TIME, L_TABLES, L_DNS, L_DNS_TOTAL, L_N };
static const struct metric reload_metrics[L_N] = {
	[L_OK] = {"config_last_reload_successful", "gauge", "1 unless the last reload was refused"},
	[L_TIME] = {"config_loaded_timestamp_seconds", "gauge", "When the configuration in force was loaded"},
	[L_TABLES] = {"config_held_tables", "gauge", "Earlier routing tables that calls still hold"},
	[L_DNS] = {"dns_failing_names", "gauge", "Names of targets whose last lookup failed"},
	[L_DNS_TOTAL] = {"dns_failures_total", "counter", "Lookups of targets' names that failed"},
};
static const struct metric reloads_metric = {"config_reloads_total", "counter", "Reloads asked for, by result"};

static void write_reloads(struct jw *w, const struct admin_sources *sources)
{
	struct admin_reloads r = {0};
	struct set figures, totals;
	struct row *row;
	unsigned failing;
	uint64_t failures;

	sources->reloads(sources->arg, &r);
	if (!set_init(&figures, 1)) {
		w->bad = true;
		return;
	}
	if ((row = set_add(&figures))) {
		row->v[L_OK] = r.last_ok;
		row->v[L_TIME] = (double)r.last_wall_us / CLOCK_SEC;
		row->v[L_TABLES] = proxy_tables_held(sources->proxy);
		proxy_dns(sources->proxy, &failing, &failures);
		row->v[L_DNS] = failing;
		row->v[L_DNS_TOTAL] = (double)failures;
	}
	set_write(w, reload_metrics, L_N, &figures);
	if (!set_init(&totals, 2)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < 2 && (row = set_add(&totals)); i++) {
		set_label(&totals, "result", i ? "refused" : "ok");
		row->v[0] = (double)(i ? r.failed : r.ok);
	}
	set_write(w, &reloads_metric, 1, &totals);
}

void api_metrics(struct api_call *call)
{
	const struct admin_sources *sources = call->sources;
	struct jw *w = &call->response->body;

	write_build(w, sources);
	write_node(w, sources);
	write_reloads(w, sources);
	write_stats(w, sources->proxy);
	write_regions(w, sources->proxy);
	write_states(w, sources->proxy);
	write_targets(w, sources->proxy);
	write_trunks(w, sources->proxy);
	if (sources->anycast)
		write_anycast(w, sources->anycast);
	if (sources->board)
		write_cluster(w, sources->board, sources->ended);
}
