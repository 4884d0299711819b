/* ops_select.c: sorted, running and chosen elements: TopK, CumSum, CumProd, NonZero, Compress, Unique.
 *
 * Of the last three only run time knows how many there are: an array as large as there can be, with the chosen ones first,
 * is cut at a computed size (first_rows), which also is what TopK's K may be. */
#include "frontend/onnx/operands.h"

#include <string.h>

static const Val *zero(Ctx *cx) { return b_scalar_int(cx, I64, 0); }
static const Val *one(Ctx *cx) { return b_scalar_int(cx, I64, 1); }

/* ---------------------------------------------------------------------------------------------------- TopK */

static void top_k(const Node *n, const Val *count, const char *name, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	int axis = node_axis(n, node_int(n, "axis", -1), x->type->rank);
	const Dim *size = x->type->dims[axis], *k;
	if (!val_as_dims(cx, count, 1, &k)) k = node_size(n, count, name, 0, size);
	if (dim_hi(k) < 0 || dim_lo(dim_sub(cx, k, size)) > 0)
		node_fail(n, "K: %s of %s elements", dim_text(cx, k), dim_text(cx, size));
	node_int(n, "sorted", 1); /* any order may be sorted */
	const Val *order = b_sort(cx, x, axis, node_int(n, "largest", 1) != 0);
	order = b_slice(cx, order, axis, dim_int(cx, 0), k, 1);
	out[0] = gather_along(cx, x, order, axis);
	if (n->n_out > 1) out[1] = order;
}

static void import_top_k(Node *n, const Val **out)
{
	node_integers(n, 1, "K");
	top_k(n, b_cast(n->cx, node_scalar(n, 1, "K"), I64), operand_name(n, 1, 0), out);
}

static void import_top_k_1(Node *n, const Val **out)
{
	top_k(n, b_scalar_int(n->cx, I64, node_required_int(n, "k")), NULL, out);
}

/* ---------------------------------------------------------------------------------------------------- CumSum, CumProd */

static void import_cumulative(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "x"), *axis = node_integers(n, 1, "axis");
	const char *kind = strcmp(n->op, "CumSum") == 0 ? "sum" : "prod";
	bool exclusive = node_int(n, "exclusive", 0) != 0, reverse = node_int(n, "reverse", 0) != 0;
	int rank = x->type->rank;
	const Dim *known;
	int64_t given;
	axis = b_cast(cx, node_scalar(n, 1, "axis"), I64);
	if (val_as_dims(cx, axis, 1, &known) && dim_is_int(known, &given)) {
		out[0] = b_cumulative(cx, kind, x, node_axis(n, given, rank), exclusive, reverse);
		return;
	}
	/* One of all axes, which run time chooses. */
	if (rank == 0) node_fail(n, "a scalar has no axis");
	axis = wrap_index(cx, axis, b_scalar_int(cx, I64, rank));
	out[0] = b_cumulative(cx, kind, x, 0, exclusive, reverse);
	for (int i = 1; i < rank; i++)
		out[0] = b_select(cx, binary(cx, OP_EW_eq, axis, b_scalar_int(cx, I64, i)),
			b_cumulative(cx, kind, x, i, exclusive, reverse), out[0]);
}

/* ---------------------------------------------------------------------------------------------------- NonZero, Compress */

static const Val *flattened(Ctx *cx, const Val *x)
{
	const Dim *count = type_count(cx, x->type);
	return b_reshape(cx, x, 1, &count);
}

static const Val *is_nonzero(Ctx *cx, const Val *x)
{
	return x->type->elem == BOOL ? x : binary(cx, OP_EW_ne, x, b_scalar(cx, x->type->elem, 0));
}

static void import_nonzero(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X"), *at = true_indices(n, flattened(cx, is_nonzero(cx, x)));
	int rank = x->type->rank;
	const Dim *count = at->type->dims[0], *dims[] = {dim_int(cx, rank), count};
	const Val **rows = NEWN(cx->arena, const Val *, rank);
	for (int i = rank; i-- > 0;) { /* the place in a dim is the rest; what is over goes on */
		const Val *size = b_dim(cx, x->type->dims[i]);
		rows[i] = b_unsqueeze(cx, i ? binary(cx, OP_EW_rem, at, size) : at, 0);
		at = binary(cx, OP_EW_div, at, size);
	}
	out[0] = rank ? b_concat(cx, rank, rows, 0) : b_zeros(cx, I64, 2, dims);
}

static void import_compress(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input"), *mask = node_in(n, 1, "condition");
	bool has_axis = node_has(n, "axis");
	if (!has_axis) x = flattened(cx, x);
	int axis = has_axis ? node_axis(n, node_int(n, "axis", 0), x->type->rank) : 0;
	if (mask->type->rank != 1 || mask->type->elem != BOOL)
		node_fail(n, "input condition: bool[n] wanted, %s seen", type_str(cx, mask->type));
	if (dim_lo(dim_sub(cx, mask->type->dims[0], x->type->dims[axis])) > 0)
		node_fail(n, "input condition: %s for %s along axis %d", type_str(cx, mask->type),
			type_str(cx, x->type), axis);
	out[0] = b_gather(cx, x, true_indices(n, mask), axis);
}

