/* model_fn.c: the functions of models, and calls.
 *
 * A name in front of ( ) is, in this order: a cell or def of the text, a function of the table below, an element-wise
 * primitive (ir/prim.def), or an operator of the library (frontend/ops) that is element-wise, such as gelu or lstm_update:
 * those work on any axes as they stand.  Reductions (sum mean max min last) take the first axis, the one that sequences
 * have; softmax, argmax, norm, lin and cat the last one, the features.
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <string.h>

int64_t size_number(Elab *e, const Value *v, const char *what)
{
	if (v->kind != V_NUM)
		fail(e->cx, "%s must be a number known at compile time, this is %s", what, value_str_of(e, v));
	int64_t n = value_int(e, v, what);
	if (n < 1 || n > INT64_C(1) << 31)
		fail(e->cx, "%s must be %s, this is %s", what, n < 1 ? "1 or more" : "2^31 or less",
			value_str_of(e, v));
	return n;
}

static Value operand(Elab *e, const ModelCall *c, int i) { return model_float(e, &c->args[i], c->name); }

/* With an axis at least: a number is [1]. */
static Value features(Elab *e, const Value *v, const char *what)
{
	if (v->kind == V_TENSOR && v->val->type->elem == I64)
		fail(e->cx, "%s takes numbers, these are the classes of `in K`: use embed[K, n](..) or onehot[K](..)",
			what);
	Value x = model_float(e, v, what);
	return x.lay->n ? x : model_ones(e, &x, 1);
}

static const Axis *last_axis(Elab *e, const Value *x, const char *what)
{
	if (!x->lay->n) fail(e->cx, "%s works along the last axis, this is a number", what);
	return x->lay->axes[x->lay->n - 1];
}

static void want_plain(Elab *e, const Axis *a, const char *what)
{
	if (a->name) fail(e->cx, "%s wants a last axis of fixed size, this is axis %s", what, axis_str(e, a));
}

/* ------------------------------------------------------------------------------------------------ products with weights */

static Value products(Elab *e, const ModelCall *c, const Dim *n_out, bool bias, int64_t rank)
{
	Ctx *cx = e->cx;
	Value sum = {.kind = V_NONE};
	int64_t fan_in = 0;
	int n = 0;
	for (int i = 0; i < c->n_args; i++) {
		Value x = features(e, &c->args[i], c->name);
		const Axis *in = last_axis(e, &x, c->name);
		int64_t size;
		if (in->name || !dim_is_int(in->size, &size))
			fail(cx, "%s wants features of fixed size as last axis, this is %s", c->name,
				layout_str(e, &x));
		fan_in += size;
		const Dim *middle = rank ? dim_int(cx, rank) : n_out;
		Value w = model_param(e, c->path, arena_printf(cx->arena, "W%d", n++), 2,
			(const Dim *[]){middle, in->size}, 0, "uniform", NULL, false);
		Value y = model_contract(e, &x, &w, 1);
		if (rank) {
			Value u = model_param(e, c->path, arena_printf(cx->arena, "W%d", n++), 2,
				(const Dim *[]){n_out, middle}, 0, "uniform", NULL, false);
			y = model_contract(e, &y, &u, 1);
		}
		sum = sum.kind == V_NONE ? y : value_binary(e, OP_EW_add, &sum, &y);
	}
	if (!bias) return sum;
	Value b = model_param(e, c->path, "b", 1, &n_out, (double)fan_in, "uniform", NULL, false);
	return value_binary(e, OP_EW_add, &sum, &b);
}

/* [n, rank = r as name] */
static Value weighted(Elab *e, const ModelCall *c, bool bias)
{
	int64_t rank = 0;
	const Value *n = NULL;
	for (int i = 0; i < c->n_sizes; i++) {
		if (c->size_names[i] && !strcmp(c->size_names[i], "rank")) rank = size_number(e, &c->sizes[i], "rank");
		else if (!c->size_names[i] && !n) n = &c->sizes[i];
		else fail(e->cx, "%s has one size, %s[n], and rank = r", c->name, c->name);
	}
	if (!n) fail(e->cx, "%s wants a size: %s[n](x)", c->name, c->name);
	if (!c->n_args) fail(e->cx, "%s of nothing", c->name);
	return products(e, c, dim_int(e->cx, size_number(e, n, "the size")), bias, rank);
}

