/* A discrete-event simulation of nodes that send calls to regions. `tandem` strategies run the daemon's own code:
 * region.h for what a node knows, policy_decide() for the choice. The alternatives beside them choose among the
 * same regions by the same probes. The same scenario, strategy and seed give the same result. One thread. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sim/scenario.h"

enum sim_strategy {
	SIM_ADAPTIVE, SIM_WEIGHTED, SIM_LATENCY, SIM_LOAD,   /* tandem's */
	SIM_ROUND_ROBIN, SIM_LEAST_CALLS, SIM_TWO_CHOICES, SIM_PEAK_EWMA, SIM_KAMAILIO_10, SIM_KAMAILIO_13,
	SIM_STRATEGIES
};

struct sim_result {
	uint64_t calls, failed, failed_over, waited;
	double setup_p50_ms, setup_p99_ms;     /* arrival to answer begins to ring, calls that got through */
	double wait_mean_s;                    /* for an agent, over calls that got one */
	double imbalance;                      /* largest |share / share by weight - 1| of a region */
	double switches_per_min;               /* another region has at least 60 % of a 5 s window's calls */
	double avoided;                        /* calls in 2 s after the first slow answers until the first change's
	                                          end that went elsewhere first; -1: no change */
	uint64_t chosen[POLICY_REGIONS_MAX];   /* first attempts */
};

const char *sim_strategy_str(enum sim_strategy strategy);
/* `progress` writes to stderr every two seconds. 0 or -ENOMEM, or -EINVAL: the policy cannot be built. */
int sim_run(const struct sim_scenario *scenario, enum sim_strategy strategy, uint64_t seed, bool progress,
            struct sim_result *out);

#endif
