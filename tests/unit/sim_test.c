/* The simulator and, through it, properties of the policy: over few seeds here, over many in tests/bench/policy. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define SEEDS 3

static struct sim_scenario s;

static void load(const char *name)
{
	char path[512];
	struct err err;

	snprintf(path, sizeof path, SCENARIOS "/%s.yaml", name);
	CU_ASSERT_EQUAL_FATAL(sim_scenario_load(path, &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(s.name, name);
}

static void test_same_seed(void)
{
	struct sim_result a, b, c;

	load("flapping");
	CU_ASSERT_EQUAL(sim_run(&s, SIM_ADAPTIVE, 1, false, &a), 0);
	CU_ASSERT_EQUAL(sim_run(&s, SIM_ADAPTIVE, 1, false, &b), 0);
	CU_ASSERT_EQUAL(sim_run(&s, SIM_ADAPTIVE, 2, false, &c), 0);
	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof a), 0);
	CU_ASSERT_NOT_EQUAL(a.calls, c.calls);
	CU_ASSERT(a.calls > 10000);
}

static void test_steady(void)
{
	static const char *const names[] = {"steady", "herding"};
	struct sim_result r;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned seed = 1; seed <= SEEDS; seed++) {
			load(names[i]);
			CU_ASSERT_EQUAL(sim_run(&s, SIM_ADAPTIVE, seed, false, &r), 0);
			CU_ASSERT_EQUAL(r.failed, 0);
			CU_ASSERT(r.imbalance <= 0.05);
			CU_ASSERT(r.switches_per_min <= 2);
		}
}

static void test_avoids(void)
{
	static const char *const names[] = {"brownout", "dead", "failing-fast"};
	struct sim_result r;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned seed = 1; seed <= SEEDS; seed++) {
			load(names[i]);
			CU_ASSERT_EQUAL(sim_run(&s, SIM_ADAPTIVE, seed, false, &r), 0);
			CU_ASSERT_EQUAL(r.failed, 0);
			CU_ASSERT(r.avoided >= 0.95);
		}
}

/* What is dead with nobody to take over fails every call: the model does lose calls. */
static void test_nobody_left(void)
{
	struct sim_result r;

	load("dead");
	s.n_regions = 1;
	for (unsigned k = 0; k < SIM_STRATEGIES; k++) {
		CU_ASSERT_EQUAL(sim_run(&s, (enum sim_strategy)k, 1, false, &r), 0);
		CU_ASSERT(r.failed > 5000 && r.failed < 7500);
	}
}

static void test_bad_files(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{"", ":1:1: the file is empty"},
		{"duration_s: x\n", ":1:13: duration_s must be a number from 1 to 86400"},
		{"duration_s: nan\n", ":1:13: duration_s must be a number from 1 to 86400"},
		{"duration_s: 5\nspeed: 3\n", ":2:1: unknown key \"speed\""},
		{"duration_s: 5\nduration_s: 6\n", ":2:1: duration_s is said twice"},
		{"nodes: 2\n", ":1:1: duration_s is missing"},
		{"duration_s: 5\nregions: []\n", ":2:10: a list with at least one element is wanted here"},
		{"duration_s: 5\nregions:\n- {name: a, latency_ms: 5}\n", ":3:3: talk_s is missing"},
		{"regions: [{name: a, latency_ms: 5, talk_s: 1}]\nchanges: [{region: b, at_s: 1, until_s: 2}]\n",
		 ":2:20: no region of this name above"},
		{"duration_s: 5\nregions: [{name: a, latency_ms: 5, talk_s: 1}]\n", ":1:1: traffic is missing"},
		{"traffic: [{at_s: 5, cps: 1}, {at_s: 5, cps: 1}]\n", ":1:30: at_s must be after that of the point before"},
	};
	char path[] = "/tmp/sim_test.XXXXXX", want[256];
	int fd = mkstemp(path);
	struct err err;

	CU_ASSERT_FATAL(fd >= 0);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
		CU_ASSERT_EQUAL(pwrite(fd, cases[i].text, strlen(cases[i].text), 0), (ssize_t)strlen(cases[i].text));
		snprintf(want, sizeof want, "%s%s", path, cases[i].want);
		CU_ASSERT(sim_scenario_load(path, &s, &err) < 0);
		CU_ASSERT_STRING_EQUAL(err.text, want);
	}
	close(fd);
	unlink(path);
}

UNIT_MAIN("sim",
          {"the same seed, the same result", test_same_seed},
          {"steady load: shares by weight, no switching, with herding nodes too", test_steady},
          {"a slow, a dead and a failing region are left alone", test_avoids},
          {"calls fail where nobody is left", test_nobody_left},
          {"what is wrong with a scenario file is said with its place", test_bad_files})
