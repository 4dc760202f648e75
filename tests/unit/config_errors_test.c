/* Every error of the configuration with its exact place and words: one row a mistake, in a file that is
 * right otherwise, so that each is reported alone; then files with several, all reported in order. */
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "tests/unit/unit.h"

#define NODE "node: {id: n1, address: 198.51.100.11}\n"
#define TRUNKS "trunks: [{name: t1, sources: [192.0.2.0/24]}]\n"
#define REGIONS "regions: [{name: r1, targets: [\"sip:198.51.100.21\"]}]\n"
#define TRUNK_WITH "trunks: [{name: t, sources: [192.0.2.1], "
#define BASE NODE TRUNKS REGIONS                     /* what follows is on line 4 */
#define LISTEN "listen: [{address: 203.0.113.10, anycast: true}]\n"
#define ANYCAST BASE LISTEN "anycast:\n  as: 64512\n"  /* what follows is on line 7 */
#define PREFIXES "  prefixes: [{prefix: 203.0.113.10/32}]\n"
#define PEER "address: 169.254.10.1, as: 64600"

struct mistake {
	const char *text;
	const char *place;                           /* "LINE:COLUMN" */
	const char *words;                           /* in the report */
};

struct reports {
	unsigned n;
	char line[64][1200];
};

static void collect(void *arg, const char *line)
{
	struct reports *r = arg;
	if (r->n < 64)
		snprintf(r->line[r->n], sizeof(r->line[0]), "%s", line);
	r->n++;
}

static void check(bool ok, const char *what, const char *got)
{
	if (!ok)
		fprintf(stderr, "\n    for: %s\n    got: %s\n", what, got);
	CU_ASSERT(ok);
}

static void parse(const char *text, struct reports *r)
{
	bool unreadable = true;
	r->n = 0;
	struct config *config = config_parse("x.yaml", text, strlen(text), collect, r, &unreadable);
	check(!config == (r->n > 0), text, r->n ? r->line[0] : "no configuration and no report");
	check(!unreadable, text, "unreadable");
	config_free(config);
}

static void expect_alone(const struct mistake *m)
{
	static struct reports r;
	char start[64];
	parse(m->text, &r);
	snprintf(start, sizeof(start), "x.yaml:%s: ", m->place);
	check(r.n > 0, m->text, "no report");
	if (!r.n)
		return;
	check(r.n == 1, m->text, r.line[1]);
	check(!strncmp(r.line[0], start, strlen(start)), m->place, r.line[0]);
	check(strstr(r.line[0], m->words) != NULL, m->words, r.line[0]);
}

#define EXPECT_ALL(mistakes) \
	do { \
		for (size_t i_ = 0; i_ < sizeof(mistakes) / sizeof(mistakes[0]); i_++) \
			expect_alone(&mistakes[i_]); \
	} while (0)

static void test_base_is_right(void)
{
	static struct reports r;
	parse(BASE, &r);
	check(!r.n, BASE, r.line[0]);
	parse(ANYCAST PREFIXES "  peers: [{name: p1, " PEER "}]\n", &r);
	check(!r.n, ANYCAST, r.line[0]);
}

static void test_syntax(void)
{
	static const struct mistake mistakes[] = {
		{"", "1:1", "the file is empty"},
		{"# only a comment\n", "1:1", "the file is empty"},
		{"hello\n", "1:1", "the configuration is a single value here: it takes keys and values"},
		{"node: {address: [1, 2}\n", "1:22", "not YAML: did not find expected ',' or ']'"},
		{BASE "log:\n\tlevel: info\n", "5:1", "cannot start any token"},
		{BASE "log:\n  level: info\n calls: {}\n", "6:2", "check indentation"},
		{BASE "log: \"open\n", "5:1", "unexpected end of stream"},
		{BASE "log: \xff\n", "4:6", "plain UTF-8"},
		{BASE "---\nlog: {}\n", "4:1", "a second document begins here"},
		{BASE "log: *nowhere\n", "4:6", "undefined alias"},
		{"[[[[[[[[[[[[[[[[[[[[", "1:17", "nested more than 16 deep"},
	};
	EXPECT_ALL(mistakes);
}

static void test_keys(void)
{
	static const struct mistake mistakes[] = {
		{BASE "probe: {}\n", "4:1", "unknown key \"probe\" in the configuration: did you mean \"probes\"? "
		 "known keys: node, listen, trunks,"},
		{BASE "probes: {intervall: 1s}\n", "4:10", "unknown key \"intervall\" in probes: did you mean \"interval\"? "
		 "known keys: interval, timeout, rise, fall"},
		{BASE "probes:\n  zzzzzz: 1\n", "5:3", "unknown key \"zzzzzz\" in probes: known keys: interval"},
		{BASE "log: {level: info, level: warn}\n", "4:20", "duplicate key \"level\" in log: it is on line 4 already"},
		{BASE NODE, "4:1", "duplicate key \"node\" in the configuration: it is on line 1 already"},
		{BASE "log: {[a]: b}\n", "4:7", "a key of log is a list here"},
		{TRUNKS REGIONS, "1:1", "the configuration lacks the key \"node\": this node"},
		{NODE REGIONS, "1:1", "lacks the key \"trunks\": who may call"},
		{NODE TRUNKS, "1:1", "lacks the key \"regions\": where calls go"},
		{"node: {id: a}\n" TRUNKS REGIONS, "1:7", "node lacks the key \"address\": own address"},
		{NODE REGIONS "trunks:\n  - name: t1\n", "4:5", "trunk lacks the key \"sources\": the prefixes"},
		{NODE REGIONS "trunks: [{sources: [192.0.2.0/24]}]\n", "3:10", "trunk lacks the key \"name\""},
		{NODE TRUNKS "regions: [{name: r1}]\n", "3:11", "region lacks the key \"targets\": SIP URIs"},
		{BASE "listen: [{port: 5060}]\n", "4:10", "listen lacks the key \"address\""},
		{BASE "pools: [{name: p}]\n", "4:9", "pool lacks the key \"regions\": names of its regions"},
		{BASE "rules: [{name: x}]\n", "4:16", "rule lacks the key \"pool\""},
		{BASE "anycast: {}\n", "4:10", "anycast lacks the key \"as\": our AS number"},
	};
	EXPECT_ALL(mistakes);
}

