/* The configuration file as values: what YAML says, defaults filled in, every cross-reference
 * resolved, nothing started. daemon/build.c turns it into what each room wants. Control thread. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "anycast/anycast.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/board.h"
#include "daemon/drain.h"
#include "policy/policy.h"
#include "proxy/trunk_config.h"

#define CONFIG_TRUNKS_MAX 4096
#define CONFIG_SOURCES_MAX 4096           /* of one trunk */
#define CONFIG_ALLOWED_MAX 4096           /* of one trunk */
#define CONFIG_POOLS_MAX 256
#define CONFIG_RULES_MAX 10000
#define CONFIG_NUMBERS_MAX 100000         /* of one rule */
#define CONFIG_LISTEN_MAX 16
#define CONFIG_TARGETS_MAX 16
#define CONFIG_CPUS_MAX 256

enum config_transport { CONFIG_UDP, CONFIG_TCP, CONFIG_TLS };

struct config_node {
	char id[POLICY_NAME_LEN];         /* default: the host's name */
	struct addr address[2];           /* own addresses, one IPv4 and one IPv6 at most; port unset */
	unsigned n_address;
	struct addr egress[2];            /* default: address */
	unsigned n_egress;
	uint16_t port;                    /* of both: SIP on the own and egress addresses, default 5060 */
	char ca[256];                     /* roots for TLS peers that we connect to; empty: the system's */
	unsigned workers;                 /* auto: one a CPU this process may use */
	uint16_t cpus[CONFIG_CPUS_MAX];    /* of the workers; none: anywhere */
	unsigned n_cpus;
	bool poll;
	uint32_t gather_ms;
	uint32_t max_call_ms;             /* an established call nobody ended is forgotten then; default 4h */
};

struct config_listen {
	struct addr address;              /* with port */
	enum config_transport transport;
	bool anycast;
	char certificate[256], key[256];  /* of TLS: PEM files */
	char ca[256];                     /* roots that clients' certificates are checked against; empty: none is asked for */
};

struct config_trunk {
	char name[POLICY_NAME_LEN];
	struct prefix *sources;
	unsigned n_sources;
	uint32_t max_calls, max_cps;      /* 0: no limit */
	char default_country[8];          /* digits, empty: numbers are taken as they come */
	bool trust;
	struct trunk_options options;     /* but for its `untrusted`, which is the contrary of trust */
};

struct config_target {
	char uri[256];                    /* as written */
	char host[256];                   /* name or address literal, no brackets */
	uint16_t port;                    /* 5060, or 5061 of TLS, where not said */
	enum config_transport transport;
	bool secure;                      /* sips: */
};

struct config_region {
	struct policy_region_config policy;
	struct config_target targets[CONFIG_TARGETS_MAX];
	unsigned n_targets;
	enum config_transport large;      /* requests over 1300 bytes go by it where UDP is not said: UDP or TCP */
};

struct config_probes { uint32_t interval_ms, timeout_ms, rise, fall; };

struct config_overload { uint32_t target_ms; };

struct config_connections { uint32_t most, most_of_source, idle_ms, whole_ms, ping_ms; };

struct config_cluster {
	struct redis_server redis[BOARD_SERVERS_MAX];
	unsigned n_redis;                 /* 0: a node on its own */
	char redis_user[64];
	char redis_password_file[256];    /* what is in it is in each of `redis` */
	char prefix[BOARD_PREFIX_LEN];
	uint32_t interval_ms, ttl_ms;
	bool claims;
	uint32_t claim_wait_ms;
	uint32_t port;                    /* for what nodes hand one another */
};

struct config_admin {
	struct addr listen[4];
	unsigned n_listen;
	char socket[108];                 /* path of the Unix socket; empty: none */
};

struct config_log {
	enum log_level level;
	char calls_file[256];             /* empty: no call log */
	bool mask_numbers;
};

struct config {
	char path[256];
	struct config_node node;
	struct config_listen listen[CONFIG_LISTEN_MAX];
	unsigned n_listen;
	struct config_trunk *trunks;
	unsigned n_trunks;
	struct config_region *regions;
	unsigned n_regions;
	struct config_probes probes;
	struct config_overload overload;
	struct config_connections connections;
	struct policy_pool_config *pools;
	unsigned n_pools;
	struct policy_rule_config *rules;
	unsigned n_rules;
	struct policy_tuning tuning;
	struct anycast_config anycast;
	char peer_password_file[ANYCAST_PEERS_MAX][256];  /* as written, by the peer's index; empty: none */
	bool has_anycast;
	char secret_file[256];            /* cluster.secret_file; empty: a random key for this run */
	uint8_t secret[64];
	unsigned secret_len;
	char old_secret_file[256];        /* accepted, does not sign; empty: none */
	uint8_t old_secret[64];
	unsigned old_secret_len;
	struct config_cluster cluster;
	struct config_admin admin;
	struct config_log log;
	struct drain_config drain;
};

/* Receives one error or warning, "FILE:LINE:COLUMN: what is wrong, and what would be right". */
typedef void config_report_fn(void *arg, const char *line);

/* Reads and checks the whole file, reporting every error, not only the first. Returns the
 * configuration, owned by the caller, or NULL after at least one report. Reads the secret files it
 * names: one that cannot be read is an error too, and *unreadable (may be NULL) is set true when nothing
 * else is wrong: the caller's exit code is then 2, not 1. */
struct config *config_load(const char *path, config_report_fn *report, void *arg, bool *unreadable);
/* The same with the fleet's part `over` (NULL: none) laid over the file. */
struct config *config_load_over(const char *path, const char *over, config_report_fn *report, void *arg, bool *unreadable);
/* Is `over` of sections that may be set for the fleet: pools, rules, tuning? 0, or -EINVAL and `err`. */
int config_over_check(const char *over, struct err *err);
/* The text of a file with `over` laid over it; malloc'ed, NULL without memory. */
char *config_over(const char *text, size_t len, const char *over, size_t *out_len);
/* From text in memory; `path` is used in reports and to find relative file names. */
struct config *config_parse(const char *path, const char *text, size_t len, config_report_fn *report, void *arg,
                            bool *unreadable);
void config_free(struct config *config);

/* Writes it in full as YAML, defaults filled in, secrets masked; what is printed parses again to the
 * same. */
void config_print(const struct config *config, FILE *out);

/* A digest of what all nodes of a fleet should have alike (trunks, regions, probes, pools, rules, tuning), in hex: nodes
 * that say the same one route alike. Empty without memory. */
#define CONFIG_REVISION_LEN 17
void config_revision(const struct config *config, char out[CONFIG_REVISION_LEN]);

/* Names of what differs between two configurations and only a restart changes, a line each; malloc'ed, empty where
 * nothing does, NULL without memory. */
char *config_needs_restart(const struct config *before, const struct config *after);
/* That, in `to`, as it is in `from`. */
void config_keep_fixed(struct config *to, const struct config *from);

#endif
