/* tensor.c: TensorProto and SparseTensorProto to Tensor.
 *
 * Data stands in raw_data, in the typed field of its element type, or in another file.  Whatever the message says is
 * checked against what is there: rank, dims, number of elements, range of each.
 */
#include "frontend/onnx/model.h"
#include "frontend/onnx/onnx_tensor.h"
#include "frontend/onnx/prescan.h"
#include "onnx-data.pb-c.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian and used as it is");

static const struct {
	const char *name;
	int elem; /* Elem, or -1 where there is no such type in the IR */
} data_types[] = {
	[0] = {"UNDEFINED", -1},
	[1] = {"FLOAT", F32},
	[2] = {"UINT8", U8},
	[3] = {"INT8", I8},
	[4] = {"UINT16", U16},
	[5] = {"INT16", I16},
	[6] = {"INT32", I32},
	[7] = {"INT64", I64},
	[8] = {"STRING", STR},
	[9] = {"BOOL", BOOL},
	[10] = {"FLOAT16", F16},
	[11] = {"DOUBLE", F64},
	[12] = {"UINT32", U32},
	[13] = {"UINT64", U64},
	[14] = {"COMPLEX64", -1},
	[15] = {"COMPLEX128", -1},
	[16] = {"BFLOAT16", BF16},
	[17] = {"FLOAT8E4M3FN", F8E4M3FN},
	[18] = {"FLOAT8E4M3FNUZ", F8E4M3FNUZ},
	[19] = {"FLOAT8E5M2", F8E5M2},
	[20] = {"FLOAT8E5M2FNUZ", F8E5M2FNUZ},
	[21] = {"UINT4", U4},
	[22] = {"INT4", I4},
	[23] = {"FLOAT4E2M1", F4E2M1},
	[24] = {"FLOAT8E8M0", F8E8M0},
	[25] = {"UINT2", U2},
	[26] = {"INT2", I2},
	[27] = {"FLOAT6E2M3", -1},
	[28] = {"FLOAT6E3M2", -1},
};

Elem onnx_elem(Ctx *cx, int32_t data_type, const char *what)
{
	int n = (int)(sizeof data_types / sizeof *data_types);
	if (data_type < 0 || data_type >= n) fail(cx, "%s: unknown element type %d", what, (int)data_type);
	if (data_types[data_type].elem < 0)
		fail(cx, "%s: element type %s is not supported", what, data_types[data_type].name);
	return (Elem)data_types[data_type].elem;
}

int32_t onnx_data_type(Elem elem)
{
	int32_t code = 0;
	while (data_types[code].elem != (int)elem) code++;
	return code;
}

/* -------------------------------------------------------------------------------------------------- unpacking */

static void *pb_alloc(void *arena, size_t size) { return arena_alloc(arena, size); }
static void pb_free(void *arena, void *pointer) { (void)arena, (void)pointer; }

void *onnx_unpack(
	Ctx *cx, const ProtobufCMessageDescriptor *type, const void *data, size_t size_bytes, const char *what)
{
	const char *error = prescan(type, data, size_bytes, &prescan_limits);
	if (error) fail(cx, "%s: the message %s", what, error);
	ProtobufCAllocator allocator = {.alloc = pb_alloc, .free = pb_free, .allocator_data = cx->arena};
	void *message = protobuf_c_message_unpack(type, &allocator, size_bytes, data);
	if (!message) fail(cx, "%s: the message is damaged", what);
	return message;
}

/* -------------------------------------------------------------------------------------------------- dense */

static int64_t parse_count(Ctx *cx, const char *what, const char *key, const char *text)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < 0)
		fail(cx, "%s: %s of its external data is no byte count: %s", what, key, onnx_quote(cx, text));
	return value;
}

