/* A session with one peer: at most two connections (the one we open and the one that it opens, RFC
 * 4271 section 6.8), their state machines, timers and retries. What is announced is not decided here:
 * ops->up asks for it (speaker.c). The anycast thread. */
#ifndef ANYCAST_BGP_SESSION_H
#define ANYCAST_BGP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "anycast/anycast.h"
#include "anycast/bgp_fsm.h"
#include "anycast/bgp_update.h"
#include "anycast/sched.h"

struct event_base;
struct bgp_session;

struct bgp_session_ops {
	void (*up)(void *arg);                                        /* Established: send all routes */
	void (*down)(void *arg);                                      /* routes sent and received are gone */
	void (*update)(void *arg, const struct bgp_update *update);
	void (*refresh)(void *arg, uint8_t family, enum bgp_refresh subtype);  /* it asks for all again, or begins or ends its own */
	void (*drained)(void *arg);                                   /* there is room again */
	void (*changed)(void *arg);                                   /* its state, for those who look on */
};

struct bgp_session_env {
	struct sched *sched;
	struct event_base *base;
	uint32_t router_id;
	uint8_t families;       /* offered: BGP_IPV4 and BGP_IPV6 */
	/* As bgp_tcp_connect(); tests give another. */
	int (*connect)(const struct anycast_peer_config *peer, struct err *err);
	const struct bgp_session_ops *ops;
	void *arg;
};

/* What was agreed with the peer; valid while Established. */
struct bgp_terms {
	uint8_t families;       /* offered by both */
	bool as4, internal, enhanced_refresh;
	struct addr local;      /* our end */
};

/* The configuration is the caller's and outlives the session. NULL without memory. */
struct bgp_session *bgp_session_new(const struct anycast_peer_config *peer, const struct bgp_session_env *env);
/* Closes without a word; bgp_session_stop() first says goodbye. */
void bgp_session_free(struct bgp_session *session);

void bgp_session_start(struct bgp_session *session);
/* CEASE (RFC 9003) with this text on what is open; stays down. */
void bgp_session_stop(struct bgp_session *session, const char *text);
/* CEASE/BFD Down (RFC 9384) on what is open; stays down until bgp_session_start(). `why` for people. */
void bgp_session_bfd_down(struct bgp_session *session, const char *why);
/* A connection that the peer opened; takes `fd`. */
void bgp_session_accept(struct bgp_session *session, int fd);

/* CEASE with this error, and again later: a fault of the peer's. Only from a callback's end or a timer. */
void bgp_session_reset(struct bgp_session *session, const struct bgp_error *error);

bool bgp_session_established(const struct bgp_session *session);
const struct bgp_terms *bgp_session_terms(const struct bgp_session *session);
/* `updates` whole UPDATE messages. Only while Established. */
void bgp_session_send(struct bgp_session *session, const void *data, size_t len, unsigned updates);
/* Bytes of messages that the peer has not taken yet. */
size_t bgp_session_unsent(const struct bgp_session *session);
/* A line in the log and last_error. The same line is not logged again within a minute. */
void bgp_session_warn(struct bgp_session *session, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fills all but the prefix counts. */
void bgp_session_status(const struct bgp_session *session, struct anycast_peer_status *out);

#endif
