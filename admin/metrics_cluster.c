/* /metrics: the fleet and its Redis servers. */
#include "admin/metrics.h"
#include "cluster/board.h"
#include "cluster/ended.h"
#include "cluster/peer.h"

enum { B_WORKS, B_PRESENT, B_REFUSED, B_WRITTEN, B_READ, B_DOUBLES, B_FLEET, B_FLEET_REFUSED, B_TOLD, B_HEARD,
       B_HANDED, B_TAKEN, B_PEER_REFUSED, B_N };
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
	[B_HANDED] = {"cluster_handed_total", "counter", "Messages handed to the node that owns their transaction"},
	[B_TAKEN] = {"cluster_taken_total", "counter", "Messages that other nodes handed over"},
	[B_PEER_REFUSED] = {"cluster_datagrams_refused_total", "counter",
	                    "Datagrams at cluster.port that no node sent, altered, old, or come twice"},
};
enum { S_READY, S_LATENCY, S_COMMANDS, S_LATE, S_LOST, S_N };
static const struct metric redis_metrics[S_N] = {
	[S_READY] = {"redis_ready", "gauge", "1 while the Redis server is connected and answers"},
	[S_LATENCY] = {"redis_latency_seconds", "gauge", "Of its last reply"},
	[S_COMMANDS] = {"redis_commands_total", "counter", "Commands sent to it"},
	[S_LATE] = {"redis_late_total", "counter", "Commands that it did not answer in time"},
	[S_LOST] = {"redis_lost_connections_total", "counter", "Connections to it that were lost"},
};

static void redis_row(struct metrics *set, const struct redis *redis)
{
	struct redis_status s;
	struct metric_row *row = metrics_add(set);

	if (!row)
		return;
	redis_status(redis, &s);
	metrics_label(set, "server", redis_server(redis)->text);
	row->v[S_READY] = s.state == REDIS_READY;
	row->v[S_LATENCY] = metrics_seconds(s.latency_us);
	row->v[S_COMMANDS] = (double)s.commands;
	row->v[S_LATE] = (double)s.late;
	row->v[S_LOST] = (double)s.lost;
}

void metrics_cluster(struct jw *w, const struct board *board, const struct ended *ended, const struct peer *peer)
{
	struct board_counts counts;
	struct ended_counts ends = {.told = 0};
	struct peer_counts handed = {.handed = 0};
	struct metrics figures, servers;
	struct metric_row *row;

	board_counts(board, &counts);
	if (ended)
		ended_counts(ended, &ends);
	if (peer)
		peer_counts(peer, &handed);
	if (!metrics_init(&figures, 1)) {
		w->bad = true;
		return;
	}
	if ((row = metrics_add(&figures))) {
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
		row->v[B_HANDED] = (double)handed.handed;
		row->v[B_TAKEN] = (double)handed.taken;
		row->v[B_PEER_REFUSED] = (double)handed.refused;
	}
	metrics_write(w, board_metrics, B_N, &figures);
	if (!metrics_init(&servers, board_servers(board))) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < board_servers(board); i++)
		redis_row(&servers, board_server(board, i));
	metrics_write(w, redis_metrics, S_N, &servers);
}
