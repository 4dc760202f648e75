/* A Redis connection that looks after itself: see redis.h.
 *
 * hiredis answers in the order of sending, and never gives up waiting. So each command has a `wait` here, in a
 * list by deadline: when its time is over the owner is told, and the answer that may still come finds nobody.
 * One timer rings at the nearest deadline; another ticks, for what is slow: connecting, silence, backoff.
 *
 * A connection counts once AUTH, SELECT and PING are answered well: a server that loads its data, or does not
 * take the password, is down, and why is said once. */
#include "cluster/redis.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/redis_loop.h"

#define TICK_MS 100
#define BACKOFF_MIN_MS 100
#define IDLE_US CLOCK_SEC           /* nothing asked for so long: a PING, so that a dead connection is known */
#define WAITS_MAX 4096
#define TIMEOUT_MAX_US (60 * CLOCK_SEC)

struct wait {
	struct wait *next, *prev;        /* by deadline; not in the list once told */
	struct redis *redis;
	redis_on_reply *fn;
	void *arg;
	int64_t sent_us, due_us;
	bool told;
};

struct redis {
	struct redis_server server;
	struct redis_timing timing;
	struct event_base *base;
	struct event *tick, *deadline;
	redis_on_state *on_state;
	void *arg;
	redisAsyncContext *ac;           /* NULL: not connected */
	struct wait *first, *last;
	unsigned in_flight;              /* commands hiredis holds, told or not */
	enum { SKIP_NOT_ASKED, SKIP_DENIED, SKIP_GRANTED } skip;  /* whether the server lets us say CLIENT REPLY */
	unsigned greeting;               /* answers that a fresh connection waits for */
	int64_t began_us;                /* of connecting; of the next attempt while down */
	int64_t heard_us;                /* the last answer, or the first command after none waited */
	uint32_t backoff_ms;
	bool complained, closing;
	char why[160];
	_Atomic int state;
	_Atomic uint64_t commands, replies, late, lost;
	_Atomic int64_t since_us;
	_Atomic uint32_t latency_us;
};

static void count(_Atomic uint64_t *total) { atomic_fetch_add_explicit(total, 1, memory_order_relaxed); }

static void set_state(struct redis *r, enum redis_state state)
{
	atomic_store_explicit(&r->since_us, clock_us(), memory_order_relaxed);
	atomic_store_explicit(&r->state, (int)state, memory_order_relaxed);
}

static enum redis_state state_of(const struct redis *r)
{
	return (enum redis_state)atomic_load_explicit(&r->state, memory_order_relaxed);
}

/* ---- commands that wait ---- */

static void set_deadline(struct redis *r)
{
	if (!r->first) {
		event_del(r->deadline);
		return;
	}
	int64_t left = r->first->due_us - clock_us();
	if (left < 0)
		left = 0;
	struct timeval tv = {.tv_sec = left / CLOCK_SEC, .tv_usec = left % CLOCK_SEC};
	event_add(r->deadline, &tv);
}

/* Timeouts are mostly alike: its place is at the end, or near it. */
static void enlist(struct redis *r, struct wait *w)
{
	struct wait *after = r->last;
	while (after && after->due_us > w->due_us)
		after = after->prev;
	w->prev = after;
	w->next = after ? after->next : r->first;
	*(w->next ? &w->next->prev : &r->last) = w;
	*(after ? &after->next : &r->first) = w;
}

static void unlist(struct redis *r, struct wait *w)
{
	*(w->prev ? &w->prev->next : &r->first) = w->next;
	*(w->next ? &w->next->prev : &r->last) = w->prev;
	w->next = w->prev = NULL;
}

static void tell(struct wait *w, const struct redisReply *reply)
{
	if (w->told)
		return;
	w->told = true;
	unlist(w->redis, w);
	if (!reply)
		count(&w->redis->late);
	if (w->fn)
		w->fn(w->arg, reply);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct redis *r = arg;
	(void)fd, (void)what;
	while (r->first && r->first->due_us <= clock_us())
		tell(r->first, NULL);
	set_deadline(r);
}

