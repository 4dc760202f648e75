/* The format of the configuration file: a table for each mapping, a row for each key, in the order in
 * which they are read and printed. Rows that name others (pools name regions, rules name trunks and
 * pools) come after them. What the rows say is all there is: conf_schema.c reads by them, fills in their
 * defaults and conf_print.c prints by them. Control thread. */
#include "daemon/conf_tables.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_MAX 1000000

const struct conf_unserved conf_unserved[] = {
	{"region", "connect", NULL, "connect", "remove it"},
	{"admin", "tokens_file", NULL, "admin.tokens_file", "remove it"},
	{"log", "hep", NULL, "log.hep", "remove it"},
	{NULL, NULL, NULL, NULL, NULL},
};

/* ---- defaults that have to be worked out ---- */

/* A host name that cannot be an id leaves it empty: conf_check() says so. */
static void node_id_fill(struct conf *c, void *base)
{
	struct config_node *node = base;
	char host[POLICY_NAME_LEN] = "";
	struct err err;
	if (!gethostname(host, sizeof(host) - 1))
		conf_name.parse(c, &(struct conf_field){.size = sizeof(node->id)}, host, node->id, &err);
}

static void egress_fill(struct conf *c, void *base)
{
	struct config_node *node = base;
	memcpy(node->egress, node->address, sizeof(node->egress));
	node->n_egress = node->n_address;
}

/* Every call to the first pool. */
static void rules_fill(struct conf *c, void *base)
{
	struct config *config = base;
	struct policy_rule_config *rule = calloc(1, sizeof(*rule));
	if (!rule) {
		c->no_memory = true;
		return;
	}
	snprintf(rule->name, sizeof(rule->name), "all");
	config->rules = rule;
	config->n_rules = 1;
}

/* The node's IPv4 address; without one it stays 0: conf_check() says so. */
static void router_id_fill(struct conf *c, void *base)
{
	struct config *config = c->root;
	for (unsigned i = 0; i < config->node.n_address; i++)
		if (addr_family(&config->node.address[i]) == AF_INET)
			((struct anycast_config *)base)->router_id = ntohl(config->node.address[i].in.sin_addr.s_addr);
}

static const char *transport_word(unsigned value)
{
	static const char *const words[] = {[CONFIG_UDP] = "udp", [CONFIG_TCP] = "tcp", [CONFIG_TLS] = "tls"};
	return value < sizeof(words) / sizeof(words[0]) ? words[value] : NULL;
}

/* By which way requests go that are too large for UDP. */
static const char *large_word(unsigned value) { return value <= CONFIG_TCP ? transport_word(value) : NULL; }

static const char *strategy_word(unsigned value)
{
	return value <= POLICY_STICKY ? policy_strategy_str((enum policy_strategy)value) : NULL;
}

static const char *level_word(unsigned value)
{
	return value <= LL_DEBUG ? log_level_str((enum log_level)value) : NULL;
}

/* ---- the node and where it listens ---- */

#define S struct config_node
static const struct conf_field node_fields[] = {
	{.key = "id", .help = "this node's name", .type = &conf_name, .fill = node_id_fill, CONF_MEMBER(S, id)},
	{.key = "address", .help = "own address: other nodes and probes use it; one IPv4, one IPv6 or both",
	 .type = &conf_address, .flags = CONF_REQUIRED | CONF_LIST | CONF_ONE_OK | CONF_NONEMPTY,
	 CONF_ARRAY(S, address, n_address)},
	{.key = "egress", .help = "source of everything sent to regions; default: address",
	 .type = &conf_address, .flags = CONF_LIST | CONF_ONE_OK | CONF_NONEMPTY, .fill = egress_fill,
	 CONF_ARRAY(S, egress, n_egress)},
	{.key = "port", .help = "SIP port of the own and egress addresses", .type = &conf_uint, .def = "5060",
	 .min = 1, .max = 65535, CONF_MEMBER(S, port)},
	{.key = "ca", .help = "PEM file of roots that TLS peers are checked against; absent: the system's",
	 .type = &conf_file, CONF_MEMBER(S, ca)},
	{.key = "workers", .help = "SIP threads", .type = &conf_workers, .def = "auto", CONF_MEMBER(S, workers)},
	{.key = "cpus", .help = "CPUs that workers are tied to, in their order and from the start again; absent: anywhere",
	 .type = &conf_uint, .flags = CONF_LIST | CONF_ONE_OK, .max = 1023, CONF_ARRAY(S, cpus, n_cpus)},
	{.key = "poll", .help = "workers never sleep, and so need a CPU each for themselves", .type = &conf_bool, .def = "false",
	 CONF_MEMBER(S, poll)},
	{.key = "gather", .help = "under load workers read what comes in this time in one turn; 0: each datagram at once",
	 .type = &conf_ms, .def = "2ms", .max = 10, CONF_MEMBER(S, gather_ms)},
	{.key = "max_call", .help = "an established call that nobody ended is forgotten then", .type = &conf_ms,
	 .def = "4h", .min = 1000, .max = 48 * 3600000LL, CONF_MEMBER(S, max_call_ms)},
};
static const struct conf_map node_map = CONF_MAP("node", node_fields);
#undef S

