/* generate.c: a random well-typed graph.  Operations that jump (floor, comparisons, sorting ...) get exact operands only. */
#include "fuzz_graphs.h"

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
			for (int k = 0; k < t->dims[i]->n_terms; k++)
				v += t->dims[i]->terms[k].coef * (t->dims[i]->terms[k].n_syms ? 8 : 1);
		}
		n *= (double)v;
	}
	return n;
}

static bool is_marked(Gen *g, const Val *v) { return map_get(&g->exact, v) != NULL; }

static bool is_half(Elem e) { return e == F16 || e == BF16; }

static void add(Gen *g, const Val *v)
{
	if (!v || v->type->is_tuple || g->n == MAX_POOL || estimate(v->type) > MAX_ELEMENTS || v->type->rank > 5)
		return;
	if (v->op != OP_param && is_exact(g->cx->arena, v, &g->exact)) map_put(&g->exact, v, "");
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
	if (!is_marked(g, v)) map_put(&g->exact, v, "");
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
		if (fits(cls, v->type->elem) && (is_marked(g, v) || (!exact && !is_half(v->type->elem)))) return v;
	}
	Elem e = cls == 'b' ? BOOL : cls == 'i' || cls == 'l' ? I32 : F32;
	return new_leaf(g, random_type(g, e));
}

