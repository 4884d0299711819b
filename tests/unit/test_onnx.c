/* test_onnx.c: the importer's core on small models made here.  Reading is test_onnx_reader.c's, operators are others'.
 *
 * Expected numbers are worked out by hand in the comments.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "onnx_run.h"

static const Tensor *ints(Ctx *cx, Elem elem, int rank, const int64_t *dims, const int64_t *values)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set_int(t, i, values[i]);
	return t;
}

static const Graph *must_import(Ctx *cx, Buf m, const OnnxImportOptions *options)
{
	const Graph *g = import_model(cx, m, NULL, options);
	cr_assert(g, "%s", cx->error);
	cr_expect_null(cx->loc, "what fails later would be told of %s", cx->loc);
	return g;
}

static bool has_op(const Graph *g, Op op)
{
	Arena *arena = arena_new();
	Order order = graph_order(arena, g);
	bool found = false;
	for (int i = 0; i < order.n; i++) found |= order.vals[i]->op == op;
	arena_free(arena);
	return found;
}

Test(onnx_import, initialiser_and_input)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, add_model(cx), NULL);
	cr_assert_eq(g->n_params, 1);
	cr_expect_str_eq(g->param_names[0], "x");
	cr_expect_str_eq(g->result_names[0], "y");
	const Tensor *x = floats(cx, 1, (int64_t[]){2}, (double[]){10, 20});
	expect_result(cx, g, &x, 0, 2, (double[]){11, 22});
	ctx_free(cx);
}

Test(onnx_import, initialiser_is_the_default_of_an_input)
{
	Ctx *cx = ctx_new();
	Buf g = add_graph(cx, tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, (float[]){1, 2}, 8));
	put_input(cx, &g, "w", FLOAT, "2");
	cr_expect_eq(must_import(cx, model(cx, g, 14), NULL)->n_params, 1);
	ctx_free(cx);
}

Test(onnx_import, bind)
{
	Ctx *cx = ctx_new();
	const Tensor *value = floats(cx, 1, (int64_t[]){2}, (double[]){5, 6});
	const char *name = "x";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &value};
	const Graph *g = must_import(cx, add_model(cx), &options);
	cr_expect_eq(g->n_params, 0);
	expect_result(cx, g, NULL, 0, 2, (double[]){6, 8});
	value = floats(cx, 1, (int64_t[]){3}, (double[]){5, 6, 7});
	cr_expect_null(import_model(cx, add_model(cx), NULL, &options));
	cr_expect_str_eq(cx->error, "--bind x: f32[2] wanted, f32[3] seen");
	name = "nobody";
	cr_expect_null(import_model(cx, add_model(cx), NULL, &options));
	cr_expect_str_eq(cx->error, "--bind nobody: the model has no input of that name");
	ctx_free(cx);
}

Test(onnx_import, bind_decides_symbols)
{
	Ctx *cx = ctx_new();
	const Tensor *value = floats(cx, 1, (int64_t[]){3}, (double[]){5, 6, 7});
	const char *name = "x";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &value};
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Add", "x z", "y"));
	put_input(cx, &g, "x", FLOAT, "N");
	put_input(cx, &g, "z", FLOAT, "N");
	put_output(cx, &g, "y");
	const Graph *bound = must_import(cx, model(cx, g, 14), &options);
	cr_assert_eq(bound->n_params, 1);
	cr_expect_str_eq(type_str(cx, bound->params[0]->type), "f32[3]");
	ctx_free(cx);
}

Test(onnx_import, sparse_constant)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Constant", "", "y"), sparse = message(cx),
	    a = attribute(cx, "sparse_value", 11);
	put_message(&sparse, 1, tensor(cx, "v", FLOAT, 1, (int64_t[]){2}, (float[]){7, 8}, 8));
	put_message(&sparse, 2, tensor(cx, "i", INT64, 2, (int64_t[]){2, 2}, (int64_t[]){0, 1, 1, 0}, 32));
	put_int(&sparse, 3, 2);
	put_int(&sparse, 3, 2);
	put_message(&a, 22, sparse);
	put_message(&n, 5, a);
	put_message(&g, 1, n);
	put_output(cx, &g, "y");
	expect_result(cx, must_import(cx, model(cx, g, 14), NULL), NULL, 0, 4, (double[]){0, 7, 8, 0});
	ctx_free(cx);
}

/* --dim: a symbol that has its value already is no symbol. */
Test(onnx_import, dims_known_beforehand)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Tanh", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "T ?");
	put_output(cx, &g, "y");
	sym_bound(cx, "T", 7, 7);
	sym_bound(cx, "x_dim1", 1, 9);
	cr_expect_str_eq(type_str(cx, must_import(cx, model(cx, g, 14), NULL)->params[0]->type), "f32[7, x_dim1]");
	ctx_free(cx);
}

