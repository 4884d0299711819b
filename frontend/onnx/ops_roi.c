/* ops_roi.c: RoiAlign, MaxRoiPool: features of rectangles of an image. */
#include "frontend/onnx/sample.h"

#include <math.h>

/* Column `i` of a matrix of rectangles: [R]. */
static const Val *column(Ctx *cx, const Val *rois, int i)
{
	return b_squeeze(cx, b_slice(cx, rois, 1, dim_int(cx, i), dim_int(cx, 1), 1), 1);
}

static void want_rois(const Node *n, const Val *x, const Val *rois, int columns)
{
	const Type *t = rois->type;
	if (x->type->rank != 4 || !elem_is_float(x->type->elem) || t->rank != 2 || !dim_is(t->dims[1], columns) ||
		t->elem != x->type->elem)
		node_fail(n, "X of 4 dims and rois [.., %d] of its type wanted, %s and %s seen", columns,
			type_str(n->cx, x->type), type_str(n->cx, t));
}

static const Val *wide(Ctx *cx, const Val *x)
{
	return x->type->elem == F16 || x->type->elem == BF16 ? b_cast(cx, x, F32) : x;
}

/* The index of each of n bins, as a float. */
static const Val *bins(Ctx *cx, const Val *like, int64_t n)
{
	const Dim *d = dim_int(cx, n);
	return b_cast(cx, b_iota(cx, I64, 1, &d, 0), like->type->elem);
}

static int64_t positive(const Node *n, const char *attr, int64_t value)
{
	if (value < 1 || value > INT32_MAX) node_fail(n, "attribute %s: %lld", attr, (long long)value);
	return value;
}

/* ---------------------------------------------------------------------------------------------------- RoiAlign */

/* One dim of the rectangles, all [R]: where they start, the size of a bin, and how many samples it has. */
typedef struct {
	int64_t n_bins;
	const Dim *size; /* of the image */
	const Val *start, *bin, *samples;
} Side;

static Side side_of(const Node *n, const Val *start, const Val *end, const Dim *size, int64_t n_bins, bool half_pixel)
{
	Ctx *cx = n->cx;
	double scale = node_float(n, "spatial_scale", 1);
	int64_t ratio = node_int(n, "sampling_ratio", 0);
	if (ratio < 0 || ratio > INT16_MAX) node_fail(n, "attribute sampling_ratio: %lld", (long long)ratio);
	Side s = {.n_bins = n_bins, .size = size};
	start = with_number(cx, OP_EW_mul, start, scale);
	end = with_number(cx, OP_EW_mul, end, scale);
	const Val *length = sub(cx, end, start);
	if (half_pixel) start = with_number(cx, OP_EW_sub, start, 0.5);
	else length = with_number(cx, OP_EW_max, length, 1);
	s.start = start;
	s.bin = with_number(cx, OP_EW_div, length, (double)n_bins);
	s.samples = ratio ? b_fill(cx, number(cx, start, (double)ratio), 1, start->type->dims)
			  : larger(cx, rounded_up(cx, s.bin), number(cx, start, 0));
	return s;
}

/* The taps of sample number i [R, S] in all bins of a side: [R, n_bins, S * 2]; none where the sample is too far
 * out. */
static Taps side_taps(Ctx *cx, const Side *s, const Val *i)
{
	const Val *zero = number(cx, s->start, 0), *size = size_as(cx, s->size, s->start->type->elem);
	const Val *at = with_number(cx, OP_EW_add, b_cast(cx, i, s->start->type->elem), 0.5);
	const Val *bin = b_unsqueeze(cx, s->bin, 1), *start = b_unsqueeze(cx, s->start, 1);
	at = quotient(cx, mul(cx, at, bin), b_unsqueeze(cx, s->samples, 1));          /* [R, S] */
	const Val *bin_start = add(cx, mul(cx, bins(cx, at, s->n_bins), bin), start); /* [R, n_bins] */
	at = add(cx, b_unsqueeze(cx, bin_start, 2), b_unsqueeze(cx, at, 1));
	const Val *inside = both(cx, is_at_least(cx, at, number(cx, at, -1)), is_at_most(cx, at, size));
	at = smaller(cx, larger(cx, at, zero), with_number(cx, OP_EW_sub, size, 1));
	const Dim *const *d = at->type->dims, *places = dim_mul(cx, d[1], d[2]);
	Taps t = linear_taps(cx, b_reshape(cx, at, 2, (const Dim *[]){d[0], places}));
	const Dim *const split[] = {d[1], d[2], dim_int(cx, 2)};
	t.index = replace_dims(cx, t.index, 1, 2, 3, split);
	t.weight = replace_dims(cx, t.weight, 1, 2, 3, split);
	t.weight = b_select(cx, b_unsqueeze(cx, inside, 3), t.weight, zero);
	return t;
}

