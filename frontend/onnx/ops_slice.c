/* ops_slice.c: Slice, Pad, CenterCropPad: cutting off and adding at the ends of dims.
 *
 * Bounds may be symbols, so that what Python clamps and wraps at run time is said with min and max of dims.  Sizes are
 * written in one form, so that x[1:] and x[:-1] have one type: both are max(T-1, 0).
 *
 * Bounds that are run-time values must be a known number of elements apart, as in x[i:i+k]; the piece is then a gather of
 * k elements.  One that is not inside would have fewer in ONNX; here the last (or first) element stands in for the rest,
 * as in all gathers.
 */
#include "frontend/onnx/compose.h"

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

/* Writers say infinity by the largest number of some type, which no symbol is meant to reach. */
static bool is_far(const Dim *d, const Dim *size, bool back)
{
	int64_t v;
	return !dim_is_int(size, NULL) && dim_is_int(d, &v) && (back ? v <= -INT32_MAX : v >= INT32_MAX);
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
	Ctx *cx = n->cx;
	const Val *v = node_integers(n, i, what);
	int64_t count;
	if (v->type->rank != 1 || !dim_is_int(v->type->dims[0], &count) || count > ONNX_MAX_RANK)
		node_fail(n, "input %s: a known number of integers wanted, %s seen", what, type_str(cx, v->type));
	Bound *bound = NEWN(cx->arena, Bound, count);
	/* each part of a concat by itself */
	bool parts = v->op == OP_concat && v->n_args == count;
	for (int k = 0; k < (int)count; k++) {
		const Val *part = parts ? v->args[k] : b_slice(cx, v, 0, dim_int(cx, k), dim_int(cx, 1), 1);
		bound[k] = bound_of(cx, part, MAX_BOUND_DEPTH);
	}
	*values = bound;
	return (int)count;
}

typedef struct {
	int n, n_axes, n_steps; /* -1: not given */
	const Bound *starts, *ends;
	const int64_t *axes, *steps;
} Cuts;

/* x[start:end:step] with run-time bounds. */
static const Val *moving_slice(const Node *n, const Val *x, int axis, Bound start, Bound end, int64_t step)
{
	Ctx *cx = n->cx;
	const Dim *size = x->type->dims[axis], *way = dim_sub(cx, end.offset, start.offset);
	if (start.base != end.base)
		node_fail(n, "axis %d: the number of elements is computed at run time, which is not supported", axis);
	const Dim *length = dim_ceildiv(
		cx, step > 0 ? way : dim_sub(cx, dim_int(cx, 0), way), dim_int(cx, step > 0 ? step : -step));
	length = dim_min(cx, dim_max(cx, length, dim_int(cx, 0)), size);
	const Val *first = wrap_index(cx, binary(cx, OP_EW_add, start.base, b_dim(cx, start.offset)), b_dim(cx, size));
	const Val *index = binary(cx, OP_EW_mul, b_iota(cx, I64, 1, &length, 0), b_scalar_int(cx, I64, step));
	return b_gather(cx, x, binary(cx, OP_EW_add, index, first), axis);
}

static const Val *cut(const Node *n, const Val *x, int axis, Bound start, Bound end, int64_t step)
{
	Ctx *cx = n->cx;
	/* x[i:] of a run-time i has no known size; x[:i] neither */
	if (start.base || end.base) return moving_slice(n, x, axis, start, end, step);
	if (step > 0) return slice_up(cx, x, axis, start.offset, end.offset, step);
	return slice_down(cx, x, axis, start.offset, end.offset, -step);
}

static const Val *slice(const Node *n, const Val *x, const Cuts *c, int n_ends)
{
	if (c->n != n_ends || (c->n_axes >= 0 && c->n_axes != c->n) || (c->n_steps >= 0 && c->n_steps != c->n))
		node_fail(n, "%d starts, %d ends, %d axes, %d steps: as many of each wanted", c->n, n_ends,
			c->n_axes < 0 ? c->n : c->n_axes, c->n_steps < 0 ? c->n : c->n_steps);
	if (c->n > x->type->rank) node_fail(n, "%d slices of %s", c->n, type_str(n->cx, x->type));
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

static void import_slice(Node *n, const Val **out)
{
	Cuts c;
	c.n = bounds(n, 1, "starts", &c.starts);
	int n_ends = bounds(n, 2, "ends", &c.ends);
	c.n_axes = node_const_ints(n, 3, "axes", &c.axes);
	c.n_steps = node_const_ints(n, 4, "steps", &c.steps);
	out[0] = slice(n, node_in(n, 0, "data"), &c, n_ends);
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
	out[0] = slice(n, node_in(n, 0, "data"), &c, n_ends);
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

static void import_pad(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *value = node_scalar(n, 2, "constant_value");
	int rank = x->type->rank, mode = node_choice(n, "mode", modes);
	if (mode == WRAP && n->opset < 19) node_fail(n, "attribute mode: wrap is of opset 19");
	const Dim *const *pads;
	const int64_t *axes;
	node_in(n, 1, "pads");
	int n_axes = node_const_ints(n, 3, "axes", &axes), n_pads = node_const_dims(n, 1, "pads", &pads);
	int count = n_axes < 0 ? rank : n_axes;
	if (n_pads != 2 * count) node_fail(n, "input pads: %d numbers wanted, %d seen", 2 * count, n_pads);
	int *places = n_axes < 0 ? NULL : node_axes(n, n_axes, axes, rank);
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) lo[i] = hi[i] = dim_int(cx, 0);
	for (int i = 0; i < count; i++) {
		lo[places ? places[i] : i] = pads[i];
		hi[places ? places[i] : i] = pads[count + i];
	}
	if (!value) value = b_scalar(cx, x->type->elem, 0);
	if (value->type->elem != x->type->elem)
		node_fail(n, "input constant_value: %s wanted, %s seen", elem_info[x->type->elem].name,
			type_str(cx, value->type));
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
	int count = node_const_dims(n, 1, "shape", &shape), n_axes = node_ints(n, "axes", &axes);
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