/* Tensors that the inputs will have decide open dims, and single truth values the branches. */
Test(onnx_import, shapes_of_given_tensors)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	Buf then = message(cx), other = message(cx);
	put_message(&then, 1, node(cx, "Tanh", "x", "a"));
	put_output(cx, &then, "a");
	put_message(&other, 1, node(cx, "Identity", "x", "b"));
	put_output(cx, &other, "b");
	put_attr_message(cx, &n, "then_branch", true, then);
	put_attr_message(cx, &n, "else_branch", true, other);
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "x", FLOAT, "T ? 2");
	put_output(cx, &g, "y");
	const Tensor *given[] = {
		ints(cx, BOOL, 0, NULL, (int64_t[]){0}), floats(cx, 3, (int64_t[]){1, 2, 2}, (double[]){1, 2, 3, 4})};
	const OnnxValue likes[] = {{ONNX_TENSOR, 1, &given[0]}, {ONNX_TENSOR, 1, &given[1]}};
	OnnxImportOptions options = {.n_likes = 2, .likes = likes};
	cr_expect_eq(must_import(cx, model(cx, g, 14), &options)->n_params, 2);
	options.bind_scalars = true;
	const Graph *bound = must_import(cx, model(cx, g, 14), &options);
	cr_assert_eq(bound->n_params, 1);
	cr_expect_str_eq(type_str(cx, bound->params[0]->type), "f32[1, 2, 2]");
	expect_result(cx, bound, &given[1], 0, 4, (double[]){1, 2, 3, 4});
	ctx_free(cx);
}

Test(onnx_import, symbols)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Tanh", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "T ? batch/2 3");
	put_output(cx, &g, "y");
	const Type *t = must_import(cx, model(cx, g, 14), NULL)->params[0]->type;
	cr_expect_str_eq(type_str(cx, t), "f32[T, x_dim1, batch_2, 3]");
	ctx_free(cx);
}

Test(onnx_import, attributes_and_versions_are_refused_by_name)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "Tanh", "x", "y");
	put_attr_int(cx, &n, "shiny", 1);
	put_message(&g, 1, n);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 14), NULL, "node \"y\" (Tanh, opset 14): attribute \"shiny\" is not supported");

	g = message(cx);
	put_message(&g, 1, node(cx, "SequenceConstruct", "x", "y"));
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 10), NULL,
		"(SequenceConstruct, opset 10): this version of the operator is not supported");

	g = message(cx);
	n = node(cx, "Constant", "", "y");
	put_attr_float(cx, &n, "value_int", 1);
	put_message(&g, 1, n);
	put_output(cx, &g, "y");
	expect_error(cx, model(cx, g, 14), NULL, "attribute value_int: INT wanted, FLOAT seen");
	ctx_free(cx);
}

/* A branch or body of one node. */
static Buf small_body(Ctx *cx, const char *op, const char *inputs, const char *output)
{
	Buf b = message(cx);
	put_message(&b, 1, node(cx, op, inputs, output));
	put_output(cx, &b, output);
	return b;
}

/* y = c ? x + w : x * x */
static Buf if_model(Ctx *cx)
{
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	put_attr_message(cx, &n, "then_branch", true, small_body(cx, "Add", "x w", "a"));
	put_attr_message(cx, &n, "else_branch", true, small_body(cx, "Mul", "x x", "m"));
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "x", FLOAT, "2");
	put_input(cx, &g, "w", FLOAT, "2");
	put_output(cx, &g, "y");
	return model(cx, g, 14);
}

