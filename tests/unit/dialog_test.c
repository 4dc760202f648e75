/* proxy/dialog: ACK, BYE, re-INVITE and the rest find their way by the token alone, on any node of the
 * secret and in either direction; a token altered, of another call or without its secret opens nothing. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/certificate.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char record_route[256], record_route6[256];  /* as the established call got them */
static char call_id[64];

/* A call is up between the carrier (alice) and us-east-1 (bob); nothing of its setup is left. */
static void establish_from(const char *carrier, const char *host)
{
	char text[2048];
	snprintf(call_id, sizeof call_id, "a84b4c76e66710");
	snprintf(text, sizeof text,
	         "INVITE sip:18005551234@203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKfirst\r\n"
	         "Max-Forwards: 70\r\n"
	         "From: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>\r\nCall-ID: %s\r\n"
	         "CSeq: 1 INVITE\r\nContact: <sip:alice@%s:5060>\r\nContent-Length: 0\r\n\r\n", host, call_id, host);
	rig_receive(carrier, text);
	rig_expect(carrier, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	snprintf(record_route, sizeof record_route, "%s", rig_header(m, "Record-Route", 0));
	snprintf(record_route6, sizeof record_route6, "%s", rig_header(m, "Record-Route", 1));
	rig_receive(EAST, rig_response(m, 200, "bob", "Contact: <sip:bob@198.51.100.21:5070>\r\n"));
	rig_expect(carrier, "SIP/2.0 200");
	rig_run(40000);
	while (rig_record())
		;
}

static void establish(void)
{
	rig_begin(NULL);
	establish_from(CARRIER, "192.0.2.1");
}

struct parts {
	bool by_callee;
	const char *route, *uri, *branch, *extra;
	int cseq;
};

static const char *request(const char *method, struct parts p)
{
	static char text[4][2048];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof text[0],
	         "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nMax-Forwards: 70\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=%s\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
	         "%sContent-Length: 0\r\n\r\n",
	         method, p.uri ? p.uri : p.by_callee ? "sip:alice@192.0.2.1:5060" : "sip:bob@198.51.100.21:5070",
	         p.by_callee ? "198.51.100.21:5060" : "192.0.2.1:5060", p.branch ? p.branch : "z9hG4bKdialog",
	         p.route ? p.route : record_route, p.by_callee ? "bob" : "alice", p.by_callee ? "alice" : "bob",
	         call_id,
	         p.cseq ? p.cseq : 2, method, p.extra ? p.extra : "");
	return out;
}
#define REQUEST(method, ...) request(method, (struct parts){__VA_ARGS__})
#define BOB "198.51.100.21:5070"

static void test_ack(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("ACK", .cseq = 1));
	const char *m = rig_expect(BOB, "ACK sip:bob@198.51.100.21:5070 SIP/2.0\r\n");
	CU_ASSERT_EQUAL(strncmp(rig_header(m, "Via", 0), "SIP/2.0/UDP " EGRESS ";branch=z9hG4bK", 45), 0);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Via", 1), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdialog");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Max-Forwards", 0), "69");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "");
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);  /* nobody answers it: nothing is kept */
	rig_receive(CARRIER, REQUEST("ACK", .cseq = 1));          /* again, as the 200 came again: on again, the same */
	CU_ASSERT_STRING_EQUAL(rig_expect(BOB, "ACK "), m);
	rig_end();
}

static void test_ack_max_forwards(void)
{
	establish();
	char *m = strdup(REQUEST("ACK", .cseq = 1));
	memcpy(strstr(m, "s: 70"), "s: 00", 5);
	rig_receive(CARRIER, m);
	rig_expect_none();
	free(m);
	rig_end();
}

