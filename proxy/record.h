/* Call records: what a worker hands the log thread, as plain values in one block of memory, texts
 * behind them; record.c turns one into a line of JSON. Worker fills, log thread reads. */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include <stdint.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "policy/policy.h"

struct table;

enum record_kind { RECORD_LINE, RECORD_ROUTE, RECORD_END };

enum record_outcome { OUTCOME_ANSWERED, OUTCOME_BUSY, OUTCOME_REJECTED, OUTCOME_FAILED, OUTCOME_CANCELLED,
                      OUTCOME_TIMEOUT, OUTCOME_LIMITED };

/* Flags, in the manner of Envoy. */
#define RECORD_NR 1u    /* no region eligible: it was sent nowhere */
#define RECORD_FO 2u    /* failed over */
#define RECORD_PM 4u    /* panic: health ignored */
#define RECORD_TL 8u    /* trunk limit */
#define RECORD_WN 16u   /* came by the wrong node */
#define RECORD_DR 32u   /* this node was draining */
#define RECORD_EX 64u   /* never seen to end: expired */
#define RECORD_NA 128u   /* a number that the trunk may not call */
#define RECORD_RT 256u   /* tried at another target of the same region */
#define RECORD_TO 512u   /* no further attempt: failover.total was over */
#define RECORD_RB 1024u  /* no further attempt: the retry budget was spent */
#define RECORD_OV 2048u  /* turned away for overload */
#define RECORD_NB 4096u  /* no blackboard: decided by own figures alone */
#define RECORD_UC 8192u  /* unclaimed: no Redis server said in time whose it is */
#define RECORD_AD 16384u /* adopted from a dead node */

enum record_ended_by { ENDED_BY_NONE, ENDED_BY_CALLER, ENDED_BY_CALLEE };

struct record_attempt {
	uint8_t region, target;      /* indices; region 255: not known */
	uint16_t status;             /* final; 0: none came */
	bool unreachable;            /* an ICMP error came instead */
	int32_t first_ms, ring_ms, answer_ms;  /* since the attempt was sent; -1: did not happen */
};

struct record_route {
	int16_t chosen;              /* region index or -1 */
	uint8_t attempt;             /* from 1 */
	uint8_t because;             /* enum policy_because, for the first attempt */
	uint8_t after_region;        /* failover: which region failed before ... */
	uint16_t after_status;       /* ... and with what; 0: silence, or an ICMP error */
	bool after_unreachable;
	uint32_t decision_us_x10;    /* tenths of a microsecond */
	uint8_t n_candidates;        /* struct policy_candidate each, before the texts */
	uint16_t refuse;
	float threshold;
	uint64_t random;             /* with time, texts and facts all that the decision came from */
	uint32_t headers_len;        /* header values behind the texts, "=VALUE" or nothing, NUL, each */
};

struct record_end {
	struct record_attempt attempts[POLICY_ATTEMPTS_MAX];
	uint8_t n_attempts;
	uint8_t outcome, ended_by;
	uint16_t status;
	uint32_t flags;
	int16_t region;              /* that answered, or of the last attempt; -1 */
	uint32_t origin;             /* WN: token_name() of the node that set it up; else 0 */
	int32_t setup_ms, ring_ms;   /* -1: did not happen */
	int64_t duration_ms;         /* -1: was never up */
};

struct record {
	uint8_t kind;
	bool planned;                /* rule, pool and strategy are known */
	int16_t trunk, rule, pool;   /* indices; -1 */
	uint8_t strategy;
	uint16_t call_id_len, from_len, to_len;  /* a line: call_id_len is its length */
	uint32_t size;               /* of the whole block */
	int64_t wall_us;
	const struct table *table;
	union {
		struct record_route route;
		struct record_end end;
	};
	/* candidates[], then call_id, from, to, without NULs, then what headers_len says */
};

/* The bytes a record needs. */
size_t record_size(unsigned n_candidates, size_t call_id_len, size_t from_len, size_t to_len);
struct policy_candidate *record_candidates(struct record *r);
char *record_texts(struct record *r);

/* One line with its newline. */
void record_json(struct jw *w, const struct record *r, const char *node_id, bool mask_numbers);

/* It has been written, or never will be: lets go of the table that its indices are of. */
void record_done(const struct record *r);

const char *record_outcome_str(enum record_outcome outcome);

#endif