static Value fn_lin(Elab *e, const ModelCall *c) { return weighted(e, c, true); }
static Value fn_mul(Elab *e, const ModelCall *c) { return weighted(e, c, false); }

static const Value *sizes(Elab *e, const ModelCall *c, int n, const char *text)
{
	if (c->n_sizes != n) fail(e->cx, "%s wants %d size%s: %s", c->name, n, n == 1 ? "" : "s", text);
	for (int i = 0; i < n; i++) size_number(e, &c->sizes[i], "a size");
	return c->sizes;
}

static void want_classes(Elab *e, const Value *x, const Dim *n, const char *what)
{
	if (x->classes && dim_lo(dim_sub(e->cx, x->classes, n)) > 0)
		fail(e->cx, "%s has %s rows, the classes are %s", what, axis_str(e, axis_plain(e, n)),
			axis_str(e, axis_plain(e, x->classes)));
}

static Value fn_embed(Elab *e, const ModelCall *c)
{
	const Value *s = sizes(e, c, 2, "embed[V, n](x)");
	const Dim *dims[] = {dim_int(e->cx, (int64_t)s[0].num), dim_int(e->cx, (int64_t)s[1].num)};
	Value x = model_integer(e, &c->args[0], "what embed takes");
	want_classes(e, &x, dims[0], "the table of embed");
	x.axis = NULL;
	Value table = model_param(e, c->path, "E", 2, dims, 0, "uniform", NULL, false);
	return model_at(e, &table, &x);
}

static Value fn_onehot(Elab *e, const ModelCall *c)
{
	const Value *s = sizes(e, c, 1, "onehot[V](x)");
	const Dim *n = dim_int(e->cx, (int64_t)s[0].num);
	Value x = model_integer(e, &c->args[0], "what onehot takes");
	want_classes(e, &x, n, "onehot");
	const Axis *axis = axis_plain(e, n);
	x = model_ones(e, &x, 1);
	Value index = model_tensor(e, b_iota(e->cx, I64, 1, &n, 0), 0, 1, &axis);
	Value hot = value_binary(e, OP_EW_eq, &x, &index);
	return model_float(e, &hot, "onehot");
}

static Value fn_norm(Elab *e, const ModelCall *c)
{
	Value x = operand(e, c, 0);
	const Axis *a = last_axis(e, &x, "norm");
	want_plain(e, a, "norm");
	Value gain = model_param(e, c->path, "gain", 1, &a->size, 0, "ones", NULL, false);
	Value bias = model_param(e, c->path, "bias", 1, &a->size, 0, "zeros", NULL, false);
	const Val *args[] = {x.val, gain.val, bias.val}, *results[MAX_RESULTS];
	lib_call(e->cx, "layer_norm", 3, args, 0, NULL, MAX_RESULTS, results);
	return model_tensor(e, results[0], x.lay->over, x.lay->n, x.lay->axes);
}

/* ------------------------------------------------------------------------------------------------ along the last axis */

static Value along_last(Elab *e, const ModelCall *c, const char *op, double padding)
{
	Value x = operand(e, c, 0);
	last_axis(e, &x, c->name);
	int last = x.lay->n - 1;
	Value real = model_fill_padding(e, &x, last, -INFINITY);
	const Val *y[MAX_RESULTS];
	lib_call(e->cx, op, 1, &real.val, 0, NULL, MAX_RESULTS, y);
	Value v = model_tensor(e, y[0], real.lay->over, x.lay->n, x.lay->axes);
	return model_fill_padding(e, &v, last, padding);
}
static Value fn_softmax(Elab *e, const ModelCall *c) { return along_last(e, c, "softmax", 0); }
static Value fn_logsoftmax(Elab *e, const ModelCall *c) { return along_last(e, c, "log_softmax", 0); }

Value model_log_softmax(Elab *e, const Value *x)
{
	ModelCall c = {.name = "generate", .n_args = 1, .args = {*x}};
	return along_last(e, &c, "log_softmax", -INFINITY);
}

