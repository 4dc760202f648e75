/* What it costs to find a datagram's trunk: nanoseconds a longest-prefix match among 100,000 prefixes, four fifths IPv4
 * of /16 to /32, the rest IPv6 of /32 to /128, for sources of which nine in ten are some trunk's, in an order that no
 * cache foresees. The median of runs, after one that is not counted. Prints the figure alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include "base/lpm.h"

#define PREFIXES 100000
#define SOURCES 65536u
#define RUNS 11

static struct prefix prefixes[PREFIXES];
static struct addr sources[SOURCES];
static volatile int64_t sink;

static uint64_t chance(void)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static void random_prefix(struct prefix *p)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN], full[INET6_ADDRSTRLEN + 8];
	bool v6 = chance() % 5 == 0;
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(chance() >> 20);
	bytes[0] = v6 ? 0x20 : (unsigned char)(1 + chance() % 222);
	unsigned length = v6 ? 32 + (unsigned)(chance() % 97) : 16 + (unsigned)(chance() % 17);
	for (unsigned i = length; i < (v6 ? 128u : 32u); i++)
		bytes[i / 8] &= (unsigned char)~(0x80u >> i % 8);
	inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, text, sizeof text);
	snprintf(full, sizeof full, "%s/%u", text, length);
	if (prefix_parse(p, full)) {
		fprintf(stderr, "lookup: %s is no prefix\n", full);
		exit(1);
	}
}

/* The first address of a trunk's prefix is one of its own; now and then a stranger's. */
static void random_source(struct addr *a)
{
	struct prefix p;
	if (chance() % 10 == 0)
		random_prefix(&p);
	else
		p = prefixes[chance() % PREFIXES];
	prefix_first(&p, a);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static double run(const struct lpm *lpm)
{
	int64_t start = now_ns();
	for (unsigned i = 0; i < SOURCES; i++)
		sink += lpm_find(lpm, &sources[i]);
	return (double)(now_ns() - start) / SOURCES;
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(void)
{
	struct lpm *lpm = lpm_new();
	double times[RUNS];
	uint32_t existing;
	for (unsigned i = 0; lpm && i < PREFIXES; i++)
		do
			random_prefix(&prefixes[i]);
		while (lpm_add(lpm, &prefixes[i], i, &existing));
	for (unsigned i = 0; i < SOURCES; i++)
		random_source(&sources[i]);
	if (!lpm)
		return 1;
	run(lpm);
	for (unsigned i = 0; i < RUNS; i++)
		times[i] = run(lpm);
	qsort(times, RUNS, sizeof times[0], order);
	printf("%.1f\n", times[RUNS / 2]);
	lpm_free(lpm);
	return 0;
}
