/* scan consts.. carries.. xs.. [counts length reverse body]: the recurrence; counts = n_consts n_carries.
 *
 *     carries, y[t] = body(consts, carries, x[t])          for t = 0 .. length - 1, or backwards with reverse = 1
 *
 * Each x has `length` as its first dim, which the body's parameter lacks.  Gives the tuple (final carries.., stacked ys..);
 * y of step t stands at t whatever the direction.  With length 0 the carries are as given.
 */
#include "ir/prim.h"

static const Type *without_first_dim(Ctx *cx, const Type *t) { return type_new(cx, t->elem, t->rank - 1, t->dims + 1); }

INFER(scan)
{
	want_n(cx, op, &attrs[0], 2);
	want_n(cx, op, &attrs[1], 1);
	want_n(cx, op, &attrs[2], 1);
	want_n(cx, op, &attrs[3], 1);
	const int n_consts = (int)want_int(cx, op, &attrs[0], 0, 0, n_args);
	const int n_carries = (int)want_int(cx, op, &attrs[0], 1, 0, n_args - n_consts);
	const Dim *length = attrs[1].dims[0];
	want_sizes(cx, op, "the length", 1, &length);
	want_int(cx, op, &attrs[2], 0, 0, 1);
	const Graph *body = attrs[3].graphs[0];
	want_params(cx, op, body, n_args);
	for (int i = 0; i < n_args; i++) {
		const Type *t = args[i]->type;
		if (i >= n_consts + n_carries) {
			if (t->rank < 1 || t->dims[0] != length)
				fail(cx, "scan: operand %d must have %s as its first dim, seen %s", i + 1,
					dim_str(cx, length), type_str(cx, t));
			t = without_first_dim(cx, t);
		}
		want_same_type(cx, op, "the body's parameter", i, t, body->params[i]->type);
	}
	return stepped_type(cx, op, body, 0, n_carries, args + n_consts, length, NULL);
}

EVAL(scan)
{
	const Graph *body = val_body(v, 0);
	const int n_consts = (int)val_ints(v, A_COUNTS)[0], n_carries = (int)val_ints(v, A_COUNTS)[1];
	const int first_x = n_consts + n_carries, n_xs = v->n_args - first_x, n_ys = body->n_results - n_carries;
	const int64_t length = *eval_dims(e, 1, val_dims(v, A_LENGTH));
	const bool reverse = val_int(v, A_REVERSE);
	const Tensor **inputs = eval_memory(e, v->n_args, sizeof *inputs);
	for (int i = 0; i < v->n_args; i++) inputs[i] = args[i];
	Tensor **slices = eval_memory(e, n_xs, sizeof *slices);
	for (int i = 0; i < n_xs; i++) {
		const Tensor *x = args[first_x + i];
		inputs[first_x + i] = slices[i] = eval_view(e, x, x->rank - 1, x->dims + 1);
	}
	const Tensor **ys = results + n_carries;
	for (int i = 0; i < n_ys; i++) ys[i] = eval_result(e, v->type->parts[n_carries + i]);

	Steps *steps = steps_new(e, body, n_carries, inputs + n_consts);
	for (int64_t i = 0; i < length; i++) {
		const int64_t t = reverse ? length - 1 - i : i;
		for (int k = 0; k < n_xs; k++)
			slices[k]->data = (char *)args[first_x + k]->data + (size_t)t * tensor_size_bytes(slices[k]);
		steps_run(steps, inputs);
		steps_carry(steps, 0);
		for (int k = 0; k < n_ys; k++) stack_row(e, v, ys[k], t, steps->results[n_carries + k]);
	}
	steps_end(steps);
	for (int i = 0; i < n_carries; i++) results[i] = inputs[n_consts + i];
}
