/* tandem-sim: scenarios played with tandem's strategies and with the known alternatives, side by side. Each figure is
 * the median over the seeds 1 to N. Exit codes: 0; 1 a scenario cannot be read or played; 2 wrong usage. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

#define SEEDS_MAX 1000

struct figures { double failed, p50, p99, wait, imbalance, switches, avoided; };

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median of one figure, `at` bytes into each of `n`. */
static double median(const struct figures *f, unsigned n, size_t at)
{
	double values[SEEDS_MAX];

	for (unsigned i = 0; i < n; i++)
		memcpy(&values[i], (const char *)&f[i] + at, sizeof values[i]);
	qsort(values, n, sizeof *values, ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}
#define MEDIAN(f, n, field) median(f, n, offsetof(struct figures, field))

static void write_json(FILE *json, const struct sim_scenario *s, enum sim_strategy strategy, const struct figures *f,
                       unsigned seeds, bool *first)
{
	const struct { const char *name; double value; } of[] = {
		{"failed_calls", MEDIAN(f, seeds, failed)}, {"setup_p50_ms", MEDIAN(f, seeds, p50)},
		{"setup_p99_ms", MEDIAN(f, seeds, p99)}, {"wait_s", MEDIAN(f, seeds, wait)},
		{"imbalance", MEDIAN(f, seeds, imbalance)}, {"switches_per_min", MEDIAN(f, seeds, switches)},
	};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		fprintf(json, "%s\n  \"sim.%s.%s.%s\": %.3f", *first ? "{" : ",", s->name, sim_strategy_str(strategy), of[i].name,
		        of[i].value);
		*first = false;
	}
}

static int play(const struct sim_scenario *s, enum sim_strategy strategy, unsigned seeds, FILE *json, bool *first)
{
	static struct figures f[SEEDS_MAX];
	struct sim_result r;

	for (unsigned i = 0; i < seeds; i++) {
		int rc = sim_run(s, strategy, i + 1, true, &r);
		if (rc) {
			fprintf(stderr, "tandem-sim: %s: %s\n", s->name, strerror(-rc));
			return 1;
		}
		f[i] = (struct figures){(double)r.failed, r.setup_p50_ms, r.setup_p99_ms, r.wait_mean_s, r.imbalance,
		                        r.switches_per_min, r.avoided};
	}
	printf("%-14s %-12s %9.0f %9.1f %9.1f %8.2f %9.3f %8.2f ", s->name, sim_strategy_str(strategy), MEDIAN(f, seeds, failed),
	       MEDIAN(f, seeds, p50), MEDIAN(f, seeds, p99), MEDIAN(f, seeds, wait), MEDIAN(f, seeds, imbalance),
	       MEDIAN(f, seeds, switches));
	if (MEDIAN(f, seeds, avoided) < 0)
		printf("%8s\n", "-");
	else
		printf("%8.3f\n", MEDIAN(f, seeds, avoided));
	if (json)
		write_json(json, s, strategy, f, seeds, first);
	return 0;
}

static int usage(void)
{
	fputs("usage: tandem-sim [--seeds N (1 to 1000)] [--json FILE] SCENARIO.yaml...\n", stderr);
	return 2;
}

static int play_all(int n, char **paths, unsigned seeds, FILE *json)
{
	static struct sim_scenario s;
	struct err err;
	bool first = true;

	printf("%-14s %-12s %9s %9s %9s %8s %9s %8s %8s\n", "scenario", "strategy", "failed", "p50 ms", "p99 ms", "wait s",
	       "imbalance", "switches", "avoided");
	for (int i = 0; i < n; i++) {
		if (sim_scenario_load(paths[i], &s, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		for (unsigned k = 0; k < SIM_STRATEGIES; k++)
			if (play(&s, (enum sim_strategy)k, seeds, json, &first))
				return 1;
		fflush(stdout);
	}
	if (json)
		fputs(first ? "{}\n" : "\n}\n", json);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"seeds", required_argument, NULL, 'n'}, {"json", required_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}
	};
	unsigned long seeds = 5;
	const char *json_path = NULL;
	char *end = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'n')
			seeds = strtoul(optarg, &end, 10);
		else if (c == 'j')
			json_path = optarg;
		else
			return c == 'h' ? (usage(), 0) : usage();
	}
	if (seeds < 1 || seeds > SEEDS_MAX || (end && *end) || optind == argc)
		return usage();
	FILE *json = json_path ? fopen(json_path, "we") : NULL;
	if (json_path && !json) {
		fprintf(stderr, "tandem-sim: %s: %s\n", json_path, strerror(errno));
		return 1;
	}
	int code = play_all(argc - optind, argv + optind, (unsigned)seeds, json);
	if (json && fclose(json) != 0)
		code = 1;
	return code;
}
