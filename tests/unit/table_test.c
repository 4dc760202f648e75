/* proxy/table: trunks by their sources, regions by their hashes, the next target, a region's health. */
#include "proxy/table.h"
#include "base/clock.h"
#include "proxy/token.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;
	CU_ASSERT_EQUAL_FATAL(prefix_parse(&p, text), 0);
	return p;
}

static struct policy_table *policy(void)
{
	static const struct policy_region_config regions[] = {
		{.name = "us-east-1", .weight = 100, .max_calls = 10}, {.name = "us-west-2", .weight = 30},
	};
	static const struct policy_pool_config pools[] = {
		{.name = "default", .strategy = POLICY_PRIORITY, .regions = {0, 1}, .n_regions = 2,
		 .failover = {.on = {503}, .n_on = 1, .attempts = 2, .first_response_ms = 2000}},
	};
	static const struct policy_rule_config rules[] = {{.name = "all"}};
	struct policy_config c = {.regions = regions, .n_regions = 2, .pools = pools, .n_pools = 1, .rules = rules,
	                          .n_rules = 1, .tuning = policy_tuning_default()};
	struct err err;
	struct policy_table *t = policy_table_new(&c, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	return t;
}

static void target(struct proxy_region_config *r, const char *host, uint16_t port)
{
	struct proxy_target_config *t = &r->targets[r->n_targets++];
	snprintf(t->host, sizeof t->host, "%s", host);
	snprintf(t->uri, sizeof t->uri, "sip:%s:%u", host, port);
	t->port = port;
}

static struct table *build(struct err *err)
{
	static struct prefix a[2], b[1];
	struct proxy_region_config regions[2];
	memset(regions, 0, sizeof regions);
	a[0] = prefix("192.0.2.0/24");
	a[1] = prefix("2001:db8:a::/48");
	b[0] = prefix("192.0.2.64/26");
	struct proxy_trunk_config trunks[2] = {
		{.name = "carrier-a", .sources = a, .n_sources = 2, .max_calls = 5, .max_cps = 7,
		.default_country = "44"},
		{.name = "carrier-b", .sources = b, .n_sources = 1},
	};
	target(&regions[0], "198.51.100.21", 5060);
	target(&regions[0], "2001:db8::21", 5062);
	target(&regions[0], "198.51.100.22", 5060);
	target(&regions[1], "sbc.example.net", 5080);
	struct proxy_routing r = {.policy = policy(), .regions = regions, .trunks = trunks, .n_trunks = 2};
	return table_new(&r, NULL, err);
}

static struct addr addr(const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL_FATAL(addr_parse(&a, text, 5060), 0);
	return a;
}

static int trunk_of(const struct table *t, const char *text)
{
	struct addr a = addr(text);
	return table_trunk(t, &a);
}

static void test_lookup(void)
{
	struct err err;
	struct table *t = build(&err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(trunk_of(t, "192.0.2.1"), 0);
	CU_ASSERT_EQUAL(trunk_of(t, "192.0.2.65"), 1);   /* the longer prefix */
	CU_ASSERT_EQUAL(trunk_of(t, "192.0.2.128"), 0);
	CU_ASSERT_EQUAL(trunk_of(t, "192.0.3.1"), -1);
	CU_ASSERT_EQUAL(trunk_of(t, "2001:db8:a:1::5"), 0);
	CU_ASSERT_EQUAL(trunk_of(t, "2001:db8:b::5"), -1);
	CU_ASSERT_EQUAL(table_trunk_by_hash(t, token_name("carrier-b")), 1);
	CU_ASSERT_EQUAL(table_trunk_by_hash(t, token_name("carrier-c")), -1);
	CU_ASSERT_EQUAL(table_region_by_hash(t, token_name("us-west-2")), 1);
	CU_ASSERT_EQUAL(table_region_by_hash(t, token_name("eu-west-2")), -1);
	CU_ASSERT_EQUAL(t->trunks[0].max_calls, 5);
	CU_ASSERT_EQUAL(t->trunks[0].max_cps, 7);
	CU_ASSERT_STRING_EQUAL(trunk_rules_plan(t->trunks[0].rules)->country, "44");
	table_free(t);
}

static void test_conflict(void)
{
	struct prefix a = prefix("192.0.2.0/24");
	struct proxy_region_config regions[2];
	memset(regions, 0, sizeof regions);
	target(&regions[0], "198.51.100.21", 5060);
	target(&regions[1], "198.51.100.22", 5060);
	struct proxy_trunk_config trunks[2] = {
		{.name = "carrier-a", .sources = &a, .n_sources = 1},
		{.name = "carrier-b", .sources = &a, .n_sources = 1},
	};
	struct proxy_routing r = {.policy = policy(), .regions = regions, .trunks = trunks, .n_trunks = 2};
	struct err err = {""};
	CU_ASSERT_PTR_NULL(table_new(&r, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "carrier-a"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "carrier-b"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "192.0.2.0/24"));
}

static void set_health(struct table *t, unsigned region, unsigned k, bool healthy, uint32_t rtt)
{
	atomic_store(&t->regions[region].targets[k]->rtt_us, rtt);
	target_set_health(t->regions[region].targets[k], healthy, "no answer");
}

static int pick(const struct table *t, unsigned region, unsigned families, struct target_place *place)
{
	return table_pick_target(t, region, &(struct table_want){.families = families}, 0, place);
}

static void test_pick_healthy(void)
{
	struct err err;
	struct table *t = build(&err);
	struct target_place p;
	unsigned seen[3] = {0};
	set_health(t, 0, 0, true, 1);
	set_health(t, 0, 2, true, 1);
	for (int i = 0; i < 12; i++) {
		int k = pick(t, 0, 3, &p);
		CU_ASSERT_FATAL(k >= 0 && k < 3);
		seen[k]++;
	}
	CU_ASSERT_EQUAL(seen[1], 0);
	CU_ASSERT(seen[0] >= 4 && seen[2] >= 4);
	set_health(t, 0, 0, false, 0);
	for (int i = 0; i < 5; i++) {
		struct addr expected = addr("198.51.100.22");
		CU_ASSERT_EQUAL(pick(t, 0, 3, &p), 2);
		CU_ASSERT(addr_equal(&p.address, &expected));
	}
	table_free(t);
}

/* us-west-2 is a name: what its records say of up to eight addresses, all of them up. */
struct found { const char *address; uint32_t priority, weight; uint8_t srv_host; uint32_t rank; };

static struct table *located(const struct found *f, unsigned n)
{
	struct err err;
	struct table *t = build(&err);
	for (unsigned i = 0; i < n; i++) {
		struct target_place p = {.address = addr(f[i].address), .priority = f[i].priority, .weight = f[i].weight,
		                         .srv_host = f[i].srv_host, .rank = f[i].rank};
		target_set_place(t->regions[1].targets[i], &p);
		set_health(t, 1, i, true, 1);
	}
	return t;
}

/* How many of `calls` go to each. */
static void spread(const struct table *t, unsigned calls, unsigned seen[8])
{
	struct target_place p;
	memset(seen, 0, 8 * sizeof seen[0]);
	for (unsigned i = 0; i < calls; i++) {
		int k = pick(t, 1, 3, &p);
		CU_ASSERT_FATAL(k >= 0 && k < 8);
		seen[k]++;
	}
}

/* What a dead target had goes to all the others alike, not to the one that stands next to it. */
static void test_dead_share(void)
{
	static const struct found f[] = {
		{"203.0.113.1", 0, 1, 0, 1}, {"203.0.113.2", 0, 1, 1, 1}, {"203.0.113.3", 0, 1, 2, 1}, {"203.0.113.4", 0, 1, 3, 1},
		{"203.0.113.5", 0, 1, 4, 1},
	}, weighted[] = {
		{"203.0.113.1", 0, 10, 0, 1}, {"203.0.113.2", 0, 20, 1, 1}, {"203.0.113.3", 0, 10, 2, 1}, {"203.0.113.4", 0, 20, 3, 1},
	};
	unsigned n[8];
	for (unsigned dead = 0; dead < 5; dead++) {
		struct table *t = located(f, 5);
		set_health(t, 1, dead, false, 0);
		spread(t, 400, n);
		for (unsigned i = 0; i < 5; i++)
			CU_ASSERT_EQUAL(n[i], i == dead ? 0 : 100);
		table_free(t);
	}
	struct table *t = located(weighted, 4);
	set_health(t, 1, 1, false, 0);
	spread(t, 4000, n);                    /* 10, 10 and 20 of 40 */
	CU_ASSERT(n[1] == 0 && n[0] >= 980 && n[0] <= 1020 && n[2] >= 980 && n[2] <= 1020 && n[3] >= 1980 && n[3] <= 2020);
	table_free(t);
}

static void test_pick_family(void)
{
	struct err err;
	struct table *t = build(&err);
	struct addr v6 = addr("2001:db8::21");
	struct target_place p;
	for (unsigned k = 0; k < 3; k++)
		set_health(t, 0, k, true, 1);
	for (int i = 0; i < 9; i++) {
		CU_ASSERT_EQUAL(pick(t, 0, 2, &p), 1);
		CU_ASSERT(addr_same_host(&p.address, &v6));
		CU_ASSERT_EQUAL(addr_port(&p.address), 5062);
		CU_ASSERT_NOT_EQUAL(pick(t, 0, 1, &p), 1);
	}
	CU_ASSERT_EQUAL(pick(t, 0, 0, &p), -1);
	table_free(t);
}

/* Health gates the region, in the policy; where it is ignored (panic) any address is better than none. */
static void test_pick_fallback(void)
{
	struct err err;
	struct table *t = build(&err);
	struct target_place p, resolved = {.address = addr("203.0.113.9"), .weight = 1};
	CU_ASSERT(pick(t, 0, 1, &p) >= 0);
	CU_ASSERT_EQUAL(pick(t, 1, 3, &p), -1);  /* a name that has not resolved */
	addr_set_port(&resolved.address, 5080);
	target_set_place(t->regions[1].targets[0], &resolved);
	CU_ASSERT_EQUAL(pick(t, 1, 3, &p), 0);
	CU_ASSERT(addr_equal(&p.address, &resolved.address));
	table_free(t);
}

/* RFC 7984: a host's addresses in the order of RFC 6724; the other family while the first is down, and at once:
 * nothing is tried where probes say that it does not get through. */
static void test_dual_stack(void)
{
	static const struct found f[] = {
		{"203.0.113.1", 0, 1, 0, 2}, {"2001:db8::1", 0, 1, 0, 1}, {"203.0.113.2", 0, 1, 0, 2}, {"2001:db8::2", 0, 1, 0, 1},
	};
	struct table *t = located(f, 4);
	unsigned n[8];
	struct target_place p;
	spread(t, 20, n);
	CU_ASSERT(n[0] == 0 && n[1] == 10 && n[2] == 0 && n[3] == 10);   /* those of one family in turn */
	set_health(t, 1, 1, false, 0);
	spread(t, 20, n);
	CU_ASSERT(n[0] == 0 && n[1] == 0 && n[2] == 0 && n[3] == 20);
	set_health(t, 1, 3, false, 0);
	spread(t, 20, n);
	CU_ASSERT(n[0] == 10 && n[1] == 0 && n[2] == 10 && n[3] == 0);
	set_health(t, 1, 1, true, 1);
	spread(t, 20, n);
	CU_ASSERT_EQUAL(n[1], 20);
	/* the node sends by one family alone: what the order says of the other does not hold it up */
	CU_ASSERT(pick(t, 1, 1, &p) % 2 == 0);
	CU_ASSERT_EQUAL(addr_family(&p.address), AF_INET);
	/* a call that was there tries the other one */
	CU_ASSERT(table_pick_target(t, 1, &(struct table_want){.families = 3, .tried = 1u << 1}, 0, &p) % 2 == 0);
	table_free(t);
}

/* RFC 7984, RFC 2782: a record's weight is its host's, however many addresses that has. */
static void test_dual_stack_weight(void)
{
	static const struct found f[] = {
		{"2001:db8::1", 0, 10, 0, 1}, {"2001:db8::2", 0, 10, 0, 1}, {"203.0.113.1", 0, 10, 0, 2}, {"203.0.113.9", 0, 30, 1, 2},
		{"203.0.113.10", 5, 99, 2, 1},
	};
	struct table *t = located(f, 5);
	unsigned n[8];
	spread(t, 400, n);
	CU_ASSERT(n[3] >= 295 && n[3] <= 305);               /* 30 of 40 */
	CU_ASSERT(n[0] >= 45 && n[0] <= 55 && n[1] >= 45 && n[1] <= 55);
	CU_ASSERT(n[2] == 0 && n[4] == 0);
	/* by IPv4 alone */
	set_health(t, 1, 0, false, 0);
	set_health(t, 1, 1, false, 0);
	spread(t, 400, n);
	CU_ASSERT(n[2] >= 95 && n[2] <= 105 && n[3] >= 295 && n[3] <= 305);
	set_health(t, 1, 2, false, 0);
	set_health(t, 1, 3, false, 0);
	spread(t, 10, n);
	CU_ASSERT_EQUAL(n[4], 10);                           /* the next priority */
	table_free(t);
}

/* RFC 2782: weight 0 has a very small chance while there are others, but has one; all of them 0: in turn. */
static void test_weight_zero(void)
{
	static const struct found f[] = {{"203.0.113.1", 0, 0, 0, 1}, {"203.0.113.2", 0, 0, 1, 1}, {"203.0.113.3", 0, 5, 2, 1}};
	struct table *t = located(f, 3);
	unsigned n[8];
	spread(t, 10000, n);
	CU_ASSERT(n[0] + n[1] >= 90 && n[0] + n[1] <= 110 && n[0] >= 40 && n[1] >= 40);   /* a hundredth, where 1 were a sixth */
	struct target_place heavy = {.address = addr("203.0.113.3"), .weight = 999, .srv_host = 2, .rank = 1};
	target_set_place(t->regions[1].targets[2], &heavy);
	spread(t, 100000, n);
	CU_ASSERT(n[0] + n[1] >= 90 && n[0] + n[1] <= 110);                               /* 1 in 1000 */
	set_health(t, 1, 2, false, 0);
	spread(t, 100, n);
	CU_ASSERT(n[0] == 50 && n[1] == 50);
	table_free(t);
}

/* Records share among the addresses of their name; another target of the region is not moved by their figures. */
static void test_two_names(void)
{
	struct proxy_region_config regions[2];
	memset(regions, 0, sizeof regions);
	target(&regions[0], "198.51.100.21", 5060);
	target(&regions[1], "a.example", 5060);
	target(&regions[1], "203.0.113.9", 5060);
	struct proxy_routing r = {.policy = policy(), .regions = regions};
	struct err err;
	struct table *t = table_new(&r, NULL, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	unsigned literal = t->regions[1].n_targets - 1, n[3] = {0};
	for (unsigned i = 0; i < 2; i++) {
		struct target_place p = {.address = addr(i ? "203.0.113.2" : "203.0.113.1"), .weight = i ? 3000 : 1000, .srv_host = (uint8_t)i};
		target_set_place(t->regions[1].targets[i], &p);
		set_health(t, 1, i, true, 1);
	}
	set_health(t, 1, literal, true, 1);
	for (unsigned i = 0; i < 600; i++) {
		struct target_place p;
		int k = pick(t, 1, 3, &p);
		CU_ASSERT_FATAL(k >= 0);
		n[k == (int)literal ? 2 : k]++;
	}
	CU_ASSERT(n[0] >= 95 && n[0] <= 105 && n[1] >= 295 && n[1] <= 305 && n[2] >= 195 && n[2] <= 205);
	table_free(t);
}

/* Of what was heard nothing: behind the others, before those that asked to be left alone, and no longer than it lasts. */
static void test_doubt(void)
{
	struct err err;
	struct table *t = build(&err);
	struct table_want want = {.families = 1};
	struct target_place p;
	set_health(t, 0, 0, true, 1);
	set_health(t, 0, 2, true, 1);
	atomic_store(&t->regions[0].targets[0]->doubt_until_us, 1000);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(table_pick_target(t, 0, &want, 999, &p), 2);
	atomic_store(&t->regions[0].targets[2]->shun_until_us, 1000);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(table_pick_target(t, 0, &want, 999, &p), 0);
	CU_ASSERT(table_pick_target(t, 0, &want, 1000, &p) != table_pick_target(t, 0, &want, 1000, &p));
	table_free(t);
}

static void test_refresh(void)
{
	struct err err;
	clock_test_set(1000 * CLOCK_SEC, 2000 * CLOCK_SEC);
	struct table *t = build(&err);
	struct region_live *live = t->regions[0].live;
	CU_ASSERT_FALSE(table_refresh_health(t, 0));
	CU_ASSERT_FALSE(live->healthy);
	clock_test_advance(CLOCK_SEC);
	set_health(t, 0, 0, true, 5000);
	CU_ASSERT(table_refresh_health(t, 0));
	CU_ASSERT(live->healthy);
	CU_ASSERT_EQUAL(live->rtt_us, 5000);
	CU_ASSERT_EQUAL(live->health_since_wall_us, 2001 * CLOCK_SEC);
	clock_test_advance(CLOCK_SEC);
	set_health(t, 0, 2, true, 3000);
	CU_ASSERT_FALSE(table_refresh_health(t, 0));
	CU_ASSERT_EQUAL(live->rtt_us, 3000);  /* of the quickest */
	CU_ASSERT_EQUAL(live->health_since_wall_us, 2001 * CLOCK_SEC);
	set_health(t, 0, 2, false, 3000);
	CU_ASSERT_FALSE(table_refresh_health(t, 0));
	CU_ASSERT_EQUAL(live->rtt_us, 5000);
	set_health(t, 0, 0, false, 5000);
	CU_ASSERT(table_refresh_health(t, 0));
	CU_ASSERT_FALSE(live->healthy);
	CU_ASSERT_EQUAL(live->rtt_us, 0);
	CU_ASSERT_EQUAL(live->health_since_wall_us, 2002 * CLOCK_SEC);
	CU_ASSERT_FALSE(t->regions[1].live->healthy);
	table_free(t);
}

static void test_target_status(void)
{
	struct err err;
	clock_test_set(1000 * CLOCK_SEC, 2000 * CLOCK_SEC);
	struct table *t = build(&err);
	struct target *k = t->regions[0].targets[0];
	struct proxy_target_status s;
	CU_ASSERT(target_set_health(k, false, "no answer in 500 ms"));  /* the first word is news */
	CU_ASSERT_FALSE(target_set_health(k, false, "503 Service Unavailable"));
	target_status(k, &s);
	CU_ASSERT_FALSE(s.healthy);
	CU_ASSERT_STRING_EQUAL(s.last_error, "503 Service Unavailable");
	CU_ASSERT_STRING_EQUAL(s.uri, "sip:198.51.100.21:5060");
	CU_ASSERT_EQUAL(s.since_wall_us, 2000 * CLOCK_SEC);
	clock_test_advance(CLOCK_SEC);
	CU_ASSERT(target_set_health(k, true, ""));
	target_status(k, &s);
	CU_ASSERT(s.healthy);
	CU_ASSERT_STRING_EQUAL(s.last_error, "");
	CU_ASSERT_EQUAL(s.since_wall_us, 2001 * CLOCK_SEC);
	target_status(t->regions[1].targets[0], &s);
	CU_ASSERT_EQUAL(addr_family(&s.address), AF_UNSPEC);
	table_free(t);
}

static void test_facts(void)
{
	struct err err;
	struct table *t = build(&err);
	struct policy_region_facts f[2];
	region_setup_begin(t->regions[1].live, 1000 * CLOCK_SEC);
	table_facts(t, 1000 * CLOCK_SEC, false, f);
	CU_ASSERT_EQUAL(f[0].weight, 100);
	CU_ASSERT_EQUAL(f[1].weight, 30);
	CU_ASSERT_EQUAL(f[0].setups, 0);
	CU_ASSERT_EQUAL(f[1].setups, 1);
	table_free(t);
}

/* What has kept its name has kept what is known of it, whatever its place in the list; the rest begins anew. */
static void test_reload(void)
{
	struct err err;
	clock_test_set(1000 * CLOCK_SEC, 2000 * CLOCK_SEC);
	struct table *t = build(&err);
	struct trunk *a = &t->trunks[0];
	set_health(t, 0, 2, true, 5000);
	table_refresh_health(t, 0);
	CU_ASSERT(trunk_admit(a, clock_us()));
	region_setup_begin(t->regions[0].live, clock_us());
	atomic_store(&t->regions[0].live->admin, POLICY_DRAIN);

	struct policy_table *p = policy();
	struct proxy_region_config regions[2];
	struct prefix c = prefix("198.18.0.0/15"), d = prefix("192.0.2.0/24");
	memset(regions, 0, sizeof regions);
	target(&regions[0], "198.51.100.22", 5060);
	target(&regions[0], "198.51.100.23", 5060);
	target(&regions[1], "198.51.100.22", 5060);
	struct proxy_trunk_config trunks[2] = {
		{.name = "carrier-c", .sources = &c, .n_sources = 1},
		{.name = "carrier-a", .sources = &d, .n_sources = 1, .max_calls = 1},
	};
	struct proxy_routing r = {.policy = p, .regions = regions, .trunks = trunks, .n_trunks = 2};
	struct table *u = table_new(&r, t, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u);
	CU_ASSERT_PTR_EQUAL(u->regions[0].live, t->regions[0].live);
	CU_ASSERT_PTR_EQUAL(u->regions[0].targets[0], t->regions[0].targets[2]);
	CU_ASSERT(u->regions[0].targets[0]->healthy);
	CU_ASSERT_FALSE(u->regions[0].targets[1]->healthy);
	CU_ASSERT_PTR_NOT_EQUAL(u->regions[1].targets[0], u->regions[0].targets[0]);  /* another region's */
	CU_ASSERT_EQUAL(u->trunks[0].live->setups, 0);
	CU_ASSERT_FALSE(trunk_admit(&u->trunks[1], clock_us()));  /* one is up already, and one is the limit now */
	CU_ASSERT_EQUAL(trunk_of(u, "198.18.1.1"), 0);
	CU_ASSERT_EQUAL(trunk_of(t, "198.18.1.1"), -1);
	table_free(t);                     /* the new one lives on */
	CU_ASSERT_EQUAL(u->regions[0].live->setups, 1);
	CU_ASSERT_EQUAL(u->regions[0].live->admin, POLICY_DRAIN);
	CU_ASSERT_STRING_EQUAL(u->regions[0].live->name, "us-east-1");
	trunk_setup_end(&u->trunks[1], false);
	CU_ASSERT(trunk_admit(&u->trunks[1], clock_us()));
	table_free(u);
}

UNIT_MAIN("table", {"a reload keeps what lives", test_reload}, {"lookups", test_lookup}, {"a source of two trunks", test_conflict},
          {"healthy targets in turn", test_pick_healthy}, {"only families that can be sent to", test_pick_family},
          {"none healthy, none resolved", test_pick_fallback}, {"both families of a host", test_dual_stack},
          {"weights are hosts'", test_dual_stack_weight}, {"weight 0", test_weight_zero}, {"a dead target's share", test_dead_share}, {"a name beside another", test_two_names},
          {"in doubt", test_doubt}, {"a region's health", test_refresh},
          {"a target's status", test_target_status}, {"facts", test_facts})
