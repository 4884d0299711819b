/* axes.c: what the dims of a model's values are: contexts and axes (model.h), brought into line for each operation, and the
 * masks of ragged axes.
 *
 * Masks select; they never multiply, because NaN * 0 is NaN.
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int count_bits(uint64_t bits)
{
	int n = 0;
	for (; bits; bits &= bits - 1) n++;
	return n;
}

/* ------------------------------------------------------------------------------------------------ axes */

const Axis *axis_plain(Elab *e, const Dim *size)
{
	Axis *a = NEW(e->cx->arena, Axis);
	*a = (Axis){.size = size};
	a->root = a;
	return a;
}

bool axis_is(const Axis *a, int64_t size) { return !a->name && dim_is(a->size, size); }

bool axis_same(const Axis *a, const Axis *b)
{
	if (a->root == b->root) {
		const Value *l = a->lengths, *r = b->lengths;
		return l == r || (l && r && l->val == r->val);
	}
	return !a->name && !b->name && a->size == b->size;
}

static const char *dim_str(Elab *e, const Dim *d)
{
	Buf out;
	buf_init(&out, e->cx->arena);
	dim_print(&out, d);
	return out.text;
}

const char *axis_str(Elab *e, const Axis *a)
{
	if (!a->name) return dim_str(e, a->size);
	return arena_printf(e->cx->arena, "%s (from %s)", a->name, span_str(e->cx, a->root->born));
}

const char *layout_str(Elab *e, const Value *v)
{
	Buf out;
	buf_init(&out, e->cx->arena);
	buf_puts(&out, "[");
	for (int i = 0; i < v->lay->n; i++) {
		const Axis *a = v->lay->axes[i];
		buf_printf(&out, "%s%s", i ? ", " : "", a->name ? a->name : dim_str(e, a->size));
	}
	buf_puts(&out, "]");
	return out.text;
}

int value_n_axes(const Value *v) { return v->kind == V_TENSOR ? v->lay->n : 0; }

const Axis *value_axis_at(const Value *v, int axis) { return v->lay->axes[axis]; }

const Dim *context_size(const Elab *e, int bit) { return e->model->contexts[bit].size; }

/* ------------------------------------------------------------------------------------------------ values */

/* The dims of contexts and axes, in order. */
static int layout_dims(Elab *e, uint64_t over, int n, const Axis *const *axes, const Dim ***out)
{
	int rank = 0;
	*out = NEWN(e->cx->arena, const Dim *, MAX_CONTEXTS + n + 1);
	for (int b = 0; b < MAX_CONTEXTS; b++)
		if (over >> b & 1) (*out)[rank++] = context_size(e, b);
	for (int i = 0; i < n; i++) (*out)[rank++] = axes[i]->size;
	return rank;
}

Value model_tensor(Elab *e, const Val *val, uint64_t over, int n, const Axis *const *axes)
{
	Axes *lay = NEW(e->cx->arena, Axes);
	*lay = (Axes){over, n, NULL};
	if (n) lay->axes = arena_copy(e->cx->arena, axes, sizeof(*axes) * (size_t)n);
	return (Value){.kind = V_TENSOR, .val = val, .lay = lay};
}

bool model_takes(int n, const Value *args)
{
	bool yes = false;
	for (int i = 0; i < n; i++) yes |= args[i].kind == V_TENSOR || args[i].kind == V_AXIS;
	return yes;
}

/* How much of the axis is real, as a number to compute with. */
static Value axis_extent(Elab *e, const Axis *a)
{
	if (a->lengths && !e->model->sizes_only) return *a->lengths;
	return value_dim(e->cx, a->size);
}

Value model_value(Elab *e, const Value *v, const char *what)
{
	Value x = v->kind == V_AXIS ? axis_extent(e, v->axis) : *v;
	if (x.kind == V_ERROR) e->model->follow_up = true;
	if (x.kind == V_TENSOR) return x;
	if (x.kind == V_NUM || x.kind == V_DIM) return model_tensor(e, value_as_elem(e, &x, F32), 0, 0, NULL);
	if (x.kind == V_LIST) {
		const Val *val = value_as_elem(e, &x, F32);
		int n = val->type->rank;
		const Axis **axes = NEWN(e->cx->arena, const Axis *, n + 1);
		for (int i = 0; i < n; i++) axes[i] = axis_plain(e, val->type->dims[i]);
		return model_tensor(e, val, 0, n, axes);
	}
	fail(e->cx, "%s must be a tensor or a number, this is %s", what, value_str_of(e, &x));
}

