/* operands.h: integers that an operator needs to know, and that may be known at run time only (operands.c). */
#ifndef FRONTEND_ONNX_OPERANDS_H
#define FRONTEND_ONNX_OPERANDS_H

#include "frontend/onnx/compose.h"

/* An integer input's elements as dims, each at least 0, or at least lo; returns how many, -1 when the input is omitted.  What
 * only run time knows becomes a symbol. */
int node_dims(const Node *, int i, const char *what, const Dim *const **values);
int node_dims_from(const Node *, int i, const char *what, int64_t lo, const Dim *const **values);
/* The same as i64 scalars, whatever they are. */
int node_elements(const Node *, int i, const char *what, const Val *const **values);
const Val *node_element(const Node *, const Val *integers, int k); /* of one value */
/* All of them where they are known now, else false. */
bool node_ints_if_known(const Node *, int i, const char *what, int *count, const int64_t **values);
bool known_int(Ctx *, const Val *, int64_t *value); /* a scalar's */

/* An i64 scalar as a size of at least lo, and at most `most` where it is not NULL; the name is for people.  node_size reads an
 * operand: a declared shape may say what it is.  node_count counts what the values are: it never is. */
const Dim *node_size(const Node *, const Val *, const char *name, int64_t lo, const Dim *most);
const Dim *node_count(const Node *, const Val *, const char *name, const Dim *most);
/* An i64 scalar that is added to a size: any number, cut to what can be computed with. */
const Dim *node_offset(const Node *, const Val *, const char *name);
const char *operand_name(const Node *, int i, int k);    /* of element k of input i */
const char *result_dim_name(const Node *, int i, int k); /* of dim k of output i */
/* The call ends with an error where the i64 scalar is not `wanted`. */
void node_check_size(const Node *, const Val *, const Dim *wanted);

/* Does run time read a part of the dim from an operand? */
bool node_reads(const Node *, const Dim *);
/* Two dims that must be equal: where a symbol that run time reads from an operand makes them so, the import starts again
 * knowing it; where one is there but does not, the call compares them.  False: there is none. */
bool node_equate(const Node *, const Dim *, const Dim *);

/* Axes that run time gives: each within [-rank, rank), made non-negative. */
const Val *wrapped_axis(const Node *, const Val *axis, const char *name, int rank);
const Val **axis_places(const Node *, int i, int count, const Val *const *axes, int rank); /* those of input i */
const Val *is_axis(Ctx *, int count, const Val *const *places, int axis); /* bool scalar: is it among them? */
/* The reshape of x without those axes: the dims that are left, in order, must have as many elements. */
const Val *without_axes(const Node *, const Val *x, int count, const Val *const *places);
/* An i64 scalar cut to what can be computed with: bounds as large as their type has them say `to the end`. */
const Val *clamped(Ctx *, const Val *);

/* A node's result made the shape that the model declares for it, where that tells sizes that only run time knows. */
const Val *as_declared(const Node *, const Val *, const char *name);

#endif
