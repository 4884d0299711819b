/* fuzz_graphs.c: random well-typed graphs, interpreter against compiled C.
 *
 *     fuzz_graphs [--seconds N] [--seed N] [--count N]       random graphs; the first that differs is shrunk and printed
 *     fuzz_graphs FILE.ir...                                 those graphs
 *
 * A graph is determined by its seed.  Batches of graphs share a module and run in a child process, so that a crash of the
 * compiler or of its code is a find like any other.  Values that only exact operations lead to must be equal; the others
 * may differ by what rounding explains: the interpreter is asked again with inputs changed by a millionth, and a hundred
 * times that change is tolerated.  Operations that jump (floor, comparisons, sorting ...) get exact operands only.
 */
#include "tests/unit/compiled.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static const Variant variants[] = {
	{"O0 generic jit", "generic", 0, 1, NULL, MODULE_OPT_NONE, false, false, WEIGHTS_AUTO},
	{"O2 generic jit", "generic", 2, 1, NULL, MODULE_OPT_NONE, false, false, WEIGHTS_AUTO},
	{"O2 x86-64 jit", "x86-64", 2, 1, NULL, MODULE_OPT_NONE, false, false, WEIGHTS_STRING},
	{"O2 x86-64-v3 jit", "x86-64-v3", 2, 1, NULL, MODULE_OPT_NONE, false, false, WEIGHTS_AUTO},
	{"O3 x86-64-v4 jit", "x86-64-v4", 3, 1, NULL, 1, false, false, WEIGHTS_AUTO},
	{"O2 x86-64-v3 gcc", "x86-64-v3", 2, 1, "gcc", 1, true, false, WEIGHTS_INLINE},
	{"O2 x86-64-v4 gcc 2 threads", "x86-64-v4", 2, 2, "gcc", 2, true, false, WEIGHTS_AUTO},
	{"O1 generic clang", "generic", 1, 1, "clang-14", 1, true, true, WEIGHTS_AUTO},
};
enum { N_VARIANTS = sizeof variants / sizeof *variants };

/* ---- which values are exact ---- */

/* Element-wise operations that IEEE rounds correctly, or that do not round. */
static bool is_exact_op(Op op)
{
	switch (op) {
	case OP_EW_exp: case OP_EW_log: case OP_EW_sin: case OP_EW_cos: case OP_EW_tan: case OP_EW_asin: case OP_EW_acos:
	case OP_EW_atan: case OP_EW_sinh: case OP_EW_cosh: case OP_EW_tanh: case OP_EW_asinh: case OP_EW_acosh:
	case OP_EW_atanh: case OP_EW_sigmoid: case OP_EW_softplus: case OP_EW_erf: case OP_EW_pow: return false;
	default: return true;
	}
}

/* flags: Val -> "" where exact, absent where not yet known or not; params are put there beforehand. */
static void find_exact(Arena *arena, const Graph *g, Map *flags);

static bool decide_exact(Arena *arena, const Val *v, const Map *flags)
{
	bool exact = true;
	if (v->type->is_tuple || v->op == OP_param) return false;
	if (v->op == OP_get) {
		const Val *t = v->args[0];
		if (!elem_is_float(v->type->elem)) return true;
		const int part = (int)val_int(v, A_INDEX), lead = t->op == OP_loop;
		if (t->op == OP_cond) {
			for (int b = 0; b < 2; b++) {
				Map inner;
				map_init(&inner, arena);
				const Graph *body = val_body(t, b);
				for (int i = 0; i < body->n_params; i++)
					if (map_get(flags, t->args[1 + i])) map_put(&inner, body->params[i], "");
				find_exact(arena, body, &inner);
				exact &= map_get(&inner, body->results[part]) != NULL;
			}
			return exact;
		}
		const Graph *body = val_body(t, 0);
		const int n_consts = (int)val_ints(t, A_COUNTS)[0], n_carries = (int)val_ints(t, A_COUNTS)[1];
		if (part < lead + n_carries) return false;
		Map inner;
		map_init(&inner, arena);
		for (int i = 0; i < body->n_params; i++) {
			const bool carry = i >= lead + n_consts && i < lead + n_consts + n_carries;
			const Val *arg = i < lead ? NULL : t->args[i + lead];
			if (!elem_is_float(body->params[i]->type->elem) || (!carry && arg && map_get(flags, arg)))
				map_put(&inner, body->params[i], "");
		}
		find_exact(arena, body, &inner);
		return map_get(&inner, body->results[part]) != NULL;
	}
	if (!elem_is_float(v->type->elem)) return true;
	for (int i = 0; i < v->n_args; i++) exact &= map_get(flags, v->args[i]) != NULL;
	if (op_info[v->op].is_ew) return exact && is_exact_op(v->op);
	if (v->op == OP_contract) return false;
	if (v->op == OP_reduce || v->op == OP_cumulative) {
		const char *kind = val_str(v, A_KIND);
		return exact && strcmp(kind, "sum") != 0 && strcmp(kind, "prod") != 0;
	}
	return exact;
}

static void find_exact(Arena *arena, const Graph *g, Map *flags)
{
	Order order = graph_order(arena, g);
	for (int i = 0; i < order.n; i++)
		if (decide_exact(arena, order.vals[i], flags)) map_put(flags, order.vals[i], "");
}

/* ---- the generator ---- */

enum { MAX_POOL = 80, MAX_ELEMENTS = 3000 };

typedef struct {
	Ctx *cx;
	uint64_t *seed;
	int depth;    /* of bodies */
	int n_params; /* of the whole graph: more are made when wanted; of a body: fixed */
	const Val *params[64];
	int n;
	const Val *pool[MAX_POOL];
	Map exact;
} Gen;

static int pick(Gen *g, int n) { return (int)(random_next(g->seed) % (uint64_t)n); }
static bool chance(Gen *g, int percent) { return pick(g, 100) < percent; }

