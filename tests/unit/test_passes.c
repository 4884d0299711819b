/* test_passes.c: whatever a pass does to a graph, the interpreter gives the same.
 *
 * A generator makes random well-typed graphs over the primitives, with scans, loops, conditionals and calls whose bodies
 * are random graphs again; it offers operands at random and keeps what the type rules take.  Numbers are small integers
 * kept small (products and sums are taken modulo 17), so that every sum is exact in any order and results are compared
 * exactly, also where a pass may reassociate.  A second kind uses all element-wise ops on any numbers, without contracts
 * and sums: there canon has to keep every bit, the sign of zero included.
 *
 * A graph that the interpreter refuses (an index out of range when T is small) is not compared, as passes may remove what
 * fails.
 */
#include "passes/passes.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_POOL = 64, MAX_DEPTH = 2 };

typedef struct {
	Ctx *cx;
	uint64_t state;
	bool exact_sums; /* the first kind */
	int depth;
} Gen;

typedef struct {
	int n;
	const Val *vals[MAX_POOL];
} Pool;

static int pick(Gen *g, int n) /* 0 .. n-1 */
{
	if (n <= 1) return 0;
	g->state = g->state * 6364136223846793005u + 1442695040888963407u;
	return (int)((g->state >> 33) % (uint64_t)n);
}

static const Val *any(Gen *g, const Pool *p) { return p->vals[pick(g, p->n)]; }

static const Dim *any_dim(Gen *g)
{
	int k = pick(g, 6);
	const Dim *t = dim_sym(g->cx, "T");
	return k == 0 ? t : k == 1 ? dim_add(g->cx, t, dim_int(g->cx, 1)) : dim_int(g->cx, k - 1);
}

static const Type *any_type(Gen *g)
{
	static const Elem elems[] = {F64, F64, F64, I64, I64, BOOL, I32, F32};
	const Dim *dims[3];
	int rank = pick(g, 4);
	for (int i = 0; i < rank; i++) dims[i] = any_dim(g);
	return type_new(g->cx, elems[pick(g, 8)], rank, dims);
}

static void fill(Gen *g, Tensor *t)
{
	for (int64_t i = 0; i < t->count; i++) {
		double v = t->elem == BOOL ? pick(g, 2) : pick(g, 7) - 3;
		if (!g->exact_sums && elem_is_float(t->elem)) {
			static const double odd[] = {-0.0, NAN, INFINITY, -INFINITY, 0.5, -1.5, 1e300, 3e-9};
			if (pick(g, 3) == 0) v = odd[pick(g, 8)];
		}
		tensor_set(t, i, v);
	}
}

static const Val *gen_const(Gen *g)
{
	static const Elem elems[] = {F64, F64, I64, BOOL};
	int64_t dims[3];
	int rank = pick(g, 4);
	for (int i = 0; i < rank; i++) dims[i] = 1 + pick(g, 4);
	Tensor *t = tensor_new(g->cx->arena, elems[pick(g, 4)], rank, dims);
	fill(g, t);
	if (pick(g, 3) == 0) /* all equal: what identities look for */
		for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, pick(g, 2));
	return val_const(g->cx, t);
}

/* What keeps numbers small. */
static const Val *small(Gen *g, const Val *v)
{
	if (!g->exact_sums || v->type->elem == BOOL || v->type->elem == F32) return v;
	return b_ew2(g->cx, OP_EW_mod, v, b_scalar_int(g->cx, v->type->elem, 17));
}

