/* ops_conv.c: Conv and ConvTranspose: views and one contraction.
 *
 * Convolution: pad, windows (spatial.c), and a contraction over channels and places in the window, with groups
 * as a batch letter:  "ngcABab,gmcab->ngmAB".  Letters of one element are left out where they would cost a view.
 *
 * Transposed convolution with stride s: an output at q*s + r takes the places k = j*s + r of the kernel, from
 * input q - j. So the kernel, filled up to J*s places, is split in j and r; windows of J inputs are contracted
 * over j, and r stays as a dim that is merged with q:  y[q, r] = sum_j x[q - j] w[j, r].  No product with a zero
 * between inputs is ever computed.
 */
#include "frontend/onnx/nn.h"

#include <stdio.h>
#include <string.h>

typedef struct {
	int64_t n;           /* groups */
	const Dim *in, *out; /* channels of one */
} Groups;

/* The bias as it is added to a result of that rank, with channels in dim 1, or groups and channels in dims 1 and 2. */
static const Val *add_bias(const Node *n, const Val *y, const Val *bias, const Groups *g, bool split)
{
	Ctx *cx = n->cx;
	if (!bias) return y;
	const Dim *channels = dim_mul(cx, g->out, dim_int(cx, g->n));
	if (bias->type->rank != 1 || bias->type->dims[0] != channels)
		node_fail(n, "input B: [%s] wanted, %s seen", dim_text(cx, channels), type_str(cx, bias->type));
	int rank = y->type->rank;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) dims[i] = dim_int(cx, 1);
	if (split) {
		dims[1] = dim_int(cx, g->n);
		dims[2] = g->out;
	} else {
		dims[1] = channels;
	}
	return binary(cx, OP_EW_add, y, b_reshape(cx, bias, rank - 1, dims + 1));
}

/* Dim `at` split in groups and the channels of one; nothing where there is one group, and where a group has one
 * channel. */
static const Val *split_groups(Ctx *cx, const Groups *g, const Val *x, int at, const Dim *per_group)
{
	if (g->n == 1 || dim_is(per_group, 1)) return x;
	return replace_dims(cx, x, at, 1, 2, (const Dim *[]){dim_int(cx, g->n), per_group});
}

static const char *group_letters(const Groups *g, const Dim *per_group, const char *channel)
{
	bool one = dim_is(per_group, 1);
	return g->n == 1 ? channel : one ? "g" : *channel == 'c' ? "gc" : "gm";
}

static Groups groups_of(const Node *n, const Val *x, const Dim *w_in, const Dim *w_out)
{
	Ctx *cx = n->cx;
	Groups g = {.n = node_int(n, "group", 1), .in = w_in, .out = w_out};
	if (g.n < 1 || g.n > INT32_MAX) node_fail(n, "attribute group: %lld", (long long)g.n);
	node_same_dim(n, x->type->dims[1], dim_mul(cx, g.in, dim_int(cx, g.n)), "the channels of X and W");
	return g;
}

static const Dim *per_group(const Node *n, const Dim *channels)
{
	int64_t group = node_int(n, "group", 1);
	const Dim *one = group > 0 ? dim_div_exact(n->cx, channels, dim_int(n->cx, group)) : NULL;
	if (!one)
		node_fail(
			n, "attribute group: %s channels in %lld groups", dim_text(n->cx, channels), (long long)group);
	return one;
}

static void want_weights(const Node *n, const Val *x, const Val *w)
{
	if (w->type->rank != x->type->rank)
		node_fail(n, "input W: as many dims as X wanted, %s and %s seen", type_str(n->cx, x->type),
			type_str(n->cx, w->type));
}

static const Val *zero_of(Ctx *cx, const Val *x) { return b_scalar(cx, x->type->elem, 0); }

/* ---------------------------------------------------------------------------------------------------- Conv */

