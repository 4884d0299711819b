/* param [index elem shape]: parameter `index` of the graph. */
#include "ir/prim.h"

INFER(param)
{
	want_n(cx, op, &attrs[0], 1);
	want_int(cx, op, &attrs[0], 0, 0, INT32_MAX);
	want_sizes(cx, op, "the size", attrs[2].n, attrs[2].dims);
	return type_new(cx, attrs[1].elem, attrs[2].n, attrs[2].dims);
}

/* The driver puts inputs in the place of parameters; one by itself has no value. */
EVAL(param) { eval_fail(e, v, "parameter %lld has no value", (long long)val_int(v, A_INDEX)); }
