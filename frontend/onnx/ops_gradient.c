/* ops_gradient.c: Gradient of ai.onnx.preview.training.
 *
 *     dY/dW, dY/dZ = Gradient(W, Z, X; xs = ["W", "Z"], zs = ["X"], y = "Y")
 *
 * The attributes name tensors, and so the function that is differentiated: Y in terms of the xs and zs, through the nodes
 * before this one.  The inputs are the values at which; they may be others than the tensors of those names.  So the nodes
 * that lead from the xs and zs to y are imported once more, on parameters, as a closed graph; that is differentiated
 * (passes/gradient.c) and put in place on the inputs.  Where these are the named tensors themselves, the forward values are the
 * same values again.  What y needs besides, an initialiser or a tensor that no x and no z leads to, has the value that it has
 * in the model.
 *
 * y may have any shape: gradients are those of the sum of its elements.  An x that y does not depend on has gradient zero.
 */
#include "frontend/onnx/compose.h"
#include "passes/gradient.h"
#include "passes/passes.h"

#include <string.h>

typedef struct {
	const Node *n;
	Run *run;
	const char *y;
	int n_xs, n_cuts;        /* cuts: xs, then zs */
	const char *const *cuts; /* interned */
	Map cut;                 /* name -> itself */
	int n_nodes;
	Onnx__NodeProto **nodes; /* all that are there; then those that lead from a cut to y */
	Map marked;              /* names: what depends on a cut; what y needs */
} Function;

/* ---------------------------------------------------------------------------------------------------- names */

/* Is there a value of that name, here or in an outer graph? */
static bool is_there(const Node *n, const char *name)
{
	for (const Scope *s = n->core->scope; s; s = s->outer)
		if (map_get(&s->names, name)) return true;
	return false;
}

static const char *known_name(const Node *n, const char *attr, const char *name)
{
	name = intern(n->cx, name);
	if (!*name || !is_there(n, name))
		node_fail(n, "attribute %s: no tensor before the node is called %s", attr, onnx_quote(n->cx, name));
	return name;
}

static void read_cuts(Function *f)
{
	const Node *n = f->n;
	static const char *const attrs[] = {"xs", "zs"};
	const char *const *names[2] = {NULL, NULL};
	int counts[2];
	for (int k = 0; k < 2; k++) {
		counts[k] = node_strs(n, attrs[k], &names[k]);
		if (counts[k] < 0) counts[k] = 0;
	}
	f->n_xs = counts[0];
	f->n_cuts = counts[0] + counts[1];
	if (f->n_xs == 0) node_fail(n, "attribute xs names nothing");
	if (f->n_cuts != n->n_in) node_fail(n, "%d inputs for the %d names of xs and zs", n->n_in, f->n_cuts);
	if (n->n_out > f->n_xs) node_fail(n, "%d outputs for the %d names of xs", n->n_out, f->n_xs);
	const char **cuts = NEWN(n->cx->arena, const char *, f->n_cuts);
	map_init(&f->cut, n->cx->arena);
	for (int i = 0; i < f->n_cuts; i++) {
		const int k = i >= f->n_xs;
		cuts[i] = known_name(n, attrs[k], names[k][i - k * f->n_xs]);
		if (map_get(&f->cut, cuts[i]))
			node_fail(n, "attribute %s: %s is there twice", attrs[k], onnx_quote(n->cx, cuts[i]));
		map_put(&f->cut, cuts[i], cuts[i]);
	}
	f->cuts = cuts;
}

/* ---------------------------------------------------------------------------------------------------- nodes */

typedef void Visit(Function *, const char *name, void *user);

static void each_string(Function *f, size_t n, const ProtobufCBinaryData *strings, Visit *visit, void *user)
{
	Ctx *cx = f->n->cx;
	for (size_t i = 0; i < n; i++)
		if (strings[i].len)
			visit(f, intern(cx, arena_strn(cx->arena, (const char *)strings[i].data, strings[i].len)),
				user);
}

