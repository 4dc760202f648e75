/* Codec of UPDATE. See bgp_update.h; pure, any thread.
 *
 * RFC 7606 in short, as read here: whatever keeps us from finding the prefixes (lengths of the
 * message's parts, of NLRI, of MP_REACH_NLRI) resets the session; a malformed or missing attribute
 * withdraws the prefixes of its UPDATE; one that does not matter to us is passed over. What each
 * attribute must look like is in the table attr_rules. */
#include "anycast/bgp_update.h"

#include <errno.h>
#include <string.h>

enum { FLAG_OPTIONAL = 0x80, FLAG_TRANSITIVE = 0x40, FLAG_EXTENDED_LEN = 0x10 };
enum {
	ATTR_ORIGIN = 1,
	ATTR_AS_PATH,
	ATTR_NEXT_HOP,
	ATTR_MED,
	ATTR_LOCAL_PREF,
	ATTR_ATOMIC_AGGREGATE,
	ATTR_AGGREGATOR,
	ATTR_COMMUNITIES,
	ATTR_ORIGINATOR_ID,
	ATTR_CLUSTER_LIST,
	ATTR_MP_REACH = 14,
	ATTR_MP_UNREACH,
	ATTR_EXT_COMMUNITIES,
	ATTR_AS4_PATH,
	ATTR_AS4_AGGREGATOR,
	ATTR_LARGE_COMMUNITIES = 32
};
enum { ORIGIN_IGP, ORIGIN_INCOMPLETE = 2 };
enum { SEGMENT_SET = 1, SEGMENT_SEQUENCE = 2, SEGMENT_MAX = 255 };

/* ---- writing ---- */

static void write_attr(struct writer *w, uint8_t flags, uint8_t type, uint16_t len)
{
	write_u8(w, len > 255 ? flags | FLAG_EXTENDED_LEN : flags);
	write_u8(w, type);
	if (len > 255)
		write_u16(w, len);
	else
		write_u8(w, (uint8_t)len);
}

static void write_path(struct writer *w, uint8_t flags, uint8_t type, uint32_t as, unsigned count, bool as4)
{
	unsigned segments = (count + SEGMENT_MAX - 1) / SEGMENT_MAX;

	write_attr(w, flags, type, (uint16_t)(segments * 2 + count * (as4 ? 4 : 2)));
	while (count > 0) {
		unsigned n = count < SEGMENT_MAX ? count : SEGMENT_MAX;

		write_u8(w, SEGMENT_SEQUENCE);
		write_u8(w, (uint8_t)n);
		for (unsigned i = 0; i < n; i++) {
			if (as4)
				write_u32(w, as);
			else
				write_u16(w, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
		}
		count -= n;
	}
}

static void write_prefixes(struct writer *w, const struct prefix *prefixes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		write_u8(w, prefixes[i].len);
		write_bytes(w, prefixes[i].bytes, (prefixes[i].len + 7) / 8);
	}
}

static size_t prefixes_len(const struct prefix *prefixes, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += 1 + (prefixes[i].len + 7) / 8;
	return len;
}

static void write_family(struct writer *w, int af)
{
	write_u16(w, af == AF_INET6 ? 2 : 1);
	write_u8(w, 1);
}

/* RFC 7606 section 5.1: MP_REACH_NLRI comes first, and one UPDATE has one kind of NLRI only. */
static void write_mp_reach(struct writer *w, const struct addr *next_hop, const struct prefix *prefixes, unsigned n)
{
	unsigned hop_len;
	const uint8_t *hop = addr_bytes(next_hop, &hop_len);

	write_attr(w, FLAG_OPTIONAL, ATTR_MP_REACH, (uint16_t)(5 + hop_len + prefixes_len(prefixes, n)));
	write_family(w, AF_INET6);
	write_u8(w, (uint8_t)hop_len);
	write_bytes(w, hop, hop_len);
	write_u8(w, 0);
	write_prefixes(w, prefixes, n);
}

