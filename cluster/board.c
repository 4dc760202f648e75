/* The blackboard: see board.h.
 *
 * A round, every interval, is one pipeline to each server that is ready: SET of our record, SADD of our name, SMEMBERS,
 * and MGET of the names known so far; a name that is new is read in the next round. So a round costs one round trip and
 * no server waits for another.
 *
 * Names come from whoever may write to Redis: only names that can be a node's are taken, and only so many. A seat is
 * kept for a while after its node is gone, with the number of its last record: an old record put back in does not
 * raise the dead. */
#include "cluster/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"

#define FORGET_US (600 * CLOCK_SEC)  /* a node that has been gone so long leaves its seat */
#define CLOCK_OFF_US (60 * CLOCK_SEC)
#define REFUSALS_A_MINUTE 5
#define OWN_ROUNDS 8
#define KEY_LEN (BOARD_PREFIX_LEN + RECORD_NAME_LEN + 16)

struct seat {
	struct node_record record;
	bool heard;                      /* `record` is one; else only the name is known */
	bool was_fresh, clock_told;
	int64_t arrived_us, named_us, clock_off_us;
	unsigned servers;
};

struct link {
	struct board *board;
	unsigned index;
	struct redis *redis;
	int64_t read_us;                 /* the last MGET of all names that was answered; 0: none */
	unsigned n_asked;
	char (*asked)[RECORD_NAME_LEN];  /* names of the MGET under way, BOARD_NODES_MAX */
	bool asking;
	bool named, asked_all;           /* SMEMBERS was answered on this connection; ... before that MGET was sent */
};

struct board {
	struct board_config config;
	struct board_hooks hooks;
	struct event *tick;
	struct link links[BOARD_SERVERS_MAX];
	struct seat *seats[BOARD_NODES_MAX];
	unsigned n_seats;
	struct node_record own;
	struct jw text;
	struct board_counts counts;
	struct log_limit limit;
	bool worked, full_told, double_told;
};

static int64_t fresh_us(const struct board *b) { return b->config.fresh_ms * CLOCK_MS; }

static void node_key(const struct board *b, const char *node, char key[KEY_LEN])
{
	snprintf(key, KEY_LEN, "%s:node:%s", b->config.prefix, node);
}

/* ---- seats ---- */

static struct seat *seat_find(struct board *b, const char *node)
{
	for (unsigned i = 0; i < b->n_seats; i++)
		if (!strcmp(b->seats[i]->record.node, node))
			return b->seats[i];
	return NULL;
}

static bool seat_fresh(const struct board *b, const struct seat *s)
{
	return s->heard && clock_us() - s->arrived_us <= fresh_us(b);
}

