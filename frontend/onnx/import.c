/* import.c: from a checked model to a graph: scopes, nodes, functions.
 *
 * Nodes come in order and each name is defined once (check.c), so importing is one walk: resolve the inputs' names, find
 * who knows the operator (a function of the model, a row of a table, an operator of the library), refuse what it does not
 * know, bind the outputs.  Subgraphs are imported by their node (subgraph.c), functions are expanded where they are called.
 */
#include "frontend/lang/lang.h"
#include "frontend/onnx/operands.h"

#include <assert.h>
#include <string.h>

const Importer *const onnx_tables[] = {onnx_ops_elementwise, onnx_ops_shape, onnx_ops_slice, onnx_ops_rearrange,
	onnx_ops_index, onnx_ops_select, onnx_ops_reduce, onnx_ops_generate, onnx_ops_nn, onnx_ops_conv, onnx_ops_pool,
	onnx_ops_resize, onnx_ops_sample, onnx_ops_roi, onnx_ops_attention, onnx_ops_einsum, onnx_ops_loss,
	onnx_ops_signal, onnx_ops_nms, onnx_ops_quant, onnx_ops_rnn, onnx_ops_control, onnx_ops_loop, onnx_ops_sequence,
	onnx_ops_training, onnx_ops_gradient, onnx_ops_text, onnx_ops_strings, onnx_ops_regex, onnx_ops_random,
	onnx_ops_ml, NULL};

enum { MAX_NODES = 1 << 18 }; /* with functions and bodies expanded: 30 functions that call each other twice are 2^30 */

/* ---------------------------------------------------------------------------------------------------- scopes */

typedef struct {
	const Val *val; /* NULL: not yet made from ... */
	const Onnx__TensorProto *tensor;
	const Onnx__SparseTensorProto *sparse;
} Binding;

void scope_put(Run *run, Scope *scope, const char *name, const Val *v)
{
	Binding *b = NEW(run->cx->arena, Binding);
	b->val = v;
	map_put(&scope->names, intern(run->cx, name), b);
}

void scope_put_tensor(Run *run, Scope *scope, const char *name, const Onnx__TensorProto *tensor,
	const Onnx__SparseTensorProto *sparse)
{
	Ctx *cx = run->cx;
	if (map_get(&scope->names, intern(cx, name))) return; /* a body's input: the initialiser is its default */
	Binding *b = NEW(cx->arena, Binding);
	*b = (Binding){.tensor = tensor, .sparse = sparse};
	map_put(&scope->names, intern(cx, name), b);
}

const Val *scope_find(Run *run, Scope *scope, const char *name)
{
	Ctx *cx = run->cx;
	Binding *b = (Binding *)(uintptr_t)map_get(&scope->names, intern(cx, name));
	if (b) {
		const char *dir = run->model->dir;
		if (!b->val)
			b->val = val_const(cx,
				b->tensor ? onnx_tensor(cx, b->tensor, dir) : onnx_sparse_tensor(cx, b->sparse, dir));
		return b->val;
	}
	const Val *outer = scope->outer ? scope_find(run, scope->outer, name) : NULL;
	/* NULL: an input that the caller omitted */
	return outer && scope->captures ? capture(run, scope->captures, outer, name) : outer;
}

/* ---------------------------------------------------------------------------------------------------- who knows it */

/* Is `word` one of the space-separated words? */
static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = words; at && (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
	return false;
}

static const Importer *find_row(const Node *n, bool *other_version)
{
	*other_version = false;
	for (int t = 0; onnx_tables[t]; t++)
		for (const Importer *row = onnx_tables[t]; row->op; row++) {
			if (strcmp(row->op, n->op) != 0 || strcmp(row->domain, n->domain) != 0) continue;
			if (row->since <= n->opset && (row->until == 0 || n->opset <= row->until)) return row;
			*other_version = true;
		}
	return NULL;
}

static void check_arity(const Node *n, int min_in, int max_in, int max_out)
{
	if (n->n_in < min_in || (max_in >= 0 && n->n_in > max_in))
		node_fail(n, min_in == max_in ? "%d inputs wanted, %d seen" : "at least %d inputs wanted, %d seen",
			n->n_in < min_in ? min_in : max_in, n->n_in);
	if (max_out >= 0 && n->n_out > max_out)
		node_fail(n, "has %d outputs, at most %d are supported", n->n_out, max_out);
}

