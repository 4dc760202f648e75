/* proxy/ingress: what is answered, with what and where to; what is dropped without a word, and that it is
 * counted. */
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* A request of any method, with the pieces that matter here. */
struct parts {
	const char *ruri, *via, *branch, *to_tag, *extra, *version;
	int max_forwards;  /* 0: 70; -1: 0 */
};

static const char *request(const char *method, struct parts p)
{
	static char text[4][SIP_SERVED_MAX + 4096];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof text[0],
	         "%s %s %s\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nMax-Forwards: %d\r\n"
	         "From: <sip:5550001111@192.0.2.1>;tag=alice\r\n"
	         "To: <sip:18005551234@203.0.113.10>%s%s\r\nCall-ID: a84b4c76e66710\r\nCSeq: 1 %s\r\n%s\r\n",
	         method, p.ruri ? p.ruri : "sip:18005551234@203.0.113.10", p.version ? p.version : "SIP/2.0",
	         p.via ? p.via : "192.0.2.1:5060", p.branch ? p.branch : "z9hG4bKx",
	         p.max_forwards > 0 ? p.max_forwards : p.max_forwards < 0 ? 0 : 70, p.to_tag ? ";tag=" : "",
	         p.to_tag ? p.to_tag : "", method, p.extra ? p.extra : "Content-Length: 0\r\n");
	return out;
}
#define REQUEST(method, ...) request(method, (struct parts){__VA_ARGS__})

static void check_answer(const char *text, const char *start, enum stat_counter counted)
{
	rig_begin(NULL);
	rig_receive(CARRIER, text);
	rig_expect(CARRIER, start);
	CU_ASSERT_EQUAL(rig_stat(counted), 1);
	rig_end();
}

static void check_dropped(const char *source, const char *text, enum stat_counter counted)
{
	rig_begin(NULL);
	rig_receive(source, text);
	rig_expect_none();
	CU_ASSERT_EQUAL(rig_stat(counted), 1);
	if (rig_stat(counted) != 1)
		printf("\n    not counted: %.60s\n", text);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_end();
}

