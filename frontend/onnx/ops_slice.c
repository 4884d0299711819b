/* ops_slice.c: Slice, Pad, CenterCropPad: cutting off and adding at the ends of dims.
 *
 * Bounds may be symbols, so that what Python clamps and wraps at run time is said with min and max of dims.  Sizes are
 * written in one form, so that x[1:] and x[:-1] have one type: both are max(T-1, 0).
 *
 * Bounds that are run-time values must be a known number of elements apart, as in x[i:i+k]; the piece is then a gather of
 * k elements.  One that is not inside would have fewer in ONNX; here the last (or first) element stands in for the rest,
 * as in all gathers.
 */
#include "frontend/onnx/operands.h"

#include <string.h>

/* ---------------------------------------------------------------------------------------------------- Slice */

/* A bound that counts from the end when negative.  Where its sign depends on symbols:  s + n*[s < 0].  That is not needed
 * for n-1 and up to n-harmless, which are negative only where the clamped result is the same. */
static const Dim *from_front(Ctx *cx, const Dim *s, const Dim *n, int harmless)
{
	const Dim *one = dim_int(cx, 1), *zero = dim_int(cx, 0);
	int64_t back;
	if (dim_lo(s) >= 0) return s;
	if (dim_hi(s) < 0) return dim_add(cx, s, n);
	if (dim_is_int(dim_sub(cx, n, s), &back) && back >= 1 && back <= harmless) return s;
	const Dim *is_negative = dim_sub(cx, one, dim_min(cx, dim_max(cx, dim_add(cx, s, one), zero), one));
	return dim_add(cx, s, dim_mul(cx, n, is_negative));
}

/* Writers say infinity by the largest number of some type, tf2onnx by a billion, which no symbol is meant to reach. */
static bool is_far(const Dim *d, const Dim *size, bool back)
{
	const int64_t far = 1000000000;
	int64_t v;
	return !dim_is_int(size, NULL) && dim_is_int(d, &v) && (back ? v <= -far : v >= far);
}

/* x[start:end] going up by step. */
static const Val *slice_up(Ctx *cx, const Val *x, int axis, const Dim *start, const Dim *end, int64_t step)
{
	const Dim *size = x->type->dims[axis], *zero = dim_int(cx, 0);
	start = is_far(start, size, true) ? zero : from_front(cx, start, size, 2);
	end = is_far(end, size, false) ? size : dim_min(cx, from_front(cx, end, size, 2), size);
	const Dim *length = dim_sub(cx, end, start);
	if (dim_lo(start) < 0) { /* from further back than the front: all up to the end */
		length = dim_min(cx, length, end);
		start = dim_max(cx, start, zero);
	}
	length = dim_max(cx, dim_ceildiv(cx, length, dim_int(cx, step)), zero);
	return b_slice(cx, x, axis, dim_is(length, 0) ? zero : start, length, step);
}

/* x[start:end] going down by step: the start is clamped to [0, n-1], the end to [-1, n-1]. */
static const Val *slice_down(Ctx *cx, const Val *x, int axis, const Dim *start, const Dim *end, int64_t step)
{
	const Dim *size = x->type->dims[axis], *zero = dim_int(cx, 0), *one = dim_int(cx, 1),
		  *last = dim_sub(cx, size, one);
	start = is_far(start, size, false) ? last : is_far(start, size, true) ? zero : from_front(cx, start, size, 2);
	if (start != last) start = dim_min(cx, dim_max(cx, start, zero), last);
	end = is_far(end, size, true) ? dim_int(cx, -1) : from_front(cx, end, size, 1);
	const Dim *length = dim_sub(cx, start, end), *all = dim_add(cx, start, one);
	if (dim_lo(end) < -1) length = dim_min(cx, length, all);
	length = dim_max(cx, dim_ceildiv(cx, length, dim_int(cx, step)), zero);
	return b_slice(cx, x, axis, dim_is(length, 0) ? zero : start, length, -step);
}

/* One bound: a dim, plus a run-time value where that is not all (an i64 scalar, else NULL). */
typedef struct {
	const Val *base;
	const Dim *offset;
} Bound;

/* Integers as large as their type has them are as good as infinite ones. */
static const Dim *bound_dim(Ctx *cx, int64_t v)
{
	const int64_t far = (int64_t)1 << 60;
	return dim_int(cx, v > far ? far : v < -far ? -far : v);
}

enum { MAX_BOUND_DEPTH = 64 };