#define S struct config_listen
static const struct conf_field listen_fields[] = {
	{.key = "address", .help = "the address callers use", .type = &conf_address, .flags = CONF_REQUIRED,
	 CONF_MEMBER(S, address)},
	{.key = "port", .help = "its port", .type = &conf_addr_port, .def = "5060", .min = 1, .max = 65535,
	 CONF_PORT(S, address)},
	{.key = "transport", .help = "udp, tcp or tls", .type = &conf_enum, .word = transport_word, .def = "udp",
	 CONF_MEMBER(S, transport)},
	{.key = "anycast", .help = "other nodes have the address too", .type = &conf_bool, .def = "false",
	 CONF_MEMBER(S, anycast)},
	{.key = "certificate", .help = "of tls: PEM file, the node's own first; read again by a reload", .type = &conf_file,
	 CONF_MEMBER(S, certificate)},
	{.key = "key", .help = "of tls: PEM file, without a passphrase", .type = &conf_file, CONF_MEMBER(S, key)},
	{.key = "ca", .help = "of tls: PEM file of roots for clients' certificates; absent: none is asked for",
	 .type = &conf_file, CONF_MEMBER(S, ca)},
};
static const struct conf_map listen_map = CONF_MAP("listen", listen_fields);
#undef S

/* ---- who calls, and where calls go ---- */

#define S struct trunk_limit
static const struct conf_field limit_fields[] = {
	{.key = "status", .help = "the answer to a call beyond a limit", .type = &conf_uint, .def = "503", .min = 400,
	 .max = 699, CONF_MEMBER(S, status)},
	{.key = "retry_after", .help = "its Retry-After, 0: none", .type = &conf_ms, .def = "5s", .max = 3600000,
	 CONF_MEMBER(S, retry_after_ms)},
};
static const struct conf_map limit_map = CONF_MAP("limit", limit_fields);
#undef S

#define S struct trunk_header
static const struct conf_field trunk_header_fields[] = {
	{.key = "strip", .help = "the header to leave out", .type = &conf_header_name, CONF_MEMBER(S, strip)},
	{.key = "add", .help = "the header to add", .type = &conf_header_name, CONF_MEMBER(S, add)},
	{.key = "replace", .help = "the header to give another value, where there is one", .type = &conf_header_name,
	 CONF_MEMBER(S, replace)},
	{.key = "value", .help = "its value", .type = &conf_string, .min = 1, .max = 255, CONF_MEMBER(S, value)},
};
static const struct conf_map trunk_header_map = CONF_MAP("header rule", trunk_header_fields);
#undef S

#define S struct config_trunk
static const struct conf_field trunk_fields[] = {
	{.key = "name", .help = "the trunk's name", .type = &conf_name, .flags = CONF_REQUIRED, CONF_MEMBER(S, name)},
	{.key = "sources", .help = "the prefixes its calls come from", .type = &conf_prefix,
	 .flags = CONF_REQUIRED | CONF_LIST | CONF_HEAP | CONF_NONEMPTY, .items_max = CONFIG_SOURCES_MAX,
	 .offset = offsetof(S, sources), .size = sizeof(struct prefix), .count = offsetof(S, n_sources),
	 .count_size = sizeof(unsigned)},
	{.key = "max_calls", .help = "calls at the same time, 0: no limit", .type = &conf_uint, .def = "0",
	 .max = COUNT_MAX, CONF_MEMBER(S, max_calls)},
	{.key = "max_cps", .help = "new calls a second, 0: no limit", .type = &conf_uint, .def = "0",
	 .max = COUNT_MAX, CONF_MEMBER(S, max_cps)},
	{.key = "limit", .help = "the answer beyond max_calls or max_cps", .map = &limit_map, CONF_MEMBER(S, options.limit)},
	{.key = "tls_subject", .help = "its calls come by TLS alone, with a certificate of this name; absent: by any transport",
	 .type = &conf_string, .min = 1, .max = 255, CONF_MEMBER(S, options.tls_subject)},
	{.key = "source_ports", .help = "the ports it sends from over UDP; absent: any", .type = &conf_ports,
	 .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, options.ports, options.n_ports)},
	{.key = "default_country", .help = "country code that national numbers are given", .type = &conf_country,
	 CONF_MEMBER(S, default_country)},
	{.key = "international_prefix", .help = "what is dialled for the plus; default: 011 where the country is 1, else 00",
	 .type = &conf_dial, .flags = CONF_LIST | CONF_ONE_OK,
	 CONF_ARRAY(S, options.international, options.n_international)},
	{.key = "national_prefix", .help = "what is dialled before a national number, or none; default: 1 where the country "
	 "is 1, else 0", .type = &conf_national, CONF_MEMBER(S, options.national)},
	{.key = "allowed_to", .help = "prefixes of the numbers it may call; absent: all", .type = &conf_called,
	 .flags = CONF_LIST | CONF_HEAP | CONF_ONE_OK, .items_max = CONFIG_ALLOWED_MAX,
	 .offset = offsetof(S, options.allowed), .size = sizeof(struct trunk_called),
	 .count = offsetof(S, options.n_allowed), .count_size = sizeof(unsigned)},
	{.key = "trust", .help = "whether the identities it asserts are believed, and ours told it (RFC 3325)",
	 .type = &conf_bool, .def = "true", CONF_MEMBER(S, trust)},
	{.key = "headers", .help = "what is changed in what it sends", .map = &trunk_header_map,
	 .flags = CONF_LIST | CONF_HEAP, .items_max = TRUNK_HEADERS_MAX,
	 .offset = offsetof(S, options.headers), .size = sizeof(struct trunk_header),
	 .count = offsetof(S, options.n_headers), .count_size = sizeof(unsigned)},
	{.key = "headers_back", .help = "what is changed in what is sent to it: strip and replace", .map = &trunk_header_map,
	 .flags = CONF_LIST | CONF_HEAP, .items_max = TRUNK_HEADERS_MAX,
	 .offset = offsetof(S, options.headers_back), .size = sizeof(struct trunk_header),
	 .count = offsetof(S, options.n_headers_back), .count_size = sizeof(unsigned)},
};
static const struct conf_map trunk_map = CONF_MAP("trunk", trunk_fields);
#undef S

