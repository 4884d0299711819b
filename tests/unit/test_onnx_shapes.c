/* test_onnx_shapes.c: operators on shapes, indices and reductions where the official cases do not reach: sizes that are
 * symbols, bounds and counts that only run time knows, old forms of operators, refusals by name.
 *
 * Expected numbers are worked out by hand, or by the numpy expression in the comment.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "onnx_run.h"
#include "onnx_writer.h"

/* ------------------------------------------------------------------------------------------------ one small model */

enum { MAX_INPUTS = 4 };

typedef struct {
	Ctx *cx;
	Buf graph;
	int opset, n;
	const Tensor *in[MAX_INPUTS];
	const Graph *g;
} Model;

static Model start(int opset)
{
	Ctx *cx = ctx_new();
	return (Model){.cx = cx, .graph = message(cx), .opset = opset};
}

/* Values 1, 2, 3, .. */
static const Tensor *counting(Ctx *cx, Elem elem, int rank, const int64_t *dims)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set_int(t, i, i + 1);
	return t;
}

static void input(Model *m, const char *name, int type, const char *shape, const Tensor *value)
{
	put_input(m->cx, &m->graph, name, type, shape);
	m->in[m->n++] = value;
}

/* A float input of those values. */
static void counting_input(Model *m, const char *name, const char *shape, int rank, const int64_t *dims)
{
	input(m, name, FLOAT, shape, counting(m->cx, F32, rank, dims));
}

static const Tensor *int_scalar(Ctx *cx, int64_t value)
{
	Tensor *t = tensor_new(cx->arena, I64, 0, NULL);
	tensor_set_int(t, 0, value);
	return t;
}

