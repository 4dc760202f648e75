/* base/addr_prefer: RFC 6724's rules, most by the examples of its section 10.2. */
#include "base/addr_prefer.h"

#include "tests/unit/unit.h"

static uint32_t prefer(const char *to, const char *from)
{
	struct addr d, s;
	CU_ASSERT_EQUAL_FATAL(addr_parse(&d, to, 5060), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse(&s, from, 5060), 0);
	return addr_prefer(&d, &s);
}

static void test_rules(void)
{
	static const struct { const char *first, *its_source, *second, *other_source; } cases[] = {
		{"2001:db8:1::1", "2001:db8:1::2", "198.51.100.121", "198.51.100.117"},         /* the higher precedence */
		{"2001:db8:1::1", "2001:db8:1::2", "10.1.2.3", "10.1.2.4"},                     /* private is global, too */
		{"198.51.100.121", "198.51.100.117", "2001:db8:1::1", "fe80::1"},               /* a matching scope */
		{"fe80::1", "fe80::2", "2001:db8:1::1", "2001:db8:1::2"},                       /* the smaller scope */
		{"198.51.100.121", "198.51.100.117", "fd00:1::1", "fd00:1::2"},                 /* ULA stands behind IPv4 */
		{"2002:c633:6401::1", "2002:c633:6401::2", "2001:db8:1::1", "2002:c633:6401::2"},  /* a matching label */
		{"2001:db8:1::1", "2001:db8:1::2", "2002:c633:6401::1", "2001:db8:1::2"},
		{"2001:db8:1::1", "2001:db8:1::2", "2002:c633:6401::1", "2002:c633:6401::2"},   /* 6to4 stands behind */
		{"198.51.100.121", "198.51.100.117", "2001:0:1::1", "2001:0:1::2"},             /* so does Teredo, and behind IPv4 */
		{"127.0.0.1", "127.0.0.2", "198.51.100.121", "198.51.100.117"},
		{"::1", "::1", "127.0.0.1", "127.0.0.1"},
		{"fec0::1", "fec0::2", "3ffe::1", "2001:db8::1"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool right = prefer(cases[i].first, cases[i].its_source) < prefer(cases[i].second, cases[i].other_source);
		if (!right)
			printf("\n    %s before %s\n", cases[i].first, cases[i].second);
		CU_ASSERT(right);
	}
}

/* Rule 9 is not kept: hosts of one family share, however their addresses begin. */
static void test_equal(void)
{
	CU_ASSERT_EQUAL(prefer("198.51.100.21", "198.51.100.11"), prefer("203.0.113.9", "198.51.100.11"));
	CU_ASSERT_EQUAL(prefer("2001:db8:a::1", "2001:db8:a::2"), prefer("2001:db8:b::1", "2001:db8:a::2"));
	CU_ASSERT_EQUAL(prefer("169.254.1.1", "169.254.1.2"), prefer("169.254.9.9", "169.254.1.2"));
}

UNIT_MAIN("addr_prefer", {"the rules", test_rules}, {"equals", test_equal})
