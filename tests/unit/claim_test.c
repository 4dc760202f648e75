/* proxy/claim and proxy/adopt: what waits to be told whose it is, and what goes on here of a dead node's. Who is asked is
 * the test. */
#include "proxy/claim.h"
#include "proxy/ingress.h"
#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who is asked ---- */

static struct {
	unsigned asked, strays;
	bool take, refuses;
	char key[64];
	struct claim *claim;
	char via[160], peer[ADDR_STR_LEN], uri[200], sent_key[64];
} others;

static int ask(void *arg, unsigned worker, const char *key, bool take, struct claim *claim)
{
	if (others.refuses)
		return -ENOTCONN;
	others.asked++;
	others.take = take;
	others.claim = claim;
	snprintf(others.key, sizeof others.key, "%s", key);
	return 0;
}

static void sent(void *arg, unsigned worker, const char *key, const char *via, const struct addr *peer, const char *uri)
{
	snprintf(others.sent_key, sizeof others.sent_key, "%s", key);
	snprintf(others.via, sizeof others.via, "%s", via);
	snprintf(others.uri, sizeof others.uri, "%s", uri);
	addr_str(peer, others.peer);
}

static void stray(void *arg, const struct addr *source, const struct addr *egress, const void *data, size_t len)
{
	others.strays++;
}

/* Of the table that the worker looks at: sockets are 0 the anycast address, 1 the egress, 2 IPv6's anycast address. */
static void begin(void)
{
	rig_begin(NULL);
	memset(&others, 0, sizeof others);
	struct proxy_config *c = &rig_worker->common->config;
	addr_parse_port(&c->listen[0].address, ANYCAST);
	addr_parse_port(&c->listen[1].address, EGRESS);
	addr_parse_port(&c->listen[2].address, "[2001:db8::10]:5060");
	c->listen[0].anycast = c->listen[2].anycast = true;
	c->n_listen = 3;
	rig_worker->common->claims = (struct proxy_claims){ask, stray, sent, NULL};
}

static void verdict(enum proxy_verdict v, const struct proxy_sent *how)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(others.claim);
	struct claim *c = others.claim;
	others.claim = NULL;
	claim_settle(c, v, how);
}

/* The node that has done all this is dead; what it said of the request it sent is known. */
static struct proxy_sent dies(void)
{
	struct proxy_sent how = {others.via, others.peer, others.uri};
	rig_skip();
	rig_other_node("node-b");
	rig_worker->common->config.listen[1].backup = true;
	others.asked = 0;
	return how;
}

static const char *request(const char *method, const char *branch, const char *to_tag)
{
	static char text[4][2048];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof text[0],
	         "%s sip:18005551234@203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	         "From: <sip:5550001111@192.0.2.1>;tag=alice\r\nTo: <sip:18005551234@203.0.113.10>%s\r\n"
	         "Call-ID: claimed@192.0.2.1\r\nCSeq: 1 %s\r\nContact: <sip:5550001111@192.0.2.1>\r\nContent-Length: 0\r\n\r\n",
	         method, branch, to_tag, method);
	return out;
}
#define INVITE request("INVITE", "z9hG4bKone", "")
#define CANCEL request("CANCEL", "z9hG4bKone", "")

/* Asked, and ours: what the region gets. */
static const char *send_one(void)
{
	rig_receive(CARRIER, INVITE);
	verdict(PROXY_CLAIM_OURS, NULL);
	rig_expect(CARRIER, "SIP/2.0 100");
	return rig_expect(EAST, "INVITE ");
}

static void at_backup(const char *source, const char *text)
{
	size_t len = strlen(text);
	char *data = malloc(len + 1);
	struct sip_path from = {.socket = 1};
	addr_parse_port(&from.peer, source);
	memcpy(data, text, len);
	rig_worker->txns.now_us = clock_us();
	ingress_message(rig_worker, &from, data, len);
	free(data);
}

static uint32_t last_flags(void)
{
	const struct record *r, *end = NULL;
	while ((r = rig_record()))
		if (r->kind == RECORD_END)
			end = r;
	return end ? end->end.flags : 0;
}

/* ---- claims ---- */

