/* Records of nodes, signed: see record.h. */
#include "cluster/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"

#define MAC_LEN 32
#define MAC_HEX (2 * MAC_LEN)
#define VERSION "tandem1"
#define SECRET_MIN 16
#define HEADER_MAX 160

/* ---- signing ---- */

static void hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = 0;
}

static bool hmac(const uint8_t *secret, unsigned secret_len, const void *data, size_t len, uint8_t out[MAC_LEN])
{
	unsigned n = MAC_LEN;
	return HMAC(EVP_sha256(), secret, (int)secret_len, data, len, out, &n) && n == MAC_LEN;
}

int cluster_keys_add(struct cluster_keys *keys, const uint8_t *secret, size_t len)
{
	static const char label[] = "tandem key id";
	uint8_t mac[MAC_LEN];
	unsigned i = keys->n;
	if (i == CLUSTER_KEYS_MAX || len < SECRET_MIN || len > sizeof keys->secret[0] ||
	    !hmac(secret, (unsigned)len, label, sizeof label, mac))
		return -EINVAL;
	memcpy(keys->secret[i], secret, len);
	keys->len[i] = (unsigned)len;
	hex(mac, 4, keys->id[i]);
	keys->n++;
	return 0;
}

/* Over key, header and body, each ended by a NUL, which none of them contains before it. */
static bool sign(const struct cluster_keys *keys, unsigned which, const char *redis_key, uint64_t seq, uint64_t epoch,
                 const char *body, size_t len, char out[MAC_HEX + 1])
{
	static const char label[] = "tandem record";
	uint8_t mac[MAC_LEN], few[1024];
	char head[HEADER_MAX];
	int n = snprintf(head, sizeof head, "%s %" PRIu64 " %" PRIu64, VERSION, seq, epoch);
	size_t key_len = strlen(redis_key) + 1, total = sizeof label + key_len + (size_t)n + 1 + len;
	uint8_t *text = total <= sizeof few ? few : malloc(total);
	if (!text)
		return false;
	struct writer w = writer_of(text, total);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, redis_key, key_len);
	write_bytes(&w, head, (size_t)n + 1);
	write_bytes(&w, body, len);
	bool ok = hmac(keys->secret[which], keys->len[which], text, total, mac);
	if (text != few)
		free(text);
	if (ok)
		hex(mac, MAC_LEN, out);
	return ok;
}

int signed_encode(const struct cluster_keys *keys, const char *redis_key, uint64_t seq, uint64_t epoch, const char *body,
                  size_t len, struct jw *out)
{
	char mac[MAC_HEX + 1], head[HEADER_MAX];
	if (!keys->n || !sign(keys, 0, redis_key, seq, epoch, body, len, mac))
		return -ENOMEM;
	int n = snprintf(head, sizeof head, VERSION " %" PRIu64 " %" PRIu64 " %s %s\n", seq, epoch, keys->id[0], mac);
	jw_raw(out, head, (size_t)n);
	jw_raw(out, body, len);
	return out->bad ? -ENOMEM : 0;
}

/* The next word of the header and the character that ends it; false: there is none, or it is too long. */
static bool word(const char **at, const char *end, char stop, char *out, size_t size)
{
	const char *p = memchr(*at, stop, (size_t)(end - *at));
	if (!p || p == *at || (size_t)(p - *at) >= size)
		return false;
	memcpy(out, *at, (size_t)(p - *at));
	out[p - *at] = 0;
	*at = p + 1;
	return true;
}

