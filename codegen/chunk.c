/* chunk.c: loops over time, and what is computed for all of their steps before or after them, in chunks of steps.
 *
 *     for i T: u[i] = x[i] W                for start T in chunks of C, each of min(C, T - start) steps:
 *     for t T: h = f(u[t], h), y[t] = h  =>     for i chunk: u[i] = x[start + i] W
 *     for i T: z[i] = g(y[i])                   for t chunk: h = f(u[t], h), y[t] = h
 *                                               for i chunk: z[start + i] = g(y[i])
 *
 * What is made for all steps, of a layer of 256 units 4 kB a step, need not be there at once: of u and y a chunk is kept, so
 * that the workspace does not grow with the sequence, and what one loop writes is still in a cache when the next one reads it.
 * Layers that run the same way go through one chunk after the other.  C is as many steps as half of the L2 cache holds; known
 * sequences that fit there are left alone.  A kernel that works for loops of both directions comes apart where that lets them be
 * cut (apart.c).
 *
 * Why here and not on the graph: there, a chunk would be a scan around scans, whose steps are not of one size unless a second copy
 * of the body runs what remains; and what may be cut depends on which values fusion stores.  In kernels it is seen in the indices,
 * and only loops change: what is computed at a step, and in which order its sums are added, stays, so no bit changes.  No statement
 * is there twice: the last chunk has fewer steps, by a number that is known when it runs.  Before the schedule is chosen, which
 * so sees the shorter axis.
 *
 * A statement can be in a chunk if it goes over all steps, a loop or an axis of a kernel, and meets each other one there only at
 * the same step of arrays.  What stands between, and does not go over the steps, is done before all chunks where it needs nothing
 * of them, such as the initial states, or else after them.  Requires: split.
 */
#include "codegen/emit.h"
#include "codegen/lower.h"

/* Statements that are looked at together: what there is to look at grows with more than their square. */
enum { MOST_PARTS = 256 };

typedef enum { FRONT, INSIDE, BEHIND } Side; /* of the chunks */
typedef struct {
	Stmt *stmt;
	const Var *time; /* of the loop, or the axis of the kernel that is time; NULL: none is */
	Accesses all;    /* of it and what is in it, but of constants */
	Side side;
} Part;
typedef struct {
	Program *p;
	const Target *target;
	int n;
	Part *parts; /* the statements of the program, in order */
	/* the chunks that are looked for */
	const Dim *length;
	bool reverse;
	int first, end; /* parts that are looked at */
	int *short_dim; /* by ids of buffers: which dim gets the length of a chunk; below 0: none */
	bool *written;  /* by ids of buffers */
} Chunks;

/* ---- what a statement reads and writes ---- */

typedef struct {
	Arena *arena;
	Accesses *to;
} Gather;

static void gather_stmt(void *user, Stmt *s)
{
	Gather *g = user;
	stmt_gather(g->arena, s, g->to);
}

static Part part_of(const Chunks *c, Stmt *s)
{
	Part part = {.stmt = s};
	block_each(&(Block){1, &s}, gather_stmt, &(Gather){c->p->arena, &part.all});
	return part;
}

static bool meet(const Part *a, const Part *b)
{
	for (int i = 0; i < a->all.n; i++)
		for (int k = 0; k < b->all.n; k++) {
			const Access *x = &a->all.items[i], *y = &b->all.items[k];
			if ((x->write || y->write) && buffer_root(x->buffer) == buffer_root(y->buffer)) return true;
		}
	return false;
}

/* ---- steps ---- */

/* The dim in which exactly the step's element is meant; -1: there is none. */
static int step_dim(const Chunks *c, const Access *a, const Var *time)
{
	const Index *step = index_var(c->p, time);
	for (int d = 0; a->index && d < a->buffer->rank; d++)
		if (a->index[d] == step) return d;
	return -1;
}

static bool is_loop(const Part *part) { return part->stmt->kind == ST_LOOP; }

