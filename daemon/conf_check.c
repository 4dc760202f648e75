/* What no single value shows: names given twice, a source that two trunks claim, rules that can never
 * match, an address family without an address to send from. Runs when everything is read, also when
 * some of it was wrong: what was not read is unset (an empty name, family 0) and left out here. Each
 * error points at the later of two that clash. Control thread. */
#include "daemon/conf_tables.h"

#include <stdlib.h>
#include <string.h>

#include "policy/match.h"

static const char *family_str(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

struct named { const char *name; size_t index; };

static int named_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

/* Reports names that n things, `step` bytes apart, share. */
static void check_names(struct conf *c, const char *what, const void *names, size_t n, size_t step)
{
	struct named *sorted = calloc(n + 1, sizeof(*sorted));
	size_t first = 0;
	if (!sorted) {
		c->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct named){(const char *)names + i * step, i};
	qsort(sorted, n, sizeof(*sorted), named_order);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(sorted[i].name, sorted[first].name) != 0)
			first = i;
		else if (*sorted[i].name)
			conf_error_at(c, sorted[i].name, "duplicate %s \"%s\": it is on line %zu already; give it another name",
			              what, sorted[i].name, conf_mark_line(c, sorted[first].name));
	}
	free(sorted);
}

/* An address that one interface can have: callers and regions send to it. */
static void check_usable(struct conf *c, const char *key, const struct addr *a)
{
	char text[ADDR_STR_LEN];
	const char *why = NULL;
	if (addr_family(a) == AF_INET) {
		uint32_t host = ntohl(a->in.sin_addr.s_addr);
		if (!host)
			why = "stands for every address";
		else if (IN_MULTICAST(host) || host == INADDR_BROADCAST)
			why = "is no address of one host";
	} else if (addr_family(a) == AF_INET6) {
		const struct in6_addr *in6 = &a->in6.sin6_addr;
		if (IN6_IS_ADDR_UNSPECIFIED(in6))
			why = "stands for every address";
		else if (IN6_IS_ADDR_MULTICAST(in6))
			why = "is no address of one host";
		else if (IN6_IS_ADDR_LINKLOCAL(in6))
			why = "is good on one link only";
		else if (IN6_IS_ADDR_V4MAPPED(in6))
			why = "is an IPv4 address in disguise";
	}
	if (why)
		conf_error_at(c, a, "%s: %s %s: write the address that others send to", key,
		              addr_host_str(a, text), why);
}

/* ---- node and listen ---- */

static bool has_family(const struct addr *list, unsigned n, int family)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_family(&list[i]) == family)
			return true;
	return false;
}

static void check_own(struct conf *c, const char *key, const struct addr *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int family = addr_family(&list[i]);
		check_usable(c, key, &list[i]);
		if (family && has_family(list, i, family))
			conf_error_at(c, &list[i], "%s: a second %s address: it takes one IPv4, one IPv6 or both", key,
			              family_str(family));
	}
}

static void check_node(struct conf *c, const struct config *config)
{
	const struct config_node *node = &config->node;
	if (!node->id[0])
		conf_error_at(c, node->id, "node lacks an id, and the host's name cannot be one: add \"id\", a name of "
		              "letters, digits, '.', '_' or '-'");
	check_own(c, "address", node->address, node->n_address);
	if (!conf_mark_line(c, node->egress))
		return;
	check_own(c, "egress", node->egress, node->n_egress);
	for (unsigned i = 0; i < node->n_egress; i++) {
		int family = addr_family(&node->egress[i]);
		if (family && node->n_address && !has_family(node->address, node->n_address, family))
			conf_error_at(c, &node->egress[i], "egress is %s, but node.address has no %s address for what "
			              "comes back: add one there", family_str(family), family_str(family));
	}
}

static void check_tls(struct conf *c, const struct config_listen *l)
{
	bool tls = l->transport == CONFIG_TLS;
	if (tls && !l->certificate[0])
		conf_error_at(c, &l->transport, "transport tls needs a certificate: add certificate: and key:, the PEM files' names");
	if (tls && l->certificate[0] && !l->key[0])
		conf_error_at(c, l->certificate, "certificate has no key beside it: add key:, the PEM file's name");
	if (!tls && l->certificate[0])
		conf_error_at(c, l->certificate, "certificate is for transport tls: remove it, or write transport: tls");
	if (!tls && l->key[0])
		conf_error_at(c, l->key, "key is for transport tls: remove it, or write transport: tls");
	if (!tls && l->ca[0])
		conf_error_at(c, l->ca, "ca is for transport tls: remove it, or write transport: tls");
}

