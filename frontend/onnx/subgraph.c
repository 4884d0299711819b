/* subgraph.c: body attributes (then_branch, else_branch, body) as closed graphs.
 *
 * An ONNX subgraph sees every name around it; an IR body has no free variables.  So a name that is found outside becomes
 * a parameter after the body's own ones, and the node's importer passes the outer value as an operand.  What depends on
 * no parameter (constants, shapes) is built again inside instead: the body then knows it.
 */
#include "frontend/onnx/compose.h"

#include <string.h>

enum { MAX_CLOSED_VALS = 64, MAX_SHAPE_ELEMENTS = 64 };

/* ---------------------------------------------------------------------------------------------------- captures */

static bool is_closed_within(const Val *v, int *budget)
{
	if (v->op == OP_const || v->op == OP_dim || v->op == OP_iota) return true;
	if (v->op == OP_param || v->n_args == 0 || --*budget < 0) return false;
	for (int i = 0; i < v->n_args; i++)
		if (!is_closed_within(v->args[i], budget)) return false;
	return true;
}

bool is_closed(const Val *v)
{
	int budget = MAX_CLOSED_VALS;
	return is_closed_within(v, &budget);
}

/* A small integer or bool value whose elements are sizes, written without its operands; NULL where it is something else. */
static const Val *as_shape(Ctx *cx, const Val *v)
{
	const Type *t = v->type;
	int64_t n;
	if (elem_is_float(t->elem) || !dim_is_int(type_count(cx, t), &n) || n < 1 || n > MAX_SHAPE_ELEMENTS)
		return NULL;
	const Dim *dims[MAX_SHAPE_ELEMENTS];
	const Val *parts[MAX_SHAPE_ELEMENTS];
	if (!val_as_dims(cx, v, (int)n, dims)) return NULL;
	const Dim *one = dim_int(cx, 1);
	for (int i = 0; i < (int)n; i++) parts[i] = b_reshape(cx, b_dim(cx, dims[i]), 1, &one);
	const Val *all = n == 1 ? parts[0] : b_concat(cx, (int)n, parts, 0);
	return b_reshape(cx, b_cast(cx, all, t->elem), t->rank, t->dims);
}

static const Val *new_capture(Run *run, Captures *c, const Val *outer, const char *name)
{
	Ctx *cx = run->cx;
	if (c->n == c->cap) {
		int cap = c->cap ? 2 * c->cap : 8;
		const Val **outers = NEWN(cx->arena, const Val *, cap), **params = NEWN(cx->arena, const Val *, cap);
		const char **names = NEWN(cx->arena, const char *, cap);
		for (int i = 0; i < c->n; i++)
			outers[i] = c->outer[i], params[i] = c->params[i], names[i] = c->names[i];
		c->outer = outers, c->params = params, c->names = names, c->cap = cap;
	}
	c->outer[c->n] = outer;
	c->params[c->n] = val_param(cx, c->n_own + c->n, outer->type);
	c->names[c->n] = name;
	return c->params[c->n++];
}

const Val *capture(Run *run, Captures *c, const Val *outer, const char *name)
{
	Ctx *cx = run->cx;
	const Val *inner = map_get(&c->known, outer);
	if (inner) return inner;
	if (is_absent(outer)) {
		inner = outer;
	} else if (is_sequence(outer)) {
		const Val **chunks = NEWN(cx->arena, const Val *, outer->n_args);
		for (int i = 0; i < outer->n_args; i++) chunks[i] = capture(run, c, outer->args[i], name);
		inner = sequence_new(cx, outer->n_args, chunks);
	} else if (is_closed(outer)) {
		inner = outer;
	} else {
		inner = as_shape(cx, outer);
		if (!inner) inner = new_capture(run, c, outer, name);
	}
	map_put(&c->known, outer, inner);
	return inner;
}

/* ---------------------------------------------------------------------------------------------------- bodies */

bool body_wants_vector(const Node *n, const char *attr, int i)
{
	const Onnx__GraphProto *g = node_graph_proto(n, attr);
	const Onnx__TypeProto *t = (size_t)i < g->n_input ? g->input[i]->type : NULL;
	return t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && t->tensor_type->shape &&
		t->tensor_type->shape->n_dim == 1;
}

/* The results of a body whose inputs are in its scope. */
static const Val **import_body_nodes(const Node *n, const Onnx__GraphProto *g, Scope *scope)
{
	Run *run = n->core->run;
	if (++run->depth > MAX_DEPTH) node_fail(n, "subgraphs and functions are nested more than %d deep", MAX_DEPTH);
	note_declared(run, scope, g);
	for (size_t i = 0; i < g->n_initializer; i++)
		scope_put_tensor(run, scope, g->initializer[i]->name, g->initializer[i], NULL);
	for (size_t i = 0; i < g->n_sparse_initializer; i++)
		scope_put_tensor(run, scope, g->sparse_initializer[i]->values->name, NULL, g->sparse_initializer[i]);
	import_nodes(run, scope, g->n_node, g->node);
	const Val **results = NEWN(n->cx->arena, const Val *, g->n_output);
	for (size_t i = 0; i < g->n_output; i++) {
		results[i] = scope_find(run, scope, g->output[i]->name);
		if (!results[i])
			node_fail(
				n, "result %s of its body is an omitted value", onnx_quote(n->cx, g->output[i]->name));
	}
	run->depth--;
	return results;
}

