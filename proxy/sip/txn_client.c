/* Client transactions (RFC 3261 section 17.1; Accepted state by RFC 6026), CANCEL among them. The
 * request's text is kept while it may have to be repeated, cancelled or acknowledged. */
#include "proxy/sip/txn.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/sip/txn_internal.h"

enum state { CALLING, PROCEEDING, COMPLETED, ACCEPTED };

struct other_way {
	struct sip_path path;
	uint16_t len;
	char data[];
};

struct txn_client {
	struct txn_layer *layer;
	struct timer repeat;         /* A, E */
	struct timer end;            /* B, D, F, K, M */
	int64_t interval_us;
	const struct txn_client_user *ops;
	void *user;
	char *request, *reason;      /* reason: lines for the CANCEL, NULL: none */
	struct other_way *other;     /* where it goes should its connection fail; NULL: nowhere */
	struct sip_path path;
	uint16_t request_len;
	uint8_t state, method;
	bool cancel_wanted, cancelled;
	uint8_t key_len;
	char key[];
};

#define OWNER(timer, member) ((struct txn_client *)(void *)((char *)(timer) - offsetof(struct txn_client, member)))
#define KEY_MAX 96

/* The top branch and the CSeq's method (section 17.1.3). */
static size_t key_of(const char *branch, enum sip_method method, char key[KEY_MAX])
{
	struct writer w = writer_of(key, KEY_MAX);
	write_str(&w, branch);
	write_str(&w, "|");
	write_dec(&w, (unsigned)method);
	return w.bad ? 0 : writer_len(&w);
}

static const void *key_in(const void *thing, size_t *len)
{
	const struct txn_client *t = thing;
	*len = t->key_len;
	return t->key;
}

void txn_clients_init(struct txn_layer *layer) { map_init(&layer->clients, key_in); }

static void destroy(struct txn_client *t)
{
	struct txn_layer *layer = t->layer;
	map_remove(&layer->clients, t);
	timer_stop(layer->wheel, &t->repeat);
	timer_stop(layer->wheel, &t->end);
	if (t->ops)
		t->ops->on_end(t->user);
	free(t->request);
	free(t->reason);
	free(t->other);
	free(t);
}

static void on_end(struct timer *timer) { destroy(OWNER(timer, end)); }

static void on_timeout(struct timer *timer)
{
	struct txn_client *t = OWNER(timer, end);
	const struct txn_client_user *ops = t->ops;
	if (ops)
		ops->on_timeout(t->user);
	destroy(t);
}

static void send_request(struct txn_client *t) { t->layer->send(t->layer->arg, &t->path, t->request, t->request_len); }

static void on_repeat(struct timer *timer)
{
	struct txn_client *t = OWNER(timer, repeat);
	send_request(t);
	stats_inc(t->layer->stats, STAT_RETRANS_OUT);
	t->interval_us *= 2;
	if (t->method != SIP_INVITE && t->interval_us > TXN_T2_US)
		t->interval_us = TXN_T2_US;
	timer_start(t->layer->wheel, &t->repeat, on_repeat, t->layer->now_us, t->interval_us);
}

static bool reliable(const struct txn_client *t) { return sip_transport_reliable(t->path.transport); }

static void end_in(struct txn_client *t, timer_fn *fn, int64_t us)
{
	timer_start(t->layer->wheel, &t->end, fn, t->layer->now_us, us);
}

struct txn_client *txn_client_new(struct txn_layer *layer, enum sip_method method, const char *branch,
                                  const struct sip_path *path, const void *data, size_t len,
                                  const struct txn_client_user *ops, void *user)
{
	char key[KEY_MAX];
	size_t n = key_of(branch, method, key);
	struct txn_client *t = n && len <= UINT16_MAX ? calloc(1, sizeof *t + n) : NULL;
	if (!t)
		return NULL;
	t->request = malloc(len);
	if (!t->request) {
		free(t);
		return NULL;
	}
	memcpy(t->request, data, len);
	t->request_len = (uint16_t)len;
	t->layer = layer;
	t->ops = ops;
	t->user = user;
	t->path = *path;
	t->method = (uint8_t)method;
	t->key_len = (uint8_t)n;
	memcpy(t->key, key, n);
	if (!map_add(&layer->clients, t)) {
		free(t->request);
		free(t);
		return NULL;
	}
	send_request(t);
	t->interval_us = TXN_T1_US;
	if (!reliable(t))
		timer_start(layer->wheel, &t->repeat, on_repeat, layer->now_us, t->interval_us);
	end_in(t, on_timeout, TXN_TIMEOUT_US);
	return t;
}

