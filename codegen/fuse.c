/* fuse.c: which values are stored, and which kernels compute them.
 *
 * A value that is not stored is computed inside the kernels that need it.  The rule is one: such a value must not be
 * computed more often than it has elements.  Start with what must be stored (results, operands of control flow), build the
 * kernels on trial, store what broke the rule, and repeat.  So the four gates of an LSTM stay in registers, a softmax's
 * exponentials are stored once, and no operator is named here.
 *
 * Kernels: a stored value joins an earlier kernel of the same domain where it reads that kernel's values only at its own
 * point, or shares a sum with it; then c' and h' are one loop.
 */
#include "codegen/lower.h"

#include <assert.h>
#include <string.h>

/* For every target alike: which kernel a sum is in decides what it starts from (accumulate.c), and so how it rounds; results do
 * not depend on the target (docs/numerics.md). */
enum {
	MAX_ACCS = 12,     /* a kernel's accumulators share the vector registers */
	CHEAP_REPEATS = 4, /* an addition may be done a few times over */
	MAX_DEPTH =
		512 /* operations on one path through a kernel: expressions are walked recursively, also by C compilers */
};

bool is_view(const Val *v)
{
	return v->op == OP_reshape || v->op == OP_permute || v->op == OP_slice || v->op == OP_expand ||
		v->op == OP_window || v->op == OP_size || v->op == OP_after || v->op == OP_guard;
}

const Val *view_base(const Val *v)
{
	while (is_view(v)) v = v->args[0];
	return v;
}

bool is_special(const Val *v)
{
	switch (v->op) {
	case OP_scan:
	case OP_loop:
	case OP_cond:
	case OP_size:
	case OP_guard:
	case OP_sort:
	case OP_cumulative:
	case OP_argreduce:
	case OP_scatter_nd: return true;
	default: return false;
	}
}

bool is_copied(const Val *v) { return v->op == OP_concat || v->op == OP_pad; }

static bool is_carried(const Scope *s, const Val *v)
{
	const Place *at = v->op == OP_param ? map_get(&s->places, v) : NULL;
	return at && at->buffer && at->buffer->kind == BUF_WORK;
}

/* Something that is in fewer bits than it is computed with: a constant, what was rounded, or a carry of that.  Widened where it
 * is read, but if it is a result. */
static bool is_widened(const Scope *s, const Val *v)
{
	if (v->op != OP_EW_cast || map_get(&s->wanted, v)) return false;
	const Val *x = v->args[0];
	if (x->type->elem == I8) return x->op == OP_const && (v->type->elem == F32 || v->type->elem == I32);
	return v->type->elem == F32 && elem_is_half(x->type->elem) &&
		(x->op == OP_const || x->op == OP_EW_cast || is_carried(s, x));
}

/* Nothing to store: it is there, or costs nothing. */
static bool is_free(const Scope *s, const Val *v)
{
	return is_widened(s, v) || v->op == OP_param || v->op == OP_const || v->op == OP_dim || v->op == OP_iota ||
		v->type->is_tuple;
}

static const char *val_name(const Val *v) { return op_info[v->op].name; }

void store_val(Scope *s, const Val *v)
{
	if (is_widened(s, v)) v = v->args[0];
	if (is_free(s, v) || map_get(&s->places, v)) return;
	const Wanted *w = map_get(&s->wanted, v);
	if (w) {
		map_put(&s->places, v, &w->place);
		return;
	}
	Buffer *b = buffer_new(s->lw->p, BUF_WORK, val_name(v), v->loc, v->type);
	map_put(&s->places, v, place_new(s, b));
}

static void store_base(Scope *s, const Val *v) { store_val(s, view_base(v)); }

/* Exact zero-cost forms need no accumulating: a contract that sums nothing is a product. */
static bool is_reduction(const Val *v) { return v->op == OP_contract || v->op == OP_reduce; }

static bool is_costly(const Val *v)
{
	switch (v->op) {
	case OP_contract:
	case OP_reduce: return true;
	case OP_EW_exp:
	case OP_EW_log:
	case OP_EW_sin:
	case OP_EW_cos:
	case OP_EW_tan:
	case OP_EW_asin:
	case OP_EW_acos:
	case OP_EW_atan:
	case OP_EW_sinh:
	case OP_EW_cosh:
	case OP_EW_tanh:
	case OP_EW_asinh:
	case OP_EW_acosh:
	case OP_EW_atanh:
	case OP_EW_sigmoid:
	case OP_EW_softplus:
	case OP_EW_erf:
	case OP_EW_pow:
	case OP_EW_sqrt:
	case OP_EW_div:
	case OP_EW_mod:
	case OP_EW_rem: return true;
	default: return false;
	}
}

