/* test_kernels.c: graph text in, kernels' text out, exactly.
 *
 * tests/golden/kernels/STAGE/NAME.ir holds a graph, a line `===`, and the program after STAGE: lower or one of
 * kernel_stages, for 8 lanes and 16 registers (and 2 threads, in parallel/).  Each stage must leave the program that
 * it is given as it was.  The graph is lowered as it stands, without the graph's passes.
 */
#include "codegen/codegen.h"

#include "golden.h"

static Program *run_until(Ctx *cx, const Graph *g, const char *last)
{
	const int threads = strcmp(last, "parallel") == 0 || strcmp(last, "team") == 0 ? 2 : 1;
	const Target target = {.fuse = true,
		.vectorise = true,
		.pack = true,
		.lanes = 8,
		.threads = threads,
		.cpu = target_find(cx, "x86-64-v3")};
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
	TRY (cx) {
		const Graph *g = graph_parse(cx, input, name);
		graph_verify(cx, g);
		Buf b;
		buf_init(&b, arena);
		program_print(&b, run_until(cx, g, stage));
		result = b.text;
	} else result = arena_printf(arena, "error: %s\n", cx->error);
	ctx_free(cx);
	return result;
}

Test(kernels, files) { check_goldens("tests/golden/kernels/*/*.ir", outcome); }
