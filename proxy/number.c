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

struct number_plan number_plan(const char *country)
{
	struct number_plan p = {.n_international = *country != 0};
	bool nanp = !strcmp(country, "1");
	snprintf(p.country, sizeof p.country, "%s", country);
	snprintf(p.international[0], sizeof p.international[0], "%s", nanp ? "011" : "00");
	snprintf(p.national, sizeof p.national, "%s", nanp ? "1" : "0");
	return p;
}

/* Behind the international prefix, or NULL. */
static const char *international(const struct number_plan *plan, const char *d)
{
	for (unsigned i = 0; i < plan->n_international; i++) {
		size_t n = strlen(plan->international[i]);
		if (n && !strncmp(d, plan->international[i], n) && d[n])
			return d + n;
	}
	return NULL;
}

/* Behind the national prefix, where one is dialled. In North America it is also how an area code never begins, and
 * ten digits follow: anything else that begins with it is something else. */
static const char *national(const struct number_plan *plan, const char *d)
{
	size_t n = strlen(plan->national);
	if (!n || strncmp(d, plan->national, n) != 0)
		return d;
	return strcmp(plan->country, "1") != 0 || strlen(d) == n + 10 ? d + n : d;
}

const char *number_normalise(const char *user, const struct number_plan *plan, char out[NUMBER_LEN])
{
	char d[DIGITS_LEN];
	bool plus;
	if (!digits_of(user, &plus, d))
		return plain(user, out);
	const char *rest = plus ? d : strlen(d) < 7 ? NULL : international(plan, d);
	if (rest)
		snprintf(out, NUMBER_LEN, "+%s", rest);
	else if (!*plan->country || strlen(d) < 7)
		return plain(user, out);
	else
		snprintf(out, NUMBER_LEN, "+%s%s", plan->country, national(plan, d));
	return out;
}

void number_mask(char *number)
{
	size_t n = strlen(number);
	for (size_t i = n > 4 ? n - 4 : 0; i < n; i++)
		if (isdigit((unsigned char)number[i]))
			number[i] = 'x';
}
