/* beside.c: loops that a team runs side by side, one a thread, instead of sharing each step.
 *
 * The two directions of a bidirectional layer know nothing of each other.  To share a step, threads meet once a step, and read
 * what the other one has just computed from its cache: some hundred ns, more where the two cores are far apart.  So where there
 * are as many loops that are independent of each other as threads, and they take about equally long, each is run by one.
 *
 * Loops are independent if the later one touches nothing that depends on what the earlier one writes; parts of one array that both
 * only write (of a concat) are no dependence, team.c sees whether they overlap.
 */
#include "codegen/lower.h"

#include <string.h>

enum { MOST_UNEQUAL = 2 }; /* the longest over the shortest */

typedef struct { /* by ids of buffers */
	Program *p;
	bool *read, *written;
	bool fixed; /* a file of schedules says that threads share a kernel */
} Touched;

static void mark(void *user, const Access *a)
{
	Touched *t = user;
	(a->write ? t->written : t->read)[buffer_root(a->buffer)->id] = true;
}

static void mark_stmt(void *user, Stmt *s)
{
	Touched *t = user;
	stmt_accesses(s, mark, t);
	t->fixed |= s->kernel && s->kernel->given && s->kernel->given->parallel == SHARE_YES;
}

static Touched touched_by(Program *p, Stmt *s)
{
	Touched t = {.p = p, .read = NEWN(p->arena, bool, p->n_buffers), .written = NEWN(p->arena, bool, p->n_buffers)};
	memset(t.read, 0, sizeof(bool) * (size_t)p->n_buffers);
	memset(t.written, 0, sizeof(bool) * (size_t)p->n_buffers);
	block_each(&(Block){1, &s}, mark_stmt, &t);
	return t;
}

/* Whether statement `later` could run before `earlier`. */
static bool independent(const Program *p, const Touched *of, int earlier, int later)
{
	const int n = p->n_buffers;
	bool *tainted = arena_copy(p->arena, of[earlier].written, sizeof(bool) * (size_t)n);
	for (int i = earlier + 1; i <= later; i++) {
		bool depends = false;
		for (int b = 0; b < n; b++) {
			const bool parts = of[earlier].written[b] && !of[earlier].read[b] && !of[i].read[b];
			depends |= (tainted[b] && of[i].read[b]) || (tainted[b] && of[i].written[b] && !parts) ||
				(of[earlier].read[b] && of[i].written[b]);
		}
		if (depends && i == later) return false;
		for (int b = 0; depends && b < n; b++) tainted[b] |= of[i].written[b];
	}
	return true;
}

void loops_beside(Program *p, const Block *team, const Target *target)
{
	Touched *of = NEWN(p->arena, Touched, team->n);
	int *set = NEWN(p->arena, int, team->n);
	for (int i = 0; i < team->n; i++) of[i] = touched_by(p, team->stmts[i]);
	for (int first = 0; first < team->n; first++) {
		double least = 0, most = 0;
		int n = 0;
		for (int i = first; i < team->n && n < target->threads; i++) {
			if (team->stmts[i]->kind != ST_LOOP || team->stmts[i]->n_ranks || !is_shared(team->stmts[i]) ||
				of[i].fixed)
				continue;
			bool fits = true;
			for (int k = 0; k < n; k++) fits &= independent(p, of, set[k], i);
			const double cycles = stmt_cycles(team->stmts[i], target->cpu);
			fits &= !n || (cycles <= MOST_UNEQUAL * least && most <= MOST_UNEQUAL * cycles);
			if (!fits) continue;
			least = n && least < cycles ? least : cycles;
			most = n && most > cycles ? most : cycles;
			set[n++] = i;
		}
		for (int k = 0; n == target->threads && k < n; k++) unshare(&(Block){1, &team->stmts[set[k]]});
	}
}