/* The one element of v.  Takes sums with known numbers apart, so that bounds can be compared. */
static Bound bound_of(Ctx *cx, const Val *v, int depth)
{
	const Dim *known;
	const Tensor *t = known_tensor(cx, v);
	if (t) return (Bound){NULL, bound_dim(cx, tensor_get_int(t, 0))};
	if (val_as_dims(cx, v, 1, &known)) return (Bound){NULL, known};
	if (depth > 0 && (v->op == OP_reshape || (v->op == OP_EW_cast && elem_is_int(v->args[0]->type->elem))))
		return bound_of(cx, v->args[0], depth - 1);
	if (depth > 0 && (v->op == OP_EW_add || v->op == OP_EW_sub)) {
		Bound a = bound_of(cx, v->args[0], depth - 1), b = bound_of(cx, v->args[1], depth - 1);
		if (!b.base) return (Bound){a.base, (v->op == OP_EW_add ? dim_add : dim_sub)(cx, a.offset, b.offset)};
		if (!a.base && v->op == OP_EW_add) return (Bound){b.base, dim_add(cx, a.offset, b.offset)};
	}
	return (Bound){b_cast(cx, b_reshape(cx, v, 0, NULL), I64), dim_int(cx, 0)};
}

static int bounds(const Node *n, int i, const char *what, const Bound **values)
{
	const Val *const *elements;
	const Val *v = node_integers(n, i, what);
	if (v->type->rank != 1)
		node_fail(n, "input %s: integers in one dim wanted, %s seen", what, type_str(n->cx, v->type));
	int count = node_rank(n, node_elements(n, i, what, &elements));
	Bound *bound = NEWN(n->cx->arena, Bound, count);
	for (int k = 0; k < count; k++) bound[k] = bound_of(n->cx, elements[k], MAX_BOUND_DEPTH);
	*values = bound;
	return count;
}

static const Val *bound_value(Ctx *cx, const Bound *b)
{
	return b->base ? binary(cx, OP_EW_add, b->base, b_dim(cx, b->offset)) : b_dim(cx, b->offset);
}

typedef struct {
	int n, n_axes, n_steps; /* -1: not given */
	const Bound *starts, *ends;
	const int64_t *axes, *steps;
} Cuts;

static const Val *both_limits(Ctx *cx, const Val *v, const Val *lo, const Val *hi)
{
	return binary(cx, OP_EW_max, binary(cx, OP_EW_min, v, hi), lo);
}

/* A bound made an index within [lo, hi]. */
static const Val *placed(Ctx *cx, const Val *v, const Val *n, const Val *lo, const Val *hi)
{
	return both_limits(cx, wrap_index(cx, clamped(cx, v), n), lo, hi);
}

/* x[start:end:step] where run time says all of that, i64 scalars: as Python has it. */
static const Val *slice_by_values(
	const Node *n, const Val *x, int axis, const Val *start, const Val *end, const Val *step)
{
	Ctx *cx = n->cx;
	const Val *zero = b_scalar_int(cx, I64, 0), *one = b_scalar_int(cx, I64, 1),
		  *far = b_scalar_int(cx, I64, INT32_MAX);
	const Dim *size = x->type->dims[axis], *first, *way;
	const Val *all = b_dim(cx, size);
	step = both_limits(cx, step, b_ew1(cx, OP_EW_neg, far), far);
	const Val *back = b_cast(cx, binary(cx, OP_EW_lt, step, zero), I64), *last = binary(cx, OP_EW_sub, all, back);
	start = placed(cx, start, all, zero, last);
	end = placed(cx, end, all, b_ew1(cx, OP_EW_neg, back), last);
	const Val *apart = binary(cx, OP_EW_sub, end, start), *stride = b_ew1(cx, OP_EW_abs, step);
	apart = b_select(cx, binary(cx, OP_EW_lt, step, zero), b_ew1(cx, OP_EW_neg, apart), apart);
	const Val *count =
		binary(cx, OP_EW_div, binary(cx, OP_EW_sub, binary(cx, OP_EW_add, apart, stride), one), stride);
	count = both_limits(cx, count, zero, all);
	count = b_select(cx, binary(cx, OP_EW_eq, step, zero), b_scalar_int(cx, I64, -1), count); /* an error */
	const Dim *length = node_size(n, count, result_dim_name(n, 0, axis), 0, size);
	if (val_as_dims(cx, step, 1, &way) && dim_is_int(way, NULL)) {
		int64_t by;
		dim_is_int(way, &by);
		first = node_count(
			n, start, arena_printf(cx->arena, "%s_start%d", result_dim_name(n, 0, axis), axis), size);
		return b_slice(cx, x, axis, first, length, by);
	}
	const Val *index = binary(cx, OP_EW_mul, b_iota(cx, I64, 1, &length, 0), step);
	return b_gather(cx, x, binary(cx, OP_EW_add, index, start), axis);
}