static double estimate(const Type *t)
{
	double n = 1;
	for (int i = 0; i < t->rank; i++) {
		int64_t v = 8;
		if (!dim_is_int(t->dims[i], &v)) {
			v = 0;
			for (int k = 0; k < t->dims[i]->n_terms; k++) v += t->dims[i]->terms[k].coef * (t->dims[i]->terms[k].n_syms ? 8 : 1);
		}
		n *= (double)v;
	}
	return n;
}

static bool is_exact(Gen *g, const Val *v) { return map_get(&g->exact, v) != NULL; }

static bool is_half(Elem e) { return e == F16 || e == BF16; }

static void add(Gen *g, const Val *v)
{
	if (!v || v->type->is_tuple || g->n == MAX_POOL || estimate(v->type) > MAX_ELEMENTS || v->type->rank > 5) return;
	if (v->op != OP_param && decide_exact(g->cx->arena, v, &g->exact)) map_put(&g->exact, v, "");
	g->pool[g->n++] = v;
}

static const Dim *random_dim(Gen *g)
{
	static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 33};
	if (chance(g, 12)) return dim_sym(g->cx, chance(g, 60) ? "T" : "B");
	return dim_int(g->cx, sizes[pick(g, 10)]);
}

static Elem random_elem(Gen *g)
{
	static const Elem others[] = {F64, F16, BF16, I8, I16, I32, I64, U8, U16, U32, U64, BOOL, BOOL, I64};
	return chance(g, 70) ? F32 : others[pick(g, 14)];
}

static const Type *random_type(Gen *g, Elem elem)
{
	const Dim *dims[4];
	int rank = pick(g, 4);
	const Type *t;
	do {
		for (int i = 0; i < rank; i++) dims[i] = random_dim(g);
		t = type_new(g->cx, elem, rank, dims);
		if (rank) rank--;
	} while (estimate(t) > 600);
	return t;
}

static const Val *new_const(Gen *g, const Type *t)
{
	int64_t dims[5];
	for (int i = 0; i < t->rank; i++)
		if (!dim_is_int(t->dims[i], &dims[i])) return NULL;
	return val_const(g->cx, random_tensor(g->cx->arena, g->seed, t->elem, t->rank, dims, false));
}

/* A value of that type from nothing: a parameter, a constant, a scalar spread out. */
static const Val *new_leaf(Gen *g, const Type *t)
{
	const Val *v = NULL;
	if (g->depth == 0 && g->n_params < 40 && chance(g, 60)) {
		v = g->params[g->n_params] = val_param(g->cx, g->n_params, t);
		g->n_params++;
		map_put(&g->exact, v, "");
	}
	if (!v && chance(g, 60)) v = new_const(g, t);
	if (!v) v = b_expand(g->cx, new_const(g, type_scalar(g->cx, t->elem)), t->rank, t->dims);
	add(g, v);
	if (!is_exact(g, v)) map_put(&g->exact, v, "");
	return v;
}

/* What cls a value must have: f floats, n numbers, i integers, b bool, l bool or integer, * any. */
static bool fits(char cls, Elem e)
{
	switch (cls) {
	case 'f': return elem_is_float(e);
	case 'n': return e != BOOL;
	case 'i': return elem_is_int(e);
	case 'b': return e == BOOL;
	case 'l': return !elem_is_float(e);
	default: return true;
	}
}

static const Val *take(Gen *g, char cls, bool exact)
{
	for (int tries = 0; tries < 30 && g->n; tries++) {
		/* Later values more often: deep graphs. */
		const Val *v = g->pool[chance(g, 50) ? pick(g, g->n) : g->n - 1 - pick(g, g->n > 5 ? 5 : g->n)];
		if (fits(cls, v->type->elem) && (is_exact(g, v) || (!exact && !is_half(v->type->elem)))) return v;
	}
	Elem e = cls == 'b' ? BOOL : cls == 'i' || cls == 'l' ? I32 : F32;
	return new_leaf(g, random_type(g, e));
}

static const Val *take_like(Gen *g, const Type *t, bool exact)
{
	const Val *found[MAX_POOL];
	int n = 0;
	for (int i = 0; i < g->n; i++)
		if (g->pool[i]->type == t && (is_exact(g, g->pool[i]) || (!exact && !is_half(t->elem)))) found[n++] = g->pool[i];
	if (n > 1 || (n && chance(g, 50))) return found[pick(g, n)];
	/* Something smaller, broadcast. */
	for (int i = 0; i < 10 && g->n && t->rank; i++) {
		const Val *v = g->pool[pick(g, g->n)];
		if (v->type->elem != t->elem || v->type->rank >= t->rank || (!is_exact(g, v) && (exact || is_half(t->elem)))) continue;
		bool fit = true;
		for (int d = 0; d < v->type->rank; d++)
			fit &= dim_is(v->type->dims[d], 1) || v->type->dims[d] == t->dims[t->rank - v->type->rank + d];
		if (fit) return b_expand(g->cx, v, t->rank, t->dims);
	}
	return new_leaf(g, t);
}

static const Val *gen_ew(Gen *g)
{
	Ctx *cx = g->cx;
	int n_ew = 0;
	while (n_ew < N_OPS && op_info[n_ew].is_ew) n_ew++;
	const Op op = (Op)pick(g, n_ew);
	const OpInfo *info = &op_info[op];
	bool jumps = false;
	switch (op) {
	case OP_EW_floor: case OP_EW_ceil: case OP_EW_trunc: case OP_EW_round: case OP_EW_sign: case OP_EW_sqrt: case OP_EW_log:
	case OP_EW_asin: case OP_EW_acos: case OP_EW_acosh: case OP_EW_atanh: case OP_EW_pow: case OP_EW_tan: case OP_EW_mod:
	case OP_EW_rem: case OP_EW_eq: case OP_EW_ne: case OP_EW_lt: case OP_EW_le: case OP_EW_gt: case OP_EW_ge:
	case OP_EW_isnan: case OP_EW_isinf: case OP_EW_div: jumps = true; break;
	default: break;
	}
	if (info->ew_class == 's') {
		const Val *x = take(g, '*', false), *y = take_like(g, x->type, false);
		return val_new(cx, op, 3, (const Val *[]){take_like(g, type_with_elem(cx, x->type, BOOL), true), x, y}, NULL);
	}
	if (info->ew_class == 'b') { /* there and back: NaNs and their bits are no numbers to compare */
		const Val *x = take(g, '*', false);
		const Elem e = x->type->elem, to = e == BOOL ? U8 : elem_info[e].bits == 64 ? I64 : elem_info[e].bits == 32 ? U32 : elem_info[e].bits == 16 ? I16 : U8;
		const Attr there = attr_elem(to), back = attr_elem(e);
		return to == e ? NULL : val_new(cx, op, 1, (const Val *[]){val_new(cx, op, 1, &x, &there)}, &back);
	}
	if (info->ew_class == 't') {
		const Val *x = take(g, '*', false);
		const Elem to = is_exact(g, x) ? random_elem(g) : F64;
		return to == x->type->elem ? NULL : b_cast(cx, x, to);
	}
	const char cls = info->ew_class == 'a' ? 'n' : info->ew_class == 'p' ? 'f' : info->ew_class == 'c' ? '*' : info->ew_class;
	const Val *args[3];
	args[0] = take(g, cls, jumps);
	for (int i = 1; i < info->n_args; i++) args[i] = take_like(g, args[0]->type, jumps);
	return val_new(cx, op, info->n_args, args, NULL);
}

