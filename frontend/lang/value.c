/* value.c: the values of elaboration, and arithmetic on them.
 *
 * Numbers, sizes, strings, lists and functions exist at compile time only.  Arithmetic on known numbers is done by the
 * interpreter in f64, so that a constant means in the text what it means at run time.  Where a number or a size meets a
 * tensor it adopts the tensor's element type, and must fit it.
 */
#include "frontend/lang/model.h"

#include <math.h>
#include <string.h>

Value value_num(double num) { return (Value){.kind = V_NUM, .num = num}; }
Value value_tensor(const Val *val) { return (Value){.kind = V_TENSOR, .val = val}; }
Value value_str(const char *str) { return (Value){.kind = V_STR, .str = str}; }

/* Beyond this a double cannot count. */
static const double max_exact = 9007199254740992.0;

Value value_dim(Ctx *cx, const Dim *dim)
{
	int64_t n;
	if (dim_is_int(dim, &n)) {
		if (fabs((double)n) > max_exact) fail(cx, "the size %lld is too large", (long long)n);
		return value_num((double)n);
	}
	return (Value){.kind = V_DIM, .dim = dim};
}

Value value_list(Ctx *cx, int n, const Value *items)
{
	Value v = {.kind = V_LIST, .n = n};
	if (n) v.items = arena_copy(cx->arena, items, sizeof(*items) * (size_t)n);
	return v;
}

bool value_known(const Value *v) { return v->kind != V_TENSOR && v->kind != V_AXIS; }

static void print_value(Elab *e, Buf *out, const Value *v, int depth)
{
	switch (v->kind) {
	case V_NONE: buf_puts(out, "nothing"); break;
	case V_NUM: buf_printf(out, "%.10g", v->num); break;
	case V_DIM: dim_print(out, v->dim); break;
	case V_STR: buf_printf(out, depth ? "\"%s\"" : "%s", v->str); break;
	case V_FN: buf_printf(out, "the function %s", v->str); break;
	case V_TENSOR:
		if (v->lay && !v->lay->n) buf_puts(out, "a number known at run time");
		else buf_printf(out, "a tensor %s", v->lay ? layout_str(e, v) : type_str(e->cx, v->val->type));
		break;
	case V_AXIS: buf_printf(out, "the axis %s", axis_str(e, v->axis)); break;
	case V_CLOSURE:
		buf_printf(out, "the %s %s", v->fn->decl->kind == FN_CELL ? "cell" : "def", v->fn->decl->name);
		break;
	case V_ERROR: buf_puts(out, "nothing, after an error"); break;
	case V_LIST:
		buf_puts(out, "[");
		for (int i = 0; i < v->n && i < 8 && depth < 4; i++) {
			buf_puts(out, i ? ", " : "");
			print_value(e, out, &v->items[i], depth + 1);
		}
		buf_puts(out, v->n > 8 || depth >= 4 ? ", ...]" : "]");
		break;
	}
}

const char *value_str_of(Elab *e, const Value *v)
{
	Buf out;
	buf_init(&out, e->cx->arena);
	buf_puts(&out, "");
	print_value(e, &out, v, v->kind == V_STR);
	return out.text;
}

bool value_true(Elab *e, const Value *v)
{
	if (v->kind == V_NUM) return v->num != 0;
	if (v->kind == V_TENSOR) fail(e->cx, "the condition is only known at run time: %s", value_str_of(e, v));
	fail(e->cx, "a condition is true or false, this is %s", value_str_of(e, v));
}

int64_t value_int(Elab *e, const Value *v, const char *what)
{
	if (v->kind != V_NUM || v->num != floor(v->num) || fabs(v->num) > max_exact)
		fail(e->cx, "%s must be an integer, this is %s", what, value_str_of(e, v));
	return (int64_t)v->num;
}

const Dim *value_as_dim(Elab *e, const Value *v, const char *what)
{
	const Dim *dim;
	if (v->kind == V_DIM) return v->dim;
	if (v->kind == V_TENSOR && v->val->type->rank == 0 && val_as_dims(e->cx, v->val, 1, &dim)) return dim;
	return dim_int(e->cx, value_int(e, v, what));
}

