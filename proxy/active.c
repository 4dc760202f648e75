/* Established calls: see active.h. */
#include "proxy/active.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/call_log.h"

#define KEY_MAX 512

struct active {
	struct worker *w;
	struct timer expiry;
	struct record *end;
	int64_t answered_us;
	bool logged;
	uint16_t key_len;
	char key[];                  /* Call-ID, caller's tag, callee's tag, newlines between */
};

static size_t key_of(const char *call_id, size_t call_id_len, const char *caller, const char *callee,
                     char key[KEY_MAX])
{
	struct writer w = writer_of(key, KEY_MAX);
	write_bytes(&w, call_id, call_id_len);
	write_str(&w, "\n");
	write_str(&w, caller);
	write_str(&w, "\n");
	write_str(&w, callee);
	return w.bad ? 0 : writer_len(&w);
}

static const void *key_in(const void *thing, size_t *len)
{
	const struct active *a = thing;
	*len = a->key_len;
	return a->key;
}

void active_init(struct worker *w) { map_init(&w->actives, key_in); }

static void forget(struct active *a)
{
	map_remove(&a->w->actives, a);
	timer_stop(a->w->wheel, &a->expiry);
	table_release(a->end->table);
	free(a->end);
	free(a);
}

static void log_end(struct worker *w, const struct record *end)
{
	struct record *r = call_log_wanted(w->common->log) ? worker_log_reserve(w, end->size) : NULL;
	if (!r)
		return;
	memcpy(r, end, end->size);
	worker_log_commit(w, r);
}

static void end_call(struct active *a, enum record_ended_by by, uint32_t flags)
{
	struct worker *w = a->w;
	struct record *r = a->end;
	r->wall_us = clock_wall_us();
	r->end.duration_ms = (worker_now(w) - a->answered_us) / CLOCK_MS;
	r->end.ended_by = (uint8_t)by;
	r->end.flags |= flags;
	region_call_end(r->table->regions[r->end.region].live);
	trunk_call_end(&r->table->trunks[r->trunk]);
	if (a->logged)
		log_end(w, r);
	forget(a);
}

static void on_expiry(struct timer *timer)
{
	struct active *a = (struct active *)(void *)((char *)timer - offsetof(struct active, expiry));
	end_call(a, ENDED_BY_NONE, RECORD_EX);
}

/* The session's end and then what a last BYE may take (section 10), never above the maximum. */
static void expire_later(struct active *a, const struct sip_msg *answer)
{
	int64_t max_ms = a->w->table->timing.max_call_ms, ms = (int64_t)sip_msg_session_expires(answer) * 1000;
	ms = ms ? ms + TXN_TIMEOUT_US / CLOCK_MS : max_ms;
	timer_start(a->w->wheel, &a->expiry, on_expiry, worker_now(a->w), (ms < max_ms ? ms : max_ms) * CLOCK_MS);
}

void active_add(struct worker *w, struct record *end, const struct sip_msg *answer, bool logged)
{
	char key[KEY_MAX];
	size_t n = key_of(record_texts(end), end->call_id_len, answer->from_tag, answer->to_tag, key);
	struct active *a = n ? calloc(1, sizeof *a + n) : NULL, *old = n ? map_find(&w->actives, key, n) : NULL;
	region_call_begin(end->table->regions[end->end.region].live);
	if (old)  /* the same call answered anew: its end was never seen */
		end_call(old, ENDED_BY_NONE, RECORD_EX);
	if (a) {
		a->key_len = (uint16_t)n;
		memcpy(a->key, key, n);
	}
	if (!a || !map_add(&w->actives, a)) {  /* cannot be followed: as good as over */
		region_call_end(end->table->regions[end->end.region].live);
		trunk_call_end(&end->table->trunks[end->trunk]);
		if (logged)
			log_end(w, end);
		table_release(end->table);
		free(end);
		free(a);
		return;
	}
	a->w = w;
	a->end = end;
	a->logged = logged;
	a->answered_us = worker_now(w);
	expire_later(a, answer);
}

static struct active *find(struct worker *w, const char *call_id, const char *caller, const char *callee)
{
	char key[KEY_MAX];
	size_t n = key_of(call_id, strlen(call_id), caller, callee, key);
	return n ? map_find(&w->actives, key, n) : NULL;
}

bool active_knows(struct worker *w, const struct sip_msg *resp)
{
	return find(w, resp->call_id, resp->from_tag, resp->to_tag) || find(w, resp->call_id, resp->to_tag, resp->from_tag);
}

