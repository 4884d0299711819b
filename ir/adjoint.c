/* adjoint.c: what the derivatives of several structural primitives are built with; each stands in its file of ir/ops.
 *
 * Indices of a gather are clamped and those of a scatter are dropped where they are out of bounds, so the way back has to say
 * which.
 */
#include "ir/prim.h"

const Val *unfold_axes(Ctx *cx, const Val *g, const Type *t, int n_axes, const int *axes)
{
	const Dim **dims = dims_copy(cx, t, 0);
	for (int i = 0; i < n_axes; i++) dims[axes[i]] = dim_int(cx, 1);
	return b_expand(cx, b_reshape(cx, g, t->rank, dims), t->rank, t->dims);
}

/* i64[n]: the dims, with `add` to each. */
static const Val *sizes_of(Ctx *cx, int n, Dims dims, int64_t add)
{
	const Dim *one = dim_int(cx, 1);
	const Val **sizes = NEWN(cx->arena, const Val *, n);
	for (int i = 0; i < n; i++)
		sizes[i] = b_reshape(cx, b_dim(cx, dim_add(cx, dims[i], dim_int(cx, add))), 1, &one);
	return n ? b_concat(cx, n, sizes, 0) : b_ints(cx, 0, NULL);
}

const Val *clamped_tuples(Ctx *cx, const Val *idx, int n, Dims dims)
{
	const Val *from_first = b_ew2(cx, OP_EW_max, b_cast(cx, idx, I64), b_scalar_int(cx, I64, 0));
	return b_ew2(cx, OP_EW_min, from_first, sizes_of(cx, n, dims, -1));
}

const Val *batched_tuples(Ctx *cx, const Val *idx, int batch, int n, Dims dims)
{
	const int last = idx->type->rank - 1;
	const Val **parts = NEWN(cx->arena, const Val *, batch + 1);
	const Dim **each = dims_copy(cx, idx->type, 0);
	each[last] = dim_int(cx, 1);
	for (int i = 0; i < batch; i++) parts[i] = b_iota(cx, I64, last + 1, each, i);
	parts[batch] = clamped_tuples(cx, idx, n, dims + batch);
	return b_concat(cx, batch + 1, parts, last);
}

const Val *tuples_inside(Ctx *cx, const Val *idx, int n, Dims dims)
{
	const int last = idx->type->rank - 1;
	idx = b_cast(cx, idx, I64);
	const Val *from_first = b_ew2(cx, OP_EW_ge, idx, b_scalar_int(cx, I64, 0));
	const Val *to_last = b_ew2(cx, OP_EW_lt, idx, sizes_of(cx, n, dims, 0));
	return b_reduce(cx, "min", b_ew2(cx, OP_EW_and, from_first, to_last), 1, &last, false);
}
