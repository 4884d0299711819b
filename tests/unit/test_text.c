/* test_text.c: the text form: what is read, what is printed, what is refused and how.  Larger graphs: tests/golden. */
#include "ir/ir.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *print(Ctx *cx, const Graph *g, PrintOptions options)
{
	Buf b;
	buf_init(&b, cx->arena);
	graph_print(&b, g, options);
	return b.text;
}

static const PrintOptions plain = {.max_data = -1};

/* The graph of a text that must be right. */
static const Graph *parse(Ctx *cx, const char *text)
{
	const Graph *volatile g = NULL;
	TRY (cx) {
		const Graph *read = graph_parse(cx, text, "t.ir");
		graph_verify(cx, read);
		g = read;
	}
	cr_assert(g, "%s\nin:\n%s", cx->error, text);
	return g;
}

/* Text that prints as it was written. */
static void expect_fixpoint(const char *text)
{
	Ctx *cx = ctx_new();
	cr_expect_str_eq(print(cx, parse(cx, text), plain), text);
	ctx_free(cx);
}

static void expect_printed(const char *text, const char *wanted)
{
	Ctx *cx = ctx_new();
	cr_expect_str_eq(print(cx, parse(cx, text), plain), wanted);
	ctx_free(cx);
	expect_fixpoint(wanted);
}

static void expect_refused(const char *text, const char *message)
{
	Ctx *cx = ctx_new();
	volatile bool was_read = false;
	TRY (cx) {
		graph_parse(cx, text, "t.ir");
		was_read = true;
	} else {
		cr_expect_str_eq(cx->error, message);
	}
	cr_expect_not(was_read, "wrongly read: %s", text);
	ctx_free(cx);
}

/* The message without its source line and caret. */
static void expect_message(const char *text, const char *wanted)
{
	Ctx *cx = ctx_new();
	volatile bool was_read = false;
	TRY (cx) {
		graph_parse(cx, text, "t.ir");
		was_read = true;
	} else {
		const char *end = strchr(cx->error, '\n');
		cr_assert(end, "no source line: %s", cx->error);
		cr_expect_str_eq(arena_strn(cx->arena, cx->error, (size_t)(end - cx->error)), wanted);
	}
	cr_expect_not(was_read, "wrongly read: %s", text);
	ctx_free(cx);
}

Test(text, simple)
{
	expect_fixpoint("graph @f(%x: f32[T, 64], %h: f32[64]) -> (%y: f32[64, T]) {\n"
			"  %1 = permute %x perm=[1, 0] : f32[64, T]\n"
			"  %2 = tanh %1 : f32[64, T]\n"
			"  return %2\n"
			"}\n");
	expect_fixpoint("graph @nothing() -> () {\n  return\n}\n");
	expect_fixpoint("graph @same(%x: i8[]) -> (%x: i8[], %again: i8[]) {\n  return %x %x\n}\n");
}

/* Names, types and layout are free on input; values are renumbered, what no result needs is dropped. */
Test(text, free_form)
{
	expect_printed("# a comment\n graph @f ( %x :f32[ 2 ,T ] )->( %y : f32[2,T])\r\n{ %sum=add %x %x # twice\n"
		       "%dead = neg %x : f32[2, T] %0007 = mul %sum %sum : f32[2,T] return %0007 } # end",
		"graph @f(%x: f32[2, T]) -> (%y: f32[2, T]) {\n"
		"  %1 = add %x %x : f32[2, T]\n"
		"  %2 = mul %1 %1 : f32[2, T]\n"
		"  return %2\n"
		"}\n");
	expect_printed("graph @f(%x: f32[4]) -> (%y: f32[2]) { %1 = slice %x step=[-1] size=[2] start=[3] return %1 }",
		"graph @f(%x: f32[4]) -> (%y: f32[2]) {\n"
		"  %1 = slice %x start=[3] size=[2] step=[-1] : f32[2]\n"
		"  return %1\n"
		"}\n");
}