int value_as_dims(Elab *e, const Value *v, const char *what, const Dim ***dims)
{
	const Value *items = v->kind == V_LIST ? v->items : v;
	int n = v->kind == V_LIST ? v->n : 1;
	*dims = NEWN(e->cx->arena, const Dim *, n + 1);
	for (int i = 0; i < n; i++) (*dims)[i] = value_as_dim(e, &items[i], what);
	return n;
}

int value_as_ints(Elab *e, const Value *v, const char *what, int64_t **ints)
{
	const Value *items = v->kind == V_LIST ? v->items : v;
	int n = v->kind == V_LIST ? v->n : 1;
	*ints = NEWN(e->cx->arena, int64_t, n + 1);
	for (int i = 0; i < n; i++) (*ints)[i] = value_int(e, &items[i], what);
	return n;
}

int value_axis(Elab *e, const Value *v, int rank)
{
	int64_t axis = value_int(e, v, "axis");
	if (axis < -rank || axis >= rank) fail(e->cx, "axis %lld of a tensor of rank %d", (long long)axis, rank);
	return (int)(axis < 0 ? axis + rank : axis);
}

int value_axes(Elab *e, const Value *v, int rank, int **axes)
{
	*axes = NEWN(e->cx->arena, int, rank + 1);
	int n = 0;
	if (v->kind == V_NONE) {
		for (; n < rank; n++) (*axes)[n] = n;
		return n;
	}
	const Value *items = v->kind == V_LIST ? v->items : v;
	int given = v->kind == V_LIST ? v->n : 1;
	bool *seen = NEWN(e->cx->arena, bool, rank + 1);
	for (int i = 0; i < given; i++) {
		int axis = value_axis(e, &items[i], rank);
		if (seen[axis]) fail(e->cx, "axis %d is named twice", axis);
		seen[axis] = true;
	}
	for (int i = 0; i < rank; i++)
		if (seen[i]) (*axes)[n++] = i;
	return n;
}

Elem value_elem(Elab *e, const Value *v, const char *what)
{
	Elem elem;
	if (v->kind == V_TENSOR) return v->val->type->elem;
	if (v->kind == V_STR && elem_parse(v->str, &elem)) return elem;
	fail(e->cx, "%s must be an element type such as \"f32\", or a tensor; this is %s", what, value_str_of(e, v));
}

/* ------------------------------------------------------------------------------------------------ to tensors */

static const Val *number_as_elem(Elab *e, double num, Elem elem)
{
	const ElemInfo *info = &elem_info[elem];
	/* In a double build what is f32 here becomes f64 (passes/widen.c), and the number is to keep all its digits. */
	if (e->cx->f64 && elem == F32 && (double)(float)num != num && !isnan(num))
		return b_cast(e->cx, b_scalar(e->cx, F64, num), F32);
	if (info->cls == 'f') return b_scalar(e->cx, elem, num);
	if (num != floor(num) || fabs(num) > max_exact) fail(e->cx, "%.10g is no number of type %s", num, info->name);
	int bits = info->cls == 'b' ? 1 : info->bits - (info->cls == 'i');
	double limit = ldexp(1, bits);
	if (num >= limit || num < (info->cls == 'i' ? -limit : 0))
		fail(e->cx, "%.10g is outside of the range of %s", num, info->name);
	return b_scalar_int(e->cx, elem, (int64_t)num);
}

/* The shape of a nested list of numbers, which must be a full block. */
static int list_shape(Elab *e, const Value *v, int64_t *dims)
{
	enum { MAX_RANK = 8 };
	int rank = 0;
	for (; v->kind == V_LIST; v = v->items) {
		if (rank == MAX_RANK) fail(e->cx, "a list nested more than %d deep", MAX_RANK);
		dims[rank++] = v->n;
		if (v->n == 0) break;
	}
	return rank;
}

static int64_t fill_from_list(Elab *e, Tensor *t, const Value *v, int level, int64_t at)
{
	if (level == t->rank) {
		if (v->kind != V_NUM) fail(e->cx, "a list of numbers was wanted, this contains %s", value_str_of(e, v));
		const Val *item = number_as_elem(e, v->num, t->elem);
		const Tensor *data = val_attr(item, A_DATA)->tensor;
		size_t size = (size_t)elem_info[t->elem].size;
		memcpy((char *)t->data + (size_t)at * size, data->data, size);
		return at + 1;
	}
	if (v->kind != V_LIST || v->n != t->dims[level]) fail(e->cx, "the rows of the list differ in length");
	for (int i = 0; i < v->n; i++) at = fill_from_list(e, t, &v->items[i], level + 1, at);
	return at;
}

