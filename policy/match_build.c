/* Compiles the rules (form: match_form.h), in two passes: the first makes the slots that rules could live
 * in and counts who could live where, the second gives each rule its home and lays the lists out one
 * after the other. Memory is all there is to fail. Whoever loads a configuration; any thread. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/match_form.h"

/* ---- room ---- */

/* Room for `n` more of `size` in an array that grows by doubling. */
static bool grow(void *array, uint32_t *room, uint64_t wanted, size_t size)
{
	void *p, **at = array;
	uint64_t more = *room != 0 ? *room : 64;

	if (wanted <= *room)
		return true;
	while (more < wanted)
		more *= 2;
	p = more < UINT32_MAX ? reallocarray(*at, more, size) : NULL;
	if (p == NULL)
		return false;
	*at = p;
	*room = (uint32_t)more;
	return true;
}

struct build {
	struct match *m;
	uint32_t slots_room, n_spans, n_patterns, n_keyed;
	bool no_memory;
};

static uint32_t slot_new(struct build *b)
{
	if (!grow(&b->m->slots, &b->slots_room, (uint64_t)b->m->n_slots + 1, sizeof(b->m->slots[0]))) {
		b->no_memory = true;
		return 0;
	}
	b->m->slots[b->m->n_slots] = (struct slot){0};
	return b->m->n_slots++;
}

/* ---- keys ---- */

/* The slot of a key, made if need be. */
static uint32_t key_slot(struct build *b, uint64_t key)
{
	struct match *m = b->m;
	uint32_t i = (uint32_t)(key >> 32);

	while (m->keyed[i & m->keyed_mask].key != 0 && m->keyed[i & m->keyed_mask].key != key)
		i++;
	struct keyed *k = &m->keyed[i & m->keyed_mask];
	if (k->key == 0)
		*k = (struct keyed){key, slot_new(b)};
	return k->slot;
}

static uint32_t trunk_add(struct build *b, const char *name)
{
	struct slot *slot = &b->m->slots[key_slot(b, match_trunk_key(name))];

	if (slot->trunk == 0) {
		memcpy(b->m->trunks[b->m->n_trunks], name, POLICY_NAME_LEN);
		slot->trunk = ++b->m->n_trunks;
	}
	return slot->trunk;
}

static int header_find(char (*names)[POLICY_NAME_LEN], unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcasecmp(names[i], name) == 0)     /* RFC 3261 section 7.3.1 */
			return (int)i;
	}
	return -1;
}

unsigned match_headers(const struct policy_rule_config *rules, unsigned n_rules)
{
	char names[POLICY_HEADERS_MAX][POLICY_NAME_LEN];
	unsigned n = 0;

	for (unsigned i = 0; i < n_rules; i++) {
		if (rules[i].header[0] == '\0' || header_find(names, n, rules[i].header) >= 0)
			continue;
		if (n == POLICY_HEADERS_MAX)
			return n + 1;
		memcpy(names[n++], rules[i].header, POLICY_NAME_LEN);
	}
	return n;
}

/* ---- tries ---- */

static uint32_t node_new(struct build *b, struct trie *t)
{
	if (!grow(&t->nodes, &t->size, (uint64_t)t->n + 1, sizeof(t->nodes[0]))) {
		b->no_memory = true;
		return 0;
	}
	t->nodes[t->n] = (struct trie_node){.prefix = 0};
	return t->n++;
}

/* The slot of a pattern, made if need be. */
static uint32_t pattern_slot(struct build *b, struct trie *t, const struct pattern *p)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < p->len && !b->no_memory; i++) {
		int digit = trie_digit(p->text[i]);
		uint32_t next = t->nodes[at].child[digit];

		if (next == 0) {
			next = node_new(b, t);
			t->nodes[at].child[digit] = next;
		}
		at = next;
	}
	uint32_t *slot = p->whole ? &t->nodes[at].whole : &t->nodes[at].prefix;
	if (*slot == 0 && !b->no_memory)
		*slot = slot_new(b);
	return *slot;
}

/* ---- rules ---- */

static struct pattern pattern_compile(const char *text)
{
	struct pattern out = {.len = (uint8_t)strlen(text)};

	out.whole = text[out.len - 1] != '*';
	out.len -= !out.whole;
	memcpy(out.text, text, out.len);
	return out;
}

static uint32_t patterns_add(struct build *b, const struct policy_number *list, unsigned n)
{
	uint32_t at = b->n_patterns;

	for (unsigned i = 0; i < n; i++)
		b->m->patterns[b->n_patterns++] = pattern_compile(list[i].text);
	return at;
}

static void rule_header(struct build *b, const struct policy_rule_config *c, struct match_rule *r)
{
	int index = header_find(b->m->headers, b->m->n_headers, c->header);

	if (index < 0) {
		index = (int)b->m->n_headers++;
		memcpy(b->m->headers[index], c->header, POLICY_NAME_LEN);
	}
	r->header = (uint8_t)(index + 1);
	memcpy(r->value, c->value, sizeof(r->value));
	r->value_len = (uint8_t)strlen(c->value);
	r->value_prefix = r->value_len == 0 || r->value[r->value_len - 1] == '*';
	r->value_len -= r->value_prefix && r->value_len > 0;
}

