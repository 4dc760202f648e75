/* BFD sessions with the clock set by the test: two of ours against one another over a network that can
 * lose packets, and one against packets that a script makes. */
#include "anycast/bfd_session.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

struct end {
	struct anycast_bfd_config config;
	struct bfd_session *session;
	struct end *other;
	bool mute;                      /* what it sends is lost */
	unsigned sent, finals, polls;
	int64_t last_sent_us, shortest_us, longest_us;
	struct bfd_packet last;
	char states[64];                /* letters of the states it came into */
	bool neighbor_admin;
	char why[128];
	struct bfd_packet waiting[8];   /* arrived, unread */
	unsigned n_waiting;
	bool stalled;                   /* does not read by itself */
};

static struct sched *sched;
static struct end a, b;

static void quiet(void *arg, enum log_level level, const char *line, size_t len) {}

static void read_waiting(struct end *e)
{
	for (unsigned i = 0; i < e->n_waiting; i++)
		bfd_session_receive(e->session, &e->waiting[i]);
	e->n_waiting = 0;
}

static void on_send(void *arg, const void *packet, size_t len)
{
	struct end *e = arg;
	int64_t now = clock_us(), gap = now - e->last_sent_us;
	const char *why;

	CU_ASSERT_EQUAL(bfd_msg_read(packet, len, &e->last, &why), 0);
	if (e->sent++ > 0 && !e->last.final) {
		e->shortest_us = gap < e->shortest_us ? gap : e->shortest_us;
		e->longest_us = gap > e->longest_us ? gap : e->longest_us;
	}
	if (!e->last.final)
		e->last_sent_us = now;
	e->finals += e->last.final;
	e->polls += e->last.poll;
	if (!e->mute && e->other && e->other->n_waiting < 8)
		e->other->waiting[e->other->n_waiting++] = e->last;
}

static void on_poll(void *arg)
{
	read_waiting(arg);
}

static void on_changed(void *arg, enum bfd_state old, enum bfd_state now, bool neighbor_admin, const char *why)
{
	struct end *e = arg;
	size_t n = strlen(e->states);

	if (n + 1 < sizeof e->states)
		e->states[n] = "ADIU"[now];
	e->neighbor_admin = neighbor_admin;
	snprintf(e->why, sizeof e->why, "%s", why);
}

static void forget_gaps(struct end *e)
{
	e->shortest_us = INT64_MAX;
	e->longest_us = 0;
}

static void make(struct end *e, uint32_t discr, uint32_t interval_ms, uint8_t multiplier)
{
	struct bfd_session_env env = {
		.sched = sched, .discr = discr, .send = on_send, .poll = on_poll, .changed = on_changed, .arg = e};

	*e = (struct end){.config = {.enabled = true, .interval_ms = interval_ms, .multiplier = multiplier}};
	forget_gaps(e);
	e->session = bfd_session_new("test", &e->config, &env);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->session);
}

static void begin(uint32_t ms_a, uint8_t mult_a, uint32_t ms_b, uint8_t mult_b)
{
	log_set_sink(quiet, NULL);
	clock_test_set(1000 * CLOCK_SEC, 1000 * CLOCK_SEC);
	sched = sched_new(NULL);
	make(&a, 0x11, ms_a, mult_a);
	make(&b, 0x22, ms_b, mult_b);
	a.other = &b;
	b.other = &a;
}

static void end(void)
{
	bfd_session_free(a.session);
	bfd_session_free(b.session);
	sched_free(sched);
}

static void turn(void)
{
	for (int i = 0; i < 4; i++) {
		if (!a.stalled)
			read_waiting(&a);
		if (!b.stalled)
			read_waiting(&b);
		sched_run(sched);
	}
}

static void pass(int64_t us)
{
	for (; us > 0; us -= CLOCK_MS) {
		clock_test_advance(CLOCK_MS);
		turn();
	}
}

static void both_up(void)
{
	bfd_session_start(a.session);
	bfd_session_start(b.session);
	turn();
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL_FATAL(bfd_session_state(a.session), BFD_UP);
	CU_ASSERT_EQUAL_FATAL(bfd_session_state(b.session), BFD_UP);
}

static struct anycast_bfd_status status(const struct end *e)
{
	struct anycast_bfd_status s = {0};

	bfd_session_status(e->session, &s);
	return s;
}

