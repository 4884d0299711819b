/* onnx_tensor.h: a serialised TensorProto (a .pb file) as a Tensor. */
#ifndef FRONTEND_ONNX_ONNX_TENSOR_H
#define FRONTEND_ONNX_ONNX_TENSOR_H

#include "ir/ir.h"

/* Fails by fail() when the message is damaged, of an unsupported element type, or keeps its data in another file. */
const Tensor *onnx_tensor_parse(Ctx *, const void *data, size_t size_bytes);

#endif