static void test_types(void)
{
	static const struct mistake mistakes[] = {
		{BASE "probes: 5\n", "4:9", "probes is a single value here: it takes keys and values such as \"interval: "},
		{BASE "probes: [a]\n", "4:9", "probes is a list here"},
		{BASE "probes:\n", "4:8", "probes is empty here"},
		{BASE "listen: {address: 203.0.113.10}\n", "4:9", "listen is a mapping (key: value) here: it takes a list"},
		{BASE "listen: [203.0.113.10]\n", "4:10", "listen is a single value here"},
		{BASE "listen: ~\n", "4:9", "listen is empty here: it takes a list"},
		{BASE "log: {level: [info]}\n", "4:14", "level is a list here: it takes one of error, warn, info, debug"},
		{BASE "log: {level: loud}\n", "4:14", "level: \"loud\" is not right: it takes one of error, warn"},
		{BASE "log: {level: }\n", "4:14", "level has no value: it takes one of"},
		{BASE "log: {level: \"in\\nfo\"}\n", "4:14", "level has a control character"},
		{BASE "log: {level: \"info\\0\"}\n", "4:14", "level has a control character"},
		{BASE "log: {calls: {mask_numbers: yes}}\n", "4:29", "\"yes\" is not right: it takes true or false"},
		{BASE "log: {calls: {file: calls.jsonl}}\n", "4:21", "it takes a file name from the root"},
		{BASE "probes: {rise: two}\n", "4:16", "\"two\" is not right: it takes a whole number from 1 to 100"},
		{BASE "probes: {rise: 0}\n", "4:16", "rise: 0 is out of range: it takes 1 to 100"},
		{BASE "probes: {rise: -1}\n", "4:16", "it takes a whole number from 1 to 100"},
		{BASE "probes: {rise: 010}\n", "4:16", "it takes a whole number"},
		{BASE "probes: {rise: 99999999999999999999}\n", "4:16", "it takes a whole number"},
		{BASE "probes: {interval: 1}\n", "4:20", "interval: 1 has no unit: write 1s"},
		{BASE "probes: {interval: 1.5s}\n", "4:20", "it takes a duration from 50ms to 10m, written like 500ms"},
		{BASE "probes: {interval: 20m}\n", "4:20", "20m is out of range: it takes a duration from 50ms to 10m"},
		{BASE "probes: {interval: 1500us}\n", "4:20", "it takes a duration"},
		{BASE "probes: {interval: 99999999999999999s}\n", "4:20", "it takes a duration"},
		{BASE "tuning: {band: wide}\n", "4:16", "it takes a share from 0 to 10 such as 0.25"},
		{BASE "tuning: {hot_on: 1.5}\n", "4:18", "1.5 is out of range: it takes 0 to 1"},
		{BASE "listen: [{address: host.example}]\n", "4:20", "it takes an IPv4 or IPv6 address"},
		{BASE "listen: [{address: 203.0.113.10, port: 0}]\n", "4:40", "0 is out of range: it takes 1 to 65535"},
		{BASE "listen: [{address: 203.0.113.10, port: 65536}]\n", "4:40", "it takes 1 to 65535"},
		{BASE "listen: [{address: 203.0.113.10, transport: sctp}]\n", "4:45", "it takes one of udp, tcp, tls"},
		{NODE TRUNKS "regions: [{name: r1, targets: [\"sip:198.51.100.21\"], large_requests: tls}]\n", "3:70",
		 "it takes one of udp, tcp"},
		{BASE "connections: {ping: 2h}\n", "4:21", "it takes a duration from 0s to 1h"},
		{"node: {id: a b, address: 198.51.100.11}\n" TRUNKS REGIONS, "1:12", "a name of 1 to 63 letters"},
		{"node: {id: a, address: 198.51.100.11, workers: 65}\n" TRUNKS REGIONS, "1:48", "auto or a whole number "
		 "from 1 to 64"},
		{"node: {id: a, address: []}\n" TRUNKS REGIONS, "1:24", "address is empty: it takes at least one"},
		{"node: {id: a, address: 198.51.100.11, max_call: 60h}\n" TRUNKS REGIONS, "1:49", "from 1s to 48h"},
		{NODE REGIONS "trunks: []\n", "3:9", "trunks is empty: it takes at least one (who may call)"},
		{NODE REGIONS "trunks: [{name: t, sources: [192.0.2.1/24]}]\n", "3:30", "192.0.2.1/24 has bits set past its "
		 "length: write 192.0.2.0/24 for the network, or 192.0.2.1/32 for the host"},
		{NODE REGIONS "trunks: [{name: t, sources: [192.0.2.0/33]}]\n", "3:30", "a number from 0 to 32"},
		{NODE REGIONS "trunks: [{name: t, sources: [\"[2001:db8::]/32\"]}]\n", "3:30", "it takes a prefix such as"},
		{NODE REGIONS "trunks: [{name: t, sources: [carrier.example]}]\n", "3:30", "it takes a prefix such as"},
		{NODE REGIONS "trunks: [{name: t, sources: [192.0.2.0/24], default_country: \"+1\"}]\n", "3:62",
		 "the digits of a country code"},
		{NODE REGIONS TRUNK_WITH "limit: {status: 200}}]\n", "3:58", "200 is out of range: it takes 400 to 699"},
		{NODE REGIONS TRUNK_WITH "limit: {retry_after: 5}}]\n", "3:63", "5 has no unit: write 5s"},
		{NODE REGIONS TRUNK_WITH "source_ports: [0]}]\n", "3:57", "a port such as 5060, or a range"},
		{NODE REGIONS TRUNK_WITH "source_ports: [20-10]}]\n", "3:57", "20-10 runs backwards: write 10-20"},
		{NODE REGIONS TRUNK_WITH "source_ports: [1-70000]}]\n", "3:57", "a port such as 5060, or a range"},
		{NODE REGIONS TRUNK_WITH "international_prefix: +}]\n", "3:64", "the digits dialled before a number"},
		{NODE REGIONS TRUNK_WITH "national_prefix: no}]\n", "3:59", "or none"},
		{NODE REGIONS TRUNK_WITH "allowed_to: [+]}]\n", "3:55", "the first digits of E.164 numbers"},
		{NODE REGIONS TRUNK_WITH "allowed_to: [1*2]}]\n", "3:55", "the first digits of E.164 numbers"},
		{NODE REGIONS TRUNK_WITH "trust: maybe}]\n", "3:49", "true or false"},
		{NODE REGIONS TRUNK_WITH "headers: [{strip: Identity}]}]\n", "3:60", "is signed by whoever vouches for the caller "
		 "(RFC 8224): it is never touched"},
		{NODE REGIONS TRUNK_WITH "headers: [{replace: y, value: x}]}]\n", "3:62", "it is never touched"},
		{NODE REGIONS TRUNK_WITH "headers: [{add: vIa, value: x}]}]\n", "3:58", "vIa is a header that calls are carried "
		 "by: it cannot be changed"},
		{NODE REGIONS TRUNK_WITH "headers: [{strip: \"a b\"}]}]\n", "3:60", "the name of a header such as Diversion"},
		{NODE REGIONS TRUNK_WITH "headers: [{add: X-A, value: \"a\\r\\nVia: x\"}]}]\n", "3:70", "value has a control character"},
		{NODE REGIONS TRUNK_WITH "headers: [{strip: X-A, add: X-B, value: z}]}]\n", "3:60", "one of strip, add and replace: this "
		 "one has 2"},
		{NODE REGIONS TRUNK_WITH "headers: [{strip: s}]}]\n", "3:60", "s is a header's compact form: write its long name"},
		{NODE REGIONS TRUNK_WITH "headers: [{value: z}]}]\n", "3:52", "this one has 0"},
		{NODE REGIONS TRUNK_WITH "headers: [{strip: X-A, value: z}]}]\n", "3:60", "strip leaves X-A out, and takes no value"},
		{NODE REGIONS TRUNK_WITH "headers_back: [{strip: Identity}]}]\n", "3:65", "is signed by whoever vouches for the caller "
		 "(RFC 8224): it is never touched"},
		{NODE REGIONS TRUNK_WITH "headers_back: [{add: X-A, value: z}]}]\n", "3:57", "headers_back takes strip and replace: "
		 "what is added, is added to the INVITEs that a trunk sends"},
		{NODE REGIONS TRUNK_WITH "headers_back: [{replace: X-A}]}]\n", "3:57", "replace X-A lacks the key \"value\""},
		{NODE REGIONS TRUNK_WITH "headers: [{add: X-A}]}]\n", "3:52", "add X-A lacks the key \"value\""},
		{BASE "admin: {listen: \"127.0.0.1:8080\"}\n", "4:17", "listen is a single value here: it takes a list"},
		{BASE "admin: {listen: [127.0.0.1]}\n", "4:18", "it takes a loopback address with its port"},
		{BASE "admin: {listen: [\"198.51.100.11:8080\"]}\n", "4:18", "is not loopback"},
		{BASE "admin: {listen: [\"[::1]:80\", \"[::1]:80\"]}\n", "4:30", "is there twice"},
		{BASE "admin: {listen: [\"unix:run/x\"]}\n", "4:18", "a file name from the root"},
		{BASE "admin: {listen: [\"unix:/a\", \"unix:/b\"]}\n", "4:29", "a second Unix socket"},
		{BASE "pools: [{name: p, regions: [r1], failover: {on: [200]}}]\n", "4:50", "200 is out of range: it takes "
		 "300 to 699"},
		{BASE "pools: [{name: p, regions: [r1], strategy: best}]\n", "4:44", "one of adaptive, weighted, priority"},
		{BASE "rules: [{name: x, pool: default, match: {to: abc}}]\n", "4:46", "a prefix such as \"+1800*\""},
		{BASE "rules: [{name: x, pool: default, match: {to: \"\"}}]\n", "4:46", "it takes a number such as"},
	};
	EXPECT_ALL(mistakes);
}

