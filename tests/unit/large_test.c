/* Requests that are too large for UDP (RFC 3261 section 18.1.1): by TCP where a region is said to take them so and a target
 * has answered by it; by UDP where that fails, and everywhere else. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char record_route[256];

/* Of the carrier's, with `bytes` of one header more. */
static const char *request(const char *method, const char *uri, const char *route, const char *to_tag, int cseq, int bytes)
{
	static char text[4096], more[2048];
	memset(more, 'x', (size_t)bytes);
	more[bytes] = 0;
	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%d\r\n"
	         "Max-Forwards: 70\r\n%s%s%sFrom: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>%s\r\n"
	         "Call-ID: large\r\nCSeq: %d %s\r\nContact: <sip:alice@192.0.2.1:5060>\r\nX-More: %s\r\nContent-Length: 0\r\n\r\n",
	         method, uri, method, cseq, *route ? "Route: " : "", route, *route ? "\r\n" : "", to_tag, cseq, method, more);
	return text;
}

static const char *invite(int bytes) { return request("INVITE", "sip:18005551234@203.0.113.10", "", "", 1, bytes); }

static void begin(bool configured, bool answers)
{
	rig_begin(NULL);
	rig_worker->common->table->regions[0].large_by_tcp = configured;
	rig_worker->common->table->regions[0].targets[0]->takes_tcp = answers;
}

static struct target *target(void) { return rig_worker->common->table->regions[0].targets[0]; }

static void end(void)
{
	rig_skip();
	rig_end();
}

/* How an INVITE of that size goes. */
static enum sip_transport goes(int bytes)
{
	rig_receive(CARRIER, invite(bytes));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	bool tcp = !strncmp(rig_header(m, "Via", 0), "SIP/2.0/TCP " EGRESS, 30);
	CU_ASSERT_EQUAL(tcp, rig_sent_by()->transport == SIP_TCP);
	snprintf(record_route, sizeof record_route, "%s", rig_header(m, "Record-Route", 0));
	return (enum sip_transport)rig_sent_by()->transport;
}

static void test_which(void)
{
	static const struct { bool configured, answers, said; int bytes; enum sip_transport by; } of[] = {
		{true, true, false, 1400, SIP_TCP}, {true, true, false, 100, SIP_UDP}, {true, false, false, 1400, SIP_UDP},
		{false, true, false, 1400, SIP_UDP}, {true, true, true, 1400, SIP_UDP},
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		begin(of[i].configured, of[i].answers);
		target()->transport_said = of[i].said;
		CU_ASSERT_EQUAL(goes(of[i].bytes), of[i].by);
		CU_ASSERT_EQUAL(rig_stat(STAT_LARGE_TCP), of[i].by == SIP_TCP);
		CU_ASSERT_EQUAL(rig_stat(STAT_LARGE_UDP), of[i].by == SIP_UDP && of[i].bytes > 1300);
		end();
	}
}

/* To the byte, as it is sent. */
static void test_limit(void)
{
	begin(true, true);
	rig_receive(CARRIER, invite(100));
	rig_expect(CARRIER, "SIP/2.0 100");
	int rest = 1300 - (int)strlen(rig_expect(EAST, "INVITE ")) + 100;
	end();
	begin(true, true);
	CU_ASSERT_EQUAL(goes(rest), SIP_UDP);
	end();
	begin(true, true);
	CU_ASSERT_EQUAL(goes(rest + 1), SIP_TCP);
	CU_ASSERT_PTR_NULL(strstr(record_route, "tcp"));  /* this request alone goes so */
	end();
}

/* Nobody listens there after all: by UDP, in the same transaction, and repeated there. */
static void test_refused(void)
{
	struct sip_path lost = {.transport = SIP_TCP};
	addr_parse_port(&lost.peer, EAST);
	begin(true, true);
	CU_ASSERT_EQUAL(goes(1400), SIP_TCP);
	rig_run(1000);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_client_lost(&rig_worker->txns, &lost, "refused"), 1);
	const char *m = rig_expect(EAST, "INVITE ");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_UDP);
	CU_ASSERT_EQUAL(rig_sent_by()->socket, 1);       /* the egress, as ever */
	CU_ASSERT_EQUAL(strncmp(rig_header(m, "Via", 0), "SIP/2.0/UDP " EGRESS, 30), 0);
	CU_ASSERT_EQUAL(rig_stat(STAT_LARGE_BACK), 1);
	rig_run(500);
	CU_ASSERT_STRING_EQUAL(rig_expect(EAST, "INVITE "), m);
	rig_receive(EAST, rig_response(m, 486, "bob", ""));
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 486");
	rig_receive(CARRIER, request("ACK", "sip:18005551234@203.0.113.10", "", ";tag=bob", 1, 0));
	end();
}

/* Within the dialog: by the target's address, where its Contact says no transport. ACK and BYE are small. */
static void test_in_dialog(void)
{
	static const struct { const char *method, *contact; enum sip_transport by; } of[] = {
		{"INVITE", "sip:bob@198.51.100.21:5060", SIP_TCP}, {"INFO", "sip:bob@198.51.100.21:5060", SIP_TCP},
		{"INFO", "sip:bob@198.51.100.21:5060;transport=udp", SIP_UDP}, {"INFO", "sip:bob@198.51.100.21:5080", SIP_UDP},
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		char start[16];
		begin(true, true);
		goes(0);
		rig_skip();
		rig_receive(CARRIER, request(of[i].method, of[i].contact, record_route, ";tag=bob", 2, 1400));
		if (!strcmp(of[i].method, "INVITE"))
			rig_expect(CARRIER, "SIP/2.0 100");
		snprintf(start, sizeof start, "%s ", of[i].method);
		rig_expect(ANYONE, start);
		CU_ASSERT_EQUAL(rig_sent_by()->transport, of[i].by);
		end();
	}
}

UNIT_MAIN("large", {"which way", test_which}, {"from how many bytes", test_limit}, {"refused", test_refused},
          {"in a dialog", test_in_dialog})
