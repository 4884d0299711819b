/* test_growth.c: compiling a model of four times as many operations takes no more than some four times as much memory, and time: no pass
 * looks at each statement with each other one.
 */
#include "passes/passes.h"

#include <criterion/criterion.h>
#include <time.h>

/* A recurrent layer, masked rows, and n layers behind it, each with a product that is stored. */
static const char *stack_of(Arena *arena, int n)
{
	Buf b;
	buf_init(&b, arena);
	buf_puts(&b,
		"graph @stack(%x: f32[T, 8], %w: f32[8, 8], %r: f32[8, 8]) -> (%y: f32[T, 8]) {\n"
		"  %zero = const f32[] {0}\n"
		"  %h0 = expand %zero shape=[8]\n"
		"  %a = scan %w %r %h0 %x counts=[2, 1] length=[T] reverse=[0] body={\n"
		"    graph @layer(%w: f32[8, 8], %r: f32[8, 8], %h: f32[8], %x: f32[8]) -> (%h: f32[8], %y: f32[8]) {\n"
		"      %u = contract %x %w spec=\"i,ig->g\"\n"
		"      %k = contract %h %r spec=\"i,ig->g\"\n"
		"      %s = add %u %k\n"
		"      %n = tanh %s\n"
		"      return %n %n\n"
		"    }\n"
		"  }\n"
		"  %v0 = get %a index=[1]\n");
	for (int i = 0; i < n; i++)
		buf_printf(
			&b, "  %%m%d = contract %%v%d %%w spec=\"ti,ig->tg\"\n  %%v%d = tanh %%m%d\n", i, i, i + 1, i);
	buf_printf(&b, "  return %%v%d\n}\n", n);
	return b.text;
}

/* n layers over two dims of rows, each of which is a product and what is made of it. */
static const char *rows_of(Arena *arena, int n)
{
	Buf b;
	buf_init(&b, arena);
	buf_puts(&b, "graph @rows(%v0: f32[8, 4, 16]");
	for (int i = 0; i < n; i++) buf_printf(&b, ", %%w%d: f32[16, 16]", i);
	buf_puts(&b, ") -> (%y: f32[8, 4, 16]) {\n");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "  %%m%d = contract %%v%d %%w%d spec=\"tbi,ig->tbg\"\n  %%v%d = tanh %%m%d\n", i, i, i,
			i + 1, i);
	buf_printf(&b, "  return %%v%d\n}\n", n);
	return b.text;
}

static double seconds_of(int n)
{
	Ctx *cx = ctx_new();
	const clock_t start = clock();
	TRY (cx) {
		const Graph *g = graph_parse(cx, rows_of(cx->arena, n), "growth");
		compile_graph(cx, g, &(CompileOptions){.name = "g", .target = "x86-64-v3", .opt = 2, .threads = 1});
	}
	const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	cr_assert_not(cx->error, "%s", cx->error);
	ctx_free(cx);
	return seconds;
}

static double memory_of(int n, const char *target, int threads)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		const Graph *g = graph_parse(cx, stack_of(cx->arena, n), "growth");
		compile_graph(cx, g, &(CompileOptions){.name = "g", .target = target, .opt = 2, .threads = threads});
	}
	cr_assert_not(cx->error, "%s", cx->error);
	const double size = (double)arena_size(cx->arena);
	ctx_free(cx);
	return size;
}

Test(growth, layers_behind_a_loop)
{
	static const struct {
		const char *target;
		int threads;
	} ways[] = {{"generic", 1}, {"x86-64-v3", 1}, {"x86-64-v3", 2}};
	for (int i = 0; i < 3; i++) {
		const double few = memory_of(500, ways[i].target, ways[i].threads),
			     many = memory_of(2000, ways[i].target, ways[i].threads);
		cr_expect_lt(many, 5 * few, "%s, %d threads: %.0f bytes for 500 layers, %.0f for 2000", ways[i].target,
			ways[i].threads, few, many);
	}
}

/* Of the processor; pairs of layers with one another, each with all, would be 16 times as many, and triples 64 times. */
Test(growth, rows_of_layers)
{
	const double few = seconds_of(250), many = seconds_of(1000);
	cr_expect_lt(many, 10 * few + 0.1, "%.2f s for 250 layers, %.2f s for 1000", few, many);
}
