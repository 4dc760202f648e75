/* The controller: see overload.h. Up by what is missing to the target, down by a sixteenth a window: it takes back
 * more slowly than it gives, and swings little about the share that keeps the wait at the target. */
#include "proxy/overload.h"

#define WINDOWS_MOST 128         /* after so many without a datagram nothing is left to take back */

static uint32_t next_share(uint32_t shed, int64_t least_us, int64_t target_us)
{
	if (least_us <= target_us) {
		uint32_t down = shed / 16 + 64;
		return shed > down ? shed - down : 0;
	}
	int64_t times = (least_us - target_us) / (target_us / 4 + 1) + 1;  /* quarters of the target above it */
	if (times > 8)
		times = 8;
	return shed + (uint32_t)((OVERLOAD_MOST - shed) * (uint64_t)times / 32);
}

static void forget(struct overload *o)
{
	for (unsigned i = 0; i < OVERLOAD_QUEUES; i++)
		o->least_us[i] = OVERLOAD_NONE;
}

static int64_t longest(const struct overload *o)
{
	int64_t most = OVERLOAD_NONE;
	for (unsigned i = 0; i < OVERLOAD_QUEUES; i++)
		most = o->least_us[i] > most ? o->least_us[i] : most;
	return most;
}

static void end_window(struct overload *o, int64_t target_us)
{
	uint32_t shed = next_share(overload_shed(o), longest(o), target_us);
	atomic_store_explicit(&o->shed, shed, memory_order_relaxed);
	forget(o);
	o->until_us += OVERLOAD_WINDOW_US;
}

bool overload_turn(struct overload *o, int64_t now_us, int64_t target_us)
{
	bool was = overload_shed(o) > 0;
	if (!o->until_us) {
		o->until_us = now_us + OVERLOAD_WINDOW_US;
		forget(o);
	}
	for (int i = 0; i < WINDOWS_MOST && now_us >= o->until_us; i++)
		end_window(o, target_us);
	if (now_us >= o->until_us)
		o->until_us = now_us + OVERLOAD_WINDOW_US;
	return was != (overload_shed(o) > 0);
}

bool overload_measure(struct overload *o, unsigned queue, int64_t now_us, int64_t wait_us, int64_t target_us)
{
	bool turned = overload_turn(o, now_us, target_us);
	if (o->least_us[queue] == OVERLOAD_NONE || wait_us < o->least_us[queue])
		o->least_us[queue] = wait_us;
	return turned;
}

bool overload_refuses(const struct overload *o, uint64_t chance)
{
	return (chance >> 48) < overload_shed(o);
}
