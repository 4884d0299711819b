/* elem.c: element types, and the conversions of floats narrower than f32.
 *
 * f16 is IEEE binary16 (1 + 5 + 10 bits), bf16 the upper half of a binary32 (1 + 8 + 7); the 8-bit floats and f4e2m1 are
 * those of the OCP and Graphcore papers that ONNX names.  All are stored as their bits.
 * Rounding goes straight from f64, once, to nearest even: going through f32 would round twice, and two roundings can end
 * one unit off.  Every f64 that a product or sum of two halves gives is exact or rounds harmlessly (53 >= 2 * 11 + 2).
 */
#include "ir/ir.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const ElemInfo elem_info[N_ELEMS + 1] = {
#define X(name, text, ctype, size, cls, bits) {text, #ctype, size, cls, bits},
	ELEMS(X)
#undef X
		[STR] = {"str", "int32_t", sizeof(int32_t), 't', 32},
};

static const NarrowFormat narrow_formats[N_ELEMS + 1] = {
	[F16] = {5, 10, 15, NARROW_IEEE},
	[BF16] = {8, 7, 127, NARROW_IEEE},
	[F8E4M3FN] = {4, 3, 7, NARROW_FN},
	[F8E4M3FNUZ] = {4, 3, 8, NARROW_FNUZ},
	[F8E5M2] = {5, 2, 15, NARROW_IEEE},
	[F8E5M2FNUZ] = {5, 2, 16, NARROW_FNUZ},
	[F8E8M0] = {8, 0, 127, NARROW_POWER},
	[F4E2M1] = {2, 1, 1, NARROW_FINITE},
};

bool elem_is_float(Elem elem) { return elem_info[elem].cls == 'f'; }

bool elem_is_int(Elem elem) { return elem_info[elem].cls == 'i' || elem_info[elem].cls == 'u'; }

bool elem_is_narrow(Elem elem) { return narrow_formats[elem].exponent > 0; }

bool elem_is_storage(Elem elem)
{
	const ElemInfo *info = &elem_info[elem];
	return info->cls == 't' || info->bits < (info->cls == 'f' ? 16 : 8);
}

bool elem_parse(const char *name, Elem *elem)
{
	for (int i = 0; i < N_ELEMS; i++) {
		if (strcmp(elem_info[i].name, name) == 0) {
			*elem = (Elem)i;
			return true;
		}
	}
	return false;
}

