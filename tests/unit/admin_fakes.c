/* What proxy/ and anycast/ promise in their headers, in the simplest way that keeps the promise. The
 * decisions are the real ones: libpolicy is linked. */
#include "tests/unit/admin_fakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"

#define NOW_WALL_US (1769860800 * CLOCK_SEC)   /* 2026-01-31T12:00:00Z */

const struct stats_name stats_names[STATS_N] = {
#define STATS_ROW(id, name, labels, help) {name, labels, help},
	STATS_LIST(STATS_ROW)
#undef STATS_ROW
};

/* ---- proxy ---- */

unsigned proxy_regions(const struct proxy *proxy) { return FAKE_REGIONS; }
unsigned proxy_workers(const struct proxy *proxy) { return 4; }
unsigned proxy_workers_alive(const struct proxy *proxy) { return proxy->workers_alive; }
double proxy_overload(const struct proxy *proxy) { return 0.25; }
unsigned proxy_connections(const struct proxy *proxy) { return 3; }
unsigned proxy_transactions(const struct proxy *proxy) { return 17; }
bool proxy_draining(const struct proxy *proxy) { return proxy->draining; }
void proxy_dns(const struct proxy *proxy, unsigned *failing, uint64_t *failures)
{
	(void)proxy;
	*failing = 1;
	*failures = 7;
}
unsigned proxy_tables_held(const struct proxy *proxy) { (void)proxy; return 1; }
const struct policy_table *proxy_policy(const struct proxy *proxy) { return proxy->table; }
unsigned proxy_trunks(const struct proxy *proxy) { return proxy->n_trunks; }

void proxy_stats(const struct proxy *proxy, uint64_t out[STATS_N])
{
	for (unsigned i = 0; i < STATS_N; i++)
		out[i] = 1000 + i;
}

unsigned proxy_regions_reachable(const struct proxy *proxy)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_REGIONS; i++)
		n += atomic_load(&proxy->live[i].healthy) && atomic_load(&proxy->live[i].admin) != POLICY_MAINT;
	return n;
}

int proxy_region_find(const struct proxy *proxy, const char *name)
{
	return policy_table_region_find(proxy->table, name);
}

const struct policy_region_config *proxy_region_config(const struct proxy *proxy, unsigned index)
{
	return policy_table_region(proxy->table, index);
}

struct region_live *proxy_region_live(const struct proxy *proxy, unsigned index)
{
	return (struct region_live *)&proxy->live[index];
}

unsigned proxy_targets(const struct proxy *proxy, unsigned region, struct proxy_target_status *out, unsigned max)
{
	for (unsigned i = 0; i < proxy->n_targets[region] && i < max; i++)
		out[i] = proxy->targets[region][i];
	return proxy->n_targets[region];
}

void proxy_trunk(const struct proxy *proxy, unsigned index, struct proxy_trunk_status *out)
{
	*out = proxy->trunks[index];
}

int proxy_explain(const struct proxy *proxy, const struct proxy_question *q, struct policy_plan *plan, struct err *err)
{
	struct policy_query query = {.trunk = q->trunk, .from = q->from, .to = q->to, .now_us = clock_us()};
	struct policy_region_facts facts[FAKE_REGIONS];

	for (unsigned i = 0; i < proxy->n_trunks; i++)
		if (strcmp(proxy->trunks[i].name, q->trunk) == 0)
			goto found;
	return err_set(err, EINVAL, "there is no trunk \"%s\"", q->trunk);
found:
	for (unsigned i = 0; i < FAKE_REGIONS; i++)
		region_facts(&proxy->live[i], policy_table_region(proxy->table, i), policy_table_tuning(proxy->table), clock_us(),
		             &facts[i]);
	facts[0].no_sips = q->secure;
	return policy_decide(proxy->table, facts, &query, plan);
}

/* ---- anycast ---- */

int anycast_order(struct anycast *anycast, const struct prefix *prefix, enum policy_route_order order, const char *who)
{
	if (prefix && !prefix_equal(prefix, &anycast->status.prefixes[0].prefix))
		return -ENOENT;
	anycast->orders++;
	anycast->order = order;
	anycast->all = !prefix;
	if (prefix)
		anycast->prefix = *prefix;
	snprintf(anycast->who, sizeof anycast->who, "%s", who);
	anycast->status.prefixes[0].order = order;
	return 0;
}

void anycast_status(struct anycast *anycast, struct anycast_status *out)
{
	*out = anycast->status;
}

/* ---- daemon ---- */

static unsigned not_ready(void *arg, const char *reasons[ADMIN_REASONS_MAX])
{
	const struct fakes *fakes = arg;

	for (unsigned i = 0; i < fakes->n_reasons; i++)
		reasons[i] = fakes->reasons[i];
	return fakes->n_reasons;
}

