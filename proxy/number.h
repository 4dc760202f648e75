/* Telephone numbers as carriers write them, to E.164 ("+15551234567"), by a trunk's dial plan. */
#ifndef PROXY_NUMBER_H
#define PROXY_NUMBER_H

#include <stddef.h>

#define NUMBER_LEN 32

struct number_plan {
	char country[8];             /* digits; "": national numbers stay as they are */
	char international[4][8];    /* what is dialled for the plus: 00, 011 */
	unsigned n_international;
	char national[8];            /* what is dialled before a national number: 0, 1; "": nothing */
};

/* What is usual in a country: 011 and 1 where its code is 1, else 00 and 0. */
struct number_plan number_plan(const char *country);

/* `user` is the user part of a SIP or tel URI; visual separators and parameters are left out, the plan's prefixes
 * are understood. What is no number, or a short code (fewer than 7 digits), or has no country to go by, is copied
 * as it is, cut to the size. Any thread. Returns out. */
const char *number_normalise(const char *user, const struct number_plan *plan, char out[NUMBER_LEN]);

/* As the log shows it when numbers are masked: the last four digits become 'x'. In place. */
void number_mask(char *number);

#endif