static uint8_t zone_index(const struct policy_zone *zones, unsigned n_zones, const char *name)
{
	for (unsigned i = 0; i < n_zones; i++) {
		if (strcmp(zones[i].name, name) == 0)
			return (uint8_t)(i + 1);
	}
	return 0;
}

static void rule_compile(struct build *b, const struct policy_rule_config *c, struct match_rule *r,
                         const struct policy_zone *zones, unsigned n_zones)
{
	r->key = chance_hash(c->name);
	r->trunk = c->trunk[0] != '\0' ? trunk_add(b, c->trunk) : 0;
	r->to = patterns_add(b, c->to, r->n_to = c->n_to);
	r->from = patterns_add(b, c->from, r->n_from = c->n_from);
	r->share = c->percent > 0 ? c->percent / 100 : 1;
	r->zone = zone_index(zones, n_zones, c->zone);
	if (c->header[0] != '\0')
		rule_header(b, c, r);
	r->spans = b->n_spans;
	r->n_spans = match_spans(c->windows, c->n_windows, &b->m->spans[b->n_spans]);
	b->n_spans += r->n_spans;
}

/* ---- homes ---- */

/* Calls `each` for every slot that the rule has in one kind of home. */
static void home_slots(struct build *b, const struct match_rule *r, enum match_home home,
                       void (*each)(struct build *b, uint32_t slot, void *arg), void *arg)
{
	struct match *m = b->m;

	switch (home) {
	case HOME_NONE:
		each(b, 0, arg);
		break;
	case HOME_TO:
		for (uint32_t i = 0; i < r->n_to; i++)
			each(b, pattern_slot(b, &m->to, &m->patterns[r->to + i]), arg);
		break;
	case HOME_FROM:
		for (uint32_t i = 0; i < r->n_from; i++)
			each(b, pattern_slot(b, &m->from, &m->patterns[r->from + i]), arg);
		break;
	case HOME_HEADER:
		each(b, key_slot(b, match_header_key(r->header - 1U, r->value)), arg);
		break;
	case HOME_TRUNK:
		each(b, key_slot(b, match_trunk_key(m->trunks[r->trunk - 1])), arg);
		break;
	}
}

static bool home_possible(const struct match_rule *r, enum match_home home)
{
	if (home == HOME_TO)
		return r->n_to != 0;
	if (home == HOME_FROM)
		return r->n_from != 0;
	if (home == HOME_HEADER)
		return r->header != 0 && !r->value_prefix;
	return home == HOME_TRUNK && r->trunk != 0;
}

static void want(struct build *b, uint32_t slot, void *arg)
{
	(void)arg;
	b->m->slots[slot].wanted++;
}

static void most(struct build *b, uint32_t slot, void *arg)
{
	uint32_t *n = arg;

	if (b->m->slots[slot].wanted > *n)
		*n = b->m->slots[slot].wanted;
}

/* The home with the fewest others; at a tie the first, for a number tells more than a trunk. */
static enum match_home home_of(struct build *b, const struct match_rule *r)
{
	enum match_home best = HOME_NONE;
	uint32_t fewest = UINT32_MAX;

	for (int h = HOME_TO; h <= HOME_TRUNK; h++) {
		uint32_t n = 0;

		if (!home_possible(r, (enum match_home)h))
			continue;
		home_slots(b, r, (enum match_home)h, most, &n);
		if (n < fewest) {
			fewest = n;
			best = (enum match_home)h;
		}
	}
	return best;
}

static void count(struct build *b, uint32_t slot, void *arg)
{
	(void)arg;
	b->m->slots[slot].list.n++;
}

static void put(struct build *b, uint32_t slot, void *arg)
{
	struct list *s = &b->m->slots[slot].list;
	const struct posting *p = arg;

	if (s->n == 0 || b->m->postings[s->at + s->n - 1].rule != p->rule)  /* a pattern given twice */
		b->m->postings[s->at + s->n++] = *p;
}

static bool has_more(const struct match_rule *r, enum match_home home)
{
	return (r->n_to != 0 && home != HOME_TO) || (r->n_from != 0 && home != HOME_FROM) || r->header != 0 ||
	       r->n_spans != 0 || r->share < 1;
}

