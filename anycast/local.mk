noinst_LIBRARIES += libanycast.a
libanycast_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MNL_CFLAGS)
libanycast_a_SOURCES = \
	anycast/anycast.h \
	anycast/bgp_fsm.c anycast/bgp_fsm.h \
	anycast/bgp_msg.c anycast/bgp_msg.h \
	anycast/bgp_update.c anycast/bgp_update.h
