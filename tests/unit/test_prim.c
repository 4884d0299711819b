/* test_prim.c: properties of the primitives' table: every element-wise row on special values of every element type against
 * formulas in long double and 128-bit integers, the conversions of half-width floats exhaustively, casts between all types.
 * A row without a formula here fails. */
#include "tests/unit/eval_text.h"

typedef long double Real;
typedef __int128 Wide;

/* ---- independent rounding: all finite values of a half-width float in order, by their definition ---- */

typedef struct {
	int n_exponent, n_mantissa;
	int n;
	double value[1 << 15]; /* of the bits 0, 1, 2 ..: not negative */
} Half;

static void half_fill(Half *h, int n_exponent, int n_mantissa)
{
	h->n_exponent = n_exponent;
	h->n_mantissa = n_mantissa;
	h->n = ((1 << n_exponent) - 1) << n_mantissa;
	const int bias = (1 << (n_exponent - 1)) - 1;
	for (int bits = 0; bits < h->n; bits++) {
		const int exponent = bits >> n_mantissa, mantissa = bits & ((1 << n_mantissa) - 1);
		h->value[bits] = exponent ? ldexp(mantissa + (1 << n_mantissa), exponent - bias - n_mantissa)
					  : ldexp(mantissa, 1 - bias - n_mantissa);
	}
}

static Half f16, bf16;

static void fill_halves(void)
{
	half_fill(&f16, 5, 10);
	half_fill(&bf16, 8, 7);
}

static uint16_t half_nearest(const Half *h, Real x)
{
	const uint16_t sign = signbit(x) ? 0x8000 : 0;
	const Real a = fabsl(x);
	if (isnan(x)) return (uint16_t)(h->n + 1);
	const Real step = (Real)h->value[h->n - 1] - (Real)h->value[h->n - 2];
	if (a >= (Real)h->value[h->n - 1] + step / 2) return (uint16_t)(sign | h->n);
	int lo = 0, hi = h->n - 1; /* value[lo] <= a; the answer is lo or lo + 1 */
	while (lo < hi) {
		const int middle = (lo + hi + 1) / 2;
		if ((Real)h->value[middle] <= a) lo = middle;
		else hi = middle - 1;
	}
	if (lo < h->n - 1) {
		const Real below = a - (Real)h->value[lo], above = (Real)h->value[lo + 1] - a;
		if (above < below || (above == below && lo % 2)) lo++;
	}
	return (uint16_t)(sign | lo);
}

static double half_value(const Half *h, uint16_t bits)
{
	const int magnitude = bits & 0x7fff;
	const double x = magnitude < h->n ? h->value[magnitude] : magnitude == h->n ? INFINITY : NAN;
	return bits & 0x8000 ? -x : x;
}

static bool same(double x, double y) { return isnan(x) ? isnan(y) : x == y && signbit(x) == signbit(y); }

static void check_half(const Half *h, float (*widen)(uint16_t), uint16_t (*narrow)(double))
{
	for (int bits = 0; bits < 1 << 16; bits++) {
		const double x = half_value(h, (uint16_t)bits);
		cr_assert(same((double)widen((uint16_t)bits), x), "bits %04x", (unsigned)bits);
		if (!isnan(x)) cr_assert_eq(narrow(x), bits, "bits %04x", (unsigned)bits);
		else cr_assert(isnan(widen(narrow(x))) && isnan(widen(narrow(-x))));
	}
	/* Halfway between neighbours and next to it, where a rounding goes wrong. */
	for (int i = 0; i < h->n - 1; i++) {
		const double middle = (h->value[i] + h->value[i + 1]) / 2;
		const double at[] = {
			middle, nextafter(middle, 0), nextafter(middle, INFINITY), middle + (middle - h->value[i]) / 3};
		for (int k = 0; k < 4; k++)
			for (int sign = -1; sign <= 1; sign += 2)
				cr_assert_eq(narrow(sign * at[k]), half_nearest(h, (Real)(sign * at[k])), "%a",
					sign * at[k]);
	}
	const double largest = h->value[h->n - 1], step = largest - h->value[h->n - 2];
	const double far[] = {
		nextafter(largest + step / 2, 0), largest + step / 2, 1e300, INFINITY, 5e-324, 1e-300, 2e-308, 0};
	for (int k = 0; k < 8; k++) {
		cr_assert_eq(narrow(far[k]), half_nearest(h, (Real)far[k]), "%a", far[k]);
		cr_assert_eq(narrow(-far[k]), half_nearest(h, (Real)-far[k]), "%a", -far[k]);
	}
}

