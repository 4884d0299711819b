/* ops_generate.c: values made from sizes and numbers: ConstantOfShape, Range, EyeLike, OneHot, Trilu. */
#include "frontend/onnx/operands.h"

#include <math.h>

static void import_constant_of_shape(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Dim *const *dims;
	const Tensor *value = node_tensor(n, "value");
	node_in(n, 0, "input");
	int rank = node_rank(n, node_dims(n, 0, "input", &dims));
	if (value && value->count != 1)
		node_fail(n, "attribute value: one element wanted, %lld seen", (long long)value->count);
	const Val *one = value ? b_reshape(cx, val_const(cx, value), 0, NULL) : b_scalar(cx, F32, 0);
	out[0] = b_fill(cx, folded(cx, one), rank, dims);
}

/* ---------------------------------------------------------------------------------------------------- Range */

/* The largest number up to which a float type has all integers. */
static int64_t exact_to(Elem elem)
{
	return INT64_C(1) << (elem == F64 ? 53 : elem == F32 ? 24 : narrow_format(elem)->mantissa + 1);
}

/* A number as a dim: an integer, or a float that is one by itself or as what it is made of.  exact: its type holds it, whatever
 * the symbols are. */
static const Dim *end_as_dim(Ctx *cx, const Val *v, bool *exact)
{
	const Dim *d;
	const Elem elem = v->type->elem;
	const Tensor *t = elem_is_float(elem) ? known_tensor(cx, v) : NULL;
	if (t) {
		const double x = tensor_get(t, 0);
		return x == floor(x) && fabs(x) <= (double)exact_to(elem) ? dim_int(cx, (int64_t)x) : NULL;
	}
	while (elem_is_float(v->type->elem)) {
		if (v->op != OP_reshape && v->op != OP_EW_cast) return NULL;
		v = v->args[0];
		if (elem_is_float(v->type->elem) && v->type->elem != elem)
			return NULL; /* which may have rounded, too */
	}
	if (!val_as_dims(cx, v, 1, &d)) return NULL;
	if (elem_is_float(elem)) *exact &= dim_lo(d) >= -exact_to(elem) && dim_hi(d) <= exact_to(elem);
	return d;
}

static const Dim *integer_length(const Node *n, const Val *const *ends, bool *exact)
{
	Ctx *cx = n->cx;
	const Dim *d[3];
	int64_t step;
	for (int i = 0; i < 3; i++)
		if (!(d[i] = end_as_dim(cx, ends[i], exact))) return NULL;
	if (!dim_is_int(d[2], &step)) return NULL;
	if (step == 0) node_fail(n, "input delta is 0");
	const Dim *way = step > 0 ? dim_sub(cx, d[1], d[0]) : dim_sub(cx, d[0], d[1]);
	return dim_max(cx, dim_ceildiv(cx, way, dim_int(cx, step > 0 ? step : -step)), dim_int(cx, 0));
}

/* The number of elements where it is known, of integers also as a dim. */
static const Dim *range_length(const Node *n, const Val *const *ends, bool *exact)
{
	Ctx *cx = n->cx;
	const Dim *length = integer_length(n, ends, exact);
	if (length || !elem_is_float(ends[0]->type->elem)) return length;
	double v[3];
	for (int i = 0; i < 3; i++) {
		const Tensor *t = known_tensor(cx, ends[i]);
		if (!t) return NULL;
		v[i] = tensor_get(t, 0);
	}
	double count = ceil((v[1] - v[0]) / v[2]);
	if (!(fabs(count) < 1e15)) node_fail(n, "%g to %g by %g has no number of elements", v[0], v[1], v[2]);
	return dim_int(cx, count > 0 ? (int64_t)count : 0);
}

/* The same at run time, i64: ceil of the quotient, and not below 0. */
static const Val *range_count(Ctx *cx, const Val *const *ends)
{
	Elem wide = elem_is_float(ends[0]->type->elem) ? F64 : I64;
	int64_t from, by;
	bool counts =
		wide == I64 && known_int(cx, ends[0], &from) && known_int(cx, ends[2], &by) && from == 0 && by == 1;
	if (counts) return binary(cx, OP_EW_max, b_cast(cx, ends[1], I64), b_scalar_int(cx, I64, 0));
	const Val *way = binary(cx, OP_EW_sub, b_cast(cx, ends[1], wide), b_cast(cx, ends[0], wide)), *count;
	const Val *step = b_cast(cx, ends[2], wide);
	if (wide == F64) {
		count = b_cast(cx, b_ew1(cx, OP_EW_ceil, binary(cx, OP_EW_div, way, step)), I64);
	} else { /* towards zero, and one more where something is left in the same direction */
		const Val *zero = b_scalar_int(cx, I64, 0), *whole = binary(cx, OP_EW_div, way, step);
		const Val *rest = binary(cx, OP_EW_rem, way, step);
		const Val *same = binary(cx, OP_EW_eq, b_ew1(cx, OP_EW_sign, rest), b_ew1(cx, OP_EW_sign, step));
		count = binary(cx, OP_EW_add, whole, b_cast(cx, same, I64));
		count = b_select(cx, binary(cx, OP_EW_eq, step, zero), zero, count);
	}
	return binary(cx, OP_EW_max, count, b_scalar_int(cx, I64, 0));
}