static const Val *gen_ew(Gen *g, const Pool *p)
{
	static const Op exact[] = {OP_EW_add, OP_EW_sub, OP_EW_mul, OP_EW_min, OP_EW_max, OP_EW_neg, OP_EW_abs,
		OP_EW_sign, OP_EW_eq, OP_EW_ne, OP_EW_lt, OP_EW_le, OP_EW_gt, OP_EW_ge, OP_EW_and, OP_EW_or, OP_EW_xor,
		OP_EW_not, OP_EW_select, OP_EW_cast, OP_EW_floor, OP_EW_round, OP_EW_add, OP_EW_mul};
	Ctx *cx = g->cx;
	Op op = g->exact_sums ? exact[pick(g, sizeof exact / sizeof *exact)] : (Op)pick(g, OP_EW_cast + 1);
	const Val *a = any(g, p), *b = any(g, p);
	if (op == OP_EW_cast) {
		static const Elem to[] = {F64, I64, BOOL, I32, F32, F64};
		return b_cast(cx, a, to[pick(g, g->exact_sums ? 4 : 6)]);
	}
	if (op == OP_EW_select) {
		for (int i = 0; i < 20 && a->type->elem != BOOL; i++) a = any(g, p);
		return b_select(cx, a, b, any(g, p));
	}
	return op_info[op].n_args == 1 ? b_ew1(cx, op, a) : small(g, b_ew2(cx, op, a, b));
}

static const Val *gen_view(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *x = any(g, p);
	int rank = x->type->rank, axis = rank ? pick(g, rank) : 0, perm[4];
	const Dim *dims[6];
	switch (pick(g, 7)) {
	case 0: /* merge two dims, split none: polynomials multiply */
		if (rank < 2) return b_unsqueeze(cx, x, pick(g, rank + 1));
		for (int i = 0; i < rank - 1; i++)
			dims[i] = i == 0 ? dim_mul(cx, x->type->dims[0], x->type->dims[1]) : x->type->dims[i + 1];
		return b_reshape(cx, x, rank - 1, dims);
	case 1: return rank < 4 ? b_unsqueeze(cx, x, pick(g, rank + 1)) : NULL;
	case 2: return rank ? b_squeeze(cx, x, axis) : NULL;
	case 3:
		if (rank < 2 || rank > 4) return NULL;
		for (int i = 0; i < rank; i++) perm[i] = i;
		for (int i = 0; i < 3; i++) {
			int a = pick(g, rank), b = pick(g, rank), t = perm[a];
			perm[a] = perm[b];
			perm[b] = t;
		}
		return b_permute(cx, x, perm);
	case 4: { /* a slice that is inside where the size is known */
		static const int64_t steps[] = {1, 1, 1, 2, -1};
		int64_t n, step = steps[pick(g, 5)];
		if (!rank) return NULL;
		if (!dim_is_int(x->type->dims[axis], &n))
			return step < 0 ? b_slice(cx, x, axis, dim_sub(cx, x->type->dims[axis], dim_int(cx, 1)),
						  x->type->dims[axis], -1)
					: b_slice(cx, x, axis, dim_int(cx, pick(g, 2)), dim_int(cx, 1), 1);
		int size = 1 + pick(g, (int)n), start = step < 0 ? size - 1 : pick(g, (int)n - size + 1);
		return b_slice(cx, x, axis, dim_int(cx, start), dim_int(cx, size), step);
	}
	case 5:
		if (rank > 3) return NULL;
		for (int i = 0; i < rank; i++)
			dims[i + 1] = dim_is(x->type->dims[i], 1) ? any_dim(g) : x->type->dims[i];
		dims[0] = any_dim(g);
		return pick(g, 2) ? b_expand(cx, x, rank + 1, dims) : b_expand(cx, x, rank, dims + 1);
	default: return rank && rank < 4 ? b_window(cx, x, axis, 1 + pick(g, 2), 1 + pick(g, 2), 1) : NULL;
	}
}

static const Val *gen_move(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *x = any(g, p), *parts[3] = {x, any(g, p), any(g, p)}, *i = any(g, p);
	int rank = x->type->rank, axis = rank ? pick(g, rank) : 0;
	const Dim *lo[4], *hi[4];
	if (!rank || rank > 4) return NULL;
	switch (pick(g, 4)) {
	case 0: return b_concat(cx, 2 + pick(g, 2), parts, axis);
	case 1:
		for (int k = 0; k < rank; k++) {
			lo[k] = dim_int(cx, k == axis ? pick(g, 3) : 0);
			hi[k] = dim_int(cx, k == axis ? pick(g, 2) : 0);
		}
		return b_pad(cx, x, lo, hi, b_scalar(cx, x->type->elem, pick(g, 2)));
	case 2: return rank + i->type->rank < 6 ? b_gather(cx, x, i, axis) : NULL;
	default: return b_concat(cx, 2, (const Val *[]){x, x}, axis);
	}
}

