/* proxy/token: what is signed is known again, and nothing else is. */
#include "proxy/token.h"
#include "tests/unit/unit.h"

#include <string.h>

static const uint8_t secret[32] = "an ordinary secret of 32 bytes.";
static const uint8_t other_secret[32] = "an ordinary secret of 32 bytes!";
#define ID "3848276298220188511@atlanta.example.com"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct token sample(void)
{
	return (struct token){.region = token_name("us-east-1"), .trunk = token_name("carrier-a"),
	                      .node = token_name("iad-1"), .time_s = 1767225600};
}

static void test_round_trip(void)
{
	struct signer *s = signer_new(secret, sizeof secret);
	struct token in = sample(), out = {0};
	char text[TOKEN_LEN + 1], again[TOKEN_LEN + 1];
	token_sign(s, &in, ID, text);
	CU_ASSERT_EQUAL(strlen(text), TOKEN_LEN);
	CU_ASSERT_EQUAL(strspn(text, alphabet), TOKEN_LEN);
	CU_ASSERT(token_verify(s, text, ID, &out));
	CU_ASSERT_EQUAL(out.region, in.region);
	CU_ASSERT_EQUAL(out.trunk, in.trunk);
	CU_ASSERT_EQUAL(out.node, in.node);
	CU_ASSERT_EQUAL(out.time_s, in.time_s);
	token_sign(s, &in, ID, again);
	CU_ASSERT_STRING_EQUAL(text, again);
	signer_free(s);
}

/* Another node with the same secret reads it: nothing but the secret goes in. */
static void test_other_node(void)
{
	struct signer *a = signer_new(secret, sizeof secret), *b = signer_new(secret, sizeof secret);
	struct token in = sample(), out = {0};
	char text[TOKEN_LEN + 1];
	token_sign(a, &in, ID, text);
	CU_ASSERT(token_verify(b, text, ID, &out));
	CU_ASSERT_EQUAL(out.node, in.node);
	signer_free(a);
	signer_free(b);
}

static void test_every_character(void)
{
	struct signer *s = signer_new(secret, sizeof secret);
	struct token in = sample(), out = {.region = 77};
	char text[TOKEN_LEN + 1];
	unsigned accepted = 0;
	token_sign(s, &in, ID, text);
	for (unsigned i = 0; i < TOKEN_LEN; i++)
		for (int c = 1; c < 256; c++) {
			char was = text[i];
			if ((char)c == was)
				continue;
			text[i] = (char)c;
			accepted += token_verify(s, text, ID, &out);
			text[i] = was;
		}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(out.region, 77);
	CU_ASSERT(token_verify(s, text, ID, &out));
	signer_free(s);
}

static void test_length(void)
{
	struct signer *s = signer_new(secret, sizeof secret);
	struct token in = sample(), out;
	char text[TOKEN_LEN + 4];
	token_sign(s, &in, ID, text);
	for (unsigned n = 0; n < TOKEN_LEN; n++) {
		char cut[TOKEN_LEN + 1];
		memcpy(cut, text, n);
		cut[n] = 0;
		CU_ASSERT_FALSE(token_verify(s, cut, ID, &out));
	}
	memcpy(text + TOKEN_LEN, "A", 2);
	CU_ASSERT_FALSE(token_verify(s, text, ID, &out));
	memcpy(text + TOKEN_LEN, "AAA", 4);
	CU_ASSERT_FALSE(token_verify(s, text, ID, &out));
	CU_ASSERT_FALSE(token_verify(s, "", ID, &out));
	signer_free(s);
}

static void test_bound(void)
{
	struct signer *s = signer_new(secret, sizeof secret), *o = signer_new(other_secret, sizeof other_secret);
	struct token in = sample(), out;
	char text[TOKEN_LEN + 1];
	token_sign(s, &in, ID, text);
	CU_ASSERT_FALSE(token_verify(s, text, "another@call", &out));
	CU_ASSERT_FALSE(token_verify(s, text, "", &out));
	CU_ASSERT_FALSE(token_verify(s, text, ID "x", &out));
	CU_ASSERT_FALSE(token_verify(o, text, ID, &out));
	CU_ASSERT(token_verify(s, text, ID, &out));
	signer_free(s);
	signer_free(o);
}

