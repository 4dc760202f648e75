noinst_LIBRARIES += libcluster.a
libcluster_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(HIREDIS_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
libcluster_a_SOURCES = \
	cluster/redis.c cluster/redis.h \
	cluster/redis_server.c
