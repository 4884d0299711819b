/* reshape x [shape]: the same elements in row-major order.  The counts must be equal for all values of the symbols, that is,
 * as polynomials. */
#include "ir/prim.h"

INFER(reshape)
{
	want_sizes(cx, op, "the size", attrs[0].n, attrs[0].dims);
	const Type *from = args[0]->type, *to = type_new(cx, from->elem, attrs[0].n, attrs[0].dims);
	const Dim *n_from = type_count(cx, from), *n_to = type_count(cx, to);
	if (n_from != n_to)
		fail(cx, "reshape: %s has %s elements, %s wants %s", type_str(cx, from), dim_str(cx, n_from),
			type_str(cx, to), dim_str(cx, n_to));
	return to;
}

EVAL(reshape)
{
	const Type *t = v->type;
	results[0] = eval_view(e, args[0], t->rank, eval_dims(e, t->rank, t->dims));
}