static Value model_cast(Elab *e, Value v, Elem elem)
{
	v.val = b_cast(e->cx, v.val, elem);
	v.classes = NULL;
	return v;
}

Value model_float(Elab *e, const Value *v, const char *what)
{
	Value x = model_value(e, v, what);
	return x.val->type->elem == F32 ? x : model_cast(e, x, F32);
}

Value model_integer(Elab *e, const Value *v, const char *what)
{
	Value n = v->kind == V_AXIS ? axis_extent(e, v->axis) : *v;
	if (n.kind == V_NUM) return model_tensor(e, b_scalar_int(e->cx, I64, value_int(e, &n, what)), 0, 0, NULL);
	if (n.kind == V_DIM) return model_tensor(e, b_dim(e->cx, n.dim), 0, 0, NULL);
	Value x = model_value(e, &n, what);
	if (x.val->type->elem != I64)
		fail(e->cx, "%s must be integers, declared as in x[T] in K; this is %s", what, value_str_of(e, &x));
	return x;
}

const Val *model_widen(Elab *e, const Value *v, uint64_t over, int n)
{
	const Type *t = v->val->type;
	const Dim **dims = NEWN(e->cx->arena, const Dim *, MAX_CONTEXTS + n + 1), *one = dim_int(e->cx, 1);
	int rank = 0, at = 0;
	for (int b = 0; b < MAX_CONTEXTS; b++) {
		if (v->lay->over >> b & 1) dims[rank++] = t->dims[at++];
		else if (over >> b & 1) dims[rank++] = one;
	}
	for (int i = v->lay->n; i < n; i++) dims[rank++] = one;
	while (at < t->rank) dims[rank++] = t->dims[at++];
	return rank == t->rank ? v->val : b_reshape(e->cx, v->val, rank, dims);
}

const Val *model_expand(Elab *e, const Value *v, uint64_t over, int n, const Axis *const *axes)
{
	const Dim **dims;
	int rank = layout_dims(e, over, n, axes, &dims);
	return b_expand(e->cx, model_widen(e, v, over, n), rank, dims);
}

/* ------------------------------------------------------------------------------------------------ together */

static _Noreturn void fail_axes(Elab *e, const Value *a, const Value *b, const Axis *x, const Axis *y)
{
	if (x->name && y->name && x->root != y->root)
		fail(e->cx, "axes %s and %s have different lengths: %s, %s", x->name, y->name, axis_str(e, x),
			axis_str(e, y));
	if (x->name || y->name)
		fail(e->cx, "%s and %s do not fit together: axis %s differs from example to example, %s does not%s",
			layout_str(e, a), layout_str(e, b), axis_str(e, x->name ? x : y), axis_str(e, x->name ? y : x),
			a->lay->n != b->lay->n ? " (axes are lined up at the right)" : "");
	fail(e->cx, "%s and %s do not fit together: sizes %s and %s%s", layout_str(e, a), layout_str(e, b),
		dim_str(e, x->size), dim_str(e, y->size),
		a->lay->n != b->lay->n ? " (axes are lined up at the right)" : "");
}

Axes model_join(Elab *e, int n, const Value *values)
{
	Axes out = {0};
	const Axis **axes = NULL;
	for (int i = 0; i < n; i++) {
		out.over |= values[i].lay->over;
		if (values[i].lay->n > out.n) out.n = values[i].lay->n;
	}
	axes = NEWN(e->cx->arena, const Axis *, out.n + 1);
	for (int k = 0; k < out.n; k++) {
		const Value *from = NULL;
		for (int i = 0; i < n; i++) {
			int at = k - (out.n - values[i].lay->n);
			if (at < 0) continue;
			const Axis *a = values[i].lay->axes[at];
			if (!axes[k] || (axis_is(axes[k], 1) && !axis_is(a, 1))) axes[k] = a, from = &values[i];
			else if (!axis_is(a, 1) && !axis_same(axes[k], a)) fail_axes(e, from, &values[i], axes[k], a);
		}
	}
	out.axes = axes;
	return out;
}