/* x[start:end:step], where run time says where that is, but not how many elements. */
static const Val *moving_slice(Ctx *cx, const Val *x, int axis, Bound start, Bound end, int64_t step)
{
	const Dim *size = x->type->dims[axis], *way = dim_sub(cx, end.offset, start.offset);
	const Dim *length = dim_ceildiv(
		cx, step > 0 ? way : dim_sub(cx, dim_int(cx, 0), way), dim_int(cx, step > 0 ? step : -step));
	length = dim_min(cx, dim_max(cx, length, dim_int(cx, 0)), size);
	const Val *first = wrap_index(cx, bound_value(cx, &start), b_dim(cx, size));
	const Val *index = binary(cx, OP_EW_mul, b_iota(cx, I64, 1, &length, 0), b_scalar_int(cx, I64, step));
	return b_gather(cx, x, binary(cx, OP_EW_add, index, first), axis);
}

static const Val *cut(const Node *n, const Val *x, int axis, Bound start, Bound end, int64_t step)
{
	Ctx *cx = n->cx;
	if (start.base && start.base == end.base) return moving_slice(cx, x, axis, start, end, step);
	if (start.base || end.base)
		return slice_by_values(
			n, x, axis, bound_value(cx, &start), bound_value(cx, &end), b_scalar_int(cx, I64, step));
	if (step > 0) return slice_up(cx, x, axis, start.offset, end.offset, step);
	return slice_down(cx, x, axis, start.offset, end.offset, -step);
}

static void want_counts(const Node *n, const Val *x, const Cuts *c, int n_ends)
{
	if (c->n != n_ends || (c->n_axes >= 0 && c->n_axes != c->n) || (c->n_steps >= 0 && c->n_steps != c->n))
		node_fail(n, "%d starts, %d ends, %d axes, %d steps: as many of each wanted", c->n, n_ends,
			c->n_axes < 0 ? c->n : c->n_axes, c->n_steps < 0 ? c->n : c->n_steps);
	if (c->n > x->type->rank) node_fail(n, "%d slices of %s", c->n, type_str(n->cx, x->type));
}

static const Val *slice(const Node *n, const Val *x, const Cuts *c)
{
	int *axes = c->n_axes < 0 ? NULL : node_axes(n, c->n, c->axes, x->type->rank);
	for (int i = 0; i < c->n; i++) {
		int64_t step = c->n_steps < 0 ? 1 : c->steps[i];
		if (step == 0) node_fail(n, "input steps: a step of 0");
		/* one element is left by any step that is larger than the axis */
		step = step > INT32_MAX ? INT32_MAX : step < -INT32_MAX ? -INT32_MAX : step;
		x = cut(n, x, axes ? axes[i] : i, c->starts[i], c->ends[i], step);
	}
	return x;
}

/* Of each axis of x the bound that is given for it, or what stands for none. */
static const Val *chosen(
	Ctx *cx, int count, const Val *const *places, const Val *const *given, int axis, const Val *none)
{
	for (int k = 0; k < count; k++)
		none = b_select(cx, binary(cx, OP_EW_eq, places[k], b_scalar_int(cx, I64, axis)), given[k], none);
	return none;
}

/* Which axes, or by which steps, run time says: all axes are cut, those that are not chosen from end to end. */
static const Val *slice_any(const Node *n, const Val *x, const Cuts *c)
{
	Ctx *cx = n->cx;
	const Val *const *axes, *const *steps, **starts = NEWN(cx->arena, const Val *, c->n);
	const Val **ends = NEWN(cx->arena, const Val *, c->n), *one = b_scalar_int(cx, I64, 1);
	int n_axes = node_elements(n, 3, "axes", &axes), n_steps = node_elements(n, 4, "steps", &steps);
	const Val **every = NEWN(cx->arena, const Val *, c->n);
	for (int k = 0; k < c->n; k++) {
		starts[k] = bound_value(cx, &c->starts[k]);
		ends[k] = bound_value(cx, &c->ends[k]);
		every[k] = n_axes < 0 ? b_scalar_int(cx, I64, k) : axes[k];
	}
	const Val **places = axis_places(n, 3, c->n, every, x->type->rank);
	for (int i = 0; i < x->type->rank; i++) {
		const Val *none = b_dim(cx, x->type->dims[i]);
		x = slice_by_values(n, x, i, chosen(cx, c->n, places, starts, i, b_scalar_int(cx, I64, 0)),
			chosen(cx, c->n, places, ends, i, none),
			n_steps < 0 ? one : chosen(cx, c->n, places, steps, i, one));
	}
	return x;
}

