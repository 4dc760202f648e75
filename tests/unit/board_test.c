/* cluster/board on a settable clock, without servers: what is read is merged by its number, goes by the time it came,
 * and what somebody else wrote is refused. */
#include "cluster/board.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

#define SECRET "a secret of the whole fleet"
#define T0 (1000 * CLOCK_SEC)
#define WALL0 (1700000000 * CLOCK_SEC)

struct rig { struct event_base *base; struct board_config config; struct board *board; };

static void fill(void *arg, struct node_record *own) { (void)arg, (void)own; }

static void rig_start(struct rig *r)
{
	static const struct board_hooks hooks = {.fill = fill};
	clock_test_set(T0, WALL0);
	log_set_level(LL_ERROR);
	memset(r, 0, sizeof *r);
	r->config = (struct board_config){.node = "self", .prefix = "tandem", .interval_ms = 250, .ttl_ms = 3000, .fresh_ms = 1500};
	cluster_keys_add(&r->config.keys, (const uint8_t *)SECRET, strlen(SECRET));
	r->base = event_base_new();
	r->board = board_new(r->base, &r->config, &hooks);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->board);
}

static void rig_stop(struct rig *r)
{
	board_free(r->board);
	event_base_free(r->base);
}

static void hand(struct rig *r, unsigned server, const char *node, uint64_t epoch, uint64_t seq, uint32_t calls, int64_t wall)
{
	struct node_record n = {.epoch = epoch, .seq = seq, .wall_us = wall, .n_regions = 1, .regions = {{.name = "a", .calls = calls}}};
	char key[128];
	struct jw w;
	snprintf(n.node, sizeof n.node, "%s", node);
	snprintf(key, sizeof key, "tandem:node:%s", node);
	jw_init(&w);
	CU_ASSERT_EQUAL(record_encode(&r->config.keys, key, &n, &w), 0);
	board_take(r->board, server, node, w.data, w.len);
	jw_free(&w);
}

static struct board_node only(struct rig *r)
{
	struct board_node n = {.record = NULL};
	CU_ASSERT_EQUAL_FATAL(board_nodes(r->board), 1);
	board_node(r->board, 0, &n);
	return n;
}

static void test_merge(void)
{
	struct rig r;
	rig_start(&r);
	hand(&r, 0, "x", 5, 10, 100, WALL0);
	hand(&r, 1, "x", 5, 9, 90, WALL0);
	CU_ASSERT_EQUAL(only(&r).record->regions[0].calls, 100);
	CU_ASSERT_EQUAL(only(&r).servers, 3);
	hand(&r, 1, "x", 5, 11, 110, WALL0);
	CU_ASSERT_EQUAL(only(&r).record->regions[0].calls, 110);
	hand(&r, 1, "x", 6, 1, 1, WALL0);         /* it was started anew */
	CU_ASSERT_EQUAL(only(&r).record->regions[0].calls, 1);
	hand(&r, 0, "x", 5, 99, 100, WALL0);
	CU_ASSERT_EQUAL(only(&r).record->regions[0].calls, 1);
	board_take(r.board, 0, "x", NULL, 0);
	CU_ASSERT_EQUAL(only(&r).servers, 2);
	rig_stop(&r);
}

/* Fresh by the arrival of news: an old record read again, or put back later, is none. */
static void test_fresh(void)
{
	struct rig r;
	rig_start(&r);
	hand(&r, 0, "x", 5, 10, 100, WALL0);
	CU_ASSERT(only(&r).fresh);
	CU_ASSERT_EQUAL(board_fresh(r.board), 1);
	clock_test_advance(1500 * CLOCK_MS);
	hand(&r, 0, "x", 5, 10, 100, WALL0);
	CU_ASSERT(only(&r).fresh);
	clock_test_advance(1);
	CU_ASSERT(!only(&r).fresh);
	CU_ASSERT_EQUAL(board_fresh(r.board), 0);
	hand(&r, 0, "x", 5, 10, 100, WALL0);
	hand(&r, 0, "x", 4, 99, 100, WALL0);
	CU_ASSERT(!only(&r).fresh);
	hand(&r, 0, "x", 5, 11, 100, WALL0);
	CU_ASSERT(only(&r).fresh);
	rig_stop(&r);
}

/* Clocks minutes apart are told and change nothing. */
static void test_clocks(void)
{
	struct rig r;
	rig_start(&r);
	log_set_level(LL_ERROR);
	hand(&r, 0, "x", 5, 1, 100, WALL0 + 600 * CLOCK_SEC);
	CU_ASSERT_EQUAL(only(&r).clock_off_us, 600 * CLOCK_SEC);
	CU_ASSERT(only(&r).fresh);
	clock_test_advance(2 * CLOCK_SEC);
	CU_ASSERT(!only(&r).fresh);
	rig_stop(&r);
}

static void test_refused(void)
{
	struct rig r;
	struct board_counts c;
	static const char text[] = "tandem1 1 1 00000000 00\n{}";
	rig_start(&r);
	board_take(r.board, 0, "x", text, sizeof text - 1);
	board_take(r.board, 0, "x", "junk", 4);
	CU_ASSERT_EQUAL(board_nodes(r.board), 0);
	board_counts(r.board, &c);
	CU_ASSERT_EQUAL(c.refused, 2);
	CU_ASSERT_EQUAL(c.read, 2);
	CU_ASSERT(!board_works(r.board));
	rig_stop(&r);
}

/* No more nodes than there are seats for, whatever is written. */
static void test_bound(void)
{
	struct rig r;
	char name[16];
	rig_start(&r);
	for (unsigned i = 0; i < BOARD_NODES_MAX + 50; i++) {
		snprintf(name, sizeof name, "n%u", i);
		hand(&r, 0, name, 5, 1, 1, WALL0);
	}
	CU_ASSERT_EQUAL(board_nodes(r.board), BOARD_NODES_MAX);
	CU_ASSERT_EQUAL(board_fresh(r.board), BOARD_NODES_MAX);
	rig_stop(&r);
}

/* Our own name is no other node; a record of ours from a later life moves us beyond it. */
static void test_own(void)
{
	struct rig r;
	struct board_counts c;
	rig_start(&r);
	hand(&r, 0, "self", 1, 1, 1, WALL0);
	hand(&r, 0, "self", (uint64_t)WALL0 + 100, 1, 1, WALL0);
	CU_ASSERT_EQUAL(board_nodes(r.board), 0);
	board_counts(r.board, &c);
	CU_ASSERT_EQUAL(c.doubles, 0);
	rig_stop(&r);
}

UNIT_MAIN("board", {"merged by number", test_merge}, {"fresh by arrival", test_fresh}, {"clocks apart", test_clocks},
          {"refused", test_refused}, {"bounded", test_bound}, {"our own name", test_own})
