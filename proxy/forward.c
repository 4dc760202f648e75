/* Forwarding: see forward.h. */
#include "proxy/forward.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/hosts.h"

#define LARGE 1300               /* where the path's MTU is not known (section 18.1.1) */

/* RFC 5923 section 8.1: where we show a certificate when asked, what comes back on the connection is as welcome. */
void forward_via(const struct worker *w, enum sip_transport transport, unsigned family, const char *branch,
                 char out[FORWARD_VIA_LEN])
{
	struct writer via = writer_of(out, FORWARD_VIA_LEN - 1);
	write_str(&via, "SIP/2.0/");
	write_str(&via, sip_transport_via(transport));
	write_str(&via, " ");
	write_str(&via, w->common->egress_via[transport][family]);
	write_str(&via, transport == SIP_TLS && w->common->certified ? ";alias;branch=" : ";branch=");
	write_str(&via, branch);
	write_end(&via);
}

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
	forward_via(w, (enum sip_transport)next->transport, family, out->branch, out->via);
	return true;
}

/* Of TLS the peer has to be who the URI says, wherever DNS has led (RFC 5922). */
void forward_to_target(struct worker *w, const struct target *target, const struct target_place *place, struct sip_path *next)
{
	next->peer = place->address;
	next->stream = (struct stream_handle){0};
	next->transport = (uint8_t)place->transport;
	next->unsaid = place->transport == SIP_UDP && !target->transport_said;
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

/* Who is to be at the other end of TLS: what the URI says, or, where that is but an address, the carrier whose call it is,
 * or the target that has it. */
static const char *name_of(const struct worker *w, const char *host, const struct addr *address, const char *subject)
{
	struct addr literal;
	if (addr_parse(&literal, host, 0))
		return host;
	const struct target *t = *subject ? NULL : table_target_at(w->table, address);
	return *subject ? subject : t ? t->host : host;
}

/* A name that is not known here can still be one that a connection stands for. */
static bool hop_by_tls(struct worker *w, const struct sip_uri_view *uri, bool known, const char *subject,
                       struct sip_path *next)
{
	struct alias_address at = {.port = uri->port};
	const char *name = name_of(w, uri->host, &next->peer, subject);
	struct addr peer;
	if (strlen(uri->host) >= sizeof at.host)
		return false;
	memcpy(at.host, uri->host, strlen(uri->host) + 1);
	bool back = alias_find(&w->aliases, &at, (const char *const[]){name, subject}, w->index, &next->stream, &peer);
	if (back && !known)
		next->peer = peer;
	if (back || known)           /* there is room for so many names: not for those that lead nowhere */
		next->name = worker_name(w, name);
	return back || known;
}

/* Where a name that is no target's leads. */
static enum forward_hop hop_by_dns(struct worker *w, const struct sip_uri_view *uri, struct sip_path *next)
{
	struct target_place place;
	if (!w->common->hosts || !*uri->host)
		return FORWARD_NOWHERE;
	switch (hosts_find(w->common->hosts, uri, w->common->egress_families, &place)) {
	case HOSTS_AT:
		next->peer = place.address;
		next->transport = (uint8_t)place.transport;
		return FORWARD_TO;
	case HOSTS_ASKED:
		return FORWARD_LATER;
	case HOSTS_NOWHERE:
		break;
	}
	return FORWARD_UNRESOLVED;
}

static enum forward_hop hop_to(struct worker *w, const struct sip_uri_view *uri, const char *subject, struct sip_path *next)
{
	enum sip_transport transport;
	*next = (struct sip_path){.socket = 0};
	if (!uri->port || !sip_transport_of_uri(uri->scheme, uri->params, &transport))
		return FORWARD_NOWHERE;
	bool known = !addr_parse(&next->peer, uri->host, uri->port) || known_name(w, uri->host, uri->port, &next->peer);
	next->transport = (uint8_t)transport;
	if (!known && transport == SIP_TLS && hop_by_tls(w, uri, false, subject, next))
		return FORWARD_TO;
	enum forward_hop hop = known ? FORWARD_TO : hop_by_dns(w, uri, next);
	next->unsaid = next->transport == SIP_UDP && !sip_transport_said(uri->params);
	if (hop == FORWARD_TO && next->transport == SIP_TLS)
		hop_by_tls(w, uri, true, subject, next);
	return hop;
}

enum forward_hop forward_next_hop(struct worker *w, const struct sip_msg *req, const char *subject, struct sip_forward *sf,
                                  struct sip_path *next)
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
	return hop_to(w, &uri, subject, next);
}

/* Written anew, with TCP in the Via. What had been written is kept for the case that TCP fails. */
static struct txn_client *send_by_tcp(struct worker *w, const struct sip_msg *req, const struct addr *source,
                                      const struct forward *f, struct sip_forward *sf, size_t len,
                                      const struct txn_client_user *ops, void *user)
{
	struct forward tcp = *f;
	struct writer out = writer_of(w->txns.scratch, sizeof w->txns.scratch);
	struct txn_client *t = NULL;
	void *by_udp = malloc(len);
	if (!by_udp)
		return NULL;
	memcpy(by_udp, w->txns.scratch, len);
	tcp.path.transport = SIP_TCP;
	forward_via(w, SIP_TCP, family_index(&f->path.peer), f->branch, tcp.via);
	sf->via = tcp.via;
	if (sip_write_request(&out, req, source, sf))
		t = txn_client_new(&w->txns, req->method, f->branch, &tcp.path, w->txns.scratch, writer_len(&out), ops, user);
	if (t)
		txn_client_or(t, &f->path, by_udp, len);
	sf->via = f->via;
	free(by_udp);
	return t;
}

struct txn_client *forward_send(struct worker *w, const struct sip_msg *req, const struct addr *source,
                                const struct forward *f, struct sip_forward *sf, size_t len,
                                const struct txn_client_user *ops, void *user)
{
	bool large = len > LARGE && f->path.transport == SIP_UDP;
	bool by_tcp = large && f->path.unsaid && table_takes_tcp(w->table, &f->path.peer);
	if (large)
		stats_inc(&w->stats, by_tcp ? STAT_LARGE_TCP : STAT_LARGE_UDP);
	if (by_tcp)
		return send_by_tcp(w, req, source, f, sf, len, ops, user);
	return txn_client_new(&w->txns, req->method, f->branch, &f->path, w->txns.scratch, len, ops, user);
}

bool forward_looped(const struct sip_msg *req)
{
	struct sip_via_view second;
	/* one Via: it has only just been sent */
	return sip_msg_second_via(req, &second) && sip_msg_any_branch(req, branch_has_loop, sip_loop_value(req));
}
