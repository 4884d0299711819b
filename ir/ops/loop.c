/* loop n go consts.. carries.. [counts length body]: repeats while a condition holds; counts = n_consts n_carries.
 *
 *     go, carries, y[i] = body(i, consts, carries)         while i < min(n, length) and go
 *
 * n is an i64 scalar, go a bool scalar.  Gives the tuple (count i64 scalar, final carries.., stacked ys..): stacks have
 * `length` rows, zeros from count on.
 *
 * Where length is a `computed` symbol by itself, this loop is what computes it: nothing else bounds the steps, and the
 * symbol has the count as its value from then on.
 */
#include "ir/prim.h"

#include <string.h>

INFER(loop)
{
	want_n(cx, op, &attrs[0], 2);
	want_n(cx, op, &attrs[1], 1);
	want_n(cx, op, &attrs[2], 1);
	if (n_args < 2) fail(cx, "loop: wants at least 2 operands, seen %d", n_args);
	want_scalar(cx, op, "the number of steps", args[0]->type, I64);
	want_scalar(cx, op, "the condition", args[1]->type, BOOL);
	const int n_consts = (int)want_int(cx, op, &attrs[0], 0, 0, n_args - 2);
	const int n_carries = (int)want_int(cx, op, &attrs[0], 1, n_args - 2 - n_consts, n_args - 2 - n_consts);
	const Dim *length = attrs[1].dims[0];
	want_sizes(cx, op, "the length", 1, &length);
	const Graph *body = attrs[2].graphs[0];
	want_params(cx, op, body, n_args - 1);
	want_same_type(cx, op, "the body's parameter", 0, type_scalar(cx, I64), body->params[0]->type);
	for (int i = 2; i < n_args; i++)
		want_same_type(cx, op, "the body's parameter", i - 1, args[i]->type, body->params[i - 1]->type);
	if (body->n_results < 1) fail(cx, "loop: the body must give the condition first");
	want_same_type(cx, op, "the body's result", 0, type_scalar(cx, BOOL), body->results[0]->type);
	return stepped_type(cx, op, body, 1, n_carries, args + 2 + n_consts, length, type_scalar(cx, I64));
}

/* A stack with room for `n_rows`, whose first `n_kept` are those of the old one. */
static Tensor *make_stack(Eval *e, const Tensor *row, int64_t n_rows, const Tensor *old, int64_t n_kept)
{
	int64_t *dims = eval_memory(e, row->rank + 1, sizeof *dims);
	dims[0] = n_rows;
	if (row->rank) memcpy(dims + 1, row->dims, sizeof *dims * (size_t)row->rank);
	Tensor *stack = eval_tensor(e, row->elem, row->rank + 1, dims);
	if (n_kept && row->count) memcpy(stack->data, old->data, (size_t)n_kept * tensor_size_bytes(row));
	return stack;
}

EVAL(loop)
{
	const Graph *body = val_body(v, 0);
	const int n_consts = (int)val_ints(v, A_COUNTS)[0], n_carries = (int)val_ints(v, A_COUNTS)[1];
	const int n_ys = body->n_results - 1 - n_carries;
	const Dim *length_dim = val_dims(v, A_LENGTH)[0];
	const Sym *computed = size_symbol(v);
	const int64_t length = computed ? INT64_MAX : *eval_dims(e, 1, &length_dim);
	const int64_t wanted = tensor_get_int(args[0], 0), n = wanted < length ? wanted : length;
	bool go = tensor_get_int(args[1], 0);

	Tensor *index = eval_tensor(e, I64, 0, NULL);
	const Tensor **inputs = eval_memory(e, v->n_args - 1, sizeof *inputs);
	inputs[0] = index;
	for (int i = 2; i < v->n_args; i++) inputs[i - 1] = args[i];
	const Tensor **carries = inputs + 1 + n_consts, **ys = results + 1 + n_carries;
	for (int i = 0; i < n_ys && !computed; i++) ys[i] = eval_result(e, v->type->parts[1 + n_carries + i]);

	Steps *steps = steps_new(e, body, n_carries, carries);
	int64_t i = 0;
	for (int64_t room = computed ? 0 : length; i < n && go; i++) {
		tensor_set_int(index, 0, i);
		steps_run(steps, inputs);
		go = tensor_get_int(steps->results[0], 0);
		if (i == room) {
			room = 2 * room + 8;
			for (int k = 0; k < n_ys; k++)
				ys[k] = make_stack(e, steps->results[1 + n_carries + k], room, ys[k], i);
		}
		for (int k = 0; k < n_ys; k++) stack_row(e, v, ys[k], i, steps->results[1 + n_carries + k]);
		steps_carry(steps, 1);
	}
	steps_end(steps);
	if (computed) {
		if (i < computed->lo || i > computed->hi)
			eval_fail(e, v, "%lld steps, but the size %s is within %lld..%lld", (long long)i,
				computed->name, (long long)computed->lo, (long long)computed->hi);
		dimenv_set(&e->env, computed, i);
		for (int k = 0; k < n_ys; k++) {
			const Type *t = v->type->parts[1 + n_carries + k];
			if (i == 0) ys[k] = eval_result(e, t);
			else ys[k] = eval_view(e, ys[k], t->rank, eval_dims(e, t->rank, t->dims));
		}
	}
	Tensor *count = eval_tensor(e, I64, 0, NULL);
	tensor_set_int(count, 0, i);
	results[0] = count;
	for (int k = 0; k < n_carries; k++) results[1 + k] = carries[k];
}