static bool lay_out(struct build *b, const uint8_t *homes)
{
	struct match *m = b->m;
	uint32_t at = 0;

	for (uint32_t i = 0; i < m->n_rules; i++)
		home_slots(b, &m->rules[i], (enum match_home)homes[i], count, NULL);
	for (uint32_t i = 0; i < m->n_slots; i++) {
		m->slots[i].list.at = at;
		at += m->slots[i].list.n;
		m->slots[i].list.n = 0;
	}
	m->postings = calloc(at != 0 ? at : 1, sizeof(m->postings[0]));
	if (m->postings == NULL)
		return false;
	for (uint32_t i = 0; i < m->n_rules; i++) {
		struct posting p = {i, m->rules[i].trunk & 0x7fffffff, has_more(&m->rules[i], (enum match_home)homes[i])};

		home_slots(b, &m->rules[i], (enum match_home)homes[i], put, &p);
		m->to.used |= homes[i] == HOME_TO;
		m->from.used |= homes[i] == HOME_FROM;
		m->keyed_headers |= homes[i] == HOME_HEADER;
		m->keyed_trunks |= homes[i] == HOME_TRUNK;
	}
	return true;
}

static bool trie_seal(struct match *m, struct trie *t)
{
	static const struct list none = {0, 0};

	t->steps = aligned_alloc(64, t->n * sizeof(t->steps[0]));
	if (t->steps == NULL)
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct trie_node *n = &t->nodes[i];

		memcpy(t->steps[i].child, n->child, sizeof(n->child));
		t->steps[i].prefix = n->prefix != 0 ? m->slots[n->prefix].list : none;
		t->steps[i].whole = n->whole != 0 ? m->slots[n->whole].list : none;
	}
	free(t->nodes);
	t->nodes = NULL;
	return true;
}

static bool settle(struct build *b)
{
	struct match *m = b->m;
	uint8_t *homes = calloc(m->n_rules + 1, 1);

	for (uint32_t i = 0; homes != NULL && i < m->n_rules; i++) {
		for (int h = HOME_TO; h <= HOME_TRUNK; h++) {
			if (home_possible(&m->rules[i], (enum match_home)h))
				home_slots(b, &m->rules[i], (enum match_home)h, want, NULL);
		}
	}
	for (uint32_t i = 0; homes != NULL && i < m->n_rules; i++)
		homes[i] = (uint8_t)home_of(b, &m->rules[i]);
	bool ok = homes != NULL && !b->no_memory && lay_out(b, homes) && trie_seal(m, &m->to) &&
	          trie_seal(m, &m->from);
	free(homes);
	return ok;
}

/* ---- the whole ---- */

static bool copy_zones(struct match *m, const struct policy_zone *zones, unsigned n_zones)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < n_zones; i++)
		n += zones[i].n_changes;
	m->changes = calloc(n + 1, sizeof(m->changes[0]));
	if (m->changes == NULL)
		return false;
	n = 0;
	for (unsigned i = 0; i < n_zones; i++) {
		m->zones[i + 1] = (struct zone){n, zones[i].n_changes};
		if (zones[i].n_changes)
			memcpy(&m->changes[n], zones[i].changes, zones[i].n_changes * sizeof(m->changes[0]));
		n += zones[i].n_changes;
	}
	return true;
}

static bool make_room(struct build *b, const struct policy_rule_config *rules, unsigned n)
{
	struct match *m = b->m;
	size_t patterns = 0, windows = 0, keys = 16;

	for (unsigned i = 0; i < n; i++) {
		patterns += (size_t)rules[i].n_to + rules[i].n_from;
		windows += rules[i].n_windows;
	}
	while (keys < 4 * (size_t)n + 4)         /* a trunk and a header each, at most half full */
		keys *= 2;
	m->keyed_mask = (uint32_t)(keys - 1);
	m->rules = calloc((size_t)n + 1, sizeof(m->rules[0]));
	m->trunks = calloc((size_t)n + 1, sizeof(m->trunks[0]));
	m->patterns = calloc(patterns + 1, sizeof(m->patterns[0]));
	m->spans = calloc(windows * 8 + MATCH_SPANS_MAX, sizeof(m->spans[0]));
	m->keyed = calloc(keys, sizeof(m->keyed[0]));
	if (m->rules == NULL || m->trunks == NULL || m->patterns == NULL || m->spans == NULL || m->keyed == NULL)
		return false;
	slot_new(b);
	node_new(b, &m->to);
	node_new(b, &m->from);
	return !b->no_memory;
}

struct match *match_new(const struct policy_rule_config *rules, unsigned n_rules, const struct policy_zone *zones,
                        unsigned n_zones)
{
	struct build b = {.m = calloc(1, sizeof(*b.m))};

	if (b.m == NULL || !make_room(&b, rules, n_rules) || !copy_zones(b.m, zones, n_zones))
		goto no_memory;
	b.m->n_rules = n_rules;
	for (unsigned i = 0; i < n_rules; i++)
		rule_compile(&b, &rules[i], &b.m->rules[i], zones, n_zones);
	if (settle(&b))
		return b.m;
no_memory:
	match_free(b.m);
	return NULL;
}

void match_free(struct match *match)
{
	if (match == NULL)
		return;
	free(match->rules);
	free(match->patterns);
	free(match->spans);
	free(match->slots);
	free(match->postings);
	free(match->to.nodes);
	free(match->to.steps);
	free(match->from.nodes);
	free(match->from.steps);
	free(match->keyed);
	free(match->trunks);
	free(match->changes);
	free(match);
}
