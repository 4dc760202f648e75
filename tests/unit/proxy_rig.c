/* The worker without a network: see proxy_rig.h. */
#include "tests/unit/proxy_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/active.h"
#include "proxy/call_log.h"
#include "proxy/claim.h"
#include "proxy/ingress.h"
#include "tests/unit/unit.h"

#define SENT_MAX 1024

struct sent {
	struct sip_path path;
	char *text;
};

struct worker *rig_worker;
static struct proxy_common common;
static struct sent sent[SENT_MAX];
static unsigned n_sent, n_taken;
static char *kept[64 * SENT_MAX];  /* texts and records handed out */
static unsigned n_kept;
static struct table *replaced;

static void *keep(void *memory)
{
	CU_ASSERT_FATAL(memory && n_kept < sizeof kept / sizeof kept[0]);
	kept[n_kept++] = memory;
	return memory;
}

static void on_send(void *arg, const struct sip_path *path, const void *data, size_t len)
{
	CU_ASSERT_FATAL(n_sent < SENT_MAX);
	struct sent *s = &sent[n_sent++];
	s->path = *path;
	s->text = keep(malloc(len + 1));
	memcpy(s->text, data, len);
	s->text[len] = 0;
}

/* ---- building ---- */

static const struct proxy_timing rig_timing = {
	.max_call_ms = 4 * 3600 * 1000, .probe_interval_ms = 1000, .probe_timeout_ms = 500, .probe_rise = 2, .probe_fall = 3,
};

static struct policy_table *policy(const struct rig_options *o)
{
	static const struct policy_region_config regions[] = {
		{.name = "us-east-1", .weight = 100}, {.name = "us-west-2", .weight = 100},
	};
	static const struct policy_rule_config rules[] = {{.name = "all"}};
	struct policy_pool_config pool = {
		.name = "default", .strategy = POLICY_PRIORITY, .regions = {0, 1}, .n_regions = o->pool_of_one ? 1 : 2,
		.failover = {.on = {408, 500, 502, 503, 504}, .n_on = 5, .attempts = o->attempts ? o->attempts : 2,
		             .never = {404, 484, 486, 600, 603, o->never}, .n_never = o->never ? 6 : 5, .attempt_ms = o->attempt_ms,
		             .total_ms = o->total_ms, .budget = o->budget, .budget_min = o->budget_min,
		             .first_response_ms = o->first_response_ms ? o->first_response_ms : 2000},
	};
	struct policy_config c = {.regions = regions, .n_regions = 2, .pools = &pool, .n_pools = 1, .rules = rules,
	                          .n_rules = 1, .tuning = policy_tuning_default()};
	struct err err;
	if (o->budget > 0)
		c.tuning.eject_failures = 0;  /* one thing at a time */
	return policy_table_new(&c, &err);
}

static struct table *table(const struct rig_options *o)
{
	static struct proxy_region_config regions[2];
	static struct prefix sources[2];
	struct proxy_trunk_config trunk = {.name = "carrier-a", .sources = sources, .n_sources = 2,
	                                   .max_calls = o->max_calls, .max_cps = o->max_cps, .default_country = "1",
	                                   .options = o->trunk};
	struct err err;
	prefix_parse(&sources[0], "192.0.2.0/24");
	prefix_parse(&sources[1], "2001:db8:a::/48");
	for (int i = 0; i < 2; i++) {
		struct proxy_target_config *k = &regions[i].targets[0];
		regions[i].n_targets = 1;
		snprintf(k->host, sizeof k->host, "198.51.100.2%d", i + 1);
		snprintf(k->uri, sizeof k->uri, "sip:198.51.100.2%d:5060", i + 1);
		k->port = 5060;
	}
	if (o->east_sips)
		regions[0].targets[0] = (struct proxy_target_config){.host = "east.example", .uri = "sips:east.example", .port = 5061, .transport = SIP_TLS};
	regions[0].n_targets = o->east_targets ? o->east_targets : 1;
	regions[0].targets[1] = (struct proxy_target_config){.host = "198.51.100.23", .uri = "sip:198.51.100.23:5060", .port = 5060};
	struct proxy_routing r = {.timing = rig_timing, .policy = policy(o), .regions = regions, .trunks = &trunk, .n_trunks = 1};
	struct table *t = table_new(&r, NULL, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	struct target_place tls = {.transport = SIP_TLS, .weight = 1};
	addr_parse_port(&tls.address, EAST_TLS);
	if (o->east_sips)
		target_set_place(t->regions[0].targets[0], &tls);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < t->regions[i].n_targets; k++)
			if (target_address(t->regions[i].targets[k], &(struct addr){.sa = {0}}))
				target_set_health(t->regions[i].targets[k], true, "");
		table_refresh_health(t, i);
	}
	return t;
}

