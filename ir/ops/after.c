/* after x n: x itself.  It needs the i64 scalar n, which nothing reads: the count of a loop that computes a size which x
 * mentions and none of x's operands would compute.  So that loop stays in the graph (sizes.c). */
#include "ir/prim.h"

INFER(after)
{
	want_scalar(cx, op, "the count", args[1]->type, I64);
	return args[0]->type;
}

EVAL(after) { results[0] = args[0]; }

ADJOINT(after) { grads[0] = g; }
