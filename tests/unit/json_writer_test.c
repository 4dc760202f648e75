/* base/json_writer: commas, escapes, numbers, and running out of room at every byte. */
#include "base/json_writer.h"

#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_sample(struct jw *w)
{
	jw_object(w);
	jw_kstr(w, "call", "a\"b\\c\n\x01");
	jw_kstr(w, "none", NULL);
	jw_kstrn(w, "part", "abcdef", 3);
	jw_key(w, "tries");
	jw_array(w);
	for (int i = 0; i < 2; i++) {
		jw_object(w);
		jw_kint(w, "n", -i);
		jw_kbool(w, "ok", i);
		jw_object_end(w);
	}
	jw_array(w);
	jw_array_end(w);
	jw_null(w);
	jw_array_end(w);
	jw_kuint(w, "big", UINT64_MAX);
	jw_kdouble(w, "ms", 12.5, 3);
	jw_key(w, "empty");
	jw_object(w);
	jw_object_end(w);
	jw_object_end(w);
	jw_raw(w, "\n", 1);
	jw_bool(w, true);
}

static const char sample[] =
	"{\"call\":\"a\\\"b\\\\c\\n\\u0001\",\"none\":null,\"part\":\"abc\",\"tries\":[{\"n\":0,\"ok\":false},"
	"{\"n\":-1,\"ok\":true},[],null],\"big\":18446744073709551615,\"ms\":12.500,\"empty\":{}}\ntrue";

static void test_structure(void)
{
	struct jw w;
	jw_init(&w);
	write_sample(&w);
	CU_ASSERT_STRING_EQUAL(jw_text(&w), sample);
	CU_ASSERT_EQUAL(w.len, strlen(sample));
	jw_reset(&w);
	write_sample(&w);
	CU_ASSERT_STRING_EQUAL(jw_text(&w), sample);
	jw_free(&w);
	jw_free(&w);
	jw_raw(&w, "", 0);
	CU_ASSERT_STRING_EQUAL(jw_text(&w), "");
	jw_free(&w);
}

static void test_fixed(void)
{
	for (size_t size = 0; size <= sizeof(sample) + 1; size++) {
		char *buf = malloc(size + 1);
		struct jw w;
		buf[size] = 0x55;
		jw_init_fixed(&w, buf, size);
		write_sample(&w);
		const char *text = jw_text(&w);
		CU_ASSERT_EQUAL(text != NULL, size >= sizeof(sample));
		CU_ASSERT_EQUAL(w.bad, size < sizeof(sample));
		if (text)
			CU_ASSERT_STRING_EQUAL(text, sample);
		CU_ASSERT_EQUAL(buf[size], 0x55);
		jw_reset(&w);
		CU_ASSERT(!w.bad && !w.len);
		jw_free(&w);
		free(buf);
	}
}

static void test_grows(void)
{
	struct jw w;
	size_t len = 3000000;
	char *text = malloc(len);
	memset(text, 'x', len);
	text[len / 2] = '\n';
	jw_init(&w);
	jw_array(&w);
	jw_strn(&w, text, len);
	jw_array_end(&w);
	const char *got = jw_text(&w);
	CU_ASSERT_FATAL(got != NULL);
	CU_ASSERT_EQUAL(strlen(got), len + 5);
	CU_ASSERT(!memcmp(got + 2, text, len / 2) && !memcmp(got + 2 + len / 2, "\\nx", 3));
	jw_free(&w);
	free(text);
}

static const char *str(struct jw *w, const char *text, size_t len)
{
	jw_reset(w);
	jw_strn(w, text, len);
	return jw_text(w);
}

static void test_escapes(void)
{
	struct jw w;
	jw_init(&w);
	CU_ASSERT_STRING_EQUAL(str(&w, "\b\t\n\f\r\"\\/\x7f", 9), "\"\\b\\t\\n\\f\\r\\\"\\\\/\x7f\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "a\0b", 3), "\"a\\u0000b\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "\x1f\x0b", 2), "\"\\u001f\\u000b\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x98\x80", 14),
			       "\"J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x98\x80\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "a\xff" "b\xc3", 4), "\"a\xef\xbf\xbd" "b\xef\xbf\xbd\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "\xed\xa0\x80", 3), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CU_ASSERT_STRING_EQUAL(str(&w, "", 0), "\"\"");
	CU_ASSERT_STRING_EQUAL(str(&w, NULL, 0), "\"\"");
	jw_free(&w);
}

