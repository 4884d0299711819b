/* ops_index.c: reading and writing at indices: Gather, GatherElements, GatherND, Scatter, ScatterElements, ScatterND,
 * TensorScatter.
 *
 * Negative indices count from the end, by a select.  One that is outside all the same is an error: of the model where it is a
 * constant, else of the call (guard), which only the compiler leaves out, where it sees that all are inside.
 */
#include "frontend/onnx/compose.h"

#include <string.h>

static void import_gather(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *index = node_integers(n, 1, "indices");
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	node_rank(n, x->type->rank + index->type->rank - 1);
	out[0] = b_gather(cx, x, checked_index(n, index, x->type->dims[axis]), axis);
}

/* x cut to the sizes of an index with as many dims, where that is smaller, in all dims but one. */
static const Val *cut_to(const Node *n, const Val *x, const Type *index, int axis)
{
	Ctx *cx = n->cx;
	for (int i = 0; i < x->type->rank; i++) {
		const Dim *have = x->type->dims[i], *wanted = index->dims[i];
		if (i == axis || have == wanted) continue;
		if (dim_hi(dim_sub(cx, have, wanted)) < 0)
			node_fail(n, "dim %d of the indices is %s, that of the data %s", i, dim_text(cx, wanted),
				dim_text(cx, have));
		x = b_slice(cx, x, i, dim_int(cx, 0), wanted, 1);
	}
	return x;
}

static void want_same_rank(const Node *n, const Val *x, const Val *index, const char *what)
{
	if (x->type->rank != index->type->rank)
		node_fail(n, "input %s: as many dims as the data wanted, %s and %s seen", what,
			type_str(n->cx, index->type), type_str(n->cx, x->type));
}

static void import_gather_elements(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *index = node_integers(n, 1, "indices");
	want_same_rank(n, x, index, "indices");
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	index = checked_index(n, index, x->type->dims[axis]);
	out[0] = gather_along(cx, cut_to(n, x, index->type, axis), index, axis);
}

/* The tuples of indices of GatherND and ScatterND, which go into dims from `first` of x. */
static const Val *tuples(const Node *n, int i, const Type *x, int first)
{
	const Val *index = node_integers(n, i, "indices");
	int64_t depth;
	int rank = index->type->rank;
	if (rank < 1 || !dim_is_int(index->type->dims[rank - 1], &depth) || depth > x->rank - first)
		node_fail(n, "input indices: %s into %s", type_str(n->cx, index->type), type_str(n->cx, x));
	return checked_tuples(n, index, (int)depth, x->dims + first);
}

static void import_gather_nd(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data");
	int64_t batch = node_int(n, "batch_dims", 0);
	const Type *index = node_in(n, 1, "indices")->type;
	if (batch < 0 || batch > x->type->rank || batch >= index->rank)
		node_fail(n, "attribute batch_dims: %lld, but the data is %s and the indices are %s", (long long)batch,
			type_str(cx, x->type), type_str(cx, index));
	node_rank(n, x->type->rank + index->rank);
	for (int i = 0; i < (int)batch; i++)
		node_same_dim(
			n, x->type->dims[i], index->dims[i], arena_printf(cx->arena, "dim %d of data and indices", i));
	out[0] = b_gather_nd(cx, x, tuples(n, 1, x->type, (int)batch), (int)batch);
}

/* ---------------------------------------------------------------------------------------------------- scatters */

/* ONNX's reductions and those of scatter_nd. */
static const char *const reductions[] = {"none", "add", "mul", "max", "min", NULL};
static const char *const kinds[] = {"set", "add", "mul", "max", "min"};

static const char *scatter_kind(const Node *n)
{
	int kind = node_choice(n, "reduction", reductions);
	if (kind > 2 && n->opset < 18) node_fail(n, "attribute reduction: %s is of opset 18", reductions[kind]);
	return kinds[kind];
}

static void want_same_elem(const Node *n, const Val *x, const Val *updates)
{
	if (x->type->elem != updates->type->elem)
		node_fail(n, "input updates: %s wanted, %s seen", elem_info[x->type->elem].name,
			type_str(n->cx, updates->type));
}

static void import_scatter_nd(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *updates = node_in(n, 2, "updates"), *index = tuples(n, 1, x->type, 0);
	const Type *t = index->type, *u = updates->type;
	int n_tuples = t->rank - 1, depth = x->type->rank + n_tuples - u->rank;
	want_same_elem(n, x, updates);
	if (depth < 0 || !dim_is(t->dims[n_tuples], depth))
		node_fail(n, "input updates: %s for %s at %s", type_str(cx, u), type_str(cx, x->type), type_str(cx, t));
	for (int i = 0; i < u->rank; i++)
		node_same_dim(n, i < n_tuples ? t->dims[i] : x->type->dims[depth + i - n_tuples], u->dims[i],
			arena_printf(cx->arena, "dim %d of the updates", i));
	out[0] = b_scatter_nd(cx, x, index, updates, scatter_kind(n));
}

