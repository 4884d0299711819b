/* test_onnx_sequence.c: sequences and optionals where a model begins and ends: their files, and what becomes of them.
 *
 * Expected numbers are worked out by hand in the comments.  Field numbers of the files are those of onnx-data.proto.
 */
#include <criterion/criterion.h>

#include "frontend/onnx/onnx_tensor.h"
#include "onnx_run.h"
#include "onnx_writer.h"

static Buf one_float(Ctx *cx, float value) { return tensor(cx, "", FLOAT, 1, (int64_t[]){1}, &value, sizeof value); }

/* A SequenceProto of [1] and [2]. */
static Buf two_floats(Ctx *cx)
{
	Buf s = message(cx);
	put_str(&s, 1, "s");
	put_int(&s, 2, 1);
	put_message(&s, 3, one_float(cx, 1));
	put_message(&s, 3, one_float(cx, 2));
	return s;
}

static void expect_values(Ctx *context, OnnxKind kind, Buf file, int form, int n)
{
	Ctx *volatile cx = context;
	volatile bool read = false;
	TRY (cx) {
		OnnxValue v = onnx_value_parse(cx, kind, file.text, file.size);
		cr_expect_eq((int)v.form, form);
		cr_assert_eq(v.n, n);
		for (int i = 0; i < n; i++) cr_expect_eq(tensor_get(v.tensors[i], 0), i + 1);
		read = true;
	}
	cr_expect(read, "%s", cx->error);
}

static void expect_refused(Ctx *context, OnnxKind kind, Buf file, const char *wanted)
{
	Ctx *volatile cx = context;
	volatile bool read = false;
	TRY (cx) {
		onnx_value_parse(cx, kind, file.text, file.size);
		read = true;
	}
	cr_assert(!read, "accepted, but \"%s\" was wanted", wanted);
	cr_expect(strstr(cx->error, wanted), "wanted: %s\nseen: %s", wanted, cx->error);
}

Test(onnx_sequence, files)
{
	Ctx *cx = ctx_new();
	Buf absent = message(cx), of_tensor = message(cx), of_sequence = message(cx), of_map = message(cx),
	    nested = message(cx);
	put_int(&absent, 2, 0);
	put_int(&of_tensor, 2, 1);
	put_message(&of_tensor, 3, one_float(cx, 1));
	put_int(&of_sequence, 2, 3);
	put_message(&of_sequence, 5, two_floats(cx));
	put_int(&of_map, 2, 4);
	put_message(&nested, 5, two_floats(cx));
	expect_values(cx, ONNX_IS_TENSOR, one_float(cx, 1), ONNX_TENSOR, 1);
	expect_values(cx, ONNX_IS_SEQUENCE, two_floats(cx), ONNX_SEQUENCE, 2);
	expect_values(cx, ONNX_IS_OPTIONAL, absent, ONNX_ABSENT, 0);
	expect_values(cx, ONNX_IS_OPTIONAL, of_tensor, ONNX_TENSOR, 1);
	expect_values(cx, ONNX_IS_OPTIONAL, of_sequence, ONNX_SEQUENCE, 2);
	expect_refused(cx, ONNX_IS_OPTIONAL, of_map, "anything but tensors and sequences");
	expect_refused(cx, ONNX_IS_SEQUENCE, nested, "anything but tensors");
	Buf cut = two_floats(cx);
	cut.size -= 3;
	expect_refused(cx, ONNX_IS_SEQUENCE, cut, "damaged");
	ctx_free(cx);
}

/* A ValueInfoProto of sequence(f32), or optional(sequence(f32)). */
static void put_sequence_input(Ctx *cx, Buf *g, const char *name, bool is_optional)
{
	Buf elem = message(cx), elem_type = message(cx), sequence = message(cx), type = message(cx), info = message(cx);
	put_int(&elem, 1, FLOAT);
	put_message(&elem_type, 1, elem);
	put_message(&sequence, 1, elem_type);
	put_message(&type, 4, sequence);
	if (is_optional) {
		Buf inner = type, optional = message(cx);
		type = message(cx);
		put_message(&optional, 1, inner);
		put_message(&type, 9, optional);
	}
	put_str(&info, 1, name);
	put_message(&info, 2, type);
	put_message(g, 11, info);
}

static const Graph *import(Ctx *cx, Buf g, int n_likes, const OnnxValue *likes)
{
	return import_model(cx, model(cx, g, 18), NULL, &(OnnxImportOptions){.n_likes = n_likes, .likes = likes});
}

