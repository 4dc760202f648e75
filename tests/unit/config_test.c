/* The configuration as values: the shipped sample, what holds where nothing is said, printing that reads
 * back to the same, secrets from files, and mutilated text, which may be refused but never crashes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/unit/unit.h"

static char first_report[1200];
static unsigned reports;

static void collect(void *arg, const char *line)
{
	if (!reports++)
		snprintf(first_report, sizeof(first_report), "%s", line);
}

static struct config *parse(const char *text, size_t len)
{
	reports = 0;
	first_report[0] = 0;
	return config_parse("/nowhere/x.yaml", text, len, collect, NULL, NULL);
}

static struct config *parse_right(const char *text)
{
	struct config *config = parse(text, strlen(text));
	if (!config)
		fprintf(stderr, "\n    %s\n", first_report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	config_print(config, out);
	fclose(out);
	return text;
}

static char *read_sample(size_t *len)
{
	FILE *in = fopen(SAMPLE, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	char *text = malloc(65536);
	*len = fread(text, 1, 65535, in);
	text[*len] = 0;
	fclose(in);
	return text;
}

/* What is printed parses again, to the same print. */
static bool round_trips(const struct config *config)
{
	char *once = print(config);
	struct config *again = parse(once, strlen(once));
	char *twice = again ? print(again) : NULL;
	bool same = twice && !strcmp(once, twice);
	if (!same)
		fprintf(stderr, "\n    %s\n%s\n", first_report, once);
	free(once);
	free(twice);
	config_free(again);
	return same;
}

#define BASE \
	"node: {id: n1, address: 198.51.100.11}\n" \
	"trunks: [{name: t1, sources: [192.0.2.0/24]}]\n" \
	"regions: [{name: r1, targets: [\"sip:198.51.100.21\"]}]\n"

static void test_sample(void)
{
	bool unreadable;
	struct config *config = config_load(SAMPLE, collect, NULL, &unreadable);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config->n_trunks, 2);
	CU_ASSERT_EQUAL(config->trunks[0].n_sources, 2);
	CU_ASSERT_EQUAL(config->n_regions, 2);
	CU_ASSERT_EQUAL(config->regions[1].n_targets, 2);
	CU_ASSERT_EQUAL(config->n_rules, 2);
	CU_ASSERT_STRING_EQUAL(config->rules[0].to[0].text, "+1800*");
	CU_ASSERT_EQUAL(config->rules[0].pool, 1);
	CU_ASSERT_EQUAL(config->anycast.n_peers, 2);
	CU_ASSERT(round_trips(config));
	config_free(config);
}

