/* The fleet's document: see document.h. What a server has is kept as it was read, so that it can be the "compare" of
 * the next "set"; the script is what makes the two one step. */
#include "cluster/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"

#define READ_MS 500
#define TIMEOUT_US (2 * CLOCK_SEC)
#define REFUSALS_A_MINUTE 2
#define KEY_LEN (BOARD_PREFIX_LEN + 16)

/* 1, or what is there instead. */
static const char swap[] = "local v = redis.call('GET', KEYS[1]) or '' if v ~= ARGV[1] then return v end "
                           "redis.call('SET', KEYS[1], ARGV[2]) return 1";

struct text { char *data; size_t len; };

struct copy {
	struct document *document;
	unsigned index;
	struct text text;                /* as the server has it */
	bool known, busy;
	bool foreign;                    /* what is there is not ours to judge: it stays, until an operator asks for a change */
};

struct document {
	struct board *board;
	struct document_hooks hooks;
	struct event *tick;
	char key[KEY_LEN];
	struct copy copies[BOARD_SERVERS_MAX];
	struct text newest;              /* signed */
	uint64_t revision, stamp;
	char *body;
	struct copy *asked;              /* a change is under way there */
	uint64_t asked_revision;
	struct log_limit limit;
};

static bool text_set(struct text *t, const char *data, size_t len)
{
	char *copy = malloc(len + 1);
	if (!copy)
		return false;
	memcpy(copy, data, len);
	copy[len] = 0;
	free(t->data);
	*t = (struct text){copy, len};
	return true;
}

static void refuse(struct copy *c, const char *why)
{
	uint64_t more;
	if (log_allowed(&c->document->limit, REFUSALS_A_MINUTE, &more))
		log_warn("cluster: %s on redis %s is refused: %s", c->document->key,
		         board_config(c->document->board)->servers[c->index].text, why);
}

/* ---- what a server has ---- */

static void take_newer(struct document *d, const struct signed_text *s, const char *data, size_t len)
{
	struct text body = {NULL, 0};
	if (s->seq < d->revision || (s->seq == d->revision && s->epoch <= d->stamp))
		return;
	if (!text_set(&body, s->body, s->len) || !text_set(&d->newest, data, len)) {
		free(body.data);
		return;
	}
	free(d->body);
	d->body = body.data;
	d->revision = s->seq;
	d->stamp = s->epoch;
	d->hooks.changed(d->hooks.arg, d->revision, d->body, body.len);
}

static void take(struct copy *c, const char *data, size_t len)
{
	struct document *d = c->document;
	struct signed_text s;
	struct err err;
	if (!c->known || c->text.len != len || memcmp(c->text.data, data, len) != 0)
		c->known = text_set(&c->text, data, len);
	c->foreign = false;
	if (!len)
		return;
	c->foreign = signed_decode(&board_config(d->board)->keys, d->key, data, len, &s, &err) != 0;
	if (c->foreign)
		refuse(c, err.text);
	else
		take_newer(d, &s, data, len);
}

static void on_read(void *arg, const struct redisReply *reply);

static void read_copy(struct copy *c)
{
	struct document *d = c->document;
	if (!c->busy)
		c->busy = !redis_command(board_redis(d->board, c->index), TIMEOUT_US, on_read, c, "GET %s", d->key);
}

static void on_swapped(void *arg, const struct redisReply *reply)
{
	struct copy *c = arg;
	struct document *d = c->document;
	bool asked = d->asked == c, there = reply && reply->type == REDIS_REPLY_STRING;
	c->busy = false;
	c->known = false;  /* read again before the next one */
	if (asked)
		d->asked = NULL;
	if (there)
		take(c, reply->str, reply->len);
	else if (reply && reply->type == REDIS_REPLY_ERROR)
		refuse(c, reply->str);
	if (asked && (!reply || reply->type != REDIS_REPLY_INTEGER))
		d->hooks.failed(d->hooks.arg, d->asked_revision, there ? "another node was first: look, and ask again" :
		                reply ? "Redis refused it" : "no answer from Redis: it may be in force later");
	read_copy(c);
}

