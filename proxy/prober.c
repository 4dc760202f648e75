/* Probes: see prober.h. Any answer but 408 and 5xx shows a living target: a region that says 403 or 404 to
 * OPTIONS still speaks SIP, and calls tell the rest. */
#include "proxy/prober.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/forward.h"
#include "proxy/worker.h"

#define EMPTY_US (200 * CLOCK_MS)
#define TCP_SELDOM 10            /* intervals between questions by TCP, which tell nothing of health */

struct probe {
	struct probe *next;
	struct worker *w;
	struct target *target;       /* the worker's table keeps it */
	struct target_place place;   /* probed last */
	unsigned region;             /* its index in that table */
	bool by_tcp;                 /* not its health, but whether it takes large requests by TCP */
	bool wanted;
	struct timer timer;          /* the next probe, or the end of this one's patience */
	struct txn_client *txn;
	int64_t sent_us;
	struct region_health health;
	char call_id[64];            /* of this probe; hashes to this worker */
};

struct prober {
	struct worker *w;
	struct probe *probes;
};

static void send_probe(struct timer *timer);
static const struct proxy_timing *timing(const struct probe *p) { return &p->w->table->timing; }

static struct probe *of_timer(struct timer *timer)
{
	return (struct probe *)(void *)((char *)timer - offsetof(struct probe, timer));
}

/* One of its targets changed so. */
static void refresh_region(struct probe *p, bool healthy)
{
	const struct table *table = p->w->table;
	if (table_refresh_health(table, p->region))
		log_printf(healthy ? LL_INFO : LL_WARN, "region %s is %s", table->regions[p->region].live->name,
		           healthy ? "reachable" : "not reachable");
}

static void set_health(struct probe *p, bool healthy, const char *error)
{
	char where[ADDR_STR_LEN];
	struct addr a;
	const struct table *table = p->w->table;
	const char *region = table->regions[p->region].live->name;
	if (target_set_health(p->target, healthy, error)) {
		bool name = !p->target->literal && target_address(p->target, &a);
		if (healthy)
			log_info("region %s: target %s%s%s is up", region, p->target->uri, name ? " at " : "", name ? addr_str(&a, where) : "");
		else
			log_warn("region %s: target %s%s%s is down: %s", region, p->target->uri, name ? " at " : "",
			         name ? addr_str(&a, where) : "", error);
	}
	refresh_region(p, healthy);
}

/* One answer shows it, and one that fails to come that it is no longer to be relied on: UDP is always there. */
static void set_takes_tcp(struct probe *p, bool takes, const char *error)
{
	const char *region = p->w->table->regions[p->region].live->name;
	if (atomic_exchange_explicit(&p->target->takes_tcp, takes, memory_order_relaxed) == takes)
		return;
	if (takes)
		log_info("region %s: target %s answers by TCP: large requests go so", region, p->target->uri);
	else
		log_warn("region %s: target %s does not answer by TCP: large requests go by UDP: %s", region, p->target->uri, error);
}

static void judge(struct probe *p, bool good, const char *error)
{
	if (p->by_tcp)
		set_takes_tcp(p, good, error);
	else
		set_health(p, region_health_judge(&p->health, good, timing(p)->probe_rise, timing(p)->probe_fall), error);
}

static void next_in(struct probe *p, int64_t us)
{
	timer_start(p->w->wheel, &p->timer, send_probe, worker_now(p->w), us > 0 ? us : 0);
}

/* Since it was probed: what comes of that says nothing of where it is now. */
static bool moved(const struct probe *p)
{
	struct target_place now;
	return !target_place(p->target, &now) || !target_place_same(&now, &p->place);
}

static void done(struct probe *p, bool good, const char *error)
{
	if (moved(p)) {
		next_in(p, 0);
		return;
	}
	judge(p, good, error);
	int64_t interval = timing(p)->probe_interval_ms * CLOCK_MS * (p->by_tcp ? TCP_SELDOM : 1);
	next_in(p, interval - (worker_now(p->w) - p->sent_us));
}

