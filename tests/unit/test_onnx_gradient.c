/* test_onnx_gradient.c: the operator Gradient: which function it names, and what it refuses.  Numbers by hand; more models, against
 * torch, are tests/cases/gradient_*.
 */
#include <criterion/criterion.h>

#include "onnx_run.h"

static void put_attr_strs(Ctx *cx, Buf *n, const char *name, const char *words)
{
	Buf a = attribute(cx, name, 8);
	put_words(&a, 9, words);
	put_message(n, 5, a);
}

/* y, xs or zs NULL: left out. */
static Buf gradient_node(
	Ctx *cx, const char *inputs, const char *outputs, const char *y, const char *xs, const char *zs)
{
	Buf n = node(cx, "Gradient", inputs, outputs);
	put_str(&n, 7, "ai.onnx.preview.training");
	if (y) put_attr_str(cx, &n, "y", y);
	if (xs) put_attr_strs(cx, &n, "xs", xs);
	if (zs) put_attr_strs(cx, &n, "zs", zs);
	return n;
}

static Buf training_model(Ctx *cx, Buf g)
{
	Buf m = model(cx, g, 17);
	put_message(&m, 8, opset(cx, "ai.onnx.preview.training", 1));
	return m;
}

/* c = a * b; e = Exp(c); d = c * a: inputs a, b: f32[2]. */
static Buf products(Ctx *cx)
{
	Buf g = message(cx);
	put_input(cx, &g, "a", FLOAT, "2");
	put_input(cx, &g, "b", FLOAT, "2");
	put_input(cx, &g, "i", INT64, "2");
	put_message(&g, 5, tensor(cx, "zero", FLOAT, 1, (int64_t[]){2}, (float[]){0, 0}, 8));
	put_message(&g, 1, node(cx, "Mul", "a b", "c"));
	put_message(&g, 1, node(cx, "Exp", "c", "e"));
	put_message(&g, 1, node(cx, "Mul", "c a", "d"));
	return g;
}

static const Tensor **on_a_and_b(Ctx *cx)
{
	const Tensor **in = NEWN(cx->arena, const Tensor *, 3);
	in[0] = floats(cx, 1, (const int64_t[]){2}, (const double[]){2, 3});
	in[1] = floats(cx, 1, (const int64_t[]){2}, (const double[]){5, -1});
	in[2] = tensor_new(cx->arena, I64, 1, (const int64_t[]){2});
	return in;
}

/* The n gradients at a = [2, 3], b = [5, -1]. */
static void expect_of(const char *inputs, const char *y, const char *xs, int n, const double want[][2])
{
	Ctx *cx = ctx_new();
	Buf g = products(cx);
	put_message(&g, 1, gradient_node(cx, inputs, n == 2 ? "p q" : "p", y, xs, NULL));
	put_output(cx, &g, "p");
	if (n == 2) put_output(cx, &g, "q");
	const Graph *graph = import_model(cx, training_model(cx, g), NULL, NULL);
	for (int i = 0; i < n; i++) expect_result(cx, graph, on_a_and_b(cx), i, 2, want[i]);
	ctx_free(cx);
}

/* d = a * b * a */
Test(onnx_gradient, functions)
{
	/* dd/da = 2ab, dd/db = a^2; the order is that of xs */
	expect_of("a b", "d", "a b", 2, (const double[][2]){{20, -6}, {4, 9}});
	expect_of("b a", "d", "b a", 2, (const double[][2]){{4, 9}, {20, -6}});
	/* of an intermediate: d = c * a; a is what it is in the model */
	expect_of("c", "d", "c", 1, (const double[][2]){{2, 3}});
	/* at other values: dd/da = 2ab at a = b, b = a; d(exp c)/dc at c = 0 */
	expect_of("b a", "d", "a b", 2, (const double[][2]){{20, -6}, {25, 1}});
	expect_of("zero", "e", "c", 1, (const double[][2]){{1, 1}});
	/* what y does not depend on; y itself */
	expect_of("e", "d", "e", 1, (const double[][2]){{0, 0}});
	expect_of("d", "d", "d", 1, (const double[][2]){{1, 1}});
}

