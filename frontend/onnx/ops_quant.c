/* ops_quant.c: quantised numbers: q stands for (q - zero_point) * scale.
 *
 * Products of quantised numbers are those of 32-bit integers, which is exact; where no sum reaches what f32 counts exactly, they
 * are computed in f32, which are the same numbers in any order of summing, and sooner.  Padding is the zero point, because
 * padding comes after its subtraction.  A result is rounded half to even, then the zero point is added, then it is
 * saturated, which is what a cast from float to integer does.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/quant.h"

static bool has_one(Ctx *cx, const Val *v) { return dim_is(type_count(cx, v->type), 1); }

static const Val *integers(const Node *n, int i, const char *what, int max_bytes)
{
	const Val *v = node_integers(n, i, what);
	if (elem_info[v->type->elem].size > max_bytes)
		node_fail(n, "input %s: %s is not supported", what, type_str(n->cx, v->type));
	return v;
}

static bool is_zero(const Val *v)
{
	if (v->op != OP_const) return false;
	const Tensor *t = val_attr(v, A_DATA)->tensor;
	for (int64_t i = 0; i < t->count; i++)
		if (tensor_get(t, i) != 0) return false;
	return true;
}

/* x + zero; zero NULL: 0.  Half types have no room for the zero points of 16 bits. */
static const Val *plus_zero(Ctx *cx, const Val *x, const Val *zero)
{
	if (!zero || is_zero(zero)) return x;
	if (x->type->elem != F64) x = b_cast(cx, x, F32);
	return binary(cx, OP_EW_add, x, b_cast(cx, zero, x->type->elem));
}

/* round(x) + zero, saturated. */
static const Val *to_quantized(Ctx *cx, const Val *x, const Val *zero, Elem elem)
{
	return b_cast(cx, plus_zero(cx, b_ew1(cx, OP_EW_round, x), zero), elem);
}

/* The same in floats for storage: the cast rounds, as the operator Cast does. */
static const Val *to_narrow(const Node *n, const Val *x, const Val *zero, Elem elem)
{
	const LibAttr attrs[] = {{.name = "to", .kind = LIB_STR, .str = elem_info[elem].name},
		{.name = "saturate", .kind = LIB_NUM, .num = (double)node_int(n, "saturate", 1)}};
	const Val *y = plus_zero(n->cx, x, zero);
	lib_call(n->cx, "onnx_convert", 1, &y, 2, attrs, 1, &y);
	return y;
}

/* ---------------------------------------------------------------------------------------------------- Quantize.. */

/* A scale or zero point made to broadcast against x: one for all, one along the axis, or one for each block of it. */
static const Val *spread(const Node *n, const Val *s, const Val *x, const char *what)
{
	Ctx *cx = n->cx;
	const Type *t = s->type, *of_x = x->type;
	int64_t block = node_int(n, "block_size", 0);
	if (t->rank <= 1 && has_one(cx, s)) return b_reshape(cx, s, 0, NULL);
	int axis = node_axis(n, node_int(n, "axis", 1), of_x->rank);
	if (t->rank == 1 && block == 0) {
		if (n->opset < 13) node_fail(n, "input %s: one element wanted, %s seen", what, type_str(cx, t));
		node_same_dim(
			n, of_x->dims[axis], t->dims[0], arena_printf(cx->arena, "dim %d of x and %s", axis, what));
		const Dim **dims = NEWN(cx->arena, const Dim *, of_x->rank);
		for (int i = 0; i < of_x->rank; i++) dims[i] = i == axis ? t->dims[0] : dim_int(cx, 1);
		return b_reshape(cx, s, of_x->rank - axis, dims + axis);
	}
	if (t->rank != of_x->rank || block < 1)
		node_fail(n, "input %s: %s for %s in blocks of %lld", what, type_str(cx, t), type_str(cx, of_x),
			(long long)block);
	for (int i = 0; i < t->rank; i++) {
		const Dim *blocks = i == axis ? dim_ceildiv(cx, of_x->dims[i], dim_int(cx, block)) : of_x->dims[i];
		node_same_dim(
			n, blocks, t->dims[i], arena_printf(cx->arena, "dim %d of the blocks of x and %s", i, what));
	}
	const Dim **dims = dims_with_room(cx, t, 1);
	for (int i = t->rank; i > axis + 1; i--) dims[i] = dims[i - 1];
	dims[axis + 1] = dim_int(cx, block);
	s = b_expand(cx, b_unsqueeze(cx, s, axis + 1), t->rank + 1, dims);
	const Dim *all = dim_mul(cx, dims[axis], dims[axis + 1]);
	return b_slice(cx, replace_dims(cx, s, axis, 2, 1, &all), axis, dim_int(cx, 0), of_x->dims[axis], 1);
}