static void test_targets(void)
{
#define TARGET(uri) NODE TRUNKS "regions: [{name: r1, targets: [\"" uri "\"]}]\n", "3:32"
	static const struct mistake mistakes[] = {
		{TARGET("198.51.100.21:5060"), "it takes a SIP URI such as \"sip:pbx.example.com:5060\""},
		{TARGET("sip:"), "neither an address nor a host name"},
		{TARGET("sip:user@198.51.100.21"), "a target has no user part, the called number is put there: write "
		 "sip:198.51.100.21"},
		{TARGET("sip:198.51.100.21?subject=x"), "no header fields: write sip:198.51.100.21"},
		{TARGET("sip:198.51.100.21:0"), "the port is not a number from 1 to 65535"},
		{TARGET("sip:198.51.100.21:"), "the port is not a number"},
		{TARGET("sip:198.51.100.21:99999"), "the port is not a number"},
		{TARGET("sip:198.51.100.300"), "neither an address nor a host name"},
		{TARGET("sip:-a.example"), "neither an address nor a host name"},
		{TARGET("sip:a..example"), "neither an address nor a host name"},
		{TARGET("sip:2001:db8::1"), "an IPv6 address goes into brackets"},
		{TARGET("sip:[2001:db8::1"), "is not an IPv6 address in brackets"},
		{TARGET("sip:[192.0.2.1]"), "is not an IPv6 address in brackets"},
		{TARGET("sip:[2001:db8::1]x"), "the port is not a number"},
		{TARGET("sip:[2001:db8::1]"), "is IPv6, but the node has no IPv6 address to send from"},
		{TARGET("sip:198.51.100.21;lr"), "parameter \"lr\" is unknown: only ;transport= is"},
		{TARGET("sip:198.51.100.21;transport=sctp"), "write transport=udp, tcp or tls"},
		{TARGET("sip:198.51.100.21;transport=udp;transport=udp"), "transport is there twice"},
		{TARGET("sip:198.51.100.21 x"), "it takes a SIP URI"},
		{TARGET("sips:198.51.100.21"), "\"sips:198.51.100.21\" needs a listener of TLS, to which the region's own requests "
		 "come back: add one to listen (transport: tls, certificate and key), or write sip:198.51.100.21;transport=tls"},
		{TARGET("sips:a.example:5071;transport=tcp"), "or write sip:a.example:5071;transport=tls"},
		{TARGET("sips:a.example;transport=udp"), "sips goes by TLS, never by UDP: remove \";transport=udp\", or write sip:"},
		{TARGET("sips:a.example;transport=sctp"), "write transport=udp, tcp or tls"},
		{TARGET("sips:user@a.example"), "a target has no user part, the called number is put there: write sips:a.example"},
		{TARGET("sips:a.example?x=y"), "no header fields: write sips:a.example"},
		{TARGET("sips:"), "neither an address nor a host name"},
		{NODE TRUNKS "regions: [{name: r1, targets: [\"sip:a.example\", \"sip:A.example:5060\"]}]\n", "3:49",
		 "duplicate target \"sip:A.example:5060\": it is on line 3 already"},
	};
	EXPECT_ALL(mistakes);
}

