/* ops_resize.c: Resize, Upsample: one axis after the other, as all the interpolations are separable.
 *
 * An axis of n elements becomes one of m: each of them is a weighted sum of a few neighbours (taps) of a place x
 * between the elements.  Their indices [m, taps] and weights [m, taps] are said in the IR, in f64, and are
 * constants wherever the sizes are; so symbolic sizes need nothing of their own.  Then the axis is one gather and
 * one contraction; `nearest` is a gather only, and a view where it repeats each element.
 */
#include "frontend/onnx/arith.h"
#include "frontend/onnx/operands.h"

#include <math.h>
#include <string.h>

typedef enum { NEAREST, LINEAR, CUBIC } Mode;
typedef enum {
	HALF_PIXEL,
	HALF_PIXEL_SYMMETRIC,
	PYTORCH_HALF_PIXEL,
	ALIGN_CORNERS,
	ASYMMETRIC,
	CROP,
	TF_HALF_PIXEL
} Coordinates;
typedef enum {
	ROUND_PREFER_FLOOR,
	ROUND_PREFER_CEIL,
	FLOOR,
	CEIL,
	SIMPLE /* before opset 11: ceil when shrinking */
} Nearest;

typedef struct {
	Ctx *cx;
	Mode mode;
	Coordinates coordinates;
	Nearest nearest;
	bool antialias, exclude_outside;
	double cubic_a, extrapolation;
} Resize;

typedef struct {
	const Dim *in, *out;
	double scale;           /* 0: only run time knows it */
	const Val *scale_val;   /* f64 scalars */
	const Val *width;       /* the result's size, before it was made an integer */
	const Val *start, *end; /* of CROP: fractions of the input */
} Axis;

static const Val *f64(Ctx *cx, double value) { return b_scalar(cx, F64, value); }

static const Val *size_f64(Ctx *cx, const Dim *d) { return size_as(cx, d, F64); }

/* ---------------------------------------------------------------------------------------------------- coordinates */

/* `one` where the result has one element, else `many`. */
static const Val *if_one(Ctx *cx, const Val *width, const Val *one, const Val *many)
{
	return b_select(cx, with_number(cx, OP_EW_eq, width, 1), one, many);
}

/* The place in the input of each element of the result: f64[m]. */
static const Val *places(const Resize *r, const Axis *a)
{
	Ctx *cx = r->cx;
	const Val *y = b_cast(cx, b_iota(cx, I64, 1, &a->out, 0), F64);
	const Val *last = with_number(cx, OP_EW_sub, size_f64(cx, a->in), 1), *half = f64(cx, 0.5), *zero = f64(cx, 0);
	const Val *centred = sub(cx, quotient(cx, add(cx, y, half), a->scale_val), half);
	const Val *steps = with_number(cx, OP_EW_sub, a->width, 1);
	switch (r->coordinates) {
	case HALF_PIXEL: return centred;
	case HALF_PIXEL_SYMMETRIC: {
		const Val *adjustment = quotient(cx, size_f64(cx, a->out), a->width);
		const Val *center = mul(cx, size_f64(cx, a->in), half);
		return add(cx, mul(cx, center, sub(cx, f64(cx, 1), adjustment)), centred);
	}
	case PYTORCH_HALF_PIXEL: return if_one(cx, size_f64(cx, a->out), zero, centred);
	case ALIGN_CORNERS: return if_one(cx, a->width, zero, quotient(cx, mul(cx, y, last), steps));
	case TF_HALF_PIXEL: return quotient(cx, add(cx, y, half), a->scale_val);
	case ASYMMETRIC: return quotient(cx, y, a->scale_val);
	case CROP: {
		const Val *length = mul(cx, sub(cx, a->end, a->start), last);
		const Val *x = if_one(cx, a->width, mul(cx, length, half), quotient(cx, mul(cx, y, length), steps));
		return add(cx, x, mul(cx, a->start, last));
	}
	}
	return NULL;
}

/* ---------------------------------------------------------------------------------------------------- taps */

typedef struct {
	const Val *index, *weight; /* [m, taps] */
} Taps;

static const Val *cubic(const Resize *r, const Val *t)
{
	Ctx *cx = r->cx;
	double a = r->cubic_a;
	const Val *near = mul(cx, mul(cx, t, t), sub(cx, mul(cx, t, f64(cx, a + 2)), f64(cx, a + 3)));
	near = add(cx, near, f64(cx, 1));
	const Val *far = sub(cx, mul(cx, t, f64(cx, a)), f64(cx, 5 * a));
	far = sub(cx, mul(cx, add(cx, mul(cx, far, t), f64(cx, 8 * a)), t), f64(cx, 4 * a));
	far = b_select(cx, is_below(cx, t, f64(cx, 2)), far, f64(cx, 0));
	return b_select(cx, is_at_most(cx, t, f64(cx, 1)), near, far);
}