/* Letters at random: those of equal dims may be the same. */
static const Val *gen_contract(Gen *g, const Pool *p)
{
	const Val *x[2] = {any(g, p), any(g, p)};
	char spec[3][10] = {""};
	const Dim *of[10];
	int n = 0;
	if (!g->exact_sums || x[0]->type->rank > 3 || x[1]->type->rank > 3) return NULL;
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < x[k]->type->rank; i++) {
			int letter = n;
			for (int l = 0; l < n; l++)
				if (of[l] == x[k]->type->dims[i] && !strchr(spec[k], 'a' + l) && pick(g, 3)) letter = l;
			if (letter == n) of[n++] = x[k]->type->dims[i];
			spec[k][strlen(spec[k])] = (char)('a' + letter);
		}
	int from = pick(g, 3);
	for (int l = 0; l < n; l++) {
		int c = (l + from) % n;
		bool shared = strchr(spec[0], 'a' + c) && strchr(spec[1], 'a' + c);
		if (pick(g, shared ? 3 : 6)) {
			if (!shared || pick(g, 2)) spec[2][strlen(spec[2])] = (char)('a' + c);
		}
	}
	return small(
		g, b_contract(g->cx, arena_printf(g->cx->arena, "%s,%s->%s", spec[0], spec[1], spec[2]), x[0], x[1]));
}

/* Gates: one operand with several constants. */
static const Val *gen_gates(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *x = any(g, p), *y[3];
	int64_t k = 0, n = 1 + pick(g, 3);
	int rank = x->type->rank;
	if (!g->exact_sums || rank < 1 || rank > 3 || !dim_is_int(x->type->dims[rank - 1], &k) || x->type->elem == BOOL)
		return NULL;
	const char *left = (const char *[]){"k", "bk", "abk"}[rank - 1];
	bool flipped = pick(g, 2);
	for (int i = 0; i < 3; i++) {
		Tensor *w = tensor_new(cx->arena, x->type->elem, 2, flipped ? (int64_t[]){n, k} : (int64_t[]){k, n});
		fill(g, w);
		const char *spec = arena_printf(cx->arena, "%s,%s->%.*sn", left, flipped ? "nk" : "kn", rank - 1, left);
		y[i] = small(g, b_contract(cx, spec, x, val_const(cx, w)));
	}
	return b_ew2(cx, OP_EW_add, b_ew2(cx, OP_EW_max, y[0], y[1]), y[2]);
}

static const Val *gen_reduce(Gen *g, const Pool *p)
{
	static const char *const kinds[] = {"max", "min", "sum"};
	Ctx *cx = g->cx;
	const Val *x = any(g, p);
	int axis = x->type->rank ? pick(g, x->type->rank) : 0, n_kinds = g->exact_sums ? 3 : 2;
	if (!x->type->rank) return NULL;
	switch (pick(g, 5)) {
	case 0: return b_argreduce(cx, pick(g, 2) ? "max" : "min", x, axis, pick(g, 2));
	case 1:
		return small(g,
			b_cumulative(cx, n_kinds == 3 && pick(g, 2) ? "sum" : "max", x, axis,
				n_kinds == 3 && pick(g, 2), pick(g, 2)));
	case 2: return b_sort(cx, x, axis, pick(g, 2));
	default: return small(g, b_reduce(cx, kinds[pick(g, n_kinds)], x, 1, &axis, pick(g, 2)));
	}
}

static const Val *gen_source(Gen *g)
{
	const Dim *d[2] = {any_dim(g), any_dim(g)};
	switch (pick(g, 4)) {
	case 0: return b_dim(g->cx, d[0]);
	case 1: {
		int rank = 1 + pick(g, 2);
		return b_iota(g->cx, pick(g, 3) ? I64 : F64, rank, d, pick(g, rank));
	}
	default: return gen_const(g);
	}
}

static void gen_values(Gen *, Pool *, int n);

