/* parser.c: tokens to a syntax tree, by recursive descent with two tokens in view.
 *
 *     unit     = { op | example }
 *     op       = "op" NAME "(" [operand {"," operand}] [";" attr {"," attr}] ")" ["onnx" map {"," map}] block
 *     operand  = NAME ["?" | "..."]                     ? may be omitted, ... takes all that follow
 *     attr     = NAME ["?" | "=" expr]                  neither: must be given
 *     map      = NAME {"." NAME} INT [".." INT]         [domain.]Operator, since opset, until opset
 *     example  = "example" call "~" expr {"," expr}
 *     block    = "{" { statement } "}"                  newline or ";" between; the last one's value is the result
 *     statement= NAME {"," NAME} "=" expr {"," expr}
 *              | "if" expr block ["else" (if | block)]  decided at compile time
 *              | "unroll" NAME "in" expr block          repeated at compile time
 *              | "yield" expr {"," expr}
 *              | expr
 *     expr     = or ["if" or "else" expr]
 *
 * and operators bind as in Python, from loose to tight:
 *     or; and; not; == != < <= > >= in not-in (no chains); |; ^; &; << >>; + -; * / // % @; unary - +; **; x(..) x[..]
 */
#include "frontend/lang/ast.h"

#include <string.h>

enum { MAX_NESTING = 200 };

typedef struct {
	Ctx *cx;
	Lexer lx;
	Token now, next;
	size_t last_end; /* of the token before `now` */
	int nesting;
} Parser;

/* A list under construction. */
typedef struct {
	int n, cap;
	const Node **items;
	const char **names;
} Nodes;

static void nodes_add(Parser *p, Nodes *list, const Node *item, const char *name)
{
	if (list->n == list->cap) {
		int cap = list->cap ? 2 * list->cap : 4;
		const Node **items = NEWN(p->cx->arena, const Node *, cap);
		const char **names = NEWN(p->cx->arena, const char *, cap);
		for (int i = 0; i < list->n; i++) {
			items[i] = list->items[i];
			names[i] = list->names[i];
		}
		list->items = items;
		list->names = names;
		list->cap = cap;
	}
	list->items[list->n] = item;
	list->names[list->n++] = name;
}

static void advance(Parser *p)
{
	p->last_end = p->now.end;
	p->now = p->next;
	p->next = lex_token(&p->lx);
}

static void parser_init(Parser *p, Ctx *cx, const Source *src)
{
	*p = (Parser){.cx = cx, .lx = {.cx = cx, .src = src}};
	advance(p);
	advance(p);
}

static const char *token_str(Parser *p, const Token *t)
{
	if (t->kind == T_END) return "the end";
	if (t->kind == T_NEWLINE) return "the end of the line";
	size_t size = t->end - t->start < 40 ? t->end - t->start : 40;
	return arena_printf(p->cx->arena, "'%.*s'", (int)size, p->lx.src->text + t->start);
}

static _Noreturn void fail_wanted(Parser *p, const char *wanted)
{
	Span at = {p->lx.src, p->now.start, p->now.end};
	fail_at(p->cx, at, "expected %s, found %s", wanted, token_str(p, &p->now));
}

static bool token_is(const Token *t, int punct) { return t->kind == T_PUNCT && t->punct == punct; }
static bool is(const Parser *p, int punct) { return token_is(&p->now, punct); }
static bool is_word(const Parser *p, const char *word) { return p->now.kind == T_NAME && !strcmp(p->now.text, word); }

static bool accept(Parser *p, int punct)
{
	bool yes = is(p, punct);
	if (yes) advance(p);
	return yes;
}

static bool accept_word(Parser *p, const char *word)
{
	bool yes = is_word(p, word);
	if (yes) advance(p);
	return yes;
}

static void expect(Parser *p, int punct, const char *wanted)
{
	if (!accept(p, punct)) fail_wanted(p, wanted);
}

static bool reserved(const char *word)
{
	static const char *const words[] = {"if", "else", "and", "or", "not", "in", "yield", "unroll"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i])) return true;
	return false;
}

static const char *expect_name(Parser *p, const char *wanted)
{
	if (p->now.kind != T_NAME || reserved(p->now.text)) fail_wanted(p, wanted);
	const char *name = p->now.text;
	advance(p);
	return name;
}

static Node *node_new(Parser *p, NodeKind kind, size_t start, int n, const Node *const *kids)
{
	Node *node = NEW(p->cx->arena, Node);
	node->kind = kind;
	node->start = start;
	node->end = p->last_end;
	node->n = n;
	node->kids = n ? (const Node *const *)arena_copy(p->cx->arena, kids, sizeof(*kids) * (size_t)n) : NULL;
	return node;
}

