/* What BFD means for BGP, and whose a packet is: datagrams handed over with the clock set by the test, and
 * real ones on loopback. */
#include "anycast/bfd.h"

#include <event2/event.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "anycast/bfd_msg.h"
#include "anycast/bfd_udp.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

static struct anycast_config config;
static struct event_base *base;
static struct sched *sched;
static struct bfd *bfd;
static char said[64];              /* "a" allowed, "f" forbidden */
static char why[128];
static int far = -1;               /* what is sent to the peer arrives here */
static char lines[4096];

static void note(char what)
{
	size_t n = strlen(said);

	if (n + 1 < sizeof said)
		said[n] = what, said[n + 1] = 0;
}

static void on_allow(void *arg, unsigned peer) { note('a'); }
static void on_changed(void *arg) {}

static void on_forbid(void *arg, unsigned peer, const char *text)
{
	note('f');
	snprintf(why, sizeof why, "%s", text);
}

static void on_line(void *arg, enum log_level level, const char *line, size_t len)
{
	size_t n = strlen(lines);

	snprintf(lines + n, sizeof lines - n, "%.*s\n", (int)len, line);
}

/* Not the well-known port: other programs of the host may have it. */
static int any_port(int family, uint16_t port, struct err *err)
{
	return bfd_udp_listen(family, 0, err);
}

static struct addr peer_address(void)
{
	return config.peers[0].address;
}

/* An address of loopback that is ours alone, with the peer's end bound to it. */
static void open_far(uint16_t port)
{
	uint8_t r[3];
	char text[32];
	struct addr at;

	far = -1;
	for (int i = 0; i < 20 && far < 0; i++) {
		CU_ASSERT_EQUAL_FATAL(getrandom(r, sizeof r, 0), sizeof r);
		snprintf(text, sizeof text, "127.%u.%u.%u", r[0] | 1, r[1], r[2] % 254 + 1);
		CU_ASSERT_EQUAL_FATAL(addr_parse(&config.peers[0].address, text, 0), 0);
		at = config.peers[0].address;
		addr_set_port(&at, port);
		far = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(far, IPPROTO_IP, IP_RECVTTL, &(int){1}, sizeof(int));
		if (bind(far, &at.sa, addr_len(&at))) {
			close(far);
			far = -1;
		}
	}
	CU_ASSERT_FATAL(far >= 0);
}

static void begin(bool strict, bool multihop, uint32_t hold_down_ms)
{
	struct bfd_env env = {.allow = on_allow, .forbid = on_forbid, .changed = on_changed, .listen = any_port};
	struct err err;

	lines[0] = said[0] = why[0] = 0;
	log_set_sink(on_line, NULL);
	clock_test_set(1000 * CLOCK_SEC, 1000 * CLOCK_SEC);
	base = event_base_new();
	sched = sched_new(NULL);
	config = (struct anycast_config){.n_peers = 1, .peers[0] = {.name = "router"}};
	config.peers[0].bfd = (struct anycast_bfd_config){.enabled = true, .interval_ms = 100, .multiplier = 3,
		.strict = strict, .multihop = multihop, .hold_down_ms = hold_down_ms};
	open_far(multihop ? BFD_PORT_MULTIHOP : BFD_PORT);
	env.sched = sched;
	env.base = base;
	bfd = bfd_new(&config, &env, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bfd);
	bfd_start(bfd);
}

static void end(void)
{
	bfd_free(bfd);
	close(far);
	sched_free(sched);
	event_base_free(base);
}

static void pass(int64_t us)
{
	for (; us > 0; us -= 10 * CLOCK_MS) {
		clock_test_advance(10 * CLOCK_MS);
		sched_run(sched);
	}
}

/* The last packet that the peer has got; how many there were. */
static unsigned heard(struct bfd_packet *out, struct addr *from, int *ttl)
{
	uint8_t buf[64];
	const char *fault;
	unsigned n = 0;
	struct addr to;
	int len;

	while ((len = bfd_udp_receive(far, buf, sizeof buf, from, &to, ttl)) >= 0) {
		CU_ASSERT_EQUAL(bfd_msg_read(buf, (size_t)len, out, &fault), 0);
		n++;
	}
	return n;
}

static uint32_t our_discr(void)
{
	struct bfd_packet p = {0};
	struct addr from;
	int ttl;
	static uint32_t last;

	if (heard(&p, &from, &ttl) > 0)
		last = p.my_discr;
	return last;
}

static struct addr to;             /* where what is said arrives */

static void say_from(const struct addr *from, enum bfd_state state, uint32_t your_discr, bool multihop, int ttl)
{
	const struct bfd_packet p = {.state = state, .multiplier = 3, .my_discr = 77, .your_discr = your_discr,
	                             .desired_tx_us = 100000, .required_rx_us = 100000};
	uint8_t buf[BFD_PACKET_LEN];
	struct writer w = writer_of(buf, sizeof buf);

	bfd_msg_write(&w, &p);
	bfd_take(bfd, buf, sizeof buf, from, &to, multihop, ttl);
}