Test(text, names)
{
	expect_fixpoint("graph @\"main graph\"(%x.1: f32[], %\"/rnn/LSTM\": f32[], %\"1\": f32[], %\"\": f32[], "
			"%\"a\\\"b\\\\\\n\\x01\": f32[], "
			"%\"μ ☃\": f32[]) -> (%\"out:0\": f32[], %\"\": f32[]) {\n"
			"  %1 = add %\"1\" %\"\" : f32[]\n"
			"  %2 = add %1 %\"a\\\"b\\\\\\n\\x01\" : f32[]\n"
			"  return %2 %\"μ ☃\"\n"
			"}\n");
	/* Parameters of one name are told apart by their index. */
	expect_fixpoint(
		"graph @f(%x: f32[], %x#1: f32[], %\"a b\": f32[], %\"a b\"#3: f32[]) -> (%x: f32[], %x: f32[]) {\n"
		"  %1 = sub %x %x#1 : f32[]\n"
		"  %2 = sub %\"a b\" %\"a b\"#3 : f32[]\n"
		"  return %1 %2\n"
		"}\n");
}

Test(text, dims)
{
	expect_fixpoint("dim T = 1..4096\n"
			"dim n = 0..10 computed\n"
			"dim k = 2..\n"
			"dim 'a b' = 0..7\n"
			"graph @f(%x: f32[T, B], %z: f32[n, k, 'a b']) -> (%y: i64[], %z: f32[n, k, 'a b']) {\n"
			"  %1 = dim value=[B-1] : i64[]\n"
			"  return %1 %z\n"
			"}\n");
	Ctx *cx = ctx_new();
	parse(cx, "dim T = 3..5 computed\ngraph @f(%x: f32[T]) -> () { return }");
	const Sym *s = sym_find(cx, "T");
	cr_assert(s && s->lo == 3 && s->hi == 5 && s->computed);
	ctx_free(cx);
	/* The order of sizes in a dim is theirs, not that in which they were first seen. */
	expect_printed("dim T = 0..\ndim A = 0..\ngraph @f(%x: f32[min(8, T)*B, T+B, T*B*A]) -> () { return }",
		"graph @f(%x: f32[B*min(T, 8), B+T, A*B*T]) -> () {\n  return\n}\n");
	/* Bounds reach the simplification of what is derived from a symbol. */
	expect_printed("dim T = 0..8\ngraph @f(%x: f32[min(T, 8)]) -> () { return }",
		"dim T = 0..8\ngraph @f(%x: f32[T]) -> () {\n  return\n}\n");
}

/* One value of each element type at each of its ends, read as C says. */
Test(text, constants)
{
	Ctx *cx = ctx_new();
	const Graph *g = parse(cx,
		"graph @f() -> (%a: f32[7], %b: f64[2], %c: i64[2], %d: u64[2], %e: i8[2], %f: bool[2], %g: f16[3], "
		"%h: bf16[2], %i: f32[0, 3], %j: u8[]) {\n"
		"%1 = const f32[7] {1, -0x1.8p-3, -0, inf, -inf, 3.4028235e38, 1e-45}\n"
		"%2 = const f64[2] {0.1, -1.7976931348623157e308}\n"
		"%3 = const i64[2] {-9223372036854775808, 9223372036854775807}\n"
		"%4 = const u64[2] {0, 18446744073709551615}\n"
		"%5 = const i8[2] {-128, 127}\n"
		"%6 = const bool[2] {0, 1}\n"
		"%7 = const f16[3] {65504, 0.1, 6e-8}\n"
		"%8 = const bf16[2] {1.0078125, 3e38}\n"
		"%9 = const f32[0, 3] {}\n"
		"%10 = const u8[] {255}\n"
		"return %1 %2 %3 %4 %5 %6 %7 %8 %9 %10 }");
	const Tensor *t[10];
	for (int i = 0; i < 10; i++) t[i] = val_attr(g->results[i], A_DATA)->tensor;
	const float f32[] = {1, -0.1875f, -0.0f, INFINITY, -INFINITY, 3.4028235e38f, 0x1p-149f};
	cr_expect(memcmp(t[0]->data, f32, sizeof f32) == 0);
	const double f64[] = {0.1, -1.7976931348623157e308};
	cr_expect(memcmp(t[1]->data, f64, sizeof f64) == 0);
	const int64_t i64[] = {INT64_MIN, INT64_MAX};
	cr_expect(memcmp(t[2]->data, i64, sizeof i64) == 0);
	const uint64_t u64[] = {0, UINT64_MAX};
	cr_expect(memcmp(t[3]->data, u64, sizeof u64) == 0);
	cr_expect(memcmp(t[4]->data, (int8_t[]){-128, 127}, 2) == 0);
	cr_expect(memcmp(t[5]->data, (uint8_t[]){0, 1}, 2) == 0);
	cr_expect(memcmp(t[6]->data, (uint16_t[]){0x7bff, 0x2e66, 0x0001}, 6) == 0);
	cr_expect(memcmp(t[7]->data, (uint16_t[]){0x3f81, 0x7f62}, 4) == 0);
	cr_expect(t[8]->count == 0 && t[8]->rank == 2);
	cr_expect(*(const uint8_t *)t[9]->data == 255);
	const char *text = print(cx, g, plain);
	cr_expect(strstr(text, "= const f32[7] {1, -0.1875, -0, inf, -inf, 3.4028235e+38, 1.4013e-45}\n"), "%s", text);
	cr_expect(strstr(text, "= const f64[2] {0.1, -1.7976931348623157e+308}\n"), "%s", text);
	cr_expect(strstr(text, "= const u64[2] {0, 18446744073709551615}\n"), "%s", text);
	cr_expect(strstr(text, "= const f16[3] {6.55e+04, 0.1, 5.96e-08}\n"), "%s", text);
	cr_expect(strstr(text, "= const f32[0, 3] {}\n"), "%s", text);
	ctx_free(cx);
	expect_fixpoint(
		text = "graph @f() -> (%y: f32[3]) {\n  %1 = const f32[3] {nan, nan(0xffc00000), nan(0x7fc00001)}\n  return %1\n}\n");
}

