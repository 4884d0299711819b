/* vocab_values.c: the functions that generated C is written in and that have no error to measure: integers, casts,
 * truth values, binary functions, memory.  Truth is computed in __int128, in double, or from the definition.
 *
 * tests/unit/test_vocab.c prints the vocabulary into vocab.h and compiles this file with it (-DVECTOR: it has vectors).
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vocab.h"

typedef __int128 Wide;

static int n_failed;
#define CHECK(condition, ...)                                                                         \
	do {                                                                                          \
		if (!(condition) && n_failed++ < 20)                                                  \
			printf("line %d: %s  ", __LINE__, #condition), printf(__VA_ARGS__), puts(""); \
	} while (0)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static uint32_t bits(float a)
{
	uint32_t u;
	memcpy(&u, &a, 4);
	return u;
}

static float from_bits(uint32_t u)
{
	float a;
	memcpy(&a, &u, 4);
	return a;
}

static int same(float a, float b) { return (a != a && b != b) || bits(a) == bits(b); }

static uint64_t state = 1;
static uint64_t next(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 11 ^ state << 33;
}

/* ---- integers ---- */

static Wide wide_floor_mod(Wide a, Wide b) { return b == 0 ? 0 : ((a % b) + b) % b; }

static uint64_t wide_pow(Wide a, Wide b, int width)
{
	uint64_t r = 1;
	if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? UINT64_MAX : 1) : 0;
	if (b > 200) { /* a^(b mod 2^(w-2)) for odd a: the order of the group; even ones have overflowed to 0 */
		if (a % 2 == 0) return 0;
		b = b % ((Wide)1 << (width - 2));
	}
	for (int bit = 63; bit >= 0; bit--) {
		r *= r;
		if ((uint64_t)b >> bit & 1) r *= (uint64_t)a;
	}
	return r;
}

