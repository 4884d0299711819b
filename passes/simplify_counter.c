/* simplify_counter.c: scans that count their steps.
 *
 * A loop over time as scripts write it has the step number as an x, and takes x[t] out of the whole sequence:
 *     scan { gather X t }  over iota   =>   scan { x }  over X
 * so that hoisting and streaming see a sequence; and it compares the number with bounds that it never leaves (t < 0 of
 * negative indices, t < len where all lengths are that of the sequence), which decides the comparison.
 */
#include "passes/rewrite.h"

#include <string.h>

enum { MAX_DEPTH = 16, MAX_CONSTANT = 4096 };

typedef struct {
	const Dim *lo, *hi; /* inclusive */
} Range;

typedef struct {
	Ctx *cx;
	const Iteration *it; /* NULL outside of bodies */
	const Val *counter;  /* the param of the body that counts, or NULL */
	int n_added;
	const Val **added;  /* new xs */
	const Val **params; /* and their params */
} Counter;

/* ---- ranges of integers ---- */

static bool range_of(const Counter *c, const Val *v, int depth, Range *out);

/* Of all elements of operands first .. last - 1. */
static bool range_of_all(const Counter *c, const Val *v, int first, int last, int depth, Range *out)
{
	Range next;
	for (int i = first; i < last; i++) {
		if (!range_of(c, v->args[i], depth + 1, &next)) return false;
		*out = i == first ? next : (Range){dim_min(c->cx, out->lo, next.lo), dim_max(c->cx, out->hi, next.hi)};
	}
	return true;
}

static bool range_of_constant(Ctx *cx, const Tensor *t, Range *out)
{
	if (!t->count || t->count > MAX_CONSTANT || t->elem == U64) return false;
	int64_t lo = INT64_MAX, hi = INT64_MIN;
	for (int64_t i = 0; i < t->count; i++) {
		const int64_t at = tensor_get_int(t, i);
		lo = at < lo ? at : lo;
		hi = at > hi ? at : hi;
	}
	*out = (Range){dim_int(cx, lo), dim_int(cx, hi)};
	return true;
}

/* A place along an axis. */
static Range places(Ctx *cx, const Val *x, const Val *v)
{
	return (Range){dim_int(cx, 0), dim_sub(cx, x->type->dims[val_int(v, A_AXIS)], dim_int(cx, 1))};
}

static bool range_of(const Counter *c, const Val *v, int depth, Range *out)
{
	Ctx *cx = c->cx;
	Range a, b;
	const Dim *d;
	if (elem_is_float(v->type->elem) || v->type->is_tuple || depth == MAX_DEPTH) return false;
	if (v == c->counter) {
		*out = (Range){dim_int(cx, 0), dim_sub(cx, c->it->length, dim_int(cx, 1))};
		return true;
	}
	if (v->type->rank == 0 && (v->op == OP_const || v->op == OP_dim) && val_as_dims(cx, v, 1, &d)) {
		*out = (Range){d, d};
		return true;
	}
	switch (v->op) {
	case OP_const: return range_of_constant(cx, val_attr(v, A_DATA)->tensor, out);
	case OP_iota: *out = places(cx, v, v); return true;
	case OP_sort:
	case OP_argreduce: *out = places(cx, v->args[0], v); return true;
	case OP_concat: return range_of_all(c, v, 0, v->n_args, depth, out);
	case OP_EW_select: return range_of_all(c, v, 1, 3, depth, out);
	case OP_EW_cast: /* sizes are taken to fit: symbolic.c */
		return elem_info[v->type->elem].size >= 4 && v->type->elem != U32 &&
			range_of(c, v->args[0], depth + 1, out);
	case OP_reshape:
	case OP_permute:
	case OP_slice:
	case OP_expand:
	case OP_window:
	case OP_gather:
	case OP_gather_nd:
	case OP_after:
	case OP_guard: return range_of(c, v->args[0], depth + 1, out);
	case OP_EW_add:
		if (!range_of(c, v->args[0], depth + 1, &a) || !range_of(c, v->args[1], depth + 1, &b)) return false;
		*out = (Range){dim_add(cx, a.lo, b.lo), dim_add(cx, a.hi, b.hi)};
		return v->type->elem == I64 || v->type->elem == I32;
	default: return false;
	}
}

/* a < b (or a <= b) for all of both: 1, for none: 0, else -1. */
static int decide(Ctx *cx, const Range *a, const Range *b, bool or_equal)
{
	if (dim_lo(dim_sub(cx, b->lo, a->hi)) >= !or_equal) return 1;
	return dim_hi(dim_sub(cx, b->hi, a->lo)) < !or_equal ? 0 : -1;
}