static void enter(Parser *p)
{
	if (++p->nesting > MAX_NESTING)
		fail_at(p->cx, (Span){p->lx.src, p->now.start, p->now.end}, "nested more than %d deep", MAX_NESTING);
}

/* ------------------------------------------------------------------------------------------------ expressions */

static const Node *parse_expr(Parser *p);

static Nodes parse_list(Parser *p, int close, const char *wanted, const Node *(*item)(Parser *, const char **name))
{
	Nodes list = {0};
	while (!is(p, close)) {
		const char *name = NULL;
		const Node *node = item(p, &name);
		nodes_add(p, &list, node, name);
		if (!accept(p, ',')) break;
	}
	expect(p, close, wanted);
	return list;
}

static const Node *parse_item(Parser *p, const char **name)
{
	(void)name;
	return parse_expr(p);
}

static const Node *parse_argument(Parser *p, const char **name)
{
	if (p->now.kind == T_NAME && token_is(&p->next, '=')) {
		*name = expect_name(p, "an argument's name");
		advance(p);
	}
	return parse_expr(p);
}

static const Node *parse_subscript(Parser *p, const char **name)
{
	(void)name;
	size_t start = p->now.start;
	if (accept(p, PUNCT3('.', '.', '.'))) return node_new(p, N_ELLIPSIS, start, 0, NULL);
	const Node *part[3] = {NULL, NULL, NULL};
	int n = 0;
	for (;;) {
		if (!is(p, ':') && !is(p, ',') && !is(p, ']')) part[n] = parse_expr(p);
		if (n == 2 || !accept(p, ':')) break;
		n++;
	}
	if (n > 0) return node_new(p, N_RANGE, start, 3, part);
	if (!part[0]) fail_wanted(p, "an index");
	return part[0];
}

static const Node *parse_atom(Parser *p)
{
	size_t start = p->now.start;
	Node *node;
	switch (p->now.kind) {
	case T_NUMBER: {
		double num = p->now.num;
		advance(p);
		node = node_new(p, N_NUM, start, 0, NULL);
		node->num = num;
		return node;
	}
	case T_STRING: {
		const char *text = p->now.text;
		advance(p);
		node = node_new(p, N_STR, start, 0, NULL);
		node->text = text;
		return node;
	}
	case T_NAME: {
		const char *name = expect_name(p, "an expression");
		if (accept(p, '(')) {
			Nodes args = parse_list(p, ')', "',' or ')'", parse_argument);
			node = node_new(p, N_CALL, start, args.n, args.items);
			node->n_names = args.n;
			node->names = args.names;
		} else {
			node = node_new(p, N_NAME, start, 0, NULL);
		}
		node->text = name;
		return node;
	}
	case T_PUNCT:
		if (accept(p, '(')) {
			const Node *inner = parse_expr(p);
			expect(p, ')', "')'");
			return inner;
		}
		if (accept(p, '[')) {
			Nodes items = parse_list(p, ']', "',' or ']'", parse_item);
			return node_new(p, N_LIST, start, items.n, items.items);
		}
		break;
	case T_END:
	case T_NEWLINE: break;
	}
	fail_wanted(p, "an expression");
}

static const Node *parse_postfix(Parser *p)
{
	size_t start = p->now.start;
	const Node *node = parse_atom(p);
	while (accept(p, '[')) {
		Nodes items = {0};
		nodes_add(p, &items, node, NULL);
		Nodes indices = parse_list(p, ']', "',' or ']'", parse_subscript);
		for (int i = 0; i < indices.n; i++) nodes_add(p, &items, indices.items[i], NULL);
		node = node_new(p, N_INDEX, start, items.n, items.items);
	}
	return node;
}

static const Node *parse_unary(Parser *p)
{
	enter(p);
	size_t start = p->now.start;
	const Node *node;
	if (accept(p, '-')) {
		Node *minus = node_new(p, N_UNARY, start, 1, (const Node *[]){parse_unary(p)});
		minus->end = p->last_end;
		minus->op = OP_EW_neg;
		node = minus;
	} else if (accept(p, '+')) {
		node = parse_unary(p);
	} else {
		node = parse_postfix(p);
		if (accept(p, PUNCT2('*', '*'))) {
			const Node *power = parse_unary(p); /* 2 ** -1; and a ** b ** c = a ** (b ** c) */
			Node *binary = node_new(p, N_BINARY, start, 2, (const Node *[]){node, power});
			binary->op = OP_EW_pow;
			node = binary;
		}
	}
	p->nesting--;
	return node;
}