static bool whole(const char *text, uint64_t *out)
{
	char *end;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

static int key_index(const struct cluster_keys *keys, const char *id)
{
	for (unsigned i = 0; i < keys->n; i++)
		if (!strcmp(keys->id[i], id))
			return (int)i;
	return -1;
}

int signed_decode(const struct cluster_keys *keys, const char *redis_key, const char *text, size_t len,
                  struct signed_text *out, struct err *err)
{
	const char *at = text, *end = text + len;
	char version[16], seq[24], epoch[24], mac[MAC_HEX + 1], want[MAC_HEX + 1];
	struct signed_text s;
	if (len > RECORD_TEXT_MAX)
		return err_set(err, EBADMSG, "longer than %d bytes: not written by a node", RECORD_TEXT_MAX);
	if (!word(&at, end, ' ', version, sizeof version))
		return err_set(err, EBADMSG, "not a record: it has to begin with \"" VERSION "\"");
	if (strcmp(version, VERSION))
		return err_set(err, EBADMSG, "of version \"%.15s\": this node reads " VERSION, version);
	if (!word(&at, end, ' ', seq, sizeof seq) || !word(&at, end, ' ', epoch, sizeof epoch) ||
	    !word(&at, end, ' ', s.keyid, sizeof s.keyid) || !word(&at, end, '\n', mac, sizeof mac) ||
	    strlen(mac) != MAC_HEX || !whole(seq, &s.seq) || !whole(epoch, &s.epoch))
		return err_set(err, EBADMSG, "truncated: its header is not whole");
	int which = key_index(keys, s.keyid);
	if (which < 0)
		return err_set(err, EBADMSG, "signed by secret %s, which this node does not have", s.keyid);
	s.body = at;
	s.len = (size_t)(end - at);
	if (!sign(keys, (unsigned)which, redis_key, s.seq, s.epoch, s.body, s.len, want) || CRYPTO_memcmp(want, mac, MAC_HEX))
		return err_set(err, EBADMSG, "bad MAC: truncated, altered, or written under another key");
	*out = s;
	return 0;
}

/* ---- to JSON ---- */

static void put_region(struct jw *w, const struct node_region *r)
{
	jw_object(w);
	jw_kstr(w, "name", r->name);
	jw_kuint(w, "setups", r->setups);
	jw_kuint(w, "calls", r->calls);
	jw_kuint(w, "latency_us", r->latency_us);
	jw_kdouble(w, "errors", (double)r->error_rate, 3);
	jw_kbool(w, "healthy", r->healthy);
	jw_kstr(w, "state", r->state);
	jw_object_end(w);
}

static void put_record(struct jw *w, const struct node_record *r)
{
	jw_object(w);
	jw_kstr(w, "node", r->node);
	jw_kstr(w, "version", r->version);
	jw_kstr(w, "peer", r->peer);
	jw_key(w, "egress");
	jw_array(w);
	for (unsigned i = 0; i < r->n_egress; i++)
		jw_str(w, r->egress[i]);
	jw_array_end(w);
	jw_kstr(w, "revision", r->revision);
	jw_kint(w, "wall_us", r->wall_us);
	jw_kuint(w, "fleet", r->fleet_revision);
	jw_kstr(w, "fleet_refused", r->fleet_refused);
	jw_kbool(w, "ready", r->ready);
	jw_key(w, "regions");
	jw_array(w);
	for (unsigned i = 0; i < r->n_regions; i++)
		put_region(w, &r->regions[i]);
	jw_array_end(w);
	jw_key(w, "prefixes");
	jw_array(w);
	for (unsigned i = 0; i < r->n_prefixes; i++) {
		jw_object(w);
		jw_kstr(w, "prefix", r->prefixes[i].prefix);
		jw_kstr(w, "action", r->prefixes[i].action);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

int record_encode(const struct cluster_keys *keys, const char *redis_key, const struct node_record *r, struct jw *out)
{
	struct jw body;
	jw_init(&body);
	put_record(&body, r);
	int rc = body.bad ? -ENOMEM : signed_encode(keys, redis_key, r->seq, r->epoch, body.data, body.len, out);
	jw_free(&body);
	return rc;
}

/* ---- from JSON: keys of a later version are passed over, missing ones are nothing known ---- */

static const char *text_of(const json_t *o)
{
	const char *text = json_string_value(o);
	return text ? text : "";
}

static void take_text(const json_t *o, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", text_of(json_object_get(o, key)));
}

static uint32_t take_count(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));
	return v < 0 ? 0 : v > 1000000000 ? 1000000000 : (uint32_t)v;
}

static void take_region(const json_t *o, struct node_region *r)
{
	double errors = json_number_value(json_object_get(o, "errors"));
	take_text(o, "name", r->name, sizeof r->name);
	take_text(o, "state", r->state, sizeof r->state);
	r->setups = take_count(o, "setups");
	r->calls = take_count(o, "calls");
	r->latency_us = take_count(o, "latency_us");
	r->error_rate = errors >= 0 && errors <= 1 ? (float)errors : 0;
	r->healthy = json_is_true(json_object_get(o, "healthy"));
}

static void take_record(const json_t *o, struct node_record *r)
{
	const json_t *regions = json_object_get(o, "regions"), *prefixes = json_object_get(o, "prefixes"),
	             *egress = json_object_get(o, "egress");
	take_text(o, "version", r->version, sizeof r->version);
	take_text(o, "peer", r->peer, sizeof r->peer);
	for (size_t i = 0; i < json_array_size(egress) && r->n_egress < 2; i++)
		snprintf(r->egress[r->n_egress++], sizeof r->egress[0], "%s", text_of(json_array_get(egress, i)));
	take_text(o, "revision", r->revision, sizeof r->revision);
	take_text(o, "fleet_refused", r->fleet_refused, sizeof r->fleet_refused);
	r->wall_us = json_integer_value(json_object_get(o, "wall_us"));
	r->fleet_revision = (uint64_t)json_integer_value(json_object_get(o, "fleet"));
	r->ready = json_is_true(json_object_get(o, "ready"));
	for (size_t i = 0; i < json_array_size(regions) && r->n_regions < RECORD_REGIONS; i++)
		take_region(json_array_get(regions, i), &r->regions[r->n_regions++]);
	for (size_t i = 0; i < json_array_size(prefixes) && r->n_prefixes < RECORD_PREFIXES; i++) {
		struct node_prefix *p = &r->prefixes[r->n_prefixes++];
		take_text(json_array_get(prefixes, i), "prefix", p->prefix, sizeof p->prefix);
		take_text(json_array_get(prefixes, i), "action", p->action, sizeof p->action);
	}
}

int record_decode(const struct cluster_keys *keys, const char *redis_key, const char *node, const char *text, size_t len,
                  struct node_record *out, struct err *err)
{
	struct signed_text s;
	json_error_t why;
	int rc = signed_decode(keys, redis_key, text, len, &s, err);
	if (rc)
		return rc;
	json_t *o = json_loadb(s.body, s.len, JSON_REJECT_DUPLICATES, &why);
	const char *named = json_string_value(json_object_get(o, "node"));
	if (!o || !named) {
		rc = err_set(err, EBADMSG, "not a record: %.100s", o ? "it names no node" : why.text);
	} else if (strcmp(named, node)) {
		rc = err_set(err, EBADMSG, "written by node \"%.60s\"", named);
	} else {
		memset(out, 0, sizeof *out);
		snprintf(out->node, sizeof out->node, "%s", node);
		snprintf(out->keyid, sizeof out->keyid, "%s", s.keyid);
		out->seq = s.seq;
		out->epoch = s.epoch;
		take_record(o, out);
	}
	json_decref(o);
	return rc;
}

bool record_newer(const struct node_record *a, const struct node_record *b)
{
	return a->epoch != b->epoch ? a->epoch > b->epoch : a->seq > b->seq;
}
