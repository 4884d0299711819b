/* lexer.c: text to tokens, one at a time, and messages that show the line they speak of.
 *
 * A newline ends a statement outside of ( and [, so the lexer keeps the stack of open brackets.  Names are ASCII, and may
 * end in a prime: h' is the next h.  Comments run from # to the end of the line.
 */
#include "frontend/lang/ast.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void line_column(Span span, size_t *line, size_t *column, size_t *line_start)
{
	*line = 1;
	*line_start = 0;
	for (size_t i = 0; i < span.start && i < span.src->size; i++)
		if (span.src->text[i] == '\n') {
			++*line;
			*line_start = i + 1;
		}
	*column = span.start - *line_start + 1;
}

const char *span_str(Ctx *cx, Span span)
{
	size_t line, column, line_start;
	line_column(span, &line, &column, &line_start);
	return arena_printf(cx->arena, "%s:%zu:%zu", span.src->name, line, column);
}

void fail_at(Ctx *cx, Span span, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *message = arena_vprintf(cx->arena, format, ap);
	va_end(ap);

	size_t line, column, start;
	line_column(span, &line, &column, &start);
	size_t end = start;
	while (end < span.src->size && span.src->text[end] != '\n') end++;
	while (start < span.start && isspace((unsigned char)span.src->text[start])) start++;
	size_t last = span.end < end ? span.end : end;
	/* A line that a machine wrote is shown in part. */
	enum { SHOWN = 160 };
	if (span.start - start > SHOWN / 2) start = span.start - SHOWN / 2;
	if (end - start > SHOWN) end = start + SHOWN;
	if (last > end) last = end;

	Buf out;
	buf_init(&out, cx->arena);
	buf_printf(&out, "%s:%zu:%zu: %s\n    ", span.src->name, line, column, message);
	for (size_t i = start; i < end; i++) {
		unsigned char c = (unsigned char)span.src->text[i];
		buf_printf(&out, "%c", c < ' ' || c == 127 ? ' ' : c);
	}
	buf_printf(&out, "\n    %*s^", (int)(span.start - start), "");
	for (size_t i = span.start + 1; i < last; i++) buf_puts(&out, "~");
	fail(cx, "%s", out.text);
}

bool report_open(const Report *r) { return r->n < MAX_REPORTED; }

void report_add(Ctx *cx, Report *r, const char *message)
{
	for (int i = 0; i < r->n; i++)
		if (!strcmp(r->messages[i], message)) return;
	if (report_open(r)) r->messages[r->n++] = arena_printf(cx->arena, "%s", message);
}

void report_fail(Ctx *cx, const Report *r)
{
	if (!r->n) return;
	Buf out;
	buf_init(&out, cx->arena);
	for (int i = 0; i < r->n; i++) buf_printf(&out, "%s%s", i ? "\n" : "", r->messages[i]);
	if (!report_open(r)) buf_puts(&out, "\n(more than that is not shown)");
	fail(cx, "%s", out.text);
}

static Span span_here(const Lexer *lx, size_t start)
{
	size_t end = lx->at > start ? lx->at : start + 1;
	return (Span){lx->src, start, end};
}

static int peek(const Lexer *lx, size_t ahead)
{
	return lx->at + ahead < lx->src->size ? (unsigned char)lx->src->text[lx->at + ahead] : -1;
}

static bool in_brackets(const Lexer *lx) { return lx->depth > 0 && lx->brackets[lx->depth - 1] != '{'; }

static void skip_blank(Lexer *lx)
{
	for (int c; (c = peek(lx, 0)) >= 0; lx->at++) {
		if (c == '#')
			while (peek(lx, 0) >= 0 && peek(lx, 0) != '\n') lx->at++;
		c = peek(lx, 0);
		bool blank = c == ' ' || c == '\t' || c == '\r' || (c == '\n' && in_brackets(lx));
		if (!blank) return;
	}
}

