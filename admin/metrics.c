/* /metrics: the node, its regions, targets and trunks; and the page as a whole. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "admin/metrics.h"
#include "base/clock.h"
#include "proxy/proxy.h"

/* ---- the node ---- */

enum { N_STARTED, N_READY, N_DRAINING, N_WORKERS, N_ALIVE, N_TRANSACTIONS, N_OVERLOAD, N_CONNECTIONS, N_REGIONS, N_REACHABLE, N_N };
static const struct metric node_metrics[N_N] = {
	[N_STARTED] = {"start_time_seconds", "gauge", "When the process started, in Unix time"},
	[N_READY] = {"ready", "gauge", "1 while this node should get calls"},
	[N_DRAINING] = {"draining", "gauge", "1 while new calls are refused"},
	[N_WORKERS] = {"workers", "gauge", "SIP workers"},
	[N_ALIVE] = {"workers_alive", "gauge", "SIP workers with a fresh heartbeat"},
	[N_TRANSACTIONS] = {"sip_transactions", "gauge", "SIP transactions under way"},
	[N_OVERLOAD] = {"overload_shed_ratio", "gauge", "Share of new calls turned away for overload, the worst worker's"},
	[N_CONNECTIONS] = {"sip_connections", "gauge", "TCP and TLS connections that are open"},
	[N_REGIONS] = {"regions", "gauge", "Regions configured"},
	[N_REACHABLE] = {"regions_reachable", "gauge", "Regions that are healthy and not in maintenance"},
};

static const struct metric build_metric = {"build_info", "gauge", "Always 1; what runs here is in the labels"};

static void write_build(struct jw *w, const struct admin_sources *sources)
{
	struct metrics set;
	struct metric_row *row;

	if (!metrics_init(&set, 1)) {
		w->bad = true;
		return;
	}
	row = metrics_add(&set);
	metrics_label(&set, "version", sources->version);
	metrics_label(&set, "node", sources->node_id);
	row->v[0] = 1;
	metrics_write(w, &build_metric, 1, &set);
}

static void write_node(struct jw *w, const struct admin_sources *sources)
{
	const struct proxy *proxy = sources->proxy;
	const char *reasons[ADMIN_REASONS_MAX];
	struct metrics set;
	struct metric_row *row;

	if (!metrics_init(&set, 1)) {
		w->bad = true;
		return;
	}
	row = metrics_add(&set);
	row->v[N_STARTED] = (double)sources->started_wall_us / CLOCK_SEC;
	row->v[N_READY] = sources->not_ready(sources->arg, reasons) == 0;
	row->v[N_DRAINING] = proxy_draining(proxy);
	row->v[N_WORKERS] = proxy_workers(proxy);
	row->v[N_ALIVE] = proxy_workers_alive(proxy);
	row->v[N_TRANSACTIONS] = proxy_transactions(proxy);
	row->v[N_OVERLOAD] = proxy_overload(proxy);
	row->v[N_CONNECTIONS] = proxy_connections(sources->proxy);
	row->v[N_REGIONS] = proxy_regions(proxy);
	row->v[N_REACHABLE] = proxy_regions_reachable(proxy);
	metrics_write(w, node_metrics, N_N, &set);
}

