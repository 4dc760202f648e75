/* Rules, first match wins, over trunk, called and calling number.
 *
 * Compiled form: one compact record a rule, in the order written, tried one after the other. An empty
 * trunk or pattern costs no comparison: it is a prefix of length zero, resp. a flag. The records keep
 * their text inline, so that a scan walks memory forward and follows no pointer. That serves hundreds
 * of rules; nothing outside of this file knows the form. */
#include "policy/match.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_E164_DIGITS 15

struct pattern {
	uint8_t len;
	bool whole;          /* a whole number, not a prefix */
	char text[32];
};

struct match_rule {
	uint8_t trunk_len;   /* 0: any trunk */
	char trunk[POLICY_NAME_LEN];
	struct pattern to, from;
};

struct match {
	unsigned n;
	struct match_rule rules[];
};

bool match_pattern_ok(const char *pattern)
{
	bool plus = *pattern == '+';
	const char *p = pattern + plus;
	unsigned digits = 0;

	while (isdigit((unsigned char)*p)) {
		p++;
		digits++;
	}
	bool prefix = *p == '*';
	if (p[prefix] != '\0')
		return false;
	if (plus && digits > MATCH_E164_DIGITS)
		return false;
	/* What has no digit must be empty, "*" or "+*": a lone "+" is a slip of the pen. */
	return digits > 0 || prefix || !plus;
}

static struct pattern pattern_compile(const char *text)
{
	struct pattern out = {.len = (uint8_t)strlen(text)};

	if (out.len == 0)
		return out;
	out.whole = text[out.len - 1] != '*';
	out.len -= !out.whole;
	memcpy(out.text, text, out.len);
	return out;
}

static bool pattern_matches(const struct pattern *pattern, const char *number, size_t len)
{
	if (pattern->whole ? len != pattern->len : len < pattern->len)
		return false;
	return memcmp(pattern->text, number, pattern->len) == 0;
}

struct match *match_new(const struct policy_rule_config *rules, unsigned n_rules)
{
	struct match *match = calloc(1, sizeof(*match) + n_rules * sizeof(match->rules[0]));

	if (match == NULL)
		return NULL;
	match->n = n_rules;
	for (unsigned i = 0; i < n_rules; i++) {
		struct match_rule *r = &match->rules[i];

		r->trunk_len = (uint8_t)strlen(rules[i].trunk);
		memcpy(r->trunk, rules[i].trunk, r->trunk_len);
		r->to = pattern_compile(rules[i].to);
		r->from = pattern_compile(rules[i].from);
	}
	return match;
}

void match_free(struct match *match)
{
	free(match);
}

int match_find(const struct match *match, const struct policy_query *query)
{
	size_t trunk_len = strlen(query->trunk), to_len = strlen(query->to), from_len = strlen(query->from);

	for (unsigned i = 0; i < match->n; i++) {
		const struct match_rule *r = &match->rules[i];

		if (r->trunk_len != 0 &&
		    (r->trunk_len != trunk_len || memcmp(r->trunk, query->trunk, trunk_len) != 0))
			continue;
		if (pattern_matches(&r->to, query->to, to_len) && pattern_matches(&r->from, query->from, from_len))
			return (int)i;
	}
	return -1;
}
