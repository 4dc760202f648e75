/* Longest-prefix match by a path-compressed trie of four bits a step, one for each family.
 *
 * A prefix ends in the node of its last, perhaps partial, nibble and fills there every slot that it
 * covers, unless a longer one of the same node has the slot (controlled prefix expansion). Nodes exist
 * only where prefixes part or end, and a slot whose subtree is one prefix names that prefix itself, so
 * there are fewer nodes than prefixes: at most 128 bytes and a record of 32 a prefix, also for IPv6.
 *
 * The way down looks only at the nibbles where nodes are, and so may end at a prefix that does not hold
 * the address after all. But a prefix that does hold it has everything below the address's way beneath
 * it; so each record names the longest prefix that covers it (`up`), and the answer is the first on
 * that chain, from where the way ended, that holds the address.
 *
 * Written by one thread, before any reads; then only read. */
#include "base/lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Up to 128 bits, the first bit on top of `hi`; IPv4 fills the top half of `hi`. */
struct key {
	uint64_t hi, lo;
};

struct record {
	struct key key;
	uint32_t value;
	uint32_t up;  /* the record of the longest prefix that covers this one, or 0 */
	uint8_t len;
};

/* What a slot points to: 0 for nothing; LEAF | record; or node << POS_BITS | the nibble it looks at. */
typedef uint32_t ref;
#define LEAF 0x80000000u
#define POS_BITS 5
#define NODES_MAX (1u << (31 - POS_BITS))

struct slot {
	ref child;
	uint32_t best;  /* the record of the longest prefix that ends in this node and covers this slot, or 0 */
};

struct node {
	struct slot slots[16];
};

struct family {
	ref root;
	uint32_t fallback;  /* the record of the prefix of length 0, or 0 */
};

struct lpm {
	struct node *nodes;  /* [0] is not used, here and in records */
	struct record *records;
	uint32_t *samples;   /* a record below each node: its nibbles before the node's */
	uint32_t node_count, node_size;
	uint32_t record_count, record_size;
	struct family v4, v6;
};

struct lpm *lpm_new(void)
{
	struct lpm *lpm = calloc(1, sizeof(*lpm));
	if (lpm)
		lpm->node_count = lpm->record_count = 1;
	return lpm;
}

void lpm_free(struct lpm *lpm)
{
	if (!lpm)
		return;
	free(lpm->nodes);
	free(lpm->records);
	free(lpm->samples);
	free(lpm);
}

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static struct key key_of(const uint8_t *bytes, unsigned len)
{
	uint32_t v4;
	if (len == 16)
		return (struct key){load_be64(bytes), load_be64(bytes + 8)};
	memcpy(&v4, bytes, sizeof(v4));
	return (struct key){(uint64_t)__builtin_bswap32(v4) << 32, 0};
}

static unsigned nibble(const struct key *key, unsigned pos)
{
	return (unsigned)((pos < 16 ? key->hi >> (60 - 4 * pos) : key->lo >> (124 - 4 * pos)) & 15);
}

/* The first nibble in which two keys differ; 32 if they are equal. */
static unsigned parting(const struct key *a, const struct key *b)
{
	uint64_t hi = a->hi ^ b->hi, lo = a->lo ^ b->lo;
	if (hi)
		return (unsigned)__builtin_clzll(hi) / 4;
	return lo ? 16 + (unsigned)__builtin_clzll(lo) / 4 : 32;
}

static bool holds(const struct record *r, const struct key *key)
{
	uint64_t hi = r->key.hi ^ key->hi, lo = r->key.lo ^ key->lo;
	if (r->len <= 64)
		return !r->len || !(hi >> (64 - r->len));
	return !hi && !(lo >> (128 - r->len));
}

/* Where a prefix of length 1 or more ends. */
static unsigned end_pos(const struct record *r)
{
	return (r->len - 1u) / 4;
}

static ref node_ref(uint32_t node, unsigned pos)
{
	return node << POS_BITS | pos;
}

static uint32_t ref_node(ref r)
{
	return r >> POS_BITS;
}

static unsigned ref_pos(ref r)
{
	return r & ((1u << POS_BITS) - 1);
}

/* The record at the end of the key's way, or 0; see above for what it is worth. */
static uint32_t descend(const struct lpm *lpm, ref at, const struct key *key)
{
	uint32_t best = 0;
	while (at && !(at & LEAF)) {
		const struct slot *slot = &lpm->nodes[ref_node(at)].slots[nibble(key, ref_pos(at))];
		if (slot->best)
			best = slot->best;
		at = slot->child;
	}
	return at ? at & ~LEAF : best;
}

/* The record of the longest prefix of at most `max` bits that holds the key, or 0. */
static uint32_t longest(const struct lpm *lpm, const struct family *family, const struct key *key, unsigned max)
{
	uint32_t r = descend(lpm, family->root, key);
	while (r && (lpm->records[r].len > max || !holds(&lpm->records[r], key)))
		r = lpm->records[r].up;
	return r ? r : family->fallback;
}

int64_t lpm_find(const struct lpm *lpm, const struct addr *addr)
{
	unsigned len;
	const uint8_t *bytes = addr_bytes(addr, &len);
	if (!len)
		return -1;
	struct key key = key_of(bytes, len);
	uint32_t r = longest(lpm, len == 4 ? &lpm->v4 : &lpm->v6, &key, 128);
	return r ? (int64_t)lpm->records[r].value : -1;
}

static int grow(void **array, uint32_t size, size_t each)
{
	void *more = realloc(*array, size * each);
	if (!more)
		return -ENOMEM;
	*array = more;
	return 0;
}

