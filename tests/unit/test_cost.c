/* test_cost.c: arithmetic and memory of kernels (codegen/cost.c), against numbers worked out by hand. */
#include "passes/passes.h"

#include <criterion/criterion.h>

static const Compiled *compile_text(Ctx *cx, const char *text)
{
	const Compiled *volatile c = NULL;
	TRY (cx) {
		const Graph *g = graph_parse(cx, text, "cost");
		graph_verify(cx, g);
		c = compile_graph(cx, g, &(CompileOptions){.name = "g", .target = "x86-64-v3", .opt = 2, .threads = 1});
	}
	cr_assert(c, "%s", cx->error);
	return c;
}

/* One kernel, of just that cost. */
static void costs(const char *text, double flops, double bytes)
{
	Ctx *cx = ctx_new();
	const Compiled *c = compile_text(cx, text);
	cr_assert_eq(c->n_kernels, 1, "%d kernels in\n%s", c->n_kernels, text);
	cr_expect_eq(c->kernels[0].flops, flops, "%g operations, wanted %g, in\n%s", c->kernels[0].flops, flops, text);
	cr_expect_eq(c->kernels[0].bytes, bytes, "%g bytes, wanted %g, in\n%s", c->kernels[0].bytes, bytes, text);
	cr_expect_eq(c->kernels[0].first, -1);
	ctx_free(cx);
}

/* 64 * 30 multiply-adds; the matrix, the vector and the result once each. */
Test(cost, matrix_vector)
{
	costs("graph @m(%w: f32[64, 30], %x: f32[30]) -> (%y: f32[64]) {\n"
	      "  %y = contract %w %x spec=\"ij,j->i\"\n  return %y\n}\n",
		2 * 64 * 30, 4 * (64 * 30 + 30 + 64));
}

/* Doubles: twice the bytes. */
Test(cost, matrix_product_f64)
{
	costs("graph @m(%a: f64[6, 5], %b: f64[5, 7]) -> (%y: f64[6, 7]) {\n"
	      "  %y = contract %a %b spec=\"ij,jk->ik\"\n  return %y\n}\n",
		2 * 6 * 5 * 7, 8 * (6 * 5 + 5 * 7 + 6 * 7));
}

/* A convolution comes back to its input 3 times, and reads the 10 elements of it once. */
Test(cost, window)
{
	costs("graph @m(%x: f32[10], %w: f32[3]) -> (%y: f32[8]) {\n"
	      "  %p = window %x axis=[0] window=[3, 1, 1]\n"
	      "  %y = contract %p %w spec=\"ok,k->o\"\n  return %y\n}\n",
		2 * 8 * 3, 4 * (10 + 3 + 8));
}

/* Reads that overlap are not more than the array. */
Test(cost, overlap)
{
	costs("graph @m(%x: f32[10]) -> (%y: f32[9]) {\n"
	      "  %a = slice %x start=[0] size=[9] step=[1]\n  %b = slice %x start=[1] size=[9] step=[1]\n"
	      "  %y = add %a %b\n  return %y\n}\n",
		9, 4 * (10 + 9));
}

/* Of a view, only what it shows: every third. */
Test(cost, stride)
{
	costs("graph @m(%x: f32[30]) -> (%y: f32[10]) {\n"
	      "  %a = slice %x start=[0] size=[10] step=[3]\n  %y = tanh %a\n  return %y\n}\n",
		10, 4 * (10 + 10));
}

/* Comparing and choosing are no arithmetic; neither is anything on integers. */
Test(cost, choices_and_integers)
{
	costs("graph @m(%x: f32[12], %y: f32[12]) -> (%z: f32[12]) {\n"
	      "  %c = lt %x %y\n  %d = sub %y %x\n  %z = select %c %d %x\n  return %z\n}\n",
		12, 4 * 3 * 12);
	costs("graph @m(%x: i32[12], %y: i32[12]) -> (%z: i32[12]) {\n  %z = mul %x %y\n  return %z\n}\n", 0,
		4 * 3 * 12);
}

/* What does not change along an axis is counted once along it, wherever it is computed: 8 tanh, then 8 * 4 products. */
Test(cost, depends_on_one_axis)
{
	Ctx *cx = ctx_new();
	const Compiled *c = compile_text(cx,
		"graph @m(%a: f32[8], %b: f32[4]) -> (%y: f32[8, 4]) {\n"
		"  %t = tanh %a\n  %y = contract %t %b spec=\"i,j->ij\"\n  return %y\n}\n");
	double flops = 0;
	for (int i = 0; i < c->n_kernels; i++) flops += c->kernels[i].flops;
	cr_expect_eq(flops, 8 + 8 * 4, "%g", flops);
	ctx_free(cx);
}

/* Within a loop over 100 rows a call touches one row of the sequence; and it is known which kernels share the loop. */
Test(cost, one_step_of_a_loop)
{
	Ctx *cx = ctx_new();
	const Compiled *c = compile_text(cx,
		"graph @m(%x: f32[100, 8], %h0: f32[8], %w: f32[8, 8]) -> (%y: f32[8]) {\n"
		"  %s = scan %w %h0 %x counts=[1, 1] length=[100] reverse=[0] body={\n"
		"    graph @b(%w: f32[8, 8], %h: f32[8], %x: f32[8]) -> (%n: f32[8]) {\n"
		"      %p = contract %h %w spec=\"i,ij->j\"\n      %a = add %p %x\n      %n = tanh %a\n      return %n\n"
		"    }\n  }\n  %y = get %s index=[0]\n  return %y\n}\n");
	int n_in_loop = 0;
	for (int i = 0; i < c->n_kernels; i++) {
		const CompiledKernel *k = &c->kernels[i];
		if (k->first < 0) continue;
		n_in_loop++;
		cr_expect(k->first <= i && i <= k->last);
		cr_expect_leq(k->bytes, 4 * (8 + 8 + 8 * 8 + 8), "%s: %g bytes", k->name, k->bytes);
		cr_expect_leq(k->flops, 2 * 8 * 8 + 8 + 8, "%s: %g operations", k->name, k->flops);
	}
	cr_expect_geq(n_in_loop, 1);
	ctx_free(cx);
}
