/* symbolic.c: the elements of a small integer value as dims, where they are known at compile time.
 *
 * ONNX computes shapes with ordinary values: Shape (imported as `dim` values), Gather, Mul, Concat, Reshape.
 * Evaluating such a value over polynomials instead of numbers turns the run-time shape into the dims of a type.
 *
 * Each element is known or unknown by itself, so that the known part of a partly unknown array can still be taken
 * out of it.  Whatever is not exactly the interpreter's result for all values of the symbols is unknown: a division
 * that may meet a zero, a comparison that the bounds do not decide, a number that its type does not hold.  One liberty
 * is taken: symbolic numbers in i32 and i64 are taken not to overflow, as a size that does cannot be computed with.
 *
 * Bool values are the dims 0 and 1.  Values are visited once per call; a chain of more than MAX_DEPTH is unknown.
 */
#include "ir/ir.h"

#include <assert.h>
#include <string.h>

enum { MAX_ELEMENTS = 4096, MAX_DEPTH = 1000, MAX_RANK = 16 };

typedef struct {
	int64_t n;
	int rank;
	int64_t dims[MAX_RANK];
	const Dim **e; /* NULL: unknown */
} Sizes;

typedef struct {
	Ctx *cx;
	Arena *scratch;
	Map done; /* Val* -> Sizes*, `nothing` where no element is known */
	int depth;
} Solver;

static const Sizes nothing;

static const Sizes *solve(Solver *, const Val *);

/* ---- scalars ---- */

static const Dim *truth(Solver *s, bool b) { return dim_int(s->cx, b); }

/* d where elements of that type hold it, else unknown. */
static const Dim *held(Elem elem, const Dim *d)
{
	if (!d) return NULL;
	int bits = 8 * elem_info[elem].size;
	bool is_signed = elem_info[elem].cls == 'i';
	int64_t hi = elem == BOOL ? 1
		: is_signed       ? INT64_MAX >> (64 - bits)
		: bits == 64      ? INT64_MAX
				  : ((int64_t)1 << bits) - 1;
	int64_t lo = is_signed ? -hi - 1 : 0, value;
	if (dim_is_int(d, &value)) return value >= lo && value <= hi ? d : NULL;
	if (is_signed && bits >= 32) return d;
	return dim_lo(d) >= lo && dim_hi(d) <= hi ? d : NULL;
}

/* Is d below 0 (sign -1) or above 0 (sign 1) for all values of the symbols?  Weak: or 0. */
static bool sign_is(const Dim *d, int sign, bool weak)
{
	return sign < 0 ? dim_hi(d) <= (weak ? 0 : -1) : dim_lo(d) >= (weak ? 0 : 1);
}

static bool is_nonzero(const Dim *d) { return sign_is(d, 1, false) || sign_is(d, -1, false); }

/* Towards zero; unknown where the divisor may be 0, which gives 0. */
static const Dim *divide(Solver *s, const Dim *a, const Dim *b)
{
	int64_t x, y;
	if (dim_is_int(a, &x) && dim_is_int(b, &y)) return y ? dim_int(s->cx, x / y) : b;
	if (!is_nonzero(b)) return NULL;
	const Dim *exact = dim_div_exact(s->cx, a, b);
	if (exact) return exact;
	return sign_is(a, 1, true) && sign_is(b, 1, false) ? dim_floordiv(s->cx, a, b) : NULL;
}

/* a - b*floor(a/b) for a positive divisor: Python's %, and C's where a is not negative. */
static const Dim *modulo(Solver *s, const Dim *a, const Dim *b, bool c_style)
{
	int64_t x, y;
	if (dim_is_int(a, &x) && dim_is_int(b, &y) && y) {
		int64_t r = y == -1 ? 0 : x % y;
		return dim_int(s->cx, !c_style && r && (r < 0) != (y < 0) ? r + y : r);
	}
	if (!sign_is(b, 1, false) || (c_style && !sign_is(a, 1, true))) return NULL;
	return dim_sub(s->cx, a, dim_mul(s->cx, b, dim_floordiv(s->cx, a, b)));
}

