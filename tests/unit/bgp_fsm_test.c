/* The state machine, every state and event: next states as RFC 4271 section 8.2.2 names them, and
 * what has to be done with each kind of change. */
#include "anycast/bgp_fsm.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Next states, by event in the order of the enum: I C A S(OpenSent) O(penConfirm) E. */
static const char *const next_states[BGP_STATES] = {
	/* 2 3 5 8 9 10 11 13 16/17 18 19 21 22 23 24 25 26 27 28 29 refresh */
	[BGP_IDLE] = "ICAIIIICIIIIIIIIIIIII",
	[BGP_CONNECT] = "ICCICIIISIIIIIIIIIIII",
	[BGP_ACTIVE] = "IAAICIIISIIIIIIIIIIII",
	[BGP_OPENSENT] = "ISSIIIIISAOIIIIIIIIII",
	[BGP_OPENCONFIRM] = "IOOIIIOIOIIIIIIIEIIII",
	[BGP_ESTABLISHED] = "IEEIIIEIEIIIIIIIEEIIE",
};

static void test_next_states(void)
{
	static const char letters[] = "ICASOE";

	for (int s = 0; s < BGP_STATES; s++) {
		CU_ASSERT_EQUAL_FATAL(strlen(next_states[s]), BGP_EVENTS);
		for (int e = 0; e < BGP_EVENTS; e++) {
			char got = letters[bgp_fsm(s, e).next];

			if (got != next_states[s][e])
				printf("\n%s on %s: %c, not %c ", bgp_state_str(s), bgp_event_str(e), got,
				       next_states[s][e]);
			CU_ASSERT_EQUAL(got, next_states[s][e]);
		}
	}
}

static bool notifies(uint32_t actions)
{
	return actions & (BGP_ACT_NOTIFY_EVENT | BGP_ACT_NOTIFY_HOLD | BGP_ACT_NOTIFY_FSM);
}

static void test_every_way_down(void)
{
	for (int s = BGP_CONNECT; s < BGP_STATES; s++) {
		for (int e = 0; e < BGP_EVENTS; e++) {
			struct bgp_transition t = bgp_fsm(s, e);

			if (t.next != BGP_IDLE)
				continue;
			CU_ASSERT(t.actions & BGP_ACT_CLOSE);
			CU_ASSERT(t.actions & BGP_ACT_STOP_RETRY);
			if (e == BGP_EV_MANUAL_STOP) {  /* stays down */
				CU_ASSERT(t.actions & BGP_ACT_ZERO_COUNTER);
				CU_ASSERT_FALSE(t.actions & BGP_ACT_IDLE_HOLD);
			} else {                        /* comes back, later each time */
				CU_ASSERT(t.actions & BGP_ACT_COUNT);
				CU_ASSERT(t.actions & BGP_ACT_IDLE_HOLD);
			}
		}
	}
}

static void test_notifications(void)
{
	for (int s = 0; s < BGP_STATES; s++) {
		for (int e = 0; e < BGP_EVENTS; e++) {
			struct bgp_transition t = bgp_fsm(s, e);

			if (s < BGP_OPENSENT)                    /* nothing before our OPEN */
				CU_ASSERT_FALSE(notifies(t.actions));
			if (t.next != BGP_IDLE)                  /* it ends a connection, always */
				CU_ASSERT_FALSE(notifies(t.actions));
			if (e == BGP_EV_NOTIF || e == BGP_EV_NOTIF_VERSION || e == BGP_EV_TCP_FAILS ||
			    e == BGP_EV_SEND_HOLD_EXPIRES)       /* nobody to tell, or told already */
				CU_ASSERT_FALSE(notifies(t.actions));
			CU_ASSERT_EQUAL(!!(t.actions & BGP_ACT_NOTIFY_HOLD),
					s >= BGP_OPENSENT && e == BGP_EV_HOLD_EXPIRES);
			if (s >= BGP_OPENSENT && (e == BGP_EV_MANUAL_STOP || e == BGP_EV_AUTOMATIC_STOP ||
			                          e == BGP_EV_HEADER_ERR || e == BGP_EV_COLLISION_DUMP))
				CU_ASSERT(t.actions & BGP_ACT_NOTIFY_EVENT);
		}
	}
	CU_ASSERT(bgp_fsm(BGP_OPENSENT, BGP_EV_UPDATE).actions & BGP_ACT_NOTIFY_FSM);
	CU_ASSERT(bgp_fsm(BGP_OPENSENT, BGP_EV_OPEN_ERR).actions & BGP_ACT_NOTIFY_EVENT);
	CU_ASSERT(bgp_fsm(BGP_ESTABLISHED, BGP_EV_UPDATE_ERR).actions & BGP_ACT_NOTIFY_EVENT);
	CU_ASSERT(bgp_fsm(BGP_ESTABLISHED, BGP_EV_OPEN).actions & BGP_ACT_NOTIFY_FSM);
}