TestSuite(prim, .init = fill_halves);

Test(prim, half_conversions)
{
	check_half(&f16, f16_to_f32, f16_from_f64);
	check_half(&bf16, bf16_to_f32, bf16_from_f64);
}

/* ---- floats of 8 and 4 bits, by the definitions in the OCP's papers (and, of FNUZ, Graphcore's) ---- */

typedef struct {
	Elem elem;
	int exponent, mantissa, bias;
	double largest,
		beyond; /* the largest finite number; what larger ones become (NAN where there is no infinity) */
	bool minus_zero;
} Small;
static const Small smalls[] = {{F8E4M3FN, 4, 3, 7, 448, NAN, true}, {F8E4M3FNUZ, 4, 3, 8, 240, NAN, false},
	{F8E5M2, 5, 2, 15, 57344, INFINITY, true}, {F8E5M2FNUZ, 5, 2, 16, 57344, NAN, false},
	{F4E2M1, 2, 1, 1, 6, 6, true}};
enum { N_SMALLS = sizeof smalls / sizeof *smalls };

/* A magnitude by its bits, as if the exponents went on. */
static double small_value(const Small *s, int code)
{
	const int field = code >> s->mantissa, fraction = code & ((1 << s->mantissa) - 1);
	return ldexp(fraction + (field ? 1 << s->mantissa : 0), (field ? field : 1) - s->bias - s->mantissa);
}

static double small_nearest(const Small *s, Real x)
{
	if (isnan(x)) return s->elem == F4E2M1 ? -0.0 : NAN;
	const Real a = fabsl(x);
	int best = 0;
	while ((Real)small_value(s, best) < a && small_value(s, best) <= s->largest) best++;
	if (best > 0) { /* between best - 1 and best */
		const Real below = a - (Real)small_value(s, best - 1), above = (Real)small_value(s, best) - a;
		if (below < above || (below == above && best % 2)) best--;
	}
	const double y = small_value(s, best) > s->largest ? s->beyond : small_value(s, best);
	return y == 0 && !s->minus_zero ? 0 : signbit(x) ? -y : y;
}

/* A power of two, half-way to the larger one. */
static double power_nearest(Real x)
{
	if (isnan(x) || x < 0) return NAN;
	for (int e = -127; e <= 127; e++)
		if (x < ldexpl(1.5L, e)) return ldexp(1, e);
	return NAN;
}

Test(prim, floats_of_8_and_4_bits)
{
	for (int k = 0; k < N_SMALLS; k++) {
		const Small *s = &smalls[k];
		const int sign = 1 << (s->exponent + s->mantissa);
		for (int code = 0; code < 2 * sign; code++) {
			const int magnitude = code & (sign - 1);
			double x = small_value(s, magnitude);
			if (x > s->largest) x = isinf(s->beyond) && magnitude % 4 == 0 ? INFINITY : NAN;
			if (code == sign && !s->minus_zero) x = NAN;
			if (code & sign) x = -x;
			const double seen = (double)narrow_to_f32(s->elem, (uint16_t)code);
			cr_assert(same(seen, x), "%s %02x: wanted %g, seen %g", elem_info[s->elem].name, (unsigned)code,
				x, seen);
			cr_assert(isnan(x) || narrow_from_f64(s->elem, x) == code);
			if (magnitude + 1 == sign || isnan(x) || isinf(x)) continue;
			const double middle = (x + (code & sign ? -1 : 1) * small_value(s, magnitude + 1)) / 2;
			const double around[] = {
				middle, nextafter(middle, 0), nextafter(middle, INFINITY), x, 1e30, 1e-30};
			for (int i = 0; i < 6; i++) {
				const double got = (double)narrow_to_f32(s->elem, narrow_from_f64(s->elem, around[i]));
				cr_assert(same(got, small_nearest(s, (Real)around[i])), "%s of %a: %g",
					elem_info[s->elem].name, around[i], got);
			}
		}
		cr_expect_eq((double)narrow_to_f32(s->elem, narrow_largest(s->elem)), s->largest);
	}
	for (int code = 0; code < 255; code++) {
		cr_expect_eq((double)narrow_to_f32(F8E8M0, (uint16_t)code), ldexp(1, code - 127));
		cr_expect_eq(narrow_from_f64(F8E8M0, ldexp(1, code - 127)), code);
	}
	cr_expect(isnan(narrow_to_f32(F8E8M0, 255)) && narrow_from_f64(F8E8M0, -1) == 255 &&
		narrow_from_f64(F8E8M0, 1.5) == 128);
}

