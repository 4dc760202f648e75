/* See certificate.h. */
#include "tests/unit/certificate.h"

#include <openssl/x509v3.h>

#include "tests/unit/unit.h"

static EVP_PKEY *key;

EVP_PKEY *certificate_key(void)
{
	if (!key)
		key = EVP_EC_gen("P-256");
	return key;
}

void certificate_forget(void)
{
	EVP_PKEY_free(key);
	key = NULL;
}

X509 *certificate(const char *common_name, const char *names)
{
	X509 *c = X509_new();
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_set_pubkey(c, certificate_key());
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(c));
	if (names) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		X509_add_ext(c, e, -1);
		X509_EXTENSION_free(e);
	}
	CU_ASSERT_FATAL(X509_sign(c, certificate_key(), EVP_sha256()) > 0);
	return c;
}
