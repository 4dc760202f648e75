/* The resolver: see resolver.h. c-ares tells which descriptors it wants watched; each becomes a
 * libevent event. */
#include "proxy/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ares.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#define TTL_MIN_S 1
#define TTL_MAX_S 300
#define RETRY_S 5

struct watch {
	struct watch *next;
	struct resolver *r;
	struct event *event;
	ares_socket_t fd;
};

#define SLOTS_MAX 8

struct found {
	struct addr address;
	uint32_t priority, weight;
};

/* A name and the lookup of it that runs: NAPTR, SRV, then the addresses of each host (RFC 3263 section 4). */
struct name {
	struct name *next;
	struct resolver *r;
	struct target *slots[SLOTS_MAX];   /* each has one address, or none */
	unsigned n_slots;
	struct event *again;
	bool wanted, failing, gone;  /* gone: freed when the last answer is here */
	unsigned asking;             /* queries that are out */
	struct found found[SLOTS_MAX];
	unsigned n_found;
	int ttl_s;
	int error;                   /* of a query, ARES_SUCCESS: none failed but for want of such a record */
};

/* One query for a host's addresses. */
struct ask {
	struct name *n;
	uint16_t port;
	uint32_t priority, weight;
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	bool channel_ready;
	unsigned families;
	struct event *clock;         /* c-ares' own timeouts */
	struct watch *watches;
	struct name *names;
	uint64_t failures;
};

static void set_clock(struct resolver *r)
{
	struct timeval tv, *next = ares_timeout(r->channel, NULL, &tv);
	if (next)
		event_add(r->clock, next);
	else
		event_del(r->clock);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	(void)fd;
	(void)what;
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_clock(r);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = ((struct watch *)arg)->r;
	ares_process_fd(r->channel, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_clock(r);
}

static void unwatch(struct resolver *r, ares_socket_t fd)
{
	for (struct watch **p = &r->watches; *p; p = &(*p)->next) {
		struct watch *w = *p;
		if (w->fd != fd)
			continue;
		*p = w->next;
		event_free(w->event);
		free(w);
		return;
	}
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	unwatch(r, fd);
	if (!readable && !writable)
		return;
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return;  /* c-ares times the query out */
	*w = (struct watch){.next = r->watches, .r = r, .fd = fd};
	w->event = event_new(loop_base(r->loop), fd, (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)),
	                     on_fd, w);
	if (!w->event) {
		free(w);
		return;
	}
	event_add(w->event, NULL);
	r->watches = w;
}

static void again_in(struct name *n, int seconds)
{
	struct timeval tv = {seconds, 0};
	event_add(n->again, &tv);
}

static bool wanted(const struct resolver *r, const struct sockaddr *sa)
{
	return sa && ((sa->sa_family == AF_INET && r->families & 1) || (sa->sa_family == AF_INET6 && r->families & 2));
}

/* ---- what was found ---- */

static bool found_in(const struct name *n, const struct addr *a, unsigned *which)
{
	for (*which = 0; *which < n->n_found; ++*which)
		if (addr_equal(&n->found[*which].address, a))
			return true;
	return false;
}

static void set_slot(struct name *n, struct target *t, const struct found *f)
{
	char text[ADDR_STR_LEN];
	struct addr before;
	atomic_store_explicit(&t->priority, f->priority, memory_order_relaxed);
	atomic_store_explicit(&t->weight, f->weight, memory_order_relaxed);
	atomic_store_explicit(&t->expires_us, clock_us() + n->ttl_s * CLOCK_SEC, memory_order_relaxed);
	if (target_address(t, &before) && addr_equal(&before, &f->address))
		return;
	log_info("target %s is at %s", t->uri, addr_str(&f->address, text));
	target_set_address(t, &f->address);
}

/* Addresses that stay keep their place, and with it what is known of them: answers come in any order. */
static void take(struct name *n)
{
	static const struct addr none;
	char text[ADDR_STR_LEN];
	struct target *empty[SLOTS_MAX];
	bool placed[SLOTS_MAX] = {false};
	unsigned n_empty = 0, k = 0, f;
	for (unsigned i = 0; i < n->n_slots; i++) {
		struct addr a;
		bool had = target_address(n->slots[i], &a);
		if (had && found_in(n, &a, &f) && !placed[f]) {
			placed[f] = true;
			set_slot(n, n->slots[i], &n->found[f]);
		} else if (!had || n->error == ARES_SUCCESS) {
			empty[n_empty++] = n->slots[i];
			if (had)
				log_info("target %s is no more at %s", n->slots[i]->uri, addr_str(&a, text));
		}
	}
	for (f = 0; f < n->n_found && k < n_empty; f++)
		if (!placed[f])
			set_slot(n, empty[k++], &n->found[f]);
	for (; k < n_empty; k++)
		target_set_address(empty[k], &none);
}