static void test_tls(void)
{
	static const struct mistake mistakes[] = {
		{BASE "listen: [{address: 203.0.113.10, transport: tls}]\n", "4:45", "transport tls needs a certificate: add "
		 "certificate: and key:"},
		{BASE "listen: [{address: 203.0.113.10, transport: tls, certificate: /x}]\n", "4:63", "certificate has no key "
		 "beside it"},
		{BASE "listen: [{address: 203.0.113.10, certificate: /x}]\n", "4:47", "certificate is for transport tls: "
		 "remove it"},
		{BASE "listen: [{address: 203.0.113.10, transport: tcp, key: /x}]\n", "4:55", "key is for transport tls"},
		{BASE "listen: [{address: 203.0.113.10, ca: /x}]\n", "4:38", "ca is for transport tls"},
		{BASE "listen: [{address: 203.0.113.10, transport: tcp}, {address: 203.0.113.10, transport: tls, "
		 "certificate: /x, key: /y}]\n", "4:61", "duplicate listen address"},
	};
	EXPECT_ALL(mistakes);
}

static void test_unserved(void)
{
	static const struct mistake mistakes[] = {
		{NODE TRUNKS "regions: [{name: r1, targets: [\"sip:a.example\"], connect: {}}]\n", "3:50", "connect is not "
		 "served by this version of tandem: remove it"},
		{BASE "admin: {tokens_file: /x}\n", "4:9", "admin.tokens_file is not served by this version of tandem"},
		{BASE "log: {hep: {address: a}}\n", "4:7", "log.hep is not served by this version of tandem: remove it"},
	};
	EXPECT_ALL(mistakes);
}