/* How many taps a scale needs that only run time knows, and the first of them.  The result has elements where the scale is at
 * least 1/n, which bounds them; any other is an error of the call, or there is nothing to compute. */
static const Dim *late_taps(const Node *n, const Axis *a, double support, const Val *shrunk, const Val **first)
{
	Ctx *cx = n->cx;
	const Val *each_way = b_ew1(cx, OP_EW_ceil, quotient(cx, f64(cx, support), shrunk));
	const Dim *most = dim_mul(cx, dim_int(cx, 2 * (int64_t)support), dim_add(cx, a->in, dim_int(cx, 1)));
	each_way = b_select(cx, is_equal(cx, size_f64(cx, a->out), f64(cx, 0)), f64(cx, 1), each_way);
	*first = sub(cx, f64(cx, 1), each_way);
	const Val *count = b_cast(cx, with_number(cx, OP_EW_mul, each_way, 2), I64);
	return node_count(n, count, arena_printf(cx->arena, "%s_taps", result_dim_name(n, 0, 0)), most);
}

static Taps taps_of(const Node *n, const Resize *r, const Axis *a, const Val *x)
{
	enum { MAX_TAPS = 1 << 16 };
	Ctx *cx = r->cx;
	double support = r->mode == CUBIC ? 2 : 1;
	const Val *shrunk = f64(cx, r->antialias && a->scale > 0 ? fmin(a->scale, 1) : 1), *first;
	const Dim *count;
	if (r->antialias && a->scale == 0) {
		shrunk = smaller(cx, a->scale_val, shrunk);
		count = late_taps(n, a, support, shrunk, &first);
	} else {
		double from = floor(-support / tensor_get(known_tensor(cx, shrunk), 0)) + 1, n_taps = 2 - 2 * from;
		if (n_taps > MAX_TAPS) node_fail(n, "a scale of %g with antialias is not supported", a->scale);
		count = dim_int(cx, (int64_t)n_taps);
		first = f64(cx, from);
	}
	/* The taps around x are those around the element below it, which is never x itself: ratio is in (0, 1]. */
	const Val *below = with_number(cx, OP_EW_sub, b_ew1(cx, OP_EW_ceil, x), 1), *ratio = sub(cx, x, below);
	const Val *tap = add(cx, b_cast(cx, b_iota(cx, I64, 1, &count, 0), F64), first);
	const Val *t = mul(cx, sub(cx, tap, b_unsqueeze(cx, ratio, 1)), shrunk);
	t = b_ew1(cx, OP_EW_abs, t);
	Taps taps = {.index = add(cx, b_unsqueeze(cx, below, 1), tap)};
	const Val *zero = f64(cx, 0);
	taps.weight = r->mode == CUBIC ? cubic(r, t) : larger(cx, sub(cx, f64(cx, 1), t), zero);
	if (r->exclude_outside) {
		const Val *outside = is_below(cx, taps.index, zero);
		outside = either(cx, outside, is_at_least(cx, taps.index, size_f64(cx, a->in)));
		taps.weight = b_select(cx, outside, zero, taps.weight);
	}
	if (r->exclude_outside || r->antialias) {
		const Val *sum = b_reduce(cx, "sum", taps.weight, 1, (int[]){1}, true);
		sum = b_select(cx, is_equal(cx, sum, zero), f64(cx, 1), sum);
		taps.weight = quotient(cx, taps.weight, sum);
	}
	taps.index = folded(cx, b_cast(cx, taps.index, I64));
	taps.weight = folded(cx, taps.weight);
	return taps;
}

/* ---------------------------------------------------------------------------------------------------- nearest */

static double round_nearest(Nearest how, bool shrinks, double x)
{
	switch (how) {
	case ROUND_PREFER_FLOOR: return ceil(x - 0.5);
	case ROUND_PREFER_CEIL: return floor(x + 0.5);
	case FLOOR: return floor(x);
	case CEIL: return ceil(x);
	case SIMPLE: return shrinks ? ceil(x) : floor(x);
	}
	return x;
}

