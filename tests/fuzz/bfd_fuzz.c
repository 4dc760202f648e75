/* libFuzzer on BFD: the codec, and a session that gets what it read. Input: packets, each after a byte with its
 * length; the clock moves on after every one. What a session sends has to be a packet that another would take. */
#include <stdlib.h>

#include "anycast/bfd_session.h"
#include "base/clock.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) do { if (!(what)) abort(); } while (0)
enum { OUR_DISCR = 0x11223344 };

static struct bfd_session *session;
static unsigned sent;

static void quiet(void *arg, enum log_level level, const char *line, size_t len) {}
static void on_poll(void *arg) {}
static void on_changed(void *arg, enum bfd_state old, enum bfd_state now, bool neighbor_admin, const char *why) {}

static void on_send(void *arg, const void *packet, size_t len)
{
	struct bfd_packet p;
	const char *why;

	sent++;
	/* before the peer was heard our packets have no Your Discriminator, and are Down: always readable */
	CHECK(bfd_msg_read(packet, len, &p, &why) == 0);
	CHECK(p.my_discr == OUR_DISCR && !(p.poll && p.final) && !p.demand);
	CHECK(p.state == bfd_session_state(session));
	CHECK(p.state == BFD_UP || p.desired_tx_us >= 1000000);  /* RFC 5880 section 6.8.3 */
}

static void round_trip(const struct bfd_packet *in)
{
	uint8_t buf[BFD_PACKET_LEN];
	struct writer w = writer_of(buf, sizeof buf);
	struct bfd_packet out;
	const char *why;

	bfd_msg_write(&w, in);
	CHECK(!w.bad && bfd_msg_read(buf, sizeof buf, &out, &why) == 0);
	CHECK(out.state == in->state && out.diag == in->diag && out.poll == in->poll && out.final == in->final &&
	      out.demand == in->demand && out.multiplier == in->multiplier && out.my_discr == in->my_discr &&
	      out.your_discr == in->your_discr && out.desired_tx_us == in->desired_tx_us &&
	      out.required_rx_us == in->required_rx_us);
}

static void take(const uint8_t *data, size_t len)
{
	struct bfd_packet p;
	const char *why = NULL;

	if (bfd_msg_read(data, len, &p, &why)) {
		CHECK(why);
		return;
	}
	round_trip(&p);
	if (p.your_discr != 0)
		p.your_discr = OUR_DISCR;  /* as the demultiplexer lets through */
	bfd_session_receive(session, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct anycast_bfd_config config = {.enabled = true, .interval_ms = 50, .multiplier = 3};
	struct bfd_session_env env = {.discr = OUR_DISCR, .send = on_send, .poll = on_poll, .changed = on_changed};
	unsigned before;

	log_set_sink(quiet, NULL);
	clock_test_set(1000 * CLOCK_SEC, 1000 * CLOCK_SEC);
	env.sched = sched_new(NULL);
	session = bfd_session_new("fuzz", &config, &env);
	CHECK(env.sched && session);
	bfd_session_start(session);
	while (size > 1) {
		size_t len = data[0] & 0x3f;

		len = len < size ? len : size - 1;
		before = sent;
		take(data + 1, len);
		CHECK(sent - before <= 2);  /* no packet draws more than an answer and a change of state */
		clock_test_advance((data[0] >> 6) * 60 * CLOCK_MS);
		sched_run(env.sched);
		data += 1 + len;
		size -= 1 + len;
	}
	bfd_session_stop(session);
	bfd_session_free(session);
	sched_free(env.sched);
	return 0;
}