static void fill_common(const struct rig_options *o)
{
	static const char secret[] = "the secret that the nodes share";
	struct err err;
	memset(&common, 0, sizeof common);
	snprintf(common.config.node_id, sizeof common.config.node_id, "%s", o->node ? o->node : "iad-1");
	memcpy(common.config.secret, secret, sizeof secret);
	common.config.secret_len = sizeof secret;
	common.node_hash = token_name(common.config.node_id);
	common.table = table(o);
	common.n_workers = 1;
	common.workers = &rig_worker;
	/* sockets: 0 the IPv4 anycast address, 1 the egress, 2 the IPv6 anycast address */
	common.egress_socket[0] = 1;
	common.egress_socket[1] = NO_SOCKET;
	common.egress_families = 1;
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++)
		snprintf(common.egress_via[t][0], ADDR_STR_LEN, EGRESS);
	snprintf(common.route_host[SIP_UDP][0], ROUTE_HOST_LEN, ANYCAST);
	snprintf(common.route_host[SIP_UDP][1], ROUTE_HOST_LEN, "[2001:db8::10]:5060");
	snprintf(common.route_host[SIP_TCP][0], ROUTE_HOST_LEN, ANYCAST ";transport=tcp");
	snprintf(common.route_host[SIP_TLS][0], ROUTE_HOST_LEN, ANYCAST_TLS ";transport=tls");
	common.log = call_log_new("/dev/null", "iad-1", false, 1, &err);  /* never started: the ring is read here */
	CU_ASSERT_PTR_NOT_NULL_FATAL(common.log);
}

void rig_begin(const struct rig_options *options)
{
	static const struct rig_options none;
	sip_init();
	clock_test_set(1000 * CLOCK_SEC, 1767225600 * CLOCK_SEC);
	fill_common(options ? options : &none);
	struct worker *w = rig_worker = calloc(1, sizeof *w);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	w->common = &common;
	w->table = common.table;
	w->random = 88172645463325252ULL;
	w->names = calloc(1024, sizeof *w->names);
	w->n_names = 1;
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->names);
	w->signer = signer_new(common.config.secret, common.config.secret_len);
	w->wheel = timer_wheel_new(clock_us());
	w->log = call_log_ring(common.log, 0);
	w->txns.wheel = w->wheel;
	w->txns.stats = &w->stats;
	w->txns.now_us = clock_us();
	w->txns.send = on_send;
	w->txns.arg = w;
	txn_layer_init(&w->txns);
	active_init(w);
	n_sent = n_taken = 0;
}

void rig_other_node(const char *name)
{
	snprintf(common.config.node_id, sizeof common.config.node_id, "%s", name);
	common.node_hash = token_name(name);
	txn_layer_free(&rig_worker->txns);
	active_free_all(rig_worker);
	txn_layer_init(&rig_worker->txns);
}

void rig_reload(void)
{
	static const struct policy_region_config west = {.name = "us-west-2", .weight = 100};
	static const struct policy_rule_config rule = {.name = "all"};
	struct policy_pool_config pool = {.name = "west", .strategy = POLICY_PRIORITY, .n_regions = 1,
	                                  .failover = {.on = {503}, .n_on = 1, .attempts = 1, .first_response_ms = 2000}};
	struct policy_config c = {.regions = &west, .n_regions = 1, .pools = &pool, .n_pools = 1, .rules = &rule,
	                          .n_rules = 1, .tuning = policy_tuning_default()};
	struct prefix source;
	struct proxy_trunk_config trunk = {.name = "carrier-a", .sources = &source, .n_sources = 1};
	struct proxy_region_config region = {.n_targets = 1};
	struct proxy_timing timing = rig_timing;
	struct err err;
	timing.max_call_ms = 3600 * 1000;
	prefix_parse(&source, "192.0.2.0/24");
	snprintf(region.targets[0].host, sizeof region.targets[0].host, "198.51.100.22");
	snprintf(region.targets[0].uri, sizeof region.targets[0].uri, "sip:198.51.100.22:5060");
	region.targets[0].port = 5060;
	struct proxy_routing r = {.timing = timing, .policy = policy_table_new(&c, &err),
	                          .regions = &region, .trunks = &trunk, .n_trunks = 1};
	struct table *t = table_new(&r, common.table, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	replaced = common.table;
	rig_worker->table = common.table = t;
}

void rig_end(void)
{
	struct worker *w = rig_worker;
	rig_expect_none();
	txn_layer_free(&w->txns);
	CU_ASSERT_EQUAL(txn_layer_count(&w->txns), 0);
	active_free_all(w);
	claims_drop(w);
	CU_ASSERT_EQUAL(map_count(&w->actives), 0);
	CU_ASSERT_EQUAL(timer_wheel_count(w->wheel), 0);
	for (unsigned i = 0; i < common.table->n_regions; i++)
		CU_ASSERT_EQUAL(common.table->regions[i].live->setups, 0);
	CU_ASSERT_EQUAL(common.table->trunks[0].live->setups, 0);
	timer_wheel_free(w->wheel);
	signer_free(w->signer);
	while (rig_record())
		;
	CU_ASSERT_EQUAL(common.table->refs, 1);  /* no call holds it any more */
	if (replaced) {
		CU_ASSERT_EQUAL(replaced->refs, 1);
		table_free(replaced);
		replaced = NULL;
	}
	call_log_free(common.log);
	table_free(common.table);
	for (unsigned i = 1; i < w->n_names; i++)
		free(w->names[i]);
	free(w->names);
	free(w);
	rig_forget();
}

/* ---- in ---- */

static struct addr addr_of(const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&a, text), 0);
	return a;
}

