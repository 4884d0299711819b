/* simplify_loops.c: scans and loops.
 *
 *   one step                     the body;  no step: the carries as given, and nothing stacked
 *   loop, count known, no stop   a scan
 *   consts and xs                that nothing uses, dropped; equal ones, one; constants move into the body; an x that is
 *                                the same in every step is a const
 *   carries                      that never change are consts; that no used result needs are dropped
 *   ys                           that nothing uses, dropped; equal ones, one; a const in every step is an expansion, the x
 *                                of the step is xs; a reshape is done once on all of them
 *
 * Constants are hash-consed, so one inside a body costs nothing, and folding can work on it there.
 */
#include "passes/rewrite.h"

#include <string.h>

/* ---- no iteration ---- */

static const Val **no_step(Ctx *cx, const Iteration *it)
{
	const Val **parts = NEWN(cx->arena, const Val *, it->val->type->n_parts + 1);
	if (it->part0) parts[0] = b_scalar_int(cx, I64, 0);
	for (int i = 0; i < it->n_carries; i++) parts[it->part0 + i] = it->val->args[it->arg0 + it->n_consts + i];
	for (int i = 0; i < it->n_ys; i++) {
		int part = it->part0 + it->n_carries + i;
		parts[part] = make_fill(cx, it->val->type->parts[part], 0);
	}
	return parts;
}

static const Val **one_step(Ctx *cx, const Iteration *it)
{
	const Val **args = NEWN(cx->arena, const Val *, it->val->n_args + 1);
	for (int i = 0; i < it->val->n_args; i++) {
		const Val *x = it->val->args[i];
		args[i] = i < it->n_consts + it->n_carries ? x : b_squeeze(cx, x, 0);
	}
	const Val **results = NEWN(cx->arena, const Val *, it->body->n_results + 1);
	graph_splice(cx, it->body, args, results);
	for (int i = it->n_carries; i < it->body->n_results; i++) results[i] = b_unsqueeze(cx, results[i], 0);
	return results;
}

/* ---- loop to scan ---- */

static bool is_true(const Val *v)
{
	const Tensor *t = fill_of(v);
	return t && tensor_get_int(t, 0);
}

/* A loop that runs a known number of steps, all of its length. */
static const Val **as_scan(Ctx *cx, const Iteration *it)
{
	const Val *v = it->val;
	const Graph *body = it->body;
	const Dim *n;
	if (!is_true(v->args[1]) || !is_true(body->results[0]) || !val_as_dims(cx, v->args[0], 1, &n) || dim_lo(n) < 0)
		return NULL;
	n = dim_min(cx, n, it->length);
	if (n != it->length && it->n_ys) return NULL;
	/* consts, carries, then the counter as xs */
	int n_args = it->n_consts + it->n_carries;
	const Val **subst = NEWN(cx->arena, const Val *, n_args + 1),
		  **params = NEWN(cx->arena, const Val *, n_args + 1);
	const Val **args = NEWN(cx->arena, const Val *, n_args + 1);
	const char **names = NEWN(cx->arena, const char *, n_args + 1);
	for (int i = 0; i <= n_args; i++) {
		int from = i < n_args ? i + 1 : 0;
		args[i] = i < n_args ? v->args[2 + i] : b_iota(cx, I64, 1, &n, 0);
		names[i] = body->param_names[from];
		subst[from] = params[i] = val_param(cx, i, body->params[from]->type);
	}
	const Val **results = NEWN(cx->arena, const Val *, body->n_results);
	graph_splice(cx, body, subst, results);
	const Graph *g = graph_new(
		cx, body->name, n_args + 1, params, names, body->n_results - 1, results + 1, body->result_names + 1);
	const Val **parts = NEWN(cx->arena, const Val *, v->type->n_parts);
	const Val **scanned = parts_of(cx, b_scan(cx, g, it->n_consts, it->n_carries, n_args + 1, args, n, false));
	parts[0] = b_dim(cx, n);
	for (int i = 1; i < v->type->n_parts; i++) parts[i] = scanned[i - 1];
	return parts;
}

/* ---- what an iteration does without ---- */

typedef struct {
	Ctx *cx;
	const Iteration *it;
	const Val **parts;
	bool *live;        /* results of the body */
	bool *used;        /* params of the body, by live results */
	const Val **subst; /* params of the body -> what stands for them */
	int n_params;      /* of the new body */
	const Val **params, **args;
	const char **names;
	bool changed;
} Prune;

static const Val *arg_of(const Prune *p, int param) { return p->it->val->args[p->it->arg0 + param - p->it->param0]; }

/* Invariant: the same in each step as before the first. */
static bool is_invariant_carry(const Prune *p, int i)
{
	int param = p->it->param0 + p->it->n_consts + i;
	const Val *after = p->it->body->results[p->it->result0 + i];
	return after == p->it->body->params[param] || (after == arg_of(p, param) && needs_no_params(p->cx, after));
}

