/* Inside of bgp_session.c and bgp_conn.c: a peer and its connections. Nobody else includes this. */
#ifndef ANYCAST_BGP_CONN_H
#define ANYCAST_BGP_CONN_H

#include "anycast/bgp_session.h"
#include "anycast/bgp_stream.h"

/* One connection and its state machine. "theirs" rests in Idle until the peer connects. */
struct bgp_conn {
	struct bgp_session *session;
	bool ours;                      /* we opened it */
	enum bgp_state state;
	struct bgp_stream *stream;
	struct timer hold, keepalive, send_hold;
	struct bgp_open open;           /* the peer's, from OpenConfirm on */
	uint32_t hold_ms, keepalive_ms; /* negotiated */
};

/* A line of the log, not to be repeated at every retry. */
#define BGP_WARNED 4
struct bgp_warned {
	int64_t us;
	uint32_t hash;
};

struct bgp_session {
	const struct anycast_peer_config *peer;
	struct bgp_session_env env;
	bool started;
	struct bgp_conn ours, theirs;
	struct timer retry, idle_hold;  /* ConnectRetryTimer, IdleHoldTimer: of `ours` */
	unsigned failures;              /* ConnectRetryCounter */
	struct bgp_terms terms;
	int64_t established_us;
	int64_t state_since_wall_us;
	uint64_t messages_in, messages_out, updates_in, updates_out, established_count;
	uint64_t refreshes_in, withdrawn_for_errors;
	char last_error[sizeof ((struct anycast_peer_status *)0)->last_error];
	int64_t last_error_us;          /* of bgp_session_warn() */
	int64_t last_error_wall_us;
	struct bgp_warned warned[BGP_WARNED];
};

/* The one place where a connection's state changes. `error` is what the event brings, may be NULL. */
void bgp_conn_event(struct bgp_conn *conn, enum bgp_event event, const struct bgp_error *error);
/* A connection that the peer opened, in place of none. */
void bgp_conn_accept(struct bgp_conn *conn, int fd);
/* Whole messages, counted. */
void bgp_conn_send(struct bgp_conn *conn, const void *data, size_t len, unsigned messages);
/* Sends a KEEPALIVE now; a peer that has lost its memory answers with a reset. */
void bgp_conn_provoke(struct bgp_conn *conn);
struct bgp_conn *bgp_conn_other(struct bgp_conn *conn);

/* As bgp_session_warn(), for a peer that cannot be reached or does not talk. In last_error it does not
 * take the place of what the peer said within the last minute: it may be no more than the sequel. */
void bgp_session_unreached(struct bgp_session *session, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The parts of the session that a connection's actions use. */
enum bgp_state bgp_session_state(const struct bgp_session *session);
void bgp_session_start_retry(struct bgp_session *session, enum bgp_state next);
void bgp_session_start_idle_hold(struct bgp_session *session);

#endif
