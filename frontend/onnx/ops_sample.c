/* ops_sample.c: GridSample, AffineGrid, DeformConv: values at computed places.
 *
 * A place has some taps along each dim; all their combinations are tuples of indices for one gather, and a
 * contraction over them with the products of their weights.  Outside of the grid gather clamps, and weights are 0
 * where that is not meant.
 */
#include "frontend/onnx/operands.h"
#include "frontend/onnx/sample.h"
#include "frontend/onnx/nn.h"

#include <string.h>

/* ---------------------------------------------------------------------------------------------------- taps */

/* `count` taps per place, from `first` elements after the one below it; and how far each is from the place. */
static const Val *tap_index(Ctx *cx, const Val *below, int first, int count)
{
	const Dim *n = dim_int(cx, count);
	const Val *tap = with_number(cx, OP_EW_add, b_iota(cx, I64, 1, &n, 0), first);
	return add(cx, b_unsqueeze(cx, b_cast(cx, below, I64), 2), tap);
}

static const Val *side_by_side(Ctx *cx, int n, const Val *const *weights)
{
	const Val **parts = NEWN(cx->arena, const Val *, n);
	for (int i = 0; i < n; i++) parts[i] = b_unsqueeze(cx, weights[i], 2);
	return b_concat(cx, n, parts, 2);
}

Taps linear_taps(Ctx *cx, const Val *place)
{
	const Val *below = rounded_down(cx, place), *ratio = sub(cx, place, below);
	const Val *weights[] = {sub(cx, number(cx, place, 1), ratio), ratio};
	return (Taps){tap_index(cx, below, 0, 2), side_by_side(cx, 2, weights)};
}

/* Cubic convolution (Keys 1981) with a = -0.75. */
static Taps cubic_taps(Ctx *cx, const Val *place)
{
	const double a = -0.75;
	const Val *below = rounded_down(cx, place), *ratio = sub(cx, place, below), *weights[4];
	for (int i = 0; i < 4; i++) { /* how far: 1 + ratio, ratio, 1 - ratio, 2 - ratio */
		const Val *t =
			i < 2 ? with_number(cx, OP_EW_add, ratio, 1 - i) : sub(cx, number(cx, place, i - 1), ratio);
		bool near = i == 1 || i == 2;
		const Val *w = with_number(cx, OP_EW_mul, t, near ? a + 2 : a);
		w = with_number(cx, OP_EW_sub, w, near ? a + 3 : 5 * a);
		w = mul(cx, w, t);
		if (!near) w = with_number(cx, OP_EW_add, w, 8 * a);
		w = mul(cx, w, t);
		weights[i] = near ? with_number(cx, OP_EW_add, w, 1) : with_number(cx, OP_EW_sub, w, 4 * a);
	}
	return (Taps){tap_index(cx, below, -1, 4), side_by_side(cx, 4, weights)};
}

static Taps nearest_tap(Ctx *cx, const Val *place, bool weighted)
{
	const Val *index = tap_index(cx, b_ew1(cx, OP_EW_round, place), 0, 1);
	return (Taps){index, weighted ? b_fill(cx, number(cx, place, 1), 3, index->type->dims) : NULL};
}

Taps taps_inside(Ctx *cx, Taps t, const Dim *size)
{
	const Val *zero = b_scalar_int(cx, I64, 0);
	const Val *inside = both(cx, is_at_least(cx, t.index, zero), is_below(cx, t.index, b_dim(cx, size)));
	t.weight = b_select(cx, inside, t.weight, number(cx, t.weight, 0));
	return t;
}

/* [B, P, T] with its taps as tap dim i of r. */
static const Val *as_tap_dim(Ctx *cx, const Val *v, int r, int i)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, r);
	for (int k = 0; k < r; k++) dims[k] = k == i ? v->type->dims[2] : dim_int(cx, 1);
	return replace_dims(cx, v, 2, 1, r, dims);
}