/* What the sample routes by is what policy takes. */
static void test_sample_compiles(void)
{
	struct err err = {""};
	struct config *config = config_load(SAMPLE, collect, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	struct policy_region_config regions[POLICY_REGIONS_MAX];
	for (unsigned i = 0; i < config->n_regions; i++)
		regions[i] = config->regions[i].policy;
	struct policy_config policy = {
		.regions = regions, .n_regions = config->n_regions, .pools = config->pools, .n_pools = config->n_pools,
		.rules = config->rules, .n_rules = config->n_rules, .tuning = config->tuning,
	};
	struct policy_table *table = policy_table_new(&policy, &err);
	CU_ASSERT_PTR_NOT_NULL(table);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	policy_table_free(table);
	config_free(config);
}

static void test_defaults(void)
{
	struct config *c = parse_right(BASE);
	struct policy_tuning tuning = policy_tuning_default();
	char text[ADDR_STR_LEN];
	CU_ASSERT_STRING_EQUAL(c->path, "/nowhere/x.yaml");
	CU_ASSERT_EQUAL(c->node.port, 5060);
	CU_ASSERT_EQUAL(c->node.n_egress, 1);
	CU_ASSERT(addr_same_host(&c->node.egress[0], &c->node.address[0]));
	CU_ASSERT(c->node.workers >= 1 && c->node.workers <= 64);
	CU_ASSERT_EQUAL(c->node.max_call_ms, 4 * 3600 * 1000);
	CU_ASSERT_EQUAL(c->n_listen, 0);
	CU_ASSERT_EQUAL(c->trunks[0].max_calls, 0);
	CU_ASSERT_STRING_EQUAL(c->trunks[0].default_country, "");
	CU_ASSERT(c->trunks[0].trust);
	CU_ASSERT_EQUAL(c->trunks[0].options.limit.status, 503);
	CU_ASSERT_EQUAL(c->trunks[0].options.limit.retry_after_ms, 5000);
	CU_ASSERT_EQUAL(c->regions[0].policy.weight, 100);
	CU_ASSERT_EQUAL(c->regions[0].large, CONFIG_UDP);
	CU_ASSERT_EQUAL(c->connections.ping_ms, 90000);
	CU_ASSERT_EQUAL(c->probes.interval_ms, 1000);
	CU_ASSERT_EQUAL(c->probes.timeout_ms, 500);
	CU_ASSERT_EQUAL(c->probes.rise, 2);
	CU_ASSERT_EQUAL(c->probes.fall, 3);
	CU_ASSERT_EQUAL(c->n_pools, 1);
	CU_ASSERT_STRING_EQUAL(c->pools[0].name, "default");
	CU_ASSERT_EQUAL(c->pools[0].strategy, POLICY_ADAPTIVE);
	CU_ASSERT_EQUAL(c->pools[0].n_regions, 1);
	static const uint16_t on[] = {408, 500, 502, 503, 504};
	CU_ASSERT_EQUAL_FATAL(c->pools[0].failover.n_on, 5);
	CU_ASSERT(!memcmp(c->pools[0].failover.on, on, sizeof(on)));
	CU_ASSERT_EQUAL(c->pools[0].failover.first_response_ms, 2000);
	CU_ASSERT_EQUAL(c->pools[0].failover.attempts, 2);
	CU_ASSERT_EQUAL(c->n_rules, 1);
	CU_ASSERT_STRING_EQUAL(c->rules[0].name, "all");
	CU_ASSERT_EQUAL(c->rules[0].pool, 0);
	CU_ASSERT(!memcmp(&c->tuning, &tuning, sizeof(tuning)));
	CU_ASSERT(!c->has_anycast);
	CU_ASSERT_EQUAL(c->secret_len, 0);
	CU_ASSERT_EQUAL(c->admin.n_listen, 1);
	CU_ASSERT_STRING_EQUAL(addr_str(&c->admin.listen[0], text), "127.0.0.1:8080");
	CU_ASSERT_STRING_EQUAL(c->admin.socket, "/run/tandem/admin.sock");
	CU_ASSERT_EQUAL(c->log.level, LL_INFO);
	CU_ASSERT_STRING_EQUAL(c->log.calls_file, "");
	CU_ASSERT(!c->log.mask_numbers);
	CU_ASSERT(round_trips(c));
	config_free(c);
}

static void test_node_id_default(void)
{
	char host[POLICY_NAME_LEN] = "";
	gethostname(host, sizeof(host) - 1);
	struct config *c = parse_right("node: {address: 198.51.100.11}\n"
	                               "trunks: [{name: t1, sources: [192.0.2.0/24]}]\n"
	                               "regions: [{name: r1, targets: [\"sip:198.51.100.21\"]}]\n");
	CU_ASSERT_STRING_EQUAL(c->node.id, host);
	config_free(c);
}

static void test_bfd_defaults(void)
{
	struct config *c = parse_right(BASE
		"listen: [{address: 203.0.113.10, anycast: true}]\n"
		"anycast:\n"
		"  as: 64512\n"
		"  prefixes: [{prefix: 203.0.113.10}]\n"
		"  peers: [{name: a, address: 169.254.10.1, as: 1, bfd: {}},\n"
		"          {name: b, address: 10.0.0.1, as: 1, multihop: 4, bfd: {interval: 60s}},\n"
		"          {name: c, address: 10.0.0.2, as: 1, multihop: 2, bfd: {multihop: false}}]\n");
	const struct anycast_peer_config *p = c->anycast.peers;
	CU_ASSERT(p[0].bfd.enabled && !p[0].bfd.multihop && !p[0].bfd.strict);
	CU_ASSERT_EQUAL(p[0].bfd.interval_ms, 300);
	CU_ASSERT_EQUAL(p[0].bfd.multiplier, 3);
	CU_ASSERT_EQUAL(p[0].bfd.hold_down_ms, 30000);
	CU_ASSERT(p[1].bfd.multihop);  /* as its BGP is */
	CU_ASSERT_EQUAL(p[1].bfd.interval_ms, 60000);
	CU_ASSERT(p[2].bfd.enabled && !p[2].bfd.multihop);
	CU_ASSERT(round_trips(c));
	config_free(c);
}

static void test_anycast_defaults(void)
{
	struct config *c = parse_right(BASE
		"listen: [{address: 203.0.113.10, anycast: true}]\n"
		"anycast:\n"
		"  as: 64512\n"
		"  prefixes: [{prefix: 203.0.113.10}]\n"
		"  peers: [{name: a, address: 169.254.10.1, as: 1}, {name: b, address: 169.254.11.1, as: 4200000000}]\n");
	const struct anycast_peer_config *p = &c->anycast.peers[1];
	CU_ASSERT(c->has_anycast);
	CU_ASSERT_EQUAL(c->anycast.router_id, 0xc633640b);
	CU_ASSERT_EQUAL(c->anycast.prefixes[0].prefix.len, 32);
	CU_ASSERT(!c->anycast.prefixes[0].manage_address);
	CU_ASSERT_EQUAL(addr_family(&c->anycast.listen), 0);
	CU_ASSERT_EQUAL(c->anycast.gate.rise, 3);
	CU_ASSERT_EQUAL(c->anycast.gate.fall, 2);
	CU_ASSERT_EQUAL(c->anycast.gate.min_regions, 1);
	CU_ASSERT_EQUAL(c->anycast.gate_interval_ms, 500);
	CU_ASSERT_EQUAL(addr_port(&p->address), 179);
	CU_ASSERT_EQUAL(addr_family(&p->local_address), 0);
	CU_ASSERT_EQUAL(p->as, 4200000000);
	CU_ASSERT_EQUAL(p->local_as, 0);
	CU_ASSERT_EQUAL(c->anycast.as, 64512);
	CU_ASSERT_EQUAL(p->hold_ms, 60000);
	CU_ASSERT_EQUAL(p->connect_retry_ms, 5000);
	CU_ASSERT_EQUAL(p->ttl, 1);
	CU_ASSERT_EQUAL(p->ttl_security, 0);
	CU_ASSERT_FALSE(p->bfd.enabled);
	CU_ASSERT(!p->passive);
	CU_ASSERT(!p->has_med);
	CU_ASSERT_EQUAL(p->n_communities, 0);
	CU_ASSERT_EQUAL(p->profile, ANYCAST_GENERIC);
	CU_ASSERT_EQUAL(p->degrade.med, 1000);
	CU_ASSERT_EQUAL(p->degrade.prepend, 3);
	CU_ASSERT_EQUAL(p->max_prefixes, 0);
	CU_ASSERT_EQUAL(c->anycast.gate.hold_us, 5000000);
	CU_ASSERT(round_trips(c));
	config_free(c);
}

static void test_peer_routes(void)
{
	struct config *c = parse_right(BASE
		"listen: [{address: 203.0.113.10, anycast: true}, {address: 203.0.113.11, anycast: true}]\n"
		"anycast:\n"
		"  as: 64512\n"
		"  prefixes: [{prefix: 203.0.113.10}, {prefix: 203.0.113.11}]\n"
		"  gate: {hold: 1500ms}\n"
		"  peers:\n"
		"    - {name: a, address: 169.254.10.1, as: 1, local_as: 64513, profile: cloud-router, max_prefixes: 100,\n"
		"       prefixes: [203.0.113.11/32], next_hop: [192.0.2.1, \"2001:db8::1\"],\n"
		"       large_communities: [\"64512:1:4294967295\"], degrade: {med: 50, prepend: 2, communities: [\"1:2\"]}}\n");
	const struct anycast_peer_config *p = &c->anycast.peers[0];
	CU_ASSERT_EQUAL(p->local_as, 64513);
	CU_ASSERT_EQUAL(p->profile, ANYCAST_CLOUD_ROUTER);
	CU_ASSERT_EQUAL(p->max_prefixes, 100);
	CU_ASSERT_EQUAL(p->n_prefixes, 1);
	CU_ASSERT(prefix_equal(&p->prefixes[0], &c->anycast.prefixes[1].prefix));
	CU_ASSERT_EQUAL(p->n_next_hop, 2);
	CU_ASSERT_EQUAL(addr_family(&p->next_hop[1]), AF_INET6);
	CU_ASSERT_EQUAL(p->large_communities[0].v[2], UINT32_MAX);
	CU_ASSERT_EQUAL(p->degrade.med, 50);
	CU_ASSERT_EQUAL(p->degrade.communities[0], 1u << 16 | 2);
	CU_ASSERT_EQUAL(c->anycast.gate.hold_us, 1500000);
	CU_ASSERT(round_trips(c));
	config_free(c);
}

/* sips: is TLS, whatever else is said; it is printed as it was written. */
static void test_sips(void)
{
	struct config *c = parse_right(
		"node: {id: n, address: [198.51.100.11]}\n"
		"listen: [{address: 203.0.113.10, port: 5061, transport: tls, certificate: /c.pem, key: /k.pem}]\n"
		"trunks: [{name: t, sources: [192.0.2.0/24]}]\n"
		"regions: [{name: r, targets: [\"sips:a.example\", \"SIPS:b.example:5071;transport=tcp\", \"sips:198.51.100.21;transport=tls\",\n"
		"  \"sip:a.example\"]}]\n"
		"pools: [{name: p, regions: [r]}]\n"
		"rules: [{name: all, pool: p}]\n");
	static const uint16_t ports[] = {5061, 5071, 5061, 5060};
	for (unsigned i = 0; i < 4; i++) {
		const struct config_target *t = &c->regions[0].targets[i];
		CU_ASSERT_EQUAL(t->secure, i < 3);
		CU_ASSERT_EQUAL(t->transport, i < 3 ? CONFIG_TLS : CONFIG_UDP);
		CU_ASSERT_EQUAL(t->port, ports[i]);
	}
	CU_ASSERT(round_trips(c));
	config_free(c);
}

/* Every key with a value other than its default, in forms that differ from the printed one. */
static void test_values(void)
{
	struct config *c = parse_right(
		"admin: {listen: []}\n"
		"node: {id: \"n-1.a_b\", address: [\"2001:DB8::11\", 198.51.100.11], egress: [198.51.100.12, \"2001:db8::12\"],\n"
		"  port: 5080, workers: 3, max_call: 90m}\n"
		"listen: [{port: 5070, address: \"[2001:db8::10]\", anycast: true}]\n"
		"trunks: [{default_country: 49, sources: [192.0.2.1, \"2001:db8:a::/48\"], name: t, max_cps: 7, "
		"max_calls: 8, limit: {retry_after: 0, status: 429}, source_ports: [5060, 10000-20000, 7-7], trust: false,\n"
		"  international_prefix: [\"00\", \"0011\"], national_prefix: none, allowed_to: [+1800*, \"+44\", 11],\n"
		"  headers: [{strip: Diversion}, {add: X-Carrier, value: \"a, b: \\\"c\\\"\"}, {value: x, replace: subject}],\n"
		"  headers_back: [{strip: X-Region}, {replace: Server, value: \"-\"}]}]\n"
		"regions:\n"
		"  - {name: a, large_requests: tcp, weight: 0, max_calls: 5, max_cps: 6, targets: [\"SIP:a.Example;transport=UDP\", "
		"\"sip:[2001:db8::21]:5062\"]}\n"
		"  - {name: \"on\", targets: [\"sip:198.51.100.22:1\"]}\n"
		"connections: {ping: 0}\n"
		"probes: {interval: 2500ms, timeout: 1s, rise: 4, fall: 5}\n"
		"rules:\n"
		"  - {name: r, pool: p2, match: {trunk: t, to: \"+49*\", from: \"+4930123\"}}\n"
		"  - {name: s, refuse: 403, match: {to: [\"+1*\", \"+2*\", \"911\"], header: {name: X-Tier, value: \"go*\"}}}\n"
		"  - {name: u, pool: p1, match: {hours: [Mon-Wed 08:00-18:00, \"daily 22:00-06:00\", \"sat,sun 10:00-22:00\"],\n"
		"    zone: America/New_York, percent: 2.5}}\n"
		"pools:\n"
		"  - {name: p1, regions: [a, \"on\"], strategy: weighted, failover: {on: [], attempts: 1, "
		"first_response: 750ms}}\n"
		"  - {name: p2, regions: [\"on\"], strategy: sticky, failover: {on: [486], never: [],\n"
		"    attempt: 0, total: 7s, budget: 0.35, budget_min: 3}}\n"
		"tuning: {hot_on: 0.9, hot_off: 0.333, band: 1.5, band_min: 250us, setups_soft: 9, panic_share: 0.5,\n"
		"  fresh: 1s, gone: 2s, figure_fresh: 3s, figure_gone: 4s, oldest_full: 5s, eject_failures: 0, eject_time: 6s,\n"
		"  eject_max: 7s, slow_start: 0}\n"
		"anycast:\n"
		"  router_id: 10.0.0.1\n"
		"  as: 65001\n"
		"  listen: \"[::]:1179\"\n"
		"  prefixes: [{prefix: \"2001:db8::/64\", manage_address: true}]\n"
		"  peers: [{name: p, address: \"2001:db8:1::1\", port: 1790, local_address: \"2001:db8:1::2\", as: 2,\n"
		"    hold: 0s, connect_retry: 1m, ttl_security: 2, passive: true, med: 0, prepend: 3, communities: \"65535:65281\",\n"
		"    bfd: {interval: 50ms, multiplier: 5, strict: true, hold_down: 0s}}]\n"
		"  gate: {rise: 1, fall: 1, min_regions: 2, interval: 100ms}\n"
		"log: {level: debug, calls: {file: \"/a b/\\\"c\\\\.jsonl\", mask_numbers: true}}\n");
	char text[ADDR_STR_LEN];
	CU_ASSERT_EQUAL(c->node.n_address, 2);
	CU_ASSERT_EQUAL(c->node.workers, 3);
	CU_ASSERT_EQUAL(c->node.max_call_ms, 5400000);
	CU_ASSERT_STRING_EQUAL(addr_host_str(&c->node.egress[0], text), "198.51.100.12");
	CU_ASSERT_STRING_EQUAL(addr_str(&c->listen[0].address, text), "[2001:db8::10]:5070");
	CU_ASSERT_STRING_EQUAL(c->trunks[0].default_country, "49");
	CU_ASSERT_FALSE(c->trunks[0].trust);
	const struct trunk_options *o = &c->trunks[0].options;
	CU_ASSERT_EQUAL(o->limit.status, 429);
	CU_ASSERT_EQUAL(o->limit.retry_after_ms, 0);
	CU_ASSERT_EQUAL(o->n_ports, 3);
	CU_ASSERT_EQUAL(o->ports[0].last, 5060);
	CU_ASSERT_EQUAL(o->ports[1].first, 10000);
	CU_ASSERT_EQUAL(o->ports[1].last, 20000);
	CU_ASSERT_EQUAL(o->n_international, 2);
	CU_ASSERT_STRING_EQUAL(o->international[1], "0011");
	CU_ASSERT_STRING_EQUAL(o->national, "none");
	CU_ASSERT_EQUAL(o->n_allowed, 3);
	CU_ASSERT_STRING_EQUAL(o->allowed[0].prefix, "+1800");
	CU_ASSERT_STRING_EQUAL(o->allowed[2].prefix, "11");
	CU_ASSERT_EQUAL(o->n_headers, 3);
	CU_ASSERT_STRING_EQUAL(o->headers[0].strip, "Diversion");
	CU_ASSERT_STRING_EQUAL(o->headers[1].value, "a, b: \"c\"");
	CU_ASSERT_STRING_EQUAL(o->headers[2].replace, "subject");
	CU_ASSERT_EQUAL(o->n_headers_back, 2);
	CU_ASSERT_STRING_EQUAL(o->headers_back[0].strip, "X-Region");
	CU_ASSERT_STRING_EQUAL(o->headers_back[1].value, "-");
	CU_ASSERT_STRING_EQUAL(prefix_str(&c->trunks[0].sources[0], text), "192.0.2.1/32");
	CU_ASSERT_STRING_EQUAL(c->regions[0].targets[0].host, "a.Example");
	CU_ASSERT_EQUAL(c->regions[0].targets[0].port, 5060);
	CU_ASSERT_STRING_EQUAL(c->regions[0].targets[1].host, "2001:db8::21");
	CU_ASSERT_EQUAL(c->regions[0].targets[1].port, 5062);
	CU_ASSERT_EQUAL(c->regions[0].large, CONFIG_TCP);
	CU_ASSERT_EQUAL(c->regions[1].large, CONFIG_UDP);
	CU_ASSERT_EQUAL(c->connections.ping_ms, 0);
	CU_ASSERT_EQUAL(c->pools[0].failover.n_on, 0);
	CU_ASSERT_EQUAL(c->pools[1].regions[0], 1);
	CU_ASSERT_EQUAL(c->pools[1].strategy, POLICY_STICKY);
	CU_ASSERT_EQUAL(c->rules[0].pool, 1);
	CU_ASSERT_STRING_EQUAL(c->rules[0].from[0].text, "+4930123");
	CU_ASSERT_EQUAL(c->rules[0].n_to, 1);
	CU_ASSERT_EQUAL(c->rules[1].refuse, 403);
	CU_ASSERT_EQUAL(c->rules[1].pool, POLICY_NO_POOL);
	CU_ASSERT_EQUAL(c->rules[1].n_to, 3);
	CU_ASSERT_STRING_EQUAL(c->rules[1].to[2].text, "911");
	CU_ASSERT_STRING_EQUAL(c->rules[1].header, "X-Tier");
	CU_ASSERT_STRING_EQUAL(c->rules[1].value, "go*");
	CU_ASSERT_EQUAL(c->rules[2].n_windows, 3);
	CU_ASSERT_EQUAL(c->rules[2].windows[0].days, 7);
	CU_ASSERT_EQUAL(c->rules[2].windows[0].from, 480);
	CU_ASSERT_EQUAL(c->rules[2].windows[1].to, 360);
	CU_ASSERT_EQUAL(c->rules[2].windows[2].to, 1320);
	CU_ASSERT_STRING_EQUAL(c->rules[2].zone, "America/New_York");
	CU_ASSERT_DOUBLE_EQUAL(c->rules[2].percent, 2.5, 1e-12);
	CU_ASSERT_EQUAL(c->tuning.gone_ms, 2000);
	CU_ASSERT_EQUAL(c->tuning.eject_failures, 0);
	CU_ASSERT_EQUAL(c->tuning.band_min_us, 250);
	CU_ASSERT_EQUAL(c->anycast.router_id, 0x0a000001);
	CU_ASSERT_EQUAL(c->anycast.peers[0].communities[0], 0xffffff01);
	CU_ASSERT(c->anycast.peers[0].has_med && !c->anycast.peers[0].med);
	CU_ASSERT_EQUAL(c->anycast.peers[0].hold_ms, 0);
	CU_ASSERT_TRUE(c->anycast.peers[0].bfd.enabled);
	CU_ASSERT_EQUAL(c->anycast.peers[0].bfd.interval_ms, 50);
	CU_ASSERT_EQUAL(c->anycast.peers[0].bfd.multiplier, 5);
	CU_ASSERT_TRUE(c->anycast.peers[0].bfd.strict);
	CU_ASSERT_FALSE(c->anycast.peers[0].bfd.multihop);
	CU_ASSERT_EQUAL(c->anycast.peers[0].bfd.hold_down_ms, 0);
	CU_ASSERT_EQUAL(c->admin.n_listen, 0);
	CU_ASSERT_STRING_EQUAL(c->admin.socket, "");
	CU_ASSERT_STRING_EQUAL(c->log.calls_file, "/a b/\"c\\.jsonl");
	CU_ASSERT(round_trips(c));
	config_free(c);
}

/* ---- files ---- */

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *data, size_t len)
{
	FILE *out = fopen(in_dir(name), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fwrite(data, 1, len, out);
	fclose(out);
}

static struct config *load(const char *text, bool *unreadable)
{
	put("t.yaml", text, strlen(text));
	reports = 0;
	first_report[0] = 0;
	return config_load(in_dir("t.yaml"), collect, NULL, unreadable);
}

#define WITH_SECRET BASE "cluster: {secret_file: key}\n"
#define WITH_PASSWORD BASE "listen: [{address: 203.0.113.10, anycast: true}]\n" \
	"anycast: {as: 1, prefixes: [{prefix: 203.0.113.10}],\n" \
	"  peers: [{name: a, address: 169.254.10.1, as: 1, password_file: pw}]}\n"

static void expect_report(const char *text, bool want_unreadable, const char *place, const char *words)
{
	bool unreadable = !want_unreadable;
	char start[160];
	struct config *config = load(text, &unreadable);
	CU_ASSERT_PTR_NULL(config);
	config_free(config);
	CU_ASSERT_EQUAL(unreadable, want_unreadable);
	CU_ASSERT_EQUAL(reports, 1);
	snprintf(start, sizeof(start), "%s:%s: ", in_dir("t.yaml"), place);
	if (strncmp(first_report, start, strlen(start)) || !strstr(first_report, words))
		fprintf(stderr, "\n    got: %s\n", first_report);
	CU_ASSERT(!strncmp(first_report, start, strlen(start)));
	CU_ASSERT_PTR_NOT_NULL(strstr(first_report, words));
}

/* The fleet's part takes the place of whole sections, wherever and however they are written; lines keep their numbers. */
static void test_over(void)
{
	static const char file[] = "node: {id: a}\n# pools\npools:\n- {name: x}\n\n  # more\n- name: y\nrules: [\n  {name: r}\n]\n"
	                           "regions: []\ntuning:\n  band: 0.1";
	static const char over[] = "rules: []\npools:\n  - {name: z}\n";
	struct err err = {{0}};
	size_t len;
	char *text = config_over(file, sizeof file - 1, over, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, "node: {id: a}\n# pools\n\n\n\n\n\n\n\n\nregions: []\ntuning:\n  band: 0.1\n"
	                       "rules: []\npools:\n  - {name: z}\n");
	CU_ASSERT_EQUAL(len, strlen(text));
	free(text);
	CU_ASSERT_EQUAL(config_over_check(over, &err), 0);
	CU_ASSERT_EQUAL(config_over_check("", &err), 0);
	CU_ASSERT_EQUAL(config_over_check("# all\ntuning: {\n}\n", &err), 0);
	CU_ASSERT_EQUAL(config_over_check("tuning: {}\ntrunks: []\n", &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "\"trunks: []\""));
	CU_ASSERT_EQUAL(config_over_check("poolsX: []\n", &err), -EINVAL);
	CU_ASSERT_EQUAL(config_over_check("\"node\": {}\n", &err), -EINVAL);
}

static void test_secret(void)
{
	bool unreadable;
	char long_key[128];
	memset(long_key, 'k', sizeof(long_key));
	expect_report(WITH_SECRET, true, "4:24", "secret_file: key cannot be read: No such file or directory");
	put("key", "0123456789abcde\n", 16);
	expect_report(WITH_SECRET, false, "4:24", "the secret in key has 15 bytes: it takes at least 16");
	put("key", long_key, 65);
	expect_report(WITH_SECRET, false, "4:24", "is longer than 64 bytes");
	put("key", "0123456789abcdef\r\n", 18);
	struct config *config = load(WITH_SECRET, &unreadable);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config->secret_len, 16);
	CU_ASSERT(!memcmp(config->secret, "0123456789abcdef", 16));
	char *text = print(config);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "secret_file: key\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "0123456789abcdef"));
	free(text);
	config_free(config);
	unlink(in_dir("key"));
	mkdir(in_dir("key"), 0700);
	expect_report(WITH_SECRET, true, "4:24", "Is a directory");
	rmdir(in_dir("key"));
	mkfifo(in_dir("key"), 0600);
	expect_report(WITH_SECRET, true, "4:24", "it has to be a file");
	unlink(in_dir("key"));
}

