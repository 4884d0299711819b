/* sample.h: values between the elements of a grid, as weighted sums of elements around a place (ops_sample.c). */
#ifndef FRONTEND_ONNX_SAMPLE_H
#define FRONTEND_ONNX_SAMPLE_H

#include "frontend/onnx/arith.h"

/* Elements that a point looks at along one dim: index i64[B, P, T] (what is outside is clamped) and weight [B, P,
 * T], NULL: T is 1 and its weight is, too. */
typedef struct {
	const Val *index, *weight;
} Taps;

/* The two elements around places [B, P] and their linear weights. */
Taps linear_taps(Ctx *, const Val *place);
/* Taps with no weight outside of a dim of that size. */
Taps taps_inside(Ctx *, Taps, const Dim *size);
/* The taps of all r dims together, as the products of their weights: tuples i64[B, P, T, r] and weights [B, P, T]. */
Taps taps_product(Ctx *, int r, const Taps *);
/* x [B, C, D1.., Dr] at points: [B, C, P]. */
const Val *sampled(Ctx *, const Val *x, int r, const Taps *);
/* x with its channels, dim 1, as the last dim. */
const Val *channels_last(Ctx *, const Val *x);

#endif