/* The axis of a kernel that goes over the steps: in all that it stores, the first dim where that can be. */
static const Var *kernel_time(const Chunks *c, const Part *part)
{
	const Kernel *k = part->stmt->kernel;
	const Var *best = NULL;
	for (int v = k->n_vars - 1; v >= 0; v--) {
		bool stores = k->vars[v]->extent == c->length, in_front = true;
		for (int i = 0; i < part->all.n && stores; i++) {
			if (!part->all.items[i].write) continue;
			const int d = step_dim(c, &part->all.items[i], k->vars[v]);
			stores = d >= 0;
			in_front &= d == 0;
		}
		if (stores && (in_front || !best)) best = k->vars[v];
	}
	return best;
}

static const Var *time_of(const Chunks *c, const Part *part)
{
	const Stmt *s = part->stmt;
	if (s->kind == ST_KERNEL) return kernel_time(c, part);
	return s->kind == ST_LOOP && !s->go && !s->by && s->length == c->length && s->reverse == c->reverse ? s->var
													    : NULL;
}

/* Under the dims of one array, or as rows of it. */
static bool is_one_step(const Chunks *c, const Access *x, const Var *x_time, const Access *y, const Var *y_time)
{
	const int dx = step_dim(c, x, x_time), dy = step_dim(c, y, y_time);
	if (x->buffer == y->buffer) return dx >= 0 && dx == dy;
	return dx == 0 && dy == 0 && x->buffer->dims[0] == c->length && y->buffer->dims[0] == c->length;
}

static bool meet_at_steps(const Chunks *c, const Part *a, const Part *b)
{
	for (int i = 0; i < a->all.n; i++)
		for (int k = 0; k < b->all.n; k++) {
			const Access *x = &a->all.items[i], *y = &b->all.items[k];
			if ((x->write || y->write) && buffer_root(x->buffer) == buffer_root(y->buffer) &&
				!is_one_step(c, x, a->time, y, b->time))
				return false;
		}
	return true;
}

/* ---- which statements are inside ---- */

/* A kernel that is inside, with all that it needs of what is there, to the front; false: a loop is among that, it stays. */
static bool leave(const Chunks *c, int at, bool really)
{
	bool leaves[MOST_PARTS] = {false};
	leaves[at - c->first] = true;
	for (int i = at; i >= c->first; i--) {
		bool *this = &leaves[i - c->first];
		for (int k = i + 1; k <= at && !*this && c->parts[i].side == INSIDE; k++)
			*this = leaves[k - c->first] && meet(&c->parts[i], &c->parts[k]);
		if (*this && is_loop(&c->parts[i])) return false;
	}
	for (int i = c->first; i <= at && really; i++)
		if (leaves[i - c->first]) c->parts[i].side = FRONT;
	return true;
}

static bool ends_call(Stmt *s) { return s->kind == ST_SIZE || s->size; }

/* Where the statement goes; false: nowhere, the chunks end before it. */
static bool put(Chunks *c, int at)
{
	Part *part = &c->parts[at];
	bool free = true, inside = true; /* of all before it; of what is behind, and else but for steps */
	part->time = time_of(c, part);
	for (int i = c->first; i < at; i++) {
		const Part *other = &c->parts[i];
		if (other->side == FRONT || !meet(other, part)) continue;
		free = false;
		inside &= other->side == INSIDE && part->time && (meet_at_steps(c, other, part) || leave(c, i, false));
	}
	part->side = part->time && inside ? INSIDE : free ? FRONT : BEHIND;
	for (int i = c->first; i < at && part->side == INSIDE; i++)
		if (c->parts[i].side == INSIDE && meet(&c->parts[i], part) && !meet_at_steps(c, &c->parts[i], part))
			leave(c, i, true);
	return part->side == FRONT || !ends_call(part->stmt);
}

/* What a loop the other way reads as well is needed whole before that begins, and its loops are better off side by side (beside.c):
 * a kernel that makes some of it stays in front, or else ends what goes inside: it and what follows are behind. */
static void leave_both_ways(Chunks *c)
{
	for (int i = c->first; i < c->end; i++) {
		bool both = false;
		for (int k = i + 1; k < c->n && c->parts[i].side == INSIDE && !is_loop(&c->parts[i]); k++) {
			const Stmt *s = c->parts[k].stmt;
			both |= s->kind == ST_LOOP && s->reverse != c->reverse && meet(&c->parts[i], &c->parts[k]);
		}
		if (both && !leave(c, i, true)) c->end = i;
	}
	for (int i = c->end; i < c->n; i++) c->parts[i].side = BEHIND;
}

