/* What a decision costs: decide_2_ns with 2 regions and one rule, decide_64_ns with 64 regions, 10,000 rules and
 * 100,000 prefixes, the regions' facts given. Live figures in every region, every strategy; the figures are those of
 * `adaptive`, the dearest. Each is the median over runs, after one that is not counted; calls come with numbers and
 * chance that differ. Counts allocations by malloc's own figures: any is a fault.
 *
 *   decide [--quick] [--json FILE] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/chance.h"
#include "policy/policy.h"

#define RULES 10000
#define EACH 10
#define CALLS 4096
#define RUNS 21

struct call { char from[16], to[16], trunk[16]; };

static struct policy_region_config regions[POLICY_REGIONS_MAX];
static struct policy_region_facts facts[POLICY_REGIONS_MAX];
static struct policy_rule_config rules[RULES];
static struct policy_number numbers[RULES * EACH];
static struct call calls[CALLS];
static volatile unsigned sink;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void make_regions(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		snprintf(regions[i].name, sizeof(regions[i].name), "region-%u", i);
		regions[i].max_calls = 4000;
		regions[i].max_cps = 200;
		regions[i].weight = 100;
		facts[i] = (struct policy_region_facts){
			.healthy = true, .weight = 100, .setups = 10 + i, .calls = 1000 + 17 * i, .cps = 40, .latency_us = 50000 + 900 * i,
			.rtt_us = 20000 + 300 * i, .error_rate = 0.001F, .ring_us = 90000 + 1100 * i, .remote_calls = 900,
			.remote_setups = 8, .outside_load = 0.3F,
		};
	}
}

/* Prefixes of seven digits, ten a rule, each rule of one of 50 trunks; the last takes all. */
static unsigned make_rules(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		snprintf(rules[i].name, sizeof(rules[i].name), "rule-%u", i);
		if (i == n - 1)
			break;
		snprintf(rules[i].trunk, sizeof(rules[i].trunk), "trunk-%u", i % 50);
		rules[i].to = &numbers[i * EACH];
		rules[i].n_to = EACH;
		for (unsigned j = 0; j < EACH; j++)
			snprintf(rules[i].to[j].text, POLICY_NUMBER_LEN, "+1%06u*", j * RULES + i);
	}
	return n;
}

static void make_calls(void)
{
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t r = chance_mix(i);
		snprintf(calls[i].from, sizeof(calls[i].from), "+1%010u", (unsigned)(r % 4000000000U));
		snprintf(calls[i].to, sizeof(calls[i].to), "+1%06u%04u", (unsigned)(r >> 16) % (RULES * EACH), i);
		snprintf(calls[i].trunk, sizeof(calls[i].trunk), "trunk-%u", (unsigned)(r >> 16) % RULES % 50);
	}
}

static double run(const struct policy_table *table, unsigned n)
{
	static struct policy_plan plan;
	int64_t start = now_ns();
	for (unsigned i = 0; i < n; i++) {
		const struct call *c = &calls[i % CALLS];
		struct policy_query q = {.trunk = c->trunk, .from = c->from, .to = c->to, .now_us = i, .wall_us = i,
		                         .random = chance_mix(i)};
		sink += (unsigned)policy_decide(table, facts, &q, &plan) + plan.order[0];
	}
	return (double)(now_ns() - start) / n;
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Nanoseconds a decision, the median of the runs. */
static double measure(unsigned n_regions, unsigned n_rules, enum policy_strategy strategy, unsigned n)
{
	struct policy_pool_config pool = {.name = "p", .strategy = strategy, .n_regions = (uint8_t)n_regions,
	                                  .failover = {.attempts = 2, .first_response_ms = 2000}};
	struct err err;
	double times[RUNS];
	make_regions(n_regions);
	for (unsigned i = 0; i < n_regions; i++)
		pool.regions[i] = (uint8_t)i;
	memset(rules, 0, sizeof(rules));
	struct policy_config config = {.regions = regions, .n_regions = n_regions, .pools = &pool, .n_pools = 1, .rules = rules,
	                               .n_rules = make_rules(n_rules), .tuning = policy_tuning_default()};
	struct policy_table *table = policy_table_new(&config, &err);
	if (!table) {
		fprintf(stderr, "decide: %s\n", err.text);
		exit(1);
	}
	run(table, n);
	struct mallinfo2 before = mallinfo2();
	for (unsigned i = 0; i < RUNS; i++)
		times[i] = run(table, n);
	struct mallinfo2 after = mallinfo2();
	if (before.uordblks != after.uordblks) {
		fprintf(stderr, "decide: a decision allocated memory\n");
		exit(1);
	}
	policy_table_free(table);
	qsort(times, RUNS, sizeof(times[0]), order);
	return times[RUNS / 2];
}

int main(int argc, char **argv)
{
	unsigned n = 20000;
	const char *json = NULL;
	double adaptive[2] = {0};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			n = 4000;
		else if (!strcmp(argv[i], "--json") && i + 1 < argc)
			json = argv[++i];
		else
			return fprintf(stderr, "decide: [--quick] [--json FILE]\n"), 1;
	}
	make_calls();
	printf("%-10s %22s %36s\n", "strategy", "2 regions, 1 rule: ns", "64 regions, 10,000 rules: ns");
	for (int s = POLICY_ADAPTIVE; s <= POLICY_STICKY; s++) {
		double few = measure(2, 1, (enum policy_strategy)s, n), many = measure(64, RULES, (enum policy_strategy)s, n);
		printf("%-10s %22.0f %36.0f\n", policy_strategy_str((enum policy_strategy)s), few, many);
		if (s == POLICY_ADAPTIVE) {
			adaptive[0] = few;
			adaptive[1] = many;
		}
	}
	FILE *out = json ? fopen(json, "w") : stdout;
	if (!out)
		return perror(json), 1;
	fprintf(out, "{\"decide_2_ns\": %.1f, \"decide_64_ns\": %.1f}\n", adaptive[0], adaptive[1]);
	return json && fclose(out) ? 1 : 0;
}
