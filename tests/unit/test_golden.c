/* test_golden.c: graph text in, pass, graph text out, exactly.
 *
 * tests/golden/PASS/NAME.ir holds a graph, a line `===`, and the text that the pass gives.  Two folders are no passes:
 * `none` only reads, verifies and prints; in `errors` the text after `===` is the message that reading gives.  Whatever
 * a pass gives is verified, and its text must read back and print the same.
 *
 * RNNCC_UPDATE=1 rewrites what stands after `===` in the files that differ: look at the git diff before you commit it.
 */
#include "ir/ir.h"
#include "passes/passes.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_file(const char *path, Arena *arena)
{
	FILE *f = fopen(path, "rb");
	cr_assert(f, "%s: cannot be opened", path);
	Buf b;
	buf_init(&b, arena);
	char chunk[4096];
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) buf_write(&b, chunk, n);
	fclose(f);
	return b.size ? b.text : arena_strn(arena, "", 0);
}

static char *print(Arena *arena, const Graph *g)
{
	Buf b;
	buf_init(&b, arena);
	graph_print(&b, g, (PrintOptions){.max_data = -1});
	return b.text;
}

static const Graph *parse(Ctx *cx, const char *text, const char *name)
{
	const Graph *g = graph_parse(cx, text, name);
	graph_verify(cx, g);
	return g;
}

static const Graph *run_pass(Ctx *cx, const char *pass, const Graph *g)
{
	if (strcmp(pass, "none") == 0) return g;
	g = pass_run(cx, pass, g);
	graph_verify(cx, g);
	return g;
}

/* What comes out for the text: a graph's text, or an error message. */
static const char *outcome(Arena *arena, const char *pass, const char *name, const char *input)
{
	Ctx *cx = ctx_new();
	const char *volatile result = NULL;
	bool wants_error = strcmp(pass, "errors") == 0;
	TRY(cx) {
		const Graph *g = parse(cx, input, name);
		const char *text = wants_error ? "no error\n" : print(arena, run_pass(cx, pass, g));
		result = text;
	} else {
		result = arena_printf(arena, wants_error ? "%s\n" : "error: %s\n", cx->error);
	}
	ctx_free(cx);
	if (wants_error || strncmp(result, "error: ", 7) == 0) return result;

	Ctx *again = ctx_new();
	TRY(again) {
		const char *text = print(arena, parse(again, result, "output"));
		if (strcmp(text, result) != 0)
			result = arena_printf(arena, "error: printed again, the text differs:\n%s", text);
	} else {
		result = arena_printf(arena, "error: the output does not read back: %s\n%s", again->error, result);
	}
	ctx_free(again);
	return result;
}

static void print_lines(const char *mark, const char *from, const char *to)
{
	for (const char *end; from < to; from = end) {
		end = memchr(from, '\n', (size_t)(to - from));
		end = end ? end + 1 : to;
		fprintf(stderr, "%s%.*s%s", mark, (int)(end - from), from, end[-1] == '\n' ? "" : "\n");
	}
}

/* The lines between what begins alike and what ends alike, with one line before them. */
static void print_difference(const char *wanted, const char *seen)
{
	const char *w = wanted + strlen(wanted), *s = seen + strlen(seen), *start = wanted, *before = wanted;
	size_t same = 0;
	for (size_t i = 0; wanted[i] && wanted[i] == seen[i]; i++)
		if (wanted[i] == '\n') {
			same = i + 1;
			before = start;
			start = wanted + same;
		}
	const char *w_end = w, *s_end = s;
	for (; w > wanted + same && s > seen + same && w[-1] == s[-1]; w--, s--)
		if (w[-1] == '\n') {
			w_end = w;
			s_end = s;
		}
	print_lines("    ", before, start);
	print_lines("  - ", wanted + same, w_end);
	print_lines("  + ", seen + same, s_end);
}

static void update(const char *path, const char *text, size_t head, const char *seen, Arena *arena)
{
	const char *temporary = arena_printf(arena, "%s.%ld.new", path, (long)getpid());
	FILE *f = fopen(temporary, "wb");
	cr_assert(f, "%s: cannot be written", temporary);
	fwrite(text, 1, head, f);
	fputs(seen, f);
	cr_assert(fclose(f) == 0 && rename(temporary, path) == 0, "%s: cannot be replaced", path);
	fprintf(stderr, "updated %s\n", path);
}

static bool check_file(const char *path, Arena *arena)
{
	const char *name = strrchr(path, '/') + 1, *folder = name - 1;
	while (folder[-1] != '/') folder--;
	const char *pass = arena_strn(arena, folder, (size_t)(name - 1 - folder));
	const char *text = read_file(path, arena), *mark = strstr(text, "\n===\n");
	if (!mark) {
		fprintf(stderr, "FAIL %s: a line === wanted\n", path);
		return false;
	}
	size_t head = (size_t)(mark - text) + 5;
	const char *wanted = text + head;
	const char *seen = outcome(arena, pass, name, arena_strn(arena, text, head - 4));
	if (strcmp(wanted, seen) == 0) return true;
	bool is_broken = strncmp(seen, "error: ", 7) == 0; /* outside of `errors`: nothing to keep */
	if (getenv("RNNCC_UPDATE") && !is_broken) {
		update(path, text, head, seen, arena);
		return true;
	}
	fprintf(stderr, "FAIL %s (- wanted, + seen)\n", path);
	print_difference(wanted, seen);
	return false;
}

Test(golden, files)
{
	const char *root = getenv("RNNCC_SOURCE_DIR");
	Arena *arena = arena_new();
	glob_t found;
	cr_assert(glob(arena_printf(arena, "%s/tests/golden/*/*.ir", root ? root : RNNCC_SOURCE_DIR), 0, NULL,
			  &found) == 0,
		"there are no golden files");
	int n_failed = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) n_failed += !check_file(found.gl_pathv[i], arena);
	fprintf(stderr, "%d passed, %d failed\n", (int)found.gl_pathc - n_failed, n_failed);
	cr_assert(n_failed == 0);
	globfree(&found);
	arena_free(arena);
}