static void want_same_shape(const Node *n, const Val *scale, const Val *zero)
{
	bool same = scale->type->rank == zero->type->rank;
	for (int i = 0; same && i < scale->type->rank; i++) same = scale->type->dims[i] == zero->type->dims[i];
	if (!same && !(has_one(n->cx, scale) && has_one(n->cx, zero)))
		node_fail(n, "one zero point for each scale wanted, %s and %s seen", type_str(n->cx, zero->type),
			type_str(n->cx, scale->type));
}

/* The type that an attribute names; the default when it is absent or 0. */
static Elem type_attr(const Node *n, const char *attr, Elem default_type)
{
	int64_t value = node_int(n, attr, 0);
	if (value < 0 || value > INT32_MAX) node_fail(n, "attribute %s: %lld is no type", attr, (long long)value);
	return value ? onnx_elem(n->cx, (int32_t)value, arena_printf(n->cx->arena, "attribute %s", attr))
		     : default_type;
}

static void import_quantize(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "x"), *scale = node_in(n, 1, "y_scale"), *zero = node_opt(n, 2);
	Elem elem = type_attr(n, "output_dtype", zero ? zero->type->elem : U8);
	const bool to_float = elem_is_float(elem) && elem_is_storage(elem);
	if (!to_float && (!elem_is_int(elem) || elem_info[elem].size > 2))
		node_fail(n, "quantising to %s is not supported", elem_info[elem].name);
	if (zero && zero->type->elem != elem)
		node_fail(n, "input y_zero_point: %s wanted, %s seen", elem_info[elem].name, type_str(cx, zero->type));
	if (zero) want_same_shape(n, scale, zero);
	Elem precision = type_attr(n, "precision", elem_is_float(scale->type->elem) ? scale->type->elem : F64);
	if (!elem_is_float(precision))
		node_fail(n, "attribute precision: %s is not supported", elem_info[precision].name);
	const Val *divided =
		binary(cx, OP_EW_div, b_cast(cx, x, precision), b_cast(cx, spread(n, scale, x, "y_scale"), precision));
	if (zero) zero = spread(n, zero, x, "y_zero_point");
	out[0] = to_float ? to_narrow(n, divided, zero, elem) : to_quantized(cx, divided, zero, elem);
}

/* q - zero as that type, computed in it where it has all differences, else in 32-bit integers; of floats in f32. */
static const Val *centred(Ctx *cx, const Val *q, const Val *zero, Elem elem)
{
	const bool wide_enough = (elem == F32 || elem == F64) && elem_info[q->type->elem].size <= 2;
	const Elem wide = wide_enough ? elem : elem_is_float(q->type->elem) ? F32 : I32;
	q = b_cast(cx, q, wide);
	return b_cast(cx, !zero || is_zero(zero) ? q : binary(cx, OP_EW_sub, q, b_cast(cx, zero, wide)), elem);
}

static void import_dequantize(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "x"), *scale = node_in(n, 1, "x_scale"), *zero = node_opt(n, 2);
	if (!elem_is_float(x->type->elem) || !elem_is_storage(x->type->elem)) integers(n, 0, "x", 4);
	if (zero && zero->type->elem != x->type->elem)
		node_fail(n, "input x_zero_point: %s wanted, %s seen", elem_info[x->type->elem].name,
			type_str(cx, zero->type));
	if (zero) want_same_shape(n, scale, zero);
	Elem elem = type_attr(n, "output_dtype", scale->type->elem);
	if (!elem_is_float(elem)) node_fail(n, "dequantising to %s is not supported", elem_info[elem].name);
	const Val *q = centred(cx, x, zero ? spread(n, zero, x, "x_zero_point") : NULL, elem);
	out[0] = binary(cx, OP_EW_mul, q, b_cast(cx, spread(n, scale, x, "x_scale"), elem));
}