static void finish(struct name *n)
{
	if (n->n_found) {
		take(n);
		if (n->failing)
			log_info("target %s resolves again", n->slots[0]->uri);
		n->failing = false;
		again_in(n, n->error == ARES_SUCCESS ? n->ttl_s : RETRY_S);
		return;
	}
	n->r->failures++;
	if (!n->failing)
		log_warn("target %s: %s does not resolve: %s; the last addresses stay", n->slots[0]->uri, n->slots[0]->host,
		         n->error ? ares_strerror(n->error) : "no address of a family this node sends from");
	n->failing = true;
	again_in(n, RETRY_S);
}

static void name_free(struct name *n)
{
	if (n->again)
		event_free(n->again);
	free(n);
}

/* A query is over; true: its answer counts. The last one ends the lookup, by over(). */
static bool counts(struct name *n, int status)
{
	if (!n->gone && status != ARES_EDESTRUCTION && status != ARES_ECANCELLED)
		return true;
	if (--n->asking == 0 && n->gone)
		name_free(n);
	return false;
}

static void over(struct name *n)
{
	if (--n->asking == 0)
		finish(n);
}

static bool no_such(int status) { return status == ARES_ENODATA || status == ARES_ENOTFOUND; }

/* ---- queries ---- */

static void note_ttl(struct name *n, int ttl)
{
	if (ttl < n->ttl_s)
		n->ttl_s = ttl < TTL_MIN_S ? TTL_MIN_S : ttl;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct ask *ask = arg;
	struct name *n = ask->n;
	(void)timeouts;
	if (!counts(n, status))
		goto out;
	if (status != ARES_SUCCESS)
		n->error = status;
	for (const struct ares_addrinfo_node *i = info ? info->nodes : NULL; i && n->n_found < n->n_slots; i = i->ai_next) {
		struct found f = {.priority = ask->priority, .weight = ask->weight};
		unsigned which;
		if (!wanted(n->r, i->ai_addr) || i->ai_addrlen > sizeof f.address)
			continue;
		memcpy(&f.address, i->ai_addr, i->ai_addrlen);
		addr_set_port(&f.address, ask->port);
		note_ttl(n, i->ai_ttl);
		if (!found_in(n, &f.address, &which))
			n->found[n->n_found++] = f;
	}
	over(n);
out:
	if (info)
		ares_freeaddrinfo(info);
	free(ask);
}

static void ask_host(struct name *n, const char *host, uint16_t port, uint32_t priority, uint32_t weight)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = n->r->families == 3 ? AF_UNSPEC : n->r->families == 2 ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_DGRAM, .ai_flags = ARES_AI_NOSORT,
	};
	struct ask *ask = malloc(sizeof *ask);
	if (!ask) {
		n->error = ARES_ENOMEM;
		return;
	}
	*ask = (struct ask){n, port, priority, weight};
	n->asking++;
	ares_getaddrinfo(n->r->channel, host, NULL, &hints, on_addresses, ask);
}

/* The least time to live of an answer's records, which c-ares does not hand out (RFC 1035 section 4.1). */
static void note_answer_ttl(struct name *n, const unsigned char *data, int len)
{
	const unsigned char *p = data + 12, *end = data + len;
	int questions = len > 12 ? data[4] << 8 | data[5] : 0, answers = len > 12 ? data[6] << 8 | data[7] : 0;
	for (int i = 0; i < questions + answers; i++) {
		char *name;
		long size;
		if (p >= end || ares_expand_name(p, data, len, &name, &size) != ARES_SUCCESS)
			return;
		ares_free_string(name);
		p += size;
		if (end - p < (i < questions ? 4 : 10))
			return;
		if (i < questions) {
			p += 4;
			continue;
		}
		uint32_t ttl = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
		note_ttl(n, ttl < TTL_MAX_S ? (int)ttl : TTL_MAX_S);
		p += 10 + (p[8] << 8 | p[9]);
	}
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct name *n = arg;
	struct ares_srv_reply *list = NULL;
	(void)timeouts;
	if (!counts(n, status))
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(data, len, &list);
	if (status == ARES_SUCCESS) {
		note_answer_ttl(n, data, len);
		for (const struct ares_srv_reply *s = list; s; s = s->next)
			if (*s->host && strcmp(s->host, ".") != 0)
				ask_host(n, s->host, s->port, s->priority, s->weight);
	} else if (no_such(status)) {
		ask_host(n, n->slots[0]->host, n->slots[0]->port, 0, 1);
	} else {
		n->error = status;
	}
	if (list)
		ares_free_data(list);
	over(n);
}

static void ask_srv(struct name *n, const char *name)
{
	n->asking++;
	ares_query(n->r->channel, name, 1, 33, on_srv, n);
}

static void ask_own_srv(struct name *n)
{
	static const char *const services[SIP_TRANSPORTS] = {"_sip._udp", "_sip._tcp", "_sips._tcp"};
	char name[300];
	snprintf(name, sizeof name, "%s.%s", services[n->slots[0]->transport], n->slots[0]->host);
	ask_srv(n, name);
}

static bool for_udp(const struct ares_naptr_reply *a)
{
	return !strcasecmp((const char *)a->service, "SIP+D2U") && !strcasecmp((const char *)a->flags, "s");
}

