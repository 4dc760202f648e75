/* Connections and their bounds, on loopback with a loop of the test's: the peers are plain sockets. */
#include "proxy/stream/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <openssl/pem.h>

#include "base/clock.h"
#include "tests/unit/certificate.h"
#include "tests/unit/unit.h"

#define OPTIONS "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"

static struct event_base *base;
static struct stream_pool *pool;
static struct stats stats;
static struct addr here;
static unsigned messages, losses, gone;
static struct stream_from last;
static char why[128];
static const char *name_lost = "";

static void on_message(void *arg, const struct stream_from *from, char *data, size_t len)
{
	(void)arg;
	CU_ASSERT(len >= 20 && data[0] == 'O');
	data[len] = 0;               /* the byte behind it is ours to write */
	messages++;
	last = *from;
}

static void on_lost(void *arg, const struct stream_to *to, const char *reason)
{
	(void)arg;
	CU_ASSERT_STRING_EQUAL(to->name, name_lost);
	losses++;
	snprintf(why, sizeof why, "%s", reason);
}

static void on_turn(void *arg) { (void)arg; }
static bool strangers;
static bool on_known(void *arg, const struct addr *source)
{
	(void)arg;
	(void)source;
	return !strangers;
}
static void on_gone(void *arg, struct stream_handle handle)
{
	(void)arg;
	(void)handle;
	gone++;
}
static const struct stream_ops ops = {on_known, on_message, on_lost, on_gone, on_turn};

static uint32_t ping_ms, idle_ms = 60000;
static void begin(void)
{
	const struct stream_limits limits = {.most = 6, .most_of_source = 3, .strangers = 2, .most_of_stranger = 2,
	                                     .ping_ms = ping_ms, .pong_ms = 1500, .idle_ms = idle_ms,
	                                     .stranger_idle_ms = 1500, .whole_ms = 1500, .unread = 65536, .message = 4096};
	struct err err;
	memset(&stats, 0, sizeof stats);
	messages = losses = gone = 0;
	base = event_base_new();
	pool = stream_pool_new(base, &ops, NULL, 0, &limits, &stats);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	for (uint16_t port = 20000; port < 20100; port++) {
		addr_parse(&here, "127.0.0.1", port);
		if (stream_listen(pool, SIP_TCP, &here, false, false, &err) == 0)
			return;
	}
	CU_FAIL_FATAL("no port to listen on");
}

static void end(void)
{
	stream_pool_free(pool);
	event_base_free(base);
}

static void turn(int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* Turns until the counter is there, or for ten seconds. */
static bool comes(enum stat_counter s, uint64_t n)
{
	for (int i = 0; i < 1000 && stats.v[s] < n; i++)
		turn(10);
	return stats.v[s] == n;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, &here.sa, addr_len(&here)), 0);
	return fd;
}

static void test_limits(void)
{
	int fd[5];
	begin();
	for (int i = 0; i < 5; i++)
		fd[i] = dial();
	CU_ASSERT_TRUE(comes(STAT_STREAM_REFUSED, 2));
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_ACCEPTED], 3);
	CU_ASSERT_EQUAL(stream_count(pool), 3);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 3));
	CU_ASSERT_EQUAL(stream_count(pool), 0);
	CU_ASSERT_EQUAL(losses, 0);  /* none was ours */
	int again = dial();          /* and there is room again */
	CU_ASSERT_TRUE(comes(STAT_STREAM_ACCEPTED, 4));
	close(again);
	end();
}

/* Who is not expected has little room, and not for long. */
static void test_strangers(void)
{
	int fd[3];
	begin();
	strangers = true;
	for (int i = 0; i < 3; i++)
		fd[i] = dial();
	CU_ASSERT_TRUE(comes(STAT_STREAM_REFUSED, 1));
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_ACCEPTED], 2);
	strangers = false;
	int known = dial();
	CU_ASSERT_TRUE(comes(STAT_STREAM_ACCEPTED, 3));
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 2));    /* idle */
	CU_ASSERT_EQUAL(stream_count(pool), 1);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(known);
	end();
}

