/* ops_ml.c: TreeEnsemble, and what maps labels to labels, of ai.onnx.ml.
 *
 * A forest is walked for all rows and trees at once: an index per row and tree goes down one level in each step of a scan of
 * as many steps as the deepest tree has levels.  Interior nodes come first in one table, then the leaves, which lead to
 * themselves.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/compose.h"
#include "frontend/onnx/onnx_tensor.h"

#include <math.h>

/* ---------------------------------------------------------------------------------------------------- forests */

enum { LEQ, LT, GTE, GT, EQ, NEQ, MEMBER, N_MODES, MAX_NODES = 1 << 22 };

typedef struct {
	const Node *n;
	int n_nodes, n_leaves, n_trees, depth, n_members; /* members: of the largest set */
	const int64_t *roots;
	Tensor *feature, *mode, *yes, *no, *missing; /* [nodes + leaves]; yes and no: where to go on */
	Tensor *split;                               /* [nodes + leaves], in the type of X */
	Tensor *members;                             /* [nodes + leaves, n_members]; NaN: none */
	Tensor *weight, *target;                     /* [nodes + leaves]; of leaves */
} Forest;

static const int64_t *ints_of(const Node *n, const char *attr, int count)
{
	const int64_t *values;
	const int seen = node_ints(n, attr, &values);
	if (seen != count) node_fail(n, "attribute %s: %d integers wanted, %d seen", attr, count, seen < 0 ? 0 : seen);
	return values;
}

static const Tensor *tensor_of(const Node *n, const char *attr, int count)
{
	const Tensor *t = node_tensor(n, attr);
	if (!t || t->count != count)
		node_fail(n, "attribute %s: a tensor of %d elements wanted, %lld seen", attr, count,
			t ? (long long)t->count : 0LL);
	return t;
}

static Tensor *table(const Node *n, Elem elem, int64_t count, int64_t width)
{
	Tensor *t = tensor_new(n->cx->arena, elem, width ? 2 : 1, (const int64_t[]){count, width});
	if (!t) node_fail(n, "the trees are too large");
	return t;
}

/* Where a branch leads, in the one table. */
static void fill_branch(const Forest *f, Tensor *to, const char *ids_attr, const char *leafs_attr)
{
	const int64_t *ids = ints_of(f->n, ids_attr, f->n_nodes), *leafs = ints_of(f->n, leafs_attr, f->n_nodes);
	for (int i = 0; i < f->n_nodes + f->n_leaves; i++) {
		const bool leaf = i < f->n_nodes && leafs[i];
		if (i < f->n_nodes && (ids[i] < 0 || ids[i] >= (leaf ? f->n_leaves : f->n_nodes)))
			node_fail(f->n, "attribute %s: %lld is out of range", ids_attr, (long long)ids[i]);
		tensor_set_int(to, i, i >= f->n_nodes ? i : ids[i] + (leaf ? f->n_nodes : 0));
	}
}

/* The levels below a node.  A node that leads to itself has more of them than there are nodes. */
static void measure(Forest *f)
{
	int *seen = NEWN(f->n->cx->arena, int, f->n_nodes), *stack = NEWN(f->n->cx->arena, int, 2 * f->n_nodes + 2),
	    n = 0;
	for (int t = 0; t < f->n_trees; t++) {
		if (f->roots[t] < 0 || f->roots[t] >= f->n_nodes)
			node_fail(f->n, "attribute tree_roots: %lld is out of range", (long long)f->roots[t]);
		stack[n++] = (int)f->roots[t];
	}
	/* by levels: all nodes of the next one, each once a level */
	for (int level = 1; n; level++) {
		int next = 0;
		int *below = NEWN(f->n->cx->arena, int, 2 * f->n_nodes + 2);
		if (level > f->n_nodes) node_fail(f->n, "the nodes are no trees: they lead back to themselves");
		for (int i = 0; i < n; i++) {
			const int64_t to[] = {tensor_get_int(f->yes, stack[i]), tensor_get_int(f->no, stack[i])};
			for (int k = 0; k < 2; k++)
				if (to[k] < f->n_nodes && seen[to[k]] != level) {
					seen[to[k]] = level;
					below[next++] = (int)to[k];
				}
		}
		stack = below;
		n = next;
		f->depth = level;
	}
}