static const Val *decide_comparison(const Counter *c, const Val *v)
{
	Ctx *cx = c->cx;
	Range a, b;
	int truth = -1;
	if (v->op < OP_EW_eq || v->op > OP_EW_ge || !range_of(c, v->args[0], 0, &a) || !range_of(c, v->args[1], 0, &b))
		return NULL;
	switch (v->op) {
	case OP_EW_lt: truth = decide(cx, &a, &b, false); break;
	case OP_EW_le: truth = decide(cx, &a, &b, true); break;
	case OP_EW_gt: truth = decide(cx, &b, &a, false); break;
	case OP_EW_ge: truth = decide(cx, &b, &a, true); break;
	default: /* one that is always less or always greater is never equal */
		if (decide(cx, &a, &b, false) == 1 || decide(cx, &b, &a, false) == 1) truth = v->op == OP_EW_ne;
	}
	return truth < 0 ? NULL : make_fill(cx, v->type, truth);
}

const Val *simplify_comparison(Ctx *cx, const Val *v) { return decide_comparison(&(Counter){.cx = cx}, v); }

/* ---- bodies ---- */

/* gather X t: the step's own element of X, where X has one for each step. */
static const Val *own_element(Counter *c, const Val *v)
{
	Ctx *cx = c->cx;
	const Val *x = v->op == OP_gather ? v->args[0] : NULL;
	if (!x || v->args[1] != c->counter || x->op != OP_param || val_int(x, A_INDEX) >= c->it->n_consts) return NULL;
	int axis = (int)val_int(v, A_AXIS), rank = x->type->rank;
	if (dim_lo(dim_sub(cx, x->type->dims[axis], c->it->length)) < 0) return NULL;
	const Val *whole = c->it->val->args[val_int(x, A_INDEX)];
	int *perm = NEWN(cx->arena, int, rank);
	for (int i = 0; i < rank; i++) perm[i] = i == 0 ? axis : i <= axis ? i - 1 : i;
	const Val *xs = b_permute(cx, b_slice(cx, whole, axis, dim_int(cx, 0), c->it->length, 1), perm);
	const Val *param = val_param(cx, c->it->body->n_params + c->n_added, v->type);
	c->added[c->n_added] = xs;
	c->params[c->n_added++] = param;
	return param;
}

static const Val *count_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Counter *c = rw->user;
	const Val *v = val_with(rw->cx, old, args), *better = decide_comparison(c, v);
	/* These now, so that the index is seen to be the counter. */
	if (!better && v->op == OP_EW_select && fill_of(v->args[0])) better = v->args[fill_is(v->args[0], 0) ? 2 : 1];
	if (!better && v->op == OP_EW_and && fill_is(v->args[0], 1)) better = v->args[1];
	if (!better && v->op == OP_guard && fill_is(v->args[1], 1)) better = v->args[0];
	if (!better) better = own_element(c, v);
	return better ? better : v;
}

/* The x that counts from 0, if any. */
static const Val *find_counter(const Iteration *it)
{
	for (int i = it->val->n_args - it->n_xs; i < it->val->n_args; i++)
		if (it->val->args[i]->op == OP_iota && it->val->args[i]->type->rank == 1) return it->body->params[i];
	return NULL;
}

const Val **simplify_counter(Ctx *cx, const Val *v)
{
	Iteration it = iteration_of(v);
	Counter c = {.cx = cx, .it = &it, .counter = find_counter(&it)};
	const Graph *body = it.body;
	if (!c.counter) return NULL;
	int n_vals = graph_order(cx->arena, body).n, n = body->n_params;
	c.added = NEWN(cx->arena, const Val *, n_vals);
	c.params = NEWN(cx->arena, const Val *, n_vals);
	Rewrite rw = {.user = &c, .fn = count_val, .graph_fn = keep_body};
	const Graph *made = graph_rewrite(cx, body, &rw);
	if (made == body) return NULL;
	const Val **params = NEWN(cx->arena, const Val *, n + c.n_added),
		  **args = NEWN(cx->arena, const Val *, n + c.n_added);
	const char **names = NEWN(cx->arena, const char *, n + c.n_added);
	for (int i = 0; i < n + c.n_added; i++) {
		params[i] = i < n ? body->params[i] : c.params[i - n];
		args[i] = i < n ? v->args[i] : c.added[i - n];
		names[i] = i < n ? body->param_names[i] : arena_printf(cx->arena, "x%d", i);
	}
	made = graph_new(
		cx, body->name, n + c.n_added, params, names, made->n_results, made->results, made->result_names);
	return parts_of(cx, b_scan(cx, made, it.n_consts, it.n_carries, n + c.n_added, args, it.length, it.reverse));
}
