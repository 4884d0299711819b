/* library.c: the operator library: embedded texts, parsed once a process, and the doors of lang.h.
 *
 * An operator is elaborated on parameters of its operands' types and stands in the graph as `call @name`, so that dumps and
 * comments speak the model's words.  Some are put in place at once instead: what is a single primitive anyway, and what
 * computes integers, as that may be a shape.  An operand that is a constant of one element is built in, so that texts can
 * ask for its value (known).
 */
#include "frontend/lang/ast.h"
#include "ir/embed.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ texts */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const OpDecl *)a)->name, ((const OpDecl *)b)->name);
}

Library library_new(Ctx *cx, int n_sources, const Source *sources)
{
	Unit *units = NEWN(cx->arena, Unit, n_sources + 1);
	int n_ops = 0, n_examples = 0, n_items = 0;
	for (int i = 0; i < n_sources; i++) {
		units[i] = parse_unit(cx, &sources[i]);
		n_ops += units[i].n_ops;
		n_examples += units[i].n_examples;
		n_items += units[i].n_items;
	}
	OpDecl *ops = NEWN(cx->arena, OpDecl, n_ops + 1);
	ExampleDecl *examples = NEWN(cx->arena, ExampleDecl, n_examples + 1);
	const FnDecl **fns = NEWN(cx->arena, const FnDecl *, n_items + 1);
	Library lib = {.ops = ops, .examples = examples, .fns = fns};
	for (int i = 0; i < n_sources; i++) {
		for (int k = 0; k < units[i].n_ops; k++) ops[lib.n_ops++] = units[i].ops[k];
		for (int k = 0; k < units[i].n_examples; k++) examples[lib.n_examples++] = units[i].examples[k];
		for (int k = 0; k < units[i].n_items; k++) {
			const Node *item = units[i].items[k];
			if (item->kind != N_DECL || item->decl->kind != FN_CELL)
				fail_at(cx, (Span){&sources[i], item->start, item->end},
					"the library has operators and cells");
			fns[lib.n_fns++] = item->decl;
		}
	}
	if (n_ops) qsort(ops, (size_t)n_ops, sizeof(*ops), by_name);
	for (int i = 0; i < n_ops; i++) {
		Op op;
		Span at = {ops[i].src, ops[i].start, ops[i].end};
		if (i > 0 && !strcmp(ops[i].name, ops[i - 1].name))
			fail_at(cx, at, "a second operator called %s", ops[i].name);
		if (builtin_has(ops[i].name) || op_parse(ops[i].name, &op))
			fail_at(cx, at, "%s is the name of a primitive or function", ops[i].name);
	}
	return lib;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static Library builtin;
static const char *builtin_error;

static void load_builtin(void)
{
	Ctx *cx = ctx_new(); /* lives as long as the process: the tree is shared by all threads */
	int n = 0;
	while (embedded_ops[n].name) n++;
	Source *sources = NEWN(cx->arena, Source, n + 1);
	for (int i = 0; i < n; i++)
		sources[i] = (Source){arena_printf(cx->arena, "ops/%s", embedded_ops[i].name), embedded_ops[i].text,
			embedded_ops[i].size};
	TRY (cx) {
		builtin = library_new(cx, n, sources);
	} else {
		builtin_error = cx->error;
	}
}

const Library *library_builtin(Ctx *cx)
{
	pthread_once(&once, load_builtin);
	if (builtin_error) fail(cx, "%s", builtin_error);
	return &builtin;
}

const OpDecl *library_find(const Library *lib, const char *name)
{
	OpDecl key = {.name = name};
	return lib->n_ops ? bsearch(&key, lib->ops, (size_t)lib->n_ops, sizeof(key), by_name) : NULL;
}

/* ------------------------------------------------------------------------------------------------ calls from C */

typedef struct {
	const OpDecl *op;
	int n_args, n_results;
	Value args[MAX_ARGS];
	const char *names[MAX_ARGS];
	const Val *results[MAX_RESULTS];
} Call;

static Value attr_value(Ctx *cx, const LibAttr *a)
{
	Value v = {0};
	switch (a->kind) {
	case LIB_NUM: return value_num(a->num);
	case LIB_STR: return value_str(a->str);
	case LIB_INTS: {
		Value *items = NEWN(cx->arena, Value, a->n + 1);
		for (int i = 0; i < a->n; i++) items[i] = value_num((double)a->ints[i]);
		return (Value){.kind = V_LIST, .n = a->n, .items = items};
	}
	case LIB_FN: {
		Binding *bound = NEWN(cx->arena, Binding, a->n + 1);
		for (int i = 0; i < a->n; i++) bound[i] = (Binding){a->bound[i].name, attr_value(cx, &a->bound[i])};
		return (Value){.kind = V_FN, .str = a->str, .n = a->n, .bound = bound};
	}
	}
	return v;
}

static void run_call(Elab *e, void *user)
{
	Call *call = user;
	Value results[MAX_RESULTS];
	call->n_results = elab_op(e, call->op, call->n_args, call->args, call->names, results);
	/* A result that is a number, such as a mask of ones, is of the first operand's type. */
	for (int i = 0; i < call->n_args && !e->typed; i++)
		if (call->args[i].kind == V_TENSOR) {
			e->typed = true;
			e->elem = call->args[i].val->type->elem;
		}
	for (int i = 0; i < call->n_results; i++) call->results[i] = value_as_tensor(e, &results[i], "the result");
}

/* The primitives that a graph computes with, constants and broadcasting apart; stops counting at 2. */
static int count_ops(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	int n = 0;
	for (int i = 0; i < order.n && n < 2; i++) {
		Op op = order.vals[i]->op;
		n += op != OP_param && op != OP_const && op != OP_dim && op != OP_expand && op != OP_reshape &&
			op != OP_EW_cast;
	}
	return n;
}

static bool any_float(const Graph *g)
{
	bool yes = false;
	for (int i = 0; i < g->n_results; i++) yes |= elem_is_float(g->results[i]->type->elem);
	return yes;
}

static bool is_constant(const Val *v, bool one)
{
	return v->op == OP_const && (!one || val_attr(v, A_DATA)->tensor->count == 1);
}

/* Before opset 6 many operators could be told which operands they may overwrite, which says nothing about values. */
static const char legacy_attr[] = "consumed_inputs";

static bool is_old(const OpDecl *op)
{
	for (int i = 0; i < op->n_maps; i++)
		if (op->maps[i].since < 6) return true;
	return false;
}

int library_call(Ctx *cx, const Library *lib, const OpDecl *op, int n_args, const Val *const *args, int n_attrs,
	const LibAttr *attrs, int max_results, const Val **results)
{
	if (n_args + n_attrs > MAX_ARGS) fail(cx, "%s: more than %d operands", op->name, MAX_ARGS);
	Call call = {.op = op}; /* 8 kB, which the arena would keep for each node of a model */
	int n_params = 0;
	const Val *params[MAX_ARGS], *operands[MAX_ARGS];
	const char *names[MAX_ARGS];
	bool constant = true;
	for (int i = 0; i < n_args; i++) {
		Value v = {.kind = V_NONE};
		if (args[i]) {
			constant &= is_constant(args[i], false);
			v = value_tensor(args[i]);
			if (!is_constant(args[i], true)) {
				int k = i < op->n_operands ? i : op->n_operands - 1;
				bool many = k >= 0 && op->operands[k].variadic;
				names[n_params] = k < 0 ? "x"
					: many          ? arena_printf(cx->arena, "%s%d", op->operands[k].name, i - k)
							: op->operands[k].name;
				operands[n_params] = args[i];
				v.val = params[n_params] = val_param(cx, n_params, args[i]->type);
				n_params++;
			}
		}
		call.args[call.n_args++] = v;
	}
	for (int i = 0; i < n_attrs; i++) {
		if (!strcmp(attrs[i].name, legacy_attr) && is_old(op)) continue;
		call.names[call.n_args] = attrs[i].name;
		call.args[call.n_args++] = attr_value(cx, &attrs[i]);
	}
	elab_guard(elab_new(cx, lib), run_call, &call);

	const char *result_names[MAX_RESULTS];
	for (int i = 0; i < call.n_results; i++) result_names[i] = arena_printf(cx->arena, i ? "y%d" : "y", i);
	const Graph *body =
		graph_new(cx, op->name, n_params, params, names, call.n_results, call.results, result_names);
	const Val *all[MAX_RESULTS];
	if (constant || !any_float(body) || count_ops(cx, body) < 2) {
		graph_splice(cx, body, operands, all);
	} else {
		const Val *tuple = b_call(cx, op->name, body, n_params, operands);
		for (int i = 0; i < body->n_results; i++) all[i] = val_get(cx, tuple, i);
	}
	for (int i = 0; i < call.n_results && i < max_results; i++) results[i] = all[i];
	return call.n_results;
}

/* ------------------------------------------------------------------------------------------------ lang.h */

bool lib_has(Ctx *cx, const char *op) { return library_find(library_builtin(cx), op) != NULL; }

static const OpDecl *find_or_fail(Ctx *cx, const char *name)
{
	const OpDecl *op = library_find(library_builtin(cx), name);
	if (!op) fail(cx, "no operator of the library is called %s", name);
	return op;
}

int lib_call(Ctx *cx, const char *op, int n_args, const Val *const *args, int n_attrs, const LibAttr *attrs,
	int max_results, const Val **results)
{
	return library_call(
		cx, library_builtin(cx), find_or_fail(cx, op), n_args, args, n_attrs, attrs, max_results, results);
}

const char *lib_find_onnx(Ctx *cx, const char *domain, const char *onnx_op, int opset)
{
	const Library *lib = library_builtin(cx);
	const OnnxMap *best = NULL;
	const char *name = NULL;
	for (int i = 0; i < lib->n_ops; i++)
		for (int k = 0; k < lib->ops[i].n_maps; k++) {
			const OnnxMap *m = &lib->ops[i].maps[k];
			if (strcmp(m->op, onnx_op) || strcmp(m->domain, domain)) continue;
			if (opset < m->since || (m->until && opset > m->until)) continue;
			if (best && best->since >= m->since) continue;
			best = m;
			name = lib->ops[i].name;
		}
	return name;
}

int lib_onnx(Ctx *cx, const LibOnnx **rows)
{
	const Library *lib = library_builtin(cx);
	int n = 0;
	for (int i = 0; i < lib->n_ops; i++) n += lib->ops[i].n_maps;
	LibOnnx *list = NEWN(cx->arena, LibOnnx, n);
	n = 0;
	for (int i = 0; i < lib->n_ops; i++)
		for (int k = 0; k < lib->ops[i].n_maps; k++) {
			const OnnxMap *m = &lib->ops[i].maps[k];
			list[n++] = (LibOnnx){m->domain, m->op, m->since, m->until, lib->ops[i].name};
		}
	*rows = list;
	return n;
}

/* The number of results as the text says it: that of its last statement, down the first branches. */
static int text_results(const Node *block)
{
	const Node *last = block->n ? block->kids[block->n - 1] : NULL;
	if (!last) return 0;
	if (last->kind == N_YIELD) return last->n;
	return last->kind == N_IF ? text_results(last->kids[1]) : 1;
}

void lib_signature(Ctx *cx, const char *name, const char **attr_names, int *min_args, int *max_args, int *n_results)
{
	const OpDecl *op = find_or_fail(cx, name);
	Buf names;
	buf_init(&names, cx->arena);
	buf_puts(&names, "");
	for (int i = 0; i < op->n_attrs; i++) buf_printf(&names, "%s%s", i ? " " : "", op->attrs[i].name);
	if (is_old(op)) buf_printf(&names, " %s", legacy_attr);
	*attr_names = names.text;
	*min_args = 0;
	*max_args = op->n_operands;
	for (int i = 0; i < op->n_operands; i++) {
		if (op->operands[i].variadic) *max_args = -1;
		else if (!op->operands[i].optional) *min_args = i + 1;
	}
	*n_results = text_results(op->body);
}

/* ------------------------------------------------------------------------------------------------ examples */

typedef struct {
	const ExampleDecl *example;
	int n;
	const Val **got, **expected;
} Example;

static void run_example(Elab *e, void *user)
{
	Example *x = user;
	const ExampleDecl *ex = x->example;
	/* Numbers in examples are f64, so that digits written are digits checked. */
	e->typed = true;
	e->elem = F64;
	e->frame = NEW(e->cx->arena, Frame);
	e->at = (Span){ex->src, ex->call->start, ex->call->end};
	Value v = elab_expr(e, ex->call);
	const Value *got = v.kind == V_LIST ? v.items : &v;
	x->n = v.kind == V_LIST ? v.n : 1;
	if (x->n != ex->n_expected) fail(e->cx, "%d results, %d are expected", x->n, ex->n_expected);
	for (int i = 0; i < x->n && i < MAX_RESULTS; i++) {
		e->at = (Span){ex->src, ex->expected[i]->start, ex->expected[i]->end};
		x->got[i] = value_as_tensor(e, &got[i], "the result");
		Value want = elab_expr(e, ex->expected[i]);
		x->expected[i] = value_as_tensor(e, &want, "what is expected");
	}
}

int elab_example(Ctx *cx, const Library *lib, const ExampleDecl *example, const Val **got, const Val **expected)
{
	Example x = {example, 0, got, expected};
	elab_guard(elab_new(cx, lib), run_example, &x);
	return x.n;
}
