/* The gate with a host and peers that are only noted down: what it does, and in which order. */
#include "anycast/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

/* A host with one prefix, and what was done to it as letters: + address added, - removed, A announce, D
 * degrade, X drain, W withdraw. */
static struct world {
	struct anycast_config config;
	struct policy_route_facts facts;
	bool present, ours, may_add, others;
	const struct prefix *silent;
	char done[64];
	struct gate *gate;
} w;

static void note(char c)
{
	size_t len = strlen(w.done);

	if (len + 1 < sizeof w.done)
		w.done[len] = c;
}

static void facts(void *arg, const struct prefix *prefix, struct policy_route_facts *out)
{
	*out = w.facts;
	out->probed = true;          /* OPTIONS: answered at the listeners of all prefixes but, perhaps, one */
	out->workers_answering = w.silent && prefix_equal(prefix, w.silent) ? 0 : out->workers;
}
static void refresh(void *arg) {}
static void route(void *arg, unsigned i, enum policy_route_action action) { note("WXDA"[action]); }

static bool others(void *arg, unsigned i) { return w.others; }

static bool present(void *arg, unsigned i, bool *ours)
{
	*ours = w.ours;
	return w.present;
}

static int add(void *arg, unsigned i, struct err *err)
{
	if (!w.may_add)
		return err_set(err, EPERM, "not allowed");
	note('+');
	w.present = w.ours = true;
	return 0;
}

static int take_off(void *arg, unsigned i, struct err *err)
{
	note('-');
	w.present = w.ours = false;
	return 0;
}

static const struct gate_ops ops = {
	.refresh = refresh, .present = present, .add = add, .remove = take_off, .route = route, .others = others};

static void begin(bool manage)
{
	clock_test_set(CLOCK_SEC, CLOCK_SEC);
	log_set_level(LL_ERROR);
	w = (struct world){
		.config = {.n_prefixes = 1, .gate = {.rise = 3, .fall = 2, .min_regions = 1}, .gate_interval_ms = 1000},
		.facts = {.workers = 2, .workers_alive = 2, .regions = 2, .regions_reachable = 2}, .may_add = true,
	};
	prefix_parse(&w.config.prefixes[0].prefix, "203.0.113.10/32");
	w.config.prefixes[0].manage_address = manage;
	w.gate = gate_new(&w.config, facts, NULL, &ops, NULL);
}

static void end(void)
{
	gate_free(w.gate);
}

/* `n` checks a second apart; then what was done since the last time. */
static const char *checks(int n)
{
	static char done[sizeof w.done];

	while (n-- > 0) {
		clock_test_advance(CLOCK_SEC);
		gate_check(w.gate);
	}
	memcpy(done, w.done, sizeof done);
	memset(w.done, 0, sizeof w.done);
	return done;
}

static struct anycast_prefix_status status(void)
{
	static struct anycast_status s;

	gate_status(w.gate, &s);
	return s.prefixes[0];
}

static void test_address_then_route(void)
{
	begin(true);
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_STARTING));
	w.facts.workers_alive = 0;
	CU_ASSERT_STRING_EQUAL(checks(5), "");
	w.facts.workers_alive = 2;
	CU_ASSERT_STRING_EQUAL(checks(1), "+");
	CU_ASSERT_EQUAL(status().action, POLICY_ROUTE_WITHDRAW);
	CU_ASSERT_TRUE(status().address_present);
	CU_ASSERT_STRING_EQUAL(checks(1), "");
	CU_ASSERT_STRING_EQUAL(checks(1), "A");
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_OK));
	CU_ASSERT_EQUAL(status().since_wall_us, clock_wall_us());
	CU_ASSERT_STRING_EQUAL(checks(100), "");
	end();
}

static void test_fault_route_then_address(void)
{
	begin(true);
	CU_ASSERT_STRING_EQUAL(checks(3), "+A");
	w.facts.regions_reachable = 0;
	CU_ASSERT_STRING_EQUAL(checks(1), "");          /* one bad check moves nothing */
	CU_ASSERT_STRING_EQUAL(checks(1), "W");
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_NO_REGION));
	CU_ASSERT_STRING_EQUAL(checks(2), "");          /* seen unwanted; lingers */
	CU_ASSERT_STRING_EQUAL(checks(1), "-");
	CU_ASSERT_STRING_EQUAL(checks(10), "");
	w.facts.regions_reachable = 1;
	CU_ASSERT_STRING_EQUAL(checks(3), "+A");
	end();
}

static void test_short_fault_keeps_address(void)
{
	begin(true);
	checks(3);
	for (int i = 0; i < 10; i++) {                   /* withdrawn, and back within the linger */
		w.facts.workers_alive = 0;
		CU_ASSERT_STRING_EQUAL(checks(2), "W");
		w.facts.workers_alive = 2;
		CU_ASSERT_STRING_EQUAL(checks(3), "A");
	}
	end();
}

