/* lex.c: the characters of graph text: words, strings, numbers, lists, and errors that point at them. */
#include "ir/lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 160 };

/* ---- errors ---- */

void lex_line(Parser *p, const char *at)
{
	const char *newline;
	if (at < p->line_start) {
		p->line_start = p->text;
		p->line = 1;
	}
	while ((newline = memchr(p->line_start, '\n', (size_t)(at - p->line_start)))) {
		p->line_start = newline + 1;
		p->line++;
	}
}

_Noreturn void lex_fail(Parser *p, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *message = arena_vprintf(p->cx->arena, format, args);
	va_end(args);
	lex_line(p, at);
	Buf pad;
	buf_init(&pad, p->scratch);
	int column = 1;
	const char *shown = at - p->line_start > MAX_SHOWN ? at - MAX_SHOWN : p->line_start;
	for (const char *s = p->line_start; s < at; s++) {
		if (((unsigned char)*s & 0xc0) == 0x80) continue;
		column++;
		if (s >= shown) buf_puts(&pad, *s == '\t' ? "\t" : " ");
	}
	int n = (int)strcspn(shown, "\r\n");
	fail(p->cx, "%s:%d:%d: %s\n    %.*s\n    %s^", p->file, p->line, column, message,
		n < 2 * MAX_SHOWN ? n : 2 * MAX_SHOWN, shown, pad.size ? pad.text : "");
}

_Noreturn void lex_relay(Parser *p, const char *at, const char *loc)
{
	const char *message = p->cx->error;
	size_t n = loc ? strlen(loc) : 0;
	if (n && strncmp(message, loc, n) == 0 && strncmp(message + n, ": ", 2) == 0) message += n + 2;
	lex_fail(p, at, "%s", message);
}

/* ---- characters and words ---- */

void lex_space(Parser *p)
{
	for (;; p->at++) {
		if (*p->at == '#' && strncmp(p->at, LOCATION, strlen(LOCATION)) != 0) p->at += strcspn(p->at, "\n");
		if (!*p->at || !strchr(" \t\r\n", *p->at)) return;
	}
}

_Noreturn void lex_wanted(Parser *p, const char *what)
{
	int n = (int)strcspn(p->at, "\r\n");
	if (*p->at == 0) lex_fail(p, p->at, "%s wanted, the end of the text seen", what);
	if (n == 0) lex_fail(p, p->at, "%s wanted, the end of the line seen", what);
	lex_fail(p, p->at, "%s wanted, '%.*s' seen", what, n < 20 ? n : 20, p->at);
}

bool lex_accept(Parser *p, const char *token)
{
	lex_space(p);
	size_t n = strlen(token);
	if (strncmp(p->at, token, n) != 0) return false;
	p->at += n;
	return true;
}

void lex_expect(Parser *p, const char *token)
{
	if (!lex_accept(p, token)) lex_wanted(p, arena_printf(p->scratch, "'%s'", token));
}

size_t lex_word_length(const char *s)
{
	size_t n = 0;
	if (!isalpha((unsigned char)*s) && *s != '_') return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.') n++;
	return n;
}

bool lex_accept_word(Parser *p, const char *word)
{
	lex_space(p);
	size_t n = strlen(word);
	if (lex_word_length(p->at) != n || strncmp(p->at, word, n) != 0) return false;
	p->at += n;
	return true;
}

const char *lex_word(Parser *p, const char *what)
{
	lex_space(p);
	size_t n = lex_word_length(p->at);
	if (n == 0) lex_wanted(p, what);
	p->at += n;
	return arena_strn(p->scratch, p->at - n, n);
}

static char parse_escape(Parser *p)
{
	char c = *p->at++;
	if (c == 'n') return '\n';
	if (c == '"' || c == '\\') return c;
	if (c == 'x' && isxdigit((unsigned char)p->at[0]) && isxdigit((unsigned char)p->at[1])) {
		char byte = (char)strtol((char[]){p->at[0], p->at[1], 0}, NULL, 16);
		p->at += 2;
		if (byte) return byte;
		p->at -= 2;
	}
	p->at--;
	lex_wanted(p, "\\\", \\\\, \\n or \\x and two hexadecimal digits, not 00,");
}

const char *lex_string(Parser *p)
{
	lex_space(p);
	const char *start = p->at;
	if (*p->at != '"') lex_wanted(p, "a string");
	Buf b;
	buf_init(&b, p->scratch);
	for (p->at++; *p->at != '"';) {
		char c = *p->at;
		if (c == 0 || c == '\n') lex_fail(p, start, "the string does not end on its line");
		p->at++;
		if (c == '\\') c = parse_escape(p);
		buf_write(&b, &c, 1);
	}
	p->at++;
	return b.size ? b.text : "";
}

const char *lex_name(Parser *p, const char *what) { return *p->at == '"' ? lex_string(p) : lex_word(p, what); }

int64_t lex_int(Parser *p)
{
	lex_space(p);
	const char *s = p->at;
	if (!isdigit((unsigned char)s[*s == '-'])) lex_wanted(p, "an integer");
	char *end;
	errno = 0;
	int64_t v = strtoll(s, &end, 10);
	if (errno) lex_fail(p, s, "the integer does not fit into 64 bits");
	p->at = end;
	return v;
}

void lex_list(Parser *p, const char *open, const char *close, void (*item)(Parser *, void *), void *user)
{
	lex_expect(p, open);
	if (lex_accept(p, close)) return;
	do item(p, user);
	while (lex_accept(p, ","));
	if (!lex_accept(p, close)) lex_wanted(p, arena_printf(p->scratch, "',' or '%s'", close));
}
