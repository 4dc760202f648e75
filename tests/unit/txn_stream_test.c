/* proxy/sip/txn over reliable transports: which timers do not run or are zero (RFC 3261 section 17), and a connection
 * that is lost. */
#include "tests/unit/txn_rig.h"

static const char *lost_why;
static void on_lost(void *user, const char *why)
{
	(void)user;
	lost_why = why;
}
static const struct txn_client_user stream_user = {on_response, on_timeout, on_end, on_lost};

static struct sip_path stream_path(const char *peer)
{
	struct sip_path path = path_to(peer);
	path.transport = SIP_TCP;
	return path;
}

static void open_stream_client(enum sip_method method, const char *name)
{
	struct sip_path path = stream_path("198.51.100.21:5060");
	const char *text = request(name, C, name, "");
	responses = timeouts = ends = 0;
	lost_why = NULL;
	client = txn_client_new(layer, method, C, &path, text, strlen(text), &stream_user, &client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	CHECK_SENT(name, 0);
}

/* Timers A and E do not run, B and F do. */
static void test_stream_client_silence(void)
{
	static const struct { enum sip_method method; const char *name; } of[] = {{SIP_INVITE, "INVITE"}, {SIP_BYE, "BYE"}};
	for (int i = 0; i < 2; i++) {
		begin();
		open_stream_client(of[i].method, of[i].name);
		run_to(31999);
		check_silent();
		CU_ASSERT_EQUAL(timeouts, 0);
		run_to(32000);
		CU_ASSERT_EQUAL(timeouts, 1);
		CU_ASSERT_EQUAL(ends, 1);
		end();
	}
}

/* Timers D and K are zero. */
static void test_stream_client_final(void)
{
	begin();
	open_stream_client(SIP_BYE, "BYE");
	CU_ASSERT(answer(200, "BYE", C));
	run_to(2);
	CU_ASSERT_EQUAL(ends, 1);
	end();
	begin();
	open_stream_client(SIP_INVITE, "INVITE");
	ANSWER(486);
	run_to(2);
	CU_ASSERT_EQUAL(ends, 1);
	CHECK_SENT("ACK", 0);
	end();
}

/* Whoever waits at that place for a first response hears of it at once; who has one does not. */
static void test_stream_lost(void)
{
	struct sip_path here = stream_path("198.51.100.21:5060"), there = stream_path("198.51.100.22:5060"), udp = here, named = here;
	udp.transport = SIP_UDP;
	named.name = 1;
	begin();
	open_stream_client(SIP_INVITE, "INVITE");
	CU_ASSERT_EQUAL(txn_client_lost(layer, &there, "x"), 0);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &udp, "x"), 0);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &named, "x"), 0);
	CU_ASSERT_EQUAL(ends, 0);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &here, "refused"), 1);
	CU_ASSERT_EQUAL(ends, 1);
	CU_ASSERT_STRING_EQUAL(lost_why, "refused");
	open_stream_client(SIP_INVITE, "INVITE");
	ANSWER(180);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &here, "refused"), 0);
	CU_ASSERT_EQUAL(ends, 0);
	end();
}

static void open_back_client(enum sip_method method, const char *name, struct stream_handle by)
{
	struct sip_path path = stream_path("192.0.2.2:5061");
	const char *text = request(name, C, name, "");
	path.stream = by;
	responses = timeouts = ends = 0;
	client = txn_client_new(layer, method, C, &path, text, strlen(text), &stream_user, &client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	CHECK_SENT(name, 0);
}

/* A request that went back on a connection (RFC 5923), which is gone then: by another one, in the same transaction. */
static void test_stream_moves(void)
{
	struct stream_handle by = {7, 3, 1}, other = {7, 4, 1}, others = {7, 3, 0};
	struct sip_path there = stream_path("192.0.2.2:5061");
	begin();
	open_back_client(SIP_BYE, "BYE", by);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &there, "x"), 0);  /* that is another one */
	txn_client_moves(layer, other);
	txn_client_moves(layer, others);
	check_silent();
	txn_client_moves(layer, by);
	CU_ASSERT_EQUAL(sent[0].path.stream.generation, 0);
	CHECK_SENT("BYE", 0);
	txn_client_moves(layer, by);
	check_silent();
	CU_ASSERT_EQUAL(txn_client_lost(layer, &there, "x"), 1);
	CU_ASSERT_EQUAL(ends, 1);
	open_back_client(SIP_INVITE, "INVITE", by);
	ANSWER(180);
	txn_client_moves(layer, by);
	check_silent();              /* it has arrived; what follows it goes by the new one */
	ANSWER(486);
	CU_ASSERT_EQUAL(sent[0].path.stream.generation, 0);
	CHECK_SENT("ACK", 0);
	end();
}