typedef struct {
	const Val *q, *scale, *point;
} Quantized;

/* f32 to u8, with the scale and zero point that the range of x and 0 needs. */
static Quantized dynamic_quantize(Ctx *cx, const Val *x)
{
	const Val *zero = b_scalar(cx, F32, 0);
	const Dim *count = type_count(cx, x->type);
	const Val *flat = b_reshape(cx, x, 1, &count);
	const Val *max = binary(cx, OP_EW_max, b_reduce(cx, "max", flat, 1, (int[]){0}, false), zero);
	const Val *min = binary(cx, OP_EW_min, b_reduce(cx, "min", flat, 1, (int[]){0}, false), zero);
	const Val *scale = with_number(cx, OP_EW_div, binary(cx, OP_EW_sub, max, min), 255);
	scale = b_select(cx, binary(cx, OP_EW_eq, max, min), b_scalar(cx, F32, 1), scale);
	const Val *point = to_quantized(cx, binary(cx, OP_EW_div, b_ew1(cx, OP_EW_neg, min), scale), NULL, U8);
	return (Quantized){to_quantized(cx, binary(cx, OP_EW_div, x, scale), point, U8), scale, point};
}

static void import_dynamic_quantize(Node *n, const Val **out)
{
	const Val *x = node_in(n, 0, "x");
	if (x->type->elem != F32) node_fail(n, "input x: f32 wanted, %s seen", type_str(n->cx, x->type));
	Quantized y = dynamic_quantize(n->cx, x);
	out[0] = y.q;
	if (n->n_out > 1) out[1] = y.scale;
	if (n->n_out > 2) out[2] = y.point;
}

/* ---------------------------------------------------------------------------------------------------- products */

/* A vector along the first of `rank` dims; one element is one for all. */
static const Val *along_first(const Node *n, const Val *v, int rank, const Dim *size, const char *what)
{
	Ctx *cx = n->cx;
	if (!v || has_one(cx, v)) return v ? b_reshape(cx, v, 0, NULL) : NULL;
	if (v->type->rank != 1)
		node_fail(n, "input %s: one element or a vector wanted, %s seen", what, type_str(cx, v->type));
	node_same_dim(n, size, v->type->dims[0], arena_printf(cx->arena, "the channels and %s", what));
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) dims[i] = i == 0 ? v->type->dims[0] : dim_int(cx, 1);
	return b_reshape(cx, v, rank, dims);
}

/* The same for rows of a matrix operand: a vector is one for each row, anything else broadcasts. */
static const Val *along_rows(const Node *n, const Val *v, const Val *of)
{
	Ctx *cx = n->cx;
	if (!v) return NULL;
	if (has_one(cx, v)) return b_reshape(cx, v, 0, NULL);
	return v->type->rank == 1 && of->type->rank > 1 ? b_unsqueeze(cx, v, 1) : v;
}

static const Val *along_columns(Ctx *cx, const Val *v) { return v && has_one(cx, v) ? b_reshape(cx, v, 0, NULL) : v; }

/* What broadcasting to an operand's shape must not change. */
static const Val *want_shape_of(const Node *n, const Val *y, const Val *of, const char *what)
{
	bool same = y->type->rank == of->type->rank;
	for (int i = 0; same && i < y->type->rank; i++) same = y->type->dims[i] == of->type->dims[i];
	if (!same)
		node_fail(n, "the scales or zero points of %s do not broadcast to %s", what, type_str(n->cx, of->type));
	return y;
}

/* Weights less their zero point (i32): as f32 where sums of their products with 8-bit integers, over those axes, are whole numbers
 * that f32 has, whatever the order. */
