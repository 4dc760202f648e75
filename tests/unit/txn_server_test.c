/* proxy/sip/txn_server: the server transactions' state machines against RFC 3261 section 17.2 and RFC 6026, and what
 * belongs to which. Timers to the millisecond. */
#include "tests/unit/txn_rig.h"

/* ---- INVITE ---- */

static void test_server_invite_failure(void)
{
	begin();
	open_server("INVITE", B);
	respond(100);
	CU_ASSERT_FALSE(txn_server_answered(server));
	run_to(10000);
	CHECK_SENT("SIP/2.0 100", 0);   /* nothing by itself while it proceeds */
	CU_ASSERT(arrives(INVITE));
	CHECK_SENT("SIP/2.0 100", 10000);
	respond(180);
	CU_ASSERT(arrives(INVITE));
	CHECK_SENT("SIP/2.0 180", 10000, 10000);
	CU_ASSERT_EQUAL(stat_of(STAT_RETRANS_IN), 2);
	CU_ASSERT(addr_equal(&sent[0].path.peer, &txn_server_path(server)->peer));
	CU_ASSERT_EQUAL(sent[0].path.socket, 3);
	respond(486);
	CU_ASSERT(txn_server_answered(server));
	run_to(10000 + 40000);
	/* G: T1, doubled up to T2; H: 64 T1 */
	CHECK_SENT("SIP/2.0 486", 10000, 10500, 11500, 13500, 17500, 21500, 25500, 29500, 33500, 37500, 41500);
	CU_ASSERT_EQUAL(ended, 1);
	CU_ASSERT_FALSE(arrives(INVITE));
	end();
}

static void test_server_timer_h(void)
{
	begin();
	open_server("INVITE", B);
	respond(503);
	run_to(31999);
	CU_ASSERT_EQUAL(ended, 0);
	run_to(32000);
	CU_ASSERT_EQUAL(ended, 1);
	end();
}

static void test_server_ack(void)
{
	begin();
	open_server("INVITE", B);
	CU_ASSERT(arrives(ACK));    /* before any answer: nothing to acknowledge */
	respond(486);
	run_to(700);
	CHECK_SENT("SIP/2.0 486", 0, 500);
	CU_ASSERT(arrives(INVITE)); /* a retransmission crosses: the answer again */
	CHECK_SENT("SIP/2.0 486", 700);
	CU_ASSERT(arrives(ACK));
	run_to(3000);
	check_silent();
	CU_ASSERT(arrives(ACK));    /* I: ACKs absorbed for T4, counted from the first */
	CU_ASSERT(arrives(INVITE));
	check_silent();
	run_to(700 + 4999);
	CU_ASSERT_EQUAL(ended, 0);
	run_to(700 + 5000);
	CU_ASSERT_EQUAL(ended, 1);
	CU_ASSERT_FALSE(arrives(ACK));
	end();
}

/* RFC 6026: the transaction outlives its 2xx, which only the callee repeats. */
static void test_server_accepted(void)
{
	begin();
	open_server("INVITE", B);
	respond(100);
	respond(200);
	CU_ASSERT(txn_server_answered(server));
	run_to(5000);
	n_sent = 0;
	CU_ASSERT(arrives(INVITE));
	check_silent();
	respond(200);
	respond(202);               /* of another branch, say */
	CU_ASSERT_EQUAL(n_sent, 2);
	respond(486);
	respond(180);
	CU_ASSERT_EQUAL(n_sent, 2);
	n_sent = 0;
	run_to(31999);
	CU_ASSERT_EQUAL(ended, 0);
	run_to(32000);              /* L */
	CU_ASSERT_EQUAL(ended, 1);
	check_silent();
	end();
}

/* RFC 6026 section 7.1: an ACK in Accepted goes to the TU; here, to where the dialog goes. It matches by its
 * branch where a UA took over the INVITE's, and by its fields where it is one of RFC 2543. */
static void test_server_accepted_ack(void)
{
	begin();
	open_server("INVITE", B);
	respond(200);
	CU_ASSERT_FALSE(arrives(ACK));
	CU_ASSERT(arrives(INVITE));
	end();
	begin();
	open_server("INVITE", "");
	respond(200);
	CU_ASSERT_FALSE(arrives(request("ACK", "", "ACK", "9fxced76sl")));
	end();
}

/* Section 16.7: a 2xx is forwarded even after another final response. */
static void test_server_late_2xx(void)
{
	begin();
	open_server("INVITE", B);
	respond(408);
	respond(200);
	CU_ASSERT_EQUAL(n_sent, 2);
	CU_ASSERT_EQUAL(strncmp(sent[1].text, "SIP/2.0 200", 11), 0);
	n_sent = 0;
	CU_ASSERT(arrives(INVITE));
	CHECK_SENT("SIP/2.0 408", 0);  /* what is repeated is the first */
	CU_ASSERT(arrives(ACK));
	respond(200);
	CHECK_SENT("SIP/2.0 200", 0);
	respond(503);
	check_silent();
	end();
}

/* ---- other requests, and what belongs to which ---- */

