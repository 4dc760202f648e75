/* proxy/call, the rules of failover: codes that are final, deadlines of an attempt and of all, the targets of one
 * region before the next, the budget of retries, and Retry-After. */
#include "tests/unit/call_rig.h"

/* ---- where a call goes on, and where not ---- */

static void test_never(void)
{
	struct rig_options o = {.never = 504};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	answer(EAST, m, 504);              /* on has it, never too */
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 504");
	rig_expect_none();
	rig_skip();
	rig_end();
}

/* 100 and no more: on to the next region, and the first is cancelled, for it has said something. */
static void test_attempt_deadline(void)
{
	struct rig_options o = {.attempt_ms = 5000};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	rig_run(1000 - 1);
	rig_skip();
	answer(EAST, m, 100);
	rig_run(4000);
	rig_expect_none();
	rig_run(1);
	rig_expect(EAST, "CANCEL ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, 100);
	answer(WEST, m, 180);
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_run(60000);                    /* rings as long as it likes */
	rig_skip();
	answer(WEST, m, 200);
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_skip();
	rig_end();
}

static void test_total_deadline(void)
{
	struct rig_options o = {.attempt_ms = 5000, .total_ms = 3000};
	rig_begin(&o);
	begin_call(EAST);
	rig_run(2000);                     /* silence */
	rig_skip();
	rig_run(999);
	rig_skip();
	rig_run(1);
	rig_expect(CARRIER, "SIP/2.0 408");
	expect_route(0, 1);
	expect_route(1, 2);
	expect_end(OUTCOME_TIMEOUT, 408, RECORD_FO | RECORD_TO);
	rig_skip();
	rig_end();
}

/* ---- the targets of a region ---- */

/* Silence and 503 are the target's alone: its neighbour first, and once only; then the next region. */
static void test_target_first(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	invite();
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	m = rig_expect(EAST2, "INVITE ");
	answer(EAST2, m, 503);
	rig_expect(EAST2, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	answer(WEST, m, 503);
	rig_expect(WEST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 500");
	CU_ASSERT_EQUAL(rig_stat(STAT_TARGET_RETRIES), 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_FAILOVERS), 1);
	rig_run(40000);
	rig_skip();
	expect_route(0, 1);
	expect_route(0, 2);
	expect_route(1, 3);
	expect_end(OUTCOME_FAILED, 500, RECORD_FO | RECORD_RT);
	rig_end();
}

/* 500 is the region's: its other target would say the same. */
static void test_region_at_once(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	const char *m = begin_call(EAST);
	answer(EAST, m, 500);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_end();
}

/* Of what a call heard nothing, while another target took it, the next calls are spared: until probes have had their time. */
static void test_target_in_doubt(void)
{
	static const char *const goes[] = {EAST2, EAST2, EAST2, EAST2, EAST};
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	begin_call(EAST);
	rig_run(2000);
	rig_skip();
	for (unsigned i = 0; i < 5; i++) {
		char branch[32];
		snprintf(branch, sizeof branch, "%s%u", B, i);
		rig_receive(CARRIER, caller("INVITE", branch, "", CONTACT));
		rig_expect(CARRIER, "SIP/2.0 100");
		answer(goes[i], rig_expect(goes[i], "INVITE "), 486);
		rig_run(i == 2 ? 3000 : 0);
		rig_skip();
	}
	rig_end();
}

/* A neighbour that its probes say is down is no second chance. */
static void test_target_down(void)
{
	struct rig_options o = {.east_targets = 2};
	rig_begin(&o);
	target_set_health(rig_worker->table->regions[0].targets[1], false, "no answer");
	const char *m = begin_call(EAST);
	answer(EAST, m, 503);
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_end();
}

/* Its target is left alone for so long, where there is another region. */
static void test_retry_after(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(EAST, rig_response(m, 503, "east", "Retry-After: 3 (busy)\r\n"));
	rig_expect(EAST, "ACK ");
	rig_expect(WEST, "INVITE ");
	rig_skip();
	rig_run(2900);
	rig_skip();
	rig_receive(CARRIER, caller("INVITE", B "2", "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(WEST, "INVITE ");
	rig_run(200);
	rig_skip();
	rig_receive(CARRIER, caller("INVITE", B "3", "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE ");
	rig_skip();
	rig_end();
}

/* ---- the budget ---- */

static unsigned failed_over(unsigned calls)
{
	char branch[32];
	for (unsigned i = 0; i < calls; i++) {
		snprintf(branch, sizeof branch, "%s%u", B, i);
		rig_receive(CARRIER, caller("INVITE", branch, "", CONTACT));
		rig_expect(CARRIER, "SIP/2.0 100");
		const char *m = rig_expect(EAST, "INVITE ");
		answer(EAST, m, 500);
		rig_expect(EAST, "ACK ");
		rig_skip();
	}
	while (rig_record())
		;
	return (unsigned)rig_stat(STAT_FAILOVERS);
}

/* A region that fails every call: a share of them goes to the other, and what the minimum saved up. */
static void test_budget(void)
{
	struct rig_options o = {.budget = 0.2, .budget_min = 1};
	rig_begin(&o);
	/* 20 at the beginning: they last for 25 calls; then one of five */
	unsigned n = failed_over(100);
	CU_ASSERT(n >= 38 && n <= 41);
	CU_ASSERT_EQUAL(rig_stat(STAT_RETRIES_REFUSED), 100 - rig_stat(STAT_FAILOVERS));
	rig_skip();
	rig_end();
}

static void test_budget_flag(void)
{
	struct rig_options o = {.budget = 0.0001, .budget_min = 0};
	rig_begin(&o);
	rig_worker->retries.begun = true;      /* and nothing in it */
	const char *m = begin_call(EAST);
	answer(EAST, m, 500);
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 500");
	rig_expect_none();
	expect_route(0, 1);
	expect_end(OUTCOME_FAILED, 500, RECORD_RB);
	rig_skip();
	rig_end();
}

UNIT_MAIN("call retry", {"codes that are final", test_never}, {"100 and no more", test_attempt_deadline},
          {"all attempts together", test_total_deadline}, {"another target first", test_target_first}, {"a target in doubt", test_target_in_doubt},
          {"a region's failure", test_region_at_once}, {"no target that is down", test_target_down},
          {"Retry-After", test_retry_after}, {"retry budget", test_budget}, {"retry budget spent", test_budget_flag})
