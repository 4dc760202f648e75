/* The scalar types that only tandem's configuration has: numbers to match, names that refer to other parts of the file
 * (regions and trunks are read before what names them), BGP's values, the admin API's addresses. Control thread. */
#include "daemon/conf_tables.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "policy/match.h"

#define WORKERS_MAX 64

/* ---- node.workers ---- */

static void workers_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "auto or a whole number from 1 to %d", WORKERS_MAX);
}

static int workers_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint64_t n = 1;
	cpu_set_t cpus;
	if (!strcmp(text, "auto")) {
		if (!sched_getaffinity(0, sizeof(cpus), &cpus))
			n = (uint64_t)CPU_COUNT(&cpus);
		if (n > WORKERS_MAX)
			n = WORKERS_MAX;
	} else if (!conf_digits(text, WORKERS_MAX, &n) || !n) {
		return -EINVAL;
	}
	*(unsigned *)value = (unsigned)n;
	return 0;
}

static bool workers_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%u", *(const unsigned *)value);
	return true;
}

const struct conf_type conf_workers = {workers_expect, workers_parse, workers_print, false};

static bool text_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)value);
	return *buf;
}

/* ---- numbers ---- */

static void country_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the digits of a country code such as \"1\" or \"49\"");
}

static int country_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint64_t n;
	if (!conf_digits(text, 999, &n) || !n)
		return -EINVAL;
	snprintf(value, f->size, "%s", text);
	return 0;
}

const struct conf_type conf_country = {country_expect, country_parse, text_print, true};

/* ---- what trunks dial, where from, and with which headers ---- */

static void dial_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the digits dialled before a number, such as \"00\" or \"011\"");
}

static int dial_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strspn(text, "0123456789*#");
	if (!len || text[len] || len >= f->size)
		return -EINVAL;
	snprintf(value, f->size, "%s", text);
	return 0;
}

const struct conf_type conf_dial = {dial_expect, dial_parse, text_print, true};

static void national_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the digits dialled before a national number, such as \"0\", or none");
}

static int national_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	if (strcmp(text, "none") != 0)
		return dial_parse(c, f, text, value, err);
	snprintf(value, f->size, "none");
	return 0;
}

const struct conf_type conf_national = {national_expect, national_parse, text_print, true};

static void called_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the first digits of E.164 numbers such as \"+44\", or of a short code such as \"11\"");
}

static int called_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct trunk_called *called = value;
	size_t plus = *text == '+', len = strspn(text + plus, "0123456789"), end = plus + len;
	if (!len || len > 15 || (text[end] && strcmp(text + end, "*") != 0))
		return -EINVAL;
	snprintf(called->prefix, sizeof(called->prefix), "%.*s", (int)end, text);
	return 0;
}

const struct conf_type conf_called = {called_expect, called_parse, text_print, true};

static void ports_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a port such as 5060, or a range such as 10000-20000");
}

static int ports_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct trunk_ports *ports = value;
	char first[8];
	uint64_t low, high;
	size_t len = strcspn(text, "-");
	if (len >= sizeof(first))
		return -EINVAL;
	snprintf(first, sizeof(first), "%.*s", (int)len, text);
	if (!conf_digits(first, 65535, &low) || !conf_digits(text[len] ? text + len + 1 : first, 65535, &high) || !low)
		return -EINVAL;
	if (low > high)
		return err_set(err, EINVAL, "%s runs backwards: write %llu-%llu", text, (unsigned long long)high,
		               (unsigned long long)low);
	*ports = (struct trunk_ports){(uint16_t)low, (uint16_t)high};
	return 0;
}

static bool ports_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct trunk_ports *ports = value;
	if (ports->first == ports->last)
		snprintf(buf, size, "%u", ports->first);
	else
		snprintf(buf, size, "%u-%u", ports->first, ports->last);
	return true;
}

const struct conf_type conf_ports = {ports_expect, ports_parse, ports_print, false};

