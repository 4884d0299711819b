/* check.c: is an unpacked model well formed?
 *
 * protobuf only promises that bytes are messages.  Here: required parts are present, enums are in range, versions are
 * known, each name is defined once and before its use (so there are no cycles), in the graph, in subgraphs (which see the
 * names around them) and in functions (which do not).  Source: ONNX's docs/IR.md.
 */
#include "frontend/onnx/model.h"

#include <string.h>

/* The names of one graph, interned, and the graph around it. */
typedef struct Names Names;
struct Names {
	const Names *outer;
	Map set;
};

typedef struct {
	Ctx *cx;
	const OnnxModel *model;
	Opsets opsets;
	const char *where; /* "graph" or a function's name */
} Check;

/* Far beyond any real model; keeps the pairwise comparisons below cheap. */
enum { MAX_ATTRIBUTES = 1000, MAX_OPSETS = 1000 };

static Names names_new(Ctx *cx, const Names *outer)
{
	Names s = {.outer = outer};
	map_init(&s.set, cx->arena);
	return s;
}

static bool names_put(Ctx *cx, Names *s, const char *name)
{
	const char *key = intern(cx, name);
	if (map_get(&s->set, key)) return false;
	map_put(&s->set, key, key);
	return true;
}

static bool defined(Ctx *cx, const Names *names, const char *name)
{
	const char *key = intern(cx, name);
	for (const Names *s = names; s; s = s->outer)
		if (map_get(&s->set, key)) return true;
	return false;
}

static _Noreturn void node_error(Check *k, const Onnx__NodeProto *node, const char *message, const char *name)
{
	const char *loc = onnx_node_loc(k->cx, node, onnx_opset(&k->opsets, onnx_domain(node->domain)));
	fail(k->cx, "%s: %s: %s%s%s", k->where, loc, message, name ? " " : "", name ? onnx_quote(k->cx, name) : "");
}

static void check_graph(Check *, const Onnx__GraphProto *, const Names *outer, bool in_function);

/* ------------------------------------------------------------------------------------------------------ nodes */

/* What is wrong with an attribute that has its value here; NULL: nothing. */
static const char *wrong_value(const Onnx__AttributeProto *a)
{
	bool whole = true;
	switch ((int)onnx_attr_type(a)) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED: return "has no type: attribute";
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: whole = a->has_f; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: whole = a->has_i; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: whole = a->has_s; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: whole = a->t != NULL; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH: whole = a->g != NULL; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR: whole = a->sparse_tensor != NULL; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO: whole = a->tp != NULL; break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSORS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSORS:
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTOS: break; /* may be empty */
	default: return "has an unknown type: attribute";
	}
	return whole ? NULL : "has a type but no value: attribute";
}

static void check_attribute(Check *k, const Onnx__NodeProto *node, size_t i, const Names *names, bool in_function)
{
	const Onnx__AttributeProto *a = node->attribute[i];
	if (!a->name || !*a->name) node_error(k, node, "an attribute has no name", NULL);
	for (size_t j = 0; j < i; j++)
		if (strcmp(node->attribute[j]->name, a->name) == 0)
			node_error(k, node, "is given twice: attribute", a->name);
	if (a->ref_attr_name && *a->ref_attr_name) {
		if (!in_function)
			node_error(k, node, "refers to an attribute outside of a function: attribute", a->name);
		return;
	}
	const char *wrong = wrong_value(a);
	if (wrong) node_error(k, node, wrong, a->name);
	if (a->g) check_graph(k, a->g, names, in_function);
	for (size_t g = 0; g < a->n_graphs; g++) check_graph(k, a->graphs[g], names, in_function);
}

/* Why the input `name` of nodes[at] is not defined; for the message. */
static const char *why_undefined(Onnx__NodeProto *const *nodes, size_t n_nodes, size_t at, const char *name)
{
	for (size_t i = at; i < n_nodes; i++)
		for (size_t o = 0; o < nodes[i]->n_output; o++)
			if (strcmp(nodes[i]->output[o], name) == 0)
				return i == at
					? "its input is its own output:"
					: "its input is computed by a later node (the nodes are unsorted, or in a cycle):";
	return "nothing computes its input";
}

static void check_nodes(Check *k, Onnx__NodeProto *const *nodes, size_t n_nodes, Names *names, bool in_function)
{
	for (size_t i = 0; i < n_nodes; i++) {
		const Onnx__NodeProto *node = nodes[i];
		if (!node->op_type || !*node->op_type) node_error(k, node, "the node names no operator", NULL);
		if (!onnx_opset(&k->opsets, onnx_domain(node->domain)))
			node_error(k, node, "no version is imported for the operator's domain",
				node->domain ? node->domain : "");
		for (size_t j = 0; j < node->n_input; j++)
			if (*node->input[j] && !defined(k->cx, names, node->input[j]))
				node_error(k, node, why_undefined(nodes, n_nodes, i, node->input[j]), node->input[j]);
		if (node->n_attribute > MAX_ATTRIBUTES) node_error(k, node, "has too many attributes", NULL);
		for (size_t j = 0; j < node->n_attribute; j++) check_attribute(k, node, j, names, in_function);
		for (size_t j = 0; j < node->n_output; j++)
			if (*node->output[j] && !names_put(k->cx, names, node->output[j]))
				node_error(k, node, "defines a name that is already defined:", node->output[j]);
	}
}

/* ------------------------------------------------------------------------------------------------------ graphs */