/* Every number of 16 bits, and many of 32 and 64, come back bit for bit. */
Test(text, numbers_come_back)
{
	Ctx *cx = ctx_new();
	enum { N = 65536 };
	const int64_t dims[] = {N};
	const Elem elems[] = {F16, BF16, F32, F64};
	uint64_t random = 88172645463325252u;
	for (int k = 0; k < 4; k++) {
		Tensor *t = tensor_new(cx->arena, elems[k], 1, dims);
		for (int i = 0; i < N; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			if (elem_info[elems[k]].size == 2) ((uint16_t *)t->data)[i] = (uint16_t)i;
			else
				memcpy((char *)t->data + i * elem_info[elems[k]].size, &random,
					(size_t)elem_info[elems[k]].size);
		}
		const Val *v = val_const(cx, t);
		const char *names[] = {"y"};
		const Graph *g = graph_new(cx, "f", 0, NULL, NULL, 1, &v, names);
		cr_expect(parse(cx, print(cx, g, plain)) == g, "%s", elem_info[elems[k]].name);
	}
	ctx_free(cx);
}

Test(text, large_constants)
{
	Ctx *cx = ctx_new();
	const char *text = "graph @f() -> (%y: i8[3], %z: i8[2]) {\n  %1 = const i8[3] {1, 2, 3}\n"
			   "  %2 = const i8[2] {4, 5}\n  return %1 %2\n}\n";
	const char *shown = print(cx, parse(cx, text), (PrintOptions){.max_data = 2});
	cr_expect(strstr(shown, "const i8[3] {... digest="), "%s", shown);
	cr_expect(strstr(shown, "const i8[2] {4, 5}\n"), "%s", shown);
	expect_refused(
		"graph @f() -> (%y: i8[3]) {\n  %1 = const i8[3] {... digest=0123456789abcdef}\n  return %1\n}\n",
		"t.ir:2:20: this text was printed without the data of large constants, so it cannot be read back\n"
		"      %1 = const i8[3] {... digest=0123456789abcdef}\n"
		"                       ^");
	ctx_free(cx);
}

static const char *const scan_text = "graph @f(%h: f32[2], %xs: f32[T, 2]) -> (%last: f32[2], %ys: f32[T, 2]) {\n"
				     "  %1 = scan %h %xs counts=[0, 1] length=[T] reverse=[0] body={\n"
				     "    graph @step(%h: f32[2], %x: f32[2]) -> (%h: f32[2], %y: f32[2]) {\n"
				     "      %1 = add %h %x : f32[2]\n"
				     "      return %1 %1\n"
				     "    }\n"
				     "  } : (f32[2], f32[T, 2])\n"
				     "  %2 = get %1 index=[0] : f32[2]\n"
				     "  %3 = get %1 index=[1] : f32[T, 2]\n"
				     "  return %2 %3\n"
				     "}\n";