static void test_orders_move_the_route_alone(void)
{
	begin(true);
	checks(3);
	gate_order(w.gate, 0, POLICY_ORDER_WITHDRAW, "alice");
	CU_ASSERT_STRING_EQUAL(checks(0), "W");          /* at once */
	CU_ASSERT_EQUAL(status().order, POLICY_ORDER_WITHDRAW);
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_OPERATOR));
	CU_ASSERT_STRING_EQUAL(checks(10), "");          /* the address stays */
	gate_order(w.gate, 0, POLICY_ORDER_WITHDRAW, "bob");
	CU_ASSERT_STRING_EQUAL(checks(0), "");           /* nothing new */
	gate_order(w.gate, 0, POLICY_ORDER_AUTO, "alice");
	CU_ASSERT_STRING_EQUAL(checks(0), "A");          /* was fit all along */
	w.facts.draining = true;
	CU_ASSERT_STRING_EQUAL(checks(1), "X");
	CU_ASSERT_STRING_EQUAL(checks(10), "");
	w.facts.drained = true;
	CU_ASSERT_STRING_EQUAL(checks(1), "W");
	CU_ASSERT_STRING_EQUAL(checks(10), "");
	w.facts.draining = w.facts.drained = false;
	CU_ASSERT_STRING_EQUAL(checks(1), "A");
	end();
}

static void test_stop(void)
{
	begin(true);
	checks(3);
	gate_stop(w.gate);
	CU_ASSERT_STRING_EQUAL(checks(0), "W");
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_STOPPING));
	CU_ASSERT_STRING_EQUAL(checks(10), "");          /* checks have no say any more */
	gate_order(w.gate, 0, POLICY_ORDER_AUTO, "alice");
	CU_ASSERT_STRING_EQUAL(checks(0), "");
	gate_release(w.gate);
	CU_ASSERT_STRING_EQUAL(checks(0), "-");
	CU_ASSERT_FALSE(status().address_present);
	end();
}

static void test_not_managed(void)
{
	begin(false);
	CU_ASSERT_STRING_EQUAL(checks(5), "");
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_NO_ADDRESS));
	w.present = true;                                /* somebody puts it there */
	CU_ASSERT_STRING_EQUAL(checks(3), "A");
	w.present = false;
	CU_ASSERT_STRING_EQUAL(checks(2), "W");
	w.present = true;
	CU_ASSERT_STRING_EQUAL(checks(3), "A");
	gate_stop(w.gate);
	gate_release(w.gate);
	CU_ASSERT_STRING_EQUAL(checks(0), "W");
	CU_ASSERT_TRUE(w.present);
	end();
}

static void test_foreign_address(void)
{
	begin(true);
	w.present = true;                                /* there already, not ours */
	CU_ASSERT_STRING_EQUAL(checks(3), "A");
	w.facts.workers_alive = 0;
	CU_ASSERT_STRING_EQUAL(checks(10), "W");
	gate_stop(w.gate);
	gate_release(w.gate);
	CU_ASSERT_STRING_EQUAL(checks(0), "");
	CU_ASSERT_TRUE(w.present);
	end();
}

static void test_left_by_a_crash(void)
{
	begin(true);
	w.present = w.ours = true;
	w.facts.workers_alive = 0;
	CU_ASSERT_STRING_EQUAL(checks(4), "-");          /* not wanted: cleaned up */
	end();
	begin(true);
	w.present = w.ours = true;
	CU_ASSERT_STRING_EQUAL(checks(3), "A");          /* wanted: adopted */
	gate_stop(w.gate);
	gate_release(w.gate);
	CU_ASSERT_STRING_EQUAL(checks(0), "W-");
	end();
}

static void test_somebody_takes_it_off(void)
{
	begin(true);
	checks(3);
	w.present = w.ours = false;
	CU_ASSERT_STRING_EQUAL(checks(1), "+");          /* back before a check could count it as a fault */
	CU_ASSERT_EQUAL(status().action, POLICY_ROUTE_ANNOUNCE);
	end();
}

static void test_no_privilege(void)
{
	begin(true);
	log_set_sink(NULL, NULL);
	w.may_add = false;
	CU_ASSERT_STRING_EQUAL(checks(5), "");
	CU_ASSERT_STRING_EQUAL(status().reason, policy_route_reason_str(POLICY_ROUTE_NO_ADDRESS));
	w.may_add = true;
	CU_ASSERT_STRING_EQUAL(checks(3), "+A");
	w.present = w.ours = w.may_add = false;          /* lost while announced: withdrawn after gate.fall */
	CU_ASSERT_STRING_EQUAL(checks(2), "W");
	end();
}

/* Where nobody answers at the listener of one prefix, that prefix goes, and no other. */
static void test_one_silent_listener(void)
{
	struct anycast_status s;

	begin(false);
	w.present = true;
	w.config.n_prefixes = 2;
	prefix_parse(&w.config.prefixes[1].prefix, "203.0.113.20/32");
	CU_ASSERT_STRING_EQUAL(checks(5), "AA");
	w.silent = &w.config.prefixes[1].prefix;
	CU_ASSERT_STRING_EQUAL(checks(5), "W");
	gate_status(w.gate, &s);
	CU_ASSERT_EQUAL(s.prefixes[0].action, POLICY_ROUTE_ANNOUNCE);
	CU_ASSERT_EQUAL(s.prefixes[1].action, POLICY_ROUTE_WITHDRAW);
	end();
}

UNIT_MAIN("gate", {"one listener is silent", test_one_silent_listener}, {"address first, then route", test_address_then_route},
          {"a fault: route first, then address", test_fault_route_then_address},
          {"a short fault keeps the address", test_short_fault_keeps_address},
          {"orders and drains move the route alone", test_orders_move_the_route_alone}, {"stop", test_stop},
          {"an address that is not managed", test_not_managed}, {"an address of somebody else", test_foreign_address},
          {"an address left by a crash", test_left_by_a_crash}, {"somebody takes it off", test_somebody_takes_it_off},
          {"no privilege", test_no_privilege})