/* The element type that several have together: floats if one is a float, else integers, else truth. */
static Elem joint_elem(int n, const Value *args)
{
	Elem elem = BOOL;
	for (int i = 0; i < n; i++) {
		Elem x = BOOL;
		if (args[i].kind == V_TENSOR) x = args[i].val->type->elem;
		else if (args[i].kind == V_AXIS) x = I64;
		else if (args[i].kind == V_NUM)
			x = args[i].num == floor(args[i].num) && fabs(args[i].num) < 1e15 ? I64 : F32;
		else if (args[i].kind != V_DIM) x = F32;
		else x = I64;
		if (x == F32 || (x == I64 && elem == BOOL)) elem = x;
	}
	return elem;
}

/* Integers stay integers where nothing is lost; a number beside truth values, and what only floats can do, is a float. */
static Elem elem_for(Op op, int n, const Value *args)
{
	Elem elem = joint_elem(n, args);
	char cls = op_info[op].ew_class;
	bool logic = cls == 'l';
	if (logic) return elem == F32 ? F32 : elem;
	bool keeps = cls == 'c' || ((cls == 'a' || cls == 'i') && op != OP_EW_div && op != OP_EW_pow);
	if (elem == BOOL && cls == 'c') return BOOL;
	if (elem != I64 || !keeps) return F32;
	for (int i = 0; i < n; i++) /* truth values are counted as floats */
		if (args[i].kind == V_TENSOR && args[i].val->type->elem == BOOL) return F32;
	return I64;
}

static const Val *to_elem(Elab *e, const Val *v, Elem elem) { return b_cast(e->cx, v, elem); }

/* As tensors of one element type. */
static Value *as_elems(Elab *e, int n, const Value *args, Elem elem)
{
	Value *out = NEWN(e->cx->arena, Value, n);
	for (int i = 0; i < n; i++) {
		if (args[i].kind == V_NUM) {
			out[i] = model_tensor(e, value_as_elem(e, &args[i], elem), 0, 0, NULL);
			continue;
		}
		out[i] = model_value(e, &args[i], "an operand");
		out[i].val = to_elem(e, out[i].val, elem);
	}
	return out;
}

static Value apply(Elab *e, Op op, int n, const Value *args, Elem elem)
{
	Value *xs = as_elems(e, n, args, elem);
	Axes join = model_join(e, n, xs);
	const Val *vals[3];
	for (int i = 0; i < n; i++) vals[i] = model_widen(e, &xs[i], join.over, join.n);
	const Val *y = n == 1 ? b_ew1(e->cx, op, vals[0]) : b_ew2(e->cx, op, vals[0], vals[1]);
	return model_tensor(e, y, join.over, join.n, join.axes);
}

Value model_floor_div(Elab *e, const Value *a, const Value *b)
{
	Value ab[2] = {*a, *b};
	if (joint_elem(2, ab) != I64) {
		Value q = model_ew(e, OP_EW_div, 2, ab);
		return model_ew(e, OP_EW_floor, 1, &q);
	}
	/* a - a mod b is the multiple of b below a */
	Value rest = apply(e, OP_EW_mod, 2, ab, I64),
	      whole[2] = {model_ew(e, OP_EW_sub, 2, (const Value[]){*a, rest}), *b};
	return apply(e, OP_EW_div, 2, whole, I64);
}

Value model_ew(Elab *e, Op op, int n, const Value *args)
{
	Value sizes[3];
	bool axis = false;
	for (int i = 0; i < n; i++) {
		sizes[i] = args[i].kind == V_AXIS ? axis_extent(e, args[i].axis) : args[i];
		axis |= args[i].kind == V_AXIS;
	}
	if (axis) return value_ew(e, op, n, sizes);
	Elem elem = elem_for(op, n, args);
	if (op_info[op].ew_class == 'l' && elem != BOOL)
		fail(e->cx, "'%s' is of conditions, this is %s", op_info[op].name, value_str_of(e, &args[0]));
	return apply(e, op, n, args, elem);
}

Value model_select(Elab *e, const Value *cond, const Value *a, const Value *b)
{
	Value ab[2] = {*a, *b}, c = model_value(e, cond, "the condition");
	if (c.val->type->elem != BOOL)
		fail(e->cx, "a condition is true or false, such as x > 0; this is %s", value_str_of(e, &c));
	Elem elem = joint_elem(2, ab);
	if (elem == BOOL && (ab[0].kind != V_TENSOR || ab[1].kind != V_TENSOR)) elem = F32;
	if (elem == I64 && !model_takes(2, ab)) elem = F32;
	Value *xs = as_elems(e, 2, ab, elem), all[3] = {c, xs[0], xs[1]};
	Axes join = model_join(e, 3, all);
	const Val *vals[3];
	for (int i = 0; i < 3; i++) vals[i] = model_widen(e, &all[i], join.over, join.n);
	Value y = model_tensor(e, b_select(e->cx, vals[0], vals[1], vals[2]), join.over, join.n, join.axes);
	if (ab[0].classes && ab[0].classes == ab[1].classes) y.classes = ab[0].classes;
	return y;
}