/* hiredis calls it for every command, with NULL when the connection goes. */
static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
	struct wait *w = arg;
	struct redis *r = w->redis;
	(void)ac;
	r->in_flight--;
	if (reply) {
		int64_t now = clock_us(), took = now - w->sent_us;
		count(&r->replies);
		r->heard_us = now;
		atomic_store_explicit(&r->latency_us, took < 1 ? 1 : took > UINT32_MAX ? UINT32_MAX : (uint32_t)took,
		                      memory_order_relaxed);
	}
	tell(w, reply);
	free(w);
}

static struct wait *wait_new(struct redis *r, int64_t timeout_us, redis_on_reply *fn, void *arg)
{
	struct wait *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	if (timeout_us < 0 || timeout_us > TIMEOUT_MAX_US)
		timeout_us = TIMEOUT_MAX_US;
	*w = (struct wait){.redis = r, .fn = fn, .arg = arg, .sent_us = clock_us()};
	w->due_us = w->sent_us + timeout_us;
	return w;
}

static int wait_begin(struct redis *r, struct wait *w, int rc)
{
	if (rc != REDIS_OK) {
		free(w);
		return -ENOMEM;
	}
	if (!r->in_flight++)
		r->heard_us = w->sent_us;
	count(&r->commands);
	enlist(r, w);
	if (r->first == w)
		set_deadline(r);
	return 0;
}

static int may_send(const struct redis *r)
{
	if (!r->ac || state_of(r) == REDIS_DOWN)
		return -ENOTCONN;
	return r->in_flight < WAITS_MAX ? 0 : -ENOBUFS;
}

static int send_words(struct redis *r, int64_t timeout_us, redis_on_reply *fn, void *arg, int argc, const char **argv,
                      const size_t *lens)
{
	int rc = may_send(r);
	struct wait *w = rc ? NULL : wait_new(r, timeout_us, fn, arg);
	if (!w)
		return rc ? rc : -ENOMEM;
	return wait_begin(r, w, redisAsyncCommandArgv(r->ac, on_reply, w, argc, argv, lens));
}

int redis_command_argv(struct redis *r, int64_t timeout_us, redis_on_reply *fn, void *arg, int argc, const char **argv,
                       const size_t *lens)
{
	return state_of(r) == REDIS_READY ? send_words(r, timeout_us, fn, arg, argc, argv, lens) : -ENOTCONN;
}

int redis_command(struct redis *r, int64_t timeout_us, redis_on_reply *fn, void *arg, const char *format, ...)
{
	va_list ap;
	int rc = state_of(r) == REDIS_READY ? may_send(r) : -ENOTCONN;
	struct wait *w = rc ? NULL : wait_new(r, timeout_us, fn, arg);
	if (!w)
		return rc ? rc : -ENOMEM;
	va_start(ap, format);
	rc = redisvAsyncCommand(r->ac, on_reply, w, format, ap);
	va_end(ap);
	return wait_begin(r, w, rc);
}

/* Denied, its error would be taken for the reply to another command. */
static void on_may_skip(void *arg, const struct redisReply *reply)
{
	struct redis *r = arg;
	r->skip = reply && reply->type == REDIS_REPLY_STATUS ? SKIP_GRANTED : SKIP_DENIED;
}

/* Past hiredis' list of who waits for a reply: there will be none. SKIP and what it is for go together or not at all: a
 * SKIP alone would swallow the reply to the next command. */
static int append_unanswered(redisAsyncContext *ac, int argc, const char **argv, const size_t *lens)
{
	static const char skip[] = "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n";
	char *text = NULL, *both;
	int n = redisFormatCommandArgv(&text, argc, argv, lens), rc = REDIS_ERR;
	if (n > 0 && (both = malloc(sizeof skip - 1 + (size_t)n))) {
		memcpy(both, skip, sizeof skip - 1);
		memcpy(both + sizeof skip - 1, text, (size_t)n);
		rc = redisAppendFormattedCommand(&ac->c, both, sizeof skip - 1 + (size_t)n);
		free(both);
	}
	redisFreeCommand(text);
	return rc == REDIS_OK ? 0 : -ENOMEM;
}

