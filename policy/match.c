/* Rules, first match wins: the way of a call through the compiled form (match_form.h). It allocates
 * nothing and looks at each thing the call has once. */
#include "policy/match.h"

#include <ctype.h>
#include <string.h>

#include "policy/match_form.h"

#define MATCH_E164_DIGITS 15

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

/* One search: the query, what is worked out of it once, and the best so far. */
struct search {
	const struct match *m;
	const struct policy_query *q;
	uint32_t trunk, best;
	size_t to_len, from_len;
	uint64_t minutes_known;      /* bit of each zone */
	uint16_t minutes[POLICY_ZONES_MAX + 1];
};

static bool numbers_match(const struct match *m, uint32_t at, uint32_t n, const char *number, size_t len)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct pattern *p = &m->patterns[at + i];

		if ((p->whole ? len == p->len : len >= p->len) && memcmp(p->text, number, p->len) == 0)
			return true;
	}
	return n == 0;
}

static bool header_matches(const struct match_rule *r, const struct policy_query *q)
{
	const char *value = q->headers != NULL ? q->headers[r->header - 1] : NULL;

	if (value == NULL)
		return false;
	return r->value_prefix ? strncmp(value, r->value, r->value_len) == 0 : strcmp(value, r->value) == 0;
}

static bool time_matches(struct search *s, const struct match_rule *r)
{
	if ((s->minutes_known >> r->zone & 1) == 0) {
		s->minutes[r->zone] = match_minute(s->m, r->zone, s->q->wall_us);
		s->minutes_known |= UINT64_C(1) << r->zone;
	}
	return match_in_spans(&s->m->spans[r->spans], r->n_spans, s->minutes[r->zone]);
}

/* What led to the rule is right already. */
static bool rule_matches(struct search *s, const struct match_rule *r, enum match_home by)
{
	if (by != HOME_TO && !numbers_match(s->m, r->to, r->n_to, s->q->to, s->to_len))
		return false;
	if (by != HOME_FROM && !numbers_match(s->m, r->from, r->n_from, s->q->from, s->from_len))
		return false;
	if (r->header != 0 && !header_matches(r, s->q))  /* also by it: two values may have one key */
		return false;
	if (r->n_spans != 0 && !time_matches(s, r))
		return false;
	return r->share >= 1 || chance_unit(chance_mix(s->q->random ^ r->key)) < r->share;
}

static void search_list(struct search *s, const struct list *list, enum match_home by)
{
	const struct posting *p = &s->m->postings[list->at], *end = p + list->n;

	for (; p < end && p->rule < s->best; p++) {
		if (p->trunk != 0 && p->trunk != s->trunk)
			continue;
		if (!p->more || rule_matches(s, &s->m->rules[p->rule], by))
			s->best = p->rule;
	}
}

static void search_number(struct search *s, const struct trie *trie, const char *number, enum match_home by)
{
	const struct trie_step *step = trie->steps;

	if (!trie->used)
		return;
	for (;; number++) {
		if (step->prefix.n != 0)
			search_list(s, &step->prefix, by);
		int digit = trie_digit(*number);
		if (digit < 0)
			break;
		if (step->child[digit] == 0)
			return;
		step = &trie->steps[step->child[digit]];
	}
	if (*number == '\0')
		search_list(s, &step->whole, by);
}

static void search_headers(struct search *s)
{
	for (unsigned i = 0; i < s->m->n_headers; i++) {
		uint32_t slot = 0;

		if (s->q->headers[i] != NULL)
			slot = match_keyed(s->m, match_header_key(i, s->q->headers[i]));
		if (slot != 0)
			search_list(s, &s->m->slots[slot].list, HOME_HEADER);
	}
}

uint32_t match_trunk_id(const struct match *m, const char *name)
{
	uint32_t id = m->slots[match_keyed(m, match_trunk_key(name))].trunk;

	return id != 0 && strcmp(m->trunks[id - 1], name) == 0 ? id : 0;
}

int match_find(const struct match *match, const struct policy_query *query)
{
	struct search s = {.m = match, .q = query, .best = match->n_rules};

	s.minutes_known = 0;
	s.to_len = strlen(query->to);
	s.from_len = strlen(query->from);
	if (match->n_trunks != 0)
		s.trunk = match_trunk_id(match, query->trunk);
	search_list(&s, &match->slots[0].list, HOME_NONE);
	if (match->keyed_trunks && s.trunk != 0)
		search_list(&s, &match->slots[match_keyed(match, match_trunk_key(query->trunk))].list, HOME_TRUNK);
	if (match->keyed_headers && query->headers != NULL)
		search_headers(&s);
	search_number(&s, &match->to, query->to, HOME_TO);
	search_number(&s, &match->from, query->from, HOME_FROM);
	return s.best < match->n_rules ? (int)s.best : -1;
}

const char *match_header(const struct match *match, unsigned index)
{
	return index < match->n_headers ? match->headers[index] : NULL;
}
