/* ops_reduce.c: the Reduce operators, ArgMax, ArgMin: one reduction each, with something before and after it.
 *
 * What is more than a sum, product or extreme is computed in f32 at least: half types would overflow in between, and
 * integers have no root or logarithm (they get the result back rounded towards zero).
 */
#include "frontend/onnx/operands.h"

#include <string.h>

typedef struct {
	const char *op;
	enum { PLAIN, MEAN, L1, L2, LOG_SUM, LOG_SUM_EXP, SUM_SQUARE } how;
	const char *kind;
} Reduction;
static const Reduction reductions[] = {
	{"ReduceSum", PLAIN, "sum"},
	{"ReduceProd", PLAIN, "prod"},
	{"ReduceMax", PLAIN, "max"},
	{"ReduceMin", PLAIN, "min"},
	{"ReduceMean", MEAN, "sum"},
	{"ReduceL1", L1, "sum"},
	{"ReduceL2", L2, "sum"},
	{"ReduceLogSum", LOG_SUM, "sum"},
	{"ReduceLogSumExp", LOG_SUM_EXP, "sum"},
	{"ReduceSumSquare", SUM_SQUARE, "sum"},
};

typedef struct {
	Ctx *cx;
	int n_axes;
	const int *axes;
	bool keep;
	const Val **chosen; /* where run time says which axes: of each, is it one?  NULL: axes says it */
} Over;

static const Val *reduce(const Over *o, const char *kind, const Val *x, bool keep)
{
	Ctx *cx = o->cx;
	if (!o->chosen) return b_reduce(cx, kind, x, o->n_axes, o->axes, keep);
	/* in x's shape: the same for all places of a chosen axis; one without elements gets a place for what it reduces to */
	for (int i = 0; i < x->type->rank; i++) {
		const Val *all = b_reduce(cx, kind, x, 1, &i, true);
		if (dim_is(x->type->dims[i], 0)) x = b_zeros(cx, x->type->elem, x->type->rank, all->type->dims);
		all = b_expand(cx, all, x->type->rank, x->type->dims);
		x = b_select(cx, o->chosen[i], all, x);
	}
	return x;
}

/* How many elements make one of the result. */
static const Val *reduced_count(const Over *o, const Type *t)
{
	Ctx *cx = o->cx;
	const Dim *count = dim_int(cx, 1);
	const Val *chosen = b_dim(cx, count);
	for (int i = 0; i < o->n_axes; i++) count = dim_mul(cx, count, t->dims[o->axes[i]]);
	for (int i = 0; o->chosen && i < t->rank; i++)
		chosen = binary(cx, OP_EW_mul, chosen,
			b_select(cx, o->chosen[i], b_dim(cx, t->dims[i]), b_scalar_int(cx, I64, 1)));
	return o->chosen ? chosen : b_dim(cx, count);
}

/* log(sum(exp(x))), shifted by the largest so that exp does not overflow; an infinite one shifts nothing. */
static const Val *log_sum_exp(const Over *o, const Val *x)
{
	Ctx *cx = o->cx;
	const Val *largest = reduce(o, "max", x, true);
	largest = b_select(cx, b_ew1(cx, OP_EW_isinf, largest), b_scalar(cx, x->type->elem, 0), largest);
	const Val *sum = reduce(o, "sum", b_ew1(cx, OP_EW_exp, binary(cx, OP_EW_sub, x, largest)), o->keep);
	largest = b_reshape(cx, largest, sum->type->rank, sum->type->dims);
	return binary(cx, OP_EW_add, b_ew1(cx, OP_EW_log, sum), largest);
}

static const Val *mean(const Over *o, const Val *x)
{
	const Val *count = b_cast(o->cx, reduced_count(o, x->type), x->type->elem);
	return binary(o->cx, OP_EW_div, reduce(o, "sum", x, o->keep), count);
}

static const Val *reduced(const Over *o, const Reduction *r, const Val *x)
{
	Ctx *cx = o->cx;
	switch (r->how) {
	case PLAIN: return reduce(o, r->kind, x, o->keep);
	case MEAN: return mean(o, x);
	case L1: return reduce(o, "sum", b_ew1(cx, OP_EW_abs, x), o->keep);
	case L2: return b_ew1(cx, OP_EW_sqrt, reduce(o, "sum", binary(cx, OP_EW_mul, x, x), o->keep));
	case LOG_SUM: return b_ew1(cx, OP_EW_log, reduce(o, "sum", x, o->keep));
	case LOG_SUM_EXP: return log_sum_exp(o, x);
	case SUM_SQUARE: return reduce(o, "sum", binary(cx, OP_EW_mul, x, x), o->keep);
	}
	return x;
}

