/* A loop and its mailbox. The mailbox is a list under a mutex that is held for an insertion only; the
 * post that finds it empty wakes the loop through an eventfd. libevent itself is used by the loop's own
 * thread alone and so needs no locks of its own: loop_break() too only sets a flag and wakes.
 *
 * loop_call() waits on a waiter shared with the letter and counted, because after a timeout the letter
 * is still under way. */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define HEARTBEAT_MS 100

struct letter {
	struct letter *next;
	loop_fn *fn;
	void *arg;
};

struct loop {
	char name[16];
	struct event_base *base;
	int wake_fd;
	struct event *wake_event;
	struct event *heartbeat_event;
	_Atomic int64_t heartbeat_us;
	atomic_bool breaking;
	pthread_t thread;
	bool started, poll;
	uint32_t gather_us;
	bool hurry;
	pthread_mutex_t lock;    /* guards the list */
	struct letter *first, **last;
};

static void wake(struct loop *loop)
{
	const uint64_t one = 1;
	/* fails only with the counter at its limit, and then it wakes already */
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static struct letter *take_letters(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct letter *list = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	return list;
}

static bool run_letters(struct loop *loop)
{
	struct letter *list = take_letters(loop), *letter;
	bool any = list;
	while ((letter = list)) {
		list = letter->next;
		letter->fn(letter->arg);
		free(letter);
	}
	return any;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t count;
	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	run_letters(loop);
	if (atomic_exchange(&loop->breaking, false))
		event_base_loopexit(loop->base, NULL);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	atomic_store_explicit(&loop->heartbeat_us, clock_us(), memory_order_relaxed);
}

static int open_events(struct loop *loop)
{
	const struct timeval period = {.tv_usec = HEARTBEAT_MS * 1000};
	loop->base = event_base_new();
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!loop->base || loop->wake_fd < 0)
		return -ENOMEM;
	loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	loop->heartbeat_event = event_new(loop->base, -1, EV_PERSIST, on_heartbeat, loop);
	if (!loop->wake_event || !loop->heartbeat_event)
		return -ENOMEM;
	if (event_add(loop->wake_event, NULL) || event_add(loop->heartbeat_event, &period))
		return -ENOMEM;
	event_active(loop->heartbeat_event, EV_TIMEOUT, 0);  /* the first turn stamps too */
	return 0;
}

static void close_events(struct loop *loop)
{
	if (loop->heartbeat_event)
		event_free(loop->heartbeat_event);
	if (loop->wake_event)
		event_free(loop->wake_event);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->base)
		event_base_free(loop->base);
}

struct loop *loop_new(const char *name)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return NULL;
	memcpy(loop->name, name, strnlen(name, sizeof(loop->name) - 1));
	pthread_mutex_init(&loop->lock, NULL);
	loop->last = &loop->first;
	if (open_events(loop)) {
		close_events(loop);
		pthread_mutex_destroy(&loop->lock);
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (run_letters(loop))
		;
	close_events(loop);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

struct event_base *loop_base(const struct loop *loop)
{
	return loop->base;
}

const char *loop_name(const struct loop *loop)
{
	return loop->name;
}

void loop_set_poll(struct loop *loop) { loop->poll = true; }
void loop_set_gather(struct loop *loop, uint32_t us) { loop->gather_us = us; }

void loop_hurry(struct loop *loop) { loop->hurry = true; }

static void gather(const struct loop *loop, int64_t *last_us)
{
	const struct timespec rest = {.tv_nsec = loop->gather_us * 1000L};
	if (clock_us() - *last_us < 2 * (int64_t)loop->gather_us)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	*last_us = clock_us();
}

static void run_gathering(struct loop *loop)
{
	int64_t last_us = 0;
	event_base_loop(loop->base, EVLOOP_ONCE);
	while (!event_base_got_exit(loop->base)) {
		if (loop->hurry) {
			loop->hurry = false;
			event_base_loop(loop->base, EVLOOP_NONBLOCK);
			continue;
		}
		gather(loop, &last_us);
		event_base_loop(loop->base, EVLOOP_ONCE);
	}
}

static void run_polling(struct loop *loop)
{
	do
		event_base_loop(loop->base, EVLOOP_NONBLOCK);
	while (!event_base_got_exit(loop->base));
}

void loop_run(struct loop *loop)
{
	if (loop->poll)
		run_polling(loop);
	else if (loop->gather_us)
		run_gathering(loop);
	else
		event_base_dispatch(loop->base);
}

static void *thread_main(void *arg)
{
	struct loop *loop = arg;
	pthread_setname_np(pthread_self(), loop->name);
	loop_run(loop);
	return NULL;
}

int loop_start(struct loop *loop)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);  /* the new thread inherits the mask */
	int ret = pthread_create(&loop->thread, NULL, thread_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	loop->started = !ret;
	return -ret;
}

void loop_break(struct loop *loop)
{
	atomic_store(&loop->breaking, true);
	wake(loop);
}

void loop_stop(struct loop *loop)
{
	if (!loop->started)
		return;
	loop_break(loop);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

int loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
	struct letter *letter = malloc(sizeof(*letter));
	if (!letter)
		return -ENOMEM;
	*letter = (struct letter){.fn = fn, .arg = arg};
	pthread_mutex_lock(&loop->lock);
	bool was_empty = !loop->first;
	*loop->last = letter;
	loop->last = &letter->next;
	pthread_mutex_unlock(&loop->lock);
	if (was_empty)
		wake(loop);
	return 0;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	loop_fn *fn;
	void *arg;
	bool done;
	int holders;  /* the caller and the letter */
};

static struct waiter *waiter_new(loop_fn *fn, void *arg)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return NULL;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter->cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&waiter->lock, NULL);
	waiter->fn = fn;
	waiter->arg = arg;
	waiter->holders = 2;
	return waiter;
}

/* Gives one hold back; the lock is held and is given back too. */
static void waiter_release(struct waiter *waiter)
{
	bool last = !--waiter->holders;
	pthread_mutex_unlock(&waiter->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&waiter->lock);
	pthread_cond_destroy(&waiter->cond);
	free(waiter);
}

static void waiter_run(void *arg)
{
	struct waiter *waiter = arg;
	waiter->fn(waiter->arg);
	pthread_mutex_lock(&waiter->lock);
	waiter->done = true;
	pthread_cond_signal(&waiter->cond);
	waiter_release(waiter);
}

int loop_call(struct loop *loop, loop_fn *fn, void *arg, unsigned timeout_ms)
{
	struct waiter *waiter = waiter_new(fn, arg);
	if (!waiter)
		return -ENOMEM;
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	int ret = loop_post(loop, waiter_run, waiter);
	pthread_mutex_lock(&waiter->lock);
	if (ret)
		waiter->holders--;
	while (!ret && !waiter->done)
		ret = -pthread_cond_timedwait(&waiter->cond, &waiter->lock, &until);
	if (waiter->done)
		ret = 0;
	waiter_release(waiter);
	return ret;
}

int64_t loop_heartbeat_us(const struct loop *loop)
{
	return atomic_load_explicit(&loop->heartbeat_us, memory_order_relaxed);
}