/* INFO, UPDATE, PRACK, ...: one transaction on each side. */
static void test_relayed(void)
{
	static const char *const methods[] = {"INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "MESSAGE", "OPTIONS"};
	for (unsigned i = 0; i < 7; i++) {
		char start[32];
		establish();
		rig_receive(CARRIER, request(methods[i], (struct parts){0}));
		snprintf(start, sizeof start, "%s sip:bob@", methods[i]);
		const char *m = rig_expect(BOB, start);
		rig_receive(CARRIER, request(methods[i], (struct parts){0}));
		rig_expect_none();
		rig_run(600);
		rig_expect(BOB, start);
		rig_receive(EAST, rig_response(m, 100, "", ""));
		rig_expect_none();
		rig_receive(EAST, rig_response(m, 200, "", ""));
		const char *r = rig_expect(CARRIER, "SIP/2.0 200");
		CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdialog");
		CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 1), "");
		rig_receive(CARRIER, request(methods[i], (struct parts){0}));
		CU_ASSERT_STRING_EQUAL(rig_expect(CARRIER, "SIP/2.0 200"), r);
		rig_run(40000);
		rig_expect_none();
		CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
		rig_end();
	}
}

/* RFC 4320 section 4: no 408 for it; silence downstream is silence upstream. */
static void test_unanswered(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INFO"));
	rig_run(31999);
	CU_ASSERT_EQUAL(rig_skip(), 12);                    /* once, and ten times again; one 100 to the sender */
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 2);
	rig_run(1);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

/* RFC 4320 section 4.1: 100 once the sender's timer E is at T2, not earlier; no other provisional, ever. */
static void test_trying(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INFO", .extra = "Timestamp: 54\r\n"));
	const char *m = rig_expect(BOB, "INFO ");
	rig_receive(EAST, rig_response(m, 100, "", ""));
	rig_receive(EAST, rig_response(m, 183, "", ""));
	rig_run(3499);
	rig_expect_none();
	rig_run(1);
	const char *r = rig_expect(CARRIER, "SIP/2.0 100 Trying\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdialog");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 1), "");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "CSeq", 0), "2 INFO");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Timestamp", 0), "54");
	rig_receive(CARRIER, REQUEST("INFO"));
	rig_expect(CARRIER, "SIP/2.0 100");                 /* repeated as any response */
	rig_skip();
	rig_receive(EAST, rig_response(m, 200, "", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_run(10000);
	rig_expect_none();
	rig_end();
}

/* RFC 4320 section 4.2: a 408 comes too late to be of use, and is not sent on. */
static void test_no_408(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INFO"));
	const char *m = rig_expect(BOB, "INFO ");
	rig_receive(EAST, rig_response(m, 408, "", ""));
	rig_run(40000);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

/* The token's URI, out of <...>. */
static const char *bare_uri(const char *route)
{
	static char uri[256];
	snprintf(uri, sizeof uri, "%.*s", (int)strcspn(route + 1, ">"), route + 1);
	return uri;
}

/* Section 16.4: a strict router before us puts our Record-Route into the Request-URI and the target last. */
static void test_from_strict(void)
{
	static const char *const methods[] = {"ACK", "INFO", "BYE"};
	for (unsigned i = 0; i < 3; i++) {
		char start[80];
		establish();
		snprintf(start, sizeof start, "%s sip:bob@198.51.100.21:5070 SIP/2.0\r\n", methods[i]);
		rig_receive(CARRIER, request(methods[i], (struct parts){.uri = bare_uri(record_route),
		                                                        .route = "<sip:bob@198.51.100.21:5070>"}));
		const char *m = rig_expect(BOB, start);
		CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "");
		CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, i == 2 ? 0 : 1);
		rig_end();
	}
}