Taps taps_product(Ctx *cx, int r, const Taps *t)
{
	const Type *first = t[0].index->type;
	const Dim **dims = NEWN(cx->arena, const Dim *, r + 2), *all = dim_int(cx, 1);
	dims[0] = first->dims[0];
	dims[1] = first->dims[1];
	for (int i = 0; i < r; i++) {
		dims[2 + i] = t[i].index->type->dims[2];
		all = dim_mul(cx, all, dims[2 + i]);
	}
	const Val **parts = NEWN(cx->arena, const Val *, r);
	Taps product = {0};
	for (int i = 0; i < r; i++) {
		const Val *index = b_expand(cx, as_tap_dim(cx, t[i].index, r, i), r + 2, dims);
		parts[i] = b_unsqueeze(cx, replace_dims(cx, index, 2, r, 1, &all), 3);
		if (!t[i].weight) continue;
		const Val *w = as_tap_dim(cx, t[i].weight, r, i);
		product.weight = product.weight ? mul(cx, product.weight, w) : w;
	}
	product.index = b_concat(cx, r, parts, 3);
	if (product.weight) product.weight = replace_dims(cx, product.weight, 2, r, 1, &all);
	return product;
}

const Val *channels_last(Ctx *cx, const Val *x) { return move_axis(cx, x, 1, x->type->rank - 1); }

const Val *sampled(Ctx *cx, const Val *x, int r, const Taps *taps)
{
	Taps t = taps_product(cx, r, taps);
	const Val *y = b_gather_nd(cx, channels_last(cx, x), t.index, 1); /* [B, P, T, C] */
	if (t.weight) return b_contract(cx, "bptc,bpt->bcp", y, b_cast(cx, t.weight, x->type->elem));
	return move_axis(cx, b_squeeze(cx, y, 2), 2, 1);
}

/* ---------------------------------------------------------------------------------------------------- GridSample */

/* Reflected between two borders until inside. */
static const Val *reflected(Ctx *cx, const Val *x, const Val *lo, const Val *hi)
{
	const Val *range = sub(cx, hi, lo), *zero = number(cx, x, 0);
	const Val *below = is_below(cx, x, lo), *above = is_above(cx, x, hi);
	const Val *over = b_select(cx, below, sub(cx, lo, x), sub(cx, x, hi));
	const Val *times = b_ew1(cx, OP_EW_trunc, quotient(cx, over, range)),
		  *rest = sub(cx, over, mul(cx, times, range));
	const Val *odd = b_ew2(cx, OP_EW_ne, with_number(cx, OP_EW_rem, times, 2), zero);
	/* below, even: lo + rest; below, odd: hi - rest; above the other way round */
	const Val *from_lo = b_ew2(cx, OP_EW_xor, below, odd);
	const Val *inner = b_select(cx, from_lo, add(cx, lo, rest), sub(cx, hi, rest));
	inner = b_select(cx, is_equal(cx, range, zero), lo, inner);
	return b_select(cx, either(cx, below, above), inner, x);
}

typedef enum { ZEROS, BORDER, REFLECTION } Padding;

