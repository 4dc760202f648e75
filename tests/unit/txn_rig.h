/* What the tests of proxy/sip/txn share: a layer of transactions with a clock that the test moves and a `send` that
 * keeps what is sent with its time, and one server and one client transaction in it with what they told their users.
 * Included by one test file each. */
#ifndef TESTS_TXN_RIG_H
#define TESTS_TXN_RIG_H

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

static inline void on_send(void *arg, const struct sip_path *path, const void *data, size_t len)
{
	CU_ASSERT_FATAL(n_sent < 256 && len < sizeof sent[0].text);
	struct sent *s = &sent[n_sent++];
	s->at_ms = (layer->now_us - T0) / MS;
	s->path = *path;
	memcpy(s->text, data, len);
	s->text[len] = 0;
}

static inline void begin(void)
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

static inline void end(void)
{
	txn_layer_free(layer);
	CU_ASSERT_EQUAL(txn_layer_count(layer), 0);
	CU_ASSERT_EQUAL(timer_wheel_count(layer->wheel), 0);
	timer_wheel_free(layer->wheel);
	free(layer);
}

/* Moves on to `ms` after T0, every timer at its own time. */
static inline void run_to(int64_t ms)
{
	int64_t until = T0 + ms * MS, next;
	while ((next = timer_wheel_next_us(layer->wheel, layer->now_us)) <= until) {
		layer->now_us = next;
		timer_wheel_run(layer->wheel, next);
	}
	layer->now_us = until;
}

/* What has been sent begins with `start` each, at these times, and nothing else. */
static inline void check_sent(const char *start, const int64_t *times, unsigned n)
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
static inline void check_silent(void)
{
	CU_ASSERT_EQUAL(n_sent, 0);
	n_sent = 0;
}

static inline struct sip_path path_to(const char *text)
{
	struct sip_path p = {.socket = 3};
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&p.peer, text), 0);
	return p;
}

static inline uint64_t stat_of(enum stat_counter s) { return stats.v[s]; }

/* ---- server ---- */

static struct txn_server *server;  /* NULL once it has ended */
static unsigned ended;

static inline void on_server_end(void *user)
{
	CU_ASSERT_PTR_EQUAL(user, &server);
	server = NULL;
	ended++;
}

static inline char *request(const char *method, const char *branch, const char *cseq_method, const char *to_tag)
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

static inline void open_server(const char *method, const char *branch)
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
static inline bool arrives(const char *text)
{
	struct sip_text *t = sip_text_parse(text);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	struct txn_server *s = txn_server_find(layer, &t->m);
	if (s)
		txn_server_on_request(layer, s, &t->m);
	sip_text_free(t);
	return s != NULL;
}

static inline void respond(int status)
{
	char text[64];
	int n = snprintf(text, sizeof text, "SIP/2.0 %d X\r\n\r\n", status);
	txn_server_respond(layer, server, status, text, (size_t)n);
}

#define B "z9hG4bK776asdhds"
#define INVITE request("INVITE", B, "INVITE", "")
#define ACK request("ACK", B, "ACK", "9fxced76sl")

/* ---- client ---- */

static struct txn_client *client;
static unsigned responses, timeouts, ends;
static int last_status;

static inline void on_response(void *user, const struct sip_msg *resp)
{
	CU_ASSERT_PTR_EQUAL(user, &client);
	CU_ASSERT_EQUAL(ends, 0);
	responses++;
	last_status = resp->status;
}
static inline void on_timeout(void *user)
{
	CU_ASSERT_EQUAL(ends, 0);
	timeouts++;
}
static inline void on_end(void *user)
{
	ends++;
	client = NULL;
}
static const struct txn_client_user user_ops = {on_response, on_timeout, on_end, NULL};

#define C "z9hG4bKclient"

static inline void open_client(enum sip_method method, const char *name)
{
	struct sip_path path = path_to("198.51.100.21:5060");
	const char *text = request(name, C, name, "");
	responses = timeouts = ends = 0;
	last_status = 0;
	client = txn_client_new(layer, method, C, &path, text, strlen(text), &user_ops, &client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
}

/* A response comes: true if a transaction took it. */
static inline bool answer(int status, const char *cseq_method, const char *branch)
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

#endif
