/* A target: one SIP URI of a region, where it resolves to, and what its probes say. The address is
 * written by the resolver (control thread) and the health by the worker that probes it; any worker
 * reads. */
#ifndef PROXY_TARGET_H
#define PROXY_TARGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "proxy/proxy.h"

struct target {
	char uri[256];
	char host[256];              /* as written: goes into the Request-URI */
	uint16_t port;
	enum sip_transport transport;    /* that the URI says, or its scheme's default */
	char host_port[272];         /* as a URI has it: IPv6 in brackets, a port that is not the default said */
	bool literal;                /* the host is an address */
	bool port_said;              /* in the URI: then there is no SRV to ask (RFC 3263 section 4.2) */
	bool transport_said;         /* then there is no NAPTR to ask (section 4.1) */
	bool secure;                 /* sips: */
	uint8_t slot;                /* a name has some, each for one of its addresses */
	bool lone;                   /* no region's: a host that a call named (hosts.h), of which the log says little */

	_Atomic uint32_t seq;        /* seqlock of address and transport: odd while they are written */
	_Atomic uint64_t words[4];
	_Atomic uint32_t priority, weight, rank;
	_Atomic uint8_t srv_host;
	_Atomic int64_t expires_us;  /* when the resolver asks again; 0: never */
	_Atomic bool looked_up;      /* of a name's first slot: the resolver has had an answer, or none */
	_Atomic bool healthy, probed;
	_Atomic bool takes_tcp;      /* it has answered by TCP too, where large requests are to go so */
	_Atomic uint32_t rtt_us;
	_Atomic int64_t shun_until_us;  /* it asked to be left alone until then (Retry-After) */
	_Atomic int64_t doubt_until_us; /* nothing came back of a call that another target then took */
	_Atomic int64_t since_wall_us;
	pthread_mutex_t lock;        /* of the text below, which no call needs */
	char last_error[96];
};

/* Where a target is. */
struct target_place {
	struct addr address;             /* family 0: nowhere */
	enum sip_transport transport;
	uint32_t priority, weight;       /* of its SRV record, else 0 and 1 */
	uint32_t rank;                   /* among those of one host, which have equal `srv_host`: the least first (RFC 6724) */
	uint8_t srv_host;
};
extern const struct target_place TARGET_NOWHERE;
/* The same address, by the same transport. */
bool target_place_same(const struct target_place *a, const struct target_place *b);

int target_init(struct target *t, const struct proxy_target_config *config, unsigned slot);
void target_destroy(struct target *t);

/* False while the name has not resolved. Any thread. */
bool target_address(const struct target *t, struct addr *out);
/* The same, all of it. */
bool target_place(const struct target *t, struct target_place *out);
/* The resolver only. What is known of the health stays where the place is the same one. */
void target_set_place(struct target *t, const struct target_place *place);

/* One probe's outcome after rise and fall: true when the health changed. `error` says why it is bad. */
bool target_set_health(struct target *t, bool healthy, const char *error);
void target_status(struct target *t, struct proxy_target_status *out);

#endif
