/* policy/strategy.c: what each strategy other than the adaptive one makes of facts that are written out, and how
 * a region that is back and figures that are old count in several of them. */
#include "tests/unit/policy_rig.h"

/* ---- each of the others ---- */

static void test_priority(void)
{
	build_of(3, POLICY_PRIORITY);
	facts[0].latency_us = 900000;
	facts[1].setups = 5000;
	for (uint64_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(decide(i), 0);
		CU_ASSERT_EQUAL(memcmp(plan.order, (uint8_t[]){0, 1, 2}, 3), 0);
		CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_PRIORITY);
	}
	done();
}

static void test_latency(void)
{
	build_of(3, POLICY_LATENCY);
	facts[0].latency_us = 52000;
	facts[1].latency_us = 51000;
	facts[1].setups = 500;
	facts[2].latency_us = 53000;
	CU_ASSERT_EQUAL(firsts(1), 1000);
	CU_ASSERT_EQUAL(memcmp(plan.order, (uint8_t[]){1, 0, 2}, 3), 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LATENCY);
	/* A tie favours nobody. */
	facts[0].latency_us = 51000;
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	done();
}

static void test_by_load(void)
{
	fixture_init(&fix, 3, POLICY_LOAD);
	fix.regions[0].max_calls = 1000;
	fix.regions[1].max_calls = 100;
	build();
	facts[0].calls = 200;
	facts[1].calls = 30;
	facts[2].setups = 25;
	facts[2].latency_us = 1000;
	CU_ASSERT_EQUAL(firsts(0), 1000);
	CU_ASSERT_EQUAL(memcmp(plan.order, (uint8_t[]){0, 2, 1}, 3), 0);
	CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_LOAD);
	facts[0].calls = 250;
	unsigned n = firsts(0);
	CU_ASSERT_TRUE(n > 450 && n < 550);
	done();
}

static void test_sticky(void)
{
	static const char *const nobody[] = {"", "anonymous", "Restricted"};
	unsigned moved = 0, per_region[3] = {0};
	char from[32];

	build_of(3, POLICY_STICKY);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(from, sizeof(from), "+1202555%04u", i);
		facts_ease();
		unsigned first = first_for(from, i), second = plan.order[1];

		per_region[first]++;
		CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_STICKY);
		/* The same whatever chance, latency and load say. */
		facts[first].latency_us = 900000;
		facts[first].setups = 70;
		CU_ASSERT_EQUAL(first_for(from, ~(uint64_t)i), first);
		/* Its region gone, a caller goes to the next; others stay where they are. */
		facts[0].healthy = false;
		unsigned now = first_for(from, i);
		CU_ASSERT_EQUAL(now, first == 0 ? second : first);
		moved += now != first;
	}
	CU_ASSERT_EQUAL(moved, per_region[0]);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_TRUE(per_region[i] > 900 && per_region[i] < 1100);
	/* Callers without a number are not all the same caller. */
	facts_ease();
	for (unsigned i = 0; i < 3; i++) {
		unsigned n = 0;

		for (uint64_t j = 0; j < 1000; j++)
			n += first_for(nobody[i], j) == 0;
		CU_ASSERT_TRUE(n > 280 && n < 390);
		CU_ASSERT_EQUAL(plan.because, POLICY_BECAUSE_WEIGHT);
	}
	done();
}

/* A dead region's share goes to all the others alike, not to the one that stands next to it; and theirs stays theirs (but
 * with adaptive, where a call's place is drawn anew). */
static void check_dead_share(enum policy_strategy strategy, unsigned dead)
{
	unsigned gained[5] = {0}, has[5] = {0}, lost = 0, moved = 0;
	char from[32];

	build_of(5, strategy);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t chance = (uint64_t)i * 0x9e3779b97f4a7c15u;

		snprintf(from, sizeof(from), "+1202%07u", i * 37);
		facts_ease();
		unsigned before = first_for(from, chance);
		facts[dead].healthy = false;
		unsigned now = first_for(from, chance);
		lost += before == dead;
		has[now]++;
		gained[now] += before == dead;
		moved += before != dead && now != before;
	}
	CU_ASSERT_TRUE(lost > 1800 && lost < 2200);
	CU_ASSERT_EQUAL(gained[dead], 0);
	for (unsigned i = 0; i < 5; i++) {
		if (i == dead)
			continue;
		CU_ASSERT_DOUBLE_EQUAL(has[i], 2500, 150);
		if (strategy != POLICY_ADAPTIVE)
			CU_ASSERT_DOUBLE_EQUAL(gained[i], lost / 4.0, lost / 4.0 * 0.2);
	}
	CU_ASSERT(strategy == POLICY_ADAPTIVE || moved == 0);
}

