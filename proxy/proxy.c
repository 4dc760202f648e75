/* The SIP side from outside: builds the workers and the log thread, and answers what others ask. */
#include "proxy/proxy.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/loop.h"
#include "proxy/active.h"
#include "proxy/call_log.h"
#include "proxy/claim.h"
#include "proxy/held.h"
#include "proxy/hosts.h"
#include "proxy/ingress.h"
#include "proxy/number.h"
#include "proxy/prober.h"
#include "proxy/resolver.h"
#include "proxy/self.h"
#include "proxy/sip/steer.h"
#include "proxy/token.h"
#include "proxy/worker.h"

#define ALIVE_US CLOCK_SEC

/* The table in force is the control thread's to replace; others read it under `lock`, which is held for the
 * swap of the pointer and for the reading of a few atomics, and which nobody waits for. */
struct proxy {
	struct proxy_common common;
	struct resolver *resolver;
	struct self *self;
	bool started;
	pthread_mutex_t lock;
	_Atomic unsigned n_regions, reachable;  /* as last read */
	struct table *replaced;          /* tables that calls still hold */
	struct event *sweep;
};

/* ---- what runs on a worker ---- */

static int app_make(struct worker *w)
{
	active_init(w);
	w->prober = prober_new(w);
	return w->prober ? 0 : -ENOMEM;
}

static void app_start(struct worker *w) { prober_start(w->prober); }
static void app_table(struct worker *w) { prober_on_table(w->prober); }

static void app_unmake(struct worker *w)
{
	prober_free(w->prober);
	active_free_all(w);
	claims_drop(w);
	held_drop(w);
}

static const struct worker_app app = {app_make, app_start, app_table, ingress_message, app_unmake};

/* ---- building ---- */

static int socket_of(const struct proxy_config *c, const struct addr *address)
{
	for (unsigned i = 0; i < c->n_listen; i++)
		if (addr_equal(&c->listen[i].address, address))
			return (int)i;
	return -1;
}

/* The sent-by of our Vias: over a stream, where one may come back if the connection is gone (section 18.1.1). */
static void set_via(struct proxy_common *c, const struct addr *egress)
{
	unsigned family = family_index(egress);
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++) {
		struct addr a = *egress;
		if (t == SIP_TLS)
			addr_set_port(&a, sip_transport_port(SIP_TLS));
		for (unsigned i = 0; i < c->config.n_streams; i++)
			if ((int)c->config.streams[i].transport == t && addr_same_host(&c->config.streams[i].address, egress))
				a = c->config.streams[i].address;
		addr_str(&a, c->egress_via[t][family]);
	}
}

static int set_egress(struct proxy_common *c, struct err *err)
{
	char text[ADDR_STR_LEN];
	for (unsigned i = 0; i < c->config.n_egress; i++) {
		const struct addr *a = &c->config.egress[i];
		int s = socket_of(&c->config, a);
		if (s < 0)
			return err_set(err, EINVAL, "egress %s is not among the sockets", addr_str(a, text));
		c->egress_socket[family_index(a)] = (uint8_t)s;
		c->egress_families |= 1u << family_index(a);
		set_via(c, a);
	}
	return c->egress_families ? 0 : err_set(err, EINVAL, "no egress address");
}

/* Record-Route names the anycast address of a family, so that any node may serve what follows; without
 * one, the first address listened on. */
static void set_route_host(struct proxy_common *c, enum sip_transport t, const struct addr *a, bool good)
{
	char *host = c->route_host[t][family_index(a)], text[ADDR_STR_LEN];
	if (good && !*host)
		snprintf(host, ROUTE_HOST_LEN, "%s%s%s", addr_str(a, text), t == SIP_UDP ? "" : ";transport=",
		         t == SIP_UDP ? "" : sip_transport_word(t));
}

static void set_route_hosts(struct proxy_common *c)
{
	const struct proxy_config *k = &c->config;
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < k->n_listen; i++)
			set_route_host(c, SIP_UDP, &k->listen[i].address, pass || k->listen[i].anycast);
		for (unsigned i = 0; i < k->n_streams; i++)
			set_route_host(c, k->streams[i].transport, &k->streams[i].address, pass || k->streams[i].anycast);
	}
	/* a family nobody listens on: the other one's address is better than none */
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++)
		for (int f = 0; f < 2; f++)
			if (!c->route_host[t][f][0])
				memcpy(c->route_host[t][f], c->route_host[t][1 - f], sizeof c->route_host[t][f]);
}