static void check_listen(struct conf *c, const struct config *config)
{
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; i < config->n_listen; i++) {
		const struct config_listen *l = &config->listen[i];
		if (!addr_family(&l->address))
			continue;
		check_usable(c, "address", &l->address);
		check_tls(c, l);
		for (unsigned j = 0; j < i; j++)
			if (addr_equal(&l->address, &config->listen[j].address) &&
			    (l->transport == CONFIG_UDP) == (config->listen[j].transport == CONFIG_UDP))
				conf_error_at(c, &l->address, "duplicate listen address %s: it is on line %zu already; "
				              "remove one", addr_str(&l->address, text),
				              conf_mark_line(c, &config->listen[j].address));
		for (unsigned j = 0; j < config->node.n_address && l->anycast; j++)
			if (addr_same_host(&l->address, &config->node.address[j]))
				conf_error_at(c, &l->anycast, "anycast: %s is node.address, this node's own: write "
				              "\"anycast: false\", or give the node another address",
				              addr_host_str(&l->address, text));
	}
}

/* ---- trunks ---- */

struct source {
	const struct prefix *prefix;
	const struct config_trunk *trunk;
};

/* Equal prefixes side by side, in the order of the file. */
static int source_order(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	int d = memcmp(x->prefix, y->prefix, sizeof(*x->prefix));
	if (d)
		return d;
	if (x->trunk != y->trunk)
		return x->trunk < y->trunk ? -1 : 1;
	return x->prefix < y->prefix ? -1 : x->prefix > y->prefix;
}

/* One name says what is done; a value goes with all but a strip. */
static void check_header(struct conf *c, const struct trunk_header *h)
{
	unsigned names = (*h->strip != 0) + (*h->add != 0) + (*h->replace != 0);
	if (conf_mark_faulty(c, h))
		return;
	if (names != 1)
		conf_error_at(c, h, "a header rule says one of strip, add and replace: this one has %u of them", names);
	else if (*h->strip && *h->value)
		conf_error_at(c, h, "strip leaves %s out, and takes no value: remove it, or write replace", h->strip);
	else if (!*h->strip && !*h->value)
		conf_error_at(c, h, "%s %s lacks the key \"value\": what the header is to say", *h->add ? "add" : "replace",
		              *h->add ? h->add : h->replace);
}

/* Towards the trunk no call begins, and only what begins one is added to. */
static void check_header_back(struct conf *c, const struct trunk_header *h)
{
	if (!*h->add || conf_mark_faulty(c, h))
		check_header(c, h);
	else
		conf_error_at(c, h, "headers_back takes strip and replace: what is added, is added to the INVITEs that a trunk sends");
}

static void check_headers(struct conf *c, const struct config *config)
{
	for (unsigned i = 0; i < config->n_trunks; i++) {
		const struct trunk_options *o = &config->trunks[i].options;
		for (unsigned k = 0; k < o->n_headers; k++)
			check_header(c, &o->headers[k]);
		for (unsigned k = 0; k < o->n_headers_back; k++)
			check_header_back(c, &o->headers_back[k]);
	}
}

/* A prefix inside another trunk's is fine, the longest match wins; the very same one is not. */
static void check_sources(struct conf *c, const struct config *config)
{
	size_t n = 0, room = 0;
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; i < config->n_trunks; i++)
		room += config->trunks[i].n_sources;
	struct source *all = calloc(room ? room : 1, sizeof(*all));
	if (!all) {
		c->no_memory = true;
		return;
	}
	for (unsigned i = 0; i < config->n_trunks; i++)
		for (unsigned k = 0; k < config->trunks[i].n_sources; k++)
			if (config->trunks[i].sources[k].family)
				all[n++] = (struct source){&config->trunks[i].sources[k], &config->trunks[i]};
	qsort(all, n, sizeof(*all), source_order);
	for (size_t i = 1; i < n; i++) {
		if (!prefix_equal(all[i].prefix, all[i - 1].prefix))
			continue;
		prefix_str(all[i].prefix, text);
		if (all[i].trunk == all[i - 1].trunk)
			conf_error_at(c, all[i].prefix, "source %s is in this trunk twice: remove one", text);
		else
			conf_error_at(c, all[i].prefix, "source %s is also of trunk \"%s\" (line %zu): a caller can "
			              "belong to one trunk; remove one", text, all[i - 1].trunk->name,
			              conf_mark_line(c, all[i - 1].prefix));
	}
	free(all);
}