/* What the protocol itself stands on, in its compact form too; and what is signed by others. */
static const char *header_untouchable(const char *name)
{
	static const char *const ours[] = {
		"Via", "v", "Route", "Record-Route", "From", "f", "To", "t", "Call-ID", "i", "CSeq", "Contact", "m",
		"Max-Forwards", "Max-Breadth", "Content-Length", "l", "Content-Type", "c", "Content-Encoding", "e", "Require",
		"Proxy-Require", "RSeq", "RAck", "Session-Expires", "x", "Min-SE", "Timestamp",
	};
	static const char *const signed_by_others[] = {"Identity", "y", "Identity-Info", "n"};
	for (size_t i = 0; i < sizeof(signed_by_others) / sizeof(signed_by_others[0]); i++)
		if (!strcasecmp(name, signed_by_others[i]))
			return "is signed by whoever vouches for the caller (RFC 8224): it is never touched";
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcasecmp(name, ours[i]))
			return "is a header that calls are carried by: it cannot be changed";
	return NULL;
}

static void header_name_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the name of a header such as Diversion");
}

static int header_name_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");
	const char *why = header_untouchable(text);
	if (!len || text[len] || len >= f->size)
		return -EINVAL;
	if (why)
		return err_set(err, EINVAL, "%s %s; remove this rule", text, why);
	if (len == 1)
		return err_set(err, EINVAL, "%s is a header's compact form: write its long name, which means both", text);
	snprintf(value, f->size, "%s", text);
	return 0;
}

const struct conf_type conf_header_name = {header_name_expect, header_name_parse, text_print, true};

static void pattern_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a number such as \"+18005551234\" or a prefix such as \"+1800*\"");
}

static int pattern_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strlen(text);
	if (!len || len >= f->size || !match_pattern_ok(text))
		return -EINVAL;
	snprintf(((struct policy_number *)value)->text, POLICY_NUMBER_LEN, "%s", text);
	return 0;
}

const struct conf_type conf_pattern = {pattern_expect, pattern_parse, text_print, true};

/* ---- names of other parts ---- */

static void ref_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a name (%s)", f->help);
}

/* Index of `text` among n names that lie `step` bytes apart; negative, with `err`, when it is not there. */
static int ref_find(const char *text, const char *what, const void *names, unsigned n, size_t step, struct err *err)
{
	struct conf_names known;
	char quote[CONF_QUOTE_LEN], hint[CONF_TEXT_MAX], plural[32];
	conf_names_init(&known, text);
	for (unsigned i = 0; i < n; i++) {
		const char *name = (const char *)names + i * step;
		if (*name && !strcmp(name, text))
			return (int)i;
	}
	for (unsigned i = 0; i < n; i++)
		if (*((const char *)names + i * step))
			conf_names_add(&known, (const char *)names + i * step);
	snprintf(plural, sizeof(plural), "%ss", what);
	return err_set(err, EINVAL, "unknown %s \"%s\": %s", what, conf_quote(text, quote),
	               conf_names_hint(&known, plural, hint, sizeof(hint)));
}

static int region_ref_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	const struct config *config = c->root;
	const char *names = config->n_regions ? config->regions[0].policy.name : NULL;
	int i = ref_find(text, "region", names, config->n_regions, sizeof(config->regions[0]), err);
	if (i < 0)
		return i;
	*(uint8_t *)value = (uint8_t)i;
	return 0;
}

static bool region_ref_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct config *config = root;
	snprintf(buf, size, "%s", config->regions[*(const uint8_t *)value].policy.name);
	return true;
}

const struct conf_type conf_region_ref = {ref_expect, region_ref_parse, region_ref_print, true};

static int pool_ref_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	const struct config *config = c->root;
	const char *names = config->n_pools ? config->pools[0].name : NULL;
	int i = ref_find(text, "pool", names, config->n_pools, sizeof(config->pools[0]), err);
	if (i < 0)
		return i;
	*(uint16_t *)value = (uint16_t)i;
	return 0;
}

static bool pool_ref_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct config *config = root;
	uint16_t pool = *(const uint16_t *)value;
	if (pool < config->n_pools)
		snprintf(buf, size, "%s", config->pools[pool].name);
	return pool < config->n_pools;
}

const struct conf_type conf_pool_ref = {ref_expect, pool_ref_parse, pool_ref_print, true};

static int trunk_ref_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	const struct config *config = c->root;
	const char *names = config->n_trunks ? config->trunks[0].name : NULL;
	int i = ref_find(text, "trunk", names, config->n_trunks, sizeof(config->trunks[0]), err);
	if (i < 0)
		return i;
	snprintf(value, f->size, "%s", text);
	return 0;
}

const struct conf_type conf_trunk_ref = {ref_expect, trunk_ref_parse, text_print, true};

