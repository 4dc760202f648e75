noinst_LIBRARIES += libcluster.a
libcluster_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(HIREDIS_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
libcluster_a_SOURCES = \
	cluster/board.c cluster/board.h \
	cluster/claims.c cluster/claims.h \
	cluster/document.c cluster/document.h \
	cluster/ended.c cluster/ended.h \
	cluster/peer.c cluster/peer.h \
	cluster/peer_msg.c cluster/peer_msg.h \
	cluster/record.c cluster/record.h \
	cluster/redis.c cluster/redis.h \
	cluster/redis_loop.c cluster/redis_loop.h \
	cluster/redis_server.c