Test(text, bodies)
{
	expect_fixpoint(scan_text);
	/* A body that is used twice stands once. */
	expect_fixpoint("graph @f(%c: bool[], %x: f32[]) -> (%y: f32[], %z: f32[]) {\n"
			"  %1 = cond %c %x body={\n"
			"    graph @twice#1(%x: f32[]) -> (%y: f32[]) {\n"
			"      %1 = add %x %x : f32[]\n"
			"      return %1\n"
			"    }\n"
			"    graph @other(%x: f32[]) -> (%y: f32[]) {\n"
			"      return %x\n"
			"    }\n"
			"  } : (f32[])\n"
			"  %2 = get %1 index=[0] : f32[]\n"
			"  %3 = call %x name=\"twice\" body={@twice#1} : (f32[])\n"
			"  %4 = get %3 index=[0] : f32[]\n"
			"  return %2 %4\n"
			"}\n");
}

/* Bodies that share bodies: 60 levels stand for 2^60 calls, the text and the time stay small. */
Test(text, shared_bodies_stay_linear)
{
	Ctx *cx = ctx_new();
	const Type *t = type_scalar(cx, F32);
	const Val *x = val_param(cx, 0, t), *y = b_ew1(cx, OP_EW_tanh, x);
	const Graph *g = graph_new(cx, "leaf", 1, &x, NULL, 1, &y, NULL);
	for (int i = 0; i < 60; i++) {
		const Val *once = val_get(cx, b_call(cx, "a", g, 1, &x), 0);
		const Val *twice = val_get(cx, b_call(cx, "b", g, 1, &once), 0);
		g = graph_new(cx, "level", 1, &x, NULL, 1, &twice, NULL);
	}
	const char *text = print(cx, g, plain);
	cr_expect(strlen(text) < 200000);
	cr_expect(parse(cx, text) == g);
	ctx_free(cx);
}

Test(text, locations)
{
	Ctx *cx = ctx_new();
	const char *text = "graph @f(%x: f32[]) -> (%y: f32[]) {\n"
			   "  %1 = tanh %x : f32[]  #@ \"node \\\"/a\\\"\"\n"
			   "  %2 = neg %1 : f32[]\n"
			   "  return %2\n"
			   "}\n";
	const Graph *g = parse(cx, text);
	cr_expect_str_eq(g->results[0]->loc, "t.ir:3");
	cr_expect_str_eq(g->results[0]->args[0]->loc, "node \"/a\"");
	const char *printed = print(cx, g, (PrintOptions){.locations = true, .max_data = -1});
	cr_expect_str_eq(printed,
		"graph @f(%x: f32[]) -> (%y: f32[]) {\n"
		"  %1 = tanh %x : f32[]  #@ \"node \\\"/a\\\"\"\n"
		"  %2 = neg %1 : f32[]  #@ \"t.ir:3\"\n"
		"  return %2\n"
		"}\n");
	Ctx *other = ctx_new();
	cr_expect_str_eq(
		print(other, parse(other, printed), (PrintOptions){.locations = true, .max_data = -1}), printed);
	cr_expect_null(cx->loc);
	g = parse(cx,
		"graph @g() -> (%y: i8[2]) { %1 = const i8[] {3} #@ \"here\"\n "
		"%2 = expand %1 shape=[2] #@ \"there\" return %2 }");
	cr_expect_str_eq(g->results[0]->loc, "there");
	cr_expect_str_eq(g->results[0]->args[0]->loc, "here");
	ctx_free(other);
	ctx_free(cx);
}

