/* rows.c: kernels that go through the same rows in turn take them one at a time.
 *
 * A softmax over the last of two dims is four kernels: the largest element of each row, the exponentials, their sum, the
 * quotients.  One after the other, each of them reads all rows again, from a cache that is far away or from memory, and what
 * they tell each other are arrays.  In one loop over the rows
 *     for i: { m = max(k) x[i, k] }  for i, j: e[i, j] = exp(x[i, j] - m[i])  ...
 *     =>  for i: { m = max(k) x[i, k];  for j: e[j] = exp(x[i, j] - m);  ... }
 * a row stays in the nearest cache until it is done; what only they know shrinks to one row, or to a number in a register.
 * Nothing else changes: the loops inside are as they were scheduled, each point is computed as before, and threads share the rows.
 *
 * Kernels that follow each other in one block run so if their outermost loops (around the vectors in lanes and the tiles in
 * registers) have the same extents, and whatever one of them stores and another reads or stores, they do in the same rounds of
 * these loops: some dim of the array is indexed by each loop's variable alone, in both in the same way.  The deepest such loops
 * first.  It pays where the arrays of all rows together do not fit a cache that those of one row fit.
 */
#include "codegen/emit.h"

int kernel_loops(const Kernel *k) { return k->n_vars - (k->schedule.vector >= 0) - (k->schedule.rows >= 0); }

const Var *kernel_loop(const Kernel *k, int i)
{
	for (int v = 0; v < k->n_vars; v++)
		if (v != k->schedule.vector && v != k->schedule.rows && i-- == 0) return k->vars[v];
	return NULL;
}

/* ---- the same rounds ---- */

typedef struct {
	Stmt *stmt;
	Kernel *kernel;
	Accesses accesses; /* but of constants */
} Member;
/* The coefficient of v where the index is nothing else but for a base; NULL where it is not. */
static const Dim *alone(const Index *x, const Var *v)
{
	const bool is = x->n_terms == 1 && x->terms[0].atom->kind == ATOM_VAR && x->terms[0].atom->var == v;
	return is ? x->terms[0].coef : NULL;
}

static bool same_dims(const Buffer *a, const Buffer *b)
{
	bool same = a->rank == b->rank;
	for (int i = 0; same && i < a->rank; i++) same = a->dims[i] == b->dims[i];
	return same;
}

/* Whether two rounds that touch the same element are the same one. */
static bool same_round(const Kernel *ka, const Access *a, const Kernel *kb, const Access *b, int depth)
{
	if (!same_dims(a->buffer, b->buffer)) return false;
	for (int i = 0; i < depth; i++) {
		bool found = false;
		for (int d = 0; d < a->buffer->rank && !found; d++) {
			const Dim *step = alone(a->index[d], kernel_loop(ka, i));
			found = step && step == alone(b->index[d], kernel_loop(kb, i)) &&
				a->index[d]->base == b->index[d]->base && (dim_lo(step) > 0 || dim_hi(step) < 0);
		}
		if (!found) return false;
	}
	return true;
}

/* Whether b may run between two rounds of a; meets: they touch some array both. */
static bool may_alternate(const Member *a, const Member *b, int depth, bool *meets)
{
	for (int i = 0; i < a->accesses.n; i++)
		for (int k = 0; k < b->accesses.n; k++) {
			const Access *x = &a->accesses.items[i], *y = &b->accesses.items[k];
			if (buffer_root(x->buffer) != buffer_root(y->buffer)) continue;
			*meets = true;
			if ((x->write || y->write) && !same_round(a->kernel, x, b->kernel, y, depth)) return false;
		}
	return true;
}

static bool joins(const Member *group, int n, const Member *next, int depth)
{
	const Kernel *first = group[0].kernel, *k = next->kernel;
	bool meets = false;
	if (!k || kernel_loops(k) < depth) return false;
	for (int i = 0; i < depth; i++)
		if (kernel_loop(first, i)->extent != kernel_loop(k, i)->extent) return false;
	for (int i = 0; i < n; i++)
		if (!may_alternate(&group[i], next, depth, &meets)) return false;
	return meets;
}

/* ---- does it pay? ---- */

static int nearest_cache(const TargetInfo *cpu, double bytes)
{
	return bytes <= (double)cpu->l1_bytes    ? 1
		: bytes <= (double)cpu->l2_bytes ? 2
		: bytes <= (double)cpu->l3_bytes ? 3
						 : 4;
}

typedef struct {
	int n_kernels; /* that touch it */
	bool others;   /* something else does */
	const Stmt *last;
} Uses;
typedef struct {
	Program *p;
	const Target *target;
	Uses *uses; /* by ids of buffers */
} Rows;

static Kernel **kernels_of(const Rows *r, const Member *group, int n)
{
	Kernel **kernels = NEWN(r->p->arena, Kernel *, n);
	for (int i = 0; i < n; i++) kernels[i] = group[i].kernel;
	return kernels;
}

static bool pays(const Rows *r, const Member *group, int n, int depth)
{
	const Kernel *const *kernels = (const Kernel *const *)kernels_of(r, group, n);
	const TargetInfo *cpu = r->target->cpu;
	return nearest_cache(cpu, kernels_cost(n, kernels, depth).bytes) <
		nearest_cache(cpu, kernels_cost(n, kernels, 0).bytes);
}

/* ---- what shrinks ---- */

typedef struct {
	const Rows *r;
	const Stmt *by;
} Use;

static void note_use(void *user, const Access *a)
{
	const Use *use = user;
	Uses *uses = &use->r->uses[buffer_root(a->buffer)->id];
	uses->others |= !use->by->kernel;
	uses->n_kernels += uses->last != use->by;
	uses->last = use->by;
}