static Scope scope_inside(const Node *n, Captures *captures)
{
	Scope *outer = n->core->scope;
	Scope scope = {.outer = outer,
		.captures = captures,
		.opsets = outer->opsets,
		.frame = outer->frame,
		.place = hash_bytes(outer->place, n->cx->loc, strlen(n->cx->loc))};
	map_init(&scope.names, n->cx->arena);
	return scope;
}

typedef struct {
	const Onnx__GraphProto *proto;
	const Val **params; /* its own */
	const Val **results;
	const char **param_names, **result_names;
} Body;

typedef struct {
	Run *run;
	int first;        /* of the sizers: those before are of outer graphs */
	const Sym *found; /* computed by one of the others */
} OwnSize;

static void find_own_size(void *user, const Sym *s)
{
	OwnSize *own = user;
	for (int i = own->first; i < own->run->n_sizers; i++)
		if (size_symbol(own->run->sizers[i]) == s) own->found = s;
}

static void find_own_sizes(const Type *t, OwnSize *own)
{
	for (int i = 0; i < t->n_parts; i++) find_own_sizes(t->parts[i], own);
	for (int i = 0; i < t->rank; i++) dim_each_sym(t->dims[i], find_own_size, own);
}

/* A size that each run of the body computes anew is none outside of it. */
static void want_no_own_size(const Node *n, const Val *result, const char *name, int first_sizer)
{
	OwnSize own = {n->core->run, first_sizer, NULL};
	find_own_sizes(result->type, &own);
	if (own.found)
		node_fail(n, "result %s of its body is %s, and the body itself computes %s, which is not supported",
			onnx_quote(n->cx, name), type_str(n->cx, result->type), own.found->name);
}

/* step: see node_graph; -1: the body runs as often as the node. */
static void import_body(const Node *n, Body *b, Captures *captures, int n_types, const Type *const *types, int step)
{
	Run *run = n->core->run;
	Ctx *cx = n->cx;
	const Onnx__GraphProto *g = b->proto;
	const int n_sizers = run->n_sizers;
	Scope scope = scope_inside(n, captures);
	b->params = NEWN(cx->arena, const Val *, captures->n_own);
	b->param_names = NEWN(cx->arena, const char *, captures->n_own);
	for (int i = 0; i < n_types; i++) {
		const Type *type = types[i] ? types[i] : declared_type(run, g->input[i]);
		/* a sequence is unknown inside: a parameter that only marks its place, of a type that no other has */
		if (type->is_tuple) {
			const Dim *unknown = computed_symbol(run, g->input[i]->name, 0, INT64_MAX);
			b->params[i] = val_param(cx, i, type_new(cx, U8, 1, &unknown));
		} else {
			b->params[i] = val_param(cx, i, type);
		}
		b->param_names[i] = g->input[i]->name;
		scope_put(run, &scope, g->input[i]->name,
			type->is_tuple ? sequence_new(cx, 1, &b->params[i]) : b->params[i]);
	}
	if (captures->n_own > n_types) {
		b->params[n_types] = val_param(cx, n_types, type_scalar(cx, I64));
		b->param_names[n_types] = "step";
	}
	if (step >= 0) scope.step = b_reshape(cx, b->params[step], 0, NULL);
	b->results = import_body_nodes(n, g, &scope);
	b->result_names = NEWN(cx->arena, const char *, g->n_output);
	for (size_t i = 0; i < g->n_output; i++) {
		b->result_names[i] = g->output[i]->name;
		want_no_own_size(n, b->results[i], g->output[i]->name, n_sizers);
		b->results[i] = val_keep_sizers(
			cx, b->results[i], run->n_sizers - n_sizers, run->sizers ? run->sizers + n_sizers : NULL);
	}
	run->n_sizers = n_sizers;
}

bool node_in_body(const Node *n)
{
	for (const Scope *s = n->core->scope; s; s = s->outer ? s->outer : s->caller)
		if (s->captures) return true;
	return false;
}

/* Two runs of one node have two numbers: of loops in loops they are spread by an odd factor, 2^64 over the golden ratio. */
static const Val *run_in(Run *run, Scope *s)
{
	Ctx *cx = run->cx;
	Scope *around = s->outer ? s->outer : s->caller;
	const Val *outer = around ? run_in(run, around) : NULL;
	if (outer && s->captures) outer = capture(run, s->captures, outer, "run");
	if (!s->step) return outer;
	const Val *inner = with_number(cx, OP_EW_add, s->step, 1);
	if (!outer) return inner;
	const Val *spread = b_scalar_int(cx, I64, (int64_t)UINT64_C(0x9e3779b97f4a7c15));
	return binary(cx, OP_EW_add, binary(cx, OP_EW_mul, outer, spread), inner);
}

