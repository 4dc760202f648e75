/* SIP texts for tests: parsed from a block of memory of exactly their size, so that a sanitizer sees a
 * byte read too many. */
#ifndef TESTS_SIP_TEXT_H
#define TESTS_SIP_TEXT_H

#include "proxy/sip/message.h"

#include <stdlib.h>
#include <string.h>

struct sip_text {
	struct sip_msg m;
	enum sip_parsed parsed;
	const char *why;
	char *data;
};

static inline struct sip_text *sip_text_parse_n(const void *text, size_t len)
{
	struct sip_text *t = calloc(1, sizeof *t);
	sip_init();  /* once or often is the same */
	t->data = malloc(len + 1);
	memcpy(t->data, text, len);
	t->data[len] = 'X';  /* the byte the parser may have is no terminator yet */
	t->parsed = sip_parse(&t->m, t->data, len, &t->why);
	return t;
}

static inline struct sip_text *sip_text_parse(const char *text) { return sip_text_parse_n(text, strlen(text)); }

static inline void sip_text_free(struct sip_text *t)
{
	sip_release(&t->m);
	free(t->data);
	free(t);
}

#endif
