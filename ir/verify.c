/* verify.c: is a graph sound?  What every pass may rely on, checked again from the outside.
 *
 *   closed          a parameter that a value uses is the graph's own, by index and identity
 *   schema          number of operands and attributes are those of the table of primitives
 *   types           each value's type is what inference says of its operands and attributes
 *   arrays          parameters and results are arrays; only `get` takes a tuple
 *   bodies          the same of each body, once however often it is used
 *
 * A failure names the value as the printed graph numbers it.
 */
#include "ir/ir.h"

#include <string.h>

enum { MAX_DEPTH = 200 };

typedef struct {
	Ctx *cx;
	Arena *scratch;
	Map done; /* Graph* */
	int depth;
	const Graph *g;
	const Val *val;
	int number; /* of val, as printed */
} Verifier;

_Noreturn static void unsound(Verifier *vf, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn static void unsound(Verifier *vf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *what = arena_vprintf(vf->cx->arena, format, args);
	va_end(args);
	const Val *v = vf->val;
	vf->cx->loc = v ? v->loc : NULL;
	if (!v) fail(vf->cx, "graph @%s is unsound: %s", vf->g->name, what);
	if (v->op == OP_param) fail(vf->cx, "graph @%s is unsound: a param: %s", vf->g->name, what);
	fail(vf->cx, "graph @%s is unsound: %%%d = %s: %s", vf->g->name, vf->number, op_info[v->op].name, what);
}

static void verify_param(Verifier *vf, const Val *v)
{
	const Attr *index = &v->attrs[0];
	if (index->n != 1 || index->ints[0] < 0 || index->ints[0] >= vf->g->n_params)
		unsound(vf, "its index is not one of the graph's %d parameters", vf->g->n_params);
	if (vf->g->params[index->ints[0]] != v)
		unsound(vf, "it is %s, the graph's parameter %d is %s", type_str(vf->cx, v->type), (int)index->ints[0],
			type_str(vf->cx, vf->g->params[index->ints[0]]->type));
}

static void verify_attrs(Verifier *vf, const Val *v)
{
	int n = 0;
	for (const AttrKey *key = op_info[v->op].attrs; *key != N_ATTRS; key++, n++)
		if (n >= v->n_attrs || v->attrs[n].key != *key)
			unsound(vf, "its attribute %d is not '%s'", n + 1, attr_info[*key].name);
	if (n != v->n_attrs) unsound(vf, "it has %d attributes, not %d", v->n_attrs, n);
	for (int i = 0; i < n; i++) {
		const Attr *a = &v->attrs[i];
		AttrKind kind = attr_info[a->key].kind;
		bool ok = a->n >= 0;
		for (int k = 0; ok && k < a->n; k++)
			ok = kind == ATTR_DIMS ? a->dims[k] != NULL : kind == ATTR_GRAPHS ? a->graphs[k] != NULL : true;
		if (kind == ATTR_STR || kind == ATTR_TENSOR) ok = ok && a->str;
		if (kind == ATTR_ELEM) ok = ok && (unsigned)a->elem < N_ELEMS;
		if (!ok) unsound(vf, "its attribute '%s' is broken", attr_info[a->key].name);
	}
}

static const Type *infer_again(Verifier *vf, const Val *v)
{
	const Type *volatile type = NULL;
	vf->cx->loc = NULL;
	TRY (vf->cx) {
		type = op_info[v->op].infer(vf->cx, v->op, v->n_args, v->args, v->attrs);
	} else {
		unsound(vf, "%s", vf->cx->error);
	}
	return type;
}

static void verify_graph(Verifier *, const Graph *);

static void verify_val(Verifier *vf, const Val *v)
{
	int n_args = op_info[v->op].n_args;
	if (n_args >= 0 && n_args != v->n_args) unsound(vf, "it has %d operands, not %d", v->n_args, n_args);
	verify_attrs(vf, v);
	for (int i = 0; i < v->n_args; i++)
		if (v->args[i]->type->is_tuple && v->op != OP_get) unsound(vf, "operand %d is a tuple", i + 1);
	if (v->op == OP_param) verify_param(vf, v);
	const Type *type = infer_again(vf, v);
	if (type != v->type)
		unsound(vf, "its type is %s, inferred is %s", type_str(vf->cx, v->type), type_str(vf->cx, type));
	for (int i = 0; i < v->n_attrs; i++)
		for (int k = 0; attr_info[v->attrs[i].key].kind == ATTR_GRAPHS && k < v->attrs[i].n; k++)
			verify_graph(vf, v->attrs[i].graphs[k]);
}

static void verify_graph(Verifier *vf, const Graph *g)
{
	if (map_get(&vf->done, g)) return;
	map_put(&vf->done, g, g);
	Verifier outer = *vf;
	vf->g = g;
	vf->val = NULL;
	vf->number = 0;
	if (++vf->depth > MAX_DEPTH) unsound(vf, "bodies are nested more than %d deep", MAX_DEPTH);
	for (int i = 0; i < g->n_params; i++)
		if (!g->params[i] || g->params[i]->op != OP_param || g->params[i]->attrs[0].ints[0] != i ||
			!g->param_names[i])
			unsound(vf, "parameter %d is not the param of that index, with a name", i);
	for (int i = 0; i < g->n_results; i++)
		if (!g->results[i] || g->results[i]->type->is_tuple || !g->result_names[i])
			unsound(vf, "result %d is not an array with a name", i);
	Order order = graph_order(vf->scratch, g);
	for (int i = 0; i < order.n; i++) {
		vf->val = order.vals[i];
		vf->number += vf->val->op != OP_param;
		verify_val(vf, vf->val);
	}
	vf->depth = outer.depth;
	vf->g = outer.g;
	vf->val = outer.val;
	vf->number = outer.number;
}

void graph_verify(Ctx *cx, const Graph *g)
{
	Verifier vf = {.cx = cx, .scratch = arena_new()};
	const char *loc = cx->loc;
	map_init(&vf.done, vf.scratch);
	TRY (cx) {
		verify_graph(&vf, g);
	} else {
		arena_free(vf.scratch);
		fail(cx, "%s", cx->error);
	}
	arena_free(vf.scratch);
	cx->loc = loc;
}