#define S struct config_region
static const struct conf_field region_fields[] = {
	{.key = "name", .help = "the region's name", .type = &conf_name, .flags = CONF_REQUIRED,
	 CONF_MEMBER(S, policy.name)},
	{.key = "targets", .help = "SIP URIs of its voice connectors", .type = &conf_target,
	 .flags = CONF_REQUIRED | CONF_LIST | CONF_NONEMPTY, CONF_ARRAY(S, targets, n_targets)},
	{.key = "max_calls", .help = "calls at the same time, 0: no limit", .type = &conf_uint, .def = "0",
	 .max = COUNT_MAX, CONF_MEMBER(S, policy.max_calls)},
	{.key = "max_cps", .help = "new calls a second, 0: no limit", .type = &conf_uint, .def = "0",
	 .max = COUNT_MAX, CONF_MEMBER(S, policy.max_cps)},
	{.key = "weight", .help = "relative share of calls, 0: none", .type = &conf_uint, .def = "100", .max = 65535,
	 CONF_MEMBER(S, policy.weight)},
	{.key = "large_requests", .help = "how those over 1300 bytes go to targets that say no transport: udp, or tcp where it "
	 "is answered (RFC 3261 section 18.1.1)", .type = &conf_enum, .word = large_word, .def = "udp", CONF_MEMBER(S, large)},
};
static const struct conf_map region_map = CONF_MAP("region", region_fields);
#undef S

#define S struct config_probes
static const struct conf_field probes_fields[] = {
	{.key = "interval", .help = "time between OPTIONS to a target", .type = &conf_ms, .def = "1s", .min = 50,
	 .max = 600000, CONF_MEMBER(S, interval_ms)},
	{.key = "timeout", .help = "silence that counts as a failure", .type = &conf_ms, .def = "500ms", .min = 10,
	 .max = 60000, CONF_MEMBER(S, timeout_ms)},
	{.key = "rise", .help = "answers in a row that make a target healthy", .type = &conf_uint, .def = "2",
	 .min = 1, .max = 100, CONF_MEMBER(S, rise)},
	{.key = "fall", .help = "failures in a row that make it unhealthy", .type = &conf_uint, .def = "3",
	 .min = 1, .max = 100, CONF_MEMBER(S, fall)},
};
static const struct conf_map probes_map = CONF_MAP("probes", probes_fields);
#undef S

#define S struct config_connections
static const struct conf_field connections_fields[] = {
	{.key = "most", .help = "of a worker, in all", .type = &conf_uint, .def = "4096", .min = 16, .max = 60000,
	 CONF_MEMBER(S, most)},
	{.key = "most_of_source", .help = "from one address of a trunk or region; of others only 8", .type = &conf_uint, .def = "256",
	 .min = 1, .max = 60000, CONF_MEMBER(S, most_of_source)},
	{.key = "idle", .help = "without a message for so long: closed; those of others after 30s", .type = &conf_ms, .def = "15m",
	 .min = 10000, .max = 86400000, CONF_MEMBER(S, idle_ms)},
	{.key = "whole", .help = "until a handshake or a message has to be whole", .type = &conf_ms, .def = "8s", .min = 1000,
	 .max = 60000, CONF_MEMBER(S, whole_ms)},
	{.key = "ping", .help = "silence after which a connection of ours is sent a ping (RFC 5626), 0: never", .type = &conf_ms,
	 .def = "90s", .max = 3600000, CONF_MEMBER(S, ping_ms)},
};
static const struct conf_map connections_map = CONF_MAP("connections", connections_fields);
#undef S

#define S struct config_overload
static const struct conf_field overload_fields[] = {
	{.key = "target", .help = "datagrams that wait longer than this to be served: new calls are turned away",
	 .type = &conf_ms, .def = "50ms", .min = 5, .max = 2000, CONF_MEMBER(S, target_ms)},
};
static const struct conf_map overload_map = CONF_MAP("overload", overload_fields);
#undef S

/* ---- how calls are routed ---- */

