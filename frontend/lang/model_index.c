/* model_index.c: x[i], and what is done for each i: contexts opened and closed.
 *
 * `for j in S { e }` computes e once, for all j: j is a context while e is elaborated, and k[j], where k has the axis S, is k
 * itself with that axis read as a context.  Closing the context makes it the first axis of the result.  So attention over
 * a memory is a few whole-array operations, and nothing here loops at run time.
 */
#include "frontend/lang/model.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------ axes inside an axis */

/* T of doc[S, T] differs along S: where one s is taken, its lengths are those of that s. */
static const Axis *axis_inside(
	Elab *e, const Axis *a, const Axis *taken, Value (*take)(Elab *, const Value *, const void *), const void *user)
{
	const Value *l = a->lengths;
	if (!l || !l->lay->n || l->lay->axes[0]->root != taken->root) return a;
	Axis *inner = NEW(e->cx->arena, Axis);
	Value *lengths = NEW(e->cx->arena, Value);
	*inner = *a;
	*lengths = take(e, l, user);
	inner->lengths = lengths;
	return inner;
}

const Axis *const *axes_inside(
	Elab *e, const Value *x, Value (*take)(Elab *, const Value *, const void *), const void *user)
{
	int n = x->lay->n;
	const Axis **axes = NEWN(e->cx->arena, const Axis *, n);
	for (int i = 1; i < n; i++) axes[i - 1] = axis_inside(e, x->lay->axes[i], x->lay->axes[0], take, user);
	return axes;
}

/* ------------------------------------------------------------------------------------------------ contexts */

int context_open(Elab *e, const Axis *axis)
{
	ModelElab *m = e->model;
	if (m->n_contexts == MAX_CONTEXTS) fail(e->cx, "for, sum and mean nested more than %d deep", MAX_CONTEXTS - 1);
	m->contexts[m->n_contexts] = (Context){axis->size, axis};
	return m->n_contexts++;
}

static Value take_context(Elab *e, const Value *x, const void *bit) { return context_take(e, x, *(const int *)bit); }

Value context_take(Elab *e, const Value *x, int bit)
{
	uint64_t below = x->lay->over & ((UINT64_C(1) << bit) - 1);
	int n_contexts = count_bits(x->lay->over), to = count_bits(below), rank = x->val->type->rank;
	int *perm = NEWN(e->cx->arena, int, rank + 1);
	for (int i = 0; i < rank; i++) perm[i] = i < to || i > n_contexts ? i : i == to ? n_contexts : i - 1;
	const Val *val = b_permute(e->cx, x->val, perm);
	Value y = model_tensor(
		e, val, x->lay->over | UINT64_C(1) << bit, x->lay->n - 1, axes_inside(e, x, take_context, &bit));
	y.classes = x->classes;
	return y;
}

Value context_close(Elab *e, const Value *v)
{
	ModelElab *m = e->model;
	int bit = m->n_contexts - 1;
	uint64_t mine = UINT64_C(1) << bit;
	const Axis *axis = m->contexts[bit].axis, **axes = NEWN(e->cx->arena, const Axis *, v->lay->n + 1);
	const Val *val = model_expand(e, v, v->lay->over | mine, v->lay->n, v->lay->axes);
	axes[0] = axis;
	for (int i = 0; i < v->lay->n; i++) {
		const Axis *a = v->lay->axes[i];
		axes[i + 1] = a;
		if (!a->lengths || !(a->lengths->lay->over & mine)) continue;
		Axis *outer = NEW(e->cx->arena, Axis);
		Value *lengths = NEW(e->cx->arena, Value);
		*outer = *a;
		*lengths = context_close(e, a->lengths);
		m->n_contexts++;
		outer->lengths = lengths;
		axes[i + 1] = outer;
	}
	m->n_contexts--;
	Value y = model_tensor(e, val, v->lay->over & ~mine, v->lay->n + 1, axes);
	y.classes = v->classes;
	return y;
}

const Axis *model_axis_of(Elab *e, const Value *v, const char *what)
{
	if (v->kind == V_AXIS) return v->axis;
	if (v->kind == V_DIM) return axis_plain(e, v->dim);
	if (v->kind == V_NUM) return axis_plain(e, dim_int(e->cx, size_number(e, v, what)));
	fail(e->cx, "%s must be an axis such as T, or a size; this is %s", what, value_str_of(e, v));
}

