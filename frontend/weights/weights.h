/* weights.h: where the numbers of a model's parameters come from: random ones (this half), files (the other).
 *
 * Random numbers are a function of the seed, the parameter's name, the initialiser's place in its chain and the element's
 * index, and of nothing else: adding a parameter, or reordering them, changes no other one.  Their bits are the same on
 * every machine: the arithmetic is integers, and + - * / sqrt of doubles in a fixed order, which IEEE 754 rounds alike
 * everywhere; no function of libm whose last bit may differ, and (-ffp-contract=off) no fused multiply-add.
 */
#ifndef FRONTEND_WEIGHTS_H
#define FRONTEND_WEIGHTS_H

#include "ir/ir.h"

/* ------------------------------------------------------------------------------------------------ random.c */

/* Philox4x32-10: a block of four words out of a counter and a key. */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]);

typedef struct {
	uint32_t key[2], stream[2];
} Random;
Random random_stream(Ctx *, uint64_t seed, const char *name);
double random_uniform(const Random *, int64_t i); /* the i-th of them, in (0, 1): k/2^52 + 1/2^53 */
double random_normal(const Random *, int64_t i);  /* mean 0, standard deviation 1 */
double normal_quantile(double p);                 /* p in (0, 1) */

/* ------------------------------------------------------------------------------------------------ near.c */

/* The name most like it, with at most so many letters changed, for messages; NULL: none is. */
const char *nearest_name(const char *name, int most, int n, const char *const *names);

/* ------------------------------------------------------------------------------------------------ matrix.c */

/* Rows of a matrix [n, length], n <= length, made orthonormal; false where they are linearly dependent. */
bool orthonormalise(double *rows, int64_t n, int64_t length);
/* The greatest absolute value of an eigenvalue of a [n, n], to about 1e-7 of it; `a` and `work` [n, n] are overwritten. */
double spectral_radius(double *a, double *work, int64_t n);

/* ------------------------------------------------------------------------------------------------ initialise.c */

/* One step of what stands after `~`: `sparse(0.1) spectral(0.9)` is two. */
enum { INIT_MAX_ARGS = 3 };
typedef struct {
	const char *name;
	int n_args;
	double args[INIT_MAX_ARGS];
} InitStep;

/* Fails, saying which initialisers there are, where a name, or a number of arguments, is none of theirs. */
void init_check(Ctx *, const InitStep *);
/* A line for each initialiser: what it does. */
const char *init_table(Ctx *);
const char *init_text(Ctx *, int n_steps, const InitStep *); /* "sparse(0.1) spectral(0.9)" */

/* What a parameter's shape says of its neighbours: [n]: n inputs, one output; [out, in, size...]: in * sizes, out * sizes. */
void init_fans(int rank, const int64_t *dims, double *fan_in, double *fan_out);

/* The values of a parameter: its initialisers one after the other, computed in double, rounded once to elem.
 * name: of the parameter, for messages and as the stream's. */
const Tensor *init_tensor(Ctx *, const char *name, Elem elem, int rank, const int64_t *dims, double fan_in,
	double fan_out, int n_steps, const InitStep *, uint64_t seed);

#endif
