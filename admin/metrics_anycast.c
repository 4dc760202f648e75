/* /metrics: BGP peers, BFD and prefixes. */
#include <math.h>

#include "admin/metrics.h"
#include "anycast/anycast.h"
#include "base/clock.h"

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
static void peer_row_bfd(struct metric_row *row, const struct anycast_bfd_status *b)
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

static void peer_row(struct metrics *set, const struct anycast_peer_status *p)
{
	struct metric_row *row = metrics_add(set);

	if (!row)
		return;
	metrics_label(set, "peer", p->name);
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

static void prefix_row(struct metrics *set, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];
	struct metric_row *row = metrics_add(set);

	if (!row)
		return;
	metrics_label(set, "prefix", prefix_str(&p->prefix, buf));
	row->v[X_ANNOUNCED] = p->peers_announced > 0;
	row->v[X_DEGRADED] = p->action == POLICY_ROUTE_DEGRADE || p->action == POLICY_ROUTE_DRAIN;
	row->v[X_PEERS] = p->peers_announced;
	row->v[X_ADDRESS] = p->address_present;
	row->v[X_ORDER] = p->order == POLICY_ORDER_WITHDRAW;
	row->v[X_CHANGES] = (double)p->changes;
}

static void route_row(struct metrics *set, const struct anycast_prefix_status *p)
{
	char buf[ADDR_STR_LEN];
	struct metric_row *row = metrics_add(set);

	if (!row)
		return;
	metrics_label(set, "prefix", prefix_str(&p->prefix, buf));
	metrics_label(set, "action", policy_route_action_str(p->action));
	metrics_label(set, "reason", p->reason ? p->reason : "");
	row->v[0] = 1;
}

static void write_prefixes(struct jw *w, const struct anycast_status *status)
{
	struct metrics prefixes, routes;
	bool ok = metrics_init(&prefixes, status->n_prefixes);

	if (!metrics_init(&routes, status->n_prefixes) || !ok) {
		metrics_free(&prefixes);
		metrics_free(&routes);
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < status->n_prefixes; i++) {
		prefix_row(&prefixes, &status->prefixes[i]);
		route_row(&routes, &status->prefixes[i]);
	}
	metrics_write(w, prefix_metrics, X_N, &prefixes);
	metrics_write(w, &route_metric, 1, &routes);
}

void metrics_anycast(struct jw *w, struct anycast *anycast)
{
	struct anycast_status status;
	struct metrics peers;

	anycast_status(anycast, &status);
	if (!metrics_init(&peers, status.n_peers)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < status.n_peers; i++)
		peer_row(&peers, &status.peers[i]);
	metrics_write(w, peer_metrics, P_N, &peers);
	write_prefixes(w, &status);
}
