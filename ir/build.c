/* build.c: convenience constructors over val_new: NumPy broadcasting, axes by number, whole-array constants.
 *
 * Each returns its operand unchanged where the op would do nothing, so that importers need not look.
 */
#include "ir/ir.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- element-wise ---- */

static const Dim *dim_from_end(Ctx *cx, const Type *t, int i)
{
	return i < t->rank ? t->dims[t->rank - 1 - i] : dim_int(cx, 1);
}

static bool dims_broadcast(const Dim *x, const Dim *y) { return x == y || dim_is(x, 1) || dim_is(y, 1); }

_Noreturn static void do_not_broadcast(Ctx *cx, const Type *a, const Type *b)
{
	Buf hint;
	buf_init(&hint, cx->arena);
	for (int i = a->rank > b->rank ? a->rank : b->rank; i-- > 0;) {
		const Dim *x = dim_from_end(cx, a, i), *y = dim_from_end(cx, b, i);
		if (!dims_broadcast(x, y)) dim_hint(cx, &hint, x, y);
	}
	fail(cx, "shapes do not broadcast: %s and %s%s", type_str(cx, a), type_str(cx, b), hint.size ? hint.text : "");
}

int broadcast_shape(Ctx *cx, const Type *a, const Type *b, const Dim **out)
{
	int rank = a->rank > b->rank ? a->rank : b->rank;
	for (int i = 0; i < rank; i++) {
		const Dim *x = dim_from_end(cx, a, rank - 1 - i), *y = dim_from_end(cx, b, rank - 1 - i);
		if (!dims_broadcast(x, y)) do_not_broadcast(cx, a, b);
		out[i] = dim_is(x, 1) ? y : x;
	}
	return rank;
}

const Val *b_ew1(Ctx *cx, Op op, const Val *a) { return val_new(cx, op, 1, &a, NULL); }

const Val *b_ew2(Ctx *cx, Op op, const Val *a, const Val *b)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, a->type->rank + b->type->rank);
	int rank = broadcast_shape(cx, a->type, b->type, dims);
	return val_new(cx, op, 2, (const Val *[]){b_expand(cx, a, rank, dims), b_expand(cx, b, rank, dims)}, NULL);
}

const Val *b_select(Ctx *cx, const Val *cond, const Val *a, const Val *b)
{
	const Dim **ab = NEWN(cx->arena, const Dim *, a->type->rank + b->type->rank);
	int rank = broadcast_shape(cx, a->type, b->type, ab);
	const Dim **dims = NEWN(cx->arena, const Dim *, rank + cond->type->rank);
	rank = broadcast_shape(cx, type_new(cx, a->type->elem, rank, ab), cond->type, dims);
	const Val *args[] = {b_expand(cx, cond, rank, dims), b_expand(cx, a, rank, dims), b_expand(cx, b, rank, dims)};
	return val_new(cx, OP_EW_select, 3, args, NULL);
}

const Val *b_cast(Ctx *cx, const Val *a, Elem elem)
{
	Attr to = attr_elem(elem);
	return a->type->elem == elem ? a : val_new(cx, OP_EW_cast, 1, &a, &to);
}

/* ---- constants ---- */

/* A number is no text; 0 is the empty one. */
static void want_text(Ctx *cx, Elem elem, bool is_number)
{
	if (elem == STR && is_number) fail(cx, "a string wanted, a number seen");
}

const Val *b_scalar(Ctx *cx, Elem elem, double value)
{
	Tensor *t = tensor_new(cx->arena, elem, 0, NULL);
	want_text(cx, elem, value != 0);
	tensor_set(t, 0, value);
	return val_const(cx, t);
}

const Val *b_scalar_int(Ctx *cx, Elem elem, int64_t value)
{
	Tensor *t = tensor_new(cx->arena, elem, 0, NULL);
	want_text(cx, elem, value != 0);
	if (elem_is_float(elem)) tensor_set(t, 0, (double)value);
	else tensor_set_int(t, 0, value);
	return val_const(cx, t);
}

const Val *b_ints(Ctx *cx, int n, const int64_t *values)
{
	Tensor *t = tensor_new(cx->arena, I64, 1, (int64_t[]){n});
	for (int i = 0; i < n; i++) tensor_set_int(t, i, values[i]);
	return val_const(cx, t);
}