const Val *node_run(const Node *n) { return run_in(n->core->run, n->core->scope); }

int node_inline(
	const Node *n, const char *attr, int64_t step, int n_args, const Val *const *args, const Val *const **results)
{
	const Onnx__GraphProto *g = node_graph_proto(n, attr);
	if (g->n_input != (size_t)n_args)
		node_fail(n, "attribute %s: a graph of %d inputs wanted, it has %zu", attr, n_args, g->n_input);
	Scope scope = scope_inside(n, NULL);
	if (step >= 0) scope.step = b_scalar_int(n->cx, I64, step);
	for (int i = 0; i < n_args; i++) scope_put(n->core->run, &scope, g->input[i]->name, args[i]);
	*results = import_body_nodes(n, g, &scope);
	return (int)g->n_output;
}

static const Graph *close_body(Ctx *cx, const Body *b, const Captures *c)
{
	int n = c->n_own + c->n;
	const Val **params = NEWN(cx->arena, const Val *, n);
	const char **names = NEWN(cx->arena, const char *, n);
	for (int i = 0; i < n; i++) {
		params[i] = i < c->n_own ? b->params[i] : c->params[i - c->n_own];
		names[i] = i < c->n_own ? b->param_names[i] : c->names[i - c->n_own];
	}
	return graph_new(cx, b->proto->name ? b->proto->name : "body", n, params, names, (int)b->proto->n_output,
		b->results, b->result_names);
}

const Graph *node_graph(const Node *n, const char *attr, int n_types, const Type *const *types, int step,
	int *n_captures, const Val *const **outer)
{
	Body body = {.proto = node_graph_proto(n, attr)};
	if (body.proto->n_input != (size_t)n_types)
		node_fail(
			n, "attribute %s: a graph of %d inputs wanted, it has %zu", attr, n_types, body.proto->n_input);
	Captures captures = {.n_own = n_types + (step == n_types)};
	map_init(&captures.known, n->cx->arena);
	import_body(n, &body, &captures, n_types, types, step);
	*n_captures = captures.n;
	*outer = captures.outer;
	return close_body(n->cx, &body, &captures);
}

void node_graphs(const Node *n, int n_bodies, const char *const *attrs, const Graph **graphs, int *n_captures,
	const Val *const **outer)
{
	Body *bodies = NEWN(n->cx->arena, Body, n_bodies);
	Captures captures = {.n_own = 0};
	map_init(&captures.known, n->cx->arena);
	for (int i = 0; i < n_bodies; i++) {
		bodies[i].proto = node_graph_proto(n, attrs[i]);
		if (bodies[i].proto->n_input)
			node_fail(n, "attribute %s: a graph without inputs wanted, it has %zu", attrs[i],
				bodies[i].proto->n_input);
		import_body(n, &bodies[i], &captures, 0, NULL, -1);
	}
	/* only now are all captures known */
	for (int i = 0; i < n_bodies; i++) graphs[i] = close_body(n->cx, &bodies[i], &captures);
	*n_captures = captures.n;
	*outer = captures.outer;
}

/* ---------------------------------------------------------------------------------------------------- for their importers */

void copy_vals(const Val **to, const Val *const *from, int n)
{
	for (int i = 0; i < n; i++) to[i] = from[i];
}

void copy_names(const char **to, const char *const *from, int n)
{
	for (int i = 0; i < n; i++) to[i] = from[i];
}

const Val *condition(const Node *n, const Val *v, const char *what)
{
	int64_t count;
	if (v->type->is_tuple || v->type->elem != BOOL || !dim_is_int(type_count(n->cx, v->type), &count) || count != 1)
		node_fail(n, "%s: one bool wanted, %s seen", what, type_str(n->cx, v->type));
	return b_reshape(n->cx, v, 0, NULL);
}

bool known_bool(Ctx *cx, const Val *v, bool *value)
{
	const Dim *d;
	int64_t n;
	const Tensor *t = known_tensor(cx, v);
	if (t) *value = tensor_get_int(t, 0) != 0;
	else if (val_as_dims(cx, v, 1, &d) && dim_is_int(d, &n)) *value = n != 0;
	else return false;
	return true;
}

void node_same_type(const Node *n, const Type *a, const Type *b, const char *what)
{
	if (a == b) return;
	bool comparable = !a->is_tuple && !b->is_tuple && a->elem == b->elem && a->rank == b->rank;
	for (int i = 0; comparable && i < a->rank; i++) node_same_dim(n, a->dims[i], b->dims[i], what);
	node_fail(n, "%s: %s and %s differ", what, type_str(n->cx, a), type_str(n->cx, b));
}

const char *result_what(const Node *n, const char *kind, const Graph *body, int i)
{
	return arena_printf(n->cx->arena, "%s %s", kind, onnx_quote(n->cx, body->result_names[i]));
}

const Val **params_like(Ctx *cx, const Val **params, int from, int n, const Val *const *vals)
{
	for (int i = 0; i < n; i++) params[from + i] = val_param(cx, from + i, vals[i]->type);
	return params + from;
}
