/* vectorise.c: which axis of each kernel is in SIMD lanes.
 *
 * The algorithm is given; this pass only chooses, by a small cost model: the axis along which loads and stores are contiguous.
 * Constants are repacked (pack.c) and intermediate arrays get the storage order that their heaviest producer likes, so both
 * count as contiguous.  A batch can be of one sample, and what that costs counts, too (estimate.c).  Where no axis of the domain
 * will do, and where all of them would be gathered (the rows of a softmax), sums run in lanes by themselves; this choice does not
 * depend on the target, because it decides the order of summation (docs/numerics.md).
 */
#include "codegen/kernel.h"
#include "codegen/lower.h"

typedef struct {
	Program *p;
	const Target *target;
	Kernel *k;
	const Var *v; /* candidate for the lanes */
	bool possible;
	double cost;
	double times; /* how often what is visited runs, per point */
	bool summing; /* inside a reduction loop */
	Map carried;  /* Buffer -> itself: two buffers that swap, storage order fixed */
	Map lengths;  /* lengths_of */
} Cost;

/* 0: not at all, 1: contiguous, 2: strided, -1: not affine. */
static int access(Program *p, const Buffer *b, const Index *const *index, const Var *v)
{
	const Dim *stride = index_stride(p, buffer_offset(p, b, index), v);
	return !stride ? -1 : dim_is(stride, 0) ? 0 : dim_is(stride, 1) ? 1 : 2;
}

static void cost_visit(void *user, const Expr *e)
{
	Cost *c = user;
	bool varies = expr_uses(e, c->v);
	if (e->kind == EX_INDEX) c->possible &= !varies;
	if (varies && (e->kind == EX_OP || e->kind == EX_ROUND || e->kind == EX_ACC))
		c->possible &= e->elem == F32 || e->elem == BOOL;
	for (int i = 0; e->kind == EX_OP && i < e->n_args; i++) /* lanes of integers are read as f32 */
		if (e->args[i]->elem == I8 && expr_uses(e->args[i], c->v))
			c->possible &= e->op == OP_EW_cast && e->elem == F32 && e->args[i]->kind == EX_LOAD;
	if (e->kind != EX_LOAD) return;
	int how = access(c->p, e->buffer, e->index, c->v);
	c->possible &= how >= 0 && (how == 0 || e->elem == F32 || elem_widens(e->elem));
	bool packed = e->buffer->kind == BUF_CONST && c->summing;
	c->cost += c->times * (how == 0 ? 0.5 : how == 1 || packed ? 1 : c->target->cpu->gather_loads);
}

static void cost_expr(Cost *c, const Expr *e) { expr_walk(e, cost_visit, c); }

static bool may_reorder(const Cost *c, const Buffer *b)
{
	return b->kind == BUF_WORK && !b->alias && !b->viewed && b->rank > 1 && !map_get(&c->carried, b);
}

static void load_visit(void *user, const Expr *e) { *(bool *)user |= e->kind == EX_LOAD; }

/* A kernel that only fills has no taste: it takes the storage order that others have chosen. */
static bool reads_memory(const Kernel *k)
{
	Arena *scratch = arena_new();
	Map seen;
	bool reads = k->n_accs > 0;
	map_init(&seen, scratch);
	for (int i = 0; i < k->n_stores; i++) expr_each(k->stores[i].value, &seen, load_visit, &reads);
	arena_free(scratch);
	return reads;
}

/* Cost per point of the domain with v in the lanes; negative where that is impossible. */
static double vector_cost(Cost *c, const Var *v)
{
	Kernel *k = c->k;
	c->v = v;
	c->possible = true;
	c->cost = 0;
	for (int i = 0; i < k->n_accs; i++) {
		const Acc *a = k->accs[i];
		c->times = 1;
		for (int r = 0; r < a->n_vars; r++) c->times *= dim_estimate(a->vars[r]->extent);
		c->summing = true;
		c->possible &= a->elem == F32 || !expr_uses(a->value, v);
		cost_expr(c, a->value);
		c->summing = false;
		c->times = 1;
		if (a->init) cost_expr(c, a->init);
	}
	c->times = 1;
	const bool reads = reads_memory(k);
	for (int i = 0; i < k->n_stores; i++) {
		const Store *s = &k->stores[i];
		const Expr *rounded = store_rounds(s);
		cost_expr(c, rounded ? rounded : s->value);
		int how = access(c->p, s->buffer, s->index, v);
		c->possible &= how > 0 && (s->buffer->elem == F32 || (rounded && how == 1));
		c->cost += how == 1 ? 1 : reads && may_reorder(c, s->buffer) ? 1.1 : c->target->cpu->gather_loads;
	}
	const double typical = tile_waste(dim_estimate(v->extent), c->target->lanes),
		     fewest = tile_waste(dim_fewest(v->extent, &c->lengths), c->target->lanes);
	return c->possible ? c->cost * robust_cost(typical, fewest) : -1;
}

