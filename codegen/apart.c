/* apart.c: kernels that work for loops of both directions come apart.
 *
 * The two directions of a bidirectional layer multiply the same inputs, so fusion makes one kernel of both products.  But what
 * one direction reads first the other one reads last: made together, both are there for all steps.  Apart,
 *     for i T: { u[i] = x[i] W;  v[i] = x[i] V }  =>  for i T: u[i] = x[i] W;   for i T: v[i] = x[i] V
 * each of them can go into its own loop's chunks (chunk.c, which asks for this only where it lets a loop be cut).  What is lost
 * is that the inputs are read twice.
 *
 * Only kernels that share no operation and no sum between the two: nothing is computed twice, and each point as before.
 */
#include "codegen/emit.h"
#include "codegen/lower.h"

enum { ONWARD = 1, BACK = 2 }; /* the directions of loops that read an array */

/* ---- who reads ---- */

typedef struct {
	int *readers; /* by ids of buffers */
	int way;      /* of the loop that is walked */
} Readers;

static void note_access(void *user, const Access *a)
{
	const Readers *r = user;
	if (!a->write) r->readers[buffer_root(a->buffer)->id] |= r->way;
}

static void note_reads(void *user, Stmt *s) { stmt_accesses(s, note_access, user); }

static int way_of(const Stmt *s) { return s->kind != ST_LOOP || s->go ? 0 : s->reverse ? BACK : ONWARD; }

/* ---- two of one ---- */

typedef struct {
	Kernel *kernel;
	Map nodes;         /* of its stores: Expr, Acc -> itself */
	const Map *others; /* nodes of the other half */
	bool shares;       /* work with that */
} Half;

static void note_expr(Half *h, const Expr *e);

static void note_acc(Half *h, const Acc *a)
{
	if (map_get(&h->nodes, a)) return;
	map_put(&h->nodes, a, a);
	h->shares |= h->others && map_get(h->others, a);
	note_expr(h, a->value);
	if (a->init) note_expr(h, a->init);
}

static void note_visit(void *user, const Expr *e)
{
	Half *h = user;
	h->shares |= e->kind == EX_OP && h->others && map_get(h->others, e);
	if (e->kind == EX_ACC) note_acc(h, e->acc);
}

static void note_expr(Half *h, const Expr *e) { expr_each(e, &h->nodes, note_visit, h); }

static bool is_for_back(const Store *s, const int *readers) { return readers[buffer_root(s->buffer)->id] == BACK; }

/* The kernel with what loops that run back read, or with all else. */
static Half half_of(Program *p, const Kernel *k, const int *readers, bool back, const Map *others)
{
	Half h = {.kernel = arena_copy(p->arena, k, sizeof *k), .others = others};
	Kernel *made = h.kernel;
	map_init(&h.nodes, p->arena);
	made->n_stores = made->n_accs = 0;
	made->stores = NEWN(p->arena, Store, k->n_stores);
	made->accs = NEWN(p->arena, Acc *, k->n_accs);
	for (int i = 0; i < k->n_stores; i++) {
		if (is_for_back(&k->stores[i], readers) != back) continue;
		made->stores[made->n_stores++] = k->stores[i];
		note_expr(&h, k->stores[i].value);
	}
	for (int i = 0; i < k->n_accs; i++)
		if (map_get(&h.nodes, k->accs[i])) made->accs[made->n_accs++] = k->accs[i];
	return h;
}

static bool is_for_both(const Kernel *k, const int *readers)
{
	bool onward = false, back = false;
	for (int i = 0; i < k->n_stores; i++) {
		onward |= readers[buffer_root(k->stores[i].buffer)->id] == ONWARD;
		back |= is_for_back(&k->stores[i], readers);
	}
	return onward && back;
}

static int *readers_of(const Program *p)
{
	Readers r = {.readers = NEWN(p->arena, int, p->n_buffers)};
	for (int i = 0; i < p->block.n; i++) {
		r.way = way_of(p->block.stmts[i]);
		if (r.way) block_each(&(Block){1, &p->block.stmts[i]}, note_reads, &r);
	}
	return r.readers;
}

Program *come_apart(const Program *from)
{
	const int *readers = readers_of(from);
	bool any = false;
	for (int i = 0; i < from->block.n; i++) {
		const Kernel *k = from->block.stmts[i]->kernel;
		any |= k && is_for_both(k, readers);
	}
	if (!any) return NULL;
	Program *p = program_copy(from);
	Block to = {0};
	for (int i = 0; i < p->block.n; i++) {
		Stmt *s = p->block.stmts[i];
		block_add(p, &to, s);
		if (!s->kernel || !is_for_both(s->kernel, readers)) continue;
		const Half onward = half_of(p, s->kernel, readers, false, NULL),
			   back = half_of(p, s->kernel, readers, true, &onward.nodes);
		if (back.shares) continue;
		Stmt *second = arena_copy(p->arena, s, sizeof *s);
		s->kernel = onward.kernel;
		second->kernel = back.kernel;
		second->kernel->name = unique_name(p, s->kernel->name);
		block_add(p, &to, second);
	}
	p->block = to;
	return to.n > from->block.n ? p : NULL;
}