static Value arg_extreme(Elab *e, const Value *given, const char *what, const char *kind, double padding)
{
	Value x = model_float(e, given, what);
	const Axis *a = last_axis(e, &x, what);
	Value real = model_fill_padding(e, &x, x.lay->n - 1, padding);
	Value y = model_tensor(e, b_argreduce(e->cx, kind, real.val, real.val->type->rank - 1, false), real.lay->over,
		x.lay->n - 1, x.lay->axes);
	y.classes = a->size;
	return y;
}
Value model_argmax(Elab *e, const Value *x, const char *what) { return arg_extreme(e, x, what, "max", -INFINITY); }
static Value fn_argmax(Elab *e, const ModelCall *c) { return model_argmax(e, &c->args[0], c->name); }
static Value fn_argmin(Elab *e, const ModelCall *c) { return arg_extreme(e, &c->args[0], c->name, "min", INFINITY); }

static Value fn_cat(Elab *e, const ModelCall *c)
{
	Ctx *cx = e->cx;
	int n = c->n_args;
	Value *xs = NEWN(cx->arena, Value, n + 1), *leads = NEWN(cx->arena, Value, n + 1);
	const Dim *size = dim_int(cx, 0);
	for (int i = 0; i < n; i++) {
		xs[i] = features(e, &c->args[i], "cat");
		const Axis *a = last_axis(e, &xs[i], "cat");
		want_plain(e, a, "cat");
		size = dim_add(cx, size, a->size);
		leads[i] = model_tensor(e, xs[i].val, xs[i].lay->over, xs[i].lay->n - 1, xs[i].lay->axes);
	}
	if (!n) fail(cx, "cat of nothing");
	Axes join = model_join(e, n, leads);
	const Axis **axes = NEWN(cx->arena, const Axis *, join.n + 1);
	const Val **parts = NEWN(cx->arena, const Val *, n);
	for (int i = 0; i < join.n; i++) axes[i] = join.axes[i];
	for (int i = 0; i < n; i++) {
		axes[join.n] = last_axis(e, &xs[i], "cat");
		parts[i] = model_expand(e, &xs[i], join.over, join.n + 1, axes);
	}
	axes[join.n] = axis_plain(e, size);
	return model_tensor(e, b_concat(cx, n, parts, parts[0]->type->rank - 1), join.over, join.n + 1, axes);
}

static Value last_slice(Elab *e, const Value *x, const Dim *start, const Dim *size)
{
	const Axis **axes = NEWN(e->cx->arena, const Axis *, x->lay->n);
	for (int i = 0; i < x->lay->n; i++) axes[i] = x->lay->axes[i];
	axes[x->lay->n - 1] = axis_plain(e, size);
	return model_tensor(
		e, b_slice(e->cx, x->val, x->val->type->rank - 1, start, size, 1), x->lay->over, x->lay->n, axes);
}

static Value fn_split(Elab *e, const ModelCall *c)
{
	Ctx *cx = e->cx;
	Value x = operand(e, c, 0);
	const Axis *a = last_axis(e, &x, "split");
	want_plain(e, a, "split");
	const Dim **parts;
	int n;
	if (c->args[1].kind == V_LIST) {
		n = value_as_dims(e, &c->args[1], "a size", &parts);
		const Dim *sum = dim_int(cx, 0);
		for (int i = 0; i < n; i++) sum = dim_add(cx, sum, parts[i]);
		if (sum != a->size)
			fail(cx, "split: the sizes add up to %s, the last axis is %s", axis_str(e, axis_plain(e, sum)),
				axis_str(e, a));
	} else {
		int64_t k = size_number(e, &c->args[1], "the number of parts");
		const Dim *part = k <= 4096 ? dim_div_exact(cx, a->size, dim_int(cx, k)) : NULL;
		if (!part) fail(cx, "split: an axis of %s does not divide into %lld", axis_str(e, a), (long long)k);
		n = (int)k;
		parts = NEWN(cx->arena, const Dim *, n);
		for (int i = 0; i < n; i++) parts[i] = part;
	}
	Value *items = NEWN(cx->arena, Value, n + 1);
	const Dim *at = dim_int(cx, 0);
	for (int i = 0; i < n; i++) {
		items[i] = last_slice(e, &x, at, parts[i]);
		at = dim_add(cx, at, parts[i]);
	}
	return (Value){.kind = V_LIST, .n = n, .items = items};
}