Test(prim, elements_that_share_bytes)
{
	const uint8_t bytes[] = {0xe4, 0x1b};
	int8_t i2[7], i4[3];
	uint8_t u4[4], u2[8], again[2];
	unpack_elements(I2, bytes, 7, i2);
	unpack_elements(U2, bytes, 8, u2);
	unpack_elements(I4, bytes, 3, i4);
	unpack_elements(U4, bytes, 4, u4);
	cr_expect_arr_eq(i2, ((int8_t[]){0, 1, -2, -1, -1, -2, 1}), 7);
	cr_expect_arr_eq(u2, ((uint8_t[]){0, 1, 2, 3, 3, 2, 1, 0}), 8);
	cr_expect_arr_eq(i4, ((int8_t[]){4, -2, -5}), 3);
	cr_expect_arr_eq(u4, ((uint8_t[]){4, 14, 11, 1}), 4);
	pack_elements(I4, i4, 3, again);
	cr_expect_arr_eq(again, ((uint8_t[]){0xe4, 0x0b}), 2); /* nothing beyond the last */
	cr_expect(packed_bytes(I2, 7) == 2 && packed_bytes(I2, 9) == 3 && packed_bytes(F4E2M1, 0) == 0 &&
		packed_bytes(F16, 3) == 6);
}

static double round_to(Elem elem, Real x)
{
	for (int k = 0; k < N_SMALLS; k++)
		if (smalls[k].elem == elem) return small_nearest(&smalls[k], x);
	switch (elem) {
	case F8E8M0: return power_nearest(x);
	case F32: return (double)(float)x;
	case F16: return half_value(&f16, half_nearest(&f16, x));
	case BF16: return half_value(&bf16, half_nearest(&bf16, x));
	default: return (double)x;
	}
}

/* ---- one op on known tensors ---- */

static Tensor *vector(Bench *b, Elem elem, int64_t n) { return tensor_new(b->cx->arena, elem, 1, &n); }

static const Tensor *apply(Bench *b, Op op, int n_args, const Tensor *const *args, Elem to)
{
	const Val *vals[3];
	for (int i = 0; i < n_args; i++) {
		const Dim *n = dim_int(b->cx, args[i]->dims[0]);
		vals[i] = val_param(b->cx, i, type_new(b->cx, args[i]->elem, 1, &n));
	}
	const Attr attr = attr_elem(to);
	const Tensor *y = NULL;
	const Tensor *volatile result = NULL;
	TRY (b->cx) {
		y = eval_op(&b->e, val_new(b->cx, op, n_args, vals, &attr), args, 0);
		result = y;
	}
	cr_assert(result, "%s", b->cx->error);
	return result;
}

/* ---- floats ---- */

static Real mod_real(Real a, Real b)
{
	const Real r = fmodl(a, b);
	return r == 0 ? copysignl(0, b) : (r > 0) == (b > 0) || isnan(r) ? r : r + b;
}

/* glibc's powl(-inf, -0x1p+63) is inf. */
static Real pow_real(Real a, Real b)
{
	if (!isinf(a) || isnan(b) || b == 0) return powl(a, b);
	return copysignl(b > 0 ? (Real)INFINITY : 0, fabsl(fmodl(b, 2)) == 1 ? a : 1);
}

static Real sigmoid_real(Real a) { return 1 / (1 + expl(-a)); }

static Real softplus_real(Real a) { return a > 60 ? a + expl(-a) : log1pl(expl(a)); }

static Real sign_real(Real a) { return isnan(a) ? a : (Real)((a > 0) - (a < 0)); }

static Real min_real(Real a, Real b) { return isnan(a) || isnan(b) ? (Real)NAN : a <= b ? a : b; }

static Real max_real(Real a, Real b) { return isnan(a) || isnan(b) ? (Real)NAN : a >= b ? a : b; }

