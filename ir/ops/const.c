/* const [data]: a tensor. */
#include "ir/prim.h"

INFER(const)
{
	const Tensor *t = attrs[0].tensor;
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	for (int i = 0; i < t->rank; i++) dims[i] = dim_int(cx, t->dims[i]);
	return type_new(cx, t->elem, t->rank, dims);
}

EVAL(const) { results[0] = val_attr(v, A_DATA)->tensor; }