/* a OP b; unknown where the bounds leave both answers possible. */
static const Dim *compare(Solver *s, Op op, const Dim *a, const Dim *b)
{
	const Dim *gap = dim_sub(s->cx, a, b);
	bool lt = sign_is(gap, -1, false), le = sign_is(gap, -1, true);
	bool gt = sign_is(gap, 1, false), ge = sign_is(gap, 1, true), equal = dim_is(gap, 0);
	switch (op) {
	case OP_EW_eq: return equal || lt || gt ? truth(s, equal) : NULL;
	case OP_EW_ne: return equal || lt || gt ? truth(s, !equal) : NULL;
	case OP_EW_lt: return lt || ge ? truth(s, lt) : NULL;
	case OP_EW_le: return le || gt ? truth(s, le) : NULL;
	case OP_EW_gt: return gt || le ? truth(s, gt) : NULL;
	default: return ge || lt ? truth(s, ge) : NULL;
	}
}

/* On numbers only. */
static const Dim *logic(Solver *s, Op op, const Dim *a, const Dim *b)
{
	int64_t x, y;
	if (!dim_is_int(a, &x) || !dim_is_int(b, &y)) return NULL;
	switch (op) {
	case OP_EW_and: return dim_int(s->cx, x & y);
	case OP_EW_or: return dim_int(s->cx, x | y);
	default: return dim_int(s->cx, x ^ y);
	}
}

static const Dim *unary(Solver *s, Op op, Elem elem, const Dim *a)
{
	switch (op) {
	case OP_EW_neg: return dim_sub(s->cx, dim_int(s->cx, 0), a);
	case OP_EW_abs:
		return sign_is(a, 1, true) ? a : sign_is(a, -1, true) ? dim_sub(s->cx, dim_int(s->cx, 0), a) : NULL;
	case OP_EW_sign:
		return dim_is(a, 0)             ? a
			: sign_is(a, 1, false)  ? dim_int(s->cx, 1)
			: sign_is(a, -1, false) ? dim_int(s->cx, -1)
						: NULL;
	case OP_EW_not: return dim_sub(s->cx, dim_int(s->cx, elem == BOOL ? 1 : -1), a); /* ~a = -1 - a */
	case OP_EW_cast: return elem == BOOL ? (dim_is(a, 0) ? a : is_nonzero(a) ? dim_int(s->cx, 1) : NULL) : a;
	default: return NULL;
	}
}

static const Dim *binary(Solver *s, Op op, const Dim *a, const Dim *b)
{
	switch (op) {
	case OP_EW_add: return dim_add(s->cx, a, b);
	case OP_EW_sub: return dim_sub(s->cx, a, b);
	case OP_EW_mul: return dim_mul(s->cx, a, b);
	case OP_EW_div: return divide(s, a, b);
	case OP_EW_mod: return modulo(s, a, b, false);
	case OP_EW_rem: return modulo(s, a, b, true);
	case OP_EW_min: return dim_min(s->cx, a, b);
	case OP_EW_max: return dim_max(s->cx, a, b);
	case OP_EW_and:
	case OP_EW_or:
	case OP_EW_xor: return logic(s, op, a, b);
	case OP_EW_eq:
	case OP_EW_ne:
	case OP_EW_lt:
	case OP_EW_le:
	case OP_EW_gt:
	case OP_EW_ge: return compare(s, op, a, b);
	default: return NULL;
	}
}

/* ---- arrays ---- */

/* An array of v's shape with all elements unknown; NULL when v has no small static shape of integers or bools. */
static Sizes *sizes_new(Solver *s, const Val *v)
{
	const Type *t = v->type;
	if (t->is_tuple || elem_is_float(t->elem) || t->rank > MAX_RANK) return NULL;
	Sizes *z = NEW(s->scratch, Sizes);
	z->rank = t->rank;
	z->n = 1;
	for (int i = 0; i < t->rank; i++) {
		if (!dim_is_int(t->dims[i], &z->dims[i]) || z->dims[i] < 0 || z->dims[i] > MAX_ELEMENTS) return NULL;
		z->n *= z->dims[i];
		if (z->n > MAX_ELEMENTS) return NULL;
	}
	z->e = NEWN(s->scratch, const Dim *, z->n);
	return z;
}

static void index_of(const Sizes *z, int64_t at, int64_t *index)
{
	for (int i = z->rank; i-- > 0; at /= z->dims[i]) index[i] = at % z->dims[i];
}

/* The element at index[], or none outside. */
static int64_t offset_of(const Sizes *z, const int64_t *index)
{
	int64_t at = 0;
	for (int i = 0; i < z->rank; i++) {
		if (index[i] < 0 || index[i] >= z->dims[i]) return -1;
		at = at * z->dims[i] + index[i];
	}
	return at;
}