#define S struct policy_failover
static const struct conf_field failover_fields[] = {
	{.key = "on", .help = "response codes that send the call to the next region", .type = &conf_uint,
	 .flags = CONF_LIST, .def = "408, 500, 502, 503, 504", .min = 300, .max = 699, CONF_ARRAY(S, on, n_on)},
	{.key = "never", .help = "response codes that never do, also where `on` has them", .type = &conf_uint,
	 .flags = CONF_LIST, .def = "404, 484, 486, 600, 603", .min = 300, .max = 699, CONF_ARRAY(S, never, n_never)},
	{.key = "first_response", .help = "silence that sends the call to the next region", .type = &conf_ms,
	 .def = "2s", .min = 100, .max = 32000, CONF_MEMBER(S, first_response_ms)},
	{.key = "attempt", .help = "nothing but 100 for that long sends it there too; 0: wait on", .type = &conf_ms,
	 .def = "15s", .max = 180000, CONF_MEMBER(S, attempt_ms)},
	{.key = "total", .help = "no attempt begins, or waits for more than 100, later than this; 0: no limit",
	 .type = &conf_ms, .def = "30s", .max = 180000, CONF_MEMBER(S, total_ms)},
	{.key = "budget", .help = "attempts after failed ones, as a share of calls; 0: no limit", .type = &conf_share,
	 .def = "0.2", .max = 10, CONF_MEMBER(S, budget)},
	{.key = "budget_min", .help = "... and so many a second, however few calls there are", .type = &conf_uint,
	 .def = "10", .max = 100000, CONF_MEMBER(S, budget_min)},
	{.key = "attempts", .help = "regions tried at most, the first included", .type = &conf_uint, .def = "2",
	 .min = 1, .max = POLICY_ATTEMPTS_MAX, CONF_MEMBER(S, attempts)},
};
static const struct conf_map failover_map = CONF_MAP("failover", failover_fields);
#undef S

#define S struct policy_pool_config
static const struct conf_field pool_fields[] = {
	{.key = "name", .help = "the pool's name", .type = &conf_name, .flags = CONF_REQUIRED, CONF_MEMBER(S, name)},
	{.key = "regions", .help = "names of its regions, in order", .type = &conf_region_ref,
	 .flags = CONF_REQUIRED | CONF_LIST | CONF_NONEMPTY, CONF_ARRAY(S, regions, n_regions)},
	{.key = "strategy", .help = "how a region is chosen", .type = &conf_enum, .word = strategy_word,
	 .def = "adaptive", CONF_MEMBER(S, strategy)},
	{.key = "failover", .help = "when the next region is tried", .map = &failover_map, CONF_MEMBER(S, failover)},
};
static const struct conf_map pool_map = CONF_MAP("pool", pool_fields);
#undef S

/* One pool with every region. */
static void pools_fill(struct conf *c, void *base)
{
	struct config *config = base;
	struct policy_pool_config *pool = calloc(1, sizeof(*pool));
	if (!pool) {
		c->no_memory = true;
		return;
	}
	*pool = (struct policy_pool_config){.name = "default", .strategy = POLICY_ADAPTIVE};
	for (unsigned i = 0; i < config->n_regions; i++)
		pool->regions[pool->n_regions++] = (uint8_t)i;
	conf_default(c, &failover_map, &pool->failover);
	config->pools = pool;
	config->n_pools = 1;
}

#define S struct policy_rule_config
#define NUMBERS(m, n) .offset = offsetof(S, m), .size = sizeof(struct policy_number), .count = offsetof(S, n), \
	.count_size = sizeof(unsigned), .items_max = CONFIG_NUMBERS_MAX, \
	.flags = CONF_LIST | CONF_HEAP | CONF_ONE_OK | CONF_NONEMPTY | CONF_OMIT
static const struct conf_field header_fields[] = {
	{.key = "name", .help = "of the header field", .type = &conf_header, .flags = CONF_REQUIRED,
	 CONF_MEMBER(S, header)},
	{.key = "value", .help = "its value, or its beginning and \"*\"; absent: any", .type = &conf_string, .min = 1,
	 .max = POLICY_NAME_LEN - 1, CONF_MEMBER(S, value)},
};
static const struct conf_map header_map = CONF_MAP("header", header_fields);

static const struct conf_field match_fields[] = {
	{.key = "trunk", .help = "name of the trunk it came by", .type = &conf_trunk_ref, CONF_MEMBER(S, trunk)},
	{.key = "to", .help = "numbers called, or their beginnings and \"*\"", .type = &conf_pattern, NUMBERS(to, n_to)},
	{.key = "from", .help = "numbers calling, or their beginnings and \"*\"", .type = &conf_pattern,
	 NUMBERS(from, n_from)},
	{.key = "header", .help = "a header field of the INVITE", .map = &header_map},
	{.key = "hours", .help = "when, such as \"mon-fri 08:00-18:00\"; absent: always", .type = &conf_window,
	 .flags = CONF_LIST | CONF_ONE_OK | CONF_NONEMPTY | CONF_OMIT, CONF_ARRAY(S, windows, n_windows)},
	{.key = "zone", .help = "time zone of hours; default: UTC", .type = &conf_zone, CONF_MEMBER(S, zone)},
	{.key = "percent", .help = "of these calls, by chance; default: 100", .type = &conf_percent, .max = 100,
	 CONF_MEMBER(S, percent)},
};
#undef NUMBERS
static const struct conf_map match_map = CONF_MAP("match", match_fields);

static void rule_pool_fill(struct conf *c, void *base)
{
	(void)c;
	((struct policy_rule_config *)base)->pool = POLICY_NO_POOL;
}

