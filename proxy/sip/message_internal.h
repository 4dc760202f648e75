/* What the files that parse share: message.c (what both have in common), plain.c, grammar.c. */
#ifndef PROXY_SIP_MESSAGE_INTERNAL_H
#define PROXY_SIP_MESSAGE_INTERNAL_H

#include "proxy/sip/message.h"

/* Fills in *m, whose data and len are set, when it is of plain shape: then it is SIP_PARSED. False says nothing of the
 * message, and *m is as it was but for its plain_ parts. */
bool sip_plain(struct sip_msg *m);
void sip_plain_init(void);

/* The whole grammar, for what is not of plain shape; as sip_parse(). `data` is m->data. */
enum sip_parsed sip_grammar(struct sip_msg *m, char *data, const char **why);
int sip_grammar_init(void);
void sip_grammar_release(struct sip_msg *m);

/* By its name as it came: case matters (RFC 3261 section 7.1). */
enum sip_method sip_method_of(const char *name);
/* The port of a URI where none is said. */
uint16_t sip_uri_default_port(const char *scheme, const char *params);

#endif