static const Val *exact_weights(Ctx *cx, const Val *w, int n_axes, const int *axes)
{
	const double exact = 1 << 24, largest = 255; /* |q - zero| */
	const Val *sum = b_reduce(cx, "sum", b_ew1(cx, OP_EW_abs, b_cast(cx, w, F64)), n_axes, axes, false);
	const Dim *count = type_count(cx, sum->type);
	const Tensor *most = known_tensor(cx, b_reduce(cx, "max", b_reshape(cx, sum, 1, &count), 1, (int[]){0}, false));
	return most && largest * tensor_get(most, 0) < exact ? folded(cx, b_cast(cx, w, F32)) : w;
}

static bool is_byte(const Val *q) { return elem_info[q->type->elem].size == 1; }

/* As i32, or where that is exact as f32. */
static const Val *quantized_matmul(const Node *n, const Val *a, const Val *a_zero, const Val *b, const Val *b_zero)
{
	Ctx *cx = n->cx;
	const Val *right = want_shape_of(n, centred(cx, b, along_columns(cx, b_zero), I32), b, "B");
	const int rank = b->type->rank, depth = rank > 1 ? rank - 2 : 0;
	if (is_byte(a) && rank > 0) right = exact_weights(cx, right, 1, &depth);
	const Val *left = centred(cx, a, along_rows(n, a_zero, a), right->type->elem);
	return matmul(n, want_shape_of(n, left, a, "A"), right);
}

const Val *dynamic_weights(const Node *n, const Val *w, const Val *w_zero)
{
	Ctx *cx = n->cx;
	const int depth = w->type->rank - 2;
	return exact_weights(cx, want_shape_of(n, centred(cx, w, w_zero, I32), w, "the weights"), 1, &depth);
}

const Val *dynamic_product(const Node *n, const Val *x, const Val *weights, const Val *scale)
{
	Ctx *cx = n->cx;
	Quantized a = dynamic_quantize(cx, x);
	const Val *sums = matmul(n, centred(cx, a.q, a.point, weights->type->elem), weights);
	return binary(cx, OP_EW_mul, b_cast(cx, sums, F32), binary(cx, OP_EW_mul, a.scale, scale));
}

/* The same; x_zero is one for all. */
static const Val *quantized_conv(const Node *n, const Val *x, const Val *x_zero, const Val *w, const Val *w_zero)
{
	Ctx *cx = n->cx;
	int rank = w->type->rank;
	if (rank < 2) node_fail(n, "input w: %s is no kernel", type_str(cx, w->type));
	if (x_zero && !has_one(cx, x_zero))
		node_fail(n, "input x_zero_point: one element wanted, %s seen", type_str(cx, x_zero->type));
	w = centred(cx, w, along_first(n, w_zero, rank, w->type->dims[0], "w_zero_point"), I32);
	int *axes = NEWN(cx->arena, int, rank - 1);
	for (int i = 0; i < rank - 1; i++) axes[i] = i + 1;
	if (is_byte(x)) w = exact_weights(cx, w, rank - 1, axes);
	x = centred(cx, x, x_zero ? b_reshape(cx, x_zero, 0, NULL) : NULL, w->type->elem);
	return convolution(n, x, w, NULL);
}

static void import_matmul_integer(Node *n, const Val **out)
{
	const Val *y =
		quantized_matmul(n, integers(n, 0, "A", 2), node_opt(n, 2), integers(n, 1, "B", 2), node_opt(n, 3));
	out[0] = b_cast(n->cx, y, I32);
}

static void import_conv_integer(Node *n, const Val **out)
{
	const Val *y =
		quantized_conv(n, integers(n, 0, "x", 2), node_opt(n, 2), integers(n, 1, "w", 2), node_opt(n, 3));
	out[0] = b_cast(n->cx, y, I32);
}

