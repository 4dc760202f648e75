/* A BFD session. See bfd_session.h; the anycast thread owns it, bfd.c holds it. Sections are of RFC 5880.
 *
 * `desired_tx_us` is one second until the session is up (section 6.8.3) and the configured interval then;
 * the peer hears of it by a Poll Sequence. It only ever becomes shorter while up, and RequiredMinRx never
 * changes, so nothing has to wait for the Final. */
#include "anycast/bfd_session.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define SLOW (1 * CLOCK_SEC)

#define SESSION_OF(timer, member) ((struct bfd_session *)((char *)(timer) - offsetof(struct bfd_session, member)))

struct bfd_session {
	const char *name;
	const struct anycast_bfd_config *config;
	struct bfd_session_env env;
	enum bfd_state state;
	uint8_t diag;
	bool polling;                   /* we sent P and wait for F */
	int64_t desired_tx_us;
	struct timer tx, detect;
	int64_t last_tx_us, last_rx_us;
	/* what the peer's last packet said; remote_discr 0: nothing yet, or too long ago */
	uint32_t remote_discr;
	enum bfd_state remote_state;
	uint8_t remote_diag, remote_multiplier;
	bool remote_demand;
	int64_t remote_desired_tx_us, remote_required_rx_us;
	int64_t state_since_wall_us;
	uint64_t packets_in, packets_out, up_count;
};

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t configured_us(const struct bfd_session *s)
{
	return s->config->interval_ms * CLOCK_MS;
}

/* ---- sending ---- */

static int64_t tx_interval(const struct bfd_session *s)
{
	return longer(s->desired_tx_us, s->remote_required_rx_us);
}

/* Section 6.8.7: a random part off, so that sessions do not march in step; with a multiplier of 1 the
 * packet has to arrive well within the interval. */
static int64_t tx_delay(const struct bfd_session *s)
{
	int64_t interval = tx_interval(s);

	if (s->config->multiplier == 1)  /* 75 % to 90 % */
		return interval * 3 / 10 + sched_jitter(interval * 6 / 10);
	return sched_jitter(interval);
}

static void transmit(struct bfd_session *s, bool final)
{
	const struct bfd_packet p = {
		.diag = s->diag, .state = s->state, .poll = s->polling && !final, .final = final,
		.multiplier = s->config->multiplier, .my_discr = s->env.discr, .your_discr = s->remote_discr,
		.desired_tx_us = (uint32_t)s->desired_tx_us, .required_rx_us = (uint32_t)configured_us(s),
	};
	uint8_t buf[BFD_PACKET_LEN];
	struct writer w = writer_of(buf, sizeof buf);

	bfd_msg_write(&w, &p);
	s->packets_out++;
	s->env.send(s->env.arg, buf, writer_len(&w));
}

/* Section 6.8.7: not to a peer that wants none, nor, when both are up, to one in demand mode. */
static bool periodic(const struct bfd_session *s)
{
	if (s->remote_required_rx_us == 0)
		return false;
	return !(s->remote_demand && s->state == BFD_UP && s->remote_state == BFD_UP && !s->polling);
}

static void on_tx(struct timer *t)
{
	struct bfd_session *s = SESSION_OF(t, tx);

	sched_start(s->env.sched, &s->tx, on_tx, tx_delay(s));
	s->last_tx_us = clock_us();
	if (periodic(s))
		transmit(s, false);
}

/* The interval may have become shorter: the next packet is not to wait for the old one's end. */
static void reschedule_tx(struct bfd_session *s)
{
	int64_t due = s->last_tx_us + tx_delay(s), now = clock_us();

	if (s->state != BFD_ADMIN_DOWN)
		sched_start(s->env.sched, &s->tx, on_tx, due > now ? due - now : 0);
}

static void set_desired_tx(struct bfd_session *s, int64_t us)
{
	if (us == s->desired_tx_us)
		return;
	s->desired_tx_us = us;
	s->polling = s->state == BFD_UP;
}

/* ---- states ---- */

/* The one place where the state changes. */
static void event(struct bfd_session *s, enum bfd_event e)
{
	struct bfd_transition t = bfd_fsm(s->state, e);
	enum bfd_state old = s->state;
	bool neighbor_admin = e == BFD_EV_RX_ADMIN_DOWN;
	char why[128];

	if (t.diag != BFD_DIAG_KEEP)
		s->diag = (uint8_t)t.diag;
	if (t.next == old)
		return;
	s->state = t.next;
	s->state_since_wall_us = clock_wall_us();
	s->up_count += t.next == BFD_UP;
	if (t.next != BFD_UP)
		s->polling = false;
	set_desired_tx(s, t.next == BFD_UP ? configured_us(s) : longer(configured_us(s), SLOW));
	log_debug("bfd %s: %s -> %s -> %s", s->name, bfd_state_str(old), bfd_event_str(e), bfd_state_str(t.next));
	if (e == BFD_EV_DETECT_EXPIRES)
		snprintf(why, sizeof why, "nothing heard for %lld ms",
		         (long long)((clock_us() - s->last_rx_us) / CLOCK_MS));
	else if (e == BFD_EV_RX_DOWN)
		snprintf(why, sizeof why, "the peer says Down (%s)", bfd_diag_str(s->remote_diag));
	else
		snprintf(why, sizeof why, "%s", neighbor_admin ? "the peer says AdminDown" : bfd_event_str(e));
	s->env.changed(s->env.arg, old, t.next, neighbor_admin, why);
}

