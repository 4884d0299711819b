/* gradient_control.c: the derivatives of control ops.
 *
 * cond: the same choice between the derivatives of its bodies.
 */
#include "passes/gradient.h"

/* ---- cond ---- */

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

void gradient_control(Ctx *cx, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads)
{
	if (v->op == OP_cond) gradient_cond(cx, v, parts, wanted, grads);
	else fail(cx, "%s has no derivative", op_info[v->op].name);
}
