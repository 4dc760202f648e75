/* Messages of plain shape, which nearly all are: each header field on one line, nothing quoted but a display name,
 * nothing escaped. They are read in one pass, without memory of their own. This never says that a message
 * is wrong, only that it is not for it: what is rare or broken is left to the grammar, and what is taken here the
 * grammar would take alike (tests/unit/sip_plain_test, tests/fuzz). */
#include "proxy/sip/message_internal.h"
#include "proxy/sip/scan.h"

#include <string.h>
#include <strings.h>

static void keep_uri(struct scan *r, const struct uri *u, struct sip_uri_view *out)
{
	out->scheme = u->scheme;
	out->user = u->user.len ? scan_keep(r, u->user) : "";
	out->host = scan_keep(r, u->host);
	out->params = u->params.len ? scan_keep(r, u->params) : "";
	out->port = u->port ? u->port : sip_uri_default_port(out->scheme, out->params);
	out->port_said = u->port != 0;
	out->lr = u->lr;
}

/* ---- header fields ---- */

static void take_via_params(struct scan *r, struct sip_via_view *v)
{
	char params[SIP_PLAIN_TEXT];
	struct writer w = writer_of(params, sizeof params);
	while (!r->odd && r->p < r->end && *r->p != ',') {
		const char *start = r->p;
		take(r, ';');
		struct sip_slice name = run(r, TOKEN), value = {NULL, 0};
		if (at(r, '=')) {
			r->p++;
			value = run(r, VALUE);
		}
		if (scan_is(name, "rport")) {
			if (v->rport)
				odd(r);
			v->rport = value.at ? scan_keep(r, value) : "";
		} else if (scan_is(name, "received") && value.at && !v->received) {
			v->received = scan_keep(r, value);
		} else if (scan_is(name, "branch") && value.at && !v->branch) {
			v->branch = scan_keep(r, value);
			write_bytes(&w, start, (size_t)(r->p - start));
		} else if (memchr("bBrR", *name.at, 4) && name.len > 4 && name.len < 9) {
			odd(r);  /* one of those in another shape, or so near that it is not worth a look */
		} else {
			write_bytes(&w, start, (size_t)(r->p - start));
		}
	}
	if (w.bad)
		odd(r);
	v->params = scan_keep(r, (struct sip_slice){params, (uint32_t)writer_len(&w)});
}

static const char *take_protocol(struct scan *r)
{
	static const char *const known[] = {"SIP/2.0/UDP", "SIP/2.0/TCP", "SIP/2.0/TLS"};
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (r->end - r->p > 11 && !memcmp(r->p, known[i], 11)) {
			r->p += 11;
			return known[i];
		}
	odd(r);
	return "";
}

static void take_via(struct scan *r, struct sip_msg *m)
{
	struct sip_via_view *v = &m->plain_vias[m->n_vias];
	struct sip_slice port;
	if (m->n_vias == SIP_PLAIN_VIAS) {
		odd(r);
		return;
	}
	memset(v, 0, sizeof *v);
	v->protocol = take_protocol(r);
	take(r, ' ');
	v->host = scan_keep(r, scan_host(r));
	v->port = scan_port(r, &port);
	v->port_text = v->port ? scan_keep(r, port) : "";
	if (!v->port)
		v->port = 5060;
	take_via_params(r, v);
	m->n_vias++;
}

/* Past the comma between two values; false: there is none. */
static bool another(struct scan *r)
{
	if (r->odd || !at(r, ','))
		return false;
	for (r->p++; at(r, ' ');)
		r->p++;
	return true;
}

static void take_vias(struct scan *r, struct sip_msg *m)
{
	bool top = !m->n_vias;
	char lines[SIP_PLAIN_TEXT];
	struct writer w = writer_of(lines, sizeof lines);
	take_via(r, m);
	while (another(r)) {
		const char *start = r->p;
		take_via(r, m);
		write_str(&w, "Via: ");
		write_bytes(&w, start, (size_t)(r->p - start));
		write_str(&w, "\r\n");
	}
	if (top && writer_len(&w))
		m->via_mates = scan_keep(r, (struct sip_slice){lines, (uint32_t)writer_len(&w)});
	if (w.bad)
		odd(r);
}

/* A display name or none, up to the bracket. */
static void skip_display(struct scan *r)
{
	if (at(r, '"')) {
		r->p++;
		while (r->p < r->end && in_class(*r->p, TEXT) && *r->p != '"' && *r->p != '\\')
			r->p++;
		take(r, '"');
	} else if (!at(r, '<')) {
		while (r->p < r->end && (in_class(*r->p, TOKEN) || (*r->p == ' ' && r->p[-1] != ' ')))
			r->p++;
	}
	if (at(r, ' '))
		r->p++;
}