static int probe_ports(const struct proxy_config *c, struct err *err)
{
	for (unsigned i = 0; i < c->n_listen; i++) {
		int rc = udp_probe(&c->listen[i], err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Each datagram to its call's worker at once, where that is permitted; it is handed over there otherwise. */
static void steer(const struct proxy_common *c)
{
	if (c->n_workers < 2)
		return;
	int program = steer_load(c->n_workers), rc = program < 0 ? program : udp_steer(c->workers[0]->udp, program);
	if (program >= 0)
		close(program);
	if (rc)
		log_info("datagrams do not come to the SIP worker that they belong to at once: %s (bpf(2) takes CAP_BPF); workers hand "
		         "them over, which costs more", strerror(-rc));
}

static int make_workers(struct proxy *p, struct err *err)
{
	struct proxy_common *c = &p->common;
	c->workers = calloc(c->config.workers, sizeof *c->workers);
	if (!c->workers)
		return err_set(err, ENOMEM, "out of memory");
	c->n_workers = c->config.workers;
	for (unsigned i = 0; i < c->n_workers; i++)
		if (!(c->workers[i] = worker_new(c, i, err)))
			return -EIO;
	steer(c);
	return 0;
}

/* ---- tables ---- */

/* Frees the tables that no call holds any more. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct proxy *p = arg;
	(void)fd;
	(void)what;
	for (struct table **at = &p->replaced; *at;) {
		struct table *t = *at;
		if (t->sources && !atomic_load_explicit(&t->readers, memory_order_acquire))
			table_retire(t);
		if (atomic_load_explicit(&t->refs, memory_order_acquire)) {
			at = &t->older;
			continue;
		}
		*at = t->older;
		table_free(t);
	}
	if (!p->replaced)
		event_del(p->sweep);
}

static void replace(struct proxy *p, struct table *table)
{
	struct timeval every = {1, 0};
	struct table *old = p->common.table;
	pthread_mutex_lock(&p->lock);
	p->common.table = table;
	atomic_store(&p->n_regions, table->n_regions);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->common.n_workers; i++)
		worker_set_table(p->common.workers[i], table);
	old->older = p->replaced;
	p->replaced = old;
	table_release(old);
	event_add(p->sweep, &every);
}

int proxy_reload(struct proxy *p, const struct proxy_routing *routing, struct err *err)
{
	struct table *table = table_new(routing, p->common.table, err);
	if (!table)
		return -EINVAL;
	int rc = resolver_set_table(p->resolver, table);
	if (rc) {
		resolver_set_table(p->resolver, p->common.table);  /* takes nothing: all its names are there */
		table_free(table);
		return err_set(err, ENOMEM, "out of memory");
	}
	replace(p, table);
	return 0;
}

static void set_listener_tls(struct proxy *p, unsigned listener, const struct proxy_config *fresh)
{
	for (unsigned i = 0; i < fresh->n_streams; i++) {
		if (!fresh->streams[i].tls || !addr_equal(&fresh->streams[i].address, &p->common.config.streams[listener].address))
			continue;
		for (unsigned w = 0; w < p->common.n_workers; w++)
			worker_set_tls(p->common.workers[w], (int)listener, fresh->streams[i].tls);
	}
}

void proxy_set_tls(struct proxy *p, const struct proxy_config *fresh)
{
	for (unsigned i = 0; i < p->common.config.n_streams; i++)
		set_listener_tls(p, i, fresh);
	for (unsigned w = 0; w < p->common.n_workers; w++)
		worker_set_tls(p->common.workers[w], -1, fresh->tls);
}

unsigned proxy_connections(const struct proxy *p)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->common.n_workers; i++)
		n += stream_count(p->common.workers[i]->streams);
	return n;
}

unsigned proxy_tables_held(const struct proxy *p)
{
	unsigned n = 0;
	for (const struct table *t = p->replaced; t; t = t->older)
		n++;
	return n;
}

/* ---- building, whole ---- */

