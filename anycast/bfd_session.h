/* One BFD session in asynchronous mode (RFC 5880): its state, timers and what it sends. No sockets: the
 * packets come and go through the env, so a test can be the network. The anycast thread. */
#ifndef ANYCAST_BFD_SESSION_H
#define ANYCAST_BFD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "anycast/anycast.h"
#include "anycast/bfd_fsm.h"
#include "anycast/sched.h"

struct bfd_session;

struct bfd_session_env {
	struct sched *sched;
	uint32_t discr;                 /* My Discriminator: not 0, unique among our sessions */
	void (*send)(void *arg, const void *packet, size_t len);
	/* Reads what has arrived: asked before the peer is called silent, as it may be us who stalled. */
	void (*poll)(void *arg);
	/* The state has changed; `why` in words. `neighbor_admin`: because the peer's operator took the
	 * session out of use, which says nothing about the path (RFC 5882 section 3.2). */
	void (*changed)(void *arg, enum bfd_state old, enum bfd_state now, bool neighbor_admin, const char *why);
	void *arg;
};

/* The configuration is the caller's and outlives the session. NULL without memory. */
struct bfd_session *bfd_session_new(const char *name, const struct anycast_bfd_config *config,
                                    const struct bfd_session_env *env);
/* Without a word. */
void bfd_session_free(struct bfd_session *session);

/* From Down: packets at 1 s, until the peer answers. */
void bfd_session_start(struct bfd_session *session);
/* Says AdminDown once and falls silent. */
void bfd_session_stop(struct bfd_session *session);

/* A packet whose discriminator or addresses named this session. */
void bfd_session_receive(struct bfd_session *session, const struct bfd_packet *packet);

enum bfd_state bfd_session_state(const struct bfd_session *session);
/* Fills all but what is of BGP. */
void bfd_session_status(const struct bfd_session *session, struct anycast_bfd_status *out);

#endif
