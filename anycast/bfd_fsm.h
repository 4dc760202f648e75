/* The BFD state machine (RFC 5880 sections 6.2 and 6.8.6) as a pure function: (state, event) to (next
 * state, diagnostic). Any thread; keeps nothing. */
#ifndef ANYCAST_BFD_FSM_H
#define ANYCAST_BFD_FSM_H

#include "anycast/bfd_msg.h"

enum bfd_event {
	BFD_EV_RX_ADMIN_DOWN,           /* a packet in this state; as enum bfd_state counts them */
	BFD_EV_RX_DOWN,
	BFD_EV_RX_INIT,
	BFD_EV_RX_UP,
	BFD_EV_DETECT_EXPIRES,          /* nothing came within the detection time */
	BFD_EV_ENABLE,                  /* our operator's word */
	BFD_EV_DISABLE,
	BFD_EVENTS
};

struct bfd_transition {
	enum bfd_state next;
	int diag;                       /* enum bfd_diag; BFD_DIAG_KEEP: as it was */
};
#define BFD_DIAG_KEEP (-1)

struct bfd_transition bfd_fsm(enum bfd_state state, enum bfd_event event);
const char *bfd_event_str(enum bfd_event event);

#endif