static void expect_row(Ctx *cx, const Graph *g, const Tensor *const *in, int result, int n, const double *wanted)
{
	const Tensor *y = run_model(cx, g, in)[result];
	cr_assert_eq(y->count, n);
	for (int i = 0; i < n; i++) cr_expect_eq(tensor_get(y, i), wanted[i]);
}

/* Three steps; each appends the first i + 1 elements of x: no scan can stack those, so the loop is unrolled. */
static Buf ragged_model(Ctx *cx)
{
	Buf body = message(cx), g = message(cx), loop = node(cx, "Loop", "three - q0", "q");
	put_message(&body, 1, node(cx, "Identity", "c", "c2"));
	put_message(&body, 1, node(cx, "Add", "i one", "end"));
	put_message(&body, 1, node(cx, "Reshape", "end ones", "ends"));
	put_message(&body, 1, node(cx, "Slice", "x zeros ends", "part"));
	put_message(&body, 1, node(cx, "SequenceInsert", "r part", "r2"));
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "c", BOOLEAN, "");
	put_input(cx, &body, "r", FLOAT, "");
	put_output(cx, &body, "c2");
	put_output(cx, &body, "r2");
	put_attr_message(cx, &loop, "body", true, body);
	put_message(&g, 1, loop);
	put_message(&g, 5, tensor(cx, "three", INT64, 0, NULL, (int64_t[]){3}, 8));
	put_message(&g, 5, tensor(cx, "one", INT64, 0, NULL, (int64_t[]){1}, 8));
	put_message(&g, 5, tensor(cx, "ones", INT64, 1, (int64_t[]){1}, (int64_t[]){1}, 8));
	put_message(&g, 5, tensor(cx, "zeros", INT64, 1, (int64_t[]){1}, (int64_t[]){0}, 8));
	put_sequence_input(cx, &g, "q0", false);
	put_input(cx, &g, "x", FLOAT, "3");
	put_output(cx, &g, "q");
	return g;
}

Test(onnx_sequence, a_loop_over_ragged_elements_is_unrolled)
{
	Ctx *cx = ctx_new();
	Tensor *first = tensor_new(cx->arena, F32, 1, (int64_t[]){2}),
	       *x = tensor_new(cx->arena, F32, 1, (int64_t[]){3});
	for (int i = 0; i < 2; i++) tensor_set(first, i, 8 + i);
	for (int i = 0; i < 3; i++) tensor_set(x, i, 1 + i);
	const Tensor *in[] = {first, x};
	const OnnxValue likes[] = {{ONNX_SEQUENCE, 1, &in[0]}, {ONNX_TENSOR, 1, &in[1]}};
	const Graph *g = import(cx, ragged_model(cx), 2, likes);
	cr_assert(g, "%s", cx->error);
	cr_assert_eq(g->n_params, 2);
	cr_expect_str_eq(g->param_names[0], "q0.0");
	cr_expect_str_eq(g->param_names[1], "x");
	cr_assert_eq(g->n_results, 4);
	cr_expect_str_eq(g->result_names[3], "q.3");
	/* what it began with, then [1], [1 2], [1 2 3] */
	expect_row(cx, g, in, 0, 2, (double[]){8, 9});
	for (int i = 1; i < 4; i++) expect_row(cx, g, in, i, i, (double[]){1, 2, 3});
	cr_assert_null(import(cx, ragged_model(cx), 0, NULL));
	cr_expect(strstr(cx->error, "input \"q0\": sequences are not supported without a data set"), "%s", cx->error);
	ctx_free(cx);
}

/* y is the optional's first element, or x where it has none. */
static Buf optional_model(Ctx *cx)
{
	Buf g = message(cx), then = message(cx), other = message(cx), n = node(cx, "If", "has", "y");
	put_message(&then, 1, node(cx, "OptionalGetElement", "o", "s"));
	put_message(&then, 1, node(cx, "SequenceAt", "s zero", "a"));
	put_output(cx, &then, "a");
	put_message(&other, 1, node(cx, "Identity", "x", "b"));
	put_output(cx, &other, "b");
	put_attr_message(cx, &n, "then_branch", true, then);
	put_attr_message(cx, &n, "else_branch", true, other);
	put_message(&g, 1, node(cx, "OptionalHasElement", "o", "has"));
	put_message(&g, 1, n);
	put_message(&g, 5, tensor(cx, "zero", INT64, 0, NULL, (int64_t[]){0}, 8));
	put_sequence_input(cx, &g, "o", true);
	put_input(cx, &g, "x", FLOAT, "1");
	put_output(cx, &g, "y");
	return g;
}