/* ---- regions, pools, rules ---- */

static bool listens_by_tls(const struct config *config)
{
	for (unsigned i = 0; i < config->n_listen; i++)
		if (config->listen[i].transport == CONFIG_TLS)
			return true;
	return false;
}

static void check_target(struct conf *c, const struct config *config, const struct config_region *region, unsigned k)
{
	const struct config_target *t = &region->targets[k];
	struct addr a;
	if (!addr_parse(&a, t->host, t->port) && config->node.n_egress &&
	    !has_family(config->node.egress, config->node.n_egress, addr_family(&a)))
		conf_error_at(c, t, "targets: \"%s\" is %s, but the node has no %s address to send from: add one to "
		              "node.address", t->uri, family_str(addr_family(&a)), family_str(addr_family(&a)));
	if (t->secure && !listens_by_tls(config))
		conf_error_at(c, t, "targets: \"%s\" needs a listener of TLS, to which the region's own requests come back: add one "
		              "to listen (transport: tls, certificate and key), or write sip:%.*s;transport=tls", t->uri,
		              (int)strcspn(t->uri + 5, ";"), t->uri + 5);
	for (unsigned j = 0; j < k; j++)
		if (t->port == region->targets[j].port && !strcasecmp(t->host, region->targets[j].host)) {
			conf_error_at(c, t, "duplicate target \"%s\": it is on line %zu already; remove one", t->uri,
			              conf_mark_line(c, &region->targets[j]));
			break;
		}
}

static void check_regions(struct conf *c, const struct config *config)
{
	for (unsigned i = 0; i < config->n_regions; i++)
		for (unsigned k = 0; k < config->regions[i].n_targets; k++)
			if (config->regions[i].targets[k].host[0])
				check_target(c, config, &config->regions[i], k);
}

static void check_pool(struct conf *c, const struct config *config, const struct policy_pool_config *pool)
{
	uint64_t seen = 0;
	bool any = false;
	for (unsigned i = 0; i < pool->n_regions; i++) {
		const struct config_region *r = &config->regions[pool->regions[i]];
		/* A region that is unknown was reported, and left index 0 without a place. */
		bool written = conf_mark_line(c, &pool->regions[i]);
		if (written && seen >> pool->regions[i] & 1)
			conf_error_at(c, &pool->regions[i], "regions: \"%s\" is in this pool twice: remove one",
			              r->policy.name);
		if (written)
			seen |= UINT64_C(1) << pool->regions[i];
		any = any || r->policy.weight;
	}
	if (any || !pool->n_regions)
		return;
	const void *at = conf_mark_line(c, pool->name) ? (const void *)pool->name :
		&config->regions[pool->regions[0]].policy.weight;
	conf_error_at(c, at, "every region of pool \"%s\" has weight 0, so it takes no call: give one of them a "
	              "weight of 1 or more", pool->name);
}

static bool rule_is_plain(const struct policy_rule_config *r)
{
	return !r->trunk[0] && !r->n_to && !r->n_from && !r->header[0] && !r->n_windows;
}

static void check_windows(struct conf *c, const struct policy_rule_config *rule)
{
	for (unsigned i = 1; i < rule->n_windows; i++)
		for (unsigned j = 0; j < i; j++)
			if (match_windows_overlap(&rule->windows[i], &rule->windows[j])) {
				conf_error_at(c, &rule->windows[i], "hours of rule \"%s\" overlap those on line %zu: "
				              "write each time once", rule->name, conf_mark_line(c, &rule->windows[j]));
				break;
			}
	if (rule->zone[0] && !rule->n_windows)
		conf_error_at(c, rule->zone, "zone says nothing without hours: add \"hours\" or remove it");
}