static void test_handles(void)
{
	char got[64] = "";
	begin();
	int fd = dial();
	CU_ASSERT_EQUAL(write(fd, OPTIONS, sizeof OPTIONS - 1), sizeof OPTIONS - 1);
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 1));
	CU_ASSERT_EQUAL(messages, 1);
	CU_ASSERT_TRUE(stream_send(pool, last.handle, "hello", 5));
	turn(20);
	CU_ASSERT_EQUAL(read(fd, got, sizeof got), 5);
	close(fd);
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 1));
	CU_ASSERT_FALSE(stream_send(pool, last.handle, "hello", 5));
	fd = dial();                 /* in the same slot, and yet another one */
	CU_ASSERT_TRUE(comes(STAT_STREAM_ACCEPTED, 2));
	CU_ASSERT_FALSE(stream_send(pool, last.handle, "hello", 5));
	CU_ASSERT_FALSE(stream_send(pool, (struct stream_handle){0, 0, 0}, "hello", 5));
	CU_ASSERT_FALSE(stream_send(pool, (struct stream_handle){77, 1, 0}, "hello", 5));
	close(fd);
	end();
}

/* A message that never ends. */
static void test_slow(void)
{
	begin();
	int fd = dial();
	CU_ASSERT_EQUAL(write(fd, "OPTIONS", 7), 7);
	CU_ASSERT_TRUE(comes(STAT_STREAM_SLOW, 1));
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 1));
	close(fd);
	end();
}

/* Who does not read does not hold our memory. */
static void test_slow_reader(void)
{
	static char much[60000];
	begin();
	int fd = dial(), small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	CU_ASSERT_EQUAL(write(fd, OPTIONS, sizeof OPTIONS - 1), sizeof OPTIONS - 1);
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 1));
	for (int i = 0; i < 2000 && stats.v[STAT_STREAM_SLOW] == 0; i++) {
		stream_send(pool, last.handle, much, sizeof much);
		turn(1);
	}
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 1));
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_SLOW], 1);
	close(fd);
	end();
}

static void test_ours(void)
{
	struct stream_to to = {.peer = here, .transport = SIP_TCP, .name = ""};
	char got[64];
	begin();
	to.peer = here;
	addr_parse(&to.local, "127.0.0.1", 5060);
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 2));        /* by one connection, to ourselves */
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_OPENED], 1);
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_ACCEPTED], 1);
	int listener = socket(AF_INET, SOCK_STREAM, 0);  /* a port where nobody listens: bound, and no more */
	struct addr closed;
	socklen_t len = sizeof closed;
	addr_parse(&closed, "127.0.0.1", 0);
	bind(listener, &closed.sa, addr_len(&closed));
	getsockname(listener, &closed.sa, &len);
	to.peer = closed;
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_STREAM_FAILED, 1));
	turn(20);
	CU_ASSERT_EQUAL(losses, 1);
	CU_ASSERT_STRING_EQUAL(why, "Connection refused");
	to.transport = SIP_TLS;      /* without a context there is no TLS */
	CU_ASSERT_FALSE(stream_send_to(pool, &to, got, 0));
	close(listener);
	end();
}

/* One line end is no message that has begun: it may be half a ping for as long as it likes. */
static void test_half_a_ping(void)
{
	char got[8];
	begin();
	int fd = dial();
	CU_ASSERT_EQUAL(write(fd, "\r\n", 2), 2);
	turn(4000);                  /* more than whole_ms */
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_CLOSED], 0);
	CU_ASSERT_EQUAL(write(fd, "\r\n", 2), 2);
	turn(50);
	CU_ASSERT_EQUAL(recv(fd, got, sizeof got, MSG_DONTWAIT), 2);
	close(fd);
	end();
}

/* What a peer that we connected to has read so far, its pings answered or not. */
static int peer_listener, peer = -1;
static unsigned read_pings(bool answer)
{
	char got[256];
	unsigned n = 0;
	for (ssize_t len; (len = recv(peer, got, sizeof got, MSG_DONTWAIT)) > 0;)
		for (char *p = got; (p = memmem(p, (size_t)(got + len - p), "\r\n\r\n", 4)); p += 4)
			n += p == got;           /* not the end of OPTIONS */
	if (n && answer)
		CU_ASSERT_EQUAL(write(peer, "\r\n", 2), 2);
	return n;
}

