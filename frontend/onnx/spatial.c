/* spatial.c: windows that slide over spatial dims: the attributes that convolution and pooling share, and the
 * views.
 *
 * The graph is kept as small as can be, because streaming models live on it: nothing is padded by 0, a window of
 * one place is at most a slice with a step, and a window that fills its dim is that dim itself.
 */
#include "frontend/onnx/spatial.h"

#include <string.h>

int spatial_rank(const Node *n, const Val *x, const char *what)
{
	int rank = x->type->rank;
	if (rank < 2 || rank - 2 > MAX_SPATIAL)
		node_fail(n, "input %s: N, C and up to %d spatial dims wanted, %s seen", what, MAX_SPATIAL,
			type_str(n->cx, x->type));
	return rank - 2;
}

const int64_t *spatial_ints(const Node *n, const char *attr, int count, int64_t lo)
{
	const int64_t *values;
	int seen = node_ints(n, attr, &values);
	if (seen < 0) return NULL;
	if (seen != count) node_fail(n, "attribute %s: %d values wanted, %d seen", attr, count, seen);
	for (int i = 0; i < count; i++)
		if (values[i] < lo || values[i] > INT32_MAX)
			node_fail(n, "attribute %s: %lld is not supported", attr, (long long)values[i]);
	return values;
}

AutoPad spatial_auto_pad(const Node *n)
{
	static const char *const words[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
	if (*node_str(n, "auto_pad", "NOTSET") == '\0') return PAD_NOTSET; /* as some writers say it */
	return (AutoPad)node_choice(n, "auto_pad", words);
}

void spatial_kernel(const Node *n, Spatial *s, int count, Dims weights)
{
	const int64_t *kernel = spatial_ints(n, "kernel_shape", count, 1);
	const int64_t *strides = spatial_ints(n, "strides", count, 1),
		      *dilations = spatial_ints(n, "dilations", count, 1);
	if (!kernel && !weights) node_fail(n, "attribute kernel_shape is missing");
	s->n = count;
	for (int i = 0; i < count; i++) {
		int64_t size = kernel ? kernel[i] : 0;
		if (weights && (!dim_is_int(weights[i], &size) || size < 1 || size > INT32_MAX))
			node_fail(n, "weights: a kernel of size %s is not supported", dim_text(n->cx, weights[i]));
		if (kernel && kernel[i] != size)
			node_fail(n, "attribute kernel_shape: %lld in dim %d, but the weights have %lld",
				(long long)kernel[i], i, (long long)size);
		s->kernel[i] = size;
		s->stride[i] = strides ? strides[i] : 1;
		s->dilation[i] = dilations ? dilations[i] : 1;
	}
}

/* From a window's first element to behind its last. */
static const Dim *extent(Ctx *cx, const Spatial *s, int i)
{
	return dim_int(cx, (s->kernel[i] - 1) * s->dilation[i] + 1);
}

/* So much that there are ceil(size / stride) windows. */
static void pad_same(Ctx *cx, Spatial *s, int i, const Dim *size, bool upper)
{
	const Dim *stride = dim_int(cx, s->stride[i]), *one = dim_int(cx, 1);
	const Dim *last = dim_mul(cx, dim_sub(cx, dim_ceildiv(cx, size, stride), one), stride);
	const Dim *all = dim_max(cx, dim_sub(cx, dim_add(cx, last, extent(cx, s, i)), size), dim_int(cx, 0));
	const Dim *less = dim_floordiv(cx, all, dim_int(cx, 2));
	s->lo[i] = upper ? less : dim_sub(cx, all, less);
	s->hi[i] = dim_sub(cx, all, s->lo[i]);
}

/* One more window where the last one would not reach the end, unless it started in the padding there. */
static void round_up(Ctx *cx, Spatial *s, int i, const Dim *size)
{
	const Dim *stride = dim_int(cx, s->stride[i]), *one = dim_int(cx, 1), *before = dim_add(cx, s->lo[i], size);
	const Dim *padded = dim_add(cx, before, s->hi[i]), *room = dim_sub(cx, padded, extent(cx, s, i));
	const Dim *count =
		dim_min(cx, dim_add(cx, dim_ceildiv(cx, room, stride), one), dim_ceildiv(cx, before, stride));
	const Dim *reach = dim_add(cx, dim_mul(cx, dim_sub(cx, count, one), stride), extent(cx, s, i));
	s->size[i] = count;
	s->over[i] = dim_max(cx, dim_sub(cx, reach, padded), dim_int(cx, 0));
}

void spatial_pads(const Node *n, Spatial *s, Dims sizes)
{
	Ctx *cx = n->cx;
	AutoPad how = spatial_auto_pad(n);
	const int64_t *pads = spatial_ints(n, "pads", 2 * s->n, 0);
	bool ceil_mode = node_int(n, "ceil_mode", 0) != 0;
	for (int i = 0; i < s->n; i++) {
		s->lo[i] = dim_int(cx, pads ? pads[i] : 0);
		s->hi[i] = dim_int(cx, pads ? pads[s->n + i] : 0);
		if (how != PAD_NOTSET && !(dim_is(s->lo[i], 0) && dim_is(s->hi[i], 0)))
			node_fail(n, "attributes auto_pad and pads are both given");
		if (how == PAD_SAME_UPPER || how == PAD_SAME_LOWER) pad_same(cx, s, i, sizes[i], how == PAD_SAME_UPPER);
		else if (ceil_mode) round_up(cx, s, i, sizes[i]);
	}
}

/* ---------------------------------------------------------------------------------------------------- views */

static const Val *pad(Ctx *cx, const Spatial *s, const Val *x, int first, const Val *value, bool over)
{
	int rank = x->type->rank;
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		int k = i - first;
		bool is_spatial = k >= 0 && k < s->n;
		lo[i] = is_spatial ? s->lo[k] : dim_int(cx, 0);
		hi[i] = is_spatial ? s->hi[k] : dim_int(cx, 0);
		if (is_spatial && over && s->over[k]) hi[i] = dim_add(cx, hi[i], s->over[k]);
	}
	return b_pad(cx, x, lo, hi, value);
}