/* Sets stand one after the other, each ended by NaN, in the order of the nodes that test for membership. */
static void fill_members(Forest *f, Elem elem)
{
	const Tensor *values = node_tensor(f->n, "membership_values");
	int64_t at = 0, n_values = values ? values->count : 0, longest = 0, length = 0;
	for (int64_t i = 0; i < n_values; i++) {
		length = isnan(tensor_get(values, i)) ? 0 : length + 1;
		if (length > longest) longest = length;
	}
	f->n_members = (int)longest;
	f->members = table(f->n, elem, f->n_nodes + f->n_leaves, longest ? longest : 1);
	for (int64_t i = 0; i < f->members->count; i++) tensor_set(f->members, i, NAN);
	for (int i = 0; i < f->n_nodes; i++) {
		if (tensor_get_int(f->mode, i) != MEMBER) continue;
		int64_t k = 0;
		for (; at < n_values && !isnan(tensor_get(values, at)); at++, k++)
			tensor_set(f->members, i * longest + k, tensor_get(values, at));
		if (at == n_values && !k) node_fail(f->n, "attribute membership_values: too few sets");
		at++;
	}
}

static Forest forest_of(const Node *n, Elem elem)
{
	Forest f = {.n = n};
	const int64_t *any;
	f.n_nodes = node_ints(n, "nodes_featureids", &any);
	f.n_leaves = node_ints(n, "leaf_targetids", &any);
	f.n_trees = node_ints(n, "tree_roots", &f.roots);
	if (f.n_nodes < 1 || f.n_leaves < 1 || f.n_trees < 1 || f.n_nodes > MAX_NODES || f.n_leaves > MAX_NODES)
		node_fail(n, "%d trees of %d nodes and %d leaves", f.n_trees, f.n_nodes, f.n_leaves);
	const int64_t all = f.n_nodes + f.n_leaves;
	const int64_t *features = ints_of(n, "nodes_featureids", f.n_nodes),
		      *targets = ints_of(n, "leaf_targetids", f.n_leaves);
	const Tensor *modes = tensor_of(n, "nodes_modes", f.n_nodes), *splits = tensor_of(n, "nodes_splits", f.n_nodes);
	const Tensor *weights = tensor_of(n, "leaf_weights", f.n_leaves);
	const int64_t *missing = node_has(n, "nodes_missing_value_tracks_true")
		? ints_of(n, "nodes_missing_value_tracks_true", f.n_nodes)
		: NULL;
	f.feature = table(n, I64, all, 0);
	f.mode = table(n, I64, all, 0);
	f.yes = table(n, I64, all, 0);
	f.no = table(n, I64, all, 0);
	f.missing = table(n, BOOL, all, 0);
	f.split = table(n, elem, all, 0);
	f.weight = table(n, elem, all, 0);
	f.target = table(n, I64, all, 0);
	for (int i = 0; i < f.n_nodes; i++) {
		const int64_t mode = tensor_get_int(modes, i);
		if (mode < 0 || mode >= N_MODES)
			node_fail(n, "attribute nodes_modes: %lld is unknown", (long long)mode);
		tensor_set_int(f.feature, i, features[i]);
		tensor_set_int(f.mode, i, mode);
		tensor_set(f.split, i, tensor_get(splits, i));
		tensor_set_int(f.missing, i, missing && missing[i]);
	}
	for (int i = 0; i < f.n_leaves; i++) {
		tensor_set(f.weight, f.n_nodes + i, tensor_get(weights, i));
		tensor_set_int(f.target, f.n_nodes + i, targets[i]);
	}
	fill_branch(&f, f.yes, "nodes_truenodeids", "nodes_trueleafs");
	fill_branch(&f, f.no, "nodes_falsenodeids", "nodes_falseleafs");
	fill_members(&f, elem);
	measure(&f);
	return f;
}

static const Val *at_node(Ctx *cx, const Tensor *column, const Val *node)
{
	return b_gather(cx, val_const(cx, column), node, 0);
}

/* Whether each row, at its node of each tree, takes the first branch. */
static const Val *branch(Ctx *cx, const Forest *f, const Val *x, const Val *node)
{
	static const Op ops[] = {OP_EW_le, OP_EW_lt, OP_EW_ge, OP_EW_gt, OP_EW_eq, OP_EW_ne};
	const Val *value = gather_along(cx, x, at_node(cx, f->feature, node), 1), *split = at_node(cx, f->split, node);
	const Val *mode = at_node(cx, f->mode, node), *yes = NULL;
	bool used[N_MODES] = {false};
	for (int i = 0; i < f->n_nodes; i++) used[tensor_get_int(f->mode, i)] = true;
	for (int m = 0; m < N_MODES; m++) {
		if (!used[m]) continue;
		const Val *here = m == MEMBER
			? b_reduce(cx, "max",
				  binary(cx, OP_EW_eq, b_unsqueeze(cx, value, 2), at_node(cx, f->members, node)), 1,
				  (const int[]){2}, false)
			: binary(cx, ops[m], value, split);
		yes = yes ? b_select(cx, with_number(cx, OP_EW_eq, mode, m), here, yes) : here;
	}
	const Val *lost = b_ew1(cx, OP_EW_isnan, value);
	return binary(cx, OP_EW_or, yes, binary(cx, OP_EW_and, lost, at_node(cx, f->missing, node)));
}

