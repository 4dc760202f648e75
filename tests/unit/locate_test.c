/* proxy/locate: what NAPTR and SRV answers mean (RFC 3263 section 4, RFC 2782), and how long they are good. */
#include "proxy/locate.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ALL (1u << SIP_UDP | 1u << SIP_TCP | 1u << SIP_TLS)

/* ---- answers, as a server writes them ---- */

struct answer { unsigned char data[4096]; int len; };

static void put(struct answer *a, const void *bytes, size_t n)
{
	CU_ASSERT_FATAL((size_t)a->len + n <= sizeof a->data);
	memcpy(a->data + a->len, bytes, n);
	a->len += (int)n;
}

static void put16(struct answer *a, unsigned v) { put(a, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2); }

static void put_string(struct answer *a, const char *s)
{
	put(a, (unsigned char[]){(unsigned char)strlen(s)}, 1);
	put(a, s, strlen(s));
}

static void put_name(struct answer *a, const char *name)
{
	while (*name && strcmp(name, ".") != 0) {
		size_t n = strcspn(name, ".");
		put(a, (unsigned char[]){(unsigned char)n}, 1);
		put(a, name, n);
		name += n + (name[n] == '.');
	}
	put(a, "", 1);
}

static struct answer begin(unsigned type)
{
	struct answer a = {{0}, 0};
	put(&a, "\x12\x34\x81\x80\0\1\0\0\0\0\0\0", 12);
	put_name(&a, "example.com");
	put16(&a, type);
	put16(&a, 1);
	return a;
}

/* Returns where its length goes, once its data is there. */
static int record(struct answer *a, unsigned type, uint32_t ttl)
{
	a->data[7]++;
	put_name(a, "example.com");
	put16(a, type);
	put16(a, 1);
	put16(a, ttl >> 16);
	put16(a, ttl & 0xffff);
	put16(a, 0);
	return a->len - 2;
}

static void set_length(struct answer *a, int at)
{
	a->data[at] = (unsigned char)((a->len - at - 2) >> 8);
	a->data[at + 1] = (unsigned char)(a->len - at - 2);
}

static void naptr(struct answer *a, unsigned order, unsigned preference, const char *flags, const char *service, const char *regexp,
                  const char *replacement)
{
	int at = record(a, 35, 3600);
	put16(a, order);
	put16(a, preference);
	put_string(a, flags);
	put_string(a, service);
	put_string(a, regexp);
	put_name(a, replacement);
	set_length(a, at);
}

static void srv(struct answer *a, unsigned priority, unsigned weight, unsigned port, const char *host, uint32_t ttl)
{
	int at = record(a, 33, ttl);
	put16(a, priority);
	put16(a, weight);
	put16(a, port);
	put_name(a, host);
	set_length(a, at);
}

static void cname(struct answer *a, const char *to, uint32_t ttl)
{
	int at = record(a, 5, ttl);
	put_name(a, to);
	set_length(a, at);
}

/* ---- NAPTR ---- */

