/* reshape x [shape]: the same elements in row-major order.  Where the symbols leave open whether the counts are equal, they
 * are compared at run time; counts that can never be equal are refused here. */
#include "ir/prim.h"

INFER(reshape)
{
	want_sizes(cx, op, "the size", attrs[0].n, attrs[0].dims);
	const Type *from = args[0]->type, *to = type_new(cx, from->elem, attrs[0].n, attrs[0].dims);
	const Dim *n_from = type_count(cx, from), *n_to = type_count(cx, to);
	const Dim *more = dim_sub(cx, n_from, n_to);
	if (dim_lo(more) > 0 || dim_hi(more) < 0)
		fail(cx, "reshape: %s has %s elements, %s wants %s", type_str(cx, from), dim_str(cx, n_from),
			type_str(cx, to), dim_str(cx, n_to));
	return to;
}

EVAL(reshape)
{
	const Type *t = v->type;
	int64_t wanted = 1;
	const int64_t *dims = eval_dims(e, t->rank, t->dims);
	bool fits = true, none = false; /* a 0 makes good what overflows */
	for (int i = 0; i < t->rank; i++) {
		fits &= !__builtin_mul_overflow(wanted, dims[i], &wanted);
		none |= dims[i] == 0;
	}
	if (none ? args[0]->count != 0 : !fits || wanted != args[0]->count)
		fail(e->cx, "reshape: %lld elements do not fit %s", (long long)args[0]->count, type_str(e->cx, t));
	results[0] = eval_view(e, args[0], t->rank, dims);
}

ADJOINT(reshape)
{
	const Type *x = v->args[0]->type;
	grads[0] = b_reshape(cx, g, x->rank, x->dims);
}