static const Val *gen_view(Gen *g)
{
	Ctx *cx = g->cx;
	const Val *x = take(g, '*', false);
	const Type *t = x->type;
	const Dim *dims[8];
	int n = 0, axis = t->rank ? pick(g, t->rank) : 0;
	int64_t size = -1;
	if (t->rank) dim_is_int(t->dims[axis], &size);
	switch (pick(g, 7)) {
	case 0: /* merge two dims */
		if (t->rank < 2) return NULL;
		axis = pick(g, t->rank - 1);
		for (int i = 0; i < t->rank; i++) {
			dims[n++] = i == axis ? dim_mul(cx, t->dims[i], t->dims[i + 1]) : t->dims[i];
			i += i == axis;
		}
		return b_reshape(cx, x, n, dims);
	case 1: /* split one */
		for (int i = 0; i < t->rank; i++) {
			const bool even = i == axis && size > 1 && size % 2 == 0;
			const int64_t p = even && chance(g, 50) ? 2 : size / 2;
			if (even || (i == axis && chance(g, 50))) dims[n++] = dim_int(cx, even ? p : 1);
			dims[n++] = even ? dim_int(cx, size / p) : t->dims[i];
		}
		return b_reshape(cx, x, n, dims);
	case 2: { /* regroup all static dims of the same count */
		int64_t count;
		if (!dim_is_int(type_count(cx, t), &count) || count == 0) return NULL;
		for (int64_t rest = count; rest > 1 && n < 4;) {
			int64_t p = 2;
			while (rest % p) p++;
			if (chance(g, 60) && rest % (p * p) == 0) p *= p;
			dims[n] = dim_int(cx, n == 3 ? rest : p);
			n++;
			rest /= p;
		}
		int64_t have = 1, v = 1;
		for (int i = 0; i < n; i++) dim_is_int(dims[i], &v), have *= v;
		if (have != count) dims[n++] = dim_int(cx, count / have);
		return b_reshape(cx, x, n, dims);
	}
	case 3: {
		int perm[8];
		for (int i = 0; i < t->rank; i++) perm[i] = i;
		for (int i = t->rank - 1; i > 0; i--) {
			int k = pick(g, i + 1), p = perm[i];
			perm[i] = perm[k];
			perm[k] = p;
		}
		return b_permute(cx, x, perm);
	}
	case 4:
		if (!t->rank) return NULL;
		if (size < 1) return b_slice(cx, x, axis, dim_sub(cx, t->dims[axis], dim_int(cx, 1)), t->dims[axis], -1); /* a flip */
		{
			const int64_t step = chance(g, 50) ? 1 : 1 + pick(g, 3), most = (size - 1) / step + 1, k = 1 + pick(g, (int)most);
			const int64_t start = pick(g, (int)(size - (k - 1) * step));
			if (chance(g, 40)) return b_slice(cx, x, axis, dim_int(cx, start + (k - 1) * step), dim_int(cx, k), -step);
			return b_slice(cx, x, axis, dim_int(cx, start), dim_int(cx, k), step);
		}
	case 5: {
		const Dim *extra = random_dim(g);
		for (int i = 0; i < t->rank; i++) dims[n++] = dim_is(t->dims[i], 1) && chance(g, 70) ? random_dim(g) : t->dims[i];
		if (chance(g, 40)) {
			memmove(dims + 1, dims, sizeof *dims * (size_t)n++);
			dims[0] = extra;
		}
		return b_expand(cx, x, n, dims);
	}
	default: {
		const int64_t width = 1 + pick(g, 4), stride = 1 + pick(g, 3), dilation = 1 + pick(g, 2);
		if (size < 1 || dilation * (width - 1) >= size) return NULL;
		return b_window(cx, x, axis, width, stride, dilation);
	}
	}
}

static const Val *index_value(Gen *g, const Type *t)
{
	return new_leaf(g, t); /* small integers, negative ones among them: clamped */
}

