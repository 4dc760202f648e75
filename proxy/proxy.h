/* The SIP side as the rest of the house sees it: workers with their sockets, transactions and calls,
 * the probers, and the log thread that writes call records.
 *
 * A call belongs to one worker for its whole life: the one that its Call-ID hashes to. Functions here
 * are for the control thread unless they say otherwise. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "policy/policy.h"
#include "policy/region.h"
#include "proxy/stats.h"
#include "proxy/transport.h"
#include "proxy/trunk_config.h"

struct loop;

#define PROXY_SOCKETS_MAX 24
#define PROXY_TARGETS_MAX 16     /* as written, of a region */
#define PROXY_ADDRESSES_MAX 64   /* of all of them */

struct proxy_listen {
	struct addr address;
	bool anycast;
	bool may_be_absent;           /* the anycast address is put on the host later: bind all the same */
	bool backup;                  /* another node's egress address: what comes here was meant for that node */
};

struct tls_context;

/* Where TCP or TLS connections are taken. */
struct proxy_stream_listen {
	struct addr address;
	enum sip_transport transport;
	bool anycast, may_be_absent;
	struct tls_context *tls;      /* for TLS; held by who fills this, as long as it takes to make the proxy */
};

#define PROXY_CPUS_MAX 256

/* Of TCP and TLS, for each worker. */
struct proxy_connections {
	unsigned most, most_of_source;   /* of those who are a trunk's or a region's */
	uint32_t idle_ms, whole_ms;      /* idle; until a handshake or a message is whole */
	uint32_t ping_ms;                /* silence after which one of ours is pinged; 0: never */
};

struct proxy_config {
	char node_id[POLICY_NAME_LEN];
	struct proxy_listen listen[PROXY_SOCKETS_MAX];  /* own and egress addresses included */
	unsigned n_listen;
	struct proxy_stream_listen streams[PROXY_SOCKETS_MAX];
	unsigned n_streams;
	struct tls_context *tls;      /* of TLS connections to regions and carriers; NULL: there are none */
	struct addr egress[2];        /* with port; sources of everything sent on; at most one a family */
	unsigned n_egress;
	unsigned workers;
	uint16_t cpus[PROXY_CPUS_MAX];   /* where workers run, in their order and from the start again */
	unsigned n_cpus;              /* 0: anywhere */
	bool poll;                    /* workers never sleep */
	uint32_t gather_ms;           /* under load they read what comes in this time at once (loop_set_gather()) */
	struct proxy_connections connections;   /* zeroes: the defaults of stream.h */
	uint8_t secret[64];           /* signs tokens and branches */
	unsigned secret_len;          /* at least 16 */
	uint8_t old_secret[64];       /* accepted in tokens, signs nothing; */
	unsigned old_secret_len;      /* 0: none */
	char calls_file[256];         /* empty: no call log */
	bool mask_numbers;
	struct loop *control;         /* where names are resolved; not owned */
};

struct proxy_trunk_config {
	char name[POLICY_NAME_LEN];
	const struct prefix *sources;
	unsigned n_sources;
	uint32_t max_calls, max_cps;
	char default_country[8];
	struct trunk_options options;    /* what it points to is copied */
};

struct proxy_target_config {
	char uri[256];
	char host[256];               /* address literal or name */
	uint16_t port;
	enum sip_transport transport;
};

struct proxy_region_config {
	struct proxy_target_config targets[PROXY_TARGETS_MAX];
	unsigned n_targets;
	bool large_by_tcp;            /* large requests, to targets that say no transport and answer by TCP */
};

struct proxy_timing {
	uint32_t max_call_ms;
	uint32_t probe_interval_ms, probe_timeout_ms, probe_rise, probe_fall;
	uint32_t overload_target_ms;     /* datagrams that wait longer: new calls are shed */
};

/* What calls are routed by, and may change while they go on. Copied into an immutable table; `policy` is
 * taken over. */
struct proxy_routing {
	struct proxy_timing timing;
	struct policy_table *policy;
	const struct proxy_region_config *regions;   /* as many as the policy table has */
	const struct proxy_trunk_config *trunks;
	unsigned n_trunks;
	unsigned transports;             /* that NAPTR and SRV may choose, a bit each (1 << SIP_TCP); UDP is always one */
};

struct proxy;