static void write_attrs(struct writer *w, const struct bgp_attrs *a, bool next_hop)
{
	unsigned count = a->internal ? 0 : 1U + a->prepend, hop_len;
	const uint8_t *hop = addr_bytes(&a->next_hop, &hop_len);

	write_attr(w, FLAG_TRANSITIVE, ATTR_ORIGIN, 1);
	write_u8(w, ORIGIN_IGP);
	write_path(w, FLAG_TRANSITIVE, ATTR_AS_PATH, a->local_as, count, a->as4);
	if (next_hop) {
		write_attr(w, FLAG_TRANSITIVE, ATTR_NEXT_HOP, (uint16_t)hop_len);
		write_bytes(w, hop, hop_len);
	}
	if (a->has_med) {
		write_attr(w, FLAG_OPTIONAL, ATTR_MED, 4);
		write_u32(w, a->med);
	}
	if (a->internal) {
		write_attr(w, FLAG_TRANSITIVE, ATTR_LOCAL_PREF, 4);
		write_u32(w, a->local_pref);
	}
	if (a->n_communities > 0) {
		write_attr(w, FLAG_OPTIONAL | FLAG_TRANSITIVE, ATTR_COMMUNITIES, (uint16_t)(a->n_communities * 4));
		for (unsigned i = 0; i < a->n_communities; i++)
			write_u32(w, a->communities[i]);
	}
	if (!a->as4 && a->local_as > UINT16_MAX && count > 0)  /* RFC 6793 section 4.2.2 */
		write_path(w, FLAG_OPTIONAL | FLAG_TRANSITIVE, ATTR_AS4_PATH, a->local_as, count, true);
	if (a->n_large > 0) {
		write_attr(w, FLAG_OPTIONAL | FLAG_TRANSITIVE, ATTR_LARGE_COMMUNITIES, (uint16_t)(a->n_large * 12));
		for (unsigned i = 0; i < a->n_large * 3U; i++)
			write_u32(w, a->large[i / 3].v[i % 3]);
	}
}

void bgp_update_write_announce(struct writer *w, const struct bgp_attrs *attrs, const struct prefix *prefixes,
                               unsigned n)
{
	size_t at = bgp_msg_begin(w, BGP_MSG_UPDATE), len_at;
	bool mp = n > 0 && prefixes[0].family == AF_INET6;

	write_u16(w, 0);
	len_at = writer_len(w);
	write_u16(w, 0);
	if (mp)
		write_mp_reach(w, &attrs->next_hop, prefixes, n);
	write_attrs(w, attrs, !mp);
	if (!w->bad)
		write_u16_at(w, len_at, (uint16_t)(writer_len(w) - len_at - 2));
	if (!mp)
		write_prefixes(w, prefixes, n);
	bgp_msg_end(w, at);
}

void bgp_update_write_withdraw(struct writer *w, const struct prefix *prefixes, unsigned n)
{
	size_t at = bgp_msg_begin(w, BGP_MSG_UPDATE), len = prefixes_len(prefixes, n);

	if (n > 0 && prefixes[0].family == AF_INET6) {
		size_t attr = 3 + len;

		write_u16(w, 0);
		write_u16(w, (uint16_t)(attr + (attr > 255 ? 4 : 3)));
		write_attr(w, FLAG_OPTIONAL, ATTR_MP_UNREACH, (uint16_t)attr);
		write_family(w, AF_INET6);
		write_prefixes(w, prefixes, n);
	} else {
		write_u16(w, (uint16_t)len);
		write_prefixes(w, prefixes, n);
		write_u16(w, 0);
	}
	bgp_msg_end(w, at);
}

void bgp_update_write_end_of_rib(struct writer *w, uint8_t family)
{
	size_t at = bgp_msg_begin(w, BGP_MSG_UPDATE);

	write_u16(w, 0);
	write_u16(w, family == BGP_IPV6 ? 6 : 0);
	if (family == BGP_IPV6) {
		write_attr(w, FLAG_OPTIONAL, ATTR_MP_UNREACH, 3);
		write_family(w, AF_INET6);
	}
	bgp_msg_end(w, at);
}