static uint64_t bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static float f32_of_bits(uint32_t bits)
{
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

const NarrowFormat *narrow_format(Elem elem)
{
	assert(elem_is_narrow(elem));
	return &narrow_formats[elem];
}

static uint64_t ones(int n) { return (UINT64_C(1) << n) - 1; }

uint16_t narrow_largest(Elem elem)
{
	const NarrowFormat *f = narrow_format(elem);
	const uint64_t all = ones(f->exponent + f->mantissa);
	switch (f->kind) {
	case NARROW_IEEE: return (uint16_t)(all - ones(f->mantissa) - 1);
	case NARROW_FN:
	case NARROW_POWER: return (uint16_t)(all - 1);
	default: return (uint16_t)all;
	}
}

uint16_t narrow_nan(Elem elem)
{
	const NarrowFormat *f = narrow_format(elem);
	const int below_sign = f->exponent + f->mantissa;
	switch (f->kind) {
	case NARROW_IEEE: return (uint16_t)(ones(below_sign) - ones(f->mantissa - 1));
	case NARROW_FN:
	case NARROW_POWER: return (uint16_t)ones(below_sign);
	default: return (uint16_t)(1 << below_sign); /* FINITE: -0 */
	}
}

/* To the nearer power of two, where half-way goes up. */
static uint16_t nearest_power(const NarrowFormat *f, double x)
{
	int exponent;
	const double fraction = frexp(x, &exponent); /* [0.5, 1) */
	const int64_t code = (int64_t)exponent - 1 + f->bias + (fraction >= 0.75);
	if (isnan(x) || x < 0 || isinf(x) || code >= (int64_t)ones(f->exponent)) return (uint16_t)ones(f->exponent);
	return x > 0 && code > 0 ? (uint16_t)code : 0;
}

/* One integer shift does normal and subnormal results alike: the biased result is (exponent field, mantissa) as one number,
 * and rounding up carries from one to the other. */
uint16_t narrow_from_f64(Elem elem, double x)
{
	const NarrowFormat *f = narrow_format(elem);
	if (f->kind == NARROW_POWER) return nearest_power(f, x);
	const uint64_t bits = bits_of(x);
	const uint64_t sign = bits >> 63 << (f->exponent + f->mantissa), nan = narrow_nan(elem);
	const uint64_t infinity = narrow_largest(elem) + UINT64_C(1);
	const int field = (int)(bits >> 52 & 0x7ff);
	const uint64_t mantissa = bits & ones(52);
	const uint64_t overflow = f->kind == NARROW_IEEE ? sign | infinity
		: f->kind == NARROW_FINITE               ? sign | (infinity - 1)
							 : sign | nan;
	if (field == 0x7ff && mantissa) {
		if (f->kind != NARROW_IEEE) return (uint16_t)(f->kind == NARROW_FN ? sign | nan : nan);
		return (uint16_t)(sign | nan | mantissa >> (52 - f->mantissa));
	}
	const int exponent = field - 1023 + f->bias; /* of the result; 0 and below: subnormal */
	if (field == 0x7ff || exponent > (int)ones(f->exponent)) return (uint16_t)overflow;
	int shift = 52 - f->mantissa;
	uint64_t number, kept = 0;
	if (exponent > 0) {
		number = (uint64_t)exponent << 52 | mantissa;
	} else {
		shift += 1 - exponent;
		number = UINT64_C(1) << 52 | mantissa;
	}
	/* More than 63 bits down nothing is left, and no tie either; a subnormal f64 is as far down. */
	if (shift <= 63 && field != 0) {
		const uint64_t rest = number & ones(shift), half = UINT64_C(1) << (shift - 1);
		kept = number >> shift;
		kept += rest > half || (rest == half && (kept & 1));
	}
	if (kept >= infinity) return (uint16_t)overflow;
	return (uint16_t)(kept == 0 && f->kind == NARROW_FNUZ ? 0 : sign | kept);
}

float narrow_to_f32(Elem elem, uint16_t code)
{
	const NarrowFormat *f = narrow_format(elem);
	if (f->kind == NARROW_POWER)
		return code == ones(f->exponent) ? f32_of_bits(0x7fc00000) : ldexpf(1, code - f->bias);
	const int below_sign = f->exponent + f->mantissa;
	const uint32_t magnitude = code & (uint32_t)ones(below_sign), mantissa = code & (uint32_t)ones(f->mantissa);
	const uint32_t sign = (uint32_t)(code >> below_sign & 1) << 31, largest = narrow_largest(elem);
	if (f->kind == NARROW_FNUZ && code == narrow_nan(elem)) return f32_of_bits(0x7fc00000);
	if (magnitude > largest) /* infinity, or NaN with its bits */
		return f32_of_bits(
			sign | 0x7f800000 | (f->kind == NARROW_FN ? 0x400000 : mantissa << (23 - f->mantissa)));
	const int exponent = (int)(magnitude >> f->mantissa);
	const uint32_t number = exponent ? mantissa | 1U << f->mantissa : mantissa;
	const float value = ldexpf((float)number, (exponent ? exponent : 1) - f->bias - f->mantissa);
	return sign ? -value : value;
}

/* The one that the interpreter uses most, without calls. */
float f16_to_f32(uint16_t h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	const uint32_t exponent = h >> 10 & 0x1f;
	const uint32_t mantissa = h & 0x3ff;
	if (exponent == 0x1f) return f32_of_bits(sign | 0x7f800000 | mantissa << 13);
	if (exponent) return f32_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
	const float magnitude = (float)mantissa * 0x1p-24F;
	return sign ? -magnitude : magnitude;
}

uint16_t f16_from_f64(double x) { return narrow_from_f64(F16, x); }

float bf16_to_f32(uint16_t h) { return f32_of_bits((uint32_t)h << 16); }

uint16_t bf16_from_f64(double x) { return narrow_from_f64(BF16, x); }