/* As the configuration takes names. */
static bool is_name(const char *text, size_t len)
{
	if (!len || len >= RECORD_NAME_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", text[i]) || !text[i])
			return false;
	return true;
}

static struct seat *seat_of(struct board *b, const char *node)
{
	struct seat *s = seat_find(b, node);
	if (s)
		return s;
	if (b->n_seats == BOARD_NODES_MAX || !(s = calloc(1, sizeof *s))) {
		if (!b->full_told)
			log_warn("cluster: more than %d nodes under %s:nodes: the others are passed over", BOARD_NODES_MAX,
			         b->config.prefix);
		b->full_told = true;
		return NULL;
	}
	snprintf(s->record.node, sizeof s->record.node, "%s", node);
	b->seats[b->n_seats++] = s;
	return s;
}

/* A name that nobody writes under any more is taken out of the set, by whoever sees it. */
static void seat_forget(struct board *b, unsigned i)
{
	struct seat *s = b->seats[i];
	for (unsigned k = 0; k < b->config.n_servers; k++)
		redis_command(b->links[k].redis, fresh_us(b), NULL, NULL, "SREM %s:nodes %s", b->config.prefix, s->record.node);
	b->seats[i] = b->seats[--b->n_seats];
	free(s);
	b->full_told = false;
}

static void seats_judge(struct board *b)
{
	int64_t now = clock_us();
	for (unsigned i = 0; i < b->n_seats; i++) {
		struct seat *s = b->seats[i];
		bool fresh = seat_fresh(b, s);
		if (fresh != s->was_fresh)
			log_printf(fresh ? LL_INFO : LL_WARN, "cluster: node %s is %s", s->record.node,
			           fresh ? "here" : "gone: no news of it");
		s->was_fresh = fresh;
		if (now - (s->arrived_us > s->named_us ? s->arrived_us : s->named_us) > FORGET_US)
			seat_forget(b, i--);
	}
}

/* ---- reading ---- */

static void refuse(struct board *b, unsigned server, const char *key, const char *why)
{
	uint64_t more;
	b->counts.refused++;
	if (log_allowed(&b->limit, REFUSALS_A_MINUTE, &more))
		log_warn("cluster: %s on redis %s is refused: %s (%llu more were)", key, b->config.servers[server].text, why,
		         (unsigned long long)more);
}

static void judge_clock(struct seat *s)
{
	bool off = s->clock_off_us > CLOCK_OFF_US || s->clock_off_us < -CLOCK_OFF_US;
	if (off && !s->clock_told)
		log_warn("cluster: the clock of node %s is %lld s %s ours: set both by NTP; nothing here goes by it",
		         s->record.node, (long long)llabs(s->clock_off_us) / CLOCK_SEC, s->clock_off_us > 0 ? "ahead of" : "behind");
	s->clock_told = off;
}

/* Our own key: another life of ours, or another process under our name. */
static void take_own(struct board *b, const struct node_record *r)
{
	if (r->epoch <= b->own.epoch)
		return;
	b->own.epoch = r->epoch + 1;
	b->own.seq = 0;
	/* what the life before left there is overwritten within a round: one that comes later is alive */
	if (b->counts.rounds < OWN_ROUNDS)
		return;
	b->counts.doubles++;
	if (!b->double_told)
		log_error("cluster: another process writes as node %s: node.id has to be another on every node", b->config.node);
	b->double_told = true;
}

void board_take(struct board *b, unsigned server, const char *node, const char *text, size_t len)
{
	char key[KEY_LEN];
	struct node_record r;
	struct err err;
	struct seat *s = seat_find(b, node);
	if (!text) {
		if (s)
			s->servers &= ~(1u << server);
		return;
	}
	node_key(b, node, key);
	b->counts.read++;
	b->counts.bytes_read += len;
	if (record_decode(&b->config.keys, key, node, text, len, &r, &err)) {
		refuse(b, server, key, err.text);
		return;
	}
	if (!strcmp(node, b->config.node)) {
		take_own(b, &r);
		return;
	}
	if (!s && !(s = seat_of(b, node)))
		return;
	s->servers |= 1u << server;
	if (s->heard && !record_newer(&r, &s->record))
		return;
	s->record = r;
	s->heard = true;
	s->arrived_us = clock_us();
	s->clock_off_us = r.wall_us - clock_wall_us();
	judge_clock(s);
}

static void on_records(void *arg, const struct redisReply *reply)
{
	struct link *l = arg;
	l->asking = false;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != l->n_asked)
		return;
	if (l->asked_all)  /* else it may lack nodes that are there */
		l->read_us = clock_us();
	for (unsigned i = 0; i < l->n_asked; i++) {
		const redisReply *e = reply->element[i];
		bool there = e->type == REDIS_REPLY_STRING;
		board_take(l->board, l->index, l->asked[i], there ? e->str : NULL, there ? e->len : 0);
	}
	seats_judge(l->board);
	if (l->board->hooks.round)
		l->board->hooks.round(l->board->hooks.arg);
}

static void on_names(void *arg, const struct redisReply *reply)
{
	struct link *l = arg;
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return;
	l->named = true;
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *e = reply->element[i];
		if (e->type != REDIS_REPLY_STRING || !is_name(e->str, e->len) || !strcmp(e->str, l->board->config.node))
			continue;
		struct seat *s = seat_of(l->board, e->str);
		if (!s)
			return;
		if (!s->named_us)
			s->named_us = clock_us();
	}
}

/* ---- a round ---- */

static void write_own(struct board *b)
{
	struct node_record *own = &b->own;
	char key[KEY_LEN];
	uint64_t epoch = own->epoch, seq = own->seq + 1;
	memset(own, 0, sizeof *own);
	b->hooks.fill(b->hooks.arg, own);
	snprintf(own->node, sizeof own->node, "%s", b->config.node);
	own->epoch = epoch;
	own->seq = seq;
	own->wall_us = clock_wall_us();
	node_key(b, b->config.node, key);
	jw_reset(&b->text);
	if (record_encode(&b->config.keys, key, own, &b->text))
		jw_reset(&b->text);
	b->counts.record_bytes = (uint32_t)b->text.len;
}

static void ask_records(struct link *l, int64_t timeout_us)
{
	const char *argv[BOARD_NODES_MAX + 2] = {"MGET"};
	char (*keys)[KEY_LEN] = calloc(BOARD_NODES_MAX + 1, KEY_LEN);
	struct board *b = l->board;
	if (!keys)
		return;
	l->n_asked = 0;
	l->asked_all = l->named;
	for (unsigned i = 0; i <= b->n_seats; i++) {
		const char *node = i < b->n_seats ? b->seats[i]->record.node : b->config.node;
		snprintf(l->asked[l->n_asked], RECORD_NAME_LEN, "%s", node);
		node_key(b, node, keys[l->n_asked]);
		argv[l->n_asked + 1] = keys[l->n_asked];
		l->n_asked++;
	}
	l->asking = redis_command_argv(l->redis, timeout_us, on_records, l, (int)l->n_asked + 1, argv, NULL) == 0;
	free(keys);
}

