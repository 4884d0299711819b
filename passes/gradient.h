/* gradient.h: reverse-mode differentiation, for its own files (gradient*.c) and for importers. */
#ifndef PASSES_GRADIENT_H
#define PASSES_GRADIENT_H

#include "ir/ir.h"

/* grads[i] = sum over k of seeds[k] * d ys[k] / d xs[i]; NULL: zero, nothing leads from xs[i] to the ys.
 * The xs are independent: what they are made of does not count.  There are no calls among the values.  Fails by name where a
 * primitive on the way has no derivative. */
void gradient(Ctx *, int n_ys, const Val *const *ys, const Val *const *seeds, int n_xs, const Val *const *xs,
	const Val **grads);
/* Is it of a type that gradients have? */
bool has_gradient(const Type *);
/* The same of a closed graph: the gradients of those params that are `wanted`, from seeds of those results that are `seeded`,
 * as the graph (params.., seeds..) -> gradients, zeros where there are none.  Requires: inline. */
const Graph *gradient_graph(Ctx *, const Graph *, const bool *seeded, const bool *wanted);

/* gradient_control.c: the derivative of a control op from the gradients of its parts, NULL where a part has none. */
void gradient_control(Ctx *, const Val *v, const Val *const *parts, const bool *wanted, const Val **grads);
/* gradient_scan.c */
void gradient_scan(Ctx *, const Val *scan, const Val *const *parts, const bool *wanted, const Val **grads);
/* gradient.c: the values that have a gradient where the leaves have one. */
void gradient_active(const Order *, const Map *leaves, Map *active);

#endif