static const Val *gen_move(Gen *g)
{
	Ctx *cx = g->cx;
	const Val *x = take(g, '*', false);
	const Type *t = x->type;
	if (!t->rank) return NULL;
	int axis = pick(g, t->rank);
	int64_t size = -1;
	dim_is_int(t->dims[axis], &size);
	const Elem ie = chance(g, 70) ? I64 : I32;
	switch (pick(g, 5)) {
	case 0: { /* concat of 1 to 3 */
		const Val *parts[3] = {x};
		int n = 1 + pick(g, 3);
		for (int i = 1; i < n; i++) {
			const Dim *dims[8];
			for (int d = 0; d < t->rank; d++) dims[d] = t->dims[d];
			if (chance(g, 40)) dims[axis] = random_dim(g);
			parts[i] = take_like(g, type_new(cx, t->elem, t->rank, dims), false);
		}
		return b_concat(cx, n, parts, axis);
	}
	case 1: {
		const Dim *lo[8], *hi[8];
		for (int i = 0; i < t->rank; i++) lo[i] = dim_int(cx, chance(g, 40) ? pick(g, 3) : 0), hi[i] = dim_int(cx, chance(g, 40) ? pick(g, 3) : 0);
		return b_pad(cx, x, lo, hi, take_like(g, type_scalar(cx, t->elem), false));
	}
	case 2: {
		if (size < 1) return NULL;
		const Dim *dims[2] = {dim_int(cx, 1 + pick(g, 5)), dim_int(cx, 1 + pick(g, 3))};
		return b_gather(cx, x, index_value(g, type_new(cx, ie, pick(g, 3), dims)), axis);
	}
	case 3: {
		const int depth = 1 + pick(g, t->rank > 2 ? 2 : t->rank);
		for (int i = 0; i < depth; i++)
			if (!dim_is_int(t->dims[i], &size) || size < 1) return NULL;
		const Dim *dims[2] = {dim_int(cx, 1 + pick(g, 5)), dim_int(cx, depth)};
		return b_gather_nd(cx, x, index_value(g, type_new(cx, ie, 2, dims)), 0);
	}
	default: {
		static const char *const kinds[] = {"set", "add", "mul", "min", "max"};
		const int depth = 1 + pick(g, t->rank > 2 ? 2 : t->rank);
		const char *kind = t->elem == BOOL ? "set" : kinds[pick(g, 5)];
		const Dim *dims[2] = {dim_int(cx, 1 + pick(g, 5)), dim_int(cx, depth)}, *u[8] = {dims[0]};
		for (int i = depth; i < t->rank; i++) u[1 + i - depth] = t->dims[i];
		return b_scatter_nd(cx, x, index_value(g, type_new(cx, ie, 2, dims)), take_like(g, type_new(cx, t->elem, 1 + t->rank - depth, u), false), kind);
	}
	}
}

static const Val *gen_compute(Gen *g)
{
	Ctx *cx = g->cx;
	const int what = pick(g, 8);
	if (what < 3) { /* contract */
		const Val *x = take(g, 'n', false), *y = take(g, 'n', false);
		if (y->type->elem != x->type->elem || is_half(x->type->elem)) {
			const Dim *dims[2];
			if (is_half(x->type->elem) && !is_exact(g, x)) return NULL;
			for (int i = 0; i < 2; i++) dims[i] = x->type->rank && chance(g, 70) ? x->type->dims[pick(g, x->type->rank)] : random_dim(g);
			y = take_like(g, type_new(cx, x->type->elem, pick(g, 3), dims), is_half(x->type->elem));
		}
		char spec[32], *s = spec, letters[16];
		const Dim *of[16];
		int n = 0;
		for (int i = 0; i < x->type->rank; i++) letters[n] = (char)('a' + n), of[n] = x->type->dims[i], *s++ = letters[n++];
		*s++ = ',';
		bool used[16] = {false};
		for (int i = 0; i < y->type->rank; i++) {
			int same = -1;
			for (int k = 0; k < x->type->rank; k++)
				if (of[k] == y->type->dims[i] && !used[k] && chance(g, 80)) same = k;
			if (same < 0) letters[n] = (char)('a' + n), of[n] = y->type->dims[i], same = n++;
			else used[same] = true;
			*s++ = letters[same];
		}
		*s++ = '-', *s++ = '>';
		int order[16];
		for (int i = 0; i < n; i++) order[i] = i;
		for (int i = n - 1; i > 0 && chance(g, 50); i--) {
			int k = pick(g, i + 1), p = order[i];
			order[i] = order[k], order[k] = p;
		}
		double size = 1;
		for (int i = 0; i < n; i++) {
			size *= estimate(type_new(cx, F32, 1, &of[order[i]]));
			if (!chance(g, used[order[i]] ? 75 : 15)) *s++ = letters[order[i]];
		}
		*s = 0;
		return size > 20000 ? NULL : b_contract(cx, spec, x, y);
	}
	const Val *x;
	if (what < 5) {
		static const char *const kinds[] = {"sum", "prod", "max", "min"};
		x = take(g, '*', false);
		const char *kind = kinds[x->type->elem == BOOL ? 2 + pick(g, 2) : pick(g, 4)];
		int axes[8], n = 0;
		for (int i = 0; i < x->type->rank; i++)
			if (chance(g, 50)) axes[n++] = i;
		return n ? b_reduce(cx, kind, x, n, axes, chance(g, 40)) : NULL;
	}
	x = take(g, 'n', true);
	if (!x->type->rank) return NULL;
	const int axis = pick(g, x->type->rank);
	int64_t size = 0;
	if (what == 5) {
		if (!dim_is_int(x->type->dims[axis], &size) || size < 1) return NULL;
		return b_argreduce(cx, chance(g, 50) ? "max" : "min", x, axis, chance(g, 50));
	}
	if (what == 6) return b_sort(cx, x, axis, chance(g, 50));
	static const char *const kinds[] = {"sum", "prod", "max"};
	const char *kind = kinds[pick(g, 3)];
	return b_cumulative(cx, kind, x, axis, strcmp(kind, "max") != 0 && chance(g, 40), chance(g, 40));
}

static const Val *gen_source(Gen *g)
{
	Ctx *cx = g->cx;
	switch (pick(g, 4)) {
	case 0: return b_dim(cx, dim_add(cx, dim_sym(cx, "T"), dim_int(cx, pick(g, 3))));
	case 1: {
		const Elem e = random_elem(g);
		const Type *t = random_type(g, e == BOOL ? I64 : e);
		return t->rank ? b_iota(cx, t->elem, t->rank, t->dims, pick(g, t->rank)) : NULL;
	}
	default: return new_leaf(g, random_type(g, random_elem(g)));
	}
}

static void gen_some(Gen *g, int n);

static Gen body_gen(Gen *outer)
{
	Gen in = {.cx = outer->cx, .seed = outer->seed, .depth = outer->depth + 1};
	map_init(&in.exact, outer->cx->arena);
	return in;
}

