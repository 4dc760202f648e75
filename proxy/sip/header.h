/* One header field of a message by a name that only the configuration knows: from the text as it came, in any
 * case and in its compact form (RFC 3261 section 7.3). Pure; any thread. */
#ifndef PROXY_SIP_HEADER_H
#define PROXY_SIP_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* The value of the first field of that name, folding undone, blanks around it off, cut to `size`. False: there
 * is none, and `value` is "". */
bool sip_header_find(const char *message, size_t len, const char *name, char *value, size_t size);

/* The same of one line, those that it goes on in among it: whether its name is that one, and its value. */
bool sip_header_is(const char *line, size_t len, const char *name);
void sip_header_value(const char *line, size_t len, char *value, size_t size);

#endif
