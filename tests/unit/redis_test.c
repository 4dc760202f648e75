/* cluster/redis against a server of the test's own on a socket pair of loopback: replies and deadlines, silence,
 * refusal, coming back; and the words of redis_server_parse(). The server says what each case wants said. */
#include "cluster/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

/* A server that answers each command it sees (arrays of bulk strings) with `say`, or not at all. */
struct server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct bufferevent *last;
	uint16_t port;
	bool mute, skips;
	const char *say;
	char seen[512];
	unsigned accepted;
};

static bool take_line(struct evbuffer *in, char *line, size_t size)
{
	size_t len;
	char *text = evbuffer_readln(in, &len, EVBUFFER_EOL_CRLF_STRICT);
	if (!text)
		return false;
	snprintf(line, size, "%s", text);
	free(text);
	return true;
}

/* Commands here are small and come whole. */
static void server_read(struct bufferevent *bev, void *arg)
{
	struct server *s = arg;
	char line[256];
	struct evbuffer *in = bufferevent_get_input(bev);
	while (take_line(in, line, sizeof line)) {
		bool ping = false, skip = false, mute = s->mute || s->skips;
		for (long words = strtol(line + 1, NULL, 10); words > 0; words--) {
			take_line(in, line, sizeof line);
			take_line(in, line, sizeof line);
			ping = !strcmp(line, "PING");
			skip = !strcmp(line, "SKIP");
			size_t len = strlen(s->seen);
			snprintf(s->seen + len, sizeof s->seen - len, "%s%s", line, words > 1 ? " " : "\n");
		}
		s->skips = skip;
		if (!mute && !skip)
			evbuffer_add_printf(bufferevent_get_output(bev), "%s\r\n", s->say ? s->say : ping ? "+PONG" : "+OK");
	}
}

static void server_gone(struct bufferevent *bev, short what, void *arg)
{
	struct server *s = arg;
	(void)what;
	if (s->last == bev)
		s->last = NULL;
	bufferevent_free(bev);
}

static void server_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct server *s = arg;
	(void)l, (void)sa, (void)len;
	s->accepted++;
	s->last = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(s->last, server_read, NULL, server_gone, s);
	bufferevent_enable(s->last, EV_READ | EV_WRITE);
}

static void server_start(struct server *s, struct event_base *base)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(s->port)};
	socklen_t len = sizeof sin;
	s->base = base;
	s->listener = evconnlistener_new_bind(base, server_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16,
	                                      (struct sockaddr *)&sin, sizeof sin);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->listener);
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sin, &len);
	s->port = ntohs(sin.sin_port);
}

static void server_stop(struct server *s)
{
	if (s->last)
		bufferevent_free(s->last);
	s->last = NULL;
	if (s->listener)
		evconnlistener_free(s->listener);
	s->listener = NULL;
}

struct client {
	struct event_base *base;
	struct redis *redis;
	unsigned ups, downs, replies, none;
	char said[64];
};

static void on_state(void *arg, bool ready)
{
	struct client *c = arg;
	*(ready ? &c->ups : &c->downs) += 1;
}

static void on_reply(void *arg, const struct redisReply *reply)
{
	struct client *c = arg;
	if (!reply) {
		c->none++;
		return;
	}
	c->replies++;
	snprintf(c->said, sizeof c->said, "%s", reply->str ? reply->str : "");
}

static void client_start(struct client *c, struct server *s, const struct redis_timing *timing, const char *user,
                         const char *password)
{
	struct redis_server server = {.port = 0};
	char text[64];
	snprintf(text, sizeof text, "redis://127.0.0.1:%u/%d", s->port, user ? 7 : 0);
	CU_ASSERT_EQUAL_FATAL(redis_server_parse(text, &server, NULL), 0);
	snprintf(server.user, sizeof server.user, "%s", user ? user : "");
	snprintf(server.password, sizeof server.password, "%s", password ? password : "");
	c->redis = redis_new(c->base, &server, timing, on_state, c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c->redis);
}

/* Turns the loop until *what is `want`, at most 20 s. */
static bool until(struct event_base *base, const unsigned *what, unsigned want)
{
	int64_t end = clock_us() + 20 * CLOCK_SEC;
	struct timeval tv = {.tv_usec = 5000};
	while (*what != want && clock_us() < end) {
		event_base_loopexit(base, &tv);
		event_base_dispatch(base);
	}
	return *what == want;
}

struct rig { struct event_base *base; struct server server; struct client client; };

static void rig_start(struct rig *r, const struct redis_timing *timing)
{
	memset(r, 0, sizeof *r);
	log_set_level(LL_ERROR);
	r->base = r->client.base = event_base_new();
	server_start(&r->server, r->base);
	client_start(&r->client, &r->server, timing, NULL, NULL);
}

static void rig_stop(struct rig *r)
{
	redis_free(r->client.redis);
	server_stop(&r->server);
	event_base_free(r->base);
}

static const struct redis_timing usual = {.connect_ms = 10000, .silence_ms = 10000};

