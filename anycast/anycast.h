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
#define ANYCAST_PREPEND_MAX 16
#define ANYCAST_MAX_PREFIXES_MAX 9999  /* more are not told apart (rib.h) */

/* How a peer is told that a route of ours is the worse one. */
enum anycast_profile {
	ANYCAST_GENERIC,            /* by MED, a longer AS_PATH and communities */
	ANYCAST_CLOUD_ROUTER        /* by MED alone: Cloud Router compares nothing else across its tasks */
};

struct anycast_large_community { uint32_t v[3]; };  /* RFC 8092 */

/* What is added where a route is announced as degraded or draining. */
struct anycast_degrade_config {
	uint32_t med;               /* to the MED, or in place of none; a drain adds it twice */
	uint8_t prepend;            /* generic: our AS so often more */
	uint32_t communities[ANYCAST_COMMUNITIES_MAX];  /* generic */
	uint8_t n_communities;
};

/* What a route is for. Responses of the regions come back to the egress address of the node that has sent the request:
 * it is announced as long as that node lives, whatever the gate says of calls, and by others as the worse route, so that
 * they have what is on its way to a dead one. */
enum anycast_role {
	ANYCAST_SERVICE,            /* calls come here: the gate's */
	ANYCAST_EGRESS,             /* our own egress address */
	ANYCAST_BACKUP              /* another node's: always announced as degraded */
};

static inline const char *anycast_role_str(enum anycast_role role)
{
	static const char *const words[] = {"service", "egress", "backup"};

	return words[role];
}

struct anycast_prefix_config {
	struct prefix prefix;
	bool manage_address;        /* put the first address of the prefix on lo, address before route */
	enum anycast_role role;
};
#define ANYCAST_BACKUPS_MAX 8

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
	uint32_t local_as;          /* ours towards it; 0: that of the configuration */
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
	struct anycast_large_community large_communities[ANYCAST_COMMUNITIES_MAX];
	uint8_t n_large_communities;
	enum anycast_profile profile;
	struct anycast_degrade_config degrade;
	struct prefix prefixes[ANYCAST_PREFIXES_MAX];  /* those of the configuration that it gets; none: all */
	uint8_t n_prefixes;
	struct addr next_hop[2];    /* at most one a family; of a family that is not there: our end of the link */
	uint8_t n_next_hop;
	uint32_t max_prefixes;      /* it may send; more end the session (RFC 4486). 0: only so many are kept */
	struct anycast_bfd_config bfd;
};

struct anycast_config {
	uint32_t as;                /* ours */
	uint32_t router_id;         /* host order */
	struct addr listen;         /* for peers that connect to us; family 0: no listener */
	struct anycast_prefix_config prefixes[ANYCAST_PREFIXES_MAX];
	unsigned n_prefixes;
	/* these become prefixes of their own, for every peer, with the address on lo */
	bool announce_egress;
	struct addr egress[2];
	unsigned n_egress;
	struct addr egress_backup[ANYCAST_BACKUPS_MAX];
	unsigned n_egress_backup;
	struct anycast_peer_config peers[ANYCAST_PEERS_MAX];
	unsigned n_peers;
	struct policy_route_gate gate;
	uint32_t gate_interval_ms;
};

/* Called on the anycast thread at every check, for each prefix: some facts are those of the listeners in it. Must not
 * block. Fills all of `facts` but `order`,
 * `address_present` and `now_us`, which the gate adds; of `others` what it knows better than the peers tell. */
typedef void anycast_facts_fn(void *arg, const struct prefix *prefix, struct policy_route_facts *facts);

struct anycast;

/* Checks the configuration and binds what has to be bound; starts nothing. The config is copied.
 * NULL and `err` on failure. */
struct anycast *anycast_new(const struct anycast_config *config, anycast_facts_fn *facts, void *arg, struct err *err);
/* Starts the thread: addresses on lo as the gate opens, sessions at once. 0 or a negative errno. */
int anycast_start(struct anycast *anycast);
/* Any other thread: withdraws, sends CEASE, removes the addresses, ends the thread; waits at most
 * `timeout_ms` for what is to be sent, then ends all the same. `text` goes with the CEASE (RFC 9003). */
void anycast_stop(struct anycast *anycast, unsigned timeout_ms, const char *text);
void anycast_free(struct anycast *anycast);

/* Any thread. The operator's word on one prefix, or on all (prefix NULL); `who` is for the log.
 * Returns 0 (it is carried out at once on the anycast thread) or -ENOENT. */
int anycast_order(struct anycast *anycast, const struct prefix *prefix, enum policy_route_order order, const char *who);

/* Any thread. A check at once, for facts that have just changed. */
void anycast_recheck(struct anycast *anycast);

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
	struct addr address, local;     /* local: our end, family 0 unless Established */
	uint32_t as, local_as;
	uint32_t router_id;             /* its BGP Identifier, host order; 0 unless Established */
	enum anycast_profile profile;
	bool ipv4, ipv6, as4, refresh, enhanced_refresh, extended, graceful_restart;  /* agreed, or its own offer */
	const char *state;              /* RFC 4271 names: "Idle" ... "Established"; static text */
	int64_t state_since_wall_us;
	uint32_t hold_ms, keepalive_ms; /* negotiated; 0 unless Established */
	uint64_t messages_in, messages_out, updates_in, updates_out, established_count;
	unsigned prefixes_announced, prefixes_received, prefixes_max;
	uint64_t refreshes_in, withdrawn_for_errors;  /* ROUTE-REFRESHes; UPDATEs treated as withdraw (RFC 7606) */
	uint32_t retry_in_ms, hold_left_ms;  /* as of the copy; 0: that timer does not run */
	char last_error[384];           /* in words, with what the peer said; empty: none */
	int64_t last_error_wall_us;
	struct anycast_bfd_status bfd;
};

/* What a peer has been sent, or has sent us, of one of our prefixes. */
struct anycast_sent_status {
	enum policy_route_action action;  /* POLICY_ROUTE_WITHDRAW: nothing */
	int64_t since_wall_us;
};
struct anycast_heard_status {
	bool heard;                     /* it has a route to it by another node */
	bool draining;                  /* with the community of RFC 8326 */
	struct addr next_hop;
	uint32_t origin_as, path_len;
	bool has_med;
	uint32_t med;
};

struct anycast_prefix_status {
	struct prefix prefix;
	enum anycast_role role;
	enum policy_route_action action;
	enum policy_route_order order;
	const char *reason;             /* static text */
	int64_t since_wall_us;
	bool address_present;
	unsigned peers_announced;       /* peers that have been sent it */
	uint64_t changes;               /* of the action, since the start */
	enum policy_route_others others;
	struct anycast_sent_status sent[ANYCAST_PEERS_MAX];
	struct anycast_heard_status heard[ANYCAST_PEERS_MAX];
};

struct anycast_status {
	unsigned n_peers, n_prefixes;
	struct anycast_peer_status peers[ANYCAST_PEERS_MAX];
	struct anycast_prefix_status prefixes[ANYCAST_PREFIXES_MAX];
};

/* Any thread: a copy of the state as of the last change or check. */
void anycast_status(struct anycast *anycast, struct anycast_status *out);

#endif