/* From or To: the user part of its URI, and its tag. */
static const char *take_party(struct scan *r, struct sip_slice *user)
{
	const char *tag = "";
	skip_display(r);
	take(r, '<');
	*user = scan_uri(r).user;
	take(r, '>');
	while (!r->odd && r->p < r->end) {
		take(r, ';');
		struct sip_slice name = run(r, TOKEN);
		bool is_tag = name.len == 3 && !strncasecmp(name.at, "tag", 3);
		if (is_tag && *tag)
			odd(r);
		if (is_tag && take(r, '='))
			tag = scan_keep(r, run(r, TOKEN));
		else if (!is_tag && at(r, '=') && take(r, '='))
			run(r, VALUE);
	}
	return tag;
}

static void take_route(struct scan *r, struct sip_msg *m)
{
	struct sip_route_view *out = &m->plain_routes[m->routes];
	const char *start = r->p;
	if (m->routes == SIP_PLAIN_ROUTES) {
		odd(r);
		return;
	}
	take(r, '<');
	struct uri uri = scan_uri(r);
	out->uri_text = (struct sip_slice){start + 1, (uint32_t)(r->p - start - 1)};
	take(r, '>');
	out->value = (struct sip_slice){start, (uint32_t)(r->p - start)};
	if (!r->odd)
		keep_uri(r, &uri, &out->uri);
	m->routes++;
}

