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

/* Where a message crosses the edge between a trunk and the rest, and which way. A value; good as long as its rules are. */
struct trunk_edge {
	const struct trunk_rules *rules;  /* NULL: no trunk is known, nothing is changed */
	bool out;                         /* it is on its way to the trunk */
};
/* The way of the answer. */
struct trunk_edge trunk_edge_back(struct trunk_edge edge);
/* What is changed in this message, each NULL or an edit of the rules': by the header rules; and by the edge of the trust
 * domain, where the trunk is outside: inwards, identities that only a trusted side may assert are left out, outwards those
 * that the caller wants kept within (Privacy: id). What rules add, they add to the INVITE that begins a call. */
void trunk_edge_edits(struct trunk_edge edge, const struct sip_msg *m, const struct sip_edit *edits[2]);

#endif
