/* tensor_file.h: tensors in files: NumPy's .npy and .npz, .safetensors, and ONNX's .pb (a serialised TensorProto).
 *
 * NumPy has no bfloat16; its users (ml_dtypes) store one as the two-byte void type V2, and so do we.
 */
#ifndef RUNTIME_TENSOR_FILE_H
#define RUNTIME_TENSOR_FILE_H

#include "frontend/onnx/onnx_tensor.h"
#include "ir/ir.h"

typedef struct {
	const char *name; /* of an .npz entry, without ".npy", or in .safetensors; NULL in files of one tensor */
	const Tensor *tensor;
} NamedTensor;

bool tensor_file_known(const char *path); /* by its ending */
/* The tensors of a file, whose kind its ending tells.  Fails naming the path and what is wrong. */
int tensor_file_read(Ctx *, const char *path, const NamedTensor **tensors);
/* What an .pb file of an input or output holds, which the model declares to be of that kind. */
OnnxValue value_file_read(Ctx *, const char *path, OnnxKind);
/* Writes them, whole or not at all; .npy and .pb take one, .safetensors is only read.  The bytes depend on nothing but the tensors. */
void tensor_file_write(Ctx *, const char *path, int n, const NamedTensor *tensors);

/* The formats themselves, in memory.  `what` begins the messages. */
const Tensor *npy_parse(Ctx *, const void *data, size_t size_bytes, const char *what);
void npy_print(Buf *, const Tensor *);
int npz_parse(Ctx *, const void *data, size_t size_bytes, const char *what, const NamedTensor **tensors);
void npz_print(Ctx *, Buf *, int n, const NamedTensor *tensors);
int safetensors_parse(Ctx *, const void *data, size_t size_bytes, const char *what, const NamedTensor **tensors);

#endif
