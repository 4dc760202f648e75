/* What the files of a call share: call.c (its life), call_decide.c (where it may go), branch.c (attempts), call_failover.c
 * and call_best.c (what comes after a failed one), call_record.c (its log). */
#ifndef PROXY_CALL_INTERNAL_H
#define PROXY_CALL_INTERNAL_H

#include "proxy/call.h"
#include "proxy/claim.h"
#include "proxy/record.h"

#define DIALOGS_MAX 4            /* answers of one INVITE that are told apart: forks, late ones */
#define MAX_BREADTH 60           /* recommended by RFC 5393 section 5.3.3 */

enum call_state {
	CALL_TRYING,                 /* nothing but 100 has been relayed: another region may be tried */
	CALL_RINGING,                /* a provisional has been relayed: it stays where it is */
	CALL_DONE                    /* a final response has been sent */
};

enum call_event {
	CALL_ON_PROVISIONAL,         /* 101 to 199 */
	CALL_ON_ANSWER,              /* 2xx */
	CALL_ON_FAILURE,             /* 3xx to 6xx */
	CALL_ON_SILENCE,             /* no response within failover.first_response */
	CALL_ON_TIMEOUT,             /* timer B, timer C, or nothing after CANCEL */
	CALL_ON_CANCEL               /* from the caller; no branch */
};

struct branch {
	struct call *call;
	struct txn_client *txn;      /* NULL when it has ended */
	struct timer timer;          /* first response, then timer C */
	int64_t sent_us;
	struct record_attempt log;
	bool counted, waiting;       /* in its region's setups, and in those without a response */
	bool given_up;               /* CANCEL is wanted: its failures mean nothing any more */
	bool waits_again;            /* its first response: the first wait was not heard out */
	bool expired;                /* timer C: CANCEL is wanted, its failure is a time-out (section 16.8) */
	bool over;                   /* it has had its final response, or its time */
};

/* What a call was decided by; lives while it is routed, on the worker's stack. */
#define HEADER_VALUE_LEN 128
struct decision {
	struct policy_query query;
	struct policy_plan plan;
	const char *headers[POLICY_HEADERS_MAX];
	char values[POLICY_HEADERS_MAX][HEADER_VALUE_LEN];
	int64_t ns;                  /* that it took */
};

/* A failure that the caller may have to hear of, if no region takes the call. */
struct call_best {
	int status;
	uint32_t len;
	char text[];                 /* as it came, and a byte more for the parser */
};

struct call {
	struct worker *w;
	const struct table *table;   /* it was begun with; held: every index here is of this one */
	const struct decision *decision;  /* of the first attempt, for its record; else NULL */
	struct txn_server *server;   /* NULL when it has ended */
	char *request;               /* the INVITE as it came, until the final response */
	uint32_t request_len;
	struct call_best *best;      /* malloc'ed; NULL: no region has said anything yet */
	struct addr source;
	struct sip_path back;        /* where answers go, also when the server's transaction is over */
	struct trunk_edge edge;      /* which responses cross on their way back; of the table */
	uint8_t breadth;             /* Max-Breadth of the INVITE (RFC 5393), at most 60 */
	enum call_state state;
	bool again;                  /* within a dialog */
	bool cancelled, admitted, planned;
	bool secure, sips_nowhere;   /* it came as sips:; and there is no region for that */
	uint32_t flags;              /* RECORD_... */
	int16_t trunk, rule, pool;
	uint8_t strategy;
	uint8_t order[POLICY_ATTEMPTS_MAX], n_order, next;
	uint8_t n_regions;           /* tried */
	uint8_t attempts_before;     /* by a dead node */
	struct policy_failover failover;
	int64_t begun_us;
	int32_t ring_ms;             /* -1 until one is relayed */
	char claim[CLAIM_KEY_LEN];   /* "": it is not claimed */
	char *texts;                 /* call_id, from, to, each with its NUL */
	uint16_t call_id_len, from_len, to_len;
	uint32_t dialogs[DIALOGS_MAX];   /* token_name() of the To tags that have answered */
	uint8_t n_dialogs;
	uint8_t n_branches;
	struct branch branches[POLICY_ATTEMPTS_MAX];
};

/* call.c: everything that happens to a call once it has begun. `resp` is NULL where the event has none. */
void call_step(struct call *c, struct branch *b, enum call_event event, const struct sip_msg *m);
/* Frees the call once no transaction refers to it. */
void call_free_if_over(struct call *c);
const char *call_number_to(const struct call *c);
const char *call_number_from(const struct call *c);
struct trunk *call_trunk(const struct call *c);

/* call_decide.c: asks policy_decide(), and keeps the plan in the call; returns what that returned. */
int call_decide(struct call *c, const struct sip_msg *invite, struct decision *d);

/* call_best.c: keeps the response, should it be the best so far (section 16.7 step 6). */
void call_best_keep(struct call *c, const struct sip_msg *resp);
/* What the caller is told where no region has answered anything. */
int call_best_unheard(const struct call *c);

/* call_failover.c: whether that response sends the call on. */
bool call_failover_on(const struct call *c, int status);
/* Starts the first attempt of the plan; false when no region has an address. */
bool call_try_first(struct call *c, const struct sip_msg *invite, const struct policy_plan *plan, int64_t decision_ns);
/* Goes on with the attempt that a dead node has made, as if it were that node; false where its address is not ours now. */
bool call_try_again(struct call *c, const struct sip_msg *invite, const struct proxy_sent *sent, const struct policy_plan *plan,
                    int64_t decision_ns);
/* Starts the one after `after`; false when there is none, or when it may not be: c->flags says so. */
bool call_try_next(struct call *c, const struct sip_msg *invite, const struct record_attempt *after);
/* Nothing at all came back of that attempt, and another target of its region has the call: others are asked first for as
 * long as the probes may need to find out. */
void call_doubt_target(const struct call *c, const struct record_attempt *after);
/* A 503's Retry-After: its target is left alone for so long, where there is another. */
void call_shun_target(const struct call *c, const struct branch *b, const struct sip_msg *resp);
/* Of failover.total, µs; INT64_MAX: it has no limit. */
int64_t call_time_left(const struct call *c);
/* Attempts that it may make, over all. */
unsigned call_attempts_most(const struct call *c);

/* branch.c: sends the INVITE to a target of `region` that it has not been at; false when there is none to send to. */
bool branch_start(struct call *c, const struct sip_msg *invite, unsigned region);
/* The INVITE that a dead node has sent, once more. The region it went to, or -1. */
int branch_start_again(struct call *c, const struct sip_msg *invite, const struct proxy_sent *sent);
/* Where a dialog goes. */
bool branch_start_to(struct call *c, const struct sip_msg *invite, const struct forward *f, struct sip_forward *sf);
/* No longer wanted. */
void branch_give_up(struct branch *b);
/* The same, for another has answered: its CANCEL says so (RFC 3326). */
void branch_elsewhere(struct branch *b);
/* The region's counters: its setup is over. */
void branch_settle(struct branch *b, bool region_failed);

/* call_record.c */
void call_log_route(struct call *c, const struct policy_plan *plan, unsigned region, const struct record_attempt *after,
                    int64_t decision_ns);
/* The end record, malloc'ed, with a hold on its table; NULL without memory. */
struct record *call_end_record(const struct call *c, enum record_outcome outcome, int status);
void call_log_end(struct call *c, enum record_outcome outcome, int status);

#endif
