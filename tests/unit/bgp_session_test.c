/* Sessions against a scripted peer on a socketpair, with the clock set by the test. */
#include "anycast/bgp_session.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/bgp_peer.h"

#define OUR_ID 0x0a000002
#define LOW_ID 0x0a000001
#define HIGH_ID 0x0a000003
#define PEER_AS 65000

static struct anycast_peer_config config;
static struct bgp_session *session;
static struct { unsigned up, down, updates, withdrawn, refreshes, drained; } seen;

static void on_up(void *arg) { seen.up++; }
static void on_down(void *arg) { seen.down++; }
static void on_drained(void *arg) { seen.drained++; }
static void on_changed(void *arg) {}
static void on_refresh(void *arg, uint8_t family, enum bgp_refresh subtype) { seen.refreshes += family; }

static void on_update(void *arg, const struct bgp_update *u)
{
	seen.updates++;
	seen.withdrawn += u->treat_as_withdraw;
}

static const struct bgp_session_ops ops = {.up = on_up, .down = on_down, .update = on_update, .refresh = on_refresh,
                                           .drained = on_drained, .changed = on_changed};

static void begin(bool passive)
{
	struct bgp_session_env env = {
		.router_id = OUR_ID, .families = BGP_IPV4 | BGP_IPV6, .connect = peer_dial, .ops = &ops};

	peer_world();
	memset(&seen, 0, sizeof seen);
	config = (struct anycast_peer_config){.name = "test", .as = PEER_AS, .local_as = 65010, .hold_ms = 60000,
	                                      .connect_retry_ms = 8000, .ttl = 1, .passive = passive};
	addr_parse(&config.address, "192.0.2.1", 0);
	env.sched = sched;
	env.base = base;
	session = bgp_session_new(&config, &env);
	CU_ASSERT_PTR_NOT_NULL_FATAL(session);
	bgp_session_start(session);
	peer_turn();
}

static void end(void)
{
	bgp_session_free(session);
	peer_world_end();
}

static struct anycast_peer_status status(void)
{
	struct anycast_peer_status s;

	bgp_session_status(session, &s);
	return s;
}

static void expect_state(const char *state)
{
	CU_ASSERT_STRING_EQUAL(status().state, state);
}

static void expect_heard(int fd, const char *types)
{
	CU_ASSERT_STRING_EQUAL(peer_hear(fd)->types, types);
}

static void expect_notified(int fd, uint8_t code, uint8_t subcode)
{
	struct heard *h = peer_hear(fd);

	CU_ASSERT_EQUAL(h->notification.code, code);
	CU_ASSERT_EQUAL(h->notification.subcode, subcode);
	CU_ASSERT(h->n > 0 && h->types[h->n - 1] == '.');  /* and the connection is closed */
}

/* The first connection of ours, up; what was said on it is heard. */
static int establish(uint16_t hold_s)
{
	peer_open(dialled[0], PEER_AS, LOW_ID, hold_s);
	peer_keepalive(dialled[0]);
	peer_turn();
	expect_state("Established");
	peer_hear(dialled[0]);
	return dialled[0];
}

static void test_way_up(void)
{
	begin(false);
	CU_ASSERT_EQUAL(n_dialled, 1);
	expect_state("OpenSent");
	expect_heard(dialled[0], "O");
	peer_open(dialled[0], PEER_AS, LOW_ID, 30);
	peer_turn();
	expect_state("OpenConfirm");
	expect_heard(dialled[0], "K");
	CU_ASSERT_EQUAL(seen.up, 0);
	peer_keepalive(dialled[0]);
	peer_turn();
	expect_state("Established");
	CU_ASSERT_EQUAL(seen.up, 1);
	CU_ASSERT_EQUAL(status().hold_ms, 30000);       /* the lower one */
	CU_ASSERT_EQUAL(status().keepalive_ms, 10000);
	CU_ASSERT_EQUAL(status().established_count, 1);
	CU_ASSERT_EQUAL(bgp_session_terms(session)->families, BGP_IPV4 | BGP_IPV6);
	CU_ASSERT_TRUE(bgp_session_terms(session)->as4);
	CU_ASSERT_STRING_EQUAL(status().last_error, "");
	end();
}

