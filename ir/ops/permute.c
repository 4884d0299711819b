/* permute x [perm]: dim i of the result is dim perm[i] of x. */
#include "ir/prim.h"

INFER(permute)
{
	const Type *t = args[0]->type;
	want_n(cx, op, &attrs[0], t->rank);
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	bool *taken = NEWN(cx->arena, bool, t->rank);
	for (int i = 0; i < t->rank; i++) {
		const int64_t from = want_int(cx, op, &attrs[0], i, 0, t->rank - 1);
		if (taken[from]) fail(cx, "permute: dim %lld twice in perm", (long long)from);
		taken[from] = true;
		dims[i] = t->dims[from];
	}
	return type_new(cx, t->elem, t->rank, dims);
}

EVAL(permute)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	const int64_t *perm = val_ints(v, A_PERM), *strides = strides_of(e, x->rank, x->dims);
	int64_t *from = eval_memory(e, x->rank, sizeof *from);
	for (int i = 0; i < x->rank; i++) from[i] = strides[perm[i]];
	copy_strided(
		e, elem_info[x->elem].size, y->rank, y->dims, y->data, strides_of(e, y->rank, y->dims), x->data, from);
	results[0] = y;
}

ADJOINT(permute)
{
	int *back = NEWN(cx->arena, int, v->type->rank);
	for (int i = 0; i < v->type->rank; i++) back[val_ints(v, A_PERM)[i]] = i;
	grads[0] = b_permute(cx, g, back);
}
