/* proxy/sip/txn: both transaction state machines against RFC 3261 section 17 and RFC 6026, with a clock
 * that the test moves and a `send` that keeps what is sent with its time. Timers to the millisecond. */
#include "proxy/sip/txn.h"
#include "base/clock.h"
#include "tests/unit/sip_text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define T0 (1000 * CLOCK_SEC)
#define MS CLOCK_MS

/* ---- a layer without a network ---- */

struct sent {
	int64_t at_ms;               /* since T0 */
	struct sip_path path;
	char text[1024];
};

static struct txn_layer *layer;
static struct stats stats;
static struct sent sent[256];
static unsigned n_sent;

static void on_send(void *arg, const struct sip_path *path, const void *data, size_t len)
{
	CU_ASSERT_FATAL(n_sent < 256 && len < sizeof sent[0].text);
	struct sent *s = &sent[n_sent++];
	s->at_ms = (layer->now_us - T0) / MS;
	s->path = *path;
	memcpy(s->text, data, len);
	s->text[len] = 0;
}

static void begin(void)
{
	layer = calloc(1, sizeof *layer);
	layer->wheel = timer_wheel_new(T0);
	layer->now_us = T0;
	layer->stats = &stats;
	layer->send = on_send;
	memset(&stats, 0, sizeof stats);
	n_sent = 0;
	txn_layer_init(layer);
}

static void end(void)
{
	txn_layer_free(layer);
	CU_ASSERT_EQUAL(txn_layer_count(layer), 0);
	CU_ASSERT_EQUAL(timer_wheel_count(layer->wheel), 0);
	timer_wheel_free(layer->wheel);
	free(layer);
}

/* Moves on to `ms` after T0, every timer at its own time. */
static void run_to(int64_t ms)
{
	int64_t until = T0 + ms * MS, next;
	while ((next = timer_wheel_next_us(layer->wheel, layer->now_us)) <= until) {
		layer->now_us = next;
		timer_wheel_run(layer->wheel, next);
	}
	layer->now_us = until;
}

/* What has been sent begins with `start` each, at these times, and nothing else. */
static void check_sent(const char *start, const int64_t *times, unsigned n)
{
	CU_ASSERT_EQUAL(n_sent, n);
	for (unsigned i = 0; i < n_sent && i < n; i++) {
		CU_ASSERT_EQUAL(sent[i].at_ms, times[i]);
		CU_ASSERT_EQUAL(strncmp(sent[i].text, start, strlen(start)), 0);
	}
	n_sent = 0;
}
#define CHECK_SENT(start, ...) \
	check_sent(start, (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
static void check_silent(void)
{
	CU_ASSERT_EQUAL(n_sent, 0);
	n_sent = 0;
}

static struct sip_path path_to(const char *text)
{
	struct sip_path p = {.socket = 3};
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&p.peer, text), 0);
	return p;
}

static uint64_t stat_of(enum stat_counter s) { return stats.v[s]; }

/* ---- server ---- */

static struct txn_server *server;  /* NULL once it has ended */
static unsigned ended;

static void on_server_end(void *user)
{
	CU_ASSERT_PTR_EQUAL(user, &server);
	server = NULL;
	ended++;
}

static char *request(const char *method, const char *branch, const char *cseq_method, const char *to_tag)
{
	static char text[1024];
	snprintf(text, sizeof text,
	         "%s sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.example.com:5070%s%s\r\n"
	         "Max-Forwards: 70\r\n"
	         "From: <sip:alice@atlanta.example.com>;tag=1928301774\r\nTo: <sip:bob@biloxi.example.com>%s%s\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: 314159 %s\r\nContent-Length: 0\r\n\r\n",
	         method, *branch ? ";branch=" : "", branch, *to_tag ? ";tag=" : "", to_tag, cseq_method);
	return text;
}

static void open_server(const char *method, const char *branch)
{
	struct sip_path path = path_to("192.0.2.1:5070");
	struct sip_text *t = sip_text_parse(request(method, branch, method, ""));
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	ended = 0;
	CU_ASSERT_PTR_NULL(txn_server_find(layer, &t->m));
	server = txn_server_new(layer, &t->m, &path, on_server_end, &server);
	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
	CU_ASSERT_PTR_EQUAL(txn_server_find(layer, &t->m), server);
	CU_ASSERT_PTR_EQUAL(txn_server_user(server), &server);
	CU_ASSERT(addr_equal(&txn_server_path(server)->peer, &path.peer));
	sip_text_free(t);
}

