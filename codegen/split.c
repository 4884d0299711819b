/* split.c: axes that are addressed by quotient and remainder come apart.
 *
 * A transposed convolution reads x[j / 2] and w[j % 2]: no axis is addressed in equal steps, so that none can be in lanes.  Where
 * the extent is a multiple of the divisor, j becomes two axes, quotient and remainder; else, for a few remainders, the kernel
 * becomes as many, each for one of them:
 *     for j in 0 .. 64: y[j] = f(x[j / 2], w[j % 2])
 *     =>  for q in 0 .. 32: y[2 q] = f(x[q], w[0]);  for q in 0 .. 31: y[2 q + 1] = f(x[q], w[1])
 * Only kernels all of whose long axes are so are split; others have lanes.  A batch is not long: it can be of one sample.  Points
 * do not depend on each other, and each is computed as before.  For every target alike: with an axis for the lanes, sums are not
 * in lanes by themselves (vectorise.c).
 */
#include "codegen/kernel.h"
#include "codegen/lower.h"

#include <string.h>

enum {
	MAX_REMAINDERS = 4, /* kernels made of one: two for each axis of a common transposed convolution */
	MAX_DIVISOR = 64,
	MAX_AXES = 8
};

/* ---- what there is to split ---- */

typedef struct {
	Program *p;
	const Var *var;
	bool steps;  /* memory is addressed in equal steps of var */
	int divisor; /* of all quotients and remainders of var; 0: none yet, -1: they differ or are of sums */
	Map seen;    /* Expr, Index -> itself */
} Look;

static void look_index(Look *l, const Index *x)
{
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		int64_t n;
		if ((a->kind != ATOM_DIV && a->kind != ATOM_MOD) || !index_uses(a->a, l->var)) continue;
		const bool alone = a->a->n_terms == 1 && a->a->terms[0].atom->kind == ATOM_VAR;
		const bool fits = alone && dim_is_int(a->n, &n) && n <= MAX_DIVISOR && (!l->divisor || l->divisor == n);
		l->divisor = fits ? (int)n : -1;
	}
}

static void look_memory(Look *l, const Buffer *b, const Index *const *index)
{
	l->steps &= index_stride(l->p, buffer_offset(l->p, b, index), l->var) != NULL;
	for (int i = 0; i < b->rank; i++) look_index(l, index[i]);
}

static void look_visit(void *user, const Expr *e)
{
	Look *l = user;
	if (e->kind == EX_LOAD) look_memory(l, e->buffer, e->index);
	if (e->kind == EX_INDEX) look_index(l, e->value);
}

static Look look(Program *p, const Kernel *k, const Var *v)
{
	Look l = {.p = p, .var = v, .steps = true};
	Arena *scratch = arena_new();
	map_init(&l.seen, scratch);
	for (int i = 0; i < k->n_accs; i++) {
		expr_each(k->accs[i]->value, &l.seen, look_visit, &l);
		if (k->accs[i]->init) expr_each(k->accs[i]->init, &l.seen, look_visit, &l);
	}
	for (int i = 0; i < k->n_stores; i++) {
		expr_each(k->stores[i].value, &l.seen, look_visit, &l);
		look_memory(&l, k->stores[i].buffer, k->stores[i].index);
	}
	arena_free(scratch);
	return l;
}

