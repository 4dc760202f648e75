/* policy/names.c: every value has its word, words parse back, and what is no value does not crash. */
#include "policy/policy.h"

#include <string.h>

#include "policy/route.h"
#include "tests/unit/unit.h"

static void test_admin(void)
{
	static const char *const words[] = {"ready", "drain", "maint"};
	enum policy_admin out = POLICY_DRAIN;

	for (int i = POLICY_READY; i <= POLICY_MAINT; i++) {
		CU_ASSERT_STRING_EQUAL(policy_admin_str((enum policy_admin)i), words[i]);
		CU_ASSERT_TRUE(policy_admin_parse(words[i], &out));
		CU_ASSERT_EQUAL((int)out, i);
	}
	out = POLICY_DRAIN;
	CU_ASSERT_FALSE(policy_admin_parse("", &out));
	CU_ASSERT_FALSE(policy_admin_parse("Ready", &out));
	CU_ASSERT_FALSE(policy_admin_parse("maintenance", &out));
	CU_ASSERT_EQUAL((int)out, POLICY_DRAIN);
	CU_ASSERT_STRING_EQUAL(policy_admin_str((enum policy_admin)3), "unknown");
}

static void test_strategy(void)
{
	static const char *const words[] = {"adaptive", "weighted", "priority", "latency", "load", "sticky"};
	enum policy_strategy out = POLICY_LOAD;

	for (int i = POLICY_ADAPTIVE; i <= POLICY_STICKY; i++) {
		CU_ASSERT_STRING_EQUAL(policy_strategy_str((enum policy_strategy)i), words[i]);
		CU_ASSERT_TRUE(policy_strategy_parse(words[i], &out));
		CU_ASSERT_EQUAL((int)out, i);
	}
	out = POLICY_LOAD;
	CU_ASSERT_FALSE(policy_strategy_parse("random", &out));
	CU_ASSERT_FALSE(policy_strategy_parse("stick", &out));
	CU_ASSERT_EQUAL((int)out, POLICY_LOAD);
	CU_ASSERT_STRING_EQUAL(policy_strategy_str((enum policy_strategy)99), "unknown");
}

static void test_reason(void)
{
	static const char *const words[] = {"ok", "no_sips_target", "draining", "maintenance", "unhealthy", "ejected", "max_calls", "max_cps",
	                                    "weight_zero"};

	for (int i = POLICY_OK; i <= POLICY_NO_WEIGHT; i++)
		CU_ASSERT_STRING_EQUAL(policy_reason_str((enum policy_reason)i), words[i]);
	CU_ASSERT_STRING_EQUAL(policy_reason_str((enum policy_reason)(POLICY_NO_WEIGHT + 1)), "unknown");
}

static void test_because(void)
{
	static const char *const words[] = {
		"no region eligible", "only eligible region", "lowest cost: latency, setups, load",
		"within tolerance, by free capacity", "only cold region", "all hot, lowest cost", "by weight",
		"first in order", "least loaded", "caller's usual region", "panic: health ignored",
		"refused by rule",
	};

	for (int i = POLICY_BECAUSE_NONE; i <= POLICY_BECAUSE_REFUSED; i++)
		CU_ASSERT_STRING_EQUAL(policy_because_str((enum policy_because)i), words[i]);
	CU_ASSERT_STRING_EQUAL(policy_because_str((enum policy_because)(POLICY_BECAUSE_REFUSED + 1)), "unknown");
}

static void test_route(void)
{
	static const char *const actions[] = {"withdraw", "drain", "degrade", "announce"};
	static const char *const reasons[] = {
		"ready", "starting: fewer good checks than gate.rise", "no SIP worker answers its heartbeat",
		"fewer regions reachable than gate.min_regions", "the anycast address is not on this host",
		"withdrawn by the operator", "draining", "stopping", "no SIP worker answers OPTIONS at the anycast address",
		"some SIP workers do not answer", "overloaded",
		"fewer regions reachable than gate.min_regions, kept: no other node announces it",
		"fit again, held back until gate.hold is over", "announced by the operator",
		"answers of the regions come here", "for answers to another node, should it be dead",
	};

	for (int i = POLICY_ROUTE_WITHDRAW; i <= POLICY_ROUTE_ANNOUNCE; i++)
		CU_ASSERT_STRING_EQUAL(policy_route_action_str((enum policy_route_action)i), actions[i]);
	for (int i = POLICY_ROUTE_OK; i < POLICY_ROUTE_REASONS; i++)
		CU_ASSERT_STRING_EQUAL(policy_route_reason_str((enum policy_route_reason)i), reasons[i]);
	CU_ASSERT_STRING_EQUAL(policy_route_action_str((enum policy_route_action)4), "unknown");
	CU_ASSERT_STRING_EQUAL(policy_route_reason_str(POLICY_ROUTE_REASONS), "unknown");
	CU_ASSERT_STRING_EQUAL(policy_route_order_str(POLICY_ORDER_ANNOUNCE), "announce");
	CU_ASSERT_STRING_EQUAL(policy_route_order_str((enum policy_route_order)3), "unknown");
}

UNIT_MAIN("policy_names", {"admin states", test_admin}, {"strategies", test_strategy},
          {"reasons", test_reason}, {"becauses", test_because}, {"routes", test_route})
