/* Framing of streams: every split of the bytes, and what is no message. */
#include "proxy/stream/frame.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define MOST 400
#define A "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\nContent-Length: 5\r\nCall-ID: 1\r\n\r\nv=0\r\n"
#define B "SIP/2.0 200 OK\r\nl:0\r\nCall-ID: 2\r\n\r\n"
#define C "OPTIONS sip:a@b SIP/2.0\ncontent-length :\n 3\nCall-ID: 3\n\nabc"

struct seen {
	unsigned messages, pings;
	char text[2048];             /* the messages, one after the other */
	size_t len;
	const char *bad;
};

/* As a connection does it: what is not used stays, and comes again with more. */
static struct seen feed(const char *stream, size_t len, size_t step)
{
	struct seen s = {0};
	struct frame f = {0};
	size_t at = 0, used;
	const char *why = NULL;
	for (size_t have = step < len ? step : len;; have = have + step < len ? have + step : len) {
		enum frame_found found;
		while ((found = frame_next(&f, stream + at, have - at, MOST, &used, &why)) != FRAME_MORE) {
			if (found == FRAME_BAD) {
				s.bad = why;
				return s;
			}
			s.messages += found == FRAME_MESSAGE;
			s.pings += found == FRAME_PING;
			if (found == FRAME_MESSAGE) {
				memcpy(s.text + s.len, stream + at, used);
				s.len += used;
			}
			at += used;
		}
		if (have == len)
			return s;
	}
}

static void test_every_split(void)
{
	static const char stream[] = A "\r\n\r\n" B "\r\n" C "\r\n\r\n\r\n\r\n" A;
	for (size_t step = 1; step <= sizeof stream; step++) {
		struct seen s = feed(stream, sizeof stream - 1, step);
		CU_ASSERT_EQUAL(s.messages, 4);
		CU_ASSERT_EQUAL(s.pings, 3);
		CU_ASSERT_STRING_EQUAL(s.text, A B C A);
		CU_ASSERT_PTR_NULL(s.bad);
	}
}

static void test_cut_short(void)
{
	for (size_t len = 0; len < sizeof A - 1; len++) {
		struct seen s = feed(A, len, len ? len : 1);
		CU_ASSERT_EQUAL(s.messages, 0);
		CU_ASSERT_PTR_NULL(s.bad);
	}
}

static void bad(const char *stream, const char *why)
{
	for (size_t step = 1; step <= strlen(stream); step += strlen(stream) - 1) {
		struct seen s = feed(stream, strlen(stream), step);
		CU_ASSERT_EQUAL(s.messages, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s.bad);
		CU_ASSERT_STRING_EQUAL(s.bad, why);
	}
}

static void test_bad(void)
{
	bad("BYE sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n", "no Content-Length");
	bad("BYE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", "a Content-Length that is none");
	bad("BYE sip:a SIP/2.0\r\nContent-Length:\r\n\r\n", "a Content-Length that is none");
	bad("BYE sip:a SIP/2.0\r\nContent-Length: 1 2\r\n\r\n", "a Content-Length that is none");
	bad("BYE sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n", "a Content-Length that is none");
	bad("BYE sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\nab", "two Content-Lengths that differ");
	bad("BYE sip:a SIP/2.0\r\nContent-Length: 390\r\n\r\n", "a message that is too long");
	/* in the first line, or in another header's name, it is none */
	bad("l: 0 SIP/2.0\r\nX-Content-Length: 0\r\nlength: 0\r\n\r\n", "no Content-Length");
}

static void test_too_long_a_head(void)
{
	char text[2 * MOST];
	memset(text, 'a', sizeof text);
	CU_ASSERT_PTR_NOT_NULL(feed(text, sizeof text, 7).bad);
	CU_ASSERT_PTR_NOT_NULL(feed(text, sizeof text, sizeof text).bad);
}

static void test_the_same_twice(void)
{
	struct seen s = feed("BYE sip:a SIP/2.0\r\nContent-Length: 2\r\nl: 2\r\n\r\nab", 48, 3);
	CU_ASSERT_EQUAL(s.messages, 1);
}

static void test_random(void)
{
	static const char alphabet[] = "\r\n\r\nl: 0123456789Content-Length: SIP/2.0 aB";
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char text[300];
		size_t len = (size_t)(rand() % (int)sizeof text), used;
		struct frame f = {0};
		const char *why = NULL;
		for (size_t j = 0; j < len; j++)
			text[j] = alphabet[rand() % (int)(sizeof alphabet - 1)];
		char *copy = malloc(len ? len : 1);  /* a byte read too many is seen */
		memcpy(copy, text, len);
		for (size_t at = 0;; at += used) {
			enum frame_found found = frame_next(&f, copy + at, len - at, MOST, &used, &why);
			if (found == FRAME_MORE || found == FRAME_BAD)
				break;
			CU_ASSERT(used > 0 && used <= len - at);
		}
		free(copy);
	}
}

UNIT_MAIN("frame", {"every split", test_every_split}, {"cut short", test_cut_short}, {"no message", test_bad},
          {"a head without end", test_too_long_a_head}, {"the same length twice", test_the_same_twice},
          {"random bytes", test_random})