static const void *external(Ctx *cx, const Onnx__TensorProto *t, const char *dir, const char *what, size_t *size_bytes)
{
	const char *location = NULL;
	int64_t offset = 0, length = -1;
	for (size_t i = 0; i < t->n_external_data; i++) {
		const char *key = t->external_data[i]->key, *value = t->external_data[i]->value;
		if (!key || !value) fail(cx, "%s: its external data lacks a key or a value", what);
		if (strcmp(key, "location") == 0) location = value;
		else if (strcmp(key, "offset") == 0) offset = parse_count(cx, what, key, value);
		else if (strcmp(key, "length") == 0) length = parse_count(cx, what, key, value);
		else if (strcmp(key, "checksum") != 0) /* a digest that no known writer fills; the size is checked */
			fail(cx, "%s: unknown key %s of its external data", what, onnx_quote(cx, key));
	}
	if (!location) fail(cx, "%s: its external data has no location", what);
	const void *data = onnx_external_data(cx, dir, location, offset, length, size_bytes);
	/* an offset that is no multiple of the element: no C object may stand there */
	return (uintptr_t)data % sizeof(double) ? arena_copy(cx->arena, data, *size_bytes) : data;
}

/* The typed field for this element type: how many values it has, and the one at i (floats as their bits). */
static size_t typed_count(const Onnx__TensorProto *t, Elem elem)
{
	switch (elem) {
	case F32: return t->n_float_data;
	case F64: return t->n_double_data;
	case I64: return t->n_int64_data;
	case U32:
	case U64: return t->n_uint64_data;
	case STR: return t->n_string_data;
	default: return t->n_int32_data;
	}
}

/* The numbers of the texts. */
static void texts_copy(Ctx *cx, const Onnx__TensorProto *t, int32_t *to, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++) {
		const ProtobufCBinaryData *s = &t->string_data[i];
		if (s->len && memchr(s->data, 0, s->len)) fail(cx, "%s: a NUL in string %zu", what, i);
		to[i] = text_number(cx, s->len ? arena_strn(cx->arena, (const char *)s->data, s->len) : "");
	}
}

/* Each value of int32_data and uint64_data must be one that the element type has; where several elements share a byte, each
 * value is such a byte. */
static void typed_copy(Ctx *cx, const Onnx__TensorProto *t, Tensor *to, size_t n, const char *what)
{
	switch (to->elem) {
	case F32: memcpy(to->data, t->float_data, n * sizeof(float)); return;
	case F64: memcpy(to->data, t->double_data, n * sizeof(double)); return;
	case I64: memcpy(to->data, t->int64_data, n * sizeof(int64_t)); return;
	case U64: memcpy(to->data, t->uint64_data, n * sizeof(uint64_t)); return;
	case I32: memcpy(to->data, t->int32_data, n * sizeof(int32_t)); return;
	case STR: texts_copy(cx, t, to->data, n, what); return;
	default: break;
	}
	const ElemInfo *info = &elem_info[to->elem];
	int64_t lo = 0, hi = (INT64_C(1) << 8 * info->size) - 1; /* of floats: their bits */
	if (to->elem == BOOL) lo = INT32_MIN, hi = INT32_MAX;
	else if (info->cls == 'i' && info->bits >= 8) hi /= 2, lo = -hi - 1;
	uint8_t *packed = info->bits < 8 ? arena_alloc(cx->arena, n) : NULL;
	for (size_t i = 0; i < n; i++) {
		uint64_t wide = to->elem == U32 ? t->uint64_data[i] : 0;
		int64_t value = to->elem == U32 ? (int64_t)wide : t->int32_data[i];
		if (value < lo || value > hi)
			fail(cx, "%s: value %lld is out of range for %s", what, (long long)value, info->name);
		if (packed) {
			packed[i] = (uint8_t)value;
			continue;
		}
		switch (info->size) {
		case 1: ((uint8_t *)to->data)[i] = to->elem == BOOL ? value != 0 : (uint8_t)value; break;
		case 2: ((uint16_t *)to->data)[i] = (uint16_t)value; break;
		default: ((uint32_t *)to->data)[i] = (uint32_t)value; break;
		}
	}
	if (packed) unpack_elements(to->elem, packed, to->count, to->data);
}

