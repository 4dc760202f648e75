/* The table of RFC 5880 section 6.2, with what section 6.8.6 says of the diagnostic. Pure; any thread.
 *
 * The diagnostic tells why a session left Up, so it stays until the next reason; it is set to none when
 * the session is up again, so that nobody reads an old one. */
#include "anycast/bfd_fsm.h"

/* Short names, for the table to be readable. */
enum { KEEP = BFD_DIAG_KEEP, NONE = BFD_DIAG_NONE, EXPIRED = BFD_DIAG_TIME_EXPIRED, TOLD = BFD_DIAG_NEIGHBOR_DOWN,
       ADMIN = BFD_DIAG_ADMIN_DOWN };

static const struct bfd_transition table[BFD_STATES][BFD_EVENTS] = {
	[BFD_ADMIN_DOWN] = {  /* packets are discarded */
		[BFD_EV_RX_ADMIN_DOWN]  = {BFD_ADMIN_DOWN, KEEP},
		[BFD_EV_RX_DOWN]        = {BFD_ADMIN_DOWN, KEEP},
		[BFD_EV_RX_INIT]        = {BFD_ADMIN_DOWN, KEEP},
		[BFD_EV_RX_UP]          = {BFD_ADMIN_DOWN, KEEP},
		[BFD_EV_DETECT_EXPIRES] = {BFD_ADMIN_DOWN, KEEP},
		[BFD_EV_ENABLE]         = {BFD_DOWN, NONE},
		[BFD_EV_DISABLE]        = {BFD_ADMIN_DOWN, KEEP},
	},
	[BFD_DOWN] = {
		[BFD_EV_RX_ADMIN_DOWN]  = {BFD_DOWN, KEEP},
		[BFD_EV_RX_DOWN]        = {BFD_INIT, KEEP},
		[BFD_EV_RX_INIT]        = {BFD_UP, NONE},
		[BFD_EV_RX_UP]          = {BFD_DOWN, KEEP},  /* it has not seen us down yet */
		[BFD_EV_DETECT_EXPIRES] = {BFD_DOWN, KEEP},
		[BFD_EV_ENABLE]         = {BFD_DOWN, KEEP},
		[BFD_EV_DISABLE]        = {BFD_ADMIN_DOWN, ADMIN},
	},
	[BFD_INIT] = {
		[BFD_EV_RX_ADMIN_DOWN]  = {BFD_DOWN, TOLD},
		[BFD_EV_RX_DOWN]        = {BFD_INIT, KEEP},
		[BFD_EV_RX_INIT]        = {BFD_UP, NONE},
		[BFD_EV_RX_UP]          = {BFD_UP, NONE},
		[BFD_EV_DETECT_EXPIRES] = {BFD_DOWN, EXPIRED},
		[BFD_EV_ENABLE]         = {BFD_INIT, KEEP},
		[BFD_EV_DISABLE]        = {BFD_ADMIN_DOWN, ADMIN},
	},
	[BFD_UP] = {
		[BFD_EV_RX_ADMIN_DOWN]  = {BFD_DOWN, TOLD},
		[BFD_EV_RX_DOWN]        = {BFD_DOWN, TOLD},
		[BFD_EV_RX_INIT]        = {BFD_UP, KEEP},
		[BFD_EV_RX_UP]          = {BFD_UP, KEEP},
		[BFD_EV_DETECT_EXPIRES] = {BFD_DOWN, EXPIRED},
		[BFD_EV_ENABLE]         = {BFD_UP, KEEP},
		[BFD_EV_DISABLE]        = {BFD_ADMIN_DOWN, ADMIN},
	},
};

struct bfd_transition bfd_fsm(enum bfd_state state, enum bfd_event event)
{
	return table[state][event];
}

const char *bfd_event_str(enum bfd_event event)
{
	static const char *const names[BFD_EVENTS] = {
		"received AdminDown", "received Down", "received Init", "received Up", "detection time expired",
		"enabled", "disabled",
	};

	return names[event];
}