/* The operand that a reshape shows with dims of 1 added or removed; itself when there is no such reshape. */
static const Val *without_ones(const Val *v)
{
	while (v->op == OP_reshape) {
		const Type *a = v->type, *b = v->args[0]->type;
		int i = 0, k = 0;
		for (;;) {
			while (i < a->rank && dim_is(a->dims[i], 1)) i++;
			while (k < b->rank && dim_is(b->dims[k], 1)) k++;
			if (i == a->rank || k == b->rank || a->dims[i] != b->dims[k]) break;
			i++, k++;
		}
		if (i < a->rank || k < b->rank) return v;
		v = v->args[0];
	}
	return v;
}

typedef struct {
	Dims dims;
	int n;
	bool other;
} Known;

static void see_computed(void *user, const Sym *size)
{
	Known *k = user;
	bool known = !size->computed;
	for (int i = 0; i < k->n; i++) known |= dim_mentions(k->dims[i], size);
	k->other |= !known;
}

/* Is there a computed size in d that these dims do not mention?  It may not be known yet where something of these dims is. */
static bool is_open(const Dim *d, int n, Dims dims)
{
	Known known = {dims, n, false};
	dim_each_sym(d, see_computed, &known);
	return known.other;
}

/* What is concatenated is computed in its part of the whole, where it may be: not where parts begin at a size that may not
 * be known yet. */
static void store_parts(Scope *s, const Val *whole)
{
	for (int i = 0; i < whole->type->rank; i++)
		if (is_open(whole->type->dims[i], 0, NULL)) return;
	Program *p = s->lw->p;
	const Place *at = map_get(&s->places, whole);
	const Dim *start = dim_int(p->cx, 0);
	for (int part = 0; part < whole->n_args; part++) {
		const Val *x = whole->args[part], *v = without_ones(x);
		int64_t axis = val_int(whole, A_AXIS);
		bool computed = !is_free(s, v) && !is_view(v) && v->op != OP_pad && !map_get(&s->places, v) &&
			!map_get(&s->wanted, v) && !is_open(start, x->type->rank, x->type->dims);
		if (computed && s->lw->target->fuse) {
			const Index **shift = NEWN(p->arena, const Index *, whole->type->rank);
			for (int i = 0; i < whole->type->rank; i++)
				shift[i] = index_dim(p, i == axis ? start : dim_int(p->cx, 0));
			map_put(&s->places, v, place_part(s, at, x->type, shift, v->type));
			map_put(&s->in_place, v, x);
		}
		start = dim_add(p->cx, start, x->type->dims[axis]);
	}
}

bool part_is_in_place(Scope *s, const Val *whole, int part)
{
	const Val *x = whole->args[part];
	if (whole->op != OP_concat || map_get(&s->in_place, without_ones(x)) != x) return false;
	for (int i = 0; i < part; i++) /* the same value twice: once is in place, the other a copy */
		if (whole->args[i] == x) return false;
	const Place *at = map_get(&s->places, without_ones(x)), *all = map_get(&s->places, whole);
	return at->buffer == all->buffer;
}

/* What must be stored whatever it costs. */
static void store_needed(Scope *s)
{
	for (int i = s->order.n - 1; i >= 0; i--) /* a concat before what stands in its parts */
		if (is_copied(s->order.vals[i])) {
			store_val(s, s->order.vals[i]);
			if (s->order.vals[i]->op == OP_concat) store_parts(s, s->order.vals[i]);
		}
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		if (map_get(&s->wanted, v)) store_val(s, v);
		if (v->op == OP_get) {
			store_val(s, v);
		} else if (is_special(v)) {
			for (int k = 0; k < v->n_args; k++) store_base(s, v->args[k]);
			if (!v->type->is_tuple && !is_view(v)) store_val(s, v);
		} else if (v->op == OP_window) {
			store_base(s, v->args[0]);
		} else if (v->op == OP_gather || v->op == OP_gather_nd) {
			store_base(s, v->args[0]);
			store_base(s, v->args[1]);
		} else if (!s->lw->target->fuse && !is_view(v)) {
			store_val(s, v);
		}
	}
}

static double elements(const Val *v)
{
	double n = 1;
	for (int i = 0; i < v->type->rank; i++) n *= dim_estimate(v->type->dims[i]);
	return n;
}