/* Finds the arrays that are there for the chunks alone and can have the length of one. */
static void find_short(Chunks *c)
{
	enum { UNSEEN = -2, NO = -1 };
	const Program *p = c->p;
	for (int i = 0; i < p->n_buffers; i++) {
		const Buffer *b = p->buffers[i];
		c->written[i] = false;
		c->short_dim[i] = b->kind == BUF_WORK && !b->alias && !b->viewed ? UNSEEN : NO;
	}
	for (int i = 0; i < p->n_states; i++)
		if (p->carries[i].next) c->short_dim[p->carries[i].next->id] = NO;
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k < c->parts[i].all.n; k++) {
			const Access *a = &c->parts[i].all.items[k];
			const Buffer *root = buffer_root(a->buffer);
			int *dim = &c->short_dim[root->id];
			const int here = c->parts[i].side == INSIDE ? step_dim(c, a, c->parts[i].time) : NO;
			*dim = a->buffer == root && (*dim == UNSEEN || *dim == here) ? here : NO;
			c->written[root->id] |= a->write;
		}
	for (int i = 0; i < p->n_buffers; i++) {
		int *dim = &c->short_dim[i];
		if (*dim >= 0 && (!c->written[i] || p->buffers[i]->dims[*dim] != c->length)) *dim = NO;
	}
}

static bool has_short(const Chunks *c, const Part *part)
{
	for (int i = 0; i < part->all.n; i++)
		if (c->short_dim[part->all.items[i].buffer->id] >= 0) return true;
	return false;
}

/* What shares nothing that gets shorter need not be inside. */
static void thin_out(Chunks *c)
{
	for (int i = c->end - 1; i >= c->first; i--) {
		Part *part = &c->parts[i];
		bool wanted = false;
		if (part->side != INSIDE || has_short(c, part)) continue;
		for (int k = i + 1; k < c->end; k++) wanted |= c->parts[k].side == INSIDE && meet(part, &c->parts[k]);
		if (!wanted) part->side = BEHIND;
		else leave(c, i, true);
	}
}

/* A kernel that is in front only because it could be there waits: for a loop behind, whose chunks it may go into, or whose
 * thread then runs it. */
static void postpone(Chunks *c)
{
	for (int i = c->end - 1; i >= c->first; i--) {
		bool needed = c->parts[i].side != FRONT || c->parts[i].stmt->kind != ST_KERNEL;
		for (int k = i + 1; k < c->end && !needed; k++)
			needed = c->parts[k].side != BEHIND && meet(&c->parts[i], &c->parts[k]);
		if (!needed) c->parts[i].side = BEHIND;
	}
}

/* ---- how long a chunk is ---- */

/* Bytes a step of the largest array that gets shorter, with as few rows as a batch can have; 0: none does. */
static double step_bytes(const Chunks *c)
{
	double most = 0;
	for (int i = 0; i < c->p->n_buffers; i++) {
		const Buffer *b = c->p->buffers[i];
		const int dim = c->short_dim[i];
		double bytes = dim >= 0 ? elem_info[b->elem].size : 0;
		for (int d = 0; d < b->rank; d++) {
			const int64_t n = dim_lo(b->dims[d]);
			bytes *= d == dim || n < 1 ? 1 : (double)n;
		}
		most = bytes > most ? bytes : most;
	}
	return most;
}

/* Multiples of what register tiles have of rows, so that only the last chunk leaves some over.  Longer ones gain nothing. */
enum { ROWS = 12, MOST = 8 * ROWS };

typedef struct {
	const Target *target;
	double cycles;
} Work;

static void add_cycles(void *user, Stmt *s)
{
	Work *w = user;
	if (s->kernel) w->cycles += kernel_cycles_in(s->kernel, w->target->cpu, w->target->lanes);
}

