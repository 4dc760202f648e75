/* One connection to one Redis server, over hiredis' asynchronous client: it comes back by itself, and every
 * command is answered once, by a reply, by its deadline or by the loss of the connection. It never resolves a
 * name: a server is an address or a Unix socket.
 *
 * A client belongs to the thread of its event_base: each SIP worker that claims has one of its own, the control
 * thread has one a server for the blackboard. Only redis_status() may be called by any thread.
 *
 * hiredis 0.14 speaks no TLS: a server elsewhere is reached by a Unix socket of stunnel. */
#ifndef CLUSTER_REDIS_H
#define CLUSTER_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct redisReply;
struct redis;

#define REDIS_TEXT_MAX 128

struct redis_server {
	char text[REDIS_TEXT_MAX];       /* as written: holds no secret */
	char path[108];                  /* of the Unix socket; empty: */
	char host[48];                   /* address literal */
	uint16_t port;
	uint16_t db;
	char user[64];                   /* ACL user; empty: the default one */
	char password[128];              /* empty: no AUTH */
};

/* "redis://ADDRESS[:PORT][/DB]" or "unix:/PATH". -EINVAL and `err`, which says what is right; user and password,
 * which are no part of it, stay as they are in *out. Any thread. */
int redis_server_parse(const char *text, struct redis_server *out, struct err *err);

struct redis_timing {
	uint32_t connect_ms;             /* until it is given up; 0: 1000 */
	uint32_t silence_ms;             /* commands wait and nothing comes: the connection is given up; 0: 1000 */
	uint32_t backoff_max_ms;         /* between attempts, doubled from 100 ms; 0: 2000 */
};

enum redis_state { REDIS_DOWN, REDIS_CONNECTING, REDIS_READY };

/* Once a change of state is done: `ready` or not any more. May send commands; must not free the client. */
typedef void redis_on_state(void *arg, bool ready);

/* Connects from the loop's next turn on. `server` is copied. NULL without memory. */
struct redis *redis_new(struct event_base *base, const struct redis_server *server, const struct redis_timing *timing,
                        redis_on_state *on_state, void *arg);
/* Commands that wait are answered with NULL first. NULL does nothing. Not from a callback of its own. */
void redis_free(struct redis *redis);

/* The answer to a command, exactly once: NULL when there was none in time. `reply` may be an error of the server's
 * (REDIS_REPLY_ERROR), and belongs to hiredis: it is gone afterwards. Never called from within redis_command(). */
typedef void redis_on_reply(void *arg, const struct redisReply *reply);

/* Sends a command by hiredis' format (%s, %b with a size_t, %d ...), pipelined. 0; -ENOTCONN while not ready, -ENOBUFS
 * when too many wait, -ENOMEM: then `fn` is never called. `fn` NULL: nobody wants the answer. */
int redis_command(struct redis *redis, int64_t timeout_us, redis_on_reply *fn, void *arg, const char *format, ...);
/* The same of `argc` words of given lengths. */
int redis_command_argv(struct redis *redis, int64_t timeout_us, redis_on_reply *fn, void *arg, int argc,
                       const char **argv, const size_t *lens);

/* The same for nobody: the server sends no reply (CLIENT REPLY SKIP, where it is permitted), which spares both sides most
 * of the work. */
int redis_command_quiet(struct redis *redis, int argc, const char **argv, const size_t *lens);

/* Whatever was sent under `arg` and waits still is answered to nobody: for an owner that goes. */
void redis_forget(struct redis *redis, const void *arg);

struct redis_status {
	enum redis_state state;
	uint64_t commands, replies, late, lost;  /* late: answered after the deadline or never; lost: connections */
	int64_t since_us;                /* clock_us() of the last change of state */
	uint32_t latency_us;             /* of the last reply; 0: none yet */
};
/* Any thread. */
void redis_status(const struct redis *redis, struct redis_status *out);
bool redis_ready(const struct redis *redis);
const struct redis_server *redis_server(const struct redis *redis);
/* Why it is not ready, for a person; empty: no reason known. The client's thread. */
const char *redis_why(const struct redis *redis);
const char *redis_state_str(enum redis_state state);  /* "down" "connecting" "ready" */

#endif
