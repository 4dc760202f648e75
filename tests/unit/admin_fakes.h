/* The rooms that admin/ reads, played for its unit tests: a node with two regions, three targets, two
 * trunks, one prefix and two peers, whose state a test sets. */
#ifndef TESTS_ADMIN_FAKES_H
#define TESTS_ADMIN_FAKES_H

#include <stdbool.h>

#include "admin/admin.h"
#include "anycast/anycast.h"
#include "cluster/board.h"
#include "cluster/document.h"
#include "proxy/proxy.h"

#define FAKE_REGIONS 2
#define FAKE_TRUNKS_MAX 4096

struct proxy {
	struct policy_table *table;
	struct region_live live[FAKE_REGIONS];
	struct proxy_target_status targets[FAKE_REGIONS][2];
	unsigned n_targets[FAKE_REGIONS];
	struct proxy_trunk_status trunks[FAKE_TRUNKS_MAX];
	unsigned n_trunks;
	unsigned workers_alive;
	bool draining;
};

struct anycast {
	struct anycast_status status;
	unsigned orders;                        /* how many were given, and the last: */
	enum policy_route_order order;
	bool all;
	struct prefix prefix;
	char who[96];
};

struct fakes {
	struct proxy proxy;
	struct anycast anycast;
	const char *reasons[ADMIN_REASONS_MAX]; /* why not ready */
	unsigned n_reasons;
	bool draining, stopping;                /* what drain() makes of it */
	char drained_by[64];
	const char *reload_lines;               /* what is wrong with the file; NULL: nothing */
	int config_error;                       /* what config_text returns, 0 for the text */
	struct event_base *base;                /* of the board, which is the real one, without servers; ord-1 is there too */
	struct board *board;
	struct document *document;
	char fleet_changed[128];                /* the last change asked for */
	struct admin_sources sources;           /* over all of these */
};

/* A healthy node, at 2026-01-31T12:00:00Z by the test clock, up for an hour; freed by fakes_free(). */
struct fakes *fakes_new(void);
void fakes_free(struct fakes *fakes);

#endif
