/* Forwarding: see forward.h. */
#include "proxy/forward.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool forward_prepare(struct worker *w, const struct sip_msg *req, const struct addr *next, unsigned attempt,
                     struct forward *out)
{
	unsigned family = family_index(next);
	if (w->common->egress_socket[family] == NO_SOCKET)
		return false;
	out->path.peer = *next;
	out->path.socket = w->common->egress_socket[family];
	branch_sign(w->signer, req->call_id, req->cseq, req->via.branch ? req->via.branch : "", req->via.host,
	            (uint8_t)attempt, sip_loop_value(req), out->branch);
	snprintf(out->via, sizeof out->via, "SIP/2.0/UDP %s;branch=%s", w->common->egress_via[family], out->branch);
	return true;
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

bool forward_next_hop(struct worker *w, const struct sip_msg *req, struct sip_forward *sf, struct addr *next)
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
	if (!uri.port)
		return false;
	return addr_parse(next, uri.host, uri.port) == 0 || known_name(w->table, uri.host, uri.port, next);
}

bool forward_looped(const struct sip_msg *req)
{
	struct sip_via_view second;
	/* one Via: it has only just been sent */
	return sip_msg_second_via(req, &second) && sip_msg_any_branch(req, branch_has_loop, sip_loop_value(req));
}