/* A side's [R, bins, S, 2] among [R, bins_y, bins_x, S, 2, 2]. */
static const Val *spread(Ctx *cx, const Val *v, bool is_y)
{
	const Dim *const *d = v->type->dims, *one = dim_int(cx, 1);
	const Dim *const y[] = {d[0], d[1], one, d[2], d[3], one}, *const x[] = {d[0], one, d[1], d[2], one, d[3]};
	return b_reshape(cx, v, 6, is_y ? y : x);
}

/* The weighted elements around the samples i [R, S]: [R, bins_y * bins_x, S, 4, C], 0 where there is no such sample. */
static const Val *products(Ctx *cx, const Val *x, const Val *batch, const Side sides[2], const Val *i, const Val *valid)
{
	const Val *columns = b_cast(cx, b_unsqueeze(cx, sides[1].samples, 1), I64);
	Taps y_taps = side_taps(cx, &sides[0], b_ew2(cx, OP_EW_div, i, columns));
	Taps x_taps = side_taps(cx, &sides[1], b_ew2(cx, OP_EW_mod, i, columns));
	const Val *weight = mul(cx, spread(cx, y_taps.weight, true), spread(cx, x_taps.weight, false));
	const Dim *const *d = weight->type->dims;
	const Dim *const flat[] = {d[0], dim_mul(cx, d[1], d[2]), d[3], dim_int(cx, 4), dim_int(cx, 1)};
	const Val *index[3] = {batch, spread(cx, y_taps.index, true), spread(cx, x_taps.index, false)};
	index[0] = b_reshape(cx, b_cast(cx, batch, I64), 6,
		(const Dim *[]){d[0], dim_int(cx, 1), dim_int(cx, 1), dim_int(cx, 1), dim_int(cx, 1), dim_int(cx, 1)});
	for (int k = 0; k < 3; k++) index[k] = b_reshape(cx, b_expand(cx, index[k], 6, d), 5, flat);
	const Val *elements = b_gather_nd(cx, channels_last(cx, x), b_concat(cx, 3, index, 4), 0);
	weight = b_reshape(cx, weight, 5, flat);
	valid = b_unsqueeze(cx, b_unsqueeze(cx, b_unsqueeze(cx, valid, 1), 3), 4);
	return b_select(cx, valid, mul(cx, elements, b_cast(cx, weight, x->type->elem)), number(cx, x, 0));
}

typedef struct {
	bool max;
	const Val *x, *batch;
	Side sides[2];
	const Val *count; /* samples of each rectangle's bins, i64[R] */
} Align;

/* Samples i i64[S] of all rectangles folded: [R, bins, C]. */
static const Val *folded_samples(Ctx *cx, const Align *a, const Val *i)
{
	const Val *valid = is_below(cx, i, b_unsqueeze(cx, a->count, 1)); /* [R, S] */
	i = b_expand(cx, i, 2, valid->type->dims);
	const Val *p = products(cx, a->x, a->batch, a->sides, i, valid);
	if (!a->max) return b_reduce(cx, "sum", p, 2, (int[]){2, 3}, false);
	valid = b_unsqueeze(cx, b_unsqueeze(cx, b_unsqueeze(cx, valid, 1), 3), 4);
	p = b_select(cx, valid, p, number(cx, p, -INFINITY));
	return b_reduce(cx, "max", p, 2, (int[]){2, 3}, false);
}

static const Val *combined(Ctx *cx, const Align *a, const Val *x, const Val *y)
{
	return a->max ? larger(cx, x, y) : add(cx, x, y);
}

