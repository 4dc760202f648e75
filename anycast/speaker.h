/* The speaker: all peers, what is announced to each, and the listener for those who connect to us.
 * The anycast thread, but speaker_new(). */
#ifndef ANYCAST_SPEAKER_H
#define ANYCAST_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "anycast/anycast.h"
#include "anycast/sched.h"

struct event_base;
struct speaker;

struct speaker_env {
	struct sched *sched;
	struct event_base *base;
	/* Our address of the other family on the link that has `local`: the next hop of IPv6 prefixes
	 * over an IPv4 session. False when there is none. */
	bool (*next_hop)(void *arg, const struct addr *local, int family, struct addr *out);
	void (*changed)(void *arg);     /* a session's state or what it has been sent */
	void *arg;
	/* As bgp_tcp_connect(); tests give another. */
	int (*connect)(const struct anycast_peer_config *peer, struct err *err);
};

/* Binds the listener. The configuration is the caller's and outlives the speaker. */
struct speaker *speaker_new(const struct anycast_config *config, const struct speaker_env *env, struct err *err);
void speaker_free(struct speaker *speaker);

/* All sessions, but those that wait for BFD (strict). */
void speaker_start(struct speaker *speaker);
/* BFD's word on one peer: its session may be up, or has to go down and stay so. */
void speaker_allow(struct speaker *speaker, unsigned peer);
void speaker_forbid(struct speaker *speaker, unsigned peer, const char *why);
/* What is to be done with one prefix, at all peers; sends an UPDATE only where something changes. */
void speaker_route(struct speaker *speaker, unsigned prefix, enum policy_route_action action);
/* What could not be announced for want of a next hop is, once there is one; and back. */
void speaker_check(struct speaker *speaker);
/* A peer has another node's route to the prefix, and not one that is about to go. */
bool speaker_others(const struct speaker *speaker, unsigned prefix);
/* Bytes that peers have not taken yet: zero when all withdrawals are out. */
size_t speaker_unsent(const struct speaker *speaker);
/* CEASE with this text to all; they stay down. */
void speaker_stop(struct speaker *speaker, const char *text);

/* Fills the peers, and of the prefixes what peers have been sent and have sent. */
void speaker_status(const struct speaker *speaker, struct anycast_status *out);

#endif
