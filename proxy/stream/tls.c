/* See tls.h. */
#include "proxy/stream/tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/addr.h"

struct tls_context {
	_Atomic unsigned refs;
	SSL_CTX *server, *client;    /* server: NULL without a certificate */
};

/* ---- names ---- */

static bool is_address(const char *name)
{
	struct addr a;
	return addr_parse(&a, name, 0) == 0;
}

/* sip:example.com or sips:example.com, without user or anything behind (RFC 5922 section 7.1). */
static bool uri_is(const char *uri, const char *name)
{
	const char *p = !strncasecmp(uri, "sip:", 4) ? uri + 4 : !strncasecmp(uri, "sips:", 5) ? uri + 5 : NULL;
	return p && !strcasecmp(p, name);
}

/* 1: that name's; 0: it has such names, others; -1: it has none. */
static int among_uris(const X509 *certificate, const char *name)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int found = -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type != GEN_URI)
			continue;
		const char *text = (const char *)ASN1_STRING_get0_data(n->d.uniformResourceIdentifier);
		bool whole = strlen(text) == (size_t)ASN1_STRING_length(n->d.uniformResourceIdentifier);
		if (whole && (!strncasecmp(text, "sip:", 4) || !strncasecmp(text, "sips:", 5)))
			found = uri_is(text, name) ? 1 : found > 0 ? found : 0;
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool tls_certificate_is(const X509 *certificate, const char *name)
{
	X509 *c = (X509 *)(uintptr_t)certificate;  /* OpenSSL's checks want it so, and change nothing */
	struct addr a;
	unsigned len;
	if (!addr_parse(&a, name, 0)) {
		const uint8_t *bytes = addr_bytes(&a, &len);
		return X509_check_ip(c, bytes, len, 0) == 1;
	}
	return among_uris(certificate, name) == 1 || X509_check_host(c, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* ---- contexts ---- */

static int name_index(void)
{
	static _Atomic int index = -1;  /* of an SSL's name; contexts are first made on the main thread */
	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

/* The chain is good: then the name, which is where "good" means something. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const char *name = SSL_get_ex_data(ssl, name_index());
	if (!ok || X509_STORE_CTX_get_error_depth(store) > 0 || !name)
		return ok;
	if (tls_certificate_is(X509_STORE_CTX_get_current_cert(store), name))
		return 1;
	X509_STORE_CTX_set_error(store, is_address(name) ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH);
	return 0;
}

static int fault(struct err *err, const char *what, const char *file)
{
	unsigned long e = ERR_peek_error();  /* the first says most */
	const char *reason = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	err_set(err, EINVAL, "%s %s: %s", what, file, reason ? reason : "cannot be used");
	ERR_clear_error();
	return -EINVAL;
}

static int load_own(SSL_CTX *ctx, const struct tls_files *f, struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, f->certificate) != 1)
		return fault(err, "certificate", f->certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) != 1)
		return fault(err, "key", f->key);
	return SSL_CTX_check_private_key(ctx) == 1 ? 0 : fault(err, "key", f->key);
}

static int set_up(SSL_CTX *ctx, const struct tls_files *f, struct err *err)
{
	if (!ctx)
		return err_set(err, ENOMEM, "out of memory");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"tandem", 6);
	if (f->ca ? SSL_CTX_load_verify_locations(ctx, f->ca, NULL) != 1 : SSL_CTX_set_default_verify_paths(ctx) != 1)
		return fault(err, "CA certificates", f->ca ? f->ca : "of the system");
	return f->certificate ? load_own(ctx, f, err) : 0;
}

struct tls_context *tls_context_new(const struct tls_files *files, struct err *err)
{
	struct tls_context *c = calloc(1, sizeof *c);
	if (!c) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	c->refs = 1;
	name_index();
	ERR_clear_error();
	c->client = SSL_CTX_new(TLS_client_method());
	int rc = set_up(c->client, files, err);
	if (!rc && files->certificate) {
		c->server = SSL_CTX_new(TLS_server_method());
		rc = set_up(c->server, files, err);
		if (!rc && !files->ca)  /* a carrier's own root is none of the system's: do not ask for what would fail */
			SSL_CTX_set_verify(c->server, SSL_VERIFY_NONE, NULL);
	}
	if (!rc) {
		/* ours are kept by destination and name (stream.c) */
		SSL_CTX_set_session_cache_mode(c->client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		return c;
	}
	tls_context_release(c);
	return NULL;
}

struct tls_context *tls_context_hold(struct tls_context *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_context_release(struct tls_context *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->server);
	SSL_CTX_free(c->client);
	free(c);
}

bool tls_context_presents(const struct tls_context *c) { return c->server != NULL; }

/* ---- connections ---- */

SSL *tls_server(struct tls_context *c) { return c && c->server ? SSL_new(c->server) : NULL; }

SSL *tls_client(struct tls_context *c, const char *name, SSL_SESSION *session)
{
	SSL *ssl = c ? SSL_new(c->client) : NULL;
	if (!ssl)
		return NULL;
	SSL_set_ex_data(ssl, name_index(), (void *)(uintptr_t)name);
	if (!is_address(name))
		SSL_set_tlsext_host_name(ssl, name);
	if (session)
		SSL_set_session(ssl, session);
	return ssl;
}

SSL_SESSION *tls_session(SSL *ssl)
{
	/* a copy: OpenSSL takes the connection's own one as spoilt when that ends without a farewell */
	SSL_SESSION *s = SSL_get0_session(ssl);
	return s && SSL_SESSION_is_resumable(s) ? SSL_SESSION_dup(s) : NULL;
}

void tls_failure(const SSL *ssl, unsigned long error, char *out, size_t size)
{
	long verified = SSL_get_verify_result(ssl);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	if (verified != X509_V_OK)
		snprintf(out, size, "certificate: %s", X509_verify_cert_error_string(verified));
	else
		snprintf(out, size, "TLS: %s", reason ? reason : "the peer ended the handshake");
	ERR_clear_error();
}
