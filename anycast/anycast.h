/* The route: an embedded BGP speaker, the anycast address on the host, and the gate that decides what
 * is announced, in a thread of their own.
 *
 * The thread owns all sessions and the address. Others give it facts through a callback, orders
 * through anycast_order() and read a copy of its state with anycast_status(). */
#ifndef ANYCAST_ANYCAST_H
#define ANYCAST_ANYCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "policy/route.h"

#define ANYCAST_NAME_LEN 64
#define ANYCAST_PREFIXES_MAX 64
#define ANYCAST_PEERS_MAX 32
#define ANYCAST_COMMUNITIES_MAX 16

struct anycast_prefix_config {
	struct prefix prefix;
	bool manage_address;        /* put the first address of the prefix on lo, address before route */
};

/* RFC 5880; one session a peer, to its `address`. */
struct anycast_bfd_config {
	bool enabled;
	uint32_t interval_ms;       /* of what is sent and wanted, 10 to 60000; each side takes the slower */
	uint8_t multiplier;         /* packets lost in a row that the peer takes for a failure */
	bool multihop;              /* RFC 5883: port 4784, any TTL; else a direct peer and TTL 255 */
	bool strict;                /* no BGP unless BFD is up */
	uint32_t hold_down_ms;      /* after a failure BGP stays down so long, or until BFD is up; not if strict */
};

struct anycast_peer_config {
	char name[ANYCAST_NAME_LEN];
	struct addr address;        /* port 0: 179 */
	struct addr local_address;  /* unset family 0: the kernel chooses */
	uint32_t as;                /* the peer's */
	uint32_t local_as;          /* ours towards it */
	uint32_t hold_ms;           /* offered; 0 or at least 3000 */
	uint32_t connect_retry_ms;
	char password[81];          /* RFC 2385; empty: none */
	uint8_t ttl;                /* of packets sent: 1 for a direct peer, more for multihop */
	uint8_t ttl_security;       /* RFC 5082: hops allowed, 0: off */
	bool passive;               /* wait for the peer to connect */
	bool has_med;
	uint32_t med;
	uint8_t prepend;            /* times our AS is added beyond the first */
	uint32_t communities[ANYCAST_COMMUNITIES_MAX];  /* RFC 1997 */
	uint8_t n_communities;
	struct anycast_bfd_config bfd;
};

struct anycast_config {
	uint32_t router_id;         /* host order */
	struct addr listen;         /* for peers that connect to us; family 0: no listener */
	struct anycast_prefix_config prefixes[ANYCAST_PREFIXES_MAX];
	unsigned n_prefixes;
	struct anycast_peer_config peers[ANYCAST_PEERS_MAX];
	unsigned n_peers;
	struct policy_route_gate gate;
	uint32_t gate_interval_ms;
};

/* Called on the anycast thread at every check; must not block. Fills all of `facts` but `order` and
 * `address_present`, which the gate adds. */
typedef void anycast_facts_fn(void *arg, struct policy_route_facts *facts);

struct anycast;

/* Checks the configuration and binds what has to be bound; starts nothing. The config is copied.
 * NULL and `err` on failure. */
struct anycast *anycast_new(const struct anycast_config *config, anycast_facts_fn *facts, void *arg, struct err *err);
/* Starts the thread: addresses on lo as the gate opens, sessions at once. 0 or a negative errno. */
int anycast_start(struct anycast *anycast);
/* Any other thread: withdraws, sends CEASE, removes the addresses, ends the thread; waits at most
 * `timeout_ms` for what is to be sent, then ends all the same. */
void anycast_stop(struct anycast *anycast, unsigned timeout_ms);
void anycast_free(struct anycast *anycast);

/* Any thread. The operator's word on one prefix, or on all (prefix NULL); `who` is for the log.
 * Returns 0 (it is carried out at once on the anycast thread) or -ENOENT. */
int anycast_order(struct anycast *anycast, const struct prefix *prefix, enum policy_route_order order, const char *who);

/* ---- state, for the admin API ---- */

struct anycast_bfd_status {
	const char *state;              /* RFC 5880: "AdminDown" "Down" "Init" "Up"; NULL: no BFD with this peer */
	const char *remote_state;       /* NULL: nothing heard of it */
	const char *diagnostic, *remote_diagnostic;
	int64_t state_since_wall_us;
	uint32_t tx_interval_us;        /* in force, without its jitter */
	uint64_t detection_us;          /* silence of the peer that is a failure; 0: nothing heard yet */
	uint8_t remote_multiplier;
	bool holds_bgp;                 /* BGP may not come up because of it */
	uint64_t packets_in, packets_out, packets_discarded, up_count, down_count;
};

struct anycast_peer_status {
	char name[ANYCAST_NAME_LEN];
	struct addr address;
	uint32_t as;
	const char *state;              /* RFC 4271 names: "Idle" ... "Established"; static text */
	int64_t state_since_wall_us;
	uint32_t hold_ms, keepalive_ms; /* negotiated; 0 unless Established */
	uint64_t messages_in, messages_out, updates_in, updates_out, established_count;
	unsigned prefixes_announced, prefixes_received;
	char last_error[160];           /* in words, with what the peer said; empty: none */
	struct anycast_bfd_status bfd;
};

struct anycast_prefix_status {
	struct prefix prefix;
	enum policy_route_action action;
	enum policy_route_order order;
	const char *reason;             /* static text */
	int64_t since_wall_us;
	bool address_present;
	unsigned peers_announced;       /* peers that have been sent it */
};

struct anycast_status {
	unsigned n_peers, n_prefixes;
	struct anycast_peer_status peers[ANYCAST_PEERS_MAX];
	struct anycast_prefix_status prefixes[ANYCAST_PREFIXES_MAX];
};

/* Any thread: a copy of the state as of the last change or check. */
void anycast_status(struct anycast *anycast, struct anycast_status *out);

#endif
