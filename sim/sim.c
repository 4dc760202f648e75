/* The event loop and the model of a region.
 *
 * A region is a line of setups (setup_cps), a time to the first provisional response, ringing, and agents who take
 * answered calls in order. A call that a region has no room for gets a 503. An attempt that is silent for
 * first_response_ms, or fails, goes to the next region of the plan, as far as the node's retry budget goes. Nodes probe, and tell one another their setups
 * and calls; regions tell free agents and queue; both late and with losses as the scenario says. */
#include "sim/sim.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/chance.h"
#include "policy/region.h"

#define BINS 4096                 /* of setup delay, each 0.4 % wider than the last, from 0.1 ms */
#define BIN_LOG 0.004
#define WINDOW_US 5000000
#define MAJORITY 0.6
#define AVOID_AFTER_US 2000000
#define BUDGET 0.2                /* the defaults of failover.budget and budget_min, over all workers */
#define BUDGET_MIN 10.0
#define BUDGET_MOST (BUDGET_MIN * 10 + 10)

enum event { ARRIVAL, PROVISIONAL, FAILURE, SILENCE, ANSWER, HANGUP, PROBE, PROBED, TELL, FIGURE, REMOTE };

struct ev { int64_t at; uint64_t seq; double value; uint32_t call; uint8_t type, node, region, figure; };

struct call {
	int64_t begun, sent, answered;
	uint32_t next;                /* in the region's queue of those who wait; or the next free cell */
	uint8_t node, attempt, n_order, order[POLICY_ATTEMPTS_MAX];
};

struct region {
	int64_t line_free;            /* when its line of setups has come to an end */
	uint32_t calls, busy, queue_n, head, tail;
};

struct node {
	struct region_live live[POLICY_REGIONS_MAX];
	struct region_health health[POLICY_REGIONS_MAX];
	double ewma[POLICY_REGIONS_MAX];     /* peak EWMA in ms, and when it was brought up to date */
	int64_t ewma_at[POLICY_REGIONS_MAX];
	uint32_t turn;
	double retries;                      /* attempts after failed ones that it may make, and when that was so */
	int64_t retries_at;
	struct { uint32_t setups, calls; int64_t at; } heard[SIM_NODES_MAX][POLICY_REGIONS_MAX];
};

struct sim {
	const struct sim_scenario *s;
	enum sim_strategy strategy;
	struct policy_table *table;
	struct sim_result *out;
	struct node *nodes;
	struct region regions[POLICY_REGIONS_MAX];
	struct ev *heap;
	struct call *calls;
	size_t n_heap, heap_size, calls_size;
	uint32_t free_call;
	uint64_t seq, random, bins[BINS], window[POLICY_REGIONS_MAX], avoid_all, avoid_away;
	int64_t now, end, window_end, avoid_from, avoid_to;
	int majority;
	unsigned switches;
	double wait_s;
	bool no_memory;
};

/* ---- chance and time ---- */

static uint64_t draw(struct sim *m) { return chance_mix(m->random++); }
static double unit(struct sim *m) { return chance_unit(draw(m)); }
static double exponential(struct sim *m) { return chance_exponential(unit(m)); }
static int64_t ms(double value) { return (int64_t)(value * 1000); }

static bool before(const struct ev *a, const struct ev *b) { return a->at != b->at ? a->at < b->at : a->seq < b->seq; }

