/* The BFD Control packet: the bytes of RFC 5880 section 4.1, and what section 6.8.6 refuses. */
#include "anycast/bfd_msg.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static const uint8_t up[BFD_PACKET_LEN] = {
	0x21, 0xe0, 3, 24, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 7, 0, 0x04, 0x93, 0xe0, 0, 0x0f, 0x42, 0x40, 0, 0, 0, 0,
};

static void test_bytes(void)
{
	const struct bfd_packet p = {
		.diag = BFD_DIAG_TIME_EXPIRED, .state = BFD_UP, .poll = true, .multiplier = 3, .my_discr = 0xdeadbeef,
		.your_discr = 7, .desired_tx_us = 300000, .required_rx_us = 1000000,
	};
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof buf);

	bfd_msg_write(&w, &p);
	CU_ASSERT_EQUAL_FATAL(writer_len(&w), BFD_PACKET_LEN);
	CU_ASSERT_EQUAL(memcmp(buf, up, sizeof up), 0);
	w = writer_of(buf, BFD_PACKET_LEN - 1);
	bfd_msg_write(&w, &p);
	CU_ASSERT_TRUE(w.bad);
}

static void test_round_trip(void)
{
	const char *why;

	for (int state = BFD_ADMIN_DOWN; state < BFD_STATES; state++) {
		for (int flags = 0; flags < 8; flags++) {
			const struct bfd_packet in = {
				.diag = 31, .state = (enum bfd_state)state, .poll = flags & 1, .final = flags & 2,
				.demand = flags & 4, .multiplier = 255, .my_discr = UINT32_MAX, .your_discr = 1,
				.desired_tx_us = UINT32_MAX, .required_rx_us = 0,
			};
			struct bfd_packet out;
			uint8_t buf[BFD_PACKET_LEN];
			struct writer w = writer_of(buf, sizeof buf);

			bfd_msg_write(&w, &in);
			CU_ASSERT_EQUAL_FATAL(bfd_msg_read(buf, sizeof buf, &out, &why), 0);
			CU_ASSERT_EQUAL(out.diag, 31);
			CU_ASSERT_EQUAL(out.state, in.state);
			CU_ASSERT_EQUAL(out.poll, in.poll);
			CU_ASSERT_EQUAL(out.final, in.final);
			CU_ASSERT_EQUAL(out.demand, in.demand);
			CU_ASSERT_EQUAL(out.multiplier, 255);
			CU_ASSERT_EQUAL(out.my_discr, UINT32_MAX);
			CU_ASSERT_EQUAL(out.your_discr, 1);
			CU_ASSERT_EQUAL(out.desired_tx_us, UINT32_MAX);
			CU_ASSERT_EQUAL(out.required_rx_us, 0);
		}
	}
}

/* One byte of a good packet changed. */
static void refuse(size_t at, uint8_t value, const char *words)
{
	struct bfd_packet out = {.my_discr = 42};
	uint8_t buf[BFD_PACKET_LEN];
	const char *why = NULL;

	memcpy(buf, up, sizeof buf);
	buf[at] = value;
	CU_ASSERT_EQUAL(bfd_msg_read(buf, sizeof buf, &out, &why), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, words));
	CU_ASSERT_EQUAL(out.my_discr, 42);  /* written only on success */
}

static void test_refused(void)
{
	struct bfd_packet out;
	uint8_t buf[BFD_PACKET_LEN];
	const char *why;

	refuse(0, 0x01, "version");
	refuse(0, 0x41, "version");
	refuse(3, 23, "length");
	refuse(3, 25, "length");                        /* more than there is */
	refuse(1, 0xe4, "authenticated");
	refuse(1, 0xe1, "multipoint");
	refuse(2, 0, "multiplier");
	memcpy(buf, up, sizeof buf);
	memset(buf + 4, 0, 4);
	CU_ASSERT_EQUAL(bfd_msg_read(buf, sizeof buf, &out, &why), -EBADMSG);
	for (int state = 0; state < BFD_STATES; state++) {  /* Your Discriminator 0 only from Down or AdminDown */
		memcpy(buf, up, sizeof buf);
		memset(buf + 8, 0, 4);
		buf[1] = (uint8_t)(state << 6);
		CU_ASSERT_EQUAL(bfd_msg_read(buf, sizeof buf, &out, &why), state > BFD_DOWN ? -EBADMSG : 0);
	}
}

static void test_every_length(void)
{
	struct bfd_packet out;
	uint8_t buf[64] = {0};
	const char *why;

	memcpy(buf, up, sizeof up);
	for (size_t len = 0; len < BFD_PACKET_LEN; len++) {
		CU_ASSERT_EQUAL(bfd_msg_read(buf, len, &out, &why), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "24"));
	}
	CU_ASSERT_EQUAL(bfd_msg_read(buf, sizeof buf, &out, &why), 0);  /* bytes behind it are nobody's */
}

static void test_names(void)
{
	CU_ASSERT_STRING_EQUAL(bfd_state_str(BFD_ADMIN_DOWN), "AdminDown");
	CU_ASSERT_STRING_EQUAL(bfd_state_str(BFD_UP), "Up");
	CU_ASSERT_STRING_EQUAL(bfd_diag_str(BFD_DIAG_TIME_EXPIRED), "control detection time expired");
	CU_ASSERT_STRING_EQUAL(bfd_diag_str(BFD_DIAG_REVERSE), "reverse concatenated path down");
	CU_ASSERT_STRING_EQUAL(bfd_diag_str(9), "reserved");
	CU_ASSERT_STRING_EQUAL(bfd_diag_str(31), "reserved");
}

UNIT_MAIN("bfd_msg", {"the bytes of the RFC", test_bytes}, {"round trip", test_round_trip}, {"refused", test_refused},
          {"every length", test_every_length}, {"names", test_names})