/* How many products a contract adds up, all its sums together. */
static double products(const Val *v)
{
	const char *spec = val_str(v, A_SPEC);
	bool seen[128] = {false};
	double n = 1;
	for (int k = 0, i = 0; *spec != '-'; spec++) {
		if (*spec == ',') {
			k++, i = 0;
			continue;
		}
		n *= seen[(unsigned char)*spec] ? 1 : dim_estimate(v->args[k]->type->dims[i]);
		seen[(unsigned char)*spec] = true;
		i++;
	}
	return n;
}

/* What a product certainly reads too often, or would compute sums inside its own sum.  The rule would find each of these, but
 * layer by layer: a round for each. */
static void store_operands(Scope *s)
{
	Map sums; /* Val -> itself: needs a sum that is not stored */
	map_init(&sums, s->lw->cx->arena);
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		bool needs = is_reduction(v);
		for (int k = 0; v->op == OP_contract && k < 2; k++) {
			const Val *base = view_base(v->args[k]);
			double times = products(v) / elements(base);
			if (times > CHEAP_REPEATS || (times > 1 && map_get(&sums, base))) store_val(s, base);
		}
		for (int k = 0; k < v->n_args; k++)
			needs |= map_get(&sums, v->args[k]) && !map_get(&s->places, v->args[k]);
		if (needs) map_put(&sums, v, v);
	}
}

/* How many operations lead to v from what is stored, v's own included. */
static int depth_of(Scope *s, const Val *v, const Map *depths)
{
	int depth = 0;
	for (int i = 0; i < v->n_args; i++) {
		int d = map_get(&s->places, v->args[i]) ? 0 : (int)(intptr_t)map_get(depths, v->args[i]);
		depth = d > depth ? d : depth;
	}
	return depth + 1;
}

/* A long chain is cut into kernels. */
static void store_deep(Scope *s)
{
	map_init(&s->depths, s->lw->cx->arena);
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		int depth = depth_of(s, v, &s->depths);
		if (depth >= MAX_DEPTH) store_val(s, v);
		map_put(&s->depths, v, (void *)(intptr_t)depth);
	}
}

/* ---- kernels ---- */

static int group_of(const Scope *s, const Val *v) { return (int)(intptr_t)map_get(&s->group_of, v) - 1; }

typedef struct {
	const Scope *s;
	int latest;
} Latest;

static void latest_loop(void *user, const Sym *size)
{
	Latest *l = user;
	const Val *loop = map_get(&l->s->sizes, size);
	int g = loop ? group_of(l->s, loop) : -1;
	l->latest = g > l->latest ? g : l->latest;
}

/* The latest group that v, not stored itself, reads from, or that computes a size which it mentions; -1 when none.  Shared
 * subtrees are walked once. */
static int latest_group(Scope *s, const Val *v, Map *seen)
{
	const Val *key = v;
	if (map_get(seen, key)) return (int)(intptr_t)map_get(seen, key) - 2;
	Latest sizes = {s, -1};
	val_each_size(v, latest_loop, &sizes);
	int latest = sizes.latest;
	map_put(seen, key, (void *)(intptr_t)(latest + 2));
	for (int i = 0; i < v->n_args; i++) {
		const Val *a = v->args[i];
		int g = a->op == OP_get ? group_of(s, a->args[0]) : group_of(s, a);
		if (g < 0 && !map_get(&s->places, a)) g = latest_group(s, a, seen);
		latest = g > latest ? g : latest;
	}
	map_put(seen, key, (void *)(intptr_t)(latest + 2));
	return latest;
}

static int domain(const Val *v, const Dim **out)
{
	int n = 0;
	for (int i = 0; i < v->type->rank; i++)
		if (!dim_is(v->type->dims[i], 1)) out[n++] = v->type->dims[i];
	return n;
}

static bool same_domain(Scope *s, const Group *g, const Val *v)
{
	const Dim **dims = NEWN(s->lw->cx->arena, const Dim *, v->type->rank);
	int n = domain(v, dims);
	if (g->special || is_copied(g->roots[0]) || n != g->n_vars) return false;
	for (int i = 0; i < n; i++)
		if (g->vars[i]->extent != dims[i]) return false;
	return true;
}

static bool reads_inline(Scope *s, const Val *v, const Map *of, Map *seen)
{
	if (map_get(seen, v)) return false;
	map_put(seen, v, v);
	for (int i = 0; i < v->n_args; i++) {
		const Val *a = v->args[i];
		if (map_get(&s->places, a) || is_free(s, a)) continue;
		if ((is_reduction(a) && map_get(of, a)) || reads_inline(s, a, of, seen)) return true;
	}
	return false;
}

