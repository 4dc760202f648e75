/* Certificates for tests: signed by themselves, each with the same key. */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* `names` as openssl's configuration has a subjectAltName, or NULL. To be freed by X509_free(). */
X509 *certificate(const char *common_name, const char *names);
/* The key of all of them, as long as certificate_forget() is not called. */
EVP_PKEY *certificate_key(void);
void certificate_forget(void);

#endif
