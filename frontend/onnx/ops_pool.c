/* ops_pool.c: MaxPool, AveragePool, LpPool, their Global forms, MaxUnpool: windows (spatial.c) and one reduction. */
#include "frontend/onnx/operands.h"
#include "frontend/onnx/spatial.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------- pools */

typedef struct {
	const Val *x;
	Spatial s;
	const Dim **shape; /* of the result */
} Pool;

static Pool pool_of(const Node *n)
{
	Pool p = {.x = node_in(n, 0, "X")};
	const Type *t = p.x->type;
	int n_dims = spatial_rank(n, p.x, "X");
	spatial_kernel(n, &p.s, n_dims, NULL);
	spatial_pads(n, &p.s, t->dims + 2);
	p.shape = dims_with_room(n->cx, t, 0);
	spatial_sizes(n->cx, &p.s, t->dims + 2, p.shape + 2);
	return p;
}

/* The dims of windows that are places in them. */
static int place_axes(const char *letters, int axes[])
{
	int n = 0;
	for (int i = 2; letters[i]; i++)
		if (strchr(SPATIAL_PLACES, letters[i])) axes[n++] = i;
	return n;
}

/* The fold of each window of a padded x. */
static const Val *reduce_windows(Ctx *cx, const Pool *p, const char *kind, const Val *padded)
{
	char letters[64] = "nc";
	int axes[MAX_SPATIAL];
	const Val *windows = spatial_windows(cx, &p->s, padded, letters);
	int n_axes = place_axes(letters, axes);
	return b_reshape(cx, b_reduce(cx, kind, windows, n_axes, axes, false), p->s.n + 2, p->shape);
}

static bool is_padded(const Spatial *s)
{
	for (int i = 0; i < s->n; i++)
		if (!dim_is(s->lo[i], 0) || !dim_is(s->hi[i], 0) || (s->over[i] && !dim_is(s->over[i], 0))) return true;
	return false;
}

/* ---------------------------------------------------------------------------------------------------- MaxPool */

static const Val *lowest(Ctx *cx, Elem elem)
{
	if (elem_is_float(elem)) return b_scalar(cx, elem, -INFINITY);
	bool is_signed = elem_info[elem].cls == 'i';
	return b_scalar_int(cx, elem, is_signed ? INT64_MIN >> (64 - 8 * elem_info[elem].size) : 0);
}

/* Windows with all their places in one last dim, in which the last spatial dim's place varies fastest. */
static const Val *flat_windows(Ctx *cx, const Pool *p, const Val *padded, char letters[64])
{
	const Val *w = spatial_windows(cx, &p->s, padded, letters);
	int rank = w->type->rank, n_places = 0, to = 0;
	int *perm = NEWN(cx->arena, int, rank);
	for (int i = 0; i < rank; i++)
		if (i < 2 || !strchr(SPATIAL_PLACES, letters[i])) perm[to++] = i;
	const Dim *places = dim_int(cx, 1);
	for (int i = 0; i < p->s.n; i++) {
		const char *at = strchr(letters + 2, SPATIAL_PLACES[i]);
		if (!at) continue;
		perm[to++] = (int)(at - letters);
		places = dim_mul(cx, places, w->type->dims[at - letters]);
		n_places++;
	}
	return replace_dims(cx, b_permute(cx, w, perm), rank - n_places, n_places, 1, &places);
}

/* Where in its window the maximum is: never on the padding, as long as the window has anything else. */
static const Val *place_of_max(Ctx *cx, const Pool *p, const Val *padded, const Val *max, char letters[64])
{
	const Val *w = flat_windows(cx, p, padded, letters);
	if (!is_padded(&p->s)) return b_argreduce(cx, "max", w, w->type->rank - 1, false);
	char again[64] = "nc";
	const Val *inside = b_fill(cx, b_scalar_int(cx, BOOL, 1), p->x->type->rank, p->x->type->dims);
	inside = flat_windows(cx, p, spatial_pad(cx, &p->s, inside, 2, b_scalar_int(cx, BOOL, 0)), again);
	max = b_unsqueeze(cx, b_reshape(cx, max, w->type->rank - 1, w->type->dims), w->type->rank - 1);
	const Val *hit = b_ew1(cx, OP_EW_not, binary(cx, OP_EW_lt, w, max)); /* of NaN as well */
	hit = b_cast(cx, binary(cx, OP_EW_and, hit, inside), U8);
	return b_argreduce(cx, "max", hit, w->type->rank - 1, false);
}