const Val *b_size(Ctx *cx, const Val *n, const Dim *value)
{
	Attr a = attr_dims(A_VALUE, 1, &value);
	return val_new(cx, OP_size, 1, &n, &a);
}

const Val *b_after(Ctx *cx, const Val *x, const Val *n)
{
	return val_new(cx, OP_after, 2, (const Val *[]){x, n}, NULL);
}

const Val *b_guard(Ctx *cx, const Val *x, const Val *ok, const char *name)
{
	Attr a = attr_str(cx, A_NAME, name);
	return val_new(cx, OP_guard, 2, (const Val *[]){x, ok}, &a);
}

const Val *b_dim(Ctx *cx, const Dim *d)
{
	int64_t value;
	if (dim_is_int(d, &value)) return b_scalar_int(cx, I64, value);
	Attr a = attr_dims(A_VALUE, 1, &d);
	return val_new(cx, OP_dim, 0, NULL, &a);
}

const Val *b_fill(Ctx *cx, const Val *scalar, int rank, Dims dims) { return b_expand(cx, scalar, rank, dims); }

const Val *b_zeros(Ctx *cx, Elem elem, int rank, Dims dims) { return b_fill(cx, b_scalar(cx, elem, 0), rank, dims); }

const Val *b_iota(Ctx *cx, Elem elem, int rank, Dims dims, int axis)
{
	Attr attrs[] = {attr_elem(elem), attr_dims(A_SHAPE, rank, dims), attr_int(cx, A_AXIS, axis)};
	return val_new(cx, OP_iota, 0, NULL, attrs);
}

/* ---- views ---- */

static bool same_dims(int rank, Dims a, Dims b) { return rank == 0 || memcmp(a, b, sizeof *a * (size_t)rank) == 0; }

const Val *b_reshape(Ctx *cx, const Val *x, int rank, Dims dims)
{
	Attr shape = attr_dims(A_SHAPE, rank, dims);
	if (x->type->rank == rank && same_dims(rank, x->type->dims, dims)) return x;
	return val_new(cx, OP_reshape, 1, &x, &shape);
}

const Val *b_permute(Ctx *cx, const Val *x, const int *perm)
{
	int64_t *ints = NEWN(cx->arena, int64_t, x->type->rank);
	bool same = true;
	for (int i = 0; i < x->type->rank; i++) {
		ints[i] = perm[i];
		same &= perm[i] == i;
	}
	Attr a = attr_ints(A_PERM, x->type->rank, ints);
	return same ? x : val_new(cx, OP_permute, 1, &x, &a);
}

const Val *b_move_axis(Ctx *cx, const Val *x, int from, int to)
{
	int *perm = NEWN(cx->arena, int, x->type->rank);
	for (int i = 0, at = 0; i < x->type->rank; i++) {
		at += at == from;
		perm[i] = i == to ? from : at++;
	}
	return b_permute(cx, x, perm);
}

const Val *b_slice(Ctx *cx, const Val *x, int axis, const Dim *start, const Dim *size, int64_t step)
{
	int rank = x->type->rank;
	const Dim **starts = NEWN(cx->arena, const Dim *, rank), **sizes = NEWN(cx->arena, const Dim *, rank);
	int64_t *steps = NEWN(cx->arena, int64_t, rank);
	for (int i = 0; i < rank; i++) {
		starts[i] = i == axis ? start : dim_int(cx, 0);
		sizes[i] = i == axis ? size : x->type->dims[i];
		steps[i] = i == axis ? step : 1;
	}
	if (dim_is(start, 0) && size == x->type->dims[axis] && step == 1) return x;
	Attr attrs[] = {
		attr_dims(A_START, rank, starts), attr_dims(A_SIZE, rank, sizes), attr_ints(A_STEP, rank, steps)};
	return val_new(cx, OP_slice, 1, &x, attrs);
}

const Val *b_pad(Ctx *cx, const Val *x, Dims lo, Dims hi, const Val *value)
{
	bool any = false;
	for (int i = 0; i < x->type->rank; i++) any |= !dim_is(lo[i], 0) || !dim_is(hi[i], 0);
	Attr attrs[] = {attr_dims(A_LO, x->type->rank, lo), attr_dims(A_HI, x->type->rank, hi)};
	return any ? val_new(cx, OP_pad, 2, (const Val *[]){x, value}, attrs) : x;
}