/* A body on params of the given types, that gives values of the wanted types, then some of any type. */
static const Graph *gen_body(
	Gen *g, int n_params, const Type *const *types, int n_wanted, const Type *const *wanted, int n_more)
{
	Ctx *cx = g->cx;
	Pool p = {0};
	const Val *params[12], *results[12];
	for (int i = 0; i < n_params; i++) params[i] = p.vals[p.n++] = val_param(cx, i, types[i]);
	g->depth++;
	gen_values(g, &p, 3 + pick(g, 5));
	g->depth--;
	for (int i = 0; i < n_wanted; i++) {
		const Val *fits[MAX_POOL];
		int n = 0;
		for (int k = 0; k < p.n; k++)
			if (p.vals[k]->type == wanted[i]) fits[n++] = p.vals[k];
		results[i] = n ? fits[pick(g, n)] : b_zeros(cx, wanted[i]->elem, wanted[i]->rank, wanted[i]->dims);
	}
	for (int i = 0; i < n_more; i++) results[n_wanted + i] = any(g, &p);
	return graph_new(cx, "body", n_params, params, NULL, n_wanted + n_more, results, NULL);
}

static const Val *gen_scan(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *args[12], *lead = any(g, p);
	const Type *types[12];
	int n = 0, n_consts = pick(g, 3), n_carries = pick(g, 3);
	for (; n < n_consts + n_carries; n++) {
		args[n] = any(g, p);
		types[n] = args[n]->type;
	}
	const Dim *length = lead->type->rank ? lead->type->dims[0] : any_dim(g);
	if (pick(g, 4) == 0) { /* one that counts its steps */
		types[n] = type_scalar(cx, I64);
		args[n++] = b_iota(cx, I64, 1, &length, 0);
	}
	for (int k = 0; k < 12 && n < 6; k++) {
		const Val *x = k ? any(g, p) : lead;
		if (!x->type->rank || x->type->dims[0] != length) continue;
		types[n] = type_new(cx, x->type->elem, x->type->rank - 1, x->type->dims + 1);
		args[n++] = x;
	}
	const Graph *body = gen_body(g, n, types, n_carries, types + n_consts, pick(g, 3) + (n_carries == 0));
	const Val *scan = b_scan(cx, body, n_consts, n_carries, n, args, length, pick(g, 2));
	return val_get(cx, scan, pick(g, scan->type->n_parts));
}

static const Val *gen_loop(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *args[12] = {b_scalar_int(cx, I64, pick(g, 5)), b_scalar_int(cx, BOOL, pick(g, 4) > 0)};
	const Type *types[12] = {type_scalar(cx, I64)}, *wanted[12] = {type_scalar(cx, BOOL)};
	int n_consts = pick(g, 3), n_carries = pick(g, 3), n = n_consts + n_carries;
	const Dim *length = any_dim(g);
	if (pick(g, 2)) args[0] = b_dim(cx, length);
	for (int i = 0; i < n; i++) {
		args[2 + i] = any(g, p);
		types[1 + i] = args[2 + i]->type;
		if (i >= n_consts) wanted[1 + i - n_consts] = args[2 + i]->type;
	}
	const Graph *body = gen_body(g, n + 1, types, n_carries + 1, wanted, pick(g, 2));
	const Val *loop = b_loop(cx, body, n_consts, n_carries, n + 2, args, length);
	return val_get(cx, loop, pick(g, loop->type->n_parts));
}

static const Val *gen_cond(Gen *g, const Pool *p)
{
	Ctx *cx = g->cx;
	const Val *args[3] = {any(g, p), any(g, p), any(g, p)}, *c = any(g, p);
	const Type *types[3] = {args[0]->type, args[1]->type, args[2]->type};
	for (int i = 0; i < 30 && (c->type->rank || c->type->elem != BOOL); i++) c = any(g, p);
	if (c->type->rank || c->type->elem != BOOL) c = b_scalar_int(cx, BOOL, pick(g, 2));
	const Graph *a = gen_body(g, 3, types, 1, types, 1);
	const Type *wanted[2] = {types[0], a->results[1]->type};
	const Graph *b = gen_body(g, 3, types, 2, wanted, 0);
	if (pick(g, 4) == 0) b = a;
	return val_get(cx, b_cond(cx, c, a, b, 3, args), pick(g, 2));
}