static size_t update_bytes(uint8_t *buf, size_t size)
{
	struct prefix p;
	struct bgp_attrs a = {.local_as = PEER_AS, .as4 = true};
	struct writer w = writer_of(buf, size);

	prefix_parse(&p, "10.0.0.0/8");
	addr_parse(&a.next_hop, "192.0.2.1", 0);
	bgp_update_write_announce(&w, &a, &p, 1);
	return writer_len(&w);
}

/* OPEN, KEEPALIVE, UPDATE, ROUTE-REFRESH, KEEPALIVE cut at every byte, and byte by byte. */
static void test_every_split(void)
{
	uint8_t bytes[512];
	size_t len = peer_open_bytes(bytes, sizeof bytes, PEER_AS, LOW_ID, 60);
	struct writer w = writer_of(bytes, sizeof bytes);

	w.p += len;
	bgp_msg_write_keepalive(&w);
	w.p += update_bytes(w.p, (size_t)(w.end - w.p));
	bgp_msg_write_refresh(&w, BGP_IPV6, BGP_REFRESH_REQUEST);
	bgp_msg_write_keepalive(&w);
	len = writer_len(&w);
	for (size_t cut = 0; cut <= len; cut++) {
		begin(false);
		if (cut == 0) {
			for (size_t i = 0; i < len; i++) {
				peer_send(dialled[0], bytes + i, 1);
				peer_turn();
			}
		} else {
			peer_send(dialled[0], bytes, cut);
			peer_turn();
			peer_send(dialled[0], bytes + cut, len - cut);
			peer_turn();
		}
		expect_state("Established");
		CU_ASSERT_EQUAL(seen.updates, 1);
		CU_ASSERT_EQUAL(seen.refreshes, BGP_IPV6);
		CU_ASSERT_EQUAL(status().messages_in, 5);
		end();
	}
}

static void test_keepalives(void)
{
	unsigned sent = 0;
	int fd;

	begin(false);
	fd = establish(9);
	for (int i = 0; i < 100; i++) {                 /* 100 s, the peer alive */
		peer_keepalive(fd);
		peer_pass(CLOCK_SEC);
		sent += peer_hear(fd)->n;
	}
	expect_state("Established");
	CU_ASSERT(sent >= 33 && sent <= 45);            /* every 2.25 to 3 s */
	end();
}

static void test_hold_expires(void)
{
	int fd;

	begin(false);
	fd = establish(9);
	peer_pass(8900 * CLOCK_MS);
	expect_state("Established");
	peer_pass(200 * CLOCK_MS);
	CU_ASSERT_EQUAL(seen.down, 1);
	expect_notified(fd, BGP_ERR_HOLD, 0);
	CU_ASSERT_STRING_EQUAL(status().last_error, "hold time over: it has said nothing for 9 s");
	peer_pass(CLOCK_SEC);
	CU_ASSERT_EQUAL(n_dialled, 2);                  /* and tries again */
	end();
}

/* We were stopped for longer than the hold time, the peer was not: what it sent lies there unread. */
static void test_stall_of_ours(void)
{
	int fd;

	begin(false);
	fd = establish(9);
	peer_keepalive(fd);
	clock_test_advance(20 * CLOCK_SEC);
	sched_run(sched);                               /* timers before sockets: the worst order */
	peer_turn();
	expect_state("Established");
	end();
}

static void test_no_hold_time(void)
{
	int fd;

	begin(false);
	fd = establish(0);
	CU_ASSERT_EQUAL(status().keepalive_ms, 0);
	peer_pass(600 * CLOCK_SEC);
	expect_state("Established");
	expect_heard(fd, "");
	end();
}