/* ---- reading ---- */

bool bgp_update_next_prefix(struct reader *r, uint8_t family, struct prefix *out)
{
	uint8_t len;
	const uint8_t *bytes;

	if (reader_left(r) == 0 || r->bad)
		return false;
	len = read_u8(r);
	if (len > (family == BGP_IPV6 ? 128 : 32)) {
		r->bad = true;
		return false;
	}
	bytes = read_bytes(r, (len + 7) / 8);
	if (r->bad)
		return false;
	memset(out, 0, sizeof *out);
	out->family = family == BGP_IPV6 ? AF_INET6 : AF_INET;
	out->len = len;
	if (len > 0)
		memcpy(out->bytes, bytes, (len + 7) / 8);
	if (len % 8)  /* trailing bits are of no meaning (RFC 4271 section 4.3) */
		out->bytes[len / 8] &= (uint8_t)(0xff << (8 - len % 8));
	return true;
}

/* Reads all prefixes of a copy of `r`, so that later reading cannot fail. */
static int check_prefixes(struct reader r, uint8_t family, const char *where, struct bgp_error *error)
{
	struct prefix p;

	while (bgp_update_next_prefix(&r, family, &p))
		;
	if (!r.bad)
		return 0;
	return bgp_error_set(error, BGP_ERR_UPDATE, BGP_UPDATE_NETWORK, "it sent a malformed prefix in %s", where);
}

enum attr_shape { EXACT, MULTIPLE, PATH };

struct attr_rule {
	uint8_t type, flags;
	enum attr_shape shape;
	uint8_t size;
	bool matters;       /* malformed: withdraw; else pass over (RFC 7606 section 7) */
	const char *name;
};

static const struct attr_rule attr_rules[] = {
	{ATTR_ORIGIN, FLAG_TRANSITIVE, EXACT, 1, true, "ORIGIN"},
	{ATTR_AS_PATH, FLAG_TRANSITIVE, PATH, 0, true, "AS_PATH"},
	{ATTR_NEXT_HOP, FLAG_TRANSITIVE, EXACT, 4, true, "NEXT_HOP"},
	{ATTR_MED, FLAG_OPTIONAL, EXACT, 4, true, "MULTI_EXIT_DISC"},
	{ATTR_LOCAL_PREF, FLAG_TRANSITIVE, EXACT, 4, true, "LOCAL_PREF"},
	{ATTR_ATOMIC_AGGREGATE, FLAG_TRANSITIVE, EXACT, 0, false, "ATOMIC_AGGREGATE"},
	{ATTR_AGGREGATOR, FLAG_OPTIONAL | FLAG_TRANSITIVE, EXACT, 8, false, "AGGREGATOR"},
	{ATTR_COMMUNITIES, FLAG_OPTIONAL | FLAG_TRANSITIVE, MULTIPLE, 4, true, "COMMUNITIES"},
	{ATTR_ORIGINATOR_ID, FLAG_OPTIONAL, EXACT, 4, true, "ORIGINATOR_ID"},
	{ATTR_CLUSTER_LIST, FLAG_OPTIONAL, MULTIPLE, 4, true, "CLUSTER_LIST"},
	{ATTR_EXT_COMMUNITIES, FLAG_OPTIONAL | FLAG_TRANSITIVE, MULTIPLE, 8, true, "EXTENDED COMMUNITIES"},
	{ATTR_AS4_PATH, FLAG_OPTIONAL | FLAG_TRANSITIVE, PATH, 4, false, "AS4_PATH"},
	{ATTR_AS4_AGGREGATOR, FLAG_OPTIONAL | FLAG_TRANSITIVE, EXACT, 8, false, "AS4_AGGREGATOR"},
	{ATTR_LARGE_COMMUNITIES, FLAG_OPTIONAL | FLAG_TRANSITIVE, MULTIPLE, 12, true, "LARGE_COMMUNITY"},
};

