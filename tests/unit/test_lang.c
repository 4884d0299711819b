/* test_lang.c: the expression language and the operator library.
 *
 * examples: every `example` of frontend/ops/ by the interpreter.  lang: precedence, typing, indexing, errors with their place;
 * numbers by hand.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "frontend/lang/ast.h"

static const Tensor *run(Ctx *cx, const Val *v)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	const Graph *g = graph_new(cx, "test", 0, NULL, NULL, 1, &v, (const char *[]){"y"});
	const Tensor *result;
	eval_graph(&e, g, NULL, &result);
	return result;
}

/* ------------------------------------------------------------------------------------------------ examples */

static bool close_to(double got, double want)
{
	if (isnan(want) || isinf(want)) return (isnan(got) && isnan(want)) || got == want;
	return fabs(got - want) <= 1e-7 * fmax(1, fabs(want));
}

static void check_example(Ctx *cx, const Library *lib, const ExampleDecl *example)
{
	const char *where = span_str(cx, (Span){example->src, example->call->start, example->call->end});
	const Val *got[MAX_RESULTS], *expected[MAX_RESULTS];
	int n = elab_example(cx, lib, example, got, expected);
	for (int i = 0; i < n; i++) {
		const Tensor *g = run(cx, got[i]), *w = run(cx, expected[i]);
		cr_expect_eq(g->rank, w->rank, "%s: result %d has rank %d, not %d", where, i, g->rank, w->rank);
		if (g->rank != w->rank) continue;
		for (int d = 0; d < g->rank; d++)
			cr_assert_eq(
				g->dims[d], w->dims[d], "%s: result %d: dim %d is %d", where, i, d, (int)g->dims[d]);
		for (int64_t k = 0; k < g->count; k++)
			cr_expect(close_to(tensor_get(g, k), tensor_get(w, k)),
				"%s: result %d [%d] is %.10g, not %.10g", where, i, (int)k, tensor_get(g, k),
				tensor_get(w, k));
	}
}

static int n_examples(Ctx *cx)
{
	volatile int n = 0;
	TRY (cx) {
		n = library_builtin(cx)->n_examples;
	} else {
		cr_assert_fail("%s", cx->error);
	}
	return n;
}

static void try_example(Ctx *cx, int i)
{
	TRY (cx) {
		check_example(cx, library_builtin(cx), &library_builtin(cx)->examples[i]);
	} else {
		cr_expect(false, "%s", cx->error);
	}
}

Test(examples, library)
{
	Ctx *cx = ctx_new();
	int n = n_examples(cx);
	cr_assert_geq(n, 70);
	for (int i = 0; i < n; i++) try_example(cx, i);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ the language */

/* An expression over a = 3, b = 4, v = [1, 2, 3], m = [[1, 2, 3], [4, 5, 6]], i = [2, 0] (i64), all else f64. */
static const Val *expression(Ctx *cx, const char *text)
{
	static const char *const names[] = {"a", "b", "v", "m", "i"};
	const Val *vals[5], *one[1];
	int64_t dims[] = {2, 3};
	Tensor *v = tensor_new(cx->arena, F64, 1, dims + 1), *m = tensor_new(cx->arena, F64, 2, dims);
	for (int k = 0; k < 6; k++) {
		tensor_set(m, k, k + 1);
		if (k < 3) tensor_set(v, k, k + 1);
	}
	vals[0] = b_scalar(cx, F64, 3);
	vals[1] = b_scalar(cx, F64, 4);
	vals[2] = val_const(cx, v);
	vals[3] = val_const(cx, m);
	vals[4] = b_ints(cx, 2, (const int64_t[]){2, 0});
	lang_exprs(cx, text, 5, names, vals, 1, one);
	return one[0];
}

static void expect(const char *text, int rank, const int64_t *dims, const double *want)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		const Tensor *t = run(cx, expression(cx, text));
		cr_expect_eq(t->rank, rank, "%s: rank %d", text, t->rank);
		bool same = t->rank == rank;
		for (int i = 0; same && i < rank; i++) same = t->dims[i] == dims[i];
		cr_expect(same, "%s: the shape differs", text);
		for (int64_t k = 0; same && k < t->count; k++)
			cr_expect_float_eq(tensor_get(t, k), want[k], 1e-12, "%s: [%d] is %g, not %g", text, (int)k,
				tensor_get(t, k), want[k]);
	} else {
		cr_expect(false, "%s: %s", text, cx->error);
	}
	ctx_free(cx);
}
#define EXPECT(text, rank, dims, ...) expect(text, rank, (const int64_t[])dims, (const double[]){__VA_ARGS__})
#define SHAPE(...)          \
	{                   \
		__VA_ARGS__ \
	}
