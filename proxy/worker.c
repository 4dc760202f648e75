/* SIP workers: see worker.h. A turn is: read a batch, handle it, run due timers, send what has been
 * queued. Nothing here waits. */
#include "proxy/worker_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "proxy/call_log.h"
#include "proxy/record.h"
#include "proxy/sip/oc.h"
#include "proxy/sip/steer.h"
#include "proxy/trunk_rules.h"

#define INBOX_QUEUE (OVERLOAD_QUEUES - 1)
_Static_assert(PROXY_SOCKETS_MAX <= INBOX_QUEUE, "a queue for each socket");
#define INBOX_BYTES (4u << 20)
#define HEAP_STEPS 256
#define HEAP_STEP_BYTES 65536        /* below what the allocator maps by itself */
#define STOOD_US (100 * CLOCK_MS)    /* a timer so much overdue: the worker stood still */
#define PAUSE_US (100 * CLOCK_MS)    /* and then hears first what came meanwhile */
#define OC_WITHIN 1024            /* the topmost Via is among the first bytes */
#define OC_VALIDITY_MS 1000         /* the share that is shed moves slower than that */
#define HANGS_US (350 * CLOCK_MS)    /* three heartbeats missed */

/* In a ring; the bytes follow. */
struct handover {
	int64_t since_us;            /* when it was put here */
	struct sip_path path;
	uint32_t len;
	enum handover_kind kind;
};

static void set_timer(struct worker *w)
{
	int64_t now = worker_now(w), next = timer_wheel_next_us(w->wheel, now);
	if (w->paused && next < w->pause_us)
		next = w->pause_us;
	if (next == w->timer_set_us)
		return;
	if (next == INT64_MAX) {
		event_del(w->timer_event);
	} else {
		int64_t in = next > now ? next - now : 0;
		struct timeval tv = {in / CLOCK_SEC, in % CLOCK_SEC};
		event_add(w->timer_event, &tv);
	}
	w->timer_set_us = next;
}

static void readers(const struct table *t, int n)
{
	atomic_fetch_add_explicit(&((struct table *)(uintptr_t)t)->readers, (unsigned)n, memory_order_release);
}

static void drop_table(const struct table *t)
{
	if (!t)
		return;
	readers(t, -1);
	table_release(t);
}

static void take_table(struct worker *w)
{
	const struct table *old = w->table;
	w->table = atomic_exchange_explicit(&w->table_next, NULL, memory_order_acquire);
	w->common->app->table(w);  /* what has pointers into the old one lets go of them */
	drop_table(old);
}

void worker_set_table(struct worker *w, struct table *table)
{
	readers(table_hold(table), 1);
	drop_table(atomic_exchange_explicit(&w->table_next, table, memory_order_acq_rel));
	bell_ring(&w->inbox_bell);
}

void worker_begin(struct worker *w)
{
	w->txns.now_us = clock_us();
	if (atomic_load_explicit(&w->table_next, memory_order_relaxed))
		take_table(w);
}

static int64_t overload_target(const struct worker *w) { return w->table->timing.overload_target_ms * CLOCK_MS; }

static void tell_overload(struct worker *w)
{
	if (overload_shed(&w->overload))
		log_warn("overload: datagrams wait longer than overload.target, new calls are turned away with 503");
	else
		log_warn("overload is over: every new call is taken again; so far %llu were turned away here",
		         (unsigned long long)atomic_load_explicit(&w->stats.v[STAT_CALLS_SHED], memory_order_relaxed));
}

/* Stopped, or without a processor. What came meanwhile still lies in the sockets, of this worker or of one that will
 * hand it over: it is served before timers say that nothing came. One pause, then they run in any case. */
static void note_standstill(struct worker *w)
{
	if (w->timer_set_us == INT64_MAX || worker_now(w) - w->timer_set_us <= STOOD_US)
		return;
	w->stood_us = worker_now(w);
	if (!w->paused)
		w->pause_us = w->stood_us + PAUSE_US;
	w->paused = true;
}

static void run_timers(struct worker *w)
{
	if (w->paused && worker_now(w) < w->pause_us)
		return;
	w->paused = false;
	timer_wheel_run(w->wheel, worker_now(w));
}

void worker_end(struct worker *w)
{
	note_standstill(w);
	if (overload_turn(&w->overload, worker_now(w), overload_target(w)))
		tell_overload(w);
	run_timers(w);
	udp_flush(w->udp);
	set_timer(w);
	atomic_store_explicit(&w->transactions, txn_layer_count(&w->txns), memory_order_relaxed);
	atomic_store_explicit(&w->open, w->txns.open, memory_order_relaxed);
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	worker_end(arg);
}

