/* test_symbolic.c: sizes that a model computes, as dims: compared with dims written by hand, and, for some numbers in
 * the place of the symbols, with the interpreter. */
#include "ir/ir.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What the cases start from: sizes T in 1..100 and B from 0, the shape %s = [T, B, 4], run-time values %n and %v. */
static const char prelude[] =
	"dim T = 1..100\n"
	"graph @f(%%n: i64[], %%v: i64[2]) -> (%%y: %s) {\n"
	"  %%T = dim value=[T]\n  %%B = dim value=[B]\n"
	"  %%0 = const i64[] {0}\n  %%2 = const i64[] {2}\n  %%7 = const i64[] {7}\n"
	"  %%T1 = reshape %%T shape=[1]\n  %%B1 = reshape %%B shape=[1]\n  %%four = const i64[1] {4}\n"
	"  %%s = concat %%T1 %%B1 %%four axis=[0]\n"
	"%s\n  return %%r\n}\n";

static const Graph *parse_case(Ctx *cx, const char *type, const char *values)
{
	const Graph *volatile g = NULL;
	TRY (cx) {
		const Graph *read = graph_parse(cx, arena_printf(cx->arena, prelude, type, values), "case.ir");
		graph_verify(cx, read);
		g = read;
	}
	cr_assert(g, "%s", cx->error);
	return g;
}

/* The interpreter's elements for these sizes. */
static const Tensor *interpret(Ctx *cx, const Graph *g, int64_t T, int64_t B, DimEnv *env)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	dimenv_init(&e.env, cx->arena);
	dim_sym(cx, "B");
	dimenv_set(&e.env, sym_find(cx, "T"), T);
	dimenv_set(&e.env, sym_find(cx, "B"), B);
	Tensor *n = tensor_new(cx->arena, I64, 0, NULL), *v = tensor_new(cx->arena, I64, 1, (int64_t[]){2});
	tensor_set_int(n, 0, 3);
	tensor_set_int(v, 0, 5);
	tensor_set_int(v, 1, -9);
	const Tensor *inputs[] = {n, v}, *volatile result = NULL;
	TRY (cx) {
		const Tensor *t;
		eval_graph(&e, g, inputs, &t);
		result = t;
	}
	cr_assert(result, "%s", cx->error);
	*env = e.env;
	return result;
}

/* Wanted: the dims, separated by spaces; NULL: not known. */
static void expect_dims(const char *values, const char *type, const char *wanted)
{
	static const int64_t sizes[][2] = {{1, 0}, {2, 1}, {7, 3}, {100, 12}};
	Ctx *cx = ctx_new();
	const Graph *g = parse_case(cx, type, values);
	const Dim *dims[64];
	int64_t n = 0;
	cr_assert(dim_is_int(type_count(cx, g->results[0]->type), &n) && n <= 64);
	bool known = val_as_dims(cx, g->results[0], (int)n, dims);
	cr_expect_null(cx->error);
	if (!wanted) {
		cr_expect_not(known, "%s", values);
		ctx_free(cx);
		return;
	}
	cr_assert(known, "not known: %s", values);
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "");
	for (int i = 0; i < n; i++) {
		buf_puts(&b, i ? " " : "");
		dim_print(&b, dims[i]);
	}
	cr_expect_str_eq(b.text ? b.text : "", wanted, "%s gives %s, not %s", values, b.text, wanted);
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		DimEnv env;
		const Tensor *t = interpret(cx, g, sizes[k][0], sizes[k][1], &env);
		for (int i = 0; i < n; i++)
			cr_expect_eq(dim_eval(cx, dims[i], &env), tensor_get_int(t, i), "%s: element %d", values, i);
	}
	ctx_free(cx);
}