static const struct conf_field rule_fields[] = {
	{.key = "name", .help = "the rule's name", .type = &conf_name, .flags = CONF_REQUIRED, CONF_MEMBER(S, name)},
	{.key = "match", .help = "which calls; absent: all", .map = &match_map},
	{.key = "pool", .help = "name of the pool they go to", .type = &conf_pool_ref, .fill = rule_pool_fill,
	 CONF_MEMBER(S, pool)},
	{.key = "refuse", .help = "instead of a pool: the code that refuses them", .type = &conf_refusal, .min = 400,
	 .max = 699, CONF_MEMBER(S, refuse)},
};
static const struct conf_map rule_map = CONF_MAP("rule", rule_fields);
#undef S

/* Defaults: policy_tuning_default(), set before reading. */
#define S struct policy_tuning
static const struct conf_field tuning_fields[] = {
	{.key = "hot_on", .help = "load above which a region is hot", .type = &conf_share, .max = 1,
	 CONF_MEMBER(S, hot_on)},
	{.key = "hot_off", .help = "load below which it is cold again", .type = &conf_share, .max = 1,
	 CONF_MEMBER(S, hot_off)},
	{.key = "band", .help = "latencies within this share of the lowest are equal", .type = &conf_share, .max = 10,
	 CONF_MEMBER(S, band)},
	{.key = "band_min", .help = "... and within this time at least", .type = &conf_us, .max = 10000000,
	 CONF_MEMBER(S, band_min_us)},
	{.key = "setups_soft", .help = "setups in flight that are full load where max_calls is 0", .type = &conf_uint,
	 .min = 1, .max = COUNT_MAX, CONF_MEMBER(S, setups_soft)},
	{.key = "panic_share", .help = "less than this share of a pool healthy: health is ignored; 0: never",
	 .type = &conf_share, .max = 1, CONF_MEMBER(S, panic_share)},
	{.key = "fresh", .help = "own figures say all up to this age, less and less from there", .type = &conf_ms,
	 .min = 100, .max = 3600000, CONF_MEMBER(S, fresh_ms)},
	{.key = "gone", .help = "... and nothing from this age on", .type = &conf_ms, .min = 200, .max = 3600000,
	 CONF_MEMBER(S, gone_ms)},
	{.key = "figure_fresh", .help = "the same of figures that others tell", .type = &conf_ms, .min = 100,
	 .max = 86400000, CONF_MEMBER(S, figure_fresh_ms)},
	{.key = "figure_gone", .help = "the same of figures that others tell", .type = &conf_ms, .min = 200,
	 .max = 86400000, CONF_MEMBER(S, figure_gone_ms)},
	{.key = "oldest_full", .help = "a contact that waits this long in a queue means full load", .type = &conf_ms,
	 .min = 1000, .max = 86400000, CONF_MEMBER(S, oldest_full_ms)},
	{.key = "eject_failures", .help = "failures in a row that take a region out for a while; 0: never",
	 .type = &conf_uint, .max = 255, CONF_MEMBER(S, eject_failures)},
	{.key = "eject_time", .help = "for how long, doubled each time it happens again", .type = &conf_ms,
	 .min = 1000, .max = 86400000, CONF_MEMBER(S, eject_ms)},
	{.key = "eject_max", .help = "... up to this", .type = &conf_ms, .min = 1000, .max = 86400000,
	 CONF_MEMBER(S, eject_max_ms)},
	{.key = "slow_start", .help = "a region that comes back gets its share over this time", .type = &conf_ms,
	 .max = 3600000, CONF_MEMBER(S, slow_start_ms)},
};
static const struct conf_map tuning_map = CONF_MAP("tuning", tuning_fields);
#undef S

/* ---- the route ---- */

#define S struct anycast_prefix_config
static const struct conf_field prefix_fields[] = {
	{.key = "prefix", .help = "what is announced", .type = &conf_prefix, .flags = CONF_REQUIRED,
	 CONF_MEMBER(S, prefix)},
	{.key = "manage_address", .help = "put its first address on lo while it is announced", .type = &conf_bool,
	 .def = "false", CONF_MEMBER(S, manage_address)},
};
static const struct conf_map prefix_map = CONF_MAP("prefix", prefix_fields);
#undef S

static const char *profile_word(unsigned value)
{
	static const char *const words[] = {[ANYCAST_GENERIC] = "generic", [ANYCAST_CLOUD_ROUTER] = "cloud-router"};
	return value < sizeof(words) / sizeof(words[0]) ? words[value] : NULL;
}

#define S struct anycast_degrade_config
static const struct conf_field degrade_fields[] = {
	{.key = "med", .help = "added to med; a drain adds it twice", .type = &conf_uint, .def = "1000",
	 .max = 4294967295, CONF_MEMBER(S, med)},
	{.key = "prepend", .help = "times our AS is added; profile generic", .type = &conf_uint, .def = "3",
	 .max = ANYCAST_PREPEND_MAX, CONF_MEMBER(S, prepend)},
	{.key = "communities", .help = "communities that are added; profile generic", .type = &conf_community,
	 .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, communities, n_communities)},
};
static const struct conf_map degrade_map = CONF_MAP("degrade", degrade_fields);
#undef S