/* Section 18.1.1: by UDP, where a large request's connection is refused; then as any by UDP. */
static void test_stream_or(void)
{
	struct sip_path tcp = stream_path("198.51.100.21:5060"), udp = path_to("198.51.100.21:5060");
	const char *text = request("INVITE", C, "INVITE", "X-By: UDP\r\n");
	begin();
	open_stream_client(SIP_INVITE, "INVITE");
	txn_client_or(client, &udp, text, strlen(text));
	run_to(300);
	check_silent();
	CU_ASSERT_EQUAL(txn_client_lost(layer, &tcp, "refused"), 1);
	CU_ASSERT_PTR_NULL(lost_why);
	CU_ASSERT_EQUAL(stats.v[STAT_LARGE_BACK], 1);
	CU_ASSERT_EQUAL(stats.v[STAT_TX_UNREACHABLE], 0);
	CU_ASSERT_EQUAL(sent[0].path.transport, SIP_UDP);
	CU_ASSERT_STRING_EQUAL(sent[0].text, text);
	run_to(800);
	CHECK_SENT("INVITE", 300, 800);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &tcp, "x"), 0);
	ANSWER(486);
	CU_ASSERT_EQUAL(sent[0].path.transport, SIP_UDP);
	CHECK_SENT("ACK", 800);
	end();
	begin();                     /* what has been answered stays where it is */
	open_stream_client(SIP_INVITE, "INVITE");
	txn_client_or(client, &udp, text, strlen(text));
	ANSWER(100);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &tcp, "x"), 0);
	check_silent();
	end();
	begin();                     /* and by UDP it is over as ever */
	open_stream_client(SIP_BYE, "BYE");
	txn_client_or(client, &udp, text, strlen(text));
	run_to(31000);
	CU_ASSERT_EQUAL(txn_client_lost(layer, &tcp, "x"), 1);
	n_sent = 0;
	run_to(32000);
	CU_ASSERT_EQUAL(timeouts, 1);
	end();
}

static void open_stream_server(const char *method)
{
	struct sip_path path = stream_path("192.0.2.1:5070");
	struct sip_text *t = sip_text_parse(request(method, B, method, ""));
	ended = 0;
	server = txn_server_new(layer, &t->m, &path, on_server_end, &server);
	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
	sip_text_free(t);
}

/* Timer G does not run, I and J are zero, H is not. */
static void test_stream_server(void)
{
	begin();
	open_stream_server("INVITE");
	respond(486);
	CHECK_SENT("SIP/2.0 486", 0);
	run_to(31999);
	check_silent();
	CU_ASSERT_EQUAL(ended, 0);
	run_to(32000);
	CU_ASSERT_EQUAL(ended, 1);
	end();
	begin();
	open_stream_server("INVITE");
	respond(486);
	CU_ASSERT(arrives(ACK));
	run_to(2);
	CU_ASSERT_EQUAL(ended, 1);
	end();
	begin();
	open_stream_server("BYE");
	respond(200);
	run_to(2);
	CU_ASSERT_EQUAL(ended, 1);
	CHECK_SENT("SIP/2.0 200", 0);
	end();
}

UNIT_MAIN("txn stream", {"stream: silence", test_stream_client_silence},
          {"stream: final responses", test_stream_client_final}, {"stream: lost", test_stream_lost},
          {"stream: moves", test_stream_moves}, {"stream: or by UDP", test_stream_or}, {"stream: server", test_stream_server})