/* A branch that is a scalar and one that is a vector of one element: both are taken as the vector, and that is told. */
Test(onnx_import, if_of_two_ranks)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), n = node(cx, "If", "c", "y");
	put_attr_message(cx, &n, "then_branch", true, small_body(cx, "Neg", "s", "a"));
	put_attr_message(cx, &n, "else_branch", true, small_body(cx, "Neg", "v", "b"));
	put_message(&g, 1, n);
	put_input(cx, &g, "c", BOOLEAN, "");
	put_input(cx, &g, "s", FLOAT, "");
	put_input(cx, &g, "v", FLOAT, "1");
	put_output(cx, &g, "y");
	const Graph *m = must_import(cx, model(cx, g, 14), NULL);
	cr_expect_str_eq(type_str(cx, m->results[0]->type), "f32[1]");
	cr_expect(cx->n_notes && strstr(cx->notes[0], "f32[] or f32[1], taken as the latter"));
	const Tensor *in[3] = {ints(cx, BOOL, 0, NULL, (int64_t[]){1}), floats(cx, 0, NULL, (double[]){3}),
		floats(cx, 1, (int64_t[]){1}, (double[]){4})};
	expect_result(cx, m, in, 0, 1, (double[]){-3});
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){0});
	expect_result(cx, m, in, 0, 1, (double[]){-4});
	ctx_free(cx);
}

Test(onnx_import, if_captures_and_folds)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, if_model(cx), NULL);
	cr_expect(has_op(g, OP_cond));
	const Tensor *in[3] = {NULL, floats(cx, 1, (int64_t[]){2}, (double[]){3, 4}),
		floats(cx, 1, (int64_t[]){2}, (double[]){10, 20})};
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){1});
	expect_result(cx, g, in, 0, 2, (double[]){13, 24});
	in[0] = ints(cx, BOOL, 0, NULL, (int64_t[]){0});
	expect_result(cx, g, in, 0, 2, (double[]){9, 16});
	const char *name = "c";
	OnnxImportOptions options = {.n_binds = 1, .bind_names = &name, .bind_values = &in[0]};
	g = must_import(cx, if_model(cx), &options);
	cr_expect_not(has_op(g, OP_cond));
	expect_result(cx, g, in + 1, 0, 2, (double[]){9, 16});
	ctx_free(cx);
}

/* A loop that adds x to the state and gives state * i each step; the condition is state < bound, or stays. */
static Buf loop_model_of(Ctx *cx, const char *loop_inputs, bool bounded, const char *i_shape)
{
	Buf body = message(cx), g = message(cx), n = node(cx, "Loop", loop_inputs, "total steps"),
	    cast = node(cx, "Cast", "i", "f");
	put_attr_int(cx, &cast, "to", FLOAT);
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, bounded ? node(cx, "Less", "s2 bound", "c2") : node(cx, "Identity", "c", "c2"));
	put_message(&body, 1, cast);
	put_message(&body, 1, node(cx, "Mul", "s2 f", "y"));
	put_input(cx, &body, "i", INT64, i_shape);
	put_input(cx, &body, "c", BOOLEAN, i_shape);
	put_input(cx, &body, "s", FLOAT, "");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "s2");
	put_output(cx, &body, "y");
	put_attr_message(cx, &n, "body", true, body);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "five", INT64, 0, NULL, (int64_t[]){5}, 8));
	put_message(&g, 5, tensor(cx, "bound", FLOAT, 0, NULL, (float[]){6}, 4));
	put_input(cx, &g, "s0", FLOAT, "");
	put_input(cx, &g, "x", FLOAT, "");
	put_input(cx, &g, "m", INT64, "");
	put_output(cx, &g, "total");
	put_output(cx, &g, "steps");
	return model(cx, g, 14);
}

static Buf loop_model(Ctx *cx, const char *loop_inputs, bool bounded)
{
	return loop_model_of(cx, loop_inputs, bounded, "");
}

