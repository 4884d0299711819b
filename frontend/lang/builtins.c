/* builtins.c: the functions of the language over the structural primitives, and those that ask about shapes and types.
 *
 * A row is a signature and a C function; arguments are bound by position or by name before it is called.  `x?` may be left
 * out (the function sees V_NONE), `xs...` takes all the positional ones.
 */
#include "frontend/lang/ast.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MAX_PARAMS = 6 };

static const Val *tensor(Elab *e, const Value *v) { return value_as_tensor(e, v, "the operand"); }
static bool given(const Value *v) { return v->kind != V_NONE; }
static bool flag(Elab *e, const Value *v) { return given(v) && value_true(e, v); }

/* ------------------------------------------------------------------------------------------------ shapes and types */

static Value shape_of(Elab *e, const Val *x)
{
	Value *items = NEWN(e->cx->arena, Value, x->type->rank + 1);
	for (int i = 0; i < x->type->rank; i++) items[i] = value_dim(e->cx, x->type->dims[i]);
	return (Value){.kind = V_LIST, .n = x->type->rank, .items = items};
}

static Value fn_shape(Elab *e, const Value *a) { return shape_of(e, tensor(e, &a[0])); }
static Value fn_rank(Elab *e, const Value *a) { return value_num(tensor(e, &a[0])->type->rank); }

static Value fn_dim(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	return value_dim(e->cx, x->type->dims[value_axis(e, &a[1], x->type->rank)]);
}

static char class_of(Elab *e, const Value *a) { return elem_info[value_elem(e, &a[0], "the operand")].cls; }
static Value fn_elem(Elab *e, const Value *a) { return value_str(elem_info[value_elem(e, &a[0], "the operand")].name); }
static Value fn_is_float(Elab *e, const Value *a) { return value_num(class_of(e, a) == 'f'); }
static Value fn_is_bool(Elab *e, const Value *a) { return value_num(class_of(e, a) == 'b'); }
static Value fn_is_signed(Elab *e, const Value *a) { return value_num(class_of(e, a) == 'f' || class_of(e, a) == 'i'); }

static Value fn_given(Elab *e, const Value *a)
{
	(void)e;
	return value_num(given(&a[0]));
}

/* The number that an operand is known to be at compile time, else none. */
static Value fn_known(Elab *e, const Value *a)
{
	(void)e;
	if (a[0].kind == V_NUM) return a[0];
	if (a[0].kind != V_TENSOR || a[0].val->op != OP_const) return (Value){.kind = V_NONE};
	const Tensor *t = val_attr(a[0].val, A_DATA)->tensor;
	return t->count == 1 ? value_num(tensor_get(t, 0)) : (Value){.kind = V_NONE};
}

static Value fn_len(Elab *e, const Value *a)
{
	if (a[0].kind != V_LIST) fail(e->cx, "len is of a list, this is %s", value_str_of(e, &a[0]));
	return value_num(a[0].n);
}

static Value fn_range(Elab *e, const Value *a)
{
	int64_t start = given(&a[1]) ? value_int(e, &a[0], "start") : 0;
	int64_t stop = value_int(e, &a[given(&a[1]) ? 1 : 0], "stop");
	int64_t n = stop > start ? stop - start : 0;
	if (n > 4096) fail(e->cx, "a range of more than 4096");
	Value *items = NEWN(e->cx->arena, Value, n + 1);
	for (int64_t i = 0; i < n; i++) items[i] = value_num((double)(start + i));
	return (Value){.kind = V_LIST, .n = (int)n, .items = items};
}

/* The operator's own words to whoever called it: the place is that of the outermost call, if it has one. */
static Value fn_fail(Elab *e, const Value *a)
{
	while (e->frame && e->frame->op) {
		e->at = e->frame->called;
		e->frame = e->frame->up;
	}
	Buf out;
	buf_init(&out, e->cx->arena);
	buf_puts(&out, "");
	for (int i = 0; i < a[0].n; i++) {
		const Value *v = &a[0].items[i];
		buf_printf(&out, "%s%s", i ? " " : "", v->kind == V_STR ? v->str : value_str_of(e, v));
	}
	fail(e->cx, "%s", out.text);
}

/* ------------------------------------------------------------------------------------------------ sources */