static const struct attr_rule *attr_rule_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof attr_rules / sizeof attr_rules[0]; i++) {
		if (attr_rules[i].type == type)
			return &attr_rules[i];
	}
	return 0;
}

/* State of reading one UPDATE's attributes. */
struct attrs_reading {
	bool as4, internal;
	struct bgp_update *update;
	struct bgp_error *error;
	uint64_t seen;          /* bit of each type below 64 */
	uint32_t as4_origin;    /* of AS4_PATH; 0: none */
	unsigned as4_len;
};

static void withdraw(struct attrs_reading *a, const char *name, const char *what)
{
	if (!a->update->treat_as_withdraw)
		snprintf(a->update->why, sizeof a->update->why, "%s %s", name, what);
	a->update->treat_as_withdraw = true;
}

static bool path_well_formed(struct reader r, unsigned as_size)
{
	while (reader_left(&r) > 0) {
		uint8_t type = read_u8(&r), count = read_u8(&r);

		/* RFC 5065 confederation segments (3, 4) have no place between us and a peer */
		if ((type != SEGMENT_SET && type != SEGMENT_SEQUENCE) || count == 0 || reader_left(&r) < count * as_size)
			return false;
		for (unsigned i = 0; i < count; i++) {
			if ((as_size == 4 ? read_u32(&r) : read_u16(&r)) == 0)  /* RFC 7607 section 2 */
				return false;
		}
	}
	return !r.bad;
}

static bool attr_well_formed(const struct attrs_reading *a, const struct attr_rule *rule, struct reader value)
{
	size_t len = reader_left(&value), size = rule->size;

	switch (rule->shape) {
	case EXACT:
		if (rule->type == ATTR_AGGREGATOR && !a->as4)
			size = 6;
		if (len != size)
			return false;
		return rule->type != ATTR_ORIGIN || read_u8(&value) <= ORIGIN_INCOMPLETE;
	case MULTIPLE:
		return len > 0 && len % size == 0;
	case PATH:
		return path_well_formed(value, size ? (unsigned)size : a->as4 ? 4 : 2);
	}
	return false;
}

/* An AS_SET counts as one (RFC 4271 section 9.1.2.2). */
static void note_path(struct bgp_update *u, struct reader r, bool as4)
{
	while (reader_left(&r) > 0) {
		uint8_t type = read_u8(&r), count = read_u8(&r);

		u->path_len += type == SEGMENT_SET ? 1 : count;
		for (unsigned i = 0; i < count; i++)
			u->origin_as = as4 ? read_u32(&r) : read_u16(&r);
	}
}

/* What is told of a route, from attributes that are well-formed. */
static void note_attr(struct bgp_update *u, uint8_t type, struct reader value, bool as4)
{
	if (type == ATTR_AS_PATH)
		note_path(u, value, as4);
	if (type == ATTR_NEXT_HOP)
		addr_from_bytes(&u->next_hop, value.p, 4, 0);
	if (type == ATTR_MED) {
		u->has_med = true;
		u->med = read_u32(&value);
	}
	while (type == ATTR_COMMUNITIES && reader_left(&value) > 0)
		u->graceful_shutdown |= read_u32(&value) == BGP_COMMUNITY_GRACEFUL_SHUTDOWN;
}

/* LOCAL_PREF and the route reflector's attributes are passed over when they come from outside. */
static bool attr_internal_only(uint8_t type)
{
	return type == ATTR_LOCAL_PREF || type == ATTR_ORIGINATOR_ID || type == ATTR_CLUSTER_LIST;
}

/* RFC 6793 section 4.2.3: between speakers of two octets the true path is carried beside the AS_PATH. */
static void note_as4_path(struct attrs_reading *a, struct reader value)
{
	struct bgp_update path = {.path_len = 0};

	if (a->as4 || !path_well_formed(value, 4))  /* malformed: as if it were not there (section 6) */
		return;
	note_path(&path, value, true);
	a->as4_origin = path.origin_as;
	a->as4_len = path.path_len;
}