static int send_swap(struct copy *c, const struct text *to)
{
	struct document *d = c->document;
	const char *from = c->text.data ? c->text.data : "";
	int rc = redis_command(board_redis(d->board, c->index), TIMEOUT_US, on_swapped, c, "EVAL %s 1 %s %b %b", swap, d->key, from,
	                       c->text.len, to->data, to->len);
	c->busy = rc == 0;
	return rc;
}

static bool same(const struct text *a, const struct text *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void on_read(void *arg, const struct redisReply *reply)
{
	struct copy *c = arg;
	struct document *d = c->document;
	c->busy = false;
	if (reply && reply->type == REDIS_REPLY_STRING)
		take(c, reply->str, reply->len);
	else if (reply && reply->type == REDIS_REPLY_NIL)
		take(c, "", 0);
	else
		return;
	if (c->known && !c->foreign && d->revision && !same(&c->text, &d->newest))
		send_swap(c, &d->newest);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct document *d = arg;
	(void)fd, (void)what;
	for (unsigned i = 0; i < board_servers(d->board); i++)
		read_copy(&d->copies[i]);
}

/* ---- life ---- */

struct document *document_new(struct event_base *base, struct board *board, const struct document_hooks *hooks)
{
	static const struct timeval interval = {.tv_usec = READ_MS * 1000};
	struct document *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->board = board;
	d->hooks = *hooks;
	snprintf(d->key, sizeof d->key, "%s:fleet", board_config(board)->prefix);
	for (unsigned i = 0; i < BOARD_SERVERS_MAX; i++)
		d->copies[i] = (struct copy){.document = d, .index = i};
	d->tick = event_new(base, -1, EV_PERSIST, on_tick, d);
	if (d->tick && !event_add(d->tick, &interval))
		return d;
	document_free(d);
	return NULL;
}

void document_free(struct document *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < board_servers(d->board); i++)
		redis_forget(board_redis(d->board, i), &d->copies[i]);
	if (d->tick)
		event_free(d->tick);
	for (unsigned i = 0; i < BOARD_SERVERS_MAX; i++)
		free(d->copies[i].text.data);
	free(d->newest.data);
	free(d->body);
	free(d);
}

uint64_t document_revision(const struct document *d) { return d->revision; }
const char *document_body(const struct document *d) { return d->body ? d->body : ""; }

/* The first server that answers and whose copy is known, or NULL. */
static struct copy *authority(struct document *d)
{
	for (unsigned i = 0; i < board_servers(d->board); i++)
		if (redis_ready(board_redis(d->board, i)))
			return d->copies[i].known && !d->asked ? &d->copies[i] : NULL;
	return NULL;
}

int document_set(struct document *d, const char *body, size_t len, uint64_t *revision, struct err *err)
{
	struct copy *c = authority(d);
	struct jw w;
	if (!c)
		return err_set(err, EAGAIN, "no Redis server answers, or another change is under way: ask again in a second");
	jw_init(&w);
	int rc = signed_encode(&board_config(d->board)->keys, d->key, d->revision + 1, (uint64_t)clock_wall_us(), body, len, &w);
	if (rc == 0 && w.len > RECORD_TEXT_MAX)
		rc = err_set(err, EMSGSIZE, "the fleet's document would be longer than %d bytes", RECORD_TEXT_MAX);
	else if (rc == 0)
		rc = send_swap(c, &(struct text){w.data, w.len});
	if (rc == 0) {
		d->asked = c;
		*revision = d->asked_revision = d->revision + 1;
	} else if (rc != -EMSGSIZE) {
		err_set(err, -rc, "the change cannot be sent to Redis: ask again in a second");
	}
	jw_free(&w);
	return rc;
}
