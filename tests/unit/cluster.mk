# Unit tests of cluster/: they link this room and the floors below it.
check_PROGRAMS += \
	tests/unit/redis_test
tests_unit_redis_test_SOURCES = tests/unit/redis_test.c tests/unit/unit.h
tests_unit_redis_test_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_redis_test_LDADD = $(CLUSTER_LIBS) $(CUNIT_LIBS)
