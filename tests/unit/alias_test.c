/* proxy/alias: who asks for it, and for whom a connection stands (RFC 5923). */
#include "proxy/alias.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/certificate.h"
#include "tests/unit/unit.h"

static void test_asked(void)
{
	static const struct { const char *text, *host; uint16_t port; } of[] = {
		{"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TLS sbc.example:5071;branch=z9hG4bK1;alias\r\n\r\n", "sbc.example", 5071},
		{"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TLS sbc.example;alias;branch=z9hG4bK1\r\n\r\n", "sbc.example", 5061},
		{"INVITE sip:a SIP/2.0\r\nTo: x\r\nv:SIP / 2.0 / TLS  192.0.2.2 : 5070 ; ALIAS ;branch=1\r\n\r\n", "192.0.2.2", 5070},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS [2001:db8::1]:5070;alias\r\n\r\n", "[2001:db8::1]", 5070},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS [2001:db8::1];alias\r\n\r\n", "[2001:db8::1]", 5061},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=1,\r\n SIP/2.0/TLS b.example;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=1\r\nVia: SIP/2.0/TLS b.example;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=1;x-alias;aliased;alias=no\r\n\r\n", NULL, 0},
		{"INVITE sip:alias SIP/2.0\r\nTo: x;alias\r\n\r\n;alias", NULL, 0},
		{"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS sbc.example:5071;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS sbc.example:0;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS sbc.example:65536;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS sbc.example:;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS [2001:db8::1;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TLS ;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0;alias\r\n\r\n", NULL, 0},
		{"INVITE sip:a SIP/2.0\r\nVia: ;alias\r\n\r\n", NULL, 0},
		{"", NULL, 0},
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		struct alias_address at = {.port = 0};
		bool asked = alias_asked(of[i].text, strlen(of[i].text), &at);
		if (asked != (of[i].host != NULL))
			fprintf(stderr, "%s\n", of[i].text);
		CU_ASSERT_EQUAL(asked, of[i].host != NULL);
		if (!asked || !of[i].host)
			continue;
		CU_ASSERT_STRING_EQUAL(at.host, of[i].host);
		CU_ASSERT_EQUAL(at.port, of[i].port);
	}
}

static struct aliases table;

static struct stream_handle handle(uint32_t slot, uint32_t worker) { return (struct stream_handle){slot, 1, worker}; }

static struct alias_address address(const char *host, uint16_t port)
{
	struct alias_address at = {.port = port};
	snprintf(at.host, sizeof at.host, "%s", host);
	return at;
}

static void add(struct stream_handle h, const char *source, const char *host, uint16_t port, const char *names)
{
	struct alias_address at = address(host, port);
	struct addr from;
	addr_parse_port(&from, source);
	X509 *c = certificate("x", names);
	CU_ASSERT_TRUE(alias_add(&table, h, &from, &at, c));
	X509_free(c);
}

/* The slot of what is found from worker 0, or -1; and where it comes from. */
static struct addr peer;
static int found(const char *host, uint16_t port, const char *name, const char *other)
{
	struct alias_address at = address(host, port);
	struct stream_handle h;
	return alias_find(&table, &at, (const char *const[]){name, other}, 0, &h, &peer) ? (int)h.slot : -1;
}

static void test_names(void)
{
	char text[ADDR_STR_LEN];
	add(handle(1, 0), "192.0.2.2:40000", "sbc.carrier.example", 5071, "URI:sip:carrier.example,DNS:*.carrier.example");
	CU_ASSERT_EQUAL(found("sbc.carrier.example", 5071, "sbc.carrier.example", ""), 1);
	CU_ASSERT_STRING_EQUAL(addr_str(&peer, text), "192.0.2.2:5071");
	CU_ASSERT_EQUAL(found("SBC.Carrier.Example", 5071, "SBC.Carrier.Example", ""), 1);
	CU_ASSERT_EQUAL(found("sbc.carrier.example", 5061, "sbc.carrier.example", ""), -1);    /* another port */
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "carrier.example", ""), 1);                    /* where it comes from */
	CU_ASSERT_EQUAL(found("192.0.2.2", 40000, "carrier.example", ""), -1);
	CU_ASSERT_EQUAL(found("192.0.2.3", 5071, "carrier.example", ""), -1);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "192.0.2.2", ""), -1);                         /* that is not in its certificate */
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "192.0.2.2", "carrier.example"), 1);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "other.example", "another.example"), -1);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "", ""), -1);
	alias_remove(&table, handle(2, 0));
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "carrier.example", ""), 1);
	alias_remove(&table, handle(1, 0));
	CU_ASSERT_EQUAL(found("192.0.2.2", 5071, "carrier.example", ""), -1);
	CU_ASSERT_EQUAL(found("sbc.carrier.example", 5071, "sbc.carrier.example", ""), -1);
	CU_ASSERT_PTR_NULL(table.by_address);
	CU_ASSERT_PTR_NULL(table.by_handle);
}

static void test_addresses(void)
{
	add(handle(1, 0), "[2001:db8::1]:40000", "[2001:DB8:0::1]", 5061, "IP:2001:db8::1");
	CU_ASSERT_EQUAL(found("[2001:db8::1]", 5061, "2001:db8::1", ""), 1);
	add(handle(2, 0), "192.0.2.2:40000", "10.0.0.2", 5061, "DNS:carrier.example");           /* behind a NAT */
	CU_ASSERT_EQUAL(found("10.0.0.2", 5061, "10.0.0.2", "carrier.example"), 2);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "192.0.2.2", "carrier.example"), 2);
	alias_free_all(&table);
	CU_ASSERT_PTR_NULL(table.by_address);
}

/* Several of one address: one's own worker first, then the newest; somebody else's are not his. */
static void test_several(void)
{
	struct alias_address at = address("192.0.2.2", 5061);
	struct addr from;
	addr_parse_port(&from, "192.0.2.2:40000");
	add(handle(1, 0), "192.0.2.2:40001", "192.0.2.2", 5061, "DNS:a.example");
	add(handle(2, 1), "192.0.2.2:40002", "192.0.2.2", 5061, "DNS:a.example");
	add(handle(3, 1), "192.0.2.2:40003", "192.0.2.2", 5061, "DNS:b.example");
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "a.example", ""), 1);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "b.example", ""), 3);
	X509 *c = certificate("x", "DNS:a.example");
	CU_ASSERT_FALSE(alias_add(&table, handle(1, 0), &from, &at, c));    /* it does already */
	X509_free(c);
	alias_remove(&table, handle(1, 0));
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "a.example", ""), 2);
	add(handle(4, 1), "192.0.2.2:40004", "192.0.2.2", 5061, "DNS:a.example");
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "a.example", ""), 4);
	alias_remove(&table, handle(4, 1));
	alias_remove(&table, handle(3, 1));
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "b.example", ""), -1);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "a.example", ""), 2);
	alias_free_all(&table);
	CU_ASSERT_EQUAL(found("192.0.2.2", 5061, "a.example", ""), -1);
	certificate_forget();
}

UNIT_MAIN("alias", {"who asks for it", test_asked}, {"names", test_names}, {"addresses", test_addresses},
          {"several of one address", test_several})