static void test_between_routers(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INFO", .uri = bare_uri(record_route),
	                             .route = "<sip:198.51.100.99:5062;lr>,<sip:bob@198.51.100.21:5070>"));
	const char *m = rig_expect("198.51.100.99:5062", "INFO sip:bob@198.51.100.21:5070 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:198.51.100.99:5062;lr>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 1), "");
	/* strict on both sides */
	rig_receive(CARRIER, REQUEST("INFO", .uri = bare_uri(record_route), .branch = "z9hG4bKboth",
	                             .route = "<sip:198.51.100.99:5062>,<sip:bob@198.51.100.21:5070>"));
	m = rig_expect("198.51.100.99:5062", "INFO sip:198.51.100.99:5062 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:bob@198.51.100.21:5070>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 1), "");
	rig_end();
}

static void test_ack_routes(void)
{
	char route[520];
	establish();
	snprintf(route, sizeof route, "%s, <sip:198.51.100.99:5062;lr>", record_route);
	rig_receive(CARRIER, REQUEST("ACK", .cseq = 1, .route = route));
	const char *m = rig_expect("198.51.100.99:5062", "ACK sip:bob@198.51.100.21:5070 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:198.51.100.99:5062;lr>");
	snprintf(route, sizeof route, "%s, <sip:198.51.100.99:5062>", record_route);
	rig_receive(CARRIER, REQUEST("ACK", .cseq = 1, .route = route));
	m = rig_expect("198.51.100.99:5062", "ACK sip:198.51.100.99:5062 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:bob@198.51.100.21:5070>");
	rig_end();
}

/* Require and what it needs are the endpoints' business (RFC 3262, 4028): carried, whatever it is. */
static void test_carried(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("UPDATE", .extra = "Require: timer, precondition, x-unheard-of\r\n"
	                             "Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n"));
	const char *m = rig_expect(BOB, "UPDATE ");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Require", 0), "timer, precondition, x-unheard-of");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Session-Expires", 0), "1800;refresher=uac");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Min-SE", 0), "90");
	rig_receive(EAST, rig_response(m, 422, "", "Min-SE: 3600\r\n"));
	const char *r = rig_expect(CARRIER, "SIP/2.0 422");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Min-SE", 0), "3600");
	rig_end();
}

static const char *twice_round(const char *sent, const char *uri)
{
	static char text[2048];
	char via[256];
	snprintf(via, sizeof via, "Via: %s\r\n", rig_header(sent, "Via", 0));
	snprintf(text, sizeof text,
	         "INFO %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKround\r\n%s"
	         "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdialog\r\nMax-Forwards: 60\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=bob\r\nCall-ID: %s\r\nCSeq: 2 INFO\r\n"
	         "Content-Length: 0\r\n\r\n", uri, via, record_route, call_id);
	return text;
}

/* Section 16.3 step 4 and RFC 5393: the same again is a loop, with another target it is a spiral. */
static void test_loop(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INFO"));
	const char *m = rig_expect(BOB, "INFO ");
	rig_receive(CARRIER, twice_round(m, "sip:bob@198.51.100.21:5070"));
	rig_expect(CARRIER, "SIP/2.0 482 Loop Detected\r\n");
	CU_ASSERT_EQUAL(rig_stat(STAT_REJ_LOOP), 1);
	rig_receive(CARRIER, twice_round(m, "sip:bob@198.51.100.21:5071"));
	rig_expect("198.51.100.21:5071", "INFO ");
	rig_end();
}

static void test_by_callee(void)
{
	establish();
	rig_receive(EAST, REQUEST("INFO", .by_callee = true));
	const char *m = rig_expect(CARRIER, "INFO sip:alice@192.0.2.1:5060 SIP/2.0\r\n");
	rig_receive(CARRIER, rig_response(m, 200, "", ""));
	rig_expect(EAST, "SIP/2.0 200");
	rig_end();
}

static void test_other_node(void)
{
	establish();
	rig_other_node("fra-1");
	rig_receive(CARRIER, REQUEST("ACK", .cseq = 1));
	rig_expect(BOB, "ACK ");
	CU_ASSERT_EQUAL(rig_stat(STAT_WRONG_NODE), 1);
	rig_run(61000);
	rig_receive(CARRIER, REQUEST("BYE"));
	const char *m = rig_expect(BOB, "BYE ");
	rig_receive(EAST, rig_response(m, 200, "", ""));
	rig_expect(CARRIER, "SIP/2.0 200");
	const struct record *r = rig_record();
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->kind, RECORD_END);
	CU_ASSERT_EQUAL(r->end.flags, RECORD_WN);
	CU_ASSERT_EQUAL(r->end.origin, token_name("iad-1"));
	CU_ASSERT_EQUAL(r->end.region, 0);
	CU_ASSERT_EQUAL(r->trunk, 0);
	CU_ASSERT_EQUAL(r->end.duration_ms, 101000);  /* since it was decided */
	rig_end();
}

static void check_refused(const char *route)
{
	char line[520];
	snprintf(line, sizeof line, "%s", route);
	uint64_t before = rig_stat(STAT_DROP_TOKEN);
	rig_receive(CARRIER, REQUEST("BYE", .route = line));
	rig_receive(STRANGER, REQUEST("INVITE", .route = line));
	rig_expect_none();
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_TOKEN), before + 2);
}