/* An address that a packet can be sent to (RFC 4271 section 6.3). */
static bool hop_of_a_host(const uint8_t *hop, unsigned len)
{
	static const uint8_t none[16];

	if (len == 4)
		return hop[0] != 0 && hop[0] != 127 && hop[0] < 224;
	return hop[0] != 0xff && memcmp(hop, none, 15) != 0;  /* multicast, :: and ::1 */
}

static void read_plain_attr(struct attrs_reading *a, uint8_t flags, uint8_t type, struct reader value)
{
	const struct attr_rule *rule = attr_rule_of(type);

	if (!rule) {
		/* RFC 4271 section 6.3 would end the session; the route alone is what is in doubt */
		if (!(flags & FLAG_OPTIONAL))
			withdraw(a, "an attribute", "is called well-known, but is not known");
		return;
	}
	if (type == ATTR_AS4_PATH)
		note_as4_path(a, value);
	if (!rule->matters || (attr_internal_only(type) && !a->internal))
		return;
	if ((flags & (FLAG_OPTIONAL | FLAG_TRANSITIVE)) != rule->flags)
		withdraw(a, rule->name, "has wrong flags");
	else if (!attr_well_formed(a, rule, value))
		withdraw(a, rule->name, "is malformed");
	else if (type == ATTR_NEXT_HOP && !hop_of_a_host(value.p, 4))
		withdraw(a, rule->name, "is no host's address");
	else
		note_attr(a->update, type, value, a->as4);
}

static int read_mp_reach(struct attrs_reading *a, struct reader value)
{
	struct bgp_update *u = a->update;
	uint16_t afi = read_u16(&value);
	uint8_t family = bgp_family(afi, read_u8(&value)), hop_len = read_u8(&value);
	const uint8_t *hop;

	hop = read_bytes(&value, hop_len);
	read_u8(&value);
	if (value.bad || (family == BGP_IPV4 && hop_len != 4) || (family == BGP_IPV6 && hop_len != 16 && hop_len != 32))
		return bgp_error_set(a->error, BGP_ERR_UPDATE, BGP_UPDATE_OPT_ATTR,
		                     "it sent a malformed MP_REACH_NLRI");
	if (!family)  /* never negotiated: nothing of it is counted */
		return 0;
	if (!hop_of_a_host(hop, family == BGP_IPV6 ? 16 : 4))
		withdraw(a, "MP_REACH_NLRI", "has a next hop that is no host's address");
	addr_from_bytes(&u->mp_next_hop, hop, family == BGP_IPV6 ? 16 : 4, 0);  /* a link-local one follows, or none */
	u->mp_reachable_family = family;
	u->mp_reachable = value;
	return check_prefixes(value, family, "MP_REACH_NLRI", a->error);
}

static int read_mp_unreach(struct attrs_reading *a, struct reader value)
{
	struct bgp_update *u = a->update;
	uint16_t afi = read_u16(&value);
	uint8_t family = bgp_family(afi, read_u8(&value));

	if (value.bad)
		return bgp_error_set(a->error, BGP_ERR_UPDATE, BGP_UPDATE_OPT_ATTR,
		                     "it sent a malformed MP_UNREACH_NLRI");
	if (!family)
		return 0;
	u->mp_withdrawn_family = family;
	u->mp_withdrawn = value;
	return check_prefixes(value, family, "MP_UNREACH_NLRI", a->error);
}

static int read_attr(struct attrs_reading *a, uint8_t flags, uint8_t type, struct reader value)
{
	bool mp = type == ATTR_MP_REACH || type == ATTR_MP_UNREACH;
	uint64_t bit = type < 64 ? 1ULL << type : 0;

	if (a->seen & bit) {
		if (mp)
			return bgp_error_set(a->error, BGP_ERR_UPDATE, BGP_UPDATE_ATTR_LIST,
			                     "it sent the attribute %u twice in one UPDATE", type);
		return 0;  /* RFC 7606 section 3 (g): the first counts */
	}
	a->seen |= bit;
	if (!mp) {
		read_plain_attr(a, flags, type, value);
		return 0;
	}
	if ((flags & (FLAG_OPTIONAL | FLAG_TRANSITIVE)) != FLAG_OPTIONAL)
		withdraw(a, type == ATTR_MP_REACH ? "MP_REACH_NLRI" : "MP_UNREACH_NLRI", "has wrong flags");
	return type == ATTR_MP_REACH ? read_mp_reach(a, value) : read_mp_unreach(a, value);
}

