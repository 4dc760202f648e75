/* policy/chance.h: the draw's logarithm against libm's, and hashes that spread. */
#include "policy/chance.h"

#include <math.h>
#include <stdbool.h>

#include "tests/unit/policy_fixture.h"
#include "tests/unit/unit.h"

static bool close_to_log(double u)
{
	double want = -log(u), got = chance_exponential(u);

	return got > 0 && fabs(got - want) <= 1e-9 * want;
}

static void test_exponential(void)
{
	uint64_t seed = 1;
	unsigned bad = 0;

	for (unsigned i = 0; i < 100000; i++)
		bad += !close_to_log(chance_unit(next_random(&seed)));
	CU_ASSERT_EQUAL(bad, 0);
	/* The ends, and both sides of where the exponent changes. */
	CU_ASSERT_TRUE(close_to_log(chance_unit(0)));
	CU_ASSERT_TRUE(close_to_log(chance_unit(UINT64_MAX)));
	CU_ASSERT_TRUE(close_to_log(0.5));
	CU_ASSERT_TRUE(close_to_log(0.70710678));
	CU_ASSERT_TRUE(close_to_log(0.70710679));
	CU_ASSERT_TRUE(close_to_log(0.999999999));
}

static void test_unit(void)
{
	CU_ASSERT_TRUE(chance_unit(0) > 0);
	CU_ASSERT_TRUE(chance_unit(UINT64_MAX) < 1);
	CU_ASSERT_DOUBLE_EQUAL(chance_unit(UINT64_C(1) << 63), 0.5, 1e-15);
}

/* Neighbouring numbers fall into 16 boxes evenly. */
static void test_hash(void)
{
	unsigned boxes[16] = {0};
	char number[32];

	for (unsigned i = 0; i < 16000; i++) {
		snprintf(number, sizeof(number), "+1202555%04u", i);
		boxes[chance_hash(number) >> 60]++;
	}
	for (unsigned i = 0; i < 16; i++) {
		CU_ASSERT_TRUE(boxes[i] > 850);
		CU_ASSERT_TRUE(boxes[i] < 1150);
	}
}

UNIT_MAIN("policy_chance", {"logarithm", test_exponential}, {"unit interval", test_unit}, {"hash spreads", test_hash})
