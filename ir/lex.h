/* lex.h: what parse.c reads graph text with.  Spaces and comments (# to the end of the line) may stand anywhere. */
#ifndef IR_LEX_H
#define IR_LEX_H

#include "ir/ir.h"

#define LOCATION "#@ \"" /* begins no comment, but a string that says where a value comes from */

typedef struct {
	Ctx *cx;
	Arena *scratch;
	const char *file;
	const char *text, *at, *end;
	const char *line_start; /* of line number `line`: the last one that was looked for */
	int line;
	int depth;  /* of bodies */
	Map bodies; /* interned label -> Graph*: those that are referred to again */
} Parser;

/* Sets p->line to the line of that place. */
void lex_line(Parser *, const char *at);

/* "file:line:column: message", the line, a caret.  Columns count characters, not bytes. */
_Noreturn void lex_fail(Parser *, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Passes on what a callee said, at a place in the text rather than at the location that it carried. */
_Noreturn void lex_relay(Parser *, const char *at, const char *loc);
/* "WHAT wanted, '...' seen" */
_Noreturn void lex_wanted(Parser *, const char *what);

void lex_space(Parser *);
bool lex_accept(Parser *, const char *token);
void lex_expect(Parser *, const char *token);
size_t lex_word_length(const char *); /* 0: none here */
bool lex_accept_word(Parser *, const char *word);
const char *lex_word(Parser *, const char *what);
const char *lex_string(Parser *);
const char *lex_name(Parser *, const char *what); /* a word or a string */
int64_t lex_int(Parser *);
/* Runs item for each of OPEN item, item, ... CLOSE. */
void lex_list(Parser *, const char *open, const char *close, void (*item)(Parser *, void *), void *user);

#endif