static void note_stmt(void *user, Stmt *s) { stmt_accesses(s, note_use, &(Use){user, s}); }

static void note_other(const Rows *r, const Buffer *b)
{
	if (b) r->uses[buffer_root(b)->id].others = true;
}

static void note_uses(Rows *r)
{
	Program *p = r->p;
	r->uses = NEWN(p->arena, Uses, p->n_buffers);
	block_each(&p->block, note_stmt, r);
	for (int i = 0; i < p->n_states; i++) {
		note_other(r, p->carries[i].now);
		note_other(r, p->carries[i].next);
	}
	for (int i = 0; i < p->n_buffers; i++) /* what is the same memory under other dims stays */
		if (p->buffers[i]->alias) note_other(r, p->buffers[i]);
}

/* The dims of b that the group goes through round by round; NULL: none, or others use it. */
static bool *row_dims(const Rows *r, const Buffer *b, const Member *group, int n, int depth)
{
	int here = 0;
	if (b->kind != BUF_WORK || b->alias || b->viewed || !b->rank) return NULL;
	bool *row = NEWN(r->p->arena, bool, b->rank), any = false;
	for (int d = 0; d < b->rank; d++) row[d] = true;
	for (int m = 0; m < n; m++) {
		bool touches = false;
		for (int i = 0; i < group[m].accesses.n; i++) {
			const Access *a = &group[m].accesses.items[i];
			if (a->buffer != b) continue;
			touches = true;
			for (int d = 0; d < b->rank; d++) {
				bool loop = false;
				for (int v = 0; v < depth; v++)
					loop |= alone(a->index[d], kernel_loop(group[m].kernel, v)) != NULL;
				row[d] &= loop;
			}
		}
		here += touches;
	}
	for (int d = 0; d < b->rank; d++) any |= row[d];
	return any && !r->uses[b->id].others && here == r->uses[b->id].n_kernels ? row : NULL;
}

/* The group as one statement. */
static Stmt *row_by_row(Rows *r, const Member *group, int n, int depth)
{
	Stmt *rows = NEW(r->p->arena, Stmt);
	*rows = (Stmt){
		.kind = ST_ROWS, .n_shared = depth, .name = group[n - 1].kernel->name, .rank = group[0].stmt->rank};
	for (int m = 0; m < n; m++) {
		Kernel *k = group[m].kernel;
		rows->sliced |= k->schedule.parallel;
		k->schedule.parallel = false;
		block_add(r->p, &rows->body, group[m].stmt);
	}
	for (int m = 0; m < n; m++)
		for (int i = 0; i < group[m].kernel->n_stores; i++) {
			Buffer *b = group[m].kernel->stores[i].buffer;
			if (b->row) continue;
			b->row = row_dims(r, b, group, n, depth);
			b->copies = b->row && rows->sliced ? r->target->threads : 0;
		}
	Kernel **kernels = kernels_of(r, group, n);
	if (kernels_cost(n, (const Kernel *const *)kernels, 0).bytes > (double)r->target->cpu->l2_bytes)
		fetch_ahead(r->p, n, kernels, depth);
	return rows;
}

/* ---- the pass ---- */

/* Each is looked at with all before it, and where it does not pay, again from the second one on. */
enum { MOST_MEMBERS = 64 };

/* How many members from the first one on go together. */
static int group_at(const Rows *r, const Member *first, int n_left, int depth)
{
	const int most = n_left < MOST_MEMBERS ? n_left : MOST_MEMBERS;
	int n = 1;
	if (!first->kernel || kernel_loops(first->kernel) < depth) return 1;
	while (n < most && joins(first, n, &first[n], depth)) n++;
	return n > 1 && pays(r, first, n, depth) ? n : 1;
}

static void group_block(Rows *r, Block *b)
{
	Arena *arena = r->p->arena;
	Member *members = NEWN(arena, Member, b->n);
	int deepest = 0;
	for (int i = 0; i < b->n; i++) {
		Stmt *s = b->stmts[i];
		group_block(r, &s->body);
		group_block(r, &s->other);
		members[i] = (Member){.stmt = s, .kernel = s->kernel};
		if (!s->kernel) continue;
		stmt_gather(arena, s, &members[i].accesses);
		if (kernel_loops(s->kernel) > deepest) deepest = kernel_loops(s->kernel);
	}
	int n = b->n;
	for (int depth = deepest; depth > 0; depth--) {
		int to = 0;
		for (int i = 0, size; i < n; i += size) {
			size = group_at(r, &members[i], n - i, depth);
			members[to++] =
				size > 1 ? (Member){.stmt = row_by_row(r, &members[i], size, depth)} : members[i];
		}
		n = to;
	}
	if (n == b->n) return;
	*b = (Block){0};
	for (int i = 0; i < n; i++) block_add(r->p, b, members[i].stmt);
}

/* Not where schedules are tried: there each kernel is timed by itself. */
Program *pass_rows(const Program *from, const Target *target)
{
	Program *p = program_copy(from);
	Rows r = {.p = p, .target = target};
	if (!target->fuse || target->list_choices) return p;
	note_uses(&r);
	const int team = p->team;
	Block before = {team, p->block.stmts}, after = {p->block.n - team, p->block.stmts + team};
	group_block(&r, &before);
	group_block(&r, &after);
	p->block = (Block){0};
	for (int i = 0; i < before.n; i++) block_add(p, &p->block, before.stmts[i]);
	for (int i = 0; i < after.n; i++) block_add(p, &p->block, after.stmts[i]);
	p->team = before.n;
	return p;
}
