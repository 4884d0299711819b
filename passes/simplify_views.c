/* simplify_views.c: views of views become one view, and expansions move outwards, where contracts and element-wise rules
 * find them.  The order that the rules aim at: expand (reshape (permute (slice x))).
 */
#include "passes/rewrite.h"

#include <string.h>

static bool same_dims(const Type *a, const Type *b)
{
	return a->rank == b->rank && (a->rank == 0 || memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) == 0);
}

/* How many leading dims of 1 a reshape adds and nothing else, or -1. */
static int added_front(const Val *reshape)
{
	const Type *a = reshape->args[0]->type, *b = reshape->type;
	int extra = b->rank - a->rank;
	for (int i = 0; i < b->rank; i++)
		if (extra < 0 || (i < extra ? !dim_is(b->dims[i], 1) : b->dims[i] != a->dims[i - extra])) return -1;
	return extra;
}

static const Val *simplify_reshape(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	const Type *to = v->type;
	if (same_dims(x->type, to)) return x;
	if (x->op == OP_reshape) return b_reshape(cx, x->args[0], to->rank, to->dims);
	if (x->op == OP_expand && dim_is(type_count(cx, x->args[0]->type), 1))
		return b_expand(cx, b_reshape(cx, x->args[0], 0, NULL), to->rank, to->dims);
	if (x->op == OP_iota && dim_is(type_count(cx, x->type), 1)) return make_fill(cx, to, 0);
	return NULL;
}

static const Val *simplify_permute(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	int rank = v->type->rank;
	const int64_t *perm = val_ints(v, A_PERM);
	int *composed = NEWN(cx->arena, int, rank);
	if (x->op == OP_permute) {
		for (int i = 0; i < rank; i++) composed[i] = (int)val_ints(x, A_PERM)[perm[i]];
		return b_permute(cx, x->args[0], composed);
	}
	/* Dims of 1 may stand anywhere: only the order of the others matters. */
	int64_t last = -1;
	bool in_order = true;
	for (int i = 0; i < rank; i++)
		if (!dim_is(v->type->dims[i], 1)) {
			in_order &= perm[i] > last;
			last = perm[i];
		}
	if (in_order) return b_reshape(cx, x, rank, v->type->dims);
	if (x->op != OP_expand) return NULL;
	const Type *small = x->args[0]->type;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		dims[i] = i < rank - small->rank ? dim_int(cx, 1) : small->dims[i - (rank - small->rank)];
		composed[i] = (int)perm[i];
	}
	return b_expand(cx, b_permute(cx, b_reshape(cx, x->args[0], rank, dims), composed), rank, v->type->dims);
}

static const Val *simplify_expand(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	const Type *to = v->type;
	if (same_dims(x->type, to)) return x;
	if (x->op == OP_expand) return b_expand(cx, x->args[0], to->rank, to->dims);
	if (x->op == OP_reshape && added_front(x) > 0) return b_expand(cx, x->args[0], to->rank, to->dims);
	if (type_count(cx, x->type) == type_count(cx, to)) return b_reshape(cx, x, to->rank, to->dims);
	if (x->type->rank && dim_is(type_count(cx, x->type), 1))
		return b_expand(cx, b_reshape(cx, x, 0, NULL), to->rank, to->dims);
	return NULL;
}

/* ---- slice ---- */

static const Val *slice_of_slice(Ctx *cx, const Val *v, const Val *x)
{
	int rank = v->type->rank;
	const Dim **start = NEWN(cx->arena, const Dim *, rank);
	int64_t *step = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) {
		int64_t inner = val_ints(x, A_STEP)[i];
		start[i] =
			dim_add(cx, val_dims(x, A_START)[i], dim_mul(cx, val_dims(v, A_START)[i], dim_int(cx, inner)));
		if (__builtin_mul_overflow(inner, val_ints(v, A_STEP)[i], &step[i])) return NULL;
	}
	return make_slice(cx, x->args[0], start, val_dims(v, A_SIZE), step);
}