/* A request comes: true if a transaction took it. */
static bool arrives(const char *text)
{
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	struct txn_server *s = txn_server_find(layer, &t->m);
	if (s)
		txn_server_on_request(layer, s, &t->m);
	sip_text_free(t);
	return s != NULL;
}

static void respond(int status)
{
	char text[64];
	int n = snprintf(text, sizeof text, "SIP/2.0 %d X\r\n\r\n", status);
	txn_server_respond(layer, server, status, text, (size_t)n);
}

#define B "z9hG4bK776asdhds"
#define INVITE request("INVITE", B, "INVITE", "")
#define ACK request("ACK", B, "ACK", "9fxced76sl")

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

/* ---- client ---- */

static struct txn_client *client;
static unsigned responses, timeouts, ends;
static int last_status;

static void on_response(void *user, const struct sip_msg *resp)
{
	CU_ASSERT_PTR_EQUAL(user, &client);
	CU_ASSERT_EQUAL(ends, 0);
	responses++;
	last_status = resp->status;
}
static void on_timeout(void *user)
{
	CU_ASSERT_EQUAL(ends, 0);
	timeouts++;
}
static void on_end(void *user)
{
	ends++;
	client = NULL;
}
static const struct txn_client_user user_ops = {on_response, on_timeout, on_end, NULL};

#define C "z9hG4bKclient"

static void open_client(enum sip_method method, const char *name)
{
	struct sip_path path = path_to("198.51.100.21:5060");
	const char *text = request(name, C, name, "");
	responses = timeouts = ends = 0;
	last_status = 0;
	client = txn_client_new(layer, method, C, &path, text, strlen(text), &user_ops, &client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
}

/* A response comes: true if a transaction took it. */
static bool answer(int status, const char *cseq_method, const char *branch)
{
	char text[1024];
	snprintf(text, sizeof text,
	         "SIP/2.0 %d X\r\nVia: SIP/2.0/UDP pc33.example.com:5070;branch=%s\r\n"
	         "Via: SIP/2.0/UDP a;branch=z9hG4bKb\r\n"
	         "From: <sip:alice@atlanta.example.com>;tag=1928301774\r\n"
	         "To: <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: 314159 %s\r\nContent-Length: 0\r\n\r\n",
	         status, branch, cseq_method);
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	struct txn_client *found = txn_client_find(layer, &t->m);
	if (found)
		txn_client_on_response(layer, found, &t->m);
	sip_text_free(t);
	return found != NULL;
}
#define ANSWER(status) CU_ASSERT(answer(status, "INVITE", C))

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

/* ---- reliable transports ---- */

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

UNIT_MAIN("txn", {"stream: silence", test_stream_client_silence}, {"stream: final responses", test_stream_client_final},
          {"stream: lost", test_stream_lost}, {"stream: moves", test_stream_moves}, {"stream: server", test_stream_server},
          {"INVITE server: failure, G and H", test_server_invite_failure}, {"timer H", test_server_timer_h},
          {"ACK, timer I", test_server_ack}, {"Accepted, timer L", test_server_accepted},
          {"ACK of a 2xx is not absorbed", test_server_accepted_ack}, {"2xx after another final", test_server_late_2xx},
          {"non-INVITE server, timer J", test_server_non_invite}, {"matching of requests", test_server_matching},
          {"matching of CANCEL", test_server_cancel_matching}, {"RFC 2543 senders", test_server_2543},
          {"a branch too long", test_server_long_key}, {"abandoned", test_server_abandon},
          {"INVITE client: A and B", test_client_timer_a_b}, {"proceeding", test_client_proceeding},
          {"failure, ACK, timer D", test_client_failure}, {"failure at once", test_client_failure_at_once},
          {"Accepted, timer M", test_client_accepted}, {"non-INVITE client: E and F", test_client_non_invite},
          {"E at T2", test_client_non_invite_proceeding}, {"timer K", test_client_non_invite_completed},
          {"matching of responses", test_client_matching},
          {"CANCEL after a provisional", test_cancel_after_provisional},
          {"CANCEL and ACK without a From tag", test_followers_without_from_tag},
          {"CANCEL waits for a provisional", test_cancel_before_provisional},
          {"CANCEL of the unheard", test_cancel_unheard},
          {"2xx crosses CANCEL", test_cancel_crosses}, {"CANCEL too late", test_cancel_too_late},
          {"ended by its user", test_client_end}, {"too large", test_client_too_large},
          {"two thousand at once", test_many})
