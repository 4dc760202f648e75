/* Locating: see locate.h. c-ares takes the answers apart. */
#include "proxy/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ares.h>

/* A service field of section 4.1, and the prefix of SRV names. sips: and TLS are one (section 4.2). */
static const struct { const char *service, *prefix; } services[SIP_TRANSPORTS] = {
	[SIP_UDP] = {"SIP+D2U", "_sip._udp"}, [SIP_TCP] = {"SIP+D2T", "_sip._tcp"}, [SIP_TLS] = {"SIPS+D2T", "_sips._tcp"},
};

/* For sips: what is not SIPS must be discarded; for sip: SIPS is as good as any (section 4.1). */
static bool wanted(struct locate_want want, int t) { return want.transports >> t & 1 && (!want.secure || t == SIP_TLS); }

/* -1: none. Services of SIP come with the flag "s" and a replacement; where there is an expression instead, it is for
 * others (section 4.1; RFC 3403 section 4.1: never both). */
static int service_of(const struct ares_naptr_reply *r)
{
	const char *to = r->replacement ? r->replacement : "";
	if (strcasecmp((const char *)r->flags, "s") != 0 || *r->regexp || !*to || !strcmp(to, ".") || strlen(to) >= LOCATE_NAME_LEN)
		return -1;
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++)
		if (!strcasecmp((const char *)r->service, services[t].service))
			return t;
	return -1;
}

static bool before(const struct ares_naptr_reply *a, const struct ares_naptr_reply *b)
{
	return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

/* In their order; a later one of the same rank stays behind. */
static unsigned insert(const struct ares_naptr_reply *sorted[LOCATE_SERVICES_MAX], unsigned n, const struct ares_naptr_reply *r)
{
	unsigned at = n < LOCATE_SERVICES_MAX ? n : LOCATE_SERVICES_MAX - 1;
	if (n == LOCATE_SERVICES_MAX && !before(r, sorted[at]))
		return n;
	for (; at > 0 && before(r, sorted[at - 1]); at--)
		sorted[at] = sorted[at - 1];
	sorted[at] = r;
	return n < LOCATE_SERVICES_MAX ? n + 1 : n;
}

unsigned locate_by_naptr(const unsigned char *answer, int len, struct locate_want want,
                         struct locate_service out[LOCATE_SERVICES_MAX])
{
	const struct ares_naptr_reply *sorted[LOCATE_SERVICES_MAX];
	struct ares_naptr_reply *list = NULL;
	unsigned n = 0;
	if (ares_parse_naptr_reply(answer, len, &list) != ARES_SUCCESS)
		return 0;
	for (const struct ares_naptr_reply *r = list; r; r = r->next) {
		int t = service_of(r);
		if (t >= 0 && wanted(want, t))
			n = insert(sorted, n, r);
	}
	for (unsigned i = 0; i < n; i++) {
		out[i].transport = (enum sip_transport)service_of(sorted[i]);
		snprintf(out[i].srv, sizeof out[i].srv, "%s", sorted[i]->replacement);
	}
	ares_free_data(list);
	return n;
}

void locate_by_transport(const char *host, enum sip_transport transport, struct locate_service *out)
{
	out->transport = transport;
	snprintf(out->srv, sizeof out->srv, "%s.%.*s", services[transport].prefix, LOCATE_NAME_LEN - 16, host);
}

unsigned locate_by_name(const char *host, struct locate_want want, struct locate_service out[LOCATE_SERVICES_MAX])
{
	unsigned n = 0;
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++)
		if (wanted(want, t))
			locate_by_transport(host, (enum sip_transport)t, &out[n++]);
	return n;
}

enum sip_transport locate_default(bool secure) { return secure ? SIP_TLS : SIP_UDP; }

int locate_servers(const unsigned char *answer, int len, struct locate_server out[LOCATE_SERVERS_MAX], bool *declined)
{
	struct ares_srv_reply *list = NULL;
	unsigned n = 0;
	int rc = ares_parse_srv_reply(answer, len, &list);
	*declined = false;
	if (rc != ARES_SUCCESS)
		return -rc;
	for (const struct ares_srv_reply *s = list; s && n < LOCATE_SERVERS_MAX; s = s->next) {
		if (!*s->host || !strcmp(s->host, ".")) {
			*declined = true;
			continue;
		}
		if (strlen(s->host) >= LOCATE_NAME_LEN)
			continue;              /* no name: escapes make it longer than one can be */
		out[n] = (struct locate_server){.port = s->port, .priority = s->priority, .weight = s->weight};
		snprintf(out[n++].host, LOCATE_NAME_LEN, "%s", s->host);
	}
	*declined = *declined && !n;
	ares_free_data(list);
	return (int)n;
}

int locate_ttl(const unsigned char *answer, int len, int most)
{
	const unsigned char *p = answer + 12, *end = answer + len;
	int questions = len > 12 ? answer[4] << 8 | answer[5] : 0, answers = len > 12 ? answer[6] << 8 | answer[7] : 0;
	for (int i = 0; i < questions + answers; i++) {
		char *name;
		long size;
		if (p >= end || ares_expand_name(p, answer, len, &name, &size) != ARES_SUCCESS)
			return most;
		ares_free_string(name);
		p += size;
		if (end - p < (i < questions ? 4 : 10))
			return most;
		if (i < questions) {
			p += 4;
			continue;
		}
		uint32_t ttl = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
		/* RFC 2181 section 8: with the highest bit set it is 0 */
		ttl = ttl > INT32_MAX ? 0 : ttl;
		most = ttl < (uint32_t)most ? (int)ttl : most;
		p += 10 + (p[8] << 8 | p[9]);
	}
	return most;
}
