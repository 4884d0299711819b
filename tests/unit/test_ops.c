/* test_ops.c: the structural primitives: hand-computed results, and what their type rules and evaluations refuse. */
#include "tests/unit/eval_text.h"

/* ---- sources ---- */

Test(ops, iota)
{
	expect("i64[2, 3]", "%y = iota elem=i64 shape=[2, 3] axis=[1] %want = const i64[2, 3] {0, 1, 2, 0, 1, 2}");
	expect("bf16[3, 2]", "%y = iota elem=bf16 shape=[3, 2] axis=[0] %want = const bf16[3, 2] {0, 0, 1, 1, 2, 2}");
	expect("f32[0]", "%y = iota elem=f32 shape=[0] axis=[0] %want = const f32[0] {}");
	refuse("%y = iota elem=f32 shape=[] axis=[0]", "iota: axis 0 of f32[]");
	refuse("%y = iota elem=bool shape=[2] axis=[0]", "iota: wants a type of numbers, seen bool[2]");
	refuse("%y = iota elem=f32 shape=[-2] axis=[0]", "iota: the size -2 is negative");
	refuse("%y = iota elem=f32 shape=[2] axis=[0, 0]", "iota: attribute axis must have 1 elements, seen 2");
}

Test(ops, dim)
{
	expect_on("%x: f32[T, 4]", "f32[3, 4] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}", "i64[]",
		"%y = dim value=[4*T-1] %want = const i64[] {11}");
}

/* ---- views ---- */

Test(ops, reshape)
{
	expect_x("f32[3, 2]", "%y = reshape %x shape=[3, 2] %want = const f32[3, 2] {1, 2, 3, 4, 5, 6}");
	expect("f32[]", "%x = const f32[1, 1] {7} %y = reshape %x shape=[] %want = const f32[] {7}");
	expect("f32[5, 0]", "%x = const f32[0, 2] {} %y = reshape %x shape=[5, 0] %want = const f32[5, 0] {}");
	expect_on("%x: i8[T, 4]", "i8[1, 4] {1, 2, 3, 4}", "i8[2*T, 2]",
		"%y = reshape %x shape=[2*T, 2] %t = reshape %x shape=[T, 4] %want = reshape %t shape=[2*T, 2]");
	refuse_x("%y = reshape %x shape=[4, 2]", "reshape: f32[2, 3] has 6 elements, f32[4, 2] wants 8");
	/* open until T is known */
	refuse_on("%x: f32[T, 4]", "f32[2, 4] {1, 2, 3, 4, 5, 6, 7, 8}", "f32[4]",
		"%y = reshape %x shape=[4] %want = reshape %x shape=[4]", "reshape: 8 elements do not fit f32[4]");
}

Test(ops, permute)
{
	expect_x("f32[3, 2]", "%y = permute %x perm=[1, 0] %want = const f32[3, 2] {1, 4, 2, 5, 3, 6}");
	expect("i16[2, 3, 2]",
		"%x = const i16[2, 2, 3] {0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112}"
		"%y = permute %x perm=[1, 2, 0]"
		"%want = const i16[2, 3, 2] {0, 100, 1, 101, 2, 102, 10, 110, 11, 111, 12, 112}");
	expect("f64[]", "%x = const f64[] {3} %y = permute %x perm=[] %want = const f64[] {3}");
	refuse_x("%y = permute %x perm=[1, 1]", "permute: dim 1 twice in perm");
	refuse_x("%y = permute %x perm=[0, 2]", "permute: attribute perm: 2 is not within 0..1");
	refuse_x("%y = permute %x perm=[0]", "permute: attribute perm must have 2 elements, seen 1");
}