/* Calls visit on each name that a node may read: its inputs, those of the nodes in its bodies, and what a Gradient names. */
static void each_name(Function *f, const Onnx__NodeProto *node, Visit *visit, void *user)
{
	Ctx *cx = f->n->cx;
	for (size_t i = 0; i < node->n_input; i++)
		if (*node->input[i]) visit(f, intern(cx, node->input[i]), user);
	for (size_t k = 0; k < node->n_attribute; k++) {
		const Onnx__AttributeProto *a = resolve_attr(f->n->core->scope->frame, node->attribute[k]);
		if (!a) continue;
		if (a->g) {
			for (size_t i = 0; i < a->g->n_node; i++) each_name(f, a->g->node[i], visit, user);
			for (size_t i = 0; i < a->g->n_output; i++) visit(f, intern(cx, a->g->output[i]->name), user);
		}
		if (strcmp(node->op_type, f->n->op) != 0) continue;
		each_string(f, a->n_strings, a->strings, visit, user);
		each_string(f, a->has_s ? 1 : 0, &a->s, visit, user);
	}
}

/* Those that have been imported, outer graphs first, each once: the scope of another Gradient has some again. */
static void find_nodes(Function *f, const Scope *scope, Map *seen)
{
	if (!scope) return;
	find_nodes(f, scope->outer, seen);
	Onnx__NodeProto **all = NEWN(f->n->cx->arena, Onnx__NodeProto *, f->n_nodes + scope->n_nodes);
	for (int i = 0; i < f->n_nodes; i++) all[i] = f->nodes[i];
	f->nodes = all;
	for (int i = 0; i < scope->n_nodes; i++)
		if (!map_get(seen, scope->nodes[i])) map_put(seen, all[f->n_nodes++] = scope->nodes[i], f);
}

static void look_for(Function *f, const char *name, void *found)
{
	if (map_get(&f->marked, name)) *(bool *)found = true;
}

static void mark(Function *f, const char *name, void *unused)
{
	(void)unused;
	map_put(&f->marked, name, name);
}

/* Keeps the nodes that lead from the cuts to y. */
static void choose_nodes(Function *f)
{
	const Node *n = f->n;
	Ctx *cx = n->cx;
	bool *leads = NEWN(cx->arena, bool, f->n_nodes);
	map_init(&f->marked, cx->arena);
	for (int i = 0; i < f->n_cuts; i++) mark(f, f->cuts[i], NULL);
	for (int i = 0; i < f->n_nodes; i++) { /* from the cuts on */
		const Onnx__NodeProto *node = f->nodes[i];
		each_name(f, node, look_for, &leads[i]);
		for (size_t k = 0; k < node->n_output && leads[i]; k++) {
			const char *name = intern(cx, node->output[k]);
			if (map_get(&f->cut, name))
				node_fail(n, "%s in xs or zs is computed from others there", onnx_quote(cx, name));
			if (*name) mark(f, name, NULL);
		}
	}
	map_init(&f->marked, cx->arena);
	mark(f, f->y, NULL);
	for (int i = f->n_nodes - 1; i >= 0; i--) { /* back from y */
		const Onnx__NodeProto *node = f->nodes[i];
		bool gives = false;
		for (size_t k = 0; k < node->n_output; k++) look_for(f, intern(cx, node->output[k]), &gives);
		leads[i] &= gives;
		if (leads[i]) each_name(f, node, mark, NULL);
	}
	int kept = 0;
	for (int i = 0; i < f->n_nodes; i++)
		if (leads[i]) f->nodes[kept++] = f->nodes[i];
	f->run->n_nodes +=
		f->n_nodes / 16; /* looking at all of them for each of thousands of such nodes is work, too */
	f->n_nodes = kept;
}

/* ---------------------------------------------------------------------------------------------------- the function */