/* Binds every socket and opens the call log; starts nothing. NULL and `err` on failure. */
struct proxy *proxy_new(const struct proxy_config *config, const struct proxy_routing *routing, struct err *err);
int proxy_start(struct proxy *proxy);
/* Routes new calls by `routing` from now on. Calls under way keep to what they were begun with; counters,
 * health, averages and an operator's words stay with the names they belong to. Returns 0, or a negative errno
 * and `err`, and then nothing has changed. */
int proxy_reload(struct proxy *proxy, const struct proxy_routing *routing, struct err *err);
/* Certificates for the TLS connections that come or are opened from now on: those of config->tls, and of config->streams
 * for the addresses that are listened on. The connections that are up go on. */
void proxy_set_tls(struct proxy *proxy, const struct proxy_config *config);
/* Tables that calls under way or established still hold, besides the one in force. */
unsigned proxy_tables_held(const struct proxy *proxy);
/* New calls are answered 503 from now on (or no longer); others go on. */
void proxy_drain(struct proxy *proxy, bool on);
bool proxy_draining(const struct proxy *proxy);
/* Any thread. Transactions under way, over all workers. */
unsigned proxy_transactions(const struct proxy *proxy);
/* Any thread. What a process that ended now would break: requests under way that have no final response yet. Unlike
 * the transactions, which linger for half a minute to absorb retransmissions, these are gone within seconds,
 * but for calls that ring. */
unsigned proxy_open(const struct proxy *proxy);
/* Any thread. When the last INVITE of a new call came, by clock_us(); 0: none has. After the route is withdrawn, a
 * silence of a second or two says that the carriers' packets go elsewhere: then drain. */
int64_t proxy_last_invite_us(const struct proxy *proxy);
/* Any thread. TCP and TLS connections that are open. */
unsigned proxy_connections(const struct proxy *proxy);
/* Any thread. The share of new calls that is turned away for overload, 0 to 1: the worst worker's. */
double proxy_overload(const struct proxy *proxy);
/* Any thread. Decisions go by this node's figures alone, because what tells the others' is out of reach: said of each
 * call by the flag NB. */
void proxy_set_alone(struct proxy *proxy, bool alone);
bool proxy_alone(const struct proxy *proxy);
/* A BYE came by here of a call that another node set up: `node` is token_name() of its id, `call` names the call as
 * proxy_call_over() wants it. Called on a worker's thread: must not wait. To be set before proxy_start(). */
typedef void proxy_foreign_end_fn(void *arg, uint32_t node, const char *call, size_t len);
void proxy_on_foreign_end(struct proxy *proxy, proxy_foreign_end_fn *fn, void *arg);
/* Any thread. Another node says that a call of ours is over: it ends now, where it is still counted. */
void proxy_call_over(struct proxy *proxy, const char *call, size_t len);
/* ---- the other nodes, asked whose a transaction is (claim.h) ---- */

struct claim;
struct event_base;

enum proxy_verdict {
	PROXY_CLAIM_OURS,
	PROXY_CLAIM_NOBODYS,             /* where it was not to be taken */
	PROXY_CLAIM_LATE,                /* nobody could tell in time */
	PROXY_CLAIM_HANDED,              /* its owner has got the message */
	PROXY_CLAIM_ADOPT                /* its owner is dead */
};

/* How the owner sent a request on. */
struct proxy_sent { const char *via, *peer, *uri; };

/* All called on the worker's thread; must not wait. */
struct proxy_claims {
	/* Asks whose `key` is, to `take` it if it is nobody's. 0: proxy_claim_verdict() is to follow, on this thread, not
	 * within the call. Else: nobody can be asked. */
	int (*ask)(void *arg, unsigned worker, const char *key, bool take, struct claim *claim);
	/* A response came to `egress`, which is another node's: that one gets it too, if it lives. */
	void (*stray)(void *arg, const struct addr *source, const struct addr *egress, const void *data, size_t len);
	/* What was claimed has been sent on. */
	void (*sent)(void *arg, unsigned worker, const char *key, const char *via, const struct addr *peer, const char *uri);
	void *arg;
};
/* To be set before proxy_start(). */
void proxy_on_claims(struct proxy *proxy, const struct proxy_claims *claims);
/* The worker's thread. The answer, once; `sent` of PROXY_CLAIM_ADOPT, NULL where it is not known. */
void proxy_claim_verdict(struct claim *claim, enum proxy_verdict verdict, const struct proxy_sent *sent);
/* The worker's thread. The message that waits, for whoever it is handed to. */
const char *proxy_claim_message(const struct claim *claim, struct addr *source, struct addr *listener, size_t *len);
/* Any thread. Another node hands over what came to its `listener`, which is ours (too): it is served as if it had
 * come here. -ENOENT: it is not. -ENOMEM. */
