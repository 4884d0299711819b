/* format.c: the canonical layout of a text: `rnncc fmt`.
 *
 * Works on tokens, so that it needs no knowledge of what they mean, and keeps what the author decided: the lines, and the
 * tightness of products (2*H + 1).  It decides the rest: a tab for each bracket that is open at the start of a line, however
 * many were opened on one; a space around other operators, after commas, inside of braces; no space inside of ( and [, or
 * between a function and its arguments; comments behind code two spaces away, in one column where their lines follow each
 * other; no blank line at the start or end of a block, and no two together.
 *
 * What comes out has the tokens and comments that went in, which is checked each time, and is a fixed point.
 */
#include "frontend/lang/ast.h"

#include <string.h>

typedef enum {
	WORD,    /* a name, a number, a string */
	KEYWORD, /* a name after which no call and no difference can be meant */
	OPEN,
	CLOSE,
	SEPARATOR, /* , ; */
	BINARY,
	UNARY,
	GLUE,  /* . .. : stand between without space */
	SUFFIX /* ? ... end a name */
} Role;

typedef struct {
	Token token;
	Role role;
	bool spaced;     /* BINARY: with a space on both sides */
	int newlines;    /* before it: 0, 1, or 2 for a blank line */
	bool is_comment; /* token.start .. token.end, without what is blank at its end */
} Item;

typedef struct {
	Ctx *cx;
	const Source *src;
	int n, cap;
	Item *items;
} Items;

static Item *add_item(Items *all)
{
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 256;
		Item *more = NEWN(all->cx->arena, Item, all->cap);
		if (all->n) memcpy(more, all->items, sizeof *more * (size_t)all->n);
		all->items = more;
	}
	return &all->items[all->n++];
}

/* ---- tokens, and the comments between them ---- */

static void add_gap(Items *all, size_t start, size_t end, int *newlines)
{
	const char *text = all->src->text;
	for (size_t at = start; at < end; at++) {
		if (text[at] == '\n') ++*newlines;
		if (text[at] != '#') continue;
		size_t stop = at;
		for (; stop < end && text[stop] != '\n'; stop++)
			if (!text[stop])
				fail_at(all->cx, (Span){all->src, stop, stop + 1}, "a NUL character in a comment");
		size_t last = stop;
		while (strchr(" \t\r", text[last - 1])) last--;
		*add_item(all) = (Item){.token = {.start = at, .end = last}, .newlines = *newlines, .is_comment = true};
		*newlines = 0;
		at = stop - 1;
	}
}

static Items read_items(Ctx *cx, const Source *src)
{
	Items all = {.cx = cx, .src = src};
	Lexer *lexer = NEW(cx->arena, Lexer);
	*lexer = (Lexer){.cx = cx, .src = src};
	size_t end = 0;
	int newlines = 0;
	for (;;) {
		const Token token = lex_token(lexer);
		add_gap(&all, end, token.start, &newlines);
		end = token.end;
		if (token.kind == T_END) return all;
		if (token.kind == T_NEWLINE) {
			newlines++;
			continue;
		}
		*add_item(&all) = (Item){.token = token, .newlines = newlines};
		newlines = 0;
	}
}

/* ---- roles ---- */

static bool is_punct(const Item *item, int punct) { return item->token.kind == T_PUNCT && item->token.punct == punct; }

static bool is_one_of(const Item *item, const char *const *words)
{
	if (item->token.kind != T_NAME) return false;
	for (; *words; words++)
		if (!strcmp(item->token.text, *words)) return true;
	return false;
}

static bool is_keyword(const Item *item)
{
	static const char *const words[] = {"if", "else", "and", "or", "not", "in", "yield", "unroll", "over", "while",
		"start", "stop", "dilate", "zoneout", "feed", "tbptt", "beam", "lenpen", "const", "use", "example",
		"loop", NULL};
	return is_one_of(item, words);
}

static Role punct_role(const Item *item, const Item *before)
{
	switch (item->token.punct) {
	case '(':
	case '[':
	case '{': return OPEN;
	case ')':
	case ']':
	case '}': return CLOSE;
	case ',':
	case ';': return SEPARATOR;
	case '.':
	case PUNCT2('.', '.'):
	case ':': return GLUE;
	case '?': return SUFFIX;
	case PUNCT3('.', '.', '.'): return before && before->token.kind == T_NAME ? SUFFIX : WORD;
	default: break;
	}
	/* a sign, where no operand stands before it */
	const bool operand = before && (before->role == WORD || before->role == CLOSE || before->role == SUFFIX);
	return operand ? BINARY : UNARY;
}

