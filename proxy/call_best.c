/* Which of the failures that a call has met its caller hears of, when no region is left (RFC 3261 section 16.7 step 6).
 * What regions have said goes before what they have not: silence is only this node's guess of a 408. */
#include <stdlib.h>
#include <string.h>

#include "proxy/call_internal.h"

/* The callee's own word for all places, then by class; within one those first that say what to change in the request,
 * and a 503 last, which speaks of its sender alone. The least is the best. */
static unsigned rank(int status)
{
	if (status >= 600)
		return 0;
	switch (status) {
	case 401: case 407: case 415: case 420: case 484: return 40;
	case 503: return 52;
	default: return (unsigned)status / 100 * 10 + 1;
	}
}

void call_best_keep(struct call *c, const struct sip_msg *resp)
{
	if (c->best && rank(c->best->status) <= rank(resp->status))
		return;
	struct call_best *best = malloc(sizeof *best + resp->len + 1);
	if (!best)
		return;
	best->status = resp->status;
	best->len = (uint32_t)resp->len;
	memcpy(best->text, resp->data, resp->len);
	free(c->best);
	c->best = best;
}

int call_best_unheard(const struct call *c)
{
	for (unsigned i = 0; i < c->n_branches; i++)
		if (!c->branches[i].log.unreachable)
			return 408;  /* section 16.8; and where there is no response at all, section 16.7 step 6 */
	return 500;              /* section 16.9: each as if it had said 503 */
}