static void test_the_way_up(void)
{
	struct bgp_transition t = bgp_fsm(BGP_IDLE, BGP_EV_AUTOMATIC_START);

	CU_ASSERT_EQUAL(t.actions, BGP_ACT_ZERO_COUNTER | BGP_ACT_START_RETRY | BGP_ACT_CONNECT);
	t = bgp_fsm(t.next, BGP_EV_TCP_CONNECTED);
	CU_ASSERT_EQUAL(t.actions, BGP_ACT_STOP_RETRY | BGP_ACT_SEND_OPEN | BGP_ACT_HOLD_LARGE);
	t = bgp_fsm(t.next, BGP_EV_OPEN);
	CU_ASSERT_EQUAL(t.actions,
			BGP_ACT_STOP_RETRY | BGP_ACT_SEND_KEEPALIVE | BGP_ACT_START_KEEPALIVE | BGP_ACT_START_HOLD);
	t = bgp_fsm(t.next, BGP_EV_KEEPALIVE);
	CU_ASSERT_EQUAL(t.next, BGP_ESTABLISHED);
	CU_ASSERT_EQUAL(t.actions, BGP_ACT_START_HOLD | BGP_ACT_UP);
	CU_ASSERT_EQUAL(bgp_fsm(t.next, BGP_EV_KEEPALIVE_EXPIRES).actions,
			BGP_ACT_SEND_KEEPALIVE | BGP_ACT_START_KEEPALIVE);
	CU_ASSERT(bgp_fsm(t.next, BGP_EV_UPDATE).actions & BGP_ACT_START_HOLD);
	CU_ASSERT_EQUAL(bgp_fsm(BGP_IDLE, BGP_EV_IDLE_HOLD_EXPIRES).actions, BGP_ACT_START_RETRY | BGP_ACT_CONNECT);
}

static void test_up_only_once(void)
{
	for (int s = 0; s < BGP_STATES; s++) {
		for (int e = 0; e < BGP_EVENTS; e++) {
			struct bgp_transition t = bgp_fsm(s, e);

			CU_ASSERT_EQUAL(!!(t.actions & BGP_ACT_UP), s != BGP_ESTABLISHED && t.next == BGP_ESTABLISHED);
			CU_ASSERT_EQUAL(!!(t.actions & BGP_ACT_SEND_OPEN), s != BGP_OPENSENT && t.next == BGP_OPENSENT);
			if (t.actions & BGP_ACT_CONNECT)
				CU_ASSERT(t.actions & BGP_ACT_START_RETRY);
		}
	}
}

static void test_collision(void)
{
	CU_ASSERT_TRUE(bgp_fsm_keep_ours(2, 1, 1, 9));
	CU_ASSERT_FALSE(bgp_fsm_keep_ours(1, 9, 2, 1));
	CU_ASSERT_TRUE(bgp_fsm_keep_ours(0xc6336401, 1, 0x0a000001, 1));  /* unsigned */
	CU_ASSERT_TRUE(bgp_fsm_keep_ours(1, 65010, 1, 16550));            /* RFC 6286: then the AS */
	CU_ASSERT_FALSE(bgp_fsm_keep_ours(1, 16550, 1, 65010));
}

static void test_names(void)
{
	CU_ASSERT_STRING_EQUAL(bgp_state_str(BGP_OPENCONFIRM), "OpenConfirm");
	for (int e = 0; e < BGP_EVENTS; e++)
		CU_ASSERT_PTR_NOT_NULL(bgp_event_str(e));
}

UNIT_MAIN("bgp_fsm", {"next state of every state and event", test_next_states},
          {"every way to Idle closes, and comes back unless told to stop", test_every_way_down},
          {"notifications where they belong", test_notifications}, {"the way up", test_the_way_up},
          {"up once, open once", test_up_only_once}, {"collision", test_collision}, {"names", test_names})
