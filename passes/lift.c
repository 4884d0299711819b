/* lift.c: a primitive of one step as the same primitive of all steps: every one maps over a leading axis.
 *
 * An operand is stacked (it has the steps as first dim) or the same in every step.  The latter stays as it is where the
 * primitive allows it (a weight in a contract, a table in a gather), else it is expanded, which costs nothing.
 */
#include "passes/rewrite.h"

#include <assert.h>
#include <string.h>

bool can_lift(const Val *v, const bool *stacked)
{
	switch (v->op) {
	case OP_scan:
	case OP_loop:
	case OP_cond:
	case OP_call:
	case OP_get:
	case OP_size:
	case OP_after:
	case OP_scatter_nd:
	case OP_param: return false;
	case OP_pad: return !stacked[1]; /* padding is one number */
	default: return true;
	}
}

static const Val *expand_steps(Ctx *cx, const Val *x, bool stacked, const Dim *length)
{
	return stacked ? x : b_expand(cx, x, x->type->rank + 1, dims_front(cx, length, x->type));
}

static Attr plus_one(Ctx *cx, const Attr *a)
{
	int64_t *ints = NEWN(cx->arena, int64_t, a->n);
	for (int i = 0; i < a->n; i++) ints[i] = a->ints[i] + 1;
	return attr_ints(a->key, a->n, ints);
}

static Attr with_front(Ctx *cx, const Attr *a, const Dim *front)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, a->n + 1);
	dims[0] = front;
	if (a->n) memcpy(dims + 1, a->dims, sizeof *dims * (size_t)a->n);
	return attr_dims(a->key, a->n + 1, dims);
}

/* The attributes with the new axis in front. */
static const Attr *lift_attrs(Ctx *cx, const Val *v, const Dim *length)
{
	Attr *attrs = arena_copy(cx->arena, v->attrs, sizeof *attrs * (size_t)v->n_attrs);
	for (int i = 0; i < v->n_attrs; i++) {
		const Attr *a = &v->attrs[i];
		int64_t *ints = NEWN(cx->arena, int64_t, a->n + 1);
		switch (a->key) {
		case A_SHAPE:
		case A_SIZE: attrs[i] = with_front(cx, a, length); break;
		case A_START:
		case A_LO:
		case A_HI: attrs[i] = with_front(cx, a, dim_int(cx, 0)); break;
		case A_AXIS:
		case A_AXES:
		case A_BATCH: attrs[i] = plus_one(cx, a); break;
		case A_PERM:
			for (int k = 0; k < a->n; k++) ints[k + 1] = a->ints[k] + 1;
			attrs[i] = attr_ints(A_PERM, a->n + 1, ints);
			break;
		case A_STEP:
			ints[0] = 1;
			memcpy(ints + 1, a->ints, sizeof *ints * (size_t)a->n);
			attrs[i] = attr_ints(A_STEP, a->n + 1, ints);
			break;
		default:
			assert(a->key == A_ELEM || a->key == A_WINDOW || a->key == A_KIND || a->key == A_FLAGS ||
				a->key == A_NAME);
		}
	}
	return attrs;
}

/* Its dims stand at the right, under those that the expansion adds. */
static const Val *lift_expand(Ctx *cx, const Val *v, const Val *x, const Dim *length)
{
	int rank = v->type->rank, extra = rank + 1 - x->type->rank;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank + 1);
	dims[0] = length;
	for (int i = 1; i <= rank; i++) dims[i] = i <= extra ? dim_int(cx, 1) : x->type->dims[i - extra];
	return b_expand(cx, b_reshape(cx, x, rank + 1, dims), rank + 1, dims_front(cx, length, v->type));
}

static const Val *lift_contract(Ctx *cx, const Val *v, const Val *const *args, const bool *stacked)
{
	Letters s = letters_of(v);
	char t[2] = {letters_new(&s)}, parts[3][MAX_LETTERS + 1];
	if (!t[0]) fail(cx, "contract: more than 51 letters under a scan");
	for (int k = 0; k < 3; k++) {
		strcpy(parts[k], k == 2 || stacked[k] ? t : "");
		strcat(parts[k], s.of[k]);
	}
	return b_contract(cx, arena_printf(cx->arena, "%s,%s->%s", parts[0], parts[1], parts[2]), args[0], args[1]);
}

static const Val *lift_gather(Ctx *cx, const Val *v, const Val *const *args, const bool *stacked)
{
	const Val *x = args[0], *idx = args[1];
	int axis = (int)val_int(v, A_AXIS), n = idx->type->rank - 1;
	if (!stacked[1]) return b_gather(cx, x, idx, axis + 1);
	if (!stacked[0]) return b_move_axis(cx, b_gather(cx, x, idx, axis), axis, 0);
	const Val *y = b_gather_nd(cx, b_move_axis(cx, x, axis + 1, 1), b_unsqueeze(cx, idx, n + 1), 1);
	int rank = y->type->rank,
	    *perm = NEWN(cx->arena, int, rank); /* steps, indices, dims before the axis, dims after it */
	for (int i = 0; i < rank; i++) perm[i] = i == 0 ? 0 : i <= axis ? i + n : i <= axis + n ? i - axis : i;
	return b_permute(cx, y, perm);
}

const Val *lift(Ctx *cx, const Val *v, const Val *const *args, const bool *stacked, const Dim *length)
{
	assert(can_lift(v, stacked));
	switch (v->op) {
	case OP_expand: return lift_expand(cx, v, args[0], length);
	case OP_contract: return lift_contract(cx, v, args, stacked);
	case OP_gather: return lift_gather(cx, v, args, stacked);
	case OP_gather_nd:
		if (!stacked[0] && val_int(v, A_BATCH) == 0) return b_gather_nd(cx, args[0], args[1], 0);
		break;
	default: break;
	}
	const Val **all = NEWN(cx->arena, const Val *, v->n_args);
	for (int i = 0; i < v->n_args; i++)
		all[i] = v->op == OP_pad && i == 1 ? args[i] : expand_steps(cx, args[i], stacked[i], length);
	return val_with_attrs(cx, v, all, lift_attrs(cx, v, length));
}
