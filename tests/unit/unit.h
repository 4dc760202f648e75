/* One shape for all unit tests: a suite's tests in a table, and a main that runs them with CUnit and
 * fails when one fails. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <CUnit/Basic.h>

/* static void test_x(void) {...}
 * UNIT_MAIN("ring", {"keeps order", test_order}, {"refuses when full", test_full}) */
#define UNIT_MAIN(name, ...)                                                    \
	int main(void)                                                          \
	{                                                                       \
		CU_TestInfo tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};         \
		CU_SuiteInfo suites[] = {{name, 0, 0, 0, 0, tests}, CU_SUITE_INFO_NULL}; \
		if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) \
			return 2;                                               \
		CU_basic_set_mode(CU_BRM_VERBOSE);                              \
		CU_basic_run_tests();                                           \
		unsigned failed = CU_get_number_of_failures();                  \
		CU_cleanup_registry();                                          \
		return failed ? 1 : 0;                                          \
	}

#endif