/* The rectangles decide how many samples there are: one after the other. */
static const Val *sampled_in_loop(Ctx *cx, const Align *a)
{
	const Val *consts[] = {a->x, a->batch, a->count, a->sides[0].start, a->sides[0].bin, a->sides[0].samples,
		a->sides[1].start, a->sides[1].bin, a->sides[1].samples};
	enum { N_CONSTS = sizeof consts / sizeof *consts };
	const Dim *bins_all = dim_int(cx, a->sides[0].n_bins * a->sides[1].n_bins);
	const Dim *const shape[] = {a->count->type->dims[0], bins_all, a->x->type->dims[1]};
	const Val *params[N_CONSTS + 2], *args[N_CONSTS + 3];
	const Val *start = b_fill(cx, number(cx, a->x, a->max ? -INFINITY : 0), 3, shape);
	args[0] = larger(cx, b_reduce(cx, "max", a->count, 1, (int[]){0}, false), b_scalar_int(cx, I64, 0));
	args[1] = b_scalar_int(cx, BOOL, 1);
	params[0] = val_param(cx, 0, type_scalar(cx, I64));
	for (int i = 0; i <= N_CONSTS; i++) {
		args[2 + i] = i < N_CONSTS ? consts[i] : start;
		params[1 + i] = val_param(cx, 1 + i, args[2 + i]->type);
	}
	Align inner = *a;
	inner.x = params[1];
	inner.batch = params[2];
	inner.count = params[3];
	for (int i = 0; i < 2; i++) {
		inner.sides[i].start = params[4 + 3 * i];
		inner.sides[i].bin = params[5 + 3 * i];
		inner.sides[i].samples = params[6 + 3 * i];
	}
	const Dim *one = dim_int(cx, 1);
	const Val *next = folded_samples(cx, &inner, b_reshape(cx, params[0], 1, &one));
	const Val *results[] = {b_scalar_int(cx, BOOL, 1), combined(cx, a, params[N_CONSTS + 1], next)};
	const Graph *body = graph_new(cx, "sample", N_CONSTS + 2, params, NULL, 2, results, NULL);
	return val_get(cx, b_loop(cx, body, N_CONSTS, 1, N_CONSTS + 3, args, dim_int(cx, INT64_MAX)), 1);
}

static void import_roi_align(Node *n, const Val **out)
{
	static const char *const modes[] = {"avg", "max", NULL};
	static const char *const coordinates[] = {"half_pixel", "output_half_pixel", NULL};
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *rois = node_in(n, 1, "rois"), *batch = node_integers(n, 2, "batch_indices");
	want_rois(n, x, rois, 4);
	if (batch->type->rank != 1)
		node_fail(n, "input batch_indices: a vector wanted, %s seen", type_str(cx, batch->type));
	node_same_dim(n, rois->type->dims[0], batch->type->dims[0], "the numbers of rois and batch_indices");
	Elem elem = x->type->elem;
	Align a = {.max = node_choice(n, "mode", modes) == 1, .x = wide(cx, x), .batch = batch};
	rois = wide(cx, rois);
	bool half_pixel = n->opset >= 16 && node_choice(n, "coordinate_transformation_mode", coordinates) == 0;
	int64_t height = positive(n, "output_height", node_int(n, "output_height", 1));
	int64_t width = positive(n, "output_width", node_int(n, "output_width", 1));
	a.sides[0] = side_of(n, column(cx, rois, 1), column(cx, rois, 3), x->type->dims[2], height, half_pixel);
	a.sides[1] = side_of(n, column(cx, rois, 0), column(cx, rois, 2), x->type->dims[3], width, half_pixel);
	a.count = b_cast(cx, mul(cx, a.sides[0].samples, a.sides[1].samples), I64);

	int64_t ratio = node_int(n, "sampling_ratio", 0);
	const Dim *samples = dim_int(cx, ratio * ratio);
	const Val *y = ratio ? folded_samples(cx, &a, b_iota(cx, I64, 1, &samples, 0)) : sampled_in_loop(cx, &a);
	const Val *count = b_unsqueeze(cx, b_unsqueeze(cx, a.count, 1), 2);
	if (a.max) y = b_select(cx, with_number(cx, OP_EW_gt, count, 0), y, number(cx, y, 0));
	else y = quotient(cx, y, b_cast(cx, with_number(cx, OP_EW_max, count, 1), y->type->elem));
	y = move_axis(cx, b_cast(cx, y, elem), 2, 1);
	out[0] = replace_dims(cx, y, 2, 1, 2, (const Dim *[]){dim_int(cx, height), dim_int(cx, width)});
}