static void constant(Model *m, const char *name, int count, const int64_t *values)
{
	put_message(&m->graph, 5,
		tensor(m->cx, name, INT64, 1, (const int64_t[]){count}, values, sizeof *values * (size_t)count));
}
#define CONSTANT(m, name, ...) \
	constant(m, name, sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

static void add(Model *m, Buf n) { put_message(&m->graph, 1, n); }
static void add_op(Model *m, const char *op, const char *inputs) { add(m, node(m->cx, op, inputs, "y")); }

/* Imports once. */
static bool import(Model *m)
{
	put_output(m->cx, &m->graph, "y");
	m->g = import_model(m->cx, model(m->cx, m->graph, m->opset), NULL, NULL);
	return m->g != NULL;
}

static const Tensor *run(Model *m)
{
	if (!m->g) cr_assert(import(m), "%s", m->cx->error);
	return run_model(m->cx, m->g, m->in)[0];
}

static void expect_shape(const Tensor *y, int rank, const int64_t *dims)
{
	cr_assert_eq(y->rank, rank, "rank %d, not %d", y->rank, rank);
	for (int i = 0; i < rank; i++) cr_assert_eq(y->dims[i], dims[i], "dim %d is %d", i, (int)y->dims[i]);
}

static void expect_values(const Tensor *y, int count, const double *values)
{
	cr_assert_eq(y->count, count, "%d elements, not %d", (int)y->count, count);
	for (int i = 0; i < count; i++)
		cr_expect(fabs(tensor_get(y, i) - values[i]) <= 1e-5 * fabs(values[i]) + 1e-6, "[%d] is %g, not %g", i,
			tensor_get(y, i), values[i]);
}
#define EXPECT(y, ...) expect_values(y, sizeof(double[]){__VA_ARGS__} / sizeof(double), (const double[]){__VA_ARGS__})
#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static void expect_refusal(Model *m, const char *wanted)
{
	cr_assert_not(import(m), "accepted, but \"%s\" was wanted", wanted);
	cr_expect(strstr(m->cx->error, wanted), "wanted: %s\nseen: %s", wanted, m->cx->error);
	ctx_free(m->cx);
}

/* ------------------------------------------------------------------------------------------------ Slice */

/* x[start:end:step] of x = 1, 2, .. with n elements, for several n of one model. */
static void expect_slice(int64_t from, int64_t to, int64_t step, int n_sizes, const int64_t *sizes,
	const double wanted[][4], const int *counts)
{
	Model m = start(13);
	counting_input(&m, "x", "T", 1, sizes);
	CONSTANT(&m, "from", from);
	CONSTANT(&m, "to", to);
	CONSTANT(&m, "axes", 0);
	CONSTANT(&m, "step", step);
	add_op(&m, "Slice", "x from to axes step");
	for (int i = 0; i < n_sizes; i++) {
		m.in[0] = counting(m.cx, F32, 1, &sizes[i]);
		expect_values(run(&m), counts[i], wanted[i]);
	}
	ctx_free(m.cx);
}

Test(onnx_shapes, slice_of_a_symbol)
{
	/* x[1:], x[-2:], x[:-1], x[::-1] */
	expect_slice(1, INT64_MAX, 1, 3, DIMS(0, 1, 3), (const double[][4]){{0}, {0}, {2, 3}}, (const int[]){0, 0, 2});
	expect_slice(-2, INT32_MAX, 1, 3, DIMS(0, 1, 3), (const double[][4]){{0}, {1}, {2, 3}}, (const int[]){0, 1, 2});
	expect_slice(0, -1, 1, 3, DIMS(0, 1, 3), (const double[][4]){{0}, {0}, {1, 2}}, (const int[]){0, 0, 2});
	expect_slice(
		-1, INT64_MIN, -1, 3, DIMS(0, 1, 3), (const double[][4]){{0}, {1}, {3, 2, 1}}, (const int[]){0, 1, 3});
	/* x[3:-4:-2]: with 1 element the start is clamped to it; with 2, -4 is in front of all */
	expect_slice(3, -4, -2, 3, DIMS(1, 2, 5), (const double[][4]){{1}, {2}, {4}}, (const int[]){1, 1, 1});
}

/* What lengths x[1:] and x[:-1] have is one expression: differences of neighbours have a type. */
static void expect_one_type(int64_t far)
{
	Model m = start(13);
	counting_input(&m, "x", "T", 1, DIMS(4));
	CONSTANT(&m, "zero", 0);
	CONSTANT(&m, "one", 1);
	CONSTANT(&m, "back", -1);
	CONSTANT(&m, "far", far);
	add(&m, node(m.cx, "Slice", "x one far", "a"));
	add(&m, node(m.cx, "Slice", "x zero back", "b"));
	add_op(&m, "Sub", "a b");
	EXPECT(run(&m), 1, 1, 1);
	m.in[0] = counting(m.cx, F32, 1, DIMS(0));
	expect_shape(run(&m), 1, DIMS(0));
	ctx_free(m.cx);
}

Test(onnx_shapes, neighbours_have_one_type)
{
	expect_one_type(INT64_MAX);
	expect_one_type(1000000000); /* as tf2onnx writes it */
}

/* x[i:i+2] of a run-time i has a known size; x[i:3] not. */
Test(onnx_shapes, slice_at_a_run_time_place)
{
	for (int fixed_end = 0; fixed_end < 2; fixed_end++) {
		Model m = start(13);
		counting_input(&m, "x", "6", 1, DIMS(6));
		input(&m, "i", INT64, "1", counting(m.cx, I64, 1, DIMS(1)));
		CONSTANT(&m, "two", 2);
		CONSTANT(&m, "three", 3);
		add(&m, node(m.cx, "Add", "i two", "end"));
		add_op(&m, "Slice", fixed_end ? "x i three" : "x i end");
		EXPECT(run(&m), 2, 3);
		cr_expect_eq(type_is_static(m.g->results[0]->type), !fixed_end);
		ctx_free(m.cx);
	}
}

/* ------------------------------------------------------------------------------------------------ Reshape and others */

/* What 0 and -1 stand for where sizes are symbols: [T, B, 6] to [0, -1, 2, 3]. */
Test(onnx_shapes, reshape_of_symbols)
{
	Model m = start(13);
	counting_input(&m, "x", "T B 6", 3, DIMS(2, 1, 6));
	CONSTANT(&m, "shape", 0, -1, 2, 3);
	add_op(&m, "Reshape", "x shape");
	expect_shape(run(&m), 4, DIMS(2, 1, 2, 3));
	m.in[0] = counting(m.cx, F32, 3, DIMS(0, 4, 6));
	expect_shape(run(&m), 4, DIMS(0, 4, 2, 3));
	ctx_free(m.cx);
}

/* A symbol that can only be 2, as the shape says: [batch, 6] to [3, 4]. */
Test(onnx_shapes, reshape_tells_a_symbol)
{
	Model m = start(13);
	counting_input(&m, "x", "batch 6", 2, DIMS(2, 6));
	CONSTANT(&m, "shape", 3, 4);
	add_op(&m, "Reshape", "x shape");
	expect_shape(run(&m), 2, DIMS(3, 4));
	cr_expect(dim_is(m.g->params[0]->type->dims[0], 2));
	ctx_free(m.cx);
}

/* Nothing becomes nothing, which says nothing of C: [2, 0, C] to [2, 0, 3]. */
Test(onnx_shapes, reshape_of_nothing)
{
	Model m = start(13);
	counting_input(&m, "x", "2 0 C", 3, DIMS(2, 0, 6));
	CONSTANT(&m, "shape", 2, 0, 3);
	add_op(&m, "Reshape", "x shape");
	expect_shape(run(&m), 3, DIMS(2, 0, 3));
	ctx_free(m.cx);
}

/* The last size that a shape gives is found to be C, and then C to be 3. */
Test(onnx_shapes, a_size_is_a_symbol_that_is_a_number)
{
	Model m = start(13);
	counting_input(&m, "w", "3", 1, DIMS(3));
	Tensor *shape = tensor_new(m.cx->arena, I64, 1, DIMS(2));
	tensor_set_int(shape, 0, 1);
	tensor_set_int(shape, 1, 3);
	input(&m, "shape", INT64, "2", shape);
	counting_input(&m, "x", "C C", 2, DIMS(3, 3));
	counting_input(&m, "k", "3 1", 2, DIMS(3, 1));
	add(&m, node(m.cx, "Reshape", "w shape", "row"));
	add(&m, node(m.cx, "MatMul", "row x", "rows"));
	add_op(&m, "MatMul", "rows k");
	const Tensor *y = run(&m);
	expect_shape(y, 2, DIMS(1, 1));
	EXPECT(y, 30 + 2 * 36 + 3 * 42);
	ctx_free(m.cx);
}

Test(onnx_shapes, reshape_refusals)
{
	static const struct {
		const char *shape, *error;
		int64_t wanted[3];
	} cases[] = {
		{"2 3", "-1 is there twice", {-1, -1, 1}},
		{"2 3", "dim 0 is -2", {-2, 3, 1}},
		{"2 3", "dim 2 is 0, but the data is f32[2, 3]", {2, 3, 0}},
		{"T 3", "what stands for -1? f32[T, 3] has 3*T elements for each 2 wanted", {2, -1, 1}},
		{"2 3", "reshape of f32[2, 3] to f32[2, 2, 1]", {2, 2, 1}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Model m = start(13);
		counting_input(&m, "x", cases[i].shape, 2, DIMS(2, 3));
		constant(&m, "shape", 3, cases[i].wanted);
		add_op(&m, "Reshape", "x shape");
		expect_refusal(&m, cases[i].error);
	}
}

Test(onnx_shapes, old_forms)
{
	Model m = start(1); /* shape and consumed_inputs are attributes */
	counting_input(&m, "x", "2 3", 2, DIMS(2, 3));
	Buf n = node(m.cx, "Reshape", "x", "y");
	put_attr_ints(m.cx, &n, "shape", 2, DIMS(-1, 2));
	put_attr_ints(m.cx, &n, "consumed_inputs", 1, DIMS(0));
	add(&m, n);
	expect_shape(run(&m), 2, DIMS(3, 2));
	ctx_free(m.cx);

	m = start(1); /* one axis only */
	counting_input(&m, "x", "1 2", 2, DIMS(1, 2));
	CONSTANT(&m, "tiles", 2);
	CONSTANT(&m, "axis", 1);
	add_op(&m, "Tile", "x tiles axis");
	EXPECT(run(&m), 1, 2, 1, 2);
	ctx_free(m.cx);

	m = start(1); /* paddings, not pads */
	counting_input(&m, "x", "2", 1, DIMS(2));
	n = node(m.cx, "Pad", "x", "y");
	put_attr_ints(m.cx, &n, "paddings", 2, DIMS(1, 2));
	put_attr_float(m.cx, &n, "value", 9);
	add(&m, n);
	EXPECT(run(&m), 9, 1, 2, 9, 9);
	ctx_free(m.cx);

	m = start(1); /* the axis of opset 1 is 1 when not given */
	counting_input(&m, "x", "2 1", 2, DIMS(2, 1));
	add_op(&m, "Concat", "x x");
	EXPECT(run(&m), 1, 1, 2, 2);
	ctx_free(m.cx);

	m = start(1); /* split as an input, in opset 1 as well */
	counting_input(&m, "x", "3", 1, DIMS(3));
	CONSTANT(&m, "split", 1, 2);
	add(&m, node(m.cx, "Split", "x split", "a y"));
	EXPECT(run(&m), 2, 3);
	ctx_free(m.cx);
}

Test(onnx_shapes, split_refusals)
{
	Model m = start(13);
	counting_input(&m, "x", "T", 1, DIMS(4));
	add(&m, node(m.cx, "Split", "x", "y b"));
	expect_refusal(&m, "T is no multiple of the 2 outputs");
	m = start(18);
	counting_input(&m, "x", "4", 1, DIMS(4));
	Buf n = node(m.cx, "Split", "x", "y b");
	put_attr_int(m.cx, &n, "num_outputs", 3);
	add(&m, n);
	expect_refusal(&m, "attribute num_outputs is 3, but there are 2 outputs");
}

/* Pad and crop in one, by symbols: pads of -1 and T. */
Test(onnx_shapes, pad_by_a_symbol)
{
	Model m = start(13);
	counting_input(&m, "x", "T", 1, DIMS(3));
	CONSTANT(&m, "minus", -1);
	add(&m, node(m.cx, "Shape", "x", "size"));
	Buf n = node(m.cx, "Concat", "minus size", "pads");
	put_attr_int(m.cx, &n, "axis", 0);
	add(&m, n);
	add_op(&m, "Pad", "x pads");
	EXPECT(run(&m), 2, 3, 0, 0, 0);
	ctx_free(m.cx);
}

/* Reflection further than the array is long: numpy.pad([1, 2, 3], (5, 4), "reflect"). */
Test(onnx_shapes, pad_reflects_more_than_once)
{
	Model m = start(13);
	counting_input(&m, "x", "T", 1, DIMS(3));
	CONSTANT(&m, "pads", 5, 4);
	Buf n = node(m.cx, "Pad", "x pads", "y");
	put_attr_str(m.cx, &n, "mode", "reflect");
	add(&m, n);
	EXPECT(run(&m), 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3);
	m.in[0] = counting(m.cx, F32, 1, DIMS(1));
	EXPECT(run(&m), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
	ctx_free(m.cx);
}

/* Only run time knows whether it is cropped or padded. */
Test(onnx_shapes, center_of_a_symbol)
{
	Model m = start(18);
	counting_input(&m, "x", "T", 1, DIMS(4));
	CONSTANT(&m, "shape", 3);
	add_op(&m, "CenterCropPad", "x shape");
	EXPECT(run(&m), 1, 2, 3); /* 4 - 3 is odd: the window starts at 0 */
	m.in[0] = counting(m.cx, F32, 1, DIMS(2));
	EXPECT(run(&m), 1, 2, 0); /* the odd zero is on the right */
	m.in[0] = counting(m.cx, F32, 1, DIMS(7));
	EXPECT(run(&m), 3, 4, 5);
	ctx_free(m.cx);
}

/* ------------------------------------------------------------------------------------------------ known at run time */

Test(onnx_shapes, range_of_a_run_time_limit)
{
	Model m = start(13);
	input(&m, "start", INT64, "", int_scalar(m.cx, 2));
	input(&m, "limit", INT64, "", int_scalar(m.cx, 9));
	input(&m, "delta", INT64, "", int_scalar(m.cx, 3));
	add_op(&m, "Range", "start limit delta");
	EXPECT(run(&m), 2, 5, 8);
	m.in[2] = int_scalar(m.cx, -3);
	expect_shape(run(&m), 1, DIMS(0));
	m.in[1] = int_scalar(m.cx, -4);
	EXPECT(run(&m), 2, -1);
	ctx_free(m.cx);
}

/* As many as there are: x[nonzero(x)] of a vector. */
Test(onnx_shapes, gather_at_the_nonzeros)
{
	Model m = start(13);
	Tensor *x = tensor_new(m.cx->arena, F32, 1, DIMS(5));
	tensor_set(x, 1, 7);
	tensor_set(x, 4, -2);
	input(&m, "x", FLOAT, "T", x);
	add(&m, node(m.cx, "NonZero", "x", "at"));
	add_op(&m, "Gather", "x at");
	expect_shape(run(&m), 2, DIMS(1, 2));
	EXPECT(run(&m), 7, -2);
	m.in[0] = tensor_new(m.cx->arena, F32, 1, DIMS(3));
	expect_shape(run(&m), 2, DIMS(1, 0));
	ctx_free(m.cx);
}

/* Of a constant the count is known: the type says it. */
Test(onnx_shapes, nonzero_of_a_constant)
{
	Model m = start(13);
	counting_input(&m, "x", "4", 1, DIMS(4));
	CONSTANT(&m, "mask", 0, 1, 1, 0);
	add(&m, node(m.cx, "NonZero", "mask", "at"));
	add_op(&m, "Gather", "x at");
	EXPECT(run(&m), 2, 3);
	cr_expect(type_is_static(m.g->results[0]->type));
	ctx_free(m.cx);
}

Test(onnx_shapes, cumsum_along_a_run_time_axis)
{
	Model m = start(13);
	counting_input(&m, "x", "2 2", 2, DIMS(2, 2));
	input(&m, "axis", INT64, "", int_scalar(m.cx, 0));
	add_op(&m, "CumSum", "x axis");
	EXPECT(run(&m), 1, 2, 4, 6);
	m.in[1] = int_scalar(m.cx, -1);
	EXPECT(run(&m), 1, 3, 3, 7);
	ctx_free(m.cx);
}

/* ------------------------------------------------------------------------------------------------ reductions */

/* log(sum(exp)) of 1000, 1000 is 1000 + log 2, of -inf, -inf is -inf, of nothing too. */
Test(onnx_shapes, log_sum_exp_at_the_ends)
{
	Model m = start(18);
	Tensor *x = tensor_new(m.cx->arena, F32, 2, DIMS(2, 2));
	for (int i = 0; i < 4; i++) tensor_set(x, i, i < 2 ? 1000 : -(double)INFINITY);
	input(&m, "x", FLOAT, "2 T", x);
	CONSTANT(&m, "axes", 1);
	add_op(&m, "ReduceLogSumExp", "x axes");
	const Tensor *y = run(&m);
	cr_expect_float_eq(tensor_get(y, 0), 1000.6931, 1e-3);
	cr_expect(isinf(tensor_get(y, 1)) && tensor_get(y, 1) < 0);
	m.in[0] = tensor_new(m.cx->arena, F32, 2, DIMS(2, 0));
	y = run(&m);
	cr_expect(isinf(tensor_get(y, 0)) && tensor_get(y, 0) < 0);
	ctx_free(m.cx);
}

/* The mean of half numbers whose sum is beyond their largest, 65504. */
Test(onnx_shapes, mean_of_large_halves)
{
	Model m = start(13);
	Tensor *x = tensor_new(m.cx->arena, F16, 1, DIMS(4));
	for (int i = 0; i < 4; i++) tensor_set(x, i, 40000);
	input(&m, "x", 10 /* FLOAT16 */, "T", x);
	add_op(&m, "ReduceMean", "x");
	EXPECT(run(&m), 40000);
	ctx_free(m.cx);
}

/* ------------------------------------------------------------------------------------------------ Einsum */

static Model einsum(const char *equation, int n_shapes, const char *const *shapes, int rank, const int64_t dims[][3])
{
	static const char *const names[] = {"a", "b", "c"};
	Model m = start(12);
	for (int i = 0; i < n_shapes; i++) counting_input(&m, names[i], shapes[i], rank, dims[i]);
	Buf n = node(m.cx, "Einsum", n_shapes == 1 ? "a" : n_shapes == 2 ? "a b" : "a b c", "y");
	put_attr_str(m.cx, &n, "equation", equation);
	add(&m, n);
	return m;
}

Test(onnx_shapes, einsum_forms)
{
	/* three operands: [1 2; 3 4] * [1 2; 3 4] = [7 10; 15 22], times [1 2; 3 4] again, summed over rows */
	Model m = einsum("ij,jk,kl->l", 3, (const char *[]){"2 2", "2 2", "2 2"}, 2,
		(const int64_t[][3]){{2, 2}, {2, 2}, {2, 2}});
	EXPECT(run(&m), 22 * 1 + 32 * 3, 22 * 2 + 32 * 4);
	ctx_free(m.cx);
	/* the diagonal of a symbol's square, and its sum */
	m = einsum("ii->i", 1, (const char *[]){"N N"}, 2, (const int64_t[][3]){{3, 3}});
	EXPECT(run(&m), 1, 5, 9);
	ctx_free(m.cx);
	m = einsum("ii", 1, (const char *[]){"N N"}, 2, (const int64_t[][3]){{3, 3}});
	EXPECT(run(&m), 15);
	ctx_free(m.cx);
	/* ellipses broadcast: [2, 1] times [1, 2] by element */
	m = einsum("...,...", 2, (const char *[]){"2 1", "1 2"}, 2, (const int64_t[][3]){{2, 1}, {1, 2}});
	expect_shape(run(&m), 2, DIMS(2, 2));
	EXPECT(run(&m), 1, 2, 2, 4);
	ctx_free(m.cx);
}

Test(onnx_shapes, einsum_refusals)
{
	static const char *const cases[][2] = {
		{"ij,jk->ik", "1 terms wanted in \"ij,jk->ik\""},
		{"ijk->i", "3 letters in term 0, which is f32[2, 2]"},
		{"ij->k", "k of the result"},
		{"ij->ii", "i of the result"},
		{"i1->i", "attribute equation: \"1->i\""},
		{"......", "two ellipses in one term"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Model m = einsum(cases[i][0], 1, (const char *[]){"2 2"}, 2, (const int64_t[][3]){{2, 2}});
		expect_refusal(&m, cases[i][1]);
	}
}

/* A zero on the diagonal needs a row exchange: |0 1; 2 3| = -2; a column of zeros gives 0, and no rows at all 1. */
Test(onnx_shapes, det_with_exchange)
{
	Model m = start(11);
	Tensor *x = tensor_new(m.cx->arena, F32, 3, DIMS(2, 2, 2));
	for (int i = 1; i < 4; i++) tensor_set(x, i, i);
	tensor_set(x, 5, 1);
	input(&m, "x", FLOAT, "B N N", x);
	add_op(&m, "Det", "x");
	EXPECT(run(&m), -2, 0);
	m.in[0] = tensor_new(m.cx->arena, F32, 3, DIMS(1, 0, 0));
	EXPECT(run(&m), 1);
	ctx_free(m.cx);
}

/* The spectrum of 1, 2, 3 as one of 4, with a zero added: [6, -2-2i, 2, -2+2i]; T is the signal's length. */
Test(onnx_shapes, dft_of_a_symbol)
{
	Model m = start(20);
	counting_input(&m, "x", "1 T 1", 3, DIMS(1, 3, 1));
	CONSTANT(&m, "length", 4);
	add_op(&m, "DFT", "x length");
	EXPECT(run(&m), 6, 0, -2, -2, 2, 0, -2, 2);
	ctx_free(m.cx);
}

/* ------------------------------------------------------------------------------------------------ Squeeze */

/* Without axes, the rank of the result would depend on T. */
Test(onnx_shapes, squeeze_of_a_symbol)
{
	Model m = start(13);
	counting_input(&m, "x", "1 T", 2, DIMS(1, 3));
	add_op(&m, "Squeeze", "x");
	expect_refusal(&m, "whether a dim of f32[1, T] is 1 decides what remains");
	m = start(13);
	counting_input(&m, "x", "1 T", 2, DIMS(1, 3));
	sym_bound(m.cx, "T", 2, 9);
	add_op(&m, "Squeeze", "x");
	expect_shape(run(&m), 1, DIMS(3));
	ctx_free(m.cx);
}

/* A size that an operand says is no size to remove: the rank cannot wait for it, and the call sees whether it is 1. */
Test(onnx_shapes, squeeze_of_an_operand)
{
	Model m = start(13);
	int64_t shape[] = {1, 3};
	input(&m, "shape", INT64, "2", counting(m.cx, I64, 1, DIMS(2)));
	add(&m, node(m.cx, "ConstantOfShape", "shape", "x"));
	add_op(&m, "Squeeze", "x");
	tensor_set_int((Tensor *)(uintptr_t)m.in[0], 0, 2);
	shape[0] = 2, shape[1] = 2;
	expect_shape(run(&m), 2, shape);
	tensor_set_int((Tensor *)(uintptr_t)m.in[0], 0, 1);
	Ctx *volatile cx = m.cx;
	volatile bool done = false;
	TRY (cx) {
		Eval e = {.cx = cx, .arena = cx->arena};
		const Tensor *result;
		eval_graph(&e, m.g, m.in, &result);
		done = true;
	}
	cr_expect_not(done);
	ctx_free(cx);
}

/* Ten dims of 1 or 2, in the other order: bit k of the place of each element goes to bit 9 - k, but for those of dims of 1. */
Test(onnx_shapes, many_dims)
{
	Model m = start(13);
	const int64_t dims[] = {2, 1, 2, 1, 1, 2, 1, 1, 1, 2}, back[] = {2, 1, 1, 1, 2, 1, 1, 2, 1, 2};
	counting_input(&m, "x", "2 1 2 1 1 2 1 1 1 2", 10, dims);
	add(&m, node(m.cx, "Transpose", "x", "t"));
	add(&m, node(m.cx, "Flatten", "t", "f"));
	add(&m, node(m.cx, "Shape", "t", "s"));
	add_op(&m, "Reshape", "f s");
	expect_shape(run(&m), 10, back);
	EXPECT(run(&m), 1, 9, 5, 13, 3, 11, 7, 15, 2, 10, 6, 14, 4, 12, 8, 16);
	ctx_free(m.cx);
}