/* y[i] = x[i - k] around the axis */
static Value fn_roll(Elab *e, const ModelCall *c)
{
	Value x = operand(e, c, 0);
	const Axis *a = last_axis(e, &x, "roll");
	int64_t n, k = value_int(e, &c->args[1], "the distance of roll");
	want_plain(e, a, "roll");
	if (!dim_is_int(a->size, &n)) fail(e->cx, "roll wants an axis of fixed size");
	k = ((k % n) + n) % n;
	if (!k) return x;
	Value front = last_slice(e, &x, dim_int(e->cx, n - k), dim_int(e->cx, k)),
	      back = last_slice(e, &x, dim_int(e->cx, 0), dim_int(e->cx, n - k));
	const Val *parts[] = {front.val, back.val};
	return model_tensor(e, b_concat(e->cx, 2, parts, x.val->type->rank - 1), x.lay->over, x.lay->n, x.lay->axes);
}

/* ------------------------------------------------------------------------------------------------ of two */

static Value fn_dot(Elab *e, const ModelCall *c)
{
	Value a = operand(e, c, 0), b = operand(e, c, 1);
	last_axis(e, &a, "dot");
	last_axis(e, &b, "dot");
	bool weights = !a.lay->over || !b.lay->over;
	if (weights && a.lay->n == 1) return model_contract(e, &b, &a, 0);
	if (weights && b.lay->n == 1) return model_contract(e, &a, &b, 0);
	Value ab = value_binary(e, OP_EW_mul, &a, &b);
	return model_reduce(e, "sum", &ab, ab.lay->n - 1);
}

static Value fn_cosine(Elab *e, const ModelCall *c)
{
	ModelCall aa = *c, bb = *c;
	aa.args[1] = c->args[0];
	bb.args[0] = c->args[1];
	Value ab = fn_dot(e, c), a2 = fn_dot(e, &aa), b2 = fn_dot(e, &bb), tiny = value_num(1e-8);
	Value norms = value_binary(e, OP_EW_mul, &a2, &b2), n = value_ew(e, OP_EW_sqrt, 1, &norms);
	Value bounded = value_binary(e, OP_EW_max, &n, &tiny);
	return value_binary(e, OP_EW_div, &ab, &bounded);
}

static Value fn_outer(Elab *e, const ModelCall *c)
{
	Value a = operand(e, c, 0), b = operand(e, c, 1);
	if (a.lay->n != 1 || b.lay->n != 1)
		fail(e->cx, "outer wants two vectors, not %s and %s", layout_str(e, &a), layout_str(e, &b));
	a = model_ones(e, &a, 1);
	return value_binary(e, OP_EW_mul, &a, &b);
}

Value model_matmul(Elab *e, const Value *l, const Value *r)
{
	Value a = model_float(e, l, "the left side of @"), b = model_float(e, r, "the right side of @");
	last_axis(e, &a, "@");
	last_axis(e, &b, "@");
	if (a.lay->n > 2 || b.lay->n > 2)
		fail(e->cx, "@ multiplies matrices and vectors: %s @ %s", layout_str(e, &a), layout_str(e, &b));
	return model_contract(e, &a, &b, b.lay->n == 2 ? 0 : b.lay->n - 1);
}

/* ------------------------------------------------------------------------------------------------ along the first axis */

static Value reduce_first(Elab *e, const ModelCall *c, const char *kind)
{
	Value x = operand(e, c, 0);
	if (!x.lay->n) fail(e->cx, "%s goes along the first axis, this is a number", c->name);
	return strcmp(kind, "mean") ? model_reduce(e, kind, &x, 0) : model_mean(e, &x, 0);
}
static Value fn_sum(Elab *e, const ModelCall *c) { return reduce_first(e, c, "sum"); }
static Value fn_mean(Elab *e, const ModelCall *c) { return reduce_first(e, c, "mean"); }

static Value extreme(Elab *e, const ModelCall *c, const char *kind, Op op)
{
	return c->n_args == 2 ? value_ew(e, op, 2, c->args) : reduce_first(e, c, kind);
}
static Value fn_max(Elab *e, const ModelCall *c) { return extreme(e, c, "max", OP_EW_max); }
static Value fn_min(Elab *e, const ModelCall *c) { return extreme(e, c, "min", OP_EW_min); }

static Value fn_last(Elab *e, const ModelCall *c)
{
	Value x = model_value(e, &c->args[0], "last"), one = value_num(1);
	if (!x.lay->n) fail(e->cx, "last takes the first axis, this is a number");
	if (x.last) return *x.last;
	const Axis *a = x.lay->axes[0];
	Value n = a->lengths ? *a->lengths : value_dim(e->cx, a->size), at = value_binary(e, OP_EW_sub, &n, &one);
	if (a->lengths) return model_at(e, &x, &at);
	return model_at_dim(e, &x, dim_sub(e->cx, a->size, dim_int(e->cx, 1)));
}