Test(onnx_import, loop_of_known_length_is_a_scan)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, loop_model(cx, "five - s0", false), NULL);
	cr_expect(has_op(g, OP_scan) && !has_op(g, OP_loop));
	const Tensor *in[] = {floats(cx, 0, NULL, (double[]){1}), floats(cx, 0, NULL, (double[]){2}),
		ints(cx, I64, 0, NULL, (int64_t[]){9})};
	/* s: 3 5 7 9 11 */
	expect_result(cx, g, in, 0, 1, (double[]){11});
	expect_result(cx, g, in, 1, 5, (double[]){0, 5, 14, 27, 44});
	/* a body may want its iteration number and condition as [1] */
	g = must_import(cx, loop_model_of(cx, "five - s0", false, "1"), NULL);
	cr_expect_str_eq(type_str(cx, g->results[1]->type), "f32[5, 1]");
	expect_result(cx, g, in, 1, 5, (double[]){0, 5, 14, 27, 44});
	ctx_free(cx);
}

Test(onnx_import, loop_that_decides_its_length)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, loop_model(cx, "m - s0", true), NULL);
	cr_expect(has_op(g, OP_loop));
	const Tensor *in[] = {floats(cx, 0, NULL, (double[]){1}), floats(cx, 0, NULL, (double[]){2}),
		ints(cx, I64, 0, NULL, (int64_t[]){9})};
	/* s: 3 5 7, and 7 < 6 is false */
	expect_result(cx, g, in, 0, 1, (double[]){7});
	expect_result(cx, g, in, 1, 3, (double[]){0, 5, 14});
	in[2] = ints(cx, I64, 0, NULL, (int64_t[]){2});
	expect_result(cx, g, in, 1, 2, (double[]){0, 5});
	in[2] = ints(cx, I64, 0, NULL, (int64_t[]){-2});
	expect_result(cx, g, in, 0, 1, (double[]){1});
	expect_result(cx, g, in, 1, 0, NULL);
	expect_error(cx, loop_model(cx, "- - s0", false), NULL, "the loop never ends");
	ctx_free(cx);
}

/* Scan: state' = state + x, y = state'. */
static Buf scan_node(Ctx *cx, const char *inputs)
{
	Buf body = message(cx), n = node(cx, "Scan", inputs, "last all");
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, node(cx, "Identity", "s2", "y"));
	put_input(cx, &body, "s", FLOAT, "1");
	put_input(cx, &body, "x", FLOAT, "1");
	put_output(cx, &body, "s2");
	put_output(cx, &body, "y");
	put_attr_int(cx, &n, "num_scan_inputs", 1);
	put_attr_message(cx, &n, "body", true, body);
	return n;
}

static Buf scan_model(Ctx *cx, Buf n, int version, const char *s_shape, const char *x_shape)
{
	Buf g = message(cx);
	put_message(&g, 1, n);
	put_input(cx, &g, "s0", FLOAT, s_shape);
	put_input(cx, &g, "xs", FLOAT, x_shape);
	if (version == 8) put_input(cx, &g, "lens", INT64, "B");
	put_output(cx, &g, "last");
	put_output(cx, &g, "all");
	return model(cx, g, version);
}

Test(onnx_import, scan_axes_and_directions)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {
		floats(cx, 1, (int64_t[]){1}, (double[]){100}), floats(cx, 2, (int64_t[]){1, 3}, (double[]){1, 2, 4})};
	/* xs[1, 3], read along axis 1; sums forwards 101 103 107, backwards 104 106 107 */
	static const double wanted[2][2][3] = {{{101, 103, 107}, {107, 103, 101}}, {{104, 106, 107}, {107, 106, 104}}};
	for (int x_dir = 0; x_dir < 2; x_dir++)
		for (int y_dir = 0; y_dir < 2; y_dir++) {
			Buf n = scan_node(cx, "s0 xs");
			put_attr_ints(cx, &n, "scan_input_axes", 1, (int64_t[]){-1});
			put_attr_ints(cx, &n, "scan_output_axes", 1, (int64_t[]){1});
			put_attr_ints(cx, &n, "scan_input_directions", 1, (int64_t[]){x_dir});
			put_attr_ints(cx, &n, "scan_output_directions", 1, (int64_t[]){y_dir});
			const Graph *g = must_import(cx, scan_model(cx, n, 11, "1", "1 T"), NULL);
			cr_expect_str_eq(type_str(cx, g->results[1]->type), "f32[1, T]");
			expect_result(cx, g, in, 0, 1, (double[]){107});
			expect_result(cx, g, in, 1, 3, wanted[x_dir][y_dir]);
		}
	ctx_free(cx);
}

