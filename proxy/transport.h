/* The transports of SIP (RFC 3261 section 18): their words and what follows from them. */
#ifndef PROXY_TRANSPORT_H
#define PROXY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS, SIP_TRANSPORTS };

/* "UDP", as a Via says it. */
const char *sip_transport_via(enum sip_transport t);
/* "udp", as a URI's transport parameter says it. */
const char *sip_transport_word(enum sip_transport t);
/* Where it is listened on when nothing else is said: 5060 or 5061. */
uint16_t sip_transport_port(enum sip_transport t);
/* Nothing is repeated on it (section 17). */
static inline bool sip_transport_reliable(enum sip_transport t) { return t != SIP_UDP; }

/* Whether a URI's parameters say one. */
bool sip_transport_said(const char *params);
/* What a URI asks for, by its scheme and its parameters ("" or "transport=tcp;lr"): UDP where nothing is said; false when
 * it is a transport that is not spoken here. */
bool sip_transport_of_uri(const char *scheme, const char *params, enum sip_transport *out);

#endif
