/* What a node tells the others of itself: one JSON object under a header of one line,
 *
 *     tandem1 SEQ EPOCH KEYID MAC
 *
 * SEQ counts its writings, EPOCH (wall-clock µs) says which life of the node it is; MAC is HMAC-SHA-256 (RFC 2104)
 * under the cluster's secret over the Redis key, SEQ, EPOCH and the JSON, so that a record can be neither altered nor
 * put under another's key. KEYID tells which of the valid secrets it was. Pure; any thread. */
#ifndef CLUSTER_RECORD_H
#define CLUSTER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json_writer.h"

#define RECORD_NAME_LEN 64               /* as POLICY_NAME_LEN */
#define RECORD_REGIONS 64
#define RECORD_PREFIXES 16
#define RECORD_TEXT_MAX (32 * 1024)

struct node_region {
	char name[RECORD_NAME_LEN];
	uint32_t setups, calls;          /* in flight; established */
	uint32_t latency_us;             /* INVITE to first provisional; 0: not known */
	float error_rate;                /* 0 to 1 */
	bool healthy;
	char state[8];                   /* "ready" "drain" "maint" */
};

struct node_prefix {
	char prefix[RECORD_NAME_LEN];
	char action[12];                 /* "announce" "degrade" "drain" "withdraw" */
};

struct node_record {
	uint64_t epoch, seq;             /* the header's */
	char node[RECORD_NAME_LEN];
	char version[24];
	char peer[RECORD_NAME_LEN];      /* "ADDRESS:PORT" where other nodes hand it messages (peer.h); empty: nowhere */
	char egress[2][RECORD_NAME_LEN]; /* where answers of the regions come back to, addresses */
	unsigned n_egress;
	char revision[24];               /* of the configuration: a digest of what all nodes should share */
	char keyid[9];                   /* the header's */
	int64_t wall_us;                 /* the writer's clock: to tell clocks apart, never for freshness */
	uint64_t fleet_revision;         /* of the fleet document; 0: none */
	char fleet_refused[160];         /* why the newest one is not in force; empty: it is */
	bool ready;
	unsigned n_regions, n_prefixes;
	struct node_region regions[RECORD_REGIONS];
	struct node_prefix prefixes[RECORD_PREFIXES];
};

/* ---- secrets ---- */

#define CLUSTER_KEYS_MAX 2

/* What is valid now; the first signs. */
struct cluster_keys {
	uint8_t secret[CLUSTER_KEYS_MAX][64];
	unsigned len[CLUSTER_KEYS_MAX];
	char id[CLUSTER_KEYS_MAX][9];    /* 8 hex digits, derived from the secret by cluster_keys_add() */
	unsigned n;
};
/* -EINVAL: too many, too short (16 bytes at least) or too long. */
int cluster_keys_add(struct cluster_keys *keys, const uint8_t *secret, size_t len);

/* A signed text of any kind under a Redis key: the header and `body`. Appends to `out`; 0 or -ENOMEM. */
int signed_encode(const struct cluster_keys *keys, const char *redis_key, uint64_t seq, uint64_t epoch, const char *body,
                  size_t len, struct jw *out);

struct signed_text {
	uint64_t seq, epoch;
	char keyid[9];
	const char *body;                /* within what was read */
	size_t len;
};
/* Checks what was read under `redis_key`. -EBADMSG and `err`, which does not name the key: truncated, of another
 * version, signed by an unknown secret, or altered. */
int signed_decode(const struct cluster_keys *keys, const char *redis_key, const char *text, size_t len,
                  struct signed_text *out, struct err *err);

/* ---- records ---- */

int record_encode(const struct cluster_keys *keys, const char *redis_key, const struct node_record *r, struct jw *out);
/* -EBADMSG and `err`, as signed_decode(), or when the JSON is not that of a record, or names another node than `node`. */
int record_decode(const struct cluster_keys *keys, const char *redis_key, const char *node, const char *text, size_t len,
                  struct node_record *out, struct err *err);
/* Is (epoch, seq) after the other? */
bool record_newer(const struct node_record *a, const struct node_record *b);

#endif