Test(onnx_import, scan_8_has_a_batch_and_lengths)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {floats(cx, 2, (int64_t[]){2, 1}, (double[]){100, 200}),
		floats(cx, 3, (int64_t[]){2, 3, 1}, (double[]){1, 2, 4, 10, 20, 40}),
		ints(cx, I64, 1, (int64_t[]){2}, (int64_t[]){3, 2})};
	const Graph *g = must_import(cx, scan_model(cx, scan_node(cx, "lens s0 xs"), 8, "B 1", "B T 1"), NULL);
	expect_result(cx, g, in, 0, 2, (double[]){107, 230});
	expect_result(cx, g, in, 1, 6, (double[]){101, 103, 107, 210, 230, 0});
	Buf n = scan_node(cx, "lens s0 xs");
	put_attr_ints(cx, &n, "directions", 1, (int64_t[]){1});
	g = must_import(cx, scan_model(cx, n, 8, "B 1", "B T 1"), NULL);
	expect_result(cx, g, in, 0, 2, (double[]){107, 230});
	expect_result(cx, g, in, 1, 6, (double[]){104, 106, 107, 220, 230, 0});
	ctx_free(cx);
}

/* A loop that collects a sequence, as exporters write `outputs.append(h)`. */
Test(onnx_import, sequence_from_a_loop_is_stacked)
{
	Ctx *cx = ctx_new();
	Buf body = message(cx), g = message(cx), n = node(cx, "Loop", "five - empty s0", "seq last"),
	    join = node(cx, "ConcatFromSequence", "seq", "y");
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, node(cx, "SequenceInsert", "q s2", "q2"));
	put_message(&body, 1, node(cx, "Identity", "c", "c2"));
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "c", BOOLEAN, "");
	put_input(cx, &body, "q", FLOAT, "");
	put_input(cx, &body, "s", FLOAT, "2");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "q2");
	put_output(cx, &body, "s2");
	put_attr_message(cx, &n, "body", true, body);
	put_attr_int(cx, &join, "axis", -1);
	put_attr_int(cx, &join, "new_axis", 1);
	put_message(&g, 1, node(cx, "SequenceEmpty", "", "empty"));
	put_message(&g, 1, n);
	put_message(&g, 1, join);
	put_message(&g, 5, tensor(cx, "five", INT64, 0, NULL, (int64_t[]){3}, 8));
	put_input(cx, &g, "s0", FLOAT, "2");
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	const Graph *graph = must_import(cx, model(cx, g, 14), NULL);
	const Tensor *in[] = {
		floats(cx, 1, (int64_t[]){2}, (double[]){0, 10}), floats(cx, 1, (int64_t[]){2}, (double[]){1, 2})};
	/* steps [1 12] [2 14] [3 16], stacked as the last axis */
	expect_result(cx, graph, in, 0, 6, (double[]){1, 2, 3, 12, 14, 16});
	ctx_free(cx);
}