/* Whether v and the group's roots use a common sum that is not stored. */
static bool shares_sum(Scope *s, const Group *g, const Val *v)
{
	Map theirs, mine;
	map_init(&theirs, s->lw->cx->arena);
	const Val *stack[256];
	int n = 0;
	for (int i = 0; i < g->n_roots && n < 256; i++) stack[n++] = g->roots[i];
	while (n) {
		const Val *x = stack[--n];
		for (int i = 0; i < x->n_args; i++) {
			const Val *a = x->args[i];
			if (map_get(&theirs, a) || map_get(&s->places, a) || is_free(s, a) || n == 256) continue;
			map_put(&theirs, a, a);
			stack[n++] = a;
		}
	}
	map_init(&mine, s->lw->cx->arena);
	return reads_inline(s, v, &theirs, &mine);
}

static bool reads_group(Scope *s, const Val *v, int g, Map *seen)
{
	if (map_get(seen, v)) return false;
	map_put(seen, v, v);
	for (int i = 0; i < v->n_args; i++) {
		const Val *a = v->args[i];
		if (group_of(s, a) == g) return true;
		if (!map_get(&s->places, a) && !is_free(s, a) && reads_group(s, a, g, seen)) return true;
	}
	return false;
}

static Group *group_new(Scope *s)
{
	if ((s->n_groups & (s->n_groups - 1)) == 0) {
		Group *more = NEWN(s->lw->cx->arena, Group, s->n_groups ? 2 * s->n_groups : 1);
		if (s->n_groups) memcpy(more, s->groups, sizeof *more * (size_t)s->n_groups);
		s->groups = more;
	}
	s->groups[s->n_groups] = (Group){0};
	return &s->groups[s->n_groups++];
}

static void group_add(Scope *s, Group *g, const Val *v)
{
	const Val **roots = NEWN(s->lw->cx->arena, const Val *, g->n_roots + 1);
	if (g->n_roots) memcpy(roots, g->roots, sizeof *roots * (size_t)g->n_roots);
	roots[g->n_roots++] = v;
	g->roots = roots;
	map_put(&s->group_of, v, (void *)(intptr_t)(g - s->groups + 1));
}

/* v joins group k if the kernel is then still right (no root read elsewhere than at its own point) and small enough. */
static bool try_join(Scope *s, int k, const Val *v)
{
	Group *g = &s->groups[k], before = *g;
	int depth = (int)(intptr_t)map_get(&s->depths, v);
	if (!same_domain(s, g, v) || g->depth + depth > MAX_DEPTH) return false;
	Map seen;
	map_init(&seen, s->lw->cx->arena);
	if (!reads_group(s, v, k, &seen) && !shares_sum(s, g, v)) return false;
	Map evals = s->evals, nested = s->nested; /* trials do not count */
	map_init(&s->evals, s->lw->cx->arena);
	map_init(&s->nested, s->lw->cx->arena);
	group_add(s, g, v);
	pull_group(s, g);
	s->evals = evals;
	s->nested = nested;
	if (!s->clash && g->n_accs <= (MAX_ACCS > before.n_accs ? MAX_ACCS : before.n_accs)) {
		g->depth += depth;
		return true;
	}
	*g = before;
	map_put(&s->group_of, v, NULL);
	return false;
}

void group_domain(Scope *s, Group *g, const Val *v)
{
	static const char *const names[] = {"i", "j", "n", "m", "a", "b", "c", "d"};
	const Dim **dims = NEWN(s->lw->cx->arena, const Dim *, v->type->rank);
	g->n_vars = domain(v, dims);
	g->vars = NEWN(s->lw->cx->arena, const Var *, g->n_vars);
	for (int k = 0; k < g->n_vars; k++)
		g->vars[k] = var_new(s->lw->p, k < 8 ? names[k] : arena_printf(s->lw->cx->arena, "i%d", k), dims[k]);
}

int n_copies(const Val *v) { return v->op == OP_pad ? 2 : v->n_args; }