/* The byte-wise writer that the fast one must agree with, for ASCII. */
static void escape_slowly(char *out, const uint8_t *in, size_t len)
{
	*out++ = '"';
	for (size_t i = 0; i < len; i++) {
		static const char names[] = "\bb\tt\nn\ff\rr\"\"\\\\";
		const char *name = in[i] ? strchr(names, in[i]) : NULL;
		if (name && (name - names) % 2 == 0)
			out += snprintf(out, 8, "\\%c", name[1]);
		else if (in[i] < 0x20)
			out += snprintf(out, 8, "\\u%04x", in[i]);
		else
			*out++ = (char)in[i];
	}
	*out++ = '"';
	*out = 0;
}

static void test_every_byte_at_every_place(void)
{
	struct jw w;
	unsigned wrong = 0;
	jw_init(&w);
	for (size_t len = 1; len < 36; len++) {
		for (size_t at = 0; at < len; at++) {
			for (unsigned c = 0; c < 0x80; c++) {
				uint8_t text[36];
				char want[256];
				memset(text, 'a' + (int)(at % 26), len);
				text[at] = (uint8_t)c;
				escape_slowly(want, text, len);
				wrong += strcmp(str(&w, (const char *)text, len), want) != 0;
			}
			for (unsigned c = 0x80; c < 0x100; c++) {  /* alone, none of these is UTF-8 */
				char text[36];
				memset(text, '!', len);
				text[at] = (char)c;
				const char *got = str(&w, text, len);
				wrong += strlen(got) != len + 4 || memcmp(got + 1 + at, "\xef\xbf\xbd", 3) != 0;
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	jw_free(&w);
}

static void test_integers(void)
{
	static const int64_t values[] = {0, 1, -1, 9, 10, 99, 100, -100, 999, 1000, 123456789, INT64_MAX, INT64_MIN};
	struct jw w;
	char want[32];
	jw_init(&w);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		jw_reset(&w);
		jw_int(&w, values[i]);
		snprintf(want, sizeof(want), "%lld", (long long)values[i]);
		CU_ASSERT_STRING_EQUAL(jw_text(&w), want);
	}
	for (uint64_t v = 1; v; v *= 3) {
		jw_reset(&w);
		jw_uint(&w, v);
		snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
		CU_ASSERT_STRING_EQUAL(jw_text(&w), want);
		if (v > UINT64_MAX / 3)
			break;
	}
	jw_free(&w);
}

static const char *dbl(struct jw *w, double v, int decimals)
{
	jw_reset(w);
	jw_double(w, v, decimals);
	return jw_text(w);
}

static void test_doubles(void)
{
	struct jw w;
	jw_init(&w);
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0, 0), "0");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0, 3), "0.000");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0.05, 2), "0.05");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0.999, 2), "1.00");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 1.5, 0), "2");
	CU_ASSERT_STRING_EQUAL(dbl(&w, -1.25, 2), "-1.25");
	CU_ASSERT_STRING_EQUAL(dbl(&w, -0.001, 2), "0.00");
	CU_ASSERT_STRING_EQUAL(dbl(&w, -0.0, 1), "0.0");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 123456.789, 3), "123456.789");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0.123456789, 9), "0.123456789");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 0.123456789, 99), "0.123456789");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 2.5, -1), "3");
	CU_ASSERT_STRING_EQUAL(dbl(&w, NAN, 2), "null");
	CU_ASSERT_STRING_EQUAL(dbl(&w, INFINITY, 2), "null");
	CU_ASSERT_STRING_EQUAL(dbl(&w, -INFINITY, 2), "null");
	CU_ASSERT_STRING_EQUAL(dbl(&w, 1e300, 2), "1.0000000000000001e+300");
	CU_ASSERT_EQUAL(strtod(dbl(&w, -1.7976931348623157e308, 3), NULL), -1.7976931348623157e308);
	CU_ASSERT_EQUAL(strtod(dbl(&w, 9007199254740992.0, 0), NULL), 9007199254740992.0);
	CU_ASSERT_STRING_EQUAL(dbl(&w, 5e-324, 3), "0.000");
	jw_free(&w);
}

static void test_doubles_near_printf(void)
{
	struct jw w;
	uint64_t seed = 88172645463325252u;
	unsigned wrong = 0;
	jw_init(&w);
	for (int i = 0; i < 200000; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		double v = ((double)(seed >> 11) / 9007199254740992.0 - 0.5) * 1e7;
		int decimals = i % 7;
		/* half a unit of the last place, and the precision of the number itself */
		wrong += fabs(strtod(dbl(&w, v, decimals), NULL) - v) > 0.5 * pow(10, -decimals) + 2e-9;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	jw_free(&w);
}

UNIT_MAIN("json_writer", {"structure", test_structure}, {"a fixed buffer of every size", test_fixed},
	  {"grows", test_grows}, {"escapes", test_escapes},
	  {"every byte at every place", test_every_byte_at_every_place},
	  {"integers", test_integers}, {"doubles", test_doubles}, {"doubles are near", test_doubles_near_printf})