/* Binary operators from | to *, by how tightly they bind. */
static const struct {
	int punct, level, op;
} binaries[] = {
	{'|', 1, OP_EW_or},
	{'^', 2, OP_EW_xor},
	{'&', 3, OP_EW_and},
	{PUNCT2('<', '<'), 4, OP_EW_shl},
	{PUNCT2('>', '>'), 4, OP_EW_shr},
	{'+', 5, OP_EW_add},
	{'-', 5, OP_EW_sub},
	{'*', 6, OP_EW_mul},
	{'/', 6, OP_EW_div},
	{PUNCT2('/', '/'), 6, LANG_FLOORDIV},
	{'%', 6, OP_EW_mod},
	{'@', 6, LANG_MATMUL},
};

static const Node *parse_binary(Parser *p, int level)
{
	enum { TIGHTEST = 6 };
	if (level > TIGHTEST) return parse_unary(p);
	size_t start = p->now.start;
	const Node *left = parse_binary(p, level + 1);
	for (;;) {
		int op = -1;
		for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++)
			if (binaries[i].level == level && is(p, binaries[i].punct)) op = binaries[i].op;
		if (op < 0) return left;
		advance(p);
		const Node *right = parse_binary(p, level + 1);
		Node *node = node_new(p, N_BINARY, start, 2, (const Node *[]){left, right});
		node->op = op;
		left = node;
	}
}

static int accept_comparison(Parser *p)
{
	static const struct {
		int punct, op;
	} comparisons[] = {
		{PUNCT2('=', '='), OP_EW_eq},
		{PUNCT2('!', '='), OP_EW_ne},
		{'<', OP_EW_lt},
		{PUNCT2('<', '='), OP_EW_le},
		{'>', OP_EW_gt},
		{PUNCT2('>', '='), OP_EW_ge},
	};
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(*comparisons); i++)
		if (accept(p, comparisons[i].punct)) return comparisons[i].op;
	if (accept_word(p, "in")) return LANG_IN;
	if (is_word(p, "not") && p->next.kind == T_NAME && !strcmp(p->next.text, "in")) {
		advance(p);
		advance(p);
		return LANG_NOT_IN;
	}
	return -1;
}

static const Node *parse_comparison(Parser *p)
{
	size_t start = p->now.start;
	const Node *left = parse_binary(p, 1);
	int op = accept_comparison(p);
	if (op < 0) return left;
	const Node *right = parse_binary(p, 1);
	Node *node = node_new(p, N_BINARY, start, 2, (const Node *[]){left, right});
	node->op = op;
	Token after = p->now;
	if (accept_comparison(p) >= 0)
		fail_at(p->cx, (Span){p->lx.src, after.start, after.end}, "comparisons do not chain: a < b and b < c");
	return node;
}

static const Node *parse_not(Parser *p)
{
	size_t start = p->now.start;
	if (!accept_word(p, "not")) return parse_comparison(p);
	enter(p);
	Node *node = node_new(p, N_UNARY, start, 1, (const Node *[]){parse_not(p)});
	node->end = p->last_end;
	node->op = OP_EW_not;
	p->nesting--;
	return node;
}

static const Node *parse_and(Parser *p)
{
	size_t start = p->now.start;
	const Node *left = parse_not(p);
	while (accept_word(p, "and")) {
		const Node *right = parse_not(p);
		left = node_new(p, N_AND, start, 2, (const Node *[]){left, right});
	}
	return left;
}

static const Node *parse_or(Parser *p)
{
	size_t start = p->now.start;
	const Node *left = parse_and(p);
	while (accept_word(p, "or")) {
		const Node *right = parse_and(p);
		left = node_new(p, N_OR, start, 2, (const Node *[]){left, right});
	}
	return left;
}

static const Node *parse_expr(Parser *p)
{
	enter(p);
	size_t start = p->now.start;
	const Node *node = parse_or(p);
	if (accept_word(p, "if")) {
		const Node *cond = parse_or(p);
		if (!accept_word(p, "else")) fail_wanted(p, "'else' (an expression is x if condition else y)");
		const Node *otherwise = parse_expr(p);
		node = node_new(p, N_COND, start, 3, (const Node *[]){node, cond, otherwise});
	}
	p->nesting--;
	return node;
}

/* ------------------------------------------------------------------------------------------------ statements */

static const Node *parse_block(Parser *p);

static const Node *parse_if(Parser *p)
{
	enter(p);
	size_t start = p->now.start;
	advance(p);
	const Node *cond = parse_expr(p);
	const Node *then = parse_block(p), *otherwise = NULL;
	if (accept_word(p, "else")) otherwise = is_word(p, "if") ? parse_if(p) : parse_block(p);
	p->nesting--;
	return node_new(p, N_IF, start, 3, (const Node *[]){cond, then, otherwise});
}

