/* prim.c: the table of the primitives, and the checks that their type rules share.
 *
 * Element-wise rows come from prim.def whole.  Of a structural op prim.def gives the name and ir/ops/NAME.c the type rule
 * and the evaluation; the rows here add its number of operands (-1: any) and its attributes in print order.
 */
#include "ir/prim.h"

#include <string.h>

const struct AttrInfo attr_info[N_ATTRS] = {
#define X(key, text, kind) {text, kind},
	ATTRS(X)
#undef X
};

#define STRUCTURAL(X)                                      \
	X(param, 0, A_INDEX, A_ELEM, A_SHAPE)              \
	X(const, 0, A_DATA)                                \
	X(dim, 0, A_VALUE)                                 \
	X(iota, 0, A_ELEM, A_SHAPE, A_AXIS)                \
	X(get, 1, A_INDEX)                                 \
	X(reshape, 1, A_SHAPE)                             \
	X(permute, 1, A_PERM)                              \
	X(slice, 1, A_START, A_SIZE, A_STEP)               \
	X(pad, 2, A_LO, A_HI)                              \
	X(expand, 1, A_SHAPE)                              \
	X(window, 1, A_AXIS, A_WINDOW)                     \
	X(concat, -1, A_AXIS)                              \
	X(gather, 2, A_AXIS)                               \
	X(gather_nd, 2, A_BATCH)                           \
	X(scatter_nd, 3, A_KIND)                           \
	X(contract, 2, A_SPEC)                             \
	X(reduce, 1, A_KIND, A_AXES)                       \
	X(argreduce, 1, A_KIND, A_AXIS, A_FLAGS)           \
	X(cumulative, 1, A_KIND, A_AXIS, A_FLAGS)          \
	X(sort, 1, A_AXIS, A_FLAGS)                        \
	X(scan, -1, A_COUNTS, A_LENGTH, A_REVERSE, A_BODY) \
	X(loop, -1, A_COUNTS, A_LENGTH, A_BODY)            \
	X(cond, -1, A_BODY)                                \
	X(call, -1, A_NAME, A_BODY)                        \
	X(size, 1, A_VALUE)                                \
	X(after, 2, N_ATTRS)                               \
	X(guard, 2, A_NAME)

/* Every ST row of prim.def has its row above. */
enum {
	N_STRUCTURAL = 0
#define X(name, ...) +1
	STRUCTURAL(X)
#undef X
		,
	N_ST = 0
#define EW(...)
#define ST(name) +1
#include "ir/prim.def"
#undef EW
#undef ST
};
static_assert((int)N_STRUCTURAL == (int)N_ST, "a structural op without its row");

static const AttrKey no_attrs[] = {N_ATTRS};
static const AttrKey cast_attrs[] = {A_ELEM, N_ATTRS};
#define X(op, n, ...) static const AttrKey op##_attrs[] = {__VA_ARGS__, N_ATTRS};
STRUCTURAL(X)
#undef X

const OpInfo op_info[N_OPS] = {
#define EW(op, arity, cls, c, gradient_text, text)                             \
	[OP_EW_##op] = {.name = #op,                                           \
		.n_args = arity,                                               \
		.attrs = (cls) == 't' || (cls) == 'b' ? cast_attrs : no_attrs, \
		.is_ew = true,                                                 \
		.infer = infer_ew,                                             \
		.eval = eval_ew,                                               \
		.ew_class = cls,                                               \
		.gradient = gradient_text,                                     \
		.doc = text},
#define ST(op)
#include "ir/prim.def"
#undef EW
#undef ST
#define X(op, n, ...) \
	[OP_##op] = {.name = #op, .n_args = n, .attrs = op##_attrs, .infer = infer_##op, .eval = eval_##op},
	STRUCTURAL(X)
#undef X
};

Adjoint *const op_adjoint[N_OPS] = {
#define X(op) [OP_##op] = adjoint_##op,
	DIFFERENTIABLE(X)
#undef X
};

bool op_parse(const char *name, Op *op)
{
	for (int i = 0; i < N_OPS; i++) {
		if (strcmp(op_info[i].name, name) == 0) {
			*op = (Op)i;
			return true;
		}
	}
	return false;
}

void want_computable(Ctx *cx, Op op, Elem elem)
{
	if (elem_is_storage(elem))
		fail(cx, "%s: %s is for storage only; cast it", op_info[op].name, elem_info[elem].name);
}

bool elem_is_number(Elem elem) { return elem != BOOL && !elem_is_storage(elem); }

const char *dim_str(Ctx *cx, const Dim *d)
{
	Buf b;
	buf_init(&b, cx->arena);
	dim_print(&b, d);
	return b.text;
}

const Dim **dims_copy(Ctx *cx, const Type *t, int extra)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank + extra);
	if (t->rank) memcpy(dims, t->dims, sizeof *dims * (size_t)t->rank);
	return dims;
}

