/* tensor.c: dense arrays, and the conversion of blocks of their elements.
 *
 * The interpreter computes in three types only: double for floats, int64_t for signed and uint64_t for unsigned integers
 * and bool.  Widening is exact, and storing rounds once or wraps, so computing wide gives what computing in the element
 * type gives: a float sum, product, quotient or root rounded to f64 and then to f32 is the one rounded to f32 at once
 * (53 >= 2 * 24 + 2 bits), and integers modulo 2^64 are integers modulo 2^n.  Blocks stay in the first-level cache.
 */
#include "ir/prim.h"

#include <math.h>
#include <string.h>

Tensor *tensor_new(Arena *arena, Elem elem, int rank, const int64_t *dims)
{
	int64_t count = 1;
	bool too_large = false;
	for (int i = 0; i < rank; i++) {
		assert(dims[i] >= 0);
		if (dims[i] == 0) count = 0;
	}
	for (int i = 0; i < rank && count > 0; i++) too_large |= __builtin_mul_overflow(count, dims[i], &count);
	if (too_large || count > (INT64_C(1) << 40) / elem_info[elem].size) return NULL;
	Tensor *t = NEW(arena, Tensor);
	t->elem = elem;
	t->rank = rank;
	t->dims = rank ? arena_copy(arena, dims, sizeof *dims * (size_t)rank) : NULL;
	t->count = count;
	t->data = arena_alloc(arena, tensor_size_bytes(t) + (count == 0));
	return t;
}

size_t tensor_size_bytes(const Tensor *t) { return (size_t)t->count * (size_t)elem_info[t->elem].size; }

/* The integer types' ranges as doubles: the ends are powers of two, hence exact, and `hi` is the first value outside. */
static int64_t saturate_signed(double x, int n_bits)
{
	const double hi = ldexp(1, n_bits - 1);
	if (isnan(x)) return 0;
	if (x >= hi) return (int64_t)(UINT64_MAX >> (65 - n_bits));
	if (x < -hi) return -(int64_t)(UINT64_MAX >> (65 - n_bits)) - 1;
	return (int64_t)x;
}

static uint64_t saturate_unsigned(double x, int n_bits)
{
	if (isnan(x) || x <= 0) return 0;
	if (x >= ldexp(1, n_bits)) return UINT64_MAX >> (64 - n_bits);
	return (uint64_t)x;
}

/* for each element: `statement` with the typed array `p` at index j */
#define EACH(ctype, cv, statement)                     \
	{                                              \
		cv ctype *p = (cv ctype *)data + i;    \
		for (int j = 0; j < n; j++) statement; \
		return;                                \
	}

void load_f64(Elem elem, const void *data, int64_t i, int n, double *out)
{
	switch (elem) {
	case F64: EACH(double, const, out[j] = p[j])
	case F32: EACH(float, const, out[j] = (double)p[j])
	case F16: EACH(uint16_t, const, out[j] = (double)f16_to_f32(p[j]))
	case BF16: EACH(uint16_t, const, out[j] = (double)bf16_to_f32(p[j]))
	case F8E4M3FN:
	case F8E4M3FNUZ:
	case F8E5M2:
	case F8E5M2FNUZ:
	case F8E8M0:
	case F4E2M1: EACH(uint8_t, const, out[j] = (double)narrow_to_f32(elem, p[j]))
	case I8:
	case I4:
	case I2: EACH(int8_t, const, out[j] = p[j])
	case I16: EACH(int16_t, const, out[j] = p[j])
	case STR:
	case I32: EACH(int32_t, const, out[j] = p[j])
	case I64: EACH(int64_t, const, out[j] = (double)p[j])
	case U8:
	case U4:
	case U2: EACH(uint8_t, const, out[j] = p[j])
	case U16: EACH(uint16_t, const, out[j] = p[j])
	case U32: EACH(uint32_t, const, out[j] = p[j])
	case U64: EACH(uint64_t, const, out[j] = (double)p[j])
	case BOOL: EACH(uint8_t, const, out[j] = p[j] != 0)
	}
	assert(0 && "an element type");
}

void load_i64(Elem elem, const void *data, int64_t i, int n, int64_t *out)
{
	switch (elem) {
	case F64: EACH(double, const, out[j] = saturate_signed(p[j], 64))
	case F32: EACH(float, const, out[j] = saturate_signed((double)p[j], 64))
	case F16: EACH(uint16_t, const, out[j] = saturate_signed((double)f16_to_f32(p[j]), 64))
	case BF16: EACH(uint16_t, const, out[j] = saturate_signed((double)bf16_to_f32(p[j]), 64))
	case F8E4M3FN:
	case F8E4M3FNUZ:
	case F8E5M2:
	case F8E5M2FNUZ:
	case F8E8M0:
	case F4E2M1: EACH(uint8_t, const, out[j] = saturate_signed((double)narrow_to_f32(elem, p[j]), 64))
	case I8:
	case I4:
	case I2: EACH(int8_t, const, out[j] = p[j])
	case I16: EACH(int16_t, const, out[j] = p[j])
	case STR:
	case I32: EACH(int32_t, const, out[j] = p[j])
	case I64: EACH(int64_t, const, out[j] = p[j])
	case U8:
	case U4:
	case U2: EACH(uint8_t, const, out[j] = p[j])
	case U16: EACH(uint16_t, const, out[j] = p[j])
	case U32: EACH(uint32_t, const, out[j] = p[j])
	case U64: EACH(uint64_t, const, out[j] = (int64_t)p[j])
	case BOOL: EACH(uint8_t, const, out[j] = p[j] != 0)
	}
	assert(0 && "an element type");
}