/* The type to compute in. */
static Elem widened(const Reduction *r, Elem elem)
{
	bool needs_float = r->how == L2 || r->how == LOG_SUM || r->how == LOG_SUM_EXP;
	if (elem_is_int(elem)) return needs_float ? F64 : elem;
	return r->how != PLAIN && (elem == F16 || elem == BF16) ? F32 : elem;
}

/* y, with a place for each element of x, with one place of each chosen axis; then without these where they do not stay. */
static const Val *first_places(
	const Node *n, const Over *o, const Type *x, const Val *y, int count, const Val *const *places)
{
	Ctx *cx = o->cx;
	const Val *one = b_scalar_int(cx, I64, 1);
	for (int i = 0; i < y->type->rank; i++) {
		const Dim *d = x->dims[i], *most = dim_max(cx, d, dim_int(cx, 1));
		const char *name = arena_printf(cx->arena, "%s%s", result_dim_name(n, 0, i), o->keep ? "" : "_kept");
		const Dim *size = node_size(n, b_select(cx, o->chosen[i], one, b_dim(cx, d)), name, 0, most);
		y = b_slice(cx, y, i, dim_int(cx, 0), size, 1);
	}
	return o->keep ? y : without_axes(n, y, count, places);
}

static void reduce_over(const Node *n, int count, const int64_t *given, const Val *const *late, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), **places = NULL;
	const Reduction *r = reductions;
	while (strcmp(r->op, n->op) != 0) r++;
	Elem elem = x->type->elem;
	int rank = x->type->rank;
	bool extreme = strcmp(r->kind, "max") == 0 || strcmp(r->kind, "min") == 0;
	if (elem == BOOL && !extreme) node_fail(n, "numbers wanted, %s seen", type_str(cx, x->type));
	Over o = {.cx = cx, .keep = node_int(n, "keepdims", 1) != 0};
	if (late) {
		if (count > rank) node_fail(n, "%d axes of %s", count, type_str(cx, x->type));
		places = axis_places(n, 1, count, late, rank);
		o.chosen = NEWN(cx->arena, const Val *, rank);
		for (int i = 0; i < rank; i++) o.chosen[i] = is_axis(cx, count, places, i);
	} else if (count <= 0 && !node_int(n, "noop_with_empty_axes", 0)) { /* all */
		int *all = NEWN(cx->arena, int, rank);
		for (int i = 0; i < rank; i++) all[i] = i;
		o.n_axes = rank;
		o.axes = all;
	} else if (count > 0) {
		o.n_axes = count;
		o.axes = node_axes(n, count, given, rank);
	}
	const Val *y = reduced(&o, r, b_cast(cx, x, widened(r, elem)));
	if (late) y = first_places(n, &o, x->type, y, count, places);
	out[0] = b_cast(cx, y, elem);
}

static void import_reduce_attr(Node *n, const Val **out)
{
	const int64_t *axes = NULL;
	int count = node_ints(n, "axes", &axes);
	reduce_over(n, count, axes, NULL, out);
}

static void import_reduce(Node *n, const Val **out)
{
	const int64_t *axes = NULL;
	const Val *const *late = NULL;
	int count;
	if (!node_ints_if_known(n, 1, "axes", &count, &axes)) node_elements(n, 1, "axes", &late);
	reduce_over(n, count, axes, late, out);
}

static void import_arg(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data");
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	bool last = node_int(n, "select_last_index", 0) != 0;
	const Val *y = b_argreduce(cx, strcmp(n->op, "ArgMax") == 0 ? "max" : "min", x, axis, last);
	out[0] = node_int(n, "keepdims", 1) ? b_unsqueeze(cx, y, axis) : y;
}

/* axes became an input in opset 13 for ReduceSum, in 18 for the others. */
#define REDUCE(op, input_since)                                                                 \
	{"", op, 1, (input_since)-1, "axes keepdims", 1, 1, 1, import_reduce_attr},             \
	{                                                                                       \
		"", op, input_since, 0, "keepdims noop_with_empty_axes", 1, 2, 1, import_reduce \
	}

const Importer onnx_ops_reduce[] = {
	REDUCE("ReduceSum", 13),
	REDUCE("ReduceProd", 18),
	REDUCE("ReduceMax", 18),
	REDUCE("ReduceMin", 18),
	REDUCE("ReduceMean", 18),
	REDUCE("ReduceL1", 18),
	REDUCE("ReduceL2", 18),
	REDUCE("ReduceLogSum", 18),
	REDUCE("ReduceLogSumExp", 18),
	REDUCE("ReduceSumSquare", 18),
	{"", "ArgMax", 1, 11, "axis keepdims", 1, 1, 1, import_arg},
	{"", "ArgMax", 12, 0, "axis keepdims select_last_index", 1, 1, 1, import_arg},
	{"", "ArgMin", 1, 11, "axis keepdims", 1, 1, 1, import_arg},
	{"", "ArgMin", 12, 0, "axis keepdims select_last_index", 1, 1, 1, import_arg},
	{.op = NULL},
};