#define S struct anycast_peer_config
/* A peer that is not next to us: its BFD is not either. */
static void bfd_multihop_fill(struct conf *c, void *base)
{
	struct anycast_peer_config *peer = base;
	peer->bfd.multihop = peer->ttl > 1 && !peer->ttl_security;
}

static const struct conf_field bfd_fields[] = {
	{.key = "interval", .help = "time between packets, sent and wanted; each side takes the slower",
	 .type = &conf_ms, .def = "300ms", .min = 10, .max = 60000, CONF_MEMBER(S, bfd.interval_ms)},
	{.key = "multiplier", .help = "packets lost in a row that are a failure to the peer", .type = &conf_uint,
	 .def = "3", .min = 1, .max = 255, CONF_MEMBER(S, bfd.multiplier)},
	{.key = "multihop", .help = "as RFC 5883: port 4784, TTL not checked; default: where the peer is multihop",
	 .type = &conf_bool, .fill = bfd_multihop_fill, CONF_MEMBER(S, bfd.multihop)},
	{.key = "strict", .help = "no BGP unless BFD is up", .type = &conf_bool, .def = "false",
	 CONF_MEMBER(S, bfd.strict)},
	{.key = "hold_down", .help = "after a failure BGP stays down so long, or until BFD is up", .type = &conf_ms,
	 .def = "30s", .max = 3600000, CONF_MEMBER(S, bfd.hold_down_ms)},
};
static const struct conf_map bfd_map = CONF_MAP("bfd", bfd_fields);

static const struct conf_field peer_fields[] = {
	{.key = "name", .help = "the peer's name", .type = &conf_name, .flags = CONF_REQUIRED, CONF_MEMBER(S, name)},
	{.key = "address", .help = "the router's address", .type = &conf_address, .flags = CONF_REQUIRED,
	 CONF_MEMBER(S, address)},
	{.key = "port", .help = "its BGP port", .type = &conf_addr_port, .def = "179", .min = 1, .max = 65535,
	 CONF_PORT(S, address)},
	{.key = "local_address", .help = "ours towards it; absent: the kernel chooses", .type = &conf_address,
	 CONF_MEMBER(S, local_address)},
	{.key = "as", .help = "its AS number", .type = &conf_uint, .flags = CONF_REQUIRED, .min = 1, .max = 4294967294,
	 CONF_MEMBER(S, as)},
	{.key = "local_as", .help = "ours towards this peer; 0: anycast.as", .type = &conf_uint, .def = "0",
	 .max = 4294967294, CONF_MEMBER(S, local_as)},
	{.key = "hold", .help = "hold time offered", .type = &conf_hold, .def = "60s", .max = 65535000,
	 CONF_MEMBER(S, hold_ms)},
	{.key = "connect_retry", .help = "time between attempts to connect", .type = &conf_ms, .def = "5s", .min = 1000,
	 .max = 600000, CONF_MEMBER(S, connect_retry_ms)},
	{.key = "password_file", .help = "file with the password of RFC 2385 (TCP MD5)", .type = &conf_peer_file,
	 CONF_MEMBER(S, password)},
	{.key = "multihop", .help = "TTL of what is sent: more than 1 for a peer that is not next to us",
	 .type = &conf_uint, .def = "1", .min = 1, .max = 255, CONF_MEMBER(S, ttl)},
	{.key = "ttl_security", .help = "hops that packets may have come by (RFC 5082), 0: not checked",
	 .type = &conf_uint, .def = "0", .max = 254, CONF_MEMBER(S, ttl_security)},
	{.key = "passive", .help = "wait for the peer to connect", .type = &conf_bool, .def = "false",
	 CONF_MEMBER(S, passive)},
	{.key = "med", .help = "MULTI_EXIT_DISC; absent: none is sent", .type = &conf_uint, .flags = CONF_HAS,
	 .max = 4294967295, .has = offsetof(S, has_med), CONF_MEMBER(S, med)},
	{.key = "prepend", .help = "times our AS is added to the path beyond the first", .type = &conf_uint, .def = "0",
	 .max = ANYCAST_PREPEND_MAX, CONF_MEMBER(S, prepend)},
	{.key = "communities", .help = "communities of RFC 1997", .type = &conf_community,
	 .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, communities, n_communities)},
	{.key = "large_communities", .help = "communities of RFC 8092", .type = &conf_large_community,
	 .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, large_communities, n_large_communities)},
	{.key = "prefixes", .help = "those of anycast.prefixes that it gets; none: all", .type = &conf_prefix,
	 .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, prefixes, n_prefixes)},
	{.key = "next_hop", .help = "next hop, one IPv4, one IPv6 or both; absent: our end of the link",
	 .type = &conf_address, .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, next_hop, n_next_hop)},
	{.key = "max_prefixes", .help = "prefixes of a family it may send before the session is ended; 0: any number, few are kept",
	 .type = &conf_uint, .def = "0", .max = ANYCAST_MAX_PREFIXES_MAX, CONF_MEMBER(S, max_prefixes)},
	{.key = "profile", .help = "what it is told of a worse route: generic or cloud-router", .type = &conf_enum,
	 .word = profile_word, .def = "generic", CONF_MEMBER(S, profile)},
	{.key = "degrade", .help = "what makes a route worse", .map = &degrade_map, CONF_MEMBER(S, degrade)},
	{.key = "bfd", .help = "fast detection of a lost path (RFC 5880); absent: none", .map = &bfd_map,
	 .flags = CONF_HAS, .has = offsetof(S, bfd.enabled)},
};
static const struct conf_map peer_map = CONF_MAP("peer", peer_fields);
#undef S