struct txn_client *txn_client_find(struct txn_layer *layer, const struct sip_msg *resp)
{
	char key[KEY_MAX];
	size_t n = resp->via.branch ? key_of(resp->via.branch, resp->method, key) : 0;
	return n ? map_find(&layer->clients, key, n) : NULL;
}

/* The branch of the topmost Via, and what the line before it asks for, of a text that may end anywhere. */
static struct txn_client *find_quoted(struct txn_layer *layer, const char *quote, size_t len)
{
	static const struct { const char *start; enum sip_method method; } methods[] = {
		{"INVITE ", SIP_INVITE}, {"OPTIONS ", SIP_OPTIONS},
	};
	char branch[KEY_MAX], key[KEY_MAX];
	const char *end = quote + len, *p = memmem(quote, len, ";branch=", 8);
	struct txn_client *t = NULL;
	size_t n = 0;
	for (p = p ? p + 8 : end; p < end && n + 1 < sizeof branch && !strchr("; ,\t\r\n", *p); p++)
		branch[n++] = *p;
	branch[n] = 0;
	for (unsigned i = 0; p < end && i < sizeof methods / sizeof methods[0]; i++) {
		if (len < strlen(methods[i].start) || memcmp(quote, methods[i].start, strlen(methods[i].start)) != 0)
			continue;
		n = key_of(branch, methods[i].method, key);
		if (n)
			t = map_find(&layer->clients, key, n);
	}
	return t;
}

bool txn_client_unreachable(struct txn_layer *layer, const char *quote, size_t len)
{
	struct txn_client *t = find_quoted(layer, quote, len);
	if (!t || t->state != CALLING || t->cancel_wanted || !t->ops || !t->ops->on_unreachable)
		return false;
	stats_inc(layer->stats, STAT_TX_UNREACHABLE);
	t->ops->on_unreachable(t->user, "nobody is there");
	destroy(t);
	return true;
}

static struct txn_client *waiting_at(const struct txn_layer *layer, const struct sip_path *path)
{
	uint32_t at = 0;
	for (struct txn_client *t; (t = map_next(&layer->clients, &at));)
		if (t->state == CALLING && t->path.transport == path->transport && t->path.name == path->name &&
		    !t->path.stream.generation && !t->cancel_wanted && t->ops && t->ops->on_unreachable &&
		    addr_equal(&t->path.peer, &path->peer))
			return t;
	return NULL;
}

void txn_client_or(struct txn_client *t, const struct sip_path *path, const void *data, size_t len)
{
	struct other_way *other = len <= UINT16_MAX ? malloc(sizeof *other + len) : NULL;
	if (!other)
		return;
	other->path = *path;
	other->len = (uint16_t)len;
	memcpy(other->data, data, len);
	free(t->other);
	t->other = other;
}

/* Timers B and F go on: it is the same transaction. */
static bool go_the_other_way(struct txn_client *t)
{
	struct other_way *other = t->other;
	char *request = other ? malloc(other->len) : NULL;
	if (!request)
		return false;
	memcpy(request, other->data, other->len);
	free(t->request);
	t->request = request;
	t->request_len = other->len;
	t->path = other->path;
	t->other = NULL;
	free(other);
	stats_inc(t->layer->stats, STAT_LARGE_BACK);
	send_request(t);
	if (!reliable(t))
		timer_start(t->layer->wheel, &t->repeat, on_repeat, t->layer->now_us, t->interval_us);
	return true;
}

/* From the beginning each time: what a user does with the news may end any transaction, and begin others. */
unsigned txn_client_lost(struct txn_layer *layer, const struct sip_path *path, const char *why)
{
	unsigned n = 0, most = map_count(&layer->clients);
	for (struct txn_client *t; n < most && (t = waiting_at(layer, path)); n++) {
		if (go_the_other_way(t))
			continue;
		stats_inc(layer->stats, STAT_TX_UNREACHABLE);
		t->ops->on_unreachable(t->user, why);
		destroy(t);
	}
	return n;
}

static bool same_connection(struct stream_handle a, struct stream_handle b)
{
	return a.generation == b.generation && a.slot == b.slot && a.worker == b.worker;
}

/* It is the same transaction: where the first one did arrive, this is a retransmission. */
void txn_client_moves(struct txn_layer *layer, struct stream_handle from)
{
	uint32_t at = 0;
	for (struct txn_client *t; (t = map_next(&layer->clients, &at));) {
		if (!same_connection(t->path.stream, from))
			continue;
		t->path.stream = (struct stream_handle){0};
		if (t->state == CALLING)
			send_request(t);
	}
}

/* A follower (ACK, CANCEL) is made from the request's own text. That a caller of RFC 2543 has no From tag was
 * let pass then; beside the magic cookie of our Via it looks like a fault. */