void rig_receive_path(const struct sip_path *from, const char *text)
{
	size_t len = strlen(text);
	char *data = malloc(len + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memcpy(data, text, len);
	rig_worker->txns.now_us = clock_us();
	ingress_message(rig_worker, from, data, len);
	free(data);
	timer_wheel_run(rig_worker->wheel, clock_us());
}

void rig_receive_by(enum sip_transport transport, const char *source, const char *text)
{
	struct addr a = addr_of(source);
	struct sip_path from = {.peer = a, .transport = (uint8_t)transport, .socket = addr_family(&a) == AF_INET6 ? 2 : 0};
	rig_receive_path(&from, text);
}

void rig_receive(const char *source, const char *text) { rig_receive_by(SIP_UDP, source, text); }

void rig_run(int64_t ms)
{
	int64_t until = clock_us() + ms * CLOCK_MS, next;
	while ((next = timer_wheel_next_us(rig_worker->wheel, clock_us())) <= until) {
		clock_test_advance(next - clock_us());
		rig_worker->txns.now_us = clock_us();
		timer_wheel_run(rig_worker->wheel, clock_us());
	}
	clock_test_advance(until - clock_us());
	rig_worker->txns.now_us = clock_us();
}

/* ---- out ---- */

const char *rig_expect(const char *peer, const char *start)
{
	char where[ADDR_STR_LEN];
	const struct sent *s = n_taken < n_sent ? &sent[n_taken++] : NULL;
	const char *text = s ? s->text : "";
	bool right = s && !strncmp(text, start, strlen(start)) &&
	             (!strcmp(addr_str(&s->path.peer, where), peer) || !strcmp(peer, ANYONE));
	CU_ASSERT(right);
	if (!right)
		printf("\n    wanted \"%s\" to %s, got%s%s\n%.200s\n", start, peer, s ? " to " : " nothing",
		         s ? where : "", text);
	return text;
}

const struct sip_path *rig_sent_by(void) { return &sent[n_taken ? n_taken - 1 : 0].path; }

void rig_expect_none(void)
{
	char where[ADDR_STR_LEN];
	CU_ASSERT_EQUAL(n_sent, n_taken);
	for (; n_taken < n_sent; n_taken++)
		printf("\n    not wanted, to %s: %.60s\n", addr_str(&sent[n_taken].path.peer, where),
		         sent[n_taken].text);
}


unsigned rig_skip(void)
{
	unsigned n = n_sent - n_taken;
	n_taken = n_sent = 0;
	return n;
}

void rig_forget(void)
{
	while (n_kept)
		free(kept[--n_kept]);
}

/* ---- messages ---- */

static bool line_is(const char *line, const char *name)
{
	size_t n = strlen(name);
	return !strncasecmp(line, name, n) && line[n] == ':';
}

static const char *next_line(const char *p)
{
	const char *end = strstr(p, "\r\n");
	return end && end[2] && strncmp(end + 2, "\r\n", 2) ? end + 2 : NULL;
}

const char *rig_header(const char *message, const char *name, unsigned n)
{
	for (const char *p = message; p; p = next_line(p)) {
		if (!line_is(p, name) || n--)
			continue;
		p += strlen(name) + 1;
		while (*p == ' ')
			p++;
		size_t len = strcspn(p, "\r");
		char *value = keep(malloc(len + 1));
		memcpy(value, p, len);
		value[len] = 0;
		return value;
	}
	return "";
}

const char *rig_response(const char *request, int status, const char *tag, const char *extra)
{
	static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq", "Record-Route"};
	char *out = keep(malloc(4096));
	int n = snprintf(out, 4096, "SIP/2.0 %d Whatever\r\n", status);
	for (const char *p = request; p; p = next_line(p))
		for (unsigned i = 0; i < 6; i++)
			if (line_is(p, copied[i])) {
				bool tagged = i == 2 && *tag && !memmem(p, strcspn(p, "\r"), ";tag=", 5);
				n += snprintf(out + n, 4096 - (size_t)n, "%.*s%s%s\r\n", (int)strcspn(p, "\r"), p,
				              tagged ? ";tag=" : "", tagged ? tag : "");
			}
	n += snprintf(out + n, 4096 - (size_t)n, "%sContent-Length: 0\r\n\r\n", extra);
	CU_ASSERT_FATAL(n < 4096);
	return out;
}

/* ---- what it leaves behind ---- */

const struct record *rig_record(void)
{
	size_t len;
	const void *r = ring_peek(rig_worker->log, &len);
	if (!r)
		return NULL;
	void *copy = keep(malloc(len));
	memcpy(copy, r, len);
	table_release(((const struct record *)r)->table);
	ring_release(rig_worker->log);
	return copy;
}

uint64_t rig_stat(enum stat_counter which) { return rig_worker->stats.v[which]; }