static void connect_to_peer(void)
{
	struct stream_to to = {.transport = SIP_TCP, .name = ""};
	socklen_t len = sizeof to.peer;
	peer_listener = socket(AF_INET, SOCK_STREAM, 0);
	addr_parse(&to.peer, "127.0.0.1", 0);
	bind(peer_listener, &to.peer.sa, addr_len(&to.peer));
	listen(peer_listener, 1);
	getsockname(peer_listener, &to.peer.sa, &len);
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	turn(50);
	peer = accept(peer_listener, NULL, NULL);
	CU_ASSERT_EQUAL(read_pings(false), 0);
}

static unsigned pings_in(int ms, bool answer)
{
	unsigned n = 0;
	for (; ms > 0 && !losses; ms -= 50) {
		turn(50);
		n += read_pings(answer);
	}
	return n;
}

static void end_with_peer(void)
{
	close(peer);
	close(peer_listener);
	ping_ms = 0;
	idle_ms = 60000;
	end();
}

/* Who answers pings and then does not is gone. */
static void test_ping(void)
{
	ping_ms = 800;
	begin();
	connect_to_peer();
	unsigned n = pings_in(6000, true);
	CU_ASSERT(n >= 2 && n <= 7);
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_PINGS], n);
	CU_ASSERT_EQUAL(losses, 0);
	pings_in(10000, false);
	CU_ASSERT_EQUAL(losses, 1);
	CU_ASSERT_STRING_EQUAL(why, "no answer to a ping");
	end_with_peer();
}

/* Who never answers one, as RFC 3261 alone lets him, is no worse for it. */
static void test_ping_unanswered(void)
{
	ping_ms = 800;
	begin();
	connect_to_peer();
	CU_ASSERT(pings_in(6000, false) >= 2);
	CU_ASSERT_EQUAL(losses, 0);
	CU_ASSERT_EQUAL(write(peer, OPTIONS, sizeof OPTIONS - 1), sizeof OPTIONS - 1);
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 1));
	CU_ASSERT(pings_in(3000, false) >= 1);
	CU_ASSERT_EQUAL(losses, 0);
	CU_ASSERT_EQUAL(write(peer, "\r\n\r\n", 4), 4);  /* a ping of his own is no answer to ours */
	turn(50);
	char got[8];
	CU_ASSERT_EQUAL(recv(peer, got, sizeof got, MSG_DONTWAIT), 2);
	CU_ASSERT(pings_in(5000, false) >= 2);
	CU_ASSERT_EQUAL(losses, 0);
	end_with_peer();
}

/* Pings keep the way open, they do not keep what nobody uses. Those of others do: they want it. */
static void test_idle(void)
{
	ping_ms = 800;
	idle_ms = 3500;
	begin();
	connect_to_peer();
	int fd = dial();
	CU_ASSERT(pings_in(2500, true) >= 1);
	CU_ASSERT_EQUAL(losses, 0);
	CU_ASSERT_EQUAL(write(fd, "\r\n\r\n", 4), 4);
	pings_in(3000, true);
	CU_ASSERT_EQUAL(losses, 1);
	CU_ASSERT_STRING_EQUAL(why, "idle");
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_CLOSED], 1);
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 2));
	close(fd);
	end_with_peer();
}

/* A certificate for both sides, in files as contexts want them. */
static struct tls_context *context_of(const char *dir)
{
	char pem[80], key[80];
	struct err err;
	X509 *c = certificate("x", "DNS:node.example");
	snprintf(pem, sizeof pem, "%s/c.pem", dir);
	snprintf(key, sizeof key, "%s/k.pem", dir);
	FILE *f = fopen(pem, "w"), *k = fopen(key, "w");
	CU_ASSERT_FATAL(f && k && PEM_write_X509(f, c) && PEM_write_PrivateKey(k, certificate_key(), NULL, NULL, 0, NULL, NULL));
	fclose(f), fclose(k);
	X509_free(c);
	struct tls_context *context = tls_context_new(&(struct tls_files){pem, key, pem}, &err);
	unlink(pem), unlink(key), rmdir(dir);
	CU_ASSERT_PTR_NOT_NULL_FATAL(context);
	return context;
}