/* An x that is the same in each step, without its first dim; else NULL. */
static const Val *invariant_x(Ctx *cx, const Val *x)
{
	if (x->op != OP_expand) return NULL;
	const Val *small = x->args[0];
	int rank = x->type->rank;
	if (small->type->rank == rank) {
		if (!dim_is(small->type->dims[0], 1)) return NULL;
		small = b_reshape(cx, small, rank - 1, small->type->dims + 1);
	}
	return b_expand(cx, small, rank - 1, dims_tail(cx, x->type, 1));
}

/* Which results, and through carries which params, the used parts need. */
static void find_live(Prune *p, const bool *used)
{
	const Iteration *it = p->it;
	int n_results = it->body->n_results;
	const Val **live = NEWN(p->cx->arena, const Val *, n_results);
	for (int i = 0; i < n_results; i++) p->live[i] = i < it->result0 || !used || used[it->part0 + i - it->result0];
	for (bool grown = true; grown;) {
		int n = 0;
		for (int i = 0; i < n_results; i++)
			if (p->live[i]) live[n++] = it->body->results[i];
		p->used = used_params(p->cx, it->body, n, live);
		grown = false;
		for (int i = 0; i < it->n_carries; i++)
			if (p->used[it->param0 + it->n_consts + i] && !p->live[it->result0 + i])
				grown = p->live[it->result0 + i] = true;
	}
}

static void keep_param(Prune *p, int param, const Val *arg, const Type *type)
{
	p->args[p->n_params] = arg;
	p->names[p->n_params] = p->it->body->param_names[param];
	p->subst[param] = p->params[p->n_params] = val_param(p->cx, p->n_params, type);
	p->n_params++;
}

/* The params of a kind that starts at `first` among the new ones. */
static void place_param(Prune *p, int param, int first, const Val *arg, bool is_const)
{
	const Type *type = p->it->body->params[param]->type;
	p->subst[param] = is_const && needs_no_params(p->cx, arg) ? arg
		: !p->used[param]                                 ? p->it->body->params[param]
								  : NULL;
	for (int k = first; k < p->n_params && !p->subst[param]; k++)
		if (p->args[k] == arg) p->subst[param] = p->params[k];
	if (p->subst[param]) p->changed = true;
	else keep_param(p, param, arg, type);
}

/* A y that is known without the iteration, or NULL.  A loop's ys end where it stops. */
static const Val *known_y(Prune *p, int result)
{
	const Iteration *it = p->it;
	const Val *y = it->body->results[result], *each = NULL;
	const Type *type = it->val->type->parts[it->part0 + result - it->result0];
	if (it->val->op == OP_loop) return NULL;
	if (needs_no_params(p->cx, y)) each = y;
	if (y->op == OP_param) {
		int i = (int)val_int(y, A_INDEX) - it->param0;
		if (i >= it->n_consts + it->n_carries) return arg_of(p, (int)val_int(y, A_INDEX));
		if (i < it->n_consts || is_invariant_carry(p, i - it->n_consts))
			each = arg_of(p, (int)val_int(y, A_INDEX));
	}
	if (!each) return NULL;
	return b_expand(p->cx, b_unsqueeze(p->cx, each, 0), type->rank, type->dims);
}

/* Results that are known need not be live: settled before find_live asks what the others need. */
static bool *settle_parts(Prune *p, const bool *used)
{
	const Iteration *it = p->it;
	int n = it->val->type->n_parts;
	bool *wanted = NEWN(p->cx->arena, bool, n + 1);
	for (int part = 0; part < n; part++) {
		int result = part - it->part0 + it->result0, carry = part - it->part0;
		wanted[part] = !used || used[part];
		if (part < it->part0 || !wanted[part]) continue;
		if (carry < it->n_carries) {
			if (is_invariant_carry(p, carry)) p->parts[part] = arg_of(p, it->param0 + it->n_consts + carry);
		} else {
			p->parts[part] = known_y(p, result);
		}
		if (p->parts[part]) wanted[part] = false;
	}
	return wanted;
}

static const Val *without_reshape(const Val *y)
{
	while (y->op == OP_reshape) y = y->args[0];
	return y;
}

