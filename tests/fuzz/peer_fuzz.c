/* libFuzzer on what nodes hand one another: as it comes, which the MAC refuses, and with a MAC that is right, so that what
 * is behind it is read too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "cluster/peer_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) do { if (!(what)) abort(); } while (0)
static const uint8_t secret[] = "a secret for the fuzzer alone";

static void read_it(const struct cluster_keys *keys, const uint8_t *data, size_t size)
{
	static uint8_t again[PEER_DATAGRAM_MAX + 64];
	struct peer_msg m;
	const char *why = NULL;
	if (!peer_msg_read(keys, data, size, &m, &why)) {
		CHECK(why);
		return;
	}
	CHECK(m.data >= data && m.data + m.len <= data + size);
	struct writer w = writer_of(again, sizeof again);
	if (size <= PEER_DATAGRAM_MAX)
		CHECK(peer_msg_write(keys, &m, &w) && writer_len(&w) == size && !memcmp(again, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cluster_keys keys;
	uint8_t mac[32], *signed_copy = malloc(size + 28);
	unsigned n = sizeof mac;
	if (!keys.n)
		CHECK(!cluster_keys_add(&keys, secret, sizeof secret));
	read_it(&keys, data, size);
	memcpy(signed_copy, "tdm1", 4);
	memcpy(signed_copy + 4, keys.id[0], 8);
	memcpy(signed_copy + 12, data, size);
	CHECK(HMAC(EVP_sha256(), secret, sizeof secret, signed_copy, size + 12, mac, &n));
	memcpy(signed_copy + 12 + size, mac, 16);
	read_it(&keys, signed_copy, size + 28);
	free(signed_copy);
	return 0;
}
