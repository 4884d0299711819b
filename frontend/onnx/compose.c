/* compose.c: what the importers of shapes, indices, reductions and signals build with. */
#include "frontend/onnx/operands.h"

#include <string.h>

/* ---------------------------------------------------------------------------------------------------- operands */

const Val *node_scalar(const Node *n, int i, const char *what)
{
	const Val *v = node_opt(n, i);
	int64_t count;
	if (!v) return NULL;
	if (!dim_is_int(type_count(n->cx, v->type), &count) || count != 1)
		node_fail(n, "input %s: one element wanted, %s seen", what, type_str(n->cx, v->type));
	return b_reshape(n->cx, v, 0, NULL);
}

int64_t node_known_int(const Node *n, int i, const char *what, int64_t default_value)
{
	const int64_t *value;
	int count = node_const_ints(n, i, what, &value);
	if (count < 0) return default_value;
	if (count != 1) node_fail(n, "input %s: one integer wanted, %s seen", what, type_str(n->cx, n->in[i]->type));
	return value[0];
}

const Dim *node_dim(const Node *n, int i, const char *what)
{
	const Dim *const *value;
	int count = node_dims(n, i, what, &value);
	if (count < 0) return NULL;
	if (count != 1) node_fail(n, "input %s: one integer wanted, %s seen", what, type_str(n->cx, n->in[i]->type));
	return value[0];
}

const Val *node_integers(const Node *n, int i, const char *what)
{
	const Val *v = node_in(n, i, what);
	if (!elem_is_int(v->type->elem))
		node_fail(n, "input %s: integers wanted, %s seen", what, type_str(n->cx, v->type));
	return v;
}

int *node_axes(const Node *n, int count, const int64_t *axes, int rank)
{
	int *out = NEWN(n->cx->arena, int, count);
	bool *seen = NEWN(n->cx->arena, bool, rank);
	for (int i = 0; i < count; i++) {
		out[i] = node_axis(n, axes[i], rank);
		if (seen[out[i]]) node_fail(n, "axis %d is there twice", out[i]);
		seen[out[i]] = true;
	}
	return out;
}

int node_rank(const Node *n, int rank)
{
	if (rank > ONNX_MAX_RANK) node_fail(n, "%d dims; at most %d are supported", rank, ONNX_MAX_RANK);
	return rank;
}

int64_t node_required_int(const Node *n, const char *attr)
{
	if (!node_has(n, attr)) node_fail(n, "attribute %s is missing", attr);
	return node_int(n, attr, 0);
}

int node_choice(const Node *n, const char *attr, const char *const *words)
{
	const char *word = node_str(n, attr, words[0]);
	for (int i = 0; words[i]; i++)
		if (strcmp(word, words[i]) == 0) return i;
	node_fail(n, "attribute %s: %s is not supported", attr, onnx_quote(n->cx, word));
}

/* -------------------------------------------------------------------------------------------------- known values */

enum {
	MAX_KNOWN_DEPTH = 200, /* of operands in operands: recursion */
	MAX_KNOWN_VALUES = 4096,
	MAX_KNOWN_ELEMENTS = 1 << 24, /* of one value */
	MAX_KNOWN_BYTES = 1 << 29,
};

static bool has_symbols(const Attr *a)
{
	if (attr_info[a->key].kind != ATTR_DIMS) return false;
	for (int i = 0; i < a->n; i++)
		if (!dim_is_int(a->dims[i], NULL)) return true;
	return false;
}

static bool is_known(Ctx *cx, const Val *v, Map *seen, int depth);

/* Is the body of an operator of the library known where its operands are? */
static bool is_known_body(Ctx *cx, const Graph *body, const Map *outside, int depth)
{
	Map seen; /* of its own: a parameter may be one of the graph outside, too */
	map_init(&seen, outside->arena);
	for (int i = 0; i < body->n_params; i++) map_put(&seen, body->params[i], body->params[i]);
	bool known = true;
	for (int i = 0; known && i < body->n_results; i++) known = is_known(cx, body->results[i], &seen, depth);
	return known;
}