static void on_response(void *user, const struct sip_msg *resp)
{
	struct probe *p = user;
	char error[96];
	int64_t rtt = worker_now(p->w) - p->sent_us;
	if (resp->status < 200)
		return;
	if (!p->by_tcp && !moved(p))
		atomic_store_explicit(&p->target->rtt_us, (uint32_t)(rtt > 0 ? rtt : 1), memory_order_relaxed);
	snprintf(error, sizeof error, "%d %s", resp->status, resp->phrase);
	done(p, resp->status != 408 && resp->status / 100 != 5, error);
}

static void on_timeout(void *user) { (void)user; }

static void on_end(void *user)
{
	struct probe *p = user;
	p->txn = NULL;
}

static void on_unreachable(void *user, const char *why) { done(user, false, why); }

static const struct txn_client_user probe_user = {on_response, on_timeout, on_end, on_unreachable};

static void on_patience(struct timer *timer)
{
	struct probe *p = of_timer(timer);
	char error[96];
	if (p->txn)
		txn_client_end(p->txn);
	if (worker_deaf_since(p->w, p->sent_us)) {
		next_in(p, 0);
		return;
	}
	snprintf(error, sizeof error, "no answer in %u ms", timing(p)->probe_timeout_ms);
	done(p, false, error);
}

static size_t write_probe(struct probe *p, const char *branch, char *out, size_t size)
{
	enum sip_transport transport = p->by_tcp ? SIP_TCP : p->place.transport;
	unsigned family = family_index(&p->place.address);
	const char *me = p->w->common->egress_via[transport][family];
	const char *to = p->target->host_port, *scheme = p->target->secure ? "sips" : "sip";
	char via[FORWARD_VIA_LEN];
	forward_via(p->w, transport, family, branch, via);
	int n = snprintf(out, size,
	                 "OPTIONS %s:%s SIP/2.0\r\n"
	                 "Via: %s\r\n"
	                 "Max-Forwards: 70\r\n"
	                 "From: <%s:tandem@%s>;tag=probe\r\n"
	                 "To: <%s:%s>\r\n"
	                 "Call-ID: %s\r\n"
	                 "CSeq: 1 OPTIONS\r\n"
	                 "Contact: <%s:tandem@%s>\r\n"
	                 "User-Agent: tandem\r\n"
	                 "Content-Length: 0\r\n\r\n",
	                 scheme, to, via, scheme, me, scheme, to, p->call_id, scheme, me);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* A request outside a dialog has a Call-ID of its own (section 8.1.1.4). */
static void choose_call_id(struct probe *p)
{
	do {
		snprintf(p->call_id, sizeof p->call_id, "probe-%016llx", (unsigned long long)worker_random(p->w));
	} while (worker_owner(p->w->common, p->call_id, strlen(p->call_id)) != p->w->index);
}

/* There is nothing to probe; an address may come. */
static void wait_for_place(struct probe *p)
{
	const struct region *g = &p->w->table->regions[p->region];
	unsigned k = 0;
	while (g->targets[k] != p->target)
		k++;
	p->health = (struct region_health){0};
	if (p->target->slot || table_located(p->w->table, p->region, k))
		refresh_region(p, false);
	else
		set_health(p, false, "its name does not resolve");
	next_in(p, EMPTY_US);
}

static void send_probe(struct timer *timer)
{
	struct probe *p = of_timer(timer);
	struct worker *w = p->w;
	struct sip_path path = {.socket = 0};
	struct target_place place;
	char branch[BRANCH_LEN], text[1024];
	size_t n = 0;
	p->sent_us = worker_now(w);
	if (p->txn)
		txn_client_end(p->txn);
	if (!target_place(p->target, &place)) {
		if (p->by_tcp)
			next_in(p, EMPTY_US);
		else
			wait_for_place(p);
		return;
	}
	if (!target_place_same(&place, &p->place))
		p->health = (struct region_health){0};  /* another host: what is known is not of this one */
	p->place = place;
	if (p->by_tcp && place.transport != SIP_UDP) {
		done(p, false, "DNS leads to it by another transport");
		return;
	}
	forward_to_target(w, p->target, &place, &path);
	path.transport = (uint8_t)(p->by_tcp ? SIP_TCP : place.transport);
	path.socket = w->common->egress_socket[family_index(&path.peer)];
	if (path.socket == NO_SOCKET) {
		done(p, false, "no egress address of its family");
		return;
	}
	choose_call_id(p);
	branch_sign(w->signer, p->call_id, 1, "probe", "", 0, 0, branch);
	n = write_probe(p, branch, text, sizeof text);
	p->txn = n ? txn_client_new(&w->txns, SIP_OPTIONS, branch, &path, text, n, &probe_user, p) : NULL;
	if (!p->txn) {
		done(p, false, "out of memory");
		return;
	}
	timer_start(w->wheel, &p->timer, on_patience, worker_now(w), timing(p)->probe_timeout_ms * CLOCK_MS);
}

static struct probe *probe_of(struct prober *prober, const struct target *target, bool by_tcp)
{
	struct probe *p = prober->probes;
	while (p && (p->target != target || p->by_tcp != by_tcp))
		p = p->next;
	return p;
}

/* The name, not the place in the list, tells whose it is: it stays with its worker over a reload. */
static bool mine(const struct worker *w, const struct target *t)
{
	return worker_owner(w->common, t->uri, strlen(t->uri)) == w->index;
}

static void want(struct prober *prober, struct target *target, bool by_tcp, unsigned region, int64_t in_us)
{
	struct probe *p = probe_of(prober, target, by_tcp);
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p) {
			log_error("region %s: target %s is not probed: out of memory", prober->w->table->regions[region].live->name,
			          target->uri);
			return;
		}
		*p = (struct probe){.next = prober->probes, .w = prober->w, .target = target, .by_tcp = by_tcp};
		prober->probes = p;
		next_in(p, in_us);
	}
	p->region = region;
	p->wanted = true;
}

