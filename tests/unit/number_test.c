/* proxy/number: numbers as carriers write them, country by country, and what is no number at all. */
#include "proxy/number.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void check(const char *user, const char *country, const char *expected)
{
	char out[NUMBER_LEN];
	struct number_plan plan = number_plan(country);
	CU_ASSERT_PTR_EQUAL(number_normalise(user, &plan, out), out);
	CU_ASSERT_STRING_EQUAL(out, expected);
}

static void test_e164(void)
{
	check("+15551234567", "1", "+15551234567");
	check("+15551234567", "", "+15551234567");
	check("+442071838750", "1", "+442071838750");
	check("+1-555-123.4567", "44", "+15551234567");
	check("+1 (555) 123-4567", "", "+15551234567");
	check("+15551234567;ext=12;phone-context=+1", "1", "+15551234567");
	check("+112", "1", "+112");  /* who writes a plus means it */
}

static void test_north_america(void)
{
	check("5551234567", "1", "+15551234567");
	check("15551234567", "1", "+15551234567");
	check("(555) 123-4567", "1", "+15551234567");
	check("011442071838750", "1", "+442071838750");
	check("0044207183875", "1", "+10044207183875");  /* 00 is no international prefix there */
}

static void test_elsewhere(void)
{
	check("02071838750", "44", "+442071838750");
	check("00442071838750", "44", "+442071838750");
	check("0015551234567", "44", "+15551234567");
	check("2071838750", "44", "+442071838750");
	check("01522222222", "49", "+491522222222");
	check("0114420718", "44", "+44114420718");  /* Sheffield, not 011 */
}

static void check_plan(const char *user, const struct number_plan *plan, const char *expected)
{
	char out[NUMBER_LEN];
	CU_ASSERT_STRING_EQUAL(number_normalise(user, plan, out), expected);
}

/* Prefixes that are not the usual ones of the country, or without a country at all. */
static void test_plans(void)
{
	struct number_plan australia = {.country = "61", .international = {"0011", "0018"}, .n_international = 2, .national = "0"};
	check_plan("001115551234567", &australia, "+15551234567");
	check_plan("0018442071838750", &australia, "+442071838750");
	check_plan("0291234567", &australia, "+61291234567");
	check_plan("00291234567", &australia, "+610291234567");
	struct number_plan italy = {.country = "39", .international = {"00"}, .n_international = 1};
	check_plan("0612345678", &italy, "+390612345678");
	check_plan("0015551234567", &italy, "+15551234567");
	struct number_plan bare = {.international = {"00"}, .n_international = 1};
	check_plan("0015551234567", &bare, "+15551234567");
	check_plan("5551234567", &bare, "5551234567");
	check_plan("0000000", &(struct number_plan){.international = {"0000000"}, .n_international = 1}, "0000000");
}

static void test_no_country(void)
{
	check("5551234567", "", "5551234567");
	check("0015551234567", "", "0015551234567");
}

static void test_no_number(void)
{
	check("", "1", "");
	check("+", "1", "+");
	check("alice", "1", "alice");
	check("alice;tag=x", "1", "alice");
	check("911", "1", "911");
	check("123456", "1", "123456");  /* a short code: fewer than seven digits */
	check("1234567", "44", "+441234567");
	check("+1555alice", "1", "+1555alice");
	check("anonymous", "44", "anonymous");
	check("--", "1", "--");
}

static void test_long(void)
{
	char out[NUMBER_LEN], user[200];
	struct number_plan plan = number_plan("1");
	memset(user, '7', sizeof user - 1);
	user[sizeof user - 1] = 0;
	number_normalise(user, &plan, out);
	CU_ASSERT_EQUAL(strlen(out), NUMBER_LEN - 1);  /* no number is that long: as it is, cut */
	CU_ASSERT_EQUAL(strspn(out, "7"), NUMBER_LEN - 1);
	memset(user, 'x', sizeof user - 1);
	number_normalise(user, &plan, out);
	CU_ASSERT_EQUAL(strlen(out), NUMBER_LEN - 1);
	check("23456789012345678901234", "1234567", "+123456723456789012345678901234");
}

static void check_mask(const char *number, const char *expected)
{
	char text[64];
	snprintf(text, sizeof text, "%s", number);
	number_mask(text);
	CU_ASSERT_STRING_EQUAL(text, expected);
}

static void test_mask(void)
{
	check_mask("+15551234567", "+1555123xxxx");
	check_mask("911", "xxx");
	check_mask("+1", "+x");
	check_mask("", "");
	check_mask("alice", "alice");
	check_mask("ext-42", "ext-xx");
}

UNIT_MAIN("number", {"E.164 stays, separators and parameters go", test_e164},
          {"North America", test_north_america}, {"elsewhere", test_elsewhere},
          {"other dial plans", test_plans}, {"no country to go by", test_no_country}, {"short codes and names stay", test_no_number},
          {"longer than any number", test_long}, {"masking", test_mask})