static int build(struct proxy *p, struct err *err)
{
	struct proxy_common *c = &p->common;
	int rc = sip_init();
	if (rc)
		return err_set(err, -rc, "the SIP grammar cannot be set up");
	if ((rc = set_egress(c, err)))
		return rc;
	set_route_hosts(c);
	c->certified = c->config.tls && tls_context_presents(c->config.tls);
	if ((rc = probe_ports(&c->config, err)))
		return rc;
	c->log = call_log_new(c->config.calls_file, c->config.node_id, c->config.mask_numbers, c->config.workers, err);
	if (!c->log)
		return -EIO;
	if ((rc = make_workers(p, err)))
		return rc;
	if (!(p->self = self_new(c, err)))
		return -EIO;
	p->resolver = resolver_new(c->config.control, c->config.egress, c->config.n_egress, err);
	if (!p->resolver || !(c->hosts = hosts_new(c->config.control, p->resolver, err)))
		return -EIO;
	p->sweep = event_new(loop_base(c->config.control), -1, EV_PERSIST, on_sweep, p);
	return p->sweep && !resolver_set_table(p->resolver, c->table) ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct proxy *proxy_new(const struct proxy_config *config, const struct proxy_routing *routing, struct err *err)
{
	struct proxy *p = calloc(1, sizeof *p);
	if (!p) {
		policy_table_free(routing->policy);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	p->common.config = *config;
	p->common.app = &app;
	p->common.node_hash = token_name(config->node_id);
	memset(p->common.egress_socket, NO_SOCKET, sizeof p->common.egress_socket);
	pthread_mutex_init(&p->lock, NULL);
	p->common.table = table_new(routing, NULL, err);
	if (!p->common.table || build(p, err)) {
		proxy_free(p);
		return NULL;
	}
	return p;
}

int proxy_start(struct proxy *p)
{
	int rc = call_log_start(p->common.log);
	p->common.started_us = clock_us();
	p->started = rc == 0;
	for (unsigned i = 0; !rc && i < p->common.n_workers; i++)
		rc = worker_start(p->common.workers[i]);
	return rc ? rc : self_start(p->self);
}

void proxy_drain(struct proxy *p, bool on) { atomic_store(&p->common.draining, on); }
bool proxy_draining(const struct proxy *p) { return atomic_load(&p->common.draining); }
void proxy_set_alone(struct proxy *p, bool alone) { atomic_store(&p->common.alone, alone); }
void proxy_on_foreign_end(struct proxy *p, proxy_foreign_end_fn *fn, void *arg)
{
	p->common.foreign_end_arg = arg;
	p->common.foreign_end = fn;
}

void proxy_on_claims(struct proxy *p, const struct proxy_claims *claims) { p->common.claims = *claims; }

struct event_base *proxy_worker_base(const struct proxy *p, unsigned worker)
{
	return loop_base(p->common.workers[worker]->loop);
}

int proxy_worker_post(const struct proxy *p, unsigned worker, void (*fn)(void *arg), void *arg)
{
	return loop_post(p->common.workers[worker]->loop, fn, arg);
}

struct handed {
	struct worker *w;
	struct sip_path from;
	size_t len;
	char data[];
};

static void on_handed(void *arg)
{
	struct handed *h = arg;
	if (!h->w->over) {
		worker_begin(h->w);
		stats_inc(&h->w->stats, STAT_HANDED_IN);
		app.message(h->w, &h->from, h->data, h->len);
		worker_end_soon(h->w);
	}
	free(h);
}

int proxy_take_handed(struct proxy *p, const struct addr *source, const struct addr *listener, const void *data, size_t len)
{
	const char *id;
	size_t id_len;
	int s = socket_of(&p->common.config, listener);
	if (s < 0 || !sip_scan_call_id(data, len, &id, &id_len))
		return -ENOENT;
	struct handed *h = malloc(sizeof *h + len + 1);
	if (!h)
		return -ENOMEM;
	h->w = p->common.workers[worker_owner(&p->common, id, id_len)];
	h->from = (struct sip_path){.peer = *source, .transport = SIP_UDP, .socket = (uint8_t)s, .handed = true};
	h->len = len;
	memcpy(h->data, data, len);
	int rc = loop_post(h->w->loop, on_handed, h);
	if (rc)
		free(h);
	return rc;
}

uint32_t proxy_node_hash(const char *node) { return token_name(node); }

struct call_over {
	struct worker *w;
	size_t len;
	char call[];
};

static void on_call_over(void *arg)
{
	struct call_over *o = arg;
	o->w->txns.now_us = clock_us();  /* the loop may have slept since the last datagram */
	active_over(o->w, o->call, o->len);
	free(o);
}

void proxy_call_over(struct proxy *p, const char *call, size_t len)
{
	const char *id_end = memchr(call, '\n', len);
	struct call_over *o = id_end ? malloc(sizeof *o + len) : NULL;
	if (!o)
		return;
	o->w = p->common.workers[worker_owner(&p->common, call, (size_t)(id_end - call))];
	o->len = len;
	memcpy(o->call, call, len);
	if (loop_post(o->w->loop, on_call_over, o))
		free(o);
}

bool proxy_alone(const struct proxy *p) { return atomic_load(&p->common.alone); }

unsigned proxy_transactions(const struct proxy *p)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->common.n_workers; i++)
		n += atomic_load_explicit(&p->common.workers[i]->transactions, memory_order_relaxed);
	return n;
}

