/* proxy/trunk_rules: what a trunk may call and from where, its limits' answers, its header rules and the trust edge,
 * as they come out on the wire. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char route[256];  /* of the call at hand */

static const char *invite(const char *number, const char *extra)
{
	static char text[4096];
	snprintf(text, sizeof text,
	         "INVITE sip:%s@203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s\r\n"
	         "Max-Forwards: 70\r\nFrom: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:x@y>\r\nCall-ID: id%s\r\n"
	         "CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n", number, number, number, extra);
	return text;
}

static const char *in_dialog(const char *method, bool by_callee, const char *extra)
{
	static char text[4096];
	snprintf(text, sizeof text,
	         "%s sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=%s\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: id18005551234\r\nCSeq: 2 %s\r\n%s"
	         "Content-Length: 0\r\n\r\n", method, by_callee ? CARRIER : EAST, by_callee ? EAST : CARRIER, method, by_callee,
	         route, by_callee ? "bob" : "alice", by_callee ? "alice" : "bob", method, extra);
	return text;
}

/* The call's INVITE as the region gets it. */
static const char *call(const char *number, const char *extra)
{
	rig_receive(CARRIER, invite(number, extra));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	snprintf(route, sizeof route, "%s", rig_header(m, "Record-Route", 0));
	return m;
}

static void expect_header(const char *message, const char *name, const char *value)
{
	CU_ASSERT_STRING_EQUAL(rig_header(message, name, 0), value);
	CU_ASSERT_STRING_EQUAL(rig_header(message, name, 1), "");
}

/* ---- who may call what, and from where ---- */

static void test_called(void)
{
	struct trunk_called allowed[] = {{"+1800"}, {"+44"}, {"+4420"}, {"911"}, {"+1"}, {"+1888"}};
	struct trunk_options o = {.allowed = allowed, .n_allowed = 6};
	struct trunk_rules *r = trunk_rules_new(&o, "1"), *any = trunk_rules_new(&(struct trunk_options){0}, "");
	static const char *const may[] = {"+18005551234", "+1", "+442071838750", "+44", "911", "9112", "+19999999999"};
	static const char *const may_not[] = {"", "+", "+4", "+33123456789", "91", "+49", "44", "0", "zzz"};
	for (unsigned i = 0; i < sizeof may / sizeof may[0]; i++)
		CU_ASSERT(trunk_rules_called(r, may[i]));
	for (unsigned i = 0; i < sizeof may_not / sizeof may_not[0]; i++) {
		CU_ASSERT_FALSE(trunk_rules_called(r, may_not[i]));
		CU_ASSERT(trunk_rules_called(any, may_not[i]));
	}
	trunk_rules_free(r);
	trunk_rules_free(any);
}

static void test_refused_number(void)
{
	struct trunk_called allowed[] = {{"+1800"}};
	struct rig_options o = {.max_cps = 1, .trunk = {.allowed = allowed, .n_allowed = 1}};
	rig_begin(&o);
	for (unsigned i = 0; i < 3; i++) {                  /* takes nothing of what the trunk may do */
		char number[16];
		snprintf(number, sizeof number, "1900555%04u", i);
		rig_receive(CARRIER, invite(number, ""));
		rig_expect(CARRIER, "SIP/2.0 100");
		rig_expect(CARRIER, "SIP/2.0 403 Forbidden\r\n");
		const struct record *r = rig_record();
		CU_ASSERT_PTR_NOT_NULL_FATAL(r);
		CU_ASSERT_EQUAL(r->end.outcome, OUTCOME_REJECTED);
		CU_ASSERT_EQUAL(r->end.flags, RECORD_NA);
	}
	call("18005551234", "");
	rig_end();
}