static void say(enum bfd_state state)
{
	struct addr from = peer_address();

	say_from(&from, state, our_discr(), config.peers[0].bfd.multihop, 255);
}

static struct anycast_bfd_status status(void)
{
	static struct anycast_status s;

	bfd_status(bfd, &s);
	return s.peers[0].bfd;
}

static void come_up(void)
{
	say(BFD_DOWN);
	say(BFD_INIT);
	say(BFD_UP);
	CU_ASSERT_STRING_EQUAL_FATAL(status().state, "Up");
}

static void test_failure(void)
{
	begin(false, false, 30000);
	come_up();
	CU_ASSERT_STRING_EQUAL(said, "");               /* BGP did not wait for it */
	pass(400 * CLOCK_MS);
	CU_ASSERT_STRING_EQUAL(said, "f");
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "nothing heard for 300 ms"));
	CU_ASSERT_TRUE(status().holds_bgp);
	CU_ASSERT_EQUAL(status().down_count, 1);
	pass(5 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "f");
	come_up();
	CU_ASSERT_STRING_EQUAL(said, "fa");
	CU_ASSERT_FALSE(status().holds_bgp);
	end();
}

static void test_hold_down(void)
{
	begin(false, false, 30000);
	come_up();
	pass(400 * CLOCK_MS);
	pass(29 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "f");
	pass(2 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "fa");             /* its BFD may have been taken away for good */
	CU_ASSERT_PTR_NOT_NULL(strstr(lines, "still down after hold_down"));
	come_up();
	CU_ASSERT_STRING_EQUAL(said, "fa");
	pass(400 * CLOCK_MS);
	CU_ASSERT_STRING_EQUAL(said, "faf");
	end();
}

static void test_peer_says_down(void)
{
	begin(false, false, 30000);
	come_up();
	say(BFD_DOWN);
	CU_ASSERT_STRING_EQUAL(said, "f");
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "the peer says Down"));
	end();
}

static void test_strict(void)
{
	begin(true, false, 1000);
	CU_ASSERT_TRUE(status().holds_bgp);
	pass(5 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "");               /* hold_down is not for a strict peer */
	come_up();
	CU_ASSERT_STRING_EQUAL(said, "a");
	pass(400 * CLOCK_MS);
	pass(60 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "af");
	come_up();
	CU_ASSERT_STRING_EQUAL(said, "afa");
	say(BFD_ADMIN_DOWN);
	CU_ASSERT_STRING_EQUAL(said, "afaf");
	end();
}

static void test_peer_admin_down(void)
{
	begin(false, false, 30000);
	come_up();
	say(BFD_ADMIN_DOWN);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_STRING_EQUAL(status().state, "Down");
	CU_ASSERT_STRING_EQUAL(status().remote_state, "AdminDown");
	CU_ASSERT_PTR_NOT_NULL(strstr(lines, "BGP goes on without it"));
	pass(5 * CLOCK_SEC);
	CU_ASSERT_STRING_EQUAL(said, "");
	end();
}

static void test_stop(void)
{
	struct bfd_packet p = {0};
	struct addr from;
	int ttl = 0;

	begin(false, false, 30000);
	come_up();
	bfd_stop(bfd);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT(heard(&p, &from, &ttl) > 0);
	CU_ASSERT_EQUAL(p.state, BFD_ADMIN_DOWN);
	CU_ASSERT_STRING_EQUAL(status().state, "AdminDown");
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(heard(&p, &from, &ttl), 0);
	CU_ASSERT_STRING_EQUAL(said, "");
	end();
}

static void test_sockets(void)
{
	struct bfd_packet p = {0};
	struct addr from;
	int ttl = 0;

	begin(false, false, 30000);
	CU_ASSERT_EQUAL(heard(&p, &from, &ttl), 1);
	CU_ASSERT_EQUAL(ttl, 255);
	CU_ASSERT(addr_port(&from) >= 49152);           /* RFC 5881 section 4 */
	CU_ASSERT_NOT_EQUAL(p.my_discr, 0);
	CU_ASSERT_EQUAL(p.state, BFD_DOWN);
	end();
	begin(false, true, 30000);                      /* to the other port */
	CU_ASSERT_EQUAL(heard(&p, &from, &ttl), 1);
	end();
}

