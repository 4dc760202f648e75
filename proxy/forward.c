/* Forwarding: see forward.h. */
#include "proxy/forward.h"

#include <stdio.h>
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
	snprintf(out->via, sizeof out->via, "SIP/2.0/%s %s;branch=%s", sip_transport_via(next->transport),
	         w->common->egress_via[next->transport][family], out->branch);
	return true;
}

/* Of TLS the peer has to be who the URI says, wherever DNS has led (RFC 5922). */
void forward_to_target(struct worker *w, const struct target *target, const struct target_place *place, struct sip_path *next)
{
	next->peer = place->address;
	next->stream = (struct stream_handle){0};
	next->transport = (uint8_t)place->transport;
	next->name = place->transport == SIP_TLS ? worker_name(w, target->host) : 0;
}

/* Among the addresses of one name: the healthy ones before the others, then those that DNS and RFC 6724 put first. */
static uint64_t standing(const struct target *t, const struct target_place *p)
{
	bool healthy = atomic_load_explicit(&t->healthy, memory_order_relaxed);
	return (uint64_t)!healthy << 63 | (uint64_t)(p->priority & 0xffff) << 32 | p->rank;
}

/* A region's Contact may name the region's host: then its resolved address serves. */
static bool known_name(const struct worker *w, const char *host, uint16_t port, struct addr *out)
{
	const struct table *t = w->table;
	uint64_t best = UINT64_MAX;
	for (unsigned i = 0; i < t->n_regions; i++)
		for (unsigned j = 0; j < t->regions[i].n_targets; j++) {
			const struct target *k = t->regions[i].targets[j];
			struct target_place p;
			if (strcasecmp(k->host, host) != 0 || !target_place(k, &p) || standing(k, &p) >= best ||
			    w->common->egress_socket[family_index(&p.address)] == NO_SOCKET)
				continue;
			best = standing(k, &p);
			*out = p.address;
			addr_set_port(out, port);
		}
	return best != UINT64_MAX;
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
	if (addr_parse(&next->peer, uri->host, uri->port) && !known_name(w, uri->host, uri->port, &next->peer))
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
