/* Requests that wait to be told whose they are: see claim.h. */
#include "proxy/claim.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "proxy/ingress.h"

/* One of the usual size is kept when it ends: the allocator goes through all its free memory for a block so large. */
#define USUAL 2048
#define KEPT_MAX 64

struct claim {
	UT_hash_handle hh;
	struct claim *next;              /* of those kept */
	struct worker *w;
	struct sip_path from;
	struct sip_msg msg;
	bool waits, takes;
	char key[CLAIM_KEY_LEN];
	size_t len, room;
	char data[];
};

bool claim_wanted(const struct worker *w, const struct sip_path *from, const char *data, size_t len)
{
	const struct proxy_common *common = w->common;
	if (!common->claims.ask || from->transport != SIP_UDP || from->handed || !common->config.listen[from->socket].anycast)
		return false;
	return len > 7 && (!memcmp(data, "INVITE ", 7) || !memcmp(data, "CANCEL ", 7) || !memcmp(data, "ACK ", 4));
}

struct claim *claim_new(struct worker *w, const struct sip_path *from, const char *data, size_t len)
{
	size_t room = len < USUAL ? USUAL : len + 1;
	struct claim *c = room == USUAL ? w->claims_kept : NULL;
	if (c) {
		w->claims_kept = c->next;
		w->n_claims_kept--;
	} else if (!(c = malloc(sizeof *c + room))) {
		return NULL;
	}
	memset(c, 0, sizeof *c);
	c->room = room;
	c->w = w;
	c->from = *from;
	c->len = len;
	memcpy(c->data, data, len);
	return c;
}

char *claim_text(struct claim *c) { return c->data; }
struct sip_msg *claim_msg(struct claim *c) { return &c->msg; }
const char *claim_key(const struct claim *c) { return c->key; }

void claim_end(struct claim *c)
{
	struct worker *w = c->w;
	if (c->waits)
		return;
	sip_release(&c->msg);
	if (c->room != USUAL || w->n_claims_kept == KEPT_MAX) {
		free(c);
		return;
	}
	c->next = w->claims_kept;
	w->claims_kept = c;
	w->n_claims_kept++;
}

/* Of the INVITE transaction, also for a CANCEL or an ACK; short, and nobody without the secret can make one that is
 * another's. */
static bool make_key(struct claim *c)
{
	char text[TXN_KEY_MAX + 1];
	size_t n = txn_invite_key(&c->msg, text);
	text[n] = 0;
	if (n)
		tag_sign(c->w->signer, text, "claim", c->key);
	return n > 0;
}

bool claim_ask(struct claim *c, bool take)
{
	const struct proxy_claims *claims = &c->w->common->claims;
	struct claim *same;
	if (!make_key(c))
		return false;
	HASH_FIND_STR(c->w->claims, c->key, same);
	if (same && same->takes && take) {
		stats_inc(&c->w->stats, STAT_RETRANS_IN);
		return true;  /* and ends */
	}
	if (claims->ask(claims->arg, c->w->index, c->key, take, c)) {
		stats_inc(&c->w->stats, STAT_UNCLAIMED);
		return false;
	}
	c->waits = true;
	stats_inc(&c->w->stats, STAT_CLAIMS);
	c->takes = take;
	HASH_ADD_STR(c->w->claims, key, c);
	return true;
}

void claim_sent(struct worker *w, const char *key, const char *via, const struct addr *peer, const char *uri)
{
	const struct proxy_claims *claims = &w->common->claims;
	if (*key)
		claims->sent(claims->arg, w->index, key, via, peer, uri);
}

/* ---- the answer ---- */

static void leave(struct claim *c)
{
	HASH_DELETE(hh, c->w->claims, c);
	c->waits = false;
}

static void count(struct worker *w, enum proxy_verdict verdict)
{
	if (verdict == PROXY_CLAIM_LATE)
		stats_inc(&w->stats, STAT_UNCLAIMED);
	else if (verdict == PROXY_CLAIM_HANDED)
		stats_inc(&w->stats, STAT_HANDED);
	else if (verdict == PROXY_CLAIM_ADOPT)
		stats_inc(&w->stats, STAT_ADOPTED);
}

void claim_settle(struct claim *c, enum proxy_verdict verdict, const struct proxy_sent *sent)
{
	struct worker *w = c->w;
	leave(c);
	count(w, verdict);
	if (verdict != PROXY_CLAIM_HANDED)
		ingress_claimed(w, &c->from, c, verdict, sent);
	claim_end(c);
}

void proxy_claim_verdict(struct claim *c, enum proxy_verdict verdict, const struct proxy_sent *sent)
{
	struct worker *w = c->w;
	worker_begin(w);
	claim_settle(c, verdict, sent);
	worker_end_soon(w);
}

const char *proxy_claim_message(const struct claim *c, struct addr *source, struct addr *listener, size_t *len)
{
	*source = c->from.peer;
	*listener = c->w->common->config.listen[c->from.socket].address;
	*len = c->len;
	return c->data;
}

void claims_drop(struct worker *w)
{
	struct claim *c, *next;
	HASH_ITER(hh, w->claims, c, next) {
		leave(c);
		claim_end(c);
	}
	while ((c = w->claims_kept)) {
		w->claims_kept = c->next;
		free(c);
	}
}