/* How often each element is repeated; 0 when that is not what happens.  With a whole scale s, the places of y and y + s
 * are 1 apart, so it is enough to look at the first ones. */
static int64_t repeats(const Resize *r, const Axis *a)
{
	enum { MANY = 4096 };
	bool centred = r->coordinates == HALF_PIXEL || r->coordinates == HALF_PIXEL_SYMMETRIC;
	if (!centred && r->coordinates != ASYMMETRIC) return 0;
	if (!(a->scale >= 1 && a->scale <= MANY) || a->scale != floor(a->scale)) return 0;
	int64_t s = (int64_t)a->scale;
	if (a->out != dim_mul(r->cx, a->in, dim_int(r->cx, s))) return 0;
	for (int64_t y = 0; y < s; y++) {
		double x = centred ? ((double)y + 0.5) / a->scale - 0.5 : (double)y / a->scale;
		if (round_nearest(r->nearest, false, x) != 0) return 0;
	}
	return s;
}

static const Val *nearest_index(const Resize *r, const Axis *a, const Val *x)
{
	Ctx *cx = r->cx;
	Nearest how = r->nearest == SIMPLE ? (a->scale < 1 ? CEIL : FLOOR) : r->nearest;
	if (r->nearest == SIMPLE && a->scale == 0) {
		const Val *shrinks = is_below(cx, a->scale_val, f64(cx, 1));
		return b_cast(cx, b_select(cx, shrinks, b_ew1(cx, OP_EW_ceil, x), b_ew1(cx, OP_EW_floor, x)), I64);
	}
	const Val *half = f64(cx, 0.5);
	if (how == ROUND_PREFER_FLOOR) x = sub(cx, x, half);
	if (how == ROUND_PREFER_CEIL) x = add(cx, x, half);
	x = b_ew1(cx, how == ROUND_PREFER_FLOOR || how == CEIL ? OP_EW_ceil : OP_EW_floor, x);
	return folded(cx, b_cast(cx, x, I64));
}

static const Val *repeat_each(Ctx *cx, const Val *x, int axis, int64_t s)
{
	const Val *apart = b_unsqueeze(cx, x, axis + 1);
	const Dim **dims = dims_with_room(cx, apart->type, 0), *all = dim_mul(cx, x->type->dims[axis], dim_int(cx, s));
	dims[axis + 1] = dim_int(cx, s);
	return replace_dims(cx, b_expand(cx, apart, apart->type->rank, dims), axis, 2, 1, &all);
}

/* ---------------------------------------------------------------------------------------------------- an axis */

/* x with the weighted sums of its axis. */
static const Val *weighted(Ctx *cx, const Val *x, int axis, const Taps *taps)
{
	static const char letters[] = "abcdefghijklnopqrsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* without m, t */
	Buf spec;
	buf_init(&spec, cx->arena);
	for (int i = 0; i < x->type->rank; i++) buf_printf(&spec, i == axis ? "mt" : "%c", letters[i]);
	buf_puts(&spec, ",mt->");
	for (int i = 0; i < x->type->rank; i++) buf_printf(&spec, i == axis ? "m" : "%c", letters[i]);
	return b_contract(cx, spec.text, b_gather(cx, x, taps->index, axis), b_cast(cx, taps->weight, x->type->elem));
}

static bool is_number(Ctx *cx, const Val *v, double value)
{
	const Tensor *t = known_tensor(cx, v);
	return t && fabs(tensor_get(t, 0) - value) < 1e-9;
}

static const Val *resize_axis(const Node *n, const Resize *r, const Val *x, int axis, const Axis *a)
{
	Ctx *cx = r->cx;
	bool whole = r->coordinates != CROP || (is_number(cx, a->start, 0) && is_number(cx, a->end, 1));
	if (a->in == a->out && whole && fabs(a->scale - 1) < 1e-9) return x;
	const Val *place = places(r, a), *y;
	if (r->mode == NEAREST) {
		int64_t s = repeats(r, a);
		y = s ? repeat_each(cx, x, axis, s) : b_gather(cx, x, nearest_index(r, a, place), axis);
	} else {
		Taps taps = taps_of(n, r, a, place);
		y = weighted(cx, x, axis, &taps);
	}
	if (r->coordinates != CROP) return y;
	const Val *last = with_number(cx, OP_EW_sub, size_f64(cx, a->in), 1);
	const Val *outside = is_below(cx, place, f64(cx, 0));
	outside = folded(cx, either(cx, outside, is_above(cx, place, last)));
	const Dim **dims = NEWN(cx->arena, const Dim *, y->type->rank);
	for (int i = axis; i < y->type->rank; i++) dims[i] = i == axis ? a->out : dim_int(cx, 1);
	outside = b_reshape(cx, outside, y->type->rank - axis, dims + axis);
	return b_select(cx, outside, b_scalar(cx, y->type->elem, r->extrapolation), y);
}