#define S struct anycast_config
static const struct conf_field gate_fields[] = {
	{.key = "rise", .help = "good checks in a row before announcing", .type = &conf_uint, .def = "3", .min = 1,
	 .max = 1000, CONF_MEMBER(S, gate.rise)},
	{.key = "fall", .help = "bad checks in a row before withdrawing", .type = &conf_uint, .def = "2", .min = 1,
	 .max = 1000, CONF_MEMBER(S, gate.fall)},
	{.key = "min_regions", .help = "regions that have to be reachable", .type = &conf_uint, .def = "1",
	 .max = POLICY_REGIONS_MAX, CONF_MEMBER(S, gate.min_regions)},
	{.key = "interval", .help = "time between checks", .type = &conf_ms, .def = "500ms", .min = 50, .max = 60000,
	 CONF_MEMBER(S, gate_interval_ms)},
	{.key = "hold", .help = "time after a fault before the route gets better again", .type = &conf_us, .def = "5s",
	 .max = 3600000000LL, CONF_MEMBER(S, gate.hold_us)},
};
static const struct conf_map gate_map = CONF_MAP("gate", gate_fields);

static const struct conf_field anycast_fields[] = {
	{.key = "router_id", .help = "BGP identifier; default: the node's IPv4 address", .type = &conf_router_id,
	 .fill = router_id_fill, CONF_MEMBER(S, router_id)},
	{.key = "as", .help = "our AS number", .type = &conf_uint, .flags = CONF_REQUIRED, .min = 1, .max = 4294967294,
	 CONF_MEMBER(S, as)},
	{.key = "listen", .help = "address and port for peers that connect to us", .type = &conf_endpoint,
	 CONF_MEMBER(S, listen)},
	{.key = "prefixes", .help = "what is announced", .map = &prefix_map, .flags = CONF_LIST,
	 CONF_ARRAY(S, prefixes, n_prefixes)},
	{.key = "peers", .help = "BGP routers", .map = &peer_map, .flags = CONF_LIST, CONF_ARRAY(S, peers, n_peers)},
	{.key = "announce_egress", .help = "whether node.egress is announced, each address on its own, as long as the node lives; "
	 "it is put on lo", .type = &conf_bool, .def = "false", CONF_MEMBER(S, announce_egress)},
	{.key = "egress_backup", .help = "egress addresses of other nodes, announced as the worse route, so that answers to a "
	 "dead node come here", .type = &conf_address, .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, egress_backup, n_egress_backup)},
	{.key = "gate", .help = "when the route is announced", .map = &gate_map},
};
static const struct conf_map anycast_map = CONF_MAP("anycast", anycast_fields);
#undef S

/* ---- the rest ---- */

#define S struct config
static const struct conf_field cluster_fields[] = {
	{.key = "secret_file", .help = "signs tokens; the same on all nodes; absent: a random key for this run",
	 .type = &conf_key_file, CONF_MEMBER(S, secret_file)},
	{.key = "old_secret_file", .help = "a second secret that is accepted and does not sign, while secrets rotate",
	 .type = &conf_key_file, CONF_MEMBER(S, old_secret_file)},
	{.key = "redis", .help = "servers by which the nodes share their state; none: a node on its own",
	 .type = &conf_redis, .flags = CONF_LIST | CONF_ONE_OK, CONF_ARRAY(S, cluster.redis, cluster.n_redis)},
	{.key = "redis_user", .help = "ACL user; absent: the default user", .type = &conf_name,
	 CONF_MEMBER(S, cluster.redis_user)},
	{.key = "redis_password_file", .help = "file with the password for AUTH; absent: none", .type = &conf_key_file,
	 CONF_MEMBER(S, cluster.redis_password_file)},
	{.key = "prefix", .help = "of all keys in Redis: fleets that share a server have each its own", .type = &conf_name,
	 .def = "tandem", CONF_MEMBER(S, cluster.prefix)},
	{.key = "interval", .help = "time between a node's records", .type = &conf_ms, .def = "250ms", .min = 50,
	 .max = 10000, CONF_MEMBER(S, cluster.interval_ms)},
	{.key = "ttl", .help = "a record that is not renewed is gone from Redis then", .type = &conf_ms, .def = "3s",
	 .min = 200, .max = 600000, CONF_MEMBER(S, cluster.ttl_ms)},
	{.key = "claims", .help = "whether nodes agree, by Redis, on whose each UDP transaction is", .type = &conf_bool,
	 .def = "true", CONF_MEMBER(S, cluster.claims)},
	{.key = "claim_wait", .help = "a call waits so long for that, then goes on unclaimed", .type = &conf_ms, .def = "5ms",
	 .min = 1, .max = 500, CONF_MEMBER(S, cluster.claim_wait_ms)},
	{.key = "port", .help = "UDP port of the first own address where other nodes hand over what came to them instead",
	 .type = &conf_uint, .def = "5065", .min = 1, .max = 65535, CONF_MEMBER(S, cluster.port)},
};
static const struct conf_map cluster_map = CONF_MAP("cluster", cluster_fields);
#undef S

