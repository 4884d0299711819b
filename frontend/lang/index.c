/* index.c: x[i, a:b, ..., none, ::-1] on tensors and lists, as in NumPy.
 *
 * An integer or a size takes one element and its axis away; a tensor of integers gathers; a range is clamped to the axis as
 * in Python, also where the axis is a size that only the run time knows.
 */
#include "frontend/lang/ast.h"

#include <string.h>

/* A bound of a range: from the end when negative, clamped into [0, n]. */
static const Dim *bound_dim(Elab *e, const Node *node, const Dim *otherwise, const Dim *n)
{
	if (!node) return otherwise;
	Value v = elab_expr(e, node);
	if (v.kind == V_NONE) return otherwise;
	const Dim *at = value_as_dim(e, &v, "a bound of a range");
	if (dim_hi(at) < 0) at = dim_add(e->cx, at, n);
	return dim_max(e->cx, dim_int(e->cx, 0), dim_min(e->cx, at, n));
}

static int64_t range_step(Elab *e, const Node *node)
{
	if (!node) return 1;
	Value v = elab_expr(e, node);
	int64_t step = value_int(e, &v, "the step of a range");
	if (step == 0 || step > INT32_MAX || step < -1) fail(e->cx, "the step of a range is positive, or -1 to flip");
	return step;
}

static const Val *take_range(Elab *e, const Val *x, int axis, const Node *const *part)
{
	Ctx *cx = e->cx;
	const Dim *n = x->type->dims[axis];
	int64_t step = range_step(e, part[2]);
	if (step < 0) {
		if (part[0] || part[1]) fail(cx, "a negative step takes the whole axis: x[::-1]");
		return b_slice(cx, x, axis, dim_max(cx, dim_int(cx, 0), dim_sub(cx, n, dim_int(cx, 1))), n, -1);
	}
	const Dim *start = bound_dim(e, part[0], dim_int(cx, 0), n), *stop = bound_dim(e, part[1], n, n);
	const Dim *size = dim_max(cx, dim_int(cx, 0), dim_sub(cx, stop, start));
	return b_slice(cx, x, axis, start, dim_ceildiv(cx, size, dim_int(cx, step)), step);
}

static const Val *take_one(Elab *e, const Val *x, int axis, const Value *at)
{
	Ctx *cx = e->cx;
	const Dim *n = x->type->dims[axis], *i = value_as_dim(e, at, "an index");
	if (dim_hi(i) < 0) i = dim_add(cx, i, n);
	if (dim_hi(i) < 0 || dim_lo(dim_sub(cx, i, n)) >= 0)
		fail(cx, "index %s into an axis of %s", value_str_of(e, at),
			value_str_of(e, &(Value){.kind = V_DIM, .dim = n}));
	return b_squeeze(cx, b_slice(cx, x, axis, i, dim_int(cx, 1), 1), axis);
}

static bool is_new_axis(const Node *sub) { return sub->kind == N_NAME && !strcmp(sub->text, "none"); }

static Value index_tensor(Elab *e, const Node *node, const Val *x)
{
	int ellipses = 0, named = 0;
	for (int i = 1; i < node->n; i++)
		if (node->kids[i]->kind == N_ELLIPSIS) ellipses++;
	if (ellipses > 1) fail(e->cx, "only one ... in an index");
	int axis = 0;
	for (int i = 1; i < node->n; i++) {
		const Node *sub = node->kids[i];
		int rank = x->type->rank;
		if (sub->kind == N_ELLIPSIS) {
			/* What follows counts from the end; a new axis uses none up. */
			named = 0;
			for (int k = i + 1; k < node->n; k++) named += !is_new_axis(node->kids[k]);
			if (rank - named < axis) fail(e->cx, "more indices than the %d axes of the tensor", rank);
			axis = rank - named;
			continue;
		}
		if (sub->kind == N_RANGE) {
			if (axis >= rank)
				fail(e->cx, "more indices than axes: the tensor is %s", type_str(e->cx, x->type));
			x = take_range(e, x, axis++, sub->kids);
			continue;
		}
		if (is_new_axis(sub)) {
			x = b_unsqueeze(e->cx, x, axis++);
			continue;
		}
		if (axis >= rank) fail(e->cx, "more indices than axes: the tensor is %s", type_str(e->cx, x->type));
		Value at = elab_expr(e, sub);
		if (at.kind == V_TENSOR) {
			x = b_gather(e->cx, x, at.val, axis);
			axis += at.val->type->rank;
		} else {
			x = take_one(e, x, axis, &at);
		}
	}
	return value_tensor(x);
}

static int list_bound(Elab *e, const Node *node, int otherwise, int n)
{
	if (!node) return otherwise;
	Value v = elab_expr(e, node);
	if (v.kind == V_NONE) return otherwise;
	int64_t at = value_int(e, &v, "a bound of a range");
	if (at < 0) at += n;
	return at < 0 ? 0 : at > n ? n : (int)at;
}

static Value index_list(Elab *e, const Node *node, const Value *list)
{
	if (node->n != 2) fail(e->cx, "a list has one index");
	const Node *sub = node->kids[1];
	if (sub->kind == N_RANGE) {
		bool flip = range_step(e, sub->kids[2]) < 0;
		if (sub->kids[2] && (!flip || sub->kids[0] || sub->kids[1]))
			fail(e->cx, "the only step of a list is [::-1]");
		int start = list_bound(e, sub->kids[0], 0, list->n),
		    stop = list_bound(e, sub->kids[1], list->n, list->n);
		int n = stop > start ? stop - start : 0;
		Value *items = NEWN(e->cx->arena, Value, n + 1);
		for (int i = 0; i < n; i++) items[i] = list->items[flip ? n - 1 - i : start + i];
		return (Value){.kind = V_LIST, .n = n, .items = items};
	}
	if (sub->kind == N_ELLIPSIS) fail(e->cx, "... indexes tensors");
	Value v = elab_expr(e, sub);
	int64_t at = value_int(e, &v, "the index of a list");
	if (at < -list->n || at >= list->n) fail(e->cx, "index %lld into a list of %d", (long long)at, list->n);
	return list->items[at < 0 ? at + list->n : at];
}

Value elab_index(Elab *e, const Node *node, Value x)
{
	if (x.kind == V_LIST) return index_list(e, node, &x);
	return index_tensor(e, node, value_as_tensor(e, &x, "what is indexed"));
}