/* An expansion may be empty where what it expands is not: then a slice that is outside is no error, and has to stay so. */
static const Val *slice_of_expand(Ctx *cx, const Val *v, const Val *x)
{
	const Val *small = x->args[0];
	int rank = small->type->rank, extra = v->type->rank - rank;
	bool may_be_empty = false;
	for (int i = 0; i < v->type->rank; i++)
		may_be_empty |= (i < extra || small->type->dims[i - extra] != x->type->dims[i]) &&
			dim_lo(v->type->dims[i]) <= 0;
	const Dim **start = NEWN(cx->arena, const Dim *, rank), **size = NEWN(cx->arena, const Dim *, rank);
	int64_t *step = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) {
		bool one = dim_is(small->type->dims[i], 1);
		start[i] = one ? dim_int(cx, 0) : val_dims(v, A_START)[extra + i];
		size[i] = one ? dim_int(cx, 1) : val_dims(v, A_SIZE)[extra + i];
		step[i] = one ? 1 : val_ints(v, A_STEP)[extra + i];
	}
	const Val *y = make_slice(cx, small, start, size, step);
	if (may_be_empty && y != small && !is_total(cx, y)) return NULL;
	return b_expand(cx, y, v->type->rank, v->type->dims);
}

static const Val *slice_of_permute(Ctx *cx, const Val *v, const Val *x)
{
	int rank = v->type->rank;
	const Dim **start = NEWN(cx->arena, const Dim *, rank), **size = NEWN(cx->arena, const Dim *, rank);
	int64_t *step = NEWN(cx->arena, int64_t, rank);
	int *perm = NEWN(cx->arena, int, rank);
	for (int i = 0; i < rank; i++) {
		perm[i] = (int)val_ints(x, A_PERM)[i];
		start[perm[i]] = val_dims(v, A_START)[i];
		size[perm[i]] = val_dims(v, A_SIZE)[i];
		step[perm[i]] = val_ints(v, A_STEP)[i];
	}
	return b_permute(cx, make_slice(cx, x->args[0], start, size, step), perm);
}

/* Where the sliced dims are dims of the reshaped value too. */
static const Val *slice_of_reshape(Ctx *cx, const Val *v, const Val *x)
{
	const Val *from = x->args[0];
	int rank = from->type->rank;
	int *of = NEWN(cx->arena, int, v->type->rank);
	reshape_dims(from->type, x->type, of);
	const Dim **start = NEWN(cx->arena, const Dim *, rank), **size = NEWN(cx->arena, const Dim *, rank);
	int64_t *step = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) {
		start[i] = dim_int(cx, 0);
		size[i] = from->type->dims[i];
		step[i] = 1;
	}
	for (int j = 0; j < v->type->rank; j++) {
		const Dim *s = val_dims(v, A_START)[j], *n = val_dims(v, A_SIZE)[j];
		int64_t by = val_ints(v, A_STEP)[j];
		if (dim_is(s, 0) && n == x->type->dims[j] && by == 1) continue;
		if (of[j] < 0) return NULL;
		start[of[j]] = s;
		size[of[j]] = n;
		step[of[j]] = by;
	}
	return b_reshape(cx, make_slice(cx, from, start, size, step), v->type->rank, v->type->dims);
}

/* First and last element that a slice takes of dim i, the lower one first. */
static void slice_ends(Ctx *cx, const Val *v, int i, const Dim **lo, const Dim **hi)
{
	const Dim *first = val_dims(v, A_START)[i], *way = dim_sub(cx, val_dims(v, A_SIZE)[i], dim_int(cx, 1));
	int64_t step = val_ints(v, A_STEP)[i];
	const Dim *last = dim_add(cx, first, dim_mul(cx, way, dim_int(cx, step)));
	*lo = step > 0 ? first : last;
	*hi = step > 0 ? last : first;
}

static bool at_most(Ctx *cx, const Dim *a, const Dim *b) { return dim_lo(dim_sub(cx, b, a)) >= 0; }

/* The same slice of other operands, from `back` less on the axis. */
static const Val *reslice(Ctx *cx, const Val *v, const Val *x, int axis, const Dim *back)
{
	const Dim **start = arena_copy(cx->arena, val_dims(v, A_START), sizeof *start * (size_t)v->type->rank);
	start[axis] = dim_sub(cx, start[axis], back);
	return make_slice(cx, x, start, val_dims(v, A_SIZE), val_ints(v, A_STEP));
}