static int read_attrs(struct attrs_reading *a, struct reader *r)
{
	while (reader_left(r) > 0) {
		uint8_t flags = read_u8(r), type = read_u8(r);
		uint16_t len = flags & FLAG_EXTENDED_LEN ? read_u16(r) : read_u8(r);
		struct reader value = read_sub(r, len);
		int rc;

		if (r->bad) {  /* RFC 7606 section 4: the total length still tells where the prefixes are */
			withdraw(a, "an attribute", "is longer than the attributes' total length");
			return 0;
		}
		rc = read_attr(a, flags, type, value);
		if (rc)
			return rc;
	}
	return 0;
}

/* Missing attributes, and (RFC 7606 section 5.2) a fault that leaves no prefix to withdraw. */
static int check_whole(struct attrs_reading *a)
{
	struct bgp_update *u = a->update;
	bool plain = reader_left(&u->reachable) > 0, mp = a->seen & 1 << ATTR_MP_REACH;

	if (!plain && !mp) {
		if (!u->treat_as_withdraw)
			return 0;
		return bgp_error_set(a->error, BGP_ERR_UPDATE, BGP_UPDATE_ATTR_LIST,
		                     "it sent an UPDATE without prefixes in which %s", u->why);
	}
	if (!(a->seen & 1 << ATTR_ORIGIN))
		withdraw(a, "ORIGIN", "is missing");
	if (!(a->seen & 1 << ATTR_AS_PATH))
		withdraw(a, "AS_PATH", "is missing");
	if (plain && !(a->seen & 1 << ATTR_NEXT_HOP))
		withdraw(a, "NEXT_HOP", "is missing");
	return 0;
}

static uint8_t end_of_rib_family(const struct bgp_update *u, size_t len, uint64_t seen)
{
	if (len == 4)  /* both lengths, zero */
		return BGP_IPV4;
	if (seen == 1ULL << ATTR_MP_UNREACH && u->mp_withdrawn_family && reader_left(&u->mp_withdrawn) == 0 &&
	    reader_left(&u->withdrawn) == 0 && reader_left(&u->reachable) == 0)
		return u->mp_withdrawn_family;
	return 0;
}

int bgp_update_read(const uint8_t *body, size_t len, bool as4, bool internal, struct bgp_update *out,
                    struct bgp_error *error)
{
	struct reader r = reader_of(body, len), attrs;
	struct bgp_update update = {.treat_as_withdraw = false};
	struct attrs_reading a = {.as4 = as4, .internal = internal, .update = &update, .error = error};
	int rc;

	update.withdrawn = read_sub(&r, read_u16(&r));
	attrs = read_sub(&r, read_u16(&r));
	if (r.bad)
		return bgp_error_set(error, BGP_ERR_UPDATE, BGP_UPDATE_ATTR_LIST,
		                     "it sent an UPDATE whose lengths do not fit its size");
	update.reachable = r;
	rc = check_prefixes(update.withdrawn, BGP_IPV4, "WITHDRAWN ROUTES", error);
	if (!rc)
		rc = check_prefixes(update.reachable, BGP_IPV4, "NLRI", error);
	if (!rc)
		rc = read_attrs(&a, &attrs);
	if (!rc)
		rc = check_whole(&a);
	if (rc)
		return rc;
	if (a.as4_origin && a.as4_len <= update.path_len)
		update.origin_as = a.as4_origin;
	update.end_of_rib = end_of_rib_family(&update, len, a.seen);
	*out = update;
	return 0;
}
