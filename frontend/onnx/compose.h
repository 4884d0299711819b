/* compose.h: what the importers of shapes, indices, reductions and signals build with (compose.c). */
#ifndef FRONTEND_ONNX_COMPOSE_H
#define FRONTEND_ONNX_COMPOSE_H

#include "frontend/onnx/model.h"

/* ---- operands ---- */

/* A value of one element as a scalar; NULL when the input is omitted. */
const Val *node_scalar(const Node *, int i, const char *what);
/* One integer known at compile time; the default when the input is omitted. */
int64_t node_known_int(const Node *, int i, const char *what, int64_t default_value);
const Dim *node_dim(const Node *, int i, const char *what); /* a size; NULL when omitted */
/* An integer input of any rank. */
const Val *node_integers(const Node *, int i, const char *what);
/* Axes made non-negative; none may be there twice. */
int *node_axes(const Node *, int count, const int64_t *axes, int rank);
/* A rank within ONNX_MAX_RANK. */
int node_rank(const Node *, int rank);
/* An attribute's number that must be there. */
int64_t node_required_int(const Node *, const char *attr);
/* An attribute that is one of the words: its index.  The list ends with NULL, the first is the default. */
int node_choice(const Node *, const char *attr, const char *const *words);

/* ---- values known at compile time ---- */

/* The elements of a value that no run-time value and no symbol decides: evaluated at once.  NULL when there are such. */
const Tensor *known_tensor(Ctx *, const Val *);
/* The constant instead of such a value; else the value itself. */
const Val *folded(Ctx *, const Val *);

/* ---- dims ---- */

const Dim **dims_with_room(Ctx *, const Type *, int extra); /* a copy to be changed */
const char *dim_text(Ctx *, const Dim *);                   /* for messages */
const Val *shape_value(Ctx *, int n, Dims);                 /* i64[n] */

/* ---- values ---- */

const Val *binary(Ctx *, Op, const Val *, const Val *); /* b_ew2, by a shorter name */
/* x OP number, the number in x's type. */
const Val *with_number(Ctx *, Op, const Val *x, double number);
/* The index along `axis` of a shape, 1 in all other dims: broadcasts against values of that shape. */
const Val *index_along(Ctx *, int rank, Dims, int axis);
const Val *move_axis(Ctx *, const Val *, int from, int to); /* b_move_axis, by a shorter name */
/* The reshape of x in which dims [from, from + n) are the given ones. */
const Val *replace_dims(Ctx *, const Val *x, int from, int n, int n_new, Dims new_dims);
/* Indices as ONNX has them: those below zero count from the end; size broadcasts. */
const Val *wrap_index(Ctx *, const Val *index, const Val *size);
/* The same of the indices of a node into an axis, or of tuples of n in the last dim into n axes, which must be there: the
 * model is refused where they are known not to be, else a call is. */
const Val *checked_index(const Node *, const Val *index, const Dim *size);
const Val *checked_tuples(const Node *, const Val *index, int n, Dims sizes);
/* Element idx[j..] along the axis of x, at the same place in all other dims, which are equal. */
const Val *gather_along(Ctx *, const Val *x, const Val *index, int axis);
/* The first `count` (an i64 scalar) rows of values of one length. */
void first_rows(const Node *, const Val *count, int n_xs, const Val *const *xs, const Val **ys);
/* bool[n]: how many are true (an i64 scalar); the indices of all, true ones first and each kind in its order; and the
 * indices of the true ones. */
const Val *count_true(Ctx *, const Val *mask);
const Val *true_first(Ctx *, const Val *mask);
const Val *true_indices(const Node *, const Val *mask);

#endif
