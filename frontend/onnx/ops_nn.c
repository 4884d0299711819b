/* ops_nn.c: MatMul and Gemm: one contraction each. */
#include "frontend/onnx/nn.h"

#include <math.h>

const Val *matmul(const Node *n, const Val *a, const Val *b)
{
	int ra = a->type->rank, rb = b->type->rank;
	if (ra == 0 || rb == 0)
		node_fail(n, "at least one dim wanted, %s and %s seen", type_str(n->cx, a->type),
			type_str(n->cx, b->type));
	node_same_dim(n, a->type->dims[ra - 1], b->type->dims[rb > 1 ? rb - 2 : 0], "the inner dims");
	for (int i = 3; i <= ra && i <= rb; i++) {
		const Dim *da = a->type->dims[ra - i], *db = b->type->dims[rb - i];
		if (!dim_is(da, 1) && !dim_is(db, 1)) node_same_dim(n, da, db, "the batch dims");
	}
	return b_matmul(n->cx, a, b);
}

static void import_matmul(Node *n, const Val **out) { out[0] = matmul(n, node_in(n, 0, "A"), node_in(n, 1, "B")); }

/* x times an attribute; of integers a whole number only. */
static const Val *scaled(const Node *n, const Val *x, const char *attr)
{
	double factor = node_float(n, attr, 1);
	if (factor == 1) return x;
	if (!elem_is_float(x->type->elem) && factor != trunc(factor))
		node_fail(n, "attribute %s: %g times integers is not supported", attr, factor);
	return with_number(n->cx, OP_EW_mul, x, factor);
}

static void import_gemm(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *a = node_in(n, 0, "A"), *b = node_in(n, 1, "B"), *c = node_opt(n, 2);
	if (a->type->rank != 2 || b->type->rank != 2)
		node_fail(n, "matrices wanted, %s and %s seen", type_str(cx, a->type), type_str(cx, b->type));
	bool ta = node_int(n, "transA", 0) != 0, tb = node_int(n, "transB", 0) != 0;
	node_same_dim(n, a->type->dims[ta ? 0 : 1], b->type->dims[tb ? 1 : 0], "the inner dims");
	const Val *y = b_contract(cx, arena_printf(cx->arena, "%s,%s->mn", ta ? "km" : "mk", tb ? "nk" : "kn"), a, b);
	y = scaled(n, y, "alpha");
	if (c && node_float(n, "beta", 1) != 0) {
		for (int i = 1; i <= c->type->rank && i <= 2; i++) {
			const Dim *d = c->type->dims[c->type->rank - i];
			if (!dim_is(d, 1))
				node_same_dim(n, y->type->dims[2 - i], d, "the result's dims and those of C");
		}
		if (n->opset < 7 && !node_int(n, "broadcast", 0) && c->type != y->type)
			node_fail(n, "input C: %s wanted without broadcast, %s seen", type_str(cx, y->type),
				type_str(cx, c->type));
		const Val *sum = binary(cx, OP_EW_add, y, scaled(n, c, "beta"));
		if (sum->type != y->type)
			node_fail(n, "input C: %s does not broadcast to %s", type_str(cx, c->type),
				type_str(cx, y->type));
		y = sum;
	}
	out[0] = y;
}

const Importer onnx_ops_nn[] = {
	{"", "MatMul", 1, 0, "", 2, 2, 1, import_matmul},
	{"", "Gemm", 1, 6, "alpha beta broadcast transA transB", 3, 3, 1, import_gemm},
	{"", "Gemm", 7, 0, "alpha beta transA transB", 2, 3, 1, import_gemm},
	{.op = NULL},
};