int proxy_take_handed(struct proxy *proxy, const struct addr *source, const struct addr *listener, const void *data,
                      size_t len);
/* The event loop of a worker, for what has to live on its thread; and something to run there. */
struct event_base *proxy_worker_base(const struct proxy *proxy, unsigned worker);
int proxy_worker_post(const struct proxy *proxy, unsigned worker, void (*fn)(void *arg), void *arg);

/* token_name(), by which tokens name a node. */
uint32_t proxy_node_hash(const char *node);
/* Ends the threads; what was logged is written. */
void proxy_stop(struct proxy *proxy);
void proxy_free(struct proxy *proxy);

/* ---- what others ask; any thread ---- */

unsigned proxy_workers(const struct proxy *proxy);
/* Workers whose loop turned within the last second. */
unsigned proxy_workers_alive(const struct proxy *proxy);
/* Workers that answer the OPTIONS which the node sends to its own anycast listeners; *known is false where it has
 * none that is on this host, or has only just begun to ask. */
unsigned proxy_workers_answering(const struct proxy *proxy, const struct prefix *of, bool *known);
/* Sum over workers, indexed by enum stat_counter. */
void proxy_stats(const struct proxy *proxy, uint64_t out[STATS_N]);

unsigned proxy_regions(const struct proxy *proxy);
/* Regions that can take a call: healthy and not in maintenance. */
unsigned proxy_regions_reachable(const struct proxy *proxy);
/* Index by name or -1. */
int proxy_region_find(const struct proxy *proxy, const char *name);
const struct policy_region_config *proxy_region_config(const struct proxy *proxy, unsigned index);
struct region_live *proxy_region_live(const struct proxy *proxy, unsigned index);

struct proxy_target_status {
	char uri[256];
	struct addr address;           /* family 0: not resolved */
	const char *transport;         /* a word, static */
	uint32_t priority, weight;     /* of its SRV record, else 0 and 1 */
	uint32_t ttl_s;                /* until the name is asked for again; 0: it is no name, or due */
	bool healthy;
	uint32_t rtt_us;
	int64_t since_wall_us;         /* of the health */
	char last_error[96];           /* "no answer in 500 ms", "503 Service Unavailable"; empty: none */
};
/* One an address, and one a name that has none. Copies at most `max` (PROXY_ADDRESSES_MAX are enough); returns how
 * many there are. */
unsigned proxy_targets(const struct proxy *proxy, unsigned region, struct proxy_target_status *out, unsigned max);

/* Names of targets whose last lookup failed, and lookups that did since the start. */
void proxy_dns(const struct proxy *proxy, unsigned *failing, uint64_t *failures);

struct proxy_trunk_status {
	char name[POLICY_NAME_LEN];
	unsigned n_sources;
	uint32_t calls, setups, max_calls, max_cps;
	uint64_t calls_total, over_calls, over_cps;   /* taken in; refused for max_calls, for max_cps */
};
unsigned proxy_trunks(const struct proxy *proxy);
void proxy_trunk(const struct proxy *proxy, unsigned index, struct proxy_trunk_status *out);

/* The decision for a call that is not placed. Numbers are normalised as a call's would be. Returns
 * what policy_decide() returns, or -EINVAL with `err` (no such trunk). */
struct proxy_question {
	const char *trunk, *from, *to;
	const char *const *headers;    /* lines, "Name: value" */
	unsigned n_headers;
	int64_t wall_us;               /* when, for rules with hours; 0: now */
	bool secure;                   /* it comes as sips: */
};
int proxy_explain(const struct proxy *proxy, const struct proxy_question *question, struct policy_plan *plan,
                  struct err *err);
/* The table that a plan's indices refer to. */
const struct policy_table *proxy_policy(const struct proxy *proxy);

#endif
