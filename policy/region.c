/* Live state of a region, kept in atomic words: see region.h. Averages are packed with their time into
 * one 64-bit word, so that a reader never sees a value with another's time.
 *
 * Latency is told by two averages over time. The slow one (ten seconds) is what equal regions are
 * compared by: a peak-sensitive one (as Finagle's) was tried and left, ordinary tails made two equal
 * regions swap most of the traffic several times a minute. The fast one (half a second, and never less
 * than six answers upwards) sees a region that turns slow; it speaks only when it is half above the slow
 * one, which a sound region's tails do not bring about: an answer counts as four times the slow average
 * at most. So one answer out of line moves nothing, and two or three in a row move the calls.
 *
 * Ejection is the one judgement kept here, because it lasts: until when, how many before it, and
 * failures in a row, in one word. A region that comes back has one failure left until the next. */
#include "policy/region.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MS_US 1000
#define SEC_US 1000000
#define SLOW_MS 10000.0
#define FAST_MS 500.0
#define FAST_GAIN_MAX (1.0 / 6)       /* of one answer, upwards */
#define PEAK_AT 1.5f                  /* the fast average speaks from this many times the slow one */
#define SAMPLE_MAX 4.0f               /* times the slow average */
#define LATENCY_MAX_US (600.0f * SEC_US)
#define FIGURE_MAX 1e9
#define FUTURE_US (100 * MS_US)       /* clocks of one machine that differ by more are wrong */
#define OUTLIER_ATTEMPTS 10           /* in a second or two: fewer are no rate */
#define OUTLIER_RATE 0.5f
#define OUTLIER_ABOVE 0.3f            /* the others */
#define RAMP_MIN 0.1f                 /* of its weight, when a region comes back */

/* The value's float in the upper half: a whole number would lose the fraction of every step, which at a
 * thousand samples a second makes the average milliseconds too low. */
static uint64_t pack(float value, int64_t now_us)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return (uint64_t)bits << 32 | (uint32_t)(now_us / MS_US);
}