Test(ops, slice)
{
	expect_x(
		"f32[2, 2]", "%y = slice %x start=[0, 1] size=[2, 2] step=[1, 1] %want = const f32[2, 2] {2, 3, 5, 6}");
	expect_x("f32[2, 3]",
		"%y = slice %x start=[1, 2] size=[2, 3] step=[-1, -1] %want = const f32[2, 3] {6, 5, 4, 3, 2, 1}");
	expect_x("f32[1, 2]", "%y = slice %x start=[1, 0] size=[1, 2] step=[5, 2] %want = const f32[1, 2] {4, 6}");
	expect_x("f32[0, 3]", "%y = slice %x start=[2, 0] size=[0, 3] step=[1, 1] %want = const f32[0, 3] {}");
	expect_on("%x: f32[T]", "f32[3] {1, 2, 3}", "f32[T]",
		"%y = slice %x start=[T-1] size=[T] step=[-1]"
		"%i = iota elem=f32 shape=[T] axis=[0] %d = dim value=[T] %f = cast %d elem=f32 %e = expand %f shape=[T] %want = sub %e %i");
	/* A symbol of value 0 leaves nothing to slice. */
	expect_on("%x: f32[T]", "f32[0] {}", "f32[T]", "%y = slice %x start=[T-1] size=[T] step=[-1] %want = neg %x");
	refuse_x("%y = slice %x start=[0, 1] size=[2, 3] step=[1, 1]", "slice: element 3 of dim 1, which has 3");
	refuse_x("%y = slice %x start=[0, -1] size=[2, 1] step=[1, 1]", "slice: element -1 of dim 1, which has 3");
	refuse_x("%y = slice %x start=[0, 1] size=[2, 3] step=[1, -1]", "slice: element -1 of dim 1, which has 3");
	refuse_x("%y = slice %x start=[0, 0] size=[2, 3] step=[1, 0]", "slice: step 0 in dim 1");
	refuse_x("%y = slice %x start=[0, 0] size=[2, -3] step=[1, 1]", "slice: the size -3 is negative");
	refuse_on("%x: f32[T]", "f32[3] {1, 2, 3}", "f32[2]",
		"%y = slice %x start=[2] size=[2] step=[1] %want = slice %x start=[2] size=[2] step=[1]",
		"slice: 2 elements from 2 by 1 of dim 0, which has 3");
	refuse_on("%x: f32[T]", "f32[3] {1, 2, 3}", "f32[T-4]",
		"%y = slice %x start=[0] size=[T-4] step=[1] %want = neg %y", "the size T-4 is negative: -1");
}

Test(ops, pad)
{
	expect_x("f32[3, 4]",
		"%v = const f32[] {9} %y = pad %x %v lo=[1, 0] hi=[0, 1]"
		"%want = const f32[3, 4] {9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9}");
	expect("i8[3]",
		"%x = const i8[0] {} %v = const i8[] {-4} %y = pad %x %v lo=[1] hi=[2] %want = const i8[3] {-4, -4, -4}");
	expect("i8[]", "%x = const i8[] {5} %v = const i8[] {-4} %y = pad %x %v lo=[] hi=[] %want = const i8[] {5}");
	refuse_x("%y = pad %x %x lo=[1, 0] hi=[0, 1]", "pad: the value must be f32[], seen f32[2, 3]");
	refuse_x("%v = const f32[] {9} %y = pad %x %v lo=[1, -1] hi=[0, 1]", "pad: the padding lo -1 is negative");
	refuse_on("%x: f32[T]", "f32[2] {1, 2}", "f32[2*T-3]",
		"%v = const f32[] {9} %y = pad %x %v lo=[T-3] hi=[0] %want = neg %y", "the size T-3 is negative: -1");
}

Test(ops, expand)
{
	expect("u8[2, 3]",
		"%x = const u8[2, 1] {1, 2} %y = expand %x shape=[2, 3] %want = const u8[2, 3] {1, 1, 1, 2, 2, 2}");
	expect("u8[2, 2]", "%x = const u8[2] {1, 2} %y = expand %x shape=[2, 2] %want = const u8[2, 2] {1, 2, 1, 2}");
	expect("u8[3]", "%x = const u8[] {1} %y = expand %x shape=[3] %want = const u8[3] {1, 1, 1}");
	expect("u8[0, 2]", "%x = const u8[2] {1, 2} %y = expand %x shape=[0, 2] %want = const u8[0, 2] {}");
	refuse_x("%y = expand %x shape=[3]", "expand: f32[2, 3] has more dims than f32[3]");
	refuse_x("%y = expand %x shape=[4, 3]", "expand: f32[2, 3] does not broadcast to f32[4, 3]: 2 against 4");
}

