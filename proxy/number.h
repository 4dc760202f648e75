/* Telephone numbers as carriers write them, to E.164 ("+15551234567"), by a trunk's default country. */
#ifndef PROXY_NUMBER_H
#define PROXY_NUMBER_H

#include <stddef.h>

#define NUMBER_LEN 32

/* `user` is the user part of a SIP or tel URI; visual separators and parameters are left out, an
 * international prefix (00, or 011 where the country is 1) and a national one (0, or 1) are understood.
 * What is no number, or a short code (fewer than 7 digits), or has no country to go by, is copied as
 * it is, cut to the size. Any thread. Returns out. */
const char *number_normalise(const char *user, const char *country, char out[NUMBER_LEN]);

/* As the log shows it when numbers are masked: the last four digits become 'x'. In place. */
void number_mask(char *number);

#endif