const Val *b_expand(Ctx *cx, const Val *x, int rank, Dims dims)
{
	Attr shape = attr_dims(A_SHAPE, rank, dims);
	if (x->type->rank == rank && same_dims(rank, x->type->dims, dims)) return x;
	return val_new(cx, OP_expand, 1, &x, &shape);
}

const Val *b_window(Ctx *cx, const Val *x, int axis, int64_t size, int64_t stride, int64_t dilation)
{
	Attr attrs[] = {attr_int(cx, A_AXIS, axis), attr_ints(A_WINDOW, 3, (int64_t[]){size, stride, dilation})};
	return val_new(cx, OP_window, 1, &x, attrs);
}

const Val *b_unsqueeze(Ctx *cx, const Val *x, int axis)
{
	int rank = x->type->rank;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank + 1);
	for (int i = 0; i <= rank; i++) dims[i] = i == axis ? dim_int(cx, 1) : x->type->dims[i - (i > axis)];
	return b_reshape(cx, x, rank + 1, dims);
}

const Val *b_squeeze(Ctx *cx, const Val *x, int axis)
{
	int rank = x->type->rank;
	if (!dim_is(x->type->dims[axis], 1)) fail(cx, "squeeze: dim %d of %s is not 1", axis, type_str(cx, x->type));
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank - 1; i++) dims[i] = x->type->dims[i + (i >= axis)];
	return b_reshape(cx, x, rank - 1, dims);
}

/* ---- movement ---- */

const Val *b_concat(Ctx *cx, int n, const Val *const *args, int axis)
{
	Attr a = attr_int(cx, A_AXIS, axis);
	return n == 1 ? args[0] : val_new(cx, OP_concat, n, args, &a);
}

const Val *b_gather(Ctx *cx, const Val *x, const Val *index, int axis)
{
	Attr a = attr_int(cx, A_AXIS, axis);
	return val_new(cx, OP_gather, 2, (const Val *[]){x, index}, &a);
}

const Val *b_gather_nd(Ctx *cx, const Val *x, const Val *index, int batch)
{
	Attr a = attr_int(cx, A_BATCH, batch);
	return val_new(cx, OP_gather_nd, 2, (const Val *[]){x, index}, &a);
}

const Val *b_scatter_nd(Ctx *cx, const Val *x, const Val *index, const Val *updates, const char *kind)
{
	Attr a = attr_str(cx, A_KIND, kind);
	return val_new(cx, OP_scatter_nd, 3, (const Val *[]){x, index, updates}, &a);
}

/* ---- compute ---- */

const Val *b_contract(Ctx *cx, const char *spec, const Val *a, const Val *b)
{
	Attr s = attr_str(cx, A_SPEC, spec);
	return val_new(cx, OP_contract, 2, (const Val *[]){a, b}, &s);
}

const Val *b_reduce(Ctx *cx, const char *kind, const Val *x, int n_axes, const int *axes, bool keep)
{
	int rank = x->type->rank, n = 0;
	int64_t *sorted = NEWN(cx->arena, int64_t, n_axes);
	const Dim **kept = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		bool reduced = false;
		for (int k = 0; k < n_axes; k++) reduced |= axes[k] == i;
		if (reduced && n < n_axes) sorted[n++] = i;
		kept[i] = reduced ? dim_int(cx, 1) : x->type->dims[i];
	}
	if (n != n_axes) fail(cx, "reduce: an axis is out of range or given twice");
	Attr attrs[] = {attr_str(cx, A_KIND, kind), attr_ints(A_AXES, n, sorted)};
	const Val *y = n ? val_new(cx, OP_reduce, 1, &x, attrs) : x;
	return keep ? b_reshape(cx, y, rank, kept) : y;
}

const Val *b_argreduce(Ctx *cx, const char *kind, const Val *x, int axis, bool last)
{
	Attr attrs[] = {attr_str(cx, A_KIND, kind), attr_int(cx, A_AXIS, axis), attr_int(cx, A_FLAGS, last)};
	return val_new(cx, OP_argreduce, 1, &x, attrs);
}

const Val *b_cumulative(Ctx *cx, const char *kind, const Val *x, int axis, bool exclusive, bool reverse)
{
	Attr attrs[] = {attr_str(cx, A_KIND, kind), attr_int(cx, A_AXIS, axis),
		attr_ints(A_FLAGS, 2, (int64_t[]){exclusive, reverse})};
	return val_new(cx, OP_cumulative, 1, &x, attrs);
}