void store_f64(Elem elem, void *data, int64_t i, int n, const double *in)
{
	switch (elem) {
	case F64: EACH(double, , p[j] = in[j])
	case F32: EACH(float, , p[j] = (float)in[j])
	case F16: EACH(uint16_t, , p[j] = f16_from_f64(in[j]))
	case BF16: EACH(uint16_t, , p[j] = bf16_from_f64(in[j]))
	case F8E4M3FN:
	case F8E4M3FNUZ:
	case F8E5M2:
	case F8E5M2FNUZ:
	case F8E8M0:
	case F4E2M1: EACH(uint8_t, , p[j] = (uint8_t)narrow_from_f64(elem, in[j]))
	case I8:
	case I4:
	case I2: EACH(int8_t, , p[j] = (int8_t)saturate_signed(in[j], elem_info[elem].bits))
	case I16: EACH(int16_t, , p[j] = (int16_t)saturate_signed(in[j], 16))
	case STR:
	case I32: EACH(int32_t, , p[j] = (int32_t)saturate_signed(in[j], 32))
	case I64: EACH(int64_t, , p[j] = saturate_signed(in[j], 64))
	case U8:
	case U4:
	case U2: EACH(uint8_t, , p[j] = (uint8_t)saturate_unsigned(in[j], elem_info[elem].bits))
	case U16: EACH(uint16_t, , p[j] = (uint16_t)saturate_unsigned(in[j], 16))
	case U32: EACH(uint32_t, , p[j] = (uint32_t)saturate_unsigned(in[j], 32))
	case U64: EACH(uint64_t, , p[j] = saturate_unsigned(in[j], 64))
	case BOOL: EACH(uint8_t, , p[j] = in[j] != 0)
	}
	assert(0 && "an element type");
}

/* The nearest double, but where 64 bits do not fit 53, the last bit says whether anything was lost ("round to odd"):
 * rounding that to a narrower float is then the same as rounding the integer itself. */
static double sticky_f64(uint64_t x)
{
	if (x >> 53) x = x >> 11 << 11 | (uint64_t)((x & 0x7ff) != 0) << 11;
	return (double)x;
}

static double widen_signed(Elem elem, int64_t x)
{
	if (elem == F64) return (double)x;
	return x < 0 ? -sticky_f64(-(uint64_t)x) : sticky_f64((uint64_t)x);
}

/* The low bits of x as a number of the type; of a float or bool: as its storage. */
static int64_t low_bits(Elem elem, uint64_t x)
{
	const int above = 64 - elem_info[elem].bits;
	return elem_info[elem].cls == 'i' ? (int64_t)(x << above) >> above : (int64_t)(x << above >> above);
}

void store_i64(Elem elem, void *data, int64_t i, int n, const int64_t *in)
{
	switch (elem) {
	case I8:
	case I4:
	case I2: EACH(int8_t, , p[j] = (int8_t)low_bits(elem, (uint64_t)in[j]))
	case I16: EACH(int16_t, , p[j] = (int16_t)in[j])
	case STR:
	case I32: EACH(int32_t, , p[j] = (int32_t)in[j])
	case I64: EACH(int64_t, , p[j] = in[j])
	case U8:
	case U4:
	case U2: EACH(uint8_t, , p[j] = (uint8_t)low_bits(elem, (uint64_t)in[j]))
	case U16: EACH(uint16_t, , p[j] = (uint16_t)in[j])
	case U32: EACH(uint32_t, , p[j] = (uint32_t)in[j])
	case U64: EACH(uint64_t, , p[j] = (uint64_t)in[j])
	case BOOL: EACH(uint8_t, , p[j] = in[j] != 0)
	case F64:
	case F32:
	case F16:
	case BF16:
	case F8E4M3FN:
	case F8E4M3FNUZ:
	case F8E5M2:
	case F8E5M2FNUZ:
	case F8E8M0:
	case F4E2M1:
		for (int j = 0; j < n; j++) {
			const double x = widen_signed(elem, in[j]);
			store_f64(elem, data, i + j, 1, &x);
		}
		return;
	}
	assert(0 && "an element type");
}

void store_u64(Elem elem, void *data, int64_t i, int n, const uint64_t *in)
{
	if (!elem_is_float(elem)) {
		store_i64(elem, data, i, n, (const int64_t *)in);
		return;
	}
	for (int j = 0; j < n; j++) {
		const double x = elem == F64 ? (double)in[j] : sticky_f64(in[j]);
		store_f64(elem, data, i + j, 1, &x);
	}
}

