/* The six strategies: each gives every eligible region a score, lower is better.
 *
 * ADAPTIVE has its signals from Prequal (Wydrowski et al., NSDI 2024), requests in flight and latency, for a few
 * large regions: absolute caps with hysteresis in place of quantiles over a pool of probes, and no lexicographic
 * rule. That one gives every call to the only cold region, which among hundreds of replicas is a small step and
 * between two regions twice the traffic: setups queue there beyond first_response, attempts are tried again, and
 * both are lost (etc/sim/morning-ramp.yaml). So a hot region only costs more.
 *
 *   load      = max of (calls + setups) / max_calls of all nodes, cps / max_cps, what outside sources
 *               tell, and, without max_calls, setups / setups_soft. decide.c makes `hot` of it, errors included: a region that fails
 *               most calls stays empty, and would be given all that the others, hot but sound, have
 *               room for.
 *   score     = cost in ms. Those within the tolerance band of the lowest cost are equal, and one of them is
 *               drawn by weight x room. Up to twice the band they have less and less in the draw; outside of
 *               that the lowest cost decides.
 *
 * What a region costs:
 *
 *   latency   INVITE to ringing on live traffic. Where there is none, INVITE to first provisional, and
 *             without that the probe's round trip, each plus what the longer takes longer elsewhere (the
 *             least such difference in the pool): otherwise a region would look quicker the moment its
 *             traffic stopped, and all calls would swing there and back. A figure that grows old is
 *             mixed with what stands in for it, by what it still says. With no figure at all, the lowest latency known: the
 *             region enters the band and draws its share, neither shunned nor flooded, for...
 *   pressure  ...setups in flight multiply it by 1 + setups / setups_soft, for a region of average
 *             weight, in proportion for others. Figures of latency are old, own setups are not: what many
 *             calls (or nodes) chose in the same instant is counted before any answer is back.
 *   waiting   own setups that nothing has come back for, beyond what its rate and its latency make usual
 *             (Little's law), raise it too: a region where setups begin to queue is seen before one of them
 *             is late.
 *   heat      a hot region costs 1 / room: more and more from hot_off on, up to HEAT_MOST times as much. So
 *             calls go over to slower regions before it is full.
 *   errors    the time until a call gets through, where failures cost time and the call tries again:
 *             (latency + (2e)^2 x ERROR_MS) / (1 - e). A region that fails fast is not fast
 *             ("sinkholing"): failing every fifth call it stands 200 ms behind, every second one, 2 s.
 *             The square lets the odd failure that every region has now and then move nothing.
 *
 * LATENCY orders by the same cost without pressure, waiting and heat, LOAD by the load with errors in the same manner,
 * where ERROR_MS becomes a whole load. WEIGHTED and STICKY are weighted rendezvous hashing: each region
 * draws -ln(u)/weight with u from a hash of its name and the call (resp. the caller's number); when a
 * weight changes or a region goes, only the calls that it gains or loses move. PRIORITY is the order
 * written. */
#include "policy/strategy.h"

#include "policy/chance.h"
#include "policy/region.h"

#define STRATEGY_COST_MAX 1e6f       /* ms: so that a score is a number whatever the figures are */
#define STRATEGY_WAITING 16.0        /* how often the usual number of waiting setups, once more, is added to a cost */
#define STRATEGY_WAITING_SPARE 4.0   /* so many more are nothing: at low rates the number jumps */
#define STRATEGY_HEAT_MOST 2.0       /* times what it would cost cold: a region that is full */
#define STRATEGY_ERROR_MS 1000.0     /* what failures cost where every second attempt fails */
#define STRATEGY_TRUST_MIN 0.1       /* the share that a region gets whose figure is too old to shun it */
#define STRATEGY_LATENCY_MS 100.0    /* of a region when no region has any figure */
#define STRATEGY_ROOM_MIN 1e-6       /* so that a draw among full regions still has a winner */

static float load_score(const struct policy_candidate *c)
{
	return (float)strategy_load_with_errors((double)c->load, &c->facts);
}