Test(ops, window)
{
	expect("f32[3, 2]",
		"%x = const f32[4] {1, 2, 3, 4} %y = window %x axis=[0] window=[2, 1, 1]"
		"%want = const f32[3, 2] {1, 2, 2, 3, 3, 4}");
	/* size 2, stride 2, dilation 3: floor((7 - 3 - 1) / 2) + 1 = 2 */
	expect("f32[2, 2]",
		"%x = const f32[7] {0, 1, 2, 3, 4, 5, 6} %y = window %x axis=[0] window=[2, 2, 3]"
		"%want = const f32[2, 2] {0, 3, 2, 5}");
	expect_x("f32[1, 3, 2]",
		"%y = window %x axis=[0] window=[2, 1, 1] %want = const f32[1, 3, 2] {1, 4, 2, 5, 3, 6}");
	expect("f32[0, 3]",
		"%x = const f32[2] {1, 2} %y = window %x axis=[0] window=[3, 1, 1] %want = const f32[0, 3] {}");
	expect_on("%x: i8[T]", "i8[5] {1, 2, 3, 4, 5}", "i8[T-2, 3];i8[floor((T-3)/2)+1, 3]",
		"%y = window %x axis=[0] window=[3, 1, 1]"
		"%a = slice %x start=[0] size=[T-2] step=[1] %b = slice %x start=[1] size=[T-2] step=[1]"
		"%c = slice %x start=[2] size=[T-2] step=[1] %a1 = reshape %a shape=[T-2, 1] %b1 = reshape %b shape=[T-2, 1]"
		"%c1 = reshape %c shape=[T-2, 1] %want = concat %a1 %b1 %c1 axis=[1]"
		"%y2 = window %x axis=[0] window=[3, 2, 1]"
		"%want2 = slice %y start=[0, 0] size=[floor((T-3)/2)+1, 3] step=[2, 1]");
	refuse_x("%y = window %x axis=[1] window=[5, 1, 1]", "window: a window of 5 elements on dim 1 of f32[2, 3]");
	refuse_x("%y = window %x axis=[1] window=[2, 0, 1]", "window: attribute window: 0 is not within 1..2147483647");
	refuse_x("%y = window %x axis=[2] window=[2, 1, 1]", "window: axis 2 of f32[2, 3]");
}

/* ---- movement ---- */

Test(ops, concat)
{
	expect_x("f32[2, 5]",
		"%z = const f32[2, 2] {7, 8, 9, 10} %y = concat %x %z axis=[1]"
		"%want = const f32[2, 5] {1, 2, 3, 7, 8, 4, 5, 6, 9, 10}");
	expect_x("f32[3, 3]",
		"%e = const f32[0, 3] {} %z = const f32[1, 3] {7, 8, 9} %y = concat %z %e %x axis=[0]"
		"%want = const f32[3, 3] {7, 8, 9, 1, 2, 3, 4, 5, 6}");
	expect_x("f32[2, 3]", "%y = concat %x axis=[1] %n = neg %x %want = neg %n");
	refuse_x("%z = const f32[3, 2] {1, 2, 3, 4, 5, 6} %y = concat %x %z axis=[1]",
		"concat: operands differ in more than dim 1: operand 1 is f32[2, 3], operand 2 is f32[3, 2]");
	refuse("%y = concat axis=[0]", "concat: wants at least one operand");
}

Test(ops, gather)
{
	expect_x("f32[2, 2, 2]",
		"%i = const i64[2, 2] {0, 2, 1, 1} %y = gather %x %i axis=[1]"
		"%want = const f32[2, 2, 2] {1, 3, 2, 2, 4, 6, 5, 5}");
	expect_x("f32[3]", "%i = const i32[] {1} %y = gather %x %i axis=[0] %want = const f32[3] {4, 5, 6}");
	expect_x("f32[4, 3]",
		"%i = const i64[4] {-9223372036854775808, -1, 2, 9223372036854775807} %y = gather %x %i axis=[0]"
		"%want = const f32[4, 3] {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}");
	expect_x("f32[1, 3]",
		"%i = const u64[1] {18446744073709551615} %y = gather %x %i axis=[0] %want = const f32[1, 3] {4, 5, 6}");
	expect_x("f32[2, 0]", "%i = const i64[0] {} %y = gather %x %i axis=[1] %want = const f32[2, 0] {}");
	refuse_x("%y = gather %x %x axis=[0]", "gather: indices must be integers, seen f32[2, 3]");
	refuse_on(NULL, NULL, "f32[1]",
		"%x = const f32[0] {} %i = const i64[1] {0} %y = gather %x %i axis=[0] %want = neg %y",
		"gather: dim 0 has no elements to gather from");
}