static void test_options(void)
{
	rig_begin(NULL);
	rig_receive(CARRIER, REQUEST("OPTIONS", .max_forwards = -1));
	const char *r = rig_expect(CARRIER, "SIP/2.0 200 OK\r\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "Allow", 0), "INVITE"));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(r, "To", 0), ";tag="));
	CU_ASSERT_EQUAL(rig_stat(STAT_REQ_OPTIONS), 1);
	atomic_store(&rig_worker->common->draining, true);
	rig_receive(CARRIER, REQUEST("OPTIONS"));
	rig_expect(CARRIER, "SIP/2.0 503");
	rig_end();
}

static void test_refusals(void)
{
	check_answer(REQUEST("REGISTER"), "SIP/2.0 405", STAT_REJ_METHOD);
	check_answer(REQUEST("MESSAGE"), "SIP/2.0 405", STAT_REJ_METHOD);
	check_answer(REQUEST("BYE"), "SIP/2.0 405", STAT_REJ_METHOD);
	static const char *const in_dialog_only[] = {"BYE", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "SUBSCRIBE",
	                                             "PUBLISH", "X-UNHEARD-OF"};
	for (unsigned i = 0; i < 9; i++) {
		rig_begin(NULL);
		rig_receive(CARRIER, REQUEST(in_dialog_only[i]));
		const char *r = rig_expect(CARRIER, "SIP/2.0 405 Method Not Allowed\r\n");
		CU_ASSERT_STRING_EQUAL(rig_header(r, "Allow", 0),
		                       "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE");
		rig_end();
	}
	check_answer(REQUEST("BYE", .to_tag = "x"), "SIP/2.0 481", STAT_REJ_NO_TRANSACTION);
	check_answer(REQUEST("INVITE", .to_tag = "x"), "SIP/2.0 481", STAT_REJ_NO_TRANSACTION);
	check_answer(REQUEST("CANCEL"), "SIP/2.0 481", STAT_REJ_NO_TRANSACTION);
	check_answer(REQUEST("INVITE", .ruri = "mailto:a@b"), "SIP/2.0 416", STAT_REJ_OTHER);
	check_answer(REQUEST("INVITE", .max_forwards = -1), "SIP/2.0 483", STAT_REJ_HOPS);
	check_answer(REQUEST("INVITE", .version = "SIP/3.0"), "SIP/2.0 505", STAT_REJ_OTHER);
	check_answer(REQUEST("INVITE", .extra = "Content-Length: 9\r\n"), "SIP/2.0 400", STAT_REJ_MALFORMED);
	check_answer(REQUEST("OPTIONS", .extra = "Max-Forwards: 5\r\n"), "SIP/2.0 400", STAT_REJ_MALFORMED);
}

/* Section 16.3, 5: the answer names what is not supported. */
static void test_proxy_require(void)
{
	rig_begin(NULL);
	rig_receive(CARRIER, REQUEST("INVITE", .extra = "Proxy-Require: sec-agree, foo\r\nProxy-Require: bar\r\n"));
	const char *r = rig_expect(CARRIER, "SIP/2.0 420");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Unsupported", 0), "sec-agree, foo, bar");
	CU_ASSERT_EQUAL(rig_stat(STAT_REJ_EXTENSION), 1);
	rig_end();
	char extra[800];
	memset(extra, 'x', sizeof extra - 1);
	memcpy(extra, "Proxy-Require: ", 15);
	memcpy(extra + sizeof extra - 3, "\r\n", 3);
	check_answer(REQUEST("INVITE", .extra = extra), "SIP/2.0 420", STAT_REJ_EXTENSION);
}

/* A broken CANCEL is answered as such, and the INVITE it would be for goes on. */
static void test_broken_cancel(void)
{
	rig_begin(NULL);
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE ");
	rig_receive(CARRIER, REQUEST("CANCEL", .extra = "Content-Length: 9\r\n"));
	rig_expect(CARRIER, "SIP/2.0 400");
	rig_end();
}

static void test_too_large(void)
{
	static char extra[SIP_SERVED_MAX + 100];
	memset(extra, 'a', sizeof extra - 1);
	memcpy(extra, "X: ", 3);
	memcpy(extra + sizeof extra - 3, "\r\n", 2);
	check_answer(REQUEST("INVITE", .extra = extra), "SIP/2.0 513", STAT_REJ_OTHER);
}

static void test_schemes(void)
{
	static const char *const served[] = {"sip:18005551234@203.0.113.10", "tel:+1-800-555-1234", "SIP:18005551234@203.0.113.10"};
	for (unsigned i = 0; i < 3; i++) {
		rig_begin(NULL);
		rig_receive(CARRIER, REQUEST("INVITE", .ruri = served[i]));
		rig_expect(CARRIER, "SIP/2.0 100");
		rig_expect(EAST, "INVITE sip:+18005551234@198.51.100.21");
		rig_end();
	}
}

/* Sections 18.2.2 and RFC 3581: to the source, at the port that Via says, or at the source's with rport. */
static void test_reply_path(void)
{
	rig_begin(NULL);
	rig_receive("192.0.2.7:9999", REQUEST("OPTIONS", .via = "192.0.2.1:5070"));
	rig_expect("192.0.2.7:5070", "SIP/2.0 200");
	rig_receive("192.0.2.7:9999", REQUEST("OPTIONS", .via = "192.0.2.1"));
	rig_expect("192.0.2.7:5060", "SIP/2.0 200");
	rig_receive("192.0.2.7:9999", REQUEST("OPTIONS", .via = "192.0.2.1:5070;rport"));
	const char *r = rig_expect("192.0.2.7:9999", "SIP/2.0 200");
	CU_ASSERT_STRING_EQUAL(rig_header(r, "Via", 0),
	         "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx;received=192.0.2.7;rport=9999");
	rig_receive("192.0.2.7:9999", REQUEST("OPTIONS",
	         .via = "203.0.113.66:5070;maddr=203.0.113.67;received=203.0.113.68"));
	rig_expect("192.0.2.7:5070", "SIP/2.0 200");  /* never anywhere else */
	rig_receive(CARRIER6, REQUEST("OPTIONS", .via = "[2001:db8:a::1]:5062"));
	rig_expect("[2001:db8:a::1]:5062", "SIP/2.0 200");
	rig_end();
}

/* Nobody we know: not one byte comes back, whatever is sent. */
static void test_strangers(void)
{
	static const char *const methods[] = {"INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "MESSAGE"};
	for (unsigned i = 0; i < 6; i++) {
		check_dropped(STRANGER, REQUEST(methods[i]), STAT_DROP_SOURCE);
		check_dropped(STRANGER, REQUEST(methods[i], .max_forwards = -1), STAT_DROP_SOURCE);
		check_dropped(STRANGER, REQUEST(methods[i], .version = "SIP/3.0"), STAT_DROP_SOURCE);
		check_dropped(STRANGER, REQUEST(methods[i], .extra = "Content-Length: 99\r\n"), STAT_DROP_SOURCE);
	}
	check_dropped(STRANGER, REQUEST("BYE", .to_tag = "x"), STAT_DROP_SOURCE);
	check_dropped(STRANGER, "hello, is anybody there?\r\n\r\n", STAT_DROP_SOURCE);
	check_dropped(STRANGER, REQUEST("ACK", .to_tag = "x"), STAT_DROP_STRAY_ACK);
	/* what may not be dropped unread: it may show a token */
	check_dropped(STRANGER, REQUEST("BYE", .to_tag = "x", .extra = "route : <sip:a@203.0.113.10;lr>\r\n"), STAT_DROP_TOKEN);
	char late[1000];
	snprintf(late, sizeof late, "\r\n\r\n%s", REQUEST("BYE", .to_tag = "x", .extra = "Route: <sip:a@203.0.113.10;lr>\r\n"));
	check_dropped(STRANGER, late, STAT_DROP_TOKEN);
}

static void test_dropped(void)
{
	check_dropped(CARRIER, "\r\n\r\n", STAT_DROP_KEEPALIVE);
	check_dropped(CARRIER, "", STAT_DROP_KEEPALIVE);
	check_dropped(CARRIER, "\r\n\r\nping", STAT_DROP_KEEPALIVE);
	check_dropped(CARRIER, "INVITE sip:x@y SIP/2.0\r\n\r\n", STAT_DROP_MALFORMED);
	check_dropped(CARRIER, "not a word of SIP in here\r\n\r\n", STAT_DROP_MALFORMED);
	check_dropped(CARRIER, REQUEST("ACK"), STAT_DROP_STRAY_ACK);
	check_dropped(CARRIER, REQUEST("ACK", .to_tag = "x"), STAT_DROP_STRAY_ACK);
	check_dropped(CARRIER, REQUEST("ACK", .extra = "Content-Length: 99\r\n"), STAT_DROP_MALFORMED);
	check_dropped(EAST, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.11:5060;branch=z9hG4bKnone\r\n"
	              "Via: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
	              "To: <sip:c@d>;tag=2\r\nCall-ID: e\r\n"
	              "CSeq: 1 INVITE\r\n\r\n", STAT_DROP_STRAY);
	check_dropped(EAST, "SIP/2.0 1000 Too much\r\nVia: SIP/2.0/UDP 198.51.100.11:5060;branch=z9hG4bKnone\r\n"
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: e\r\nCSeq: 1 INVITE\r\n"
	              "\r\n", STAT_DROP_MALFORMED);
}

static void test_forged_token(void)
{
	check_dropped(STRANGER, REQUEST("BYE", .to_tag = "x",
	         .extra = "Route: <sip:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@203.0.113.10;lr>\r\n"),
	              STAT_DROP_TOKEN);
	check_dropped(CARRIER, REQUEST("INVITE", .to_tag = "x", .extra = "Route: <sip:203.0.113.10;lr>\r\n"),
	         STAT_DROP_TOKEN);
}

/* An INVITE refused at the door has a transaction like any other: absorbed when it comes again,
 * acknowledged once. */
static void check_refused_invite(const char *text, const char *start)
{
	rig_begin(NULL);
	rig_receive(CARRIER, text);
	rig_expect(CARRIER, start);
	rig_receive(CARRIER, text);
	rig_receive(CARRIER, text);
	rig_expect(CARRIER, start);
	rig_expect(CARRIER, start);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 1);
	rig_run(500);
	rig_expect(CARRIER, start);  /* G: one, not three */
	rig_expect_none();
	rig_receive(CARRIER, REQUEST("CANCEL"));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_receive(CARRIER, REQUEST("ACK", .to_tag = "x"));
	rig_run(4999);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 2);
	rig_run(1);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 1);
	rig_run(27000);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);  /* the CANCEL's, timer J */
	rig_end();
}