/* The integers of a product as quantised numbers of another scale: those of both operands are given. */
static const Val *requantized(const Node *n, const Val *y, const Val *a_scale, const Val *b_scale)
{
	Ctx *cx = n->cx;
	const Val *scale = node_in(n, 6, "y_scale"), *zero = integers(n, 7, "y_zero_point", 2);
	if (scale->type->rank == 1 && !has_one(cx, scale))
		node_fail(n, "input y_scale: %s is not supported", type_str(cx, scale->type));
	want_same_shape(n, scale, zero);
	if (has_one(cx, scale)) scale = b_reshape(cx, scale, 0, NULL);
	if (has_one(cx, zero)) zero = b_reshape(cx, zero, 0, NULL);
	const Val *factor = binary(cx, OP_EW_mul, b_cast(cx, a_scale, F32), b_cast(cx, b_scale, F32));
	factor = folded(cx, binary(cx, OP_EW_div, factor, b_cast(cx, scale, F32)));
	const Val *real = binary(cx, OP_EW_mul, b_cast(cx, y, F32), factor);
	return want_shape_of(n, to_quantized(cx, real, zero, zero->type->elem), y, "y");
}

static void import_qlinear_matmul(Node *n, const Val **out)
{
	const Val *a = integers(n, 0, "a", 2), *b = integers(n, 3, "b", 2);
	const Val *y = quantized_matmul(n, a, node_in(n, 2, "a_zero_point"), b, node_in(n, 5, "b_zero_point"));
	out[0] = requantized(
		n, y, along_rows(n, node_in(n, 1, "a_scale"), a), along_columns(n->cx, node_in(n, 4, "b_scale")));
}

static void import_qlinear_conv(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = integers(n, 0, "x", 2), *w = integers(n, 3, "w", 2), *scale = node_in(n, 1, "x_scale");
	const Val *bias = node_opt(n, 8) ? b_cast(cx, integers(n, 8, "B", 4), I32) : NULL;
	const Val *y = quantized_conv(n, x, node_in(n, 2, "x_zero_point"), w, node_in(n, 5, "w_zero_point"));
	if (bias) {
		bias = along_first(n, bias, y->type->rank - 1, y->type->dims[1], "B");
		y = binary(cx, OP_EW_add, b_cast(cx, y, I32), bias);
	}
	if (!has_one(cx, scale)) node_fail(n, "input x_scale: one element wanted, %s seen", type_str(cx, scale->type));
	const Val *w_scale = along_first(n, node_in(n, 4, "w_scale"), w->type->rank - 1, w->type->dims[0], "w_scale");
	out[0] = requantized(n, y, b_reshape(cx, scale, 0, NULL), w_scale);
}

#define CONV "auto_pad dilations group kernel_shape pads strides"

const Importer onnx_ops_quant[] = {
	{"", "QuantizeLinear", 10, 12, "", 2, 3, 1, import_quantize},
	{"", "QuantizeLinear", 13, 18, "axis", 2, 3, 1, import_quantize},
	{"", "QuantizeLinear", 19, 20, "axis saturate", 2, 3, 1, import_quantize},
	{"", "QuantizeLinear", 21, 22, "axis saturate block_size output_dtype", 2, 3, 1, import_quantize},
	{"", "QuantizeLinear", 23, 0, "axis saturate block_size output_dtype precision", 2, 3, 1, import_quantize},
	{"", "DequantizeLinear", 10, 12, "", 2, 3, 1, import_dequantize},
	{"", "DequantizeLinear", 13, 20, "axis", 2, 3, 1, import_dequantize},
	{"", "DequantizeLinear", 21, 22, "axis block_size", 2, 3, 1, import_dequantize},
	{"", "DequantizeLinear", 23, 0, "axis block_size output_dtype", 2, 3, 1, import_dequantize},
	{"", "DynamicQuantizeLinear", 11, 0, "", 1, 1, 3, import_dynamic_quantize},
	{"", "MatMulInteger", 10, 0, "", 2, 4, 1, import_matmul_integer},
	{"", "ConvInteger", 10, 0, CONV, 2, 4, 1, import_conv_integer},
	{"", "QLinearMatMul", 10, 0, "", 8, 8, 1, import_qlinear_matmul},
	{"", "QLinearConv", 10, 0, CONV, 8, 9, 1, import_qlinear_conv},
	{.op = NULL},
};