Test(onnx_sequence, an_optional_input_is_there_or_not)
{
	Ctx *cx = ctx_new();
	Tensor *element = tensor_new(cx->arena, F32, 1, (int64_t[]){1}),
	       *x = tensor_new(cx->arena, F32, 1, (int64_t[]){1});
	tensor_set(element, 0, 5);
	tensor_set(x, 0, 7);
	const Tensor *in[] = {element, x};
	const OnnxValue likes[] = {{ONNX_SEQUENCE, 1, &in[0]}, {ONNX_TENSOR, 1, &in[1]}, {.form = ONNX_ABSENT}};
	const Graph *g = import(cx, optional_model(cx), 2, likes);
	cr_assert(g, "%s", cx->error);
	expect_row(cx, g, in, 0, 1, (double[]){5});
	g = import(cx, optional_model(cx), 2, (OnnxValue[]){likes[2], likes[1]});
	cr_assert(g, "%s", cx->error);
	cr_assert_eq(g->n_params, 1);
	expect_row(cx, g, &in[1], 0, 1, (double[]){7});
	ctx_free(cx);
}

/* A branch that gives the sequence of these. */
static Buf sequence_branch(Ctx *cx, const char *inputs, const char *output)
{
	Buf b = message(cx);
	put_message(&b, 1, node(cx, "SequenceConstruct", inputs, output));
	put_output(cx, &b, output);
	return b;
}

static Buf choice_model(Ctx *cx, const char *then, const char *other)
{
	Buf g = message(cx), n = node(cx, "If", "which", "q");
	put_attr_message(cx, &n, "then_branch", true, sequence_branch(cx, then, "a"));
	put_attr_message(cx, &n, "else_branch", true, sequence_branch(cx, other, "b"));
	put_message(&g, 1, n);
	put_message(&g, 1, node(cx, "SequenceLength", "q", "length"));
	put_message(&g, 1, node(cx, "SequenceAt", "q zero", "first"));
	put_message(&g, 5, tensor(cx, "zero", INT64, 0, NULL, (int64_t[]){0}, 8));
	put_input(cx, &g, "which", BOOLEAN, "");
	put_input(cx, &g, "x", FLOAT, "1");
	put_input(cx, &g, "y", FLOAT, "1");
	put_input(cx, &g, "z", FLOAT, "3");
	put_output(cx, &g, "first");
	put_output(cx, &g, "q");
	put_output(cx, &g, "length");
	return g;
}

/* Of equal forms: which branch runs decides the elements. */
Test(onnx_sequence, branches_that_run_time_chooses)
{
	Ctx *cx = ctx_new();
	Tensor *which = tensor_new(cx->arena, BOOL, 0, NULL), *x = tensor_new(cx->arena, F32, 1, (int64_t[]){1}),
	       *y = tensor_new(cx->arena, F32, 1, (int64_t[]){1}), *z = tensor_new(cx->arena, F32, 1, (int64_t[]){3});
	tensor_set(x, 0, 5);
	tensor_set(y, 0, 7);
	for (int i = 0; i < 3; i++) tensor_set(z, i, i);
	const Tensor *in[] = {which, x, y, z};
	const Graph *g = import(cx, choice_model(cx, "x z", "y z"), 0, NULL);
	cr_assert(g, "%s", cx->error);
	cr_assert_eq(g->n_results, 4); /* first, q.0, q.1, length */
	for (int b = 0; b < 2; b++) {
		tensor_set_int(which, 0, b);
		expect_row(cx, g, in, 0, 1, b ? (double[]){5} : (double[]){7});
		expect_row(cx, g, in, 1, 1, b ? (double[]){5} : (double[]){7});
		expect_row(cx, g, in, 2, 3, (double[]){0, 1, 2});
		cr_expect_eq(tensor_get_int(run_model(cx, g, in)[3], 0), 2);
	}
	g = import(cx, choice_model(cx, "x z", "y"), 0, NULL);
	cr_expect(!g && strstr(cx->error, "sequences of different lengths"), "%s", cx->error);
	g = import(cx, choice_model(cx, "x z", "z x"), 0, NULL);
	cr_expect(!g && strstr(cx->error, "the branches' result \"a.0\": "), "%s", cx->error);
	ctx_free(cx);
}
