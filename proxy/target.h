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
	enum sip_transport transport;
	char host_port[272];         /* as a URI has it: IPv6 in brackets, a port that is not 5060 said */
	bool literal;                /* the host is an address */
	bool port_said;              /* in the URI: then there is no SRV to ask (RFC 3263 section 4.2) */
	bool transport_said;
	uint8_t slot;                /* a name has some, each for one of its addresses */

	_Atomic uint32_t seq;        /* seqlock of the address: odd while it is written */
	_Atomic uint64_t words[4];
	_Atomic uint32_t priority, weight;  /* of its SRV record, else 0 and 1 */
	_Atomic int64_t expires_us;  /* when the resolver asks again; 0: never */
	_Atomic bool healthy, probed;
	_Atomic bool takes_tcp;      /* it has answered by TCP too, where large requests are to go so */
	_Atomic uint32_t rtt_us;
	_Atomic int64_t shun_until_us;  /* it asked to be left alone until then (Retry-After) */
	_Atomic int64_t since_wall_us;
	pthread_mutex_t lock;        /* of the text below, which no call needs */
	char last_error[96];
};

int target_init(struct target *t, const struct proxy_target_config *config, unsigned slot);
void target_destroy(struct target *t);

/* False while the name has not resolved. Any thread. */
bool target_address(const struct target *t, struct addr *out);
/* The resolver only. An address of family 0 takes it away; another one is not known to be healthy. */
void target_set_address(struct target *t, const struct addr *address);

/* One probe's outcome after rise and fall: true when the health changed. `error` says why it is bad. */
bool target_set_health(struct target *t, bool healthy, const char *error);
void target_status(struct target *t, struct proxy_target_status *out);

#endif