/* What is known of latency in the pool, to stand in where a region has no figure of its own. */
struct latencies {
	const struct policy_tuning *tuning;
	double probe_ms;      /* how much longer than a probe an INVITE takes to its first response */
	double ring_ms;       /* how much longer than that it takes to ring */
	double lowest_ms;
};

/* A figure by what it still says at its age, and by what stands in for it by the rest. */
static inline double aged_ms(const struct latencies *l, uint32_t us, uint32_t age_ms, double stand_in_ms)
{
	if (us == 0)
		return stand_in_ms;
	if (age_ms <= l->tuning->fresh_ms)
		return us * 0.001;
	double say = (double)region_say(age_ms, l->tuning->fresh_ms, l->tuning->gone_ms);
	return stand_in_ms > 0 ? us * 0.001 * say + stand_in_ms * (1 - say) : us * 0.001;
}

/* From INVITE to ringing; 0: nothing is known. */
static inline double latency_known_ms(const struct latencies *l, const struct policy_region_facts *f)
{
	double first = aged_ms(l, f->latency_us, f->latency_age_ms, f->rtt_us != 0 ? f->rtt_us * 0.001 + l->probe_ms : 0);

	return aged_ms(l, f->ring_us, f->ring_age_ms, first > 0 ? first + l->ring_ms : 0);
}

/* `*least` becomes what `whole` is longer than `part`, where that is less and both are known. */
static void least_longer(uint32_t *least, uint32_t whole, uint32_t part)
{
	uint32_t longer = whole > part ? whole - part : 0;

	if (whole != 0 && part != 0 && longer < *least)
		*least = longer;
}

/* Leaves the latency of each, or 0, as its score, to make the score of. */
static struct latencies latencies_of(const struct policy_tuning *tuning, struct policy_plan *plan)
{
	struct latencies l = {.tuning = tuning};
	uint32_t probe = UINT32_MAX, ring = UINT32_MAX;

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		const struct policy_region_facts *f = &plan->candidates[i].facts;

		if (!plan->candidates[i].eligible)
			continue;
		least_longer(&probe, f->latency_us, f->rtt_us);
		least_longer(&ring, f->ring_us, f->latency_us);
	}
	l.probe_ms = probe != UINT32_MAX ? probe * 0.001 : 0;
	l.ring_ms = ring != UINT32_MAX ? ring * 0.001 : 0;
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		if (!plan->candidates[i].eligible)
			continue;
		double ms = latency_known_ms(&l, &plan->candidates[i].facts);
		plan->candidates[i].score = (float)ms;

		if (ms > 0 && (l.lowest_ms <= 0 || ms < l.lowest_ms))
			l.lowest_ms = ms;
	}
	if (l.lowest_ms <= 0)
		l.lowest_ms = STRATEGY_LATENCY_MS;
	return l;
}

/* The latency of one region, its own or what stands in for it, times `pressure`, with its errors. */
static float latency_score(const struct latencies *l, const struct policy_candidate *c, double pressure)
{
	double ms = (double)c->score;
	float score = (float)strategy_with_errors((ms > 0 ? ms : l->lowest_ms) * pressure, STRATEGY_ERROR_MS, &c->facts);

	return score < STRATEGY_COST_MAX ? score : STRATEGY_COST_MAX;
}

/* May it be the first? Those held back are behind the others. */
static bool plays(const struct policy_candidate *c)
{
	return c->eligible && !c->held_back;
}

/* The part of its weight that a region still has room for: all of it up to hot_off, so that equal
 * regions share by weight alone, then less and less until it is full. */
static double room(const struct policy_candidate *c, const struct policy_tuning *tuning)
{
	double load = (double)c->load, left = 1 - load;

	if (load <= tuning->hot_off)
		return 1;
	return left > STRATEGY_ROOM_MIN ? left / (1 - tuning->hot_off) : STRATEGY_ROOM_MIN;
}