/* Passes time until `e` leaves Up, at most `limit`; how long it took. */
static int64_t until_down(struct end *e, int64_t limit)
{
	int64_t start = clock_us();

	while (bfd_session_state(e->session) == BFD_UP && clock_us() - start < limit)
		pass(CLOCK_MS);
	return clock_us() - start;
}

static void test_way_up(void)
{
	begin(300, 3, 50, 5);
	both_up();
	CU_ASSERT_EQUAL(status(&a).tx_interval_us, 300000);    /* each the slower of its wish and the other's need */
	CU_ASSERT_EQUAL(status(&b).tx_interval_us, 300000);
	CU_ASSERT_EQUAL(status(&a).detection_us, 5 * 300000);  /* the other's multiplier */
	CU_ASSERT_EQUAL(status(&b).detection_us, 3 * 300000);
	CU_ASSERT_STRING_EQUAL(status(&a).state, "Up");
	CU_ASSERT_STRING_EQUAL(status(&a).remote_state, "Up");
	CU_ASSERT_STRING_EQUAL(status(&a).diagnostic, "no diagnostic");
	CU_ASSERT_EQUAL(status(&a).up_count, 1);
	CU_ASSERT_EQUAL(a.last.my_discr, 0x11);
	CU_ASSERT_EQUAL(a.last.your_discr, 0x22);
	end();
}

static void test_slow_start(void)
{
	begin(50, 3, 50, 3);
	bfd_session_start(a.session);                          /* nobody answers */
	pass(20 * CLOCK_SEC);
	CU_ASSERT(a.sent >= 20 && a.sent <= 28);
	CU_ASSERT_EQUAL(a.last.desired_tx_us, 1000000);
	CU_ASSERT_EQUAL(a.last.required_rx_us, 50000);
	CU_ASSERT_EQUAL(a.last.your_discr, 0);
	CU_ASSERT(a.shortest_us >= 749 * CLOCK_MS);            /* jitter: up to a quarter less, never more */
	CU_ASSERT(a.longest_us <= 1002 * CLOCK_MS);
	end();
}

static void test_jitter(void)
{
	begin(100, 3, 100, 1);
	both_up();
	forget_gaps(&a);
	forget_gaps(&b);
	pass(60 * CLOCK_SEC);
	CU_ASSERT(a.shortest_us >= 75 * CLOCK_MS && a.shortest_us < 85 * CLOCK_MS);
	CU_ASSERT(a.longest_us <= 102 * CLOCK_MS && a.longest_us > 90 * CLOCK_MS);
	CU_ASSERT(b.shortest_us >= 74 * CLOCK_MS);             /* section 6.8.7: 75 % to 90 %, whole milliseconds */
	CU_ASSERT(b.longest_us <= 92 * CLOCK_MS);              /* a multiplier of 1 leaves room for the way */
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	end();
}

static void test_poll_sequence(void)
{
	begin(50, 3, 50, 3);
	both_up();
	CU_ASSERT(a.polls >= 1);                               /* 1 s became 50 ms */
	CU_ASSERT(b.finals >= 1);
	CU_ASSERT_FALSE(a.last.poll);                          /* and it is over */
	CU_ASSERT_EQUAL(a.last.desired_tx_us, 50000);
	a.polls = b.finals = 0;
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(a.polls + b.finals, 0);
	end();
	begin(2000, 3, 2000, 3);                               /* slow anyway: nothing changes on the way up */
	bfd_session_start(a.session);
	bfd_session_start(b.session);
	pass(20 * CLOCK_SEC);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	CU_ASSERT_EQUAL(a.polls, 0);
	CU_ASSERT_EQUAL(a.last.desired_tx_us, 2000000);
	end();
}

/* A Final that is lost: P is repeated until one comes. */
static void test_poll_repeats(void)
{
	begin(100, 3, 100, 3);
	bfd_session_start(a.session);
	a.other = NULL;
	bfd_session_receive(a.session, &(struct bfd_packet){.state = BFD_INIT, .multiplier = 3, .my_discr = 9,
	                    .your_discr = 0x11, .desired_tx_us = 1000000, .required_rx_us = 100000});
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	pass(CLOCK_SEC);
	CU_ASSERT(a.polls >= 9);
	bfd_session_receive(a.session, &(struct bfd_packet){.state = BFD_UP, .multiplier = 3, .my_discr = 9, .final = true,
	                    .your_discr = 0x11, .desired_tx_us = 1000000, .required_rx_us = 100000});
	a.polls = 0;
	pass(CLOCK_SEC);
	CU_ASSERT_EQUAL(a.polls, 0);
	end();
}