static void body_param(Gen *in, const Type *t, bool exact)
{
	const Val *p = in->params[in->n_params] = val_param(in->cx, in->n_params, t);
	in->n_params++;
	if (exact || !elem_is_float(t->elem)) map_put(&in->exact, p, "");
	add(in, p);
}

static const Graph *body_graph(Gen *in, int n, const Val **results)
{
	static const char *const p_names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
	static const char *const r_names[] = {"p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "o"};
	return graph_new(in->cx, "body", in->n_params, in->params, p_names, n, results, r_names);
}

/* A value of a body of just that type: made or found. */
static const Val *body_result(Gen *in, const Type *t)
{
	for (int i = in->n - 1; i >= 0; i--)
		if (in->pool[i]->type == t && chance(in, 60)) return in->pool[i];
	return take_like(in, t, false);
}

static const Val *gen_loop(Gen *g)
{
	Ctx *cx = g->cx;
	const bool is_scan = chance(g, 70);
	const Val *args[16];
	int n = 0, n_consts = pick(g, 3), n_carries = 1 + pick(g, 3), n_xs = is_scan ? pick(g, 3) : 0, n_ys = pick(g, 3);
	Gen in = body_gen(g);
	const Dim *length = NULL;
	const Val *xs[4];
	for (int i = 0; i < n_xs; i++) {
		const Val *x = take(g, '*', false);
		if (!x->type->rank || (length && x->type->dims[0] != length)) {
			n_xs = i;
			break;
		}
		length = x->type->dims[0];
		xs[i] = x;
	}
	if (!length) length = is_scan && chance(g, 40) ? dim_sym(cx, "T") : dim_int(cx, pick(g, 5));
	if (!is_scan) {
		args[n++] = take_like(g, type_scalar(cx, I64), true);
		args[n++] = take_like(g, type_scalar(cx, BOOL), true);
		body_param(&in, type_scalar(cx, I64), true);
	}
	for (int i = 0; i < n_consts; i++) {
		args[n++] = take(g, '*', false);
		body_param(&in, args[n - 1]->type, is_exact(g, args[n - 1]));
	}
	const Type *carry[4];
	for (int i = 0; i < n_carries; i++) {
		args[n] = take(g, '*', false);
		if (is_half(args[n]->type->elem) || estimate(args[n]->type) > 200) args[n] = new_leaf(g, type_scalar(cx, F32));
		body_param(&in, carry[i] = args[n++]->type, false);
	}
	for (int i = 0; i < n_xs; i++) {
		args[n++] = xs[i];
		body_param(&in, type_new(cx, xs[i]->type->elem, xs[i]->type->rank - 1, xs[i]->type->dims + 1), is_exact(g, xs[i]));
	}
	gen_some(&in, 1 + pick(g, 8));
	const Val *results[16];
	int r = 0;
	if (!is_scan) results[r++] = take_like(&in, type_scalar(cx, BOOL), true);
	for (int i = 0; i < n_carries; i++) {
		results[r] = body_result(&in, carry[i]);
		/* Floats stay small however many steps there are. */
		if (elem_is_float(carry[i]->elem) && results[r]->op != OP_param && chance(g, 80)) results[r] = b_ew1(cx, OP_EW_tanh, results[r]);
		r++;
	}
	for (int i = 0; i < n_ys; i++, r++) results[r] = chance(g, 70) ? in.pool[pick(g, in.n)] : results[pick(g, r)];
	const Graph *body = body_graph(&in, r, results);
	const Val *v = is_scan ? b_scan(cx, body, n_consts, n_carries, n, args, length, chance(g, 40))
			       : b_loop(cx, body, n_consts, n_carries, n, args, dim_int(cx, 1 + pick(g, 5)));
	for (int i = 0; i < v->type->n_parts; i++)
		if (chance(g, 85)) add(g, val_get(cx, v, i));
	return NULL;
}

static const Val *gen_cond(Gen *g)
{
	Ctx *cx = g->cx;
	const Val *args[4];
	int n = 1 + pick(g, 3), n_results = 1 + pick(g, 2);
	for (int i = 0; i < n; i++) args[i] = take(g, '*', false);
	const Type *types[2];
	const Graph *bodies[2];
	for (int b = 0; b < 2; b++) {
		Gen in = body_gen(g);
		for (int i = 0; i < n; i++) body_param(&in, args[i]->type, is_exact(g, args[i]));
		gen_some(&in, pick(g, 6));
		const Val *results[2];
		for (int i = 0; i < n_results; i++) {
			results[i] = b ? body_result(&in, types[i]) : in.pool[pick(&in, in.n)];
			types[i] = results[i]->type;
		}
		bodies[b] = body_graph(&in, n_results, results);
	}
	const Val *v = b_cond(cx, take_like(g, type_scalar(cx, BOOL), true), bodies[0], bodies[1], n, args);
	for (int i = 0; i < n_results; i++) add(g, val_get(cx, v, i));
	return NULL;
}

static const Val *gen_one(Gen *g)
{
	const int what = pick(g, 100);
	return what < 38 ? gen_ew(g) : what < 58 ? gen_view(g) : what < 70 ? gen_move(g) : what < 86 ? gen_compute(g) :
		what < 90 || g->depth > 1 ? gen_source(g) : what < 97 ? gen_loop(g) : gen_cond(g);
}

/* A choice that does not type is no choice. */
static bool gen_try(Gen *g)
{
	const Val *volatile v = NULL;
	const int before = g->n;
	TRY(g->cx) v = gen_one(g);
	if (v) add(g, v);
	return g->n > before;
}

static void gen_some(Gen *g, int n)
{
	for (int made = 0, tries = 0; made < n && tries < 4 * n + 10; tries++) made += gen_try(g);
}

/* The values that nothing reads, and some others, are the results. */
static const Graph *gen_graph(Ctx *cx, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x5851f42d4c957f2d) + 1;
	sym_bound(cx, "T", 0, INT64_MAX);
	sym_bound(cx, "B", 1, INT64_MAX);
	Gen g = {.cx = cx, .seed = &state};
	map_init(&g.exact, cx->arena);
	new_leaf(&g, random_type(&g, F32));
	gen_some(&g, 1 + pick(&g, 1 + pick(&g, 40)));
	const Val *results[12];
	int n = 0;
	for (int i = g.n - 1; i >= 0 && n < 12; i--)
		if (i == g.n - 1 || chance(&g, 25)) results[n++] = g.pool[i];
	/* T and B must be told by the inputs. */
	for (int s = 0; s < 2; s++) {
		const Dim *d = dim_sym(cx, s ? "B" : "T");
		g.params[g.n_params] = val_param(cx, g.n_params, type_new(cx, F32, 1, &d));
		g.n_params++;
	}
	const char *pn[64], *rn[12];
	for (int i = 0; i < g.n_params; i++) pn[i] = arena_printf(cx->arena, "p%d", i);
	for (int i = 0; i < n; i++) rn[i] = arena_printf(cx->arena, "r%d", i);
	return graph_new(cx, "fuzz", g.n_params, g.params, pn, n, results, rn);
}

