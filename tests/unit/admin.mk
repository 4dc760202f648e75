# Unit tests of admin/: check_PROGRAMS += tests/unit/NAME_test, its _SOURCES, _CFLAGS (with CUNIT_CFLAGS) and _LDADD.
ADMIN_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS) $(EVENT_CFLAGS)
ADMIN_TEST_LIBS = $(ADMIN_LIBS) $(CUNIT_LIBS)
ADMIN_FAKES = tests/unit/admin_fakes.c tests/unit/admin_fakes.h tests/unit/unit.h
ADMIN_ASK = tests/unit/admin_ask.h $(ADMIN_FAKES)

check_PROGRAMS += tests/unit/admin_routes_test
tests_unit_admin_routes_test_SOURCES = tests/unit/admin_routes_test.c $(ADMIN_ASK)
tests_unit_admin_routes_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_routes_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/admin_api_test
tests_unit_admin_api_test_SOURCES = tests/unit/admin_api_test.c $(ADMIN_ASK)
tests_unit_admin_api_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_api_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/admin_openapi_test
tests_unit_admin_openapi_test_SOURCES = tests/unit/admin_openapi_test.c $(ADMIN_ASK)
tests_unit_admin_openapi_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_openapi_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/admin_metrics_test
tests_unit_admin_metrics_test_SOURCES = tests/unit/admin_metrics_test.c $(ADMIN_FAKES)
tests_unit_admin_metrics_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_metrics_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/admin_http_test
tests_unit_admin_http_test_SOURCES = tests/unit/admin_http_test.c $(ADMIN_FAKES)
tests_unit_admin_http_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_http_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/admin_listen_test
tests_unit_admin_listen_test_SOURCES = tests/unit/admin_listen_test.c tests/unit/unit.h
tests_unit_admin_listen_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_admin_listen_test_LDADD = $(ADMIN_TEST_LIBS)

check_PROGRAMS += tests/unit/ctl_table_test
tests_unit_ctl_table_test_SOURCES = tests/unit/ctl_table_test.c tests/unit/unit.h admin/ctl.h admin/ctl_table.c
tests_unit_ctl_table_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_ctl_table_test_LDADD = $(CUNIT_LIBS)

# Runs ./tandemctl, or what TANDEMCTL names.
check_PROGRAMS += tests/unit/tandemctl_test
tests_unit_tandemctl_test_SOURCES = tests/unit/tandemctl_test.c $(ADMIN_FAKES)
tests_unit_tandemctl_test_CFLAGS = $(ADMIN_TEST_CFLAGS)
tests_unit_tandemctl_test_LDADD = $(ADMIN_TEST_LIBS)