/* Refused so, these speak of a subscription or of a provisional response, not of the call. */
static bool of_the_call(const char *method)
{
	return strcmp(method, "PRACK") != 0 && strcmp(method, "NOTIFY") != 0 && strcmp(method, "REFER") != 0 &&
	       strcmp(method, "SUBSCRIBE") != 0;
}

void active_on_response(struct worker *w, const struct sip_msg *resp)
{
	bool refresh = resp->status / 100 == 2 && (resp->method == SIP_INVITE || !strcmp(resp->method_name, "UPDATE"));
	if (!refresh && !(resp->status == 481 && of_the_call(resp->method_name)))
		return;
	struct active *a = find(w, resp->call_id, resp->from_tag, resp->to_tag);
	if (!a)
		a = find(w, resp->call_id, resp->to_tag, resp->from_tag);
	if (a && refresh)
		expire_later(a, resp);
	else if (a)
		end_call(a, ENDED_BY_NONE, RECORD_EX);
}

/* What the token alone tells of a call that another node set up. */
static void log_foreign(struct worker *w, const struct sip_msg *bye, const struct token *t)
{
	size_t id = strlen(bye->call_id);
	struct record *r;
	if (!call_log_wanted(w->common->log) || id > UINT16_MAX)
		return;
	if (!(r = worker_log_reserve(w, record_size(0, id, 0, 0))))
		return;
	*r = (struct record){
		.kind = RECORD_END, .trunk = (int16_t)table_trunk_by_hash(w->table, t->trunk), .rule = -1, .pool = -1,
		.call_id_len = (uint16_t)id, .size = (uint32_t)record_size(0, id, 0, 0), .wall_us = clock_wall_us(),
		.table = w->table,
		.end = {.outcome = OUTCOME_ANSWERED, .status = 200, .flags = RECORD_WN, .origin = t->node,
		        .region = (int16_t)table_region_by_hash(w->table, t->region), .setup_ms = -1, .ring_ms = -1},
	};
	r->end.duration_ms = r->wall_us / CLOCK_MS - (int64_t)t->time_s * 1000;
	memcpy(record_texts(r), bye->call_id, id);
	worker_log_commit(w, r);
}

/* ... and said to the node that counts it. */
static void tell_foreign(struct worker *w, const struct sip_msg *bye, const struct token *t)
{
	char key[KEY_MAX];
	size_t n = key_of(bye->call_id, strlen(bye->call_id), bye->from_tag, bye->to_tag, key);
	if (n && w->common->foreign_end)
		w->common->foreign_end(w->common->foreign_end_arg, t->node, key, n);
}

void active_on_bye(struct worker *w, const struct sip_msg *bye, const struct token *token)
{
	struct active *a = find(w, bye->call_id, bye->from_tag, bye->to_tag);
	enum record_ended_by by = ENDED_BY_CALLER;
	if (!a) {
		a = find(w, bye->call_id, bye->to_tag, bye->from_tag);
		by = ENDED_BY_CALLEE;
	}
	if (a)
		end_call(a, by, 0);
	else if (token->node != w->common->node_hash) {
		log_foreign(w, bye, token);
		tell_foreign(w, bye, token);
	}
}

/* "Call-ID\nA\nB" to "Call-ID\nB\nA"; false: it is no such text. */
static bool turned(const char *call, size_t len, char out[KEY_MAX])
{
	const char *end = call + len, *a = memchr(call, '\n', len), *b;
	if (!a || !(b = memchr(a + 1, '\n', (size_t)(end - a - 1))) || len >= KEY_MAX)
		return false;
	snprintf(out, KEY_MAX, "%.*s\n%.*s\n%.*s", (int)(a - call), call, (int)(end - b - 1), b + 1, (int)(b - a - 1), a + 1);
	return true;
}

void active_over(struct worker *w, const char *call, size_t len)
{
	char other[KEY_MAX];
	struct active *a = map_find(&w->actives, call, len);
	enum record_ended_by by = ENDED_BY_CALLER;
	if (!a && turned(call, len, other)) {
		a = map_find(&w->actives, other, len);
		by = ENDED_BY_CALLEE;
	}
	if (a)
		end_call(a, by, RECORD_WN);
}

unsigned active_count(const struct worker *w) { return map_count(&w->actives); }

void active_free_all(struct worker *w)
{
	for (uint32_t at; at = 0, map_count(&w->actives);)
		forget(map_next(&w->actives, &at));
	map_free(&w->actives);
}