/* The place as an index into all of x. */
static const Val *pool_indices(const Node *n, const Pool *p, const Val *padded, const Val *max)
{
	Ctx *cx = n->cx;
	bool columns_first = node_int(n, "storage_order", 0) != 0;
	char letters[64] = "nc";
	const Val *place = place_of_max(cx, p, padded, max, letters);
	place = b_reshape(cx, place, p->s.n + 2, p->shape);
	const Dim *const *sizes = p->x->type->dims;
	int rank = p->s.n + 2;
	const Dim *spatial = dim_product(cx, p->s.n, sizes + 2), *pitch = dim_int(cx, 1);
	const Val *index =
		binary(cx, OP_EW_mul, index_along(cx, rank, p->shape, 0), b_dim(cx, dim_mul(cx, sizes[1], spatial)));
	index = binary(
		cx, OP_EW_add, index, binary(cx, OP_EW_mul, index_along(cx, rank, p->shape, 1), b_dim(cx, spatial)));
	/* The last spatial dim's place varies fastest in the window. */
	const Val *in_dim[MAX_SPATIAL];
	for (int i = p->s.n; i-- > 0;) {
		const Val *at =
			with_number(cx, OP_EW_mul, index_along(cx, rank, p->shape, 2 + i), (double)p->s.stride[i]);
		at = binary(cx, OP_EW_sub, at, b_dim(cx, p->s.lo[i]));
		if (p->s.kernel[i] > 1) {
			const Val *k = with_number(cx, OP_EW_mod, place, (double)p->s.kernel[i]);
			at = binary(cx, OP_EW_add, at, with_number(cx, OP_EW_mul, k, (double)p->s.dilation[i]));
			place = with_number(cx, OP_EW_div, place, (double)p->s.kernel[i]);
		}
		in_dim[i] = at;
	}
	for (int k = 0; k < p->s.n; k++) {
		int i = columns_first ? k : p->s.n - 1 - k;
		index = binary(cx, OP_EW_add, index, binary(cx, OP_EW_mul, in_dim[i], b_dim(cx, pitch)));
		pitch = dim_mul(cx, pitch, sizes[2 + i]);
	}
	return index;
}

static void import_max_pool(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Pool p = pool_of(n);
	if (node_int(n, "storage_order", 0) != 0 && node_int(n, "storage_order", 0) != 1)
		node_fail(n, "attribute storage_order: 0 or 1 wanted");
	const Val *padded = spatial_pad(cx, &p.s, p.x, 2, lowest(cx, p.x->type->elem));
	out[0] = reduce_windows(cx, &p, "max", padded);
	if (n->n_out > 1 && n->out_wanted[1]) out[1] = pool_indices(n, &p, padded, out[0]);
}

/* ---------------------------------------------------------------------------------------------------- sums */

/* Half types would overflow in sums. */
static const Val *wide(Ctx *cx, const Val *x)
{
	return x->type->elem == F16 || x->type->elem == BF16 ? b_cast(cx, x, F32) : x;
}

/* How many elements each window has, along its dim i: a vector that broadcasts there.  One of nothing but padding
 * has a sum of 0, which may be divided by 1. */
static const Val *window_counts(Ctx *cx, const Pool *p, int i, bool with_padding, Elem elem)
{
	const Spatial *s = &p->s;
	Pool one = {.s = {.n = 1,
			    .kernel = {s->kernel[i]},
			    .stride = {s->stride[i]},
			    .dilation = {s->dilation[i]},
			    .lo = {s->lo[i]},
			    .hi = {s->hi[i]},
			    .size = {s->size[i]},
			    .over = {s->over[i]}}};
	const Dim *of_ones[] = {dim_int(cx, 1), dim_int(cx, 1), p->x->type->dims[2 + i]};
	const Dim *of_result[] = {of_ones[0], of_ones[1], p->shape[2 + i]};
	one.shape = of_result;
	const Val *zero = b_scalar(cx, elem, 0), *ones = b_fill(cx, b_scalar(cx, elem, 1), 3, of_ones);
	if (with_padding) { /* what ceil_mode reaches over is none, all the same */
		ones = spatial_pad_plain(cx, &one.s, ones, 2, b_scalar(cx, elem, 1));
		one.s.lo[0] = one.s.hi[0] = dim_int(cx, 0);
	}
	const Val *counts = reduce_windows(cx, &one, "sum", spatial_pad(cx, &one.s, ones, 2, zero));
	counts = with_number(cx, OP_EW_max, counts, 1);
	const Dim **dims = NEWN(cx->arena, const Dim *, s->n);
	for (int k = 0; k < s->n; k++) dims[k] = k == i ? p->shape[2 + i] : dim_int(cx, 1);
	return folded(cx, b_reshape(cx, counts, s->n, dims));
}