Test(text, errors_point_at_the_place)
{
	expect_refused(
		"graph @f(%x: f32[4]) -> (%y: f32[4]) {\n\t%µ = add %x %x\n\t%1 = add %x %q : f32[4]\n\treturn %1\n}\n",
		"t.ir:2:3: a name wanted, '\xc2\xb5 = add %x %x' seen\n    \t%\xc2\xb5 = add %x %x\n    \t ^");
	expect_refused("graph @f(%x: f32[4]) -> (%y: f32[4]) {\n\t%1 = add %x %q : f32[4]\n\treturn %1\n}\n",
		"t.ir:2:14: %q is not defined before this\n    \t%1 = add %x %q : f32[4]\n    \t            ^");
	expect_refused("graph @f(%x: f32[4]) -> (%y: f32[4]) {\n  %1 = neg %x : f32[5]\n  return %1\n}\n",
		"t.ir:2:17: the type is f32[4], the text says f32[5]\n      %1 = neg %x : f32[5]\n                    ^");
}

#define HEAD "graph @f(%x: f32[4], %i: i64[]) -> (%y: f32[4]) {\n"

Test(text, errors)
{
	expect_message("", "t.ir:1:1: 'graph' wanted, the end of the text seen");
	expect_message("grap @f", "t.ir:1:1: 'graph' wanted, 'grap @f' seen");
	expect_message("graph f", "t.ir:1:7: a graph (@name) wanted, 'f' seen");
	expect_message("graph @f(%x f32[4])", "t.ir:1:13: ':' wanted, 'f32[4])' seen");
	expect_message("graph @f(%1: f32[4])", "t.ir:1:10: a parameter has a name, not a number");
	expect_message("graph @f(%x: f32[], %x: f32[])", "t.ir:1:21: the name is taken already");
	expect_message("graph @f(%x: f32[], %x#2: f32[])", "t.ir:1:21: the parameter's index is 1");
	expect_message("graph @f(%x: (f32[]))", "t.ir:1:14: an array's type wanted, a tuple's seen");
	expect_message(HEAD "return %x\n}\nmore", "t.ir:4:1: the end of the text wanted, 'more' seen");
	expect_message(HEAD "return\n}", "t.ir:2:7: 0 results, the head of the graph says 1");
	expect_message(HEAD "return %i\n}", "t.ir:2:8: result 'y' is i64[], the head of the graph says f32[4]");
	expect_message(HEAD "%1 = frob %x\n", "t.ir:2:6: there is no primitive 'frob'");
	expect_message(HEAD "%1 = param index=[0]\n", "t.ir:2:6: parameters stand in the head of the graph");
	expect_message(HEAD "%1 = permute %x\n", "t.ir:2:6: permute lacks its attribute 'perm'");
	expect_message(HEAD "%1 = permute %x axis=[0]\n", "t.ir:2:17: permute has no attribute 'axis'");
	expect_message(HEAD "%1 = permute %x perm=[0] perm=[0]\n", "t.ir:2:26: attribute 'perm' stands twice");
	expect_message(HEAD "%1 = permute %x perm=[0\n", "t.ir:3:1: ',' or ']' wanted, the end of the text seen");
	expect_message(HEAD "%1 = permute %x perm=[99999999999999999999]\n",
		"t.ir:2:23: the integer does not fit into 64 bits");
	expect_message(HEAD "%x = neg %x\n", "t.ir:2:1: the name is taken already");
	expect_message(HEAD "%1 = const i8[1] {128}\n", "t.ir:2:19: the number does not fit into i8");
	expect_message(HEAD "%1 = const u8[1] {-1}\n", "t.ir:2:19: the number does not fit into u8");
	expect_message(HEAD "%1 = const bool[1] {2}\n", "t.ir:2:21: the number does not fit into bool");
	expect_message(
		HEAD "%1 = const u64[1] {18446744073709551616}\n", "t.ir:2:20: the number does not fit into u64");
	expect_message(HEAD "%1 = const f32[1] {1e39}\n", "t.ir:2:20: the number does not fit into f32");
	expect_message(HEAD "%1 = const f16[1] {70000}\n", "t.ir:2:20: the number does not fit into f16");
	expect_message(HEAD "%1 = const f32[1] {nan(0x1)}\n", "t.ir:2:20: these are not the bits of a NaN of f32");
	expect_message(HEAD "%1 = const f32[1] {1.5x}\n", "t.ir:2:23: ',' or '}' wanted, 'x}' seen");
	expect_message(HEAD "%1 = const i32[1] {1.5}\n", "t.ir:2:21: ',' or '}' wanted, '.5}' seen");
	expect_message(HEAD "%1 = const f32[2] {1}\n", "t.ir:2:19: the type says 2 elements, 1 seen");
	expect_message(HEAD "%1 = const f32[1] {1, 2}\n", "t.ir:2:23: more than the 1 elements that the type says");
	expect_message(HEAD "%1 = const f32[T] {1, 2}\n", "t.ir:2:12: the dims of a constant must be numbers");
	expect_message(HEAD "%1 = const f32[1000000, 1000000] {1}\n",
		"t.ir:2:34: the type says 1000000000000 elements, the text is too short for them");
	expect_message(
		HEAD "%1 = const f32[4294967296, 4294967296] {1}\n", "t.ir:2:12: the constant has too many elements");
	expect_message(HEAD "%1 = call %x name=\"a\nb\"\n", "t.ir:2:19: the string does not end on its line");
	expect_message(HEAD "%1 = call %x name=\"\\q\"\n",
		"t.ir:2:21: \\\", \\\\, \\n or \\x and two hexadecimal digits, not 00, wanted, 'q\"' seen");
	expect_message(HEAD "%1 = call %x name=\"a\" body={@g#1}\n", "t.ir:2:29: no body of this name stands before");
	expect_message("dim 2*T = 1..2\n", "t.ir:1:5: the name of a size wanted");
	expect_message("dim T = 3..2\n", "t.ir:1:5: the bounds of a size leave no value for it");
	expect_message("dim T = 1..2\ndim T = 1..3", "t.ir:2:5: the size has other bounds already");
}

