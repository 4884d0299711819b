/* turn.c: weights larger than a cache are read to and fro.
 *
 * A kernel in a loop reads all its packed weights at each step.  From first to last, a cache that they do not fit has always
 * dropped just what comes next.  Backwards at every other step, a step begins with what the one before ended with: as much as
 * the cache holds is not read from the next one.  So it is where a call makes one step and the next call the next: then the
 * state has a number that says which way, in a member of its own.  The order of the blocks has no influence on any result:
 * each computes its own points, and sums stay within one.
 */
#include "codegen/kernel.h"

/* Less is in the nearest cache anyway, beside what else is read. */
enum { FIRST_CACHE_BYTES = 16 << 10 };

static double weight_bytes(const Kernel *k)
{
	double bytes = 0;
	for (int i = 0; i < k->n_packs; i++) bytes += (double)tensor_size_bytes(k->packs[i].buffer->data);
	return bytes;
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
		if (k && can_turn(k) && weight_bytes(k) > FIRST_CACHE_BYTES) k->schedule.turn = s->var;
	}
}

/* A cache is as good as full of a kernel's weights when it is called again, if these alone are larger; if all that a call reads
 * is more than so many times as large, that saves less than it costs.  Of f32, what is left in the first cache is too little to
 * keep a number for; dot products take half as long as the second one needs for their weights; and weights that are widened
 * take as long for that as to read. */
static bool pays_between_calls(const Kernel *k, double call_bytes, const TargetInfo *cpu)
{
	bool dotted = k->n_packs > 0, f32 = true;
	for (int i = 0; i < k->n_packs; i++) {
		dotted &= k->packs[i].dotted;
		f32 &= k->packs[i].elem == F32;
	}
	const double most = dotted ? 6 : 2.5, cache = (double)(dotted ? cpu->l1_bytes : cpu->l2_bytes);
	return (dotted || f32) && k->n_vars == 1 && weight_bytes(k) > cache && call_bytes <= most * cache;
}

static void add_weights(void *bytes, Stmt *s)
{
	if (s->kernel) *(double *)bytes += weight_bytes(s->kernel);
}

static void turn_calls(Program *p, const TargetInfo *cpu)
{
	double call_bytes = 0;
	block_each(&p->block, add_weights, &call_bytes);
	for (int i = 0; p->n_states && i < p->block.n; i++) {
		Kernel *k = p->block.stmts[i]->kernel;
		if (!k || !can_turn(k) || !pays_between_calls(k, call_bytes, cpu)) continue;
		if (!p->turn) p->turn = var_new(p, unique_local(p, "turn"), dim_int(p->cx, 2));
		k->schedule.turn = p->turn;
	}
}

Program *pass_turn(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	block_each(&p->block, visit, p);
	turn_calls(p, target->cpu);
	return p;
}
