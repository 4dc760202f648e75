/* One kind of loop: a libevent base, a thread that runs it, and a mailbox through which any thread
 * hands it work. Tandem's threads (SIP workers, anycast, control, log) are each one of these. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

typedef void loop_fn(void *arg);

/* A loop that does not run yet; `name` (at most 15 bytes) names its thread. NULL without memory. */
struct loop *loop_new(const char *name);
/* After loop_stop() or before loop_start(); runs what is left in the mailbox first. */
void loop_free(struct loop *loop);

struct event_base *loop_base(const struct loop *loop);
const char *loop_name(const struct loop *loop);

/* Before loop_start(): it never sleeps, but asks the kernel again and again. For a processor that is its alone. */
void loop_set_poll(struct loop *loop);
/* Before loop_start(): while turns follow one another within twice `us`, it sleeps so long after each, and what comes
 * meanwhile is for one turn, as network cards gather what they interrupt for. What comes alone is not kept waiting. 0: each
 * turn at once. */
void loop_set_gather(struct loop *loop, uint32_t us);
/* The loop's thread: this turn has left something behind that can be done at once; none is gathered before it is. */
void loop_hurry(struct loop *loop);

/* Starts the thread. Signals are blocked in it. Returns 0 or a negative errno. */
int loop_start(struct loop *loop);
/* Runs the loop on the calling thread until loop_break(); for the control thread, which is main's. */
void loop_run(struct loop *loop);
/* Any thread: the loop ends after the events at hand. */
void loop_break(struct loop *loop);
/* From another thread: loop_break() and wait for the thread's end. */
void loop_stop(struct loop *loop);

/* Any thread: `fn(arg)` is called on the loop's thread, in the order of posting. Takes a lock held
 * only for a list insertion. Returns 0, or -ENOMEM (then fn is never called). */
int loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* As loop_post(), and waits until fn has returned; never from the loop's own thread. Returns 0,
 * -ENOMEM, or -ETIMEDOUT after `timeout_ms` (fn may then still run later, so its arg must live). */
int loop_call(struct loop *loop, loop_fn *fn, void *arg, unsigned timeout_ms);

/* A heartbeat: the loop's own timer stamps it every 100 ms, so its age tells whether the loop turns.
 * Any thread may read. Microseconds of clock_us(); 0 before the first turn. */
int64_t loop_heartbeat_us(const struct loop *loop);

#endif