const Val *b_sort(Ctx *cx, const Val *x, int axis, bool descending)
{
	Attr attrs[] = {attr_int(cx, A_AXIS, axis), attr_int(cx, A_FLAGS, descending)};
	return val_new(cx, OP_sort, 1, &x, attrs);
}

/* Letters: m k n for the matrix dims, others for batch dims. */
const Val *b_matmul(Ctx *cx, const Val *a, const Val *b)
{
	int ra = a->type->rank, rb = b->type->rank;
	if (ra == 0 || rb == 0)
		fail(cx, "matmul: operands need at least one dim: %s and %s", type_str(cx, a->type),
			type_str(cx, b->type));
	int na = ra > 2 ? ra - 2 : 0, nb = rb > 2 ? rb - 2 : 0, batch = na > nb ? na : nb;
	if (batch > 49) fail(cx, "matmul: more than 49 batch dims");
	/* Batch dims of 1 against others broadcast: squeeze them away from the operand that has 1. */
	char sa[64], sb[64], sy[64];
	int la = 0, lb = 0, ly = 0;
	const Val *x = a, *y = b;
	for (int i = 0; i < batch; i++) {
		int ia = i - (batch - na), ib = i - (batch - nb);
		char c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijlopqrstuvwxyz"[i];
		bool one_a = ia < 0 || dim_is(a->type->dims[ia], 1), one_b = ib < 0 || dim_is(b->type->dims[ib], 1);
		if (ia >= 0 && (!one_a || one_b)) sa[la++] = c;
		else if (ia >= 0) x = b_squeeze(cx, x, x->type->rank - (ra - ia));
		if (ib >= 0 && (!one_b || ia < 0)) sb[lb++] = c;
		else if (ib >= 0) y = b_squeeze(cx, y, y->type->rank - (rb - ib));
		sy[ly++] = c;
	}
	if (ra > 1) sa[la++] = sy[ly++] = 'm';
	sa[la++] = 'k';
	sb[lb++] = 'k';
	if (rb > 1) sb[lb++] = sy[ly++] = 'n';
	const Dim *ka = a->type->dims[ra - 1], *kb = b->type->dims[rb > 1 ? rb - 2 : 0];
	if (ka != kb) fail(cx, "matmul: inner dims differ: %s and %s", type_str(cx, a->type), type_str(cx, b->type));
	return b_contract(cx, arena_printf(cx->arena, "%.*s,%.*s->%.*s", la, sa, lb, sb, ly, sy), x, y);
}

/* ---- control ---- */

const Val *b_scan(Ctx *cx, const Graph *body, int n_consts, int n_carries, int n_args, const Val *const *args,
	const Dim *length, bool reverse)
{
	Attr attrs[] = {attr_ints(A_COUNTS, 2, (int64_t[]){n_consts, n_carries}), attr_dims(A_LENGTH, 1, &length),
		attr_int(cx, A_REVERSE, reverse), {.key = A_BODY, .n = 1, .graphs = &body}};
	return val_new(cx, OP_scan, n_args, args, attrs);
}

const Val *b_loop(
	Ctx *cx, const Graph *body, int n_consts, int n_carries, int n_args, const Val *const *args, const Dim *length)
{
	Attr attrs[] = {attr_ints(A_COUNTS, 2, (int64_t[]){n_consts, n_carries}), attr_dims(A_LENGTH, 1, &length),
		{.key = A_BODY, .n = 1, .graphs = &body}};
	return val_new(cx, OP_loop, n_args, args, attrs);
}

const Val *b_cond(
	Ctx *cx, const Val *cond, const Graph *then_body, const Graph *else_body, int n_args, const Val *const *args)
{
	const Graph *bodies[] = {then_body, else_body};
	Attr attrs[] = {{.key = A_BODY, .n = 2, .graphs = bodies}};
	const Val **all = NEWN(cx->arena, const Val *, n_args + 1);
	all[0] = cond;
	if (n_args) memcpy(all + 1, args, sizeof *args * (size_t)n_args);
	return val_new(cx, OP_cond, n_args + 1, all, attrs);
}

const Val *b_call(Ctx *cx, const char *name, const Graph *body, int n_args, const Val *const *args)
{
	Attr attrs[] = {attr_str(cx, A_NAME, name), {.key = A_BODY, .n = 1, .graphs = &body}};
	return val_new(cx, OP_call, n_args, args, attrs);
}
