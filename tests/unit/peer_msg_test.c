/* What nodes hand one another: written, read again, and everything that may not be taken. */
#include "cluster/peer_msg.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct cluster_keys keys_of(const char *secret)
{
	struct cluster_keys keys = {.n = 0};
	CU_ASSERT_EQUAL_FATAL(cluster_keys_add(&keys, (const uint8_t *)secret, strlen(secret)), 0);
	return keys;
}

#define SECRET "a secret of the fleet, long enough"
static const char text[] = "CANCEL sip:+1@203.0.113.10 SIP/2.0\r\n\r\n";

static size_t write_one(const struct cluster_keys *keys, uint8_t *buf, size_t size, const char *source)
{
	struct peer_msg m = {.epoch = 0x1122334455667788, .seq = 7, .wall_us = 1700000000000000, .from = "node-a",
	                     .data = (const uint8_t *)text, .len = strlen(text)};
	struct writer w = writer_of(buf, size);
	addr_parse(&m.source, source, 5070);
	addr_parse(&m.listener, "2001:db8::10", 5060);
	return peer_msg_write(keys, &m, &w) ? writer_len(&w) : 0;
}

static void test_round_trip(void)
{
	struct cluster_keys keys = keys_of(SECRET);
	struct peer_msg m;
	const char *why;
	char address[ADDR_STR_LEN];
	uint8_t buf[512];
	size_t n = write_one(&keys, buf, sizeof buf, "192.0.2.2");
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_TRUE_FATAL(peer_msg_read(&keys, buf, n, &m, &why));
	CU_ASSERT_STRING_EQUAL(m.from, "node-a");
	CU_ASSERT_EQUAL(m.epoch, 0x1122334455667788);
	CU_ASSERT_EQUAL(m.seq, 7);
	CU_ASSERT_EQUAL(m.wall_us, 1700000000000000);
	CU_ASSERT_STRING_EQUAL(addr_str(&m.source, address), "192.0.2.2:5070");
	CU_ASSERT_STRING_EQUAL(addr_str(&m.listener, address), "[2001:db8::10]:5060");
	CU_ASSERT_EQUAL(m.len, strlen(text));
	CU_ASSERT_EQUAL(memcmp(m.data, text, m.len), 0);
}

static void test_refused(void)
{
	struct cluster_keys keys = keys_of(SECRET), other = keys_of("another secret, as long as that"), both = keys_of("the next one, 16 at least");
	struct peer_msg m;
	const char *why;
	uint8_t buf[512];
	size_t n = write_one(&keys, buf, sizeof buf, "192.0.2.2");
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1);  /* of its size, so that a byte read too many is seen */
		memcpy(cut, buf, i);
		CU_ASSERT_FALSE(peer_msg_read(&keys, cut, i, &m, &why));
		free(cut);
		buf[i] ^= 1;
		CU_ASSERT_FALSE(peer_msg_read(&keys, buf, n, &m, &why));
		buf[i] ^= 1;
	}
	CU_ASSERT_TRUE(peer_msg_read(&keys, buf, n, &m, &why));
	CU_ASSERT_FALSE(peer_msg_read(&other, buf, n, &m, &why));
	CU_ASSERT_STRING_EQUAL(why, "of a secret that this node does not have");
	CU_ASSERT_EQUAL(cluster_keys_add(&both, (const uint8_t *)SECRET, strlen(SECRET)), 0);
	CU_ASSERT_TRUE(peer_msg_read(&both, buf, n, &m, &why));  /* while secrets rotate */
	CU_ASSERT_EQUAL(write_one(&keys, buf, 100, "192.0.2.2"), 0);  /* no room */
}

static void test_window(void)
{
	struct peer_window w = {.epoch = 0};
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 0));
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 1));
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 1));
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 3));
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 2));
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 2));
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 66));
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 2));     /* too far back to tell */
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 4));
	CU_ASSERT_TRUE(peer_window_take(&w, 5, 1000));
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 66));
	CU_ASSERT_TRUE(peer_window_take(&w, 6, 1));      /* another life */
	CU_ASSERT_FALSE(peer_window_take(&w, 5, 1001));  /* what the one before left on its way */
}

UNIT_MAIN("peer_msg", {"written and read", test_round_trip}, {"refused", test_refused}, {"each once", test_window})