/* Sums are computed in floats that hold the elements; results are rounded half to even. */
static Elem wide_enough(const Resize *r, Elem e)
{
	if (r->mode == NEAREST || e == F32 || e == F64) return e;
	return !elem_is_float(e) && elem_info[e].size > 2 ? F64 : F32;
}

static const Val *resized(const Node *n, const Resize *r, const Val *x, const Axis *axes)
{
	Ctx *cx = r->cx;
	enum { MAX_RANK = 48 };
	if (x->type->rank > MAX_RANK) node_fail(n, "more than %d dims are not supported", MAX_RANK);
	Elem elem = x->type->elem, wide = wide_enough(r, elem);
	const Val *y = b_cast(cx, x, wide);
	for (int i = 0; i < x->type->rank; i++)
		if (axes[i].out) y = resize_axis(n, r, y, i, &axes[i]);
	return b_cast(cx, wide == elem || elem_is_float(elem) || y == x ? y : b_ew1(cx, OP_EW_round, y), elem);
}

/* ---------------------------------------------------------------------------------------------------- sizes */

/* floor(d * scale), as single precision says it; of a symbol where the scale is a fraction of small numbers. */
static const Dim *scaled_size(const Node *n, const Dim *d, double scale)
{
	enum { MAX_PART = 1024 };
	Ctx *cx = n->cx;
	int64_t size;
	if (dim_is_int(d, &size)) {
		float product = floorf((float)size * (float)scale);
		if (!(product >= 0 && product < (float)INT32_MAX))
			node_fail(n, "a scale of %g is not supported", scale);
		return dim_int(cx, (int64_t)product);
	}
	for (int below = 1; below <= MAX_PART; below++) {
		double above = nearbyint(scale * below);
		if (above >= 1 && above <= MAX_PART && (float)(above / below) == (float)scale)
			return dim_floordiv(cx, dim_mul(cx, d, dim_int(cx, (int64_t)above)), dim_int(cx, below));
	}
	node_fail(n, "a scale of %.9g on a dim of %s is not supported", scale, dim_text(cx, d));
}

static double want_scale(const Node *n, double scale)
{
	if (!(scale > 0 && scale < INT32_MAX)) node_fail(n, "input scales: %g", scale);
	return scale;
}

static void set_scale(const Node *n, Axis *a, double scale, double part)
{
	Ctx *cx = n->cx;
	a->scale = want_scale(n, scale);
	a->scale_val = f64(cx, scale);
	a->out = scaled_size(n, a->in, scale * part);
	a->width = folded(cx, mul(cx, size_f64(cx, a->in), a->scale_val));
}

/* A scale that only run time knows: the same in values. */
static void set_late_scale(const Node *n, Axis *a, const Val *scale, int axis)
{
	Ctx *cx = n->cx;
	a->scale = 0;
	a->scale_val = b_cast(cx, scale, F64);
	const Val *whole = a->start ? mul(cx, a->scale_val, sub(cx, a->end, a->start)) : a->scale_val;
	const Val *size = mul(cx, b_cast(cx, b_dim(cx, a->in), F32), b_cast(cx, whole, F32));
	a->out = node_size(n, b_cast(cx, b_ew1(cx, OP_EW_floor, size), I64), result_dim_name(n, 0, axis), 0, NULL);
	a->width = mul(cx, size_f64(cx, a->in), a->scale_val);
}

static void set_size(const Node *n, Axis *a, const Dim *size)
{
	Ctx *cx = n->cx;
	int64_t in, out;
	a->out = size;
	a->width = size_f64(cx, size);
	a->scale_val = folded(cx, quotient(cx, a->width, size_f64(cx, a->in)));
	a->scale = a->in == size                                             ? 1
		: dim_is_int(a->in, &in) && dim_is_int(size, &out) && in > 0 ? (double)out / (double)in
									     : 0;
	if (dim_lo(size) < 0) node_fail(n, "input sizes: %s", dim_text(cx, size));
}

