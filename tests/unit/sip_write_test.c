/* proxy/sip/write: every message tandem sends, compared as a whole with what it has to be. */
#include "proxy/sip/message.h"
#include "tests/unit/sip_text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define OUR_VIA "SIP/2.0/UDP 198.51.100.11:5060;branch=z9hG4bKours"
#define OURS "Via: " OUR_VIA "\r\n"

static char out[SIP_MESSAGE_MAX];

static struct addr addr(const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&a, text), 0);
	return a;
}

static void expect(const struct writer *w, bool ok, const char *expected)
{
	size_t n = strlen(expected);
	bool same = ok && writer_len(w) == n && !memcmp(w->start, expected, n);
	CU_ASSERT(same);
	if (!same)
		printf("\n--- got (%d)\n%.*s--- expected\n%s---\n", ok, (int)writer_len(w), (const char *)w->start,
		         expected);
}

static void check_request(const char *text, const char *source, const struct sip_forward *f, const char *expected)
{
	struct sip_text *t = sip_text_parse(text);
	struct writer w = writer_of(out, sizeof out);
	struct addr a = addr(source);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	expect(&w, sip_write_request(&w, &t->m, &a, f), expected);
	sip_text_free(t);
}

#define REST "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 INVITE\r\n"

/* Odd on purpose: case, blanks, folding, order, a header nobody knows, a body that looks like headers. */
static void test_untouched(void)
{
	static const struct sip_forward f = {.via = OUR_VIA, .ruri = "sip:+15551234567@region.example"};
#define ODD                                                                                              \
	"fRoM :\"Q\" <sip:a@b>;tag=1;x=\"y;z\"\r\nX-Trouble:  one ,\r\n\ttwo  \r\nt:<sip:c@d>\r\n"               \
	"i:e\r\nContact: <sip:a@1.2.3.4>\r\nVia: SIP/2.0/TCP p1.example.com;branch=z9hG4bKp1;x\r\n"           \
	"CSeq:   01   INVITE\r\n"                                                                            \
	"v: SIP/2.0/TLS p2;branch=z9hG4bKp2 , SIP/2.0/UDP p3\r\nRecord-Route: <sip:p1;lr>,<sip:p2>\r\n"
#define BODY "l:14\r\n\r\nVia: x\r\n\r\nv=\xff\n"
	check_request("INVITE sip:c@d SIP/2.0\r\n"
	         "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" ODD "Max-Forwards: 70\r\n" BODY,
	              "192.0.2.1:5060", &f,
	              "INVITE sip:+15551234567@region.example SIP/2.0\r\n" OURS
	              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" ODD "Max-Forwards: 69\r\n" BODY);
}

static void test_request_uri(void)
{
	static const struct sip_forward f = {.via = OUR_VIA};
	check_request("BYE sip:%61;x=%3b:pw@D.example:5060;Transport=UDP?a=b SIP/2.0\r\n"
	         "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 BYE\r\nMax-Forwards: 1\r\n\r\n",
	              "192.0.2.1:5060", &f,
	              "BYE sip:%61;x=%3b:pw@D.example:5060;Transport=UDP?a=b SIP/2.0\r\n" OURS
	              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 BYE\r\nMax-Forwards: 0\r\n\r\n");
}

/* Found by tests/fuzz: a tab between blanks was taken for the Request-URI. */
static void test_request_line_blanks(void)
{
	static const struct sip_forward f = {.via = OUR_VIA};
	check_request("BYE  \t sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 BYE\r\nMax-Forwards: 1\r\n\r\n",
	              "192.0.2.1:5060", &f,
	              "BYE sip:a@b SIP/2.0\r\n" OURS "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 BYE\r\nMax-Forwards: 0\r\n\r\n");
}

static void check_via(const char *via, const char *source, const char *expected)
{
	static const struct sip_forward f = {.via = OUR_VIA};
	char text[1024], want[1024];
	snprintf(text, sizeof text, "INVITE sip:c@d SIP/2.0\r\n%s" REST "Max-Forwards: 9\r\n\r\n", via);
	snprintf(want, sizeof want, "INVITE sip:c@d SIP/2.0\r\n" OURS "%s" REST "Max-Forwards: 8\r\n\r\n", expected);
	check_request(text, source, &f, want);
}

/* RFC 3261 section 18.2.1, RFC 3581 section 4. */
static void test_received(void)
{
	check_via("Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa\r\n", "192.0.2.1:9999",
	          "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa\r\n");
	check_via("Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa\r\n", "192.0.2.9:5070",
	          "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;received=192.0.2.9\r\n");
	check_via("Via: SIP/2.0/UDP sbc.example.com;branch=z9hG4bKa;x=y\r\n", "192.0.2.9:5070",
	          "Via: SIP/2.0/UDP sbc.example.com;branch=z9hG4bKa;x=y;received=192.0.2.9\r\n");
	check_via("Via: SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKa\r\n", "192.0.2.1:6000",
	          "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;received=192.0.2.1;rport=6000\r\n");
	check_via("Via: SIP/2.0/UDP [2001:db8::1]:5070;rport;branch=z9hG4bKa\r\n", "[2001:db8::2]:6000",
	          "Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKa;received=2001:db8::2;rport=6000\r\n");
	check_via("Via: SIP/2.0/UDP [2001:DB8:0::1];branch=z9hG4bKa\r\n", "[2001:db8::1]:5060",
	          "Via: SIP/2.0/UDP [2001:DB8:0::1];branch=z9hG4bKa\r\n");
}

/* What the sender says of where it came from is not believed. */
static void test_received_forged(void)
{
	check_via("Via: SIP/2.0/UDP 192.0.2.1;received=203.0.113.66;branch=z9hG4bKa\r\n", "192.0.2.1:5060",
	          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=192.0.2.1\r\n");
	check_via("Via: SIP/2.0/UDP 192.0.2.1;rport=1;RECEIVED=203.0.113.66;branch=z9hG4bKa\r\n", "192.0.2.1:5060",
	          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=192.0.2.1;rport=5060\r\n");
}

static void test_via_list(void)
{
	check_via("v:SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa, SIP/2.0/TCP p2:7;branch=z9hG4bKb ,\r\n SIP/2.0/UDP p3\r\n"
	          "Via: SIP/2.0/UDP p4;received=1.2.3.4;rport=7\r\n", "192.0.2.9:5060",
	          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=192.0.2.9\r\n"
	          "Via: SIP/2.0/TCP p2:7;branch=z9hG4bKb\r\nVia: SIP/2.0/UDP p3\r\n"
	          "Via: SIP/2.0/UDP p4;received=1.2.3.4;rport=7\r\n");
}

#define TOP "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"

static void test_max_forwards(void)
{
	static const struct sip_forward f = {.via = OUR_VIA};
	check_request("INVITE sip:c@d SIP/2.0\r\n" TOP REST "\r\n", "192.0.2.1:5060", &f,
	              "INVITE sip:c@d SIP/2.0\r\n" OURS "Max-Forwards: 70\r\n" TOP REST "\r\n");
	check_request("INVITE sip:c@d SIP/2.0\r\nmax-forwards :\r\n 255\r\n" TOP REST "\r\n", "192.0.2.1:5060", &f,
	              "INVITE sip:c@d SIP/2.0\r\n" OURS "Max-Forwards: 254\r\n" TOP REST "\r\n");
}

static void test_record_route(void)
{
	static const struct sip_forward one = {.via = OUR_VIA, .record_route = {"<sip:t@198.51.100.11:5060;lr>"}};
	static const struct sip_forward two = {.via = OUR_VIA, .record_route = {"<sip:t@a;lr>", "<sip:t@b;lr>"}};
#define MORE "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nMax-Forwards: 70\r\n\r\n"
#define LESS "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nMax-Forwards: 69\r\n\r\n"
	check_request("INVITE sip:c@d SIP/2.0\r\n" TOP REST MORE, "192.0.2.1:5060", &one,
	              "INVITE sip:c@d SIP/2.0\r\n" OURS "Record-Route: <sip:t@198.51.100.11:5060;lr>\r\n"
	              TOP REST LESS);
	check_request("INVITE sip:c@d SIP/2.0\r\n" TOP REST MORE, "192.0.2.1:5060", &two,
	              "INVITE sip:c@d SIP/2.0\r\n" OURS "Record-Route: <sip:t@a;lr>\r\n"
	              "Record-Route: <sip:t@b;lr>\r\n" TOP REST LESS);
}

#define MF70 "Max-Forwards: 70\r\n"
#define MF69 "Max-Forwards: 69\r\n"

static void check_routes(const char *routes, unsigned skip, const char *expected)
{
	struct sip_forward f = {.via = OUR_VIA, .skip_routes = skip};
	char text[1024], want[1024];
	snprintf(text, sizeof text, "BYE sip:c@d SIP/2.0\r\n" TOP "%sFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
	         "Call-ID: e\r\n"
	         "CSeq: 1 BYE\r\n" MF70 "\r\n", routes);
	snprintf(want, sizeof want, "BYE sip:c@d SIP/2.0\r\n" OURS "%s" TOP "%sFrom: <sip:a@b>;tag=1\r\n"
	         "To: <sip:c@d>\r\nCall-ID: e\r\n"
	         "CSeq: 1 BYE\r\n" MF69 "\r\n", skip ? expected : "", skip ? "" : expected);
	check_request(text, "192.0.2.1:5060", &f, want);
}

static void test_route_removed(void)
{
	check_routes("Route: <sip:t@us;lr>\r\n", 1, "");
	check_routes("Route: <sip:t@us;lr>\r\nRoute: <sip:x;lr>\r\n", 1, "Route: <sip:x;lr>\r\n");
	check_routes("Route: <sip:t@us;lr>, <sip:x;lr>;p=1 ,\"n\" <sip:y>\r\n", 1,
	             "Route: <sip:x;lr>;p=1\r\nRoute: \"n\" <sip:y>\r\n");
	check_routes("Route: <sip:t@us;lr>,<sip:t@us2;lr>\r\nRoute: <sip:x;lr>\r\n", 2, "Route: <sip:x;lr>\r\n");
	check_routes("Route: <sip:t@us;lr>\r\nRoute: <sip:t@us2;lr>,<sip:x;lr>\r\n", 2, "Route: <sip:x;lr>\r\n");
	check_routes("Route: <sip:x;lr>,  <sip:y>\r\n", 0, "Route: <sip:x;lr>,  <sip:y>\r\n");
	check_routes("Route: <sip:t@us;lr>\r\n", 5, "");
}

/* Section 16.6 step 6: the next hop is a strict router. */
static void test_strict(void)
{
	struct sip_forward f = {.via = OUR_VIA, .skip_routes = 1, .strict = true};
	check_request("BYE sip:callee@u2.example.com SIP/2.0\r\n" TOP
	              "Route: <sip:t@us;lr>,<sip:p3.middle.com;x=y>,<sip:p4;lr>\r\nFrom: <sip:a@b>;tag=1\r\n"
	              "To: <sip:c@d>\r\nCall-ID: e\r\n"
	              "CSeq: 1 BYE\r\n" MF70 "\r\n", "192.0.2.1:5060", &f,
	              "BYE sip:p3.middle.com;x=y SIP/2.0\r\n" OURS "Route: <sip:p4;lr>\r\n"
	              "Route: <sip:callee@u2.example.com>\r\n" TOP
	              "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 BYE\r\n" MF69 "\r\n");
}

static void test_no_room(void)
{
	static const struct sip_forward f = {.via = OUR_VIA};
	struct sip_text *t = sip_text_parse("INVITE sip:c@d SIP/2.0\r\n" TOP REST MF70 "\r\n");
	struct addr a = addr("192.0.2.1:5060");
	struct writer w = writer_of(out, sizeof out);
	CU_ASSERT(sip_write_request(&w, &t->m, &a, &f));
	size_t whole = writer_len(&w);
	for (size_t room = 0; room < whole; room++) {
		w = writer_of(out, room);
		CU_ASSERT_FALSE(sip_write_request(&w, &t->m, &a, &f));
		w = writer_of(out, room);
		CU_ASSERT(!sip_write_reply(&w, &t->m, &a, 503, "Service Unavailable", "tag", "") || room > 150);
	}
	w = writer_of(out, whole);
	CU_ASSERT(sip_write_request(&w, &t->m, &a, &f));
	sip_text_free(t);
}

/* ---- responses ---- */

static void check_response(const char *text, const char *expected)
{
	struct sip_text *t = sip_text_parse(text);
	struct writer w = writer_of(out, sizeof out);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	expect(&w, sip_write_response(&w, &t->m, NULL), expected);
	sip_text_free(t);
}

static void test_response(void)
{
	check_response("SIP/2.0 200  Fine,  thanks\r\n" OURS
	               "Via: SIP/2.0/UDP c;branch=z9hG4bKa;received=1.2.3.4\r\n" REST
	               "Record-Route: <sip:x;lr>\r\nX: \xd0\xbd\r\nm: <sip:q>\r\nContent-Length: 3\r\n\r\na\x01z",
	               "SIP/2.0 200  Fine,  thanks\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKa;received=1.2.3.4\r\n" REST
	               "Record-Route: <sip:x;lr>\r\nX: \xd0\xbd\r\nm: <sip:q>\r\nContent-Length: 3\r\n\r\na\x01z");
	check_response("SIP/2.0 180 Ringing\r\n" REST "v:" OUR_VIA " , SIP/2.0/UDP c:7 ;branch=z9hG4bKa\r\n"
	         "Via: SIP/2.0/TCP d\r\n\r\n",
	               "SIP/2.0 180 Ringing\r\n" REST "Via: SIP/2.0/UDP c:7;branch=z9hG4bKa\r\nVia: SIP/2.0/TCP d\r\n"
	               "\r\n");
	check_response("SIP/2.0 404 Not Found\r\n" OURS "Via: SIP/2.0/UDP c, SIP/2.0/UDP d\r\n" REST "\r\n",
	               "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP c, SIP/2.0/UDP d\r\n" REST "\r\n");
}

/* ---- answers of our own (section 8.2.6) ---- */

static void check_reply(const char *text, const char *source, int status, const char *phrase, const char *extra,
                        const char *expected)
{
	struct sip_text *t = sip_text_parse(text);
	struct writer w = writer_of(out, sizeof out);
	struct addr a = addr(source);
	CU_ASSERT_NOT_EQUAL_FATAL(t->parsed, SIP_UNANSWERABLE);
	expect(&w, sip_write_reply(&w, &t->m, &a, status, phrase, "ourtag", extra), expected);
	sip_text_free(t);
}

static void test_reply(void)
{
	check_reply("INVITE sip:c@d SIP/2.0\r\nSubject: x\r\nCSeq:  7 INVITE\r\nf: <sip:a@b>;tag=1\r\n"
	         "Via: SIP/2.0/UDP c;rport\r\n"
	            "To:\r\n <sip:c@d> \r\ni: e\r\nVia: SIP/2.0/TCP d, SIP/2.0/TCP e\r\nRecord-Route: <sip:x>\r\n"
	            "l: 3\r\n\r\nabc",
	            "192.0.2.7:6001", 503, "Service Unavailable", "Retry-After: 5\r\n",
	            "SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/UDP c;received=192.0.2.7;rport=6001\r\n"
	            "Via: SIP/2.0/TCP d, SIP/2.0/TCP e\r\nf: <sip:a@b>;tag=1\r\nTo:\r\n <sip:c@d>;tag=ourtag\r\n"
	            "i: e\r\n"
	            "CSeq:  7 INVITE\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
	/* the tag that is there stays; 100 gets none */
	check_reply("BYE sip:c@d SIP/2.0\r\n" TOP "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=theirs\r\nCall-ID: e\r\n"
	         "CSeq: 1 BYE\r\n\r\n",
	            "192.0.2.1:5060", 481, "Call/Transaction Does Not Exist", "",
	            "SIP/2.0 481 Call/Transaction Does Not Exist\r\n" TOP "From: <sip:a@b>;tag=1\r\n"
	            "To: <sip:c@d>;tag=theirs\r\n"
	            "Call-ID: e\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n");
	check_reply("INVITE sip:c@d SIP/2.0\r\n" TOP REST "\r\n", "192.0.2.1:5060", 100, "Trying", "",
	            "SIP/2.0 100 Trying\r\n" TOP REST "Content-Length: 0\r\n\r\n");
	/* also to what is refused with 400: the fields for an answer are there */
	check_reply("INVITE sip:c@d SIP/2.0\r\n" TOP REST "Content-Length: 99\r\n"
	         "\r\n", "192.0.2.1:5060", 400, "Bad Request", "",
	            "SIP/2.0 400 Bad Request\r\n" TOP "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=ourtag\r\n"
	            "Call-ID: e\r\nCSeq: 1 INVITE\r\n"
	            "Content-Length: 0\r\n\r\n");
}

/* Section 8.2.6.1: 100 repeats the Timestamp of its request. */
static void test_reply_timestamp(void)
{
	check_reply("INVITE sip:c@d SIP/2.0\r\n" TOP REST "Timestamp: 54.21 0.3\r\n"
	         "\r\n", "192.0.2.1:5060", 100, "Trying", "",
	            "SIP/2.0 100 Trying\r\n" TOP REST "Timestamp: 54.21 0.3\r\nContent-Length: 0\r\n\r\n");
}

/* ---- followers of a request that we sent ---- */

#define SENT                                                                                                    \
	"INVITE sip:+1555@region.example;user=phone SIP/2.0\r\n" OURS "Record-Route: <sip:t@us;lr>\r\n" TOP  \
	"Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>,<sip:p3;lr>\r\nf: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"     \
	"i: e\r\nCSeq: 77  INVITE\r\n"                                                                      \
	MF69 "Contact: <sip:x>\r\nRequire: 100rel\r\nContent-Length: 3\r\n\r\nabc"

static void test_cancel(void)
{
	struct sip_text *t = sip_text_parse(SENT);
	struct writer w = writer_of(out, sizeof out);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	/* section 9.1: Request-URI, Call-ID, To, number of CSeq, From, one Via, the Routes; no Require */
	expect(&w, sip_write_cancel(&w, &t->m, ""),
	       "CANCEL sip:+1555@region.example;user=phone SIP/2.0\r\n" OURS "Route: <sip:p1;lr>\r\n"
	       "Route: <sip:p2;lr>,<sip:p3;lr>\r\n"
	       MF70 "f: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\ni: e\r\nCSeq: 77 CANCEL\r\nContent-Length: 0\r\n\r\n");
	sip_text_free(t);
}

static void test_ack(void)
{
	struct sip_text *t = sip_text_parse(SENT);
	struct sip_text *r = sip_text_parse("SIP/2.0 486 Busy Here\r\n" OURS TOP "f: <sip:a@b>;tag=1\r\n"
	         "To: <sip:c@d> ; tag=theirs\r\n"
	                                    "i: e\r\nCSeq: 77 INVITE\r\n\r\n");
	struct writer w = writer_of(out, sizeof out);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL_FATAL(r->parsed, SIP_PARSED);
	/* section 17.1.1.3: the same, with the response's To */
	expect(&w, sip_write_ack(&w, &t->m, &r->m),
	       "ACK sip:+1555@region.example;user=phone SIP/2.0\r\n" OURS "Route: <sip:p1;lr>\r\n"
	       "Route: <sip:p2;lr>,<sip:p3;lr>\r\n"
	       MF70 "f: <sip:a@b>;tag=1\r\nTo: <sip:c@d> ; tag=theirs\r\ni: e\r\nCSeq: 77 ACK\r\nContent-Length: 0\r\n"
	       "\r\n");
	sip_text_free(t);
	sip_text_free(r);
}

/* What is written is SIP again, whatever came in. */
static void test_reads_again(void)
{
	static const char text[] = "INVITE tel:+1555 SIP/2.0\r\n"
	         "v:SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa,SIP/2.0/TCP x\r\n"
	                           "f:<sip:a@b>;tag=1\r\nt:<sip:c@d>\r\ni:e\r\nCSeq:1 INVITE\r\n"
	                           "Route: <sip:a;lr>,<sip:b>\r\nl:2\r\n\r\nab";
	struct sip_forward f = {.via = OUR_VIA, .ruri = "sip:+1555@r", .record_route = {"<sip:t@us;lr>"},
	         .skip_routes = 1};
	struct addr a = addr("[2001:db8::2]:5062");
	struct sip_text *t = sip_text_parse(text);
	struct writer w = writer_of(out, sizeof out);
	struct sip_via_view second;
	CU_ASSERT(sip_write_request(&w, &t->m, &a, &f));
	struct sip_text *again = sip_text_parse_n(out, writer_len(&w));
	CU_ASSERT_EQUAL_FATAL(again->parsed, SIP_PARSED);
	CU_ASSERT_STRING_EQUAL(again->m.via.branch, "z9hG4bKours");
	CU_ASSERT(sip_msg_second_via(&again->m, &second));
	CU_ASSERT_STRING_EQUAL(second.branch, "z9hG4bKa");
	CU_ASSERT_EQUAL(again->m.routes, 1);
	CU_ASSERT_EQUAL(again->m.max_forwards, 70);
	CU_ASSERT_STRING_EQUAL(again->m.ruri.user, "+1555");
	sip_text_free(t);
	sip_text_free(again);
}

UNIT_MAIN("sip_write", {"what is not ours to change", test_untouched}, {"the Request-URI as it came", test_request_uri}, {"blanks in the request line", test_request_line_blanks},
          {"received and rport", test_received}, {"received and rport forged", test_received_forged},
          {"Vias on one line", test_via_list}, {"Max-Forwards", test_max_forwards}, {"Record-Route", test_record_route},
          {"Routes of ours removed", test_route_removed}, {"a strict router next", test_strict},
          {"no room", test_no_room}, {"responses relayed", test_response}, {"answers of our own", test_reply},
          {"Timestamp in 100", test_reply_timestamp}, {"CANCEL", test_cancel}, {"ACK of a failure", test_ack},
          {"what is written reads again", test_reads_again})
