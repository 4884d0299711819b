/* size n [value]: the i64 scalar n.  Where value is a `computed` symbol by itself, it has n as its value from then on, which must
 * be within the symbol's bounds; any other dim must be equal to n.  So a number that only run time knows becomes a size, or is
 * compared with one. */
#include "ir/prim.h"

INFER(size)
{
	want_n(cx, op, &attrs[0], 1);
	want_scalar(cx, op, "the size", args[0]->type, I64);
	return type_scalar(cx, I64);
}

EVAL(size)
{
	const Sym *s = size_symbol(v);
	const int64_t n = tensor_get_int(args[0], 0);
	if (s && (n < s->lo || n > s->hi))
		eval_fail(e, v, "%lld, but the size %s is within %lld..%lld", (long long)n, s->name, (long long)s->lo,
			(long long)s->hi);
	const Dim *within = s ? sym_within(s) : NULL;
	if (within && n > dim_eval(e->cx, within, &e->env))
		eval_fail(e, v, "%lld, but the size %s is at most %s", (long long)n, s->name, dim_str(e->cx, within));
	if (s) dimenv_set(&e->env, s, n);
	const int64_t wanted = dim_eval(e->cx, val_dims(v, A_VALUE)[0], &e->env);
	if (n != wanted) eval_fail(e, v, "%lld, but %lld is wanted", (long long)n, (long long)wanted);
	results[0] = args[0];
}
