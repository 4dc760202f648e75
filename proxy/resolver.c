/* The resolver: see resolver.h. c-ares tells which descriptors it wants watched; each becomes a
 * libevent event. */
#include "proxy/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#define TTL_MIN_S 5
#define TTL_MAX_S 300
#define RETRY_S 5

struct watch {
	struct watch *next;
	struct resolver *r;
	struct event *event;
	ares_socket_t fd;
};

struct name {
	struct name *next;
	struct resolver *r;
	struct target *target;       /* NULL: no longer wanted, and freed when the answer is here */
	struct event *again;
	bool wanted, failing, asking;
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	bool channel_ready;
	unsigned families;
	struct event *clock;         /* c-ares' own timeouts */
	struct watch *watches;
	struct name *names;
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

static void name_free(struct name *n);

static void again_in(struct name *n, int seconds)
{
	struct timeval tv = {seconds, 0};
	event_add(n->again, &tv);
}

static bool wanted(const struct resolver *r, const struct sockaddr *sa)
{
	return sa && ((sa->sa_family == AF_INET && r->families & 1) || (sa->sa_family == AF_INET6 && r->families & 2));
}

/* Keeps the address in use while the answer still has it: answers come in any order. */
static const struct ares_addrinfo_node *choose(const struct name *n, const struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *first = NULL;
	struct addr now, a;
	bool have = target_address(n->target, &now);
	for (const struct ares_addrinfo_node *i = info->nodes; i; i = i->ai_next) {
		if (!wanted(n->r, i->ai_addr))
			continue;
		memcpy(&a, i->ai_addr, i->ai_addrlen <= sizeof a ? i->ai_addrlen : sizeof a);
		if (have && addr_same_host(&a, &now))
			return i;
		if (!first)
			first = i;
	}
	return first;
}

static void take(struct name *n, const struct ares_addrinfo_node *node)
{
	struct addr a = {0}, before;
	char text[ADDR_STR_LEN];
	memcpy(&a, node->ai_addr, node->ai_addrlen <= sizeof a ? node->ai_addrlen : sizeof a);
	addr_set_port(&a, n->target->port);
	if (!target_address(n->target, &before) || !addr_equal(&a, &before))
		log_info("target %s is at %s", n->target->uri, addr_str(&a, text));
	target_set_address(n->target, &a);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct name *n = arg;
	(void)timeouts;
	n->asking = false;
	if (!n->target) {
		if (info)
			ares_freeaddrinfo(info);
		name_free(n);
		return;
	}
	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
		return;
	const struct ares_addrinfo_node *node = status == ARES_SUCCESS ? choose(n, info) : NULL;
	int seconds = RETRY_S;
	if (node) {
		take(n, node);
		n->failing = false;
		seconds = node->ai_ttl < TTL_MIN_S ? TTL_MIN_S : node->ai_ttl > TTL_MAX_S ? TTL_MAX_S : node->ai_ttl;
	} else if (!n->failing) {
		n->failing = true;
		log_warn("target %s: %s does not resolve: %s; the last address stays", n->target->uri, n->target->host,
		         status == ARES_SUCCESS ? "no address of a family this node sends from" : ares_strerror(status));
	}
	if (info)
		ares_freeaddrinfo(info);
	again_in(n, seconds);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct name *n = arg;
	struct resolver *r = n->r;   /* the answer may be here at once */
	struct ares_addrinfo_hints hints = {
		.ai_family = n->r->families == 3 ? AF_UNSPEC : n->r->families == 2 ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_DGRAM, .ai_flags = ARES_AI_NOSORT,
	};
	(void)fd;
	(void)what;
	n->asking = true;
	ares_getaddrinfo(n->r->channel, n->target->host, NULL, &hints, on_answer, n);
	set_clock(r);
}

static struct name *name_of(struct resolver *r, const struct target *target)
{
	struct name *n = r->names;
	while (n && n->target != target)
		n = n->next;
	return n;
}

static int want(struct resolver *r, struct target *target)
{
	struct name *n = name_of(r, target);
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n)
			return -ENOMEM;
		*n = (struct name){.next = r->names, .r = r, .target = target};
		n->again = event_new(loop_base(r->loop), -1, 0, on_again, n);
		if (!n->again) {
			free(n);
			return -ENOMEM;
		}
		r->names = n;
		again_in(n, 0);
	}
	n->wanted = true;
	return 0;
}

static void name_free(struct name *n)
{
	if (n->again)
		event_free(n->again);
	free(n);
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
		n->target = NULL;
		if (!n->asking)
			name_free(n);
	}
}

int resolver_set_table(struct resolver *r, const struct table *table)
{
	int rc = 0;
	for (struct name *n = r->names; n; n = n->next)
		n->wanted = false;
	for (unsigned i = 0; i < table->n_regions; i++)
		for (unsigned j = 0; j < table->regions[i].n_targets; j++)
			if (!table->regions[i].targets[j]->literal && want(r, table->regions[i].targets[j]))
				rc = -ENOMEM;
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
