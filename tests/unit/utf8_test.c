/* base/utf8: every character of Unicode, and the table of ill-formed sequences (RFC 3629 section 4). */
#include "base/utf8.h"

#include "tests/unit/unit.h"

#include <string.h>

static size_t encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len - 1; i; i--, c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(lead[len] | c);
	return len;
}

static void test_every_character(void)
{
	unsigned wrong = 0;
	for (uint32_t c = 0; c < 0x120000; c++) {
		uint8_t b[4];
		size_t len = encode(c, b);
		int is_character = c < 0xd800 || (c > 0xdfff && c < 0x110000);
		wrong += utf8_len(b, b + len) != (is_character ? len : 0);
		if (len > 1)
			wrong += utf8_len(b, b + len - 1) != 0;  /* cut short */
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_ill_formed(void)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
					  "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xff", "\xfe",
					  "\xc3(", "\xe2\x82(", "\xe2(\xac", "\xf0\x9f\x98("};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const uint8_t *p = (const uint8_t *)bad[i];
		CU_ASSERT_EQUAL(utf8_len(p, p + strlen(bad[i])), 0);
	}
}

UNIT_MAIN("utf8", {"every character", test_every_character}, {"ill-formed sequences", test_ill_formed})