static Taps grid_taps(const Node *n, const Val *grid, int dim, const Dim *size, int mode, Padding padding)
{
	Ctx *cx = n->cx;
	bool corners = node_int(n, "align_corners", 0) != 0;
	const Val *length = size_as(cx, size, grid->type->elem), *last = with_number(cx, OP_EW_sub, length, 1);
	const Val *x = b_slice(cx, grid, 2, dim_int(cx, dim), dim_int(cx, 1), 1);
	x = with_number(cx, OP_EW_add, b_squeeze(cx, x, 2), 1);
	if (corners) x = mul(cx, with_number(cx, OP_EW_div, x, 2), last);
	else x = with_number(cx, OP_EW_div, with_number(cx, OP_EW_sub, mul(cx, x, length), 1), 2);
	if (mode == 1) x = b_ew1(cx, OP_EW_round, x);
	const Val *zero = number(cx, x, 0), *lo = number(cx, x, corners ? 0 : -0.5);
	const Val *hi = corners ? last : with_number(cx, OP_EW_sub, length, 0.5);
	if (padding == BORDER && mode < 2) { /* cubic: its taps only, as PyTorch does */
		const Val *outside = either(cx, is_below(cx, x, lo), is_above(cx, x, hi));
		x = b_select(cx, outside, smaller(cx, larger(cx, x, zero), last), x);
	} else if (padding == REFLECTION) {
		x = reflected(cx, x, lo, hi);
	}
	Taps t = mode == 0 ? linear_taps(cx, x) : mode == 1 ? nearest_tap(cx, x, padding == ZEROS) : cubic_taps(cx, x);
	if (padding == ZEROS) return taps_inside(cx, t, size);
	if (padding == REFLECTION) t.index = b_cast(cx, reflected(cx, b_cast(cx, t.index, x->type->elem), lo, hi), I64);
	return t;
}

static void import_grid_sample(Node *n, const Val **out)
{
	static const char *const modes_16[] = {"bilinear", "nearest", "bicubic", NULL};
	static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
	static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *grid = node_in(n, 1, "grid");
	int r = spatial_rank(n, x, "X");
	const Type *g = grid->type;
	if (!elem_is_float(g->elem) || g->rank != r + 2 || !dim_is(g->dims[r + 1], r) || r < 1)
		node_fail(n, "input grid: floats [N, .., %d] for %s wanted, %s seen", r, type_str(cx, x->type),
			type_str(cx, g));
	node_same_dim(n, x->type->dims[0], g->dims[0], "the batch sizes of X and grid");
	int mode = node_choice(n, "mode", n->opset < 20 ? modes_16 : modes);
	Padding padding = (Padding)node_choice(n, "padding_mode", paddings);
	const Dim *points = dim_product(cx, r, g->dims + 1);
	if (g->elem == F16 || g->elem == BF16) grid = b_cast(cx, grid, F32);
	grid = replace_dims(cx, grid, 1, r, 1, &points);
	Taps taps[MAX_SPATIAL];
	for (int i = 0; i < r; i++) taps[i] = grid_taps(n, grid, r - 1 - i, x->type->dims[2 + i], mode, padding);
	/* Integers are sampled as floats. */
	Elem elem = x->type->elem;
	bool as_it_is = elem_is_float(elem) || !taps[0].weight;
	const Val *y = sampled(cx, as_it_is ? x : b_cast(cx, x, elem_info[elem].size > 2 ? F64 : F32), r, taps);
	out[0] = b_cast(cx, replace_dims(cx, y, 2, 1, r, g->dims + 1), elem);
}

/* ---------------------------------------------------------------------------------------------------- AffineGrid */