/* zs are given and not differentiated; outputs may be left out. */
Test(onnx_gradient, some_outputs)
{
	Ctx *cx = ctx_new();
	Buf g = products(cx);
	put_message(&g, 1, gradient_node(cx, "a b", "p", "d", "a", "b"));
	put_message(&g, 1, gradient_node(cx, "a b", "- q", "d", "a b", NULL));
	put_output(cx, &g, "p");
	put_output(cx, &g, "q");
	const Graph *graph = import_model(cx, training_model(cx, g), NULL, NULL);
	expect_result(cx, graph, on_a_and_b(cx), 0, 2, (double[]){20, -6});
	expect_result(cx, graph, on_a_and_b(cx), 1, 2, (double[]){4, 9});
	ctx_free(cx);
}

/* A tensor that is equal to another one is still its own variable: d = c2 * c, both a * b, with c the only x. */
Test(onnx_gradient, equal_tensors)
{
	Ctx *cx = ctx_new();
	Buf g = products(cx);
	put_message(&g, 1, node(cx, "Mul", "a b", "c2"));
	put_message(&g, 1, node(cx, "Mul", "c2 c", "square"));
	put_message(&g, 1, gradient_node(cx, "c", "p", "square", "c", NULL));
	put_output(cx, &g, "p");
	const Graph *graph = import_model(cx, training_model(cx, g), NULL, NULL);
	expect_result(cx, graph, on_a_and_b(cx), 0, 2, (double[]){10, -3});
	ctx_free(cx);
}

/* d2(a b a)/da2 = 2b; d2/db da = 2a: a Gradient of what a Gradient gives. */
Test(onnx_gradient, twice)
{
	Ctx *cx = ctx_new();
	Buf g = products(cx);
	put_message(&g, 1, gradient_node(cx, "a b", "da", "d", "a", "b"));
	put_message(&g, 1, gradient_node(cx, "a b", "daa dab", "da", "a b", NULL));
	put_output(cx, &g, "daa");
	put_output(cx, &g, "dab");
	const Graph *graph = import_model(cx, training_model(cx, g), NULL, NULL);
	expect_result(cx, graph, on_a_and_b(cx), 0, 2, (double[]){10, -2});
	expect_result(cx, graph, on_a_and_b(cx), 1, 2, (double[]){4, 6});
	ctx_free(cx);
}

/* Inside of a branch, of a function around it: y = If(flag) { Gradient(a * b) } else { a }. */
Test(onnx_gradient, in_a_body)
{
	Ctx *cx = ctx_new();
	Buf g = products(cx), then_body = message(cx), else_body = message(cx), n = node(cx, "If", "flag", "y");
	put_input(cx, &g, "flag", BOOLEAN, "");
	put_message(&then_body, 1, node(cx, "Mul", "c c", "t"));
	put_message(&then_body, 1, gradient_node(cx, "a", "p", "t", "a", NULL));
	put_output(cx, &then_body, "p");
	put_message(&else_body, 1, node(cx, "Identity", "a", "same"));
	put_output(cx, &else_body, "same");
	put_attr_message(cx, &n, "then_branch", true, then_body);
	put_attr_message(cx, &n, "else_branch", true, else_body);
	put_message(&g, 1, n);
	/* and through it: dy/da is 2ab^2's derivative 2b^2, or 1 */
	put_message(&g, 1, gradient_node(cx, "a", "q", "y", "a", NULL));
	put_output(cx, &g, "y");
	put_output(cx, &g, "q");
	const Graph *graph = import_model(cx, training_model(cx, g), NULL, NULL);
	const Tensor *in[4];
	memcpy(in, on_a_and_b(cx), 3 * sizeof *in);
	Tensor *flag = tensor_new(cx->arena, BOOL, 0, NULL);
	in[3] = flag;
	for (int taken = 0; taken < 2; taken++) {
		tensor_set_int(flag, 0, taken);
		expect_result(cx, graph, in, 0, 2, taken ? (double[]){100, 6} : (double[]){2, 3});
		expect_result(cx, graph, in, 1, 2, taken ? (double[]){50, 2} : (double[]){1, 1});
	}
	ctx_free(cx);
}

