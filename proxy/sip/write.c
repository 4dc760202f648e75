/* Writing: every message tandem sends is made here, as text, from the pieces of one that came. Headers
 * that are not ours to change are copied as they stood, in their order. */
#include "proxy/sip/message.h"

#include <string.h>

#include "proxy/sip/header.h"

static void put(struct writer *w, const char *s) { write_str(w, s); }

static void put_slice(struct writer *w, const struct sip_slice *s)
{
	if (s->at)
		write_bytes(w, s->at, s->len);
	else
		w->bad = true;
}

/* The lines of that kind. */
static void put_lines(struct writer *w, const struct sip_msg *m, enum sip_line_kind kind)
{
	for (unsigned i = 0; i < m->n_lines; i++)
		if (m->lines[i].kind == kind)
			put_slice(w, &m->lines[i].text);
}

static bool host_is(const char *host, const struct addr *source)
{
	struct addr a;
	return addr_parse(&a, host, 0) == 0 && addr_same_host(&a, source);
}

/* The Vias that stood on the line of the topmost, which has been left out or written anew. */
static void put_line_mates(struct writer *w, const struct sip_msg *m)
{
	if (m->via_mates)
		put(w, m->via_mates);
	else
		w->bad = true;
}

/* The sender's Via, with where the request really came from. */
static void put_top_via(struct writer *w, const struct sip_msg *m, const struct addr *source)
{
	const struct sip_via_view *v = &m->via;
	bool alone = m->via_mates && !*m->via_mates;
	bool plain = !v->rport && !v->received && host_is(v->host, source);
	if (plain && alone) {
		put_lines(w, m, SIP_LINE_VIA_TOP);
		return;
	}
	char host[ADDR_STR_LEN];
	put(w, "Via: ");
	put(w, v->protocol);
	put(w, " ");
	put(w, v->host);
	if (*v->port_text) {
		put(w, ":");
		put(w, v->port_text);
	}
	put(w, v->params);
	if (!plain) {
		put(w, ";received=");
		put(w, addr_host_str(source, host));
	}
	if (v->rport) {
		put(w, ";rport=");
		write_dec(w, addr_port(source));
	}
	put(w, "\r\n");
	put_line_mates(w, m);
}

static void put_status(struct writer *w, int status, const char *phrase)
{
	put(w, "SIP/2.0 ");
	write_dec(w, (uint64_t)status);
	put(w, " ");
	put(w, phrase);
	put(w, "\r\n");
}

/* The To line; with `tag`, that parameter added at its end. */
static void put_to(struct writer *w, const struct sip_msg *m, const char *tag)
{
	struct sip_slice to = {"", 0};
	for (unsigned i = 0; i < m->n_lines && !to.len; i++)
		if (m->lines[i].kind == SIP_LINE_TO)
			to = m->lines[i].text;
	while (to.len && strchr("\r\n \t", to.at[to.len - 1]))
		to.len--;
	put_slice(w, &to);
	if (tag) {
		put(w, ";tag=");
		put(w, tag);
	}
	put(w, "\r\n");
}

static void put_others(struct writer *w, const struct sip_msg *m, const char *name)
{
	for (unsigned i = 0; i < m->n_lines; i++)
		if (m->lines[i].kind == SIP_LINE_OTHER && sip_header_is(m->lines[i].text.at, m->lines[i].text.len, name))
			put_slice(w, &m->lines[i].text);
}

/* Section 8.2.6.1: so that the sender can tell how long the way is. */
static void put_timestamp(struct writer *w, const struct sip_msg *m) { put_others(w, m, "Timestamp"); }

bool sip_write_reply(struct writer *w, const struct sip_msg *req, const struct addr *source, int status,
                     const char *phrase, const char *to_tag, const char *extra)
{
	put_status(w, status, phrase);
	put_top_via(w, req, source);
	put_lines(w, req, SIP_LINE_VIA);
	put_lines(w, req, SIP_LINE_FROM);
	put_to(w, req, status > 100 && !*req->to_tag ? to_tag : NULL);
	put_lines(w, req, SIP_LINE_CALL_ID);
	put_lines(w, req, SIP_LINE_CSEQ);
	if (status == 100)
		put_timestamp(w, req);
	put(w, extra);
	put(w, "Content-Length: 0\r\n\r\n");
	return !w->bad;
}

/* Writes what stands for the header, if anything: true when it is not to be sent on as it came. `done` has a bit for
 * each line of the edit that has been written. */
