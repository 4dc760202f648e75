/* OPEN, NOTIFICATION, ROUTE-REFRESH and framing: bytes written as the RFCs draw them, what malformed
 * ones are answered with, and a bounded run of random and mutated bytes. */
#include "anycast/bgp_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const uint8_t marker[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const struct bgp_open our_open = {.as = 4200000001,
					 .router_id = 0xc633640b,
					 .hold_s = 60,
					 .families = BGP_IPV4 | BGP_IPV6,
					 .as4 = true,
					 .refresh = true, .enhanced_refresh = true,
					 .extended = true};

static void test_open_bytes(void)
{
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof buf);
	static const uint8_t body[] = {4, 0x5b, 0xa0 /* AS_TRANS */, 0, 60, 0xc6, 0x33, 0x64, 0x0b, 26, 2, 24,
	                               1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 70, 0, 6, 0, 65, 4, 0xfa, 0x56, 0xea, 0x01};

	bgp_msg_write_open(&w, &our_open);
	CU_ASSERT_FALSE(w.bad);
	CU_ASSERT_EQUAL_FATAL(writer_len(&w), BGP_HEADER_LEN + sizeof body);
	CU_ASSERT_EQUAL(memcmp(buf, marker, 16), 0);
	CU_ASSERT_EQUAL(buf[16] << 8 | buf[17], (int)(BGP_HEADER_LEN + sizeof body));
	CU_ASSERT_EQUAL(buf[18], BGP_MSG_OPEN);
	CU_ASSERT_EQUAL(memcmp(buf + BGP_HEADER_LEN, body, sizeof body), 0);
}

static void test_never_offers_graceful_restart(void)
{
	uint8_t with[128], without[128];
	struct writer w1 = writer_of(with, sizeof with), w2 = writer_of(without, sizeof without);
	struct bgp_open open = our_open;

	bgp_msg_write_open(&w2, &open);
	open.graceful_restart = true;
	open.restart_s = 30;
	bgp_msg_write_open(&w1, &open);
	CU_ASSERT_EQUAL(writer_len(&w1), writer_len(&w2));
	CU_ASSERT_EQUAL(memcmp(with, without, writer_len(&w1)), 0);
}

static void test_open_round_trip(void)
{
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof buf);
	struct bgp_open open;
	struct bgp_error error;

	bgp_msg_write_open(&w, &our_open);
	CU_ASSERT_EQUAL_FATAL(bgp_msg_read_open(buf + 19, writer_len(&w) - 19, &open, &error), 0);
	CU_ASSERT_EQUAL(open.as, our_open.as);
	CU_ASSERT_EQUAL(open.router_id, our_open.router_id);
	CU_ASSERT_EQUAL(open.hold_s, 60);
	CU_ASSERT_EQUAL(open.families, BGP_IPV4 | BGP_IPV6);
	CU_ASSERT(open.as4 && open.refresh && open.enhanced_refresh && open.extended && !open.graceful_restart);
}

/* Reads an OPEN of AS 65001, hold 90, identifier 10.0.0.1 with these optional parameters. */
static int read_open(const uint8_t *params, size_t len, struct bgp_open *open, struct bgp_error *error)
{
	uint8_t body[600] = {4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1};

	memcpy(body + 9, params, len);
	return bgp_msg_read_open(body, 9 + len, open, error);
}
#define READ_OPEN(open, error, ...) \
	read_open((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), open, error)

static void test_open_forms(void)
{
	struct bgp_open open;
	struct bgp_error error;

	/* no parameters: IPv4 alone, two-octet AS */
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 0), 0);
	CU_ASSERT_EQUAL(open.as, 65001);
	CU_ASSERT_EQUAL(open.families, BGP_IPV4);
	CU_ASSERT_FALSE(open.as4);
	/* one parameter a capability, as some do; graceful restart understood; unknown 73 passed over */
	CU_ASSERT_EQUAL(
		READ_OPEN(&open, &error, 20, 2, 6, 1, 4, 0, 2, 0, 1, 2, 4, 64, 2, 0xc0, 0x78, 2, 4, 73, 2, 1, 2), 0);
	CU_ASSERT_EQUAL(open.families, BGP_IPV6);
	CU_ASSERT(open.graceful_restart);
	CU_ASSERT_EQUAL(open.restart_s, 120);
	/* multiprotocol only for something foreign: no family of ours */
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 8, 2, 6, 1, 4, 0, 25, 0, 70), 0);
	CU_ASSERT_EQUAL(open.families, 0);
	/* RFC 9072: two-byte lengths */
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 255, 255, 0, 9, 2, 0, 6, 65, 4, 0, 1, 0, 0), 0);
	CU_ASSERT_EQUAL(open.as, 65536);
	/* a known capability of odd length is passed over */
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 7, 2, 5, 65, 3, 0, 1, 0), 0);
	CU_ASSERT_EQUAL(open.as, 65001);
}