static void test_cluster(void)
{
	static const struct mistake mistakes[] = {
		{BASE "cluster: {redis: [\"redis://127.0.0.1\"]}\n", "4:19", "cluster.redis needs cluster.secret_file"},
		{BASE "cluster: {redis: [\"redis://cache.example\"]}\n", "4:19", "names are not looked up"},
		{BASE "cluster: {redis: \"rediss://127.0.0.1\"}\n", "4:18", "stunnel"},
		{BASE "cluster: {interval: 1s, ttl: 2s}\n", "4:30", "at least 4 times interval"},
		{BASE "cluster: {redis_user: me}\n", "4:23", "redis_user needs redis_password_file"},
	};
	EXPECT_ALL(mistakes);
}

static void test_node(void)
{
#define NODE_OF(keys) "node: {id: a, " keys "}\n" TRUNKS REGIONS
	static const struct mistake mistakes[] = {
		{NODE_OF("address: [198.51.100.11, 198.51.100.12]"), "1:40", "address: a second IPv4 address: it takes one "
		 "IPv4, one IPv6 or both"},
		{NODE_OF("address: 0.0.0.0"), "1:24", "0.0.0.0 stands for every address"},
		{NODE_OF("address: [198.51.100.11, \"fe80::1\"]"), "1:40", "is good on one link only"},
		{"node: {id: a, address: 198.51.100.11, egress: \"2001:db8::1\"}\n" TRUNKS
		 "regions: [{name: r1, targets: [\"sip:a.example\"]}]\n", "1:47", "egress is IPv6, but node.address has no "
		 "IPv6 address for what comes back: add one there"},
		{NODE_OF("address: [198.51.100.11, \"2001:db8::1\", \"2001:db8::2\"]"), "1:24", "address has 3 items: at "
		 "most 2"},
		{BASE "listen: [{address: 224.0.0.1}]\n", "4:20", "is no address of one host"},
		{BASE "listen: [{address: 203.0.113.10}, {address: 203.0.113.10, port: 5060}]\n", "4:45", "duplicate listen "
		 "address 203.0.113.10:5060: it is on line 4 already"},
		{BASE "listen: [{address: 198.51.100.11, anycast: true}]\n", "4:44", "anycast: 198.51.100.11 is node.address, "
		 "this node's own"},
	};
	EXPECT_ALL(mistakes);
}

