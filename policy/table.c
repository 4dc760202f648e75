/* The policy table: regions, pools and rules checked as a whole, copied, and compiled into the form
 * that policy_decide() reads. Built by whoever loads a configuration (any thread), then immutable:
 * a reload builds another table and swaps the pointer; a call in progress keeps none, it has its plan.
 *
 * Checks come first and name the thing that is wrong by its place and its name; nothing is allocated
 * for a configuration that does not pass. */
#include "policy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/chance.h"

#define TABLE_WEIGHT_MAX 65535
#define TABLE_RESPONSE_MIN 300      /* final responses other than success, RFC 3261 section 21 */
#define TABLE_RESPONSE_MAX 699
#define TABLE_REFUSE_MIN 400
#define TABLE_EJECT_FAILURES_MAX 255

struct policy_tuning policy_tuning_default(void)
{
	return (struct policy_tuning){
		.hot_on = 0.84, .hot_off = 0.75, .band = 0.20, .band_min_us = 10000, .setups_soft = 100,
		.fresh_ms = 5000, .gone_ms = 30000, .figure_fresh_ms = 30000, .figure_gone_ms = 180000,
		.oldest_full_ms = 60000, .eject_failures = 5, .eject_ms = 10000, .eject_max_ms = 300000,
		.slow_start_ms = 10000,
	};
}

/* The name ends within its field and is not empty; `what` and `index` say whose. */
static int check_name(const char *name, const char *what, unsigned index, struct err *err)
{
	if (memchr(name, '\0', POLICY_NAME_LEN) == NULL)
		return err_set(err, EINVAL, "%s %u: the name is longer than %d characters", what, index + 1,
		               POLICY_NAME_LEN - 1);
	if (*name == '\0')
		return err_set(err, EINVAL, "%s %u has no name: give it one", what, index + 1);
	return 0;
}

static int check_regions(const struct policy_config *c, struct err *err)
{
	if (c->n_regions == 0)
		return err_set(err, EINVAL, "no regions: at least one is needed");
	if (c->n_regions > POLICY_REGIONS_MAX)
		return err_set(err, EINVAL, "%u regions: at most %d", c->n_regions, POLICY_REGIONS_MAX);
	for (unsigned i = 0; i < c->n_regions; i++) {
		const struct policy_region_config *r = &c->regions[i];
		int rc = check_name(r->name, "region", i, err);

		if (rc < 0)
			return rc;
		if (r->weight > TABLE_WEIGHT_MAX)
			return err_set(err, EINVAL, "region \"%s\": weight %u is too large: 0 to %d", r->name,
			               r->weight, TABLE_WEIGHT_MAX);
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(c->regions[j].name, r->name) == 0)
				return err_set(err, EINVAL, "regions %u and %u are both named \"%s\": "
				               "names must differ", j + 1, i + 1, r->name);
		}
	}
	return 0;
}

static int check_failover(const struct policy_pool_config *p, struct err *err)
{
	const struct policy_failover *f = &p->failover;

	if (f->n_on > POLICY_FAILOVER_CODES)
		return err_set(err, EINVAL, "pool \"%s\": failover on %u codes: at most %d", p->name, f->n_on,
		               POLICY_FAILOVER_CODES);
	for (unsigned i = 0; i < f->n_on; i++) {
		if (f->on[i] < TABLE_RESPONSE_MIN || f->on[i] > TABLE_RESPONSE_MAX)
			return err_set(err, EINVAL, "pool \"%s\": failover on %u is no failure response: %d to %d",
			               p->name, f->on[i], TABLE_RESPONSE_MIN, TABLE_RESPONSE_MAX);
	}
	if (f->n_never > POLICY_FAILOVER_CODES)
		return err_set(err, EINVAL, "pool \"%s\": failover never on %u codes: at most %d", p->name, f->n_never,
		               POLICY_FAILOVER_CODES);
	if (!(f->budget >= 0 && f->budget <= 10))
		return err_set(err, EINVAL, "pool \"%s\": failover budget %g is no share of calls: 0 (no limit) to 10", p->name,
		               f->budget);
	if (f->attempts == 0)
		return err_set(err, EINVAL, "pool \"%s\": 0 attempts would try no region: at least 1", p->name);
	if (f->first_response_ms == 0)
		return err_set(err, EINVAL, "pool \"%s\": a first response within 0 ms is impossible: say 2000, "
		               "for example", p->name);
	return 0;
}

