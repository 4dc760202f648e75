/* proxy/prober: that a target is found dead, and back, exactly when the configuration says (fall intervals, whatever its
 * answers took), what counts as an answer, and that a probe's answer can find its way to no other node: every 1000 ms,
 * timeout 500 ms, rise 2, fall 3. */
#include "proxy/prober.h"

#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct prober *prober;

static bool healthy(unsigned region) { return atomic_load(&rig_worker->table->regions[region].live->healthy); }

/* The other region's probes are answered at once. */
static const char *probe_of_east(void)
{
	const char *east = rig_expect(EAST, "OPTIONS sip:198.51.100.21 SIP/2.0\r\n");
	rig_run(5);
	rig_receive(WEST, rig_response(rig_expect(WEST, "OPTIONS "), 200, "west", ""));
	return east;
}

/* 5 ms into the second in which the first probe was sent. */
static const char *begin(void)
{
	rig_begin(NULL);
	prober = prober_new(rig_worker);
	prober_start(prober);
	rig_run(0);
	return probe_of_east();
}

static void end(void)
{
	prober_free(prober);
	rig_skip();
	rig_end();
}

static void answer(const char *probe, int status) { rig_receive(EAST, rig_response(probe, status, "east", "")); }

/* The next one, a second after the last, of which 5 ms have gone. */
static const char *next(void)
{
	rig_run(994);
	rig_expect_none();
	rig_run(1);
	return probe_of_east();
}

/* Down at the third time-out in a row: as late as 3 intervals and a timeout after the last answer, and no later. */
static void test_found_dead(void)
{
	const char *m = begin();
	for (unsigned i = 0; i < 3; i++) {
		answer(m, 200);
		CU_ASSERT(healthy(0));
		m = next();
	}
	for (unsigned i = 0; i < 2; i++) {
		rig_run(495);
		rig_skip();                    /* its retransmission */
		CU_ASSERT(healthy(0));
		rig_run(499);
		rig_expect_none();
		rig_run(1);
		m = probe_of_east();
		CU_ASSERT(healthy(0));
	}
	rig_run(494);
	CU_ASSERT(healthy(0));
	rig_run(1);
	CU_ASSERT_FALSE(healthy(0));
	CU_ASSERT(healthy(1));
	end();
}

/* Up at the second answer in a row; one lost in between begins anew. */
static void test_found_alive(void)
{
	begin();
	rig_run(495);
	rig_skip();
	CU_ASSERT_FALSE(healthy(0));           /* the first ever tells at once */
	rig_run(500);
	static const bool answers[] = {true, false, true, true};
	for (unsigned i = 0; i < 4; i++) {
		const char *m = probe_of_east();
		CU_ASSERT_FALSE(healthy(0));
		if (answers[i])
			answer(m, 200);
		rig_run(495);
		rig_skip();
		CU_ASSERT_EQUAL(healthy(0), i == 3);
		rig_run(500);
	}
	end();
}

/* The pace is the configuration's, however long an answer takes. */
static void test_pace(void)
{
	const char *m = begin();
	static const int slow[] = {0, 100, 490, 1};
	for (unsigned i = 0; i < 4; i++) {
		rig_run(slow[i]);
		answer(m, 200);
		CU_ASSERT_EQUAL(atomic_load(&rig_worker->table->regions[0].targets[0]->rtt_us), (unsigned)(slow[i] + 5) * 1000);
		rig_run(994 - slow[i]);
		rig_expect_none();
		rig_run(1);
		m = probe_of_east();
	}
	end();
}

/* From the node's own address, in all that an answer could go by: an answer to the anycast address may be another node's. */
static void test_source(void)
{
	const char *m = begin();
	answer(m, 200);
	rig_run(995);
	m = rig_expect(EAST, "OPTIONS ");
	CU_ASSERT_EQUAL(rig_sent_by()->socket, rig_worker->common->egress_socket[0]);
	CU_ASSERT_EQUAL(strncmp(rig_header(m, "Via", 0), "SIP/2.0/UDP " EGRESS ";branch=z9hG4bK", 45), 0);
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Contact", 0), "<sip:tandem@" EGRESS ">");
	CU_ASSERT_PTR_NULL(strstr(m, "203.0.113.10"));
	CU_ASSERT_STRING_EQUAL(rig_header(m, "Record-Route", 0), "");
	end();
}

/* Who speaks SIP is alive; who says that he cannot serve is not. */
static void test_answers(void)
{
	static const struct { int status; bool alive; } of[] = {
		{200, true}, {301, true}, {401, true}, {403, true}, {404, true}, {405, true}, {480, true}, {603, true},
		{408, false}, {500, false}, {503, false},
	};
	for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
		const char *m = begin();
		answer(m, 100);                    /* is no answer yet */
		CU_ASSERT(healthy(0));
		answer(m, of[i].status);
		CU_ASSERT_EQUAL(healthy(0), of[i].alive);
		end();
	}
}

/* Its host says at once that nobody is there. */
static void test_unreachable(void)
{
	const char *m = begin();
	answer(m, 200);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT(healthy(0));
		m = next();
		CU_ASSERT_TRUE(txn_client_unreachable(&rig_worker->txns, m, strlen(m)));
	}
	CU_ASSERT_FALSE(healthy(0));
	end();
}

/* Each is a request of its own: a late answer to one is none to the next. */
static void test_late(void)
{
	const char *first = begin(), *m;
	rig_run(495);
	rig_skip();
	CU_ASSERT_FALSE(healthy(0));
	rig_run(500);
	m = probe_of_east();
	CU_ASSERT_STRING_NOT_EQUAL(rig_header(first, "Call-ID", 0), rig_header(m, "Call-ID", 0));
	answer(first, 200);
	answer(first, 200);
	CU_ASSERT_FALSE(healthy(0));
	CU_ASSERT_EQUAL(rig_stat(STAT_DROP_STRAY), 2);
	end();
}

/* A reload keeps what is known of those that stay, and their pace; those that go are probed no more. */
static void test_reload(void)
{
	begin();
	rig_run(495);
	rig_skip();
	CU_ASSERT_FALSE(healthy(0));
	rig_reload();                          /* us-west-2 is the only one now */
	prober_on_table(prober);
	CU_ASSERT(healthy(0));
	rig_run(504);
	rig_expect_none();
	rig_run(1);
	rig_expect(WEST, "OPTIONS ");
	rig_run(495);
	rig_expect_none();
	end();
}

UNIT_MAIN("prober", {"found dead as fast as configured", test_found_dead}, {"found alive again", test_found_alive},
          {"the pace", test_pace}, {"from the node's own address", test_source}, {"what counts as an answer", test_answers},
          {"unreachable", test_unreachable}, {"a late answer", test_late}, {"a reload", test_reload})