void copy_bits(Elem from UNUSED, const void *data, Elem to, void *result, int64_t n)
{
	assert(elem_info[from].bits == elem_info[to].bits);
	if (elem_info[to].size > 1) {
		memcpy(result, data, (size_t)n * (size_t)elem_info[to].size);
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		const uint8_t x = ((const uint8_t *)data)[i];
		((uint8_t *)result)[i] = to == BOOL ? x != 0 : (uint8_t)low_bits(to, x);
	}
}

int64_t packed_bytes(Elem elem, int64_t n)
{
	const int bits = elem_info[elem].bits;
	return bits >= 8 ? n * elem_info[elem].size : n / (8 / bits) + (n % (8 / bits) != 0);
}

void pack_elements(Elem elem, const void *elements, int64_t n, uint8_t *packed)
{
	const int bits = elem_info[elem].bits, each = 8 / bits;
	assert(bits < 8);
	memset(packed, 0, (size_t)packed_bytes(elem, n));
	for (int64_t i = 0; i < n; i++) {
		const unsigned x = ((const uint8_t *)elements)[i] & ((1U << bits) - 1);
		packed[i / each] = (uint8_t)(packed[i / each] | x << i % each * bits);
	}
}

void unpack_elements(Elem elem, const uint8_t *packed, int64_t n, void *elements)
{
	const int bits = elem_info[elem].bits, each = 8 / bits;
	assert(bits < 8);
	for (int64_t i = 0; i < n; i++)
		((uint8_t *)elements)[i] = (uint8_t)low_bits(elem, (uint64_t)packed[i / each] >> i % each * bits);
}

const Tensor *tensor_packed(Arena *arena, const Tensor *t)
{
	if (elem_info[t->elem].bits >= 8) return t;
	const int64_t n = packed_bytes(t->elem, t->count);
	Tensor *packed = tensor_new(arena, U8, 1, &n);
	pack_elements(t->elem, t->data, t->count, packed->data);
	return packed;
}

Elem elem_wide(Elem elem)
{
	const char cls = elem_info[elem].cls;
	return cls == 'f' ? F64 : cls == 'i' ? I64 : U64;
}

void load_wide(Elem elem, const void *data, int64_t i, int n, void *wide, int64_t at)
{
	if (elem_is_float(elem)) load_f64(elem, data, i, n, (double *)wide + at);
	else load_i64(elem, data, i, n, (int64_t *)wide + at);
}

void store_wide(Elem elem, void *data, int64_t i, int n, const void *wide, int64_t at)
{
	if (elem_is_float(elem)) store_f64(elem, data, i, n, (const double *)wide + at);
	else store_i64(elem, data, i, n, (const int64_t *)wide + at);
}

const double *block_f64(Elem elem, const void *data, int64_t i, int n, double *buffer)
{
	if (elem == F64) return (const double *)data + i;
	load_f64(elem, data, i, n, buffer);
	return buffer;
}

const int64_t *block_i64(Elem elem, const void *data, int64_t i, int n, int64_t *buffer)
{
	if (elem == I64 || elem == U64) return (const int64_t *)data + i;
	load_i64(elem, data, i, n, buffer);
	return buffer;
}

int64_t index_clamped(const Tensor *index, int64_t i, int64_t n)
{
	const int64_t at = tensor_get_int(index, i);
	if (at < 0) return index->elem == U64 ? n - 1 : 0;
	return at < n ? at : n - 1;
}

/* A number that grows with the element.  Floats: a positive number's bits grow with it, a negative one's shrink. */
void load_keys(Elem elem, const void *data, int64_t i, int n, uint64_t *out)
{
	const uint64_t top = UINT64_C(1) << 63;
	for (int j = 0; j < n; j++) {
		if (elem_is_float(elem)) {
			double x;
			load_f64(elem, data, i + j, 1, &x);
			x += 0.0; /* -0 is 0 */
			memcpy(&out[j], &x, sizeof x);
			out[j] = isnan(x) ? UINT64_MAX : out[j] & top ? ~out[j] : out[j] | top;
		} else {
			int64_t x;
			load_i64(elem, data, i + j, 1, &x);
			out[j] = elem_info[elem].cls == 'i' ? (uint64_t)x ^ top : (uint64_t)x;
		}
	}
}

double tensor_get(const Tensor *t, int64_t i)
{
	double x;
	load_f64(t->elem, t->data, i, 1, &x);
	return x;
}

void tensor_set(Tensor *t, int64_t i, double x) { store_f64(t->elem, t->data, i, 1, &x); }

int64_t tensor_get_int(const Tensor *t, int64_t i)
{
	int64_t x;
	load_i64(t->elem, t->data, i, 1, &x);
	return x;
}

void tensor_set_int(Tensor *t, int64_t i, int64_t x) { store_i64(t->elem, t->data, i, 1, &x); }
