/* Trunk limits: see trunk.h. Calls per second by the generic cell rate algorithm, with a burst of one
 * second's worth: one atomic word, no timer, the same on every worker. */
#include "proxy/trunk.h"

#include "base/clock.h"

static bool conforms(struct trunk *t, int64_t now_us)
{
	if (!t->max_cps)
		return true;
	int64_t step = CLOCK_SEC / t->max_cps;
	int64_t next = atomic_load_explicit(&t->live->next_us, memory_order_relaxed), start;
	do {
		start = next > now_us ? next : now_us;
		if (start - now_us > CLOCK_SEC - step)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&t->live->next_us, &next, start + step, memory_order_relaxed,
	                                                memory_order_relaxed));
	return true;
}

bool trunk_admit(struct trunk *t, int64_t now_us)
{
	uint32_t busy = atomic_fetch_add_explicit(&t->live->setups, 1, memory_order_relaxed) +
	                atomic_load_explicit(&t->live->calls, memory_order_relaxed);
	bool room = !t->max_calls || busy < t->max_calls;
	if (!room || !conforms(t, now_us)) {
		atomic_fetch_sub_explicit(&t->live->setups, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(room ? &t->live->over_cps : &t->live->over_calls, 1, memory_order_relaxed);
		return false;
	}
	atomic_fetch_add_explicit(&t->live->calls_total, 1, memory_order_relaxed);
	return true;
}

void trunk_setup_end(struct trunk *t, bool answered)
{
	if (answered)
		atomic_fetch_add_explicit(&t->live->calls, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&t->live->setups, 1, memory_order_relaxed);
}

void trunk_call_begin(struct trunk *t) { atomic_fetch_add_explicit(&t->live->calls, 1, memory_order_relaxed); }
void trunk_call_end(struct trunk *t) { atomic_fetch_sub_explicit(&t->live->calls, 1, memory_order_relaxed); }
