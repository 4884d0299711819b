/* wave.c: layers, one upon the other, that threads run side by side: the second at one chunk of steps beside the first at the next.
 *
 *     for round .. in chunks of C:                     wait for all
 *         thread 0: layer 1 from `start = round` on    thread 1: layer 2 from `start = round - C` on
 *
 * To share a step, threads wait for each other once a step, and read what the other one has just computed from its cache.  Here they
 * wait once a chunk, and each keeps the weights of its own layers in its caches.  What one layer leaves for another is there for
 * as many chunks as lie between them, in turns.  chunk.c has seen to it that the layers of one loop over chunks meet at steps only,
 * later ones at what earlier ones have done; so each computes what it would after them, and no bit changes.
 *
 * Layers stay in order: neighbours go to one thread, as evenly as that can be.  Worth it by the target's cycles: of a step, alone
 * or shared, against the rounds in which not all threads have something to do, and the waiting.
 */
#include "codegen/lower.h"

enum {
	MOST_RANKS = 16,
	STEP_BARRIERS =
		2 /* what a shared step takes besides: to wait, and to read what another thread has just written */
};

typedef struct {
	int n_ranks;
	double cycles; /* of a step of all layers */
} Wave;

/* Which thread a layer goes to, with so many cycles before it. */
static int rank_at(double before, double own, double all, int n_ranks)
{
	const int rank = (int)((before + own / 2) / all * n_ranks);
	return rank < n_ranks ? rank : n_ranks - 1;
}

/* n layers by the cycles of a step of each. */
static Wave wave_of(const Target *t, int n, const double *layers, double steps, double by)
{
	double all = 0, now = 0, before = 0, ranks[MOST_RANKS] = {0}, most = 0;
	int n_ranks = n < t->threads ? n : t->threads;
	n_ranks = n_ranks < MOST_RANKS ? n_ranks : MOST_RANKS;
	for (int i = 0; i < n; i++) {
		const bool shared = layers[i] >= SLICE_BARRIERS * t->cpu->barrier;
		all += layers[i];
		now += shared ? layers[i] / t->threads + STEP_BARRIERS * t->cpu->barrier : layers[i];
	}
	for (int i = 0; i < n && all > 0; before += layers[i++])
		ranks[rank_at(before, layers[i], all, n_ranks)] += layers[i];
	for (int r = 0; r < n_ranks; r++) most = ranks[r] > most ? ranks[r] : most;
	const double rounds = (double)(int64_t)((steps + by - 1) / by) + n_ranks - 1;
	const double cycles = rounds * (most * by + t->cpu->barrier) / steps;
	return (Wave){n_ranks > 1 && cycles < now ? n_ranks : 0, cycles};
}

int64_t wave_chunk(const Target *t, int n, const double *layers, double steps, int64_t multiple, int64_t most)
{
	int64_t best = 0;
	double cycles = 0;
	for (int64_t by = multiple; by <= most && (double)by < steps; by += multiple) {
		const Wave w = wave_of(t, n, layers, steps, (double)by);
		if (!w.n_ranks || (best && w.cycles >= cycles)) continue;
		best = by;
		cycles = w.cycles;
	}
	return best;
}

/* ---- loops over chunks ---- */

/* A file of schedules wants a kernel shared; or a branch looks at an array itself, which only kernels are told the part of. */
static void note_other(void *user, Stmt *s)
{
	*(bool *)user |= s->cond || (s->kernel && s->kernel->given && s->kernel->given->parallel == SHARE_YES);
}

/* The layer of each statement of the loop: a loop and what stands before it, and behind the last.  How many there are. */
static int layers_of(const Stmt *loop, const TargetInfo *cpu, int *layer, double *cycles)
{
	int n_loops = 0, n = 0;
	for (int i = 0; i < loop->body.n; i++) n_loops += loop->body.stmts[i]->kind == ST_LOOP;
	for (int i = 0; i < n_loops; i++) cycles[i] = 0;
	for (int i = 0; i < loop->body.n; i++) {
		layer[i] = n < n_loops ? n : n_loops - 1;
		cycles[layer[i]] += stmt_cycles(loop->body.stmts[i], cpu) / (double)loop->by;
		n += loop->body.stmts[i]->kind == ST_LOOP;
	}
	return n_loops;
}

int wave_ranks(const Program *p, Stmt *s, const Target *target, int *rank)
{
	bool other = false;
	if (s->kind != ST_LOOP || !s->by || s->reverse) return 0;
	block_each(&s->body, note_other, &other);
	double *cycles = NEWN(p->arena, double, s->body.n), all = 0, before = 0;
	const int n = layers_of(s, target->cpu, rank, cycles);
	const Wave w = n > 1 && !other ? wave_of(target, n, cycles, dim_estimate(s->length), (double)s->by) : (Wave){0};
	if (!w.n_ranks) return 0;
	int *rank_of = NEWN(p->arena, int, n);
	for (int i = 0; i < n; i++) all += cycles[i];
	for (int i = 0; i < n; before += cycles[i++]) rank_of[i] = rank_at(before, cycles[i], all, w.n_ranks);
	for (int i = 0; i < s->body.n; i++) rank[i] = rank_of[rank[i]];
	return rank[0] == 0 && rank[s->body.n - 1] == w.n_ranks - 1 ? w.n_ranks : 0;
}

typedef struct {
	Program *p;
	int rank;
	int *first, *last; /* by ids of buffers: the ranks that have it */
} Spans;

static void see_buffer(void *user, const Access *a)
{
	const Spans *x = user;
	const int id = buffer_root(a->buffer)->id;
	if (x->first[id] < 0) x->first[id] = x->rank;
	x->last[id] = x->rank;
}

static void see_stmt(void *user, Stmt *s) { stmt_accesses(s, see_buffer, user); }

void layers_beside(Program *p, Stmt *s, const Target *target)
{
	int *rank = NEWN(p->arena, int, s->body.n + 1);
	const int n = wave_ranks(p, s, target, rank);
	if (!n) return;
	s->n_ranks = n;
	unshare(&s->body);
	Spans x = {.p = p, .first = NEWN(p->arena, int, p->n_buffers), .last = NEWN(p->arena, int, p->n_buffers)};
	for (int i = 0; i < p->n_buffers; i++) x.first[i] = x.last[i] = -1;
	for (int i = 0; i < s->body.n; i++) {
		x.rank = s->body.stmts[i]->rank = rank[i];
		block_each(&(Block){1, &s->body.stmts[i]}, see_stmt, &x);
	}
	for (int i = 0; i < p->n_buffers; i++) {
		Buffer *b = p->buffers[i];
		if (!b->chunks || x.first[i] == x.last[i]) continue;
		b->chunks = x.last[i] - x.first[i] + 1;
		b->all = unique_local(p, arena_printf(p->arena, "%s_chunks", b->name));
	}
}
