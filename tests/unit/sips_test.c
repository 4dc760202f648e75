/* Calls by sips:, and targets that are sips: (RFC 3261 sections 16.6 and 26.2.2, RFC 5630): the scheme is the caller's, a
 * sips: target is reached by TLS alone, and a sips: call goes nowhere else. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct rig_options secure_east = {.east_sips = true};

/* `scheme` is of Request-URI and Contact. */
static const char *request(const char *method, const char *ruri, const char *route, const char *tag, const char *scheme, const char *via)
{
	static char text[2048];
	snprintf(text, sizeof text,
	         "%s %s SIP/2.0\r\nVia: SIP/2.0/%s 192.0.2.1:5060;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n%s"
	         "From: <%s:5550001111@192.0.2.1>;tag=alice\r\nTo: <%s:18005551234@203.0.113.10>%s\r\nCall-ID: a84b\r\n"
	         "CSeq: %d %s\r\nContact: <%s:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n",
	         method, ruri, via, method, scheme, route, scheme, scheme, tag, strcmp(method, "BYE") ? 1 : 2, method, scheme);
	return text;
}

static void invite(enum sip_transport t, const char *scheme)
{
	char ruri[64];
	snprintf(ruri, sizeof ruri, "%s:18005551234@203.0.113.10;user=phone", scheme);
	rig_receive_by(t, CARRIER, request("INVITE", ruri, "", "", scheme, sip_transport_via(t)));
}

static bool starts(const char *text, const char *start) { return !strncmp(text, start, strlen(start)); }

/* The caller said sip:, so the region, and through it the caller, is told of sip:; by TLS all the same. */
static void test_sip_call(void)
{
	rig_begin(&secure_east);
	invite(SIP_UDP, "sip");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST_TLS, "INVITE sip:+18005551234@east.example;user=phone SIP/2.0\r\n");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
	CU_ASSERT(starts(rig_header(m, "Via", 0), "SIP/2.0/TLS "));
	const char *rr = rig_header(m, "Record-Route", 0);
	CU_ASSERT(starts(rr, "<sip:"));
	CU_ASSERT_STRING_EQUAL(rr + 5 + TOKEN_LEN, "@" ANYCAST_TLS ";transport=tls;lr>");
	rr = rig_header(m, "Record-Route", 1);
	CU_ASSERT(starts(rr, "<sip:"));
	CU_ASSERT_STRING_EQUAL(rr + 5 + TOKEN_LEN, "@" ANYCAST ";lr>");
	rig_skip();
	rig_end();
}

/* All the way: Request-URI, both neighbours, our part of the route, and what follows in the dialog. */
static void test_sips_call(void)
{
	char route[300], tag[] = ";tag=east";
	rig_begin(&secure_east);
	invite(SIP_TLS, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST_TLS, "INVITE sips:+18005551234@east.example;user=phone SIP/2.0\r\n");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
	const char *rr = rig_header(m, "Record-Route", 0);
	CU_ASSERT(starts(rr, "<sips:"));
	CU_ASSERT_STRING_EQUAL(rr + 6 + TOKEN_LEN, "@" ANYCAST_TLS ";lr>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Record-Route", 1), "");
	rig_receive_by(SIP_TLS, EAST_TLS, rig_response(m, 200, "east", "Contact: <sips:bob@198.51.100.21>\r\n"));
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
	snprintf(route, sizeof route, "Route: %s\r\n", rr);
	rig_receive_by(SIP_TLS, CARRIER, request("ACK", "sips:bob@198.51.100.21", route, tag, "sips", "TLS"));
	rig_expect(EAST_TLS, "ACK sips:bob@198.51.100.21 SIP/2.0\r\n");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
	rig_receive_by(SIP_TLS, CARRIER, request("BYE", "sips:bob@198.51.100.21", route, tag, "sips", "TLS"));
	rig_expect(EAST_TLS, "BYE sips:bob@198.51.100.21 SIP/2.0\r\n");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
	rig_skip();
	rig_end();
}

static void put(unsigned slot, const char *address, uint32_t rank)
{
	struct target_place p = {.transport = SIP_TLS, .weight = 1, .rank = rank};
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&p.address, address), 0);
	target_set_place(rig_worker->table->regions[0].targets[slot], &p);
	target_set_health(rig_worker->table->regions[0].targets[slot], true, "");
}

