/* What the speaker sends to whom, against scripted peers: the difference and nothing else. */
#include "anycast/speaker.h"

#include "anycast/bgp_update.h"
#include "tests/unit/bgp_peer.h"

#define DEGRADED_MED 1000

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

static void begin_with(unsigned n_peers, void (*change)(struct anycast_peer_config *peers))
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
							       .med = 100 * i,
							       .degrade = {.med = DEGRADED_MED, .prepend = 3}};
		addr_parse(&config.peers[i].address, "192.0.2.1", 0);
	}
	if (change)
		change(config.peers);
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

static void begin(unsigned n_peers) { begin_with(n_peers, NULL); }

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

/* Do these bytes, in hex, come in what was sent since the last time? */
static bool bytes_told(int fd, const char *hex)
{
	struct heard *h = peer_hear(fd);
	uint8_t want[128];
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(hex + 2 * i, "%2hhx", &want[i]);
	for (size_t i = 0; i + n <= h->len; i++) {
		if (memcmp(h->bytes + i, want, n) == 0)
			return true;
	}
	return false;
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
	bgp_msg_write_refresh(&w, BGP_IPV6, BGP_REFRESH_REQUEST);
	peer_send(dialled[0], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6");
	bgp_msg_write_refresh(&w, BGP_IPV4, BGP_REFRESH_REQUEST);
	peer_send(dialled[0], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+4+6");  /* both, in one answer */
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
	CU_ASSERT_EQUAL(med_told(dialled[0]), DEGRADED_MED);
	CU_ASSERT_EQUAL(med_told(dialled[1]), 100 + DEGRADED_MED);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_EQUAL(med_told(dialled[1]), 100);
	CU_ASSERT_EQUAL(status()->prefixes[0].peers_announced, 2);
	end();
}

static void profiles(struct anycast_peer_config *peers)
{
	peers[0].degrade.communities[0] = 65010u << 16 | 66;
	peers[0].degrade.n_communities = 1;
	peers[1] = peers[0];
	peers[1].as = 65001;
	peers[1].profile = ANYCAST_CLOUD_ROUTER;
}

#define PATH1 "40020602010000fdf2"
#define PATH4 "40021202040000fdf20000fdf20000fdf20000fdf2"

/* By MED everywhere; in the path and by community only where the profile says so. */
static void test_profiles(void)
{
	begin_with(2, profiles);
	speaker_route(speaker, 0, POLICY_ROUTE_DEGRADE);
	CU_ASSERT_TRUE(bytes_told(dialled[0], PATH4 "400304c0000203" "800404000003e8" "c00804fdf20042"));
	CU_ASSERT_TRUE(bytes_told(dialled[1], PATH1 "400304c0000203" "800404000003e8" "20cb00710a"));
	speaker_route(speaker, 0, POLICY_ROUTE_DRAIN);
	CU_ASSERT_TRUE(bytes_told(dialled[0], PATH4 "400304c0000203" "800404000007d0" "c00808fdf20042ffff0000"));
	CU_ASSERT_TRUE(bytes_told(dialled[1], PATH1 "400304c0000203" "800404000007d0" "c00804ffff0000"));
	CU_ASSERT_EQUAL(status()->prefixes[0].sent[1].action, POLICY_ROUTE_DRAIN);
	CU_ASSERT_EQUAL(status()->prefixes[0].sent[1].since_wall_us, clock_wall_us());
	CU_ASSERT_EQUAL(status()->prefixes[1].sent[1].action, POLICY_ROUTE_WITHDRAW);
	end();
}

static void internal(struct anycast_peer_config *peers) { peers[0].local_as = peers[0].as; }

/* RFC 8326 section 5: what all within an AS compare first. */
static void test_internal(void)
{
	begin_with(1, internal);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_TRUE(bytes_told(dialled[0], "400200" "400304c0000203" "80040400000000" "40050400000064"));
	speaker_route(speaker, 0, POLICY_ROUTE_DEGRADE);
	CU_ASSERT_TRUE(bytes_told(dialled[0], "400200" "400304c0000203" "800404000003e8" "40050400000032"));
	speaker_route(speaker, 0, POLICY_ROUTE_DRAIN);
	CU_ASSERT_TRUE(bytes_told(dialled[0], "400200" "400304c0000203" "800404000007d0" "40050400000000" "c00804ffff0000"));
	end();
}

static void own_choice(struct anycast_peer_config *peers)
{
	peers[0].prefixes[0] = config.prefixes[0].prefix;
	peers[1].prefixes[0] = config.prefixes[1].prefix;
	peers[0].n_prefixes = peers[1].n_prefixes = 1;
	addr_parse(&peers[0].next_hop[0], "198.51.100.99", 0);
	addr_parse(&peers[1].next_hop[0], "2001:db8:99::1", 0);
	peers[0].n_next_hop = peers[1].n_next_hop = 1;
	peers[0].large_communities[0] = (struct anycast_large_community){{4200000001, 2, 3}};
	peers[0].n_large_communities = 1;
}

static void test_own_choice(void)
{
	begin_with(2, own_choice);
	told(dialled[0]);
	told(dialled[1]);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_TRUE(bytes_told(dialled[0], "400304c6336463" "80040400000000" "c0200cfa56ea010000000200000003" "20cb00710a"));
	CU_ASSERT_STRING_EQUAL(told(dialled[1]), "");
	speaker_route(speaker, 1, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "");
	CU_ASSERT_TRUE(bytes_told(dialled[1], "00020110" "20010db8009900000000000000000001" "00" "80"));
	end();
}

/* RFC 7313: where both offered it, what is sent again is bracketed. */
static void test_enhanced_refresh(void)
{
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof buf);

	begin(1);
	speaker_route(speaker, 0, POLICY_ROUTE_ANNOUNCE);
	shutdown(dialled[0], SHUT_RDWR);
	peer_turn();
	peer_pass(CLOCK_SEC);
	bgp_msg_write_open(&w, &(struct bgp_open){.as = 65000, .router_id = 1, .families = BGP_IPV4 | BGP_IPV6, .as4 = true,
	                                          .refresh = true, .enhanced_refresh = true});
	peer_send(dialled[1], buf, writer_len(&w));
	peer_keepalive(dialled[1]);
	peer_turn();
	told(dialled[1]);
	w = writer_of(buf, sizeof buf);
	bgp_msg_write_refresh(&w, BGP_IPV4, BGP_REFRESH_REQUEST);
	peer_send(dialled[1], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_STRING_EQUAL(peer_hear(dialled[1])->types, "RUR");
	CU_ASSERT_EQUAL(status()->peers[0].refreshes_in, 1);
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
	has_next_hop = true;  /* the link has got its address meanwhile */
	speaker_check(speaker);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "+6");
	speaker_check(speaker);
	CU_ASSERT_STRING_EQUAL(told(dialled[0]), "");
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

static void send_route(int fd, const char *prefix, const char *hop, const uint32_t *community, bool withdraw)
{
	struct prefix p;
	struct bgp_attrs a = {.local_as = 65000, .as4 = true, .has_med = true, .med = 7, .communities = community,
	                      .n_communities = community != NULL};
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof buf);

	prefix_parse(&p, prefix);
	addr_parse(&a.next_hop, hop, 0);
	if (withdraw)
		bgp_update_write_withdraw(&w, &p, 1);
	else
		bgp_update_write_announce(&w, &a, &p, 1);
	peer_send(fd, buf, writer_len(&w));
	peer_turn();
}

/* Another node's route to a prefix of ours. */
static void test_others(void)
{
	static const uint32_t shutdown_community = BGP_COMMUNITY_GRACEFUL_SHUTDOWN;
	const struct anycast_heard_status *heard;
	uint8_t buf[32];
	struct writer w = writer_of(buf, sizeof buf);
	char text[ADDR_STR_LEN];

	begin(1);
	CU_ASSERT_FALSE(speaker_others(speaker, 0));
	send_route(dialled[0], "203.0.113.10/32", "192.0.2.1", NULL, false);
	CU_ASSERT_TRUE(speaker_others(speaker, 0));
	config.peers[0].has_med = false;
	config.peers[0].degrade.med = 7;
	CU_ASSERT_FALSE(speaker_others(speaker, 0));  /* no better than ours would be */
	config.peers[0].degrade.med = 8;
	CU_ASSERT_TRUE(speaker_others(speaker, 0));
	CU_ASSERT_FALSE(speaker_others(speaker, 1));
	heard = &status()->prefixes[0].heard[0];
	CU_ASSERT_TRUE(heard->heard && heard->has_med && !heard->draining);
	CU_ASSERT_EQUAL(heard->med, 7);
	CU_ASSERT_EQUAL(heard->origin_as, 65000);
	CU_ASSERT_EQUAL(heard->path_len, 1);
	CU_ASSERT_STRING_EQUAL(addr_host_str(&heard->next_hop, text), "192.0.2.1");
	send_route(dialled[0], "203.0.113.10/32", "192.0.2.1", &shutdown_community, false);
	CU_ASSERT_FALSE(speaker_others(speaker, 0));  /* it is about to go */
	send_route(dialled[0], "203.0.113.10/32", "192.0.2.3", NULL, false);
	CU_ASSERT_FALSE(speaker_others(speaker, 0));  /* our own, come back */
	send_route(dialled[0], "2001:db8:ac::10/128", "2001:db8:a::1", NULL, false);
	CU_ASSERT_TRUE(speaker_others(speaker, 1));
	bgp_msg_write_refresh(&w, BGP_IPV6, BGP_REFRESH_BEGIN);
	peer_send(dialled[0], buf, writer_len(&w));
	peer_turn();
	CU_ASSERT_FALSE(speaker_others(speaker, 1));
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 1);
	send_route(dialled[0], "203.0.113.10/32", "192.0.2.1", NULL, false);
	send_route(dialled[0], "203.0.113.10/32", "192.0.2.1", NULL, true);
	CU_ASSERT_FALSE(speaker_others(speaker, 0));
	end();
}

