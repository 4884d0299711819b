/* onnx_tensor.h: a .pb file's tensors: a serialised TensorProto, or a SequenceProto or OptionalProto of them.
 *
 * The bytes do not tell which of the three they are: the model's declaration does.
 */
#ifndef FRONTEND_ONNX_ONNX_TENSOR_H
#define FRONTEND_ONNX_ONNX_TENSOR_H

#include "ir/ir.h"

/* Fails by fail() when the message is damaged, of an unsupported element type, or keeps its data in another file. */
const Tensor *onnx_tensor_parse(Ctx *, const void *data, size_t size_bytes);

/* ONNX's number of an element type. */
int32_t onnx_data_type(Elem);

typedef enum { ONNX_IS_TENSOR, ONNX_IS_SEQUENCE, ONNX_IS_OPTIONAL } OnnxKind; /* as the model declares it */
typedef struct {
	enum { ONNX_UNKNOWN, ONNX_ABSENT, ONNX_TENSOR, ONNX_SEQUENCE } form; /* absent: an optional without a value */
	int n;                                                               /* 1 for a tensor */
	const Tensor *const *tensors;
} OnnxValue;
enum { ONNX_MAX_ELEMENTS = 4096 }; /* of a sequence that is an input or output: each becomes one */
/* The same for any kind; sequences and optionals of something else than tensors are refused. */
OnnxValue onnx_value_parse(Ctx *, OnnxKind, const void *data, size_t size_bytes);
/* The name of element i where a value becomes several inputs or outputs: NAME.0, NAME.1 ..; a tensor keeps its name. */
const char *onnx_element_name(Ctx *, const char *name, bool in_sequence, int i);

#endif
