/* The API's handlers: what each says and changes. */
#include <errno.h>

#include "tests/unit/admin_ask.h"

/* ---- the node ---- */

static void test_health_ready(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/health", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"status\":\"ok\"}");
	CU_ASSERT_STRING_EQUAL(got.type, "application/json");
	CU_ASSERT_EQUAL(ask("GET", "/ready", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"ready\":true,\"reasons\":[]}");
	fakes->reasons[0] = "draining";
	fakes->reasons[1] = "no region reachable";
	fakes->n_reasons = 2;
	CU_ASSERT_EQUAL(ask("GET", "/ready", NULL), 503);
	CU_ASSERT_STRING_EQUAL(got.type, "application/json");
	CU_ASSERT_STRING_EQUAL(got.text, "{\"ready\":false,\"reasons\":[\"draining\",\"no region reachable\"]}");
	CU_ASSERT_EQUAL(ask("GET", "/health", NULL), 200);
	end();
}

static void test_status(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/status", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("node"), "iad-1");
	CU_ASSERT_STRING_EQUAL(str("version"), "0.1.0");
	CU_ASSERT_STRING_EQUAL(str("started"), "2026-01-31T11:00:00.000000Z");
	CU_ASSERT_EQUAL(num("uptime_s"), 3600);
	CU_ASSERT_TRUE(json_is_true(at("ready")));
	CU_ASSERT_EQUAL(num("calls"), 247);
	CU_ASSERT_EQUAL(num("setups"), 8);
	CU_ASSERT_EQUAL(num("transactions"), 17);
	CU_ASSERT_EQUAL(num("workers_alive"), 4);
	CU_ASSERT_EQUAL(num("regions.reachable"), 2);
	CU_ASSERT_EQUAL(num("anycast.announced"), 1);
	CU_ASSERT_EQUAL(num("anycast.peers"), 2);
	CU_ASSERT_EQUAL(num("anycast.established"), 1);
	fakes->sources.anycast = NULL;
	fakes->proxy.draining = true;
	CU_ASSERT_EQUAL(ask("GET", "/v1/status", NULL), 200);
	CU_ASSERT_TRUE(json_is_null(at("anycast")));
	CU_ASSERT_TRUE(json_is_true(at("draining")));
	end();
}

static void test_config(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/config", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.type, "text/yaml; charset=utf-8");
	CU_ASSERT_STRING_EQUAL(got.text, "node:\n  id: iad-1\n");
	fakes->config_error = -ENOMEM;
	ask("GET", "/v1/config", NULL);
	check_problem(500, "Internal Server Error", "Cannot allocate memory");
	end();
}

static void test_drain(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/drain", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("state"), "in service");
	CU_ASSERT_TRUE(json_is_null(at("since")));
	CU_ASSERT_EQUAL(ask("POST", "/v1/drain", NULL), 200);
	CU_ASSERT_TRUE(fakes->draining);
	CU_ASSERT_STRING_EQUAL(fakes->drained_by, "socket uid 7");
	CU_ASSERT_STRING_EQUAL(str("state"), "route made worse");
	CU_ASSERT_EQUAL(num("new_calls"), 3);
	CU_ASSERT_EQUAL(num("open"), 2);
	CU_ASSERT_EQUAL(num("calls"), 7);
	CU_ASSERT_EQUAL(ask("POST", "/v1/undrain", NULL), 200);
	CU_ASSERT_FALSE(fakes->draining);
	fakes->stopping = true;
	ask("POST", "/v1/undrain", NULL);
	check_problem(409, "Conflict", "the node is stopping");
	end();
}

/* ---- regions ---- */

