/* Whether plain.c and grammar.c have read the same: for the unit test and the fuzzer. */
#ifndef TESTS_SIP_SAME_H
#define TESTS_SIP_SAME_H

#include "proxy/sip/message_internal.h"

#include <string.h>
#include <strings.h>

static inline bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool same_slice(struct sip_slice a, struct sip_slice b)
{
	return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool same_uri(const struct sip_uri_view *a, const struct sip_uri_view *b)
{
	return same_text(a->scheme, b->scheme) && same_text(a->user, b->user) && same_text(a->host, b->host) &&
	       a->port == b->port && a->port_said == b->port_said && same_text(a->params, b->params) && a->lr == b->lr;
}

static inline bool same_via(const struct sip_via_view *a, const struct sip_via_view *b)
{
	return same_text(a->protocol, b->protocol) && same_text(a->host, b->host) && same_text(a->port_text, b->port_text) &&
	       a->port == b->port && same_text(a->branch, b->branch) && same_text(a->received, b->received) &&
	       same_text(a->rport, b->rport) && same_text(a->params, b->params);
}

/* The lines before the empty one. */
static inline bool same_lines(const struct sip_msg *plain, const struct sip_msg *full)
{
	unsigned n = plain->n_lines - 1;
	if (full->n_lines < plain->n_lines)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (plain->lines[i].kind != full->lines[i].kind || !same_slice(plain->lines[i].text, full->lines[i].text))
			return false;
	return true;
}

/* What differs, or NULL. `full` was read from a copy of the same text. */
static inline const char *sip_difference(const struct sip_msg *plain, const struct sip_msg *full)
{
	if (plain->status != full->status || plain->method != full->method || !same_text(plain->method_name, full->method_name) ||
	    !same_text(plain->phrase, full->phrase))
		return "first line";
	if (!plain->status && (!same_uri(&plain->ruri, &full->ruri) || !same_slice(plain->ruri_text, full->ruri_text)))
		return "Request-URI";
	if (!same_text(plain->call_id, full->call_id) || plain->cseq != full->cseq || plain->max_forwards != full->max_forwards)
		return "Call-ID, CSeq or Max-Forwards";
	if (!same_text(plain->from_tag, full->from_tag) || !same_text(plain->to_tag, full->to_tag) ||
	    !same_text(plain->from_user, full->from_user))
		return "From or To";
	if (plain->n_vias != full->n_vias || !same_text(plain->via_mates, full->via_mates))
		return "Vias on one line";
	for (unsigned i = 0; i < plain->n_vias; i++)
		if (!same_via(&plain->vias[i], &full->vias[i]))
			return "Via";
	if (plain->routes != full->routes)
		return "number of Routes";
	for (unsigned i = 0; i < plain->routes; i++)
		if (!same_uri(&plain->route[i].uri, &full->route[i].uri) ||
		    !same_slice(plain->route[i].uri_text, full->route[i].uri_text) ||
		    !same_slice(plain->route[i].value, full->route[i].value))
			return "Route";
	return same_lines(plain, full) ? NULL : "lines";
}

#endif
