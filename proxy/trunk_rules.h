/* What a trunk may do, and what happens to its messages: called prefixes, source ports, its dial plan, its header
 * rules, and the trust edge (RFC 3323, 3325). Built once, then immutable: any thread. */
#ifndef PROXY_TRUNK_RULES_H
#define PROXY_TRUNK_RULES_H

#include "proxy/number.h"
#include "proxy/sip/message.h"
#include "proxy/trunk_config.h"

struct trunk_rules;

/* Copies all it needs. NULL without memory. */
struct trunk_rules *trunk_rules_new(const struct trunk_options *options, const char *default_country);
void trunk_rules_free(struct trunk_rules *rules);

const struct number_plan *trunk_rules_plan(const struct trunk_rules *rules);
/* Who a client certificate has to be of; "": none is wanted. */
const char *trunk_rules_subject(const struct trunk_rules *rules);
bool trunk_rules_port(const struct trunk_rules *rules, uint16_t port);
/* Whether `number`, normalised, may be called. */
bool trunk_rules_called(const struct trunk_rules *rules, const char *number);
/* The header rules for the INVITE of a new call, or NULL. */
const struct sip_edit *trunk_rules_edit(const struct trunk_rules *rules);

/* How a message crosses the edge of the trust domain. */
enum trunk_edge { TRUNK_EDGE_NONE, TRUNK_EDGE_IN, TRUNK_EDGE_OUT };
/* How what the trunk sends crosses; what is sent to it crosses the other way. */
enum trunk_edge trunk_rules_edge(const struct trunk_rules *rules);
enum trunk_edge trunk_edge_back(enum trunk_edge edge);
/* What that takes out of this message, or NULL: inwards, identities that only a trusted side may assert; outwards,
 * those that the caller wants kept within (Privacy: id). */
const struct sip_edit *trunk_edge_edit(enum trunk_edge edge, const struct sip_msg *m);

#endif
