/* parse_forms.c: the expressions of models that begin with a word of their own.
 *
 *     each     = ("for" | "sum" | "mean" | "max" | "min") NAME "in" sum "{" expr "}"
 *     scan     = "scan" cell "over" sum {option}             cell = NAME ["[" size {"," size} ["as" NAME] "]"]
 *     generate = "generate" cell {option}                    several sequences: over (a, b)
 *     loop     = "loop" sum "(" var {"," var} ")" "while" expr block
 *
 * The words are reserved only where what follows cannot be anything else: mean(x) is a call.
 */
#include "frontend/lang/parser.h"

#include <string.h>

static bool starts_each(const Parser *p)
{
	static const char *const words[] = {"for", "sum", "mean", "max", "min"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (is_word(p, words[i])) return true;
	return false;
}

static const Node *parse_each(Parser *p)
{
	size_t start = p->now.start;
	enter(p);
	const char *word = p->now.text;
	advance(p);
	const char *name = expect_name(p, "a name");
	if (!accept_word(p, "in")) fail_wanted(p, "'in'");
	const Node *over = parse_sum(p);
	expect(p, '{', "'{'");
	skip_newlines(p);
	const Node *what = parse_expr(p);
	skip_newlines(p);
	expect(p, '}', "'}' (one expression stands between the braces)");
	p->nesting--;
	Node *node = node_new(p, N_EACH, start, 2, (const Node *[]){over, what});
	node->text = name;
	node->alias = word;
	return node;
}

/* Options and whether a value follows. */
static const struct {
	const char *word;
	bool value, scan, generate;
} options[] = {
	{"reverse", false, true, false},
	{"dilate", true, true, false},
	{"zoneout", true, true, false},
	{"feed", true, true, false},
	{"tbptt", true, true, false},
	{"start", true, false, true},
	{"stop", true, false, true},
	{"max", true, false, true},
	{"beam", true, false, true},
	{"lenpen", true, false, true},
	{"greedy", false, false, true},
	{"sample", false, false, true},
};

static void parse_options(Parser *p, Nodes *items, bool scan)
{
	for (;;) {
		size_t i = 0, n = sizeof(options) / sizeof(*options);
		while (i < n && !((scan ? options[i].scan : options[i].generate) && is_word(p, options[i].word))) i++;
		if (i == n) return;
		for (int k = 0; k < items->n; k++)
			if (items->names[k] && !strcmp(items->names[k], options[i].word))
				fail_wanted(p, "each option once");
		size_t start = p->now.start;
		advance(p);
		const Node *value = options[i].value ? parse_sum(p) : node_new(p, N_LIST, start, 0, NULL);
		nodes_add(p, items, value, options[i].word);
	}
}

static const Node *parse_over(Parser *p, NodeKind kind)
{
	size_t start = p->now.start;
	enter(p);
	advance(p);
	Nodes items = {0};
	nodes_add(p, &items, parse_cell_name(p), NULL);
	if (kind == N_SCAN) {
		if (!accept_word(p, "over")) fail_wanted(p, "'over' (scan cell over sequence)");
		const Node *xs = parse_sum(p);
		if (xs->kind == N_TUPLE)
			for (int i = 0; i < xs->n; i++) nodes_add(p, &items, xs->kids[i], NULL);
		else nodes_add(p, &items, xs, NULL);
	}
	parse_options(p, &items, kind == N_SCAN);
	p->nesting--;
	Node *node = node_new(p, kind, start, items.n, items.items);
	node->n_names = items.n;
	node->names = items.names;
	return node;
}

/* N of loop N ( .. ): no call. */
static const Node *parse_rounds(Parser *p)
{
	if (p->now.kind != T_NAME || p->next.kind != T_PUNCT || p->next.punct != '(') return parse_sum(p);
	size_t start = p->now.start;
	const char *name = expect_name(p, "a number");
	Node *node = node_new(p, N_NAME, start, 0, NULL);
	node->text = name;
	return node;
}

static const Node *parse_loop(Parser *p)
{
	size_t start = p->now.start;
	enter(p);
	advance(p);
	Nodes items = {0};
	nodes_add(p, &items, parse_rounds(p), NULL);
	expect(p, '(', "'(' (loop 10 (x = 0) while condition { x' = ... })");
	Nodes vars = parse_list(p, ')', "',' or ')'", parse_var);
	if (!accept_word(p, "while")) fail_wanted(p, "'while'");
	nodes_add(p, &items, parse_expr(p), NULL);
	nodes_add(p, &items, parse_block(p), NULL);
	for (int i = 0; i < vars.n; i++) nodes_add(p, &items, vars.items[i], NULL);
	p->nesting--;
	return node_new(p, N_LOOP, start, items.n, items.items);
}

const Node *parse_form(Parser *p)
{
	if (next_is_name(p)) {
		if (starts_each(p)) return parse_each(p);
		if (is_word(p, "scan")) return parse_over(p, N_SCAN);
		if (is_word(p, "generate")) return parse_over(p, N_GENERATE);
	}
	if (is_word(p, "loop") && (p->next.kind == T_NUMBER || next_is_name(p))) return parse_loop(p);
	return NULL;
}