static void test_open_refused(void)
{
	begin(false);
	peer_open(dialled[0], 64999, LOW_ID, 60);
	peer_turn();
	expect_notified(dialled[0], BGP_ERR_OPEN, BGP_OPEN_PEER_AS);
	CU_ASSERT_STRING_EQUAL(status().last_error,
			       "it says it is AS 64999, the configuration says AS 65000: correct `as` of "
			       "this peer");
	end();
	begin(false);
	peer_open(dialled[0], PEER_AS, LOW_ID, 2);
	peer_turn();
	expect_notified(dialled[0], BGP_ERR_OPEN, BGP_OPEN_HOLD_TIME);
	end();
	begin(false);
	peer_open(dialled[0], PEER_AS, OUR_ID, 60);     /* another AS may have the same (RFC 6286) */
	peer_turn();
	expect_state("OpenConfirm");
	end();
}

static void test_never_opens(void)
{
	begin(false);
	peer_pass(239 * CLOCK_SEC);
	expect_state("OpenSent");
	peer_pass(2 * CLOCK_SEC);
	expect_notified(dialled[0], BGP_ERR_HOLD, 0);
	end();
}

static void test_out_of_order(void)
{
	uint8_t buf[128];
	int fd;

	begin(false);
	peer_keepalive(dialled[0]);
	peer_turn();
	expect_notified(dialled[0], BGP_ERR_FSM, 1);
	end();
	begin(false);
	peer_open(dialled[0], PEER_AS, LOW_ID, 60);
	peer_send(dialled[0], buf, update_bytes(buf, sizeof buf));
	peer_turn();
	expect_notified(dialled[0], BGP_ERR_FSM, 2);
	end();
	begin(false);
	fd = establish(60);
	peer_open(fd, PEER_AS, LOW_ID, 60);
	peer_turn();
	expect_notified(fd, BGP_ERR_FSM, 3);
	end();
}

static void test_other_protocol(void)
{
	begin(false);
	peer_send(dialled[0], "SIP/2.0 400 Bad Request\r\n\r\n", 27);
	peer_turn();
	expect_notified(dialled[0], BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCED);
	end();
}

static void test_malformed_updates(void)
{
	static const uint8_t med[] = {0, 0, 0, 4, 0x80, 4, 1, 0, 8, 10};  /* MED of one byte, 10.0.0.0/8 */
	static const uint8_t worse[] = {0, 9, 0, 0};
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof buf);
	size_t at = bgp_msg_begin(&w, BGP_MSG_UPDATE);
	int fd;

	begin(false);
	fd = establish(60);
	write_bytes(&w, med, sizeof med);
	bgp_msg_end(&w, at);
	peer_send(fd, buf, writer_len(&w));
	peer_turn();
	expect_state("Established");                    /* RFC 7606 */
	CU_ASSERT_EQUAL(seen.withdrawn, 1);
	w = writer_of(buf, sizeof buf);
	at = bgp_msg_begin(&w, BGP_MSG_UPDATE);
	write_bytes(&w, worse, sizeof worse);
	bgp_msg_end(&w, at);
	peer_send(fd, buf, writer_len(&w));
	peer_turn();
	expect_notified(fd, BGP_ERR_UPDATE, BGP_UPDATE_ATTR_LIST);
	end();
}

static void test_peer_ceases(void)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof buf);
	struct bgp_error error;
	int fd;

	begin(false);
	fd = establish(60);
	bgp_msg_cease(&error, BGP_CEASE_ADMIN_SHUTDOWN, "upgrade at 3");
	bgp_msg_write_notification(&w, &error);
	peer_send(fd, buf, writer_len(&w));
	close(fd);
	dialled[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	peer_turn();
	CU_ASSERT_EQUAL(seen.down, 1);
	CU_ASSERT_STRING_EQUAL(status().last_error, "it says Cease/Administrative Shutdown: \"upgrade at 3\"");
	end();
}

