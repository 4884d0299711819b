/* gather x idx [axis]: y = x[.., idx[j..], ..]; the dims of idx take the axis' place.  An index is clamped to [0, n - 1];
 * from an axis without elements nothing can be gathered. */
#include "ir/prim.h"

#include <string.h>

INFER(gather)
{
	const Type *x = args[0]->type, *index = args[1]->type;
	const int axis = want_axis(cx, op, &attrs[0], x);
	if (!elem_is_int(index->elem)) fail(cx, "gather: indices must be integers, seen %s", type_str(cx, index));
	const Dim **dims = NEWN(cx->arena, const Dim *, x->rank + index->rank);
	int n = 0;
	for (int i = 0; i < axis; i++) dims[n++] = x->dims[i];
	for (int i = 0; i < index->rank; i++) dims[n++] = index->dims[i];
	for (int i = axis + 1; i < x->rank; i++) dims[n++] = x->dims[i];
	return type_new(cx, x->elem, n, dims);
}

EVAL(gather)
{
	const Tensor *x = args[0], *index = args[1];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (y->count == 0) return;
	const int axis = (int)val_int(v, A_AXIS);
	const int64_t n = x->dims[axis], n_before = product_of(axis, x->dims);
	const int64_t n_after = product_of(x->rank - axis - 1, x->dims + axis + 1);
	if (n == 0) eval_fail(e, v, "dim %d has no elements to gather from", axis);
	const size_t size_bytes = (size_t)(n_after * elem_info[x->elem].size);
	char *to = y->data;
	for (int64_t i = 0; i < n_before; i++)
		for (int64_t j = 0; j < index->count; j++, to += size_bytes) {
			const int64_t at = index_clamped(index, j, n);
			memcpy(to, (const char *)x->data + (size_t)(i * n + at) * size_bytes, size_bytes);
		}
}

ADJOINT(gather)
{
	const Type *x = v->args[0]->type;
	const int axis = (int)val_int(v, A_AXIS), n = v->args[1]->type->rank;
	int *perm = NEWN(cx->arena, int, v->type->rank);
	for (int i = 0; i < v->type->rank; i++) perm[i] = i < n ? axis + i : i < n + axis ? i - n : i;
	const Val *idx = clamped_tuples(cx, b_unsqueeze(cx, v->args[1], n), 1, x->dims + axis);
	const Val *zeros = b_move_axis(cx, b_zeros(cx, x->elem, x->rank, x->dims), axis, 0);
	grads[0] = b_move_axis(cx, b_scatter_nd(cx, zeros, idx, b_permute(cx, g, perm), "add"), 0, axis);
}
