/* The BFD state machine, every state and event, beside RFC 5880 sections 6.2 and 6.8.6. */
#include "anycast/bfd_fsm.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Next states, by event in the order of the enum: A(dminDown) D I U. */
static const char *const next_states[BFD_STATES] = {
	/* received A D I U, detection time, enable, disable */
	[BFD_ADMIN_DOWN] = "AAAAADA",
	[BFD_DOWN] = "DIUDDDA",
	[BFD_INIT] = "DIUUDIA",
	[BFD_UP] = "DDUUDUA",
};

static void test_next_states(void)
{
	for (int s = 0; s < BFD_STATES; s++) {
		CU_ASSERT_EQUAL_FATAL(strlen(next_states[s]), BFD_EVENTS);
		for (int e = 0; e < BFD_EVENTS; e++) {
			char got = "ADIU"[bfd_fsm(s, e).next];

			if (got != next_states[s][e])
				printf("\n%s on %s: %c, not %c ", bfd_state_str(s), bfd_event_str(e), got, next_states[s][e]);
			CU_ASSERT_EQUAL(got, next_states[s][e]);
		}
	}
}

static void test_diagnostics(void)
{
	for (int s = 0; s < BFD_STATES; s++) {
		for (int e = 0; e < BFD_EVENTS; e++) {
			struct bfd_transition t = bfd_fsm(s, e);

			if ((int)t.next == s) {                  /* nothing happened: the reason stands */
				CU_ASSERT_EQUAL(t.diag, BFD_DIAG_KEEP);
			} else if (t.next == BFD_UP) {
				CU_ASSERT_EQUAL(t.diag, BFD_DIAG_NONE);
			} else if (t.next == BFD_ADMIN_DOWN) {
				CU_ASSERT_EQUAL(t.diag, BFD_DIAG_ADMIN_DOWN);
			} else if (e == BFD_EV_DETECT_EXPIRES) {
				CU_ASSERT_EQUAL(t.diag, BFD_DIAG_TIME_EXPIRED);
			} else if (s >= BFD_INIT) {              /* fell because of what the peer said */
				CU_ASSERT_EQUAL(t.diag, BFD_DIAG_NEIGHBOR_DOWN);
			}
		}
	}
}

/* Both ends of a session, by the table alone: three packets, and both are up. */
static void test_handshake(void)
{
	enum bfd_state a = BFD_DOWN, b = BFD_DOWN;

	b = bfd_fsm(b, (enum bfd_event)a).next;
	CU_ASSERT_EQUAL(b, BFD_INIT);
	a = bfd_fsm(a, (enum bfd_event)b).next;
	CU_ASSERT_EQUAL(a, BFD_UP);
	b = bfd_fsm(b, (enum bfd_event)a).next;
	CU_ASSERT_EQUAL(b, BFD_UP);
	a = bfd_fsm(a, BFD_EV_DETECT_EXPIRES).next;      /* and one way lost takes both down */
	b = bfd_fsm(b, (enum bfd_event)a).next;
	CU_ASSERT_EQUAL(a, BFD_DOWN);
	CU_ASSERT_EQUAL(b, BFD_DOWN);
}

static void test_names(void)
{
	for (int e = 0; e < BFD_EVENTS; e++)
		CU_ASSERT_PTR_NOT_NULL(bfd_event_str(e));
}

UNIT_MAIN("bfd_fsm", {"next state of every state and event", test_next_states}, {"diagnostics", test_diagnostics},
          {"three packets make a session", test_handshake}, {"names", test_names})
