/* arith.h: arithmetic on values that reads as such, for importers with formulas.  Operands broadcast. */
#ifndef FRONTEND_ONNX_ARITH_H
#define FRONTEND_ONNX_ARITH_H

#include "frontend/onnx/compose.h"

#define ARITH2(name, op) \
	static inline const Val *name(Ctx *cx, const Val *a, const Val *b) { return b_ew2(cx, op, a, b); }
ARITH2(add, OP_EW_add)
ARITH2(sub, OP_EW_sub)
ARITH2(mul, OP_EW_mul)
ARITH2(quotient, OP_EW_div)
ARITH2(smaller, OP_EW_min)
ARITH2(larger, OP_EW_max)
ARITH2(is_equal, OP_EW_eq)
ARITH2(is_below, OP_EW_lt)
ARITH2(is_at_most, OP_EW_le)
ARITH2(is_above, OP_EW_gt)
ARITH2(is_at_least, OP_EW_ge)
ARITH2(both, OP_EW_and)
ARITH2(either, OP_EW_or)
#undef ARITH2

static inline const Val *rounded_down(Ctx *cx, const Val *a) { return b_ew1(cx, OP_EW_floor, a); }
static inline const Val *rounded_up(Ctx *cx, const Val *a) { return b_ew1(cx, OP_EW_ceil, a); }

/* A number in the type of another value. */
static inline const Val *number(Ctx *cx, const Val *like, double value)
{
	return b_scalar(cx, like->type->elem, value);
}

/* A size as a scalar of an element type. */
static inline const Val *size_as(Ctx *cx, const Dim *d, Elem elem) { return b_cast(cx, b_dim(cx, d), elem); }

#endif