static Value fn_len(Elab *e, const ModelCall *c)
{
	if (c->args[0].kind == V_LIST) return value_num(c->args[0].n);
	if (c->args[0].kind != V_TENSOR || !c->args[0].lay->n)
		fail(e->cx, "len is of the first axis, this is %s", value_str_of(e, &c->args[0]));
	return (Value){.kind = V_AXIS, .axis = c->args[0].lay->axes[0]};
}

/* The element before each, `first` before them all.  For the step it is a recurrence that carries one element. */
static Value fn_shift(Elab *e, const ModelCall *c)
{
	Ctx *cx = e->cx;
	Value x = model_value(e, &c->args[0], "what is shifted");
	if (!x.lay->n) fail(cx, "shift goes along the first axis, this is a number");
	Value first = x.val->type->elem == I64 ? model_integer(e, &c->args[1], "what stands first")
					       : model_float(e, &c->args[1], "what stands first");
	const Val *xs = model_axis_first(e, &x, 0);
	const Dim *n = xs->type->dims[0], *one = dim_int(cx, 1);
	if (first.lay->n >= x.lay->n) fail(cx, "what stands first is %s, an element is smaller", layout_str(e, &first));
	const Val *start = model_expand(e, &first, x.lay->over, x.lay->n - 1, x.lay->axes + 1), *y;
	if (e->model->streaming) {
		const Type *t = start->type;
		const Val *params[] = {val_param(cx, 0, t), val_param(cx, 1, t)}, *results[] = {params[1], params[0]},
			  *args[] = {start, xs};
		const Graph *body = graph_new(cx, "shift", 2, params, (const char *[]){"before", "x"}, 2, results,
			(const char *[]){"before'", "y"});
		y = val_get(cx, b_scan(cx, body, 0, 1, 2, args, n, false), 1);
	} else {
		const Val *parts[] = {
			b_unsqueeze(cx, start, 0), b_slice(cx, xs, 0, dim_int(cx, 0), dim_sub(cx, n, one), 1)};
		y = b_concat(cx, 2, parts, 0);
	}
	Value v = model_axis_from_first(e, y, x.lay->axes[0], x.lay->over, x.lay->n - 1, x.lay->axes + 1);
	v.classes = x.classes;
	return v;
}

/* ------------------------------------------------------------------------------------------------ others */

/* Training only: at inference the value itself. */
static Value fn_drop(Elab *e, const ModelCall *c)
{
	if (c->args[1].kind != V_NUM || !(c->args[1].num >= 0 && c->args[1].num < 1))
		fail(e->cx, "drop(x, p) wants a probability, this is %s", value_str_of(e, &c->args[1]));
	if (c->n_args == 3 && (c->args[2].kind != V_STR || strcmp(c->args[2].str, "shared")))
		fail(e->cx, "the third argument of drop is the word shared");
	return c->args[0];
}
static Value fn_same(Elab *e, const ModelCall *c)
{
	(void)e;
	return c->args[0];
}
static Value fn_range(Elab *e, const ModelCall *c) { return builtin_call(e, "range", c->n_args, c->args, NULL); }

/* ------------------------------------------------------------------------------------------------ the table */