static bool has_partial_windows(const Spatial *s, int i, bool with_padding)
{
	if (s->over[i] && !dim_is(s->over[i], 0)) return true;
	return !with_padding && !(dim_is(s->lo[i], 0) && dim_is(s->hi[i], 0));
}

static void import_average_pool(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Pool p = pool_of(n);
	bool with_padding = node_int(n, "count_include_pad", 0) != 0;
	const Val *x = wide(cx, p.x);
	Elem elem = x->type->elem;
	const Val *y = reduce_windows(cx, &p, "sum", spatial_pad(cx, &p.s, x, 2, b_scalar(cx, elem, 0)));
	double whole = 1;
	const Val *counts = NULL;
	for (int i = 0; i < p.s.n; i++) {
		if (!has_partial_windows(&p.s, i, with_padding)) {
			whole *= (double)p.s.kernel[i];
			continue;
		}
		const Val *c = window_counts(cx, &p, i, with_padding, elem);
		counts = counts ? folded(cx, binary(cx, OP_EW_mul, counts, c)) : c;
	}
	if (counts) y = binary(cx, OP_EW_div, y, with_number(cx, OP_EW_mul, counts, whole));
	else if (whole != 1) y = with_number(cx, OP_EW_div, y, whole);
	out[0] = b_cast(cx, y, p.x->type->elem);
}

/* The exponent: a float first, an integer since opset 2. */
static double exponent(const Node *n)
{
	double p = n->opset < 2 ? node_float(n, "p", 2) : (double)node_int(n, "p", 2);
	if (!(p > 0)) node_fail(n, "attribute p: %g is not supported", p);
	return p;
}

static const Val *to_power(Ctx *cx, const Val *x, double p)
{
	if (p == 2) return binary(cx, OP_EW_mul, x, x);
	x = b_ew1(cx, OP_EW_abs, x);
	return p == 1 ? x : with_number(cx, OP_EW_pow, x, p);
}

static const Val *to_root(Ctx *cx, const Val *x, double p)
{
	if (p == 2) return b_ew1(cx, OP_EW_sqrt, x);
	return p == 1 ? x : with_number(cx, OP_EW_pow, x, 1 / p);
}

static void import_lp_pool(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Pool p = pool_of(n);
	double power = exponent(n);
	const Val *x = to_power(cx, wide(cx, p.x), power);
	const Val *sums = reduce_windows(cx, &p, "sum", spatial_pad(cx, &p.s, x, 2, b_scalar(cx, x->type->elem, 0)));
	out[0] = b_cast(cx, to_root(cx, sums, power), p.x->type->elem);
}

/* ---------------------------------------------------------------------------------------------------- Global */

static const Val *reduce_spatial(const Node *n, const char *kind, const Val *x)
{
	int n_dims = spatial_rank(n, x, "X"), axes[MAX_SPATIAL];
	for (int i = 0; i < n_dims; i++) axes[i] = 2 + i;
	return b_reduce(n->cx, kind, x, n_dims, axes, true);
}

static void import_global_max(Node *n, const Val **out) { out[0] = reduce_spatial(n, "max", node_in(n, 0, "X")); }

static void import_global_average(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *sum = reduce_spatial(n, "sum", wide(cx, x));
	const Dim *count = dim_product(cx, x->type->rank - 2, x->type->dims + 2);
	out[0] = b_cast(cx, binary(cx, OP_EW_div, sum, b_cast(cx, b_dim(cx, count), sum->type->elem)), x->type->elem);
}