static const Val *take_like(Gen *g, const Type *t, bool exact)
{
	const Val *found[MAX_POOL];
	int n = 0;
	for (int i = 0; i < g->n; i++)
		if (g->pool[i]->type == t && (is_marked(g, g->pool[i]) || (!exact && !is_half(t->elem))))
			found[n++] = g->pool[i];
	if (n > 1 || (n && chance(g, 50))) return found[pick(g, n)];
	/* Something smaller, broadcast. */
	for (int i = 0; i < 10 && g->n && t->rank; i++) {
		const Val *v = g->pool[pick(g, g->n)];
		if (v->type->elem != t->elem || v->type->rank >= t->rank ||
			(!is_marked(g, v) && (exact || is_half(t->elem))))
			continue;
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
	case OP_EW_floor:
	case OP_EW_ceil:
	case OP_EW_trunc:
	case OP_EW_round:
	case OP_EW_sign:
	case OP_EW_sqrt:
	case OP_EW_log:
	case OP_EW_asin:
	case OP_EW_acos:
	case OP_EW_acosh:
	case OP_EW_atanh:
	case OP_EW_pow:
	case OP_EW_tan:
	case OP_EW_mod:
	case OP_EW_rem:
	case OP_EW_eq:
	case OP_EW_ne:
	case OP_EW_lt:
	case OP_EW_le:
	case OP_EW_gt:
	case OP_EW_ge:
	case OP_EW_isnan:
	case OP_EW_isinf:
	case OP_EW_div: jumps = true; break;
	default: break;
	}
	if (info->ew_class == 's') {
		const Val *x = take(g, '*', false), *y = take_like(g, x->type, false);
		return val_new(
			cx, op, 3, (const Val *[]){take_like(g, type_with_elem(cx, x->type, BOOL), true), x, y}, NULL);
	}
	if (info->ew_class == 'b') { /* there and back: NaNs and their bits are no numbers to compare */
		const Val *x = take(g, '*', false);
		const Elem e = x->type->elem,
			   to = e == BOOL         ? U8
			: elem_info[e].bits == 64 ? I64
			: elem_info[e].bits == 32 ? U32
			: elem_info[e].bits == 16 ? I16
						  : U8;
		const Attr there = attr_elem(to), back = attr_elem(e);
		return to == e ? NULL : val_new(cx, op, 1, (const Val *[]){val_new(cx, op, 1, &x, &there)}, &back);
	}
	if (info->ew_class == 't') {
		const Val *x = take(g, '*', false);
		const Elem to = is_marked(g, x) ? random_elem(g) : F64;
		return to == x->type->elem ? NULL : b_cast(cx, x, to);
	}
	const char cls = info->ew_class == 'a' ? 'n'
		: info->ew_class == 'p'        ? 'f'
		: info->ew_class == 'c'        ? '*'
					       : info->ew_class;
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
		if (size < 1)
			return b_slice(cx, x, axis, dim_sub(cx, t->dims[axis], dim_int(cx, 1)), t->dims[axis],
				-1); /* a flip */
		{
			const int64_t step = chance(g, 50) ? 1 : 1 + pick(g, 3), most = (size - 1) / step + 1,
				      k = 1 + pick(g, (int)most);
			const int64_t start = pick(g, (int)(size - (k - 1) * step));
			if (chance(g, 40))
				return b_slice(cx, x, axis, dim_int(cx, start + (k - 1) * step), dim_int(cx, k), -step);
			return b_slice(cx, x, axis, dim_int(cx, start), dim_int(cx, k), step);
		}
	case 5: {
		const Dim *extra = random_dim(g);
		for (int i = 0; i < t->rank; i++)
			dims[n++] = dim_is(t->dims[i], 1) && chance(g, 70) ? random_dim(g) : t->dims[i];
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
		for (int i = 0; i < t->rank; i++)
			lo[i] = dim_int(cx, chance(g, 40) ? pick(g, 3) : 0),
			hi[i] = dim_int(cx, chance(g, 40) ? pick(g, 3) : 0);
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
		return b_scatter_nd(cx, x, index_value(g, type_new(cx, ie, 2, dims)),
			take_like(g, type_new(cx, t->elem, 1 + t->rank - depth, u), false), kind);
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
			if (is_half(x->type->elem) && !is_marked(g, x)) return NULL;
			for (int i = 0; i < 2; i++)
				dims[i] = x->type->rank && chance(g, 70) ? x->type->dims[pick(g, x->type->rank)]
									 : random_dim(g);
			y = take_like(g, type_new(cx, x->type->elem, pick(g, 3), dims), is_half(x->type->elem));
		}
		char spec[32], *s = spec, letters[16];
		const Dim *of[16];
		int n = 0;
		for (int i = 0; i < x->type->rank; i++)
			letters[n] = (char)('a' + n), of[n] = x->type->dims[i], *s++ = letters[n++];
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
	int n = 0, n_consts = pick(g, 3), n_carries = 1 + pick(g, 3), n_xs = is_scan ? pick(g, 3) : 0,
	    n_ys = pick(g, 3);
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
		body_param(&in, args[n - 1]->type, is_marked(g, args[n - 1]));
	}
	const Type *carry[4];
	for (int i = 0; i < n_carries; i++) {
		args[n] = take(g, '*', false);
		if (is_half(args[n]->type->elem) || estimate(args[n]->type) > 200)
			args[n] = new_leaf(g, type_scalar(cx, F32));
		body_param(&in, carry[i] = args[n++]->type, false);
	}
	for (int i = 0; i < n_xs; i++) {
		args[n++] = xs[i];
		body_param(&in, type_new(cx, xs[i]->type->elem, xs[i]->type->rank - 1, xs[i]->type->dims + 1),
			is_marked(g, xs[i]));
	}
	gen_some(&in, 1 + pick(g, 8));
	const Val *results[16];
	int r = 0;
	if (!is_scan) results[r++] = take_like(&in, type_scalar(cx, BOOL), true);
	for (int i = 0; i < n_carries; i++) {
		results[r] = body_result(&in, carry[i]);
		/* Floats stay small however many steps there are. */
		if (elem_is_float(carry[i]->elem) && results[r]->op != OP_param && chance(g, 80))
			results[r] = b_ew1(cx, OP_EW_tanh, results[r]);
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
		for (int i = 0; i < n; i++) body_param(&in, args[i]->type, is_marked(g, args[i]));
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
	return what < 38                    ? gen_ew(g)
		: what < 58                 ? gen_view(g)
		: what < 70                 ? gen_move(g)
		: what < 86                 ? gen_compute(g)
		: what < 90 || g->depth > 1 ? gen_source(g)
		: what < 97                 ? gen_loop(g)
					    : gen_cond(g);
}

/* A choice that does not type is no choice. */
static bool gen_try(Gen *g)
{
	const Val *volatile v = NULL;
	const int before = g->n;
	TRY (g->cx) v = gen_one(g);
	if (v) add(g, v);
	return g->n > before;
}

static void gen_some(Gen *g, int n)
{
	for (int made = 0, tries = 0; made < n && tries < 4 * n + 10; tries++) made += gen_try(g);
}

/* The values that nothing reads, and some others, are the results. */
static const Graph *random_values(Ctx *cx, uint64_t seed)
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

const Graph *random_graph(Ctx *cx, uint64_t seed)
{
	return seed % 2 ? random_recurrent(cx, seed) : random_values(cx, seed);
}