Test(symbolic, sources)
{
	expect_dims("%r = neg %7", "i64[]", "-7");
	expect_dims("%r = const i32[3] {1, -2, 2147483647}", "i32[3]", "1 -2 2147483647");
	expect_dims("%r = const bool[2] {0, 1}", "bool[2]", "0 1");
	expect_dims("%r = dim value=[2*T*B+1]", "i64[]", "2*B*T+1");
	expect_dims("%r = iota elem=i64 shape=[2, 3] axis=[1]", "i64[2, 3]", "0 1 2 0 1 2");
	expect_dims("%r = const i64[0] {}", "i64[0]", "");
	expect_dims("%r = neg %n", "i64[]", NULL);
	expect_dims("%r = const f32[1] {1}", "f32[1]", NULL);
	expect_dims("%r = const i64[1] {-9223372036854775808}", "i64[1]", NULL);
}

Test(symbolic, arithmetic)
{
	expect_dims("%r = add %T %7", "i64[]", "T+7");
	expect_dims("%1 = mul %T %B %r = sub %1 %T", "i64[]", "B*T-T");
	expect_dims("%r = add %s %s", "i64[3]", "2*T 2*B 8");
	expect_dims("%1 = mul %T %7 %r = div %1 %T", "i64[]", "7");
	expect_dims("%1 = mul %B %7 %r = div %1 %B", "i64[]", NULL); /* B may be 0, and 0/0 is 0 */
	expect_dims("%r = div %T %2", "i64[]", "floor((T)/(2))");
	expect_dims("%1 = neg %T %r = div %1 %2", "i64[]", NULL); /* towards zero, not down */
	expect_dims("%1 = neg %7 %r = div %1 %2", "i64[]", "-3");
	expect_dims("%r = div %7 %0", "i64[]", "0");
	expect_dims("%r = mod %T %2", "i64[]", "T-2*floor((T)/(2))");
	expect_dims("%1 = neg %7 %r = mod %1 %2", "i64[]", "1");
	expect_dims("%1 = neg %7 %r = rem %1 %2", "i64[]", "-1");
	expect_dims("%r = max %T %0", "i64[]", "T");
	expect_dims("%1 = const i64[] {100} %r = min %T %1", "i64[]", "T");
	expect_dims("%1 = neg %T %r = abs %1", "i64[]", "T");
	expect_dims("%r = sign %T", "i64[]", "1");
	expect_dims("%r = sign %B", "i64[]", NULL);
	expect_dims("%r = not %7", "i64[]", "-8");
	expect_dims("%r = shl %7 %2", "i64[]", NULL);
	/* Overflow is not a size. */
	expect_dims("%1 = const i64[] {4611686018427387904} %r = mul %1 %2", "i64[]", NULL);
	expect_dims("%1 = const i8[] {100} %r = add %1 %1", "i8[]", NULL);
	expect_dims("%1 = const u8[] {3} %b = const u8[] {4} %r = sub %1 %b", "u8[]", NULL);
}

Test(symbolic, decisions)
{
	expect_dims("%r = gt %T %0", "bool[]", "1");
	expect_dims("%r = gt %B %0", "bool[]", NULL);
	expect_dims("%r = ge %B %0", "bool[]", "1");
	expect_dims("%r = lt %B %0", "bool[]", "0");
	expect_dims("%1 = add %B %7 %r = eq %1 %B", "bool[]", "0");
	expect_dims("%r = ne %T %T", "bool[]", "0");
	expect_dims("%r = le %T %7", "bool[]", NULL);
	expect_dims("%1 = eq %s %s %r = not %1", "bool[3]", "0 0 0");
	expect_dims("%1 = gt %T %0 %r = select %1 %B %n", "i64[]", "B");
	expect_dims("%1 = gt %n %0 %r = select %1 %T %B", "i64[]", NULL);
	expect_dims("%1 = gt %n %0 %r = select %1 %T %T", "i64[]", "T");
	expect_dims("%1 = gt %T %0 %b = lt %B %0 %r = xor %1 %b", "bool[]", "1");
	expect_dims("%r = cast %T elem=bool", "bool[]", "1");
	expect_dims("%r = cast %T elem=i32", "i32[]", "T");
	expect_dims("%r = cast %T elem=u8", "u8[]", "T"); /* at most 100 */
	expect_dims("%r = cast %B elem=u8", "u8[]", NULL);
	expect_dims("%1 = cast %T elem=f32 %r = cast %1 elem=i64", "i64[]", NULL);
}

