/* window x [axis window]: overlapping windows, the view under convolution and pooling; window = size stride dilation.
 *
 *     y[.. o .., k] = x[.. o * stride + k * dilation ..]
 *
 * k is a new last dim; o takes the place of the axis and runs over floor((n - dilation * (size - 1) - 1) / stride) + 1.
 */
#include "ir/prim.h"

#include <string.h>

INFER(window)
{
	const Type *t = args[0]->type;
	const int axis = want_axis(cx, op, &attrs[0], t);
	want_n(cx, op, &attrs[1], 3);
	for (int i = 0; i < 3; i++) want_int(cx, op, &attrs[1], i, 1, INT32_MAX);
	const int64_t size = attrs[1].ints[0], stride = attrs[1].ints[1], dilation = attrs[1].ints[2];
	const Dim **dims = dims_copy(cx, t, 1);
	const Dim *room = dim_sub(cx, t->dims[axis], dim_int(cx, dilation * (size - 1) + 1));
	dims[axis] = dim_add(cx, dim_floordiv(cx, room, dim_int(cx, stride)), dim_int(cx, 1));
	dims[t->rank] = dim_int(cx, size);
	if (dim_hi(dims[axis]) < 0)
		fail(cx, "window: a window of %lld elements on dim %d of %s", (long long)(dilation * (size - 1) + 1),
			axis, type_str(cx, t));
	return type_new(cx, t->elem, t->rank + 1, dims);
}

EVAL(window)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const int64_t axis = val_int(v, A_AXIS), *window = val_ints(v, A_WINDOW);
	const int64_t *strides = strides_of(e, x->rank, x->dims);
	int64_t *from = eval_memory(e, y->rank, sizeof *from);
	memcpy(from, strides, sizeof *from * (size_t)x->rank);
	from[axis] = strides[axis] * window[1];
	from[x->rank] = strides[axis] * window[2];
	copy_strided(
		e, elem_info[x->elem].size, y->rank, y->dims, y->data, strides_of(e, y->rank, y->dims), x->data, from);
	results[0] = y;
}

/* An element of x that stands in several windows gets the sum of theirs. */
ADJOINT(window)
{
	const Type *x = v->args[0]->type;
	const int axis = (int)val_int(v, A_AXIS), last = v->type->rank - 1;
	const int64_t *window = val_ints(v, A_WINDOW);
	const Dim *const at[] = {v->type->dims[axis], v->type->dims[last]};
	const Val *first = b_ew2(cx, OP_EW_mul, b_iota(cx, I64, 2, at, 0), b_scalar_int(cx, I64, window[1]));
	const Val *inside = b_ew2(cx, OP_EW_mul, b_iota(cx, I64, 2, at, 1), b_scalar_int(cx, I64, window[2]));
	g = b_move_axis(cx, b_move_axis(cx, g, last, 0), axis + 1, 0); /* o, k, the other dims */
	const Val *zeros = b_move_axis(cx, b_zeros(cx, x->elem, x->rank, x->dims), axis, 0);
	const Val *sums = b_scatter_nd(cx, zeros, b_unsqueeze(cx, b_ew2(cx, OP_EW_add, first, inside), 2), g, "add");
	grads[0] = b_move_axis(cx, sums, 0, axis);
}