/* A loop that grows a tensor by a concat, as exporters write `out = cat([out, h])`; it may not be read inside. */
static Buf growing_model(Ctx *cx, const char *limit, bool reads)
{
	Buf body = message(cx), g = message(cx),
	    n = node(cx, "Loop", arena_printf(cx->arena, "%s - out0 s0", limit), "out last");
	Buf concat = node(cx, "Concat", "out s2", "out2");
	put_attr_int(cx, &concat, "axis", 1);
	put_message(&body, 1, node(cx, "Add", "s x", "s2"));
	put_message(&body, 1, concat);
	put_message(&body, 1, node(cx, "Identity", "c", "c2"));
	if (reads) put_message(&body, 1, node(cx, "Tanh", "out", "t"));
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "c", BOOLEAN, "");
	put_input(cx, &body, "out", FLOAT, "2 ?");
	put_input(cx, &body, "s", FLOAT, "2 1");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "out2");
	put_output(cx, &body, "s2");
	if (reads) put_output(cx, &body, "t");
	put_attr_message(cx, &n, "body", true, body);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "three", INT64, 0, NULL, (int64_t[]){3}, 8));
	put_message(&g, 5, tensor(cx, "out0", FLOAT, 2, (int64_t[]){2, 1}, (float[]){-1, -2}, 8));
	put_input(cx, &g, "s0", FLOAT, "2 1");
	put_input(cx, &g, "x", FLOAT, "2 1");
	put_input(cx, &g, "m", INT64, "");
	put_output(cx, &g, "out");
	put_output(cx, &g, "last");
	return model(cx, g, 14);
}

Test(onnx_import, tensor_that_grows_in_a_loop_is_stacked)
{
	Ctx *cx = ctx_new();
	const Tensor *in[] = {floats(cx, 2, (int64_t[]){2, 1}, (double[]){0, 10}),
		floats(cx, 2, (int64_t[]){2, 1}, (double[]){1, 2}), ints(cx, I64, 0, NULL, (int64_t[]){2})};
	const Graph *g = must_import(cx, growing_model(cx, "three", false), NULL);
	cr_expect(has_op(g, OP_scan));
	cr_expect_str_eq(type_str(cx, g->results[0]->type), "f32[2, 4]");
	expect_result(cx, g, in, 0, 8, (double[]){-1, 1, 2, 3, -2, 12, 14, 16});
	expect_result(cx, g, in, 1, 2, (double[]){3, 16});
	g = must_import(cx, growing_model(cx, "m", false), NULL);
	cr_expect(has_op(g, OP_loop));
	expect_result(cx, g, in, 0, 6, (double[]){-1, 1, 2, -2, 12, 14});
	expect_error(cx, growing_model(cx, "three", true), NULL,
		"state \"out2\": a body that reads what it appends to is not supported");
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ functions */

/* f(a, b?; k = 1): leaky(a) with alpha = k; g calls f. */
static Buf function_model(Ctx *cx, bool recursive, bool give_k)
{
	Buf f = message(cx), leaky = node(cx, "LeakyRelu", "a", "r"), k = attribute(cx, "k", 1);
	put_attr_ref(cx, &leaky, "alpha", 1, "k");
	put_float(&k, 2, 0.5F);
	put_str(&f, 1, "f");
	put_words(&f, 4, "a b");
	put_words(&f, 5, "r");
	put_message(&f, 11, k);
	put_message(&f, 7, leaky);
	put_message(&f, 9, opset(cx, "", 14));
	put_message(&f, 9, opset(cx, "mine", 1));
	put_str(&f, 10, "mine");

	Buf h = message(cx), call = node(cx, recursive ? "h" : "f", "a", "inner");
	put_str(&call, 7, "mine");
	if (give_k) put_attr_ref(cx, &call, "k", 1, "slope");
	put_str(&h, 1, "h");
	put_words(&h, 4, "a");
	put_words(&h, 5, "inner");
	put_words(&h, 6, "slope");
	put_message(&h, 7, call);
	put_message(&h, 9, opset(cx, "mine", 1));
	put_str(&h, 10, "mine");

	Buf g = message(cx), top = node(cx, "h", "x", "y");
	put_str(&top, 7, "mine");
	put_attr_float(cx, &top, "slope", 0.25F);
	put_message(&g, 1, top);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	Buf m = model(cx, g, 14);
	put_message(&m, 8, opset(cx, "mine", 1));
	put_message(&m, 25, f);
	put_message(&m, 25, h);
	return m;
}

Test(onnx_import, functions_and_their_attributes)
{
	Ctx *cx = ctx_new();
	const Tensor *x = floats(cx, 1, (int64_t[]){2}, (double[]){-4, 4});
	expect_result(cx, must_import(cx, function_model(cx, false, true), NULL), &x, 0, 2, (double[]){-1, 4});
	expect_result(cx, must_import(cx, function_model(cx, false, false), NULL), &x, 0, 2, (double[]){-2, 4});
	expect_error(cx, function_model(cx, true, true), NULL, "function \"h\" calls itself");
	ctx_free(cx);
}

/* f0 calls f1 twice, which calls f2 twice, ...: 2^30 nodes from a kilobyte. */
Test(onnx_import, functions_that_explode)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), top = node(cx, "f0", "x", "y");
	put_str(&top, 7, "mine");
	put_message(&g, 1, top);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	Buf m = model(cx, g, 14);
	put_message(&m, 8, opset(cx, "mine", 1));
	for (int i = 0; i < 30; i++) {
		Buf f = message(cx);
		const char *next = arena_printf(cx->arena, "f%d", i + 1);
		put_str(&f, 1, arena_printf(cx->arena, "f%d", i));
		put_words(&f, 4, "a");
		put_words(&f, 5, "c");
		for (int k = 0; k < 2; k++) {
			Buf call = node(cx, i < 29 ? next : "Identity", k ? "b" : "a", k ? "c" : "b");
			if (i < 29) put_str(&call, 7, "mine");
			put_message(&f, 7, call);
		}
		put_message(&f, 9, opset(cx, "", 14));
		put_message(&f, 9, opset(cx, "mine", 1));
		put_str(&f, 10, "mine");
		put_message(&m, 25, f);
	}
	expect_error(cx, m, NULL, "functions and bodies expand to more than 262144 nodes");
	cr_expect_lt(arena_size(cx->arena), 1u << 30);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ recurrent */

