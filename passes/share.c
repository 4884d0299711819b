/* share.c: elements of less than a byte share bytes where memory is not our own: arguments, results, states and constants.
 *
 * What comes in is u8[bytes] and is unpacked by shifts where it is read, which fuses with the reader; a result is packed by
 * the kernel that makes it.  The first element stands in the low bits, as in ONNX's files; bits beyond the last are 0.
 * In the workspace each element has a byte of its own, so that threads never write one byte together.
 *
 * Requires: nothing.  Keeps: names and order of parameters and results; what does not share stays the same value.
 */
#include "passes/passes.h"

enum { BYTE = 8 };

static bool shares(const Type *t) { return elem_info[t->elem].bits < BYTE; }

static const Type *packed_type(Ctx *cx, const Type *t)
{
	const Dim *bytes = dim_ceildiv(cx, type_count(cx, t), dim_int(cx, BYTE / elem_info[t->elem].bits));
	return type_new(cx, U8, 1, &bytes);
}

static Elem unsigned_of(Elem elem) { return elem_info[elem].bits == 4 ? U4 : U2; }

static const Val *bits_as(Ctx *cx, const Val *x, Elem elem)
{
	const Attr to = attr_elem(elem);
	return x->type->elem == elem ? x : val_new(cx, OP_EW_bitcast, 1, &x, &to);
}

/* 0, bits, 2 bits ...: how far each element of a byte is shifted; u8[each]. */
static const Val *shifts(Ctx *cx, int bits)
{
	const int64_t each = BYTE / bits;
	Tensor *t = tensor_new(cx->arena, U8, 1, &each);
	for (int64_t i = 0; i < each; i++) tensor_set_int(t, i, i * bits);
	return val_const(cx, t);
}

static const Val *unpacked(Ctx *cx, const Val *bytes, const Type *t)
{
	const int bits = elem_info[t->elem].bits;
	const Dim *rows = bytes->type->dims[0], *each = dim_int(cx, BYTE / bits), *all = dim_mul(cx, rows, each);
	const Val *x = b_ew2(cx, OP_EW_shr, b_unsqueeze(cx, bytes, 1), shifts(cx, bits));
	x = b_reshape(cx, x, 1, &all);
	x = b_slice(cx, x, 0, dim_int(cx, 0), type_count(cx, t), 1);
	return b_reshape(cx, bits_as(cx, b_cast(cx, x, unsigned_of(t->elem)), t->elem), t->rank, t->dims);
}

static const Val *packed(Ctx *cx, const Val *x)
{
	const Type *t = x->type;
	const int bits = elem_info[t->elem].bits, each = BYTE / bits;
	const Dim *count = type_count(cx, t), *rows = packed_type(cx, t)->dims[0];
	const Dim *all = dim_mul(cx, rows, dim_int(cx, each)), *zero = dim_int(cx, 0), *more = dim_int(cx, each - 1);
	const Val *u = b_reshape(cx, b_cast(cx, bits_as(cx, x, unsigned_of(t->elem)), U8), 1, &count);
	if (count != all) u = b_slice(cx, b_pad(cx, u, &zero, &more, b_scalar_int(cx, U8, 0)), 0, zero, all, 1);
	u = b_reshape(cx, u, 2, (const Dim *[]){rows, dim_int(cx, each)});
	const Val *y = NULL;
	for (int i = 0; i < each; i++) {
		const Val *one = b_reshape(cx, b_slice(cx, u, 1, dim_int(cx, i), dim_int(cx, 1), 1), 1, &rows);
		one = i ? b_ew2(cx, OP_EW_shl, one, b_scalar_int(cx, U8, i * bits)) : one;
		y = y ? b_ew2(cx, OP_EW_or, y, one) : one;
	}
	return y;
}

static const Val *share_const(Rewrite *rw, const Val *old, const Val *const *args)
{
	(void)args;
	if (old->op != OP_const || !shares(old->type)) return NULL;
	const Tensor *t = val_attr(old, A_DATA)->tensor;
	return t->count > 1 ? unpacked(rw->cx, val_const(rw->cx, tensor_packed(rw->cx->arena, t)), old->type) : NULL;
}

const Graph *pass_share(Ctx *cx, const Graph *g)
{
	Rewrite rw = {.fn = share_const};
	const Graph *inner = graph_rewrite(cx, g, &rw);
	bool any = false;
	for (int i = 0; i < g->n_params; i++) any |= shares(g->params[i]->type);
	for (int i = 0; i < g->n_results; i++) any |= shares(g->results[i]->type);
	if (!any) return inner;
	const Val **params = NEWN(cx->arena, const Val *, g->n_params),
		  **args = NEWN(cx->arena, const Val *, g->n_params);
	const Val **results = NEWN(cx->arena, const Val *, g->n_results);
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		params[i] = shares(t) ? val_param(cx, i, packed_type(cx, t)) : g->params[i];
		args[i] = shares(t) ? unpacked(cx, params[i], t) : params[i];
	}
	graph_splice(cx, inner, args, results);
	for (int i = 0; i < g->n_results; i++)
		if (shares(results[i]->type)) results[i] = packed(cx, results[i]);
	return graph_new(cx, g->name, g->n_params, params, g->param_names, g->n_results, results, g->result_names);
}
