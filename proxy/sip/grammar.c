/* The grammar: Sofia-SIP's, into the fields of struct sip_msg.
 *
 * The message class is trimmed to the headers a proxy looks at; all others stay text. With
 * MSG_DO_EXTRACT_COPY every header keeps a pointer to its bytes as they came, so that what is not
 * ours to change is sent on unchanged, byte for byte. */
#include "proxy/sip/message_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/sip/header.h"

static msg_mclass_t *sip_class;

int sip_grammar_init(void)
{
	static const char *const wanted[] = {
		"Via", "Route", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Proxy-Require",
	};
	const msg_mclass_t *full = sip_default_mclass();
	if (sip_class)
		return 0;
	sip_class = msg_mclass_clone(full, 0, msg_mclass_empty);
	if (!sip_class)
		return -ENOMEM;
	for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (msg_mclass_insert(sip_class, msg_find_hclass(full, wanted[i], NULL)) < 0)
			return -ENOMEM;
	return 0;
}

static const char *text(const char *s) { return s ? s : ""; }

static uint16_t port_of(const char *s)
{
	if (!s || !*s)
		return 5060;
	unsigned long v = strtoul(s, NULL, 10);
	return v > 65535 ? 0 : (uint16_t)v;
}

static void view_uri(const url_t *url, struct sip_uri_view *out)
{
	*out = (struct sip_uri_view){
		.scheme = text(url->url_scheme), .user = text(url->url_user), .host = text(url->url_host),
		.params = text(url->url_params), .port = port_of(url->url_port),
		.port_said = url->url_port && *url->url_port,
	};
	if (!url->url_port)
		out->port = sip_uri_default_port(out->scheme, out->params);
	out->lr = url->url_params && url_has_param(url, "lr");
	/* tel:+1555...;phone-context=... keeps its number where sip: keeps the host */
	if (url->url_type == url_tel && !*out->user) {
		out->user = out->host;
		out->host = "";
	}
}

/* Room that goes with the message. NULL without memory. */
static void *room(struct sip_msg *m, size_t size) { return su_alloc(msg_home(m->msg), size ? (issize_t)size : 1); }

/* A parameter list without received and rport, which only we may say (RFC 3261 18.2.1, RFC 3581 4). */
static const char *via_params(struct sip_msg *m, const sip_via_t *v)
{
	size_t size = 1;
	for (const msg_param_t *p = v->v_params; p && *p; p++)
		size += strlen(*p) + 1;
	char *out = room(m, size);
	struct writer w = writer_of(out, out ? size - 1 : 0);
	for (const msg_param_t *p = v->v_params; p && *p; p++) {
		if (!strncasecmp(*p, "received=", 9) || !strcasecmp(*p, "rport") || !strncasecmp(*p, "rport=", 6))
			continue;
		write_str(&w, ";");
		write_str(&w, *p);
	}
	if (out)
		*w.p = 0;
	return out;
}

/* The value of the first one of several; with `bare` also one that has none: "". Sofia's own fields are at times of the
 * last, and what stands bare before a comma is not in them. */
static const char *via_param(const sip_via_t *v, const char *name, bool bare)
{
	size_t len = strlen(name);
	for (const msg_param_t *p = v->v_params; p && *p; p++)
		if (!strncasecmp(*p, name, len) && ((*p)[len] == '=' || (bare && !(*p)[len])))
			return *p + len + ((*p)[len] == '=');
	return NULL;
}

static bool view_via(struct sip_msg *m, const sip_via_t *v, struct sip_via_view *out)
{
	*out = (struct sip_via_view){
		.protocol = text(v->v_protocol), .host = text(v->v_host), .port_text = text(v->v_port), .port = port_of(v->v_port),
		.branch = via_param(v, "branch", false), .received = via_param(v, "received", false),
		.rport = via_param(v, "rport", true), .params = via_params(m, v),
	};
	return out->params;
}

/* A header that is there, but could not be read. */
static bool is_broken(const msg_header_t *h, const void *read, const char *name)
{
	return !read && h->sh_len && h->sh_class == sip_error_class && sip_header_is(h->sh_data, h->sh_len, name);
}