static void refuse(Buf (*model_of)(Ctx *), const char *inputs, const char *outputs, const char *y, const char *xs,
	const char *zs, const char *message)
{
	Ctx *cx = ctx_new();
	Buf g = model_of(cx);
	put_message(&g, 1, gradient_node(cx, inputs, outputs, y, xs, zs));
	put_output(cx, &g, "p");
	expect_error(cx, training_model(cx, g), NULL, message);
	ctx_free(cx);
}

static Buf sizes_at_run_time(Ctx *cx)
{
	Buf g = products(cx);
	put_message(&g, 1, node(cx, "NonZero", "a", "places"));
	Buf n = node(cx, "Cast", "places", "floats");
	put_attr_int(cx, &n, "to", FLOAT);
	put_message(&g, 1, n);
	put_message(&g, 1, node(cx, "ReduceMax", "floats", "last"));
	put_message(&g, 1, node(cx, "Mul", "a last", "numbers"));
	return g;
}

static Buf not_differentiable(Ctx *cx)
{
	Buf g = products(cx), n = node(cx, "CumSum", "a axis", "sums");
	put_message(&g, 5, tensor(cx, "axis", INT64, 0, NULL, &(int64_t){0}, 8));
	put_message(&g, 5, tensor(cx, "at", INT64, 2, (int64_t[]){1, 1}, &(int64_t){0}, 8));
	put_message(&g, 5, tensor(cx, "times", FLOAT, 1, (int64_t[]){1}, &(float){3}, 4));
	put_message(&g, 1, n);
	n = node(cx, "ScatterND", "sums at times", "scaled");
	put_attr_str(cx, &n, "reduction", "mul");
	put_message(&g, 1, n);
	return g;
}

Test(onnx_gradient, refusals)
{
	refuse(products, "a b", "p", "nobody", "a b", NULL,
		"attribute y: no tensor before the node is called \"nobody\"");
	refuse(products, "a b", "p", "d", "a nobody", NULL,
		"attribute xs: no tensor before the node is called \"nobody\"");
	refuse(products, "a b", "p", "d", "a", "nobody",
		"attribute zs: no tensor before the node is called \"nobody\"");
	refuse(products, "a b", "p", "d", "a -", NULL, "attribute xs: no tensor before the node is called \"\"");
	refuse(products, "a a", "p", "d", "a a", NULL, "attribute xs: \"a\" is there twice");
	refuse(products, "a b a", "p", "d", "a b", "a", "attribute zs: \"a\" is there twice");
	refuse(products, "a", "p", "p", "a", NULL, "attribute y: no tensor before the node is called \"p\"");
	refuse(products, "a", "p", "d", "p", NULL, "attribute xs: no tensor before the node is called \"p\"");
	refuse(products, "a c", "p", "d", "a c", NULL, "\"c\" in xs or zs is computed from others there");
	refuse(products, "c b", "p", "d", "c", "b", "\"c\" in xs or zs is computed from others there");
	refuse(products, "a b", "p q", "d", "a", "b", "2 outputs for the 1 names of xs");
	refuse(products, "a b", "p", "d", "a", NULL, "2 inputs for the 1 names of xs and zs");
	refuse(products, "a b", "p", "d", NULL, "a b", "attribute xs names nothing");
	refuse(products, "a b", "p", NULL, "a b", NULL, "attribute y is missing");
	refuse(products, "a i", "p q", "d", "a i", NULL,
		"attribute xs: \"i\" is i64[2], and only floats have a gradient");
	refuse(products, "a", "p", "i", "a", NULL, "attribute y: a tensor of floats wanted, \"i\" is i64[2]");
	refuse(not_differentiable, "a", "p", "scaled", "a", NULL, "scatter_nd of kind mul has no derivative");
	refuse(sizes_at_run_time, "a", "p", "numbers", "a", NULL, "through a size that only run time knows");
}

/* Each differentiates the one before: what is imported doubles each time, and is refused before it hurts. */
Test(onnx_gradient, towers)
{
	Ctx *cx = ctx_new();
	Buf g = products(cx);
	const char *y = "d";
	for (int i = 0; i < 60; i++) {
		const char *p = arena_printf(cx->arena, "d%d", i);
		put_message(&g, 1, gradient_node(cx, "a b", p, y, "a", "b"));
		y = p;
	}
	put_output(cx, &g, y);
	expect_error(cx, training_model(cx, g), NULL, "more than");
	ctx_free(cx);
}