static void test_forged(void)
{
	char line[520];
	establish();
	for (unsigned i = 0; i < TOKEN_LEN; i++) {
		snprintf(line, sizeof line, "%s", record_route);
		char *c = strstr(line, "sip:") + 4 + i;
		*c = *c == 'A' ? 'B' : 'A';
		check_refused(line);
	}
	check_refused("<sip:203.0.113.10;lr>");
	check_refused("<sip:evil.example.com;lr>");
	snprintf(line, sizeof line, "<sip:evil.example.com;lr>,%s", record_route);
	check_refused(line);
	snprintf(call_id, sizeof call_id, "another");
	check_refused(record_route);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

/* RFC 5658: a token for each side where the families differ. */
static void test_two_families(void)
{
	char route[520];
	rig_begin(NULL);
	establish_from(CARRIER6, "[2001:db8:a::1]");
	CU_ASSERT_PTR_NOT_NULL(strstr(record_route, "@" ANYCAST ";lr>"));
	CU_ASSERT_PTR_NOT_NULL(strstr(record_route6, "@[2001:db8::10]:5060;lr>"));
	snprintf(route, sizeof route, "%s,%s", record_route6, record_route);  /* as the caller's route set has them */
	rig_receive(CARRIER6, REQUEST("INFO", .route = route));
	const char *m = rig_expect(BOB, "INFO ");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "");
	rig_end();
}

/* What comes after us in the route set is where it goes. */
static void test_further_routes(void)
{
	char route[520];
	establish();
	snprintf(route, sizeof route, "%s, <sip:198.51.100.99:5062;lr>,<sip:x.example.com;lr>", record_route);
	rig_receive(CARRIER, REQUEST("INFO", .route = route));
	const char *m = rig_expect("198.51.100.99:5062", "INFO sip:bob@198.51.100.21:5070 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:198.51.100.99:5062;lr>");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 1), "<sip:x.example.com;lr>");
	snprintf(route, sizeof route, "%s, <sip:198.51.100.99:5062>", record_route);  /* a strict router */
	rig_receive(CARRIER, REQUEST("INFO", .route = route, .branch = "z9hG4bKstrict"));
	m = rig_expect("198.51.100.99:5062", "INFO sip:198.51.100.99:5062 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Route", 0), "<sip:bob@198.51.100.21:5070>");
	rig_end();
}

static void test_nowhere(void)
{
	static const char *const uris[] = {"sip:bob@unknown.example.com", "sip:bob@198.51.100.21:99999999999999999999",
	                                   "sip:bob@[2001:db8::21]"};
	for (unsigned i = 0; i < 3; i++) {
		establish();
		rig_receive(CARRIER, REQUEST("INFO", .uri = uris[i]));
		rig_expect(CARRIER, "SIP/2.0 404");
		rig_receive(CARRIER, REQUEST("ACK", .uri = uris[i], .branch = "z9hG4bKack"));
		rig_end();
	}
}

/* ---- re-INVITE ---- */

static void test_reinvite(void)
{
	establish();
	rig_receive(EAST, REQUEST("INVITE", .by_callee = true));
	rig_expect(EAST, "SIP/2.0 100");
	const char *m = rig_expect(CARRIER, "INVITE sip:alice@192.0.2.1:5060 SIP/2.0\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Record-Route", 0), "");
	rig_run(600);
	rig_expect(CARRIER, "INVITE ");
	rig_receive(CARRIER, rig_response(m, 200, "", "Contact: <sip:alice@192.0.2.1>\r\n"));
	rig_expect(EAST, "SIP/2.0 200");
	rig_receive(EAST, REQUEST("ACK", .by_callee = true, .branch = "z9hG4bKack"));
	rig_expect(CARRIER, "ACK ");
	CU_ASSERT_PTR_NULL(rig_record());
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	CU_ASSERT_EQUAL(rig_worker->common->table->trunks[0].live->calls, 1);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_ANSWERED), 1);
	rig_run(40000);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void test_reinvite_refused(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, "INVITE ");
	rig_receive(EAST, rig_response(m, 491, "", ""));
	rig_expect(BOB, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 491");
	rig_receive(CARRIER, REQUEST("ACK"));
	rig_expect_none();
	CU_ASSERT_PTR_NULL(rig_record());
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	rig_end();
}