static Value fn_cast(Elab *e, const Value *a)
{
	if (!given(&a[1]) && !e->typed) fail(e->cx, "cast wants a type: cast(x, \"f32\") or cast(x, like)");
	Elem elem = given(&a[1]) ? value_elem(e, &a[1], "the type") : e->elem;
	if (value_known(&a[0])) return value_tensor(value_as_elem(e, &a[0], elem));
	return value_tensor(b_cast(e->cx, a[0].val, elem));
}

static Value fn_bitcast(Elab *e, const Value *a)
{
	const Attr to = attr_elem(value_elem(e, &a[1], "the type"));
	const Val *x = tensor(e, &a[0]);
	return value_tensor(x->type->elem == to.elem ? x : val_new(e->cx, OP_EW_bitcast, 1, &x, &to));
}

/* The largest finite number of a float type. */
static Value fn_largest(Elab *e, const Value *a)
{
	const Elem elem = value_elem(e, &a[0], "the type");
	if (!elem_is_float(elem)) fail(e->cx, "largest is of a float type, this is %s", elem_info[elem].name);
	return value_num(elem == F64  ? DBL_MAX
			: elem == F32 ? (double)FLT_MAX
				      : (double)narrow_to_f32(elem, narrow_largest(elem)));
}

/* Whether it is only stored: cast it before computing. */
static Value fn_is_storage(Elab *e, const Value *a)
{
	return value_num(elem_is_storage(value_elem(e, &a[0], "the operand")));
}

static Value fn_tensor(Elab *e, const Value *a)
{
	return value_tensor(value_as_elem(e, &a[0], given(&a[1]) ? value_elem(e, &a[1], "the type") : F32));
}

static Value fn_fill(Elab *e, const Value *a)
{
	const Dim **dims;
	int n = value_as_dims(e, &a[0], "a size", &dims);
	const Val *scalar = given(&a[2]) ? value_as_elem(e, &a[1], value_elem(e, &a[2], "the type")) : tensor(e, &a[1]);
	return value_tensor(b_fill(e->cx, scalar, n, dims));
}

static Value fn_zeros(Elab *e, const Value *a) { return fn_fill(e, (const Value[]){a[0], value_num(0), a[1]}); }

static Value fn_iota(Elab *e, const Value *a)
{
	const Dim **dims;
	int n = value_as_dims(e, &a[0], "a size", &dims);
	if (n == 0) fail(e->cx, "iota wants an axis to count along");
	Value zero = value_num(0);
	Elem elem = given(&a[2]) ? value_elem(e, &a[2], "the type") : I64;
	return value_tensor(b_iota(e->cx, elem, n, dims, value_axis(e, given(&a[1]) ? &a[1] : &zero, n)));
}

/* ------------------------------------------------------------------------------------------------ views */

static Value fn_reshape(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	const Dim **dims, *others = dim_int(e->cx, 1);
	int n = value_as_dims(e, &a[1], "a size", &dims), open = -1;
	for (int i = 0; i < n; i++) {
		if (!dim_is(dims[i], -1)) {
			others = dim_mul(e->cx, others, dims[i]);
			continue;
		}
		if (open >= 0) fail(e->cx, "reshape: two sizes are -1");
		open = i;
	}
	if (open >= 0) {
		const Dim *count = type_count(e->cx, x->type);
		dims[open] = dim_is(others, 0) ? NULL : dim_div_exact(e->cx, count, others);
		if (!dims[open])
			fail(e->cx, "reshape: %s does not divide into %s", type_str(e->cx, x->type),
				value_str_of(e, &a[1]));
	}
	return value_tensor(b_reshape(e->cx, x, n, dims));
}

static Value fn_permute(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int64_t *perm;
	int rank = x->type->rank, n = value_as_ints(e, &a[1], "an axis", &perm),
	    *axes = NEWN(e->cx->arena, int, rank + 1);
	if (n != rank) fail(e->cx, "permute: %d axes are named, the tensor has %d", n, rank);
	bool *seen = NEWN(e->cx->arena, bool, rank + 1);
	for (int i = 0; i < n; i++) {
		Value v = value_num((double)perm[i]);
		axes[i] = value_axis(e, &v, rank);
		if (seen[axes[i]]) fail(e->cx, "permute: axis %d is named twice", axes[i]);
		seen[axes[i]] = true;
	}
	return value_tensor(b_permute(e->cx, x, axes));
}

