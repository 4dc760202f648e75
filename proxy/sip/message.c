/* A message's fields, whoever has read them: see message.h. */
#include "proxy/sip/message.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/sip/header.h"
#include "proxy/sip/message_internal.h"
#include "proxy/transport.h"

int sip_init(void)
{
	sip_plain_init();
	return sip_grammar_init();
}

enum sip_parsed sip_parse(struct sip_msg *m, char *data, size_t len, const char **why)
{
	for (; len && (*data == '\r' || *data == '\n'); len--)  /* section 7.5 */
		data++;
	memset(m, 0, offsetof(struct sip_msg, plain_lines));
	m->data = data;
	m->len = len;
	m->method_name = m->phrase = m->via_mates = "";
	*why = NULL;
	return sip_plain(m) ? SIP_PARSED : sip_grammar(m, data, why);
}

void sip_release(struct sip_msg *m) { sip_grammar_release(m); }

enum sip_method sip_method_of(const char *name)
{
	static const struct { const char *name; enum sip_method method; } methods[] = {
		{"INVITE", SIP_INVITE}, {"ACK", SIP_ACK}, {"BYE", SIP_BYE}, {"CANCEL", SIP_CANCEL}, {"OPTIONS", SIP_OPTIONS},
	};
	for (unsigned i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (!strcmp(name, methods[i].name))
			return methods[i].method;
	return SIP_OTHER;
}

uint16_t sip_uri_default_port(const char *scheme, const char *params)
{
	enum sip_transport transport;
	return sip_transport_of_uri(scheme, params, &transport) ? sip_transport_port(transport) : 5060;
}

/* ---- looks ---- */

bool sip_msg_route(const struct sip_msg *m, unsigned i, struct sip_uri_view *out)
{
	if (i >= m->routes)
		return false;
	*out = m->route[i].uri;
	return true;
}

const char *sip_msg_proxy_require(const struct sip_msg *m, unsigned i)
{
	const char *const *tag = m->proxy_require;
	while (tag && *tag && i--)
		tag++;
	return tag ? *tag : NULL;
}

bool sip_msg_any_branch(const struct sip_msg *m, bool (*is)(const char *branch, uint64_t arg), uint64_t arg)
{
	for (unsigned i = 0; i < m->n_vias; i++)
		if (m->vias[i].branch && is(m->vias[i].branch, arg))
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
	const struct sip_slice *first = &m->lines[0].text;
	uint64_t h = hash_on(14695981039346656037u, first->at, first->len);
	h = hash_text(hash_text(hash_text(h, m->call_id), m->from_tag), m->to_tag);
	h = hash_on(h, &m->cseq, sizeof m->cseq);
	for (unsigned i = 0; i < m->n_lines; i++)
		if (m->lines[i].kind == SIP_LINE_ROUTE || m->lines[i].kind == SIP_LINE_PROXY_REQUIRE)
			h = hash_on(h, m->lines[i].text.at, m->lines[i].text.len);
	return h;
}

bool sip_msg_header(const struct sip_msg *m, const char *name, char *value, size_t size)
{
	value[0] = 0;
	for (unsigned i = 0; i < m->n_lines; i++)
		if (m->lines[i].kind == SIP_LINE_OTHER && sip_header_is(m->lines[i].text.at, m->lines[i].text.len, name)) {
			sip_header_value(m->lines[i].text.at, m->lines[i].text.len, value, size);
			return true;
		}
	return false;
}

/* A whole number, to be followed by nothing, blanks or parameters; -1: there is none. */
static int number_in(const struct sip_msg *m, const char *name)
{
	char value[32], *end;
	if (!sip_msg_header(m, name, value, sizeof value) || !isdigit((unsigned char)*value))
		return -1;
	unsigned long v = strtoul(value, &end, 10);
	if (*end && !strchr("; \t", *end))
		return -1;
	return v > INT_MAX ? INT_MAX : (int)v;
}

int sip_msg_max_breadth(const struct sip_msg *m) { return number_in(m, "Max-Breadth"); }

bool sip_msg_private_id(const struct sip_msg *m)
{
	char value[256];
	sip_msg_header(m, "Privacy", value, sizeof value);
	for (const char *s = value; *s;) {
		size_t n = strcspn(s, "; ,\t");
		if (n == 2 && !strncasecmp(s, "id", 2))
			return true;
		s += n + strspn(s + n, "; ,\t");
	}
	return false;
}

uint32_t sip_msg_session_expires(const struct sip_msg *m)
{
	int v = number_in(m, "Session-Expires");
	return v > 0 ? (uint32_t)v : 0;
}

bool sip_msg_second_via(const struct sip_msg *m, struct sip_via_view *out)
{
	if (m->n_vias < 2)
		return false;
	*out = m->vias[1];
	return true;
}

bool sip_msg_response_to(const struct sip_msg *m, struct addr *out)
{
	const struct sip_via_view *v = m->n_vias > 1 ? &m->vias[1] : NULL;
	char host[ADDR_STR_LEN];
	if (!v || strcasecmp(v->protocol, "SIP/2.0/UDP"))
		return false;
	const char *at = v->received ? v->received : v->host;
	size_t n = strlen(at);
	if (*at == '[' && n > 2 && n < sizeof host) {  /* IPv6 as a sent-by has it */
		memcpy(host, at + 1, n - 2);
		host[n - 2] = 0;
		at = host;
	}
	unsigned long port = v->rport && *v->rport ? strtoul(v->rport, NULL, 10) : v->port;
	return port > 0 && port <= UINT16_MAX && addr_parse(out, at, (uint16_t)port) == 0;
}

/* ---- unparsed ---- */

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
