/* proxy/sip/header: one field of a message by its name. */
#include "proxy/sip/header.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const char message[] =
	"INVITE sip:a@b SIP/2.0\r\n"
	"Via: SIP/2.0/UDP h\r\n"
	"x-tier :  gold \t\r\n"
	"X-Tier: silver\r\n"
	"s: hello\r\n"
	"X-Fold: one\r\n"
	"\ttwo\r\n"
	"X-Empty:\r\n"
	"no colon here\r\n"
	"\r\n"
	"X-Body: body\r\n";

static void expect(const char *name, const char *value)
{
	char out[16];
	bool found = sip_header_find(message, sizeof(message) - 1, name, out, sizeof(out));

	CU_ASSERT_EQUAL(found, value != NULL);
	CU_ASSERT_STRING_EQUAL(out, value ? value : "");
}

static void test_find(void)
{
	expect("X-Tier", "gold");
	expect("X-TIER", "gold");
	expect("Subject", "hello");
	expect("S", "hello");
	expect("X-Fold", "one  \ttwo");
	expect("X-Empty", "");
	expect("X-Body", NULL);
	expect("X", NULL);
	expect("X-Tie", NULL);
	expect("no colon here", NULL);
	expect("INVITE sip", NULL);
}

/* Cut anywhere: nothing is read past the end. */
static void test_cut(void)
{
	char out[4];

	for (size_t len = 0; len < sizeof(message); len++) {
		char *exact = malloc(len ? len : 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		memcpy(exact, message, len);
		sip_header_find(exact, len, "X-Empty", out, sizeof(out));
		CU_ASSERT(strlen(out) < sizeof(out));
		free(exact);
	}
	CU_ASSERT(sip_header_find(message, sizeof(message) - 1, "X-Fold", out, sizeof(out)));
	CU_ASSERT_STRING_EQUAL(out, "one");
}

UNIT_MAIN("header", {"found by name", test_find}, {"cut anywhere", test_cut})
