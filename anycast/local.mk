noinst_LIBRARIES += libanycast.a
libanycast_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MNL_CFLAGS)
libanycast_a_SOURCES = \
	anycast/address.c anycast/address.h \
	anycast/anycast.c anycast/anycast.h \
	anycast/bfd.c anycast/bfd.h \
	anycast/bfd_fsm.c anycast/bfd_fsm.h \
	anycast/bfd_msg.c anycast/bfd_msg.h \
	anycast/bfd_session.c anycast/bfd_session.h \
	anycast/bfd_udp.c anycast/bfd_udp.h \
	anycast/bgp_conn.c anycast/bgp_conn.h \
	anycast/bgp_fsm.c anycast/bgp_fsm.h \
	anycast/bgp_msg.c anycast/bgp_msg.h \
	anycast/bgp_session.c anycast/bgp_session.h \
	anycast/bgp_stream.c anycast/bgp_stream.h \
	anycast/bgp_tcp.c anycast/bgp_tcp.h \
	anycast/bgp_update.c anycast/bgp_update.h \
	anycast/check.c anycast/check.h \
	anycast/gate.c anycast/gate.h \
	anycast/rib.c anycast/rib.h \
	anycast/sched.c anycast/sched.h \
	anycast/speaker.c anycast/speaker.h