static void test_open_errors(void)
{
	struct bgp_open open = {.as = 77};
	struct bgp_error error;
	uint8_t body[] = {4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1, 0};

#define EXPECT_OPEN(sub) \
	CU_ASSERT_EQUAL(bgp_msg_read_open(body, sizeof body, &open, &error), -EBADMSG); \
	CU_ASSERT_EQUAL(error.code, BGP_ERR_OPEN); \
	CU_ASSERT_EQUAL(error.subcode, sub)
	body[0] = 3;
	EXPECT_OPEN(BGP_OPEN_VERSION);
	CU_ASSERT(error.data_len == 2 && error.data[0] == 0 && error.data[1] == 4);
	body[0] = 4, body[3] = 0, body[4] = 2;
	EXPECT_OPEN(BGP_OPEN_HOLD_TIME);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "2 s"));
	body[4] = 90, body[5] = body[8] = 0;
	EXPECT_OPEN(BGP_OPEN_ID);
	body[5] = 10, body[1] = body[2] = 0;
	EXPECT_OPEN(BGP_OPEN_PEER_AS);
	body[1] = 0xfd, body[9] = 4;
	EXPECT_OPEN(0);
	CU_ASSERT_EQUAL(open.as, 77);  /* written on success only */
	CU_ASSERT_EQUAL(bgp_msg_read_open(body, 8, &open, &error), -EBADMSG);
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 3, 1, 1, 0), -EBADMSG);  /* authentication, of RFC 1771 */
	CU_ASSERT_EQUAL(error.subcode, BGP_OPEN_OPT_PARAM);
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 4, 2, 2, 65, 4), -EBADMSG);
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 4, 2, 9, 65, 0), -EBADMSG);
	CU_ASSERT_EQUAL(READ_OPEN(&open, &error, 2, 2, 0, 9), -EBADMSG);
}

/* Frames a header of this length and type, `have` bytes of which are there. */
static int frame(unsigned length, uint8_t t, size_t have, size_t max, struct bgp_error *error)
{
	static uint8_t buf[BGP_MSG_MAX_EXTENDED];
	enum bgp_msg_type type = 0;
	int rc;

	memcpy(buf, marker, 16);
	buf[16] = (uint8_t)(length >> 8);
	buf[17] = (uint8_t)length;
	buf[18] = t;
	rc = bgp_msg_frame(buf, have, max, &type, error);
	if (rc > 0)
		CU_ASSERT_EQUAL(type, t);
	return rc;
}

static void test_frame(void)
{
	struct bgp_error error;
	uint8_t http[] = "HTTP/1.1 400 Bad Request";

	for (size_t have = 0; have < 19; have++)
		CU_ASSERT_EQUAL(frame(19, BGP_MSG_KEEPALIVE, have, BGP_MSG_MAX, &error), -EAGAIN);
	CU_ASSERT_EQUAL(frame(19, BGP_MSG_KEEPALIVE, 19, BGP_MSG_MAX, &error), 19);
	CU_ASSERT_EQUAL(frame(23, BGP_MSG_UPDATE, 22, BGP_MSG_MAX, &error), -EAGAIN);
	CU_ASSERT_EQUAL(frame(4096, BGP_MSG_UPDATE, 5000, BGP_MSG_MAX, &error), 4096);
	CU_ASSERT_EQUAL(frame(4097, BGP_MSG_UPDATE, 5000, BGP_MSG_MAX_EXTENDED, &error), 4097);
	/* the least each type can be, and its limits */
	static const struct {
		unsigned length;
		uint8_t type;
		size_t max;
	} bad[] = {
		{18, BGP_MSG_KEEPALIVE, BGP_MSG_MAX},    {20, BGP_MSG_KEEPALIVE, BGP_MSG_MAX},
		{28, BGP_MSG_OPEN, BGP_MSG_MAX},         {22, BGP_MSG_UPDATE, BGP_MSG_MAX},
		{20, BGP_MSG_NOTIFICATION, BGP_MSG_MAX}, {0, BGP_MSG_UPDATE, BGP_MSG_MAX},
		{4097, BGP_MSG_UPDATE, BGP_MSG_MAX},     {4097, BGP_MSG_OPEN, BGP_MSG_MAX_EXTENDED},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CU_ASSERT_EQUAL(frame(bad[i].length, bad[i].type, 19, bad[i].max, &error), -EBADMSG);
		CU_ASSERT(error.code == BGP_ERR_HEADER && error.subcode == BGP_HEADER_BAD_LENGTH &&
			  error.data_len == 2);
		CU_ASSERT_EQUAL((unsigned)(error.data[0] << 8 | error.data[1]), bad[i].length);
	}
	CU_ASSERT_EQUAL(frame(19, 6, 19, BGP_MSG_MAX, &error), -EBADMSG);
	CU_ASSERT(error.subcode == BGP_HEADER_BAD_TYPE && error.data[0] == 6);
	CU_ASSERT_EQUAL(frame(19, 0, 19, BGP_MSG_MAX, &error), -EBADMSG);
	/* another protocol is known at its first byte */
	CU_ASSERT_EQUAL(bgp_msg_frame(http, 1, BGP_MSG_MAX, &(enum bgp_msg_type){0}, &error), -EBADMSG);
	CU_ASSERT_EQUAL(error.subcode, BGP_HEADER_NOT_SYNCED);
}