Test(ops, gather_nd)
{
	/* The first three are examples of ONNX's GatherND. */
	expect("i32[2]",
		"%x = const i32[2, 2] {0, 1, 2, 3} %i = const i64[2, 2] {0, 0, 1, 1} %y = gather_nd %x %i batch=[0]"
		"%want = const i32[2] {0, 3}");
	expect("i32[2, 2]",
		"%x = const i32[2, 2] {0, 1, 2, 3} %i = const i64[2, 1] {1, 0} %y = gather_nd %x %i batch=[0]"
		"%want = const i32[2, 2] {2, 3, 0, 1}");
	expect("i32[2, 2]",
		"%x = const i32[2, 2, 2] {0, 1, 2, 3, 4, 5, 6, 7} %i = const i64[2, 1] {1, 0}"
		"%y = gather_nd %x %i batch=[1] %want = const i32[2, 2] {2, 3, 4, 5}");
	expect("i32[1]",
		"%x = const i32[2, 2] {0, 1, 2, 3} %i = const i64[1, 2] {-5, 7} %y = gather_nd %x %i batch=[0]"
		"%want = const i32[1] {1}");
	refuse("%x = const i32[2, 2] {0, 1, 2, 3} %i = const i64[2, 3] {0, 0, 1, 1, 1, 1} %y = gather_nd %x %i batch=[0]",
		"gather_nd: 0 batch dims and 3 indices into i32[2, 2]");
	refuse("%x = const i32[2, 2] {0, 1, 2, 3} %i = const i64[3, 1] {0, 0, 1} %y = gather_nd %x %i batch=[1]",
		"gather_nd: dims differ: dim 0 of the indices is 3, dim 0 of x is 2");
	refuse("%x = const i32[2] {0, 1} %i = const i64[] {0} %y = gather_nd %x %i batch=[0]",
		"gather_nd: indices must be integers with a last dim of fixed size, seen i64[]");
}

Test(ops, scatter_nd)
{
	/* ONNX's ScatterND, example 1; then kinds, repeated and outside indices, whole rows. */
	expect("f32[8]",
		"%x = const f32[8] {1, 2, 3, 4, 5, 6, 7, 8} %i = const i64[4, 1] {4, 3, 1, 7} %u = const f32[4] {9, 10, 11, 12}"
		"%y = scatter_nd %x %i %u kind=\"set\" %want = const f32[8] {1, 11, 3, 10, 9, 6, 7, 12}");
	static const char *const rows[][2] = {
		{"set", "3, 5"}, {"add", "17, 12"}, {"mul", "120, 35"}, {"min", "3, 5"}, {"max", "10, 7"}};
	for (int k = 0; k < 5; k++) {
		Arena *arena = arena_new();
		expect("i8[2]",
			arena_printf(arena,
				"%%x = const i8[2] {10, 7} %%i = const i64[5, 1] {0, 1, -1, 2, 0} "
				"%%u = const i8[5] {4, 5, 99, 99, 3} %%y = scatter_nd %%x %%i %%u kind=\"%s\" %%want = const i8[2] {%s}",
				rows[k][0], rows[k][1]));
		arena_free(arena);
	}
	expect_x("f32[2, 3]",
		"%i = const i32[1, 1] {1} %u = const f32[1, 3] {10, 20, 30} %y = scatter_nd %x %i %u kind=\"add\""
		"%want = const f32[2, 3] {1, 2, 3, 14, 25, 36}");
	expect_x("f32[2, 3]",
		"%i = const i64[0, 2] {} %u = const f32[0] {} %y = scatter_nd %x %i %u kind=\"set\" %n = neg %x %want = neg %n");
	refuse_x("%i = const i32[1, 1] {1} %u = const f32[1, 2] {1, 2} %y = scatter_nd %x %i %u kind=\"add\"",
		"scatter_nd: dims differ: dim 1 of x is 3, dim 1 of the updates is 2");
	refuse_x("%i = const i32[1, 1] {1} %u = const f32[1, 3] {1, 2, 3} %y = scatter_nd %x %i %u kind=\"div\"",
		"scatter_nd: kind must be one of set, add, mul, min, max, seen div");
	refuse_x("%i = const i32[1, 1] {1} %u = const f32[3] {1, 2, 3} %y = scatter_nd %x %i %u kind=\"add\"",
		"scatter_nd: updates must be f32 of rank 2, seen f32[3]");
}

