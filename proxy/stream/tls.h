/* TLS for SIP (RFC 5630, RFC 5922) by OpenSSL: certificates, versions (1.2 and 1.3), and whether a peer is who it has to
 * be. A context never changes: new certificates make a new one, which connections made from then on hold. */
#ifndef PROXY_STREAM_TLS_H
#define PROXY_STREAM_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

struct tls_files {
	const char *certificate;     /* PEM, ours first, then those between it and the root; NULL: we are no server */
	const char *key;             /* PEM, without a passphrase */
	const char *ca;              /* PEM of the roots that peers are checked against; NULL: the system's */
};

struct tls_context;

/* NULL and `err` with the file and what is wrong with it. Any thread. */
struct tls_context *tls_context_new(const struct tls_files *files, struct err *err);
/* Counted; freed with the last. Any thread. */
struct tls_context *tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context);

/* Whether it has a certificate, to be a server with, and to show as a client. Any thread. */
bool tls_context_presents(const struct tls_context *context);

/* For a connection that came. Where `ca` was said, a client's certificate is asked for and checked, and it need not have
 * one. NULL without memory, or where the context has no certificate. */
SSL *tls_server(struct tls_context *context);
/* For a connection to `name`, a host name or an address, which must be the peer's: the handshake fails where its
 * certificate is not that name's. `session` of an earlier connection to the same peer and name, or NULL. */
SSL *tls_client(struct tls_context *context, const char *name, SSL_SESSION *session);
/* What may be resumed of a client's connection that has been up; to be freed by SSL_SESSION_free(). NULL: nothing. */
SSL_SESSION *tls_session(SSL *ssl);
/* Why the handshake failed, with OpenSSL's `error` or 0: a short text in `out`. */
void tls_failure(const SSL *ssl, unsigned long error, char *out, size_t size);

/* RFC 5922 section 7: whether the certificate is that name's. A URI sip:NAME among its subjectAltNames counts, then DNS
 * names (here also with a wildcard for the leftmost label, which that RFC has not: services have such certificates),
 * then, without any of them, the common name; an address has to be there as an address. */
bool tls_certificate_is(const X509 *certificate, const char *name);

#endif
