# Unit tests of proxy/: check_PROGRAMS += tests/unit/NAME_test, its _SOURCES, _CFLAGS (with CUNIT_CFLAGS) and _LDADD.
PROXY_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
PROXY_TEST_LIBS = $(PROXY_LIBS) $(CUNIT_LIBS)
PROXY_SIP_TEXT = tests/unit/sip_text.h tests/unit/unit.h
PROXY_RIG = tests/unit/proxy_rig.c tests/unit/proxy_rig.h $(PROXY_SIP_TEXT)
TXN_RIG = tests/unit/txn_rig.h $(PROXY_SIP_TEXT)
CALL_RIG = tests/unit/call_rig.h $(PROXY_RIG)

PROXY_CERTIFICATE = tests/unit/certificate.c tests/unit/certificate.h

check_PROGRAMS += \
	tests/unit/alias_test \
	tests/unit/call_test \
	tests/unit/call_cancel_test \
	tests/unit/call_failover_test \
	tests/unit/call_memory_test \
	tests/unit/call_refuse_test \
	tests/unit/call_retry_test \
	tests/unit/dialog_test \
	tests/unit/active_test \
	tests/unit/claim_test \
	tests/unit/hosts_test \
	tests/unit/ingress_test \
	tests/unit/large_test \
	tests/unit/number_test \
	tests/unit/frame_test \
	tests/unit/oc_test \
	tests/unit/prober_test \
	tests/unit/overload_test \
	tests/unit/record_test \
	tests/unit/sip_message_test \
	tests/unit/sips_test \
	tests/unit/locate_test \
	tests/unit/places_test \
	tests/unit/sip_plain_test \
	tests/unit/sip_torture_test \
	tests/unit/sip_write_test \
	tests/unit/steer_test \
	tests/unit/table_test \
	tests/unit/stream_test \
	tests/unit/tls_test \
	tests/unit/token_test \
	tests/unit/torture_test \
	tests/unit/trunk_test \
	tests/unit/trunk_rules_test \
	tests/unit/txn_client_test \
	tests/unit/txn_server_test \
	tests/unit/txn_stream_test
