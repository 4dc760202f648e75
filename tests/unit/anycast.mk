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

check_PROGRAMS += tests/unit/gate_test
tests_unit_gate_test_SOURCES = tests/unit/gate_test.c
tests_unit_gate_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_gate_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/address_test
tests_unit_address_test_SOURCES = tests/unit/address_test.c
tests_unit_address_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_address_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bgp_session_test
tests_unit_bgp_session_test_SOURCES = tests/unit/bgp_session_test.c tests/unit/bgp_peer.h
tests_unit_bgp_session_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bgp_session_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/speaker_test
tests_unit_speaker_test_SOURCES = tests/unit/speaker_test.c tests/unit/bgp_peer.h
tests_unit_speaker_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_speaker_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/rib_test
tests_unit_rib_test_SOURCES = tests/unit/rib_test.c
tests_unit_rib_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_rib_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/anycast_check_test
tests_unit_anycast_check_test_SOURCES = tests/unit/anycast_check_test.c
tests_unit_anycast_check_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_anycast_check_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bfd_msg_test
tests_unit_bfd_msg_test_SOURCES = tests/unit/bfd_msg_test.c
tests_unit_bfd_msg_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bfd_msg_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bfd_fsm_test
tests_unit_bfd_fsm_test_SOURCES = tests/unit/bfd_fsm_test.c
tests_unit_bfd_fsm_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bfd_fsm_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bfd_session_test
tests_unit_bfd_session_test_SOURCES = tests/unit/bfd_session_test.c
tests_unit_bfd_session_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bfd_session_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/bfd_test
tests_unit_bfd_test_SOURCES = tests/unit/bfd_test.c
tests_unit_bfd_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_bfd_test_LDADD = $(ANYCAST_LIBS) $(CUNIT_LIBS)
