/* See transport.h. */
#include "proxy/transport.h"

#include <string.h>
#include <strings.h>

static const struct { const char *via, *word; uint16_t port; } transports[SIP_TRANSPORTS] = {
	[SIP_UDP] = {"UDP", "udp", 5060}, [SIP_TCP] = {"TCP", "tcp", 5060}, [SIP_TLS] = {"TLS", "tls", 5061},
};

const char *sip_transport_via(enum sip_transport t) { return transports[t].via; }
const char *sip_transport_word(enum sip_transport t) { return transports[t].word; }
uint16_t sip_transport_port(enum sip_transport t) { return transports[t].port; }

/* The value of "transport=", or NULL. */
static const char *asked(const char *params)
{
	for (const char *p = params; *p; p += strcspn(p, ";"), p += *p == ';')
		if (!strncasecmp(p, "transport=", 10))
			return p + 10;
	return NULL;
}

bool sip_transport_said(const char *params) { return asked(params) != NULL; }

bool sip_transport_of_uri(const char *scheme, const char *params, enum sip_transport *out)
{
	const char *word = asked(params);
	bool secure = !strcasecmp(scheme, "sips");
	size_t len = word ? strcspn(word, ";") : 0;
	*out = secure ? SIP_TLS : SIP_UDP;
	if (!word)
		return true;
	for (int t = SIP_UDP; t < SIP_TRANSPORTS; t++) {
		if (strlen(transports[t].word) != len || strncasecmp(word, transports[t].word, len) != 0)
			continue;
		/* sips: with transport=tcp is TLS over TCP (RFC 3261 section 26.2.2) */
		*out = secure ? SIP_TLS : (enum sip_transport)t;
		return !secure || t != SIP_UDP;
	}
	return false;
}
