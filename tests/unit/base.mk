# Unit tests of base/: check_PROGRAMS += tests/unit/NAME_test, its _SOURCES, _CFLAGS (with CUNIT_CFLAGS) and _LDADD.
check_PROGRAMS += \
	tests/unit/addr_test \
	tests/unit/addr_prefer_test \
	tests/unit/bell_test \
	tests/unit/buf_test \
	tests/unit/clock_test \
	tests/unit/err_test \
	tests/unit/json_writer_test \
	tests/unit/log_test \
	tests/unit/loop_test \
	tests/unit/lpm_test \
	tests/unit/map_test \
	tests/unit/ring_test \
	tests/unit/timer_test \
	tests/unit/utf8_test
tests_unit_addr_test_SOURCES = tests/unit/addr_test.c tests/unit/unit.h
tests_unit_addr_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_addr_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_addr_prefer_test_SOURCES = tests/unit/addr_prefer_test.c tests/unit/unit.h
tests_unit_addr_prefer_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_addr_prefer_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_bell_test_SOURCES = tests/unit/bell_test.c tests/unit/unit.h
tests_unit_bell_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bell_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_buf_test_SOURCES = tests/unit/buf_test.c tests/unit/unit.h
tests_unit_buf_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_buf_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_clock_test_SOURCES = tests/unit/clock_test.c tests/unit/unit.h
tests_unit_clock_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_clock_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_err_test_SOURCES = tests/unit/err_test.c tests/unit/unit.h
tests_unit_err_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_err_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_json_writer_test_SOURCES = tests/unit/json_writer_test.c tests/unit/unit.h
tests_unit_json_writer_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_json_writer_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS) -lm
tests_unit_log_test_SOURCES = tests/unit/log_test.c tests/unit/unit.h
tests_unit_log_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_log_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_loop_test_SOURCES = tests/unit/loop_test.c tests/unit/unit.h
tests_unit_loop_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
tests_unit_loop_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_lpm_test_SOURCES = tests/unit/lpm_test.c tests/unit/unit.h
tests_unit_lpm_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_lpm_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_map_test_SOURCES = tests/unit/map_test.c tests/unit/unit.h
tests_unit_map_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_map_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_ring_test_SOURCES = tests/unit/ring_test.c tests/unit/unit.h
tests_unit_ring_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_ring_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_timer_test_SOURCES = tests/unit/timer_test.c tests/unit/unit.h
tests_unit_timer_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_timer_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
tests_unit_utf8_test_SOURCES = tests/unit/utf8_test.c tests/unit/unit.h
tests_unit_utf8_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_utf8_test_LDADD = $(BASE_LIBS) $(CUNIT_LIBS)
