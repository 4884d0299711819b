/* test_eval.c: the interpreter's driver: bodies (scan, loop, cond, call), inputs and symbols, memory. */
#include "tests/unit/eval_text.h"

/* ---- control ---- */

#define STEP                                                                       \
	"graph @step(%k: i32[], %h: i32[], %x: i32[]) -> (%h: i32[], %y: i32[]) {" \
	"  %m = mul %h %k %n = add %m %x return %n %m }"

Test(eval, scan)
{
	/* h' = 10 h + x, y = 10 h */
	expect("i32[];i32[3]",
		"%k = const i32[] {10} %h = const i32[] {7} %x = const i32[3] {1, 2, 3}"
		"%t = scan %k %h %x counts=[1, 1] length=[3] reverse=[0] body={" STEP "}"
		"%y = get %t index=[0] %want = const i32[] {7123}"
		"%y2 = get %t index=[1] %want2 = const i32[3] {70, 710, 7120}");
	expect("i32[];i32[3]",
		"%k = const i32[] {10} %h = const i32[] {7} %x = const i32[3] {1, 2, 3}"
		"%t = scan %k %h %x counts=[1, 1] length=[3] reverse=[1] body={" STEP "}"
		"%y = get %t index=[0] %want = const i32[] {7321}"
		"%y2 = get %t index=[1] %want2 = const i32[3] {7320, 730, 70}");
	expect("i32[];i32[0]",
		"%k = const i32[] {10} %h = const i32[] {7} %x = const i32[0] {}"
		"%t = scan %k %h %x counts=[1, 1] length=[0] reverse=[0] body={" STEP "}"
		"%y = get %t index=[0] %want = const i32[] {7}"
		"%y2 = get %t index=[1] %want2 = const i32[0] {}");
}

Test(eval, scan_of_any_length)
{
	static const char *const inputs[] = {"i32[0] {}", "i32[1] {4}", "i32[2] {4, 5}"};
	static const char *const wanted[] = {"7", "74", "745"};
	Arena *arena = arena_new();
	for (int i = 0; i < 3; i++)
		expect_on("%x: i32[T]", inputs[i], "i32[]",
			arena_printf(arena,
				"%%k = const i32[] {10} %%h = const i32[] {7} %%t = scan %%k %%h %%x counts=[1, 1] length=[T] reverse=[0] "
				"body={%s} %%y = get %%t index=[0] %%want = const i32[] {%s}",
				STEP, wanted[i]));
	arena_free(arena);
}

/* Carries that change places, pass through, or are a const; results that are slices themselves. */
Test(eval, scan_aliases)
{
	expect("i8[1];i8[1];i8[];i8[3, 2]",
		"%a = const i8[1] {1} %b = const i8[1] {2} %c = const i8[] {3} %x = const i8[3, 2] {1, 2, 3, 4, 5, 6}"
		"%t = scan %c %a %b %c %x counts=[1, 3] length=[3] reverse=[0] body={"
		"graph @step(%k: i8[], %a: i8[1], %b: i8[1], %c: i8[], %x: i8[2]) -> (%b: i8[1], %a: i8[1], %c: i8[], %y: i8[2]) {"
		"  return %b %a %k %x } }"
		"%y = get %t index=[0] %want = const i8[1] {2} %y2 = get %t index=[1] %want2 = const i8[1] {1}"
		"%y3 = get %t index=[2] %want3 = const i8[] {3} %y4 = get %t index=[3] %n = neg %x %want4 = neg %n");
}

/* The sum of products of a nested scan; 3000 steps in little memory. */
Test(eval, scan_nested_and_long)
{
	expect("i64[]",
		"%z = const i64[] {0} %x = iota elem=i64 shape=[4, 3] axis=[1]"
		"%t = scan %z %x counts=[0, 1] length=[4] reverse=[0] body={"
		"graph @outer(%h: i64[], %x: i64[3]) -> (%h: i64[]) {"
		"  %u = scan %h %x counts=[0, 1] length=[3] reverse=[1] body={"
		"  graph @inner(%h: i64[], %x: i64[]) -> (%h: i64[]) { %a = add %h %x return %a } }"
		"  %v = get %u index=[0] return %v } }"
		"%y = get %t index=[0] %want = const i64[] {12}");
	Bench b = bench_new();
	const char *text =
		"graph @t() -> (%y: f32[1000]) { %h = iota elem=f32 shape=[1000] axis=[0] %t = scan %h counts=[0, 1] length=[3000] "
		"reverse=[0] body={ graph @step(%h: f32[1000]) -> (%h: f32[1000]) { %a = neg %h %b = abs %a return %b } } "
		"%y = get %t index=[0] return %y }";
	const Graph *g = graph_parse(b.cx, text, "t.ir");
	const Tensor *y = NULL;
	b.e.max_bytes = 4 << 20;
	eval_graph(&b.e, g, NULL, &y);
	cr_expect_eq(tensor_get(y, 999), 999);
	ctx_free(b.cx);
}

