/* guard x ok [name]: x itself; where an element of ok, of x's dims, is false the call ends with an error.  So numbers in the
 * inputs that mean nothing, an id of no class, are refused by whoever runs the model, and not read as something else. */
#include "ir/prim.h"

INFER(guard)
{
	const Type *x = args[0]->type, *ok = args[1]->type;
	if (ok->elem != BOOL) fail(cx, "guard: what must hold is bool, seen %s", type_str(cx, ok));
	if (type_with_elem(cx, x, BOOL) != ok)
		fail(cx, "guard: what must hold has the dims of %s, seen %s", type_str(cx, x), type_str(cx, ok));
	return x;
}

EVAL(guard)
{
	const Tensor *x = args[0], *ok = args[1];
	results[0] = x;
	for (int64_t i = 0; i < ok->count; i++) {
		if (tensor_get_int(ok, i)) continue;
		const char *name = val_attr(v, A_NAME)->str;
		if (elem_is_float(x->elem))
			eval_fail(e, v, "%s; element %lld is %g", name, (long long)i, tensor_get(x, i));
		eval_fail(e, v, "%s; element %lld is %lld", name, (long long)i, (long long)tensor_get_int(x, i));
	}
}

ADJOINT(guard) { grads[0] = g; }