/* One scale for all axes, so that none gets larger (smaller) than asked for. */
static void set_sizes_by_aspect(const Node *n, Axis *axes, int count, const int *which, Dims sizes, bool largest)
{
	Ctx *cx = n->cx;
	const Val *scale = NULL;
	for (int i = 0; i < count; i++) {
		const Dim *in = axes[which[i]].in;
		if (dim_hi(in) < 1 || dim_hi(sizes[i]) < 1)
			node_fail(n, "attribute keep_aspect_ratio_policy: from %s to %s is not supported",
				dim_text(cx, in), dim_text(cx, sizes[i]));
		const Val *one = quotient(cx, size_f64(cx, sizes[i]), size_f64(cx, in));
		scale = !scale ? one : largest ? larger(cx, scale, one) : smaller(cx, scale, one);
	}
	scale = scale ? folded(cx, scale) : NULL;
	for (int i = 0; i < count; i++) {
		Axis *a = &axes[which[i]];
		const Tensor *t = known_tensor(cx, scale);
		a->scale = t ? want_scale(n, tensor_get(t, 0)) : 0;
		a->scale_val = scale;
		a->width = folded(cx, mul(cx, scale, size_f64(cx, a->in)));
		const Val *size = b_ew1(cx, OP_EW_floor, with_number(cx, OP_EW_add, a->width, 0.5));
		a->out = node_size(n, b_cast(cx, folded(cx, size), I64), result_dim_name(n, 0, which[i]), 0, NULL);
	}
}

/* ---------------------------------------------------------------------------------------------------- the operators */

/* An input of numbers; NULL when omitted or, as before opset 13, empty. */
static const Val *numbers(const Node *n, int i)
{
	const Val *v = node_opt(n, i);
	return v && dim_is(type_count(n->cx, v->type), 0) ? NULL : v;
}

static void want_count(const Node *n, const Val *v, int count, const char *what)
{
	if (v->type->rank != 1 || !dim_is(v->type->dims[0], count))
		node_fail(n, "input %s: %d values wanted, %s seen", what, count, type_str(n->cx, v->type));
}

/* CROP's part of each axis. */
static void set_crop(const Node *n, Axis *axes, int count, const int *which, const Val *roi)
{
	Ctx *cx = n->cx;
	if (!roi) node_fail(n, "input roi is missing");
	want_count(n, roi, 2 * count, "roi");
	roi = folded(cx, b_cast(cx, roi, F64));
	for (int i = 0; i < count; i++) {
		const Dim *one = dim_int(cx, 1);
		const Val *start = b_slice(cx, roi, 0, dim_int(cx, i), one, 1);
		const Val *end = b_slice(cx, roi, 0, dim_int(cx, count + i), one, 1);
		axes[which[i]].start = folded(cx, b_reshape(cx, start, 0, NULL));
		axes[which[i]].end = folded(cx, b_reshape(cx, end, 0, NULL));
	}
}

/* The part of an axis that CROP takes, where the result's size depends on it. */
static double part_of(const Node *n, const Axis *a)
{
	if (!a->start) return 1;
	return tensor_get(known_tensor(n->cx, a->end), 0) - tensor_get(known_tensor(n->cx, a->start), 0);
}

static Axis *axes_of(Ctx *cx, const Val *x)
{
	Axis *axes = NEWN(cx->arena, Axis, x->type->rank);
	for (int i = 0; i < x->type->rank; i++) axes[i].in = x->type->dims[i];
	return axes;
}

static void scales_of(const Node *n, Axis *axes, int count, const int *which, const Val *scales)
{
	want_count(n, scales, count, "scales");
	const Tensor *t = known_tensor(n->cx, scales);
	const Dim *one = dim_int(n->cx, 1);
	for (int i = 0; i < count; i++) {
		Axis *a = &axes[which[i]];
		bool crops = a->start && !(known_tensor(n->cx, a->start) && known_tensor(n->cx, a->end));
		if (t && !crops) {
			set_scale(n, a, tensor_get(t, i), part_of(n, a));
			continue;
		}
		const Val *scale = b_slice(n->cx, scales, 0, dim_int(n->cx, i), one, 1);
		set_late_scale(n, a, b_reshape(n->cx, scale, 0, NULL), which[i]);
	}
}

