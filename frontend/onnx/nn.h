/* nn.h: products for those who compose with them (ops_nn.c, ops_conv.c). */
#ifndef FRONTEND_ONNX_NN_H
#define FRONTEND_ONNX_NN_H

#include "frontend/onnx/spatial.h"

/* NumPy's matmul; dims that must be equal and cannot be told to be are made so. */
const Val *matmul(const Node *, const Val *a, const Val *b);
/* The convolution that the node's attributes describe, of x [N, C, ..] with w [M, C/group, ..], of one type;
 * padding is 0; bias [M] or NULL. */
const Val *convolution(const Node *, const Val *x, const Val *w, const Val *bias);

#endif