static int64_t count_elements(Ctx *cx, size_t rank, const int64_t *dims, const char *what)
{
	if (rank > ONNX_MAX_RANK) fail(cx, "%s: %zu dims; at most %d are supported", what, rank, ONNX_MAX_RANK);
	int64_t count = 1;
	bool overflows = false;
	for (size_t i = 0; i < rank; i++) {
		if (dims[i] < 0) fail(cx, "%s: dim %zu is negative: %lld", what, i, (long long)dims[i]);
		overflows |= __builtin_mul_overflow(count, dims[i], &count);
	}
	for (size_t i = 0; i < rank; i++)
		if (dims[i] == 0) return 0;
	if (overflows || count > ((int64_t)1 << 40)) fail(cx, "%s: too many elements", what);
	return count;
}

/* Bytes of bool are 0 or 1 from here on. */
static const void *bools(Ctx *cx, const uint8_t *data, size_t n)
{
	size_t i = 0;
	while (i < n && data[i] <= 1) i++;
	if (i == n) return data;
	uint8_t *copy = arena_copy(cx->arena, data, n);
	for (; i < n; i++) copy[i] = copy[i] != 0;
	return copy;
}

const Tensor *onnx_tensor(Ctx *cx, const Onnx__TensorProto *t, const char *dir)
{
	const char *what = arena_printf(cx->arena, "tensor %s", onnx_quote(cx, t->name));
	Elem elem = onnx_elem(cx, t->has_data_type ? t->data_type : 0, what);
	if (t->segment) fail(cx, "%s: segments are not supported", what);
	int64_t count = count_elements(cx, t->n_dims, t->dims, what);
	size_t size = (size_t)packed_bytes(elem, count), n_typed = typed_count(t, elem);

	Tensor *r = NEW(cx->arena, Tensor);
	*r = (Tensor){.elem = elem, .rank = (int)t->n_dims, .count = count};
	r->dims = arena_copy(cx->arena, t->dims, t->n_dims * sizeof(int64_t));
	const void *raw = NULL;
	size_t n_raw = 0;
	int location = t->has_data_location ? (int)t->data_location : 0;
	if (location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) raw = external(cx, t, dir, what, &n_raw);
	else if (location != ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT)
		fail(cx, "%s: unknown data location %d", what, location);
	else if (t->has_raw_data)
		raw = t->raw_data.data ? t->raw_data.data : (const uint8_t *)"", n_raw = t->raw_data.len;
	if (raw) {
		if (elem == STR) fail(cx, "%s: strings as raw data", what);
		if (n_typed) fail(cx, "%s: has its data twice, raw and typed", what);
		if (n_raw != size)
			fail(cx, "%s: %lld elements of %s are %zu bytes, but there are %zu", what, (long long)count,
				elem_info[elem].name, size, n_raw);
		if (elem_info[elem].bits < 8) {
			r->data = arena_alloc(cx->arena, (size_t)count);
			unpack_elements(elem, raw, count, r->data);
			return r;
		}
		/* never written: constants are copied when they are interned */
		r->data = (void *)(uintptr_t)(elem == BOOL ? bools(cx, raw, n_raw) : raw);
		return r;
	}
	size_t n_values = elem_info[elem].bits < 8 ? size : (size_t)count;
	if (n_typed != n_values)
		fail(cx, "%s: %zu %s wanted, but there are %zu", what, n_values,
			elem_info[elem].bits < 8 ? "bytes" : "elements", n_typed);
	r->data = arena_alloc(cx->arena, (size_t)count * (size_t)elem_info[elem].size);
	if (count) typed_copy(cx, t, r, n_values, what);
	return r;
}

/* -------------------------------------------------------------------------------------------------- sparse */

