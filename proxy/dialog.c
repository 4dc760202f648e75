/* In-dialog requests: see dialog.h. */
#include "proxy/dialog.h"

#include <string.h>

#include "proxy/active.h"
#include "proxy/call.h"
#include "proxy/forward.h"
#include "proxy/held.h"
#include "proxy/relay.h"
#include "proxy/reply.h"

enum dialog_found dialog_route(struct worker *w, const struct sip_msg *m, struct dialog_route *out)
{
	struct sip_uri_view uri;
	struct token t;
	out->skip = 0;
	if (!m->routes)
		return DIALOG_NONE;
	out->from_strict = token_verify(w->signer, m->ruri.user, m->call_id, &out->token);
	unsigned routes = m->routes - (out->from_strict ? 1 : 0), most = out->from_strict ? 1 : 2;
	/* two of ours where the sides of the call differ (RFC 5658) */
	while (out->skip < most && out->skip < routes && sip_msg_route(m, out->skip, &uri) &&
	       token_verify(w->signer, uri.user, m->call_id, &t)) {
		out->token = t;
		out->skip++;
	}
	return out->skip || out->from_strict ? DIALOG_OURS : DIALOG_FORGED;
}

/* The ACK of a 2xx is a transaction of its own that nobody answers: sent on and forgotten. */
static void send_ack(struct worker *w, const struct forward *f, const void *data, size_t len)
{
	worker_send(w, &f->path, data, len);
}

static void refuse(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                   int status)
{
	reply_to(w, m, path, source, status, "");
}

/* Which way it crosses: the dialog has a trunk at one end, a region at the other. */
static struct trunk_edge edge_of(const struct worker *w, const struct token *t, int trunk)
{
	int i = table_trunk_by_hash(w->table, t->trunk);
	return (struct trunk_edge){i < 0 ? NULL : w->table->trunks[i].rules, i != trunk};
}

/* Whom the carrier's certificate is of, where the request goes to him. */
static const char *subject_of(struct trunk_edge edge)
{
	return edge.rules && edge.out ? trunk_rules_subject(edge.rules) : "";
}

/* False: it waits, or has been refused. */
static bool find_way(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                     const char *subject, struct sip_forward *sf, struct forward *f, struct held *held)
{
	struct sip_path next;
	enum forward_hop hop = forward_next_hop(w, m, subject, sf, &next);
	if (hop == FORWARD_LATER && held_keep(w, held, m, path, source))
		return false;
	if (hop == FORWARD_TO && forward_prepare(w, m, &next, 0, f))
		return true;
	/* DNS that fails is as a 503 of the next hop (section 16.9), and, unlike a 404, does not end the dialog (RFC 5057) */
	refuse(w, m, path, source, hop == FORWARD_LATER || hop == FORWARD_UNRESOLVED ? 500 : 404);
	return false;
}

static void serve(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                  int trunk, const struct dialog_route *route, struct held *held)
{
	struct trunk_edge edge = edge_of(w, &route->token, trunk);
	struct forward f;
	struct sip_forward sf = {.skip_routes = route->skip, .from_strict = route->from_strict};
	trunk_edge_edits(edge, m, sf.edit);
	if (!find_way(w, m, path, source, subject_of(edge), &sf, &f, held))
		return;
	if (route->token.node != w->common->node_hash)
		stats_inc(&w->stats, STAT_WRONG_NODE);
	if (m->method == SIP_BYE)
		active_on_bye(w, m, &route->token);
	if (m->method == SIP_INVITE) {
		call_begin_again(w, m, path, source, &f, &sf, trunk_edge_back(edge));
		return;
	}
	sf.via = f.via;
	/* scratch is used again by the layers below: they copy first */
	struct writer out = writer_of(w->txns.scratch, sizeof w->txns.scratch);
	if (!sip_write_request(&out, m, source, &sf)) {
		refuse(w, m, path, source, 513);
		return;
	}
	if (m->method == SIP_ACK)
		send_ack(w, &f, w->txns.scratch, writer_len(&out));
	else
		relay_begin(w, m, path, source, &f, &sf, trunk_edge_back(edge), writer_len(&out));
}

void dialog_request(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                    int trunk, const struct dialog_route *route)
{
	serve(w, m, path, source, trunk, route, NULL);
}

void dialog_again(struct worker *w, const struct sip_msg *m, const struct sip_path *path, const struct addr *source,
                  struct held *held)
{
	struct txn_server *t = m->method == SIP_ACK ? NULL : txn_server_find(&w->txns, m);
	struct dialog_route route;
	if (t)                       /* its retransmission went on before it */
		txn_server_on_request(&w->txns, t, m);
	else if (dialog_route(w, m, &route) == DIALOG_OURS)
		serve(w, m, path, source, table_trunk(w->table, source), &route, held);
}