void want_scalar(Ctx *cx, Op op, const char *what, const Type *t, Elem elem)
{
	if (t->rank || t->elem != elem)
		fail(cx, "%s: %s must be %s[], seen %s", op_info[op].name, what, elem_info[elem].name, type_str(cx, t));
}

void want_n(Ctx *cx, Op op, const Attr *attr, int n)
{
	if (attr->n != n)
		fail(cx, "%s: attribute %s must have %d elements, seen %d", op_info[op].name, attr_info[attr->key].name,
			n, attr->n);
}

int64_t want_int(Ctx *cx, Op op, const Attr *attr, int i, int64_t lo, int64_t hi)
{
	assert(i < attr->n);
	if (attr->ints[i] < lo || attr->ints[i] > hi)
		fail(cx, "%s: attribute %s: %lld is not within %lld..%lld", op_info[op].name, attr_info[attr->key].name,
			(long long)attr->ints[i], (long long)lo, (long long)hi);
	return attr->ints[i];
}

int want_axis(Ctx *cx, Op op, const Attr *attr, const Type *t)
{
	want_n(cx, op, attr, 1);
	if (attr->ints[0] < 0 || attr->ints[0] >= t->rank)
		fail(cx, "%s: axis %lld of %s", op_info[op].name, (long long)attr->ints[0], type_str(cx, t));
	return (int)attr->ints[0];
}

int want_index_depth(Ctx *cx, Op op, const Type *t)
{
	int64_t depth = -1;
	if (!elem_is_int(t->elem) || t->rank < 1 || !dim_is_int(t->dims[t->rank - 1], &depth) || depth < 0 ||
		depth > INT32_MAX / 2)
		fail(cx, "%s: indices must be integers with a last dim of fixed size, seen %s", op_info[op].name,
			type_str(cx, t));
	return (int)depth;
}

void want_sizes(Ctx *cx, Op op, const char *what, int n, Dims dims)
{
	for (int i = 0; i < n; i++)
		if (dim_hi(dims[i]) < 0)
			fail(cx, "%s: %s %s is negative", op_info[op].name, what, dim_str(cx, dims[i]));
}

int want_kind(Ctx *cx, Op op, const Attr *attr, const char *const *names)
{
	Buf all;
	buf_init(&all, cx->arena);
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], attr->str) == 0) return i;
		buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
	}
	fail(cx, "%s: kind must be one of %s, seen %s", op_info[op].name, all.text, attr->str);
}

void want_same_dims(Ctx *cx, Op op, const char *a_name, const Type *a, const char *b_name, const Type *b, int a_from,
	int b_from, int n)
{
	for (int i = 0; i < n; i++)
		if (a->dims[a_from + i] != b->dims[b_from + i])
			fail(cx, "%s: dims differ: dim %d of %s is %s, dim %d of %s is %s", op_info[op].name,
				a_from + i, a_name, dim_str(cx, a->dims[a_from + i]), b_from + i, b_name,
				dim_str(cx, b->dims[b_from + i]));
}

void want_same_type(Ctx *cx, Op op, const char *what, int i, const Type *wanted, const Type *seen)
{
	if (wanted != seen)
		fail(cx, "%s: %s %d must be %s, seen %s", op_info[op].name, what, i + 1, type_str(cx, wanted),
			type_str(cx, seen));
}

void want_params(Ctx *cx, Op op, const Graph *body, int n)
{
	if (body->n_params != n)
		fail(cx, "%s: the body must have %d parameters, seen %d", op_info[op].name, n, body->n_params);
}

const Type *results_type(Ctx *cx, const Graph *body)
{
	const Type **parts = NEWN(cx->arena, const Type *, body->n_results);
	for (int i = 0; i < body->n_results; i++) parts[i] = body->results[i]->type;
	return type_tuple(cx, body->n_results, parts);
}

const Type *stepped_type(Ctx *cx, Op op, const Graph *body, int first_carry, int n_carries, const Val *const *carries,
	const Dim *length, const Type *count)
{
	if (body->n_results < first_carry + n_carries)
		fail(cx, "%s: the body must give at least %d results, seen %d", op_info[op].name,
			first_carry + n_carries, body->n_results);
	const Type **parts = NEWN(cx->arena, const Type *, body->n_results + 1);
	int n = 0;
	if (count) parts[n++] = count;
	for (int i = first_carry; i < body->n_results; i++) {
		const Type *t = body->results[i]->type;
		if (i < first_carry + n_carries) {
			want_same_type(cx, op, "the body's result", i, carries[i - first_carry]->type, t);
			parts[n++] = t;
			continue;
		}
		const Dim **dims = NEWN(cx->arena, const Dim *, t->rank + 1);
		dims[0] = length;
		if (t->rank) memcpy(dims + 1, t->dims, sizeof *dims * (size_t)t->rank);
		parts[n++] = type_new(cx, t->elem, t->rank + 1, dims);
	}
	return type_tuple(cx, n, parts);
}
