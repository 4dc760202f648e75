/* Writing: every message tandem sends is made here, as text, from the pieces of one that came. Headers
 * that are not ours to change are copied as they stood, in their order. */
#include "proxy/sip/message.h"

#include <string.h>
#include <strings.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>

static void put(struct writer *w, const char *s) { write_str(w, s); }

static void put_fragment(struct writer *w, const msg_header_t *h)
{
	if (h->sh_len)
		write_bytes(w, h->sh_data, h->sh_len);
}

/* "Name: value" of one header from its parsed form: for values that shared a line with others. */
static void put_encoded(struct writer *w, const char *name, const void *header)
{
	char value[2048];
	issize_t n = msg_header_field_e(value, sizeof value, header, 0);
	if (n < 0 || (size_t)n >= sizeof value) {
		w->bad = true;
		return;
	}
	put(w, name);
	write_bytes(w, value, (size_t)n);
	put(w, "\r\n");
}

static bool is_class(const msg_header_t *h, msg_hclass_t *c) { return h->sh_class == c; }

/* A parameter list without received and rport, which only we may say (RFC 3261 18.2.1, RFC 3581 4). */
static void put_via_params(struct writer *w, const sip_via_t *v)
{
	for (const msg_param_t *p = v->v_params; p && *p; p++) {
		if (!strncasecmp(*p, "received=", 9) || !strcasecmp(*p, "rport") || !strncasecmp(*p, "rport=", 6))
			continue;
		put(w, ";");
		put(w, *p);
	}
}

static bool host_is(const char *host, const struct addr *source)
{
	struct addr a;
	return addr_parse(&a, host, 0) == 0 && addr_same_host(&a, source);
}

/* The sender's Via, with where the request really came from. */
static void put_top_via(struct writer *w, const sip_via_t *v, const struct addr *source)
{
	bool alone = !v->v_next || v->v_next->v_common->h_len;
	bool plain = !v->v_rport && !v->v_received && host_is(v->v_host, source);
	if (plain && alone) {
		put_fragment(w, (const msg_header_t *)v);
		return;
	}
	char host[ADDR_STR_LEN];
	put(w, "Via: ");
	put(w, v->v_protocol);
	put(w, " ");
	put(w, v->v_host);
	if (v->v_port) {
		put(w, ":");
		put(w, v->v_port);
	}
	put_via_params(w, v);
	if (!plain) {
		put(w, ";received=");
		put(w, addr_host_str(source, host));
	}
	if (v->v_rport) {
		put(w, ";rport=");
		write_dec(w, addr_port(source));
	}
	put(w, "\r\n");
}

/* The Vias that stood on the line of `v`, which has been left out or written anew. */
static void put_line_mates(struct writer *w, const sip_via_t *v)
{
	for (v = v->v_next; v && !v->v_common->h_len; v = v->v_next)
		put_encoded(w, "Via: ", v);
}

static void put_vias(struct writer *w, const sip_t *sip, const struct addr *source)
{
	const sip_via_t *v = sip->sip_via;
	put_top_via(w, v, source);
	put_line_mates(w, v);
	for (v = v->v_next; v; v = v->v_next)
		put_fragment(w, (const msg_header_t *)v);
}

static void put_status(struct writer *w, int status, const char *phrase)
{
	put(w, "SIP/2.0 ");
	write_dec(w, (uint64_t)status);
	put(w, " ");
	put(w, phrase);
	put(w, "\r\n");
}

