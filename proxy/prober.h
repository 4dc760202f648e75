/* Probes: an OPTIONS (RFC 3261 section 11) to every target at a steady interval, from the node's own
 * egress address, gives health and round trip. Targets are shared out among the workers; each probe
 * is a transaction of the worker that sends it. Worker thread. */
#ifndef PROXY_PROBER_H
#define PROXY_PROBER_H

struct prober;
struct worker;

/* For the targets that fall to this worker. NULL without memory. */
struct prober *prober_new(struct worker *w);
void prober_start(struct prober *prober);
/* The worker's table is another one: targets that stay are probed on as they were, new ones at once. */
void prober_on_table(struct prober *prober);
void prober_free(struct prober *prober);

#endif