static Value fn_transpose(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int rank = x->type->rank, *perm = NEWN(e->cx->arena, int, rank + 1);
	if (rank < 2) fail(e->cx, "transpose wants two axes, the tensor is %s", type_str(e->cx, x->type));
	for (int i = 0; i < rank; i++) perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
	return value_tensor(b_permute(e->cx, x, perm));
}

static Value fn_expand(Elab *e, const Value *a)
{
	const Dim **dims;
	int n = value_as_dims(e, &a[1], "a size", &dims);
	return value_tensor(b_expand(e->cx, tensor(e, &a[0]), n, dims));
}

static Value fn_squeeze(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int *axes, n = value_axes(e, &a[1], x->type->rank, &axes);
	while (n-- > 0) x = b_squeeze(e->cx, x, axes[n]);
	return value_tensor(x);
}

static Value fn_unsqueeze(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int given_axes = a[1].kind == V_LIST ? a[1].n : 1, *axes;
	if (!given(&a[1])) fail(e->cx, "unsqueeze wants an axis");
	int n = value_axes(e, &a[1], x->type->rank + given_axes, &axes);
	for (int i = 0; i < n; i++) x = b_unsqueeze(e->cx, x, axes[i]);
	return value_tensor(x);
}

static Value fn_pad(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int rank = x->type->rank, axis = value_axis(e, &a[1], rank);
	const Dim **lo = NEWN(e->cx->arena, const Dim *, rank), **hi = NEWN(e->cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		lo[i] = i == axis ? value_as_dim(e, &a[2], "lo") : dim_int(e->cx, 0);
		hi[i] = i == axis ? value_as_dim(e, &a[3], "hi") : dim_int(e->cx, 0);
	}
	Value zero = value_num(0);
	const Val *value = value_as_elem(e, given(&a[4]) ? &a[4] : &zero, x->type->elem);
	return value_tensor(b_pad(e->cx, x, lo, hi, value));
}

static Value fn_window(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int64_t stride = given(&a[3]) ? value_int(e, &a[3], "stride") : 1;
	int64_t dilation = given(&a[4]) ? value_int(e, &a[4], "dilation") : 1;
	return value_tensor(
		b_window(e->cx, x, value_axis(e, &a[1], x->type->rank), value_int(e, &a[2], "size"), stride, dilation));
}

/* ------------------------------------------------------------------------------------------------ movement */

static Value fn_cat(Elab *e, const Value *a)
{
	const Value *parts = a[0].n == 1 && a[0].items[0].kind == V_LIST ? &a[0].items[0] : &a[0];
	if (parts->n == 0) fail(e->cx, "cat of nothing");
	const Val **vals = NEWN(e->cx->arena, const Val *, parts->n);
	for (int i = 0; i < parts->n; i++) vals[i] = tensor(e, &parts->items[i]);
	Value last = value_num(-1);
	int axis = value_axis(e, given(&a[1]) ? &a[1] : &last, vals[0]->type->rank);
	return value_tensor(b_concat(e->cx, parts->n, vals, axis));
}

static Value fn_split(Elab *e, const Value *a)
{
	Ctx *cx = e->cx;
	const Val *x = tensor(e, &a[0]);
	Value last = value_num(-1);
	int axis = value_axis(e, given(&a[2]) ? &a[2] : &last, x->type->rank);
	const Dim *whole = x->type->dims[axis], **sizes;
	int n;
	if (a[1].kind == V_LIST) {
		n = value_as_dims(e, &a[1], "a size", &sizes);
	} else {
		int64_t parts = value_int(e, &a[1], "the number of parts");
		if (parts < 1 || parts > 4096) fail(cx, "split into %lld parts", (long long)parts);
		n = (int)parts;
		sizes = NEWN(cx->arena, const Dim *, n);
		const Dim *size = dim_div_exact(cx, whole, dim_int(cx, n));
		if (!size) fail(cx, "split: axis %d of %s does not divide into %d", axis, type_str(cx, x->type), n);
		for (int i = 0; i < n; i++) sizes[i] = size;
	}
	Value *parts = NEWN(cx->arena, Value, n + 1);
	const Dim *at = dim_int(cx, 0);
	for (int i = 0; i < n; i++) {
		parts[i] = value_tensor(b_slice(cx, x, axis, at, sizes[i], 1));
		at = dim_add(cx, at, sizes[i]);
	}
	if (at != whole) fail(cx, "split: the sizes do not add up to axis %d of %s", axis, type_str(cx, x->type));
	return (Value){.kind = V_LIST, .n = n, .items = parts};
}

