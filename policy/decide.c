/* One call, one plan: which rule it matches, which regions of the pool may take it and why the others
 * may not, and the order to try them in.
 *
 * What every strategy keeps is here: admin state, health (with the panic rule), max_calls, max_cps and
 * weight zero rule a region out; hysteresis makes `hot` of its load. strategy.c scores what is left,
 * and this file sorts by that. Equal scores are ordered by chance, so that a tie favours nobody.
 *
 * Pure, and on the way of every call: no allocation, no I/O, no libm. Any thread. */
#include <errno.h>
#include <string.h>

#include "policy/chance.h"
#include "policy/strategy.h"
#include "policy/table.h"

#define ORDER_MAX POLICY_ATTEMPTS_MAX
#define ORDER_ODD 0x9e3779b97f4a7c15u    /* spreads the difference of two hashes over the upper bits */

/* Fewer healthy than the panic share of those in service (ready, weight above zero): health is then
 * ignored, for a few regions told healthy would only drown in the calls of all. */
static bool decide_panic(const struct policy_pool_config *pool, const struct policy_region_facts *facts,
                         double panic_share)
{
	unsigned in_service = 0, healthy = 0;

	if (panic_share <= 0)
		return false;
	for (unsigned i = 0; i < pool->n_regions; i++) {
		const struct policy_region_facts *f = &facts[pool->regions[i]];

		if (f->admin != POLICY_READY || f->weight == 0 || f->no_sips)
			continue;
		in_service++;
		healthy += f->healthy;
	}
	return healthy < panic_share * in_service;
}

/* The first thing that rules the region out, in the order of the enumeration. An admin state that
 * does not exist keeps calls away. */
static enum policy_reason decide_reason(const struct policy_region_config *region,
                                        const struct policy_region_facts *f, bool panic, bool eject)
{
	if (f->no_sips)
		return POLICY_NO_SIPS;
	if (f->admin != POLICY_READY)
		return f->admin == POLICY_DRAIN ? POLICY_NO_DRAIN : POLICY_NO_MAINT;
	if (!f->healthy && !panic)
		return POLICY_NO_UNHEALTHY;
	if (f->ejected && eject && !panic)
		return POLICY_NO_EJECTED;
	if (region->max_calls != 0 && strategy_in_use(f) >= region->max_calls)
		return POLICY_NO_CALLS;
	if (region->max_cps != 0 && f->cps >= region->max_cps)
		return POLICY_NO_CPS;
	return f->weight == 0 ? POLICY_NO_WEIGHT : POLICY_OK;
}

/* Ejected regions are left out as long as another region of the pool may take the call: a fault of the calls
 * themselves would eject them all. */
static bool decide_keeps(const struct policy_table *table, const struct policy_pool_config *pool,
                         const struct policy_region_facts *facts)
{
	for (unsigned i = 0; i < pool->n_regions; i++) {
		const struct policy_region_facts *f = &facts[pool->regions[i]];

		if (!f->ejected && decide_reason(&table->regions[pool->regions[i]], f, false, true) == POLICY_OK)
			return true;
	}
	return false;
}

/* Hot above hot_on, cold below hot_off, in between as it was. */
static bool decide_hot(double load, bool was_hot, const struct policy_tuning *tuning)
{
	return was_hot ? load >= tuning->hot_off : load > tuning->hot_on;
}

static void decide_candidate(const struct policy_table *table, unsigned region,
                             const struct policy_region_facts *facts, bool panic, bool eject,
                             struct policy_candidate *c)
{
	const struct policy_region_config *config = &table->regions[region];
	double load = strategy_load(&table->compiled[region], facts);

	c->region = (uint8_t)region;
	c->facts = *facts;
	c->reason = decide_reason(config, facts, panic, eject);
	c->eligible = c->reason == POLICY_OK;
	c->load = (float)load;
	c->hot = decide_hot(strategy_load_with_errors(load, facts), facts->was_hot, &table->tuning);
	c->score = 0;
	c->held_back = false;
}

/* Slow start: a region that came back a moment ago is behind the others for the share of calls that it does
 * not get yet. Strategies that draw by weight take it off the weight instead, which moves fewest calls. */