static bool is_known(Ctx *cx, const Val *v, Map *seen, int depth)
{
	int64_t count;
	if (map_get(seen, v)) return true;
	if (v->op == OP_const) return true;
	if (v->op == OP_param || (v->type->is_tuple && v->op != OP_call) || depth == 0 || seen->n == MAX_KNOWN_VALUES)
		return false;
	if (!v->type->is_tuple && (!dim_is_int(type_count(cx, v->type), &count) || count > MAX_KNOWN_ELEMENTS))
		return false;
	for (int i = 0; i < v->n_attrs; i++)
		if ((attr_info[v->attrs[i].key].kind == ATTR_GRAPHS && v->op != OP_call) || has_symbols(&v->attrs[i]))
			return false;
	if (v->op == OP_call && !is_known_body(cx, val_body(v, 0), seen, depth - 1)) return false;
	for (int i = 0; i < v->n_args; i++)
		if (!is_known(cx, v->args[i], seen, depth - 1)) return false;
	map_put(seen, v, v);
	return true;
}

const Tensor *known_tensor(Ctx *cx, const Val *v)
{
	if (v->op == OP_const) return val_attr(v, A_DATA)->tensor;
	if (v->type->is_tuple) return NULL;
	Arena *scratch = arena_new();
	const Tensor *volatile result = NULL;
	const char *loc = cx->loc;
	TRY (cx) {
		Map seen;
		map_init(&seen, scratch);
		if (is_known(cx, v, &seen, MAX_KNOWN_DEPTH)) {
			const Tensor *t;
			Eval e = {.cx = cx, .arena = scratch, .max_bytes = MAX_KNOWN_BYTES};
			dimenv_init(&e.env, scratch);
			eval_graph(&e, graph_new(cx, "known", 0, NULL, NULL, 1, &v, NULL), NULL, &t);
			result = tensor_intern(cx, t);
		}
	} else { /* what fails now may never run: not known, then */
		result = NULL;
		cx->error = NULL;
	}
	cx->loc = loc;
	arena_free(scratch);
	return result;
}

const Val *folded(Ctx *cx, const Val *v)
{
	const Tensor *t = known_tensor(cx, v);
	return t ? val_const(cx, t) : v;
}

/* -------------------------------------------------------------------------------------------------- dims */

const Dim **dims_with_room(Ctx *cx, const Type *t, int extra)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank + extra);
	for (int i = 0; i < t->rank; i++) dims[i] = t->dims[i];
	return dims;
}

const char *dim_text(Ctx *cx, const Dim *d)
{
	Buf b;
	buf_init(&b, cx->arena);
	dim_print(&b, d);
	return b.text;
}

const Val *shape_value(Ctx *cx, int n, Dims dims)
{
	const Dim *one = dim_int(cx, 1);
	int64_t *ints = NEWN(cx->arena, int64_t, n);
	const Val **parts = NEWN(cx->arena, const Val *, n);
	bool known = true;
	for (int i = 0; i < n; i++) {
		known &= dim_is_int(dims[i], &ints[i]);
		parts[i] = b_reshape(cx, b_dim(cx, dims[i]), 1, &one);
	}
	return known ? b_ints(cx, n, ints) : b_concat(cx, n, parts, 0);
}

/* -------------------------------------------------------------------------------------------------- values */

const Val *binary(Ctx *cx, Op op, const Val *a, const Val *b) { return b_ew2(cx, op, a, b); }

const Val *with_number(Ctx *cx, Op op, const Val *x, double number)
{
	return b_ew2(cx, op, x, b_scalar(cx, x->type->elem, number));
}

const Val *index_along(Ctx *cx, int rank, Dims dims, int axis)
{
	const Dim **ones = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) ones[i] = i == axis ? dims[i] : dim_int(cx, 1);
	return b_iota(cx, I64, rank, ones, axis);
}

const Val *move_axis(Ctx *cx, const Val *x, int from, int to) { return b_move_axis(cx, x, from, to); }

const Val *replace_dims(Ctx *cx, const Val *x, int from, int n, int n_new, Dims new_dims)
{
	const Type *t = x->type;
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank - n + n_new);
	int k = 0;
	for (int i = 0; i < from; i++) dims[k++] = t->dims[i];
	for (int i = 0; i < n_new; i++) dims[k++] = new_dims[i];
	for (int i = from + n; i < t->rank; i++) dims[k++] = t->dims[i];
	return b_reshape(cx, x, k, dims);
}