static void test_ours(void)
{
	begin();
	rig_receive(CARRIER, INVITE);
	CU_ASSERT_EQUAL(others.asked, 1);
	CU_ASSERT_TRUE(others.take);
	rig_expect_none();                           /* not even a 100 */
	rig_receive(CARRIER, INVITE);                /* comes again meanwhile */
	CU_ASSERT_EQUAL(others.asked, 1);
	char key[64];
	snprintf(key, sizeof key, "%s", others.key);
	verdict(PROXY_CLAIM_OURS, NULL);
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *invite = rig_expect(EAST, "INVITE ");
	CU_ASSERT_STRING_EQUAL(others.sent_key, key);
	CU_ASSERT_STRING_EQUAL(others.via, rig_header(invite, "Via", 0));
	CU_ASSERT_STRING_EQUAL(others.peer, EAST);
	CU_ASSERT_PTR_NOT_NULL(strstr(invite, others.uri));
	rig_receive(CARRIER, INVITE);
	CU_ASSERT_EQUAL(others.asked, 1);            /* it is known here */
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_receive(EAST, rig_response(invite, 503, "x", ""));
	rig_skip();
	rig_end();
}

static void test_unclaimed(void)
{
	begin();
	rig_receive(CARRIER, INVITE);
	verdict(PROXY_CLAIM_LATE, NULL);
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_receive(EAST, rig_response(rig_expect(EAST, "INVITE "), 486, "x", ""));
	rig_skip();
	CU_ASSERT_EQUAL(last_flags(), RECORD_UC);
	CU_ASSERT_EQUAL(rig_stat(STAT_UNCLAIMED), 1);
	others.refuses = true;                       /* no server is ready at all */
	rig_receive(CARRIER, request("INVITE", "z9hG4bKtwo", ""));
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_receive(EAST, rig_response(rig_expect(EAST, "INVITE "), 486, "x", ""));
	rig_skip();
	CU_ASSERT_EQUAL(last_flags(), RECORD_UC);
	rig_end();
}

static void test_theirs(void)
{
	begin();
	rig_receive(CARRIER, INVITE);
	size_t len;
	struct addr source, listener;
	char text[ADDR_STR_LEN];
	const char *message = proxy_claim_message(others.claim, &source, &listener, &len);
	CU_ASSERT_EQUAL(len, strlen(INVITE));
	CU_ASSERT_EQUAL(memcmp(message, INVITE, len), 0);
	CU_ASSERT_STRING_EQUAL(addr_str(&source, text), CARRIER);
	CU_ASSERT_STRING_EQUAL(addr_str(&listener, text), ANYCAST);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_expect_none();
	CU_ASSERT_EQUAL(txn_layer_count(&rig_worker->txns), 0);
	rig_receive(CARRIER, CANCEL);
	CU_ASSERT_FALSE(others.take);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_receive(CARRIER, request("ACK", "z9hG4bKone", ";tag=of-a-486"));
	CU_ASSERT_EQUAL(others.asked, 3);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_expect_none();
	rig_receive(CARRIER, CANCEL);
	verdict(PROXY_CLAIM_NOBODYS, NULL);
	rig_expect(CARRIER, "SIP/2.0 481");
	rig_end();
}

/* A CANCEL and its INVITE have one key; another INVITE has another. */
static void test_keys(void)
{
	char key[64];
	begin();
	rig_receive(CARRIER, INVITE);
	snprintf(key, sizeof key, "%s", others.key);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_receive(CARRIER, CANCEL);
	CU_ASSERT_STRING_EQUAL(others.key, key);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_receive(CARRIER, request("INVITE", "z9hG4bKtwo", ""));
	CU_ASSERT_STRING_NOT_EQUAL(others.key, key);
	verdict(PROXY_CLAIM_HANDED, NULL);
	rig_end();
}

/* What another node has handed over is not asked about again, and its CANCEL's call is marked. */
static void test_handed(void)
{
	begin();
	const char *invite = send_one();
	rig_receive(EAST, rig_response(invite, 180, "x", ""));
	rig_expect(CARRIER, "SIP/2.0 180");
	char *data = strdup(CANCEL);
	struct sip_path from = {.socket = 0, .handed = true};
	addr_parse_port(&from.peer, CARRIER);
	ingress_message(rig_worker, &from, data, strlen(data));
	free(data);
	rig_expect(CARRIER, "SIP/2.0 200");
	rig_expect(EAST, "CANCEL ");
	rig_receive(EAST, rig_response(invite, 487, "x", ""));
	rig_skip();
	CU_ASSERT_EQUAL(last_flags(), RECORD_WN);
	CU_ASSERT_EQUAL(others.asked, 1);
	rig_end();
}

