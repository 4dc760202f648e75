/* The table of RFC 4271 section 8.2.2, to be read beside it: one block a state, one line an event, in
 * the order of section 8.1. Pure; any thread.
 *
 * Where it says other than the RFC, and why:
 * - Every way to Idle but ManualStop starts the IdleHoldTimer: the peer oscillation damping that the
 *   RFC leaves open is how we retry (fast at first, then slower), so a failure to connect (18 in
 *   Connect) counts too.
 * - NotifMsg in OpenSent is not answered with a NOTIFICATION (section 6.4 forbids answering one).
 * - HeaderErr in Established is answered with its own code, as section 6.1 says, not as FSM Error.
 * - A second OPEN on one connection is an FSM Error: collisions are found among two machines.
 * - ROUTE-REFRESH counts as a sign of life, as UPDATE does. */
#include "anycast/bgp_fsm.h"

/* Short names, for the table to be readable. */
enum {
	RETRY0 = BGP_ACT_STOP_RETRY,
	RETRY = BGP_ACT_START_RETRY,
	CLOSE = BGP_ACT_CLOSE,
	ZERO = BGP_ACT_ZERO_COUNTER,
	COUNT = BGP_ACT_COUNT,
	DAMP = BGP_ACT_IDLE_HOLD,
	CONNECT = BGP_ACT_CONNECT,
	NOTIFY = BGP_ACT_NOTIFY_EVENT,
	/* what nearly all failures share */
	FAIL = RETRY0 | CLOSE | COUNT | DAMP,
	FSM_ERR = FAIL | BGP_ACT_NOTIFY_FSM,
	OPENING = RETRY0 | BGP_ACT_SEND_OPEN | BGP_ACT_HOLD_LARGE,
	OPENED = RETRY0 | BGP_ACT_SEND_KEEPALIVE | BGP_ACT_START_KEEPALIVE | BGP_ACT_START_HOLD,
	ALIVE = BGP_ACT_SEND_KEEPALIVE | BGP_ACT_START_KEEPALIVE
};

static const struct bgp_transition table[BGP_STATES][BGP_EVENTS] = {
	[BGP_IDLE] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, 0},
		[BGP_EV_AUTOMATIC_START]         = {BGP_CONNECT, ZERO | RETRY | CONNECT},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_ACTIVE, ZERO},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, 0},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_IDLE, 0},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, 0},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_IDLE, 0},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_CONNECT, RETRY | CONNECT},
		[BGP_EV_TCP_CONNECTED]           = {BGP_IDLE, CLOSE},
		[BGP_EV_TCP_FAILS]               = {BGP_IDLE, 0},
		[BGP_EV_OPEN]                    = {BGP_IDLE, 0},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, 0},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, 0},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, 0},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, 0},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, 0},
		[BGP_EV_KEEPALIVE]               = {BGP_IDLE, 0},
		[BGP_EV_UPDATE]                  = {BGP_IDLE, 0},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, 0},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, 0},
		[BGP_EV_REFRESH]                 = {BGP_IDLE, 0},
	},
	[BGP_CONNECT] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, RETRY0 | CLOSE | ZERO},
		[BGP_EV_AUTOMATIC_START]         = {BGP_CONNECT, 0},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_CONNECT, 0},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, FAIL},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_CONNECT, CLOSE | RETRY | CONNECT},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_TCP_CONNECTED]           = {BGP_OPENSENT, OPENING},
		[BGP_EV_TCP_FAILS]               = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN]                    = {BGP_IDLE, FAIL},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, FAIL},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE]               = {BGP_IDLE, FAIL},
		[BGP_EV_UPDATE]                  = {BGP_IDLE, FAIL},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, FAIL},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_REFRESH]                 = {BGP_IDLE, FAIL},
	},
	[BGP_ACTIVE] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, RETRY0 | CLOSE | ZERO},
		[BGP_EV_AUTOMATIC_START]         = {BGP_ACTIVE, 0},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_ACTIVE, 0},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, FAIL},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_CONNECT, RETRY | CONNECT},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_TCP_CONNECTED]           = {BGP_OPENSENT, OPENING},
		[BGP_EV_TCP_FAILS]               = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN]                    = {BGP_IDLE, FAIL},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, FAIL},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE]               = {BGP_IDLE, FAIL},
		[BGP_EV_UPDATE]                  = {BGP_IDLE, FAIL},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, FAIL},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_REFRESH]                 = {BGP_IDLE, FAIL},
	},
	[BGP_OPENSENT] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, RETRY0 | NOTIFY | CLOSE | ZERO},
		[BGP_EV_AUTOMATIC_START]         = {BGP_OPENSENT, 0},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_OPENSENT, 0},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_IDLE, FSM_ERR},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, FAIL | BGP_ACT_NOTIFY_HOLD},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_IDLE, FSM_ERR},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_IDLE, FSM_ERR},
		[BGP_EV_TCP_CONNECTED]           = {BGP_OPENSENT, 0},
		[BGP_EV_TCP_FAILS]               = {BGP_ACTIVE, CLOSE | COUNT | RETRY},
		[BGP_EV_OPEN]                    = {BGP_OPENCONFIRM, OPENED},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE]               = {BGP_IDLE, FSM_ERR},
		[BGP_EV_UPDATE]                  = {BGP_IDLE, FSM_ERR},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, FSM_ERR},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_REFRESH]                 = {BGP_IDLE, FSM_ERR},
	},
	[BGP_OPENCONFIRM] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, RETRY0 | NOTIFY | CLOSE | ZERO},
		[BGP_EV_AUTOMATIC_START]         = {BGP_OPENCONFIRM, 0},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_OPENCONFIRM, 0},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_IDLE, FSM_ERR},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, FAIL | BGP_ACT_NOTIFY_HOLD},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_OPENCONFIRM, ALIVE},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_IDLE, FSM_ERR},
		[BGP_EV_TCP_CONNECTED]           = {BGP_OPENCONFIRM, 0},
		[BGP_EV_TCP_FAILS]               = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN]                    = {BGP_IDLE, FSM_ERR},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE]               = {BGP_ESTABLISHED, BGP_ACT_START_HOLD | BGP_ACT_UP},
		[BGP_EV_UPDATE]                  = {BGP_IDLE, FSM_ERR},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, FSM_ERR},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_REFRESH]                 = {BGP_IDLE, FSM_ERR},
	},
	[BGP_ESTABLISHED] = {
		[BGP_EV_MANUAL_STOP]             = {BGP_IDLE, RETRY0 | NOTIFY | CLOSE | ZERO},
		[BGP_EV_AUTOMATIC_START]         = {BGP_ESTABLISHED, 0},
		[BGP_EV_AUTOMATIC_START_PASSIVE] = {BGP_ESTABLISHED, 0},
		[BGP_EV_AUTOMATIC_STOP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_CONNECT_RETRY_EXPIRES]   = {BGP_IDLE, FSM_ERR},
		[BGP_EV_HOLD_EXPIRES]            = {BGP_IDLE, FAIL | BGP_ACT_NOTIFY_HOLD},
		[BGP_EV_KEEPALIVE_EXPIRES]       = {BGP_ESTABLISHED, ALIVE},
		[BGP_EV_IDLE_HOLD_EXPIRES]       = {BGP_IDLE, FSM_ERR},
		[BGP_EV_TCP_CONNECTED]           = {BGP_ESTABLISHED, 0},
		[BGP_EV_TCP_FAILS]               = {BGP_IDLE, FAIL},
		[BGP_EV_OPEN]                    = {BGP_IDLE, FSM_ERR},
		[BGP_EV_HEADER_ERR]              = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_OPEN_ERR]                = {BGP_IDLE, FSM_ERR},
		[BGP_EV_COLLISION_DUMP]          = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_NOTIF_VERSION]           = {BGP_IDLE, FAIL},
		[BGP_EV_NOTIF]                   = {BGP_IDLE, FAIL},
		[BGP_EV_KEEPALIVE]               = {BGP_ESTABLISHED, BGP_ACT_START_HOLD},
		[BGP_EV_UPDATE]                  = {BGP_ESTABLISHED, BGP_ACT_START_HOLD},
		[BGP_EV_UPDATE_ERR]              = {BGP_IDLE, FAIL | NOTIFY},
		[BGP_EV_SEND_HOLD_EXPIRES]       = {BGP_IDLE, FAIL},
		[BGP_EV_REFRESH]                 = {BGP_ESTABLISHED, BGP_ACT_START_HOLD},
	},
};