static void check_rule(struct conf *c, const struct policy_rule_config *rule)
{
	if (rule->pool == POLICY_NO_POOL && !rule->refuse)
		conf_error_at(c, rule, "rule lacks the key \"pool\": name of the pool its calls go to, or \"refuse\" and "
		              "a code");
	else if (rule->pool != POLICY_NO_POOL && rule->refuse)
		conf_error_at(c, &rule->refuse, "rule \"%s\" has a pool and refuses: keep one of them", rule->name);
	if (conf_mark_line(c, &rule->percent) && rule->percent <= 0)
		conf_error_at(c, &rule->percent, "rule \"%s\" can never match: percent is 0; write more, or remove the rule",
		              rule->name);
	check_windows(c, rule);
}

/* The zones that rules name, without what is in them: two of one name are the same. */
static unsigned rule_zones(struct conf *c, const struct policy_rule_config *rules, unsigned n,
                           struct policy_zone zones[POLICY_ZONES_MAX])
{
	unsigned count = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned j = 0;
		while (j < count && strcmp(zones[j].name, rules[i].zone) != 0)
			j++;
		if (!rules[i].zone[0] || j < count)
			continue;
		if (count == POLICY_ZONES_MAX) {
			conf_error(c, 1, 1, "the rules name more than %d time zones: use fewer", POLICY_ZONES_MAX);
			break;
		}
		zones[count] = (struct policy_zone){0};
		memcpy(zones[count++].name, rules[i].zone, sizeof(zones[0].name));
	}
	return count;
}

/* Rules that did not read well are left out: what they match is not known. */
static void check_rules(struct conf *c, const struct config *config)
{
	struct policy_rule_config *rules = calloc(config->n_rules + 1, sizeof(*rules));
	const struct policy_rule_config **of = calloc(config->n_rules + 1, sizeof(*of));
	struct match *match = NULL;
	unsigned n = 0;
	for (unsigned i = 0; rules && of && i < config->n_rules; i++) {
		if (conf_mark_faulty(c, &config->rules[i]))
			continue;
		check_rule(c, &config->rules[i]);
		of[n] = &config->rules[i];
		rules[n++] = config->rules[i];
	}
	if (rules && of && match_headers(rules, n) <= POLICY_HEADERS_MAX) {
		struct policy_zone zones[POLICY_ZONES_MAX];
		match = match_new(rules, n, zones, rule_zones(c, rules, n, zones));
		c->no_memory = c->no_memory || !match;
	} else if (rules && of) {
		conf_error_at(c, of[0], "the rules ask for more than %d header fields: use fewer", POLICY_HEADERS_MAX);
	} else {
		c->no_memory = true;
	}
	for (unsigned i = 1; match && i < n; i++) {
		int by = match_shadow(match, i);
		if (by >= 0)
			conf_error_at(c, of[i], "rule \"%s\" can never match: \"%s\" on line %zu takes %s; put it "
			              "before that one or remove it", of[i]->name, of[by]->name,
			              conf_mark_line(c, of[by]), rule_is_plain(of[by]) ? "every call" : "all of its calls");
	}
	match_free(match);
	free(of);
	free(rules);
}

static void check_ages(struct conf *c, const char *fresh, const uint32_t *fresh_ms, const char *gone,
                       const uint32_t *gone_ms)
{
	if (*fresh_ms >= *gone_ms)
		conf_error_at(c, conf_mark_line(c, gone_ms) ? gone_ms : fresh_ms, "%s (%u ms) is not above %s (%u ms): a "
		              "figure says all until the one age and nothing from the other", gone, *gone_ms, fresh,
		              *fresh_ms);
}