/* The peer closes every connection at once: the first retry is fast, then they double up to the limit. */
static void test_retries(void)
{
	int64_t dialled_at[16] = {clock_us()}, t;
	unsigned n = 0;

	begin(false);
	t = clock_us();
	while (n < 12) {
		if (n_dialled > n) {
			dialled_at[n] = clock_us() - t;
			t = clock_us();
			shutdown(dialled[n], SHUT_RDWR);
			n++;
		}
		peer_pass(10 * CLOCK_MS);
	}
	for (unsigned i = 1; i < 12; i++) {
		int64_t whole = 250 * CLOCK_MS << (i - 1);

		whole = whole < 8 * CLOCK_SEC ? whole : 8 * CLOCK_SEC;
		CU_ASSERT(dialled_at[i] >= whole * 3 / 4 && dialled_at[i] <= whole + 30 * CLOCK_MS);
	}
	/* a session that holds makes them fast again */
	while (n_dialled == n)
		peer_pass(10 * CLOCK_MS);
	peer_open(dialled[n_dialled - 1], PEER_AS, LOW_ID, 60);
	peer_keepalive(dialled[n_dialled - 1]);
	peer_pass(11 * CLOCK_SEC);
	expect_state("Established");
	n = n_dialled;
	shutdown(dialled[n - 1], SHUT_RDWR);
	peer_pass(300 * CLOCK_MS);
	CU_ASSERT_EQUAL(n_dialled, n + 1);
	end();
}

static void test_no_answer(void)
{
	begin(false);
	deaf = true;
	shutdown(dialled[0], SHUT_RDWR);
	peer_pass(CLOCK_SEC);
	expect_state("Connect");
	CU_ASSERT_EQUAL(n_dialled, 2);
	peer_pass(4400 * CLOCK_MS);
	CU_ASSERT_EQUAL(n_dialled, 3);                  /* given up after 5 s, and tried again */
	CU_ASSERT_PTR_NOT_NULL(strstr(status().last_error, "no answer"));
	CU_ASSERT_PTR_NOT_NULL(strstr(status().last_error, "does it want an MD5 password?"));
	end();
}

static void test_stop(void)
{
	struct heard *h;
	int fd;

	begin(false);
	fd = establish(60);
	bgp_session_stop(session, "draining for maintenance");
	peer_turn();
	h = peer_hear(fd);
	CU_ASSERT_STRING_EQUAL(h->types, "N.");
	CU_ASSERT_STRING_EQUAL(h->notification.text, "Cease/Administrative Shutdown: \"draining for maintenance\"");
	CU_ASSERT_EQUAL(seen.down, 1);
	peer_pass(60 * CLOCK_SEC);
	CU_ASSERT_EQUAL(n_dialled, 1);
	expect_state("Idle");
	end();
}

/* ---- connections that the peer opens ---- */

static int call(void)
{
	int far, fd = peer_pair(&far);

	bgp_session_accept(session, fd);
	peer_turn();
	return far;
}

static void test_passive(void)
{
	int fd;

	begin(true);
	expect_state("Active");
	peer_pass(30 * CLOCK_SEC);
	CU_ASSERT_EQUAL(n_dialled, 0);
	fd = call();
	expect_state("OpenSent");
	peer_open(fd, PEER_AS, LOW_ID, 60);
	peer_keepalive(fd);
	peer_turn();
	expect_state("Established");
	close(fd);
	peer_pass(CLOCK_SEC);
	CU_ASSERT_EQUAL(seen.down, 1);
	expect_state("Active");
	fd = call();                                    /* as often as it likes */
	peer_open(fd, PEER_AS, LOW_ID, 60);
	peer_keepalive(fd);
	peer_turn();
	expect_state("Established");
	CU_ASSERT_EQUAL(n_dialled, 0);
	close(fd);
	end();
}

/* Both open; OPENs cross. The connection of the higher identifier stays, whoever is read first. */
static void collide(uint32_t id, bool ours_first)
{
	bool ours_stays = id < OUR_ID;
	int theirs, stays, goes;

	begin(false);
	theirs = call();
	peer_open(ours_first ? dialled[0] : theirs, PEER_AS, id, 60);
	peer_turn();
	peer_open(ours_first ? theirs : dialled[0], PEER_AS, id, 60);
	peer_turn();
	stays = ours_stays ? dialled[0] : theirs;
	goes = ours_stays ? theirs : dialled[0];
	expect_notified(goes, BGP_ERR_CEASE, BGP_CEASE_COLLISION);
	expect_heard(stays, "OK");
	peer_keepalive(stays);
	peer_pass(20 * CLOCK_SEC);
	expect_state("Established");
	CU_ASSERT_EQUAL(seen.up, 1);
	CU_ASSERT_EQUAL(seen.down, 0);
	CU_ASSERT_EQUAL(n_dialled, 1);                  /* ours is not tried while theirs is up */
	if (!ours_stays) {                              /* but is when theirs has gone */
		shutdown(theirs, SHUT_RDWR);
		peer_pass(CLOCK_SEC);
		CU_ASSERT_EQUAL(n_dialled, 2);
	}
	close(theirs);
	end();
}