/* The formula, and by how many units in the last place the result may differ: of f64, and of the narrower ones. */
#define REAL_TRUTHS(X)                      \
	X(add, a + b, 1, 0)                 \
	X(sub, a - b, 1, 0)                 \
	X(mul, a *b, 1, 0)                  \
	X(div, a / b, 1, 0)                 \
	X(mod, mod_real(a, b), 1, 0)        \
	X(rem, fmodl(a, b), 0, 0)           \
	X(pow, pow_real(a, b), 1, 1)        \
	X(min, min_real(a, b), 0, 0)        \
	X(max, max_real(a, b), 0, 0)        \
	X(neg, -a, 0, 0)                    \
	X(abs, fabsl(a), 0, 0)              \
	X(sign, sign_real(a), 0, 0)         \
	X(floor, floorl(a), 0, 0)           \
	X(ceil, ceill(a), 0, 0)             \
	X(trunc, truncl(a), 0, 0)           \
	X(round, rintl(a), 0, 0)            \
	X(sqrt, sqrtl(a), 1, 0)             \
	X(exp, expl(a), 1, 1)               \
	X(log, logl(a), 1, 1)               \
	X(sin, sinl(a), 1, 1)               \
	X(cos, cosl(a), 1, 1)               \
	X(tan, tanl(a), 1, 1)               \
	X(asin, asinl(a), 1, 1)             \
	X(acos, acosl(a), 1, 1)             \
	X(atan, atanl(a), 1, 1)             \
	X(sinh, sinhl(a), 2, 1)             \
	X(cosh, coshl(a), 2, 1)             \
	X(tanh, tanhl(a), 2, 1)             \
	X(asinh, asinhl(a), 2, 1)           \
	X(acosh, acoshl(a), 2, 1)           \
	X(atanh, atanhl(a), 2, 1)           \
	X(sigmoid, sigmoid_real(a), 3, 1)   \
	X(softplus, softplus_real(a), 3, 1) \
	X(erf, erfl(a), 1, 1)               \
	X(eq, a == b, 0, 0)                 \
	X(ne, a != b, 0, 0)                 \
	X(lt, a < b, 0, 0)                  \
	X(le, a <= b, 0, 0)                 \
	X(gt, a > b, 0, 0)                  \
	X(ge, a >= b, 0, 0)                 \
	X(isnan, isnan(a), 0, 0)            \
	X(isinf, isinf(a) != 0, 0, 0)

#define X(op, formula, ulps, narrow_ulps)     \
	static Real real_##op(Real a, Real b) \
	{                                     \
		(void)b;                      \
		return (Real)(formula);       \
	}
REAL_TRUTHS(X)
#undef X

typedef struct {
	Op op;
	Real (*truth)(Real, Real);
	int ulps[2];
} RealRow;
static const RealRow real_rows[] = {
#define X(op, formula, ulps, narrow_ulps) {OP_EW_##op, real_##op, {ulps, narrow_ulps}},
	REAL_TRUTHS(X)
#undef X
};

static double next_of(Elem elem, double x)
{
	if (elem == F64) return nextafter(x, INFINITY);
	if (elem == F32) return (double)nextafterf((float)x, INFINITY);
	const Half *h = elem == F16 ? &f16 : &bf16;
	const uint16_t bits = half_nearest(h, (Real)x);
	return bits == 0x8000 ? h->value[1] : half_value(h, (uint16_t)(bits & 0x8000 ? bits - 1 : bits + 1));
}

static bool near(Elem elem, double seen, double wanted, int ulps)
{
	if (same(seen, wanted) || (seen == wanted && ulps)) return true;
	if (isnan(seen) || isnan(wanted)) return false;
	double lo = seen < wanted ? seen : wanted;
	const double hi = seen < wanted ? wanted : seen;
	for (int i = 0; i < ulps && lo < hi; i++) lo = next_of(elem, lo);
	return ulps && lo >= hi;
}

static const double real_values[] = {0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -7, 0.1, -0.3, 1e-3, 7.75, 10, 20,
	-20, 88.5, -104, 300, 745, 1e6, -1e6, 65504, 3e38, 1e300, -1e308, 1.7976931348623157e308, 6e-8, 1e-40, 1.2e-38,
	5e-324, -2.3e-308, 1e-5, INFINITY, -INFINITY, NAN, 0.99999, -0.99999, 2147483648.0, -9223372036854775808.0,
	18446744073709551616.0};
enum { N_REALS = sizeof real_values / sizeof *real_values };

