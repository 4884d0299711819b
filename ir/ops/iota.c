/* iota [elem shape axis]: y[i..] = i[axis], the index along one axis, in a type of numbers (integers wrap). */
#include "ir/prim.h"

INFER(iota)
{
	const Type *t = type_new(cx, attrs[0].elem, attrs[1].n, attrs[1].dims);
	want_sizes(cx, op, "the size", t->rank, t->dims);
	want_axis(cx, op, &attrs[2], t);
	if (!elem_is_number(t->elem)) fail(cx, "iota: wants a type of numbers, seen %s", type_str(cx, t));
	return t;
}

EVAL(iota)
{
	Tensor *y = eval_result(e, v->type);
	const int64_t axis = val_int(v, A_AXIS);
	const int64_t inner = product_of(y->rank - (int)axis - 1, y->dims + axis + 1);
	for (int64_t i = 0; i < y->count; i++) tensor_set_int(y, i, i / inner % y->dims[axis]);
	results[0] = y;
}