static void check_tuning(struct conf *c, const struct config *config)
{
	const struct policy_tuning *t = &config->tuning;
	if (t->hot_on <= 0)
		conf_error_at(c, &t->hot_on, "hot_on is 0, so every region is always hot: it takes more, such as 0.84");
	else if (t->hot_off <= 0)
		conf_error_at(c, &t->hot_off, "hot_off is 0, so a hot region never cools: it takes more, such as 0.75");
	else if (t->hot_off > t->hot_on)
		conf_error_at(c, conf_mark_line(c, &t->hot_off) ? &t->hot_off : &t->hot_on, "hot_off (%g) is above "
		              "hot_on (%g): a region turns hot above hot_on and cold again below hot_off, "
		              "which is lower",
		              t->hot_off, t->hot_on);
	check_ages(c, "fresh", &t->fresh_ms, "gone", &t->gone_ms);
	check_ages(c, "figure_fresh", &t->figure_fresh_ms, "figure_gone", &t->figure_gone_ms);
	if (t->eject_ms > t->eject_max_ms)
		conf_error_at(c, conf_mark_line(c, &t->eject_max_ms) ? &t->eject_max_ms : &t->eject_ms, "eject_time (%u ms) is "
		              "longer than eject_max (%u ms): the first time out is the shortest", t->eject_ms, t->eject_max_ms);
}

/* What waits for no other reason than that it is gathered is not to count as overload. */
static void check_gather(struct conf *c, const struct config *config)
{
	uint32_t gather = config->node.gather_ms, target = config->overload.target_ms;
	if (target && gather * 2 > target)
		conf_error_at(c, &config->node.gather_ms, "gather is %u ms, but datagrams that wait longer than overload.target, %u ms, "
		              "turn new calls away: write at most %u ms, or a longer target", gather, target, target / 2);
}

static void check_probes(struct conf *c, const struct config *config)
{
	const struct config_probes *p = &config->probes;
	if (p->timeout_ms > p->interval_ms)
		conf_error_at(c, conf_mark_line(c, &p->timeout_ms) ? &p->timeout_ms : &p->interval_ms,
		              "timeout (%u ms) is longer than interval (%u ms): a probe ends before the next begins",
		              p->timeout_ms, p->interval_ms);
}

/* ---- anycast ---- */

static bool prefix_has_listener(const struct config *config, const struct prefix *p)
{
	for (unsigned i = 0; i < config->n_listen; i++)
		if (config->listen[i].anycast && prefix_contains(p, &config->listen[i].address))
			return true;
	return false;
}

static bool among(const struct addr *a, const struct addr *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_same_host(a, &list[i]))
			return true;
	return false;
}

static void check_egress_routes(struct conf *c, const struct config *config)
{
	const struct anycast_config *a = &config->anycast;
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; a->announce_egress && i < config->node.n_egress; i++)
		if (among(&config->node.egress[i], config->node.address, config->node.n_address)) {
			conf_error_at(c, &a->announce_egress, "announce_egress: node.egress is node.address, which other nodes have to "
			              "reach at this node alone: give the node an egress address of its own");
			break;
		}
	for (unsigned i = 0; i < a->n_egress_backup; i++) {
		const struct addr *b = &a->egress_backup[i];
		if (!addr_family(b))
			continue;
		addr_host_str(b, text);
		if (among(b, config->node.egress, config->node.n_egress) || among(b, config->node.address, config->node.n_address))
			conf_error_at(c, b, "egress_backup %s is this node's own address: list those of other nodes", text);
		else if (among(b, a->egress_backup, i))
			conf_error_at(c, b, "egress_backup %s is there twice: remove one", text);
	}
	if (a->n_egress_backup && !config->cluster.n_redis)
		conf_error_at(c, &a->egress_backup[0], "egress_backup needs cluster.redis, and the secret that other nodes sign with");
}

static void check_prefixes(struct conf *c, const struct config *config)
{
	const struct anycast_config *a = &config->anycast;
	char text[ADDR_STR_LEN], host[ADDR_STR_LEN];
	struct addr first;
	for (unsigned i = 0; i < a->n_prefixes; i++) {
		const struct prefix *p = &a->prefixes[i].prefix;
		if (!p->family)
			continue;
		prefix_str(p, text);
		prefix_first(p, &first);
		for (unsigned j = 0; j < i; j++)
			if (prefix_equal(p, &a->prefixes[j].prefix))
				conf_error_at(c, p, "duplicate prefix %s: it is on line %zu already; remove one", text,
				              conf_mark_line(c, &a->prefixes[j].prefix));
		if (!prefix_has_listener(config, p))
			conf_error_at(c, p, "prefix %s brings calls to an address nobody listens on: add {address: "
			              "\"%s\", anycast: true} to listen", text, addr_host_str(&first, host));
	}
	if (a->n_peers && !a->n_prefixes)
		conf_error_at(c, &a->peers[0], "peer \"%s\" has nothing to be told: add \"prefixes\" to anycast",
		              a->peers[0].name);
}