int redis_command_quiet(struct redis *r, int argc, const char **argv, const size_t *lens)
{
	if (state_of(r) != REDIS_READY || !r->ac)
		return -ENOTCONN;
	if (r->skip == SKIP_NOT_ASKED &&
	    !send_words(r, CLOCK_SEC, on_may_skip, r, 3, (const char *[]){"CLIENT", "REPLY", "ON"}, NULL))
		r->skip = SKIP_DENIED;  /* until it is granted */
	if (r->skip != SKIP_GRANTED)
		return send_words(r, CLOCK_SEC, NULL, NULL, argc, argv, lens);
	int rc = append_unanswered(r->ac, argc, argv, lens);
	count(&r->commands);
	r->ac->ev.addWrite(r->ac->ev.data);
	return rc;
}

void redis_forget(struct redis *r, const void *arg)
{
	for (struct wait *w = r ? r->first : NULL; w; w = w->next)
		if (w->arg == arg)
			w->fn = NULL;
}

/* ---- down ---- */

static void complain(struct redis *r, const char *why)
{
	snprintf(r->why, sizeof r->why, "%s", why);
	if (!r->complained && !r->closing)
		log_warn("redis %s: %s; it is tried again", r->server.text, why);
	r->complained = true;
}

/* The connection is gone, or going. */
static void fall(struct redis *r, const char *why)
{
	enum redis_state was = state_of(r);
	r->ac = NULL;
	if (was == REDIS_DOWN)
		return;
	if (was == REDIS_READY) {
		count(&r->lost);
		r->complained = false;
		r->backoff_ms = BACKOFF_MIN_MS;
	} else {
		r->backoff_ms = r->backoff_ms * 2 > r->timing.backoff_max_ms ? r->timing.backoff_max_ms : r->backoff_ms * 2;
	}
	r->began_us = clock_us() + r->backoff_ms * CLOCK_MS;
	set_state(r, REDIS_DOWN);
	complain(r, why);
	if (was == REDIS_READY && r->on_state)
		r->on_state(r->arg, false);
}

static void drop(struct redis *r, const char *why)
{
	redisAsyncContext *ac = r->ac;
	char text[sizeof r->why];
	snprintf(text, sizeof text, "%s", why);  /* it may be the context's own */
	if (ac) {
		ac->data = NULL;  /* what it still calls is no news */
		r->ac = NULL;
		redisAsyncFree(ac);
	}
	set_deadline(r);
	fall(r, text);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis *r = ac->data;
	if (r)
		fall(r, status == REDIS_OK || !ac->errstr || !ac->errstr[0] ? "the connection is closed" : ac->errstr);
}

/* ---- up ---- */

static void on_greeting(void *arg, const struct redisReply *reply)
{
	struct redis *r = arg;
	char why[160];
	if (state_of(r) != REDIS_CONNECTING || !r->ac || !reply)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(why, sizeof why, "it answers %.120s", reply->str);
		drop(r, why);
		return;
	}
	if (--r->greeting)
		return;
	r->backoff_ms = BACKOFF_MIN_MS;
	r->complained = false;
	r->why[0] = 0;
	set_state(r, REDIS_READY);
	log_info("redis %s: connected", r->server.text);
	if (r->on_state)
		r->on_state(r->arg, true);
}

static void greet(struct redis *r, int argc, const char *a, const char *b, const char *c)
{
	const char *argv[] = {a, b, c};
	if (r->ac && !send_words(r, r->timing.connect_ms * CLOCK_MS, on_greeting, r, argc, argv, NULL))
		r->greeting++;
}

static void on_connect(const redisAsyncContext *ac, int status)
{
	struct redis *r = ac->data;
	char db[8];
	if (!r)
		return;
	if (status != REDIS_OK) {  /* hiredis frees it */
		fall(r, ac->errstr && ac->errstr[0] ? ac->errstr : "it cannot be reached");
		return;
	}
	r->greeting = 0;
	if (r->server.password[0] && r->server.user[0])
		greet(r, 3, "AUTH", r->server.user, r->server.password);
	else if (r->server.password[0])
		greet(r, 2, "AUTH", r->server.password, NULL);
	snprintf(db, sizeof db, "%u", r->server.db);
	if (r->server.db)
		greet(r, 2, "SELECT", db, NULL);
	r->skip = SKIP_NOT_ASKED;
	greet(r, 1, "PING", NULL, NULL);
}