static void later(struct sim *m, int64_t after, struct ev ev)
{
	size_t i = m->n_heap;

	if (i == m->heap_size) {
		size_t size = m->heap_size ? m->heap_size * 2 : 4096;
		struct ev *heap = realloc(m->heap, size * sizeof *heap);
		if (!heap) {
			m->no_memory = true;
			return;
		}
		m->heap = heap;
		m->heap_size = size;
	}
	ev.at = m->now + (after > 0 ? after : 0);
	ev.seq = m->seq++;
	for (m->n_heap++; i && before(&ev, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = ev;
}

static struct ev take(struct sim *m)
{
	struct ev first = m->heap[0], last = m->heap[--m->n_heap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->n_heap) {
		child += child + 1 < m->n_heap && before(&m->heap[child + 1], &m->heap[child]);
		if (!before(&m->heap[child], &last))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = last;
	return first;
}

static uint32_t call_new(struct sim *m)
{
	if (m->free_call == UINT32_MAX) {
		size_t size = m->calls_size ? m->calls_size * 2 : 1024;
		struct call *calls = realloc(m->calls, size * sizeof *calls);
		if (!calls) {
			m->no_memory = true;
			return UINT32_MAX;
		}
		m->calls = calls;
		for (size_t i = m->calls_size; i < size; i++)
			calls[i].next = i + 1 < size ? (uint32_t)i + 1 : UINT32_MAX;
		m->free_call = (uint32_t)m->calls_size;
		m->calls_size = size;
	}
	uint32_t c = m->free_call;
	m->free_call = m->calls[c].next;
	return c;
}

static void call_free(struct sim *m, uint32_t c)
{
	m->calls[c].next = m->free_call;
	m->free_call = c;
}

/* ---- what goes wrong ---- */

struct state { double latency_ms, fail, fail_ms; bool dead; };

static struct state state_of(const struct sim *m, unsigned region)
{
	struct state st = {.latency_ms = m->s->regions[region].latency_ms};
	double now = (double)m->now / 1e6;

	for (unsigned i = 0; i < m->s->n_changes; i++) {
		const struct sim_change *c = &m->s->changes[i];
		if (c->region != region || now < c->at_s || now >= c->until_s)
			continue;
		if (c->flap_s > 0 && (int64_t)((now - c->at_s) / c->flap_s) % 2)
			continue;
		if (c->latency_ms > 0)
			st.latency_ms = c->latency_ms;
		st.fail = c->fail;
		st.fail_ms = c->fail_ms;
		st.dead = c->dead > 0;
	}
	return st;
}

static double traffic_at(const struct sim_scenario *s, double now)
{
	const struct sim_point *p = s->traffic;
	unsigned i = 1;

	while (i < s->n_traffic && p[i].at_s < now)
		i++;
	if (i >= s->n_traffic || now <= p[0].at_s)
		return p[i >= s->n_traffic ? s->n_traffic - 1 : 0].cps;
	return p[i - 1].cps + (p[i].cps - p[i - 1].cps) * (now - p[i - 1].at_s) / (p[i].at_s - p[i - 1].at_s);
}

/* ---- choosing ---- */

static uint32_t in_use(const struct region_live *l) { return atomic_load(&l->setups) + atomic_load(&l->calls); }

static double peak_cost(struct sim *m, struct node *n, unsigned r)
{
	uint32_t pending = atomic_load(&n->live[r].setups);

	if (n->ewma_at[r] == 0)
		return pending ? 1e9 + pending : 0;
	return n->ewma[r] * exp(-(double)(m->now - n->ewma_at[r]) / 10e6) * (pending + 1);
}

/* Lower is better; the tie goes to chance, with Kamailio to the order written. */
static double alternative_score(struct sim *m, struct node *n, unsigned r, unsigned one, unsigned two)
{
	const struct region_live *l = &n->live[r];
	unsigned regions = m->s->n_regions;

	switch (m->strategy) {
	case SIM_ROUND_ROBIN: return (r + regions - n->turn % regions) % regions;
	case SIM_LEAST_CALLS: return in_use(l) + unit(m) * 0.5;
	case SIM_TWO_CHOICES: return in_use(l) + unit(m) * 0.5 + (r == one || r == two ? 0 : 1e9);
	case SIM_PEAK_EWMA: return peak_cost(m, n, r) + unit(m) * 1e-6;
	case SIM_KAMAILIO_10: return in_use(l) + r * 1e-3;
	default: return atomic_load(&l->rtt_us) + r * 1e-3;
	}
}

static void choose_alternative(struct sim *m, struct node *n, struct call *c)
{
	double score[POLICY_REGIONS_MAX];
	uint8_t up[POLICY_REGIONS_MAX];
	unsigned n_up = 0;

	for (unsigned r = 0; r < m->s->n_regions; r++)
		if (atomic_load(&n->live[r].healthy))
			up[n_up++] = (uint8_t)r;
	if (!n_up)
		return;
	unsigned a = (unsigned)(draw(m) % n_up), b = n_up > 1 ? (a + 1 + (unsigned)(draw(m) % (n_up - 1))) % n_up : a;
	for (unsigned i = 0; i < n_up; i++)
		score[up[i]] = alternative_score(m, n, up[i], up[a], up[b]);
	n->turn++;
	while (c->n_order < n_up && c->n_order < m->s->attempts) {
		unsigned best = c->n_order;
		for (unsigned i = best + 1; i < n_up; i++)
			best = score[up[i]] < score[up[best]] ? i : best;
		uint8_t region = up[best];
		up[best] = up[c->n_order];
		up[c->n_order] = region;
		c->order[c->n_order++] = region;
	}
}

static void choose_tandem(struct sim *m, struct node *n, struct call *c)
{
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	struct policy_plan plan;
	struct policy_query q = {.trunk = "sim", .from = "+12125550100", .to = "+14155550100", .now_us = m->now,
	                         .wall_us = m->now, .random = draw(m)};

	for (unsigned r = 0; r < m->s->n_regions; r++)
		region_facts(&n->live[r], policy_table_region(m->table, r), policy_table_tuning(m->table), m->now, &facts[r]);
	if (policy_decide(m->table, facts, &q, &plan) < 0)
		return;
	for (unsigned i = 0; i < plan.n_candidates; i++)
		atomic_store(&n->live[plan.candidates[i].region].hot, plan.candidates[i].hot);
	c->n_order = plan.n_order;
	memcpy(c->order, plan.order, plan.n_order);
}

/* ---- counting ---- */

static void count_window(struct sim *m)
{
	uint64_t all = 0;

	for (unsigned r = 0; r < m->s->n_regions; r++)
		all += m->window[r];
	for (unsigned r = 0; r < m->s->n_regions; r++) {
		if (all && (double)m->window[r] >= MAJORITY * (double)all) {
			m->switches += m->majority >= 0 && m->majority != (int)r;
			m->majority = (int)r;
		}
	}
	memset(m->window, 0, sizeof m->window);
	m->window_end += WINDOW_US;
}

static void count_choice(struct sim *m, unsigned region)
{
	m->out->chosen[region]++;
	m->window[region]++;
	if (m->now >= m->avoid_from && m->now < m->avoid_to) {
		m->avoid_all++;
		m->avoid_away += region != m->s->changes[0].region;
	}
}

static void count_setup(struct sim *m, int64_t us)
{
	double bin = log((double)(us > 100 ? us : 100) / 100) / BIN_LOG;

	m->bins[bin < BINS ? (unsigned)bin : BINS - 1]++;
}

static double setup_quantile(const struct sim *m, double q)
{
	uint64_t all = 0, seen = 0;

	for (unsigned i = 0; i < BINS; i++)
		all += m->bins[i];
	for (unsigned i = 0; i < BINS; i++)
		if ((seen += m->bins[i]) >= q * (double)all && all)
			return exp((i + 0.5) * BIN_LOG) * 0.1;
	return 0;
}

/* ---- a call ---- */

static void earn(struct node *n, int64_t now, double tokens)
{
	n->retries += tokens + BUDGET_MIN * (double)(now - n->retries_at) / 1e6;
	n->retries_at = now;
	if (n->retries > BUDGET_MOST)
		n->retries = BUDGET_MOST;
}

/* Whether another attempt may follow. */
static bool spend(struct node *n, int64_t now)
{
	earn(n, now, 0);
	if (n->retries < 1)
		return false;
	n->retries--;
	return true;
}

static void attempt(struct sim *m, uint32_t id)
{
	struct call *c = &m->calls[id];

	if (c->attempt == c->n_order) {
		m->out->failed++;
		call_free(m, id);
		return;
	}
	unsigned r = c->order[c->attempt];
	const struct sim_region *config = &m->s->regions[r];
	struct region *region = &m->regions[r];
	struct state st = state_of(m, r);
	struct ev ev = {.call = id, .node = c->node, .region = (uint8_t)r, .type = FAILURE};
	double wait = ms(m->s->first_response_ms), took = 2 * ms(config->link_ms);

	region_setup_begin(&m->nodes[c->node].live[r], m->now);
	c->sent = m->now;
	if (!st.dead && (unit(m) < st.fail || (config->max_calls > 0 && region->calls >= config->max_calls))) {
		took += ms(st.fail_ms);
	} else if (!st.dead) {
		int64_t begin = region->line_free > m->now ? region->line_free : m->now;
		if (config->setup_cps > 0)
			region->line_free = begin + (int64_t)(1e6 / config->setup_cps);
		took += (double)(begin - m->now) + st.latency_ms * 1000 * (0.7 + 0.3 * exponential(m));
		ev.type = PROVISIONAL;
	}
	if (st.dead || took > wait) {
		ev.type = SILENCE;
		took = wait;
	}
	later(m, (int64_t)took, ev);
}

static void arrive(struct sim *m)
{
	double cps = traffic_at(m->s, (double)m->now / 1e6);
	uint32_t id = cps > 0 ? call_new(m) : UINT32_MAX;

	later(m, cps > 0 ? (int64_t)(exponential(m) / cps * 1e6) : 100000, (struct ev){.type = ARRIVAL});
	if (id == UINT32_MAX)
		return;
	struct call *c = &m->calls[id];
	*c = (struct call){.begun = m->now, .next = UINT32_MAX, .node = (uint8_t)(draw(m) % (unsigned)m->s->nodes)};
	earn(&m->nodes[c->node], m->now, BUDGET);
	if (m->strategy < SIM_ROUND_ROBIN)
		choose_tandem(m, &m->nodes[c->node], c);
	else
		choose_alternative(m, &m->nodes[c->node], c);
	m->out->calls++;
	if (c->n_order)
		count_choice(m, c->order[0]);
	attempt(m, id);
}

static float errors_of_others(const struct sim *m, const struct node *n, unsigned region)
{
	float sum = 0;
	unsigned count = 0;

	for (unsigned r = 0; r < m->s->n_regions; r++) {
		float rate = r == region ? NAN : region_error_rate(&n->live[r], m->now, policy_table_tuning(m->table));
		if (!isnan(rate)) {
			sum += rate;
			count++;
		}
	}
	return count ? sum / (float)count : NAN;
}

static void fail(struct sim *m, const struct ev *ev)
{
	struct node *n = &m->nodes[ev->node];
	struct region_live *l = &n->live[ev->region];
	struct call *c = &m->calls[ev->call];

	region_waiting_end(l);
	region_first_response(l, m->now, m->now - c->sent);  /* silence is a measure too */
	region_setup_end(l, m->now, true);
	region_judge(l, m->now, errors_of_others(m, n, ev->region), policy_table_tuning(m->table));
	c->attempt++;
	if (c->attempt < c->n_order && !spend(n, m->now))
		c->n_order = c->attempt;
	m->out->failed_over += c->attempt < c->n_order;
	attempt(m, ev->call);
}

static void provisional(struct sim *m, struct ev *ev)
{
	struct node *n = &m->nodes[ev->node];
	int64_t took = m->now - m->calls[ev->call].sent;
	double last = n->ewma[ev->region], w = exp(-(double)(m->now - n->ewma_at[ev->region]) / 10e6), now = (double)took / 1000;

	region_waiting_end(&n->live[ev->region]);
	region_first_response(&n->live[ev->region], m->now, took);
	region_ringing(&n->live[ev->region], m->now, took);
	n->ewma[ev->region] = n->ewma_at[ev->region] == 0 || now > last ? now : last * w + now * (1 - w);
	n->ewma_at[ev->region] = m->now;
	count_setup(m, m->now - m->calls[ev->call].begun);
	m->regions[ev->region].calls++;
	ev->type = ANSWER;
	later(m, (int64_t)(ms(m->s->regions[ev->region].ring_ms) * exponential(m)), *ev);
}

static void talk(struct sim *m, uint32_t id, unsigned region, unsigned node)
{
	double waited = (double)(m->now - m->calls[id].answered) / 1e6;

	m->regions[region].busy++;
	m->out->waited++;
	m->wait_s += waited;
	later(m, (int64_t)(m->s->regions[region].talk_s * 1e6 * exponential(m)),
	      (struct ev){.type = HANGUP, .call = id, .region = (uint8_t)region, .node = (uint8_t)node});
}

static void answer(struct sim *m, const struct ev *ev)
{
	struct region *r = &m->regions[ev->region];
	double agents = m->s->regions[ev->region].agents;

	region_setup_end(&m->nodes[ev->node].live[ev->region], m->now, false);
	region_call_begin(&m->nodes[ev->node].live[ev->region]);
	m->calls[ev->call].answered = m->now;
	if (agents <= 0 || r->busy < agents) {
		talk(m, ev->call, ev->region, ev->node);
		return;
	}
	m->calls[ev->call].next = UINT32_MAX;
	if (r->queue_n++)
		m->calls[r->tail].next = ev->call;
	else
		r->head = ev->call;
	r->tail = ev->call;
}

static void hang_up(struct sim *m, const struct ev *ev)
{
	struct region *r = &m->regions[ev->region];

	region_call_end(&m->nodes[ev->node].live[ev->region]);
	call_free(m, ev->call);
	r->calls--;
	r->busy--;
	if (r->queue_n) {
		uint32_t id = r->head;
		r->head = m->calls[id].next;
		r->queue_n--;
		talk(m, id, ev->region, m->calls[id].node);
	}
}

/* ---- probes and figures ---- */

static void probe(struct sim *m, struct ev *ev)
{
	struct state st = state_of(m, ev->region);

	later(m, ms(m->s->probe_ms), *ev);
	ev->type = PROBED;
	ev->value = st.dead ? 0 : 2 * m->s->regions[ev->region].link_ms + 1;
	later(m, ms(st.dead ? m->s->probe_timeout_ms : ev->value), *ev);
}

static void probed(struct sim *m, const struct ev *ev)
{
	struct region_health *h = &m->nodes[ev->node].health[ev->region];

	region_health_judge(h, ev->value > 0, (unsigned)m->s->rise, (unsigned)m->s->fall);
	region_set_health(&m->nodes[ev->node].live[ev->region], h->healthy, (uint32_t)ms(ev->value), m->now, m->now);
}

/* A node to all others, or a region to all nodes; `figure` is the sender, or the figure. */
static void tell(struct sim *m, struct ev *ev)
{
	const struct region *r = &m->regions[ev->region];
	double free_agents = m->s->regions[ev->region].agents - r->busy;

	later(m, ms(m->s->figure_s * 1000), *ev);
	for (unsigned n = 0; n < (unsigned)m->s->nodes; n++) {
		struct ev out = {.node = (uint8_t)n, .region = ev->region, .value = (double)m->now};
		if (unit(m) < m->s->figure_loss)
			continue;
		if (n != ev->node) {
			const struct region_live *l = &m->nodes[ev->node].live[ev->region];
			out.type = REMOTE;
			out.figure = ev->node;
			out.call = (atomic_load(&l->setups) & 0xffff) << 16 | (atomic_load(&l->calls) & 0xffff);
			later(m, ms(m->s->figure_delay_s * 1000), out);
		} else if (ev->node == 0 && m->s->regions[ev->region].agents > 0) {
			for (unsigned to = 0; to < (unsigned)m->s->nodes; to++) {
				out = (struct ev){.type = FIGURE, .node = (uint8_t)to, .region = ev->region, .figure = REGION_AGENTS,
				                  .call = free_agents > 0 ? (uint32_t)free_agents : 0, .value = (double)m->now};
				later(m, ms(m->s->figure_delay_s * 1000), out);
				out.figure = REGION_QUEUE;
				out.call = r->queue_n;
				later(m, ms(m->s->figure_delay_s * 1000), out);
			}
		}
	}
}

static void remote(struct sim *m, const struct ev *ev)
{
	struct node *n = &m->nodes[ev->node];
	uint32_t setups = 0, calls = 0;

	n->heard[ev->figure][ev->region].setups = ev->call >> 16;
	n->heard[ev->figure][ev->region].calls = ev->call & 0xffff;
	for (unsigned i = 0; i < (unsigned)m->s->nodes; i++) {
		setups += n->heard[i][ev->region].setups;
		calls += n->heard[i][ev->region].calls;
	}
	region_set_remote(&n->live[ev->region], setups, calls, (int64_t)ev->value, m->now);
}

/* ---- the run ---- */

static void step(struct sim *m, struct ev *ev)
{
	switch ((enum event)ev->type) {
	case ARRIVAL: arrive(m); break;
	case PROVISIONAL: provisional(m, ev); break;
	case FAILURE: case SILENCE: fail(m, ev); break;
	case ANSWER: answer(m, ev); break;
	case HANGUP: hang_up(m, ev); break;
	case PROBE: probe(m, ev); break;
	case PROBED: probed(m, ev); break;
	case TELL: tell(m, ev); break;
	case REMOTE: remote(m, ev); break;
	case FIGURE:
		region_set_figure(&m->nodes[ev->node].live[ev->region], (enum region_figure)ev->figure, ev->call,
		                  (int64_t)ev->value, m->now);
		break;
	}
}

static struct policy_table *table_of(const struct sim_scenario *s, enum sim_strategy strategy)
{
	static const enum policy_strategy of[] = {POLICY_ADAPTIVE, POLICY_WEIGHTED, POLICY_LATENCY, POLICY_LOAD};
	struct policy_region_config regions[POLICY_REGIONS_MAX];
	struct policy_pool_config pool = {.name = "sim", .strategy = strategy < SIM_ROUND_ROBIN ? of[strategy] : POLICY_WEIGHTED};
	struct policy_rule_config rule = {.name = "all"};
	struct policy_config config = {.regions = regions, .n_regions = s->n_regions, .pools = &pool, .n_pools = 1,
	                               .rules = &rule, .n_rules = 1, .tuning = policy_tuning_default()};
	struct err err;

	for (unsigned r = 0; r < s->n_regions; r++) {
		regions[r] = (struct policy_region_config){
			.max_calls = (uint32_t)s->regions[r].max_calls, .max_cps = (uint32_t)s->regions[r].max_cps,
			.weight = (uint32_t)s->regions[r].weight,
		};
		memcpy(regions[r].name, s->regions[r].name, sizeof regions[r].name);
		pool.regions[pool.n_regions++] = (uint8_t)r;
	}
	pool.failover = (struct policy_failover){.on = {503}, .n_on = 1, .attempts = (uint8_t)s->attempts,
	                                         .first_response_ms = (uint32_t)s->first_response_ms};
	return policy_table_new(&config, &err);
}

static void start(struct sim *m)
{
	const struct sim_scenario *s = m->s;

	for (unsigned n = 0; n < (unsigned)s->nodes; n++)
		for (unsigned r = 0; r < s->n_regions; r++) {
			region_live_init(&m->nodes[n].live[r], s->regions[r].name, m->now);
			m->nodes[n].health[r] = (struct region_health){.known = true, .healthy = true};
			region_set_health(&m->nodes[n].live[r], true, (uint32_t)ms(2 * s->regions[r].link_ms + 1), m->now, m->now);
			struct ev ev = {.type = PROBE, .node = (uint8_t)n, .region = (uint8_t)r};
			later(m, (int64_t)(unit(m) * s->probe_ms * 1000), ev);
			ev.type = TELL;
			later(m, (int64_t)(unit(m) * s->figure_s * 1e6), ev);
		}
	if (s->n_changes) {
		const struct sim_change *c = &s->changes[0];
		double slow = c->dead > 0 ? s->first_response_ms : c->latency_ms > 0 ? c->latency_ms : c->fail_ms;
		m->avoid_from = (int64_t)(c->at_s * 1e6) + ms(2 * s->regions[c->region].link_ms + slow) + AVOID_AFTER_US;
		m->avoid_to = (int64_t)(c->until_s * 1e6);
	}
	later(m, 0, (struct ev){.type = ARRIVAL});
}

static void finish(struct sim *m)
{
	struct sim_result *out = m->out;
	double weights = 0, all = 0;

	for (unsigned r = 0; r < m->s->n_regions; r++) {
		weights += m->s->regions[r].weight;
		all += (double)out->chosen[r];
	}
	for (unsigned r = 0; r < m->s->n_regions && all > 0; r++) {
		double off = fabs((double)out->chosen[r] / all / (m->s->regions[r].weight / weights) - 1);
		out->imbalance = off > out->imbalance ? off : out->imbalance;
	}
	out->setup_p50_ms = setup_quantile(m, 0.5);
	out->setup_p99_ms = setup_quantile(m, 0.99);
	out->wait_mean_s = out->waited ? m->wait_s / (double)out->waited : 0;
	out->switches_per_min = m->switches * 60 / m->s->duration_s;
	out->avoided = m->avoid_all ? (double)m->avoid_away / (double)m->avoid_all : -1;
}

static void run(struct sim *m, bool progress)
{
	time_t told = time(NULL);

	for (uint64_t i = 0; m->n_heap && !m->no_memory; i++) {
		struct ev ev = take(m);
		if (ev.at >= m->end)
			break;
		m->now = ev.at;
		while (m->now >= m->window_end)
			count_window(m);
		step(m, &ev);
		if (progress && i % 65536 == 0 && time(NULL) - told >= 2) {
			told = time(NULL);
			fprintf(stderr, "tandem-sim: %s, %s: %.0f of %.0f s\n", m->s->name, sim_strategy_str(m->strategy),
			        (double)m->now / 1e6, m->s->duration_s);
		}
	}
}

int sim_run(const struct sim_scenario *s, enum sim_strategy strategy, uint64_t seed, bool progress, struct sim_result *out)
{
	struct sim *m = calloc(1, sizeof *m);
	int rc = -ENOMEM;

	*out = (struct sim_result){0};
	if (!m)
		return rc;
	*m = (struct sim){.s = s, .strategy = strategy, .out = out, .free_call = UINT32_MAX, .random = chance_mix(seed),
	                  .majority = -1, .window_end = WINDOW_US, .end = (int64_t)(s->duration_s * 1e6)};
	m->nodes = aligned_alloc(64, (unsigned)s->nodes * sizeof *m->nodes);
	m->table = table_of(s, strategy);
	if (m->nodes && m->table) {
		memset(m->nodes, 0, (unsigned)s->nodes * sizeof *m->nodes);
		start(m);
		run(m, progress);
		finish(m);
		rc = m->no_memory ? -ENOMEM : 0;
	} else if (m->nodes) {
		rc = -EINVAL;
	}
	policy_table_free(m->table);
	free(m->nodes);
	free(m->calls);
	free(m->heap);
	free(m);
	return rc;
}

const char *sim_strategy_str(enum sim_strategy strategy)
{
	static const char *const names[] = {"adaptive", "weighted", "latency", "load", "round_robin", "least_calls",
	                                    "two_choices", "peak_ewma", "kamailio_10", "kamailio_13"};
	return names[strategy];
}