static void check_peer_routes(struct conf *c, const struct anycast_config *a, const struct anycast_peer_config *p)
{
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; i < p->n_prefixes; i++) {
		bool known = !p->prefixes[i].family;
		for (unsigned k = 0; k < a->n_prefixes; k++)
			known = known || prefix_equal(&p->prefixes[i], &a->prefixes[k].prefix);
		if (!known)
			conf_error_at(c, &p->prefixes[i], "prefixes: %s is not among anycast.prefixes: add it there, with "
			              "its address, or remove it here", prefix_str(&p->prefixes[i], text));
	}
	check_own(c, "next_hop", p->next_hop, p->n_next_hop);
}

static void check_peer(struct conf *c, const struct anycast_config *a, unsigned i)
{
	const struct anycast_peer_config *p = &a->peers[i];
	int family = addr_family(&p->address), local = addr_family(&p->local_address);
	char text[ADDR_STR_LEN];
	check_usable(c, "local_address", &p->local_address);
	check_peer_routes(c, a, p);
	for (unsigned j = 0; family && j < i; j++)
		if (addr_same_host(&p->address, &a->peers[j].address))
			conf_error_at(c, &p->address, "peer address %s is on line %zu already: one session a router",
			              addr_str(&p->address, text), conf_mark_line(c, &a->peers[j].address));
	if (family && local && family != local)
		conf_error_at(c, &p->local_address, "local_address is %s, the peer's address is %s: write one of the "
		              "same family", family_str(local), family_str(family));
	if (p->passive && family && addr_family(&a->listen) != family)
		conf_error_at(c, &p->passive, "a passive peer connects to us, but anycast has no \"listen\" of %s: add one, "
		              "for example listen: \"%s:179\"", family_str(family), family == AF_INET6 ? "[::]" : "0.0.0.0");
	if (p->ttl_security && p->ttl > 1)
		conf_error_at(c, &p->ttl_security, "ttl_security and multihop exclude each other: ttl_security sends "
		              "with TTL 255 and says itself how many hops there may be; remove multihop");
}

static void check_anycast(struct conf *c, const struct config *config)
{
	const struct anycast_config *a = &config->anycast;
	if (!config->has_anycast)
		return;
	if (!a->router_id && config->node.n_address)
		conf_error_at(c, &config->has_anycast, "anycast lacks the key \"router_id\", and node.address has no "
		              "IPv4 address to take it from: add one that is this node's alone");
	check_egress_routes(c, config);
	check_prefixes(c, config);
	check_names(c, "peer", a->peers[0].name, a->n_peers, sizeof(a->peers[0]));
	for (unsigned i = 0; i < a->n_peers; i++)
		check_peer(c, a, i);
	if (config->n_regions && a->gate.min_regions > config->n_regions)
		conf_error_at(c, &a->gate.min_regions, "min_regions is %u, but there are %u regions: the route would "
		              "never be announced; write at most %u", a->gate.min_regions, config->n_regions,
		              config->n_regions);
}

void conf_check(struct conf *c, const struct config *config)
{
	check_node(c, config);
	check_listen(c, config);
	if (config->n_trunks)
		check_names(c, "trunk", config->trunks[0].name, config->n_trunks, sizeof(config->trunks[0]));
	check_sources(c, config);
	check_headers(c, config);
	if (config->n_regions)
		check_names(c, "region", config->regions[0].policy.name, config->n_regions, sizeof(config->regions[0]));
	check_regions(c, config);
	if (config->n_pools)
		check_names(c, "pool", config->pools[0].name, config->n_pools, sizeof(config->pools[0]));
	for (unsigned i = 0; i < config->n_pools && config->n_regions; i++)
		check_pool(c, config, &config->pools[i]);
	if (config->n_rules)
		check_names(c, "rule", config->rules[0].name, config->n_rules, sizeof(config->rules[0]));
	check_rules(c, config);
	check_tuning(c, config);
	check_probes(c, config);
	check_gather(c, config);
	check_anycast(c, config);
	conf_check_cluster(c, config);
}
