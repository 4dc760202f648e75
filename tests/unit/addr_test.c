/* base/addr: strict parsing, printing back, comparing; prefixes and their bounds. */
#include "base/addr.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct addr addr(const char *text)
{
	struct addr a = {0};
	CU_ASSERT_EQUAL(addr_parse(&a, text, 0), 0);
	return a;
}

static void test_parse_host(void)
{
	struct addr a;
	char buf[ADDR_STR_LEN];
	CU_ASSERT_EQUAL(addr_parse(&a, "192.0.2.1", 5060), 0);
	CU_ASSERT_EQUAL(addr_family(&a), AF_INET);
	CU_ASSERT_EQUAL(addr_len(&a), sizeof(struct sockaddr_in));
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "192.0.2.1:5060");
	CU_ASSERT_STRING_EQUAL(addr_host_str(&a, buf), "192.0.2.1");
	CU_ASSERT_EQUAL(addr_parse(&a, "2001:DB8:0:0::1", 5061), 0);
	CU_ASSERT_EQUAL(addr_family(&a), AF_INET6);
	CU_ASSERT_EQUAL(addr_len(&a), sizeof(struct sockaddr_in6));
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "[2001:db8::1]:5061");
	CU_ASSERT_STRING_EQUAL(addr_host_str(&a, buf), "2001:db8::1");
	CU_ASSERT_EQUAL(addr_parse(&a, "[::1]", 1), 0);
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "[::1]:1");
	CU_ASSERT_EQUAL(addr_parse(&a, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535), 0);
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void test_parse_host_refuses(void)
{
	static const char *const bad[] = {
		"", " ", "192.0.2", "192.0.2.1 ", " 192.0.2.1", "192.0.2.256", "192.0.2.01", "0x7f.0.0.1",
		"192.0.2.1:5060", "192.0.2.1/32", "localhost", "[192.0.2.1]", "[", "]", "[]", "[::1", "::1]", "[[::1]]",
		"2001:db8::1%eth0", "2001:db8:::1", "1:2:3:4:5:6:7:8:9", ":", "::1::", "192.0.2.1\n", "[::1]:5060",
		"0000000000000000000000000000000000000000000000000000000000000000000000000:1",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct addr a, before;
		memset(&a, 0x55, sizeof(a));
		before = a;
		CU_ASSERT_EQUAL(addr_parse(&a, bad[i], 1), -EINVAL);
		CU_ASSERT(!memcmp(&a, &before, sizeof(a)));
	}
}

static void test_parse_port(void)
{
	static const char *const good[] = {"192.0.2.1:5060", "[2001:db8::1]:5060", "0.0.0.0:0", "[::]:65535",
					   "127.0.0.1:1"};
	static const char *const bad[] = {
		"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:05060", "192.0.2.1:+1", "192.0.2.1:-1",
		"192.0.2.1: 1", "192.0.2.1:1 ", "192.0.2.1:99999999999999999999", "2001:db8::1:5060", "[2001:db8::1]",
		"[2001:db8::1]5060", "[2001:db8::1] :5060", "[2001:db8::1]:", "[192.0.2.1]:5060", ":5060", "", "[",
		"[]:1", "host:5060", "192.0.2.1:0x10", "192.0.2.1:1:2",
	};
	struct addr a;
	char buf[ADDR_STR_LEN];
	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_EQUAL(addr_parse_port(&a, good[i]), 0);
		CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(addr_parse_port(&a, bad[i]), -EINVAL);
}

static void test_unset(void)
{
	struct addr a = {0}, b = addr("0.0.0.0");
	char buf[ADDR_STR_LEN];
	unsigned len = 9;
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "-");
	CU_ASSERT_STRING_EQUAL(addr_host_str(&a, buf), "-");
	CU_ASSERT_EQUAL(addr_len(&a), 0);
	addr_set_port(&a, 7);
	CU_ASSERT_EQUAL(addr_port(&a), 0);
	addr_bytes(&a, &len);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT(!addr_equal(&a, &b));
	CU_ASSERT(addr_equal(&a, &(struct addr){0}));
}

static void test_bytes(void)
{
	static const uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	struct addr a;
	char buf[ADDR_STR_LEN];
	unsigned len;
	addr_from_bytes(&a, v4, 4, 5060);
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "192.0.2.1:5060");
	CU_ASSERT(!memcmp(addr_bytes(&a, &len), v4, 4));
	CU_ASSERT_EQUAL(len, 4);
	addr_from_bytes(&a, v6, 16, 5061);
	CU_ASSERT_STRING_EQUAL(addr_str(&a, buf), "[2001:db8::1]:5061");
	CU_ASSERT(!memcmp(addr_bytes(&a, &len), v6, 16));
	CU_ASSERT_EQUAL(len, 16);
	addr_set_port(&a, 9);
	CU_ASSERT_EQUAL(addr_port(&a), 9);
}