/* ---------------------------------------------------------------------------------------------------- MaxRoiPool */

/* C's round(): halves away from zero. */
static const Val *rounded(Ctx *cx, const Val *x)
{
	const Val *half = mul(cx, b_ew1(cx, OP_EW_sign, x), number(cx, x, 0.5));
	return b_ew1(cx, OP_EW_trunc, add(cx, x, half));
}

/* Which elements along one dim belong to each bin of each rectangle: bool [R, bins, size]. */
static const Val *members(const Node *n, const Val *rois, int first, int64_t n_bins, const Dim *size)
{
	Ctx *cx = n->cx;
	double scale = node_float(n, "spatial_scale", 1);
	const Val *start = rounded(cx, with_number(cx, OP_EW_mul, column(cx, rois, first), scale));
	const Val *end = rounded(cx, with_number(cx, OP_EW_mul, column(cx, rois, first + 2), scale));
	const Val *length = with_number(cx, OP_EW_add, sub(cx, end, start), 1);
	const Val *bin =
		b_unsqueeze(cx, with_number(cx, OP_EW_div, with_number(cx, OP_EW_max, length, 1), (double)n_bins), 1);
	const Val *i = bins(cx, bin, n_bins), *at = b_cast(cx, b_iota(cx, I64, 1, &size, 0), bin->type->elem);
	start = b_unsqueeze(cx, start, 1);
	const Val *lo = add(cx, rounded_down(cx, mul(cx, i, bin)), start);
	const Val *hi = add(cx, rounded_up(cx, mul(cx, with_number(cx, OP_EW_add, i, 1), bin)), start);
	return both(cx, is_at_least(cx, at, b_unsqueeze(cx, lo, 2)), is_below(cx, at, b_unsqueeze(cx, hi, 2)));
}

static void import_max_roi_pool(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *rois = node_in(n, 1, "rois");
	want_rois(n, x, rois, 5);
	const int64_t *shape;
	if (node_ints(n, "pooled_shape", &shape) != 2) node_fail(n, "attribute pooled_shape: two sizes wanted");
	Elem elem = x->type->elem;
	x = wide(cx, x);
	rois = wide(cx, rois);
	const Val *lowest = number(cx, x, -INFINITY);
	const Val *in_y = members(n, rois, 2, positive(n, "pooled_shape", shape[0]), x->type->dims[2]);
	const Val *in_x = members(n, rois, 1, positive(n, "pooled_shape", shape[1]), x->type->dims[3]);
	x = b_gather(cx, x, b_cast(cx, column(cx, rois, 0), I64), 0); /* [R, C, H, W] */
	/* Rows first: [R, C, H, bins_x], then [R, C, bins_y, bins_x]. */
	const Val *mask = b_unsqueeze(cx, b_unsqueeze(cx, in_x, 1), 1);
	x = b_reduce(cx, "max", b_select(cx, mask, b_unsqueeze(cx, x, 3), lowest), 1, (int[]){4}, false);
	mask = b_unsqueeze(cx, b_unsqueeze(cx, in_y, 1), 4);
	x = b_reduce(cx, "max", b_select(cx, mask, b_unsqueeze(cx, x, 2), lowest), 1, (int[]){3}, false);
	const Val *some_y = b_reduce(cx, "max", in_y, 1, (int[]){2}, false),
		  *some_x = b_reduce(cx, "max", in_x, 1, (int[]){2}, false);
	const Val *some = both(cx, b_unsqueeze(cx, some_y, 2), b_unsqueeze(cx, some_x, 1));
	out[0] = b_cast(cx, b_select(cx, b_unsqueeze(cx, some, 1), x, number(cx, x, 0)), elem);
}

#define ALIGN "mode output_height output_width sampling_ratio spatial_scale"

const Importer onnx_ops_roi[] = {
	{"", "RoiAlign", 10, 15, ALIGN, 3, 3, 1, import_roi_align},
	{"", "RoiAlign", 16, 0, ALIGN " coordinate_transformation_mode", 3, 3, 1, import_roi_align},
	{"", "MaxRoiPool", 1, 0, "pooled_shape spatial_scale", 2, 2, 1, import_max_roi_pool},
	{.op = NULL},
};
