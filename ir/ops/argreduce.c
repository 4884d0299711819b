/* argreduce x [kind axis flags]: the i64 index of the extreme element along the axis, which vanishes; kind: max min.
 *
 * Of equals the first is taken, with flags = 1 the last.  NaN wins, as in reduce.  An axis without elements has no extreme.
 */
#include "ir/prim.h"

enum { MAX };
static const char *const kinds[] = {"max", "min", NULL};

INFER(argreduce)
{
	const Type *t = args[0]->type;
	want_computable(cx, op, t->elem);
	want_kind(cx, op, &attrs[0], kinds);
	const int axis = want_axis(cx, op, &attrs[1], t);
	want_n(cx, op, &attrs[2], 1);
	want_int(cx, op, &attrs[2], 0, 0, 1);
	if (dim_is(t->dims[axis], 0)) fail(cx, "argreduce: dim %d of %s has no elements", axis, type_str(cx, t));
	const Dim **dims = dims_copy(cx, t, 0);
	for (int i = axis; i < t->rank - 1; i++) dims[i] = dims[i + 1];
	return type_new(cx, I64, t->rank - 1, dims);
}

EVAL(argreduce)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (y->count == 0) return;
	const int axis = (int)val_int(v, A_AXIS);
	const bool smallest = want_kind(e->cx, v->op, val_attr(v, A_KIND), kinds) != MAX, last = val_int(v, A_FLAGS);
	const int64_t n = x->dims[axis], n_inner = product_of(x->rank - axis - 1, x->dims + axis + 1);
	if (n == 0) eval_fail(e, v, "dim %d has no elements", axis);
	int64_t *winner = y->data;
	for (int64_t i = 0; i < y->count; i += n_inner) {
		for (int64_t k = 0; k < n_inner; k += BLOCK) {
			uint64_t best[BLOCK], keys[BLOCK];
			const int m = n_inner - k < BLOCK ? (int)(n_inner - k) : BLOCK;
			for (int64_t at = 0; at < n; at++) {
				load_keys(x->elem, x->data, i * n + at * n_inner + k, m, keys);
				for (int j = 0; j < m; j++) {
					const bool nan = elem_is_float(x->elem) && keys[j] == UINT64_MAX;
					const uint64_t key = smallest && !nan ? ~keys[j] : keys[j];
					if (at && (key < best[j] || (key == best[j] && !last))) continue;
					best[j] = key;
					winner[i + k + j] = at;
				}
			}
		}
	}
}
