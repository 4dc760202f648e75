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

#define BLIND 256

struct fleet_claims {
	struct proxy *proxy;
	struct board *board;
	struct loop *loop;
	struct peer *peer;
	char address[ADDR_STR_LEN];
	struct addr egress[2];
	unsigned n_egress;
	_Atomic uint64_t epoch;
	_Atomic bool stopped;
	unsigned n_workers;
	struct claims **workers;
	char blind[BLIND][CLAIM_KEY_MAX];  /* keys of what was handed without knowing whose it is, the last ones */
	unsigned next_blind;
};

struct question {
	struct fleet_claims *fleet;
	struct claim *claim;
	unsigned worker;
	bool take;
	char key[CLAIM_KEY_MAX];
	enum proxy_verdict verdict;
	struct theirs *theirs;           /* NULL: it is not known to be another node's */
};

/* What is another node's, for the control thread. */
struct theirs {
	struct claim_value value;
	struct addr source, listener;
	size_t len;
	char message[];
};

static void question_free(struct question *q)
{
	free(q->theirs);
	free(q);
}

/* ---- another node's ---- */

/* The worker again. */
static void on_settled(void *arg)
{
	struct question *q = arg;
	const struct claim_value *v = &q->theirs->value;
	struct proxy_sent sent = {v->via, v->peer, v->uri};
	if (!atomic_load(&q->fleet->stopped)) {
		if (q->verdict == PROXY_CLAIM_ADOPT && q->take)
			claims_seize(q->fleet->workers[q->worker], q->key);
		proxy_claim_verdict(q->claim, q->verdict, *sent.via ? &sent : NULL);
	}
	question_free(q);
}

/* What could not be sent is lost as a datagram may be: it comes again. */
static enum proxy_verdict hand_to_owner(struct question *q)
{
	const struct theirs *t = q->theirs;
	int rc = peer_hand(q->fleet->peer, t->value.node, t->value.epoch, &t->source, &t->listener, t->message, t->len);
	return rc == -ENOENT ? PROXY_CLAIM_ADOPT : PROXY_CLAIM_HANDED;
}

/* No Redis server tells whose it is. Of two nodes it is the other's, if anybody's; that one answers. Where it comes again
 * nobody has: then we do. */
static enum proxy_verdict hand_blindly(struct question *q)
{
	struct fleet_claims *f = q->fleet;
	const struct theirs *t = q->theirs;
	for (unsigned i = 0; i < BLIND; i++)
		if (!strcmp(f->blind[i], q->key))
			return PROXY_CLAIM_NOBODYS;
	snprintf(f->blind[f->next_blind++ % BLIND], CLAIM_KEY_MAX, "%s", q->key);
	return peer_hand_to_other(f->peer, &t->source, &t->listener, t->message, t->len) ? PROXY_CLAIM_NOBODYS : PROXY_CLAIM_HANDED;
}

/* Control thread. */
static void on_theirs(void *arg)
{
	struct question *q = arg;
	struct fleet_claims *f = q->fleet;
	if (atomic_load(&f->stopped)) {
		question_free(q);
		return;
	}
	q->verdict = *q->theirs->value.node ? hand_to_owner(q) : hand_blindly(q);
	if (proxy_worker_post(f->proxy, q->worker, on_settled, q))
		question_free(q);
}

static bool hand(struct question *q, const struct claim_value *value)
{
	struct addr source, listener;
	size_t len;
	const char *message = proxy_claim_message(q->claim, &source, &listener, &len);
	struct theirs *t = malloc(sizeof *t + len);
	if (!t)
		return false;
	*t = (struct theirs){.value = *value, .source = source, .listener = listener, .len = len};
	memcpy(t->message, message, len);
	q->theirs = t;
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
	static const struct claim_value nobody;
	if (!stopped && answer == CLAIM_THEIRS && hand(q, value))
		return;
	if (!stopped && answer == CLAIM_UNKNOWN && !q->take && hand(q, &nobody))
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
	if (rc && !take)  /* no server is there */
		rc = hand(q, &(struct claim_value){.epoch = 0}) ? 0 : -ENOMEM;
	if (rc)
		question_free(q);
	return rc;
}

static void sent(void *arg, unsigned worker, const char *key, const char *via, const struct addr *peer, const char *uri)
{
	struct fleet_claims *f = arg;
	claims_sent(f->workers[worker], key, via, peer, uri);
}

/* ---- what came here for a node that the network takes for gone ---- */

struct stray {
	struct fleet_claims *fleet;
	struct addr source, egress;
	size_t len;
	char message[];
};

/* Control thread. */
static void on_stray(void *arg)
{
	struct stray *s = arg;
	const struct fleet_claims *f = s->fleet;
	char text[ADDR_STR_LEN];
	addr_host_str(&s->egress, text);
	for (unsigned i = 0; !atomic_load(&f->stopped) && i < board_nodes(f->board); i++) {
		struct board_node n;
		board_node(f->board, i, &n);
		for (unsigned k = 0; k < n.record->n_egress; k++)
			if (!strcmp(n.record->egress[k], text))
				peer_hand(f->peer, n.record->node, n.record->epoch, &s->source, &s->egress, s->message, s->len);
	}
	free(s);
}

static void stray(void *arg, const struct addr *source, const struct addr *egress, const void *data, size_t len)
{
	struct fleet_claims *f = arg;
	struct stray *s = malloc(sizeof *s + len);
	if (!s)
		return;
	*s = (struct stray){.fleet = f, .source = *source, .egress = *egress, .len = len};
	memcpy(s->message, data, len);
	if (loop_post(f->loop, on_stray, s))
		free(s);
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
	memcpy(f->egress, config->node.egress, sizeof f->egress);
	f->n_egress = config->node.n_egress;
	fleet_claims_round(f);
	f->peer = peer_new(loop_base(loop), board, &at, on_handed, f, err);
	if (f->peer && make_workers(f, config) == 0) {
		proxy_on_claims(proxy, &(struct proxy_claims){ask, stray, sent, f});
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

void fleet_claims_fill(const struct fleet_claims *f, struct node_record *own)
{
	char text[ADDR_STR_LEN];
	snprintf(own->peer, sizeof own->peer, "%s", f->address);
	for (unsigned i = 0; i < f->n_egress; i++)
		snprintf(own->egress[own->n_egress++], sizeof own->egress[0], "%s", addr_host_str(&f->egress[i], text));
}

const struct peer *fleet_claims_peer(const struct fleet_claims *f) { return f->peer; }