static void write_stats(struct jw *w, const struct proxy *proxy)
{
	uint64_t values[STATS_N];
	const char *last = "";

	proxy_stats(proxy, values);
	for (unsigned i = 0; i < STATS_N; i++) {
		const struct stats_name *s = &stats_names[i];
		if (strcmp(s->name, last) != 0)
			metrics_head(w, s->name, "counter", s->help);
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

static void region_row(struct metrics *set, const struct proxy *proxy, unsigned index)
{
	const struct policy_region_config *config = proxy_region_config(proxy, index);
	struct region_live *live = proxy_region_live(proxy, index);
	struct policy_region_facts facts;
	struct metric_row *row = metrics_add(set);

	if (!row)
		return;
	metrics_label(set, "region", config->name);
	region_facts(live, config, policy_table_tuning(proxy_policy(proxy)), clock_us(), &facts);
	row->v[R_HEALTHY] = facts.healthy;
	row->v[R_HOT] = atomic_load(&live->hot);
	row->v[R_SETUPS] = facts.setups;
	row->v[R_CALLS] = facts.calls;
	row->v[R_MAX_CALLS] = config->max_calls;
	row->v[R_CPS] = facts.cps;
	row->v[R_MAX_CPS] = config->max_cps;
	row->v[R_LATENCY] = metrics_seconds(facts.latency_us);
	row->v[R_RTT] = metrics_seconds(facts.rtt_us);
	row->v[R_ERRORS] = (double)facts.error_rate;
	row->v[R_WEIGHT] = facts.weight;
	row->v[R_RING] = metrics_seconds(facts.ring_us);
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
	struct metrics set;

	if (!metrics_init(&set, proxy_regions(proxy))) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		region_row(&set, proxy, i);
	metrics_write(w, region_metrics, R_N, &set);
}

static const struct metric state_metric = {
	"region_admin_state", "gauge", "1 for the state the operator put the region into, 0 for the others"
};

static void write_states(struct jw *w, const struct proxy *proxy)
{
	static const enum policy_admin states[] = {POLICY_READY, POLICY_DRAIN, POLICY_MAINT};
	struct metrics set;
	struct metric_row *row;

	if (!metrics_init(&set, proxy_regions(proxy) * 3)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		for (unsigned s = 0; s < 3 && (row = metrics_add(&set)); s++) {
			metrics_label(&set, "region", proxy_region_config(proxy, i)->name);
			metrics_label(&set, "state", policy_admin_str(states[s]));
			row->v[0] = atomic_load(&proxy_region_live(proxy, i)->admin) == (int)states[s];
		}
	metrics_write(w, &state_metric, 1, &set);
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

static void target_rows(struct metrics *set, const struct proxy *proxy, unsigned region)
{
	char address[ADDR_STR_LEN];
	struct proxy_target_status targets[PROXY_ADDRESSES_MAX];
	unsigned n = proxy_targets(proxy, region, targets, PROXY_ADDRESSES_MAX);

	for (unsigned i = 0; i < n && i < PROXY_ADDRESSES_MAX; i++) {
		struct metric_row *row = target_is_repeated(targets, i) ? NULL : metrics_add(set);
		if (!row)
			continue;
		metrics_label(set, "region", proxy_region_config(proxy, region)->name);
		metrics_label(set, "target", targets[i].uri);
		if (addr_family(&targets[i].address))
			metrics_label(set, "address", addr_str(&targets[i].address, address));
		row->v[T_HEALTHY] = targets[i].healthy;
		row->v[T_RESOLVED] = addr_family(&targets[i].address) != 0;
		row->v[T_RTT] = metrics_seconds(targets[i].rtt_us);
	}
}

static void write_targets(struct jw *w, const struct proxy *proxy)
{
	struct metrics set;

	if (!metrics_init(&set, proxy_regions(proxy) * PROXY_ADDRESSES_MAX)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < proxy_regions(proxy); i++)
		target_rows(&set, proxy, i);
	metrics_write(w, target_metrics, T_N, &set);
}

/* ---- trunks ---- */

enum { K_CALLS, K_MAX_CALLS, K_SETUPS, K_MAX_CPS, K_TOTAL, K_LIMITED, K_OVER_CALLS, K_OVER_CPS, K_N };
static const struct metric trunk_metrics[K_N] = {
	[K_CALLS] = {"trunk_calls", "gauge", "Established calls"},
	[K_MAX_CALLS] = {"trunk_max_calls", "gauge", "Limit of calls; 0 is none"},
	[K_SETUPS] = {"trunk_setups", "gauge", "Calls that have no final response yet"},
	[K_MAX_CPS] = {"trunk_max_cps", "gauge", "Limit of calls a second; 0 is none"},
	[K_TOTAL] = {"trunk_calls_total", "counter", "Calls since the start"},
	[K_LIMITED] = {"trunk_limited_total", "counter", "Calls refused because of max_calls or max_cps"},
	[K_OVER_CALLS] = {"trunk_over_max_calls_total", "counter", "Of these: because of max_calls"},
	[K_OVER_CPS] = {"trunk_over_max_cps_total", "counter", "Of these: because of max_cps"},
};

static void write_trunks(struct jw *w, const struct proxy *proxy)
{
	struct proxy_trunk_status t;
	struct metrics set;
	struct metric_row *row;

	if (!metrics_init(&set, proxy_trunks(proxy))) {
		w->bad = true;
		return;
	}
	while (set.n < set.max && (row = metrics_add(&set))) {
		proxy_trunk(proxy, set.n - 1, &t);
		metrics_label(&set, "trunk", t.name);
		row->v[K_CALLS] = t.calls;
		row->v[K_MAX_CALLS] = t.max_calls;
		row->v[K_SETUPS] = t.setups;
		row->v[K_MAX_CPS] = t.max_cps;
		row->v[K_TOTAL] = (double)t.calls_total;
		row->v[K_LIMITED] = (double)(t.over_calls + t.over_cps);
		row->v[K_OVER_CALLS] = (double)t.over_calls;
		row->v[K_OVER_CPS] = (double)t.over_cps;
	}
	metrics_write(w, trunk_metrics, K_N, &set);
}

/* ---- reload ---- */

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
	struct metrics figures, totals;
	struct metric_row *row;
	unsigned failing;
	uint64_t failures;

	sources->reloads(sources->arg, &r);
	if (!metrics_init(&figures, 1)) {
		w->bad = true;
		return;
	}
	if ((row = metrics_add(&figures))) {
		row->v[L_OK] = r.last_ok;
		row->v[L_TIME] = (double)r.last_wall_us / CLOCK_SEC;
		row->v[L_TABLES] = proxy_tables_held(sources->proxy);
		proxy_dns(sources->proxy, &failing, &failures);
		row->v[L_DNS] = failing;
		row->v[L_DNS_TOTAL] = (double)failures;
	}
	metrics_write(w, reload_metrics, L_N, &figures);
	if (!metrics_init(&totals, 2)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < 2 && (row = metrics_add(&totals)); i++) {
		metrics_label(&totals, "result", i ? "refused" : "ok");
		row->v[0] = (double)(i ? r.failed : r.ok);
	}
	metrics_write(w, &reloads_metric, 1, &totals);
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
		metrics_anycast(w, sources->anycast);
	if (sources->board)
		metrics_cluster(w, sources->board, sources->ended, sources->peer);
}
