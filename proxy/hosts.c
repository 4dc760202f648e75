/* Hosts that calls name: see hosts.h. Each has slots as a target's name has, which the resolver fills and keeps fresh. */
#include "proxy/hosts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <uthash.h>

#include "base/bell.h"
#include "base/clock.h"
#include "base/loop.h"
#include "proxy/resolver.h"

#define SLOTS 4
#define SWEEP_S 5
#define UNUSED_US (600 * CLOCK_SEC)
#define NOWHERE_US (10 * CLOCK_SEC)  /* the resolver asks again and again for what fails: not for long */

struct host {
	UT_hash_handle hh;
	bool wanted;                 /* the resolver has it */
	int64_t used_us;
	struct target slots[SLOTS];  /* the URI of each is the key */
};

struct hosts {
	pthread_mutex_t lock;        /* of the table, and of its hosts but for what the resolver writes */
	struct host *table;
	struct resolver *resolver;
	struct bell bell;            /* there are hosts that the resolver does not have yet */
	struct event *on_bell, *sweep;
};

/* ---- control thread ---- */

static void want(struct hosts *h, struct host *e)
{
	struct target *slots[SLOTS];
	for (unsigned i = 0; i < SLOTS; i++)
		slots[i] = &e->slots[i];
	if (resolver_want_host(h->resolver, slots, SLOTS))
		atomic_store(&e->slots[0].looked_up, true);  /* and nowhere */
	e->wanted = true;
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct hosts *h = arg;
	struct host *e, *next;
	(void)fd;
	(void)what;
	bell_answer(&h->bell);
	pthread_mutex_lock(&h->lock);
	HASH_ITER(hh, h->table, e, next)
		if (!e->wanted)
			want(h, e);
	pthread_mutex_unlock(&h->lock);
}

static void host_free(struct host *e)
{
	for (unsigned i = 0; i < SLOTS; i++)
		target_destroy(&e->slots[i]);
	free(e);
}

static bool is_anywhere(const struct host *e)
{
	struct target_place p;
	for (unsigned i = 0; i < SLOTS; i++)
		if (target_place(&e->slots[i], &p))
			return true;
	return false;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct hosts *h = arg;
	struct host *e, *next;
	(void)fd;
	(void)what;
	pthread_mutex_lock(&h->lock);
	HASH_ITER(hh, h->table, e, next) {
		if (!e->wanted || clock_us() - e->used_us < (is_anywhere(e) ? UNUSED_US : NOWHERE_US))
			continue;
		resolver_forget_host(h->resolver, &e->slots[0]);
		HASH_DEL(h->table, e);
		host_free(e);
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- any thread ---- */

/* What the lookup depends on, and no more: the user and other parameters are not part of it. */
static bool describe(const struct sip_uri_view *uri, struct proxy_target_config *out)
{
	bool said = sip_transport_said(uri->params);
	char port[8] = "";
	memset(out, 0, sizeof *out);
	if (!sip_transport_of_uri(uri->scheme, uri->params, &out->transport))
		return false;
	if (uri->port_said)
		snprintf(port, sizeof port, ":%u", uri->port);
	out->port = uri->port;
	int host = snprintf(out->host, sizeof out->host, "%s", uri->host);
	int n = snprintf(out->uri, sizeof out->uri, "%s:%s%s%s%s", strcasecmp(uri->scheme, "sips") ? "sip" : "sips", uri->host, port,
	                 said ? ";transport=" : "", said ? sip_transport_word(out->transport) : "");
	for (char *p = out->uri; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return host > 0 && (size_t)host < sizeof out->host && n > 0 && (size_t)n < sizeof out->uri;
}

static struct host *add(struct hosts *h, const struct proxy_target_config *c)
{
	struct host *e = HASH_COUNT(h->table) < HOSTS_MAX ? calloc(1, sizeof *e) : NULL;
	if (!e)
		return NULL;
	for (unsigned i = 0; i < SLOTS; i++) {
		target_init(&e->slots[i], c, i);
		e->slots[i].lone = true;
	}
	HASH_ADD_STR(h->table, slots[0].uri, e);
	bell_ring(&h->bell);
	return e;
}

/* That of the lowest priority, and of one host the first by RFC 6724. */
static bool best_place(const struct host *e, unsigned families, struct target_place *out)
{
	bool any = false;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct target_place p;
		if (!target_place(&e->slots[i], &p) || !(families & (addr_family(&p.address) == AF_INET6 ? 2u : 1u)))
			continue;
		if (any && (p.priority > out->priority || (p.priority == out->priority && p.rank >= out->rank)))
			continue;
		*out = p;
		any = true;
	}
	return any;
}

enum hosts_answer hosts_find(struct hosts *h, const struct sip_uri_view *uri, unsigned families, struct target_place *out)
{
	struct proxy_target_config c;
	struct host *e = NULL;
	enum hosts_answer answer = HOSTS_NOWHERE;
	if (!describe(uri, &c))
		return HOSTS_NOWHERE;
	pthread_mutex_lock(&h->lock);
	HASH_FIND_STR(h->table, c.uri, e);
	if (!e)
		e = add(h, &c);
	if (e) {
		e->used_us = clock_us();
		bool over = atomic_load(&e->slots[0].looked_up);
		answer = best_place(e, families, out) ? HOSTS_AT : over ? HOSTS_NOWHERE : HOSTS_ASKED;
	}
	pthread_mutex_unlock(&h->lock);
	return answer;
}

/* ---- life ---- */

struct hosts *hosts_new(struct loop *control, struct resolver *resolver, struct err *err)
{
	struct hosts *h = calloc(1, sizeof *h);
	struct timeval every = {SWEEP_S, 0};
	int rc = h ? bell_init(&h->bell) : -ENOMEM;
	if (rc) {
		free(h);
		err_set(err, -rc, "hosts: %s", strerror(-rc));
		return NULL;
	}
	pthread_mutex_init(&h->lock, NULL);
	h->resolver = resolver;
	h->on_bell = event_new(loop_base(control), h->bell.fd, EV_READ | EV_PERSIST, on_bell, h);
	h->sweep = event_new(loop_base(control), -1, EV_PERSIST, on_sweep, h);
	if (h->on_bell && h->sweep && !event_add(h->on_bell, NULL) && !event_add(h->sweep, &every))
		return h;
	hosts_free(h);
	err_set(err, ENOMEM, "hosts: out of memory");
	return NULL;
}

void hosts_free(struct hosts *h)
{
	struct host *e, *next;
	if (!h)
		return;
	if (h->on_bell)
		event_free(h->on_bell);
	if (h->sweep)
		event_free(h->sweep);
	bell_free(&h->bell);
	HASH_ITER(hh, h->table, e, next) {
		HASH_DEL(h->table, e);
		host_free(e);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}
