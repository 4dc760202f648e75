/* What the tests of proxy/call share, on the worker of proxy_rig.h: the one caller's requests and the regions'
 * answers, and what a call leaves behind: its records and the figures that it counts in. Included by one test
 * file each. */
#ifndef TESTS_CALL_RIG_H
#define TESTS_CALL_RIG_H

#include "tests/unit/proxy_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- the caller's side ---- */

static inline char *caller(const char *method, const char *branch, const char *to_tag, const char *extra)
{
	static char text[8][2048];
	static unsigned turn;
	char *out = text[turn++ % 8];
	const char *number = strcmp(method, "ACK") && strcmp(method, "CANCEL") ? method : "INVITE";
	snprintf(out, sizeof text[0],
	         "%s sip:18005551234@203.0.113.10;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
	         "Max-Forwards: 70\r\nFrom: <sip:5550001111@192.0.2.1>;tag=alice\r\n"
	         "To: <sip:18005551234@203.0.113.10>%s%s\r\n"
	         "Call-ID: a84b4c76e66710\r\nCSeq: %d %s\r\n%sContent-Length: 0\r\n\r\n",
	         method, branch, *to_tag ? ";tag=" : "", to_tag, !strcmp(number, "INVITE") ? 1 : 2, method, extra);
	return out;
}

#define B "z9hG4bKalice"
#define CONTACT "Contact: <sip:alice@192.0.2.1:5060>\r\n"

static inline void invite(void) { rig_receive(CARRIER, caller("INVITE", B, "", CONTACT)); }
static inline void cancel(void) { rig_receive(CARRIER, caller("CANCEL", B, "", "")); }
static inline void ack(const char *to_tag) { rig_receive(CARRIER, caller("ACK", B, to_tag, "")); }

/* The INVITE has come: 100 to the caller, and it is at `region`. */
static inline const char *begin_call(const char *region)
{
	invite();
	rig_expect(CARRIER, "SIP/2.0 100 Trying\r\n");
	return rig_expect(region, "INVITE ");
}

static inline void answer(const char *region, const char *request, int status)
{
	rig_receive(region, rig_response(request, status, strcmp(region, EAST) ? "west" : "east",
	                                 status / 100 == 2 ? "Contact: <sip:bob@198.51.100.21:5060>\r\n" : ""));
}

/* ---- what is left behind ---- */

static inline const struct record *expect_record(enum record_kind kind)
{
	static const struct record none;
	const struct record *r = rig_record();
	CU_ASSERT_PTR_NOT_NULL(r);
	CU_ASSERT_EQUAL(r ? r->kind : 99, kind);
	return r ? r : &none;
}

static inline void expect_route(int chosen, unsigned attempt)
{
	const struct record *r = expect_record(RECORD_ROUTE);
	CU_ASSERT_EQUAL(r->route.chosen, chosen);
	CU_ASSERT_EQUAL(r->route.attempt, attempt);
}

static inline const struct record *expect_end(enum record_outcome outcome, unsigned status, uint32_t flags)
{
	const struct record *r = expect_record(RECORD_END);
	CU_ASSERT_EQUAL(r->end.outcome, outcome);
	CU_ASSERT_EQUAL(r->end.status, status);
	CU_ASSERT_EQUAL(r->end.flags, flags);
	CU_ASSERT_EQUAL(rig_stat(STAT_CALLS_ANSWERED + (enum stat_counter)outcome), 1);
	return r;
}

static inline void expect_no_record(void) { CU_ASSERT_PTR_NULL(rig_record()); }

static inline struct region_live *live(unsigned region) { return rig_worker->common->table->regions[region].live; }
static inline struct trunk_live *trunk(void) { return rig_worker->common->table->trunks[0].live; }

static inline void bye_of(const char *sent, const char *tag)
{
	char text[2048];
	snprintf(text, sizeof text,
	         "BYE sip:bob@198.51.100.21 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye%s\r\nRoute: %s\r\n"
	         "From: <sip:x@y>;tag=alice\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: a84b4c76e66710\r\nCSeq: 2 BYE\r\n"
	         "\r\n", tag, rig_header(sent, "Record-Route", 0), tag);
	rig_receive(CARRIER, text);
	rig_expect(EAST, "BYE ");
}

#endif