Test(symbolic, movement)
{
	expect_dims("%r = slice %s start=[2] size=[3] step=[-1]", "i64[3]", "4 B T");
	expect_dims("%1 = const i64[2] {1, -1} %r = gather %s %1 axis=[0]", "i64[2]", "B T"); /* an index is clamped */
	expect_dims("%r = gather %s %2 axis=[0]", "i64[]", "4");
	expect_dims("%r = gather %s %n axis=[0]", "i64[]", NULL);
	expect_dims("%r = expand %T shape=[2, 2]", "i64[2, 2]", "T T T T");
	expect_dims("%1 = expand %s shape=[2, 3] %r = permute %1 perm=[1, 0]", "i64[3, 2]", "T T B B 4 4");
	expect_dims(
		"%1 = reshape %s shape=[1, 3] %b = permute %1 perm=[1, 0] %3 = concat %b %b axis=[1] %r = slice %3 start=[0, 1] "
		"size=[3, 1] step=[1, 1]",
		"i64[3, 1]", "T B 4");
	expect_dims("%r = pad %s %7 lo=[1] hi=[2]", "i64[6]", "7 T B 4 7 7");
	expect_dims("%1 = iota elem=i64 shape=[2, 3] axis=[0] %b = concat %1 %1 axis=[0] %3 = const i64[2] {3, 0} "
		    "%r = gather %b %3 axis=[0]",
		"i64[2, 3]", "1 1 1 0 0 0");
	/* What is known can be taken out of what is not. */
	expect_dims("%1 = concat %v %s axis=[0] %r = slice %1 start=[2] size=[2] step=[1]", "i64[2]", "T B");
	expect_dims("%1 = concat %v %s axis=[0] %r = slice %1 start=[1] size=[2] step=[1]", "i64[2]", NULL);
	expect_dims("%1 = pad %v %7 lo=[1] hi=[0] %r = gather %1 %0 axis=[0]", "i64[]", "7");
}

Test(symbolic, reductions)
{
	expect_dims("%r = reduce %s kind=\"prod\" axes=[0]", "i64[]", "4*B*T");
	expect_dims("%r = reduce %s kind=\"sum\" axes=[0]", "i64[]", "B+T+4");
	expect_dims("%1 = expand %s shape=[2, 3] %r = reduce %1 kind=\"sum\" axes=[0]", "i64[3]", "2*T 2*B 8");
	expect_dims("%1 = expand %s shape=[2, 3] %r = reduce %1 kind=\"prod\" axes=[1]", "i64[2]", "4*B*T 4*B*T");
	expect_dims("%r = reduce %T1 kind=\"max\" axes=[0]", "i64[]", "T");
	expect_dims("%1 = const i64[0] {} %r = reduce %1 kind=\"prod\" axes=[0]", "i64[]", "1");
	expect_dims("%1 = const i64[0] {} %r = reduce %1 kind=\"max\" axes=[0]", "i64[]", NULL);
	expect_dims("%1 = concat %v %s axis=[0] %r = reduce %1 kind=\"sum\" axes=[0]", "i64[]", NULL);
}

/* A chain that is deeper than the search is not known, and no harm. */
Test(symbolic, depth)
{
	Ctx *cx = ctx_new();
	const Val *v = b_dim(cx, dim_sym(cx, "T")), *shallow = NULL;
	for (int i = 0; i < 100000; i++) {
		v = b_ew1(cx, i % 2 ? OP_EW_neg : OP_EW_not, v);
		if (i == 199) shallow = v;
	}
	const Dim *d;
	cr_expect(val_as_dims(cx, shallow, 1, &d));
	cr_expect(d == dim_sub(cx, dim_sym(cx, "T"), dim_int(cx, -100)), "-(-1 - T) = T + 1, a hundred times");
	cr_expect_not(val_as_dims(cx, v, 1, &d));
	cr_expect_not(val_as_dims(cx, shallow, 2, &d), "of two elements it has one");
	ctx_free(cx);
}
