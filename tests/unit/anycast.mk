# Unit tests of anycast/: check_PROGRAMS += tests/unit/NAME_test, its _SOURCES, _CFLAGS (with CUNIT_CFLAGS) and _LDADD.
check_PROGRAMS += tests/unit/bgp_msg_test
tests_unit_bgp_msg_test_SOURCES = tests/unit/bgp_msg_test.c
tests_unit_bgp_msg_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bgp_msg_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bgp_update_test
tests_unit_bgp_update_test_SOURCES = tests/unit/bgp_update_test.c
tests_unit_bgp_update_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bgp_update_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bgp_fsm_test
tests_unit_bgp_fsm_test_SOURCES = tests/unit/bgp_fsm_test.c
tests_unit_bgp_fsm_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bgp_fsm_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)