/* ---- one graph, ready to be compared ---- */

enum { N_SIZES = 2, N_SHAKES = 2 };
typedef struct {
	uint64_t seed;
	const Graph *g;
	struct {
		DimEnv env;
		const Tensor **inputs, **wanted;
		double *tolerance; /* of each result; 0: exact */
	} at[N_SIZES];
} Subject;

static double coarsest(const Tensor *t)
{
	return t->elem == BF16 ? 0x1p-5 : t->elem == F16 ? 0x1p-8 : t->elem == F64 ? 1e-10 : 3e-5;
}

static const Tensor *shaken(Arena *arena, uint64_t *seed, const Tensor *t)
{
	if (t->elem != F32 && t->elem != F64) return t;
	Tensor *s = tensor_new(arena, t->elem, t->rank, t->dims);
	for (int64_t i = 0; i < t->count; i++)
		tensor_set(s, i, tensor_get(t, i) * (1 + 1e-6 * ((double)(random_next(seed) % 2001) / 1000 - 1)));
	return s;
}

/* False where the interpreter refuses. */
static bool subject_fill(Ctx *cx, Subject *s)
{
	volatile bool done = false;
	static const int ts[] = {0, 1, 2, 3, 7, 9}, bs[] = {1, 2, 5, 17};
	TRY(cx)
	{
		Map exact;
		map_init(&exact, cx->arena);
		for (int i = 0; i < s->g->n_params; i++) map_put(&exact, s->g->params[i], "");
		find_exact(cx->arena, s->g, &exact);
		bool has_f64 = false;
		Order order = graph_order(cx->arena, s->g);
		for (int i = 0; i < order.n; i++) has_f64 |= !order.vals[i]->type->is_tuple && order.vals[i]->type->elem == F32;
		for (int k = 0; k < N_SIZES; k++) {
			uint64_t seed = s->seed * 3 + (uint64_t)k;
			dimenv_init(&s->at[k].env, cx->arena);
			set_dim(cx, &s->at[k].env, "T", ts[random_next(&seed) % 6]);
			set_dim(cx, &s->at[k].env, "B", bs[random_next(&seed) % 4]);
			s->at[k].inputs = NEWN(cx->arena, const Tensor *, s->g->n_params + 1);
			s->at[k].wanted = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
			s->at[k].tolerance = NEWN(cx->arena, double, s->g->n_results + 1);
			const Tensor **shake = NEWN(cx->arena, const Tensor *, s->g->n_params + 1), **other = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
			for (int i = 0; i < s->g->n_params; i++)
				s->at[k].inputs[i] = random_input(cx, cx->arena, &seed, s->g->params[i]->type, &s->at[k].env, false);
			Eval e = {.cx = cx, .arena = cx->arena, .env = s->at[k].env, .max_bytes = 64 << 20};
			eval_graph(&e, s->g, s->at[k].inputs, s->at[k].wanted);
			for (int n = 0; n < N_SHAKES; n++) {
				for (int i = 0; i < s->g->n_params; i++) shake[i] = shaken(cx->arena, &seed, s->at[k].inputs[i]);
				eval_graph(&e, s->g, shake, other);
				for (int i = 0; i < s->g->n_results; i++) {
					const Tensor *w = s->at[k].wanted[i];
					if (map_get(&exact, s->g->results[i]) || !elem_is_float(w->elem)) continue;
					double dev = 0, scale = 1;
					for (int64_t j = 0; j < w->count; j++) {
						const double p = tensor_get(w, j), q = tensor_get(other[i], j), d = fabs(p - q);
						if (isfinite(p) != isfinite(q)) dev = INFINITY;
						if (d > dev) dev = d;
						if (isfinite(p) && fabs(p) > scale) scale = fabs(p);
					}
					const double tol = 100 * dev / scale + (has_f64 && w->elem == F64 ? 3e-5 : coarsest(w));
					if (tol > s->at[k].tolerance[i]) s->at[k].tolerance[i] = tol;
				}
			}
		}
		done = true;
	}
	return done;
}

enum { OK, DIFFERS, REFUSED, NOT_C, N_OUTCOMES };

static int subject_check(Ctx *cx, const Subject *s, const Module *m, const Compiled *c, const Variant *v, bool quiet)
{
	for (int k = 0; k < N_SIZES; k++) {
		const Tensor **seen = NEWN(cx->arena, const Tensor *, s->g->n_results + 1);
		const char *wrong = call_compiled(cx, cx->arena, m, c, s->g, &s->at[k].env, s->at[k].inputs, seen);
		if (wrong) {
			if (!quiet) fprintf(stderr, "seed %llu, %s: %s\n", (unsigned long long)s->seed, v->name, wrong);
			return DIFFERS;
		}
		for (int i = 0; i < s->g->n_results; i++) {
			const Tensor *w = s->at[k].wanted[i];
			if (!(s->at[k].tolerance[i] < 1e3)) continue; /* chaos, or infinities that come and go */
			const int64_t at = first_difference(w, seen[i], s->at[k].tolerance[i]);
			if (at < 0) continue;
			if (!quiet)
				fprintf(stderr, "seed %llu, %s: result %s, call %d, element %lld: wanted %.9g, seen %.9g (tolerance %g)\n",
					(unsigned long long)s->seed, v->name, s->g->result_names[i], k, (long long)at, tensor_get(w, at),
					tensor_get(seen[i], at), s->at[k].tolerance[i]);
			return DIFFERS;
		}
	}
	return OK;
}

