/* A scripted peer for tests of sessions: the far end of a socketpair that a session takes for its
 * connection, with the clock set by the test. Included by one test file each. */
#ifndef TESTS_BGP_PEER_H
#define TESTS_BGP_PEER_H

#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "anycast/anycast.h"
#include "anycast/bgp_msg.h"
#include "anycast/sched.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

#define PEER_FDS 64

static struct event_base *base;
static struct sched *sched;
/* Far ends of the connections that the session opened, in order. */
static int dialled[PEER_FDS];
static unsigned n_dialled;
static bool deaf;   /* connections are not answered */
static int room;    /* bytes that a connection takes before the peer reads; 0: as many as usual */

static void quiet(void *arg, enum log_level level, const char *line, size_t len) {}

static void peer_world(void)
{
	log_set_sink(quiet, NULL);
	clock_test_set(1000 * CLOCK_SEC, 1000 * CLOCK_SEC);
	base = event_base_new();
	sched = sched_new(NULL);
	n_dialled = 0;
	deaf = false;
	room = 0;
}

static void peer_world_end(void)
{
	for (unsigned i = 0; i < n_dialled && i < PEER_FDS; i++)
		close(dialled[i]);
	sched_free(sched);
	event_base_free(base);
}

/* Both ends non-blocking; returns ours, *far is the peer's. */
static int peer_pair(int *far)
{
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	if (room)
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	*far = fds[1];
	return fds[0];
}

/* For env.connect. A deaf peer's socket is full, so never becomes writable, as in a connect under way. */
static int peer_dial(const struct anycast_peer_config *peer, struct err *err)
{
	static const char full[65536];
	int fd = peer_pair(&dialled[n_dialled % PEER_FDS]);

	n_dialled++;
	while (deaf && send(fd, full, sizeof full, MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Lets the session read, write and its timers fire, at the present time. */
static void peer_turn(void)
{
	for (int i = 0; i < 6; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		sched_run(sched);
	}
}

/* Moves the clock in steps that let every timer fire at about its time. */
static void peer_pass(int64_t us)
{
	while (us > 0) {
		int64_t step = us < 10 * CLOCK_MS ? us : 10 * CLOCK_MS;

		clock_test_advance(step);
		us -= step;
		peer_turn();
	}
}

static void peer_send(int fd, const void *data, size_t len)
{
	CU_ASSERT_EQUAL(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static size_t peer_open_bytes(uint8_t *buf, size_t size, uint32_t as, uint32_t id, uint16_t hold_s)
{
	struct writer w = writer_of(buf, size);
	struct bgp_open open = {.as = as,
				.router_id = id,
				.hold_s = hold_s,
				.families = BGP_IPV4 | BGP_IPV6,
				.as4 = true,
				.refresh = true};

	bgp_msg_write_open(&w, &open);
	return writer_len(&w);
}

static void peer_open(int fd, uint32_t as, uint32_t id, uint16_t hold_s)
{
	uint8_t buf[128];

	peer_send(fd, buf, peer_open_bytes(buf, sizeof buf, as, id, hold_s));
}

static void peer_keepalive(int fd)
{
	uint8_t buf[BGP_HEADER_LEN];
	struct writer w = writer_of(buf, sizeof buf);

	bgp_msg_write_keepalive(&w);
	peer_send(fd, buf, sizeof buf);
}

/* What a peer has received: message types as letters O U N K R, the end of the connection as '.', and
 * the bytes. */
struct heard {
	char types[512];
	unsigned n;
	uint8_t bytes[65536];
	size_t len, at[512];
	struct bgp_error notification;  /* the last */
};

static struct heard *peer_hear(int fd)
{
	static struct heard h;
	enum bgp_msg_type type;
	struct bgp_error error;
	ssize_t n;
	int len;

	memset(&h, 0, sizeof h);
	while ((n = recv(fd, h.bytes + h.len, sizeof h.bytes - h.len, MSG_DONTWAIT)) > 0)
		h.len += (size_t)n;
	for (size_t at = 0; at < h.len && h.n + 2 < sizeof h.types; at += (size_t)len) {
		len = bgp_msg_frame(h.bytes + at, h.len - at, BGP_MSG_MAX, &type, &error);
		CU_ASSERT_FATAL(len > 0);  /* whole messages only */
		if (type == BGP_MSG_NOTIFICATION)
			bgp_msg_read_notification(h.bytes + at + BGP_HEADER_LEN, (size_t)len - BGP_HEADER_LEN,
						  &h.notification);
		h.at[h.n] = at;
		h.types[h.n++] = " OUNKR"[type];
	}
	if (n == 0)
		h.types[h.n++] = '.';
	return &h;
}

#endif