Value model_each(Elab *e, const Node *node)
{
	Value over = elab_expr(e, node->kids[0]);
	const Axis *axis = model_axis_of(e, &over, arena_printf(e->cx->arena, "what %s goes through", node->text));
	int bit = context_open(e, axis);
	Frame *outer = e->frame, *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.op = outer->op, .called = outer->called, .up = outer->up, .outer = outer};
	e->frame = f;
	Value i = model_tensor(e, b_iota(e->cx, I64, 1, &axis->size, 0), UINT64_C(1) << bit, 0, NULL);
	i.axis = axis;
	elab_bind(e, node->text, i);
	Value body = elab_expr(e, node->kids[1]);
	Value v = model_value(e, &body, "what stands in { }");
	e->frame = outer;
	Value all = context_close(e, &v);
	if (!strcmp(node->alias, "for")) return all;
	if (!strcmp(node->alias, "mean")) return model_mean(e, &all, 0);
	if (all.val->type->elem == BOOL) all = model_float(e, &all, "");
	return model_reduce(e, node->alias, &all, 0);
}

/* ------------------------------------------------------------------------------------------------ x[at] */

static Value take_gathered(Elab *e, const Value *x, const void *at) { return model_at(e, x, at); }

Value model_ones(Elab *e, const Value *v, int n)
{
	int rank = v->val->type->rank, n_axes = v->lay->n;
	const Dim **dims = NEWN(e->cx->arena, const Dim *, rank + n + 1);
	const Axis **axes = NEWN(e->cx->arena, const Axis *, n_axes + n + 1), *one = axis_plain(e, dim_int(e->cx, 1));
	for (int i = 0; i < rank + n; i++) dims[i] = i < rank ? v->val->type->dims[i] : one->size;
	for (int i = 0; i < n_axes + n; i++) axes[i] = i < n_axes ? v->lay->axes[i] : one;
	return model_tensor(e, b_reshape(e->cx, v->val, rank + n, dims), v->lay->over, n_axes + n, axes);
}

/* The contexts of `first` before the others, and the axis after them (x) or after all (an index). */
static const Val *contexts_first(Elab *e, const Value *v, uint64_t first, bool axis_next)
{
	int rank = v->val->type->rank, *perm = NEWN(e->cx->arena, int, rank + 1), n = 0,
	    contexts = count_bits(v->lay->over);
	for (int pass = 0; pass < 2; pass++) {
		for (int b = 0, at = 0; b < MAX_CONTEXTS; b++) {
			if (!(v->lay->over >> b & 1)) continue;
			if ((first >> b & 1) == (uint64_t)!pass) perm[n++] = at;
			at++;
		}
		if (pass == 0 && axis_next) perm[n++] = contexts;
	}
	for (int i = contexts + axis_next; i < rank; i++) perm[n++] = i;
	return b_permute(e->cx, v->val, perm);
}

/* x's elements at integers that differ by contexts or axes. */
Value model_gather(Elab *e, const Value *x, const Value *at)
{
	Ctx *cx = e->cx;
	uint64_t common = x->lay->over & at->lay->over, only_at = at->lay->over & ~common,
		 only_x = x->lay->over & ~common;
	const Val *table = contexts_first(e, x, common, true), *index = contexts_first(e, at, common, false), *y;
	if (common) y = b_gather_nd(cx, table, b_unsqueeze(cx, index, index->type->rank), count_bits(common));
	else y = b_gather(cx, table, index, 0);
	/* [common, only at, at's axes, only x, x's rest] -> [contexts in order, at's axes, x's rest] */
	int rank = y->type->rank, *perm = NEWN(cx->arena, int, rank + 1), n = 0;
	int c = 0, a = count_bits(common), o = a + count_bits(only_at) + at->lay->n, axes_at = a + count_bits(only_at);
	for (int b = 0; b < MAX_CONTEXTS; b++) {
		if (common >> b & 1) perm[n++] = c++;
		else if (only_at >> b & 1) perm[n++] = a++;
		else if (only_x >> b & 1) perm[n++] = o++;
	}
	for (int i = 0; i < at->lay->n; i++) perm[n++] = axes_at + i;
	while (n < rank) perm[n++] = o++;
	const Axis **axes = NEWN(cx->arena, const Axis *, at->lay->n + x->lay->n),
		   *const *rest = axes_inside(e, x, take_gathered, at);
	for (int i = 0; i < at->lay->n; i++) axes[i] = at->lay->axes[i];
	for (int i = 1; i < x->lay->n; i++) axes[at->lay->n + i - 1] = rest[i - 1];
	return model_tensor(e, b_permute(cx, y, perm), x->lay->over | at->lay->over, at->lay->n + x->lay->n - 1, axes);
}

/* Zeros where `at` is outside of the axis. */
static Value gather_or_zero(Elab *e, const Value *x, const Value *at)
{
	Value y = model_gather(e, x, at), zero = value_num(0), axis = {.kind = V_AXIS, .axis = x->lay->axes[0]};
	Value n = model_value(e, &axis, ""), low = value_binary(e, OP_EW_ge, at, &zero);
	if (!x->lay->axes[0]->lengths) n = value_dim(e->cx, x->lay->axes[0]->size);
	Value high = value_binary(e, OP_EW_lt, at, &n), inside = value_binary(e, OP_EW_and, &low, &high);
	inside = model_ones(e, &inside, x->lay->n - 1);
	Value z = model_select(e, &inside, &y, &zero);
	z.classes = x->classes;
	return z;
}

