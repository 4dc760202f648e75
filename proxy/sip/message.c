/* Parsing: Sofia-SIP's grammar into the fields of struct sip_msg.
 *
 * The message class is trimmed to the headers a proxy looks at; all others stay text. With
 * MSG_DO_EXTRACT_COPY every header keeps a pointer to its bytes as they came, so that what is not
 * ours to change is sent on unchanged, byte for byte. */
#include "proxy/sip/message.h"
#include "proxy/transport.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_alloc.h>

static msg_mclass_t *sip_class;

int sip_init(void)
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
	};
	enum sip_transport transport;
	if (!url->url_port && sip_transport_of_uri(out->scheme, out->params, &transport))
		out->port = sip_transport_port(transport);
	out->lr = url->url_params && url_has_param(url, "lr");
	/* tel:+1555...;phone-context=... keeps its number where sip: keeps the host */
	if (url->url_type == url_tel && !*out->user) {
		out->user = out->host;
		out->host = "";
	}
}

static void view_via(const sip_via_t *v, struct sip_via_view *out)
{
	*out = (struct sip_via_view){
		.host = text(v->v_host), .port = port_of(v->v_port), .branch = v->v_branch, .rport = v->v_rport != NULL,
	};
}

static enum sip_method method_of(sip_method_t m)
{
	switch (m) {
	case sip_method_invite: return SIP_INVITE;
	case sip_method_ack: return SIP_ACK;
	case sip_method_bye: return SIP_BYE;
	case sip_method_cancel: return SIP_CANCEL;
	case sip_method_options: return SIP_OPTIONS;
	default: return SIP_OTHER;
	}
}

/* What an answer cannot do without (section 8.2.6.2). */
static bool answerable(const sip_t *sip)
{
	return sip->sip_via && sip->sip_via->v_host && sip->sip_from && sip->sip_to && sip->sip_call_id &&
	       *text(sip->sip_call_id->i_id) && sip->sip_cseq && sip->sip_cseq->cs_method_name;
}

static void fill_common(struct sip_msg *m, const sip_t *sip)
{
	view_via(sip->sip_via, &m->via);
	m->call_id = sip->sip_call_id->i_id;
	m->from_tag = text(sip->sip_from->a_tag);
	m->to_tag = text(sip->sip_to->a_tag);
	m->from_user = text(sip->sip_from->a_url->url_user);
	m->cseq = (uint32_t)sip->sip_cseq->cs_seq;
	m->max_forwards = -1;
	if (sip->sip_max_forwards)
		m->max_forwards = sip->sip_max_forwards->mf_count > 255 ? 255 : (int)sip->sip_max_forwards->mf_count;
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		m->routes++;
}