/* ---- adoption ---- */

static void test_adopted_cancel(void)
{
	begin();
	const char *invite = send_one();
	struct proxy_sent how = dies();
	rig_receive(CARRIER, CANCEL);
	verdict(PROXY_CLAIM_ADOPT, &how);
	rig_expect(CARRIER, "SIP/2.0 200");
	const char *cancel = rig_expect(EAST, "CANCEL ");
	CU_ASSERT_STRING_EQUAL(rig_header(cancel, "Via", 0), rig_header(invite, "Via", 0));
	CU_ASSERT_STRING_EQUAL(rig_header(cancel, "CSeq", 0), "1 CANCEL");
	CU_ASSERT_EQUAL(strncmp(cancel + 7, invite + 7, strcspn(invite + 7, " ")), 0);  /* the same Request-URI */
	const char *final = rig_expect(CARRIER, "SIP/2.0 487");
	CU_ASSERT_STRING_EQUAL(rig_header(final, "CSeq", 0), "1 INVITE");
	CU_ASSERT_EQUAL(last_flags(), RECORD_AD);
	rig_receive(CARRIER, CANCEL);                /* answered alike, nothing more */
	rig_expect(CARRIER, "SIP/2.0 200");
	at_backup(EAST, rig_response(invite, 487, "x", ""));
	rig_expect(EAST, "ACK ");                    /* and the carrier has its 487 already */
	rig_receive(CARRIER, request("ACK", "z9hG4bKone", ";tag=x"));
	at_backup(EAST, rig_response(cancel, 200, "x", ""));
	rig_run(40000);
	rig_end();
}

static void test_adopted_responses(void)
{
	begin();
	const char *invite = send_one();
	dies();
	at_backup(EAST, rig_response(invite, 180, "x", ""));
	const char *ringing = rig_expect(CARRIER, "SIP/2.0 180");
	CU_ASSERT_STRING_EQUAL(rig_header(ringing, "Via", 1), "");
	CU_ASSERT_EQUAL(others.strays, 1);           /* should that node live, it has it too */
	const char *rr = rig_header(invite, "Record-Route", 0);
	char extra[400];
	snprintf(extra, sizeof extra, "Record-Route: %s\r\nContact: <sip:agent@198.51.100.21:5060>\r\n", rr);
	const char *ok = rig_response(invite, 200, "x", extra);
	at_backup(EAST, ok);
	rig_expect(CARRIER, "SIP/2.0 200");
	at_backup(EAST, ok);                         /* until the ACK is there; counted once */
	rig_expect(CARRIER, "SIP/2.0 200");
	CU_ASSERT_EQUAL(rig_stat(STAT_ADOPTED), 1);
	CU_ASSERT_EQUAL(rig_worker->table->trunks[0].live->calls, 1);
	CU_ASSERT_EQUAL(rig_worker->table->regions[0].live->calls, 1);
	rig_end();
}

static void test_adopted_failure(void)
{
	begin();
	const char *invite = send_one();
	dies();
	at_backup(EAST, rig_response(invite, 486, "x", ""));
	const char *acked = rig_expect(EAST, "ACK ");
	CU_ASSERT_STRING_EQUAL(rig_header(acked, "CSeq", 0), "1 ACK");
	rig_expect(CARRIER, "SIP/2.0 486");
	rig_run(600);
	rig_expect(CARRIER, "SIP/2.0 486");          /* repeated: nobody else does */
	rig_receive(CARRIER, request("ACK", "z9hG4bKone", ";tag=x"));
	rig_run(40000);
	CU_ASSERT_EQUAL(last_flags(), RECORD_AD);
	rig_end();
}

/* This node itself, started again at once: what its life before has sent is answered to it. Later such responses are
 * strays. */