static void solve_ew(Solver *s, const Val *v, Sizes *z)
{
	const Sizes *arg[3] = {0};
	assert(v->n_args <= 3);
	for (int i = 0; i < v->n_args; i++)
		if ((arg[i] = solve(s, v->args[i])) == &nothing && v->op != OP_EW_select) return;
	for (int64_t i = 0; i < z->n; i++) {
		const Dim *a = arg[0]->e ? arg[0]->e[i] : NULL, *b = v->n_args > 1 && arg[1]->e ? arg[1]->e[i] : NULL;
		if (v->op == OP_EW_select) {
			const Dim *c = arg[2]->e ? arg[2]->e[i] : NULL;
			z->e[i] = b == c ? b : !a ? NULL : dim_is(a, 0) ? c : b;
		} else if (a && v->n_args == 1) {
			z->e[i] = held(v->type->elem, unary(s, v->op, v->type->elem, a));
		} else if (a && b) {
			z->e[i] = held(v->type->elem, binary(s, v->op, a, b));
		}
	}
}

static void solve_const(Solver *s, const Val *v, Sizes *z)
{
	const Tensor *t = val_attr(v, A_DATA)->tensor;
	for (int64_t i = 0; i < z->n; i++)
		if (tensor_get_int(t, i) > INT64_MIN && (t->elem != U64 || tensor_get_int(t, i) >= 0))
			z->e[i] = dim_int(s->cx, tensor_get_int(t, i));
}

static void solve_concat(Solver *s, const Val *v, Sizes *z)
{
	int axis = (int)val_int(v, A_AXIS);
	int64_t index[MAX_RANK], from = 0;
	for (int k = 0; k < v->n_args; k++) {
		const Sizes *x = solve(s, v->args[k]);
		int64_t rows;
		if (!dim_is_int(v->args[k]->type->dims[axis], &rows)) return;
		for (int64_t i = 0; i < x->n; i++) {
			index_of(x, i, index);
			index[axis] += from;
			z->e[offset_of(z, index)] = x->e[i];
		}
		from += rows;
	}
}

static void solve_gather(Solver *s, const Val *v, Sizes *z)
{
	const Sizes *x = solve(s, v->args[0]), *idx = solve(s, v->args[1]);
	int axis = (int)val_int(v, A_AXIS);
	if (x == &nothing || idx == &nothing) return;
	for (int64_t i = 0; i < z->n; i++) {
		int64_t index[MAX_RANK], from[MAX_RANK], row;
		index_of(z, i, index);
		const Dim *d = idx->e[offset_of(idx, index + axis)];
		if (!d || !dim_is_int(d, &row) || x->dims[axis] == 0) continue;
		memcpy(from, index, sizeof *from * (size_t)axis);
		from[axis] = row < 0 ? 0 : row >= x->dims[axis] ? x->dims[axis] - 1 : row;
		for (int k = axis + 1; k < x->rank; k++) from[k] = index[k + idx->rank - 1];
		z->e[i] = x->e[offset_of(x, from)];
	}
}

/* Where element `index` of a view comes from: false when only a size that is not known yet tells. */
static bool view_source(const Val *v, const Sizes *x, const int64_t *index, int64_t *from)
{
	for (int k = 0; k < x->rank; k++) {
		int64_t start, low;
		switch (v->op) {
		case OP_permute: from[val_ints(v, A_PERM)[k]] = index[k]; break;
		case OP_expand: {
			int64_t at = index[v->type->rank - x->rank + k];
			from[k] = x->dims[k] == 1 ? 0 : at;
			break;
		}
		case OP_slice:
			if (!dim_is_int(val_dims(v, A_START)[k], &start) || start < 0 || start > MAX_ELEMENTS)
				return false;
			from[k] = start + index[k] * val_ints(v, A_STEP)[k];
			break;
		default: /* pad */
			if (!dim_is_int(val_dims(v, A_LO)[k], &low)) return false;
			from[k] = index[k] - low;
		}
	}
	return true;
}

static void solve_view(Solver *s, const Val *v, Sizes *z)
{
	const Sizes *x = solve(s, v->args[0]), *fill = v->op == OP_pad ? solve(s, v->args[1]) : &nothing;
	if (x == &nothing && fill == &nothing) return;
	if (x == &nothing && !(x = sizes_new(s, v->args[0]))) return;
	for (int64_t i = 0; i < z->n; i++) {
		int64_t index[MAX_RANK], from[MAX_RANK];
		index_of(z, i, index);
		if (!view_source(v, x, index, from)) return;
		int64_t at = offset_of(x, from);
		assert(at >= 0 || v->op == OP_pad || v->op == OP_slice);
		z->e[i] = at >= 0 ? x->e[at] : fill->n ? fill->e[0] : NULL;
	}
}