static void test_dead_share(void)
{
	for (unsigned dead = 0; dead < 5; dead++) {
		check_dead_share(POLICY_WEIGHTED, dead);
		check_dead_share(POLICY_STICKY, dead);
		check_dead_share(POLICY_ADAPTIVE, dead);
	}
	done();
}

/* A region's place does not depend on its index: a new one in front moves only what it gets itself. */
static void test_sticky_by_name(void)
{
	unsigned moved = 0, gained = 0;
	uint8_t before[1000];
	char from[32];

	build_of(4, POLICY_STICKY);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(from, sizeof(from), "+1202555%04u", i);
		before[i] = (uint8_t)first_for(from, 0);
	}
	fixture_init(&fix, 5, POLICY_STICKY);
	for (unsigned i = 0; i < 5; i++)
		snprintf(fix.regions[i].name, POLICY_NAME_LEN, "r%u", i == 0 ? 4 : i - 1);
	build();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(from, sizeof(from), "+1202555%04u", i);
		unsigned now = first_for(from, 0);

		gained += now == 0;
		moved += now != before[i] + 1U;
	}
	CU_ASSERT_EQUAL(moved, gained);
	CU_ASSERT_TRUE(gained > 150 && gained < 250);
	done();
}

/* ---- several alike ---- */

/* Back a moment ago: a tenth of its share, whatever the strategy; all alone it takes every call. */
static void test_slow_start(void)
{
	for (int s = POLICY_ADAPTIVE; s <= POLICY_LOAD; s++) {
		build_of(2, (enum policy_strategy)s);
		facts[0].latency_us = 20000;
		facts[1].calls = 100;
		facts[1].outside_load = 0.5F;
		facts[0].held = 0;
		unsigned usual = firsts(0);
		facts[0].held = 0.9F;
		unsigned held = firsts(0);
		CU_ASSERT_TRUE(usual > 450);
		CU_ASSERT_TRUE(held > usual / 20 && held < usual / 4);
		facts[1].healthy = false;
		CU_ASSERT_EQUAL(firsts(0), 1000);
		facts[1].healthy = true;
		facts[1].held = 0.9F;
		CU_ASSERT_TRUE(firsts(0) > 300);
	}
	unsigned usual = 0, held = 0, moved = 0;
	build_of(2, POLICY_STICKY);
	for (unsigned i = 0; i < 1000; i++) {
		char from[32];
		snprintf(from, sizeof(from), "+1202555%04u", i);
		facts[0].held = 0;
		unsigned before = (unsigned)first_for(from, 0);
		facts[0].held = 0.9F;
		unsigned after = (unsigned)first_for(from, 0);
		usual += before == 0;
		held += after == 0;
		moved += before == 1 && after == 0;
	}
	CU_ASSERT_EQUAL(moved, 0);
	CU_ASSERT_TRUE(held > 0 && held < usual / 4);
	done();
}

/* What a figure says lessens with its age; a region that it kept away is then looked at by a few calls. */
static void test_old_figures(void)
{
	unsigned before = 0, last = 0;
	build_of(2, POLICY_LATENCY);
	facts[1].latency_us = 500000;
	CU_ASSERT_EQUAL(decide(1), 0);
	float score = plan.candidates[1].score;
	for (uint32_t age = 5500; age <= 30000; age += 500) {
		facts[1].latency_age_ms = age;
		CU_ASSERT_EQUAL(decide(1), 0);
		CU_ASSERT_TRUE(plan.candidates[1].score < score);
		CU_ASSERT_TRUE(score - plan.candidates[1].score < 15);
		score = plan.candidates[1].score;
	}
	CU_ASSERT_DOUBLE_EQUAL(score, 50, 0.01);
	build_of(2, POLICY_ADAPTIVE);
	facts[1].latency_us = 500000;
	for (uint32_t age = 0; age <= 40000; age += 1000) {
		facts[1].latency_age_ms = age;
		before = last;
		last = firsts(1);
		CU_ASSERT_TRUE(last >= before);
	}
	CU_ASSERT_TRUE(last > 50 && last < 150);
	/* One that was as good as the other before it grew old keeps its share. */
	facts[1].latency_us = 52000;
	last = firsts(1);
	CU_ASSERT_TRUE(last > 450 && last < 550);
	done();
}

UNIT_MAIN("policy_strategy", {"priority", test_priority}, {"latency", test_latency}, {"load strategy", test_by_load},
          {"sticky", test_sticky}, {"a dead region's share", test_dead_share}, {"sticky by name", test_sticky_by_name}, {"slow start", test_slow_start},
          {"old figures", test_old_figures})