/* theta [N, r, r + 1] applied to the points (x, y, .., 1) of an even grid of r dims, x along the last of them. */
static void import_affine_grid(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *theta = node_in(n, 0, "theta");
	const Dim *const *size;
	int r = node_dims(n, 1, "size", &size) - 2;
	const Type *t = theta->type;
	if (!elem_is_float(t->elem) || r < 1 || r > MAX_SPATIAL || t->rank != 3 || !dim_is(t->dims[1], r) ||
		!dim_is(t->dims[2], r + 1))
		node_fail(n, "input theta: %s for %d sizes", type_str(cx, t), r + 2);
	node_same_dim(n, t->dims[0], size[0], "the batch sizes of theta and size");
	bool corners = node_int(n, "align_corners", 0) != 0;
	const Dim **ones = NEWN(cx->arena, const Dim *, r + 2);
	for (int i = 0; i < r + 2; i++) ones[i] = dim_int(cx, 1);
	ones[0] = t->dims[0];
	ones[r + 1] = dim_int(cx, r); /* the shape of a column of theta */
	const Val *grid = NULL;
	for (int i = r; i >= 0; i--) { /* the offset first */
		const Val *term = b_reshape(cx, b_slice(cx, theta, 2, dim_int(cx, i), dim_int(cx, 1), 1), r + 2, ones);
		if (i < r) {
			int dim = r - 1 - i;
			const Val *at = b_cast(cx, index_along(cx, r, size + 2, dim), t->elem);
			const Val *length = size_as(cx, size[2 + dim], t->elem);
			if (corners) {
				const Val *one = number(cx, at, 1), *steps = larger(cx, sub(cx, length, one), one);
				at = quotient(cx, with_number(cx, OP_EW_mul, at, 2), steps);
			} else {
				at = with_number(cx, OP_EW_add, with_number(cx, OP_EW_mul, at, 2), 1);
				at = quotient(cx, at, length);
			}
			at = b_unsqueeze(cx, with_number(cx, OP_EW_sub, at, 1), r);
			term = mul(cx, term, folded(cx, at));
		}
		grid = grid ? add(cx, grid, term) : term;
	}
	out[0] = grid;
}

/* ---------------------------------------------------------------------------------------------------- DeformConv */

typedef struct {
	int r;
	Spatial s;
	int64_t groups, offset_groups;
	const Dim *places, *points; /* of a window; of the result */
	const Dim *const *sizes;    /* of the result */
} Deform;

/* Where each place of each window is along dim i: [N * offset_groups, places * points]. */
static const Val *deformed(const Node *n, const Deform *d, const Val *offset, int i)
{
	Ctx *cx = n->cx;
	int r = d->r;
	const Dim **dims = NEWN(cx->arena, const Dim *, 2 * r + 2);
	for (int k = 0; k < r; k++) {
		dims[k] = dim_int(cx, d->s.kernel[k]);
		dims[r + k] = d->sizes[k];
	}
	const Val *at = with_number(cx, OP_EW_mul, index_along(cx, 2 * r, dims, r + i), (double)d->s.stride[i]);
	const Val *in_window = with_number(cx, OP_EW_mul, index_along(cx, 2 * r, dims, i), (double)d->s.dilation[i]);
	at = sub(cx, add(cx, at, in_window), b_dim(cx, d->s.lo[i]));
	at = b_expand(cx, b_cast(cx, at, offset->type->elem), 2 * r, dims);
	at = b_reshape(cx, at, 2, (const Dim *[]){d->places, d->points});
	/* offset: [N * offset_groups, places, r, points] */
	offset = b_squeeze(cx, b_slice(cx, offset, 2, dim_int(cx, i), dim_int(cx, 1), 1), 2);
	const Dim *all = dim_mul(cx, d->places, d->points);
	return replace_dims(cx, add(cx, offset, at), 1, 2, 1, &all);
}

static int64_t group_attr(const Node *n, const char *attr, const Dim *channels)
{
	int64_t groups = node_int(n, attr, 1);
	if (groups < 1 || groups > INT32_MAX || !dim_div_exact(n->cx, channels, dim_int(n->cx, groups)))
		node_fail(n, "attribute %s: %s channels in %lld groups", attr, dim_text(n->cx, channels),
			(long long)groups);
	return groups;
}