const Val *value_as_elem(Elab *e, const Value *v, Elem elem)
{
	switch (v->kind) {
	case V_TENSOR: return v->val;
	case V_NUM: return number_as_elem(e, v->num, elem);
	case V_DIM: return b_cast(e->cx, b_dim(e->cx, v->dim), elem);
	case V_LIST: {
		int64_t dims[8];
		int rank = list_shape(e, v, dims);
		Tensor *t = tensor_new(e->cx->arena, elem, rank, dims);
		if (!t) fail(e->cx, "the list is too large");
		fill_from_list(e, t, v, 0, 0);
		return val_const(e->cx, t);
	}
	default: break;
	}
	fail(e->cx, "a tensor or a number was wanted, this is %s", value_str_of(e, v));
}

const Val *value_as_tensor(Elab *e, const Value *v, const char *what)
{
	if (v->kind == V_TENSOR) return v->val;
	if (!e->typed || v->kind == V_STR || v->kind == V_FN || v->kind == V_NONE)
		fail(e->cx, "%s must be a tensor, this is %s", what, value_str_of(e, v));
	return value_as_elem(e, v, e->elem);
}

/* ------------------------------------------------------------------------------------------------ arithmetic */

/* A constant's only element, exactly, or by the interpreter that of an element-wise primitive on constants. */
static Value fold(Elab *e, Op op, int n, const Value *args)
{
	const Val *vals[3];
	const Tensor *tensors[3];
	for (int i = 0; i < n; i++) {
		bool cond = op == OP_EW_select && i == 0;
		vals[i] = number_as_elem(e, args[i].num, cond ? BOOL : F64);
		tensors[i] = val_attr(vals[i], A_DATA)->tensor;
	}
	const Val *result = val_new(e->cx, op, n, vals, NULL);
	Eval eval = {.cx = e->cx, .arena = e->cx->arena};
	dimenv_init(&eval.env, e->cx->arena);
	return value_num(tensor_get(eval_op(&eval, result, tensors, 0), 0));
}

static bool is_logic(Op op)
{
	return op == OP_EW_and || op == OP_EW_or || op == OP_EW_xor || op == OP_EW_not || op == OP_EW_shl ||
		op == OP_EW_shr;
}

/* Bit and truth operators on known integers. */
static Value fold_logic(Elab *e, Op op, int n, const Value *args)
{
	int64_t a = value_int(e, &args[0], "an operand of a bit operator");
	if (op == OP_EW_not) return value_num(a == 0);
	int64_t b = value_int(e, &args[n - 1], "an operand of a bit operator");
	if (op == OP_EW_and) return value_num((double)(a & b));
	if (op == OP_EW_or) return value_num((double)(a | b));
	if (op == OP_EW_xor) return value_num((double)(a ^ b));
	if (b < 0 || b > 52 || a < 0) fail(e->cx, "a shift of %lld by %lld", (long long)a, (long long)b);
	return op == OP_EW_shr ? value_num((double)(a >> b)) : value_num((double)a * ldexp(1, (int)b));
}

/* The order of two sizes, as far as the bounds of their symbols decide it. */
static Value compare_dims(Elab *e, int op, const Dim *a, const Dim *b)
{
	const Dim *d = dim_sub(e->cx, a, b);
	int64_t lo = dim_lo(d), hi = dim_hi(d);
	switch (op) {
	case OP_EW_lt:
	case OP_EW_ge:
		if (hi < 0) return value_num(op == OP_EW_lt);
		if (lo >= 0) return value_num(op == OP_EW_ge);
		break;
	case OP_EW_gt:
	case OP_EW_le:
		if (lo > 0) return value_num(op == OP_EW_gt);
		if (hi <= 0) return value_num(op == OP_EW_le);
		break;
	default:
		if (a == b) return value_num(op == OP_EW_eq);
		if (lo > 0 || hi < 0) return value_num(op == OP_EW_ne);
	}
	Buf text;
	buf_init(&text, e->cx->arena);
	dim_print(&text, a);
	buf_puts(&text, " and ");
	dim_print(&text, b);
	fail(e->cx, "the sizes %s are compared, which only the run time could decide", text.text);
}