/* The steps, up to so many, with which threads run layers side by side; 0: they had better not. */
static int64_t steps_beside(const Chunks *c, int64_t most)
{
	double *layers = NEWN(c->p->arena, double, c->n), before = 0;
	const double steps = dim_estimate(c->length);
	int n = 0;
	for (int i = c->first; i < c->end && c->target->threads > 1 && !c->reverse; i++) {
		Work w = {.target = c->target};
		if (c->parts[i].side != INSIDE) continue;
		block_each(&(Block){1, &c->parts[i].stmt}, add_cycles, &w);
		before += is_loop(&c->parts[i]) ? w.cycles : w.cycles / steps;
		if (!is_loop(&c->parts[i])) continue;
		layers[n++] = before;
		before = 0;
	}
	if (n) layers[n - 1] += before;
	return n > 1 ? wave_chunk(c->target, n, layers, steps, ROWS, most) : 0;
}

/* Steps of a chunk; 0: all of them at once. */
static int64_t chunk_length(const Chunks *c)
{
	Schedules *given = c->target->given;
	const double bytes = step_bytes(c);
	const int64_t most = dim_hi(c->length), cache = c->target->cpu->l2_bytes / 2;
	if (bytes == 0 || (given && given->chunk == CHUNK_NO)) return 0;
	if (given && given->chunk) {
		given->chunk_used |= most > given->chunk;
		return most > given->chunk ? given->chunk : 0;
	}
	const int64_t fits = (int64_t)((double)cache / bytes) / ROWS * ROWS;
	const int64_t chunk = fits < ROWS ? ROWS : fits > MOST ? MOST : fits;
	const int64_t beside = steps_beside(c, chunk);
	if (beside) return beside;
	if ((most != INT64_MAX && bytes * (double)most <= (double)cache) || most <= 2 * chunk) return 0;
	for (int64_t n = chunk; dim_is_int(c->length, NULL) && 2 * n > chunk; n--)
		if (most % n == 0) return n; /* chunks of one length */
	return chunk;
}

/* ---- the loops ---- */

static const Sym *chunk_symbol(Program *p, int64_t most)
{
	Names *names = p->names;
	const Dim *n = dim_int(p->cx, most);
	const Sym *have = map_get(&names->chunks, n);
	if (have) return have;
	const char *name = intern(p->cx, "chunk");
	for (int i = 2; sym_find(p->cx, name) || map_get(&names->taken, name) || map_get(&names->locals, name); i++)
		name = intern(p->cx, arena_printf(p->arena, "chunk_%d", i));
	dim_computed(p->cx, name, n);
	have = sym_find(p->cx, name);
	map_put(&names->taken, name, name);
	map_put(&names->chunks, n, have);
	return have;
}

static void cut_kernel(Subst *to, Kernel *k)
{
	Acc **accs = NEWN(to->p->arena, Acc *, k->n_accs);
	for (int i = 0; i < k->n_accs; i++) accs[i] = subst_acc(to, k->accs[i]);
	k->accs = accs;
	for (int i = 0; i < k->n_stores; i++) {
		Store *s = &k->stores[i];
		*s = (Store){s->buffer, subst_place(to, s->buffer, s->index), subst_expr(to, s->value)};
	}
}

static void cut_stmt(void *user, Stmt *s)
{
	Subst *to = user;
	if (s->kernel) cut_kernel(to, s->kernel);
	if (s->cond) s->cond = subst_expr(to, s->cond);
}

/* Its steps are those of a chunk, of so many. */
static void cut_part(const Chunks *c, Part *part, const Var *start, const Dim *count)
{
	Program *p = c->p;
	Stmt *s = part->stmt;
	Var *step = var_new(p, part->time->name, count);
	step->whole = c->length;
	const Index *first = index_var(p, start);
	Subst to = subst_new(p);
	subst_var(&to, part->time, index_add(p, index_var(p, step), first));
	for (int i = 0; i < p->n_buffers; i++)
		if (c->short_dim[i] >= 0) subst_part(&to, p->buffers[i], c->short_dim[i], first);
	block_each(&(Block){1, &s}, cut_stmt, &to);
	if (s->kind == ST_LOOP) {
		s->var = step;
		s->length = count;
		return;
	}
	Kernel *k = s->kernel;
	const Var **vars = arena_copy(p->arena, k->vars, sizeof *vars * (size_t)k->n_vars);
	for (int i = 0; i < k->n_vars; i++)
		if (vars[i] == part->time) vars[i] = step;
	k->vars = vars;
}