static void check_attrs(const Node *n, const char *known)
{
	const Onnx__NodeProto *proto = n->core->proto;
	for (size_t i = 0; i < proto->n_attribute; i++)
		if (!has_word(known, proto->attribute[i]->name))
			node_fail(n, "attribute %s is not supported", onnx_quote(n->cx, proto->attribute[i]->name));
}

/* ---------------------------------------------------------------------------------------------------- the library */

/* The node's attributes as the library's arguments. */
static int lib_attrs(const Node *n, LibAttr *attrs)
{
	const Onnx__NodeProto *proto = n->core->proto;
	int count = 0;
	for (size_t i = 0; i < proto->n_attribute; i++) {
		const Onnx__AttributeProto *a = resolve_attr(n->core->scope->frame, proto->attribute[i]);
		if (!a) continue; /* a reference to what the call does not give */
		LibAttr *to = &attrs[count++];
		to->name = proto->attribute[i]->name;
		switch ((int)onnx_attr_type(a)) {
		case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: to->kind = LIB_NUM, to->num = (double)a->i; break;
		case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: to->kind = LIB_NUM, to->num = (double)a->f; break;
		case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
			to->kind = LIB_STR, to->str = node_str(n, to->name, "");
			break;
		case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
			to->kind = LIB_INTS, to->n = node_ints(n, to->name, &to->ints);
			break;
		default:
			node_fail(n, "attribute %s: a value of type %s is not supported", to->name,
				onnx_attr_type_name(onnx_attr_type(a)));
		}
	}
	return count;
}

static bool import_from_library(const Node *n, const Val **out)
{
	const char *op = lib_find_onnx(n->cx, n->domain, n->op, n->opset), *known;
	if (!op) return false;
	int min_args, max_args, n_results;
	lib_signature(n->cx, op, &known, &min_args, &max_args, &n_results);
	check_arity(n, min_args, max_args, n_results);
	check_attrs(n, known ? known : "");
	if (cast_texts(n, out)) return true;
	LibAttr *attrs = NEWN(n->cx->arena, LibAttr, n->core->proto->n_attribute);
	int n_attrs = lib_attrs(n, attrs);
	const Val **results = NEWN(n->cx->arena, const Val *, n_results);
	lib_call(n->cx, op, n->n_in, n->in, n_attrs, attrs, n_results, results);
	for (int i = 0; i < n->n_out; i++) out[i] = results[i];
	return true;
}

/* ---------------------------------------------------------------------------------------------------- functions */

static void expand_function(const Node *n, const Onnx__FunctionProto *f, const Val **out)
{
	Run *run = n->core->run;
	Ctx *cx = n->cx;
	for (const Frame *outer = n->core->scope->frame; outer; outer = outer->up)
		if (outer->function == f) node_fail(n, "function %s calls itself", onnx_quote(cx, f->name));
	if (++run->depth > MAX_DEPTH) node_fail(n, "subgraphs and functions are nested more than %d deep", MAX_DEPTH);
	check_arity(n, 0, (int)f->n_input, (int)f->n_output);
	for (size_t i = 0; i < n->core->proto->n_attribute; i++) {
		const char *name = n->core->proto->attribute[i]->name;
		bool known = false;
		for (size_t k = 0; k < f->n_attribute; k++) known |= strcmp(f->attribute[k], name) == 0;
		for (size_t k = 0; k < f->n_attribute_proto; k++)
			known |= f->attribute_proto[k]->name && strcmp(f->attribute_proto[k]->name, name) == 0;
		if (!known)
			node_fail(n, "function %s has no attribute %s", onnx_quote(cx, f->name), onnx_quote(cx, name));
	}
	Opsets opsets = {f->n_opset_import, f->opset_import, run->model->proto->ir_version};
	const Frame *up = n->core->scope->frame;
	Frame frame = {up, f, n->core->proto, up ? up->loc : cx->loc};
	Scope *caller = n->core->scope;
	const uint64_t place = hash_bytes(caller->place, cx->loc, strlen(cx->loc));
	Scope scope = {.opsets = &opsets, .frame = &frame, .caller = caller, .place = place};
	map_init(&scope.names, cx->arena);
	for (int i = 0; i < n->n_in; i++)
		if (n->in[i]) scope_put(run, &scope, f->input[i], n->in[i]);
	import_nodes(run, &scope, f->n_node, f->node);
	for (int i = 0; i < n->n_out; i++) out[i] = scope_find(run, &scope, f->output[i]);
	run->depth--;
}