struct band {
	float limit;          /* regions that cost at most this are equal, ... */
	float edge;           /* ... and from there to this they count for less and less */
	double room;          /* weight x room of all of them */
	unsigned n;
};

static bool in_band(const struct policy_candidate *c, const struct band *band)
{
	return plays(c) && (c->score <= band->limit || c->score < band->edge);
}

/* A figure beyond the band that has grown old says less, until the region is let in to be looked at again: by
 * a few calls, whose answers count at once, not by its whole share. */
static double band_trust(const struct policy_candidate *c, const struct band *band, const struct policy_tuning *tuning)
{
	uint32_t us = c->facts.ring_us != 0 ? c->facts.ring_us : c->facts.latency_us;
	uint32_t age = c->facts.ring_us != 0 ? c->facts.ring_age_ms : c->facts.latency_age_ms;

	if (age <= tuning->fresh_ms || us * 0.001 < (double)band->edge)
		return 1;
	double say = (double)region_say(age, tuning->fresh_ms, tuning->gone_ms);
	return say > STRATEGY_TRUST_MIN ? say : STRATEGY_TRUST_MIN;
}

/* What the region has in the draw. The soft edge is what keeps regions whose latencies differ by about the
 * band from swapping all calls with every answer. */
static double band_part(const struct policy_candidate *c, const struct band *band, const struct policy_tuning *tuning)
{
	double part = c->facts.weight * room(c, tuning) * band_trust(c, band, tuning);

	if (c->score > band->limit)
		part *= (double)(band->edge - c->score) / (double)(band->edge - band->limit);
	return part;
}

static struct band band_of(const struct policy_plan *plan, float lowest, const struct policy_tuning *tuning)
{
	double share = (double)lowest * tuning->band, least = tuning->band_min_us * 0.001;
	double width = share > least ? share : least;
	struct band band = {.limit = (float)((double)lowest + width), .edge = (float)((double)lowest + 2 * width)};

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		const struct policy_candidate *c = &plan->candidates[i];

		if (in_band(c, &band)) {
			band.n++;
			band.room += band_part(c, &band, tuning);
		}
	}
	return band;
}

/* One of the band, drawn by weight x room. */
static int band_draw(const struct policy_plan *plan, const struct band *band, const struct policy_tuning *tuning,
                     uint64_t random)
{
	double left = chance_unit(chance_mix(random)) * band->room;
	int last = -1;

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		const struct policy_candidate *c = &plan->candidates[i];

		if (!in_band(c, band))
			continue;
		last = (int)i;
		left -= band_part(c, band, tuning);
		if (left < 0)
			break;
	}
	return last;
}

/* In flight, of all nodes. */
static double setups_of(const struct policy_region_facts *f)
{
	return (double)f->setups + f->remote_setups;
}

/* What its load makes a hot region cost, as a factor: by what room is left, as a queue's wait grows. */
static double heat(const struct policy_candidate *c, const struct policy_tuning *tuning)
{
	double left = c->hot ? room(c, tuning) : 1;

	return left * STRATEGY_HEAT_MOST > 1 ? 1 / left : STRATEGY_HEAT_MOST;
}

/* In flight; `per_weight` makes them a factor, for a region of average weight. */
static double pressure(const struct policy_region_facts *f, double per_weight)
{
	return 1 + setups_of(f) * per_weight / f->weight;
}

/* More of them wait than is usual. */
static double waiting(const struct policy_candidate *c, const struct latencies *l)
{
	double ms = c->score > 0 ? (double)c->score : l->lowest_ms;
	double usual = c->facts.cps * ms * 0.001 + STRATEGY_WAITING_SPARE, more = c->facts.waiting / usual - 1;

	return more > 0 ? 1 + STRATEGY_WAITING * more : 1;
}

/* Those that may be the first: how many, how many of them are cold, and the lowest cost among them. */
struct field { unsigned n, cold; float lowest; bool lowest_hot; };