unsigned proxy_open(const struct proxy *p)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->common.n_workers; i++)
		n += atomic_load_explicit(&p->common.workers[i]->open, memory_order_relaxed);
	return n;
}

int64_t proxy_last_invite_us(const struct proxy *p)
{
	int64_t last = 0;
	for (unsigned i = 0; i < p->common.n_workers; i++) {
		int64_t t = atomic_load_explicit(&p->common.workers[i]->last_invite_us, memory_order_relaxed);
		last = t > last ? t : last;
	}
	return last;
}

double proxy_overload(const struct proxy *p)
{
	uint32_t most = 0;
	for (unsigned i = 0; i < p->common.n_workers; i++) {
		uint32_t shed = overload_shed(&p->common.workers[i]->overload);
		most = shed > most ? shed : most;
	}
	return most / (double)OVERLOAD_ONE;
}

void proxy_stop(struct proxy *p)
{
	if (!p->started)
		return;
	self_stop(p->self);
	for (unsigned i = 0; i < p->common.n_workers; i++)
		worker_stop(p->common.workers[i]);
	call_log_stop(p->common.log);
	p->started = false;
}

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	self_free(p->self);
	resolver_free(p->resolver);
	for (unsigned i = 0; i < p->common.n_workers; i++)
		worker_free(p->common.workers[i]);
	hosts_free(p->common.hosts);
	free(p->common.workers);
	call_log_free(p->common.log);
	for (struct table *t = p->replaced, *older; t; t = older) {
		older = t->older;
		table_free(t);
	}
	table_free(p->common.table);
	if (p->sweep)
		event_free(p->sweep);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- asking ---- */

unsigned proxy_workers(const struct proxy *p) { return p->common.n_workers; }

unsigned proxy_workers_alive(const struct proxy *p)
{
	unsigned n = 0;
	int64_t now = clock_us();
	for (unsigned i = 0; i < p->common.n_workers; i++) {
		int64_t beat = loop_heartbeat_us(p->common.workers[i]->loop);
		n += beat && now - beat < ALIVE_US;
	}
	return n;
}

unsigned proxy_workers_answering(const struct proxy *p, const struct prefix *of, bool *known) { return self_answering(p->self, of, known); }

void proxy_stats(const struct proxy *p, uint64_t out[STATS_N])
{
	for (unsigned s = 0; s < STATS_N; s++) {
		out[s] = 0;
		for (unsigned i = 0; i < p->common.n_workers; i++)
			out[s] += atomic_load_explicit(&p->common.workers[i]->stats.v[s], memory_order_relaxed);
	}
	out[STAT_LOG_LOST] += call_log_lost(p->common.log);
}

/* While the table is being replaced, what was true just before. */
static void read_regions(struct proxy *p)
{
	unsigned n = 0;
	if (pthread_mutex_trylock(&p->lock))
		return;
	const struct table *t = p->common.table;
	for (unsigned i = 0; i < t->n_regions; i++) {
		const struct region_live *r = t->regions[i].live;
		n += atomic_load(&r->healthy) && atomic_load(&r->admin) != POLICY_MAINT;
	}
	atomic_store(&p->reachable, n);
	atomic_store(&p->n_regions, t->n_regions);
	pthread_mutex_unlock(&p->lock);
}