#define INTEGER(e, T, U, width, lowest, highest)                                                                      \
	static void check_##e##_pair(T a, T b)                                                                        \
	{                                                                                                             \
		Wide x = a, y = b;                                                                                    \
		CHECK(e##_add(a, b) == (T)(x + y), #e " %lld %lld", (long long)a, (long long)b);                      \
		CHECK(e##_sub(a, b) == (T)(x - y), #e " %lld %lld", (long long)a, (long long)b);                      \
		CHECK(e##_mul(a, b) == (T)(uint64_t)((unsigned __int128)x * (unsigned __int128)y), #e " %lld %lld",   \
			(long long)a, (long long)b);                                                                  \
		CHECK(e##_div(a, b) == (T)(y ? x / y : 0), #e " %lld %lld", (long long)a, (long long)b);              \
		CHECK(e##_rem(a, b) == (T)(y ? x - x / y * y : 0), #e " %lld %lld", (long long)a, (long long)b);      \
		CHECK(e##_mod(a, b) == (T)wide_floor_mod(x, y), #e " %lld %lld", (long long)a, (long long)b);         \
		CHECK(e##_pow(a, b) == (T)wide_pow(x, y, width), #e " %lld %lld", (long long)a, (long long)b);        \
		CHECK(e##_min(a, b) == (T)(x < y ? x : y), #e " %lld %lld", (long long)a, (long long)b);              \
		CHECK(e##_max(a, b) == (T)(x < y ? y : x), #e " %lld %lld", (long long)a, (long long)b);              \
		CHECK(e##_neg(a) == (T)-x, #e " %lld", (long long)a);                                                 \
		CHECK(e##_abs(a) == (T)(x < 0 ? -x : x), #e " %lld", (long long)a);                                   \
		CHECK(e##_sign(a) == (T)(x < 0 ? -1 : x > 0), #e " %lld", (long long)a);                              \
		CHECK(e##_not(a) == (T)(-x - 1), #e " %lld", (long long)a);                                           \
		CHECK((U)(e##_and(a, b) + (U)e##_or(a, b)) == (U)(x + y), #e " %lld %lld", (long long)a,              \
			(long long)b);                                                                                \
		CHECK((U)(e##_or(a, b) - (U)e##_and(a, b)) == (U)e##_xor(a, b), #e " %lld %lld", (long long)a,        \
			(long long)b);                                                                                \
		CHECK(e##_eq(a, b) == (x == y) && e##_ne(a, b) == (x != y) && e##_lt(a, b) == (x < y) &&              \
				e##_le(a, b) == (x <= y) && e##_gt(a, b) == (x > y) && e##_ge(a, b) == (x >= y),      \
			#e " %lld %lld", (long long)a, (long long)b);                                                 \
		CHECK(e##_select(1, a, b) == a && e##_select(0, a, b) == b, #e);                                      \
		int out = y < 0 || y >= width;                                                                        \
		Wide power = (Wide)1 << (out ? 0 : (int)y), down = (x - wide_floor_mod(x, power)) / power;            \
		CHECK(e##_shl(a, b) == (out ? (T)0 : (T)(uint64_t)((unsigned __int128)x * (unsigned __int128)power)), \
			#e " %lld %lld", (long long)a, (long long)b);                                                 \
		CHECK(e##_shr(a, b) == (T)(out ? (x < 0 ? -1 : 0) : down), #e " %lld %lld", (long long)a,             \
			(long long)b);                                                                                \
	}                                                                                                             \
	static void check_##e(void)                                                                                   \
	{                                                                                                             \
		static const T special[] = {0, 1, 2, 3, 7, 8, width - 1, width, (T)-1, (T)-2, (T)-3, lowest,          \
			(T)(lowest + 1), highest, (T)(highest - 1)};                                                  \
		for (size_t i = 0; i < COUNT(special); i++)                                                           \
			for (size_t j = 0; j < COUNT(special); j++) check_##e##_pair(special[i], special[j]);         \
		for (int i = 0; i < 50000; i++) {                                                                     \
			T b = (T)next();                                                                              \
			check_##e##_pair((T)next(), i % 2 ? b : (T)(b % 70));                                         \
		}                                                                                                     \
		if (width == 8)                                                                                       \
			for (int i = 0; i < 65536; i++) check_##e##_pair((T)i, (T)(i >> 8));                          \
	}
INTEGER(i8, int8_t, uint8_t, 8, INT8_MIN, INT8_MAX)
INTEGER(i16, int16_t, uint16_t, 16, INT16_MIN, INT16_MAX)
INTEGER(i32, int32_t, uint32_t, 32, INT32_MIN, INT32_MAX)
INTEGER(i64, int64_t, uint64_t, 64, INT64_MIN, INT64_MAX)
INTEGER(u8, uint8_t, uint8_t, 8, 0, UINT8_MAX)
INTEGER(u16, uint16_t, uint16_t, 16, 0, UINT16_MAX)
INTEGER(u32, uint32_t, uint32_t, 32, 0, UINT32_MAX)
INTEGER(u64, uint64_t, uint64_t, 64, 0, UINT64_MAX)

/* ---- casts ---- */

/* long double holds every i64, u64 and double. */
static long double truncated(double a, long double lowest, long double highest)
{
	if (a != a) return 0;
	long double t = truncl((long double)a);
	return t < lowest ? lowest : t > highest ? highest : t;
}

static void check_float_to_int(double a)
{
	float f = (float)a;
#define TO(e, lowest, highest)                                                                                        \
	CHECK((long double)f64_to_##e(a) == truncated(a, (long double)lowest, (long double)highest), #e " of %a", a); \
	CHECK((long double)f32_to_##e(f) == truncated((double)f, (long double)lowest, (long double)highest),          \
		#e " of %a", (double)f);
	TO(i8, INT8_MIN, INT8_MAX)
	TO(i16, INT16_MIN, INT16_MAX)
	TO(i32, INT32_MIN, INT32_MAX)
	TO(i64, INT64_MIN, INT64_MAX)
	TO(u8, 0, UINT8_MAX)
	TO(u16, 0, UINT16_MAX)
	TO(u32, 0, UINT32_MAX)
	TO(u64, 0, UINT64_MAX)
#undef TO
	CHECK(f64_to_bool(a) == (a != 0) && f32_to_bool(f) == (f != 0), "%a", a);
}

/* The nearest of a half type's numbers, by search: the value of bits 0, 1, 2, ... up to infinity increases. */
static uint16_t nearest(double a, float (*value)(uint16_t), uint16_t infinity)
{
	uint16_t sign = signbit(a) ? 0x8000 : 0, low = 0, high = infinity;
	double size = fabs(a);
	while (high - low > 1) {
		uint16_t mid = (uint16_t)((low + high) / 2);
		if ((double)value(mid) <= size) low = mid;
		else high = mid;
	}
	double below = (double)value(low), step = below - (double)value((uint16_t)(low ? low - 1 : low));
	double above = high == infinity ? below + step : (double)value(high);
	double middle = (below + above) / 2;
	return sign | (size < middle || (size == middle && !(low & 1)) ? low : high);
}

static double half_value(uint16_t h, int n_mantissa, int bias) /* by definition */
{
	int exponent = (h & 0x7fff) >> n_mantissa, mantissa = h & ((1 << n_mantissa) - 1);
	double size = exponent ? ldexp(1 + ldexp(mantissa, -n_mantissa), exponent - bias)
			       : ldexp(mantissa, 1 - bias - n_mantissa);
	return h & 0x8000 ? -size : size;
}

static void check_to_half(double a)
{
	float f = (float)a;
	if (isnan(a)) {
		CHECK(isnan(f16_to_f32(f32_to_f16(f))) && isnan(f16_to_f32(f64_to_f16(a))), "NaN");
		CHECK(isnan(bf16_to_f32(f32_to_bf16(f))) && isnan(bf16_to_f32(f64_to_bf16(a))), "NaN");
		return;
	}
	CHECK(f64_to_f16(a) == nearest(a, f16_to_f32, 0x7c00), "%a", a);
	CHECK(f32_to_f16(f) == nearest((double)f, f16_to_f32, 0x7c00), "%a", (double)f);
	CHECK(f64_to_bf16(a) == nearest(a, bf16_to_f32, 0x7f80), "%a", a);
	CHECK(f32_to_bf16(f) == nearest((double)f, bf16_to_f32, 0x7f80), "%a", (double)f);
	CHECK(same(s_round_f16(f), f16_to_f32(f32_to_f16(f))) && same(s_round_bf16(f), bf16_to_f32(f32_to_bf16(f))),
		"%a", (double)f);
}

static void check_casts(void)
{
	for (int shift = -160; shift < 130; shift++)
		for (int i = 0; i < 60; i++) {
			double a = ldexp(i < 8 ? 1 + i / 8.0 : (double)(next() >> 11), i < 8 ? shift : shift - 52);
			if (i >= 50) a = (double)(float)a;
			double values[] = {a, -a, a + ldexp(a, -52), a - 1, a + 0.5, floor(a) + 0.5};
			for (size_t k = 0; k < COUNT(values); k++)
				check_float_to_int(values[k]), check_to_half(values[k]);
		}
	double special[] = {0, -0.0, NAN, INFINITY, -INFINITY, 65504, 65519.99, 65520, 65536, 0x1p-24, 0x1p-25,
		0x1.8p-25, 0x1p-14, 0x1.ffcp-15, 0x1p-133, 0x1p-134, 3.3895313892515355e38, 3.4e38};
	for (size_t i = 0; i < COUNT(special); i++) check_float_to_int(special[i]), check_to_half(special[i]);
	for (int h = 0; h < 65536; h++) {
		uint16_t u = (uint16_t)h;
		if ((u & 0x7c00) != 0x7c00) {
			CHECK((double)f16_to_f32(u) == half_value(u, 10, 15), "%x", u);
			CHECK(f32_to_f16(f16_to_f32(u)) == u, "%x", u);
			check_to_half(((double)f16_to_f32(u) + (double)f16_to_f32((uint16_t)(u + 1))) / 2); /* a tie */
		}
		if ((u & 0x7f80) != 0x7f80) {
			CHECK((double)bf16_to_f32(u) == half_value(u, 7, 127), "%x", u);
			CHECK(f32_to_bf16(bf16_to_f32(u)) == u, "%x", u);
		}
	}
	CHECK(isinf(f16_to_f32(0x7c00)) && f16_to_f32(0xfc00) < 0 && isnan(f16_to_f32(0x7c01)), "f16");
	CHECK(isinf(bf16_to_f32(0x7f80)) && bf16_to_f32(0xff80) < 0 && isnan(bf16_to_f32(0x7f81)), "bf16");
	CHECK(i64_to_f32(16777217) == 16777216 && i64_to_f64(INT64_MIN) == -0x1p63 && u64_to_f32(UINT64_MAX) == 0x1p64f,
		"int to float");
	CHECK(i32_to_u8(-1) == 255 && i32_to_i8(200) == -56 && u64_to_i32(0x180000000u) == INT32_MIN &&
			i8_to_u64(-1) == UINT64_MAX,
		"wrap");
	CHECK(i32_to_bool(256) == 1 && bool_to_f32(1) == 1 && bool_to_i8(1) == 1 && f16_to_bool(0x8000) == 0, "bool");
	CHECK(f16_to_i8(f32_to_f16(-200.5f)) == -128 && i64_to_bf16(257) == f32_to_bf16(256) &&
			f16_to_bf16(0x3c00) == 0x3f80,
		"half");
	CHECK(f64_to_f32(1e300) == INFINITY && f32_to_f64(0.1f) == (double)0.1f, "float");
	CHECK(bool_and(1, 0) == 0 && bool_or(1, 0) == 1 && bool_xor(1, 1) == 0 && bool_not(1) == 0 && bool_not(0) == 1,
		"bool");
	CHECK(bool_eq(1, 1) && bool_ne(1, 0) && bool_select(0, 0, 1) == 1, "bool");
}

/* ---- floats, two operands ---- */

static double true_mod(double a, double b)
{
	double r = fmod(a, b);
	if (r == 0) return copysign(0, b);
	return signbit(r) != signbit(b) ? r + b : r;
}

static void check_pair(float a, float b)
{
	double x = (double)a, y = (double)b, nan = a != a || b != b;
	CHECK(same(s_pow(a, b), (float)pow(x, y)), "%a %a", x, y);
	CHECK(same(s_rem(a, b), (float)fmod(x, y)), "%a %a", x, y);
	CHECK(same(s_mod(a, b), (float)true_mod(x, y)), "%a %a", x, y);
	CHECK(d_mod(x, y) == true_mod(x, y) || nan || true_mod(x, y) != true_mod(x, y), "%a %a", x, y);
	CHECK(nan ? isnan(s_min(a, b)) : s_min(a, b) == fminf(a, b), "%a %a", x, y);
	CHECK(nan ? isnan(s_max(a, b)) : s_max(a, b) == fmaxf(a, b), "%a %a", x, y);
	CHECK(nan ? isnan(d_min(x, y)) : d_min(x, y) == fmin(x, y), "%a %a", x, y);
	CHECK(nan ? isnan(d_max(x, y)) : d_max(x, y) == fmax(x, y), "%a %a", x, y);
	CHECK(same(s_add(a, b), (float)(x + y)) && same(s_mul(a, b), (float)(x * y)) &&
			same(s_sub(a, b), (float)(x - y)),
		"%a %a", x, y);
	CHECK(s_isnan(a) == !!isnan(a) && s_isinf(a) == !!isinf(a) && d_isnan(x) == !!isnan(x) &&
			d_isinf(x) == !!isinf(x),
		"%a", x);
	CHECK(s_eq(a, b) == (x == y) && s_ne(a, b) == (x != y) && s_lt(a, b) == (x < y) && s_le(a, b) == (x <= y) &&
			s_gt(a, b) == (x > y) && s_ge(a, b) == (x >= y),
		"%a %a", x, y);
	CHECK(same(s_select(1, a, b), a) && same(s_select(0, a, b), b), "%a %a", x, y);
#ifdef VECTOR
	vf va = v_set(a), vb = v_set(b);
	va[1] = b, vb[1] = a;
#define LANES(name)                                                                                        \
	CHECK(same(v_##name(va, vb)[VL - 1], s_##name(a, b)) && same(v_##name(va, vb)[1], s_##name(b, a)), \
		#name " %a %a", x, y)
	LANES(add);
	LANES(sub);
	LANES(mul);
	LANES(div);
	LANES(mod);
	LANES(rem);
	LANES(pow);
	LANES(min);
	LANES(max);
#undef LANES
#define LANES(name) \
	CHECK(v_##name(va, vb)[0] == -s_##name(a, b) && v_##name(va, vb)[1] == -s_##name(b, a), #name " %a %a", x, y)
	LANES(eq);
	LANES(ne);
	LANES(lt);
	LANES(le);
	LANES(gt);
	LANES(ge);
#undef LANES
	CHECK(v_isnan(va)[0] == -s_isnan(a) && v_isinf(vb)[1] == -s_isinf(a), "%a", x);
	CHECK(same(v_select(va < vb, va, vb)[0], a < b ? a : b) && same(v_fma(va, vb, va)[0], s_fma(a, b, a)), "%a %a",
		x, y);
	CHECK(same(v_round_f16(va)[0], s_round_f16(a)) && same(v_round_bf16(va)[1], s_round_bf16(b)), "%a %a", x, y);
	uint16_t half[VL];
	v_store_f16(half, va);
	CHECK((half[0] == f32_to_f16(a) && half[1] == f32_to_f16(b)), "%a", x);
	CHECK(same(v_load_f16(half)[0], f16_to_f32(half[0])), "%a", x);
	v_store_bf16(half, va);
	CHECK(half[0] == f32_to_bf16(a) && half[1] == f32_to_bf16(b), "%a", x);
	CHECK(same(v_load_bf16(half)[1], bf16_to_f32(half[1])), "%a", x);
#endif
}

static void check_floats(void)
{
	static const float special[] = {0, -0.0f, 1, -1, 0.5f, 2, -2, 3, -3, 0.3f, 7.5f, -7.5f, 1e-45f, -1e-40f, 1e30f,
		-1e30f, 0x1.fffffep127f, INFINITY, -INFINITY, NAN, 1.0000001f, 65519.996f, 65520, 6e-8f, 3e-8f};
	for (size_t i = 0; i < COUNT(special); i++)
		for (size_t j = 0; j < COUNT(special); j++) check_pair(special[i], special[j]);
	for (int i = 0; i < 50000; i++) {
		check_pair(from_bits((uint32_t)next()), from_bits((uint32_t)next()));
		check_pair((float)(int64_t)next() * 0x1p-58f, (float)(int64_t)next() * 0x1p-60f);
	}
	for (double x = -30; x < 30; x += 0.37) {
		CHECK(fabs(d_sigmoid(x) - 1 / (1 + exp(-x))) < 1e-15 &&
				fabs(d_softplus(x) - log(1 + exp(x))) < 1e-14 * (1 + fabs(x)),
			"%g", x);
		CHECK(d_tanh(x) == tanh(x) && d_erf(x) == erf(x) && d_round(x) == rint(x) && d_abs(x) == fabs(x), "%g",
			x);
	}
	CHECK(d_sigmoid(-1000) == 0 && d_sigmoid(1000) == 1 && d_softplus(1000) == 1000 && d_sign(-3) == -1 &&
			isnan(d_sign(NAN)),
		"double");
}

/* ---- vectors ---- */

#ifdef VECTOR
static void check_bytes(void)
{
	int8_t bytes[256 + 3 * VL];
	for (int i = 0; i < 256 + 3 * VL; i++) bytes[i] = (int8_t)(i % 256 - 128);
	for (int i = 0; i < 256; i++)
		for (int l = 0; l < VL; l++) {
			const float one = (float)((i + l) % 256 - 128), third = (float)((i + 3 * l) % 256 - 128);
			CHECK(same(v_load_i8(bytes + i)[l], one), "byte %d, lane %d", i, l);
			CHECK(same(v_gather_i8(bytes + i, 3)[l], third), "byte %d, lane %d", i, l);
			for (int n = 1; n < VL; n++) {
				CHECK(same(v_loadn_i8(bytes + i, n)[l], l < n ? one : 0), "byte %d, lane %d", i, l);
				CHECK(same(v_gathern_i8(bytes + i, 3, n)[l], l < n ? third : 0), "byte %d, lane %d", i,
					l);
			}
		}
}

static void check_vectors(void)
{
	check_bytes();
	float memory[4 * VL + 1], aligned[VL] __attribute__((aligned(64)));
	for (int i = 0; i < 4 * VL + 1; i++) memory[i] = (float)(i * i - 7 * i);
	for (int offset = 0; offset < 3; offset++) {
		vf a = v_loadu(memory + offset), g = v_gather(memory + offset, 3), back = v_gather(memory + 3 * VL, -2);
		for (int l = 0; l < VL; l++)
			CHECK(a[l] == memory[offset + l] && g[l] == memory[offset + 3 * l] &&
					back[l] == memory[3 * VL - 2 * l],
				"%d", l);
		float out[3 * VL] = {0};
		v_storeu(out + offset, a);
		for (int l = 0; l < VL; l++) CHECK(out[offset + l] == a[l], "%d", l);
		v_scatter(out, 3, a);
		for (int l = 0; l < VL; l++) CHECK(out[3 * l] == a[l], "%d", l);
	}
	float *second = malloc(sizeof *second * (2 * VL - 1)); /* nothing beyond is read */
	for (int i = 0; i < 2 * VL - 1; i++) second[i] = memory[i + 1];
	vf every = v_gather2(second);
	for (int l = 0; l < VL; l++) CHECK(every[l] == memory[2 * l + 1], "%d", l);
	free(second);
	float turns[2 * VL + 2] = {0};
	v_scatter2(turns + 1, v_loadu(memory), v_loadu(memory + VL));
	for (int l = 0; l < VL; l++)
		CHECK(turns[2 * l + 1] == memory[l] && turns[2 * l + 2] == memory[VL + l], "%d", l);
	CHECK(turns[0] == 0 && turns[2 * VL + 1] == 0, "scatter2");
	for (int n = 1; n <= VL; n++) { /* nothing beyond is read, nor written */
		float *end = malloc(sizeof *end * (size_t)(3 * n)), out[3 * VL + 1];
		for (int i = 0; i < 3 * n; i++) end[i] = memory[i + 1];
		vf a = v_loadn(end + 2 * n, n), g = v_gathern(end + 2, 3, n);
		for (int l = 0; l < VL; l++)
			CHECK(a[l] == (l < n ? memory[2 * n + l + 1] : 0) && g[l] == (l < n ? memory[3 * l + 3] : 0),
				"%d of %d", l, n);
		for (int i = 0; i < 3 * VL + 1; i++) out[i] = -1;
		v_storen(out, v_loadu(memory), n);
		for (int i = 0; i < 3 * VL + 1; i++) CHECK(out[i] == (i < n ? memory[i] : -1), "%d of %d", i, n);
		for (int i = 0; i < 3 * VL + 1; i++) out[i] = -1;
		v_scattern(out, 3, v_loadu(memory), n);
		for (int i = 0; i < 3 * VL + 1; i++)
			CHECK(out[i] == (i % 3 || i >= 3 * n ? -1 : memory[i / 3]), "%d of %d", i, n);
		free(end);
	}
	float square[VL * (VL + 1)], columns[VL * (VL + 2)] = {0};
	for (int i = 0; i < VL * (VL + 1); i++) square[i] = (float)i;
	v_transpose(columns, VL + 2, square, VL + 1);
	for (int i = 0; i < VL * (VL + 2); i++) {
		const int row = i / (VL + 2), lane = i % (VL + 2);
		CHECK(columns[i] == (lane < VL ? square[lane * (VL + 1) + row] : 0), "%d", i);
	}
	v_store(aligned, v_loadu(memory + 1));
	CHECK(v_load(aligned)[VL - 1] == memory[VL] && same(v_set(-0.0f)[1], -0.0f), "load");
	uint8_t truth[VL];
	v_store_mask(truth, v_loadu(memory) < v_set(0));
	for (int l = 0; l < VL; l++) CHECK(truth[l] == (memory[l] < 0), "%d", l);
	vi m = v_load_mask(truth);
	for (int l = 0; l < VL; l++) CHECK(m[l] == -(memory[l] < 0) && m_to_f32(m)[l] == (memory[l] < 0), "%d", l);
	CHECK(m_and(m, m_not(m))[0] == 0 && m_or(m, m_not(m))[1] == -1 && m_xor(m, m)[2] == 0, "masks");
	CHECK(m_select(m, m, m_not(m))[0] == -1 && m_eq(m, m)[3] == -1 && m_ne(m, m_not(m))[3] == -1, "masks");
	CHECK(v_to_mask(v_set(NAN))[0] == -1 && v_to_mask(v_set(-0.0f))[0] == 0, "to_mask");
	for (int trial = 0; trial < 1000; trial++) {
		float a[VL], sum[VL];
		for (int l = 0; l < VL; l++) a[l] = sum[l] = (float)(int64_t)next() * 0x1p-60f;
		for (int n = VL / 2; n; n /= 2)
			for (int l = 0; l < n; l++) sum[l] += sum[l + n];
		float high = a[0], low = a[0];
		for (int l = 1; l < VL; l++) high = fmaxf(high, a[l]), low = fminf(low, a[l]);
		CHECK(v_hsum(v_loadu(a)) == sum[0] && v_hmax(v_loadu(a)) == high && v_hmin(v_loadu(a)) == low,
			"reduction");
		a[trial % VL] = NAN;
		CHECK(isnan(v_hmax(v_loadu(a))) && isnan(v_hmin(v_loadu(a))), "reduction of NaN");
	}
}
#endif

int main(void)
{
	check_i8(), check_i16(), check_i32(), check_i64(), check_u8(), check_u16(), check_u32(), check_u64();
	check_casts();
	check_floats();
#ifdef VECTOR
	check_vectors();
#endif
	if (n_failed) printf("%d failed\n", n_failed);
	return n_failed != 0;
}
