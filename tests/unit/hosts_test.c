/* proxy/hosts, proxy/held: requests within a dialog that go to a name which is no target's, while DNS says nothing (the loop
 * that would ask it does not turn here): kept for a while, not too many, and answered in the end. What DNS answers is
 * tests/flow/contacts. */
#include "proxy/hosts.h"

#include "base/loop.h"
#include "proxy/active.h"
#include "proxy/held.h"
#include "proxy/resolver.h"
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct loop *control;
static struct resolver *resolver;
static struct hosts *hosts;
static char route[256];

static void begin(void)
{
	struct err err;
	struct addr egress;
	rig_begin(NULL);
	addr_parse_port(&egress, EGRESS);
	control = loop_new("control");
	resolver = resolver_new(control, &egress, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
	hosts = hosts_new(control, resolver, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(hosts);
	rig_worker->common->hosts = hosts;
	rig_receive(CARRIER, "INVITE sip:18005551234@203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKfirst\r\n"
	            "Max-Forwards: 70\r\nFrom: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>\r\nCall-ID: id\r\nCSeq: 1 INVITE\r\n"
	            "Content-Length: 0\r\n\r\n");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	snprintf(route, sizeof route, "%s", rig_header(m, "Record-Route", 0));
	rig_receive(EAST, rig_response(m, 200, "bob", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_run(40000);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
}

static void end(void)
{
	held_drop(rig_worker);
	CU_ASSERT_EQUAL(rig_worker->n_held, 0);
	resolver_free(resolver);
	hosts_free(hosts);
	loop_free(control);
	rig_end();
}

static const char *request(const char *method, const char *uri, unsigned branch)
{
	static char text[1024];
	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%u\r\nMax-Forwards: 70\r\n"
	         "Route: %s\r\nFrom: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=bob\r\nCall-ID: id\r\nCSeq: 2 %s\r\nContent-Length: 0\r\n\r\n",
	         method, uri, method, branch, route, method);
	return text;
}

/* As long as DNS may take, and then a 500, once; an ACK is never answered. */
static void test_waits(void)
{
	begin();
	rig_receive(CARRIER, request("INFO", "sip:bob@pbx.example", 1));
	rig_receive(CARRIER, request("ACK", "sip:bob@pbx.example", 2));
	CU_ASSERT_EQUAL(rig_worker->n_held, 2);
	CU_ASSERT_EQUAL(rig_stat(STAT_NAME_WAITS), 2);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_run(4999);
	rig_expect_none();
	rig_run(1);
	rig_expect(CARRIER, "SIP/2.0 500");
	rig_expect_none();
	CU_ASSERT_EQUAL(rig_worker->n_held, 0);
	CU_ASSERT_EQUAL(timer_wheel_count(rig_worker->wheel), active_count(rig_worker));
	end();
}

/* A name that does not come holds no more than so many. */
static void test_not_too_many(void)
{
	begin();
	for (unsigned i = 0; i < HELD_MAX; i++)
		rig_receive(CARRIER, request("INFO", "sip:bob@pbx.example", i));
	rig_expect_none();
	CU_ASSERT_EQUAL(rig_worker->n_held, HELD_MAX);
	rig_receive(CARRIER, request("INFO", "sip:bob@pbx.example", HELD_MAX));
	rig_expect(CARRIER, "SIP/2.0 500");
	end();
}

/* Taken down with the worker. */
static void test_dropped(void)
{
	begin();
	rig_receive(CARRIER, request("INFO", "sip:bob@pbx.example", 1));
	end();
}

static enum hosts_answer ask(const char *scheme, const char *host, uint16_t port, bool said, const char *params)
{
	struct target_place p;
	struct sip_uri_view uri = {.scheme = scheme, .user = "bob", .host = host, .port = port, .port_said = said, .params = params};
	return hosts_find(hosts, &uri, 3, &p);
}

/* One lookup for all ways to say the same; and so many names, of which none takes another's place. */
static void test_names(void)
{
	char host[32];
	begin();
	for (unsigned i = 0; i < HOSTS_MAX; i++) {
		snprintf(host, sizeof host, "n%u.example", i);
		CU_ASSERT_EQUAL(ask("sip", host, 5060, true, ""), HOSTS_ASKED);
	}
	CU_ASSERT_EQUAL(ask("sip", "one-more.example", 5060, true, ""), HOSTS_NOWHERE);
	CU_ASSERT_EQUAL(ask("SIP", "N7.Example", 5060, true, "user=phone;ob"), HOSTS_ASKED);
	CU_ASSERT_EQUAL(ask("sip", "n7.example", 5061, true, ""), HOSTS_NOWHERE);             /* others, for which there is no room */
	CU_ASSERT_EQUAL(ask("sip", "n7.example", 5060, false, ""), HOSTS_NOWHERE);
	CU_ASSERT_EQUAL(ask("sip", "n7.example", 5060, true, "transport=tcp"), HOSTS_NOWHERE);
	CU_ASSERT_EQUAL(ask("sips", "n7.example", 5060, true, ""), HOSTS_NOWHERE);
	CU_ASSERT_EQUAL(ask("sip", "n7.example", 5060, true, "transport=sctp"), HOSTS_NOWHERE);
	end();
}

/* What no name is, is not asked for. */
static void test_no_name(void)
{
	char uri[400] = "sip:bob@";
	begin();
	memset(uri + 8, 'a', 300);
	rig_receive(CARRIER, request("INFO", uri, 1));
	rig_expect(CARRIER, "SIP/2.0 500");
	rig_receive(CARRIER, request("INFO", "sip:bob@pbx.example;transport=sctp", 2));
	rig_expect(CARRIER, "SIP/2.0 404");
	rig_receive(CARRIER, request("INFO", "tel:+15550001111", 3));
	rig_expect(CARRIER, "SIP/2.0 404");
	CU_ASSERT_EQUAL(rig_worker->n_held, 0);
	end();
}

UNIT_MAIN("hosts", {"waits, and not for ever", test_waits}, {"not too many", test_not_too_many}, {"dropped", test_dropped},
          {"names", test_names}, {"no name", test_no_name})
