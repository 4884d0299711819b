/* conv.c: windows along the first axis: convolutions and pooling.
 *
 *     conv[n, width](x)     y[t] = b + sum over k of W[:, :, k] x[t*stride + k*dilation - left],  zeros outside of the sequence
 *     maxpool[width](x), avgpool[width](x)     of x[t*stride + k*dilation - left], of what is there
 *
 * There is a window for every element, or for every stride-th: ceil(length / stride) of them, for each example.  So with a stride
 * the result has an axis of its own, one for each axis and stride, and what has the same stride fits together.
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <string.h>

typedef struct {
	int64_t width, stride, dilate, left;
	int n_plain; /* sizes without names */
	int64_t plain[2];
} Windows;

/* [n, width, stride = 1, dilation = 1, left = l]: the last plain size is the width. */
static Windows read_sizes(Elab *e, const ModelCall *c, int n_plain, const char *text)
{
	static const char *const names[] = {"stride", "dilation", "left"};
	int64_t named[3] = {0, 0, -1};
	Windows w = {0};
	for (int i = 0; i < c->n_sizes; i++) {
		const char *name = c->size_names[i];
		int k = 0;
		while (name && k < 3 && strcmp(name, names[k]) != 0) k++;
		if ((!name && w.n_plain == n_plain) || k == 3) fail(e->cx, "%s has the sizes %s", c->name, text);
		if (!name) w.plain[w.n_plain++] = size_number(e, &c->sizes[i], "a size");
		else if (k < 2) named[k] = size_number(e, &c->sizes[i], name);
		else named[k] = value_int(e, &c->sizes[i], name);
	}
	if (w.n_plain < n_plain) fail(e->cx, "%s wants sizes: %s", c->name, text);
	enum { MOST = 1 << 20 };
	w.width = w.plain[n_plain - 1];
	const bool pool = n_plain == 1;
	w.stride = named[0] ? named[0] : pool ? w.width : 1;
	w.dilate = named[1] ? named[1] : 1;
	if (w.width > MOST || w.stride > MOST || w.dilate > MOST)
		fail(e->cx, "%s: sizes are at most %d", c->name, MOST);
	const int64_t reach = w.dilate * (w.width - 1);
	w.left = named[2] >= 0 ? named[2] : pool ? 0 : reach / 2;
	if (w.left > reach || named[2] < -1)
		fail(e->cx, "%s: left is from 0 to %lld, where the window ends at the element itself", c->name,
			(long long)reach);
	return w;
}

/* The axis of every stride-th element: the same for all that have it. */
static const Axis *strided_axis(Elab *e, const Axis *a, int64_t stride, const Dim *size)
{
	Ctx *cx = e->cx;
	if (stride == 1) return a;
	if (a->lengths && a->lengths->lay->n)
		fail(cx, "axis %s differs along %s: take one of those first (for, or a scan over it)", axis_str(e, a),
			axis_str(e, a->lengths->lay->axes[0]));
	if (!a->name) return axis_plain(e, size);
	for (const struct Strided *s = e->model->strided; s; s = s->next)
		if (axis_same(s->of, a) && s->stride == stride) return s->axis;
	Axis *axis = NEW(cx->arena, Axis);
	*axis = (Axis){
		.name = arena_printf(cx->arena, "%s/%lld", a->name, (long long)stride), .size = size, .born = e->at};
	axis->root = axis;
	axis->generated = true;
	if (a->lengths) {
		Value more = value_num((double)(stride - 1)), by = value_num((double)stride);
		more = model_integer(e, &more, ""), by = model_integer(e, &by, "");
		Value up = value_binary(e, OP_EW_add, a->lengths, &more), *lengths = NEW(cx->arena, Value);
		*lengths = model_floor_div(e, &up, &by);
		axis->lengths = lengths;
	}
	struct Strided *s = NEW(cx->arena, struct Strided);
	*s = (struct Strided){a, stride, axis, e->model->strided};
	e->model->strided = s;
	return axis;
}

/* x with `fill` outside of the sequence (it is in the padding), in windows: [contexts, windows, x's other axes, width]. */
static const Val *windows_of(Elab *e, const Windows *w, const Value *x, double fill)
{
	Ctx *cx = e->cx;
	const int rank = x->val->type->rank, at = count_bits(x->lay->over);
	const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) lo[i] = hi[i] = dim_int(cx, 0);
	lo[at] = dim_int(cx, w->left);
	hi[at] = dim_int(cx, w->dilate * (w->width - 1) - w->left);
	Tensor *outside = tensor_new(cx->arena, x->val->type->elem, 0, NULL);
	tensor_set(outside, 0, fill);
	const Val *padded = w->width == 1 ? x->val : b_pad(cx, x->val, lo, hi, val_const(cx, outside));
	return b_window(cx, padded, at, w->width, w->stride, w->dilate);
}