/* What inference objects to is reported at the primitive, by the primitive's own words. */
Test(text, type_errors)
{
	Ctx *cx = ctx_new();
	volatile bool was_read = false;
	TRY (cx) {
		graph_parse(cx, HEAD "  %1 = neg %x\n  %2 = permute %1 perm=[1] : f32[4]\n  return %2\n}\n", "t.ir");
		was_read = true;
	} else {
		cr_expect(strncmp(cx->error, "t.ir:3:8: permute: ", 19) == 0, "%s", cx->error);
		cr_expect(
			strstr(cx->error, "\n      %2 = permute %1 perm=[1] : f32[4]\n           ^"), "%s", cx->error);
	}
	cr_expect_not(was_read);
	ctx_free(cx);
}

Test(text, nesting_is_limited)
{
	Ctx *cx = ctx_new();
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < 5000; i++) buf_puts(&b, "graph @f() -> () { %1 = call name=\"f\" body={");
	volatile bool was_read = false;
	TRY (cx) {
		graph_parse(cx, b.text, "t.ir");
		was_read = true;
	} else {
		cr_expect(strstr(cx->error, "bodies are nested more than 100 deep"), "%s", cx->error);
		cr_expect(strlen(cx->error) < 1000, "a long line is cut");
	}
	cr_expect_not(was_read);
	ctx_free(cx);
}

/* No beginning of a text is a text; each is refused at a place. */
Test(text, truncated)
{
	Ctx *cx = ctx_new();
	for (size_t n = 0; n + 2 < strlen(scan_text); n++) {
		volatile bool was_read = false;
		TRY (cx) {
			graph_parse(cx, arena_strn(cx->arena, scan_text, n), "t.ir");
			was_read = true;
		} else {
			cr_expect(strncmp(cx->error, "t.ir:", 5) == 0, "%s", cx->error);
		}
		cr_expect_not(was_read, "%.*s", (int)n, scan_text);
	}
	ctx_free(cx);
}

Test(text, long_chains)
{
	Ctx *cx = ctx_new();
	const Val *x = val_param(cx, 0, type_scalar(cx, F32)), *v = x;
	for (int i = 0; i < 100000; i++) v = b_ew1(cx, i % 2 ? OP_EW_tanh : OP_EW_neg, v);
	const Graph *g = graph_new(cx, "f", 1, &x, NULL, 1, &v, NULL);
	cr_expect(parse(cx, print(cx, g, plain)) == g);
	ctx_free(cx);
}

