noinst_LIBRARIES += libproxy.a
libproxy_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SOFIA_CFLAGS) $(OPENSSL_CFLAGS) $(CARES_CFLAGS)
libproxy_a_SOURCES = proxy/proxy.h proxy/region.h proxy/stats.h