/* The parts that a slice does not touch go away; the other dims are sliced part by part when one part is left. */
static const Val *slice_of_concat(Ctx *cx, const Val *v, const Val *x)
{
	int axis = (int)val_int(x, A_AXIS), first = -1, last = -1;
	const Dim *lo, *hi, *at = dim_int(cx, 0), *first_at = at;
	slice_ends(cx, v, axis, &lo, &hi);
	for (int i = 0; i < x->n_args; i++) {
		const Dim *end = dim_add(cx, at, x->args[i]->type->dims[axis]);
		if (at_most(cx, at, lo)) {
			first = i;
			first_at = at;
		}
		if (last < 0 && at_most(cx, dim_add(cx, hi, dim_int(cx, 1)), end)) last = i;
		at = end;
	}
	if (first < 0 || last < first || last - first + 1 == x->n_args) return NULL;
	return reslice(cx, v, b_concat(cx, last - first + 1, x->args + first, axis), axis, first_at);
}

static const Val *slice_of_pad(Ctx *cx, const Val *v, const Val *x)
{
	const Val *inner = x->args[0];
	int rank = v->type->rank;
	const Dim **lo_left = NEWN(cx->arena, const Dim *, rank), **hi_left = NEWN(cx->arena, const Dim *, rank);
	const Dim **start = NEWN(cx->arena, const Dim *, rank);
	bool fewer = false;
	for (int i = 0; i < rank; i++) {
		const Dim *lo, *hi, *before = val_dims(x, A_LO)[i], *after = val_dims(x, A_HI)[i];
		const Dim *end = dim_add(cx, before, inner->type->dims[i]);
		slice_ends(cx, v, i, &lo, &hi);
		if (dim_lo(v->type->dims[i]) > 0 && (dim_hi(dim_sub(cx, hi, before)) < 0 || at_most(cx, end, lo)))
			return b_expand(cx, x->args[1], rank, v->type->dims); /* nothing but padding */
		bool no_lo = !dim_is(before, 0) && at_most(cx, before, lo);
		bool no_hi = !dim_is(after, 0) && at_most(cx, dim_add(cx, hi, dim_int(cx, 1)), end);
		lo_left[i] = no_lo ? dim_int(cx, 0) : before;
		hi_left[i] = no_hi ? dim_int(cx, 0) : after;
		start[i] = no_lo ? dim_sub(cx, val_dims(v, A_START)[i], before) : val_dims(v, A_START)[i];
		fewer |= no_lo || no_hi;
	}
	if (!fewer) return NULL;
	return make_slice(
		cx, b_pad(cx, inner, lo_left, hi_left, x->args[1]), start, val_dims(v, A_SIZE), val_ints(v, A_STEP));
}

static const Val *simplify_slice(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0],
		  *same = make_slice(cx, x, val_dims(v, A_START), val_dims(v, A_SIZE), val_ints(v, A_STEP));
	if (same != v) return same;
	switch (x->op) {
	case OP_slice: return slice_of_slice(cx, v, x);
	case OP_expand: return slice_of_expand(cx, v, x);
	case OP_permute: return slice_of_permute(cx, v, x);
	case OP_reshape: return slice_of_reshape(cx, v, x);
	case OP_concat: return slice_of_concat(cx, v, x);
	case OP_pad: return slice_of_pad(cx, v, x);
	default: return NULL;
	}
}

/* ---- window ---- */

/* A window of one element is a slice, and one window over everything is the axis itself. */
static const Val *simplify_window(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	int axis = (int)val_int(v, A_AXIS), rank = x->type->rank;
	const int64_t *window = val_ints(v, A_WINDOW);
	const Dim *n = v->type->dims[axis];
	if (window[0] == 1) return b_unsqueeze(cx, b_slice(cx, x, axis, dim_int(cx, 0), n, window[1]), rank);
	if (!dim_is(n, 1)) return NULL;
	int *perm = NEWN(cx->arena, int, rank);
	for (int i = 0; i < rank; i++) perm[i] = i < axis ? i : i + 1 < rank ? i + 1 : axis;
	const Val *taken = b_slice(cx, x, axis, dim_int(cx, 0), dim_int(cx, window[0]), window[2]);
	return b_unsqueeze(cx, b_permute(cx, taken, perm), axis);
}

const Val *simplify_view(Ctx *cx, const Val *v)
{
	switch (v->op) {
	case OP_reshape: return simplify_reshape(cx, v);
	case OP_permute: return simplify_permute(cx, v);
	case OP_expand: return simplify_expand(cx, v);
	case OP_slice: return simplify_slice(cx, v);
	default: return simplify_window(cx, v);
	}
}
