/* simplify_compute.c: contracts, reductions and their like that do less work, or none.
 *
 * A contract takes permutations of its operands into its spec, and leaves out dims of 1 and dims that an expansion repeats.
 * Without a summed letter it is a product.  Over a concatenation, with a constant, it is a sum of contracts on the parts:
 * what depends on the input then separates from what depends on the state.  Constants that only ever meet the zeros of a pad,
 * as the outer taps of a convolution of few steps do, are cut off.
 */
#include "passes/rewrite.h"

#include <math.h>
#include <string.h>

static const Val *contract(Ctx *cx, const Letters *s, const Val *const *args)
{
	return b_contract(cx, letters_text(cx, s), args[0], args[1]);
}


/* ---- contract ---- */

static const Val *absorb_permute(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v), old = s;
	const Val *args[2] = {v->args[0], v->args[1]};
	bool any = false;
	for (int k = 0; k < 2; k++) {
		if (args[k]->op != OP_permute) continue;
		any = true;
		for (int i = 0; i < args[k]->type->rank; i++) s.of[k][val_ints(args[k], A_PERM)[i]] = old.of[k][i];
		args[k] = args[k]->args[0];
	}
	return any ? contract(cx, &s, args) : NULL;
}

/* x without the dims whose letters are not in the spec any more. */
static const Val *drop_dims(Ctx *cx, const Val *x, const char *old, const char *letters)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, x->type->rank);
	int n = 0;
	for (int i = 0; old[i]; i++)
		if (strchr(letters, old[i])) dims[n++] = x->type->dims[i];
	return b_reshape(cx, x, n, dims);
}

static const Val *drop_ones(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v), old = s;
	bool any = false;
	for (int k = 0; k < 2; k++)
		for (int i = 0; old.of[k][i]; i++)
			if (dim_is(v->args[k]->type->dims[i], 1)) {
				for (int w = 0; w < 3; w++) letters_drop(&s, w, old.of[k][i]);
				any = true;
			}
	if (!any) return NULL;
	const Val *args[2];
	for (int k = 0; k < 2; k++) args[k] = drop_dims(cx, v->args[k], old.of[k], s.of[k]);
	return b_reshape(cx, contract(cx, &s, args), v->type->rank, v->type->dims);
}

/* A dim that an expansion repeats needs no product for each copy: where the other operand or the result has its letter, the
 * operand does without. */
static const Val *drop_expanded(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v), old = s;
	const Val *args[2] = {v->args[0], v->args[1]};
	bool any = false;
	for (int k = 0; k < 2; k++) {
		const Val *x = v->args[k];
		if (x->op != OP_expand) continue;
		const Val *small = x->args[0];
		int rank = x->type->rank, extra = rank - small->type->rank;
		const Dim **kept = NEWN(cx->arena, const Dim *, rank), **dims = NEWN(cx->arena, const Dim *, rank);
		int n = 0;
		bool dropped = false;
		for (int i = 0; i < rank; i++) {
			char c = old.of[k][i];
			bool repeated =
				i < extra || (dim_is(small->type->dims[i - extra], 1) && !dim_is(x->type->dims[i], 1));
			if (repeated && (letters_find(&s, !k, c) >= 0 || letters_find(&s, 2, c) >= 0)) {
				letters_drop(&s, k, c);
				if (letters_find(&s, !k, c) < 0) letters_drop(&s, 2, c);
				dropped = true;
				continue;
			}
			kept[n] = repeated ? dim_int(cx, 1) : small->type->dims[i - extra];
			dims[n++] = x->type->dims[i];
		}
		if (dropped) args[k] = b_expand(cx, b_reshape(cx, small, n, kept), n, dims);
		any |= dropped;
	}
	if (!any) return NULL;
	const Val *y = contract(cx, &s, args);
	const Dim **dims = NEWN(cx->arena, const Dim *, v->type->rank);
	for (int i = 0; old.of[2][i]; i++)
		dims[i] = letters_find(&s, 2, old.of[2][i]) >= 0 ? v->type->dims[i] : dim_int(cx, 1);
	return b_expand(cx, b_reshape(cx, y, v->type->rank, dims), v->type->rank, v->type->dims);
}

/* x with the dims of the result, in its order; 1 where it has none. */
static const Val *align(Ctx *cx, const Val *x, const char *letters, const char *result)
{
	int *perm = NEWN(cx->arena, int, x->type->rank);
	const Dim **dims = NEWN(cx->arena, const Dim *, (int)strlen(result));
	int n = 0, rank = 0;
	for (; result[rank]; rank++) {
		const char *at = strchr(letters, result[rank]);
		dims[rank] = at ? x->type->dims[at - letters] : dim_int(cx, 1);
		if (at) perm[n++] = (int)(at - letters);
	}
	return b_reshape(cx, b_permute(cx, x, perm), rank, dims);
}

static bool has_sum(const Letters *s)
{
	for (int k = 0; k < 2; k++)
		for (int i = 0; s->of[k][i]; i++)
			if (letters_find(s, 2, s->of[k][i]) < 0) return true;
	return false;
}

static const Val *as_product(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v);
	if (has_sum(&s)) return NULL;
	return b_ew2(cx, OP_EW_mul, align(cx, v->args[0], s.of[0], s.of[2]), align(cx, v->args[1], s.of[1], s.of[2]));
}

