/* proxy/sip/oc: what a neighbour that takes part in overload control is told, and that nobody else is. */
#include "proxy/sip/oc.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct oc busy = {.percent = 20, .validity_ms = 500, .seq_us = 1282321615782123}, calm = {.seq_us = 1000500000};
#define SAYS ";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=1282321615.782"

/* A response with these Via lines; what comes of it, or "". */
static const char *answer(const char *vias, const struct oc *oc)
{
	static char out[1024];
	char text[1024];
	int n = snprintf(text, sizeof text, "SIP/2.0 200 OK\r\n%s\r\nTo: <sip:a@b;oc>;tag=1\r\nVia: SIP/2.0/UDP last;oc\r\n\r\nbody;oc", vias);
	char *exact = malloc((size_t)n);  /* of its size, so that a byte read too many is seen */
	memcpy(exact, text, (size_t)n);
	size_t len = oc_answer(exact, (size_t)n, oc, out, sizeof out - 1);
	free(exact);
	out[len] = 0;
	return out;
}

static void expect(const char *vias, const char *wanted)
{
	char whole[1024] = "";
	if (*wanted)
		snprintf(whole, sizeof whole, "SIP/2.0 200 OK\r\n%s\r\nTo: <sip:a@b;oc>;tag=1\r\nVia: SIP/2.0/UDP last;oc\r\n\r\nbody;oc", wanted);
	CU_ASSERT_STRING_EQUAL(answer(vias, &busy), whole);
}

static void test_asked(void)
{
	expect("Via: SIP/2.0/UDP a:5060;branch=z9hG4bKx;oc", "Via: SIP/2.0/UDP a:5060;branch=z9hG4bKx" SAYS);
	expect("Via: SIP/2.0/UDP a;oc;branch=z9hG4bKx;oc-algo=\"loss,A;B\";received=1.2.3.4",
	       "Via: SIP/2.0/UDP a;branch=z9hG4bKx;received=1.2.3.4" SAYS);
	expect("v: SIP/2.0/UDP a;OC;branch=z9hG4bKx", "v: SIP/2.0/UDP a;branch=z9hG4bKx" SAYS);
	expect("From: <sip:c@d>\r\nVia: SIP/2.0/UDP a;oc, SIP/2.0/UDP b;oc", "From: <sip:c@d>\r\nVia: SIP/2.0/UDP a" SAYS ", SIP/2.0/UDP b;oc");
	CU_ASSERT_PTR_NOT_NULL(strstr(answer("Via: SIP/2.0/UDP a;oc", &calm), ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=1000.500\r\n"));
}

static void test_not_asked(void)
{
	expect("Via: SIP/2.0/UDP a:5060;branch=z9hG4bKx", "");
	expect("Via: SIP/2.0/UDP a, SIP/2.0/UDP b;oc", "");  /* not the neighbour's */
	expect("Via: SIP/2.0/UDP a;x=\";oc\"", "");
	expect("Via: SIP/2.0/UDP a;ocean", "");
	expect("Via: SIP/2.0/UDP a;oc=10", "");             /* what a server says is not what a client asks */
	char out[8];
	CU_ASSERT_EQUAL(oc_answer("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;oc\r\n\r\n", 43, &busy, out, sizeof out), 0);
	CU_ASSERT_EQUAL(oc_answer("SIP/2.0 200 OK\r\n\r\n", 18, &busy, out, sizeof out), 0);
	CU_ASSERT_EQUAL(oc_answer("x", 1, &busy, out, sizeof out), 0);
}

UNIT_MAIN("oc", {"asked", test_asked}, {"not asked", test_not_asked})