static bool edited(struct writer *w, const struct sip_line *line, const struct sip_edit *edit, uint32_t *done)
{
	if (!edit || line->kind != SIP_LINE_OTHER)
		return false;
	for (unsigned i = 0; i < edit->n; i++) {
		if (!sip_header_is(line->text.at, line->text.len, edit->lines[i].name))
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

bool sip_write_response(struct writer *w, const struct sip_msg *resp, const struct sip_edit *const edits[2])
{
	static const struct sip_edit *const none[2];
	uint32_t done[2] = {0, 0};
	edits = edits ? edits : none;
	for (const struct sip_line *l = resp->lines; l < resp->lines + resp->n_lines; l++) {
		if (l->kind == SIP_LINE_VIA_TOP)
			put_line_mates(w, resp);
		else if (!edited(w, l, edits[0], &done[0]) && !edited(w, l, edits[1], &done[1]))
			put_slice(w, &l->text);
	}
	return !w->bad;
}

/* ---- requests ---- */

static void put_ruri(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	if (f->ruri)
		put(w, f->ruri);
	else if (f->from_strict)
		put_slice(w, &req->route[req->routes - 1].uri_text);
	else
		put_slice(w, &req->ruri_text);
}

static void put_request_line(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	put(w, req->method_name);
	put(w, " ");
	if (f->strict && f->skip_routes < req->routes)
		put_slice(w, &req->route[f->skip_routes].uri_text);
	else
		put_ruri(w, req, f);
	put(w, " SIP/2.0\r\n");
}

/* The Routes that are for others than us. */
static void put_routes(struct writer *w, const struct sip_msg *req, const struct sip_forward *f)
{
	unsigned end = req->routes - (f->from_strict ? 1 : 0);
	for (unsigned i = f->skip_routes + (f->strict ? 1 : 0); i < end; i++) {
		put(w, "Route: ");
		put_slice(w, &req->route[i].value);
		put(w, "\r\n");
	}
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
static bool replaced(const struct sip_line *l, const struct sip_forward *f)
{
	if (l->kind == SIP_LINE_ROUTE)
		return f->skip_routes || f->strict || f->from_strict;
	return f->max_breadth && l->kind == SIP_LINE_OTHER && sip_header_is(l->text.at, l->text.len, "Max-Breadth");
}

bool sip_write_request(struct writer *w, const struct sip_msg *req, const struct addr *source,
                       const struct sip_forward *f)
{
	uint32_t done[2] = {0, 0};
	for (const struct sip_line *l = req->lines; l < req->lines + req->n_lines; l++) {
		if (l->kind == SIP_LINE_FIRST) {
			put_request_line(w, req, f);
			put_ours(w, req, f);
			if (f->skip_routes || f->strict || f->from_strict)
				put_routes(w, req, f);
		} else if (l->kind == SIP_LINE_VIA_TOP) {
			put_top_via(w, req, source);
		} else if (l->kind == SIP_LINE_MAX_FORWARDS) {
			put_max_forwards(w, req->max_forwards - 1);
		} else if (!replaced(l, f) && !edited(w, l, f->edit[0], &done[0]) && !edited(w, l, f->edit[1], &done[1])) {
			put_slice(w, &l->text);
		}
	}
	return !w->bad;
}

bool sip_write_trying(struct writer *w, const struct sip_msg *sent)
{
	put_status(w, 100, "Trying");
	put_lines(w, sent, SIP_LINE_VIA);
	put_lines(w, sent, SIP_LINE_FROM);
	put_lines(w, sent, SIP_LINE_TO);
	put_lines(w, sent, SIP_LINE_CALL_ID);
	put_lines(w, sent, SIP_LINE_CSEQ);
	put_timestamp(w, sent);
	put(w, "Content-Length: 0\r\n\r\n");
	return !w->bad;
}

/* What CANCEL and ACK take over from the request they belong to; `to` has the To. */
static void put_follower(struct writer *w, const struct sip_msg *sent, const char *method, const struct sip_msg *to,
                         const char *extra)
{
	put(w, method);
	put(w, " ");
	put_slice(w, &sent->ruri_text);
	put(w, " SIP/2.0\r\n");
	put_lines(w, sent, SIP_LINE_VIA_TOP);
	put_lines(w, sent, SIP_LINE_ROUTE);
	put_max_forwards(w, 70);
	put_lines(w, sent, SIP_LINE_FROM);
	put_to(w, to, NULL);
	put_lines(w, sent, SIP_LINE_CALL_ID);
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
	put_follower(w, sent, "CANCEL", sent, reason);
	return !w->bad;
}

bool sip_write_reason(struct writer *w, const struct sip_msg *cancel)
{
	put_others(w, cancel, "Reason");
	return !w->bad;
}

bool sip_write_ack(struct writer *w, const struct sip_msg *sent, const struct sip_msg *final)
{
	put_follower(w, sent, "ACK", final, "");
	return !w->bad;
}