/* One unit, h' = tanh(x + h/2), over x[3, B, 1] with lengths. */
static Buf rnn_model(Ctx *cx, const char *direction, const char *h0_shape)
{
	Buf g = message(cx), n = node(cx, "RNN", "x W R - lens h0", "Y Yh");
	put_attr_str(cx, &n, "direction", direction);
	put_attr_int(cx, &n, "hidden_size", 1);
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "W", FLOAT, 3, (int64_t[]){1, 1, 1}, (float[]){1}, 4));
	put_message(&g, 5, tensor(cx, "R", FLOAT, 3, (int64_t[]){1, 1, 1}, (float[]){0.5F}, 4));
	put_input(cx, &g, "x", FLOAT, "T ? 1");
	put_input(cx, &g, "lens", INT32, "?");
	put_input(cx, &g, "h0", FLOAT, h0_shape);
	put_output(cx, &g, "Y");
	put_output(cx, &g, "Yh");
	return model(cx, g, 14);
}

Test(onnx_import, lengths_hold_the_state)
{
	Ctx *cx = ctx_new();
	/* x[t, b] = 0.1 (t + 1) for both; lengths 2 and 0; initial states 0.4 and 0.8; the padding is NaN */
	const Tensor *in[] = {floats(cx, 3, (int64_t[]){3, 2, 1}, (double[]){0.1, NAN, 0.2, NAN, NAN, NAN}),
		ints(cx, I32, 1, (int64_t[]){2}, (int64_t[]){2, 0}),
		floats(cx, 3, (int64_t[]){1, 2, 1}, (double[]){0.4, 0.8})};
	double a = tanh(0.1 + 0.2), b = tanh(0.2 + a / 2);
	const Graph *g = must_import(cx, rnn_model(cx, "forward", "1 ? 1"), NULL);
	expect_result(cx, g, in, 0, 6, (double[]){a, 0, b, 0, 0, 0});
	expect_result(cx, g, in, 1, 2, (double[]){b, 0.8});
	/* backwards from the last real step */
	a = tanh(0.2 + 0.2), b = tanh(0.1 + a / 2);
	g = must_import(cx, rnn_model(cx, "reverse", "1 ? 1"), NULL);
	expect_result(cx, g, in, 0, 6, (double[]){b, 0, a, 0, 0, 0});
	expect_result(cx, g, in, 1, 2, (double[]){b, 0.8});
	ctx_free(cx);
}

