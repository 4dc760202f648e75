/* Configurations that cannot work are refused, each with a line that says what would be right; and an
 * anycast with nothing to do starts and stops. */
#include "anycast/check.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct anycast_config config;
static struct err err;

static struct anycast_config *good(void)
{
	memset(&config, 0, sizeof config);
	config.router_id = 0xc633640b;
	config.gate = (struct policy_route_gate){.rise = 1, .fall = 1};
	config.gate_interval_ms = 10;
	config.n_prefixes = 2;
	prefix_parse(&config.prefixes[0].prefix, "203.0.113.10/32");
	prefix_parse(&config.prefixes[1].prefix, "2001:db8:ac::10/128");
	config.n_peers = 2;
	for (unsigned i = 0; i < 2; i++)
		config.peers[i] = (struct anycast_peer_config){.name = "router",
							       .as = 65000,
							       .local_as = 65010,
							       .hold_ms = 60000,
							       .connect_retry_ms = 5000,
							       .ttl = 1};
	addr_parse(&config.peers[0].address, "192.0.2.1", 0);
	addr_parse(&config.peers[1].address, "192.0.2.2", 0);
	return &config;
}

static void refused(const char *because)
{
	memset(&err, 0, sizeof err);
	CU_ASSERT_EQUAL(anycast_check_config(&config, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, because));
	CU_ASSERT_PTR_NULL(anycast_new(&config, NULL, NULL, &err));
}

static void test_good(void)
{
	CU_ASSERT_EQUAL(anycast_check_config(good(), &err), 0);
	config.peers[0].hold_ms = 0;                                /* none: allowed */
	config.peers[0].ttl = 0, config.peers[0].ttl_security = 1;
	addr_parse(&config.listen, "192.0.2.3", 0);
	config.peers[0].passive = true;
	CU_ASSERT_EQUAL(anycast_check_config(&config, &err), 0);
	memset(&config, 0, sizeof config);                          /* nothing at all to announce, nobody to tell */
	config.gate_interval_ms = 1000;
	CU_ASSERT_EQUAL(anycast_check_config(&config, &err), 0);
}

static void test_bad(void)
{
	good()->router_id = 0;
	refused("router_id");
	good()->gate_interval_ms = 0;
	refused("interval");
	good()->n_peers = ANYCAST_PEERS_MAX + 1;
	refused("at most 32");
	good()->n_prefixes = ANYCAST_PREFIXES_MAX + 1;
	refused("at most 64");
	good()->prefixes[1] = config.prefixes[0];
	refused("203.0.113.10/32 is there twice");
	good()->prefixes[0].prefix.family = 0;
	refused("neither IPv4 nor IPv6");
	good()->peers[1].name[0] = 0;
	refused("name");
	memset(good()->peers[1].name, 'x', ANYCAST_NAME_LEN);
	refused("name");
	memset(good()->peers[0].password, 'x', sizeof config.peers[0].password);
	refused("longer than 80");
	good()->peers[0].as = 0;
	refused("AS number is 0");
	good()->peers[0].hold_ms = 2000;
	refused("3 s to 65535 s");
	good()->peers[0].hold_ms = 65536000;
	refused("3 s to 65535 s");
	good()->peers[0].max_prefixes = 10000;
	refused("at most 9999");
	good()->peers[0].ttl = 0;
	refused("ttl is 0");
	good()->peers[0].bfd = (struct anycast_bfd_config){.enabled = true, .interval_ms = 9, .multiplier = 3};
	refused("10 ms to 60 s");
	good()->peers[0].bfd = (struct anycast_bfd_config){.enabled = true, .interval_ms = 60001, .multiplier = 3};
	refused("10 ms to 60 s");
	good()->peers[0].bfd = (struct anycast_bfd_config){.enabled = true, .interval_ms = 10};
	refused("multiplier is 0");
	good()->peers[0].n_communities = 17;
	refused("at most 16");
	memset(&good()->peers[0].address, 0, sizeof(struct addr));
	refused("no address");
	addr_parse(&good()->peers[0].local_address, "::1", 0);
	refused("same family");
	good()->peers[0].passive = true;
	refused("no IPv4 address to listen on");
	good()->peers[1].address = config.peers[0].address;
	refused("same address");
}

static void facts(void *arg, const struct prefix *prefix, struct policy_route_facts *out)
{
	++*(unsigned *)arg;
	out->workers = out->workers_alive = 1;
}

/* The whole of it with a thread, but without peers: checks run, orders arrive, the stop is quick. */
static void test_life(void)
{
	static struct anycast_status status;
	struct anycast *a;
	struct prefix unknown;
	unsigned asked = 0;

	good()->n_peers = 0;
	a = anycast_new(&config, facts, &asked, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	anycast_status(a, &status);
	CU_ASSERT_EQUAL(status.n_prefixes, 2);
	CU_ASSERT_EQUAL(anycast_start(a), 0);
	prefix_parse(&unknown, "198.51.100.0/24");
	CU_ASSERT_EQUAL(anycast_order(a, &unknown, POLICY_ORDER_WITHDRAW, "a test"), -ENOENT);
	CU_ASSERT_EQUAL(anycast_order(a, &config.prefixes[1].prefix, POLICY_ORDER_WITHDRAW, "a test"), 0);
	anycast_stop(a, 1000, "bye");
	anycast_status(a, &status);
	CU_ASSERT_EQUAL(status.prefixes[0].order, POLICY_ORDER_AUTO);
	CU_ASSERT_EQUAL(status.prefixes[1].order, POLICY_ORDER_WITHDRAW);
	CU_ASSERT_STRING_EQUAL(status.prefixes[0].reason, policy_route_reason_str(POLICY_ROUTE_STOPPING));
	CU_ASSERT(asked > 0);
	CU_ASSERT_EQUAL(anycast_order(a, NULL, POLICY_ORDER_AUTO, "a test"), 0);  /* too late, harmless */
	anycast_stop(a, 1000, "bye");
	anycast_free(a);
	anycast_free(NULL);
	a = anycast_new(&config, facts, &asked, &err);                            /* never started */
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	anycast_order(a, NULL, POLICY_ORDER_AUTO, "a test");
	anycast_free(a);
}

UNIT_MAIN("anycast_check", {"good ones", test_good}, {"bad ones", test_bad}, {"start and stop", test_life})