static Value fn_gather(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	Value first = value_num(0);
	return value_tensor(
		b_gather(e->cx, x, tensor(e, &a[1]), value_axis(e, given(&a[2]) ? &a[2] : &first, x->type->rank)));
}

/* ------------------------------------------------------------------------------------------------ computing */

static Value fn_contract(Elab *e, const Value *a)
{
	if (a[0].kind != V_STR) fail(e->cx, "contract begins with its letters: contract(\"bk,kn->bn\", a, b)");
	return value_tensor(b_contract(e->cx, a[0].str, tensor(e, &a[1]), tensor(e, &a[2])));
}

/* Of a list of numbers and sizes: prod(shape(x)[1:]). */
static Value reduce_list(Elab *e, int op, const Value *list, double unit)
{
	if (list->n == 0 && !isfinite(unit)) fail(e->cx, "the extreme of an empty list");
	Value y = list->n ? list->items[0] : value_num(unit);
	for (int i = 1; i < list->n; i++) y = value_binary(e, op, &y, &list->items[i]);
	return y;
}

static Value reduce(Elab *e, const char *kind, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int *axes, n = value_axes(e, &a[1], x->type->rank, &axes);
	return value_tensor(b_reduce(e->cx, kind, x, n, axes, flag(e, &a[2])));
}

static Value fn_sum(Elab *e, const Value *a)
{
	return a[0].kind == V_LIST ? reduce_list(e, OP_EW_add, a, 0) : reduce(e, "sum", a);
}
static Value fn_prod(Elab *e, const Value *a)
{
	return a[0].kind == V_LIST ? reduce_list(e, OP_EW_mul, a, 1) : reduce(e, "prod", a);
}
static Value fn_max(Elab *e, const Value *a)
{
	return a[0].kind == V_LIST ? reduce_list(e, OP_EW_max, a, (double)INFINITY) : reduce(e, "max", a);
}
static Value fn_min(Elab *e, const Value *a)
{
	return a[0].kind == V_LIST ? reduce_list(e, OP_EW_min, a, (double)INFINITY) : reduce(e, "min", a);
}

static Value fn_mean(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	int *axes, n = value_axes(e, &a[1], x->type->rank, &axes);
	const Dim *count = dim_int(e->cx, 1);
	for (int i = 0; i < n; i++) count = dim_mul(e->cx, count, x->type->dims[axes[i]]);
	Value sum = reduce(e, "sum", a), size = value_dim(e->cx, count);
	return value_binary(e, OP_EW_div, &sum, &size);
}

static Value arg_extreme(Elab *e, const char *kind, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	return value_tensor(b_argreduce(e->cx, kind, x, value_axis(e, &a[1], x->type->rank), flag(e, &a[2])));
}
static Value fn_argmax(Elab *e, const Value *a) { return arg_extreme(e, "max", a); }
static Value fn_argmin(Elab *e, const Value *a) { return arg_extreme(e, "min", a); }

static Value cumulative(Elab *e, const char *kind, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	return value_tensor(
		b_cumulative(e->cx, kind, x, value_axis(e, &a[1], x->type->rank), flag(e, &a[2]), flag(e, &a[3])));
}
static Value fn_cumsum(Elab *e, const Value *a) { return cumulative(e, "sum", a); }
static Value fn_cumprod(Elab *e, const Value *a) { return cumulative(e, "prod", a); }
static Value fn_cummax(Elab *e, const Value *a) { return cumulative(e, "max", a); }

static Value fn_sort(Elab *e, const Value *a)
{
	const Val *x = tensor(e, &a[0]);
	Value last = value_num(-1);
	return value_tensor(
		b_sort(e->cx, x, value_axis(e, given(&a[1]) ? &a[1] : &last, x->type->rank), flag(e, &a[2])));
}