const Val *spatial_pad(Ctx *cx, const Spatial *s, const Val *x, int first, const Val *value)
{
	return pad(cx, s, x, first, value, true);
}

const Val *spatial_pad_plain(Ctx *cx, const Spatial *s, const Val *x, int first, const Val *value)
{
	return pad(cx, s, x, first, value, false);
}

static const Dim *window_count(Ctx *cx, const Spatial *s, int i, const Dim *padded)
{
	const Dim *room = dim_sub(cx, padded, extent(cx, s, i));
	return dim_add(cx, dim_floordiv(cx, room, dim_int(cx, s->stride[i])), dim_int(cx, 1));
}

void spatial_sizes(Ctx *cx, const Spatial *s, Dims sizes, const Dim **out)
{
	for (int i = 0; i < s->n; i++) {
		const Dim *padded = dim_add(cx, dim_add(cx, s->lo[i], sizes[i]), s->hi[i]);
		out[i] = s->size[i] ? s->size[i] : window_count(cx, s, i, padded);
	}
}

const Val *spatial_windows(Ctx *cx, const Spatial *s, const Val *x, char letters[64])
{
	size_t first = strlen(letters), end = first + (size_t)s->n;
	const Dim *zero = dim_int(cx, 0);
	char *last = letters + end; /* places */
	for (int i = 0; i < s->n; i++) {
		int axis = (int)first + i;
		const Dim *count = s->size[i] ? s->size[i] : window_count(cx, s, i, x->type->dims[axis]);
		if (dim_is(count, 1)) {
			const Dim *one_window = dim_int(cx, s->kernel[i]);
			x = b_slice(cx, x, axis, zero, one_window, dim_is(one_window, 1) ? 1 : s->dilation[i]);
			letters[axis] = SPATIAL_PLACES[i];
			continue;
		}
		letters[axis] = SPATIAL_NUMBERS[i];
		if (s->kernel[i] == 1) {
			x = b_slice(cx, x, axis, zero, count, s->stride[i]);
			continue;
		}
		x = b_window(cx, x, axis, s->kernel[i], s->stride[i], s->dilation[i]);
		x = b_slice(cx, x, axis, zero, count, 1); /* nothing, but the size as ceil_mode says it */
		*last++ = SPATIAL_PLACES[i];
	}
	*last = '\0';
	return x;
}
