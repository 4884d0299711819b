/* quantise.c: weights become whole numbers of 8 bits and a scale for each row: --weights-dtype int8.
 *
 *     contract %x const f32[N, K] "bk,nk->bn"   =>   contract %x q[N, K] "bk,nk->bn" * s[N]
 *     gather const f32[V, K] %i                 =>   gather q[V, K] %i * gather s[V] %i
 * A row is what one element of the result sums over, or what one index takes: s = max|row| / 127, q = row / s rounded to the
 * nearest even, so that an element is off by half a scale at most, and its row's largest by nothing but s's rounding.  No zero
 * points: weights lie around 0, and sums would have to be corrected for them.  The scale multiplies the sum, once an element of the
 * result, so that what is summed has no more operations than before; narrow.c stores q in 8 bits.
 *   Where a row is made of multiples of its largest / n already, for some n < 127, that is its scale: the integers of a model that
 * was quantised before and has its weights multiplied by their scales (DequantizeLinear) come back, and lose a rounding at most.
 *   What stays: short rows, for which a scale would take as much room as it saves; small tables; weights that are whole numbers
 * of 8 bits already, which a quantised model's are; and what is added, as biases are.
 * Requires: canon.   Keeps: all shapes; not the values.
 */
#include "passes/rewrite.h"

#include <math.h>

enum { SHORT = 8 }; /* elements of a row */

/* A matrix by rows. */
typedef struct {
	const Tensor *weights;
	int64_t n_rows;
	int64_t strides[MAX_LETTERS]; /* of the row's number, for each dim; 0: along the row */
} Rows;

static int64_t row_of(const Rows *r, int64_t i)
{
	int64_t row = 0;
	for (int d = r->weights->rank - 1; d >= 0; d--) {
		row += i % r->weights->dims[d] * r->strides[d];
		i /= r->weights->dims[d];
	}
	return row;
}

/* What an operand is, if it is weights; a view of a constant that repeats its elements is none. */
static const Tensor *weights_of(Ctx *cx, const Val *v)
{
	const Val *base = v;
	while (op_is_view(base->op) && base->op != OP_expand && base->op != OP_window) base = base->args[0];
	if (base->op != OP_const || v->type->elem != F32 || v->type->rank > MAX_LETTERS) return NULL;
	const Tensor *t = constant_tensor(cx, v);
	return t && t->count >= SMALL_WEIGHTS && !is_whole_i8(t) ? t : NULL;
}

static bool is_long(const Rows *r) { return r->weights->count >= SHORT * r->n_rows; }

/* 1 for a row of zeros. */
static float scale_of(const float *row, int64_t size)
{
	const double exact = 1e-4; /* far above three roundings of 127, far below what quantising loses */
	float largest = 0;
	for (int64_t i = 0; i < size; i++) largest = fmaxf(largest, fabsf(row[i]));
	for (int parts = 1; parts < INT8_MAX; parts++) {
		const float scale = largest / (float)parts;
		bool fits = scale > 0;
		for (int64_t i = 0; fits && i < size; i++) {
			const double x = (double)row[i] / (double)scale;
			fits = fabs(x - nearbyint(x)) <= exact;
		}
		if (fits) return scale;
	}
	const float scale = largest / INT8_MAX;
	return scale > 0 ? scale : 1;
}

/* The weights as whole numbers in f32, and the scales of the rows. */
static const Val *quantised(Ctx *cx, const Rows *r, const Val **scales)
{
	const Tensor *from = r->weights;
	const int64_t size = from->count / r->n_rows;
	Tensor *q = tensor_new(cx->arena, F32, from->rank, from->dims), *s = tensor_new(cx->arena, F32, 1, &r->n_rows);
	float *rows = NEWN(cx->arena, float, from->count);
	int64_t *filled = NEWN(cx->arena, int64_t, r->n_rows);
	for (int64_t i = 0; i < from->count; i++) {
		const double x = tensor_get(from, i);
		const int64_t row = row_of(r, i);
		if (!isfinite(x)) fail(cx, "a weight of %g does not fit int8", x);
		rows[row * size + filled[row]++] = (float)x;
	}
	for (int64_t i = 0; i < r->n_rows; i++) tensor_set(s, i, (double)scale_of(rows + i * size, size));
	for (int64_t i = 0; i < from->count; i++) {
		const double x = nearbyint(tensor_get(from, i) / tensor_get(s, row_of(r, i)));
		/* a scale below the normal numbers is coarse; + 0 makes -0 the 0 that integers have */
		tensor_set(q, i, fmin(fmax(x, -INT8_MAX), INT8_MAX) + 0);
	}
	*scales = val_const(cx, s);
	return val_const(cx, q);
}

/* y times the scales, which are reshaped to stand in its dims. */
static const Val *scaled(Ctx *cx, const Val *y, const Val *scales, Dims dims)
{
	const int rank = y->type->rank;
	return b_ew2(cx, OP_EW_mul, y, b_expand(cx, b_reshape(cx, scales, rank, dims), rank, y->type->dims));
}

static const Val *quantise_contract(Ctx *cx, const Val *old, const Val *const *args)
{
	const Letters s = letters_of(old);
	const Type *result = old->type;
	for (int k = 0; k < 2; k++) {
		Rows r = {.weights = weights_of(cx, args[k]), .n_rows = 1};
		if (!r.weights) continue;
		const Dim **dims = NEWN(cx->arena, const Dim *, result->rank);
		for (int i = result->rank - 1; i >= 0; i--) {
			const int at = letters_find(&s, k, s.of[2][i]);
			dims[i] = at < 0 ? dim_int(cx, 1) : result->dims[i];
			if (at < 0) continue;
			r.strides[at] = r.n_rows;
			r.n_rows *= r.weights->dims[at];
		}
		if (!is_long(&r)) continue;
		const Val *both[2] = {args[0], args[1]}, *scales;
		both[k] = quantised(cx, &r, &scales);
		return scaled(cx, val_with(cx, old, both), scales, dims);
	}
	return NULL;
}

static const Val *quantise_gather(Ctx *cx, const Val *old, const Val *const *args)
{
	const int axis = (int)val_int(old, A_AXIS), n = args[1]->type->rank, rank = old->type->rank;
	Rows r = {.weights = weights_of(cx, args[0])};
	if (!r.weights) return NULL;
	r.n_rows = r.weights->dims[axis];
	r.strides[axis] = 1;
	if (!is_long(&r)) return NULL;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) dims[i] = i >= axis && i < axis + n ? old->type->dims[i] : dim_int(cx, 1);
	const Val *scales, *q = quantised(cx, &r, &scales);
	return scaled(cx, val_with(cx, old, (const Val *[]){q, args[1]}), b_gather(cx, scales, args[1], 0), dims);
}

static const Val *quantise_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	return old->op == OP_contract  ? quantise_contract(rw->cx, old, args)
		: old->op == OP_gather ? quantise_gather(rw->cx, old, args)
				       : NULL;
}

const Graph *pass_quantise(Ctx *cx, const Graph *g)
{
	Rewrite rw = {.fn = quantise_val};
	return graph_rewrite(cx, g, &rw);
}
