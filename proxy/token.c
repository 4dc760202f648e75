/* Tokens and branches: see token.h. Layout of a token: version (1), zero (1), region (4), trunk (4),
 * node (4), time (4), MAC (12); 30 bytes, 40 characters. */
#include "proxy/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/buf.h"

#define MAC_LEN 12
#define PAYLOAD_LEN 18
#define TOKEN_BYTES (PAYLOAD_LEN + MAC_LEN)
#define VERSION 1

struct signer {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
	EVP_MAC_CTX *old;            /* under a second secret, that is accepted and does not sign; NULL: none */
};

static EVP_MAC_CTX *context(EVP_MAC *mac, const uint8_t *secret, size_t len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	if (ctx && !EVP_MAC_init(ctx, secret, len, params)) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

struct signer *signer_new(const uint8_t *secret, size_t len)
{
	struct signer *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	s->ctx = context(s->mac, secret, len);
	if (!s->ctx) {
		signer_free(s);
		return NULL;
	}
	return s;
}

int signer_accept(struct signer *s, const uint8_t *secret, size_t len)
{
	EVP_MAC_CTX *ctx = context(s->mac, secret, len);
	if (!ctx)
		return -ENOMEM;
	EVP_MAC_CTX_free(s->old);
	s->old = ctx;
	return 0;
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	EVP_MAC_CTX_free(s->old);
	EVP_MAC_CTX_free(s->ctx);
	EVP_MAC_free(s->mac);
	free(s);
}

uint32_t token_name(const char *name)
{
	uint32_t h = 2166136261u;  /* FNV-1a */
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

/* The parts, each with a NUL behind it, so that no two sets of parts read the same. They go in one piece where they fit:
 * each has its price. */
static void mac_parts(EVP_MAC_CTX *ctx, const void *const parts[], const size_t lens[], unsigned n,
                      uint8_t out[MAC_LEN])
{
	uint8_t full[32], piece[512];
	size_t len = 0;
	struct writer w = writer_of(piece, sizeof piece);
	EVP_MAC_init(ctx, NULL, 0, NULL);  /* the same key again */
	for (unsigned i = 0; i < n; i++) {
		write_bytes(&w, parts[i], lens[i]);
		write_u8(&w, 0);
	}
	if (!w.bad)
		EVP_MAC_update(ctx, piece, writer_len(&w));
	for (unsigned i = 0; w.bad && i < n; i++) {
		EVP_MAC_update(ctx, parts[i], lens[i]);
		EVP_MAC_update(ctx, (const uint8_t *)"", 1);
	}
	EVP_MAC_final(ctx, full, &len, sizeof full);
	memcpy(out, full, MAC_LEN);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* n is a multiple of 3. */
static void base64url(const uint8_t *in, size_t n, char *out)
{
	for (; n; n -= 3, in += 3, out += 4) {
		uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		out[0] = digits[v >> 18];
		out[1] = digits[v >> 12 & 63];
		out[2] = digits[v >> 6 & 63];
		out[3] = digits[v & 63];
	}
	*out = 0;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool unbase64url(const char *in, size_t chars, uint8_t *out)
{
	for (; chars; chars -= 4, in += 4, out += 3) {
		uint32_t v = 0;
		for (int i = 0; i < 4; i++) {
			int d = digit_value(in[i]);
			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		out[0] = (uint8_t)(v >> 16);
		out[1] = (uint8_t)(v >> 8);
		out[2] = (uint8_t)v;
	}
	return true;
}

static void token_mac(EVP_MAC_CTX *ctx, const uint8_t *payload, const char *call_id, uint8_t out[MAC_LEN])
{
	const void *const parts[] = {"token", payload, call_id};
	const size_t lens[] = {5, PAYLOAD_LEN, strlen(call_id)};
	mac_parts(ctx, parts, lens, 3, out);
}

void token_sign(struct signer *s, const struct token *t, const char *call_id, char out[TOKEN_LEN + 1])
{
	uint8_t bytes[TOKEN_BYTES];
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u8(&w, VERSION);
	write_u8(&w, 0);
	write_u32(&w, t->region);
	write_u32(&w, t->trunk);
	write_u32(&w, t->node);
	write_u32(&w, t->time_s);
	token_mac(s->ctx, bytes, call_id, bytes + PAYLOAD_LEN);
	base64url(bytes, sizeof bytes, out);
}

static bool token_mac_is(EVP_MAC_CTX *ctx, const uint8_t *bytes, const char *call_id)
{
	uint8_t mac[MAC_LEN];
	token_mac(ctx, bytes, call_id, mac);
	return CRYPTO_memcmp(mac, bytes + PAYLOAD_LEN, MAC_LEN) == 0;
}

bool token_verify(struct signer *s, const char *text, const char *call_id, struct token *out)
{
	uint8_t bytes[TOKEN_BYTES];
	if (strlen(text) != TOKEN_LEN || !unbase64url(text, TOKEN_LEN, bytes) || bytes[0] != VERSION)
		return false;
	if (!token_mac_is(s->ctx, bytes, call_id) && !(s->old && token_mac_is(s->old, bytes, call_id)))
		return false;
	struct reader r = reader_of(bytes + 2, PAYLOAD_LEN - 2);
	out->region = read_u32(&r);
	out->trunk = read_u32(&r);
	out->node = read_u32(&r);
	out->time_s = read_u32(&r);
	return true;
}

/* Layout: version (1), zero (1), attempt (1), MAC (12), loop value (6); 21 bytes, 28 characters. */
#define LOOP_LEN 6
#define LOOP_AT (7 + 20)

static void loop_text(uint64_t loop, char out[LOOP_LEN * 4 / 3 + 1])
{
	uint8_t bytes[LOOP_LEN];
	for (unsigned i = 0; i < LOOP_LEN; i++)
		bytes[i] = (uint8_t)(loop >> (8 * i));
	base64url(bytes, sizeof bytes, out);
}

bool branch_has_loop(const char *branch, uint64_t loop)
{
	char text[LOOP_LEN * 4 / 3 + 1];
	if (strlen(branch) != LOOP_AT + sizeof text - 1)
		return false;
	loop_text(loop, text);
	return !strcmp(branch + LOOP_AT, text);
}

#define BRANCH_BYTES (3 + MAC_LEN)
#define BRANCH_CHARS (LOOP_AT + LOOP_LEN * 4 / 3)

static void branch_bytes(EVP_MAC_CTX *ctx, const char *call_id, uint32_t cseq, const char *upstream_branch,
                         const char *upstream_host, uint8_t attempt, uint8_t out[BRANCH_BYTES])
{
	const void *const parts[] = {"branch", call_id, &cseq, upstream_branch, upstream_host, &attempt};
	const size_t lens[] = {6, strlen(call_id), sizeof cseq, strlen(upstream_branch), strlen(upstream_host), 1};
	out[0] = VERSION;
	out[1] = 0;
	out[2] = attempt;
	mac_parts(ctx, parts, lens, 6, out + 3);
}

void branch_sign(struct signer *s, const char *call_id, uint32_t cseq, const char *upstream_branch,
                 const char *upstream_host, uint8_t attempt, uint64_t loop, char out[BRANCH_LEN])
{
	uint8_t bytes[BRANCH_BYTES];
	branch_bytes(s->ctx, call_id, cseq, upstream_branch, upstream_host, attempt, bytes);
	memcpy(out, "z9hG4bK", 7);
	base64url(bytes, sizeof bytes, out + 7);
	loop_text(loop, out + LOOP_AT);
}

bool branch_verify(struct signer *s, const char *branch, const char *call_id, uint32_t cseq, const char *upstream_branch,
                   const char *upstream_host, uint8_t *attempt)
{
	EVP_MAC_CTX *const contexts[] = {s->ctx, s->old};
	uint8_t bytes[BRANCH_BYTES], want[BRANCH_BYTES];
	if (strlen(branch) != BRANCH_CHARS || strncmp(branch, "z9hG4bK", 7) != 0 || !unbase64url(branch + 7, LOOP_AT - 7, bytes))
		return false;
	for (unsigned i = 0; i < 2 && contexts[i]; i++) {
		branch_bytes(contexts[i], call_id, cseq, upstream_branch, upstream_host, bytes[2], want);
		*attempt = bytes[2];
		if (!CRYPTO_memcmp(bytes, want, sizeof bytes))
			return true;
	}
	return false;
}

void tag_sign(struct signer *s, const char *call_id, const char *from_tag, char out[TAG_LEN])
{
	const void *const parts[] = {"tag", call_id, from_tag};
	const size_t lens[] = {3, strlen(call_id), strlen(from_tag)};
	uint8_t bytes[MAC_LEN];
	mac_parts(s->ctx, parts, lens, 3, bytes);
	base64url(bytes, sizeof bytes, out);
}