/* ---- rules ---- */

static void header_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the name of a header field such as X-Customer, at most %zu characters", f->size - 1);
}

/* A token of RFC 3261 section 25.1. */
static int header_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~";
	size_t len = strlen(text);
	if (!len || len >= f->size || text[strspn(text, token)])
		return -EINVAL;
	snprintf(value, f->size, "%s", text);
	return 0;
}

const struct conf_type conf_header = {header_expect, header_parse, text_print, true};

static void refusal_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a response code from %lld to %lld such as 403", (long long)f->min, (long long)f->max);
}

/* A challenge needs more than a code, and what is about a dialog or another call's end would mislead. */
static int refusal_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint64_t n;
	if (!conf_digits(text, (uint64_t)f->max, &n) || n < (uint64_t)f->min)
		return -EINVAL;
	if (n == 401 || n == 407 || n == 481 || n == 487)
		return err_set(err, EINVAL, "%s says something else than \"no\": write 403, 404, 480, 486, 503 or 603", text);
	*(uint16_t *)value = (uint16_t)n;
	return 0;
}

static bool refusal_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%u", *(const uint16_t *)value);
	return *(const uint16_t *)value;
}

const struct conf_type conf_refusal = {refusal_expect, refusal_parse, refusal_print, false};

static void percent_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a percentage above 0 up to 100, such as 5 or 0.5");
}

static int percent_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	return conf_share.parse(c, f, text, value, err) ? -EINVAL : 0;
}

static bool percent_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	double percent = *(const double *)value;
	return conf_share.print(root, f, value, buf, size) && percent > 0 && percent < 100;
}

const struct conf_type conf_percent = {percent_expect, percent_parse, percent_print, false};

/* ---- BGP ---- */

static void router_id_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "an IPv4 address that is this node's alone, such as 198.51.100.11");
}

static int router_id_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct in_addr in;
	if (inet_pton(AF_INET, text, &in) != 1 || !in.s_addr)
		return -EINVAL;
	*(uint32_t *)value = ntohl(in.s_addr);
	return 0;
}

static bool router_id_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	uint32_t id = *(const uint32_t *)value;
	snprintf(buf, size, "%u.%u.%u.%u", id >> 24, id >> 16 & 255, id >> 8 & 255, id & 255);
	return id;
}

const struct conf_type conf_router_id = {router_id_expect, router_id_parse, router_id_print, false};

static void hold_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a hold time of 0s (never expires) or whole seconds from 3s to 65535s, such as 60s");
}

/* RFC 4271 section 4.2: zero or at least three seconds. */
static int hold_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint32_t ms;
	int ret = conf_ms.parse(c, f, text, &ms, err);
	if (ret)
		return ret;
	if (ms % 1000 || (ms && ms < 3000)) {
		char expect[128];
		hold_expect(f, expect, sizeof(expect));
		return err_set(err, EINVAL, "%s is not allowed by RFC 4271: it takes %s", text, expect);
	}
	*(uint32_t *)value = ms;
	return 0;
}

static bool hold_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	return conf_ms.print(root, f, value, buf, size);
}

const struct conf_type conf_hold = {hold_expect, hold_parse, hold_print, false};

static void community_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a community such as \"65000:1\", both numbers from 0 to 65535");
}

static int community_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	char high[8];
	uint64_t as, number;
	size_t len = strcspn(text, ":");
	if (!text[len] || len >= sizeof(high))
		return -EINVAL;
	snprintf(high, sizeof(high), "%.*s", (int)len, text);
	if (!conf_digits(high, 65535, &as) || !conf_digits(text + len + 1, 65535, &number))
		return -EINVAL;
	*(uint32_t *)value = (uint32_t)(as << 16 | number);
	return 0;
}

static bool community_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	uint32_t community = *(const uint32_t *)value;
	snprintf(buf, size, "%u:%u", community >> 16, community & 65535);
	return true;
}

const struct conf_type conf_community = {community_expect, community_parse, community_print, true};

static void large_community_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a large community such as \"64512:1:2\", three numbers from 0 to 4294967295");
}