unsigned proxy_regions(const struct proxy *p)
{
	read_regions((struct proxy *)(uintptr_t)p);
	return atomic_load(&p->n_regions);
}

unsigned proxy_regions_reachable(const struct proxy *p)
{
	read_regions((struct proxy *)(uintptr_t)p);
	return atomic_load(&p->reachable);
}

int proxy_region_find(const struct proxy *p, const char *name)
{
	return policy_table_region_find(p->common.table->policy, name);
}

const struct policy_region_config *proxy_region_config(const struct proxy *p, unsigned index)
{
	return policy_table_region(p->common.table->policy, index);
}

struct region_live *proxy_region_live(const struct proxy *p, unsigned index)
{
	return p->common.table->regions[index].live;
}

unsigned proxy_targets(const struct proxy *p, unsigned region, struct proxy_target_status *out, unsigned max)
{
	struct region *r = &p->common.table->regions[region];
	unsigned n = 0;
	struct addr a;
	for (unsigned i = 0; i < r->n_targets; i++) {
		if (!target_address(r->targets[i], &a) && (r->targets[i]->slot || table_located(p->common.table, region, i)))
			continue;
		if (n < max)
			target_status(r->targets[i], &out[n]);
		n++;
	}
	return n;
}

void proxy_dns(const struct proxy *p, unsigned *failing, uint64_t *failures)
{
	resolver_status(p->resolver, failing, failures);
}

unsigned proxy_trunks(const struct proxy *p) { return p->common.table->n_trunks; }

void proxy_trunk(const struct proxy *p, unsigned index, struct proxy_trunk_status *out)
{
	const struct trunk *t = &p->common.table->trunks[index];
	*out = (struct proxy_trunk_status){
		.n_sources = t->n_sources, .max_calls = t->max_calls, .max_cps = t->max_cps,
		.calls = atomic_load(&t->live->calls), .setups = atomic_load(&t->live->setups),
		.calls_total = atomic_load(&t->live->calls_total), .over_calls = atomic_load(&t->live->over_calls),
		.over_cps = atomic_load(&t->live->over_cps),
	};
	snprintf(out->name, sizeof out->name, "%s", t->name);
}

/* The value of the line that has this header field; NULL: none. */
static const char *question_header(const struct proxy_question *q, const char *name)
{
	size_t len = strlen(name);
	for (unsigned i = 0; i < q->n_headers; i++) {
		const char *line = q->headers[i];
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		return line + strspn(line, " \t");
	}
	return NULL;
}

int proxy_explain(const struct proxy *p, const struct proxy_question *q, struct policy_plan *plan, struct err *err)
{
	const struct table *t = p->common.table;
	struct policy_region_facts facts[POLICY_REGIONS_MAX];
	const char *headers[POLICY_HEADERS_MAX], *name;
	char nfrom[NUMBER_LEN], nto[NUMBER_LEN];
	int k = table_trunk_by_hash(t, token_name(q->trunk));
	if (k < 0 || strcmp(t->trunks[k].name, q->trunk) != 0)
		return err_set(err, EINVAL, "no trunk is named %s", q->trunk);
	struct policy_query query = {
		.trunk = q->trunk, .from = number_normalise(q->from, trunk_rules_plan(t->trunks[k].rules), nfrom),
		.to = number_normalise(q->to, trunk_rules_plan(t->trunks[k].rules), nto), .now_us = clock_us(),
		.wall_us = q->wall_us ? q->wall_us : clock_wall_us(), .headers = headers,
		/* any chance will do, and it must differ from call to call */
		.random = (uint64_t)clock_ns() * 0x9E3779B97F4A7C15ULL,
	};
	for (unsigned i = 0; (name = policy_table_header(t->policy, i)); i++)
		headers[i] = question_header(q, name);
	table_facts(t, query.now_us, q->secure, facts);
	return policy_decide(t->policy, facts, &query, plan);
}

const struct policy_table *proxy_policy(const struct proxy *p) { return p->common.table->policy; }