tests_unit_alias_test_SOURCES = tests/unit/alias_test.c tests/unit/unit.h $(PROXY_CERTIFICATE)
tests_unit_alias_test_CFLAGS = $(PROXY_TEST_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_alias_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_call_memory_test_SOURCES = tests/unit/call_memory_test.c $(PROXY_RIG)
tests_unit_call_memory_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_memory_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_hosts_test_SOURCES = tests/unit/hosts_test.c $(PROXY_RIG)
tests_unit_hosts_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_hosts_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_prober_test_SOURCES = tests/unit/prober_test.c $(PROXY_RIG)
tests_unit_prober_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_prober_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_large_test_SOURCES = tests/unit/large_test.c $(PROXY_RIG)
tests_unit_large_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_large_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_sips_test_SOURCES = tests/unit/sips_test.c $(PROXY_RIG)
tests_unit_sips_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_sips_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_locate_test_SOURCES = tests/unit/locate_test.c tests/unit/unit.h
tests_unit_locate_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_locate_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_places_test_SOURCES = tests/unit/places_test.c tests/unit/unit.h
tests_unit_places_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_places_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_number_test_SOURCES = tests/unit/number_test.c tests/unit/unit.h
tests_unit_number_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_number_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_steer_test_SOURCES = tests/unit/steer_test.c tests/unit/unit.h
tests_unit_steer_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_steer_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_table_test_SOURCES = tests/unit/table_test.c tests/unit/unit.h
tests_unit_table_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_table_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_frame_test_SOURCES = tests/unit/frame_test.c tests/unit/unit.h
tests_unit_frame_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_frame_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_overload_test_SOURCES = tests/unit/overload_test.c tests/unit/unit.h
tests_unit_overload_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_overload_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_stream_test_SOURCES = tests/unit/stream_test.c tests/unit/unit.h $(PROXY_CERTIFICATE)
tests_unit_stream_test_CFLAGS = $(PROXY_TEST_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_stream_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_tls_test_SOURCES = tests/unit/tls_test.c tests/unit/unit.h $(PROXY_CERTIFICATE)
tests_unit_tls_test_CFLAGS = $(PROXY_TEST_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_tls_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_token_test_SOURCES = tests/unit/token_test.c tests/unit/unit.h
tests_unit_token_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_token_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_trunk_test_SOURCES = tests/unit/trunk_test.c tests/unit/unit.h
tests_unit_trunk_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_trunk_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_sip_message_test_SOURCES = tests/unit/sip_message_test.c $(PROXY_SIP_TEXT)
tests_unit_sip_message_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_sip_message_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_sip_torture_test_SOURCES = tests/unit/sip_torture_test.c $(PROXY_SIP_TEXT)
tests_unit_sip_torture_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_sip_torture_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_sip_plain_test_SOURCES = tests/unit/sip_plain_test.c tests/unit/sip_same.h $(PROXY_SIP_TEXT)
tests_unit_sip_plain_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_sip_plain_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_sip_write_test_SOURCES = tests/unit/sip_write_test.c $(PROXY_SIP_TEXT)
tests_unit_sip_write_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_sip_write_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_txn_client_test_SOURCES = tests/unit/txn_client_test.c $(TXN_RIG)
tests_unit_txn_client_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_txn_client_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_txn_server_test_SOURCES = tests/unit/txn_server_test.c $(TXN_RIG)
tests_unit_txn_server_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_txn_server_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_txn_stream_test_SOURCES = tests/unit/txn_stream_test.c $(TXN_RIG)
tests_unit_txn_stream_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_txn_stream_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_record_test_SOURCES = tests/unit/record_test.c tests/unit/unit.h
tests_unit_record_test_CFLAGS = $(PROXY_TEST_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_record_test_LDADD = $(PROXY_TEST_LIBS) $(JANSSON_LIBS)
tests_unit_call_test_SOURCES = tests/unit/call_test.c $(CALL_RIG)
tests_unit_call_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_call_cancel_test_SOURCES = tests/unit/call_cancel_test.c $(CALL_RIG)
tests_unit_call_cancel_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_cancel_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_call_failover_test_SOURCES = tests/unit/call_failover_test.c $(CALL_RIG)
tests_unit_call_failover_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_failover_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_call_refuse_test_SOURCES = tests/unit/call_refuse_test.c $(CALL_RIG)
tests_unit_call_refuse_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_refuse_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_call_retry_test_SOURCES = tests/unit/call_retry_test.c $(CALL_RIG)
tests_unit_call_retry_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_call_retry_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_ingress_test_SOURCES = tests/unit/ingress_test.c $(PROXY_RIG)
tests_unit_ingress_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_ingress_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_trunk_rules_test_SOURCES = tests/unit/trunk_rules_test.c $(PROXY_RIG)
tests_unit_trunk_rules_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_trunk_rules_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_torture_test_SOURCES = tests/unit/torture_test.c $(PROXY_RIG)
tests_unit_torture_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_torture_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_active_test_SOURCES = tests/unit/active_test.c $(PROXY_RIG)
tests_unit_active_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_active_test_LDADD = $(PROXY_TEST_LIBS)

tests_unit_dialog_test_SOURCES = tests/unit/dialog_test.c $(PROXY_RIG) $(PROXY_CERTIFICATE)
tests_unit_dialog_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_dialog_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_claim_test_SOURCES = tests/unit/claim_test.c $(PROXY_RIG)
tests_unit_claim_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_claim_test_LDADD = $(PROXY_TEST_LIBS)
tests_unit_oc_test_SOURCES = tests/unit/oc_test.c tests/unit/unit.h
tests_unit_oc_test_CFLAGS = $(PROXY_TEST_CFLAGS)
tests_unit_oc_test_LDADD = $(PROXY_TEST_LIBS)
