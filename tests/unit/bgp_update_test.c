/* UPDATE: our routes byte by byte and read back, RFC 7606 case by case, and a bounded run of random
 * and mutated bytes. */
#include "anycast/bgp_update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct prefix pfx(const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(&p, text), 0);
	return p;
}

static struct bgp_attrs attrs_of(const char *next_hop)
{
	struct bgp_attrs a = {.local_as = 65010, .as4 = true};

	CU_ASSERT_EQUAL_FATAL(addr_parse(&a.next_hop, next_hop, 0), 0);
	return a;
}

static void expect_bytes(const struct writer *w, const uint8_t *body, size_t len)
{
	CU_ASSERT_FALSE(w->bad);
	CU_ASSERT_EQUAL_FATAL(writer_len(w), BGP_HEADER_LEN + len);
	CU_ASSERT_EQUAL(w->start[16] << 8 | w->start[17], (int)(BGP_HEADER_LEN + len));
	CU_ASSERT_EQUAL(memcmp(w->start + BGP_HEADER_LEN, body, len), 0);
}
#define EXPECT(w, ...) expect_bytes(w, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_announce_ipv4(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	struct prefix p[] = {pfx("203.0.113.10/32"), pfx("198.51.100.0/23")};
	struct bgp_attrs a = attrs_of("192.0.2.3");
	uint32_t communities[] = {0xffff0000, 65010U << 16 | 7};

	a.has_med = true;
	a.med = 100;
	a.prepend = 1;
	a.communities = communities;
	a.n_communities = 2;
	bgp_update_write_announce(&w, &a, p, 2);
	EXPECT(&w, 0, 0, 0, 42, 0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfd, 0xf2, 0, 0, 0xfd, 0xf2,
	       0x40, 3, 4, 192, 0, 2, 3, 0x80, 4, 4, 0, 0, 0, 100,
	       0xc0, 8, 8, 0xff, 0xff, 0, 0, 0xfd, 0xf2, 0, 7, 32, 203, 0, 113, 10, 23, 198, 51, 100);
}

static void test_announce_ipv6(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	struct prefix p = pfx("2001:db8:ac::/48");
	struct bgp_attrs a = attrs_of("2001:db8:a::3");

	bgp_update_write_announce(&w, &a, &p, 1);
	EXPECT(&w, 0, 0, 0, 44, 0x80, 14, 28, 0, 2, 1, 16, 0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	       3, 0, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 0xac, 0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xf2);
}

static void test_two_octet_peer(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	struct prefix p = pfx("203.0.113.10");
	struct bgp_attrs a = attrs_of("192.0.2.3");

	a.as4 = false;
	a.local_as = 4200000001;
	bgp_update_write_announce(&w, &a, &p, 1);
	EXPECT(&w, 0, 0, 0, 27, 0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0x40, 3, 4, 192, 0, 2, 3,
	       0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01, 32, 203, 0, 113, 10);
	w = writer_of(buf, sizeof buf);
	a.local_as = 65010;  /* fits: no AS4_PATH */
	bgp_update_write_announce(&w, &a, &p, 1);
	EXPECT(&w, 0, 0, 0, 18, 0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0xfd, 0xf2, 0x40, 3, 4, 192, 0, 2, 3, 32, 203, 0, 113,
	       10);
	w = writer_of(buf, sizeof buf);
	a.local_as = 4200000001;  /* in the order of their numbers (RFC 4271 section 5) */
	a.large = &(struct anycast_large_community){{1, 2, 3}};
	a.n_large = 1;
	bgp_update_write_announce(&w, &a, &p, 1);
	EXPECT(&w, 0, 0, 0, 42, 0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0x40, 3, 4, 192, 0, 2, 3,
	       0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01, 0xc0, 32, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
	       32, 203, 0, 113, 10);
}

static void test_internal_peer(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	struct prefix p = pfx("203.0.113.10");
	struct bgp_attrs a = attrs_of("192.0.2.3");

	a.internal = true;
	a.local_pref = BGP_LOCAL_PREF;
	bgp_update_write_announce(&w, &a, &p, 1);
	EXPECT(&w, 0, 0, 0, 21, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2, 3, 0x40, 5, 4, 0, 0, 0, 100,
	       32, 203, 0, 113, 10);
}

