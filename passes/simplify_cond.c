/* simplify_cond.c: conditionals.
 *
 *   cond on a constant           the branch
 *   operands                     that no branch uses, dropped; equal ones, one; constants move into the branches
 *   results                      that nothing uses, dropped; the same in both branches, taken out
 *   cheap branches of scalars    both, and a select
 */
#include "passes/rewrite.h"

#include <string.h>

enum { MAX_SELECT = 8 }; /* values that a branch may compute for nothing */

static const Val **splice(Ctx *cx, const Graph *body, const Val *const *args)
{
	const Val **results = NEWN(cx->arena, const Val *, body->n_results + 1);
	graph_splice(cx, body, args, results);
	return results;
}

static bool is_cheap(Ctx *cx, const Graph *body)
{
	Order order = graph_order(cx->arena, body);
	int n = 0;
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (v->op == OP_param || v->op == OP_const || v->op == OP_dim) continue;
		if (!op_info[v->op].is_ew && v->op != OP_reshape && v->op != OP_expand) return false;
		if (!dim_is(type_count(cx, v->type), 1)) return false;
		n++;
	}
	for (int i = 0; i < body->n_results; i++)
		if (!dim_is(type_count(cx, body->results[i]->type), 1)) return false;
	return n <= MAX_SELECT;
}

static const Val **as_select(Ctx *cx, const Val *v)
{
	const Val **a = splice(cx, val_body(v, 0), v->args + 1), **b = splice(cx, val_body(v, 1), v->args + 1);
	for (int i = 0; i < v->type->n_parts; i++) a[i] = b_select(cx, v->args[0], a[i], b[i]);
	return a;
}

/* One of the branches on new parameters, with the results that are kept. */
static const Graph *rebuild_branch(Ctx *cx, const Graph *g, const Val *const *subst, int n_params,
	const Val *const *params, const char *const *names, const bool *keep)
{
	const Val **results = splice(cx, g, subst);
	const char **result_names = NEWN(cx->arena, const char *, g->n_results);
	int n = 0;
	for (int i = 0; i < g->n_results; i++)
		if (keep[i]) {
			result_names[n] = g->result_names[i];
			results[n++] = results[i];
		}
	return graph_new(cx, g->name, n_params, params, names, n, results, result_names);
}

static const Val **prune_cond(Ctx *cx, const Val *v, const bool *used)
{
	const Graph *bodies[2] = {val_body(v, 0), val_body(v, 1)};
	int n_args = v->n_args - 1, n_parts = v->type->n_parts, n_kept = 0, n_params = 0;
	const Val **parts = NEWN(cx->arena, const Val *, n_parts + 1);
	bool *keep = NEWN(cx->arena, bool, n_parts), changed = false;
	bool *used_arg[2];
	for (int i = 0; i < n_parts; i++) {
		const Val *a = bodies[0]->results[i], *b = bodies[1]->results[i];
		if (a == b && a->op == OP_param) parts[i] = v->args[1 + val_int(a, A_INDEX)];
		else if (a == b && needs_no_params(cx, a)) parts[i] = a;
		else keep[i] = !used || used[i];
		n_kept += keep[i];
		changed |= !keep[i];
	}
	for (int k = 0; k < 2; k++) {
		const Val **live = NEWN(cx->arena, const Val *, n_parts);
		int n = 0;
		for (int i = 0; i < n_parts; i++)
			if (keep[i]) live[n++] = bodies[k]->results[i];
		used_arg[k] = used_params(cx, bodies[k], n, live);
	}
	const Val **subst = NEWN(cx->arena, const Val *, n_args), **params = NEWN(cx->arena, const Val *, n_args);
	const Val **args = NEWN(cx->arena, const Val *, n_args);
	const char **names = NEWN(cx->arena, const char *, n_args);
	for (int i = 0; i < n_args; i++) {
		const Val *x = v->args[1 + i];
		subst[i] = needs_no_params(cx, x) ? x : NULL;
		for (int k = 0; k < n_params && !subst[i]; k++)
			if (args[k] == x) subst[i] = params[k];
		if (!subst[i] && !used_arg[0][i] && !used_arg[1][i])
			subst[i] = bodies[0]->params[i]; /* nothing asks for it */
		else if (!subst[i]) {
			args[n_params] = x;
			names[n_params] = bodies[0]->param_names[i];
			subst[i] = params[n_params] = val_param(cx, n_params, x->type);
			n_params++;
			continue;
		}
		changed = true;
	}
	if (!changed) return NULL;
	for (int k = 0; k < 2; k++) bodies[k] = rebuild_branch(cx, bodies[k], subst, n_params, params, names, keep);
	const Val *cond = n_kept ? b_cond(cx, v->args[0], bodies[0], bodies[1], n_params, args) : NULL;
	for (int i = 0, n = 0; i < n_parts; i++)
		if (keep[i]) parts[i] = val_get(cx, cond, n++);
	return parts;
}

const Val **simplify_cond(Ctx *cx, const Val *v, const bool *used)
{
	const Val *c = v->args[0];
	const Tensor *t = fill_of(c);
	if (t) return splice(cx, val_body(v, tensor_get_int(t, 0) ? 0 : 1), v->args + 1);
	if (c->op == OP_EW_not) {
		const Val **args = arena_copy(cx->arena, v->args, sizeof *args * (size_t)v->n_args);
		return parts_of(cx, b_cond(cx, c->args[0], val_body(v, 1), val_body(v, 0), v->n_args - 1, args + 1));
	}
	if (is_cheap(cx, val_body(v, 0)) && is_cheap(cx, val_body(v, 1))) return as_select(cx, v);
	return prune_cond(cx, v, used);
}
