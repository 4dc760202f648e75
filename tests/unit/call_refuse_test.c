/* proxy/call, calls that this node refuses: loops and those whose breadth is spent (RFC 5393), above the trunk's
 * limit, and while the node drains; and what of those must not be refused. */
#include "tests/unit/call_rig.h"

/* ---- RFC 5393 ---- */

static const char *round_again(const char *sent, const char *user)
{
	static char text[2048];
	snprintf(text, sizeof text,
	         "INVITE sip:%s@203.0.113.10;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsbc\r\n"
	         "Via: %s\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=" B "\r\nMax-Forwards: 60\r\n"
	         "From: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", user, rig_header(sent, "Via", 0));
	return text;
}

static void test_loop(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_receive(CARRIER, round_again(m, "18005551234"));
	rig_expect(CARRIER, "SIP/2.0 482 Loop Detected\r\n");
	rig_receive(CARRIER, round_again(m, "18005559999"));  /* forwarded to another number: a spiral */
	rig_expect(CARRIER, "SIP/2.0 482");                   /* the same transaction: the same answer */
	char *spiral = strdup(round_again(m, "18005559999"));
	memcpy(strstr(spiral, "Ksbc"), "Kspi", 4);
	rig_receive(CARRIER, spiral);
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE sip:+18005559999@");
	free(spiral);
	rig_end();
}

/* Another node of the same secret knows the loop too. */
static void test_loop_elsewhere(void)
{
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	rig_other_node("fra-1");
	rig_receive(CARRIER, round_again(m, "18005551234"));
	rig_expect(CARRIER, "SIP/2.0 482");
	rig_end();
}

static void check_breadth(const char *in, const char *first, const char *second)
{
	char extra[64];
	rig_begin(NULL);
	snprintf(extra, sizeof extra, "%s%s%s", *in ? "Max-Breadth: " : "", in, *in ? "\r\n" : "");
	rig_receive(CARRIER, caller("INVITE", B, "", extra));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 0), first);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 1), "");
	rig_run(2000);
	rig_expect(EAST, "INVITE ");
	rig_expect(EAST, "INVITE ");
	/* without a second: the first is still out, and no breadth is left */
	m = *second ? rig_expect(WEST, "INVITE ") : rig_expect(CARRIER, "SIP/2.0 408");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Breadth", 0), second);
	rig_end();
}

static void test_breadth(void)
{
	check_breadth("", "30", "30");
	check_breadth("60", "30", "30");
	check_breadth("4000000000000", "30", "30");
	check_breadth("9", "4", "4");
	check_breadth("2", "1", "1");
	check_breadth("1", "1", "");
	rig_begin(NULL);
	rig_receive(CARRIER, caller("INVITE", B, "", "Max-Breadth: 0\r\n"));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(CARRIER, "SIP/2.0 440 Max-Breadth Exceeded\r\n");
	rig_end();
	rig_begin(NULL);
	rig_receive(CARRIER, caller("INVITE", B, "", "Max-Breadth: 1\r\n"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	answer(EAST, m, 503);                               /* over: what it had is there again */
	rig_expect(EAST, "ACK ");
	CU_ASSERT_STRING_EQUAL(rig_header(rig_expect(WEST, "INVITE "), "Max-Breadth", 0), "1");
	rig_end();
}

/* ---- the limit, and draining ---- */

static void test_trunk_limit(void)
{
	struct rig_options o = {.max_calls = 1};
	rig_begin(&o);
	begin_call(EAST);
	char *second = caller("INVITE", "z9hG4bKsecond", "", "");
	memcpy(strstr(second, "a84b4c"), "b84b4c", 6);
	rig_receive(CARRIER, second);
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	expect_route(0, 1);
	const struct record *e = expect_end(OUTCOME_LIMITED, 503, RECORD_TL);
	CU_ASSERT_FALSE(e->planned);
	CU_ASSERT_EQUAL(e->end.n_attempts, 0);
	CU_ASSERT_EQUAL(e->end.region, -1);
	CU_ASSERT_EQUAL(trunk()->setups, 1);
	rig_end();
}

/* By whatever way a call comes: 503, and when to come again. So is the trunk's question whether there is anybody. */
static void check_draining(enum sip_transport transport)
{
	rig_begin(NULL);
	atomic_store(&rig_worker->common->draining, true);
	rig_receive_by(transport, CARRIER, caller("INVITE", B, "", CONTACT));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	expect_end(OUTCOME_REJECTED, 503, RECORD_DR);
	CU_ASSERT_EQUAL(trunk()->calls_total, 0);
	rig_receive_by(transport, CARRIER, caller("ACK", B, "x", ""));
	rig_receive_by(transport, CARRIER, caller("OPTIONS", B "o", "", ""));
	r = rig_expect(CARRIER, "SIP/2.0 503");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Retry-After", 0), "5");
	CU_ASSERT_STRING_NOT_EQUAL(rig_header(r, "Allow", 0), "");
	rig_end();
}

static void test_draining(void)
{
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++)
		check_draining((enum sip_transport)t);
}

/* A call that was up when the drain began goes on to its end. */
static void test_draining_established(void)
{
	char text[2048];
	rig_begin(NULL);
	const char *m = begin_call(EAST);
	answer(EAST, m, 200);
	rig_skip();
	atomic_store(&rig_worker->common->draining, true);
	snprintf(text, sizeof text,
	         "BYE sip:bob@198.51.100.21 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=east\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 BYE\r\n"
	         "\r\n",
	         rig_header(m, "Record-Route", 0));
	rig_receive(CARRIER, text);
	rig_expect(EAST, "BYE ");
	CU_ASSERT_EQUAL(live(0)->calls, 0);
	rig_end();
}

UNIT_MAIN("call refuse", {"loop and spiral", test_loop}, {"a loop over two nodes", test_loop_elsewhere},
          {"Max-Breadth", test_breadth}, {"trunk limit", test_trunk_limit}, {"draining", test_draining},
          {"draining lets calls end", test_draining_established})
