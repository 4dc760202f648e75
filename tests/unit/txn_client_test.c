/* proxy/sip/txn_client: the client transactions' state machines against RFC 3261 section 17.1 and RFC 6026, and CANCEL
 * (section 9.1); last, many transactions of both kinds. Timers to the millisecond. */
#include "tests/unit/txn_rig.h"

/* ---- requests ---- */

static void test_client_timer_a_b(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	run_to(31999);
	CHECK_SENT("INVITE sip:bob", 0, 500, 1500, 3500, 7500, 15500, 31500);
	CU_ASSERT_EQUAL(stat_of(STAT_RETRANS_OUT), 6);
	CU_ASSERT_EQUAL(timeouts, 0);
	run_to(32000);
	CU_ASSERT_EQUAL(timeouts, 1);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_FALSE(answer(200, "INVITE", C));
	check_silent();
	end();
}

static void test_client_proceeding(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	run_to(400);
	ANSWER(100);
	ANSWER(180);
	ANSWER(183);
	CU_ASSERT_EQUAL(responses, 3);
	run_to(400 * 1000);
	CHECK_SENT("INVITE", 0);    /* neither A nor B: ringing may last (timer C is the proxy's) */
	CU_ASSERT_EQUAL(ends, 0);
	end();
	CU_ASSERT_EQUAL(ends, 1);   /* told even when the layer goes */
	CU_ASSERT_EQUAL(timeouts, 0);
}

