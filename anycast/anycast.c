/* The anycast thread: sessions (speaker.c), the host's addresses (address.c) and the gate between
 * them, in one loop of their own, so that nothing slow elsewhere can cost us a session.
 *
 * All is owned by the thread from anycast_start() to the end of anycast_stop(). Others reach it only
 * by posting to its loop (orders, stop) and through `status`, a copy under a mutex. */
#include "anycast/anycast.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "anycast/address.h"
#include "anycast/bfd.h"
#include "anycast/bfd_udp.h"
#include "anycast/bgp_tcp.h"
#include "anycast/check.h"
#include "anycast/gate.h"
#include "anycast/sched.h"
#include "anycast/speaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#define STOP_POLL_US (5 * CLOCK_MS)
enum { STOP_GRACE_MS = 500, WHO_LEN = 64, GOODBYE_LEN = 129 };

struct anycast {
	struct anycast_config config;
	struct loop *loop;
	struct sched *sched;
	struct address_table *addresses;
	struct speaker *speaker;
	struct bfd *bfd;
	struct gate *gate;
	struct timer check, stopping;
	int64_t stop_deadline_us;
	char goodbye[GOODBYE_LEN];
	char address_fault[sizeof(struct err)];

	bool running;               /* of those who call start and stop */
	pthread_mutex_t lock;       /* guards what is below */
	pthread_cond_t stopped_cond;
	bool stopped;
	struct anycast_status status;
};

#define ANYCAST_OF(timer, member) ((struct anycast *)((char *)(timer) - offsetof(struct anycast, member)))

/* ---- status ---- */

static void publish(void *arg)
{
	struct anycast *a = arg;

	pthread_mutex_lock(&a->lock);
	gate_status(a->gate, &a->status);
	speaker_status(a->speaker, &a->status);
	bfd_status(a->bfd, &a->status);
	pthread_mutex_unlock(&a->lock);
}

void anycast_status(struct anycast *a, struct anycast_status *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->status;
	pthread_mutex_unlock(&a->lock);
}

/* ---- what the gate and the speaker need of the host and of one another ---- */

static void on_refresh(void *arg)
{
	struct anycast *a = arg;
	struct err err;

	if (address_refresh(a->addresses, &err) == 0) {
		a->address_fault[0] = 0;
	} else if (strcmp(a->address_fault, err.text) != 0) {
		memcpy(a->address_fault, err.text, sizeof a->address_fault);
		log_error("anycast: %s", err.text);
	}
}

static struct addr first_address(const struct anycast *a, unsigned i)
{
	struct addr addr;

	prefix_first(&a->config.prefixes[i].prefix, &addr);
	return addr;
}

/* Of a prefix whose address is not ours to manage, any address in it will do. */
static bool on_present(void *arg, unsigned i, bool *ours)
{
	struct anycast *a = arg;
	struct addr addr = first_address(a, i);
	enum address_state state;

	if (!a->config.prefixes[i].manage_address)
		return address_any_in(a->addresses, &a->config.prefixes[i].prefix);
	state = address_state(a->addresses, &addr);
	*ours = state == ADDRESS_OURS;
	return state != ADDRESS_ABSENT;
}

static int on_add(void *arg, unsigned i, struct err *err)
{
	struct anycast *a = arg;
	struct addr addr = first_address(a, i);

	return address_add(a->addresses, &addr, err);
}

static int on_remove(void *arg, unsigned i, struct err *err)
{
	struct anycast *a = arg;
	struct addr addr = first_address(a, i);

	return address_remove(a->addresses, &addr, err);
}

static void on_route(void *arg, unsigned i, enum policy_route_action action)
{
	struct anycast *a = arg;

	speaker_route(a->speaker, i, action);
}

static bool on_others(void *arg, unsigned i)
{
	struct anycast *a = arg;

	return speaker_others(a->speaker, i);
}

static bool on_next_hop(void *arg, const struct addr *local, int family, struct addr *out)
{
	struct anycast *a = arg;

	return address_beside(a->addresses, local, family, out);
}

static void on_allow(void *arg, unsigned peer)
{
	struct anycast *a = arg;

	speaker_allow(a->speaker, peer);
}

