/* unroll.c: how many points of each kernel stay in registers: unroll x row_tile x sums, at least as many as hide the latency
 * of fma, at most what the target has, chosen for the fewest loads per fma.  What counts are the sums of one loop: a GRU's
 * step has four of a unit, but adds to three of them with the inputs, to three with the state.
 * Where weights come from the second cache, fewer sums hide the latency, and small blocks are better: the next one's weights
 * come while the functions of one are computed, and more of it is left in the nearest cache where a loop turns (turn.c).
 * Weights of bf16 are widened in the loop, by two operations for two vectors: the target says how many sums are better then,
 * taken where each thread still gets a block; dot products of bf16 are one, so that what is said of weights from the second
 * cache holds for theirs.
 * A file may say it instead (schedule.c); for `--tune` the pass lists what else could be tried.
 *
 * A loop without sums that does little but read and write takes STREAMED vectors at a time, and reads all of them before it writes
 * the first: to a CPU, a load from just behind a store looks as if it read what was stored, if only the last 12 bits of their
 * addresses say so, and waits.  Compilers keep that order; a loop of one vector may take three times as long for it.
 * A copy that lanes would gather for is made of squares: as many rows as there are lanes are read, and transposed in registers.
 */
#include "codegen/emit.h"
#include "codegen/lower.h"

#include <stdlib.h>

static int n_registers_used(const Kernel *k)
{
	int n = 0;
	for (int i = 0; i < k->n_accs; i++) n += !k->accs[i]->into;
	return n;
}

/* Of those, how many one loop adds to, at least and at most: the others wait, and may do so in memory. */
static void count_in_loops(const Kernel *k, int *fewest, int *most)
{
	*fewest = k->n_accs, *most = 0;
	for (int first = 0, last; first < k->n_accs; first = last) {
		for (last = first + 1; last < k->n_accs && same_loop(k->accs[first], k->accs[last]); last++)
			;
		if (last - first < *fewest) *fewest = last - first;
		if (last - first > *most) *most = last - first;
	}
}

typedef struct {
	const Var *v, *row;
	int vectors, scalars, both; /* loads of a reduction loop: that vary with v only, with row only, with both */
	bool widened;               /* some of bf16 or i8 among those in vectors */
	bool rounded;               /* and something else of bf16, the same in all lanes */
} Loads;

static void loads_visit(void *user, const Expr *e)
{
	Loads *l = user;
	if (e->kind != EX_LOAD) return;
	bool by_v = l->v && expr_uses(e, l->v), by_row = l->row && expr_uses(e, l->row);
	l->vectors += by_v && !by_row;
	l->scalars += by_row && !by_v;
	l->both += by_v && by_row;
	l->widened |= by_v && (e->elem == BF16 || e->elem == I8) && e->buffer->kind == BUF_CONST;
	l->rounded |= !by_v && e->elem == BF16;
}

static Loads loads_of(const Kernel *k, const Var *v, const Var *row)
{
	Loads l = {.v = v, .row = row};
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	for (int i = 0; i < k->n_accs; i++) expr_each(k->accs[i]->value, &seen, loads_visit, &l);
	arena_free(scratch);
	return l;
}

typedef struct {
	int rows, row_tile, unroll; /* as in Schedule */
	double cost;                /* per multiply-add, in loads */
	double fewest; /* the same in a batch as small as it can be: a tile that it does not fill goes row by row */
} Tile;

/* How many sums hide the latency.  A product of a matrix with one vector reads each weight once: out of the second cache they come
 * no faster than that gives them; half as many again, as they do not come evenly.  What the first one does not quite hold
 * counts as in it, and from beyond the second, where the streams of larger blocks are better, nothing is saved. */
static int sums_in_flight(const Kernel *k, const TargetInfo *cpu)
{
	const int most = cpu->fma_latency * cpu->fmas_per_cycle;
	if (k->n_vars > 1) return most;
	const double bytes = kernel_cost(k).bytes, vectors = 1.5 * cpu->l2_rate / (4. * cpu->lanes);
	if (bytes <= 1.25 * (double)cpu->l1_bytes || bytes > (double)cpu->l2_bytes || vectors >= cpu->fmas_per_cycle)
		return most;
	return (int)(vectors * cpu->fma_latency + 0.5);
}