static void test_routing(void)
{
	static const struct mistake mistakes[] = {
		{NODE REGIONS "trunks:\n  - {name: a, sources: [192.0.2.0/24]}\n  - {name: a, sources: [192.0.3.0/24]}\n",
		 "5:12", "duplicate trunk \"a\": it is on line 4 already"},
		{NODE REGIONS "trunks:\n  - {name: a, sources: [192.0.2.0/24]}\n  - name: b\n    sources: [10.0.0.0/8, "
		 "192.0.2.0/24]\n", "6:27", "source 192.0.2.0/24 is also of trunk \"a\" (line 4)"},
		{NODE REGIONS "trunks: [{name: a, sources: [192.0.2.1, 192.0.2.1/32]}]\n", "3:41", "source 192.0.2.1/32 is in "
		 "this trunk twice"},
		{NODE TRUNKS "regions:\n  - {name: r, targets: [\"sip:a.example\"]}\n  - {name: r, targets: [\"sip:b.example\"]}\n",
		 "5:12", "duplicate region \"r\": it is on line 4 already"},
		{BASE "pools: [{name: p, regions: []}]\n", "4:28", "regions is empty: it takes at least one"},
		{BASE "pools: []\n", "4:8", "pools is empty: it takes at least one"},
		{BASE "pools: [{name: p, regions: [r2]}]\n", "4:29", "unknown region \"r2\": did you mean \"r1\"? known "
		 "regions: r1"},
		{BASE "pools: [{name: p, regions: [r1, r1]}]\n", "4:33", "\"r1\" is in this pool twice"},
		{BASE "pools: [{name: p, regions: [r1]}, {name: p, regions: [r1]}]\n", "4:42", "duplicate pool \"p\""},
		{BASE "rules: [{name: x, pool: premium}]\n", "4:25", "unknown pool \"premium\": known pools: default"},
		{BASE "rules: [{name: x, match: {trunk: t2}, pool: default}]\n", "4:34", "unknown trunk \"t2\": did you mean "
		 "\"t1\"? known trunks: t1"},
		{BASE "rules:\n  - {name: all, pool: default}\n  - {name: late, match: {to: \"+1*\"}, pool: default}\n",
		 "6:12", "rule \"late\" can never match: \"all\" on line 5 takes every call"},
		{BASE "rules:\n  - {name: a, match: {to: \"+1*\"}, pool: default}\n  - {name: b, match: {trunk: t1, to: "
		 "\"+1800*\"}, pool: default}\n", "6:12", "rule \"b\" can never match: \"a\" on line 5 takes all of its calls"},
		{BASE "rules:\n  - {name: a, match: {to: \"+1*\"}, pool: default}\n  - {name: a, pool: default}\n", "6:12",
		 "duplicate rule \"a\""},
		{NODE TRUNKS "regions: [{name: r1, weight: 0, targets: [\"sip:a.example\"]}]\n", "3:30", "every region of pool "
		 "\"default\" has weight 0"},
		{NODE TRUNKS "regions: [{name: r1, weight: 0, targets: [\"sip:a.example\"]}]\npools: [{name: p, regions: "
		 "[r1]}]\n", "4:16", "every region of pool \"p\" has weight 0"},
		{BASE "rules: [{name: x, pool: default, refuse: 403}]\n", "4:42", "rule \"x\" has a pool and refuses"},
		{BASE "rules: [{name: x, refuse: 200}]\n", "4:27", "it takes a response code from 400 to 699"},
		{BASE "rules: [{name: x, refuse: 407}]\n", "4:27", "407 says something else than \"no\""},
		{BASE "rules: [{name: x, pool: default, match: {percent: 0}}]\n", "4:51", "rule \"x\" can never match: percent is 0"},
		{BASE "rules: [{name: x, pool: default, match: {percent: 101}}]\n", "4:51", "101 is out of range: it takes 0 to 100"},
		{BASE "rules: [{name: x, pool: default, match: {zone: UTC}}]\n", "4:48", "zone says nothing without hours"},
		{BASE "rules: [{name: x, pool: default, match: {hours: daily 08:00-09:00, zone: Mars/Olympus}}]\n", "4:74",
		 "there is no time zone \"Mars/Olympus\""},
		{BASE "rules: [{name: x, pool: default, match: {hours: daily 08:00-09:00, zone: ../../etc/passwd}}]\n", "4:74",
		 "is no name of a time zone"},
		{BASE "rules: [{name: x, pool: default, match: {hours: sometimes}}]\n", "4:49", "days and hours such as"},
		{BASE "rules: [{name: x, pool: default, match: {hours: \"mon 08:00-25:00\"}}]\n", "4:49", "days and hours such as"},
		{BASE "rules: [{name: x, pool: default, match: {hours: \"mon 08:00-08:00\"}}]\n", "4:49", "which is no time at all"},
		{BASE "rules: [{name: x, pool: default, match: {hours: [mon-fri 08:00-18:00, fri 12:00-13:00]}}]\n", "4:71",
		 "hours of rule \"x\" overlap those on line 4"},
		{BASE "rules: [{name: x, pool: default, match: {header: {value: gold}}}]\n", "4:50", "header lacks the key \"name\""},
		{BASE "rules: [{name: x, pool: default, match: {header: {name: \"X Tier\"}}}]\n", "4:57", "name of a header field"},
		{BASE "rules:\n  - {name: a, match: {to: [\"+1*\", \"+2*\"]}, pool: default}\n  - {name: b, match: {to: [\"+21\", "
		 "\"+1800*\"], hours: daily 08:00-09:00}, refuse: 404}\n", "6:12", "rule \"b\" can never match: \"a\" on line 5"},
		{BASE "tuning: {gone: 5s}\n", "4:16", "gone (5000 ms) is not above fresh (5000 ms)"},
		{BASE "tuning: {figure_fresh: 200s}\n", "4:24", "figure_gone (180000 ms) is not above figure_fresh"},
		{BASE "tuning: {eject_max: 5s}\n", "4:21", "eject_time (10000 ms) is longer than eject_max (5000 ms)"},
		{BASE "tuning: {hot_off: 0.9}\n", "4:19", "hot_off (0.9) is above hot_on (0.84)"},
		{BASE "tuning: {hot_on: 0.5}\n", "4:18", "hot_off (0.75) is above hot_on (0.5)"},
		{BASE "tuning: {hot_on: 0}\n", "4:18", "hot_on is 0"},
		{BASE "tuning: {hot_off: 0}\n", "4:19", "hot_off is 0"},
		{"node: {id: n1, address: 198.51.100.11, gather: 10ms}\n" TRUNKS REGIONS "overload: {target: 15ms}\n", "1:48",
		 "gather is 10 ms, but datagrams that wait longer than overload.target, 15 ms, turn new calls away: write at most 7 ms"},
		{BASE "probes: {timeout: 2s}\n", "4:19", "timeout (2000 ms) is longer than interval (1000 ms)"},
		{BASE "probes: {interval: 100ms}\n", "4:20", "timeout (500 ms) is longer than interval (100 ms)"},
	};
	EXPECT_ALL(mistakes);
}

static void test_rules_that_differ(void)
{
	static struct reports r;
	parse(BASE "rules:\n"
	      "  - {name: a, match: {to: \"+1800*\"}, pool: default}\n"
	      "  - {name: b, match: {to: \"+1*\"}, pool: default}\n"
	      "  - {name: c, match: {to: \"+2\", from: \"+1*\"}, pool: default}\n"
	      "  - {name: d, match: {to: \"+2*\"}, pool: default}\n"
	      "  - {name: e1, match: {hours: mon-fri 08:00-18:00, zone: America/New_York}, pool: default}\n"
	      "  - {name: e2, match: {hours: mon-fri 08:00-18:00, zone: Europe/Berlin}, pool: default}\n"
	      "  - {name: e3, match: {percent: 5}, pool: default}\n"
	      "  - {name: e4, match: {header: {name: X-Tier, value: gold}}, pool: default}\n"
	      "  - {name: e5, match: {header: {name: X-Tier}}, refuse: 403}\n"
	      "  - {name: e, match: {trunk: t1}, pool: default}\n"
	      "  - {name: f, pool: default}\n", &r);
	check(!r.n, "rules that differ", r.line[0]);
}

