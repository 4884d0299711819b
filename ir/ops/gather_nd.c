/* gather_nd x idx [batch]: ONNX's GatherND.  The last dim of idx is a tuple of indices (each clamped) into the dims of x after
 * the `batch` leading ones that x and idx share:
 *
 *     y[b.., j.., r..] = x[b.., idx[b.., j.., 0], idx[b.., j.., 1] .., r..]
 */
#include "ir/prim.h"

#include <string.h>

INFER(gather_nd)
{
	const Type *x = args[0]->type, *index = args[1]->type;
	want_n(cx, op, &attrs[0], 1);
	const int depth = want_index_depth(cx, op, index);
	const int batch = (int)want_int(cx, op, &attrs[0], 0, 0, index->rank - 1);
	if (batch + depth > x->rank)
		fail(cx, "gather_nd: %d batch dims and %d indices into %s", batch, depth, type_str(cx, x));
	want_same_dims(cx, op, "the indices", index, "x", x, 0, 0, batch);
	const Dim **dims = NEWN(cx->arena, const Dim *, x->rank + index->rank);
	int n = 0;
	for (int i = 0; i < index->rank - 1; i++) dims[n++] = index->dims[i];
	for (int i = batch + depth; i < x->rank; i++) dims[n++] = x->dims[i];
	return type_new(cx, x->elem, n, dims);
}

EVAL(gather_nd)
{
	const Tensor *x = args[0], *index = args[1];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (y->count == 0) return;
	const int batch = (int)val_int(v, A_BATCH), depth = (int)index->dims[index->rank - 1];
	const int64_t n_batch = product_of(batch, x->dims);
	const int64_t n_each = product_of(index->rank - 1 - batch, index->dims + batch);
	const int64_t n_row = product_of(x->rank - batch - depth, x->dims + batch + depth);
	for (int k = 0; k < depth; k++)
		if (x->dims[batch + k] == 0) eval_fail(e, v, "dim %d has no elements to gather from", batch + k);
	const size_t size_bytes = (size_t)(n_row * elem_info[x->elem].size);
	char *to = y->data;
	for (int64_t j = 0; j < n_batch * n_each; j++, to += size_bytes) {
		int64_t row = j / n_each;
		for (int k = 0; k < depth; k++)
			row = row * x->dims[batch + k] + index_clamped(index, j * depth + k, x->dims[batch + k]);
		memcpy(to, (const char *)x->data + (size_t)row * size_bytes, size_bytes);
	}
}

ADJOINT(gather_nd)
{
	const Type *x = v->args[0]->type, *index = v->args[1]->type;
	const int batch = (int)val_int(v, A_BATCH), depth = want_index_depth(cx, v->op, index);
	const Val *idx = batched_tuples(cx, v->args[1], batch, depth, x->dims);
	grads[0] = b_scatter_nd(cx, b_zeros(cx, x->elem, x->rank, x->dims), idx, g, "add");
}