static int check_pool_regions(const struct policy_pool_config *p, unsigned n_regions, struct err *err)
{
	uint64_t seen = 0;

	if (p->n_regions == 0)
		return err_set(err, EINVAL, "pool \"%s\" has no regions: name at least one", p->name);
	if (p->n_regions > POLICY_REGIONS_MAX)
		return err_set(err, EINVAL, "pool \"%s\" has %u regions: at most %d", p->name, p->n_regions,
		               POLICY_REGIONS_MAX);
	for (unsigned i = 0; i < p->n_regions; i++) {
		unsigned r = p->regions[i];

		if (r >= n_regions)
			return err_set(err, EINVAL, "pool \"%s\": region index %u is out of range: 0 to %u", p->name,
			               r, n_regions - 1);
		if ((seen >> r & 1) != 0)
			return err_set(err, EINVAL, "pool \"%s\" names region index %u twice: once is enough",
			               p->name, r);
		seen |= UINT64_C(1) << r;
	}
	return 0;
}

static int check_pools(const struct policy_config *c, struct err *err)
{
	for (unsigned i = 0; i < c->n_pools; i++) {
		const struct policy_pool_config *p = &c->pools[i];
		int rc = check_name(p->name, "pool", i, err);

		if (rc < 0)
			return rc;
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(c->pools[j].name, p->name) == 0)
				return err_set(err, EINVAL, "pools %u and %u are both named \"%s\": names must differ",
				               j + 1, i + 1, p->name);
		}
		if ((unsigned)p->strategy > POLICY_STICKY)
			return err_set(err, EINVAL, "pool \"%s\": no such strategy: adaptive, weighted, priority, "
			               "latency, load or sticky", p->name);
		if ((rc = check_pool_regions(p, c->n_regions, err)) < 0 || (rc = check_failover(p, err)) < 0)
			return rc;
	}
	return 0;
}

static int check_patterns(const struct policy_rule_config *r, const char *key, const struct policy_number *list,
                          unsigned n, struct err *err)
{
	for (unsigned i = 0; i < n; i++) {
		if (memchr(list[i].text, '\0', sizeof(list[i].text)) == NULL)
			return err_set(err, EINVAL, "rule \"%s\": `%s` is longer than %zu characters", r->name, key,
			               sizeof(list[i].text) - 1);
		if (list[i].text[0] == '\0' || !match_pattern_ok(list[i].text))
			return err_set(err, EINVAL, "rule \"%s\": `%s: %s` is no number: write \"+18005551234\" (up to 15 "
			               "digits) or a prefix such as \"+1800*\"", r->name, key, list[i].text);
	}
	return 0;
}

static int check_target(const struct policy_rule_config *r, unsigned n_pools, struct err *err)
{
	if (r->refuse != 0 && (r->refuse < TABLE_REFUSE_MIN || r->refuse > TABLE_RESPONSE_MAX))
		return err_set(err, EINVAL, "rule \"%s\": refuse with %u is no refusal: %d to %d", r->name, r->refuse,
		               TABLE_REFUSE_MIN, TABLE_RESPONSE_MAX);
	if (r->refuse != 0)
		return 0;
	if (n_pools == 0)
		return err_set(err, EINVAL, "rule \"%s\" leads to a pool and there is none: add one", r->name);
	if (r->pool >= n_pools)
		return err_set(err, EINVAL, "rule \"%s\": pool index %u is out of range: 0 to %u", r->name, r->pool,
		               n_pools - 1);
	return 0;
}

static int check_windows(const struct policy_rule_config *r, struct err *err)
{
	if (r->n_windows > POLICY_WINDOWS_MAX)
		return err_set(err, EINVAL, "rule \"%s\": %u windows of time: at most %d", r->name, r->n_windows,
		               POLICY_WINDOWS_MAX);
	for (unsigned i = 0; i < r->n_windows; i++) {
		const struct policy_window *w = &r->windows[i];

		if (w->days == 0 || w->days > 0x7f || w->from >= 1440 || w->to > 1440 || w->from == w->to)
			return err_set(err, EINVAL, "rule \"%s\": window %u is no time: days, and minutes from 0 to 1440",
			               r->name, i + 1);
	}
	return 0;
}