/* What others wrote is read before our own is: a record of another life is seen before it is overwritten. */
static void link_round(struct link *l)
{
	struct board *b = l->board;
	const struct board_config *c = &b->config;
	int64_t timeout_us = fresh_us(b);
	char key[KEY_LEN];
	if (l->asking || !redis_ready(l->redis))
		return;
	ask_records(l, timeout_us);
	node_key(b, c->node, key);
	if (!b->text.len)
		return;
	if (!redis_command(l->redis, timeout_us, NULL, NULL, "SET %s %b PX %u", key, b->text.data, b->text.len, c->ttl_ms)) {
		b->counts.written++;
		b->counts.bytes_written += b->text.len;
	}
	redis_command(l->redis, timeout_us, NULL, NULL, "SADD %s:nodes %s", c->prefix, c->node);
	redis_command(l->redis, timeout_us, on_names, l, "SMEMBERS %s:nodes", c->prefix);
}

static void tell_works(struct board *b)
{
	bool works = board_works(b);
	if (works == b->worked)
		return;
	b->worked = works;
	if (works)
		log_info("cluster: the blackboard is read");
	else
		log_warn("cluster: no Redis server answers: this node decides by its own figures");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct board *b = arg;
	(void)fd, (void)what;
	b->counts.rounds++;
	write_own(b);
	for (unsigned i = 0; i < b->config.n_servers; i++)
		link_round(&b->links[i]);
	seats_judge(b);
	tell_works(b);
	if (b->hooks.round)
		b->hooks.round(b->hooks.arg);
}

/* ---- life ---- */

static void on_ready(void *arg, bool ready)
{
	struct link *l = arg;
	l->asking = l->named = false;
	if (ready && l->board->text.len)
		link_round(l);
}

static bool link_start(struct board *b, unsigned i, struct event_base *base)
{
	struct link *l = &b->links[i];
	static const struct redis_timing timing = {0};
	l->board = b;
	l->index = i;
	l->asked = calloc(BOARD_NODES_MAX + 1, RECORD_NAME_LEN);
	l->redis = l->asked ? redis_new(base, &b->config.servers[i], &timing, on_ready, l) : NULL;
	return l->redis;
}

struct board *board_new(struct event_base *base, const struct board_config *config, const struct board_hooks *hooks)
{
	struct board *b = calloc(1, sizeof *b);
	struct timeval interval = {.tv_sec = config->interval_ms / 1000, .tv_usec = config->interval_ms % 1000 * 1000};
	if (!b)
		return NULL;
	b->config = *config;
	b->hooks = *hooks;
	jw_init(&b->text);
	b->own.epoch = (uint64_t)clock_wall_us();
	b->tick = event_new(base, -1, EV_PERSIST, on_tick, b);
	bool ok = b->tick && !event_add(b->tick, &interval);
	for (unsigned i = 0; ok && i < config->n_servers; i++)
		ok = link_start(b, i, base);
	if (!ok) {
		board_free(b);
		return NULL;
	}
	event_active(b->tick, EV_TIMEOUT, 1);
	return b;
}

void board_free(struct board *b)
{
	if (!b)
		return;
	if (b->tick)
		event_free(b->tick);
	for (unsigned i = 0; i < BOARD_SERVERS_MAX; i++) {
		if (b->links[i].redis)
			redis_free(b->links[i].redis);
		free(b->links[i].asked);
	}
	for (unsigned i = 0; i < b->n_seats; i++)
		free(b->seats[i]);
	jw_free(&b->text);
	explicit_bzero(b, sizeof *b);
	free(b);
}

/* ---- what is known ---- */

unsigned board_nodes(const struct board *b) { return b->n_seats; }

void board_node(const struct board *b, unsigned index, struct board_node *out)
{
	const struct seat *s = b->seats[index];
	*out = (struct board_node){
		.record = &s->record, .arrived_us = s->arrived_us, .clock_off_us = s->clock_off_us, .servers = s->servers,
		.fresh = seat_fresh(b, s),
	};
}

bool board_find(const struct board *b, const char *node, struct board_node *out)
{
	for (unsigned i = 0; i < b->n_seats; i++)
		if (!strcmp(b->seats[i]->record.node, node)) {
			board_node(b, i, out);
			return true;
		}
	return false;
}

bool board_works(const struct board *b)
{
	for (unsigned i = 0; i < b->config.n_servers; i++)
		if (b->links[i].read_us && clock_us() - b->links[i].read_us <= fresh_us(b))
			return true;
	return false;
}

unsigned board_fresh(const struct board *b)
{
	unsigned n = 0;
	for (unsigned i = 0; i < b->n_seats; i++)
		n += seat_fresh(b, b->seats[i]);
	return n;
}

unsigned board_servers(const struct board *b) { return b->config.n_servers; }
struct redis *board_redis(struct board *b, unsigned index) { return b->links[index].redis; }
const struct redis *board_server(const struct board *b, unsigned index) { return b->links[index].redis; }
void board_counts(const struct board *b, struct board_counts *out) { *out = b->counts; }
const struct board_config *board_config(const struct board *b) { return &b->config; }
const struct node_record *board_own(const struct board *b) { return &b->own; }
