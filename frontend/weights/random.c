/* random.c: counter-based random numbers, uniform and normal, of the same bits on every machine.
 *
 * Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  Its counter is the
 * index of a block (64 bits) and the stream (64 bits); two doubles come out of a block.
 * Normal numbers: the inverse of the distribution function at a uniform number.  Wichura, "Algorithm AS 241: the percentage
 * points of the normal distribution", Applied Statistics 37, 1988: about 1e-16 of the value.
 */
#include "frontend/weights/weights.h"
#include "runtime/sha256.h"

#include <math.h>
#include <string.h>

/* ---- Philox ---- */

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4])
{
	enum { ROUNDS = 10 };
	uint32_t c[4], k[2] = {key[0], key[1]};
	memcpy(c, counter, sizeof c);
	for (int round = 0; round < ROUNDS; round++) {
		const uint64_t p0 = UINT64_C(0xD2511F53) * c[0], p1 = UINT64_C(0xCD9E8D57) * c[2];
		const uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
			(uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};
		memcpy(c, next, sizeof c);
		k[0] += 0x9E3779B9; /* the golden ratio, and the square root of 3 less 1, as 32-bit fractions */
		k[1] += 0xBB67AE85;
	}
	memcpy(block, c, sizeof c);
}

/* The first 16 digits of the name's SHA-256 are the stream. */
Random random_stream(Ctx *cx, uint64_t seed, const char *name)
{
	const char *digest = sha256_hex(cx->arena, name, strlen(name));
	Random r = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
	for (int i = 0; i < 16; i++) {
		const char c = digest[i];
		r.stream[i / 8] = r.stream[i / 8] << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return r;
}

double random_uniform(const Random *r, int64_t i)
{
	const uint64_t at = (uint64_t)i / 2;
	const uint32_t counter[4] = {(uint32_t)at, (uint32_t)(at >> 32), r->stream[0], r->stream[1]};
	uint32_t block[4];
	philox4x32(counter, r->key, block);
	const int half = (int)(i % 2) * 2;
	const uint64_t bits = (uint64_t)block[half + 1] << 32 | block[half];
	/* 52 bits and a half: exact, as far from 0 as from 1, and never either */
	return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

/* ---- normal numbers ---- */

/* The logarithm of x in (0, 1): x = m 2^e, m about 1, ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
static double logarithm(double x)
{
	static const double ln2_hi = 0x1.62e42fefa3800p-1, ln2_lo = 0x1.ef35793c76730p-45; /* e * ln2_hi is exact */
	int e;
	double m = frexp(x, &e); /* exact */
	if (m < 0.70710678118654752) {
		m *= 2;
		e--;
	}
	const double s = (m - 1) / (m + 1), z = s * s; /* z < 0.0295: twelve terms */
	double sum = 0;
	for (int k = 25; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
	return e * ln2_hi + (e * ln2_lo + 2 * (s + s * sum));
}

static double polynomial(const double c[8], double x)
{
	double y = c[7];
	for (int i = 6; i >= 0; i--) y = y * x + c[i];
	return y;
}

/* Wichura's coefficients, from the constant term up: numerator and denominator of the centre, the flanks, the tails. */
static const double centre[2][8] = {
	{3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
		45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727},
	{1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
		39307.895800092710610, 28729.085735721942674, 5226.4952788528545610},
};
static const double flank[2][8] = {
	{1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
		1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4},
	{1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
		0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9},
};
static const double tail[2][8] = {
	{6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
		0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5,
		2.01033439929228813265e-7},
	{1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525, 7.86869131145613259100e-4,
		1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15},
};

double normal_quantile(double p)
{
	const double q = p - 0.5;
	if (fabs(q) <= 0.425) {
		const double r = 0.180625 - q * q;
		return q * polynomial(centre[0], r) / polynomial(centre[1], r);
	}
	const double r = sqrt(-logarithm(q < 0 ? p : 1 - p));
	const double x = r <= 5 ? polynomial(flank[0], r - 1.6) / polynomial(flank[1], r - 1.6)
				: polynomial(tail[0], r - 5) / polynomial(tail[1], r - 5);
	return q < 0 ? -x : x;
}

double random_normal(const Random *r, int64_t i) { return normal_quantile(random_uniform(r, i)); }