static void test_password(void)
{
	bool unreadable;
	char password[82];
	memset(password, 'p', sizeof(password));
	expect_report(WITH_PASSWORD, true, "6:66", "password_file: pw cannot be read: No such file");
	put("pw", "", 0);
	expect_report(WITH_PASSWORD, false, "6:66", "pw is empty");
	put("pw", password, 81);
	expect_report(WITH_PASSWORD, false, "6:66", "is longer than 80 bytes, which TCP MD5 does not take");
	put("pw", "one\ntwo\n", 8);
	expect_report(WITH_PASSWORD, false, "6:66", "more than one line");
	password[80] = '\n';
	put("pw", password, 81);
	struct config *config = load(WITH_PASSWORD, &unreadable);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(strlen(config->anycast.peers[0].password), 80);
	char *text = print(config);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "password_file: pw\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "ppppp"));
	free(text);
	config_free(config);
	unlink(in_dir("pw"));
}

/* A missing secret beside another mistake is a bad configuration. */
static void test_unreadable_is_alone(void)
{
	bool unreadable = true;
	struct config *config = load(WITH_SECRET "probes: {rise: 0}\n", &unreadable);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_EQUAL(reports, 2);
	CU_ASSERT(!unreadable);
}

static void test_no_file(void)
{
	bool unreadable = true;
	reports = 0;
	CU_ASSERT_PTR_NULL(config_load("/nonexistent/t.yaml", collect, NULL, &unreadable));
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT(!unreadable);
	CU_ASSERT_STRING_EQUAL(first_report, "/nonexistent/t.yaml:1:1: the configuration cannot be read: "
	                       "No such file or directory; name a file that this user may read");
	reports = 0;
	CU_ASSERT_PTR_NULL(config_load("/", collect, NULL, &unreadable));
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(first_report, "Is a directory"));
}