static void test_regions(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/regions", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("regions")), 2);
	CU_ASSERT_STRING_EQUAL(str("regions.0.name"), "us-east-1");
	CU_ASSERT_STRING_EQUAL(str("regions.0.state"), "ready");
	CU_ASSERT_EQUAL(num("regions.0.calls"), 123);
	CU_ASSERT_EQUAL(num("regions.0.calls_max"), 4000);
	CU_ASSERT_EQUAL(num("regions.0.weight"), 100);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("regions.0.latency_ms")), 81.234, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("regions.0.rtt_ms")), 12.345, 1e-9);
	CU_ASSERT_EQUAL(num("regions.0.attempts_total"), 1000);
	CU_ASSERT_TRUE(json_is_null(at("regions.1.latency_ms")));
	CU_ASSERT_TRUE(json_is_null(at("regions.1.calls_max")));
	CU_ASSERT_PTR_NULL(at("regions.0.targets"));

	CU_ASSERT_EQUAL(ask("GET", "/v1/regions/us-west-2", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("targets")), 2);
	CU_ASSERT_STRING_EQUAL(str("targets.0.address"), "198.51.100.21:5060");
	CU_ASSERT_STRING_EQUAL(str("targets.0.transport"), "udp");
	CU_ASSERT_TRUE(json_is_null(at("targets.1.transport")));
	CU_ASSERT_TRUE(json_is_null(at("targets.0.last_error")));
	CU_ASSERT_TRUE(json_is_null(at("targets.1.address")));
	CU_ASSERT_TRUE(json_is_null(at("targets.1.rtt_ms")));
	CU_ASSERT_TRUE(json_is_false(at("targets.1.healthy")));
	CU_ASSERT_STRING_EQUAL(str("targets.1.last_error"), "no answer in 500 ms");
	ask("GET", "/v1/regions/eu-west-1", NULL);
	check_problem(404, "Not Found", "there is no region \"eu-west-1\"");
	end();
}

static void test_region_patch(void)
{
	struct region_live *east, *west;

	begin();
	east = &fakes->proxy.live[0];
	west = &fakes->proxy.live[1];
	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"state\": \"drain\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_DRAIN);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), -1);
	CU_ASSERT_EQUAL(atomic_load(&west->admin), POLICY_READY);
	CU_ASSERT_STRING_EQUAL(str("state"), "drain");
	CU_ASSERT_TRUE(logged("region us-east-1: state ready -> drain, by socket uid 7\n"));
	CU_ASSERT_FALSE(logged("weight"));

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": 0, \"state\": \"maint\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_MAINT);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), 0);
	CU_ASSERT_EQUAL(num("weight"), 0);
	CU_ASSERT_EQUAL(num("weight_configured"), 100);
	CU_ASSERT_TRUE(logged("region us-east-1: state drain -> maint, by socket uid 7\n"));
	CU_ASSERT_TRUE(logged("region us-east-1: weight as configured -> 0, by socket uid 7\n"));

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": 65535}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), 65535);
	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/us-east-1", "{\"weight\": null, \"state\": \"ready\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), -1);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_READY);
	CU_ASSERT_EQUAL(num("weight"), 100);

	CU_ASSERT_EQUAL(ask("PATCH", "/v1/regions/nowhere", "{\"weight\": 1}"), 404);
	end();
}

static void test_figures(void)
{
	struct region_live *east;

	begin();
	east = &fakes->proxy.live[0];
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": 40, \"agents\": 12.0, \"age_ms\": 500}"), 200);
	CU_ASSERT_EQUAL(json_array_size(at("figures")), 2);
	CU_ASSERT_EQUAL(json_array_size(at("refused")), 0);
	CU_ASSERT_STRING_EQUAL(str("figures.1.name"), "percent");
	CU_ASSERT_EQUAL(num("figures.1.age_ms"), 500);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": 140, \"queue\": null, \"slots\": -1, \"oldest_s\": 3}"), 200);
	CU_ASSERT_EQUAL(json_array_size(at("refused")), 3);
	CU_ASSERT_EQUAL(json_array_size(at("figures")), 3);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("figures.2.value")), 40, 1e-9);
	CU_ASSERT_EQUAL(atomic_load(&east->refused), 3);
	CU_ASSERT_EQUAL(ask("GET", "/v1/regions/us-east-1", NULL), 200);
	CU_ASSERT_EQUAL(num("figures_refused_total"), 3);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at("outside_load")), 0.4, 1e-4);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"percent\": \"40\"}"), 400);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/us-east-1/figures", "{\"age_ms\": -1}"), 400);
	CU_ASSERT_EQUAL(ask("POST", "/v1/regions/nowhere/figures", "{\"percent\": 1}"), 404);
	end();
}

