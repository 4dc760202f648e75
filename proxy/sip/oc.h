/* Overload control with the neighbour that a response goes to (RFC 7339): who says in his Via that he takes part hears
 * there which share of his new calls to keep back, before they cost anything here. Pure; any thread. */
#ifndef PROXY_SIP_OC_H
#define PROXY_SIP_OC_H

#include <stddef.h>
#include <stdint.h>

struct oc {
	unsigned percent;            /* to be kept back; 0: none, and no need to count on it */
	uint32_t validity_ms;
	int64_t seq_us;              /* grows with each change: wall clock */
};

/* The response `text` with what `oc` says in its topmost Via, in place of the client's oc parameters: its length, in out[].
 * 0: that Via does not ask (section 4.1), or there is no room. */
size_t oc_answer(const char *text, size_t len, const struct oc *oc, char *out, size_t size);

#endif
