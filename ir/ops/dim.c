/* dim [value]: the value of a dim expression, an i64 scalar. */
#include "ir/prim.h"

INFER(dim)
{
	want_n(cx, op, &attrs[0], 1);
	return type_scalar(cx, I64);
}

EVAL(dim)
{
	Tensor *y = eval_result(e, v->type);
	tensor_set_int(y, 0, dim_eval(e->cx, val_dims(v, A_VALUE)[0], &e->env));
	results[0] = y;
}
