/* vocab_ulp.c: the functions that generated C is written in, against independent truth.
 *
 * tests/unit/test_vocab.c prints the vocabulary into vocab.h, and a table of its f32 functions into functions.h:
 *     X(name, reference, bound in ulp, exact or not)
 * and compiles this file with both.  For every STRIDE-th float (1: all of them), and 2^16 around every threshold:
 * the scalar function is within its stated bound of the reference in double, and every lane of the vector function has
 * the scalar's bits.  Prints one line a function; exit status 1 if one fails.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vocab.h"

#ifdef VECTOR
#define N_LANES VL
#else
#define N_LANES 1
#endif

static double ref_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double ref_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double ref_sign(double x) { return x != x ? x : (double)((x > 0) - (x < 0)); }
static double ref_neg(double x) { return -x; }

static uint32_t bits(float a)
{
	uint32_t u;
	memcpy(&u, &a, 4);
	return u;
}

static float from_bits(uint32_t u)
{
	float a;
	memcpy(&a, &u, 4);
	return a;
}

/* |y - want| in units of the last place of the float nearest to want.  Overflow counts as one beyond the largest. */
static double ulps(float y, double want)
{
	if (want != want || y != y) return (want != want) == (y != y) ? 0 : HUGE_VAL;
	if ((double)y == want) return !signbit(y) == !signbit(want) || want != 0 ? 0 : HUGE_VAL;
	double size = fabs(want), got = y;
	if (isinf(y)) got = copysign(0x1p128, got);
	if (isinf(want) || size >= 0x1.ffffffp127)
		return fabs(got) >= 0x1p128 && (got > 0) == (want > 0) ? 0 : HUGE_VAL;
	int exponent;
	frexp(size, &exponent);
	return fabs(got - want) / ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

typedef struct {
	const char *name;
	float (*scalar)(float);
	void (*vector)(const float *, float *);
	double (*reference)(double);
	double bound, least; /* least: results below it may be 0 */
} Function;

#ifdef VECTOR
#define X(name, ref, bound, least)                                  \
	static float scalar_##name(float a) { return s_##name(a); } \
	static void vector_##name(const float *a, float *y) { v_storeu(y, v_##name(v_loadu(a))); }
#else
#define X(name, ref, bound, least) \
	static float scalar_##name(float a) { return s_##name(a); }
#define vector_absent NULL
#endif
#include "functions.h"
#undef X

static const Function functions[] = {
#ifdef VECTOR
#define X(name, ref, bound, least) {#name, scalar_##name, vector_##name, ref, bound, least},
#else
#define X(name, ref, bound, least) {#name, scalar_##name, NULL, ref, bound, least},
#endif
#include "functions.h"
#undef X
};

typedef struct {
	double worst;
	float at;
	uint64_t n, n_different;
	float different;
} Result;

static void check(const Function *f, const float *x, Result *r)
{
	float vector[N_LANES];
	if (f->vector) f->vector(x, vector);
	for (int l = 0; l < N_LANES; l++) {
		float y = f->scalar(x[l]);
		double want = f->reference(x[l]);
		double error = fabs(want) < f->least && y == 0 ? 0 : ulps(y, want);
		r->n++;
		if (error > r->worst) r->worst = error, r->at = x[l];
		if (f->vector && bits(y) != bits(vector[l]) && (y == y || vector[l] == vector[l]))
			r->n_different++, r->different = x[l];
	}
}

int main(int argc, char **argv)
{
	static const float thresholds[] = {0, FLT_MIN, 0.25f, 0.34657359f, 0.5f, 0.70710678f, 0.78539816f, 0.92f, 1,
		1.41421356f, 1.5f, 2, 2.5f, 4, 9.02f, 87.3f, 88.72284f, 89.41599f, 90, 103.972f, 105, 1e5f, 1e9f,
		8388608, 16777216, 2147483648.0f, FLT_MAX};
	uint32_t stride = argc > 1 ? (uint32_t)atoi(argv[1]) : 4099;
	const char *only = argc > 2 ? argv[2] : NULL;
	int failed = 0;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		const Function *f = &functions[i];
		if (only && strcmp(only, f->name)) continue;
		Result r = {0};
		float x[N_LANES];
		int n = 0;
		for (uint64_t u = 0; u < 0x100000000u; u += stride) {
			x[n++] = from_bits((uint32_t)u);
			if (n == N_LANES) check(f, x, &r), n = 0;
		}
		n = 0;
		for (size_t t = 0; t < sizeof(thresholds) / sizeof(*thresholds); t++)
			for (int sign = 0; sign < 2; sign++)
				for (int d = -512; d < 512; d++) {
					x[n++] = from_bits((bits(thresholds[t]) + (uint32_t)d) ^ (uint32_t)sign << 31);
					if (n == N_LANES) check(f, x, &r), n = 0;
				}
		int bad = r.worst > f->bound || r.n_different;
		failed |= bad;
		printf("%-9s %.3f ulp at %-14.9g bound %.2f  %llu values", f->name, r.worst, (double)r.at, f->bound,
			(unsigned long long)r.n);
		if (r.n_different)
			printf("  vector differs for %llu, %.9g", (unsigned long long)r.n_different,
				(double)r.different);
		puts(bad ? "  FAILED" : "");
	}
	return failed;
}