static const struct ModelFn {
	const char *name;
	int min_args, max_args; /* -1: any */
	bool sized;
	OwnerKind owner; /* N_OWNERS: it has no parameters */
	Value (*fn)(Elab *, const ModelCall *);
} functions[] = {
	{"argmax", 1, 1, false, N_OWNERS, fn_argmax}, /* (x): of the last axis: its index, of equals the first */
	{"argmin", 1, 1, false, N_OWNERS, fn_argmin},
	{"avgpool", 1, 1, true, N_OWNERS, fn_avgpool}, /* [width, stride = s, left = l](x): first axis */
	{"cat", 1, -1, false, N_OWNERS, fn_cat},       /* (a, b, ...) along the last axis; numbers are [1] */
	{"conv", 1, 1, true, OWNER_PRODUCT,
		fn_conv}, /* [n, width, stride = s, dilation = d, left = l](x): first axis */
	{"cosine", 2, 2, false, N_OWNERS, fn_cosine}, /* (a, b) = a.b / max(|a| |b|, 1e-8), last axis */
	{"dot", 2, 2, false, N_OWNERS, fn_dot},       /* (a, b): sum of products over the last axis */
	{"drop", 2, 3, false, N_OWNERS, fn_drop},     /* (x, p) or (x, p, shared): dropout, in training only */
	{"embed", 1, 1, true, OWNER_TABLE, fn_embed}, /* [V, n](ids): rows of a table; ids outside read as zeros */
	{"last", 1, 1, false, N_OWNERS, fn_last},     /* (x): the last real element of the first axis */
	{"len", 1, 1, false, N_OWNERS, fn_len}, /* (x): the first axis, for `for i in len(x)`; of a list its length */
	{"lin", 1, -1, true, OWNER_PRODUCT, fn_lin}, /* [n](a, b, ...) = W0 a + W1 b + ... + b, on the last axis */
	{"logsoftmax", 1, 1, false, N_OWNERS, fn_logsoftmax}, /* (x), last axis */
	{"max", 1, 2, false, N_OWNERS, fn_max},               /* (x): of the first axis; (a, b): the larger */
	{"maxpool", 1, 1, true, N_OWNERS, fn_maxpool},        /* as avgpool */
	{"mean", 1, 1, false, N_OWNERS, fn_mean},             /* (x): of the first axis */
	{"min", 1, 2, false, N_OWNERS, fn_min},
	{"mul", 1, -1, true, OWNER_PRODUCT, fn_mul}, /* [n](a, b, ...): lin without bias; [n, rank = r]: of low rank */
	{"nograd", 1, 1, false, N_OWNERS, fn_same},  /* (x): x; no gradient flows */
	{"norm", 1, 1, false, OWNER_NORM, fn_norm},  /* (x): layer norm of the last axis, with gain and bias */
	{"onehot", 1, 1, true, N_OWNERS, fn_onehot}, /* [V](ids) */
	{"outer", 2, 2, false, N_OWNERS, fn_outer},  /* (a, b): [n, m] of two vectors */
	{"range", 1, 2, false, N_OWNERS, fn_range},  /* (n), (a, b): a list, for unroll */
	{"roll", 2, 2, false, N_OWNERS, fn_roll},    /* (x, k): y[i] = x[i - k], around the last axis */
	{"shift", 2, 2, false, N_OWNERS, fn_shift},  /* (x, a): a, x[0], x[1], ...: the element before each */
	{"softmax", 1, 1, false, N_OWNERS, fn_softmax}, /* (x), last axis */
	{"split", 2, 2, false, N_OWNERS, fn_split},     /* (x, n) or (x, [sizes]): parts of the last axis */
	{"sum", 1, 1, false, N_OWNERS, fn_sum},         /* (x): of the first axis */
};

static const struct ModelFn *find(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (!strcmp(functions[i].name, name)) return &functions[i];
	return NULL;
}

/* Names that papers use for primitives. */
static const char *alias_of(const char *name) { return !strcmp(name, "sigm") ? "sigmoid" : name; }

bool model_fn_has(const char *name)
{
	return find(name) || solver_has(name) || train_fn_has(name) || !strcmp(name, "sigm");
}

void model_fn_each(void (*each)(void *user, const char *name), void *user)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) each(user, functions[i].name);
	solver_each(each, user);
	each(user, "sigm");
}

/* An operator of the library on all axes at once, where it is element-wise. */
static bool is_elementwise(Ctx *cx, const Val *v)
{
	if (v->op == OP_get && v->args[0]->op == OP_call) {
		const Graph *g = val_body(v->args[0], 0);
		Order order = graph_order(cx->arena, g);
		for (int i = 0; i < order.n; i++) {
			Op op = order.vals[i]->op;
			if (!op_info[op].is_ew && op != OP_param && op != OP_const && op != OP_expand && op != OP_get &&
				op != OP_call)
				return false;
		}
		return true;
	}
	return op_info[v->op].is_ew;
}