/* The dim of a stored buffer that v walks along becomes the innermost. */
static void reorder_stores(Cost *c, const Var *v)
{
	for (int i = 0; i < c->k->n_stores; i++) {
		Buffer *b = c->k->stores[i].buffer;
		int along = -1, n = 0;
		for (int d = 0; d < b->rank; d++)
			if (index_uses(c->k->stores[i].index[d], v)) along = d;
		if (!may_reorder(c, b) || along < 0 || access(c->p, b, c->k->stores[i].index, v) == 1) continue;
		for (int d = 0; d < b->rank; d++)
			if (b->order[d] != along) b->order[n++] = b->order[d];
		b->order[n] = along;
		map_put(&c->carried, b, b); /* decided */
	}
}

static bool may_fold(Cost *c, Acc *const *accs, int n)
{
	const Var *v = accs[0]->n_vars ? accs[0]->vars[accs[0]->n_vars - 1] : NULL;
	if (!v || dim_hi(v->extent) < 2 * FOLD_LANES) return false;
	c->v = v;
	c->possible = true;
	for (int i = 0; i < n; i++) {
		c->possible &= accs[i]->elem == F32 && accs[i]->kind != ACC_PROD && expr_uses(accs[i]->value, v);
		cost_expr(c, accs[i]->value);
	}
	return c->possible;
}

typedef struct {
	Cost *c;
	const Var *along; /* the last variable of the sum */
	bool rows, row;   /* nothing speaks against lanes along it; and something for it */
} Rows;

/* Is this array read row by row: one after the other along the sum, and far apart along each axis of the domain? */
static void rows_visit(void *user, const Expr *e)
{
	Rows *r = user;
	if (e->kind != EX_LOAD) return;
	const Kernel *k = r->c->k;
	const int how = access(r->c->p, e->buffer, e->index, r->along);
	bool every = how == 1, any = false;
	for (int i = 0; i < k->n_vars; i++) {
		const bool varies = expr_uses(e, k->vars[i]);
		any |= varies;
		every &= varies && access(r->c->p, e->buffer, e->index, k->vars[i]) == 2;
	}
	r->rows &= how == 0 || (how == 1 && !(any && e->buffer->kind == BUF_CONST));
	r->row |= every;
}

/* Sums over rows, each of which is read for one point only: lanes along the domain would be gathers.  Where no array is read so,
 * points have operands in common, and a register tile reads each of them once for several.  By the arrays as they are in the
 * model, before schedules choose other orders for them, and so for every target alike. */
static bool sums_rows(Cost *c)
{
	const Kernel *k = c->k;
	Rows r = {.c = c, .rows = true};
	for (int i = 0; i < k->n_accs; i++) {
		Arena *scratch = arena_new();
		Map seen;
		map_init(&seen, scratch);
		r.along = k->accs[i]->n_vars ? k->accs[i]->vars[k->accs[i]->n_vars - 1] : NULL;
		r.row = false;
		if (r.along) expr_each(k->accs[i]->value, &seen, rows_visit, &r);
		arena_free(scratch);
		if (!r.row || !r.rows || dim_hi(r.along->extent) < 2 * FOLD_LANES) return false;
	}
	return k->n_accs > 0;
}

static void keep_visit(void *user, const Expr *e)
{
	Cost *c = user;
	if (e->kind == EX_LOAD) map_put(&c->carried, e->buffer, e->buffer);
}

/* What is summed along its rows keeps them. */
static void keep_rows(Cost *c)
{
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; i < c->k->n_accs; i++) expr_each(c->k->accs[i]->value, &seen, keep_visit, c);
	arena_free(scratch);
}

/* Could lanes be along it?  By all of the steps, so that no sum depends on how many are in a chunk. */
static bool could_be_in_lanes(Cost *c, const Var *v)
{
	return dim_hi(v->whole ? v->whole : v->extent) >= FOLD_LANES / 2 && vector_cost(c, v) >= 0;
}

/* Sums in lanes of their own: where no axis of the domain could be in them, or each would be gathered. */
static void fold_sums(void *user, Stmt *s)
{
	Cost *c = user;
	Kernel *k = c->k = s->kernel;
	if (!k || !k->n_accs) return;
	const bool rows = sums_rows(c);
	for (int i = 0; !rows && i < k->n_vars; i++)
		if (could_be_in_lanes(c, k->vars[i])) return;
	for (int first = 0, last; first < k->n_accs; first = last) {
		for (last = first + 1; last < k->n_accs && same_loop(k->accs[first], k->accs[last]); last++)
			;
		const bool folds = may_fold(c, k->accs + first, last - first);
		for (int i = first; folds && i < last; i++) k->accs[i]->folded = true;
		if (folds) k->schedule.fold_lanes = c->target->lanes;
	}
	if (rows && k->schedule.fold_lanes) keep_rows(c);
}