static void solve_reduce(Solver *s, const Val *v, Sizes *z)
{
	const Sizes *x = solve(s, v->args[0]);
	const Attr *axes = val_attr(v, A_AXES);
	const char *kind = val_str(v, A_KIND);
	if (x == &nothing) return;
	Op op = strcmp(kind, "sum") == 0    ? OP_EW_add
		: strcmp(kind, "prod") == 0 ? OP_EW_mul
		: strcmp(kind, "min") == 0  ? OP_EW_min
					    : OP_EW_max;
	bool *started = NEWN(s->scratch, bool, z->n), *unknown = NEWN(s->scratch, bool, z->n);
	for (int64_t i = 0; i < x->n; i++) {
		int64_t index[MAX_RANK], kept[MAX_RANK];
		int n = 0;
		index_of(x, i, index);
		for (int k = 0, a = 0; k < x->rank; k++) {
			if (a < axes->n && axes->ints[a] == k) a++;
			else kept[n++] = index[k];
		}
		int64_t at = offset_of(z, kept);
		if (!x->e[i]) unknown[at] = true;
		else if (!started[at]) z->e[at] = x->e[i];
		else if (z->e[at]) z->e[at] = held(v->type->elem, binary(s, op, z->e[at], x->e[i]));
		started[at] |= x->e[i] != NULL;
	}
	for (int64_t i = 0; i < z->n; i++) {
		if (unknown[i]) z->e[i] = NULL;
		else if (!started[i] && (op == OP_EW_add || op == OP_EW_mul)) /* of nothing */
			z->e[i] = dim_int(s->cx, op == OP_EW_mul);
	}
}

static void solve_op(Solver *s, const Val *v, Sizes *z)
{
	int64_t index[MAX_RANK];
	switch (v->op) {
	case OP_const: solve_const(s, v, z); return;
	case OP_dim: z->e[0] = val_dims(v, A_VALUE)[0]; return;
	case OP_iota:
		for (int64_t i = 0; i < z->n; i++) {
			index_of(z, i, index);
			z->e[i] = held(v->type->elem, dim_int(s->cx, index[val_int(v, A_AXIS)]));
		}
		return;
	case OP_size:
	case OP_after:
	case OP_guard:
	case OP_reshape: {
		const Sizes *x = solve(s, v->args[0]);
		if (x->n == z->n) z->e = x->e;
		return;
	}
	case OP_permute:
	case OP_expand:
	case OP_slice:
	case OP_pad: solve_view(s, v, z); return;
	case OP_concat: solve_concat(s, v, z); return;
	case OP_gather: solve_gather(s, v, z); return;
	case OP_reduce: solve_reduce(s, v, z); return;
	default:
		if (op_info[v->op].is_ew) solve_ew(s, v, z);
	}
}

/* Never NULL; `nothing`, of no elements, where nothing is known. */
static const Sizes *solve(Solver *s, const Val *v)
{
	const Sizes *have = map_get(&s->done, v);
	if (have) return have;
	const Sizes *found = &nothing;
	Sizes *z = s->depth < MAX_DEPTH ? sizes_new(s, v) : NULL;
	if (z) {
		s->depth++;
		solve_op(s, v, z);
		s->depth--;
		for (int64_t i = 0; i < z->n && found == &nothing; i++)
			if (z->e[i]) found = z;
		if (z->n == 0) found = z;
	}
	map_put(&s->done, v, found);
	return found;
}

bool val_as_dims(Ctx *cx, const Val *v, int n, const Dim **out)
{
	Solver s = {.cx = cx, .scratch = arena_new()};
	map_init(&s.done, s.scratch);
	volatile bool known = false;
	const char *loc = cx->loc;
	TRY (cx) {
		const Sizes *z = solve(&s, v);
		known = z != &nothing && z->n == n;
		for (int i = 0; known && i < n; i++) known = (out[i] = z->e[i]) != NULL;
	} else { /* a polynomial out of bounds: not known, then */
		known = false;
		cx->error = NULL;
	}
	cx->loc = loc;
	arena_free(s.scratch);
	return known;
}