Test(eval, scan_refused)
{
	refuse("%k = const i32[] {10} %h = const i32[] {7} %x = const i32[3] {1, 2, 3}"
	       "%y = scan %k %h %x counts=[1, 1] length=[4] reverse=[0] body={" STEP "}",
		"scan: operand 3 must have 4 as its first dim, seen i32[3]");
	refuse("%k = const i32[] {10} %h = const i64[] {7} %x = const i32[3] {1, 2, 3}"
	       "%y = scan %k %h %x counts=[1, 1] length=[3] reverse=[0] body={" STEP "}",
		"scan: the body's parameter 2 must be i64[], seen i32[]");
	refuse("%k = const i32[] {10} %h = const i32[] {7}"
	       "%y = scan %k %h counts=[1, 1] length=[3] reverse=[0] body={" STEP "}",
		"scan: the body must have 2 parameters, seen 3");
	refuse("%k = const i32[] {10} %y = scan %k counts=[0, 1] length=[3] reverse=[0] body={"
	       "graph @step(%k: i32[]) -> (%y: f32[]) { %f = cast %k elem=f32 return %f } }",
		"scan: the body's result 1 must be i32[], seen f32[]");
	refuse("%k = const i32[] {10} %y = scan %k counts=[0, 2] length=[3] reverse=[0] body={" STEP "}",
		"scan: attribute counts: 2 is not within 0..1");
	refuse("%k = const i32[] {10} %y = scan %k counts=[0, 1] length=[3] reverse=[0] body={graph @step(%k: i32[]) -> () { return } }",
		"scan: the body must give at least 1 results, seen 0");
}

#define LOOP_BODY                                                                                   \
	"graph @step(%i: i64[], %limit: i64[], %s: i64[]) -> (%go: bool[], %s: i64[], %y: i64[]) {" \
	"  %n = add %s %i %go = lt %n %limit return %go %n %i }"

static void expect_loop(
	const char *n, const char *go, const char *limit, const char *count, const char *sum, const char *ys)
{
	Arena *arena = arena_new();
	expect("i64[];i64[];i64[6]",
		arena_printf(arena,
			"%%n = const i64[] {%s} %%go = const bool[] {%s} %%limit = const i64[] {%s} %%s = const i64[] {0}"
			"%%t = loop %%n %%go %%limit %%s counts=[1, 1] length=[6] body={%s}"
			"%%y = get %%t index=[0] %%want = const i64[] {%s} %%y2 = get %%t index=[1] %%want2 = const i64[] {%s}"
			"%%y3 = get %%t index=[2] %%want3 = const i64[6] {%s}",
			n, go, limit, LOOP_BODY, count, sum, ys));
	arena_free(arena);
}

Test(eval, loop)
{
	expect_loop("5", "1", "100", "5", "10", "0, 1, 2, 3, 4, 0"); /* all of n */
	expect_loop("5", "1", "3", "3", "3", "0, 1, 2, 0, 0, 0");    /* leaves early: after the step that says so */
	expect_loop("5", "0", "100", "0", "0", "0, 0, 0, 0, 0, 0");  /* never begins */
	expect_loop("-4", "1", "100", "0", "0", "0, 0, 0, 0, 0, 0");
	expect_loop("9223372036854775807", "1", "100", "6", "15", "0, 1, 2, 3, 4, 5"); /* no more than length */
	refuse("%n = const i32[] {5} %go = const bool[] {1} %y = loop %n %go counts=[0, 0] length=[6] body={" LOOP_BODY
	       "}",
		"loop: the number of steps must be i64[], seen i32[]");
	refuse("%n = const i64[] {5} %go = const bool[] {1} %y = loop %n %go counts=[0, 0] length=[6] body={"
	       "graph @step(%i: i64[]) -> (%i: i64[]) { return %i } }",
		"loop: the body's result 1 must be bool[], seen i64[]");
}

