/* gradient.c: reverse-mode differentiation.
 *
 *     y = tanh(w * x)   =>   g = seed * (1 - y*y);  dw = g * x;  dx = g * w
 *
 * One walk over the values that the results need, users first: each passes its gradient on to its operands, and the sum of
 * what all its users passed on is a value's gradient.  An element-wise primitive does so by its text in ir/prim.def, a
 * structural one by the adjoint in its file of ir/ops, a control op by those of its body (gradient_control.c).  What comes out
 * is primitives, which can be differentiated again; values of the forward pass are used as they are, so where both are
 * computed hash-consing shares them.
 *
 * Only what depends on the xs takes part, so nothing is asked of primitives on constant paths.  Integers and truth values end a
 * path: its gradient is zero.   Source: Griewank and Walther, Evaluating Derivatives, 2008, chapter 3.
 */
#include "passes/gradient.h"
#include "frontend/lang/lang.h"
#include "passes/rewrite.h"

#include <assert.h>

enum { MAX_VALUES = 1 << 23 }; /* derivatives of derivatives of .. grow without end */

typedef struct {
	Ctx *cx;
	Map active; /* depends on an x, and has a gradient */
	Map leaf;   /* the xs */
	Map sums;   /* Val -> the sum so far; of a tuple: array of those of its parts */
} Reverse;

bool has_gradient(const Type *t) { return !t->is_tuple && elem_is_float(t->elem); }

void gradient_active(const Order *order, const Map *leaves, Map *active)
{
	for (int i = 0; i < order->n; i++) {
		const Val *v = order->vals[i];
		bool is = map_get(leaves, v) != NULL;
		for (int k = 0; k < v->n_args && !is; k++)
			is = map_get(active, v->args[k]) && (v->type->is_tuple || has_gradient(v->type));
		if (is) map_put(active, v, v);
	}
}

static const Val *sum(Ctx *cx, const Val *a, const Val *b) { return a ? b_ew2(cx, OP_EW_add, a, b) : b; }

static void add_to(Reverse *r, const Val *v, const Val *g)
{
	assert(g->type == v->type);
	if (g->id > MAX_VALUES) fail(r->cx, "the derivative has more than %d values", MAX_VALUES);
	map_put(&r->sums, v, sum(r->cx, map_get(&r->sums, v), g));
}

static void add_to_part(Reverse *r, const Val *get, const Val *g)
{
	const Val *tuple = get->args[0];
	const Val **parts = (const Val **)(uintptr_t)map_get(&r->sums, tuple);
	if (!parts) parts = NEWN(r->cx->arena, const Val *, tuple->type->n_parts);
	const int64_t i = val_int(get, A_INDEX);
	parts[i] = sum(r->cx, parts[i], g);
	map_put(&r->sums, tuple, parts);
}

/* A text may give one number for all elements. */
static void spread_numbers(Ctx *cx, const Val *v, const Val **grads)
{
	for (int i = 0; i < v->n_args; i++) {
		if (!grads[i]) continue;
		if (fill_is(grads[i], 0)) grads[i] = NULL;
		else grads[i] = b_expand(cx, grads[i], v->type->rank, v->type->dims);
	}
}

static void pass_on(Reverse *r, const Val *v, const void *g)
{
	Ctx *cx = r->cx;
	if (v->op == OP_get) {
		add_to_part(r, v, g);
		return;
	}
	bool *wanted = NEWN(cx->arena, bool, v->n_args + 1);
	const Val **grads = NEWN(cx->arena, const Val *, v->n_args + 1);
	for (int i = 0; i < v->n_args; i++) {
		wanted[i] = map_get(&r->active, v->args[i]) != NULL;
		if (wanted[i] && elem_is_storage(v->args[i]->type->elem))
			fail(cx, "%s of %s has no derivative: that type is for storage only", op_info[v->op].name,
				type_str(cx, v->args[i]->type));
	}
	if (v->type->is_tuple) {
		gradient_control(cx, v, g, wanted, grads);
	} else if (op_adjoint[v->op]) {
		op_adjoint[v->op](cx, v, g, wanted, grads);
	} else if (op_info[v->op].is_ew && lang_gradient(cx, v, g, wanted, grads)) {
		spread_numbers(cx, v, grads);
	} else {
		fail(cx, "%s has no derivative", op_info[v->op].name);
	}
	for (int i = 0; i < v->n_args; i++)
		if (wanted[i] && grads[i]) add_to(r, v->args[i], grads[i]);
}