static const Val *gen_call(Gen *g, const Pool *p)
{
	const Val *args[2] = {any(g, p), any(g, p)};
	const Type *types[2] = {args[0]->type, args[1]->type};
	return val_get(g->cx, b_call(g->cx, "f", gen_body(g, 2, types, 0, NULL, 2), 2, args), pick(g, 2));
}

static const Val *gen_value(Gen *g, const Pool *p)
{
	int k = pick(g, 20);
	if (k < 6) return gen_ew(g, p);
	if (k < 10) return gen_view(g, p);
	if (k < 12) return gen_move(g, p);
	if (k < 14) return pick(g, 3) ? gen_contract(g, p) : gen_gates(g, p);
	if (k < 15) return gen_reduce(g, p);
	if (k < 16) return gen_source(g);
	if (g->depth == MAX_DEPTH) return NULL;
	return k < 18 ? gen_scan(g, p) : k == 18 ? gen_loop(g, p) : pick(g, 2) ? gen_cond(g, p) : gen_call(g, p);
}

static const Val *try_value(Gen *g, const Pool *p)
{
	const Val *volatile v = NULL;
	const int depth = g->depth;
	TRY (g->cx) { v = p->n ? gen_value(g, p) : gen_source(g); }
	g->depth = depth;
	return v;
}

static void gen_values(Gen *g, Pool *p, int n)
{
	for (int i = 0; i < 3 * n; i++) {
		const Val *v = try_value(g, p);
		if (v && v->type->rank < 6 && p->n < MAX_POOL) p->vals[p->n++] = v;
	}
}

static const Graph *gen_graph(Gen *g)
{
	Pool p = {0};
	const Val *params[4], *results[4];
	int n_params = 1 + pick(g, 3), n_results = 1 + pick(g, 3);
	for (int i = 0; i < n_params; i++) params[i] = p.vals[p.n++] = val_param(g->cx, i, any_type(g));
	gen_values(g, &p, 6 + pick(g, 12));
	for (int i = 0; i < n_results; i++) results[i] = p.vals[i == 0 ? p.n - 1 : pick(g, p.n)];
	return graph_new(g->cx, "random", n_params, params, NULL, n_results, results, NULL);
}

/* ---- comparison ---- */

static const char *text_of(Ctx *cx, const Graph *g)
{
	Buf b;
	buf_init(&b, cx->arena);
	graph_print(&b, g, (PrintOptions){.max_data = -1});
	return b.text;
}

static bool equal(const Tensor *a, const Tensor *b, bool with_sign)
{
	if (a->elem != b->elem || a->rank != b->rank || a->count != b->count) return false;
	if (a->rank && memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) != 0) return false;
	for (int64_t i = 0; i < a->count; i++) {
		if (!elem_is_float(a->elem)) {
			if (tensor_get_int(a, i) != tensor_get_int(b, i)) return false;
			continue;
		}
		double x = tensor_get(a, i), y = tensor_get(b, i);
		if (isnan(x) ? !isnan(y) : x != y || (with_sign && !signbit(x) != !signbit(y))) return false;
	}
	return true;
}

static Eval eval_at(Ctx *cx, int64_t size)
{
	Eval e = {.cx = cx, .arena = cx->arena, .max_bytes = 64 << 20};
	dimenv_init(&e.env, cx->arena);
	dimenv_set(&e.env, sym_find(cx, "T"), size);
	return e;
}

/* Why it could not, or NULL. */
static const char *evaluate(Eval e, const Graph *g, const Tensor *const *inputs, const Tensor **results)
{
	e.cx->error = NULL;
	TRY (e.cx) { eval_graph(&e, g, inputs, results); }
	return e.cx->error;
}

static const Tensor **inputs_for(Gen *g, const Graph *graph, int64_t size)
{
	Ctx *cx = g->cx;
	const Tensor **inputs = NEWN(cx->arena, const Tensor *, graph->n_params);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	dimenv_set(&env, sym_find(cx, "T"), size);
	for (int i = 0; i < graph->n_params; i++) {
		const Type *t = graph->params[i]->type;
		int64_t dims[4];
		for (int k = 0; k < t->rank; k++) dims[k] = dim_eval(cx, t->dims[k], &env);
		Tensor *x = tensor_new(cx->arena, t->elem, t->rank, dims);
		fill(g, x);
		inputs[i] = x;
	}
	return inputs;
}

