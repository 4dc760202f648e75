/* Forwarding: see forward.h. */
#include "proxy/forward.h"

#include <string.h>
#include <strings.h>

bool forward_prepare(struct worker *w, const struct sip_msg *req, const struct sip_path *next, unsigned attempt,
                     struct forward *out)
{
	unsigned family = family_index(&next->peer);
	if (w->common->egress_socket[family] == NO_SOCKET)
		return false;
	out->path = *next;
	out->path.socket = w->common->egress_socket[family];
	branch_sign(w->signer, req->call_id, req->cseq, req->via.branch ? req->via.branch : "", req->via.host,
	            (uint8_t)attempt, sip_loop_value(req), out->branch);
	struct writer via = writer_of(out->via, sizeof out->via - 1);
	write_str(&via, "SIP/2.0/");
	write_str(&via, sip_transport_via(next->transport));
	write_str(&via, " ");
	write_str(&via, w->common->egress_via[next->transport][family]);
	write_str(&via, ";branch=");
	write_str(&via, out->branch);
	return write_end(&via);
}

void forward_to_target(struct worker *w, const struct target *target, struct sip_path *next)
{
	next->stream = (struct stream_handle){0};
	next->transport = (uint8_t)target->transport;
	next->name = target->transport == SIP_TLS ? worker_name(w, target->host) : 0;
}

/* A region's Contact may name the region's host: then its resolved address serves. */
static bool known_name(const struct table *t, const char *host, uint16_t port, struct addr *out)
{
	for (unsigned i = 0; i < t->n_regions; i++)
		for (unsigned j = 0; j < t->regions[i].n_targets; j++) {
			const struct target *k = t->regions[i].targets[j];
			if (strcasecmp(k->host, host) != 0 || !target_address(k, out))
				continue;
			addr_set_port(out, port);
			return true;
		}
	return false;
}

/* Who is to be at the other end of TLS: what the URI says, or, where that is but an address of a target, the target. */
static uint16_t name_of(struct worker *w, const char *host, const struct addr *address)
{
	struct addr literal;
	const struct target *t = addr_parse(&literal, host, 0) == 0 ? table_target_at(w->table, address) : NULL;
	return worker_name(w, t ? t->host : host);
}

static bool hop_to(struct worker *w, const struct sip_uri_view *uri, struct sip_path *next)
{
	enum sip_transport transport;
	*next = (struct sip_path){.socket = 0};
	if (!uri->port || !sip_transport_of_uri(uri->scheme, uri->params, &transport))
		return false;
	if (addr_parse(&next->peer, uri->host, uri->port) && !known_name(w->table, uri->host, uri->port, &next->peer))
		return false;
	next->transport = (uint8_t)transport;
	if (transport == SIP_TLS)
		next->name = name_of(w, uri->host, &next->peer);
	return true;
}

bool forward_next_hop(struct worker *w, const struct sip_msg *req, struct sip_forward *sf, struct sip_path *next)
{
	struct sip_uri_view uri = req->ruri;
	unsigned routes = req->routes - (sf->from_strict ? 1 : 0);
	sf->strict = false;
	if (sf->skip_routes < routes) {
		sip_msg_route(req, sf->skip_routes, &uri);
		sf->strict = !uri.lr;
	} else if (sf->from_strict) {
		sip_msg_route(req, routes, &uri);
	}
	return hop_to(w, &uri, next);
}

bool forward_looped(const struct sip_msg *req)
{
	struct sip_via_view second;
	/* one Via: it has only just been sent */
	return sip_msg_second_via(req, &second) && sip_msg_any_branch(req, branch_has_loop, sip_loop_value(req));
}