static void limited(struct anycast_peer_config *peers) { peers[0].max_prefixes = 250; }

static void test_max_prefixes(void)
{
	struct heard *h;

	begin_with(2, limited);
	peer_hear(dialled[0]);
	send_prefixes(dialled[0], 0, 200, false);
	CU_ASSERT_STRING_EQUAL(status()->peers[0].state, "Established");
	send_prefixes(dialled[0], 200, 200, false);
	h = peer_hear(dialled[0]);
	CU_ASSERT_STRING_EQUAL(h->types, "N.");
	CU_ASSERT_STRING_EQUAL(h->notification.text, "Cease/Maximum Number of Prefixes Reached");
	CU_ASSERT_EQUAL(h->notification.data_len, 7);
	CU_ASSERT_EQUAL(memcmp(h->notification.data, "\0\1\1\0\0\0\xfa", 7), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(status()->peers[0].last_error, "more than the 250 prefixes"));
	CU_ASSERT_EQUAL(status()->peers[0].prefixes_received, 0);
	CU_ASSERT_STRING_EQUAL(status()->peers[1].state, "Established");  /* others are not touched */
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
          {"ROUTE-REFRESH", test_refresh}, {"degrade", test_degrade},
          {"degrade and drain by profile", test_profiles}, {"degrade and drain within an AS", test_internal}, {"a peer's own prefixes and attributes", test_own_choice},
          {"enhanced refresh", test_enhanced_refresh}, {"other nodes' routes", test_others},
          {"max_prefixes", test_max_prefixes}, {"no next hop", test_no_next_hop},
          {"a slow peer", test_slow_peer}, {"received prefixes", test_received}, {"stop", test_stop})