static int check_rest(const struct policy_config *c, const struct policy_rule_config *r, struct err *err)
{
	if (!(r->percent >= 0 && r->percent <= 100))
		return err_set(err, EINVAL, "rule \"%s\": percent %g is no percentage: above 0, at most 100", r->name,
		               r->percent);
	if (r->zone[0] == '\0')
		return 0;
	for (unsigned i = 0; i < c->n_zones; i++) {
		if (strcmp(c->zones[i].name, r->zone) == 0 && c->zones[i].n_changes != 0)
			return 0;
	}
	return err_set(err, EINVAL, "rule \"%s\": zone \"%s\" is not among the zones given", r->name, r->zone);
}

static int check_texts(const struct policy_rule_config *r, struct err *err)
{
	static const char *const keys[] = {"trunk", "header", "value", "zone"};
	const char *const texts[] = {r->trunk, r->header, r->value, r->zone};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (memchr(texts[i], '\0', POLICY_NAME_LEN) == NULL)
			return err_set(err, EINVAL, "rule \"%s\": the %s is longer than %d characters", r->name, keys[i],
			               POLICY_NAME_LEN - 1);
	}
	return 0;
}

static int check_rules(const struct policy_config *c, struct err *err)
{
	if (c->n_zones > POLICY_ZONES_MAX)
		return err_set(err, EINVAL, "%u time zones: at most %d", c->n_zones, POLICY_ZONES_MAX);
	for (unsigned i = 0; i < c->n_rules; i++) {
		const struct policy_rule_config *r = &c->rules[i];
		int rc = check_name(r->name, "rule", i, err);

		if (rc < 0 || (rc = check_texts(r, err)) < 0 ||
		    (rc = check_patterns(r, "to", r->to, r->n_to, err)) < 0 ||
		    (rc = check_patterns(r, "from", r->from, r->n_from, err)) < 0 ||
		    (rc = check_windows(r, err)) < 0 || (rc = check_rest(c, r, err)) < 0 ||
		    (rc = check_target(r, c->n_pools, err)) < 0)
			return rc;
	}
	if (match_headers(c->rules, c->n_rules) > POLICY_HEADERS_MAX)
		return err_set(err, EINVAL, "rules ask for more than %d header fields", POLICY_HEADERS_MAX);
	return 0;
}

/* Written so that NaN fails. */
static int check_tuning(const struct policy_tuning *t, struct err *err)
{
	if (!(t->hot_on > 0 && t->hot_on <= 1))
		return err_set(err, EINVAL, "tuning: hot_on %g is no share of the load: above 0, at most 1", t->hot_on);
	if (!(t->hot_off > 0 && t->hot_off <= t->hot_on))
		return err_set(err, EINVAL, "tuning: hot_off %g must be above 0 and at most hot_on, %g", t->hot_off,
		               t->hot_on);
	if (!(t->band >= 0 && t->band <= 10))
		return err_set(err, EINVAL, "tuning: band %g is no tolerance: 0 to 10, 0.2 for a fifth", t->band);
	if (t->setups_soft == 0)
		return err_set(err, EINVAL, "tuning: setups_soft is 0: at least 1");
	if (!(t->panic_share >= 0 && t->panic_share <= 1))
		return err_set(err, EINVAL, "tuning: panic_share %g is no share: 0 (never) to 1", t->panic_share);
	if (t->fresh_ms >= t->gone_ms)
		return err_set(err, EINVAL, "tuning: fresh (%u ms) must be less than gone (%u ms)", t->fresh_ms,
		               t->gone_ms);
	if (t->figure_fresh_ms >= t->figure_gone_ms)
		return err_set(err, EINVAL, "tuning: figure_fresh (%u ms) must be less than figure_gone (%u ms)",
		               t->figure_fresh_ms, t->figure_gone_ms);
	if (t->oldest_full_ms == 0)
		return err_set(err, EINVAL, "tuning: oldest_full is 0: any contact that waits would fill a region");
	if (t->eject_failures > TABLE_EJECT_FAILURES_MAX)
		return err_set(err, EINVAL, "tuning: eject_failures is %u: 0 (never) to %d", t->eject_failures,
		               TABLE_EJECT_FAILURES_MAX);
	if (t->eject_ms > t->eject_max_ms)
		return err_set(err, EINVAL, "tuning: eject_time (%u ms) is longer than eject_max (%u ms)", t->eject_ms,
		               t->eject_max_ms);
	return 0;
}