static Nodes parse_values(Parser *p)
{
	Nodes values = {0};
	do nodes_add(p, &values, parse_expr(p), NULL);
	while (accept(p, ','));
	return values;
}

static const Node *parse_statement(Parser *p)
{
	size_t start = p->now.start;
	if (is_word(p, "if")) return parse_if(p);
	if (accept_word(p, "unroll")) {
		const char *name = expect_name(p, "a name");
		if (!accept_word(p, "in")) fail_wanted(p, "'in'");
		const Node *list = parse_expr(p);
		const Node *body = parse_block(p);
		Node *node = node_new(p, N_UNROLL, start, 2, (const Node *[]){list, body});
		node->text = name;
		return node;
	}
	if (accept_word(p, "yield")) {
		Nodes values = parse_values(p);
		return node_new(p, N_YIELD, start, values.n, values.items);
	}
	Nodes left = parse_values(p);
	if (!is(p, '=')) {
		if (left.n > 1) fail_wanted(p, "'=' (several results are given by yield a, b)");
		return left.items[0];
	}
	const char **names = NEWN(p->cx->arena, const char *, left.n);
	for (int i = 0; i < left.n; i++) {
		const Node *target = left.items[i];
		if (target->kind != N_NAME)
			fail_at(p->cx, (Span){p->lx.src, target->start, target->end}, "only a name can be assigned to");
		names[i] = target->text;
	}
	advance(p);
	Nodes values = parse_values(p);
	if (values.n != 1 && values.n != left.n)
		fail_at(p->cx, (Span){p->lx.src, start, p->last_end}, "%d names on the left, %d values on the right",
			left.n, values.n);
	Node *node = node_new(p, N_ASSIGN, start, values.n, values.items);
	node->n_names = left.n;
	node->names = names;
	return node;
}

static void skip_newlines(Parser *p)
{
	while (p->now.kind == T_NEWLINE || is(p, ';')) advance(p);
}

static const Node *parse_block(Parser *p)
{
	enter(p);
	size_t start = p->now.start;
	expect(p, '{', "'{'");
	Nodes statements = {0};
	skip_newlines(p);
	while (!is(p, '}')) {
		nodes_add(p, &statements, parse_statement(p), NULL);
		if (!is(p, '}') && !is(p, ';') && p->now.kind != T_NEWLINE) fail_wanted(p, "the end of the statement");
		skip_newlines(p);
	}
	advance(p);
	p->nesting--;
	return node_new(p, N_BLOCK, start, statements.n, statements.items);
}

/* ------------------------------------------------------------------------------------------------ declarations */

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

Unit parse_unit(Ctx *cx, const Source *src)
{
	Parser parser, *p = &parser;
	parser_init(p, cx, src);
	Unit unit = {0};
	OpDecl *ops = NULL;
	ExampleDecl *examples = NULL;
	int op_cap = 0, example_cap = 0;
	for (skip_newlines(p); p->now.kind != T_END; skip_newlines(p)) {
		if (accept_word(p, "op")) {
			if (unit.n_ops == op_cap) {
				OpDecl *more = NEWN(cx->arena, OpDecl, op_cap = op_cap ? 2 * op_cap : 32);
				if (ops) memcpy(more, ops, sizeof(*ops) * (size_t)unit.n_ops);
				ops = more;
			}
			ops[unit.n_ops++] = parse_op(p);
		} else if (accept_word(p, "example")) {
			if (unit.n_examples == example_cap) {
				ExampleDecl *more =
					NEWN(cx->arena, ExampleDecl, example_cap = example_cap ? 2 * example_cap : 32);
				if (examples) memcpy(more, examples, sizeof(*examples) * (size_t)unit.n_examples);
				examples = more;
			}
			examples[unit.n_examples++] = parse_example(p);
		} else {
			fail_wanted(p, "'op' or 'example'");
		}
		if (p->now.kind != T_END && p->now.kind != T_NEWLINE) fail_wanted(p, "the end of the line");
	}
	unit.ops = ops;
	unit.examples = examples;
	return unit;
}

int parse_exprs(Ctx *cx, const Source *src, const Node ***exprs)
{
	Parser parser, *p = &parser;
	parser_init(p, cx, src);
	Nodes list = {0};
	do {
		bool empty = is(p, ';') || p->now.kind == T_END;
		nodes_add(p, &list, empty ? NULL : parse_expr(p), NULL);
	} while (accept(p, ';'));
	if (p->now.kind != T_END) fail_wanted(p, "';' or the end");
	*exprs = list.items;
	return list.n;
}