static void test_collision(void)
{
	collide(LOW_ID, true);
	collide(LOW_ID, false);
	collide(HIGH_ID, true);
	collide(HIGH_ID, false);
}

static void test_called_while_established(void)
{
	int fd, far;

	begin(false);
	fd = establish(60);
	far = call();
	expect_heard(far, ".");                         /* the session that works stays */
	expect_heard(fd, "K");                          /* and is put to the test */
	expect_state("Established");
	close(far);
	end();
}

static void test_called_twice(void)
{
	int first, second;

	begin(true);
	first = call();
	second = call();                                /* the peer has forgotten the first */
	expect_notified(first, BGP_ERR_CEASE, BGP_CEASE_COLLISION);
	peer_open(second, PEER_AS, LOW_ID, 60);
	peer_keepalive(second);
	peer_turn();
	expect_state("Established");
	close(first);
	close(second);
	end();
}

static void test_bfd_down(void)
{
	int fd, far;

	begin(false);
	fd = establish(60);
	bgp_session_bfd_down(session, "nothing heard for 150 ms");
	expect_notified(fd, BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN);
	expect_state("Idle");
	CU_ASSERT_EQUAL(seen.down, 1);
	CU_ASSERT_STRING_EQUAL(status().last_error, "BFD down: nothing heard for 150 ms");
	peer_pass(60 * CLOCK_SEC);                      /* neither calls nor answers */
	CU_ASSERT_EQUAL(n_dialled, 1);
	far = call();
	expect_heard(far, ".");
	bgp_session_start(session);
	peer_turn();
	CU_ASSERT_EQUAL(n_dialled, 2);
	peer_open(dialled[1], PEER_AS, LOW_ID, 60);
	peer_keepalive(dialled[1]);
	peer_turn();
	expect_state("Established");
	close(far);
	end();
}

static void test_stopped_is_deaf(void)
{
	int far;

	begin(true);
	bgp_session_stop(session, "bye");
	far = call();
	expect_heard(far, ".");
	expect_state("Idle");
	close(far);
	end();
}

/* ---- a peer that does not read ---- */

static void test_peer_does_not_read(void)
{
	uint8_t update[128];
	size_t len = update_bytes(update, sizeof update);
	int fd;

	begin(false);
	fd = establish(0);
	for (int i = 0; i < 20000; i++)
		bgp_session_send(session, update, len, 1);
	CU_ASSERT(bgp_session_unsent(session) > 0);
	CU_ASSERT(bgp_session_unsent(session) <= 65536);  /* bounded, whatever is asked */
	peer_pass(479 * CLOCK_SEC);
	expect_state("Established");
	peer_pass(3 * CLOCK_SEC);
	CU_ASSERT_EQUAL(seen.down, 1);                    /* RFC 9687 */
	CU_ASSERT_PTR_NOT_NULL(strstr(status().last_error, "has not read"));
	CU_ASSERT_EQUAL(seen.drained, 0);
	(void)fd;
	end();
}