static void test_withdraw(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);
	struct prefix four = pfx("203.0.113.10"), six = pfx("2001:db8:ac::10");

	bgp_update_write_withdraw(&w, &four, 1);
	EXPECT(&w, 0, 5, 32, 203, 0, 113, 10, 0, 0);
	w = writer_of(buf, sizeof buf);
	bgp_update_write_withdraw(&w, &six, 1);
	EXPECT(&w, 0, 0, 0, 23, 0x80, 15, 20, 0, 2, 1, 128, 0x20, 0x01, 0x0d, 0xb8, 0, 0xac, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	       0x10);
	w = writer_of(buf, sizeof buf);
	bgp_update_write_end_of_rib(&w, BGP_IPV4);
	EXPECT(&w, 0, 0, 0, 0);
	w = writer_of(buf, sizeof buf);
	bgp_update_write_end_of_rib(&w, BGP_IPV6);
	EXPECT(&w, 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1);
}

static unsigned count(struct reader r, uint8_t family)
{
	struct prefix p;
	unsigned n = 0;

	while (bgp_update_next_prefix(&r, family, &p))
		n++;
	CU_ASSERT_FALSE(r.bad);
	return n;
}

/* All we can say at once, for both families, to both kinds of peer: fits, and reads back. */
static void test_largest(void)
{
	uint8_t buf[BGP_MSG_MAX];
	struct prefix p4[64], p6[64];
	uint32_t communities[16] = {1};
	struct bgp_update u;
	struct bgp_error error;

	for (int i = 0; i < 64; i++) {
		p4[i] = pfx("203.0.113.0/32"), p4[i].bytes[3] = (uint8_t)i;
		p6[i] = pfx("2001:db8::/128"), p6[i].bytes[15] = (uint8_t)i;
	}
	for (int as4 = 0; as4 < 2; as4++) {
		struct bgp_attrs a = {.local_as = 4200000001, .as4 = as4, .prepend = 255, .has_med = true,
		                      .communities = communities, .n_communities = 16};
		struct writer w = writer_of(buf, sizeof buf);

		addr_parse(&a.next_hop, "192.0.2.3", 0);
		bgp_update_write_announce(&w, &a, p4, 64);
		CU_ASSERT_FALSE_FATAL(w.bad);
		CU_ASSERT_EQUAL(bgp_update_read(buf + 19, writer_len(&w) - 19, as4, false, &u, &error), 0);
		CU_ASSERT_EQUAL(count(u.reachable, BGP_IPV4), 64);
		CU_ASSERT_FALSE(u.treat_as_withdraw);
		w = writer_of(buf, sizeof buf);
		addr_parse(&a.next_hop, "2001:db8::1", 0);
		bgp_update_write_announce(&w, &a, p6, 64);
		CU_ASSERT_FALSE_FATAL(w.bad);
		CU_ASSERT_EQUAL(bgp_update_read(buf + 19, writer_len(&w) - 19, as4, false, &u, &error), 0);
		CU_ASSERT_EQUAL(u.mp_reachable_family, BGP_IPV6);
		CU_ASSERT_EQUAL(count(u.mp_reachable, BGP_IPV6), 64);
		CU_ASSERT_FALSE(u.treat_as_withdraw);
		w = writer_of(buf, sizeof buf);
		bgp_update_write_withdraw(&w, p6, 64);
		CU_ASSERT_FALSE_FATAL(w.bad);
		CU_ASSERT_EQUAL(bgp_update_read(buf + 19, writer_len(&w) - 19, as4, false, &u, &error), 0);
		CU_ASSERT_EQUAL(count(u.mp_withdrawn, BGP_IPV6), 64);
		CU_ASSERT_EQUAL(u.end_of_rib, 0);
	}
}

/* ---- reading: an UPDATE of 10.0.0.0/8 with the attributes given ---- */

static const uint8_t good_attrs[] = {0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9, 0x40, 3, 4, 192, 0, 2, 1};

static int read_update(const uint8_t *attrs, size_t len, struct bgp_update *u, struct bgp_error *error)
{
	static uint8_t body[BGP_MSG_MAX];  /* the readers in *u point into it */
	struct writer w = writer_of(body, sizeof body);

	write_u16(&w, 0);
	write_u16(&w, (uint16_t)len);
	write_bytes(&w, attrs, len);
	write_u8(&w, 8);
	write_u8(&w, 10);
	return bgp_update_read(body, writer_len(&w), true, false, u, error);
}

/* The good attributes with `extra` behind them. */
static int read_extra(const uint8_t *extra, size_t len, struct bgp_update *u, struct bgp_error *error)
{
	uint8_t attrs[sizeof good_attrs + 64];

	memcpy(attrs, good_attrs, sizeof good_attrs);
	memcpy(attrs + sizeof good_attrs, extra, len);
	return read_update(attrs, sizeof good_attrs + len, u, error);
}