static void import_slice(Node *n, const Val **out)
{
	Cuts c;
	const Val *x = node_in(n, 0, "data");
	c.n = bounds(n, 1, "starts", &c.starts);
	int n_ends = bounds(n, 2, "ends", &c.ends);
	bool known = node_ints_if_known(n, 3, "axes", &c.n_axes, &c.axes);
	known &= node_ints_if_known(n, 4, "steps", &c.n_steps, &c.steps);
	want_counts(n, x, &c, n_ends);
	out[0] = known ? slice(n, x, &c) : slice_any(n, x, &c);
}

static int bounds_attr(const Node *n, const char *attr, const Bound **values)
{
	const int64_t *ints;
	int count = node_ints(n, attr, &ints);
	if (count < 0) node_fail(n, "attribute %s is missing", attr);
	Bound *bound = NEWN(n->cx->arena, Bound, count);
	for (int i = 0; i < count; i++) bound[i].offset = bound_dim(n->cx, ints[i]);
	*values = bound;
	return count;
}

static void import_slice_1(Node *n, const Val **out)
{
	Cuts c = {.n_steps = -1};
	c.n = bounds_attr(n, "starts", &c.starts);
	int n_ends = bounds_attr(n, "ends", &c.ends);
	c.n_axes = node_ints(n, "axes", &c.axes);
	const Val *x = node_in(n, 0, "data");
	want_counts(n, x, &c, n_ends);
	out[0] = slice(n, x, &c);
}

/* ---------------------------------------------------------------------------------------------------- Pad */

enum { CONSTANT, REFLECT, EDGE, WRAP };
static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};

/* Where element i of the padded axis comes from, i64. */
static const Val *padded_index(Ctx *cx, int mode, const Dim *size, const Dim *lo, const Dim *length)
{
	const Val *zero = b_scalar_int(cx, I64, 0), *n = b_dim(cx, size), *one = b_scalar_int(cx, I64, 1);
	const Val *last = binary(cx, OP_EW_sub, n, one);
	const Val *i = binary(cx, OP_EW_sub, b_iota(cx, I64, 1, &length, 0), b_dim(cx, lo));
	if (mode == EDGE) return binary(cx, OP_EW_max, binary(cx, OP_EW_min, i, last), zero);
	if (mode == WRAP) return binary(cx, OP_EW_mod, i, n);
	/* to and fro: a period of 2(n-1); of one element, mod 0 is 0 */
	const Val *period = binary(cx, OP_EW_mul, b_scalar_int(cx, I64, 2), last),
		  *at = binary(cx, OP_EW_mod, i, period);
	return binary(cx, OP_EW_min, at, binary(cx, OP_EW_sub, period, at));
}

/* lo and hi before and after axis i; negative ones cut off. */
static const Val *pad(const Node *n, const Val *x, int mode, const Dim **lo, const Dim **hi, const Val *value)
{
	Ctx *cx = n->cx;
	const Dim *zero = dim_int(cx, 0);
	int rank = x->type->rank;
	for (int i = 0; i < rank; i++) {
		const Dim *size = x->type->dims[i], *cut_lo = dim_max(cx, dim_sub(cx, zero, lo[i]), zero);
		const Dim *cut_hi = dim_max(cx, dim_sub(cx, zero, hi[i]), zero);
		const Dim *left = dim_sub(cx, size, dim_add(cx, cut_lo, cut_hi));
		if (dim_hi(left) < 0)
			node_fail(n, "input pads: %s elements are cut off from %s",
				dim_text(cx, dim_add(cx, cut_lo, cut_hi)), dim_text(cx, size));
		x = b_slice(cx, x, i, cut_lo, left, 1);
		lo[i] = dim_max(cx, lo[i], zero);
		hi[i] = dim_max(cx, hi[i], zero);
	}
	if (mode == CONSTANT) return b_pad(cx, x, lo, hi, value);
	for (int i = 0; i < rank; i++) {
		const Dim *size = x->type->dims[i], *length = dim_add(cx, size, dim_add(cx, lo[i], hi[i]));
		if (length == size) continue;
		if (dim_is(size, 0)) node_fail(n, "mode %s: axis %d has no elements to pad with", modes[mode], i);
		x = b_gather(cx, x, padded_index(cx, mode, size, lo[i], length), i);
	}
	return x;
}

