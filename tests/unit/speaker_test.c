/* What the speaker sends to whom, against scripted peers: the difference and nothing else. */
#include "anycast/speaker.h"

#include "anycast/bgp_update.h"
#include "tests/unit/bgp_peer.h"

static struct anycast_config config;
static struct speaker *speaker;
static bool has_next_hop;
static unsigned changes;

/* A socketpair's address is of neither family: all next hops are asked for. */
static bool next_hop(void *arg, const struct addr *local, int family, struct addr *out)
{
	addr_parse(out, family == AF_INET6 ? "2001:db8:a::3" : "192.0.2.3", 0);
	return has_next_hop || family == AF_INET;
}

static void changed(void *arg) { changes++; }

static void begin(unsigned n_peers)
{
	struct speaker_env env = {.next_hop = next_hop, .changed = changed, .connect = peer_dial};
	struct err err;

	peer_world();
	has_next_hop = true;
	config = (struct anycast_config){.router_id = 0x0a000002, .n_prefixes = 2, .n_peers = n_peers};
	prefix_parse(&config.prefixes[0].prefix, "203.0.113.10/32");
	prefix_parse(&config.prefixes[1].prefix, "2001:db8:ac::10/128");
	for (unsigned i = 0; i < n_peers; i++) {
		config.peers[i] = (struct anycast_peer_config){.name = "router",
							       .as = 65000 + i,
							       .local_as = 65010,
							       .hold_ms = 0,
							       .connect_retry_ms = 1000,
							       .ttl = 1,
							       .has_med = true,
							       .med = 100 * i};
		addr_parse(&config.peers[i].address, "192.0.2.1", 0);
	}
	env.sched = sched;
	env.base = base;
	speaker = speaker_new(&config, &env, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(speaker);
	speaker_start(speaker);
	peer_turn();
	for (unsigned i = 0; i < n_peers; i++) {
		peer_open(dialled[i], 65000 + i, 0x0a000001, 0);
		peer_keepalive(dialled[i]);
	}
	peer_turn();
}

static void end(void)
{
	speaker_free(speaker);
	peer_world_end();
}

/* What a peer has been told, in short: "+4" and "+6" announced, "-4" and "-6" withdrawn, "e4" and "e6"
 * End-of-RIB. */
static const char *told(int fd)
{
	static char text[1024];
	struct heard *h = peer_hear(fd);
	struct bgp_update u;
	struct bgp_error error;
	size_t n = 0;

	text[0] = 0;
	for (unsigned i = 0; i < h->n; i++) {
		const uint8_t *body = h->bytes + h->at[i] + BGP_HEADER_LEN;
		size_t len =
			(i + 1 < h->n && h->types[i + 1] != '.' ? h->at[i + 1] : h->len) - h->at[i] - BGP_HEADER_LEN;

		if (h->types[i] != 'U')
			continue;
		CU_ASSERT_EQUAL_FATAL(bgp_update_read(body, len, true, false, &u, &error), 0);
		CU_ASSERT_FALSE(u.treat_as_withdraw);
		if (u.end_of_rib)
			n += (size_t)snprintf(text + n, sizeof text - n, "e%d", u.end_of_rib == BGP_IPV6 ? 6 : 4);
		else if (reader_left(&u.withdrawn) > 0 || u.mp_withdrawn_family)
			n += (size_t)snprintf(text + n, sizeof text - n, "-%d", u.mp_withdrawn_family ? 6 : 4);
		else
			n += (size_t)snprintf(text + n, sizeof text - n, "+%d", u.mp_reachable_family ? 6 : 4);
	}
	return text;
}

/* The MED in the last bytes sent: the attribute 80 04 04 and four bytes. */
static uint32_t med_told(int fd)
{
	struct heard *h = peer_hear(fd);

	for (size_t i = h->len; i-- > 0;) {
		if (i + 7 <= h->len && memcmp(h->bytes + i, "\x80\x04\x04", 3) == 0)
			return (uint32_t)h->bytes[i + 3] << 24 | (uint32_t)h->bytes[i + 4] << 16 |
			       (uint32_t)h->bytes[i + 5] << 8 | h->bytes[i + 6];
	}
	return UINT32_MAX;
}

static struct anycast_status *status(void)
{
	static struct anycast_status s;

	speaker_status(speaker, &s);
	return &s;
}

static void test_difference(void)
{
	begin(1);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "e4e6");        /* nothing yet, and said so */
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+4");
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "");            /* no UPDATE without a change */
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6");
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_announced, 2);
	CU_ASSERT_EQUAL(status()->prefixes[1].peers_announced, 1);
	speaker_route(speaker, 0, POLICY_ROUTE_WITHDRAW);
	speaker_route(speaker, 1, POLICY_ROUTE_WITHDRAW);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "-4-6");
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_announced, 0);
	CU_ASSERT_EQUAL(status()->peers[0].updates_out, 6);
	end();
}

static void test_all_again_after_reset(void)
{
	begin(1);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	shutdown(dialled[0], SHUT_RDWR);
	peer_turn();
	CU_ASSERT_EQUAL(status()->prefixes[0].peers_announced, 0);
	speaker_route(speaker, 1, POLICY_ROUTE_WITHDRAW);        /* while it is away */
	peer_pass(CLOCK_SEC);
	CU_ASSERT_EQUAL_FATAL(n_dialled, 2);
	peer_open(dialled[1], 65000, 0x0a000001, 0);
	peer_keepalive(dialled[1]);
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[1]), "+4e4e6");
	end();
}

