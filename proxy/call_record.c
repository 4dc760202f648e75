/* A call's records, filled for the log thread. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/call_internal.h"
#include "proxy/call_log.h"

static void fill_head(const struct call *c, struct record *r, enum record_kind kind, size_t size)
{
	*r = (struct record){
		.kind = (uint8_t)kind, .planned = c->planned, .trunk = c->trunk, .rule = c->rule, .pool = c->pool,
		.strategy = c->strategy, .call_id_len = c->call_id_len, .from_len = c->from_len, .to_len = c->to_len,
		.size = (uint32_t)size, .wall_us = clock_wall_us(), .table = c->table,
	};
}

static void fill_texts(const struct call *c, struct record *r)
{
	char *out = record_texts(r);
	const char *in = c->texts;
	memcpy(out, in, c->call_id_len);
	out += c->call_id_len;
	in += c->call_id_len + 1;
	memcpy(out, in, c->from_len);
	out += c->from_len;
	in += c->from_len + 1;
	memcpy(out, in, c->to_len);
}

/* Values as record.h says: '=' before each that is there. */
static uint32_t headers_len(const struct call *c)
{
	const struct decision *d = c->decision;
	uint32_t n = 0;
	for (unsigned i = 0; d && policy_table_header(c->table->policy, i); i++)
		n += d->headers[i] ? (uint32_t)strlen(d->headers[i]) + 2 : 1;
	return n;
}

static void fill_headers(const struct call *c, char *out)
{
	const struct decision *d = c->decision;
	for (unsigned i = 0; d && policy_table_header(c->table->policy, i); i++) {
		size_t n = d->headers[i] ? strlen(d->headers[i]) : 0;
		if (d->headers[i]) {
			*out++ = '=';
			memcpy(out, d->headers[i], n);
			out += n;
		}
		*out++ = 0;
	}
}

void call_log_route(struct call *c, const struct policy_plan *plan, unsigned region, const struct record_attempt *after,
                    int64_t decision_ns)
{
	unsigned n = plan ? plan->n_candidates : 0;
	uint32_t extra = headers_len(c);
	size_t size = record_size(n, c->call_id_len, c->from_len, c->to_len) + extra;
	struct record *r = call_log_wanted(c->w->common->log) ? worker_log_reserve(c->w, size) : NULL;
	if (!r)
		return;
	fill_head(c, r, RECORD_ROUTE, size);
	if (c->decision)
		r->wall_us = c->decision->query.wall_us;
	r->route = (struct record_route){
		.chosen = (int16_t)region, .attempt = c->n_branches, .n_candidates = (uint8_t)n,
		.because = plan ? (uint8_t)plan->because : 0, .after_region = after ? after->region : UINT8_MAX,
		.after_status = after ? after->status : 0, .after_unreachable = after && after->unreachable, .refuse = plan ? plan->refuse : 0,
		.threshold = plan ? plan->threshold : 0, .random = c->decision ? c->decision->query.random : 0,
		.headers_len = extra, .decision_us_x10 = (uint32_t)(decision_ns / 100),
	};
	if (n)
		memcpy(record_candidates(r), plan->candidates, n * sizeof plan->candidates[0]);
	fill_texts(c, r);
	fill_headers(c, record_texts(r) + c->call_id_len + c->from_len + c->to_len);
	worker_log_commit(c->w, r);
}

static void fill_end(const struct call *c, struct record *r, enum record_outcome outcome, int status)
{
	r->end = (struct record_end){
		.n_attempts = c->n_branches, .outcome = (uint8_t)outcome, .status = (uint16_t)status, .flags = c->flags,
		.region = c->n_branches ? c->branches[c->n_branches - 1].log.region : -1, .ring_ms = c->ring_ms,
		.setup_ms = (int32_t)((worker_now(c->w) - c->begun_us) / CLOCK_MS), .duration_ms = -1,
	};
	for (unsigned i = 0; i < c->n_branches; i++) {
		r->end.attempts[i] = c->branches[i].log;
		if (outcome == OUTCOME_ANSWERED && c->branches[i].log.answer_ms >= 0)
			r->end.region = c->branches[i].log.region;
	}
}

struct record *call_end_record(const struct call *c, enum record_outcome outcome, int status)
{
	size_t size = record_size(0, c->call_id_len, c->from_len, c->to_len);
	struct record *r = malloc(size);
	if (!r)
		return NULL;
	fill_head(c, r, RECORD_END, size);
	fill_end(c, r, outcome, status);
	fill_texts(c, r);
	table_hold(r->table);
	return r;
}

void call_log_end(struct call *c, enum record_outcome outcome, int status)
{
	size_t size = record_size(0, c->call_id_len, c->from_len, c->to_len);
	struct record *r = call_log_wanted(c->w->common->log) ? worker_log_reserve(c->w, size) : NULL;
	if (!r)
		return;
	fill_head(c, r, RECORD_END, size);
	fill_end(c, r, outcome, status);
	r->end.ended_by = outcome == OUTCOME_CANCELLED ? ENDED_BY_CALLER : ENDED_BY_NONE;
	fill_texts(c, r);
	worker_log_commit(c->w, r);
}
