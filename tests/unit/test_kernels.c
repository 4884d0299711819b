/* test_kernels.c: graph text in, kernels' text out, exactly.
 *
 * tests/golden/kernels/STAGE/NAME.ir holds a graph, a line `===`, and the program after STAGE: lower or one of
 * kernel_stages, for 8 lanes and 16 registers
 * (and 2 threads, in parallel/).  Each stage must leave the program that it is given as it was.  The graph is lowered as it stands, without the graph's passes.
 *
 * RNNCC_UPDATE=1 rewrites what stands after `===` in the files that differ: look at the git diff before you commit it.
 */
#include "codegen/kernel.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static Program *run_until(Ctx *cx, const Graph *g, const char *last)
{
	const int threads = strcmp(last, "parallel") == 0 || strcmp(last, "team") == 0 ? 2 : 1;
	const Target target = {.fuse = true, .vectorise = true, .pack = true, .lanes = 8, .registers = 16, .threads = threads};
	Names names;
	names_init(&names, cx);
	Program *p = lower(cx, g, "run", 0, &target, &names);
	if (!strcmp(last, "lower")) return p;
	const KernelStage *stage = kernel_stages;
	for (const char *seen = "lower"; strcmp(seen, last) != 0; seen = stage++->name) {
		cr_assert(stage->name, "'%s' is no stage", last);
		Buf before, after;
		buf_init(&before, cx->arena);
		buf_init(&after, cx->arena);
		program_print(&before, p);
		Program *made = stage->run(p, &target);
		program_print(&after, p);
		cr_assert_str_eq(before.text, after.text, "%s changed its input", stage->name);
		p = made;
	}
	return p;
}

static const char *outcome(Arena *arena, const char *stage, const char *name, const char *input)
{
	Ctx *cx = ctx_new();
	const char *volatile result = NULL;
	TRY(cx)
	{
		const Graph *g = graph_parse(cx, input, name);
		graph_verify(cx, g);
		Buf b;
		buf_init(&b, arena);
		program_print(&b, run_until(cx, g, stage));
		result = b.text;
	}
	else result = arena_printf(arena, "error: %s\n", cx->error);
	ctx_free(cx);
	return result;
}

static void print_marked(const char *mark, const char *text)
{
	for (const char *end; *text; text = end) {
		const size_t n = strcspn(text, "\n");
		fprintf(stderr, "%s%.*s\n", mark, (int)n, text);
		end = text + n + (text[n] == '\n');
	}
}

static bool check_file(const char *path, Arena *arena)
{
	const char *name = strrchr(path, '/') + 1, *folder = name - 1;
	while (folder[-1] != '/') folder--;
	const char *stage = arena_strn(arena, folder, (size_t)(name - 1 - folder));
	const char *text = read_file(path, arena), *mark = strstr(text, "\n===\n");
	if (!mark) {
		fprintf(stderr, "FAIL %s: a line === wanted\n", path);
		return false;
	}
	const size_t head = (size_t)(mark - text) + 5;
	const char *seen = outcome(arena, stage, name, arena_strn(arena, text, head - 4));
	if (!strcmp(text + head, seen)) return true;
	if (getenv("RNNCC_UPDATE") && strncmp(seen, "error: ", 7) != 0) {
		FILE *f = fopen(path, "wb");
		cr_assert(f, "%s: cannot be written", path);
		fwrite(text, 1, head, f);
		fputs(seen, f);
		cr_assert(fclose(f) == 0);
		fprintf(stderr, "updated %s\n", path);
		return true;
	}
	fprintf(stderr, "FAIL %s (- wanted, + seen)\n", path);
	print_marked("  - ", text + head);
	print_marked("  + ", seen);
	return false;
}

Test(kernels, files)
{
	const char *root = getenv("RNNCC_SOURCE_DIR");
	Arena *arena = arena_new();
	glob_t found;
	cr_assert(glob(arena_printf(arena, "%s/tests/golden/kernels/*/*.ir", root ? root : RNNCC_SOURCE_DIR), 0, NULL, &found) == 0,
		"there are no golden files");
	int n_failed = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) n_failed += !check_file(found.gl_pathv[i], arena);
	fprintf(stderr, "%d passed, %d failed\n", (int)found.gl_pathc - n_failed, n_failed);
	cr_assert(n_failed == 0);
	globfree(&found);
	arena_free(arena);
}