static void test_unmap(void)
{
	struct addr a = addr("::ffff:192.0.2.1"), plain = addr("192.0.2.1"), other = addr("2001:db8::1");
	addr_set_port(&a, 5060);
	addr_set_port(&plain, 5060);
	addr_unmap(&a);
	CU_ASSERT(addr_equal(&a, &plain));
	CU_ASSERT(!memcmp(&a, &plain, sizeof(a)));
	addr_unmap(&a);
	CU_ASSERT(addr_equal(&a, &plain));
	struct addr copy = other;
	addr_unmap(&copy);
	CU_ASSERT(addr_equal(&copy, &other));
	copy = addr("::1.2.3.4");  /* "compatible", not mapped */
	addr_unmap(&copy);
	CU_ASSERT_EQUAL(addr_family(&copy), AF_INET6);
}

static void test_compare(void)
{
	struct addr a = addr("192.0.2.1"), b = a, v6 = addr("::ffff:192.0.2.1");
	addr_set_port(&b, 1);
	CU_ASSERT(!addr_equal(&a, &b));
	CU_ASSERT(addr_same_host(&a, &b));
	CU_ASSERT(!addr_same_host(&a, &v6));
	/* what the kernel leaves in the padding, flow label and scope is no part of an address */
	struct addr c = v6;
	c.in6.sin6_flowinfo = 1;
	CU_ASSERT(addr_equal(&v6, &c));
	c = a;
	memset(c.in.sin_zero, 1, sizeof(c.in.sin_zero));
	CU_ASSERT(addr_equal(&a, &c));
}

static void test_prefix_parse(void)
{
	static const char *const same[] = {"192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "::/0", "192.0.2.1/32",
					   "::1/128", "192.0.2.128/25", "128.0.0.0/1", "8000::/1"};
	static const char *const bad[] = {
		"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/024", "192.0.2.0/ 24",
		"192.0.2.0/24 ", "2001:db8::1/127", "2001:db8::/129", "[2001:db8::]/32", "/24", "/", "",
		"192.0.2.0/24/24", "192.0.2/24", "0.0.0.1/0", "::1/0", "example.com/24", "192.0.2.128/24",
		"192.0.2.64/25", "192.0.2.0/255.255.255.0",
	};
	struct prefix p;
	char buf[ADDR_STR_LEN];
	for (size_t i = 0; i < COUNT(same); i++) {
		CU_ASSERT_EQUAL(prefix_parse(&p, same[i]), 0);
		CU_ASSERT_STRING_EQUAL(prefix_str(&p, buf), same[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(prefix_parse(&p, bad[i]), -EINVAL);
	CU_ASSERT_EQUAL(prefix_parse(&p, "192.0.2.7"), 0);
	CU_ASSERT_STRING_EQUAL(prefix_str(&p, buf), "192.0.2.7/32");
	CU_ASSERT_EQUAL(prefix_parse(&p, "[2001:db8::7]"), 0);
	CU_ASSERT_STRING_EQUAL(prefix_str(&p, buf), "2001:db8::7/128");
	CU_ASSERT_STRING_EQUAL(prefix_str(&(struct prefix){0}, buf), "-");
}

static void test_prefix_contains(void)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.255", true}, {"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/25", "192.0.2.127", true}, {"192.0.2.0/25", "192.0.2.128", false},
		{"192.0.2.1/32", "192.0.2.1", true},   {"192.0.2.1/32", "192.0.2.0", false},
		{"0.0.0.0/0", "255.255.255.255", true}, {"0.0.0.0/0", "::", false},
		{"::/0", "192.0.2.1", false},          {"::/0", "ffff::", true},
		{"2001:db8::/33", "2001:db8:7fff::", true}, {"2001:db8::/33", "2001:db8:8000::", false},
		{"::ffff:0:0/96", "192.0.2.1", false}, {"::1/128", "::1", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct prefix p;
		struct addr a = addr(cases[i].addr);
		CU_ASSERT_EQUAL(prefix_parse(&p, cases[i].prefix), 0);
		CU_ASSERT_EQUAL(prefix_contains(&p, &a), cases[i].in);
	}
	CU_ASSERT(!prefix_contains(&(struct prefix){0}, &(struct addr){0}));
}

static void test_prefix_values(void)
{
	struct prefix a, b;
	struct addr first;
	char buf[ADDR_STR_LEN];
	prefix_parse(&a, "10.0.0.0/8");
	prefix_parse(&b, "10.0.0.0/9");
	CU_ASSERT(!prefix_equal(&a, &b));
	prefix_parse(&b, "10.0.0.0/8");
	CU_ASSERT(prefix_equal(&a, &b));
	prefix_first(&a, &first);
	CU_ASSERT_STRING_EQUAL(addr_str(&first, buf), "10.0.0.0:0");
	prefix_parse(&a, "::/0");
	prefix_parse(&b, "0.0.0.0/0");
	CU_ASSERT(!prefix_equal(&a, &b));
	prefix_first(&a, &first);
	CU_ASSERT_STRING_EQUAL(addr_str(&first, buf), "[::]:0");
}

UNIT_MAIN("addr", {"a host parses", test_parse_host}, {"a bad host is refused", test_parse_host_refuses},
	  {"host and port", test_parse_port}, {"an unset address", test_unset}, {"to and from bytes", test_bytes},
	  {"unmapping", test_unmap}, {"comparing", test_compare},
	  {"a prefix parses", test_prefix_parse}, {"a prefix contains", test_prefix_contains},
	  {"prefixes as values", test_prefix_values})