static int check_batch(Ctx *cx, int n, Subject *subjects, const Variant *v, bool quiet)
{
	Compiled **all = NEWN(cx->arena, Compiled *, n);
	int outcome = OK;
	for (int i = 0; i < n; i++) {
		if (!subjects[i].g) continue;
		TRY(cx) {
			Compiled *c = compile_as(cx, subjects[i].g, v, arena_printf(cx->arena, "g%d", i));
			all[i] = c;
		} else {
			if (!quiet) fprintf(stderr, "seed %llu, %s: error: %s\n", (unsigned long long)subjects[i].seed, v->name, cx->error);
			outcome = REFUSED;
		}
	}
	char *error;
	Module *m = load_all(cx->arena, n, all, v, &error);
	if (!m) {
		if (!quiet) fprintf(stderr, "%s: %.3000s\n", v->name, error);
		return NOT_C;
	}
	for (int i = 0; i < n; i++)
		if (all[i]) {
			const int one = subject_check(cx, &subjects[i], m, all[i], v, quiet);
			outcome = one ? one : outcome;
		}
	module_free(m);
	return outcome;
}

/* ---- children ---- */

/* Runs in a child; 100 + the signal where one ended it. */
static int in_child(int (*run)(void *), void *user, bool quiet)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(120);
		if (quiet && !freopen("/dev/null", "w", stderr)) _exit(99);
		_exit(run(user));
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

typedef struct {
	uint64_t first;
	int n, variant;
	const char *text; /* instead of seeds */
	bool quiet;
} Job;

static int run_job(void *user)
{
	const Job *job = user;
	Ctx *cx = ctx_new();
	Subject *subjects = NEWN(cx->arena, Subject, job->n);
	for (int i = 0; i < job->n; i++) {
		Subject *s = &subjects[i];
		s->seed = job->first + (uint64_t)i;
		TRY(cx) {
			const Graph *g = job->text ? graph_parse(cx, job->text, "text") : gen_graph(cx, s->seed);
			graph_verify(cx, g);
			s->g = g;
		} else {
			fprintf(stderr, "seed %llu: the graph is refused: %s\n", (unsigned long long)s->seed, cx->error);
			return REFUSED;
		}
		if (!subject_fill(cx, s)) s->g = NULL;
	}
	return check_batch(cx, job->n, subjects, &variants[job->variant], job->quiet);
}

/* ---- shrinking ---- */

static char *text_of(const Graph *g, Arena *arena)
{
	Buf b;
	buf_init(&b, arena);
	graph_print(&b, g, (PrintOptions){.max_data = -1});
	return b.text;
}

typedef struct {
	const Val *victim, *by;
} Swap;

static const Val *swap_fn(Rewrite *rw, const Val *old, const Val *const *args)
{
	const Swap *s = rw->user;
	return old == s->victim ? s->by : val_with(rw->cx, old, args);
}

static const Graph *keep_body(Rewrite *rw, const Graph *body)
{
	(void)rw;
	return body;
}

static const Graph *replace(Ctx *cx, const Graph *g, const Val *victim, const Val *by)
{
	Swap s = {victim, by};
	Rewrite rw = {.cx = cx, .user = &s, .fn = swap_fn, .graph_fn = keep_body};
	return graph_rewrite(cx, g, &rw);
}

/* Change `number` of g: NULL after the last, g itself where it is none. */
static const Graph *candidate(Ctx *cx, const Graph *g, int number)
{
	if (number < g->n_results) { /* drop a result */
		if (g->n_results == 1) return g;
		const Val **r = NEWN(cx->arena, const Val *, g->n_results);
		const char **names = NEWN(cx->arena, const char *, g->n_results);
		int n = 0;
		for (int i = 0; i < g->n_results; i++)
			if (i != number) r[n] = g->results[i], names[n++] = g->result_names[i];
		return graph_new(cx, g->name, g->n_params, g->params, g->param_names, n, r, names);
	}
	number -= g->n_results;
	Order order = graph_order(cx->arena, g);
	const Val *v = order.vals[number / 4 < order.n ? order.n - 1 - number / 4 : 0];
	if (number / 4 >= order.n) return NULL;
	if (number % 4 == 0) { /* a parameter instead */
		if (v->op == OP_param || v->type->is_tuple || g->n_params > 60) return g;
		const Val **params = NEWN(cx->arena, const Val *, g->n_params + 1);
		const char **names = NEWN(cx->arena, const char *, g->n_params + 1);
		memcpy(params, g->params, sizeof *params * (size_t)g->n_params);
		memcpy(names, g->param_names, sizeof *names * (size_t)g->n_params);
		params[g->n_params] = val_param(cx, g->n_params, v->type);
		names[g->n_params] = arena_printf(cx->arena, "p%d", g->n_params);
		const Graph *wide = graph_new(cx, g->name, g->n_params + 1, params, names, g->n_results, g->results, g->result_names);
		return replace(cx, wide, v, params[g->n_params]);
	}
	if (number % 4 < 3) { /* an operand instead */
		const int k = number % 4 - 1;
		return k < v->n_args && v->args[k]->type == v->type ? replace(cx, g, v, v->args[k]) : g;
	}
	if (v->op != OP_scan && v->op != OP_loop && v->op != OP_cond) return g;
	/* Simplify inside the first body: an operand instead of a value. */
	const Graph *body = val_body(v, 0);
	Order inner = graph_order(cx->arena, body);
	for (int i = inner.n - 1; i >= 0; i--)
		for (int k = 0; k < inner.vals[i]->n_args; k++) {
			const Val *x = inner.vals[i];
			if (x->args[k]->type != x->type) continue;
			const Graph *less = replace(cx, body, x, x->args[k]);
			Attr *attrs = NEWN(cx->arena, Attr, v->n_attrs);
			memcpy(attrs, v->attrs, sizeof *attrs * (size_t)v->n_attrs);
			for (int a = 0; a < v->n_attrs; a++)
				if (attrs[a].key == A_BODY) {
					const Graph **graphs = NEWN(cx->arena, const Graph *, attrs[a].n);
					memcpy(graphs, attrs[a].graphs, sizeof *graphs * (size_t)attrs[a].n);
					graphs[0] = less;
					attrs[a].graphs = graphs;
				}
			return replace(cx, g, v, val_with_attrs(cx, v, v->args, attrs));
		}
	return g;
}