/* ---- compute ---- */

Test(ops, contract)
{
	expect_x("f32[2, 2]",
		"%w = const f32[3, 2] {1, 0, 2, 1, 0, -1} %y = contract %x %w spec=\"bk,kn->bn\""
		"%want = const f32[2, 2] {5, -1, 14, -1}");
	expect_x("f32[3, 2, 2]",
		"%w = const f32[2] {1, 10} %y = contract %x %w spec=\"bk,n->knb\""
		"%want = const f32[3, 2, 2] {1, 4, 10, 40, 2, 5, 20, 50, 3, 6, 30, 60}");
	expect_x("f32[2]", "%y = contract %x %x spec=\"bk,bk->b\" %want = const f32[2] {14, 77}");
	/* A letter that only one operand has is summed too; and all of them. */
	expect_x("f32[]", "%w = const f32[2] {1, 10} %y = contract %x %w spec=\"bk,n->\" %want = const f32[] {231}");
	expect("i8[]",
		"%x = const i8[] {100} %y = contract %x %x spec=\",->\" %want = const i8[] {16}"); /* 10000 mod 256 */
	expect("i8[]",
		"%x = const i8[2] {100, 100} %z = const i8[2] {1, 1} %y = contract %x %z spec=\"k,k->\" %want = const i8[] {-56}");
	expect("u64[]",
		"%x = const u64[2] {18446744073709551615, 3} %y = contract %x %x spec=\"k,k->\" %want = const u64[] {10}");
	expect("f32[2, 2]",
		"%x = const f32[2, 0] {} %z = const f32[0, 2] {} %y = contract %x %z spec=\"bk,kn->bn\""
		"%want = const f32[2, 2] {0, 0, 0, 0}");
	/* 1e8 + 1 - 1e8 in f64 and only then rounded; f16 sums over 65504 on the way. */
	expect("f32[]",
		"%x = const f32[3] {1e8, 1, -1e8} %z = const f32[3] {1, 1, 1} %y = contract %x %z spec=\"k,k->\" %want = const f32[] {1}");
	expect("f16[]",
		"%x = const f16[3] {60000, 60000, -60000} %z = const f16[3] {1, 1, 1} %y = contract %x %z spec=\"k,k->\""
		"%want = const f16[] {60000}");
	refuse_x("%y = contract %x %x spec=\"bk,kn->bn\"",
		"contract: inner dims differ: a has 3, b has 2 (k of \"bk,kn->bn\")");
	refuse_x("%y = contract %x %x spec=\"bk,cb->bkc\"",
		"contract: batch dims differ: a has 2, b has 3 (b of \"bk,cb->bkc\")");
	refuse_x("%y = contract %x %x spec=\"bb,kn->bn\"", "contract: letter b twice in one place of \"bb,kn->bn\"");
	refuse_x("%y = contract %x %x spec=\"bk,kn->bz\"",
		"contract: letter z of the result is in no operand of \"bk,kn->bz\"");
	refuse_x("%y = contract %x %x spec=\"bk,kn\"", "contract: the spec must be like \"bk,kn->bn\", seen \"bk,kn\"");
	refuse_x("%y = contract %x %x spec=\"b k,kn->bn\"",
		"contract: the spec must be like \"bk,kn->bn\", seen \"b k,kn->bn\"");
	refuse_x("%y = contract %x %x spec=\"\"", "contract: the spec must be like");
	refuse_x("%y = contract %x %x spec=\"k,bk->b\"",
		"contract: \"k,bk->b\" wants operands of rank 1 and 2, seen f32[2, 3] and f32[2, 3]");
	refuse("%x = const bool[1] {1} %y = contract %x %x spec=\"k,k->\"",
		"contract: operands must be numbers of one type, seen bool[1] and bool[1]");
	refuse_on("%a: f32[B, I], %b: f32[H, N]", "f32[1, 1] {1};f32[1, 1] {1}", "f32[B, N]",
		"%y = contract %a %b spec=\"bk,kn->bn\" %want = neg %y",
		"contract: inner dims differ: a has I, b has H");
}