/* It takes some of it each few minutes: each message that goes is a sign of life; a few bytes are none. */
static void test_peer_reads_slowly(void)
{
	static char scrap[65536];
	uint8_t update[128];
	size_t len = update_bytes(update, sizeof update);
	int fd;

	begin(true);
	bgp_session_stop(session, "");
	room = 8192;
	config.passive = false;
	bgp_session_start(session);
	peer_turn();
	fd = establish(0);
	for (int i = 0; i < 2000; i++)
		bgp_session_send(session, update, len, 1);
	for (int i = 0; i < 4; i++) {
		size_t before = bgp_session_unsent(session);

		peer_pass(400 * CLOCK_SEC);
		expect_state("Established");
		for (int k = 0; k < 100 && bgp_session_unsent(session) == before; k++) {
			recv(fd, scrap, 1024, MSG_DONTWAIT);
			peer_turn();
		}
		CU_ASSERT(bgp_session_unsent(session) < before);
		CU_ASSERT(bgp_session_unsent(session) > 0);
	}
	peer_pass(470 * CLOCK_SEC);
	expect_state("Established");
	peer_pass(12 * CLOCK_SEC);
	CU_ASSERT_EQUAL(seen.down, 1);
	end();
}

static void test_peer_reads_in_the_end(void)
{
	uint8_t update[128];
	size_t len = update_bytes(update, sizeof update);
	int fd;

	begin(false);
	fd = establish(0);
	for (int i = 0; i < 20000; i++)
		bgp_session_send(session, update, len, 1);
	for (int i = 0; i < 100; i++) {                   /* this one reads in the end */
		static char scrap[65536];

		while (recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0)
			;
		peer_turn();
	}
	CU_ASSERT_EQUAL(bgp_session_unsent(session), 0);
	CU_ASSERT(seen.drained > 0);
	peer_pass(600 * CLOCK_SEC);
	expect_state("Established");
	end();
}

/* ---- bytes at random: no crash, no memory out of bounds, and another session afterwards ---- */

static void test_fuzz(void)
{
	uint8_t bytes[600];
	size_t len;

	srandom(4271);
	for (int round = 0; round < 300; round++) {
		int fd;

		begin(false);
		fd = round & 1 ? establish(60) : dialled[0];
		for (int i = 0; i < 20 && n_dialled == 1; i++) {
			if (random() % 4 == 0) {
				len = (size_t)random() % sizeof bytes;
				for (size_t k = 0; k < len; k++)
					bytes[k] = (uint8_t)random();
				memset(bytes, 0xff, len < 16 ? len : 16);
			} else {
				len = random() & 1 ? update_bytes(bytes, sizeof bytes)
						   : peer_open_bytes(bytes, sizeof bytes, PEER_AS, LOW_ID, 60);
				for (long k = random() % 3; k > 0; k--)
					bytes[16 + (size_t)random() % (len - 16)] = (uint8_t)random();
			}
			if (send(fd, bytes, len, MSG_NOSIGNAL) < 0)
				break;
			peer_pass(10 * CLOCK_MS);
			if (strcmp(status().state, "Idle") == 0)
				break;
		}
		shutdown(fd, SHUT_RDWR);
		peer_pass(CLOCK_SEC);
		CU_ASSERT_EQUAL(n_dialled, 2);
		peer_open(dialled[1], PEER_AS, LOW_ID, 60);
		peer_keepalive(dialled[1]);
		peer_turn();
		expect_state("Established");
		end();
	}
}

UNIT_MAIN("bgp_session", {"the way up", test_way_up}, {"every split", test_every_split},
	  {"keepalives", test_keepalives}, {"hold time over", test_hold_expires},
	  {"a stall of ours is not the peer's", test_stall_of_ours}, {"no hold time", test_no_hold_time},
	  {"OPEN refused", test_open_refused}, {"never opens", test_never_opens},
	  {"messages out of order", test_out_of_order}, {"another protocol", test_other_protocol},
	  {"malformed UPDATEs", test_malformed_updates}, {"the peer ceases", test_peer_ceases},
	  {"retries", test_retries}, {"no answer", test_no_answer}, {"stop", test_stop}, {"passive", test_passive},
	  {"collision", test_collision}, {"called while Established", test_called_while_established},
	  {"called twice", test_called_twice}, {"stopped is deaf", test_stopped_is_deaf},
	  {"BFD down", test_bfd_down},
	  {"a peer that does not read", test_peer_does_not_read}, {"a peer that reads slowly", test_peer_reads_slowly},
	  {"a peer that reads in the end", test_peer_reads_in_the_end}, {"random and mutated bytes", test_fuzz})
