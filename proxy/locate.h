/* RFC 3263 section 4 as far as it needs no network: which services of a name to ask for, in which order, and what the
 * answers mean. Any thread. */
#ifndef PROXY_LOCATE_H
#define PROXY_LOCATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport.h"

#define LOCATE_NAME_LEN 256
#define LOCATE_SERVICES_MAX 8
#define LOCATE_SERVERS_MAX 32

/* A transport of a name, and under which name its SRV records are. */
struct locate_service {
	enum sip_transport transport;
	char srv[LOCATE_NAME_LEN];
};

/* What one asks: of which transports (a bit each, 1 << SIP_UDP) this node can make use, and whether it was sips:. */
struct locate_want {
	unsigned transports;
	bool secure;
};

/* Of a NAPTR answer (section 4.1), the ones to be used first before the others; how many: 0 also for what is no answer.
 * A record with a regular expression, a service or a transport that is not for us is left out. */
unsigned locate_by_naptr(const unsigned char *answer, int len, struct locate_want want,
                         struct locate_service out[LOCATE_SERVICES_MAX]);
/* Without NAPTR: of each transport, UDP first, as it was where nothing is said; `host` is a name. */
unsigned locate_by_name(const char *host, struct locate_want want, struct locate_service out[LOCATE_SERVICES_MAX]);
/* The one of a transport that was asked for. */
void locate_by_transport(const char *host, enum sip_transport transport, struct locate_service *out);
/* Where nothing of all that is there (section 4.1, the end). */
enum sip_transport locate_default(bool secure);

struct locate_server {
	char host[LOCATE_NAME_LEN];
	uint16_t port;
	uint32_t priority, weight;
};

/* Of an SRV answer; how many, or the negative of an ARES_ error. *declined: its only record has the target ".", the
 * service is decidedly not there (RFC 2782), and that is 0 servers. */
int locate_servers(const unsigned char *answer, int len, struct locate_server out[LOCATE_SERVERS_MAX], bool *declined);

/* The least time to live of an answer's records, which c-ares does not hand out of SRV and NAPTR (RFC 1035 section 4.1),
 * CNAMEs on the way among them; `most` where it is more, or there is none. */
int locate_ttl(const unsigned char *answer, int len, int most);

#endif