/* Sizes around the blocks of the product, in every order of letters, against plain loops. */
Test(ops, contract_against_loops)
{
	static const int sizes[][4] = {
		{1, 1, 1, 1}, {2, 3, 5, 7}, {1, 131, 9, 257}, {2, 9, 130, 300}, {1, 2, 8, 256}, {3, 129, 129, 1}};
	static const char *const specs[][3] = {
		{"bmk", "bkn", "bmn"}, {"mbk", "nkb", "nbm"}, {"kmb", "bnk", "mnb"}, {"kbm", "nbk", "bnm"}};
	const Elem elems[] = {F64, F32, I16};
	for (int i = 0; i < 6 * 4 * 3; i++) {
		Bench b = bench_new();
		const int *size = sizes[i % 6];
		const char *const *spec = specs[i / 6 % 4];
		const Elem elem = elems[i / 24];
		int64_t dims[3][3], stride[3][256] = {{0}};
		for (int k = 0; k < 3; k++) {
			for (int d = 2, s = 1; d >= 0; d--) {
				dims[k][d] = size[strchr("bmnk", spec[k][d]) - "bmnk"];
				stride[k][(int)spec[k][d]] = s;
				s *= (int)dims[k][d];
			}
		}
		Tensor *x[2];
		const Val *vals[2];
		for (int k = 0; k < 2; k++) {
			x[k] = tensor_new(b.cx->arena, elem, 3, dims[k]);
			for (int64_t j = 0; j < x[k]->count; j++) tensor_set_int(x[k], j, (j * 37 + k) % 19 - 9);
			vals[k] = val_const(b.cx, x[k]);
		}
		const Val *y = b_contract(
			b.cx, arena_printf(b.cx->arena, "%s,%s->%s", spec[0], spec[1], spec[2]), vals[0], vals[1]);
		const Tensor *seen = eval_op(&b.e, y, (const Tensor *[]){x[0], x[1]}, 0);
		for (int p = 0; p < size[0]; p++)
			for (int m = 0; m < size[1]; m++)
				for (int n = 0; n < size[2]; n++) {
					int64_t sum = 0;
					for (int k = 0; k < size[3]; k++)
						sum += tensor_get_int(x[0],
							       p * stride[0]['b'] + m * stride[0]['m'] +
								       k * stride[0]['k']) *
							tensor_get_int(x[1],
								p * stride[1]['b'] + n * stride[1]['n'] +
									k * stride[1]['k']);
					const int64_t at = p * stride[2]['b'] + m * stride[2]['m'] + n * stride[2]['n'];
					cr_assert_eq(tensor_get_int(seen, at), elem == I16 ? (int16_t)sum : sum,
						"case %d", i);
				}
		ctx_free(b.cx);
	}
}

Test(ops, reduce)
{
	expect_x("f32[2]", "%y = reduce %x kind=\"sum\" axes=[1] %want = const f32[2] {6, 15}");
	expect_x("f32[3]", "%y = reduce %x kind=\"prod\" axes=[0] %want = const f32[3] {4, 10, 18}");
	expect_x("f32[]", "%y = reduce %x kind=\"max\" axes=[0, 1] %want = const f32[] {6}");
	expect_x("f32[2, 3]", "%y = reduce %x kind=\"max\" axes=[] %n = neg %x %want = neg %n");
	expect("i32[2, 2]",
		"%x = const i32[2, 3, 2] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} %y = reduce %x kind=\"sum\" axes=[1]"
		"%want = const i32[2, 2] {9, 12, 27, 30}");
	expect("i32[3]",
		"%x = const i32[2, 3, 2] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} %y = reduce %x kind=\"sum\" axes=[0, 2]"
		"%want = const i32[3] {18, 26, 34}");
	expect("i8[]", "%x = const i8[2] {100, 100} %y = reduce %x kind=\"sum\" axes=[0] %want = const i8[] {-56}");
	expect("f32[]",
		"%x = const f32[3] {1e8, 1, -1e8} %y = reduce %x kind=\"sum\" axes=[0] %want = const f32[] {1}");
	expect("f32[2]",
		"%x = const f32[2, 2] {1, nan, inf, 2} %y = reduce %x kind=\"max\" axes=[1] %want = const f32[2] {nan, inf}");
	expect("f32[2]",
		"%x = const f32[2, 2] {nan, 1, inf, 2} %y = reduce %x kind=\"min\" axes=[1] %want = const f32[2] {nan, 2}");
	expect("bool[2]",
		"%x = const bool[2, 2] {0, 1, 0, 0} %y = reduce %x kind=\"max\" axes=[1] %want = const bool[2] {1, 0}");
	expect("bool[2]",
		"%x = const bool[2, 2] {0, 1, 1, 1} %y = reduce %x kind=\"min\" axes=[1] %want = const bool[2] {0, 1}");
	refuse_x("%y = reduce %x kind=\"sum\" axes=[1, 0]", "reduce: axes must increase");
	refuse_x("%y = reduce %x kind=\"sum\" axes=[2]", "reduce: attribute axes: 2 is not within 0..1");
	refuse_x("%y = reduce %x kind=\"mean\" axes=[1]", "reduce: kind must be one of sum, prod, max, min, seen mean");
	refuse("%x = const bool[2] {0, 1} %y = reduce %x kind=\"sum\" axes=[0]",
		"reduce: sum wants numbers, seen bool");
}