static const Graph *closed_graph(Function *f, const Val *const **captured, int *n_captured)
{
	const Node *n = f->n;
	Ctx *cx = n->cx;
	Run *run = f->run;
	Scope *outer = n->core->scope;
	Captures captures = {.n_own = f->n_cuts};
	map_init(&captures.known, cx->arena);
	Scope scope = {.outer = outer,
		.captures = &captures,
		.opsets = outer->opsets,
		.frame = outer->frame,
		.place = outer->place};
	map_init(&scope.names, cx->arena);
	const Val **own = NEWN(cx->arena, const Val *, f->n_cuts);
	params_like(cx, own, 0, f->n_cuts, n->in);
	for (int i = 0; i < f->n_cuts; i++) scope_put(run, &scope, f->cuts[i], own[i]);
	if (++run->depth > MAX_DEPTH) node_fail(n, "derivatives of derivatives more than %d deep", MAX_DEPTH);
	const int n_sizers = run->n_sizers;
	import_nodes(run, &scope, (size_t)f->n_nodes, f->nodes);
	if (run->n_sizers > n_sizers)
		node_fail(n, "%s is computed through a size that only run time knows, which is not supported",
			onnx_quote(cx, f->y));
	run->depth--;
	const Val *y = scope_find(run, &scope, f->y);
	if (!y || y->type->is_tuple || !has_gradient(y->type) || elem_is_storage(y->type->elem))
		node_fail(n, "attribute y: a tensor of floats wanted, %s is %s", onnx_quote(cx, f->y),
			y ? type_str(cx, y->type) : "omitted");
	const int n_params = f->n_cuts + captures.n;
	const Val **params = NEWN(cx->arena, const Val *, n_params);
	const char **names = NEWN(cx->arena, const char *, n_params);
	copy_vals(params, own, f->n_cuts);
	copy_vals(params + f->n_cuts, captures.params, captures.n);
	copy_names(names, f->cuts, f->n_cuts);
	copy_names(names + f->n_cuts, captures.names, captures.n);
	*captured = captures.outer;
	*n_captured = captures.n;
	return pass_inline(cx, graph_new(cx, "differentiated", n_params, params, names, 1, &y, &f->y));
}

static void import_gradient(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	Function f = {.n = n, .run = n->core->run};
	Map seen;
	map_init(&seen, cx->arena);
	if (!node_has(n, "y")) node_fail(n, "attribute y is missing");
	f.y = known_name(n, "y", node_str(n, "y", ""));
	read_cuts(&f);
	for (int i = 0; i < f.n_cuts; i++) {
		const Type *t = node_in(n, i, f.cuts[i])->type;
		if (i < f.n_xs && (!has_gradient(t) || elem_is_storage(t->elem)))
			node_fail(n, "attribute xs: %s is %s, and only floats have a gradient",
				onnx_quote(cx, f.cuts[i]), type_str(cx, t));
	}
	find_nodes(&f, n->core->scope, &seen);
	choose_nodes(&f);
	const Val *const *captured;
	int n_captured, n_args = f.n_cuts;
	const Graph *g = closed_graph(&f, &captured, &n_captured);
	bool *wanted = NEWN(cx->arena, bool, g->n_params);
	for (int i = 0; i < n->n_out; i++) wanted[i] = n->out_wanted[i];
	const Graph *d = gradient_graph(cx, g, &(bool){true}, wanted);
	const Val **args = NEWN(cx->arena, const Val *, d->n_params),
		  **grads = NEWN(cx->arena, const Val *, d->n_results);
	copy_vals(args, n->in, f.n_cuts);
	copy_vals(args + n_args, captured, n_captured);
	const Type *y = g->results[0]->type;
	args[g->n_params] = b_fill(cx, b_scalar(cx, y->elem, 1), y->rank, y->dims);
	graph_splice(cx, d, args, grads);
	for (int i = 0, k = 0; i < n->n_out; i++)
		if (wanted[i]) out[i] = grads[k++];
}

const Importer onnx_ops_gradient[] = {
	{"ai.onnx.preview.training", "Gradient", 1, 0, "xs y zs", 1, -1, -1, import_gradient},
	{.op = NULL},
};