static void import_resize(Node *n, const Val **out)
{
	static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
	static const char *const coordinates[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
		"align_corners", "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn", NULL};
	static const char *const nearests[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
	static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *roi = numbers(n, 1), *scales = numbers(n, 2);
	Resize r = {.cx = cx, .mode = (Mode)node_choice(n, "mode", modes)};
	r.coordinates = (Coordinates)node_choice(n, "coordinate_transformation_mode", coordinates);
	r.nearest = (Nearest)node_choice(n, "nearest_mode", nearests);
	r.antialias = node_int(n, "antialias", 0) != 0;
	r.exclude_outside = node_int(n, "exclude_outside", 0) != 0;
	r.cubic_a = node_float(n, "cubic_coeff_a", -0.75);
	r.extrapolation = node_float(n, "extrapolation_value", 0);
	if (r.coordinates == TF_HALF_PIXEL && n->opset >= 13)
		node_fail(n, "attribute coordinate_transformation_mode: tf_half_pixel_for_nn is gone since opset 13");
	if (r.antialias && r.mode == NEAREST) node_fail(n, "attribute antialias: with mode nearest is not supported");

	int rank = x->type->rank, *which = NEWN(cx->arena, int, rank);
	const int64_t *given;
	int count = node_ints(n, "axes", &given);
	if (count >= 0) which = node_axes(n, count, given, rank);
	else
		for (count = 0; count < rank; count++) which[count] = count;
	Axis *axes = axes_of(cx, x);
	if (r.coordinates == CROP) set_crop(n, axes, count, which, roi);
	int policy = node_choice(n, "keep_aspect_ratio_policy", policies);
	if (scales && numbers(n, 3)) node_fail(n, "inputs scales and sizes are both given");
	if (scales) {
		scales_of(n, axes, count, which, scales);
	} else {
		const Dim *const *sizes;
		const Val *given_sizes = numbers(n, 3);
		if (!given_sizes) node_fail(n, "neither scales nor sizes are given");
		want_count(n, given_sizes, count, "sizes");
		node_dims(n, 3, "sizes", &sizes);
		for (int i = 0; i < count && policy == 0; i++) set_size(n, &axes[which[i]], sizes[i]);
		if (policy != 0) set_sizes_by_aspect(n, axes, count, which, sizes, policy == 2);
	}
	out[0] = resized(n, &r, x, axes);
}

/* Upsample, and Resize of opset 10. */
static void upsample(const Node *n, const Val *scales, const Val **out)
{
	static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
	const Val *x = node_in(n, 0, "X");
	Resize r = {.cx = n->cx,
		.mode = node_choice(n, "mode", modes) ? LINEAR : NEAREST,
		.coordinates = ASYMMETRIC,
		.nearest = SIMPLE};
	int rank = x->type->rank, *which = NEWN(n->cx->arena, int, rank);
	for (int i = 0; i < rank; i++) which[i] = i;
	Axis *axes = axes_of(n->cx, x);
	scales_of(n, axes, rank, which, scales);
	out[0] = resized(n, &r, x, axes);
}

static void import_upsample(Node *n, const Val **out) { upsample(n, node_in(n, 1, "scales"), out); }

static const Val *vector(Ctx *cx, int count, const double *values)
{
	Tensor *t = tensor_new(cx->arena, F64, 1, (int64_t[]){count});
	for (int i = 0; i < count; i++) tensor_set(t, i, values[i]);
	return val_const(cx, t);
}

static void import_upsample_7(Node *n, const Val **out)
{
	const double *scales;
	int count = node_floats(n, "scales", &scales);
	if (count < 0) node_fail(n, "attribute scales is missing");
	upsample(n, vector(n->cx, count, scales), out);
}

static void import_upsample_1(Node *n, const Val **out)
{
	if (!node_has(n, "height_scale") || !node_has(n, "width_scale"))
		node_fail(n, "attributes height_scale and width_scale wanted");
	double scales[] = {1, 1, node_float(n, "height_scale", 1), node_float(n, "width_scale", 1)};
	upsample(n, vector(n->cx, 4, scales), out);
}

#define RESIZE "coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode"

const Importer onnx_ops_resize[] = {
	{"", "Resize", 10, 10, "mode", 2, 2, 1, import_upsample},
	{"", "Resize", 11, 12, RESIZE, 3, 4, 1, import_resize},
	{"", "Resize", 13, 17, RESIZE, 1, 4, 1, import_resize},
	{"", "Resize", 18, 0, RESIZE " antialias axes keep_aspect_ratio_policy", 1, 4, 1, import_resize},
	{"", "Upsample", 1, 6, "height_scale mode width_scale", 1, 1, 1, import_upsample_1},
	{"", "Upsample", 7, 8, "mode scales", 1, 1, 1, import_upsample_7},
	{"", "Upsample", 9, 0, "mode", 2, 2, 1, import_upsample},
	{.op = NULL},
};
