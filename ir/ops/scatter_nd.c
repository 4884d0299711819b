/* scatter_nd x idx upd [kind]: ONNX's ScatterND: a copy of x in which upd is put at idx.
 *
 *     y[idx[j.., 0], idx[j.., 1] .., r..]  kind=  upd[j.., r..]        in row-major order of j
 *
 * kind: set, or add mul min max of what is there and the update.  A tuple with an index out of bounds is dropped.
 */
#include "ir/prim.h"

#include <string.h>

enum { SET };
static const char *const kinds[] = {"set", "add", "mul", "min", "max", NULL};
static const Op op_of_kind[] = {[1] = OP_EW_add, OP_EW_mul, OP_EW_min, OP_EW_max};

INFER(scatter_nd)
{
	const Type *x = args[0]->type, *index = args[1]->type, *update = args[2]->type;
	const int kind = want_kind(cx, op, &attrs[0], kinds);
	const int depth = want_index_depth(cx, op, index);
	if (depth > x->rank) fail(cx, "scatter_nd: %d indices into %s", depth, type_str(cx, x));
	if (update->elem != x->elem || update->rank != index->rank - 1 + x->rank - depth)
		fail(cx, "scatter_nd: updates must be %s of rank %d, seen %s", elem_info[x->elem].name,
			index->rank - 1 + x->rank - depth, type_str(cx, update));
	want_same_dims(cx, op, "the indices", index, "the updates", update, 0, 0, index->rank - 1);
	want_same_dims(cx, op, "x", x, "the updates", update, depth, index->rank - 1, x->rank - depth);
	if (kind != SET && !elem_is_number(x->elem))
		fail(cx, "scatter_nd: %s wants numbers, seen %s", kinds[kind], type_str(cx, x));
	return x;
}

EVAL(scatter_nd)
{
	const Tensor *x = args[0], *index = args[1], *update = args[2];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (x->count) memcpy(y->data, x->data, tensor_size_bytes(x));
	if (x->count == 0 || update->count == 0) return;
	const int kind = want_kind(e->cx, v->op, val_attr(v, A_KIND), kinds);
	const int depth = (int)index->dims[index->rank - 1];
	const int64_t n_row = product_of(x->rank - depth, x->dims + depth);
	const size_t size_bytes = (size_t)(n_row * elem_info[x->elem].size);
	for (int64_t j = 0; j < update->count / n_row; j++) {
		int64_t row = 0;
		bool inside = true;
		for (int k = 0; inside && k < depth; k++) {
			const int64_t at = tensor_get_int(index, j * depth + k);
			inside = at >= 0 && at < x->dims[k];
			if (inside) row = row * x->dims[k] + at;
		}
		if (!inside) continue;
		void *to = (char *)y->data + (size_t)row * size_bytes;
		const void *from = (const char *)update->data + (size_t)j * size_bytes;
		if (kind == SET) memcpy(to, from, size_bytes);
		else ew_apply(op_of_kind[kind], x->elem, n_row, to, from, to);
	}
}

/* A mask, one a tuple, over the updates. */
static const Val *where_tuple(Ctx *cx, const Val *mask, const Val *g)
{
	const int n = mask->type->rank;
	const Dim **dims = dims_copy(cx, g->type, 0);
	for (int i = n; i < g->type->rank; i++) dims[i] = dim_int(cx, 1);
	return b_select(cx, b_reshape(cx, mask, g->type->rank, dims), g, b_scalar(cx, g->type->elem, 0));
}

/* What is added gets the gradient of where it went.  Of updates set at one place the last one counts: each writes its number
 * there, and who finds its own is the last. */
ADJOINT(scatter_nd)
{
	const Type *x = v->args[0]->type, *index = v->args[1]->type, *update = v->args[2]->type;
	const int depth = want_index_depth(cx, v->op, index), n = index->rank - 1;
	const Val *idx = b_cast(cx, v->args[1], I64);
	const bool set = strcmp(val_str(v, A_KIND), kinds[SET]) == 0;
	if (!set && strcmp(val_str(v, A_KIND), "add") != 0)
		fail(cx, "scatter_nd of kind %s has no derivative", val_str(v, A_KIND));
	if (wanted[0])
		grads[0] = set ? b_scatter_nd(cx, g, idx, b_zeros(cx, x->elem, update->rank, update->dims), kinds[SET])
			       : g;
	if (!wanted[2]) return;
	const Val *counts = tuples_inside(cx, idx, depth, x->dims);
	if (set) {
		const Dim *all = dim_product(cx, n, index->dims);
		const Val *number = b_reshape(cx, b_iota(cx, I64, 1, &all, 0), n, index->dims);
		const Val *none = b_fill(cx, b_scalar_int(cx, I64, -1), depth, x->dims);
		const Val *last = b_scatter_nd(cx, none, idx, number, kinds[SET]);
		counts = b_ew2(cx, OP_EW_and, counts, b_ew2(cx, OP_EW_eq, b_gather_nd(cx, last, idx, 0), number));
	}
	grads[2] = where_tuple(cx, counts, b_gather_nd(cx, g, idx, 0));
}