static float value_of(uint64_t packed)
{
	uint32_t bits = (uint32_t)(packed >> 32);
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* A worker whose turn began earlier may ask about what another has written since: that is of now. */
static uint32_t age_ms(uint64_t packed, int64_t now_us)
{
	int32_t age = (int32_t)((uint32_t)(now_us / MS_US) - (uint32_t)packed);
	return age > 0 ? (uint32_t)age : 0;
}

static uint64_t load64(const _Atomic uint64_t *cell) { return atomic_load_explicit(cell, memory_order_relaxed); }

static bool swap64(_Atomic uint64_t *cell, uint64_t *old, uint64_t fresh)
{
	return atomic_compare_exchange_weak_explicit(cell, old, fresh, memory_order_relaxed, memory_order_relaxed);
}

static void count(_Atomic uint64_t *total) { atomic_fetch_add_explicit(total, 1, memory_order_relaxed); }

void region_live_init(struct region_live *r, const char *name, int64_t now_wall_us)
{
	snprintf(r->name, sizeof r->name, "%s", name);
	atomic_init(&r->weight, -1);
	atomic_init(&r->health_since_wall_us, now_wall_us);
}

/* ---- averages ---- */

/* One step of an EWMA over irregular samples; `gain_max`: what one sample may count, upwards. */
static void average(_Atomic uint64_t *cell, float sample, int64_t now_us, double decay_ms, double gain_max)
{
	uint64_t old = load64(cell), fresh;
	do {
		float next = sample;
		if (old) {
			/* samples of one millisecond count too */
			double gain = -expm1(-((double)age_ms(old, now_us) + 1.0) / decay_ms);
			float was = value_of(old);
			if (sample > was && gain > gain_max)
				gain = gain_max;
			next = (float)((double)was + ((double)sample - (double)was) * gain);
		}
		fresh = pack(next, now_us);
	} while (!swap64(cell, &old, fresh));
}

static void average_latency(struct region_average *a, int64_t now_us, int64_t latency_us)
{
	float sample = latency_us < 1 ? 1 : (float)latency_us;
	uint64_t slow = load64(&a->slow);
	if (sample > LATENCY_MAX_US)
		sample = LATENCY_MAX_US;
	if (slow && sample > SAMPLE_MAX * value_of(slow))
		sample = SAMPLE_MAX * value_of(slow);
	average(&a->slow, sample, now_us, SLOW_MS, 1);
	average(&a->fast, sample, now_us, FAST_MS, FAST_GAIN_MAX);
}

static uint32_t latency_now(const struct region_average *a, int64_t now_us, uint32_t *age)
{
	uint64_t packed = load64(&a->slow);
	float slow = value_of(packed), fast = value_of(load64(&a->fast));
	*age = packed ? age_ms(packed, now_us) : 0;
	return packed ? (uint32_t)((fast > PEAK_AT * slow ? fast : slow) + 0.5f) : 0;
}

/* Attempts a second: this second's count and the last one's, in one word: second (24), last (20), this (20). */
#define RATE_MAX 0xfffffu
static uint64_t rate_at(uint64_t packed, int64_t now_us)
{
	uint32_t second = (uint32_t)(now_us / SEC_US) & 0xffffff, was = (uint32_t)(packed >> 40);
	if (second == was || (packed && ((second + 1) & 0xffffff) == was))  /* the latter: a worker behind another */
		return packed;
	uint64_t last = ((was + 1) & 0xffffff) == second ? packed & RATE_MAX : 0;
	return (uint64_t)second << 40 | last << 20;
}

static void rate_count(_Atomic uint64_t *cell, int64_t now_us)
{
	uint64_t old = load64(cell), fresh;
	do {
		fresh = rate_at(old, now_us);
		if ((fresh & RATE_MAX) < RATE_MAX)
			fresh++;
	} while (!swap64(cell, &old, fresh));
}

/* A sliding second: this second's count and the share of the last one that is less than a second old. */
static uint32_t rate_now(uint64_t packed, int64_t now_us)
{
	packed = rate_at(packed, now_us);
	uint64_t left = (uint64_t)(SEC_US - now_us % SEC_US);
	return (uint32_t)((packed & RATE_MAX) + (packed >> 20 & RATE_MAX) * left / SEC_US);
}

/* ---- ejection ---- */

struct ejection {
	uint32_t until_ds;           /* tenths of a second; 0: never was */
	uint8_t times;               /* ejections before, less those forgiven */
	uint8_t in_row;              /* failures */
};

static struct ejection ejection_of(uint64_t packed)
{
	return (struct ejection){.until_ds = (uint32_t)(packed >> 32), .times = (uint8_t)(packed >> 8), .in_row = (uint8_t)packed};
}

static uint64_t ejection_pack(const struct ejection *e)
{
	return (uint64_t)e->until_ds << 32 | (uint32_t)e->times << 8 | e->in_row;
}

static uint32_t tenths(int64_t now_us) { return (uint32_t)(now_us / (100 * MS_US)); }

static uint32_t ejection_ds(unsigned times, const struct policy_tuning *tuning)
{
	uint64_t ms = (uint64_t)tuning->eject_ms << (times < 20 ? times : 20);
	return (uint32_t)((ms < tuning->eject_max_ms ? ms : tuning->eject_max_ms) / 100);
}

static bool ejected(const struct ejection *e, uint32_t now_ds) { return (int32_t)(e->until_ds - now_ds) > 0 && e->until_ds; }

static void note_outcome(_Atomic uint64_t *cell, bool failed)
{
	uint64_t old = load64(cell), fresh;
	do {
		struct ejection e = ejection_of(old);
		e.in_row = failed ? (uint8_t)(e.in_row + (e.in_row < UINT8_MAX)) : 0;
		fresh = ejection_pack(&e);
	} while (fresh != old && !swap64(cell, &old, fresh));
}

/* The next state of one that is to go out now. Time that went well since it last came back, in lengths
 * of the stay before, is taken off the times it was out. */
static struct ejection eject(struct ejection e, uint32_t now_ds, const struct policy_tuning *tuning)
{
	if (e.until_ds) {
		uint32_t stay = ejection_ds(e.times, tuning), well = (now_ds - e.until_ds) / (stay ? stay : 1);
		e.times = well > e.times ? 0 : (uint8_t)(e.times + 1 - well);
	}
	e.until_ds = now_ds + ejection_ds(e.times, tuning);
	e.until_ds += !e.until_ds;
	e.in_row = (uint8_t)(tuning->eject_failures - 1);
	return e;
}

static bool outlier(const struct region_live *r, int64_t now_us, float others, const struct policy_tuning *tuning)
{
	float own = region_error_rate(r, now_us, tuning);
	return rate_now(load64(&r->rate), now_us) >= OUTLIER_ATTEMPTS && own >= OUTLIER_RATE &&
	       own >= others + OUTLIER_ABOVE;  /* false for NaN: without others there is nothing to be out of line with */
}

bool region_judge(struct region_live *r, int64_t now_us, float others, const struct policy_tuning *tuning)
{
	uint64_t old = load64(&r->ejection), fresh;
	uint32_t now_ds = tenths(now_us);
	if (!tuning->eject_failures)
		return false;
	do {
		struct ejection e = ejection_of(old);
		if (ejected(&e, now_ds) || (e.in_row < tuning->eject_failures && !outlier(r, now_us, others, tuning)))
			return false;
		e = eject(e, now_ds, tuning);
		fresh = ejection_pack(&e);
	} while (!swap64(&r->ejection, &old, fresh));
	count(&r->ejections);
	return true;
}

float region_error_rate(const struct region_live *r, int64_t now_us, const struct policy_tuning *tuning)
{
	uint64_t errors = load64(&r->errors);
	float say = region_say(age_ms(errors, now_us), tuning->fresh_ms, tuning->gone_ms);
	return errors && say > 0 ? value_of(errors) * say : NAN;
}

/* ---- live traffic ---- */

static void decrement(_Atomic uint32_t *cell)
{
	uint32_t v = atomic_load_explicit(cell, memory_order_relaxed);
	while (v > 0 && !atomic_compare_exchange_weak_explicit(cell, &v, v - 1, memory_order_relaxed, memory_order_relaxed))
		;
}

void region_setup_begin(struct region_live *r, int64_t now_us)
{
	atomic_fetch_add_explicit(&r->setups, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->waiting, 1, memory_order_relaxed);
	count(&r->attempts);
	rate_count(&r->rate, now_us);
}

void region_waiting_end(struct region_live *r) { decrement(&r->waiting); }

void region_first_response(struct region_live *r, int64_t now_us, int64_t latency_us)
{
	average_latency(&r->latency, now_us, latency_us);
}

void region_ringing(struct region_live *r, int64_t now_us, int64_t latency_us)
{
	average_latency(&r->ringing, now_us, latency_us);
}

/* A count that could go below zero would make a region look full for ever. */

void region_setup_end(struct region_live *r, int64_t now_us, bool failed)
{
	decrement(&r->setups);
	average(&r->errors, failed ? 1 : 0, now_us, SLOW_MS, 1);
	note_outcome(&r->ejection, failed);
	if (failed)
		count(&r->failed);
}

void region_call_begin(struct region_live *r)
{
	atomic_fetch_add_explicit(&r->calls, 1, memory_order_relaxed);
	count(&r->answered);
}

void region_call_end(struct region_live *r) { decrement(&r->calls); }

/* ---- probes ---- */

bool region_health_judge(struct region_health *h, bool good, unsigned rise, unsigned fall)
{
	h->good = good ? h->good + 1 : 0;
	h->bad = good ? 0 : h->bad + 1;
	if (!h->known)
		h->healthy = good;
	else if (good && h->good >= rise)
		h->healthy = true;
	else if (!good && h->bad >= fall)
		h->healthy = false;
	h->known = true;
	return h->healthy;
}

bool region_set_health(struct region_live *r, bool healthy, uint32_t rtt_us, int64_t now_us, int64_t now_wall_us)
{
	atomic_store_explicit(&r->rtt_us, rtt_us, memory_order_relaxed);
	bool was = atomic_exchange_explicit(&r->healthy, healthy, memory_order_relaxed);
	if (was == healthy)
		return false;
	if (healthy)
		atomic_store_explicit(&r->up_ds, tenths(now_us), memory_order_relaxed);
	else
		atomic_store_explicit(&r->was_down, true, memory_order_relaxed);
	atomic_store_explicit(&r->health_since_wall_us, now_wall_us, memory_order_relaxed);
	return true;
}

/* ---- what others tell ---- */

static bool refuse(struct region_live *r)
{
	count(&r->refused);
	return false;
}

/* Neither from the future nor older than what is known; `was`: packed time, 0: none. */
static bool time_right(uint64_t was, int64_t true_us, int64_t now_us)
{
	if (true_us < 0 || true_us > now_us + FUTURE_US)
		return false;
	return !was || (int32_t)((uint32_t)(true_us / MS_US) - (uint32_t)was) >= 0;
}

bool region_set_figure(struct region_live *r, enum region_figure which, double value, int64_t true_us, int64_t now_us)
{
	struct region_outside *o = &r->outside[which];
	double max = which == REGION_PERCENT ? 100 : FIGURE_MAX;
	if (!(value >= 0 && value <= max) || !time_right(load64(&o->value), true_us, now_us))
		return refuse(r);
	/* Kept with its sign turned, so that 0 is a figure too. What was sent between its time and now it does not know of. */
	uint64_t attempts = load64(&r->attempts);
	int64_t late_us = now_us > true_us ? now_us - true_us : 0;
	uint64_t since = (uint64_t)rate_now(load64(&r->rate), now_us) * (uint64_t)late_us / SEC_US;
	atomic_store_explicit(&o->attempts, attempts > since ? attempts - since : 0, memory_order_relaxed);
	atomic_store_explicit(&o->value, pack(-(float)value, true_us), memory_order_relaxed);
	return true;
}

bool region_set_remote(struct region_live *r, uint32_t setups, uint32_t calls, int64_t true_us, int64_t now_us)
{
	if (setups > FIGURE_MAX || calls > FIGURE_MAX || !time_right(load64(&r->remote_ms), true_us, now_us))
		return refuse(r);
	atomic_store_explicit(&r->remote, (uint64_t)setups << 32 | calls, memory_order_relaxed);
	atomic_store_explicit(&r->remote_ms, (uint64_t)1 << 32 | (uint32_t)(true_us / MS_US), memory_order_relaxed);
	return true;
}

bool region_get_figure(const struct region_live *r, enum region_figure which, int64_t now_us, double *value,
                       uint32_t *age)
{
	uint64_t packed = load64(&r->outside[which].value);
	*value = fabs((double)value_of(packed));
	*age = packed ? age_ms(packed, now_us) : 0;
	return packed != 0;
}

const char *region_figure_str(enum region_figure which)
{
	static const char *const names[] = {"agents", "queue", "oldest_s", "slots", "percent"};
	return which < REGION_FIGURES ? names[which] : "unknown";
}

/* ---- what a decision reads ---- */

float region_say(uint32_t age, uint32_t fresh_ms, uint32_t gone_ms)
{
	if (age <= fresh_ms)
		return 1;
	if (age >= gone_ms)
		return 0;
	return (float)(gone_ms - age) / (float)(gone_ms - fresh_ms);
}

/* Own attempts that the figure does not know of yet. */
static double since(const struct region_live *r, enum region_figure which)
{
	uint64_t now = load64(&r->attempts), then = load64(&r->outside[which].attempts);
	return now > then ? (double)(now - then) : 0;
}

/* One figure as a load from 0 to 1 and above; `in_use`: calls and setups of all nodes. */
static double figure_load(const struct region_live *r, enum region_figure which, double value, double in_use,
                          const struct policy_region_config *config, const struct policy_tuning *tuning)
{
	double queue = 0, left;
	switch (which) {
	case REGION_AGENTS:
		if (load64(&r->outside[REGION_QUEUE].value))
			queue = fabs((double)value_of(load64(&r->outside[REGION_QUEUE].value)));
		queue += since(r, REGION_AGENTS);
		return value > 0 ? queue / (queue + value) : 1;
	case REGION_OLDEST_S:
		return value * 1000 / tuning->oldest_full_ms;
	case REGION_SLOTS:
		left = value - since(r, REGION_SLOTS);
		return left > 0 ? in_use / (in_use + left) : 1;
	case REGION_PERCENT:
		return value / 100 + (config->max_calls ? since(r, REGION_PERCENT) / config->max_calls : 0);
	case REGION_QUEUE:
	case REGION_FIGURES:
		break;
	}
	return 0;
}

/* The fullest that any outside figure makes the region, each by what it still says. */
static float outside_load(const struct region_live *r, double in_use, const struct policy_region_config *config,
                          const struct policy_tuning *tuning, int64_t now_us, uint8_t *which)
{
	double most = 0;
	for (unsigned i = 0; i < REGION_FIGURES; i++) {
		double value;
		uint32_t age;
		if (!region_get_figure(r, (enum region_figure)i, now_us, &value, &age))
			continue;
		double say = (double)region_say(age, tuning->figure_fresh_ms, tuning->figure_gone_ms);
		double load = say * figure_load(r, (enum region_figure)i, value, in_use, config, tuning);
		if (load > most) {
			most = load;
			*which = (uint8_t)i;
		}
	}
	return (float)most;
}

/* The share of its weight that a region does not get yet, for it came back a moment ago. */
static float held_back(const struct region_live *r, const struct ejection *e, uint32_t now_ds,
                       const struct policy_tuning *tuning)
{
	uint32_t back = e->until_ds, up = atomic_load_explicit(&r->up_ds, memory_order_relaxed);
	bool was_down = atomic_load_explicit(&r->was_down, memory_order_relaxed);
	if (was_down && (!back || (int32_t)(up - back) > 0))
		back = up;
	if (!back && !was_down)
		return 0;
	int32_t age = (int32_t)(now_ds - back);
	float ramp = age <= 0 ? 0 : (float)age * 100 / (float)(tuning->slow_start_ms ? tuning->slow_start_ms : 1);
	if (ramp >= 1)
		return 0;
	return 1 - (ramp > RAMP_MIN ? ramp : RAMP_MIN);
}

static void remote_facts(const struct region_live *r, const struct policy_tuning *tuning, int64_t now_us,
                         struct policy_region_facts *out)
{
	uint64_t when = load64(&r->remote_ms), remote = load64(&r->remote);
	if (!when)
		return;
	float say = region_say(age_ms(when, now_us), tuning->figure_fresh_ms, tuning->figure_gone_ms);
	out->remote_setups = (uint32_t)((float)(uint32_t)(remote >> 32) * say + 0.5f);
	out->remote_calls = (uint32_t)((float)(uint32_t)remote * say + 0.5f);
}

void region_facts(const struct region_live *r, const struct policy_region_config *config,
                  const struct policy_tuning *tuning, int64_t now_us, struct policy_region_facts *out)
{
	int32_t ordered = atomic_load_explicit(&r->weight, memory_order_relaxed);
	struct ejection e = ejection_of(load64(&r->ejection));
	float errors = region_error_rate(r, now_us, tuning);
	*out = (struct policy_region_facts){
		.admin = (enum policy_admin)atomic_load_explicit(&r->admin, memory_order_relaxed),
		.healthy = atomic_load_explicit(&r->healthy, memory_order_relaxed),
		.was_hot = atomic_load_explicit(&r->hot, memory_order_relaxed),
		.weight = ordered >= 0 ? (uint32_t)ordered : config->weight,
		.setups = atomic_load_explicit(&r->setups, memory_order_relaxed),
		.waiting = atomic_load_explicit(&r->waiting, memory_order_relaxed),
		.calls = atomic_load_explicit(&r->calls, memory_order_relaxed),
		.cps = rate_now(load64(&r->rate), now_us),
		.rtt_us = atomic_load_explicit(&r->rtt_us, memory_order_relaxed),
		.error_rate = errors > 0 ? errors : 0,
		.ejected = ejected(&e, tenths(now_us)),
		.held = held_back(r, &e, tenths(now_us), tuning),
	};
	out->latency_us = latency_now(&r->latency, now_us, &out->latency_age_ms);
	out->ring_us = latency_now(&r->ringing, now_us, &out->ring_age_ms);
	remote_facts(r, tuning, now_us, out);
	double in_use = (double)out->calls + out->setups + out->remote_calls + out->remote_setups;
	out->outside_load = outside_load(r, in_use, config, tuning, now_us, &out->outside_figure);
}