/* ---------------------------------------------------------------------------------------------------- nodes */

/* Sequences may go only where somebody expects them. */
static void check_sequences(const Node *n, const Importer *row)
{
	for (int t = 0; onnx_tables[t] && row; t++)
		for (const Importer *r = onnx_tables[t]; r->op; r++)
			if (r == row &&
				(onnx_tables[t] == onnx_ops_sequence || onnx_tables[t] == onnx_ops_loop ||
					onnx_tables[t] == onnx_ops_control))
				return;
	for (int i = 0; i < n->n_in; i++)
		if (n->in[i] && n->in[i]->type->is_tuple) node_fail(n, "a sequence as input %d is not supported", i);
}

static void import_operator(Node *n, const Val **out)
{
	bool other_version;
	const Importer *row = find_row(n, &other_version);
	const Onnx__FunctionProto *f = onnx_find_function(n->cx, n->core->run->model, n->core->proto);
	if (!f) check_input_types(n);
	if (f) {
		expand_function(n, f, out);
	} else if (row) {
		check_sequences(n, row);
		check_arity(n, row->min_in, row->max_in, row->max_out);
		check_attrs(n, row->attrs);
		row->import(n, out);
	} else {
		check_sequences(n, NULL);
		if (!import_from_library(n, out))
			node_fail(n,
				other_version ? "this version of the operator is not supported"
					      : "operator not supported");
	}
}

static void import_node(Run *run, Scope *scope, const Onnx__NodeProto *proto)
{
	Ctx *cx = run->cx;
	if (++run->n_nodes > MAX_NODES) fail(cx, "functions and bodies expand to more than %d nodes", MAX_NODES);
	struct Importing core = {run, scope, proto};
	Node n = {.cx = cx,
		.op = proto->op_type,
		.domain = onnx_domain(proto->domain),
		.name = proto->name,
		.core = &core};
	n.opset = onnx_opset(scope->opsets, n.domain);
	if (!n.name) n.name = "";
	const char *own = onnx_node_loc(cx, proto, n.opset);
	cx->loc = scope->frame ? arena_printf(cx->arena, "%s: %s", scope->frame->loc, own) : own;

	const Val **in = NEWN(cx->arena, const Val *, proto->n_input),
		  **out = NEWN(cx->arena, const Val *, proto->n_output);
	for (size_t i = 0; i < proto->n_input; i++) {
		in[i] = *proto->input[i] ? scope_find(run, scope, proto->input[i]) : NULL;
		if (in[i]) n.n_in = (int)i + 1;
	}
	n.in = in;
	bool *wanted = NEWN(cx->arena, bool, proto->n_output);
	for (size_t i = 0; i < proto->n_output; i++) {
		wanted[i] = *proto->output[i] != '\0';
		if (wanted[i]) n.n_out = (int)i + 1;
	}
	n.out_wanted = wanted;

	const int first_check = run->n_checks;
	import_operator(&n, out);
	for (int i = 0; i < n.n_out; i++) {
		if (wanted[i] && !out[i])
			node_fail(&n, "output %d, %s, is not supported", i, onnx_quote(cx, proto->output[i]));
		if (wanted[i]) out[i] = as_declared(&n, out[i], proto->output[i]);
	}
	for (int i = 0; i < n.n_out; i++) {
		for (int k = first_check; wanted[i] && !out[i]->type->is_tuple && k < run->n_checks; k++)
			out[i] = b_after(cx, out[i], run->checks[k]);
		if (wanted[i]) scope_put(run, scope, proto->output[i], out[i]);
	}
	run->n_checks = first_check;
}