static void test_refresh(void)
{
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof buf);

	begin(1);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	told(dialled[0]);
	bgp_msg_write_refresh(&w, BGP_IPV6);
	peer_send(dialled[0], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6");
	bgp_msg_write_refresh(&w, BGP_IPV4);
	peer_send(dialled[0], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6+4");
	speaker_route(speaker, 0, POLICY_ROUTE_WITHDRAW);
	told(dialled[0]);
	peer_send(dialled[0], buf, writer_len(&w));              /* nothing withdrawn is withdrawn again */
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6");
	end();
}

static void test_degrade(void)
{
	begin(2);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_EQUAL(med_told(dialled[0]), 0);
	CU_ASSERT_EQUAL(med_told(dialled[1]), 100);
	speaker_route(speaker, 0, POLICY_ROUTE_DEGRADE);
	CU_ASSERT_EQUAL(med_told(dialled[0]), SPEAKER_DEGRADED_MED);
	CU_ASSERT_EQUAL(med_told(dialled[1]), 100 + SPEAKER_DEGRADED_MED);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_EQUAL(med_told(dialled[1]), 100);
	CU_ASSERT_EQUAL(status()->prefixes[0].peers_announced, 2);
	end();
}

static void test_no_next_hop(void)
{
	begin(1);
	has_next_hop = false;
	told(dialled[0]);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+4");
	CU_ASSERT_PTR_NOT_NULL(strstr(status()->peers[0].last_error, "no IPv6 prefix is announced"));
	CU_ASSERT_EQUAL(status()->prefixes[1].peers_announced, 0);
	end();
}

/* A peer that does not read is not told every turn of things, but how they stand when it reads. */
static void test_slow_peer(void)
{
	const char *words;

	begin(1);
	told(dialled[0]);
	for (int i = 0; i < 20000; i++)
		speaker_route(speaker, 0, i & 1 ? POLICY_ROUTE_WITHDRAW : POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT(speaker_unsent(speaker) > 0);
	CU_ASSERT(speaker_unsent(speaker) < BGP_MSG_MAX);
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	for (int i = 0; i < 2000 && speaker_unsent(speaker) > 0; i++) {
		static char scrap[4096];

		while (recv(dialled[0], scrap, sizeof scrap, MSG_DONTWAIT) > 0)
			;
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	}
	CU_ASSERT_EQUAL(speaker_unsent(speaker), 0);
	CU_ASSERT_EQUAL(status()->prefixes[0].peers_announced, 0);
	CU_ASSERT_EQUAL(status()->prefixes[1].peers_announced, 1);
	words = told(dialled[0]);
	CU_ASSERT(strlen(words) <= 6);
	end();
}

static void send_prefixes(int fd, uint32_t first, unsigned n, bool withdraw)
{
	struct prefix p[200];
	struct bgp_attrs a = {.local_as = 65000, .as4 = true};
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);

	addr_parse(&a.next_hop, "192.0.2.1", 0);
	for (unsigned i = 0; i < n; i++)
		p[i] = (struct prefix){.family = AF_INET, .len = 32, .bytes = {10, (uint8_t)((first + i) >> 16),
		                       (uint8_t)((first + i) >> 8), (uint8_t)(first + i)}};
	if (withdraw)
		bgp_update_write_withdraw(&w, p, n);
	else
		bgp_update_write_announce(&w, &a, p, n);
	peer_send(fd, buf, writer_len(&w));
	peer_turn();
}

static void test_received(void)
{
	begin(1);
	send_prefixes(dialled[0], 0, 200, false);
	send_prefixes(dialled[0], 100, 200, false);
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 300);
	send_prefixes(dialled[0], 0, 150, true);
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 150);
	for (uint32_t i = 0; i < 60; i++)                        /* 12,000: more than are kept */
		send_prefixes(dialled[0], i * 200, 200, false);
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 10000);
	CU_ASSERT_STRING_EQUAL(status()->peers[0].state, "Established");
	CU_ASSERT_PTR_NOT_NULL(strstr(status()->peers[0].last_error, "more than 10000"));
	shutdown(dialled[0], SHUT_RDWR);
	peer_turn();
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 0);
	end();
}

static void test_stop(void)
{
	struct heard *h;

	begin(2);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	told(dialled[0]);
	speaker_route(speaker, 0, POLICY_ROUTE_WITHDRAW);
	speaker_stop(speaker, "bye");
	h = peer_hear(dialled[0]);
	CU_ASSERT_STRING_EQUAL(h->types, "UN.");                 /* withdraw, then CEASE, then the end */
	CU_ASSERT_STRING_EQUAL(h->notification.text, "Cease/Administrative Shutdown: \"bye\"");
	CU_ASSERT(strstr(peer_hear(dialled[1])->types, "UN.") != NULL);
	end();
}

UNIT_MAIN("speaker", {"the difference", test_difference}, {"all again after a reset", test_all_again_after_reset},
          {"ROUTE-REFRESH", test_refresh}, {"degrade", test_degrade}, {"no next hop", test_no_next_hop},
          {"a slow peer", test_slow_peer}, {"received prefixes", test_received}, {"stop", test_stop})