void worker_end_soon(struct worker *w) { event_active(w->turn_event, EV_TIMEOUT, 1); }

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	(void)fd;
	(void)what;
	worker_begin(w);
	note_standstill(w);
	w->timer_set_us = INT64_MAX;
	worker_end(w);
}

unsigned worker_owner(const struct proxy_common *common, const char *call_id, size_t len)
{
	return steer_owner(call_id, len, common->n_workers);
}

void worker_hand_over(struct worker *w, unsigned to, enum handover_kind kind, const struct sip_path *path, const void *data,
                      size_t len)
{
	struct worker *other = w->common->workers[to];
	struct ring *ring = other->inbox[w->index];
	struct handover *h = ring_reserve(ring, sizeof *h + len + 1);
	if (!h) {
		stats_inc(&w->stats, STAT_DROP_HANDOVER);
		return;
	}
	*h = (struct handover){.since_us = clock_us(), .path = *path, .len = (uint32_t)len, .kind = kind};
	memcpy(h + 1, data, len);
	ring_commit(ring, sizeof *h + len + 1);
	stats_inc(&w->stats, STAT_HANDOVERS);
	bell_ring(&other->inbox_bell);
}

unsigned worker_owner_of(const struct worker *w, const char *data, size_t len)
{
	const char *id;
	size_t id_len;
	if (w->common->n_workers > 1 && sip_scan_call_id(data, len, &id, &id_len))
		return worker_owner(w->common, id, id_len);
	return w->index;
}

void worker_on_message(struct worker *w, const struct sip_path *from, char *data, size_t len)
{
	unsigned owner = worker_owner_of(w, data, len);
	if (owner != w->index) {
		worker_hand_over(w, owner, HANDOVER_MESSAGE, from, data, len);
		return;
	}
	worker_begin(w);
	w->common->app->message(w, from, data, len);
}

static void on_datagram(void *arg, unsigned socket, const struct addr *source, char *data, size_t len)
{
	struct sip_path from = {.peer = *source, .transport = SIP_UDP, .socket = (uint8_t)socket};
	worker_on_message(arg, &from, data, len);
}

/* The kernel gives an ICMP error to the worker that the answer would have come to. */
static void on_failed(void *arg, const char *quote, size_t len)
{
	static const struct sip_path nobody;
	struct worker *w = arg;
	unsigned owner = worker_owner_of(w, quote, len);
	worker_begin(w);
	if (owner == w->index)
		txn_client_unreachable(&w->txns, quote, len);
	else
		worker_hand_over(w, owner, HANDOVER_FAILED, &nobody, quote, len);
}

/* What has waited to be served, in a socket or in an inbox; -1: nothing came. */
static void measure(struct worker *w, unsigned queue, int64_t wait_us)
{
	if (wait_us >= 0 && overload_measure(&w->overload, queue, worker_now(w), wait_us, overload_target(w)))
		tell_overload(w);
}

static void on_read_turn(void *arg)
{
	struct worker *w = arg;
	int64_t wait = udp_wait_us(w->udp);
	worker_begin(w);
	measure(w, udp_last_socket(w->udp), wait);
	worker_end(w);
	if (udp_more(w->udp))
		loop_hurry(w->loop);
}

static void take(struct worker *w, const struct handover *h, char *data)
{
	switch (h->kind) {
	case HANDOVER_MESSAGE:
		w->common->app->message(w, &h->path, data, h->len);
		return;
	case HANDOVER_FAILED:
		txn_client_unreachable(&w->txns, data, h->len);
		return;
	case HANDOVER_SEND:
		worker_stream_out(w, &h->path, data, h->len);
		return;
	case HANDOVER_ALIAS:
		worker_alias_told(w, &h->path, data, h->len);
		return;
	case HANDOVER_UNALIAS:
		worker_alias_told_gone(w, h->path.stream);
	}
}

/* The newest, the last one, has waited least: how long, or -1 where the ring was empty. */
static int64_t drain_inbox(struct worker *w, struct ring *ring)
{
	int64_t wait = -1, now = worker_now(w);
	size_t size;
	for (const struct handover *h; (h = ring_peek(ring, &size)); ring_release(ring)) {
		wait = now > h->since_us ? now - h->since_us : 0;
		take(w, h, (char *)(uintptr_t)(h + 1));
	}
	return wait;
}

