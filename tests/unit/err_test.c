/* base/err: text is set, cut and never needed. */
#include "base/err.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static void test_set(void)
{
	struct err err;
	CU_ASSERT_EQUAL(err_set(&err, EINVAL, "port %d is too large: at most %d", 70000, 65535), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "port 70000 is too large: at most 65535");
	CU_ASSERT_EQUAL(err_set(NULL, ENOMEM, "%s", "nobody reads this"), -ENOMEM);
}

static void test_sys(void)
{
	struct err err;
	CU_ASSERT_EQUAL(err_sys(&err, ENOENT, "cannot open %s", "plan.json"), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "cannot open plan.json: No such file or directory");
	CU_ASSERT_EQUAL(err_sys(NULL, EIO, "x"), -EIO);
}

static void test_cut(void)
{
	struct err err;
	char long_text[1000];
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	err_set(&err, EINVAL, "%s", long_text);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
	err_sys(&err, EINVAL, "%s", long_text);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
}

static void test_wraps_itself(void)
{
	struct err err;
	err_set(&err, EINVAL, "inner");
	err_set(&err, EINVAL, "outer: %s", err.text);
	CU_ASSERT_STRING_EQUAL(err.text, "outer: inner");
	err_sys(&err, EIO, "%s", err.text);
	CU_ASSERT_STRING_EQUAL(err.text, "outer: inner: Input/output error");
}

UNIT_MAIN("err", {"set", test_set}, {"sys appends the reason", test_sys}, {"long text is cut", test_cut},
	  {"an error may wrap itself", test_wraps_itself})
