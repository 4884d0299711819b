/* get t [index]: one result of a tuple. */
#include "ir/prim.h"

INFER(get)
{
	const Type *t = args[0]->type;
	if (!t->is_tuple) fail(cx, "get: wants a tuple, seen %s", type_str(cx, t));
	want_n(cx, op, &attrs[0], 1);
	if (attrs[0].ints[0] < 0 || attrs[0].ints[0] >= t->n_parts)
		fail(cx, "get: result %lld of %d", (long long)attrs[0].ints[0], t->n_parts);
	return t->parts[attrs[0].ints[0]];
}

EVAL(get) { results[0] = args[val_int(v, A_INDEX)]; }