/* A dialog goes where it goes: no other region is tried. */
static void test_reinvite_no_failover(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, "INVITE ");
	rig_receive(EAST, rig_response(m, 500, "", ""));
	rig_expect(BOB, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 500");
	rig_receive(CARRIER, REQUEST("ACK"));
	rig_expect_none();
	rig_end();
}

static void test_reinvite_timeout(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_run(31999);
	rig_skip();
	rig_run(1);
	rig_expect(CARRIER, "SIP/2.0 408");
	rig_receive(CARRIER, REQUEST("ACK"));
	CU_ASSERT_PTR_NULL(rig_record());
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	rig_end();
}

/* Timer C is of every INVITE (section 16.6, 11); the call itself goes on. */
/* The way there fails: as if it had answered 503, that is 500 (section 16.9); a 408 would end the dialog (12.2.1.2). */
static void test_reinvite_unreachable(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, "INVITE ");
	CU_ASSERT_TRUE(txn_client_unreachable(&rig_worker->txns, m, strlen(m)));
	rig_expect(CARRIER, "SIP/2.0 500");
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	txn_layer_free(&rig_worker->txns);
	rig_skip();
	rig_end();
}

static void test_reinvite_timer_c(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, "INVITE ");
	rig_receive(EAST, rig_response(m, 183, "", ""));
	rig_expect(CARRIER, "SIP/2.0 183");
	rig_run(184999);
	rig_expect_none();
	rig_run(1);
	rig_expect(BOB, "CANCEL ");
	rig_receive(EAST, rig_response(m, 487, "", ""));
	rig_expect(BOB, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 408");
	rig_receive(CARRIER, REQUEST("ACK"));
	CU_ASSERT_EQUAL(rig_worker->common->table->trunks[0].live->calls, 1);
	rig_end();
}