/* ---- receiving ---- */

/* Section 6.8.4. */
static int64_t detection_time(const struct bfd_session *s)
{
	return s->remote_multiplier * longer(configured_us(s), s->remote_desired_tx_us);
}

static void on_detect(struct timer *t)
{
	struct bfd_session *s = SESSION_OF(t, detect);

	s->env.poll(s->env.arg);
	if (timer_running(&s->detect) || s->state == BFD_ADMIN_DOWN)
		return;
	s->remote_discr = 0;  /* section 6.8.1: it may come back as another */
	s->remote_state = BFD_DOWN;
	s->remote_demand = false;
	s->remote_required_rx_us = 1;
	event(s, BFD_EV_DETECT_EXPIRES);
	if (s->state != BFD_ADMIN_DOWN)
		on_tx(&s->tx);  /* the peer may hear us still, and is to know at once */
}

static void note(struct bfd_session *s, const struct bfd_packet *p)
{
	s->packets_in++;
	s->last_rx_us = clock_us();
	s->remote_discr = p->my_discr;
	s->remote_state = p->state;
	s->remote_diag = p->diag;
	s->remote_multiplier = p->multiplier;
	s->remote_demand = p->demand;
	s->remote_desired_tx_us = p->desired_tx_us;
	s->remote_required_rx_us = p->required_rx_us;
}

void bfd_session_receive(struct bfd_session *s, const struct bfd_packet *p)
{
	int64_t interval = tx_interval(s);
	enum bfd_state before = s->state;

	if (s->state == BFD_ADMIN_DOWN)
		return;
	note(s, p);
	if (p->final)
		s->polling = false;
	sched_start(s->env.sched, &s->detect, on_detect, detection_time(s));
	event(s, (enum bfd_event)p->state);
	if (s->state == BFD_ADMIN_DOWN)  /* whoever heard of it has stopped us */
		return;
	if (p->poll)
		transmit(s, true);
	if (s->state != before && !p->poll)  /* section 6.8.7 lets a change be told at once */
		on_tx(&s->tx);
	else if (tx_interval(s) != interval)
		reschedule_tx(s);
}

/* ---- life ---- */

struct bfd_session *bfd_session_new(const char *name, const struct anycast_bfd_config *config,
                                    const struct bfd_session_env *env)
{
	struct bfd_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->name = name;
	s->config = config;
	s->env = *env;
	s->state = BFD_ADMIN_DOWN;
	s->remote_state = BFD_DOWN;
	s->remote_required_rx_us = 1;  /* section 6.8.1 */
	s->desired_tx_us = longer(configured_us(s), SLOW);
	s->state_since_wall_us = clock_wall_us();
	return s;
}

void bfd_session_free(struct bfd_session *s)
{
	if (!s)
		return;
	sched_stop(s->env.sched, &s->tx);
	sched_stop(s->env.sched, &s->detect);
	free(s);
}

void bfd_session_start(struct bfd_session *s)
{
	event(s, BFD_EV_ENABLE);
	on_tx(&s->tx);
}

void bfd_session_stop(struct bfd_session *s)
{
	if (s->state == BFD_ADMIN_DOWN)
		return;
	event(s, BFD_EV_DISABLE);
	transmit(s, false);
	sched_stop(s->env.sched, &s->tx);
	sched_stop(s->env.sched, &s->detect);
}

enum bfd_state bfd_session_state(const struct bfd_session *s)
{
	return s->state;
}

void bfd_session_status(const struct bfd_session *s, struct anycast_bfd_status *out)
{
	*out = (struct anycast_bfd_status){
		.state = bfd_state_str(s->state),
		.remote_state = s->remote_discr ? bfd_state_str(s->remote_state) : NULL,
		.diagnostic = bfd_diag_str(s->diag),
		.remote_diagnostic = bfd_diag_str(s->remote_diag),
		.state_since_wall_us = s->state_since_wall_us,
		.tx_interval_us = s->state == BFD_ADMIN_DOWN ? 0 : (uint32_t)tx_interval(s),
		.detection_us = s->remote_discr ? (uint64_t)detection_time(s) : 0,
		.remote_multiplier = s->remote_multiplier,
		.packets_in = s->packets_in, .packets_out = s->packets_out, .up_count = s->up_count,
	};
}