/* Axis i where run time says how much is before and after it (i64 scalars; below 0: cut off): each element has a place that it
 * comes from. */
static const Val *pad_by_values(
	const Node *n, const Val *x, int axis, int mode, const Val *lo, const Val *hi, const Val *value)
{
	Ctx *cx = n->cx;
	const Val *zero = b_scalar_int(cx, I64, 0);
	const Dim *size = x->type->dims[axis], *known;
	const char *name = arena_printf(cx->arena, "%s_before%d", result_dim_name(n, 0, axis), axis);
	const Dim *before = node_offset(n, lo, name);
	name = arena_printf(cx->arena, "%s_after%d", result_dim_name(n, 0, axis), axis);
	const Dim *after = node_offset(n, hi, name);
	const Dim *length = dim_add(cx, size, dim_add(cx, before, after));
	if (dim_is(size, 0) && mode != CONSTANT)
		node_fail(n, "mode %s: axis %d has no elements to pad with", modes[mode], axis);
	if (val_as_dims(cx, lo, 1, &known) && val_as_dims(cx, hi, 1, &known) && length == size) return x;
	if (mode != CONSTANT) return b_gather(cx, x, padded_index(cx, mode, size, before, length), axis);
	const Val *index = binary(cx, OP_EW_sub, b_iota(cx, I64, 1, &length, 0), b_dim(cx, before));
	const Val *inside =
		binary(cx, OP_EW_and, binary(cx, OP_EW_ge, index, zero), binary(cx, OP_EW_lt, index, b_dim(cx, size)));
	const Dim **dims = NEWN(cx->arena, const Dim *, x->type->rank);
	for (int i = axis; i < x->type->rank; i++) dims[i] = i == axis ? length : dim_int(cx, 1);
	inside = b_reshape(cx, inside, x->type->rank - axis, dims + axis);
	return b_select(cx, inside, b_gather(cx, x, index, axis), value);
}

/* Which axes, or how much, run time says. */
static const Val *pad_any(const Node *n, const Val *x, int mode, const Val *value)
{
	Ctx *cx = n->cx;
	const Val *const *pads, *const *axes, *zero = b_scalar_int(cx, I64, 0);
	int rank = x->type->rank, n_pads = node_elements(n, 1, "pads", &pads),
	    n_axes = node_elements(n, 3, "axes", &axes);
	int count = n_axes < 0 ? rank : n_axes;
	if (n_pads != 2 * count) node_fail(n, "input pads: %d numbers wanted, %d seen", 2 * count, n_pads);
	const Val **places = n_axes < 0 ? NULL : axis_places(n, 3, count, axes, rank);
	for (int i = 0; i < rank; i++)
		x = pad_by_values(n, x, i, mode, places ? chosen(cx, count, places, pads, i, zero) : pads[i],
			places ? chosen(cx, count, places, pads + count, i, zero) : pads[count + i], value);
	return x;
}

static void import_pad(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *value = node_scalar(n, 2, "constant_value");
	int rank = x->type->rank, mode = node_choice(n, "mode", modes), n_axes;
	if (mode == WRAP && n->opset < 19) node_fail(n, "attribute mode: wrap is of opset 19");
	if (!value) value = b_scalar(cx, x->type->elem, 0);
	if (value->type->elem != x->type->elem)
		node_fail(n, "input constant_value: %s wanted, %s seen", elem_info[x->type->elem].name,
			type_str(cx, value->type));
	const int64_t *axes;
	const Val *const *elements, *given = node_in(n, 1, "pads");
	bool known = node_ints_if_known(n, 3, "axes", &n_axes, &axes);
	int count = n_axes < 0 ? rank : n_axes, n_pads = node_elements(n, 1, "pads", &elements);
	const Dim **pads = NEWN(cx->arena, const Dim *, n_pads);
	if (!known || !val_as_dims(cx, given, n_pads, pads)) {
		out[0] = pad_any(n, x, mode, value);
		return;
	}
	if (n_pads != 2 * count) node_fail(n, "input pads: %d numbers wanted, %d seen", 2 * count, n_pads);
	int *places = n_axes < 0 ? NULL : node_axes(n, n_axes, axes, rank);
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) lo[i] = hi[i] = dim_int(cx, 0);
	for (int i = 0; i < count; i++) {
		lo[places ? places[i] : i] = pads[i];
		hi[places ? places[i] : i] = pads[count + i];
	}
	out[0] = pad(n, x, mode, lo, hi, value);
}

