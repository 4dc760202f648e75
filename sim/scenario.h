/* What a simulation plays: nodes, regions, links, traffic and what goes wrong, from a YAML file. One thread. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "policy/policy.h"

#define SIM_NODES_MAX 64
#define SIM_CHANGES_MAX 32
#define SIM_CURVE_MAX 64

struct sim_region {
	char name[POLICY_NAME_LEN];
	double max_calls, max_cps, weight;      /* as a node is configured; 0: no limit */
	double agents;                          /* who take calls, longest wait first; 0: every call at once */
	double setup_cps;                       /* setups a second it can really do, the rest queue up; 0: any number */
	double link_ms, latency_ms, ring_ms;    /* one way; INVITE to first provisional inside; to the answer */
	double talk_s;                          /* mean */
};

/* From `at_s` to `until_s` the region is otherwise; with `flap_s` only every second such span. */
struct sim_change {
	unsigned region;
	double at_s, until_s, flap_s;
	double latency_ms;                      /* 0: as before */
	double fail, fail_ms;                   /* share of INVITEs that get a 503, and how soon */
	double dead;                            /* 1: silence */
};

struct sim_point { double at_s, cps; };         /* of all nodes together; a straight line between points */

struct sim_scenario {
	char name[POLICY_NAME_LEN];
	double nodes, duration_s, attempts, first_response_ms;
	double probe_ms, probe_timeout_ms, rise, fall;
	double figure_s, figure_delay_s, figure_loss;   /* what nodes and regions tell: how often, how late, share lost */
	struct sim_region regions[POLICY_REGIONS_MAX];
	struct sim_change changes[SIM_CHANGES_MAX];
	struct sim_point traffic[SIM_CURVE_MAX];
	unsigned n_regions, n_changes, n_traffic;
};

/* Reads and checks; the first error, "FILE:LINE:COLUMN: what is wrong, and what would be right", goes to `err`.
 * 0 or a negative errno. */
int sim_scenario_load(const char *path, struct sim_scenario *out, struct err *err);

#endif