Test(ops, reduce_of_nothing)
{
	static const char *const rows[][3] = {{"f32", "-inf", "inf"}, {"f16", "-inf", "inf"}, {"i8", "-128", "127"},
		{"u8", "0", "255"}, {"i64", "-9223372036854775808", "9223372036854775807"},
		{"u64", "0", "18446744073709551615"}};
	Arena *arena = arena_new();
	for (int i = 0; i < 6; i++) {
		const char *elem = rows[i][0], *type = arena_printf(arena, "%s[2]", elem);
		expect(arena_printf(arena, "%s;%s;%s;%s", type, type, type, type),
			arena_printf(arena,
				"%%x = const %s[2, 0] {} %%y = reduce %%x kind=\"sum\" axes=[1] %%want = const %s {0, 0}"
				"%%y2 = reduce %%x kind=\"prod\" axes=[1] %%want2 = const %s {1, 1}"
				"%%y3 = reduce %%x kind=\"max\" axes=[1] %%want3 = const %s {%s, %s}"
				"%%y4 = reduce %%x kind=\"min\" axes=[1] %%want4 = const %s {%s, %s}",
				elem, type, type, type, rows[i][1], rows[i][1], type, rows[i][2], rows[i][2]));
	}
	expect("bool[];bool[]",
		"%x = const bool[0] {} %y = reduce %x kind=\"max\" axes=[0] %want = const bool[] {0}"
		"%y2 = reduce %x kind=\"min\" axes=[0] %want2 = const bool[] {1}");
	expect("f32[0]", "%x = const f32[2, 0] {} %y = reduce %x kind=\"sum\" axes=[0] %want = const f32[0] {}");
	arena_free(arena);
}

/* More than a block, both ways. */
Test(ops, reduce_large)
{
	expect("i64[]",
		"%x = iota elem=i64 shape=[3, 1000] axis=[1] %y = reduce %x kind=\"sum\" axes=[0, 1] %want = const i64[] {1498500}");
	expect("i64[3]",
		"%x = iota elem=i64 shape=[3, 1000] axis=[1] %y = reduce %x kind=\"sum\" axes=[1]"
		"%want = const i64[3] {499500, 499500, 499500}");
	expect("i64[1000]",
		"%x = iota elem=i64 shape=[3, 1000] axis=[1] %y = reduce %x kind=\"sum\" axes=[0]"
		"%i = iota elem=i64 shape=[1000] axis=[0] %t = const i64[] {3} %e = expand %t shape=[1000] %want = mul %i %e");
}