/* The leaf of each row in each tree: i64[rows, trees]. */
static const Val *leaves(const Forest *f, const Val *x)
{
	Ctx *cx = f->n->cx;
	const Dim *dims[] = {x->type->dims[0], dim_int(cx, f->n_trees)};
	const int64_t n_trees = f->n_trees;
	Tensor *roots = tensor_new(cx->arena, I64, 1, &n_trees);
	for (int i = 0; i < f->n_trees; i++) tensor_set_int(roots, i, f->roots[i]);
	const Val *node = b_expand(cx, val_const(cx, roots), 2, dims);
	const Val *params[] = {val_param(cx, 0, x->type), val_param(cx, 1, node->type)};
	const Val *next = b_select(
		cx, branch(cx, f, params[0], params[1]), at_node(cx, f->yes, params[1]), at_node(cx, f->no, params[1]));
	const Graph *body = graph_new(
		cx, "level", 2, params, (const char *const[]){"x", "node"}, 1, &next, (const char *const[]){"next"});
	return val_get(cx, b_scan(cx, body, 1, 1, 2, (const Val *[]){x, node}, dim_int(cx, f->depth), false), 0);
}

static void import_tree_ensemble(Node *n, const Val **out)
{
	static const char *const transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
	enum { AVERAGE, SUM, MIN, MAX, N_AGGREGATES };
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	if (x->type->rank != 2 || !elem_is_float(x->type->elem) || elem_is_storage(x->type->elem))
		node_fail(n, "input X: [rows, features] of floats wanted, %s seen", type_str(cx, x->type));
	const Forest f = forest_of(n, x->type->elem);
	const int64_t how = node_int(n, "aggregate_function", SUM), transform = node_int(n, "post_transform", 0);
	const int64_t n_targets = node_int(n, "n_targets", 1);
	if (how < 0 || how >= N_AGGREGATES || transform < 0 || transform > 4 || n_targets < 1 || n_targets > MAX_NODES)
		node_fail(n, "aggregate_function %lld, post_transform %lld, n_targets %lld", (long long)how,
			(long long)transform, (long long)n_targets);
	const Val *leaf = b_unsqueeze(cx, leaves(&f, x), 2);
	const Dim *targets = dim_int(cx, n_targets);
	const Val *mine = binary(cx, OP_EW_eq, at_node(cx, f.target, leaf), b_iota(cx, I64, 1, &targets, 0));
	const Val *weight = at_node(cx, f.weight, leaf), *y;
	const int trees = 1;
	if (how == SUM || how == AVERAGE) {
		y = b_reduce(cx, "sum", b_select(cx, mine, weight, b_scalar(cx, x->type->elem, 0)), 1, &trees, false);
		if (how == AVERAGE) y = with_number(cx, OP_EW_div, y, f.n_trees);
	} else {
		const Val *none = b_scalar(cx, x->type->elem, how == MIN ? INFINITY : -INFINITY);
		y = b_reduce(cx, how == MIN ? "min" : "max", b_select(cx, mine, weight, none), 1, &trees, false);
		const Val *any = b_reduce(cx, "max", mine, 1, &trees, false);
		y = b_select(cx, any, y, b_scalar(cx, x->type->elem, 0));
	}
	const LibAttr kind = {.name = "kind", .kind = LIB_STR, .str = transforms[transform]};
	if (transform) lib_call(cx, "post_transform", 1, &y, 1, &kind, 1, &y);
	out[0] = y;
}

/* ---------------------------------------------------------------------------------------------------- labels */

static const Tensor *list_of_ints(const Node *n, const char *attr)
{
	const int64_t *i64;
	const int64_t count = node_ints(n, attr, &i64);
	if (count < 0) return NULL;
	Tensor *t = tensor_new(n->cx->arena, I64, 1, &count);
	for (int64_t i = 0; i < count; i++) tensor_set_int(t, i, i64[i]);
	return t;
}

/* The list that one of NAME_strings, NAME_int64s, NAME_floats and NAME_tensor gives; NULL: none of them. */
static const Tensor *list_of(const Node *n, const char *name)
{
	Ctx *cx = n->cx;
	const char *floats = arena_printf(cx->arena, "%s_floats", name);
	const double *f64;
	const char *const *texts;
	const int n_texts = node_strs(n, arena_printf(cx->arena, "%s_strings", name), &texts);
	if (n_texts >= 0) return val_attr(b_texts(cx, n_texts, texts), A_DATA)->tensor;
	const Tensor *ints = list_of_ints(n, arena_printf(cx->arena, "%s_int64s", name));
	if (ints) return ints;
	const int64_t count = node_floats(n, floats, &f64);
	if (count >= 0) {
		Tensor *t = tensor_new(cx->arena, F32, 1, &count);
		for (int64_t i = 0; i < count; i++) tensor_set(t, i, f64[i]);
		return t;
	}
	return node_tensor(n, arena_printf(cx->arena, "%s_tensor", name));
}

