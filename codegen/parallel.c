/* parallel.c: OpenMP over the outermost loop of a kernel where the work pays for it. */
#include "codegen/lower.h"

static void choose_parallel(Kernel *k, const Target *t)
{
	enum { WORTH = 200000 }; /* operations; forking threads takes some microseconds */
	double work = 0, points = 1;
	for (int i = 0; i < k->n_vars; i++)
		points *= dim_estimate(k->vars[i]->extent);
	for (int i = 0; i < k->n_accs; i++) {
		double times = 1;
		for (int r = 0; r < k->accs[i]->n_vars; r++)
			times *= dim_estimate(k->accs[i]->vars[r]->extent);
		work += times;
	}
	k->schedule.parallel = t->threads > 1 && points * (work + 4 * k->n_stores) >= WORTH;
}

static void visit(void *user, Stmt *s)
{
	if (s->kernel)
		choose_parallel(s->kernel, user);
}

Program *pass_parallel(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Target t = *target;
	block_each(&p->block, visit, &t);
	return p;
}