const Val *wrap_index(Ctx *cx, const Val *index, const Val *size)
{
	if (index->op == OP_const) {
		const Tensor *t = val_attr(index, A_DATA)->tensor;
		bool below = false;
		for (int64_t i = 0; i < t->count; i++) below |= tensor_get_int(t, i) < 0;
		if (!below) return index;
	}
	if (elem_info[index->type->elem].cls == 'u') return index;
	index = b_cast(cx, index, I64);
	const Val *below = b_ew2(cx, OP_EW_lt, index, b_scalar_int(cx, I64, 0));
	return b_select(cx, below, b_ew2(cx, OP_EW_add, index, size), index);
}

/* Whether a constant has an index that is outside whatever the sizes are. */
static bool is_outside(const Tensor *index, int n, Dims sizes, int64_t *at, const Dim **size)
{
	for (int64_t i = 0; i < index->count; i++) {
		*at = tensor_get_int(index, i);
		*size = sizes[i % n];
		if (*at >= dim_hi(*size) || *at < -dim_hi(*size)) return true;
	}
	return false;
}

/* sizes: `size` as a value.  What a body may never run is left to run time. */
static const Val *checked(const Node *node, const Val *index, int n, Dims sizes, const Val *size)
{
	Ctx *cx = node->cx;
	int64_t at;
	const Dim *of;
	if (index->op == OP_const) {
		const bool outside = is_outside(val_attr(index, A_DATA)->tensor, n, sizes, &at, &of);
		if (outside && !node_in_body(node))
			node_fail(
				node, "input indices: %lld is outside of %s elements", (long long)at, dim_text(cx, of));
		if (!outside) return wrap_index(cx, index, size);
	}
	index = b_cast(cx, index, I64);
	const Val *least = b_ew2(cx, OP_EW_ge, index, b_ew1(cx, OP_EW_neg, size)),
		  *most = b_ew2(cx, OP_EW_lt, index, size);
	const char *name = arena_printf(cx->arena, "the indices of %s are inside", *node->name ? node->name : node->op);
	return wrap_index(cx, b_guard(cx, index, b_ew2(cx, OP_EW_and, least, most), name), size);
}

const Val *checked_index(const Node *n, const Val *index, const Dim *size)
{
	return checked(n, index, 1, &size, b_dim(n->cx, size));
}

const Val *checked_tuples(const Node *node, const Val *index, int n, Dims sizes)
{
	return n ? checked(node, index, n, sizes, shape_value(node->cx, n, sizes)) : index;
}

const Val *gather_along(Ctx *cx, const Val *x, const Val *index, int axis)
{
	int last = x->type->rank - 1;
	index = b_unsqueeze(cx, move_axis(cx, index, axis, last), last + 1);
	return move_axis(cx, b_gather_nd(cx, move_axis(cx, x, axis, last), index, last), last, axis);
}

/* -------------------------------------------------------------------------------------------------- counted rows */

void first_rows(const Node *n, const Val *count, int n_xs, const Val *const *xs, const Val **ys)
{
	Ctx *cx = n->cx;
	const char *name = arena_printf(cx->arena, "%s_count", *n->name ? n->name : n->op);
	const Dim *rows = node_count(n, folded(cx, count), name, xs[0]->type->dims[0]);
	for (int i = 0; i < n_xs; i++) ys[i] = b_slice(cx, xs[i], 0, dim_int(cx, 0), rows, 1);
}

const Val *count_true(Ctx *cx, const Val *mask)
{
	return b_reduce(cx, "sum", b_cast(cx, mask, I64), 1, (const int[]){0}, false);
}

const Val *true_first(Ctx *cx, const Val *mask) { return b_sort(cx, b_cast(cx, mask, U8), 0, true); }

const Val *true_indices(const Node *n, const Val *mask)
{
	const Val *order = true_first(n->cx, mask), *at;
	first_rows(n, count_true(n->cx, mask), 1, &order, &at);
	return at;
}
