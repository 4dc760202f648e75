noinst_LIBRARIES += libanycast.a
libanycast_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MNL_CFLAGS)
libanycast_a_SOURCES = anycast/anycast.h