Test(prim, floats)
{
	const Elem elems[] = {F64, F32, F16, BF16};
	Bench b = bench_new();
	for (int k = 0; k < 4; k++) {
		const Elem elem = elems[k];
		/* All pairs: more than one block, so the ends of blocks are seen too. */
		Tensor *x = vector(&b, elem, N_REALS * N_REALS), *y = vector(&b, elem, N_REALS * N_REALS);
		for (int i = 0; i < N_REALS * N_REALS; i++) {
			tensor_set(x, i, real_values[i / N_REALS]);
			tensor_set(y, i, real_values[i % N_REALS]);
		}
		for (size_t r = 0; r < sizeof real_rows / sizeof *real_rows; r++) {
			const RealRow *row = &real_rows[r];
			const OpInfo *info = &op_info[row->op];
			const Tensor *z = apply(&b, row->op, info->n_args, (const Tensor *[]){x, y}, elem);
			const bool to_bool = info->ew_class == 'c' || info->ew_class == 'p';
			cr_assert_eq(z->elem, to_bool ? BOOL : elem);
			for (int i = 0; i < N_REALS * N_REALS; i++) {
				const double p = tensor_get(x, i), q = tensor_get(y, i), seen = tensor_get(z, i);
				const double wanted = round_to(to_bool ? F64 : elem, row->truth((Real)p, (Real)q));
				cr_assert(near(elem, seen, wanted, row->ulps[elem != F64]),
					"%s %s(%a, %a): wanted %a, seen %a", elem_info[elem].name, info->name, p, q,
					wanted, seen);
			}
		}
	}
	ctx_free(b.cx);
}

/* The arithmetic of C itself: each result is rounded once. */
Test(prim, floats_are_rounded_once)
{
	Bench b = bench_new();
	enum { N = 2000 };
	Tensor *x = vector(&b, F64, N), *y = vector(&b, F64, N), *xf = vector(&b, F32, N), *yf = vector(&b, F32, N);
	uint64_t seed = 1;
	for (int i = 0; i < 2 * N; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		const double value = ldexp((double)(int64_t)seed, (int)(seed >> 20 & 31) - 80);
		tensor_set(i % 2 ? x : y, i / 2, value);
		tensor_set(i % 2 ? xf : yf, i / 2, value);
	}
	const Tensor *d[] = {x, y}, *f[] = {xf, yf};
#define CHECK(op, symbol)                                                                                          \
	{                                                                                                          \
		const Tensor *zd = apply(&b, op, 2, d, F64), *zf = apply(&b, op, 2, f, F32);                       \
		for (int i = 0; i < N; i++) {                                                                      \
			const volatile float p = ((float *)xf->data)[i], q = ((float *)yf->data)[i];               \
			const volatile float r = p symbol q;                                                       \
			cr_assert(((double *)zd->data)[i] == ((double *)x->data)[i] symbol((double *)y->data)[i]); \
			cr_assert(((float *)zf->data)[i] == r);                                                    \
		}                                                                                                  \
	}
	CHECK(OP_EW_add, +)
	CHECK(OP_EW_sub, -)
	CHECK(OP_EW_mul, *)
	CHECK(OP_EW_div, /)
	ctx_free(b.cx);
}

/* ---- integers ---- */

static int bits_of(Elem elem) { return elem_info[elem].bits; }

static Wide wrap(Elem elem, Wide x)
{
	const Wide span = (Wide)1 << bits_of(elem);
	x %= span;
	if (x < 0) x += span;
	return elem_info[elem].cls == 'i' && x >= span / 2 ? x - span : x;
}

static Wide floor_mod(Wide a, Wide b) { return b == 0 ? 0 : ((a % b) + b) % b; }

static Wide product(Wide a, Wide b) { return (Wide)((unsigned __int128)a * (unsigned __int128)b); } /* modulo 2^128 */

static Wide power(Elem elem, Wide a, Wide b)
{
	if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
	if (b > 300) b = 300 + b % 2; /* even bases are 0 by then, and odd ones are not asked for so much */
	Wide y = 1;
	for (Wide i = 0; i < b; i++) y = wrap(elem, product(y, a));
	return y;
}

static Wide shift_left(Elem elem, Wide a, Wide b)
{
	if (b < 0 || b >= bits_of(elem)) return 0;
	for (Wide i = 0; i < b; i++) a = wrap(elem, a * 2);
	return a;
}

