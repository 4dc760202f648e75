/* Whose a certificate is (RFC 5922 section 7.2), with certificates made here; contexts, and what is wrong with their files.
 * And which transport a URI asks for. */
#include "proxy/stream/tls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "proxy/transport.h"
#include "tests/unit/certificate.h"
#include "tests/unit/unit.h"

static void test_names(void)
{
	static const struct { const char *common, *names, *name; bool is; } of[] = {
		{"x", "DNS:sip.example.com", "sip.example.com", true},
		{"x", "DNS:sip.example.com", "SIP.Example.COM", true},
		{"x", "DNS:sip.example.com", "example.com", false},
		{"x", "DNS:sip.example.com", "evil.sip.example.com", false},
		{"x", "DNS:*.example.com", "abc.example.com", true},
		{"x", "DNS:*.example.com", "a.b.example.com", false},
		{"x", "DNS:*.example.com", "example.com", false},
		{"x", "DNS:s*.example.com", "sip.example.com", false},
		{"x", "URI:sip:example.com", "example.com", true},
		{"x", "URI:sips:example.com", "example.com", true},
		{"x", "URI:sip:alice@example.com", "example.com", false},
		{"x", "URI:https://example.com", "example.com", false},
		{"x", "URI:sip:a.example,URI:sip:b.example", "b.example", true},
		{"x", "URI:sip:a.example,DNS:b.example", "b.example", true},
		{"x", "IP:198.51.100.21", "198.51.100.21", true},
		{"x", "IP:198.51.100.22", "198.51.100.21", false},
		{"x", "DNS:198.51.100.21", "198.51.100.21", false},
		{"x", "IP:2001:db8::1", "2001:db8:0::1", true},
		{"x", "IP:2001:db8::1", "[2001:db8::1]", true},      /* as a URI has it */
		{"x", "IP:2001:db8::1", "[2001:db8::2]", false},
		{"sip.example.com", NULL, "sip.example.com", true},
		{"sip.example.com", "DNS:other.example.com", "sip.example.com", false},
		{"198.51.100.21", NULL, "198.51.100.21", false},
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		X509 *c = certificate(of[i].common, of[i].names);
		bool is = tls_certificate_is(c, of[i].name);
		if (is != of[i].is)
			fprintf(stderr, "%s of CN %s, %s: %d\n", of[i].name, of[i].common, of[i].names ? of[i].names : "", is);
		CU_ASSERT_EQUAL(is, of[i].is);
		X509_free(c);
	}
}

static char dir[] = "/tmp/tandem-tls-test.XXXXXX";

static const char *file(const char *name, void (*write)(FILE *f))
{
	static char paths[8][80];
	static unsigned n;
	char *path = paths[n++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	if (write) {
		FILE *f = fopen(path, "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		write(f);
		fclose(f);
	}
	return path;
}

static void write_certificate(FILE *f)
{
	X509 *c = certificate("node", NULL);
	PEM_write_X509(f, c);
	X509_free(c);
}
static void write_key(FILE *f) { PEM_write_PrivateKey(f, certificate_key(), NULL, NULL, 0, NULL, NULL); }
static void write_other_key(FILE *f)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	PEM_write_PrivateKey(f, other, NULL, NULL, 0, NULL, NULL);
	EVP_PKEY_free(other);
}
static void write_nonsense(FILE *f) { fputs("nonsense\n", f); }

static void refused(const char *certificate_file, const char *key_file, const char *ca, const char *words)
{
	struct err err = {{0}};
	CU_ASSERT_PTR_NULL(tls_context_new(&(struct tls_files){certificate_file, key_file, ca}, &err));
	if (!strstr(err.text, words))
		fprintf(stderr, "%s: %s\n", words, err.text);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
}

static void test_contexts(void)
{
	struct err err;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	const char *pem = file("c.pem", write_certificate), *good = file("k.pem", write_key), *other = file("o.pem", write_other_key);
	const char *bad = file("n.pem", write_nonsense), *none = file("none.pem", NULL);
	struct tls_context *c = tls_context_new(&(struct tls_files){pem, good, pem}, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	SSL *server = tls_server(c), *client = tls_client(c, "a.example", NULL);
	CU_ASSERT_PTR_NOT_NULL(server);
	CU_ASSERT_PTR_NOT_NULL(client);
	CU_ASSERT_TRUE(tls_context_presents(c));
	tls_context_release(tls_context_hold(c));
	tls_context_release(c);
	SSL_free(server);        /* a connection outlives the context it was made by */
	SSL_free(client);
	c = tls_context_new(&(struct tls_files){NULL, NULL, pem}, &err);
	CU_ASSERT_PTR_NULL(tls_server(c));
	CU_ASSERT_FALSE(tls_context_presents(c));
	tls_context_release(c);
	tls_context_release(NULL);
	refused(none, good, NULL, "none.pem: No such file");
	refused(bad, good, NULL, "certificate ");
	refused(pem, none, NULL, "none.pem: No such file");
	refused(pem, bad, NULL, "key ");
	refused(pem, other, NULL, "o.pem: key values mismatch");
	refused(pem, good, none, "CA certificates ");
	unlink(pem), unlink(good), unlink(other), unlink(bad), rmdir(dir);
	certificate_forget();
}

static void test_transports(void)
{
	static const struct { const char *scheme, *params; bool spoken; enum sip_transport t; } of[] = {
		{"sip", "", true, SIP_UDP}, {"sip", "lr", true, SIP_UDP}, {"sip", "transport=udp", true, SIP_UDP},
		{"sip", "lr;transport=TCP", true, SIP_TCP}, {"SIP", "Transport=tls;lr", true, SIP_TLS},
		{"sips", "", true, SIP_TLS}, {"sips", "transport=tcp", true, SIP_TLS}, {"sips", "transport=udp", false, SIP_TLS},
		{"sip", "transport=sctp", false, SIP_UDP}, {"sip", "transport=", false, SIP_UDP},
		{"sip", "transport=tcpx", false, SIP_UDP}, {"sip", "xtransport=tcp", true, SIP_UDP},
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		enum sip_transport t;
		CU_ASSERT_EQUAL(sip_transport_of_uri(of[i].scheme, of[i].params, &t), of[i].spoken);
		CU_ASSERT_EQUAL(t, of[i].t);
	}
}

UNIT_MAIN("tls", {"names of certificates", test_names}, {"contexts", test_contexts}, {"transports of URIs", test_transports})
