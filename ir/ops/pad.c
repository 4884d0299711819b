/* pad x value [lo hi]: lo and hi >= 0 elements of the scalar value before and after x in each dim. */
#include "ir/prim.h"

#include <string.h>

INFER(pad)
{
	const Type *t = args[0]->type;
	want_scalar(cx, op, "the value", args[1]->type, t->elem);
	const Dim **dims = dims_copy(cx, t, 0);
	for (int k = 0; k < 2; k++) {
		want_n(cx, op, &attrs[k], t->rank);
		want_sizes(cx, op, k ? "the padding hi" : "the padding lo", t->rank, attrs[k].dims);
		for (int i = 0; i < t->rank; i++) dims[i] = dim_add(cx, dims[i], attrs[k].dims[i]);
	}
	return type_new(cx, t->elem, t->rank, dims);
}

EVAL(pad)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const int64_t *lo = eval_dims(e, x->rank, val_dims(v, A_LO));
	eval_dims(e, x->rank, val_dims(v, A_HI)); /* fails on a negative one */
	const int64_t *to = strides_of(e, y->rank, y->dims);
	const int size = elem_info[x->elem].size;
	for (int64_t i = 0; i < y->count; i++) memcpy((char *)y->data + i * size, args[1]->data, (size_t)size);
	int64_t first = 0;
	for (int i = 0; i < x->rank && x->count; i++) first += lo[i] * to[i];
	copy_strided(e, size, x->rank, x->dims, (char *)y->data + first * size, to, x->data,
		strides_of(e, x->rank, x->dims));
	results[0] = y;
}

ADJOINT(pad)
{
	const Type *x = v->args[0]->type;
	const Val *inside = g;
	for (int i = 0; i < x->rank; i++) inside = b_slice(cx, inside, i, val_dims(v, A_LO)[i], x->dims[i], 1);
	if (wanted[0]) grads[0] = inside;
	if (!wanted[1]) return;
	int *axes = NEWN(cx->arena, int, x->rank);
	for (int i = 0; i < x->rank; i++) axes[i] = i;
	grads[1] = b_ew2(cx, OP_EW_sub, b_reduce(cx, "sum", g, x->rank, axes, false),
		b_reduce(cx, "sum", inside, x->rank, axes, false));
}