struct bgp_transition bgp_fsm(enum bgp_state state, enum bgp_event event)
{
	return table[state][event];
}

bool bgp_fsm_keep_ours(uint32_t our_id, uint32_t our_as, uint32_t peer_id, uint32_t peer_as)
{
	return our_id != peer_id ? our_id > peer_id : our_as > peer_as;
}

const char *bgp_state_str(enum bgp_state state)
{
	static const char *const names[BGP_STATES] = {"Idle", "Connect", "Active", "OpenSent", "OpenConfirm",
	                                              "Established"};

	return names[state];
}

const char *bgp_event_str(enum bgp_event event)
{
	static const char *const names[BGP_EVENTS] = {
		[BGP_EV_MANUAL_STOP] = "ManualStop", [BGP_EV_AUTOMATIC_START] = "AutomaticStart",
		[BGP_EV_AUTOMATIC_START_PASSIVE] = "AutomaticStart_with_PassiveTcpEstablishment",
		[BGP_EV_AUTOMATIC_STOP] = "AutomaticStop",
		[BGP_EV_CONNECT_RETRY_EXPIRES] = "ConnectRetryTimer_Expires",
		[BGP_EV_HOLD_EXPIRES] = "HoldTimer_Expires", [BGP_EV_KEEPALIVE_EXPIRES] = "KeepaliveTimer_Expires",
		[BGP_EV_IDLE_HOLD_EXPIRES] = "IdleHoldTimer_Expires",
		[BGP_EV_TCP_CONNECTED] = "TcpConnectionConfirmed", [BGP_EV_TCP_FAILS] = "TcpConnectionFails",
		[BGP_EV_OPEN] = "BGPOpen", [BGP_EV_HEADER_ERR] = "BGPHeaderErr", [BGP_EV_OPEN_ERR] = "BGPOpenMsgErr",
		[BGP_EV_COLLISION_DUMP] = "OpenCollisionDump", [BGP_EV_NOTIF_VERSION] = "NotifMsgVerErr",
		[BGP_EV_NOTIF] = "NotifMsg", [BGP_EV_KEEPALIVE] = "KeepAliveMsg", [BGP_EV_UPDATE] = "UpdateMsg",
		[BGP_EV_UPDATE_ERR] = "UpdateMsgErr", [BGP_EV_SEND_HOLD_EXPIRES] = "SendHoldTimer_Expires",
		[BGP_EV_REFRESH] = "RouteRefreshMsg",
	};

	return names[event];
}