static void test_whose(void)
{
	struct addr peer, stranger;
	uint32_t discr;

	begin(false, false, 30000);
	peer = peer_address();
	discr = our_discr();
	addr_parse(&stranger, "192.0.2.66", 0);
	say_from(&stranger, BFD_DOWN, 0, false, 255);
	say_from(&stranger, BFD_INIT, discr, false, 255);
	say_from(&peer, BFD_DOWN, 0, true, 255);         /* the other kind of session */
	CU_ASSERT_EQUAL(status().packets_discarded, 0);  /* nobody's */
	say_from(&peer, BFD_DOWN, 0, false, 254);
	say_from(&peer, BFD_INIT, discr, false, 64);
	say_from(&peer, BFD_INIT, discr + 1, false, 255);
	say_from(&peer, BFD_DOWN, 0, false, -1);
	bfd_take(bfd, "", 0, &peer, &to, false, 255);
	CU_ASSERT_EQUAL(status().packets_discarded, 5);
	CU_ASSERT_EQUAL(status().packets_in, 0);
	CU_ASSERT_STRING_EQUAL(status().state, "Down");
	CU_ASSERT_PTR_NOT_NULL(strstr(lines, "its TTL is not 255"));
	say_from(&peer, BFD_DOWN, 0, false, 255);
	CU_ASSERT_STRING_EQUAL(status().state, "Init");
	end();
	begin(false, true, 30000);
	peer = peer_address();
	say_from(&peer, BFD_DOWN, 0, true, 61);          /* multihop: any TTL */
	CU_ASSERT_STRING_EQUAL(status().state, "Init");
	end();
}

/* What is sent to the anycast address may be meant for another node. */
static void test_to_whom(void)
{
	struct addr peer;

	begin(false, false, 30000);
	peer = peer_address();
	addr_parse(&config.peers[0].local_address, "192.0.2.3", 0);
	addr_parse(&to, "203.0.113.10", 0);
	say_from(&peer, BFD_DOWN, 0, false, 255);
	CU_ASSERT_EQUAL(status().packets_discarded, 1);
	CU_ASSERT_STRING_EQUAL(status().state, "Down");
	CU_ASSERT_PTR_NOT_NULL(strstr(lines, "another address of ours than `local_address`"));
	addr_parse(&to, "192.0.2.3", 0);
	say_from(&peer, BFD_DOWN, 0, false, 255);
	CU_ASSERT_STRING_EQUAL(status().state, "Init");
	memset(&to, 0, sizeof to);
	end();
}

/* The kernel tells to which address a datagram came, and with which TTL. */
static void expect_told(const char *host)
{
	struct addr at, from, told;
	struct err err;
	uint8_t buf[8];
	int family, fd, sender, ttl = 0, n;
	socklen_t len = sizeof at;

	addr_parse(&at, host, 0);
	family = addr_family(&at);
	fd = bfd_udp_listen(family, 0, &err);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(getsockname(fd, &at.sa, &len), 0);
	addr_parse(&at, host, addr_port(&at));
	sender = bfd_udp_sender(family, &(struct addr){0}, &err);
	CU_ASSERT_EQUAL(sendto(sender, "hello", 5, 0, &at.sa, addr_len(&at)), 5);
	n = bfd_udp_receive(fd, buf, sizeof buf, &from, &told, &ttl);
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_EQUAL(ttl, 255);
	CU_ASSERT(addr_same_host(&told, &at));
	close(sender);
	close(fd);
}

static void test_told(void)
{
	expect_told("127.0.0.77");
	expect_told("::1");
}

static void test_log_is_bounded(void)
{
	struct addr stranger;
	unsigned n = 0;

	begin(false, false, 30000);
	addr_parse(&stranger, "192.0.2.66", 0);
	for (int i = 0; i < 1000; i++)
		say_from(&stranger, BFD_DOWN, 0, false, 255);
	for (const char *p = lines; (p = strstr(p, "is dropped")); p++)
		n++;
	CU_ASSERT(n >= 1 && n <= 6);
	end();
}

static void test_without(void)
{
	struct bfd_env env = {.allow = on_allow, .forbid = on_forbid, .changed = on_changed, .listen = any_port};
	struct anycast_config none = {.n_peers = 1, .peers[0] = {.name = "router"}};
	static struct anycast_status s;
	struct bfd *b = bfd_new(&none, &env, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	bfd_start(b);
	bfd_status(b, &s);
	CU_ASSERT_PTR_NULL(s.peers[0].bfd.state);
	bfd_stop(b);
	bfd_free(b);
}

UNIT_MAIN("bfd", {"a failure ends BGP, and BFD up allows it again", test_failure}, {"hold_down", test_hold_down},
          {"the peer says Down", test_peer_says_down}, {"strict", test_strict},
          {"the peer's AdminDown is no failure", test_peer_admin_down}, {"stop", test_stop}, {"sockets", test_sockets},
          {"whose packet", test_whose}, {"to whom", test_to_whom},
          {"the kernel tells to whom", test_told}, {"the log is bounded", test_log_is_bounded}, {"no BFD", test_without})