static void test_life_before(void)
{
	begin();
	const char *invite = send_one();
	dies();
	rig_worker->common->config.listen[1].backup = false;
	rig_worker->common->started_us = clock_us();
	at_backup(EAST, rig_response(invite, 180, "x", ""));
	rig_expect(CARRIER, "SIP/2.0 180");
	CU_ASSERT_EQUAL(others.strays, 0);
	rig_run(241000);
	at_backup(EAST, rig_response(invite, 180, "x", ""));
	rig_expect_none();
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_STRAY), 1);
	rig_end();
}

/* Nothing is relayed that no node has signed; no request is served at another node's address. */
static void test_forged(void)
{
	begin();
	const char *invite = send_one();
	char forged[4096];
	snprintf(forged, sizeof forged, "%s", rig_response(invite, 180, "x", ""));
	dies();
	char *branch = strstr(forged, "branch=z9hG4bK");
	branch[20] = branch[20] == 'A' ? 'B' : 'A';
	at_backup(EAST, forged);
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_TOKEN), 1);
	at_backup(CARRIER, INVITE);
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_SOURCE), 1);
	CU_ASSERT_EQUAL(others.asked, 0);
	rig_end();
}

/* The INVITE comes again: it is sent as the dead node sent it, and its answer is a call as any other. */
static void test_adopted_invite(void)
{
	begin();
	const char *invite = send_one();
	struct proxy_sent how = dies();
	rig_receive(CARRIER, INVITE);
	verdict(PROXY_CLAIM_ADOPT, &how);
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *again = rig_expect(EAST, "INVITE ");
	CU_ASSERT_STRING_EQUAL(rig_header(again, "Via", 0), rig_header(invite, "Via", 0));
	CU_ASSERT_EQUAL(strncmp(again, invite, strcspn(invite, "\r")), 0);
	at_backup(EAST, rig_response(again, 486, "x", ""));
	rig_expect(EAST, "ACK ");
	rig_expect(CARRIER, "SIP/2.0 486");
	CU_ASSERT_EQUAL(last_flags(), RECORD_AD);
	rig_end();
}

/* That node's address is not here: a new attempt. */
static void test_adopted_without_backup(void)
{
	begin();
	const char *invite = send_one();
	struct proxy_sent how = dies();
	struct proxy_sent elsewhere = {"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKx", how.peer, how.uri};
	rig_receive(CARRIER, INVITE);
	verdict(PROXY_CLAIM_ADOPT, &elsewhere);
	rig_expect(CARRIER, "SIP/2.0 100");
	const char *again = rig_expect(EAST, "INVITE ");
	CU_ASSERT_STRING_EQUAL(rig_header(again, "Via", 0), rig_header(invite, "Via", 0));  /* the egress is the same here */
	at_backup(EAST, rig_response(again, 486, "x", ""));
	rig_skip();
	rig_end();
}

/* What went by a connection ended with it, and cannot go again by UDP: a new attempt. */
static void test_adopted_by_tcp(void)
{
	begin();
	struct target_place tcp = {.transport = SIP_TCP, .weight = 1};
	addr_parse_port(&tcp.address, EAST);
	target_set_place(rig_worker->table->regions[0].targets[0], &tcp);
	target_set_health(rig_worker->table->regions[0].targets[0], true, "");
	const char *invite = send_one();
	CU_ASSERT_EQUAL(strncmp(rig_header(invite, "Via", 0), "SIP/2.0/TCP ", 12), 0);
	struct proxy_sent how = dies();
	rig_receive(CARRIER, INVITE);
	verdict(PROXY_CLAIM_ADOPT, &how);
	rig_expect(CARRIER, "SIP/2.0 100");
	rig_expect(EAST, "INVITE ");
	CU_ASSERT_EQUAL(rig_sent_by()->transport, SIP_TCP);
	rig_skip();
	rig_end();
}

UNIT_MAIN("claim", {"ours", test_ours}, {"unclaimed", test_unclaimed}, {"another node's", test_theirs}, {"keys", test_keys},
          {"handed over", test_handed}, {"a dead node's CANCEL", test_adopted_cancel},
          {"a dead node's responses", test_adopted_responses}, {"a dead node's failure", test_adopted_failure},
          {"the life before", test_life_before}, {"forged", test_forged}, {"a dead node's INVITE", test_adopted_invite},
          {"without its address", test_adopted_without_backup}, {"by a connection", test_adopted_by_tcp})
