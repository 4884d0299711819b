/* concat x... [axis]: the operands one after the other along the axis; all other dims are equal. */
#include "ir/prim.h"

INFER(concat)
{
	if (n_args < 1) fail(cx, "concat: wants at least one operand");
	const Type *t = args[0]->type;
	const int axis = want_axis(cx, op, &attrs[0], t);
	const Dim **dims = dims_copy(cx, t, 0);
	for (int k = 1; k < n_args; k++) {
		const Type *x = args[k]->type;
		bool alike = x->elem == t->elem && x->rank == t->rank;
		for (int i = 0; alike && i < t->rank; i++) alike = i == axis || x->dims[i] == t->dims[i];
		if (!alike)
			fail(cx, "concat: operands differ in more than dim %d: operand 1 is %s, operand %d is %s", axis,
				type_str(cx, t), k + 1, type_str(cx, x));
		dims[axis] = dim_add(cx, dims[axis], x->dims[axis]);
	}
	return type_new(cx, t->elem, t->rank, dims);
}

EVAL(concat)
{
	Tensor *y = eval_result(e, v->type);
	const int64_t axis = val_int(v, A_AXIS), *to = strides_of(e, y->rank, y->dims);
	const int size = elem_info[y->elem].size;
	char *at = y->data;
	for (int k = 0; k < v->n_args; k++) {
		const Tensor *x = args[k];
		copy_strided(e, size, x->rank, x->dims, at, to, x->data, strides_of(e, x->rank, x->dims));
		at += x->dims[axis] * to[axis] * size;
	}
	results[0] = y;
}

ADJOINT(concat)
{
	const int axis = (int)val_int(v, A_AXIS);
	const Dim *at = dim_int(cx, 0);
	for (int i = 0; i < v->n_args; i++) {
		const Dim *size = v->args[i]->type->dims[axis];
		if (wanted[i]) grads[i] = b_slice(cx, g, axis, at, size, 1);
		at = dim_add(cx, at, size);
	}
}