static Value dims_binary(Elab *e, int op, const Value *l, const Value *r)
{
	Ctx *cx = e->cx;
	const Dim *a = value_as_dim(e, l, "a number beside a size"), *b = value_as_dim(e, r, "a number beside a size");
	const Dim *d = NULL;
	switch (op) {
	case OP_EW_add: return value_dim(cx, dim_add(cx, a, b));
	case OP_EW_sub: return value_dim(cx, dim_sub(cx, a, b));
	case OP_EW_mul: return value_dim(cx, dim_mul(cx, a, b));
	case OP_EW_min: return value_dim(cx, dim_min(cx, a, b));
	case OP_EW_max: return value_dim(cx, dim_max(cx, a, b));
	case OP_EW_div:
		d = dim_is(b, 0) ? NULL : dim_div_exact(cx, a, b);
		if (d) return value_dim(cx, d);
		fail(cx, "sizes are divided that do not divide exactly: %s / %s", value_str_of(e, l),
			value_str_of(e, r));
	case LANG_FLOORDIV:
	case OP_EW_mod:
		if (dim_is(b, 0)) fail(cx, "a size is divided by 0");
		d = dim_floordiv(cx, a, b);
		return value_dim(cx, op == LANG_FLOORDIV ? d : dim_sub(cx, a, dim_mul(cx, d, b)));
	case OP_EW_eq:
	case OP_EW_ne:
	case OP_EW_lt:
	case OP_EW_le:
	case OP_EW_gt:
	case OP_EW_ge: return compare_dims(e, op, a, b);
	default: fail(cx, "this operator does not work on sizes");
	}
}

Value value_select(Elab *e, const Value *cond, const Value *a, const Value *b)
{
	if (value_known(cond)) return value_true(e, cond) ? *a : *b;
	if (e->model) return model_select(e, cond, a, b);
	const Val *left, *right;
	if (a->kind == V_TENSOR) {
		left = a->val;
		right = value_as_elem(e, b, left->type->elem);
	} else if (b->kind == V_TENSOR) {
		right = b->val;
		left = value_as_elem(e, a, right->type->elem);
	} else {
		left = value_as_tensor(e, a, "one of the alternatives");
		right = value_as_tensor(e, b, "one of the alternatives");
	}
	return value_tensor(b_select(e->cx, cond->val, left, right));
}

Value value_ew(Elab *e, Op op, int n, const Value *args)
{
	if (op == OP_EW_select) return value_select(e, &args[0], &args[1], &args[2]);
	if (e->model && model_takes(n, args)) return model_ew(e, op, n, args);
	int tensor = -1;
	bool numbers = true, sizes = true;
	for (int i = 0; i < n; i++) {
		if (args[i].kind == V_TENSOR && tensor < 0) tensor = i;
		numbers &= args[i].kind == V_NUM;
		sizes &= args[i].kind == V_NUM || args[i].kind == V_DIM;
	}
	if (numbers) return is_logic(op) ? fold_logic(e, op, n, args) : fold(e, op, n, args);
	if (sizes && n == 2) return dims_binary(e, (int)op, &args[0], &args[1]);
	if (sizes && op == OP_EW_neg) return dims_binary(e, OP_EW_sub, &(Value){.kind = V_NUM}, &args[0]);
	if (tensor < 0 && !e->typed)
		fail(e->cx, "%s wants tensors or numbers, not %s", op_info[op].name, value_str_of(e, &args[0]));
	Elem elem = tensor < 0 ? e->elem : args[tensor].val->type->elem;
	const Val *vals[3];
	for (int i = 0; i < n; i++) vals[i] = value_as_elem(e, &args[i], elem);
	return value_tensor(n == 1 ? b_ew1(e->cx, op, vals[0]) : b_ew2(e->cx, op, vals[0], vals[1]));
}

