/* parser.h: what the files of the parser share: the tokens in view, lists under construction, and the doors between them. */
#ifndef FRONTEND_LANG_PARSER_H
#define FRONTEND_LANG_PARSER_H

#include "frontend/lang/ast.h"

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

/* parser.c: tokens */
void parser_init(Parser *, Ctx *, const Source *, size_t at);
void nodes_add(Parser *, Nodes *, const Node *, const char *name);
void advance(Parser *);
_Noreturn void fail_wanted(Parser *, const char *wanted);
bool is(const Parser *, int punct);
bool is_word(const Parser *, const char *word);
bool next_is_name(const Parser *); /* and no word of the grammar */
bool accept(Parser *, int punct);
bool accept_word(Parser *, const char *word);
void expect(Parser *, int punct, const char *wanted);
const char *expect_name(Parser *, const char *wanted);
Node *node_new(Parser *, NodeKind, size_t start, int n, const Node *const *kids);
void enter(Parser *); /* one level deeper, and fails where that is too deep; leave by p->nesting-- */
void skip_newlines(Parser *);

/* parser.c: expressions */
const Node *parse_expr(Parser *);
const Node *parse_atom(Parser *);
const Node *parse_sum(Parser *);       /* no comparison, no condition */
const Node *parse_cell_name(Parser *); /* NAME or NAME[sizes] */
Nodes parse_list(Parser *, int close, const char *wanted, const Node *(*item)(Parser *, const char **name));

/* parse_forms.c */
const Node *parse_form(Parser *); /* an expression that begins with a word of its own; NULL: it does not */

/* parse_block.c */
const Node *parse_block(Parser *);
Nodes parse_values(Parser *);

/* parse_decl.c */
const Node *parse_var(Parser *, const char **name); /* NAME[sizes] in K = initial */
const Node *parse_fn(Parser *, FnKind);             /* behind its word */
const Node *parse_param(Parser *);                  /* behind its word */
const Node *parse_share(Parser *);                  /* behind its word */

#endif