void gradient(Ctx *cx, int n_ys, const Val *const *ys, const Val *const *seeds, int n_xs, const Val *const *xs,
	const Val **grads)
{
	Reverse r = {.cx = cx};
	map_init(&r.active, cx->arena);
	map_init(&r.leaf, cx->arena);
	map_init(&r.sums, cx->arena);
	for (int i = 0; i < n_xs; i++) map_put(&r.leaf, xs[i], xs[i]);
	Order order = graph_order(cx->arena, &(Graph){.n_results = n_ys, .results = ys});
	gradient_active(&order, &r.leaf, &r.active);
	for (int i = 0; i < n_ys; i++)
		if (map_get(&r.active, ys[i])) add_to(&r, ys[i], seeds[i]);
	const char *loc = cx->loc;
	for (int i = order.n - 1; i >= 0; i--) {
		const Val *v = order.vals[i];
		const void *g = map_get(&r.sums, v);
		if (!g || map_get(&r.leaf, v)) continue;
		if (v->loc) cx->loc = v->loc;
		pass_on(&r, v, g);
		cx->loc = loc;
	}
	for (int i = 0; i < n_xs; i++) grads[i] = map_get(&r.sums, xs[i]);
}

const Graph *gradient_graph(Ctx *cx, const Graph *g, const bool *seeded, const bool *wanted)
{
	const int most = g->n_params + g->n_results;
	const Val **params = NEWN(cx->arena, const Val *, most + 1),
		  **xs = NEWN(cx->arena, const Val *, g->n_params + 1);
	const Val **ys = NEWN(cx->arena, const Val *, g->n_results + 1);
	const Val **grads = NEWN(cx->arena, const Val *, g->n_params + 1);
	const char **names = NEWN(cx->arena, const char *, most + 1);
	const char **grad_names = NEWN(cx->arena, const char *, g->n_params + 1);
	int n = 0, n_ys = 0, n_xs = 0;
	for (; n < g->n_params; n++) {
		params[n] = g->params[n];
		names[n] = g->param_names[n];
		if (!wanted[n]) continue;
		grad_names[n_xs] = arena_printf(cx->arena, "d_%s", names[n]);
		xs[n_xs++] = params[n];
	}
	for (int i = 0; i < g->n_results; i++) {
		if (!seeded[i]) continue;
		ys[n_ys++] = g->results[i];
		names[n] = arena_printf(cx->arena, "d_%s", g->result_names[i]);
		params[n] = val_param(cx, n, g->results[i]->type);
		n++;
	}
	gradient(cx, n_ys, ys, params + g->n_params, n_xs, xs, grads);
	for (int i = 0; i < n_xs; i++)
		if (!grads[i]) grads[i] = make_fill(cx, xs[i]->type, 0);
	return graph_new(
		cx, arena_printf(cx->arena, "%s_gradient", g->name), n, params, names, n_xs, grads, grad_names);
}

const Graph *pass_gradient(Ctx *cx, const Graph *g)
{
	g = pass_inline(cx, g);
	bool *seeded = NEWN(cx->arena, bool, g->n_results + 1), *wanted = NEWN(cx->arena, bool, g->n_params + 1);
	bool any = false;
	for (int i = 0; i < g->n_results; i++) seeded[i] = has_gradient(g->results[i]->type);
	for (int i = 0; i < g->n_params; i++) any |= wanted[i] = has_gradient(g->params[i]->type);
	if (!any) fail(cx, "graph @%s: no parameter is of floats", g->name);
	return gradient_graph(cx, g, seeded, wanted);
}