typedef struct {
	int accs, sums, together; /* all, those in registers, and the fewest that a loop adds to */
	int busy, wanted;         /* vectors of sums: with fewer a loop waits; so many are better */
	bool far;                 /* the numbers come faster than the weights */
} Sums;

/* Of m rows of u vectors, per multiply-add, in loads. */
static double cost_of(const Sums *s, Loads l, int m, int u)
{
	const int live = s->sums * m * u, adding = s->together * m * u;
	const double fmas = s->accs * m * u;
	const double loads = l.vectors * u + l.scalars * m + l.both * u * m + (s->far ? 0 : 0.25 * m);
	double cost = loads / fmas + (adding < s->busy ? (s->busy - adding) * 0.25 : 0) + 0.01 * u;
	if (live < s->wanted) cost += (s->wanted - live) * 0.0125;
	return cost + 1;
}

/* The tiles that fit into the registers with that axis in the lanes; how many they are. */
static int tiles_of(const Program *p, const Kernel *k, const Target *t, const Map *lengths, int vector, Tile **tiles)
{
	Arena *arena = p->arena;
	const Var *v = k->vars[vector];
	const int sums = n_registers_used(k), room = t->cpu->registers - t->cpu->spare_registers;
	const Loads all = loads_of(k, v, NULL);
	const bool narrow = all.widened; /* half the bytes: they come as fast as they are used */
	const int most = t->cpu->fma_latency * t->cpu->fmas_per_cycle, busy = narrow ? most : sums_in_flight(k, t->cpu);
	const bool dots = all.rounded && t->cpu->bf16_dot && kernel_cost(k).bytes <= (double)t->cpu->l2_bytes;
	const bool widens = narrow && t->lanes > 1 && !dots &&
		dim_estimate(v->extent) * sums >= (double)t->threads * t->lanes * t->cpu->narrow_sums;
	const int wanted = widens ? t->cpu->narrow_sums : busy, hiding = widens ? wanted : most;
	int fewest = sums, held = sums;
	if (!narrow) count_in_loops(k, &fewest, &held);
	const Sums in = {k->n_accs, sums, fewest, busy, wanted, busy < most};
	int n = 0, alone = t->cpu->max_vectors; /* of one row: as many as hide it */
	if (t->lanes > 1 && sums && alone * sums < hiding) alone = (hiding + sums - 1) / sums;
	*tiles = NEWN(arena, Tile, (k->n_vars + 1) * (t->cpu->max_rows * t->cpu->max_vectors + alone));
	for (int r = -1; r < k->n_vars; r++) {
		const Var *row = r < 0 ? NULL : k->vars[r];
		if (row && (r == vector || dim_hi(row->extent) < 2)) continue;
		Loads l = loads_of(k, v, row);
		if (row && !l.vectors) /* nothing shared between rows */
			continue;
		for (int m = 1; m <= (row ? t->cpu->max_rows : 1); m++)
			for (int u = 1; u <= (m == 1 ? alone : t->cpu->max_vectors); u++) {
				if (held * m * u > room || sums * m * u > t->cpu->registers ||
					(row && m > dim_hi(row->extent)) ||
					(u > 1 && (u - 1) * t->lanes >= dim_hi(v->extent)))
					continue;
				const double waste = tile_waste(dim_estimate(v->extent), u * t->lanes);
				const double cost = cost_of(&in, l, m, u) * waste *
					(row ? tile_waste(dim_estimate(row->extent), m) : 1);
				const bool fits = !row || dim_fewest(row->extent, lengths) >= m;
				(*tiles)[n++] = (Tile){
					row && m > 1 ? r : -1, m, u, cost, fits ? cost : cost_of(&in, l, 1, u) * waste};
			}
	}
	return n;
}

/* Times the cost of the best tile: among those, what a small batch costs decides. */
#define NEARLY 1.05

