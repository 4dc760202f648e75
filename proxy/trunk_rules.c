/* Trunk rules: see trunk_rules.h. */
#include "proxy/trunk_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header rules of one way. */
struct header_rules {
	struct trunk_header *headers;
	struct sip_edit_line lines[TRUNK_HEADERS_MAX];
	struct sip_edit begin, within;   /* of the INVITE that begins a call; of all else */
	char *add;                       /* whole lines */
};

struct trunk_rules {
	struct number_plan plan;
	bool untrusted;
	struct trunk_ports ports[TRUNK_PORTS_MAX];
	unsigned n_ports;
	char subject[256];
	struct trunk_called *allowed;    /* sorted; none begins with another */
	unsigned n_allowed;
	struct header_rules in, back;
};

/* ---- building ---- */

static int by_prefix(const void *a, const void *b)
{
	return strcmp(((const struct trunk_called *)a)->prefix, ((const struct trunk_called *)b)->prefix);
}

static bool begins(const char *number, const char *prefix) { return !strncmp(number, prefix, strlen(prefix)); }

/* With those gone that a shorter one covers, the greatest that is not above a number is the only one to look at. */
static bool build_allowed(struct trunk_rules *r, const struct trunk_options *o)
{
	if (!o->n_allowed)
		return true;
	r->allowed = calloc(o->n_allowed, sizeof *r->allowed);
	if (!r->allowed)
		return false;
	memcpy(r->allowed, o->allowed, o->n_allowed * sizeof *r->allowed);
	qsort(r->allowed, o->n_allowed, sizeof *r->allowed, by_prefix);
	for (unsigned i = 0; i < o->n_allowed; i++)
		if (!r->n_allowed || !begins(r->allowed[i].prefix, r->allowed[r->n_allowed - 1].prefix))
			r->allowed[r->n_allowed++] = r->allowed[i];
	return true;
}

static bool build_headers(struct header_rules *r, const struct trunk_header *headers, unsigned n)
{
	size_t size = 1, len = 0;
	n = n < TRUNK_HEADERS_MAX ? n : TRUNK_HEADERS_MAX;
	if (!n)
		return true;
	for (unsigned i = 0; i < n; i++)
		size += sizeof headers[i];
	r->headers = malloc(n * sizeof *r->headers);
	r->add = calloc(1, size);
	if (!r->headers || !r->add)
		return false;
	memcpy(r->headers, headers, n * sizeof *r->headers);
	for (unsigned i = 0; i < n; i++) {
		const struct trunk_header *h = &r->headers[i];
		if (*h->add)
			len += (size_t)snprintf(r->add + len, size - len, "%s: %s\r\n", h->add, h->value);
		else
			r->lines[r->begin.n++] = *h->strip ? (struct sip_edit_line){h->strip, NULL} :
			                                     (struct sip_edit_line){h->replace, h->value};
	}
	r->begin.lines = r->lines;
	r->begin.add = r->add;
	r->within = r->begin;
	r->within.add = "";
	return true;
}

static void build_plan(struct trunk_rules *r, const struct trunk_options *o, const char *country)
{
	r->plan = number_plan(country);
	if (o->n_international) {
		r->plan.n_international = o->n_international;
		memcpy(r->plan.international, o->international, sizeof r->plan.international);
	}
	if (!strcmp(o->national, "none"))
		r->plan.national[0] = 0;
	else if (*o->national)
		memcpy(r->plan.national, o->national, sizeof r->plan.national);
}

struct trunk_rules *trunk_rules_new(const struct trunk_options *o, const char *country)
{
	struct trunk_rules *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	build_plan(r, o, country);
	r->untrusted = o->untrusted;
	r->n_ports = o->n_ports;
	memcpy(r->subject, o->tls_subject, sizeof r->subject);
	memcpy(r->ports, o->ports, sizeof r->ports);
	if (build_allowed(r, o) && build_headers(&r->in, o->headers, o->n_headers) &&
	    build_headers(&r->back, o->headers_back, o->n_headers_back))
		return r;
	trunk_rules_free(r);
	return NULL;
}

void trunk_rules_free(struct trunk_rules *r)
{
	if (!r)
		return;
	free(r->allowed);
	free(r->in.headers);
	free(r->in.add);
	free(r->back.headers);
	free(r->back.add);
	free(r);
}

/* ---- asking ---- */

const struct number_plan *trunk_rules_plan(const struct trunk_rules *r) { return &r->plan; }

const char *trunk_rules_subject(const struct trunk_rules *r) { return r->subject; }

bool trunk_rules_port(const struct trunk_rules *r, uint16_t port)
{
	for (unsigned i = 0; i < r->n_ports; i++)
		if (port >= r->ports[i].first && port <= r->ports[i].last)
			return true;
	return !r->n_ports;
}

bool trunk_rules_called(const struct trunk_rules *r, const char *number)
{
	unsigned low = 0, high = r->n_allowed;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (strcmp(r->allowed[middle].prefix, number) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return !r->n_allowed || (low && begins(number, r->allowed[low - 1].prefix));
}

/* ---- the edge ---- */

struct trunk_edge trunk_edge_back(struct trunk_edge edge)
{
	return (struct trunk_edge){edge.rules, !edge.out};
}

static const struct sip_edit *edit_by_rules(const struct header_rules *r, const struct sip_msg *m)
{
	bool begins = !m->status && m->method == SIP_INVITE && !*m->to_tag;
	if (!r->headers)
		return NULL;
	return begins ? &r->begin : &r->within;
}

static const struct sip_edit *edit_by_trust(bool out, const struct sip_msg *m)
{
	static const struct sip_edit_line asserted[] = {
		{"P-Asserted-Identity", NULL}, {"Remote-Party-ID", NULL}, {"Diversion", NULL},
	};
	/* inwards all of them, outwards the identities, which are the first two */
	static const struct sip_edit in = {asserted, 3, ""}, private = {asserted, 2, ""};
	if (!out)
		return &in;
	return sip_msg_private_id(m) ? &private : NULL;
}

void trunk_edge_edits(struct trunk_edge edge, const struct sip_msg *m, const struct sip_edit *edits[2])
{
	edits[0] = edge.rules ? edit_by_rules(edge.out ? &edge.rules->back : &edge.rules->in, m) : NULL;
	edits[1] = edge.rules && edge.rules->untrusted ? edit_by_trust(edge.out, m) : NULL;
}
