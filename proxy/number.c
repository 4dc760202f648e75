/* Numbers: see number.h. */
#include "proxy/number.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_LEN 24  /* E.164 has at most 15 digits; prefixes come on top */

/* Digits of `user` into d, a leading '+' kept apart; false when something else is in it. */
static bool digits_of(const char *user, bool *plus, char d[DIGITS_LEN])
{
	size_t n = 0;
	*plus = *user == '+';
	if (*plus)
		user++;
	for (; *user && *user != ';'; user++) {
		if (isdigit((unsigned char)*user) && n < DIGITS_LEN - 1)
			d[n++] = *user;
		else if (!strchr("-.() ", *user))
			return false;
	}
	d[n] = 0;
	return n > 0;
}

static const char *plain(const char *user, char out[NUMBER_LEN])
{
	size_t n = strcspn(user, ";");
	snprintf(out, NUMBER_LEN, "%.*s", (int)(n < NUMBER_LEN ? n : NUMBER_LEN - 1), user);
	return out;
}

const char *number_normalise(const char *user, const char *country, char out[NUMBER_LEN])
{
	char d[DIGITS_LEN];
	bool plus, nanp = !strcmp(country, "1");
	if (!digits_of(user, &plus, d))
		return plain(user, out);
	size_t n = strlen(d);
	const char *cc = "", *rest = d;
	if (plus)
		rest = d;
	else if (!*country || n < 7)
		return plain(user, out);
	else if (nanp && !strncmp(d, "011", 3))
		rest = d + 3;
	else if (!nanp && !strncmp(d, "00", 2))
		rest = d + 2;
	else if (nanp && n == 11 && d[0] == '1')
		rest = d;
	else if (!nanp && d[0] == '0')
		cc = country, rest = d + 1;
	else
		cc = country;
	snprintf(out, NUMBER_LEN, "+%.6s%s", cc, rest);
	return out;
}

void number_mask(char *number)
{
	size_t n = strlen(number);
	for (size_t i = n > 4 ? n - 4 : 0; i < n; i++)
		if (isdigit((unsigned char)number[i]))
			number[i] = 'x';
}
