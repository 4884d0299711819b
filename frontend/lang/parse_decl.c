/* parse_decl.c: declarations, and whole files.
 *
 *     unit     = { op | example | cell | def | model | train | param | share | const | use }
 *     op       = "op" NAME "(" [operand {"," operand}] [";" attr {"," attr}] ")" ["onnx" map {"," map}] block
 *     operand  = NAME ["?" | "..."]                     ? may be omitted, ... takes all that follow
 *     attr     = NAME ["?" | "=" expr]                  neither: must be given
 *     map      = NAME {"." NAME} INT [".." INT]         [domain.]Operator, since opset, until opset
 *     example  = "example" call "~" expr {"," expr}
 *     cell     = "cell" head block      def = "def" head block      model = "model" head block
 *     train    = "train" NAME ["as" NAME] "(" [var {"," var}] ")" block
 *     head     = NAME ["[" var {"," var} "]"] "(" [var {"," var}] [";" [var {"," var}]] ")" ["->" var {"," var}]
 *     var      = NAME ["[" expr {"," expr} "]"] ["in" sum] ["=" expr]
 *     param    = "param" var ["~" init {init}] ["fixed"]        init = NAME ["(" arguments ")"]
 *     share    = "share" NAME "=" NAME ["[" sizes "]"]
 *     const    = "const" NAME "=" expr
 *     use      = "use" STRING
 */
#include "frontend/lang/parser.h"

#include <string.h>

enum { MAX_PARAMS = 48, MAX_MAPS = 16 };

static void check_new_name(Parser *p, const ParamDecl *params, int n, const Token *at)
{
	if (n == MAX_PARAMS)
		fail_at(p->cx, (Span){p->lx.src, at->start, at->end}, "more than %d parameters", MAX_PARAMS);
	for (int i = 0; i < n; i++)
		if (!strcmp(params[i].name, at->text))
			fail_at(p->cx, (Span){p->lx.src, at->start, at->end}, "two parameters are called %s", at->text);
}

static void parse_params(Parser *p, OpDecl *op)
{
	ParamDecl params[MAX_PARAMS];
	int n = 0;
	while (p->now.kind == T_NAME) {
		check_new_name(p, params, n, &p->now);
		params[n] = (ParamDecl){.name = expect_name(p, "an operand")};
		params[n].optional = accept(p, '?');
		params[n].variadic = accept(p, PUNCT3('.', '.', '.'));
		n++;
		if (params[n - 1].variadic || !accept(p, ',')) break;
	}
	op->n_operands = n;
	op->operands = arena_copy(p->cx->arena, params, sizeof(*params) * (size_t)n);
	n = 0;
	if (accept(p, ';')) do {
			if (p->now.kind == T_NAME) check_new_name(p, params, n, &p->now);
			params[n] = (ParamDecl){.name = expect_name(p, "an attribute")};
			params[n].optional = accept(p, '?');
			if (accept(p, '=')) params[n].initial = parse_expr(p);
			n++;
		} while (accept(p, ','));
	op->n_attrs = n;
	op->attrs = arena_copy(p->cx->arena, params, sizeof(*params) * (size_t)n);
}

static int parse_opset(Parser *p)
{
	if (p->now.kind != T_NUMBER || p->now.num < 1 || p->now.num > 1000 || p->now.num != (int)p->now.num)
		fail_wanted(p, "an opset");
	int opset = (int)p->now.num;
	advance(p);
	return opset;
}

static OnnxMap parse_map(Parser *p)
{
	OnnxMap map = {.domain = "", .op = expect_name(p, "the name of an ONNX operator")};
	while (accept(p, '.')) {
		map.domain = *map.domain ? arena_printf(p->cx->arena, "%s.%s", map.domain, map.op) : map.op;
		map.op = expect_name(p, "the name of an ONNX operator");
	}
	map.since = parse_opset(p);
	if (accept(p, PUNCT2('.', '.'))) map.until = parse_opset(p);
	return map;
}

static OpDecl parse_op(Parser *p)
{
	OpDecl op = {.src = p->lx.src, .start = p->now.start, .end = p->now.end};
	op.name = expect_name(p, "the operator's name");
	expect(p, '(', "'('");
	parse_params(p, &op);
	expect(p, ')', "',' or ';' or ')'");
	if (accept_word(p, "onnx")) {
		OnnxMap maps[MAX_MAPS];
		do {
			if (op.n_maps == MAX_MAPS) fail_wanted(p, "no more ONNX operators than that");
			maps[op.n_maps++] = parse_map(p);
		} while (accept(p, ','));
		op.maps = arena_copy(p->cx->arena, maps, sizeof(*maps) * (size_t)op.n_maps);
	}
	op.body = parse_block(p);
	return op;
}

