/* The ordered way out: see drain.h. One timer looks every 50 ms whether the step at hand is over.
 *
 * The address stays on the host until the very end (anycast_stop()), because carriers take answers from it
 * alone. When nobody has been sent the route there is nothing to be made worse, and that step is left out. */
#include "daemon/drain.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <event2/event.h>

#include "anycast/anycast.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/proxy.h"

#define LINGER_US CLOCK_SEC            /* packets sent before the route went */
#define GONE_US (5 * CLOCK_SEC)        /* a peer that does not take the withdrawal is not waited for longer */
#define LOOK_US 50000
enum { STEPS = 5 };

struct drain {
	struct proxy *proxy;
	struct anycast *anycast;
	struct drain_config config;
	void (*done)(void *arg);
	void *arg;
	struct event *look;
	_Atomic int step;
	_Atomic bool stopping;
	int64_t began_us, step_us, step_wall_us;
	int64_t gone_us;                 /* when no peer had a route from us any more; 0: one has */
	int64_t new_us;                  /* when the last new call came, or the drain began */
	uint64_t calls_before, calls_seen;
};

/* New calls that trunks have placed, since the start. */
static uint64_t placed(const struct drain *d)
{
	struct proxy_trunk_status t;
	uint64_t sum = 0;
	for (unsigned i = 0; i < proxy_trunks(d->proxy); i++) {
		proxy_trunk(d->proxy, i, &t);
		sum += t.calls_total;
	}
	return sum;
}

static uint32_t established(const struct drain *d)
{
	struct proxy_trunk_status t;
	uint32_t sum = 0;
	for (unsigned i = 0; i < proxy_trunks(d->proxy); i++) {
		proxy_trunk(d->proxy, i, &t);
		sum += t.calls;
	}
	return sum;
}

/* How many prefixes and peers a route for calls is announced by, in all. */
static unsigned routes(const struct drain *d)
{
	struct anycast_status *s = d->anycast ? malloc(sizeof *s) : NULL;
	unsigned n = 0;
	if (!s)
		return 0;
	anycast_status(d->anycast, s);
	for (unsigned i = 0; i < s->n_prefixes; i++)
		n += s->prefixes[i].role == ANYCAST_SERVICE ? s->prefixes[i].peers_announced : 0;
	free(s);
	return n;
}

static void step_to(struct drain *d, enum drain_step step)
{
	atomic_store(&d->step, step);
	d->step_us = clock_us();
	d->step_wall_us = clock_wall_us();
	if (d->anycast)
		anycast_recheck(d->anycast);
}

static double seconds_since(int64_t us) { return (double)(clock_us() - us) / CLOCK_SEC; }

static void leave(struct drain *d)
{
	if (atomic_load(&d->step) == DRAIN_WORSE) {
		bool quiet = clock_us() - d->new_us >= d->config.quiet_ms * CLOCK_MS;
		log_printf(quiet ? LL_INFO : LL_WARN, "drain, step 2 of %d: %s after %.1f s, %llu came meanwhile: withdrawing",
		           STEPS, quiet ? "new calls have stopped coming" : "new calls still come, the limit is reached",
		           seconds_since(d->began_us), (unsigned long long)(d->calls_seen - d->calls_before));
	}
	d->gone_us = 0;
	step_to(d, DRAIN_LEAVE);
}

/* New calls are refused only once none can be on its way: the withdrawals are out, and a while has passed. */
static bool gone(struct drain *d, int64_t now)
{
	if (!d->gone_us && !routes(d))
		d->gone_us = now;
	return (d->gone_us && now - d->gone_us >= LINGER_US) || now - d->step_us >= GONE_US;
}

static void finish(struct drain *d)
{
	proxy_drain(d->proxy, true);
	log_info("drain, step 3 of %d: withdrawn (%u routes left), new calls get 503 from now on; %u requests under way",
	         STEPS, routes(d), proxy_open(d->proxy));
	step_to(d, DRAIN_FINISH);
}