static Value first_axis_of(Elab *e, const ModelCall *c)
{
	Value x = model_float(e, &c->args[0], c->name);
	if (!x.lay->n) fail(e->cx, "%s goes along the first axis, this is a number", c->name);
	for (int i = 1; i < x.lay->n; i++)
		if (x.lay->axes[i]->lengths && x.lay->axes[i]->lengths->lay->n)
			fail(e->cx, "%s: axis %s differs along the first one", c->name, axis_str(e, x.lay->axes[i]));
	return x;
}

Value fn_conv(Elab *e, const ModelCall *c)
{
	Ctx *cx = e->cx;
	const Windows w = read_sizes(e, c, 2, "[n, width], and stride = s, dilation = d, left = l");
	Value x = first_axis_of(e, c);
	if (x.lay->n == 1) x = model_ones(e, &x, 1);
	int64_t n_in;
	if (x.lay->n != 2 || x.lay->axes[1]->name || !dim_is_int(x.lay->axes[1]->size, &n_in))
		fail(cx, "conv wants a sequence of vectors of fixed size, [T, 8], this is %s", layout_str(e, &x));
	const Dim *n = dim_int(cx, w.plain[0]), *shape[] = {n, x.lay->axes[1]->size, dim_int(cx, w.width)};
	Value weight = model_param(e, c->path, "W0", 3, shape, 0, "uniform", NULL, false);
	Value bias = model_param(e, c->path, "b", 1, &n, (double)(n_in * w.width), "uniform", NULL, false);
	x = model_fill_padding(e, &x, 0, 0);
	const Val *parts = windows_of(e, &w, &x, 0);
	const int n_contexts = count_bits(x.lay->over);
	char contexts[MAX_CONTEXTS + 1] = "";
	for (int i = 0; i < n_contexts; i++) contexts[i] = (char)('A' + i);
	const char *spec = arena_printf(cx->arena, "%stck,nck->%stn", contexts, contexts);
	const Val *y = b_contract(cx, spec, parts, weight.val);
	const Axis *axes[] = {strided_axis(e, x.lay->axes[0], w.stride, y->type->dims[n_contexts]), axis_plain(e, n)};
	Value sums = model_tensor(e, y, x.lay->over, 2, axes);
	return value_binary(e, OP_EW_add, &sums, &bias);
}

/* Of the windows' elements, [.., width], along the last. */
static Value pooled(Elab *e, const Windows *w, const Value *given, const char *kind, double fill)
{
	Value x = model_fill_padding(e, given, 0, fill);
	const Val *parts = windows_of(e, w, &x, fill);
	const int last = parts->type->rank - 1;
	const Val *y = b_reduce(e->cx, kind, parts, 1, &last, false);
	const Axis **axes = NEWN(e->cx->arena, const Axis *, x.lay->n);
	for (int i = 1; i < x.lay->n; i++) axes[i] = x.lay->axes[i];
	axes[0] = strided_axis(e, x.lay->axes[0], w->stride, y->type->dims[count_bits(x.lay->over)]);
	return model_tensor(e, y, x.lay->over, x.lay->n, axes);
}

static const char pool_sizes[] = "[width], and stride = s, dilation = d, left = l";

Value fn_maxpool(Elab *e, const ModelCall *c)
{
	const Windows w = read_sizes(e, c, 1, pool_sizes);
	Value x = first_axis_of(e, c);
	return pooled(e, &w, &x, "max", -INFINITY);
}

Value fn_avgpool(Elab *e, const ModelCall *c)
{
	const Windows w = read_sizes(e, c, 1, pool_sizes);
	Value x = first_axis_of(e, c), one = value_num(1);
	one = model_float(e, &one, "");
	const Val *ones = model_expand(e, &one, 0, 1, x.lay->axes);
	Value there = model_tensor(e, ones, 0, 1, x.lay->axes), sum = pooled(e, &w, &x, "sum", 0);
	there = pooled(e, &w, &there, "sum", 0);
	there = model_ones(e, &there, x.lay->n - 1);
	return value_binary(e, OP_EW_div, &sum, &there);
}
