/* test_onnx_operators.c: what is told of the operators of ONNX is what the importer does.
 *
 * Versions, attributes and arity are those of the specification, operators.md of ONNX; types those of its type constraints.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "frontend/onnx/import.h"

static const OnnxOperator *find(Ctx *cx, const char *name)
{
	const OnnxOperator *list;
	cr_assert_eq(onnx_operators(cx, name, &list), 1, "%s", name);
	return list;
}

Test(onnx_operators, of_the_tables)
{
	Ctx *cx = ctx_new();
	const OnnxOperator *o = find(cx, "Squeeze");
	cr_expect_str_eq(o->versions, "1.."); /* a row up to 12, one from 13 */
	cr_expect_str_eq(o->attrs, "axes");
	cr_expect_str_eq(o->texts, "");
	cr_expect_eq(o->min_in, 1);
	cr_expect_eq(o->max_in, 2);
	cr_expect_eq(o->max_out, 1);
	cr_expect(o->takes[F32] && o->takes[I64] && o->takes[BOOL] && o->takes[BF16]);
	cr_expect(o->takes[STR]);
	o = find(cx, "RegexFullMatch");
	for (int e = 0; e <= N_ELEMS; e++) cr_expect_eq(o->takes[e], e == STR);
	o = find(cx, "Scatter");
	cr_expect_str_eq(o->versions, "9..");
	o = find(cx, "LSTM");
	cr_expect_eq(o->max_in, 8);
	cr_expect_eq(o->max_out, 3);
	ctx_free(cx);
}

Test(onnx_operators, of_the_library)
{
	Ctx *cx = ctx_new();
	const OnnxOperator *o = find(cx, "Softmax");
	cr_expect_str_eq(o->versions, "1..");
	cr_expect_str_eq(o->texts, "softmax_1 softmax"); /* the older one first */
	cr_expect(o->takes[F64] && o->takes[F16] && !o->takes[I32] && !o->takes[BOOL]);
	o = find(cx, "Affine");
	cr_expect_str_eq(o->versions, "1..9");
	o = find(cx, "Not");
	cr_expect(o->takes[BOOL] && !o->takes[F32]);
	ctx_free(cx);
}

Test(onnx_operators, all_by_name)
{
	Ctx *cx = ctx_new();
	const OnnxOperator *list;
	const int n = onnx_operators(cx, NULL, &list);
	cr_expect_geq(n, 190);
	for (int i = 1; i < n; i++) {
		const int order = strcmp(list[i - 1].domain, list[i].domain);
		cr_expect(order < 0 || (order == 0 && strcmp(list[i - 1].name, list[i].name) < 0), "%s", list[i].name);
	}
	cr_expect_eq(onnx_operators(cx, "NoSuchOperator", &list), 0);
	ctx_free(cx);
}
