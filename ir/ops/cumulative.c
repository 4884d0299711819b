/* cumulative x [kind axis flags]: running folds along the axis; kind: sum prod max; flags = exclusive reverse.
 *
 * Element t is the fold of x up to t, or up to t - 1 when exclusive (so the first is the fold of nothing); with reverse it
 * is that of x from t, or t + 1, to the end.  Running values are kept as in reduce: in f64, each result rounded once.
 */
#include "ir/prim.h"

#include <string.h>

INFER(cumulative)
{
	const Type *t = args[0]->type;
	fold_of(cx, op, &attrs[0], FOLD_MAX + 1, t->elem);
	want_axis(cx, op, &attrs[1], t);
	want_n(cx, op, &attrs[2], 2);
	for (int i = 0; i < 2; i++) want_int(cx, op, &attrs[2], i, 0, 1);
	return t;
}

EVAL(cumulative)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (x->count == 0) return;
	const int axis = (int)val_int(v, A_AXIS);
	const bool exclusive = val_ints(v, A_FLAGS)[0], reverse = val_ints(v, A_FLAGS)[1];
	const Fold fold = fold_of(e->cx, v->op, val_attr(v, A_KIND), FOLD_MAX + 1, x->elem);
	const Elem wide = elem_wide(x->elem);
	const int64_t n_steps = x->dims[axis], n_inner = product_of(x->rank - axis - 1, x->dims + axis + 1);
	for (int64_t i = 0; i < x->count; i += n_steps * n_inner) {
		for (int64_t k = 0; k < n_inner; k += BLOCK) { /* columns side by side */
			double acc[BLOCK], block[BLOCK];
			const int m = n_inner - k < BLOCK ? (int)(n_inner - k) : BLOCK;
			Tensor first = {.elem = x->elem, .count = 1, .data = (char[8]){0}};
			tensor_set(&first, 0, fold.identity);
			for (int j = 0; j < m; j++) load_wide(x->elem, first.data, 0, 1, acc, j);
			for (int64_t t = 0; t < n_steps; t++) {
				const int64_t at = i + (reverse ? n_steps - 1 - t : t) * n_inner + k;
				load_wide(x->elem, x->data, at, m, block, 0);
				if (exclusive) store_wide(y->elem, y->data, at, m, acc, 0);
				ew_apply(fold.op, wide, m, acc, block, acc);
				if (!exclusive) store_wide(y->elem, y->data, at, m, acc, 0);
			}
		}
	}
}

/* One step back through a running product, of rows: with s the sum of what the later ones pass on per unit of this one's product,
 *     inclusive:  s = g + c;  c' = x * s         exclusive:  s = c;  c' = g + x * c */
static const Graph *product_step(Ctx *cx, const Type *row, bool exclusive)
{
	const Val *c = val_param(cx, 0, row), *x = val_param(cx, 1, row), *g = val_param(cx, 2, row);
	const Val *s = exclusive ? c : b_ew2(cx, OP_EW_add, g, c);
	const Val *next = b_ew2(cx, OP_EW_mul, x, s);
	if (exclusive) next = b_ew2(cx, OP_EW_add, g, next);
	return graph_new(cx, "cumulative_product", 3, (const Val *[]){c, x, g}, (const char *[]){"c", "x", "g"}, 2,
		(const Val *[]){next, s}, (const char *[]){"c", "s"});
}

ADJOINT(cumulative)
{
	const Val *x = v->args[0];
	const int axis = (int)val_int(v, A_AXIS);
	const bool exclusive = val_ints(v, A_FLAGS)[0], reverse = val_ints(v, A_FLAGS)[1];
	const char *kind = val_str(v, A_KIND);
	if (strcmp(kind, "sum") == 0) {
		grads[0] = b_cumulative(cx, "sum", g, axis, exclusive, !reverse);
		return;
	}
	if (strcmp(kind, "prod") != 0) fail(cx, "cumulative of kind %s has no derivative", kind);
	const Val *rows = b_move_axis(cx, x, axis, 0);
	const Type *row = type_new(cx, x->type->elem, x->type->rank - 1, rows->type->dims + 1);
	const Val *args[] = {b_zeros(cx, row->elem, row->rank, row->dims), rows, b_move_axis(cx, g, axis, 0)};
	const Val *scan = b_scan(cx, product_step(cx, row, exclusive), 0, 1, 3, args, rows->type->dims[0], !reverse);
	grads[0] = b_ew2(cx, OP_EW_mul, b_cumulative(cx, "prod", x, axis, true, reverse),
		b_move_axis(cx, val_get(cx, scan, 1), 0, axis));
}