/* "udp _sip._udp.x, tcp _sip._tcp.x" */
static const char *chosen(const struct answer *a, unsigned transports, bool secure)
{
	static char text[2048];
	struct locate_service out[LOCATE_SERVICES_MAX];
	unsigned n = locate_by_naptr(a->data, a->len, (struct locate_want){transports, secure}, out);
	int len = 0;
	text[0] = 0;
	for (unsigned i = 0; i < n; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s%s %s", i ? ", " : "", sip_transport_word(out[i].transport), out[i].srv);
	return text;
}

/* The example of section 4.1. */
static void test_naptr(void)
{
	struct answer a = begin(35);
	naptr(&a, 90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com");
	naptr(&a, 100, 50, "s", "SIP+D2U", "", "_sip._udp.example.com");
	naptr(&a, 50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com");
	CU_ASSERT_STRING_EQUAL(chosen(&a, ALL, false), "tls _sips._tcp.example.com, tcp _sip._tcp.example.com, udp _sip._udp.example.com");
	CU_ASSERT_STRING_EQUAL(chosen(&a, 1u << SIP_UDP | 1u << SIP_TCP, false), "tcp _sip._tcp.example.com, udp _sip._udp.example.com");
	CU_ASSERT_STRING_EQUAL(chosen(&a, 1u << SIP_UDP, false), "udp _sip._udp.example.com");
	CU_ASSERT_STRING_EQUAL(chosen(&a, ALL, true), "tls _sips._tcp.example.com");    /* the others must be discarded */
	CU_ASSERT_STRING_EQUAL(chosen(&a, 1u << SIP_UDP, true), "");
}

static void test_naptr_preference(void)
{
	struct answer a = begin(35);
	naptr(&a, 10, 20, "S", "sip+d2u", "", "_sip._udp.b.example");
	naptr(&a, 10, 10, "s", "SIP+D2T", "", "_sip._tcp.b.example");
	naptr(&a, 9, 99, "s", "SIP+D2U", "", "_sip._udp.a.example");
	naptr(&a, 10, 10, "s", "SIP+D2U", "", "_sip._udp.c.example");
	CU_ASSERT_STRING_EQUAL(chosen(&a, ALL, false), "udp _sip._udp.a.example, tcp _sip._tcp.b.example, udp _sip._udp.c.example, "
	                       "udp _sip._udp.b.example");
}

/* An expression, another flag, another service, SCTP, no replacement: not for us, and no reason to do without the rest. */
static void test_naptr_others(void)
{
	struct answer a = begin(35);
	naptr(&a, 1, 1, "s", "SIP+D2T", "!^.*$!sip:info@example.com!", ".");
	naptr(&a, 2, 1, "s", "SIP+D2T", "!^.*$!x!", "_sip._tcp.example.com");
	naptr(&a, 3, 1, "u", "E2U+sip", "!^.*$!sip:info@example.com!", ".");
	naptr(&a, 4, 1, "s", "SIP+D2S", "", "_sip._sctp.example.com");
	naptr(&a, 5, 1, "a", "SIP+D2T", "", "host.example.com");
	naptr(&a, 6, 1, "", "SIP+D2T", "", "more.example.com");
	naptr(&a, 7, 1, "s", "SIP+D2T", "", ".");
	CU_ASSERT_STRING_EQUAL(chosen(&a, ALL, false), "");
	naptr(&a, 8, 1, "s", "SIP+D2U", "", "_sip._udp.example.com");
	CU_ASSERT_STRING_EQUAL(chosen(&a, ALL, false), "udp _sip._udp.example.com");
}

/* More than there is room for: the ones to be used first are kept. */
static void test_naptr_many(void)
{
	struct answer a = begin(35);
	char name[32];
	struct locate_service out[LOCATE_SERVICES_MAX];
	for (unsigned i = 20; i > 0; i--) {
		snprintf(name, sizeof name, "_sip._udp.%02u.example", i);
		naptr(&a, i, 1, "s", "SIP+D2U", "", name);
	}
	CU_ASSERT_EQUAL(locate_by_naptr(a.data, a.len, (struct locate_want){ALL, false}, out), LOCATE_SERVICES_MAX);
	CU_ASSERT_STRING_EQUAL(out[0].srv, "_sip._udp.01.example");
	CU_ASSERT_STRING_EQUAL(out[LOCATE_SERVICES_MAX - 1].srv, "_sip._udp.08.example");
}

static void test_broken(void)
{
	struct answer a = begin(35);
	struct locate_service services[LOCATE_SERVICES_MAX];
	struct locate_server servers[LOCATE_SERVERS_MAX];
	bool declined;
	naptr(&a, 90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com");
	for (int len = 0; len < a.len; len++) {
		CU_ASSERT_EQUAL(locate_by_naptr(a.data, len, (struct locate_want){ALL, false}, services), 0);
		CU_ASSERT(locate_servers(a.data, len, servers, &declined) <= 0);
		CU_ASSERT(locate_ttl(a.data, len, 300) <= 300);
	}
}

/* ---- without NAPTR ---- */

static void test_by_name(void)
{
	struct locate_service s[LOCATE_SERVICES_MAX];
	CU_ASSERT_EQUAL(locate_by_name("example.com", (struct locate_want){ALL, false}, s), 3);
	CU_ASSERT_STRING_EQUAL(s[0].srv, "_sip._udp.example.com");
	CU_ASSERT_STRING_EQUAL(s[1].srv, "_sip._tcp.example.com");
	CU_ASSERT_STRING_EQUAL(s[2].srv, "_sips._tcp.example.com");
	CU_ASSERT_EQUAL(s[2].transport, SIP_TLS);
	CU_ASSERT_EQUAL(locate_by_name("example.com", (struct locate_want){ALL, true}, s), 1);
	CU_ASSERT_STRING_EQUAL(s[0].srv, "_sips._tcp.example.com");
	CU_ASSERT_EQUAL(locate_by_name("example.com", (struct locate_want){1u << SIP_UDP, false}, s), 1);
	locate_by_transport("example.com", SIP_TCP, &s[0]);
	CU_ASSERT_STRING_EQUAL(s[0].srv, "_sip._tcp.example.com");
	CU_ASSERT_EQUAL(locate_default(false), SIP_UDP);
	CU_ASSERT_EQUAL(locate_default(true), SIP_TLS);
}

/* ---- SRV ---- */

static void test_servers(void)
{
	struct answer a = begin(33);
	struct locate_server s[LOCATE_SERVERS_MAX];
	bool declined = true;
	CU_ASSERT(locate_servers(a.data, a.len, s, &declined) <= 0);
	CU_ASSERT_FALSE(declined);
	srv(&a, 10, 60, 5060, "a.example.com", 60);
	srv(&a, 20, 0, 5070, "b.example.com", 30);
	CU_ASSERT_EQUAL(locate_servers(a.data, a.len, s, &declined), 2);
	CU_ASSERT_FALSE(declined);
	CU_ASSERT_STRING_EQUAL(s[0].host, "a.example.com");
	CU_ASSERT_EQUAL(s[0].priority, 10);
	CU_ASSERT_EQUAL(s[0].weight, 60);
	CU_ASSERT_EQUAL(s[1].port, 5070);
}

/* RFC 2782: "A Target of "." means that the service is decidedly not available at this domain." */
static void test_declined(void)
{
	struct answer a = begin(33);
	struct locate_server s[LOCATE_SERVERS_MAX];
	bool declined = false;
	srv(&a, 0, 0, 0, ".", 60);
	CU_ASSERT_EQUAL(locate_servers(a.data, a.len, s, &declined), 0);
	CU_ASSERT(declined);
	srv(&a, 10, 1, 5060, "a.example.com", 60);  /* which contradicts itself: there is a server */
	CU_ASSERT_EQUAL(locate_servers(a.data, a.len, s, &declined), 1);
	CU_ASSERT_FALSE(declined);
}

static void test_many_servers(void)
{
	struct answer a = begin(33);
	struct locate_server s[LOCATE_SERVERS_MAX];
	bool declined;
	for (unsigned i = 0; i < LOCATE_SERVERS_MAX + 5; i++)
		srv(&a, i, 1, 5060, "a.example.com", 60);
	CU_ASSERT_EQUAL(locate_servers(a.data, a.len, s, &declined), LOCATE_SERVERS_MAX);
}

/* ---- time to live ---- */

static void test_ttl(void)
{
	struct answer a = begin(33);
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 300);
	srv(&a, 10, 60, 5060, "a.example.com", 3600);
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 300);
	srv(&a, 10, 60, 5060, "b.example.com", 60);
	srv(&a, 10, 60, 5060, "c.example.com", 90);
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 60);
	cname(&a, "d.example.com", 7);
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 7);   /* on the way there */
	srv(&a, 10, 60, 5060, "e.example.com", 0);
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 0);
	a = begin(33);
	srv(&a, 10, 60, 5060, "a.example.com", 0x80000000u);  /* RFC 2181 section 8: as 0 */
	CU_ASSERT_EQUAL(locate_ttl(a.data, a.len, 300), 0);
}

UNIT_MAIN("locate", {"NAPTR", test_naptr}, {"NAPTR: order and preference", test_naptr_preference},
          {"NAPTR: what is not for us", test_naptr_others}, {"NAPTR: many", test_naptr_many}, {"broken answers", test_broken},
          {"without NAPTR", test_by_name}, {"SRV", test_servers}, {"SRV: decidedly not", test_declined},
          {"SRV: many", test_many_servers}, {"time to live", test_ttl})
