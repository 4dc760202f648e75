/* Hashing and chance without state: the same inputs give the same figures on every machine and in
 * every run, which replay and sticky routing on several nodes rely on (so no libm either: its last
 * digit differs between versions). Internal to policy/. Any thread. */
#ifndef POLICY_CHANCE_H
#define POLICY_CHANCE_H

#include <stdint.h>
#include <string.h>

/* Every bit of the result depends on every bit of `x` (the finalizer of splitmix64). */
static inline uint64_t chance_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* FNV-1a, mixed: short texts that differ in one digit end up far apart. */
static inline uint64_t chance_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return chance_mix(h);
}

/* From 64 uniform bits to a double strictly between 0 and 1: 52 bits and a half fill it exactly. */
static inline double chance_unit(uint64_t bits)
{
	return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

/* -ln(u) for 0 < u < 1, exponentially distributed when u is uniform. Good to 9 digits, close to 1 as
 * well, where the smallest values (the winners of a draw) come from. */
static inline double chance_exponential(double u)
{
	const uint64_t one = 0x3ff0000000000000u, half_root = 0x3fe6a09e667f3bcdu;  /* 1 and sqrt(1/2) */
	uint64_t bits;
	double m;

	/* u = m x 2^exponent with m from sqrt(1/2) to sqrt(2), without a branch that nobody can predict. */
	memcpy(&bits, &u, sizeof(bits));
	int64_t exponent = (int64_t)(bits + (one - half_root)) >> 52;
	exponent -= 1023;
	bits -= (uint64_t)exponent << 52;
	memcpy(&m, &bits, sizeof(m));
	/* ln m = 2 artanh s, and |s| stays below 0.172: six terms of the series do. */
	double s = (m - 1) / (m + 1), z = s * s;
	double artanh = s * (1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z / 11)))));
	return -((double)exponent * 0.69314718055994531 + 2 * artanh);
}

#endif