#define SCALAR(text, value) expect(text, 0, NULL, (const double[]){value})

Test(lang, precedence)
{
	SCALAR("2 + 3 * 4", 14);
	SCALAR("a + b * 2", 11);
	SCALAR("-a ** 2", -9);
	SCALAR("2 ** -1", 0.5);
	SCALAR("2 ** 3 ** 2", 512);
	SCALAR("a - b - 1", -2);
	SCALAR("7 // 2 * 2", 6);
	SCALAR("-7 // 2", -4);
	SCALAR("-7 % 3", 2);
	SCALAR("2 * -a", -6);
	SCALAR("1 if a < b else 2", 1);
	SCALAR("a if false else b if true else 5", 4);
	SCALAR("1 + 1 == 2 and not 3 < 2", 1);
	SCALAR("1 | 2 ^ 3 & 2", 1);
	SCALAR("1 << 2 + 1", 8);
	SCALAR("not 1 == 2", 1);
	SCALAR("false or true and false", 0);
	SCALAR("select(a < b and b < 5, a, b)", 3);
	SCALAR("sum(v @ transpose(m))", 46);
	SCALAR("\"x\" in [\"x\", \"y\"]", 1);
	SCALAR("3 not in [1, 2]", 1);
}

Test(lang, broadcasting_and_typing)
{
	EXPECT("v * 2 + 1", 1, SHAPE(3), 3, 5, 7);
	EXPECT("m + v", 2, SHAPE(2, 3), 2, 4, 6, 5, 7, 9);
	EXPECT("1 / v", 1, SHAPE(3), 1, 0.5, 1.0 / 3);
	EXPECT("i + 1", 1, SHAPE(2), 3, 1);
	EXPECT("i // 2", 1, SHAPE(2), 1, 0);
	EXPECT("(i - 1) // 2", 1, SHAPE(2), 0, -1);
	EXPECT("cast(i, \"f64\") / 4", 1, SHAPE(2), 0.5, 0);
	EXPECT("v > 1 and v < 3", 1, SHAPE(3), 0, 1, 0);
	EXPECT("max(v, 2)", 1, SHAPE(3), 2, 2, 3);
	EXPECT("v / dim(m, 0)", 1, SHAPE(3), 0.5, 1, 1.5);
}

Test(lang, indexing)
{
	EXPECT("m[1]", 1, SHAPE(3), 4, 5, 6);
	EXPECT("m[-1, 0]", 0, SHAPE(0), 4);
	EXPECT("m[:, 1]", 1, SHAPE(2), 2, 5);
	EXPECT("m[..., 1:]", 2, SHAPE(2, 2), 2, 3, 5, 6);
	EXPECT("m[..., none]", 3, SHAPE(2, 3, 1), 1, 2, 3, 4, 5, 6);
	EXPECT("v[none, ::-1]", 2, SHAPE(1, 3), 3, 2, 1);
	EXPECT("v[::2]", 1, SHAPE(2), 1, 3);
	EXPECT("v[-2:9]", 1, SHAPE(2), 2, 3);
	EXPECT("v[i]", 1, SHAPE(2), 3, 1);
	EXPECT("v[2:1]", 1, SHAPE(0), 0);
	SCALAR("[5, 6, 7][-1]", 7);
	SCALAR("sum([5, 6, 7][:2])", 11);
}