static void complete(struct drain *d)
{
	unsigned left = proxy_open(d->proxy);
	log_printf(left ? LL_WARN : LL_INFO, "drain, step 4 of %d: %s after %.1f s; %u requests left, %u established calls go on "
	           "by any node", STEPS, left ? "the time for what is under way is over" : "nothing is under way any more",
	           seconds_since(d->began_us), left, established(d));
	step_to(d, DRAIN_DONE);
	event_del(d->look);
	if (atomic_load(&d->stopping)) {
		log_info("drain, step 5 of %d: goodbye to the peers (CEASE), then the addresses, then the end", STEPS);
		d->done(d->arg);
		return;
	}
	log_info("drain, step 5 of %d: drained; stays so until undrain", STEPS);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct drain *d = arg;
	int64_t now = clock_us(), since = now - d->step_us;
	(void)fd;
	(void)what;
	if (proxy_last_invite_us(d->proxy) > d->new_us)
		d->new_us = proxy_last_invite_us(d->proxy);
	if (atomic_load(&d->step) <= DRAIN_LEAVE)
		d->calls_seen = placed(d);
	switch ((enum drain_step)atomic_load(&d->step)) {
	case DRAIN_WORSE:
		if (now - d->new_us >= d->config.quiet_ms * CLOCK_MS || since >= d->config.limit_ms * CLOCK_MS)
			leave(d);
		return;
	case DRAIN_LEAVE:
		if (gone(d, now))
			finish(d);
		return;
	case DRAIN_FINISH:
		if (!proxy_open(d->proxy) || since >= d->config.finish_ms * CLOCK_MS)
			complete(d);
		return;
	case DRAIN_DONE:
		complete(d);
		return;
	case DRAIN_NO:
		return;
	}
}

void drain_begin(struct drain *d, bool stop, const char *who)
{
	struct timeval every = {0, LOOK_US};
	enum drain_step step = (enum drain_step)atomic_load(&d->step);
	unsigned n = routes(d);
	if (stop)
		atomic_store(&d->stopping, true);
	event_add(d->look, &every);
	if (step != DRAIN_NO) {
		log_info("drain: asked for by %s, is under way already (%s)", who, drain_step_str(step));
		return;
	}
	d->began_us = d->new_us = clock_us();
	d->calls_before = d->calls_seen = placed(d);
	if (n) {
		log_info("drain, step 1 of %d: asked for by %s; %u routes made worse (MED, community 65535:0), waiting until no "
		         "new call has come for %.1f s, at most %.1f s", STEPS, who, n, d->config.quiet_ms / 1000.0,
		         d->config.limit_ms / 1000.0);
		step_to(d, DRAIN_WORSE);
	} else {
		log_info("drain, step 1 of %d: asked for by %s; no peer has a route from us, nothing to be made worse", STEPS, who);
		leave(d);
	}
}

int drain_end(struct drain *d, const char *who, struct err *err)
{
	if (atomic_load(&d->stopping))
		return err_set(err, EBUSY, "the node is stopping: it cannot be brought back, start it again");
	if (atomic_load(&d->step) == DRAIN_NO)
		return 0;
	event_del(d->look);
	proxy_drain(d->proxy, false);
	step_to(d, DRAIN_NO);
	d->step_wall_us = 0;
	log_info("undrain: asked for by %s, in service again after %.1f s", who, seconds_since(d->began_us));
	return 0;
}

/* ---- asking ---- */

enum drain_step drain_step(const struct drain *d) { return (enum drain_step)atomic_load(&d->step); }

const char *drain_step_str(enum drain_step step)
{
	static const char *const words[] = {"in service", "route made worse", "withdrawn", "finishing", "drained"};
	return words[step];
}

void drain_facts(const struct drain *d, struct policy_route_facts *f)
{
	enum drain_step step = drain_step(d);
	f->draining = step != DRAIN_NO;
	f->drained = step >= DRAIN_LEAVE;
	f->stopping = step >= DRAIN_LEAVE && atomic_load(&d->stopping);
}

void drain_status(const struct drain *d, struct drain_status *out)
{
	*out = (struct drain_status){
		.step = drain_step(d), .stopping = atomic_load(&d->stopping), .since_wall_us = d->step_wall_us,
		.open = proxy_open(d->proxy), .calls = established(d),
	};
	if (out->step != DRAIN_NO)
		out->new_calls = d->calls_seen - d->calls_before;
}

/* ---- life ---- */

struct drain *drain_new(struct loop *loop, struct proxy *proxy, struct anycast *anycast,
                        const struct drain_config *config, void (*done)(void *arg), void *arg)
{
	struct drain *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->proxy = proxy;
	d->anycast = anycast;
	d->config = *config;
	d->done = done;
	d->arg = arg;
	d->look = event_new(loop_base(loop), -1, EV_PERSIST, on_look, d);
	if (d->look)
		return d;
	free(d);
	return NULL;
}

void drain_free(struct drain *d)
{
	if (!d)
		return;
	event_free(d->look);
	free(d);
}
