# Unit tests of sim/.
check_PROGRAMS += tests/unit/sim_test
tests_unit_sim_test_SOURCES = tests/unit/sim_test.c tests/unit/unit.h
tests_unit_sim_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_sim_test_CPPFLAGS = $(AM_CPPFLAGS) -DSCENARIOS=\"$(abs_top_srcdir)/etc/sim\"
tests_unit_sim_test_LDADD = $(SIM_LIBS) $(CUNIT_LIBS)