/* With the axes of `with`, none of which has extent 1, in the place of k's axis number `at`. */
static Kernel *rewritten(Program *p, const Kernel *k, int at, const Index *is, int n_with, const Var *const *with)
{
	Subst s = subst_new(p);
	subst_var(&s, k->vars[at], is);
	Kernel *made = arena_copy(p->arena, k, sizeof *k);
	const Var **vars = NEWN(p->arena, const Var *, k->n_vars + n_with);
	made->n_vars = 0;
	made->vars = vars;
	for (int i = 0; i < k->n_vars; i++) {
		if (i != at) vars[made->n_vars++] = k->vars[i];
		for (int w = 0; i == at && w < n_with; w++)
			if (!dim_is(with[w]->extent, 1)) vars[made->n_vars++] = with[w];
	}
	made->accs = NEWN(p->arena, Acc *, k->n_accs);
	for (int i = 0; i < k->n_accs; i++) made->accs[i] = subst_acc(&s, k->accs[i]);
	made->stores = NEWN(p->arena, Store, k->n_stores);
	for (int i = 0; i < k->n_stores; i++) {
		const Store *from = &k->stores[i];
		made->stores[i] = (Store){
			from->buffer, subst_indices(&s, from->buffer->rank, from->index), subst_expr(&s, from->value)};
	}
	return made;
}

/* ---- the pass ---- */

/* Long enough for lanes of any target. */
enum { LONG = FOLD_LANES / 2 };

static bool has_steps(Program *p, const Kernel *k, const Map *lengths)
{
	for (int i = 0; i < k->n_vars; i++)
		if (dim_fewest(k->vars[i]->extent, lengths) >= LONG && look(p, k, k->vars[i]).steps) return true;
	return false;
}

static const Index *combined(Program *p, int divisor, const Var *q, const Index *rest)
{
	return index_add(p, index_scale(p, index_var(p, q), dim_int(p->cx, divisor)), rest);
}

/* Into `made`, at most MAX_REMAINDERS; how many, 0 if its axes stay together. */
static int split_kernel(Program *p, Kernel *k, const Map *lengths, Kernel **made)
{
	int n_made = 1;
	bool any = false;
	made[0] = k;
	if (k->n_vars > MAX_AXES || has_steps(p, k, lengths)) return 0;
	for (int at = k->n_vars - 1; at >= 0; at--) { /* from behind: those in front keep their numbers */
		const Var *v = k->vars[at];
		int64_t n;
		const int divisor = look(p, k, v).divisor;
		if (divisor <= 0 || !dim_is_int(v->extent, &n)) continue;
		const char *name = arena_printf(p->arena, "%s0", v->name),
			   *rest = arena_printf(p->arena, "%s1", v->name);
		const bool whole = n % divisor == 0;
		if (!whole && n_made * divisor > MAX_REMAINDERS) continue;
		for (int i = n_made - 1; i >= 0; i--) {
			const Kernel *from = made[i];
			for (int r = 0; r < (whole ? 1 : divisor); r++) {
				const Var *q = var_new(
					p, name, dim_int(p->cx, whole ? n / divisor : (n - r + divisor - 1) / divisor));
				const Var *both[] = {q, whole ? var_new(p, rest, dim_int(p->cx, divisor)) : NULL};
				const Index *left = whole ? index_var(p, both[1]) : index_dim(p, dim_int(p->cx, r));
				made[i + r * n_made] =
					rewritten(p, from, at, combined(p, divisor, q, left), whole ? 2 : 1, both);
			}
		}
		n_made *= whole ? 1 : divisor;
		any = true;
	}
	for (int i = 1; i < n_made; i++) made[i]->name = unique_name(p, k->name);
	return any ? n_made : 0;
}

static void split_block(Program *p, Block *b, const Map *lengths)
{
	Block to = {0};
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i];
		Kernel *made[MAX_REMAINDERS];
		const int n = s->kernel ? split_kernel(p, s->kernel, lengths, made) : 0;
		split_block(p, &s->body, lengths);
		split_block(p, &s->other, lengths);
		for (int m = 0; m < (n ? n : 1); m++) {
			Stmt *one = m ? arena_copy(p->arena, s, sizeof *s) : s;
			if (n) one->kernel = made[m];
			block_add(p, &to, one);
		}
	}
	*b = to;
}

Program *pass_split(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	if (!target->vectorise) return p;
	Map lengths;
	lengths_of(p, &lengths);
	split_block(p, &p->block, &lengths);
	return p;
}