static void test_ports(void)
{
	struct rig_options o = {.trunk = {.ports = {{5060, 5060}, {10000, 20000}}, .n_ports = 2}};
	static const char *const from[] = {"192.0.2.1:5060", "192.0.2.1:10000", "192.0.2.1:20000"};
	static const char *const not_from[] = {"192.0.2.1:5061", "192.0.2.1:9999", "192.0.2.1:20001"};
	rig_begin(&o);
	const char *options = "OPTIONS sip:203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKo;rport\r\n"
	                      "From: <sip:x@y>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\r\n";
	for (unsigned i = 0; i < 3; i++) {
		rig_receive(from[i], options);
		rig_expect(from[i], "SIP/2.0 200");
		rig_receive(not_from[i], options);
		rig_expect_none();
		CU_ASSERT_EQUAL(rig_stat(STAT_DROP_SOURCE), i + 1);
	}
	rig_end();
}

static void check_limit(struct trunk_limit limit, const char *start, const char *retry_after)
{
	struct rig_options o = {.max_calls = 1, .trunk = {.limit = limit}};
	rig_begin(&o);
	call("18005551234", "");
	rig_receive(CARRIER, invite("18005559999", ""));
	rig_expect(CARRIER, "SIP/2.0 100");
	expect_header(rig_expect(CARRIER, start), "Retry-After", retry_after);
	rig_end();
}

static void test_limit(void)
{
	check_limit((struct trunk_limit){0, 0}, "SIP/2.0 503 Service Unavailable\r\n", "5");
	check_limit((struct trunk_limit){503, 30000}, "SIP/2.0 503 Service Unavailable\r\n", "30");
	check_limit((struct trunk_limit){429, 1500}, "SIP/2.0 429 Too Many Requests\r\n", "2");
	check_limit((struct trunk_limit){486, 0}, "SIP/2.0 486 Busy Here\r\n", "");
}

/* ---- header rules ---- */

static void test_headers(void)
{
	struct trunk_header headers[] = {
		{.strip = "X-Secret", .value = ""}, {.strip = "Subject"}, {.add = "X-Carrier", .value = "carrier-a"},
		{.replace = "User-Agent", .value = "tandem"}, {.replace = "X-Absent", .value = "never"},
	};
	struct rig_options o = {.trunk = {.headers = headers, .n_headers = 5}};
	rig_begin(&o);
	const char *m = call("18005551234", "X-Secret: 1\r\nx-sECRET: 2\r\ns: hello\r\nsubject: hello\r\nX-Carrier: evil\r\n"
	                     "User-Agent: a\r\nUser-Agent: b\r\nX-Other: stays\r\nIdentity: eyJ.signed;info=<x>\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "X-Secret", 0), "");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Subject", 0), "");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "s", 0), "");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "X-Carrier", 0), "carrier-a");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "X-Carrier", 1), "evil");  /* add adds; strip it too where that matters */
	expect_header(m, "User-Agent", "tandem");
	expect_header(m, "X-Absent", "");
	expect_header(m, "X-Other", "stays");
	expect_header(m, "Identity", "eyJ.signed;info=<x>");
	expect_header(m, "Max-Forwards", "69");
	rig_end();
}

/* Within a call, whoever sends: what a trunk's header is made of holds for all that it sends, what is added does not; and
 * the rules for the other way for all that goes to it. */
static const struct trunk_header both_ways[] = {
	{.strip = "X-Secret"}, {.replace = "P-Asserted-Identity", .value = "<sip:main@x>"}, {.add = "X-Carrier", .value = "carrier-a"},
	{.strip = "X-Inside"}, {.replace = "Server", .value = "-"},
};
#define BOTH "X-Secret: 1\r\nP-Asserted-Identity: <sip:+1555@x>\r\nX-Inside: region\r\nServer: SBC/7.1 (Debian)\r\n"

static void expect_from_trunk(const char *m, const char *added)
{
	expect_header(m, "X-Secret", "");
	expect_header(m, "P-Asserted-Identity", "<sip:main@x>");
	expect_header(m, "X-Carrier", added);
	expect_header(m, "X-Inside", "region");
	expect_header(m, "Server", "SBC/7.1 (Debian)");
}