Test(lang, functions)
{
	SCALAR("sum(m)", 21);
	EXPECT("sum(m, axis = 0)", 1, SHAPE(3), 5, 7, 9);
	EXPECT("mean(m, axis = -1, keep = 1)", 2, SHAPE(2, 1), 2, 5);
	EXPECT("max(m, axis = 1)", 1, SHAPE(2), 3, 6);
	EXPECT("reshape(m, [3, -1])", 2, SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
	EXPECT("permute(m, [1, 0])", 2, SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
	EXPECT("cat(v, v[:1])", 1, SHAPE(4), 1, 2, 3, 1);
	EXPECT("split(v, [1, 2])[1]", 1, SHAPE(2), 2, 3);
	EXPECT("contract(\"ij,j->i\", m, v)", 1, SHAPE(2), 14, 32);
	EXPECT("iota([2, 2], axis = 1)", 2, SHAPE(2, 2), 0, 1, 0, 1);
	EXPECT("fill([2], 1.5)", 1, SHAPE(2), 1.5, 1.5);
	EXPECT("pad(v, 0, 1, 0)", 1, SHAPE(4), 0, 1, 2, 3);
	EXPECT("window(v, 0, 2)", 2, SHAPE(2, 2), 1, 2, 2, 3);
	EXPECT("argmax(m, axis = 1)", 1, SHAPE(2), 2, 2);
	EXPECT("cumsum(v, 0)", 1, SHAPE(3), 1, 3, 6);
	EXPECT("sort(v, descending = true)", 1, SHAPE(3), 2, 1, 0);
	EXPECT("tensor([[1, 2], [3, 4]], \"i32\")", 2, SHAPE(2, 2), 1, 2, 3, 4);
	SCALAR("prod(shape(m)) + rank(m)", 8);
	SCALAR("sqrt(16) + abs(-1)", 5);
	EXPECT("softmax(v * 0)", 1, SHAPE(3), 1.0 / 3, 1.0 / 3, 1.0 / 3);
	EXPECT("softmax(cast(v, \"f16\"))", 1, SHAPE(3), 0.090087890625, 0.2447509765625,
		0.66552734375); /* NumPy's, float16 */
}

Test(lang, texts_of_several_results)
{
	Ctx *cx = ctx_new();
	const Val *a = b_scalar(cx, F32, 2), *out[3];
	cr_assert_eq(lang_exprs(cx, "; a * 2; 0", 1, (const char *[]){"a"}, &a, 3, out), 3);
	cr_expect_null(out[0]);
	cr_expect_eq(tensor_get(run(cx, out[1]), 0), 4);
	cr_expect_eq(out[2]->type->elem, F32);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ calls from C */

static const Val *f32s(Ctx *cx, int rank, const int64_t *dims, const double *values)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, values[i]);
	return val_const(cx, t);
}

static const Val *symbolic(Ctx *cx, Elem elem)
{
	return val_param(cx, 0, type_new(cx, elem, 2, (const Dim *[]){dim_sym(cx, "T"), dim_int(cx, 8)}));
}

static const Val *call1(Ctx *cx, const char *op, const Val *x)
{
	const Val *y;
	cr_assert_eq(lib_call(cx, op, 1, &x, 0, NULL, 1, &y), 1);
	return y;
}

Test(lang_library, composites_keep_their_name)
{
	Ctx *cx = ctx_new();
	const Val *y = call1(cx, "gelu", symbolic(cx, F32));
	cr_assert_eq(y->op, OP_get);
	cr_expect_str_eq(val_str(y->args[0], A_NAME), "gelu");
	cr_expect_eq(call1(cx, "onnx_tanh", symbolic(cx, F32))->op, OP_EW_tanh, "a primitive stands for itself");
	cr_expect_eq(call1(cx, "relu", symbolic(cx, I64))->op, OP_EW_max, "integers may be shapes");
	ctx_free(cx);
}

Test(lang_library, function_attributes)
{
	/* f(0.5*1 - 0.5*2) = f(-0.5), leaky with slope 1/2 */
	Ctx *cx = ctx_new();
	const int64_t one[] = {1, 1};
	const Val *args[] = {f32s(cx, 2, one, (const double[]){1}), f32s(cx, 2, one, (const double[]){2}),
		f32s(cx, 2, one, (const double[]){0.5}), f32s(cx, 2, one, (const double[]){-0.5}), NULL, NULL};
	const LibAttr alpha = {.name = "alpha", .kind = LIB_NUM, .num = 0.5};
	const LibAttr f = {.name = "f", .kind = LIB_FN, .str = "leaky_relu", .n = 1, .bound = &alpha};
	const Val *y;
	lib_call(cx, "rnn_cell", 6, args, 1, &f, 1, &y);
	cr_expect_float_eq(tensor_get(run(cx, y), 0), -0.25, 1e-7);
	ctx_free(cx);
}

/* ONNX has operands and functions of one name: h(h). */
Test(lang_library, operand_and_function_of_one_name)
{
	Ctx *cx = ctx_new();
	static const char text[] = "op both(x, h; h = tanh) { x + h(h) }";
	const Source source = {"both.rnn", text, sizeof text - 1};
	const Library lib = library_new(cx, 1, &source);
	const int64_t one = 1;
	const Val *args[] = {f32s(cx, 1, &one, (const double[]){2}), f32s(cx, 1, &one, (const double[]){-3})}, *y;
	const LibAttr attr = {.name = "h", .kind = LIB_FN, .str = "abs"};
	cr_assert_eq(library_call(cx, &lib, &lib.ops[0], 2, args, 1, &attr, 1, &y), 1);
	cr_expect_float_eq(tensor_get(run(cx, y), 0), 5, 1e-7);
	ctx_free(cx);
}

/* The LSTM's update is called with functions for its three activations. */
Test(lang_library, functions_are_passed_on)
{
	Ctx *cx = ctx_new();
	const int64_t one[] = {1, 1}, four[] = {4, 1};
	const Val *x = f32s(cx, 2, one, (const double[]){0}), *h = f32s(cx, 2, one, (const double[]){1});
	const Val *W = f32s(cx, 2, four, (const double[]){0, 0, 0, 0}),
		  *R = f32s(cx, 2, four, (const double[]){0, 0, 0, 0});
	const Val *args[] = {x, h, f32s(cx, 2, one, (const double[]){6}), W, R}, *y[2];
	const LibAttr attr = {.name = "out", .kind = LIB_FN, .str = "relu"};
	cr_assert_eq(lib_call(cx, "lstm_cell", 5, args, 1, &attr, 2, y), 2);
	/* every gate is sigmoid(0) = 1/2, the candidate tanh(0): c' = 6/2, h' = relu(c')/2 */
	cr_expect_float_eq(tensor_get(run(cx, y[0]), 0), 1.5, 1e-7);
	cr_expect_float_eq(tensor_get(run(cx, y[1]), 0), 3, 1e-7);
	ctx_free(cx);
}

Test(lang_library, versions_of_onnx_operators)
{
	Ctx *cx = ctx_new();
	cr_expect_str_eq(lib_find_onnx(cx, "", "Softmax", 12), "softmax_1");
	cr_expect_str_eq(lib_find_onnx(cx, "", "Softmax", 13), "softmax");
	cr_expect_str_eq(lib_find_onnx(cx, "", "Add", 6), "add_1");
	cr_expect_str_eq(lib_find_onnx(cx, "", "Add", 26), "onnx_add");
	cr_expect_str_eq(lib_find_onnx(cx, "", "GroupNormalization", 20), "group_norm_18");
	cr_expect_str_eq(lib_find_onnx(cx, "com.microsoft", "Gelu", 1), "gelu");
	cr_expect_null(lib_find_onnx(cx, "", "Gelu", 19));
	cr_expect_null(lib_find_onnx(cx, "", "Affine", 10));
	cr_expect_null(lib_find_onnx(cx, "com.example", "Add", 7));
	const char *attrs;
	int min, max, results;
	lib_signature(cx, "layer_norm", &attrs, &min, &max, &results);
	cr_expect_str_eq(attrs, "axis epsilon stash_type");
	cr_expect(min == 2 && max == 3 && results == 3, "%d %d %d", min, max, results);
	lib_signature(cx, "onnx_sum", &attrs, &min, &max, &results);
	cr_expect_str_eq(attrs, " consumed_inputs", "an attribute of opset 1 that says nothing about values");
	cr_expect(max == -1 && results == 1);
	ctx_free(cx);
}

/* 300^2 + 400^2 is beyond f16, so the work is done in f32. */
Test(lang_library, narrow_floats_are_normalised_in_f32)
{
	Ctx *cx = ctx_new();
	const int64_t two[] = {2};
	const Val *x = b_cast(cx, f32s(cx, 1, two, (const double[]){300, 400}), F16);
	const Val *args[] = {x, b_cast(cx, f32s(cx, 1, two, (const double[]){1, 1}), F16)}, *y;
	lib_call(cx, "rms_norm", 2, args, 0, NULL, 1, &y);
	cr_expect_eq(y->type->elem, F16);
	const Tensor *t = run(cx, y);
	cr_expect_float_eq(tensor_get(t, 0), 0.8485281, 1e-3);
	cr_expect_float_eq(tensor_get(t, 1), 1.1313708, 1e-3);
	ctx_free(cx);
}

/* ------------------------------------------------------------------------------------------------ errors */

static const char *error_of_op(Ctx *cx, const char *text)
{
	Source *src = NEW(cx->arena, Source);
	*src = (Source){"ops/t.rnn", text, strlen(text)};
	const Val *x = symbolic(cx, F32);
	cx->loc = "node 'n'";
	TRY (cx) {
		Library lib = library_new(cx, 1, src);
		const Val *out[MAX_RESULTS];
		library_call(cx, &lib, library_find(&lib, "t"), 1, &x, 0, NULL, MAX_RESULTS, out);
		cx->error = NULL;
	} else {
		return cx->error;
	}
	return "no error";
}

static void expect_error(const char *text, const char *want)
{
	Ctx *cx = ctx_new();
	const char *got = error_of_op(cx, text);
	cr_expect_str_eq(got, want, "for %s\ngot:\n%s\nwanted:\n%s", text, got, want);
	ctx_free(cx);
}

#define AT(place) "node 'n': ops/t.rnn:" place ": "

Test(lang_errors, of_elaboration)
{
	expect_error("op t(x) {\n\ty = x * 2\n\tsplit(x + y, 3)\n}",
		AT("3:2") "split: axis 1 of f32[T, 8] does not divide into 3\n"
			  "    split(x + y, 3)\n"
			  "    ^~~~~~~~~~~~~~~");
	expect_error("op t(x) { x @ x + 1 }",
		AT("1:11") "matmul: inner dims differ: f32[T, 8] and f32[T, 8]\n"
			   "    op t(x) { x @ x + 1 }\n"
			   "              ^~~~~");
	expect_error("op f(a) { a + nothing }\nop t(x) { f(x) }",
		AT("1:15") "nothing is not known here (in f, called at ops/t.rnn:2:11)\n"
			   "    op f(a) { a + nothing }\n"
			   "                  ^~~~~~~");
	expect_error("op t(x) { t(x) }",
		AT("1:11") "calls nested too deeply: does t call itself?\n"
			   "    op t(x) { t(x) }\n"
			   "              ^~~~");
	expect_error("op t(x) { cast(x, \"i8\") + 1.5 }",
		AT("1:11") "1.5 is no number of type i8\n"
			   "    op t(x) { cast(x, \"i8\") + 1.5 }\n"
			   "              ^~~~~~~~~~~~~~~~~~~");
	expect_error("op t(x) { if x > 0 { x } else { -x } }",
		AT("1:14") "the condition is only known at run time: a tensor bool[T, 8]\n"
			   "    op t(x) { if x > 0 { x } else { -x } }\n"
			   "                 ^~~~~");
	expect_error("op t(x) { x if dim(x, 0) == 3 else -x }",
		AT("1:16") "the sizes T and 3 are compared, which only the run time could decide\n"
			   "    op t(x) { x if dim(x, 0) == 3 else -x }\n"
			   "                   ^~~~~~~~~~~~~~");
	expect_error("op f(a; k) { a * k }\nop t(x) { f(x) }",
		AT("2:11") "f: attribute k is missing\n"
			   "    op t(x) { f(x) }\n"
			   "              ^~~~");
	expect_error("op f(a) { a }\nop t(x) { f(x, b = 1) }",
		AT("2:11") "f has no argument called b\n"
			   "    op t(x) { f(x, b = 1) }\n"
			   "              ^~~~~~~~~~~");
	expect_error("op t(x) { tanh(x, x) }",
		AT("1:11") "tanh takes 1 operand, not 2\n"
			   "    op t(x) { tanh(x, x) }\n"
			   "              ^~~~~~~~~~");
	expect_error("op t(x) { x; x }",
		AT("1:11") "the value is not used: only the last statement's is the result\n"
			   "    op t(x) { x; x }\n"
			   "              ^");
	expect_error("op t(x) { a, b = split(x, 1) }",
		AT("1:11") "2 names on the left, the right gives [a tensor f32[T, 8]]\n"
			   "    op t(x) { a, b = split(x, 1) }\n"
			   "              ^~~~~~~~~~~~~~~~~~");
	expect_error("op t(x) { x[0, 8] }",
		AT("1:11") "index 8 into an axis of 8\n"
			   "    op t(x) { x[0, 8] }\n"
			   "              ^~~~~~~");
	/* What an operator itself refuses is said without a place of the library. */
	expect_error("op t(x; m = 3) { fail(\"m =\", m, \"is odd\") }", "node 'n': m = 3 is odd");
}

Test(lang_errors, of_syntax)
{
	expect_error("op t(x) { x + }",
		AT("1:15") "expected an expression, found '}'\n"
			   "    op t(x) { x + }\n"
			   "                  ^");
	expect_error("op t(x) { 1 < x < 2 }",
		AT("1:17") "comparisons do not chain: a < b and b < c\n"
			   "    op t(x) { 1 < x < 2 }\n"
			   "                    ^");
	expect_error("op t(x) { (x]) }",
		AT("1:13") "']' closes nothing\n"
			   "    op t(x) { (x]) }\n"
			   "                ^");
	expect_error("op t(x) {\n\tx\n",
		AT("3:1") "expected an expression, found the end\n"
			  "    \n"
			  "    ^");
	expect_error("op t(x) { \"abc\n }",
		AT("1:11") "a string that does not end on its line\n"
			   "    op t(x) { \"abc\n"
			   "              ^~~~");
	expect_error("op t(x) { 1.5x }",
		AT("1:14") "a letter right after a number\n"
			   "    op t(x) { 1.5x }\n"
			   "                 ^");
	expect_error("op t(x, x) { x }",
		AT("1:9") "two parameters are called x\n"
			  "    op t(x, x) { x }\n"
			  "            ^");
	expect_error("op t(x) { x if x }",
		AT("1:18") "expected 'else' (an expression is x if condition else y), found '}'\n"
			   "    op t(x) { x if x }\n"
			   "                     ^");
	expect_error("op t(x) { x[0] = 1 }",
		AT("1:11") "only a name can be assigned to\n"
			   "    op t(x) { x[0] = 1 }\n"
			   "              ^~~~");
	expect_error("op tanh(x) { x }",
		AT("1:4") "tanh is the name of a primitive or function\n"
			  "    op tanh(x) { x }\n"
			  "       ^~~~");
	expect_error("op t(x) { x }\nop t(x) { x }",
		AT("2:4") "a second operator called t\n"
			  "    op t(x) { x }\n"
			  "       ^");
	expect_error("\xff",
		AT("1:1") "unexpected character (byte 0xff)\n"
			  "    \xff\n"
			  "    ^");
}

/* Texts that would run away: every one ends in an error, within bounds. */
Test(lang_errors, hostile)
{
	Ctx *cx = ctx_new();
	Buf deep, unrolled, sum;
	buf_init(&deep, cx->arena);
	buf_init(&unrolled, cx->arena);
	buf_init(&sum, cx->arena);
	buf_puts(&deep, "op t(x) { ");
	for (int i = 0; i < 100000; i++) buf_puts(&deep, "(");
	buf_puts(&unrolled, "op t(x) { ");
	for (int i = 0; i < 8; i++) buf_printf(&unrolled, "unroll i%d in range(1000) { ", i);
	buf_puts(&unrolled, "y = 1 }}}}}}}} ; x }");
	buf_puts(&sum, "op t(x) { x");
	for (int i = 0; i < 100000; i++) buf_puts(&sum, " + x");
	buf_puts(&sum, " }");
	const char *texts[] = {deep.text, unrolled.text, sum.text, "op t(x) { [1] * 1e9 }", "op t(x) { t(t(x)) }",
		"op t(x) { - - - - }", "op", "op t(", "example", "op t(x) onnx"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect_neq(strcmp(error_of_op(cx, texts[i]), "no error"), 0, "text %d", (int)i);
	ctx_free(cx);
}