/* A copy of `n` things of `size`; never NULL but for want of memory, so that empty lists are values too. */
static void *copy_array(const void *data, size_t n, size_t size)
{
	void *copy = calloc(n != 0 ? n : 1, size);

	if (copy != NULL && n != 0)
		memcpy(copy, data, n * size);
	return copy;
}

static struct policy_region_compiled region_compile(const struct policy_region_config *r,
                                                    const struct policy_tuning *tuning)
{
	struct policy_region_compiled c = {.key = chance_hash(r->name)};

	c.per_setup = 1.0 / (r->max_calls != 0 ? r->max_calls : tuning->setups_soft);
	c.per_call = r->max_calls != 0 ? c.per_setup : 0;
	c.per_cps = r->max_cps != 0 ? 1.0 / r->max_cps : 0;
	return c;
}

struct policy_table *policy_table_new(const struct policy_config *config, struct err *err)
{
	if (check_regions(config, err) < 0 || check_pools(config, err) < 0 || check_rules(config, err) < 0 ||
	    check_tuning(&config->tuning, err) < 0)
		return NULL;

	struct policy_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		goto no_memory;
	t->regions = copy_array(config->regions, t->n_regions = config->n_regions, sizeof(t->regions[0]));
	t->compiled = calloc(config->n_regions, sizeof(t->compiled[0]));
	t->pools = copy_array(config->pools, t->n_pools = config->n_pools, sizeof(t->pools[0]));
	t->rules = copy_array(config->rules, t->n_rules = config->n_rules, sizeof(t->rules[0]));
	t->leads = calloc((size_t)config->n_rules + 1, sizeof(t->leads[0]));
	t->match = match_new(config->rules, config->n_rules, config->zones, config->n_zones);
	t->tuning = config->tuning;
	if (t->regions == NULL || t->compiled == NULL || t->pools == NULL || t->rules == NULL || t->leads == NULL ||
	    t->match == NULL)
		goto no_memory;
	for (unsigned i = 0; i < t->n_rules; i++) {  /* those stay the caller's; `match` has what it needs */
		t->rules[i].to = t->rules[i].from = NULL;
		t->rules[i].n_to = t->rules[i].n_from = 0;
		t->leads[i] = (struct policy_rule_compiled){t->rules[i].pool, t->rules[i].refuse};
	}
	for (unsigned i = 0; i < t->n_regions; i++)
		t->compiled[i] = region_compile(&t->regions[i], &t->tuning);
	return t;
no_memory:
	err_set(err, ENOMEM, "no memory for the policy table");
	policy_table_free(t);
	return NULL;
}

void policy_table_free(struct policy_table *table)
{
	if (table == NULL)
		return;
	free(table->regions);
	free(table->compiled);
	free(table->pools);
	free(table->rules);
	free(table->leads);
	match_free(table->match);
	free(table);
}

unsigned policy_table_regions(const struct policy_table *table)
{
	return table->n_regions;
}

const struct policy_region_config *policy_table_region(const struct policy_table *table, unsigned index)
{
	return index < table->n_regions ? &table->regions[index] : NULL;
}

const struct policy_tuning *policy_table_tuning(const struct policy_table *table)
{
	return &table->tuning;
}

int policy_table_region_find(const struct policy_table *table, const char *name)
{
	for (unsigned i = 0; i < table->n_regions; i++) {
		if (strcmp(table->regions[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const struct policy_pool_config *policy_table_pool(const struct policy_table *table, unsigned index)
{
	return index < table->n_pools ? &table->pools[index] : NULL;
}

unsigned policy_table_pools(const struct policy_table *table)
{
	return table->n_pools;
}

const struct policy_rule_config *policy_table_rule(const struct policy_table *table, unsigned index)
{
	return index < table->n_rules ? &table->rules[index] : NULL;
}

unsigned policy_table_rules(const struct policy_table *table)
{
	return table->n_rules;
}

const char *policy_table_header(const struct policy_table *table, unsigned index)
{
	return match_header(table->match, index);
}