static bool values_equal(Elab *e, const Value *a, const Value *b)
{
	if (a->kind == V_LIST && b->kind == V_LIST) {
		bool equal = a->n == b->n;
		for (int i = 0; equal && i < a->n; i++) equal = values_equal(e, &a->items[i], &b->items[i]);
		return equal;
	}
	bool sizes = (a->kind == V_NUM || a->kind == V_DIM) && (b->kind == V_NUM || b->kind == V_DIM);
	if (sizes && a->kind != b->kind)
		return compare_dims(e, OP_EW_eq, value_as_dim(e, a, "a size"), value_as_dim(e, b, "a size")).num != 0;
	if (a->kind != b->kind) return false;
	switch (a->kind) {
	case V_NUM: return a->num == b->num;
	case V_DIM: return compare_dims(e, OP_EW_eq, a->dim, b->dim).num != 0;
	case V_STR: return !strcmp(a->str, b->str);
	case V_NONE: return true;
	case V_FN: return !strcmp(a->str, b->str) && a->n == b->n && a->bound == b->bound;
	default: break;
	}
	fail(e->cx, "tensors are compared where the result must be known at compile time");
}

static Value list_repeat(Elab *e, const Value *list, const Value *times)
{
	int64_t k = value_int(e, times, "the number of repetitions");
	if (k < 0) k = 0;
	if (k * list->n > 4096) fail(e->cx, "a list of more than 4096 items");
	Value *items = NEWN(e->cx->arena, Value, k * list->n + 1);
	for (int i = 0; i < k * list->n; i++) items[i] = list->items[i % list->n];
	return (Value){.kind = V_LIST, .n = (int)k * list->n, .items = items};
}

static Value list_concat(Elab *e, const Value *a, const Value *b)
{
	if (a->n + b->n > 4096) fail(e->cx, "a list of more than 4096 items");
	Value *items = NEWN(e->cx->arena, Value, a->n + b->n + 1);
	for (int i = 0; i < a->n + b->n; i++) items[i] = i < a->n ? a->items[i] : b->items[i - a->n];
	return (Value){.kind = V_LIST, .n = a->n + b->n, .items = items};
}

static Value floor_div(Elab *e, const Value *l, const Value *r)
{
	if (e->model && (!value_known(l) || !value_known(r))) return model_floor_div(e, l, r);
	if (l->kind != V_TENSOR && r->kind != V_TENSOR) {
		if (l->kind == V_DIM || r->kind == V_DIM) return dims_binary(e, LANG_FLOORDIV, l, r);
	} else if (!elem_is_float((l->kind == V_TENSOR ? l : r)->val->type->elem)) {
		/* a - a mod b is the multiple of b below a */
		Value rest = value_binary(e, OP_EW_mod, l, r), whole = value_binary(e, OP_EW_sub, l, &rest);
		return value_binary(e, OP_EW_div, &whole, r);
	}
	Value q = value_binary(e, OP_EW_div, l, r);
	return value_ew(e, OP_EW_floor, 1, &q);
}

Value value_binary(Elab *e, int op, const Value *l, const Value *r)
{
	if (op == LANG_IN || op == LANG_NOT_IN) {
		if (r->kind != V_LIST) fail(e->cx, "'in' wants a list on its right, this is %s", value_str_of(e, r));
		bool found = false;
		for (int i = 0; i < r->n && !found; i++) found = values_equal(e, l, &r->items[i]);
		return value_num(found == (op == LANG_IN));
	}
	if (op == LANG_MATMUL && e->model) return model_matmul(e, l, r);
	if (op == LANG_MATMUL)
		return value_tensor(b_matmul(e->cx, value_as_tensor(e, l, "the left side of @"),
			value_as_tensor(e, r, "the right side of @")));
	if (op == LANG_FLOORDIV) return floor_div(e, l, r);
	if (op == OP_EW_add && l->kind == V_LIST && r->kind == V_LIST) return list_concat(e, l, r);
	if (op == OP_EW_mul && l->kind == V_LIST && r->kind == V_NUM) return list_repeat(e, l, r);
	if (op == OP_EW_add && l->kind == V_STR && r->kind == V_STR)
		return value_str(arena_printf(e->cx->arena, "%s%s", l->str, r->str));
	bool plain = l->kind == V_STR || l->kind == V_LIST || l->kind == V_NONE || l->kind == V_FN ||
		r->kind == V_STR || r->kind == V_LIST || r->kind == V_NONE || r->kind == V_FN;
	if (plain && (op == OP_EW_eq || op == OP_EW_ne)) return value_num(values_equal(e, l, r) == (op == OP_EW_eq));
	if (plain)
		fail(e->cx, "'%s' does not work on %s and %s", op_info[op].name, value_str_of(e, l),
			value_str_of(e, r));
	return value_ew(e, (Op)op, 2, (const Value[]){*l, *r});
}