/* A loop whose length nothing bounds computes its own symbol. */
Test(eval, loop_computes_its_length)
{
	expect_on("dim N = 0..1000 computed\n%limit: i64[]", "i64[] {50}", "i64[];i64[N];i64[]",
		"%n = const i64[] {9223372036854775807} %go = const bool[] {1} %s = const i64[] {0}"
		"%t = loop %n %go %limit %s counts=[1, 1] length=[N] body={" LOOP_BODY "}"
		"%y = get %t index=[1] %want = const i64[] {55} %y2 = get %t index=[2] %want2 = iota elem=i64 shape=[N] axis=[0]"
		"%y3 = dim value=[N] %want3 = const i64[] {11}");
	expect_on("dim N = 0..1000 computed\n%limit: i64[]", "i64[] {50}", "i64[N];i64[]",
		"%n = const i64[] {3} %go = const bool[] {0} %s = const i64[] {0}"
		"%t = loop %n %go %limit %s counts=[1, 1] length=[N] body={" LOOP_BODY "}"
		"%y = get %t index=[2] %want = iota elem=i64 shape=[N] axis=[0] %y2 = dim value=[N] %want2 = const i64[] {0}");
}

Test(eval, cond)
{
	static const char *const rows[][2] = {{"1", "-5"}, {"0", "10"}};
	Arena *arena = arena_new();
	for (int i = 0; i < 2; i++)
		expect("f32[]",
			arena_printf(arena,
				"%%c = const bool[] {%s} %%x = const f32[] {5} %%t = cond %%c %%x body={"
				"graph @then(%%x: f32[]) -> (%%y: f32[]) { %%y = neg %%x return %%y }"
				"graph @else(%%x: f32[]) -> (%%y: f32[]) { %%y = add %%x %%x return %%y } }"
				"%%y = get %%t index=[0] %%want = const f32[] {%s}",
				rows[i][0], rows[i][1]));
	arena_free(arena);
	refuse("%c = const bool[] {1} %x = const f32[] {5} %y = cond %c %x body={"
	       "graph @then(%x: f32[]) -> (%y: f32[]) { return %x }"
	       "graph @else(%x: f32[]) -> (%y: bool[]) { %y = isnan %x return %y } }",
		"cond: results differ: then gives (f32[]), else (bool[])");
	refuse("%c = const i8[] {1} %y = cond %c body={graph @then() -> () { return } graph @else() -> () { return } }",
		"cond: the condition must be bool[], seen i8[]");
	refuse("%c = const bool[] {1} %y = cond %c body={graph @then() -> () { return } }",
		"cond: attribute body must have 2 elements, seen 1");
}

Test(eval, call)
{
	expect("f32[];f32[]",
		"%x = const f32[] {5} %t = call %x name=\"both\" body={"
		"graph @both(%x: f32[]) -> (%y: f32[], %x: f32[]) { %y = neg %x return %y %x } }"
		"%y = get %t index=[0] %want = const f32[] {-5} %y2 = get %t index=[1] %want2 = const f32[] {5}");
	refuse("%x = const f32[] {5} %t = call %x name=\"one\" body={graph @one(%x: f32[]) -> (%x: f32[]) { return %x } }"
	       "%y = get %t index=[1]",
		"get: result 1 of 1");
	refuse_x("%y = get %x index=[0]", "get: wants a tuple, seen f32[2, 3]");
}

/* ---- element-wise: what their type rules refuse ---- */

Test(eval, elementwise_refused)
{
	refuse_x("%z = const f32[3] {1, 2, 3} %y = add %x %z", "add: operands differ: f32[2, 3] and f32[3]");
	refuse_x("%z = cast %x elem=f64 %y = add %x %z", "add: operands differ: f32[2, 3] and f64[2, 3]");
	refuse_x("%y = and %x %x", "and: wants bool or integers, seen f32[2, 3]");
	refuse_x("%y = shl %x %x", "shl: wants integers, seen f32[2, 3]");
	refuse("%x = const i32[] {1} %y = tanh %x", "tanh: wants floats, seen i32[]");
	refuse("%x = const bool[] {1} %y = neg %x", "neg: wants numbers, seen bool[]");
	refuse_x("%y = select %x %x %x", "select: the condition must be bool[2, 3], seen f32[2, 3]");
}

/* ---- the driver ---- */

Test(eval, binds_symbols_from_inputs)
{
	static const char *const same = "%y = dim value=[100*T+B] %want = const i64[] {103}";
	expect_on("%x: f32[T, B], %a: f32[2*T+1], %z: f32[B, 2]",
		"f32[1, 3] {1, 2, 3};f32[3] {1, 2, 3};f32[3, 2] {1, 2, 3, 4, 5, 6}", "i64[]", same);
	/* T is known from the second input alone. */
	expect_on("%a: f32[2*T+1]", "f32[7] {1, 2, 3, 4, 5, 6, 7}", "i64[]",
		"%y = dim value=[T] %want = const i64[] {3}");
}