/* ------------------------------------------------------------------------------------------------ masks */

/* Is x real along the axis?  Shaped to stand beside x, which depends on all that the lengths do. */
static const Val *model_mask(Elab *e, const Value *x, int axis)
{
	Ctx *cx = e->cx;
	const Axis *a = x->lay->axes[axis];
	/* index < length, with the length's own axes (of T in S: S) where x has them */
	const Axes *of = a->lengths->lay;
	int n = x->lay->n, rank = 0, at = 0;
	const Dim **dims = NEWN(cx->arena, const Dim *, MAX_CONTEXTS + n), *one = dim_int(cx, 1);
	const Val *lengths = a->lengths->val;
	for (int b = 0; b < MAX_CONTEXTS; b++) {
		bool has = of->over >> b & 1;
		if (has) dims[rank++] = lengths->type->dims[at++];
		else if (x->lay->over >> b & 1) dims[rank++] = one;
	}
	int taken = 0;
	for (int i = 0; i < n; i++) {
		bool has = taken < of->n && i < axis && x->lay->axes[i]->root == of->axes[taken]->root;
		dims[rank++] = has ? of->axes[taken]->size : one;
		taken += has;
	}
	if (taken < of->n)
		fail(cx, "axis %s is not known by its size alone: it differs along %s, which is not there any more",
			axis_str(e, a), axis_str(e, of->axes[taken]));
	lengths = b_reshape(cx, lengths, rank, dims);
	const Val *index = b_iota(cx, I64, 1, &a->size, 0);
	for (int i = 0; i < rank; i++) dims[i] = one;
	dims[rank - n + axis] = a->size;
	return b_ew2(cx, OP_EW_lt, b_reshape(cx, index, rank, dims), lengths);
}

Value model_fill_padding(Elab *e, const Value *given, int axis, double fill)
{
	const Value *lengths = given->lay->axes[axis]->lengths;
	if (!lengths) return *given;
	uint64_t over = given->lay->over | lengths->lay->over;
	Value wide = model_tensor(e, model_widen(e, given, over, given->lay->n), over, given->lay->n, given->lay->axes),
	      *x = &wide;
	x->classes = given->classes;
	const Val *mask = model_mask(e, x, axis);
	Elem elem = x->val->type->elem;
	const Val *other = elem == BOOL || elem == I64 ? b_scalar_int(e->cx, elem,
								 isfinite(fill)         ? (int64_t)fill
									 : elem == BOOL ? 0
									 : fill < 0     ? INT64_MIN
											: INT64_MAX)
						       : b_scalar(e->cx, elem, fill);
	Value y = *x;
	y.val = b_select(e->cx, mask, x->val, other);
	return y;
}

Value model_zero_padding(Elab *e, const Value *x)
{
	Value y = *x;
	for (int i = 0; i < x->lay->n; i++) y = model_fill_padding(e, &y, i, 0);
	return y;
}

/* ------------------------------------------------------------------------------------------------ movement */

const Val *model_axis_first(Elab *e, const Value *x, int axis)
{
	int rank = x->val->type->rank, from = rank - x->lay->n + axis;
	int *perm = NEWN(e->cx->arena, int, rank + 1);
	for (int i = 0; i < rank; i++) perm[i] = i == 0 ? from : i <= from ? i - 1 : i;
	return b_permute(e->cx, x->val, perm);
}

Value model_axis_from_first(Elab *e, const Val *v, const Axis *axis, uint64_t over, int n, const Axis *const *rest)
{
	int rank = v->type->rank, to = count_bits(over);
	int *perm = NEWN(e->cx->arena, int, rank + 1);
	for (int i = 0; i < rank; i++) perm[i] = i < to ? i + 1 : i == to ? 0 : i;
	const Axis **axes = NEWN(e->cx->arena, const Axis *, n + 1);
	axes[0] = axis;
	for (int i = 0; i < n; i++) axes[i + 1] = rest[i];
	return model_tensor(e, b_permute(e->cx, v, perm), over, n + 1, axes);
}

/* ------------------------------------------------------------------------------------------------ reductions */

