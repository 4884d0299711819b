/* expand x [shape]: NumPy's broadcast, aligned at the right: a dim of 1 is repeated, any other must be equal. */
#include "ir/prim.h"

INFER(expand)
{
	const Type *t = args[0]->type;
	want_sizes(cx, op, "the size", attrs[0].n, attrs[0].dims);
	const Type *y = type_new(cx, t->elem, attrs[0].n, attrs[0].dims);
	const int extra = y->rank - t->rank;
	if (extra < 0) fail(cx, "expand: %s has more dims than %s", type_str(cx, t), type_str(cx, y));
	for (int i = 0; i < t->rank; i++)
		if (!dim_is(t->dims[i], 1) && t->dims[i] != y->dims[extra + i])
			fail(cx, "expand: %s does not broadcast to %s: %s against %s", type_str(cx, t), type_str(cx, y),
				dim_str(cx, t->dims[i]), dim_str(cx, y->dims[extra + i]));
	return y;
}

EVAL(expand)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const int64_t *strides = strides_of(e, x->rank, x->dims);
	int64_t *from = eval_memory(e, y->rank, sizeof *from);
	for (int i = 0; i < x->rank; i++) from[y->rank - x->rank + i] = x->dims[i] == 1 ? 0 : strides[i];
	copy_strided(
		e, elem_info[x->elem].size, y->rank, y->dims, y->data, strides_of(e, y->rank, y->dims), x->data, from);
	results[0] = y;
}

/* What was repeated is summed. */
ADJOINT(expand)
{
	const Type *x = v->args[0]->type;
	const int extra = v->type->rank - x->rank;
	int *axes = NEWN(cx->arena, int, v->type->rank), n = 0;
	for (int i = 0; i < v->type->rank; i++)
		if (i < extra || x->dims[i - extra] != v->type->dims[i]) axes[n++] = i;
	grads[0] = b_reshape(cx, b_reduce(cx, "sum", g, n, axes, false), x->rank, x->dims);
}
