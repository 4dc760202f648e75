/* Reading and writing for hiredis: see redis_loop.h. */
#include "cluster/redis_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>
#include <hiredis/async.h>

struct redis_loop {
	redisAsyncContext *ac;
	struct event *readable, *writable, *turn;
	bool reading, writing;           /* registered so */
	bool flushing;
	bool *gone;                      /* of the call into hiredis under way: tells it that we are */
};

/* ---- out: hiredis may find the connection broken, and free everything ---- */

static void flush(struct redis_loop *l)
{
	bool gone = false;
	l->gone = &gone;
	l->flushing = true;
	redisAsyncHandleWrite(l->ac);
	if (gone)
		return;
	l->flushing = false;
	l->gone = NULL;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_loop *l = arg;
	(void)fd, (void)what;
	l->writing = false;
	flush(l);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct redis_loop *l = arg;
	(void)fd, (void)what;
	if (!l->writing)
		flush(l);
}

static void add_write(void *arg)
{
	struct redis_loop *l = arg;
	if (l->writing)
		return;
	if (l->flushing || !(l->ac->c.flags & REDIS_CONNECTED)) {  /* the kernel takes no more; or it connects */
		l->writing = true;
		event_add(l->writable, NULL);
	} else {
		event_active(l->turn, EV_WRITE, 1);
	}
}

static void del_write(void *arg)
{
	struct redis_loop *l = arg;
	if (l->writing)
		event_del(l->writable);
	l->writing = false;
}

/* ---- in ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_loop *l = arg;
	(void)fd, (void)what;
	redisAsyncHandleRead(l->ac);
}

static void add_read(void *arg)
{
	struct redis_loop *l = arg;
	if (!l->reading)
		event_add(l->readable, NULL);
	l->reading = true;
}

static void del_read(void *arg)
{
	struct redis_loop *l = arg;
	if (l->reading)
		event_del(l->readable);
	l->reading = false;
}

/* ---- life ---- */

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void cleanup(void *arg)
{
	struct redis_loop *l = arg;
	if (l->gone)
		*l->gone = true;
	free_event(l->readable);
	free_event(l->writable);
	free_event(l->turn);
	free(l);
}

int redis_loop_attach(struct redisAsyncContext *ac, struct event_base *base)
{
	struct redis_loop *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->ac = ac;
	l->readable = event_new(base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(base, ac->c.fd, EV_WRITE, on_writable, l);
	l->turn = event_new(base, -1, 0, on_turn, l);
	if (!l->readable || !l->writable || !l->turn) {
		cleanup(l);
		return -ENOMEM;
	}
	ac->ev.data = l;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	add_read(l);
	add_write(l);  /* that it is connected is seen by that */
	return 0;
}