/* A concat is stored part by part, a pad as the value everywhere, then x inside. */
Group copy_group(Scope *s, const Val *v, int part, const Index ***shifts)
{
	Program *p = s->lw->p;
	const Val *x = v->op == OP_concat ? v->args[part] : v->args[1 - part];
	if (v->op == OP_pad && part == 0) x = b_expand(s->lw->cx, x, v->type->rank, v->type->dims);
	const Val **root = NEWN(p->arena, const Val *, 1);
	root[0] = x;
	Group g = {.n_roots = 1, .roots = root};
	group_domain(s, &g, x);
	/* x may be stored elsewhere: read from there.  Else it is computed on the way. */
	const Place *at = map_get(&s->places, x);
	s->reading = at != NULL;
	pull_group(s, &g);
	s->reading = false;
	if (shifts) {
		const Index **shift = NEWN(p->arena, const Index *, v->type->rank);
		const Dim *start = dim_int(p->cx, 0);
		for (int i = 0; v->op == OP_concat && i < part; i++)
			start = dim_add(p->cx, start, v->args[i]->type->dims[val_int(v, A_AXIS)]);
		for (int i = 0; i < v->type->rank; i++) {
			bool moved = v->op == OP_concat ? i == val_int(v, A_AXIS) : part == 1;
			shift[i] = index_dim(p,
				!moved                       ? dim_int(p->cx, 0)
					: v->op == OP_concat ? start
							     : val_dims(v, A_LO)[i]);
		}
		*shifts = shift;
	}
	return g;
}

static void make_groups(Scope *s)
{
	Ctx *cx = s->lw->cx;
	s->n_groups = 0;
	s->groups = NULL;
	map_init(&s->group_of, cx->arena);
	map_init(&s->evals, cx->arena);
	map_init(&s->nested, cx->arena);
	for (int i = 0; i < s->order.n; i++) {
		const Val *v = s->order.vals[i];
		if (is_special(v)) {
			Group *g = group_new(s);
			g->special = v;
			map_put(&s->group_of, v, (void *)(intptr_t)s->n_groups);
			continue;
		}
		if (!map_get(&s->places, v) || is_free(s, v) || v->op == OP_get) continue;
		Map seen;
		map_init(&seen, cx->arena);
		int latest = latest_group(s, v, &seen);
		bool joined = false;
		for (int k = s->n_groups - 1; s->lw->target->fuse && !is_copied(v) && !joined && k >= 0 && k >= latest;
			k--)
			joined = try_join(s, k, v);
		if (joined) continue;
		Group *g = group_new(s);
		group_domain(s, g, v);
		group_add(s, g, v);
		g->depth = (int)(intptr_t)map_get(&s->depths, v);
	}
}

/* ---- the rule ---- */

static bool breaks_rule(const Scope *s, const Val *v)
{
	const double *evals = map_get(&s->evals, v);
	if (!evals || map_get(&s->places, v) || is_free(s, v) || is_view(v)) return false;
	if (map_get(&s->nested, v)) return true;
	double n = elements(v);
	return *evals > (is_costly(v) ? 1.01 : CHEAP_REPEATS) * n;
}

/* Values not stored that (transitively, through values not stored) feed one that breaks the rule are left for the next
 * round: storing their user may heal them. */
static int store_offenders(Scope *s)
{
	Map fed; /* feeds an offender */
	map_init(&fed, s->lw->cx->arena);
	int n = 0;
	for (int i = s->order.n - 1; i >= 0; i--) {
		const Val *v = s->order.vals[i];
		bool offends = breaks_rule(s, v), below = map_get(&fed, v);
		if (offends && !below) {
			store_val(s, v);
			n++;
		}
		if (offends || (below && !map_get(&s->places, v)))
			for (int k = 0; k < v->n_args; k++) map_put(&fed, v->args[k], v);
	}
	return n;
}

bool is_copied_out(const Scope *s, const Val *result)
{
	return result && !(map_get(&s->group_of, result) && !is_special(result) && !is_copied(result));
}

Group result_group(Scope *s, const Val *v)
{
	const Val **root = NEWN(s->lw->cx->arena, const Val *, 1);
	root[0] = v;
	Group g = {.n_roots = 1, .roots = root};
	group_domain(s, &g, v);
	s->reading = true;
	pull_group(s, &g);
	s->reading = false;
	return g;
}

void fuse(Scope *s, int n_results, const Val *const *results)
{
	store_needed(s);
	if (s->lw->target->fuse) store_operands(s);
	store_deep(s);
	do {
		make_groups(s);
		map_init(&s->evals, s->lw->cx->arena);
		map_init(&s->nested, s->lw->cx->arena);
		for (int i = 0; i < s->n_groups; i++) {
			Group *g = &s->groups[i];
			if (g->special) continue;
			if (!is_copied(g->roots[0])) pull_group(s, g);
			else
				for (int k = 0; k < n_copies(g->roots[0]); k++)
					if (!part_is_in_place(s, g->roots[0], k)) copy_group(s, g->roots[0], k, NULL);
		}
		for (int i = 0; i < n_results; i++)
			if (is_copied_out(s, results[i])) result_group(s, results[i]);
	} while (store_offenders(s));
}
