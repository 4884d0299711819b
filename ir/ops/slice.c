/* slice x [start size step]: y[i] = x[start + i * step] in each dim.
 *
 * start >= 0 counts from the front, also where step < 0: start = n - 1, size = n, step = -1 flips.  Both ends must lie inside
 * unless the size is 0; what symbols leave open is checked when they have values.
 */
#include "ir/prim.h"

static void want_inside(Ctx *cx, const Type *t, int i, const Dim *at)
{
	if (dim_hi(at) < 0 || dim_lo(dim_sub(cx, at, t->dims[i])) >= 0)
		fail(cx, "slice: element %s of dim %d, which has %s", dim_str(cx, at), i, dim_str(cx, t->dims[i]));
}

INFER(slice)
{
	const Type *t = args[0]->type;
	for (int i = 0; i < 3; i++) want_n(cx, op, &attrs[i], t->rank);
	want_sizes(cx, op, "the size", t->rank, attrs[1].dims);
	for (int i = 0; i < t->rank; i++) {
		const Dim *start = attrs[0].dims[i], *size = attrs[1].dims[i];
		const int64_t step = attrs[2].ints[i];
		if (step == 0) fail(cx, "slice: step 0 in dim %d", i);
		if (dim_lo(size) <= 0) continue;
		want_inside(cx, t, i, start);
		const Dim *way = dim_mul(cx, dim_sub(cx, size, dim_int(cx, 1)), dim_int(cx, step));
		want_inside(cx, t, i, dim_add(cx, start, way));
	}
	return type_new(cx, t->elem, t->rank, attrs[1].dims);
}

EVAL(slice)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const int64_t *step = val_ints(v, A_STEP);
	int64_t *from = strides_of(e, x->rank, x->dims);
	int64_t first = 0;
	for (int i = 0; i < x->rank && y->count; i++) {
		const int64_t start = dim_eval(e->cx, val_dims(v, A_START)[i], &e->env);
		int64_t last;
		if (__builtin_mul_overflow(y->dims[i] - 1, step[i], &last) ||
			__builtin_add_overflow(last, start, &last) || start < 0 || start >= x->dims[i] || last < 0 ||
			last >= x->dims[i])
			eval_fail(e, v, "%lld elements from %lld by %lld of dim %d, which has %lld",
				(long long)y->dims[i], (long long)start, (long long)step[i], i, (long long)x->dims[i]);
		first += start * from[i];
		from[i] = y->dims[i] > 1 ? from[i] * step[i] : 0; /* one element alone may have any step */
	}
	const int size = elem_info[x->elem].size;
	if (y->count)
		copy_strided(e, size, y->rank, y->dims, y->data, strides_of(e, y->rank, y->dims),
			(const char *)x->data + first * size, from);
	results[0] = y;
}

/* g in one dim with step - 1 zeros behind each element, flipped where the step is below 0. */
static const Val *spread(Ctx *cx, const Val *g, int axis, int64_t step, const Val *zero)
{
	const Dim *n = g->type->dims[axis], *one = dim_int(cx, 1);
	if (step < 0) g = b_slice(cx, g, axis, dim_sub(cx, n, one), n, -1);
	if (step == 1 || step == -1) return g;
	const int rank = g->type->rank;
	const Dim **hi = NEWN(cx->arena, const Dim *, rank + 1), **lo = NEWN(cx->arena, const Dim *, rank + 1);
	const Dim **dims = dims_copy(cx, g->type, 0);
	for (int i = 0; i <= rank; i++) hi[i] = lo[i] = dim_int(cx, 0);
	hi[axis + 1] = dim_int(cx, (step < 0 ? -step : step) - 1);
	dims[axis] = dim_mul(cx, n, dim_int(cx, step < 0 ? -step : step));
	return b_reshape(cx, b_pad(cx, b_unsqueeze(cx, g, axis + 1), lo, hi, zero), rank, dims);
}

/* Zeros around it; the spread elements may reach over the end of x, where only zeros are cut off. */
ADJOINT(slice)
{
	const Type *x = v->args[0]->type;
	const Val *zero = b_scalar(cx, x->elem, 0);
	const Dim **lo = NEWN(cx->arena, const Dim *, x->rank), **hi = NEWN(cx->arena, const Dim *, x->rank);
	if (dim_is(type_count(cx, v->type), 0)) return;
	for (int i = 0; i < x->rank; i++) {
		const int64_t step = val_ints(v, A_STEP)[i], stride = step < 0 ? -step : step;
		const Dim *n = v->type->dims[i],
			  *way = dim_mul(cx, dim_sub(cx, n, dim_int(cx, 1)), dim_int(cx, stride));
		lo[i] = val_dims(v, A_START)[i];
		if (step < 0) lo[i] = dim_sub(cx, lo[i], way);
		hi[i] = dim_sub(cx, dim_sub(cx, x->dims[i], lo[i]), dim_add(cx, way, dim_int(cx, 1)));
		g = spread(cx, g, i, step, zero);
	}
	g = b_pad(cx, g, lo, hi, zero);
	for (int i = 0; i < x->rank; i++) g = b_slice(cx, g, i, dim_int(cx, 0), x->dims[i], 1);
	grads[0] = g;
}
