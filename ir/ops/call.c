/* call args.. [name body]: a composite operator under its name, for people; the same as its body's results; their tuple. */
#include "ir/prim.h"

INFER(call)
{
	want_n(cx, op, &attrs[1], 1);
	const Graph *body = attrs[1].graphs[0];
	want_params(cx, op, body, n_args);
	for (int i = 0; i < n_args; i++)
		want_same_type(cx, op, "the body's parameter", i, args[i]->type, body->params[i]->type);
	return results_type(cx, body);
}

EVAL(call) { plan_run(e, plan_new(e, val_body(v, 0), true), args, results); }
