/* ops_regex.c: RegexFullMatch: which texts match an expression as a whole.
 *
 * ONNX wants the syntax of RE2 (https://github.com/google/re2/wiki/Syntax).  The matching is PCRE2's, by its algorithm without
 * backtracking, whose time an expression cannot blow up.  Most of RE2's syntax means the same there.  What does not is
 * written in PCRE2's words below, and what RE2 does not have (references, looking around, possessive repetition ..) is refused
 * by name instead of being taken as PCRE2 has it.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "frontend/onnx/compose.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATTERN = 1 << 16, MAX_REPEAT = 1000, WORKSPACE = 1 << 16, MATCH_LIMIT = 1 << 20, MAX_GROUPS = 250 };
/* What one character may take grows as the square of the expression's size. */
static const int64_t MAX_STEPS = INT64_C(1) << 37;

typedef struct {
	const Node *n;
	const char *at;
	Buf out;
	int depth;              /* of groups */
	bool lines[MAX_GROUPS]; /* do ^ and $ match at lines' ends there? */
} Translation;

static _Noreturn void refuse(const Translation *t, const char *from, size_t size)
{
	node_fail(t->n, "attribute pattern: %s is not in RE2's syntax, or not supported",
		onnx_quote(t->n->cx, arena_strn(t->n->cx->arena, from, size)));
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void copy_to(Translation *t, const char *end)
{
	buf_write(&t->out, t->at, (size_t)(end - t->at));
	t->at = end;
}

/* \pN, \p{Greek}, \P{^Greek}: a name of more than two letters is a script, and PCRE2's plain word for it means more. */
static void property(Translation *t)
{
	const char *at = t->at + 2, *end;
	if (*at != '{') {
		if (!*at) refuse(t, t->at, 2);
		copy_to(t, at + 1);
		return;
	}
	end = strchr(at, '}');
	if (!end) refuse(t, t->at, strlen(t->at));
	at += 1 + (at[1] == '^');
	copy_to(t, at);
	const size_t size = (size_t)(end - at);
	if (size > 2 && strncmp(at, "Any}", 4) != 0) buf_puts(&t->out, "sc:");
	copy_to(t, end + 1);
}

/* Something behind a backslash, inside of [..] or outside. */
static void escape(Translation *t, bool in_class)
{
	const char *at = t->at, c = at[1], *end;
	switch (c) {
	case 'p':
	case 'P': property(t); return;
	case 'v': /* a character in RE2, a class in PCRE2 */
		buf_puts(&t->out, "\\x0b");
		t->at += 2;
		return;
	case 's': /* without the vertical tab */
		buf_puts(&t->out, in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
		t->at += 2;
		return;
	case 'S':
		buf_puts(&t->out, in_class ? "\\S\\x0b" : "[\\S\\x0b]");
		t->at += 2;
		return;
	case 'Q':
		end = strstr(at, "\\E");
		if (in_class) refuse(t, at, 2);
		copy_to(t, end ? end + 2 : at + strlen(at));
		return;
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '0':
		if (c != '0' && !(is_digit(at[2]) && is_digit(at[3]))) refuse(t, at, 2); /* a reference */
		buf_puts(&t->out, "\\");
		t->at++;
		for (end = at + 1; end < at + 4 && *end >= '0' && *end <= '7';) end++;
		buf_printf(&t->out, "x{%lx}",
			strtoul(arena_strn(t->n->cx->arena, at + 1, (size_t)(end - at - 1)), NULL, 8));
		t->at = end;
		return;
	default: break;
	}
	const char *known = in_class ? "dDwWaftnrx" : "dDwWaftnrxAzbB";
	const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
	if (!c || (letter && !strchr(known, c)) || (unsigned char)c >= 0x80) refuse(t, at, c ? 2 : 1);
	copy_to(t, at + 2);
}

/* [..] */
static void class(Translation *t)
{
	const char *start = t->at;
	copy_to(t, t->at + 1 + (t->at[1] == '^'));
	if (*t->at == ']') {
		buf_puts(&t->out, "\\]");
		t->at++;
	}
	while (*t->at != ']') {
		if (!*t->at) refuse(t, start, strlen(start));
		if (*t->at == '\\') {
			escape(t, true);
		} else if (strncmp(t->at, "[:", 2) == 0 && strstr(t->at, ":]")) {
			copy_to(t, strstr(t->at, ":]") + 2);
		} else if (*t->at == '[') {
			buf_puts(&t->out, "\\[");
			t->at++;
		} else {
			copy_to(t, t->at + 1);
		}
	}
	copy_to(t, t->at + 1);
}

static void enter(Translation *t, bool lines)
{
	if (++t->depth == MAX_GROUPS) node_fail(t->n, "attribute pattern: groups nested more than %d deep", MAX_GROUPS);
	t->lines[t->depth] = lines;
}

/* (?flags), (?flags: without m, which is ours to know. */
static void flags(Translation *t)
{
	const char *at = t->at, *end = at + 2 + strspn(at + 2, "imsU-");
	if (*end != ':' && *end != ')') refuse(t, at, at[2] ? 3 : 2);
	bool on = true, lines = t->lines[t->depth];
	buf_puts(&t->out, "(?");
	for (t->at += 2; t->at < end; t->at++) {
		on &= *t->at != '-';
		if (*t->at == 'm') lines = on;
		else buf_write(&t->out, t->at, 1);
	}
	copy_to(t, end + 1);
	if (*end == ':') enter(t, lines);
	else t->lines[t->depth] = lines;
}

/* (, (?P<name>, (?<name> */
static void group(Translation *t)
{
	const char *at = t->at, *end = at + 2;
	if (at[1] == '*') refuse(t, at, 2);
	if (at[1] == '?' && *end != 'P' && *end != '<') {
		flags(t);
		return;
	}
	end = at + 1;
	if (*end == '?') {
		end += 1 + (end[1] == 'P');
		if (*end != '<' || end[1] == '=' || end[1] == '!' || !strchr(end, '>')) refuse(t, at, at[2] ? 3 : 2);
		end = strchr(end, '>') + 1;
	}
	copy_to(t, end);
	enter(t, t->lines[t->depth]);
}

/* The plain characters that mean something. */
static void plain(Translation *t)
{
	const bool lines = t->lines[t->depth];
	switch (*t->at) {
	case '^': buf_puts(&t->out, lines ? "(?:\\A|(?<=\\n))" : "(?:\\A)"); break;
	case '$': buf_puts(&t->out, lines ? "(?:\\z|(?=\\n))" : "(?:\\z)"); break;
	case '{': buf_puts(&t->out, "\\{"); break;
	case ')':
		if (t->depth-- == 0) refuse(t, t->at, 1);
		buf_puts(&t->out, ")");
		break;
	default: buf_write(&t->out, t->at, 1); break;
	}
	t->at++;
}

/* {n}, {n,}, {n,m}: where it ends; NULL: it is just a brace. */
static const char *counted(const Translation *t, const char *at)
{
	char *end;
	if (*at != '{' || !is_digit(at[1])) return NULL;
	unsigned long least = strtoul(at + 1, &end, 10), most = least;
	if (*end == ',') {
		const char *from = end + 1;
		most = is_digit(*from) ? strtoul(from, &end, 10) : least;
		if (!is_digit(*from)) end++;
	}
	if (*end != '}') return NULL;
	if (least > MAX_REPEAT || most > MAX_REPEAT || most < least) refuse(t, at, (size_t)(end + 1 - at));
	return end + 1;
}

static const char *repetition(const Translation *t, const char *at)
{
	return *at && strchr("*+?", *at) ? at + 1 : counted(t, at);
}

static const char *translate(const Node *n, const char *pattern)
{
	Translation t = {.n = n, .at = pattern};
	buf_init(&t.out, n->cx->arena);
	buf_puts(&t.out, "");
	while (*t.at) {
		const char *end = repetition(&t, t.at);
		if (end) {
			end += *end == '?';
			if (repetition(&t, end)) refuse(&t, t.at, (size_t)(end + 1 - t.at));
			copy_to(&t, end);
		} else if (*t.at == '\\') {
			escape(&t, false);
		} else if (*t.at == '[') {
			class(&t);
		} else if (*t.at == '(') {
			group(&t);
		} else {
			plain(&t);
		}
	}
	return t.out.text;
}

/* ---------------------------------------------------------------------------------------------------- matching */

typedef struct {
	pcre2_compile_context *context;
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
} Matcher;

static void matcher_free(void *matcher)
{
	Matcher *m = matcher;
	pcre2_match_context_free(m->limits);
	pcre2_match_data_free(m->data);
	pcre2_code_free(m->code);
	pcre2_compile_context_free(m->context);
}

static _Noreturn void fail_with(const Node *n, const char *what, int error)
{
	PCRE2_UCHAR message[256];
	if (pcre2_get_error_message(error, message, sizeof message) < 0) *message = '\0';
	node_fail(n, "%s: %s", what, (const char *)message);
}

static Matcher *matcher_of(const Node *n, const char *pattern)
{
	if (strlen(pattern) > MAX_PATTERN) node_fail(n, "attribute pattern: more than %d bytes", MAX_PATTERN);
	const char *text = translate(n, pattern);
	Matcher *m = NEW(n->cx->arena, Matcher);
	arena_defer(n->cx->arena, matcher_free, m);
	m->context = pcre2_compile_context_create(NULL);
	m->limits = pcre2_match_context_create(NULL);
	if (!m->context || !m->limits) node_fail(n, "out of memory");
	pcre2_set_newline(m->context, PCRE2_NEWLINE_LF);
	pcre2_set_match_limit(m->limits, MATCH_LIMIT);
	int error;
	PCRE2_SIZE offset;
	m->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE, &error,
		&offset, m->context);
	if (!m->code)
		fail_with(n, arena_printf(n->cx->arena, "attribute pattern: %s", onnx_quote(n->cx, pattern)), error);
	m->data = pcre2_match_data_create(1, NULL);
	if (!m->data) node_fail(n, "out of memory");
	return m;
}

static bool matches(const Node *n, const Matcher *m, int *workspace, const char *text)
{
	const size_t size = strlen(text);
	const int result = pcre2_dfa_match(
		m->code, (PCRE2_SPTR)text, size, 0, PCRE2_ANCHORED, m->data, m->limits, workspace, WORKSPACE);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		fail_with(n, arena_printf(n->cx->arena, "input X: %s", onnx_quote(n->cx, text)), result);
	return result >= 0 && pcre2_get_ovector_pointer(m->data)[1] == size; /* the longest match comes first */
}

static void import_regex_full_match(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Tensor *x = node_texts(n, 0, "X");
	if (!node_has(n, "pattern")) node_fail(n, "attribute pattern is missing");
	const Matcher *m = matcher_of(n, node_str(n, "pattern", ""));
	size_t size = 0;
	pcre2_pattern_info(m->code, PCRE2_INFO_SIZE, &size);
	if (texts_bytes(n, x) > MAX_STEPS / (int64_t)size / (int64_t)size)
		node_fail(n, "input X: matching so many bytes could take minutes");
	int *workspace = NEWN(cx->arena, int, WORKSPACE);
	Tensor *y = tensor_new(cx->arena, BOOL, x->rank, x->dims);
	for (int64_t i = 0; i < x->count; i++)
		tensor_set_int(y, i, matches(n, m, workspace, text_numbered(cx, tensor_get_int(x, i))));
	out[0] = val_const(cx, y);
}

const Importer onnx_ops_regex[] = {
	{"", "RegexFullMatch", 20, 0, "pattern", 1, 1, 1, import_regex_full_match},
	{.op = NULL},
};