static void choose_tile(const Program *p, Kernel *k, const Target *t, const Map *lengths)
{
	Tile *tiles;
	const int n = tiles_of(p, k, t, lengths, k->schedule.vector, &tiles);
	const Tile *best = n ? tiles : NULL;
	for (int i = 1; i < n; i++) best = tiles[i].cost < best->cost ? &tiles[i] : best;
	if (!best) return;
	const double most = best->cost * NEARLY;
	for (int i = 0; best->rows >= 0 && i < n; i++)
		if (tiles[i].rows >= 0 && tiles[i].cost <= most && tiles[i].fewest < best->fewest) best = &tiles[i];
	k->schedule.rows = best->rows;
	k->schedule.row_tile = best->row_tile;
	k->schedule.unroll = best->unroll;
}

/* ---- no sums ---- */

enum { STREAMED = 4 };

typedef struct {
	Program *p;
	const Var *v; /* in the lanes */
	bool light;   /* each vector takes an instruction or two an operand */
} Stream;

static const Dim *stride_of(Program *p, const Buffer *b, const Index *const *index, const Var *v)
{
	return index_stride(p, buffer_offset(p, b, index), v);
}

static void stream_visit(void *user, const Expr *e)
{
	Stream *s = user;
	if (e->kind == EX_OP)
		s->light &= !expr_is_function(e) && e->op != OP_EW_pow && e->op != OP_EW_mod && e->op != OP_EW_rem;
	if (e->kind != EX_LOAD) return;
	const Dim *stride = stride_of(s->p, e->buffer, e->index, s->v);
	s->light &= stride && (dim_is(stride, 0) || dim_is(stride, 1));
}

static void choose_stream(Program *p, Kernel *k)
{
	Schedule *schedule = &k->schedule;
	Stream s = {.p = p, .v = k->vars[schedule->vector], .light = true};
	if (dim_hi(s.v->extent) < 2 * STREAMED * schedule->lanes) return;
	for (int i = 0; i < k->n_stores; i++) {
		const Store *store = &k->stores[i];
		/* of what only copies or fills, compilers make memcpy and memset */
		s.light &= store->value->kind == EX_OP && dim_is(stride_of(p, store->buffer, store->index, s.v), 1);
		expr_walk(store->value, stream_visit, &s);
	}
	if (s.light && k->n_stores <= STREAMED) schedule->unroll = STREAMED / k->n_stores;
}

/* The axis along which that goes through memory one by one, for so many lanes; -1: there is none. */
static int unit_axis(Program *p, const Kernel *k, const Buffer *b, const Index *const *index, int lanes)
{
	for (int i = 0; i < k->n_vars; i++) {
		const Dim *stride = stride_of(p, b, index, k->vars[i]);
		if (stride && dim_is(stride, 1) && dim_hi(k->vars[i]->extent) >= lanes) return i;
	}
	return -1;
}

static bool choose_squares(Program *p, Kernel *k)
{
	Schedule *schedule = &k->schedule;
	const Store *s = &k->stores[0];
	const Expr *e = s->value;
	if (k->n_stores > 1 || e->kind != EX_LOAD || e->buffer->elem != F32 || s->buffer->elem != F32 ||
		e->buffer->kind == BUF_CONST || reads_own_stores(k))
		return false;
	const int read = unit_axis(p, k, e->buffer, e->index, schedule->lanes),
		  written = unit_axis(p, k, s->buffer, s->index, schedule->lanes);
	if (read < 0 || written < 0 || read == written) return false;
	if (k->given && k->given->vector && schedule->vector != written) return false;
	const Dim *step = stride_of(p, e->buffer, e->index, k->vars[written]);
	if (!step || dim_is(step, 0) || dim_is(step, 1) || !stride_of(p, s->buffer, s->index, k->vars[read]))
		return false;
	schedule->vector = written;
	schedule->rows = read;
	schedule->row_tile = schedule->lanes;
	return true;
}

/* ---- a file says it ---- */

enum { MOST_SUMS = 64 }; /* that a file can ask for: more only makes code long */