/* All that is inside, in a loop over chunks of so many steps. */
static Stmt *cut(const Chunks *c, int64_t by)
{
	Program *p = c->p;
	int64_t all;
	const bool even = dim_is_int(c->length, &all) && all % by == 0;
	Stmt *loop = NEW(p->arena, Stmt);
	*loop = (Stmt){.kind = ST_LOOP,
		.var = var_new(p, "start", c->length),
		.length = c->length,
		.reverse = c->reverse,
		.by = by};
	loop->chunk = even ? NULL : chunk_symbol(p, by);
	const Dim *longest = dim_int(p->cx, by), *count = even ? longest : dim_sym(p->cx, loop->chunk->name);
	for (int i = c->first; i < c->end; i++) {
		if (c->parts[i].side != INSIDE) continue;
		cut_part(c, &c->parts[i], loop->var, count);
		block_add(p, &loop->body, c->parts[i].stmt);
	}
	for (int i = 0; i < p->n_buffers; i++) {
		Buffer *b = p->buffers[i];
		if (c->short_dim[i] < 0) continue;
		const Dim **dims = arena_copy(p->arena, b->dims, sizeof *dims * (size_t)b->rank);
		dims[c->short_dim[i]] = longest;
		b->dims = dims;
		b->chunks = 1;
	}
	return loop;
}

/* ---- the pass ---- */

static void add_side(Chunks *c, Block *to, Side side)
{
	for (int i = c->first; i < c->end; i++)
		if (c->parts[i].side == side) block_add(c->p, to, c->parts[i].stmt);
}

static bool is_over_steps(const Part *part)
{
	const Stmt *s = part->stmt;
	return s->kind == ST_LOOP && !s->go && !s->by;
}

/* Cuts the first loop from number `at` on that can be; what is behind it then, the number of the first; else -1. */
static int cut_next(Chunks *c, int at)
{
	Block *block = &c->p->block;
	c->n = block->n;
	c->parts = NEWN(c->p->arena, Part, c->n);
	for (int i = 0; i < c->n; i++) c->parts[i] = part_of(c, block->stmts[i]);
	for (int i = at; i < c->n; i++) {
		if (!is_over_steps(&c->parts[i])) continue;
		c->length = c->parts[i].stmt->length;
		c->reverse = c->parts[i].stmt->reverse;
		c->first = i - at < MOST_PARTS / 2 ? at : i - MOST_PARTS / 2;
		while (c->first < i && !time_of(c, &c->parts[c->first])) c->first++;
		const int most = c->n - c->first < MOST_PARTS ? c->n : c->first + MOST_PARTS;
		for (int k = 0; k < c->n; k++) c->parts[k].side = FRONT;
		for (c->end = c->first; c->end < most && put(c, c->end);) c->end++;
		leave_both_ways(c);
		find_short(c);
		thin_out(c);
		postpone(c);
		bool loops = false;
		for (int k = c->first; k < c->end; k++) loops |= c->parts[k].side == INSIDE && is_loop(&c->parts[k]);
		const int64_t by = loops ? chunk_length(c) : 0;
		if (!by) continue;
		Block to = {0};
		for (int k = 0; k < c->first; k++) block_add(c->p, &to, block->stmts[k]);
		add_side(c, &to, FRONT);
		block_add(c->p, &to, cut(c, by));
		const int behind = to.n;
		add_side(c, &to, BEHIND);
		for (int k = c->end; k < c->n; k++) block_add(c->p, &to, block->stmts[k]);
		*block = to;
		return behind;
	}
	return -1;
}

/* How many loops were cut. */
static int cut_all(Program *p, const Target *target)
{
	Chunks c = {.p = p,
		.target = target,
		.short_dim = NEWN(p->arena, int, p->n_buffers),
		.written = NEWN(p->arena, bool, p->n_buffers)};
	int n = 0;
	for (int at = 0; (at = cut_next(&c, at)) >= 0;) n++;
	return n;
}

Program *pass_chunk(const Program *from, const Target *target)
{
	Program *whole = program_copy(from);
	if (!target->fuse) return whole;
	const int n = cut_all(whole, target);
	Program *parts = come_apart(from);
	return parts && cut_all(parts, target) > n ? parts : whole;
}