static void check_graph(Check *k, const Onnx__GraphProto *g, const Names *outer, bool in_function)
{
	Ctx *cx = k->cx;
	Names names = names_new(cx, outer), initialisers = names_new(cx, NULL);
	for (size_t i = 0; i < g->n_input; i++) {
		const char *name = g->input[i]->name;
		if (!name || !*name) fail(cx, "%s: input %zu has no name", k->where, i);
		if (!names_put(cx, &names, name))
			fail(cx, "%s: two inputs are named %s", k->where, onnx_quote(cx, name));
	}
	for (size_t i = 0; i < g->n_initializer + g->n_sparse_initializer; i++) {
		const Onnx__SparseTensorProto *sparse =
			i < g->n_initializer ? NULL : g->sparse_initializer[i - g->n_initializer];
		const Onnx__TensorProto *t = sparse ? sparse->values : g->initializer[i];
		if (!t || !t->name || !*t->name) fail(cx, "%s: initializer %zu has no name", k->where, i);
		if (!names_put(cx, &initialisers, t->name))
			fail(cx, "%s: two initializers are named %s", k->where, onnx_quote(cx, t->name));
		names_put(cx, &names, t->name); /* it may be the default of an input */
	}
	check_nodes(k, g->node, g->n_node, &names, in_function);
	if (g->n_output == 0) fail(cx, "%s: there is no output", k->where);
	for (size_t i = 0; i < g->n_output; i++) {
		const char *name = g->output[i]->name;
		if (!name || !*name) fail(cx, "%s: output %zu has no name", k->where, i);
		if (!defined(cx, &names, name))
			fail(cx, "%s: nothing computes output %s", k->where, onnx_quote(cx, name));
	}
}

static void check_opsets(Check *k)
{
	Ctx *cx = k->cx;
	if (k->opsets.n > MAX_OPSETS) fail(cx, "%s: imports too many operator sets", k->where);
	for (size_t i = 0; i < k->opsets.n; i++) {
		const Onnx__OperatorSetIdProto *set = k->opsets.imports[i];
		const char *domain = onnx_domain(set->domain);
		int64_t newest = *domain ? INT32_MAX : ONNX_NEWEST_OPSET;
		if (set->version < 1 || set->version > newest)
			fail(cx, "%s: opset %lld of domain %s is not known; the newest is %lld", k->where,
				(long long)set->version, *domain ? onnx_quote(cx, domain) : "ai.onnx",
				(long long)newest);
		for (size_t j = 0; j < i; j++)
			if (strcmp(onnx_domain(k->opsets.imports[j]->domain), domain) == 0 &&
				k->opsets.imports[j]->version != set->version)
				fail(cx, "%s: two opsets of domain %s", k->where,
					*domain ? onnx_quote(cx, domain) : "ai.onnx");
	}
}

static void check_function(Check *k, const Onnx__FunctionProto *f)
{
	Ctx *cx = k->cx;
	k->where = arena_printf(cx->arena, "function %s", onnx_quote(cx, f->name));
	k->opsets = (Opsets){f->n_opset_import, f->opset_import, k->model->proto->ir_version};
	check_opsets(k);
	Names names = names_new(cx, NULL);
	for (size_t i = 0; i < f->n_input; i++)
		if (!*f->input[i] || !names_put(cx, &names, f->input[i]))
			fail(cx, "%s: input %zu has no name of its own: %s", k->where, i, onnx_quote(cx, f->input[i]));
	for (size_t i = 0; i < f->n_attribute_proto; i++) { /* defaults */
		const Onnx__AttributeProto *a = f->attribute_proto[i];
		const char *wrong = !a->name || !*a->name ? "has no name: attribute" : wrong_value(a);
		if (wrong) fail(cx, "%s: %s %s", k->where, wrong, onnx_quote(cx, a->name));
		if (a->g)
			fail(cx, "%s: a graph as the default of attribute %s is not supported", k->where,
				onnx_quote(cx, a->name));
	}
	check_nodes(k, f->node, f->n_node, &names, true);
	for (size_t i = 0; i < f->n_output; i++)
		if (!defined(cx, &names, f->output[i]))
			fail(cx, "%s: nothing computes output %s", k->where, onnx_quote(cx, f->output[i]));
}

/* Fills the model's table of functions. */
static void index_functions(Ctx *cx, OnnxModel *m)
{
	map_init(&m->functions, cx->arena);
	for (size_t i = 0; i < m->proto->n_functions; i++) {
		const Onnx__FunctionProto *f = m->proto->functions[i];
		if (!f->name || !*f->name) fail(cx, "model: a function has no name");
		const char *key = onnx_function_key(cx, f->domain, f->name, f->overload);
		if (map_get(&m->functions, key)) fail(cx, "model: two functions are named %s", onnx_quote(cx, f->name));
		map_put(&m->functions, key, f);
	}
}

void onnx_check(Ctx *cx, OnnxModel *m)
{
	const Onnx__ModelProto *p = m->proto;
	if (!p->graph) fail(cx, "model: there is no graph; is this an ONNX file?");
	if (!p->has_ir_version || p->ir_version < 1 || p->ir_version > ONNX_NEWEST_IR)
		fail(cx, "model: IR version %lld is not known; the newest is %d", (long long)p->ir_version,
			ONNX_NEWEST_IR);
	index_functions(cx, m);
	Check k = {.cx = cx, .model = m, .where = "graph"};
	for (size_t i = 0; i < p->n_functions; i++) check_function(&k, p->functions[i]);
	k.where = "graph";
	k.opsets = (Opsets){p->n_opset_import, p->opset_import, p->ir_version};
	check_opsets(&k);
	check_graph(&k, p->graph, NULL, false);
}