/* start + i * delta; half types compute in f32 where stash_type says so. */
static const Val *range_values(Ctx *cx, const Val *index, const Val *start, const Val *delta, Elem wide)
{
	const Val *way = binary(cx, OP_EW_mul, b_cast(cx, index, wide), b_cast(cx, delta, wide));
	return b_cast(cx, binary(cx, OP_EW_add, b_cast(cx, start, wide), way), start->type->elem);
}

static void import_range(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	static const char *const names[] = {"start", "limit", "delta"};
	const Val *ends[3];
	for (int i = 0; i < 3; i++) {
		node_in(n, i, names[i]);
		ends[i] = node_scalar(n, i, names[i]);
		if (ends[i]->type->elem != ends[0]->type->elem || ends[i]->type->elem == BOOL)
			node_fail(n, "input %s: %s wanted, %s seen", names[i], type_str(cx, ends[0]->type),
				type_str(cx, ends[i]->type));
	}
	Elem elem = ends[0]->type->elem, wide = elem == F16 || elem == BF16 ? F32 : elem;
	if (node_has(n, "stash_type")) {
		Elem stash = onnx_elem(cx, (int32_t)node_int(n, "stash_type", 1), "attribute stash_type");
		if (elem == F16 || elem == BF16) wide = stash;
		if (!elem_is_float(stash)) node_fail(n, "attribute stash_type: a float type wanted");
	}
	bool exact = true;
	const Dim *length = range_length(n, ends, &exact);
	if (length && !exact) node_check_size(n, range_count(cx, ends), length);
	if (!length) length = node_size(n, range_count(cx, ends), result_dim_name(n, 0, 0), 0, NULL);
	out[0] = range_values(cx, b_iota(cx, I64, 1, &length, 0), ends[0], ends[2], wide);
}

/* ---------------------------------------------------------------------------------------------- masks of indices */

static void import_eye_like(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Type *t = node_in(n, 0, "input")->type;
	if (t->rank != 2) node_fail(n, "a matrix wanted, %s seen", type_str(cx, t));
	Elem elem = t->elem;
	if (node_has(n, "dtype")) elem = onnx_elem(cx, (int32_t)node_int(n, "dtype", 1), "attribute dtype");
	const Val *k = b_scalar_int(cx, I64, node_int(n, "k", 0));
	const Val *row = binary(cx, OP_EW_add, index_along(cx, 2, t->dims, 0), k);
	out[0] = b_cast(cx, binary(cx, OP_EW_eq, row, index_along(cx, 2, t->dims, 1)), elem);
}

static void import_trilu(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input"), *k = node_scalar(n, 1, "k");
	int rank = x->type->rank;
	if (rank < 2) node_fail(n, "a matrix or more wanted, %s seen", type_str(cx, x->type));
	const Val *row = index_along(cx, rank, x->type->dims, rank - 2);
	if (k) row = binary(cx, OP_EW_add, row, b_cast(cx, k, I64));
	const Val *column = index_along(cx, rank, x->type->dims, rank - 1);
	const Val *kept = binary(cx, node_int(n, "upper", 1) ? OP_EW_ge : OP_EW_le, column, row);
	out[0] = b_select(cx, kept, x, b_scalar(cx, x->type->elem, 0));
}

static void import_one_hot(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *index = node_in(n, 0, "indices"), *values = node_in(n, 2, "values");
	const Dim *depth = NULL, *one = dim_int(cx, 1), *zero = dim_int(cx, 0);
	const Val *depth_value = node_in(n, 1, "depth");
	int rank = index->type->rank;
	int64_t count;
	if (!dim_is_int(type_count(cx, depth_value->type), &count) || count != 1)
		node_fail(n, "input depth: one number wanted, %s seen", type_str(cx, depth_value->type));
	/* any type of numbers may say it */
	depth = node_size(n, b_cast(cx, folded(cx, node_scalar(n, 1, "depth")), I64), operand_name(n, 1, 0), 0, NULL);
	if (!dim_is_int(type_count(cx, values->type), &count) || count != 2)
		node_fail(n, "input values: 2 elements wanted, %s seen", type_str(cx, values->type));
	int axis = node_axis(n, node_int(n, "axis", -1), node_rank(n, rank + 1));
	index = b_cast(cx, b_unsqueeze(cx, index, axis), I64);
	if (n->opset >= 11) index = wrap_index(cx, index, b_dim(cx, depth));
	const Dim **dims = dims_with_room(cx, index->type, 0);
	dims[axis] = depth;
	const Val *is_on = binary(cx, OP_EW_eq, index_along(cx, rank + 1, dims, axis), index);
	const Val *off = b_reshape(cx, b_slice(cx, values, 0, zero, one, 1), 0, NULL);
	const Val *on = b_reshape(cx, b_slice(cx, values, 0, one, one, 1), 0, NULL);
	out[0] = b_select(cx, is_on, on, off);
}

const Importer onnx_ops_generate[] = {
	{"", "ConstantOfShape", 9, 0, "value", 1, 1, 1, import_constant_of_shape},
	{"", "Range", 11, 26, "", 3, 3, 1, import_range},
	{"", "Range", 27, 0, "stash_type", 3, 3, 1, import_range},
	{"", "EyeLike", 9, 0, "dtype k", 1, 1, 1, import_eye_like},
	{"", "Trilu", 14, 0, "upper", 1, 2, 1, import_trilu},
	{"", "OneHot", 9, 0, "axis", 3, 3, 1, import_one_hot},
	{.op = NULL},
};