static Token lex_number(Lexer *lx, size_t start)
{
	while (isdigit(peek(lx, 0))) lx->at++;
	/* 1..6 is a range of opsets, not 1. and .6 */
	if (peek(lx, 0) == '.' && peek(lx, 1) != '.') {
		lx->at++;
		while (isdigit(peek(lx, 0))) lx->at++;
	}
	if (peek(lx, 0) == 'e' || peek(lx, 0) == 'E') {
		size_t sign = peek(lx, 1) == '+' || peek(lx, 1) == '-' ? 1 : 0;
		if (!isdigit(peek(lx, 1 + sign)))
			fail_at(lx->cx, span_here(lx, start), "an exponent wants digits, as in 1e-5");
		lx->at += 1 + sign;
		while (isdigit(peek(lx, 0))) lx->at++;
	}
	if (isalnum(peek(lx, 0)) || peek(lx, 0) == '_')
		fail_at(lx->cx, span_here(lx, lx->at), "a letter right after a number");
	char *digits = arena_strn(lx->cx->arena, lx->src->text + start, lx->at - start);
	return (Token){.kind = T_NUMBER, .start = start, .end = lx->at, .num = strtod(digits, NULL)};
}

static Token lex_string(Lexer *lx, size_t start)
{
	Buf out;
	buf_init(&out, lx->cx->arena);
	buf_puts(&out, "");
	for (lx->at++; peek(lx, 0) != '"'; lx->at++) {
		int c = peek(lx, 0);
		if (c < 0 || c == '\n') fail_at(lx->cx, span_here(lx, start), "a string that does not end on its line");
		if (c == 0) fail_at(lx->cx, span_here(lx, lx->at), "a NUL character in a string");
		if (c == '\\') {
			lx->at++;
			c = peek(lx, 0);
			if (c == 'n') c = '\n';
			else if (c != '"' && c != '\\')
				fail_at(lx->cx, (Span){lx->src, lx->at - 1, lx->at + 1},
					"unknown escape: \\\" \\\\ and \\n exist");
		}
		buf_printf(&out, "%c", c);
	}
	lx->at++;
	return (Token){.kind = T_STRING, .start = start, .end = lx->at, .text = out.text};
}

static void track_brackets(Lexer *lx, int c)
{
	if (c == '(' || c == '[' || c == '{') {
		if (lx->depth == MAX_BRACKETS)
			fail_at(lx->cx, span_here(lx, lx->at), "brackets are nested more than %d deep", MAX_BRACKETS);
		lx->brackets[lx->depth++] = (char)c;
	} else if (c == ')' || c == ']' || c == '}') {
		char open = c == ')' ? '(' : c == ']' ? '[' : '{';
		if (lx->depth == 0 || lx->brackets[lx->depth - 1] != open)
			fail_at(lx->cx, span_here(lx, lx->at), "'%c' closes nothing", c);
		lx->depth--;
	}
}

static Token lex_punct(Lexer *lx, size_t start)
{
	static const char *const longer[] = {"...", "..", "**", "//", "==", "!=", "<=", ">=", "<<", ">>", "->", NULL};
	for (int i = 0; longer[i]; i++) {
		size_t n = strlen(longer[i]);
		if (lx->src->size - start < n || memcmp(lx->src->text + start, longer[i], n) != 0) continue;
		int punct = 0;
		for (size_t k = 0; k < n; k++) punct |= (unsigned char)longer[i][k] << 8 * k;
		lx->at += n;
		return (Token){.kind = T_PUNCT, .start = start, .end = lx->at, .punct = punct};
	}
	int c = peek(lx, 0);
	if (c == 0 || !strchr("+-*/%@<>=&|^~()[]{},;:.?", c)) {
		if (c == '\'') fail_at(lx->cx, span_here(lx, start), "strings are written in \"double quotes\"");
		fail_at(lx->cx, span_here(lx, start), "unexpected character (byte 0x%02x)", (unsigned)c);
	}
	track_brackets(lx, c);
	lx->at++;
	return (Token){.kind = T_PUNCT, .start = start, .end = lx->at, .punct = c};
}

Token lex_token(Lexer *lx)
{
	skip_blank(lx);
	size_t start = lx->at;
	int c = peek(lx, 0);
	if (c < 0) return (Token){.kind = T_END, .start = start, .end = start};
	if (c == '\n') {
		lx->at++;
		return (Token){.kind = T_NEWLINE, .start = start, .end = start + 1};
	}
	if (isalpha(c) || c == '_') {
		while (isalnum(peek(lx, 0)) || peek(lx, 0) == '_') lx->at++;
		if (peek(lx, 0) == '\'') lx->at++;
		char *text = arena_strn(lx->cx->arena, lx->src->text + start, lx->at - start);
		return (Token){.kind = T_NAME, .start = start, .end = lx->at, .text = text};
	}
	if (isdigit(c) || (c == '.' && isdigit(peek(lx, 1)))) return lex_number(lx, start);
	if (c == '"') return lex_string(lx, start);
	return lex_punct(lx, start);
}