/* Three unnamed batch sizes that must be one: the import says so. */
Test(onnx_import, unnamed_dims_that_must_be_equal)
{
	Ctx *cx = ctx_new();
	const Graph *g = must_import(cx, rnn_model(cx, "forward", "1 ? 1"), NULL);
	cr_expect_str_eq(type_str(cx, g->params[2]->type), "f32[1, x_dim1, 1]");
	cr_expect_eq(cx->n_notes, 2);
	expect_error(cx, rnn_model(cx, "forward", "1 ? 2"), NULL,
		"input initial_h: f32[1, x_dim1, 1] wanted, f32[1, x_dim1, 2] seen");
	expect_error(cx, rnn_model(cx, "sideways", "1 ? 1"), NULL,
		"attribute direction: forward, reverse or bidirectional wanted, \"sideways\" seen");
	ctx_free(cx);
}

/* alpha and beta go to the activations that take one, in order, over both directions. */
Test(onnx_import, activations_take_alpha_and_beta_in_order)
{
	Ctx *cx = ctx_new();
	struct {
		const char *names[2];
		int n_alpha, n_beta;
		float alpha[3], beta[2];
		double wanted[2]; /* of x = -1, both directions */
		const char *error;
	} cases[] = {
		{{"LeakyRelu", "Tanh"}, 1, 0, {0.5F}, {0}, {-0.5, -0.7615942}, NULL},
		{{"Tanh", "LeakyRelu"}, 1, 0, {0.5F}, {0}, {-0.7615942, -0.5}, NULL},
		{{"LeakyRelu", "Affine"}, 2, 1, {0.5F, 3}, {4}, {-0.5, 1}, NULL},
		{{"LeakyRelu", "HardSigmoid"}, 0, 0, {0}, {0}, {-0.01, 0.3}, NULL},
		{{"HardSigmoid", "ScaledTanh"}, 2, 2, {0.125F, 2}, {1, 0.5F}, {0.875, -0.9242343}, NULL},
		{{"Elu", "relu"}, 1, 0, {2}, {0}, {-1.2642411, 0}, NULL},
		{{"Tanh", "LeakyRelu"}, 2, 0, {0.5F, 0.25F}, {0}, {0},
			"activation_alpha: 2 values, but the activations take only 1"},
		{{"Tanh", "Swoosh"}, 0, 0, {0}, {0}, {0}, "attribute activations: \"Swoosh\" is not supported"},
	};
	const Tensor *x = floats(cx, 3, (int64_t[]){1, 1, 1}, (double[]){-1});
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Buf g = message(cx), n = node(cx, "RNN", "x W R", "Y"), names = attribute(cx, "activations", 8),
		    alpha = attribute(cx, "activation_alpha", 6), beta = attribute(cx, "activation_beta", 6);
		for (int k = 0; k < 2; k++) put_str(&names, 9, cases[i].names[k]);
		for (int k = 0; k < cases[i].n_alpha; k++) put_float(&alpha, 7, cases[i].alpha[k]);
		for (int k = 0; k < cases[i].n_beta; k++) put_float(&beta, 7, cases[i].beta[k]);
		put_message(&n, 5, names);
		if (cases[i].n_alpha) put_message(&n, 5, alpha);
		if (cases[i].n_beta) put_message(&n, 5, beta);
		put_attr_str(cx, &n, "direction", "bidirectional");
		put_message(&g, 1, n);
		put_message(&g, 5, tensor(cx, "W", FLOAT, 3, (int64_t[]){2, 1, 1}, (float[]){1, 1}, 8));
		put_message(&g, 5, tensor(cx, "R", FLOAT, 3, (int64_t[]){2, 1, 1}, (float[]){1, 1}, 8));
		put_input(cx, &g, "x", FLOAT, "T B 1");
		put_output(cx, &g, "Y");
		if (cases[i].error) expect_error(cx, model(cx, g, 14), NULL, cases[i].error);
		else expect_result(cx, must_import(cx, model(cx, g, 14), NULL), &x, 0, 2, cases[i].wanted);
	}
	ctx_free(cx);
}