static void begin_tls(void)
{
	char dir[] = "/tmp/tandem-stream-test.XXXXXX";
	struct err err;
	begin();
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	struct tls_context *context = context_of(dir);
	addr_set_port(&here, (uint16_t)(addr_port(&here) + 1000));
	CU_ASSERT_EQUAL_FATAL(stream_listen(pool, SIP_TLS, &here, false, false, &err), 0);
	stream_set_tls(pool, 1, context);
	stream_set_tls(pool, -1, context);
	tls_context_release(context);
	certificate_forget();
}

/* A connection to ourselves: the client shows a certificate, and its side that came may stand for an address. */
static void test_alias(void)
{
	begin_tls();
	struct stream_to to = {.peer = here, .transport = SIP_TLS, .name = "node.example"};
	addr_parse(&to.local, "127.0.0.1", 5060);
	name_lost = "node.example";
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 1));
	struct stream_handle came = last.handle;
	CU_ASSERT_TRUE(last.certified);
	CU_ASSERT_TRUE(stream_peer_is(pool, came, "node.example"));
	X509 *c = stream_alias(pool, came);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_TRUE(tls_certificate_is(c, "node.example"));
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_ALIAS], 1);
	CU_ASSERT_PTR_NULL(stream_alias(pool, came));     /* once */
	CU_ASSERT_TRUE(stream_send(pool, came, OPTIONS, sizeof OPTIONS - 1));  /* back */
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 2));
	CU_ASSERT_FALSE(last.certified);                  /* the side that we opened never is */
	CU_ASSERT_PTR_NULL(stream_alias(pool, last.handle));
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 3));
	CU_ASSERT_FALSE(last.certified);                  /* it is one already */
	CU_ASSERT_EQUAL(gone, 0);
	CU_ASSERT_TRUE(stream_send(pool, came, "nonsense \r\n\r\n", 13));
	CU_ASSERT_TRUE(comes(STAT_STREAM_CLOSED, 2));
	CU_ASSERT_EQUAL(gone, 1);
	CU_ASSERT_EQUAL(losses, 1);
	CU_ASSERT_FALSE(stream_send(pool, came, OPTIONS, sizeof OPTIONS - 1));
	name_lost = "";
	end();
}

/* Who shows no certificate, whom nobody knows, and who comes by TCP, stands for nobody. */
static void test_no_alias(void)
{
	begin_tls();
	struct stream_to to = {.peer = here, .transport = SIP_TLS, .name = "node.example"};
	strangers = true;
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 1));
	CU_ASSERT_FALSE(last.certified);
	CU_ASSERT_PTR_NULL(stream_alias(pool, last.handle));
	strangers = false;
	addr_set_port(&to.peer, (uint16_t)(addr_port(&here) - 1000));
	to.transport = SIP_TCP, to.name = "";
	CU_ASSERT_TRUE(stream_send_to(pool, &to, OPTIONS, sizeof OPTIONS - 1));
	CU_ASSERT_TRUE(comes(STAT_RX_STREAM, 2));
	CU_ASSERT_FALSE(last.certified);
	CU_ASSERT_PTR_NULL(stream_alias(pool, last.handle));
	CU_ASSERT_EQUAL(stats.v[STAT_STREAM_ALIAS], 0);
	end();
}

UNIT_MAIN("stream", {"bounds", test_limits}, {"handles", test_handles}, {"strangers", test_strangers}, {"messages that do not end", test_slow},
          {"slow readers", test_slow_reader}, {"connections of ours", test_ours},
          {"half a ping", test_half_a_ping}, {"pings", test_ping}, {"pings that are not answered", test_ping_unanswered},
          {"idle", test_idle}, {"requests go back", test_alias}, {"and on which they do not", test_no_alias})
