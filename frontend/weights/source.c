/* source.c: files of named tensors: .npz, .safetensors, and the initialisers of .onnx; names that are nearly right. */
#include "frontend/onnx/model.h"
#include "frontend/weights/files.h"
#include "runtime/file.h"

#include <string.h>

bool weight_file_known(const char *path)
{
	return path_ends_with(path, ".npz") || path_ends_with(path, ".safetensors") || path_ends_with(path, ".onnx");
}

/* Those of the main graph; names are unique there, and the reader has made sure of it. */
static WeightFile read_onnx(Ctx *cx, const char *path)
{
	const OnnxModel *model = onnx_read_file(cx, path);
	const Onnx__GraphProto *g = model->proto->graph;
	NamedTensor *tensors = NEWN(cx->arena, NamedTensor, g->n_initializer + 1);
	for (size_t i = 0; i < g->n_initializer; i++)
		tensors[i] = (NamedTensor){
			intern(cx, g->initializer[i]->name), onnx_tensor(cx, g->initializer[i], model->dir)};
	return (WeightFile){path, (int)g->n_initializer, tensors};
}

WeightFile weight_file_read(Ctx *cx, const char *path)
{
	if (!weight_file_known(path)) fail(cx, "%s: weights are in .npz, .safetensors or .onnx files", path);
	if (path_ends_with(path, ".onnx")) return read_onnx(cx, path);
	WeightFile file = {.path = path};
	file.n = tensor_file_read(cx, path, &file.tensors);
	return file;
}

const Tensor *weight_find(const WeightFile *file, const char *name)
{
	for (int i = 0; i < file->n; i++)
		if (!strcmp(file->tensors[i].name, name)) return file->tensors[i].tensor;
	return NULL;
}

const char *shape_text(Ctx *cx, int rank, const int64_t *dims)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "[");
	for (int d = 0; d < rank; d++) buf_printf(&b, "%s%lld", d ? ", " : "", (long long)dims[d]);
	buf_puts(&b, "]");
	return b.text;
}
