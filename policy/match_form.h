/* The compiled form of the rules, for the files match*.c alone.
 *
 * Every rule lives in lists ("slots") that a call leads to by one thing it has: a number called, a number
 * calling, the value of a header, its trunk; or in the one list of rules that ask for none of these. Which
 * of them is a rule's home is chosen when it is built: the one that it shares with the fewest others. So
 * 10,000 rules come down to the few lists on a call's way, each in the order written, and a list is left
 * as soon as a better match is known.
 *
 * Numbers are found in tries by digit: the way down to the number passes every prefix of it. */
#ifndef POLICY_MATCH_FORM_H
#define POLICY_MATCH_FORM_H

#include "policy/chance.h"
#include "policy/match.h"

#define TRIE_DIGITS 11               /* 0 to 9 and '+' */
#define WEEK_MINUTES 10080

/* Trunk 0: any, else its id. `more`: there is something to check beside the trunk and what led here, in the
 * rule itself, which is a cache line elsewhere. */
struct posting {
	uint32_t rule;
	uint32_t trunk : 31, more : 1;
};

/* What leads a call to a rule. */
enum match_home { HOME_NONE, HOME_TO, HOME_FROM, HOME_HEADER, HOME_TRUNK };

struct list { uint32_t at, n; };              /* postings, by rule */

struct slot {
	struct list list;
	uint32_t wanted;             /* rules that could live here; while building */
	uint32_t trunk;              /* of a trunk's key: its id */
};

/* While building, */
struct trie_node {
	uint32_t child[TRIE_DIGITS]; /* 0: none */
	uint32_t prefix, whole;      /* slots; 0: none */
};
/* and in the end: a step of the way down is one cache line. */
struct trie_step {
	_Alignas(64) uint32_t child[TRIE_DIGITS];
	struct list prefix, whole;
};

struct trie {
	struct trie_node *nodes;     /* the first is the root; gone when it is built */
	struct trie_step *steps;
	uint32_t n, size;
	bool used;                   /* some rule lives here */
};

/* Open addressing, a power of two, at most half full; key 0 is none. */
struct keyed { uint64_t key; uint32_t slot; };

struct span { uint16_t from, to; };           /* minutes of the week, from Monday 0:00 */

struct pattern {
	uint8_t len;
	bool whole;                  /* a whole number, not a prefix */
	char text[POLICY_NUMBER_LEN - 1];
};

struct match_rule {
	uint64_t key;                /* hash of the name: its part in drawing */
	uint32_t trunk;
	uint32_t to, n_to, from, n_from;  /* patterns */
	uint32_t spans, n_spans;
	double share;                /* 1: all */
	uint8_t header;              /* index + 1; 0: none */
	uint8_t zone;
	bool value_prefix;
	uint8_t value_len;
	char value[POLICY_NAME_LEN];
};

struct zone {
	uint32_t at, n;              /* changes */
};

struct match {
	struct match_rule *rules;
	uint32_t n_rules;
	struct pattern *patterns;
	struct span *spans;
	struct slot *slots;          /* the first: rules without any key */
	uint32_t n_slots;
	struct posting *postings;
	struct trie to, from;
	struct keyed *keyed;
	uint32_t keyed_mask;
	char (*trunks)[POLICY_NAME_LEN];  /* by id - 1 */
	uint32_t n_trunks;
	char headers[POLICY_HEADERS_MAX][POLICY_NAME_LEN];
	uint32_t n_headers;
	struct zone zones[POLICY_ZONES_MAX + 1];  /* the first: UTC */
	struct policy_zone_change *changes;
	bool keyed_trunks, keyed_headers;  /* some rule lives by one */
};

static inline int trie_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c == '+' ? 10 : -1;
}

static inline uint64_t match_trunk_key(const char *name) { return chance_hash(name) | 1; }
static inline uint64_t match_header_key(unsigned index, const char *value)
{
	return chance_mix(chance_hash(value) + index) & ~UINT64_C(1);
}

/* The slot of a key, 0: none. (The first slot has no key.) */
static inline uint32_t match_keyed(const struct match *m, uint64_t key)
{
	for (uint32_t i = (uint32_t)(key >> 32);; i++) {
		const struct keyed *k = &m->keyed[i & m->keyed_mask];

		if (k->key == key || k->key == 0)
			return k->key == key ? k->slot : 0;
	}
}

/* The id of a trunk that rules name, 0: none does. */
uint32_t match_trunk_id(const struct match *m, const char *name);

/* match_time.c */
/* Minutes of the week of the windows, ascending, apart; at most MATCH_SPANS_MAX. Returns how many. */
#define MATCH_SPANS_MAX (POLICY_WINDOWS_MAX * 8)
unsigned match_spans(const struct policy_window *windows, unsigned n, struct span *out);
/* The minute of the week that it is in a zone. */
uint16_t match_minute(const struct match *m, unsigned zone, int64_t wall_us);
bool match_in_spans(const struct span *spans, unsigned n, uint16_t minute);
/* Is every minute of `narrow` in `wide`? */
bool match_spans_cover(const struct span *wide, unsigned n_wide, const struct span *narrow, unsigned n_narrow);

#endif
