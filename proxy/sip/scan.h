/* Reading text of plain shape from left to right, for plain.c: characters by their classes in RFC 3261 section 25, what
 * is made of them (numbers, hosts, ports, SIP URIs), and copies with a NUL at their end. Whatever does not fit makes the
 * whole odd, and is asked once, at the end. */
#ifndef PROXY_SIP_SCAN_H
#define PROXY_SIP_SCAN_H

#include "proxy/sip/message.h"

/* USER and URI_PARAM: without escapes; a USER also without its own parameters and a password. WORD: of a Call-ID. */
enum { TOKEN = 1, HOST = 2, USER = 4, VALUE = 8, URI_PARAM = 16, WORD = 32, TEXT = 64, DIGIT = 128 };

extern uint8_t scan_classes[256];
void scan_init(void);

struct scan {
	const char *p, *end;         /* what is left of a line */
	char *room, *room_end;       /* for copies */
	bool odd;                    /* not of plain shape */
};

static inline bool odd(struct scan *r)
{
	r->odd = true;
	return false;
}

static inline bool in_class(char c, unsigned of) { return scan_classes[(unsigned char)c] & of; }
static inline bool at(const struct scan *r, char c) { return r->p < r->end && *r->p == c; }
static inline bool take(struct scan *r, char c) { return at(r, c) ? r->p++, true : odd(r); }

/* The characters of that class from here on: one at least. */
static inline struct sip_slice run(struct scan *r, unsigned of)
{
	const char *start = r->p, *p = start, *end = r->end;
	while (p < end && in_class(*p, of))
		p++;
	r->p = p;
	if (p == start)
		odd(r);
	return (struct sip_slice){start, (uint32_t)(p - start)};
}

bool scan_is(struct sip_slice s, const char *word);
bool scan_text(struct scan *r, const char *text);
/* A copy that ends with a NUL; "" and odd when there is no room. */
const char *scan_keep(struct scan *r, struct sip_slice s);
uint32_t scan_number(struct scan *r, unsigned most_digits);
struct sip_slice scan_host(struct scan *r);
/* ":5060", or nothing: then 0. */
uint16_t scan_port(struct scan *r, struct sip_slice *text);

struct uri {
	const char *scheme;
	struct sip_slice user, host, params;
	uint16_t port;
	bool lr;
};
/* sip: or sips:, up to what cannot be of it. */
struct uri scan_uri(struct scan *r);

#endif