static void test_anycast(void)
{
	static const struct mistake mistakes[] = {
		{ANYCAST "  peers: [{name: p, " PEER "}]\n", "7:18", "peer \"p\" has nothing to be told: add \"prefixes\""},
		{ANYCAST "  prefixes: [{prefix: 203.0.113.10/24}]\n", "7:23", "write 203.0.113.0/24 for the network"},
		{ANYCAST "  prefixes: [{prefix: 203.0.113.11/32}]\n", "7:23", "prefix 203.0.113.11/32 brings calls to an "
		 "address nobody listens on: add {address: \"203.0.113.11\", anycast: true} to listen"},
		{ANYCAST "  prefixes:\n    - {prefix: 203.0.113.10}\n    - {prefix: 203.0.113.10/32}\n", "9:16", "duplicate "
		 "prefix 203.0.113.10/32: it is on line 8 already"},
		{ANYCAST PREFIXES "  router_id: \"2001:db8::1\"\n", "8:14", "it takes an IPv4 address that is this node's "},
		{ANYCAST PREFIXES "  gate: {min_regions: 2}\n", "8:23", "min_regions is 2, but there are 1 regions"},
		{ANYCAST PREFIXES "  gate: {rise: 0}\n", "8:16", "0 is out of range: it takes 1 to 1000"},
		{"node: {id: n1, address: \"2001:db8::1\"}\n" TRUNKS "regions: [{name: r1, targets: [\"sip:a.example\"]}]\n"
		 "anycast: {as: 1}\n", "4:10", "anycast lacks the key \"router_id\", and node.address has no IPv4 address"},
	};
#define PEERS(keys) ANYCAST PREFIXES "  peers: [{name: p, " PEER ", " keys "}]\n"
	static const struct mistake peers[] = {
		{PEERS("hold: 1s"), "8:61", "hold: 1s is not allowed by RFC 4271: it takes a hold time of 0s"},
		{PEERS("hold: 2s"), "8:61", "whole seconds from 3s to 65535s"},
		{PEERS("hold: 3500ms"), "8:61", "whole seconds"},
		{PEERS("hold: 65536s"), "8:61", "65536s is out of range"},
		{PEERS("local_address: \"2001:db8::1\""), "8:70", "local_address is IPv6, the peer's address is IPv4"},
		{PEERS("bfd: {interval: 5ms}"), "8:71", "5ms is out of range"},
		{PEERS("bfd: {interval: 61s}"), "8:71", "61s is out of range"},
		{PEERS("bfd: {multiplier: 0}"), "8:73", "it takes 1 to 255"},
		{PEERS("bfd: {key: a}"), "8:61", "key"},
		{PEERS("local_address: 0.0.0.0"), "8:70", "0.0.0.0 stands for every address"},
		{PEERS("passive: true"), "8:64", "anycast has no \"listen\" of IPv4: add one, for example listen: \"0.0.0.0:179\""},
		{PEERS("passive: true") "  listen: \"[::]:179\"\n", "8:64", "anycast has no \"listen\" of IPv4"},
		{ANYCAST PREFIXES "  peers: [{name: p, " PEER "}, {name: q, " PEER ", port: 1179}]\n", "8:75",
		 "is on line 8 already: one session a router"},
		{PEERS("multihop: 2, ttl_security: 1"), "8:82", "ttl_security and multihop exclude each other"},
		{PEERS("multihop: 256"), "8:65", "256 is out of range: it takes 1 to 255"},
		{PEERS("communities: [\"65000\"]"), "8:69", "a community such as \"65000:1\""},
		{PEERS("communities: [\"65536:1\"]"), "8:69", "a community such as \"65000:1\""},
		{PEERS("large_communities: [\"64512:1\"]"), "8:75", "a large community such as \"64512:1:2\""},
		{PEERS("large_communities: [\"1:2:4294967296\"]"), "8:75", "three numbers from 0 to 4294967295"},
		{PEERS("prefixes: [203.0.113.11/32]"), "8:66", "203.0.113.11/32 is not among anycast.prefixes: add it there"},
		{PEERS("next_hop: [192.0.2.1, 192.0.2.2]"), "8:77", "next_hop: a second IPv4 address"},
		{PEERS("profile: google"), "8:64", "profile"},
		{PEERS("degrade: {prepend: 17}"), "8:74", "17 is out of range"},
		{PEERS("med: 4294967296"), "8:60", "4294967296 is out of range"},
		{PEERS("port: 0"), "8:61", "0 is out of range: it takes 1 to 65535"},
		{ANYCAST PREFIXES "  peers: [{name: p, address: 169.254.10.1, as: 0}]\n", "8:48", "0 is out of range"},
		{ANYCAST PREFIXES "  peers:\n    - {name: p, " PEER "}\n    - {name: p, address: 169.254.10.2, as: 1}\n",
		 "10:14", "duplicate peer \"p\": it is on line 9 already"},
		{ANYCAST PREFIXES "  peers:\n    - {name: p, " PEER "}\n    - {name: q, " PEER "}\n", "10:26",
		 "peer address 169.254.10.1:179 is on line 9 already"},
		{ANYCAST PREFIXES "  listen: 0.0.0.0\n", "8:11", "an address with its port such as"},
	};
	EXPECT_ALL(mistakes);
	EXPECT_ALL(peers);
}

/* Reports of `text`, in order, each as "LINE:COLUMN: words". */
static void expect_in_order(const char *text, const char *const *wanted, unsigned n)
{
	static struct reports r;
	parse(text, &r);
	check(r.n == n, "as many reports as mistakes", r.n < n ? r.line[r.n - 1] : r.line[n]);
	for (unsigned i = 0; i < n && i < r.n; i++) {
		const char *words = strchr(wanted[i], ' ');
		size_t place = (size_t)(words - wanted[i]);
		check(!strncmp(r.line[i], "x.yaml:", 7) && !strncmp(r.line[i] + 7, wanted[i], place) &&
		      strstr(r.line[i], words + 1), wanted[i], r.line[i]);
	}
}

