/* tensor_file.c: which format a file has, and ONNX's .pb. */
#include "runtime/tensor_file.h"
#include "onnx.pb-c.h"
#include "runtime/file.h"

#include <assert.h>
#include <string.h>

/* ---- .pb ---- */

static void pb_print(Ctx *cx, Buf *out, const NamedTensor *named)
{
	const Tensor *t = named->tensor;
	Onnx__TensorProto proto = ONNX__TENSOR_PROTO__INIT;
	proto.n_dims = (size_t)t->rank;
	proto.dims = arena_copy(cx->arena, t->dims, sizeof *t->dims * (size_t)t->rank);
	proto.has_data_type = true;
	proto.data_type = onnx_data_type(t->elem);
	proto.name = named->name ? arena_printf(cx->arena, "%s", named->name) : NULL;
	proto.has_raw_data = true;
	const Tensor *raw = tensor_packed(cx->arena, t);
	proto.raw_data = (ProtobufCBinaryData){tensor_size_bytes(raw), raw->data};
	const size_t size = onnx__tensor_proto__get_packed_size(&proto);
	uint8_t *bytes = arena_alloc(cx->arena, size + 1);
	onnx__tensor_proto__pack(&proto, bytes);
	buf_write(out, bytes, size);
}

/* ---- files ---- */

typedef enum { NPY, NPZ, SAFETENSORS, PB, UNKNOWN } Format;

static Format format_of(const char *path)
{
	return path_ends_with(path, ".npy")            ? NPY
		: path_ends_with(path, ".npz")         ? NPZ
		: path_ends_with(path, ".safetensors") ? SAFETENSORS
		: path_ends_with(path, ".pb")          ? PB
						       : UNKNOWN;
}

bool tensor_file_known(const char *path) { return format_of(path) != UNKNOWN; }

static Format format_or_fail(Ctx *cx, const char *path)
{
	const Format format = format_of(path);
	if (format == UNKNOWN) fail(cx, "%s: unknown kind of file: .npy, .npz, .safetensors or .pb expected", path);
	return format;
}

/* The parser says what is wrong, but knows no path. */
static OnnxValue pb_parse(Ctx *cx, OnnxKind kind, const void *data, size_t size_bytes, const char *path)
{
	const char *loc = cx->loc;
	cx->loc = path;
	const OnnxValue value = onnx_value_parse(cx, kind, data, size_bytes);
	cx->loc = loc;
	return value;
}

OnnxValue value_file_read(Ctx *cx, const char *path, OnnxKind kind)
{
	size_t size;
	const void *data = file_read(cx, path, &size);
	return pb_parse(cx, kind, data, size, path);
}

int tensor_file_read(Ctx *cx, const char *path, const NamedTensor **tensors)
{
	const Format format = format_or_fail(cx, path);
	size_t size;
	const void *data = file_read(cx, path, &size);
	if (format == NPZ) return npz_parse(cx, data, size, path, tensors);
	if (format == SAFETENSORS) return safetensors_parse(cx, data, size, path, tensors);
	NamedTensor *one = NEW(cx->arena, NamedTensor);
	one->tensor = format == NPY ? npy_parse(cx, data, size, path)
				    : pb_parse(cx, ONNX_IS_TENSOR, data, size, path).tensors[0];
	*tensors = one;
	return 1;
}

void tensor_file_write(Ctx *cx, const char *path, int n, const NamedTensor *tensors)
{
	const Format format = format_or_fail(cx, path);
	if (format == SAFETENSORS) fail(cx, "%s: .safetensors is only read; .npz holds several tensors, too", path);
	if (format != NPZ && n != 1) fail(cx, "%s: holds one tensor, not %d; .npz holds several", path, n);
	Buf out;
	buf_init(&out, cx->arena);
	if (format == NPZ) npz_print(cx, &out, n, tensors);
	else if (format == NPY) npy_print(&out, tensors[0].tensor);
	else pb_print(cx, &out, tensors);
	file_write(cx, path, out.text, out.size);
}
