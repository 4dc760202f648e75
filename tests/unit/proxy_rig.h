/* A SIP worker without a network, for tests: datagrams are put in by hand, what it sends is kept, and the
 * clock is the test's. One carrier, two regions, tried in this order:
 *
 *   carrier-a  192.0.2.0/24, 2001:db8:a::/48      us-east-1  198.51.100.21:5060
 *   the node   203.0.113.10 and [2001:db8::10]    us-west-2  198.51.100.22:5060
 *              (anycast), egress 198.51.100.11; probes, where a test has a prober: every 1000 ms, timeout 500, rise 2, fall 3 */
#ifndef TESTS_PROXY_RIG_H
#define TESTS_PROXY_RIG_H

#include "base/clock.h"
#include "proxy/record.h"
#include "proxy/worker.h"
#include "tests/unit/sip_text.h"

#define CARRIER "192.0.2.1:5060"
#define CARRIER6 "[2001:db8:a::1]:5060"
#define STRANGER "203.0.113.66:5060"
#define EAST "198.51.100.21:5060"
#define WEST "198.51.100.22:5060"
#define EAST2 "198.51.100.23:5060"   /* only with east_targets 2 */
#define EAST_TLS "198.51.100.21:5061"  /* with east_sips, in the place of EAST */
#define EGRESS "198.51.100.11:5060"
#define ANYONE ""              /* to rig_expect(): whoever it goes to */
#define ANYCAST "203.0.113.10:5060"
#define ANYCAST_TLS "203.0.113.10:5061"

struct rig_options {
	uint32_t max_calls, max_cps;       /* of the trunk */
	struct trunk_options trunk;
	uint32_t first_response_ms;        /* 0: 2000 */
	uint8_t attempts;                  /* 0: 2 */
	uint16_t never;                    /* one code more than those of the defaults */
	uint32_t attempt_ms, total_ms;
	double budget;
	uint32_t budget_min;
	unsigned east_targets;             /* 0: 1 */
	bool east_sips;                    /* its target is sips:east.example, which is at EAST_TLS */
	bool pool_of_one;                  /* calls go to us-east-1 alone */
	const char *node;                  /* NULL: "iad-1" */
};

/* The worker at hand; between rig_begin() and rig_end(). */
extern struct worker *rig_worker;

void rig_begin(const struct rig_options *options);  /* NULL: defaults */
/* Frees all, and checks that no transaction, timer or message is left over. */
void rig_end(void);
/* As if the node were another one of the cluster: the same secret, no state. */
void rig_other_node(const char *name);

/* A configuration with one trunk and one region, us-west-2, takes the place of the one so far. Between
 * rig_begin() and rig_end(), once. */
void rig_reload(void);

/* A datagram comes. */
void rig_receive(const char *source, const char *text);
/* A message comes by a connection. */
void rig_receive_by(enum sip_transport transport, const char *source, const char *text);
/* The same by that way; `from->peer` is its source. */
void rig_receive_path(const struct sip_path *from, const char *text);
/* The time goes on, every timer at its own. */
void rig_run(int64_t ms);

/* The next message sent must go to `peer` and begin with `start`: its text, good until the test's end.
 * Where it does not, the test fails, and the text is of what was sent instead, or "". */
const char *rig_expect(const char *peer, const char *start);
/* By which way that message went. */
const struct sip_path *rig_sent_by(void);
void rig_expect_none(void);
/* Forgets what has been sent so far; returns how many messages. */
unsigned rig_skip(void);
/* Frees every text and record handed out so far; none may be used any more. After rig_skip(). */
void rig_forget(void);

/* A response to `request` as its receiver would write it, with a To tag and `extra` header lines. */
const char *rig_response(const char *request, int status, const char *tag, const char *extra);
/* The value of a header line of `message` ("" if it has none), the n-th from 0. */
const char *rig_header(const char *message, const char *name, unsigned n);

/* The next record in the log's ring, or NULL; good until the test's end. */
const struct record *rig_record(void);
uint64_t rig_stat(enum stat_counter which);

#endif
