/* quant.h: products of numbers that are quantised at run time, for those who compose with them (ops_quant.c). */
#ifndef FRONTEND_ONNX_QUANT_H
#define FRONTEND_ONNX_QUANT_H

#include "frontend/onnx/nn.h"

/* Weights [.., K, N] of 8 bits less their zero point, which broadcasts: what dynamic_product() multiplies by. */
const Val *dynamic_weights(const Node *, const Val *w, const Val *w_zero);
/* x W in f32 of x [.., K] in f32, which is quantised to 8 bits by the range that it has at that time, and W [K, N]; the scale of W
 * is one for all or one for each column. */
const Val *dynamic_product(const Node *, const Val *x, const Val *weights, const Val *scale);

#endif
