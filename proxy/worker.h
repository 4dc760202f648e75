/* A SIP worker: one loop with its sockets, transactions, timers and calls. Everything here belongs to
 * the worker's thread, but `stats` (read by others), the inboxes and what is said to be atomic.
 *
 * A call belongs to the worker its Call-ID hashes to; a datagram that the kernel gave to another
 * worker is handed over once, through a ring. */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bell.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/ring.h"
#include "base/timer.h"
#include "proxy/alias.h"
#include "proxy/overload.h"
#include "proxy/proxy.h"
#include "proxy/sip/message.h"
#include "proxy/sip/txn.h"
#include "proxy/sip/udp.h"
#include "proxy/stats.h"
#include "proxy/table.h"
#include "proxy/token.h"

#define NO_SOCKET 255
#define ROUTE_HOST_LEN (ADDR_STR_LEN + 16)

struct call_log;
struct event;
struct held;
struct hosts;
struct prober;
struct worker;

/* What a worker runs, told from above (proxy.c), so that nothing here knows who serves a datagram. All
 * on the worker's thread, but `make` and `unmake`, which run while there is none. */
struct worker_app {
	int (*make)(struct worker *w);
	void (*start)(struct worker *w);
	void (*table)(struct worker *w);     /* w->table is another one now */
	/* A datagram, or a message of a stream; `data` has one writable byte after its end. */
	void (*message)(struct worker *w, const struct sip_path *from, char *data, size_t len);
	void (*unmake)(struct worker *w);
};

/* What all workers of a proxy have in common; immutable once they run, but for the atomics and the table,
 * which is for the control thread: a worker has its own. */
struct proxy_common {
	struct proxy_config config;
	const struct worker_app *app;
	struct table *table;
	struct call_log *log;
	struct hosts *hosts;             /* NULL: none is asked for */
	struct worker **workers;
	unsigned n_workers;
	uint32_t node_hash;
	uint8_t egress_socket[2];        /* IPv4, IPv6; NO_SOCKET */
	unsigned egress_families;        /* bit 0: IPv4, bit 1: IPv6 */
	bool certified;                  /* TLS servers that we connect to are shown a certificate, if they ask */
	char egress_via[SIP_TRANSPORTS][2][ADDR_STR_LEN];    /* sent-by of our Vias, by transport and family */
	char route_host[SIP_TRANSPORTS][2][ROUTE_HOST_LEN];  /* "host:port" or "host:port;transport=tcp" of our Record-Routes */
	int64_t started_us;
	_Atomic bool draining;
	_Atomic bool alone;          /* the other nodes' figures are out of reach */
	struct proxy_claims claims;      /* ask NULL: nobody can be asked */
	void (*foreign_end)(void *arg, uint32_t node, const char *call, size_t len);  /* NULL: nobody asks */
	void *foreign_end_arg;
};

/* How many more attempts may follow failed ones (call_failover.c). */
struct retry_budget {
	double tokens;
	int64_t since_us;
	bool begun;
};

struct worker {
	struct proxy_common *common;
	const struct table *table;       /* routes new calls; held */
	_Atomic(const struct table *) table_next;  /* to be taken at the next turn; held; NULL: none */
	unsigned index;
	struct loop *loop;
	struct udp *udp;
	struct stream_pool *streams;
	struct aliases aliases;          /* connections of all workers that stand for an address */
	char **names;                    /* who peers of TLS have to be; by index, from 1 */
	unsigned n_names;
	struct stats stats;
	struct signer *signer;
	struct timer_wheel *wheel;
	struct event *timer_event;
	int64_t timer_set_us;            /* when timer_event fires; INT64_MAX: not set */
	struct txn_layer txns;
	struct overload overload;
	int64_t stood_us;                /* end of its last standstill; 0: none */
	int64_t pause_us;                /* timers rest until then */
	bool paused;                     /* they have not run since */
	bool over;                       /* it is being taken down: what its mailbox still holds is nothing any more */
	struct map actives;              /* calls that are up (active.h) */
	struct claim *claims;            /* uthash: requests that wait to be told whose they are */
	struct claim *claims_kept;       /* memory for the next ones */
	unsigned n_claims_kept;
	struct held *held;               /* requests that wait for where a name is */
	unsigned n_held;
	struct event *turn_event;        /* ends a turn that began outside the worker's own events */
	struct prober *prober;
	struct ring *log;
	struct ring **inbox;             /* from each worker; NULL from itself */
	struct bell inbox_bell;
	struct event *inbox_event;
	_Atomic uint32_t transactions, open;  /* published each turn: all, and those that have no final response yet */
	_Atomic int64_t last_invite_us;  /* when the last new call came; 0: none yet */
	uint64_t random;                 /* xorshift state */
	struct retry_budget retries;
};

/* Binds; the loop runs only after worker_start(). NULL and `err` on failure. */
struct worker *worker_new(struct proxy_common *common, unsigned index, struct err *err);
int worker_start(struct worker *w);
void worker_stop(struct worker *w);
/* Control thread: the worker takes `table` at its next turn, which is soon. */
void worker_set_table(struct worker *w, struct table *table);
void worker_free(struct worker *w);

/* ---- for the code that runs on a worker ---- */

static inline int64_t worker_now(const struct worker *w) { return w->txns.now_us; }
/* Before whatever runs on the worker's thread: takes the time, and the newest table. */
void worker_begin(struct worker *w);
/* After what the worker's own events did not call: its turn ends when all that is at hand has run, so that what several
 * such send goes in one batch. */
void worker_end_soon(struct worker *w);
uint64_t worker_random(struct worker *w);
/* Whether nothing can be said of silence since then: this worker stood still meanwhile, or another one hangs, and what
 * the kernel gives to its sockets is for all of them. */
bool worker_deaf_since(const struct worker *w, int64_t since_us);
/* Which worker a Call-ID belongs to. */
unsigned worker_owner(const struct proxy_common *common, const char *call_id, size_t len);
/* The index of a peer's name in a struct sip_path; 0: none, or more than can be. */
uint16_t worker_name(struct worker *w, const char *name);
/* The certificates of TLS connections from now on; any thread, held. `listener` as in stream_set_tls(). */
int worker_set_tls(struct worker *w, int listener, struct tls_context *context);
/* Sends outside of any transaction. */
void worker_send(struct worker *w, const struct sip_path *path, const void *data, size_t len);

/* Room for a record of `size` bytes in the log's ring, or NULL (counted). worker_log_commit() hands
 * it over. */
struct record;
struct record *worker_log_reserve(struct worker *w, size_t size);
void worker_log_commit(struct worker *w, struct record *r);

static inline unsigned family_index(const struct addr *a) { return addr_family(a) == AF_INET6 ? 1 : 0; }

#endif