/* The new body and its op; puts its parts into place. */
static void rebuild(Prune *p, int n_consts, int n_carries)
{
	const Iteration *it = p->it;
	Ctx *cx = p->cx;
	const Graph *body = it->body;
	const Val **all = NEWN(cx->arena, const Val *, body->n_results + 1),
		  **results = NEWN(cx->arena, const Val *, body->n_results + 1);
	const char **names = NEWN(cx->arena, const char *, body->n_results + 1);
	int *place = NEWN(cx->arena, int, body->n_results + 1), n = 0, n_fixed = it->result0 + n_carries;
	graph_splice(cx, body, p->subst, all);
	for (int i = 0; i < body->n_results; i++) {
		bool is_y = i >= it->result0 + it->n_carries;
		place[i] = -1;
		if (!p->live[i]) continue;
		if (is_y) all[i] = without_reshape(all[i]);
		for (int k = n_fixed; is_y && k < n; k++)
			if (results[k] == all[i]) place[i] = k;
		if (place[i] >= 0) continue;
		names[n] = body->result_names[i];
		results[n] = all[i];
		place[i] = n++;
	}
	if (n == 0) return; /* all parts are known without it */
	const Graph *g = graph_new(cx, body->name, p->n_params, p->params, p->names, n, results, names);
	const Val *v = it->val, *made;
	if (v->op == OP_loop) {
		const Val **args = NEWN(cx->arena, const Val *, p->n_params + 1);
		args[0] = v->args[0];
		args[1] = v->args[1];
		memcpy(args + 2, p->args + 1, sizeof *args * (size_t)(p->n_params - 1));
		made = b_loop(cx, g, n_consts, n_carries, p->n_params + 1, args, it->length);
		p->parts[0] = val_get(cx, made, 0);
	} else {
		made = b_scan(cx, g, n_consts, n_carries, p->n_params, p->args, it->length, it->reverse);
	}
	for (int i = it->result0; i < body->n_results; i++) {
		int part = i - it->result0 + it->part0;
		if (place[i] >= 0 && !p->parts[part])
			p->parts[part] = b_reshape(cx, val_get(cx, made, place[i] - it->result0 + it->part0),
				v->type->parts[part]->rank, v->type->parts[part]->dims);
	}
}

/* Is there a y that the scan does without, but for its first dims? */
static bool has_simpler_ys(const Prune *p)
{
	int first = p->it->result0 + p->it->n_carries;
	const Val *const *results = p->it->body->results;
	for (int i = first; i < p->it->body->n_results; i++) {
		if (p->live[i] && results[i]->op == OP_reshape) return true;
		for (int k = first; k < i; k++)
			if (p->live[i] && p->live[k] && results[i] == results[k]) return true;
	}
	return false;
}

static const Val **prune(Ctx *cx, const Iteration *it, const bool *used)
{
	int n = it->body->n_params, n_parts = it->val->type->n_parts, first;
	Prune p = {.cx = cx, .it = it, .parts = NEWN(cx->arena, const Val *, n_parts + 1)};
	p.live = NEWN(cx->arena, bool, it->body->n_results + 1);
	p.subst = NEWN(cx->arena, const Val *, n + 1);
	p.params = NEWN(cx->arena, const Val *, n + 1);
	p.args = NEWN(cx->arena, const Val *, n + 1);
	p.names = NEWN(cx->arena, const char *, n + 1);
	find_live(&p, settle_parts(&p, used));
	for (int i = 0; i < it->body->n_results; i++) /* an unused carry that another needs stays */
		p.changed |= !p.live[i];
	p.changed |= has_simpler_ys(&p);

	if (it->param0) keep_param(&p, 0, NULL, it->body->params[0]->type);
	first = p.n_params;
	for (int i = 0; i < it->n_consts; i++) place_param(&p, it->param0 + i, first, arg_of(&p, it->param0 + i), true);
	for (int i = 0; i < it->n_carries; i++) {
		int param = it->param0 + it->n_consts + i;
		if (!is_invariant_carry(&p, i)) continue;
		place_param(&p, param, first, arg_of(&p, param), true);
		p.live[it->result0 + i] = false;
		p.changed = true;
	}
	int xs = it->param0 + it->n_consts + it->n_carries;
	for (int i = xs; i < n; i++) {
		const Val *each = invariant_x(cx, arg_of(&p, i));
		if (!each) continue;
		place_param(&p, i, first, each, true);
		p.changed = true;
	}
	int n_consts = p.n_params - first;
	for (int i = 0; i < it->n_carries; i++) {
		int param = it->param0 + it->n_consts + i;
		if (p.live[it->result0 + i]) keep_param(&p, param, arg_of(&p, param), it->body->params[param]->type);
		else if (!p.subst[param]) p.subst[param] = it->body->params[param];
	}
	int n_carries = p.n_params - first - n_consts;
	first = p.n_params;
	for (int i = xs; i < n; i++)
		if (!p.subst[i]) place_param(&p, i, first, arg_of(&p, i), false);
	if (!p.changed) return NULL;
	rebuild(&p, n_consts, n_carries);
	return p.parts;
}

const Val **simplify_iteration(Ctx *cx, const Val *v, const bool *used)
{
	Iteration it = iteration_of(v);
	if (size_symbol(v)) /* others need its count as a size */
		return prune(cx, &it, used);
	const Tensor *go = v->op == OP_loop ? fill_of(v->args[1]) : NULL;
	const Dim *most = it.length;
	bool never = dim_is(most, 0) || (go && !tensor_get_int(go, 0));
	never |= v->op == OP_loop && val_as_dims(cx, v->args[0], 1, &most) && dim_hi(most) <= 0;
	if (never) return no_step(cx, &it);
	if (v->op == OP_scan && dim_is(it.length, 1)) return one_step(cx, &it);
	const Val **parts = v->op == OP_loop ? as_scan(cx, &it) : simplify_counter(cx, v);
	return parts ? parts : prune(cx, &it, used);
}
