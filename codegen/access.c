/* access.c: the memory that a kernel or another statement reads and writes.
 *
 * May these two change places, how long does an array live, does anything read it: each pass has its own question, and all of
 * them stand on this list, so a kind of statement, or a field of one that names an array, is told here and nowhere else.  What an
 * index is computed from is read like anything else, and that also where it points into constants.
 */
#include "codegen/kernel.h"

typedef struct {
	Map seen; /* Expr, Atom: once each */
	AccessVisit *visit;
	void *user;
} Walk;

static Walk walk_new(Arena *scratch, AccessVisit *visit, void *user)
{
	Walk w = {.visit = visit, .user = user};
	map_init(&w.seen, scratch);
	return w;
}

static void walk_node(void *user, const Expr *e);

static void walk_expr(Walk *w, const Expr *e)
{
	if (e) expr_each(e, &w->seen, walk_node, w);
}

static void walk_index(Walk *w, const Index *x)
{
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		if (a->kind == ATOM_VAR || map_get(&w->seen, a)) continue;
		map_put(&w->seen, a, a);
		walk_expr(w, a->expr);
		if (a->a) walk_index(w, a->a);
	}
}

static void walk_place(Walk *w, const Buffer *b, const Index *const *index, bool write)
{
	w->visit(w->user, &(Access){b, index, write});
	for (int d = 0; d < b->rank; d++) walk_index(w, index[d]);
}

static void walk_node(void *user, const Expr *e)
{
	if (e->kind == EX_INDEX) walk_index(user, e->value);
	if (e->kind == EX_LOAD) walk_place(user, e->buffer, e->index, false);
}

static void walk_kernel(Walk *w, const Kernel *k)
{
	for (int i = 0; i < k->n_accs; i++) {
		walk_expr(w, k->accs[i]->value);
		walk_expr(w, k->accs[i]->init);
	}
	walk_expr(w, k->where);
	for (int i = 0; i < k->n_stores; i++) walk_expr(w, k->stores[i].value);
	for (int i = 0; i < k->n_stores; i++) walk_place(w, k->stores[i].buffer, k->stores[i].index, true);
}

static void walk_whole(Walk *w, const Buffer *b, bool read, bool write)
{
	if (b && read) w->visit(w->user, &(Access){b, NULL, false});
	if (b && write) w->visit(w->user, &(Access){b, NULL, true});
}

void expr_accesses(const Expr *e, AccessVisit *visit, void *user)
{
	Arena *scratch = arena_new();
	Walk w = walk_new(scratch, visit, user);
	walk_expr(&w, e);
	arena_free(scratch);
}

void index_accesses(const Index *x, AccessVisit *visit, void *user)
{
	Arena *scratch = arena_new();
	Walk w = walk_new(scratch, visit, user);
	walk_index(&w, x);
	arena_free(scratch);
}

void kernel_accesses(const Kernel *k, AccessVisit *visit, void *user)
{
	Arena *scratch = arena_new();
	Walk w = walk_new(scratch, visit, user);
	walk_kernel(&w, k);
	arena_free(scratch);
}

void stmt_accesses(const Stmt *s, AccessVisit *visit, void *user)
{
	Arena *scratch = arena_new();
	Walk w = walk_new(scratch, visit, user);
	if (s->kernel) walk_kernel(&w, s->kernel);
	walk_expr(&w, s->cond);
	for (int i = 0; i < s->n_ins; i++) walk_whole(&w, s->ins[i], true, false);
	walk_whole(&w, s->out, true, true);
	walk_whole(&w, s->count, true, true);
	walk_whole(&w, s->limit, true, false);
	walk_whole(&w, s->go, true, true);
	walk_whole(&w, s->go_next, true, false);
	for (int i = 0; i < s->n_carries; i++) { /* either may be the other one's memory */
		walk_whole(&w, s->carries[i].now, true, true);
		walk_whole(&w, s->carries[i].next, true, true);
	}
	arena_free(scratch);
}

typedef struct {
	Arena *arena;
	Accesses *to;
} Gather;

static void gather_access(void *user, const Access *a)
{
	const Gather *g = user;
	Accesses *to = g->to;
	if (a->buffer->kind == BUF_CONST) return;
	to->items = arena_grow(g->arena, to->items, to->n, &to->cap, sizeof *to->items);
	to->items[to->n++] = *a;
}

void stmt_gather(Arena *arena, const Stmt *s, Accesses *to) { stmt_accesses(s, gather_access, &(Gather){arena, to}); }

/* ---- what reads what a kernel stores ---- */

bool kernel_stores(const Kernel *k, const Buffer *b)
{
	for (int i = 0; i < k->n_stores; i++)
		if (buffer_root(k->stores[i].buffer) == buffer_root(b)) return true;
	return false;
}

typedef struct {
	const Kernel *k;
	bool found;
} Stored;

static void see_stored(void *user, const Access *a)
{
	Stored *s = user;
	s->found |= !a->write && kernel_stores(s->k, a->buffer);
}

bool reads_stored(const Expr *e, const Kernel *by)
{
	Stored s = {.k = by};
	expr_accesses(e, see_stored, &s);
	return s.found;
}

bool reads_own_stores(const Kernel *k)
{
	Stored s = {.k = k};
	kernel_accesses(k, see_stored, &s);
	return s.found;
}