/* ---- trunks, anycast ---- */

static void test_trunks(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/trunks", NULL), 200);
	CU_ASSERT_EQUAL(json_array_size(at("trunks")), 2);
	CU_ASSERT_STRING_EQUAL(str("trunks.0.name"), "carrier-a");
	CU_ASSERT_EQUAL(num("trunks.0.sources"), 2);
	CU_ASSERT_EQUAL(num("trunks.0.calls_max"), 5000);
	CU_ASSERT_EQUAL(num("trunks.0.calls_total"), 123456);
	CU_ASSERT_EQUAL(num("trunks.0.limited_total"), 78);
	CU_ASSERT_EQUAL(num("trunks.0.over_max_calls_total"), 70);
	CU_ASSERT_EQUAL(num("trunks.0.over_max_cps_total"), 8);
	CU_ASSERT_TRUE(json_is_null(at("trunks.1.calls_max")));
	fakes->proxy.n_trunks = 0;
	CU_ASSERT_EQUAL(ask("GET", "/v1/trunks", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"trunks\":[]}");
	end();
}

static void test_anycast(void)
{
	begin();
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_TRUE(json_is_true(at("configured")));
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.prefix"), "203.0.113.10/32");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.action"), "announce");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.order"), "auto");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.reason"), "ready");
	CU_ASSERT_EQUAL(num("prefixes.0.peers_announced"), 1);
	CU_ASSERT_EQUAL(num("peers"), 2);
	CU_ASSERT_EQUAL(num("peers_established"), 1);

	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("peers.0.state"), "Established");
	CU_ASSERT_STRING_EQUAL(str("peers.0.address"), "169.254.10.1");
	CU_ASSERT_EQUAL(num("peers.0.hold_ms"), 60000);
	CU_ASSERT_TRUE(json_is_null(at("peers.0.last_error")));
	CU_ASSERT_STRING_EQUAL(str("peers.1.last_error"), "connect: Connection refused");
	CU_ASSERT_STRING_EQUAL(str("peers.0.bfd.state"), "Up");
	CU_ASSERT_STRING_EQUAL(str("peers.0.bfd.remote_diagnostic"), "path down");
	CU_ASSERT_EQUAL(json_number_value(at("peers.0.bfd.detection_ms")), 5000);
	CU_ASSERT_EQUAL(num("peers.0.bfd.packets_discarded"), 7);
	CU_ASSERT_EQUAL(num("peers.0.bfd.down_total"), 1);
	CU_ASSERT_FALSE(json_is_true(at("peers.0.bfd.holds_bgp")));
	CU_ASSERT_TRUE(json_is_null(at("peers.1.bfd")));

	fakes->sources.anycast = NULL;
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"configured\":false,\"prefixes\":[],\"peers\":0,\"peers_established\":0}");
	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"peers\":[]}");
	ask("POST", "/v1/anycast/withdraw", NULL);
	check_problem(409, "Conflict", "no anycast section");
	end();
}