static int config_text(void *arg, char **text)
{
	const struct fakes *fakes = arg;

	if (fakes->config_error)
		return fakes->config_error;
	*text = strdup("node:\n  id: iad-1\n");
	return *text ? 0 : -ENOMEM;
}

static int drain(void *arg, bool on, const char *who, struct err *err)
{
	struct fakes *fakes = arg;

	if (fakes->stopping && !on)
		return err_set(err, EBUSY, "the node is stopping");
	fakes->draining = on;
	snprintf(fakes->drained_by, sizeof fakes->drained_by, "%s", who);
	return 0;
}

static void drain_state(void *arg, struct admin_drain *out)
{
	const struct fakes *fakes = arg;

	*out = (struct admin_drain){.state = fakes->draining ? "route made worse" : "in service",
	                            .draining = fakes->draining, .stopping = fakes->stopping,
	                            .since_wall_us = fakes->draining ? NOW_WALL_US : 0, .new_calls = 3, .open = 2, .calls = 7};
}

static int fleet_region(void *arg, const struct admin_fleet_change *c, uint64_t *revision, struct err *err)
{
	struct fakes *fakes = arg;

	if (c->region && strcmp(c->region, "nowhere") == 0)
		return err_set(err, EINVAL, "there is no region \"nowhere\"");
	snprintf(fakes->fleet_changed, sizeof fakes->fleet_changed, "%s %s %d %s", c->region ? c->region : c->policy, c->state ? c->state : "-",
	         c->has_weight ? (int)c->weight : -2, c->who);
	*revision = 8;
	return 0;
}

static void board_fill(void *arg, struct node_record *own) { (void)arg, (void)own; }
static void document_changed(void *arg, uint64_t revision, const char *body, size_t len) { (void)arg, (void)revision, (void)body, (void)len; }
static void document_failed(void *arg, uint64_t revision, const char *why) { (void)arg, (void)revision, (void)why; }

static void make_board(struct fakes *fakes)
{
	static const uint8_t secret[] = "a secret of the whole fleet";
	struct board_config config = {.node = "iad-1", .prefix = "tandem", .interval_ms = 250, .ttl_ms = 3000, .fresh_ms = 1500};
	struct node_record r = {.node = "ord-1", .version = "0.1.0", .revision = "00ff", .epoch = 1, .seq = 1, .ready = true,
	                        .wall_us = NOW_WALL_US + CLOCK_SEC, .n_regions = 1, .n_prefixes = 1, .fleet_revision = 7,
	                        .regions = {{.name = "us-east-1", .state = "ready", .calls = 21, .setups = 2, .latency_us = 80000}},
	                        .prefixes = {{"203.0.113.10/32", "announce"}}};
	struct jw w;

	cluster_keys_add(&config.keys, secret, sizeof secret);
	fakes->base = event_base_new();
	fakes->board = board_new(fakes->base, &config, &(struct board_hooks){.fill = board_fill});
	fakes->document = document_new(fakes->base, fakes->board,
	                               &(struct document_hooks){.changed = document_changed, .failed = document_failed});
	jw_init(&w);
	record_encode(&config.keys, "tandem:node:ord-1", &r, &w);
	board_take(fakes->board, 0, "ord-1", w.data, w.len);
	jw_free(&w);
}

/* ---- setting up ---- */

static struct policy_table *table_new(void)
{
	static const struct policy_region_config regions[FAKE_REGIONS] = {
		{.name = "us-east-1", .max_calls = 4000, .max_cps = 100, .weight = 100},
		{.name = "us-west-2", .max_calls = 0, .max_cps = 0, .weight = 50},
	};
	static const struct policy_pool_config pools[1] = {
		{.name = "default", .strategy = POLICY_PRIORITY, .regions = {0, 1}, .n_regions = 2,
		 .failover = {.on = {503}, .n_on = 1, .attempts = 2, .first_response_ms = 2000}},
	};
	static struct policy_number premium = {"+1800*"};
	static const struct policy_rule_config rules[1] = {{.name = "premium", .to = &premium, .n_to = 1, .pool = 0}};
	struct policy_config config = {regions, FAKE_REGIONS, pools, 1, rules, 1, NULL, 0, policy_tuning_default()};

	return policy_table_new(&config, NULL);
}

static void fill_target(struct proxy_target_status *t, const char *uri, const char *address, uint32_t rtt_us)
{
	snprintf(t->uri, sizeof t->uri, "%s", uri);
	if (address)
		addr_parse_port(&t->address, address);
	t->transport = "udp";
	t->healthy = rtt_us != 0;
	t->rtt_us = rtt_us;
	t->since_wall_us = NOW_WALL_US - 60 * CLOCK_SEC;
	if (!t->healthy)
		snprintf(t->last_error, sizeof t->last_error, "no answer in 500 ms");
}

