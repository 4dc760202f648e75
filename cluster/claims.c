/* Claims in Redis: see claims.h. */
#include "cluster/claims.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"

#define CLAIM_MS 40000               /* as long as an INVITE may be repeated, and its answer (64 * T1) */
#define SENT_MS 240000               /* as long as it may ring (timer C), and the answer after that */
#define LOOKUP_US (300 * CLOCK_MS)   /* nobody hears silence meanwhile: less than until the request comes again (T1) */
#define REFUSALS_A_MINUTE 2

struct ask {
	struct claims *claims;
	bool take;
	char key[CLAIM_KEY_MAX + 80];
	claim_answer_fn *fn;
	void *arg;
};

struct claims {
	struct claims_config config;
	struct redis *servers[CLAIM_SERVERS_MAX];
	struct jw value, body;           /* the text being made, and what it signs */
	uint64_t seq;
	struct log_limit limit;
};

/* ---- values ---- */

static void full_key(const struct claims *c, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s:claim:%s", c->config.prefix, key);
}

static bool encode(struct claims *c, const char *key, const char *via, const char *peer, const char *uri)
{
	struct jw *body = &c->body;
	jw_reset(body);
	jw_reset(&c->value);
	jw_object(body);
	jw_kstr(body, "node", c->config.node);
	if (*via) {
		jw_kstr(body, "via", via);
		jw_kstr(body, "peer", peer);
		jw_kstr(body, "uri", uri);
	}
	jw_object_end(body);
	return !body->bad && !signed_encode(&c->config.keys, key, ++c->seq, atomic_load(c->config.epoch), body->data, body->len,
	                                    &c->value);
}

static bool take_text(const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, key));
	int n = snprintf(out, size, "%s", text ? text : "");
	return n >= 0 && (size_t)n < size;
}

static bool decode(struct claims *c, const char *key, const redisReply *r, struct claim_value *out)
{
	struct signed_text s;
	struct err err;
	uint64_t more;
	json_t *o = NULL;
	memset(out, 0, sizeof *out);
	bool ok = !signed_decode(&c->config.keys, key, r->str, r->len, &s, &err);
	if (ok && !(o = json_loadb(s.body, s.len, 0, NULL)))
		ok = !err_set(&err, EBADMSG, "not JSON");
	if (ok && (!take_text(o, "node", out->node, sizeof out->node) || !*out->node ||
	           !take_text(o, "via", out->via, sizeof out->via) || !take_text(o, "peer", out->peer, sizeof out->peer) ||
	           !take_text(o, "uri", out->uri, sizeof out->uri)))
		ok = !err_set(&err, EBADMSG, "not a claim");
	json_decref(o);
	if (ok)
		out->epoch = s.epoch;
	else if (log_allowed(&c->limit, REFUSALS_A_MINUTE, &more))
		log_warn("cluster: %s is refused: %s (%llu more were)", key, err.text, (unsigned long long)more);
	return ok;
}

/* ---- asking ---- */

static void answer(struct ask *a, enum claim_answer what, const struct claim_value *value)
{
	claim_answer_fn *fn = a->fn;
	void *arg = a->arg;
	free(a);
	fn(arg, what, value);
}

static void on_reply(void *arg, const struct redisReply *r)
{
	struct ask *a = arg;
	struct claims *c = a->claims;
	struct claim_value v;
	if (r && r->type == REDIS_REPLY_NIL)
		answer(a, a->take ? CLAIM_OURS : CLAIM_NOBODYS, NULL);
	else if (!r || r->type != REDIS_REPLY_STRING || !decode(c, a->key, r, &v))
		answer(a, CLAIM_UNKNOWN, NULL);
	else if (strcmp(v.node, c->config.node) == 0 && v.epoch == atomic_load(c->config.epoch))
		answer(a, CLAIM_OURS, NULL);
	else
		answer(a, CLAIM_THEIRS, &v);
}

/* The text made last, under `key`. `how` is "NX" (and then what was there is asked for, if anybody wants to know) or "". */
static int set(struct claims *c, unsigned server, const char *key, int ms, const char *how, struct ask *a)
{
	char px[16];
	snprintf(px, sizeof px, "%d", ms);
	const char *argv[] = {"SET", key, c->value.data, "PX", px, how, "GET"};
	const size_t lens[] = {3, strlen(key), c->value.len, 2, strlen(px), strlen(how), 3};
	if (!a)
		return redis_command_quiet(c->servers[server], *how ? 6 : 5, argv, lens);
	return redis_command_argv(c->servers[server], c->config.wait_ms * CLOCK_MS, on_reply, a, 7, argv, lens);
}

static int first_ready(const struct claims *c)
{
	for (unsigned i = 0; i < c->config.n_servers; i++)
		if (redis_ready(c->servers[i]))
			return (int)i;
	return -1;
}

int claims_ask(struct claims *c, const char *key, bool take, claim_answer_fn *fn, void *arg)
{
	int first = first_ready(c), rc = 0;
	struct ask *a = first >= 0 ? calloc(1, sizeof *a) : NULL;
	if (!a)
		return -ENOTCONN;
	*a = (struct ask){.claims = c, .take = take, .fn = fn, .arg = arg};
	full_key(c, key, a->key, sizeof a->key);
	if (!take)
		rc = redis_command(c->servers[first], LOOKUP_US, on_reply, a, "GET %s", a->key);
	else if (!encode(c, a->key, "", "", ""))
		rc = -ENOMEM;
	else
		rc = set(c, (unsigned)first, a->key, CLAIM_MS, "NX", a);
	if (rc) {
		free(a);
		return rc;
	}
	/* nobody waits for what the others say: their copy is for when the first is gone */
	for (unsigned i = (unsigned)first + 1; take && i < c->config.n_servers; i++)
		set(c, i, a->key, CLAIM_MS, "NX", NULL);
	return 0;
}

static void put_everywhere(struct claims *c, const char *key, int ms)
{
	for (unsigned i = 0; i < c->config.n_servers; i++)
		set(c, i, key, ms, "", NULL);
}

void claims_sent(struct claims *c, const char *key, const char *via, const struct addr *peer, const char *uri)
{
	char full[CLAIM_KEY_MAX + 80], text[ADDR_STR_LEN];
	full_key(c, key, full, sizeof full);
	if (strlen(via) < CLAIM_VIA_LEN && strlen(uri) < CLAIM_URI_LEN && encode(c, full, via, addr_str(peer, text), uri))
		put_everywhere(c, full, SENT_MS);
}

void claims_seize(struct claims *c, const char *key)
{
	char full[CLAIM_KEY_MAX + 80];
	full_key(c, key, full, sizeof full);
	if (encode(c, full, "", "", ""))
		put_everywhere(c, full, CLAIM_MS);
}

/* ---- life ---- */

struct claims *claims_new(struct event_base *base, const struct claims_config *config)
{
	static const struct redis_timing timing;
	struct claims *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->config = *config;
	jw_init(&c->value);
	jw_init(&c->body);
	for (unsigned i = 0; i < config->n_servers; i++)
		if (!(c->servers[i] = redis_new(base, &config->servers[i], &timing, NULL, NULL))) {
			claims_free(c);
			return NULL;
		}
	return c;
}

void claims_free(struct claims *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < CLAIM_SERVERS_MAX; i++)
		redis_free(c->servers[i]);  /* answers what waits */
	jw_free(&c->body);
	jw_free(&c->value);
	explicit_bzero(&c->config.keys, sizeof c->config.keys);
	free(c);
}
