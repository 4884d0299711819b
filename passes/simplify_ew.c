/* simplify_ew.c: element-wise identities that hold for every bit pattern but a NaN's payload, and operations on expanded
 * values done before the expansion.
 *
 * x + 0 is not x where x may be -0, so floats keep it; x - 0 and x + (-0) are x.  x * 0 is not 0 (NaN, Inf, -0).
 */
#include "passes/rewrite.h"

#include <math.h>
#include <string.h>

/* With a fill as one operand: max(-0, +0) is the one that comes first. */
static bool is_commutative(const Val *v, const Val *fill)
{
	switch (v->op) {
	case OP_EW_min:
	case OP_EW_max: return !elem_is_float(fill->type->elem) || tensor_get(fill_of(fill), 0) != 0;
	case OP_EW_add:
	case OP_EW_mul:
	case OP_EW_eq:
	case OP_EW_ne:
	case OP_EW_and:
	case OP_EW_or:
	case OP_EW_xor: return true;
	default: return false;
	}
}

/* Does the second type hold every number of the first? */
static bool holds(Elem from, Elem to)
{
	static const int digits[N_ELEMS] = {[F64] = 53, [F32] = 24, [F16] = 11, [BF16] = 8};
	const ElemInfo *a = &elem_info[from], *b = &elem_info[to];
	int bits = a->cls == 'b' ? 1 : a->cls == 'f' ? digits[from] : a->bits - (a->cls == 'i');
	if (from == to) return true;
	if (a->cls == 'f') return to == F64 || (to == F32 && from != F64);
	if (b->cls == 'f') /* and none is beyond its range: f16 has 11 digits and reaches 65504 */
		return bits <= digits[to];
	if (b->cls == 'b') return false;
	return b->cls == 'i' ? bits <= b->bits - 1 : a->cls != 'i' && bits <= b->bits;
}

/* What is left of floats as integers, in floats, which codegen computes in lanes: + 0 makes -0 the 0 that integers have. */
static const Val *rounded_to_zero(Ctx *cx, const Val *x, Elem integers)
{
	const int bits = elem_info[integers].bits, sign = elem_info[integers].cls == 'i';
	const Val *least = make_fill(cx, x->type, sign ? -ldexp(1, bits - 1) : 0),
		  *most = make_fill(cx, x->type, ldexp(1, bits - sign) - 1), *zero = make_fill(cx, x->type, 0),
		  *y = b_ew2(cx, OP_EW_max, b_ew1(cx, OP_EW_trunc, x), least);
	y = b_ew2(cx, OP_EW_add, b_ew2(cx, OP_EW_min, y, most), zero);
	return b_select(cx, b_ew2(cx, OP_EW_eq, x, x), y, zero);
}

static const Val *simplify_cast(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	const Elem elem = v->type->elem;
	if (x->type->elem == elem) return x;
	if (x->op != OP_EW_cast) return NULL;
	if (holds(x->args[0]->type->elem, x->type->elem)) return b_cast(cx, x->args[0], elem);
	if (x->args[0]->type->elem == elem && (elem == F32 || elem == F64) && elem_is_int(x->type->elem))
		return rounded_to_zero(cx, x->args[0], x->type->elem);
	return NULL;
}

static const Val *simplify_bitcast(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	if (x->type->elem == v->type->elem) return x;
	if (x->op == OP_EW_bitcast && x->type->elem != BOOL) return val_with(cx, v, x->args);
	return NULL;
}

/* A fill with all bits set: true, or -1. */
static bool is_ones(const Val *v)
{
	const Tensor *t = fill_of(v);
	if (!t || elem_is_float(t->elem)) return false;
	if (t->elem == BOOL) return tensor_get_int(t, 0) != 0;
	int bits = elem_info[t->elem].bits;
	return ((uint64_t)tensor_get_int(t, 0) << (64 - bits)) == UINT64_MAX << (64 - bits);
}

static const Val *identity_of_equals(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0];
	bool exact = !elem_is_float(x->type->elem); /* a NaN is not equal to itself, Inf - Inf is not 0 */
	switch (v->op) {
	case OP_EW_min:
	case OP_EW_max:
	case OP_EW_and:
	case OP_EW_or: return x;
	case OP_EW_sub:
	case OP_EW_xor: return exact ? make_fill(cx, v->type, 0) : NULL;
	case OP_EW_eq:
	case OP_EW_le:
	case OP_EW_ge: return exact ? make_fill(cx, v->type, 1) : NULL;
	case OP_EW_ne:
	case OP_EW_lt:
	case OP_EW_gt: return exact ? make_fill(cx, v->type, 0) : NULL;
	default: return NULL;
	}
}