#define S struct drain_config
static const struct conf_field drain_fields[] = {
	{.key = "quiet", .help = "without a new call for so long the route is withdrawn", .type = &conf_ms, .def = "2s",
	 .max = 600000, CONF_MEMBER(S, quiet_ms)},
	{.key = "limit", .help = "... or after this time, whatever comes", .type = &conf_ms, .def = "30s", .max = 3600000,
	 CONF_MEMBER(S, limit_ms)},
	{.key = "finish", .help = "time for calls that are being set up", .type = &conf_ms, .def = "30s", .max = 600000,
	 CONF_MEMBER(S, finish_ms)},
};
static const struct conf_map drain_map = CONF_MAP("drain", drain_fields);
#undef S

#define S struct config_admin
static const struct conf_field admin_fields[] = {
	{.key = "listen", .help = "loopback addresses with port, and \"unix:/FILE\"", .type = &conf_admin_listen,
	 .flags = CONF_LIST | CONF_SELF, .items_max = 5, .def = "127.0.0.1:8080, unix:/run/tandem/admin.sock"},
};
static const struct conf_map admin_map = CONF_MAP("admin", admin_fields);
#undef S

#define S struct config_log
static const struct conf_field calls_fields[] = {
	{.key = "file", .help = "call log; absent: none", .type = &conf_file, CONF_MEMBER(S, calls_file)},
	{.key = "mask_numbers", .help = "write numbers without their last digits", .type = &conf_bool, .def = "false",
	 CONF_MEMBER(S, mask_numbers)},
};
static const struct conf_map calls_map = CONF_MAP("calls", calls_fields);

static const struct conf_field log_fields[] = {
	{.key = "level", .help = "the least that is logged", .type = &conf_enum, .word = level_word, .def = "info",
	 CONF_MEMBER(S, level)},
	{.key = "calls", .help = "the call log", .map = &calls_map},
};
static const struct conf_map log_map = CONF_MAP("log", log_fields);
#undef S

#define S struct config
#define HEAP_OF(m, n, T, max_) .offset = offsetof(S, m), .size = sizeof(T), .count = offsetof(S, n), \
	.count_size = sizeof(unsigned), .items_max = max_
static const struct conf_field root_fields[] = {
	{.key = "node", .help = "this node", .map = &node_map, .flags = CONF_REQUIRED, CONF_MEMBER(S, node)},
	{.key = "listen", .help = "where calls come in, beside the own address", .map = &listen_map,
	 .flags = CONF_LIST, CONF_ARRAY(S, listen, n_listen)},
	{.key = "trunks", .help = "who may call", .map = &trunk_map,
	 .flags = CONF_REQUIRED | CONF_LIST | CONF_HEAP | CONF_NONEMPTY,
	 HEAP_OF(trunks, n_trunks, struct config_trunk, CONFIG_TRUNKS_MAX)},
	{.key = "regions", .help = "where calls go", .map = &region_map,
	 .flags = CONF_REQUIRED | CONF_LIST | CONF_HEAP | CONF_NONEMPTY,
	 HEAP_OF(regions, n_regions, struct config_region, POLICY_REGIONS_MAX)},
	{.key = "probes", .help = "how a target's health is found", .map = &probes_map, CONF_MEMBER(S, probes)},
	{.key = "connections", .help = "bounds of TCP and TLS, for each worker", .map = &connections_map,
	 CONF_MEMBER(S, connections)},
	{.key = "overload", .help = "when new calls are turned away", .map = &overload_map, CONF_MEMBER(S, overload)},
	{.key = "pools", .help = "regions that calls are shared among; default: one with all regions",
	 .map = &pool_map, .flags = CONF_LIST | CONF_HEAP | CONF_NONEMPTY, .fill = pools_fill,
	 HEAP_OF(pools, n_pools, struct policy_pool_config, CONFIG_POOLS_MAX)},
	{.key = "rules", .help = "which pool a call goes to, first match wins; default: all to the first pool",
	 .map = &rule_map, .flags = CONF_LIST | CONF_HEAP | CONF_NONEMPTY, .fill = rules_fill,
	 HEAP_OF(rules, n_rules, struct policy_rule_config, CONFIG_RULES_MAX)},
	{.key = "tuning", .help = "how figures are judged", .map = &tuning_map, CONF_MEMBER(S, tuning)},
	{.key = "anycast", .help = "the route that brings calls here", .map = &anycast_map, .flags = CONF_HAS,
	 .has = offsetof(S, has_anycast), CONF_MEMBER(S, anycast)},
	{.key = "drain", .help = "how this node leaves service", .map = &drain_map, CONF_MEMBER(S, drain)},
	{.key = "cluster", .help = "what the nodes share", .map = &cluster_map},
	{.key = "admin", .help = "the HTTP API", .map = &admin_map, CONF_MEMBER(S, admin)},
	{.key = "log", .help = "what is logged", .map = &log_map, CONF_MEMBER(S, log)},
};
#undef S

const struct conf_map conf_root = CONF_MAP("the configuration", root_fields);