static void test_fields_differ(void)
{
	struct signer *s = signer_new(secret, sizeof secret);
	struct token t[5];
	char text[5][TOKEN_LEN + 1];
	for (unsigned i = 0; i < 5; i++)
		t[i] = sample();
	t[1].region++;
	t[2].trunk++;
	t[3].node++;
	t[4].time_s++;
	for (unsigned i = 0; i < 5; i++)
		token_sign(s, &t[i], ID, text[i]);
	for (unsigned i = 0; i < 5; i++)
		for (unsigned j = i + 1; j < 5; j++)
			CU_ASSERT_STRING_NOT_EQUAL(text[i] + 24, text[j] + 24);  /* the MAC itself */
	signer_free(s);
}

/* While secrets rotate, tokens of both are taken; new ones are signed by the first alone. */
static void test_rotation(void)
{
	struct signer *before = signer_new(other_secret, sizeof other_secret), *now = signer_new(secret, sizeof secret),
	              *then = signer_new(secret, sizeof secret);
	struct token t = sample(), out;
	char text[TOKEN_LEN + 1];
	token_sign(before, &t, ID, text);
	CU_ASSERT_FALSE(token_verify(now, text, ID, &out));
	CU_ASSERT_EQUAL(signer_accept(now, other_secret, sizeof other_secret), 0);
	CU_ASSERT(token_verify(now, text, ID, &out));
	CU_ASSERT_FALSE(token_verify(now, text, ID "x", &out));
	token_sign(now, &t, ID, text);
	CU_ASSERT(token_verify(now, text, ID, &out));
	CU_ASSERT(token_verify(then, text, ID, &out));
	CU_ASSERT_FALSE(token_verify(before, text, ID, &out));
	signer_free(before);
	signer_free(now);
	signer_free(then);
}

static void test_branch(void)
{
	struct signer *s = signer_new(secret, sizeof secret), *o = signer_new(other_secret, sizeof other_secret);
	char a[BRANCH_LEN], b[BRANCH_LEN];
	branch_sign(s, ID, 1, "z9hG4bKabc", "192.0.2.1", 1, 7, a);
	CU_ASSERT_EQUAL(strncmp(a, "z9hG4bK", 7), 0);
	CU_ASSERT(strlen(a) < BRANCH_LEN);
	CU_ASSERT_EQUAL(strspn(a + 7, alphabet), strlen(a) - 7);
	branch_sign(s, ID, 1, "z9hG4bKabc", "192.0.2.1", 1, 7, b);
	CU_ASSERT_STRING_EQUAL(a, b);
	CU_ASSERT(branch_has_loop(a, 7));
	CU_ASSERT_FALSE(branch_has_loop(a, 8));
	CU_ASSERT_FALSE(branch_has_loop("z9hG4bK", 7));
	branch_sign(s, ID, 1, "z9hG4bKabc", "192.0.2.1", 2, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(s, ID, 2, "z9hG4bKabc", "192.0.2.1", 1, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(s, ID "2", 1, "z9hG4bKabc", "192.0.2.1", 1, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(s, ID, 1, "z9hG4bKabd", "192.0.2.1", 1, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(s, ID, 1, "z9hG4bKabc", "192.0.2.2", 1, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(s, ID, 1, "z9hG4bKabc1", "92.0.2.1", 1, 7, b);  /* a character over the border */
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	branch_sign(o, ID, 1, "z9hG4bKabc", "192.0.2.1", 1, 7, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	signer_free(s);
	signer_free(o);
}

static void test_tag(void)
{
	struct signer *s = signer_new(secret, sizeof secret);
	char a[TAG_LEN], b[TAG_LEN];
	tag_sign(s, ID, "88sja8x", a);
	tag_sign(s, ID, "88sja8x", b);
	CU_ASSERT_STRING_EQUAL(a, b);
	CU_ASSERT_EQUAL(strlen(a), TAG_LEN - 1);
	tag_sign(s, ID, "88sja8y", b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	tag_sign(s, "x" ID, "88sja8x", b);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	signer_free(s);
}

static void test_name(void)
{
	CU_ASSERT_EQUAL(token_name(""), 2166136261u);
	CU_ASSERT_EQUAL(token_name("a"), 0xe40c292cu);       /* the published FNV-1a vectors */
	CU_ASSERT_EQUAL(token_name("foobar"), 0xbf9cf968u);
	CU_ASSERT_NOT_EQUAL(token_name("us-east-1"), token_name("us-east-2"));
}

UNIT_MAIN("token", {"comes back whole", test_round_trip}, {"another node reads it", test_other_node},
          {"every altered character is refused", test_every_character}, {"any other length is refused", test_length},
          {"bound to Call-ID and secret", test_bound}, {"secrets rotate", test_rotation}, {"every field is signed", test_fields_differ},
          {"branches", test_branch}, {"tags", test_tag}, {"names", test_name})