const Val *convolution(const Node *n, const Val *x, const Val *w, const Val *bias)
{
	Ctx *cx = n->cx;
	int n_dims = spatial_rank(n, x, "X");
	want_weights(n, x, w);
	Groups g = groups_of(n, x, w->type->dims[1], per_group(n, w->type->dims[0]));
	Spatial s = {0};
	spatial_kernel(n, &s, n_dims, w->type->dims + 2);
	spatial_pads(n, &s, x->type->dims + 2);

	const Dim **shape = NEWN(cx->arena, const Dim *, n_dims + 2);
	shape[0] = x->type->dims[0];
	shape[1] = w->type->dims[0];
	spatial_sizes(cx, &s, x->type->dims + 2, shape + 2);

	/* Windows first: they are simple index arithmetic then. */
	char of_x[64] = "nc", of_w[64], of_y[64];
	const Val *windows = spatial_windows(cx, &s, spatial_pad(cx, &s, x, 2, zero_of(cx, x)), of_x);
	windows = split_groups(cx, &g, windows, 1, g.in);
	const char *spatial = arena_printf(cx->arena, "%s", of_x + 2);
	snprintf(of_x, sizeof of_x, "n%s%s", group_letters(&g, g.in, "c"), spatial);

	bool one_in = g.n > 1 && dim_is(g.in, 1), one_out = g.n > 1 && dim_is(g.out, 1);
	w = split_groups(cx, &g, w, 0, g.out);
	int at = snprintf(of_w, sizeof of_w, "%s%s", group_letters(&g, g.out, "m"), one_in ? "" : "c");
	if (one_in) w = b_squeeze(cx, w, at);
	int end = snprintf(of_y, sizeof of_y, "n%s", group_letters(&g, g.out, "m"));
	for (int i = 0; i < n_dims; i++) {
		if (strchr(spatial, SPATIAL_NUMBERS[i])) of_y[end++] = SPATIAL_NUMBERS[i];
		if (strchr(spatial, SPATIAL_PLACES[i])) of_w[at++] = SPATIAL_PLACES[i];
		else w = b_squeeze(cx, w, at);
	}
	const Val *y = b_contract(cx, arena_printf(cx->arena, "%s,%.*s->%.*s", of_x, at, of_w, end, of_y), windows, w);
	y = add_bias(n, y, bias, &g, g.n > 1 && !one_out);
	return b_reshape(cx, y, n_dims + 2, shape);
}

static void import_conv(Node *n, const Val **out)
{
	out[0] = convolution(n, node_in(n, 0, "X"), node_in(n, 1, "W"), node_opt(n, 2));
}

/* ---------------------------------------------------------------------------------------------------- ConvTranspose */

/* x with `lo` and `hi` more elements around its spatial dims, or fewer where they are negative. */
static const Val *grown(Ctx *cx, const Val *x, int first, int n, Dims lo, Dims hi)
{
	int rank = x->type->rank;
	const Dim *zero = dim_int(cx, 0);
	const Dim **more_lo = NEWN(cx->arena, const Dim *, rank), **more_hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) more_lo[i] = more_hi[i] = zero;
	for (int i = 0; i < n; i++) {
		const Dim *size = x->type->dims[first + i], *grown_to = dim_add(cx, dim_add(cx, size, lo[i]), hi[i]);
		more_lo[first + i] = dim_max(cx, lo[i], zero);
		more_hi[first + i] = dim_max(cx, hi[i], zero);
		const Dim *cut = dim_sub(cx, more_lo[first + i], lo[i]);
		const Dim *kept = dim_sub(cx, dim_sub(cx, grown_to, more_lo[first + i]), more_hi[first + i]);
		x = b_slice(cx, x, first + i, cut, kept, 1);
	}
	return b_pad(cx, x, more_lo, more_hi, zero_of(cx, x));
}