/* A header line of the original; with `tag`, that parameter added at its end. */
static void put_to(struct writer *w, const sip_to_t *to, const char *tag)
{
	const msg_common_t *c = to->a_common;
	size_t n = c->h_len;
	const char *s = c->h_data;
	while (n && (s[n - 1] == '\r' || s[n - 1] == '\n' || s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	write_bytes(w, s, n);
	if (tag) {
		put(w, ";tag=");
		put(w, tag);
	}
	put(w, "\r\n");
}

/* Section 8.2.6.1: so that the sender can tell how long the way is. */
static void put_timestamp(struct writer *w, const sip_t *sip)
{
	for (const sip_unknown_t *u = sip->sip_unknown; u; u = u->un_next)
		if (!strcasecmp(u->un_name, "Timestamp"))
			put_fragment(w, (const msg_header_t *)u);
}

bool sip_write_reply(struct writer *w, const struct sip_msg *req, const struct addr *source, int status,
                     const char *phrase, const char *to_tag, const char *extra)
{
	const sip_t *sip = req->sip;
	put_status(w, status, phrase);
	put_vias(w, sip, source);
	put_fragment(w, (const msg_header_t *)sip->sip_from);
	put_to(w, sip->sip_to, status > 100 && !*req->to_tag ? to_tag : NULL);
	put_fragment(w, (const msg_header_t *)sip->sip_call_id);
	put_fragment(w, (const msg_header_t *)sip->sip_cseq);
	if (status == 100)
		put_timestamp(w, sip);
	put(w, extra);
	put(w, "Content-Length: 0\r\n\r\n");
	return !w->bad;
}

/* One-letter names (RFC 3261 section 20 and the IANA registry) of headers that an edit can name. */
static char compact_of(const char *name)
{
	static const struct { const char *name; char letter; } forms[] = {
		{"Accept-Contact", 'a'}, {"Referred-By", 'b'}, {"Content-Type", 'c'}, {"Request-Disposition", 'd'},
		{"Content-Encoding", 'e'}, {"Reject-Contact", 'j'}, {"Supported", 'k'}, {"Event", 'o'}, {"Refer-To", 'r'},
		{"Subject", 's'}, {"Allow-Events", 'u'}, {"Session-Expires", 'x'}, {"Identity", 'y'},
	};
	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (!strcasecmp(forms[i].name, name))
			return forms[i].letter;
	return 0;
}

static bool named(const char *name, const char *wanted)
{
	return !strcasecmp(name, wanted) || (name[0] && !name[1] && (name[0] | 0x20) == compact_of(wanted));
}

/* Writes what stands for the header, if anything: true when it is not to be sent on as it came. `done` has a bit for
 * each line of the edit that has been written. */
static bool edited(struct writer *w, const msg_header_t *h, const struct sip_edit *edit, uint32_t *done)
{
	if (!edit || !is_class(h, sip_unknown_class))
		return false;
	const char *name = ((const sip_unknown_t *)h)->un_name;
	for (unsigned i = 0; i < edit->n; i++) {
		if (!named(name, edit->lines[i].name))
			continue;
		if (edit->lines[i].value && !(*done & 1u << i)) {
			*done |= 1u << i;
			put(w, edit->lines[i].name);
			put(w, ": ");
			put(w, edit->lines[i].value);
			put(w, "\r\n");
		}
		return true;
	}
	return false;
}

static const msg_header_t *first(const struct sip_msg *m) { return *msg_chain_head(m->msg); }

bool sip_write_response(struct writer *w, const struct sip_msg *resp, const struct sip_edit *edit)
{
	uint32_t done = 0;
	const sip_via_t *top = resp->sip->sip_via;
	for (const msg_header_t *h = first(resp); h; h = h->sh_succ) {
		if (h == (const msg_header_t *)top)
			put_line_mates(w, top);
		else if (!edited(w, h, edit, &done))
			put_fragment(w, h);
	}
	return !w->bad;
}

/* ---- requests ---- */

static void put_raw_ruri(struct writer *w, const struct sip_msg *m)
{
	/* METHOD SP Request-URI SP version: the middle, as it came */
	const char *s = m->sip->sip_request->rq_common->h_data;
	size_t n = m->sip->sip_request->rq_common->h_len;
	const char *a = memchr(s, ' ', n);
	if (!a) {
		w->bad = true;
		return;
	}
	while (a < s + n && (*a == ' ' || *a == '\t'))
		a++;
	const char *b = a;
	while (b < s + n && *b != ' ' && *b != '\t' && *b != '\r' && *b != '\n')
		b++;
	write_bytes(w, a, (size_t)(b - a));
}

static const sip_route_t *route_at(const sip_t *sip, unsigned i)
{
	const sip_route_t *r = sip->sip_route;
	for (; r && i; i--)
		r = r->r_next;
	return r;
}

static void put_url(struct writer *w, const url_t *url)
{
	char uri[1024];
	issize_t n = url_e(uri, sizeof uri, url);
	if (n < 0 || (size_t)n >= sizeof uri)
		w->bad = true;
	else
		write_bytes(w, uri, (size_t)n);
}

static void put_ruri(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	if (f->ruri)
		put(w, f->ruri);
	else if (f->from_strict)
		put_url(w, route_at(req->sip, req->routes - 1)->r_url);
	else
		put_raw_ruri(w, req);
}

/* The Routes that are for others than us: from skip_routes to before the one this returns. */
static const sip_route_t *routes_end(const struct sip_msg *req, const struct sip_forward *f)
{
	return f->from_strict ? route_at(req->sip, req->routes - 1) : NULL;
}

static void put_request_line(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	put(w, req->method_name);
	put(w, " ");
	const sip_route_t *r = f->strict ? route_at(req->sip, f->skip_routes) : NULL;
	if (r)
		put_url(w, r->r_url);
	else
		put_ruri(w, req, f);
	put(w, " SIP/2.0\r\n");
}

static void put_routes(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	const sip_route_t *r = route_at(req->sip, f->skip_routes + (f->strict ? 1 : 0)), *end = routes_end(req, f);
	for (; r != end; r = r->r_next)
		put_encoded(w, "Route: ", r);
	if (f->strict) {
		put(w, "Route: <");
		put_ruri(w, req, f);
		put(w, ">\r\n");
	}
}

static void put_max_forwards(struct writer *w, int value)
{
	put(w, "Max-Forwards: ");
	write_dec(w, (uint64_t)value);
	put(w, "\r\n");
}

static void put_ours(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	put(w, "Via: ");
	put(w, f->via);
	put(w, "\r\n");
	for (int i = 0; i < 2 && f->record_route[i]; i++) {
		put(w, "Record-Route: ");
		put(w, f->record_route[i]);
		put(w, "\r\n");
	}
	if (req->max_forwards < 0)
		put_max_forwards(w, 70);
	if (f->max_breadth) {
		put(w, "Max-Breadth: ");
		write_dec(w, (uint64_t)f->max_breadth);
		put(w, "\r\n");
	}
	for (int i = 0; i < 2; i++)
		if (f->edit[i])
			put(w, f->edit[i]->add);
}

/* Lines that are not sent on as they came, but written anew or left out. */
static bool replaced(const msg_header_t *h, const struct sip_forward *f)
{
	if (is_class(h, sip_route_class))
		return f->skip_routes || f->strict || f->from_strict;
	return f->max_breadth && is_class(h, sip_unknown_class) &&
	       !strcasecmp(((const sip_unknown_t *)h)->un_name, "Max-Breadth");
}

bool sip_write_request(struct writer *w, const struct sip_msg *req, const struct addr *source,
                       const struct sip_forward *f)
{
	const sip_t *sip = req->sip;
	uint32_t done[2] = {0, 0};
	for (const msg_header_t *h = first(req); h; h = h->sh_succ) {
		if (is_class(h, sip_request_class)) {
			put_request_line(w, req, f);
			put_ours(w, req, f);
			if (f->skip_routes || f->strict || f->from_strict)
				put_routes(w, req, f);
		} else if (h == (const msg_header_t *)sip->sip_via) {
			put_top_via(w, sip->sip_via, source);
			put_line_mates(w, sip->sip_via);
		} else if (h == (const msg_header_t *)sip->sip_max_forwards) {
			put_max_forwards(w, req->max_forwards - 1);
		} else if (!replaced(h, f) && !edited(w, h, f->edit[0], &done[0]) && !edited(w, h, f->edit[1], &done[1])) {
			put_fragment(w, h);
		}
	}
	return !w->bad;
}

bool sip_write_trying(struct writer *w, const struct sip_msg *sent)
{
	const sip_t *sip = sent->sip;
	put_status(w, 100, "Trying");
	for (const sip_via_t *v = sip->sip_via->v_next; v; v = v->v_next)
		put_fragment(w, (const msg_header_t *)v);
	put_fragment(w, (const msg_header_t *)sip->sip_from);
	put_fragment(w, (const msg_header_t *)sip->sip_to);
	put_fragment(w, (const msg_header_t *)sip->sip_call_id);
	put_fragment(w, (const msg_header_t *)sip->sip_cseq);
	put_timestamp(w, sip);
	put(w, "Content-Length: 0\r\n\r\n");
	return !w->bad;
}

/* What CANCEL and ACK take over from the request they belong to. */
static void put_follower(struct writer *w, const struct sip_msg *sent, const char *method, const sip_to_t *to,
                         const char *extra)
{
	const sip_t *sip = sent->sip;
	put(w, method);
	put(w, " ");
	put_raw_ruri(w, sent);
	put(w, " SIP/2.0\r\n");
	put_fragment(w, (const msg_header_t *)sip->sip_via);
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		put_fragment(w, (const msg_header_t *)r);
	put_max_forwards(w, 70);
	put_fragment(w, (const msg_header_t *)sip->sip_from);
	put_to(w, to, NULL);
	put_fragment(w, (const msg_header_t *)sip->sip_call_id);
	put(w, "CSeq: ");
	write_dec(w, sent->cseq);
	put(w, " ");
	put(w, method);
	put(w, "\r\n");
	put(w, extra);
	put(w, "Content-Length: 0\r\n\r\n");
}

bool sip_write_cancel(struct writer *w, const struct sip_msg *sent, const char *reason)
{
	put_follower(w, sent, "CANCEL", sent->sip->sip_to, reason);
	return !w->bad;
}

bool sip_write_reason(struct writer *w, const struct sip_msg *cancel)
{
	for (const sip_unknown_t *u = cancel->sip->sip_unknown; u; u = u->un_next)
		if (!strcasecmp(u->un_name, "Reason"))
			put_fragment(w, (const msg_header_t *)u);
	return !w->bad;
}

bool sip_write_ack(struct writer *w, const struct sip_msg *sent, const struct sip_msg *final)
{
	put_follower(w, sent, "ACK", final->sip->sip_to, "");
	return !w->bad;
}