static size_t write_follower(struct txn_client *t, const struct sip_msg *final)
{
	struct txn_layer *layer = t->layer;
	struct sip_msg sent;
	const char *why;
	struct writer w = writer_of(layer->scratch, sizeof layer->scratch);
	char *copy = malloc((size_t)t->request_len + 1);
	if (!copy)
		return 0;
	memcpy(copy, t->request, t->request_len);
	bool ok = sip_parse(&sent, copy, t->request_len, &why) != SIP_UNANSWERABLE &&
	          (final ? sip_write_ack(&w, &sent, final) : sip_write_cancel(&w, &sent, t->reason ? t->reason : ""));
	sip_release(&sent);
	free(copy);
	return ok ? writer_len(&w) : 0;
}

static void send_cancel(struct txn_client *t)
{
	char branch[KEY_MAX];
	if (t->cancelled)
		return;
	t->cancelled = true;
	end_in(t, on_timeout, TXN_TIMEOUT_US);  /* section 9.1: then it counts as cancelled */
	size_t n = write_follower(t, NULL);
	if (!n)
		return;
	snprintf(branch, sizeof branch, "%.*s", (int)(strchr(t->key, '|') - t->key), t->key);
	txn_client_new(t->layer, SIP_CANCEL, branch, &t->path, t->layer->scratch, n, NULL, NULL);
}

void txn_client_reason(struct txn_client *t, const char *lines)
{
	free(t->reason);
	t->reason = strdup(lines);
}

void txn_client_cancel(struct txn_layer *layer, struct txn_client *t)
{
	if (t->method != SIP_INVITE || t->state > PROCEEDING || t->cancel_wanted)
		return;
	t->cancel_wanted = true;
	timer_stop(layer->wheel, &t->repeat);
	if (t->state == PROCEEDING)
		send_cancel(t);
}

static void on_provisional(struct txn_client *t)
{
	if (t->method != SIP_INVITE) {
		if (t->state == CALLING && !reliable(t))  /* timer E runs on, at T2 (section 17.1.2.2) */
			timer_start(t->layer->wheel, &t->repeat, on_repeat, t->layer->now_us, t->interval_us = TXN_T2_US);
		t->state = PROCEEDING;
		return;
	}
	if (t->state == CALLING) {
		timer_stop(t->layer->wheel, &t->repeat);
		timer_stop(t->layer->wheel, &t->end);
	}
	t->state = PROCEEDING;
	if (t->cancel_wanted)
		send_cancel(t);
}

static void send_ack(struct txn_client *t, const struct sip_msg *final)
{
	size_t n = write_follower(t, final);
	if (n)
		t->layer->send(t->layer->arg, &t->path, t->layer->scratch, n);
}

static void on_final(struct txn_client *t, const struct sip_msg *resp)
{
	timer_stop(t->layer->wheel, &t->repeat);
	if (t->method != SIP_INVITE) {
		t->state = COMPLETED;
		end_in(t, on_end, reliable(t) ? 0 : TXN_T4_US);       /* timer K */
	} else if (resp->status < 300) {
		t->state = ACCEPTED;
		free(t->request);
		t->request = NULL;
		end_in(t, on_end, TXN_TIMEOUT_US);  /* timer M */
	} else {
		t->state = COMPLETED;
		send_ack(t, resp);
		end_in(t, on_end, reliable(t) ? 0 : TXN_TIMEOUT_US);  /* timer D: at least 32 s */
	}
}

/* What comes after the final response: a repeated failure wants its ACK again; a 2xx goes up. */
static bool after_final(struct txn_client *t, const struct sip_msg *resp)
{
	if (t->state == COMPLETED && t->method == SIP_INVITE && resp->status >= 300) {
		stats_inc(t->layer->stats, STAT_RETRANS_IN);
		send_ack(t, resp);
	}
	return t->state == ACCEPTED && resp->status >= 200 && resp->status < 300;
}

void txn_client_on_response(struct txn_layer *layer, struct txn_client *t, const struct sip_msg *resp)
{
	(void)layer;
	bool tell = true;
	if (t->state > PROCEEDING)
		tell = after_final(t, resp);
	else if (resp->status < 200)
		on_provisional(t);
	else
		on_final(t, resp);
	if (tell && t->ops)
		t->ops->on_response(t->user, resp);
}

const char *txn_client_request(const struct txn_client *t, size_t *len)
{
	*len = t->request_len;
	return t->request;
}

void txn_client_end(struct txn_client *t) { destroy(t); }

unsigned txn_layer_count(const struct txn_layer *layer)
{
	return map_count(&layer->clients) + txn_servers_count(layer);
}

void txn_layer_free(struct txn_layer *layer)
{
	txn_servers_free(layer);
	for (uint32_t at; at = 0, map_count(&layer->clients);)
		destroy(map_next(&layer->clients, &at));
	map_free(&layer->clients);
}
