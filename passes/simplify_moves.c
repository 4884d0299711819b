/* simplify_moves.c: concat, pad and gather that a view or nothing can stand for. */
#include "passes/rewrite.h"

#include <string.h>

/* ---- concat ---- */

static bool slices_meet(Ctx *cx, const Val *a, const Val *b, int axis)
{
	if (a->op != OP_slice || b->op != OP_slice || a->args[0] != b->args[0]) return false;
	for (int i = 0; i < a->type->rank; i++) {
		const Dim *sa = val_dims(a, A_START)[i], *sb = val_dims(b, A_START)[i];
		int64_t ta = val_ints(a, A_STEP)[i], tb = val_ints(b, A_STEP)[i];
		if (i == axis ? ta != 1 || tb != 1 || dim_add(cx, sa, val_dims(a, A_SIZE)[i]) != sb
			      : sa != sb || ta != tb)
			return false;
	}
	return true;
}

static const Val *join_slices(Ctx *cx, const Val *a, const Val *b, int axis)
{
	const Dim **size = arena_copy(cx->arena, val_dims(a, A_SIZE), sizeof *size * (size_t)a->type->rank);
	size[axis] = dim_add(cx, size[axis], val_dims(b, A_SIZE)[axis]);
	return make_slice(cx, a->args[0], val_dims(a, A_START), size, val_ints(a, A_STEP));
}

static const Val *simplify_concat(Ctx *cx, const Val *v)
{
	int axis = (int)val_int(v, A_AXIS), n = 0, total = 0;
	if (v->n_args == 1) return v->args[0];
	for (int i = 0; i < v->n_args; i++) {
		const Val *x = v->args[i];
		total += x->op == OP_concat && val_int(x, A_AXIS) == axis ? x->n_args : 1;
	}
	const Val **parts = NEWN(cx->arena, const Val *, total);
	bool equal = true;
	for (int i = 0; i < v->n_args; i++) {
		const Val *x = v->args[i];
		bool nested = x->op == OP_concat && val_int(x, A_AXIS) == axis;
		for (int k = 0; k < (nested ? x->n_args : 1); k++) {
			const Val *part = nested ? x->args[k] : x;
			if (dim_is(part->type->dims[axis], 0)) continue;
			equal &= fill_of(part) && (n == 0 || fill_of(part) == fill_of(parts[0]));
			if (n && slices_meet(cx, parts[n - 1], part, axis))
				parts[n - 1] = join_slices(cx, parts[n - 1], part, axis);
			else parts[n++] = part;
		}
	}
	if (n == 0) return v->args[0];
	if (equal)
		return b_expand(cx,
			val_const(cx, &(Tensor){.elem = v->type->elem, .count = 1, .data = fill_of(parts[0])->data}),
			v->type->rank, v->type->dims);
	return b_concat(cx, n, parts, axis);
}

/* ---- pad ---- */

static const Val *simplify_pad(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0], *fill = v->args[1];
	int rank = v->type->rank;
	Dims lo = val_dims(v, A_LO), hi = val_dims(v, A_HI);
	const Val *same = b_pad(cx, x, lo, hi, fill);
	if (same != v) return same;
	if (x->op == OP_expand && fill_of(x) && fill_of(x) == fill_of(fill))
		return b_expand(cx, fill, rank, v->type->dims);
	if (x->op != OP_pad || x->args[1] != fill) return NULL;
	const Dim **lo_all = NEWN(cx->arena, const Dim *, rank), **hi_all = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		lo_all[i] = dim_add(cx, lo[i], val_dims(x, A_LO)[i]);
		hi_all[i] = dim_add(cx, hi[i], val_dims(x, A_HI)[i]);
	}
	return b_pad(cx, x->args[0], lo_all, hi_all, fill);
}

/* ---- gather ---- */

/* x without the axis, at the element `at`. */
static const Val *take_one(Ctx *cx, const Val *x, int axis, const Dim *at, const Type *to)
{
	return b_reshape(cx, b_slice(cx, x, axis, at, dim_int(cx, 1), 1), to->rank, to->dims);
}

/* Is 0 <= at < n, so that clamping does nothing?  n - 1 is taken to be: gathering from nothing is an error either way. */
static bool is_inside(Ctx *cx, const Dim *at, const Dim *n)
{
	const Dim *from_end = dim_sub(cx, dim_sub(cx, n, at), dim_int(cx, 1));
	return dim_is(from_end, 0) || (dim_lo(at) >= 0 && dim_lo(from_end) >= 0);
}

static const Val *gather_one(Ctx *cx, const Val *v, const Val *x, const Dim *at)
{
	int axis = (int)val_int(v, A_AXIS);
	const Dim *n = x->type->dims[axis];
	int64_t i, size;
	if (dim_is_int(at, &i) && i < 0) at = dim_int(cx, 0);
	if (dim_is_int(at, &i) && dim_is_int(n, &size) && i >= size) at = dim_int(cx, size - 1);
	if (dim_hi(n) <= 0 || !is_inside(cx, at, n)) return NULL;
	return take_one(cx, x, axis, at, v->type);
}

/* Indices i, i+s, i+2s ..: a slice. */
static const Val *gather_run(Ctx *cx, const Val *v, const Val *x, const Tensor *t)
{
	int axis = (int)val_int(v, A_AXIS);
	const Dim *n = x->type->dims[axis];
	int64_t first = tensor_get_int(t, 0), last = tensor_get_int(t, t->count - 1), step;
	if (t->elem == U64 || __builtin_sub_overflow(tensor_get_int(t, 1), first, &step) || step == 0 ||
		step == INT64_MIN)
		return NULL;
	for (int64_t i = 1; i < t->count; i++) {
		int64_t by;
		if (__builtin_sub_overflow(tensor_get_int(t, i), tensor_get_int(t, i - 1), &by) || by != step)
			return NULL;
	}
	if (first < 0 || last < 0 || dim_lo(n) <= first || dim_lo(n) <= last) return NULL;
	return b_slice(cx, x, axis, dim_int(cx, first), dim_int(cx, t->count), step);
}

static const Val *simplify_gather(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0], *idx = v->args[1];
	const Dim *at;
	int axis = (int)val_int(v, A_AXIS);
	if (idx->op == OP_reshape) { /* the shape of the indices is but a part of the result's */
		const Val *plain = b_gather(cx, x, idx->args[0], axis);
		return b_reshape(cx, plain, v->type->rank, v->type->dims);
	}
	if (dim_is(type_count(cx, idx->type), 1) && val_as_dims(cx, idx, 1, &at)) return gather_one(cx, v, x, at);
	if (idx->op == OP_const && idx->type->rank == 1 && val_attr(idx, A_DATA)->tensor->count > 1)
		return gather_run(cx, v, x, val_attr(idx, A_DATA)->tensor);
	if (idx->op == OP_iota && idx->type->rank == 1 &&
		dim_lo(dim_sub(cx, x->type->dims[axis], idx->type->dims[0])) >= 0)
		return b_slice(cx, x, axis, dim_int(cx, 0), idx->type->dims[0], 1);
	return NULL;
}

const Val *simplify_move(Ctx *cx, const Val *v)
{
	return v->op == OP_concat ? simplify_concat(cx, v)
		: v->op == OP_pad ? simplify_pad(cx, v)
				  : simplify_gather(cx, v);
}