static void connect_now(struct redis *r)
{
	r->began_us = clock_us();
	set_state(r, REDIS_CONNECTING);
	redisAsyncContext *ac = r->server.path[0] ? redisAsyncConnectUnix(r->server.path) :
	                        redisAsyncConnect(r->server.host, r->server.port);
	r->ac = ac;
	if (!ac || ac->err || redis_loop_attach(ac, r->base)) {
		drop(r, ac && ac->err ? ac->errstr : "out of memory");
		return;
	}
	ac->data = r;
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct redis *r = arg;
	int64_t now = clock_us();
	(void)fd, (void)what;
	switch (state_of(r)) {
	case REDIS_DOWN:
		if (now >= r->began_us)
			connect_now(r);
		break;
	case REDIS_CONNECTING:
		if (now - r->began_us > r->timing.connect_ms * CLOCK_MS)
			drop(r, "no answer while connecting");
		break;
	case REDIS_READY:
		if (r->in_flight && now - r->heard_us > r->timing.silence_ms * CLOCK_MS)
			drop(r, "it is silent");
		else if (!r->in_flight && now - r->heard_us > IDLE_US)
			redis_command(r, r->timing.silence_ms * CLOCK_MS, NULL, NULL, "PING");
		break;
	}
}

/* ---- life ---- */

static uint32_t or_default(uint32_t v, uint32_t def) { return v ? v : def; }

struct redis *redis_new(struct event_base *base, const struct redis_server *server, const struct redis_timing *timing,
                        redis_on_state *on_state, void *arg)
{
	static const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct redis *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->server = *server;
	r->timing = (struct redis_timing){or_default(timing->connect_ms, 1000), or_default(timing->silence_ms, 1000),
	                                  or_default(timing->backoff_max_ms, 2000)};
	r->base = base;
	r->on_state = on_state;
	r->arg = arg;
	r->backoff_ms = BACKOFF_MIN_MS;
	set_state(r, REDIS_DOWN);
	r->tick = event_new(base, -1, EV_PERSIST, on_tick, r);
	r->deadline = evtimer_new(base, on_deadline, r);
	if (!r->tick || !r->deadline || event_add(r->tick, &tick)) {
		redis_free(r);
		return NULL;
	}
	event_active(r->tick, EV_TIMEOUT, 1);
	return r;
}

void redis_free(struct redis *r)
{
	if (!r)
		return;
	r->on_state = NULL;
	r->closing = true;
	if (r->ac)
		drop(r, "closed by us");
	if (r->deadline)
		event_free(r->deadline);
	if (r->tick)
		event_free(r->tick);
	explicit_bzero(&r->server, sizeof r->server);
	free(r);
}

void redis_status(const struct redis *r, struct redis_status *out)
{
	*out = (struct redis_status){
		.state = state_of(r),
		.commands = atomic_load_explicit(&r->commands, memory_order_relaxed),
		.replies = atomic_load_explicit(&r->replies, memory_order_relaxed),
		.late = atomic_load_explicit(&r->late, memory_order_relaxed),
		.lost = atomic_load_explicit(&r->lost, memory_order_relaxed),
		.since_us = atomic_load_explicit(&r->since_us, memory_order_relaxed),
		.latency_us = atomic_load_explicit(&r->latency_us, memory_order_relaxed),
	};
}

bool redis_ready(const struct redis *r) { return state_of(r) == REDIS_READY; }
const struct redis_server *redis_server(const struct redis *r) { return &r->server; }
const char *redis_why(const struct redis *r) { return r->why; }

const char *redis_state_str(enum redis_state state)
{
	static const char *const names[] = {"down", "connecting", "ready"};
	return state <= REDIS_READY ? names[state] : "unknown";
}
