/* hiredis in a libevent loop, with fewer system calls than hiredis' own adapter: the socket stays registered for reading,
 * and what is sent in one turn of the loop is written at its end, in one piece, without asking first whether it may be.
 * Together that is two system calls for a command and its reply, where it was eight. The loop's thread. */
#ifndef CLUSTER_REDIS_LOOP_H
#define CLUSTER_REDIS_LOOP_H

struct event_base;
struct redisAsyncContext;

/* As redisLibeventAttach(): 0 or -ENOMEM. It goes with the context. */
int redis_loop_attach(struct redisAsyncContext *ac, struct event_base *base);
#endif