/* Those in use; of others the grammar takes some. */
static const char *take_method(struct scan *r)
{
	static const char *const known[] = {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER",
	                                    "NOTIFY", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER"};
	struct sip_slice s = run(r, TOKEN);
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (scan_is(s, known[i]))
			return known[i];
	odd(r);
	return "";
}

/* ---- lines ---- */

struct fields {
	const char *method;          /* of a request line */
	unsigned seen;               /* a bit for each kind that may be there once */
	uint32_t body;               /* as Content-Length says */
};
#define CONTENT_LENGTH SIP_LINE_REST

static enum sip_line_kind kind_of(struct sip_slice name)
{
	static const struct { const char *name; uint8_t len; char compact; enum sip_line_kind kind; } known[] = {
		{"via", 3, 'v', SIP_LINE_VIA}, {"route", 5, 0, SIP_LINE_ROUTE}, {"from", 4, 'f', SIP_LINE_FROM},
		{"to", 2, 't', SIP_LINE_TO}, {"call-id", 7, 'i', SIP_LINE_CALL_ID}, {"cseq", 4, 0, SIP_LINE_CSEQ},
		{"max-forwards", 12, 0, SIP_LINE_MAX_FORWARDS}, {"proxy-require", 13, 0, SIP_LINE_PROXY_REQUIRE},
		{"content-length", 14, 'l', CONTENT_LENGTH},
	};
	const char first = name.len ? (char)(*name.at | 0x20) : 0;
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (name.len == 1 ? first == known[i].compact : name.len == known[i].len && first == known[i].name[0] &&
		    !strncasecmp(name.at, known[i].name, name.len))
			return known[i].kind;
	return SIP_LINE_OTHER;
}

static void take_value(struct scan *r, struct sip_msg *m, struct fields *f, enum sip_line_kind kind)
{
	struct sip_slice user;
	switch (kind) {
	case SIP_LINE_VIA: take_vias(r, m); break;
	case SIP_LINE_ROUTE:
		do
			take_route(r, m);
		while (another(r));
		break;
	case SIP_LINE_FROM:
		m->from_tag = take_party(r, &user);
		m->from_user = r->odd || !user.len ? "" : scan_keep(r, user);
		break;
	case SIP_LINE_TO: m->to_tag = take_party(r, &user); break;
	case SIP_LINE_CALL_ID: m->call_id = scan_keep(r, run(r, WORD)); break;
	case SIP_LINE_CSEQ:
		m->cseq = scan_number(r, 9);
		take(r, ' ');
		m->method_name = take_method(r);
		break;
	case SIP_LINE_MAX_FORWARDS:
		m->max_forwards = (int)scan_number(r, 3);
		if (m->max_forwards > UINT8_MAX)
			m->max_forwards = UINT8_MAX;
		break;
	case CONTENT_LENGTH: f->body = scan_number(r, 5); break;
	default: odd(r);
	}
	if (r->p != r->end)
		odd(r);
}

static bool add_line(struct sip_msg *m, const char *at, const char *end, enum sip_line_kind kind)
{
	if (m->n_lines == SIP_PLAIN_LINES)
		return false;
	m->plain_lines[m->n_lines++] = (struct sip_line){{at, (uint32_t)(end - at)}, kind};
	return true;
}

/* The line at `p`, whose text ends at `end`, before its CRLF. */
static bool take_line(struct scan *r, struct sip_msg *m, struct fields *f, const char *p, const char *end)
{
	r->p = p;
	r->end = end;
	struct sip_slice name = run(r, TOKEN);
	enum sip_line_kind kind = kind_of(name);
	take(r, ':');
	if (kind != SIP_LINE_OTHER && !r->odd) {
		unsigned once = kind == SIP_LINE_VIA || kind == SIP_LINE_ROUTE ? 0 : 1u << kind;
		while (at(r, ' '))
			r->p++;
		if (f->seen & once)
			odd(r);
		f->seen |= once;
		take_value(r, m, f, kind);
	}
	if (kind == SIP_LINE_VIA && !m->via.host) {
		kind = SIP_LINE_VIA_TOP;
		m->via = m->plain_vias[0];
	}
	return !r->odd && add_line(m, p, end + 2, kind);
}

static void take_request_line(struct scan *r, struct sip_msg *m, struct fields *f)
{
	f->method = take_method(r);
	take(r, ' ');
	const char *start = r->p;
	struct uri uri = scan_uri(r);
	m->ruri_text = (struct sip_slice){start, (uint32_t)(r->p - start)};
	scan_text(r, " SIP/2.0");
	if (!r->odd)
		keep_uri(r, &uri, &m->ruri);
}

static void take_status_line(struct scan *r, struct sip_msg *m)
{
	r->p += 8;
	m->status = (int)scan_number(r, 3);
	take(r, ' ');
	if (m->status < 100 || m->status > 699 || at(r, ' '))
		odd(r);
	m->phrase = scan_keep(r, run(r, TEXT));
}

static bool take_first(struct scan *r, struct sip_msg *m, struct fields *f, const char *end)
{
	r->end = end;
	if (end - r->p > 8 && !memcmp(r->p, "SIP/2.0 ", 8))
		take_status_line(r, m);
	else
		take_request_line(r, m, f);
	return r->p == r->end && !r->odd && add_line(m, m->data, end + 2, SIP_LINE_FIRST);
}

/* The end of the line at `p`, before its CRLF; NULL: it has none, or another CR in it. */
static const char *line_end(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	return nl && nl > p && memchr(p, '\r', (size_t)(nl - p)) == nl - 1 ? nl - 1 : NULL;
}

/* What a message cannot do without, and what its parts have to say of one another. */
static bool complete(struct sip_msg *m, const struct fields *f, const char *body)
{
	const unsigned needed = 1u << SIP_LINE_FROM | 1u << SIP_LINE_TO | 1u << SIP_LINE_CALL_ID | 1u << SIP_LINE_CSEQ;
	if ((f->seen & needed) != needed || !m->n_vias)
		return false;
	if (f->seen & 1u << CONTENT_LENGTH && f->body != (size_t)(m->data + m->len - body))
		return false;
	if (!m->status && (!*m->from_tag || f->method != m->method_name))
		return false;
	m->method = sip_method_of(m->method_name);
	return !memchr(m->data, 0, (size_t)(body - m->data));
}

static bool read_all(struct scan *r, struct sip_msg *m)
{
	const char *p = m->data, *end = p + m->len, *stop = line_end(p, end);
	struct fields f = {.seen = 0};
	if (!stop || !take_first(r, m, &f, stop))
		return false;
	for (p = stop + 2; (stop = line_end(p, end)) && stop > p; p = stop + 2)
		if (!take_line(r, m, &f, p, stop))
			return false;
	return stop && add_line(m, p, end, SIP_LINE_REST) && complete(m, &f, stop + 2);
}

void sip_plain_init(void) { scan_init(); }

bool sip_plain(struct sip_msg *m)
{
	const size_t head = offsetof(struct sip_msg, plain_lines);
	char blank[offsetof(struct sip_msg, plain_lines)];
	struct scan r = {.p = m->data, .room = m->plain_text, .room_end = m->plain_text + sizeof m->plain_text};
	memcpy(blank, m, head);
	m->max_forwards = -1;
	m->from_tag = m->to_tag = m->from_user = "";
	if (read_all(&r, m)) {
		m->lines = m->plain_lines;
		m->vias = m->plain_vias;
		m->route = m->plain_routes;
		return true;
	}
	memcpy(m, blank, head);
	return false;
}
