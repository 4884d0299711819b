/* unroll.c: how many points of each kernel stay in registers: unroll x row_tile x sums, at least as many as hide the latency
 * of fma, at most what the target has, chosen for the fewest loads per fma.
 */
#include "codegen/lower.h"

static int n_registers_used(const Kernel *k)
{
	int n = 0;
	for (int i = 0; i < k->n_accs; i++)
		n += !k->accs[i]->into;
	return n;
}

typedef struct {
	const Var *v, *row;
	int vectors, scalars, both; /* loads of a reduction loop: that vary with v only, with row only, with both */
} Loads;

static void loads_visit(void *user, const Expr *e)
{
	Loads *l = user;
	if (e->kind != EX_LOAD)
		return;
	bool by_v = l->v && expr_uses(e, l->v), by_row = l->row && expr_uses(e, l->row);
	l->vectors += by_v && !by_row;
	l->scalars += by_row && !by_v;
	l->both += by_v && by_row;
}

static Loads loads_of(const Kernel *k, const Var *v, const Var *row)
{
	Loads l = {.v = v, .row = row};
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; i < k->n_accs; i++)
		expr_each(k->accs[i]->value, &seen, loads_visit, &l);
	arena_free(scratch);
	return l;
}

static double estimate_waste(const Dim *extent, int tile)
{
	double n = dim_estimate(extent), tiles = (double)(int64_t)((n + tile - 1) / tile);
	return tiles * tile / n;
}

static void choose_registers(Kernel *k, const Target *t)
{
	Schedule *s = &k->schedule;
	const Var *v = s->vector >= 0 ? k->vars[s->vector] : NULL;
	int sums = n_registers_used(k), room = t->cpu->registers - t->cpu->spare_registers;
	if (!sums || !v)
		return;
	const int busy = t->cpu->fma_latency * t->cpu->fmas_per_cycle; /* sums that hide the latency */
	double best = 0;
	for (int r = -1; r < k->n_vars; r++) {
		const Var *row = r < 0 ? NULL : k->vars[r];
		if (row && (r == s->vector || dim_hi(row->extent) < 2))
			continue;
		Loads l = loads_of(k, v, row);
		if (row && !l.vectors) /* nothing shared between rows */
			continue;
		for (int m = 1; m <= (row ? t->cpu->max_rows : 1); m++)
			for (int u = 1; u <= t->cpu->max_vectors; u++) {
				int live = sums * m * u;
				if (live > room || (row && m > dim_hi(row->extent)) || (u > 1 && (u - 1) * s->lanes >= dim_hi(v->extent)))
					continue;
				double fmas = k->n_accs * m * u;
				double loads = l.vectors * u + l.scalars * m + l.both * u * m + 0.25 * m;
				double cost = loads / fmas + (live < busy ? (busy - live) * 0.25 : 0) + 0.01 * u;
				cost = (cost + 1) * estimate_waste(v->extent, u * s->lanes) * (row ? estimate_waste(row->extent, m) : 1);
				if (best == 0 || cost < best) {
					best = cost;
					s->rows = row && m > 1 ? r : -1;
					s->row_tile = m;
					s->unroll = u;
				}
			}
	}
}

static void visit(void *user, Stmt *s)
{
	if (s->kernel)
		choose_registers(s->kernel, user);
}

Program *pass_unroll(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Target t = *target;
	if (t.vectorise)
		block_each(&p->block, visit, &t);
	return p;
}
