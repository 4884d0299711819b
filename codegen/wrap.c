/* wrap.c: generated C in lines of 120 columns.
 *
 * What prints C prints a statement, a signature or a line of a comment as one line: how wide it becomes depends on the model's
 * names.  Here, and nowhere else, lines are broken that are too wide: as far out of the parentheses as possible, and there
 * as far right.  Tables of numbers, strings and directives other than OpenMP's stay as they are.
 */
#include "codegen/emit.h"

#include <ctype.h>
#include <string.h>

enum { COLUMNS = 120, TAB = 8 };

/* The column behind a character at that one. */
static size_t next_column(size_t at, char c) { return c == '\t' ? at + TAB - at % TAB : at + 1; }

static bool fits(const char *text, size_t n, size_t column)
{
	for (size_t i = 0; i < n && column <= COLUMNS; i++) column = next_column(column, text[i]);
	return column <= COLUMNS;
}

/* Of the space text[i], i > 0: between arguments rather than between terms of a condition, or of a sum; WORDS: within one. */
enum { ARGUMENTS, CONDITIONS, SUMS, WORDS, N_KINDS = WORDS };
static int kind_of_break(const char *text, size_t i)
{
	const char last = text[i - 1], *next = text + i + 1;
	if (last == ',' || last == ';') return ARGUMENTS;
	if (last == '&' || last == '|' || strncmp(next, "/*", 2) == 0) return CONDITIONS;
	if (strncmp(next, "? ", 2) == 0 || strncmp(next, ": ", 2) == 0) return CONDITIONS;
	return last == '+' || last == '-' ? SUMS : WORDS;
}

typedef enum { CODE, FORMULA, PROSE } LineKind; /* the last two of comments */

/* The space at which to break a text that begins at that column, so that what is before it ends by `most` columns, or soon after;
 * 0: there is none. */
static size_t break_of(const char *text, size_t n, size_t column, size_t most, LineKind kind)
{
	size_t start = 0, best = 0, space = 0;
	while (start < n && strchr(kind == CODE ? " \t" : " \t/*", text[start])) start++;
	for (size_t i = 0; i < start; i++) column = next_column(column, text[i]);
	int depth = 0, least = 0;
	bool quoted = false, noted = false;
	for (size_t i = start; i < n && (column <= most || (best == 0 && (kind == CODE || space == 0))); i++) {
		column = next_column(column, text[i]);
		quoted ^= kind == CODE && text[i] == '"';
		noted |= kind == CODE && strncmp(text + i, "/*", 2) == 0;
		depth += (strchr("([{", text[i]) != NULL) - (strchr(")]}", text[i]) != NULL);
		if (text[i] != ' ' || i == start || quoted || noted) continue;
		space = i;
		const int between = kind_of_break(text, i), cost = N_KINDS * depth + between;
		if (between < WORDS && kind != PROSE && (best == 0 || cost <= least)) best = i, least = cost;
	}
	return best || kind == CODE ? best : space;
}

static LineKind kind_of_line(const char *first, size_t n)
{
	if (n < 4 || (memcmp(first, "/*", 2) != 0 && memcmp(first, " *", 2) != 0)) return CODE;
	return first[3] == ' ' ? FORMULA : PROSE;
}

static void wrap_line(Buf *out, const char *text, size_t n)
{
	size_t tabs = 0;
	while (tabs < n && text[tabs] == '\t') tabs++;
	const char *first = text + tabs;
	const LineKind kind = kind_of_line(first, n - tabs);
	const bool pragma = strncmp(first, "#pragma", 7) == 0;
	const bool table = isdigit((unsigned char)*first) || strchr("-\"{", *first);
	const bool whole = table || (*first == '#' && !pragma);
	const char *margin = kind == PROSE ? " * "
		: kind == FORMULA          ? " *       "
		: n && text[n - 1] == '{'  ? "\t\t"
					   : "\t";
	size_t column = 0;
	while (!whole && !fits(text, n, column)) {
		const size_t at = break_of(text, n, column, COLUMNS - (pragma ? 2 : 0), kind);
		if (!at) break;
		buf_write(out, text, at);
		buf_puts(out, pragma ? " \\\n" : "\n");
		for (size_t i = 0; i < tabs; i++) buf_puts(out, "\t");
		buf_puts(out, margin);
		text += at + 1, n -= at + 1;
		column = tabs * TAB;
		for (const char *c = margin; *c; c++) column = next_column(column, *c);
	}
	buf_write(out, text, n);
}

void wrap_lines(Buf *out, const char *text)
{
	for (const char *end; *text; text = end + 1) {
		end = strchr(text, '\n');
		wrap_line(out, text, (size_t)(end - text));
		buf_puts(out, "\n");
	}
}
