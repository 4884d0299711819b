/* guards.c: what guards check becomes one truth, which is told before anything else is done.
 *
 *     guard x ok   =>   x, and every input is read `after` one scalar guard of all that the inputs must be
 *
 * So a call that is refused has written nothing.  A guard of something that is computed first, or within a body, is a scalar one
 * where it stands.  Requires: canon.  Keeps: names and order of parameters and results.
 */
#include "passes/passes.h"
#include "passes/rewrite.h"

enum { MAX_GUARDS = 64 };

typedef struct {
	Map at_once; /* Val -> itself: made of inputs by ops that every call may begin with, for they are cheap */
	int n;
	const Val *of_inputs[MAX_GUARDS];
} Guards;

static bool is_at_once(const Guards *gs, const Val *v)
{
	bool can = op_info[v->op].is_ew || op_is_view(v->op) || v->op == OP_param || v->op == OP_const ||
		v->op == OP_dim || v->op == OP_iota || v->op == OP_concat;
	for (int i = 0; i < v->n_args && can; i++) can = map_get(&gs->at_once, v->args[i]);
	return can;
}

/* Of all elements; what stands for the guarded value is no part of it. */
static const Val *scalar_guard(Ctx *cx, const Val *ok, const char *name)
{
	int *axes = NEWN(cx->arena, int, ok->type->rank + 1);
	for (int i = 0; i < ok->type->rank; i++) axes[i] = i;
	return b_guard(cx, b_scalar_int(cx, I64, 0), b_reduce(cx, "min", ok, ok->type->rank, axes, false), name);
}

static const Val *rewrite(Rewrite *rw, const Val *old, const Val *const *args)
{
	const Guards *gs = rw->user;
	if (old->op != OP_guard) return NULL;
	for (int i = 0; gs && i < gs->n; i++)
		if (gs->of_inputs[i] == old) return args[0];
	return b_after(rw->cx, args[0], scalar_guard(rw->cx, args[1], val_attr(old, A_NAME)->str));
}

static const Graph *rewrite_body(Rewrite *rw, const Graph *body)
{
	Rewrite inner = {.fn = rewrite};
	return graph_rewrite(rw->cx, body, &inner);
}

/* All in one, so that it is one comparison: "w is in 10; T_len is in 0..T". */
static const Val *all_of_inputs(Ctx *cx, const Guards *gs)
{
	const Val *all = NULL;
	Buf names;
	buf_init(&names, cx->arena);
	for (int i = 0; i < gs->n; i++) {
		const Val *g = scalar_guard(cx, gs->of_inputs[i]->args[1], "");
		all = all ? b_ew2(cx, OP_EW_and, all, g->args[1]) : g->args[1];
		buf_printf(&names, "%s%s", i ? "; " : "", val_attr(gs->of_inputs[i], A_NAME)->str);
	}
	return scalar_guard(cx, all, names.text);
}

const Graph *pass_guards(Ctx *cx, const Graph *g)
{
	Guards gs = {0};
	map_init(&gs.at_once, cx->arena);
	const Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (is_at_once(&gs, v)) map_put(&gs.at_once, v, v);
		else if (v->op == OP_guard && map_get(&gs.at_once, v->args[1]) && gs.n < MAX_GUARDS)
			gs.of_inputs[gs.n++] = v;
	}
	Rewrite rw = {.fn = rewrite, .graph_fn = rewrite_body, .user = &gs};
	const Graph *inner = graph_rewrite(cx, g, &rw);
	if (!gs.n) return inner;
	const Val *all = all_of_inputs(cx, &gs);
	const Val **args = NEWN(cx->arena, const Val *, g->n_params),
		  **results = NEWN(cx->arena, const Val *, g->n_results);
	for (int i = 0; i < g->n_params; i++) args[i] = b_after(cx, g->params[i], all);
	graph_splice(cx, inner, args, results);
	return graph_new(cx, g->name, g->n_params, g->params, g->param_names, g->n_results, results, g->result_names);
}