Test(ops, argreduce)
{
	expect_x("i64[2];i64[3]",
		"%y = argreduce %x kind=\"max\" axis=[1] flags=[0] %want = const i64[2] {2, 2}"
		"%y2 = argreduce %x kind=\"min\" axis=[0] flags=[0] %want2 = const i64[3] {0, 0, 0}");
	expect("i64[];i64[];i64[]",
		"%x = const i8[4] {1, -7, 5, 5} %y = argreduce %x kind=\"max\" axis=[0] flags=[0] %want = const i64[] {2}"
		"%y2 = argreduce %x kind=\"max\" axis=[0] flags=[1] %want2 = const i64[] {3}"
		"%y3 = argreduce %x kind=\"min\" axis=[0] flags=[1] %want3 = const i64[] {1}");
	expect("i64[];i64[]",
		"%x = const f32[4] {1, nan, inf, nan} %y = argreduce %x kind=\"max\" axis=[0] flags=[0] %want = const i64[] {1}"
		"%y2 = argreduce %x kind=\"min\" axis=[0] flags=[1] %want2 = const i64[] {3}");
	/* -0 equals 0; u64 is not seen through a double. */
	expect("i64[];i64[]",
		"%x = const f32[2] {-0, 0} %y = argreduce %x kind=\"max\" axis=[0] flags=[0] %want = const i64[] {0}"
		"%u = const u64[2] {18446744073709551614, 18446744073709551615} "
		"%y2 = argreduce %u kind=\"max\" axis=[0] flags=[0] %want2 = const i64[] {1}");
	expect("i64[0]",
		"%x = const f32[0, 3] {} %y = argreduce %x kind=\"max\" axis=[1] flags=[0] %want = const i64[0] {}");
	refuse("%x = const f32[0] {} %y = argreduce %x kind=\"max\" axis=[0] flags=[0]",
		"argreduce: dim 0 of f32[0] has no elements");
	refuse_x("%y = argreduce %x kind=\"max\" axis=[0] flags=[2]",
		"argreduce: attribute flags: 2 is not within 0..1");
	refuse_on("%x: f32[T]", "f32[0] {}", "i64[]",
		"%y = argreduce %x kind=\"max\" axis=[0] flags=[0] %want = neg %y", "argreduce: dim 0 has no elements");
}

Test(ops, cumulative)
{
	static const char *const rows[][2] = {{"0, 0", "1, 3, 6, 4, 9, 15"}, {"1, 0", "0, 1, 3, 0, 4, 9"},
		{"0, 1", "6, 5, 3, 15, 11, 6"}, {"1, 1", "5, 3, 0, 11, 6, 0"}};
	Arena *arena = arena_new();
	for (int i = 0; i < 4; i++)
		expect_x("f32[2, 3]",
			arena_printf(arena,
				"%%y = cumulative %%x kind=\"sum\" axis=[1] flags=[%s] %%want = const f32[2, 3] {%s}",
				rows[i][0], rows[i][1]));
	arena_free(arena);
	expect_x("f32[2, 3]",
		"%y = cumulative %x kind=\"prod\" axis=[0] flags=[0, 0] %want = const f32[2, 3] {1, 2, 3, 4, 10, 18}");
	expect("i8[3]",
		"%x = const i8[3] {-5, 3, -9} %y = cumulative %x kind=\"max\" axis=[0] flags=[1, 0] %want = const i8[3] {-128, -5, 3}");
	expect("f16[3]",
		"%x = const f16[3] {1, nan, 2} %y = cumulative %x kind=\"max\" axis=[0] flags=[0, 0] %want = const f16[3] {1, nan, nan}");
	expect("i8[3]",
		"%x = const i8[3] {100, 100, 1} %y = cumulative %x kind=\"sum\" axis=[0] flags=[0, 0] %want = const i8[3] {100, -56, -55}");
	expect("i8[0]",
		"%x = const i8[0] {} %y = cumulative %x kind=\"sum\" axis=[0] flags=[0, 0] %want = const i8[0] {}");
	refuse_x("%y = cumulative %x kind=\"min\" axis=[0] flags=[0, 0]",
		"cumulative: kind must be one of sum, prod, max, seen min");
}

Test(ops, sort)
{
	expect("i64[7];i64[7]",
		"%x = const f32[7] {3, nan, -inf, 3, -0, 0, 5} %y = sort %x axis=[0] flags=[0]"
		"%want = const i64[7] {2, 4, 5, 0, 3, 6, 1} %y2 = sort %x axis=[0] flags=[1]"
		"%want2 = const i64[7] {1, 6, 0, 3, 4, 5, 2}");
	expect("i64[2, 3];i64[2, 3]",
		"%x = const i64[2, 3] {3, -1, 2, -9223372036854775808, 9223372036854775807, 0}"
		"%y = sort %x axis=[1] flags=[0] %want = const i64[2, 3] {1, 2, 0, 0, 2, 1}"
		"%y2 = sort %x axis=[0] flags=[0] %want2 = const i64[2, 3] {1, 0, 1, 0, 1, 0}");
	expect("i64[1000]",
		"%x = iota elem=u16 shape=[1000] axis=[0] %y = sort %x axis=[0] flags=[1]"
		"%i = iota elem=i64 shape=[1000] axis=[0] %want = slice %i start=[999] size=[1000] step=[-1]");
	expect("i64[0]", "%x = const f32[0] {} %y = sort %x axis=[0] flags=[0] %want = const i64[0] {}");
}