static void drop_unwanted(struct prober *prober)
{
	for (struct probe **at = &prober->probes; *at;) {
		struct probe *p = *at;
		if (p->wanted) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (p->by_tcp)
			atomic_store_explicit(&p->target->takes_tcp, false, memory_order_relaxed);
		timer_stop(p->w->wheel, &p->timer);
		if (p->txn)
			txn_client_end(p->txn);
		free(p);
	}
}

static void want_both(struct prober *prober, struct target *target, unsigned region, int64_t in_us)
{
	want(prober, target, false, region, in_us);
	if (prober->w->table->regions[region].large_by_tcp && target->transport == SIP_UDP && !target->transport_said)
		want(prober, target, true, region, in_us);
}

void prober_on_table(struct prober *prober)
{
	const struct table *table = prober->w->table;
	unsigned k = 0;
	for (struct probe *p = prober->probes; p; p = p->next)
		p->wanted = false;
	/* not all at once: a burst of probes would measure itself */
	for (unsigned i = 0; i < table->n_regions; i++)
		for (unsigned j = 0; j < table->regions[i].n_targets; j++)
			if (mine(prober->w, table->regions[i].targets[j]))
				want_both(prober, table->regions[i].targets[j], i, k++ * 5 * CLOCK_MS);
	drop_unwanted(prober);
}

struct prober *prober_new(struct worker *w)
{
	struct prober *prober = calloc(1, sizeof *prober);
	if (prober)
		prober->w = w;
	return prober;
}

void prober_start(struct prober *prober) { prober_on_table(prober); }

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	for (struct probe *p = prober->probes; p; p = p->next)
		p->wanted = false;
	drop_unwanted(prober);
	free(prober);
}