static void expect_to_trunk(const char *m)
{
	expect_header(m, "X-Secret", "1");
	expect_header(m, "P-Asserted-Identity", "<sip:+1555@x>");
	expect_header(m, "X-Carrier", "");
	expect_header(m, "X-Inside", "");
	expect_header(m, "Server", "-");
}

static void to_region(const char *method)
{
	rig_receive(CARRIER, in_dialog(method, false, BOTH));
	const char *m = rig_expect(EAST, method);
	expect_from_trunk(m, "");
	if (!strcmp(method, "ACK"))
		return;
	rig_receive(EAST, rig_response(m, 200, "", BOTH));
	expect_to_trunk(rig_expect(CARRIER, "SIP/2.0 200"));
}

static void to_trunk(const char *method)
{
	rig_receive(EAST, in_dialog(method, true, BOTH));
	const char *m = rig_expect(CARRIER, method);
	expect_to_trunk(m);
	rig_receive(CARRIER, rig_response(m, 200, "", BOTH));
	expect_from_trunk(rig_expect(EAST, "SIP/2.0 200"), "");
}

static void check_headers_within(bool reload)
{
	struct trunk_header headers[5];
	memcpy(headers, both_ways, sizeof headers);
	struct rig_options o = {.trunk = {.headers = headers, .n_headers = 3, .headers_back = headers + 3, .n_headers_back = 2}};
	rig_begin(&o);
	const char *m = call("18005551234", BOTH);
	expect_from_trunk(m, "carrier-a");
	rig_receive(EAST, rig_response(m, 180, "bob", BOTH));
	expect_to_trunk(rig_expect(CARRIER, "SIP/2.0 180"));
	rig_receive(EAST, rig_response(m, 200, "bob", BOTH));
	expect_to_trunk(rig_expect(CARRIER, "SIP/2.0 200"));
	static const char *const methods[] = {"ACK", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "MESSAGE"};
	for (unsigned i = 0; i < 7; i++)
		to_region(methods[i]);
	for (unsigned i = 1; i < 7; i++)
		to_trunk(methods[i]);
	rig_receive(CARRIER, in_dialog("INVITE", false, BOTH));
	rig_expect(CARRIER, "SIP/2.0 100");
	m = rig_expect(EAST, "INVITE ");
	expect_from_trunk(m, "");
	if (reload)
		rig_reload();  /* to a trunk without rules: what is under way keeps those that it began with */
	rig_receive(EAST, rig_response(m, 200, "", BOTH));
	expect_to_trunk(rig_expect(CARRIER, "SIP/2.0 200"));
	if (!reload)
		to_trunk("BYE");
	rig_skip();
	rig_end();
}

static void test_headers_within(void)
{
	check_headers_within(false);
	check_headers_within(true);
}

/* The failure that a caller hears of crosses the edge as any other answer, whichever region said it and when. */
static void test_headers_of_the_best(void)
{
	struct trunk_header headers[5];
	memcpy(headers, both_ways, sizeof headers);
	struct rig_options o = {.trunk = {.headers_back = headers + 3, .n_headers_back = 2}};
	rig_begin(&o);
	const char *m = call("18005551234", "");
	rig_receive(EAST, rig_response(m, 500, "bob", BOTH));
	rig_expect(EAST, "ACK ");
	m = rig_expect(WEST, "INVITE ");
	rig_receive(WEST, rig_response(m, 503, "bob", ""));
	rig_expect(WEST, "ACK ");
	expect_to_trunk(rig_expect(CARRIER, "SIP/2.0 500"));
	rig_skip();
	rig_end();
}