/* Writes a NOTIFICATION and reads it back. */
static struct bgp_error notified(const struct bgp_error *error)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof buf);
	struct bgp_error out;

	bgp_msg_write_notification(&w, error);
	CU_ASSERT_FALSE(w.bad);
	bgp_msg_read_notification(buf + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN, &out);
	return out;
}

static void test_cease_text(void)
{
	struct bgp_error error, got;
	char longest[301];
	uint8_t all[258];
	static const uint8_t rude[] = {6, 4, 5, 'a', 0x1b, '"', '\n', 'b'}, liar[] = {6, 2, 200, 'x'};

	bgp_msg_cease(&error, BGP_CEASE_ADMIN_SHUTDOWN, "draining for maintenance");
	CU_ASSERT_EQUAL(error.data_len, 25);
	CU_ASSERT_EQUAL(error.data[0], 24);
	got = notified(&error);
	CU_ASSERT_STRING_EQUAL(got.text, "Cease/Administrative Shutdown: \"draining for maintenance\"");
	/* at most 128 bytes, cut between characters: 0xc3 0xa9 is one */
	for (size_t i = 0; i < 300; i += 2)
		memcpy(longest + i, i == 0 ? "x" "y" : "\xc3\xa9", 2);
	memmove(longest, longest + 1, 299);
	longest[299] = 0;
	bgp_msg_cease(&error, BGP_CEASE_ADMIN_SHUTDOWN, longest);
	CU_ASSERT_EQUAL(error.data[0], 127);
	CU_ASSERT_EQUAL(error.data[127], 0xa9);
	/* other reasons carry no text */
	bgp_msg_cease(&error, BGP_CEASE_COLLISION, "collision");
	CU_ASSERT_EQUAL(error.data_len, 0);
	CU_ASSERT_STRING_EQUAL(notified(&error).text, "Cease/Connection Collision Resolution");
	/* what the peer says is not let loose on a terminal, and its length is not believed */
	bgp_msg_read_notification(rude, sizeof rude, &got);
	CU_ASSERT_STRING_EQUAL(got.text, "Cease/Administrative Reset: \"a???b\"");
	bgp_msg_read_notification(liar, sizeof liar, &got);
	CU_ASSERT_STRING_EQUAL(got.text, "Cease/Administrative Shutdown");
	/* all that it may say is kept (RFC 9003 section 2) */
	memset(all, 'm', sizeof all);
	all[0] = 6, all[1] = 2, all[2] = 255, all[257] = 'z';
	bgp_msg_read_notification(all, sizeof all, &got);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.text, "mz\""));
}

static void test_notification_names(void)
{
	char buf[BGP_ERROR_STR_LEN];
	struct bgp_error got;

	CU_ASSERT_STRING_EQUAL(bgp_error_str(2, 2, buf), "OPEN Message Error/Bad Peer AS");
	CU_ASSERT_STRING_EQUAL(bgp_error_str(4, 0, buf), "Hold Timer Expired");
	CU_ASSERT_STRING_EQUAL(bgp_error_str(3, 11, buf), "UPDATE Message Error/Malformed AS_PATH");
	CU_ASSERT_STRING_EQUAL(bgp_error_str(6, 10, buf), "Cease/BFD Down");
	CU_ASSERT_STRING_EQUAL(bgp_error_str(6, 200, buf), "Cease/subcode 200");
	CU_ASSERT_STRING_EQUAL(bgp_error_str(77, 1, buf), "error code 77/1");
	for (unsigned code = 0; code < 256; code++) {
		for (unsigned sub = 0; sub < 256; sub++)
			CU_ASSERT(strlen(bgp_error_str((uint8_t)code, (uint8_t)sub, buf)) < BGP_ERROR_STR_LEN);
	}
	bgp_msg_read_notification((const uint8_t *)"", 0, &got);  /* nothing at all */
	CU_ASSERT_STRING_EQUAL(got.text, "error code 0/0");
}