static const Val *identity_with_fill(Ctx *cx, const Val *v)
{
	const Val *x = v->args[0], *y = v->args[1];
	Elem elem = x->type->elem;
	bool is_float = elem_is_float(elem), zero = fill_is(y, 0), one = fill_is(y, 1);
	switch (v->op) {
	case OP_EW_add: return (is_float ? fill_is(y, -0.0) : zero) ? x : NULL;
	case OP_EW_sub: return zero ? x : fill_is(x, 0) && !is_float ? b_ew1(cx, OP_EW_neg, y) : NULL;
	case OP_EW_mul: return one ? x : zero && !is_float ? y : fill_is(y, -1) ? b_ew1(cx, OP_EW_neg, x) : NULL;
	case OP_EW_div: return one ? x : NULL;
	case OP_EW_pow:
		if (one) return x;
		return fill_is(y, 2) && elem != F64 ? b_ew2(cx, OP_EW_mul, x, x) : NULL;
	case OP_EW_min: return is_float && fill_is(y, INFINITY) ? x : NULL;
	case OP_EW_max: return is_float && fill_is(y, -INFINITY) ? x : NULL;
	case OP_EW_and: return zero ? y : is_ones(y) ? x : NULL;
	case OP_EW_or: return zero ? x : is_ones(y) ? y : NULL;
	case OP_EW_xor: return zero ? x : is_ones(y) ? b_ew1(cx, OP_EW_not, x) : NULL;
	case OP_EW_eq:
	case OP_EW_ne: /* truth compared with truth */
		if (elem != BOOL || !fill_of(y)) return NULL;
		return is_ones(y) == (v->op == OP_EW_eq) ? x : b_ew1(cx, OP_EW_not, x);
	case OP_EW_shl:
	case OP_EW_shr: return zero ? x : NULL;
	default: return NULL;
	}
}

static const Val *simplify_one(const Val *v)
{
	const Val *x = v->args[0];
	if ((v->op == OP_EW_neg || v->op == OP_EW_not) && x->op == v->op) return x->args[0];
	/* What has been done needs not be done again. */
	bool whole = x->op == OP_EW_floor || x->op == OP_EW_ceil || x->op == OP_EW_trunc || x->op == OP_EW_round;
	if (whole && (v->op == OP_EW_floor || v->op == OP_EW_ceil || v->op == OP_EW_trunc || v->op == OP_EW_round))
		return x;
	if (v->op == OP_EW_abs && x->op == OP_EW_abs) return x;
	return NULL;
}

static const Val *simplify_select(Ctx *cx, const Val *v)
{
	const Val *cond = v->args[0], *a = v->args[1], *b = v->args[2];
	if (a == b) return a;
	if (fill_of(cond)) return is_ones(cond) ? a : b;
	if (cond->op == OP_EW_not) return b_select(cx, cond->args[0], b, a);
	if (a->type->elem == BOOL && fill_of(a) && fill_of(b)) /* not equal, so true and false in some order */
		return is_ones(a) ? cond : b_ew1(cx, OP_EW_not, cond);
	return NULL;
}

/* op(expand x, expand y) = expand op(x, y), where each operand is an expansion of the same small shape or of a scalar. */
static const Val *sink_expands(Ctx *cx, const Val *v)
{
	const Type *small = NULL;
	for (int i = 0; i < v->n_args; i++) {
		if (v->args[i]->op != OP_expand) return NULL;
		const Type *t = v->args[i]->args[0]->type;
		if (!small || small->rank == 0) small = t;
		else if (t->rank &&
			(t->rank != small->rank ||
				memcmp(t->dims, small->dims, sizeof *t->dims * (size_t)t->rank) != 0))
			return NULL;
	}
	const Val *args[3];
	for (int i = 0; i < v->n_args; i++) args[i] = b_expand(cx, v->args[i]->args[0], small->rank, small->dims);
	return b_expand(cx, val_with(cx, v, args), v->type->rank, v->type->dims);
}

const Val *simplify_ew(Ctx *cx, const Val *v)
{
	const Val *better = NULL;
	if (v->op == OP_EW_cast) {
		better = simplify_cast(cx, v);
	} else if (v->op == OP_EW_bitcast) {
		better = simplify_bitcast(cx, v);
	} else if (v->op == OP_EW_select) {
		better = simplify_select(cx, v);
	} else if (v->n_args == 1) {
		better = simplify_one(v);
	} else {
		if (fill_of(v->args[0]) && !fill_of(v->args[1]) && is_commutative(v, v->args[0]))
			return val_with(cx, v, (const Val *[]){v->args[1], v->args[0]});
		if (v->args[0] == v->args[1]) better = identity_of_equals(cx, v);
		if (!better) better = identity_with_fill(cx, v);
		if (!better) better = simplify_comparison(cx, v);
	}
	return better ? better : sink_expands(cx, v);
}
