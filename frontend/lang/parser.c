/* parser.c: tokens to a syntax tree, by recursive descent with two tokens in view: tokens and expressions.
 *
 *     expr     = or ["if" or "else" expr]
 *     atom     = NUMBER | STRING | NAME | "(" expr ")" | "[" [expr {"," expr}] "]" | call | form (parse_forms.c)
 *     call     = NAME ["[" size {"," size} ["as" NAME] "]"] "(" [argument {"," argument}] [";" argument {"," argument}] ")"
 *     argument = [NAME "="] expr
 *     size     = [NAME "="] expr
 *
 * and operators bind as in Python, from loose to tight:
 *     or; and; not; == != < <= > >= in not-in (no chains); |; ^; &; << >>; + -; * / // % @; unary - +; **; x(..) x[..]
 */
#include "frontend/lang/parser.h"

#include <string.h>

enum { MAX_NESTING = 200 };

void nodes_add(Parser *p, Nodes *list, const Node *item, const char *name)
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

void advance(Parser *p)
{
	p->last_end = p->now.end;
	p->now = p->next;
	p->next = lex_token(&p->lx);
}

void parser_init(Parser *p, Ctx *cx, const Source *src, size_t at)
{
	*p = (Parser){.cx = cx, .lx = {.cx = cx, .src = src, .at = at}};
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

_Noreturn void fail_wanted(Parser *p, const char *wanted)
{
	Span at = {p->lx.src, p->now.start, p->now.end};
	fail_at(p->cx, at, "expected %s, found %s", wanted, token_str(p, &p->now));
}

static bool token_is(const Token *t, int punct) { return t->kind == T_PUNCT && t->punct == punct; }
bool is(const Parser *p, int punct) { return token_is(&p->now, punct); }
bool is_word(const Parser *p, const char *word) { return p->now.kind == T_NAME && !strcmp(p->now.text, word); }

static bool reserved(const char *word)
{
	static const char *const words[] = {"if", "else", "and", "or", "not", "in", "yield", "unroll"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i])) return true;
	return false;
}

bool next_is_name(const Parser *p) { return p->next.kind == T_NAME && !reserved(p->next.text); }

bool accept(Parser *p, int punct)
{
	bool yes = is(p, punct);
	if (yes) advance(p);
	return yes;
}

bool accept_word(Parser *p, const char *word)
{
	bool yes = is_word(p, word);
	if (yes) advance(p);
	return yes;
}

void expect(Parser *p, int punct, const char *wanted)
{
	if (!accept(p, punct)) fail_wanted(p, wanted);
}

const char *expect_name(Parser *p, const char *wanted)
{
	if (p->now.kind != T_NAME || reserved(p->now.text)) fail_wanted(p, wanted);
	const char *name = p->now.text;
	advance(p);
	return name;
}

Node *node_new(Parser *p, NodeKind kind, size_t start, int n, const Node *const *kids)
{
	Node *node = NEW(p->cx->arena, Node);
	node->kind = kind;
	node->start = start;
	node->end = p->last_end;
	node->n = n;
	node->kids = n ? (const Node *const *)arena_copy(p->cx->arena, kids, sizeof(*kids) * (size_t)n) : NULL;
	return node;
}

void enter(Parser *p)
{
	if (++p->nesting > MAX_NESTING)
		fail_at(p->cx, (Span){p->lx.src, p->now.start, p->now.end}, "nested more than %d deep", MAX_NESTING);
}

/* ------------------------------------------------------------------------------------------------ expressions */

Nodes parse_list(Parser *p, int close, const char *wanted, const Node *(*item)(Parser *, const char **name))
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
	size_t start = p->now.start;
	if (p->now.kind == T_NAME && token_is(&p->next, '=')) return parse_argument(p, name);
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

/* ( arguments ; states ), behind the name and the sizes */
static const Node *parse_call(Parser *p, size_t start, const char *name, Nodes sizes, const char *alias)
{
	Nodes all = {0};
	int n_states = 0;
	expect(p, '(', "'('");
	while (!is(p, ')') && !is(p, ';')) {
		const char *argument = NULL;
		const Node *node = parse_argument(p, &argument);
		nodes_add(p, &all, node, argument);
		if (!accept(p, ',')) break;
	}
	for (int i = 0; i < sizes.n; i++) nodes_add(p, &all, sizes.items[i], sizes.names[i]);
	if (accept(p, ';'))
		for (; !is(p, ')'); n_states++) {
			nodes_add(p, &all, parse_expr(p), NULL);
			if (accept(p, ',')) continue;
			n_states++;
			break;
		}
	expect(p, ')', "',' or ')'");
	Node *node = node_new(p, N_CALL, start, all.n, all.items);
	node->text = name;
	node->alias = alias;
	node->n_sizes = sizes.n;
	node->n_states = n_states;
	node->n_names = all.n;
	node->names = all.names;
	return node;
}

const Node *parse_atom(Parser *p)
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
		const Node *form = parse_form(p);
		if (form) return form;
		const char *name = expect_name(p, "an expression");
		if (is(p, '(')) return parse_call(p, start, name, (Nodes){0}, NULL);
		node = node_new(p, N_NAME, start, 0, NULL);
		node->text = name;
		return node;
	}
	case T_PUNCT:
		if (accept(p, '(')) {
			const Node *inner = parse_expr(p);
			if (!is(p, ',')) {
				expect(p, ')', "')'");
				return inner;
			}
			Nodes items = {0};
			nodes_add(p, &items, inner, NULL);
			while (accept(p, ',')) nodes_add(p, &items, parse_expr(p), NULL);
			expect(p, ')', "',' or ')'");
			node = node_new(p, N_TUPLE, start, items.n, items.items);
			return node;
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

/* [ indices or sizes, "as" NAME ] */
static Nodes parse_brackets(Parser *p, const char **alias)
{
	Nodes list = {0};
	while (!is(p, ']')) {
		const char *name = NULL;
		const Node *node = parse_subscript(p, &name);
		nodes_add(p, &list, node, name);
		if (accept_word(p, "as")) {
			*alias = expect_name(p, "the name for the weights");
			break;
		}
		if (!accept(p, ',')) break;
	}
	expect(p, ']', "',' or ']'");
	return list;
}

static const Node *parse_postfix(Parser *p)
{
	size_t start = p->now.start;
	const Node *node = parse_atom(p);
	while (accept(p, '[')) {
		const char *alias = NULL;
		Nodes indices = parse_brackets(p, &alias);
		if (node->kind == N_NAME && is(p, '(')) {
			node = parse_call(p, start, node->text, indices, alias);
			continue;
		}
		Nodes items = {0};
		nodes_add(p, &items, node, NULL);
		for (int i = 0; i < indices.n; i++) {
			if (indices.names[i] || alias) fail_wanted(p, "'(' after the sizes of a call");
			nodes_add(p, &items, indices.items[i], NULL);
		}
		node = node_new(p, N_INDEX, start, items.n, items.items);
	}
	return node;
}

const Node *parse_cell_name(Parser *p)
{
	size_t start = p->now.start;
	const char *name = expect_name(p, "the name of a cell"), *alias = NULL;
	Nodes sizes = {0};
	if (accept(p, '[')) sizes = parse_brackets(p, &alias);
	Node *node = node_new(p, N_CALL, start, sizes.n, sizes.items);
	node->text = name;
	node->alias = alias;
	node->n_names = node->n_sizes = sizes.n;
	node->names = sizes.names;
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

const Node *parse_sum(Parser *p) { return parse_binary(p, 5); }

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

const Node *parse_expr(Parser *p)
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