/* What is cut off the full result at both ends. */
static void transposed_pads(const Node *n, Spatial *s, Dims sizes, const int64_t *extra, const Dim **full)
{
	Ctx *cx = n->cx;
	AutoPad how = spatial_auto_pad(n);
	const int64_t *wanted = spatial_ints(n, "output_shape", s->n, 0), *pads = spatial_ints(n, "pads", 2 * s->n, 0);
	for (int i = 0; i < s->n; i++) {
		const Dim *stride = dim_int(cx, s->stride[i]);
		const Dim *steps = dim_mul(cx, dim_sub(cx, sizes[i], dim_int(cx, 1)), stride);
		full[i] = dim_add(
			cx, steps, dim_int(cx, (s->kernel[i] - 1) * s->dilation[i] + 1 + (extra ? extra[i] : 0)));
		bool same = how == PAD_SAME_UPPER || how == PAD_SAME_LOWER;
		if (!wanted && !same) {
			if (pads && how != PAD_NOTSET && (pads[i] || pads[s->n + i]))
				node_fail(n, "attributes auto_pad and pads are both given");
			s->lo[i] = dim_int(cx, pads ? pads[i] : 0);
			s->hi[i] = dim_int(cx, pads ? pads[s->n + i] : 0);
			continue;
		}
		const Dim *size = wanted ? dim_int(cx, wanted[i]) : dim_mul(cx, sizes[i], stride);
		const Dim *all = dim_sub(cx, full[i], size), *half = dim_floordiv(cx, all, dim_int(cx, 2));
		s->lo[i] = how == PAD_SAME_UPPER ? half : dim_sub(cx, all, half);
		if (dim_hi(all) < 0) s->lo[i] = dim_int(cx, 0); /* zeros are added, after the result */
		s->hi[i] = dim_sub(cx, all, s->lo[i]);
	}
}

/* How a spatial dim of the kernel is split: `rows` windows' places of `phases` outputs each. */
typedef struct {
	int64_t taps, rows, phases;
} Split;

/* One input has every stride: that of the whole kernel leaves one window. */
static Split split_of(const Spatial *s, int i, const Dim *size)
{
	int64_t taps = (s->kernel[i] - 1) * s->dilation[i] + 1;
	if (dim_is(size, 1)) return (Split){taps, 1, taps};
	if (s->stride[i] == 1) return (Split){s->kernel[i], s->kernel[i], 1};
	return (Split){taps, (taps + s->stride[i] - 1) / s->stride[i], s->stride[i]};
}

/* One dim of the kernel with `more` zeros behind each element, or behind all. */
static const Val *add_zeros(Ctx *cx, const Val *w, int axis, int64_t more)
{
	int rank = w->type->rank;
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) lo[i] = hi[i] = dim_int(cx, 0);
	hi[axis] = dim_int(cx, more);
	return b_pad(cx, w, lo, hi, zero_of(cx, w));
}

/* Dim `axis` of the kernel as [rows, phases], the rows in the order of the inputs that they meet. */
static const Val *split_kernel(Ctx *cx, const Val *w, int axis, int64_t size, const Split *split)
{
	if (split->taps > size) { /* dilated */
		int64_t dilation = (split->taps - 1) / (size - 1);
		w = add_zeros(cx, b_unsqueeze(cx, w, axis + 1), axis + 1, dilation - 1);
		w = replace_dims(cx, w, axis, 2, 1, (const Dim *[]){dim_int(cx, size * dilation)});
		w = b_slice(cx, w, axis, dim_int(cx, 0), dim_int(cx, split->taps), 1);
	}
	const Dim *rows = dim_int(cx, split->rows);
	w = add_zeros(cx, w, axis, split->rows * split->phases - split->taps);
	w = replace_dims(cx, w, axis, 1, 2, (const Dim *[]){rows, dim_int(cx, split->phases)});
	return split->rows == 1 ? w : b_slice(cx, w, axis, dim_int(cx, split->rows - 1), rows, -1);
}