static bool is_finite(const Val *v)
{
	while (v->op != OP_const) v = v->args[0];
	const Tensor *t = val_attr(v, A_DATA)->tensor;
	for (int64_t i = 0; elem_is_float(t->elem) && i < t->count; i++)
		if (!isfinite(tensor_get(t, i))) return false;
	return true;
}

/* Zeros times what is known to be finite. */
static const Val *as_zero(Ctx *cx, const Val *v)
{
	for (int k = 0; k < 2; k++) {
		const Val *other = v->args[!k];
		bool finite = !elem_is_float(v->type->elem) || (is_constant(other) && is_finite(other));
		if ((fill_is(v->args[k], 0) || fill_is(v->args[k], -0.0)) && finite) return make_fill(cx, v->type, 0);
	}
	return NULL;
}

static const Val *split_concat(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v);
	for (int k = 0; k < 2; k++) {
		const Val *x = v->args[k], *w = v->args[!k], *sum = NULL;
		if (x->op != OP_concat || !is_constant(w)) continue;
		char c = s.of[k][val_int(x, A_AXIS)];
		int axis = letters_find(&s, !k, c);
		if (axis < 0 || letters_find(&s, 2, c) >= 0) continue;
		const Dim *at = dim_int(cx, 0);
		for (int i = 0; i < x->n_args; i++) {
			const Dim *n = x->args[i]->type->dims[val_int(x, A_AXIS)];
			const Val *args[2];
			args[k] = x->args[i];
			args[!k] = b_slice(cx, w, axis, at, n, 1);
			const Val *y = contract(cx, &s, args);
			sum = sum ? b_ew2(cx, OP_EW_add, sum, y) : y;
			at = dim_add(cx, at, n);
		}
		return sum;
	}
	return NULL;
}

/* A sum over a padded dim, with a constant: over what was padded, with the part of the constant that meets it. */
static const Val *drop_padding(Ctx *cx, const Val *v)
{
	Letters s = letters_of(v);
	for (int k = 0; k < 2; k++) {
		const Val *x = v->args[k], *w = v->args[!k], *pad = x->op == OP_reshape ? x->args[0] : x;
		if (pad->op != OP_pad || !fill_is(pad->args[1], 0) || !is_constant(w) || !is_finite(w)) continue;
		int rank = pad->type->rank, *of = NEWN(cx->arena, int, x->type->rank);
		const Dim **lo = NEWN(cx->arena, const Dim *, rank), **hi = NEWN(cx->arena, const Dim *, rank);
		const Dim **dims = NEWN(cx->arena, const Dim *, x->type->rank);
		memcpy(lo, val_dims(pad, A_LO), sizeof *lo * (size_t)rank);
		memcpy(hi, val_dims(pad, A_HI), sizeof *hi * (size_t)rank);
		reshape_dims(pad->type, x->type, of);
		bool any = false;
		for (int i = 0; i < x->type->rank; i++) {
			int d = x == pad ? i : of[i], axis = letters_find(&s, !k, s.of[k][i]);
			dims[i] = x->type->dims[i];
			bool summed = axis >= 0 && letters_find(&s, 2, s.of[k][i]) < 0;
			if (d < 0 || !summed || dim_lo(lo[d]) < 0 || dim_lo(hi[d]) < 0 ||
				(dim_is(lo[d], 0) && dim_is(hi[d], 0)))
				continue;
			dims[i] = pad->args[0]->type->dims[d];
			w = b_slice(cx, w, axis, lo[d], dims[i], 1);
			lo[d] = hi[d] = dim_int(cx, 0);
			any = true;
		}
		const Val *args[2];
		args[k] = b_reshape(cx, b_pad(cx, pad->args[0], lo, hi, pad->args[1]), x->type->rank, dims);
		args[!k] = w;
		if (any) return contract(cx, &s, args);
	}
	return NULL;
}

static const Val *simplify_contract(Ctx *cx, const Val *v)
{
	static const Val *(*const rules[])(Ctx *, const Val *) = {
		absorb_permute,
		drop_ones,
		drop_expanded,
		as_product,
		as_zero,
		split_concat,
		drop_padding,
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const Val *y = rules[i](cx, v);
		if (y) return y;
	}
	return NULL;
}

/* ---- reductions ---- */

static const Val *simplify_reduce(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	const Attr *axes = val_attr(v, A_AXES);
	const Dim **dims = NEWN(cx->arena, const Dim *, x->type->rank);
	int *left = NEWN(cx->arena, int, axes->n), n_left = 0, rank = 0;
	for (int i = 0, a = 0; i < x->type->rank; i++) {
		bool reduced = a < axes->n && axes->ints[a] == i;
		a += reduced;
		if (reduced && dim_is(x->type->dims[i], 1)) continue;
		if (reduced) left[n_left++] = rank;
		dims[rank++] = x->type->dims[i];
	}
	if (n_left == axes->n && n_left) return NULL;
	return b_reduce(cx, val_str(v, A_KIND), b_reshape(cx, x, rank, dims), n_left, left, false);
}

const Val *simplify_compute(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	if (v->op == OP_contract) return simplify_contract(cx, v);
	if (v->op == OP_reduce) return simplify_reduce(cx, v);
	if (!dim_is(x->type->dims[val_int(v, A_AXIS)], 1)) return NULL;
	if (v->op == OP_argreduce || v->op == OP_sort) return make_fill(cx, v->type, 0);
	return val_ints(v, A_FLAGS)[0] ? NULL : x; /* an inclusive cumulation of one element */
}