static void on_forbid(void *arg, unsigned peer, const char *why)
{
	struct anycast *a = arg;

	speaker_forbid(a->speaker, peer, why);
}

static void on_check(struct timer *timer)
{
	struct anycast *a = ANYCAST_OF(timer, check);

	sched_start(a->sched, &a->check, on_check, a->config.gate_interval_ms * CLOCK_MS);
	gate_check(a->gate);
	speaker_check(a->speaker);
	publish(a);
}

/* ---- birth and death ---- */

static int build(struct anycast *a, anycast_facts_fn *facts, void *arg, struct err *err)
{
	static const struct gate_ops ops = {.refresh = on_refresh, .present = on_present, .add = on_add,
	                                    .remove = on_remove, .route = on_route,
	                                    .others = on_others};
	struct speaker_env env = {.next_hop = on_next_hop, .changed = publish, .arg = a, .connect = bgp_tcp_connect};
	struct bfd_env bfd_env = {.allow = on_allow, .forbid = on_forbid, .changed = publish, .arg = a,
	                          .listen = bfd_udp_listen};
	int rc;

	a->loop = loop_new("anycast");
	a->sched = a->loop ? sched_new(loop_base(a->loop)) : NULL;
	a->gate = gate_new(&a->config, facts, arg, &ops, a);
	if (!a->sched || !a->gate)
		return err_set(err, ENOMEM, "out of memory");
	a->addresses = address_new(err);
	if (!a->addresses)
		return -EIO;
	rc = anycast_check_privilege(&a->config, a->addresses, err);
	if (rc)
		return rc;
	env.base = loop_base(a->loop);
	env.sched = a->sched;
	a->speaker = speaker_new(&a->config, &env, err);
	if (!a->speaker)
		return -EIO;
	bfd_env.base = env.base;
	bfd_env.sched = env.sched;
	a->bfd = bfd_new(&a->config, &bfd_env, err);
	if (!a->bfd)
		return -EIO;
	publish(a);
	return 0;
}

/* A prefix of one address; checked before: there is room. */
static void add_egress(struct anycast_config *c, const struct addr *address, enum anycast_role role)
{
	struct anycast_prefix_config *p = &c->prefixes[c->n_prefixes++];
	char text[ADDR_STR_LEN];

	*p = (struct anycast_prefix_config){.manage_address = true, .role = role};
	prefix_parse(&p->prefix, addr_host_str(address, text));
}

static void add_egresses(struct anycast_config *c)
{
	for (unsigned i = 0; c->announce_egress && i < c->n_egress; i++)
		add_egress(c, &c->egress[i], ANYCAST_EGRESS);
	for (unsigned i = 0; i < c->n_egress_backup; i++)
		add_egress(c, &c->egress_backup[i], ANYCAST_BACKUP);
}

struct anycast *anycast_new(const struct anycast_config *config, anycast_facts_fn *facts, void *arg, struct err *err)
{
	struct anycast *a;
	pthread_condattr_t attr;

	if (anycast_check_config(config, err))
		return NULL;
	a = calloc(1, sizeof *a);
	if (!a) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	a->config = *config;
	add_egresses(&a->config);
	for (unsigned i = 0; i < a->config.n_peers; i++)
		if (a->config.peers[i].local_as == 0)
			a->config.peers[i].local_as = config->as;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->stopped_cond, &attr);
	pthread_condattr_destroy(&attr);
	if (build(a, facts, arg, err) == 0)
		return a;
	anycast_free(a);
	return NULL;
}

void anycast_free(struct anycast *a)
{
	if (!a)
		return;
	anycast_stop(a, 0, "");
	bfd_free(a->bfd);
	speaker_free(a->speaker);
	gate_free(a->gate);
	a->gate = NULL;  /* for the orders that loop_free() still finds */
	address_free(a->addresses);
	sched_free(a->sched);
	if (a->loop)
		loop_free(a->loop);
	pthread_cond_destroy(&a->stopped_cond);
	pthread_mutex_destroy(&a->lock);
	explicit_bzero(a, sizeof *a);  /* passwords */
	free(a);
}