static void import_conv_transpose(Node *n, const Val **out)
{
	static const char phases[] = "QRSTUVWXYZuvwxyz";
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *w = node_in(n, 1, "W"), *bias = node_opt(n, 2);
	int n_dims = spatial_rank(n, x, "X");
	want_weights(n, x, w);
	node_same_dim(n, x->type->dims[1], w->type->dims[0], "the channels of X and W");
	Groups g = groups_of(n, x, per_group(n, w->type->dims[0]), w->type->dims[1]);
	Spatial s = {0};
	spatial_kernel(n, &s, n_dims, w->type->dims + 2);
	const Dim *full[MAX_SPATIAL];
	transposed_pads(n, &s, x->type->dims + 2, spatial_ints(n, "output_padding", n_dims, 0), full);

	/* Without a stride the result's ends are cut or grown as those of the input, else afterwards. */
	Split split[MAX_SPATIAL];
	Spatial t = {.n = n_dims};
	const Dim *zero = dim_int(cx, 0), *lo[MAX_SPATIAL], *hi[MAX_SPATIAL], *then_lo[MAX_SPATIAL],
		  *then_hi[MAX_SPATIAL];
	const Dim **shape = NEWN(cx->arena, const Dim *, n_dims + 2);
	bool grows = false;
	for (int i = 0; i < n_dims; i++) {
		const Dim *size = x->type->dims[2 + i];
		split[i] = split_of(&s, i, size);
		t.kernel[i] = split[i].rows;
		t.stride[i] = 1;
		t.dilation[i] = split[i].phases == 1 ? s.dilation[i] : 1;
		const Dim *overlap = dim_int(cx, (t.kernel[i] - 1) * t.dilation[i]);
		lo[i] = hi[i] = overlap;
		shape[2 + i] = dim_mul(cx, dim_add(cx, size, overlap), dim_int(cx, split[i].phases));
		then_lo[i] = dim_sub(cx, zero, s.lo[i]);
		then_hi[i] = dim_sub(cx, dim_sub(cx, full[i], s.hi[i]), shape[2 + i]);
		if (split[i].phases == 1) {
			lo[i] = dim_add(cx, lo[i], then_lo[i]);
			hi[i] = dim_add(cx, hi[i], then_hi[i]);
			shape[2 + i] = dim_add(cx, shape[2 + i], dim_add(cx, then_lo[i], then_hi[i]));
			then_lo[i] = then_hi[i] = zero;
		}
		grows |= dim_hi(then_lo[i]) > 0 || dim_hi(then_hi[i]) > 0;
	}

	char of_x[64] = "nc", of_w[64], of_y[64];
	x = spatial_windows(cx, &t, grown(cx, x, 2, n_dims, lo, hi), of_x);
	x = split_groups(cx, &g, x, 1, g.in);
	const char *spatial = arena_printf(cx->arena, "%s", of_x + 2);
	snprintf(of_x, sizeof of_x, "n%s%s", group_letters(&g, g.in, "c"), spatial);

	w = split_groups(cx, &g, w, 0, g.in);
	bool one_out = g.n > 1 && dim_is(g.out, 1);
	int at = snprintf(of_w, sizeof of_w, "%s%s", group_letters(&g, g.in, "c"), one_out ? "" : "m");
	if (one_out) w = b_squeeze(cx, w, at);
	int end = snprintf(of_y, sizeof of_y, "n%s", group_letters(&g, g.out, "m"));
	for (int i = 0; i < n_dims; i++) {
		w = split_kernel(cx, w, at, s.kernel[i], &split[i]);
		if (strchr(spatial, SPATIAL_NUMBERS[i])) of_y[end++] = SPATIAL_NUMBERS[i];
		if (strchr(spatial, SPATIAL_PLACES[i])) of_w[at++] = SPATIAL_PLACES[i];
		else w = b_squeeze(cx, w, at);
		if (split[i].phases > 1) of_w[at++] = of_y[end++] = phases[i];
		else w = b_squeeze(cx, w, at);
	}
	const Val *y = b_contract(cx, arena_printf(cx->arena, "%s,%.*s->%.*s", of_x, at, of_w, end, of_y), x, w);
	if (!grows) y = add_bias(n, y, bias, &g, g.n > 1 && !one_out);
	shape[0] = x->type->dims[0];
	shape[1] = dim_mul(cx, g.out, dim_int(cx, g.n));
	y = grown(cx, b_reshape(cx, y, n_dims + 2, shape), 2, n_dims, then_lo, then_hi);
	out[0] = grows ? add_bias(n, y, bias, &g, false) : y;
}

#define CONV "auto_pad dilations group kernel_shape pads strides"

const Importer onnx_ops_conv[] = {
	{"", "Conv", 1, 0, CONV, 2, 3, 1, import_conv},
	{"", "ConvTranspose", 1, 0, CONV " output_padding output_shape", 2, 3, 1, import_conv_transpose},
	{.op = NULL},
};