/* What follows in the dialog, to a Contact that is the region's name: to the address that a new call would have, too. */
static void test_named_contact(void)
{
	char route[300], tag[] = ";tag=east";
	rig_begin(&secure_east);
	invite(SIP_TLS, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST_TLS, "INVITE sips:");
	rig_receive_by(SIP_TLS, EAST_TLS, rig_response(m, 200, "east", "Contact: <sips:bob@east.example:5071>\r\n"));
	rig_expect(CARRIER, "SIP/2.0 200");
	snprintf(route, sizeof route, "Route: %s\r\n", rig_header(m, "Record-Route", 0));
	put(0, EAST_TLS, 5);
	put(1, "198.51.100.24:5061", 3);
	put(2, "[2001:db8::21]:5061", 1);  /* the node sends by IPv4 alone */
	rig_receive_by(SIP_TLS, CARRIER, request("ACK", "sips:bob@east.example:5071", route, tag, "sips", "TLS"));
	rig_expect("198.51.100.24:5071", "ACK sips:bob@east.example:5071");
	target_set_health(rig_worker->table->regions[0].targets[1], false, "no answer");
	rig_receive_by(SIP_TLS, CARRIER, request("BYE", "sips:bob@east.example:5071", route, tag, "sips", "TLS"));
	rig_expect("198.51.100.21:5071", "BYE sips:bob@east.example:5071");
	rig_skip();
	rig_end();
}

/* No other region takes it, however long the first is down or busy. */
static void test_stays_there(void)
{
	rig_begin(&secure_east);
	invite(SIP_TLS, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST_TLS, "INVITE sips:");
	rig_receive_by(SIP_TLS, EAST_TLS, rig_response(m, 503, "east", ""));
	rig_expect(EAST_TLS, "ACK sips:");
	rig_expect(CARRIER, "SIP/2.0 500");
	rig_expect_none();
	const struct record *route = rig_record();
	CU_ASSERT_EQUAL(route->route.because, POLICY_BECAUSE_ONLY);
	CU_ASSERT_EQUAL(record_candidates((struct record *)(uintptr_t)route)[1].reason, POLICY_NO_SIPS);
	rig_end();
	rig_begin(&secure_east);
	target_set_health(rig_worker->table->regions[0].targets[0], false, "no answer");
	table_refresh_health(rig_worker->table, 0);
	invite(SIP_TLS, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	m = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Retry-After", 0), "");  /* sip: calls are taken still */
	rig_expect_none();
	CU_ASSERT_EQUAL(record_candidates((struct record *)(uintptr_t)rig_record())[0].reason, POLICY_NO_UNHEALTHY);
	rig_end();
}

/* Of a region with targets of both schemes it is the sips: ones that have to be up. */
static void test_health_of_sips(void)
{
	struct rig_options o = secure_east;
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	o.east_targets = 2;
	rig_begin(&o);
	struct table *t = rig_worker->common->table;
	target_set_health(t->regions[0].targets[0], false, "no answer");
	table_refresh_health(t, 0);
	table_facts(t, clock_us(), true, facts);
	CU_ASSERT_FALSE(facts[0].healthy);
	CU_ASSERT_FALSE(facts[0].no_sips);
	CU_ASSERT_TRUE(facts[1].no_sips);
	table_facts(t, clock_us(), false, facts);
	CU_ASSERT_TRUE(facts[0].healthy);
	CU_ASSERT_FALSE(facts[1].no_sips);
	rig_end();
}

static void refused(const struct rig_options *o, enum sip_transport t)
{
	rig_begin(o);
	invite(t, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(CARRIER, "SIP/2.0 480 Temporarily Unavailable\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Warning", 0), "380 tandem \"SIPS Not Allowed\"");
	rig_expect_none();
	rig_end();
}

static void test_refused(void)
{
	refused(NULL, SIP_TLS);          /* no region has a sips: target */
	refused(&secure_east, SIP_UDP);  /* it is none, by the way it came */
	refused(&secure_east, SIP_TCP);
}

/* A target of TLS that is not sips: has not said that it keeps the promise further on. */
static void test_no_downgrade(void)
{
	rig_begin(NULL);
	struct target_place tls = {.transport = SIP_TLS, .weight = 1};
	addr_parse_port(&tls.address, EAST_TLS);
	target_set_place(rig_worker->table->regions[0].targets[0], &tls);
	target_set_health(rig_worker->table->regions[0].targets[0], true, "");
	invite(SIP_TLS, "sips");
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(CARRIER, "SIP/2.0 480");
	rig_expect_none();
	rig_end();
}

UNIT_MAIN("sips", {"a sip: call to a sips: target", test_sip_call}, {"a sips: call", test_sips_call}, {"a Contact that is a name", test_named_contact},
          {"a sips: call does not fail over to sip:", test_stays_there},
          {"a region of both schemes", test_health_of_sips}, {"refused", test_refused},
          {"TLS is not sips:", test_no_downgrade})