static bool is_product(const Item *item)
{
	return is_punct(item, '*') || is_punct(item, '/') || is_punct(item, '%') || is_punct(item, '@') ||
		is_punct(item, PUNCT2('*', '*')) || is_punct(item, PUNCT2('/', '/'));
}

static bool is_sum(const Item *item) { return is_punct(item, '+') || is_punct(item, '-'); }

static void assign_roles(Items *all)
{
	const char *text = all->src->text;
	const Item *before = NULL; /* of the same statement */
	char open[MAX_BRACKETS];
	int depth = 0, n_square = 0; /* [ : sizes and indices, whose sums may be tight: x[t-1] */
	bool newline = false;
	for (int i = 0; i < all->n; i++) {
		Item *item = &all->items[i];
		newline |= item->newlines > 0;
		if (item->is_comment) continue;
		if (newline && (!depth || open[depth - 1] == '{')) before = NULL;
		newline = false;
		item->role = item->token.kind == T_PUNCT ? punct_role(item, before) : is_keyword(item) ? KEYWORD : WORD;
		before = item;
		if (item->role == OPEN) open[depth++] = (char)item->token.punct;
		if (item->role == CLOSE) depth--;
		n_square += is_punct(item, '[') - is_punct(item, ']');
		if (item->role != BINARY) continue;
		const char before_it = text[item->token.start - 1], after_it = text[item->token.end];
		const bool tight = !strchr(" \t\r\n#", before_it) && !strchr(" \t\r\n#", after_it); /* '\0': the end */
		item->spaced = !(tight && (is_product(item) || (n_square > 0 && is_sum(item))));
	}
}

/* Is there a space between two items of one line?  before: what stands before a. */
static bool is_apart(const Item *before, const Item *a, const Item *b, const char *text)
{
	if (b->role == SEPARATOR || b->role == SUFFIX) return false;
	if (is_punct(a, '{')) return !is_punct(b, '}');
	if (is_punct(b, '}')) return true;
	if (a->role == OPEN || b->role == CLOSE) return false;
	if (a->role == SEPARATOR) return true;
	if (a->role == GLUE || b->role == GLUE)
		return a->token.kind == T_NUMBER && text[a->token.end - 1] == '.'; /* 1. ..3 is not 1...3 */
	if (a->role == UNARY) return false;
	if (a->role == BINARY) return a->spaced;
	if (b->role == BINARY) return b->spaced;
	if (is_punct(b, '(') || is_punct(b, '[')) {
		/* loop n (x = 0): n is not called */
		if (before && before->token.kind == T_NAME && !strcmp(before->token.text, "loop")) return true;
		const bool callee =
			(a->role == WORD && a->token.kind == T_NAME) || is_punct(a, ')') || is_punct(a, ']');
		return !callee;
	}
	return true;
}

/* ---- lines ---- */

typedef struct {
	int indent;
	bool blank_before;
	const char *code, *comment; /* "" where there is none */
} Line;

typedef struct {
	Ctx *cx;
	const Source *src;
	int n;
	Line *lines;
	int depth;
	int open[MAX_BRACKETS]; /* the indent of what each open bracket belongs to */
} Layout;

/* What is inside of the brackets that are open. */
static int inner_indent(const Layout *l) { return l->depth ? l->open[l->depth - 1] + 1 : 0; }

static const char *item_text(const Layout *l, const Item *item)
{
	return arena_strn(l->cx->arena, l->src->text + item->token.start, item->token.end - item->token.start);
}

/* Closing brackets at the start of a line stand below the line of what they close. */
static int line_indent(const Layout *l, const Item *items, int i, int n)
{
	int depth = l->depth;
	for (; depth && i < n && !items[i].is_comment && items[i].role == CLOSE; i++) {
		depth--;
		if (i + 1 == n || items[i + 1].newlines || items[i + 1].role != CLOSE) return l->open[depth];
	}
	return inner_indent(l);
}