static void test_reply(void)
{
	struct rig r;
	struct redis_status status;
	rig_start(&r, &usual);
	CU_ASSERT_EQUAL(redis_command(r.client.redis, CLOCK_SEC, on_reply, &r.client, "GET a"), -ENOTCONN);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	CU_ASSERT(redis_ready(r.client.redis));
	CU_ASSERT_STRING_EQUAL(r.server.seen, "PING\n");
	CU_ASSERT_EQUAL(redis_command(r.client.redis, 20 * CLOCK_SEC, on_reply, &r.client, "SET %s %b", "k", "v w", (size_t)3), 0);
	CU_ASSERT_EQUAL(r.client.replies, 0);
	CU_ASSERT(until(r.base, &r.client.replies, 1));
	CU_ASSERT_STRING_EQUAL(r.client.said, "OK");
	CU_ASSERT_STRING_EQUAL(r.server.seen, "PING\nSET k v w\n");
	redis_status(r.client.redis, &status);
	CU_ASSERT_EQUAL(status.commands, 2);
	CU_ASSERT_EQUAL(status.replies, 2);
	CU_ASSERT(status.latency_us > 0);
	rig_stop(&r);
}

/* One that nobody waits for: the server is told not to reply, once it has said that it may be told so. */
static void test_quiet(void)
{
	const char *words[] = {"SET", "k", "v"};
	struct rig r;
	rig_start(&r, &usual);
	CU_ASSERT_EQUAL(redis_command_quiet(r.client.redis, 3, words, NULL), -ENOTCONN);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	CU_ASSERT_EQUAL(redis_command_quiet(r.client.redis, 3, words, NULL), 0);
	redis_command(r.client.redis, 20 * CLOCK_SEC, on_reply, &r.client, "GET one");
	CU_ASSERT(until(r.base, &r.client.replies, 1));
	CU_ASSERT_STRING_EQUAL(r.server.seen, "PING\nCLIENT REPLY ON\nSET k v\nGET one\n");
	CU_ASSERT_EQUAL(redis_command_quiet(r.client.redis, 3, words, NULL), 0);
	redis_command(r.client.redis, 20 * CLOCK_SEC, on_reply, &r.client, "GET two");
	CU_ASSERT(until(r.base, &r.client.replies, 2));  /* and it is the reply to that */
	CU_ASSERT_PTR_NOT_NULL(strstr(r.server.seen, "CLIENT REPLY SKIP\nSET k v\nGET two\n"));
	rig_stop(&r);
	rig_start(&r, &usual);                           /* one that may not: an ordinary command */
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	r.server.say = "-NOPERM";
	CU_ASSERT_EQUAL(redis_command_quiet(r.client.redis, 3, words, NULL), 0);
	redis_command(r.client.redis, 20 * CLOCK_SEC, on_reply, &r.client, "GET one");
	CU_ASSERT(until(r.base, &r.client.replies, 1));
	CU_ASSERT_EQUAL(redis_command_quiet(r.client.redis, 3, words, NULL), 0);
	redis_command(r.client.redis, 20 * CLOCK_SEC, on_reply, &r.client, "GET two");
	CU_ASSERT(until(r.base, &r.client.replies, 2));
	CU_ASSERT_PTR_NULL(strstr(r.server.seen, "SKIP"));
	rig_stop(&r);
}

static void test_login(void)
{
	struct rig r;
	rig_start(&r, &usual);
	redis_free(r.client.redis);
	r.server.seen[0] = 0;
	client_start(&r.client, &r.server, &usual, "node", "pass word");
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	CU_ASSERT_STRING_EQUAL(r.server.seen, "AUTH node pass word\nSELECT 7\nPING\n");
	rig_stop(&r);
}

/* A server that does not take us is down, and says why; once it does, it is up. */
static void test_refused(void)
{
	struct rig r;
	rig_start(&r, &usual);
	r.server.say = "-LOADING the dataset";
	CU_ASSERT(until(r.base, &r.server.accepted, 2));
	CU_ASSERT_EQUAL(r.client.ups, 0);
	CU_ASSERT_EQUAL(r.client.downs, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(redis_why(r.client.redis), "it answers LOADING"));
	r.server.say = NULL;
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	CU_ASSERT_STRING_EQUAL(redis_why(r.client.redis), "");
	rig_stop(&r);
}

/* Each deadline its own, in whatever order they were sent; the connection stays. */
static void test_deadline(void)
{
	struct rig r;
	struct redis_status status;
	struct client slow = {0};
	rig_start(&r, &usual);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	r.server.mute = true;
	CU_ASSERT_EQUAL(redis_command(r.client.redis, 30 * CLOCK_SEC, on_reply, &slow, "GET slow"), 0);
	CU_ASSERT_EQUAL(redis_command(r.client.redis, 3 * CLOCK_MS, on_reply, &r.client, "GET quick"), 0);
	CU_ASSERT(until(r.base, &r.client.none, 1));
	CU_ASSERT_EQUAL(slow.none, 0);
	redis_status(r.client.redis, &status);
	CU_ASSERT_EQUAL(status.late, 1);
	CU_ASSERT_EQUAL(status.state, REDIS_READY);
	/* both answers come: the first has its owner still, the second has nobody */
	bufferevent_write(r.server.last, "+one\r\n+two\r\n", 12);
	CU_ASSERT(until(r.base, &slow.replies, 1));
	CU_ASSERT_STRING_EQUAL(slow.said, "one");
	CU_ASSERT_EQUAL(r.client.replies, 0);
	rig_stop(&r);
}

