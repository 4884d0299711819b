/* cond c args.. [body]: one of two bodies, then and else, by the bool scalar c; both take args.. and give results of equal
 * types; their tuple.  Only the chosen one is evaluated. */
#include "ir/prim.h"

INFER(cond)
{
	if (n_args < 1) fail(cx, "cond: wants a condition");
	want_scalar(cx, op, "the condition", args[0]->type, BOOL);
	want_n(cx, op, &attrs[0], 2);
	for (int k = 0; k < 2; k++) {
		const Graph *body = attrs[0].graphs[k];
		want_params(cx, op, body, n_args - 1);
		for (int i = 1; i < n_args; i++)
			want_same_type(
				cx, op, "the bodies' parameter", i - 1, args[i]->type, body->params[i - 1]->type);
	}
	const Type *t = results_type(cx, attrs[0].graphs[0]), *other = results_type(cx, attrs[0].graphs[1]);
	if (t != other) fail(cx, "cond: results differ: then gives %s, else %s", type_str(cx, t), type_str(cx, other));
	return t;
}

EVAL(cond) { plan_run(e, plan_new(e, val_body(v, tensor_get_int(args[0], 0) ? 0 : 1), true), args + 1, results); }