static const Graph *without_unused_params(Ctx *cx, const Graph *g);

/* Candidate `number` made sound, g itself where it is no change, NULL after the last. */
static const Graph *smaller(Ctx *cx, const Graph *g, int number)
{
	const Graph *const volatile same = g;
	const Graph *volatile less = g;
	TRY(cx) {
		const Graph *made = candidate(cx, same, number);
		less = made && made != same ? without_unused_params(cx, made) : made;
	}
	return less;
}

/* Without the parameters that nothing reads, but for those that tell a dim. */
static const Graph *without_unused_params(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	const Val **params = NEWN(cx->arena, const Val *, g->n_params), **args = NEWN(cx->arena, const Val *, g->n_params);
	const char **names = NEWN(cx->arena, const char *, g->n_params);
	int n = 0;
	for (int i = 0; i < g->n_params; i++) {
		bool used = false;
		for (int k = 0; k < order.n; k++)
			for (int a = 0; a < order.vals[k]->n_args; a++) used |= order.vals[k]->args[a] == g->params[i];
		for (int r = 0; r < g->n_results; r++) used |= g->results[r] == g->params[i];
		const Type *t = g->params[i]->type;
		args[i] = g->params[i];
		if (!used && !(t->rank == 1 && !type_is_static(t))) continue;
		names[n] = g->param_names[i];
		args[i] = params[n] = val_param(cx, n, t);
		n++;
	}
	const Val **results = NEWN(cx->arena, const Val *, g->n_results);
	graph_splice(cx, g, args, results);
	return graph_new(cx, g->name, n, params, names, g->n_results, results, g->result_names);
}

static void shrink(uint64_t seed, const char *text, int variant, int outcome)
{
	Ctx *cx = ctx_new();
	const Graph *g = NULL;
	TRY(cx) {
		const Graph *start = text ? graph_parse(cx, text, "text") : gen_graph(cx, seed);
		g = start;
	}
	if (!g) return;
	time_t end = time(NULL) + 60;
	for (int number = 0, tried = 0; tried < 3000 && time(NULL) < end; tried++) {
		const Graph *less = smaller(cx, g, number);
		if (!less) break;
		number++;
		if (less == g) continue;
		Job job = {.first = seed, .n = 1, .variant = variant, .text = text_of(less, cx->arena), .quiet = true};
		if (in_child(run_job, &job, true) == outcome) {
			g = less;
			number = 0;
		}
	}
	printf("---- seed %llu, %s, shrunk:\n%s", (unsigned long long)seed, variants[variant].name, text_of(g, cx->arena));
	fflush(stdout);
	Job job = {.first = seed, .n = 1, .variant = variant, .text = text_of(g, cx->arena)};
	in_child(run_job, &job, false);
	ctx_free(cx);
}

/* ---- the command ---- */

static int find_in_batch(uint64_t first, int n, int variant)
{
	for (int i = 0; i < n; i++) {
		Job job = {.first = first + (uint64_t)i, .n = 1, .variant = variant};
		const int outcome = in_child(run_job, &job, false);
		if (outcome == OK) continue;
		fprintf(stderr, "seed %llu, %s: outcome %d\n", (unsigned long long)job.first, variants[variant].name, outcome);
		shrink(job.first, NULL, variant, outcome);
		return 1;
	}
	return 0;
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return 1;
	}
	char *text = calloc(1, 1 << 20);
	const size_t n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	text[n] = 0;
	int failed = 0;
	for (int v = 0; v < N_VARIANTS; v++) {
		if (!variant_runs(&variants[v])) continue;
		Job job = {.first = 1, .n = 1, .variant = v, .text = text};
		const int outcome = in_child(run_job, &job, false);
		if (outcome == OK) continue;
		fprintf(stderr, "%s, %s: outcome %d\n", path, variants[v].name, outcome);
		failed++;
	}
	free(text);
	return failed;
}

int main(int argc, char **argv)
{
	enum { BATCH = 25 };
	long seconds = 60, count = LONG_MAX, max_finds = 1;
	uint64_t seed = 1;
	int files = 0, failed = 0, only = -1;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--seconds")) seconds = atol(value), i++;
		else if (!strcmp(argv[i], "--seed")) seed = strtoull(value, NULL, 0), i++;
		else if (!strcmp(argv[i], "--count")) count = atol(value), i++;
		else if (!strcmp(argv[i], "--finds")) max_finds = atol(value), i++;
		else if (!strcmp(argv[i], "--variant")) only = atoi(value), i++;
		else files++, failed += run_file(argv[i]);
	}
	if (files) return failed != 0;
	time_t end = time(NULL) + seconds;
	long n_graphs = 0, n_finds = 0;
	for (int round = 0; time(NULL) < end && n_graphs < count && n_finds < max_finds; round++) {
		const int n = count - n_graphs < BATCH ? (int)(count - n_graphs) : BATCH;
		for (int v = 0; v < N_VARIANTS && n_finds < max_finds; v++) {
			/* The JIT's are quick and run always, the others in turn. */
			if ((only >= 0 && v != only) || !variant_runs(&variants[v]) || (only < 0 && variants[v].cc && (round + v) % 4)) continue;
			Job job = {.first = seed, .n = n, .variant = v, .quiet = true};
			if (in_child(run_job, &job, true) != OK) n_finds += find_in_batch(seed, n, v);
		}
		seed += (uint64_t)n;
		n_graphs += n;
	}
	printf("%ld graphs, the last seed %llu; %ld differed\n", n_graphs, (unsigned long long)seed - 1, n_finds);
	return n_finds != 0;
}
