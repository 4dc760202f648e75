/* What makes a call's own packets known again on any node: a signed token in the Record-Route, and a
 * signed branch in the Via. Both are HMAC-SHA-256 (RFC 2104), cut to 96 bits, under the secret the
 * nodes share; both are bound to the Call-ID, so that neither serves for another call.
 *
 * A signer belongs to one thread (its HMAC context is reused). */
#ifndef PROXY_TOKEN_H
#define PROXY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct signer;

/* `secret` is copied. NULL when OpenSSL refuses or memory is short. */
struct signer *signer_new(const uint8_t *secret, size_t len);
/* While secrets rotate: tokens under this one are taken too; nothing is signed by it. 0 or -ENOMEM. */
int signer_accept(struct signer *signer, const uint8_t *secret, size_t len);
void signer_free(struct signer *signer);

/* Names travel as hashes: nodes agree on names, not on indices. */
uint32_t token_name(const char *name);

struct token {
	uint32_t region, trunk, node;  /* token_name() of each */
	uint32_t time_s;               /* when the call was decided, seconds since 1970 UTC */
};

#define TOKEN_LEN 40                   /* characters, base64url (RFC 4648 section 5), fit for a SIP user part */

/* NUL-terminated into out. */
void token_sign(struct signer *signer, const struct token *token, const char *call_id, char out[TOKEN_LEN + 1]);
/* False when it is not ours, altered, or of another call; then *out is not written. */
bool token_verify(struct signer *signer, const char *text, const char *call_id, struct token *out);

#define BRANCH_LEN 40

/* The branch of a request sent on: derived from the request it came from and the attempt, so that
 * whoever has the secret can check it, and make it again (RFC 3261 section 16.11 asks the same of a
 * stateless proxy). Its last part is `loop`, sip_loop_value() of that request. NUL-terminated into out. */
void branch_sign(struct signer *signer, const char *call_id, uint32_t cseq, const char *upstream_branch,
                 const char *upstream_host, uint8_t attempt, uint64_t loop, char out[BRANCH_LEN]);
/* Whether a branch is what branch_sign() makes of the rest, whichever attempt it was; *attempt. */
bool branch_verify(struct signer *signer, const char *branch, const char *call_id, uint32_t cseq, const char *upstream_branch,
                   const char *upstream_host, uint8_t *attempt);
/* Whether `branch` looks like one of ours and has this loop value. */
bool branch_has_loop(const char *branch, uint64_t loop);

/* A To tag for answers of our own, the same for every answer to one request. */
#define TAG_LEN 17
void tag_sign(struct signer *signer, const char *call_id, const char *from_tag, char out[TAG_LEN]);

#endif
