/* The BGP finite state machine of RFC 4271 section 8, as a pure function: (state, event) to (next
 * state, actions). One machine a TCP connection, as section 8.2.1 has it. Any thread; keeps nothing. */
#ifndef ANYCAST_BGP_FSM_H
#define ANYCAST_BGP_FSM_H

#include <stdbool.h>
#include <stdint.h>

enum bgp_state {
	BGP_IDLE,
	BGP_CONNECT,
	BGP_ACTIVE,
	BGP_OPENSENT,
	BGP_OPENCONFIRM,
	BGP_ESTABLISHED,
	BGP_STATES
};

/* With the numbers of section 8.1. Not here: 4 and 7 (as 5: one passive start will do), 6 (as 3), 12
 * and 20 (DelayOpen, optional), 14 and 15 (the listener knows its peers before there is a machine). */
enum bgp_event {
	BGP_EV_MANUAL_STOP,             /* 2 */
	BGP_EV_AUTOMATIC_START,         /* 3 */
	BGP_EV_AUTOMATIC_START_PASSIVE, /* 5 */
	BGP_EV_AUTOMATIC_STOP,          /* 8 */
	BGP_EV_CONNECT_RETRY_EXPIRES,   /* 9 */
	BGP_EV_HOLD_EXPIRES,            /* 10 */
	BGP_EV_KEEPALIVE_EXPIRES,       /* 11 */
	BGP_EV_IDLE_HOLD_EXPIRES,       /* 13 */
	BGP_EV_TCP_CONNECTED,           /* 16 Tcp_CR_Acked, 17 TcpConnectionConfirmed: treated alike */
	BGP_EV_TCP_FAILS,               /* 18 */
	BGP_EV_OPEN,                    /* 19 */
	BGP_EV_HEADER_ERR,              /* 21 */
	BGP_EV_OPEN_ERR,                /* 22 */
	BGP_EV_COLLISION_DUMP,          /* 23 */
	BGP_EV_NOTIF_VERSION,           /* 24 */
	BGP_EV_NOTIF,                   /* 25 */
	BGP_EV_KEEPALIVE,               /* 26 */
	BGP_EV_UPDATE,                  /* 27 */
	BGP_EV_UPDATE_ERR,              /* 28 */
	BGP_EV_SEND_HOLD_EXPIRES,       /* 29, RFC 9687 */
	BGP_EV_REFRESH,                 /* RFC 2918, valid where UPDATE is */
	BGP_EVENTS
};

/* bgp_conn.c carries them out: what is to be said first, then closing, timers, and what is new. What
 * an UPDATE or a ROUTE-REFRESH says is taken by whoever read it, after the event. */
enum bgp_action {
	BGP_ACT_STOP_RETRY = 1 << 0,      /* ConnectRetryTimer to zero */
	BGP_ACT_NOTIFY_EVENT = 1 << 1,    /* NOTIFICATION with what the event brings (RFC 4271 section 6) */
	BGP_ACT_NOTIFY_HOLD = 1 << 2,     /* NOTIFICATION Hold Timer Expired */
	BGP_ACT_NOTIFY_FSM = 1 << 3,      /* NOTIFICATION FSM Error, RFC 6608 subcode of the state */
	BGP_ACT_CLOSE = 1 << 4,           /* drop the connection, stop its timers, forget its routes */
	BGP_ACT_ZERO_COUNTER = 1 << 5,    /* ConnectRetryCounter to zero */
	BGP_ACT_COUNT = 1 << 6,           /* ConnectRetryCounter plus one */
	BGP_ACT_IDLE_HOLD = 1 << 7,       /* IdleHoldTimer: a start by itself later, later each time */
	BGP_ACT_START_RETRY = 1 << 8,     /* ConnectRetryTimer from its beginning */
	BGP_ACT_CONNECT = 1 << 9,         /* initiate the TCP connection */
	BGP_ACT_SEND_OPEN = 1 << 10,
	BGP_ACT_HOLD_LARGE = 1 << 11,     /* HoldTimer to four minutes */
	BGP_ACT_SEND_KEEPALIVE = 1 << 12,
	BGP_ACT_START_KEEPALIVE = 1 << 13,/* KeepaliveTimer; none when the hold time is zero */
	BGP_ACT_START_HOLD = 1 << 14,     /* HoldTimer to the negotiated time; none when that is zero */
	BGP_ACT_UP = 1 << 15              /* send our routes */
};

struct bgp_transition {
	enum bgp_state next;
	uint32_t actions;
};

struct bgp_transition bgp_fsm(enum bgp_state state, enum bgp_event event);

/* Section 6.8 and RFC 6286: of two connections with one peer, is the one that we opened to stay? */
bool bgp_fsm_keep_ours(uint32_t our_id, uint32_t our_as, uint32_t peer_id, uint32_t peer_as);

const char *bgp_state_str(enum bgp_state state);   /* "Idle" ... "Established" */
const char *bgp_event_str(enum bgp_event event);   /* "TcpConnectionFails" ... */

#endif