/* A server that hangs is given up; who waits is told, and it is back once it answers. */
static void test_silence(void)
{
	struct rig r;
	static const struct redis_timing quick = {.connect_ms = 10000, .silence_ms = 100};
	rig_start(&r, &quick);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	r.server.mute = true;
	CU_ASSERT_EQUAL(redis_command(r.client.redis, 30 * CLOCK_SEC, on_reply, &r.client, "GET a"), 0);
	CU_ASSERT(until(r.base, &r.client.downs, 1));
	CU_ASSERT_EQUAL(r.client.none, 1);
	CU_ASSERT_STRING_EQUAL(redis_why(r.client.redis), "it is silent");
	r.server.mute = false;
	CU_ASSERT(until(r.base, &r.client.ups, 2));
	rig_stop(&r);
}

/* Killed and restarted: told once each, what waits is answered, nothing is sent twice. */
static void test_restart(void)
{
	struct rig r;
	rig_start(&r, &usual);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	r.server.mute = true;
	CU_ASSERT_EQUAL(redis_command(r.client.redis, 30 * CLOCK_SEC, on_reply, &r.client, "GET a"), 0);
	server_stop(&r.server);
	CU_ASSERT(until(r.base, &r.client.downs, 1));
	CU_ASSERT_EQUAL(r.client.none, 1);
	CU_ASSERT_EQUAL(redis_command(r.client.redis, CLOCK_SEC, on_reply, &r.client, "GET a"), -ENOTCONN);
	r.server.mute = false;
	server_start(&r.server, r.base);
	CU_ASSERT(until(r.base, &r.client.ups, 2));
	CU_ASSERT_EQUAL(r.client.downs, 1);
	rig_stop(&r);
}

/* An owner that goes is not called; memory stays bounded with a server that answers nothing. */
static void test_forget_and_bound(void)
{
	struct rig r;
	int rc = 0;
	unsigned sent = 0;
	rig_start(&r, &usual);
	CU_ASSERT(until(r.base, &r.client.ups, 1));
	r.server.mute = true;
	while (sent < 100000 && !(rc = redis_command(r.client.redis, 30 * CLOCK_SEC, on_reply, &r.client, "GET a")))
		sent++;
	CU_ASSERT_EQUAL(rc, -ENOBUFS);
	CU_ASSERT_EQUAL(sent, 4096);
	redis_forget(r.client.redis, &r.client);
	server_stop(&r.server);
	CU_ASSERT(until(r.base, &r.client.downs, 1));
	CU_ASSERT_EQUAL(r.client.none, 0);
	rig_stop(&r);
}

static void test_words(void)
{
	static const struct { const char *text, *says; } bad[] = {
		{"redis://cache.example", "names are not looked up"}, {"rediss://192.0.2.1", "stunnel"},
		{"192.0.2.1:6379", "write redis://ADDRESS:PORT"}, {"unix:redis.sock", "begins at the root"},
		{"redis://me:word@192.0.2.1", "redis_password_file"}, {"redis://192.0.2.1/x", "from 0 to 1023"},
		{"redis://192.0.2.1:0", "port 0"}, {"redis://", "is no address"}, {"unix:/", "begins at the root"},
		{"redis://192.0.2.1:70000", "is no address"}, {"", "is no Redis server"},
	};
	struct redis_server s = {.port = 0};
	struct err err;
	CU_ASSERT_EQUAL(redis_server_parse("redis://192.0.2.1", &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(s.host, "192.0.2.1");
	CU_ASSERT_EQUAL(s.port, 6379);
	CU_ASSERT_EQUAL(redis_server_parse("redis://[2001:db8::1]:7000/3", &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(s.host, "2001:db8::1");
	CU_ASSERT_EQUAL(s.port, 7000);
	CU_ASSERT_EQUAL(s.db, 3);
	CU_ASSERT_EQUAL(redis_server_parse("unix:///run/redis.sock", &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(s.path, "/run/redis.sock");
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CU_ASSERT_EQUAL(redis_server_parse(bad[i].text, &s, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad[i].says));
	}
	CU_ASSERT_STRING_EQUAL(s.path, "/run/redis.sock");
}

UNIT_MAIN("redis", {"a reply", test_reply}, {"no reply", test_quiet}, {"logs in", test_login}, {"a server that refuses", test_refused},
          {"deadlines", test_deadline}, {"silence", test_silence}, {"killed and restarted", test_restart},
          {"forgetting, and a bound", test_forget_and_bound}, {"servers in words", test_words})