/* ---- mutilated text ---- */

/* Refused with a report, or taken and printed back to the same. */
static bool survives(const char *text, size_t len)
{
	struct config *config = parse(text, len);
	bool ok = config ? !reports && round_trips(config) : reports > 0;
	config_free(config);
	return ok;
}

static void test_truncations(void)
{
	size_t len;
	char *text = read_sample(&len);
	bool ok = true;
	for (size_t i = 0; i < len && ok; i++) {
		char *exact = malloc(i ? i : 1);  /* so that a read past the end is seen */
		memcpy(exact, text, i);
		ok = survives(exact, i);
		free(exact);
	}
	CU_ASSERT(ok);
	free(text);
}

static void test_flips(void)
{
	size_t len;
	char *text = read_sample(&len), *copy = malloc(len);
	uint64_t seed = 20250101;
	bool ok = true;
	for (unsigned round = 0; round < 4000 && ok; round++) {
		memcpy(copy, text, len);
		for (unsigned k = 0; k <= round % 3; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			copy[(seed >> 33) % len] = (char)(seed >> 16 & 0x7f);
		}
		ok = survives(copy, len);
	}
	CU_ASSERT(ok);
	free(copy);
	free(text);
}

/* Deep, wide and repeated structure ends in time. */
static void test_heavy(void)
{
	size_t size = 1 << 20;
	char *text = malloc(size);
	static const char *const patterns[] = {"[", "{", "- ", "? ", "a: ", "&a ", "!!x ", "\"", "{a: b}, ", "\n"};
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		for (size_t i = 0; i < size; i++)
			text[i] = patterns[p][i % strlen(patterns[p])];
		CU_ASSERT(survives(text, size));
	}
	free(text);
}

