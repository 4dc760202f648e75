/* Non-INVITE relaying: see relay.h. */
#include "proxy/relay.h"

#include <stdlib.h>

struct relay {
	struct worker *w;
	struct txn_server *server;   /* NULL when it has ended */
	struct txn_client *client;
};

static void free_if_over(struct relay *r)
{
	if (!r->server && !r->client)
		free(r);
}

static void on_server_end(void *user)
{
	struct relay *r = user;
	r->server = NULL;
	free_if_over(r);
}

static void on_response(void *user, const struct sip_msg *resp)
{
	struct relay *r = user;
	struct writer out = writer_of(r->w->txns.scratch, sizeof r->w->txns.scratch);
	if (resp->status == 100 || !r->server || !sip_write_response(&out, resp))
		return;
	txn_server_respond(&r->w->txns, r->server, resp->status, r->w->txns.scratch, writer_len(&out));
}

static void on_timeout(void *user)
{
	struct relay *r = user;
	if (r->server && !txn_server_answered(r->server))
		txn_server_abandon(&r->w->txns, r->server);
}

static void on_client_end(void *user)
{
	struct relay *r = user;
	r->client = NULL;
	free_if_over(r);
}

static const struct txn_client_user relay_user = {on_response, on_timeout, on_client_end};

void relay_begin(struct worker *w, const struct sip_msg *req, const struct sip_path *back, const struct forward *f,
                 const void *data, size_t len)
{
	struct relay *r = calloc(1, sizeof *r);
	if (!r)
		goto lost;
	r->w = w;
	/* the server's first: on failure there must be no client that calls back */
	r->server = txn_server_new(&w->txns, req, back, on_server_end, r);
	if (!r->server) {
		free(r);
		goto lost;
	}
	r->client = txn_client_new(&w->txns, req->method, f->branch, &f->path, data, len, &relay_user, r);
	if (r->client)
		return;
	txn_server_abandon(&w->txns, r->server);  /* frees r: it comes again, retransmitted */
lost:
	stats_inc(&w->stats, STAT_DROP_MEMORY);
}