static Value take_fixed(Elab *e, const Value *x, const void *at)
{
	Ctx *cx = e->cx;
	int axis = count_bits(x->lay->over);
	const Val *y = b_squeeze(cx, b_slice(cx, x->val, axis, at, dim_int(cx, 1), 1), axis);
	Value v = model_tensor(e, y, x->lay->over, x->lay->n - 1, axes_inside(e, x, take_fixed, at));
	v.classes = x->classes;
	return v;
}

Value model_at_dim(Elab *e, const Value *x, const Dim *at) { return take_fixed(e, x, at); }

Value model_at(Elab *e, const Value *x, const Value *at)
{
	Ctx *cx = e->cx;
	if (x->kind != V_TENSOR) fail(cx, "only a tensor has an index, this is %s", value_str_of(e, x));
	if (!x->lay->n) fail(cx, "an index into a number: it has no axes");
	const Axis *a = x->lay->axes[0];
	if (at->kind == V_TENSOR && at->axis) { /* the variable of a for: the axis becomes its context */
		if (!axis_same(at->axis, a)) {
			if (at->axis->name && a->name && at->axis->root != a->root)
				fail(cx, "axes %s and %s have different lengths: %s, %s", at->axis->name, a->name,
					axis_str(e, at->axis), axis_str(e, a));
			fail(cx, "the index goes through %s, the axis is %s", axis_str(e, at->axis), axis_str(e, a));
		}
		int bit = 0;
		while (!(at->lay->over >> bit & 1)) bit++;
		if (!(x->lay->over >> bit & 1)) return context_take(e, x, bit);
	}
	if (at->kind == V_NUM) {
		int64_t i = value_int(e, at, "an index"), n;
		if (i < 0) fail(cx, "an index counts from 0, this is %lld; the last element is last(x)", (long long)i);
		if (!a->name && dim_is_int(a->size, &n) && i >= n)
			fail(cx, "index %lld into an axis of %lld", (long long)i, (long long)n);
		if (!a->name || (i == 0 && !a->lengths)) return take_fixed(e, x, dim_int(cx, i));
	}
	Value index = model_integer(e, at, "an index");
	return gather_or_zero(e, x, &index);
}

/* x[a:b] of an axis of fixed size. */
static Value take_range(Elab *e, const Value *x, const Node *range)
{
	const Axis *a = x->lay->axes[0];
	int64_t n, bound[2] = {0, 0};
	if (a->name || !dim_is_int(a->size, &n))
		fail(e->cx, "a range of axis %s: only fixed sizes have ranges", axis_str(e, a));
	bound[1] = n;
	if (range->kids[2]) fail(e->cx, "a range of a model has no step");
	for (int i = 0; i < 2; i++) {
		if (!range->kids[i]) continue;
		Value v = elab_expr(e, range->kids[i]);
		bound[i] = value_int(e, &v, "a bound of a range");
		if (bound[i] < 0) bound[i] += n;
	}
	if (bound[0] < 0 || bound[1] > n || bound[0] >= bound[1])
		fail(e->cx, "the range %lld:%lld of an axis of %lld", (long long)bound[0], (long long)bound[1],
			(long long)n);
	const Axis **axes = NEWN(e->cx->arena, const Axis *, x->lay->n);
	for (int i = 0; i < x->lay->n; i++) axes[i] = x->lay->axes[i];
	axes[0] = axis_plain(e, dim_int(e->cx, bound[1] - bound[0]));
	int axis = count_bits(x->lay->over);
	return model_tensor(e, b_slice(e->cx, x->val, axis, dim_int(e->cx, bound[0]), axes[0]->size, 1), x->lay->over,
		x->lay->n, axes);
}

Value model_index(Elab *e, const Node *node, Value x)
{
	if (x.kind == V_LIST) {
		Value at = node->n == 2 ? elab_expr(e, node->kids[1]) : (Value){0};
		if (at.kind == V_NUM && at.num >= 0 && at.num < x.n && at.num == (int)at.num)
			return x.items[(int)at.num];
		fail(e->cx, "index %s into a list of %d", value_str_of(e, &at), x.n);
	}
	/* x[i, j]: the later indices are of the axes behind, which stand first once those before are taken */
	for (int i = 1; i < node->n; i++) {
		const Node *sub = node->kids[i];
		if (sub->kind == N_ELLIPSIS) fail(e->cx, "... is of operators: a model's index takes the first axis");
		if (sub->kind == N_RANGE) {
			if (node->n != 2 || x.kind != V_TENSOR || !x.lay->n)
				fail(e->cx, "a range stands alone: x[a:b] takes a part of the first axis");
			x = take_range(e, &x, sub);
			continue;
		}
		Value at = elab_expr(e, sub);
		x = model_at(e, &x, &at);
	}
	return x;
}