static ExampleDecl parse_example(Parser *p)
{
	ExampleDecl example = {.src = p->lx.src};
	example.call = parse_expr(p);
	if (example.call->kind != N_CALL)
		fail_at(p->cx, (Span){p->lx.src, example.call->start, example.call->end},
			"an example is a call: example f([1]) ~ [2]");
	expect(p, '~', "'~'");
	Nodes expected = parse_values(p);
	example.n_expected = expected.n;
	example.expected = expected.items;
	return example;
}

/* ------------------------------------------------------------------------------------------------ models */

static const Node *parse_size(Parser *p, const char **name)
{
	(void)name;
	return parse_expr(p);
}

const Node *parse_var(Parser *p, const char **name)
{
	(void)name;
	size_t start = p->now.start;
	const char *text = expect_name(p, "a name");
	const Node *of = NULL, *initial = NULL;
	Nodes kids = {0}, sizes = {0};
	if (accept(p, '[')) sizes = parse_list(p, ']', "',' or ']'", parse_size);
	if (accept_word(p, "in")) of = parse_sum(p);
	if (accept(p, '=')) initial = parse_expr(p);
	nodes_add(p, &kids, of, NULL);
	nodes_add(p, &kids, initial, NULL);
	for (int i = 0; i < sizes.n; i++) nodes_add(p, &kids, sizes.items[i], NULL);
	Node *node = node_new(p, N_VAR, start, kids.n, kids.items);
	node->text = text;
	node->n_sizes = sizes.n;
	return node;
}

static Nodes parse_vars(Parser *p, int close)
{
	Nodes list = {0};
	while (p->now.kind == T_NAME && !is(p, close)) {
		nodes_add(p, &list, parse_var(p, NULL), NULL);
		const Node *last = list.items[list.n - 1];
		for (int i = 0; i < list.n - 1; i++)
			if (!strcmp(list.items[i]->text, last->text))
				fail_at(p->cx, (Span){p->lx.src, last->start, last->end}, "%s stands here twice",
					last->text);
		if (!accept(p, ',')) break;
	}
	return list;
}

const Node *parse_fn(Parser *p, FnKind kind)
{
	size_t start = p->now.start;
	FnDecl *fn = NEW(p->cx->arena, FnDecl);
	*fn = (FnDecl){.kind = kind, .src = p->lx.src, .start = p->now.start, .end = p->now.end};
	fn->name = expect_name(p, "a name");
	Nodes list;
	if (kind == FN_TRAIN && accept_word(p, "as")) fn->alias = expect_name(p, "a name for this way of training");
	if (kind != FN_TRAIN && kind != FN_MODEL && accept(p, '[')) {
		list = parse_vars(p, ']');
		fn->n_sizes = list.n, fn->sizes = list.items;
		expect(p, ']', "',' or ']'");
	}
	expect(p, '(', "'('");
	list = parse_vars(p, ')');
	fn->n_inputs = list.n, fn->inputs = list.items;
	if (kind == FN_CELL && accept(p, ';')) {
		list = parse_vars(p, ')');
		fn->n_states = list.n, fn->states = list.items;
	}
	expect(p, ')', kind == FN_CELL ? "',' or ';' or ')'" : "',' or ')'");
	if (kind != FN_TRAIN && kind != FN_CELL && accept(p, PUNCT2('-', '>'))) {
		list = parse_vars(p, '{');
		fn->n_outputs = list.n, fn->outputs = list.items;
		if (!list.n) fail_wanted(p, "an output");
	} else if (kind == FN_MODEL) {
		fail_wanted(p, "'->' and the outputs");
	}
	fn->body = parse_block(p);
	Node *node = node_new(p, N_DECL, start, 0, NULL);
	node->text = fn->name;
	node->decl = fn;
	return node;
}

static const Node *parse_init(Parser *p)
{
	bool call = p->next.kind == T_PUNCT && p->next.punct == '(';
	return call ? parse_atom(p) : parse_cell_name(p);
}

const Node *parse_param(Parser *p)
{
	size_t start = p->now.start;
	Nodes kids = {0};
	nodes_add(p, &kids, parse_var(p, NULL), NULL);
	bool fixed = false;
	if (accept(p, '~')) {
		if (p->now.kind != T_NAME) fail_wanted(p, "an initialiser, such as zeros");
		while (p->now.kind == T_NAME && !is_word(p, "fixed")) nodes_add(p, &kids, parse_init(p), NULL);
	}
	fixed = accept_word(p, "fixed");
	Node *node = node_new(p, N_PARAM, start, kids.n, kids.items);
	node->op = fixed;
	return node;
}

const Node *parse_share(Parser *p)
{
	size_t start = p->now.start;
	const char *name = expect_name(p, "a name");
	expect(p, '=', "'='");
	const Node *cell = parse_cell_name(p);
	Node *node = node_new(p, N_SHARE, start, 1, &cell);
	node->text = name;
	return node;
}