/* base: the indent that counts for what a line opens: where it ends a list that began further out, of that line. */
static void track(Layout *l, const Item *item, int *base)
{
	if (item->is_comment) return;
	if (item->role == OPEN) l->open[l->depth++] = *base;
	if (item->role == CLOSE && l->open[--l->depth] < *base) *base = l->open[l->depth];
}

/* One line: the items from i to the next line break.  Returns where that is. */
static int add_line(Layout *l, const Items *all, int i)
{
	const Item *items = all->items;
	Line *line = &l->lines[l->n];
	*line = (Line){.indent = line_indent(l, items, i, all->n), .code = "", .comment = ""};
	const bool after_open = i && !items[i - 1].is_comment && items[i - 1].role == OPEN,
		   before_close = !items[i].is_comment && items[i].role == CLOSE;
	line->blank_before = i && items[i].newlines > 1 && !after_open && !before_close;
	Buf code;
	buf_init(&code, l->cx->arena);
	buf_puts(&code, "");
	int base = line->indent;
	for (int first = i; i < all->n && (i == first || !items[i].newlines); i++) {
		track(l, &items[i], &base);
		if (items[i].is_comment) {
			line->comment = item_text(l, &items[i]);
			continue;
		}
		const Item *before = i - 1 > first ? &items[i - 2] : NULL;
		if (i > first && is_apart(before, &items[i - 1], &items[i], l->src->text)) buf_puts(&code, " ");
		buf_puts(&code, item_text(l, &items[i]));
	}
	line->code = code.text;
	l->n++;
	return i;
}

/* Characters, of UTF-8 in strings. */
static int width(const char *text)
{
	int n = 0;
	for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

static bool has_both(const Line *line) { return *line->code && *line->comment; }

/* The last of the lines from i on whose comments share a column. */
static int comment_run(const Layout *l, int i, int *column)
{
	*column = 0;
	int last = i;
	for (int k = i; k < l->n && has_both(&l->lines[k]) && l->lines[k].indent == l->lines[i].indent; k++) {
		if (k > i && l->lines[k].blank_before) break;
		const int n = width(l->lines[k].code);
		if (n > *column) *column = n;
		last = k;
	}
	return last;
}

static void print(const Layout *l, Buf *out)
{
	int column = 0, run = -1; /* the last line of the run at hand */
	for (int i = 0; i < l->n; i++) {
		const Line *line = &l->lines[i];
		if (line->blank_before) buf_puts(out, "\n");
		for (int k = 0; k < line->indent; k++) buf_puts(out, "\t");
		buf_puts(out, line->code);
		if (has_both(line)) {
			if (i > run) run = comment_run(l, i, &column);
			buf_printf(out, "%*s", column - width(line->code) + 2, "");
		}
		buf_puts(out, line->comment);
		buf_puts(out, "\n");
	}
}

/* ---- all of it ---- */

static bool same_item(const Items *a, int i, const Items *b, int k)
{
	const Token *x = &a->items[i].token, *y = &b->items[k].token;
	return a->items[i].is_comment == b->items[k].is_comment && x->kind == y->kind &&
		!a->items[i].newlines == !b->items[k].newlines && x->end - x->start == y->end - y->start &&
		!memcmp(a->src->text + x->start, b->src->text + y->start, x->end - x->start);
}

const char *lang_format(Ctx *cx, const char *name, const char *text, size_t size)
{
	const Source *src = arena_copy(cx->arena, &(Source){name, text, size}, sizeof(Source));
	parse_unit(cx, src); /* what is no text of the language stays as it is */
	Items all = read_items(cx, src);
	assign_roles(&all);
	Layout l = {.cx = cx, .src = src, .lines = NEWN(cx->arena, Line, all.n + 1)};
	for (int i = 0; i < all.n;) i = add_line(&l, &all, i);
	Buf out;
	buf_init(&out, cx->arena);
	buf_puts(&out, "");
	print(&l, &out);

	const Items again = read_items(cx, &(Source){name, out.text, out.size});
	bool same = again.n == all.n;
	for (int i = 0; same && i < all.n; i++) same = i == 0 || same_item(&all, i, &again, i);
	if (!same) fail(cx, "%s: a fault of rnncc: its layout would be another text; nothing is changed", name);
	return out.text;
}
