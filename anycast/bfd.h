/* BFD with all peers that have it: the sockets, which packet is whose, and what a session's state means
 * for BGP. The anycast thread, but bfd_new(). */
#ifndef ANYCAST_BFD_H
#define ANYCAST_BFD_H

#include "anycast/anycast.h"
#include "anycast/sched.h"

struct event_base;
struct bfd;

struct bfd_env {
	struct sched *sched;
	struct event_base *base;
	/* The BGP session of a peer may be up; it was forbidden before, or waits for this (strict). */
	void (*allow)(void *arg, unsigned peer);
	/* It has to go down, and stay so. */
	void (*forbid)(void *arg, unsigned peer, const char *why);
	void (*changed)(void *arg);     /* a state, for those who look on */
	void *arg;
	/* As bfd_udp_listen(); tests give another. */
	int (*listen)(int family, uint16_t port, struct err *err);
};

/* Binds what has to be bound. The configuration is the caller's and outlives it. NULL and `err`. */
struct bfd *bfd_new(const struct anycast_config *config, const struct bfd_env *env, struct err *err);
void bfd_free(struct bfd *bfd);
void bfd_start(struct bfd *bfd);
/* AdminDown to all; nothing is allowed or forbidden from now on. */
void bfd_stop(struct bfd *bfd);

/* A datagram as it came, for tests; the sockets give theirs the same way. `to`: see bfd_udp_receive(). */
void bfd_take(struct bfd *bfd, const void *data, size_t len, const struct addr *from, const struct addr *to, bool multihop,
              int ttl);

/* Fills the peers' bfd. */
void bfd_status(const struct bfd *bfd, struct anycast_status *out);

#endif