/* ------------------------------------------------------------------------------------------------ the table */

static const struct Builtin {
	const char *name, *signature;
	Value (*fn)(Elab *, const Value *args);
} builtins[] = {
	{"argmax", "x axis last?", fn_argmax},
	{"argmin", "x axis last?", fn_argmin},
	{"bitcast", "x type", fn_bitcast},
	{"cast", "x type?", fn_cast},
	{"cat", "xs... axis?", fn_cat},
	{"contract", "letters a b", fn_contract},
	{"cummax", "x axis exclusive? reverse?", fn_cummax},
	{"cumprod", "x axis exclusive? reverse?", fn_cumprod},
	{"cumsum", "x axis exclusive? reverse?", fn_cumsum},
	{"dim", "x axis", fn_dim},
	{"elem", "x", fn_elem},
	{"expand", "x shape", fn_expand},
	{"fail", "words...", fn_fail},
	{"fill", "shape value type?", fn_fill},
	{"gather", "x index axis?", fn_gather},
	{"given", "x?", fn_given},
	{"iota", "shape axis? type?", fn_iota},
	{"is_bool", "x", fn_is_bool},
	{"is_float", "x", fn_is_float},
	{"is_signed", "x", fn_is_signed},
	{"is_storage", "x", fn_is_storage},
	{"known", "x?", fn_known},
	{"largest", "type", fn_largest},
	{"len", "list", fn_len},
	{"max", "x axis? keep?", fn_max},
	{"mean", "x axis? keep?", fn_mean},
	{"min", "x axis? keep?", fn_min},
	{"pad", "x axis lo hi value?", fn_pad},
	{"permute", "x axes", fn_permute},
	{"prod", "x axis? keep?", fn_prod},
	{"range", "start stop?", fn_range},
	{"rank", "x", fn_rank},
	{"reshape", "x shape", fn_reshape},
	{"shape", "x", fn_shape},
	{"sort", "x axis? descending?", fn_sort},
	{"split", "x parts axis?", fn_split},
	{"squeeze", "x axis?", fn_squeeze},
	{"sum", "x axis? keep?", fn_sum},
	{"tensor", "list type?", fn_tensor},
	{"transpose", "x", fn_transpose},
	{"unsqueeze", "x axis", fn_unsqueeze},
	{"window", "x axis size stride? dilation?", fn_window},
	{"zeros", "shape type", fn_zeros},
};

static const struct Builtin *find(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(builtins[i].name, name)) return &builtins[i];
	return NULL;
}

bool builtin_has(const char *name) { return find(name) != NULL; }

Value builtin_call(Elab *e, const char *name, int n_args, const Value *args, const char *const *names)
{
	const struct Builtin *b = find(name);
	Value bound[MAX_PARAMS] = {0};
	bool *used = NEWN(e->cx->arena, bool, n_args + 1);
	int next = 0, k = 0;
	for (const char *p = b->signature; *p; k++) {
		size_t n = strcspn(p, " ?.");
		bool optional = p[n] == '?', variadic = p[n] == '.';
		bool present = false;
		if (variadic) {
			Value *items = NEWN(e->cx->arena, Value, n_args + 1);
			int count = 0;
			for (int i = 0; i < n_args; i++)
				if (!names || !names[i]) {
					items[count++] = args[i];
					used[i] = true;
				}
			bound[k] = (Value){.kind = V_LIST, .n = count, .items = items};
			next = n_args;
			present = true;
		}
		for (int i = 0; i < n_args && !present; i++)
			if (names && names[i] && strlen(names[i]) == n && !memcmp(names[i], p, n)) {
				bound[k] = args[i];
				present = used[i] = true;
			}
		while (next < n_args && names && names[next]) next++;
		if (!present && next < n_args) {
			used[next] = present = true;
			bound[k] = args[next++];
		}
		if (!present && !optional) fail(e->cx, "%s: %.*s is missing", name, (int)n, p);
		p += n + strspn(p + n, " ?.");
	}
	for (int i = 0; i < n_args; i++)
		if (!used[i]) {
			if (names && names[i])
				fail(e->cx, "%s has no argument called %s, or it is given twice", name, names[i]);
			fail(e->cx, "%s: too many arguments (%s)", name, b->signature);
		}
	return b->fn(e, bound);
}