static void test_refresh(void)
{
	uint8_t buf[32], family = 0;
	enum bgp_refresh subtype;
	struct writer w = writer_of(buf, sizeof buf);
	struct bgp_error error;

	bgp_msg_write_refresh(&w, BGP_IPV6, BGP_REFRESH_REQUEST);
	CU_ASSERT_EQUAL(writer_len(&w), 23);
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 4, &family, &subtype, &error), 0);
	CU_ASSERT_EQUAL(family, BGP_IPV6);
	CU_ASSERT_EQUAL(subtype, BGP_REFRESH_REQUEST);
	buf[21] = 1;  /* BoRR of RFC 7313 */
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 4, &family, &subtype, &error), 0);
	CU_ASSERT_EQUAL(family, BGP_IPV6);
	CU_ASSERT_EQUAL(subtype, BGP_REFRESH_BEGIN);
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 5, &family, &subtype, &error), -EBADMSG);
	buf[21] = 3;  /* of no meaning: passed over */
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 4, &family, &subtype, &error), 0);
	CU_ASSERT_EQUAL(family, 0);
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 9, &family, &subtype, &error), 0);  /* whatever its length */
	CU_ASSERT_EQUAL(family, 0);
	buf[21] = 0;
	CU_ASSERT_EQUAL(bgp_msg_read_refresh(buf + 19, 3, &family, &subtype, &error), -EBADMSG);
	CU_ASSERT_EQUAL(error.code, BGP_ERR_REFRESH);
	CU_ASSERT_EQUAL(error.data_len, 22);  /* the message itself (RFC 7313 section 5) */
	CU_ASSERT_EQUAL(error.data[17], 22);
	CU_ASSERT_EQUAL(memcmp(error.data + 18, buf + 18, 4), 0);
}

/* Every reader over `len` bytes in an allocation of just that size, for the sanitizer to watch. */
static void read_all(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1), family;
	enum bgp_msg_type type;
	enum bgp_refresh subtype;
	struct bgp_open open;
	struct bgp_error error;
	int rc;

	memcpy(copy, bytes, len);
	rc = bgp_msg_frame(copy, len, BGP_MSG_MAX_EXTENDED, &type, &error);
	CU_ASSERT(rc == -EAGAIN || rc == -EBADMSG || (rc >= BGP_HEADER_LEN && (size_t)rc <= len));
	if (bgp_msg_read_open(copy, len, &open, &error) == 0)
		CU_ASSERT(open.as != 0 && open.router_id != 0);
	bgp_msg_read_refresh(copy, len, &family, &subtype, &error);
	bgp_msg_read_notification(copy, len, &error);
	CU_ASSERT(strlen(error.text) < sizeof error.text);
	free(copy);
}

static void test_fuzz(void)
{
	uint8_t bytes[128];
	struct writer w = writer_of(bytes, sizeof bytes);
	uint8_t open[128];

	bgp_msg_write_open(&w, &our_open);
	memcpy(open, bytes, writer_len(&w));
	srandom(4271);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)random() % sizeof bytes;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)random();
		read_all(bytes, len);
		memcpy(bytes, open + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN);
		for (int k = (int)(random() % 4); k >= 0; k--)
			bytes[(size_t)random() % (writer_len(&w) - BGP_HEADER_LEN)] = (uint8_t)random();
		read_all(bytes, (size_t)random() % (writer_len(&w) - BGP_HEADER_LEN + 1));
		read_all(bytes, writer_len(&w) - BGP_HEADER_LEN);
	}
}

static void test_no_room(void)
{
	uint8_t buf[256];

	for (size_t size = 0; size < 53; size++) {
		struct writer w = writer_of(buf, size);

		bgp_msg_write_open(&w, &our_open);
		CU_ASSERT_TRUE(w.bad);
	}
}

UNIT_MAIN("bgp_msg", {"bytes of OPEN", test_open_bytes},
	  {"graceful restart is never offered", test_never_offers_graceful_restart},
	  {"OPEN there and back", test_open_round_trip}, {"forms of OPEN", test_open_forms},
	  {"errors of OPEN", test_open_errors}, {"framing", test_frame}, {"cease with a text", test_cease_text},
	  {"names of errors", test_notification_names}, {"ROUTE-REFRESH", test_refresh},
	  {"random and mutated bytes", test_fuzz}, {"no room to write", test_no_room})
