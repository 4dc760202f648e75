/* Taking this node out of service without losing a call, as one ordered act: the route is made worse, new
 * calls stop coming, the route goes, setups end; then it stays so (API) or the process ends (SIGTERM). Each
 * step is a line in the log. Control thread, but drain_facts() and drain_step(). */
#ifndef DAEMON_DRAIN_H
#define DAEMON_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/route.h"

struct anycast;
struct drain;
struct loop;
struct proxy;

enum drain_step {
	DRAIN_NO,                   /* "in service" */
	DRAIN_WORSE,                /* "route made worse": MED and RFC 8326; calls are served */
	DRAIN_LEAVE,                /* "withdrawn": what is still under way is served */
	DRAIN_FINISH,               /* "finishing": new calls get 503 */
	DRAIN_DONE                  /* "drained" */
};

struct drain_config {
	uint32_t quiet_ms;          /* no new call for so long: they have stopped coming */
	uint32_t limit_ms;          /* ... or this has passed */
	uint32_t finish_ms;         /* what is under way is given so long */
};

/* `anycast` may be NULL. `done(arg)` is called once, at the end of a drain that ends the node. NULL without
 * memory. */
struct drain *drain_new(struct loop *loop, struct proxy *proxy, struct anycast *anycast,
                        const struct drain_config *config, void (*done)(void *arg), void *arg);
void drain_free(struct drain *drain);

/* Begins, or goes on with, a drain; `stop`: to the end of the node. `who` is for the log. */
void drain_begin(struct drain *drain, bool stop, const char *who);
/* Back into service. -EBUSY and `err` once the node is stopping. 0 also when it is in service. */
int drain_end(struct drain *drain, const char *who, struct err *err);

/* Any thread. */
enum drain_step drain_step(const struct drain *drain);
const char *drain_step_str(enum drain_step step);
/* Any thread: what of it the route has to know. */
void drain_facts(const struct drain *drain, struct policy_route_facts *facts);

struct drain_status {
	enum drain_step step;
	bool stopping;
	int64_t since_wall_us;      /* of the step; 0: in service */
	uint64_t new_calls;         /* that came since the drain began */
	uint32_t open, calls;       /* requests under way, calls established */
};
void drain_status(const struct drain *drain, struct drain_status *out);

#endif