/* Of a trunk outside the domain of trust its own word is left out; what the operator says in its place is not. */
static void test_headers_and_trust(void)
{
	struct trunk_header headers[] = {{.replace = "P-Asserted-Identity", .value = "<sip:main@x>"}};
	struct rig_options o = {.trunk = {.headers = headers, .n_headers = 1, .untrusted = true}};
	rig_begin(&o);
	const char *m = call("18005551234", "P-Asserted-Identity: <sip:+1555@x>\r\nDiversion: <sip:+1666@x>\r\n");
	expect_header(m, "P-Asserted-Identity", "<sip:main@x>");
	expect_header(m, "Diversion", "");
	rig_receive(EAST, rig_response(m, 200, "bob", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_receive(CARRIER, in_dialog("UPDATE", false, "P-Asserted-Identity: <sip:+1777@x>\r\n"));
	expect_header(rig_expect(EAST, "UPDATE "), "P-Asserted-Identity", "<sip:main@x>");
	rig_skip();
	rig_end();
}

/* ---- the trust edge ---- */

#define ASSERTED "P-Asserted-Identity: <sip:+1555@x>\r\nRemote-Party-ID: <sip:+1555@x>\r\nDiversion: <sip:+1666@x>\r\n"

static void expect_asserted(const char *m, const char *identity, const char *diversion)
{
	expect_header(m, "P-Asserted-Identity", identity);
	expect_header(m, "Remote-Party-ID", identity);
	expect_header(m, "Diversion", diversion);
}

#define ID "<sip:+1555@x>"
#define DIVERSION "<sip:+1666@x>"

/* Both ways, in and out of a dialog: what the trunk says, and what is said to it. */
static void check_edge(bool untrusted, const char *privacy, const char *in, const char *in_diversion, const char *out)
{
	struct rig_options o = {.trunk = {.untrusted = untrusted}};
	char extra[512];
	snprintf(extra, sizeof extra, ASSERTED "%sP-Preferred-Identity: <sip:me@x>\r\n", privacy);
	rig_begin(&o);
	const char *m = call("18005551234", extra);
	expect_asserted(m, in, in_diversion);
	expect_header(m, "P-Preferred-Identity", "<sip:me@x>");
	CU_ASSERT_EQUAL(*rig_header(m, "Privacy", 0) != 0, *privacy != 0);
	rig_receive(EAST, rig_response(m, 180, "bob", extra));
	expect_asserted(rig_expect(CARRIER, "SIP/2.0 180"), out, DIVERSION);
	rig_receive(EAST, rig_response(m, 200, "bob", extra));
	expect_asserted(rig_expect(CARRIER, "SIP/2.0 200"), out, DIVERSION);
	/* the caller's re-INVITE and its answer */
	rig_receive(CARRIER, in_dialog("INVITE", false, extra));
	rig_expect(CARRIER, "SIP/2.0 100");
	m = rig_expect(EAST, "INVITE ");
	expect_asserted(m, in, in_diversion);
	rig_receive(EAST, rig_response(m, 200, "", extra));
	expect_asserted(rig_expect(CARRIER, "SIP/2.0 200"), out, DIVERSION);
	/* the region's UPDATE and its answer */
	rig_receive(EAST, in_dialog("UPDATE", true, extra));
	m = rig_expect(CARRIER, "UPDATE ");
	expect_asserted(m, out, DIVERSION);
	rig_receive(CARRIER, rig_response(m, 200, "", extra));
	expect_asserted(rig_expect(EAST, "SIP/2.0 200"), in, in_diversion);
	rig_end();
}

static void test_edge(void)
{
	check_edge(false, "", ID, DIVERSION, ID);
	check_edge(false, "Privacy: id\r\n", ID, DIVERSION, ID);
	check_edge(true, "", "", "", ID);
	check_edge(true, "Privacy: none\r\n", "", "", ID);
	check_edge(true, "Privacy: id\r\n", "", "", "");
	check_edge(true, "Privacy: header;ID;critical\r\n", "", "", "");
	check_edge(true, "Privacy: idle\r\n", "", "", ID);
}

UNIT_MAIN("trunk_rules", {"called prefixes", test_called}, {"a number refused", test_refused_number},
          {"source ports", test_ports}, {"the answer beyond a limit", test_limit}, {"header rules", test_headers},
          {"header rules within a call", test_headers_within}, {"of the best failure", test_headers_of_the_best},
          {"header rules and trust", test_headers_and_trust},
          {"trust edge", test_edge})
