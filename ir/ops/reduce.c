/* reduce x [kind axes]: folds the axes away; kind: sum prod max min.
 *
 * Of nothing it is 0, 1, the lowest and the highest value.  max and min of bool are or and and; NaN wins.  Floats are summed
 * and multiplied in f64 in row-major order and rounded once; integers wrap in their type.
 */
#include "ir/prim.h"

#include <math.h>
#include <string.h>

static const Fold folds[] = {
	[FOLD_SUM] = {"sum", OP_EW_add, 0},
	[FOLD_PROD] = {"prod", OP_EW_mul, 1},
	[FOLD_MAX] = {"max", OP_EW_max, -INFINITY},
	[FOLD_MIN] = {"min", OP_EW_min, INFINITY},
};

Fold fold_of(Ctx *cx, Op op, const Attr *kind, int n_kinds, Elem elem)
{
	const char *names[FOLD_MIN + 2] = {NULL};
	for (int i = 0; i < n_kinds; i++) names[i] = folds[i].kind;
	Fold fold = folds[want_kind(cx, op, kind, names)];
	want_computable(cx, op, elem);
	if (elem == BOOL) {
		if (fold.op == OP_EW_add || fold.op == OP_EW_mul)
			fail(cx, "%s: %s wants numbers, seen bool", op_info[op].name, fold.kind);
		fold.identity = fold.op == OP_EW_min;
	}
	return fold;
}

INFER(reduce)
{
	const Type *t = args[0]->type;
	fold_of(cx, op, &attrs[0], FOLD_MIN + 1, t->elem);
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	int n = 0, next = 0; /* the axis attribute's next element */
	for (int i = 0; i < attrs[1].n; i++) {
		want_int(cx, op, &attrs[1], i, 0, t->rank - 1);
		if (i && attrs[1].ints[i] <= attrs[1].ints[i - 1]) fail(cx, "reduce: axes must increase");
	}
	for (int i = 0; i < t->rank; i++) {
		if (next < attrs[1].n && attrs[1].ints[next] == i) next++;
		else dims[n++] = t->dims[i];
	}
	return type_new(cx, t->elem, n, dims);
}

/* Folds a block into one element. */
static void fold_block(Op op, Elem wide, int n, const void *block, void *acc, int64_t at)
{
#define FOLD(type, expression)                                   \
	{                                                        \
		type a = ((type *)acc)[at];                      \
		for (int i = 0; i < n; i++) {                    \
			const type b = ((const type *)block)[i]; \
			a = expression;                          \
		}                                                \
		((type *)acc)[at] = a;                           \
		return;                                          \
	}
	if (op == OP_EW_add) {
		if (wide == F64) FOLD(double, a + b)
		FOLD(uint64_t, a + b)
	}
	if (op == OP_EW_mul) {
		if (wide == F64) FOLD(double, a *b)
		FOLD(uint64_t, a * b)
	}
	if (op == OP_EW_max) {
		if (wide == F64) FOLD(double, LARGER(a, b))
		if (wide == I64) FOLD(int64_t, b > a ? b : a)
		FOLD(uint64_t, b > a ? b : a)
	}
	if (wide == F64) FOLD(double, SMALLER(a, b))
	if (wide == I64) FOLD(int64_t, b < a ? b : a)
	FOLD(uint64_t, b < a ? b : a)
#undef FOLD
}

typedef struct {
	int64_t n, to; /* of a run of dims: its size, and its stride in the result, 0 when folded */
	int64_t i;
} Run;