static void test_good(void)
{
	struct bgp_update u;
	struct bgp_error error;

	CU_ASSERT_EQUAL(read_update(good_attrs, sizeof good_attrs, &u, &error), 0);
	CU_ASSERT_FALSE(u.treat_as_withdraw);
	CU_ASSERT_EQUAL(count(u.reachable, BGP_IPV4), 1);
	CU_ASSERT_EQUAL(u.end_of_rib, 0);
}

static void test_treat_as_withdraw(void)
{
	static const struct { uint8_t len, bytes[24]; const char *why; } cases[] = {
		{4, {0x80, 4, 1, 9}, "MULTI_EXIT_DISC is malformed"},
		{7, {0x40, 4, 4, 0, 0, 0, 1}, "MULTI_EXIT_DISC has wrong flags"},
		{3, {0xc0, 8, 0}, "COMMUNITIES is malformed"},
		{6, {0xc0, 8, 3, 1, 2, 3}, "COMMUNITIES is malformed"},
		{7, {0xc0, 16, 4, 1, 2, 3, 4}, "EXTENDED COMMUNITIES is malformed"},
		{7, {0xc0, 32, 4, 1, 2, 3, 4}, "LARGE_COMMUNITY is malformed"},
		{3, {0x40, 99, 0}, "an attribute is called well-known, but is not known"},
		{4, {0xc0, 99, 200, 0}, "an attribute is longer than the attributes' total length"},
		{2, {0xc0, 99}, "an attribute is longer than the attributes' total length"},
	};
	struct bgp_update u;
	struct bgp_error error;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CU_ASSERT_EQUAL(read_extra(cases[i].bytes, cases[i].len, &u, &error), 0);
		CU_ASSERT_TRUE(u.treat_as_withdraw);
		CU_ASSERT_STRING_EQUAL(u.why, cases[i].why);
		CU_ASSERT_EQUAL(count(u.reachable, BGP_IPV4), 1);  /* the prefixes to withdraw are there */
	}
}

static void test_as_zero(void)
{
	uint8_t attrs[sizeof good_attrs];
	struct bgp_update u;
	struct bgp_error error;

	memcpy(attrs, good_attrs, sizeof attrs);
	memset(attrs + 9, 0, 4);
	CU_ASSERT_EQUAL(read_update(attrs, sizeof attrs, &u, &error), 0);
	CU_ASSERT_TRUE(u.treat_as_withdraw);
	CU_ASSERT_STRING_EQUAL(u.why, "AS_PATH is malformed");
}

static void test_mandatory(void)
{
	uint8_t attrs[sizeof good_attrs];
	struct bgp_update u;
	struct bgp_error error;

	CU_ASSERT_EQUAL(read_update(good_attrs + 4, sizeof good_attrs - 4, &u, &error), 0);
	CU_ASSERT_STRING_EQUAL(u.why, "ORIGIN is missing");
	CU_ASSERT_EQUAL(read_update(good_attrs, 13, &u, &error), 0);
	CU_ASSERT_STRING_EQUAL(u.why, "NEXT_HOP is missing");
	memcpy(attrs, good_attrs, sizeof attrs);
	attrs[3] = 3;
	CU_ASSERT_EQUAL(read_update(attrs, sizeof attrs, &u, &error), 0);
	CU_ASSERT_STRING_EQUAL(u.why, "ORIGIN is malformed");
	attrs[3] = 0, attrs[8] = 2;  /* two ASes said, one there */
	CU_ASSERT_EQUAL(read_update(attrs, sizeof attrs, &u, &error), 0);
	CU_ASSERT_STRING_EQUAL(u.why, "AS_PATH is malformed");
	attrs[8] = 1, attrs[7] = 9;  /* no such segment */
	CU_ASSERT_EQUAL(read_update(attrs, sizeof attrs, &u, &error), 0);
	CU_ASSERT_STRING_EQUAL(u.why, "AS_PATH is malformed");
}

static void test_passed_over(void)
{
	static const struct { uint8_t len, bytes[24]; } cases[] = {
		{4, {0x40, 6, 1, 0}},          /* ATOMIC_AGGREGATE with a value */
		{5, {0xc0, 7, 2, 0, 0}},       /* AGGREGATOR cut short */
		{4, {0xc0, 17, 1, 0}},         /* AS4_PATH malformed */
		{4, {0x40, 5, 1, 0}},          /* LOCAL_PREF from outside */
		{4, {0x80, 10, 1, 0}},         /* CLUSTER_LIST from outside */
		{4, {0xc0, 200, 1, 0}},        /* not known, optional */
		{5, {0xd0, 200, 0, 1, 0}},     /* the same with a two-byte length */
		{4, {0x40, 1, 1, 7}},          /* a second ORIGIN: the first counts */
	};
	struct bgp_update u;
	struct bgp_error error;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CU_ASSERT_EQUAL(read_extra(cases[i].bytes, cases[i].len, &u, &error), 0);
		CU_ASSERT_FALSE(u.treat_as_withdraw);
	}
}