/* True when before and after agree for each size that the interpreter takes. */
static bool agree(Gen *g, const Graph *before, const Graph *after, int *n_compared)
{
	Ctx *cx = g->cx;
	for (int64_t size = 0; size < 4; size++) {
		const Tensor **inputs = inputs_for(g, before, size), *x[4], *y[4];
		const char *error = NULL;
		if (evaluate(eval_at(cx, size), before, inputs, x)) continue;
		if ((error = evaluate(eval_at(cx, size), after, inputs, y))) {
			fprintf(stderr, "T = %d: %s\n", (int)size, error);
			return false;
		}
		for (int i = 0; i < before->n_results; i++)
			if (!equal(x[i], y[i], !g->exact_sums)) {
				fprintf(stderr, "T = %d: result %d differs\n", (int)size, i);
				return false;
			}
		++*n_compared;
	}
	return true;
}

/* ---- the properties ---- */

static const int n_graphs = 3000;

static bool check_graph(Gen *g, const char *const *names, int *n_compared, int *n_changed)
{
	Ctx *cx = g->cx;
	const Graph *volatile graph = gen_graph(g);
	const char *volatile pass = "";
	volatile bool ok = true;
	TRY (cx) {
		graph_verify(cx, graph);
		for (int k = 0; names[k] && ok; k++) {
			pass = names[k];
			const Graph *after = pass_run(cx, pass, graph);
			graph_verify(cx, after);
			*n_changed += after != graph;
			ok = agree(g, graph, after, n_compared);
			if (ok) graph = after;
		}
	} else {
		fprintf(stderr, "%s\n", cx->error);
		ok = false;
	}
	if (!ok) fprintf(stderr, "before %s:\n%s", pass, text_of(cx, graph));
	return ok;
}

static void check_passes(const char *const *names, bool exact_sums, uint64_t seed)
{
	int n_compared = 0, n_changed = 0;
	for (int i = 0; i < n_graphs; i++) {
		Ctx *cx = ctx_new();
		sym_bound(cx, "T", 0, 8);
		Gen g = {.cx = cx, .state = seed + (uint64_t)i * 7919, .exact_sums = exact_sums};
		cr_assert(check_graph(&g, names, &n_compared, &n_changed), "graph %d", i);
		ctx_free(cx);
	}
	cr_assert(n_compared > n_graphs && n_changed > n_graphs / 4,
		"%d comparisons, %d changes: the generator makes nothing", n_compared, n_changed);
}

Test(passes, keep_values)
{
	check_passes(
		(const char *const[]){"inline", "canon", "trim", "canon", "hoist", "canon", "merge", "canon", NULL},
		true, 1);
}

Test(passes, canon_keeps_bits) { check_passes((const char *const[]){"inline", "canon", NULL}, false, 2); }

Test(passes, hoist_alone) { check_passes((const char *const[]){"inline", "hoist", NULL}, true, 3); }

Test(passes, merge_alone) { check_passes((const char *const[]){"inline", "merge", NULL}, true, 4); }

/* A second time changes nothing: the result is the same graph, by pointer. */
Test(passes, idempotent)
{
	for (int i = 0; i < n_graphs; i++) {
		Ctx *cx = ctx_new();
		sym_bound(cx, "T", 0, 8);
		Gen g = {.cx = cx, .state = 5 + (uint64_t)i * 104729, .exact_sums = i % 2};
		const Graph *graph = gen_graph(&g);
		for (int k = 0; pass_names[k]; k++) {
			const Graph *once = pass_run(cx, pass_names[k], graph),
				    *twice = pass_run(cx, pass_names[k], once);
			cr_assert(once == twice, "seed %d, %s:\n%s\nand again:\n%s", i, pass_names[k],
				text_of(cx, once), text_of(cx, twice));
			graph = once;
		}
		ctx_free(cx);
	}
}
