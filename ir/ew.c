/* ew.c: the element-wise primitives: type rules by class, and evaluation.
 *
 * Each operation is written once per kind of number (double, int64_t, uint64_t; see tensor.c for why that is enough) as
 * one loop over a block; other element types are widened into a block and narrowed out of it.
 *
 * Integers wrap; what C leaves undefined has a value: x/0 = x mod 0 = x rem 0 = 0, MIN / -1 = MIN, a shift by the width
 * or more (or by a negative number) shifts everything out, a negative power truncates 1/x^n, and 0 to it is 0.
 */
#include "ir/prim.h"

#include <math.h>
#include <string.h>

/* ---- the operations ---- */

static double mod_f(double a, double b)
{
	const double r = fmod(a, b);
	if (r == 0) return copysign(0, b);
	return (r < 0) != (b < 0) ? r + b : r;
}

static double sigmoid_f(double a)
{
	const double t = exp(-fabs(a)); /* never overflows */
	return (a < 0 ? t : 1) / (1 + t);
}

static double softplus_f(double a) { return (a > 0 ? a : 0) + log1p(exp(-fabs(a))); }

static uint64_t power(uint64_t a, uint64_t n)
{
	uint64_t y = 1;
	for (; n; n >>= 1, a *= a)
		if (n & 1) y *= a;
	return y;
}

static int64_t pow_i(int64_t a, int64_t b)
{
	if (b >= 0) return (int64_t)power((uint64_t)a, (uint64_t)b);
	return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
}

static int64_t div_i(int64_t a, int64_t b)
{
	if (b == -1) return (int64_t)(0 - (uint64_t)a);
	return b ? a / b : 0;
}