static void test_resets(void)
{
	static const struct { uint8_t len, bytes[40]; uint8_t subcode; } bodies[] = {
		{2, {0, 0}, BGP_UPDATE_ATTR_LIST},
		{4, {0, 9, 0, 0}, BGP_UPDATE_ATTR_LIST},                          /* withdrawn beyond the end */
		{4, {0, 0, 0, 9}, BGP_UPDATE_ATTR_LIST},
		{6, {0, 0, 0, 0, 33, 1}, BGP_UPDATE_NETWORK},                     /* /33 */
		{6, {0, 0, 0, 0, 16, 1}, BGP_UPDATE_NETWORK},                     /* cut short */
		{6, {0, 2, 32, 1, 0, 0}, BGP_UPDATE_NETWORK},
		{8, {0, 0, 0, 4, 0x80, 14, 1, 0}, BGP_UPDATE_OPT_ATTR},
		{9, {0, 0, 0, 5, 0x80, 15, 2, 0, 2}, BGP_UPDATE_OPT_ATTR},
		{14, {0, 0, 0, 10, 0x80, 14, 7, 0, 2, 1, 1, 9, 0, 0}, BGP_UPDATE_OPT_ATTR},  /* next hop of 1 byte */
		{12, {0, 0, 0, 8, 0x80, 15, 5, 0, 2, 1, 129, 0}, BGP_UPDATE_NETWORK},
		{16, {0, 0, 0, 12, 0x80, 15, 3, 0, 2, 1, 0x80, 15, 3, 0, 2, 1}, BGP_UPDATE_ATTR_LIST},  /* twice */
		{8, {0, 0, 0, 4, 0x80, 4, 1, 0}, BGP_UPDATE_ATTR_LIST},           /* nothing left to withdraw */
	};
	struct bgp_update u;
	struct bgp_error error;

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		CU_ASSERT_EQUAL(bgp_update_read(bodies[i].bytes, bodies[i].len, true, false, &u, &error), -EBADMSG);
		CU_ASSERT_EQUAL(error.code, BGP_ERR_UPDATE);
		CU_ASSERT_EQUAL(error.subcode, bodies[i].subcode);
		CU_ASSERT(error.text[0]);
	}
}

static void test_foreign_family(void)
{
	static const uint8_t vpn[] = {0x80, 14, 9, 0, 1, 128, 4, 1, 2, 3, 4, 0};
	struct bgp_update u;
	struct bgp_error error;

	CU_ASSERT_EQUAL(read_extra(vpn, sizeof vpn, &u, &error), 0);
	CU_ASSERT_EQUAL(u.mp_reachable_family, 0);
	CU_ASSERT_FALSE(u.treat_as_withdraw);
}

/* The origin of a peer with two octets is in AS4_PATH, unless that says more than the AS_PATH (RFC 6793 section 4.2.3). */
static void test_as4_path(void)
{
	static const uint8_t attrs[] = {0x40, 1, 1, 0, 0x40, 2, 6, 2, 2, 0xfd, 0xf2, 0x5b, 0xa0, 0x40, 3, 4, 192, 0, 2, 1,
	                                0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01};
	static const uint8_t more[] = {0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0x5b, 0xa0, 0x40, 3, 4, 192, 0, 2, 1,
	                               0xc0, 17, 10, 2, 2, 0, 0, 0, 1, 0xfa, 0x56, 0xea, 0x01};
	uint8_t body[64];
	struct bgp_update u;
	struct bgp_error error;

	for (int k = 0; k < 2; k++) {
		size_t n = k ? sizeof more : sizeof attrs;

		memcpy(body, (const uint8_t[]){0, 0, 0, (uint8_t)n}, 4);
		memcpy(body + 4, k ? more : attrs, n);
		memcpy(body + 4 + n, (const uint8_t[]){32, 203, 0, 113, 10}, 5);
		CU_ASSERT_EQUAL(bgp_update_read(body, n + 9, false, false, &u, &error), 0);
		CU_ASSERT_FALSE(u.treat_as_withdraw);
		CU_ASSERT_EQUAL(u.origin_as, k ? 23456 : 4200000001);
		CU_ASSERT_EQUAL(u.path_len, k ? 1 : 2);
	}
}