EVAL(reduce)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const Fold fold = fold_of(e->cx, v->op, val_attr(v, A_KIND), FOLD_MIN + 1, x->elem);
	const Elem wide = elem_wide(x->elem);
	double *acc = eval_memory(e, y->count, sizeof *acc); /* or as many 64-bit integers */
	results[0] = y;
	for (int64_t i = 0; i < y->count; i++) {
		tensor_set(y, i, fold.identity);
		load_wide(y->elem, y->data, i, 1, acc, i);
	}
	if (x->count == 0) return;

	/* Neighbouring dims that are folded, or kept, alike are one run. */
	const int64_t *y_strides = strides_of(e, y->rank, y->dims);
	const Attr *axes = val_attr(v, A_AXES);
	Run *runs = eval_memory(e, x->rank + 1, sizeof *runs);
	int n = 0;
	for (int i = 0, folded = 0; i < x->rank; i++) {
		const bool fold_it = folded < axes->n && axes->ints[folded] == i;
		folded += fold_it;
		if (x->dims[i] == 1) continue;
		const int64_t to = fold_it ? 0 : y_strides[i - folded];
		if (n && (runs[n - 1].to == 0) == fold_it) runs[n - 1] = (Run){runs[n - 1].n * x->dims[i], to, 0};
		else runs[n++] = (Run){x->dims[i], to, 0};
	}
	if (n == 0) runs[n++] = (Run){1, 1, 0};
	const Run inner = runs[--n];

	int64_t from = 0, to = 0;
	for (int k = n; k >= 0;) {
		for (int64_t i = 0; i < inner.n; i += BLOCK) {
			double block[BLOCK];
			const int m = inner.n - i < BLOCK ? (int)(inner.n - i) : BLOCK;
			load_wide(x->elem, x->data, from + i, m, block, 0);
			if (inner.to) ew_apply(fold.op, wide, m, acc + to + i, block, acc + to + i);
			else fold_block(fold.op, wide, m, block, acc, to);
		}
		from += inner.n;
		for (k = n - 1; k >= 0; k--) {
			to += runs[k].to;
			if (++runs[k].i < runs[k].n) break;
			to -= runs[k].to * runs[k].n;
			runs[k].i = 0;
		}
	}
	for (int64_t i = 0; i < y->count; i += BLOCK)
		store_wide(y->elem, y->data, i, y->count - i < BLOCK ? (int)(y->count - i) : BLOCK, acc, i);
}

/* The product of all others along the axes, which is there also where an element is 0: those before times those after. */
static const Val *product_of_others(Ctx *cx, const Val *x, int n_axes, const int *axes)
{
	const int rank = x->type->rank;
	int *perm = NEWN(cx->arena, int, rank), *back = NEWN(cx->arena, int, rank), n = 0, next = 0;
	for (int i = 0; i < rank; i++) {
		if (next < n_axes && axes[next] == i) next++;
		else perm[n++] = i;
	}
	const int kept = n;
	for (int i = 0; i < n_axes; i++) perm[n++] = axes[i];
	for (int i = 0; i < rank; i++) back[perm[i]] = i;
	const Val *last = b_permute(cx, x, perm);
	const Type *t = last->type;
	const Dim **dims = dims_copy(cx, t, 1);
	dims[kept] = dim_product(cx, n_axes, t->dims + kept);
	const Val *row = b_reshape(cx, last, kept + 1, dims);
	const Val *before = b_cumulative(cx, "prod", row, kept, true, false);
	const Val *after = b_cumulative(cx, "prod", row, kept, true, true);
	return b_permute(cx, b_reshape(cx, b_ew2(cx, OP_EW_mul, before, after), rank, t->dims), back);
}

/* Of equal extremes each gets its share. */
ADJOINT(reduce)
{
	const Val *x = v->args[0];
	const Attr *over = val_attr(v, A_AXES);
	int *axes = NEWN(cx->arena, int, over->n);
	for (int i = 0; i < over->n; i++) axes[i] = (int)over->ints[i];
	const Val *all = unfold_axes(cx, g, x->type, over->n, axes);
	if (strcmp(val_str(v, A_KIND), folds[FOLD_SUM].kind) == 0) {
		grads[0] = all;
	} else if (strcmp(val_str(v, A_KIND), folds[FOLD_PROD].kind) == 0) {
		grads[0] = b_ew2(cx, OP_EW_mul, all, product_of_others(cx, x, over->n, axes));
	} else {
		const Val *is = b_ew2(cx, OP_EW_eq, x, unfold_axes(cx, v, x->type, over->n, axes));
		const Val *n = b_reduce(cx, "sum", b_cast(cx, is, x->type->elem), over->n, axes, false);
		const Val *share = b_ew2(cx, OP_EW_div, all, unfold_axes(cx, n, x->type, over->n, axes));
		grads[0] = b_select(cx, is, share, b_scalar(cx, x->type->elem, 0));
	}
}