/* Of the services that can be used, which is UDP so far, the one asked for most (RFC 3263 section 4.1). */
static void on_naptr(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct name *n = arg;
	struct ares_naptr_reply *list = NULL;
	const struct ares_naptr_reply *best = NULL;
	(void)timeouts;
	if (!counts(n, status))
		return;
	if (status == ARES_SUCCESS && ares_parse_naptr_reply(data, len, &list) == ARES_SUCCESS) {
		note_answer_ttl(n, data, len);
		for (const struct ares_naptr_reply *a = list; a; a = a->next)
			if (for_udp(a) && (!best || a->order < best->order ||
			                   (a->order == best->order && a->preference < best->preference)))
				best = a;
	}
	if (best)
		ask_srv(n, best->replacement);
	else
		ask_own_srv(n);  /* none, or no answer: many a zone has SRV alone */
	if (list)
		ares_free_data(list);
	over(n);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct name *n = arg;
	struct resolver *r = n->r;
	(void)fd;
	(void)what;
	if (n->asking)
		return;
	n->n_found = 0;
	n->ttl_s = TTL_MAX_S;
	n->error = ARES_SUCCESS;
	n->asking = 1;               /* of this function, so that an answer at once does not end it */
	if (n->slots[0]->port_said) {
		ask_host(n, n->slots[0]->host, n->slots[0]->port, 0, 1);
	} else if (strstr(n->slots[0]->uri, "transport=")) {
		ask_own_srv(n);
	} else {
		n->asking++;
		ares_query(r->channel, n->slots[0]->host, 1, 35, on_naptr, n);
	}
	over(n);
	set_clock(r);
}

static struct name *name_of(struct resolver *r, const struct target *target)
{
	struct name *n = r->names;
	while (n && n->slots[0] != target)
		n = n->next;
	return n;
}

static int want(struct resolver *r, struct target *const *slots, unsigned n_slots)
{
	struct name *n = name_of(r, slots[0]);
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n)
			return -ENOMEM;
		*n = (struct name){.next = r->names, .r = r};
		n->again = event_new(loop_base(r->loop), -1, 0, on_again, n);
		if (!n->again) {
			free(n);
			return -ENOMEM;
		}
		r->names = n;
		again_in(n, 0);
	}
	n->n_slots = n_slots < SLOTS_MAX ? n_slots : SLOTS_MAX;
	memcpy(n->slots, slots, n->n_slots * sizeof slots[0]);
	n->wanted = true;
	return 0;
}

/* A name whose answer is on its way is freed when that comes. */
static void drop_unwanted(struct resolver *r)
{
	for (struct name **at = &r->names; *at;) {
		struct name *n = *at;
		if (n->wanted) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		n->gone = true;
		event_del(n->again);
		if (!n->asking)
			name_free(n);
	}
}

int resolver_set_table(struct resolver *r, const struct table *table)
{
	int rc = 0;
	for (struct name *n = r->names; n; n = n->next)
		n->wanted = false;
	for (unsigned i = 0; i < table->n_regions; i++) {
		const struct region *g = &table->regions[i];
		for (unsigned j = 0, more; j < g->n_targets; j += more) {
			for (more = 1; j + more < g->n_targets && g->targets[j + more]->slot; more++)
				;
			if (!g->targets[j]->literal && want(r, &g->targets[j], more))
				rc = -ENOMEM;
		}
	}
	drop_unwanted(r);
	return rc;
}

static int open_channel(struct resolver *r)
{
	struct ares_options options = {.sock_state_cb = on_socket_state, .sock_state_cb_data = r, .timeout = 2000, .tries = 2};
	int rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&r->channel, &options, ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	r->channel_ready = rc == ARES_SUCCESS;
	return rc;
}

struct resolver *resolver_new(struct loop *loop, unsigned families, struct err *err)
{
	struct resolver *r = calloc(1, sizeof *r);
	if (!r)
		goto fail;
	r->loop = loop;
	r->families = families;
	r->clock = event_new(loop_base(loop), -1, 0, on_clock, r);
	int rc = open_channel(r);
	if (rc != ARES_SUCCESS) {
		err_set(err, EIO, "resolver: %s", ares_strerror(rc));
		resolver_free(r);
		return NULL;
	}
	if (r->clock)
		return r;
fail:
	err_set(err, ENOMEM, "resolver: out of memory");
	resolver_free(r);
	return NULL;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	if (r->channel_ready)
		ares_destroy(r->channel);
	for (struct name *n = r->names, *next; n; n = next) {
		next = n->next;
		name_free(n);
	}
	while (r->watches)
		unwatch(r, r->watches->fd);
	if (r->clock)
		event_free(r->clock);
	ares_library_cleanup();
	free(r);
}

void resolver_status(const struct resolver *r, unsigned *failing, uint64_t *failures)
{
	*failing = 0;
	for (const struct name *n = r->names; n; n = n->next)
		*failing += n->failing;
	*failures = r->failures;
}
