/* fetch.c: what kernels that run row by row (rows.c) fetch for later while they compute.
 *
 * The kernels of a softmax read and write rows that come from a far cache or from memory, with little to compute, but for one:
 * the exponentials.  While that one computes, memory would be idle.  So it asks for what comes next, vector by vector: the arrays
 * that it reads at the next row, into the second cache, and what kernels after it write of this row, into the nearest.
 * Nothing but time depends on it.
 */
#include "codegen/emit.h"

static void see_function(void *user, const Expr *e) { *(bool *)user |= expr_is_function(e); }

/* Its blocks are vectors of one row, and take longer than memory does. */
static bool computes(const Kernel *k, int depth)
{
	bool function = false;
	for (int i = 0; i < k->n_stores; i++) expr_walk(k->stores[i].value, see_function, &function);
	return function && !k->n_accs && !k->where && k->schedule.vector >= 0 && kernel_loops(k) == depth;
}

typedef struct {
	Program *p;
	Kernel *k; /* the one that computes */
	int depth;
} Fetches;

/* Where k is at a vector, if these are floats in a row of memory. */
static void add(const Fetches *f, const Buffer *b, const Index *const *index, bool next)
{
	Kernel *k = f->k;
	const Dim *stride = index_stride(f->p, buffer_offset(f->p, b, index), k->vars[k->schedule.vector]);
	if (b->kind == BUF_CONST || b->elem != F32 || b->row || !stride || !dim_is(stride, 1)) return;
	if (next) {
		const Var *row = kernel_loop(k, f->depth - 1);
		const Index *after = index_add(f->p, index_var(f->p, row), index_dim(f->p, dim_int(f->p->cx, 1)));
		Subst s = subst_new(f->p);
		subst_var(&s, row, after);
		index = subst_indices(&s, b->rank, index);
	}
	for (int i = 0; i < k->n_fetches; i++)
		if (k->fetches[i].buffer == b) return;
	Fetch *all = NEWN(f->p->arena, Fetch, k->n_fetches + 1);
	for (int i = 0; i < k->n_fetches; i++) all[i] = k->fetches[i];
	all[k->n_fetches++] = (Fetch){b, index, next};
	k->fetches = all;
}

static void see_load(void *user, const Expr *e)
{
	const Fetches *f = user;
	if (e->kind == EX_LOAD && expr_uses(e, kernel_loop(f->k, f->depth - 1))) add(f, e->buffer, e->index, true);
}

/* What `later` stores where k is. */
static void add_stores(const Fetches *f, const Kernel *later)
{
	const Kernel *k = f->k;
	const int own = later->schedule.vector, vector = k->schedule.vector;
	if (own < 0 || kernel_loops(later) != f->depth || later->vars[own]->extent != k->vars[vector]->extent) return;
	for (int i = 0; i < later->n_stores; i++) {
		const Buffer *b = later->stores[i].buffer;
		Subst s = subst_new(f->p);
		subst_var(&s, later->vars[own], index_var(f->p, k->vars[vector]));
		for (int d = 0; d < f->depth; d++)
			subst_var(&s, kernel_loop(later, d), index_var(f->p, kernel_loop(k, d)));
		add(f, b, subst_indices(&s, b->rank, later->stores[i].index), false);
	}
}

void fetch_ahead(Program *p, int n, Kernel *const *kernels, int depth)
{
	for (int i = 0; i < n && depth < MAX_SUBST; i++) {
		if (!computes(kernels[i], depth)) continue;
		const Fetches f = {p, kernels[i], depth};
		for (int s = 0; s < kernels[i]->n_stores; s++)
			expr_walk(kernels[i]->stores[s].value, see_load, (void *)&f);
		for (int later = i + 1; later < n; later++) add_stores(&f, kernels[later]);
		return;
	}
}