static void refuse_inputs(const char *params, const char *inputs, const char *message)
{
	refuse_on(params, inputs, "i64[]", "%y = const i64[] {0} %want = const i64[] {0}", message);
}

Test(eval, inputs_refused)
{
	refuse_inputs("%x: f32[T, 4]", "f32[1, 3] {1, 2, 3}", "input 'x': wanted f32[T, 4] with T = 1, seen f32[1, 3]");
	refuse_inputs("%x: f32[T], %z: f32[T]", "f32[1] {1};f32[2] {1, 2}",
		"input 'z': wanted f32[T] with T = 1, seen f32[2]");
	refuse_inputs("%x: f32[4]", "i32[4] {1, 2, 3, 4}", "input 'x': wanted f32[4], seen i32[4]");
	refuse_inputs("%x: f32[4]", "f32[] {1}", "input 'x': wanted f32[4], seen f32[]");
	refuse_inputs("%x: f32[2*T]", "f32[3] {1, 2, 3}", "input 'x': wanted f32[2*T] with T = 1, seen f32[3]");
	refuse_inputs("dim T = 2..3\n%x: f32[T]", "f32[1] {1}", "input 'x': T = 1 is not within its bounds, 2..3");
	refuse_inputs("%x: f32[floor(T/2)]", "f32[1] {1}", "the size 'T' has no value");
}

Test(eval, memory_is_capped)
{
	Bench b = bench_new();
	b.e.max_bytes = 1 << 20;
	volatile bool done = false;
	TRY (b.cx) {
		const Graph *g = make_graph(
			&b, NULL, "f32[1000000]", "%y = iota elem=f32 shape=[1000000] axis=[0] %want = neg %y");
		const Tensor *out[2];
		eval_graph(&b.e, g, NULL, out);
		done = true;
	} else {
		cr_expect(strstr(b.cx->error, "interpreter: out of memory: 4000000 bytes more"), "%s", b.cx->error);
	}
	cr_expect_not(done);
	ctx_free(b.cx);
	refuse_on(NULL, NULL, "i8[4611686018427387904, 4]",
		"%y = iota elem=i8 shape=[4611686018427387904, 4] axis=[0] %want = neg %y",
		"interpreter: out of memory: 9223372036854775807 bytes more");
}

/* A chain of 200 values of 400 KB each within 4 MB: what is dead is freed, and what a view still shows is not. */
Test(eval, memory_follows_what_is_alive)
{
	Bench b = bench_new();
	Buf text;
	buf_init(&text, b.cx->arena);
	buf_puts(&text,
		"graph @t() -> (%y: i32[], %z: i32[10, 10000]) { %1 = iota elem=i32 shape=[100000] axis=[0] %0 = neg %1"
		"%v = reshape %0 shape=[10, 10000] %w = call %v name=\"same\" body={"
		"graph @same(%x: i32[10, 10000]) -> (%x: i32[10, 10000]) { return %x } }");
	for (int i = 1; i < 200; i++) buf_printf(&text, "%%%d = add %%%d %%%d\n", i + 1, i, i);
	buf_puts(&text, "%u = get %w index=[0] %z = add %u %v %s = reduce %200 kind=\"sum\" axes=[0] return %s %z }");
	b.e.max_bytes = 4 << 20;
	const Tensor *out[2] = {NULL};
	volatile bool done = false;
	TRY (b.cx) {
		eval_graph(&b.e, graph_parse(b.cx, text.text, "t.ir"), NULL, out);
		done = true;
	}
	cr_assert(done, "%s", b.cx->error);
	cr_expect_eq(tensor_get_int(out[0], 0), 0); /* a multiple of 2^199 */
	cr_expect_eq(tensor_get_int(out[1], 99999), -2 * 99999);
	ctx_free(b.cx);
}

/* A symbol that an inner loop computes may change from step to step; nothing is written out of bounds then. */
Test(eval, sizes_that_change_between_steps)
{
	const char *lines =
		"%n = const i64[3] {2, 3, 1} %t = scan %n counts=[0, 0] length=[3] reverse=[0] body={"
		"graph @outer(%n: i64[]) -> (%y: i64[N]) { %go = const bool[] {1}"
		"  %t = loop %n %go counts=[0, 0] length=[N] body={"
		"  graph @inner(%i: i64[]) -> (%go: bool[], %i: i64[]) { %go = eq %i %i return %go %i } }"
		"  %y = get %t index=[1] return %y } } %y = const i64[] {0} %u = get %t index=[0] %r = reduce %u kind=\"sum\" axes=[0, 1]"
		"%want = mul %r %y";
	refuse_on("dim N = 0..9 computed\n", NULL, "i64[]", lines, "the size 'N' has no value");
}
