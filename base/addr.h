/* Socket addresses (IPv4 or IPv6 with port) and prefixes, as plain values. Any thread. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

#define ADDR_STR_LEN 64

/* Parses a host literal "192.0.2.1", "2001:db8::1" or "[2001:db8::1]" (no name, no port) and sets
 * `port`. Returns 0 or -EINVAL. */
int addr_parse(struct addr *out, const char *text, uint16_t port);
/* Parses "192.0.2.1:5060" or "[2001:db8::1]:5060"; the port is required. Returns 0 or -EINVAL. */
int addr_parse_port(struct addr *out, const char *text);
/* "192.0.2.1:5060" or "[2001:db8::1]:5060"; "-" for an unset address. Returns buf. */
const char *addr_str(const struct addr *a, char buf[ADDR_STR_LEN]);
/* "192.0.2.1" or "2001:db8::1", no port and no brackets. Returns buf. */
const char *addr_host_str(const struct addr *a, char buf[ADDR_STR_LEN]);

static inline int addr_family(const struct addr *a) { return a->sa.sa_family; }
socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* The 4 or 16 bytes of the host part, in network order; *len is set to 4 or 16 (0 if unset). */
const uint8_t *addr_bytes(const struct addr *a, unsigned *len);
/* From 4 or 16 bytes in network order. */
void addr_from_bytes(struct addr *out, const uint8_t *bytes, unsigned len, uint16_t port);
/* An IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes plain IPv4; others are left alone. */
void addr_unmap(struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);      /* host and port */
bool addr_same_host(const struct addr *a, const struct addr *b);  /* host only */

struct prefix {
	uint8_t bytes[16];  /* network order; bits past len are zero */
	uint8_t family;     /* AF_INET or AF_INET6 */
	uint8_t len;        /* bits */
};

/* Parses "192.0.2.0/24", "2001:db8::/32", or a host literal (then /32 or /128). Bits set past the
 * length are -EINVAL: the writer meant something else. */
int prefix_parse(struct prefix *out, const char *text);
const char *prefix_str(const struct prefix *p, char buf[ADDR_STR_LEN]);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* The first address of the prefix, port 0. */
void prefix_first(const struct prefix *p, struct addr *out);

#endif
