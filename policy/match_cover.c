/* Rules that can never match, because rules before them take all of their calls. One rule takes every call
 * of another with one number where it asks for no more than the other in each respect; a rule with many
 * numbers is dead when that is so for each of them, by whichever rule. Hours and draws count: half of the
 * calls are not all. Whoever loads a configuration; any thread. */
#include <string.h>

#include "policy/match_form.h"

/* Does every number that fits `narrow` fit `wide`? */
static bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
	if (wide->whole)
		return narrow->whole && narrow->len == wide->len && memcmp(wide->text, narrow->text, wide->len) == 0;
	return narrow->len >= wide->len && memcmp(wide->text, narrow->text, wide->len) == 0;
}

/* `narrow` NULL: any number at all. */
static bool numbers_cover(const struct match *m, uint32_t at, uint32_t n, const struct pattern *narrow)
{
	static const struct pattern any = {0};

	for (uint32_t i = 0; i < n; i++) {
		if (pattern_covers(&m->patterns[at + i], narrow != NULL ? narrow : &any))
			return true;
	}
	return n == 0;
}

/* Each of a list. */
static bool lists_cover(const struct match *m, const struct match_rule *wide, const struct match_rule *narrow)
{
	for (uint32_t i = 0; i < narrow->n_from; i++) {
		if (!numbers_cover(m, wide->from, wide->n_from, &m->patterns[narrow->from + i]))
			return false;
	}
	return narrow->n_from != 0 || numbers_cover(m, wide->from, wide->n_from, NULL);
}

static bool header_covers(const struct match_rule *wide, const struct match_rule *narrow)
{
	if (wide->header == 0)
		return true;
	if (wide->header != narrow->header)
		return false;
	if (!wide->value_prefix)
		return !narrow->value_prefix && strcmp(wide->value, narrow->value) == 0;
	return narrow->value_len >= wide->value_len && memcmp(wide->value, narrow->value, wide->value_len) == 0;
}

static bool time_covers(const struct match *m, const struct match_rule *wide, const struct match_rule *narrow)
{
	if (wide->n_spans == 0)
		return true;
	return narrow->n_spans != 0 && wide->zone == narrow->zone &&
	       match_spans_cover(&m->spans[wide->spans], wide->n_spans, &m->spans[narrow->spans], narrow->n_spans);
}

/* All of the calls of `narrow` with a number called that fits `to` (NULL: any). */
static bool rule_covers(const struct match *m, const struct match_rule *wide, const struct match_rule *narrow,
                        const struct pattern *to)
{
	return (wide->trunk == 0 || wide->trunk == narrow->trunk) && wide->share >= 1 &&
	       numbers_cover(m, wide->to, wide->n_to, to) && lists_cover(m, wide, narrow) &&
	       header_covers(wide, narrow) && time_covers(m, wide, narrow);
}

static int list_shadow(const struct match *m, const struct list *list, uint32_t index, const struct pattern *to)
{
	const struct posting *p = &m->postings[list->at], *end = p + list->n;

	for (; p < end && p->rule < index; p++) {
		if (rule_covers(m, &m->rules[p->rule], &m->rules[index], to))
			return (int)p->rule;
	}
	return -1;
}

/* Along the way to a pattern (NULL: the root alone). */
static int trie_shadow(const struct match *m, const struct trie *t, const struct pattern *way, uint32_t index,
                       const struct pattern *to)
{
	const struct trie_step *step = t->steps;
	int by = -1;

	for (unsigned i = 0;; i++) {
		if ((by = list_shadow(m, &step->prefix, index, to)) >= 0)
			return by;
		if (way == NULL || i == way->len)
			break;
		uint32_t next = step->child[trie_digit(way->text[i])];
		if (next == 0)
			return -1;
		step = &t->steps[next];
	}
	return way != NULL && way->whole ? list_shadow(m, &step->whole, index, to) : -1;
}

static int number_shadow(const struct match *m, uint32_t index, const struct pattern *to)
{
	const struct match_rule *r = &m->rules[index];
	const struct pattern *from = r->n_from != 0 ? &m->patterns[r->from] : NULL;
	int by = list_shadow(m, &m->slots[0].list, index, to);

	if (by < 0 && r->trunk != 0)
		by = list_shadow(m, &m->slots[match_keyed(m, match_trunk_key(m->trunks[r->trunk - 1]))].list, index, to);
	if (by < 0 && r->header != 0 && !r->value_prefix)
		by = list_shadow(m, &m->slots[match_keyed(m, match_header_key(r->header - 1U, r->value))].list, index, to);
	if (by < 0)
		by = trie_shadow(m, &m->to, to, index, to);
	return by >= 0 ? by : trie_shadow(m, &m->from, from, index, to);
}

int match_shadow(const struct match *match, unsigned index)
{
	const struct match_rule *r = &match->rules[index];
	int by = -1;

	if (r->n_to == 0)
		return number_shadow(match, index, NULL);
	for (uint32_t i = 0; i < r->n_to; i++) {
		by = number_shadow(match, index, &match->patterns[r->to + i]);
		if (by < 0)
			return -1;
	}
	return by;
}