static void pad_by_attr(const Node *n, const char *attr, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data");
	int rank = x->type->rank, mode = node_choice(n, "mode", modes);
	const Bound *pads;
	int n_pads = bounds_attr(n, attr, &pads);
	if (mode == WRAP) node_fail(n, "attribute mode: wrap is of opset 19");
	if (n_pads != 2 * rank) node_fail(n, "attribute %s: %d numbers wanted, %d seen", attr, 2 * rank, n_pads);
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		lo[i] = pads[i].offset;
		hi[i] = pads[rank + i].offset;
	}
	out[0] = pad(n, x, mode, lo, hi, b_scalar(cx, x->type->elem, node_float(n, "value", 0)));
}

static void import_pad_1(Node *n, const Val **out) { pad_by_attr(n, "paddings", out); }
static void import_pad_2(Node *n, const Val **out) { pad_by_attr(n, "pads", out); }

/* ---------------------------------------------------------------------------------------------------- CenterCropPad */

/* The middle `wanted` of an axis; zeros around it when it has fewer. */
static const Val *center(Ctx *cx, const Val *x, int axis, const Dim *wanted)
{
	const Dim *size = x->type->dims[axis], *gap = dim_sub(cx, size, wanted), *two = dim_int(cx, 2);
	const Val *nothing = b_scalar(cx, x->type->elem, 0);
	if (dim_lo(gap) >= 0) return b_slice(cx, x, axis, dim_floordiv(cx, gap, two), wanted, 1);
	const Dim *missing = dim_sub(cx, wanted, size), *before = dim_floordiv(cx, missing, two);
	const Dim **lo = dims_with_room(cx, x->type, 0), **hi = dims_with_room(cx, x->type, 0);
	for (int i = 0; i < x->type->rank; i++) lo[i] = hi[i] = dim_int(cx, 0);
	if (dim_hi(gap) <= 0) {
		lo[axis] = before;
		hi[axis] = dim_sub(cx, missing, before);
		return b_pad(cx, x, lo, hi, nothing);
	}
	/* Which of both only run time knows: pad by all that could be missing, then crop. */
	lo[axis] = hi[axis] = wanted;
	x = b_pad(cx, x, lo, hi, nothing);
	/* crop starts at floor(gap/2), pad at -floor(-gap/2) */
	const Dim *zero = dim_int(cx, 0), *crop = dim_floordiv(cx, dim_max(cx, gap, zero), two);
	const Dim *start = dim_sub(cx, crop, dim_floordiv(cx, dim_max(cx, missing, zero), two));
	return b_slice(cx, x, axis, dim_add(cx, wanted, start), wanted, 1);
}

static void import_center_crop_pad(Node *n, const Val **out)
{
	const Val *x = node_in(n, 0, "input_data");
	const Dim *const *shape;
	const int64_t *axes;
	node_in(n, 1, "shape");
	int count = node_dims(n, 1, "shape", &shape), n_axes = node_ints(n, "axes", &axes);
	if (count != (n_axes < 0 ? x->type->rank : n_axes))
		node_fail(n, "input shape: %d numbers wanted, %d seen", n_axes < 0 ? x->type->rank : n_axes, count);
	int *places = n_axes < 0 ? NULL : node_axes(n, n_axes, axes, x->type->rank);
	for (int i = 0; i < count; i++) x = center(n->cx, x, places ? places[i] : i, shape[i]);
	out[0] = x;
}

const Importer onnx_ops_slice[] = {
	{"", "Slice", 1, 9, "starts ends axes", 1, 1, 1, import_slice_1},
	{"", "Slice", 10, 0, "", 3, 5, 1, import_slice},
	{"", "Pad", 1, 1, "mode paddings value", 1, 1, 1, import_pad_1},
	{"", "Pad", 2, 10, "mode pads value", 1, 1, 1, import_pad_2},
	{"", "Pad", 11, 17, "mode", 2, 3, 1, import_pad},
	{"", "Pad", 18, 0, "mode", 2, 4, 1, import_pad},
	{"", "CenterCropPad", 18, 0, "axes", 2, 2, 1, import_center_crop_pad},
	{.op = NULL},
};