void import_nodes(Run *run, Scope *scope, size_t n, Onnx__NodeProto *const *nodes)
{
	const char *loc = run->cx->loc;
	scope->nodes = nodes;
	for (size_t i = 0; i < n; i++) {
		import_node(run, scope, nodes[i]);
		scope->n_nodes++;
	}
	run->cx->loc = loc;
}

/* ---------------------------------------------------------------------------------------------------- the model */

/* The graph's results: an output that is a sequence is its elements, one that is an absent optional is nothing. */
typedef struct {
	int n, cap;
	const Val **vals;
	const char **names;
} Results;

static void add_result(Run *run, Results *r, const char *name, const Val *v)
{
	Ctx *cx = run->cx;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 8;
		const Val **vals = NEWN(cx->arena, const Val *, r->cap);
		const char **names = NEWN(cx->arena, const char *, r->cap);
		copy_vals(vals, r->vals, r->n);
		copy_names(names, r->names, r->n);
		r->vals = vals, r->names = names;
	}
	r->names[r->n] = name;
	r->vals[r->n++] = val_keep_sizers(cx, v, run->n_sizers, run->sizers);
}

static void add_output(Run *run, Results *r, const char *name, const Val *v)
{
	Ctx *cx = run->cx;
	const Onnx__GraphProto *g = run->model->proto->graph;
	if (is_absent(v)) return;
	if (!is_sequence(v)) {
		add_result(run, r, name, v);
		return;
	}
	const Val **elements;
	int n = sequence_elements(cx, v, &elements);
	if (n < 0)
		fail(cx,
			"output %s: a sequence of more elements than %d, or of a number that only run time knows, is not "
			"supported",
			onnx_quote(cx, name), ONNX_MAX_ELEMENTS);
	for (int i = 0; i < n; i++) {
		const char *element = onnx_element_name(cx, name, true, i);
		for (size_t k = 0; k < g->n_output; k++)
			if (strcmp(g->output[k]->name, element) == 0)
				fail(cx, "output %s is also the name of an element of %s", onnx_quote(cx, element),
					onnx_quote(cx, name));
		add_result(run, r, element, elements[i]);
	}
}

static const Graph *import_once(Run *run)
{
	Ctx *cx = run->cx;
	const Onnx__ModelProto *m = run->model->proto;
	const Onnx__GraphProto *g = m->graph;
	Opsets opsets = {m->n_opset_import, m->opset_import, m->ir_version};
	Scope scope = {.opsets = &opsets};
	map_init(&scope.names, cx->arena);
	map_init(&run->dim_names, cx->arena);
	map_init(&run->symbols, cx->arena);
	map_init(&run->open, cx->arena);
	note_declared(run, &scope, g);
	const Val **params;
	const char **names;
	int n_params = import_inputs(run, &scope, &params, &names);
	import_nodes(run, &scope, g->n_node, g->node);
	const Val **outputs = NEWN(cx->arena, const Val *, g->n_output);
	Results r = {0};
	for (size_t i = 0; i < g->n_output; i++) {
		outputs[i] = scope_find(run, &scope, g->output[i]->name);
		assert(outputs[i]);
		add_output(run, &r, g->output[i]->name, outputs[i]);
	}
	if (r.n == 0) fail(cx, "all outputs are empty sequences or absent optionals, which is not supported");
	note_outputs(run, outputs);
	const Graph *graph =
		graph_new(cx, g->name && *g->name ? g->name : "main", n_params, params, names, r.n, r.vals, r.names);
	return run->options && run->options->keep_texts ? graph : without_texts(cx, graph);
}

/* NULL: cx->error says why. */
static const Graph *attempt(Run *run)
{
	const Graph *volatile graph = NULL;
	TRY (run->cx) { graph = import_once(run); }
	return graph;
}

const Graph *onnx_import(Ctx *cx, const OnnxModel *model, const OnnxImportOptions *options)
{
	Map equal;
	map_init(&equal, cx->arena);
	/* Each restart makes one more symbol disappear, so this ends. */
	for (;;) {
		Run run = {.cx = cx, .model = model, .options = options, .equal = &equal};
		const Graph *graph = attempt(&run);
		if (graph) return graph;
		if (!run.restart) fail(cx, "%s", cx->error);
	}
}