static void on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	(void)fd;
	(void)what;
	bell_answer(&w->inbox_bell);
	worker_begin(w);
	for (unsigned i = 0; i < w->common->n_workers; i++)
		if (w->inbox[i])
			measure(w, INBOX_QUEUE, drain_inbox(w, w->inbox[i]));
	worker_end(w);
}

/* Whether some parameter in it is called like those of overload control: a quick look before the real one. */
static bool may_ask(const char *p, const char *end)
{
	while ((p = memchr(p, ';', (size_t)(end - p))) && end - p > 2) {
		if (!strncasecmp(++p, "oc", 2))
			return true;
	}
	return false;
}

/* Where the neighbour takes part in overload control he hears with each response how it is here; else as it is. */
static const void *tell_neighbour(struct worker *w, const char *data, size_t *len, char *room, size_t size)
{
	const char *line = *len > 16 && !memcmp(data, "SIP/2.0 ", 8) ? memchr(data, '\n', *len) : NULL;
	size_t head = line ? *len - (size_t)(line - data) : 0;
	if (!line || !may_ask(line, line + (head < OC_WITHIN ? head : OC_WITHIN)))
		return data;
	struct oc oc = {.percent = (unsigned)((uint64_t)overload_shed(&w->overload) * 100 / OVERLOAD_ONE),
	                .validity_ms = OC_VALIDITY_MS, .seq_us = clock_wall_us()};
	size_t n = oc_answer(data, *len, &oc, room, size);
	if (n)
		*len = n;
	return n ? room : data;
}

static void send_queued(void *arg, const struct sip_path *path, const void *data, size_t len)
{
	struct worker *w = arg;
	char room[SIP_SERVED_MAX + 256];
	data = tell_neighbour(w, data, &len, room, sizeof room);
	if (path->transport == SIP_UDP)
		udp_send(w->udp, path, data, len);
	else
		worker_stream_out(w, path, data, len);
}

void worker_send(struct worker *w, const struct sip_path *path, const void *data, size_t len)
{
	w->txns.send(w->txns.arg, path, data, len);  /* one way out, which tests take the place of */
}

uint64_t worker_random(struct worker *w)
{
	uint64_t x = w->random;  /* xorshift64* (Vigna, 2016): chance for choices, not for secrets */
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return x * 0x2545F4914F6CDD1DULL;
}

bool worker_deaf_since(const struct worker *w, int64_t since_us)
{
	const struct proxy_common *common = w->common;
	for (unsigned i = 0; i < common->n_workers; i++) {
		int64_t beat = i == w->index ? 0 : loop_heartbeat_us(common->workers[i]->loop);
		if (beat && worker_now(w) - beat > HANGS_US)
			return true;
	}
	return w->stood_us >= since_us && w->stood_us;
}

struct record *worker_log_reserve(struct worker *w, size_t size)
{
	struct record *r = ring_reserve(w->log, size);
	stats_inc(&w->stats, r ? STAT_LOG_RECORDS : STAT_LOG_LOST);
	return r;
}

void worker_log_commit(struct worker *w, struct record *r)
{
	table_hold(r->table);  /* the log thread releases it */
	ring_commit(w->log, r->size);
}

static void line_to_log(void *arg, enum log_level level, const char *line, size_t len)
{
	struct worker *w = arg;
	struct record *r = ring_reserve(w->log, sizeof *r + len);
	(void)level;
	if (!r) {
		stats_inc(&w->stats, STAT_LOG_LOST);
		return;
	}
	*r = (struct record){.kind = RECORD_LINE, .call_id_len = (uint16_t)len,
	                     .size = (uint32_t)(sizeof *r + len)};
	memcpy(r + 1, line, len);
	ring_commit(w->log, r->size);
}

static int make_inbox(struct worker *w)
{
	unsigned n = w->common->n_workers;
	w->inbox = calloc(n, sizeof *w->inbox);
	if (!w->inbox || bell_init(&w->inbox_bell))
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		if (i != w->index && !(w->inbox[i] = ring_new(INBOX_BYTES)))
			return -ENOMEM;
	w->inbox_event = event_new(loop_base(w->loop), w->inbox_bell.fd, EV_READ | EV_PERSIST, on_inbox, w);
	w->timer_event = event_new(loop_base(w->loop), -1, 0, on_timer, w);
	w->turn_event = event_new(loop_base(w->loop), -1, 0, on_turn_end, w);
	return w->inbox_event && w->timer_event && w->turn_event && event_add(w->inbox_event, NULL) == 0 ? 0 : -ENOMEM;
}