static void start_on_thread(void *arg)
{
	struct anycast *a = arg;

	on_check(&a->check);  /* before the sessions: next hops are looked up among the addresses */
	speaker_start(a->speaker);
	bfd_start(a->bfd);
	publish(a);
}

int anycast_start(struct anycast *a)
{
	int rc = loop_start(a->loop);

	if (rc)
		return rc;
	a->running = true;
	rc = loop_post(a->loop, start_on_thread, a);
	if (rc)
		anycast_stop(a, 0, "");
	return rc;
}

/* ---- stop: withdraw, wait until it is out, CEASE, addresses ---- */

static void on_stopping(struct timer *timer)
{
	struct anycast *a = ANYCAST_OF(timer, stopping);

	if (speaker_unsent(a->speaker) > 0 && clock_us() < a->stop_deadline_us) {
		sched_start(a->sched, &a->stopping, on_stopping, STOP_POLL_US);
		return;
	}
	speaker_stop(a->speaker, a->goodbye);
	bfd_stop(a->bfd);  /* after the CEASE, so that this is what the peer hears first */
	gate_release(a->gate);
	publish(a);
	pthread_mutex_lock(&a->lock);
	a->stopped = true;
	pthread_cond_signal(&a->stopped_cond);
	pthread_mutex_unlock(&a->lock);
}

static void stop_on_thread(void *arg)
{
	struct anycast *a = arg;

	sched_stop(a->sched, &a->check);
	gate_stop(a->gate);
	on_stopping(&a->stopping);
}

/* The thread keeps its own deadline; the wait here is a little longer, for when it hangs. */
static void wait_stopped(struct anycast *a, unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (timeout_ms + STOP_GRACE_MS) / 1000;
	until.tv_nsec += (timeout_ms + STOP_GRACE_MS) % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&a->lock);
	while (!a->stopped && pthread_cond_timedwait(&a->stopped_cond, &a->lock, &until) == 0)
		;
	pthread_mutex_unlock(&a->lock);
}

void anycast_stop(struct anycast *a, unsigned timeout_ms, const char *text)
{
	if (!a->running)
		return;
	a->running = false;
	a->stop_deadline_us = clock_us() + timeout_ms * CLOCK_MS;
	snprintf(a->goodbye, sizeof a->goodbye, "%s", text);
	if (loop_post(a->loop, stop_on_thread, a) == 0)
		wait_stopped(a, timeout_ms);
	loop_stop(a->loop);
}

/* ---- orders ---- */

static void recheck_on_thread(void *arg)
{
	struct anycast *a = arg;

	if (!a->gate)
		return;
	gate_check(a->gate);
	publish(a);
}

void anycast_recheck(struct anycast *a)
{
	loop_post(a->loop, recheck_on_thread, a);  /* without memory the next check does it */
}

struct order {
	struct anycast *anycast;
	int prefix;                 /* -1: all */
	enum policy_route_order order;
	char who[WHO_LEN];
};

static void order_on_thread(void *arg)
{
	struct order *o = arg;
	struct anycast *a = o->anycast;

	for (unsigned i = 0; a->gate && i < a->config.n_prefixes; i++) {
		if (o->prefix < 0 || (unsigned)o->prefix == i)
			gate_order(a->gate, i, o->order, o->who);
	}
	if (a->gate)
		publish(a);
	free(o);
}

static int find_prefix(const struct anycast *a, const struct prefix *prefix)
{
	for (unsigned i = 0; i < a->config.n_prefixes; i++) {
		if (prefix_equal(&a->config.prefixes[i].prefix, prefix))
			return (int)i;
	}
	return -ENOENT;
}

int anycast_order(struct anycast *a, const struct prefix *prefix, enum policy_route_order order, const char *who)
{
	int i = prefix ? find_prefix(a, prefix) : -1, rc;
	struct order *o;

	if (prefix && i < 0)
		return -ENOENT;
	o = malloc(sizeof *o);
	if (!o)
		return -ENOMEM;
	*o = (struct order){.anycast = a, .prefix = i, .order = order};
	snprintf(o->who, sizeof o->who, "%s", who);
	rc = loop_post(a->loop, order_on_thread, o);
	if (rc)
		free(o);
	return rc;
}
