/* parse_block.c: statements.
 *
 *     block    = "{" { statement } "}"                  newline or ";" between; the last one's value is the result
 *     statement= NAME {"," NAME} "=" expr {"," expr}
 *              | "if" expr block ["else" (if | block)]  decided at compile time
 *              | "unroll" NAME "in" expr block          repeated at compile time
 *              | "yield" expr {"," expr}
 *              | "param" ... | "share" ... | "cell" ... | "def" ...      (parse_decl.c)
 *              | expr
 */
#include "frontend/lang/parser.h"

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

Nodes parse_values(Parser *p)
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
	if (next_is_name(p)) {
		if (accept_word(p, "param")) return parse_param(p);
		if (accept_word(p, "share")) return parse_share(p);
		if (accept_word(p, "cell")) return parse_fn(p, FN_CELL);
		if (accept_word(p, "def")) return parse_fn(p, FN_DEF);
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
	if (values.n != 1 && left.n != 1 && values.n != left.n)
		fail_at(p->cx, (Span){p->lx.src, start, p->last_end}, "%d names on the left, %d values on the right",
			left.n, values.n);
	Node *node = node_new(p, N_ASSIGN, start, values.n, values.items);
	node->n_names = left.n;
	node->names = names;
	return node;
}

void skip_newlines(Parser *p)
{
	while (p->now.kind == T_NEWLINE || is(p, ';')) advance(p);
}

const Node *parse_block(Parser *p)
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
