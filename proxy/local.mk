noinst_LIBRARIES += libproxy.a
libproxy_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(EVENT_SSL_CFLAGS) $(SOFIA_CFLAGS) $(OPENSSL_CFLAGS) $(CARES_CFLAGS)
libproxy_a_SOURCES = \
	proxy/active.c proxy/active.h \
	proxy/adopt.c proxy/adopt.h \
	proxy/alias.c proxy/alias.h \
	proxy/branch.c \
	proxy/call.c proxy/call.h proxy/call_internal.h \
	proxy/call_best.c \
	proxy/call_decide.c \
	proxy/call_failover.c \
	proxy/call_log.c proxy/call_log.h \
	proxy/call_record.c \
	proxy/claim.c proxy/claim.h \
	proxy/dialog.c proxy/dialog.h \
	proxy/dns.c proxy/dns.h \
	proxy/forward.c proxy/forward.h \
	proxy/held.c proxy/held.h \
	proxy/hosts.c proxy/hosts.h \
	proxy/ingress.c proxy/ingress.h \
	proxy/live.c proxy/live.h \
	proxy/locate.c proxy/locate.h \
	proxy/number.c proxy/number.h \
	proxy/places.c proxy/places.h \
	proxy/prober.c proxy/prober.h \
	proxy/overload.c proxy/overload.h \
	proxy/stream/frame.c proxy/stream/frame.h \
	proxy/stream/stream.c proxy/stream/stream.h \
	proxy/stream/stream_conn.c proxy/stream/stream_internal.h \
	proxy/stream/stream_listen.c proxy/stream/stream_open.c \
	proxy/stream/tls.c proxy/stream/tls.h \
	proxy/transport.c proxy/transport.h \
	proxy/proxy.c proxy/proxy.h \
	proxy/record.c proxy/record.h \
	proxy/relay.c proxy/relay.h \
	proxy/reply.c proxy/reply.h \
	proxy/resolver.c proxy/resolver.h \
	proxy/sip/header.c proxy/sip/header.h \
	proxy/sip/oc.c proxy/sip/oc.h \
	proxy/self.c proxy/self.h \
	proxy/sip/grammar.c \
	proxy/sip/message.c proxy/sip/message.h proxy/sip/message_internal.h \
	proxy/sip/plain.c \
	proxy/sip/scan.c proxy/sip/scan.h \
	proxy/sip/steer.c proxy/sip/steer.h \
	proxy/sip/txn.h proxy/sip/txn_internal.h \
	proxy/sip/txn_client.c \
	proxy/sip/txn_server.c \
	proxy/sip/udp.c proxy/sip/udp.h \
	proxy/sip/write.c \
	proxy/stats.c proxy/stats.h \
	proxy/table.c proxy/table.h \
	proxy/target.c proxy/target.h \
	proxy/token.c proxy/token.h \
	proxy/trunk.c proxy/trunk.h proxy/trunk_config.h \
	proxy/trunk_rules.c proxy/trunk_rules.h \
	proxy/worker.c proxy/worker.h proxy/worker_internal.h \
	proxy/worker_alias.c proxy/worker_streams.c
