/* inplace.c: a carry is overwritten where nothing reads its old value later.
 *
 * c' of an LSTM reads c only at its own unit: one buffer will do.  h' needs all of h for every unit: two buffers, unless all
 * units are in one register tile, whose sums are done before it stores anything.  Legal when one kernel stores the new value,
 * that kernel reads the old one only at the index it stores, after its sums, and no later statement of the body reads the old
 * one.
 */
#include "codegen/kernel.h"

#include <string.h>

typedef struct {
	Program *p;
	const Buffer *now;
	const Index *at; /* the only offset at which reading is right; NULL: none is */
	bool wrong;
} Reads;

static void see_read(void *user, const Access *a)
{
	Reads *r = user;
	if (a->write || buffer_root(a->buffer) != buffer_root(r->now)) return;
	r->wrong |= !a->index || buffer_offset(r->p, a->buffer, a->index) != r->at;
}

/* All points are in registers at a time. */
static bool is_one_tile(const Kernel *k)
{
	const Schedule *s = &k->schedule;
	return k->n_vars == 1 && s->vector == 0 && dim_is(k->vars[0]->extent, (int64_t)s->lanes * s->unroll);
}

static void read_kernel(const Kernel *k, Reads *r)
{
	const Index *at = r->at;
	const bool sums_first = at && is_one_tile(k);
	for (int i = 0; i < k->n_accs; i++) {
		r->at = NULL;
		if (!sums_first) expr_accesses(k->accs[i]->value, see_read, r);
		r->at = at;
		if (k->accs[i]->init) expr_accesses(k->accs[i]->init, see_read, r);
	}
	for (int i = 0; i < k->n_stores; i++) expr_accesses(k->stores[i].value, see_read, r);
}

static void read_stmt(void *user, Stmt *s) { stmt_accesses(s, see_read, user); }

static bool may_overwrite(Program *p, const Block *body, const Carry *c)
{
	Reads reads = {.p = p, .now = c->now};
	const Store *store = NULL;
	if (c->next->rank != c->now->rank ||
		memcmp(c->next->dims, c->now->dims, sizeof *c->now->dims * (size_t)c->now->rank) != 0)
		return false;
	for (int i = 0; i < body->n; i++) {
		Stmt *s = body->stmts[i];
		bool here = false;
		for (int k = 0; s->kind == ST_KERNEL && k < s->kernel->n_stores; k++)
			if (buffer_root(s->kernel->stores[k].buffer) == c->next) {
				if (store) return false;
				store = &s->kernel->stores[k];
				here = true;
			}
		if (here) {
			reads.at = buffer_offset(p, store->buffer, store->index);
			read_kernel(s->kernel, &reads);
			reads.at = NULL;
		} else if (store) {
			Block one = {1, &s};
			block_each(&one, read_stmt, &reads);
		}
	}
	return store && !reads.wrong;
}

static void overwrite(Program *p, const Block *body, int n, Carry *carries)
{
	for (int i = 0; i < n; i++)
		if (carries[i].next && may_overwrite(p, body, &carries[i])) {
			carries[i].next->alias = carries[i].now;
			carries[i].next = NULL;
		}
}

static void visit(void *user, Stmt *s)
{
	if (s->kind == ST_LOOP) overwrite(user, &s->body, s->n_carries, s->carries);
}

Program *pass_inplace(const Program *from, const Target *target)
{
	(void)target;
	Program *p = program_copy(from);
	block_each(&p->block, visit, p);
	overwrite(p, &p->block, p->n_states, p->carries);
	return p;
}