static void import_global_lp(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	double power = exponent(n);
	const Val *sum = reduce_spatial(n, "sum", to_power(cx, wide(cx, x), power));
	out[0] = b_cast(cx, to_root(cx, sum, power), x->type->elem);
}

/* ---------------------------------------------------------------------------------------------------- MaxUnpool */

/* The indices count in the shape that the pool must have had; a larger output_shape adds zeros behind it. */
static void import_max_unpool(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *index = node_integers(n, 1, "I"), *zero = b_scalar(cx, x->type->elem, 0);
	int n_dims = spatial_rank(n, x, "X"), rank = n_dims + 2;
	if (index->type->rank != rank)
		node_fail(n, "input I: the shape of X wanted, %s and %s seen", type_str(cx, x->type),
			type_str(cx, index->type));
	for (int i = 0; i < rank; i++) node_same_dim(n, x->type->dims[i], index->type->dims[i], "the dims of X and I");
	Spatial s = {0};
	spatial_kernel(n, &s, n_dims, NULL);
	spatial_pads(n, &s, x->type->dims + 2);
	const Dim **dims = dims_with_room(cx, x->type, 0);
	for (int i = 0; i < n_dims; i++) {
		const Dim *steps = dim_mul(cx, dim_sub(cx, dims[2 + i], dim_int(cx, 1)), dim_int(cx, s.stride[i]));
		dims[2 + i] = dim_add(cx, steps, dim_int(cx, s.kernel[i]));
		dims[2 + i] = dim_sub(cx, dims[2 + i], dim_add(cx, s.lo[i], s.hi[i]));
	}
	const Dim *count = type_count(cx, x->type), *all = dim_product(cx, rank, dims);
	index = b_reshape(cx, index, 2, (const Dim *[]){count, dim_int(cx, 1)});
	const Val *y = b_scatter_nd(cx, b_fill(cx, zero, 1, &all), index, b_reshape(cx, x, 1, &count), "set");
	y = b_reshape(cx, y, rank, dims);
	const Dim *const *wanted, **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	int n_wanted = node_dims(n, 2, "output_shape", &wanted);
	if (n_wanted >= 0 && n_wanted != rank)
		node_fail(n, "input output_shape: %d sizes wanted, %d seen", rank, n_wanted);
	for (int i = 0; i < rank; i++) {
		lo[i] = dim_int(cx, 0);
		hi[i] = n_wanted < 0 ? lo[i] : dim_sub(cx, wanted[i], dims[i]);
		if (dim_hi(hi[i]) < 0)
			node_fail(n, "input output_shape: %s in dim %d, but the indices are for %s",
				dim_text(cx, wanted[i]), i, dim_text(cx, dims[i]));
	}
	out[0] = b_pad(cx, y, lo, hi, zero);
}

#define POOL "auto_pad kernel_shape pads strides"

const Importer onnx_ops_pool[] = {
	{"", "MaxPool", 1, 7, POOL, 1, 1, 1, import_max_pool},
	{"", "MaxPool", 8, 9, POOL " storage_order", 1, 1, 2, import_max_pool},
	{"", "MaxPool", 10, 0, POOL " storage_order ceil_mode dilations", 1, 1, 2, import_max_pool},
	{"", "AveragePool", 1, 6, POOL, 1, 1, 1, import_average_pool},
	{"", "AveragePool", 7, 9, POOL " count_include_pad", 1, 1, 1, import_average_pool},
	{"", "AveragePool", 10, 18, POOL " count_include_pad ceil_mode", 1, 1, 1, import_average_pool},
	{"", "AveragePool", 19, 0, POOL " count_include_pad ceil_mode dilations", 1, 1, 1, import_average_pool},
	{"", "LpPool", 1, 17, POOL " p", 1, 1, 1, import_lp_pool},
	{"", "LpPool", 18, 0, POOL " p ceil_mode dilations", 1, 1, 1, import_lp_pool},
	{"", "GlobalMaxPool", 1, 0, "", 1, 1, 1, import_global_max},
	{"", "GlobalAveragePool", 1, 0, "", 1, 1, 1, import_global_average},
	{"", "GlobalLpPool", 1, 0, "p", 1, 1, 1, import_global_lp},
	{"", "MaxUnpool", 1, 0, "kernel_shape pads strides", 2, 3, 1, import_max_unpool},
	{.op = NULL},
};
