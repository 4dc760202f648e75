/* Server transactions (RFC 3261 section 17.2; Accepted state by RFC 6026). The text of the last
 * response is kept only while it may have to be repeated. */
#include "proxy/sip/txn.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/sip/txn_internal.h"

enum state { TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED };

struct txn_server {
	struct txn_layer *layer;
	struct timer repeat;         /* G */
	struct timer end;            /* H, I, J, L */
	int64_t interval_us;
	txn_server_end_fn *on_end;
	void *user;
	char *response;
	struct sip_path path;
	uint16_t response_len;
	uint8_t state;
	bool invite;
	uint16_t key_len;
	char key[];
};

#define OWNER(timer, member) ((struct txn_server *)(void *)((char *)(timer) - offsetof(struct txn_server, member)))

static void put_field(struct writer *w, const char *s)
{
	write_str(w, "|");
	write_str(w, s);
}

/* What tells transactions apart: branch, sent-by and method (section 17.2.3). A branch without the
 * cookie, or with nothing behind it (RFC 4475 section 3.2.1), is an RFC 2543 sender's: then the fields that section compares. 0: too long to be told apart. */
static size_t key_of(const struct sip_msg *m, const char *method, char key[TXN_KEY_MAX])
{
	struct writer w = writer_of(key, TXN_KEY_MAX);
	bool cookie = m->via.branch && !strncasecmp(m->via.branch, "z9hG4bK", 7) && m->via.branch[7];
	if (cookie) {
		write_str(&w, m->via.branch);
	} else {
		put_field(&w, m->call_id);
		write_dec(&w, m->cseq);
		put_field(&w, m->from_tag);
		put_field(&w, m->ruri.user);
		write_str(&w, "@");
		write_str(&w, m->ruri.host);
	}
	put_field(&w, m->via.host);
	write_str(&w, ":");
	write_dec(&w, m->via.port);
	put_field(&w, method);
	return w.bad ? 0 : writer_len(&w);
}

/* An ACK counts as the INVITE it is for. */
static const char *method_of(const struct sip_msg *m) { return m->method == SIP_ACK ? "INVITE" : m->method_name; }

static struct txn_server *find(struct txn_layer *layer, const struct sip_msg *m, const char *method)
{
	char key[TXN_KEY_MAX];
	size_t n = key_of(m, method, key);
	return n ? map_find(&layer->servers, key, n) : NULL;
}

size_t txn_invite_key(const struct sip_msg *req, char key[TXN_KEY_MAX]) { return key_of(req, "INVITE", key); }

struct txn_server *txn_server_find(struct txn_layer *layer, const struct sip_msg *req)
{
	struct txn_server *t = find(layer, req, method_of(req));
	/* RFC 6026 section 7.1: in Accepted an ACK is the TU's, even when it came under the INVITE's branch */
	return t && t->state == ACCEPTED && req->method == SIP_ACK ? NULL : t;
}

struct txn_server *txn_server_find_cancelled(struct txn_layer *layer, const struct sip_msg *cancel)
{
	return find(layer, cancel, "INVITE");
}

static const void *key_in(const void *thing, size_t *len)
{
	const struct txn_server *t = thing;
	*len = t->key_len;
	return t->key;
}

static void drop_response(struct txn_server *t)
{
	free(t->response);
	t->response = NULL;
	t->response_len = 0;
}

static void destroy(struct txn_server *t)
{
	struct txn_layer *layer = t->layer;
	map_remove(&layer->servers, t);
	layer->open -= t->state <= PROCEEDING;
	timer_stop(layer->wheel, &t->repeat);
	timer_stop(layer->wheel, &t->end);
	if (t->on_end)
		t->on_end(t->user);
	drop_response(t);
	free(t);
}

static void on_end(struct timer *timer) { destroy(OWNER(timer, end)); }

static void send_again(struct txn_server *t)
{
	if (!t->response)
		return;
	t->layer->send(t->layer->arg, &t->path, t->response, t->response_len);
	stats_inc(t->layer->stats, STAT_RETRANS_OUT);
}

static void on_repeat(struct timer *timer)
{
	struct txn_server *t = OWNER(timer, repeat);
	send_again(t);
	t->interval_us = t->interval_us * 2 > TXN_T2_US ? TXN_T2_US : t->interval_us * 2;
	timer_start(t->layer->wheel, &t->repeat, on_repeat, t->layer->now_us, t->interval_us);
}