static Wide shift_right(Elem elem, Wide a, Wide b)
{
	if (b < 0 || b >= bits_of(elem)) return a < 0 ? -1 : 0;
	for (Wide i = 0; i < b; i++) a = (a - (a % 2 != 0 && a < 0)) / 2;
	return a;
}

static Wide bitwise(Elem elem, Wide a, Wide b, int table) /* bit 2 * p + q of the table: the result for bits p, q */
{
	const Wide span = (Wide)1 << bits_of(elem);
	a = floor_mod(a, span);
	b = floor_mod(b, span);
	Wide y = 0;
	for (Wide bit = 1; bit < span; bit *= 2)
		if (table >> (2 * (int)(a / bit % 2) + (int)(b / bit % 2)) & 1) y += bit;
	return y;
}

#define INT_TRUTHS(X)                   \
	X(add, a + b)                   \
	X(sub, a - b)                   \
	X(mul, product(a, b))           \
	X(div, b ? a / b : 0)           \
	X(mod, floor_mod(a, b))         \
	X(rem, b ? a % b : 0)           \
	X(pow, power(elem, a, b))       \
	X(min, a < b ? a : b)           \
	X(max, a > b ? a : b)           \
	X(neg, -a)                      \
	X(abs, a < 0 ? -a : a)          \
	X(sign, a<0 ? -1 : a> 0)        \
	X(and, bitwise(elem, a, b, 8))  \
	X(or, bitwise(elem, a, b, 14))  \
	X(xor, bitwise(elem, a, b, 6))  \
	X(not, bitwise(elem, a, a, 1))  \
	X(shl, shift_left(elem, a, b))  \
	X(shr, shift_right(elem, a, b)) \
	X(eq, a == b)                   \
	X(ne, a != b)                   \
	X(lt, a < b)                    \
	X(le, a <= b)                   \
	X(gt, a > b)                    \
	X(ge, a >= b)

#define X(op, formula)                                  \
	static Wide int_##op(Elem elem, Wide a, Wide b) \
	{                                               \
		(void)elem, (void)b;                    \
		return formula;                         \
	}
INT_TRUTHS(X)
#undef X

typedef struct {
	Op op;
	Wide (*truth)(Elem, Wide, Wide);
} IntRow;
static const IntRow int_rows[] = {
#define X(op, formula) {OP_EW_##op, int_##op},
	INT_TRUTHS(X)
#undef X
};

static const int64_t int_values[] = {0, 1, -1, 2, -2, 3, 7, -7, 8, 15, 16, 31, 32, 63, 64, 65, 100, 127, -127, -128,
	128, 255, 256, 32767, -32768, 65535, 2147483647, -2147483648, 4294967295, INT64_MAX, INT64_MIN,
	1234567890123456789, -987654321987654321};
enum { N_INTS = sizeof int_values / sizeof *int_values };

static Wide int_at(const Tensor *t, int i)
{
	const int64_t x = tensor_get_int(t, i);
	return t->elem == U64 ? (Wide)(uint64_t)x : (Wide)x;
}

Test(prim, integers)
{
	Bench b = bench_new();
	for (Elem elem = I8; elem <= U64; elem++) {
		Tensor *x = vector(&b, elem, N_INTS * N_INTS), *y = vector(&b, elem, N_INTS * N_INTS);
		for (int i = 0; i < N_INTS * N_INTS; i++) {
			tensor_set_int(x, i, int_values[i / N_INTS]);
			tensor_set_int(y, i, int_values[i % N_INTS]);
			cr_assert(int_at(x, i) == wrap(elem, (Wide)int_values[i / N_INTS]));
		}
		for (size_t r = 0; r < sizeof int_rows / sizeof *int_rows; r++) {
			const Op op = int_rows[r].op;
			const Tensor *z = apply(&b, op, op_info[op].n_args, (const Tensor *[]){x, y}, elem);
			for (int i = 0; i < N_INTS * N_INTS; i++) {
				const Wide p = int_at(x, i), q = int_at(y, i);
				if (op == OP_EW_pow && q > 300 && p % 2 && p != 1 && p != -1) continue;
				const Wide wanted = int_rows[r].truth(elem, p, q);
				cr_assert(int_at(z, i) == (z->elem == BOOL ? wanted : wrap(elem, wanted)),
					"%s %s(%lld, %lld): wanted %lld, seen %lld", elem_info[elem].name,
					op_info[op].name, (long long)p, (long long)q, (long long)wanted,
					(long long)int_at(z, i));
			}
		}
	}
	ctx_free(b.cx);
}