static int large_community_parse(struct conf *c, const struct conf_field *f, const char *text, void *value,
                                 struct err *err)
{
	struct anycast_large_community community;
	char part[16];
	uint64_t number;
	for (unsigned i = 0; i < 3; i++) {
		size_t len = strcspn(text, ":");
		snprintf(part, sizeof(part), "%.*s", (int)(len < sizeof(part) ? len : 0), text);
		if (!conf_digits(part, UINT32_MAX, &number) || (text[len] == ':') != (i < 2))
			return -EINVAL;
		community.v[i] = (uint32_t)number;
		text += len + 1;
	}
	*(struct anycast_large_community *)value = community;
	return 0;
}

static bool large_community_print(const void *root, const struct conf_field *f, const void *value, char *buf,
                                  size_t size)
{
	const struct anycast_large_community *community = value;
	snprintf(buf, size, "%u:%u:%u", community->v[0], community->v[1], community->v[2]);
	return true;
}

const struct conf_type conf_large_community = {large_community_expect, large_community_parse, large_community_print,
                                               true};

/* The file's name of the peer whose `password` is at `value`: the row is that of the password, so that
 * its place in the file is remembered there. */
static const char *peer_file_of(const struct config *config, const void *value)
{
	size_t offset = (size_t)((const char *)value - (const char *)config->anycast.peers);
	return config->peer_password_file[offset / sizeof(config->anycast.peers[0])];
}

static int peer_file_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	const struct config *config = c->root;
	struct conf_field file = *f;
	file.size = sizeof(config->peer_password_file[0]);
	return conf_key_file.parse(c, &file, text, (char *)peer_file_of(config, value), err);
}

static bool peer_file_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", peer_file_of(root, value));
	return *buf;
}

static void peer_file_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "the name of a file that holds the password");
}

const struct conf_type conf_peer_file = {peer_file_expect, peer_file_parse, peer_file_print, true};

/* ---- admin.listen ---- */

static void admin_listen_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a loopback address with its port such as \"127.0.0.1:8080\", or \"unix:/FILE\"");
}

static int admin_socket(struct config_admin *admin, const char *path, struct err *err)
{
	size_t len = strlen(path);
	if (path[0] != '/' || path[len - 1] == '/' || len >= sizeof(admin->socket) || path[strcspn(path, "\"\\")])
		return err_set(err, EINVAL, "\"unix:%.60s\" is not right: after \"unix:\" it takes a file name from "
		               "the root (\"/...\"), at most %zu bytes", path, sizeof(admin->socket) - 1);
	if (admin->socket[0])
		return err_set(err, EINVAL, "a second Unix socket: one is enough, keep unix:%s or this", admin->socket);
	snprintf(admin->socket, sizeof(admin->socket), "%s", path);
	return 0;
}

static int admin_listen_parse(struct conf *c, const struct conf_field *f, const char *text, void *value,
                              struct err *err)
{
	struct config_admin *admin = value;
	struct addr a;
	if (!strncmp(text, "unix:", 5))
		return admin_socket(admin, text + 5, err);
	if (addr_parse_port(&a, text) || !addr_port(&a))
		return -EINVAL;
	bool loopback = addr_family(&a) == AF_INET ? ntohl(a.in.sin_addr.s_addr) >> 24 == 127
	                                           : IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
	if (!loopback)
		return err_set(err, EINVAL, "%s is not loopback, and this version of tandem has no tokens to guard it: "
		               "listen on 127.0.0.1 or [::1]", text);
	for (unsigned i = 0; i < admin->n_listen; i++)
		if (addr_equal(&admin->listen[i], &a))
			return err_set(err, EINVAL, "%s is there twice: keep one of them", text);
	if (admin->n_listen == sizeof(admin->listen) / sizeof(admin->listen[0]))
		return err_set(err, EINVAL, "%s is one TCP address too many: at most %u", text, admin->n_listen);
	admin->listen[admin->n_listen++] = a;
	return 0;
}

static bool admin_listen_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct config_admin *admin = value;
	char text[ADDR_STR_LEN];
	size_t len = (size_t)snprintf(buf, size, "[");
	for (unsigned i = 0; i < admin->n_listen; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"", i ? ", " : "",
		                        addr_str(&admin->listen[i], text));
	if (admin->socket[0])
		len += (size_t)snprintf(buf + len, size - len, "%s\"unix:%s\"", admin->n_listen ? ", " : "",
		                        admin->socket);
	snprintf(buf + len, size - len, "]");
	return true;
}

const struct conf_type conf_admin_listen = {admin_listen_expect, admin_listen_parse, admin_listen_print, true};