static Value call_operator(Elab *e, const OpDecl *op, const ModelCall *c)
{
	Ctx *cx = e->cx;
	Value xs[MAX_ARGS] = {0};
	LibAttr attrs[MAX_ARGS];
	const Val *args[MAX_ARGS], *results[MAX_RESULTS];
	int n = 0, n_attrs = 0;
	for (int i = 0; i < c->n_args; i++) {
		if (!c->names[i]) {
			xs[n] = operand(e, c, i);
			n++;
			continue;
		}
		if (c->args[i].kind != V_NUM) fail(cx, "%s of %s must be a number", c->names[i], c->name);
		attrs[n_attrs++] = (LibAttr){.name = c->names[i], .kind = LIB_NUM, .num = c->args[i].num};
	}
	Axes join = model_join(e, n, xs);
	for (int i = 0; i < n; i++) args[i] = model_expand(e, &xs[i], join.over, join.n, join.axes);
	int n_results = lib_call(cx, op->name, n, args, n_attrs, attrs, MAX_RESULTS, results);
	Value out[MAX_RESULTS];
	for (int i = 0; i < n_results; i++) {
		if (!is_elementwise(cx, results[i]))
			fail(cx, "the operator %s is of whole arrays; models call element-wise ones", op->name);
		out[i] = model_tensor(e, results[i], join.over, join.n, join.axes);
	}
	return n_results == 1 ? out[0] : value_list(cx, n_results, out);
}

static Value call_plain(Elab *e, ModelCall *c)
{
	const struct ModelFn *fn = find(c->name);
	Op op;
	const char *primitive = alias_of(c->name);
	if (c->n_states) fail(e->cx, "%s is no cell: it has no states", c->name);
	if (solver_has(c->name)) return solver_call(e, c);
	if (train_fn_has(c->name)) return train_fn_call(e, c);
	if (fn) {
		for (int i = 0; i < c->n_args; i++)
			if (c->names[i]) fail(e->cx, "%s has no argument called %s", c->name, c->names[i]);
		if (c->n_args < fn->min_args || (fn->max_args >= 0 && c->n_args > fn->max_args))
			fail(e->cx, "%s takes %d%s operand%s, not %d", c->name, fn->min_args,
				fn->max_args < 0 ? " or more" : "", fn->min_args == 1 ? "" : "s", c->n_args);
		if (!fn->sized && c->n_sizes) fail(e->cx, "%s has no sizes in [ ]", c->name);
		return fn->fn(e, c);
	}
	if (c->n_sizes)
		fail(e->cx, "no cell, def or function with sizes is called %s%s", c->name,
			did_you_mean(e, c->name, true));
	if (op_parse(primitive, &op) && op_info[op].is_ew && op != OP_EW_cast) {
		if (c->n_args != op_info[op].n_args)
			fail(e->cx, "%s takes %d operand%s, not %d", c->name, op_info[op].n_args,
				op_info[op].n_args == 1 ? "" : "s", c->n_args);
		return value_ew(e, op, c->n_args, c->args);
	}
	const OpDecl *decl = library_find(e->lib, c->name);
	if (!decl) fail(e->cx, "no cell, def or function is called %s%s", c->name, did_you_mean(e, c->name, true));
	return call_operator(e, decl, c);
}

Value model_call(Elab *e, const Node *node)
{
	if (node->n > MAX_ARGS) fail(e->cx, "more than %d arguments", MAX_ARGS);
	ModelCall *c = NEW(e->cx->arena, ModelCall);
	*c = (ModelCall){.node = node, .name = node->text};
	const Value *fn = elab_lookup(e->frame, c->name, true);
	const struct ModelFn *own = fn ? NULL : find(c->name);
	bool use = (fn && fn->kind == V_CLOSURE) || solver_has(c->name);
	OwnerKind owner = use ? OWNER_USE : own ? own->owner : N_OWNERS;
	if (owner != N_OWNERS) c->path = owner_path(e, owner, node->alias);
	else if (node->alias) fail(e->cx, "%s has no parameters to be named", c->name);
	int n_args = node->n - node->n_sizes - node->n_states;
	Span at = e->at;
	for (int i = 0; i < node->n; i++) {
		Value v = elab_expr(e, node->kids[i]);
		if (i < n_args) {
			c->names[c->n_args] = node->names[i];
			c->args[c->n_args++] = v;
		} else if (i < n_args + node->n_sizes) {
			c->size_names[c->n_sizes] = node->names[i];
			c->sizes[c->n_sizes++] = v;
		} else c->states[c->n_states++] = v;
	}
	e->at = at;
	if (fn && fn->kind == V_CLOSURE) return model_call_fn(e, fn->fn, c);
	if (fn) c->name = fn->str;
	return call_plain(e, c);
}