static bool has_broken(const struct sip_msg *m, const void *read, const char *name)
{
	for (const msg_header_t *h = *msg_chain_head(m->msg); h; h = h->sh_succ)
		if (is_broken(h, read, name))
			return true;
	return false;
}

/* What an answer cannot do without (section 8.2.6.2). From and To are only copied into it: a request is told that they are
 * malformed. */
static bool answerable(const struct sip_msg *m, const sip_t *sip)
{
	if (!sip->sip_via || !sip->sip_via->v_host || !sip->sip_call_id || !*text(sip->sip_call_id->i_id) || !sip->sip_cseq ||
	    !sip->sip_cseq->cs_method_name)
		return false;
	return (sip->sip_from && sip->sip_to) ||
	       (sip->sip_request && (sip->sip_from || has_broken(m, sip->sip_from, "From")) &&
	        (sip->sip_to || has_broken(m, sip->sip_to, "To")));
}

static struct sip_slice slice_of(struct sip_msg *m, const char *s, issize_t len, size_t size)
{
	char *copy = len >= 0 && (size_t)len < size ? room(m, (size_t)len) : NULL;
	if (copy)
		memcpy(copy, s, (size_t)len);
	return (struct sip_slice){copy, copy ? (uint32_t)len : 0};
}

/* A header's value from its parsed form: for those that shared a line with others. */
static struct sip_slice encoded(struct sip_msg *m, const void *header)
{
	char value[2048];
	return slice_of(m, value, msg_header_field_e(value, sizeof value, header, 0), sizeof value);
}

static bool fill_routes(struct sip_msg *m, const sip_t *sip)
{
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		m->routes++;
	struct sip_route_view *out = room(m, m->routes * sizeof *out);
	m->route = out;
	for (const sip_route_t *r = sip->sip_route; out && r; r = r->r_next, out++) {
		char uri[1024];
		view_uri(r->r_url, &out->uri);
		out->uri_text = slice_of(m, uri, url_e(uri, sizeof uri, r->r_url), sizeof uri);
		out->value = encoded(m, r);
	}
	return m->route;
}

/* The Vias that share the line of the first. */
static const char *via_mates(struct sip_msg *m, const sip_via_t *v)
{
	char lines[4096];
	struct writer w = writer_of(lines, sizeof lines);
	for (v = v->v_next; v && !v->v_common->h_len; v = v->v_next) {
		struct sip_slice value = encoded(m, v);
		if (!value.at)
			return NULL;
		write_str(&w, "Via: ");
		write_bytes(&w, value.at, value.len);
		write_str(&w, "\r\n");
	}
	return w.bad ? NULL : su_strndup(msg_home(m->msg), lines, (isize_t)writer_len(&w));
}

static bool fill_vias(struct sip_msg *m, const sip_t *sip)
{
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		m->n_vias++;
	struct sip_via_view *out = room(m, m->n_vias * sizeof *out);
	m->vias = out;
	for (const sip_via_t *v = sip->sip_via; out && v; v = v->v_next)
		if (!view_via(m, v, out++))
			return false;
	if (!out)
		return false;
	m->via = m->vias[0];
	m->via_mates = via_mates(m, sip->sip_via);
	return true;
}

static enum sip_line_kind kind_of(const sip_t *sip, const msg_header_t *h)
{
	const struct { const void *header; enum sip_line_kind kind; } singles[] = {
		{sip->sip_request, SIP_LINE_FIRST}, {sip->sip_status, SIP_LINE_FIRST}, {sip->sip_via, SIP_LINE_VIA_TOP},
		{sip->sip_from, SIP_LINE_FROM}, {sip->sip_to, SIP_LINE_TO}, {sip->sip_call_id, SIP_LINE_CALL_ID},
		{sip->sip_cseq, SIP_LINE_CSEQ}, {sip->sip_max_forwards, SIP_LINE_MAX_FORWARDS},
	};
	for (unsigned i = 0; i < sizeof singles / sizeof singles[0]; i++)
		if (h == singles[i].header)
			return singles[i].kind;
	if (is_broken(h, sip->sip_from, "From"))
		return SIP_LINE_FROM;
	if (is_broken(h, sip->sip_to, "To"))
		return SIP_LINE_TO;
	return h->sh_class == sip_via_class ? SIP_LINE_VIA : h->sh_class == sip_route_class ? SIP_LINE_ROUTE :
	       h->sh_class == sip_proxy_require_class ? SIP_LINE_PROXY_REQUIRE :
	       h->sh_class == sip_unknown_class ? SIP_LINE_OTHER : SIP_LINE_REST;
}

