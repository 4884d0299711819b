/* parallel.c: what a team of threads shares.
 *
 * One team (an OpenMP parallel region) runs the program from a statement on to its end, so that a time loop costs a barrier a
 * step and no fork.  In it a kernel is either sliced, the threads share its outermost loop, or run by one of them (team.c says
 * which, and where they wait).  Loops that know nothing of each other run side by side (beside.c),
 * and so do layers (wave.c).
 * Slices are whole blocks of the schedule: each element is computed as it would be by one thread,
 * so the bits do not depend on their number.  Off below a threshold, in the target's cycles: threads that wait for each other cost more
 * than small work.
 */
#include "codegen/emit.h"
#include "codegen/lower.h"

enum { TEAM_FORKS = 2 }; /* what all shared kernels must take to be worth one */

double stmt_cycles(const Stmt *s, const TargetInfo *cpu)
{
	double cycles = s->kind == ST_KERNEL ? kernel_cycles(s->kernel, cpu) : 0;
	for (int i = 0; i < s->body.n; i++) cycles += stmt_cycles(s->body.stmts[i], cpu);
	for (int i = 0; i < s->other.n; i++) cycles += stmt_cycles(s->other.stmts[i], cpu);
	if (s->kind != ST_LOOP) return cycles;
	const double rounds = dim_estimate(s->length) / (s->by ? (double)s->by : 1);
	return cycles * (rounds < 1 ? 1 : rounds);
}

/* The outermost loop has two rounds at least. */
static bool can_slice(const Kernel *k)
{
	const Schedule *s = &k->schedule;
	for (int i = 0; i < k->n_vars; i++)
		if (i != s->vector && i != s->rows) return dim_hi(k->vars[i]->extent) > 1;
	return s->vector >= 0 && dim_hi(k->vars[s->vector]->extent) >= 2 * s->lanes * s->unroll;
}

typedef struct {
	const Program *p;
	const TargetInfo *cpu;
} Slicing;

static void slice(void *user, Stmt *s)
{
	const Slicing *c = user;
	Kernel *k = s->kernel;
	if (!k) return;
	const Sharing how = k->given ? k->given->parallel : SHARE_BY_RULES;
	const bool can = can_slice(k);
	if (how == SHARE_YES && !can)
		given_fail(c->p, k, "its outermost loop has one round, which threads cannot share");
	k->schedule.parallel = can &&
		(how == SHARE_BY_RULES ? kernel_cycles(k, c->cpu) >= SLICE_BARRIERS * c->cpu->barrier
				       : how == SHARE_YES);
}

static void whole(void *user, Stmt *s)
{
	(void)user;
	if (s->kernel) s->kernel->schedule.parallel = false;
}

void unshare(const Block *b) { block_each(b, whole, NULL); }

/* How long a while-loop runs is one thread's to know: that one runs all of it. */
static void keep_whole(void *user, Stmt *s)
{
	(void)user;
	if (s->kind == ST_LOOP && s->go) unshare(&s->body);
}

static void note_return(void *user, Stmt *s) { *(bool *)user |= s->kind == ST_CHECK || s->kind == ST_SIZE || s->size; }

/* A team cannot leave the function. */
static bool may_return(Stmt *s)
{
	bool returns = false;
	block_each(&(Block){1, &s}, note_return, &returns);
	return returns;
}

static void note_sliced(void *user, Stmt *s)
{
	*(bool *)user |= s->sliced || s->n_ranks || (s->kind == ST_KERNEL && s->kernel->schedule.parallel);
}

bool is_shared(Stmt *s)
{
	bool sliced = false;
	block_each(&(Block){1, &s}, note_sliced, &sliced);
	return sliced;
}

static void note_asked(void *user, Stmt *s)
{
	*(bool *)user |= s->kernel && s->kernel->given && s->kernel->given->parallel == SHARE_YES;
}

Program *pass_parallel(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	const Block *b = &p->block;
	p->team = b->n;
	if (target->threads < 2) return p;
	const TargetInfo *cpu = target->cpu;
	block_each(b, slice, &(Slicing){p, cpu});
	block_each(b, keep_whole, NULL);
	int first = b->n, n_large = 0;
	double shared = 0;
	while (first > 0 && !may_return(b->stmts[first - 1])) {
		double here = stmt_cycles(b->stmts[--first], cpu);
		n_large += 2 * here >= cpu->fork;
		int *ranks = NEWN(p->arena, int, b->stmts[first]->body.n + 1);
		const bool beside = wave_ranks(p, b->stmts[first], target, ranks) > 0;
		shared += beside || is_shared(b->stmts[first]) ? here : 0;
	}
	bool asked = false; /* by a file of schedules */
	block_each(&(Block){b->n - first, b->stmts + first}, note_asked, &asked);
	if (shared >= TEAM_FORKS * cpu->fork || n_large > 1 || asked) p->team = first;
	for (int i = p->team; i < b->n; i++) layers_beside(p, b->stmts[i], target);
	loops_beside(p, &(Block){b->n - p->team, b->stmts + p->team}, target);
	unshare(&(Block){p->team, b->stmts});
	return p;
}