static void test_client_failure(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(180);
	run_to(1000);
	n_sent = 0;
	ANSWER(486);
	CU_ASSERT_EQUAL(responses, 2);
	CU_ASSERT_EQUAL(last_status, 486);
	CU_ASSERT_PTR_NOT_NULL(strstr(sent[0].text, "CSeq: 314159 ACK\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(sent[0].text, ";tag=a6c85cf\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(sent[0].text, ";branch=" C "\r\n"));
	CU_ASSERT_EQUAL(sent[0].path.socket, 3);
	CHECK_SENT("ACK sip:bob@biloxi.example.com SIP/2.0\r\n", 1000);
	run_to(20000);
	ANSWER(486);                /* again: the ACK again, and no word to the user */
	CHECK_SENT("ACK", 20000);
	ANSWER(200);                /* too late */
	ANSWER(180);
	check_silent();
	CU_ASSERT_EQUAL(responses, 2);
	CU_ASSERT_EQUAL(stat_of(STAT_RETRANS_IN), 1);
	run_to(32999);
	CU_ASSERT_EQUAL(ends, 0);
	run_to(33000);              /* D: at least 32 s */
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(timeouts, 0);
	CU_ASSERT_FALSE(answer(486, "INVITE", C));
	end();
}

static void test_client_failure_at_once(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(503);
	run_to(31999);
	CU_ASSERT_EQUAL(n_sent, 2);  /* the INVITE and its ACK: A is stopped */
	CU_ASSERT_EQUAL(ends, 0);
	run_to(32000);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(timeouts, 0);
	end();
}

/* RFC 6026: every 2xx goes up for as long as M, and none is acknowledged here. */
static void test_client_accepted(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(200);
	run_to(500);
	ANSWER(200);
	ANSWER(202);
	CU_ASSERT_EQUAL(responses, 3);
	ANSWER(486);
	ANSWER(180);
	CU_ASSERT_EQUAL(responses, 3);
	run_to(31999);
	ANSWER(200);
	CU_ASSERT_EQUAL(responses, 4);
	CHECK_SENT("INVITE", 0);
	CU_ASSERT_EQUAL(ends, 0);
	run_to(32000);              /* M: from the first, not from the last */
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_FALSE(answer(200, "INVITE", C));
	end();
}

static void test_client_non_invite(void)
{
	begin();
	open_client(SIP_BYE, "BYE");
	run_to(31999);
	CHECK_SENT("BYE", 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);  /* E */
	CU_ASSERT_EQUAL(timeouts, 0);
	run_to(32000);              /* F */
	CU_ASSERT_EQUAL(timeouts, 1);
	CU_ASSERT_EQUAL(ends, 1);
	end();
}

static void test_client_non_invite_proceeding(void)
{
	begin();
	open_client(SIP_BYE, "BYE");
	run_to(600);
	CHECK_SENT("BYE", 0, 500);
	CU_ASSERT(answer(100, "BYE", C));
	run_to(9000);
	CHECK_SENT("BYE", 4600, 8600);  /* E at T2 from now on */
	CU_ASSERT(answer(100, "BYE", C));
	run_to(31999);
	CU_ASSERT_EQUAL(timeouts, 0);
	run_to(32000);                  /* F still runs from the beginning */
	CU_ASSERT_EQUAL(timeouts, 1);
	end();
}

static void test_client_non_invite_completed(void)
{
	begin();
	open_client(SIP_BYE, "BYE");
	run_to(100);
	CU_ASSERT(answer(200, "BYE", C));
	CU_ASSERT(answer(200, "BYE", C));
	CU_ASSERT_EQUAL(responses, 1);
	run_to(5099);
	CHECK_SENT("BYE", 0);
	CU_ASSERT_EQUAL(ends, 0);
	run_to(5100);               /* K */
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(timeouts, 0);
	end();
}

static void test_client_matching(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	CU_ASSERT_FALSE(answer(200, "INVITE", C "x"));
	CU_ASSERT_FALSE(answer(200, "BYE", C));
	CU_ASSERT_FALSE(answer(200, "CANCEL", C));
	CU_ASSERT_EQUAL(responses, 0);
	ANSWER(100);
	end();
}

static void test_client_end(void)
{
	begin();
	open_client(SIP_OPTIONS, "OPTIONS");
	txn_client_end(client);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(timeouts, 0);
	CU_ASSERT_EQUAL(txn_layer_count(layer), 0);
	CU_ASSERT_FALSE(answer(200, "OPTIONS", C));
	run_to(40000);
	CHECK_SENT("OPTIONS", 0);
	end();
}

static void test_client_too_large(void)
{
	static char text[SIP_MESSAGE_MAX + 10];
	struct sip_path path = path_to("198.51.100.21:5060");
	begin();
	CU_ASSERT_PTR_NULL(txn_client_new(layer, SIP_INVITE, C, &path, text, sizeof text, &user_ops, NULL));
	check_silent();
	end();
}

/* ---- CANCEL ---- */

static void test_cancel_after_provisional(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(180);
	run_to(1000);
	n_sent = 0;
	txn_client_cancel(layer, client);
	txn_client_cancel(layer, client);
	CU_ASSERT_PTR_NOT_NULL(strstr(sent[0].text, ";branch=" C "\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(sent[0].text, "CSeq: 314159 CANCEL\r\n"));
	run_to(2600);
	CHECK_SENT("CANCEL sip:bob@biloxi.example.com SIP/2.0\r\n", 1000, 1500, 2500);  /* E: CANCEL is repeated too */
	CU_ASSERT(answer(200, "CANCEL", C));
	ANSWER(180);
	run_to(8000);
	check_silent();
	ANSWER(487);
	CHECK_SENT("ACK", 8000);
	CU_ASSERT_EQUAL(last_status, 487);
	run_to(40000);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_EQUAL(timeouts, 0);
	end();
}

/* A caller of RFC 2543 has no From tag; found by tests/fuzz: neither CANCEL nor ACK was sent for it. */
static void test_followers_without_from_tag(void)
{
	struct sip_path path = path_to("198.51.100.21:5060");
	static const char text[] =
		"INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.11;branch=" C "\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5060\r\nMax-Forwards: 69\r\nFrom: <sip:alice@atlanta.example.com>\r\n"
		"To: <sip:bob@biloxi.example.com>\r\nCall-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\n\r\n";
	begin();
	responses = timeouts = ends = 0;
	client = txn_client_new(layer, SIP_INVITE, C, &path, text, sizeof text - 1, &user_ops, &client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	ANSWER(180);
	n_sent = 0;
	txn_client_cancel(layer, client);
	CHECK_SENT("CANCEL sip:bob@biloxi.example.com SIP/2.0\r\n", 0);
	CU_ASSERT(answer(200, "CANCEL", C));
	ANSWER(487);
	CHECK_SENT("ACK", 0);
	end();
}

/* Section 9.1: not before a provisional. The INVITE is not repeated either. */
static void test_cancel_before_provisional(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	run_to(200);
	txn_client_cancel(layer, client);
	run_to(6000);
	CHECK_SENT("INVITE", 0);
	ANSWER(100);
	CHECK_SENT("CANCEL", 6000);
	ANSWER(180);
	check_silent();             /* once */
	CU_ASSERT(answer(200, "CANCEL", C));
	run_to(37999);
	CU_ASSERT_EQUAL(timeouts, 0);
	run_to(38000);              /* 64 T1 after the CANCEL: it counts as cancelled */
	CU_ASSERT_EQUAL(timeouts, 1);
	CU_ASSERT_EQUAL(ends, 1);
	end();
}

static void test_cancel_unheard(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	txn_client_cancel(layer, client);
	run_to(31999);
	CHECK_SENT("INVITE", 0);
	CU_ASSERT_EQUAL(timeouts, 0);
	run_to(32000);              /* B */
	CU_ASSERT_EQUAL(timeouts, 1);
	end();
}

static void test_cancel_crosses(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(180);
	txn_client_cancel(layer, client);
	ANSWER(200);                /* the callee was quicker */
	CU_ASSERT_EQUAL(last_status, 200);
	run_to(40000);
	CU_ASSERT_EQUAL(timeouts, 0);
	CU_ASSERT_EQUAL(ends, 1);
	end();
	begin();
	open_client(SIP_INVITE, "INVITE");
	txn_client_cancel(layer, client);
	ANSWER(200);                /* no provisional at all */
	CHECK_SENT("INVITE", 0);
	ANSWER(200);
	CU_ASSERT_EQUAL(responses, 2);
	end();
}

static void test_cancel_too_late(void)
{
	begin();
	open_client(SIP_INVITE, "INVITE");
	ANSWER(486);
	n_sent = 0;
	txn_client_cancel(layer, client);
	check_silent();
	end();
	begin();
	open_client(SIP_BYE, "BYE");
	n_sent = 0;
	txn_client_cancel(layer, client);
	check_silent();
	end();
}

/* ---- many ---- */

/* A thousand of each in every state, forgotten at once: nothing stays, every user is told. */
static unsigned told;
static void on_end_count(void *user) { told++; }

static void test_many(void)
{
	static const struct txn_client_user quiet = {on_response, on_timeout, on_end_count, NULL};
	struct sip_path path = path_to("192.0.2.1:5070");
	begin();
	told = 0;
	for (int i = 0; i < 1000; i++) {
		char branch[64];
		snprintf(branch, sizeof branch, "z9hG4bK%d", i);
		struct sip_text *t = sip_text_parse(request("INVITE", branch, "INVITE", ""));
		struct txn_server *s = txn_server_new(layer, &t->m, &path, on_end_count, NULL);
		n_sent = 0;
		if (i % 3)
			txn_server_respond(layer, s, i % 3 == 1 ? 200 : 486, "x", 1);
		txn_client_new(layer, SIP_INVITE, branch, &path, t->data, t->m.len, &quiet, &client);
		ends = 0;
		if (i % 4)
			answer(i % 4 == 1 ? 180 : i % 4 == 2 ? 200 : 486, "INVITE", branch);
		sip_text_free(t);
	}
	n_sent = 0;
	CU_ASSERT_EQUAL(txn_layer_count(layer), 2000);
	end();
	CU_ASSERT_EQUAL(told, 2000);
}

UNIT_MAIN("txn client", {"INVITE client: A and B", test_client_timer_a_b}, {"proceeding", test_client_proceeding},
          {"failure, ACK, timer D", test_client_failure}, {"failure at once", test_client_failure_at_once},
          {"Accepted, timer M", test_client_accepted}, {"non-INVITE client: E and F", test_client_non_invite},
          {"E at T2", test_client_non_invite_proceeding}, {"timer K", test_client_non_invite_completed},
          {"matching of responses", test_client_matching}, {"ended by its user", test_client_end},
          {"too large", test_client_too_large}, {"CANCEL after a provisional", test_cancel_after_provisional},
          {"CANCEL and ACK without a From tag", test_followers_without_from_tag},
          {"CANCEL waits for a provisional", test_cancel_before_provisional},
          {"CANCEL of the unheard", test_cancel_unheard}, {"2xx crosses CANCEL", test_cancel_crosses},
          {"CANCEL too late", test_cancel_too_late}, {"two thousand at once", test_many})