static void choose_lanes(Cost *c)
{
	Kernel *k = c->k;
	int best = -1;
	double best_cost = 0;
	const GivenSchedule *given = k->given;
	if (k->schedule.fold_lanes) {
		if (given && (given->vector || given->scalar || given->unroll))
			given_fail(c->p, k, "its sums are in the lanes by themselves, in an order that must stay");
		return;
	}
	if (given && given->scalar) return;
	if (c->target->lanes == 1 && !k->n_accs) { /* without lanes, register tiles are for sums */
		if (given && given->vector) given_fail(c->p, k, "the target has no lanes");
		return;
	}
	const int only = given && given->vector ? given_axis(c->p, k, given->vector) : -1;
	/* Half of the lanes empty at most, or where no axis has so many points, three quarters: still fewer operations than scalars. */
	for (int least = c->target->lanes / 2; best < 0 && least >= c->target->lanes / 4;
		least = least ? least / 2 : -1)
		for (int i = k->n_vars - 1; i >= 0; i--) {
			if (dim_hi(k->vars[i]->extent) < least) continue;
			double cost = vector_cost(c, k->vars[i]);
			k->axes |= cost >= 0 && i < 32 ? UINT32_C(1) << i : 0;
			if (only >= 0 && only != i) continue;
			if (cost >= 0 && (best < 0 || cost < best_cost * 0.999)) {
				best = i;
				best_cost = cost;
			}
		}
	/* Lanes that are all gathers and scatters gain nothing over scalars. */
	if (best < 0 && only >= 0)
		given_fail(c->p, k, arena_printf(c->p->arena, "axis %s cannot be in the lanes", given->vector));
	if (best < 0) return;
	k->schedule.vector = best;
	k->schedule.lanes = c->target->lanes;
	if (reads_memory(k)) reorder_stores(c, k->vars[best]);
}

/* ---- the pass ---- */

static void note_carries(Cost *c, int n, const Carry *carries)
{
	for (int i = 0; i < n; i++) {
		map_put(&c->carried, carries[i].now, carries[i].now);
		if (carries[i].next) map_put(&c->carried, carries[i].next, carries[i].next);
	}
}

static void note_visit(void *user, Stmt *s)
{
	Cost *c = user;
	note_carries(c, s->n_carries, s->carries);
	for (int i = 0; i < s->n_ins; i++) map_put(&c->carried, s->ins[i], s->ins[i]);
	if (s->out) map_put(&c->carried, s->out, s->out);
}

static void lanes_of_readers(void *user, Stmt *s)
{
	Cost *c = user;
	c->k = s->kernel;
	if (c->k && reads_memory(c->k)) choose_lanes(c);
}

static void lanes_of_copy(void *user, Stmt *s)
{
	Cost *c = user;
	schedule_give(s, c->target->given);
	map_put(&c->carried, s->kernel->stores[0].buffer, s->kernel->stores[0].buffer); /* decided */
	lanes_of_readers(c, s);
}

static void lanes_of_fills(void *user, Stmt *s)
{
	Cost *c = user;
	c->k = s->kernel;
	if (c->k && !reads_memory(c->k)) choose_lanes(c);
}

/* An array that is read through quotients and remainders (a reshape that merges dims) keeps its row-major order, in which
 * they cancel. */
static void keep_order(void *user, const Expr *e)
{
	Cost *c = user;
	if (e->kind != EX_LOAD) return;
	for (int i = 0; i < e->buffer->rank; i++)
		for (int k = 0; k < e->index[i]->n_terms; k++) {
			AtomKind kind = e->index[i]->terms[k].atom->kind;
			if (kind == ATOM_DIV || kind == ATOM_MOD) map_put(&c->carried, e->buffer, e->buffer);
		}
}

static void keep_orders(void *user, Stmt *s)
{
	const Kernel *k = s->kernel;
	if (!k) return;
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; i < k->n_accs; i++) expr_each(k->accs[i]->value, &seen, keep_order, user);
	for (int i = 0; i < k->n_stores; i++) expr_each(k->stores[i].value, &seen, keep_order, user);
	arena_free(scratch);
}

Program *pass_vectorise(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Cost c = {.p = p, .target = target};
	if (!target->vectorise) return p;
	schedules_give(p, target->given);
	map_init(&c.carried, p->arena);
	lengths_of(p, &c.lengths);
	note_carries(&c, p->n_states, p->carries);
	block_each(&p->block, note_visit, &c);
	block_each(&p->block, keep_orders, &c);
	block_each(&p->block, fold_sums, &c);
	block_each(&p->block, lanes_of_readers, &c); /* in program order: consumers adapt to producers */
	transpose_operands(p, lanes_of_copy, &c);
	block_each(&p->block, lanes_of_fills, &c);
	return p;
}