/* Both profiles that are asked for, and the extremes: silence one way, or both, takes both down in time. */
static void silence(uint32_t ms, uint8_t multiplier)
{
	int64_t detection = ms * multiplier * CLOCK_MS, took;

	begin(ms, multiplier, ms, multiplier);
	bfd_session_start(a.session);
	bfd_session_start(b.session);
	pass(5 * CLOCK_SEC + 4 * ms * CLOCK_MS);
	CU_ASSERT_EQUAL_FATAL(bfd_session_state(a.session), BFD_UP);
	pass(100 * ms * CLOCK_MS);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP); /* no flap in a long while */
	b.mute = true;
	took = until_down(&a, 10 * detection);
	CU_ASSERT(took <= detection + 2 * CLOCK_MS);
	CU_ASSERT(took >= detection - ms * CLOCK_MS - 2 * CLOCK_MS);
	CU_ASSERT_STRING_EQUAL(status(&a).diagnostic, "control detection time expired");
	CU_ASSERT_PTR_NOT_NULL(strstr(a.why, "nothing heard for"));
	CU_ASSERT(until_down(&b, 10 * detection) <= CLOCK_SEC + ms * CLOCK_MS);  /* it is told */
	CU_ASSERT_STRING_EQUAL(status(&b).diagnostic, "neighbor signaled session down");
	CU_ASSERT_PTR_NOT_NULL(strstr(b.why, "says Down (control detection time expired)"));
	CU_ASSERT_PTR_NULL(status(&a).remote_state);           /* forgotten (section 6.8.1) */
	b.mute = false;
	pass(5 * CLOCK_SEC + 4 * ms * CLOCK_MS);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	CU_ASSERT_EQUAL(status(&a).up_count, 2);
	end();
}

static void test_silence(void)
{
	silence(1000, 5);
	silence(300, 3);
	silence(50, 3);
	silence(10, 3);
	silence(60000, 1);
}

/* We did not run for a while: what the peer sent in time lies unread, and is read first. */
static void test_stall_of_ours(void)
{
	begin(50, 3, 50, 3);
	both_up();
	a.stalled = true;
	pass(140 * CLOCK_MS);
	clock_test_advance(500 * CLOCK_MS);
	sched_run(sched);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	a.stalled = false;
	pass(CLOCK_SEC);
	CU_ASSERT_EQUAL(status(&a).up_count, 1);
	end();
}

static void test_admin_down(void)
{
	begin(100, 3, 100, 3);
	both_up();
	bfd_session_stop(b.session);
	CU_ASSERT_EQUAL(b.last.state, BFD_ADMIN_DOWN);
	CU_ASSERT_EQUAL(b.last.diag, BFD_DIAG_ADMIN_DOWN);
	turn();
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_DOWN);
	CU_ASSERT_TRUE(a.neighbor_admin);
	b.sent = 0;
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(b.sent, 0);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_DOWN);
	CU_ASSERT_EQUAL(bfd_session_state(b.session), BFD_ADMIN_DOWN);  /* whatever it hears */
	bfd_session_start(b.session);
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	CU_ASSERT_STRING_EQUAL(a.states, &"DIUDIU"[a.states[1] == 'U']);
	end();
}

/* The peer died and came back under another discriminator before we noticed. */
static void test_peer_restarts(void)
{
	begin(1000, 5, 1000, 5);
	both_up();
	bfd_session_free(b.session);
	make(&b, 0x33, 1000, 5);
	b.other = &a;
	bfd_session_start(b.session);
	pass(5 * CLOCK_SEC);
	CU_ASSERT_EQUAL(bfd_session_state(a.session), BFD_UP);
	CU_ASSERT_EQUAL(status(&a).up_count, 2);               /* it was down in between */
	CU_ASSERT_EQUAL(a.last.your_discr, 0x33);
	end();
}

static void receive(enum bfd_state state, bool poll, bool demand, uint32_t required_rx_us)
{
	bfd_session_receive(a.session, &(struct bfd_packet){.state = state, .multiplier = 3, .my_discr = 9, .poll = poll,
	                    .demand = demand, .your_discr = 0x11, .desired_tx_us = 100000, .required_rx_us = required_rx_us});
}