static void fill_request(struct sip_msg *m, const sip_t *sip)
{
	m->method = method_of(sip->sip_request->rq_method);
	m->method_name = sip->sip_request->rq_method_name;
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
 * word more, and without a scheme it is no URI there. Routes are written anew, which takes clean ones. */
static bool routes_fit_a_line(const sip_t *sip)
{
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		if (!*text(r->r_url->url_scheme) || !fits_a_line(r->r_url, 0x7e))
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
	else if (parsed < 0 || sip->sip_error)
		*why = "malformed header";
	else if (!isalpha((unsigned char)*m->ruri.scheme))  /* brackets, for one */
		*why = "malformed Request-URI";
	else if (!fits_a_line(sip->sip_request->rq_url, 0xff))
		*why = "control character, quote or bracket in the Request-URI";
	else if (!routes_fit_a_line(sip))
		*why = "Route without a URI, or with a blank, a quote, a bracket or a byte beyond ASCII in it";
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

enum sip_parsed sip_parse(struct sip_msg *m, char *data, size_t len, const char **why)
{
	for (; len && (*data == '\r' || *data == '\n'); len--)  /* section 7.5 */
		data++;
	*m = (struct sip_msg){.data = data, .len = len, .method_name = "", .phrase = ""};
	*why = "not SIP";
	m->msg = msg_create(sip_class, MSG_DO_EXTRACT_COPY);
	if (!m->msg)
		return SIP_UNANSWERABLE;
	msg_buf_set(m->msg, data, len + 1);
	msg_buf_commit(m->msg, len, 1);
	int parsed = msg_extract(m->msg);
	sip_t *sip = m->sip = (sip_t *)msg_object(m->msg);
	if (!sip || (!sip->sip_request && !sip->sip_status))
		return SIP_UNANSWERABLE;
	if (!sip->sip_separator) {
		*why = "no empty line after the headers";
		return SIP_UNANSWERABLE;
	}
	if (!lines_end_alike(data, sip)) {
		*why = "CR without LF in a header";
		return SIP_UNANSWERABLE;
	}
	if (!answerable(sip)) {
		*why = "Via, From, To, Call-ID or CSeq missing or malformed";
		return SIP_UNANSWERABLE;
	}
	fill_common(m, sip);
	if (sip->sip_request) {
		fill_request(m, sip);
		return check_request(m, sip, parsed, why);
	}
	m->status = sip->sip_status->st_status;
	m->phrase = text(sip->sip_status->st_phrase);
	m->method = method_of(sip->sip_cseq->cs_method);
	m->method_name = sip->sip_cseq->cs_method_name;
	if (parsed < 0 || !body_whole(sip) || m->status < 100 || m->status > 699) {
		*why = "malformed response";
		return SIP_UNANSWERABLE;
	}
	return SIP_PARSED;
}

void sip_release(struct sip_msg *m)
{
	if (m->msg)
		msg_destroy(m->msg);
	m->msg = NULL;
	m->sip = NULL;
}

bool sip_msg_route(const struct sip_msg *m, unsigned i, struct sip_uri_view *out)
{
	const sip_route_t *r = m->sip->sip_route;
	for (; r && i > 0; i--)
		r = r->r_next;
	if (!r)
		return false;
	view_uri(r->r_url, out);
	return true;
}

const char *sip_msg_proxy_require(const struct sip_msg *m, unsigned i)
{
	const sip_proxy_require_t *r = m->sip->sip_proxy_require;
	const msg_param_t *tag = r ? r->k_items : NULL;
	while (tag && *tag && i--)
		tag++;
	return tag ? *tag : NULL;
}

bool sip_msg_any_branch(const struct sip_msg *m, bool (*is)(const char *branch, uint64_t arg), uint64_t arg)
{
	for (const sip_via_t *v = m->sip->sip_via; v; v = v->v_next)
		if (v->v_branch && is(v->v_branch, arg))
			return true;
	return false;
}

static uint64_t hash_on(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;  /* FNV-1a */
	return (h ^ 0xff) * 1099511628211u;
}

static uint64_t hash_text(uint64_t h, const char *s) { return hash_on(h, s, strlen(s)); }

uint64_t sip_loop_value(const struct sip_msg *m)
{
	const sip_t *sip = m->sip;
	const msg_common_t *line = sip->sip_request->rq_common;
	uint64_t h = hash_on(14695981039346656037u, line->h_data, line->h_len);
	h = hash_text(hash_text(hash_text(h, m->call_id), m->from_tag), m->to_tag);
	h = hash_on(h, &m->cseq, sizeof m->cseq);
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		h = hash_on(h, r->r_common->h_data, r->r_common->h_len);
	const sip_proxy_require_t *p = sip->sip_proxy_require;
	return p ? hash_on(h, p->k_common->h_data, p->k_common->h_len) : h;
}

/* The first header of that name among those that are only text here; `compact` is its one-letter form or 0. */
static const char *other_header(const struct sip_msg *m, const char *name, char compact)
{
	for (const sip_unknown_t *u = m->sip->sip_unknown; u; u = u->un_next)
		if (!strcasecmp(u->un_name, name) || (compact && tolower((unsigned char)*u->un_name) == compact && !u->un_name[1]))
			return text(u->un_value);
	return NULL;
}

/* A whole number, to be followed by nothing, blanks or parameters; -1: it is none. */
static int number_in(const char *s)
{
	char *end;
	if (!s || !isdigit((unsigned char)*s))
		return -1;
	unsigned long v = strtoul(s, &end, 10);
	if (*end && !strchr("; \t\r\n", *end))
		return -1;
	return v > INT_MAX ? INT_MAX : (int)v;
}

int sip_msg_max_breadth(const struct sip_msg *m) { return number_in(other_header(m, "Max-Breadth", 0)); }

const char *sip_msg_require(const struct sip_msg *m) { return other_header(m, "Require", 0); }

bool sip_msg_private_id(const struct sip_msg *m)
{
	const char *s = other_header(m, "Privacy", 0);
	while (s && *s) {
		size_t n = strcspn(s, "; ,\t");
		if (n == 2 && !strncasecmp(s, "id", 2))
			return true;
		s += n + strspn(s + n, "; ,\t");
	}
	return false;
}

uint32_t sip_msg_session_expires(const struct sip_msg *m)
{
	int v = number_in(other_header(m, "Session-Expires", 'x'));
	return v > 0 ? (uint32_t)v : 0;
}

bool sip_msg_second_via(const struct sip_msg *m, struct sip_via_view *out)
{
	const sip_via_t *v = m->sip->sip_via->v_next;
	if (!v)
		return false;
	view_via(v, out);
	return true;
}

bool sip_msg_response_to(const struct sip_msg *m, struct addr *out)
{
	const sip_via_t *v = m->sip->sip_via->v_next;
	char host[ADDR_STR_LEN];
	if (!v || !v->v_protocol || strcasecmp(v->v_protocol, "SIP/2.0/UDP"))
		return false;
	const char *at = v->v_received ? v->v_received : v->v_host, *port = v->v_rport && *v->v_rport ? v->v_rport : v->v_port;
	size_t n = strlen(at);
	if (*at == '[' && n > 2 && n < sizeof host) {  /* IPv6 as a sent-by has it */
		memcpy(host, at + 1, n - 2);
		host[n - 2] = 0;
		at = host;
	}
	unsigned long number = port ? strtoul(port, NULL, 10) : 5060;
	return number > 0 && number <= UINT16_MAX && addr_parse(out, at, (uint16_t)number) == 0;
}

static bool header_is(const char *p, const char *end, const char **value)
{
	size_t name = 0;
	if (end - p > 8 && !strncasecmp(p, "Call-ID", 7))
		name = 7;
	else if (end - p > 2 && (*p == 'i' || *p == 'I'))
		name = 1;
	if (!name)
		return false;
	p += name;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p != ':')
		return false;
	p++;
	while (p < end && (*p == ' ' || *p == '\t' || ((*p == '\r' || *p == '\n') && p + 1 < end)))
		p++;
	*value = p;
	return p < end;
}

bool sip_scan_call_id(const char *data, size_t len, const char **value, size_t *value_len)
{
	const char *end = data + len, *p = data;
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		if (++p == end || *p == '\r' || *p == '\n')
			return false;
		if (!header_is(p, end, value))
			continue;
		const char *q = *value;
		while (q < end && !isspace((unsigned char)*q))
			q++;
		*value_len = (size_t)(q - *value);
		return *value_len > 0;
	}
	return false;
}
