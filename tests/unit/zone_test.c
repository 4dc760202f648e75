/* daemon/zone: the system's time zone database as lists of changes, against the C library's idea of the same
 * moments; bytes that are no such file. */
#include "daemon/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

static int32_t offset_at(const struct policy_zone *z, int64_t s)
{
	unsigned i = z->n_changes - 1;

	while (i > 0 && z->changes[i].from_s > s)
		i--;
	return z->changes[i].offset_s;
}

static void test_zones(void)
{
	static const char *const names[] = {"UTC", "America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata",
	                                    "America/Sao_Paulo", "Africa/Casablanca", "Pacific/Chatham", "Asia/Tehran"};

	for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		struct policy_zone z;
		struct err err = {""};
		unsigned wrong = 0, order = 0;

		CU_ASSERT_EQUAL_FATAL(zone_load(names[k], &z, &err), 0);
		CU_ASSERT_STRING_EQUAL(z.name, names[k]);
		setenv("TZ", names[k], 1);
		tzset();
		for (time_t t = 946684800; t < 2524608000; t += 5 * 3600 + 7) {  /* 2000 to 2050 */
			struct tm tm;
			wrong += localtime_r(&t, &tm) == NULL || offset_at(&z, t) != tm.tm_gmtoff;
		}
		for (unsigned i = 1; i < z.n_changes; i++)
			order += z.changes[i].from_s <= z.changes[i - 1].from_s;
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT_EQUAL(order, 0);
		zone_free(&z);
	}
	unsetenv("TZ");
}

static void test_names(void)
{
	static const char *const bad[] = {"", "/etc/passwd", "../UTC", "Europe", "Europe/", "No/Where", "a b", "Europe//Berlin",
	                                  "tzdata.zi", "posixrules.", "zone.tab"};
	struct policy_zone z;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {""};
		CU_ASSERT(zone_load(bad[i], &z, &err) < 0);
		CU_ASSERT_PTR_NULL(z.changes);
		CU_ASSERT(strlen(err.text) > 10);
	}
}

/* A file cut short or with a byte changed is refused or read, and never more. */
static void test_damaged(void)
{
	uint8_t data[65536], copy[65536];
	struct policy_zone z;
	struct err err;
	FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t len = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut != 0 ? cut : 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		memcpy(exact, data, cut);
		CU_ASSERT(zone_decode(exact, cut, &z, &err) < 0);
		free(exact);
	}
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, data, len);
		copy[i] ^= 0xff;
		if (zone_decode(copy, len, &z, &err) == 0)
			zone_free(&z);
	}
	CU_ASSERT_EQUAL(zone_decode(data, len, &z, &err), 0);
	zone_free(&z);
}

UNIT_MAIN("zone", {"as the C library has them", test_zones}, {"names that are none", test_names},
          {"damaged files", test_damaged})
