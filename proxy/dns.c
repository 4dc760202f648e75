/* c-ares on libevent: see dns.h. It tells which descriptors it wants watched; each becomes an event. */
#include "proxy/dns.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/loop.h"

struct watch {
	struct watch *next;
	struct dns *dns;
	struct event *event;
	ares_socket_t fd;
};

struct dns {
	struct loop *loop;
	ares_channel channel;
	bool channel_ready;
	struct event *clock;         /* c-ares' own timeouts */
	struct watch *watches;
};

static void set_clock(struct dns *d)
{
	struct timeval tv, *next = ares_timeout(d->channel, NULL, &tv);
	if (next)
		event_add(d->clock, next);
	else
		event_del(d->clock);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	(void)fd;
	(void)what;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_clock(d);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = ((struct watch *)arg)->dns;
	ares_process_fd(d->channel, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_clock(d);
}

static void unwatch(struct dns *d, ares_socket_t fd)
{
	for (struct watch **p = &d->watches; *p; p = &(*p)->next) {
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
	struct dns *d = arg;
	unwatch(d, fd);
	if (!readable && !writable)
		return;
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return;  /* c-ares times the query out */
	*w = (struct watch){.next = d->watches, .dns = d, .fd = fd};
	w->event = event_new(loop_base(d->loop), fd, (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)),
	                     on_fd, w);
	if (!w->event) {
		free(w);
		return;
	}
	event_add(w->event, NULL);
	d->watches = w;
}

void dns_ask(struct dns *d, const char *name, enum dns_type type, ares_callback fn, void *arg)
{
	ares_query(d->channel, name, 1, (int)type, fn, arg);
	set_clock(d);
}

/* A family at a time: asked for both at once, c-ares tells what the one gave, and keeps for itself that the other failed. */
void dns_ask_addresses(struct dns *d, const char *host, int family, ares_addrinfo_callback fn, void *arg)
{
	struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = ARES_AI_NOSORT};
	ares_getaddrinfo(d->channel, host, NULL, &hints, fn, arg);
	set_clock(d);
}

static int open_channel(struct dns *d)
{
	struct ares_options options = {.sock_state_cb = on_socket_state, .sock_state_cb_data = d, .timeout = 2000, .tries = 2};
	int rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&d->channel, &options, ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	d->channel_ready = rc == ARES_SUCCESS;
	return rc;
}

struct dns *dns_new(struct loop *loop, struct err *err)
{
	struct dns *d = calloc(1, sizeof *d);
	if (!d) {
		err_set(err, ENOMEM, "resolver: out of memory");
		return NULL;
	}
	d->loop = loop;
	d->clock = event_new(loop_base(loop), -1, 0, on_clock, d);
	int rc = open_channel(d);
	if (rc == ARES_SUCCESS && d->clock)
		return d;
	err_set(err, EIO, "resolver: %s", rc == ARES_SUCCESS ? "out of memory" : ares_strerror(rc));
	dns_free(d);
	return NULL;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	if (d->channel_ready)
		ares_destroy(d->channel);
	while (d->watches)
		unwatch(d, d->watches->fd);
	if (d->clock)
		event_free(d->clock);
	ares_library_cleanup();
	free(d);
}
