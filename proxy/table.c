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
	t->transports = routing->transports | 1u << SIP_UDP;
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

/* 3: healthy, 2: in doubt, 1: shunned, both of them healthy; 0: not. */
static int worth(const struct target *t, int64_t now_us)
{
	if (!atomic_load_explicit(&t->healthy, memory_order_relaxed))
		return 0;
	if (atomic_load_explicit(&t->shun_until_us, memory_order_relaxed) > now_us)
		return 1;
	return atomic_load_explicit(&t->doubt_until_us, memory_order_relaxed) > now_us ? 2 : 3;
}

/* What is left to choose from. */
struct candidates {
	unsigned n;
	uint8_t index[PROXY_ADDRESSES_MAX];
	uint8_t name[PROXY_ADDRESSES_MAX];   /* index of the first target of the same URI */
	struct target_place place[PROXY_ADDRESSES_MAX];
};

static void collect(const struct region *g, const struct table_want *want, int64_t now_us, struct candidates *c)
{
	int most = want->tried ? 1 : 0;
	c->n = 0;
	for (unsigned k = 0; k < g->n_targets; k++) {
		struct target_place p;
		int its = worth(g->targets[k], now_us);
		if (its < most || want->tried >> k & 1 || (want->secure && !g->targets[k]->secure) ||
		    !target_place(g->targets[k], &p) || !family_allowed(&p.address, want->families))
			continue;
		if (its > most)
			c->n = 0;
		most = its;
		c->index[c->n] = (uint8_t)k;
		c->name[c->n] = (uint8_t)(k - g->targets[k]->slot);
		c->place[c->n++] = p;
	}
}

/* The end of those that are of the same name as the i-th; they stand side by side. */
static unsigned name_end(const struct candidates *c, unsigned i)
{
	unsigned end = i + 1;
	while (end < c->n && c->name[end] == c->name[i])
		end++;
	return end;
}

/* RFC 2782: of one name, only addresses of the lowest priority that there are; RFC 7984: of one host, only those of the
 * family that is to be used first. */
static bool outranked(const struct candidates *c, unsigned i, unsigned begin, unsigned end)
{
	const struct target_place *mine = &c->place[i];
	for (unsigned j = begin; j < end; j++) {
		const struct target_place *p = &c->place[j];
		if (p->priority < mine->priority || (p->srv_host == mine->srv_host && p->rank < mine->rank))
			return true;
	}
	return false;
}

static void keep_best(struct candidates *c)
{
	uint64_t out = 0;
	unsigned n = 0;
	for (unsigned begin = 0, end; begin < c->n; begin = end) {
		end = name_end(c, begin);
		for (unsigned i = begin; i < end; i++)
			out |= (uint64_t)outranked(c, i, begin, end) << i;
	}
	for (unsigned i = 0; i < c->n; i++) {
		if (out >> i & 1)
			continue;
		c->index[n] = c->index[i];
		c->name[n] = c->name[i];
		c->place[n++] = c->place[i];
	}
	c->n = n;
}

/* A weight is a host's, whose addresses share it (RFC 7984). */
static double weight_of(const struct candidates *c, unsigned i, unsigned begin, unsigned end)
{
	unsigned same = 0;
	for (unsigned j = begin; j < end; j++)
		same += c->place[j].srv_host == c->place[i].srv_host;
	return (double)c->place[i].weight / same;
}

/* RFC 2782: "records with weight 0 should have a very small chance of being selected". By its way of drawing they have a
 * weight of 1 together; that is not small beside small weights, and then it is a hundredth. */
static double weigh_zeros(double weights[PROXY_ADDRESSES_MAX], unsigned begin, unsigned end, double sum)
{
	double all = sum / 100 < 1 ? sum / 100 : 1;
	unsigned zeros = 0;
	for (unsigned i = begin; i < end; i++)
		zeros += weights[i] <= 0;
	for (unsigned i = begin; i < end; i++)
		if (weights[i] <= 0)
			weights[i] = all / zeros;
	return zeros ? sum + all : sum;
}

/* Of each; a name has as much as it has candidates, whatever its records say. */
static void share(const struct candidates *c, double shares[PROXY_ADDRESSES_MAX])
{
	for (unsigned begin = 0, end; begin < c->n; begin = end) {
		double sum = 0;
		end = name_end(c, begin);
		for (unsigned i = begin; i < end; i++)
			sum += shares[i] = weight_of(c, i, begin, end);
		sum = weigh_zeros(shares, begin, end, sum);
		for (unsigned i = begin; i < end; i++)
			shares[i] = sum > 0 ? shares[i] / sum * (end - begin) : 1;
	}
}

/* In turn where shares are equal; else by share, spread as evenly as turns go (the golden ratio's multiples). */
static unsigned choose(const struct candidates *c, unsigned turn)
{
	double shares[PROXY_ADDRESSES_MAX];
	bool equal = true;
	share(c, shares);
	for (unsigned i = 0; i < c->n; i++)
		equal &= fabs(shares[i] - shares[0]) < 1e-6;
	if (equal)
		return turn % c->n;
	/* they come to as many as there are candidates */
	double at = (double)(uint32_t)(turn * 2654435769u) / 4294967296.0 * c->n;
	for (unsigned i = 0; i < c->n; i++) {
		if (at < shares[i])
			return i;
		at -= shares[i];
	}
	return 0;
}

int table_pick_target(const struct table *t, unsigned region, const struct table_want *want, int64_t now_us,
                      struct target_place *place)
{
	struct region *g = &t->regions[region];
	unsigned turn = g->n_targets > 1 ? atomic_fetch_add_explicit(&g->turn, 1, memory_order_relaxed) : 0;
	struct candidates c;
	collect(g, want, now_us, &c);
	if (!c.n)
		return -1;
	if (c.n > 1)
		keep_best(&c);
	unsigned i = c.n > 1 ? choose(&c, turn) : 0;
	*place = c.place[i];
	return c.index[i];
}

bool table_located(const struct table *t, unsigned region, unsigned k)
{
	const struct region *g = &t->regions[region];
	struct addr a;
	for (k -= g->targets[k]->slot; !target_address(g->targets[k], &a); k++)
		if (k + 1 == g->n_targets || !g->targets[k + 1]->slot)
			return false;
	return true;
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

/* What a sips: call finds of a region. */
static void only_sips(const struct region *g, struct policy_region_facts *f)
{
	f->no_sips = true;
	f->healthy = false;
	for (unsigned i = 0; i < g->n_targets; i++) {
		const struct target *k = g->targets[i];
		f->no_sips &= !k->secure;
		f->healthy |= k->secure && atomic_load_explicit(&k->healthy, memory_order_relaxed);
	}
}

void table_facts(const struct table *t, int64_t now_us, bool secure, struct policy_region_facts *out)
{
	for (unsigned i = 0; i < t->n_regions; i++) {
		region_facts(t->regions[i].live, policy_table_region(t->policy, i), policy_table_tuning(t->policy), now_us, &out[i]);
		out[i].ejected |= shunned(&t->regions[i], now_us);
		if (secure)
			only_sips(&t->regions[i], &out[i]);
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
