/* Which node a transaction belongs to: the first one that writes its name under the transaction's key. One claim is one
 * SET NX GET, sent to every Redis server that is ready; the first of these in the configuration's order decides, which
 * is the same one for all nodes as long as they see the same servers. No answer within `wait_ms` is an answer too: the
 * call goes on, unclaimed.
 *
 * Values are signed (record.h): node, its life, and once the request has been sent on, where and how, so that another
 * node could cancel it. They expire by themselves. A `claims` belongs to the thread of its event_base: each SIP worker
 * has one. */
#ifndef CLUSTER_CLAIMS_H
#define CLUSTER_CLAIMS_H

#include "base/addr.h"
#include "cluster/record.h"
#include "cluster/redis.h"

#define CLAIM_SERVERS_MAX 5
#define CLAIM_VIA_LEN 160
#define CLAIM_URI_LEN 320
#define CLAIM_KEY_MAX 64

struct claims;

struct claims_config {
	char node[RECORD_NAME_LEN], prefix[64];
	struct redis_server servers[CLAIM_SERVERS_MAX];
	unsigned n_servers;
	struct cluster_keys keys;
	uint32_t wait_ms;
	const _Atomic uint64_t *epoch;   /* which life of this node it is; of the owner's, who outlives this */
};

struct claim_value {
	char node[RECORD_NAME_LEN];
	uint64_t epoch;
	/* how the request was sent on: our Via, to whom, with which Request-URI; empty: not yet, or not told */
	char via[CLAIM_VIA_LEN], peer[ADDR_STR_LEN], uri[CLAIM_URI_LEN];
};

enum claim_answer {
	CLAIM_OURS,
	CLAIM_THEIRS,                /* and `value` says whose */
	CLAIM_NOBODYS,               /* asked for only */
	CLAIM_UNKNOWN                /* no server answered in time, or what is there is not a node's */
};
/* Once. `value` is of CLAIM_THEIRS, until the callback returns. */
typedef void claim_answer_fn(void *arg, enum claim_answer answer, const struct claim_value *value);

/* `config` is copied. NULL without memory. */
struct claims *claims_new(struct event_base *base, const struct claims_config *config);
/* Who waits is answered CLAIM_UNKNOWN first. NULL does nothing. */
void claims_free(struct claims *claims);

/* Claims `key` (`take`), or only asks whose it is, which may take longer than `wait_ms`. 0: `fn` is called, later. -ENOTCONN: no server is ready. */
int claims_ask(struct claims *claims, const char *key, bool take, claim_answer_fn *fn, void *arg);
/* What was claimed has been sent on: kept longer, for as long as a call may ring. */
void claims_sent(struct claims *claims, const char *key, const char *via, const struct addr *peer, const char *uri);
/* It becomes ours, whoever had it. */
void claims_seize(struct claims *claims, const char *key);

#endif