static const Node *parse_const(Parser *p)
{
	size_t start = p->now.start;
	const char *name = expect_name(p, "a name");
	expect(p, '=', "'='");
	const Node *value = parse_expr(p);
	Node *node = node_new(p, N_CONST, start, 1, &value);
	node->text = name;
	return node;
}

static const Node *parse_use(Parser *p)
{
	size_t start = p->now.start;
	if (p->now.kind != T_STRING) fail_wanted(p, "the name of a file in \"quotes\"");
	const char *file = p->now.text;
	advance(p);
	Node *node = node_new(p, N_USE, start, 0, NULL);
	node->text = file;
	return node;
}

/* ------------------------------------------------------------------------------------------------ files */

typedef struct {
	Unit unit;
	OpDecl *ops;
	ExampleDecl *examples;
	Nodes items;
	int op_cap, example_cap;
} Building;

static void parse_item(Parser *p, Building *b)
{
	Ctx *cx = p->cx;
	if (accept_word(p, "op")) {
		if (b->unit.n_ops == b->op_cap) {
			OpDecl *more = NEWN(cx->arena, OpDecl, b->op_cap = b->op_cap ? 2 * b->op_cap : 32);
			if (b->ops) memcpy(more, b->ops, sizeof(*more) * (size_t)b->unit.n_ops);
			b->ops = more;
		}
		b->ops[b->unit.n_ops] = parse_op(p);
		b->unit.n_ops++;
	} else if (accept_word(p, "example")) {
		if (b->unit.n_examples == b->example_cap) {
			ExampleDecl *more =
				NEWN(cx->arena, ExampleDecl, b->example_cap = b->example_cap ? 2 * b->example_cap : 32);
			if (b->examples) memcpy(more, b->examples, sizeof(*more) * (size_t)b->unit.n_examples);
			b->examples = more;
		}
		b->examples[b->unit.n_examples] = parse_example(p);
		b->unit.n_examples++;
	} else {
		const Node *item = accept_word(p, "cell") ? parse_fn(p, FN_CELL)
			: accept_word(p, "def")           ? parse_fn(p, FN_DEF)
			: accept_word(p, "model")         ? parse_fn(p, FN_MODEL)
			: accept_word(p, "train")         ? parse_fn(p, FN_TRAIN)
			: accept_word(p, "param")         ? parse_param(p)
			: accept_word(p, "share")         ? parse_share(p)
			: accept_word(p, "const")         ? parse_const(p)
			: accept_word(p, "use")           ? parse_use(p)
							  : NULL;
		if (!item) fail_wanted(p, "cell, def, model, train, param, share, const, use, op or example");
		nodes_add(p, &b->items, item, NULL);
	}
	if (p->now.kind != T_END && p->now.kind != T_NEWLINE) fail_wanted(p, "the end of the line");
	skip_newlines(p);
}

/* The next line at or after `at` that begins with the word of an item: where to go on after a mistake. */
static size_t next_item(const Source *src, size_t at)
{
	static const char *const words[] = {
		"cell ", "def ", "model ", "train ", "param ", "share ", "const ", "use ", "op ", "example "};
	for (; at < src->size; at++) {
		if (src->text[at] != '\n') continue;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			size_t n = strlen(words[i]);
			if (src->size - at > n && !memcmp(src->text + at + 1, words[i], n)) return at + 1;
		}
	}
	return src->size;
}

Unit parse_unit(Ctx *cx, const Source *src)
{
	Building *b = NEW(cx->arena, Building);
	Parser *p = NEW(cx->arena, Parser);
	Report report = {0};
	volatile size_t at = 0;
	while (at < src->size && report_open(&report)) {
		TRY (cx) {
			parser_init(p, cx, src, at);
			for (skip_newlines(p); p->now.kind != T_END;) parse_item(p, b);
			at = src->size;
		} else {
			report_add(cx, &report, cx->error);
			size_t seen = p->now.start > at ? p->now.start : at;
			at = next_item(src, seen);
		}
	}
	report_fail(cx, &report);
	b->unit.ops = b->ops;
	b->unit.examples = b->examples;
	b->unit.items = b->items.items;
	b->unit.n_items = b->items.n;
	return b->unit;
}

int parse_exprs(Ctx *cx, const Source *src, const Node ***exprs)
{
	Parser parser, *p = &parser;
	parser_init(p, cx, src, 0);
	Nodes list = {0};
	do {
		bool empty = is(p, ';') || p->now.kind == T_END;
		nodes_add(p, &list, empty ? NULL : parse_expr(p), NULL);
	} while (accept(p, ';'));
	if (p->now.kind != T_END) fail_wanted(p, "';' or the end");
	*exprs = list.items;
	return list.n;
}