static bool reliable(const struct txn_server *t) { return sip_transport_reliable(t->path.transport); }

static void end_in(struct txn_server *t, int64_t us)
{
	timer_start(t->layer->wheel, &t->end, on_end, t->layer->now_us, us);
}

struct txn_server *txn_server_new(struct txn_layer *layer, const struct sip_msg *req, const struct sip_path *path,
                                  txn_server_end_fn *ended, void *user)
{
	char key[TXN_KEY_MAX];
	size_t n = key_of(req, method_of(req), key);
	struct txn_server *t = n ? calloc(1, sizeof *t + n) : NULL;
	if (!t)
		return NULL;
	t->layer = layer;
	t->on_end = ended;
	t->user = user;
	t->path = *path;
	t->invite = req->method == SIP_INVITE;
	t->state = t->invite ? PROCEEDING : TRYING;
	t->key_len = (uint16_t)n;
	memcpy(t->key, key, n);
	if (!map_add(&layer->servers, t)) {
		free(t);
		return NULL;
	}
	layer->open++;
	return t;
}

static void on_ack(struct txn_server *t)
{
	if (t->state != COMPLETED)
		return;
	t->state = CONFIRMED;
	timer_stop(t->layer->wheel, &t->repeat);
	drop_response(t);
	end_in(t, reliable(t) ? 0 : TXN_T4_US);  /* timer I */
}

void txn_server_on_request(struct txn_layer *layer, struct txn_server *t, const struct sip_msg *req)
{
	if (req->method == SIP_ACK) {
		on_ack(t);
		return;
	}
	stats_inc(layer->stats, STAT_RETRANS_IN);
	if (t->state == PROCEEDING || t->state == COMPLETED)
		send_again(t);
}

static void keep(struct txn_server *t, const void *data, size_t len)
{
	drop_response(t);
	t->response = malloc(len);
	if (!t->response)
		return;  /* it has been sent; only its repetition is lost */
	memcpy(t->response, data, len);
	t->response_len = (uint16_t)len;
}

static void complete(struct txn_server *t, int status, const void *data, size_t len)
{
	t->layer->open--;
	if (t->invite && status < 300) {
		t->state = ACCEPTED;
		drop_response(t);
		end_in(t, TXN_TIMEOUT_US);  /* timer L */
		return;
	}
	keep(t, data, len);
	t->state = COMPLETED;
	if (t->invite && !reliable(t)) {
		t->interval_us = TXN_T1_US;
		timer_start(t->layer->wheel, &t->repeat, on_repeat, t->layer->now_us, t->interval_us);
	}
	end_in(t, reliable(t) && !t->invite ? 0 : TXN_TIMEOUT_US);  /* timer H or J */
}

void txn_server_respond(struct txn_layer *layer, struct txn_server *t, int status, const void *data, size_t len)
{
	bool again_2xx = t->invite && t->state == ACCEPTED && status >= 200 && status < 300;
	bool late_2xx = t->invite && (t->state == COMPLETED || t->state == CONFIRMED) && status >= 200 && status < 300;
	if (t->state > PROCEEDING && !again_2xx && !late_2xx)
		return;
	layer->send(layer->arg, &t->path, data, len);
	if (again_2xx || late_2xx)
		return;
	if (status >= 200) {
		complete(t, status, data, len);
		return;
	}
	t->state = PROCEEDING;
	keep(t, data, len);
}

void txn_server_abandon(struct txn_layer *layer, struct txn_server *t)
{
	(void)layer;
	destroy(t);
}

void *txn_server_user(const struct txn_server *t) { return t->user; }
bool txn_server_answered(const struct txn_server *t) { return t->state > PROCEEDING; }
const struct sip_path *txn_server_path(const struct txn_server *t) { return &t->path; }

void txn_layer_init(struct txn_layer *layer)
{
	map_init(&layer->servers, key_in);
	txn_clients_init(layer);
	layer->open = 0;
}

unsigned txn_servers_count(const struct txn_layer *layer) { return map_count(&layer->servers); }

void txn_servers_free(struct txn_layer *layer)
{
	for (uint32_t at; at = 0, map_count(&layer->servers);)
		destroy(map_next(&layer->servers, &at));
	map_free(&layer->servers);
}
