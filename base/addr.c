/* Addresses and prefixes as values: parsing is strict (what inet_pton() takes and nothing else, whole
 * numbers without leading zeros), so that two spellings never slip through one check and fail in the
 * next. Any thread. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A decimal number of at most `max`, without sign, blank or leading zero; -1 if `text` is none. */
static int parse_number(const char *text, int max)
{
	int v = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (*text - '0');
		if (v > max)
			return -1;
	}
	return v;
}

/* `len` bytes of text as an address of one family. */
static int parse_host(struct addr *out, int family, const char *text, size_t len, uint16_t port)
{
	char host[INET6_ADDRSTRLEN];
	struct addr a = {0};
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = 0;
	a.sa.sa_family = (sa_family_t)family;
	if (inet_pton(family, host, family == AF_INET ? (void *)&a.in.sin_addr : (void *)&a.in6.sin6_addr) != 1)
		return -EINVAL;
	addr_set_port(&a, port);
	*out = a;
	return 0;
}

int addr_parse(struct addr *out, const char *text, uint16_t port)
{
	size_t len = strlen(text);
	if (text[0] == '[' && text[len - 1] == ']')
		return parse_host(out, AF_INET6, text + 1, len - 2, port);
	return parse_host(out, strchr(text, ':') ? AF_INET6 : AF_INET, text, len, port);
}

int addr_parse_port(struct addr *out, const char *text)
{
	int family = text[0] == '[' ? AF_INET6 : AF_INET;
	const char *end = family == AF_INET6 ? strchr(text, ']') : strchr(text, ':');
	if (!end)
		return -EINVAL;
	const char *host = text + (family == AF_INET6);
	const char *colon = end + (family == AF_INET6);
	if (*colon != ':')
		return -EINVAL;
	int port = parse_number(colon + 1, 65535);
	if (port < 0)
		return -EINVAL;
	return parse_host(out, family, host, (size_t)(end - host), (uint16_t)port);
}

const char *addr_host_str(const struct addr *a, char buf[ADDR_STR_LEN])
{
	unsigned len;
	const uint8_t *bytes = addr_bytes(a, &len);
	if (!len || !inet_ntop(addr_family(a), bytes, buf, ADDR_STR_LEN))
		snprintf(buf, ADDR_STR_LEN, "-");
	return buf;
}

const char *addr_str(const struct addr *a, char buf[ADDR_STR_LEN])
{
	char host[ADDR_STR_LEN];
	addr_host_str(a, host);
	if (addr_family(a) == AF_INET)
		snprintf(buf, ADDR_STR_LEN, "%.45s:%u", host, addr_port(a));
	else if (addr_family(a) == AF_INET6)
		snprintf(buf, ADDR_STR_LEN, "[%.45s]:%u", host, addr_port(a));
	else
		snprintf(buf, ADDR_STR_LEN, "-");
	return buf;
}

socklen_t addr_len(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return sizeof(a->in);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return 0;
	}
}

uint16_t addr_port(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (addr_family(a) == AF_INET)
		a->in.sin_port = htons(port);
	else if (addr_family(a) == AF_INET6)
		a->in6.sin6_port = htons(port);
}

const uint8_t *addr_bytes(const struct addr *a, unsigned *len)
{
	switch (addr_family(a)) {
	case AF_INET:
		*len = 4;
		return (const uint8_t *)&a->in.sin_addr;
	case AF_INET6:
		*len = 16;
		return (const uint8_t *)&a->in6.sin6_addr;
	default:
		*len = 0;
		return (const uint8_t *)a;
	}
}

void addr_from_bytes(struct addr *out, const uint8_t *bytes, unsigned len, uint16_t port)
{
	struct addr a = {0};
	if (len == 4) {
		a.sa.sa_family = AF_INET;
		memcpy(&a.in.sin_addr, bytes, 4);
	} else if (len == 16) {
		a.sa.sa_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, bytes, 16);
	}
	addr_set_port(&a, port);
	*out = a;
}

void addr_unmap(struct addr *a)
{
	if (addr_family(a) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	uint8_t bytes[4];
	memcpy(bytes, a->in6.sin6_addr.s6_addr + 12, 4);
	addr_from_bytes(a, bytes, 4, addr_port(a));
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	unsigned alen, blen;
	const uint8_t *abytes = addr_bytes(a, &alen), *bbytes = addr_bytes(b, &blen);
	return alen == blen && !memcmp(abytes, bbytes, alen);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* Whether the bits of two byte strings agree up to `bits`. */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static bool tail_is_zero(const uint8_t *bytes, unsigned from, unsigned to)
{
	for (unsigned bit = from; bit < to; bit++)
		if (bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

int prefix_parse(struct prefix *out, const char *text)
{
	const char *slash = strchr(text, '/');
	struct addr a;
	int ret;
	if (slash)
		ret = parse_host(&a, memchr(text, ':', (size_t)(slash - text)) ? AF_INET6 : AF_INET, text,
				 (size_t)(slash - text), 0);
	else
		ret = addr_parse(&a, text, 0);
	if (ret)
		return ret;
	int bits = (int)family_bits(addr_family(&a));
	int len = slash ? parse_number(slash + 1, bits) : bits;
	unsigned nbytes;
	const uint8_t *bytes = addr_bytes(&a, &nbytes);
	if (len < 0 || !tail_is_zero(bytes, (unsigned)len, nbytes * 8))
		return -EINVAL;
	*out = (struct prefix){.family = (uint8_t)addr_family(&a), .len = (uint8_t)len};
	memcpy(out->bytes, bytes, nbytes);
	return 0;
}

const char *prefix_str(const struct prefix *p, char buf[ADDR_STR_LEN])
{
	char host[ADDR_STR_LEN];
	struct addr first;
	prefix_first(p, &first);
	if (addr_len(&first))
		snprintf(buf, ADDR_STR_LEN, "%.45s/%u", addr_host_str(&first, host), p->len);
	else
		snprintf(buf, ADDR_STR_LEN, "-");
	return buf;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned len;
	const uint8_t *bytes = addr_bytes(a, &len);
	return len && p->family == addr_family(a) && bits_equal(p->bytes, bytes, p->len);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

void prefix_first(const struct prefix *p, struct addr *out)
{
	unsigned len = p->family == AF_INET ? 4 : p->family == AF_INET6 ? 16 : 0;
	addr_from_bytes(out, p->bytes, len, 0);
}