static void obey(const Program *p, Kernel *k)
{
	const GivenSchedule *g = k->given;
	Schedule *s = &k->schedule;
	if (s->vector < 0 || !k->n_accs) given_fail(p, k, "it keeps no sums in registers");
	const int rows = g->rows ? given_axis(p, k, g->rows) : -1;
	if (rows == s->vector) given_fail(p, k, "its rows cannot be what is in the lanes");
	if (rows >= 0 && g->row_tile > dim_hi(k->vars[rows]->extent))
		given_fail(p, k, arena_printf(p->arena, "%s has not so many rows", g->rows));
	if (g->unroll > 1 && (g->unroll - 1) * s->lanes >= dim_hi(k->vars[s->vector]->extent))
		given_fail(
			p, k, arena_printf(p->arena, "%s is shorter than so many vectors", k->vars[s->vector]->name));
	const int sums = n_registers_used(k) * g->unroll * (g->rows ? g->row_tile : 1);
	if (sums > MOST_SUMS)
		given_fail(p, k, arena_printf(p->arena, "that is %d sums at a time, and %d the most", sums, MOST_SUMS));
	s->unroll = g->unroll;
	s->rows = g->rows && g->row_tile > 1 ? rows : -1;
	s->row_tile = g->rows ? g->row_tile : 1;
}

/* ---- choices for --tune ---- */

enum { MOST_TILES = 14, MOST_TILES_ELSEWHERE = 4 }; /* along the axis that the rules choose, and along another */

static int by_cost(const void *a, const void *b)
{
	const Tile *x = a, *y = b;
	if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
	return x->row_tile * 64 + x->unroll - (y->row_tile * 64 + y->unroll);
}

static int list_axis(
	const Program *p, const Kernel *k, const Target *t, const Map *lengths, int vector, GivenSchedule *to)
{
	GivenSchedule g = {.key = k->key, .vector = k->vars[vector]->name};
	if (!k->n_accs) {
		*to = g;
		return vector != k->schedule.vector;
	}
	Tile *tiles;
	int n = tiles_of(p, k, t, lengths, vector, &tiles), listed = 0;
	qsort(tiles, (size_t)n, sizeof *tiles, by_cost);
	for (int i = 0; i < n && listed < (vector == k->schedule.vector ? MOST_TILES : MOST_TILES_ELSEWHERE); i++) {
		const Schedule *s = &k->schedule;
		const Tile *tile = &tiles[i];
		bool repeated = i && tile->rows < 0 && tile->unroll == tiles[i - 1].unroll && tiles[i - 1].rows < 0;
		bool chosen = vector == s->vector && tile->rows == s->rows && tile->row_tile == s->row_tile &&
			tile->unroll == s->unroll;
		if (repeated || chosen) continue;
		g.unroll = tile->unroll;
		g.rows = tile->rows < 0 ? NULL : k->vars[tile->rows]->name;
		g.row_tile = tile->row_tile;
		to[listed++] = g;
	}
	return listed;
}

static void list_choices(Program *p, Kernel *k, const Target *t, const Map *lengths)
{
	if (k->schedule.fold_lanes || t->lanes == 1) return;
	GivenSchedule *list = NEWN(p->arena, GivenSchedule, MOST_TILES * (k->n_vars + 1));
	int n = 0;
	if (k->schedule.vector >= 0) n = list_axis(p, k, t, lengths, k->schedule.vector, list);
	for (int i = 0; i < k->n_vars && i < 32; i++)
		if (i != k->schedule.vector && k->axes >> i & 1) n += list_axis(p, k, t, lengths, i, list + n);
	if (k->schedule.vector >= 0 && !k->n_accs) list[n++] = (GivenSchedule){.key = k->key, .scalar = true};
	k->choices = list;
	k->n_choices = n;
}

/* ---- the pass ---- */

typedef struct {
	Program *p;
	const Target *target;
	Map lengths; /* lengths_of */
} Unroll;

static void visit(void *user, Stmt *s)
{
	const Unroll *c = user;
	Kernel *k = s->kernel;
	if (!k) return;
	if (k->given && k->given->unroll) obey(c->p, k);
	else if (n_registers_used(k) && k->schedule.vector >= 0) choose_tile(c->p, k, c->target, &c->lengths);
	else if (!k->n_accs && k->schedule.vector >= 0 && !choose_squares(c->p, k)) choose_stream(c->p, k);
	if (c->target->list_choices) list_choices(c->p, k, c->target, &c->lengths);
}

Program *pass_unroll(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	if (!target->vectorise) return p;
	Unroll c = {.p = p, .target = target};
	lengths_of(p, &c.lengths);
	block_each(&p->block, visit, &c);
	return p;
}
