/* Claims and what follows from them: see fleet_claims.h.
 *
 * A question begins and ends on its SIP worker; in between, where the answer is "another node's", the control thread
 * looks at the blackboard and sends the message there. Only that thread knows who is alive. */
#include "daemon/fleet_claims.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "cluster/claims.h"
#include "proxy/proxy.h"

struct fleet_claims {
	struct proxy *proxy;
	struct board *board;
	struct loop *loop;
	struct peer *peer;
	char address[ADDR_STR_LEN];
	_Atomic uint64_t epoch;
	_Atomic bool stopped;
	unsigned n_workers;
	struct claims **workers;
};

struct question {
	struct fleet_claims *fleet;
	struct claim *claim;
	unsigned worker;
	bool take;
	char key[CLAIM_KEY_MAX];
	/* where it is another node's */
	struct claim_value value;
	enum proxy_verdict verdict;
	struct addr source, listener;
	size_t len;
	char *message;
};

static void question_free(struct question *q)
{
	free(q->message);
	free(q);
}

/* ---- another node's ---- */

/* The worker again. */
static void on_settled(void *arg)
{
	struct question *q = arg;
	struct proxy_sent sent = {q->value.via, q->value.peer, q->value.uri};
	if (!atomic_load(&q->fleet->stopped)) {
		if (q->verdict == PROXY_CLAIM_ADOPT && q->take)
			claims_seize(q->fleet->workers[q->worker], q->key);
		proxy_claim_verdict(q->claim, q->verdict, *sent.via ? &sent : NULL);
	}
	question_free(q);
}

/* Control thread. What could not be sent is lost as a datagram may be: it comes again. */
static void on_theirs(void *arg)
{
	struct question *q = arg;
	struct fleet_claims *f = q->fleet;
	if (atomic_load(&f->stopped)) {
		question_free(q);
		return;
	}
	int rc = peer_hand(f->peer, q->value.node, q->value.epoch, &q->source, &q->listener, q->message, q->len);
	q->verdict = rc == -ENOENT ? PROXY_CLAIM_ADOPT : PROXY_CLAIM_HANDED;
	if (proxy_worker_post(f->proxy, q->worker, on_settled, q))
		question_free(q);
}

static bool hand(struct question *q, const struct claim_value *value)
{
	const char *message = proxy_claim_message(q->claim, &q->source, &q->listener, &q->len);
	q->value = *value;
	q->message = malloc(q->len);
	if (!q->message)
		return false;
	memcpy(q->message, message, q->len);
	return loop_post(q->fleet->loop, on_theirs, q) == 0;
}

/* ---- the worker's side ---- */

static void on_answer(void *arg, enum claim_answer answer, const struct claim_value *value)
{
	static const enum proxy_verdict verdicts[] = {
		[CLAIM_OURS] = PROXY_CLAIM_OURS, [CLAIM_NOBODYS] = PROXY_CLAIM_NOBODYS, [CLAIM_UNKNOWN] = PROXY_CLAIM_LATE,
		[CLAIM_THEIRS] = PROXY_CLAIM_LATE,
	};
	struct question *q = arg;
	bool stopped = atomic_load(&q->fleet->stopped);
	if (!stopped && answer == CLAIM_THEIRS && hand(q, value))
		return;
	if (!stopped)
		proxy_claim_verdict(q->claim, verdicts[answer], NULL);
	question_free(q);
}

static int ask(void *arg, unsigned worker, const char *key, bool take, struct claim *claim)
{
	struct fleet_claims *f = arg;
	struct question *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->fleet = f;
	q->claim = claim;
	q->worker = worker;
	q->take = take;
	snprintf(q->key, sizeof q->key, "%s", key);
	int rc = claims_ask(f->workers[worker], key, take, on_answer, q);
	if (rc)
		question_free(q);
	return rc;
}

static void sent(void *arg, unsigned worker, const char *key, const char *via, const struct addr *peer, const char *uri)
{
	struct fleet_claims *f = arg;
	claims_sent(f->workers[worker], key, via, peer, uri);
}

/* ---- what others hand over ---- */

static void on_handed(void *arg, const struct peer_msg *m)
{
	struct fleet_claims *f = arg;
	proxy_take_handed(f->proxy, &m->source, &m->listener, m->data, m->len);
}

/* ---- life ---- */

static int make_workers(struct fleet_claims *f, const struct config *config)
{
	const struct board_config *b = board_config(f->board);
	struct claims_config c = {.n_servers = b->n_servers, .keys = b->keys, .wait_ms = config->cluster.claim_wait_ms,
	                          .epoch = &f->epoch};
	int rc = 0;
	snprintf(c.node, sizeof c.node, "%s", b->node);
	snprintf(c.prefix, sizeof c.prefix, "%s", b->prefix);
	memcpy(c.servers, b->servers, sizeof c.servers);
	f->workers = calloc(f->n_workers, sizeof *f->workers);
	for (unsigned i = 0; f->workers && !rc && i < f->n_workers; i++)
		rc = (f->workers[i] = claims_new(proxy_worker_base(f->proxy, i), &c)) ? 0 : -ENOMEM;
	explicit_bzero(&c, sizeof c);
	return f->workers ? rc : -ENOMEM;
}

_Static_assert(CLAIM_SERVERS_MAX >= BOARD_SERVERS_MAX, "the same servers");

struct fleet_claims *fleet_claims_new(struct loop *loop, struct proxy *proxy, struct board *board,
                                      const struct config *config, struct err *err)
{
	struct fleet_claims *f = calloc(1, sizeof *f);
	struct addr at = config->node.address[0];
	if (!f) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	f->proxy = proxy;
	f->board = board;
	f->loop = loop;
	f->n_workers = proxy_workers(proxy);
	addr_set_port(&at, (uint16_t)config->cluster.port);
	addr_str(&at, f->address);
	fleet_claims_round(f);
	f->peer = peer_new(loop_base(loop), board, &at, on_handed, f, err);
	if (f->peer && make_workers(f, config) == 0) {
		proxy_on_claims(proxy, &(struct proxy_claims){ask, sent, f});
		return f;
	}
	if (f->peer)
		err_set(err, ENOMEM, "out of memory");
	fleet_claims_stop(f);
	fleet_claims_free(f);
	return NULL;
}

void fleet_claims_stop(struct fleet_claims *f)
{
	if (!f)
		return;
	atomic_store(&f->stopped, true);
	for (unsigned i = 0; f->workers && i < f->n_workers; i++) {
		claims_free(f->workers[i]);
		f->workers[i] = NULL;
	}
	peer_free(f->peer);
	f->peer = NULL;
}

void fleet_claims_free(struct fleet_claims *f)
{
	if (!f)
		return;
	free(f->workers);
	free(f);
}

void fleet_claims_round(struct fleet_claims *f) { atomic_store(&f->epoch, board_own(f->board)->epoch); }
const char *fleet_claims_address(const struct fleet_claims *f) { return f->address; }
const struct peer *fleet_claims_peer(const struct fleet_claims *f) { return f->peer; }
