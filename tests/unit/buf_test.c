/* base/buf: network order, and nothing beyond the end. */
#include "base/buf.h"

#include "tests/unit/unit.h"

#include <string.h>

static void test_read(void)
{
	static const uint8_t data[] = {1, 2, 3, 0xff, 0xfe, 0xfd, 0xfc, 'a', 'b'};
	struct reader r = reader_of(data, sizeof(data));
	CU_ASSERT_EQUAL(read_u8(&r), 1);
	CU_ASSERT_EQUAL(read_u16(&r), 0x0203);
	CU_ASSERT_EQUAL(read_u32(&r), 0xfffefdfc);
	CU_ASSERT_EQUAL(reader_left(&r), 2);
	const uint8_t *bytes = read_bytes(&r, 2);
	CU_ASSERT_PTR_EQUAL(bytes, data + 7);
	CU_ASSERT_EQUAL(reader_left(&r), 0);
	CU_ASSERT(read_bytes(&r, 0) && !r.bad);
	CU_ASSERT_EQUAL(read_u8(&r), 0);
	CU_ASSERT(r.bad);
}

static void test_read_past_end(void)
{
	static const uint8_t data[] = {1, 2, 3};
	struct reader r = reader_of(data, sizeof(data));
	CU_ASSERT_EQUAL(read_u32(&r), 0);
	CU_ASSERT(r.bad);
	CU_ASSERT_EQUAL(reader_left(&r), 0);  /* so that loops end */
	CU_ASSERT_EQUAL(read_u8(&r), 0);
	CU_ASSERT_PTR_NULL(read_bytes(&r, 0));
	r = reader_of(data, sizeof(data));
	CU_ASSERT_PTR_NULL(read_bytes(&r, SIZE_MAX));
	CU_ASSERT(r.bad);
	r = reader_of(NULL, 0);
	CU_ASSERT(read_bytes(&r, 0) != NULL);
	CU_ASSERT(!r.bad && reader_left(&r) == 0 && read_u8(&r) == 0 && r.bad);
}

static void test_sub(void)
{
	static const uint8_t data[] = {1, 2, 3, 4};
	struct reader r = reader_of(data, sizeof(data)), sub = read_sub(&r, 3);
	CU_ASSERT_EQUAL(read_u16(&sub), 0x0102);
	CU_ASSERT_EQUAL(read_u16(&sub), 0);  /* the fourth byte is not the sub-reader's */
	CU_ASSERT(sub.bad && !r.bad);
	CU_ASSERT_EQUAL(read_u8(&r), 4);
	r = reader_of(data, sizeof(data));
	sub = read_sub(&r, 5);
	CU_ASSERT(sub.bad && r.bad);
	CU_ASSERT_EQUAL(reader_left(&sub), 0);
	r = reader_of(data, sizeof(data));
	sub = read_sub(&r, 4);
	CU_ASSERT(!sub.bad && !r.bad && reader_left(&r) == 0 && reader_left(&sub) == 4);
}

static void test_write(void)
{
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u8(&w, 0xff);
	write_u16(&w, 0x0102);
	write_u32(&w, 0x03040506);
	write_bytes(&w, "xy", 2);
	write_bytes(&w, NULL, 0);
	write_str(&w, "zz");
	write_u16_at(&w, 1, 0xabcd);
	CU_ASSERT(!w.bad);
	CU_ASSERT_EQUAL(writer_len(&w), 11);
	CU_ASSERT(!memcmp(buf, "\xff\xab\xcd\x03\x04\x05\x06xyzz", 11));
}

static void test_write_dec(void)
{
	char buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	write_dec(&w, 0);
	write_str(&w, " ");
	write_dec(&w, 1234567890);
	write_str(&w, " ");
	write_dec(&w, UINT64_MAX);
	CU_ASSERT(!w.bad);
	CU_ASSERT_EQUAL(writer_len(&w), 33);
	CU_ASSERT(!memcmp(buf, "0 1234567890 18446744073709551615", 33));
}

static void test_write_past_end(void)
{
	uint8_t buf[5] = {0, 0, 0, 0, 0x55};
	struct writer w = writer_of(buf, 4);
	write_u16(&w, 1);
	write_u32(&w, 2);
	CU_ASSERT(w.bad);
	write_u8(&w, 3);  /* would fit, but the text is broken already */
	CU_ASSERT_EQUAL(writer_len(&w), 2);
	CU_ASSERT(buf[2] == 0 && buf[4] == 0x55);
	w = writer_of(buf, 4);
	write_dec(&w, 12345);
	CU_ASSERT(w.bad && writer_len(&w) == 0);
	w = writer_of(NULL, 0);
	write_str(&w, "");
	CU_ASSERT(!w.bad);
	write_u8(&w, 1);
	CU_ASSERT(w.bad && writer_len(&w) == 0);
	w = writer_of(buf, 4);
	write_u32(&w, 0);
	CU_ASSERT(!w.bad);
	write_bytes(&w, "", SIZE_MAX);
	CU_ASSERT(w.bad);
}

static void test_write_at(void)
{
	uint8_t buf[8];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u8(&w, 0);
	write_u16_at(&w, 0, 1);  /* only one byte is written yet */
	CU_ASSERT(w.bad);
	w = writer_of(buf, sizeof(buf));
	write_u32(&w, 0);
	write_u16_at(&w, 2, 0x0102);
	CU_ASSERT(!w.bad && buf[2] == 1 && buf[3] == 2);
	write_u16_at(&w, 3, 0xffff);
	CU_ASSERT(w.bad && buf[3] == 2);
	w = writer_of(buf, sizeof(buf));
	write_u32(&w, 0);
	write_u16_at(&w, SIZE_MAX, 1);
	CU_ASSERT(w.bad);
}

UNIT_MAIN("buf", {"reads", test_read}, {"refuses to read past the end", test_read_past_end}, {"a part", test_sub},
	  {"writes", test_write}, {"writes decimals", test_write_dec},
	  {"refuses to write past the end", test_write_past_end},
	  {"a length known late", test_write_at})