/* Index `index` along the axis, the own place in all other dims: [.., rank]. */
static const Val *full_tuples(Ctx *cx, const Val *index, int axis)
{
	const Type *t = index->type;
	const Val **parts = NEWN(cx->arena, const Val *, t->rank);
	for (int i = 0; i < t->rank; i++)
		parts[i] = b_unsqueeze(
			cx, i == axis ? b_cast(cx, index, I64) : b_iota(cx, I64, t->rank, t->dims, i), t->rank);
	return b_concat(cx, t->rank, parts, t->rank);
}

static void import_scatter_elements(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data"), *index = node_integers(n, 1, "indices"),
		  *updates = node_in(n, 2, "updates");
	want_same_rank(n, x, index, "indices");
	want_same_rank(n, x, updates, "updates");
	want_same_elem(n, x, updates);
	for (int i = 0; i < x->type->rank; i++)
		node_same_dim(n, index->type->dims[i], updates->type->dims[i],
			arena_printf(cx->arena, "dim %d of indices and updates", i));
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank);
	index = checked_index(n, index, x->type->dims[axis]);
	out[0] = b_scatter_nd(cx, x, full_tuples(cx, index, axis), updates, scatter_kind(n));
}

/* A cache of S places in which `update`, of L, is written from write_indices[batch] on.  Said from the cache's side: place s
 * has element s - w of the update, if there is one, so that nothing is scattered. */
static void import_tensor_scatter(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	static const char *const cache_modes[] = {"linear", "circular", NULL};
	const Val *cache = node_in(n, 0, "past_cache"), *update = node_in(n, 1, "update"), *start = node_opt(n, 2);
	int rank = cache->type->rank, axis = node_axis(n, node_int(n, "axis", -2), rank);
	bool circular = node_choice(n, "mode", cache_modes) == 1;
	if (axis == 0) node_fail(n, "attribute axis: 0 is the batch");
	want_same_rank(n, cache, update, "update");
	want_same_elem(n, cache, update);
	for (int i = 0; i < rank; i++)
		if (i != axis)
			node_same_dim(n, cache->type->dims[i], update->type->dims[i],
				arena_printf(cx->arena, "dim %d of past_cache and update", i));
	const Dim *batch = cache->type->dims[0], *size = cache->type->dims[axis], *length = update->type->dims[axis];
	if (dim_is(length, 0)) {
		out[0] = cache;
		return;
	}
	const Val *from = b_iota(cx, I64, 2, (const Dim *[]){batch, size}, 1); /* [batch, S] */
	if (start) {
		start = node_integers(n, 2, "write_indices");
		if (start->type->rank != 1)
			node_fail(n, "input write_indices: one dim wanted, %s seen", type_str(cx, start->type));
		node_same_dim(n, batch, start->type->dims[0], "write_indices and the batch");
		from = binary(cx, OP_EW_sub, from, b_unsqueeze(cx, b_cast(cx, start, I64), 1));
		if (circular) from = binary(cx, OP_EW_mod, from, b_dim(cx, size));
	}
	const Val *inside = binary(cx, OP_EW_and, binary(cx, OP_EW_ge, from, b_scalar_int(cx, I64, 0)),
		binary(cx, OP_EW_lt, from, b_dim(cx, length)));
	const Val *row =
		b_gather_nd(cx, move_axis(cx, update, axis, 1), b_unsqueeze(cx, from, 2), 1); /* [batch, S, ..] */
	const Dim **mask = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) mask[i] = i == 0 ? batch : i == axis ? size : dim_int(cx, 1);
	out[0] = b_select(cx, b_reshape(cx, inside, rank, mask), move_axis(cx, row, 1, axis), cache);
}

const Importer onnx_ops_index[] = {
	{"", "Gather", 1, 0, "axis", 2, 2, 1, import_gather},
	{"", "GatherElements", 11, 0, "axis", 2, 2, 1, import_gather_elements},
	{"", "GatherND", 11, 11, "", 2, 2, 1, import_gather_nd},
	{"", "GatherND", 12, 0, "batch_dims", 2, 2, 1, import_gather_nd},
	{"", "Scatter", 9, 0, "axis", 3, 3, 1, import_scatter_elements},
	{"", "ScatterElements", 11, 15, "axis", 3, 3, 1, import_scatter_elements},
	{"", "ScatterElements", 16, 0, "axis reduction", 3, 3, 1, import_scatter_elements},
	{"", "ScatterND", 11, 15, "", 3, 3, 1, import_scatter_nd},
	{"", "ScatterND", 16, 0, "reduction", 3, 3, 1, import_scatter_nd},
	{"", "TensorScatter", 24, 0, "axis mode", 2, 3, 1, import_tensor_scatter},
	{.op = NULL},
};
