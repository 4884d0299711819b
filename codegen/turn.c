/* turn.c: weights larger than a cache are read to and fro.
 *
 * A kernel in a loop reads all its packed weights at each step.  From first to last, a cache that they do not fit has always
 * dropped just what comes next.  Backwards at every other step, a step begins with what the one before ended with: as much as
 * the cache holds is not read from the next one.  The order of the blocks has no influence on any result: each computes its
 * own points, and sums stay within one.
 */
#include "codegen/kernel.h"

/* Less is in the nearest cache anyway, beside what else is read. */
enum { FIRST_CACHE_BYTES = 16 << 10 };

static bool larger_than_cache(const Kernel *k)
{
	size_t bytes = 0;
	for (int i = 0; i < k->n_packs; i++) bytes += tensor_size_bytes(k->packs[i].buffer->data);
	return bytes > FIRST_CACHE_BYTES;
}

/* The blocks are its outermost loop, of a known number, at least two; scalars do not read faster than a cache gives. */
static bool can_turn(const Kernel *k)
{
	const Schedule *s = &k->schedule;
	int64_t n;
	for (int i = 0; i < k->n_vars; i++)
		if (i != s->vector && i != s->rows) return false;
	return s->vector >= 0 && s->lanes > 1 && dim_is_int(k->vars[s->vector]->extent, &n) &&
		n >= 2 * (int64_t)s->lanes * s->unroll;
}

static void visit(void *user, Stmt *s)
{
	(void)user;
	for (int i = 0; s->kind == ST_LOOP && !s->by && i < s->body.n; i++) {
		Kernel *k = s->body.stmts[i]->kernel;
		if (k && can_turn(k) && larger_than_cache(k)) k->schedule.turn = s->var;
	}
}

Program *pass_turn(const Program *from, const Target *target)
{
	(void)target;
	Program *p = program_copy(from);
	block_each(&p->block, visit, p);
	return p;
}
