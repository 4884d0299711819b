/* views.c: what the passes ask of views and constants. */
#include "passes/rewrite.h"

#include <math.h>
#include <string.h>

enum { MAX_CHAIN = 32, MAX_CLOSED = 8 };

bool op_is_view(Op op)
{
	return op == OP_reshape || op == OP_permute || op == OP_slice || op == OP_expand || op == OP_window;
}

/* Walks from both ends: equal dims are the same dim as long as nothing but dims of 1 was passed over. */
void reshape_dims(const Type *a, const Type *b, int *of)
{
	for (int j = 0; j < b->rank; j++) of[j] = -1;
	int i = 0, j = 0;
	while (i < a->rank && j < b->rank) {
		if (a->dims[i] == b->dims[j]) of[j++] = i++;
		else if (dim_is(b->dims[j], 1)) j++;
		else if (dim_is(a->dims[i], 1)) i++;
		else break;
	}
	int i_end = a->rank - 1, j_end = b->rank - 1;
	while (i_end >= i && j_end >= j) {
		if (a->dims[i_end] == b->dims[j_end]) of[j_end--] = i_end--;
		else if (dim_is(b->dims[j_end], 1)) j_end--;
		else if (dim_is(a->dims[i_end], 1)) i_end--;
		else break;
	}
}

const Val *make_slice(Ctx *cx, const Val *x, Dims start, Dims size, const int64_t *step)
{
	int rank = x->type->rank;
	int64_t *steps = NEWN(cx->arena, int64_t, rank);
	bool all = true;
	for (int i = 0; i < rank; i++) {
		steps[i] = dim_is(size[i], 1) ? 1 : step[i];
		all &= dim_is(start[i], 0) && size[i] == x->type->dims[i] && steps[i] == 1;
	}
	if (all) return x;
	Attr attrs[] = {attr_dims(A_START, rank, start), attr_dims(A_SIZE, rank, size), attr_ints(A_STEP, rank, steps)};
	return val_new(cx, OP_slice, 1, &x, attrs);
}

const Tensor *fill_of(const Val *v)
{
	for (int i = 0; i < MAX_CHAIN && (v->op == OP_expand || v->op == OP_reshape); i++) v = v->args[0];
	if (v->op != OP_const || val_attr(v, A_DATA)->tensor->count != 1) return NULL;
	return val_attr(v, A_DATA)->tensor;
}

bool fill_is(const Val *v, double number)
{
	const Tensor *t = fill_of(v);
	if (!t) return false;
	double d = tensor_get(t, 0);
	return d == number && !signbit(d) == !signbit(number);
}

const Val *make_fill(Ctx *cx, const Type *t, double number)
{
	return b_expand(cx, b_scalar(cx, t->elem, number), t->rank, t->dims);
}

const Val *make_const(Ctx *cx, const Tensor *t)
{
	size_t size = (size_t)elem_info[t->elem].size;
	const char *data = t->data;
	bool equal = t->count > 1;
	for (int64_t i = 1; equal && i < t->count; i++) equal = memcmp(data, data + (size_t)i * size, size) == 0;
	if (!equal) return val_const(cx, t);
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	for (int i = 0; i < t->rank; i++) dims[i] = dim_int(cx, t->dims[i]);
	return b_expand(cx, val_const(cx, &(Tensor){.elem = t->elem, .count = 1, .data = t->data}), t->rank, dims);
}

const Dim **dims_tail(Ctx *cx, const Type *t, int from)
{
	return arena_copy(cx->arena, t->dims + from, sizeof *t->dims * (size_t)(t->rank - from));
}

const Dim **dims_front(Ctx *cx, const Dim *d, const Type *t)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank + 1);
	dims[0] = d;
	if (t->rank) memcpy(dims + 1, t->dims, sizeof *dims * (size_t)t->rank);
	return dims;
}

bool is_constant(const Val *v)
{
	for (int i = 0; i < MAX_CHAIN && op_is_view(v->op); i++) v = v->args[0];
	return v->op == OP_const;
}

/* A slice between elements that are there for all sizes. */
static bool is_inside(Ctx *cx, const Val *v)
{
	const Type *x = v->args[0]->type;
	for (int i = 0; i < x->rank; i++) {
		const Dim *first = val_dims(v, A_START)[i], *size = val_dims(v, A_SIZE)[i];
		const Dim *way = dim_mul(cx, dim_sub(cx, size, dim_int(cx, 1)), dim_int(cx, val_ints(v, A_STEP)[i]));
		const Dim *last = dim_add(cx, first, way), *n = x->dims[i];
		if (dim_is(first, 0) && size == n && val_ints(v, A_STEP)[i] == 1) continue;
		if (dim_lo(first) < 0 || dim_lo(last) < 0 || dim_lo(dim_sub(cx, n, first)) < 1 ||
			dim_lo(dim_sub(cx, n, last)) < 1)
			return false;
	}
	return true;
}

bool is_total(Ctx *cx, const Val *v)
{
	const Type *x = v->n_args ? v->args[0]->type : NULL;
	switch (v->op) {
	case OP_slice: return is_inside(cx, v);
	case OP_window: return dim_lo(v->type->dims[val_int(v, A_AXIS)]) > 0;
	case OP_argreduce:
	case OP_gather: return dim_lo(x->dims[val_int(v, A_AXIS)]) > 0;
	case OP_gather_nd: return type_is_static(x);
	case OP_scan:
	case OP_loop:
	case OP_cond:
	case OP_call:
	case OP_size:
	case OP_guard: return false;
	default: return true;
	}
}

static bool closed(Ctx *cx, const Val *v, int depth)
{
	if (!is_total(cx, v)) return false;
	if (v->op == OP_const || v->op == OP_dim || v->op == OP_iota) return true;
	bool cheap = op_is_view(v->op) ||
		((op_info[v->op].is_ew || v->op == OP_concat) && v->type->rank <= 1 && v->n_args <= 8);
	if (!cheap || depth == MAX_CLOSED) return false;
	for (int i = 0; i < v->n_args; i++)
		if (!closed(cx, v->args[i], depth + 1)) return false;
	return v->n_args > 0;
}

bool needs_no_params(Ctx *cx, const Val *v) { return (is_constant(v) && type_is_static(v->type)) || closed(cx, v, 0); }