static int64_t rem_i(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

static int64_t mod_i(int64_t a, int64_t b)
{
	const int64_t r = rem_i(a, b);
	return r && (r < 0) != (b < 0) ? r + b : r;
}

#define SIGN(a) ((a) > 0 ? 1 : (a) < 0 ? -1 : (a) == 0 ? 0 : (a))

#define FLOAT_OPS(X)               \
	X(add, a + b)              \
	X(sub, a - b)              \
	X(mul, a *b)               \
	X(div, a / b)              \
	X(mod, mod_f(a, b))        \
	X(rem, fmod(a, b))         \
	X(pow, pow(a, b))          \
	X(min, SMALLER(a, b))      \
	X(max, LARGER(a, b))       \
	X(neg, -a)                 \
	X(abs, fabs(a))            \
	X(sign, SIGN(a))           \
	X(floor, floor(a))         \
	X(ceil, ceil(a))           \
	X(trunc, trunc(a))         \
	X(round, nearbyint(a))     \
	X(sqrt, sqrt(a))           \
	X(exp, exp(a))             \
	X(log, log(a))             \
	X(sin, sin(a))             \
	X(cos, cos(a))             \
	X(tan, tan(a))             \
	X(asin, asin(a))           \
	X(acos, acos(a))           \
	X(atan, atan(a))           \
	X(sinh, sinh(a))           \
	X(cosh, cosh(a))           \
	X(tanh, tanh(a))           \
	X(asinh, asinh(a))         \
	X(acosh, acosh(a))         \
	X(atanh, atanh(a))         \
	X(sigmoid, sigmoid_f(a))   \
	X(softplus, softplus_f(a)) \
	X(erf, erf(a))

/* On the bits, the same for both kinds of integer. */
#define BITS_OPS(X)   \
	X(add, a + b) \
	X(sub, a - b) \
	X(mul, a *b)  \
	X(neg, 0 - a) \
	X(and, a &b)  \
	X(or, a | b)  \
	X(xor, a ^ b) \
	X(not, ~a)    \
	X(shl, b < 64 ? a << b : 0)

#define SIGNED_OPS(X)                                 \
	X(div, div_i(a, b))                           \
	X(mod, mod_i(a, b))                           \
	X(rem, rem_i(a, b))                           \
	X(pow, pow_i(a, b))                           \
	X(min, b < a ? b : a)                         \
	X(max, b > a ? b : a)                         \
	X(abs, a < 0 ? 0 - (uint64_t)a : (uint64_t)a) \
	X(sign, (a > 0) - (a < 0))                    \
	X(shr, a >> (b < 0 || b > 63 ? 63 : b))

#define UNSIGNED_OPS(X)       \
	X(div, b ? a / b : 0) \
	X(mod, b ? a % b : 0) \
	X(rem, b ? a % b : 0) \
	X(pow, power(a, b))   \
	X(min, b < a ? b : a) \
	X(max, b > a ? b : a) \
	X(abs, a)             \
	X(sign, a > 0)        \
	X(shr, b < 64 ? a >> b : 0)

#define COMPARISONS(X) \
	X(eq, a == b)  \
	X(ne, a != b)  \
	X(lt, a < b)   \
	X(le, a <= b)  \
	X(gt, a > b)   \
	X(ge, a >= b)

/* ---- loops over a block; an operation of one operand gets it twice ---- */

typedef void FloatLoop(int n, const double *a, const double *b, double *y);
typedef void IntLoop(int n, const int64_t *a, const int64_t *b, int64_t *y);
typedef void FloatTest(int n, const double *a, const double *b, uint8_t *y);
typedef void IntTest(int n, const int64_t *a, const int64_t *b, uint8_t *y);

/* in: the type of the blocks, as: the type computed in, out: the type of the result */
#define LOOP(function, in, as, out, expression)                          \
	static void function(int n, const in *pa, const in *pb, out *py) \
	{                                                                \
		for (int i = 0; i < n; i++) {                            \
			const as a = (as)pa[i], b UNUSED = (as)pb[i];    \
			py[i] = (out)(expression);                       \
		}                                                        \
	}

#define X(op, expression) LOOP(op##_float, double, double, double, expression)
FLOAT_OPS(X)
#undef X
#define X(op, expression) LOOP(op##_bits, int64_t, uint64_t, int64_t, expression)
BITS_OPS(X)
#undef X
#define X(op, expression) LOOP(op##_signed, int64_t, int64_t, int64_t, expression)
SIGNED_OPS(X)
#undef X
#define X(op, expression) LOOP(op##_unsigned, int64_t, uint64_t, int64_t, expression)
UNSIGNED_OPS(X)
#undef X
#define X(op, expression)                                        \
	LOOP(op##_float, double, double, uint8_t, expression)    \
	LOOP(op##_signed, int64_t, int64_t, uint8_t, expression) \
	LOOP(op##_unsigned, int64_t, uint64_t, uint8_t, expression)
COMPARISONS(X)
#undef X
LOOP(isnan_float, double, double, uint8_t, isnan(a))
LOOP(isinf_float, double, double, uint8_t, isinf(a))

static FloatLoop *const float_loops[N_OPS] = {
#define X(op, expression) [OP_EW_##op] = op##_float,
	FLOAT_OPS(X)
#undef X
};
static FloatTest *const float_tests[N_OPS] = {
#define X(op, expression) [OP_EW_##op] = op##_float,
	COMPARISONS(X)
#undef X
		[OP_EW_isnan] = isnan_float,
	[OP_EW_isinf] = isinf_float,
};
static IntLoop *const int_loops[2][N_OPS] = {/* signed, unsigned */
	{
#define X(op, expression) [OP_EW_##op] = op##_bits,
		BITS_OPS(X)
#undef X
#define X(op, expression) [OP_EW_##op] = op##_signed,
			SIGNED_OPS(X)
#undef X
	},
	{
#define X(op, expression) [OP_EW_##op] = op##_bits,
		BITS_OPS(X)
#undef X
#define X(op, expression) [OP_EW_##op] = op##_unsigned,
			UNSIGNED_OPS(X)
#undef X
	}};
static IntTest *const int_tests[2][N_OPS] = {
#define X(op, expression) [OP_EW_##op] = op##_signed,
	{COMPARISONS(X)},
#undef X
#define X(op, expression) [OP_EW_##op] = op##_unsigned,
	{COMPARISONS(X)},
#undef X
};

/* ---- type rules ---- */

INFER(ew)
{
	const char *name = op_info[op].name;
	const char cls = op_info[op].ew_class;
	const Val *const *like = cls == 's' ? args + 1 : args; /* the operands that must be alike */
	const int n_like = cls == 's' ? 2 : n_args;
	const Type *t = like[0]->type;
	for (int i = 1; i < n_like; i++)
		if (like[i]->type != t)
			fail(cx, "%s: operands differ: %s and %s", name, type_str(cx, t), type_str(cx, like[i]->type));
	if (!strchr("cstb", cls)) want_computable(cx, op, t->elem);
	const bool fits = cls == 'a'       ? elem_is_number(t->elem)
		: cls == 'f' || cls == 'p' ? elem_is_float(t->elem)
		: cls == 'i'               ? elem_is_int(t->elem)
		: cls == 'l'               ? !elem_is_float(t->elem)
					   : true;
	if (!fits)
		fail(cx, "%s: wants %s, seen %s", name,
			cls == 'a'           ? "numbers"
				: cls == 'i' ? "integers"
				: cls == 'l' ? "bool or integers"
					     : "floats",
			type_str(cx, t));
	if (cls == 's' && args[0]->type != type_with_elem(cx, t, BOOL))
		fail(cx, "select: the condition must be %s, seen %s", type_str(cx, type_with_elem(cx, t, BOOL)),
			type_str(cx, args[0]->type));
	if (t->elem == STR && (cls == 't' || (cls == 'c' && op != OP_EW_eq && op != OP_EW_ne)))
		fail(cx, "%s: wants numbers, seen %s", name, type_str(cx, t));
	if (strchr("tb", cls) && attrs[0].elem == STR) fail(cx, "%s: %s has no strings", name, type_str(cx, t));
	if (cls == 'b' && elem_info[t->elem].bits != elem_info[attrs[0].elem].bits)
		fail(cx, "bitcast: %s has %d bits, %s has %d", elem_info[t->elem].name, elem_info[t->elem].bits,
			elem_info[attrs[0].elem].name, elem_info[attrs[0].elem].bits);
	if (cls == 't' || cls == 'b') return type_with_elem(cx, t, attrs[0].elem);
	return cls == 'c' || cls == 'p' ? type_with_elem(cx, t, BOOL) : t;
}

/* ---- evaluation ---- */

static int block_size(int64_t n, int64_t i) { return n - i < BLOCK ? (int)(n - i) : BLOCK; }

void ew_apply(Op op, Elem elem, int64_t n, const void *a, const void *b, void *y)
{
	const bool is_float = elem_is_float(elem);
	const bool is_unsigned = elem_info[elem].cls != 'i';
	assert(is_float ? !!float_loops[op] : !!int_loops[is_unsigned][op]);
	for (int64_t i = 0; i < n; i += BLOCK) {
		const int m = block_size(n, i);
		if (is_float) {
			double pa[BLOCK], pb[BLOCK], py[BLOCK];
			const double *xa = block_f64(elem, a, i, m, pa);
			const double *xb = a == b ? xa : block_f64(elem, b, i, m, pb);
			double *to = elem == F64 ? (double *)y + i : py;
			float_loops[op](m, xa, xb, to);
			if (elem != F64) store_f64(elem, y, i, m, py);
		} else {
			int64_t pa[BLOCK], pb[BLOCK], py[BLOCK];
			const int64_t *xa = block_i64(elem, a, i, m, pa);
			const int64_t *xb = a == b ? xa : block_i64(elem, b, i, m, pb);
			int_loops[is_unsigned][op](m, xa, xb, py);
			if (elem == BOOL) /* only the lowest bit is stored: not 1 is 0 */
				for (int j = 0; j < m; j++) py[j] &= 1;
			store_i64(elem, y, i, m, py);
		}
	}
}

static void test(Op op, const Tensor *a, const Tensor *b, uint8_t *y)
{
	const bool is_unsigned = elem_info[a->elem].cls != 'i';
	for (int64_t i = 0; i < a->count; i += BLOCK) {
		const int m = block_size(a->count, i);
		if (elem_is_float(a->elem)) {
			double pa[BLOCK], pb[BLOCK];
			const double *xa = block_f64(a->elem, a->data, i, m, pa);
			float_tests[op](m, xa, a == b ? xa : block_f64(a->elem, b->data, i, m, pb), y + i);
		} else {
			int64_t pa[BLOCK], pb[BLOCK];
			const int64_t *xa = block_i64(a->elem, a->data, i, m, pa);
			int_tests[is_unsigned][op](m, xa, a == b ? xa : block_i64(a->elem, b->data, i, m, pb), y + i);
		}
	}
}

static void select_elements(const Tensor *c, const Tensor *a, const Tensor *b, Tensor *y)
{
	const uint8_t *choose = c->data;
	switch (elem_info[y->elem].size) {
#define X(bytes, type)                                                                                              \
	case bytes:                                                                                                 \
		for (int64_t i = 0; i < y->count; i++)                                                              \
			((type *)y->data)[i] = choose[i] ? ((const type *)a->data)[i] : ((const type *)b->data)[i]; \
		break;
		X(1, uint8_t)
		X(2, uint16_t)
		X(4, uint32_t)
		X(8, uint64_t)
#undef X
	default: assert(0 && "a size of an element");
	}
}

static void cast_elements(const Tensor *a, Tensor *y)
{
	for (int64_t i = 0; i < a->count; i += BLOCK) {
		const int m = block_size(a->count, i);
		if (elem_is_float(a->elem)) {
			double pa[BLOCK];
			store_f64(y->elem, y->data, i, m, block_f64(a->elem, a->data, i, m, pa));
		} else {
			int64_t pa[BLOCK];
			const int64_t *xa = block_i64(a->elem, a->data, i, m, pa);
			if (elem_info[a->elem].cls == 'i') store_i64(y->elem, y->data, i, m, xa);
			else store_u64(y->elem, y->data, i, m, (const uint64_t *)xa);
		}
	}
}

EVAL(ew)
{
	Tensor *y = eval_result(e, v->type);
	const Tensor *a = args[0], *b = args[v->n_args > 1];
	switch (op_info[v->op].ew_class) {
	case 'c':
	case 'p': test(v->op, a, b, y->data); break;
	case 's': select_elements(a, b, args[2], y); break;
	case 't': cast_elements(a, y); break;
	case 'b': copy_bits(a->elem, a->data, y->elem, y->data, a->count); break;
	default: ew_apply(v->op, a->elem, a->count, a->data, b->data, y->data);
	}
	results[0] = y;
}
