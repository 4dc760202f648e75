/* Non-INVITE relaying: see relay.h. */
#include "proxy/relay.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/active.h"

/* When the sender repeats no oftener than every T2: from then on it must hear that it need not (RFC 4320 4.1). */
#define TRYING_US (7 * TXN_T1_US)

struct relay {
	struct worker *w;
	struct timer trying;
	struct txn_server *server;   /* NULL when it has ended */
	struct txn_client *client;
	const struct table *table;   /* of the edge; held */
	struct trunk_edge edge;      /* that the response crosses */
};

static void free_if_over(struct relay *r)
{
	if (r->server || r->client)
		return;
	timer_stop(r->w->wheel, &r->trying);
	table_release(r->table);
	free(r);
}

static void on_server_end(void *user)
{
	struct relay *r = user;
	r->server = NULL;
	free_if_over(r);
}

static void on_trying(struct timer *timer)
{
	struct relay *r = (struct relay *)(void *)((char *)timer - offsetof(struct relay, trying));
	struct writer out = writer_of(r->w->txns.scratch, sizeof r->w->txns.scratch);
	struct sip_msg sent;
	const char *why, *text;
	size_t len = 0;
	if (!r->server || !r->client || !(text = txn_client_request(r->client, &len)))
		return;
	char *copy = malloc(len + 1);
	if (!copy)
		return;
	memcpy(copy, text, len);
	/* whatever fault a caller of RFC 2543 was let pass with */
	if (sip_parse(&sent, copy, len, &why) != SIP_UNANSWERABLE && sip_write_trying(&out, &sent))
		txn_server_respond(&r->w->txns, r->server, 100, r->w->txns.scratch, writer_len(&out));
	sip_release(&sent);
	free(copy);
}

static void give_up(struct relay *r)
{
	timer_stop(r->w->wheel, &r->trying);
	if (r->server && !txn_server_answered(r->server))
		txn_server_abandon(&r->w->txns, r->server);
}

static void on_response(void *user, const struct sip_msg *resp)
{
	struct relay *r = user;
	struct writer out = writer_of(r->w->txns.scratch, sizeof r->w->txns.scratch);
	const struct sip_edit *edits[2];
	if (resp->status == 408) {  /* RFC 4320 section 4.2: too late to be of use, and not to be sent on */
		give_up(r);
		return;
	}
	if (resp->status < 200 || !r->server)
		return;
	trunk_edge_edits(r->edge, resp, edits);
	if (!sip_write_response(&out, resp, edits))
		return;
	timer_stop(r->w->wheel, &r->trying);
	active_on_response(r->w, resp);
	txn_server_respond(&r->w->txns, r->server, resp->status, r->w->txns.scratch, writer_len(&out));
}

static void on_timeout(void *user) { give_up(user); }

static void on_unreachable(void *user, const char *why)
{
	(void)why;
	give_up(user);
}

static void on_client_end(void *user)
{
	struct relay *r = user;
	r->client = NULL;
	free_if_over(r);
}

static const struct txn_client_user relay_user = {on_response, on_timeout, on_client_end, on_unreachable};

void relay_begin(struct worker *w, const struct sip_msg *req, const struct sip_path *back, const struct addr *source,
                 const struct forward *f, struct sip_forward *sf, struct trunk_edge edge, size_t len)
{
	struct relay *r = calloc(1, sizeof *r);
	if (!r)
		goto lost;
	r->w = w;
	r->edge = edge;
	r->table = table_hold(w->table);
	/* the server's first: on failure there must be no client that calls back */
	r->server = txn_server_new(&w->txns, req, back, on_server_end, r);
	if (!r->server) {
		table_release(r->table);
		free(r);
		goto lost;
	}
	r->client = forward_send(w, req, source, f, sf, len, &relay_user, r);
	if (r->client) {
		timer_start(w->wheel, &r->trying, on_trying, worker_now(w), TRYING_US);
		return;
	}
	txn_server_abandon(&w->txns, r->server);  /* frees r: it comes again, retransmitted */
lost:
	stats_inc(&w->stats, STAT_DROP_MEMORY);
}
