# Unit tests of cluster/: they link this room and base only.
check_PROGRAMS += \
	tests/unit/board_test \
	tests/unit/cluster_record_test \
	tests/unit/peer_msg_test \
	tests/unit/redis_test
tests_unit_board_test_SOURCES = tests/unit/board_test.c tests/unit/unit.h
tests_unit_board_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
tests_unit_board_test_LDADD = $(CLUSTER_LIBS) $(CUNIT_LIBS)
tests_unit_cluster_record_test_SOURCES = tests/unit/cluster_record_test.c tests/unit/unit.h
tests_unit_cluster_record_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_cluster_record_test_LDADD = $(CLUSTER_LIBS) $(CUNIT_LIBS)
tests_unit_redis_test_SOURCES = tests/unit/redis_test.c tests/unit/unit.h
tests_unit_redis_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_redis_test_LDADD = $(CLUSTER_LIBS) $(CUNIT_LIBS)
tests_unit_peer_msg_test_SOURCES = tests/unit/peer_msg_test.c tests/unit/unit.h
tests_unit_peer_msg_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_peer_msg_test_LDADD = $(CLUSTER_LIBS) $(CUNIT_LIBS)
