noinst_LIBRARIES += libbase.a
libbase_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libbase_a_SOURCES = \
	base/addr.c base/addr.h \
	base/addr_prefer.c base/addr_prefer.h \
	base/banned.h \
	base/bell.c base/bell.h \
	base/buf.c base/buf.h \
	base/clock.c base/clock.h \
	base/err.c base/err.h \
	base/json_writer.c base/json_writer.h \
	base/log.c base/log.h \
	base/loop.c base/loop.h \
	base/lpm.c base/lpm.h \
	base/map.c base/map.h \
	base/ring.c base/ring.h \
	base/timer.c base/timer.h \
	base/utf8.h