const Tensor *onnx_sparse_tensor(Ctx *cx, const Onnx__SparseTensorProto *s, const char *dir)
{
	if (!s->values || !s->indices) fail(cx, "sparse tensor: values or indices are missing");
	const char *what = arena_printf(cx->arena, "sparse tensor %s", onnx_quote(cx, s->values->name));
	const Tensor *values = onnx_tensor(cx, s->values, dir), *indices = onnx_tensor(cx, s->indices, dir);
	int64_t count = count_elements(cx, s->n_dims, s->dims, what), rank = (int64_t)s->n_dims;
	if (values->rank != 1 || indices->elem != I64 ||
		!((indices->rank == 1 && indices->dims[0] == values->count) ||
			(indices->rank == 2 && indices->dims[0] == values->count && indices->dims[1] == rank)))
		fail(cx, "%s: values[n] and i64 indices[n] or [n, rank] wanted", what);
	/* a few bytes may stand for a huge array */
	if (count > ((int64_t)1 << 28))
		fail(cx, "%s: %lld elements are too many to make it dense", what, (long long)count);
	Tensor *r = tensor_new(cx->arena, values->elem, (int)s->n_dims, s->dims);
	if (!r) fail(cx, "%s: too many elements", what);
	size_t size = (size_t)elem_info[values->elem].size;
	for (int64_t i = 0; i < values->count; i++) {
		int64_t at = indices->rank == 1 ? tensor_get_int(indices, i) : 0;
		for (int64_t d = 0; indices->rank == 2 && d < rank; d++) {
			int64_t index = tensor_get_int(indices, i * rank + d);
			if (index < 0 || index >= s->dims[d]) at = -1, d = rank;
			else at = at * s->dims[d] + index;
		}
		if (at < 0 || at >= count) fail(cx, "%s: index %lld is outside", what, (long long)i);
		memcpy((char *)r->data + (size_t)at * size, (const char *)values->data + (size_t)i * size, size);
	}
	return r;
}

/* -------------------------------------------------------------------------------------------------- files */

const Tensor *onnx_tensor_parse(Ctx *cx, const void *data, size_t size_bytes)
{
	return onnx_tensor(cx, onnx_unpack(cx, &onnx__tensor_proto__descriptor, data, size_bytes, "tensor file"), NULL);
}

static OnnxValue one_tensor(Ctx *cx, const Tensor *t)
{
	return (OnnxValue){ONNX_TENSOR, 1, arena_copy(cx->arena, &t, sizeof(const Tensor *))};
}

static OnnxValue sequence_value(Ctx *cx, const Onnx__SequenceProto *s)
{
	if (s->n_sparse_tensor_values || s->n_sequence_values || s->n_map_values || s->n_optional_values)
		fail(cx, "sequence file: a sequence of anything but tensors is not supported");
	if (s->n_tensor_values > ONNX_MAX_ELEMENTS)
		fail(cx, "sequence file: %zu elements; at most %d are supported", s->n_tensor_values,
			ONNX_MAX_ELEMENTS);
	const Tensor **tensors = NEWN(cx->arena, const Tensor *, s->n_tensor_values);
	for (size_t i = 0; i < s->n_tensor_values; i++) tensors[i] = onnx_tensor(cx, s->tensor_values[i], NULL);
	return (OnnxValue){ONNX_SEQUENCE, (int)s->n_tensor_values, tensors};
}

OnnxValue onnx_value_parse(Ctx *cx, OnnxKind kind, const void *data, size_t size_bytes)
{
	if (kind == ONNX_IS_TENSOR) return one_tensor(cx, onnx_tensor_parse(cx, data, size_bytes));
	if (kind == ONNX_IS_SEQUENCE)
		return sequence_value(
			cx, onnx_unpack(cx, &onnx__sequence_proto__descriptor, data, size_bytes, "sequence file"));
	const Onnx__OptionalProto *o =
		onnx_unpack(cx, &onnx__optional_proto__descriptor, data, size_bytes, "optional file");
	switch (o->has_elem_type ? o->elem_type : 0) {
	case ONNX__OPTIONAL_PROTO__DATA_TYPE__UNDEFINED: return (OnnxValue){.form = ONNX_ABSENT};
	case ONNX__OPTIONAL_PROTO__DATA_TYPE__TENSOR:
		return o->tensor_value ? one_tensor(cx, onnx_tensor(cx, o->tensor_value, NULL))
				       : (OnnxValue){.form = ONNX_ABSENT};
	case ONNX__OPTIONAL_PROTO__DATA_TYPE__SEQUENCE:
		return o->sequence_value ? sequence_value(cx, o->sequence_value) : (OnnxValue){.form = ONNX_ABSENT};
	default: fail(cx, "optional file: an optional of anything but tensors and sequences is not supported");
	}
}

const char *onnx_element_name(Ctx *cx, const char *name, bool in_sequence, int i)
{
	return in_sequence ? arena_printf(cx->arena, "%s.%d", name, i) : name;
}
