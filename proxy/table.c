/* The routing table: see table.h. */
#include "proxy/table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/token.h"

#define SLOTS_MAX 8

static int add_sources(struct table *t, unsigned index, const struct proxy_trunk_config *c, struct err *err)
{
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; i < c->n_sources; i++) {
		uint32_t other;
		int rc = lpm_add(t->sources, &c->sources[i], index, &other);
		if (rc == -EEXIST)
			return err_set(err, EEXIST, "trunk %s: source %s belongs to trunk %s already", c->name,
			               prefix_str(&c->sources[i], text), t->trunks[other].name);
		if (rc)
			return err_set(err, -rc, "out of memory");
	}
	return 0;
}

static int build_trunks(struct table *t, const struct proxy_routing *r, struct err *err)
{
	t->sources = lpm_new();
	t->trunks = calloc(r->n_trunks ? r->n_trunks : 1, sizeof *t->trunks);
	if (!t->sources || !t->trunks)
		return err_set(err, ENOMEM, "out of memory");
	t->n_trunks = r->n_trunks;
	for (unsigned i = 0; i < r->n_trunks; i++) {
		const struct proxy_trunk_config *c = &r->trunks[i];
		struct trunk *k = &t->trunks[i];
		snprintf(k->name, sizeof k->name, "%s", c->name);
		k->hash = token_name(c->name);
		k->max_calls = c->max_calls;
		k->max_cps = c->max_cps;
		k->n_sources = c->n_sources;
		k->limit = c->options.limit.status ? c->options.limit : (struct trunk_limit){503, 5000};
		k->rules = trunk_rules_new(&c->options, c->default_country);
		k->live = live_trunk(t->live, c->name);
		if (!k->rules || !k->live)
			return err_set(err, ENOMEM, "out of memory");
		int rc = add_sources(t, i, c, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* A literal address is one target; a name is as many as there is room for, one an address. */
static int build_targets(struct table *t, struct region *g, const struct proxy_region_config *c)
{
	unsigned room = c->n_targets ? PROXY_ADDRESSES_MAX / c->n_targets : 1;
	for (unsigned i = 0; i < c->n_targets; i++)
		for (unsigned slot = 0; slot < room && slot < SLOTS_MAX; slot++) {
			struct target *k = live_target(t->live, g->live->name, &c->targets[i], slot);
			if (!k)
				return -ENOMEM;
			g->targets[g->n_targets++] = k;
			if (k->literal)
				break;
		}
	return 0;
}

static int build_regions(struct table *t, const struct proxy_routing *r, struct err *err)
{
	unsigned n = policy_table_regions(r->policy);
	t->regions = calloc(n, sizeof *t->regions);
	if (!t->regions)
		return err_set(err, ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		const struct policy_region_config *p = policy_table_region(r->policy, i);
		struct region *g = &t->regions[i];
		t->n_regions = i + 1;
		g->hash = token_name(p->name);
		g->weight = p->weight;
		g->large_by_tcp = r->regions[i].large_by_tcp;
		g->live = live_region(t->live, p->name);
		g->targets = calloc(PROXY_ADDRESSES_MAX, sizeof *g->targets);
		if (!g->live || !g->targets || build_targets(t, g, &r->regions[i]))
			return err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

struct table *table_new(const struct proxy_routing *routing, const struct table *before, struct err *err)
{
	struct table *t = calloc(1, sizeof *t);
	if (!t) {
		policy_table_free(routing->policy);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	t->refs = 1;
	t->policy = routing->policy;
	t->timing = routing->timing;
	t->live = before ? live_hold(before->live) : live_new();
	if (!t->live)
		err_set(err, ENOMEM, "out of memory");
	if (!t->live || build_trunks(t, routing, err) || build_regions(t, routing, err)) {
		table_free(t);
		return NULL;
	}
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n_regions; i++) {
		for (unsigned j = 0; j < t->regions[i].n_targets; j++)
			live_target_drop(t->live, t->regions[i].targets[j]);
		free(t->regions[i].targets);
		live_region_drop(t->live, t->regions[i].live);
	}
	free(t->regions);
	for (unsigned i = 0; i < t->n_trunks; i++) {
		trunk_rules_free(t->trunks[i].rules);
		live_trunk_drop(t->live, t->trunks[i].live);
	}
	free(t->trunks);
	lpm_free(t->sources);
	policy_table_free(t->policy);
	live_release(t->live);
	free(t);
}

static struct table *counted(const struct table *t) { return (struct table *)(uintptr_t)t; }

const struct table *table_hold(const struct table *t)
{
	atomic_fetch_add_explicit(&counted(t)->refs, 1, memory_order_relaxed);
	return t;
}

void table_release(const struct table *t)
{
	if (t)
		atomic_fetch_sub_explicit(&counted(t)->refs, 1, memory_order_release);
}

void table_retire(struct table *t)
{
	lpm_free(t->sources);
	t->sources = NULL;
}

int table_trunk(const struct table *t, const struct addr *source) { return (int)lpm_find(t->sources, source); }

const struct target *table_target_at(const struct table *t, const struct addr *address)
{
	struct addr a;
	for (unsigned i = 0; i < t->n_regions; i++)
		for (unsigned j = 0; j < t->regions[i].n_targets; j++)
			if (target_address(t->regions[i].targets[j], &a) && addr_same_host(&a, address))
				return t->regions[i].targets[j];
	return NULL;
}

bool table_takes_tcp(const struct table *t, const struct addr *address)
{
	struct addr a;
	for (unsigned i = 0; i < t->n_regions; i++)
		for (unsigned j = 0; t->regions[i].large_by_tcp && j < t->regions[i].n_targets; j++) {
			const struct target *k = t->regions[i].targets[j];
			if (atomic_load_explicit(&k->takes_tcp, memory_order_relaxed) && target_address(k, &a) && addr_equal(&a, address))
				return true;
		}
	return false;
}

int table_region_by_hash(const struct table *t, uint32_t hash)
{
	for (unsigned i = 0; i < t->n_regions; i++)
		if (t->regions[i].hash == hash)
			return (int)i;
	return -1;
}

int table_trunk_by_hash(const struct table *t, uint32_t hash)
{
	for (unsigned i = 0; i < t->n_trunks; i++)
		if (t->trunks[i].hash == hash)
			return (int)i;
	return -1;
}

static bool family_allowed(const struct addr *a, unsigned can)
{
	return can & (addr_family(a) == AF_INET6 ? 2u : 1u);
}

/* 2: healthy, 1: healthy and shunned, 0: neither. */
static int worth(const struct target *t, int64_t now_us)
{
	if (!atomic_load_explicit(&t->healthy, memory_order_relaxed))
		return 0;
	return atomic_load_explicit(&t->shun_until_us, memory_order_relaxed) > now_us ? 1 : 2;
}

/* RFC 2782: of one name, only addresses of the lowest priority that there are. */
static bool outranked(const struct region *g, const uint8_t *c, unsigned n, unsigned i)
{
	const struct target *mine = g->targets[c[i]];
	for (unsigned j = 0; j < n; j++)
		if (g->targets[c[j]]->priority < mine->priority && !strcmp(g->targets[c[j]]->uri, mine->uri))
			return true;
	return false;
}

/* In turn where weights are equal; else by weight, spread as evenly as turns go (the golden ratio's multiples). */
static unsigned choose(const struct region *g, const uint8_t *c, unsigned n, unsigned turn)
{
	uint64_t sum = 0;
	bool equal = true;
	for (unsigned i = 0; i < n; i++) {
		sum += g->targets[c[i]]->weight;
		equal &= g->targets[c[i]]->weight == g->targets[c[0]]->weight;
	}
	if (equal || !sum)
		return c[turn % n];
	uint64_t at = ((uint64_t)(uint32_t)(turn * 2654435769u) * sum) >> 32;
	for (unsigned i = 0; i < n; i++) {
		if (at < g->targets[c[i]]->weight)
			return c[i];
		at -= g->targets[c[i]]->weight;
	}
	return c[0];
}

int table_pick_target(const struct table *t, unsigned region, unsigned can, uint64_t tried, int64_t now_us,
                      struct addr *address)
{
	struct region *g = &t->regions[region];
	unsigned turn = g->n_targets > 1 ? atomic_fetch_add_explicit(&g->turn, 1, memory_order_relaxed) : 0, n = 0, best = 0;
	uint8_t usable[PROXY_ADDRESSES_MAX], c[PROXY_ADDRESSES_MAX];
	int most = tried ? 1 : 0;
	for (unsigned k = 0; k < g->n_targets; k++) {
		struct addr a;
		int its = worth(g->targets[k], now_us);
		if (its < most || tried >> k & 1 || !target_address(g->targets[k], &a) || !family_allowed(&a, can))
			continue;
		if (its > most)
			n = 0;
		most = its;
		usable[n++] = (uint8_t)k;
	}
	for (unsigned i = 0; i < n; i++)
		if (!outranked(g, usable, n, i))
			c[best++] = usable[i];
	if (!best)
		return -1;
	unsigned k = choose(g, c, best, turn);
	return target_address(g->targets[k], address) ? (int)k : -1;
}

/* All that answer asked to be left alone. */
static bool shunned(const struct region *g, int64_t now_us)
{
	int best = 0;
	for (unsigned i = 0; i < g->n_targets; i++) {
		int its = worth(g->targets[i], now_us);
		best = its > best ? its : best;
	}
	return best == 1;
}

void table_facts(const struct table *t, int64_t now_us, struct policy_region_facts *out)
{
	for (unsigned i = 0; i < t->n_regions; i++) {
		region_facts(t->regions[i].live, policy_table_region(t->policy, i), policy_table_tuning(t->policy), now_us, &out[i]);
		out[i].ejected |= shunned(&t->regions[i], now_us);
	}
}

bool table_refresh_health(const struct table *t, unsigned region)
{
	struct region *g = &t->regions[region];
	bool healthy = false;
	uint32_t rtt = 0;
	for (unsigned i = 0; i < g->n_targets; i++) {
		if (!atomic_load_explicit(&g->targets[i]->healthy, memory_order_relaxed))
			continue;
		uint32_t its = atomic_load_explicit(&g->targets[i]->rtt_us, memory_order_relaxed);
		if (!healthy || its < rtt)
			rtt = its;
		healthy = true;
	}
	return region_set_health(g->live, healthy, rtt, clock_us(), clock_wall_us());
}

float table_error_rate_others(const struct table *t, unsigned region, int64_t now_us)
{
	float sum = 0;
	unsigned n = 0;
	for (unsigned i = 0; i < t->n_regions; i++) {
		float rate = i == region ? NAN : region_error_rate(t->regions[i].live, now_us, policy_table_tuning(t->policy));
		if (rate >= 0) {
			sum += rate;
			n++;
		}
	}
	return n ? sum / (float)n : NAN;
}