/* What a peer has been sent, and what it told of other nodes. */
static void test_anycast_in_full(void)
{
	struct anycast_status *s;

	begin();
	s = &fakes->anycast.status;
	s->prefixes[0].sent[0] = (struct anycast_sent_status){POLICY_ROUTE_DEGRADE, 1000000};
	s->prefixes[0].heard[1] = (struct anycast_heard_status){.heard = true, .origin_as = 64512, .path_len = 2};
	addr_parse(&s->prefixes[0].heard[1].next_hop, "192.0.2.7", 0);
	s->prefixes[0].others = POLICY_OTHERS_SOME;
	s->peers[0].router_id = 0x0a000001;
	s->peers[0].ipv6 = s->peers[0].as4 = true;
	CU_ASSERT_EQUAL(ask("GET", "/v1/anycast", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.sent.0.action"), "degrade");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.sent.1.action"), "withdraw");
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.heard.0.next_hop"), "192.0.2.7");
	CU_ASSERT_EQUAL(num("prefixes.0.heard.0.origin_as"), 64512);
	CU_ASSERT_TRUE(json_is_null(at("prefixes.0.heard.0.med")));
	CU_ASSERT_STRING_EQUAL(str("prefixes.0.other_nodes"), "some");
	CU_ASSERT_EQUAL(ask("GET", "/v1/peers", NULL), 200);
	CU_ASSERT_STRING_EQUAL(str("peers.0.router_id"), "10.0.0.1");
	CU_ASSERT_STRING_EQUAL(str("peers.0.families.0"), "ipv6");
	CU_ASSERT_STRING_EQUAL(str("peers.0.capabilities.0"), "as4");
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/force", NULL), 200);
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_ANNOUNCE);
	CU_ASSERT_STRING_EQUAL(str("order"), "announce");
	end();
}

static void test_orders(void)
{
	struct prefix prefix;

	begin();
	prefix_parse(&prefix, "203.0.113.10/32");
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", NULL), 200);
	CU_ASSERT_STRING_EQUAL(got.text, "{\"order\":\"withdraw\",\"prefix\":null}");
	CU_ASSERT_TRUE(fakes->anycast.all);
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_WITHDRAW);
	CU_ASSERT_STRING_EQUAL(fakes->anycast.who, "socket uid 7");

	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/announce", "{\"prefix\": \"203.0.113.10/32\"}"), 200);
	CU_ASSERT_FALSE(fakes->anycast.all);
	CU_ASSERT_TRUE(prefix_equal(&fakes->anycast.prefix, &prefix));
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_AUTO);
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", "{}"), 200);
	CU_ASSERT_EQUAL(ask("POST", "/v1/anycast/withdraw", "{\"prefix\": null}"), 200);
	CU_ASSERT_EQUAL(fakes->anycast.orders, 4);

	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": \"203.0.113.11/32\"}");
	check_problem(404, "Not Found", "203.0.113.11/32 is not one of this node's prefixes");
	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": \"203.0.113.11/24\"}");
	check_problem(400, "Bad Request", "\"prefix\" must be like 203.0.113.10/32");
	ask("POST", "/v1/anycast/withdraw", "{\"prefix\": 7}");
	check_problem(400, "Bad Request", "\"prefix\" must be a string or null");
	ask("POST", "/v1/anycast/withdraw", "{\"prefixes\": \"x\"}");
	check_problem(400, "Bad Request", "unknown key \"prefixes\"; there is prefix");
	CU_ASSERT_EQUAL(fakes->anycast.orders, 4);
	end();
}

/* ---- explain ---- */