Test(prim, large_powers_wrap)
{
	Bench b = bench_new();
	Tensor *x = vector(&b, U64, 2), *y = vector(&b, U64, 2);
	tensor_set_int(x, 0, 3);
	tensor_set_int(y, 0, 1000);
	tensor_set_int(x, 1, 5);
	tensor_set_int(y, 1, INT64_MAX);
	const Tensor *z = apply(&b, OP_EW_pow, 2, (const Tensor *[]){x, y}, U64);
	cr_expect_eq((uint64_t)tensor_get_int(z, 0), 6203307696791771937u);  /* Python: pow(3, 1000, 2**64) */
	cr_expect_eq((uint64_t)tensor_get_int(z, 1), 14757395258967641293u); /* Python: pow(5, 2**63 - 1, 2**64) */
	ctx_free(b.cx);
}

Test(prim, bools)
{
	static const struct {
		Op op;
		const char *wanted; /* for 00 01 10 11 */
	} rows[] = {{OP_EW_and, "0001"}, {OP_EW_or, "0111"}, {OP_EW_xor, "0110"}, {OP_EW_not, "1100"},
		{OP_EW_eq, "1001"}, {OP_EW_ne, "0110"}, {OP_EW_lt, "0100"}, {OP_EW_le, "1101"}, {OP_EW_gt, "0010"},
		{OP_EW_ge, "1011"}};
	Bench b = bench_new();
	Tensor *x = vector(&b, BOOL, 4), *y = vector(&b, BOOL, 4);
	memcpy(x->data, (uint8_t[]){0, 0, 1, 1}, 4);
	memcpy(y->data, (uint8_t[]){0, 1, 0, 1}, 4);
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		const Tensor *z = apply(&b, rows[r].op, op_info[rows[r].op].n_args, (const Tensor *[]){x, y}, BOOL);
		for (int i = 0; i < 4; i++)
			cr_expect_eq(
				((uint8_t *)z->data)[i], rows[r].wanted[i] - '0', "%s %d", op_info[rows[r].op].name, i);
	}
	ctx_free(b.cx);
}

Test(prim, select_takes_bits_of_every_type)
{
	Bench b = bench_new();
	for (Elem elem = F64; elem < N_ELEMS; elem++) {
		Tensor *c = vector(&b, BOOL, 300), *x = vector(&b, elem, 300), *y = vector(&b, elem, 300);
		const size_t size = (size_t)elem_info[elem].size;
		for (int i = 0; i < 300; i++) ((uint8_t *)c->data)[i] = i % 3 == 0;
		memset(x->data, elem == BOOL ? 1 : 0xff, 300 * size); /* NaN where it is a float */
		const Tensor *z = apply(&b, OP_EW_select, 3, (const Tensor *[]){c, x, y}, elem);
		for (size_t i = 0; i < 300; i++)
			cr_assert_eq(memcmp((char *)z->data + i * size, i % 3 ? y->data : x->data, size), 0);
	}
	ctx_free(b.cx);
}

/* ---- casts: "the same number in another type" ---- */

static void check_cast(Bench *b, const Tensor *x, Elem to)
{
	const Elem from = x->elem;
	const Tensor *y = apply(b, OP_EW_cast, 1, &x, to);
	for (int i = 0; i < (int)x->count; i++) {
		const Real value = elem_is_float(from) ? (Real)tensor_get(x, i) : (Real)int_at(x, i);
		if (elem_is_float(to)) {
			const double wanted = round_to(to, value);
			cr_assert(same(tensor_get(y, i), wanted), "%s -> %s of %La: wanted %a, seen %a",
				elem_info[from].name, elem_info[to].name, value, wanted, tensor_get(y, i));
			continue;
		}
		Wide wanted;
		if (to == BOOL) {
			wanted = value != 0;
		} else if (elem_is_float(from)) {
			const int bits = bits_of(to) - (elem_info[to].cls == 'i');
			const Wide hi = ((Wide)1 << bits) - 1, lo = elem_info[to].cls == 'i' ? -hi - 1 : 0;
			wanted = isnan(value) ? 0 : value >= (Real)hi ? hi : value <= (Real)lo ? lo : (Wide)value;
		} else {
			wanted = wrap(to, int_at(x, i));
		}
		cr_assert(int_at(y, i) == wanted, "%s -> %s of %Lg: wanted %lld, seen %lld", elem_info[from].name,
			elem_info[to].name, value, (long long)wanted, (long long)int_at(y, i));
	}
}