static bool fill_lines(struct sip_msg *m, const sip_t *sip)
{
	const msg_header_t *first = *msg_chain_head(m->msg);
	unsigned n = 0;
	for (const msg_header_t *h = first; h; h = h->sh_succ)
		n++;
	struct sip_line *out = room(m, n * sizeof *out);
	m->lines = out;
	for (const msg_header_t *h = first; out && h; h = h->sh_succ)
		if (h->sh_len)
			out[m->n_lines++] = (struct sip_line){{h->sh_data, (uint32_t)h->sh_len}, kind_of(sip, h)};
	return out;
}

static bool fill_common(struct sip_msg *m, const sip_t *sip)
{
	m->call_id = sip->sip_call_id->i_id;
	m->from_tag = sip->sip_from ? text(sip->sip_from->a_tag) : "";
	m->to_tag = sip->sip_to ? text(sip->sip_to->a_tag) : "";
	m->from_user = sip->sip_from ? text(sip->sip_from->a_url->url_user) : "";
	m->cseq = (uint32_t)sip->sip_cseq->cs_seq;
	m->max_forwards = -1;
	if (sip->sip_max_forwards)
		m->max_forwards = sip->sip_max_forwards->mf_count > 255 ? 255 : (int)sip->sip_max_forwards->mf_count;
	m->proxy_require = sip->sip_proxy_require ? (const char *const *)sip->sip_proxy_require->k_items : NULL;
	return fill_vias(m, sip) && fill_routes(m, sip) && fill_lines(m, sip);
}

/* METHOD SP Request-URI SP version: the middle, as it came. */
static struct sip_slice raw_ruri(const sip_t *sip)
{
	const char *s = sip->sip_request->rq_common->h_data, *end = s + sip->sip_request->rq_common->h_len;
	const char *a = memchr(s, ' ', (size_t)(end - s));
	if (!a)
		return (struct sip_slice){NULL, 0};
	while (a < end && (*a == ' ' || *a == '\t'))
		a++;
	const char *b = a;
	while (b < end && *b != ' ' && *b != '\t' && *b != '\r' && *b != '\n')
		b++;
	return (struct sip_slice){a, (uint32_t)(b - a)};
}

static void fill_request(struct sip_msg *m, const sip_t *sip)
{
	m->method_name = sip->sip_request->rq_method_name;
	m->method = sip_method_of(m->method_name);
	m->ruri_text = raw_ruri(sip);
	view_uri(sip->sip_request->rq_url, &m->ruri);
}

/* Section 18.3. Sofia takes a body that is missing as a whole for one that is yet to come. */
static bool body_whole(const sip_t *sip)
{
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;
	const sip_content_length_t *said = sip->sip_content_length;
	return !(sip->sip_flags & MSG_FLG_TRUNC) && (!said || said->l_length <= len);
}

/* Printable, no byte above `most`, and nothing that would end a URI in brackets (RFC 3986 has none of them). */
static bool one_word(const char *s, unsigned char most)
{
	for (s = text(s); *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || (unsigned char)*s > most || strchr("<>\"", *s))
			return false;
	return true;
}

/* Sofia lets blanks, controls and what is not ASCII pass. */
static bool fits_a_line(const url_t *u, unsigned char most)
{
	const char *const parts[] = {u->url_scheme, u->url_user, u->url_password, u->url_host, u->url_port,
	                             u->url_path, u->url_params, u->url_headers, u->url_fragment};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (!one_word(parts[i], most))
			return false;
	return true;
}

/* A Route may become the Request-URI (section 16.4, 16.6): with a blank in it the request line would have a
 * word more, and without a scheme it is no URI there. Routes are written anew, which takes clean ones: Sofia loses the
 * slash of a path, which a SIP URI has none of. */
