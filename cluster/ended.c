/* Calls that ended elsewhere: see ended.h. */
#include "cluster/ended.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"

#define POLL_MS 200
#define POP_MAX 500                  /* messages a turn and server; a turn that was full is followed at once */
#define KEEP_S 60
#define TIMEOUT_US (2 * CLOCK_SEC)
#define REFUSALS_A_MINUTE 2
#define KEY_LEN (BOARD_PREFIX_LEN + RECORD_NAME_LEN + 16)

struct mailbox {
	struct ended *ended;
	unsigned index;
	bool asking;
};

struct ended {
	struct board *board;
	struct event *tick;
	ended_fn *fn;
	void *arg;
	char key[KEY_LEN];               /* our own list */
	struct mailbox boxes[BOARD_SERVERS_MAX];
	uint64_t seq;
	struct ended_counts counts;
	struct log_limit limit;
};

static void list_key(const struct ended *e, const char *node, char key[KEY_LEN])
{
	snprintf(key, KEY_LEN, "%s:ended:%s", board_config(e->board)->prefix, node);
}

/* ---- hearing ---- */

static void hear(struct ended *e, unsigned server, const redisReply *message)
{
	struct signed_text s;
	struct err err;
	uint64_t more;
	if (message->type != REDIS_REPLY_STRING)
		return;
	if (signed_decode(&board_config(e->board)->keys, e->key, message->str, message->len, &s, &err)) {
		e->counts.refused++;
		if (log_allowed(&e->limit, REFUSALS_A_MINUTE, &more))
			log_warn("cluster: %s on redis %s is refused: %s", e->key, board_config(e->board)->servers[server].text, err.text);
	} else if (s.len <= ENDED_CALL_MAX) {
		e->counts.heard++;
		e->fn(e->arg, s.body, s.len);
	}
}

static void ask(struct mailbox *b);

static void on_messages(void *arg, const struct redisReply *reply)
{
	struct mailbox *b = arg;
	b->asking = false;
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i < reply->elements; i++)
		hear(b->ended, b->index, reply->element[i]);
	if (reply->elements == POP_MAX)
		ask(b);
}

static void ask(struct mailbox *b)
{
	struct ended *e = b->ended;
	if (!b->asking)
		b->asking = !redis_command(board_redis(e->board, b->index), TIMEOUT_US, on_messages, b, "LPOP %s %d", e->key, POP_MAX);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ended *e = arg;
	(void)fd, (void)what;
	for (unsigned i = 0; i < board_servers(e->board); i++)
		ask(&e->boxes[i]);
}

/* ---- telling ---- */

static bool is_here(const struct board *board, const char *node)
{
	struct board_node n;
	return board_find(board, node, &n) && n.fresh;
}

void ended_tell(struct ended *e, const char *node, const char *call, size_t len)
{
	char key[KEY_LEN];
	struct jw w;
	if (len > ENDED_CALL_MAX || !is_here(e->board, node))
		return;
	list_key(e, node, key);
	jw_init(&w);
	if (!signed_encode(&board_config(e->board)->keys, key, ++e->seq, board_own(e->board)->epoch, call, len, &w)) {
		e->counts.told++;
		for (unsigned i = 0; i < board_servers(e->board); i++) {
			struct redis *r = board_redis(e->board, i);
			redis_command(r, TIMEOUT_US, NULL, NULL, "RPUSH %s %b", key, w.data, w.len);
			redis_command(r, TIMEOUT_US, NULL, NULL, "EXPIRE %s %d", key, KEEP_S);
		}
	}
	jw_free(&w);
}

/* ---- life ---- */

struct ended *ended_new(struct event_base *base, struct board *board, ended_fn *fn, void *arg)
{
	static const struct timeval interval = {.tv_usec = POLL_MS * 1000};
	struct ended *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->board = board;
	e->fn = fn;
	e->arg = arg;
	list_key(e, board_config(board)->node, e->key);
	for (unsigned i = 0; i < BOARD_SERVERS_MAX; i++)
		e->boxes[i] = (struct mailbox){.ended = e, .index = i};
	e->tick = event_new(base, -1, EV_PERSIST, on_tick, e);
	if (e->tick && !event_add(e->tick, &interval))
		return e;
	ended_free(e);
	return NULL;
}

void ended_free(struct ended *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < board_servers(e->board); i++)
		redis_forget(board_redis(e->board, i), &e->boxes[i]);
	if (e->tick)
		event_free(e->tick);
	free(e);
}

void ended_counts(const struct ended *e, struct ended_counts *out) { *out = e->counts; }