static void test_server_non_invite(void)
{
	begin();
	open_server("BYE", B);
	CU_ASSERT(arrives(request("BYE", B, "BYE", "")));  /* trying: nothing to repeat */
	check_silent();
	respond(100);
	CU_ASSERT(arrives(request("BYE", B, "BYE", "")));
	CHECK_SENT("SIP/2.0 100", 0, 0);
	run_to(1000);
	respond(200);
	CU_ASSERT(arrives(request("BYE", B, "BYE", "")));
	CHECK_SENT("SIP/2.0 200", 1000, 1000);
	respond(200);
	respond(500);
	check_silent();
	run_to(32999);
	check_silent();             /* G is the INVITE's alone */
	CU_ASSERT_EQUAL(ended, 0);
	run_to(33000);              /* J */
	CU_ASSERT_EQUAL(ended, 1);
	end();
}

static void test_server_matching(void)
{
	begin();
	open_server("INVITE", B);
	CU_ASSERT_FALSE(arrives(request("INVITE", B "x", "INVITE", "")));
	CU_ASSERT_FALSE(arrives(request("BYE", B, "BYE", "")));
	CU_ASSERT_FALSE(arrives(request("ACK", B "x", "ACK", "")));
	/* the same branch from another sender is another transaction (17.2.3, 2) */
	char *text = request("INVITE", B, "INVITE", "");
	memcpy(strstr(text, "pc33"), "pc34", 4);
	CU_ASSERT_FALSE(arrives(text));
	text = request("INVITE", B, "INVITE", "");
	memcpy(strstr(text, ":5070"), ":5071", 5);
	CU_ASSERT_FALSE(arrives(text));
	end();
}

static bool cancels(const char *text)
{
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	struct txn_server *s = txn_server_find_cancelled(layer, &t->m);
	sip_text_free(t);
	return s != NULL && s == server;
}

static void test_server_cancel_matching(void)
{
	begin();
	open_server("INVITE", B);
	CU_ASSERT(cancels(request("CANCEL", B, "CANCEL", "")));
	CU_ASSERT_FALSE(cancels(request("CANCEL", B "x", "CANCEL", "")));
	respond(200);
	CU_ASSERT(cancels(request("CANCEL", B, "CANCEL", "")));
	end();
	begin();
	open_server("BYE", B);      /* only an INVITE can be cancelled */
	CU_ASSERT_FALSE(cancels(request("CANCEL", B, "CANCEL", "")));
	end();
}

/* No branch, or one without the cookie: told apart by the fields of section 17.2.3's second list. */
static void test_server_2543(void)
{
	static const char *const branches[] = {"", "1", "390skdjuw"};
	for (unsigned i = 0; i < 3; i++) {
		begin();
		open_server("INVITE", branches[i]);
		respond(486);
		CU_ASSERT(arrives(request("INVITE", branches[i], "INVITE", "")));
		CHECK_SENT("SIP/2.0 486", 0, 0);
		CU_ASSERT(cancels(request("CANCEL", branches[i], "CANCEL", "")));
		char *other = request("INVITE", branches[i], "INVITE", "");
		memcpy(strstr(other, "314159"), "314160", 6);
		CU_ASSERT_FALSE(arrives(other));
		other = request("INVITE", branches[i], "INVITE", "");
		memcpy(strstr(other, "a84b4c"), "b84b4c", 6);
		CU_ASSERT_FALSE(arrives(other));
		other = request("INVITE", branches[i], "INVITE", "");
		memcpy(strstr(other, "tag=19"), "tag=18", 6);
		CU_ASSERT_FALSE(arrives(other));
		other = request("INVITE", branches[i], "INVITE", "");
		memcpy(strstr(other, "sip:bob"), "sip:rob", 7);
		CU_ASSERT_FALSE(arrives(other));
		CU_ASSERT(arrives(request("ACK", branches[i], "ACK", "9fxced76sl")));
		run_to(4999);
		CU_ASSERT_EQUAL(ended, 0);
		run_to(5000);
		CU_ASSERT_EQUAL(ended, 1);
		end();
	}
}

static void test_server_long_key(void)
{
	char text[4096], branch[2000];
	struct sip_path path = path_to("192.0.2.1:5070");
	memset(branch, 'b', sizeof branch - 1);
	branch[sizeof branch - 1] = 0;
	memcpy(branch, "z9hG4bK", 7);
	snprintf(text, sizeof text, "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=%s\r\n"
	         "From: <sip:a@b>;tag=1\r\n"
	         "To: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 INVITE\r\n\r\n", branch);
	begin();
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_PTR_NULL(txn_server_find(layer, &t->m));
	CU_ASSERT_PTR_NULL(txn_server_new(layer, &t->m, &path, NULL, NULL));
	sip_text_free(t);
	end();
}

static void test_server_abandon(void)
{
	begin();
	open_server("BYE", B);
	txn_server_abandon(layer, server);
	CU_ASSERT_EQUAL(ended, 1);
	CU_ASSERT_EQUAL(txn_layer_count(layer), 0);
	check_silent();
	end();
}

UNIT_MAIN("txn server", {"INVITE server: failure, G and H", test_server_invite_failure},
          {"timer H", test_server_timer_h}, {"ACK, timer I", test_server_ack},
          {"Accepted, timer L", test_server_accepted}, {"ACK of a 2xx is not absorbed", test_server_accepted_ack},
          {"2xx after another final", test_server_late_2xx}, {"non-INVITE server, timer J", test_server_non_invite},
          {"matching of requests", test_server_matching}, {"matching of CANCEL", test_server_cancel_matching},
          {"RFC 2543 senders", test_server_2543}, {"a branch too long", test_server_long_key},
          {"abandoned", test_server_abandon})