static void test_peer_polls(void)
{
	begin(100, 3, 100, 3);
	a.other = NULL;
	bfd_session_start(a.session);
	receive(BFD_DOWN, false, false, 100000);
	receive(BFD_INIT, false, false, 100000);
	receive(BFD_UP, true, false, 500000);
	CU_ASSERT_EQUAL(a.finals, 1);                          /* at once */
	CU_ASSERT_TRUE(a.last.final);
	CU_ASSERT_FALSE(a.last.poll);                          /* never both */
	CU_ASSERT_EQUAL(status(&a).tx_interval_us, 500000);    /* and its wish counts from now on */
	end();
}

static void test_peer_wants_none(void)
{
	begin(100, 3, 100, 3);
	a.other = NULL;
	bfd_session_start(a.session);
	receive(BFD_INIT, false, false, 0);
	a.sent = 0;
	for (int i = 0; i < 20; i++) {
		pass(100 * CLOCK_MS);
		receive(BFD_UP, false, false, 0);
	}
	CU_ASSERT_EQUAL(a.sent, 0);
	receive(BFD_UP, false, false, 100000);
	pass(200 * CLOCK_MS);
	CU_ASSERT(a.sent >= 1);
	end();
}

static void test_peer_in_demand_mode(void)
{
	begin(100, 3, 100, 3);
	a.other = NULL;
	bfd_session_start(a.session);
	receive(BFD_INIT, false, false, 100000);
	bfd_session_receive(a.session, &(struct bfd_packet){.state = BFD_UP, .multiplier = 3, .my_discr = 9, .final = true,
	                    .demand = true, .your_discr = 0x11, .desired_tx_us = 100000, .required_rx_us = 100000});
	a.sent = 0;
	for (int i = 0; i < 10; i++) {
		pass(100 * CLOCK_MS);
		receive(BFD_UP, false, true, 100000);
	}
	CU_ASSERT_EQUAL(a.sent, 0);
	receive(BFD_UP, true, true, 100000);
	CU_ASSERT_EQUAL(a.finals, 1);                          /* but its polls are answered */
	end();
}

/* Every state, and every packet in it: the session does as the table says, and sends what it is. */
static void test_every_state_and_packet(void)
{
	static const enum bfd_state way[BFD_STATES][3] = {
		[BFD_DOWN] = {BFD_STATES}, [BFD_INIT] = {BFD_DOWN, BFD_STATES}, [BFD_UP] = {BFD_DOWN, BFD_INIT, BFD_STATES}};

	for (int state = BFD_ADMIN_DOWN; state < BFD_STATES; state++) {
		for (int e = BFD_EV_RX_ADMIN_DOWN; e <= BFD_EV_DETECT_EXPIRES; e++) {
			begin(100, 3, 100, 3);
			a.other = NULL;
			if (state != BFD_ADMIN_DOWN)
				bfd_session_start(a.session);
			for (int i = 0; state != BFD_ADMIN_DOWN && way[state][i] != BFD_STATES; i++)
				receive(way[state][i], false, false, 100000);
			CU_ASSERT_EQUAL_FATAL((int)bfd_session_state(a.session), state);
			if (e == BFD_EV_DETECT_EXPIRES)
				pass(400 * CLOCK_MS);
			else
				receive((enum bfd_state)e, false, false, 100000);
			CU_ASSERT_EQUAL(bfd_session_state(a.session), bfd_fsm(state, e).next);
			if (a.sent > 0 && bfd_fsm(state, e).next != BFD_DOWN)
				CU_ASSERT_EQUAL(a.last.state, bfd_session_state(a.session));
			end();
		}
	}
}

UNIT_MAIN("bfd_session", {"the way up", test_way_up}, {"slow until up", test_slow_start}, {"jitter", test_jitter},
          {"poll sequence", test_poll_sequence}, {"P is repeated until F", test_poll_repeats}, {"silence", test_silence},
          {"a stall of ours is not the peer's", test_stall_of_ours}, {"AdminDown", test_admin_down},
          {"the peer restarts", test_peer_restarts}, {"the peer polls", test_peer_polls},
          {"the peer wants no packets", test_peer_wants_none}, {"the peer is in demand mode", test_peer_in_demand_mode},
          {"every state and packet", test_every_state_and_packet})