static void test_several(void)
{
	static const char *const read[] = {
		"1:1: lacks the key \"regions\"", "1:12: is not right", "2:1: unknown key \"lisen\"",
		"4:5: trunk lacks the key \"sources\"", "5:12: duplicate trunk \"t1\": it is on line 4 already",
		"5:26: has bits set past its length",
	};
	static const char *const checked[] = {
		"4:35: unknown region \"r9\"", "4:43: unknown region \"r8\"", "5:19: is longer than interval",
		"5:29: is out of range", "7:10: can never match", "8:10: duplicate rule \"a\"",
		"8:19: unknown pool \"none\"", "9:7: log.hep is not served",
	};
	expect_in_order("node: {id: \"x y\", address: 198.51.100.11}\n"
	                "lisen: []\n"
	                "trunks:\n"
	                "  - {name: t1}\n"
	                "  - {name: t1, sources: [192.0.2.1/24]}\n", read, sizeof(read) / sizeof(read[0]));
	expect_in_order(BASE
	                "pools: [{name: default, regions: [r9, r1, r8]}]\n"
	                "probes: {timeout: 2s, rise: 0}\n"
	                "rules: [{name: a, pool: default},\n"
	                "  {name: b, pool: default},\n"
	                "  {name: a, pool: none}]\n"
	                "log: {hep: 1}\n", checked, sizeof(checked) / sizeof(checked[0]));
}

/* A rule that did not read is no catch-all, whatever is left of it. */
static void test_broken_rule(void)
{
	expect_in_order(BASE "rules:\n  - {name: a, match: {to: x}, pool: default}\n  - {name: b, match: {to: \"+1*\"}, "
	                "pool: default}\n", (const char *const[]){"5:27: it takes a number such as"}, 1);
}

static void test_many(void)
{
	static struct reports r;
	size_t size = 200000, len = 0;
	char *text = malloc(size);
	len += (size_t)snprintf(text, size, NODE TRUNKS REGIONS "rules:\n");
	for (unsigned i = 0; i < 1024; i++)
		len += (size_t)snprintf(text + len, size - len, "  - {name: \"a b\", pool: nowhere}\n");
	parse(text, &r);
	CU_ASSERT_EQUAL(r.n, 1001);
	CU_ASSERT(len < size);
	free(text);
}

/* Loops and multiplication by aliases end, with a word. */
static void test_aliases(void)
{
	static struct reports r;
	parse(NODE REGIONS "trunks: &t [{name: a, sources: *t}]\n", &r);
	CU_ASSERT(r.n > 0);
	parse("&a {node: *a, trunks: [*a, *a], regions: *a, anycast: {as: 1, peers: [*a], gate: *a}}\n", &r);
	CU_ASSERT(r.n > 0);

	size_t size = 400000, len = 0;
	char *text = malloc(size);
	len += (size_t)snprintf(text, size, NODE REGIONS "trunks: [&t {name: a, sources: &s [192.0.2.0/24");
	for (unsigned i = 0; i < 4000; i++)
		len += (size_t)snprintf(text + len, size - len, ", 10.0.%u.%u", i / 250, i % 250);
	len += (size_t)snprintf(text + len, size - len, "]}");
	for (unsigned i = 0; i < 4000; i++)
		len += (size_t)snprintf(text + len, size - len, ", *t");
	snprintf(text + len, size - len, "]\n");
	parse(text, &r);
	bool said = false;
	for (unsigned i = 0; i < r.n && i < 64; i++)
		said = said || strstr(r.line[i], "aliases multiply this");
	CU_ASSERT(said);
	len = 0;
	for (unsigned i = 0; i < 300; i++)
		len += (size_t)snprintf(text + len, size - len, "a%u: &a%u 1\n", i, i);
	parse(text, &r);
	CU_ASSERT_EQUAL(r.n, 1);
	check(strstr(r.line[0], "256 anchors") != NULL, "anchors", r.line[0]);
	free(text);
}

/* An anchor is a fair way to say the same twice. */
static void test_anchor_is_served(void)
{
	static struct reports r;
	parse(BASE "pools:\n  - {name: a, regions: [r1], failover: &f {attempts: 3}}\n"
	      "  - {name: b, regions: [r1], failover: *f}\n", &r);
	check(!r.n, "anchor", r.line[0]);
}

UNIT_MAIN("config errors",
	{"the base of the cases is right", test_base_is_right},
	{"YAML syntax", test_syntax},
	{"keys: unknown, duplicate, missing", test_keys},
	{"types and ranges", test_types},
	{"target URIs", test_targets},
	{"what is not served yet", test_unserved}, {"TLS", test_tls}, {"the cluster", test_cluster},
	{"node and listen", test_node},
	{"trunks, regions, pools, rules, tuning, probes", test_routing},
	{"rules that differ pass", test_rules_that_differ},
	{"anycast", test_anycast},
	{"several errors, in the order of the file", test_several},
	{"a rule that did not read is no catch-all", test_broken_rule},
	{"a thousand errors and a count of the rest", test_many},
	{"aliases that loop or multiply", test_aliases},
	{"an anchor used twice", test_anchor_is_served})