/* docs/ir.md: its dump is one, and it says what each primitive is. */
Test(text, documentation)
{
	Ctx *cx = ctx_new();
	const char *root = getenv("RNNCC_SOURCE_DIR");
	FILE *f = fopen(arena_printf(cx->arena, "%s/docs/ir.md", root ? root : RNNCC_SOURCE_DIR), "rb");
	cr_assert(f);
	char *doc = arena_alloc(cx->arena, 1 << 20);
	cr_assert(fread(doc, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	for (int op = 0; op < N_OPS; op++)
		cr_expect(strstr(doc, arena_printf(cx->arena, "| `%s` ", op_info[op].name)), "%s", op_info[op].name);
	for (int key = 0; key < N_ATTRS; key++) cr_expect(strstr(doc, attr_info[key].name), "%s", attr_info[key].name);

	const char *start = strstr(doc, "```\n") + 4;
	char *dump = arena_strn(cx->arena, start, (size_t)(strstr(start, "```") - start));
	const char *printed = print(cx, parse(cx, dump), plain);
	char *location = strstr(dump, "  #@ ");
	cr_assert(location);
	memmove(location, strchr(location, '\n'), strlen(strchr(location, '\n')) + 1);
	cr_expect_str_eq(printed, dump);
	ctx_free(cx);
}

/* ---- verify.c ---- */

static void expect_unsound(Ctx *cx, const Graph *g, const char *message)
{
	volatile bool passed = false;
	TRY (cx) {
		graph_verify(cx, g);
		passed = true;
	} else {
		cr_expect(strstr(cx->error, message), "wanted '%s', seen '%s'", message, cx->error);
	}
	cr_expect_not(passed, "%s", message);
}

Test(verify, names_the_value)
{
	Ctx *cx = ctx_new();
	const Type *scalar = type_scalar(cx, F32), *other = type_scalar(cx, F64);
	const Val *x = val_param(cx, 0, scalar), *far = val_param(cx, 3, scalar), *alien = val_param(cx, 0, other);
	const Val *neg = b_ew1(cx, OP_EW_neg, x), *open = b_ew2(cx, OP_EW_add, neg, far),
		  *mixed = b_ew1(cx, OP_EW_neg, alien);
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &open, NULL),
		"graph @f is unsound: a param: its index is not one of the graph's 1 parameters");
	expect_unsound(
		cx, graph_new(cx, "f", 1, &x, NULL, 1, &mixed, NULL), "it is f64[], the graph's parameter 0 is f32[]");

	cx->loc = "node 'a'";
	const Val *tanh_x = b_ew1(cx, OP_EW_tanh, neg);
	cx->loc = NULL;
	Val broken = *tanh_x;
	broken.type = other;
	const Val *result = &broken;
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &result, NULL),
		"node 'a': graph @f is unsound: %2 = tanh: its type is f64[], inferred is f32[]");
	broken = *tanh_x;
	broken.n_args = 0;
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &result, NULL), "%1 = tanh: it has 0 operands, not 1");
	broken = *tanh_x;
	broken.n_attrs = 1;
	broken.attrs = x->attrs;
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &result, NULL), "%2 = tanh: it has 1 attributes, not 0");

	const Graph *leaf = graph_new(cx, "leaf", 1, &x, NULL, 1, &neg, NULL);
	const Val *call = b_call(cx, "leaf", leaf, 1, &x);
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &call, NULL), "result 0 is not an array with a name");

	/* A body that is not closed is found inside its user. */
	const Val *out = val_get(cx, b_call(cx, "bad", graph_new(cx, "bad", 1, &x, NULL, 1, &open, NULL), 1, &x), 0);
	expect_unsound(cx, graph_new(cx, "f", 1, &x, NULL, 1, &out, NULL), "graph @bad is unsound: a param");
	ctx_free(cx);
}

Test(verify, depth_is_limited)
{
	Ctx *cx = ctx_new();
	const Val *x = val_param(cx, 0, type_scalar(cx, F32));
	const Graph *g = graph_new(cx, "f", 1, &x, NULL, 1, &x, NULL);
	for (int i = 0; i < 250; i++) {
		const Val *y = val_get(cx, b_call(cx, "f", g, 1, &x), 0);
		g = graph_new(cx, "f", 1, &x, NULL, 1, &y, NULL);
	}
	expect_unsound(cx, g, "bodies are nested more than 200 deep");
	ctx_free(cx);
}