static bool routes_fit_a_line(const sip_t *sip)
{
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		if (!*text(r->r_url->url_scheme) || r->r_url->url_path || !fits_a_line(r->r_url, 0x7e))
			return false;
	return true;
}

static enum sip_parsed check_request(const struct sip_msg *m, const sip_t *sip, int parsed, const char **why)
{
	enum sip_parsed fault = SIP_ANSWER_400;
	if (strcasecmp(text(sip->sip_request->rq_version), "SIP/2.0") != 0)
		*why = "version is not SIP/2.0", fault = SIP_ANSWER_505;
	else if (!body_whole(sip))
		*why = "body shorter than Content-Length";
	else if (!sip->sip_from || !sip->sip_to)
		*why = "malformed From or To";
	else if (parsed < 0 || sip->sip_error)
		*why = "malformed header";
	else if (!isalpha((unsigned char)*m->ruri.scheme))  /* brackets, for one */
		*why = "malformed Request-URI";
	else if (!fits_a_line(sip->sip_request->rq_url, 0xff))
		*why = "control character, quote or bracket in the Request-URI";
	else if (!routes_fit_a_line(sip))
		*why = "Route without a URI, or with a path, a blank, a quote, a bracket or a byte beyond ASCII in it";
	else if (strcmp(m->method_name, sip->sip_cseq->cs_method_name) != 0)
		*why = "CSeq method differs from the request's";
	else if ((sip->sip_to->a_tag && !*m->to_tag) || (sip->sip_from->a_tag && !*m->from_tag))
		*why = "tag without a value";
	else if (!*m->from_tag && strcmp(text(m->via.branch), "") != 0 && !strncasecmp(m->via.branch, "z9hG4bK", 7))
		*why = "From has no tag";
	else
		return SIP_PARSED;
	return fault;
}

/* Sofia ends a line at a CR alone, others do not: such a header would be one thing here and another at the
 * next hop. */
static bool lines_end_alike(const char *data, const sip_t *sip)
{
	const msg_common_t *empty = sip->sip_separator->sep_common;
	const char *end = (const char *)empty->h_data + empty->h_len;
	for (const char *p = data; p < end && (p = memchr(p, '\r', (size_t)(end - p))); p++)
		if (p[1] != '\n')
			return false;
	return true;
}

static enum sip_parsed read_response(struct sip_msg *m, const sip_t *sip, int parsed, const char **why)
{
	m->status = sip->sip_status->st_status;
	m->phrase = text(sip->sip_status->st_phrase);
	m->method_name = sip->sip_cseq->cs_method_name;
	m->method = sip_method_of(m->method_name);
	if (parsed >= 0 && body_whole(sip) && m->status >= 100 && m->status <= 699)
		return SIP_PARSED;
	*why = "malformed response";
	return SIP_UNANSWERABLE;
}

enum sip_parsed sip_grammar(struct sip_msg *m, char *data, const char **why)
{
	*why = "not SIP";
	m->msg = msg_create(sip_class, MSG_DO_EXTRACT_COPY);
	if (!m->msg)
		return SIP_UNANSWERABLE;
	msg_buf_set(m->msg, data, m->len + 1);
	msg_buf_commit(m->msg, m->len, 1);
	int parsed = msg_extract(m->msg);
	const sip_t *sip = (const sip_t *)msg_object(m->msg);
	if (!sip || (!sip->sip_request && !sip->sip_status))
		return SIP_UNANSWERABLE;
	if (!sip->sip_separator)
		*why = "no empty line after the headers";
	else if (!lines_end_alike(data, sip))
		*why = "CR without LF in a header";
	else if (!answerable(m, sip))
		*why = "Via, From, To, Call-ID or CSeq missing or malformed";
	else if (!fill_common(m, sip))
		*why = "out of memory";
	else if (!sip->sip_request)
		return read_response(m, sip, parsed, why);
	else {
		fill_request(m, sip);
		return check_request(m, sip, parsed, why);
	}
	return SIP_UNANSWERABLE;
}

void sip_grammar_release(struct sip_msg *m)
{
	if (m->msg)
		msg_destroy(m->msg);
	m->msg = NULL;
}