static void import_deform_conv(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *w = node_in(n, 1, "W"), *offset = node_in(n, 2, "offset");
	const Val *bias = node_opt(n, 3), *mask = node_opt(n, 4);
	Deform d = {.r = spatial_rank(n, x, "X")};
	int r = d.r;
	if (r < 1 || w->type->rank != r + 2 || offset->type->rank != r + 2 || (mask && mask->type->rank != r + 2))
		node_fail(n, "inputs W, offset and mask: as many dims as X wanted, %s", type_str(cx, x->type));
	const Dim *const *of_x = x->type->dims, *const *of_w = w->type->dims;
	spatial_kernel(n, &d.s, r, of_w + 2);
	spatial_pads(n, &d.s, of_x + 2);
	d.groups = group_attr(n, "group", of_w[0]);
	d.offset_groups = group_attr(n, "offset_group", of_x[1]);
	node_same_dim(n, of_x[1], dim_mul(cx, of_w[1], dim_int(cx, d.groups)), "the channels of X and W");
	const Dim **sizes = NEWN(cx->arena, const Dim *, r);
	spatial_sizes(cx, &d.s, of_x + 2, sizes);
	for (int i = 0; i < r; i++)
		node_same_dim(n, sizes[i], offset->type->dims[2 + i], "the result's size and offset's");
	d.sizes = sizes;
	d.places = dim_product(cx, r, of_w + 2);
	d.points = dim_product(cx, r, sizes);

	/* One batch entry for each group of offsets. */
	const Dim *batch = dim_mul(cx, of_x[0], dim_int(cx, d.offset_groups));
	const Dim *per_offset = dim_div_exact(cx, of_x[1], dim_int(cx, d.offset_groups));
	const Dim *offsets = dim_mul(cx, d.places, dim_int(cx, d.offset_groups));
	node_same_dim(n, offset->type->dims[1], dim_mul(cx, offsets, dim_int(cx, r)), "the channels of offset");
	node_same_dim(n, offset->type->dims[0], of_x[0], "the batch sizes of X and offset");
	offset = b_reshape(cx, offset, 4, (const Dim *[]){batch, d.places, dim_int(cx, r), d.points});
	Taps taps[MAX_SPATIAL];
	for (int i = 0; i < r; i++) taps[i] = taps_inside(cx, linear_taps(cx, deformed(n, &d, offset, i)), of_x[2 + i]);
	const Val *parts = replace_dims(cx, x, 0, 2, 2, (const Dim *[]){batch, per_offset});
	const Val *windows = sampled(cx, parts, r, taps); /* [N * offset_groups, channels, places * points] */
	const Dim *all = dim_mul(cx, d.places, d.points);
	if (mask) {
		node_same_dim(n, mask->type->dims[1], offsets, "the channels of mask");
		for (int i = 0; i < r; i++)
			node_same_dim(n, sizes[i], mask->type->dims[2 + i], "the result's size and mask's");
		windows = mul(cx, windows, b_reshape(cx, mask, 3, (const Dim *[]){batch, dim_int(cx, 1), all}));
	}
	const Dim *groups = dim_int(cx, d.groups), *m = dim_div_exact(cx, of_w[0], groups);
	windows = b_reshape(cx, windows, 5, (const Dim *[]){of_x[0], groups, of_w[1], d.places, d.points});
	w = b_reshape(cx, w, 4, (const Dim *[]){groups, m, of_w[1], d.places});
	const Val *y = b_contract(cx, "ngckp,gmck->ngmp", windows, w);
	y = b_reshape(cx, y, 3, (const Dim *[]){of_x[0], of_w[0], d.points});
	if (bias) {
		if (bias->type->rank != 1) node_fail(n, "input B: a vector wanted, %s seen", type_str(cx, bias->type));
		node_same_dim(n, bias->type->dims[0], of_w[0], "the channels of B and W");
		y = add(cx, y, b_unsqueeze(cx, bias, 1));
	}
	out[0] = replace_dims(cx, y, 2, 1, r, sizes);
}

const Importer onnx_ops_sample[] = {
	{"", "GridSample", 16, 0, "align_corners mode padding_mode", 2, 2, 1, import_grid_sample},
	{"", "AffineGrid", 20, 0, "align_corners", 2, 2, 1, import_affine_grid},
	{"", "DeformConv", 19, 0, "dilations group kernel_shape offset_group pads strides", 3, 5, 1,
		import_deform_conv},
	{.op = NULL},
};