static void test_reinvite_cancelled(void)
{
	establish();
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *m = rig_expect(BOB, "INVITE ");
	rig_receive(EAST, rig_response(m, 180, "", ""));
	rig_expect(CARRIER, "SIP/2.0 180");
	rig_receive(CARRIER, REQUEST("CANCEL"));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_expect(BOB, "CANCEL ");
	rig_receive(EAST, rig_response(m, 487, "", ""));
	rig_expect(BOB, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 487");
	rig_receive(CARRIER, REQUEST("ACK"));
	rig_skip();
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	rig_end();
}

static void test_bye_unknown(void)
{
	establish();
	char *m = strdup(REQUEST("BYE"));
	memcpy(strstr(m, "tag=alice"), "tag=mallo", 9);
	memcpy(strstr(m, "tag=bob"), "tag=bub", 7);
	rig_receive(CARRIER, m);  /* another dialog of the Call-ID: carried, but not this call's end */
	rig_expect(BOB, "BYE ");
	CU_ASSERT_EQUAL(rig_worker->common->table->regions[0].live->calls, 1);
	CU_ASSERT_PTR_NULL(rig_record());
	free(m);
	rig_end();
}

/* ---- a carrier that is known by its certificate ---- */

static const struct stream_handle his = {3, 1, 0};
#define CONTACT_TLS "sip:alice@192.0.2.1:5071;transport=tls"

/* The call is up, with a Contact that is but an address; what the carrier showed has not that in it. */
static void establish_by_tls(const char *subject)
{
	struct rig_options o = {.trunk.tls_subject = ""};
	struct sip_path from = {.transport = SIP_TLS, .stream = his, .named = true};
	snprintf(o.trunk.tls_subject, sizeof o.trunk.tls_subject, "%s", subject);
	addr_parse_port(&from.peer, "192.0.2.1:40000");
	rig_begin(&o);
	rig_receive_path(&from, "INVITE sip:18005551234@203.0.113.10 SIP/2.0\r\n"
	               "Via: SIP/2.0/TLS 192.0.2.1:5071;branch=z9hG4bKfirst;alias\r\nMax-Forwards: 70\r\n"
	               "From: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>\r\n"
	               "Call-ID: a84b4c76e66710\r\nCSeq: 1 INVITE\r\nContact: <" CONTACT_TLS ">\r\nContent-Length: 0\r\n\r\n");
	snprintf(call_id, sizeof call_id, "a84b4c76e66710");
	rig_expect(ANYONE, "SIP/2.0 100");
	const char *m = rig_expect(EAST, "INVITE ");
	snprintf(record_route, sizeof record_route, "%s", rig_header(m, "Record-Route", 0));
	rig_receive(EAST, rig_response(m, 200, "bob", "Contact: <sip:bob@198.51.100.21:5070>\r\n"));
	rig_expect(ANYONE, "SIP/2.0 200");
	CU_ASSERT_EQUAL(rig_sent_by()->stream.slot, his.slot);
}

static void end_tls(void)
{
	alias_free_all(&rig_worker->aliases);
	rig_skip();
	rig_end();
	certificate_forget();
}

static void stands_for(const char *host, const char *subject_names)
{
	struct alias_address at = {.port = 5071};
	struct addr source;
	X509 *c = certificate("x", subject_names);
	snprintf(at.host, sizeof at.host, "%s", host);
	addr_parse_port(&source, "192.0.2.1:40000");
	CU_ASSERT_TRUE(alias_add(&rig_worker->aliases, his, &source, &at, c));
	X509_free(c);
}

/* What the region sends goes back on the carrier's connection, and a new one would ask for the carrier's name. */
static void test_back_by_tls(void)
{
	static const char *const methods[] = {"INVITE", "BYE", "ACK"};
	establish_by_tls("carrier.example");
	stands_for("192.0.2.1", "URI:sip:carrier.example");
	for (int i = 0; i < 3; i++) {
		char start[16], branch[32];
		snprintf(branch, sizeof branch, "z9hG4bKback%d", i);
		rig_receive(EAST, REQUEST(methods[i], .by_callee = true, .uri = CONTACT_TLS, .branch = branch, .cseq = 2 + i));
		if (i == 0)
			rig_expect(EAST, "SIP/2.0 100");
		snprintf(start, sizeof start, "%s ", methods[i]);
		rig_expect("192.0.2.1:5071", start);
		CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TLS);
		CU_ASSERT_EQUAL(rig_sent_by()->stream.slot, his.slot);
		CU_ASSERT_EQUAL(rig_sent_by()->stream.generation, his.generation);
		CU_ASSERT_STRING_EQUAL(rig_worker->names[rig_sent_by()->name], "carrier.example");
	}
	end_tls();
}

/* A name that nobody here has looked up, but which a connection stands for: by its own name, or by the trunk's. */
static void test_back_by_name(void)
{
	static const char *const of[] = {"DNS:sbc.carrier.example", "URI:sip:carrier.example"};
	for (int i = 0; i < 2; i++) {
		establish_by_tls("carrier.example");
		stands_for("sbc.carrier.example", of[i]);
		rig_receive(EAST, REQUEST("BYE", .by_callee = true, .uri = "sip:alice@sbc.carrier.example:5071;transport=tls"));
		rig_expect("192.0.2.1:5071", "BYE ");
		CU_ASSERT_EQUAL(rig_sent_by()->stream.slot, his.slot);
		CU_ASSERT_STRING_EQUAL(rig_worker->names[rig_sent_by()->name], "sbc.carrier.example");
		end_tls();
	}
}

/* Another's certificate draws nothing to itself; and without a subject, an address wants an address. */
static void test_back_by_others(void)
{
	establish_by_tls("carrier.example");
	stands_for("192.0.2.1", "URI:sip:somebody.example");
	rig_receive(EAST, REQUEST("BYE", .by_callee = true, .uri = CONTACT_TLS));
	rig_expect("192.0.2.1:5071", "BYE ");
	CU_ASSERT_EQUAL(rig_sent_by()->stream.generation, 0);
	CU_ASSERT_STRING_EQUAL(rig_worker->names[rig_sent_by()->name], "carrier.example");
	end_tls();
	establish_by_tls("");
	stands_for("192.0.2.1", "URI:sip:carrier.example");
	rig_receive(EAST, REQUEST("BYE", .by_callee = true, .uri = CONTACT_TLS));
	rig_expect("192.0.2.1:5071", "BYE ");
	CU_ASSERT_EQUAL(rig_sent_by()->stream.generation, 0);
	CU_ASSERT_STRING_EQUAL(rig_worker->names[rig_sent_by()->name], "192.0.2.1");
	unsigned n = rig_worker->n_names;
	rig_receive(EAST, REQUEST("INFO", .by_callee = true, .uri = "sip:alice@elsewhere.example:5071;transport=tls",
	                          .branch = "z9hG4bKi"));
	rig_expect(EAST, "SIP/2.0 404");
	CU_ASSERT_EQUAL(rig_worker->n_names, n);         /* nobody fills that list with what leads nowhere */
	end_tls();
}

