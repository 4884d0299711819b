/* gradient_control.c: the derivatives of control ops.
 *
 * cond: the same choice between the derivatives of its bodies.  scan: gradient_scan.c.  loop: where the number of its steps is known
 * it is a scan, or what canon knows without it; else it has none.
 */
#include "passes/gradient.h"
#include "passes/rewrite.h"

static void gradient_cond(Ctx *cx, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads)
{
	const int n_parts = v->type->n_parts, n_args = v->n_args - 1;
	bool *seeded = NEWN(cx->arena, bool, n_parts + 1);
	const Val **args = NEWN(cx->arena, const Val *, n_args + n_parts + 1);
	int n = 0, at = 0;
	for (; n < n_args; n++) args[n] = v->args[1 + n];
	for (int i = 0; i < n_parts; i++) {
		seeded[i] = parts[i] != NULL;
		if (parts[i]) args[n++] = parts[i];
	}
	const Graph *bodies[2];
	for (int i = 0; i < 2; i++) bodies[i] = gradient_graph(cx, val_body(v, i), seeded, wanted + 1);
	const Val *both = b_cond(cx, v->args[0], bodies[0], bodies[1], n, args);
	for (int i = 1; i < v->n_args; i++)
		if (wanted[i]) grads[i] = val_get(cx, both, at++);
}

/* Its parts in terms of its operands, without the loop. */
static void gradient_loop(Ctx *cx, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads)
{
	const Val **instead = simplify_iteration(cx, v, NULL);
	if (!instead || size_symbol(v))
		fail(cx, "loop has no derivative where only run time knows the number of its steps");
	const int n_parts = v->type->n_parts;
	const Val **ys = NEWN(cx->arena, const Val *, n_parts), **seeds = NEWN(cx->arena, const Val *, n_parts);
	const Val **xs = NEWN(cx->arena, const Val *, v->n_args), **of = NEWN(cx->arena, const Val *, v->n_args);
	int n_ys = 0, n_xs = 0, *place = NEWN(cx->arena, int, v->n_args);
	for (int i = 0; i < n_parts; i++) {
		if (!parts[i]) continue;
		ys[n_ys] = instead[i] ? instead[i] : val_get(cx, v, i);
		if (ys[n_ys]->op == OP_get && ys[n_ys]->args[0] == v) fail(cx, "loop has no derivative");
		seeds[n_ys++] = parts[i];
	}
	for (int i = 0; i < v->n_args; i++) { /* an operand that is there twice gets its gradient once */
		bool again = !wanted[i];
		for (int k = 0; k < i; k++) again |= v->args[k] == v->args[i];
		if (again) continue;
		place[n_xs] = i;
		xs[n_xs++] = v->args[i];
	}
	gradient(cx, n_ys, ys, seeds, n_xs, xs, of);
	for (int i = 0; i < n_xs; i++) grads[place[i]] = of[i];
}

void gradient_control(Ctx *cx, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads)
{
	switch (v->op) {
	case OP_cond: gradient_cond(cx, v, parts, wanted, grads); return;
	case OP_scan: gradient_scan(cx, v, parts, wanted, grads); return;
	case OP_loop: gradient_loop(cx, v, parts, wanted, grads); return;
	default: fail(cx, "%s has no derivative", op_info[v->op].name);
	}
}