static void test_next_hops(void)
{
	static const struct { uint8_t hop[4]; bool good; } of[] = {
		{{192, 0, 2, 1}, true}, {{0, 0, 0, 0}, false}, {{127, 0, 0, 1}, false}, {{224, 0, 0, 5}, false},
		{{255, 255, 255, 255}, false}, {{223, 255, 255, 255}, true},
	};
	uint8_t attrs[sizeof good_attrs];
	struct bgp_update u;
	struct bgp_error error;

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		memcpy(attrs, good_attrs, sizeof attrs);
		memcpy(attrs + sizeof attrs - 4, of[i].hop, 4);
		CU_ASSERT_EQUAL(read_update(attrs, sizeof attrs, &u, &error), 0);
		CU_ASSERT_EQUAL(u.treat_as_withdraw, !of[i].good);
		if (!of[i].good)
			CU_ASSERT_STRING_EQUAL(u.why, "NEXT_HOP is no host's address");
	}
}

static void test_end_of_rib(void)
{
	struct bgp_update u;
	struct bgp_error error;

	CU_ASSERT_EQUAL(bgp_update_read((const uint8_t[]){0, 0, 0, 0}, 4, true, false, &u, &error), 0);
	CU_ASSERT_EQUAL(u.end_of_rib, BGP_IPV4);
	CU_ASSERT_EQUAL(
		bgp_update_read((const uint8_t[]){0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1}, 10, true, false, &u, &error), 0);
	CU_ASSERT_EQUAL(u.end_of_rib, BGP_IPV6);
}

static void test_trailing_bits(void)
{
	static const uint8_t bytes[] = {9, 10, 0xff, 0, 0};
	struct reader r = reader_of(bytes, sizeof bytes);
	struct prefix p;
	char text[ADDR_STR_LEN];

	CU_ASSERT_TRUE(bgp_update_next_prefix(&r, BGP_IPV4, &p));
	CU_ASSERT_STRING_EQUAL(prefix_str(&p, text), "10.128.0.0/9");
	CU_ASSERT_TRUE(bgp_update_next_prefix(&r, BGP_IPV4, &p));
	CU_ASSERT_STRING_EQUAL(prefix_str(&p, text), "0.0.0.0/0");
}

static void read_any(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct bgp_update u;
	struct bgp_error error;

	memcpy(copy, bytes, len);
	for (int k = 0; k < 4; k++) {
		if (bgp_update_read(copy, len, k & 1, k & 2, &u, &error) != 0)
			continue;
		count(u.withdrawn, BGP_IPV4);
		count(u.reachable, BGP_IPV4);
		count(u.mp_withdrawn, u.mp_withdrawn_family);
		count(u.mp_reachable, u.mp_reachable_family);
	}
	free(copy);
}

static void test_fuzz(void)
{
	uint8_t bytes[256], whole[BGP_MSG_MAX], *body = whole + BGP_HEADER_LEN;
	uint32_t communities[] = {1, 2};
	struct prefix p = pfx("2001:db8:ac::10");
	struct bgp_attrs a = attrs_of("2001:db8::1");

	a.communities = communities;
	a.n_communities = 2;
	srandom(7606);
	for (int i = 0; i < 20000; i++) {
		struct writer w = writer_of(whole, sizeof whole);
		size_t len = (size_t)random() % sizeof bytes;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)random();
		if (len > 4)  /* lengths that let the rest be looked at */
			bytes[0] = bytes[2] = 0, bytes[1] = i & 1 ? 0 : bytes[1] & 15, bytes[3] &= 127;
		read_any(bytes, len);
		bgp_update_write_announce(&w, &a, &p, 1);
		len = writer_len(&w) - BGP_HEADER_LEN;
		for (int k = (int)(random() % 3); k >= 0; k--)
			body[(size_t)random() % len] = (uint8_t)random();
		read_any(body, len);
		read_any(body, (size_t)random() % (len + 1));
	}
}

UNIT_MAIN("bgp_update", {"announce IPv4", test_announce_ipv4}, {"announce IPv6", test_announce_ipv6},
          {"two-octet peer: AS_TRANS and AS4_PATH", test_two_octet_peer}, {"internal peer", test_internal_peer}, {"AS4_PATH", test_as4_path}, {"next hops", test_next_hops},
          {"withdraw and End-of-RIB", test_withdraw}, {"the largest", test_largest}, {"a good one", test_good},
          {"treat as withdraw", test_treat_as_withdraw},
          {"AS 0", test_as_zero}, {"mandatory attributes", test_mandatory},
          {"passed over", test_passed_over}, {"session reset", test_resets}, {"foreign family", test_foreign_family},
          {"End-of-RIB read", test_end_of_rib}, {"trailing bits", test_trailing_bits},
          {"random and mutated bytes", test_fuzz})