static int make_parts(struct worker *w, struct err *err)
{
	const struct proxy_config *c = &w->common->config;
	char name[16];
	snprintf(name, sizeof name, "sip-%u", w->index);
	w->loop = loop_new(name);
	if (w->loop && c->poll)
		loop_set_poll(w->loop);
	if (w->loop)
		loop_set_gather(w->loop, c->gather_ms * 1000);
	w->wheel = timer_wheel_new(clock_us());
	w->signer = signer_new(c->secret, c->secret_len);
	if (w->signer && c->old_secret_len && signer_accept(w->signer, c->old_secret, c->old_secret_len))
		return err_set(err, ENOMEM, "out of memory for a SIP worker");
	if (!w->loop || !w->wheel || !w->signer || RAND_bytes((unsigned char *)&w->random, sizeof w->random) != 1 ||
	    make_inbox(w))
		return err_set(err, ENOMEM, "out of memory for a SIP worker");
	w->random |= 1;
	w->txns.wheel = w->wheel;
	w->txns.stats = &w->stats;
	w->txns.send = send_queued;
	w->txns.arg = w;
	txn_layer_init(&w->txns);
	w->log = call_log_ring(w->common->log, w->index);
	w->udp = udp_new(c->listen, c->n_listen, &w->stats, err);
	if (!w->udp || worker_make_streams(w, err))
		return -EADDRINUSE;
	return w->common->app->make(w) == 0 ? 0 : err_set(err, ENOMEM, "out of memory for a SIP worker");
}

struct worker *worker_new(struct proxy_common *common, unsigned index, struct err *err)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) {
		err_set(err, ENOMEM, "out of memory for a SIP worker");
		return NULL;
	}
	w->common = common;
	w->table = table_hold(common->table);
	readers(w->table, 1);
	w->index = index;
	w->inbox_bell.fd = -1;
	w->timer_set_us = INT64_MAX;
	if (make_parts(w, err)) {
		worker_free(w);
		return NULL;
	}
	return w;
}

static void take_place(const struct worker *w)
{
	const struct proxy_config *c = &w->common->config;
	unsigned cpu = c->n_cpus ? c->cpus[w->index % c->n_cpus] : 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	int rc = c->n_cpus ? pthread_setaffinity_np(pthread_self(), sizeof set, &set) : 0;
	if (rc)
		log_warn("SIP worker %u cannot run on CPU %u (node.cpus): %s; it runs anywhere", w->index, cpu, strerror(rc));
}

/* The allocator grows a thread's heap by a page at a time, with a system call each: a first step for many calls, which it
 * keeps (daemon/main.c). What is not used of it is not in memory. */
static void reserve_heap(void)
{
	void *steps[HEAP_STEPS];
	for (unsigned i = 0; i < HEAP_STEPS; i++)
		steps[i] = malloc(HEAP_STEP_BYTES);
	for (unsigned i = 0; i < HEAP_STEPS; i++)
		free(steps[i]);
}

/* First thing on the worker's own thread. */
static void on_started(void *arg)
{
	struct worker *w = arg;
	log_set_sink(line_to_log, w);
	take_place(w);
	reserve_heap();
	worker_begin(w);
	w->common->app->start(w);
	worker_end(w);
}

int worker_start(struct worker *w)
{
	int rc = udp_start(w->udp, loop_base(w->loop), on_datagram, on_failed, on_read_turn, w);
	if (!rc)
		rc = loop_post(w->loop, on_started, w);
	return rc ? rc : loop_start(w->loop);
}

void worker_stop(struct worker *w) { loop_stop(w->loop); }

void worker_free(struct worker *w)
{
	if (!w)
		return;
	w->over = true;
	if (w->wheel && w->txns.wheel) {
		w->common->app->unmake(w);
		txn_layer_free(&w->txns);
	}
	drop_table(w->table);
	drop_table(w->table_next);
	udp_free(w->udp);
	worker_free_streams(w);
	signer_free(w->signer);
	if (w->timer_event)
		event_free(w->timer_event);
	if (w->turn_event)
		event_free(w->turn_event);
	if (w->inbox_event)
		event_free(w->inbox_event);
	bell_free(&w->inbox_bell);
	for (unsigned i = 0; w->inbox && i < w->common->n_workers; i++)
		ring_free(w->inbox[i]);
	free(w->inbox);
	if (w->loop)
		loop_free(w->loop);
	timer_wheel_free(w->wheel);
	free(w);
}
