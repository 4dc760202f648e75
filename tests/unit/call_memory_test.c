/* What a call holds of memory, by the allocator's own figures: while it rings, and while it is up and its transactions
 * are over. Messages are a carrier's, about 860 bytes with SDP. Prints the figures, which tests/bench/calls reads. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define CALLS 4000u              /* first as many to fill tables, then as many to measure */
#define RINGING_MOST 4096
#define ESTABLISHED_MOST 512

static const char *request(const char *method, unsigned n, const char *branch, const char *extra, const char *body)
{
	static char text[4096];
	snprintf(text, sizeof text, "%s sip:+18005551234@203.0.113.10:5060 SIP/2.0\r\n"
	         "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%u\r\nMax-Forwards: 70\r\n"
	         "From: \"Carrier Caller\" <sip:+12125550199@192.0.2.1:5060>;tag=4711SIPpTag00%u\r\n"
	         "To: <sip:+18005551234@203.0.113.10:5060>%s\r\nCall-ID: %u-4711@192.0.2.1\r\nCSeq: 1 %s\r\n"
	         "Contact: <sip:carrier@192.0.2.1:5060>\r\n%sContent-Length: %zu\r\n\r\n%s",
	         method, branch, n, n, strcmp(method, "INVITE") ? ";tag=b" : "", n, method, extra, strlen(body), body);
	return text;
}

static const char *invite(unsigned n)
{
	return request("INVITE", n, "i", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n"
	               "Supported: 100rel, timer, replaces\r\nUser-Agent: carrier trunk\r\nContent-Type: application/sdp\r\n",
	               "v=0\r\no=sbc 53655765 2353687637 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	               "m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
	               "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n");
}

static void forget(void)
{
	rig_skip();
	while (rig_record())
		;
	rig_forget();
}

/* Calls that ring, from number `from` on; with `up` answered and acknowledged too. */
static void place(unsigned from, bool up)
{
	for (unsigned n = from; n < from + CALLS; n++) {
		rig_receive(CARRIER, invite(n));
		rig_expect(CARRIER, "SIP/2.0 100");
		const char *sent = rig_expect(EAST, "INVITE ");
		rig_receive(EAST, rig_response(sent, 180, "b", "Contact: <sip:agent@198.51.100.21:5060>\r\n"));
		rig_expect(CARRIER, "SIP/2.0 180");
		if (up) {
			rig_receive(EAST, rig_response(sent, 200, "b", "Contact: <sip:agent@198.51.100.21:5060>\r\n"));
			rig_expect(CARRIER, "SIP/2.0 200");
		}
		forget();
	}
}

static long in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return (long)(m.uordblks + m.hblkhd);
}

/* An allocator that keeps no such figures (a sanitizer's) has nothing to judge. */
static void judge(const char *what, long before, long after, long most)
{
	long each = (after - before) / (long)CALLS;
	if (!before) {
		printf("(no figures from this allocator) ");
		return;
	}
	printf("\n    mem.%s_bytes %ld\n", what, each);
	CU_ASSERT(each > 100);
	CU_ASSERT(each <= most);
}

static void test_ringing(void)
{
	rig_begin(NULL);
	place(0, false);
	long before = in_use();
	place(CALLS, false);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 4 * CALLS);
	judge("ringing", before, in_use(), RINGING_MOST);
	txn_layer_free(&rig_worker->txns);
	forget();
	rig_end();
}

static void test_established(void)
{
	rig_begin(NULL);
	place(0, true);
	rig_run(40000);
	forget();
	long before = in_use();
	place(CALLS, true);
	rig_run(40000);
	forget();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	CU_ASSERT_EQUAL(rig_worker->table->trunks[0].live->calls, 2 * CALLS);
	judge("established", before, in_use(), ESTABLISHED_MOST);
	rig_end();
}

UNIT_MAIN("call_memory", {"ringing", test_ringing}, {"established", test_established})