static void fill_proxy(struct proxy *p)
{
	p->table = table_new();
	p->workers_alive = 4;
	for (unsigned i = 0; i < FAKE_REGIONS; i++) {
		snprintf(p->live[i].name, sizeof p->live[i].name, "%s", policy_table_region(p->table, i)->name);
		p->live[i].weight = -1;
		p->live[i].healthy = true;
		p->live[i].calls = 123 + i;
		p->live[i].setups = 4;
		p->live[i].rtt_us = 12345;
		p->live[i].health_since_wall_us = NOW_WALL_US - 60 * CLOCK_SEC;
	}
	region_first_response(&p->live[0], clock_us(), 81234);
	p->live[0].attempts = 1000;
	p->live[0].answered = 900;
	p->live[0].failed = 10;
	fill_target(&p->targets[0][0], "sip:abc.example:5060", "198.51.100.20:5060", 12345);
	fill_target(&p->targets[1][0], "sip:198.51.100.21:5060", "198.51.100.21:5060", 22000);
	fill_target(&p->targets[1][1], "sip:west.example:5060", NULL, 0);
	p->n_targets[0] = 1;
	p->n_targets[1] = 2;
	p->trunks[0] = (struct proxy_trunk_status){"carrier-a", 2, 200, 8, 5000, 200, 123456, 70, 8};
	p->trunks[1] = (struct proxy_trunk_status){"carrier-b", 1, 47, 0, 0, 0, 99, 0, 0};
	p->n_trunks = 2;
}

static void fill_anycast(struct anycast *a)
{
	struct anycast_status *s = &a->status;

	s->n_prefixes = 1;
	s->prefixes[0] = (struct anycast_prefix_status){
		.action = POLICY_ROUTE_ANNOUNCE, .reason = "ready", .since_wall_us = NOW_WALL_US - 30 * CLOCK_SEC,
		.address_present = true, .peers_announced = 1,
	};
	prefix_parse(&s->prefixes[0].prefix, "203.0.113.10/32");
	s->n_peers = 2;
	s->peers[0] = (struct anycast_peer_status){
		.name = "cloud-router-1", .as = 64600, .state = "Established", .hold_ms = 60000, .keepalive_ms = 20000,
		.state_since_wall_us = NOW_WALL_US - 50 * CLOCK_SEC, .messages_in = 5, .messages_out = 6,
		.updates_in = 1, .updates_out = 2, .established_count = 1, .prefixes_announced = 1, .prefixes_received = 3,
		.bfd = {.state = "Up", .remote_state = "Up", .diagnostic = "no diagnostic", .remote_diagnostic = "path down",
		        .state_since_wall_us = NOW_WALL_US - 40 * CLOCK_SEC, .tx_interval_us = 1000000,
		        .detection_us = 5000000, .remote_multiplier = 5, .packets_in = 50, .packets_out = 60,
		        .packets_discarded = 7, .up_count = 2, .down_count = 1},
	};
	s->peers[1] = (struct anycast_peer_status){
		.name = "cloud-router-2", .as = 64600, .state = "Active", .state_since_wall_us = NOW_WALL_US - 5 * CLOCK_SEC,
		.last_error = "connect: Connection refused",
	};
	addr_parse(&s->peers[0].address, "169.254.10.1", 179);
	addr_parse(&s->peers[1].address, "169.254.11.1", 179);
}

static int reload(void *arg, const char *who, struct admin_reload *out)
{
	struct fakes *f = arg;
	(void)who;
	out->lines = strdup(f->reload_lines ? f->reload_lines : "");
	out->needs_restart = strdup("node.workers\nlisten\n");
	return f->reload_lines ? -EINVAL : 0;
}

static void reloads(void *arg, struct admin_reloads *out)
{
	(void)arg;
	*out = (struct admin_reloads){.ok = 3, .failed = 1, .last_ok = true, .last_wall_us = NOW_WALL_US};
}

struct fakes *fakes_new(void)
{
	struct fakes *fakes = aligned_alloc(_Alignof(struct fakes), sizeof *fakes);

	if (!fakes)
		abort();
	memset(fakes, 0, sizeof *fakes);
	clock_test_set(7200 * CLOCK_SEC, NOW_WALL_US);
	fill_proxy(&fakes->proxy);
	fill_anycast(&fakes->anycast);
	make_board(fakes);
	fakes->sources = (struct admin_sources){
		.version = "0.1.0", .node_id = "iad-1", .started_wall_us = NOW_WALL_US - 3600 * CLOCK_SEC,
		.proxy = &fakes->proxy, .anycast = &fakes->anycast,
		.board = fakes->board, .document = fakes->document, .fleet_region = fleet_region,
		.not_ready = not_ready, .config_text = config_text, .reload = reload, .reloads = reloads, .drain = drain,
		.drain_state = drain_state, .arg = fakes,
	};
	return fakes;
}

void fakes_free(struct fakes *fakes)
{
	policy_table_free(fakes->proxy.table);
	document_free(fakes->document);
	board_free(fakes->board);
	event_base_free(fakes->base);
	free(fakes);
}
