/* The fleet's blackboard: each node writes its own record to every Redis server several times a second, with a time
 * to live, and reads the others'. A record has one writer, so that what several servers say is merged by its number
 * and no server is asked for consent. How fresh a node is tells the time its last news came here, by this clock.
 *
 * Any server may be gone; when all are, the board says so, what it knew grows old and is gone in seconds, and it is
 * back by itself. Keys, under the prefix: `node:ID` (a record), `nodes` (a set of IDs). The thread of its loop; what
 * says so, any thread. */
#ifndef CLUSTER_BOARD_H
#define CLUSTER_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/record.h"
#include "cluster/redis.h"

#define BOARD_SERVERS_MAX 5
#define BOARD_NODES_MAX 128
#define BOARD_PREFIX_LEN 64

struct event_base;
struct board;

struct board_config {
	char node[RECORD_NAME_LEN];
	char prefix[BOARD_PREFIX_LEN];   /* of all keys, such as "tandem" */
	struct redis_server servers[BOARD_SERVERS_MAX];
	unsigned n_servers;
	struct cluster_keys keys;
	uint32_t interval_ms;            /* between writings */
	uint32_t ttl_ms;                 /* of a record in Redis */
	uint32_t fresh_ms;               /* without news for so long: the node is gone */
};

struct board_hooks {
	/* What this node says of itself; epoch, seq, node, keyid and wall_us are the board's. */
	void (*fill)(void *arg, struct node_record *own);
	/* After each round: what is known may have changed. May be NULL. */
	void (*round)(void *arg);
	void *arg;
};

/* `config` is copied. NULL without memory. */
struct board *board_new(struct event_base *base, const struct board_config *config, const struct board_hooks *hooks);
/* This node's record goes when its time to live is over. NULL does nothing. */
void board_free(struct board *board);

/* One node as it is known here. */
struct board_node {
	const struct node_record *record;  /* until the next turn of the loop */
	int64_t arrived_us;              /* clock_us() of its last news */
	int64_t clock_off_us;            /* its wall clock less ours, as it was then */
	unsigned servers;                /* a bit for each server that has it */
	bool fresh;
};
unsigned board_nodes(const struct board *board);   /* others, fresh or not */
void board_node(const struct board *board, unsigned index, struct board_node *out);
/* Another node by its name; false: nothing is known of it. */
bool board_find(const struct board *board, const char *node, struct board_node *out);

/* Reading works: at least one server answered within fresh_ms. */
bool board_works(const struct board *board);
/* How many of the others are fresh. */
unsigned board_fresh(const struct board *board);

unsigned board_servers(const struct board *board);
struct redis *board_redis(struct board *board, unsigned index);
const struct redis *board_server(const struct board *board, unsigned index);

struct board_counts {
	uint64_t rounds, written, read, refused;  /* rounds begun; records */
	uint64_t bytes_written, bytes_read;       /* of records, over all servers */
	uint64_t doubles;                /* rounds in which another process wrote under our name */
	uint32_t record_bytes;           /* of our last record */
};
void board_counts(const struct board *board, struct board_counts *out);
const struct board_config *board_config(const struct board *board);
/* What this node wrote last; zeroed before the first round. */
const struct node_record *board_own(const struct board *board);

/* ---- inside; for tests, on a settable clock ---- */

/* What server `server` has under the node's key; NULL: nothing. */
void board_take(struct board *board, unsigned server, const char *node, const char *text, size_t len);

#endif