/* Towards the region the trunk's certificate means nothing, nor by UDP or TCP. */
static void test_not_back(void)
{
	struct sip_path from = {.transport = SIP_TLS, .stream = his, .named = true};
	addr_parse_port(&from.peer, "192.0.2.1:40000");
	establish_by_tls("carrier.example");
	stands_for("198.51.100.21", "URI:sip:carrier.example");
	rig_receive_path(&from, REQUEST("INFO", .uri = "sip:bob@198.51.100.21:5071;transport=tls"));
	rig_expect("198.51.100.21:5071", "INFO ");
	CU_ASSERT_EQUAL(rig_sent_by()->stream.generation, 0);
	CU_ASSERT_STRING_EQUAL(rig_worker->names[rig_sent_by()->name], "198.51.100.21");
	rig_receive(EAST, REQUEST("INFO", .by_callee = true, .uri = "sip:alice@198.51.100.21:5071;transport=tcp",
	                          .branch = "z9hG4bKj"));
	rig_expect("198.51.100.21:5071", "INFO ");
	CU_ASSERT_EQUAL(rig_sent_by()->stream.generation, 0);
	end_tls();
}

/* RFC 5923 section 8.1. */
static void test_own_alias(void)
{
	establish_by_tls("carrier.example");
	rig_receive(EAST, REQUEST("INFO", .by_callee = true, .uri = CONTACT_TLS));
	CU_ASSERT_PTR_NULL(strstr(rig_header(rig_expect(ANYONE, "INFO "), "Via", 0), "alias"));
	rig_worker->common->certified = true;
	rig_receive(EAST, REQUEST("INFO", .by_callee = true, .uri = CONTACT_TLS, .branch = "z9hG4bKk"));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(rig_expect(ANYONE, "INFO "), "Via", 0), EGRESS ";alias;branch=z9hG4bK"));
	rig_receive(EAST, REQUEST("INFO", .by_callee = true, .branch = "z9hG4bKl"));
	CU_ASSERT_PTR_NULL(strstr(rig_header(rig_expect(ANYONE, "INFO "), "Via", 0), "alias"));
	end_tls();
}

UNIT_MAIN("dialog", {"ACK", test_ack}, {"ACK out of hops", test_ack_max_forwards}, {"relayed", test_relayed},
          {"unanswered", test_unanswered}, {"100 after a while", test_trying}, {"no 408", test_no_408},
          {"strict router before us", test_from_strict}, {"routers on both sides", test_between_routers},
          {"ACK to loose and strict routers", test_ack_routes}, {"carried untouched", test_carried},
          {"loop and spiral", test_loop}, {"by the callee", test_by_callee}, {"on another node", test_other_node},
          {"forged", test_forged}, {"two families", test_two_families}, {"further routes", test_further_routes},
          {"nowhere to go", test_nowhere}, {"re-INVITE", test_reinvite}, {"re-INVITE refused", test_reinvite_refused},
          {"re-INVITE: no failover", test_reinvite_no_failover}, {"re-INVITE unanswered", test_reinvite_timeout},
          {"re-INVITE: no way there", test_reinvite_unreachable},
          {"re-INVITE, timer C", test_reinvite_timer_c}, {"re-INVITE cancelled", test_reinvite_cancelled},
          {"back by TLS", test_back_by_tls}, {"back by a name", test_back_by_name},
          {"not back on another's", test_back_by_others}, {"not back on it", test_not_back}, {"our own alias", test_own_alias},
          {"BYE of another dialog", test_bye_unknown})
