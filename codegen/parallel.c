/* parallel.c: what a team of threads shares.
 *
 * One team (an OpenMP parallel region) runs the program from a statement on to its end, so that a time loop costs a barrier a
 * step and no fork.  In it a kernel is either sliced, the threads share its outermost loop, or run by one of them (team.c says
 * which, and where they wait).  Slices are whole blocks of the schedule: each element is computed as it would be by one thread,
 * so the bits do not depend on their number.  Off below a threshold: threads that wait for each other cost more than small
 * work.
 */
#include "codegen/lower.h"

enum { SLICE_WORTH = 24000, TEAM_WORTH = 400000 }; /* multiply-adds: of one kernel, against a barrier; of all, against a fork */

static double kernel_work(const Kernel *k)
{
	double work = 0, points = 1;
	for (int i = 0; i < k->n_vars; i++)
		points *= dim_estimate(k->vars[i]->extent);
	for (int i = 0; i < k->n_accs; i++) {
		double times = 1;
		for (int r = 0; r < k->accs[i]->n_vars; r++)
			times *= dim_estimate(k->accs[i]->vars[r]->extent);
		work += times;
	}
	return points * (work + 4 * k->n_stores);
}

double stmt_work(const Stmt *s)
{
	double work = s->kind == ST_KERNEL ? kernel_work(s->kernel) : 0;
	for (int i = 0; i < s->body.n; i++)
		work += stmt_work(s->body.stmts[i]);
	for (int i = 0; i < s->other.n; i++)
		work += stmt_work(s->other.stmts[i]);
	return s->kind == ST_LOOP ? work * dim_estimate(s->length) : work;
}

/* The outermost loop has two rounds at least. */
static bool can_slice(const Kernel *k)
{
	const Schedule *s = &k->schedule;
	for (int i = 0; i < k->n_vars; i++)
		if (i != s->vector && i != s->rows)
			return dim_hi(k->vars[i]->extent) > 1;
	return s->vector >= 0 && dim_hi(k->vars[s->vector]->extent) >= 2 * s->lanes * s->unroll;
}

static void slice(void *user, Stmt *s)
{
	(void)user;
	if (s->kind == ST_KERNEL)
		s->kernel->schedule.parallel = can_slice(s->kernel) && kernel_work(s->kernel) >= SLICE_WORTH;
}

static void whole(void *user, Stmt *s)
{
	(void)user;
	if (s->kind == ST_KERNEL)
		s->kernel->schedule.parallel = false;
}

static void note_return(void *user, Stmt *s)
{
	*(bool *)user |= s->kind == ST_CHECK || s->kind == ST_SIZE || s->size;
}

/* A team cannot leave the function. */
static bool may_return(Stmt *s)
{
	bool returns = false;
	block_each(&(Block){1, &s}, note_return, &returns);
	return returns;
}

static void note_sliced(void *user, Stmt *s)
{
	*(bool *)user |= s->kind == ST_KERNEL && s->kernel->schedule.parallel;
}

bool is_shared(Stmt *s)
{
	bool sliced = false;
	if (s->kind != ST_LOOP || !s->limit) /* how long a while-loop runs is one thread's to know */
		block_each(&(Block){1, &s}, note_sliced, &sliced);
	return sliced;
}

Program *pass_parallel(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	const Block *b = &p->block;
	p->team = b->n;
	if (target->threads < 2)
		return p;
	block_each(b, slice, NULL);
	int first = b->n, n_large = 0;
	double work = 0;
	while (first > 0 && !may_return(b->stmts[first - 1])) {
		double here = stmt_work(b->stmts[--first]);
		n_large += here >= TEAM_WORTH / 4;
		work += is_shared(b->stmts[first]) ? here : 0;
	}
	if (work >= TEAM_WORTH || n_large > 1)
		p->team = first;
	block_each(&(Block){p->team, b->stmts}, whole, NULL);
	return p;
}
