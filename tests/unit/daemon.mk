# Unit tests of daemon/: check_PROGRAMS += tests/unit/NAME_test, its _SOURCES, _CFLAGS (with CUNIT_CFLAGS) and _LDADD.
check_PROGRAMS += tests/unit/config_test
tests_unit_config_test_SOURCES = tests/unit/config_test.c tests/unit/unit.h
tests_unit_config_test_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE='"$(abs_top_srcdir)/etc/tandem.yaml"'
tests_unit_config_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_config_test_LDADD = $(CONFIG_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/config_errors_test
tests_unit_config_errors_test_SOURCES = tests/unit/config_errors_test.c tests/unit/unit.h
tests_unit_config_errors_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_config_errors_test_LDADD = $(CONFIG_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/zone_test
tests_unit_zone_test_SOURCES = tests/unit/zone_test.c tests/unit/unit.h
tests_unit_zone_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_zone_test_LDADD = $(CONFIG_LIBS) $(CUNIT_LIBS)

# drain.c with a proxy and an anycast of the test's own.
check_PROGRAMS += tests/unit/drain_test
tests_unit_drain_test_SOURCES = tests/unit/drain_test.c tests/unit/unit.h daemon/drain.c
tests_unit_drain_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_drain_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