static void test_refused_invite(void)
{
	check_refused_invite(REQUEST("INVITE", .max_forwards = -1), "SIP/2.0 483");
	check_refused_invite(REQUEST("INVITE", .extra = "Content-Length: 9\r\n"), "SIP/2.0 400");
	check_refused_invite(REQUEST("INVITE", .version = "SIP/3.0"), "SIP/2.0 505");
	check_refused_invite(REQUEST("INVITE", .to_tag = "x"), "SIP/2.0 481");
}

/* Overload: a new call is answered without a transaction, alike when it comes again; a dialog's requests are not asked. */
static void test_shed(void)
{
	rig_begin(NULL);
	atomic_store(&rig_worker->overload.shed, OVERLOAD_ONE);
	rig_receive(CARRIER, REQUEST("INVITE"));
	const char *first = rig_expect(CARRIER, "SIP/2.0 503 Service Unavailable\r\n");
	CU_ASSERT_STRING_EQUAL(rig_header(first, "Retry-After", 0), "5");
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_header(first, "To", 0), ";tag="));
	rig_receive(CARRIER, REQUEST("INVITE"));
	CU_ASSERT_STRING_EQUAL(rig_expect(CARRIER, "SIP/2.0 503"), first);
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	CU_ASSERT_EQUAL(timer_wheel_count(rig_worker->wheel), 0);
	rig_receive(CARRIER, REQUEST("ACK", .to_tag = strstr(rig_header(first, "To", 0), ";tag=") + 5));
	rig_receive(CARRIER, REQUEST("ACK", .to_tag = "tandem-off-x", .extra = "Route: <sip:a@203.0.113.10;lr>\r\n"));
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_TOKEN), 1);  /* looked at as any other */
	rig_receive(CARRIER, REQUEST("OPTIONS"));
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_receive(CARRIER, REQUEST("BYE", .to_tag = "x"));
	rig_expect(CARRIER, "SIP/2.0 481");
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_SHED), 2);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_LIMITED), 2);
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_SHED_ACK), 1);
	const struct record *r = rig_record();
	CU_ASSERT_FATAL(r && r->kind == RECORD_END);
	CU_ASSERT_EQUAL(r->end.flags, RECORD_OV);
	CU_ASSERT_EQUAL(r->end.status, 503);
	CU_ASSERT_EQUAL(r->end.outcome, OUTCOME_LIMITED);
	atomic_store(&rig_worker->overload.shed, 0);
	rig_receive(CARRIER, REQUEST("INVITE"));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE ");
	rig_end();
}

