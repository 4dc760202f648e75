/* Destination address selection, RFC 6724 section 6: see addr_prefer.h. Rules 1 (unusable), 3, 4 and 7 (what only a host
 * with such addresses knows) are not for addresses that a configuration names; rule 9, the longest common prefix, would
 * send all to one of several hosts, and section 6 leaves it out for who knows better: probes do. */
#include "base/addr_prefer.h"

#include <string.h>

/* Section 2.1; the longest match of each address is what counts, so the longer ones come first. */
static const struct { uint8_t bytes[16], len, precedence, label; } policies[] = {
	{{[15] = 1}, 128, 50, 0},
	{{[10] = 0xff, 0xff}, 96, 35, 4},
	{{0}, 96, 1, 3},
	{{0x20, 0x01}, 32, 5, 5},
	{{0x20, 0x02}, 16, 30, 2},
	{{0x3f, 0xfe}, 16, 1, 12},
	{{0xfe, 0xc0}, 10, 1, 11},
	{{0xfc}, 7, 3, 13},
	{{0}, 0, 40, 1},
};

enum { LINK_LOCAL = 2, SITE_LOCAL = 5, GLOBAL = 14 };

/* As IPv6 has it: IPv4 is ::ffff:a.b.c.d (section 3.2). */
static void mapped(const struct addr *a, uint8_t out[16])
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff};
	unsigned len;
	const uint8_t *bytes = addr_bytes(a, &len);
	memcpy(out, v4, 16);
	memcpy(out + 16 - len, bytes, len);
}

static bool starts(const uint8_t *a, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return !memcmp(a, prefix, whole) && (!rest || ((a[whole] ^ prefix[whole]) >> (8 - rest)) == 0);
}

static unsigned policy_of(const uint8_t *a)
{
	unsigned i = 0;
	while (!starts(a, policies[i].bytes, policies[i].len))
		i++;
	return i;
}

/* Sections 3.1 and 3.2. */
static unsigned scope_of(const uint8_t *a)
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff}, loopback[16] = {[15] = 1};
	if (starts(a, v4, 96))
		return a[12] == 127 || (a[12] == 169 && a[13] == 254) ? LINK_LOCAL : GLOBAL;
	if (a[0] == 0xff)
		return a[1] & 15;
	if (!memcmp(a, loopback, 16) || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return LINK_LOCAL;
	return a[0] == 0xfe && (a[1] & 0xc0) == 0xc0 ? SITE_LOCAL : GLOBAL;
}

uint32_t addr_prefer(const struct addr *to, const struct addr *from)
{
	uint8_t d[16], s[16];
	mapped(to, d);
	mapped(from, s);
	unsigned pd = policy_of(d), ps = policy_of(s), scope = scope_of(d);
	return (uint32_t)(scope != scope_of(s)) << 17 |                        /* rule 2: a matching scope */
	       (uint32_t)(policies[pd].label != policies[ps].label) << 16 |    /* rule 5: a matching label */
	       (uint32_t)(255 - policies[pd].precedence) << 8 |                /* rule 6: the higher precedence */
	       scope;                                                          /* rule 8: the smaller scope */
}