static void test_temporary_directory(void)
{
	snprintf(dir, sizeof(dir), "/tmp/tandem-config-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void test_remove_directory(void)
{
	unlink(in_dir("t.yaml"));
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void needs(const char *before, const char *after, const char *wanted)
{
	struct config *a = parse_right(before), *b = parse_right(after);
	char *text = config_needs_restart(a, b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, wanted);
	free(text);
	config_keep_fixed(b, a);
	text = config_needs_restart(a, b);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	config_free(a);
	config_free(b);
}

#define FIXED_REST "regions: [{name: a, targets: [\"sip:198.51.100.21\"]}]\npools: [{name: p, regions: [a]}]\n" \
	"rules: [{name: r, pool: p}]\ntrunks: [{name: t, sources: [192.0.2.0/24]}]\n"
#define FIXED_NODE "node: {id: n, address: 127.0.0.1, workers: 1}\n"
#define FIXED_LISTEN "listen: [{address: 127.0.0.1, port: 5070, transport: udp}]\n"

static void test_needs_restart(void)
{
	static const char base[] = FIXED_NODE FIXED_LISTEN FIXED_REST;
	needs(base, base, "");
	needs(base, "node: {id: n, address: 127.0.0.1, workers: 1, max_call: 2h}\n" FIXED_LISTEN FIXED_REST
	      "log: {level: debug}\nprobes: {interval: 3s}\n", "");
	needs(base, "node: {id: m, address: 127.0.0.1, workers: 2}\n" FIXED_LISTEN FIXED_REST, "node.id\nnode.workers\n");
	needs(base, FIXED_NODE "listen: [{address: 127.0.0.1, port: 5071, transport: udp}]\n" FIXED_REST, "listen\n");
	needs(base, FIXED_NODE FIXED_LISTEN FIXED_REST "log: {calls: {file: /tmp/x.jsonl}}\n", "log.calls\n");
	needs(base, FIXED_NODE FIXED_LISTEN FIXED_REST "admin: {listen: [\"127.0.0.1:8099\"]}\n", "admin.listen\n");
}

UNIT_MAIN("config",
	{"the sample parses and prints", test_sample},
	{"the sample compiles to a policy table", test_sample_compiles},
	{"defaults", test_defaults},
	{"the node's id is the host's name", test_node_id_default},
	{"defaults of anycast", test_anycast_defaults}, {"what a peer gets", test_peer_routes},
	{"BFD where little is written", test_bfd_defaults},
	{"every key", test_values},
	{"sips: targets", test_sips},
	{"a directory for files", test_temporary_directory},
	{"the cluster's secret", test_secret},
	{"the fleet's part", test_over},
	{"a peer's password", test_password},
	{"unreadable only when nothing else is wrong", test_unreadable_is_alone},
	{"a file that is not there", test_no_file},
	{"the directory is removed", test_remove_directory},
	{"the sample cut at every byte", test_truncations},
	{"the sample with bytes changed", test_flips},
	{"heavy text", test_heavy},
	{"what needs a restart", test_needs_restart})