Test(prim, casts_between_all_types)
{
	Bench b = bench_new();
	/* Integers between two neighbours of each float type, where rounding twice goes wrong. */
	static const int64_t between[] = {16777217, 16777219, 9007199254740993, 9223372036854775807, 0x4040000000000001,
		0x4040000000000000, 0x40c0000000000001, -0x4040000000000001, 0x4000004000000001, 0x7fffffbfffffffff,
		65519, 65520, 2049, 2051};
	enum { N_BETWEEN = sizeof between / sizeof *between };
	for (Elem from = F64; from < N_ELEMS; from++) {
		Tensor *x = vector(&b, from, N_REALS + N_INTS + N_BETWEEN);
		for (int i = 0; i < N_REALS; i++) tensor_set(x, i, real_values[i]);
		for (int i = 0; i < N_INTS; i++) tensor_set_int(x, N_REALS + i, int_values[i]);
		for (int i = 0; i < N_BETWEEN; i++) tensor_set_int(x, N_REALS + N_INTS + i, between[i]);
		for (Elem to = F64; to < N_ELEMS; to++) check_cast(&b, x, to);
	}
	ctx_free(b.cx);
}

/* ---- the table ---- */

Test(prim, every_row_has_a_formula)
{
	for (int op = 0; op < N_OPS; op++) {
		const OpInfo *info = &op_info[op];
		cr_assert(info->name && info->infer && info->eval && info->attrs);
		Op found;
		cr_expect(op_parse(info->name, &found) && found == (Op)op, "%s", info->name);
		if (!info->is_ew) continue;
		bool has_real = false, has_int = false;
		for (size_t r = 0; r < sizeof real_rows / sizeof *real_rows; r++) has_real |= real_rows[r].op == (Op)op;
		for (size_t r = 0; r < sizeof int_rows / sizeof *int_rows; r++) has_int |= int_rows[r].op == (Op)op;
		const char cls = info->ew_class;
		cr_assert(strchr("aficlpstb", cls), "%s", info->name);
		if (strchr("acfp", cls)) cr_expect(has_real, "no formula for %s of floats", info->name);
		if (strchr("acil", cls)) cr_expect(has_int, "no formula for %s of integers", info->name);
	}
	Op op;
	cr_expect_not(op_parse("", &op) || op_parse("LSTM", &op));
}

/* Each gradient text has one part for each operand, or is empty. */
Test(prim, gradients_are_complete)
{
	for (int op = 0; op < N_OPS; op++) {
		if (!op_info[op].is_ew || !*op_info[op].gradient) continue;
		int parts = 1;
		for (const char *p = op_info[op].gradient; *p; p++) parts += *p == ';';
		cr_expect_eq(parts, op_info[op].n_args, "%s", op_info[op].name);
	}
}

Test(prim, element_type_names)
{
	Elem elem;
	for (int i = 0; i < N_ELEMS; i++) cr_expect(elem_parse(elem_info[i].name, &elem) && (int)elem == i);
	cr_expect_not(elem_parse("float", &elem));
	cr_expect(elem_is_float(BF16) && !elem_is_float(I8) && elem_is_int(U8) && !elem_is_int(BOOL) &&
		!elem_is_int(F32));
}

Test(prim, tensor_sizes)
{
	Arena *arena = arena_new();
	cr_expect_null(tensor_new(arena, F64, 2, (int64_t[]){INT64_C(1) << 40, 2}));
	cr_expect_null(tensor_new(arena, U8, 3, (int64_t[]){INT64_MAX, INT64_MAX, INT64_MAX}));
	const Tensor *empty = tensor_new(arena, F32, 3, (int64_t[]){INT64_MAX, 0, INT64_MAX});
	cr_expect(empty && empty->count == 0 && tensor_size_bytes(empty) == 0);
	const Tensor *scalar = tensor_new(arena, F16, 0, NULL);
	cr_expect(scalar->count == 1 && tensor_size_bytes(scalar) == 2 && tensor_get(scalar, 0) == 0);
	arena_free(arena);
}