/* Room for one more record and the one node that it can need, so that nothing fails half way. */
static int make_room(struct lpm *lpm)
{
	if (lpm->record_count >= lpm->record_size) {
		uint32_t size = lpm->record_size + lpm->record_size / 2 + 64;
		if (size >= LEAF || grow((void **)&lpm->records, size, sizeof(struct record)))
			return -ENOMEM;
		lpm->record_size = size;
	}
	if (lpm->node_count >= lpm->node_size) {
		uint32_t size = lpm->node_size + lpm->node_size / 2 + 16;
		if (size >= NODES_MAX || grow((void **)&lpm->nodes, size, sizeof(struct node)) ||
		    grow((void **)&lpm->samples, size, sizeof(uint32_t)))
			return -ENOMEM;
		lpm->node_size = size;
	}
	return 0;
}

/* Fills the slots of `node` that the prefix covers, where no longer one is. */
static void expand(struct lpm *lpm, uint32_t node, uint32_t rec)
{
	const struct record *r = &lpm->records[rec];
	unsigned first = nibble(&r->key, end_pos(r)), count = 1u << (4 * end_pos(r) + 4 - r->len);
	for (unsigned i = first; i < first + count; i++) {
		uint32_t *best = &lpm->nodes[node].slots[i].best;
		if (!*best || lpm->records[*best].len < r->len)
			*best = rec;
	}
}

/* Puts a node at `pos` in the place of `old`, whose prefixes agree before `pos`, and `old` below it. */
static ref wrap(struct lpm *lpm, ref old, uint32_t sample, unsigned pos)
{
	uint32_t node = lpm->node_count++;
	lpm->nodes[node] = (struct node){0};
	lpm->samples[node] = sample;
	if ((old & LEAF) && end_pos(&lpm->records[sample]) == pos)
		expand(lpm, node, sample);
	else
		lpm->nodes[node].slots[nibble(&lpm->records[sample].key, pos)].child = old;
	return node_ref(node, pos);
}

/* Walks to where the record belongs, making nodes where it parts from others; returns the node in
 * which it ends, or 0 if it stands alone. */
static uint32_t insert(struct lpm *lpm, ref *at, uint32_t rec)
{
	const struct record *r = &lpm->records[rec];
	while (*at) {
		bool leaf = *at & LEAF;
		uint32_t sample = leaf ? *at & ~LEAF : lpm->samples[ref_node(*at)];
		unsigned pos = leaf ? end_pos(&lpm->records[sample]) : ref_pos(*at);
		unsigned parts = parting(&r->key, &lpm->records[sample].key);
		unsigned need = parts < end_pos(r) ? parts : end_pos(r);
		if (leaf || need < pos)
			*at = wrap(lpm, *at, sample, need < pos ? need : pos);
		uint32_t node = ref_node(*at);
		if (end_pos(r) == ref_pos(*at)) {
			expand(lpm, node, rec);
			return node;
		}
		at = &lpm->nodes[node].slots[nibble(&r->key, ref_pos(*at))].child;
	}
	*at = LEAF | rec;
	return 0;
}

/* From `below` upwards: the first that is covered by `rec` with nothing between gets it as its `up`. */
static void adopt_chain(struct lpm *lpm, uint32_t below, uint32_t rec)
{
	unsigned len = lpm->records[rec].len;
	while (below && lpm->records[below].len > len) {
		uint32_t up = lpm->records[below].up;
		if (up == rec)
			return;
		if (up == lpm->records[rec].up) {
			lpm->records[below].up = rec;
			return;
		}
		below = up;
	}
}

static void adopt_below(struct lpm *lpm, ref at, uint32_t rec)
{
	if (at & LEAF) {
		adopt_chain(lpm, at & ~LEAF, rec);
		return;
	}
	for (unsigned i = 0; at && i < 16; i++) {
		struct slot slot = lpm->nodes[ref_node(at)].slots[i];
		adopt_chain(lpm, slot.best, rec);
		adopt_below(lpm, slot.child, rec);
	}
}

/* Makes `rec`, which ends in `node`, the `up` of those that it is the closest to cover. */
static void adopt(struct lpm *lpm, uint32_t node, uint32_t rec)
{
	const struct record *r = &lpm->records[rec];
	unsigned first = nibble(&r->key, end_pos(r)), count = 1u << (4 * end_pos(r) + 4 - r->len);
	for (unsigned i = first; i < first + count; i++) {
		struct slot slot = lpm->nodes[node].slots[i];
		adopt_chain(lpm, slot.best, rec);
		adopt_below(lpm, slot.child, rec);
	}
}

int lpm_add(struct lpm *lpm, const struct prefix *prefix, uint32_t value, uint32_t *existing)
{
	struct family *family = prefix->family == AF_INET ? &lpm->v4 : &lpm->v6;
	struct key key = key_of(prefix->bytes, prefix->family == AF_INET ? 4 : 16);
	uint32_t up = longest(lpm, family, &key, prefix->len);
	if (up && lpm->records[up].len == prefix->len) {
		*existing = lpm->records[up].value;
		return -EEXIST;
	}
	if (make_room(lpm))
		return -ENOMEM;
	uint32_t rec = lpm->record_count++;
	/* the fallback ends every chain anyway */
	lpm->records[rec] = (struct record){.key = key, .len = prefix->len, .value = value,
					    .up = up == family->fallback ? 0 : up};
	if (!prefix->len) {
		family->fallback = rec;
		return 0;
	}
	uint32_t node = insert(lpm, &family->root, rec);
	if (node)
		adopt(lpm, node, rec);
	return 0;
}
