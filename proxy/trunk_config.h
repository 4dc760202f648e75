/* What is said of a trunk beyond its name, sources and sizes: plain values, as the configuration has them. */
#ifndef PROXY_TRUNK_CONFIG_H
#define PROXY_TRUNK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define TRUNK_PORTS_MAX 16
#define TRUNK_HEADERS_MAX 32
#define TRUNK_INTERNATIONAL_MAX 4

struct trunk_ports {
	uint16_t first, last;
};

/* The answer to a call beyond a limit. */
struct trunk_limit {
	uint16_t status;             /* 0: 503, and Retry-After of five seconds */
	uint32_t retry_after_ms;     /* 0: none */
};

/* One of the three names is set; a value is, but where a header is left out. */
struct trunk_header {
	char strip[64], add[64], replace[64];
	char value[256];
};

/* E.164 digits with their plus, or the first digits of a short code. */
struct trunk_called {
	char prefix[20];
};

struct trunk_options {
	struct trunk_limit limit;
	bool untrusted;              /* outside the trust domain of RFC 3325 */
	struct trunk_ports ports[TRUNK_PORTS_MAX];  /* it sends from over UDP; none: any */
	unsigned n_ports;
	char tls_subject[256];       /* who its certificate has to be of (RFC 5922); "": it needs none, and may come by any transport */
	char international[TRUNK_INTERNATIONAL_MAX][8];  /* what stands for the plus; none: the country's */
	unsigned n_international;
	char national[8];            /* what stands before a national number; "": the country's; "none" */
	struct trunk_called *allowed;    /* what may be called; none: anything */
	unsigned n_allowed;
	struct trunk_header *headers;        /* of what it sends */
	unsigned n_headers;
	struct trunk_header *headers_back;   /* of what is sent to it; none adds */
	unsigned n_headers_back;
};

#endif