/* ---------------------------------------------------------------------------------------------------- Unique */

/* The order of the rows of [n, m], compared from their first column on: sorted by the last column first, each time stable. */
static const Val *row_order(Ctx *cx, const Val *rows)
{
	const Type *t = rows->type;
	const Val *columns = b_permute(cx, rows, (const int[]){1, 0});
	const Val *args[] = {b_iota(cx, I64, 1, t->dims, 0), columns};
	const Val *params[] = {val_param(cx, 0, args[0]->type), val_param(cx, 1, type_new(cx, t->elem, 1, t->dims))};
	if (dim_is(t->dims[1], 1)) return b_sort(cx, b_reshape(cx, rows, 1, t->dims), 0, false);
	const Val *order = b_sort(cx, b_gather(cx, params[1], params[0], 0), 0, false);
	const Val *result = b_gather(cx, params[0], order, 0);
	const Graph *body = graph_new(cx, "by_column", 2, params, NULL, 1, &result, NULL);
	return val_get(cx, b_scan(cx, body, 0, 1, 2, args, t->dims[1], true), 0);
}

/* For each of the ordered rows: is it another than the one before? */
static const Val *starts_group(Ctx *cx, const Val *rows, const Val *order)
{
	const Val *i = b_iota(cx, I64, 1, order->type->dims, 0), *sorted = b_gather(cx, rows, order, 0);
	const Val *before = b_gather(cx, sorted, binary(cx, OP_EW_sub, i, one(cx)), 0); /* of the first: itself */
	const Val *differs = b_reduce(cx, "max", binary(cx, OP_EW_ne, sorted, before), 1, (const int[]){1}, false);
	return binary(cx, OP_EW_or, differs, binary(cx, OP_EW_eq, i, zero(cx)));
}

/* An i64 array of n with values[i] at place at[i]; places that are negative are left out. */
static const Val *put(Ctx *cx, const Val *at, const Val *values, const char *kind)
{
	const Type *t = at->type;
	return b_scatter_nd(cx, b_zeros(cx, I64, 1, t->dims), b_unsqueeze(cx, at, 1), values, kind);
}

/* The number of true ones before each place, itself included, minus one. */
static const Val *rank_of(Ctx *cx, const Val *mask)
{
	return binary(cx, OP_EW_sub, b_cumulative(cx, "sum", b_cast(cx, mask, I64), 0, false, false), one(cx));
}

static void import_unique(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	int axis = 0;
	if (node_has(n, "axis")) axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	else x = flattened(cx, x);
	const Val *moved = move_axis(cx, x, axis, 0);
	const Dim *const *d = moved->type->dims, *length = d[0];
	const Dim *shape[] = {length, dim_product(cx, moved->type->rank - 1, d + 1)};
	const Val *rows = b_reshape(cx, moved, 2, shape), *none = b_fill(cx, b_scalar_int(cx, I64, -1), 1, &length);

	const Val *order = row_order(cx, rows), *starts = starts_group(cx, rows, order), *group = rank_of(cx, starts);
	/* Sorted: of each group its first row, and of each row its group. */
	const Val *first = put(cx, b_select(cx, starts, group, none), order, "set");
	const Val *inverse = put(cx, order, group, "set");
	if (!node_int(n, "sorted", 1)) { /* groups in the order of their first rows */
		const Val *places = b_select(cx, starts, order, none);
		const Val *is_first = binary(cx, OP_EW_gt, put(cx, places, b_cast(cx, starts, I64), "set"), zero(cx));
		inverse = b_gather(cx, rank_of(cx, is_first), b_gather(cx, first, inverse, 0), 0);
		first = true_first(cx, is_first);
	}
	const Val *ones = b_fill(cx, one(cx), 1, &length), *all[] = {first, put(cx, inverse, ones, "add")}, *chosen[2];
	first_rows(n, count_true(cx, starts), n->n_out > 3 ? 2 : 1, all, chosen);
	const Val *results[] = {b_gather(cx, x, chosen[0], axis), chosen[0], inverse, n->n_out > 3 ? chosen[1] : NULL};
	memcpy(out, results, sizeof *out * (size_t)n->n_out);
}

const Importer onnx_ops_select[] = {
	{"", "TopK", 1, 9, "axis k", 1, 1, 2, import_top_k_1},
	{"", "TopK", 10, 10, "axis", 2, 2, 2, import_top_k},
	{"", "TopK", 11, 0, "axis largest sorted", 2, 2, 2, import_top_k},
	{"", "CumSum", 11, 0, "exclusive reverse", 2, 2, 1, import_cumulative},
	{"", "CumProd", 26, 0, "exclusive reverse", 2, 2, 1, import_cumulative},
	{"", "NonZero", 9, 0, "", 1, 1, 1, import_nonzero},
	{"", "Compress", 9, 0, "axis", 2, 2, 1, import_compress},
	{"", "Unique", 11, 0, "axis sorted", 1, 1, 4, import_unique},
	{.op = NULL},
};