/* What is left of x's axes when one goes.  An axis that differs along it cannot stay. */
static const Axis *const *without(Elab *e, const Value *x, int axis)
{
	const Axis **axes = NEWN(e->cx->arena, const Axis *, x->lay->n);
	for (int i = 0, k = 0; i < x->lay->n; i++)
		if (i != axis) axes[k++] = x->lay->axes[i];
	return axes;
}

Value model_reduce(Elab *e, const char *kind, const Value *x, int axis)
{
	bool sum = !strcmp(kind, "sum");
	Value real = model_fill_padding(e, x, axis,
		sum                             ? 0
			: !strcmp(kind, "prod") ? 1
			: !strcmp(kind, "max")  ? -INFINITY
						: INFINITY);
	/* An axis inside whose lengths differ along this one: what is real of it becomes what is real for any; zeros fill it. */
	for (int i = axis + 1; sum && i < x->lay->n; i++)
		if (x->lay->axes[i]->lengths && x->lay->axes[i]->lengths->lay->n)
			real = model_fill_padding(e, &real, i, 0);
	int at = real.val->type->rank - x->lay->n + axis;
	const Val *y = b_reduce(e->cx, kind, real.val, 1, &at, false);
	return model_tensor(e, y, real.lay->over, x->lay->n - 1, without(e, x, axis));
}

Value model_mean(Elab *e, const Value *x, int axis)
{
	Value v = model_float(e, x, "the operand of mean"), sum = model_reduce(e, "sum", &v, axis);
	const Axis *a = v.lay->axes[axis];
	if (!a->lengths) {
		Value size = value_dim(e->cx, a->size);
		return value_binary(e, OP_EW_div, &sum, &size);
	}
	if (a->lengths->lay->n && axis > 0)
		fail(e->cx, "mean along axis %s, which differs along another axis of %s: index that one first",
			axis_str(e, a), layout_str(e, x));
	/* lengths stand beside any axes */
	Value n = *a->lengths, one = value_num(1);
	n = model_ew(e, OP_EW_max, 2, (const Value[]){n, model_integer(e, &one, "")}); /* of nothing: 0 */
	return value_binary(e, OP_EW_div, &sum, &n);
}

/* ------------------------------------------------------------------------------------------------ products */

Value model_contract(Elab *e, const Value *a, const Value *b, int b_axis)
{
	Ctx *cx = e->cx;
	int n_a = a->lay->n, n_b = b->lay->n;
	const Axis *x = a->lay->axes[n_a - 1], *y = b->lay->axes[b_axis];
	if (!axis_same(x, y)) fail_axes(e, a, b, x, y);
	Value left = *a;
	if (x->lengths) left = model_fill_padding(e, a, n_a - 1, 0);
	Value right = *b;
	if (x->lengths) right = model_fill_padding(e, b, b_axis, 0);
	/* letters: contexts a.., the axes of the first, then of the second; z is summed */
	char spec[256], ya[32], yb[32];
	int n = 0, m = 0, k = 0;
	uint64_t over = left.lay->over | right.lay->over;
	if (n_a + n_b > 30) fail(cx, "too many axes");
	const Axis **axes = NEWN(cx->arena, const Axis *, n_a + n_b);
	char head_a[MAX_CONTEXTS + 1] = "", head_b[MAX_CONTEXTS + 1] = "", head_y[MAX_CONTEXTS + 1] = "";
	for (int bit = 0; bit < MAX_CONTEXTS; bit++) {
		char c[2] = {(char)('A' + bit), 0};
		if (left.lay->over >> bit & 1) strcat(head_a, c);
		if (right.lay->over >> bit & 1) strcat(head_b, c);
		if (over >> bit & 1) strcat(head_y, c);
	}
	char rest[64];
	for (int i = 0; i < n_a; i++) {
		char c = i == n_a - 1 ? 'z' : (char)('a' + i);
		ya[n++] = c;
		if (c != 'z') rest[k] = c, axes[k++] = a->lay->axes[i];
	}
	for (int i = 0; i < n_b; i++) {
		char c = i == b_axis ? 'z' : (char)('a' + n_a + i);
		yb[m++] = c;
		if (c != 'z') rest[k] = c, axes[k++] = b->lay->axes[i];
	}
	ya[n] = yb[m] = rest[k] = 0;
	snprintf(spec, sizeof spec, "%s%s,%s%s->%s%s", head_a, ya, head_b, yb, head_y, rest);
	return model_tensor(e, b_contract(cx, spec, left.val, right.val), over, k, axes);
}
