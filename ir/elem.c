/* elem.c: element types, and the conversions of the two half-width floats.
 *
 * f16 is IEEE binary16 (1 + 5 + 10 bits), bf16 the upper half of a binary32 (1 + 8 + 7).  Both are stored as their bits.
 * Rounding goes straight from f64, once, to nearest even: going through f32 would round twice, and two roundings can end
 * one unit off.  Every f64 that a product or sum of two halves gives is exact or rounds harmlessly (53 >= 2 * 11 + 2).
 */
#include "ir/ir.h"

#include <string.h>

const ElemInfo elem_info[N_ELEMS] = {
#define X(name, text, ctype, size, cls) {text, #ctype, size, cls},
	ELEMS(X)
#undef X
};

bool elem_is_float(Elem elem) { return elem_info[elem].cls == 'f'; }

bool elem_is_int(Elem elem) { return elem_info[elem].cls == 'i' || elem_info[elem].cls == 'u'; }

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

/* Rounds to a float of n_exponent + n_mantissa bits below the sign.  One integer shift does normal and subnormal results
 * alike: the biased result is (exponent field, mantissa) as one number, and rounding up carries from one to the other. */
static uint16_t narrow(double x, int n_exponent, int n_mantissa)
{
	const uint64_t bits = bits_of(x);
	const uint64_t sign = bits >> 63 << (n_exponent + n_mantissa);
	const uint64_t infinity = ((UINT64_C(1) << n_exponent) - 1) << n_mantissa;
	const int field = (int)(bits >> 52 & 0x7ff);
	uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
	if (field == 0x7ff) {
		const uint64_t quiet = mantissa ? UINT64_C(1) << (n_mantissa - 1) | mantissa >> (52 - n_mantissa) : 0;
		return (uint16_t)(sign | infinity | quiet);
	}
	const int bias = (1 << (n_exponent - 1)) - 1;
	const int exponent = field - 1023 + bias; /* of the result; 0 and below: subnormal */
	if (exponent >= 2 * bias + 1) return (uint16_t)(sign | infinity);
	int shift = 52 - n_mantissa;
	uint64_t number;
	if (exponent > 0) {
		number = (uint64_t)exponent << 52 | mantissa;
	} else {
		/* More than 63 bits down nothing is left, and no tie either; a subnormal f64 is as far down. */
		shift += 1 - exponent;
		if (shift > 63 || field == 0) return (uint16_t)sign;
		number = UINT64_C(1) << 52 | mantissa;
	}
	const uint64_t kept = number >> shift;
	const uint64_t rest = number & ((UINT64_C(1) << shift) - 1);
	const uint64_t half = UINT64_C(1) << (shift - 1);
	return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1)))));
}

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

uint16_t f16_from_f64(double x) { return narrow(x, 5, 10); }

float bf16_to_f32(uint16_t h) { return f32_of_bits((uint32_t)h << 16); }

uint16_t bf16_from_f64(double x) { return narrow(x, 8, 7); }