static struct field adaptive_score(const struct policy_tuning *tuning, struct policy_plan *plan)
{
	struct latencies l = latencies_of(tuning, plan);
	double weights = 0;
	struct field field = {.n = 0};
	unsigned eligible = 0;

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		if (plan->candidates[i].eligible) {
			weights += plan->candidates[i].facts.weight;
			eligible++;
		}
	}
	double per_weight = weights / eligible / tuning->setups_soft;
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		struct policy_candidate *c = &plan->candidates[i];

		if (!c->eligible)
			continue;
		c->score = latency_score(&l, c, heat(c, tuning) * waiting(c, &l) * pressure(&c->facts, per_weight));
		if (c->held_back)
			continue;
		if (field.n++ == 0 || c->score < field.lowest) {
			field.lowest = c->score;
			field.lowest_hot = c->hot;
		}
		field.cold += !c->hot;
	}
	return field;
}

static enum policy_because adaptive(const struct policy_table *table, const struct policy_query *query,
                                    struct policy_plan *plan, int *first)
{
	struct field field = adaptive_score(&table->tuning, plan);
	struct band band = band_of(plan, field.lowest, &table->tuning);

	plan->threshold = band.limit;
	if (band.n == 1 && field.cold == 0)
		return POLICY_BECAUSE_LEAST_LOADED;
	if (band.n == 1)
		return field.cold == 1 && field.n > 1 && !field.lowest_hot ? POLICY_BECAUSE_COLD : POLICY_BECAUSE_LATENCY;
	*first = band_draw(plan, &band, &table->tuning, query->random);
	return POLICY_BECAUSE_BAND;
}

static enum policy_because by_latency(const struct policy_table *table, struct policy_plan *plan)
{
	struct latencies l = latencies_of(&table->tuning, plan);

	for (unsigned i = 0; i < plan->n_candidates; i++) {
		if (plan->candidates[i].eligible)
			plan->candidates[i].score = latency_score(&l, &plan->candidates[i], 1);
	}
	return POLICY_BECAUSE_LATENCY;
}

static enum policy_because by_load(struct policy_plan *plan)
{
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		if (plan->candidates[i].eligible)
			plan->candidates[i].score = load_score(&plan->candidates[i]);
	}
	return POLICY_BECAUSE_LOAD;
}

static enum policy_because by_priority(struct policy_plan *plan)
{
	for (unsigned i = 0; i < plan->n_candidates; i++)
		plan->candidates[i].score = (float)(i + 1);
	return POLICY_BECAUSE_PRIORITY;
}

static enum policy_because by_weight(const struct policy_table *table, struct policy_plan *plan, uint64_t key)
{
	for (unsigned i = 0; i < plan->n_candidates; i++) {
		struct policy_candidate *c = &plan->candidates[i];
		double u = chance_unit(chance_mix(key ^ table->compiled[c->region].key));

		if (c->eligible)
			c->score = (float)(chance_exponential(u) / strategy_weight(&c->facts));
	}
	return POLICY_BECAUSE_WEIGHT;
}

/* A caller without a number ("anonymous", RFC 3323) is nobody's regular: all of them together would
 * land in one region. */
static enum policy_because sticky(const struct policy_table *table, const struct policy_query *query,
                                  struct policy_plan *plan)
{
	if (query->from[strcspn(query->from, "0123456789")] == '\0')
		return by_weight(table, plan, query->random);
	by_weight(table, plan, chance_hash(query->from));
	return POLICY_BECAUSE_STICKY;
}

enum policy_because strategy_score(const struct policy_table *table, const struct policy_query *query,
                                   struct policy_plan *plan, int *first)
{
	*first = -1;
	switch (plan->strategy) {
	case POLICY_ADAPTIVE:
		return adaptive(table, query, plan, first);
	case POLICY_WEIGHTED:
		return by_weight(table, plan, query->random);
	case POLICY_PRIORITY:
		return by_priority(plan);
	case POLICY_LATENCY:
		return by_latency(table, plan);
	case POLICY_LOAD:
		return by_load(plan);
	case POLICY_STICKY:
		return sticky(table, query, plan);
	}
	return POLICY_BECAUSE_NONE;
}