static void test_explain(void)
{
	const char *premium = "{\"trunk\": \"carrier-a\", \"from\": \"+15550001\", \"to\": \"+18005550100\"}";

	begin();
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "ok");
	CU_ASSERT_STRING_EQUAL(str("rule"), "premium");
	CU_ASSERT_STRING_EQUAL(str("pool"), "default");
	CU_ASSERT_STRING_EQUAL(str("strategy"), "priority");
	CU_ASSERT_STRING_EQUAL(str("chosen"), "us-east-1");
	CU_ASSERT_STRING_EQUAL(str("because"), "first in order");
	CU_ASSERT_EQUAL(json_array_size(at("candidates")), 2);

	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", "{\"trunk\": \"carrier-a\", \"from\": \"+15550001\", \"to\": \"+18005550100\", \"sips\": true}"), 200);
	CU_ASSERT_STRING_EQUAL(str("chosen"), "us-west-2");
	CU_ASSERT_STRING_EQUAL(str("candidates.0.reason"), "no_sips_target");
	CU_ASSERT_TRUE(json_is_true(at("candidates.0.no_sips")));
	CU_ASSERT_PTR_NULL(at("candidates.1.no_sips"));
	CU_ASSERT_STRING_EQUAL(str("otherwise"), "us-east-1 would be eligible with a target that is sips:");
	ask("POST", "/v1/explain", "{\"trunk\": \"carrier-a\", \"from\": \"1\", \"to\": \"2\", \"sips\": 1}");
	check_problem(400, "Bad Request", "\"sips\" must be true or false");

	ask("PATCH", "/v1/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("chosen"), "us-west-2");
	CU_ASSERT_STRING_EQUAL(str("candidates.0.reason"), "draining");

	ask("PATCH", "/v1/regions/us-west-2", "{\"state\": \"maint\"}");
	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", premium), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "no region");
	CU_ASSERT_TRUE(json_is_null(at("chosen")));
	CU_ASSERT_STRING_EQUAL(str("because"), "no region eligible");

	CU_ASSERT_EQUAL(ask("POST", "/v1/explain", "{\"trunk\": \"carrier-b\", \"from\": \"1\", \"to\": \"+44\"}"), 200);
	CU_ASSERT_STRING_EQUAL(str("status"), "no rule");
	CU_ASSERT_TRUE(json_is_null(at("rule")));

	ask("POST", "/v1/explain", "{\"trunk\": \"nobody\", \"from\": \"1\", \"to\": \"2\"}");
	check_problem(400, "Bad Request", "there is no trunk \"nobody\"");
	ask("POST", "/v1/explain", "{\"trunk\": \"carrier-a\", \"from\": \"1\"}");
	check_problem(400, "Bad Request", "\"to\" is missing");
	end();
}

/* ---- the fleet ---- */

/* The fleet: this node first, the other as its record says; a change for all goes to the daemon with who asked. */
static void test_cluster(void)
{
	begin();
	ask("GET", "/v1/cluster", NULL);
	CU_ASSERT_EQUAL(got.status, 200);
	CU_ASSERT_STRING_EQUAL(str("nodes.0.node"), "iad-1");
	CU_ASSERT_STRING_EQUAL(str("nodes.1.node"), "ord-1");
	CU_ASSERT_EQUAL(num("nodes.1.calls"), 21);
	CU_ASSERT_EQUAL(num("nodes.1.clock_off_ms"), 1000);
	CU_ASSERT_EQUAL(num("nodes.1.fleet_revision"), 7);
	CU_ASSERT_STRING_EQUAL(str("nodes.1.prefixes.0.action"), "announce");
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 200);
	CU_ASSERT_EQUAL(num("revision"), 8);
	CU_ASSERT_EQUAL(strncmp(fakes->fleet_changed, "us-east-1 drain -2 ", 19), 0);
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"weight\": null}");
	CU_ASSERT_EQUAL(strncmp(fakes->fleet_changed, "us-east-1 - -1 ", 15), 0);
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{}");
	CU_ASSERT_EQUAL(got.status, 400);
	ask("PATCH", "/v1/cluster/regions/nowhere", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 404);
	fakes->sources.board = NULL;
	fakes->sources.document = NULL;
	ask("PATCH", "/v1/cluster/regions/us-east-1", "{\"state\": \"drain\"}");
	CU_ASSERT_EQUAL(got.status, 409);
	ask("GET", "/v1/cluster", NULL);
	CU_ASSERT_EQUAL(got.status, 200);
	end();
}

UNIT_MAIN("admin api",
	{"health and ready", test_health_ready},
	{"status", test_status},
	{"config", test_config},
	{"drain", test_drain},
	{"regions", test_regions},
	{"changing a region", test_region_patch},
	{"figures from outside", test_figures},
	{"trunks", test_trunks},
	{"anycast and peers", test_anycast},
	{"anycast in full", test_anycast_in_full},
	{"orders", test_orders},
	{"explain", test_explain},
	{"the fleet", test_cluster})