/* At half, about half of the calls, and of each the same again. */
static void test_shed_share(void)
{
	char branch[32];
	unsigned shed = 0;
	rig_begin(NULL);
	atomic_store(&rig_worker->overload.shed, OVERLOAD_ONE / 2);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t before = rig_stat(STAT_CALLS_SHED);
		snprintf(branch, sizeof branch, "z9hG4bKnr%u", i);
		rig_receive(CARRIER, REQUEST("INVITE", .branch = branch));
		uint64_t once = rig_stat(STAT_CALLS_SHED) - before;
		rig_receive(CARRIER, REQUEST("INVITE", .branch = branch));
		CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_SHED) - before, 2 * once);
		shed += once > 0;
	}
	CU_ASSERT(shed > 60 && shed < 140);
	rig_skip();
	rig_end();
}

UNIT_MAIN("ingress", {"OPTIONS", test_options}, {"refusals", test_refusals}, {"Proxy-Require", test_proxy_require},
          {"a broken CANCEL", test_broken_cancel}, {"too large", test_too_large}, {"schemes", test_schemes},
          {"where answers go", test_reply_path},
          {"strangers hear nothing", test_strangers}, {"dropped and counted", test_dropped},
          {"forged tokens", test_forged_token}, {"refused INVITEs", test_refused_invite},
          {"overload: calls are shed without state", test_shed}, {"overload: a share of them", test_shed_share})