static void decide_hold(const struct policy_table *table, uint64_t random, struct policy_plan *plan)
{
	unsigned held = 0;

	if (plan->strategy == POLICY_WEIGHTED || plan->strategy == POLICY_STICKY)
		return;
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		struct policy_candidate *c = &plan->candidates[i];

		if (c->eligible && c->facts.held > 0)
			c->held_back = chance_unit(chance_mix(~random ^ table->compiled[c->region].key)) <
			               (double)c->facts.held;
		held += c->held_back;
	}
	for (unsigned i = 0; held == plan->n_eligible && i < plan->n_candidates; i++)
		plan->candidates[i].held_back = false;
}

/* Score, tie-breaker and candidate in one number, so that sorting compares and moves only that: the
 * bits of a float that is not negative sort as the float does. */
static uint64_t order_key(const struct policy_candidate *c, unsigned index, uint64_t tie)
{
	uint32_t bits;

	memcpy(&bits, &c->score, sizeof(bits));
	return (uint64_t)c->held_back << 63 | (uint64_t)bits << 32 | (tie >> 40) << 8 | index;
}

/* Takes a key into the ascending list of the least ORDER_MAX seen. */
static unsigned order_take(uint64_t *least, unsigned n, uint64_t key)
{
	unsigned i = n < ORDER_MAX ? n : ORDER_MAX - 1;

	if (n == ORDER_MAX && key > least[i])
		return n;
	for (; i > 0 && least[i - 1] > key; i--)
		least[i] = least[i - 1];
	least[i] = key;
	return n < ORDER_MAX ? n + 1 : n;
}

/* The best POLICY_ATTEMPTS_MAX of the eligible, the drawn one at the front. */
static void decide_order(const struct policy_table *table, uint64_t random, int first, struct policy_plan *plan)
{
	uint64_t keys[ORDER_MAX], mixed = chance_mix(random);
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		const struct policy_candidate *c = &plan->candidates[i];

		if (c->eligible && (int)i != first)
			n = order_take(keys, n, order_key(c, i, (mixed ^ table->compiled[c->region].key) * ORDER_ODD));
	}
	if (first >= 0)
		plan->order[at++] = plan->candidates[first].region;
	for (unsigned i = 0; i < n && at < ORDER_MAX; i++)
		plan->order[at++] = plan->candidates[keys[i] & 0xff].region;
	plan->n_order = (uint8_t)at;
}

static void plan_empty(struct policy_plan *plan)
{
	plan->rule = plan->pool = -1;
	plan->strategy = POLICY_ADAPTIVE;
	plan->because = POLICY_BECAUSE_NONE;
	plan->panic = false;
	plan->refuse = 0;
	plan->threshold = 0;
	plan->n_candidates = plan->n_eligible = plan->n_order = 0;
	plan->failover = NULL;
}

int policy_decide(const struct policy_table *table, const struct policy_region_facts *facts,
                  const struct policy_query *query, struct policy_plan *plan)
{
	int rule = match_find(table->match, query), first;

	plan_empty(plan);
	if (rule < 0)
		return -ENOENT;
	plan->rule = rule;
	if (table->leads[rule].refuse != 0) {
		plan->refuse = table->leads[rule].refuse;
		plan->because = POLICY_BECAUSE_REFUSED;
		return -ECONNREFUSED;
	}
	const struct policy_pool_config *pool = &table->pools[table->leads[rule].pool];
	plan->pool = table->leads[rule].pool;
	plan->strategy = pool->strategy;
	plan->failover = &pool->failover;
	plan->n_candidates = pool->n_regions;
	plan->panic = decide_panic(pool, facts, table->tuning.panic_share);
	bool eject = decide_keeps(table, pool, facts);
	for (unsigned i = 0; i < pool->n_regions; i++) {
		unsigned region = pool->regions[i];

		decide_candidate(table, region, &facts[region], plan->panic, eject, &plan->candidates[i]);
		plan->n_eligible += plan->candidates[i].eligible;
	}
	if (plan->n_eligible == 0)
		return -EHOSTUNREACH;
	decide_hold(table, query->random, plan);
	plan->because = strategy_score(table, query, plan, &first);
	if (plan->panic)
		plan->because = POLICY_BECAUSE_PANIC;
	else if (plan->n_eligible == 1)
		plan->because = POLICY_BECAUSE_ONLY;
	decide_order(table, query->random, first, plan);
	return 0;
}

bool policy_any_eligible(const struct policy_table *table, const struct policy_region_facts *facts)
{
	for (unsigned i = 0; i < table->n_regions; i++)
		if (decide_reason(&table->regions[i], &facts[i], false, false) == POLICY_OK)
			return true;
	return false;
}