static const Val *default_label(const Node *n, Elem elem)
{
	Ctx *cx = n->cx;
	const Tensor *t = node_tensor(n, "default_tensor");
	if (t && (t->elem != elem || t->count != 1))
		node_fail(n, "attribute default_tensor: one %s wanted", elem_info[elem].name);
	if (t) return b_reshape(cx, val_const(cx, t), 0, NULL);
	if (elem == STR) {
		const char *text = node_str(n, "default_string", "_Unused");
		return b_reshape(cx, b_texts(cx, 1, &text), 0, NULL);
	}
	if (elem_is_float(elem)) return b_scalar(cx, elem, node_float(n, "default_float", -0.0));
	return b_scalar_int(cx, elem, node_int(n, "default_int64", -1));
}

/* Each element of X that is a key becomes that key's value. */
static const Val *labelled(const Node *n, const Tensor *keys, const Tensor *values)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "X");
	if (!keys || !values || keys->count != values->count || !keys->count)
		node_fail(n, "as many keys as values wanted, %lld and %lld seen", keys ? (long long)keys->count : 0LL,
			values ? (long long)values->count : 0LL);
	if (keys->elem != x->type->elem)
		node_fail(n, "input X: %s wanted, as the keys are, %s seen", elem_info[keys->elem].name,
			type_str(cx, x->type));
	const Dim *count = dim_int(cx, keys->count);
	const int last = x->type->rank;
	const Val *key = b_reshape(cx, val_const(cx, keys), 1, &count), *wide = b_unsqueeze(cx, x, last);
	const Val *same = binary(cx, OP_EW_eq, wide, key);
	if (elem_is_float(keys->elem)) /* NaN is a key like any other */
		same = binary(cx, OP_EW_or, same,
			binary(cx, OP_EW_and, b_ew1(cx, OP_EW_isnan, wide), b_ew1(cx, OP_EW_isnan, key)));
	const Val *found = b_reduce(cx, "max", same, 1, &last, false);
	const Val *at = b_argreduce(cx, "max", b_cast(cx, same, U8), last, true); /* of equal keys the last */
	const Val *label = b_gather(cx, b_reshape(cx, val_const(cx, values), 1, &count), at, 0);
	return b_select(cx, found, label, default_label(n, values->elem));
}

static void import_label_encoder(Node *n, const Val **out)
{
	out[0] = labelled(n, list_of(n, "keys"), list_of(n, "values"));
}

/* Texts and integers, each to the other; LabelEncoder 1 counts the texts from 0. */
static void import_text_mapper(Node *n, const Val **out)
{
	const bool counted = n->op[0] == 'L', from_texts = node_in(n, 0, "X")->type->elem == STR;
	const Tensor *texts = list_of(n, counted ? "classes" : "cats"),
		     *ints = counted ? NULL : list_of_ints(n, "cats_int64s");
	if (counted && texts) {
		Tensor *places = tensor_new(n->cx->arena, I64, 1, &texts->count);
		for (int64_t i = 0; i < texts->count; i++) tensor_set_int(places, i, i);
		ints = places;
	}
	out[0] = from_texts ? labelled(n, texts, ints) : labelled(n, ints, texts);
}

#define ML "ai.onnx.ml"

const Importer onnx_ops_ml[] = {
	{ML, "TreeEnsemble", 5, 0,
		"aggregate_function leaf_targetids leaf_weights membership_values n_targets nodes_falseleafs nodes_falsenodeids "
		"nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes nodes_splits nodes_trueleafs "
		"nodes_truenodeids post_transform tree_roots",
		1, 1, 1, import_tree_ensemble},
	{ML, "CategoryMapper", 1, 0, "cats_int64s cats_strings default_int64 default_string", 1, 1, 1,
		import_text_mapper},
	{ML, "LabelEncoder", 1, 1, "classes_strings default_int64 default_string", 1, 1, 1, import_text_mapper},
	{ML, "LabelEncoder", 2, 3,
		"default_float default_int64 default_string keys_floats keys_int64s keys_strings values_floats values_int64s "
		"values_strings",
		1, 1, 1, import_label_encoder},
	{ML, "LabelEncoder", 4, 0,
		"default_float default_int64 default_string default_tensor keys_floats keys_int64s keys_strings keys_tensor "
		"values_floats values_int64s values_strings values_tensor",
		1, 1, 1, import_label_encoder},
	{.op = NULL},
};
